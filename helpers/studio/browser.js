// What the kernel cannot see of the page: how wide the widget stands there, and on which background. It answers the
// kernel's question whether anybody is there, speaks to screen readers, and tells them what ipywidgets leaves out.

const PAUSE = 150; // milliseconds without a change of size before it is told

function backgroundOf(element) {
  for (let e = element; e; e = e.parentElement) {
    const colour = getComputedStyle(e).backgroundColor;
    if (colour.startsWith("rgb(")) return colour; // another one lets shine through what is behind
  }
  return "rgb(255, 255, 255)";
}

function set(element, name, value) {
  if (element.getAttribute(name) !== value) element.setAttribute(name, value); // another change would be seen again
}

function describe(studio) {
  set(studio, "role", "region");
  set(studio, "aria-label", "Studio");
  for (const slider of studio.querySelectorAll(".widget-slider")) {
    const handle = slider.querySelector(".noUi-handle");
    const [label, readout] = [".widget-label", ".widget-readout"].map((part) => slider.querySelector(part));
    if (!handle || !label) continue;
    set(handle, "aria-label", label.textContent);
    if (readout) set(handle, "aria-valuetext", readout.textContent);
  }
  for (const button of studio.querySelectorAll(".widget-toggle-button"))
    set(button, "aria-pressed", String(button.classList.contains("mod-active")));
}

function render({ model, el }) {
  const spoken = document.createElement("div");
  spoken.className = "studio-spoken";
  spoken.setAttribute("role", "status");
  el.append(spoken);

  const tell = (name, value) => {
    if (value === model.get(name)) return;
    model.set(name, value);
    model.save_changes();
  };
  let waiting, studio;
  const changes = new MutationObserver(() => describe(studio));
  const look = () => {
    clearTimeout(waiting);
    waiting = setTimeout(() => {
      if (!el.clientWidth) return;
      studio = el.closest(".studio");
      if (studio) {
        describe(studio);
        changes.observe(studio, { subtree: true, childList: true, attributeFilter: ["class", "aria-valuetext"] });
      }
      tell("width", el.clientWidth);
      tell("background", backgroundOf(el));
    }, PAUSE);
  };
  const size = new ResizeObserver(look);
  size.observe(el);
  const theme = new MutationObserver(look);
  for (const root of [document.documentElement, document.body]) theme.observe(root, { attributes: true });

  const answer = () => tell("answered", model.get("asked"));
  const speak = () => (spoken.textContent = model.get("spoken"));
  model.on("change:asked", answer);
  model.on("change:spoken", speak);
  answer();
  return () => {
    clearTimeout(waiting);
    size.disconnect();
    theme.disconnect();
    changes.disconnect();
    model.off("change:asked", answer);
    model.off("change:spoken", speak);
  };
}

export default { render };

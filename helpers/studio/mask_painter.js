// A mask drawn over a picture, with the mouse, a pen or a finger. What is drawn lies in the alpha channel of a canvas
// that nobody sees: opaque is inside. At the end of each stroke it goes to the kernel as a PNG, white on black.

const SOFT = 0.15; // of the brush: over how much its edge fades

function element(name, attributes = {}, ...children) {
  const made = Object.assign(document.createElement(name), attributes);
  made.append(...children);
  return made;
}

function render({ model, el }) {
  const canvas = element("canvas", { className: "mask-canvas" });
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", model.get("alt"));
  const mask = document.createElement("canvas");
  const photograph = new Image();
  const size = element("input", { type: "range", min: 2, max: 40, value: 12, title: "Size of the brush" });
  size.setAttribute("aria-label", "brush size");
  const eraser = element("button", { type: "button", textContent: "Eraser", title: "Take away instead of adding" });
  eraser.setAttribute("aria-pressed", "false");
  const clear = element("button", { type: "button", textContent: "Clear", title: "Take everything away" });
  const tools = element("div", { className: "mask-tools" }, element("label", {}, "brush ", size), eraser, clear);
  tools.setAttribute("role", "group");
  tools.setAttribute("aria-label", model.get("alt"));
  el.classList.add("mask-painter");
  el.append(canvas, tools);
  let last = null; // where the stroke was, while one is being drawn
  let sent = null; // the mask that went to the kernel last, which comes back as a change

  function show() {
    const pen = canvas.getContext("2d");
    pen.clearRect(0, 0, canvas.width, canvas.height);
    if (photograph.naturalWidth) pen.drawImage(photograph, 0, 0);
    const layer = document.createElement("canvas");
    [layer.width, layer.height] = [canvas.width, canvas.height];
    const tint = layer.getContext("2d");
    tint.drawImage(mask, 0, 0);
    tint.globalCompositeOperation = "source-in";
    tint.fillStyle = model.get("tint");
    tint.fillRect(0, 0, layer.width, layer.height);
    pen.globalAlpha = 0.6;
    pen.drawImage(layer, 0, 0);
    pen.globalAlpha = 1;
  }

  function stroke(from, to) {
    const pen = mask.getContext("2d");
    const width = (size.valueAsNumber / 100) * Math.max(mask.width, mask.height);
    pen.globalCompositeOperation = eraser.getAttribute("aria-pressed") === "true" ? "destination-out" : "source-over";
    pen.strokeStyle = pen.shadowColor = "white";
    pen.shadowBlur = SOFT * width;
    pen.lineWidth = width;
    pen.lineCap = pen.lineJoin = "round";
    pen.beginPath();
    pen.moveTo(...from);
    pen.lineTo(...to);
    pen.stroke();
    show();
  }

  function send(mask) {
    sent = mask;
    model.set("mask", mask);
    model.save_changes();
  }

  function finish() {
    const values = mask.getContext("2d").getImageData(0, 0, mask.width, mask.height).data;
    if (!values.some((value, i) => i % 4 === 3 && value)) return send("");
    const whole = document.createElement("canvas");
    [whole.width, whole.height] = [mask.width, mask.height];
    const pen = whole.getContext("2d");
    pen.fillRect(0, 0, whole.width, whole.height);
    pen.drawImage(mask, 0, 0);
    send(whole.toDataURL("image/png"));
  }

  function place(event) {
    const box = canvas.getBoundingClientRect();
    const scale = canvas.width / box.width;
    return [(event.clientX - box.left) * scale, (event.clientY - box.top) * scale];
  }

  function takeMask() {
    const url = model.get("mask");
    if (url === sent) return;
    sent = url;
    const pen = mask.getContext("2d");
    pen.globalCompositeOperation = "source-over";
    pen.shadowBlur = 0;
    pen.clearRect(0, 0, mask.width, mask.height);
    show();
    if (!url) return;
    const stored = new Image();
    stored.onload = () => {
      if (url !== sent) return; // there is a newer one
      pen.drawImage(stored, 0, 0, mask.width, mask.height);
      const pixels = pen.getImageData(0, 0, mask.width, mask.height);
      for (let i = 0; i < pixels.data.length; i += 4) {
        pixels.data[i + 3] = pixels.data[i];
        pixels.data.fill(255, i, i + 3);
      }
      pen.putImageData(pixels, 0, 0);
      show();
    };
    stored.src = url;
  }

  function takePicture() {
    photograph.src = model.get("picture");
  }

  photograph.onload = () => {
    for (const each of [canvas, mask]) [each.width, each.height] = [photograph.naturalWidth, photograph.naturalHeight];
    sent = null;
    takeMask();
  };
  canvas.onpointerdown = (event) => {
    if (event.button || !event.isPrimary) return;
    event.preventDefault();
    canvas.setPointerCapture(event.pointerId);
    last = place(event);
    stroke(last, last);
  };
  canvas.onpointermove = (event) => {
    if (!last || !event.isPrimary) return;
    const now = place(event);
    stroke(last, now);
    last = now;
  };
  canvas.onpointerup = canvas.onpointercancel = canvas.onlostpointercapture = (event) => {
    if (!last || !event.isPrimary) return;
    last = null;
    finish();
  };
  eraser.onclick = () => eraser.setAttribute("aria-pressed", String(eraser.getAttribute("aria-pressed") !== "true"));
  clear.onclick = () => {
    mask.getContext("2d").clearRect(0, 0, mask.width, mask.height);
    show();
    send("");
  };
  model.on("change:mask", takeMask);
  model.on("change:picture", takePicture);
  takePicture();
  return () => {
    model.off("change:mask", takeMask);
    model.off("change:picture", takePicture);
  };
}

export default { render };

// Lays the cells of each slide out on pages that they fit on, and then starts reveal.js.
const HEIGHT = 720;
const FOOT = 50; // below the last block
const LEAST = 0.62; // of its height that a figure may be shrunk to, rather than go to the next page
const SMALLEST = 0.6; // scale of a block that is too large for a page of its own

const heading = block => block.querySelector(":scope > h1, :scope > h2, :scope > h3") !== null;

function blocksOf(cells) {
  const blocks = [];
  const add = (kind, ...nodes) => {
    const block = document.createElement("div");
    block.className = `block ${kind}`;
    block.append(...nodes);
    blocks.push(block);
  };
  for (const cell of cells) {
    if (cell.classList.contains("jp-MarkdownCell")) {
      for (const node of [...cell.querySelector(".jp-RenderedMarkdown").children]) {
        const images = node.matches("p") ? [...node.querySelectorAll("img:not(.math)")] : [];
        images.forEach(image => add("text", image));
        if (node.textContent.trim() || !images.length) add("text", node);
      }
    } else {
      add("code", ...cell.querySelector(".jp-InputArea-editor").querySelectorAll(".highlight"));
      for (const output of cell.querySelectorAll(".jp-OutputArea-output")) {
        if (output.innerText.trim() || output.querySelector("img, table, svg")) add("out", output);
      }
    }
  }
  return blocks;
}

function paginate(blocks, title, desk) {
  const pages = [];
  let page;
  const room = () => page.clientHeight - FOOT - (page.lastChild.offsetTop + page.lastChild.offsetHeight);
  const turn = () => {
    page = document.createElement("div");
    page.className = "page";
    desk.replaceChildren(page);
    if (pages.length && title) {
      page.insertAdjacentHTML("beforeend", `<div class="running"></div>`);
      page.firstChild.textContent = title;
    }
    pages.push(page);
  };
  const overflows = () => room() < 0;
  const shrink = image => { // rather a smaller figure than one without the code above and the words below
    if (!image) return false;
    image.dataset.whole ??= image.offsetHeight;
    const height = image.offsetHeight + room();
    if (height < LEAST * image.dataset.whole) return false;
    image.style.height = `${height}px`;
    return true;
  };
  turn();
  for (const block of blocks) {
    page.append(block);
    if (!overflows()) continue;
    if (shrink([...page.querySelectorAll("img:not(.math)")].pop())) continue;
    const before = [block];
    while (block.previousSibling && heading(block.previousSibling)) {
      before.unshift(block.previousSibling);
      block.previousSibling.remove();
    }
    if (page.querySelectorAll(".block").length > 1) {
      block.remove();
      turn();
    }
    page.append(...before);
    if (!overflows()) continue;
    const image = block.querySelector("img:not(.math)");
    if (image) image.style.height = `${image.offsetHeight + room()}px`;
    else block.style.zoom = Math.max(SMALLEST, (block.offsetHeight + room()) / block.offsetHeight - 0.005);
  }
  return pages.filter(each => each.querySelector(".block"));
}

async function start() {
  await Promise.all([...document.images].map(image => image.decode().catch(() => {})));
  const desk = document.body.appendChild(document.createElement("div"));
  desk.style.cssText = "position: absolute; left: 0; top: 0; visibility: hidden";
  for (const stack of [...document.querySelectorAll(".slides > section")]) {
    const title = stack.querySelector("h1, h2")?.firstChild.textContent ?? "";
    const leaves = [...stack.querySelectorAll(":scope > section")];
    const made = [];
    for (const leaf of leaves.length ? leaves : [stack]) {
      const notes = [...leaf.querySelectorAll("aside.notes")];
      notes.forEach(aside => aside.remove());
      const blocks = blocksOf(leaf.querySelectorAll(".jp-Cell"));
      paginate(blocks, title, desk).forEach(page => {
        const section = document.createElement("section");
        section.append(page, ...notes.map(aside => aside.cloneNode(true)));
        made.push(section);
      });
    }
    stack.replaceChildren(...made);
  }
  desk.remove();
  await Reveal.initialize({
    width: 1280, height: HEIGHT, margin: 0, center: false, hash: true, slideNumber: "c/t", transition: "none",
    plugins: [RevealNotes],
  });
  document.body.dataset.ready = "yes";
}

start();

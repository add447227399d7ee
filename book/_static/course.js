// Boxes that scroll sideways (wide tables, long equations, code) can be reached and scrolled with the keyboard.
const boxes = { ".pst-scrollable-table-container, .cell_output .text_html, .wide-table": "Table", "mjx-container": "", ".bd-article pre": "Code" };

function markBoxes() {
  for (const [selector, name] of Object.entries(boxes)) {
    for (const box of document.querySelectorAll(selector)) {
      if (box.scrollWidth <= box.clientWidth + 1) continue;
      box.tabIndex = 0;
      if (name && !box.hasAttribute("role")) {
        box.setAttribute("role", "group");
        box.setAttribute("aria-label", `${name}, scrolls sideways`);
      }
    }
  }
}

// The buttons that unfold a part in the menu say which part.
for (const part of document.querySelectorAll(".bd-sidebar-primary li.has-children")) {
  const summary = part.querySelector(":scope > details > summary");
  summary?.setAttribute("aria-label", `Pages of ${part.querySelector("a").textContent.trim()}`);
}

window.addEventListener("load", () => Promise.resolve(window.MathJax?.startup?.promise).then(markBoxes));
window.addEventListener("resize", markBoxes);

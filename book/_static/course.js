// Boxes that scroll sideways (wide tables, long equations, code) can be reached and scrolled with the keyboard.
(() => {
  const boxes = [
    [".pst-scrollable-table-container, .cell_output .text_html, .wide-table", "Table"],
    ["mjx-container", "Equation"],
    [".bd-article pre", "Code"],
  ];
  const mark = () => {
    for (const [selector, name] of boxes) {
      for (const box of document.querySelectorAll(selector)) {
        if (box.scrollWidth > box.clientWidth + 1) {
          box.tabIndex = 0;
          if (!box.hasAttribute("aria-label") && !box.matches("mjx-container")) {
            box.setAttribute("role", "group");
            box.setAttribute("aria-label", `${name}, scrolls sideways`);
          }
        } else if (box.dataset.scrolls) {
          box.removeAttribute("tabindex");
        }
      }
    }
  };
  window.addEventListener("load", () => (window.MathJax?.startup?.promise ?? Promise.resolve()).then(mark));
  window.addEventListener("resize", mark);
})();

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

// The map of chapters: point at one, or come to it with Tab, and the way to it stands out.
for (const map of document.querySelectorAll("svg.course-map")) {
  const arrows = [...map.querySelectorAll(".arrow")];
  const show = (box) => {
    const wanted = new Set(box ? [box.dataset.chapter] : []);
    for (let size = -1; size !== wanted.size;) { // all that it needs, and what that needs
      size = wanted.size;
      for (const arrow of arrows) if (wanted.has(arrow.dataset.to)) wanted.add(arrow.dataset.from);
    }
    map.classList.toggle("pointing", Boolean(box));
    for (const arrow of arrows) arrow.classList.toggle("on", wanted.has(arrow.dataset.to));
    for (const other of map.querySelectorAll("a")) other.classList.toggle("on", wanted.has(other.dataset.chapter));
  };
  for (const box of map.querySelectorAll("a")) {
    for (const event of ["mouseenter", "focus"]) box.addEventListener(event, () => show(box));
    for (const event of ["mouseleave", "blur"]) box.addEventListener(event, () => show(null));
  }
}

// What you have read: kept in this browser and nowhere else.
const READ = "course-read";
const isRead = () => new Set(JSON.parse(localStorage.getItem(READ) ?? "[]"));
const home = new URL(document.documentElement.dataset.content_root ?? "./", location.href).href;
const nameOf = (address) => address.startsWith(home) ? address.slice(home.length).replace(/[#?].*$/, "").replace(/\.html$/, "") : "";

function showRead() {
  const done = isRead();
  for (const link of document.querySelectorAll("nav.bd-links a[href], .course-map-list li > p > a:first-child, .course-map-list li > a:first-child, svg.course-map a")) {
    const address = link.href.baseVal === undefined ? link.href : new URL(link.href.baseVal, location.href).href;
    link.classList.toggle("is-read", done.has(nameOf(address)));
  }
}

const chapter = nameOf(location.href);
const page = document.querySelector("article.bd-article");
if (page && /^book\/\d_\w+\/\d\d_/.test(chapter)) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "mark-read";
  const label = () => {
    button.setAttribute("aria-pressed", isRead().has(chapter));
    button.textContent = isRead().has(chapter) ? "✓ You have read this chapter" : "Mark this chapter as read";
  };
  button.addEventListener("click", () => {
    const done = isRead();
    if (!done.delete(chapter)) done.add(chapter);
    localStorage.setItem(READ, JSON.stringify([...done]));
    label();
    showRead();
  });
  label();
  (page.querySelector("details.cite-page") ?? page.lastElementChild).before(button);
}
showRead();

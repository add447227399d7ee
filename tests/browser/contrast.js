// Text whose colour is too close to its background (WCAG 2.2, 1.4.3: 4.5 to 1; 3 to 1 for large text), each pair once.
// axe's own rule says the same, and takes ten seconds on a page with much code, where this takes a tenth of one.
() => {
  const parse = (text) => {
    const [r, g, b, a = 1] = text.match(/[\d.]+/g).map(Number);
    return text.startsWith("color(") ? [r * 255, g * 255, b * 255, a] : [r, g, b, a];
  };
  const over = (top, below) => top.slice(0, 3).map((c, i) => c * top[3] + below[i] * (1 - top[3])).concat(1);
  const light = (colour) => {
    const [r, g, b] = colour.map((c) => (c / 255 <= 0.04045 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const dark = document.documentElement.dataset.theme === "dark";
  const known = new Map();
  const behind = (element) => {
    if (!element) return dark ? [18, 18, 18, 1] : [255, 255, 255, 1];
    if (!known.has(element)) {
      const own = parse(getComputedStyle(element).backgroundColor);
      known.set(element, own[3] === 1 ? own : over(own, behind(element.parentElement)));
    }
    return known.get(element);
  };
  const hidden = (element) => !element.checkVisibility({ visibilityProperty: true, opacityProperty: true }) ||
    element.closest("[aria-hidden='true'], .visually-hidden, .sr-only, noscript, .skip-link");
  const places = [...document.querySelectorAll("mjx-container")];
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const parent = texts.currentNode.parentElement;
    if (texts.currentNode.data.trim() && !parent.closest("script, style, mjx-container, option")) places.push(parent);
  }
  const wrong = new Map();
  for (const place of new Set(places)) {
    if (hidden(place)) continue;
    const style = getComputedStyle(place), ground = behind(place);
    let colour = parse(style.color);
    for (let e = place; e; e = e.parentElement) colour = [...colour.slice(0, 3), colour[3] * Number(getComputedStyle(e).opacity)];
    const [a, b] = [light(over(colour, ground)), light(ground)];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    const size = parseFloat(style.fontSize), large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    if (ratio >= (large ? 3 : 4.5)) continue;
    const name = `${place.tagName.toLowerCase()}.${String(place.className).split(" ").join(".")}`;
    const pair = `${style.color} on rgb(${ground.slice(0, 3).map(Math.round).join(", ")})`;
    wrong.set(pair + name, `contrast ${ratio.toFixed(2)}: ${pair}: ${name} "${place.textContent.trim().slice(0, 40)}"`);
  }
  return [...wrong.values()];
}

// Evaluated in a page: returns a line for each thing that a reader would stumble over.
() => {
  const problems = [];
  const say = (what, node) => problems.push(`${what}: ${(node.outerHTML ?? node.textContent).slice(0, 120)}`);

  // contrast, as WCAG 2.2 defines it, of each visible text with what is painted behind it
  const canvas = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
  const rgba = (colour) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data].map((value) => value / 255);
  };
  const over = (top, below) => [0, 1, 2].map((i) => top[i] * top[3] + below[i] * (1 - top[3])).concat(1);
  const linear = (v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
  const luminance = ([r, g, b]) => 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
  const contrast = (a, b) => {
    const [low, high] = [luminance(a), luminance(b)].sort((x, y) => x - y);
    return (high + 0.05) / (low + 0.05);
  };
  const behind = (element) => {
    if (!element) return [1, 1, 1, 1];
    const own = rgba(getComputedStyle(element).backgroundColor);
    return own[3] === 1 ? own : over(own, behind(element.parentElement));
  };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  let seen = 0;
  while (walker.nextNode()) {
    const text = walker.currentNode;
    const element = text.parentElement;
    if (!text.textContent.trim() || element.closest("script, style")) continue;
    if (!element.checkVisibility({ opacityProperty: true, visibilityProperty: true })) continue;
    const style = getComputedStyle(element);
    const size = parseFloat(style.fontSize);
    const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    const ground = behind(element);
    const found = contrast(over(rgba(style.color), ground), ground);
    seen += 1;
    if (found < (large ? 3 : 4.5)) say(`contrast ${found.toFixed(2)} of "${text.textContent.trim().slice(0, 30)}"`, element);
  }
  if (seen < 20) problems.push(`only ${seen} texts were looked at`);

  // pictures that say nothing, and names that nothing has
  for (const image of document.querySelectorAll("img")) {
    if (!image.alt.trim()) say("no alt", image);
    if (!image.complete || !image.naturalWidth) say("not drawn", image);
  }
  for (const svg of document.querySelectorAll("svg:not([aria-hidden=true])")) {
    if (!svg.getAttribute("aria-label")) say("no label", svg);
  }
  for (const control of document.querySelectorAll("a, button, summary")) {
    if (!control.textContent.trim()) say("no name", control);
  }
  for (const element of document.querySelectorAll("[aria-labelledby]")) {
    if (!document.getElementById(element.getAttribute("aria-labelledby"))) say("label is nowhere", element);
  }
  for (const link of document.querySelectorAll("a[href^='#']")) {
    if (!document.getElementById(link.getAttribute("href").slice(1))) say("leads nowhere", link);
  }
  const ids = [...document.querySelectorAll("[id]")].map((element) => element.id);
  ids.filter((id, i) => ids.indexOf(id) !== i).forEach((id) => problems.push(`id twice: ${id}`));

  // what a screen reader walks by: landmarks, headings in order, heads of tables
  for (const name of ["header", "nav", "main", "footer", "h1"]) {
    const n = document.querySelectorAll(name).length;
    if (n !== 1) problems.push(`${n} times ${name}`);
  }
  let level = 0;
  for (const heading of document.querySelectorAll("h1, h2, h3, h4, h5, h6")) {
    const own = Number(heading.tagName[1]);
    if (own > level + 1) say(`h${own} after h${level}`, heading);
    if (!heading.textContent.trim()) say("empty heading", heading);
    level = own;
  }
  for (const table of document.querySelectorAll("table")) {
    if (!table.caption?.textContent.trim()) say("no caption", table);
    if (!table.querySelector("thead th[scope=col]") || !table.querySelector("tbody th[scope=row]")) say("no heads", table);
    const n = table.tHead.rows[0].cells.length;
    if ([...table.tBodies[0].rows].some((row) => row.cells.length !== n)) say("ragged", table);
  }
  if (!document.documentElement.lang) problems.push("no language");
  if (!document.title.trim()) problems.push("no title");

  // nothing sticks out of the page; what is wide scrolls by itself, and by keyboard
  const room = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth > room) problems.push(`the page scrolls sideways: ${document.documentElement.scrollWidth} > ${room}`);
  return problems;
}

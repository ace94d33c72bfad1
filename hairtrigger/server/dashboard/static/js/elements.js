// Elements without innerHTML: what is somebody's data only ever becomes a text node or an attribute.

const SVG = "http://www.w3.org/2000/svg";

/**
 * An element with attributes (`onclick` and the like are listeners; false and null are left out) and children.
 * @param {string} tag @param {Record<string, any>} [attributes] @param {...(Node|string|null|false)} children
 * @returns {any}
 */
export function el(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === false || value == null) continue;
    if (typeof value === "function") made.addEventListener(name.slice(2), value);
    else made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children.filter((child) => child != null && child !== false));
  return made;
}

/** An icon of the sprite. @param {string} name */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg"), use = document.createElementNS(SVG, "use");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  svg.append(use);
  setIcon(svg, name);
  return svg;
}

/** @param {SVGElement} svg @param {string} name */
export function setIcon(svg, name) {
  svg.firstElementChild?.setAttribute("href", `${document.documentElement.dataset.static}/icons.svg#${name}`);
}

/** Text that changes often: touches nothing when it is the same. @param {Element} node @param {string} text */
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** Whether a key is meant for us: no modifier, nobody is typing, and keys are on. @param {KeyboardEvent} event */
export function isPlainKey(event) {
  const target = (event.target);
  return !event.ctrlKey && !event.metaKey && !event.altKey && !target.matches("input, select, textarea")
    && document.documentElement.dataset.keys !== "off";
}

/** Call at most once in a frame. @param {() => void} work */
export function oncePerFrame(work) {
  let frame = 0;
  return () => { frame ||= requestAnimationFrame(() => { frame = 0; work(); }); };
}

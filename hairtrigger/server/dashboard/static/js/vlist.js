// A list of rows of one height of which only those in view exist. Rows are reused, and stand in the document in
// their order; one may be kept although it is out of view, so that it does not lose the focus.
import { el, oncePerFrame } from "./elements.js";

/**
 * @param {HTMLElement} view what scrolls
 * @param {{height: number, make: () => HTMLElement, fill: (row: any, place: number) => void, role?: string}} how
 */
export function virtualList(view, { height, make, fill, role = "presentation" }) {
  const space = el("div", { class: "vlist", role }), OVER = 5;
  const shown = new Map();
  const spare = [];
  let count = 0, kept = -1;
  view.append(space);

  function draw(anew = true) {
    const top = view.scrollTop, first = Math.max(0, Math.floor(top / height) - OVER);
    const last = Math.min(count, Math.ceil((top + view.clientHeight) / height) + OVER);
    const wanted = [];
    for (let place = first; place < last; place++) wanted.push(place);
    if (kept >= 0 && kept < count && (kept < first || kept >= last)) wanted[kept < first ? "unshift" : "push"](kept);
    const needed = new Set(wanted);
    for (const [place, row] of shown) {
      if (needed.has(place)) continue;
      shown.delete(place);
      row.remove();
      spare.push(row);
    }
    let before = null;
    for (const place of wanted) {
      let row = shown.get(place);
      const isNew = !row;
      if (!row) {
        row = spare.pop() ?? make();
        row.style.setProperty("transform", `translateY(${place * height}px)`);
        shown.set(place, row);
      }
      if (isNew || anew) fill(row, place);
      const next = before ? before.nextSibling : space.firstChild;
      if (next !== row) space.insertBefore(row, next);
      before = row;
    }
    spare.length = Math.min(spare.length, 20);
  }

  const soon = oncePerFrame(() => draw(false));
  const observer = new ResizeObserver(() => draw());
  view.addEventListener("scroll", soon, { passive: true });
  observer.observe(view);

  return {
    draw,
    setCount(rows) {
      if (rows !== count) space.style.setProperty("height", `${rows * height}px`);
      count = rows;
      draw();
    },
    get count() { return count; },
    keep(place) { kept = place; },
    /** Scroll as little as needed. */
    reveal(place) {
      const top = place * height, below = top + height - view.clientHeight;
      if (top < view.scrollTop) view.scrollTop = top;
      else if (below > view.scrollTop) view.scrollTop = below;
      draw(false);
    },
    row: (place) => shown.get(place),
    shown,
    /** How many rows are in view. */
    get page() { return Math.max(1, Math.floor(view.clientHeight / height) - 1); },
    destroy() {
      observer.disconnect();
      view.removeEventListener("scroll", soon);
      space.remove();
    },
  };
}

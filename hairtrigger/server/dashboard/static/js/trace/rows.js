// One row of the trace: its name in the tree, its bar in time.
import { el, icon, setIcon, setText } from "../elements.js";
import { count, duration } from "../words.js";

const ICONS = { run: "bolt", attempt: "attempt", wait: "wait", batch: "batch", db: "database", net: "globe", cache: "cache", cpu: "workers", span: "span" };
const STRIPED = ".k-wait, .k-batch", PLAIN = ".is-bad, :not(.k-attempt, .k-wait, .k-batch, .is-group)";
const MOST_DOTS = 12, GLYPH = 6.4, ROOM = 6;

/** @returns {any} */
export function makeRow() {
  const sign = icon("span"), fold = icon("chevron-right");
  const parts = {
    sign,
    twisty: el("span", { class: "twisty", "aria-hidden": "true" }, fold),
    name: el("span", { class: "name clip" }), detail: el("span", { class: "detail clip" }),
    failed: el("span", { class: "failed" }, icon("x"), el("span", { class: "unseen" }, "failed")),
    below: el("span", { class: "below" }, el("span", { class: "unseen" }, "has errors below")),
    size: el("span", { class: "size num" }),
    bar: el("span", { class: "span-bar" }), label: el("span", { class: "span-label num" }),
    dots: [], shown: null, place: -1,
  };
  const lane = el("div", { class: "trace-lane", role: "gridcell" }, parts.bar, parts.label);
  const tree = el("div", { class: "trace-name", role: "rowheader" }, parts.twisty, el("span", { class: "kind" }, sign),
    parts.name, parts.failed, parts.detail, parts.below, parts.size);
  const row = el("div", { class: "trace-row", role: "row", tabindex: "-1" }, tree, lane);
  return Object.assign(row, { parts: Object.assign(parts, { lane, tree }) });
}

/**
 * @param {any} row @param {import("./fold.js").Shown} shown
 * @param {{place: number, selected: boolean, focused: boolean, off: boolean}} how
 */
export function fillRow(row, shown, how) {
  const { parts } = row, one = shown.row, { group } = shown;
  const classes = ["trace-row", `k-${one.kind}`];
  if (one.error) classes.push("is-bad");
  if (group) classes.push("is-group");
  if (how.off) classes.push("is-off");
  row.className = classes.join(" ");
  row.tabIndex = how.focused ? 0 : -1;
  row.setAttribute("aria-level", String(shown.depth + 1));
  row.setAttribute("aria-rowindex", String(how.place + 1));
  row.setAttribute("aria-selected", String(how.selected));
  if (shown.open === null) row.removeAttribute("aria-expanded");
  else row.setAttribute("aria-expanded", String(shown.open));
  row.style.setProperty("--depth", String(shown.depth));
  setIcon(parts.sign, (ICONS)[one.kind] ?? "span");
  setText(parts.name, one.name);
  setText(parts.detail, group ? `×${group.length}` : one.detail);
  parts.tree.title = one.detail ? `${one.name} ${one.detail}` : one.name;
  parts.failed.hidden = !one.error;
  parts.below.hidden = !one.bad || shown.open === true;
  const below = group ? 0 : one.size;
  parts.size.hidden = !below || shown.open !== false;
  setText(parts.size, below ? count(below) : "");
  Object.assign(parts, { shown, place: how.place });
}

/**
 * Where the bar, its label and its dots stand; only positions and widths are touched.
 * @param {any} row @param {ReturnType<typeof import("./scale.js").createScale>} scale
 * @param {ReturnType<typeof import("./model.js").createModel>} model
 */
export function placeBar(row, scale, model) {
  const { parts } = row, { shown } = parts, one = shown.row, { group } = shown;
  const start = one.start, end = group ? Math.max(...group.map(model.endOf)) : model.endOf(one);
  const isOpen = group ? group.some((member) => member.end == null) : one.end == null;
  const left = scale.px(start), right = Math.max(scale.px(end), left + 2);
  const from = Math.max(left, -4), to = Math.min(right, scale.width + 4), isThere = to > from;
  parts.bar.hidden = parts.label.hidden = !isThere;
  parts.bar.classList.toggle("is-open", isOpen);
  placeDots(parts, one.marks, scale);
  if (!isThere) return;
  move(parts.bar, from);
  parts.bar.style.setProperty("width", `${to - from}px`);
  const text = duration(end - start);
  setText(parts.label, text);
  const wide = text.length * GLYPH + 2, inFrom = Math.max(0, from), inTo = Math.min(scale.width, to);
  const beside = inTo + ROOM + wide <= scale.width, before = inFrom - ROOM - wide >= 0, room = inTo - inFrom - wide;
  const fits = row.matches(PLAIN) ? room >= 4 * ROOM : room >= 2 * ROOM && !beside && (!before || !row.matches(STRIPED));
  parts.label.classList.toggle("is-inside", fits);
  move(parts.label, fits ? inFrom + ROOM : beside ? inTo + ROOM : Math.max(0, inFrom - ROOM - wide));
}

/** @param {any} parts @param {{at: number, error: boolean}[]} marks @param {any} scale */
function placeDots(parts, marks, scale) {
  const shown = marks.length > MOST_DOTS ? [...marks].sort((a, b) => +b.error - +a.error).slice(0, MOST_DOTS) : marks;
  while (parts.dots.length > shown.length) parts.dots.pop().remove();
  while (parts.dots.length < shown.length) parts.dots.push(parts.lane.appendChild(el("span", { class: "dot" })));
  shown.forEach((mark, place) => {
    const dot = parts.dots[place], at = scale.px(mark.at);
    dot.hidden = at < 0 || at > scale.width;
    dot.classList.toggle("is-error", mark.error);
    dot.title = mark.error ? "An error was logged" : "A warning was logged";
    move(dot, at);
  });
}

/** @param {HTMLElement} node @param {number} x */
export function move(node, x) {
  node.style.setProperty("transform", `translateX(${x.toFixed(1)}px)`);
}

// The trace of a run: a tree of what it did, a bar for each in time, a map of all. It grows while the run goes on.
import { el, icon, oncePerFrame, setText } from "./elements.js";
import { follow, readJson } from "./feed.js";
import { island } from "./islands.js";
import { spans, tell } from "./spans.js";
import { createFolds } from "./trace/fold.js";
import { createHead } from "./trace/head.js";
import { onKey } from "./trace/keys.js";
import { createModel, criticalPath, nameOf, subtree } from "./trace/model.js";
import { fillRow, makeRow, move, placeBar } from "./trace/rows.js";
import { createScale, idle, roomFor } from "./trace/scale.js";
import { virtualList } from "./vlist.js";
import { count } from "./words.js";

const ROW = 28, TICK_MS = 250, MAP_MS = 1000, TREE = "ht-tree";
/** @typedef {import("./trace/model.js").Row} Row */

/**
 * @param {HTMLElement} container
 * @param {{data?: any, url?: string, stream?: string, selected?: string, fetchMore?: (cursor: string) => Promise<any>,
 *   onSelect?: (row: Row, name: string) => void}} [options] what is left out is read from the container's data-*
 */
export function mountTrace(container, options = {}) {
  const { url = container.dataset.url, stream = container.dataset.stream, fetchMore = (cursor) => readJson(url ?? "", { after: cursor }) } = options;
  const model = createModel(), folds = createFolds(model), scale = createScale();
  let selected = options.selected ?? container.dataset.selected ?? "", focused = "", asked = "", onlyErrors = false;
  let list = [];
  let path = null;
  let gaps = [], mapAt = 0, drawn = -1, feed = null;
  /** Stretches that somebody unfolded, by their beginning. */
  const unfolded = new Set();

  const find = el("input", { type: "search", placeholder: "Find span", "aria-label": "Find span", autocomplete: "off", spellcheck: "false", oninput: search });
  const errors = el("button", { type: "button", class: "btn trace-errors", "aria-pressed": "false", onclick: toggleErrors }, icon("x"), "Errors ", el("b", { class: "num" }));
  const critical = el("button", { type: "button", class: "btn", "aria-pressed": "false", onclick: toggleCritical }, "Critical path");
  const tools = el("div", { class: "trace-tools" },
    el("label", { class: "search trace-find" }, icon("search"), find, el("kbd", { "data-mod": "" }, "⌘F")), errors, critical);
  const bar = (container.dataset.bar ? document.querySelector(container.dataset.bar) : container.querySelector("[data-slot=bar]")) ?? container.appendChild(el("div", { class: "trace-bar" }));
  bar.append(tools);
  const notice = el("p", { class: "trace-notice", role: "status", hidden: true });
  const view = el("div", { class: "trace-view", role: "treegrid", "aria-label": "Trace", onclick: click, ondblclick: fold, onkeydown: key });
  const now = el("span", { class: "now-line", hidden: true }), strips = el("div", { class: "strips" });
  const over = el("div", { class: "trace-over", "aria-hidden": "true" }, strips, now);
  const divider = el("div", { class: "trace-divider", role: "separator", tabindex: "0", "aria-orientation": "vertical", "aria-label": "Width of the tree",
    "aria-valuemin": "160", "aria-valuemax": "720", onpointerdown: dragDivider, onkeydown: keyDivider });
  const head = createHead(model, scale, { zoomed: () => draw(), unfold: (from) => { unfolded.add(from); measure(); } });
  const body = el("div", { class: "trace-body" }, view, over);
  container.append(head.element, notice, body, divider);
  container.classList.add("trace");
  setTree(Number(localStorage.getItem(TREE)) || 336);

  const rows = virtualList(view, { height: ROW, make: makeRow, fill: paint, role: "rowgroup" });
  const draw = oncePerFrame(place);
  const sizes = new ResizeObserver(() => { resize(); place(); });
  sizes.observe(view);
  view.addEventListener("wheel", wheel, { passive: false });
  document.addEventListener("keydown", findKey);
  document.addEventListener("ht:line", fromLine);
  const themes = new MutationObserver(() => head.map());
  themes.observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme"] });
  const pace = matchMedia("(prefers-reduced-motion: reduce)").matches ? 4 * TICK_MS : TICK_MS;
  const clock = setInterval(() => { if (model.live && !document.hidden) tick(); }, pace);

  if (options.data) grow(options.data);
  feed = url || options.fetchMore ? follow({ read: fetchMore, take: grow, stream, fail, from: options.data?.cursor }) : null;

  /** Take what came. */
  function grow(data) {
    const isFirst = !model.root, isOver = !data.live && model.live;
    if (!model.merge(data)) return;
    if (isFirst || isOver) folds.tell();
    if (path && model.root) path = criticalPath(model.root, model.endOf);
    errors.hidden = !model.errors;
    setText(errors.lastElementChild, count(model.errors));
    for (const told of document.querySelectorAll("[data-spans]")) setText(told, count(model.order.length));
    notice.hidden = !model.truncated;
    if (model.truncated) {
      model.live = false;
      feed?.pause();
      setText(notice, `Only the upper ${count(model.order.length)} spans are shown, and they no longer grow. A child run's own page has all of its spans.`);
    }
    measure();
    relist();
    if (isFirst) start();
    spans.find = (run, fence, span) => model.find(run, fence, span);
    tell("ht:named");
  }

  function start() {
    const row = selected ? byName(selected) : model.root;
    if (row && row !== model.root) folds.reveal(row);
    selected = focused = row?.key ?? "";
    relist();
    const cause = model.root?.error && row === model.root ? model.order.find((one) => one.error && !one.bad) : null;
    const at = placeOf((cause ?? row)?.key ?? "");
    if (at > 0) rows.reveal(at);
  }

  const byName = (name) => {
    const [run, fence, span = ""] = name.split(".");
    return fence ? model.find(run, Number(fence), span) : model.get(`${run}/run`);
  };
  const placeOf = (rowKey) => list.findIndex((one) => one.key === rowKey);

  /** How long it is, and what of that is idle. */
  function measure() {
    model.look();
    const length = model.live ? roomFor(model.now()) : model.now();
    gaps = model.root ? idle(model.order, model.now(), model.endOf).filter((gap) => !unfolded.has(gap.from)) : [];
    scale.setTotal(length, gaps);
    resize();
    head.fill();
    place();
  }

  function resize() {
    const tree = view.getBoundingClientRect().width ? head.treeWidth() : 0;
    container.style.setProperty("--bar", `${view.offsetWidth - view.clientWidth}px`);
    scale.resize(view.clientWidth - tree);
  }

  /** Which rows there are. */
  function relist() {
    const holds = asked || onlyErrors ? isWanted : null;
    folds.filter(holds);
    list = folds.list();
    if (placeOf(focused) < 0) focused = list[0]?.key ?? "";
    view.setAttribute("aria-rowcount", String(list.length));
    rows.keep(placeOf(focused));
    rows.setCount(list.length);
    head.summary(holds ? model.order.filter(isWanted).length : -1);
  }

  const isWanted = (row) => (!onlyErrors || row.error) && (!asked || `${row.name} ${row.detail}`.toLowerCase().includes(asked));

  function paint(row, at) {
    const shown = list[at];
    fillRow(row, shown, { place: at, selected: shown.key === selected, focused: shown.key === focused,
      off: path !== null && !(shown.group ? shown.group.some((one) => path?.has(one)) : path.has(shown.row)) });
    placeBar(row, scale, model);
  }

  /** Where everything stands in time. */
  function place() {
    for (const row of rows.shown.values()) placeBar(row, scale, model);
    head.ruler();
    now.hidden = !model.live;
    if (model.live) move(now, scale.px(model.now()));
    strips.replaceChildren(...scale.gaps.map((gap) => {
      const strip = el("span", { class: "strip" }), from = Math.max(0, scale.px(gap.from));
      move(strip, from);
      strip.style.setProperty("width", `${Math.max(0, Math.min(scale.width, scale.px(gap.to)) - from)}px`);
      return strip;
    }));
  }

  function tick() {
    model.look();
    if (roomFor(model.now()) > scale.total) return measure();
    const at = scale.px(model.now());
    if (Math.abs(at - drawn) < 0.5) return;
    drawn = at;
    move(now, at);
    for (const row of rows.shown.values()) if (isGrowing(row.parts.shown)) placeBar(row, scale, model);
    head.summary();
    const began = performance.now();
    if (began < mapAt) return;
    head.map();
    mapAt = began + MAP_MS + 50 * (performance.now() - began);
  }
  const isGrowing = ({ row, group }) => (group ?? [row]).some((one) => one.end == null);

  function go(at, how = { focus: true }) {
    focused = list[at]?.key ?? focused;
    rows.keep(at);
    rows.reveal(at);
    rows.draw();
    if (how.focus) rows.row(at)?.focus({ preventScroll: true });
  }

  function setFold(at, open) {
    folds.set(list[at], open);
    focused = list[at].key;
    relist();
    if (view.contains(document.activeElement)) rows.row(at)?.focus({ preventScroll: true });
  }

  function choose(row, from) {
    selected = row.key;
    rows.draw();
    const below = new Set(subtree(row, model.order)), name = nameOf(row);
    const holds = row === model.root ? null : (run, fence, span) => below.has((model.find(run, fence, span)));
    tell("ht:select", { row, name, from, holds });
    options.onSelect?.(row, name);
  }

  function select(at) { if (list[at]) { focused = list[at].key; choose(list[at].row, "trace"); } }

  const placeUnder = (event) => ((event.target).closest(".trace-row"))?.parts.place ?? -1;

  function click(event) {
    const at = placeUnder(event);
    if (at < 0) return;
    if ((event.target).closest(".twisty") && list[at].open !== null) return setFold(at, !list[at].open);
    select(at);
    go(at);
  }
  function fold(event) {
    const at = placeUnder(event);
    if (at >= 0 && list[at].open !== null && !((event.target).closest(".twisty"))) setFold(at, !list[at].open);
  }

  const does = {
    places: () => ({ at: Math.max(0, placeOf(focused)), last: list.length - 1, page: rows.page }),
    shown: (at) => list[at],
    go, fold: setFold, select,
    parent: (at) => { let up = at - 1; while (up > 0 && list[up].depth >= list[at].depth) up--; return Math.max(0, up); },
    level: (depth) => { folds.level(depth); relist(); go(Math.max(0, placeOf(focused))); },
    match: toMatch,
    zoom: (factor) => { scale.zoom(factor, scale.width / 2); draw(); head.frame(); },
    fit: () => { scale.fit(); draw(); head.frame(); },
    clear: () => { if (!find.value && !onlyErrors) return false; find.value = asked = ""; if (onlyErrors) toggleErrors(); relist(); go(Math.max(0, placeOf(focused))); return true; },
  };
  function key(event) {
    if (onKey(event, does)) { event.preventDefault(); event.stopPropagation(); }
  }

  /** The next or the last match, or error when nothing is sought. */
  function toMatch(by) {
    const holds = asked || onlyErrors ? isWanted : (row) => row.error;
    const matches = model.order.filter(holds), at = model.order.findIndex((row) => row.key === focused);
    if (!matches.length) return;
    const after = matches.findIndex((row) => model.order.indexOf(row) > at);
    const here = matches.findIndex((row) => row.key === focused);
    const next = here >= 0 ? here + by : by > 0 ? (after < 0 ? 0 : after) : (after < 0 ? matches.length : after) - 1;
    const row = matches[(next + matches.length) % matches.length];
    folds.reveal(row);
    relist();
    go(placeOf(row.key));
  }

  function search() { asked = find.value.trim().toLowerCase(); relist(); view.scrollTop = 0; }
  function toggleErrors() { onlyErrors = !onlyErrors; errors.setAttribute("aria-pressed", String(onlyErrors)); relist(); view.scrollTop = 0; }
  function toggleCritical() {
    path = path || !model.root ? null : criticalPath(model.root, model.endOf);
    critical.setAttribute("aria-pressed", String(path !== null));
    rows.draw();
  }
  function findKey(event) {
    if (event.target === find && !event.ctrlKey && !event.metaKey) {
      if (event.key === "Enter") { event.preventDefault(); toMatch(event.shiftKey ? -1 : 1); }
      if (event.key === "Escape") { event.preventDefault(); does.clear(); }
      if (event.key === "ArrowDown") { event.preventDefault(); go(Math.max(0, placeOf(focused))); }
    } else if (event.key === "f" && (event.ctrlKey || event.metaKey) && !event.shiftKey && document.activeElement !== find) {
      event.preventDefault(); // what is out of view does not exist for the browser's own search
      find.select();
    }
  }

  function wheel(event) {
    const isZoom = event.ctrlKey || event.metaKey;
    if (!isZoom && !event.shiftKey && Math.abs(event.deltaX) <= Math.abs(event.deltaY)) return;
    event.preventDefault();
    const at = event.clientX - view.getBoundingClientRect().left - head.treeWidth();
    if (isZoom) scale.zoom(Math.exp(-event.deltaY / 300), Math.min(scale.width, Math.max(0, at)));
    else scale.pan(event.deltaX || event.deltaY);
    draw();
    head.frame();
  }

  function setTree(width) {
    const most = Math.max(160, (container.clientWidth || 1e4) - 200), kept = Math.round(Math.min(most, 720, Math.max(160, width)));
    container.style.setProperty("--tree", `${kept}px`);
    divider.setAttribute("aria-valuenow", String(kept));
    localStorage.setItem(TREE, String(kept));
  }
  function resized(width) { setTree(width); resize(); head.map(); draw(); }
  function keyDivider(event) {
    const by = { ArrowLeft: -16, ArrowRight: 16 }[event.key];
    if (by) { event.preventDefault(); resized(head.treeWidth() + by); }
  }
  function dragDivider(event) {
    const left = container.getBoundingClientRect().left;
    const pull = (moved) => resized(moved.clientX - left);
    divider.setPointerCapture(event.pointerId);
    divider.addEventListener("pointermove", pull);
    divider.addEventListener("lostpointercapture", () => divider.removeEventListener("pointermove", pull), { once: true });
  }

  function fromLine(event) {
    const { run, fence, span } = event.detail, row = model.find(run, fence, span);
    if (!row) return;
    folds.reveal(row);
    focused = row.key;
    relist();
    choose(row, "log");
    go(Math.max(0, placeOf(row.key)), { focus: false });
  }

  function fail(error) {
    if (model.root) return;
    notice.hidden = false;
    setText(notice, `The trace could not be read. ${error.message}`);
  }

  return {
    grow, model,
    select(name) { const row = byName(name); if (row) { folds.reveal(row); relist(); choose(row, "page"); go(placeOf(row.key), { focus: false }); } },
    destroy() {
      feed?.stop();
      clearInterval(clock);
      sizes.disconnect();
      themes.disconnect();
      rows.destroy();
      tools.remove();
      document.removeEventListener("keydown", findKey);
      document.removeEventListener("ht:line", fromLine);
      spans.find = () => undefined;
    },
  };
}

island("trace", (element) => mountTrace(element));

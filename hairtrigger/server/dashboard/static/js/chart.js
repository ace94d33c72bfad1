// Charts over time: stacked counts, or times on a logarithmic axis. A drag chooses a range, a double click goes back;
// charts with the same `sync` share one cursor. What they draw stands in `data-chart` (charts.py): when that changes,
// so does the drawing.
import { el, oncePerFrame, setText } from "./elements.js";
import { island } from "./islands.js";
import { go } from "./table.js";
import { count, duration, shown } from "./words.js";
import uPlot from "../vendor/uplot.js";

const DAY = 86400000, LEAST_MS = 0.5, GAP = 0.28;
const MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(" ");
/** Where a logarithmic axis of times has lines, in ms. */
const TIMES = [[1, "1 ms"], [10, "10 ms"], [100, "100 ms"], [1e3, "1 s"], [1e4, "10 s"], [6e4, "1 min"], [6e5, "10 min"], [36e5, "1 h"],
  [36e6, "10 h"], [864e5, "1 d"], [864e6, "10 d"]];

/** Steps of an axis that counts. */
const WHOLE = [...Array(9)].flatMap((_, n) => [1, 2, 5].map((step) => step * 10 ** n));

const style = el("link", { rel: "stylesheet", href: new URL("../vendor/uplot.css", import.meta.url).href });
const styled = new Promise((done) => { style.onload = style.onerror = done; });
document.head.append(style);
await Promise.all([styled, document.fonts.ready]);

const two = (/** @type {number} */ n) => String(n).padStart(2, "0");
const day = (/** @type {Date} */ d) => `${d.getUTCDate()} ${MONTHS[d.getUTCMonth()]}`;
const hour = (/** @type {Date} */ d) => `${two(d.getUTCHours())}:${two(d.getUTCMinutes())}`;
/** A date whose own parts are those that the reader wants to see, which uPlot cuts the axis by. @param {number} ms */
const local = (ms) => { const d = shown(ms); return new Date(+d + d.getTimezoneOffset() * 60000); };
const token = (/** @type {string} */ name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const font = () => `10.5px ${token("--font-sans")}`;

/** What the server wrote. @param {HTMLElement} root */
const read = (root) => JSON.parse(root.dataset.chart ?? "null");

/** The x of every column, in ms: its middle. @param {any} data */
const middles = (data) => data.series[0].values.map((/** @type {any} */ _, /** @type {number} */ n) => data.start + (n + 0.5) * data.column);

/** Rows for uPlot. Layers of a stack are drawn from the highest, each down to the ground. @param {any} data @param {Set<string>} off */
function rows(data, off) {
  if (data.kind === "lines") return [middles(data), ...data.series.map((/** @type {any} */ s) => s.values.map((/** @type {any} */ v) => (v == null ? null : Math.max(v, LEAST_MS))))];
  let below = new Array(data.series[0].values.length).fill(0);
  const layers = data.series.map((/** @type {any} */ s) => {
    if (!off.has(s.name)) below = below.map((/** @type {number} */ v, /** @type {number} */ n) => v + (s.values[n] ?? 0) / data.per);
    return below;
  });
  return [middles(data), ...layers.reverse()];
}

/** @param {any} data */
function seriesOf(data) {
  if (data.kind === "stack") {
    const paths = uPlot.paths.bars({ size: [1 - GAP, 60], radius: 0.08 });
    return [...data.series].reverse().map((s) => ({ label: s.name, fill: token(`--fill-${s.colour}`), width: 0, paths, points: { show: false } }));
  }
  const alone = (/** @type {any} */ u, /** @type {number} */ n) => { // what no line would show
    const v = u.data[n], found = [];
    for (let i = 0; i < v.length; i++) if (v[i] != null && v[i - 1] == null && v[i + 1] == null) found.push(i);
    return found;
  };
  return data.series.map((/** @type {any} */ s, /** @type {number} */ n) => ({
    label: s.name, stroke: token(`--fill-${s.colour}`), width: 1.5, spanGaps: false,
    fill: n === 0 ? token(`--${s.colour}-soft`) || undefined : undefined, fillTo: (/** @type {any} */ u) => u.scales.y.min,
    points: { show: true, size: 4, filter: alone, fill: token(`--fill-${s.colour}`) },
  }));
}

/** @param {any} data @returns {any} */
function axes(data) {
  const long = data.column * data.series[0].values.length > 2 * DAY, grid = { stroke: token("--line-1"), width: 1 };
  const look = { stroke: token("--fg-3"), font: font(), ticks: { show: false }, border: { show: false } };
  return [
    { ...look, grid: { show: false }, size: 24, gap: 6, space: long ? 64 : 58,
      values: (/** @type {any} */ u, /** @type {number[]} */ at) => at.map((ms) => {
        const d = shown(ms), { min, max } = u.scales.x, x = ((ms - min) / (max - min)) * (u.width - 50), text = long && !d.getUTCHours() ? day(d) : hour(d);
        return x < 12 || x > u.width - 66 ? "" : text; // what does not fit would be cut off
      }) },
    { ...look, grid, gap: 6, size: (/** @type {any} */ u, /** @type {string[]} */ texts) => 14 + Math.max(12, ...(texts ?? []).map((text) => measure(u.ctx, text))),
      ...(data.kind === "stack"
        ? { space: 34, ...(data.per === 1 ? { incrs: WHOLE } : {}), values: (/** @type {any} */ _, /** @type {number[]} */ v) => v.map((one) => (one >= 100000 ? count(one) : String(+one.toFixed(2)))) }
        : { splits: (/** @type {any} */ u) => thin(TIMES.map(([ms]) => ms).filter((ms) => ms >= u.scales.y.min && ms <= u.scales.y.max), 5),
          values: (/** @type {any} */ _, /** @type {number[]} */ v) => v.map((one) => TIMES.find(([ms]) => ms === one)?.[1] ?? ""), filter: (/** @type {any} */ _, /** @type {any} */ v) => v }) },
  ];
}

/** Every n-th, so that at most `most` are left. @template T @param {T[]} all @param {number} most */
const thin = (all, most) => all.filter((_, n) => n % Math.ceil(all.length / most) === 0);

/** @param {CanvasRenderingContext2D} ctx @param {string} text */
function measure(ctx, text) {
  ctx.save();
  ctx.font = font();
  const { width } = ctx.measureText(text);
  ctx.restore();
  return width;
}

/** Where the y axis begins and ends. @param {any} data @param {number|null} min @param {number|null} max @returns {[number, number]} */
function spanOf(data, min, max) {
  if (data.kind === "stack") return [0, Math.max(max ?? 0, data.per === 1 ? 4 : 0.4) * (data.marks.length ? 1.16 : 1.06)];
  const low = min ?? 100, high = max ?? 1e4;
  return [low / 1.7, Math.max(high * 1.7, (low / 1.7) * 30)];
}

/** Versions that came, and the column that is not over yet. @param {any} u @param {any} data */
function drawMarks(u, data) {
  const { ctx, bbox } = u, dpr = devicePixelRatio, end = data.start + data.column * data.series[0].values.length;
  ctx.save();
  if (data.kind === "stack" && data.now < end && data.now > end - data.column) {
    ctx.globalAlpha = 0.45;
    ctx.fillStyle = token("--bg-1");
    const x = u.valToPos(end - data.column, "x", true);
    ctx.fillRect(x, bbox.top, bbox.left + bbox.width - x, bbox.height);
    ctx.globalAlpha = 1;
  }
  ctx.strokeStyle = token("--line-4");
  ctx.fillStyle = token("--fg-3");
  ctx.font = font().replace("10.5", String(10 * dpr));
  ctx.textAlign = "left";
  ctx.setLineDash([2 * dpr, 3 * dpr]);
  ctx.lineWidth = dpr;
  let free = bbox.left + bbox.width; // up to where nothing is written yet, from the right
  for (const [at, name] of [...data.marks].reverse()) {
    const x = Math.round(u.valToPos(at, "x", true)) + dpr / 2;
    ctx.beginPath();
    ctx.moveTo(x, bbox.top);
    ctx.lineTo(x, bbox.top + bbox.height);
    ctx.stroke();
    if (x + ctx.measureText(name).width + 10 * dpr <= free) ctx.fillText(name, x + 4 * dpr, bbox.top + 9 * dpr);
    free = x;
  }
  ctx.restore();
}

/** What stands at the cursor, in words. @param {any} data @param {number} n @param {Set<string>} off @param {HTMLElement} box */
function tell(data, n, off, box) {
  const from = shown(data.start + n * data.column), to = shown(data.start + (n + 1) * data.column);
  const when = data.column >= DAY ? day(from) : `${data.column * data.series[0].values.length > DAY ? day(from) + " " : ""}${hour(from)} – ${hour(to)}`;
  const lines = data.series.filter((/** @type {any} */ s) => !off.has(s.name)).map((/** @type {any} */ s) => {
    const v = s.values[n], text = v == null ? "–" : data.kind === "stack" ? v.toLocaleString("en-US") : duration(v);
    return el("p", {}, swatch(s.colour), el("span", {}, s.name), el("b", {}, text));
  });
  box.replaceChildren(el("p", { class: "when" }, when), ...(data.kind === "stack" ? lines.reverse() : lines));
}

/** @param {string} colour */
function swatch(colour) {
  const made = el("i");
  made.style.setProperty("background", `var(--fill-${colour})`);
  return made;
}

/** @param {HTMLElement} root */
function mount(root) {
  const tip = el("div", { class: "chart-tip", hidden: true }), figure = root.closest("figure") ?? root;
  /** @type {Set<string>} */
  const off = new Set();
  let data = read(root), theme = document.documentElement.dataset.theme;
  /** @type {any} */
  let u = null;

  const size = () => ({ width: Math.max(root.clientWidth, 60), height: Math.max(root.clientHeight, 60) });
  const shape = () => JSON.stringify([data.kind, data.series.map((/** @type {any} */ s) => s.name)]);

  function build() {
    u?.destroy();
    root.replaceChildren();
    u = new uPlot({
      ...size(), ms: 1, tzDate: local, legend: { show: false }, padding: [10, 2, 0, 0], axes: axes(data),
      scales: {
        x: { time: true, range: () => [data.start, data.start + data.column * data.series[0].values.length] },
        y: { distr: data.kind === "lines" ? 3 : 1, range: (/** @type {any} */ _, /** @type {any} */ min, /** @type {any} */ max) => spanOf(data, min, max) },
      },
      series: [{}, ...seriesOf(data)],
      cursor: {
        y: false, drag: { x: true, y: false, setScale: false }, points: { show: data.kind === "lines", size: 6 },
        sync: { key: data.sync, setSeries: false, filters: { pub: (/** @type {string} */ what) => what === "mousemove" || what === "mouseleave" } },
        bind: { dblclick: () => () => { if (/[?&](from|to)=/.test(location.search)) go({ from: null, to: null }); return null; } },
      },
      hooks: { setCursor: [point], setSelect: [choose], draw: [() => u && drawMarks(u, data)], ready: [(/** @type {any} */ made) => made.over.append(tip)] },
    }, rows(data, off), root);
    toggle();
    u.redraw();
  }

  function point(/** @type {any} */ made) {
    const { idx, left, event } = made.cursor;
    const shown = idx != null && left >= 0 && event != null && event.type === "mousemove";
    tip.hidden = !shown;
    if (!shown) return;
    tell(data, idx, off, tip);
    const wide = tip.offsetWidth, room = made.over.clientWidth;
    tip.style.setProperty("left", `${left + 14 + wide > room ? Math.max(left - wide - 14, 0) : left + 14}px`);
  }

  function choose(/** @type {any} */ made) {
    const { left, width } = made.select;
    if (width < 4) return;
    made.setSelect({ left: 0, width: 0, top: 0, height: 0 }, false);
    const n = (/** @type {number} */ x) => Math.floor((made.posToVal(x, "x") - data.start) / data.column), last = data.series[0].values.length - 1;
    const from = data.start + Math.max(n(left), 0) * data.column, to = data.start + (Math.min(n(left + width), last) + 1) * data.column;
    go({ from: String(from), to: String(to), period: null });
  }

  /** The legend shows or hides its series. */
  function toggle() {
    for (const button of figure.querySelectorAll("[data-series]")) {
      button.setAttribute("aria-pressed", String(!off.has(/** @type {HTMLElement} */ (button).dataset.series ?? "")));
    }
    if (data.kind === "lines") data.series.forEach((/** @type {any} */ s, /** @type {number} */ n) => u.setSeries(n + 1, { show: !off.has(s.name) }));
  }

  function click(/** @type {Event} */ event) {
    const button = /** @type {HTMLElement|null} */ (/** @type {Element} */ (event.target).closest("[data-series]"));
    if (!button) return;
    const name = button.dataset.series ?? "";
    if (!off.delete(name)) off.add(name);
    u.setData(rows(data, off));
    toggle();
  }

  function change() {
    const before = shape();
    data = read(root);
    if (!data) return;
    if (shape() !== before) { build(); return; }
    u.setData(rows(data, off));
    toggle();
  }

  const fit = oncePerFrame(() => { const now = size(); if (now.width !== u.width || now.height !== u.height) u.setSize(now); });
  const recolour = () => { if (theme !== document.documentElement.dataset.theme) { theme = document.documentElement.dataset.theme; build(); } };
  const watch = new MutationObserver(change), sized = new ResizeObserver(fit), themed = new MutationObserver(recolour);
  build();
  watch.observe(root, { attributeFilter: ["data-chart"] });
  themed.observe(document.documentElement, { attributeFilter: ["data-theme"] });
  document.addEventListener("ht:theme", recolour);
  document.addEventListener("ht:refreshed", toggle);
  sized.observe(root);
  figure.addEventListener("click", click);
  return {
    destroy() {
      watch.disconnect();
      themed.disconnect();
      sized.disconnect();
      document.removeEventListener("ht:theme", recolour);
      document.removeEventListener("ht:refreshed", toggle);
      figure.removeEventListener("click", click);
      u.destroy();
    },
  };
}

island("chart", mount);

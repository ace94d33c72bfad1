// Lists: moving, selecting, opening; new rows that wait for a list which somebody is looking at; the histogram.
import { isTyping, say } from "./app.js";
import { refresh } from "./live.js";
import { post } from "./post.js";
import { count, rate as perS } from "./words.js";

const $ = (selector, of = document) => of.querySelector(selector);
const rows = () => [...document.querySelectorAll("[data-list] tr[data-id]")];
const picked = new Set();
let here = null, last = null, waiting = { n: 0, since: 0 }, held = null;

// moving
document.addEventListener("keydown", (event) => {
  if (!$("[data-list]") || localStorage.getItem("ht-keys") === "off" || event.metaKey || event.ctrlKey || event.altKey || isTyping(event) || $("dialog[open]")) {
    if ((event.metaKey || event.ctrlKey) && event.key === "a" && $("[data-list] [data-all]") && !isTyping(event)) { event.preventDefault(); pickAll(true); }
    return;
  }
  const by = { j: 1, ArrowDown: 1, k: -1, ArrowUp: -1 }[event.shiftKey ? event.key.replace(/^[JK]$/, (key) => key.toLowerCase()) : event.key];
  if (by) { event.preventDefault(); move(by, event.shiftKey); return; }
  const row = current();
  if (!row) return;
  if (event.key === "Enter" && !event.target.closest("a, button")) { event.preventDefault(); $("a.name", row)?.click(); }
  if (event.key === "x") pick(row, !picked.has(row.dataset.id));
  if (event.key === "y") navigator.clipboard.writeText(row.dataset.id).then(() => say("Copied."));
  if (event.key === " ") { event.preventDefault(); peek(row); }
  if (event.key === "." && held) take();
  $(`[data-row-key="${CSS.escape(event.key)}"]`, row)?.click(); // what can be done with one row
});

const current = () => (here ? document.getElementById(here) : null);

function move(by, extend) {
  const all = rows();
  if (!all.length) return;
  const from = all.findIndex((row) => row.id === here);
  const to = all[Math.min(Math.max(from < 0 ? (by > 0 ? 0 : all.length - 1) : from + by, 0), all.length - 1)];
  set(to);
  if (extend) pick(to, true);
  to.scrollIntoView({ block: "nearest" });
  if ($(".peek")) peek(to);
}

function set(row) {
  current()?.classList.remove("is-here");
  here = row.id;
  row.classList.add("is-here");
}

// selecting
document.addEventListener("change", (event) => {
  const box = event.target;
  if (box.matches("[data-all]")) { pickAll(box.checked); return; }
  const row = box.closest("tr[data-id]");
  if (row && box.matches(".check")) pick(row, box.checked);
});
document.addEventListener("click", (event) => {
  const box = event.target.closest("tr[data-id] .check");
  if (box && event.shiftKey && last) {
    const all = rows(), ends = [all.findIndex((row) => row.id === last), all.indexOf(box.closest("tr"))].sort((a, b) => a - b);
    for (const row of all.slice(ends[0], ends[1] + 1)) pick(row, box.checked);
  }
  const deed = event.target.closest("[data-do]")?.dataset.do;
  if (deed) act(deed);
  if (event.target.closest("[data-take]")) take();
  const term = event.target.closest("[data-term]");
  if (term) {
    const input = $("#main .search input");
    term.closest("[popover]").hidePopover();
    input.value = `${input.value.trim()} ${term.dataset.term}`.trim();
    input.focus();
  }
});
document.addEventListener("dblclick", (event) => {
  const row = event.target.closest("tr[data-id]");
  if (row && !event.target.closest("a, button, input")) $("a.name", row)?.click();
});
document.addEventListener("ht:escape", () => { if (picked.size) act("clear"); else $(".peek")?.remove(); });

function pick(row, on) {
  if (on) picked.add(row.dataset.id); else picked.delete(row.dataset.id);
  last = row.id;
  show();
}

function pickAll(on) {
  for (const row of rows()) if (on) picked.add(row.dataset.id); else picked.delete(row.dataset.id);
  show();
}

function show() {
  const all = rows();
  for (const row of all) {
    const on = picked.has(row.dataset.id), box = $(".check", row);
    row.setAttribute("aria-selected", String(on));
    if (box) box.checked = on;
    row.classList.toggle("is-here", row.id === here);
  }
  const head = $("[data-all]");
  if (head) {
    const n = all.filter((row) => picked.has(row.dataset.id)).length;
    head.checked = n > 0 && n === all.length;
    head.indeterminate = n > 0 && n < all.length;
  }
  const bar = $("[data-bulk]");
  if (bar) {
    bar.hidden = !picked.size;
    $("[data-text=selected]", bar).textContent = `${count(picked.size)} selected`;
    const link = $("[data-text=all]", bar), more = $("#main .pages a");
    if (link) link.hidden = !more || !all.length || !all.every((row) => picked.has(row.dataset.id));
  }
}

async function act(deed) {
  const base = document.body.dataset.base;
  if (deed === "clear") { picked.clear(); show(); return; }
  if (deed === "copy") { await navigator.clipboard.writeText([...picked].join("\n")); say(`Copied ${count(picked.size)} ids.`); return; }
  const body = new URLSearchParams([...picked].map((id) => ["id", id]));
  const { ok, told } = await post(`${base}/runs/${deed}`, body);
  say(ok ? told.said : told.error, { bad: !ok });
  if (ok) { picked.clear(); show(); refresh(true); }
}

// all of a list, in the background, with a moment to think again
document.addEventListener("submit", async (event) => {
  if (!event.target.matches("[data-bulk-all]")) return;
  event.preventDefault();
  const form = event.target, body = new URLSearchParams(new FormData(form, event.submitter));
  const { ok, told } = await post(form.getAttribute("action"), body);
  form.closest("dialog").close();
  if (!ok) { say(told.error, { bad: true }); return; }
  picked.clear();
  show();
  const undo = async () => {
    const undone = await post(`${told.href}/abort`);
    say(undone.ok ? undone.told.said : "It was too late to undo it.", { bad: !undone.ok });
  };
  say(told.said, { undo, ms: 5000 });
  setTimeout(() => say("How far it is:", { link: told.href }), 5200);
});

// a look from the side
async function peek(row) {
  const open = $(".peek");
  if (open?.dataset.of === row.dataset.id) { open.remove(); return; }
  const answer = await fetch(`${row.dataset.href}/peek`, { headers: { Accept: "text/html" } });
  if (!answer.ok) return;
  const made = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector(".peek");
  if (!made) return;
  $(".peek")?.remove();
  $(".surface").append(document.importNode(made, true));
  window.htmx.process($(".peek"));
  document.dispatchEvent(new CustomEvent("ht:refreshed"));
}

// What is known is kept up to date; new rows come in only where nobody is at work.
const MANY_PER_S = 20, FEW = 10;
document.addEventListener("ht:part", (event) => {
  const part = event.target;
  if (part.dataset.part !== "rows" || !$("tr[data-id]", part)) return;
  const before = new Set(rows().map((row) => row.id)), fresh = [...event.detail.fresh.querySelectorAll("tr[data-id]")];
  const added = fresh.filter((row) => !before.has(row.id));
  if (!added.length) { waiting = { n: 0, since: performance.now() }; return; }
  const rate = added.length / Math.max((performance.now() - waiting.since) / 1000, 1);
  const free = part.closest(".scroll").scrollTop < 4 && !part.matches(":hover") && !picked.size && !$("[popover]:popover-open, dialog[open], .peek") && rate < MANY_PER_S && part.dataset.first === "true";
  waiting.since = performance.now();
  if (free) {
    if (added.length <= FEW) for (const row of added) row.classList.add("is-new");
    held = null;
    return;
  }
  event.preventDefault(); // only what is there is brought up to date
  held = event.detail.fresh;
  waiting.n += added.length;
  for (const row of fresh) {
    const old = document.getElementById(row.id);
    if (old && old.outerHTML !== row.outerHTML) window.htmx.swap({ text: row.outerHTML, target: old, swap: "outerMorph", sourceElement: old });
  }
  pill(rate);
});

function pill(rate) {
  const list = $("[data-list]");
  let el = $(".pill", list.parentElement);
  if (!el) {
    el = document.createElement("button");
    el.type = "button";
    el.className = "pill";
    el.dataset.take = "";
    list.before(el);
  }
  const one = $("[data-part=rows]")?.dataset.one ?? "run", text = `↑ ${count(waiting.n)} new ${waiting.n === 1 ? one : one + "s"}${rate > MANY_PER_S ? ` · ${perS(rate)}` : ""}`;
  if (el.textContent !== text) el.textContent = text;
}

function take() {
  const part = $("[data-part=rows]");
  if (!held || !part) return;
  part.keptHtml = null;
  const made = held;
  held = null;
  waiting = { n: 0, since: performance.now() };
  $(".pill")?.remove();
  part.closest(".scroll").scrollTop = 0;
  window.htmx.swap({ text: made.outerHTML, target: part, swap: "outerMorph", sourceElement: part });
}
document.addEventListener("htmx:after:swap", show); // what a morph made of the rows knows nothing of the cursor
document.addEventListener("ht:arrived", () => { // what is not there any more can be neither acted on nor gone on from
  const there = new Set(rows().map((row) => row.dataset.id));
  for (const id of picked) if (!there.has(id)) picked.delete(id);
  if (!current()) here = null;
  held = null;
  show();
  waiting = { n: 0, since: performance.now() };
  $(".peek")?.remove();
});

// From a run to the next one of the list that one came from.
const KEPT = "ht-list";
function steps() {
  const all = rows();
  if ($("[data-list=runs]") && all.length) { sessionStorage.setItem(KEPT, JSON.stringify(all.map((row) => row.dataset.href))); return; }
  const list = JSON.parse(sessionStorage.getItem(KEPT) ?? "[]"), at = list.indexOf(location.pathname);
  for (const button of document.querySelectorAll("[data-step]")) {
    const there = at < 0 ? undefined : list[at + Number(button.dataset.step)];
    button.hidden = !there;
    button.dataset.there = there ?? "";
  }
}
document.addEventListener("ht:refreshed", steps);
document.addEventListener("htmx:after:swap", steps);
document.addEventListener("click", (event) => {
  const there = event.target.closest("[data-step]")?.dataset.there;
  if (there) visit(there);
});
steps();

// the histogram: drag to look closer, double-click to look at all again
let drag = null;
document.addEventListener("pointerdown", (event) => {
  const plot = event.target.closest("[data-histogram] .plot");
  if (!plot || event.button) return;
  const box = plot.getBoundingClientRect(), brush = document.createElement("div");
  brush.className = "brush";
  drag = { plot, box, from: event.clientX, brush, figure: plot.closest("[data-histogram]") };
});
document.addEventListener("pointermove", (event) => {
  if (!drag || Math.abs(event.clientX - drag.from) < 4) return;
  if (!drag.brush.isConnected) drag.plot.append(drag.brush);
  const [a, b] = ends(event);
  drag.brush.style.setProperty("left", `${a}px`);
  drag.brush.style.setProperty("width", `${b - a}px`);
});
document.addEventListener("pointerup", (event) => {
  if (!drag) return;
  const { brush, box, figure } = drag, [a, b] = ends(event), moved = brush.isConnected;
  brush.remove();
  drag = null;
  if (!moved) return;
  const columns = figure.querySelectorAll("g[data-n]").length, start = Number(figure.dataset.start), wide = Number(figure.dataset.column);
  const at = (x) => start + Math.floor((x / box.width) * columns) * wide;
  go({ from: at(a), to: at(b) + wide, period: null, cursor: null, before: null });
});
document.addEventListener("dblclick", (event) => {
  if (event.target.closest("[data-histogram]") && /[?&](from|to)=/.test(location.search)) go({ from: null, to: null, cursor: null, before: null });
});
const ends = (event) => {
  const x = (at) => Math.min(Math.max(at - drag.box.left, 0), drag.box.width);
  return [x(drag.from), x(event.clientX)].sort((one, other) => one - other);
};

/** Show this page with another query. */
export function go(changed) {
  const url = new URL(location.href);
  for (const [name, value] of Object.entries(changed)) if (value === null) url.searchParams.delete(name); else url.searchParams.set(name, value);
  visit(url.pathname + url.search);
}

/** Go to a page as a click on a link would. @param {string} path */
export function visit(path) {
  const link = document.createElement("a");
  link.href = path;
  link.hidden = true;
  document.body.append(link);
  window.htmx.process(link);
  link.click();
  link.remove();
}

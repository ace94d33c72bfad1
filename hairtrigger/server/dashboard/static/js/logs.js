// The log of a run and its descendants: every line in the order of time, at its end while it grows.
import { el, icon, isPlainKey, setText } from "./elements.js";
import { follow, readJson } from "./feed.js";
import { island } from "./islands.js";
import { details, merge, rank, read, textOf, written } from "./logs/lines.js";
import { fillLine, makeLine } from "./logs/rows.js";
import { spans, tell } from "./spans.js";
import { virtualList } from "./vlist.js";
import { count } from "./words.js";

const ROW = 22, OURS = 20_000, MOST = 100_000, TYPING_MS = 150;
const LEVELS = [["", "all"], ["info", "info and above"], ["warn", "warnings"], ["error", "errors"]];
const NAMES = ["debug", "log", "info", "warn", "error"];
/** @typedef {import("./logs/lines.js").Line} Line */

/**
 * @param {HTMLElement} container
 * @param {{url?: string, stream?: string, fetchMore?: (cursor: string, query: Record<string, string>) => Promise<any>}} [options]
 */
export function mountLogs(container, options = {}) {
  const { url = container.dataset.url ?? "", stream = container.dataset.stream, fetchMore = (cursor, query) => readJson(url, { after: cursor, ...query }) } = options;
  let lines = [];
  let list = [];
  let start = 0, live = false, following = true, fresh = 0, text = "", level = "", typing = 0, isPartial = false, isCut = false, looked = 0;
  /** The filters that the server applies, when there are too many lines for us. */
  let query = {};
  let chosen = null;
  let current = null;
  let lastKey = "";

  const total = el("b", { class: "num" }), dropSpan = el("button", { type: "button", class: "chip log-span-chip", onclick: () => choose(null) }, "Span ", el("b", { class: "clip" }, "any"));
  const levels = el("select", { "aria-label": "Level", onchange: () => { level = levels.value; ask(); } }, ...LEVELS.map(([value, name]) => el("option", { value }, name)));
  const filter = el("input", { type: "search", placeholder: "Filter logs", "aria-label": "Filter logs", autocomplete: "off", spellcheck: "false", oninput: type });
  const pill = el("button", { type: "button", class: "btn is-round log-follow", "aria-pressed": "true", onclick: toEnd }, el("span", { class: "log-dot" }), el("span", {}, "Following"));
  const menuId = `log-menu-${Math.random().toString(36).slice(2, 8)}`;
  const aloud = el("input", { type: "checkbox", class: "check", onchange: () => heard.setAttribute("aria-live", aloud.checked ? "polite" : "off") });
  const menu = el("div", { id: menuId, popover: "", class: "menu" },
    el("button", { type: "button", onclick: () => save("ndjson") }, icon("download"), "Download as NDJSON"),
    el("button", { type: "button", onclick: () => save("txt") }, icon("download"), "Download as text"),
    el("label", {}, aloud, "Read new lines aloud"));
  const bar = el("div", { class: "log-bar" }, el("h2", { class: "log-title" }, "Logs ", total),
    el("label", { class: "chip" }, "Level ", levels), dropSpan,
    el("label", { class: "search log-filter" }, icon("search"), filter), pill,
    el("button", { type: "button", class: "btn is-bare is-icon", popovertarget: menuId, "aria-label": "More" }, icon("more")), menu);
  const view = el("div", { class: "log-view", role: "log", "aria-live": "off", "aria-label": "Log lines", tabindex: "0", onclick: click, onkeydown: key });
  const note = el("p", { class: "log-note", role: "status", hidden: true }), heard = el("div", { class: "unseen", "aria-live": "off" });
  container.append(bar, note, view, heard);
  container.classList.add("logs");

  const rows = virtualList(view, { height: ROW, make: makeLine, fill: paint });
  view.addEventListener("scroll", scrolled, { passive: true });
  document.addEventListener("ht:named", named);
  document.addEventListener("ht:select", selected);
  const feed = follow({ read: (cursor) => fetchMore(cursor, query), take, stream, fail });

  function take(data) {
    ({ start, live } = data);
    isPartial = data.more;
    looked += data.looked ?? 0;
    const more = read(data);
    const room = MOST - lines.length, from = merge(lines, room > 0 ? more.slice(0, room) : []);
    isCut ||= more.length > room;
    if (isCut) feed?.pause();
    if (!following && live) fresh += more.length;
    extend(from);
    if (aloud.checked && more.length) setText(heard, more.map((line) => line.message).slice(-3).join("\n"));
  }

  /** Which lines are shown, from a place on. */
  function extend(from = 0) {
    const kept = from === 0 || from < lines.length - 5000 ? 0 : from;
    if (kept === 0) list = [];
    else while (list.length && lines.indexOf(list[list.length - 1].line, kept) >= 0) list.pop();
    for (let i = kept; i < lines.length; i++) if (isWanted(lines[i])) add(lines[i]);
    show();
  }

  function add(line) {
    list.push({ line, part: 0 });
    if (line.open) details(line).forEach((_, n) => list.push({ line, part: n + 1 }));
  }

  function isWanted(line) {
    if (level && rank(line.level) < rank(level)) return false;
    if (chosen && !chosen.holds(line.run, line.fence, line.span)) return false;
    return !text || textOf(line).includes(text);
  }

  function show() {
    setText(total, count(lines.length) + (isCut ? "+" : ""));
    const at = current ? list.findIndex((one) => one.line === current && !one.part) : -1;
    rows.keep(at);
    rows.setCount(list.length);
    if (following) view.scrollTop = view.scrollHeight;
    pill.setAttribute("aria-pressed", String(following));
    pill.classList.toggle("is-on", following && live);
    setText(pill.lastElementChild, following && live ? "Following" : fresh ? `Follow · ${count(fresh)} new` : "Follow");
    note.hidden = Boolean(list.length) && !isCut;
    if (isCut) setText(note, `The first ${count(MOST)} lines are here. A filter looks at all of them.`);
    else if (!list.length) setText(note, lines.length ? "No line matches." : isPartial ? "Looking further…" : live ? "Nothing was logged so far." : asksServer() ? `No line matches: looked at ${count(looked)}.` : "Nothing was logged.");
  }

  const asksServer = () => Object.keys(query).length > 0;

  /** A filter has changed: what is not all here is filtered by the server. */
  function ask() {
    const wanted = {};
    const tooMany = asksServer() || lines.length > OURS || (isPartial && lines.length > 0);
    if (tooMany && text) wanted.text = text;
    if (tooMany && chosen && (isCut || query.span)) wanted.span = chosen.part;
    if (tooMany && level) wanted.levels = NAMES.filter((name) => rank(name) >= rank(level)).join(",");
    if (JSON.stringify(wanted) === JSON.stringify(query)) return extend();
    query = wanted;
    lines = [];
    looked = 0;
    isPartial = true;
    isCut = false;
    extend();
    feed.restart();
  }

  function type() {
    clearTimeout(typing);
    typing = setTimeout(() => { text = filter.value.trim().toLowerCase(); ask(); }, TYPING_MS);
  }

  function paint(row, at) {
    const shown = list[at], { line } = shown, found = spans.find(line.run, line.fence, line.span);
    fillLine(row, shown, { start, place: at, name: found?.name ?? line.task, focused: line === current && !shown.part, chosen: line === current });
  }

  function named() { if (chosen) extend(); else rows.draw(); }
  function selected(event) {
    const { row, name, from, holds } = event.detail;
    const part = name.split(".", 2).join("."); // its run or hand-out: what is below a span, only the trace knows
    if (from !== "log") choose(holds ? { name: row.name, holds, part } : null);
  }
  /** Only lines of a part of the trace, or all. */
  function choose(what) {
    chosen = what;
    dropSpan.classList.toggle("is-on", what !== null);
    dropSpan.replaceChildren("Span ", el("b", { class: "clip" }, what?.name ?? "any"), ...(what ? [icon("x")] : []));
    ask();
  }

  function scrolled() {
    const atEnd = view.scrollTop + view.clientHeight >= view.scrollHeight - ROW;
    if (atEnd === following) return;
    following = atEnd;
    if (atEnd) fresh = 0;
    show();
  }
  function toEnd() { following = true; fresh = 0; show(); }

  function unfold(shown, open) {
    if (!shown) return;
    shown.line.open = open ?? !shown.line.open;
    following = false;
    extend();
  }

  function go(at) {
    const shown = list[Math.max(0, Math.min(list.length - 1, at))];
    if (!shown) return;
    current = shown.line;
    const place = list.findIndex((one) => one.line === current && !one.part);
    rows.keep(place);
    rows.reveal(place);
    rows.draw();
    rows.row(place)?.focus({ preventScroll: true });
  }

  function click(event) {
    const target = (event.target), row = (target.closest(".log-row"));
    if (!row || getSelection()?.toString()) return; // somebody copies text
    const { shown, place } = row.parts;
    go(place);
    if (target.closest(".log-more")) unfold(shown);
    else tell("ht:line", { run: shown.line.run, fence: shown.line.fence, span: shown.line.span });
  }

  function key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const at = list.findIndex((one) => one.line === current && !one.part), shown = list[at];
    const step = (by) => { // from line to line, over details
      let to = at < 0 ? list.length - 1 : at + by;
      while (list[to]?.part) to += Math.sign(by);
      go(to);
    };
    const was = lastKey;
    lastKey = event.key;
    if (event.key === "ArrowDown") step(1);
    else if (event.key === "ArrowUp") step(-1);
    else if (event.key === "PageDown") step(rows.page);
    else if (event.key === "PageUp") step(-rows.page);
    else if (event.key === "ArrowRight" && shown) { unfold(shown, true); go(at); }
    else if (event.key === "ArrowLeft" && shown) { unfold(shown, false); go(at); }
    else if (event.key === "Enter" && shown) tell("ht:line", { run: shown.line.run, fence: shown.line.fence, span: shown.line.span });
    else if (event.key === "End" || (event.key === "G" && isPlainKey(event))) { toEnd(); go(list.length - 1); }
    else if (event.key === "Home" || (event.key === "g" && was === "g" && isPlainKey(event))) go(0);
    else if (event.key === "Escape" && chosen) choose(null);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  function save(kind) {
    const told = lines.map((line) => kind === "txt" ? written(line, start) : JSON.stringify({
      at: new Date(start + line.at).toISOString(), level: line.level, run: line.run, task: line.task, message: line.message, attributes: line.attributes ?? undefined }));
    const link = el("a", { href: URL.createObjectURL(new Blob([told.join("\n"), "\n"])), download: `${container.dataset.run ?? "run"}.${kind}` });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
    menu.hidePopover();
  }

  function fail(error) {
    if (lines.length) return;
    note.hidden = false;
    setText(note, `The log could not be read. ${error.message}`);
  }

  return {
    take,
    destroy() {
      feed.stop();
      clearTimeout(typing);
      rows.destroy();
      document.removeEventListener("ht:named", named);
      document.removeEventListener("ht:select", selected);
    },
  };
}

island("logs", (element) => mountLogs(element));

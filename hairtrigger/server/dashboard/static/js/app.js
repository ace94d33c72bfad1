// What every page can do: keys, copying, words that age, the theme, messages. Islands and lists come in by need.
import { openPalette } from "./palette.js";
import { refresh, start, togglePause } from "./live.js";
import { ago, clock, duration, shown, until } from "./words.js";
import "./table.js";

const root = document.documentElement, $ = (selector, of = document) => of.querySelector(selector);
const isMac = /Mac|iPhone|iPad/.test(navigator.platform);

// htmx 4.0.1 takes clicks with a modifier away from links and then ignores them: they are the browser's.
addEventListener("click", (event) => {
  if ((event.metaKey || event.ctrlKey || event.shiftKey) && event.target.closest("a[href]")) event.stopPropagation();
}, true);
document.addEventListener("htmx:config:request", (event) => {
  event.detail.ctx.request.headers["X-CSRF"] = $("meta[name=csrf]").content;
});

// navigation
for (const name of ["before:request", "finally:request"]) {
  document.addEventListener(`htmx:${name}`, () => document.body.classList.toggle("is-loading", name.startsWith("before")));
}
document.addEventListener("htmx:after:settle", (event) => { if (event.target === document.body || event.target?.id === "main") arrived(); });

function arrived() {
  document.body.classList.remove("has-menu");
  const base = document.body.dataset.base;
  for (const link of document.querySelectorAll("[data-place]")) {
    const path = `${base}/${link.dataset.place}`;
    const here = location.pathname === path || location.pathname.startsWith(path + "/");
    if (here) link.setAttribute("aria-current", "page"); else link.removeAttribute("aria-current");
  }
  for (const el of document.querySelectorAll("[data-mod]")) if (!isMac) el.textContent = "⌃";
  age();
  islands();
  told();
  document.dispatchEvent(new CustomEvent("ht:arrived"));
}

// islands are loaded where they are
const ISLANDS = { trace: "./trace.js", logs: "./logs.js", chart: "./chart.js", editor: "./editor.js", form: "./form.js", test: "./test.js", cron: "./cron.js", fill: "./fill.js", steady: "./steady.js", prefs: "./prefs.js", errors: "./errors.js", columns: "./columns.js" };
function islands() {
  const wanted = new Set([...document.querySelectorAll("[data-island]")].map((el) => el.dataset.island));
  for (const name of wanted) if (ISLANDS[name]) import(ISLANDS[name]);
}

// times age, and are in the reader's zone
function age() {
  const now = Date.now();
  for (const el of document.querySelectorAll("[data-since]")) {
    const text = duration(Math.max(now - Number(el.dataset.since), 0));
    if (el.textContent !== text) el.textContent = text;
  }
  for (const el of document.querySelectorAll("[data-tick]")) {
    const at = shown(Number(el.dataset.tick)), two = (n) => String(n).padStart(2, "0");
    const time = `${two(at.getUTCHours())}:${two(at.getUTCMinutes())}`;
    const text = Number(el.dataset.span) <= 172800000 ? time : `${at.getUTCDate()}/${at.getUTCMonth() + 1} ${time}`;
    if (el.textContent !== text) el.textContent = text;
  }
  for (const el of document.querySelectorAll("time[data-time]")) {
    const at = Date.parse(el.dateTime);
    if (Number.isNaN(at)) continue;
    const text = el.dataset.time === "clock" ? clock(at) : el.dataset.time === "until" ? until(at, now) : ago(at, now);
    if (el.textContent !== text) el.textContent = text;
    if (!el.dataset.said) { el.title = `${new Date(at).toLocaleString()} (${el.dateTime})`; el.dataset.said = "1"; }
  }
}
setInterval(age, 1000);
document.addEventListener("ht:refreshed", () => { age(); islands(); });

// messages
/** @param {string} text @param {{bad?: boolean, undo?: () => void, ms?: number}} [how] */
export function say(text, how = {}) {
  const el = document.createElement("div");
  el.className = how.bad ? "toast is-bad" : "toast";
  if (how.bad) el.setAttribute("role", "alert");
  el.append(text);
  if (how.undo) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = "Undo";
    button.onclick = () => { how.undo(); el.remove(); };
    el.append(button);
  }
  if (how.link) {
    const link = document.createElement("a");
    link.href = how.link;
    link.textContent = "Open";
    el.append(link);
  }
  $("#toasts").append(el);
  setTimeout(() => el.remove(), how.ms ?? 4000);
}
document.addEventListener("ht:say", (event) => say(event.detail.text ?? event.detail.value, event.detail));
/** A word that the page before left for this one. */
function told() {
  const word = /(?:^|; )ht_say=([^;]+)/.exec(document.cookie)?.[1];
  if (word) { say(decodeURIComponent(word)); document.cookie = "ht_say=; Path=/; Max-Age=0"; }
}
document.addEventListener("htmx:error", () => say("The server cannot be reached. Nothing was changed.", { bad: true }));

// actions
const actions = {
  theme: () => {
    const theme = root.dataset.theme === "dark" ? "light" : "dark";
    root.dataset.theme = theme;
    localStorage.setItem("ht-theme", theme);
    document.dispatchEvent(new CustomEvent("ht:theme"));
  },
  menu: () => document.body.classList.toggle("has-menu"),
  narrow: () => localStorage.setItem("ht-narrow", document.body.classList.toggle("is-narrow") ? "1" : ""),
  live: togglePause,
  palette: openPalette,
  keys: () => openPalette("?"),
  refresh: () => refresh(true),
};
document.addEventListener("click", (event) => {
  const action = event.target.closest("[data-action]")?.dataset.action;
  if (action && actions[action]) { event.preventDefault(); actions[action](); return; }
  const copied = event.target.closest("[data-copy]");
  if (copied) copy(copied);
  const opens = event.target.closest("[data-dialog]");
  if (opens) { event.preventDefault(); showDialog(document.getElementById(opens.dataset.dialog)); }
  if (event.target.closest("[data-close]")) event.target.closest("dialog, [popover]")?.[event.target.closest("dialog") ? "close" : "hidePopover"]();
  if (document.body.classList.contains("has-menu") && !event.target.closest(".side, .menu-button")) document.body.classList.remove("has-menu");
});

function showDialog(dialog) {
  dialog?.showModal();
  const lazy = dialog?.querySelector("[data-lazy]");
  if (lazy) window.htmx.trigger(lazy, "open");
}

async function copy(el) {
  try { await navigator.clipboard.writeText(el.dataset.copy); }
  catch { say("The browser does not let us copy.", { bad: true }); return; }
  el.classList.add("is-done");
  setTimeout(() => el.classList.remove("is-done"), 1200);
}

// keys
let afterG = 0;
/** Whether a key is text that somebody is typing. */
export const isTyping = (event) => event.target.closest?.("input:not([type=checkbox], [type=radio]), textarea, select, [contenteditable=true], .cm-editor") != null
  || event.composedPath()[0]?.closest?.(".cm-editor") != null;

document.addEventListener("keydown", (event) => {
  const mod = isMac ? event.metaKey : event.ctrlKey;
  if (mod && event.key.toLowerCase() === "k") { event.preventDefault(); openPalette(); return; }
  if (mod && event.key.toLowerCase() === "b") { event.preventDefault(); actions.narrow(); return; }
  if (mod && event.key === "Enter") {
    const form = event.target.closest?.("form") ?? $("dialog[open] form") ?? $("form[data-main]");
    if (form) { event.preventDefault(); form.requestSubmit(); }
    return;
  }
  if (mod || event.metaKey || event.ctrlKey || event.altKey || isTyping(event) || $("dialog[open]")) return;
  if (localStorage.getItem("ht-keys") === "off") return;
  if (afterG && performance.now() - afterG < 1200) {
    afterG = 0;
    const link = $(`[data-go="${CSS.escape(event.key)}"]`);
    if (link) { event.preventDefault(); link.click(); return; }
  }
  const on = $(`#main [data-key="${CSS.escape(event.key)}"]:not([hidden]):not(:disabled)`);
  if (on) { event.preventDefault(); on.matches("input, select, textarea") ? on.focus() : on.click(); return; }
  const plain = { g: () => { afterG = performance.now(); }, "?": actions.keys, "\\": actions.theme, L: actions.live, l: actions.live,
    "/": () => $("#main .search input")?.focus(), "[": () => other(-1), "]": () => other(1), Escape: escape };
  if (plain[event.key]) { event.preventDefault(); plain[event.key](); }
});

function other(by) {
  const links = [...document.querySelectorAll("#switch a")], here = links.findIndex((a) => a.hasAttribute("aria-current"));
  links[(here + by + links.length) % links.length]?.click();
}

function escape() {
  document.body.classList.remove("has-menu");
  document.dispatchEvent(new CustomEvent("ht:escape"));
}

// the page as it begins
if (localStorage.getItem("ht-narrow")) document.body.classList.add("is-narrow");
arrived();
start();

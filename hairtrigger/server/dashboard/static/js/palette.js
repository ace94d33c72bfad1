// ⌘K: every page, task, queue, schedule and recent run; an id jumps; ? lists the keys.
import { say } from "./app.js";
import { visit } from "./table.js";

const PAUSE_MS = 60; // in typing, before it is searched for

let dialog, found = [], at = 0, timer = 0, asking = new AbortController(), answered = Promise.resolve();

/** @param {string} [text] */
export function openPalette(text = "") {
  if (typeof text !== "string") text = "";
  if (text === "?") { showKeys(); return; }
  dialog ??= build();
  dialog.showModal();
  const input = dialog.querySelector("input");
  input.value = text;
  answered = search(text);
}

function build() {
  const el = document.createElement("dialog");
  el.className = "palette";
  el.setAttribute("aria-label", "Search or jump");
  const box = document.createElement("div"), input = document.createElement("input"), list = document.createElement("ul");
  box.className = "search";
  input.placeholder = "Search pages, tasks, runs… or paste an id";
  Object.entries({ role: "combobox", "aria-expanded": "true", "aria-controls": "palette-list", "aria-autocomplete": "list", "aria-label": "Search", autocomplete: "off", spellcheck: "false" })
    .forEach(([name, value]) => input.setAttribute(name, value));
  list.id = "palette-list";
  list.setAttribute("role", "listbox");
  list.setAttribute("aria-label", "Found");
  box.append(input);
  el.append(box, list);
  input.addEventListener("input", () => {
    clearTimeout(timer);
    answered = new Promise((done) => { timer = setTimeout(() => done(search(input.value)), PAUSE_MS); });
  });
  input.addEventListener("keydown", keys);
  el.addEventListener("click", (event) => { if (event.target === el) el.close(); });
  document.body.append(el);
  return el;
}

function keys(event) {
  const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (by && found.length) { event.preventDefault(); at = (at + by + found.length) % found.length; mark(); }
  if (event.key === "Enter") { event.preventDefault(); answered.then(() => choose(found[at])); }
}

/** Show what is found; nobody waits for the answer to what was typed before. */
async function search(text) {
  asking.abort();
  const { signal } = asking = new AbortController(), base = document.body.dataset.base;
  try {
    const answer = await fetch(`${base}/palette?${new URLSearchParams({ q: text })}`, { headers: { Accept: "application/json" }, signal });
    if (!answer.ok) throw new Error(`HTTP ${answer.status}`);
    found = await answer.json();
  } catch (error) {
    if (signal.aborted) return;
    found = [];
    say(`The search has no answer (${error.message}).`, { bad: true });
  }
  at = 0;
  show();
}

function show() {
  const list = dialog.querySelector("ul");
  list.replaceChildren();
  let section = "";
  found.forEach((one, n) => {
    if (one.section !== section) {
      section = one.section;
      const head = document.createElement("li");
      head.className = "section";
      head.setAttribute("role", "presentation");
      head.textContent = section;
      list.append(head);
    }
    const item = document.createElement("li");
    item.id = `found-${n}`;
    item.setAttribute("role", "option");
    item.append(icon(one.icon), text("span", one.name, "clip"), text("span", one.detail ?? "", "quiet push clip"));
    item.addEventListener("click", () => choose(one));
    item.addEventListener("pointermove", () => { if (at !== n) { at = n; mark(); } });
    list.append(item);
  });
  if (!found.length) list.append(text("li", "Nothing found here.", "section"));
  mark();
}

function mark() {
  const input = dialog.querySelector("input");
  for (const item of dialog.querySelectorAll("[role=option]")) item.setAttribute("aria-selected", String(item.id === `found-${at}`));
  const here = dialog.querySelector(`#found-${at}`);
  here?.scrollIntoView({ block: "nearest" });
  if (here) input.setAttribute("aria-activedescendant", here.id); else input.removeAttribute("aria-activedescendant");
}

function choose(one) {
  if (!one) return;
  dialog.close();
  if (one.action) { document.querySelector(`#main [data-key="${CSS.escape(one.action)}"]`)?.click(); return; }
  visit(one.href);
}

function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg"), use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  use.setAttribute("href", `${document.documentElement.dataset.static}/icons.svg#${name}`);
  svg.append(use);
  return svg;
}

function text(tag, content, name) {
  const el = document.createElement(tag);
  el.textContent = content;
  el.className = name;
  return el;
}

async function showKeys() {
  let sheet = document.getElementById("keys");
  if (!sheet) {
    const answer = await fetch(`${document.body.dataset.base}/keys-sheet`, { headers: { Accept: "text/html" } });
    if (!answer.ok) { say("The list of keys cannot be loaded.", { bad: true }); return; }
    const made = new DOMParser().parseFromString(await answer.text(), "text/html");
    sheet = document.importNode(made.querySelector("dialog"), true);
    document.body.append(sheet);
  }
  sheet.showModal();
}

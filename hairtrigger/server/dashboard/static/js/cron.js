// Schedules: a pattern in words with its next times while it is typed, times in the reader's own zone, and the next
// times of a row where the pointer rests.
import { el, icon } from "./elements.js";
import { island } from "./islands.js";

const WAIT_MS = 200, REST_MS = 250;
const mine = Intl.DateTimeFormat().resolvedOptions().timeZone;
const format = new Intl.DateTimeFormat("en-GB", { weekday: "short", day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", hour12: false });

/** An instant as the reader's clock shows it. @param {string} iso */
const local = (iso) => format.format(new Date(iso)).replaceAll(",", "");

function localise() {
  for (const one of document.querySelectorAll("time[data-local]")) {
    const text = local(/** @type {HTMLTimeElement} */ (one).dateTime);
    if (one.textContent !== text) one.textContent = text;
  }
  for (const one of document.querySelectorAll("[data-yours]")) if (one.textContent !== "Yours") { one.textContent = "Yours"; one.setAttribute("title", mine); }
}

/** @param {any} seen */
function drawn(seen) {
  if (seen.error) return [el("p", { class: "note is-bad" }, seen.error)];
  const rows = seen.next.map((/** @type {any} */ one) => el("tr", {}, el("td", {}, one.there), el("td", { class: "soft" }, el("time", { datetime: one.at, "data-local": true }, local(one.at)))));
  return [
    el("p", { class: "seen-words" }, seen.words),
    el("table", { class: "seen-times" }, el("thead", {}, el("tr", {}, el("th", {}, "Next runs, there"), el("th", { "data-yours": true, title: mine }, "Yours"))), el("tbody", {}, ...rows)),
    ...seen.notes.map((/** @type {string} */ note) => el("p", { class: "note is-warn" }, icon("warning"), el("span", {}, note))),
  ];
}

/** @param {HTMLElement} root */
function mount(root) {
  const cron = /** @type {HTMLInputElement|null} */ (root.querySelector("[name=cron]")), zone = /** @type {HTMLInputElement|null} */ (root.querySelector("[name=timezone]"));
  const box = root.querySelector("[data-seen]"), own = /** @type {HTMLButtonElement|null} */ (root.querySelector("[data-my-zone]"));
  let timer = 0, turn = 0, rest = 0;

  async function look() {
    const now = ++turn, url = new URL(root.dataset.preview ?? "", location.href);
    url.searchParams.set("cron", cron?.value ?? "");
    url.searchParams.set("timezone", zone?.value ?? "");
    const answer = await fetch(url, { headers: { Accept: "application/json" } }).catch(() => null);
    if (now !== turn || !answer?.ok) return;
    const seen = await answer.json();
    box?.replaceChildren(...drawn(seen));
    for (const [name, field] of [["cron", cron], ["timezone", zone]]) {
      const is = seen.error !== undefined && seen.field === name;
      if (is) /** @type {HTMLElement} */ (field).setAttribute("aria-invalid", "true"); else /** @type {HTMLElement|null} */ (field)?.removeAttribute("aria-invalid");
      if (!is) document.getElementById(`s-${name}-wrong`)?.remove();
    }
  }

  function input(/** @type {Event} */ event) {
    if (event.target !== cron && event.target !== zone) return;
    clearTimeout(timer);
    timer = setTimeout(look, WAIT_MS);
  }

  function click(/** @type {MouseEvent} */ event) {
    const target = /** @type {Element} */ (event.target), preset = /** @type {HTMLElement|null} */ (target.closest("[data-cron]"));
    if (preset && cron) { event.preventDefault(); event.stopPropagation(); cron.value = preset.dataset.cron ?? ""; look(); }
    if (target.closest("[data-my-zone]") && zone) { zone.value = mine; look(); }
  }

  /** The next times of the row that an element belongs to: its button, or the times themselves. @param {Event} event */
  function timesOf(event) {
    const on = /** @type {Element} */ (event.target).closest?.("[data-hover], .next-times");
    if (!on) return null;
    const times = on.matches(".next-times") ? on : document.getElementById(on.getAttribute("popovertarget") ?? "");
    return times && { on: /** @type {HTMLElement} */ (on), times: /** @type {HTMLElement} */ (times) };
  }
  function over(/** @type {Event} */ event) {
    const found = timesOf(event);
    if (!found) return;
    clearTimeout(rest);
    if (!found.times.matches(":popover-open")) rest = setTimeout(() => found.times.showPopover({ source: found.on }), REST_MS);
  }
  function out(/** @type {Event} */ event) {
    const found = timesOf(event);
    if (!found) return;
    clearTimeout(rest);
    rest = setTimeout(() => { if (found.times.matches(":popover-open") && !found.times.matches(":hover")) found.times.hidePopover(); }, REST_MS);
  }

  const asked = /** @type {HTMLDialogElement|null} */ (document.querySelector("#delete[open]:not(:modal)")); // as the server opened it
  if (asked) { asked.close(); asked.showModal(); }
  if (own && zone) { own.hidden = false; own.textContent = `Use ${mine}`; }
  localise();
  if (cron?.value !== cron?.defaultValue || zone?.value !== zone?.defaultValue) look(); // typed before this was here
  root.addEventListener("input", input);
  root.addEventListener("click", click, true);
  root.addEventListener("pointerover", over);
  root.addEventListener("pointerout", out);
  document.addEventListener("ht:refreshed", localise);
  document.addEventListener("htmx:after:swap", localise);
  return {
    destroy() {
      clearTimeout(timer);
      clearTimeout(rest);
      document.removeEventListener("ht:refreshed", localise);
      document.removeEventListener("htmx:after:swap", localise);
    },
  };
}

island("cron", mount);

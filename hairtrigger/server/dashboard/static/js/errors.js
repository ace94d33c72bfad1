// Deciding about errors in their list: resolve, ignore, reopen, for those that are selected or the one at the cursor.
// The list keeps still under the pointer: rows are brought up to date where they are, others come when it has left.
import { island } from "./islands.js";
import { refresh } from "./live.js";
import { post } from "./post.js";

const $ = (/** @type {string} */ selector, /** @type {ParentNode} */ of = document) => /** @type {HTMLElement|null} */ (of.querySelector(selector));
const say = (/** @type {string} */ text, bad = false) => document.dispatchEvent(new CustomEvent("ht:say", { detail: { text, bad } }));

/** @param {HTMLElement} list */
function mount(list) {
  const over = new AbortController(), { signal } = over;

  const chosen = () => [...list.querySelectorAll("tr[aria-selected=true]")];
  const here = () => list.querySelector("tr.is-here");
  const meant = () => { const all = chosen(), one = here(); return all.length ? all : one ? [one] : []; };
  const ids = () => meant().map((row) => /** @type {HTMLElement} */ (row).dataset.id ?? "");

  async function decide(/** @type {string} */ verb, howLong = "") {
    const names = ids(), selected = chosen().length > 0;
    if (!names.length) { say("Select an error first: x, or move to one: j"); return; }
    const body = new URLSearchParams(names.map((id) => ["id", id]));
    if (howLong) body.set("for", howLong);
    const { ok, told } = await post(`${document.body.dataset.base}/errors/${verb}`, body);
    say(ok ? told.said : told.error, !ok);
    if (!ok) return;
    if (selected) $("[data-do=clear]")?.click();
    else document.dispatchEvent(new KeyboardEvent("keydown", { key: "j", bubbles: true })); // on to the next one
    refresh(true);
  }

  function choose() {
    const menu = $("#ignore"), row = meant()[0];
    if (!menu || !row) { say("Select an error first: x, or move to one: j"); return; }
    const bar = $("[data-bulk]:not([hidden]) [data-triage=choose]");
    menu.showPopover(/** @type {any} */ ({ source: bar ?? row.querySelector(".c-error") }));
    /** @type {HTMLElement|null} */ (menu.querySelector("button"))?.focus();
  }

  document.addEventListener("click", (event) => {
    const button = /** @type {HTMLElement|null} */ (/** @type {Element} */ (event.target).closest("[data-triage]"));
    if (!button) return;
    if (button.dataset.triage === "choose") { choose(); return; }
    /** @type {HTMLElement|null} */ (button.closest("[popover]"))?.hidePopover();
    decide(button.dataset.triage ?? "", button.dataset.for);
  }, { signal });

  document.addEventListener("keydown", (event) => {
    const menu = $("#ignore:popover-open"), by = { ArrowDown: 1, j: 1, ArrowUp: -1, k: -1 }[event.key];
    if (!menu || !by) return;
    event.preventDefault();
    event.stopPropagation();
    const all = /** @type {HTMLElement[]} */ ([...menu.querySelectorAll("button")]), at = all.indexOf(/** @type {HTMLElement} */ (document.activeElement));
    all[(at + by + all.length) % all.length].focus();
  }, { signal, capture: true });

  const busy = () => list.matches(":hover") || chosen().length > 0 || $("[popover]:popover-open, dialog[open], .peek") !== null;
  let decided = false;
  document.addEventListener("ht:say", () => { decided = true; }, { signal });
  document.addEventListener("ht:part", (event) => {
    const part = /** @type {HTMLElement} */ (event.target), fresh = /** @type {CustomEvent} */ (event).detail.fresh;
    if (part.dataset.part !== "groups" || !part.querySelector("tr[data-id]")) return;
    if (decided || !busy()) { decided = false; return; }
    event.preventDefault();
    for (const row of fresh.querySelectorAll("tr[data-id]")) {
      const old = document.getElementById(row.id);
      if (old && old.outerHTML !== row.outerHTML) /** @type {any} */ (window).htmx.swap({ text: row.outerHTML, target: old, swap: "outerMorph", sourceElement: old });
    }
  }, { signal });
  list.addEventListener("pointerleave", () => refresh(true), { signal });
  return { destroy: () => over.abort() };
}

island("errors", mount);

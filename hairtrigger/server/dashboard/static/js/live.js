// The doorbell: one stream for the whole browser. On a ring, the living parts of the page are fetched and morphed.
import { count, plural, rate } from "./words.js";

const LOST_MS = 3000, POLL_MS = 5000;
const state = { paused: false, lost: false, at: performance.now(), pausedAt: 0, beat: null };
let busy = false, later = 0, poll = 0, closed = () => {};

/** Begin to listen; again after the environment has changed. */
export function start() {
  closed();
  const url = document.body.dataset.live;
  if (!url) return;
  const hear = (event) => {
    if (event.type === "beat") { state.at = performance.now(); ring(event.beat); }
    else if (event.type === "open") { state.at = performance.now(); setLost(false); }
    else if (event.type === "lost") setTimeout(() => performance.now() - state.at > LOST_MS && setLost(true), LOST_MS);
  };
  closed = "SharedWorker" in window ? share(url, hear) : open(url, hear);
}

function share(url, hear) {
  const worker = new SharedWorker(new URL("./live-worker.js", import.meta.url), { name: "hairtrigger" });
  worker.port.onmessage = (event) => hear(event.data);
  const tell = () => worker.port.postMessage({ url: document.hidden ? null : url });
  const bye = () => worker.port.postMessage({ url: null, bye: true });
  const seen = () => { tell(); if (!document.hidden) refresh(true); };
  document.addEventListener("visibilitychange", seen);
  addEventListener("pagehide", bye);
  addEventListener("pageshow", tell);
  tell();
  return () => { bye(); document.removeEventListener("visibilitychange", seen); removeEventListener("pagehide", bye); removeEventListener("pageshow", tell); };
}

function open(url, hear) {
  let source;
  const connect = () => {
    source = new EventSource(url);
    source.onopen = () => hear({ type: "open" });
    source.onerror = () => hear({ type: "lost" });
    source.addEventListener("beat", (event) => hear({ type: "beat", beat: JSON.parse(event.data) }));
  };
  const seen = () => { source?.close(); if (!document.hidden) { connect(); refresh(true); } };
  document.addEventListener("visibilitychange", seen);
  if (!document.hidden) connect();
  return () => { source?.close(); document.removeEventListener("visibilitychange", seen); };
}

function setLost(lost) {
  if (state.lost === lost) return;
  state.lost = lost;
  clearInterval(poll);
  if (lost) poll = setInterval(() => refresh(), POLL_MS);
  else refresh(true);
  showPill();
}

function ring(beat) {
  state.beat = beat;
  setLost(false);
  showBeat();
  refresh();
}

/** What stands in the shell: it needs no request. */
function showBeat() {
  const beat = state.beat;
  if (!beat) return;
  for (const el of document.querySelectorAll("[data-count]")) {
    const number = beat[el.dataset.count] ?? 0;
    el.textContent = count(number);
    el.hidden = !number;
  }
  const banner = document.querySelector("[data-no-worker]");
  if (banner) {
    const waiting = beat.queued + beat.held;
    banner.hidden = beat.workers > 0 || !waiting;
    banner.querySelector("[data-text=waiting]").textContent = plural(waiting, "run waits", "runs wait");
  }
  const slots = document.querySelector("[data-slots]");
  if (slots) {
    slots.querySelector("[data-text=workers]").textContent = `${beat.workers ? plural(beat.workers, "worker") : "No worker"} online`;
    slots.querySelector("[data-text=slots]").textContent = `${beat.running} / ${beat.slots}`;
    const svg = slots.querySelector("svg"), wide = svg.viewBox.baseVal.width;
    const share = beat.slots ? Math.min(beat.running / beat.slots, 1) : 0;
    let rect = svg.querySelector("rect");
    if (!rect) { rect = document.createElementNS("http://www.w3.org/2000/svg", "rect"); rect.setAttribute("height", "4"); svg.append(rect); }
    rect.setAttribute("width", share ? Math.max(share * wide, 1.5) : 0);
    rect.setAttribute("class", share >= 0.9 ? "f-retry" : "f-run");
  }
  showPill();
}

function showPill() {
  const pill = document.querySelector(".live");
  if (!pill) return;
  pill.dataset.state = state.lost ? "lost" : state.paused ? "paused" : "live";
  const text = state.lost ? "Reconnecting…" : state.paused
    ? `Paused ${Math.round((performance.now() - state.pausedAt) / 1000)}s ago`
    : state.beat ? `Live · ${rate(state.beat.rate)}` : "Live";
  const label = pill.querySelector("[data-text]");
  if (label.textContent !== text) label.textContent = text;
}

document.addEventListener("ht:arrived", () => { if (state.beat) showBeat(); else showPill(); });

export function togglePause() {
  state.paused = !state.paused;
  state.pausedAt = performance.now();
  showPill();
  if (!state.paused) refresh(true);
}

/** The living parts are out of date: fetch them, each as often as it says, never two fetches at a time. */
export function refresh(now = false) {
  if (state.paused && !now) return;
  for (const el of parts()) { el.isStale = true; if (now) el.fetchedAt = -Infinity; }
  pump();
}

const parts = () => [...document.querySelectorAll("#main [data-part]")];
const wait = (el) => (el.fetchedAt ?? -Infinity) + Number(el.dataset.every ?? 1) * 1000 - performance.now();

async function pump() {
  clearTimeout(later);
  const stale = parts().filter((el) => el.isStale);
  if (busy || document.hidden || !stale.length) return;
  const due = stale.filter((el) => wait(el) <= 0);
  if (!due.length) { later = setTimeout(pump, Math.min(...stale.map(wait))); return; }
  busy = true;
  for (const el of due) { el.isStale = false; el.fetchedAt = performance.now(); }
  try { await fetchParts(due); }
  catch { /* the stream notices a lost connection */ }
  busy = false;
  pump();
}

async function fetchParts(due) {
  const url = location.href, names = due.map((el) => el.dataset.part).join(",");
  const answer = await fetch(url, { headers: { "X-Parts": names, Accept: "text/html" }, cache: "no-store" });
  if (answer.status === 401) { location.href = answer.headers.get("hx-redirect") ?? "/sign-in"; return; }
  if (!answer.ok || url !== location.href) return;
  const made = new DOMParser().parseFromString(await answer.text(), "text/html");
  for (const el of due) {
    const fresh = made.querySelector(`[data-part="${el.dataset.part}"]`);
    if (!fresh || !el.isConnected) continue;
    const hold = el.dispatchEvent(new CustomEvent("ht:part", { detail: { fresh }, cancelable: true, bubbles: true }));
    if (hold && el.keptHtml !== fresh.outerHTML) {
      el.keptHtml = fresh.outerHTML;
      await window.htmx.swap({ text: fresh.outerHTML, target: el, swap: "outerMorph", sourceElement: el });
    }
  }
  document.dispatchEvent(new CustomEvent("ht:refreshed"));
}

setInterval(() => { if (state.paused) showPill(); }, 1000);

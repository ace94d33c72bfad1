// What a run page's islands read: all at first, then what is new behind a cursor, when the run's doorbell rings.

const EACH_MS = 250, QUIET_MS = 2000, TROUBLE_MS = 5000;
/** One stream for all islands of a page. */
const streams = new Map();

/** Hear a run's doorbell; answers how to stop. @param {string|undefined} url @param {() => void} ring */
function listen(url, ring) {
  document.addEventListener("ht:refreshed", ring);
  if (url && !streams.has(url)) {
    const source = new EventSource(url), rings = new Set();
    source.onmessage = () => rings.forEach((one) => one());
    streams.set(url, { source, rings });
  }
  const stream = url && streams.get(url);
  if (stream) stream.rings.add(ring);
  return () => {
    document.removeEventListener("ht:refreshed", ring);
    if (!stream || !stream.rings.delete(ring) || stream.rings.size) return;
    stream.source.close();
    streams.delete(url);
  };
}

/**
 * Read now, and go on as long as what is read is live; at its end once more from the beginning, for what came out of
 * its order. `take` must bear to be given the same again.
 * @param {{read: (cursor: string) => Promise<any>, take: (data: any) => void, stream?: string,
 *   fail: (error: Error) => void, from?: string}} how `from` is the cursor of what is there already
 */
export function follow({ read, take, stream, fail, from = "" }) {
  let cursor = from, turn = 0, timer = 0, next = 0, busy = false, rung = false, wasLive = false, over = false;
  let hush = null;

  const later = (ms) => { clearTimeout(timer); if (!over) timer = setTimeout(look, ms); };
  const ring = () => { if (busy) rung = true; else later(Math.max(0, next - performance.now())); };
  const quiet = () => { hush?.(); hush = null; };
  const hear = () => { if (!document.hidden && !over) hush ??= listen(stream, ring); };
  const seen = () => { if (document.hidden) quiet(); else { hear(); ring(); } };
  const isPaused = () => document.hidden || document.querySelector(".live[data-state=paused]") !== null;

  async function look() {
    if (busy) return;
    if (wasLive && isPaused()) return later(QUIET_MS);
    const mine = turn, began = performance.now();
    let wait = QUIET_MS;
    busy = true;
    rung = false;
    try {
      const data = await read(cursor);
      if (mine !== turn) return;
      take(data);
      cursor = data.cursor;
      wasLive ||= data.live;
      if (data.more) wait = 0;
      else if (!data.live && wasLive) { wasLive = false; cursor = ""; wait = 0; }
      else if (!data.live) { over = true; quiet(); }
    } catch (error) {
      if (mine !== turn) return;
      wait = TROUBLE_MS;
      fail((error));
    } finally {
      busy = false;
      next = performance.now() + Math.max(EACH_MS, 4 * (performance.now() - began));
      later(mine !== turn || wait === 0 ? 0 : rung ? Math.max(0, next - performance.now()) : wait);
    }
  }

  document.addEventListener("visibilitychange", seen);
  hear();
  look();
  return {
    /** Forget how far it was read, and begin anew. */
    restart() { turn++; cursor = ""; wasLive = over = false; hear(); if (!busy) later(0); },
    /** Read no more, until begun anew. */
    pause() { turn++; over = true; clearTimeout(timer); quiet(); },
    stop() { turn++; over = true; clearTimeout(timer); quiet(); document.removeEventListener("visibilitychange", seen); },
  };
}

/** Read JSON of ours. @param {string} url @param {Record<string, string|undefined>} query */
export async function readJson(url, query) {
  const asked = new URL(url, location.href);
  for (const [name, value] of Object.entries(query)) if (value) asked.searchParams.set(name, value);
  const answer = await fetch(asked, { headers: { Accept: "application/json" }, cache: "no-store" });
  if (answer.status === 401) location.href = answer.headers.get("hx-redirect") ?? "/sign-in";
  if (!answer.ok) throw new Error(`The server answered ${answer.status}.`);
  return answer.json();
}

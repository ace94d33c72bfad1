// What the browser has to say by itself; the same words as the server's (words.py), by the same cases.

/** @param {number} ms */
export function duration(ms) {
  if (ms > 0 && ms < 0.9995) return `${Math.round(ms * 1000)} µs`;
  if (ms < 999.5) return `${Math.round(ms)} ms`;
  const s = ms / 1000;
  if (s < 9.995) return `${s.toFixed(2)} s`;
  if (s < 59.95) return `${s.toFixed(1)} s`;
  const whole = Math.round(s), two = (n) => String(n).padStart(2, "0");
  if (whole < 3600) return `${Math.floor(whole / 60)}m ${two(whole % 60)}s`;
  const minutes = Math.floor(whole / 60);
  if (minutes < 1440) return `${Math.floor(minutes / 60)}h ${two(minutes % 60)}m`;
  return `${Math.floor(minutes / 1440)}d ${Math.floor((minutes % 1440) / 60)}h`;
}

/** @param {number} number */
export function count(number) {
  if (Math.abs(number) < 100000) return Math.round(number).toLocaleString("en-US");
  for (const [size, unit] of [[1e9, "B"], [1e6, "M"], [1e3, "k"]]) {
    if (Math.abs(number) >= size * 0.9995) {
      const value = number / size;
      return value >= 99.95 || unit === "k" ? `${value.toFixed(0)}${unit}` : `${value.toFixed(1)}${unit}`;
    }
  }
  return String(number);
}

/** @param {number} perS */
export const rate = (perS) => (perS >= 9.95 || perS === 0 ? `${Math.round(perS).toLocaleString("en-US")}/s` : `${perS.toFixed(1)}/s`);

/** A date whose UTC parts are what the reader wants to see: those of the browser's zone, or of UTC. @param {number} instant */
export const shown = (instant) => new Date(globalThis.localStorage?.getItem("ht-zone") === "utc" ? instant
  : instant - new Date(instant).getTimezoneOffset() * 60000);

const MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(" ");

/** @param {number} instant @param {number} now ms since 1970 */
export function ago(instant, now) {
  const seconds = (now - instant) / 1000, abs = Math.abs(seconds);
  if (abs >= 86400) {
    const d = shown(instant), two = (n) => String(n).padStart(2, "0");
    return `${d.getUTCDate()} ${MONTHS[d.getUTCMonth()]} ${two(d.getUTCHours())}:${two(d.getUTCMinutes())}`;
  }
  if (abs < 1) return "now";
  const [size, unit] = [[3600, "h"], [60, "m"], [1, "s"]].find(([s]) => abs >= s);
  const number = `${Math.floor(abs / size)}${unit}`;
  return seconds > 0 ? `${number} ago` : `in ${number}`;
}

/** @param {number} instant @param {number} now ms since 1970 */
export function until(instant, now) {
  const seconds = Math.ceil((instant - now) / 1000), minutes = Math.floor(seconds / 60);
  if (seconds <= 0) return "now";
  if (seconds < 60) return `in ${seconds}s`;
  if (minutes < 60) return `in ${minutes} min`;
  if (minutes < 1440) return `in ${Math.floor(minutes / 60)} h ${minutes % 60} min`;
  return `in ${Math.floor(minutes / 1440)} d ${Math.floor((minutes % 1440) / 60)} h`;
}

/** @param {number} instant */
export function clock(instant) {
  const d = shown(instant), two = (n, w = 2) => String(n).padStart(w, "0");
  return `${two(d.getUTCHours())}:${two(d.getUTCMinutes())}:${two(d.getUTCSeconds())}.${two(d.getUTCMilliseconds(), 3)}`;
}

/** @param {number} number @param {string} one */
export const plural = (number, one, many = one + "s") => `${count(number)} ${number === 1 ? one : many}`;

// Log lines in the order of time, and which of them are shown.
import { plain } from "./ansi.js";

/**
 * @typedef {{run: string, task: string, fence: number, seq: number, at: number, level: string, message: string,
 *   span: string, attributes: Record<string, any>|null, open: boolean, found: string}} Line
 * @typedef {{line: Line, part: number}} Shown `part` is 0 for the line itself, else one of its details
 */

const RANK = { debug: 0, log: 1, info: 1, warn: 2, error: 3 };
/** @param {string} level */
export const rank = (level) => (RANK)[level] ?? 1;

/** @param {Line} a @param {Line} b */
const order = (a, b) => a.at - b.at || (a.run < b.run ? -1 : a.run > b.run ? 1 : a.fence - b.fence || a.seq - b.seq);

/** @param {any} data an answer of the server @returns {Line[]} */
export function read(data) {
  const cols = data.lines;
  return cols.at.map((at, i) => ({
    run: data.runs[cols.run[i]].id, task: data.runs[cols.run[i]].task, fence: cols.fence[i], seq: cols.seq[i], at, level: cols.level[i],
    message: cols.message[i], span: cols.span[i], attributes: cols.attributes[i], open: false, found: "",
  })).sort(order);
}

/** Both in order, nothing twice. Answers from which place on something is new. @param {Line[]} all @param {Line[]} more */
export function merge(all, more) {
  let place = all.length;
  while (place > 0 && more.length && order(all[place - 1], more[0]) >= 0) place--;
  const tail = all.splice(place);
  let i = 0, j = 0;
  while (i < tail.length || j < more.length) {
    const which = i >= tail.length ? 1 : j >= more.length ? -1 : order(tail[i], more[j]);
    all.push(which <= 0 ? tail[i++] : more[j]);
    if (which >= 0) j++;
  }
  return place;
}

/** What a line has besides its first row: further lines of its message, and its attributes. @param {Line} line */
export function details(line) {
  const rows = line.message.split("\n").slice(1).map((text) => ({ name: "", text }));
  for (const [name, value] of Object.entries(line.attributes ?? {})) {
    const [first, ...rest] = (typeof value === "string" ? value : JSON.stringify(value) ?? "").split("\n");
    rows.push({ name, text: first }, ...rest.map((text) => ({ name: "", text })));
  }
  return rows;
}

/** @param {Line} line */
export const hasDetails = (line) => line.attributes !== null || line.message.includes("\n");

/** Everything that can be found in a line. @param {Line} line */
export const textOf = (line) => line.found ||= (plain(line.message) + (line.attributes ? JSON.stringify(line.attributes) : "")).toLowerCase();

/** As a text to keep. @param {Line} line @param {number} start */
export function written(line, start) {
  const more = line.attributes ? ` ${JSON.stringify(line.attributes)}` : "";
  return `${new Date(start + line.at).toISOString()} ${line.level.toUpperCase().padEnd(5)} ${line.run} ${plain(line.message)}${more}`;
}

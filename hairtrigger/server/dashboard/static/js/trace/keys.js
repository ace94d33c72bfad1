// The trace by keyboard: a tree grid, with keys for folding, time and matches besides.
import { isPlainKey } from "../elements.js";

/**
 * @typedef {{places: () => {at: number, last: number, page: number}, shown: (place: number) => import("./fold.js").Shown|undefined,
 *   go: (place: number) => void, fold: (place: number, open: boolean) => void, select: (place: number) => void,
 *   parent: (place: number) => number, level: (depth: number) => void, match: (by: number) => void,
 *   zoom: (factor: number) => void, fit: () => void, clear: () => boolean}} Doing
 */

/** What a key does, or false for one that is not ours. @param {KeyboardEvent} event @param {Doing} does */
export function onKey(event, does) {
  const { at, last, page } = does.places(), shown = does.shown(at), { key } = event;
  if (event.ctrlKey || event.metaKey || event.altKey) return false;
  switch (key) {
    case "ArrowDown": does.go(Math.min(last, at + 1)); return true;
    case "ArrowUp": does.go(Math.max(0, at - 1)); return true;
    case "PageDown": does.go(Math.min(last, at + page)); return true;
    case "PageUp": does.go(Math.max(0, at - page)); return true;
    case "Home": does.go(0); return true;
    case "End": does.go(last); return true;
    case "ArrowRight":
      if (shown?.open === false) does.fold(at, true);
      else if (shown?.open) does.go(Math.min(last, at + 1));
      return true;
    case "ArrowLeft":
      if (shown?.open) does.fold(at, false);
      else does.go(does.parent(at));
      return true;
    case "Enter": case " ": does.select(at); return true;
    case "Escape": return does.clear();
  }
  if (!isPlainKey(event)) return false;
  if (key >= "1" && key <= "9") { does.level(Number(key)); return true; }
  switch (key) {
    case "e": does.level(99); return true;
    case "w": does.level(0); return true;
    case "n": does.match(1); return true;
    case "N": does.match(-1); return true;
    case "p": does.go(does.parent(at)); return true;
    case "t": does.go(0); return true;
    case "0": does.fit(); return true;
    case "+": case "=": does.zoom(1.6); return true;
    case "-": does.zoom(1 / 1.6); return true;
  }
  return false;
}

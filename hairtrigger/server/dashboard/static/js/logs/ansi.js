// Colours that programs print, as names of ours; other control sequences are dropped.

const NAMES = ["black", "red", "green", "yellow", "blue", "magenta", "cyan", "white"];
// eslint-disable-next-line no-control-regex
const CODES = /\x1b\[([0-9;:]*)m|\x1b\[[0-9;?]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[@-Z\\-_]|[\x00-\x08\x0b-\x1f\x7f]/g;

/** @typedef {{text: string, look: string}} Piece `look` are names of classes */

/** @param {string} text @returns {Piece[]} */
export function pieces(text) {
  if (!hasCodes(text)) return [{ text, look: "" }];
  const found = [], style = { colour: "", bold: false, dim: false, italic: false, line: false };
  let from = 0;
  const add = (part) => { if (part) found.push({ text: part, look: classes(style) }); };
  for (const code of text.matchAll(CODES)) {
    add(text.slice(from, code.index));
    from = code.index + code[0].length;
    if (code[1] !== undefined) apply(style, code[1].split(/[;:]/).map(Number));
  }
  add(text.slice(from));
  return found;
}

/** The text alone. @param {string} text */
export const plain = (text) => hasCodes(text) ? text.replace(CODES, "") : text;

const hasCodes = (text) => /[\x00-\x08\x0b-\x1f\x7f]/.test(text);

/** @param {any} style @param {number[]} codes */
function apply(style, codes) {
  for (let i = 0; i < codes.length; i++) {
    const code = codes[i];
    if (code === 0) Object.assign(style, { colour: "", bold: false, dim: false, italic: false, line: false });
    else if (code === 1) style.bold = true;
    else if (code === 2) style.dim = true;
    else if (code === 3) style.italic = true;
    else if (code === 4) style.line = true;
    else if (code === 22) style.bold = style.dim = false;
    else if (code === 23) style.italic = false;
    else if (code === 24) style.line = false;
    else if (code >= 30 && code <= 37) style.colour = NAMES[code - 30];
    else if (code >= 90 && code <= 97) style.colour = NAMES[code - 90];
    else if (code === 39) style.colour = "";
    else if (code === 38 || code === 48) {
      const named = codes[i + 1] === 5 ? ofPalette(codes[i + 2]) : ofMix(codes.slice(i + 2, i + 5));
      if (code === 38) style.colour = named;
      i += codes[i + 1] === 5 ? 2 : 4;
    }
  }
}

/** @param {number} n one of 256 */
function ofPalette(n) {
  if (n < 16) return NAMES[n % 8];
  if (n >= 232) return n < 244 ? "black" : "white";
  const at = n - 16;
  return ofMix([Math.floor(at / 36) * 51, Math.floor(at / 6) % 6 * 51, at % 6 * 51]);
}

/** The name nearest to a mix of red, green and blue. @param {number[]} mix */
function ofMix(mix) {
  const most = Math.max(...mix), least = Math.min(...mix);
  if (most - least < 40) return most < 100 ? "black" : "white";
  return NAMES[mix.reduce((bits, part, place) => bits + (part > (most + least) / 2 ? 1 << place : 0), 0)];
}

/** @param {any} style */
function classes(style) {
  return [style.colour && `ansi-${style.colour}`, style.bold && "ansi-bold", style.dim && "ansi-dim",
    style.italic && "ansi-italic", style.line && "ansi-line"].filter(Boolean).join(" ");
}

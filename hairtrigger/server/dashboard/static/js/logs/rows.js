// One row of the log: when, how bad, in which span, and what.
import { el, icon, setText } from "../elements.js";
import { clock } from "../words.js";
import { pieces } from "./ansi.js";
import { details, hasDetails } from "./lines.js";

/** @returns {any} */
export function makeLine() {
  const parts = {
    at: el("span", { class: "log-at" }), level: el("span", { class: "log-level" }), span: el("span", { class: "log-span clip" }),
    more: el("button", { type: "button", class: "log-more", tabindex: "-1", "aria-label": "Details" }, icon("chevron-right")),
    text: el("span", { class: "log-text clip" }), shown: null, place: -1,
  };
  const row = el("div", { class: "log-row", tabindex: "-1" }, parts.at, parts.level, parts.span, el("span", { class: "log-what" }, parts.more, parts.text));
  return Object.assign(row, { parts });
}

/**
 * @param {any} row @param {import("./lines.js").Shown} shown
 * @param {{start: number, place: number, name: string, focused: boolean, chosen: boolean}} how
 */
export function fillLine(row, shown, how) {
  const { parts } = row, { line, part } = shown;
  row.className = `log-row is-${line.level}${part ? " is-part" : ""}${how.chosen ? " is-chosen" : ""}`;
  row.tabIndex = how.focused ? 0 : -1;
  Object.assign(parts, { shown, place: how.place });
  parts.more.hidden = part > 0 || !hasDetails(line);
  if (part) {
    const { name, text } = details(line)[part - 1] ?? { name: "", text: "" };
    setText(parts.at, "");
    setText(parts.level, "");
    setText(parts.span, "");
    parts.text.replaceChildren(...(name ? [el("b", {}, name), " "] : []), ...coloured(text));
    return;
  }
  setText(parts.at, clock(how.start + line.at));
  setText(parts.level, line.level.toUpperCase());
  setText(parts.span, how.name);
  parts.span.title = how.name;
  parts.more.setAttribute("aria-expanded", String(line.open));
  const message = line.message.split("\n", 1)[0];
  const brief = line.attributes && !line.open ? Object.entries(line.attributes).slice(0, 4).map(([name, value]) => `${name}=${short(value)}`).join(" ") : "";
  parts.text.replaceChildren(...coloured(message), ...(brief ? [el("span", { class: "log-brief" }, brief)] : []));
}

/** @param {string} text */
function coloured(text) {
  return pieces(text).map(({ text: part, look }) => look ? el("span", { class: look }, part) : document.createTextNode(part));
}

/** @param {any} value */
function short(value) {
  const text = typeof value === "string" ? value.split("\n", 1)[0] : JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}

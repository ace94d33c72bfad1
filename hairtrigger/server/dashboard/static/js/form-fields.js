// The controls of the form that is made from a schema: each shows a value, and puts another one when it is changed.
import { el } from "./elements.js";

/** @typedef {{schema: Record<string, any>, value: any, path: (string|number)[], name: string, required: boolean}} Place */
/** @typedef {{put: (path: (string|number)[], to: any, anew?: boolean) => void, key: (path: (string|number)[]) => string}} Hands */

/** What every control has. @param {Place} place @param {Hands} hands */
const base = (place, hands) => ({ id: `f-${hands.key(place.path)}`, "data-path": hands.key(place.path), "aria-label": place.name || place.path.join(" ") || "payload" });

/** What stands in an empty field. @param {Place} place */
const hint = (place) => (place.schema.default === undefined || place.schema.default === null ? "" : typeof place.schema.default === "string" ? place.schema.default : JSON.stringify(place.schema.default));

/** A number as it was written. @param {any} value */
// @ts-ignore (newer than the types)
const said = (value) => (value === undefined || value === null ? "" : JSON.isRawJSON?.(value) ? value.rawJSON : typeof value === "string" ? value : JSON.stringify(value));

/** Nothing: left out where that may be, else what an empty field stands for. @param {Place} place @param {any} empty */
const nothing = (place, empty) => (place.required ? empty : undefined);

/** A text. @param {Place} place @param {Hands} hands */
export function word(place, hands) {
  const text = said(place.value), long = text.includes("\n") || text.length > 120 || place.schema.maxLength > 500;
  const input = (/** @type {any} */ event) => hands.put(place.path, event.target.value === "" ? nothing(place, "") : event.target.value);
  const shared = { ...base(place, hands), class: "input", placeholder: hint(place), oninput: input, spellcheck: "false", autocomplete: "off" };
  return long ? el("textarea", { ...shared, rows: "3" }, text) : el("input", { ...shared, value: text });
}

/** A number; what is none is put as text, which the schema then complains of. @param {Place} place @param {Hands} hands */
export function number(place, hands) {
  const input = (/** @type {any} */ event) => {
    const text = event.target.value.trim();
    hands.put(place.path, text === "" ? nothing(place, null) : /^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$/.test(text) ? exact(text) : text);
  };
  return el("input", { ...base(place, hands), class: "input", inputmode: "decimal", value: said(place.value), placeholder: hint(place), oninput: input, autocomplete: "off" });
}

/** @param {string} text */
// @ts-ignore (newer than the types)
const exact = (text) => (String(Number(text)) !== text && JSON.rawJSON ? JSON.rawJSON(text) : Number(text));

/** A switch. @param {Place} place @param {Hands} hands */
export function boolean(place, hands) {
  const is = place.value === undefined ? place.schema.default === true : place.value === true;
  const change = (/** @type {any} */ event) => hands.put(place.path, event.target.checked, true);
  return el("input", { ...base(place, hands), type: "checkbox", role: "switch", class: "switch", checked: is, onchange: change });
}

/** One of several values. @param {Place} place @param {Hands} hands */
export function choice(place, hands) {
  const values = /** @type {any[]} */ (place.schema.enum), here = values.findIndex((one) => one === place.value);
  const free = place.value === undefined ? (place.required ? "choose…" : hint(place) ? `${hint(place)} (default)` : "left out") : null;
  const change = (/** @type {any} */ event) => hands.put(place.path, event.target.value === "" ? undefined : values[Number(event.target.value)], true);
  return el("select", { ...base(place, hands), class: "input", onchange: change },
    free ? el("option", { value: "" }, free) : null,
    here < 0 && place.value !== undefined ? el("option", { value: "", selected: true }, said(place.value)) : null,
    ...values.map((one, n) => el("option", { value: String(n), selected: n === here }, typeof one === "string" ? one : JSON.stringify(one))));
}

const MOMENTS = {
  "date-time": { type: "datetime-local", to: (/** @type {string} */ text) => `${text.length === 16 ? `${text}:00` : text}Z`,
    from: (/** @type {string} */ text) => { const ms = Date.parse(text); return Number.isNaN(ms) ? null : new Date(ms).toISOString().slice(0, 19); } },
  date: { type: "date", to: (/** @type {string} */ text) => text, from: (/** @type {string} */ text) => (/^\d{4}-\d\d-\d\d$/.test(text) ? text : null) },
};

/** A date, or a date and time in UTC; null when the value is none that such a field can show. @param {Place} place @param {Hands} hands */
export function moment(place, hands) {
  const how = MOMENTS[/** @type {keyof MOMENTS} */ (place.schema.format)];
  if (!how || (place.value != null && typeof place.value !== "string")) return null;
  const shown = place.value ? how.from(place.value) : "";
  if (shown === null) return null;
  const input = (/** @type {any} */ event) => hands.put(place.path, event.target.value === "" ? nothing(place, "") : how.to(event.target.value));
  const field = el("input", { ...base(place, hands), class: "input", type: how.type, step: how.type === "date" ? null : "1", value: shown, oninput: input });
  return how.type === "date" ? field : el("span", { class: "form-moment" }, field, el("span", { class: "quiet" }, "UTC"));
}

/** Any value, as JSON; what is none is a text. @param {Place} place @param {Hands} hands */
export function loose(place, hands) {
  const text = place.value === undefined ? "" : JSON.stringify(place.value);
  const input = (/** @type {any} */ event) => {
    let value = event.target.value;
    try { value = JSON.parse(value); } catch { /* a text, then */ }
    hands.put(place.path, value === "" ? nothing(place, null) : value);
  };
  return el("input", { ...base(place, hands), class: "input mono", value: text, placeholder: "any JSON", oninput: input, spellcheck: "false", autocomplete: "off" });
}

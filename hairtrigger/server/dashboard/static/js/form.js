// A form made from a task's JSON schema, beside the editor and always in sync with it: the textarea that both share
// is the truth. What is typed here changes one value in its JSON; what is typed there shows here.
import { el, icon, oncePerFrame } from "./elements.js";
import { boolean, choice, loose, moment, number, word } from "./form-fields.js";
import { island } from "./islands.js";
import { example, formsOf, isObject, kindsOf, problems, problemsOf, resolved, same } from "./schema.js";

/** @typedef {import("./schema.js").Path} Path @typedef {Record<string, any>} Schema */
/** @typedef {{schema: Schema, value: any, path: Path, name: string, required: boolean, nullable?: boolean, remove?: () => void}} Place */

const KINDS = { string: "text", integer: "whole number", number: "number", boolean: "true or false", array: "list", object: "object", null: "null" };

/** JSON whose numbers stay as they were written: 1.50, or one of twenty digits. @param {string} text */
function parse(text) {
  // @ts-ignore (JSON.rawJSON, and the reviver's third argument, are newer than the types)
  return JSON.parse(text, (_, value, context) => (typeof value === "number" && context && JSON.rawJSON && String(value) !== context.source ? JSON.rawJSON(context.source) : value));
}

const key = (/** @type {Path} */ path) => JSON.stringify(path);

/** @param {any} value @param {Path} path */
const at = (value, path) => path.reduce((here, step) => (here == null ? undefined : here[step]), value);

/** A value with another one at a path; `undefined` takes a member away. @param {any} value @param {Path} path @param {any} to @returns {any} */
function put(value, path, to) {
  if (!path.length) return to;
  const [step, ...rest] = path;
  if (typeof step === "number") {
    const made = Array.isArray(value) ? [...value] : [];
    if (to === undefined && !rest.length) made.splice(step, 1); else made[step] = put(made[step], rest, to);
    return made;
  }
  const made = isObject(value) ? { ...value } : {};
  if (to === undefined && !rest.length) delete made[step]; else made[step] = put(made[step], rest, to);
  return made;
}

/** @param {HTMLElement} root */
function mount(root) {
  const area = /** @type {HTMLTextAreaElement} */ (document.getElementById(root.dataset.for ?? ""));
  /** @type {Schema} */
  const schema = JSON.parse(root.dataset.schema ?? "{}");
  /** @type {any} */
  let value;
  let mine = false;
  /** @type {Map<string, string>} */
  const shown = new Map(); // which form of a union was chosen, while nothing of it is typed yet

  const controls = { put: change, key };

  function read() {
    if (mine) return;
    try {
      const text = area.value.trim(), found = text ? parse(text) : undefined;
      root.classList.remove("is-broken");
      if (root.childElementCount && same(found, value)) return;
      value = found;
      draw();
    } catch {
      root.classList.add("is-broken");
    }
  }

  /** @param {Path} path @param {any} to @param {boolean} [anew] whether the form has other fields then */
  function change(path, to, anew = false) {
    value = put(value, path, to);
    mine = true;
    area.value = value === undefined ? "" : JSON.stringify(value, null, 2);
    area.dispatchEvent(new Event("input", { bubbles: true }));
    mine = false;
    if (anew) draw(); else judge();
  }

  function draw() {
    const active = /** @type {HTMLElement|null} */ (root.contains(document.activeElement) ? document.activeElement : null), focus = active?.dataset.path;
    const { scrollTop } = root;
    root.replaceChildren(
      el("p", { class: "broken hint is-bad" }, "The JSON is not valid: the form waits until it is."),
      field({ schema, value, path: [], name: "", required: true }),
    );
    root.scrollTop = scrollTop;
    if (focus) [...root.querySelectorAll("[data-path]")].find((one) => /** @type {HTMLElement} */ (one).dataset.path === focus)?.focus();
    judge();
  }

  /** Say what is wrong at the fields where it is. */
  const judge = oncePerFrame(() => {
    for (const one of root.querySelectorAll("[data-wrong]")) { one.textContent = ""; one.hidden = true; }
    for (const one of root.querySelectorAll("[aria-invalid]")) one.removeAttribute("aria-invalid");
    if (value === undefined) return;
    for (const { path, text } of problems(schema, JSON.parse(JSON.stringify(value)))) {
      for (let near = path; ; near = near.slice(0, -1)) {
        const place = [...root.querySelectorAll("[data-wrong]")].find((one) => one.dataset.wrong === key(near));
        if (!place && near.length) continue;
        if (!place) break;
        const rest = path.slice(near.length).join(".");
        place.textContent = [place.textContent, rest ? `${rest}: ${text}` : text].filter(Boolean).join("; ");
        place.hidden = false;
        [...root.querySelectorAll("[data-path]")].find((one) => one.dataset.path === key(near))?.setAttribute("aria-invalid", "true");
        break;
      }
    }
  });

  /** A field with its label, its control and what is wrong with it. @param {Place} place @returns {HTMLElement} */
  function field(place) {
    const part = resolved(schema, place.schema), forms = formsOf(part), real = forms.filter((one) => kindsOf(resolved(schema, one))[0] !== "null");
    if (real.length > 1) return union(place, part, forms);
    const { anyOf: _, oneOf: __, ...rest } = part;
    const found = { ...place, schema: merged({ ...rest, ...resolved(schema, real[0] ?? {}), ...described(part) }), nullable: real.length < forms.length };
    return found.nullable && place.value === null ? framed(found, el("code", { class: "quiet", "data-path": key(place.path) }, "null")) : single(found);
  }

  /** What a part says of itself, whatever form it has. @param {Schema} part */
  const described = (part) => Object.fromEntries(["description", "default"].filter((name) => name in part).map((name) => [name, part[name]]));

  /** @param {Schema} part */
  function merged(part) {
    if (!Array.isArray(part.allOf)) return part;
    return part.allOf.reduce((/** @type {Schema} */ all, /** @type {any} */ one) => ({ ...resolved(schema, one), ...all }), part);
  }

  /** @param {Place} place */
  function single(place) {
    const kind = kindsOf(place.schema)[0];
    if (kind === "object") return object(place);
    if (kind === "array") return array(place);
    if (kind === "boolean" && place.name) return el("div", { class: "form-field" }, head(place, "", boolean(place, controls)), wrong(place));
    return framed(place, control(place, kind));
  }

  /** @param {Place} place @param {string|undefined} kind */
  function control(place, kind) {
    const { schema: part } = place;
    if ("const" in part) return el("code", { class: "soft", "data-path": key(place.path) }, JSON.stringify(part.const));
    if (Array.isArray(part.enum)) return choice(place, controls);
    if (kind === "null") return el("code", { class: "quiet" }, "null");
    if (kind === "boolean") return boolean(place, controls);
    if (kind === "integer" || kind === "number") return number(place, controls);
    if (kind === "string") return moment(place, controls) ?? word(place, controls);
    return loose(place, controls);
  }

  /** @param {Place} place @param {...any} inside */
  function framed(place, ...inside) {
    return el("div", { class: "form-field" }, head(place, kindsOf(place.schema).map((kind) => KINDS[/** @type {keyof KINDS} */ (kind)] ?? kind).join(" or ")), ...inside, wrong(place));
  }

  /** @param {Place} place @param {string} kind @param {...any} more */
  function head(place, kind, ...more) {
    const is = place.value !== undefined, isNull = place.value === null;
    const none = () => change(place.path, isNull ? begun(place.schema) : null, true);
    const toggle = place.nullable ? el("button", { type: "button", class: "null", "aria-pressed": String(isNull), title: "No value, said so", onclick: none }, "null") : null;
    if (!place.name) return more.length || toggle ? el("div", { class: "form-head" }, ...more, toggle) : null;
    return el("div", { class: "form-head" },
      el("label", { for: `f-${key(place.path)}` }, place.name, place.required ? null : el("span", { class: "quiet" }, " optional")),
      ...more, toggle,
      kind ? el("span", { class: "quiet" }, limits(place.schema, kind)) : null,
      is && (place.remove || !place.required)
        ? el("button", { type: "button", class: "copy", "aria-label": `Leave out ${place.name}`, title: "Leave out", onclick: place.remove ?? (() => change(place.path, undefined, true)) }, icon("x"))
        : null,
      place.schema.description ? el("span", { class: "form-hint" }, place.schema.description) : null);
  }

  /** @param {Place} place */
  const wrong = (place) => el("span", { class: "hint is-bad", "data-wrong": key(place.path), hidden: true });

  /** @param {Place} place @param {Schema} part @param {any[]} forms */
  function union(place, part, forms) {
    const options = forms.map((one) => resolved(schema, one)), id = key(place.path);
    const fits = (/** @type {number} */ n) => problemsOf(schema, forms[n], plain(place.value)).length;
    const chosen = shown.get(id), best = options.map((_, n) => fits(n)), least = best.indexOf(Math.min(...best));
    const here = place.value === undefined ? Number(chosen ?? -1) : least;
    const pick = (/** @type {number} */ n) => { shown.set(id, String(n)); change(place.path, n === here && place.value !== undefined ? place.value : example(schema, forms[n]), true); };
    const tabs = el("span", { class: "segments", role: "group", "aria-label": `Form of ${place.name || "the payload"}` },
      ...options.map((one, n) => el("button", { type: "button", "aria-pressed": String(n === here), onclick: () => pick(n) }, title(one))));
    const inner = here < 0 ? null : single({ ...place, name: "", required: true, schema: options[here] });
    return el("div", { class: "form-field" }, head({ ...place, schema: part }, "", tabs), inner, here < 0 || kindsOf(options[here])[0] === "null" ? wrong(place) : null);
  }

  /** A value as the check knows it: numbers are numbers. */
  const plain = (/** @type {any} */ one) => (one === undefined ? undefined : JSON.parse(JSON.stringify(one)));

  /** @param {Schema} one */
  function title(one) {
    const fixed = Object.values(one.properties ?? {}).map((part) => resolved(schema, part)).find((part) => typeof part.const === "string");
    if (fixed) return fixed.const;
    if (typeof one.title === "string") return one.title;
    if ("const" in one) return JSON.stringify(one.const);
    return one.format ?? kindsOf(one).map((kind) => KINDS[/** @type {keyof KINDS} */ (kind)] ?? kind).join(" or ") ?? "any";
  }

  /** @param {Place} place */
  function object(place) {
    const { schema: part, path } = place, known = part.properties ?? {}, required = new Set(part.required ?? []);
    const given = isObject(place.value) ? place.value : {}, extra = Object.keys(given).filter((name) => !Object.hasOwn(known, name));
    if (place.value === undefined && !place.required) return absent(place, "object");
    const fields = Object.entries(known).map(([name, one]) => field({ schema: one, value: given[name], path: [...path, name], name, required: required.has(name) }));
    const open = part.additionalProperties, entries = extra.map((name) => entry(isObject(open) ? open : {}, given[name], path, name));
    const add = isObject(open) || open === true ? adder("Add an entry", () => change([...path, fresh(given)], example(schema, open === true ? {} : open), true)) : null;
    const inside = [...fields, ...entries, add].filter(Boolean);
    if (!place.name) return el("div", { class: "form-group" }, ...inside, wrong(place));
    return group(place, "", inside);
  }

  /** A member whose name is free. @param {any} part @param {any} one @param {Path} path @param {string} name */
  function entry(part, one, path, name) {
    const rename = (/** @type {Event} */ event) => {
      const to = /** @type {HTMLInputElement} */ (event.target).value, holder = at(value, path);
      if (to === name || Object.hasOwn(holder, to)) return;
      change(path, Object.fromEntries(Object.entries(holder).map(([old, kept]) => [old === name ? to : old, kept])), true);
    };
    const made = field({ schema: part, value: one, path: [...path, name], name, required: true, remove: () => change([...path, name], undefined, true) });
    made.querySelector(".form-head label")?.replaceWith(el("input", { class: "input form-key", value: name, "aria-label": "Name of the entry", onchange: rename }));
    return made;
  }

  /** @param {Schema} given */
  function fresh(given) {
    for (let n = 1; ; n++) if (!Object.hasOwn(given, `key${n}`)) return `key${n}`;
  }

  /** @param {Place} place */
  function array(place) {
    const { schema: part, path } = place, given = Array.isArray(place.value) ? place.value : [], first = part.prefixItems ?? [];
    if (place.value === undefined && !place.required) return absent(place, "list");
    const fields = given.map((one, n) => field({
      schema: first[n] ?? part.items ?? {}, value: one, path: [...path, n], name: `${place.name || "item"} ${n + 1}`, required: true,
      remove: n < first.length ? undefined : () => change([...path, n], undefined, true),
    }));
    const closed = part.items === false || (first.length && part.items === undefined);
    const add = closed ? null : adder("Add an item", () => change([...path, given.length], example(schema, part.items ?? {}), true));
    return group(place, "list", [...fields, add]);
  }

  /** Fields that belong together. @param {Place} place @param {string} kind @param {any[]} inside */
  function group(place, kind, inside) {
    const legend = el("legend", { "data-path": key(place.path) }, head(place, kind) ?? "Items");
    return el("fieldset", { class: "form-set" }, legend, el("div", { class: "form-group" }, ...inside), wrong(place));
  }

  /** @param {Place} place @param {string} kind */
  function absent(place, kind) {
    return el("div", { class: "form-field" }, head(place, kind), adder(`Add ${place.name}`, () => change(place.path, begun(place.schema), true)), wrong(place));
  }

  /** What an absent part begins with: its default when that is something. @param {Schema} part */
  function begun(part) {
    const { default: usual, ...rest } = part;
    return usual ?? example(schema, rest);
  }

  /** @param {string} words @param {() => void} work */
  const adder = (words, work) => el("button", { type: "button", class: "btn form-add", onclick: work }, icon("plus"), words);

  area.addEventListener("input", read);
  root.hidden = false;
  read();
  return { destroy() { area.removeEventListener("input", read); } };
}

/** The kind of a value, and its bounds. @param {Schema} part @param {string} kind */
function limits(part, kind) {
  const least = part.minimum ?? part.exclusiveMinimum ?? part.minItems, most = part.maximum ?? part.exclusiveMaximum ?? part.maxItems;
  const span = least != null && most != null ? `, ${least} to ${most}` : least != null ? `, from ${least}` : most != null ? `, up to ${most}` : "";
  return `${part.format ?? kind}${span}`;
}

island("form", mount);

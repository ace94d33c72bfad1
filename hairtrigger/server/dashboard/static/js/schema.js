// What the JSON schema of a payload says of a value, and a value to begin with: as rules/schemas.py says it on the
// server, by the same cases.

/** @typedef {Record<string, any>} Schema @typedef {(string|number)[]} Path @typedef {{path: Path, text: string}} Problem */

const DEEP = 40, MOST = 50, PATTERN_CHARS = 1000;
/** @type {Record<string, string>} */
const WORDS = { object: "an object", array: "a list", string: "text", integer: "a whole number", number: "a number", boolean: "true or false", null: "null" };
/** @type {Record<string, [RegExp, string]>} */
const FORMATS = {
  "date-time": [/^\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d(:\d\d(\.\d+)?)?([Zz]|[+-]\d\d:?\d\d)?$/, "a date and time"],
  date: [/^\d{4}-\d\d-\d\d$/, "a date"],
  time: [/^\d\d:\d\d(:\d\d(\.\d+)?)?([Zz]|[+-]\d\d:?\d\d)?$/, "a time"],
  uuid: [/^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$/, "a UUID"],
  email: [/^[^@\s]+@[^@\s]+$/, "an email address"],
};
/** @type {Record<string, string>} */
const BEGINNINGS = { "date-time": "2026-01-01T00:00:00Z", date: "2026-01-01", time: "00:00:00", uuid: "00000000-0000-0000-0000-000000000000",
  email: "name@example.com", uri: "https://example.com" };

/** @param {any} value */
export const isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value);
/** @param {Schema} schema @param {string} name @returns {any[]} */
const list = (schema, name) => (Array.isArray(schema[name]) ? schema[name] : []);

/** What is wrong with a value, at most fifty. @param {Schema} schema @param {any} value @returns {Problem[]} */
export const problems = (schema, value) => problemsOf(schema, schema, value);

/** The same of a part of a schema, whose references lead through the whole. @param {Schema} root @param {any} part @param {any} value */
export const problemsOf = (root, part, value) => check(root, part, value, [], 0).slice(0, MOST);

/** A value of the schema to begin with: what is required, and no more. @param {Schema} root @param {any} [part] @param {number} [depth] @returns {any} */
export function example(root, part = root, depth = 0) {
  const schema = resolved(root, part);
  for (const name of ["default", "const"]) if (name in schema) return schema[name];
  for (const name of ["examples", "enum"]) if (list(schema, name).length) return schema[name][0];
  const options = formsOf(schema).length ? formsOf(schema) : list(schema, "allOf");
  if (options.length && depth <= DEEP) return example(root, options[0], depth + 1);
  const kind = kindsOf(schema)[0];
  if (kind === "object" && depth <= DEEP) {
    return Object.fromEntries(list(schema, "required").map((name) => [name, example(root, schema.properties?.[name] ?? {}, depth + 1)]));
  }
  if (kind === "array" && depth <= DEEP) {
    const first = list(schema, "prefixItems").map((one) => example(root, one, depth + 1));
    while (first.length < (schema.minItems ?? 0)) first.push(example(root, schema.items ?? {}, depth + 1));
    return first;
  }
  if (kind === "string") return BEGINNINGS[schema.format] ?? "";
  if (kind === "integer" || kind === "number") return schema.minimum ?? (schema.exclusiveMinimum ?? -1) + 1;
  return kind === "boolean" ? false : null;
}

/** A part of a schema behind its reference, with what stands beside the reference. @param {Schema} root @param {any} part @returns {Schema} */
export function resolved(root, part) {
  let beside = {};
  for (let n = 0; n < DEEP && isObject(part) && "$ref" in part; n++) {
    beside = { ...part, ...beside };
    part = String(part.$ref).replace(/^#/, "").split("/").slice(1)
      .reduce((/** @type {any} */ at, name) => (isObject(at) ? at[name.replaceAll("~1", "/").replaceAll("~0", "~")] : undefined), root);
  }
  const { $ref: _, ...rest } = /** @type {Schema} */ (beside);
  return isObject(part) ? { ...part, ...rest } : rest;
}

/** The forms that a value may have. @param {Schema} schema */
export const formsOf = (schema) => (list(schema, "anyOf").length ? list(schema, "anyOf") : list(schema, "oneOf"));

/** The types that a schema names. @param {Schema} schema @returns {string[]} */
export const kindsOf = (schema) => [schema.type ?? ("properties" in schema ? "object" : [])].flat();

/** @param {string} kind @param {any} value */
export function isKind(kind, value) {
  if (kind === "object") return isObject(value);
  if (kind === "array") return Array.isArray(value);
  if (kind === "null") return value === null;
  if (kind === "integer") return Number.isInteger(value);
  return ["string", "boolean", "number"].includes(kind) ? typeof value === kind : true;
}

/** @param {Schema} root @param {any} part @param {any} value @param {Path} path @param {number} depth @returns {Problem[]} */
function check(root, part, value, path, depth) {
  if (part === false) return [{ path, text: "is not allowed" }];
  if (depth > DEEP || !isObject(part)) return [];
  const schema = resolved(root, part), found = list(schema, "allOf").flatMap((one) => check(root, one, value, path, depth + 1));
  const options = formsOf(schema);
  if (options.length) found.push(...best(options.map((one) => check(root, one, value, path, depth + 1)), path));
  if ("const" in schema && !same(schema.const, value)) found.push({ path, text: `must be ${JSON.stringify(schema.const)}` });
  if ("enum" in schema && !list(schema, "enum").some((one) => same(one, value))) {
    found.push({ path, text: `must be one of ${list(schema, "enum").map((one) => JSON.stringify(one)).join(", ")}` });
  }
  const kinds = kindsOf(schema);
  if (kinds.length && !kinds.some((kind) => isKind(kind, value))) {
    return [...found, { path, text: `must be ${kinds.map((kind) => WORDS[kind] ?? kind).join(" or ")}` }];
  }
  const say = (/** @type {string[]} */ texts) => texts.map((text) => ({ path, text }));
  if (typeof value === "string") return [...found, ...say(text(schema, value))];
  if (typeof value === "number") return [...found, ...say(number(schema, value))];
  if (Array.isArray(value)) return [...found, ...items(root, schema, value, path, depth)];
  return isObject(value) ? [...found, ...members(root, schema, value, path, depth)] : found;
}

/** The problems of the form that is most likely meant: of the value's own kind, and with the fewest. @param {Problem[][]} tried @param {Path} path */
function best(tried, path) {
  if (tried.some((one) => !one.length)) return [];
  const meant = tried.filter((one) => one.some((problem) => problem.path.length !== path.length));
  return (meant.length ? meant : tried).reduce((least, one) => (one.length < least.length ? one : least));
}

/** @param {Schema} schema @param {string} value */
function text(schema, value) {
  const found = [], length = [...value].length;
  if (length < (schema.minLength ?? 0)) found.push(`needs ${schema.minLength} characters or more`);
  if (length > (schema.maxLength ?? length)) found.push(`has more than ${schema.maxLength} characters`);
  if ("pattern" in schema && length <= PATTERN_CHARS && !fits(schema.pattern, value)) found.push(`must match ${schema.pattern}`);
  const format = FORMATS[schema.format];
  if (format && !format[0].test(value)) found.push(`must be ${format[1]}`);
  return found;
}

/** @param {string} pattern @param {string} value */
function fits(pattern, value) {
  try { return new RegExp(pattern, "u").test(value); } catch { return true; } // of another dialect
}

/** @param {Schema} schema @param {number} value */
function number(schema, value) {
  const found = [], { minimum, maximum, exclusiveMinimum, exclusiveMaximum, multipleOf } = schema;
  if (value < minimum) found.push(`must be ${minimum} or more`);
  if (value > maximum) found.push(`must be ${maximum} or less`);
  if (value <= exclusiveMinimum) found.push(`must be more than ${exclusiveMinimum}`);
  if (value >= exclusiveMaximum) found.push(`must be less than ${exclusiveMaximum}`);
  if (multipleOf && Math.abs(value / multipleOf - Math.round(value / multipleOf)) > 1e-9) found.push(`must be a multiple of ${multipleOf}`);
  return found;
}

/** @param {Schema} root @param {Schema} schema @param {any[]} value @param {Path} path @param {number} depth */
function items(root, schema, value, path, depth) {
  const found = [], first = list(schema, "prefixItems");
  if (value.length < (schema.minItems ?? 0)) found.push({ path, text: `needs ${schema.minItems} items or more` });
  if (value.length > (schema.maxItems ?? value.length)) found.push({ path, text: `has more than ${schema.maxItems} items` });
  if (schema.uniqueItems && new Set(value.map((one) => JSON.stringify(one))).size < value.length) found.push({ path, text: "has an item twice" });
  value.forEach((one, n) => found.push(...check(root, n < first.length ? first[n] : schema.items, one, [...path, n], depth + 1)));
  return found;
}

/** @param {Schema} root @param {Schema} schema @param {Schema} value @param {Path} path @param {number} depth */
function members(root, schema, value, path, depth) {
  const found = [], known = schema.properties ?? {};
  for (const name of list(schema, "required")) if (!Object.hasOwn(value, name)) found.push({ path: [...path, name], text: "is missing" });
  for (const [name, one] of Object.entries(value)) {
    if (Object.hasOwn(known, name)) found.push(...check(root, known[name], one, [...path, name], depth + 1));
    else if ("additionalProperties" in schema) found.push(...check(root, schema.additionalProperties, one, [...path, name], depth + 1));
  }
  return found;
}

/** @param {any} one @param {any} other */
export function same(one, other) {
  if (one === other) return true;
  if (Array.isArray(one) && Array.isArray(other)) return one.length === other.length && one.every((item, n) => same(item, other[n]));
  if (!isObject(one) || !isObject(other)) return false;
  const names = Object.keys(one);
  return names.length === Object.keys(other).length && names.every((name) => Object.hasOwn(other, name) && same(one[name], other[name]));
}

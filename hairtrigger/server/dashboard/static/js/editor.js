// The JSON editor: CodeMirror beside a textarea, which stays the form's field. Whoever changes the textarea's value
// fires `input` on it; the editor follows, and fires the same when somebody types in it.
import { el } from "./elements.js";
import { island } from "./islands.js";
import { problems } from "./schema.js";
import {
  bracketMatching, closeBrackets, closeBracketsKeymap, defaultKeymap, EditorState, EditorView, foldGutter, foldKeymap, HighlightStyle, history,
  historyKeymap, indentOnInput, indentUnit, json, jsonParseLinter, keymap, lineNumbers, lintGutter, lintKeymap, linter, syntaxHighlighting, syntaxTree, tags,
} from "../vendor/codemirror-json.js";

const LINT_MS = 250;
const theme = EditorView.theme({
  "&": { height: "100%", width: "100%", color: "var(--fg-1)", background: "transparent", fontSize: "12px" },
  "&.cm-focused": { outline: "none" },
  ".cm-scroller": { fontFamily: "var(--font-mono)", lineHeight: "1.6", overflow: "auto" },
  ".cm-content": { padding: "8px 0", caretColor: "var(--ember)" },
  ".cm-line": { padding: "0 10px 0 4px" },
  ".cm-gutters": { background: "transparent", color: "var(--fg-3)", border: "none" },
  ".cm-lineNumbers .cm-gutterElement": { padding: "0 2px 0 8px", minWidth: "26px" },
  ".cm-foldGutter .cm-gutterElement": { color: "var(--fg-3)", padding: "0 2px" },
  ".cm-gutter-lint": { width: "14px" },
  ".cm-gutter-lint .cm-gutterElement": { padding: "0 0 0 4px" },
  ".cm-lint-marker": { width: "8px", height: "8px", marginTop: "6px", borderRadius: "50%", background: "var(--fail)", content: "none" },
  ".cm-lint-marker-error": { content: "none" },
  ".cm-lintRange-error": { backgroundImage: "none", textDecoration: "underline wavy var(--fail) 1px", textUnderlineOffset: "3px" },
  ".cm-cursor": { borderLeftColor: "var(--ember)" },
  "&.cm-focused .cm-selectionBackground, .cm-selectionBackground, .cm-content ::selection": { background: "var(--ember-soft)" },
  "&.cm-focused .cm-matchingBracket": { background: "var(--bg-5)", outline: "none" },
  ".cm-tooltip": { background: "var(--bg-4)", color: "var(--fg-1)", border: "1px solid var(--line-2)", borderRadius: "6px", fontFamily: "var(--font-sans)" },
  ".cm-diagnostic": { padding: "5px 9px", borderLeft: "none", whiteSpace: "pre-wrap" },
  ".cm-foldPlaceholder": { background: "var(--bg-4)", border: "none", color: "var(--fg-2)", padding: "0 5px" },
  ".cm-panels": { background: "var(--bg-3)", color: "var(--fg-1)", borderTop: "1px solid var(--line-2)" },
});
const colours = HighlightStyle.define([
  { tag: tags.propertyName, color: "var(--code-key)" }, { tag: tags.string, color: "var(--code-str)" }, { tag: tags.number, color: "var(--code-num)" },
  { tag: tags.bool, color: "var(--code-kw)" }, { tag: tags.null, color: "var(--code-null)" }, { tag: tags.punctuation, color: "var(--fg-2)" },
]);

/** Where a part of a JSON text lies: its value, or the name of what lacks a member. @param {any} state @param {(string|number)[]} path */
export function rangeOf(state, path) {
  let node = syntaxTree(state).topNode.firstChild;
  for (const step of path) {
    const found = node && (typeof step === "number" ? itemOf(node, step) : memberOf(state, node, step));
    if (!found) break;
    node = found;
  }
  if (!node) return { from: 0, to: Math.min(1, state.doc.length) };
  const whole = node.name === "Object" || node.name === "Array";
  return { from: node.from, to: whole ? node.from + 1 : node.to };
}

/** @param {any} node @param {number} n */
function itemOf(node, n) {
  if (node.name !== "Array") return null;
  for (let at = node.firstChild; at; at = at.nextSibling) if (!"[],".includes(at.name) && n-- === 0) return at;
  return null;
}

/** @param {any} state @param {any} node @param {string} name */
function memberOf(state, node, name) {
  if (node.name !== "Object") return null;
  for (const one of node.getChildren("Property")) {
    const key = one.firstChild;
    if (key && parsed(state.sliceDoc(key.from, key.to)) === name && one.lastChild !== key) return one.lastChild;
  }
  return null;
}

/** @param {string} text */
function parsed(text) {
  try { return JSON.parse(text); } catch { return undefined; }
}

/** Typing over a selection: the browser would carry the look of what is replaced along as an inline style, which our policy
 * of contents refuses aloud. */
const overtype = EditorView.domEventHandlers({
  beforeinput(/** @type {InputEvent} */ event, /** @type {any} */ view) {
    const { main } = view.state.selection, text = event.data;
    if (event.inputType !== "insertText" || event.isComposing || main.empty || !text) return false;
    const insert = () => view.state.update(view.state.replaceSelection(text), { userEvent: "input.type", scrollIntoView: true });
    const taken = view.state.facet(EditorView.inputHandler).some((/** @type {any} */ one) => one(view, main.from, main.to, text, insert));
    if (!taken) view.dispatch(insert());
    event.preventDefault();
    return true;
  },
});

const isJson = jsonParseLinter();

/** What is wrong, for the gutter. @param {any} schema */
const lint = (schema) => (/** @type {any} */ view) => {
  const text = view.state.doc.toString();
  if (!text.trim()) return [];
  const broken = isJson(view);
  if (broken.length) return broken.map((/** @type {any} */ one) => ({ ...one, message: "Not valid JSON here." }));
  const value = parsed(text);
  return schema && value !== undefined
    ? problems(schema, value).map((one) => ({ ...rangeOf(view.state, one.path), severity: "error", message: `${one.path.join(".") || "payload"}: ${one.text}` }))
    : [];
};

/** @param {HTMLElement} field */
function mount(field) {
  const area = /** @type {HTMLTextAreaElement} */ (field), label = area.labels?.[0]?.textContent ?? "JSON";
  const host = el("div", { class: "editor", "data-editor": area.id }), schema = area.dataset.schema ? JSON.parse(area.dataset.schema) : null;
  const shadow = host.attachShadow({ mode: "open" });
  area.after(host);
  area.hidden = true;
  let typing = false;
  const view = new EditorView({
    parent: shadow, root: shadow,
    state: EditorState.create({
      doc: area.value,
      extensions: [
        lineNumbers(), foldGutter(), lintGutter(), history(), indentUnit.of("  "), EditorState.tabSize.of(2), indentOnInput(), bracketMatching(),
        closeBrackets(), overtype, json(), syntaxHighlighting(colours), theme, EditorView.lineWrapping, linter(lint(schema), { delay: LINT_MS }),
        EditorView.contentAttributes.of({ "aria-label": label }),
        keymap.of([{ key: "Mod-Enter", run: () => true }, ...closeBracketsKeymap, ...defaultKeymap, ...historyKeymap, ...foldKeymap, ...lintKeymap]),
        EditorView.updateListener.of((/** @type {any} */ update) => {
          if (!update.docChanged || area.value === update.state.doc.toString()) return;
          typing = true;
          area.value = update.state.doc.toString();
          area.dispatchEvent(new Event("input", { bubbles: true }));
          typing = false;
        }),
      ],
    }),
  });
  const follow = () => { if (!typing) replace(view, area.value); };
  // keys of the page are not meant while somebody types here; those with a modifier are
  const keep = (/** @type {KeyboardEvent} */ event) => { if (!event.ctrlKey && !event.metaKey && event.key !== "Escape") event.stopPropagation(); };
  const focus = () => view.focus();
  area.addEventListener("input", follow);
  area.labels?.forEach((one) => one.addEventListener("click", focus));
  host.addEventListener("keydown", keep);
  host.view = view;
  return { destroy() { area.removeEventListener("input", follow); view.destroy(); host.remove(); } };
}

/** Make the editor's text another one by changing what differs, so that the cursor stays. @param {any} view @param {string} text */
function replace(view, text) {
  const old = view.state.doc.toString();
  if (old === text) return;
  let from = 0, end = 0;
  const most = Math.min(old.length, text.length);
  while (from < most && old[from] === text[from]) from++;
  while (end < most - from && old[old.length - 1 - end] === text[text.length - 1 - end]) end++;
  view.dispatch({ changes: { from, to: old.length - end, insert: text.slice(from, text.length - end) } });
}

island("editor", mount);

// What the JSON editor takes from CodeMirror. esbuild makes it one module and leaves out the rest, so each name
// here has its price: the search panel would be 5 kB more (gzip), the completion popup 9 kB.
export { closeBrackets, closeBracketsKeymap } from "@codemirror/autocomplete"
export { defaultKeymap, history, historyKeymap, indentWithTab } from "@codemirror/commands"
export { json, jsonParseLinter } from "@codemirror/lang-json"
export {
  HighlightStyle,
  bracketMatching,
  foldGutter,
  foldKeymap,
  indentOnInput,
  indentUnit,
  syntaxHighlighting,
  syntaxTree,
} from "@codemirror/language"
export { lintGutter, lintKeymap, linter, setDiagnostics } from "@codemirror/lint"
export { highlightSelectionMatches } from "@codemirror/search"
export { Compartment, EditorState } from "@codemirror/state"
export { EditorView, keymap, lineNumbers } from "@codemirror/view"
export { tags } from "@lezer/highlight"

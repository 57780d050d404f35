// What of CodeMirror the rule editor uses. Bundled into codemirror.min.js as the global `CodeMirror`;
// ../README.md says how.
export { basicSetup } from "codemirror";
export { EditorState } from "@codemirror/state";
export { EditorView, hoverTooltip, keymap } from "@codemirror/view";
export { HighlightStyle, syntaxHighlighting, syntaxTree } from "@codemirror/language";
export { autocompletion, startCompletion } from "@codemirror/autocomplete";
export { lintGutter, setDiagnostics } from "@codemirror/lint";
export { openSearchPanel, search } from "@codemirror/search";
export { json } from "@codemirror/lang-json";
export { tags } from "@lezer/highlight";

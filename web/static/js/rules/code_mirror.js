// CodeMirror configured for rule files: texts, lint marks, completion, descriptions on hover and the theme. CodeMirror
// injects its own style sheet, which the content security policy allows by its nonce.
"use strict";

window.RuleCode = (function () {
  const { EditorView, EditorState, HighlightStyle, tags } = CodeMirror;

  const TEXTS = JSON.parse(document.getElementById("editor-texts").textContent);

  // A text of the page's language; {names} in it are replaced by values.
  function text(name, values = {}) {
    return TEXTS[name].replace(/\{(\w+)\}/g, (found, key) => (key in values ? values[key] : found));
  }

  const PHRASES = {
    next: text("next"),
    previous: text("previous"),
    all: text("all"),
    "match case": text("match_case"),
    regexp: text("pattern"),
    "by word": text("whole_words"),
    Find: text("find"),
    replace: text("replace"),
    "replace all": text("replace_all"),
    Replace: text("replace_with"),
    close: text("close"),
    "current match": text("current_match"),
    "on line": text("on_line"),
    "replaced match on line $": text("replaced_match"),
    "replaced $ matches": text("replaced_matches"),
    "Fold line": text("fold_line"),
    "Unfold line": text("unfold_line"),
    "Folded lines": text("folded_lines"),
    "Unfolded lines": text("unfolded_lines"),
    "folded code": text("folded_code"),
    unfold: text("unfold"),
    to: text("to"),
    "Go to line": text("go_to_line"),
    go: text("go"),
    Diagnostics: text("diagnostics"),
    "No diagnostics": text("no_diagnostics"),
    Completions: text("completions"),
    "Control character": text("control_character"),
    "Selection deleted": text("selection_deleted"),
  };

  const colours = HighlightStyle.define([
    { tag: tags.propertyName, color: "var(--accent)" },
    { tag: tags.string, color: "var(--success)" },
    { tag: [tags.number, tags.bool, tags.null], color: "var(--info)" },
    { tag: [tags.separator, tags.squareBracket, tags.brace, tags.punctuation], color: "var(--muted)" },
  ]);

  const theme = EditorView.theme({
    "&": { color: "var(--text)", backgroundColor: "var(--surface)", fontSize: "0.8125rem" },
    "&.cm-focused": { outline: "3px solid var(--focus)", outlineOffset: "1px" },
    ".cm-scroller": { fontFamily: "var(--mono)", lineHeight: "1.5", overflow: "auto" },
    ".cm-content": { caretColor: "var(--text)", padding: "0.5rem 0" },
    ".cm-gutters": { backgroundColor: "var(--inset)", color: "var(--muted)", border: "0", borderRight: "1px solid var(--border)" },
    ".cm-activeLine": { backgroundColor: "color-mix(in srgb, var(--hover) 55%, transparent)" },
    ".cm-activeLineGutter": { backgroundColor: "var(--hover)", color: "var(--text)" },
    "&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground": {
      backgroundColor: "var(--pico-text-selection-color)",
    },
    ".cm-cursor, .cm-dropCursor": { borderLeftColor: "var(--text)", borderLeftWidth: "2px" },
    "&.cm-focused .cm-matchingBracket": { backgroundColor: "var(--selected)", outline: "1px solid var(--accent)" },
    ".cm-selectionMatch, .cm-searchMatch": { backgroundColor: "var(--warning-background)" },
    ".cm-searchMatch-selected": { backgroundColor: "var(--selected)", outline: "1px solid var(--accent)" },
    ".cm-foldPlaceholder": { backgroundColor: "var(--inset)", color: "var(--muted)", border: "1px solid var(--border)" },
    ".cm-tooltip": { backgroundColor: "var(--raised)", color: "var(--text)", border: "1px solid var(--border-strong)", borderRadius: "var(--radius)" },
    ".cm-tooltip.cm-tooltip-autocomplete > ul > li": { padding: "0.125rem 0.5rem", fontSize: "0.8125rem", margin: "0", listStyle: "none" },
    ".cm-tooltip.cm-tooltip-autocomplete > ul": { margin: "0", fontFamily: "var(--mono)" },
    ".cm-tooltip.cm-tooltip-autocomplete > ul > li[aria-selected]": { backgroundColor: "var(--accent-background)", color: "var(--on-accent)" },
    ".cm-tooltip.cm-completionInfo": { maxWidth: "22rem", padding: "0.375rem 0.625rem", fontSize: "0.8125rem" },
    ".cm-description": { maxWidth: "26rem", padding: "0.375rem 0.625rem", fontSize: "0.8125rem" },
    ".cm-diagnostic": { padding: "0.375rem 0.625rem", fontSize: "0.8125rem", maxWidth: "32rem", whiteSpace: "normal" },
    ".cm-diagnostic-error": { borderLeft: "4px solid var(--error)" },
    ".cm-diagnostic-warning": { borderLeft: "4px solid var(--warning)" },
    ".cm-lintRange-error": { backgroundImage: "none", textDecoration: "underline wavy var(--error)", textUnderlineOffset: "0.2em" },
    ".cm-lintRange-warning": { backgroundImage: "none", textDecoration: "underline wavy var(--warning)", textUnderlineOffset: "0.2em" },
    ".cm-panels": { backgroundColor: "var(--inset)", color: "var(--text)", borderColor: "var(--border)" },
    ".cm-panels input, .cm-panels button, .cm-panels label": { margin: "0.125rem", fontSize: "0.8125rem" },
    ".cm-panels button.cm-button": {
      minHeight: "1.625rem",
      padding: "0.125rem 0.5rem",
      borderRadius: "var(--radius)", 
      backgroundImage: "none",
      backgroundColor: "var(--surface)",
      color: "var(--text)",
      border: "1px solid var(--border-strong)",
    },
    ".cm-panels input.cm-textfield": { width: "auto", height: "auto", backgroundColor: "var(--surface)", color: "var(--text)", border: "1px solid var(--border-strong)" },
    ".cm-search label": { display: "inline-flex", alignItems: "center", gap: "0.25rem" },
    ".cm-panel.cm-search button[name=close]": { color: "var(--text)", fontSize: "1.25rem" },
  });

  // Completion for one file: `schemaOf(path)` and `names()` provide the allowed values.
  function completion(path, { schemaOf, names }) {
    return (context) => {
      const found = RuleCompletion.complete(context.state.doc.toString(), context.pos, schemaOf(path), names());
      const typed = context.matchBefore(/["\w$]+/);
      if (!found || (!context.explicit && !typed)) return null;
      const quote = context.state.sliceDoc(found.from, found.from + 1) === '"' ? 1 : 0;
      return {
        from: Math.min(found.from + quote, context.pos),
        validFor: /^[\w$-]*$/,
        options: found.options.map((one, place) => ({
          label: one.label,
          type: one.kind,
          boost: Math.max(-99, (one.boost ? 50 : 0) - place),
          info: one.info ? () => paragraph(one.info) : undefined,
          apply: (view, option, from, to) => insertCompletion(view, one.text, from - quote, Math.max(to, quote ? closing(view.state, to) : to)),
        })),
      };
    };
  }

  // The end of the quoted word being typed, including its closing quote.
  function closing(state, pos) {
    const line = state.doc.lineAt(pos);
    const rest = line.text.slice(pos - line.from).match(/^[\w$-]*"/);
    return rest ? pos + rest[0].length : pos;
  }

  function insertCompletion(view, text, from, to) {
    // If the inserted text ends with "", {} or [], put the cursor inside.
    const back = /(: ""|\{\}|\[\])$/.test(text) ? 1 : 0;
    view.dispatch({
      changes: { from, to, insert: text },
      selection: { anchor: from + text.length - back },
      userEvent: "input.complete",
    });
    if (/: ""$/.test(text)) CodeMirror.startCompletion(view);
  }

  function paragraph(contents) {
    const node = document.createElement("div");
    node.textContent = contents;
    return node;
  }

  // Each file has its own editor state and undo history.
  function state(path, contents, options) {
    return EditorState.create({
      doc: contents,
      extensions: [
        CodeMirror.lintGutter(),
        CodeMirror.basicSetup,
        CodeMirror.search({ top: true }),
        CodeMirror.json(),
        CodeMirror.syntaxHighlighting(colours),
        CodeMirror.autocompletion({ override: [completion(path, options)], icons: false }),
        CodeMirror.hoverTooltip((view, pos) => {
          const found = RuleCompletion.explain(view.state.doc.toString(), pos, options.schemaOf(path));
          if (!found) return null;
          return {
            pos: found.from,
            end: found.to,
            create: () => {
              const dom = paragraph(found.text);
              dom.className = "cm-description";
              return { dom };
            },
          };
        }),
        EditorState.tabSize.of(2),
        EditorState.phrases.of(PHRASES),
        EditorView.lineWrapping,
        EditorView.cspNonce.of(options.nonce),
        // tabindex changes nothing for the keyboard: checkers do not know that contenteditable can be focused
        EditorView.contentAttributes.of({ "aria-label": text("text_of", { path }), spellcheck: "false", tabindex: "0" }),
        EditorView.updateListener.of((update) => {
          if (!update.docChanged) return;
          options.changed(path);
          const quoted = update.transactions.some((one) => one.isUserEvent("input.type"));
          const head = update.state.selection.main.head;
          if (quoted && update.state.sliceDoc(head - 1, head) === '"') CodeMirror.startCompletion(update.view);
        }),
        theme,
      ],
    });
  }

  // Lint marks for the problems of one file. The checker counts columns in characters, CodeMirror in UTF-16 units.
  function marks(doc, problems) {
    return problems.map((one) => {
      const line = doc.line(Math.max(1, Math.min(one.line, doc.lines)));
      const from = line.from + Array.from(line.text).slice(0, Math.max(0, one.column - 1)).join("").length;
      const token = line.text.slice(from - line.from).match(/^(?:"(?:[^"\\]|\\.)*"?|[^\s,{}[\]:"]+|.)/);
      const to = Math.min(line.to, from + (token ? token[0].length : 0));
      return { from, to: Math.max(from, to), severity: one.severity, message: one.message };
    });
  }

  function place(doc, lineNumber, column) {
    const line = doc.line(Math.max(1, Math.min(lineNumber, doc.lines)));
    return line.from + Array.from(line.text).slice(0, Math.max(0, column - 1)).join("").length;
  }

  return { state, marks, place, text };
})();

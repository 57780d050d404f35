// Script of the rule editor page: one CodeMirror editor replaces the text areas (which are still what the form
// submits), problems are marked while typing, drafts are saved in the browser, and the page shows when someone else
// publishes. Each step (a button named "step") is posted as JSON; the response holds HTML fragments to insert.
"use strict";

const NONCE = document.currentScript.nonce;

document.addEventListener("DOMContentLoaded", () => {
  const form = document.getElementById("rule-editor");
  if (!form || !window.CodeMirror) return;
  const { EditorView, setDiagnostics } = CodeMirror;
  const { text: words } = RuleCode;
  const CHECK_DELAY = 400;
  const POLL_INTERVAL = 10_000;

  const element = (name) => document.getElementById(name);
  const field = (name) => form.elements[`editor_${name}`];
  const sections = () => [...form.querySelectorAll(".rule-file")];
  const sectionOf = (path) => sections().find((one) => one.dataset.path === path);
  const areaOf = (path) => sectionOf(path).querySelector("textarea");

  const states = new Map();
  let open = "";
  let problems = [];
  let schemas = {};
  let asked = 0;
  let timer = 0;
  let knownVersion = "";
  let edited = false;
  let replayed = false;
  let signedOut = false;

  // ---- file contents

  const options = {
    nonce: NONCE,
    schemaOf: (path) => schemas[kindOf(path)],
    names: () => namesOf(),
    changed: () => onEdit(),
  };
  const view = new EditorView({ state: RuleCode.state("", "", options) });

  function kindOf(path) {
    if (path.startsWith("contract_types/")) return "contract_type";
    if (path.startsWith("rate_cards/")) return "rate_card";
    return { "calendars.json": "calendars", "charging.json": "charging", "invoice_checks.json": "invoice_checks", "slas.json": "slas" }[path] || "coverage";
  }

  function namesOf() {
    const paths = sections().map((one) => one.dataset.path);
    const types = paths.filter((path) => path.startsWith("contract_types/"));
    const levels = sectionOf("slas.json") ? [...textOf("slas.json").matchAll(/"id"\s*:\s*"([^"]*)"/g)] : [];
    return {
      types: types.map((path) => [path.slice("contract_types/".length, -".json".length), labelOf(path)]),
      slas: levels.map((found) => [found[1], "A service level of slas.json."]),
    };
  }

  function labelOf(path) {
    const found = textOf(path).match(/"label"\s*:\s*"([^"]*)"/);
    return found ? `Contract type “${found[1]}”.` : "A contract type.";
  }

  function textOf(path) {
    if (path === open) return view.state.doc.toString();
    return states.has(path) ? states.get(path).doc.toString() : areaOf(path).value.replace(/\r\n?/g, "\n");
  }

  function texts() {
    return Object.fromEntries(sections().map((one) => [one.dataset.path, textOf(one.dataset.path)]));
  }

  function fillAreas() {
    for (const [path, text] of Object.entries(texts())) areaOf(path).value = text;
  }

  function stateOf(path) {
    if (!states.has(path)) states.set(path, RuleCode.state(path, textOf(path), options));
    return states.get(path);
  }

  function show(path, at) {
    if (!sectionOf(path)) path = sections().length ? sections()[0].dataset.path : "";
    if (path !== open) {
      if (open && sectionOf(open)) states.set(open, view.state);
      const state = path ? stateOf(path) : null;
      open = path;
      if (state) view.setState(state);
      showMarks();
    }
    for (const one of sections()) one.hidden = one.dataset.path !== path;
    if (path) {
      const area = areaOf(path);
      area.hidden = true;
      area.after(view.dom);
    }
    showCurrent();
    if (at) {
      const pos = RuleCode.place(view.state.doc, at.line, at.column);
      view.dispatch({ selection: { anchor: pos }, effects: EditorView.scrollIntoView(pos, { y: "center" }) });
      view.focus();
    }
  }

  function showCurrent() {
    for (const link of element("files").querySelectorAll("a[data-path]")) {
      if (link.dataset.path === open) link.setAttribute("aria-current", "true");
      else link.removeAttribute("aria-current");
    }
  }

  function showMarks() {
    const mine = problems.filter((one) => one.file === open);
    view.dispatch(setDiagnostics(view.state, RuleCode.marks(view.state.doc, mine)));
  }

  // ---- requests to the server

  async function runStep(step, { silent = false, again = false } = {}) {
    fillAreas();
    const mine = ++asked;
    clearTimeout(timer);
    setStatus(words((!silent && { replay: "starting", publish: "publishing" }[step]) || "checking"));
    const body = new FormData(form);
    body.set("step", step);
    let answer;
    try {
      answer = await fetch(form.action, { method: "POST", body, headers: { Accept: "application/json" } });
    } catch {
      return setStatus(words("not_reached"));
    }
    const isJson = (answer.headers.get("Content-Type") || "").startsWith("application/json");
    if (!isJson) return showFailure(answer);
    const found = await answer.json();
    if (found.redirect_to) {
      drafts.remove();
      location.assign(found.redirect_to);
      return null;
    }
    field("csrf_token").value = found.csrf;
    // After signing in again the CSRF token has changed: repeat the step that the old token blocked.
    if (found.token_is_old && !again && !silent) return runStep(step, { silent, again: true });
    if (signedOut) {
      signedOut = false;
      element("saved-draft").replaceChildren();
    }
    // Text typed while this check ran is checked again, so this older response is ignored.
    if (mine !== asked && silent) return null;
    applyResponse(found, { silent });
    return found;
  }

  function showFailure(answer) {
    if (answer.redirected || answer.status === 401) {
      setStatus("");
      signedOut = true;
      const [before, after] = words("signed_out").split("{link}");
      notice("saved-draft", "warning", before, [link(form.dataset.login, words("sign_in"), true), after]);
    } else if (answer.status === 403) {
      setStatus(words("not_allowed"));
    } else {
      setStatus(words("server_error", { status: answer.status }));
    }
    return null;
  }

  function applyResponse(found, { silent }) {
    problems = found.problems;
    knownVersion = found.in_force;
    const expanded = [...document.querySelectorAll("#changes details")].map((one) => [one.querySelector("summary").textContent, one.open]);
    for (const [name, html] of Object.entries(found.fragments)) {
      if (name === "form-errors" && silent) continue;
      // Keep the merge result visible until there is a new notice or the user takes another step.
      if (name === "published-since" && silent && !html.includes("notice") && element(name).querySelector(".notice.success")) continue;
      if (element(name).innerHTML !== html) element(name).innerHTML = html;
    }
    for (const one of document.querySelectorAll("#changes details")) {
      const known = expanded.find(([title]) => title === one.querySelector("summary").textContent);
      if (known) one.open = known[1];
    }
    if (found.files) takeFiles(found);
    if (found.replay && !silent && found.replay_id !== replayed) showReplay(found);
    for (const one of sections()) {
      const back = one.querySelector('button[value^="put-back:"]');
      back.hidden = !found.changed.includes(one.dataset.path);
    }
    showMarks();
    showCurrent();
    const errors = problems.filter((one) => one.severity === "error").length;
    setStatus(errors ? words(errors === 1 ? "error" : "errors", { num: errors }) : words(problems.length ? "warnings_only" : "checked"));
    const errorSummary = element("form-errors").querySelector("[data-focus]");
    if (errorSummary && !silent) errorSummary.focus();
  }

  // The server returned a changed set of files: each changed text is applied as one edit, so that undo reverts it.
  function takeFiles({ files, based_on, opened_file, choices }) {
    field("based_on").value = based_on;
    if (element("based-on")) element("based-on").textContent = based_on.slice(0, 12);
    for (const one of sections()) {
      if (one.dataset.path in files) continue;
      if (open === one.dataset.path) open = "";
      states.delete(one.dataset.path);
      one.remove();
    }
    for (const [path, text] of Object.entries(files)) {
      if (!sectionOf(path)) addSection(path, text);
      else setText(path, text.replace(/\r\n?/g, "\n"));
    }
    const like = field("add_like");
    like.replaceChildren(...choices.map(([value, label]) => new Option(label, value)));
    field("add_name").value = "";
    const adding = form.querySelector(".rule-new");
    if (adding.open && opened_file) adding.open = false;
    show(opened_file || open);
    saveDraft();
  }

  function addSection(path, text) {
    const made = element("new-file").content.cloneNode(true).firstElementChild;
    made.id = `file-${path}`;
    made.dataset.path = path;
    made.setAttribute("aria-label", path);
    made.querySelector("h2").textContent = path;
    for (const one of made.querySelectorAll("button")) one.value += path;
    const area = made.querySelector("textarea");
    area.name = `file:${path}`;
    area.setAttribute("aria-label", words("text_of", { path }));
    area.value = text;
    element("texts").querySelector(".rule-keys").before(made);
  }

  function setText(path, text) {
    if (textOf(path) === text) return;
    const changes = { from: 0, to: textOf(path).length, insert: text };
    if (path === open) view.dispatch({ changes });
    else states.set(path, stateOf(path).update({ changes }).state);
  }

  function showReplay(found) {
    replayed = found.replay_id;
    field("replay").value = found.replay_id;
    element("replay").innerHTML = found.replay;
    const more = document.createElement("p");
    more.append(link(`/rules/replays/${encodeURIComponent(found.replay_id)}`, words("view_differences"), true));
    element("replay").append(more);
    element("replay-outdated").hidden = true;
    if (window.htmx) htmx.process(element("replay"));
  }

  function setStatus(text) {
    element("check-status").textContent = text;
  }

  // ---- drafts

  const drafts = RuleDrafts.open(form.dataset.user);
  const initialFiles = JSON.stringify(Object.entries(texts()).sort());
  const isUnchanged = (files) => JSON.stringify(Object.entries(files).sort()) === initialFiles;

  function saveDraft() {
    if (isUnchanged(texts()) && !posted) drafts.remove();
    else drafts.save(texts(), field("based_on").value, field("note").value);
  }

  function onEdit() {
    edited = true;
    clearTimeout(timer);
    timer = setTimeout(() => {
      saveDraft();
      runStep("check", { silent: true });
    }, CHECK_DELAY);
    if (replayed || field("replay").value) element("replay-outdated").hidden = false;
    setStatus("…");
  }

  function offerSavedDraft() {
    const draft = drafts.other(isUnchanged);
    if (!draft) return;
    const now = texts();
    const paths = new Set([...Object.keys(draft.files), ...Object.keys(now)]);
    const differ = [...paths].filter((path) => draft.files[path] !== now[path]);
    const locale = document.documentElement.lang === "en" ? "en-GB" : document.documentElement.lang;
    const at = new Intl.DateTimeFormat(locale, { dateStyle: "medium", timeStyle: "short", timeZone: form.dataset.zone }).format(new Date(draft.at));
    const restore = button(words("restore_draft"), () => {
      takeFiles({ files: draft.files, based_on: draft.based_on, opened_file: differ.find((path) => path in draft.files) || "", choices: [...field("add_like").options].map((one) => [one.value, one.label]) });
      field("note").value = draft.note || field("note").value;
      drafts.remove(draft.id);
      element("saved-draft").replaceChildren();
      runStep("check", { silent: true });
    });
    const drop = button(words("discard_draft"), () => {
      drafts.remove(draft.id);
      element("saved-draft").replaceChildren();
      offerSavedDraft();
    });
    const actions = document.createElement("div");
    actions.className = "actions";
    actions.append(restore, drop);
    notice("saved-draft", "warning", words("unpublished", { day: at, files: differ.join(", ") }), [actions]);
  }

  // ---- DOM helpers

  function notice(place, tone, text, more) {
    const box = document.createElement("div");
    box.className = `notice ${tone}`;
    const inner = document.createElement("div");
    inner.append(text, ...more);
    box.append(inner);
    element(place).replaceChildren(box);
  }

  function button(text, onClick) {
    const made = document.createElement("button");
    made.type = "button";
    made.className = "plain tight";
    made.textContent = text;
    made.addEventListener("click", onClick);
    return made;
  }

  function link(href, text, newWindow) {
    const made = document.createElement("a");
    made.href = href;
    made.textContent = text;
    if (newWindow) made.target = "_blank";
    return made;
  }

  // ---- user actions

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    event.stopPropagation();
    const step = (event.submitter && event.submitter.value) || "check";
    runStep(step);
  });

  form.addEventListener("click", (event) => {
    const target = event.target.closest("a[data-path]");
    if (!target || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    const { path, line, column } = target.dataset;
    if (sectionOf(path)) show(path, { line: Number(line || 1), column: Number(column || 1) });
  });

  form.addEventListener("keydown", (event) => {
    if ((event.ctrlKey || event.metaKey) && event.key === "s") {
      event.preventDefault();
      runStep("check");
    }
  });

  field("note").addEventListener("input", () => {
    if (edited) saveDraft();
  });

  // Another administrator may publish at any time, so the page polls the version in force.
  async function pollVersion() {
    if (document.hidden) return;
    try {
      const answer = await fetch(form.dataset.inForce, { headers: { Accept: "application/json" } });
      const isJson = (answer.headers.get("Content-Type") || "").startsWith("application/json");
      if (!isJson) return;
      const { version } = await answer.json();
      if (version !== knownVersion && version !== field("based_on").value) runStep("check", { silent: true });
    } catch {
      // the server cannot be reached; the next check reports it
    }
  }
  setInterval(pollVersion, Number(form.dataset.pollInterval || POLL_INTERVAL));
  document.addEventListener("visibilitychange", pollVersion);

  const posted = Boolean(element("form-errors").querySelector(".error-summary"));
  form.classList.add("with-code");
  form.querySelector(".rule-keys").hidden = false;
  show(form.dataset.opened || decodeURIComponent(location.hash.replace(/^#file-/, "")) || "coverage.json");
  offerSavedDraft();
  fetch(form.dataset.schemas)
    .then((answer) => answer.json())
    .then((found) => {
      schemas = found;
    })
    .catch(() => setStatus(words("no_completion")));
  runStep("check", { silent: true });
});

// The rule editor's page, where scripts run: one CodeMirror in place of the text areas, which stay what the form
// sends; marks as one types; drafts that outlive the page; word of another's publication. Each step of the
// page (a button named "step") is asked of the server as JSON, and its pieces are put in place.
"use strict";

const NONCE = document.currentScript.nonce;

document.addEventListener("DOMContentLoaded", () => {
  const form = document.getElementById("rule-editor");
  if (!form || !window.CodeMirror) return;
  const { EditorView, setDiagnostics } = CodeMirror;
  const CHECK_AFTER = 400;
  const LOOK_EVERY = 10_000;

  const piece = (name) => document.getElementById(name);
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
  let told = "";
  let edited = false;
  let replayed = false;
  let signedOut = false;

  // ---- the texts

  const options = {
    nonce: NONCE,
    schemaOf: (path) => schemas[kindOf(path)],
    names: () => namesOf(),
    changed: () => onEdit(),
  };
  const view = new EditorView({ state: RuleCode.state("", "", options) });

  function kindOf(path) {
    if (path.startsWith("contract_types/")) return "contract_type";
    return { "charging.json": "charging", "slas.json": "slas" }[path] || "coverage";
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
      mark();
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
    for (const link of piece("files").querySelectorAll("a[data-path]")) {
      if (link.dataset.path === open) link.setAttribute("aria-current", "true");
      else link.removeAttribute("aria-current");
    }
  }

  function mark() {
    const mine = problems.filter((one) => one.file === open);
    view.dispatch(setDiagnostics(view.state, RuleCode.marks(view.state.doc, mine)));
  }

  // ---- asking the server

  async function ask(step, { silent = false, again = false } = {}) {
    fillAreas();
    const mine = ++asked;
    clearTimeout(timer);
    say(silent ? "Checking…" : { replay: "Starting…", publish: "Publishing…" }[step] || "Checking…");
    const body = new FormData(form);
    body.set("step", step);
    let answer;
    try {
      answer = await fetch(form.action, { method: "POST", body, headers: { Accept: "application/json" } });
    } catch {
      return say("The desk cannot be reached. What you typed is kept in this browser.");
    }
    const isOurs = (answer.headers.get("Content-Type") || "").startsWith("application/json");
    if (!isOurs) return refused(answer);
    const found = await answer.json();
    if (found.location) {
      drafts.forget();
      location.assign(found.location);
      return null;
    }
    field("csrf_token").value = found.csrf;
    // Who has signed in again has another token; the step that the old one stopped is taken now.
    if (found.token_is_old && !again && !silent) return ask(step, { silent, again: true });
    if (signedOut) {
      signedOut = false;
      piece("kept").replaceChildren();
    }
    // What was typed while it was asked is checked again; its older answer has nothing to say.
    if (mine !== asked && silent) return null;
    take(found, { silent });
    return found;
  }

  function refused(answer) {
    if (answer.redirected || answer.status === 401) {
      say("");
      signedOut = true;
      notice("kept", "wait", "You are signed out. What you typed is kept in this browser: ", [
        link(form.dataset.login, "sign in in another window", true),
        ", then go on here.",
      ]);
    } else if (answer.status === 403) {
      say("Your role may not edit rules any more. What you typed is kept in this browser.");
    } else {
      say(`The desk could not answer (${answer.status}). What you typed is kept in this browser; try again.`);
    }
    return null;
  }

  function take(found, { silent }) {
    problems = found.problems;
    told = found.in_force;
    const opened = [...document.querySelectorAll("#changes details")].map((one) => [one.querySelector("summary").textContent, one.open]);
    for (const [name, html] of Object.entries(found.pieces)) {
      if (name === "wrongs" && silent) continue;
      // what was taken over is told until something else is, or another step is taken
      if (name === "newer" && silent && !html.includes("notice") && piece(name).querySelector(".notice.good")) continue;
      if (piece(name).innerHTML !== html) piece(name).innerHTML = html;
    }
    for (const one of document.querySelectorAll("#changes details")) {
      const known = opened.find(([words]) => words === one.querySelector("summary").textContent);
      if (known) one.open = known[1];
    }
    if (found.files) takeFiles(found);
    if (found.replay && !silent && found.replay_id !== replayed) showReplay(found);
    for (const one of sections()) {
      const back = one.querySelector('button[value^="put-back:"]');
      back.hidden = !found.changed.includes(one.dataset.path);
    }
    mark();
    showCurrent();
    const errors = problems.filter((one) => one.severity === "error").length;
    say(errors ? `${errors} error${errors === 1 ? "" : "s"}` : problems.length ? "Only warnings" : "Checked");
    const wrongs = piece("wrongs").querySelector("[data-focus]");
    if (wrongs && !silent) wrongs.focus();
  }

  // The server has made another set of files of ours: each text that differs changes as one edit, which undo undoes.
  function takeFiles({ files, based_on, opened, choices }) {
    field("based_on").value = based_on;
    if (piece("begun-from")) piece("begun-from").textContent = based_on.slice(0, 12);
    for (const one of sections()) {
      if (one.dataset.path in files) continue;
      if (open === one.dataset.path) open = "";
      states.delete(one.dataset.path);
      one.remove();
    }
    for (const [path, text] of Object.entries(files)) {
      if (!sectionOf(path)) addSection(path, text);
      else put(path, text.replace(/\r\n?/g, "\n"));
    }
    const like = field("add_like");
    like.replaceChildren(...choices.map(([value, label]) => new Option(label, value)));
    field("add_name").value = "";
    const adding = form.querySelector(".rule-new");
    if (adding.open && opened) adding.open = false;
    show(opened || open);
    keep();
  }

  function addSection(path, text) {
    const made = piece("new-file").content.cloneNode(true).firstElementChild;
    made.id = `file-${path}`;
    made.dataset.path = path;
    made.setAttribute("aria-label", path);
    made.querySelector("h2").textContent = path;
    for (const one of made.querySelectorAll("button")) one.value += path;
    const area = made.querySelector("textarea");
    area.name = `file:${path}`;
    area.setAttribute("aria-label", `Text of ${path}`);
    area.value = text;
    piece("texts").querySelector(".rule-keys").before(made);
  }

  function put(path, text) {
    if (textOf(path) === text) return;
    const changes = { from: 0, to: textOf(path).length, insert: text };
    if (path === open) view.dispatch({ changes });
    else states.set(path, stateOf(path).update({ changes }).state);
  }

  function showReplay(found) {
    replayed = found.replay_id;
    field("replay").value = found.replay_id;
    piece("replay").innerHTML = found.replay;
    const more = document.createElement("p");
    more.append(link(`/rules/replays/${encodeURIComponent(found.replay_id)}`, "Every difference, one by one", true));
    piece("replay").append(more);
    piece("replay-old").hidden = true;
    if (window.htmx) htmx.process(piece("replay"));
  }

  function say(words) {
    piece("checking").textContent = words;
  }

  // ---- drafts

  const drafts = RuleDrafts.open(form.dataset.user);
  const atFirst = JSON.stringify(Object.entries(texts()).sort());
  const isAsAtFirst = (files) => JSON.stringify(Object.entries(files).sort()) === atFirst;

  function keep() {
    if (isAsAtFirst(texts()) && !posted) drafts.forget();
    else drafts.keep(texts(), field("based_on").value, field("note").value);
  }

  function onEdit() {
    edited = true;
    clearTimeout(timer);
    timer = setTimeout(() => {
      keep();
      ask("check", { silent: true });
    }, CHECK_AFTER);
    if (replayed || field("replay").value) piece("replay-old").hidden = false;
    say("…");
  }

  function offerKept() {
    const kept = drafts.other(isAsAtFirst);
    if (!kept) return;
    const now = texts();
    const paths = new Set([...Object.keys(kept.files), ...Object.keys(now)]);
    const differ = [...paths].filter((path) => kept.files[path] !== now[path]);
    const at = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "short", timeZone: form.dataset.zone }).format(new Date(kept.at));
    const restore = button("Go on with it", () => {
      takeFiles({ files: kept.files, based_on: kept.based_on, opened: differ.find((path) => path in kept.files) || "", choices: [...field("add_like").options].map((one) => [one.value, one.label]) });
      field("note").value = kept.note || field("note").value;
      drafts.forget(kept.id);
      piece("kept").replaceChildren();
      ask("check", { silent: true });
    });
    const drop = button("Throw it away", () => {
      drafts.forget(kept.id);
      piece("kept").replaceChildren();
      offerKept();
    });
    const acts = document.createElement("div");
    acts.className = "actions";
    acts.append(restore, drop);
    notice("kept", "wait", `This browser has kept what you edited and did not publish, as of ${at}: ${differ.join(", ")}.`, [acts]);
  }

  // ---- small parts

  function notice(place, tone, words, more) {
    const box = document.createElement("div");
    box.className = `notice ${tone}`;
    const inner = document.createElement("div");
    inner.append(words, ...more);
    box.append(inner);
    piece(place).replaceChildren(box);
  }

  function button(words, act) {
    const made = document.createElement("button");
    made.type = "button";
    made.className = "plain tight";
    made.textContent = words;
    made.addEventListener("click", act);
    return made;
  }

  function link(href, words, apart) {
    const made = document.createElement("a");
    made.href = href;
    made.textContent = words;
    if (apart) made.target = "_blank";
    return made;
  }

  // ---- what one does

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    event.stopPropagation();
    const step = (event.submitter && event.submitter.value) || "check";
    ask(step);
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
      ask("check");
    }
  });

  field("note").addEventListener("input", () => {
    if (edited) keep();
  });

  // Another administrator may publish at any time: this page asks, and tells.
  async function look() {
    if (document.hidden) return;
    try {
      const answer = await fetch(form.dataset.inForce, { headers: { Accept: "application/json" } });
      const isOurs = (answer.headers.get("Content-Type") || "").startsWith("application/json");
      if (!isOurs) return;
      const { version } = await answer.json();
      if (version !== told && version !== field("based_on").value) ask("check", { silent: true });
    } catch {
      // the desk cannot be reached; the next check says so
    }
  }
  setInterval(look, Number(form.dataset.lookEvery || LOOK_EVERY));
  document.addEventListener("visibilitychange", look);

  const posted = Boolean(piece("wrongs").querySelector(".wrongs"));
  form.classList.add("with-code");
  form.querySelector(".rule-keys").hidden = false;
  show(form.dataset.opened || decodeURIComponent(location.hash.replace(/^#file-/, "")) || "coverage.json");
  offerKept();
  fetch(form.dataset.schemas)
    .then((answer) => answer.json())
    .then((found) => {
      schemas = found;
    })
    .catch(() => say("Completion is not there: its words could not be loaded."));
  ask("check", { silent: true });
});

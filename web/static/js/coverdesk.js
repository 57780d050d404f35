// Enhancements for all pages: keyboard shortcuts, focus on messages, no double submit. No page depends on it.
"use strict";

(function () {
  const typing = (element) =>
    element.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(element.tagName);

  // After a submit, move the focus to the error summary, or to the message that says what was done.
  function focusOnMessage(root) {
    const message = root.querySelector("[data-focus]") || root.querySelector(".notices > .notice");
    if (!message) return;
    message.tabIndex = -1;
    message.focus();
  }

  // The list of keys: those that every page has, and those of this page, by their data-key.
  function showKeys() {
    const dialog = document.getElementById("key-list");
    if (!dialog || dialog.open) return;
    const list = dialog.querySelector("dl");
    list.querySelectorAll("[data-of-page]").forEach((row) => row.remove());
    document.querySelectorAll("[data-key]").forEach((element) => {
      if (!element.checkVisibility()) return;
      const label = element.labels && element.labels.length ? element.labels[0] : element;
      const key = document.createElement("kbd");
      key.textContent = element.dataset.key;
      const term = document.createElement("dt");
      const text = document.createElement("dd");
      term.append(key);
      text.textContent = label.textContent.trim().replace(/\s+/g, " ");
      [term, text].forEach((cell) => cell.setAttribute("data-of-page", ""));
      list.append(term, text);
    });
    dialog.showModal();
  }

  // Ctrl+Enter (or Cmd+Enter) sends the form in which the focus is, as its nearest submit button would.
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey) || event.isComposing) return;
    const form = event.target.closest("form");
    if (!form) return;
    const usable = "button[type=submit]:not([formnovalidate], [aria-hidden])";
    const section = event.target.closest("details");
    const nearest = section && form.contains(section) ? section.querySelector(usable) : null;
    event.preventDefault();
    form.requestSubmit(nearest || form.querySelector(usable));
  });

  // Single-key shortcuts, unless the user switched them off: "/" focuses the search, "?" lists the
  // keys, and pages define others by data-key.
  document.addEventListener("keydown", (event) => {
    if (!document.body.hasAttribute("data-shortcuts")) return;
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    if (typing(event.target)) return;
    if (event.key === "/") {
      const find = document.getElementById("find");
      if (find) {
        event.preventDefault();
        find.focus();
        find.select();
      }
      return;
    }
    if (event.key === "?") {
      event.preventDefault();
      showKeys();
      return;
    }
    if (event.target.closest("dialog")) return;
    const wanted = document.querySelector(`[data-key="${CSS.escape(event.key)}"]`);
    if (!wanted) return;
    event.preventDefault();
    const details = wanted.closest("details");
    if (details && wanted.tagName === "SUMMARY") {
      details.open = true;
      const first = details.querySelector("input:not([type=hidden]), textarea, select, button");
      if (first) first.focus();
    } else if (typing(wanted)) {
      wanted.focus();
    } else {
      wanted.click();
    }
  });

  // The user menu (a <details>) closes on Escape and on a click outside.
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    document.querySelectorAll("details.user-menu[open]").forEach((menu) => {
      menu.open = false;
      menu.querySelector("summary").focus();
    });
  });
  document.addEventListener("click", (event) => {
    document.querySelectorAll("details.user-menu[open]").forEach((menu) => {
      if (!menu.contains(event.target)) menu.open = false;
    });
  });

  // Ignore a second submit while the first is in progress.
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.method !== "post" || form.hasAttribute("data-sent")) {
      if (form.hasAttribute("data-sent")) event.preventDefault();
      return;
    }
    form.setAttribute("data-sent", "");
  });
  window.addEventListener("pageshow", () => {
    document.querySelectorAll("form[data-sent]").forEach((form) => form.removeAttribute("data-sent"));
  });

  // "Select all" checkbox of a list.
  document.addEventListener("change", (event) => {
    const all = event.target;
    if (!all.matches || !all.matches("[data-all]")) return;
    all.closest("form").querySelectorAll(`input[name="${CSS.escape(all.dataset.all)}"]`).forEach((tick) => {
      tick.checked = all.checked;
    });
  });

  document.addEventListener("DOMContentLoaded", () => focusOnMessage(document));
})();

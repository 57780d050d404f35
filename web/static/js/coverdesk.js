// Enhancements for all pages: keyboard shortcuts, focus on form errors, no double submit. No page depends on it.
"use strict";

(function () {
  const typing = (element) =>
    element.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(element.tagName);

  // After a failed submit, move the focus to the error summary.
  function focusOnErrors(root) {
    const summary = root.querySelector("[data-focus]");
    if (summary) summary.focus();
  }

  // Single-key shortcuts, unless the user switched them off: "/" focuses the search; pages define others by data-key.
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

  document.addEventListener("DOMContentLoaded", () => focusOnErrors(document));
})();

// What the pages gain where scripts run: "/" finds, keys act, errors get the focus. Nothing needs it.
"use strict";

(function () {
  const typing = (element) =>
    element.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(element.tagName);

  // A form that failed: the reader lands on what is wrong.
  function focusOnWrongs(root) {
    const wrongs = root.querySelector("[data-focus]");
    if (wrongs) wrongs.focus();
  }

  // Single keys, unless the reader switched them off: "/" finds, and each page names its own by data-key.
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

  // Menus made of <details> close on Escape and when the focus leaves them.
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    document.querySelectorAll("details.who[open]").forEach((menu) => {
      menu.open = false;
      menu.querySelector("summary").focus();
    });
  });
  document.addEventListener("click", (event) => {
    document.querySelectorAll("details.who[open]").forEach((menu) => {
      if (!menu.contains(event.target)) menu.open = false;
    });
  });

  // A second click on a button that is at work does nothing.
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

  // "Select all" over the ticks of a list.
  document.addEventListener("change", (event) => {
    const all = event.target;
    if (!all.matches || !all.matches("[data-all]")) return;
    all.closest("form").querySelectorAll(`input[name="${CSS.escape(all.dataset.all)}"]`).forEach((tick) => {
      tick.checked = all.checked;
    });
  });

  document.addEventListener("DOMContentLoaded", () => focusOnWrongs(document));
})();

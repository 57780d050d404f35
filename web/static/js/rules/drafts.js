// Drafts of the rules, saved in localStorage until they are published or discarded. Each open page has its own
// draft, so two tabs do not overwrite each other. Does not touch the DOM.
"use strict";

window.RuleDrafts = (function () {
  const MAX_DRAFTS = 5;

  // `user` is the logged-in user: other users of this browser are not offered their drafts.
  function open(user) {
    const name = `coverdesk.rules.drafts.${user}`;
    const mine = `${Date.now()}-${Math.random().toString(36).slice(2)}`;

    function all() {
      try {
        const found = JSON.parse(localStorage.getItem(name) || "[]");
        return Array.isArray(found) ? found : [];
      } catch {
        return [];
      }
    }

    function write(drafts) {
      // If the storage quota is exceeded, drop the oldest drafts.
      for (let left = drafts.slice(0, MAX_DRAFTS); ; left = left.slice(0, -1)) {
        try {
          if (left.length) localStorage.setItem(name, JSON.stringify(left));
          else localStorage.removeItem(name);
          return left.length > 0;
        } catch {
          if (!left.length) return false;
        }
      }
    }

    return {
      // Returns the newest draft of another page or an earlier visit that differs from the current files; removes
      // drafts that do not differ.
      other(isSame) {
        const left = all().filter((one) => one.id === mine || !isSame(one.files));
        write(left);
        return left.find((one) => one.id !== mine) || null;
      },
      save(files, basedOn, note) {
        const draft = { id: mine, at: new Date().toISOString(), based_on: basedOn, note, files };
        return write([draft, ...all().filter((one) => one.id !== mine)]);
      },
      remove(id = mine) {
        write(all().filter((one) => one.id !== id));
      },
    };
  }

  return { open };
})();

// Drafts of the rules, kept in this browser until they are published or thrown away: each open page keeps its
// own, so that two tabs do not overwrite each other. Knows nothing of the page.
"use strict";

window.RuleDrafts = (function () {
  const MOST = 5;

  // `user` is who is logged in: others at this machine are not offered their drafts.
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
      // Where the browser has no room, the oldest go.
      for (let left = drafts.slice(0, MOST); ; left = left.slice(0, -1)) {
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
      // The newest draft of another page or of an earlier visit that is not what stands here; others that are, go.
      other(isSame) {
        const left = all().filter((one) => one.id === mine || !isSame(one.files));
        write(left);
        return left.find((one) => one.id !== mine) || null;
      },
      keep(files, basedOn, note) {
        const draft = { id: mine, at: new Date().toISOString(), based_on: basedOn, note, files };
        return write([draft, ...all().filter((one) => one.id !== mine)]);
      },
      forget(id = mine) {
        write(all().filter((one) => one.id !== id));
      },
    };
  }

  return { open };
})();

// Accessibility checks of a page (WCAG 2.2 AA, as far as a script can check). Returns a list of complaints.
() => {
  const complaints = [];
  const say = (what, element) => {
    const text = (element.textContent || "").trim().replace(/\s+/g, " ").slice(0, 40);
    complaints.push(`${what}: <${element.tagName.toLowerCase()} id="${element.id}" class="${element.className}"> ${text}`);
  };
  const seen = (element) => {
    if (!element.checkVisibility({ opacityProperty: true, visibilityProperty: true })) return false;
    const box = element.getBoundingClientRect();
    return box.width > 0 && box.height > 0;
  };
  const nameOf = (element) => {
    const by = element.getAttribute("aria-labelledby");
    if (by) return by.split(" ").map((id) => document.getElementById(id)?.textContent || "").join(" ").trim();
    if (element.getAttribute("aria-label")) return element.getAttribute("aria-label").trim();
    if (element.labels && element.labels.length) return [...element.labels].map((one) => one.textContent).join(" ").trim();
    if (element.matches("input[type=submit]")) return element.value;
    return (element.textContent || "").trim() || element.getAttribute("title") || "";
  };

  // Structure
  if (!document.documentElement.lang) complaints.push("the page has no language");
  if (document.querySelectorAll("main").length !== 1) complaints.push("not exactly one main");
  const headings = [...document.querySelectorAll("h1, h2, h3, h4")].filter(seen);
  if (headings.filter((one) => one.tagName === "H1").length !== 1) complaints.push("not exactly one h1");
  let level = 0;
  headings.forEach((one) => {
    const next = Number(one.tagName[1]);
    if (next > level + 1) say(`h${level} is followed by h${next}`, one);
    level = next;
  });
  const ids = new Set();
  document.querySelectorAll("[id]").forEach((one) => {
    if (ids.has(one.id)) say(`the id ${one.id} is used twice`, one);
    ids.add(one.id);
  });
  for (const attribute of ["for", "aria-describedby", "aria-labelledby", "aria-controls"]) {
    document.querySelectorAll(`[${attribute}]`).forEach((one) => {
      one.getAttribute(attribute).split(" ").filter(Boolean).forEach((id) => {
        if (!document.getElementById(id)) say(`${attribute}="${id}" leads nowhere`, one);
      });
    });
  }

  // Names
  document.querySelectorAll("input:not([type=hidden]), select, textarea, button, a[href], summary").forEach((one) => {
    if (one.closest("[aria-hidden=true]") || !seen(one)) return;
    if (!nameOf(one)) say("has no name", one);
  });
  document.querySelectorAll("svg[role=img]").forEach((one) => {
    if (!nameOf(one)) say("an image without a text alternative", one);
  });
  document.querySelectorAll("th").forEach((one) => {
    if (!one.hasAttribute("scope")) say("a table header without a scope", one);
  });

  // Targets: 24 by 24 pixels, except links in running text
  document.querySelectorAll("button, [role=button], select, summary, input:not([type=hidden])").forEach((one) => {
    if (!seen(one) || one.closest("[aria-hidden=true]") || one.closest("label")) return;
    const box = one.getBoundingClientRect();
    const small = one.matches("[type=checkbox], [type=radio]") ? 16 : 24;
    if (box.width < small || box.height < small) say(`a target of ${box.width} by ${box.height}`, one);
  });

  // Contrast of text to its background
  const parse = (colour) => {
    const match = colour.match(/rgba?\(([^)]+)\)/);
    if (!match) return null;
    const [r, g, b, a = 1] = match[1].split(/[,/ ]+/).filter(Boolean).map(Number);
    return { r, g, b, a };
  };
  const over = (top, below) => ({
    r: top.r * top.a + below.r * (1 - top.a),
    g: top.g * top.a + below.g * (1 - top.a),
    b: top.b * top.a + below.b * (1 - top.a),
    a: 1,
  });
  const light = ({ r, g, b }) => {
    const [x, y, z] = [r, g, b].map((value) => {
      const part = value / 255;
      return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  };
  const backgroundOf = (element) => {
    const layers = [];
    for (let at = element; at; at = at.parentElement) {
      const style = getComputedStyle(at);
      if (style.backgroundImage.includes("gradient")) return null;
      const background = parse(style.backgroundColor);
      if (background && background.a > 0) {
        layers.push(background);
        if (background.a === 1) break;
      }
    }
    const base = layers.length && layers[layers.length - 1].a === 1 ? layers.pop() : { r: 255, g: 255, b: 255, a: 1 };
    return layers.reverse().reduce((below, top) => over(top, below), base);
  };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const done = new Set();
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (!walker.currentNode.textContent.trim() || done.has(element) || !seen(element)) continue;
    if (element.closest("option, script, style, .visually-hidden, .skip, title")) continue;
    done.add(element);
    const style = getComputedStyle(element);
    const ink = parse(style.color);
    const background = backgroundOf(element);
    if (!ink || !background) continue;
    const [a, b] = [light(over(ink, background)), light(background)].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    const size = parseFloat(style.fontSize);
    const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    if (ratio < (large ? 3 : 4.5)) say(`a contrast of ${ratio.toFixed(2)} (${style.color} on ${JSON.stringify(background)})`, element);
  }

  // Borders of form controls: 3 to 1
  document.querySelectorAll("input:not([type=hidden], [type=checkbox], [type=radio]), select, textarea").forEach((one) => {
    if (!seen(one) || one.id === "find") return;
    const border = parse(getComputedStyle(one).borderTopColor);
    const background = backgroundOf(one.parentElement);
    if (!border || !background) return;
    const [a, b] = [light(over(border, background)), light(background)].sort((x, y) => y - x);
    if ((a + 0.05) / (b + 0.05) < 3) say(`a border of ${((a + 0.05) / (b + 0.05)).toFixed(2)}`, one);
  });

  // No horizontal scrolling. On a phone, the inner width of the window grows with what is wider.
  const width = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth > width) {
    complaints.push(`the page is ${document.documentElement.scrollWidth} wide in a window of ${width}`);
    document.querySelectorAll("body *").forEach((one) => {
      const box = one.getBoundingClientRect();
      if (box.right > width + 1 && seen(one) && !one.closest("pre, .list")) say(`reaches to ${box.right}`, one);
    });
  }
  return complaints.slice(0, 20);
}

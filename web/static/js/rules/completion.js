// Completion for rule files: parses JSON text, even incomplete, into a tree with positions and looks up the allowed
// keys and values in the file's JSON Schema. Does not touch the DOM.
"use strict";

window.RuleCompletion = (function () {
  // ---- tolerant JSON parser, for text that is still being typed

  function read(text) {
    let at = 0;
    const space = () => {
      while (at < text.length && /\s/.test(text[at])) at++;
    };
    function string() {
      const from = at++;
      while (at < text.length && text[at] !== '"' && text[at] !== "\n") at += text[at] === "\\" ? 2 : 1;
      at = Math.min(at, text.length);
      const closed = text[at] === '"';
      if (closed) at++;
      const raw = text.slice(from + 1, closed ? at - 1 : at);
      return { kind: "string", from, to: at, value: unescaped(raw) };
    }
    function word() {
      const from = at;
      while (at < text.length && !/[\s,:{}[\]"]/.test(text[at])) at++;
      const raw = text.slice(from, at);
      return { kind: "word", from, to: at, value: { true: true, false: false, null: null }[raw] ?? (raw !== "" && !isNaN(raw) ? Number(raw) : raw) };
    }
    function value() {
      if (text[at] === "{") return object();
      if (text[at] === "[") return array();
      return text[at] === '"' ? string() : word();
    }
    function object() {
      const node = { kind: "object", from: at++, to: 0, closed: false, props: [] };
      for (;;) {
        space();
        const char = text[at];
        if (char === undefined || char === "]") break;
        if (char === "}") {
          node.closed = true;
          at++;
          break;
        }
        if (char === "," || char === ":" || char === "{" || char === "[") {
          at++;
          continue;
        }
        const key = char === '"' ? string() : word();
        const prop = { key: String(key.value), keyFrom: key.from, keyTo: key.to, colon: -1, value: null };
        node.props.push(prop);
        space();
        if (text[at] !== ":") continue;
        prop.colon = at++;
        space();
        if (at < text.length && !/[,}\]]/.test(text[at])) prop.value = value();
      }
      node.to = at;
      return node;
    }
    function array() {
      const node = { kind: "array", from: at++, to: 0, closed: false, items: [] };
      for (;;) {
        space();
        const char = text[at];
        if (char === undefined || char === "}") break;
        if (char === "]") {
          node.closed = true;
          at++;
          break;
        }
        if (char === "," || char === ":") at++;
        else node.items.push(value());
      }
      node.to = at;
      return node;
    }
    space();
    return at < text.length ? value() : { kind: "object", from: at, to: at, closed: false, props: [] };
  }

  function unescaped(raw) {
    try {
      return JSON.parse(`"${raw}"`);
    } catch {
      return raw;
    }
  }

  const inside = (node, pos) => node.from < pos && (node.closed ? pos < node.to : pos <= node.to);
  const isScalar = (node) => node && node.kind !== "object" && node.kind !== "array";

  // Locates a position: the path to it, as pairs of a container and a key or index, whether a key or a value belongs
  // there, and `node`, the current content.
  function locate(root, pos) {
    const path = [];
    let node = root;
    for (;;) {
      if (isScalar(node) || !inside(node, pos)) return null;
      if (node.kind === "array") {
        const index = node.items.findIndex((one) => one.from <= pos && pos <= one.to);
        const item = node.items[index];
        const step = { in: node, key: index < 0 ? node.items.length : index };
        if (item && !isScalar(item) && inside(item, pos)) {
          path.push(step);
          node = item;
          continue;
        }
        return { path: [...path, step], what: "value", node: isScalar(item) ? item : null };
      }
      const prop = node.props.findLast((one) => one.keyFrom <= pos);
      if (!prop) return { path, what: "key", in: node, prop: null };
      if (pos <= prop.keyTo) return { path, what: "key", in: node, prop };
      const step = { in: node, key: prop.key };
      const current = prop.value;
      if (current && !isScalar(current) && inside(current, pos)) {
        path.push(step);
        node = current;
        continue;
      }
      if (prop.colon >= 0 && pos > prop.colon && (!current || (isScalar(current) && pos <= current.to && pos >= current.from))) {
        return { path: [...path, step], what: "value", node: current };
      }
      return { path, what: "key", in: node, prop: null };
    }
  }

  // ---- the parts of the schema that apply to the file's content

  const prop = (node, key) => node && node.kind === "object" && node.props.find((one) => one.key === key);

  // Whether the node may match the schema: only a clear contradiction returns false.
  function fits(schema, node, root) {
    if (!schema || !node) return true;
    const of = resolved(schema, root);
    if ("const" in of && (!isScalar(node) || node.value !== of.const)) return false;
    if (of.enum && (!isScalar(node) || !of.enum.includes(node.value))) return false;
    if (of.required && of.required.some((key) => !prop(node, key))) return false;
    for (const [key, inner] of Object.entries(of.properties || {})) {
      const found = prop(node, key);
      if (found && found.value && !fits(inner, found.value, root)) return false;
    }
    if (of.contains && !(node.items || []).some((one) => fits(of.contains, one, root))) return false;
    return true;
  }

  function resolved(schema, root) {
    if (!schema.$ref) return schema;
    const found = schema.$ref.split("/").slice(1).reduce((at, part) => at && at[part], root);
    return { ...found, ...schema, $ref: undefined };
  }

  // The schema and all subschemas that apply to this node, as a flat list.
  function all(schema, node, root, depth = 0) {
    if (!schema || schema === true || depth > 12) return [];
    const of = resolved(schema, root);
    const more = [...(of.allOf || [])];
    const branches = [...(of.oneOf || []), ...(of.anyOf || [])];
    const possible = branches.filter((one) => fits(one, node, root));
    more.push(...(possible.length && !isScalar(node) ? possible : branches));
    if (of.if) {
      const known = node && node.kind === "object" && node.props.length;
      if (!known && (of.then || of.else)) more.push(...[of.then, of.else].filter(Boolean));
      else more.push(fits(of.if, node, root) ? of.then : of.else);
    }
    return [of, ...more.flatMap((one) => all(one, node, root, depth + 1))];
  }

  function child(schemas, node, key, root) {
    const found = [];
    for (const one of schemas) {
      const inner = typeof key === "number" ? one.items : (one.properties || {})[key];
      if (inner) found.push(...all(inner, node, root));
    }
    return found;
  }

  function valueAt(container, key) {
    if (container.kind === "array") return container.items[key] || null;
    const found = prop(container, key);
    return found ? found.value : null;
  }

  function along(path, tree, root) {
    let schemas = all(root, tree, root);
    for (const step of path) schemas = child(schemas, valueAt(step.in, step.key), step.key, root);
    return schemas;
  }

  // ---- completions

  // Options at a position: { from, to, options: [{ text, label, info, kind }] }, or null where nothing is known.
  // `names` are those defined in other files: { types, slas }.
  function complete(text, pos, root, names = {}) {
    const tree = read(text);
    const place = locate(tree, pos);
    if (!place || !root) return null;
    const schemas = along(place.path, tree, root);
    return place.what === "key" ? keys(place, schemas, text, pos, root) : values(place, schemas, text, pos, names);
  }

  function keys(place, schemas, text, pos, root) {
    const taken = new Set(place.in.props.filter((one) => one !== place.prop).map((one) => one.key));
    const required = new Set(schemas.flatMap((one) => one.required || []));
    const found = new Map();
    for (const schema of schemas) {
      for (const [key, inner] of Object.entries(schema.properties || {})) {
        if (taken.has(key) || (key === "$schema" && taken.size)) continue;
        const known = found.get(key);
        const flat = all(inner, null, root);
        const info = describe(flat);
        if (known && known.info) continue;
        const hasColon = place.prop && place.prop.colon >= 0;
        found.set(key, {
          label: key,
          text: hasColon ? JSON.stringify(key) : `${JSON.stringify(key)}: ${opening(flat)}`,
          info,
          kind: "property",
          boost: required.has(key) ? 1 : 0,
        });
      }
    }
    const [from, to] = place.prop ? [place.prop.keyFrom, place.prop.keyTo] : [pos, pos];
    return found.size ? { from, to, options: [...found.values()] } : null;
  }

  function opening(schemas) {
    const kinds = schemas.map((one) => one.type).filter(Boolean);
    if (schemas.some((one) => typeof one.const === "string" || (one.enum && typeof one.enum[0] === "string"))) return '""';
    return { string: '""', object: "{}", array: "[]" }[kinds[0]] || "";
  }

  function values(place, schemas, text, pos, names) {
    const found = new Map();
    const add = (value, info, kind = "enum") => {
      const written = JSON.stringify(value);
      const known = found.get(written);
      if (!known || (!known.info && info)) found.set(written, { label: String(value), text: written, info: info || "", kind });
    };
    for (const one of schemas) {
      if ("const" in one) add(one.const, one.description);
      for (const value of one.enum || []) add(value, "");
      for (const value of one.examples || []) add(value, "Example.", "constant");
      if (one.type === "boolean") [true, false].forEach((value) => add(value, one.description));
      if (one.type === "null") add(null, "No value.");
    }
    for (const [value, info] of otherNames(place, names)) add(value, info, "class");
    const node = place.node;
    const [from, to] = node ? [node.from, node.to] : [pos, pos];
    return found.size ? { from, to, options: [...found.values()] } : null;
  }

  // Names that are not in a schema: contract types and service levels defined in this rule set.
  function otherNames(place, { types = [], slas = [] }) {
    const keys = place.path.map((step) => step.key).filter((key) => typeof key === "string");
    const last = keys[keys.length - 1];
    const sibling = place.path.length ? prop(place.path[place.path.length - 1].in, "name") : null;
    const ofType = sibling && sibling.value && /contract_type$/.test(String(sibling.value.value)) && last === "value";
    if (["type", "types"].includes(last) || ofType) return types;
    return last === "sla" ? slas : [];
  }

  // Description of the word at a position: { from, to, text }, or null.
  function explain(text, pos, root) {
    const tree = read(text);
    const place = locate(tree, pos);
    if (!place || !root) return null;
    if (place.what === "key") {
      if (!place.prop) return null;
      const step = { in: place.in, key: place.prop.key };
      const description = describe(along([...place.path, step], tree, root));
      return description ? { from: place.prop.keyFrom, to: place.prop.keyTo, text: description } : null;
    }
    if (!place.node) return null;
    const schemas = along(place.path, tree, root);
    const exact = schemas.find((one) => "const" in one && one.const === place.node.value && one.description);
    const description = exact ? exact.description : "";
    return description ? { from: place.node.from, to: place.node.to, text: description } : null;
  }

  function describe(schemas) {
    const found = schemas.find((one) => one.description && !("const" in one));
    return found ? found.description : "";
  }

  return { read, complete, explain };
})();

// Finding tensors by name, operation or expression.

import { nodes } from "./data.js";
import { fill, h } from "./dom.js";
import { shape } from "./format.js";
import { select } from "./state.js";

const MOST = 12;

/** Set up the search box: a text field with a list of what matches. */
export function setUpSearch(box) {
  let found = [];
  let at = -1;
  const list = h("ul", { id: "found", role: "listbox", "aria-label": "Tensors found", hidden: true });
  const field = h("input", {
    type: "search",
    placeholder: "Search tensors",
    role: "combobox",
    autocomplete: "off",
    spellcheck: "false",
    "aria-label": "Search tensors",
    "aria-controls": "found",
    "aria-expanded": "false",
    "aria-autocomplete": "list",
  });
  const close = () => {
    list.hidden = true;
    field.setAttribute("aria-expanded", "false");
    field.removeAttribute("aria-activedescendant");
  };
  const choose = (node) => {
    select(node);
    close();
    field.value = "";
    field.blur();
  };
  const mark = (index) => {
    at = index;
    [...list.children].forEach((item, i) => item.setAttribute("aria-selected", i === at));
    field.setAttribute("aria-activedescendant", found[at] ? `found-${at}` : "");
  };
  const show = () => {
    const words = field.value.trim();
    if (!words) return close();
    const matches = search(words);
    found = matches.slice(0, MOST);
    const items = found.map((node, i) =>
      h(
        "li",
        { id: `found-${i}`, role: "option", onpointerdown: (event) => choosing(event, node) },
        h(`b.${node.kind}`, null, node.name),
        h("span", null, node.made ?? node.kind),
        h("code", null, shape(node.shape)),
      ),
    );
    const rest = matches.length - found.length;
    const note = rest ? `${rest} more: type more of the name` : "Nothing found";
    fill(list, items, rest || !items.length ? h("li.note", { role: "presentation" }, note) : null);
    list.hidden = false;
    field.setAttribute("aria-expanded", "true");
    mark(found.length ? 0 : -1);
  };
  const choosing = (event, node) => {
    event.preventDefault();
    choose(node);
  };
  field.addEventListener("input", show);
  field.addEventListener("focus", show);
  field.addEventListener("blur", close);
  field.addEventListener("keydown", (event) => {
    const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (by && found.length) {
      mark((at + by + found.length) % found.length);
      event.preventDefault();
    } else if (event.key === "Enter" && found[at] && !list.hidden) choose(found[at]);
    else if (event.key === "Escape") {
      field.value = "";
      close();
      field.blur();
    }
  });
  fill(box, field, list);
}

/** Return the matching tensors: names that begin so, then names, then expressions that contain it. */
function search(words) {
  const text = words.toLowerCase();
  const rank = (node) => {
    const own = node.name.toLowerCase();
    if (own === text) return 0;
    if (own.startsWith(text)) return 1;
    if (own.includes(text)) return 2;
    return node.made?.toLowerCase().includes(text) ? 3 : 4;
  };
  return nodes
    .map((node) => [rank(node), node])
    .filter(([order]) => order < 4)
    .sort(([a], [b]) => a - b)
    .map(([, node]) => node);
}

// Making elements. Text becomes text nodes and is never read as markup.

const SVG = "http://www.w3.org/2000/svg";

/** Make an HTML element: h("p.note", { title: "…" }, "text", child, …). */
export function h(selector, properties, ...children) {
  return build(document.createElement(tag(selector)), selector, properties, children);
}

/** Make an SVG element in the same way. */
export function s(selector, properties, ...children) {
  return build(document.createElementNS(SVG, tag(selector)), selector, properties, children);
}

/** Put new children in place of an element's. */
export function fill(element, ...children) {
  element.replaceChildren(...present(children));
  return element;
}

function tag(selector) {
  return selector.split(".", 1)[0];
}

function build(element, selector, properties, children) {
  const classes = selector.split(".").slice(1);
  if (classes.length) element.setAttribute("class", classes.join(" "));
  for (const [key, value] of Object.entries(properties ?? {})) {
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (value === true) element.setAttribute(key, "");
    else if (value !== false && value != null) element.setAttribute(key, value);
  }
  element.append(...present(children));
  return element;
}

function present(children) {
  return children.flat(Infinity).filter((child) => child != null && child !== false);
}

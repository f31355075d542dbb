// The graph as SVG: tensors and the edges between them, with what the step shown has reached.

import { Camera, FAR } from "./camera.js";
import { arrays, data, edges, nodes, output, steps } from "./data.js";
import { fill, h, s } from "./dom.js";
import { brief } from "./format.js";
import { arrowheads, boxOfEdge, boxOfNode, drawEdge, drawNode, drawTexts } from "./shapes.js";
import { arrayOf, inspected, isReached, select, state, subscribe } from "./state.js";

const world = s("g");
const drawing = s("svg", { id: "graph", tabindex: 0, role: "group", "aria-label": "Graph" });
const shapes = nodes.map(drawNode);
const lines = edges.map(drawEdge);
const boxes = nodes.map(boxOfNode);
const spans = edges.map(boxOfEdge);
const texts = new Map();
const movers = [];
let focused = null;

/** The graph's camera. */
export const camera = new Camera(drawing, data, () => {
  world.setAttribute("transform", `translate(${camera.x} ${camera.y}) scale(${camera.k})`);
  drawing.classList.toggle("far", camera.k < FAR);
  showWhatIsInView();
  for (const mover of movers) mover();
});

/** Call a function whenever the camera moves. */
export function onMove(mover) {
  movers.push(mover);
}

/** Put the graph into the page. */
export function setUpGraph(stage, zoom) {
  world.append(s("g.edges", null, lines), s("g.nodes", null, shapes));
  drawing.append(arrowheads(), world);
  stage.append(drawing);
  const buttons = [
    ["+", "Zoom in", () => camera.zoom(1.35)],
    ["−", "Zoom out", () => camera.zoom(1 / 1.35)],
    ["Fit", "Show everything (F)", () => camera.fit()],
  ];
  fill(
    zoom,
    buttons.map(([text, label, onclick]) =>
      h("button", { type: "button", "aria-label": label, title: label, onclick }, text),
    ),
  );
  drawing.addEventListener("click", (event) => select(nodeAt(event.target)));
  drawing.addEventListener("keydown", onKey);
  drawing.addEventListener("focusin", (event) => (focused = nodeAt(event.target) ?? focused));
  new ResizeObserver(() => camera.onMove()).observe(drawing);
  subscribe((changed) => {
    showState(changed);
    if (changed.has("step") || changed.has("selected")) follow(changed);
  });
  showState();
}

/** Begin with all of the graph, or with its first operations if all of it is too small to read. */
export function look() {
  camera.fit(false);
  if (camera.k >= 0.8) return;
  const first = nodes.find((node) => node.op) ?? output;
  const k = 0.9;
  const y = Math.max(first.y - 60, camera.height / 2 / k - 40);
  camera.centre(data.width * k < camera.width ? data.width / 2 : first.x, y, k, false);
}

function follow(changed) {
  const step = steps[state.step];
  const shown = changed.has("selected") ? [inspected()] : [nodes[step.node], nodes[step.by]];
  const areas = shown.filter(Boolean).map((node) => boxes[node.id]);
  if (!areas.length) return;
  const both = {
    left: Math.min(...areas.map((b) => b.left)),
    top: Math.min(...areas.map((b) => b.top)),
    right: Math.max(...areas.map((b) => b.right)),
    bottom: Math.max(...areas.map((b) => b.bottom)),
  };
  const k = camera.readable;
  const fits =
    (both.right - both.left) * k < camera.width - 80 &&
    (both.bottom - both.top) * k < camera.height - 80;
  camera.show(fits ? both : areas[0]);
}

// ---- state ---------------------------------------------------------------------------------

let marked = [];

function showState(changed) {
  nodes.forEach((node, id) => {
    const hasValue = toggle(shapes[id], "has-value", isReached(node, "value"));
    const hasGradient = toggle(shapes[id], "has-gradient", isReached(node, "gradient"));
    if (texts.has(node) && (hasValue || hasGradient || changed?.has("iteration"))) {
      writeNumbers(node);
    }
  });
  edges.forEach((edge, id) => {
    toggle(lines[id], "reached", edge.to.valueStep <= state.step);
    toggle(lines[id], "returned", edge.step <= state.step);
  });
  for (const [element, name] of marked) element.classList.remove(name);
  marked = marks();
  for (const [element, name] of marked) element.classList.add(name);
}

/** Set or remove a class; return whether that changed it. Asking an element takes much longer. */
function toggle(element, name, on) {
  if ((element[name] ?? false) === on) return false;
  element[name] = on;
  element.classList.toggle(name, on);
  return true;
}

/** Return what the step and the selection mark: pairs of an element and a class. */
function marks() {
  const step = steps[state.step];
  const found = [];
  if (step.kind === "forward") {
    found.push([shapes[step.node], "active"]);
    for (const edge of nodes[step.node].operands) found.push([lines[edge.id], "active"]);
  } else if (step.kind === "contribution") {
    found.push([shapes[step.node], "arriving"], [shapes[step.by], "giving"]);
    found.push([lines[step.edge.id], "arriving"]);
  } else if (step.kind !== "start") {
    found.push([shapes[step.node], "arriving"]);
    for (const part of step.parts ?? []) found.push([lines[steps[part].edge.id], "arriving"]);
  }
  if (state.selected !== null) {
    const node = nodes[state.selected];
    found.push([shapes[node.id], "selected"]);
    for (const edge of [...node.operands, ...node.uses]) found.push([lines[edge.id], "related"]);
  }
  return found;
}

// ---- keyboard ------------------------------------------------------------------------------

function onKey(event) {
  const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (by) {
    const at = focused?.id ?? inspected()?.id;
    focus(at === undefined ? 0 : Math.min(Math.max(at + by, 0), nodes.length - 1));
    event.preventDefault();
  } else if ((event.key === "Enter" || event.key === " ") && focused) {
    select(focused);
    event.preventDefault();
    event.stopPropagation();
  }
}

function focus(id) {
  camera.show(boxes[id]);
  shapes[id].style.display = ""; // or it could not be focused before the camera is there
  shapes[id].focus({ preventScroll: true });
}

function nodeAt(element) {
  const group = element.closest?.("g.node");
  return group ? nodes[Number(group.dataset.id)] : null;
}

// ---- view ----------------------------------------------------------------------------------

/** Have the browser paint only what is in view, and write into it: few where all are many. */
function showWhatIsInView() {
  const far = camera.k < FAR;
  const view = camera.view();
  const inView = ({ left, top, right, bottom }) =>
    left < view.right && right > view.left && top < view.bottom && bottom > view.top;
  nodes.forEach((node, id) => {
    const shown = far || inView(boxes[id]);
    display(shapes[id], shown);
    if (shown && !far && !texts.has(node)) {
      texts.set(node, drawTexts(node, shapes[id]));
      writeNumbers(node);
    }
  });
  edges.forEach((_, id) => display(lines[id], far || inView(spans[id])));
}

function display(element, shown) {
  const value = shown ? "" : "none";
  if (element.style.display !== value) element.style.display = value;
}

function writeNumbers(node) {
  const text = texts.get(node);
  for (const [what, title] of [["value", "value"], ["gradient", "grad"]]) {
    const index = arrayOf(node, what);
    const written = isReached(node, what) && index !== null ? brief(arrays[index]) : "";
    const line = written && `${title} ${written}`;
    if (text[what].textContent !== line) text[what].textContent = line;
  }
}

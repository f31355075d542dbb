// The graph as SVG: tensors and the edges between them, with what the step shown has reached.

import { Camera, FAR } from "./camera.js";
import { arrays, data, edges, nodes, output, steps } from "./data.js";
import { fill, h, s } from "./dom.js";
import { brief, shape } from "./format.js";
import { arrayOf, inspected, isReached, state, subscribe, update } from "./state.js";

const VERDICTS = { exact: "✓", close: "≈", inherited: "↓", wrong: "✗" };

const world = s("g");
const drawing = s("svg", { id: "graph", tabindex: 0, role: "group", "aria-label": "Graph" });
const shapes = nodes.map(drawNode);
const lines = edges.map(drawEdge);
const boxes = nodes.map(box);
const spans = edges.map(span);
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
  stage.prepend(drawing);
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
  new ResizeObserver(() => camera.onMove()).observe(stage);
  subscribe((changed) => {
    showState(changed);
    if (changed.has("step") || changed.has("selected")) follow(changed);
  });
  showState();
}

/** Look at a tensor, and keep looking at it while the steps go on; at null, follow the steps. */
export function select(node) {
  update({ selected: node?.id ?? null });
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
  const boxes = shown.filter(Boolean).map(box);
  if (!boxes.length) return;
  const both = {
    left: Math.min(...boxes.map((b) => b.left)),
    top: Math.min(...boxes.map((b) => b.top)),
    right: Math.max(...boxes.map((b) => b.right)),
    bottom: Math.max(...boxes.map((b) => b.bottom)),
  };
  const k = camera.readable;
  const fits =
    (both.right - both.left) * k < camera.width - 80 &&
    (both.bottom - both.top) * k < camera.height - 80;
  camera.show(fits ? both : boxes[0]);
}

function box({ x, y, width, height }) {
  return {
    left: x - width / 2,
    top: y - height / 2,
    right: x + width / 2,
    bottom: y + height / 2,
  };
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
  camera.show(box(nodes[id]));
  shapes[id].style.display = ""; // or it could not be focused before the camera is there
  shapes[id].focus({ preventScroll: true });
}

function nodeAt(element) {
  const group = element.closest?.("g.node");
  return group ? nodes[Number(group.dataset.id)] : null;
}

// ---- drawing -------------------------------------------------------------------------------

function drawNode(node) {
  const kind = node.output ? "output" : node.kind;
  return s(
    `g.node.${kind}`,
    {
      "data-id": node.id,
      tabindex: -1,
      role: "button",
      "aria-label": description(node, kind),
      transform: `translate(${node.x - node.width / 2} ${node.y - node.height / 2})`,
    },
    frames(node, kind),
  );
}

function frames({ width, height }, kind) {
  const radius = { parameter: 0, input: height / 2, operation: 9, output: 9 }[kind];
  const rect = (name, inset) =>
    s(`rect.${name}`, {
      x: inset,
      y: inset,
      width: width - 2 * inset,
      height: height - 2 * inset,
      rx: Math.max(0, radius - inset),
    });
  return [rect("frame", 0), kind === "output" ? rect("inner", 4) : null];
}

function description(node, kind) {
  const made = node.made ? ` = ${node.made}` : "";
  const verdict = node.verdict ? `, hand-derived gradient ${node.verdict.status}` : "";
  return `${kind} ${node.name}${made}, shape ${shape(node.shape)}${verdict}`;
}

/** Have the browser paint only what is in view, and write into it: few where all are many. */
function showWhatIsInView() {
  const far = camera.k < FAR;
  const view = camera.view();
  const inView = ({ left, top, right, bottom }) =>
    left < view.right && right > view.left && top < view.bottom && bottom > view.top;
  nodes.forEach((node, id) => {
    const shown = far || inView(boxes[id]);
    display(shapes[id], shown);
    if (shown && !far && !texts.has(node)) write(node);
  });
  edges.forEach((_, id) => display(lines[id], far || inView(spans[id])));
}

function display(element, shown) {
  const value = shown ? "" : "none";
  if (element.style.display !== value) element.style.display = value;
}

/** Return the box around an edge. */
function span({ points, from, to }) {
  const [xs, ys] = [0, 1].map((axis) =>
    points ? points.map((point) => point[axis]) : [from, to].map((node) => [node.x, node.y][axis]),
  );
  return {
    left: Math.min(...xs) - 4,
    top: Math.min(...ys) - 4,
    right: Math.max(...xs) + 4,
    bottom: Math.max(...ys) + 4,
  };
}

function write(node) {
  const edge = node.kind === "input" ? 20 : 11;
  const numbersFrom = node.op ? 46 : 31;
  const row = (name, y) => s(`text.${name}`, { x: edge, y });
  const text = { value: row("value", numbersFrom), gradient: row("gradient", numbersFrom + 14) };
  const lengths = node.shape.length ? shape(node.shape) : "";
  shapes[node.id].append(
    s("text.name", { x: edge, y: 17 }, node.label),
    s("text.shape", { x: node.width - edge, y: 17 }, lengths),
    node.op ? s("text.made", { x: edge, y: 31.5 }, node.short) : "",
    text.value,
    text.gradient,
    farOperands(node),
  );
  if (node.verdict) shapes[node.id].append(badge(node));
  texts.set(node, text);
  writeNumbers(node);
}

/** Name the operands whose edges are too long to be drawn all the time. */
function farOperands(node) {
  const far = node.operands.filter((edge) => !edge.points).map((edge) => `${edge.from.label} ↓`);
  return far.length ? s("text.far-operand", { x: node.width - 11, y: -4 }, far.join(" ")) : "";
}

function badge({ verdict, width }) {
  return s(
    `g.badge.${verdict.status}`,
    { transform: `translate(${width - 2} 2)` },
    s("circle", { r: 9 }),
    s("text", { y: 4 }, VERDICTS[verdict.status] ?? "?"),
  );
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

function drawEdge(edge) {
  const path = edge.points ? spline(edge.points) : across(edge);
  return s(edge.points ? "path.edge" : "path.edge.across", { d: path });
}

function spline([first, ...rest]) {
  return `M${first}C${rest.join(" ")}`;
}

/** Draw an edge that was too long to be laid out; it shows while it matters. */
function across({ from, to }) {
  const [x1, y1, x2, y2] = [from.x, from.y + from.height / 2, to.x, to.y - to.height / 2];
  const bend = Math.min(80, Math.abs(y2 - y1) / 2);
  return `M${x1},${y1}C${x1},${y1 + bend} ${x2},${y2 - bend} ${x2},${y2}`;
}

function arrowheads() {
  const head = (id) =>
    s(
      "marker",
      {
        id,
        viewBox: "0 0 8 8",
        refX: 7,
        refY: 4,
        markerWidth: 8,
        markerHeight: 8,
        markerUnits: "userSpaceOnUse",
        orient: "auto-start-reverse",
      },
      s("path", { d: "M0 0.5 8 4 0 7.5z" }),
    );
  return s("defs", null, ["head", "head-forward", "head-backward"].map(head));
}

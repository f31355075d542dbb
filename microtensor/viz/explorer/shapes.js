// How tensors and the edges between them are drawn.

import { s } from "./dom.js";
import { shape } from "./format.js";

const VERDICTS = { exact: "✓", close: "≈", inherited: "↓", wrong: "✗" };

/** Return a node's shape, without text. */
export function drawNode(node) {
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
  const findings = node.findings.map((text) => `, ${text}`).join("");
  return `${kind} ${node.name}${made}, shape ${shape(node.shape)}${verdict}${findings}`;
}

/** Write into a node's shape; return the elements for its value and gradient, still empty. */
export function drawTexts(node, group) {
  const edge = node.kind === "input" ? 20 : 11;
  const numbersFrom = node.op ? 46 : 31;
  const row = (name, y) => s(`text.${name}`, { x: edge, y });
  const text = { value: row("value", numbersFrom), gradient: row("gradient", numbersFrom + 14) };
  const lengths = node.shape.length ? shape(node.shape) : "";
  group.append(
    s("title", null, group.getAttribute("aria-label")),
    s("text.name", { x: edge, y: 17 }, node.label),
    s("text.shape", { x: node.width - edge, y: 17 }, lengths),
    node.op ? s("text.made", { x: edge, y: 31.5 }, node.short) : "",
    text.value,
    text.gradient,
    farOperands(node),
  );
  if (node.verdict) group.append(badge(node.verdict.status, VERDICTS[node.verdict.status], node.width - 2));
  if (node.findings.length) group.append(badge("unhealthy", "!", 2));
  return text;
}

/** Name the operands whose edges are too long to be drawn all the time. */
function farOperands(node) {
  const far = node.operands.filter((edge) => !edge.points).map((edge) => `${edge.from.label} ↓`);
  return far.length ? s("text.far-operand", { x: node.width - 11, y: -4 }, far.join(" ")) : "";
}

function badge(kind, text, x) {
  return s(
    `g.badge.${kind}`,
    { transform: `translate(${x} 2)` },
    s("circle", { r: 9 }),
    s("text", { y: 4 }, text),
  );
}

/** Return an edge's line. */
export function drawEdge(edge) {
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

/** Return the arrowheads that the style sheet puts on edges. */
export function arrowheads() {
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

/** Return the box that a node takes. */
export function boxOfNode({ x, y, width, height }) {
  return {
    left: x - width / 2,
    top: y - height / 2,
    right: x + width / 2,
    bottom: y + height / 2,
  };
}

/** Return the box around an edge. */
export function boxOfEdge({ points, from, to }) {
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

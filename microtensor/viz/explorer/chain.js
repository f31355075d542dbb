// The chain rule from the output to a tensor: a product of partial derivatives for every path
// between them, and the sum of these.

import { output, steps } from "./data.js";
import { fill, h } from "./dom.js";
import { count } from "./format.js";
import { update } from "./state.js";

const MOST_PATHS = 4;
const MOST_FACTORS = 7;

/** Show the expression for the gradient of a tensor; each factor leads to its step. */
export function chainRule(node) {
  if (node === output) return h("p.chain", null, partial(output, output), " = 1");
  const paths = firstPaths(node);
  const total = pathCount(node);
  const terms = paths.map((path) => term(path));
  const rest = total - BigInt(paths.length);
  return h(
    "p.chain",
    null,
    partial(output, node),
    terms.map((factors, i) => h("span.term", null, h("b", null, i ? "+" : "="), factors)),
    rest > 0n ? h("span.term", null, h("b", null, "+"), more(rest)) : null,
  );
}

function more(rest) {
  const text = rest < 1000000n ? rest.toLocaleString("en") : approximately(rest);
  return h("span.more", null, `${text} more ${rest === 1n ? "path" : "paths"}`);
}

function approximately(n) {
  const digits = n.toString();
  return `about ${digits[0]}.${digits[1]}·10^${digits.length - 1}`;
}

/** Return the first paths from the output to a tensor, as lists of edges. */
function firstPaths(node) {
  const found = [];
  const walk = (from, path) => {
    const stack = [[from, path]];
    while (stack.length && found.length < MOST_PATHS) {
      const [at, edges] = stack.pop();
      if (at === output) found.push(edges);
      else for (const edge of [...at.uses].reverse()) stack.push([edge.to, { edge, next: edges }]);
    }
  };
  walk(node, null);
  return found.map(listed);
}

function listed(linked) {
  const edges = [];
  for (let item = linked; item; item = item.next) edges.push(item.edge);
  return edges;
}

/** Return how many paths lead from the output to a tensor. */
function pathCount(node) {
  counts ??= countPaths();
  return counts.get(node) ?? 0n;
}

let counts = null;

function countPaths() {
  const found = new Map([[output, 1n]]);
  const visit = (node) => {
    const stack = [node];
    while (stack.length) {
      const at = stack.at(-1);
      const waiting = at.uses.filter((edge) => !found.has(edge.to));
      if (waiting.length) stack.push(...waiting.map((edge) => edge.to));
      else {
        stack.pop();
        if (!found.has(at)) found.set(at, at.uses.reduce((sum, e) => sum + found.get(e.to), 0n));
      }
    }
  };
  return { get: (node) => (found.has(node) || visit(node), found.get(node)) };
}

function term(edges) {
  if (edges.length <= MOST_FACTORS) return h("span.factors", null, product(edges));
  const [first, last] = [edges.slice(0, 3), edges.slice(-3)];
  const hidden = edges.slice(3, -3);
  const label = count(hidden.length, "more factor");
  const span = h("span.factors");
  const onclick = () => fill(span, product(edges));
  const button = h("button.more", { type: "button", onclick, title: "Show them" }, label);
  return fill(span, product(first), times(), button, times(), product(last));
}

function product(edges) {
  return edges.flatMap((edge, i) => [i ? times() : null, factor(edge)]);
}

function times() {
  return h("span.times", { "aria-label": "times" }, "·");
}

function factor(edge) {
  const { from, to, step } = edge;
  const which = edge.several ? ` (operand ${edge.position + 1})` : "";
  const title = `Step ${step}: ${steps[step].rule}`;
  const label = `partial derivative of ${to.name} by ${from.name}${which}`;
  const onclick = () => update({ step, selected: null });
  return h(
    "button.factor",
    { type: "button", title, "aria-label": label, onclick },
    partial(to, from, edge.several ? edge.position + 1 : null),
  );
}

function partial(above, below, operand = null) {
  return h(
    "span.fraction",
    null,
    h("span", null, `∂${above.name}`),
    h("span", null, `∂${below.name}`, operand && h("sup", null, `(${operand})`)),
  );
}

// The tensor looked at: its value and gradient, how it was made, and the chain rule.

import { arrayView, viewOf } from "./array_view.js";
import { arrays, data, nodes } from "./data.js";
import { chainRule } from "./chain.js";
import { fill, h } from "./dom.js";
import { shape } from "./format.js";
import { arrayOf, inspected, isReached, select, state, subscribe, update } from "./state.js";
import { button, name } from "./step_view.js";
import { onTheme } from "./theme.js";

const KINDS = { parameter: "Parameter", input: "Input", operation: "Intermediate" };
const VERDICTS = {
  exact: "✓ exact",
  close: "≈ close",
  inherited: "↓ inherited error",
  wrong: "✗ wrong",
};

/** Set up the card. */
export function setUpTensor(card) {
  let shown = {};
  const show = () => {
    const node = inspected();
    const now = { node, step: state.step, iteration: state.iteration, selected: state.selected };
    if (Object.keys(now).every((key) => now[key] === shown[key])) return;
    shown = now;
    fill(card, node ? view(node) : hint());
  };
  subscribe(show);
  onTheme(() => {
    shown = {};
    show();
  });
  show();
}

function hint() {
  return h("p.note", null, "Click on a tensor, or press / and type its name, to look at it.");
}

function view(node) {
  return [
    h(
      "header",
      null,
      h("h2.code", null, node.name),
      h("p", null, node.output ? "Output" : KINDS[node.kind]),
      state.selected === null ? null : h("button.close", closing, "×"),
    ),
    node.findings.length ? h("ul.findings", null, node.findings.map((text) => h("li", null, text))) : null,
    facts(node),
    section("Value", node, "value"),
    node.differentiable
      ? section("Gradient", node, "gradient")
      : h("p.note", null, "It requires no gradient."),
    node.verdict ? byHand(node) : null,
    node.differentiable ? h("div.stage", null, h("h3", null, "Chain rule"), chainRule(node)) : null,
    neighbours(node),
  ];
}

const closing = {
  type: "button",
  "aria-label": "Follow the steps again",
  title: "Follow the steps again (Esc)",
  onclick: () => select(null),
};

function facts(node) {
  const rows = [
    ["Shape", h("code", null, shape(node.shape)), h("span", null, node.dtype)],
    node.made ? ["Made by", h("code", null, node.made)] : null,
    node.line ? ["Source", sourceLine(node.line)] : null,
    node.module === null ? null : ["Module", h("code", null, node.module || "the model itself")],
  ];
  return h(
    "dl.facts",
    null,
    rows.filter(Boolean).map(([term, ...details]) => [h("dt", null, term), h("dd", null, details)]),
  );
}

function sourceLine(line) {
  const found = line.exact ? "" : ", the line that assigns it";
  const inside = line.function === "<module>" ? "" : `, in ${line.function}`;
  return [
    h("pre", { tabindex: 0 }, h("code", null, line.text || "(source not found)")),
    h("span.note", null, `${line.file}:${line.number}${inside}${found}`),
  ];
}

function section(title, node, what) {
  const index = arrayOf(node, what);
  const note = state.iteration === null ? arrival(node, what) : null;
  return h(
    `div.stage.${what}`,
    null,
    h("h3", null, title, note),
    index === null ? h("p.note", null, missing(what)) : arrayView(index, `${what} of ${node.name}`),
  );
}

function missing(what) {
  if (state.iteration !== null) return "Not recorded at this iteration.";
  return what === "value" ? "Not kept, and not to be computed again." : "None.";
}

function arrival(node, what) {
  const step = node[`${what}Step`];
  if (isReached(node, what) || step === null) return null;
  return button(`from step ${step} on`, () => update({ step }), "link");
}

function byHand(node) {
  const { status, hand, cause, name: variable, step } = node.verdict;
  const [mine, its] = [arrays[hand], arrays[node.gradient]];
  const comparable = mine.values && its?.values && shape(mine.shape) === shape(its.shape);
  const difference = comparable && {
    ...its,
    statistics: null,
    histogram: null,
    values: mine.values.map((x, i) => (Number.isFinite(x) ? x - its.values[i] : x)),
  };
  const differs = difference && difference.values.some((x) => x !== 0);
  return h(
    `div.stage.hand.${status}`,
    null,
    h("h3", null, "Derived by hand", h(`span.verdict.${status}`, null, VERDICTS[status] ?? status)),
    cause ? h("p", null, h("strong", null, `${cause.kind.replaceAll("_", " ")}: `), cause.text) : null,
    step && status !== "exact" ? stepNote(step) : null,
    h("p.note", null, h("code", null, variable), ` of shape ${shape(mine.shape)}:`),
    arrayView(hand, `hand-derived gradient of ${node.name}`),
    differs
      ? [
          h("p.note", null, "Yours minus autograd’s:"),
          viewOf(difference, `difference in the gradient of ${node.name}`),
        ]
      : null,
  );
}

function stepNote(step) {
  return [h("p.note", null, "The right step:"), h("pre", { tabindex: 0 }, h("code", null, step))];
}

function neighbours(node) {
  const list = (title, found) =>
    found.length
      ? [
          h("dt", null, title),
          h("dd", null, found.slice(0, 12).map(name), found.length > 12 ? "…" : null),
        ]
      : null;
  const uses = [...new Set(node.uses.map((edge) => edge.to))];
  const operands = [...new Set(node.operands.map((edge) => edge.from))];
  return h("dl.facts", null, list("Made of", operands), list("Used by", uses));
}

/** Set up the card that lists the verdicts of a comparison, and the button that leads to the worst. */
export function setUpComparison(card, lead) {
  if (!data.comparison) return;
  card.hidden = lead.hidden = false;
  const root = data.comparison.find((row) => row.status === "wrong");
  const wrong = data.comparison.filter((row) => row.status === "wrong").length;
  lead.className = `verdict ${root ? "wrong" : "exact"}`;
  lead.textContent = root ? `✗ ${wrong} of ${data.comparison.length} by hand wrong` : "✓ by hand";
  lead.title = root ? `Look at ${nodes[root.node].name}` : "Hand-derived gradients agree";
  lead.addEventListener("click", () => {
    select(nodes[(root ?? data.comparison[0]).node]);
    document.querySelector("#tensor .hand").scrollIntoView();
  });
  fill(
    card,
    h(
      "header",
      null,
      h("h2", null, "Hand-derived gradients"),
      h("p", null, wrong ? `${wrong} wrong of ${data.comparison.length}` : "none wrong"),
    ),
    h(
      "ul.verdicts",
      null,
      data.comparison.map((row) =>
        h(
          "li",
          null,
          name(nodes[row.node]),
          h(`span.verdict.${row.status}`, null, VERDICTS[row.status] ?? row.status),
        ),
      ),
    ),
  );
}

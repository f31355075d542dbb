// What happens at the step shown.

import { arrayView } from "./array_view.js";
import { arrays, data, firstBackward, nodes, output, steps } from "./data.js";
import { fill, h } from "./dom.js";
import { count, shape } from "./format.js";
import { select, state, subscribe, update } from "./state.js";
import { onTheme } from "./theme.js";

/** Set up the card. */
export function setUpStep(card) {
  const show = () => {
    const step = steps[state.step];
    card.className = `card ${step.kind}`;
    fill(card, views[step.kind](step));
    card.parentElement.scrollTop = 0;
  };
  subscribe((changed) => changed.has("step") && show());
  onTheme(show);
  show();
}

/** Say in one line what a step does. */
export function summary(step) {
  const node = nodes[step.node];
  return {
    start: () => "Start",
    forward: () => `Forward: compute ${node.name}`,
    seed: () => `Backward: begin at ${node.name}`,
    contribution: () => `Backward: ${node.name} from ${nodes[step.by].name}`,
    sum: () => `Backward: add up the gradient of ${node.name}`,
  }[step.kind]();
}

const views = {
  start() {
    const leaves = nodes.filter((node) => !node.op);
    const operations = count(nodes.length - leaves.length, "operation");
    const contributions = steps.filter((step) => step.kind === "contribution").length;
    return [
      heading("Start", "What is given"),
      h(
        "p",
        null,
        `${operations} will compute `,
        name(output),
        " forward. Then backpropagation goes through them in reverse: ",
        `${count(contributions, "contribution")} to the gradients.`,
      ),
      h(
        "p",
        null,
        button("Step forward", () => update({ step: 1 }), "primary"),
        " ",
        button("Go to backward", () => update({ step: firstBackward })),
      ),
      h("ul.tensors", { "aria-label": "Leaves" }, leaves.slice(0, 24).map((leaf) => chip(leaf))),
      leaves.length > 24 ? h("p.note", null, `and ${leaves.length - 24} more`) : null,
    ];
  },

  forward(step) {
    const node = nodes[step.node];
    const broadcast = node.operands
      .map((edge) => edge.from)
      .filter((from) => node.elementwise && shape(from.shape) !== shape(node.shape));
    return [
      heading("Forward", `${state.step} of ${firstBackward - 1}`),
      code(`${node.name} = ${node.made}`),
      h(
        "p.shapes",
        null,
        node.operands.map((edge, i) => [i ? h("span", null, ",") : null, chip(edge.from, "span")]),
        h("span", { "aria-label": "gives" }, "→"),
        h("code", null, shape(node.shape)),
      ),
      broadcast.map((from) =>
        h("p.note", null, name(from), ` ${shape(from.shape)} is broadcast to ${shape(node.shape)}.`),
      ),
    ];
  },

  seed(step) {
    const node = nodes[step.node];
    const { values } = arrays[step.gradient];
    const one = values?.length === 1 && values[0] === 1;
    return [
      heading("Backward", `begins at ${node.name}`),
      code(`d_${node.name} = ${one ? "1" : "its gradient, given"}`),
      h("p", null, "d_", name(node), ": how much ", name(output), " changes with ", name(node), "."),
      arrayView(step.gradient, `gradient of ${node.name}`),
    ];
  },

  contribution(step) {
    const [node, by] = [nodes[step.node], nodes[step.by]];
    const raw = arrays[step.raw];
    const several = step.of > 1;
    const made = several ? `Contribution ${step.part} of ${step.of}` : `Gradient of ${node.name}`;
    const summed = step.raw !== step.array;
    return [
      heading("Backward", place()),
      h("p.route", null, name(by), h("span", { "aria-label": "to" }, "→"), name(node)),
      stage("Incoming gradient", `d_${by.name}`, step.incoming),
      h(
        "div.stage.rule",
        null,
        h("h3", null, `Local rule of ${by.op}`),
        code(step.rule),
        h("p.note", null, `for ${by.name} = ${by.made}`),
      ),
      summed ? stage("Before the sum", null, step.raw) : null,
      summed
        ? h(
            "p.sum",
            null,
            name(node),
            ` was broadcast from ${shape(node.shape)} to ${shape(raw.shape)}: `,
            h("strong", null, `sum over ${axes(step.axes)}`),
            ` gives ${shape(node.shape)}.`,
          )
        : null,
      stage(made, several ? null : `d_${node.name}`, step.array),
      several ? partsNote(step, node) : null,
    ];
  },

  sum(step) {
    const node = nodes[step.node];
    const parts = step.parts.map((at) => steps[at]);
    const shown = parts.slice(0, 6);
    return [
      heading("Backward", place()),
      h(
        "p",
        null,
        name(node),
        ` was used ${parts.length} times, so its gradient is the `,
        h("strong", null, `sum of ${count(parts.length, "contribution")}`),
        ".",
      ),
      shown.map((part, i) =>
        stage(`${i ? "+ " : ""}from ${nodes[part.by].name}`, null, part.array, () =>
          update({ step: step.parts[i] }),
        ),
      ),
      parts.length > shown.length
        ? h("p.note", null, `+ ${parts.length - shown.length} more contributions`)
        : null,
      stage("= Gradient", `d_${node.name}`, step.gradient),
    ];
  },
};

function heading(phase, text) {
  const iteration = state.iteration === null ? null : data.history.numbers[state.iteration];
  return [
    h("header", null, h("h2", null, phase), h("p", null, text)),
    iteration === null ? null : h("p.note", null, "The numbers of this step are this computation's."),
  ];
}

function place() {
  return `${state.step - firstBackward} of ${steps.length - 1 - firstBackward}`;
}

function partsNote(step, node) {
  const rest = step.of - step.part;
  const text = rest
    ? `${count(rest, "more contribution")} to d_${node.name} will be added.`
    : `This was the last of ${step.of}; the next step adds them up.`;
  return h("p.note", null, text);
}

function stage(title, variable, index, onclick) {
  const lengths = shape(arrays[index].shape);
  return h(
    "div.stage",
    null,
    h(
      "h3",
      null,
      onclick ? button(title, onclick, "link") : title,
      variable ? h("code", null, variable) : null,
      h("span.lengths", null, lengths),
    ),
    arrayView(index, variable ?? title),
  );
}

function axes(list) {
  return list.length === 1 ? `axis ${list[0]}` : `axes ${list.join(", ")}`;
}

function code(text) {
  return h("pre", { tabindex: 0 }, h("code", null, text));
}

/** Show a tensor's name as a button that selects it. */
export function name(node) {
  const onclick = () => select(node);
  return h(`button.name.${node.kind}`, { type: "button", title: "Look at it", onclick }, node.name);
}

/** Show a tensor's name and shape. */
export function chip(node, tag = "li") {
  return h(`${tag}.chip`, null, name(node), h("code", null, shape(node.shape)));
}

/** Make a button. */
export function button(text, onclick, kind = "plain") {
  return h(`button.${kind}`, { type: "button", onclick }, text);
}

// The page's data, and what follows from it: who uses what, and which step brings what.

export const data = JSON.parse(document.getElementById("data").textContent);

export const arrays = data.arrays;
export const edges = data.edges;
export const nodes = data.nodes;
export const steps = data.steps;

export const output = nodes.find((node) => node.output);

nodes.forEach((node, id) => {
  Object.assign(node, { id, operands: [], uses: [], parts: [], valueStep: 0, gradientStep: null });
});

edges.forEach((edge, id) => {
  Object.assign(edge, { id, from: nodes[edge.source], to: nodes[edge.target] });
  edge.from.uses.push(edge);
  edge.to.operands.push(edge);
  edge.several = edges[id - 1]?.source === edge.source && edges[id - 1].target === edge.target;
  if (edge.several) edges[id - 1].several = true;
});

steps.forEach((step, at) => {
  const node = nodes[step.node];
  if (step.kind === "forward") node.valueStep = at;
  if (step.kind === "seed" || step.kind === "sum") node.gradientStep = at;
  if (step.kind === "contribution") {
    node.parts.push(at);
    if (step.of === 1) node.gradientStep = at;
    step.edge = nodes[step.by].operands.find((edge) => edge.position === step.position);
    step.edge.step = at;
  }
});

for (const row of data.comparison ?? []) nodes[row.node].verdict = row;

export const firstBackward = steps.findIndex((step) => step.kind === "seed");

const byName = new Map(nodes.map((node) => [node.name, node]));

/** Return the node of a name. */
export function named(name) {
  return byName.get(name) ?? null;
}

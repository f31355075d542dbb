// What the page shows now: the step, the selected tensor, the iteration. It is in the address, too.

import { data, named, nodes, steps } from "./data.js";

/** `selected` is a node's index, or null: then the step's own tensor is looked at. */
export const state = { step: 0, selected: null, iteration: null, playing: false };

const listeners = [];

/** Call `listener(changed)` after each change, with the set of what changed. */
export function subscribe(listener) {
  listeners.push(listener);
}

/** Change some of the state, and let everything that shows it follow. */
export function update(changes) {
  if ("step" in changes) {
    changes.step = Math.min(Math.max(changes.step, 0), steps.length - 1);
  }
  const changed = new Set(Object.keys(changes).filter((key) => changes[key] !== state[key]));
  if (!changed.size) return;
  Object.assign(state, changes);
  for (const listener of listeners) listener(changed);
  writeAddress();
}

/** Look at a tensor, and keep looking at it while the steps go on; at null, follow the steps. */
export function select(node) {
  update({ selected: node?.id ?? null });
}

/** Return the tensor that is looked at. */
export function inspected() {
  if (state.selected !== null) return nodes[state.selected];
  const { node } = steps[state.step];
  return node === undefined ? null : nodes[node];
}

/** Return the index of the array that a tensor's `value` or `gradient` is, or null. */
export function arrayOf(node, what) {
  if (state.iteration === null) return node[what];
  return data.history[`${what}s`][node.id]?.[state.iteration] ?? null;
}

/** Tell whether a tensor has its value or gradient at the step shown. */
export function isReached(node, what) {
  if (state.iteration !== null) return true;
  const step = node[`${what}Step`];
  return step !== null && step <= state.step;
}

/** Follow the address: `#step=12&tensor=W1&iteration=40`. */
export function readAddress() {
  const address = new URLSearchParams(location.hash.slice(1));
  const step = Number(address.get("step"));
  update({
    step: Number.isInteger(step) ? step : 0,
    selected: named(address.get("tensor"))?.id ?? null,
    iteration: address.has("iteration") ? nearest(Number(address.get("iteration"))) : null,
  });
}

/** Return which of the iterations that the page has is nearest to one. */
function nearest(iteration) {
  const numbers = data.history?.numbers ?? [];
  const away = numbers.map((number) => Math.abs(number - iteration));
  return numbers.length && Number.isFinite(iteration) ? away.indexOf(Math.min(...away)) : null;
}

function writeAddress() {
  if (location.protocol === "about:") return; // in a notebook, the page has no address of its own
  const address = new URLSearchParams({ step: state.step });
  if (state.selected !== null) address.set("tensor", nodes[state.selected].name);
  if (state.iteration !== null) address.set("iteration", data.history.numbers[state.iteration]);
  clearTimeout(writeAddress.timer);
  // Browsers refuse more than some hundred changes of the address in half a minute.
  writeAddress.timer = setTimeout(() => history.replaceState(null, "", `#${address}`), 120);
}

// A matrix in colours: orange below zero, blue above, paler the nearer to it.

import { h } from "./dom.js";
import { number } from "./format.js";
import { isDark } from "./theme.js";

const WIDTH = 336;
const HEIGHT = 180;
const LARGEST = 18;
/** A vector is folded to rows of this length, to be read as a text is. */
const FOLD = 32;

/**
 * Return the canvas of a matrix, whose cells are read by pointing at them: `say` is given the text.
 * Of a summary, `of` is the size of the matrix whose blocks the cells are.
 */
export function heatmap({ rows, columns, values, of = [rows, columns] }, label, say) {
  const folded = (rows === 1 || columns === 1) && values.length > FOLD;
  const across = folded ? FOLD : columns;
  const down = folded ? Math.ceil(values.length / FOLD) : rows;
  const cell = Math.max(1, Math.min(LARGEST, Math.floor(WIDTH / across)));
  const height = Math.max(1, Math.min(LARGEST, Math.round(cell * 1.5), Math.floor(HEIGHT / down)));
  const canvas = h("canvas.heatmap", { role: "img", "aria-label": label });
  canvas.width = across * cell;
  canvas.height = down * height;
  canvas.style.height = `${Math.min(Math.max(canvas.height, 10), 240)}px`;
  const largest = scale(values);
  const context = canvas.getContext("2d");
  const colours = palette();
  values.forEach((value, i) => {
    context.fillStyle = colour(strength(value, largest), colours);
    context.fillRect((i % across) * cell, Math.floor(i / across) * height, cell, height);
  });
  const where = (i) =>
    folded
      ? place(i, values.length, of[0] * of[1])
      : `${place(Math.floor(i / columns), rows, of[0])}, ${place(i % columns, columns, of[1])}`;
  canvas.addEventListener("pointermove", (event) => {
    const box = canvas.getBoundingClientRect();
    const column = Math.floor(((event.clientX - box.left) / box.width) * across);
    const row = Math.floor(((event.clientY - box.top) / box.height) * down);
    const i = row * across + column;
    if (i in values && column < across) say(`${where(i)}: ${number(values[i], 6)}`);
  });
  canvas.addEventListener("pointerleave", () => say(null));
  return canvas;
}

/** Return the size that has the full colour. */
export function scale(values) {
  return values.reduce((most, x) => (Number.isFinite(x) ? Math.max(most, Math.abs(x)) : most), 0);
}

/** Return how strong a value's colour is, from -1 to 1; null if it is not finite. */
export function strength(value, largest) {
  if (!Number.isFinite(value)) return null;
  return largest ? Math.sign(value) * Math.sqrt(Math.abs(value) / largest) : 0;
}

/** Return the colours of [below zero, zero, above zero], and of what is not finite, as RGB. */
export function palette() {
  return isDark()
    ? { ends: [[255, 140, 51], [32, 38, 45], [92, 184, 240]], notFinite: [204, 121, 167] }
    : { ends: [[213, 94, 0], [246, 247, 248], [0, 114, 178]], notFinite: [204, 121, 167] };
}

function colour(t, { ends, notFinite }) {
  if (t === null) return `rgb(${notFinite})`;
  const [below, zero, above] = ends;
  const end = t < 0 ? below : above;
  return `rgb(${zero.map((x, i) => Math.round(x + Math.abs(t) * (end[i] - x)))})`;
}

function place(i, count, all) {
  if (all === count) return String(i);
  const start = Math.floor((i * all) / count);
  const end = Math.floor(((i + 1) * all) / count) - 1;
  return start === end ? String(start) : `${start}–${end}`;
}

// A matrix in colours: orange below zero, blue above, paler the nearer to it.

import { h } from "./dom.js";
import { number } from "./format.js";
import { isDark } from "./theme.js";

/** Return the canvas of a matrix, whose cells are read by pointing at them. */
export function heatmap({ rows, columns, values, of }, label, say) {
  const cell = Math.max(1, Math.min(18, Math.floor(336 / columns)));
  const canvas = h("canvas.heatmap", { role: "img", "aria-label": label });
  canvas.width = columns * cell;
  const height = Math.max(1, Math.min(cell * 1.5, 18, Math.floor(180 / rows)));
  canvas.height = Math.max(rows, 1) * height;
  const largest = scale(values);
  const paint = () => {
    const context = canvas.getContext("2d");
    const colours = palette();
    context.clearRect(0, 0, canvas.width, canvas.height);
    values.forEach((value, i) => {
      context.fillStyle = colour(strength(value, largest), colours);
      context.fillRect((i % columns) * cell, Math.floor(i / columns) * height, cell, height);
    });
  };
  canvas.addEventListener("pointermove", (event) => {
    const box = canvas.getBoundingClientRect();
    const column = Math.floor(((event.clientX - box.left) / box.width) * columns);
    const row = Math.floor(((event.clientY - box.top) / box.height) * rows);
    const value = values[row * columns + column];
    if (value === undefined || column < 0 || column >= columns) return;
    say(`${place(row, rows, of?.[0])}, ${place(column, columns, of?.[1])}: ${number(value, 6)}`);
  });
  canvas.addEventListener("pointerleave", () => say(null));
  paint();
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
  if (!all || all === count) return String(i);
  const start = Math.floor((i * all) / count);
  const end = Math.floor(((i + 1) * all) / count) - 1;
  return start === end ? String(start) : `${start}–${end}`;
}

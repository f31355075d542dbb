// An array on the page: its numbers while they are few, else a heatmap, statistics, a histogram.

import { arrays } from "./data.js";
import { h, s } from "./dom.js";
import { count, number, shape } from "./format.js";
import { heatmap, palette, scale, strength } from "./heatmap.js";

const MOST_ROWS = 8;
const MOST_COLUMNS = 6;

/** Show an array of the page's table. `name` says whose it is, to those who do not see it. */
export function arrayView(index, name) {
  return viewOf(arrays[index], name);
}

/** Show an array that was computed here. */
export function viewOf(array, name) {
  const { columns, rows } = matrixSize(array.shape);
  const asNumbers = array.values && rows <= MOST_ROWS && columns <= MOST_COLUMNS;
  return asNumbers ? table(array, rows, columns, name) : picture(array, rows, columns, name);
}

function matrixSize(lengths) {
  const columns = lengths.at(-1) ?? 1;
  const size = lengths.reduce((product, length) => product * length, 1);
  return { columns, rows: columns ? size / columns : 0 };
}

function table({ values, shape: lengths }, rows, columns, name) {
  if (!values.length) return h("p.note", null, `no elements, shape ${shape(lengths)}`);
  const largest = scale(values);
  const label = `${name}, shape ${shape(lengths)}`;
  const classes = lengths.length === 0 ? ".scalar" : columns > 4 ? ".dense" : "";
  const digits = columns > 5 ? 2 : columns > 4 ? 3 : 4;
  const line = (_, row) =>
    h("tr", null, values.slice(row * columns, (row + 1) * columns).map((x) => cell(x, largest, digits)));
  const body = h("tbody", null, Array.from({ length: rows }, line));
  return h("div.array", null, h(`table.numbers${classes}`, { "aria-label": label }, body));
}

function cell(value, largest, digits) {
  const exact = typeof value === "string" ? null : String(value);
  const td = h("td", { "data-value": value, title: exact }, number(value, digits));
  const t = strength(value, largest);
  if (t === null) td.className = "not-finite";
  else if (t) {
    const [below, , above] = palette().ends;
    const alpha = (0.3 * Math.abs(t)).toFixed(3);
    td.style.backgroundColor = `rgb(${(t < 0 ? below : above).join(" ")} / ${alpha})`;
  }
  return td;
}

function picture(array, rows, columns, name) {
  const matrix = array.blocks ?? { rows, columns, values: array.values };
  const order = rows === 1 || columns === 1 ? "In reading order. " : "";
  const note = array.blocks ? summaryNote(array) : `${order}Point at a cell to read it.`;
  const caption = h("p.note", null, note);
  const say = (text) => (caption.textContent = text ?? note);
  const label = `Heatmap of ${name}, shape ${shape(array.shape)}`;
  return h(
    "div.array",
    null,
    h("div.framed", null, heatmap(matrix, label, say)),
    legend(matrix.values),
    caption,
    h("div.about", null, histogram(array.histogram, name), statistics(array.statistics)),
  );
}

function summaryNote({ blocks, shape: lengths }) {
  const total = lengths.reduce((product, length) => product * length, 1);
  return (
    `A summary: means over blocks, ${blocks.rows} × ${blocks.columns} of ` +
    `${blocks.of[0]} × ${blocks.of[1]} (${count(total, "element")}).`
  );
}

function legend(values) {
  const largest = scale(values);
  const text = number(largest, 3);
  return h(
    "p.scale",
    { "aria-hidden": "true" },
    h("span", null, largest ? `−${text}` : ""),
    h("i"),
    h("span", null, largest ? text : "all zero"),
  );
}

function histogram(bins, name) {
  if (!bins) return null;
  const { counts, low, high } = bins;
  const most = Math.max(...counts);
  const bars = counts.map((n, i) => {
    const height = n ? Math.max(1, (44 * n) / most) : 0;
    return s("rect", { x: i * 6, y: 44 - height, width: 5, height });
  });
  const zero = low < 0 && high > 0 ? ((0 - low) / (high - low)) * counts.length * 6 : null;
  const width = counts.length * 6;
  return h(
    "figure.histogram",
    null,
    s(
      "svg",
      { viewBox: `0 0 ${width} 45`, role: "img", "aria-label": `Histogram of ${name}` },
      bars,
      s("line.axis", { x1: 0, x2: width, y1: 44.5, y2: 44.5 }),
      zero === null ? null : s("line.zero", { x1: zero, x2: zero, y1: 0, y2: 45 }),
    ),
    h("figcaption", null, h("span", null, number(low, 3)), h("span", null, number(high, 3))),
  );
}

function statistics(facts) {
  if (!facts) return null;
  const entries = Object.entries(facts).filter(
    ([key, value]) => !["zeros", "nan", "inf"].includes(key) || value,
  );
  const names = { nan: "NaN", inf: "Inf" };
  return h(
    "dl.statistics",
    null,
    entries.map(([key, x]) => [h("dt", null, names[key] ?? key), h("dd", null, number(x))]),
  );
}

// The iterations of a training: a slider through them, and the curve of the loss.

import { data } from "./data.js";
import { fill, h, s } from "./dom.js";
import { number } from "./format.js";
import { state, subscribe, update } from "./state.js";
import { button } from "./step_view.js";

const WIDTH = 320;
const HEIGHT = 56;

/** Set up the card, if there is a history. */
export function setUpHistory(card) {
  const history = data.history;
  if (!history) return;
  card.hidden = false;
  const last = history.numbers.length - 1;
  const [metric, curve] = mainMetric(history.metrics);
  const marker = s("line.now", { y1: 0, y2: HEIGHT });
  const slider = h("input", {
    type: "range",
    min: 0,
    max: last,
    step: 1,
    value: last,
    "aria-label": "Training iteration",
    oninput: () => update({ iteration: Number(slider.value) }),
  });
  const where = h("p");
  const facts = h("dl.statistics");
  const back = button("This computation", () => update({ iteration: null }));
  fill(
    card,
    h("header", null, h("h2", null, "Training"), where),
    curve ? chart(curve, metric, marker) : null,
    slider,
    h("div.foot", null, facts, back),
    h("p.note", null, note(history)),
  );
  const show = () => {
    const at = state.iteration;
    const name = at === null ? "" : `iteration ${history.numbers[at]}`;
    where.textContent = name || `${history.of} iterations`;
    slider.value = at ?? last;
    slider.setAttribute("aria-valuetext", name || "not used");
    slider.classList.toggle("unused", at === null);
    back.hidden = at === null;
    marker.setAttribute("visibility", at === null ? "hidden" : "visible");
    const x = last ? ((at ?? 0) / last) * WIDTH : 0;
    marker.setAttribute("x1", x);
    marker.setAttribute("x2", x);
    const known = Object.entries(history.metrics).filter(([, values]) => values[at ?? last] !== null);
    fill(
      facts,
      known.map(([key, values]) => [h("dt", null, key), h("dd", null, number(values[at ?? last], 5))]),
    );
  };
  subscribe((changed) => changed.has("iteration") && show());
  show();
}

function note({ numbers, of }) {
  const some = numbers.length < of ? `; ${numbers.length} of ${of} are kept` : "";
  return `Values and gradients as they were at each iteration${some}.`;
}

function mainMetric(metrics) {
  return Object.entries(metrics).find(([key]) => key === "loss") ?? Object.entries(metrics)[0] ?? [];
}

function chart(values, metric, marker) {
  const finite = values.filter(Number.isFinite);
  if (finite.length < 2) return null;
  const [low, high] = [Math.min(...finite), Math.max(...finite)];
  const x = (i) => (i / (values.length - 1)) * WIDTH;
  const y = (value) => HEIGHT - 3 - ((value - low) / (high - low || 1)) * (HEIGHT - 6);
  let path = "";
  let pen = "M";
  values.forEach((value, i) => {
    if (Number.isFinite(value)) path += `${pen}${x(i).toFixed(1)},${y(value).toFixed(1)}`;
    pen = Number.isFinite(value) ? "L" : "M";
  });
  return s(
    "svg.curve",
    {
      viewBox: `0 0 ${WIDTH} ${HEIGHT}`,
      preserveAspectRatio: "none",
      role: "img",
      "aria-label": `${metric} from ${number(values[0])} to ${number(values.at(-1))}`,
    },
    s("path", { d: path }),
    marker,
  );
}

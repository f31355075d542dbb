// Moving through the steps: buttons, the slider, playing.

import { firstBackward, steps } from "./data.js";
import { fill, h, s } from "./dom.js";
import { state, subscribe, update } from "./state.js";
import { summary } from "./step_view.js";

const SPEEDS = [["0.5×", 2400], ["1×", 1200], ["2×", 600], ["5×", 240], ["20×", 60]];
const ICONS = {
  first: "M3 3v10M13 3 5.5 8 13 13z",
  back: "M11 3 4 8l7 5z",
  play: "M4 2.5 13 8l-9 5.5z",
  pause: "M4 3h2.6v10H4zM9.4 3H12v10H9.4z",
  next: "M5 3l7 5-7 5z",
  last: "M13 3v10M3 3l7.500 5L3 13z",
};
/** The last step. */
export const last = steps.length - 1;

/** Set up the bar below the graph. */
export function setUpTransport(bar) {
  const play = iconButton("play", "Play (Space)", toggle);
  const slider = h("input", {
    id: "slider",
    type: "range",
    min: 0,
    max: last,
    step: 1,
    "aria-label": "Step",
    oninput: () => update({ step: Number(slider.value), playing: false }),
  });
  slider.style.setProperty("--turn", `${(100 * (firstBackward - 0.5)) / last}%`);
  const speed = h(
    "select",
    { id: "speed", "aria-label": "Speed", title: "Speed", onchange: () => state.playing && run() },
    SPEEDS.map(([text, pause]) => h("option", { value: pause, selected: text === "1×" }, text)),
  );
  const where = h("input", {
    id: "where",
    type: "text",
    inputmode: "numeric",
    "aria-label": `Step, of ${last}: type a number to jump`,
    title: "Type a number to jump",
    onchange: () => /^\d+$/.test(where.value.trim()) && go(Number(where.value)),
    onfocus: () => where.select(),
  });
  const what = h("p", { id: "what", "aria-live": "polite" });
  fill(
    bar,
    h(
      "div.buttons",
      { role: "group", "aria-label": "Move" },
      iconButton("first", "To the start (Home)", () => go(0)),
      iconButton("back", "Step back (←)", () => go(state.step - 1)),
      play,
      iconButton("next", "Step (→)", () => go(state.step + 1)),
      iconButton("last", "To the end (End)", () => go(last)),
    ),
    h("div.track", null, slider, h("div.phases", { "aria-hidden": "true" }, phases())),
    h("p.where", null, where, h("span", null, ` / ${last}`)),
    what,
    speed,
  );

  let timer = null;
  const run = () => {
    clearInterval(timer);
    if (state.playing) timer = setInterval(advance, Number(speed.value));
  };
  const show = (changed) => {
    slider.value = state.step;
    slider.setAttribute("aria-valuetext", summary(steps[state.step]));
    bar.classList.toggle("is-backward", state.step >= firstBackward);
    where.value = state.step;
    what.textContent = summary(steps[state.step]);
    if (!changed?.has("playing")) return;
    fill(play, icon(state.playing ? "pause" : "play"));
    const label = state.playing ? "Pause (Space)" : "Play (Space)";
    play.setAttribute("aria-label", label);
    play.title = label;
    run();
  };
  subscribe(show);
  show();
}

function phases() {
  const share = (firstBackward - 0.5) / last;
  const forward = h("span", null, "forward");
  const backward = h("span", null, "backward");
  forward.style.width = `${100 * share}%`;
  return [forward, backward];
}

function advance() {
  if (state.step === last) update({ playing: false });
  else update({ step: state.step + 1 });
}

/** Play, or pause. */
export function toggle() {
  if (state.playing) update({ playing: false });
  else update({ playing: true, step: state.step === last ? 0 : state.step });
}

/** Go to a step, and stop playing. */
export function go(step) {
  update({ step, playing: false });
}

function iconButton(shape, label, onclick) {
  const properties = { type: "button", "aria-label": label, title: label, onclick };
  return h(`button.icon.${shape}`, properties, icon(shape));
}

function icon(shape) {
  return s(
    "svg",
    { viewBox: "0 0 16 16", width: 16, height: 16, "aria-hidden": "true" },
    s("path", { d: ICONS[shape] }),
  );
}

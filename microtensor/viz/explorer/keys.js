// The keys, wherever the focus is, and the list of them.

import { firstBackward } from "./data.js";
import { fill, h } from "./dom.js";
import { camera } from "./graph.js";
import { select, state } from "./state.js";
import { go, last, toggle } from "./transport.js";

const KEYS = [
  ["→  ←", "next step, previous step", { ArrowRight: () => go(state.step + 1), ArrowLeft: () => go(state.step - 1) }],
  ["Space", "play, pause", { " ": toggle }],
  ["Home  End", "first step, last step", { Home: () => go(0), End: () => go(last) }],
  ["B", "to the beginning of backward", { b: () => go(firstBackward) }],
  ["↑  ↓", "previous tensor, next tensor (in the graph)", {}],
  ["Enter", "look at the tensor (in the graph)", {}],
  ["Esc", "follow the steps again", { Escape: () => select(null) }],
  ["/", "search", { "/": () => document.querySelector("#search input").focus() }],
  ["+  −  F", "zoom in, zoom out, show everything", {
    "+": () => camera.zoom(1.35),
    "=": () => camera.zoom(1.35),
    "-": () => camera.zoom(1 / 1.35),
    f: () => camera.fit(),
  }],
  ["?", "this list", { "?": () => document.getElementById("help").click() }],
];

/** Set up the keys, and the list of them. */
export function setUpKeys(helpButton, dialog) {
  const actions = Object.assign({}, ...KEYS.map(([, , keys]) => keys));
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || dialog.open) return;
    const { target } = event;
    const typing = target.closest("input[type=text], input[type=search], select");
    const sliding = target.closest("input[type=range]") && /^(Arrow|Home|End)/.test(event.key);
    const pressing = event.key === " " && target.closest("button");
    const action = actions[event.key];
    if (typing || sliding || pressing || !action) return;
    event.preventDefault();
    action();
  });
  const close = h("button.plain", { type: "button", onclick: () => dialog.close() }, "Close");
  const rows = KEYS.map(([keys, does]) => [
    h("dt", null, keys.split("  ").map((key) => h("kbd", null, key))),
    h("dd", null, does),
  ]);
  fill(dialog, h("h2", null, "Keys"), h("dl", null, rows), close);
  helpButton.addEventListener("click", () => dialog.showModal());
}

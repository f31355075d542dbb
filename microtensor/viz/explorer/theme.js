// Light or dark: as the system is set, until the button is pressed.

import { fill, h, s } from "./dom.js";

const system = matchMedia("(prefers-color-scheme: dark)");
const root = document.documentElement;
const listeners = [];

/** Tell whether the page is dark now. */
export function isDark() {
  return root.dataset.theme ? root.dataset.theme === "dark" : system.matches;
}

/** Call a function whenever that changes: for what is painted rather than styled. */
export function onTheme(listener) {
  listeners.push(listener);
}

/** Set up the button. */
export function setUpTheme(button) {
  const show = () => {
    const other = isDark() ? "light" : "dark";
    button.setAttribute("aria-label", `Use the ${other} theme`);
    button.title = `Use the ${other} theme`;
    fill(button, picture());
    for (const listener of listeners) listener();
  };
  button.addEventListener("click", () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    show();
  });
  system.addEventListener("change", show);
  show();
}

function picture() {
  return s(
    "svg",
    { viewBox: "0 0 16 16", width: 16, height: 16, "aria-hidden": "true" },
    s("circle", { cx: 8, cy: 8, r: 6, fill: "none", stroke: "currentColor", "stroke-width": 1.6 }),
    s("path", { d: "M8 2a6 6 0 0 1 0 12z", fill: "currentColor" }),
  );
}

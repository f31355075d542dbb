// A small picture of the whole graph, with the part that is in view; to click on and to drag in.

import { fitting, READABLE } from "./camera.js";
import { data, nodes, steps } from "./data.js";
import { camera, onMove } from "./graph.js";
import { isReached, state, subscribe } from "./state.js";
import { isDark, onTheme } from "./theme.js";

const WIDTH = 112;
const HEIGHT = 320;
/** A long and narrow graph is drawn wider than it is. */
const LEAST = 56;

/** Set up the canvas, beside the graph; it hides if all of the graph can be read at once. */
export function setUpOverview(canvas) {
  const density = devicePixelRatio || 1;
  const k = Math.min(WIDTH / data.width, HEIGHT / data.height);
  const width = Math.max(LEAST, Math.ceil(data.width * k));
  const height = Math.max(LEAST, Math.ceil(data.height * k));
  const [kx, ky] = [width / data.width, height / data.height];
  canvas.width = width * density;
  canvas.height = height * density;
  canvas.style.width = `${width}px`;
  canvas.style.height = `${height}px`;
  const context = canvas.getContext("2d");

  const paint = () => {
    if (canvas.hidden) return;
    const { left, top, right, bottom } = camera.view();
    context.setTransform(density, 0, 0, density, 0, 0);
    context.clearRect(0, 0, width, height);
    const colours = isDark()
      ? { none: "#4a535d", value: "#5cb8f0", gradient: "#ff9d4d", now: "#ffffff" }
      : { none: "#c3c9cf", value: "#56b4e9", gradient: "#d55e00", now: "#000000" };
    const draw = (node, colour, least) => {
      context.fillStyle = colour;
      const [w, h] = [Math.max(least, node.width * kx), Math.max(least, node.height * ky)];
      context.fillRect(node.x * kx - w / 2, node.y * ky - h / 2, w, h);
    };
    for (const node of nodes) {
      const reached = ["gradient", "value"].find((what) => isReached(node, what));
      draw(node, colours[reached ?? "none"], 1.2);
    }
    const now = nodes[steps[state.step].node];
    if (now) draw(now, colours.now, 4);
    context.strokeStyle = colours.now;
    context.lineWidth = 1.2;
    const [x, y] = [Math.max(left, 0) * kx, Math.max(top, 0) * ky];
    const w = Math.min(right, data.width) * kx - x;
    const h = Math.min(bottom, data.height) * ky - y;
    context.strokeRect(x + 0.6, y + 0.6, w - 1.2, Math.max(2, h - 1.2));
  };
  let frame = null;
  const repaint = () => {
    frame ??= requestAnimationFrame(() => {
      frame = null;
      paint();
    });
  };
  const stage = canvas.parentElement;
  const bar = stage.querySelector("header");
  const hide = () => {
    // By the room that there is without it, which does not change with it.
    canvas.hidden = fitting(data, stage.clientWidth, stage.clientHeight - bar.offsetHeight) >= READABLE;
  };
  hide();
  new ResizeObserver(hide).observe(stage);
  onMove(repaint);
  onTheme(repaint);
  subscribe(repaint);
  repaint();

  const go = (event) => {
    if (!event.buttons) return;
    const box = canvas.getBoundingClientRect();
    const [x, y] = [(event.clientX - box.left) / kx, (event.clientY - box.top) / ky];
    camera.centre(x, y, camera.k, false);
  };
  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    go(event);
  });
  canvas.addEventListener("pointermove", go);
}

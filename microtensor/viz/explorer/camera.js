// Where one looks at the graph from: dragging, wheel and pinch; fitting, and following the steps.

const NEAREST = 2.5;
/** Below this zoom, text is too small to be read, and is left out. */
export const FAR = 0.3;
/** The zoom at which one reads. */
export const READABLE = 0.8;
const MARGIN = 36;

/** Return the zoom at which a drawing of `size` fits into a room. */
export function fitting(size, width, height) {
  return Math.min((width - 48) / size.width, (height - 40) / size.height, 1.1);
}

export class Camera {
  /** Look at a drawing of `size` inside `element`; `onMove` is called once a frame in which it moved. */
  constructor(element, size, onMove) {
    Object.assign(this, { element, size, onMove, x: 0, y: 0, k: 1, pointers: new Map() });
    this.calm = matchMedia("(prefers-reduced-motion: reduce)");
    element.addEventListener("wheel", (event) => this.#wheel(event), { passive: false });
    element.addEventListener("pointerdown", (event) => this.#down(event));
    element.addEventListener("pointermove", (event) => this.#drag(event));
    for (const end of ["pointerup", "pointercancel"]) {
      element.addEventListener(end, (event) => this.#up(event));
    }
    // A drag ends in a click, which is not meant.
    element.addEventListener("click", (event) => this.dragged && event.stopPropagation(), true);
  }

  get width() {
    return this.element.clientWidth;
  }

  get height() {
    return this.element.clientHeight;
  }

  /** The zoom that is set, or if nothing can be read at it, one at which it can. */
  get readable() {
    return this.k < FAR ? READABLE : this.k;
  }

  get farthest() {
    return Math.min(0.2, this.#fitting());
  }

  /** Show everything. */
  fit(animate = true) {
    this.centre(this.size.width / 2, this.size.height / 2, this.#fitting(), animate);
  }

  /** Put a point of the drawing in the middle. */
  centre(x, y, k = this.k, animate = true) {
    this.#go({ x: this.width / 2 - x * k, y: this.height / 2 - y * k, k }, animate);
  }

  /** Zoom by a factor, keeping the point at (x, y) of the element where it is. */
  zoom(factor, x = this.width / 2, y = this.height / 2, animate = true) {
    const k = Math.min(Math.max(this.k * factor, this.farthest), NEAREST);
    const ratio = k / this.k;
    this.#go({ x: x - (x - this.x) * ratio, y: y - (y - this.y) * ratio, k }, animate);
  }

  /** Have a box in view, at a size that can be read; stay where it is already. */
  show({ left, top, right, bottom }) {
    const k = this.readable;
    const inView =
      k === this.k &&
      left * k + this.x >= MARGIN &&
      right * k + this.x <= this.width - MARGIN &&
      top * k + this.y >= MARGIN &&
      bottom * k + this.y <= this.height - MARGIN;
    if (inView) return;
    const { width, height } = this.size;
    const x = this.#within((left + right) / 2, width * k, this.width, k);
    const y = this.#within((top + bottom) / 2, height * k, this.height, k);
    this.#go({ x, y, k }, true);
  }

  /** Return where a side of the drawing begins if a point of it is in the middle, with no gap. */
  #within(middle, length, room, k) {
    if (length + 2 * MARGIN < room) return (room - length) / 2;
    return Math.min(MARGIN, Math.max(room - MARGIN - length, room / 2 - middle * k));
  }

  /** Return the part of the drawing that is in view. */
  view() {
    const { x, y, k } = this;
    return {
      left: -x / k,
      top: -y / k,
      right: (this.width - x) / k,
      bottom: (this.height - y) / k,
    };
  }

  #fitting() {
    return fitting(this.size, this.width, this.height);
  }

  #go(target, animate) {
    cancelAnimationFrame(this.frame);
    const from = { x: this.x, y: this.y, k: this.k };
    const began = performance.now();
    const duration = animate && !this.calm.matches && !document.hidden ? 220 : 0;
    const move = (now) => {
      const t = duration ? Math.min(1, Math.max(0, (now - began) / duration)) : 1;
      const eased = 1 - (1 - t) ** 3;
      for (const key of ["x", "y", "k"]) this[key] = from[key] + eased * (target[key] - from[key]);
      if (t === 1) Object.assign(this, target);
      this.onMove();
      if (t < 1) this.frame = requestAnimationFrame(move);
    };
    if (duration) this.frame = requestAnimationFrame(move);
    else move(began);
  }

  #wheel(event) {
    event.preventDefault();
    const lines = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 16 : 1;
    const speed = event.ctrlKey ? 0.01 : 0.0018;
    const box = this.element.getBoundingClientRect();
    const factor = Math.exp(-event.deltaY * lines * speed);
    this.zoom(factor, event.clientX - box.left, event.clientY - box.top, false);
  }

  #down(event) {
    if (event.button) return;
    this.pointers.set(event.pointerId, { x: event.clientX, y: event.clientY });
    this.dragged = false;
    this.start = { x: event.clientX, y: event.clientY };
  }

  #drag(event) {
    const before = this.pointers.get(event.pointerId);
    if (!before) return;
    const now = { x: event.clientX, y: event.clientY };
    if (!this.dragged && Math.hypot(now.x - this.start.x, now.y - this.start.y) < 4) return;
    if (!this.dragged) this.element.setPointerCapture(event.pointerId);
    this.dragged = true;
    const other = [...this.pointers].find(([id]) => id !== event.pointerId)?.[1];
    this.pointers.set(event.pointerId, now);
    if (other) {
      const box = this.element.getBoundingClientRect();
      const apart = (a) => Math.hypot(a.x - other.x, a.y - other.y);
      const middle = [(now.x + other.x) / 2 - box.left, (now.y + other.y) / 2 - box.top];
      this.zoom(apart(now) / Math.max(1, apart(before)), ...middle, false);
    } else {
      const target = { x: this.x + now.x - before.x, y: this.y + now.y - before.y, k: this.k };
      this.#go(target, false);
    }
  }

  #up(event) {
    this.pointers.delete(event.pointerId);
  }
}

// Numbers and shapes as text.

const MINUS = "\u2212";
const MOST_OF_RANGE = 20;

/** Write a number with up to `digits` significant digits. JSON holds NaN and infinities as text. */
export function number(x, digits = 4) {
  if (typeof x === "string") return { NaN: "NaN", Infinity: "∞" }[x] ?? `${MINUS}∞`;
  if (x === 0) return "0";
  const size = Math.abs(x);
  const short = x.toExponential(digits - 1).replace(/\.?0*e\+?/, "e");
  let text;
  if (Number.isInteger(x) && size < 1e6) text = String(x);
  else if (size >= 1e-4 && size < 1e6) text = String(Number(x.toPrecision(digits)));
  else text = short;
  if (size < 1e-2 && short.length < text.length) text = short;
  return text.replace("-", MINUS).replace("e-", `e${MINUS}`);
}

/** Write a shape as NumPy does. */
export function shape(lengths) {
  return lengths.length === 1 ? `(${lengths[0]},)` : `(${lengths.join(", ")})`;
}

/** Say an array in a few characters: its elements, or the smallest and the largest. */
export function brief(array) {
  const few = array.values?.length <= 2 ? array.values : null;
  if (few && !array.shape.length) return number(few[0], 5);
  if (few) return `[${few.map((x) => number(x, 3)).join(", ")}]`;
  const { min, max, nan } = array.statistics;
  if (nan) return `${nan} × NaN`;
  if (min === undefined) return "not finite";
  if (min === max) return `all ${number(min)}`;
  const range = (digits) => `${number(min, digits)} … ${number(max, digits)}`;
  return range(3).length > MOST_OF_RANGE ? range(2) : range(3);
}

/** Write a count with its noun. */
export function count(n, noun) {
  return `${n.toLocaleString("en")} ${noun}${n === 1 ? "" : "s"}`;
}

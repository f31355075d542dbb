// Puts the page together.

import { data, nodes } from "./data.js";
import { fill, h, s } from "./dom.js";
import { count } from "./format.js";
import { look, setUpGraph } from "./graph.js";
import { setUpHistory } from "./history.js";
import { setUpKeys } from "./keys.js";
import { setUpOverview } from "./overview.js";
import { setUpSearch } from "./search.js";
import { readAddress } from "./state.js";
import { setUpStep } from "./step_view.js";
import { setUpComparison, setUpTensor } from "./tensor_view.js";
import { setUpTheme } from "./theme.js";
import { setUpTransport } from "./transport.js";

const element = (id) => document.getElementById(id);

const operations = nodes.filter((node) => node.op).length;
const parameters = nodes.filter((node) => node.kind === "parameter").length;
element("title").textContent = data.title;
element("facts").textContent = `${count(operations, "operation")}, ${count(parameters, "parameter")}`;

const KINDS = ["parameter", "input", "operation", "output"];
fill(
  element("legend"),
  KINDS.map((kind) => h("li", null, sample(kind), kind)),
);

setUpTheme(element("theme"));
setUpGraph(element("stage"), element("zoom"));
setUpOverview(element("overview"));
setUpStep(element("step"));
setUpTensor(element("tensor"));
setUpComparison(element("comparison"), element("verdict"));
setUpHistory(element("training"));
setUpTransport(element("transport"));
setUpSearch(element("search"));
setUpKeys(element("help"), element("keys"));
look();
readAddress();
addEventListener("hashchange", readAddress);
document.documentElement.dataset.ready = "";

function sample(kind) {
  const radius = { parameter: 0, input: 6, operation: 3, output: 3 }[kind];
  const size = { x: 1, y: 1, width: 18, height: 12, rx: radius };
  const inner = { x: 3, y: 3, width: 14, height: 8, rx: 1.5 };
  return s(
    `svg.node.${kind}`,
    { viewBox: "0 0 20 14", width: 20, height: 14, "aria-hidden": "true" },
    s("rect.frame", size),
    kind === "output" ? s("rect.inner", inner) : null,
  );
}

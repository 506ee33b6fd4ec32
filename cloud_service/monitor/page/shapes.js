// One shape for each state, because colour alone is not enough. Legend, list and map draw the same shapes.

import { drawing } from "./dom.js";

// In a square from -1 to 1. A ring is an outline; everything else is filled.
const OUTLINES = {
  free: "M1 0A1 1 0 1 1-1 0A1 1 0 1 1 1 0Z",
  reserved: "M0-1.15 1.15 0 0 1.15-1.15 0Z",
  busy: "M-.88-.88H.88V.88H-.88Z",
  outOfOrder: "M0-1.1 1.15 .95H-1.15Z",
  empty: "M.75 0A.75 .75 0 1 1-.75 0A.75 .75 0 1 1 .75 0Z",
  offline: "M1 0A1 1 0 1 1-1 0A1 1 0 1 1 1 0Z",
};
const SIGNS = { offline: "M-.62 .62 .62-.62" };

const outlines = Object.fromEntries(Object.entries(OUTLINES).map(([state, path]) => [state, new Path2D(path)]));
const signs = Object.fromEntries(Object.entries(SIGNS).map(([state, path]) => [state, new Path2D(path)]));

export function drawShape(context, { x, y }, radius, state, palette) {
  context.save();
  context.translate(x, y);
  context.scale(radius, radius);
  context.fillStyle = state === "offline" ? palette.surface : palette[state];
  context.strokeStyle = state === "offline" ? palette[state] : palette.surface;
  context.lineWidth = (state === "offline" ? 2 : 1.5) / radius;
  context.fill(outlines[state]);
  context.stroke(outlines[state]);
  if (state in signs) context.stroke(signs[state]);
  context.restore();
}

// The same shape beside a text.
export function shapeIcon(state) {
  const name = state === "occupied" ? "busy" : state;
  const paths = [drawing("path", { d: OUTLINES[name] })];
  if (name in SIGNS) paths.push(drawing("path", { d: SIGNS[name] }));
  return drawing(
    "svg",
    { class: `shape shape-${name}`, viewBox: "-1.4 -1.4 2.8 2.8", "aria-hidden": "true", focusable: "false" },
    ...paths,
  );
}

// A short line of the last hour.

import { drawing } from "./dom.js";

const WIDTH = 72, HEIGHT = 20, EDGE = 2;

// Where each value is, low values below; null for those that are not known.
function placesOf(values) {
  const known = values.filter((value) => value !== null);
  const low = Math.min(...known), high = Math.max(...known);
  const across = (WIDTH - 2 * EDGE) / (values.length - 1);
  return values.map((value, minute) => {
    if (value === null) return null;
    const height = high === low ? 0.5 : (value - low) / (high - low);
    return [EDGE + minute * across, HEIGHT - EDGE - height * (HEIGHT - 2 * EDGE)].map((number) => number.toFixed(1));
  });
}

// A minute that is not known is a gap.
const pathThrough = (places) =>
  places.map((place, at) => (place ? `${places[at - 1] ? "L" : "M"}${place.join(" ")}` : "")).join("");

export function createSparkline() {
  const path = drawing("path");
  const end = drawing("circle", { r: 2 });
  const svg = drawing(
    "svg", { class: "sparkline", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, "aria-hidden": "true", focusable: "false" },
    path, end,
  );
  function draw(values) {
    const places = placesOf(values);
    path.setAttribute("d", pathThrough(places));
    const [x, y] = places.at(-1) ?? [-9, -9];
    end.setAttribute("cx", x);
    end.setAttribute("cy", y);
  }
  return { svg, draw };
}

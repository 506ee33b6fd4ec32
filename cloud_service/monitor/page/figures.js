// The figures above the map, each with its last hour.

import { element } from "./dom.js";
import { formatNumber, say } from "./language.js";
import { shapeIcon } from "./shapes.js";
import { createSparkline } from "./sparkline.js";

const MINUTE = 60_000;
const MINUTES = 60;
const GROUPS = {
  stations: {
    stationsFree: "free", stationsBusy: "busy", stationsOutOfOrder: "outOfOrder", stationsOffline: "offline",
    stationsWithoutPoints: "empty",
  },
  points: { pointsFree: "free", pointsReserved: "reserved", pointsOccupied: "busy", pointsOutOfOrder: "outOfOrder" },
  now: {
    sessions: null, powerUnderWay: null, energyUnderWay: null, reservationsNow: null, reservationsSoon: null,
    reservations: null, bookingsAMinute: null,
  },
};

function createFigure(name, shape) {
  const value = element("dd", { class: "value" }, "–");
  const sparkline = createSparkline();
  const label = element("dt", {}, ...(shape ? [shapeIcon(shape)] : []), say(name));
  const tile = element("div", { class: "figure", "data-figure": name }, label, value, sparkline.svg);
  return { name, tile, value, sparkline, hour: Array(MINUTES).fill(null) };
}

export function createFigures(container) {
  const figures = [];
  for (const [group, names] of Object.entries(GROUPS)) {
    const own = Object.entries(names).map(([name, shape]) => createFigure(name, shape));
    figures.push(...own);
    const list = element("dl", {}, ...own.map((figure) => figure.tile));
    container.append(element("div", { class: "group" }, element("h2", {}, say(group)), list));
  }

  // The last value of the line is the current one; each minute it becomes part of the history.
  setInterval(() => {
    for (const figure of figures) figure.hour = [...figure.hour.slice(1), figure.hour.at(-1)];
  }, MINUTE);

  function setHistory(history) {
    for (const figure of figures) figure.hour = [...(history[figure.name] ?? figure.hour)];
  }

  function show(values) {
    for (const figure of figures) {
      const value = values[figure.name] ?? null;
      const text = value === null ? "–" : formatNumber(value < 100 ? Math.round(value * 10) / 10 : Math.round(value));
      if (figure.value.textContent !== text) figure.value.textContent = text;
      figure.hour[MINUTES - 1] = value;
      figure.sparkline.draw(figure.hour);
    }
  }
  return { setHistory, show };
}

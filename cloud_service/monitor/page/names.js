// What a station, a point and their states are called.

import { formatCoordinate, say } from "./language.js";

const capital = (word) => word[0].toUpperCase() + word.slice(1);

export const stationName = (station) => station.name ?? say("station", { id: String(station.id) });
export const stationPlace = ({ x, y }) => say("place", { x: formatCoordinate(x), y: formatCoordinate(y) });
export const stationStateName = (state) => say(`station${capital(state)}`);
export const pointStateName = (state) => say(`point${capital(state)}`);

export function freeOfTotal(station) {
  if (station.points.length === 0) return say("noPoints");
  const free = station.points.filter((point) => point.state === "free").length;
  return say("freeOfTotal", { free, total: station.points.length });
}

// The names of stations, points and their states.

import { formatCoordinate, say } from "./language.js";

const capital = (word) => word[0].toUpperCase() + word.slice(1);

export const stationName = (station) => station.name ?? say("station", { id: String(station.id) });
export const stationPlace = ({ x, y }) => say("place", { x: formatCoordinate(x), y: formatCoordinate(y) });
export const stationStateName = (state) => say(`station${capital(state)}`);
export const pointStateName = (state) => say(`point${capital(state)}`);

// OCPI's connectors by the names that drivers know.
const CONNECTORS = {
  IEC_62196_T1: "Type 1", IEC_62196_T1_COMBO: "CCS 1", IEC_62196_T2: "Type 2", IEC_62196_T2_COMBO: "CCS 2",
  CHADEMO: "CHAdeMO", GBT_AC: "GB/T AC", GBT_DC: "GB/T DC", TESLA_S: "Tesla", TESLA_R: "Tesla Roadster",
};
export const connectorName = (connector) =>
  (CONNECTORS[connector] ?? connector.replaceAll("_", " ")).replace("Type", say("connectorType"));

export function freeOfTotal(station) {
  const free = station.points.filter((point) => point.state === "free").length;
  return say("freeOfTotal", { free, total: station.points.length });
}

// Its state, and how many of its points are free, if it has any.
export function stationCondition(station) {
  const state = stationStateName(station.state);
  return station.points.length === 0 ? [state] : [state, freeOfTotal(station)];
}

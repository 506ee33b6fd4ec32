// The network as the monitor sends it: first the whole, then numbered differences.

import { setClock } from "./clock.js";

export const STATION_STATES = ["free", "reserved", "busy", "outOfOrder", "empty", "offline"];

// The state of a station for somebody who looks for a charge.
export function stationState(station) {
  if (station.offline) return "offline";
  if (station.points.length === 0) return "empty";
  const states = station.points.map((point) => point.state);
  if (states.includes("free")) return "free";
  if (states.includes("occupied")) return "busy";
  return states.includes("reserved") ? "reserved" : "outOfOrder";
}

function readStation([id, x, y, name, offline, points, address = null]) {
  const station = {
    id, x, y, name, address, offline: Boolean(offline),
    points: points.map(([pointId, power, price, state, connector = null]) => (
      { id: pointId, power, price, state, connector }
    )),
  };
  station.state = stationState(station);
  return station;
}

export class Network {
  constructor() {
    this.stations = new Map();
    this.number = null;
    this.figures = {};
    this.services = [];
    this.broker = true;
  }

  // Takes a message over. Returns what is new in it, or null where the message
  // does not follow the last one, and the whole has to be asked for.
  receive(message) {
    if (!message.whole && message.since !== this.number) return null;
    const before = message.whole ? [...this.stations.keys()] : message.gone;
    if (message.whole) this.stations.clear();
    for (const id of before) this.stations.delete(id);
    const changed = message.stations.map(readStation);
    for (const station of changed) this.stations.set(station.id, station);
    this.number = message.number;
    this.figures = message.figures;
    this.services = message.services;
    setClock(message.services);
    this.broker = message.broker;
    const gone = before.filter((id) => !this.stations.has(id));
    return { whole: message.whole, changed, gone, events: message.events, history: message.history };
  }
}

// What the search and the filters mean, and which stations they select.

import { connectorName } from "./names.js";

const fold = (text) => text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();

// "12.5, -3" and "12,5; -3" are a place, "12" begins an ID or is part of a text, all else is part of a text.
export function readQuery(text) {
  const query = text.trim();
  const place = query.match(/^\(?(-?\d+(?:[.,]\d+)?)\s*[;\s]\s*(-?\d+(?:[.,]\d+)?)\)?$/)
    ?? query.match(/^\(?(-?\d+(?:\.\d+)?)\s*,\s*(-?\d+(?:\.\d+)?)\)?$/);
  if (place) {
    const [x, y] = place.slice(1).map((number) => Number(number.replace(",", ".")));
    return { place: { x, y } };
  }
  if (/^#?\d+$/.test(query)) return { id: query.replace("#", "") };
  return { text: fold(query) };
}

export function readFilters(form) {
  const limit = (field) => (field.value === "" ? null : field.valueAsNumber);
  return {
    ...readQuery(form.query.value),
    minPower: limit(form.minPower),
    maxPrice: limit(form.maxPrice),
    free: form.free.checked,
    broken: form.broken.checked,
  };
}

function pointMatches(point, { minPower, maxPrice, free, broken }) {
  return (minPower === null || point.power >= minPower)
    && (maxPrice === null || point.price <= maxPrice)
    && (!free || point.state === "free")
    && (!broken || point.state === "outOfOrder");
}

// Whether the name, the address or a connector has the text: CCS by the name that people use, and by OCPI's.
function hasText(station, text) {
  station.searched ??= fold([station.name, station.address, ...connectorNames(station)].filter(Boolean).join("\n"));
  return station.searched.includes(text);
}

function connectorNames({ points }) {
  const connectors = new Set(points.map(({ connector }) => connector));
  return [...connectors].flatMap((connector) => (connector ? [connectorName(connector), connector] : []));
}

// Whether the map shows a station: one of its points fits, and its ID or a text too.
export function matches(station, filters) {
  const { id, text, minPower, maxPrice, free, broken } = filters;
  if (id && !String(station.id).startsWith(id) && !hasText(station, id)) return false;
  if (text && !hasText(station, text)) return false;
  if (minPower === null && maxPrice === null && !free && !broken) return true;
  return !(free && station.offline) && station.points.some((point) => pointMatches(point, filters));
}

const distance = (station, place) => Math.hypot(station.x - place.x, station.y - place.y);

// In the order of the list: nearest first where a place is searched, otherwise by ID.
export function inOrder(stations, { place }) {
  if (!place) return stations.sort((one, other) => one.id - other.id);
  return stations
    .map((station) => ({ ...station, distance: distance(station, place) }))
    .sort((one, other) => one.distance - other.distance || one.id - other.id);
}

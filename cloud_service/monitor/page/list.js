// The list of stations: what the map shows, for whoever does not see or use the map.

import { element } from "./dom.js";
import { formatNumber, say } from "./language.js";
import { freeOfTotal, stationCondition, stationName, stationPlace } from "./names.js";
import { inOrder } from "./search.js";
import { shapeIcon } from "./shapes.js";

const PAGE = 25;

function describe(station) {
  const where = station.distance === undefined
    ? station.address ?? stationPlace(station)
    : say("distance", { distance: formatNumber(station.distance) });
  const condition = station.state === "free"
    ? freeOfTotal(station)
    : stationCondition(station).join(" · ");
  return [stationName(station), station.state, condition,
    station.name ? `${station.id} · ${where}` : where];
}

function createRow(station) {
  const link = element("a", { class: "row", href: `#station=${station.id}` });
  return { item: element("li", {}, link), link, text: "" };
}

function showRow(row, station) {
  const [name, state, condition, where] = describe(station);
  const text = [name, condition, where].join("\n");
  if (row.text === text) return;
  row.text = text;
  row.link.replaceChildren(
    shapeIcon(state),
    element("span", { class: "name" }, name),
    element("span", { class: "condition" }, condition),
    element("span", { class: "where" }, where),
  );
}

export function createList(container) {
  const count = element("p", { class: "count" });
  const list = element("ol", { class: "rows" });
  const more = element("button", { type: "button", class: "quiet" });
  container.append(count, list, more);
  let limit = PAGE;
  let rows = new Map();
  let last = [[], {}];

  function show(stations, filters) {
    last = [stations, filters];
    const shown = inOrder([...stations], filters);
    count.textContent = shown.length ? say("found", { count: shown.length }) : say("nothingFound");
    // Rows are kept by station, so that focus and reading position survive an update.
    const next = new Map();
    for (const station of shown.slice(0, limit)) {
      const row = rows.get(station.id) ?? createRow(station);
      showRow(row, station);
      next.set(station.id, row);
    }
    for (const [id, row] of rows) if (!next.has(id)) row.item.remove();
    [...next.values()].forEach((row, index) => {
      if (list.children[index] !== row.item) list.insertBefore(row.item, list.children[index] ?? null);
    });
    rows = next;
    const rest = Math.min(shown.length - limit, PAGE);
    more.hidden = rest <= 0;
    if (rest > 0) more.textContent = say("more", { count: rest });
  }

  more.addEventListener("click", () => {
    limit += PAGE;
    show(...last);
  });
  return { show, restart: () => { limit = PAGE; } };
}

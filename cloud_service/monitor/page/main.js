// Puts the parts of the page together.

import { fetchPage } from "./api.js";
import { Booking } from "./booking.js";
import { byId, element } from "./dom.js";
import { createLog } from "./events.js";
import { createFigures } from "./figures.js";
import { say, translate } from "./language.js";
import { createList } from "./list.js";
import { Live } from "./live.js";
import { StationMap } from "./map.js";
import { stationName, stationStateName } from "./names.js";
import { Network, STATION_STATES } from "./network.js";
import { Panel } from "./panel.js";
import { inOrder, matches, readFilters } from "./search.js";
import { ConnectionDisplay, showServices } from "./services.js";
import { shapeIcon } from "./shapes.js";
import { Tabs } from "./tabs.js";

const LIST_PAUSE = 1_000; // a list that changes more often cannot be read

translate(document);
byId("legend").append(
  ...STATION_STATES.map((state) => element("li", {}, shapeIcon(state), stationStateName(state))),
);

const network = new Network();
const search = byId("search");
const nameOf = (id) => stationName(network.stations.get(id) ?? { id, name: null });

const connection = new ConnectionDisplay();
const figures = createFigures(byId("figures"));
const list = createList(byId("stations"));
const log = createLog(byId("events"), nameOf);
const tabs = new Tabs(document.querySelector("[role=tablist]"));
const openStation = (id) => { location.hash = `station=${id}`; };
let booking = null;
const map = new StationMap(byId("map"), { onStation: openStation, onPlace: bookAt });
const panel = new Panel(network, { onOpen: (station, move) => map.select(station, { move }) });

// A click beside all stations says where the vehicle is that is to charge.
function bookAt(place) {
  if (booking === null) return;
  if (panel.id !== null) panel.close();
  tabs.choose(byId("tab-booking"));
  booking.choose(place);
}

let filters = readFilters(search.elements);
let found = new Map(); // the stations that search and filters leave
let listTimer = null;

function findAll() {
  found = new Map([...network.stations].filter(([, station]) => matches(station, filters)));
}

function showList() {
  clearTimeout(listTimer);
  listTimer = null;
  list.show([...found.values()], filters);
}

function update({ changed, gone }) {
  const shown = changed.filter((station) => matches(station, filters));
  for (const station of changed) found.delete(station.id);
  for (const station of shown) found.set(station.id, station);
  for (const id of gone) found.delete(id);
  const left = changed.filter((station) => !found.has(station.id)).map((station) => station.id);
  map.update(shown, [...gone, ...left]);
  if (changed.length || gone.length) listTimer ??= setTimeout(showList, LIST_PAUSE);
}

function showWhole(first) {
  findAll();
  if (first) map.fit([...network.stations.values()], { animate: false });
  map.replace(found.values());
  showList();
}

function changed(change) {
  const first = byId("loading") !== null;
  byId("loading")?.remove();
  if (change.whole) showWhole(first);
  else update(change);
  if (change.whole) figures.setHistory(change.history);
  figures.show(network.figures);
  log.show(network.figures);
  showServices(network.services, network.broker);
  connection.heard(network.broker);
  log.add(change.events, change);
  panel.changed(new Set([...change.changed.map((station) => station.id), ...change.gone]));
  if (first) panel.follow();
}

function searchAgain() {
  filters = readFilters(search.elements);
  list.restart();
  showWhole(false);
  map.point(filters.place ?? null);
  tabs.choose(byId("tab-stations"));
}

// Enter goes to what was searched: the place, or the first station.
function goToFound() {
  const [best] = inOrder([...found.values()], filters);
  const exact = filters.id ? network.stations.get(Number(filters.id)) : undefined;
  if (filters.place) map.goTo(filters.place, 4);
  else if (exact ?? best) openStation((exact ?? best).id);
}

search.addEventListener("input", searchAgain);
search.addEventListener("submit", (event) => {
  event.preventDefault();
  goToFound();
});

new Live(network, { onChange: changed, onState: (state) => connection.change(state) }).connect();

fetchPage().then((page) => {
  document.documentElement.dataset.version = page.version;
  if (!page.booking) return;
  booking = new Booking(byId("booking"), { nameOf, onPlace: (place) => map.point(place) });
  byId("tab-booking").hidden = false;
});

// The map: which stations and clusters have a mark, where, and what a click on one does.

import * as L from "/leaflet/leaflet-src.esm.js";

import { Grid } from "./clusters.js";
import { formatNumber, say } from "./language.js";
import { clusterRadius, createMark, stationRadius } from "./marks.js";
import { stationCondition, stationName } from "./names.js";
import { onThemeChange, readPalette } from "./palette.js";
import { addButtons, addPlane } from "./plane.js";

const CLOSE_UP = 40; // pixels per kilometre from which on a cell is never one mark
const AROUND = [80, 110]; // pixels of room for buttons, scale and legend
const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
const place = ({ x, y }) => [y, x];

export class StationMap {
  // `onStation` gets the ID of a station that was clicked, `onPlace` the place of a click beside all marks.
  constructor(container, { onStation, onPlace }) {
    this.palette = readPalette();
    this.stations = new Map();
    this.marks = new Map(); // cell key -> Map of mark ID -> mark
    this.dirty = new Set();
    this.map = L.map(container, {
      crs: L.CRS.Simple, renderer: L.canvas({ padding: 0.3 }), attributionControl: false, zoomControl: false,
      zoomSnap: 0.25, zoomDelta: 1, wheelPxPerZoomLevel: 90, minZoom: -20, maxZoom: 12,
      fadeAnimation: !still, inertia: !still, zoomAnimation: !still,
    });
    this.map.setView([0, 0], 0);
    this.grid = new Grid(1);
    const palette = () => this.palette;
    this.drawPlane = addPlane(this.map, palette);
    addButtons(this.map, () => this.showAll());
    this.layer = L.featureGroup().addTo(this.map).bindTooltip((mark) => describe(mark.shown), { sticky: true });
    this.layer.on("click", (event) => this.clicked(event, onStation));
    this.map.on("click", ({ latlng }) => onPlace({ x: latlng.lng, y: latlng.lat }));
    this.map.on("zoomend", () => this.rebuild());
    this.map.on("moveend", () => this.drawMarks());
    onThemeChange(() => this.restyle());
    this.addRings(palette);
    new ResizeObserver(() => this.map.invalidateSize()).observe(container);
    this.rebuild();
  }

  addRings() {
    const ring = (weight) => L.circleMarker([0, 0], { radius: 17, weight, fill: false, interactive: false });
    this.selection = ring(3);
    this.target = ring(2).setRadius(7);
    this.restyle();
  }

  get scale() {
    return this.map.getZoomScale(this.map.getZoom(), 0);
  }

  // All stations to show, in place of those before.
  replace(stations) {
    this.stations = new Map([...stations].map((station) => [station.id, station]));
    this.rebuild();
  }

  // Stations that changed or were added, and the IDs of those that are no longer shown.
  update(changed, gone) {
    for (const id of gone) {
      this.stations.delete(id);
      for (const key of this.grid.remove(id)) this.dirty.add(key);
    }
    for (const station of changed) {
      this.stations.set(station.id, station);
      for (const key of this.grid.put(station)) this.dirty.add(key);
    }
    this.drawMarks();
  }

  rebuild() {
    this.grid = new Grid(this.scale);
    for (const station of this.stations.values()) this.grid.put(station);
    this.layer.clearLayers();
    this.marks.clear();
    this.drawMarks();
  }

  // Gives each cell in view its marks, and removes those of other cells.
  drawMarks() {
    const bounds = this.map.getBounds().pad(0.3);
    const cells = this.grid.within({
      west: bounds.getWest(), south: bounds.getSouth(), east: bounds.getEast(), north: bounds.getNorth(),
    });
    const visible = new Set(cells.map((cell) => cell.key));
    for (const [key, marks] of this.marks) {
      if (visible.has(key)) continue;
      for (const mark of marks.values()) this.layer.removeLayer(mark);
      this.marks.delete(key);
    }
    for (const cell of cells) if (this.dirty.has(cell.key) || !this.marks.has(cell.key)) this.drawCell(cell);
    this.dirty.clear();
  }

  drawCell(cell) {
    const before = this.marks.get(cell.key) ?? new Map();
    const after = new Map();
    for (const [id, at, shown] of this.shownIn(cell)) {
      const known = before.get(id);
      if (known) known.show(at, shown);
      after.set(id, known ?? createMark(at, shown, () => this.palette).addTo(this.layer));
      before.delete(id);
    }
    for (const mark of before.values()) this.layer.removeLayer(mark);
    this.marks.set(cell.key, after);
  }

  shownIn(cell) {
    if (!cell.clustered || this.scale >= CLOSE_UP) {
      return cell.list.map((station) => [station.id, place(station), { radius: stationRadius(station), station }]);
    }
    const cluster = { total: cell.stations.size, counts: cell.counts, list: () => cell.list };
    return [["cluster", place(cell.center), { radius: clusterRadius(cluster.total), cluster }]];
  }

  clicked(event, onStation) {
    L.DomEvent.stopPropagation(event);
    const { station, cluster } = event.propagatedFrom.shown;
    if (station) onStation(station.id);
    else this.fit(cluster.list());
  }

  fit(stations, { animate = !still } = {}) {
    if (stations.length === 0) return;
    const bounds = L.latLngBounds(stations.map(place));
    const zoom = Math.min(this.map.getBoundsZoom(bounds, false, AROUND), 6);
    this.map.setView(bounds.getCenter(), zoom, { animate });
  }

  showAll() {
    this.fit([...this.stations.values()]);
  }

  // Marks a station and brings it into view. Null marks none.
  select(station, { move = false } = {}) {
    if (station === null) {
      this.selection.remove();
      return;
    }
    this.selection.setLatLng(place(station)).addTo(this.map).bringToFront();
    if (move) this.goTo(station, 4);
    else if (!this.map.getBounds().contains(place(station))) this.map.panTo(place(station));
  }

  goTo(point, zoom) {
    this.map.setView(place(point), Math.max(zoom, this.map.getZoom()), { animate: !still });
  }

  // A ring where a vehicle is, or around a place that was searched. Null removes it.
  point(at) {
    if (at === null) this.target.remove();
    else this.target.setLatLng(place(at)).addTo(this.map);
  }

  restyle() {
    this.palette = readPalette();
    this.selection.setStyle({ color: this.palette.text });
    this.target.setStyle({ color: this.palette.accent });
    this.layer.eachLayer((mark) => mark.redraw());
    this.drawPlane();
  }
}

function describe({ station, cluster }) {
  const texts = station
    ? [stationName(station), ...(station.address ? [station.address] : []), stationCondition(station).join(", ")]
    : [say("cluster", { count: cluster.total }), describeCounts(cluster.counts)];
  const box = document.createElement("div");
  for (const text of texts) box.append(Object.assign(document.createElement("div"), { textContent: text }));
  return box;
}

function describeCounts({ free = 0, reserved = 0, busy = 0, outOfOrder = 0, empty = 0, offline = 0 }) {
  const counts = { free, busy: busy + reserved, outOfOrder, empty, offline };
  const texts = Object.entries(counts).map(([name, count]) => [name, formatNumber(count)]);
  return say("clusterStates", Object.fromEntries(texts));
}

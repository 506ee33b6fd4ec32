// Marks on Leaflet's canvas: a station's shape, or a cluster's number in a ring of its states.

import { CircleMarker } from "/leaflet/leaflet-src.esm.js";

import { formatNumber } from "./language.js";
import { STATION_STATES } from "./network.js";
import { drawShape } from "./shapes.js";

const RING = 4;

export const stationRadius = (station) => Math.min(5 + 1.6 * Math.sqrt(station.points.length), 13);
export const clusterRadius = (count) => Math.min(14 + 2.5 * Math.log2(count / 4), 28);

function drawCluster(context, { x, y }, radius, { total, counts }, palette) {
  context.beginPath();
  context.arc(x, y, radius, 0, 2 * Math.PI);
  context.fillStyle = palette.surface;
  context.fill();
  let angle = -Math.PI / 2;
  context.lineWidth = RING;
  for (const state of STATION_STATES) {
    const share = (2 * Math.PI * (counts[state] ?? 0)) / total;
    if (share === 0) continue;
    context.beginPath();
    context.arc(x, y, radius - RING / 2, angle, angle + share);
    context.strokeStyle = palette[state];
    context.stroke();
    angle += share;
  }
  context.fillStyle = palette.text;
  context.font = `600 ${total > 999 ? 11 : 12}px ${getComputedStyle(document.body).fontFamily}`;
  context.textAlign = "center";
  context.textBaseline = "middle";
  context.fillText(formatNumber(total), x, y + 0.5);
}

// Leaflet's canvas calls `_updatePath` of each path that it draws: this is where a plugin draws its own.
const Mark = CircleMarker.extend({
  initialize(place, shown, palette) {
    CircleMarker.prototype.initialize.call(this, place, { radius: shown.radius, weight: 2 });
    this.shown = shown;
    this.palette = palette;
  },

  show(place, shown) {
    this.shown = shown;
    if (this.getRadius() !== shown.radius) this.setRadius(shown.radius);
    if (!this.getLatLng().equals(place)) this.setLatLng(place);
    this.redraw();
  },

  _updatePath() {
    const renderer = this._renderer;
    if (!renderer._drawing || this._empty()) return;
    const { cluster, station, radius } = this.shown;
    if (cluster) drawCluster(renderer._ctx, this._point, radius, cluster, this.palette());
    else drawShape(renderer._ctx, this._point, radius, station.state, this.palette());
  },
});

export const createMark = (place, shown, palette) => new Mark(place, shown, palette);

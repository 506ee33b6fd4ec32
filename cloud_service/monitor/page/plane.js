// The empty plane: lines every so many kilometres, a scale, and buttons with names.

import * as L from "/leaflet/leaflet-src.esm.js";

import { element } from "./dom.js";
import { formatNumber, say } from "./language.js";

const LINE_EVERY = 110; // pixels, about

// 1, 2 or 5 times a power of ten, so that `count` of them take about LINE_EVERY pixels.
export function roundStep(pixelsPerKilometre) {
  const wanted = LINE_EVERY / pixelsPerKilometre;
  const power = 10 ** Math.floor(Math.log10(wanted));
  return [1, 2, 5, 10].map((factor) => factor * power).find((step) => step >= wanted);
}

function* linesThrough(bounds, step) {
  const [west, east] = [bounds.getWest(), bounds.getEast()];
  const [south, north] = [bounds.getSouth(), bounds.getNorth()];
  for (let x = Math.ceil(west / step); x * step <= east; x += 1) {
    yield { main: x === 0, ends: [[south, x * step], [north, x * step]] };
  }
  for (let y = Math.ceil(south / step); y * step <= north; y += 1) {
    yield { main: y === 0, ends: [[y * step, west], [y * step, east]] };
  }
}

export function addPlane(map, palette) {
  map.createPane("plane").style.zIndex = 250;
  const renderer = L.canvas({ pane: "plane", padding: 0.5 });
  const lines = L.layerGroup().addTo(map);
  const scale = L.control({ position: "bottomleft" });
  const label = element("span");
  const bar = element("span", { class: "scale-bar" });
  scale.onAdd = () => element("div", { class: "scale", "aria-hidden": "true" }, label, bar);
  scale.addTo(map);

  function draw() {
    const pixels = map.getZoomScale(map.getZoom(), 0);
    const step = roundStep(pixels);
    lines.clearLayers();
    for (const { main, ends } of linesThrough(map.getBounds().pad(0.5), step)) {
      const style = { color: palette().line, weight: main ? 2 : 1, interactive: false, renderer, pane: "plane" };
      L.polyline(ends, style).addTo(lines);
    }
    label.textContent = say("kilometres", { count: formatNumber(step) });
    bar.style.width = `${step * pixels}px`;
  }
  map.on("moveend", draw);
  return draw;
}

export function addButtons(map, showAll) {
  L.control.zoom({ zoomInTitle: say("zoomIn"), zoomOutTitle: say("zoomOut") }).addTo(map);
  const control = L.control({ position: "topleft" });
  control.onAdd = () => {
    const label = say("showAll");
    const button = element("button", { type: "button", class: "map-button", title: label, "aria-label": label }, "⤢");
    button.addEventListener("click", showAll);
    L.DomEvent.disableClickPropagation(button);
    return button;
  };
  control.addTo(map);
}

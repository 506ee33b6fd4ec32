// A station's panel: opened by `#station=ID`, so that every panel is a link.

import { fetchStation } from "./api.js";
import { networkNow } from "./clock.js";
import { readDetails } from "./details.js";
import { announce, byId, element } from "./dom.js";
import { formatMoney, formatTime, say } from "./language.js";
import { connectorName, pointStateName, stationName, stationPlace, stationStateName } from "./names.js";
import { shapeIcon } from "./shapes.js";
import { createTimeline, hoursFor } from "./timeline.js";

const REFRESH = 30_000;
const LEAST_PAUSE = 1_500;
const NOTHING = { freeFrom: null, session: null, reservations: [] };

const linkedStation = () => {
  const id = new URLSearchParams(location.hash.slice(1)).get("station");
  return id !== null && /^\d+$/.test(id) ? Number(id) : null;
};

function describePresence(station, details) {
  const since = details?.presence?.since;
  const presence = say(station.offline ? "offline" : "online");
  return [
    station.offline ? null : stationStateName(station.state),
    since ? `${presence} ${say("since", { time: formatTime(since) })}` : presence,
  ].filter(Boolean).join(" · ");
}

function describeQueue({ reservations, freeFrom }) {
  if (reservations.length === 0) return say("emptyQueue");
  const last = freeFrom ?? Math.max(...reservations.map(({ finish }) => finish));
  return say("queue", { count: reservations.length, time: formatTime(last) });
}

// Since when a vehicle charges, until when the point is held for it, and what its charger tells of the meter.
function describeSession({ since, until, energy, power }, now) {
  const [begun, held] = [since, until].map((moment) => formatTime(moment, new Date(now)));
  const parts = [say("session", { since: begun, until: held })];
  if (energy !== null) parts.push(say("energy", { energy }));
  if (power !== null) parts.push(say("power", { power }));
  return parts.join(" · ");
}

function createPoint(point, details, hours, now) {
  const known = details?.points.get(point.id) ?? NOTHING;
  const facts = [say("power", { power: point.power }), say("price", { price: formatMoney(point.price) })];
  if (point.connector) facts.push(connectorName(point.connector));
  return element(
    "li", { class: "point", "data-point": point.id },
    element(
      "div", { class: "point-head" }, shapeIcon(point.state),
      element("strong", {}, say("point", { id: String(point.id) })),
      element("span", { class: `state state-${point.state}` }, pointStateName(point.state)),
      element("span", { class: "facts" }, facts.join(" · ")),
    ),
    known.session ? element("p", { class: "session" }, describeSession(known.session, now)) : null,
    ...(details ? [
      createTimeline({ id: point.id, ...known }, hours, now),
      element("p", { class: "queue" }, describeQueue(known)),
    ] : []),
  );
}

export class Panel {
  // `onOpen` gets the station, or null where the panel closes, and whether the map should move there.
  constructor(network, { onOpen }) {
    this.network = network;
    this.onOpen = onOpen;
    this.node = byId("panel");
    this.id = null;
    this.details = null;
    this.error = null;
    this.asked = 0;
    this.timer = null;
    this.cameFrom = null;
    this.build();
    window.addEventListener("hashchange", () => this.follow());
    document.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && this.id !== null) this.close();
    });
    setInterval(() => this.load(), REFRESH);
  }

  build() {
    const button = (key, action) => {
      const node = element("button", { type: "button", class: "quiet" }, say(key));
      node.addEventListener("click", action);
      return node;
    };
    this.title = element("h2", { id: "panel-title", tabindex: "-1" });
    this.place = element("p", { class: "where" });
    this.presence = element("p", { class: "presence" });
    this.note = element("p", { class: "note" });
    this.points = element("ul", { class: "points" });
    this.node.append(
      element("div", { class: "panel-head" }, this.title, button("close", () => this.close())),
      this.place, this.presence,
      element(
        "div", { class: "actions" }, button("copyLink", () => this.copyLink()),
        button("showOnMap", () => this.onOpen(this.station, true)),
      ),
      this.note, this.points,
    );
  }

  get station() {
    return this.network.stations.get(this.id) ?? null;
  }

  // Shows what the address names. Called again once the network is known.
  follow() {
    const id = linkedStation();
    if (id === this.id) return;
    if (id === null) { this.hide(); return; }
    if (this.id === null) this.cameFrom = document.activeElement;
    this.id = id;
    this.details = null;
    this.error = null;
    this.node.hidden = false;
    this.show();
    this.title.focus({ preventScroll: true });
    this.node.scrollIntoView({ block: "nearest" });
    this.onOpen(this.station, false);
    this.load();
  }

  close() {
    // Without the #, so that the address is that of the page.
    history.pushState(null, "", location.pathname + location.search);
    this.hide();
  }

  hide() {
    this.id = null;
    this.node.hidden = true;
    this.onOpen(null, false);
    if (this.cameFrom?.isConnected) this.cameFrom.focus({ preventScroll: true });
  }

  // Looks again, soon: a queue changes together with its point.
  changed(ids) {
    if (this.id === null || !ids.has(this.id)) return;
    this.show();
    this.timer ??= setTimeout(() => this.load(), Math.max(0, this.asked + LEAST_PAUSE - performance.now()));
  }

  async load() {
    clearTimeout(this.timer);
    this.timer = null;
    const id = this.id;
    if (id === null || this.station === null) return;
    this.asked = performance.now();
    try {
      const details = readDetails(await fetchStation(id));
      if (id !== this.id) return;
      this.details = details;
      this.error = null;
    } catch (error) {
      if (id !== this.id) return;
      this.error = say("detailsFailed", { message: error.message });
    }
    this.show();
  }

  show() {
    const station = this.station;
    this.title.textContent = station ? stationName(station) : say("station", { id: String(this.id) });
    this.points.hidden = station === null;
    const note = station === null ? say("gone") : this.error ?? (this.details ? "" : say("loadingQueue"));
    this.note.textContent = note;
    this.note.hidden = note === "";
    this.place.textContent = station ? this.describePlace(station) : "";
    this.presence.textContent = station ? describePresence(station, this.details) : "";
    this.presence.dataset.state = station?.state ?? "";
    if (station) this.showPoints(station);
  }

  describePlace(station) {
    const parts = [station.address, stationPlace(station)];
    if (station.name) parts.unshift(say("station", { id: String(station.id) }));
    return parts.filter(Boolean).join(" · ");
  }

  showPoints(station) {
    const now = networkNow();
    const all = [...(this.details?.points.values() ?? [])].flatMap((point) => point.reservations);
    const hours = hoursFor(all, now);
    this.points.setAttribute("aria-label", say("queueHours", { hours }));
    this.points.replaceChildren(...station.points.map((point) => createPoint(point, this.details, hours, now)));
  }

  async copyLink() {
    await navigator.clipboard.writeText(location.href);
    announce(say("linkCopied"));
  }
}

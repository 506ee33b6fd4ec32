// The log of events, the newest first.

import { networkNow } from "./clock.js";
import { element } from "./dom.js";
import { formatTime, hasWord, say } from "./language.js";
import { reservationTimes } from "./timeline.js";

const KEPT = 200;

const reasonKey = (reason) => `because${reason[0].toUpperCase()}${reason.slice(1)}`;

function placeOf(reservation, nameOf) {
  const station = nameOf(reservation.chargingStationID);
  return say("eventPlace", { station, point: String(reservation.chargingPointID) });
}

const timesOf = (reservation) => reservationTimes(
  { start: Date.parse(reservation.startDateTime), finish: Date.parse(reservation.finishDateTime) }, networkNow(),
);

// Why it happened and, if the reservation has moved, what it was before.
function describeCause({ reason, before }, nameOf) {
  const texts = [];
  if (reason && hasWord(reasonKey(reason))) texts.push(say(reasonKey(reason)));
  if (before) texts.push(say("before", { place: placeOf(before, nameOf), times: timesOf(before) }));
  return texts.length ? element("span", { class: "cause" }, texts.join(" · ")) : null;
}

function describe(event, nameOf) {
  const { reservation } = event;
  const vehicle = reservation.vehicleID;
  return element(
    "li", { class: `event event-${event.type}` },
    element("time", { datetime: event.at }, formatTime(event.at, new Date(networkNow()))),
    element("strong", {}, hasWord(event.type) ? say(event.type) : event.type),
    element("a", { href: `#station=${reservation.chargingStationID}` }, placeOf(reservation, nameOf)),
    element("span", { class: "where" }, timesOf(reservation)),
    vehicle === undefined ? null : element("span", { class: "where" }, say("vehicle", { id: String(vehicle) })),
    describeCause(event, nameOf),
  );
}

export function createLog(container, nameOf) {
  const nothing = element("p", { class: "note" }, say("noEvents"));
  // Screen readers read a log aloud by default, and this one would never be quiet.
  const list = element("ol", { class: "log", role: "log", "aria-live": "off", "aria-label": say("events") });
  const lately = element("p", { class: "count" });
  container.append(lately, nothing, list);

  function add(events, { whole }) {
    if (whole) list.replaceChildren();
    for (const event of events.slice(-KEPT)) list.prepend(describe(event, nameOf));
    while (list.children.length > KEPT) list.lastElementChild.remove();
    nothing.hidden = list.children.length > 0;
  }

  function show({ movesAnHour: moves = 0, noShowsAnHour: noShows = 0 }) {
    const text = say("lastHour", { moves, noShows });
    if (lately.textContent !== text) lately.textContent = text;
  }
  return { add, show };
}

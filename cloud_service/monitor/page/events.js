// The log of events, the newest first.

import { element } from "./dom.js";
import { formatTime, hasWord, say } from "./language.js";
import { reservationTimes } from "./timeline.js";

const KEPT = 200;

function describe(event, nameOf) {
  const { reservation } = event;
  const id = reservation.chargingStationID;
  const place = say("eventPlace", { station: nameOf(id), point: String(reservation.chargingPointID) });
  const times = reservationTimes(
    { start: Date.parse(reservation.startDateTime), finish: Date.parse(reservation.finishDateTime) }, Date.now(),
  );
  const vehicle = reservation.vehicleID;
  return element(
    "li", { class: `event event-${event.type}` },
    element("time", { datetime: event.at }, formatTime(event.at)),
    element("strong", {}, hasWord(event.type) ? say(event.type) : event.type),
    element("a", { href: `#station=${id}` }, place),
    element("span", { class: "where" }, times),
    vehicle === undefined ? null : element("span", { class: "where" }, say("vehicle", { id: String(vehicle) })),
  );
}

export function createLog(container, nameOf) {
  const nothing = element("p", { class: "note" }, say("noEvents"));
  // A log is read aloud by default. This one would never be quiet.
  const list = element("ol", { class: "log", role: "log", "aria-live": "off", "aria-label": say("events") });
  container.append(nothing, list);

  function add(events, { whole }) {
    if (whole) list.replaceChildren();
    for (const event of events.slice(-KEPT)) list.prepend(describe(event, nameOf));
    while (list.children.length > KEPT) list.lastElementChild.remove();
    nothing.hidden = list.children.length > 0;
  }
  return { add };
}

// A point's queue as a strip of the coming hours.

import { drawing } from "./dom.js";
import { formatHour, formatTime, say } from "./language.js";

const HOUR = 3_600_000;
const SHORTEST = 6, LONGEST = 24;
const HEIGHT = 30, BAR = 16;

// How many hours the strips of a station show: enough for all of its queues, but at most a day.
export function hoursFor(reservations, now) {
  const last = Math.max(now, ...reservations.map(({ finish }) => finish));
  return Math.min(Math.max(Math.ceil((last - now) / HOUR), SHORTEST), LONGEST);
}

const percent = (moment, now, hours) => Math.min(Math.max(((moment - now) / (hours * HOUR)) * 100, 0), 100);

function* ticks(now, hours) {
  const every = hours > 12 ? 4 : hours > 6 ? 2 : 1;
  const first = new Date(now);
  first.setMinutes(60, 0, 0);
  for (let time = first.getTime(); time < now + hours * HOUR; time += HOUR) {
    if (new Date(time).getHours() % every === 0) yield time;
  }
}

export const reservationTimes = (reservation, now) =>
  say("between", {
    start: formatTime(reservation.start, new Date(now)), finish: formatTime(reservation.finish, new Date(now)),
  });

export function createTimeline(point, hours, now) {
  const times = point.reservations.map((reservation) => reservationTimes(reservation, now)).join(", ");
  const label = say("queueTimes", { id: String(point.id), times: times || say("emptyQueue") });
  const svg = drawing("svg", { class: "timeline", role: "img", "aria-label": label, height: HEIGHT, width: "100%" });
  svg.append(drawing("rect", { class: "track", width: "100%", height: BAR, rx: 4 }));
  for (const time of ticks(now, hours)) {
    const x = `${percent(time, now, hours)}%`;
    svg.append(drawing("line", { class: "tick", x1: x, x2: x, y1: 0, y2: BAR }));
    if (percent(time, now, hours) > 6 && percent(time, now, hours) < 96) {
      svg.append(drawing("text", { x, y: HEIGHT - 2, "text-anchor": "middle" }, formatHour(time)));
    }
  }
  for (const { start, finish, state } of point.reservations) {
    const left = percent(start, now, hours);
    const width = percent(finish, now, hours) - left;
    if (width <= 0) continue;
    const kind = state === "active" ? "bar active" : "bar";
    svg.append(drawing("rect", { class: kind, x: `${left}%`, width: `${width}%`, y: 2, height: BAR - 4, rx: 3 }));
  }
  return svg;
}

// The monitor's details of one station: its presence and each point's queue. Times become milliseconds.

const readReservation = ({ startDateTime, finishDateTime, state }) => ({
  start: Date.parse(startDateTime), finish: Date.parse(finishDateTime), state,
});

const readPoint = ({ chargingPointID, freeFrom = null, session = null, reservations = [] }) => [
  chargingPointID,
  {
    freeFrom: freeFrom === null ? null : Date.parse(freeFrom),
    session: session && {
      since: Date.parse(session.since), until: Date.parse(session.until),
      energy: session.energy ?? null, power: session.power ?? null,
    },
    reservations: reservations.map(readReservation).sort((one, other) => one.start - other.start),
  },
];

export function readDetails({ presence = null, points }) {
  return { presence, points: new Map(points.map(readPoint)) };
}

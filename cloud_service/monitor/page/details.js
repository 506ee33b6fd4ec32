// What the monitor tells of one station: its presence, and each point's queue. Times become milliseconds.

const readReservation = ({ startDateTime, finishDateTime, state }) => ({
  start: Date.parse(startDateTime), finish: Date.parse(finishDateTime), state,
});

const readPoint = ({ chargingPointID, connector = null, freeFrom = null, reservations = [] }) => [
  chargingPointID,
  {
    connector,
    freeFrom: freeFrom === null ? null : Date.parse(freeFrom),
    reservations: reservations.map(readReservation).sort((one, other) => one.start - other.start),
  },
];

export function readDetails({ address = null, presence = null, points }) {
  return { address, presence, points: new Map(points.map(readPoint)) };
}

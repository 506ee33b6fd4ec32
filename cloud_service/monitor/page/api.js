// The monitor's HTTP interface.

import { say } from "./language.js";

async function ask(path, options = {}) {
  let response;
  try {
    response = await fetch(path, { headers: { "Content-Type": "application/json" }, ...options });
  } catch {
    throw new Error(say("noAnswer"));
  }
  if (response.status === 401) location.reload(); // the login has ended; the monitor shows its login page
  const body = response.status === 204 ? null : await response.json().catch(() => null);
  if (!response.ok) {
    const message = body?.error?.message ?? `${response.status} ${response.statusText}`;
    throw Object.assign(new Error(message), { code: body?.error?.code });
  }
  return body;
}

export const fetchPage = () => ask("/api/page");
export const fetchStation = (id) => ask(`/api/stations/${id}`);
export const book = (wish) => ask("/api/reservations", { method: "POST", body: JSON.stringify(wish) });
export const cancel = (reservation) =>
  ask(`/api/reservations/${encodeURIComponent(reservation.reservationID)}`, {
    method: "DELETE",
    body: JSON.stringify(reservation),
  });

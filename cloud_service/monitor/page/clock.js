// The network's time, which may pass faster in a demonstration, as the service's presence says.

let since = 0;
let speed = 1;

export function setClock(services) {
  const service = services.find(({ name }) => name === "cloud_service");
  if (!service?.online) return; // until then, time passes as before
  since = Date.parse(service.clockSince ?? service.since);
  speed = Number.isFinite(since) ? service.clockSpeed ?? 1 : 1;
}

export const networkNow = () => (speed === 1 ? Date.now() : since + (Date.now() - since) * speed);

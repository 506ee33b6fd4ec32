// The network's time: it passes faster where a demonstration wants it so, as the service's presence says.

let since = 0;
let speed = 1;

export function setClock(services) {
  const service = services.find(({ name }) => name === "cloud_service");
  if (!service?.online) return; // meanwhile time passes as it did
  since = Date.parse(service.clockSince ?? service.since);
  speed = Number.isFinite(since) ? service.clockSpeed ?? 1 : 1;
}

export const networkNow = () => (speed === 1 ? Date.now() : since + (Date.now() - since) * speed);

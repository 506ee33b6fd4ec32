// A charge point on ocpp-rpc or ocpp-ws-io, which check each of our answers against their own copies of the schemas. It
// takes one line of JSON, {"step": ...}, for each step, and answers each with one line. What the gateway asks is a line
// too.

import { createInterface } from "node:readline";

const clients = {
  "ocpp-rpc": async (options) => new (await import("ocpp-rpc")).default.RPCClient(options),
  "ocpp-ws-io": async (options) => {
    const { OCPPClient } = await import("ocpp-ws-io");
    return new OCPPClient({ ...options, offlineQueue: true, logging: false });
  },
};
const [endpoint, identity, protocol, maker] = process.argv.slice(2);
const client = await clients[maker]({ endpoint, identity, protocols: [protocol], strictMode: true, reconnect: true });
const old = protocol === "ocpp1.6";
const print = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);
const now = () => new Date().toISOString();
const token = (tag) => ({ idToken: tag, type: "Central" });
let sequence = 0;

client.handle("ReserveNow", ({ params }) => {
  print({ asked: "ReserveNow", tag: old ? params.idTag : params.idToken.idToken });
  return { status: "Accepted" };
});
client.handle("CancelReservation", () => ({ status: "Accepted" }));

const energy = (meter) => ({
  timestamp: now(),
  sampledValue: [{ value: old ? String(meter) : meter, measurand: "Energy.Active.Import.Register" }],
});

function event(eventType, { transaction, meter, tag }) {
  return client.call("TransactionEvent", {
    eventType,
    timestamp: now(),
    triggerReason: tag ? "Authorized" : "MeterValuePeriodic",
    seqNo: sequence++,
    transactionInfo: { transactionId: transaction },
    evse: { id: 1, connectorId: 1 },
    meterValue: [energy(meter)],
    ...(tag ? { idToken: token(tag) } : {}),
  });
}

const verdict = (answer) => (answer.idTagInfo ?? answer.idTokenInfo).status;

const steps = {
  connect: async () => { await client.connect(); return protocol; },
  boot: async () => (await client.call("BootNotification", old
    ? { chargePointVendor: maker, chargePointModel: "guest" }
    : { reason: "PowerUp", chargingStation: { vendorName: maker, model: "guest" } })).status,
  heartbeat: async () => (await client.call("Heartbeat", {})).currentTime,
  status: async ({ status }) => {
    await client.call("StatusNotification", old
      ? { connectorId: 1, status, errorCode: status === "Faulted" ? "OtherError" : "NoError" }
      : { timestamp: now(), connectorStatus: status, evseId: 1, connectorId: 1 });
    return status;
  },
  authorize: async ({ tag }) => verdict(await client.call("Authorize", old ? { idTag: tag } : { idToken: token(tag) })),
  start: async ({ tag, meter }) => {
    if (old) {
      const begin = { connectorId: 1, idTag: tag, meterStart: meter, timestamp: now() };
      return (await client.call("StartTransaction", begin)).transactionId;
    }
    await event("Started", { transaction: `guest-${meter}`, meter, tag });
    return `guest-${meter}`;
  },
  measure: async ({ transaction, meter }) => (old
    ? client.call("MeterValues", { connectorId: 1, transactionId: transaction, meterValue: [energy(meter)] })
    : event("Updated", { transaction, meter })),
  stop: async ({ transaction, meter }) => (old
    ? client.call("StopTransaction", { transactionId: transaction, meterStop: meter, timestamp: now() })
    : event("Ended", { transaction, meter })),
  close: async () => { await client.close(); return "closed"; },
};

for await (const line of createInterface({ input: process.stdin })) {
  const { step, ...values } = JSON.parse(line);
  try {
    print({ step, answer: await steps[step](values) });
  } catch (error) {
    print({ step, error: `${error.code ?? error.name}: ${error.message}` });
  }
}
await client.close({ force: true });

// Whether service, gateway, broker and the page's own connection are up, and since when.

import { announce, byId, element } from "./dom.js";
import { formatTime, hasWord, say } from "./language.js";

function describe({ name, online, since, version }) {
  const state = say("serviceState", {
    name: hasWord(name) ? say(name) : name, state: say(online ? "online" : "offline"),
  });
  const detail = since ? say("since", { time: formatTime(since) }) : "";
  return element(
    "li",
    { class: online ? "well" : "unwell", title: [detail, version].filter(Boolean).join(" · ") },
    element("span", { class: "lamp", "aria-hidden": "true" }, online ? "●" : "▲"),
    element("span", {}, state),
    detail ? element("span", { class: "detail" }, detail) : null,
  );
}

export function showServices(services, broker) {
  const all = [...services, { name: "broker", online: broker }];
  const text = JSON.stringify(all);
  const list = byId("services");
  // Only what changed is drawn, so that a screen reader is not interrupted.
  if (list.dataset.shown === text) return;
  list.dataset.shown = text;
  list.replaceChildren(...all.map(describe));
}

export class ConnectionDisplay {
  constructor() {
    this.state = "connecting";
    this.broker = true;
    this.lastHeard = new Date();
    this.draw();
  }

  heard(broker) {
    // The broker's absence is also current news, unlike the rest of what the page shows then.
    if (broker) this.lastHeard = new Date();
    if (broker === this.broker) return;
    this.broker = broker;
    this.draw();
  }

  change(state) {
    if (state === this.state) return;
    if (state === "live" && this.state === "broken") announce(say("connectedAgain"));
    this.state = state;
    this.draw();
  }

  draw() {
    const node = byId("connection");
    node.dataset.state = this.state;
    node.textContent = say(this.state);
    const problem = this.state === "broken" ? "brokenBanner" : this.broker ? null : "brokerBanner";
    const banner = byId("banner");
    banner.hidden = problem === null;
    banner.textContent = problem ? say(problem, { time: formatTime(this.lastHeard) }) : "";
    document.body.classList.toggle("stale", problem !== null);
  }
}

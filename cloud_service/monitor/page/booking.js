// Booking from the map, for an operator's monitor.

import { book, cancel } from "./api.js";
import { networkNow } from "./clock.js";
import { announce, element } from "./dom.js";
import { formatMoney, say } from "./language.js";
import { reservationTimes } from "./timeline.js";

function createField(name, attributes) {
  const input = element("input", { name, type: "number", step: "any", required: true, ...attributes });
  return element("label", {}, element("span", {}, say(name)), input);
}

function describe(reservation, nameOf) {
  const [start, finish] = [reservation.startDateTime, reservation.finishDateTime].map((moment) => Date.parse(moment));
  return say("booked", {
    station: nameOf(reservation.chargingStationID), point: String(reservation.chargingPointID),
    times: reservationTimes({ start, finish }, networkNow()), price: formatMoney(reservation.price),
  });
}

// The booking outlives a reload of the page, so that it can still be cancelled.
const STORED = "booking";

function recall() {
  const reservation = JSON.parse(sessionStorage.getItem(STORED));
  return reservation !== null && Date.parse(reservation.finishDateTime) > networkNow() ? reservation : null;
}

export class Booking {
  // `onPlace` gets the place of the vehicle, or null.
  constructor(container, { nameOf, onPlace }) {
    this.nameOf = nameOf;
    this.onPlace = onPlace;
    this.reservation = recall();
    this.form = element(
      "form", { class: "booking fields" },
      element("p", { class: "note wide" }, say("bookHelp")),
      createField("x", {}), createField("y", {}),
      createField("battery", { min: 0, max: 99.9, value: 20 }), createField("capacity", { min: 0.1, value: 40 }),
      element("button", { type: "submit", class: "main wide" }, say("bookNow")),
    );
    this.result = element("div", { class: "result", hidden: true });
    container.append(this.form, this.result);
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.submit();
    });
    this.form.addEventListener("change", () => this.showPlace());
    if (this.reservation !== null) this.showReservation();
  }

  get place() {
    const { x, y } = this.form.elements;
    return x.value === "" || y.value === "" ? null : { x: x.valueAsNumber, y: y.valueAsNumber };
  }

  // Takes the place of a click on the map.
  choose({ x, y }) {
    const { x: across, y: up } = this.form.elements;
    across.value = x.toFixed(2);
    up.value = y.toFixed(2);
    this.showPlace();
  }

  showPlace() {
    this.onPlace(this.place);
  }

  async submit() {
    const { battery, capacity } = this.form.elements;
    const wish = {
      ...this.place, actualBatteryPercentage: battery.valueAsNumber, batteryCapacity: capacity.valueAsNumber,
    };
    await this.attempt("bookingFailed", async () => {
      this.keep(await book(wish));
      this.showReservation();
    });
  }

  async cancel() {
    await this.attempt("cancelFailed", async () => {
      try {
        await cancel(this.reservation);
      } catch (error) {
        if (error.code === "NOT_FOUND") this.keep(null); // somebody else has cancelled it
        throw error;
      }
      this.keep(null);
      this.showText(say("cancelled"));
    });
  }

  keep(reservation) {
    this.reservation = reservation;
    sessionStorage.setItem(STORED, JSON.stringify(reservation));
  }

  // One request at a time; a refusal is shown, and changes nothing.
  async attempt(failure, action) {
    const buttons = [...this.form.querySelectorAll("button"), ...this.result.querySelectorAll("button")];
    for (const button of buttons) button.disabled = true;
    try {
      await action();
    } catch (error) {
      this.showText(say(failure, { message: error.message }), this.cancelButton());
    }
    for (const button of buttons) button.disabled = false;
  }

  cancelButton() {
    if (this.reservation === null) return null;
    const button = element("button", { type: "button", class: "quiet" }, say("cancel"));
    button.addEventListener("click", () => this.cancel());
    return button;
  }

  showReservation() {
    const id = this.reservation.chargingStationID;
    const link = element("a", { href: `#station=${id}` }, this.nameOf(id));
    this.showText(describe(this.reservation, this.nameOf), link, this.cancelButton());
  }

  showText(text, ...more) {
    this.result.hidden = false;
    this.result.replaceChildren(element("p", {}, text), ...more.filter((node) => node !== null));
    announce(text);
  }
}

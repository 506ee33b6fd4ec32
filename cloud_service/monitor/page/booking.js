// Booking from the map, for an operator's monitor.

import { book, cancel } from "./api.js";
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
    times: reservationTimes({ start, finish }, Date.now()), price: formatMoney(reservation.price),
  });
}

export class Booking {
  // `onPlace` gets the place of the vehicle, or null.
  constructor(container, { nameOf, onPlace }) {
    this.nameOf = nameOf;
    this.onPlace = onPlace;
    this.reservation = null;
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
  }

  get place() {
    const { x, y } = this.form.elements;
    return x.value === "" || y.value === "" ? null : { x: x.valueAsNumber, y: y.valueAsNumber };
  }

  // Takes the place of a click on the map over.
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
      this.reservation = await book(wish);
      this.showReservation();
    });
  }

  async cancel() {
    await this.attempt("cancelFailed", async () => {
      await cancel(this.reservation);
      this.reservation = null;
      this.showText(say("cancelled"));
    });
  }

  // One at a time; what is refused is said and changes nothing.
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

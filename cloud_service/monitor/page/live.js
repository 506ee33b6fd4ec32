// The WebSocket: reconnects by itself, and asks for the whole network after a gap.

const FIRST_PAUSE = 500;
const LONGEST_PAUSE = 10_000;
const SILENCE = 60_000; // after which the page asks for the whole network, to see whether the monitor is there
const ANSWER = 15_000;

export class Live {
  // `network` takes the messages over; `onChange` gets what each one changed; `onState` hears "connecting",
  // "live" and "broken".
  constructor(network, { onChange, onState }) {
    this.network = network;
    this.onChange = onChange;
    this.onState = onState;
    this.pause = FIRST_PAUSE;
    this.timer = null;
    this.silence = null;
    this.socket = null;
    window.addEventListener("online", () => this.retryNow());
    window.addEventListener("offline", () => this.lost(this.socket));
  }

  connect() {
    this.timer = null;
    const address = new URL("/api/live", location.href);
    address.protocol = location.protocol === "https:" ? "wss:" : "ws:";
    const socket = new WebSocket(address);
    this.socket = socket;
    socket.addEventListener("message", (event) => this.receive(socket, JSON.parse(event.data)));
    socket.addEventListener("close", () => this.lost(socket));
  }

  receive(socket, message) {
    if (socket !== this.socket) return;
    const change = this.network.receive(message);
    this.expectWord(socket);
    if (change === null) {
      this.askForWhole(socket);
      return;
    }
    this.pause = FIRST_PAUSE;
    this.onState("live");
    this.onChange(change);
  }

  askForWhole(socket) {
    socket.send(JSON.stringify({ resync: true }));
  }

  // A connection can end without either side noticing, so silence is checked.
  expectWord(socket) {
    clearTimeout(this.silence);
    this.silence = setTimeout(() => {
      this.askForWhole(socket);
      this.silence = setTimeout(() => this.lost(socket), ANSWER);
    }, SILENCE);
  }

  lost(socket) {
    if (socket === null || socket !== this.socket) return;
    this.socket = null;
    clearTimeout(this.silence);
    socket.close();
    this.onState("broken");
    // Pages that lost the same monitor should not all come back at the same moment.
    const pause = this.pause * (0.5 + Math.random() / 2);
    this.pause = Math.min(this.pause * 2, LONGEST_PAUSE);
    this.timer = setTimeout(() => this.connect(), pause);
  }

  retryNow() {
    if (this.timer === null) return;
    clearTimeout(this.timer);
    this.connect();
  }
}

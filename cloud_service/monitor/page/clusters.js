// Stations in the cells of a grid of the view. A cell with many stations is drawn as one mark.

export const CELL = 64; // pixels
const MOST_APART = 4; // more stations than this in a cell overlap

export class Cell {
  constructor(key) {
    this.key = key;
    this.stations = new Map();
  }

  get clustered() {
    return this.stations.size > MOST_APART;
  }

  get list() {
    return [...this.stations.values()];
  }

  get center() {
    let x = 0, y = 0;
    for (const station of this.stations.values()) {
      x += station.x;
      y += station.y;
    }
    return { x: x / this.stations.size, y: y / this.stations.size };
  }

  // How many stations are in each state.
  get counts() {
    const counts = {};
    for (const { state } of this.stations.values()) counts[state] = (counts[state] ?? 0) + 1;
    return counts;
  }
}

export class Grid {
  // `scale` is pixels per kilometre. The grid is fixed to the plane, so that moving the view changes no cluster.
  constructor(scale) {
    this.scale = scale;
    this.cells = new Map();
    this.cellOf = new Map();
  }

  keyAt(x, y) {
    const size = CELL / this.scale;
    return `${Math.floor(x / size)},${Math.floor(y / size)}`;
  }

  // Puts a station in, or moves it. Returns the cells that it changed.
  put(station) {
    const key = this.keyAt(station.x, station.y);
    const touched = this.cellOf.get(station.id) === key ? [] : this.remove(station.id);
    let cell = this.cells.get(key);
    if (cell === undefined) this.cells.set(key, cell = new Cell(key));
    cell.stations.set(station.id, station);
    this.cellOf.set(station.id, key);
    return [...touched, key];
  }

  // Takes a station out. Returns the cells that it changed.
  remove(id) {
    const key = this.cellOf.get(id);
    if (key === undefined) return [];
    this.cellOf.delete(id);
    const cell = this.cells.get(key);
    cell.stations.delete(id);
    if (cell.stations.size === 0) this.cells.delete(key);
    return [key];
  }

  // The cells that lie in the rectangle.
  within({ west, south, east, north }) {
    const size = CELL / this.scale;
    const [left, bottom, right, top] = [west, south, east, north].map((edge) => Math.floor(edge / size));
    if ((right - left + 1) * (top - bottom + 1) > this.cells.size) {
      return [...this.cells.values()].filter(({ key }) => {
        const [column, row] = key.split(",").map(Number);
        return column >= left && column <= right && row >= bottom && row <= top;
      });
    }
    const found = [];
    for (let column = left; column <= right; column += 1) {
      for (let row = bottom; row <= top; row += 1) {
        const cell = this.cells.get(`${column},${row}`);
        if (cell !== undefined) found.push(cell);
      }
    }
    return found;
  }
}

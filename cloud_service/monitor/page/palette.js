// The colours of the style sheet, for the canvas.

const NAMES = [
  "free", "reserved", "busy", "outOfOrder", "empty", "offline", "surface", "text", "muted", "line", "accent",
];

export function readPalette() {
  const style = getComputedStyle(document.documentElement);
  const colours = NAMES.map((name) => [name, style.getPropertyValue(`--${name}`).trim()]);
  return Object.fromEntries(colours);
}

export function onThemeChange(listener) {
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", listener);
}

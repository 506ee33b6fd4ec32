// The browser's language: texts, numbers and times.

import { dictionaries } from "./words.js";

const wanted = navigator.languages.find((language) => language.split("-")[0] in dictionaries) ?? "en";
const words = dictionaries[wanted.split("-")[0]];
const plural = new Intl.PluralRules(wanted);
const number = new Intl.NumberFormat(wanted, { maximumFractionDigits: 2 });
const coordinate = new Intl.NumberFormat(wanted, { maximumFractionDigits: 2, useGrouping: false });
const money = new Intl.NumberFormat(wanted, { minimumFractionDigits: 2, maximumFractionDigits: 2 });
const clock = new Intl.DateTimeFormat(wanted, { hour: "2-digit", minute: "2-digit" });
const hour = new Intl.DateTimeFormat(wanted, { hour: "numeric" });
const calendar = new Intl.DateTimeFormat(wanted, {
  day: "numeric", month: "short", hour: "2-digit", minute: "2-digit",
});

// The text of a key, with values in place of {name}. Numbers are formatted.
export function say(key, values = {}) {
  const entry = words[key];
  const text = typeof entry === "string" ? entry : entry[plural.select(values.count)] ?? entry.other;
  return text.replace(/\{(\w+)\}/g, (_, name) => {
    const value = values[name];
    return typeof value === "number" ? number.format(value) : String(value);
  });
}

export const hasWord = (key) => key in words;
export const formatNumber = (value) => number.format(value);
export const formatCoordinate = (value) => coordinate.format(value);
export const formatMoney = (value) => money.format(value);

export const formatHour = (moment) => hour.format(new Date(moment));

// The time of day; with the date where it is not today's.
export function formatTime(moment, now = new Date()) {
  const date = new Date(moment);
  return date.toDateString() === now.toDateString() ? clock.format(date) : calendar.format(date);
}

// Fills in what the markup names by key: data-text, data-label, data-placeholder.
export function translate(root) {
  document.documentElement.lang = wanted;
  document.title = say("title");
  for (const node of root.querySelectorAll("[data-text]")) node.textContent = say(node.dataset.text);
  for (const node of root.querySelectorAll("[data-label]")) node.setAttribute("aria-label", say(node.dataset.label));
  for (const node of root.querySelectorAll("[data-placeholder]")) node.placeholder = say(node.dataset.placeholder);
}

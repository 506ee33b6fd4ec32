// Creates elements by calls, so that texts from the network are never parsed as markup.

const SVG = "http://www.w3.org/2000/svg";

function build(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value === true) node.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) node.setAttribute(name, value);
  }
  node.append(...children.filter((child) => child !== null));
  return node;
}

export const element = (tag, attributes = {}, ...children) =>
  build(document.createElement(tag), attributes, children);

export const drawing = (tag, attributes = {}, ...children) =>
  build(document.createElementNS(SVG, tag), attributes, children);

export const byId = (id) => document.getElementById(id);

let lastSaid = 0;

// Announces a text to screen readers, once: the results of the user's actions and what they must know.
export function announce(text) {
  const region = byId("status");
  // A live region is read again only if its text changes.
  lastSaid += 1;
  region.textContent = lastSaid % 2 ? text : `${text}\u00a0`;
}

/* Makes elements; text is always text, never markup. */
const SVG = "http://www.w3.org/2000/svg";

const filled = (made, values, children) => {
  for (const [name, value] of Object.entries(values)) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (value !== undefined && value !== null) made.setAttribute(name, value);
  }
  made.append(...children);
  return made;
};

export const element = (name, values = {}, ...children) =>
  filled(document.createElement(name), values, children);

export const drawn = (name, values = {}, ...children) =>
  filled(document.createElementNS(SVG, name), values, children);

export const byId = (id) => document.getElementById(id);

export const named = (item) => item.title ?? String(item.item_id ?? item.user_id);

/* The list of each model, beside each other, with reasons and a way to hide an item. */
import { json } from "./api.js";
import { element, named } from "./elements.js";

const KINDS = {
  others: "the rest of the history",
  "own row": "what was learned of this user beside the history",
  popular: "popularity",
};

async function reasons(row, button, item, model, who) {
  const open = button.getAttribute("aria-expanded") === "true";
  row.querySelector(".reasons")?.remove();
  button.setAttribute("aria-expanded", String(!open));
  if (open) return;
  let lines;
  try {
    const found = await json("/v1/explain", { body: { item: item.item_id, most: 5, model, ...who } });
    const seen = found.reasons.filter((each) => Math.abs(each.share) >= 0.005);
    const several = new Set(seen.map((each) => each.part)).size > 1;  // of a blend
    lines = seen.map((each) => {
      const by = several ? `, by ${each.part}` : "";
      const share = `${each.contribution < 0 ? "−" : ""}${Math.round(100 * Math.abs(each.share))} %`;
      return `${share} ${each.item_id === undefined ? KINDS[each.kind] ?? each.kind : named(each)}${by}`;
    });
  } catch (error) {
    lines = [error.message];
  }
  row.append(element("ul", { class: "reasons" }, ...lines.map((line) => element("li", {}, line))));
}

function row(item, model, who, others, hide) {
  const acts = element("span", { class: "acts" });
  const made = element("li", {}, element("span", { class: "rank" }, String(item.rank)),
    element("span", { class: "title" }, named(item)), acts);
  const rank = others.get(item.item_id);
  if (rank) {
    made.children[1].append(element("span", { class: "both" }, ` · ${rank} in the other list`));
  }
  if (who) {
    const why = element("button", { type: "button", "aria-expanded": "false",
      "aria-label": `Why ${named(item)}?` }, "Why?");
    why.addEventListener("click", () => reasons(made, why, item, model.model.name, who));
    acts.append(why);
  }
  acts.append(element("button", { type: "button", "aria-label": `Hide ${named(item)}`,
    onclick: () => hide(item) }, "Hide"));
  return made;
}

const SOURCES = {
  model: "by the model",
  popular: "the most popular items: nothing is known to go by",
};

export function show(place, models, answers, who, hide) {
  const ranks = answers.map((each) => new Map(each.items.map((item) => [item.item_id, item.rank])));
  place.replaceChildren(...answers.map((answer, at) => {
    const others = ranks[1 - at] ?? new Map();
    const items = answer.items.map((item) => row(item, models[at], who, others, hide));
    const heading = element("h3", { id: `list-${at}` }, models[at].model.name);
    const source = element("p", { class: "note" }, SOURCES[answer.source]);
    const none = element("p", {}, "No item is left.");
    return element("div", {}, heading, source,
      items.length ? element("ol", { class: "items", "aria-labelledby": heading.id }, ...items) : none);
  }));
}

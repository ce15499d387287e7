/* The page of the service: somebody's history, and what each model makes of it. */
import { json, keep, newest, Refused } from "./api.js";
import { combobox } from "./combobox.js";
import { byId, element, named } from "./elements.js";
import { show } from "./lists.js";
import { about } from "./models.js";

const state = { kind: "visitor", visit: [], user: null, had: [], hidden: [], models: [] };
const latest = newest();
const say = (text) => { byId("status").textContent = text; };
const encoded = (values) => new URLSearchParams(values).toString();

function fail(error) {
  const problem = byId("problem");
  if (error instanceof Refused && error.status === 401) {
    byId("key-form").hidden = false;
    byId("key").focus();
    return;
  }
  problem.textContent = error.message;
  problem.hidden = false;
}

const chip = (item, act, drop) => element("li", drop ? {} : { class: "still" },
  element("span", {}, named(item)),
  ...(drop ? [element("button", { type: "button", "aria-label": `${act} ${named(item)}`,
    onclick: () => drop(item) }, "×")] : []));

/* Takes an item from a list; the focus goes to what is next to it, and not to the top. */
const without = (name, place, back) => (item) => {
  const at = state[name].indexOf(item);
  state[name].splice(at, 1);
  update();
  const left = place.querySelectorAll("button");
  (left[Math.min(at, left.length - 1)] ?? back).focus();
};

function shown() {
  const visitor = state.kind === "visitor";
  byId("visitor").hidden = !visitor;
  byId("user").hidden = visitor;
  byId("seen-label").hidden = visitor;
  const had = visitor ? state.visit : state.had;
  byId("history-name").textContent = visitor ? "What the visitor has"
    : state.user ? `What ${named(state.user)} has` : "What the user has";
  byId("nothing").hidden = had.length > 0;
  const drop = visitor ? without("visit", byId("history"), byId("item")) : null;
  byId("history").replaceChildren(...had.map((item) => chip(item, "Take out", drop)));
  byId("history").tabIndex = drop || !had.length ? -1 : 0; // it scrolls, and has nothing to focus
  byId("hidden-part").hidden = !state.hidden.length;
  const back = without("hidden", byId("hidden"), byId("length"));
  byId("hidden").replaceChildren(...state.hidden.map((item) => chip(item, "Show again", back)));
}

function ruled() {
  const on = [...document.querySelectorAll("[name=rule]:checked")];
  const written = byId("rules").value.trim();
  const rules = Object.fromEntries(on.map((each) => [each.value, Number(each.dataset.by)]));
  if (!written) return rules;
  try {
    return { ...rules, ...JSON.parse(written) };
  } catch {
    throw new Error("These rules are no JSON object, such as {\"deny\": [\"i3\"]}.");
  }
}

function body(model) {
  const common = { k: Number(byId("length").value), model };
  if (state.hidden.length) common.deny = state.hidden.map((item) => item.item_id);
  const rules = ruled();
  if (Object.keys(rules).length) common.rules = rules;
  if (state.kind === "user" && state.user) {
    return { ...common, users: [state.user.user_id], exclude_seen: !byId("seen").checked };
  }
  return { ...common, items: state.kind === "visitor" ? state.visit.map((item) => item.item_id) : [] };
}

async function answers(signal) {
  return Promise.all(state.models.map(async (model) => {
    const asked = body(model.model.name);
    const path = asked.users ? "/v1/recommend" : "/v1/recommend/session";
    const found = await json(path, { body: asked, signal });
    return found.lists ? found.lists[0] : found;
  }));
}

async function update() {
  shown();
  byId("problem").hidden = true;
  try {
    const found = await latest(answers);
    if (found === undefined) return;
    const visit = state.visit.map((item) => item.item_id);
    const who = state.kind === "user" ? state.user && { user: state.user.user_id }
      : visit.length ? { items: visit } : null;
    show(byId("lists"), state.models, found, who, hide);
    say(found.map((each, at) => `${each.items.length} items of ${state.models[at].model.name}`).join(", "));
  } catch (error) {
    fail(error);
  }
}

function hide(item) {
  state.hidden.push(item);
  update();
  byId("hidden").querySelector("li:last-child button").focus();
}

function add(item) {
  if (!state.visit.some((each) => each.item_id === item.item_id)) state.visit.push(item);
  update();
}

async function choose(user) {
  state.user = user;
  try {
    state.had = (await json(`/v1/users/${encodeURIComponent(user.user_id)}`)).items;
  } catch (error) {
    fail(error);
  }
  update();
}

function fields() {
  const common = { label: named, say, count: (each) => each.interactions.toLocaleString("en") };
  combobox(byId("item"), byId("item-options"), { ...common, pick: add,
    find: async (query, signal) => (await json(`/v1/items?${encoded({ query, limit: 8 })}`, { signal })).items });
  combobox(byId("user-id"), byId("user-options"), { ...common, pick: choose,
    find: async (query, signal) => (await json(`/v1/users?${encoded({ query, limit: 8 })}`, { signal })).users });
  for (const each of document.querySelectorAll("[name=kind]")) {
    each.addEventListener("change", () => { state.kind = each.value; update(); });
  }
  for (const each of document.querySelectorAll("[name=rule]")) each.addEventListener("change", update);
  for (const id of ["length", "seen", "rules"]) byId(id).addEventListener("change", update);
}

async function begin() {
  try {
    const first = await json("/v1/model");
    const rest = first.models.slice(1, 2).map((each) => json(`/v1/model?${encoded({ model: each.name })}`));
    state.models = [first, ...(await Promise.all(rest))];
  } catch (error) {
    return fail(error);
  }
  byId("key-form").hidden = true;
  byId("page").hidden = false;
  if (!state.models[0].titles) document.querySelector("label[for=item]").textContent = "Add an item by its id";
  if (state.models.length > 1) byId("models-name").textContent = "The models";
  document.querySelector("[name=kind]:checked").dispatchEvent(new Event("change"));
  byId("models").replaceChildren(...(await Promise.all(state.models.map(about))));
  return undefined;
}

byId("key-form").addEventListener("submit", (event) => {
  event.preventDefault();
  keep(byId("key").value);
  begin();
});
fields();
begin();

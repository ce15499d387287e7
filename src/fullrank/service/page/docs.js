/* The OpenAPI document of this service, to be read. */
import { json } from "./api.js";
import { byId, element } from "./elements.js";

const code = (text) => element("code", {}, text);

function table(caption, head, rows) {
  return element("div", { class: "wide", tabindex: "0", role: "region", "aria-label": caption },
    element("table", {}, element("caption", {}, caption),
      element("thead", {}, element("tr", {}, ...head.map((each) => element("th", { scope: "col" }, each)))),
      element("tbody", {}, ...rows.map(([first, ...rest]) => element("tr", {},
        element("th", { scope: "row" }, code(first)),
        ...rest.map((each) => element("td", { class: "long" }, each)))))));
}

const referred = (schema) => schema.$ref?.split("/").pop();

function kind(schema) {
  if (schema.$ref) return referred(schema);
  if (schema.anyOf) return schema.anyOf.map(kind).join(" or ");
  const bounds = [["minimum", "≥"], ["maximum", "≤"]]
    .filter(([name]) => schema[name] !== undefined).map(([name, sign]) => `${sign} ${schema[name]}`);
  const most = schema.maxItems === undefined ? "" : `, at most ${schema.maxItems}`;
  const plain = schema.type === "array" ? `list of ${kind(schema.items)}${most}` : schema.type ?? "anything";
  return [plain, ...bounds].join(", ");
}

const fields = (schema) => Object.entries(schema.properties ?? {}).map(([name, field]) => [
  name, kind(field), schema.required?.includes(name) ? "required" : JSON.stringify(field.default) ?? "",
  field.description ?? ""]);

const EXAMPLES = {
  "/v1/recommend": { users: ["u1"], k: 10 },
  "/v1/recommend/session": { items: ["i1", "i2"], k: 10 },
  "/v1/similar": { items: ["i1"], k: 10 },
  "/v1/explain": { user: "u1", item: "i1" },
};

function curl(method, path) {
  const address = `${location.origin}${path}`;
  return method === "post" ? `curl ${address} -d '${JSON.stringify(EXAMPLES[path])}'` : `curl ${address}`;
}

function operation(path, method, said, schemas) {
  const parts = [element("h2", {}, element("span", { class: "verb" }, method.toUpperCase()), code(path)),
    element("p", {}, said.summary)];
  const body = said.requestBody?.content["application/json"].schema;
  if (body) parts.push(table("Body", ["field", "type", "if absent", "what"], fields(schemas[referred(body)])));
  if (said.parameters) {
    parts.push(table("Parameters", ["name", "in", "what"],
      said.parameters.map((each) => [each.name, each.in, each.description])));
  }
  const answer = said.responses["200"]?.content["application/json"]?.schema;
  const schema = answer && schemas[referred(answer)];
  if (schema) parts.push(table("Answer", ["field", "type", "", "what"], fields(schema)));
  parts.push(element("pre", { tabindex: "0" }, curl(method, path)));
  return element("section", { class: "operation" }, ...parts);
}

const document_ = await json("/openapi.json");
const { schemas } = document_.components;
byId("operations").replaceChildren(
  ...Object.entries(document_.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, said]) => operation(path, method, said, schemas))),
  element("h2", {}, "Types"),
  ...Object.entries(schemas).map(([name, schema]) =>
    table(name, ["field", "type", "if absent", "what"], fields(schema))));

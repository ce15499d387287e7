/* What the model says of itself: its figures, its report, the spectrum of its embeddings. */
import { ask, json, keyed } from "./api.js";
import { drawn, element } from "./elements.js";

const WIDTH = 320;
const HEIGHT = 110;

function bars(values) {
  const wide = WIDTH / values.length;
  const path = values.map((value, at) => {
    const high = Math.max((value / values[0]) * HEIGHT, 0.5);
    return `M${(at * wide).toFixed(2)} ${HEIGHT}v${-high.toFixed(2)}h${(wide * 0.8).toFixed(2)}v${high.toFixed(2)}z`;
  });
  return drawn("path", { d: path.join("") });
}

async function spectrum(name) {
  const found = await json(`/v1/model/spectrum?model=${encodeURIComponent(name)}`);
  const values = found.singular_values.filter((value) => value > 0);
  const said = `Spectrum of ${name}: ${found.singular_values.length} singular values, effective rank ${found.effective_rank.toFixed(1)}`;
  const picture = drawn("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": said },
    bars(values));
  const caption = element("figcaption", {}, "Singular values of the embeddings");
  const note = element("p", { class: "note" },
    `Effective rank ${found.effective_rank.toFixed(1)} of ${found.singular_values.length} directions.`);
  return [element("figure", { class: "spectrum" }, caption, picture, note)];
}

/* A link sends no key, so where there is one the report is fetched and saved as a file. */
async function save(event, path, name) {
  if (!keyed()) return;
  event.preventDefault();
  const address = URL.createObjectURL(await (await ask(path)).blob());
  element("a", { href: address, download: `${name}.html` }).click();
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}

export async function about(model) {
  const { name, version } = model.model;
  const facts = Object.entries({ ...model.summary, version }).map(([key, value]) =>
    element("div", {}, element("dt", {}, key), element("dd", {}, value)));
  const report = `/v1/model/report?model=${encodeURIComponent(name)}`;
  const link = element("p", {}, element("a", { href: report, onclick: (event) => save(event, report, name) },
    `Report of ${name}`));
  return element("div", {}, element("h3", {}, name), element("dl", { class: "facts" }, ...facts),
    ...(model.report ? [link] : []), ...(model.spectrum ? await spectrum(name) : []));
}

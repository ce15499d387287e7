/* An input with suggestions: the combobox pattern of the ARIA practices, with a list of options.
   The focus stays in the input; the option that Enter takes is aria-activedescendant. */
import { newest } from "./api.js";
import { element } from "./elements.js";

const WAIT = 80; // milliseconds without a key before a question

export function combobox(input, list, { find, label, count, pick, say }) {
  const latest = newest();
  let found = [];
  let active = -1;
  let timer = null;

  input.setAttribute("role", "combobox");
  input.setAttribute("aria-autocomplete", "list");
  input.setAttribute("aria-expanded", "false");
  input.setAttribute("aria-controls", list.id);
  list.setAttribute("role", "listbox");
  list.setAttribute("aria-label", input.labels[0].textContent);

  const none = element("p", { class: "none note", hidden: "" }, "Nothing found.");
  list.after(none);

  const close = () => {
    none.hidden = true;
    list.hidden = true;
    active = -1;
    input.setAttribute("aria-expanded", "false");
    input.removeAttribute("aria-activedescendant");
  };

  const activate = (at) => {
    active = at;
    [...list.children].forEach((option, each) =>
      option.setAttribute("aria-selected", String(each === at)));
    const option = list.children[at];
    input.setAttribute("aria-activedescendant", option.id);
    option.scrollIntoView({ block: "nearest" });
  };

  const take = (at) => {
    const chosen = found[at];
    input.value = "";
    close();
    pick(chosen);
  };

  const show = () => {
    list.replaceChildren(...found.map((each, at) =>
      element("li", { role: "option", id: `${list.id}-${at}`, "aria-selected": "false",
        onpointerdown: (event) => event.preventDefault(), onclick: () => take(at) },
      element("span", {}, label(each)), element("span", { class: "count" }, count(each)))));
    active = -1;
    input.removeAttribute("aria-activedescendant");
    list.hidden = !found.length;
    none.hidden = found.length > 0;
    input.setAttribute("aria-expanded", String(found.length > 0));
    say(found.length ? `${found.length} suggestions` : "Nothing found");
  };

  const suggest = async () => {
    const words = input.value;
    if (!words.trim()) return close();
    const answer = await latest((signal) => find(words, signal));
    if (answer === undefined || document.activeElement !== input) return undefined;
    found = answer;
    return show();
  };

  const step = (by) => {
    const last = found.length - 1;
    if (active < 0) activate(by > 0 ? 0 : last);
    else activate(active + by > last ? 0 : active + by < 0 ? last : active + by);
  };

  input.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(suggest, WAIT);
  });
  input.addEventListener("blur", close);
  input.addEventListener("keydown", (event) => {
    const open = !list.hidden;
    if (event.key === "Escape") {
      if (!open) input.value = "";
      close();
    } else if ((event.key === "ArrowDown" || event.key === "ArrowUp") && found.length) {
      event.preventDefault();
      if (!open && input.value.trim()) show();
      if (!list.hidden) step(event.key === "ArrowDown" ? 1 : -1);
    } else if (event.key === "Enter" && open) {
      event.preventDefault();
      take(Math.max(active, 0));
    }
  });
}

// What is around every page: where one is, where one can go, who one is.

import { h } from "./dom.js";
import { icon, mark } from "./icons.js";
import { problemNotice, say } from "./part/notice.js";
import { link, offered, onShown } from "./router.js";
import { signOut, who } from "./session.js";
import { theme, toggle } from "./theme.js";
import { choose, language, languages, named, t } from "./words.js";

/**
 * @param {() => void} draw draws everything anew
 * @returns {HTMLElement[]}
 */
export function frame(draw) {
  const main = h("main", { id: "main" }, h("p", { class: "quiet" }, t("loading")));
  const skip = h(
    "a",
    { class: "skip", href: "#main", on: { click: (event) => skipTo(event, main) } },
    t("frame.skip"),
  );
  const { nav, mark: markCurrent } = navigation();
  onShown(markCurrent);
  const bar = h(
    "header",
    { class: "bar" },
    h("a", { class: "brand", href: "#/" }, mark(), h("span", {}, "jeton")),
    nav,
    h("div", { class: "me" }, switches(draw), me(draw)),
  );
  const status = h("p", { id: "status", class: "status", role: "status", "aria-live": "polite" });
  return [skip, bar, main, status];
}

/** The address stays as it is: it names the page. */
function skipTo(event, main) {
  event.preventDefault();
  const target = main.querySelector("h1") ?? main;
  target.setAttribute("tabindex", "-1");
  target.focus();
}

function navigation() {
  const entries = offered().map((one) => [
    one.nav,
    h("a", { href: link(one.path) }, icon(one.nav), h("span", {}, t(`nav.${one.nav}`))),
  ]);
  const items = entries.map(([, anchor]) => h("li", {}, anchor));
  const nav = h("nav", { "aria-label": t("frame.pages") }, h("ul", {}, items));
  return {
    nav,
    mark: (current) => {
      for (const [name, anchor] of entries) {
        if (name === current) {
          anchor.setAttribute("aria-current", "page");
          anchor.scrollIntoView({ block: "nearest", inline: "center" });
        } else {
          anchor.removeAttribute("aria-current");
        }
      }
    },
  };
}

/**
 * The choice of the language and of dark or light.
 *
 * @param {() => void} draw
 * @returns {HTMLElement}
 */
export function switches(draw) {
  const options = Object.entries(languages()).map(([tag, name]) =>
    h("option", { value: tag, lang: tag }, name),
  );
  const pick = async (event) => {
    await choose(event.target.value);
    draw();
  };
  const select = h(
    "select",
    { "aria-label": t("frame.language"), value: language(), on: { change: pick } },
    options,
  );
  const label = () => t(theme() === "dark" ? "frame.light" : "frame.dark");
  const button = h("button", { type: "button", class: "plain" });
  const paint = () => {
    button.replaceChildren(icon(theme() === "dark" ? "sun" : "moon"));
    button.setAttribute("aria-label", label());
    button.title = label();
  };
  button.addEventListener("click", () => {
    toggle();
    paint();
  });
  paint();
  return h("div", { class: "switches" }, select, button);
}

function me(draw) {
  const { name, role } = who();
  const leave = async () => {
    try {
      await signOut();
      draw();
    } catch (problem) {
      document.querySelector("main").prepend(problemNotice(problem));
      say(problem.message);
    }
  };
  return h(
    "div",
    { class: "who" },
    h(
      "a",
      { href: link("password"), title: t("password.title") },
      h("strong", {}, name),
      h("small", {}, named("role", role)),
    ),
    h(
      "button",
      {
        type: "button",
        class: "plain",
        "aria-label": t("frame.out"),
        title: t("frame.out"),
        on: { click: leave },
      },
      icon("out"),
    ),
  );
}

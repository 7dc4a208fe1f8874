// Users: who may sign in, and what they may do.

import { call, get, post } from "../api.js";
import { h } from "../dom.js";
import { ask, choice, field, said, tick } from "../part/form.js";
import { say } from "../part/notice.js";
import { badge, table } from "../part/table.js";
import { go, head } from "../router.js";
import { day, languages, named, number, t } from "../words.js";

const ROLES = ["office", "monitor", "admin", "checkout", "gate"];

export const title = () => t("users.title");

/** @param {{signal: AbortSignal}} view */
export async function show(view) {
  const all = await get("/v1/users", {}, view.signal);
  const add = h(
    "button",
    { type: "button", class: "primary", on: { click: openNew } },
    t("users.new"),
  );
  const columns = [
    { title: t("users.name"), by: (one) => one.name, cell: (one) => one.name },
    { title: t("users.role"), by: (one) => one.role, cell: (one) => named("role", one.role) },
    {
      title: t("users.properties"),
      cell: (one) =>
        one.properties.length > 0 ? one.properties.join(", ") : t("users.everywhere"),
    },
    { title: t("frame.language"), cell: (one) => languages()[one.language] ?? one.language ?? "–" },
    { title: t("users.sessions"), class: "number", cell: (one) => number(one.sessions) },
    {
      title: t("users.created"),
      by: (one) => Date.parse(one.created_at),
      cell: (one) => day(one.created_at),
    },
    {
      title: t("users.state"),
      cell: (one) =>
        one.disabled ? badge("bad", t("users.disabled")) : badge("good", t("users.enabled")),
    },
    { title: "", cell: buttons },
  ];
  return [
    head(title(), add),
    table({ caption: title(), columns, rows: all, sort: { at: 0, down: false } }),
  ];
}

function controls(user) {
  const name = h("input", { autocomplete: "off", spellcheck: "false", autocapitalize: "none" });
  const role = choice(
    ROLES.map((one) => [one, named("role", one)]),
    user?.role ?? "office",
  );
  const password = h("input", { type: "password", autocomplete: "new-password" });
  const properties = h("textarea", {
    rows: 2,
    value: (user?.properties ?? []).join("\n"),
    spellcheck: "false",
  });
  const tags = [["", t("users.browser")], ...Object.entries(languages())];
  const language = choice(tags, user?.language ?? "");
  const disabled = h("input", { checked: user?.disabled });
  const list = () =>
    properties.value
      .split("\n")
      .map((one) => one.trim())
      .filter(Boolean);
  return { name, role, password, properties, language, disabled, list };
}

function openNew() {
  const all = controls(null);
  ask({
    title: t("users.new"),
    content: h(
      "div",
      { class: "fields" },
      field(t("users.name"), all.name, {
        path: "name",
        required: true,
        hint: t("users.name.hint"),
      }),
      field(t("users.role"), all.role, { path: "role" }),
      field(t("users.password"), all.password, {
        path: "password",
        required: true,
        hint: t("password.rules"),
      }),
      field(t("frame.language"), all.language, { path: "language" }),
      field(t("users.properties"), all.properties, {
        path: "properties",
        hint: t("users.properties.hint"),
        wide: true,
      }),
    ),
    button: t("users.new"),
    send: async () => {
      await post("/v1/users", {
        name: said(all.name),
        role: all.role.value,
        password: all.password.value,
        properties: all.list(),
        language: said(all.language),
      });
      say(t("users.saved"));
      go("users");
    },
  });
}

function buttons(user) {
  const path = `/v1/users/${encodeURIComponent(user.name)}`;
  const edit = () => {
    const all = controls(user);
    ask({
      title: t("users.change", { name: user.name }),
      content: h(
        "div",
        { class: "fields" },
        field(t("users.role"), all.role, { path: "role" }),
        field(t("frame.language"), all.language, { path: "language" }),
        field(t("users.new_password"), all.password, {
          path: "password",
          hint: t("users.new_password.hint"),
        }),
        field(t("users.properties"), all.properties, {
          path: "properties",
          hint: t("users.properties.hint"),
          wide: true,
        }),
        tick(t("users.disabled"), all.disabled, { hint: t("users.disabled.hint") }),
      ),
      button: t("edit.save"),
      send: async () => {
        const body = {
          role: all.role.value,
          properties: all.list(),
          language: all.language.value,
          disabled: all.disabled.checked,
        };
        if (all.password.value) body.password = all.password.value;
        await call("PUT", path, { body });
        say(t("users.saved"));
        go("users");
      },
    });
  };
  const remove = () =>
    ask({
      title: t("users.remove", { name: user.name }),
      content: h("p", {}, t("users.remove.hint")),
      button: t("form.remove"),
      danger: true,
      send: async () => {
        await call("DELETE", path);
        say(t("users.removed"));
        go("users");
      },
    });
  const button = (text, act) =>
    h("button", { type: "button", class: "second small", on: { click: act } }, text);
  return h(
    "div",
    { class: "buttons tight" },
    button(t("users.edit"), edit),
    button(t("form.remove"), remove),
  );
}

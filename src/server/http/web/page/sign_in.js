// Signing in.

import { Problem } from "../api.js";
import { h } from "../dom.js";
import { mark } from "../icons.js";
import { switches } from "../frame.js";
import { field, form, said } from "../part/form.js";
import { signIn } from "../session.js";
import { t } from "../words.js";

const wrong = () => new Problem({ title: t("sign_in.wrong"), hint: t("sign_in.wrong.hint") });

/**
 * @param {() => void} draw draws the pages once somebody is signed in
 * @returns {HTMLElement}
 */
export function signInPage(draw) {
  const name = h("input", {
    autocomplete: "username",
    autocapitalize: "none",
    spellcheck: "false",
  });
  const password = h("input", { type: "password", autocomplete: "current-password" });
  const tenant = h("input", {
    autocomplete: "organization",
    autocapitalize: "none",
    spellcheck: "false",
  });
  const send = async () => {
    try {
      await signIn({ name: said(name), password: password.value, tenant: said(tenant) });
    } catch (problem) {
      password.value = "";
      password.focus();
      throw problem.status === 401 ? wrong() : problem;
    }
    draw();
  };
  const element = form({
    label: t("sign_in.title"),
    content: [
      field(t("sign_in.name"), name, { path: "name", required: true }),
      field(t("sign_in.password"), password, { path: "password", required: true }),
      h(
        "details",
        { class: "group" },
        h("summary", {}, t("sign_in.tenant")),
        field(t("sign_in.tenant"), tenant, { path: "tenant", hint: t("sign_in.tenant.hint") }),
      ),
    ],
    button: t("sign_in.do"),
    send,
  });
  return h(
    "main",
    { class: "alone" },
    h(
      "div",
      { class: "sign-in" },
      h("h1", {}, mark(), "jeton"),
      h("p", { class: "lead" }, t("sign_in.lead")),
      element,
    ),
    switches(draw),
  );
}

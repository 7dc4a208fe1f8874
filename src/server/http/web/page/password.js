// Changing one's own password.

import { Problem } from "../api.js";
import { fill, h } from "../dom.js";
import { field, form } from "../part/form.js";
import { doneNotice } from "../part/notice.js";
import { head } from "../router.js";
import { changePassword } from "../session.js";
import { t } from "../words.js";

export const title = () => t("password.title");

/** @returns {Promise<Node[]>} */
export async function show() {
  const input = (autocomplete) => h("input", { type: "password", autocomplete });
  const old = input("current-password");
  const fresh = input("new-password");
  const again = input("new-password");
  const result = h("div");
  const element = form({
    content: [
      field(t("password.old"), old, { path: "old", required: true }),
      field(t("password.new"), fresh, { path: "new", required: true, hint: t("password.rules") }),
      field(t("password.again"), again, { path: "again", required: true }),
    ],
    button: t("password.do"),
    send: async () => {
      fill(result);
      if (fresh.value !== again.value) throw mistake("again", "password.differ");
      try {
        await changePassword(old.value, fresh.value);
      } catch (problem) {
        throw problem.status === 401 ? mistake("old", "password.wrong") : problem;
      }
      for (const one of [old, fresh, again]) one.value = "";
      fill(result, doneNotice(t("password.done")));
    },
  });
  element.classList.add("panel", "narrow");
  return [head(title()), element, result];
}

const mistake = (path, key) =>
  new Problem({ title: t(key), errors: [{ path, message: t(key) }] });

// Changing one's own password.

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
      if (fresh.value !== again.value) throw differing();
      await changePassword(old.value, fresh.value);
      for (const one of [old, fresh, again]) one.value = "";
      fill(result, doneNotice(t("password.done")));
    },
  });
  element.classList.add("panel", "narrow");
  return [head(title()), element, result];
}

function differing() {
  const error = new Error(t("password.differ"));
  error.title = t("password.differ");
  error.errors = [{ path: "again", message: t("password.differ") }];
  return error;
}

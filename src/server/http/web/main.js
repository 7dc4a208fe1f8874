// Begins: colours, words, and then either the sign-in or the pages.

import { onEnded } from "./api.js";
import { h } from "./dom.js";
import { problemNotice } from "./part/notice.js";
import { leave, show } from "./router.js";
import { frame } from "./frame.js";
import { forget, resume, who } from "./session.js";
import { signInPage } from "./page/sign_in.js";
import { apply } from "./theme.js";
import { begin, t } from "./words.js";

/** Draws everything anew: somebody came or went, or another language is spoken. */
function draw() {
  leave();
  if (who() === null) {
    document.body.replaceChildren(signInPage(draw));
    document.title = `${t("sign_in.title")} · jeton`;
    document.querySelector("input")?.focus();
    return;
  }
  document.body.replaceChildren(...frame(draw));
  show();
}

onEnded(() => {
  forget();
  draw();
});
addEventListener("hashchange", () => {
  if (who() !== null) show();
});
apply();
await begin();
try {
  await resume();
  draw();
} catch (problem) {
  document.body.replaceChildren(h("main", { class: "alone" }, problemNotice(problem)));
}

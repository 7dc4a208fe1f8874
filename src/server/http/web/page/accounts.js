// Accounts: what a customer has, what became of it, putting in and moving.

import { freshKey, get, post } from "../api.js";
import { fill, h } from "../dom.js";
import { panel, tile } from "../part/chart.js";
import { choice, field, form, said } from "../part/form.js";
import { doneNotice, emptyNotice, refusalNotice } from "../part/notice.js";
import { badge, table } from "../part/table.js";
import { head } from "../router.js";
import { may } from "../session.js";
import { moment, money, named, nameOf, t } from "../words.js";

const EVENTS = 100;

export const title = () => t("accounts.title");

/** @param {{signal: AbortSignal}} view */
export async function show(view) {
  const kinds = may("read_catalog") ? await get("/v1/accounts", {}, view.signal) : [];
  const result = h("div");
  const account = kinds.length > 0 ? kindChoice(kinds) : h("input", { autocomplete: "off" });
  const customer = h("input", { autocomplete: "off", spellcheck: "false" });
  const look = () => showAccount(account.value, customer.value.trim(), result, view.signal);
  const search = form({
    content: h(
      "div",
      { class: "fields" },
      field(t("accounts.account"), account, { required: true }),
      field(t("accounts.customer"), customer, {
        required: true,
        path: "customer",
        hint: t("accounts.customer.hint"),
      }),
    ),
    button: t("accounts.find"),
    send: look,
  });
  search.classList.add("panel");
  const isNone = may("read_catalog") && kinds.length === 0;
  const moving = may("issue") ? movements(kinds) : null;
  return [head(title()), isNone ? emptyNotice(t("accounts.none")) : search, result, moving];
}

const kindChoice = (kinds) => choice(kinds.map((one) => [one.id, nameOf(one)]));

async function showAccount(account, customer, result, signal) {
  const path = `/v1/accounts/${encodeURIComponent(account)}/lookup`;
  const found = await post(path, { customer, limit: EVENTS }, { signal });
  if (!found.ok) {
    fill(result, refusalNotice(found));
    return;
  }
  const written = (amount) => money(amount, found.currency ?? null);
  const names = ["balance", "pending", "held", "debt", "earned", "spent", "lapsed"];
  const tiles = names.map((name) => {
    const one = tile(t(`account.${name}`), { tone: name === "balance" ? "redeemed" : "" });
    one.set(written(found[name]));
    return one.node;
  });
  fill(
    result,
    h("div", { class: "tiles" }, tiles),
    panel(t("account.lots"), lots(found.lots, written)),
    found.events ? panel(t("account.events"), events(found.events, written)) : null,
  );
}

function lots(rows, written) {
  const columns = [
    { title: t("account.amount"), class: "number", cell: (one) => written(one.amount) },
    {
      title: t("account.expires"),
      cell: (one) => (one.expires ? moment(one.expires) : t("account.never")),
    },
    {
      title: t("account.spendable"),
      cell: (one) => (one.spendable_from ? moment(one.spendable_from) : t("account.now")),
    },
  ];
  return table({ caption: t("account.lots"), columns, rows, empty: t("account.no_lots") });
}

function events(rows, written) {
  const signed = (one) => {
    const parts = [
      one.earned ? `+ ${written(one.earned)}` : null,
      one.spent ? `− ${written(one.spent)}` : null,
    ];
    return parts.filter(Boolean).join("  ") || "–";
  };
  // What is put in is no redemption to who reads it.
  const what = (one) =>
    one.kind === "redeemed" && one.earned && !one.spent
      ? t("account.put_in")
      : named("event", one.kind);
  const where = ({ receipt = {} }) =>
    [receipt.property, receipt.gate, receipt.channel, receipt.order_ref]
      .filter(Boolean)
      .join(" · ") || "–";
  const columns = [
    { title: t("event.when"), cell: (one) => moment(one.at) },
    { title: t("event.what"), cell: (one) => badge(one.kind, what(one)) },
    { title: t("event.where"), cell: where },
    { title: t("account.movement"), class: "number", cell: signed },
    {
      title: t("account.balance"),
      class: "number",
      cell: (one) => (one.balance === undefined ? "–" : written(one.balance)),
    },
  ];
  return table({ caption: t("account.events"), columns, rows, empty: t("account.no_events") });
}

/** A code, or an account and whose it is. */
function purse(kinds, path, legend) {
  const what = choice(
    [
      ["account", t("accounts.account")],
      ["code", t("code.code")],
    ],
    kinds.length ? "account" : "code",
  );
  const account = kinds.length > 0 ? kindChoice(kinds) : h("input", { autocomplete: "off" });
  const customer = h("input", { autocomplete: "off", spellcheck: "false" });
  const code = h("input", { autocomplete: "off", class: "code", spellcheck: "false" });
  const parts = {
    account: [
      field(t("accounts.account"), account, { path: `${path}.account` }),
      field(t("accounts.customer"), customer, { path: `${path}.customer` }),
    ],
    code: [field(t("code.code"), code, { path: `${path}.code` })],
  };
  const hold = h("div", { class: "fields" });
  const draw = () => fill(hold, parts[what.value]);
  what.addEventListener("change", draw);
  draw();
  const node = h(
    "fieldset",
    { data: { path } },
    h("legend", {}, legend),
    h("div", { class: "fields" }, field(t("accounts.what"), what)),
    hold,
  );
  const read = () =>
    what.value === "code"
      ? { code: said(code) }
      : { account: said(account), customer: said(customer) };
  return { node, read };
}

function movements(kinds) {
  const mover = (path, names) => {
    const result = h("div", { "aria-live": "polite" });
    const purses = names.map((name) => [name, purse(kinds, name, t(`accounts.${name}`))]);
    const amount = h("input", { inputmode: "decimal", autocomplete: "off", placeholder: "20.00" });
    const order = h("input", { autocomplete: "off" });
    let key = freshKey();
    const send = async () => {
      fill(result);
      const places = Object.fromEntries(purses.map(([name, one]) => [name, one.read()]));
      const body = { ...places, amount: said(amount), order: { order_ref: said(order) } };
      const answer = await post(path, body, { key });
      key = freshKey();
      fill(result, answer.ok ? doneNotice(t("accounts.moved")) : refusalNotice(answer));
    };
    const content = [
      purses.map(([, one]) => one.node),
      h(
        "div",
        { class: "fields" },
        field(t("account.amount"), amount, { path: "amount", required: true }),
        field(t("event.order"), order, { path: "order.order_ref" }),
      ),
    ];
    return [
      form({
        content,
        button: t(names.length > 1 ? "accounts.transfer" : "accounts.top_up"),
        plain: true,
        send,
      }),
      result,
    ];
  };
  return h(
    "div",
    { class: "columns wide" },
    panel(t("accounts.top_up"), mover("/v1/topups", ["to"])),
    panel(t("accounts.transfer"), mover("/v1/transfers", ["from", "to"])),
  );
}

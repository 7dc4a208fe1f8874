// Codes: one code or medium, where it stands, what happened to it, and what can be done with it.
// A code is a secret: it is sent in bodies only, and is forgotten with the page.

import { freshKey, post, Problem } from "../api.js";
import { fill, h } from "../dom.js";
import { allCampaigns, campaignChoice } from "../part/campaigns.js";
import { panel } from "../part/chart.js";
import { ask, field, form, said } from "../part/form.js";
import { doneNotice, refusalNotice, say } from "../part/notice.js";
import { badge, facts, moreButton, table } from "../part/table.js";
import { go, head, link } from "../router.js";
import { may } from "../session.js";
import { decimal, inMinor, minor, moment, money, named, number, t } from "../words.js";

const PAGE = 50;

export const title = () => t("codes.title");

/** @param {{handed: object|null, signal: AbortSignal}} view */
export async function show(view) {
  const input = h("input", {
    type: "text",
    autocomplete: "off",
    autocapitalize: "characters",
    spellcheck: "false",
    class: "big code",
    value: view.handed?.code ?? "",
  });
  const result = h("div");
  const look = async () => {
    fill(result);
    await showCode(input.value.trim(), result, view.signal);
  };
  const search = form({
    content: field(t("codes.search"), input, {
      hint: t("codes.search.hint"),
      path: "code",
      required: true,
    }),
    button: t("codes.find"),
    send: look,
  });
  search.classList.add("panel", "search");
  if (view.handed?.code) await showCode(view.handed.code, result, view.signal);
  const make = (page, text) =>
    h("a", { class: "button second", href: link(...page.split("/")) }, text);
  const buttons = may("write_catalog")
    ? [
        make("codes/generate", t("generate.title")),
        make("codes/import", t("import.title")),
        addButton(view.signal),
      ]
    : [];
  return [head(title(), buttons), search, result];
}

function addButton(signal) {
  const openAdd = async () => {
    const campaign = campaignChoice(await allCampaigns(signal));
    const code = h("input", { autocomplete: "off", class: "code", spellcheck: "false" });
    ask({
      title: t("codes.add"),
      content: h(
        "div",
        { class: "fields" },
        field(t("campaigns.campaign"), campaign, { path: "campaign", required: true }),
        field(t("code.code"), code, { path: "code", required: true, hint: t("codes.add.hint") }),
      ),
      button: t("codes.add"),
      send: async () => {
        const body = { campaign: said(campaign), code: said(code) };
        await post("/v1/codes", body, { key: freshKey() });
        say(t("codes.added"));
        go("codes", { code: body.code });
      },
    });
  };
  const open = () => openAdd().catch((problem) => say(problem.message));
  return h("button", { type: "button", class: "second", on: { click: open } }, t("codes.add"));
}

async function showCode(code, result, signal) {
  const found = await post("/v1/codes/lookup", { code }, { signal });
  if (!found.ok) {
    fill(result, refusalNotice(found));
    return;
  }
  const news = h("div", { "aria-live": "polite" });
  const again = async (note) => {
    await showCode(code, result, signal);
    if (note) result.prepend(note);
  };
  const history = may("events") ? await historyPart(code, again, signal) : [];
  fill(result, news, statePart(found), actionsPart(code, found, again), history);
}

function statePart(found) {
  const left =
    found.max === undefined ? null : number(Math.max(0, found.max - found.used - found.held));
  const edge = (at) => (at ? moment(at) : "…");
  const span =
    found.valid_from || found.valid_until
      ? `${edge(found.valid_from)} – ${edge(found.valid_until)}`
      : null;
  return panel(
    [t("code.state"), " ", badge(found.state, named("state", found.state))],
    facts([
      [
        t("campaigns.campaign"),
        may("read_catalog")
          ? h("a", { href: link("campaigns", found.campaign) }, found.campaign)
          : found.campaign,
      ],
      [t("field.kind"), named("value", found.kind)],
      [
        t("code.campaign_status"),
        badge(found.campaign_status, named("value", found.campaign_status)),
      ],
      [
        t("code.used"),
        found.max === undefined
          ? number(found.used)
          : t("code.used_of", { used: number(found.used), max: number(found.max) }),
      ],
      [t("code.held"), found.held ? number(found.held) : null],
      [t("code.left"), left],
      [
        t("code.balance"),
        found.balance === undefined ? null : money(found.balance, found.currency),
      ],
      [t("code.holder"), found.holder],
      [t("code.photo"), found.photo],
      [t("code.valid"), span],
      [t("code.issued"), moment(found.issued_at)],
      [t("code.paid"), found.paid_at ? moment(found.paid_at) : null],
      [t("code.last_used"), found.last_used_at ? moment(found.last_used_at) : null],
      [t("campaigns.version"), number(found.version)],
      [
        t("batch.number"),
        t("code.batch", { batch: found.batch, position: number(found.position + 1) }),
      ],
    ]),
  );
}

function actionsPart(code, found, again) {
  if (!may("write_catalog")) return null;
  const run = async (path, body, note) => {
    const answer = await post(`/v1/codes/${path}`, { code, ...body });
    if (!answer.ok) throw refused(answer);
    await again(note ? note(answer) : doneNotice(t("code.done")));
    return answer;
  };
  const button = (name, { content, send, danger }) => {
    const open = () =>
      ask({
        title: t(`code.${name}`),
        content: [h("p", {}, t(`code.${name}.hint`)), content?.() ?? null],
        button: t(`code.${name}`),
        danger,
        send,
      });
    return h(
      "button",
      { type: "button", class: danger ? "danger" : "second", on: { click: open } },
      t(`code.${name}`),
    );
  };
  const text = (label, path) => {
    const state = { input: null };
    const content = () => {
      state.input = h("input", { autocomplete: "off", spellcheck: "false" });
      return field(label, state.input, { path });
    };
    return { content, value: () => said(state.input) };
  };
  const holder = text(t("code.holder"), "holder");
  const medium = text(t("code.medium"), "medium");
  const photo = text(t("code.photo"), "photo");
  const fresh = text(t("code.new"), "new");
  const isGone = found.state === "replaced";
  const replaced = (answer) =>
    doneNotice(
      t("code.replaced"),
      " ",
      h(
        "button",
        {
          type: "button",
          class: "linkish",
          on: { click: () => go("codes", { code: answer.code }) },
        },
        h("code", {}, answer.code),
      ),
    );
  const actions = [
    found.paid_at ? null : button("activate", { send: () => run("paid", {}) }),
    found.state === "revoked"
      ? button("reinstate", { send: () => run("reinstate", {}) })
      : button("revoke", { danger: true, send: () => run("revoke", {}) }),
    button("replace", {
      content: fresh.content,
      send: () => run("replace", { new: fresh.value() }, replaced),
    }),
    button("bind", {
      content: holder.content,
      send: () => run("holder", { holder: holder.value() }),
    }),
    button("link", {
      content: medium.content,
      send: () => run("media", { medium: medium.value() ?? "" }),
    }),
    button("picture", {
      content: photo.content,
      send: () => run("photo", { photo: photo.value() }),
    }),
  ];
  return isGone ? null : h("div", { class: "buttons spread" }, actions);
}

/** A refusal as a problem, for where a yes was expected. */
const refused = ({ text, reason, number: id }) =>
  new Problem({ title: text, hint: `${reason} · ${id}` });

async function historyPart(code, again, signal) {
  const hold = h("div");
  const state = { events: [], refused: [], before: undefined };
  const load = async () => {
    const page = await post(
      "/v1/codes/history",
      { code, limit: PAGE, before: state.before },
      { signal },
    );
    if (!page.ok) return;
    state.events.push(...page.events);
    if (page.refused) state.refused = page.refused;
    state.before = page.before;
    draw();
  };
  const draw = () =>
    fill(
      hold,
      panel(
        t("code.history"),
        events(state.events, again),
        state.before === undefined ? null : moreButton(load, hold),
      ),
      panel(
        t("code.refused"),
        attempts(state.refused),
        h("p", { class: "hint" }, t("code.refused.hint")),
      ),
    );
  await load();
  return hold;
}

const place = (one) =>
  [one.property, one.gate, one.channel, one.partner].filter(Boolean).join(" · ") || "–";

function events(rows, again) {
  // Only the newest event of a posting offers to give it back: its receipt is as it stands now.
  const newest = new Map();
  for (const one of rows) if (!newest.has(one.posting)) newest.set(one.posting, one);
  const columns = [
    { title: t("event.when"), cell: (one) => moment(one.at) },
    { title: t("event.what"), cell: (one) => badge(one.kind, named("event", one.kind)) },
    { title: t("event.where"), cell: (one) => place(one.receipt ?? {}) },
    { title: t("event.who"), cell: (one) => one.receipt?.customer ?? "–" },
    { title: t("event.order"), cell: (one) => one.receipt?.order_ref ?? "–" },
    { title: t("event.worth"), class: "number", cell: worth },
    {
      title: "",
      cell: (one) => (newest.get(one.posting) === one ? releaseButton(one, again) : null),
    },
  ];
  return table({ caption: t("code.history"), columns, rows, empty: t("code.unused") });
}

/** The currency of what was drawn from a balance: then parts of it are minor units. */
const drawn = ({ currency, uses }) =>
  uses.length > 0 && uses.every((used) => used.worth === undefined) ? currency : undefined;

function worth({ kind, receipt }) {
  if (!receipt) return "–";
  const { currency, size, uses } = receipt;
  // How much of a balance later events moved, they do not tell.
  if (drawn(receipt)) return ["held", "redeemed"].includes(kind) ? minor(size, currency) : "–";
  const worths = uses
    .filter((used) => used.worth !== undefined && Number(used.worth) !== 0)
    .map((used) => money(used.worth, currency));
  const units = uses.reduce((sum, used) => sum + used.units, 0);
  return worths.length > 0 ? worths.join(" + ") : t("event.units", { count: number(units) });
}

function releaseButton(event, again) {
  const { receipt } = event;
  const isLive = receipt && receipt.live > 0 && ["held", "redeemed"].includes(receipt.state);
  if (!isLive || !may("hold")) return null;
  const currency = drawn(receipt);
  const { live } = receipt;
  const part = h("input", {
    inputmode: currency ? "decimal" : "numeric",
    autocomplete: "off",
    value: currency ? decimal(live, currency) : String(live),
  });
  const key = freshKey();
  const send = async () => {
    const text = said(part);
    const size = text && currency ? inMinor(text, currency) : Number(text ?? live);
    if (size === null) throw notAnAmount();
    const body = size === live ? {} : { part: size };
    const answer = await post(`/v1/postings/${event.posting}/release`, body, { key });
    if (!answer.ok) throw refused(answer);
    await again(doneNotice(t("code.released")));
  };
  const all = currency ? minor(live, currency) : number(live);
  const content = [
    h("p", {}, t("code.release.hint")),
    receipt.size > 1 ? field(t("code.release.part", { live: all }), part, { path: "part" }) : null,
  ];
  const open = () =>
    ask({ title: t("code.release"), content, button: t("code.release"), danger: true, send });
  return h(
    "button",
    { type: "button", class: "second small", on: { click: open } },
    t("code.release"),
  );
}

const notAnAmount = () =>
  new Problem({
    title: t("problem.invalid"),
    errors: [{ path: "part", message: t("form.amount") }],
  });

function attempts(rows) {
  const columns = [
    { title: t("event.when"), cell: (one) => moment(one.at) },
    { title: t("event.verb"), cell: (one) => named("verb", one.verb) },
    { title: t("event.why"), cell: (one) => named("reason", one.reason) },
    { title: t("event.where"), cell: place },
  ];
  return table({ caption: t("code.refused"), columns, rows, empty: t("code.none_refused") });
}

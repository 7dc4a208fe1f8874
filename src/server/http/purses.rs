//! Value apart from orders: topping up, moving it, and how a customer's account stands.

use std::sync::Arc;

use axum::Json;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::body::{Body, Path};
use super::caller::By;
use super::event_view::EventView;
use super::from_json::{check_customer, deadline, purse_amount, request_id};
use super::problem::{Problem, ProblemView};
use super::verbs::{self, key};
use super::views::{AnswerView, value};
use super::{Hall, Of};
use crate::auth::role::Action;
use crate::domain::id::REFERENCE_BYTES_MAX;
use crate::domain::money::Currency;
use crate::domain::order::Order;
use crate::domain::time::Timestamp;
use crate::engine::{AccountEvent, AccountPage, Engine, Movement, PurseName, Verb};

/// Most events in one answer.
const HISTORY_MAX: usize = 1_000;

/// Where value is kept: either a code with a balance, or a customer's account.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PurseBody {
    /// The code.
    code: Option<String>,
    /// The account's id.
    account: Option<String>,
    /// The customer whose account it is.
    customer: Option<String>,
}

/// Value that comes in.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct TopUpBody {
    /// Where it comes to.
    to: PurseBody,
    /// How much: money in the purse's currency, or whole points.
    #[schema(example = "50.00")]
    amount: String,
    /// What history shall say of it.
    #[serde(default)]
    order: CircumstancesBody,
    /// The language of a refusal's text.
    language: Option<String>,
}

/// Value that is moved.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct TransferBody {
    /// Where it comes from.
    from: PurseBody,
    /// Where it goes.
    to: PurseBody,
    /// How much: money in the purses' currency, or whole points.
    #[schema(example = "20.00")]
    amount: String,
    /// What history shall say of it.
    #[serde(default)]
    order: CircumstancesBody,
    /// The language of a refusal's text.
    language: Option<String>,
}

/// The circumstances of a movement.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CircumstancesBody {
    /// The caller's own number for it.
    order_ref: Option<String>,
    /// The gate or till.
    gate: Option<String>,
    /// The park, hotel or house.
    property: Option<String>,
    /// How it came in.
    channel: Option<String>,
}

/// Whose account.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct AccountBody {
    /// The customer.
    customer: String,
    /// Of its history, only what happened before this event's number.
    before: Option<u64>,
    /// At most so many events, 0 to 1,000. Default 20.
    limit: Option<usize>,
}

/// How a customer's account stands: whole points, or money.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct AccountPageView {
    /// Always true.
    ok: bool,
    /// The account.
    account: String,
    /// The currency; absent: it keeps points.
    #[serde(skip_serializing_if = "Option::is_none")]
    currency: Option<String>,
    /// What can be spent now.
    balance: String,
    /// What can be spent later only.
    pending: String,
    /// What open holds keep.
    held: String,
    /// What is owed to it.
    debt: String,
    /// All that was ever put in and not taken back.
    earned: String,
    /// All that was spent and not given back.
    spent: String,
    /// All that lapsed unspent.
    lapsed: String,
    /// What is in it, by when it lapses.
    lots: Vec<LotView>,
    /// What happened to it, newest first; for those who may read history.
    #[serde(skip_serializing_if = "Option::is_none")]
    events: Option<Vec<AccountEventView>>,
}

/// Something that happened to an account.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct AccountEventView {
    /// What happened.
    #[serde(flatten)]
    event: EventView,
    /// What the request took out, before anything of that was given back.
    #[serde(skip_serializing_if = "Option::is_none")]
    spent: Option<String>,
    /// What the request put in, before anything of that was taken back.
    #[serde(skip_serializing_if = "Option::is_none")]
    earned: Option<String>,
    /// What was left after it.
    #[serde(skip_serializing_if = "Option::is_none")]
    balance: Option<String>,
}

/// Value that lapses together.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct LotView {
    /// How much.
    amount: String,
    /// The first moment at which it can no longer be spent; absent: never.
    #[serde(skip_serializing_if = "Option::is_none")]
    expires: Option<String>,
    /// The first moment at which it can be spent; absent: it can.
    #[serde(skip_serializing_if = "Option::is_none")]
    spendable_from: Option<String>,
}

impl PurseBody {
    fn name(&self, path: &str) -> Result<PurseName<'_>, Problem> {
        match (&self.code, &self.account, &self.customer) {
            (Some(code), None, None) => Ok(PurseName::Code(code)),
            (None, Some(account), Some(customer)) => {
                check_customer(&format!("{path}.customer"), customer)?;
                Ok(PurseName::Account { account, customer })
            }
            _ => Err(Problem::field(path, "needs either code, or account and customer")),
        }
    }
}

impl CircumstancesBody {
    fn order<'a>(&'a self, by: &'a By) -> Order<'a> {
        let identity = &by.caller.identity;
        let gate = identity.gate.as_ref().map(|gate| gate.as_str());
        let property = identity.property();
        Order {
            order_ref: self.order_ref.as_deref(),
            gate: self.gate.as_deref().or(gate),
            property: self.property.as_deref().or(property),
            channel: self.channel.as_deref(),
            ..Order::default()
        }
    }

    fn check(&self) -> Result<(), Problem> {
        let texts = [
            ("order.order_ref", &self.order_ref),
            ("order.gate", &self.gate),
            ("order.property", &self.property),
            ("order.channel", &self.channel),
        ];
        let long = texts
            .into_iter()
            .find(|(_, text)| text.as_ref().is_some_and(|t| t.len() > REFERENCE_BYTES_MAX));
        match long {
            Some((path, _)) => Err(Problem::field(path, "is too long")),
            None => Ok(()),
        }
    }
}

/// Put value into a code's balance or a customer's account. Released by its id, it is taken out
/// again.
#[utoipa::path(
    post, path = "/v1/topups", tag = "value", request_body = TopUpBody,
    params(("Idempotency-Key" = String, Header, description = "The id of the top-up")),
    responses((status = 200, body = AnswerView), (status = "4XX", body = ProblemView))
)]
pub(super) async fn top_up(
    Of(hall): Of<Arc<Hall>>,
    by: By,
    headers: HeaderMap,
    Body(body): Body<TopUpBody>,
) -> Result<Response, Problem> {
    let TopUpBody { to, amount, order, language } = &body;
    let wish = Wish { verb: Verb::TopUp, from: None, to, amount, order, language };
    moved(&hall, &by, &headers, wish).await
}

/// Move value from one code or account to another of the same currency, all of it or nothing: what
/// an account has no room for is refused, whatever it does with what is earned. Released by its id,
/// it goes back; what was spent of it meanwhile is owed by whoever got it.
#[utoipa::path(
    post, path = "/v1/transfers", tag = "value", request_body = TransferBody,
    params(("Idempotency-Key" = String, Header, description = "The id of the transfer")),
    responses((status = 200, body = AnswerView), (status = "4XX", body = ProblemView))
)]
pub(super) async fn transfer(
    Of(hall): Of<Arc<Hall>>,
    by: By,
    headers: HeaderMap,
    Body(body): Body<TransferBody>,
) -> Result<Response, Problem> {
    let TransferBody { from, to, amount, order, language } = &body;
    let wish = Wish { verb: Verb::Transfer, from: Some(from), to, amount, order, language };
    moved(&hall, &by, &headers, wish).await
}

/// A movement as it was asked for.
struct Wish<'a> {
    verb: Verb,
    from: Option<&'a PurseBody>,
    to: &'a PurseBody,
    amount: &'a str,
    order: &'a CircumstancesBody,
    language: &'a Option<String>,
}

async fn moved(
    hall: &Hall,
    by: &By,
    headers: &HeaderMap,
    wish: Wish<'_>,
) -> Result<Response, Problem> {
    by.require(Action::Issue)?;
    let id = request_id(key(headers)?);
    wish.order.check()?;
    by.require_place(wish.order.property.as_deref(), wish.order.gate.as_deref())?;
    let engine = &hall.shared.engine;
    let (tenant, now) = (&by.caller.identity.tenant, engine.now());
    let stated = wish.language.as_deref();
    let from = wish.from.map(|from| from.name("from")).transpose()?;
    let to = wish.to.name("to")?;
    // Of two purses it must be said which one is meant.
    let find = |name, place| {
        let found = engine.purse(tenant, name);
        found.map_err(|refusal| if wish.from.is_some() { refusal.at(place) } else { refusal })
    };
    let found = from.map(|from| find(from, 0)).transpose();
    let (from, to) = match found.and_then(|from| Ok((from, find(to, 1)?))) {
        Ok(found) => found,
        Err(refusal) => return Ok(verbs::refuse(hall, by, headers, stated, refusal).await),
    };
    let amount = purse_amount("amount", wish.amount, from.as_ref().unwrap_or(&to).currency)?;
    let order = wish.order.order(by);
    let movement = Movement { tenant, id, amount, order: &order, now, deadline: deadline(now) };
    let prepare = |engine: &Engine| match &from {
        None => engine.top_up(&to, movement),
        Some(from) => engine.transfer(from, &to, movement),
    };
    let verdict = verbs::decide(hall, by, wish.verb, prepare).await;
    Ok(verbs::tell(by, headers, stated, &verdict).await)
}

/// How a customer's account stands, and what happened to it.
#[utoipa::path(
    post, path = "/v1/accounts/{id}/lookup", tag = "value", request_body = AccountBody,
    params(("id" = String, Path, description = "The account's id")),
    responses((status = 200, body = AccountPageView), (status = "4XX", body = ProblemView))
)]
pub(super) async fn lookup(
    Of(hall): Of<Arc<Hall>>,
    by: By,
    Path(id): Path<String>,
    headers: HeaderMap,
    Body(body): Body<AccountBody>,
) -> Result<Response, Problem> {
    by.require(Action::Status)?;
    check_customer("customer", &body.customer)?;
    let most = body.limit.unwrap_or(20);
    if most > HISTORY_MAX {
        return Err(Problem::field("limit", format!("is outside of 0 to {HISTORY_MAX}")));
    }
    let reads_history = by.require(Action::Events).is_ok();
    super::codes::about_code(&hall, by, &headers, move |shared, by| {
        let (engine, tenant) = (&shared.engine, &by.caller.identity.tenant);
        let page = engine.account_page(tenant, &id, &body.customer, engine.now())?;
        let before = body.before.unwrap_or(u64::MAX);
        let events = match reads_history {
            true => Some(engine.account_history(tenant, &id, &body.customer, before, most)?),
            false => None,
        };
        let events = events.map(|mut events| {
            events.retain(|event| by.sees_entry(&event.entry));
            events
        });
        Ok(Json(AccountPageView::of(&page, events.as_deref())).into_response())
    })
    .await
}

impl AccountPageView {
    fn of(page: &AccountPage, events: Option<&[AccountEvent]>) -> Self {
        let currency = page.account.currency();
        let told = |amount: u64| value(amount, currency);
        Self {
            ok: true,
            account: page.account.id.to_string(),
            currency: currency.map(|currency| currency.to_string()),
            balance: told(page.spendable),
            pending: told(page.pending),
            held: told(page.held),
            debt: told(page.debt),
            earned: told(page.earned),
            spent: told(page.taken),
            lapsed: told(page.lapsed),
            lots: page
                .lots
                .iter()
                .map(|lot| LotView {
                    amount: told(lot.amount),
                    expires: lot.expires.map(Timestamp::to_rfc3339),
                    spendable_from: lot.spendable_from.map(Timestamp::to_rfc3339),
                })
                .collect(),
            events: events.map(|events| {
                events.iter().map(|event| AccountEventView::of(event, currency)).collect()
            }),
        }
    }
}

impl AccountEventView {
    fn of(event: &AccountEvent, currency: Option<Currency>) -> Self {
        let moved = event.movement.as_ref();
        let told = |amount: u64| value(amount, currency);
        Self {
            event: EventView::of(&event.entry),
            spent: moved.map(|moved| moved.spent).filter(|spent| *spent > 0).map(told),
            earned: moved.map(|moved| moved.earned).filter(|earned| *earned > 0).map(told),
            balance: moved.map(|moved| told(moved.balance)),
        }
    }
}

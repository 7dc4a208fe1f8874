//! Accounts, groups, slots and the policy: define, list, remove.
//!
//! All sorts are handled in one way; what differs is the address and the document.

use std::sync::Arc;

use axum::Json;
use axum::http::HeaderMap;
use axum::http::header::{ETAG, HeaderValue, IF_MATCH};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde::de::DeserializeOwned;
use utoipa::ToSchema;

use super::body::{Body, Path, expected};
use super::caller::By;
use super::campaigns::change_word;
use super::problem::{Problem, ProblemView, field};
use super::{Hall, Of};
use crate::auth::role::Action;
use crate::engine::document::{
    AccountDocument, GroupDocument, PolicyDocument, SLOTS_MAX, SlotDocument,
};
use crate::engine::{
    Change, Definition, DefinitionDocument, DefinitionName, Expect, SlotsPut, Sort, policy_name,
};

/// A definition as it is told, with its version.
struct Told<V> {
    view: V,
    version: u32,
}

impl<V: Serialize> Told<V> {
    fn into_response(self) -> Response {
        let etag = HeaderValue::from_str(&format!("\"{}\"", self.version));
        let mut response = Json(self.view).into_response();
        if let Ok(etag) = etag {
            response.headers_mut().insert(ETAG, etag);
        }
        response
    }
}

/// It was removed.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct RemovedView {
    /// Always true.
    ok: bool,
}

/// What became of many slots.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct SlotsPutView {
    /// They are new.
    created: usize,
    /// They accept another group now.
    edited: usize,
    /// They were so before.
    unchanged: usize,
}

/// A document of one sort.
trait Document: DeserializeOwned + Send + 'static {
    const SORT: Sort;

    type View: Serialize + Send + 'static;

    /// `None` when the definition is of another sort.
    fn tell(definition: Definition, change: Option<Change>) -> Option<Told<Self::View>>;

    fn give(self) -> DefinitionDocument;
}

macro_rules! document {
    ($($(#[$doc:meta])* $view:ident: $document:ident, $sort:ident;)+) => {$(
        $(#[$doc])*
        #[derive(Debug, Serialize, ToSchema)]
        pub(super) struct $view {
            /// Its id.
            id: String,
            /// Its version, which is also its `ETag`.
            version: u32,
            /// What a change changed: `created`, `edited` or `nothing`.
            #[serde(skip_serializing_if = "Option::is_none")]
            change: Option<&'static str>,
            /// Its document.
            document: $document,
        }

        impl Document for $document {
            const SORT: Sort = Sort::$sort;

            type View = $view;

            fn tell(definition: Definition, change: Option<Change>) -> Option<Told<$view>> {
                let version = definition.version;
                let id = definition.document.id().to_owned();
                let DefinitionDocument::$sort(document) = definition.document else { return None };
                let change = change.map(change_word);
                Some(Told { view: $view { id, version, change, document }, version })
            }

            fn give(self) -> DefinitionDocument {
                DefinitionDocument::$sort(self)
            }
        }
    )+};
}

document! {
    /// An account.
    AccountView: AccountDocument, Account;
    /// A group.
    GroupView: GroupDocument, Group;
    /// A slot.
    SlotView: SlotDocument, Slot;
    /// The policy.
    PolicyView: PolicyDocument, Policy;
}

/// The routes of one sort.
macro_rules! routes_of {
    ($module:ident, $document:ident, $view:ident, $all:tt, $one:tt) => {
        pub(super) mod $module {
            use super::*;

            /// All of them, in the order of their ids.
            #[utoipa::path(
                get, path = $all, tag = "definitions",
                responses(
                    (status = 200, body = Vec<$view>),
                    (status = "4XX", body = ProblemView),
                )
            )]
            pub(in super::super) async fn list(
                Of(hall): Of<Arc<Hall>>,
                by: By,
            ) -> Result<Json<Vec<$view>>, Problem> {
                list_of::<$document>(&hall, by).await
            }

            /// One.
            #[utoipa::path(
                get, path = $one, tag = "definitions",
                params(("id" = String, Path, description = "Its id")),
                responses(
                    (status = 200, body = $view),
                    (status = "4XX", body = ProblemView),
                )
            )]
            pub(in super::super) async fn show(
                Of(hall): Of<Arc<Hall>>,
                by: By,
                Path(id): Path<String>,
            ) -> Result<Response, Problem> {
                let name = DefinitionName { sort: <$document>::SORT, id };
                show_one::<$document>(&hall, by, name).await
            }

            /// Define one, or change it.
            #[utoipa::path(
                put, path = $one, tag = "definitions", request_body = $document,
                params(
                    ("id" = String, Path, description = "Its id"),
                    ("If-Match" = Option<String>, Header, description = "The version to change, as \"3\", or *"),
                    ("If-None-Match" = Option<String>, Header, description = "* for a new one"),
                ),
                responses(
                    (status = 200, body = $view),
                    (status = "4XX", body = ProblemView),
                )
            )]
            pub(in super::super) async fn put(
                Of(hall): Of<Arc<Hall>>,
                by: By,
                Path(id): Path<String>,
                headers: HeaderMap,
                Body(document): Body<$document>,
            ) -> Result<Response, Problem> {
                put_one(&hall, by, Some(id), &headers, document).await
            }

            /// Remove one that nothing names.
            #[utoipa::path(
                delete, path = $one, tag = "definitions",
                params(
                    ("id" = String, Path, description = "Its id"),
                    ("If-Match" = Option<String>, Header, description = "The version that must be there"),
                ),
                responses(
                    (status = 200, body = RemovedView),
                    (status = "4XX", body = ProblemView),
                )
            )]
            pub(in super::super) async fn remove(
                Of(hall): Of<Arc<Hall>>,
                by: By,
                Path(id): Path<String>,
                headers: HeaderMap,
            ) -> Result<Json<RemovedView>, Problem> {
                let name = DefinitionName { sort: <$document>::SORT, id };
                remove_one(&hall, by, name, &headers).await
            }
        }
    };
}

routes_of!(accounts, AccountDocument, AccountView, "/v1/accounts", "/v1/accounts/{id}");
routes_of!(groups, GroupDocument, GroupView, "/v1/groups", "/v1/groups/{id}");
routes_of!(slots, SlotDocument, SlotView, "/v1/slots", "/v1/slots/{id}");

/// Define many slots at once, whatever there was. All are checked before any is stored.
#[utoipa::path(
    put, path = "/v1/slots", tag = "definitions", request_body = Vec<SlotDocument>,
    responses((status = 200, body = SlotsPutView), (status = "4XX", body = ProblemView))
)]
pub(super) async fn put_slots(
    Of(hall): Of<Arc<Hall>>,
    by: By,
    Body(slots): Body<Vec<SlotDocument>>,
) -> Result<Json<SlotsPutView>, Problem> {
    by.require(Action::WriteCatalog)?;
    if slots.len() > SLOTS_MAX {
        return Err(Problem::field("", format!("has more than {SLOTS_MAX} slots")));
    }
    let put = hall.blocking(move |shared| {
        Ok(shared.engine.put_slots(&by.caller.identity.tenant, slots, &by.who())?)
    });
    let SlotsPut { created, edited, unchanged } = put.await?;
    Ok(Json(SlotsPutView { created, edited, unchanged }))
}

/// What holds for all orders. 404: nothing was said, so one code goes into an order.
#[utoipa::path(
    get, path = "/v1/policy", tag = "definitions",
    responses(
        (status = 200, body = PolicyView),
        (status = "4XX", body = ProblemView),
    )
)]
pub(super) async fn show_policy(Of(hall): Of<Arc<Hall>>, by: By) -> Result<Response, Problem> {
    show_one::<PolicyDocument>(&hall, by, policy_name()).await
}

/// Say what holds for all orders.
#[utoipa::path(
    put, path = "/v1/policy", tag = "definitions", request_body = PolicyDocument,
    params(
        ("If-Match" = Option<String>, Header, description = "The version to change, as \"3\", or *"),
        ("If-None-Match" = Option<String>, Header, description = "* for a new one"),
    ),
    responses(
        (status = 200, body = PolicyView),
        (status = "4XX", body = ProblemView),
    )
)]
pub(super) async fn put_policy(
    Of(hall): Of<Arc<Hall>>,
    by: By,
    headers: HeaderMap,
    Body(document): Body<PolicyDocument>,
) -> Result<Response, Problem> {
    put_one(&hall, by, None, &headers, document).await
}

async fn list_of<D: Document>(hall: &Arc<Hall>, by: By) -> Result<Json<Vec<D::View>>, Problem> {
    by.require(Action::ReadCatalog)?;
    let all = hall.blocking(move |shared| {
        Ok(shared.engine.definitions_of(&by.caller.identity.tenant, D::SORT)?)
    });
    let all = all.await?.into_iter().filter_map(|one| Some(D::tell(one, None)?.view));
    Ok(Json(all.collect()))
}

async fn show_one<D: Document>(
    hall: &Arc<Hall>,
    by: By,
    name: DefinitionName,
) -> Result<Response, Problem> {
    by.require(Action::ReadCatalog)?;
    let found = hall.blocking(move |shared| {
        let missing = unknown(&name);
        let found = shared.engine.definition(&by.caller.identity.tenant, name)?;
        found.and_then(|found| D::tell(found, None)).ok_or(missing)
    });
    Ok(found.await?.into_response())
}

async fn put_one<D: Document>(
    hall: &Arc<Hall>,
    by: By,
    id: Option<String>,
    headers: &HeaderMap,
    document: D,
) -> Result<Response, Problem> {
    by.require(Action::WriteCatalog)?;
    let document = document.give();
    if let Some(id) = id.filter(|id| id != document.id()) {
        let what = format!("is {:?}, but the address says {id:?}", document.id());
        let mut mistake = field("id", what);
        mistake.suggestion = Some(id);
        return Err(Problem::invalid(vec![mistake]));
    }
    let expect = expected(headers)?;
    let put = hall.blocking(move |shared| {
        let tenant = &by.caller.identity.tenant;
        Ok(shared.engine.put_definition(tenant, document, expect, &by.who())?)
    });
    let (definition, change) = put.await?;
    let view = D::tell(definition, Some(change));
    Ok(view.ok_or_else(|| Problem::internal(&"a document changed its sort"))?.into_response())
}

async fn remove_one(
    hall: &Arc<Hall>,
    by: By,
    name: DefinitionName,
    headers: &HeaderMap,
) -> Result<Json<RemovedView>, Problem> {
    by.require(Action::WriteCatalog)?;
    let is_stated = headers.contains_key(IF_MATCH);
    let expect = if is_stated { expected(headers)? } else { Expect::Any };
    let removed = hall.blocking(move |shared| {
        let tenant = &by.caller.identity.tenant;
        let removed = shared.engine.remove_definition(tenant, &name, expect, &by.who())?;
        if removed { Ok(()) } else { Err(unknown(&name)) }
    });
    removed.await?;
    Ok(Json(RemovedView { ok: true }))
}

fn unknown(name: &DefinitionName) -> Problem {
    Problem::not_found(match name.sort {
        Sort::Policy => "there is no policy: one code goes into an order".to_owned(),
        Sort::Account | Sort::Group | Sort::Slot => {
            format!("there is no {} {}", name.sort.name(), name.id)
        }
    })
}

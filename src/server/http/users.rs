//! Users: the people who may sign in, and what they may do. For administrators of all properties.

use std::sync::Arc;

use axum::Json;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::body::{Body, Path};
use super::caller::By;
use super::event_view::rfc3339_of_ms;
use super::from_json::tenant_id;
use super::problem::{Kind, Problem, ProblemView, field};
use super::session::hashing;
use super::{Hall, Of};
use crate::auth::caller::{CallerId, Identity, NAME_BYTES_MAX, Name, NameError};
use crate::auth::password::{PasswordHash, check_password};
use crate::auth::role::{Action, Role};
use crate::auth::user::{Language, PROPERTIES_MAX, Standing, User, UserChange, user_name};
use crate::engine::FieldError;
use crate::server::Shared;

/// A new user.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct UserBody {
    /// The name to sign in with; kept in lower case.
    #[schema(example = "anna")]
    name: String,
    /// 10 to 256 characters, not the name.
    password: String,
    /// `office`, `monitor`, `admin`, `checkout` or `gate`.
    #[schema(example = "office")]
    role: String,
    /// The only properties that the user may name and sees. Default: all.
    #[serde(default)]
    properties: Vec<String>,
    /// The user's language, two letters. Default: the browser's.
    language: Option<String>,
    /// Whose codes the user sees. Default: the caller's tenant.
    tenant: Option<String>,
}

/// What shall be different; what is absent stays as it is. Other rights, another password or being
/// disabled end all sessions of the user.
#[derive(Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct UserChangeBody {
    /// The password.
    password: Option<String>,
    /// The role.
    role: Option<String>,
    /// The properties; none: all.
    properties: Option<Vec<String>>,
    /// The language; empty: the browser's.
    language: Option<String>,
    /// Whether the user may not sign in.
    disabled: Option<bool>,
}

/// A user.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct UserView {
    /// The name to sign in with.
    name: String,
    /// Whose codes the user sees.
    tenant: String,
    /// The role.
    role: &'static str,
    /// The only properties; empty: all.
    properties: Vec<String>,
    /// The language; absent: the browser's.
    #[serde(skip_serializing_if = "Option::is_none")]
    language: Option<String>,
    /// When the user was made.
    created_at: String,
    /// When anything was changed last.
    changed_at: String,
    /// Whether the user may not sign in.
    disabled: bool,
    /// How many sessions go on.
    sessions: usize,
}

impl UserView {
    fn of(shared: &Shared, user: &User) -> Self {
        let identity = &user.identity;
        Self {
            name: identity.name.to_string(),
            tenant: identity.tenant.to_string(),
            role: identity.role.as_str(),
            properties: identity.properties.iter().map(ToString::to_string).collect(),
            language: user.language.map(|language| language.to_string()),
            created_at: rfc3339_of_ms(user.created_ms),
            changed_at: rfc3339_of_ms(user.changed_ms),
            disabled: user.standing == Standing::Disabled,
            sessions: shared.access.sessions_of(user),
        }
    }
}

/// All users of the tenant, by name.
#[utoipa::path(
    get, path = "/v1/users", tag = "people",
    responses((status = 200, body = Vec<UserView>), (status = "4XX", body = ProblemView))
)]
pub(super) async fn list(Of(hall): Of<Arc<Hall>>, by: By) -> Result<Json<Vec<UserView>>, Problem> {
    by.require(Action::Tokens)?;
    let listed = hall.blocking(move |shared| {
        let users = shared.access.users(&by.caller.identity.tenant);
        Ok(users.iter().map(|user| UserView::of(shared, user)).collect())
    });
    Ok(Json(listed.await?))
}

/// Make a user.
#[utoipa::path(
    post, path = "/v1/users", tag = "people", request_body = UserBody,
    responses((status = 200, body = UserView), (status = "4XX", body = ProblemView))
)]
pub(super) async fn create(
    Of(hall): Of<Arc<Hall>>,
    by: By,
    Body(body): Body<UserBody>,
) -> Result<Json<UserView>, Problem> {
    by.require(Action::Tokens)?;
    let (identity, language) = wished(&by, &body)?;
    let turn = hashing(&hall).await?;
    let made = hall.blocking(move |shared| {
        let _turn = turn;
        let user = shared.access.create_user(identity, &body.password, language)?;
        let what = format!("user {}: made for {}", user.identity.name, user.identity.urn());
        shared.engine.audit(&by.who(), what)?;
        Ok(UserView::of(shared, &user))
    });
    Ok(Json(made.await?))
}

/// Change a user.
#[utoipa::path(
    put, path = "/v1/users/{name}", tag = "people", request_body = UserChangeBody,
    params(("name" = String, Path, description = "The user's name")),
    responses((status = 200, body = UserView), (status = "4XX", body = ProblemView))
)]
pub(super) async fn change(
    Of(hall): Of<Arc<Hall>>,
    by: By,
    Path(name): Path<String>,
    Body(body): Body<UserChangeBody>,
) -> Result<Json<UserView>, Problem> {
    by.require(Action::Tokens)?;
    let (id, name) = named(&by, &name)?;
    let change = wished_change(&name, &body)?;
    let is_demotion = change.role.is_some_and(|role| role != Role::Admin)
        || change.properties.as_ref().is_some_and(|own| !own.is_empty());
    if change.standing == Some(Standing::Disabled) || is_demotion {
        require_other(&by, id)?;
    }
    let turn = match body.password {
        Some(_) => Some(hashing(&hall).await?),
        None => None,
    };
    let changed = hall.blocking(move |shared| {
        let _turn = turn;
        let mut change = change;
        if let Some(password) = &body.password {
            let hash = PasswordHash::of(password, &ring::rand::SystemRandom::new());
            change.password = Some(hash.map_err(|error| Problem::internal(&error))?);
        }
        let user = shared.access.change_user(id, &change)?.ok_or_else(|| unknown(&name))?;
        shared.engine.audit(&by.who(), format!("user {name}: {}", told(&change)))?;
        Ok(UserView::of(shared, &user))
    });
    Ok(Json(changed.await?))
}

/// Remove a user, whose sessions end at once.
#[utoipa::path(
    delete, path = "/v1/users/{name}", tag = "people",
    params(("name" = String, Path, description = "The user's name")),
    responses((status = 200, body = UserView), (status = "4XX", body = ProblemView))
)]
pub(super) async fn remove(
    Of(hall): Of<Arc<Hall>>,
    by: By,
    Path(name): Path<String>,
) -> Result<Json<UserView>, Problem> {
    by.require(Action::Tokens)?;
    let (id, name) = named(&by, &name)?;
    require_other(&by, id)?;
    let removed = hall.blocking(move |shared| {
        let user = shared.access.remove_user(id)?.ok_or_else(|| unknown(&name))?;
        shared.engine.audit(&by.who(), format!("user {name}: removed"))?;
        Ok(UserView::of(shared, &user))
    });
    Ok(Json(removed.await?))
}

/// The user of the caller's tenant that a path names.
fn named(by: &By, name: &str) -> Result<(CallerId, Name), Problem> {
    let name = user_name(name).map_err(|_wrong| Problem::not_found("there is no such user"))?;
    Ok((CallerId::of_user(&by.caller.identity.tenant, &name), name))
}

fn unknown(name: &Name) -> Problem {
    Problem::not_found(format!("there is no user {name}"))
}

/// Nobody locks herself out: somebody else does.
fn require_other(by: &By, id: CallerId) -> Result<(), Problem> {
    if by.session.as_ref().is_none_or(|who| who.user.id() != id) {
        return Ok(());
    }
    Err(Problem::new(Kind::Conflict, "you would lock yourself out")
        .hint("let another administrator do it, or use jeton user on the server"))
}

/// What was changed, for the audit log.
fn told(change: &UserChange) -> String {
    let mut parts = Vec::new();
    if let Some(role) = change.role {
        parts.push(format!("role {role}"));
    }
    if let Some(properties) = &change.properties {
        let names: Vec<&str> = properties.iter().map(Name::as_str).collect();
        parts.push(match names.as_slice() {
            [] => "all properties".to_owned(),
            names => format!("properties {}", names.join(", ")),
        });
    }
    if let Some(language) = change.language {
        let language = language.map_or("the browser's".to_owned(), |own| own.to_string());
        parts.push(format!("language {language}"));
    }
    match change.standing {
        Some(Standing::Enabled) => parts.push("enabled".to_owned()),
        Some(Standing::Disabled) => parts.push("disabled".to_owned()),
        None => {}
    }
    if change.password.is_some() {
        parts.push("password set".to_owned());
    }
    if parts.is_empty() { "nothing changed".to_owned() } else { parts.join("; ") }
}

/// The new user's identity and language; 422 with all mistakes.
fn wished(by: &By, body: &UserBody) -> Result<(Identity, Option<Language>), Problem> {
    let mut mistakes = Vec::new();
    let name = note(&mut mistakes, "name", name_of(&body.name, user_name));
    let role = note(&mut mistakes, "role", role_of(&body.role));
    let properties = properties_of(&mut mistakes, &body.properties);
    let language = body.language.as_deref().map(language_of).transpose();
    let language = note(&mut mistakes, "language", language);
    let own = &by.caller.identity.tenant;
    let tenant = body.tenant.as_deref().map_or(Ok(own.clone()), tenant_id);
    let tenant = note(&mut mistakes, "tenant", tenant);
    if let Some(name) = &name {
        let checked = check_password(name, &body.password).map_err(|fault| fault.to_string());
        note(&mut mistakes, "password", checked);
    }
    match (tenant, role, name, language) {
        (Some(tenant), Some(role), Some(name), Some(language)) if mistakes.is_empty() => {
            Ok((Identity { properties, ..Identity::new(tenant, role, name) }, language.flatten()))
        }
        _ => Err(Problem::invalid(mistakes)),
    }
}

/// The change without the password, which is only checked; 422 with all mistakes.
fn wished_change(name: &Name, body: &UserChangeBody) -> Result<UserChange, Problem> {
    let mut mistakes = Vec::new();
    let role = body.role.as_deref().map(role_of).transpose();
    let role = note(&mut mistakes, "role", role).flatten();
    let properties = body.properties.as_ref().map(|all| properties_of(&mut mistakes, all));
    let language = body.language.as_deref().map(language_of).transpose();
    let language = note(&mut mistakes, "language", language).flatten();
    if let Some(password) = &body.password {
        let checked = check_password(name, password).map_err(|fault| fault.to_string());
        note(&mut mistakes, "password", checked);
    }
    let standing = body.disabled.map(|disabled| match disabled {
        true => Standing::Disabled,
        false => Standing::Enabled,
    });
    if !mistakes.is_empty() {
        return Err(Problem::invalid(mistakes));
    }
    Ok(UserChange { role, properties, language, password: None, standing })
}

fn note<T>(mistakes: &mut Vec<FieldError>, path: &str, read: Result<T, String>) -> Option<T> {
    read.map_err(|message| mistakes.push(field(path, message))).ok()
}

/// A name, without repeating a text that is far too long.
fn name_of(text: &str, read: fn(&str) -> Result<Name, NameError>) -> Result<Name, String> {
    if text.len() > NAME_BYTES_MAX {
        return Err(format!("is longer than {NAME_BYTES_MAX} characters"));
    }
    read(text).map_err(|error| error.to_string())
}

/// A role for people. `public` is for web pages: it is told no reasons.
fn role_of(text: &str) -> Result<Role, String> {
    let role = text.parse().ok().filter(|role| *role != Role::Public);
    role.ok_or_else(|| {
        "is no role of a user; they are office, monitor, admin, checkout, gate".to_owned()
    })
}

fn properties_of(mistakes: &mut Vec<FieldError>, texts: &[String]) -> Vec<Name> {
    if texts.len() > PROPERTIES_MAX {
        mistakes.push(field("properties", format!("are more than {PROPERTIES_MAX}")));
        return Vec::new();
    }
    let mut properties = Vec::new();
    for (at, text) in texts.iter().enumerate() {
        let read = name_of(text, Name::parse);
        properties.extend(note(mistakes, &format!("properties[{at}]"), read));
    }
    properties.sort_unstable();
    properties.dedup();
    properties
}

/// A language; the empty text is the browser's.
fn language_of(text: &str) -> Result<Option<Language>, String> {
    if text.is_empty() {
        return Ok(None);
    }
    let wrong = || "is no language of two letters, such as \"de\"".to_owned();
    Language::parse(text).map(Some).ok_or_else(wrong)
}

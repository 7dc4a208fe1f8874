//! Roles and the actions each may take: one table.
//!
//! Knows nothing of tenants: that a caller sees its own tenant only is checked where data is looked
//! up.

use std::fmt;
use std::str::FromStr;

/// What a caller is for. A closed set; the names are part of certificates and of the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// A turnstile or a hand scanner.
    Gate,
    /// A shop or a booking system, which holds while its customer pays.
    Checkout,
    /// People who design campaigns, print codes and read the history.
    Office,
    /// Everything, tokens included.
    Admin,
    /// Dashboards: reads, changes nothing.
    Monitor,
    /// Anybody, for instance a web page that asks while the visitor types.
    Public,
}

/// What a request wants to do, as far as permission is concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    /// Ask; changes nothing.
    Validate,
    /// Use a code.
    Redeem,
    /// Hold, confirm, release, extend.
    Hold,
    /// Have single codes issued; put value into codes and accounts, and move it between them.
    Issue,
    /// Ask what became of a request, or how a code stands.
    Status,
    /// Read campaigns, groups, slots and how codes stand, their texts masked.
    ReadCatalog,
    /// Change definitions; generate, import and *export* codes, since whoever holds a text can
    /// redeem it.
    WriteCatalog,
    /// Create, list and revoke tokens and certificates; make, change and remove users.
    Tokens,
    /// Read the process's metrics.
    Metrics,
    /// Follow events, read history and reports.
    Events,
}

impl Action {
    /// Every action.
    pub const ALL: [Self; 10] = [
        Self::Validate,
        Self::Redeem,
        Self::Hold,
        Self::Issue,
        Self::Status,
        Self::ReadCatalog,
        Self::WriteCatalog,
        Self::Tokens,
        Self::Metrics,
        Self::Events,
    ];

    /// The action's name, as sessions tell it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Validate => "validate",
            Self::Redeem => "redeem",
            Self::Hold => "hold",
            Self::Issue => "issue",
            Self::Status => "status",
            Self::ReadCatalog => "read_catalog",
            Self::WriteCatalog => "write_catalog",
            Self::Tokens => "tokens",
            Self::Metrics => "metrics",
            Self::Events => "events",
        }
    }

    /// Whether it cannot be taken for one property alone: definitions, lists of codes, callers and
    /// the process's metrics are the tenant's as a whole. Who has only some properties may not.
    #[must_use]
    pub const fn is_tenant_wide(self) -> bool {
        matches!(self, Self::WriteCatalog | Self::Tokens | Self::Metrics)
    }
}

impl Role {
    /// Every role.
    pub const ALL: [Self; 6] =
        [Self::Gate, Self::Checkout, Self::Office, Self::Admin, Self::Monitor, Self::Public];

    /// The role's name: `gate`, `checkout`, `office`, `admin`, `monitor`, `public`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Gate => "gate",
            Self::Checkout => "checkout",
            Self::Office => "office",
            Self::Admin => "admin",
            Self::Monitor => "monitor",
            Self::Public => "public",
        }
    }

    /// Whether this role may take `action`.
    #[must_use]
    pub fn may(self, action: Action) -> bool {
        self.actions().contains(&action)
    }

    /// Whether exact refusal reasons may be told; if not, every refusal is `not_applicable`.
    #[must_use]
    pub const fn tells_reasons(self) -> bool {
        !matches!(self, Self::Public)
    }

    /// The table.
    const fn actions(self) -> &'static [Action] {
        use Action::{
            Events, Hold, Issue, Metrics, ReadCatalog, Redeem, Status, Validate, WriteCatalog,
        };
        match self {
            Self::Gate => &[Validate, Redeem, Status],
            Self::Checkout => &[Validate, Redeem, Status, Hold, Issue],
            Self::Office => {
                &[Validate, Redeem, Status, Hold, Issue, ReadCatalog, WriteCatalog, Events]
            }
            Self::Admin => &Action::ALL,
            Self::Monitor => &[Metrics, Status, ReadCatalog, Events],
            Self::Public => &[Validate],
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The text is not the name of a role.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a role; roles are gate, checkout, office, admin, monitor and public")]
pub struct UnknownRole(String);

impl FromStr for Role {
    type Err = UnknownRole;

    fn from_str(text: &str) -> Result<Self, UnknownRole> {
        let found = Self::ALL.into_iter().find(|role| role.as_str() == text);
        found.ok_or_else(|| UnknownRole(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_says_who_may_do_what() {
        let table = "
            action        gate checkout office admin monitor public
            Validate      yes  yes      yes    yes   -       yes
            Redeem        yes  yes      yes    yes   -       -
            Hold          -    yes      yes    yes   -       -
            Issue         -    yes      yes    yes   -       -
            Status        yes  yes      yes    yes   yes     -
            ReadCatalog   -    -        yes    yes   yes     -
            WriteCatalog  -    -        yes    yes   -       -
            Tokens        -    -        -      yes   -       -
            Metrics       -    -        -      yes   yes     -
            Events        -    -        yes    yes   yes     -";
        let mut rows = table.lines().map(str::split_whitespace).filter(|r| r.clone().count() > 0);
        let roles: Vec<Role> =
            rows.next().into_iter().flatten().skip(1).filter_map(|r| r.parse().ok()).collect();
        assert_eq!(roles, Role::ALL);
        let mut seen = 0;
        for (mut row, action) in rows.zip(Action::ALL) {
            assert_eq!(row.next(), Some(format!("{action:?}").as_str()));
            for (role, cell) in roles.iter().zip(row) {
                assert_eq!(role.may(action), cell == "yes", "{role} {action:?}");
                seen += 1;
            }
        }
        assert_eq!(seen, Role::ALL.len() * Action::ALL.len());
    }

    #[test]
    fn names_round_trip_and_others_are_refused() {
        for role in Role::ALL {
            assert_eq!(role.to_string().parse(), Ok(role));
        }
        for wrong in ["", "Gate", "root", "gate "] {
            assert_eq!(wrong.parse::<Role>(), Err(UnknownRole(wrong.to_owned())));
        }
    }

    #[test]
    fn only_the_public_is_not_told_reasons() {
        let silent: Vec<Role> =
            Role::ALL.into_iter().filter(|role| !role.tells_reasons()).collect();
        assert_eq!(silent, [Role::Public]);
    }
}

//! The closed sets of words in a document, each with the domain's value that it names.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::domain::{account, campaign, order, time};

macro_rules! words {
    (
        $(#[$doc:meta])*
        $name:ident = $domain:path { $($(#[$word:meta])* $variant:ident),+ $(,)? }
    ) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
        #[serde(rename_all = "snake_case")]
        #[schema(as = campaign::$name)]
        pub enum $name {
            $($(#[$word])* $variant),+
        }

        impl From<$name> for $domain {
            fn from(word: $name) -> Self {
                match word {
                    $($name::$variant => Self::$variant),+
                }
            }
        }
    };
}

words! {
    /// What kind of thing a campaign's codes are.
    Kind = campaign::Kind {
        /// Takes a percentage or an amount off an order.
        Discount,
        /// Has a balance of money that is drawn down.
        Voucher,
        /// Admits.
        Pass,
        /// Is worth goods or a service.
        Unit,
        /// Is worth points.
        Points,
        /// Is worth nothing and opens the way.
        Access,
        /// Adds to the price.
        Surcharge,
    }
}

words! {
    /// How accounting sees a campaign.
    Accounting = campaign::AccountingType {
        /// A price reduction.
        Discount,
        /// Sold by a third party, which owes for it.
        Deal,
        /// Bought from us.
        Purchase,
        /// Given in settlement of a claim.
        Settlement,
    }
}

words! {
    /// Where a campaign stands.
    Status = campaign::Status {
        /// Being prepared.
        Draft,
        /// In use.
        Active,
        /// Stopped for a while.
        Paused,
        /// Over.
        Ended,
    }
}

words! {
    /// What a relative validity begins with.
    Since = campaign::Since {
        /// The code's first use.
        FirstUse,
        /// The moment it was issued.
        Issue,
        /// The moment it was paid.
        Payment,
    }
}

words! {
    /// The unit of a relative validity.
    Unit = time::ValidityUnit {
        /// Exactly 3,600 seconds each.
        Hours,
        /// Local days, of which the first is day 1.
        Days,
        /// Weeks of seven local days.
        Weeks,
        /// Calendar months.
        Months,
        /// Calendar years.
        Years,
    }
}

words! {
    /// What must have happened before a code is good.
    Activation = campaign::Activation {
        /// Nothing.
        AtOnce,
        /// It must have been paid.
        Paid,
    }
}

words! {
    /// Whether a request must say who the customer is.
    Customer = campaign::CustomerRule {
        /// It may.
        Optional,
        /// It must.
        Required,
    }
}

words! {
    /// What a limit counts together.
    Scope = campaign::Scope {
        /// Each code by itself.
        Code,
        /// All codes of the campaign.
        Campaign,
        /// Each customer within the campaign.
        Customer,
        /// Each stored-value account.
        Account,
    }
}

words! {
    /// What a limit counts.
    Counts = campaign::Counts {
        /// Uses.
        Uses,
        /// Orders.
        Orders,
        /// Units: persons.
        Units,
        /// Money.
        Money,
        /// Distinct local days with at least one use.
        Days,
    }
}

words! {
    /// When a limit counts anew.
    Period = time::Period {
        /// Never.
        Total,
        /// Every local day.
        Day,
        /// Every week.
        Week,
        /// Every calendar month.
        Month,
        /// Every calendar year.
        Year,
    }
}

words! {
    /// Whether entry and exit are followed.
    Zones = campaign::ZoneRule {
        /// They are not.
        Free,
        /// One must be outside to enter, and in a zone to leave it.
        Followed,
    }
}

words! {
    /// What happens when a discount would be zero.
    NoEffect = campaign::NoEffect {
        /// It is refused, so that no use is lost for nothing.
        Refuse,
        /// It is allowed.
        Allow,
    }
}

words! {
    /// Of which state of the order something is taken.
    Basis = campaign::Basis {
        /// As the earlier effects and campaigns left it.
        Running,
        /// As it was before any code.
        Original,
    }
}

words! {
    /// What a product is switched to.
    Switch = campaign::Switch {
        /// It can be booked.
        Bookable,
        /// It cannot be booked.
        NotBookable,
        /// Its lines take no part in the effects of this campaign.
        Exempt,
    }
}

words! {
    /// Whose balance is drawn on.
    BalanceOf = campaign::BalanceOf {
        /// The code's own.
        Code,
        /// That of the customer's account.
        Account,
    }
}

words! {
    /// What becomes of the part of a balance that an order does not need.
    Remainder = campaign::Remainder {
        /// It stays.
        Kept,
        /// It is lost with the first use.
        Forfeited,
    }
}

words! {
    /// What brings a request about.
    Trigger = order::Trigger {
        /// Something is booked, bought or entered.
        Booking,
        /// A customer registers.
        Registration,
        /// A customer brings another one.
        Referral,
        /// A voucher is bought.
        VoucherPurchase,
        /// It is the customer's birthday.
        Birthday,
    }
}

words! {
    /// What happens when an account would have more than its most.
    AtMax = account::AtMax {
        /// What fits comes in, and the answer tells.
        Clamp,
        /// The request is refused.
        Refuse,
    }
}

words! {
    /// What happens to points that were earned with a cancelled order and spent since.
    ClawBack = account::ClawBackRule {
        /// They are owed: the next that come in pay for them.
        Debt,
        /// They are given up; the answer tells.
        Floor,
    }
}

/// What an account stores.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = account::Stores)]
pub enum Stores {
    /// Whole points.
    Points,
    /// Money of the account's currency.
    Money,
}

/// For each of what something counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = campaign::Per)]
pub enum Per {
    /// The order: once.
    Order,
    /// Another word for `order`.
    Booking,
    /// Another word for `order`.
    Cart,
    /// Each piece of the matching lines.
    Unit,
    /// Each night.
    Night,
    /// Each room among the matching lines.
    Room,
    /// Each programme among the matching lines.
    Programme,
    /// Each package among the matching lines.
    Package,
    /// Each adult.
    Adult,
    /// Each child.
    Child,
    /// Each person.
    Person,
}

impl From<Per> for campaign::Per {
    fn from(per: Per) -> Self {
        match per {
            Per::Order | Per::Booking | Per::Cart => Self::Order,
            Per::Unit => Self::Unit,
            Per::Night => Self::Night,
            Per::Room => Self::Room,
            Per::Programme => Self::Programme,
            Per::Package => Self::Package,
            Per::Adult => Self::Adult,
            Per::Child => Self::Child,
            Per::Person => Self::Person,
        }
    }
}

/// A day of the week.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = campaign::Weekday)]
#[expect(missing_docs, reason = "the names of the days say it")]
pub enum Weekday {
    Monday,
    Tuesday,
    Wednesday,
    Thursday,
    Friday,
    Saturday,
    Sunday,
}

impl From<Weekday> for chrono::Weekday {
    fn from(day: Weekday) -> Self {
        match day {
            Weekday::Monday => Self::Mon,
            Weekday::Tuesday => Self::Tue,
            Weekday::Wednesday => Self::Wed,
            Weekday::Thursday => Self::Thu,
            Weekday::Friday => Self::Fri,
            Weekday::Saturday => Self::Sat,
            Weekday::Sunday => Self::Sun,
        }
    }
}

impl From<campaign::Status> for Status {
    fn from(status: campaign::Status) -> Self {
        match status {
            campaign::Status::Draft => Self::Draft,
            campaign::Status::Active => Self::Active,
            campaign::Status::Paused => Self::Paused,
            campaign::Status::Ended => Self::Ended,
        }
    }
}

//! The closed sets of words in a document, each with the domain's value that it names.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::domain::{campaign, time};

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

        impl From<$domain> for $name {
            fn from(value: $domain) -> Self {
                match value {
                    $(<$domain>::$variant => Self::$variant),+
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

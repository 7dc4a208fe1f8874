//! The small numbered lists that questions and answers use.

/// A closed list that a newer server may have added to: a number that is not known is kept.
macro_rules! numbered {
    ($(#[$doc:meta])* $name:ident {
        $($(#[$variant_doc:meta])* $variant:ident = $number:literal,)*
    }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $name {
            $($(#[$variant_doc])* $variant,)*
            /// One that only a newer server knows.
            Other(u8),
        }

        impl $name {
            /// The number on the wire.
            #[must_use]
            pub const fn number(self) -> u8 {
                match self {
                    $(Self::$variant => $number,)*
                    Self::Other(number) => number,
                }
            }
        }

        impl From<u8> for $name {
            fn from(number: u8) -> Self {
                match number {
                    $($number => Self::$variant,)*
                    _ => Self::Other(number),
                }
            }
        }

        impl Default for $name {
            fn default() -> Self {
                Self::from(0)
            }
        }
    };
}

numbered! {
    /// What became of a request.
    State {
        /// It would be yes; nothing was changed.
        Valid = 0,
        /// Held.
        Held = 1,
        /// Redeemed.
        Redeemed = 2,
        /// Given back.
        Released = 3,
        /// The hold ran out.
        Expired = 4,
    }
}

numbered! {
    /// What a campaign gives.
    CampaignKind {
        /// Percent or amount.
        Discount = 0,
        /// A balance of money.
        Voucher = 1,
        /// Entries.
        Pass = 2,
        /// Goods or service.
        Unit = 3,
        /// Points.
        Points = 4,
        /// Worth nothing, opens the way.
        Access = 5,
        /// A negative discount.
        Surcharge = 6,
    }
}

numbered! {
    /// Whether a campaign runs.
    CampaignStatus {
        /// Not published.
        Draft = 0,
        /// Running.
        Active = 1,
        /// Paused.
        Paused = 2,
        /// Over.
        Ended = 3,
    }
}

numbered! {
    /// What is known of one code.
    CodeState {
        /// Can be used.
        Ready = 0,
        /// Waits for its payment.
        NotActivated = 1,
        /// All uses taken.
        Used = 2,
        /// Blocked.
        Revoked = 3,
        /// Moved to another code.
        Replaced = 4,
        /// Past its last moment.
        Expired = 5,
    }
}

/// What brings a request about. A closed list: what a server does not know, it cannot judge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[repr(u8)]
pub enum Trigger {
    /// 0: something is booked, bought or entered.
    #[default]
    Booking = 0,
    /// 1: a customer registers.
    Registration = 1,
    /// 2: a customer brings another one.
    Referral = 2,
    /// 3: a voucher is bought.
    VoucherPurchase = 3,
    /// 4: it is the customer's birthday.
    Birthday = 4,
}

impl Trigger {
    /// All triggers, in the order of their numbers.
    pub const ALL: [Self; 5] =
        [Self::Booking, Self::Registration, Self::Referral, Self::VoucherPurchase, Self::Birthday];

    /// The number on the wire.
    #[must_use]
    pub const fn number(self) -> u8 {
        self as u8
    }

    /// The trigger with this number.
    #[must_use]
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|trigger| trigger.number() == number)
    }
}

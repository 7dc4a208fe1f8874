//! The goals, one by one: what is measured, against what, and what is wanted.

use std::fmt;

use clap::ValueEnum;
use serde::Serialize;

/// A goal's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum, Serialize)]
#[value(rename_all = "verbatim")]
pub(crate) enum Id {
    P1,
    P2,
    P3,
    P4,
    P5,
    P6,
    P7,
    P9,
    P10,
    P11,
    P12,
    P13,
    P14,
    P15,
    P16,
}

/// What a goal is about.
pub(super) struct Goal {
    pub(super) what: &'static str,
    pub(super) against: &'static str,
    pub(super) wanted: &'static str,
}

impl Id {
    pub(super) const fn about(self) -> Goal {
        match self {
            Self::P1 => Goal {
                what: "validate, 64 connections, one request in flight each",
                against: "a bare quinn echo of the same frame sizes, same client",
                wanted: "≥ 0.90; p50 ≤ 1.10, p99 ≤ 1.30",
            },
            Self::P2 => Goal {
                what: "validate, 4 connections × 64 in flight",
                against: "a bare quinn echo of the same frame sizes, same client",
                wanted: "≥ 0.35",
            },
            Self::P3 => Goal {
                what: "redeem, embedded sync, 8 × 128 in flight, distinct codes",
                against: "the same service with the memory ledger",
                wanted: "≥ 0.60",
            },
            Self::P4 => Goal {
                what: "redeem, embedded sync, 8 × 128 in flight, distinct codes",
                against: "one fjall sync commit per redeem, in one thread",
                wanted: "≥ 40",
            },
            Self::P5 => Goal {
                what: "redeem on Redis, 8 × 32 in flight, distinct codes, receipts kept",
                against: "redis-benchmark -c 8 -P 32 EVALSHA of the smallest equal script",
                wanted: "≥ 1.5",
            },
            Self::P6 => Goal {
                what: "redeem on Redis, 64 connections, one in flight",
                against: "redis-benchmark -c 64 EVALSHA, same script",
                wanted: "≥ 0.80",
            },
            Self::P7 => Goal {
                what: "redeem, one hot code, 8 × 32 in flight, embedded and Redis",
                against: "distinct codes, same ledger",
                wanted: "≥ 1.0; none over 1,000,000 uses",
            },
            Self::P9 => Goal {
                what: "redeem, embedded sync, 64 connections",
                against: "PostgreSQL doing the same: pgbench, 64 clients, synchronous commit",
                wanted: "≥ 10",
            },
            Self::P10 => Goal {
                what: "memory per single-use code in the index, 10 million codes",
                against: "the same codes as Redis hashes",
                wanted: "≤ 0.333; ≤ 48 bytes",
            },
            Self::P11 => Goal {
                what: "start with 10 million codes, after SIGKILL",
                against: "Redis loading its RDB of the same codes",
                wanted: "≤ 0.5",
            },
            Self::P12 => Goal {
                what: "import codes",
                against: "generating as many; writing the same lines to a file beside it",
                wanted: "≥ 0.3; generating ≥ 1,000,000/s",
            },
            Self::P13 => Goal {
                what: "yes answers at 2 × overload, open loop",
                against: "yes answers at saturation, closed loop",
                wanted: "≥ 0.95; refusals' p99 ≤ accepted p50",
            },
            Self::P14 => Goal {
                what: "requests with metrics on",
                against: "the same with metrics off",
                wanted: "≥ 0.97",
            },
            Self::P15 => Goal {
                what: "evaluating a campaign with 8 conditions and 2 effects",
                against: "-",
                wanted: "≤ 1 µs; no allocation",
            },
            Self::P16 => Goal {
                what: "cost of a request as codes grow from 1 thousand to 10 million",
                against: "itself: the dearest size against the cheapest",
                wanted: "≤ 2",
            },
        }
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

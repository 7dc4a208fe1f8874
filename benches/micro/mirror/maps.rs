//! The maps: what a message says only sometimes.

use super::Line;
use super::shapes::{Few, pairs};

pairs!(Order {
    1 customer: &'a str,
    2 customer_groups: Few<&'a str, 2>,
    3 gate: &'a str,
    4 property: &'a str,
    5 channel: &'a str,
    6 partner: &'a str,
    7 brand: &'a str,
    8 currency: &'a str,
    9 total_minor: i64,
    10 lines: Few<Line<'a>, 2>,
    11 units: u32,
    12 amount_minor: i64,
    13 order_ref: &'a str,
    14 zone: &'a str,
    15 passage: u8,
    16 nights: u32,
    17 arrival_day: i32,
    18 departure_day: i32,
    19 booked_day: i32,
    20 adults: u32,
    21 children: u32,
    22 persons: u32,
    23 first_order: bool,
    24 trigger: u8,
    25 slot: &'a str,
});

pairs!(Details {
    1 scope: &'a str,
    2 limit: &'a str,
    3 used: u64,
    4 held: u64,
    5 max: u64,
    6 retry_after_ms: u64,
    7 resets_at_ms: i64,
    8 next_valid_at_ms: i64,
    9 missing: &'a str,
    10 conflicts_with: &'a str,
    11 rule: &'a str,
    12 last_used_ms: i64,
    13 last_gate: &'a str,
    14 text: &'a str,
    15 off_by: u64,
});

pairs!(UseDetails {
    1 original_minor: i64,
    2 forfeited_minor: i64,
    3 account: (&'a str, u64, u64, Option<u64>, &'a str),
    4 switches: Vec<(&'a str, &'a str)>,
    5 lines_minor: Vec<i64>,
    6 photo: &'a str,
    7 last_entry_ms: i64,
});

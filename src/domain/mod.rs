//! The core: what may be used, what it is worth, and how each use is counted.
//!
//! Pure. Data and `now` go in, decisions come out. It deliberately knows no clock, no randomness,
//! no I/O, no serialisation, no async and no logging; whoever calls it does.
//!
//! Reading order: the nouns ([`id`], [`time`], [`money`], [`code`], [`campaign`], [`account`],
//! [`policy`], [`order`]), then what is asked of a campaign ([`rules`], [`limits`], [`pass`]), then
//! what a ledger must do ([`posting`]) and the state machine that does it ([`book`]), and the ways
//! to say no ([`refusal`]).

pub mod account;
pub mod book;
pub mod campaign;
pub mod code;
pub mod id;
pub mod limits;
pub mod money;
pub mod order;
pub mod pass;
pub mod policy;
pub mod posting;
pub mod refusal;
pub mod rules;
pub mod time;

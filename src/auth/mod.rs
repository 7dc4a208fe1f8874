//! Who calls, and what they may do.
//!
//! A caller proves itself with a client certificate that the installation's authority signed
//! ([`certificate`]) or with a token ([`token`]); a person ([`user`]) with a [`password`], and then
//! with her [`session`]. Either way it becomes a [`caller::Caller`]: a tenant, a [`role::Role`], a
//! name, perhaps places it is pinned to. Every later decision reads that one value. Beside it live
//! the TLS configurations ([`tls`]), the budgets that make guessing hopeless ([`guess`]), the rule
//! for which sockets may be opened ([`bind`]) and the installation's own keys ([`secret`]).
//!
//! It does not know where anything is stored, how a request looks on the wire, or what time it is:
//! texts, bytes and records come in, the moment and the source of randomness are arguments.
//!
//! Invariants: no secret is printed by `Debug` or `Display`; a caller belongs to exactly one
//! tenant; what is not expressly allowed is denied.

pub mod bind;
pub mod caller;
pub mod certificate;
pub mod guess;
pub(crate) mod hex;
pub mod password;
pub mod role;
pub mod secret;
pub mod session;
pub mod tls;
pub mod token;
pub mod user;

//! The ledger in Redis: it answers as the book does, on real servers.

mod cluster;
pub(crate) mod executor;

use jeton::testing::BookExecutor;
use proptest::prelude::*;
use proptest::test_runner::Config;

use crate::scenarios;
use crate::sequences::moves::{Legs, sequences};
use crate::sequences::{agree, laws};
use executor::{RedisExecutor, Server};

fn config() -> Config {
    Config { failure_persistence: None, ..Config::default() }
}

#[test]
fn redis_answers_as_the_tables_say() {
    let server = Server::start();
    scenarios::all(&mut || Box::new(RedisExecutor::new(&server, 1)));
}

#[test]
fn redis_agrees_with_the_book() {
    let server = Server::start();
    proptest!(config(), |(steps in sequences(Legs::All, 20))| {
        let mut redis = RedisExecutor::new(&server, 1);
        let verdict = agree(&mut BookExecutor::new(), &mut redis, &steps);
        prop_assert!(verdict.is_ok(), "{}", verdict.err().unwrap_or_default());
    });
}

#[test]
fn redis_keeps_the_laws() {
    let server = Server::start();
    proptest!(config(), |(steps in sequences(Legs::All, 20))| {
        let verdict = laws::hold(&mut RedisExecutor::new(&server, 1), &steps);
        prop_assert!(verdict.is_ok(), "{}", verdict.err().unwrap_or_default());
    });
}

//! What a run counts and checks.

use jeton::auth::role::Role;
use jeton::testing::{BoxOptions, ServerBox};

use super::*;
use crate::stats::{Latencies, OrdinalsSeen};
use crate::workload::{Codes, Law, Mix};

const USES: u64 = 500;

/// Loads a server that has one code of [`USES`] uses.
async fn load(kind: Loop, verb: Verb, seconds: u32) -> Figures {
    let dir = tempfile::tempdir().unwrap();
    let server = ServerBox::start(dir.path(), BoxOptions::default()).await.unwrap();
    server
        .define(&format!("id = \"hot\"\nkind = \"pass\"\nstatus = \"active\"\nuses = {USES}"))
        .unwrap();
    server.codes("hot", "FLASH-SALE").unwrap();
    let workload =
        Workload { codes: Arc::new(Codes::one("flash sale")), law: Law::Hot, mix: Mix::only(verb) };
    let plan = Plan { workload, kind, connections: 4, warm_up_s: 0, seconds };
    carry_out(server.client_options(Role::Gate).unwrap(), plan, "test").await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hot_code_gives_each_of_its_uses_once_and_no_more() {
    let found = load(Loop::Closed { in_flight: 64 }, Verb::Redeem, 2).await;
    assert_eq!(found.broken(), Vec::<String>::new());
    assert_eq!((found.yes, found.errors, found.unknown), (USES, 0, 0));
    let seen = found.ordinals;
    assert_eq!((seen.different, seen.first, seen.last), (USES, 1, USES));
    assert_eq!(found.refused.get("usage_limit").copied(), Some(found.asked - USES));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_open_loop_asks_by_its_schedule() {
    for manners in [Manners::default(), Manners { deadline_ms: 60_000, together: 8 }] {
        let found = load(Loop::Open { rate: 500, manners }, Verb::Validate, 1).await;
        assert_eq!(found.broken(), Vec::<String>::new());
        assert_eq!((found.errors, found.unknown), (0, 0));
        assert_eq!(found.offered_per_s, Some(500.0));
        assert!(found.yes >= 500 && found.latency.p50_us > 0.0, "{found:?}");
    }
}

#[test]
fn broken_promises_are_found() {
    let quantiles = Latencies::new().unwrap().quantiles();
    let seen = OrdinalsSeen { different: 9, twice: 1, unchecked: 0, first: 1, last: 10 };
    let found = Figures {
        verb: "redeem".to_owned(),
        law: Law::Hot,
        kind: Kind::Open,
        connections: 1,
        in_flight: None,
        seconds: 1.0,
        offered_per_s: None,
        achieved_per_s: 0.0,
        accepted_per_s: 0.0,
        latency: quantiles,
        latency_accepted: None,
        latency_refused: None,
        pacer_late: None,
        server_cpu_us: None,
        asked: 12,
        yes: 10,
        refused: [("usage_limit".into(), 1)].into(),
        refused_for_good: 0,
        replayed: 1,
        errors: 0,
        first_error: None,
        unknown: 0,
        ordinals: seen,
        standings: Some(Standings { over: 2, unresolved: 3, ..Standings::default() }),
        uses_max: Some(11),
        is_ours: true,
        codes_ran_out: false,
        warm_up: None,
        plots: Plots::default(),
    };
    assert_eq!(
        found.broken(),
        [
            "12 asked, 11 accounted for",
            "1 uses were given twice",
            "1 answers were another request's",
            "the uses of the hot code have gaps",
            "2 uses were given beyond a code's limit",
            "3 open holds were not there any more",
            "sold out after 10 of 11 uses",
        ]
    );
}

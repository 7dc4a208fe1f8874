//! The rule book against an evaluator that is slow and obvious: a hundred thousand random orders
//! come to the same, to the cent and to the reason.
//!
//! `JETON_TEST_ROUNDS` says how many hundred thousand; one unless told otherwise. A case that comes
//! out differently is made as small as it can be and printed with its seed.

mod case;
mod evaluator;
mod fraction;
mod random;
mod shrink;

use std::thread;

use jeton::domain::refusal::{Reason, Refusal};

use case::{Answer, Case, Yes};
use evaluator::{Tally, evaluate};

/// Cases in one round.
const CASES: u64 = 100_000;

/// How many threads share them.
const THREADS: u64 = 2;

/// What is asked of the cases must have come about at least so often in a round.
const OFTEN: u64 = 200;

#[test]
fn a_hundred_thousand_orders_come_to_the_same() {
    let cases = CASES * rounds();
    let step = usize::try_from(THREADS).unwrap();
    let tally = thread::scope(|scope| {
        let share = |first: u64| scope.spawn(move || run((first..cases).step_by(step)));
        let threads: Vec<_> = (0..THREADS).map(share).collect();
        let mut all = Tally::default();
        for thread in threads {
            all.add(thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        }
        all
    });
    check_sorts(&tally);
}

fn run(seeds: impl Iterator<Item = u64>) -> Tally {
    let mut tally = Tally::default();
    for seed in seeds {
        let case = random::case(seed);
        if difference(&case, &mut tally).is_some() {
            let differs = |case: &Case| difference(case, &mut Tally::default());
            let small = shrink::smallest(case, |case| differs(case).is_some());
            let told = differs(&small).unwrap_or_default();
            panic!("seed {seed} differs:\n{}\n{told}", shrink::show(&small));
        }
    }
    tally
}

/// What the two say, if it is not the same.
fn difference(case: &Case, tally: &mut Tally) -> Option<String> {
    let (expected, found) = (plain(evaluate(case, tally)), plain(case.ruled()));
    let text = || format!("by the book:\n{}by the rules:\n{}", told(&expected), told(&found));
    (expected != found).then(text)
}

/// Without the name of the list, where the lists together leave no line: none of them alone is the
/// reason.
fn plain(answer: Answer) -> Answer {
    answer.map_err(without_list).map(|yes| {
        let left_out = yes.left_out.into_iter().map(without_list).collect();
        Yes { left_out, ..yes }
    })
}

fn without_list(mut refusal: Refusal) -> Refusal {
    let lists = [Reason::ProductNotEligible, Reason::ProductExcluded, Reason::RegionNotEligible];
    if lists.contains(&refusal.reason) {
        refusal.details = None;
    }
    refusal
}

/// An answer in a few lines.
fn told(answer: &Answer) -> String {
    let no = |no: &Refusal| format!("  {}\n", set_only(&format!("{no:?}")));
    let yes = match answer {
        Ok(yes) => yes,
        Err(refusal) => return no(refusal),
    };
    let mut text = format!("  left {:?} of {:?}\n", yes.lines_minor, yes.total_minor);
    for (place, offer) in &yes.parts {
        text.push_str(&format!("  {place}: {}\n", set_only(&format!("{offer:?}"))));
    }
    text.extend(yes.left_out.iter().map(no));
    text
}

/// Without the fields that are not set.
fn set_only(debug: &str) -> String {
    let is_set = |field: &&str| !field.ends_with(": None") && !field.ends_with(": []");
    debug.split(", ").filter(is_set).collect::<Vec<_>>().join(", ")
}

#[expect(clippy::disallowed_methods, reason = "the long run asks for more in the environment")]
fn rounds() -> u64 {
    let told = std::env::var("JETON_TEST_ROUNDS").ok();
    told.map_or(1, |rounds| rounds.parse().expect("JETON_TEST_ROUNDS is a number"))
}

/// What each rule must have said, so that the cases do not go blind for some of them.
const SORTS: &[(&[&str], &[&str])] = &[
    (&["answer"], &["yes", "no"]),
    (&["E1 amount", "E1 quantity", "E1 persons", "E2 nights"], &["held", "failed", "missing"]),
    (&["E1 amount running", "E7 points"], &["held", "failed"]),
    (
        &[
            "E2 booked",
            "E2 arrival",
            "E2 departure",
            "E4 channel",
            "E4 property",
            "E4 partner",
            "E4 brand",
            "G4 gate",
            "G4 zone",
            "E5 customer_group",
            "E5 first_order",
            "E6 contains",
            "E9 trigger",
        ],
        &["only these: held", "only these: failed", "not these: held", "not these: failed"],
    ),
    (
        &[
            "E2 arrival",
            "E2 departure",
            "E4 channel",
            "E4 property",
            "E4 partner",
            "E4 brand",
            "G4 gate",
            "G4 zone",
            "E5 first_order",
            "E6 contains",
            "E3 product",
        ],
        &["missing"],
    ),
    (
        &["E3 product", "E3 product_type", "E3 category", "E3 theme", "E3 region"],
        &[
            "only these: some left",
            "only these: none left",
            "not these: some left",
            "not these: none left",
        ],
    ),
    (
        &[
            "hours",
            "next opening",
            "customer",
            "account's customer",
            "holder",
            "currency",
            "units",
            "no effect",
            "B7 exempt",
            "V6 redeem and earn",
        ],
        &["held", "failed"],
    ),
    (&["V6 redeem and earn"], &["held although spent"]),
    (
        &[
            "slot's group",
            "mandatory group",
            "same code twice",
            "quota",
            "quota of a type",
            "exclusion group",
            "exclusion group, automatic",
            "stop",
            "stop before a code",
            "best of",
            "best of, automatic",
            "most automatic campaigns",
        ],
        &["held", "failed"],
    ),
    (&["stop"], &["failed, automatic"]),
    (&["partial"], &["all", "some", "none", "code required"]),
    (
        &[
            "B1 percent",
            "B1 amount",
            "B1 price",
            "B1 basis running",
            "B1 basis original",
            "B1 with a cap",
            "B1 without a cap",
            "B2 surcharge",
            "B3 order",
            "B3 unit",
            "B3 night",
            "B3 room",
            "B3 programme",
            "B3 package",
            "B3 adult",
            "B3 child",
            "B3 person",
            "B4 tiers",
            "B5 item",
            "B5 cheapest",
            "B5 dearest",
            "B5 named",
            "B5 for every",
            "B5 at once",
            "B6 pays all",
            "V1 balance of the code",
            "V8 balance of the account",
            "B9 kept",
            "B9 forfeited",
            "V5 earning",
        ],
        &["something", "nothing"],
    ),
    (&["B5 unit", "B7 exempt", "B7 switch", "B8 spend"], &["something"]),
    (&["B2 zero"], &["nothing"]),
];

/// The reasons that the rules give before a ledger is asked: all from `code_revoked` to
/// `no_effect`, and two that come from the account and the units.
fn reasons() -> impl Iterator<Item = &'static str> {
    let of_rules = |reason: &&Reason| match reason {
        Reason::PointsInsufficient | Reason::UnitsOutOfRange => true,
        reason => (Reason::CodeRevoked..=Reason::NoEffect).contains(reason),
    };
    Reason::ALL.iter().filter(of_rules).map(|reason| reason.name())
}

fn check_sorts(tally: &Tally) {
    let said = SORTS.iter().flat_map(|(rules, said)| {
        rules.iter().flat_map(move |rule| said.iter().map(move |what| (*rule, *what)))
    });
    let wanted = said.chain(reasons().map(|reason| ("reason", reason)));
    let rare: Vec<_> = wanted
        .map(|(rule, what)| (rule, what, tally.count(rule, what)))
        .filter(|(.., count)| *count < OFTEN)
        .collect();
    assert!(rare.is_empty(), "too rare, so not much is known of them: {rare:#?}");
}

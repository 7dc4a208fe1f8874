//! How often the way of a request asks for memory, and how much of it a code takes.
//!
//! A separate program, because counting costs time: this allocator counts what the calling thread
//! asks for. The run fails when something allocates that promises not to.

#![expect(clippy::unwrap_used, reason = "a failed unwrap stops the measurement")]
#![expect(clippy::print_stdout, reason = "a report is printed")]

use std::hint::black_box;
use std::process::ExitCode;

use allocation_counter::{AllocationInfo, measure};
use jeton::codes::{Alphabet, Check, CodeKeys, Pattern, Verdict};
use jeton::domain::book::Book;
use jeton::domain::campaign::Code;
use jeton::domain::code::Normal;
use jeton::domain::id::Owner;
use jeton::domain::order::{Line, Order};
use jeton::domain::policy::Policy;
use jeton::domain::rules::{Running, Seen, Setting, StackMode, judge, stack};
use jeton::index::Index;
use jeton::protocol::{HEADER_LEN, Reply, Request};

use map::{Map, Papaya, SccIndex, SccMap, fill};
use scene::{
    EIGHT_AND_TWO, EIGHT_AND_TWO_MINOR, NOW, PASS, basket, campaign, candidate, code, question,
    redemption, spread,
};

#[path = "../micro/map.rs"]
#[expect(dead_code, reason = "the other program measures the rest")]
mod map;
#[path = "../micro/messages.rs"]
#[expect(dead_code, reason = "the other program measures the rest")]
mod messages;
#[path = "../micro/scene.rs"]
#[expect(dead_code, reason = "the other program measures the rest")]
mod scene;

/// How often each thing is done.
const ROUNDS: u64 = 1_000;

/// How many codes the maps hold: four steps from one doubling of their tables to the next.
const CODES: [u32; 4] = [8 << 17, 10 << 17, 12 << 17, 14 << 17];

/// What a thing may ask for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum May {
    /// Nothing, as the module promises.
    Nothing,
    /// What it needs; told for comparison.
    Anything,
}

fn main() -> ExitCode {
    let mut report = Report { is_kept: true };
    println!("{:<44} {:>12} {:>12}", "once", "allocations", "bytes");
    rules(&mut report);
    wire(&mut report);
    code_texts(&mut report);
    book(&mut report);
    let codes = CODES.map(|codes| format!("{codes:>10}")).concat();
    println!("\n{:<44}{codes} {:>12}", "bytes for each of so many codes", "allocations");
    per_code::<Index>();
    per_code::<Papaya>();
    per_code::<SccMap>();
    per_code::<SccIndex>();
    if report.is_kept { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Whether all kept what they promise.
struct Report {
    is_kept: bool,
}

impl Report {
    fn row<R>(&mut self, what: &str, may: May, mut body: impl FnMut() -> R) {
        // What is made once and kept is no part of it.
        drop(body());
        let info = measure(|| (0..ROUNDS).for_each(|_| drop(black_box(body()))));
        let is_broken = may == May::Nothing && info.count_total > 0;
        self.is_kept &= !is_broken;
        let note = if is_broken { "  BROKEN: promised none" } else { "" };
        let AllocationInfo { count_total, bytes_total, .. } = info;
        line(what, count_total as f64 / ROUNDS as f64, bytes_total as f64 / ROUNDS as f64, note);
    }
}

fn line(what: &str, allocations: f64, bytes: f64, note: &str) {
    println!("{what:<44} {allocations:>12.2} {bytes:>12.1}{note}");
}

fn rules(report: &mut Report) {
    let (code, seen, order) = (code(), Seen::default(), basket());
    let (rich, plain) = (campaign(EIGHT_AND_TWO), campaign(PASS));
    report.row("8 conditions, 2 effects", May::Nothing, || {
        let offer = judge(&question(&rich, &code, &seen, &order), &mut Running::of(&order));
        assert_eq!(offer.unwrap().worth_minor, EIGHT_AND_TWO_MINOR);
    });
    report.row("a plain pass", May::Nothing, || {
        judge(&question(&plain, &code, &seen, &order), &mut Running::of(&order)).unwrap()
    });
    let elsewhere = Order { channel: Some("desk"), ..order.clone() };
    report.row("8 conditions, refused", May::Anything, || {
        judge(&question(&rich, &code, &seen, &elsewhere), &mut Running::of(&order)).unwrap_err()
    });
    let line = Line { product: "book", quantity: 1, amount_minor: 900, ..Line::default() };
    let mut long = order.clone();
    long.lines.extend(vec![line; 9]);
    report.row("8 conditions, 2 effects, 12 lines", May::Anything, || {
        judge(&question(&rich, &code, &seen, &long), &mut Running::of(&long)).unwrap()
    });
    let policy = Policy { codes_max: 16, ..Policy::default() };
    let mode = StackMode::AllOrNothing;
    let setting = Setting { order: &order, now: NOW, policy: &policy, group: None, mode };
    let other = Code { owner: Owner([7; 16]), ..code.clone() };
    let three = [
        candidate(Some(0), &rich, &code),
        candidate(Some(1), &rich, &other),
        candidate(None, &plain, &code),
    ];
    report.row("a lone code in a stack", May::Nothing, || stack(&three[..1], &setting).unwrap());
    report.row("two codes and an automatic campaign", May::Anything, || {
        stack(&three, &setting).unwrap()
    });
}

fn wire(report: &mut Report) {
    let mut out = Vec::with_capacity(1_024);
    let asked = [
        ("validate", messages::validate()),
        ("redeem", messages::redeem()),
        ("confirm", messages::confirm()),
    ];
    for (name, request) in asked {
        report.row(&format!("encode {name}"), May::Nothing, || {
            out.clear();
            request.encode(1, &mut out).unwrap();
        });
        let body = out.get(HEADER_LEN..).unwrap();
        report.row(&format!("decode {name}"), May::Nothing, || Request::decode(body).unwrap().0);
    }
    for (name, reply) in [("accepted", messages::accepted()), ("refused", messages::refused())] {
        report.row(&format!("encode {name}"), May::Nothing, || {
            out.clear();
            reply.encode(1, &mut out).unwrap();
        });
        let body = out.get(HEADER_LEN..).unwrap();
        report.row(&format!("decode {name}"), May::Nothing, || Reply::decode(body).unwrap().0);
    }
}

fn code_texts(report: &mut Report) {
    let pattern = Pattern::parse("TEN-####-####-####", Alphabet::Clear, Check::On).unwrap();
    let keys = CodeKeys::new([5; 32]);
    let series = jeton::codes::Series::new(pattern.clone(), &keys, "park");
    let text = series.text(41).unwrap();
    report.row("normalise, check, name a code", May::Nothing, || {
        let normal = Normal::parse(text.as_str()).unwrap();
        assert_eq!(pattern.verify(&normal), Verdict::Right);
        keys.key("park", &normal)
    });
    report.row("generate 4096 codes", May::Nothing, || series.texts(0..4_096).unwrap().count());
}

fn book(report: &mut Report) {
    let (mut book, mut id) = (Book::new(), 0);
    report.row("post, one hot code, with its posting", May::Anything, || {
        id += 1;
        let command = redemption(id, spread(0), u64::MAX - 1);
        let outcome = book.apply(&command);
        book.let_go(&command.id().unwrap());
        (outcome, book.take_events())
    });
}

/// What a map that knew how many would come asks for, for each code.
fn per_code<M: Map>() {
    let infos = CODES.map(|codes| {
        let mut map = None;
        let info = measure(|| fill(map.insert(M::with_room(codes as usize)), codes));
        let each = |all: i64| all as f64 / f64::from(codes);
        (each(info.bytes_current), each(info.count_current))
    });
    let bytes = infos.map(|(bytes, _)| format!("{bytes:>10.1}")).concat();
    let allocations = infos.iter().map(|(_, count)| count).fold(0.0, |a: f64, b| a.max(*b));
    println!("{:<44}{bytes} {allocations:>12.2}", M::NAME);
}

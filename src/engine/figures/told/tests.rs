//! What events tell, against the book that they come from.

use std::collections::BTreeMap;

use smallvec::{SmallVec, smallvec};

use super::*;
use crate::domain::book::Book;
use crate::domain::code::CodeKey;
use crate::domain::id::{Owner, PostingId};
use crate::domain::posting::{Command, Facet, Key, Mode, Posting};
use crate::domain::time::Timestamp;

const CODES: u8 = 3;

fn owner(code: u8) -> Owner {
    Owner([code; 16])
}

fn uses(code: u8) -> Key {
    Key::of(owner(code), FacetKind::Uses)
}

/// Numbers that look random.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }
}

/// An order with two codes: one counts units, the other one is shared by all who come within a
/// stay.
fn posting(id: u8, dice: &mut Dice, mode: Mode, now: Timestamp) -> Posting {
    let units = 1 + u64::from(id) % 3;
    let marker = Key { owner: owner(2), facet: Facet::new(FacetKind::Reentry, 0xFF, 0) };
    let counted = Leg::Count { key: uses(1), n: units, max: u64::MAX, keep_until: None };
    let shared = Leg::Once {
        marker,
        key: uses(2),
        n: 1,
        max: u64::MAX,
        keep_until: Some(now.plus_ms(1_000 + i64::try_from(dice.roll(5_000)).unwrap())),
        counter_keep_until: None,
    };
    let used = |code: u8, worth_minor| NotedUse {
        campaign: format!("c{code}").into(),
        units: u32::try_from(units).unwrap(),
        worth_minor: Some(worth_minor),
        code: Some(CodeKey::from_bytes([code; 16])),
        ..NotedUse::default()
    };
    let note = Note {
        currency: Some("EUR".into()),
        tenant: Some("park".into()),
        leg_uses: SmallVec::from_slice(&[0, 1]),
        uses: smallvec![used(1, 1_000), used(2, -7)],
        ..Note::default()
    };
    Posting {
        id: PostingId([id; 16]),
        fingerprint: u64::from(id),
        mode,
        size: units,
        legs: smallvec![counted, shared],
        note: note.encode().into(),
        now,
    }
}

fn command(dice: &mut Dice, now: Timestamp) -> Command {
    let id = u8::try_from(dice.roll(40)).unwrap();
    let part = match dice.roll(5) {
        0 => Part::All,
        1 => Part::Legs(1),
        2 => Part::Legs(2),
        _ => Part::Of(1),
    };
    let posting_id = PostingId([id; 16]);
    match dice.roll(6) {
        0 => Command::Post(posting(id, dice, Mode::Post, now)),
        1 | 2 => {
            let until = now.plus_ms(500 + i64::try_from(dice.roll(2_000)).unwrap());
            Command::Post(posting(id, dice, Mode::Hold { until }, now))
        }
        3 => Command::Confirm { id: posting_id, part, now },
        _ => {
            let mut release_id = [id; 16];
            release_id[1] = u8::try_from(dice.roll(200)).unwrap();
            let release_id = PostingId(release_id);
            Command::Release { id: posting_id, release_id, part, credit: None, now }
        }
    }
}

/// By campaign: what was counted.
type Counted = BTreeMap<Box<str>, Sums>;

fn count(counted: &mut Counted, book: &Book, events: Vec<Event>) {
    for event in events {
        let receipt = book.receipt(&event.id).cloned();
        let told = told(&Entry { event, receipt }).expect("its receipt is there");
        assert_eq!(&*told.tenant, "park");
        for (campaign, sums) in told.uses {
            counted.entry(campaign).or_default().merge(&sums);
        }
    }
}

/// Events add up to what the book has. `late`: they are read only at the end, when all receipts
/// have gone on.
#[track_caller]
fn check(seed: u64, late: bool) {
    let (mut dice, mut book) = (Dice(seed), Book::default());
    let (mut counted, mut events) = (Counted::new(), Vec::new());
    let mut now = Timestamp(1_000_000);
    for _ in 0..400 {
        now = now.plus_ms(i64::try_from(dice.roll(300)).unwrap());
        book.expire_due(now, 100);
        // What a command is answered does not matter.
        let _outcome = book.apply(&command(&mut dice, now));
        let new = book.take_events();
        if late {
            events.extend(new);
        } else {
            count(&mut counted, &book, new);
        }
    }
    book.expire_due(Timestamp::NEVER, 1_000);
    events.extend(book.take_events());
    count(&mut counted, &book, events);
    for code in 1..CODES {
        let sums = &counted[&*format!("c{code}")];
        let used = sums.count(Count::Uses) - sums.count(Count::UsesBack);
        assert_eq!(u64::try_from(used), Ok(book.used(&uses(code))), "code {code}, seed {seed}");
        assert_eq!(sums.count(Count::HeldUses), 0, "code {code}, seed {seed}");
    }
    let in_force = |code: u8, worth: u64, sign: i64| -> i64 {
        let receipts = (0..40).filter_map(|id| book.receipt(&PostingId([id; 16])));
        let of = |receipt: &Receipt| {
            let is_gone = receipt.gone & bit(usize::from(code) - 1) != 0;
            let live = if is_gone { 0 } else { receipt.live() };
            i64::try_from(share(worth, live, receipt.size)).unwrap() * sign
        };
        receipts.map(of).sum()
    };
    for (code, worth, sign) in [(1, 1_000, 1), (2, 7, -1)] {
        let money: i64 = counted[&*format!("c{code}")].money_minor().map(|(_, minor)| minor).sum();
        assert_eq!(money, in_force(code, worth, sign), "code {code}, seed {seed}");
    }
}

#[test]
fn events_that_are_read_at_once_add_up_to_the_book() {
    for seed in 1..200 {
        check(seed * 7_919, false);
    }
}

#[test]
fn events_that_are_read_late_add_up_to_the_book() {
    for seed in 1..200 {
        check(seed * 104_729, true);
    }
}

#[test]
fn a_gate_is_called_by_its_channel_where_there_is_none() {
    assert_eq!(&*gate_label(Some("north"), Some("web")), "north");
    assert_eq!(&*gate_label(Some(""), Some("web")), "channel:web");
    assert_eq!(&*gate_label(None, None), "");
}

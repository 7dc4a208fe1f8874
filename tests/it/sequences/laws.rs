//! What every ledger keeps at every step, checked from the outside.
//!
//! The laws keep the receipts of all answers and work out from them alone what counters, markers,
//! holds and balances
//! must stand at; and they fold the events and compare.

use std::collections::{BTreeMap, BTreeSet};

use jeton::domain::book::{Balance, Change, Event, EventKind, Lot, Record, Slot};
use jeton::domain::id::PostingId;
use jeton::domain::posting::{
    AtCap, Blocked, ClawBack, Command, Key, Leg, Mode, Outcome, Part, Posting, Receipt, Released,
    State, share,
};
use jeton::domain::time::Timestamp;
use jeton::testing::{Executor, Records, posting_id};

use super::marks::Marks;
use super::moves::{Step, at, slot};

/// Nothing, or what law was broken.
pub(crate) type Verdict = Result<(), String>;

/// What was said so far.
#[derive(Default)]
pub(crate) struct Laws {
    now: Timestamp,
    last_event: u64,
    receipts: BTreeMap<PostingId, Receipt>,
    firsts: Vec<(Command, Receipt)>,
    records: Records,
    opened: BTreeMap<Key, u64>,
    marks: Marks,
}

/// Runs `steps` over `executor` and holds it to all laws.
pub(crate) fn hold(executor: &mut dyn Executor, steps: &[Step]) -> Verdict {
    let mut laws = Laws::default();
    for (number, step) in steps.iter().enumerate() {
        laws.step(executor, step).map_err(|what| format!("step {number}: {what}"))?;
    }
    laws.finish(executor).map_err(|what| format!("at the end: {what}"))
}

fn ensure(holds: bool, law: impl FnOnce() -> String) -> Verdict {
    if holds { Ok(()) } else { Err(law()) }
}

impl Laws {
    fn step(&mut self, executor: &mut dyn Executor, step: &Step) -> Verdict {
        match step {
            Step::Batch(commands) => {
                let outcomes = executor.apply(commands);
                ensure(outcomes.len() == commands.len(), || "an answer is missing".to_owned())?;
                let mut events = self.new_events(executor)?;
                for (command, outcome) in commands.iter().zip(&outcomes) {
                    self.answer(command, outcome, &mut events)
                        .map_err(|law| format!("{law}\n{command:?}\n{outcome:?}"))?;
                }
                self.expiries(&mut events)?;
                ensure(events.is_empty(), || format!("nobody was told of {events:?}"))?;
            }
            Step::Sweep(now) => {
                self.now = *now;
                executor.sweep(*now);
                let mut events = self.new_events(executor)?;
                self.expiries(&mut events)?;
                ensure(events.is_empty(), || format!("the sweep did {events:?}"))?;
                let open = self.receipts.values().find(|receipt| is_over(receipt, *now));
                ensure(open.is_none(), || format!("the sweep left {open:?}"))?;
                self.forget();
            }
            Step::Reopen => {
                executor.reopen();
                ensure(self.new_events(executor)?.is_empty(), || "opening did something".into())?;
            }
        }
        self.records_are_told(executor)?;
        self.counters(executor)?;
        self.balances(executor)
    }

    fn new_events(&mut self, executor: &mut dyn Executor) -> Result<Vec<Event>, String> {
        let events = executor.events_after(self.last_event);
        for event in &events {
            self.last_event += 1;
            ensure(event.number == self.last_event, || format!("a gap before event {event:?}"))?;
            self.records.fold(event);
        }
        ensure(executor.last_event() == self.last_event, || "events are missing".to_owned())?;
        Ok(events)
    }

    /// Takes the expiries off the front of `events`.
    fn expiries(&mut self, events: &mut Vec<Event>) -> Verdict {
        while let Some(event) = events.first()
            && event.kind == EventKind::Expired
        {
            let event = events.remove(0);
            let receipt = self.receipts.get_mut(&event.id).ok_or("an unknown hold expired")?;
            ensure(is_over(receipt, event.at), || format!("expired before its end: {receipt:?}"))?;
            receipt.state = State::Expired;
            self.marks.changed(receipt, event.at);
        }
        Ok(())
    }

    fn answer(&mut self, command: &Command, outcome: &Outcome, events: &mut Vec<Event>) -> Verdict {
        self.now = moment(command);
        match outcome {
            Outcome::Done(receipt) => {
                self.expiries(events)?;
                ensure(!events.is_empty(), || "done without an event".to_owned())?;
                let event = events.remove(0);
                self.done(command, receipt, &event)
            }
            Outcome::Replayed(receipt) => self.replayed(command, receipt),
            Outcome::Refused(Blocked::Guard { leg, used, held, max, .. }) => {
                let Command::Post(posting) = command else { return Err("a guard".to_owned()) };
                self.refused(posting, *leg, (*used, *held, *max))
            }
            Outcome::Refused(_) => Ok(()),
            Outcome::Mismatch => {
                let known = command.id().is_some_and(|id| self.receipts.contains_key(&id));
                ensure(known, || "mismatch of an unknown id".to_owned())
            }
            Outcome::Unknown => {
                let asks = matches!(command, Command::Recall { .. } | Command::Status { .. });
                let known = command.id().and_then(|id| self.receipts.get(&id));
                let gone = known.is_none_or(|receipt| {
                    receipt.state == State::Expired || is_over(receipt, self.now)
                });
                ensure(asks && gone, || "a posting is no longer known".to_owned())
            }
            Outcome::Looked => ensure(matches!(command, Command::Look { .. }), || {
                "an answer to another question".to_owned()
            }),
        }
    }

    fn done(&mut self, command: &Command, receipt: &Receipt, event: &Event) -> Verdict {
        let id = command.id().ok_or("a question did something")?;
        ensure(receipt.id == id && event.id == id, || "done to another id".to_owned())?;
        ensure(event.at == self.now, || "done at another time".to_owned())?;
        let before = self.receipts.insert(id, receipt.clone());
        let was_held = before.as_ref().is_some_and(|before| before.state == State::Held);
        let in_time = before.as_ref().is_none_or(|before| !is_over(before, self.now));
        ensure(in_time, || "done to a hold after its end".to_owned())?;
        self.marks.changed(receipt, self.now);
        let (number, kind) = match command {
            Command::Post(posting) if !was_held => {
                ensure(before.is_none_or(|before| before.state == State::Expired), || {
                    "done twice under one id".to_owned()
                })?;
                self.accepted(posting, receipt)?;
                ensure(receipt.gone == 0, || "legs are gone at once".to_owned())?;
                match posting.mode {
                    Mode::Post => (receipt.event, EventKind::Redeemed),
                    Mode::Hold { .. } => (receipt.event, EventKind::Held),
                }
            }
            Command::Post(_) | Command::Recall { .. } | Command::Confirm { .. } => {
                let confirm = receipt.confirm.as_ref().ok_or("no confirm in the receipt")?;
                let before = before.filter(|_| was_held).ok_or("confirmed what was not held")?;
                let wanted = match command {
                    Command::Confirm { part: Part::Of(wanted), .. } => *wanted,
                    Command::Confirm { part: Part::Legs(_), .. } => 0,
                    _ => before.live(),
                };
                ensure(receipt.live() == wanted, || "another part was confirmed".to_owned())?;
                (confirm.event, EventKind::Confirmed)
            }
            Command::Release { release_id, part, credit, .. } => {
                let before = before.ok_or("released what was not there")?;
                let twice = before.releases.iter().any(|release| release.id == *release_id);
                ensure(!twice, || "released twice under one id".to_owned())?;
                let release = receipt.releases.last().ok_or("no release in the receipt")?;
                let all = (1 << before.legs.len()) - 1;
                let left = all & !before.gone;
                let wanted = match part {
                    Part::All => before.live(),
                    Part::Of(wanted) => *wanted,
                    Part::Legs(legs) if legs & left == left => before.live(),
                    Part::Legs(_) => 0,
                };
                let gone = if let Part::Legs(legs) = part { legs & all } else { 0 };
                ensure(receipt.gone == before.gone | gone, || "other legs are gone".to_owned())?;
                ensure(gone == 0 || gone & left != 0, || "gone legs went again".to_owned())?;
                self.credited(credit.as_deref(), release, event)?;
                let exact = release.given == wanted && before.live() == receipt.live() + wanted;
                ensure(exact, || "another part was given back".to_owned())?;
                (release.event, EventKind::Released)
            }
            Command::Extend { until, .. } => {
                ensure(receipt.until == Some(*until), || "another end".to_owned())?;
                (event.number, EventKind::Extended)
            }
            Command::Status { .. } | Command::Look { .. } => {
                return Err("a question did something".to_owned());
            }
        };
        ensure((number, kind) == (event.number, event.kind), || format!("told as {event:?}"))?;
        self.firsts.push((command.clone(), receipt.clone()));
        Ok(())
    }

    /// A posting's receipt says what was asked, and no ceiling is passed.
    fn accepted(&mut self, posting: &Posting, receipt: &Receipt) -> Verdict {
        let until = match posting.mode {
            Mode::Post => None,
            Mode::Hold { until } => Some(until),
        };
        let asked = (&posting.legs, posting.fingerprint, until, posting.now);
        let said = (&receipt.legs, receipt.fingerprint, receipt.until, receipt.at);
        ensure(asked == said, || "the receipt says something else".to_owned())?;
        ensure(receipt.live() == receipt.size, || "not all of it is in force".to_owned())?;
        self.marks.posted(receipt)?;
        for (leg, result) in receipt.legs.iter().zip(&receipt.results) {
            match leg {
                Leg::Count { key, n, max, .. } => {
                    let standing = self.used(key) + self.held(key);
                    ensure(standing <= *max, || format!("{standing} of {max}"))?;
                    ensure(result.after == standing, || format!("ordinal is not {standing}"))?;
                    ensure(result.amount == *n, || format!("counted, not {n}"))?;
                }
                // A counter whose period is over may be forgotten or not.
                Leg::Once { counter_keep_until: Some(end), .. } if *end <= self.now => {}
                Leg::Once { key, max, .. } => {
                    let standing = self.used(key);
                    ensure(standing <= *max, || format!("{standing} of {max} days"))?;
                    ensure(result.after == standing, || format!("ordinal is not {standing}"))?;
                }
                Leg::Spend { key, amount, opening, .. } => {
                    let opening = opening.map_or(0, |opening| opening.amount);
                    self.opened.entry(*key).or_insert(opening);
                    ensure(result.amount <= *amount, || "took more than asked".to_owned())?;
                    let lots: u64 = result.lots.iter().map(|part| part.amount).sum();
                    ensure(result.amount == lots, || "lots do not sum".to_owned())?;
                }
                Leg::Earn { key, amount, opening, cap, .. } => {
                    let opening = opening.map_or(0, |opening| opening.amount);
                    self.opened.entry(*key).or_insert(opening);
                    ensure(result.amount <= *amount, || "earned more than asked".to_owned())?;
                    // Of its own posting, either what is spent stays or what is earned goes.
                    let others = self.held(key).saturating_sub(keeps(receipt, key));
                    let standing = result.after + others + self.promised(key);
                    let cap = cap.filter(|_| result.amount > 0).unwrap_or(u64::MAX);
                    ensure(standing <= cap, || format!("{standing} over the cap of {cap}"))?;
                }
                Leg::Interval { .. } | Leg::Zone { .. } => {}
            }
        }
        Ok(())
    }

    /// What was credited is in the balance that the event tells of.
    fn credited(&mut self, asked: Option<&Leg>, release: &Released, event: &Event) -> Verdict {
        let Some(credit) = release.credit.as_deref() else {
            return ensure(asked.is_none(), || "nothing was credited".to_owned());
        };
        let (leg, result) = credit;
        ensure(asked == Some(leg), || "something else was credited".to_owned())?;
        let Leg::Earn { key, amount, opening, cap, at_cap, .. } = leg else {
            return Err("a credit that is not earned".to_owned());
        };
        self.opened.entry(*key).or_insert(opening.map_or(0, |opening| opening.amount));
        ensure(result.amount <= *amount, || "credited more than asked".to_owned())?;
        let exact = cap.is_none() || *at_cap == AtCap::Refuse;
        ensure(!exact || result.amount == *amount, || "credited less than asked".to_owned())?;
        let told = event.changes.iter().find_map(|change| match change {
            Change::Is(Record::Balance(changed, balance), _) if changed == key => Some(balance),
            _ => None,
        });
        let stands = told.map(Balance::in_lots);
        ensure(stands == Some(result.after), || format!("the event tells {told:?}"))
    }

    fn replayed(&self, command: &Command, receipt: &Receipt) -> Verdict {
        let known =
            command.id().and_then(|id| self.receipts.get(&id)).ok_or("a repeat of nothing")?;
        let mut now = known.clone();
        if is_over(&now, self.now) {
            now.state = State::Expired;
        }
        ensure(now == *receipt, || format!("replayed, but stands at {now:?}"))?;
        let (Command::Post(Posting { fingerprint, .. }) | Command::Recall { fingerprint, .. }) =
            command
        else {
            return Ok(());
        };
        ensure(*fingerprint == known.fingerprint, || "replayed another meaning".to_owned())
    }

    /// A refused count says what is used and held, and that is too much.
    fn refused(&self, posting: &Posting, leg: usize, found: (u64, u64, u64)) -> Verdict {
        let Some(Leg::Count { key, n, max, .. }) = posting.legs.get(leg) else { return Ok(()) };
        let pending: u64 = posting.legs.iter().take(leg).map(|leg| counts(leg, key)).sum();
        let (used, held) = (self.used(key), self.held(key));
        ensure(found == (used, held, *max), || format!("found {used} used, {held} held"))?;
        let too_much = used + held + pending + n > *max;
        ensure(too_much, || "refused although there was room".to_owned())
    }

    /// What was credited to a balance, from the receipts.
    fn credits(&self, wanted: &Key) -> u64 {
        let releases = self.receipts.values().flat_map(|receipt| &receipt.releases);
        let credits = releases.filter_map(|release| release.credit.as_deref());
        credits.filter(|(leg, _)| leg.key() == wanted).map(|(_, result)| result.amount).sum()
    }

    /// What is used of a counter, from the receipts.
    fn used(&self, wanted: &Key) -> u64 {
        let redeemed = self.receipts.values().filter(|receipt| receipt.state == State::Redeemed);
        let shares = redeemed.flat_map(|receipt| {
            let legs = receipt.in_force().map(|(leg, _)| counts(leg, wanted));
            legs.map(|n| share(n, receipt.live(), receipt.size))
        });
        shares.sum::<u64>() + self.marks.used(wanted)
    }

    /// What holds keep of a key that are not over, from the receipts.
    fn held(&self, wanted: &Key) -> u64 {
        let held = |receipt: &&Receipt| receipt.state == State::Held && !is_over(receipt, self.now);
        self.receipts.values().filter(held).map(|receipt| keeps(receipt, wanted)).sum()
    }

    /// What holds that are not over will put into a balance, from the receipts.
    fn promised(&self, wanted: &Key) -> u64 {
        let held = |receipt: &&Receipt| receipt.state == State::Held && !is_over(receipt, self.now);
        self.receipts.values().filter(held).map(|receipt| earns(receipt, wanted)).sum()
    }

    fn forget(&mut self) {
        let over = |record: &Record| match record {
            Record::Counter(_, counter) => counter.keep_until <= self.now,
            Record::Register(_, register) => register.keep_until <= self.now,
            Record::Balance(..) => false,
        };
        let gone = self.records.iter().filter(|(_, record, _)| over(record));
        let gone: Vec<Slot> = gone.map(|(slot, ..)| *slot).collect();
        for slot in gone {
            self.records.forget(&slot);
        }
    }

    /// The events rebuild all records exactly.
    fn records_are_told(&self, executor: &mut dyn Executor) -> Verdict {
        let slots: BTreeSet<Slot> = self.receipts.values().flat_map(slots).collect();
        for at in slots {
            let key = at.key();
            let same = match (at, self.records.record(&at)) {
                (Slot::Counter(_), Some(Record::Counter(_, counter))) => {
                    // A ledger may forget a period as soon as it is over.
                    counter.keep_until <= self.now || executor.used(key) == counter.used
                }
                (Slot::Counter(_), _) => executor.used(key) == 0,
                (Slot::Register(_), Some(Record::Register(_, register))) => {
                    executor.register(key) == Some(register.setting.value)
                }
                (Slot::Register(_), _) => executor.register(key).is_none(),
                (Slot::Balance(_), Some(Record::Balance(_, balance))) => {
                    executor.balance(key).as_ref() == Some(balance)
                }
                (Slot::Balance(_), _) => executor.balance(key).is_none(),
            };
            ensure(same, || format!("events tell {:?}", self.records.record(&at)))?;
            let open = |receipt: &&Receipt| receipt.state == State::Held;
            let open = self.receipts.values().filter(open);
            let held: u64 = open.map(|receipt| keeps(receipt, &key)).sum();
            ensure(executor.held(key) == held, || format!("{held} is held of {at:?}"))?;
            let told = self.records.record(&at).is_none() || self.records.held(&at) == held;
            ensure(told, || format!("events tell otherwise than {held} held of {at:?}"))?;
        }
        Ok(())
    }

    /// Used is what was posted and not given back.
    fn counters(&self, executor: &mut dyn Executor) -> Verdict {
        for (slot, record, _) in self.records.iter() {
            let Record::Counter(key, counter) = record else { continue };
            // What is over but was not ended yet still counts on distinct days.
            let open = |receipt: &Receipt| {
                is_over(receipt, self.now) && slots(receipt).any(|touched| touched == *slot)
            };
            if counter.keep_until <= self.now || self.receipts.values().any(open) {
                continue;
            }
            let (used, found) = (self.used(key), executor.used(*key));
            ensure(used == found, || format!("{found} used, receipts say {used}: {key:?}"))?;
        }
        Ok(())
    }

    /// Lots + taken + lapsed = earned + debt; taken and earned are what the receipts say.
    fn balances(&self, executor: &mut dyn Executor) -> Verdict {
        let mut short = 0;
        let mut debts = 0;
        for (key, opening) in &self.opened {
            let balance = executor.balance(*key).ok_or("a balance is gone")?;
            let lots = balance.in_lots();
            let sum = lots + balance.taken + balance.lapsed;
            let earned_and_owed = balance.earned + balance.debt;
            ensure(sum == earned_and_owed, || format!("{sum} does not add up: {balance:?}"))?;
            let no_lots = balance.lots.is_empty();
            ensure(balance.debt == 0 || no_lots, || format!("owed beside lots: {balance:?}"))?;
            debts += balance.debt;
            ensure(in_order(&balance), || format!("lots: {:?}", balance.lots))?;
            let taken: u64 = self.receipts.values().map(|receipt| took(receipt, key)).sum();
            ensure(taken == balance.taken, || format!("{taken} was taken: {balance:?}"))?;
            let earned: u64 = self.receipts.values().map(|receipt| earned(receipt, key)).sum();
            let earned = earned + self.credits(key);
            let kept = balance.earned.checked_sub(opening + earned);
            short += kept.ok_or_else(|| format!("{earned} was earned: {balance:?}"))?;
        }
        // What is short of a posting is forgiven, owed, or some of each, as its legs say.
        let (mut forgiven, mut owed, mut either) = (0, 0, 0);
        for receipt in self.receipts.values() {
            let said: u64 = receipt.releases.iter().map(|release| release.short).sum();
            let is = |wanted: ClawBack| {
                let clawed =
                    |leg: &Leg| matches!(leg, Leg::Earn { claw_back, .. } if *claw_back == wanted);
                receipt.legs.iter().any(clawed)
            };
            match (is(ClawBack::Floor), is(ClawBack::Debt)) {
                (true, true) => either += said,
                (_, true) => owed += said,
                (_, false) => forgiven += said,
            }
        }
        let forgiving = forgiven..=forgiven + either;
        ensure(forgiving.contains(&short), || format!("{short} was forgiven, not {forgiving:?}"))?;
        ensure(debts <= owed + either, || format!("{debts} is owed, {owed} was said"))
    }

    /// Whatever was done is answered the same when it is said again; all given back, nothing is
    /// left.
    fn finish(&mut self, executor: &mut dyn Executor) -> Verdict {
        for (command, first) in self.firsts.clone() {
            self.again(executor, &command, &first)
                .map_err(|law| format!("repeat: {law}\n{command:?}"))?;
        }
        let end = self.now.plus_ms(1_000);
        self.step(executor, &Step::Sweep(end))?;
        let live = self.receipts.values().filter(|receipt| receipt.live() > 0);
        let release = |receipt: &Receipt| Command::Release {
            id: receipt.id,
            release_id: posting_id("the last"),
            part: Part::All,
            credit: None,
            now: end,
        };
        let releases: Vec<Command> = live.map(release).collect();
        self.step(executor, &Step::Batch(releases))?;
        for (_, record, held) in self.records.iter() {
            let nothing = match record {
                Record::Counter(_, counter) => counter.used == 0,
                Record::Balance(_, balance) => balance.taken == 0,
                Record::Register(..) => true,
            };
            ensure(nothing && held == 0, || format!("all was given back, but {record:?}"))?;
        }
        Ok(())
    }

    fn again(
        &mut self,
        executor: &mut dyn Executor,
        command: &Command,
        first: &Receipt,
    ) -> Verdict {
        let known = self.receipts.get(&first.id).ok_or("a receipt is gone")?;
        let replaced = known.event != first.event;
        let extended =
            matches!(command, Command::Extend { until, .. } if known.until != Some(*until));
        if replaced || extended {
            return Ok(());
        }
        let (results, at_first) = (known.results == first.results, known.at == first.at);
        let releases = known.releases.starts_with(&first.releases);
        let confirm = first.confirm.is_none() || first.confirm == known.confirm;
        ensure(results && at_first && releases && confirm, || {
            format!("the first answer is no longer in the receipt: {known:?}")
        })?;
        let outcome = executor.apply(&[at(command, self.now)]).pop();
        let mut events = self.new_events(executor)?;
        self.expiries(&mut events)?;
        ensure(events.is_empty(), || format!("did {events:?}"))?;
        match outcome {
            Some(Outcome::Replayed(receipt)) => self.replayed(command, &receipt),
            other => Err(format!("{other:?}")),
        }
    }
}

pub(crate) fn moment(command: &Command) -> Timestamp {
    match command {
        Command::Post(posting) => posting.now,
        Command::Recall { now, .. }
        | Command::Confirm { now, .. }
        | Command::Release { now, .. }
        | Command::Extend { now, .. }
        | Command::Status { now, .. } => *now,
        Command::Look { .. } => Timestamp(0),
    }
}

fn is_over(receipt: &Receipt, now: Timestamp) -> bool {
    receipt.state == State::Held && receipt.until.is_some_and(|until| until <= now)
}

fn slots(receipt: &Receipt) -> impl Iterator<Item = Slot> + '_ {
    let credits = receipt.releases.iter().filter_map(|release| release.credit.as_deref());
    receipt.legs.iter().chain(credits.map(|(leg, _)| leg)).flat_map(|leg| {
        let marker = if let Leg::Once { marker, .. } = leg { Some(*marker) } else { None };
        [Some(slot(leg)), marker.map(Slot::Counter)].into_iter().flatten()
    })
}

fn counts(leg: &Leg, wanted: &Key) -> u64 {
    if let Leg::Count { key, n, .. } = leg
        && key == wanted
    {
        return *n;
    }
    0
}

/// What a held receipt keeps of a key.
fn keeps(receipt: &Receipt, wanted: &Key) -> u64 {
    let held = receipt.state == State::Held;
    portion(receipt, |leg| match leg {
        Leg::Count { key, .. } | Leg::Spend { key, .. } => held && key == wanted,
        Leg::Once { .. } | Leg::Interval { .. } | Leg::Zone { .. } | Leg::Earn { .. } => false,
    })
}

/// What a receipt has out of a balance.
fn took(receipt: &Receipt, wanted: &Key) -> u64 {
    portion(receipt, |leg| matches!(leg, Leg::Spend { key, .. } if key == wanted))
}

/// What a receipt has put into a balance, and not been taken back.
fn earned(receipt: &Receipt, wanted: &Key) -> u64 {
    if receipt.state == State::Redeemed { earns(receipt, wanted) } else { 0 }
}

/// What the living part of a receipt is worth to a balance.
fn earns(receipt: &Receipt, wanted: &Key) -> u64 {
    portion(receipt, |leg| matches!(leg, Leg::Earn { key, .. } if key == wanted))
}

/// What some legs of a receipt have in force together.
fn portion(receipt: &Receipt, which: impl Fn(&Leg) -> bool) -> u64 {
    let in_force = receipt.in_force().filter(|(leg, _)| which(leg));
    in_force.map(|(_, result)| share(result.amount, receipt.live(), receipt.size)).sum()
}

fn in_order(balance: &Balance) -> bool {
    let moments = |lot: &Lot| (lot.expires.unwrap_or(Timestamp::NEVER), lot.spendable_from);
    let rising = balance.lots.is_sorted_by(|a, b| moments(a) < moments(b));
    rising && balance.lots.iter().all(|lot| lot.amount > 0)
}

//! The counting legs and holds, written once more from the words of the design: slow, obvious, with
//! nothing kept that
//! can be worked out.

use jeton::domain::id::PostingId;
use jeton::domain::posting::{
    Blocked, Command, Key, Leg, Mode, Outcome, Part, Posting, Receipt, State,
};
use jeton::domain::time::Timestamp;
use jeton::testing::Executor;

use super::laws::Verdict;
use super::moves::Step;

/// As much of an answer as the reference knows.
#[derive(Debug, PartialEq)]
enum Answer {
    Done(Standing),
    Replayed(Standing),
    Refused(Blocked),
    Mismatch,
    Unknown,
}

/// State, what is in force of the size, and the first answer's ordinals.
type Standing = (State, u64, u64, Vec<u64>);

struct Entry {
    id: PostingId,
    fingerprint: u64,
    legs: Vec<(Key, u64, u64)>,
    size: u64,
    live: u64,
    state: State,
    until: Option<Timestamp>,
    ordinals: Vec<u64>,
    confirm: Option<Part>,
    releases: Vec<(PostingId, Part)>,
    gone: Vec<usize>,
}

impl Entry {
    /// The legs that were not given back by themselves.
    fn in_force(&self) -> impl Iterator<Item = (usize, &(Key, u64, u64))> {
        self.legs.iter().enumerate().filter(|(leg, _)| !self.gone.contains(leg))
    }

    /// What is in force of `n`, rounded up.
    fn portion(&self, n: u64) -> u64 {
        (n * self.live).div_ceil(self.size)
    }

    fn standing(&self) -> Standing {
        (self.state, self.size, self.live, self.ordinals.clone())
    }

    fn end(&mut self, state: State) {
        self.state = state;
        self.live = 0;
    }
}

#[derive(Default)]
struct Reference {
    entries: Vec<Entry>,
}

/// Whether `executor` answers counting sequences as the reference does.
pub(crate) fn agrees(executor: &mut dyn Executor, steps: &[Step]) -> Verdict {
    let mut reference = Reference::default();
    for (number, step) in steps.iter().enumerate() {
        match step {
            Step::Batch(commands) => {
                let outcomes = executor.apply(commands);
                for (command, outcome) in commands.iter().zip(&outcomes) {
                    let (expected, found) = (reference.apply(command), answer(outcome));
                    if expected != found {
                        return Err(format!(
                            "step {number}: {command:#?}\nexpected {expected:?}\n   found {found:?}"
                        ));
                    }
                }
            }
            Step::Sweep(now) => executor.sweep(*now),
            Step::Reopen => executor.reopen(),
        }
    }
    Ok(())
}

fn answer(outcome: &Outcome) -> Answer {
    let standing = |receipt: &Receipt| {
        let ordinals = receipt.results.iter().map(|result| result.after).collect();
        (receipt.state, receipt.size, receipt.live(), ordinals)
    };
    match outcome {
        Outcome::Done(receipt) => Answer::Done(standing(receipt)),
        Outcome::Replayed(receipt) => Answer::Replayed(standing(receipt)),
        Outcome::Refused(why) => Answer::Refused(*why),
        Outcome::Mismatch => Answer::Mismatch,
        Outcome::Unknown | Outcome::Looked => Answer::Unknown,
    }
}

impl Reference {
    fn apply(&mut self, command: &Command) -> Answer {
        match command {
            Command::Post(posting) => {
                self.expire(posting.now);
                self.repeat(posting.id, posting.fingerprint, posting.mode)
                    .unwrap_or_else(|| self.post(posting))
            }
            Command::Recall { id, fingerprint, mode, now } => {
                self.expire(*now);
                self.repeat(*id, *fingerprint, *mode).unwrap_or(Answer::Unknown)
            }
            Command::Confirm { id, part, now } => {
                self.expire(*now);
                self.confirm(*id, *part)
            }
            Command::Release { id, release_id, part, now, .. } => {
                self.expire(*now);
                self.release(*id, *release_id, *part)
            }
            Command::Extend { id, until, now } => {
                self.expire(*now);
                self.extend(*id, *until, *now)
            }
            Command::Look { .. } => Answer::Unknown,
            Command::Status { id, now } => {
                self.expire(*now);
                match self.find(*id) {
                    Some(entry) => Answer::Replayed(entry.standing()),
                    None => Answer::Unknown,
                }
            }
        }
    }

    fn expire(&mut self, now: Timestamp) {
        for entry in &mut self.entries {
            if entry.state == State::Held && entry.until.is_some_and(|until| until <= now) {
                entry.end(State::Expired);
            }
        }
    }

    fn find(&mut self, id: PostingId) -> Option<&mut Entry> {
        self.entries.iter_mut().find(|entry| entry.id == id)
    }

    /// What entries in `state` that pass `which` count on `key`.
    fn counted(&self, key: &Key, state: State, which: impl Fn(&Entry) -> bool) -> u64 {
        let entries = self.entries.iter().filter(|entry| entry.state == state && which(entry));
        let legs = entries.flat_map(|entry| entry.in_force().map(move |(_, leg)| (entry, leg)));
        legs.filter(|(_, (of, ..))| of == key).map(|(entry, (_, n, _))| entry.portion(*n)).sum()
    }

    fn repeat(&mut self, id: PostingId, fingerprint: u64, mode: Mode) -> Option<Answer> {
        let entry = self.find(id)?;
        if entry.fingerprint != fingerprint {
            return Some(Answer::Mismatch);
        }
        match (mode, entry.until, entry.state) {
            (Mode::Hold { .. }, None, _) => Some(Answer::Mismatch),
            (Mode::Hold { .. }, Some(_), _) | (Mode::Post, None, _) => {
                Some(Answer::Replayed(entry.standing()))
            }
            (Mode::Post, Some(_), State::Expired) => None,
            (Mode::Post, Some(_), State::Held) => Some(self.confirm(id, Part::All)),
            (Mode::Post, Some(_), _) if entry.confirm.is_some() => {
                Some(Answer::Replayed(entry.standing()))
            }
            (Mode::Post, Some(_), _) => Some(Answer::Refused(Blocked::AlreadyReleased)),
        }
    }

    fn post(&mut self, posting: &Posting) -> Answer {
        let (state, until) = match posting.mode {
            Mode::Post => (State::Redeemed, None),
            Mode::Hold { until } => (State::Held, Some(until)),
        };
        if until.is_some_and(|until| until <= posting.now) {
            return Answer::Refused(Blocked::HoldExpired);
        }
        let counts = |leg: &Leg| {
            if let Leg::Count { key, n, max, .. } = leg { Some((*key, *n, *max)) } else { None }
        };
        let legs: Vec<(Key, u64, u64)> = posting.legs.iter().filter_map(counts).collect();
        for (leg, (key, n, max)) in legs.iter().enumerate() {
            let earlier = legs.iter().take(leg).filter(|(of, ..)| of == key);
            let asked = n + earlier.map(|(_, n, _)| n).sum::<u64>();
            let used = self.counted(key, State::Redeemed, |_| true);
            let held = self.counted(key, State::Held, |_| true);
            if used + held + asked > *max {
                let retry_after_ms = self.retry(key, used + asked, *max, posting.now);
                let (used, held, max) = (used, held, *max);
                return Answer::Refused(Blocked::Guard { leg, used, held, max, retry_after_ms });
            }
        }
        let size = posting.size.max(1);
        // Releases of an expired hold are still repeats once its id is posted again.
        let known = self.entries.iter().find(|entry| entry.id == posting.id);
        let releases = known.map(|entry| entry.releases.clone()).unwrap_or_default();
        self.entries.retain(|entry| entry.id != posting.id);
        self.entries.push(Entry {
            id: posting.id,
            fingerprint: posting.fingerprint,
            legs: legs.clone(),
            size,
            live: size,
            state,
            until,
            ordinals: Vec::new(),
            confirm: None,
            releases,
            gone: Vec::new(),
        });
        let standing = |key: &Key| {
            self.counted(key, State::Redeemed, |_| true) + self.counted(key, State::Held, |_| true)
        };
        let ordinals: Vec<u64> = legs.iter().map(|(key, ..)| standing(key)).collect();
        self.find(posting.id).map_or(Answer::Unknown, |entry| {
            entry.ordinals = ordinals;
            Answer::Done(entry.standing())
        })
    }

    /// How long until `used` fits beside the holds that are still open then.
    fn retry(&self, key: &Key, used: u64, max: u64, now: Timestamp) -> Option<u64> {
        let mut ends: Vec<Timestamp> =
            self.entries.iter().filter_map(|entry| entry.until).collect();
        ends.sort();
        let later =
            |end: Timestamp| move |entry: &Entry| entry.until.is_some_and(|until| until > end);
        let fits = |end: &Timestamp| used + self.counted(key, State::Held, later(*end)) <= max;
        ends.into_iter().filter(|end| *end > now).find(fits).map(|end| end.since_ms(now))
    }

    fn confirm(&mut self, id: PostingId, part: Part) -> Answer {
        let Some(entry) = self.find(id) else { return Answer::Refused(Blocked::HoldNotFound) };
        match (entry.state, entry.confirm) {
            (_, Some(first)) if first == part => return Answer::Replayed(entry.standing()),
            (_, Some(_)) => return Answer::Mismatch,
            (State::Held, None) => {}
            (State::Redeemed, None) => return Answer::Refused(Blocked::HoldNotFound),
            (State::Released, None) => return Answer::Refused(Blocked::AlreadyReleased),
            (State::Expired, None) => return Answer::Refused(Blocked::HoldExpired),
        }
        let wanted = match part {
            Part::All => entry.live,
            Part::Of(wanted) => wanted,
            Part::Legs(_) => 0,
        };
        if wanted == 0 || wanted > entry.live {
            return Answer::Refused(Blocked::ConfirmExceeds { left: entry.live });
        }
        entry.live = wanted;
        entry.state = State::Redeemed;
        entry.confirm = Some(part);
        Answer::Done(entry.standing())
    }

    fn release(&mut self, id: PostingId, release_id: PostingId, part: Part) -> Answer {
        let Some(entry) = self.find(id) else { return Answer::Refused(Blocked::NotFound) };
        if let Some((_, first)) = entry.releases.iter().find(|(id, _)| *id == release_id) {
            let same = *first == part;
            return if same { Answer::Replayed(entry.standing()) } else { Answer::Mismatch };
        }
        match entry.state {
            State::Expired => return Answer::Refused(Blocked::HoldExpired),
            State::Released => return Answer::Refused(Blocked::AlreadyReleased),
            State::Held | State::Redeemed => {}
        }
        let left: Vec<usize> = entry.in_force().map(|(leg, _)| leg).collect();
        if let Part::Legs(legs) = part {
            let named = |leg: &usize| (legs >> leg) & 1 == 1;
            if !left.iter().any(named) {
                return Answer::Refused(Blocked::AlreadyReleased);
            }
            if !left.iter().all(named) {
                entry.gone.extend(left.into_iter().filter(named));
                entry.releases.push((release_id, part));
                return Answer::Done(entry.standing());
            }
        }
        let given = if let Part::Of(given) = part { given } else { entry.live };
        if given == 0 || given > entry.live {
            return Answer::Refused(Blocked::ReleaseExceeds { left: entry.live });
        }
        entry.live -= given;
        entry.releases.push((release_id, part));
        if entry.live == 0 {
            entry.end(State::Released);
        }
        Answer::Done(entry.standing())
    }

    fn extend(&mut self, id: PostingId, until: Timestamp, now: Timestamp) -> Answer {
        let Some(entry) = self.find(id) else { return Answer::Refused(Blocked::HoldNotFound) };
        if entry.until == Some(until) {
            return Answer::Replayed(entry.standing());
        }
        match entry.state {
            State::Held if until > now => {
                entry.until = Some(until);
                Answer::Done(entry.standing())
            }
            State::Held | State::Expired => Answer::Refused(Blocked::HoldExpired),
            State::Redeemed => Answer::Refused(Blocked::HoldNotFound),
            State::Released => Answer::Refused(Blocked::AlreadyReleased),
        }
    }
}

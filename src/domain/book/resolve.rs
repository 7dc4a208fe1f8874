//! What happens to a posting after it was accepted: confirm, release, extend.

use std::sync::Arc;

use super::settle::Force;
use super::{
    Blocked, Book, Confirmed, EventKind, Leg, Outcome, Part, PostingId, Receipt, State, Timestamp,
};
use crate::domain::posting::{RELEASES_MAX, Released};

impl Book {
    /// Turns a hold into a redemption; what is not confirmed is given back.
    pub(super) fn confirm(&mut self, id: PostingId, part: Part, now: Timestamp) -> Outcome {
        self.expire_if_over(id, now);
        let Some(known) = self.receipts.get(&id) else {
            return Outcome::Refused(Blocked::HoldNotFound);
        };
        if let Some(confirm) = &known.confirm {
            return if confirm.part == part {
                Outcome::Replayed(Arc::clone(known))
            } else {
                Outcome::Mismatch
            };
        }
        let live = known.live();
        let wanted = match (known.state, part) {
            (State::Redeemed, _) => return Outcome::Refused(Blocked::HoldNotFound),
            (State::Released, _) => return Outcome::Refused(Blocked::AlreadyReleased),
            (State::Expired, _) => return Outcome::Refused(Blocked::HoldExpired),
            (State::Held, Part::All) => live,
            (State::Held, Part::Of(wanted)) => wanted,
            (State::Held, Part::Legs(_)) => 0,
        };
        if wanted == 0 || wanted > live {
            return Outcome::Refused(Blocked::ConfirmExceeds { left: live });
        }
        // From here it must succeed.
        let Some(mut receipt) = self.receipts.remove(&id).map(Arc::unwrap_or_clone) else {
            return Outcome::Refused(Blocked::HoldNotFound);
        };
        self.close_hold(&receipt);
        self.settle(&receipt, u64::MAX, (Force::Held, live), (Force::Used, wanted), now);
        receipt.state = State::Redeemed;
        receipt.confirmed = receipt.released + wanted;
        let after = self.standings(&receipt, now);
        let event = self.record(EventKind::Confirmed, &receipt, now);
        receipt.confirm = Some(Confirmed { part, at: now, event, after });
        self.finish(receipt)
    }

    /// Gives back a hold or a redemption, or a part of it, and puts in what somebody gets for it.
    pub(super) fn release(
        &mut self,
        id: PostingId,
        release_id: PostingId,
        part: Part,
        credit: Option<&Leg>,
        now: Timestamp,
    ) -> Outcome {
        self.expire_if_over(id, now);
        let Some(known) = self.receipts.get(&id) else {
            return Outcome::Refused(Blocked::NotFound);
        };
        if let Some(first) = known.releases.iter().find(|release| release.id == release_id) {
            return if first.is_for(part, credit) {
                Outcome::Replayed(Arc::clone(known))
            } else {
                Outcome::Mismatch
            };
        }
        if known.state == State::Expired {
            return Outcome::Refused(Blocked::HoldExpired);
        }
        let share = match Share::of(known, part) {
            Ok(share) => share,
            Err(blocked) => return Outcome::Refused(blocked),
        };
        if let Some(credit) = credit {
            assert!(matches!(credit, Leg::Earn { .. }), "a credit is earned");
            let credit = std::slice::from_ref(credit);
            self.reclaim(credit, now);
            if let Err(blocked) = self.check(credit, now) {
                return Outcome::Refused(blocked);
            }
        }
        // From here it must succeed.
        let Some(receipt) = self.receipts.remove(&id).map(Arc::unwrap_or_clone) else {
            return Outcome::Refused(Blocked::NotFound);
        };
        self.give_back(receipt, share, (release_id, part, credit), now)
    }

    fn give_back(
        &mut self,
        mut receipt: Receipt,
        share: Share,
        (id, part, credit): (PostingId, Part, Option<&Leg>),
        now: Timestamp,
    ) -> Outcome {
        let Share { legs, live, keeps, given } = share;
        let force = if receipt.state == State::Held { Force::Held } else { Force::Used };
        if force == Force::Held {
            self.close_hold(&receipt);
        }
        let losses = self.settle(&receipt, legs, (force, live), (force, keeps), now);
        receipt.released += given;
        if let Part::Legs(_) = part {
            receipt.gone |= legs;
        }
        match (live == given, force, receipt.until) {
            (true, ..) => receipt.state = State::Released,
            (false, Force::Held, Some(until)) => self.open_hold(&receipt, until),
            (false, ..) => {}
        }
        let after = self.standings(&receipt, now);
        let credit = credit.map(|leg| {
            let mut result = self.take(leg, Force::Used, 0, now);
            result.after = self.standing(leg, now);
            Box::new((leg.clone(), result))
        });
        let event = self.record(EventKind::Released, &receipt, now);
        let (lapsed, short) = (losses.lapsed, losses.short);
        receipt.releases.push(Released {
            id,
            part,
            given,
            at: now,
            event,
            lapsed,
            short,
            after,
            credit,
        });
        self.finish(receipt)
    }

    /// Gives a hold another end.
    pub(super) fn extend(&mut self, id: PostingId, until: Timestamp, now: Timestamp) -> Outcome {
        self.expire_if_over(id, now);
        let Some(known) = self.receipts.get(&id) else {
            return Outcome::Refused(Blocked::HoldNotFound);
        };
        match known.state {
            _ if known.until == Some(until) => return Outcome::Replayed(Arc::clone(known)),
            State::Held if until > now => {}
            State::Held | State::Expired => return Outcome::Refused(Blocked::HoldExpired),
            State::Redeemed => return Outcome::Refused(Blocked::HoldNotFound),
            State::Released => return Outcome::Refused(Blocked::AlreadyReleased),
        }
        // From here it must succeed.
        let Some(mut receipt) = self.receipts.remove(&id).map(Arc::unwrap_or_clone) else {
            return Outcome::Refused(Blocked::HoldNotFound);
        };
        self.close_hold(&receipt);
        receipt.until = Some(until);
        self.open_hold(&receipt, until);
        self.record(EventKind::Extended, &receipt, now);
        self.finish(receipt)
    }

    pub(super) fn finish(&mut self, receipt: Receipt) -> Outcome {
        let receipt = Arc::new(receipt);
        self.receipts.insert(receipt.id, Arc::clone(&receipt));
        Outcome::Done(receipt)
    }
}

/// What a release is about.
#[derive(Clone, Copy)]
struct Share {
    /// Which legs.
    legs: u64,
    /// How much of the size is in force,
    live: u64,
    /// how much of it those legs keep,
    keeps: u64,
    /// and how much of it is given back.
    given: u64,
}

impl Share {
    /// What `part` means of `known` as it stands.
    fn of(known: &Receipt, part: Part) -> Result<Self, Blocked> {
        let (live, left) = (known.live(), known.legs_left());
        let (legs, keeps, given) = match part {
            _ if live == 0 => return Err(Blocked::AlreadyReleased),
            Part::All => (left, 0, live),
            Part::Of(given) if given == 0 || given > live => {
                return Err(Blocked::ReleaseExceeds { left: live });
            }
            Part::Of(given) => (left, live - given, given),
            Part::Legs(legs) => match legs & left {
                0 => return Err(Blocked::AlreadyReleased),
                legs if legs == left => (legs, 0, live),
                legs => (legs, 0, 0),
            },
        };
        if known.releases.len() + 1 >= RELEASES_MAX && given < live {
            return Err(Blocked::ReleaseExceeds { left: live });
        }
        Ok(Self { legs, live, keeps, given })
    }
}

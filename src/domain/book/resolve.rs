//! What happens to a posting after it was accepted: confirm, release, extend.

use super::settle::Force;
use super::{
    Blocked, Book, Confirmed, EventKind, Outcome, Part, PostingId, Receipt, State, Timestamp,
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
                Outcome::Replayed(Box::new(known.clone()))
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
        };
        if wanted == 0 || wanted > live {
            return Outcome::Refused(Blocked::ConfirmExceeds { left: live });
        }
        // From here it must succeed.
        let Some(mut receipt) = self.receipts.remove(&id) else {
            return Outcome::Refused(Blocked::HoldNotFound);
        };
        self.close_hold(&receipt);
        self.settle(&receipt, (Force::Held, live), (Force::Used, wanted), now);
        receipt.state = State::Redeemed;
        receipt.confirmed = receipt.released + wanted;
        let after = self.standings(&receipt);
        let event = self.record(EventKind::Confirmed, &receipt, now);
        receipt.confirm = Some(Confirmed { part, at: now, event, after });
        self.finish(receipt)
    }

    /// Gives back a hold or a redemption, or a part of it.
    pub(super) fn release(
        &mut self,
        id: PostingId,
        release_id: PostingId,
        part: Part,
        now: Timestamp,
    ) -> Outcome {
        self.expire_if_over(id, now);
        let Some(known) = self.receipts.get(&id) else {
            return Outcome::Refused(Blocked::NotFound);
        };
        if let Some(first) = known.releases.iter().find(|release| release.id == release_id) {
            return if first.part == part {
                Outcome::Replayed(Box::new(known.clone()))
            } else {
                Outcome::Mismatch
            };
        }
        if known.state == State::Expired {
            return Outcome::Refused(Blocked::HoldExpired);
        }
        let live = known.live();
        if live == 0 {
            return Outcome::Refused(Blocked::AlreadyReleased);
        }
        let given = match part {
            Part::All => live,
            Part::Of(given) => given,
        };
        let too_many = known.releases.len() + 1 >= RELEASES_MAX && given < live;
        if given == 0 || given > live || too_many {
            return Outcome::Refused(Blocked::ReleaseExceeds { left: live });
        }
        // From here it must succeed.
        let Some(mut receipt) = self.receipts.remove(&id) else {
            return Outcome::Refused(Blocked::NotFound);
        };
        let force = if receipt.state == State::Held { Force::Held } else { Force::Used };
        if force == Force::Held {
            self.close_hold(&receipt);
        }
        let losses = self.settle(&receipt, (force, live), (force, live - given), now);
        receipt.released += given;
        match (live == given, force, receipt.until) {
            (true, ..) => receipt.state = State::Released,
            (false, Force::Held, Some(until)) => self.open_hold(&receipt, until),
            (false, ..) => {}
        }
        let after = self.standings(&receipt);
        let event = self.record(EventKind::Released, &receipt, now);
        let (lapsed, short) = (losses.lapsed, losses.short);
        receipt.releases.push(Released {
            id: release_id,
            part,
            given,
            at: now,
            event,
            lapsed,
            short,
            after,
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
            _ if known.until == Some(until) => return Outcome::Replayed(Box::new(known.clone())),
            State::Held if until > now => {}
            State::Held | State::Expired => return Outcome::Refused(Blocked::HoldExpired),
            State::Redeemed => return Outcome::Refused(Blocked::HoldNotFound),
            State::Released => return Outcome::Refused(Blocked::AlreadyReleased),
        }
        // From here it must succeed.
        let Some(mut receipt) = self.receipts.remove(&id) else {
            return Outcome::Refused(Blocked::HoldNotFound);
        };
        self.close_hold(&receipt);
        receipt.until = Some(until);
        self.open_hold(&receipt, until);
        self.record(EventKind::Extended, &receipt, now);
        self.finish(receipt)
    }

    fn finish(&mut self, receipt: Receipt) -> Outcome {
        self.receipts.insert(receipt.id, receipt.clone());
        Outcome::Done(Box::new(receipt))
    }
}

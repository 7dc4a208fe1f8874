//! Writing what the functions read.

use rmp::encode;

use super::{BALANCE, COUNTER, MOMENT_MAX, REGISTER, UINT_MAX, state_number};
use crate::domain::id::PostingId;
use crate::domain::posting::{
    AtCap, ClawBack, Command, Facet, Key, Leg, LegResult, Mark, Mode, Opening, Part, Receipt, Take,
    Unset,
};
use crate::domain::time::Timestamp;

/// Writes what the functions read.
#[derive(Default)]
pub(in crate::ledger::redis) struct Writer(pub(super) Vec<u8>);

impl Writer {
    pub(in crate::ledger::redis) fn done(self) -> Vec<u8> {
        self.0
    }

    // Writing into memory cannot fail.
    pub(super) fn map(&mut self, len: usize) {
        let len = u32::try_from(len).unwrap_or(u32::MAX);
        let _written = encode::write_map_len(&mut self.0, len);
    }

    pub(in crate::ledger::redis) fn array(&mut self, len: usize) {
        let _written = encode::write_array_len(&mut self.0, u32::try_from(len).unwrap_or(u32::MAX));
    }

    /// What a double cannot name is more than anything is allowed to be, and refused as such.
    pub(in crate::ledger::redis) fn uint(&mut self, value: u64) {
        let _written = encode::write_uint(&mut self.0, value.min(UINT_MAX));
    }

    pub(super) fn int(&mut self, value: i64) {
        let _written = encode::write_sint(&mut self.0, value);
    }

    pub(in crate::ledger::redis) fn flag(&mut self, value: bool) {
        let _written = encode::write_bool(&mut self.0, value);
    }

    pub(super) fn absent(&mut self) {
        self.flag(false);
    }

    /// A value that is packed already.
    pub(in crate::ledger::redis) fn packed(&mut self, packed: &[u8]) {
        self.0.extend_from_slice(packed);
    }

    pub(in crate::ledger::redis) fn bytes(&mut self, bytes: &[u8]) {
        let len = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        let _written = encode::write_str_len(&mut self.0, len);
        self.0.extend_from_slice(bytes);
    }

    pub(in crate::ledger::redis) fn moment(&mut self, moment: Timestamp) {
        self.int(moment.0.clamp(-MOMENT_MAX, MOMENT_MAX));
    }

    pub(in crate::ledger::redis) fn maybe_moment(&mut self, moment: Option<Timestamp>) {
        match moment {
            Some(moment) if moment.0 < MOMENT_MAX => self.moment(moment),
            _ => self.absent(),
        }
    }

    pub(super) fn maybe_uint(&mut self, value: Option<u64>) {
        match value {
            Some(value) => self.uint(value),
            None => self.absent(),
        }
    }

    pub(super) fn entry(&mut self, letter: u8, key: &Key) {
        self.bytes(&key.owner.0);
        self.entry_name(letter, key.facet);
    }

    /// The name of a record among its owner's.
    pub(super) fn entry_name(&mut self, letter: u8, facet: Facet) {
        let mut name = [letter; 9];
        if let Some((_, tail)) = name.split_first_chunk_mut::<1>() {
            tail.copy_from_slice(&facet.0.to_be_bytes());
        }
        self.bytes(&name);
    }

    /// A lot's moments: its end, or its end and from when on it can be spent.
    pub(super) fn moments(
        &mut self,
        expires: Option<Timestamp>,
        spendable_from: Option<Timestamp>,
    ) {
        let Some(from) = spendable_from else { return self.maybe_moment(expires) };
        self.array(2);
        self.maybe_moment(expires);
        self.moment(from);
    }

    pub(super) fn legs_gone(&mut self, gone: u64) {
        match gone {
            0 => self.absent(),
            gone => self.bytes(&gone.to_be_bytes()),
        }
    }

    pub(super) fn opening(&mut self, opening: Option<&Opening>) {
        self.maybe_uint(opening.map(|opening| opening.amount));
        self.maybe_moment(opening.and_then(|opening| opening.expires));
    }

    pub(super) fn limit(&mut self, max: u64) {
        self.maybe_uint(Some(max).filter(|max| *max != u64::MAX));
    }

    pub(super) fn part(&mut self, part: Part) {
        match part {
            Part::All => self.absent(),
            Part::Of(part) => self.uint(part),
            Part::Legs(legs) => self.bytes(&legs.to_be_bytes()),
        }
    }

    /// What a leg did in another partition.
    pub(in crate::ledger::redis) fn result(&mut self, result: &LegResult, leg: &Leg) {
        self.array(4);
        self.uint(result.amount);
        self.uint(result.after);
        self.array(2 * result.lots.len());
        for lot in &result.lots {
            self.uint(lot.amount);
            self.moments(lot.expires, lot.spendable_from);
        }
        let Some(before) = result.before else { return self.absent() };
        self.array(2);
        if matches!(leg, Leg::Zone { .. }) {
            self.bytes(&before.value.to_be_bytes());
        } else {
            self.int(before.value);
        }
        self.uint(before.event);
    }

    /// The question what is known of a posting, whatever time it is.
    pub(in crate::ledger::redis) fn status(&mut self, id: PostingId) {
        self.array(3);
        self.uint(6);
        self.bytes(&id.0);
        self.moment(Timestamp(i64::MIN));
    }

    /// Where a posting stands, for those who follow.
    pub(in crate::ledger::redis) fn target(&mut self, receipt: &Receipt, step: u64) {
        self.array(7);
        self.uint(step);
        self.uint(state_number(receipt.state));
        self.uint(receipt.size);
        self.uint(receipt.confirmed);
        self.uint(receipt.released);
        self.maybe_moment(receipt.until);
        self.legs_gone(receipt.gone);
    }

    pub(super) fn leg(&mut self, leg: &Leg) {
        match leg {
            Leg::Count { key, n, max, keep_until } => {
                self.array(6);
                self.uint(1);
                self.entry(COUNTER, key);
                self.uint(*n);
                self.limit(*max);
                self.maybe_moment(*keep_until);
            }
            Leg::Once { marker, key, n, max, keep_until, counter_keep_until } => {
                self.array(9);
                self.uint(2);
                self.entry(COUNTER, key);
                self.uint(*n);
                self.limit(*max);
                self.maybe_moment(*keep_until);
                self.entry(COUNTER, marker);
                self.maybe_moment(*counter_keep_until);
            }
            Leg::Interval { key, min_ms, mark } => {
                self.array(5);
                self.uint(3);
                self.entry(REGISTER, key);
                self.int((*min_ms).clamp(-MOMENT_MAX, MOMENT_MAX));
                self.flag(*mark == Mark::First);
            }
            Leg::Zone { key, from, from_unset, to, keep_until } => {
                self.array(7);
                self.uint(4);
                self.entry(REGISTER, key);
                self.bytes(&from.to_be_bytes());
                self.flag(*from_unset == Unset::Passes);
                self.bytes(&to.to_be_bytes());
                self.maybe_moment(*keep_until);
            }
            Leg::Spend { key, amount, take, opening } => {
                self.array(7);
                self.uint(5);
                self.entry(BALANCE, key);
                self.uint(*amount);
                self.flag(*take == Take::Exact);
                self.opening(opening.as_ref());
            }
            Leg::Earn {
                key,
                amount,
                lot_expires,
                spendable_from,
                cap,
                at_cap,
                claw_back,
                opening,
            } => {
                self.array(11);
                self.uint(6);
                self.entry(BALANCE, key);
                self.uint(*amount);
                self.maybe_moment(*lot_expires);
                self.maybe_uint(*cap);
                self.flag(*at_cap == AtCap::Refuse);
                self.opening(opening.as_ref());
                // "Never" would be "at once" if it were absent.
                match spendable_from {
                    Some(from) => self.moment(*from),
                    None => self.absent(),
                }
                self.flag(*claw_back == ClawBack::Debt);
            }
        }
    }

    /// The legs, packed by themselves, because a receipt keeps them so.
    pub(in crate::ledger::redis) fn legs(&mut self, legs: &[Leg]) {
        let mut packed = Self(Vec::with_capacity(64));
        packed.array(legs.len());
        for leg in legs {
            packed.leg(leg);
        }
        self.bytes(&packed.0);
    }

    pub(in crate::ledger::redis) fn mode(&mut self, mode: Mode) {
        match mode {
            Mode::Post => self.absent(),
            Mode::Hold { until } => self.moment(until),
        }
    }
}

/// A command as the functions read it.
pub(in crate::ledger::redis) fn packed(command: &Command) -> Vec<u8> {
    let mut out = Writer(Vec::with_capacity(128));
    match command {
        Command::Post(posting) => {
            out.array(8);
            out.uint(1);
            out.bytes(&posting.id.0);
            out.bytes(&posting.fingerprint.to_be_bytes());
            out.mode(posting.mode);
            out.uint(posting.size);
            out.legs(&posting.legs);
            out.bytes(&posting.note);
            out.moment(posting.now);
        }
        Command::Recall { id, fingerprint, mode, now } => {
            out.array(5);
            out.uint(2);
            out.bytes(&id.0);
            out.bytes(&fingerprint.to_be_bytes());
            out.mode(*mode);
            out.moment(*now);
        }
        Command::Confirm { id, part, now } => {
            out.array(4);
            out.uint(3);
            out.bytes(&id.0);
            out.part(*part);
            out.moment(*now);
        }
        Command::Release { .. } => return packed_release(command, None),
        Command::Extend { id, until, now } => {
            out.array(4);
            out.uint(5);
            out.bytes(&id.0);
            out.moment(*until);
            out.moment(*now);
        }
        Command::Status { id, now } => {
            out.array(3);
            out.uint(6);
            out.bytes(&id.0);
            out.moment(*now);
        }
        Command::Look { owners } => {
            out.array(1 + owners.len());
            out.uint(7);
            for owner in owners {
                out.bytes(&owner.0);
            }
        }
    }
    out.done()
}

/// A release as the functions read it, with its credit where that is prepared elsewhere.
pub(in crate::ledger::redis) fn packed_release(
    command: &Command,
    prepared: Option<&Credit<'_>>,
) -> Vec<u8> {
    let mut out = Writer(Vec::with_capacity(128));
    let Command::Release { id, release_id, part, credit, now } = command else { return out.0 };
    out.array(7);
    out.uint(4);
    out.bytes(&id.0);
    out.bytes(&release_id.0);
    out.part(*part);
    out.moment(*now);
    match credit {
        Some(credit) => out.legs(std::slice::from_ref(credit)),
        None => out.absent(),
    }
    match prepared {
        Some(prepared) => {
            out.array(4);
            out.bytes(&prepared.id.0);
            out.bytes(&prepared.attempt);
            out.uint(prepared.partition.into());
            out.result(prepared.result, prepared.leg);
        }
        None => out.absent(),
    }
    out.0
}

/// A credit that is prepared in another partition.
pub(in crate::ledger::redis) struct Credit<'a> {
    /// What it is called there.
    pub(in crate::ledger::redis) id: PostingId,
    pub(in crate::ledger::redis) attempt: [u8; 8],
    pub(in crate::ledger::redis) partition: u16,
    pub(in crate::ledger::redis) leg: &'a Leg,
    /// What it did there so far.
    pub(in crate::ledger::redis) result: &'a LegResult,
}

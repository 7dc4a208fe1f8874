//! What the functions keep, written as they write it themselves.

use super::{BALANCE, COUNTER, REGISTER, Writer, kind_number, state_number};
use crate::domain::book::{Change, Counter, Event, Record, Register, Slot};
use crate::domain::id::PostingId;
use crate::domain::posting::{Confirmed, Facet, FacetKind, Key, Receipt, Released, Setting};
use crate::domain::time::Timestamp;

/// The open holds on one key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::ledger::redis) struct Held {
    pub(in crate::ledger::redis) facet: Facet,
    /// What they keep together.
    pub(in crate::ledger::redis) kept: u64,
    /// What they will earn.
    pub(in crate::ledger::redis) earning: u64,
    pub(in crate::ledger::redis) first_end: Timestamp,
    pub(in crate::ledger::redis) count: u64,
}

impl Writer {
    /// An owner's record.
    pub(in crate::ledger::redis) fn owner(
        &mut self,
        ids: &[PostingId],
        records: &[Record],
        held: &[Held],
    ) {
        self.array(3);
        self.bytes(&ids.iter().flat_map(|id| id.0).collect::<Vec<u8>>());
        self.map(records.len());
        for record in records {
            let (letter, key) = entry_of(record);
            self.entry_name(letter, key.facet);
            self.record(record);
        }
        if held.is_empty() {
            return self.absent();
        }
        self.map(held.len());
        for held in held {
            self.bytes(&held.facet.0.to_be_bytes());
            self.array(5);
            self.uint(held.kept);
            self.uint(held.earning);
            self.moment(held.first_end);
            self.uint(held.count);
            self.uint(0);
        }
    }

    fn record(&mut self, record: &Record) {
        match record {
            Record::Counter(_, Counter { used, keep_until }) => {
                self.array(2);
                self.uint(*used);
                self.maybe_moment(Some(*keep_until));
            }
            Record::Register(key, Register { setting, keep_until }) => {
                self.array(3);
                self.setting(*setting, key.facet.is(FacetKind::Zone));
                self.maybe_moment(Some(*keep_until));
            }
            Record::Balance(_, balance) => {
                self.array(5);
                self.uint(balance.earned);
                self.uint(balance.taken);
                self.uint(balance.lapsed);
                self.array(2 * balance.lots.len());
                for lot in &balance.lots {
                    self.uint(lot.amount);
                    self.moments(lot.expires, lot.spendable_from);
                }
                self.uint(balance.debt);
            }
        }
    }

    /// A zone has 64 bits, a moment fits into a double.
    fn setting(&mut self, setting: Setting, is_zone: bool) {
        if is_zone {
            self.bytes(&setting.value.to_be_bytes());
        } else {
            self.int(setting.value);
        }
        self.uint(setting.event);
    }

    /// A receipt of a posting that is in one place.
    pub(in crate::ledger::redis) fn receipt(&mut self, receipt: &Receipt) {
        self.array(16);
        self.bytes(&receipt.fingerprint.to_be_bytes());
        self.uint(state_number(receipt.state));
        self.uint(receipt.size);
        self.uint(receipt.confirmed);
        self.uint(receipt.released);
        self.maybe_moment(receipt.until);
        self.maybe_moment(receipt.first_until);
        self.moment(receipt.at);
        self.uint(receipt.event);
        match &receipt.confirm {
            Some(confirm) => self.confirm(confirm),
            None => self.absent(),
        }
        self.legs(&receipt.legs);
        self.array(receipt.results.len());
        for (leg, result) in receipt.legs.iter().zip(&receipt.results) {
            self.result(result, leg);
        }
        self.bytes(&receipt.note);
        self.array(receipt.releases.len());
        for release in &receipt.releases {
            self.release(release);
        }
        self.absent();
        self.legs_gone(receipt.gone);
    }

    fn confirm(&mut self, confirm: &Confirmed) {
        self.array(4);
        self.part(confirm.part);
        self.moment(confirm.at);
        self.uint(confirm.event);
        self.standings(&confirm.after);
    }

    fn release(&mut self, release: &Released) {
        self.array(if release.credit.is_some() { 10 } else { 8 });
        self.bytes(&release.id.0);
        self.part(release.part);
        self.uint(release.given);
        self.moment(release.at);
        self.uint(release.event);
        self.uint(release.lapsed);
        self.uint(release.short);
        self.standings(&release.after);
        if let Some(credit) = &release.credit {
            let (leg, result) = &**credit;
            self.legs(std::slice::from_ref(leg));
            self.result(result, leg);
        }
    }

    fn standings(&mut self, standings: &[u64]) {
        self.array(standings.len());
        for standing in standings {
            self.uint(*standing);
        }
    }

    /// One event.
    pub(in crate::ledger::redis) fn event(&mut self, event: &Event) {
        self.array(5);
        self.uint(event.number);
        self.moment(event.at);
        self.uint(kind_number(event.kind));
        self.bytes(&event.id.0);
        self.array(event.changes.len());
        for change in &event.changes {
            self.change(change);
        }
    }

    fn change(&mut self, change: &Change) {
        let (letter, key) = match change {
            Change::Is(record, _) => entry_of(record),
            Change::Gone(Slot::Counter(key)) => (COUNTER, *key),
            Change::Gone(Slot::Register(key)) => (REGISTER, *key),
            Change::Gone(Slot::Balance(key)) => (BALANCE, *key),
        };
        self.array(4);
        self.entry(letter, &key);
        match change {
            Change::Is(record, held) => {
                self.record(record);
                self.uint(*held);
            }
            Change::Gone(_) => {
                self.absent();
                self.uint(0);
            }
        }
    }
}

fn entry_of(record: &Record) -> (u8, Key) {
    match record {
        Record::Counter(key, _) => (COUNTER, *key),
        Record::Register(key, _) => (REGISTER, *key),
        Record::Balance(key, _) => (BALANCE, *key),
    }
}

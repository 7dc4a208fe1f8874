//! What is in an installation, counted and added up: two of them are equal when their tallies are.
//!
//! The checksum does not depend on the order of things, nor on the numbers of events, which differ
//! from store to store.

use serde::{Deserialize, Serialize};

use crate::catalog::archive::Table;
use crate::domain::book::Record;
use crate::domain::code::CodeKey;
use crate::domain::posting::State;
use crate::ledger::archive::{Item, encode};

/// Counts and totals.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct Tally {
    pub(super) campaigns: u64,
    pub(super) versions: u64,
    pub(super) batches: u64,
    pub(super) codes: u64,
    pub(super) overrides: u64,
    pub(super) tokens: u64,
    pub(super) audit_lines: u64,
    /// Accounts, groups, slots and policies.
    pub(super) definitions: u64,
    pub(super) events: u64,
    pub(super) receipts: u64,
    pub(super) open_holds: u64,
    pub(super) counters: u64,
    pub(super) registers: u64,
    pub(super) balances: u64,
    /// The sum of all counters.
    pub(super) used: u64,
    /// The sum of what is in all balances.
    pub(super) in_balances: u64,
    /// The sum of the hashes of all records.
    pub(super) checksum: Checksum,
}

/// A sum of hashes, in four parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub(super) struct Checksum([u64; 4]);

impl Checksum {
    fn add(&mut self, hash: &blake3::Hash) {
        for (sum, part) in self.0.iter_mut().zip(hash.as_bytes().as_chunks::<8>().0) {
            *sum = sum.wrapping_add(u64::from_be_bytes(*part));
        }
    }
}

impl From<Checksum> for String {
    fn from(checksum: Checksum) -> Self {
        checksum.0.iter().map(|part| format!("{part:016x}")).collect()
    }
}

impl TryFrom<String> for Checksum {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let mut parts = [0; 4];
        for (place, part) in parts.iter_mut().enumerate() {
            let digits = text.get(place * 16..place * 16 + 16).ok_or("a checksum is too short")?;
            *part = u64::from_str_radix(digits, 16).map_err(|error| error.to_string())?;
        }
        Ok(Self(parts))
    }
}

impl Tally {
    /// Adds a record of the catalog. Lines of the audit log have other numbers elsewhere.
    pub(super) fn add_pair(&mut self, table: Table, key: &[u8], value: &[u8]) {
        match table {
            Table::Campaigns => self.campaigns += 1,
            Table::Definitions => self.definitions += 1,
            Table::Versions => self.versions += 1,
            Table::Batches => self.batches += 1,
            Table::Keys => self.codes += (value.len() / CodeKey::LEN) as u64,
            Table::Overrides => self.overrides += 1,
            Table::Tokens => self.tokens += 1,
            Table::Audit => self.audit_lines += 1,
            Table::Series | Table::Requests | Table::Texts => {}
        }
        let key = if table == Table::Audit { &[] } else { key };
        let mut hash = blake3::Hasher::new();
        hash.update(&[table as u8]).update(&(key.len() as u64).to_be_bytes());
        self.checksum.add(&hash.update(key).update(value).finalize());
    }

    /// Adds an item of the ledger.
    pub(super) fn add_item(&mut self, mut item: Item) {
        match &item {
            Item::Event(_) => self.events += 1,
            Item::Receipt(receipt) => {
                self.receipts += 1;
                self.open_holds += u64::from(receipt.state == State::Held);
            }
            Item::Owner(_, records) => records.iter().for_each(|record| self.add_record(record)),
        }
        item.renumber(|_| 0);
        self.checksum.add(&blake3::hash(&encode(&item)));
    }

    fn add_record(&mut self, record: &Record) {
        match record {
            Record::Counter(_, counter) => {
                self.counters += 1;
                self.used = self.used.saturating_add(counter.used);
            }
            Record::Register(..) => self.registers += 1,
            Record::Balance(_, balance) => {
                self.balances += 1;
                for lot in &balance.lots {
                    self.in_balances = self.in_balances.saturating_add(lot.amount);
                }
            }
        }
    }

    /// Items of the ledger, about.
    pub(super) fn items(&self) -> u64 {
        self.events + self.receipts + self.counters
    }

    /// Names and values, for people.
    pub(super) fn rows(&self) -> [(&'static str, String); 17] {
        let Self { campaigns, versions, batches, codes, overrides, tokens, audit_lines, .. } = self;
        let Self { events, receipts, open_holds, counters, registers, balances, .. } = self;
        [
            ("campaigns", campaigns.to_string()),
            ("versions", versions.to_string()),
            ("batches", batches.to_string()),
            ("codes", codes.to_string()),
            ("overrides", overrides.to_string()),
            ("tokens", tokens.to_string()),
            ("audit lines", audit_lines.to_string()),
            ("definitions", self.definitions.to_string()),
            ("events", events.to_string()),
            ("receipts", receipts.to_string()),
            ("open holds", open_holds.to_string()),
            ("counters", counters.to_string()),
            ("registers", registers.to_string()),
            ("balances", balances.to_string()),
            ("used", self.used.to_string()),
            ("in balances", self.in_balances.to_string()),
            ("checksum", String::from(self.checksum)),
        ]
    }
}

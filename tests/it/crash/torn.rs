//! Torn writes: what the power leaves of the newest journal file, cut at any byte.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::panic::UnwindSafe;
use std::path::{Path, PathBuf};

use jeton::domain::posting::FacetKind;
use jeton::domain::time::Timestamp;
use jeton::ledger::{Ledger, OpenError};
use jeton::testing::key;

use super::check;
use crate::ledgers::executor::{ask, options, outcomes, scratch};
use crate::ledgers::use_one;
use crate::ledgers::workload::{BATCHES, batches};

/// Journal files have this length from the beginning, zeros behind what was written.
const JOURNAL_BYTES: u64 = 64 << 20;

/// A directory with the ledger that has done all its work, and where in the journal each batch
/// ends; the first place is where the empty ledger ends.
struct Original {
    dir: tempfile::TempDir,
    journal: Vec<u8>,
    ends: Vec<usize>,
}

impl Original {
    /// Does the work and copies what is on disk while the ledger is still open.
    fn new() -> Self {
        let (live, dir) = (scratch(), scratch());
        let ledger = Ledger::open(options(live.path())).unwrap();
        let journal = journal_in(live.path());
        let mut ends = vec![written(&journal).len()];
        for batch in batches() {
            outcomes(ask(&ledger, &batch));
            ends.push(written(&journal).len());
        }
        copy(live.path(), dir.path());
        Self { dir, journal: written(&journal), ends }
    }

    /// How many batches end within the first so many bytes.
    fn whole(&self, bytes: usize) -> usize {
        self.ends.iter().filter(|end| **end <= bytes).count().saturating_sub(1)
    }

    /// A copy whose journal is `bytes`.
    fn with_journal(&self, bytes: &[u8], tail: Tail) -> tempfile::TempDir {
        let dir = scratch();
        copy(self.dir.path(), dir.path());
        let mut file = File::create(dir.path().join("ledger").join("0.jnl")).unwrap();
        file.write_all(bytes).unwrap();
        if tail == Tail::Zeros {
            file.set_len(JOURNAL_BYTES).unwrap();
        }
        dir
    }
}

/// What follows the cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tail {
    /// The end of the file.
    Nothing,
    /// What was reserved and not written yet.
    Zeros,
}

/// The only journal file of a small ledger.
fn journal_in(dir: &Path) -> PathBuf {
    let entries = std::fs::read_dir(dir.join("ledger")).unwrap();
    let mut journals: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    journals.retain(|path| path.extension().is_some_and(|extension| extension == "jnl"));
    assert_eq!(journals.len(), 1, "{journals:?}");
    journals.remove(0)
}

/// What was written to a journal: all before its zeros. An entry ends with a mark that is not zero.
fn written(journal: &Path) -> Vec<u8> {
    let mut bytes = vec![0; 1 << 20];
    let mut file = File::open(journal).unwrap();
    file.seek(SeekFrom::Start(0)).unwrap();
    let read = file.read(&mut bytes).unwrap();
    bytes.truncate(read);
    let end = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    assert!(end < read, "the work is larger than what is read");
    bytes.truncate(end);
    bytes
}

/// Copies a directory without its journals.
fn copy(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            std::fs::create_dir_all(&to).unwrap();
            copy(&entry.path(), &to);
        } else if entry.path().extension().is_none_or(|extension| extension != "jnl") {
            std::fs::copy(entry.path(), &to).unwrap();
        }
    }
}

/// What came of opening a damaged copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Opened {
    /// It stands after so many batches, whole.
    After(usize),
    /// It was refused with an error that says why.
    Refused,
    /// The store's debug build stumbled over an assertion that the shipped build does not have.
    Asserted,
}

/// Opens a copy in which the first `whole` batches are whole; anything beyond was never answered.
fn open(dir: &Path, whole: usize) -> Opened {
    open_with(dir, whole, || check(dir, 0, BATCHES).unwrap())
}

/// Opens a copy; what opens is checked by `check`.
fn open_with(dir: &Path, whole: usize, check: impl FnOnce() -> usize + UnwindSafe) -> Opened {
    let opened = std::panic::catch_unwind(move || match Ledger::open(options(dir)) {
        Ok(ledger) => {
            drop(ledger);
            Opened::After(check())
        }
        Err(OpenError::Store { what, .. }) if what.contains("JournalRecovery") => Opened::Refused,
        Err(error) => panic!("with {whole} whole batches: {error}"),
    });
    opened.unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().cloned().unwrap_or_default();
        let lengths = text.starts_with("assertion `left == right` failed\n  left: ");
        assert!(cfg!(debug_assertions) && lengths, "with {whole} whole batches: {text}");
        Opened::Asserted
    })
}

#[test]
fn a_journal_that_ends_anywhere_opens_with_its_whole_batches() {
    let original = Original::new();
    let (first, last) = (original.ends[0], original.ends[BATCHES]);
    // Around every other end, and evenly between.
    let mut cuts: Vec<usize> = (first..=last).step_by((last - first) / 40).collect();
    cuts.extend(original.ends.iter().step_by(2).flat_map(|end| [end - 1, *end, end + 1]));
    cuts.retain(|cut| (first..=last).contains(cut));
    cuts.sort_unstable();
    cuts.dedup();
    let mut asserted = 0;
    for cut in &cuts {
        for tail in [Tail::Nothing, Tail::Zeros] {
            let dir = original.with_journal(&original.journal[..*cut], tail);
            let whole = original.whole(*cut);
            match open(dir.path(), whole) {
                Opened::Asserted if tail == Tail::Zeros => asserted += 1,
                opened => assert_eq!(opened, Opened::After(whole), "cut at {cut}, then {tail:?}"),
            }
        }
    }
    assert!(asserted * 5 < cuts.len(), "{asserted} of {}", cuts.len());
}

/// The last write reached the disk in parts, and not in order: a sector in its middle is missing.
fn without_sector(journal: &[u8], from: usize) -> impl Iterator<Item = Vec<u8>> {
    const SECTOR: usize = 512;
    let sectors = from / SECTOR..=(journal.len() - 1) / SECTOR;
    sectors.map(move |sector| {
        let mut journal = journal.to_vec();
        let lost = from.max(sector * SECTOR)..journal.len().min((sector + 1) * SECTOR);
        journal[lost].fill(0);
        journal
    })
}

#[test]
fn a_journal_that_lost_a_sector_of_its_last_batch_has_it_whole_or_not_at_all() {
    let original = Original::new();
    for whole in (0..BATCHES).step_by(3) {
        let (begin, end) = (original.ends[whole], original.ends[whole + 1]);
        for journal in without_sector(&original.journal[..end], begin) {
            let dir = original.with_journal(&journal, Tail::Zeros);
            let opened = open(dir.path(), whole);
            let fine = [Opened::After(whole), Opened::Refused, Opened::Asserted];
            assert!(fine.contains(&opened), "batch {whole}: {opened:?}");
        }
    }
}

/// In a commit of many commands the store sees the damage only by its checksum, and then it refuses
/// to open rather than to guess.
#[test]
fn a_large_commit_that_lost_a_sector_is_dropped_whole_or_refused() {
    let (live, empty) = (scratch(), scratch());
    let ledger = Ledger::open(options(live.path())).unwrap();
    outcomes(ask(&ledger, &[use_one("first", "x", 999, Timestamp(0))]));
    let file = journal_in(live.path());
    let begin = written(&file).len();
    let names = (0..30).map(|nr| format!("use{nr}"));
    let many: Vec<_> = names.map(|name| use_one(&name, "x", 999, Timestamp(0))).collect();
    outcomes(ask(&ledger, &many));
    copy(live.path(), empty.path());
    let original = Original { dir: empty, journal: written(&file), ends: Vec::new() };
    for journal in without_sector(&original.journal, begin) {
        let dir = original.with_journal(&journal, Tail::Zeros);
        let opened = open_with(dir.path(), 1, || {
            let ledger = Ledger::open(options(dir.path())).unwrap();
            assert_eq!(ledger.read().used(&key(FacetKind::Uses, "x")), 1);
            assert_eq!(ledger.read().last_event(), 1);
            1
        });
        let fine = [Opened::After(1), Opened::Refused, Opened::Asserted];
        assert!(fine.contains(&opened), "{opened:?}");
    }
}

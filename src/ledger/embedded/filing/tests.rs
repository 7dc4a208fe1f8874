//! What is filed is found, and filing that was cut off is done again.
#![expect(clippy::unwrap_used, reason = "a failed one is a failed test")]

use smallvec::smallvec;

use super::*;
use crate::domain::book::Book;
use crate::domain::id::PostingId;
use crate::domain::posting::{Command, Facet, Key, Leg, Mode, Posting};
use crate::domain::time::Timestamp;
use crate::ledger::embedded::disk::META_LAST_EVENT;

/// A store, the book that it is of, and what is not filed.
struct Scene {
    dir: tempfile::TempDir,
    disk: Arc<Disk>,
    desk: Arc<Desk>,
    book: Book,
    next: u8,
}

fn key(owner: u8) -> Key {
    Key { owner: Owner([owner; 16]), facet: Facet(1) }
}

impl Scene {
    fn new() -> Self {
        Self::at(tempfile::tempdir().unwrap(), 0)
    }

    fn at(dir: tempfile::TempDir, next: u8) -> Self {
        let disk = Arc::new(Disk::open(dir.path()).unwrap());
        let mut book = Book::new();
        disk.load(&mut book).unwrap();
        let desk = Arc::new(Desk::new(disk.filed().unwrap()));
        Self { dir, disk, desk, book, next }
    }

    /// Forgets all that is not on disk.
    fn reopened(self) -> Self {
        let Self { dir, disk, desk, book, next } = self;
        drop((disk, desk, book));
        Self::at(dir, next)
    }

    /// One use for each owner, all in one commit.
    fn redeem(&mut self, owners: &[u8]) {
        for owner in owners {
            self.next += 1;
            let leg = Leg::Count { key: key(*owner), n: 1, max: 999, keep_until: None };
            self.book.apply(&Command::Post(Posting {
                id: PostingId([self.next; 16]),
                fingerprint: 1,
                mode: Mode::Post,
                size: 1,
                legs: smallvec![leg],
                note: Box::default(),
                now: Timestamp(5),
            }));
        }
        let events = self.book.take_events();
        let batch = self.disk.batch(&self.book, &events, &[]);
        let unfiled = self.disk.commit(batch, true).unwrap();
        assert!(!self.desk.put(unfiled), "so few are not filed");
    }

    fn file(&self) {
        self.desk.file(&self.disk).unwrap().unwrap().join().unwrap().unwrap();
    }

    fn history(&self, owner: u8, before: u64, most: usize) -> Vec<u64> {
        self.desk.history(&self.disk, &key(owner).owner, before, most).unwrap()
    }

    fn used(&self) -> Vec<u64> {
        (1..4).map(|owner| self.book.used(&key(owner))).collect()
    }

    #[track_caller]
    fn check(&self) {
        assert_eq!(self.used(), [3, 2, 1]);
        assert_eq!(self.history(1, u64::MAX, 9), [6, 3, 1]);
        assert_eq!(self.history(1, 6, 9), [3, 1]);
        assert_eq!(self.history(1, 6, 1), [3]);
        assert_eq!(self.history(2, u64::MAX, 9), [4, 2]);
        assert_eq!(self.history(3, u64::MAX, 9), [5]);
        assert_eq!(self.history(4, u64::MAX, 9), Vec::<u64>::new());
    }
}

#[test]
fn it_makes_no_difference_how_much_is_filed() {
    for file_after in 0..4 {
        let mut scene = Scene::new();
        for (nr, owners) in [[1, 2], [1, 2], [3, 1]].iter().enumerate() {
            scene.redeem(owners);
            if nr == file_after {
                scene.file();
            }
        }
        scene.check();
        // As after a kill.
        scene = scene.reopened();
        assert_eq!(scene.disk.filed().unwrap(), 6);
        scene.check();
    }
}

#[test]
fn filing_that_was_cut_off_is_done_again() {
    let mut scene = Scene::new();
    scene.redeem(&[1, 2, 1]);
    scene.file();
    scene.redeem(&[2, 3, 1]);
    scene.file();
    // Everything is in its place, but the mark did not get that far.
    scene.disk.meta.insert(META_FILED, 3_u64.to_be_bytes()).unwrap();
    scene = scene.reopened();
    scene.check();
    assert_eq!(scene.disk.filed().unwrap(), 6);
}

#[test]
fn long_histories_are_filed_in_pieces() {
    let mut scene = Scene::new();
    let unfiled = Unfiled {
        history: (1..=600).map(|number| (key(1).owner, number)).collect(),
        last_event: Some(600),
        ..Unfiled::default()
    };
    scene.disk.file(unfiled).unwrap();
    assert_eq!(scene.disk.history.len().unwrap(), 3);
    scene.desk = Arc::new(Desk::new(600));
    assert_eq!(scene.history(1, 514, 3), [513, 512, 511]);
    assert_eq!(scene.history(1, u64::MAX, 999), (1..=600).rev().collect::<Vec<_>>());
}

#[test]
fn forgotten_records_are_gone_and_what_comes_later_counts() {
    let mut scene = Scene::new();
    scene.redeem(&[1, 2]);
    let mut unfiled = Unfiled::default();
    unfiled.forget(Slot::Counter(key(1)));
    unfiled.forget(Slot::Counter(key(2)));
    scene.desk.put(unfiled);
    scene.redeem(&[2]);
    scene.file();
    scene = scene.reopened();
    assert_eq!(scene.used(), [0, 2, 0]);
}

/// The first format filed with each commit, and had no mark.
#[test]
fn a_store_of_the_first_format_is_taken_over() {
    let mut scene = Scene::new();
    scene.redeem(&[1, 2, 1]);
    scene.file();
    scene.disk.meta.insert("format", "1").unwrap();
    scene.disk.meta.remove(META_FILED).unwrap();
    scene = scene.reopened();
    assert_eq!(scene.disk.meta.get("format").unwrap().unwrap(), *b"2");
    assert_eq!(scene.disk.meta.get(META_LAST_EVENT).unwrap().unwrap(), 3_u64.to_be_bytes());
    scene.redeem(&[2, 3, 1]);
    scene = scene.reopened();
    scene.check();
}

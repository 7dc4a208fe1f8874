//! The ledger on this machine's disk: the book in memory, its records in fjall.
//!
//! One thread owns the book. It drains the queue, applies every command in memory, puts the events
//! and the receipts into one batch, commits it, and only then answers. While one batch is on its
//! way to disk, the next collects; nothing waits for a timer. Changed records and histories follow
//! from the events; another thread files them later.
//!
//! Memory does not grow with past redemptions: receipts that are settled leave the book once they
//! are stored, and are fetched again for the batch that names them, before it is applied.

mod archive;
mod disk;
mod filing;
mod record;
mod writer;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard};
use std::thread::JoinHandle;

use tokio::sync::watch;

use super::{Entry, Health, LedgerError, OpenError, Options, Pulse, Submission};
use crate::domain::book::Book;
use crate::domain::id::{Owner, PostingId};
use crate::domain::posting::Receipt;
use disk::Disk;
use filing::Desk;
use writer::Writer;

pub(super) use archive::Whole;
pub use archive::{decode, encode};
#[cfg(feature = "testing")]
pub use writer::Fault;

/// What travels to the writer.
enum Message {
    /// A batch of commands.
    Batch(Submission),
    /// No more will come.
    Close,
}

/// What the writer shares with its callers.
struct Shared {
    book: RwLock<Book>,
    waiting: AtomicUsize,
    pulse: watch::Sender<Pulse>,
    health: watch::Sender<Health>,
}

/// A ledger on disk.
pub struct Embedded {
    shared: Arc<Shared>,
    disk: Arc<Disk>,
    desk: Arc<Desk>,
    queue: SyncSender<Message>,
    queue_max: usize,
    writer: Mutex<Option<JoinHandle<()>>>,
}

impl Embedded {
    pub(super) fn open(options: Options) -> Result<Self, OpenError> {
        let disk = Arc::new(Disk::open(&options.dir)?);
        let mut book = Book::new();
        disk.load(&mut book)?;
        let last_event = book.last_event();
        let desk = Arc::new(Desk::new(disk.filed()?));
        let floor = disk.newest_receipt()?;
        let shared = Arc::new(Shared {
            book: RwLock::new(book),
            waiting: AtomicUsize::new(0),
            pulse: watch::Sender::new(Pulse { last_event }),
            health: watch::Sender::new(Health::Good),
        });
        let (queue, inbox) = sync_channel(options.queue_max);
        let queue_max = options.queue_max;
        let dir = options.dir.clone();
        let stores = (Arc::clone(&disk), Arc::clone(&desk));
        let writer = Writer::new(Arc::clone(&shared), stores, inbox, floor, options);
        let thread = std::thread::Builder::new()
            .name("ledger".to_owned())
            .spawn(move || writer.run())
            .map_err(|error| OpenError::Store { dir, what: error.to_string() })?;
        Ok(Self { shared, disk, desk, queue, queue_max, writer: Mutex::new(Some(thread)) })
    }

    pub(super) fn submit(&self, submission: Submission) {
        let count = submission.tasks.len();
        let before = self.shared.waiting.fetch_add(count, Ordering::Relaxed);
        if before + count > self.queue_max {
            self.shared.waiting.fetch_sub(count, Ordering::Relaxed);
            return (submission.done)(Err(LedgerError::Busy));
        }
        let (refused, why) = match self.queue.try_send(Message::Batch(submission)) {
            Ok(()) => return,
            Err(TrySendError::Full(message)) => (message, LedgerError::Busy),
            Err(TrySendError::Disconnected(message)) => (message, self.why_stopped()),
        };
        self.shared.waiting.fetch_sub(count, Ordering::Relaxed);
        if let Message::Batch(submission) = refused {
            (submission.done)(Err(why));
        }
    }

    fn why_stopped(&self) -> LedgerError {
        match &*self.shared.health.borrow() {
            Health::Poisoned(why) => LedgerError::Poisoned(Arc::clone(why)),
            Health::Good | Health::Away(_) | Health::Fenced(_) => LedgerError::Closed,
        }
    }

    pub(super) fn read(&self) -> RwLockReadGuard<'_, Book> {
        self.shared.book.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn receipt(&self, id: &PostingId) -> Result<Option<Receipt>, LedgerError> {
        if let Some(receipt) = self.read().receipt(id) {
            return Ok(Some(receipt.clone()));
        }
        self.disk.receipt(id)
    }

    pub(super) fn events(&self, after: u64, most: usize) -> Result<Vec<Entry>, LedgerError> {
        self.disk.events(after, self.shared.pulse.borrow().last_event, most)
    }

    pub(super) fn history(
        &self,
        owner: &Owner,
        before: u64,
        most: usize,
    ) -> Result<Vec<Entry>, LedgerError> {
        let numbers = self.desk.history(&self.disk, owner, before, most)?;
        self.disk.entries(numbers)
    }

    pub(super) fn pulse(&self) -> watch::Receiver<Pulse> {
        self.shared.pulse.subscribe()
    }

    pub(super) fn health(&self) -> watch::Receiver<Health> {
        self.shared.health.subscribe()
    }

    pub(super) fn queue_len(&self) -> usize {
        self.shared.waiting.load(Ordering::Relaxed)
    }

    pub(super) fn close(&self) {
        let writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(writer) = writer else { return };
        // The writer may have panicked; then there is nothing to finish.
        if self.queue.send(Message::Close).is_ok() {
            let _stopped = writer.join();
        }
    }
}

impl Drop for Embedded {
    fn drop(&mut self) {
        self.close();
    }
}

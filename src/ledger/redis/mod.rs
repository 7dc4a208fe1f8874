//! The ledger in Redis, for several nodes: the mirror of the book is a library of functions there.
//!
//! A thread of its own takes what is waiting, puts it into one function call, and answers when that
//! is done; a few such calls are on their way at a time. Each call is one atomic step. What a call
//! became is unknown when its connection fails: it is sent again with the same ids until its
//! deadline, and the receipts make that safe.
//!
//! With Cluster, one call reaches one partition only; see `spread` for postings that need several.
//!
//! # Invariants
//! - Every function call checks the fence: without this installation's epoch nothing is read or
//!   written.
//! - An answer leaves only after Redis has promised what [`Durability`](super::Durability) says.

mod archive;
mod call;
mod inspect;
mod library;
mod log;
mod picture;
mod round;
mod spread;
mod wire;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLockReadGuard};
use std::thread::JoinHandle;

use tokio::sync::{mpsc, oneshot, watch};

use super::{Cursor, Entry, Health, Knowledge, LedgerError, OpenError, Options, Pulse, Submission};
use crate::domain::book::Book;
use crate::domain::id::{Owner, PostingId};
use crate::domain::posting::Receipt;
use crate::remote::{self, Remote};
use picture::Picture;
use round::Rounds;

pub(super) use archive::Whole;
pub use inspect::{
    Finding, InitialiseError, Installation, Severity, initialise, inspect, installation,
};
#[cfg(feature = "testing")]
pub use library::Flaw;
#[cfg(feature = "testing")]
pub use spread::Step;

/// Most partitions. More would only make the fences longer.
pub const PARTITIONS_MAX: u16 = 256;

/// The default number of partitions: enough to spread over as many masters.
pub const PARTITIONS_DEFAULT: u16 = 16;

/// The mark of one installation, made once by `jeton init`: what does not carry it is fenced.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Epoch(pub [u8; 16]);

impl Epoch {
    /// As it stands in Redis: 32 hexadecimal digits.
    #[must_use]
    pub fn text(&self) -> String {
        self.0.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

impl std::fmt::Debug for Epoch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text())
    }
}

/// Where the ledger is when it is in Redis.
#[derive(Clone)]
pub struct Place {
    /// The servers.
    pub remote: remote::Options,
    /// The installation's mark.
    pub epoch: Epoch,
    /// How many partitions it was initialised with, 1 to [`PARTITIONS_MAX`].
    pub partitions: u16,
    /// Calls that are on their way at a time, 1 to 8. Default 2: while one is carried out, the
    /// next is on its way.
    pub lanes: u16,
    /// Milliseconds for which settled receipts and events are kept. Default 400 days.
    pub retention_ms: i64,
    /// What is left out of the library, to prove that the tests would notice.
    #[cfg(feature = "testing")]
    pub flaw: Flaw,
    /// After which step the node seems to die, for whoever has a posting over several partitions.
    #[cfg(feature = "testing")]
    pub dies_after: Option<Step>,
    /// How long the node sleeps before it decides a posting over several partitions.
    #[cfg(feature = "testing")]
    pub decides_late: Option<std::time::Duration>,
}

impl Place {
    /// The defaults for `remote`.
    #[must_use]
    pub fn new(remote: remote::Options, epoch: Epoch) -> Self {
        const DAY_MS: i64 = 24 * 3_600_000;
        Self {
            remote,
            epoch,
            partitions: PARTITIONS_DEFAULT,
            lanes: 2,
            retention_ms: 400 * DAY_MS,
            #[cfg(feature = "testing")]
            flaw: Flaw::None,
            #[cfg(feature = "testing")]
            dies_after: None,
            #[cfg(feature = "testing")]
            decides_late: None,
        }
    }
}

/// What is asked of the thread.
enum Message {
    Batch(Submission),
    Receipt(PostingId, oneshot::Sender<Result<Option<Receipt>, LedgerError>>),
    Events(Cursor, usize, oneshot::Sender<Result<(Vec<Entry>, Cursor), LedgerError>>),
    Newest(oneshot::Sender<Result<Cursor, LedgerError>>),
    History(Owner, u64, usize, oneshot::Sender<Result<Vec<Entry>, LedgerError>>),
    Close,
}

/// What the thread shares with its callers.
struct Shared {
    picture: Picture,
    waiting: AtomicUsize,
    pulse: watch::Sender<Pulse>,
    health: watch::Sender<Health>,
}

/// A ledger in Redis.
pub struct Redis {
    shared: Arc<Shared>,
    inbox: mpsc::UnboundedSender<Message>,
    queue_max: usize,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Redis {
    /// Connects, checks the servers and loads the library. Blocks.
    pub(super) fn open(options: Options, place: Place) -> Result<Self, OpenError> {
        let shared = Arc::new(Shared {
            picture: Picture::default(),
            waiting: AtomicUsize::new(0),
            pulse: watch::Sender::new(Pulse::default()),
            health: watch::Sender::new(Health::Good),
        });
        let (inbox, messages) = mpsc::unbounded_channel();
        let (opened, ready) = oneshot::channel();
        let queue_max = options.queue_max;
        let theirs = Arc::clone(&shared);
        let failed = |what: String| OpenError::Remote(what);
        let remote = Remote::new(place.remote.clone()).map_err(|e| failed(e.to_string()))?;
        let thread = std::thread::Builder::new()
            .name("ledger".to_owned())
            .spawn(move || run(theirs, options, place, remote, messages, opened))
            .map_err(|error| failed(error.to_string()))?;
        match ready.blocking_recv() {
            Ok(Ok(())) => {}
            Ok(Err(error)) => return Err(error),
            Err(_gone) => return Err(failed("its thread is gone".to_owned())),
        }
        Ok(Self { shared, inbox, queue_max, thread: Mutex::new(Some(thread)) })
    }

    pub(super) fn submit(&self, submission: Submission) {
        let count = submission.tasks.len();
        let before = self.shared.waiting.fetch_add(count, Ordering::Relaxed);
        if before + count > self.queue_max {
            self.shared.waiting.fetch_sub(count, Ordering::Relaxed);
            return (submission.done)(Err(LedgerError::Busy));
        }
        if let Err(mpsc::error::SendError(Message::Batch(submission))) =
            self.inbox.send(Message::Batch(submission))
        {
            self.shared.waiting.fetch_sub(count, Ordering::Relaxed);
            (submission.done)(Err(LedgerError::Closed));
        }
    }

    fn ask<T>(
        &self,
        message: impl FnOnce(oneshot::Sender<Result<T, LedgerError>>) -> Message,
    ) -> Result<T, LedgerError> {
        let (answered, answer) = oneshot::channel();
        self.inbox.send(message(answered)).map_err(|_gone| LedgerError::Closed)?;
        answer.blocking_recv().unwrap_or(Err(LedgerError::Closed))
    }

    pub(super) fn read(&self) -> RwLockReadGuard<'_, Book> {
        self.shared.picture.read()
    }

    pub(super) fn knowledge(&self, owners: &[Owner]) -> Knowledge {
        self.shared.picture.knowledge(owners)
    }

    pub(super) fn receipt(&self, id: &PostingId) -> Result<Option<Receipt>, LedgerError> {
        self.ask(|answered| Message::Receipt(*id, answered))
    }

    pub(super) fn events(
        &self,
        after: &Cursor,
        most: usize,
    ) -> Result<(Vec<Entry>, Cursor), LedgerError> {
        self.ask(|answered| Message::Events(after.clone(), most, answered))
    }

    pub(super) fn newest(&self) -> Result<Cursor, LedgerError> {
        self.ask(Message::Newest)
    }

    pub(super) fn history(
        &self,
        owner: &Owner,
        before: u64,
        most: usize,
    ) -> Result<Vec<Entry>, LedgerError> {
        self.ask(|answered| Message::History(*owner, before, most, answered))
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
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(thread) = thread else { return };
        // The thread may have panicked; then there is nothing to finish.
        if self.inbox.send(Message::Close).is_ok() {
            let _stopped = thread.join();
        }
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        self.close();
    }
}

/// The thread: a small runtime of its own, so that no request of others stands in its way.
fn run(
    shared: Arc<Shared>,
    options: Options,
    place: Place,
    remote: Remote,
    messages: mpsc::UnboundedReceiver<Message>,
    opened: oneshot::Sender<Result<(), OpenError>>,
) {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            // Who opened the ledger waits for this.
            let _told = opened.send(Err(OpenError::Remote(error.to_string())));
            return;
        }
    };
    let guard = Panicked(Arc::clone(&shared));
    let local = tokio::task::LocalSet::new();
    local.block_on(&runtime, async move {
        let prepared = library::prepare(&remote, &place, options.durability, &options.now).await;
        let is_ready = prepared.is_ok();
        let _told = opened.send(prepared);
        if is_ready {
            Rounds::new(shared, options, place, remote).run(messages).await;
        }
    });
    drop(guard);
}

/// A thread that panicked must not look like one that was told to close.
struct Panicked(Arc<Shared>);

impl Drop for Panicked {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.health.send_replace(Health::Poisoned("its thread panicked".into()));
        }
    }
}

//! The ledger that outlives nothing: the book itself, behind a lock.
//!
//! For trying things out, and as the other side of measurements. It keeps all receipts and the
//! newest events.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError, RwLock, RwLockReadGuard};

use tokio::sync::watch;

use super::{Answer, Entry, Health, Now, Options, Pulse, Submission, owners_of_event};
use crate::domain::book::{Book, Event};
use crate::domain::id::{Owner, PostingId};
use crate::domain::posting::Receipt;

/// Most events that are kept; older ones are gone.
const EVENTS_MAX: usize = 100_000;

/// Most holds that one batch ends on the side.
const EXPIRE_MAX: usize = 64;

/// A ledger in memory.
pub struct Memory {
    book: RwLock<Book>,
    events: Mutex<VecDeque<Event>>,
    pulse: watch::Sender<Pulse>,
    health: watch::Sender<Health>,
    now: Now,
}

impl Memory {
    pub(super) fn new(options: Options) -> Self {
        Self {
            book: RwLock::new(Book::new()),
            events: Mutex::new(VecDeque::new()),
            pulse: watch::Sender::new(Pulse::default()),
            health: watch::Sender::new(Health::Good),
            now: options.now,
        }
    }

    pub(super) fn submit(&self, submission: Submission) {
        let now = (self.now)();
        let mut book = self.book.write().unwrap_or_else(PoisonError::into_inner);
        book.forget(now, EXPIRE_MAX);
        book.expire_due(now, EXPIRE_MAX);
        let answers = submission
            .tasks
            .iter()
            .map(|task| match task.deadline < now {
                true => Answer::Late,
                false => Answer::Outcome(book.apply(&task.command)),
            })
            .collect();
        book.forget(now, EXPIRE_MAX);
        let news = book.take_events();
        // While the book is locked, so that events stay in order.
        self.keep(news);
        drop(book);
        (submission.done)(Ok(answers));
    }

    fn keep(&self, news: Vec<Event>) {
        let Some(last_event) = news.last().map(|event| event.number) else { return };
        let mut events = self.events.lock().unwrap_or_else(PoisonError::into_inner);
        events.extend(news);
        let surplus = events.len().saturating_sub(EVENTS_MAX);
        events.drain(..surplus);
        drop(events);
        self.pulse.send_replace(Pulse { last_event });
    }

    pub(super) fn read(&self) -> RwLockReadGuard<'_, Book> {
        self.book.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn receipt(&self, id: &PostingId) -> Option<Receipt> {
        self.read().receipt(id).cloned()
    }

    pub(super) fn events(&self, after: u64, most: usize) -> Vec<Entry> {
        let events = self.events.lock().unwrap_or_else(PoisonError::into_inner);
        let begin = events.partition_point(|event| event.number <= after);
        let found: Vec<Event> = events.iter().skip(begin).take(most).cloned().collect();
        drop(events);
        self.entries(found)
    }

    pub(super) fn history(&self, owner: &Owner, before: u64, most: usize) -> Vec<Entry> {
        let events = self.events.lock().unwrap_or_else(PoisonError::into_inner);
        let found: Vec<Event> =
            events.iter().rev().filter(|event| event.number < before).cloned().collect();
        drop(events);
        let mut entries = self.entries(found);
        let concerns = |entry: &Entry| {
            let receipt = entry.receipt.as_ref()?;
            Some(owners_of_event(receipt, entry.event.number).contains(owner))
        };
        entries.retain(|entry| concerns(entry).unwrap_or(false));
        entries.truncate(most);
        entries
    }

    fn entries(&self, events: Vec<Event>) -> Vec<Entry> {
        let book = self.read();
        let receipt = |event: &Event| book.receipt(&event.id).cloned();
        events.into_iter().map(|event| Entry { receipt: receipt(&event), event }).collect()
    }

    pub(super) fn pulse(&self) -> watch::Receiver<Pulse> {
        self.pulse.subscribe()
    }

    pub(super) fn health(&self) -> watch::Receiver<Health> {
        self.health.subscribe()
    }
}

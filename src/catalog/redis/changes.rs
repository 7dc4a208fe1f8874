//! Following what other nodes, and this one, write.
//!
//! Every stream counts what was ever added to it. Whoever has heard n entries and now finds m more
//! must find n + m added: if not, some were dropped before they were heard, or Redis has lost some
//! that were.

use std::sync::Arc;
use std::time::Duration;

use redis::{Cmd, Value};

use super::super::bytes::decode;
use super::super::change::Place;
use super::super::{CatalogChange, Cursor, News, StoreError};
use super::link::as_a;
use super::{Redis, STREAM, URGENT_STREAM, key, only};

/// Most entries that are heard at once from a stream: blocks of codes take milliseconds each, and
/// what is urgent may come meanwhile.
const ENTRIES_MAX: usize = 16;

/// Longest wait for something to happen.
const WAIT_MAX: Duration = Duration::from_secs(1);

/// What a stream said.
struct Heard {
    changes: Vec<CatalogChange>,
    place: Place,
    lost: bool,
}

impl Redis {
    pub(in crate::catalog) fn cursor(&self) -> Result<Cursor, StoreError> {
        let start = Place { seen: 0, id: "0-0".to_owned() };
        let start = Cursor { urgent: start.clone(), rest: start };
        let [urgent, rest] = self.hear(&start, 0)?;
        Ok(Cursor { urgent: urgent.place, rest: rest.place })
    }

    pub(in crate::catalog) fn changes(&self, after: &Cursor) -> Result<News, StoreError> {
        let news = self.news(after)?;
        if news.lost || !news.changes.is_empty() || !self.wait_for(after)? {
            return Ok(news);
        }
        self.news(after)
    }

    fn news(&self, after: &Cursor) -> Result<News, StoreError> {
        let [urgent, rest] = self.hear(after, ENTRIES_MAX)?;
        if urgent.lost || rest.lost {
            return Ok(News { changes: Vec::new(), cursor: self.cursor()?, lost: true });
        }
        let mut changes = urgent.changes;
        changes.extend(rest.changes);
        let cursor = Cursor { urgent: urgent.place, rest: rest.place };
        Ok(News { changes, cursor, lost: false })
    }

    /// At most `most` entries of each stream; with 0, just where it stands.
    fn hear(&self, after: &Cursor, most: usize) -> Result<[Heard; 2], StoreError> {
        let mut command = redis::cmd("FCALL_RO");
        command.arg("jeton_catalog_1_news").arg(3);
        command.arg(key("meta")).arg(key(URGENT_STREAM)).arg(key(STREAM));
        command.arg(&self.epoch).arg(most).arg(&after.urgent.id).arg(&after.rest.id);
        let streams: (Vec<Vec<u8>>, Vec<Vec<u8>>) = as_a("news", self.follow(command)?)?;
        Ok([heard(&streams.0, &after.urgent, most)?, heard(&streams.1, &after.rest, most)?])
    }

    /// Waits until something is told, and says whether something was.
    fn wait_for(&self, after: &Cursor) -> Result<bool, StoreError> {
        // Half of the time after which no answer counts as a lost connection.
        let within = WAIT_MAX.min(self.response_timeout / 2);
        let mut command = redis::cmd("XREAD");
        command.arg("COUNT").arg(1);
        command.arg("BLOCK").arg(u64::try_from(within.as_millis()).unwrap_or(u64::MAX).max(1));
        command.arg("STREAMS").arg(key(URGENT_STREAM)).arg(key(STREAM));
        command.arg(&after.urgent.id).arg(&after.rest.id);
        Ok(self.follow(command)? != Value::Nil)
    }

    fn follow(&self, command: Cmd) -> Result<Value, StoreError> {
        let following = Arc::clone(&self.following);
        only(self.runner.wait(async move { following.send(&[command]).await })?)
    }
}

/// How many were added, how many are there, the last one's id, then ids and values.
fn heard(reply: &[Vec<u8>], after: &Place, most: usize) -> Result<Heard, StoreError> {
    let damaged = || StoreError::Damaged("a stream's news make no sense".to_owned());
    let [added, present, last, entries @ ..] = reply else { return Err(damaged()) };
    let number = |digits: &[u8]| str::from_utf8(digits).ok()?.parse::<u64>().ok();
    let (added, present) = (number(added).zip(number(present))).ok_or_else(damaged)?;
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).map_err(|_| damaged());
    if most == 0 {
        let place = Place { seen: added, id: text(last)? };
        return Ok(Heard { changes: Vec::new(), place, lost: false });
    }
    let (entries, _) = entries.as_chunks::<2>();
    let seen = after.seen + entries.len() as u64;
    let dropped = added.saturating_sub(present);
    let is_all = entries.len() < most;
    let lost = dropped > after.seen || seen > added || (is_all && seen != added);
    let id = entries.last().map_or_else(|| Ok(after.id.clone()), |[id, _]| text(id))?;
    // After a loss everything is read again, and nothing of this is needed.
    let told = if lost { &[] } else { entries };
    let changes = told.iter().map(|[_, change]| decode("a change", change));
    let changes = changes.collect::<Result<_, _>>()?;
    Ok(Heard { changes, place: Place { seen, id }, lost })
}

//! A lane: one stream, requests out, replies in, both in batches.
//!
//! One task serves a lane. It writes everything that is queued at once, reads whatever has
//! arrived, and hands on all whole frames of it together. Both of its waits, quinn's `write` and
//! `read`, can be abandoned without losing bytes; `write_all` and `read_exact` could not.

use std::fmt;
use std::mem;
use std::sync::{Arc, Mutex};

use quinn::{ConnectionError, RecvStream, SendStream, VarInt};
use tokio::sync::Notify;

use super::{Error, lock};
use crate::protocol::{DecodeError, Fault, Frames, Inbox, Reply, Request};

/// Unsent bytes of a lane: more than a server lets a client have in flight.
const OUTBOX_LEN_MAX: usize = 8 * 1024 * 1024;

/// Who gets what arrives on a lane. Called from the lane's task: do not block.
pub trait Receive: Send + 'static {
    /// All replies that arrived together. What is not taken is dropped.
    fn replies(&mut self, replies: &mut Replies<'_>);

    /// The lane is closed. What was sent and not answered may or may not have been done.
    fn closed(&mut self, error: Error);
}

/// A batch of replies with their sequence numbers; 0: a message that answers nothing.
#[derive(Debug)]
pub struct Replies<'a> {
    frames: Frames<'a>,
    broken: Option<DecodeError>,
}

impl<'a> Iterator for Replies<'a> {
    type Item = (u32, Reply<&'a str>);

    fn next(&mut self) -> Option<Self::Item> {
        while self.broken.is_none() {
            match self.frames.next()?.and_then(Reply::decode) {
                Ok(reply) => return Some(reply),
                // A newer server may say things that an older client does not know.
                Err(error) if error.fault() == Fault::UnknownKind => {}
                Err(error) => self.broken = Some(error),
            }
        }
        None
    }
}

/// A lane to send on. Cheap to clone; the lane closes when the last clone is dropped.
#[derive(Clone)]
pub struct Lane {
    handle: Arc<Handle>,
}

struct Handle(Arc<Outbox>);

impl Drop for Handle {
    fn drop(&mut self) {
        self.0.close();
    }
}

impl fmt::Debug for Lane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lane").finish_non_exhaustive()
    }
}

impl Lane {
    pub(super) fn start(stream: Stream, mut receive: impl Receive) -> Self {
        let outbox = Arc::new(Outbox::default());
        outbox.open();
        let handle = Arc::new(Handle(Arc::clone(&outbox)));
        tokio::spawn(async move {
            let error = run(stream, &outbox, &mut receive).await;
            outbox.shut();
            receive.closed(error);
        });
        Self { handle }
    }

    /// Queues a request; the lane's task sends it with whatever else is queued. `seq` comes back
    /// with the reply: any number but 0, not in use by an unanswered request of this lane.
    ///
    /// # Errors
    /// When the request breaks a limit, or the lane is full or closed. Then it is not sent.
    pub fn send<S: AsRef<str>>(&self, seq: u32, request: &Request<S>) -> Result<(), Error> {
        self.handle.0.push(seq, request)
    }
}

/// A stream, and what was read from it already.
#[derive(Debug)]
pub(super) struct Stream {
    pub(super) send: SendStream,
    pub(super) recv: RecvStream,
    pub(super) inbox: Inbox,
}

impl Stream {
    pub(super) async fn open(quinn: &quinn::Connection) -> Result<Self, ConnectionError> {
        let (send, recv) = quinn.open_bi().await?;
        Ok(Self { send, recv, inbox: Inbox::default() })
    }
}

/// What waits to be written.
#[derive(Default)]
pub(super) struct Outbox {
    queue: Mutex<Queue>,
    wake: Notify,
}

#[derive(Default)]
struct Queue {
    bytes: Vec<u8>,
    is_open: bool,
}

impl Outbox {
    pub(super) fn push<S: AsRef<str>>(&self, seq: u32, request: &Request<S>) -> Result<(), Error> {
        let mut queue = lock(&self.queue);
        if !queue.is_open {
            return Err(Error::LaneClosed { why: "it ended".to_owned() });
        }
        if queue.bytes.len() > OUTBOX_LEN_MAX {
            return Err(Error::LaneFull);
        }
        let was_empty = queue.bytes.is_empty();
        request.encode(seq, &mut queue.bytes)?;
        drop(queue);
        if was_empty {
            self.wake.notify_one();
        }
        Ok(())
    }

    pub(super) fn open(&self) {
        lock(&self.queue).is_open = true;
    }

    /// Takes no more; what is queued is still written.
    fn close(&self) {
        lock(&self.queue).is_open = false;
        self.wake.notify_one();
    }

    /// Takes no more and forgets what is queued: the stream has ended.
    pub(super) fn shut(&self) {
        let mut queue = lock(&self.queue);
        queue.is_open = false;
        queue.bytes.clear();
    }

    /// Swaps everything queued into the empty `writing`; false when closed and nothing is left.
    fn take(&self, writing: &mut Vec<u8>) -> bool {
        let mut queue = lock(&self.queue);
        mem::swap(&mut queue.bytes, writing);
        queue.is_open || !writing.is_empty()
    }
}

/// Serves one stream until it ends; says why it did.
pub(super) async fn run(stream: Stream, outbox: &Outbox, receive: &mut impl Receive) -> Error {
    let Stream { mut send, mut recv, mut inbox } = stream;
    let mut writing = Vec::new();
    let mut written = 0;
    let why = loop {
        if let Err(error) = deliver(&mut inbox, receive) {
            break error.to_string();
        }
        if written == writing.len() {
            writing.clear();
            written = 0;
            if !outbox.take(&mut writing) {
                let _ = send.finish();
                return Error::LaneClosed { why: "all its handles were dropped".to_owned() };
            }
        }
        let rest = writing.get(written..).unwrap_or_default();
        tokio::select! {
            biased;
            wrote = send.write(rest), if !rest.is_empty() => match wrote {
                Ok(count) => written += count,
                Err(error) => break error.to_string(),
            },
            read = recv.read(inbox.space()) => match read {
                Ok(Some(count)) => inbox.filled(count),
                Ok(None) => break "the server ended it".to_owned(),
                Err(error) => break error.to_string(),
            },
            () = outbox.wake.notified(), if rest.is_empty() => {}
        }
    };
    // A dropped stream would look like a clean end to the server.
    let _ = send.reset(VarInt::from_u32(0));
    Error::LaneClosed { why }
}

fn deliver(inbox: &mut Inbox, receive: &mut impl Receive) -> Result<(), DecodeError> {
    let mut replies = Replies { frames: inbox.frames(), broken: None };
    if replies.frames.clone().next().is_none() {
        return Ok(());
    }
    receive.replies(&mut replies);
    // To the end, so that the bytes are gone and what is broken is found.
    replies.by_ref().for_each(drop);
    let Replies { frames, broken } = replies;
    let consumed = frames.consumed();
    inbox.consume(consumed);
    broken.map_or(Ok(()), Err)
}

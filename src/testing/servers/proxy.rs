//! A TCP proxy in front of a server that spoils connections as a test orders.
//!
//! Knows bytes only. A *request* is what one read from the client brings, up to 64 KiB: exactly one
//! command, or one pipeline, for a client that waits for its answers.
//!
//! Invariant: bytes are never lost in the middle of a connection that goes on. A connection that
//! has swallowed something stays silent until it is closed, as with a real network.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::process::{free_listener, rest};
use crate::testing::SetUp;

/// Most bytes of one request.
const REQUEST_BYTES_MAX: usize = 65_536;

/// What happens to a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fault {
    /// It passes.
    #[default]
    None,
    /// It passes, so many milliseconds late; what the client sends after it waits too.
    DelayMs(u64),
    /// The server gets it and answers, the client loses the connection instead.
    CutAfterRequest,
    /// The client loses the connection, the server never gets it.
    CutBeforeRequest,
    /// The server gets it. The client reads the end of the stream but may go on writing, and the
    /// server gets that too.
    HalfClose,
    /// Nothing passes any more, in either direction; the connection stays open.
    BlackHole,
    /// Like [`CutBeforeRequest`](Self::CutBeforeRequest), and new connections are closed at once.
    Refuse,
}

/// A proxy on a loopback port; dropped, it closes everything.
pub struct Proxy {
    port: u16,
    plan: Arc<Plan>,
    accepting: Option<JoinHandle<()>>,
}

/// What the test has ordered, and the connections it holds for.
struct Plan {
    to_port: u16,
    fault: Mutex<Fault>,
    /// The fault strikes every so many requests, at least 1.
    every: AtomicU64,
    requests: AtomicU64,
    struck: AtomicU64,
    is_over: AtomicBool,
    connections: Mutex<Vec<Weak<Connection>>>,
}

/// A client's connection with ours to the server.
struct Connection {
    client: TcpStream,
    server: TcpStream,
    way: Mutex<Way>,
}

/// What becomes of the bytes of a connection; it only ever gets worse.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Way {
    Open,
    CutAtReply,
    RepliesLost,
    AllLost,
}

impl Proxy {
    /// Starts a proxy to a server on `127.0.0.1`. The server need not run.
    ///
    /// # Errors
    /// When there is no free port.
    pub fn start(to_port: u16) -> SetUp<Self> {
        let (listener, port) = free_listener()?;
        let plan = Arc::new(Plan {
            to_port,
            fault: Mutex::default(),
            every: AtomicU64::new(1),
            requests: AtomicU64::new(0),
            struck: AtomicU64::new(0),
            is_over: AtomicBool::new(false),
            connections: Mutex::default(),
        });
        let own = Arc::clone(&plan);
        let accepting = Some(thread::spawn(move || accept_all(&listener, &own)));
        Ok(Self { port, plan, accepting })
    }

    /// Its port on `127.0.0.1`.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Where clients connect, `redis://…`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// From now on this strikes every request of every connection, or as many as
    /// [`cut_every`](Self::cut_every) says. Connections that were struck stay as they are.
    pub fn set(&self, fault: Fault) {
        *locked(&self.plan.fault) = fault;
    }

    /// The fault strikes only every `n`-th request from now, over all connections; the others pass.
    /// At first `n` is 1; 0 counts as 1.
    pub fn cut_every(&self, n: u64) {
        self.plan.requests.store(0, Ordering::SeqCst);
        self.plan.every.store(n.max(1), Ordering::SeqCst);
    }

    /// How often a fault has struck a request.
    #[must_use]
    pub fn strikes(&self) -> u64 {
        self.plan.struck.load(Ordering::SeqCst)
    }

    /// Closes every connection that is open now.
    pub fn cut_all(&self) {
        for connection in locked(&self.plan.connections).drain(..) {
            if let Some(connection) = connection.upgrade() {
                connection.close();
            }
        }
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.plan.is_over.store(true, Ordering::SeqCst);
        // Wakes the accepting thread, which then sees that it is over.
        let woken = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port));
        if let Some(accepting) = self.accepting.take().filter(|_| woken.is_ok()) {
            // It cannot panic, and there would be nothing left to do.
            let _ = accepting.join();
        }
        self.cut_all();
    }
}

impl Plan {
    /// What happens to the next request.
    fn next(&self) -> Fault {
        let fault = *locked(&self.fault);
        let number = self.requests.fetch_add(1, Ordering::SeqCst) + 1;
        let strikes = number.is_multiple_of(self.every.load(Ordering::SeqCst));
        if fault == Fault::None || !strikes {
            return Fault::None;
        }
        self.struck.fetch_add(1, Ordering::SeqCst);
        fault
    }
}

impl Connection {
    /// Ends both sides. The server still reads what it was sent: only our writing ends at once.
    fn cut(&self) {
        let _ = self.client.shutdown(Shutdown::Both);
        let _ = self.server.shutdown(Shutdown::Write);
    }

    /// Ends both sides, whatever is under way.
    fn close(&self) {
        let _ = self.client.shutdown(Shutdown::Both);
        let _ = self.server.shutdown(Shutdown::Both);
    }

    /// Carries requests until the client has no more, or the connection is cut.
    fn carry_requests(&self, plan: &Plan) {
        let mut buffer = vec![0; REQUEST_BYTES_MAX];
        while let Some(request) = read(&self.client, &mut buffer) {
            let fault = plan.next();
            if let Fault::DelayMs(ms) = fault {
                rest(Duration::from_millis(ms));
            }
            // Held until the request is sent: no reply to it can overtake its fault.
            let mut way = locked(&self.way);
            match fault {
                Fault::None | Fault::DelayMs(_) => {}
                Fault::CutAfterRequest => *way = Way::CutAtReply.max(*way),
                Fault::CutBeforeRequest | Fault::Refuse => return self.cut(),
                Fault::HalfClose => {
                    *way = Way::RepliesLost.max(*way);
                    let _ = self.client.shutdown(Shutdown::Write);
                }
                Fault::BlackHole => *way = Way::AllLost,
            }
            if *way != Way::AllLost && (&self.server).write_all(request).is_err() {
                // The server is gone: whoever carries its replies sees that too, and closes.
                return;
            }
        }
        if *locked(&self.way) == Way::AllLost {
            self.close();
        } else {
            // The client may only have ended its writing, and still read.
            let _ = self.server.shutdown(Shutdown::Write);
        }
    }

    /// Carries replies until the server has no more, then ends the client's side.
    fn carry_replies(&self) {
        let mut buffer = vec![0; REQUEST_BYTES_MAX];
        while let Some(reply) = read(&self.server, &mut buffer) {
            let way = locked(&self.way);
            let is_cut = match *way {
                Way::Open => (&self.client).write_all(reply).is_err(),
                Way::CutAtReply => true,
                Way::RepliesLost | Way::AllLost => false,
            };
            if is_cut {
                self.cut();
            }
        }
        if *locked(&self.way) != Way::AllLost {
            self.close();
        }
    }
}

/// Accepts until it is over.
fn accept_all(listener: &TcpListener, plan: &Arc<Plan>) {
    for client in listener.incoming() {
        if plan.is_over.load(Ordering::SeqCst) {
            return;
        }
        if let Ok(client) = client
            && *locked(&plan.fault) != Fault::Refuse
            && let Ok(server) = TcpStream::connect((Ipv4Addr::LOCALHOST, plan.to_port))
        {
            connect(client, server, plan);
        }
    }
}

/// Carries between two streams, in two threads that end when both streams do.
fn connect(client: TcpStream, server: TcpStream, plan: &Arc<Plan>) {
    for stream in [&client, &server] {
        // Without it a connection is only slower.
        let _ = stream.set_nodelay(true);
    }
    let connection = Arc::new(Connection { client, server, way: Mutex::new(Way::Open) });
    let mut open = locked(&plan.connections);
    open.retain(|connection| connection.strong_count() > 0);
    open.push(Arc::downgrade(&connection));
    drop(open);
    let (replies, plan) = (Arc::clone(&connection), Arc::clone(plan));
    thread::spawn(move || connection.carry_requests(&plan));
    thread::spawn(move || replies.carry_replies());
}

/// The next bytes; nothing at the end or when the connection is broken.
fn read<'buffer>(mut stream: &TcpStream, buffer: &'buffer mut [u8]) -> Option<&'buffer [u8]> {
    let count = stream.read(buffer).ok().filter(|count| *count > 0)?;
    buffer.get(..count)
}

/// Nothing here is left half changed by a panic.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

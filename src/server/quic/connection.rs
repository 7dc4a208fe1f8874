//! One connection: who it is, and its lanes.

use std::net::IpAddr;
use std::pin::pin;
use std::sync::atomic::{AtomicI64, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use quinn::VarInt;
use rustls_pki_types::CertificateDer;
use tokio::sync::Notify;
use zeroize::Zeroizing;

use super::{CLOSE_NOT_AUTHENTICATED, CLOSE_TOO_MANY, Hall, lane};
use crate::auth::caller::Caller;
use crate::auth::certificate::caller_of;
use crate::auth::guess::GuessKey;

/// How often a connection's proof is looked at again, in milliseconds: a revoked token is out after
/// that.
const PROOF_EVERY_MS: i64 = 1_000;

/// How long a stranger may take to say who it is: connections that nobody uses are not kept open.
const HELLO_WITHIN: Duration = Duration::from_secs(5);

/// What the lanes of a connection share.
pub(super) struct Guest {
    pub(super) hall: Arc<Hall>,
    pub(super) quic: quinn::Connection,
    pub(super) address: IpAddr,
    /// Unanswered requests.
    in_flight: AtomicU32,
    /// Wakes lanes that wait for requests of other lanes to be answered.
    freed: Notify,
    /// Wakes lanes when the server drains. One for each connection: all lanes of a server would
    /// meet at the lock of one for all, with every request.
    pub(super) draining: Notify,
    proof: Mutex<Option<Proof>>,
    proven_at_ms: AtomicI64,
}

/// Who it is, and how that was proven.
#[derive(Clone)]
struct Proof {
    caller: Arc<Caller>,
    /// Absent when a certificate proved it.
    token: Option<Zeroizing<String>>,
}

impl Guest {
    /// The caller, once it is known, as long as its proof holds.
    pub(super) fn caller(&self, now_ms: i64) -> Option<Arc<Caller>> {
        let mut proof = self.proof.lock().unwrap_or_else(PoisonError::into_inner);
        let known = proof.as_ref()?;
        if now_ms - self.proven_at_ms.load(Ordering::Relaxed) > PROOF_EVERY_MS {
            self.proven_at_ms.store(now_ms, Ordering::Relaxed);
            let holds = match &known.token {
                Some(token) => self.hall.shared.access.resolve(token).is_ok(),
                None => known.caller.is_valid_at(now_ms),
            };
            if !holds {
                *proof = None;
                return None;
            }
        }
        proof.as_ref().map(|proof| Arc::clone(&proof.caller))
    }

    /// Hears a token, or takes the certificate for it when there is none.
    pub(super) fn hello(&self, token: &str, now_ms: i64) -> Option<Arc<Caller>> {
        if token.is_empty() {
            return self.caller(now_ms);
        }
        let access = &self.hall.shared.access;
        match access.resolve(token) {
            Ok(caller) => {
                let token = Some(Zeroizing::new(token.to_owned()));
                // The connection's own: where many share a token, all their requests would meet at
                // its count.
                let caller = Arc::new(Caller::clone(&caller));
                self.prove(Proof { caller: Arc::clone(&caller), token }, now_ms);
                Some(caller)
            }
            Err(denied) => {
                tracing::info!(address = %self.address, %denied, "a token was not accepted");
                // Counted, so that it is seen. Nobody is kept out for it: tokens cannot be guessed,
                // and many gates share one address.
                access.miss(GuessKey::of_ip(self.address), None);
                None
            }
        }
    }

    /// Whether one more request may come in.
    pub(super) fn has_room(&self) -> bool {
        self.in_flight() < self.hall.options.in_flight_max
    }

    /// Unanswered requests.
    pub(super) fn in_flight(&self) -> u32 {
        self.in_flight.load(Ordering::SeqCst)
    }

    /// Waits until one more request may come in.
    pub(super) async fn room(&self) {
        loop {
            let mut freed = pin!(self.freed.notified());
            // From now on nothing is missed, so what is found now is still true when waiting
            // begins.
            freed.as_mut().enable();
            if self.has_room() {
                return;
            }
            freed.await;
        }
    }

    /// Counts requests that came in. Gives how many wait now, of all connections.
    pub(super) fn came_in(&self, count: u32) -> u32 {
        self.in_flight.fetch_add(count, Ordering::SeqCst);
        self.hall.backlog.came_in(count)
    }

    /// Counts requests that were answered, or whose answers nobody hears any more.
    pub(super) fn answered(&self, count: u32) {
        self.in_flight.fetch_sub(count, Ordering::SeqCst);
        self.hall.backlog.answered(count);
        self.freed.notify_waiters();
    }

    fn prove(&self, proof: Proof, now_ms: i64) {
        self.proven_at_ms.store(now_ms, Ordering::Relaxed);
        *self.proof.lock().unwrap_or_else(PoisonError::into_inner) = Some(proof);
    }

    /// Ends the connection of a caller that is nobody.
    pub(super) fn turn_away(&self) {
        self.quic.close(VarInt::from_u32(CLOSE_NOT_AUTHENTICATED), b"not authenticated");
    }
}

pub(super) async fn serve(incoming: quinn::Incoming, hall: Arc<Hall>) {
    let address = incoming.remote_address();
    let quic = match incoming.await {
        Ok(quic) => quic,
        Err(error) => {
            tracing::debug!(%address, %error, "a handshake failed");
            return;
        }
    };
    let open = hall.connections.fetch_add(1, Ordering::Relaxed);
    hall.measures.connections.increment(1);
    if open >= hall.options.connections_max {
        quic.close(VarInt::from_u32(CLOSE_TOO_MANY), b"too many connections");
    } else {
        receive(quic, &hall, address.ip()).await;
    }
    hall.connections.fetch_sub(1, Ordering::Relaxed);
    hall.measures.connections.decrement(1);
}

async fn receive(quic: quinn::Connection, hall: &Arc<Hall>, address: IpAddr) {
    let guest = Arc::new(Guest {
        hall: Arc::clone(hall),
        quic,
        address,
        in_flight: AtomicU32::new(0),
        freed: Notify::new(),
        draining: Notify::new(),
        proof: Mutex::new(None),
        proven_at_ms: AtomicI64::new(0),
    });
    if let Some(caller) = certified(&guest.quic) {
        let now_ms = hall.shared.engine.now().0;
        guest.prove(Proof { caller: Arc::new(caller), token: None }, now_ms);
    }
    let mut hello_is_due = pin!(tokio::time::sleep(HELLO_WITHIN));
    let mut is_due = false;
    let mut drained = pin!(hall.shared.draining.cancelled());
    let mut is_draining = false;
    loop {
        tokio::select! {
            () = &mut drained, if !is_draining => {
                is_draining = true;
                guest.draining.notify_waiters();
            }
            accepted = guest.quic.accept_bi() => match accepted {
                Ok((send, receive)) => {
                    let guest = Arc::clone(&guest);
                    hall.shared.tasks.spawn(lane::serve(guest, send, receive));
                }
                Err(error) => {
                    tracing::debug!(%address, %error, "a connection ended");
                    return;
                }
            },
            () = &mut hello_is_due, if !is_due => {
                is_due = true;
                if guest.caller(hall.shared.engine.now().0).is_none() {
                    tracing::info!(%address, "a connection said no hello");
                    guest.turn_away();
                }
            }
        }
    }
}

/// The caller that the client's certificate names; TLS has checked that it is ours.
fn certified(quic: &quinn::Connection) -> Option<Caller> {
    let identity = quic.peer_identity()?;
    let chain = identity.downcast::<Vec<CertificateDer<'static>>>().ok()?;
    match caller_of(chain.first()?) {
        Ok(caller) => Some(caller),
        Err(denied) => {
            tracing::info!(%denied, "a client certificate names nobody");
            None
        }
    }
}

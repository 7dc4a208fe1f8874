//! Passes datagrams between one client and a server that can be exchanged under way.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::net::UdpSocket;
use tokio::task::AbortHandle;

pub(super) struct Relay {
    address: SocketAddr,
    target: Arc<Mutex<SocketAddr>>,
    task: AbortHandle,
}

impl Relay {
    pub(super) async fn start(target: &str) -> Self {
        let front = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let back = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let address = front.local_addr().unwrap();
        let target = Arc::new(Mutex::new(target.parse().unwrap()));
        let task = tokio::spawn(pass(front, back, Arc::clone(&target))).abort_handle();
        Self { address, target, task }
    }

    pub(super) fn address(&self) -> String {
        self.address.to_string()
    }

    pub(super) fn turn_to(&self, target: &str) {
        *self.target.lock().unwrap() = target.parse().unwrap();
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn pass(front: UdpSocket, back: UdpSocket, target: Arc<Mutex<SocketAddr>>) {
    let mut client = None;
    let (mut there, mut here) = ([0; 2048], [0; 2048]);
    loop {
        tokio::select! {
            Ok((len, from)) = front.recv_from(&mut there) => {
                client = Some(from);
                let to = *target.lock().unwrap();
                let _ = back.send_to(there.get(..len).unwrap(), to).await;
            }
            Ok((len, from)) = back.recv_from(&mut here) => {
                // What the old server still says is lost on the way.
                let current = *target.lock().unwrap();
                if let (true, Some(client)) = (from == current, client) {
                    let _ = front.send_to(here.get(..len).unwrap(), client).await;
                }
            }
        }
    }
}

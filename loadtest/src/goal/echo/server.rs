//! The bare echo: frames in, the same answer to each out.
//!
//! It knows as much of the language as it must: who says hello is welcome, and an answer carries
//! its question's sequence number, whose bytes are copied as they came.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, ensure};
use clap::Args;
use jeton::auth::certificate::Authority;
use jeton::clock::Clock;
use jeton::protocol::{HEADER_LEN, Inbox, Reply, Request, Welcome};
use jeton::server::quic::{self, Options};

use crate::box_server::Whereabouts;

/// What the service offers, too.
const IN_FLIGHT_MAX: u32 = 4_096;
const LANES_MAX: u32 = 64;

/// The bare echo that `goal` compares with.
#[derive(Debug, Args)]
pub(crate) struct ServeEchoArgs {
    /// A file with the frame that answers, sequence number 1
    #[arg(long)]
    reply: PathBuf,
}

/// Echoes until standard input ends.
pub(crate) async fn serve(args: &ServeEchoArgs) -> anyhow::Result<()> {
    let canned = Arc::new(Canned::of(&std::fs::read(&args.reply)?)?);
    let now_ms = Clock::system().now().0;
    let (authority, ca) = Authority::create("echo", now_ms)?;
    let pem = authority.issue_server(&[], now_ms)?;
    let mut options = Options::new(pem.certificate, pem.key.to_string(), [0; 32]);
    options.listen.set_port(0);
    options.client_authority = Some(ca.certificate.clone());
    options.lanes_max = LANES_MAX;
    let endpoint = quic::endpoint(&options)?;
    let whereabouts = Whereabouts {
        server: endpoint.local_addr()?.to_string(),
        server_name: "localhost".to_owned(),
        ca_pem: ca.certificate,
        token: String::new(),
        codes: PathBuf::new(),
    };
    tokio::spawn(accept(endpoint, canned));
    whereabouts.tell().await
}

async fn accept(endpoint: quinn::Endpoint, canned: Arc<Canned>) {
    while let Some(incoming) = endpoint.accept().await {
        let canned = Arc::clone(&canned);
        tokio::spawn(async move {
            let Ok(connection) = incoming.await else { return };
            while let Ok((send, receive)) = connection.accept_bi().await {
                tokio::spawn(echo(send, receive, Arc::clone(&canned)));
            }
        });
    }
}

/// One lane, until the other side or an error ends it.
async fn echo(
    mut send: quinn::SendStream,
    mut receive: quinn::RecvStream,
    canned: Arc<Canned>,
) -> anyhow::Result<()> {
    let (mut inbox, mut out) = (Inbox::default(), Vec::new());
    while let Some(count) = receive.read(inbox.space()).await? {
        inbox.filled(count);
        let mut frames = inbox.frames();
        for body in frames.by_ref() {
            canned.answer(body?, &mut out)?;
        }
        let consumed = frames.consumed();
        inbox.consume(consumed);
        if !out.is_empty() {
            send.write_all(&out).await?;
            out.clear();
        }
    }
    Ok(send.finish()?)
}

/// An answer, in front of its sequence number and behind it.
struct Canned {
    front: Vec<u8>,
    back: Vec<u8>,
}

impl Canned {
    fn of(frame: &[u8]) -> anyhow::Result<Self> {
        let body = frame.get(HEADER_LEN..).context("no frame")?;
        let (front, seq, back) = parts(body).context("no message")?;
        ensure!(seq == [1], "its sequence number is not 1");
        Ok(Self { front: front.to_owned(), back: back.to_owned() })
    }

    fn answer(&self, question: &[u8], out: &mut Vec<u8>) -> anyhow::Result<()> {
        let (front, seq, _) = parts(question).context("no message")?;
        if front.last() == Some(&0) {
            return hello(question, out);
        }
        let len = self.front.len() + seq.len() + self.back.len();
        out.extend_from_slice(&u32::try_from(len)?.to_be_bytes());
        out.extend_from_slice(&self.front);
        out.extend_from_slice(seq);
        out.extend_from_slice(&self.back);
        Ok(())
    }
}

fn hello(question: &[u8], out: &mut Vec<u8>) -> anyhow::Result<()> {
    let (seq, _) = Request::decode(question)?;
    let welcome = Welcome {
        server: "echo",
        tenant: "park",
        role: "gate",
        lanes_max: LANES_MAX,
        in_flight_max: IN_FLIGHT_MAX,
        now_ms: 0,
    };
    Ok(Reply::Welcome(welcome).encode(seq, out)?)
}

/// A message `[kind, seq, …]`: up to the kind, the sequence number, the rest.
fn parts(body: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let array = match body.first()? {
        0x90..=0x9f => 1,
        0xdc => 3,
        _ => return None,
    };
    let kind = uint_len(*body.get(array)?)?;
    let seq = uint_len(*body.get(array + kind)?)?;
    let (front, rest) = body.split_at_checked(array + kind)?;
    let (seq, back) = rest.split_at_checked(seq)?;
    Some((front, seq, back))
}

/// Bytes of an unsigned number that begins so.
const fn uint_len(first: u8) -> Option<usize> {
    match first {
        0x00..=0x7f => Some(1),
        0xcc => Some(2),
        0xcd => Some(3),
        0xce => Some(5),
        _ => None,
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    use jeton::protocol::{Accepted, Frames, Hello, Redeem, Use};
    use smallvec::smallvec;

    use super::*;

    fn accepted() -> Reply<&'static str> {
        let uses = smallvec![Use { campaign: "single", ordinal: 7, ..Use::default() }];
        Reply::Accepted(Accepted { currency: "EUR", uses, ..Accepted::default() })
    }

    fn answers(canned: &Canned, question: &Request<&str>, seq: u32) -> Vec<u8> {
        let (mut asked, mut out) = (Vec::new(), Vec::new());
        question.encode(seq, &mut asked).unwrap();
        canned.answer(asked.get(HEADER_LEN..).unwrap(), &mut out).unwrap();
        out
    }

    #[test]
    fn an_answer_is_the_real_one_with_the_sequence_number_of_its_question() {
        let mut frame = Vec::new();
        accepted().encode(1, &mut frame).unwrap();
        let canned = Canned::of(&frame).unwrap();
        let question = Request::Redeem(Redeem { codes: smallvec!["ABC"], ..Redeem::default() });
        for seq in [1, 127, 128, 255, 256, 4_096, 70_000] {
            let mut real = Vec::new();
            accepted().encode(seq, &mut real).unwrap();
            assert_eq!(answers(&canned, &question, seq), real, "{seq}");
        }
    }

    #[test]
    fn who_says_hello_is_welcome() {
        let mut frame = Vec::new();
        accepted().encode(1, &mut frame).unwrap();
        let canned = Canned::of(&frame).unwrap();
        let hello = Request::Hello(Hello { client: "me", token: "" });
        let answer = answers(&canned, &hello, 1);
        let body = Frames::new(&answer).next().unwrap().unwrap();
        assert!(matches!(Reply::decode(body).unwrap(), (1, Reply::Welcome(_))));
    }

    #[test]
    fn what_is_no_message_is_refused() {
        for body in [&[][..], &[0x93], &[0x93, 0x01], &[0xc0, 1, 1], &[0x93, 0x01, 0xcd, 0x01]] {
            assert!(parts(body).is_none(), "{body:?}");
        }
    }
}

//! Redis Cluster: one call reaches one partition, so a posting over several takes several calls.
//!
//! The home of a posting is the partition of its first leg; a *claim* in the partition of its id
//! makes the home known before anything else happens, so that the same id can never be posted in
//! two. Then: everything is *prepared* in the other partitions, as a hold that is over soon;
//! *decided* at home, together with the legs that are there; answered; and *followed* by the
//! others. A call that fails leaves a hold, and whoever finds it asks the home: what is not decided
//! by then is given up. Nothing here waits for anything but calls, and only the home decides.
//!
//! A release that credits somebody in another partition goes the same way, see `credit`.

mod credit;

use std::collections::BTreeMap;
use std::hash::BuildHasher;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use redis::{Value, cmd};
use smallvec::SmallVec;
use tokio::time::sleep;

use super::call::{self, Doubt, Reach, Said, key, owners_in, partition_of};
use super::round::{Item, Rounds, Trouble};
use super::wire::{Reader, Spread, Writer, packed};
use crate::domain::id::{Owner, PostingId};
use crate::domain::posting::{Blocked, Command, Leg, LegResult, Mode, Outcome, Posting, Receipt};
use crate::domain::time::Timestamp;
use crate::ledger::{Answer, LedgerError};
use crate::remote::Lane;

/// How long a claim lasts that nothing came of: longer than any caller repeats a request that
/// failed. One that was accepted lasts as long as the receipt.
const CLAIM_MS: i64 = 3_600_000;

/// How long to wait before servers that could not be reached are tried again.
const PAUSE: Duration = Duration::from_millis(20);

/// How long to wait until a posting that stands in the way is decided.
const EARLY_PAUSE: Duration = Duration::from_millis(2);

/// What a partition said when it was asked to prepare.
enum Prepared {
    Taken(SmallVec<[LegResult; 2]>),
    Refused(Blocked),
    Doubt(Doubt),
    Early,
    GivenUp,
}

/// What became of one try of a posting.
enum Tried {
    Answer(Outcome),
    /// It must be tried again, after a pause.
    Again,
}

fn damaged(what: String) -> Trouble {
    Trouble::Function(what.into())
}

impl Rounds {
    /// Carries out what is waiting, on a cluster.
    pub(super) async fn carry_spread(self: &Rc<Self>, lane: &mut Option<Lane>, items: Vec<Item>) {
        let mut items = self.in_time_only(items);
        let homes = loop {
            match self.homes(lane, &items).await {
                Ok(homes) => break homes,
                Err(Trouble::Again(why)) if !items.is_empty() => {
                    self.away(&why);
                    *lane = None;
                    sleep(PAUSE).await;
                    // Nothing was done but claims.
                    items = self.in_time_only(items);
                }
                Err(trouble) => {
                    let error = self.told(trouble);
                    return items.iter().for_each(|item| item.fail(&error));
                }
            }
        };
        let mut plain: BTreeMap<u16, Vec<Item>> = BTreeMap::new();
        let mut spread = Vec::new();
        for (item, home) in items.into_iter().zip(homes) {
            match (item.command(), home) {
                (Command::Post(posting), Some(home)) if self.is_spread(posting, home) => {
                    spread.push((item, home));
                }
                (Command::Release { credit: Some(credit), .. }, Some(home))
                    if self.partition(&credit.key().owner.0) != home =>
                {
                    spread.push((item, home));
                }
                (_, Some(home)) => plain.entry(home).or_default().push(item),
                (_, None) => spread.push((item, 0)),
            }
        }
        let groups = plain.into_iter().map(|(home, items)| {
            let (mut lane, rounds) = (lane.clone(), Rc::clone(self));
            async move { rounds.carry(&mut lane, items, Reach::One(home)).await }
        });
        let others = spread.into_iter().map(|(item, home)| {
            let (lane, rounds) = (lane.clone(), Rc::clone(self));
            async move { rounds.one_by_itself(lane, item, home).await }
        });
        tokio::join!(join_all(groups), join_all(others));
    }

    fn partition(&self, name: &[u8; 16]) -> u16 {
        partition_of(name, self.place.partitions)
    }

    fn is_spread(&self, posting: &Posting, home: u16) -> bool {
        let owners = posting.legs.iter().flat_map(owners_in);
        owners.into_iter().any(|owner| self.partition(&owner.0) != home)
    }

    /// Where each command belongs; `None` for looks, which belong nowhere.
    async fn homes(
        &self,
        lane: &mut Option<Lane>,
        items: &[Item],
    ) -> Result<Vec<Option<u16>>, Trouble> {
        let wanted: Vec<_> = items
            .iter()
            .map(|item| {
                let id = item.command().id()?;
                let Command::Post(posting) = item.command() else { return Some((id, None)) };
                let first = posting.legs.first().map(|leg| leg.key().owner.0);
                Some((id, Some(self.partition(&first.unwrap_or(id.0)))))
            })
            .collect();
        let named: Vec<_> = wanted.iter().flatten().copied().collect();
        let mut found = self.claims(lane, &named, CLAIM_MS).await?.into_iter();
        let mut homes = Vec::with_capacity(items.len());
        for wanted in wanted {
            let Some((id, proposed)) = wanted else {
                homes.push(None);
                continue;
            };
            homes.push(Some(match (found.next().flatten(), proposed) {
                (Some(home), _) | (None, Some(home)) => home,
                (None, None) => self.search(lane, id).await?.unwrap_or(self.partition(&id.0)),
            }));
        }
        Ok(homes)
    }

    /// Where the receipt of a posting is, or would be.
    pub(super) async fn home(&self, lane: &mut Lane, id: PostingId) -> Result<u16, Trouble> {
        let by_id = self.partition(&id.0);
        if !self.is_cluster() {
            return Ok(by_id);
        }
        let mut lane = Some(lane.clone());
        let claimed = self.claims(&mut lane, &[(id, None)], CLAIM_MS).await?;
        match claimed.first() {
            Some(Some(home)) => Ok(*home),
            _ => Ok(self.search(&mut lane, id).await?.unwrap_or(by_id)),
        }
    }

    /// The homes of postings; those that have none get the proposed one.
    async fn claims(
        &self,
        lane: &mut Option<Lane>,
        ids: &[(PostingId, Option<u16>)],
        ttl_ms: i64,
    ) -> Result<Vec<Option<u16>>, Trouble> {
        let mut by_partition: BTreeMap<u16, Vec<usize>> = BTreeMap::new();
        for (place, (id, _)) in ids.iter().enumerate() {
            by_partition.entry(self.partition(&id.0)).or_default().push(place);
        }
        self.connected(lane).await?;
        let calls = by_partition.into_iter().map(|(partition, places)| {
            let mut lane = lane.clone();
            let reach = Reach::One(partition);
            let mut call = call::begin(&self.place, "jeton_4_claim", reach, &[], (self.now)());
            for (id, home) in places.iter().filter_map(|place| ids.get(*place)) {
                let home = home.map(|home| home.to_string()).unwrap_or_default();
                call.arg(&id.0).arg(home).arg(ttl_ms);
            }
            async move { (places, self.send(&mut lane, reach, call).await) }
        });
        let mut homes = vec![None; ids.len()];
        for (places, reply) in join_all(calls).await {
            let found: Vec<i64> =
                redis::from_redis_value(reply?).map_err(|error| damaged(error.to_string()))?;
            for (place, home) in places.into_iter().zip(found) {
                if let Some(slot) = homes.get_mut(place) {
                    *slot = u16::try_from(home).ok();
                }
            }
        }
        Ok(homes)
    }

    /// The partition that has a receipt of a posting whose claim is gone.
    pub(super) async fn search(
        &self,
        lane: &mut Option<Lane>,
        id: PostingId,
    ) -> Result<Option<u16>, Trouble> {
        let asked = (0..self.place.partitions).map(|partition| {
            let mut lane = lane.clone();
            let key = key(partition, b'r', &id.0);
            async move {
                let reach = Reach::One(partition);
                let reply = self.send(&mut lane, reach, cmd("EXISTS").arg(key).take()).await?;
                Ok::<_, Trouble>((reply == Value::Int(1)).then_some(partition))
            }
        });
        for found in join_all(asked).await {
            if let Some(partition) = found? {
                return Ok(Some(partition));
            }
        }
        Ok(None)
    }

    /// Carries out one command that no single call can, until its deadline.
    async fn one_by_itself(self: &Rc<Self>, mut lane: Option<Lane>, item: Item, home: u16) {
        let mut trouble: Option<Trouble> = None;
        let mut pause_ms = 2;
        loop {
            if !self.is_in_time(&item) {
                let undecided = || LedgerError::Away("not decided in time".into());
                return item.fail(&trouble.map_or_else(undecided, |trouble| trouble.error()));
            }
            let tried = match item.command() {
                Command::Post(posting) => self.try_spread(&mut lane, posting, home).await,
                Command::Look { owners } => self.look_around(&mut lane, owners).await,
                release @ Command::Release { credit: Some(credit), .. } => {
                    self.try_credit(&mut lane, release, credit, home).await
                }
                Command::Recall { .. }
                | Command::Confirm { .. }
                | Command::Release { .. }
                | Command::Extend { .. }
                | Command::Status { .. } => Ok(Tried::Again),
            };
            match tried {
                Ok(Tried::Answer(outcome)) => {
                    self.did([&outcome]);
                    return item.answer(Answer::Outcome(outcome));
                }
                Ok(Tried::Again) => {}
                Err(Trouble::Again(why)) => {
                    self.away(&why);
                    lane = None;
                    trouble = Some(Trouble::Again(why));
                }
                Err(other) => return item.fail(&self.told(other)),
            }
            sleep(Duration::from_millis(pause_ms)).await;
            pause_ms = (2 * pause_ms).min(50);
        }
    }

    async fn look_around(
        &self,
        lane: &mut Option<Lane>,
        owners: &[Owner],
    ) -> Result<Tried, Trouble> {
        self.shared.picture.looking(1);
        let looked = self.look_at(lane, owners).await;
        self.shared.picture.looked(1);
        looked.map(|()| Tried::Answer(Outcome::Looked))
    }

    async fn look_at(&self, lane: &mut Option<Lane>, owners: &[Owner]) -> Result<(), Trouble> {
        for owner in owners {
            let reach = Reach::One(self.partition(&owner.0));
            let look = Command::Look { owners: SmallVec::from_slice(&[*owner]) };
            let now = (self.now)();
            let call = call::apply(&self.place, reach, std::iter::once(&look), now);
            let (letter, value) = self.ask(lane, reach, call).await?;
            call::said(&self.shared, &look, letter, &value, now, now).map_err(damaged)?;
        }
        Ok(())
    }

    /// Makes a call with one command.
    async fn ask(
        &self,
        lane: &mut Option<Lane>,
        reach: Reach,
        call: redis::Cmd,
    ) -> Result<(u8, Vec<u8>), Trouble> {
        let reply = self.send(lane, reach, call).await?;
        let mut pairs = call::pairs(reply).map_err(damaged)?;
        pairs.pop().ok_or_else(|| damaged("no answer".to_owned()))
    }

    /// Makes a call with one command that is only for clusters.
    async fn tell(
        &self,
        lane: &mut Option<Lane>,
        partition: u16,
        command: Writer,
    ) -> Result<(u8, Vec<u8>), Trouble> {
        let reach = Reach::One(partition);
        let mut call = call::begin_apply(&self.place, reach, (self.now)());
        call.arg(command.done());
        self.ask(lane, reach, call).await
    }

    /// One try of a posting over several partitions.
    async fn try_spread(
        self: &Rc<Self>,
        lane: &mut Option<Lane>,
        posting: &Posting,
        home: u16,
    ) -> Result<Tried, Trouble> {
        if let Some(tried) = self.home_first(lane, posting, home).await? {
            return Ok(tried);
        }
        self.step(Step::Claimed)?;
        let attempt = self.attempt();
        let owners = posting.legs.iter().flat_map(owners_in);
        let mut others: Vec<u16> = owners.map(|owner| self.partition(&owner.0)).collect();
        others.sort_unstable();
        others.dedup();
        others.retain(|partition| *partition != home);
        let asked = others.iter().map(|partition| {
            let mut lane = lane.clone();
            async move {
                let prepared = self.prepare(&mut lane, posting, home, *partition, attempt, None);
                (*partition, prepared.await)
            }
        });
        let mut taken = Vec::new();
        let mut refused: Option<Blocked> = None;
        let (mut doubts, mut again) = (Vec::new(), false);
        for (partition, said) in join_all(asked).await {
            match said? {
                Prepared::Taken(results) => taken.push((partition, results)),
                Prepared::Refused(blocked) => {
                    let is_first = refused.is_none_or(|known| place(&blocked) < place(&known));
                    refused = if is_first { Some(blocked) } else { refused };
                }
                Prepared::Doubt(doubt) => doubts.push((partition, doubt)),
                Prepared::Early | Prepared::GivenUp => again = true,
            }
        }
        self.step(Step::Prepared)?;
        #[cfg(feature = "testing")]
        if let Some(pause) = self.place.decides_late {
            sleep(pause).await;
        }
        if taken.len() < others.len() {
            self.give_up(lane, posting.id, attempt, &taken).await?;
            for (partition, doubt) in doubts {
                self.settle(lane, partition, doubt).await?;
                again = true;
            }
            return match refused {
                Some(blocked) if !again => self.first_no(lane, posting, home, blocked).await,
                _ => Ok(Tried::Again),
            };
        }
        self.decide(lane, posting, home, attempt, taken).await
    }

    /// What the home alone can answer: the id comes first, here as everywhere, and what fails
    /// before all other partitions' legs need not be asked there.
    async fn home_first(
        self: &Rc<Self>,
        lane: &mut Option<Lane>,
        posting: &Posting,
        home: u16,
    ) -> Result<Option<Tried>, Trouble> {
        let recall = Command::Recall {
            id: posting.id,
            fingerprint: posting.fingerprint,
            mode: posting.mode,
            now: posting.now,
        };
        let is_theirs = |leg: &Leg| owners_in(leg).any(|owner| self.partition(&owner.0) != home);
        let first_theirs = posting.legs.iter().position(is_theirs).unwrap_or(posting.legs.len());
        let (now, reach) = ((self.now)(), Reach::One(home));
        let mut call = call::begin_apply(&self.place, reach, now);
        let before = posting.legs.get(..first_theirs).unwrap_or_default();
        call.arg(packed(&recall)).arg(would_pass(before, posting.now));
        let pairs = call::pairs(self.send(lane, reach, call).await?).map_err(damaged)?;
        let [(letter, value), (guard, blocked)] = pairs.as_slice() else {
            return Err(damaged(format!("{} answers to 2", pairs.len())));
        };
        match call::said(&self.shared, &recall, *letter, value, now, now).map_err(damaged)? {
            Said::Outcome(Outcome::Unknown) => {}
            Said::Outcome(outcome) => return Ok(Some(Tried::Answer(outcome))),
            Said::Behind(outcome, spread) => {
                let outcome = self.catch_up(lane, outcome, &spread, home).await?;
                return Ok(Some(Tried::Answer(outcome)));
            }
            Said::Doubt(_) | Said::Early | Said::GivenUp => return Ok(Some(Tried::Again)),
        }
        let mut reader = Reader::new(blocked);
        match guard {
            b'N' => {
                let max_of = |leg| call::ceiling(&posting.legs, leg);
                let blocked = reader.blocked(max_of).map_err(damaged)?;
                Ok(Some(Tried::Answer(Outcome::Refused(blocked))))
            }
            b'Q' => {
                let doubt = call::doubt(&mut reader).map_err(damaged)?;
                self.settle(lane, home, doubt).await?;
                Ok(Some(Tried::Again))
            }
            b'W' => Ok(Some(Tried::Again)),
            _ => Ok(None),
        }
    }

    /// What the home says to a command; `None` when it knows no such posting.
    async fn at_home(
        self: &Rc<Self>,
        lane: &mut Option<Lane>,
        command: &Command,
        home: u16,
    ) -> Result<Option<Outcome>, Trouble> {
        let now = (self.now)();
        let reach = Reach::One(home);
        let call = call::apply(&self.place, reach, std::iter::once(command), now);
        let (letter, value) = self.ask(lane, reach, call).await?;
        match call::said(&self.shared, command, letter, &value, now, now).map_err(damaged)? {
            Said::Outcome(Outcome::Unknown) => Ok(None),
            Said::Outcome(outcome) => Ok(Some(outcome)),
            Said::Behind(outcome, spread) => {
                self.catch_up(lane, outcome, &spread, home).await.map(Some)
            }
            Said::Doubt(_) | Said::Early | Said::GivenUp => {
                Err(damaged("a question is answered with a doubt".to_owned()))
            }
        }
    }

    async fn prepare(
        &self,
        lane: &mut Option<Lane>,
        posting: &Posting,
        home: u16,
        partition: u16,
        attempt: [u8; 8],
        credit_of: Option<PostingId>,
    ) -> Result<Prepared, Trouble> {
        let mut out = Writer::default();
        out.array(9);
        out.uint(12);
        out.bytes(&posting.id.0);
        out.bytes(&attempt);
        out.uint(home.into());
        out.bytes(&posting.fingerprint.to_be_bytes());
        out.legs(&posting.legs);
        out.moment(posting.now);
        out.flag(posting.mode != Mode::Post);
        match credit_of {
            Some(id) => out.bytes(&id.0),
            None => out.flag(false),
        }
        let (letter, value) = self.tell(lane, partition, out).await?;
        let mut reader = Reader::new(&value);
        let max_of = |leg| call::ceiling(&posting.legs, leg);
        Ok(match letter {
            b'P' => Prepared::Taken(reader.results().map_err(damaged)?),
            b'N' => Prepared::Refused(reader.blocked(max_of).map_err(damaged)?),
            b'Q' => Prepared::Doubt(call::doubt(&mut reader).map_err(damaged)?),
            b'W' => Prepared::Early,
            _ => Prepared::GivenUp,
        })
    }

    /// A leg of the home that stands before the one that was refused may be refused as well: then
    /// that is the answer.
    async fn first_no(
        &self,
        lane: &mut Option<Lane>,
        posting: &Posting,
        home: u16,
        blocked: Blocked,
    ) -> Result<Tried, Trouble> {
        let before = posting.legs.get(..place(&blocked)).unwrap_or_default();
        let reach = Reach::One(home);
        let mut call = call::begin_apply(&self.place, reach, (self.now)());
        call.arg(would_pass(before, posting.now));
        let (letter, value) = self.ask(lane, reach, call).await?;
        let mut reader = Reader::new(&value);
        let max_of = |leg| call::ceiling(&posting.legs, leg);
        match letter {
            b'N' => {
                let first = reader.blocked(max_of).map_err(damaged)?;
                Ok(Tried::Answer(Outcome::Refused(first)))
            }
            b'Q' => {
                let doubt = call::doubt(&mut reader).map_err(damaged)?;
                self.settle(lane, home, doubt).await?;
                Ok(Tried::Again)
            }
            b'W' => Ok(Tried::Again),
            _ => Ok(Tried::Answer(Outcome::Refused(blocked))),
        }
    }

    async fn decide(
        self: &Rc<Self>,
        lane: &mut Option<Lane>,
        posting: &Posting,
        home: u16,
        attempt: [u8; 8],
        taken: Vec<(u16, SmallVec<[LegResult; 2]>)>,
    ) -> Result<Tried, Trouble> {
        let mut out = Writer::default();
        out.array(11);
        out.uint(8);
        out.bytes(&posting.id.0);
        out.bytes(&posting.fingerprint.to_be_bytes());
        out.mode(posting.mode);
        out.uint(posting.size);
        out.legs(&posting.legs);
        out.bytes(&posting.note);
        out.moment(posting.now);
        out.bytes(&attempt);
        out.array(taken.len());
        for (partition, _) in &taken {
            out.uint((*partition).into());
        }
        out.array(posting.legs.len());
        for (place, leg) in posting.legs.iter().enumerate() {
            let partition = self.partition(&leg.key().owner.0);
            let theirs = taken.iter().find(|(other, _)| *other == partition);
            match theirs.and_then(|(_, results)| results.get(place)) {
                Some(result) => out.result(result, leg),
                None => out.flag(false),
            }
        }
        let (letter, value) = self.tell(lane, home, out).await?;
        self.step(Step::Decided)?;
        let now = (self.now)();
        let command = Command::Post(posting.clone());
        let said = call::said(&self.shared, &command, letter, &value, now, now).map_err(damaged)?;
        let is_ours = matches!(&said, Said::Behind(_, spread) if spread.attempt == attempt);
        if !is_ours {
            self.give_up(lane, posting.id, attempt, &taken).await?;
        }
        match said {
            Said::Behind(outcome, spread) if letter == b'D' => {
                // The answer is decided; the others follow while it travels.
                let (rounds, mut lane, answer) = (Rc::clone(self), lane.clone(), outcome.clone());
                tokio::task::spawn_local(async move {
                    let id = command.id().unwrap_or(PostingId([0; 16]));
                    let kept = rounds.place.retention_ms;
                    let claimed = rounds.claims(&mut lane, &[(id, Some(home))], kept).await;
                    let followed = rounds.catch_up(&mut lane, outcome, &spread, home).await;
                    if let (Err(trouble), _) | (_, Err(trouble)) = (claimed.map(drop), followed) {
                        tracing::debug!(?trouble, "a posting's partitions follow later");
                    }
                });
                Ok(Tried::Answer(answer))
            }
            Said::Behind(outcome, spread) => {
                self.catch_up(lane, outcome, &spread, home).await.map(Tried::Answer)
            }
            Said::Outcome(outcome) => Ok(Tried::Answer(outcome)),
            Said::Doubt(doubt) => {
                self.settle(lane, home, doubt).await?;
                Ok(Tried::Again)
            }
            Said::Early => {
                sleep(EARLY_PAUSE).await;
                Ok(Tried::Again)
            }
            Said::GivenUp => Ok(Tried::Again),
        }
    }

    /// Undoes what was prepared by an attempt that comes to nothing.
    async fn give_up(
        &self,
        lane: &mut Option<Lane>,
        id: PostingId,
        attempt: [u8; 8],
        taken: &[(u16, SmallVec<[LegResult; 2]>)],
    ) -> Result<(), Trouble> {
        for (partition, _) in taken {
            self.follow(lane, *partition, id, attempt, None).await?;
        }
        Ok(())
    }

    /// Makes what a posting has in a partition as its home decided; `None`: it was given up.
    async fn follow(
        &self,
        lane: &mut Option<Lane>,
        partition: u16,
        id: PostingId,
        attempt: [u8; 8],
        target: Option<&[u8]>,
    ) -> Result<(u8, Vec<u8>), Trouble> {
        let mut out = Writer::default();
        out.array(5);
        out.uint(13);
        out.bytes(&id.0);
        out.bytes(&attempt);
        out.moment((self.now)());
        match target {
            Some(target) => out.packed(target),
            None => out.flag(false),
        }
        self.tell(lane, partition, out).await
    }

    /// Has all other partitions follow, and completes the home's answer with what they said.
    pub(super) async fn catch_up(
        &self,
        lane: &mut Option<Lane>,
        outcome: Outcome,
        spread: &Spread,
        home: u16,
    ) -> Result<Outcome, Trouble> {
        let (receipt, is_done) = match outcome {
            Outcome::Done(receipt) => (receipt, true),
            Outcome::Replayed(receipt) => (receipt, false),
            other @ (Outcome::Refused(_)
            | Outcome::Mismatch
            | Outcome::Unknown
            | Outcome::Looked) => return Ok(other),
        };
        let receipt = match spread.followed < spread.step {
            true => self.all_follow(lane, receipt, spread, home).await?,
            false => receipt,
        };
        let receipt = match spread.credits.is_empty() {
            true => receipt,
            false => self.credits_follow(lane, receipt.id, spread, home).await?,
        };
        Ok(if is_done { Outcome::Done(receipt) } else { Outcome::Replayed(receipt) })
    }

    /// Has the other partitions of a posting follow; the receipt as it stands then.
    async fn all_follow(
        &self,
        lane: &mut Option<Lane>,
        receipt: Arc<Receipt>,
        spread: &Spread,
        home: u16,
    ) -> Result<Arc<Receipt>, Trouble> {
        let mut target = Writer::default();
        target.target(&receipt, spread.step);
        let target = target.done();
        let (mut lapsed, mut short, mut did) = (0, 0, 0);
        let mut after: Vec<Option<u64>> = vec![None; receipt.legs.len()];
        for partition in &spread.others {
            let (letter, value) =
                self.follow(lane, *partition, receipt.id, spread.attempt, Some(&target)).await?;
            self.step(Step::Followed)?;
            if letter != b'F' {
                continue;
            }
            let mut reader = Reader::new(&value);
            let _fields = reader.array(4).map_err(damaged)?;
            lapsed += reader.uint().map_err(damaged)?;
            short += reader.uint().map_err(damaged)?;
            let theirs = reader.standings().map_err(damaged)?;
            did = reader.uint().map_err(damaged)?;
            let legs = receipt.legs.iter().zip(&theirs).zip(&mut after);
            for ((leg, stands), slot) in legs {
                if self.partition(&leg.key().owner.0) == *partition {
                    *slot = Some(*stands);
                }
            }
        }
        self.shared.picture.wrote(receipt.legs.iter().flat_map(owners_in), (self.now)());
        let mut out = Writer::default();
        out.array(7);
        out.uint(10);
        out.bytes(&receipt.id.0);
        out.uint(spread.step);
        out.uint(lapsed);
        out.uint(short);
        out.array(after.len());
        for stands in &after {
            match stands {
                Some(stands) => out.uint(*stands),
                None => out.flag(false),
            }
        }
        out.uint(did);
        let (letter, value) = self.tell(lane, home, out).await?;
        if letter != b'D' {
            return Ok(receipt);
        }
        Reader::new(&value).receipt(receipt.id).map(Arc::new).map_err(damaged)
    }

    /// Settles what a posting has in `partition` and nobody there knows the end of.
    pub(super) async fn settle(
        &self,
        lane: &mut Option<Lane>,
        partition: u16,
        doubt: Doubt,
    ) -> Result<(), Trouble> {
        let mut out = Writer::default();
        out.array(4);
        out.uint(9);
        out.bytes(&doubt.id.0);
        out.bytes(&doubt.attempt);
        out.moment((self.now)());
        let (letter, value) = self.tell(lane, doubt.home, out).await?;
        let target = (letter == b'T').then_some(value.as_slice());
        self.follow(lane, partition, doubt.id, doubt.attempt, target).await?;
        Ok(())
    }

    /// Has the partitions of a posting follow that should have long ago.
    pub(super) async fn complete(
        self: &Rc<Self>,
        lane: &mut Option<Lane>,
        home: u16,
        id: PostingId,
    ) -> Result<(), Trouble> {
        let status = Command::Status { id, now: (self.now)() };
        self.at_home(lane, &status, home).await.map(drop)
    }

    /// A number that no other attempt has, on any node.
    fn attempt(&self) -> [u8; 8] {
        let count = self.attempts.get() + 1;
        self.attempts.set(count);
        // Seeded by the system, for this process alone.
        self.seed.hash_one(count).to_be_bytes()
    }
}

/// The question whether the guards of legs would pass.
fn would_pass(legs: &[Leg], now: Timestamp) -> Vec<u8> {
    let mut out = Writer::default();
    out.array(3);
    out.uint(11);
    out.legs(legs);
    out.moment(now);
    out.done()
}

/// The leg that a refusal names.
fn place(blocked: &Blocked) -> usize {
    match blocked {
        Blocked::Guard { leg, .. }
        | Blocked::TooSoon { leg, .. }
        | Blocked::Elsewhere { leg, .. }
        | Blocked::Cap { leg, .. }
        | Blocked::TooManyLots { leg } => *leg,
        Blocked::HoldNotFound
        | Blocked::HoldExpired
        | Blocked::NotFound
        | Blocked::AlreadyReleased
        | Blocked::ReleaseExceeds { .. }
        | Blocked::ConfirmExceeds { .. } => 0,
    }
}

/// The steps of a posting over several partitions, between which a node can die.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(not(feature = "testing"), expect(unreachable_pub, reason = "tests name the step"))]
pub enum Step {
    /// Its home is known; nothing is taken.
    Claimed,
    /// The other partitions have taken what they need.
    Prepared,
    /// The home has decided.
    Decided,
    /// One of the others has followed.
    Followed,
}

//! Function calls: what is put into one, and what its reply says.

use std::collections::{HashMap, HashSet};
use std::io::Write;
use std::sync::Arc;

use redis::{Cmd, Value, cmd};

use super::library::fence_key;
use super::wire::{Damage, Foreseen, OwnerRecord, Reader, Spread, Writer, packed};
use super::{Place, Shared};
use crate::domain::id::{Owner, PostingId};
use crate::domain::posting::{Command, Leg, Outcome};
use crate::domain::time::Timestamp;

type Hasher = foldhash::fast::RandomState;
type Set<T> = HashSet<T, Hasher>;
type Map<K, V> = HashMap<K, V, Hasher>;

/// The function that applies a batch.
const APPLY: &str = "jeton_4_apply";

/// Letters of keys.
const OWNER: u8 = b'o';
const RECEIPT: u8 = b'r';

/// The partition of an owner, or of a posting without Cluster: by its last two bytes.
pub(super) fn partition_of(name: &[u8; 16], partitions: u16) -> u16 {
    let [.., high, low] = *name;
    u16::from_be_bytes([high, low]) % partitions.max(1)
}

/// A key: the partition's tag, a letter, a name.
pub(super) fn key(partition: u16, letter: u8, name: &[u8]) -> Vec<u8> {
    let mut key = Vec::with_capacity(10 + name.len());
    key.extend_from_slice(b"{j");
    // Writing into memory does not fail.
    let _written = write!(key, "{partition}");
    key.push(b'}');
    key.push(letter);
    key.extend_from_slice(name);
    key
}

/// Which part of the ledger a call is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Reach {
    /// All partitions: they are on one server.
    All,
    /// One partition.
    One(u16),
}

impl Reach {
    /// A key by which a cluster finds the master.
    pub(super) fn key(self) -> Vec<u8> {
        match self {
            Self::All => fence_key(0),
            Self::One(partition) => fence_key(partition),
        }
    }

    pub(super) fn argument(self) -> String {
        match self {
            Self::All => String::new(),
            Self::One(partition) => partition.to_string(),
        }
    }

    pub(super) fn fences(self, partitions: u16) -> Vec<Vec<u8>> {
        match self {
            Self::All => (0..partitions).map(fence_key).collect(),
            Self::One(partition) => vec![fence_key(partition)],
        }
    }

    /// Where the receipt of a posting is.
    pub(super) fn home(self, id: &PostingId, partitions: u16) -> u16 {
        match self {
            Self::All => partition_of(&id.0, partitions),
            Self::One(partition) => partition,
        }
    }
}

/// A function call with its first arguments: the fence, and the keys that are read at once.
pub(super) fn begin(
    place: &Place,
    function: &str,
    reach: Reach,
    keys: &[Vec<u8>],
    now: Timestamp,
) -> Cmd {
    let fences = reach.fences(place.partitions);
    let mut call = cmd("FCALL");
    call.arg(function).arg(fences.len() + keys.len());
    for key in fences.iter().chain(keys) {
        call.arg(key);
    }
    call.arg(place.epoch.text()).arg(place.partitions).arg(reach.argument()).arg(now.0);
    call
}

/// A call that applies what is given to it next, and reads what that needs as it goes.
pub(super) fn begin_apply(place: &Place, reach: Reach, now: Timestamp) -> Cmd {
    let mut call = begin(place, APPLY, reach, &[], now);
    call.arg(0).arg("C").arg("");
    call
}

/// The call that applies `commands`.
pub(super) fn apply<'a>(
    place: &Place,
    reach: Reach,
    commands: impl Iterator<Item = &'a Command> + Clone,
    now: Timestamp,
) -> Cmd {
    // Most name one owner and their posting.
    let names = 2 * commands.clone().count();
    let mut times: Map<[u8; 16], usize> = Map::with_capacity_and_hasher(names, Hasher::default());
    for command in commands.clone() {
        for_each_name(command, |name, _| *times.entry(name).or_default() += 1);
    }
    let is_alone = |name: &[u8; 16]| times.get(name) == Some(&1);
    let way = |command: &'a Command| {
        let one = Foreseen::of(command).filter(|_| reach == Reach::All);
        match one.filter(|one| is_alone(&one.posting.id.0)) {
            Some(one) if one.is_first() && is_alone(&one.key.owner.0) => Way::First(one),
            Some(one) => Way::Use(one),
            None => Way::Any(command),
        }
    };
    let ways: Vec<Way<'_>> = commands.clone().map(way).collect();
    // The keys that are read at once, and those whose places are known.
    let (mut keys, mut known) = (Vec::new(), Vec::new());
    let mut seen: Set<[u8; 16]> = Set::default();
    for (command, way) in commands.zip(&ways) {
        for_each_name(command, |name, letter| {
            let partition = match letter {
                RECEIPT => reach.home(&PostingId(name), place.partitions),
                _ => partition_of(&name, place.partitions),
            };
            let is_ours = reach == Reach::All || reach == Reach::One(partition);
            let keys = match way {
                Way::First(_) => &mut known,
                Way::Use(_) if letter == RECEIPT => &mut known,
                Way::Use(_) | Way::Any(_) if is_ours && seen.insert(name) => &mut keys,
                Way::Use(_) | Way::Any(_) => return,
            };
            keys.push(key(partition, letter, &name));
        });
    }
    let count = known.len();
    keys.append(&mut known);
    let mut call = begin(place, APPLY, reach, &keys, now);
    call.arg(count);
    ways.chunk_by(Way::goes_with).for_each(|turn| put(&mut call, turn));
    call
}

/// How a command goes to the function.
enum Way<'a> {
    /// As the only use there can be; nothing else in the call names its owner or its posting.
    First(Foreseen<'a>),
    /// As the use of one counter; nothing else in the call names its posting.
    Use(Foreseen<'a>),
    /// As it is.
    Any(&'a Command),
}

impl Way<'_> {
    /// Whether both go in one turn.
    fn goes_with(&self, next: &Self) -> bool {
        match (self, next) {
            (Self::First(_), Self::First(_)) | (Self::Any(_), Self::Any(_)) => true,
            (Self::Use(one), Self::Use(next)) => one.counts_as(next),
            _ => false,
        }
    }
}

/// Puts the arguments of a turn into a call.
fn put(call: &mut Cmd, turn: &[Way<'_>]) {
    let letter = match turn.first() {
        Some(Way::First(_)) => "F",
        Some(Way::Use(_)) => "U",
        Some(Way::Any(_)) | None => "C",
    };
    call.arg(letter).arg(turn.len());
    if let Some(Way::Use(one)) = turn.first() {
        call.arg(one.counter());
    }
    for way in turn {
        match way {
            Way::First(one) => one.first().iter().for_each(|part| _ = call.arg(part)),
            Way::Use(one) => one.further().iter().for_each(|part| _ = call.arg(part)),
            Way::Any(command) => _ = call.arg(packed(command)),
        }
    }
}

/// Every owner and posting that a command names, with the letter of its key.
fn for_each_name(command: &Command, mut name: impl FnMut([u8; 16], u8)) {
    match command {
        Command::Post(posting) => {
            let owners = posting.legs.iter().flat_map(owners_in);
            owners.for_each(|owner| name(owner.0, OWNER));
        }
        Command::Look { owners } => owners.iter().for_each(|owner| name(owner.0, OWNER)),
        Command::Release { credit: Some(credit), .. } => name(credit.key().owner.0, OWNER),
        Command::Recall { .. }
        | Command::Confirm { .. }
        | Command::Release { .. }
        | Command::Extend { .. }
        | Command::Status { .. } => {}
    }
    if let Some(id) = command.id() {
        name(id.0, RECEIPT);
    }
}

/// A posting that another partition has begun, and whose end only its home knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Doubt {
    pub(super) id: PostingId,
    pub(super) home: u16,
    pub(super) attempt: [u8; 8],
}

/// What became of a command.
#[derive(Debug)]
pub(super) enum Said {
    Outcome(Outcome),
    /// So, but the posting's other partitions have not followed yet.
    Behind(Outcome, Spread),
    /// Something must be settled first.
    Doubt(Doubt),
    /// A posting on its way must be decided first.
    Early,
    /// This attempt was given up.
    GivenUp,
}

/// Letters and values, two for each command; those of uses that are told together apart.
pub(super) fn pairs(reply: Value) -> Result<Vec<(u8, Vec<u8>)>, Damage> {
    let Value::Array(values) = reply else { return Err("the reply is no list".to_owned()) };
    let mut pairs = Vec::with_capacity(values.len() / 2);
    let mut values = values.into_iter();
    while let (Some(letter), Some(value)) = (values.next(), values.next()) {
        let (Value::BulkString(letter), Value::BulkString(value)) = (letter, value) else {
            return Err("the reply holds something that is no text".to_owned());
        };
        match letter.first().copied().unwrap_or_default() {
            b'S' => pairs.extend(together(&mut Reader::new(&value))?),
            letter => pairs.push((letter, value)),
        }
    }
    Ok(pairs)
}

/// Uses that were done one after the other, each told as if alone: from which number and by what
/// step their events are numbered, how many they are, and unless they are first uses, from where
/// and by how much the counter went on.
fn together(
    reader: &mut Reader<'_>,
) -> Result<impl Iterator<Item = (u8, Vec<u8>)> + use<>, Damage> {
    let (first, step, count) = (reader.uint()?, reader.uint()?, reader.uint()?);
    let counter = if reader.is_empty() { None } else { Some((reader.uint()?, reader.uint()?)) };
    Ok((0..count).map(move |place| {
        let mut told = Writer::default();
        told.uint(place.saturating_mul(step).saturating_add(first));
        if let Some((after, n)) = counter {
            told.uint(place.saturating_mul(n).saturating_add(after));
        }
        (b'E', told.done())
    }))
}

/// What the reply says of one command of a call that was sent and heard at these moments. What was
/// looked at goes into the picture.
pub(super) fn said(
    shared: &Shared,
    command: &Command,
    letter: u8,
    value: &[u8],
    sent: Timestamp,
    heard: Timestamp,
) -> Result<Said, Damage> {
    let mut reader = Reader::new(value);
    let id = command.id().unwrap_or(PostingId([0; 16]));
    Ok(Said::Outcome(match letter {
        b'E' => {
            let foreseen = Foreseen::of(command).ok_or("nothing was foreseen")?;
            shared.picture.wrote([foreseen.key.owner].into_iter(), heard);
            Outcome::Done(Arc::new(foreseen.receipt(&mut reader)?))
        }
        b'D' | b'R' => {
            let (receipt, spread) = reader.receipt_and_spread(id)?;
            let receipt = Arc::new(receipt);
            if letter == b'D' {
                let credit = receipt.releases.last().and_then(|release| release.credit.as_deref());
                let legs = receipt.legs.iter().chain(credit.map(|(leg, _)| leg));
                shared.picture.wrote(legs.flat_map(owners_in), heard);
            }
            let outcome =
                if letter == b'D' { Outcome::Done(receipt) } else { Outcome::Replayed(receipt) };
            return Ok(match spread {
                Some(spread) if spread.is_behind() => Said::Behind(outcome, spread),
                _ => Said::Outcome(outcome),
            });
        }
        b'N' => {
            let legs: &[Leg] =
                if let Command::Post(posting) = command { &posting.legs } else { &[] };
            Outcome::Refused(reader.blocked(|leg| ceiling(legs, leg))?)
        }
        b'M' => Outcome::Mismatch,
        b'U' => Outcome::Unknown,
        b'L' => {
            for (owner, record) in looked(&mut reader)? {
                shared.picture.put(owner, record, sent);
            }
            Outcome::Looked
        }
        b'Q' => return Ok(Said::Doubt(doubt(&mut reader)?)),
        b'W' => return Ok(Said::Early),
        b'X' => return Ok(Said::GivenUp),
        other => return Err(format!("an answer is of kind {other}")),
    }))
}

/// Every owner whose records a leg can change.
pub(super) fn owners_in(leg: &Leg) -> impl Iterator<Item = Owner> + use<> {
    let marker = if let Leg::Once { marker, .. } = leg { Some(marker.owner) } else { None };
    [Some(leg.key().owner), marker].into_iter().flatten()
}

pub(super) fn doubt(reader: &mut Reader<'_>) -> Result<Doubt, Damage> {
    let _fields = reader.array(3)?;
    let id = reader.id()?;
    Ok(Doubt { id, home: reader.partition()?, attempt: reader.attempt()? })
}

fn looked(reader: &mut Reader<'_>) -> Result<Vec<(Owner, OwnerRecord)>, Damage> {
    let count = reader.array(usize::MAX)?;
    let mut found = Vec::new();
    for _ in 0..count {
        let _fields = reader.array(2)?;
        let owner = reader.owner()?;
        found.push((owner, reader.owner_record(owner)?));
    }
    Ok(found)
}

/// The ceiling of a leg, as it was asked for.
pub(super) fn ceiling(legs: &[Leg], place: usize) -> u64 {
    match legs.get(place) {
        Some(Leg::Count { max, .. } | Leg::Once { max, .. }) => *max,
        Some(Leg::Spend { amount, .. }) => *amount,
        Some(Leg::Interval { .. } | Leg::Zone { .. } | Leg::Earn { .. }) | None => 0,
    }
}

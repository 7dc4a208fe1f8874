//! The file that a whole installation is moved in.
//!
//! ```text
//! file      MAGIC, sections in their order
//! section   letter (1), records, 0 (4), checksum (32)
//! record    length (4, big-endian, 1 to RECORD_BYTES_MAX), bytes
//! ```
//! A checksum is the BLAKE3 hash of everything in the file before it, so nothing can be changed,
//! moved or left out without being noticed. The first section is the header, the last one the
//! tally; between them are the tables of the catalog and the parts of the ledger. The records of a
//! table are a key behind its length (2), then the value.
//!
//! Invariants: a file with its name is whole; nothing of a file is used before all of it has been
//! checked. It deliberately does not know what a store looks like. Code texts are sealed in it as
//! they are in the catalog.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow, bail, ensure};
use serde::{Deserialize, Serialize};

use super::installation::PRIVATE;
use super::tally::Tally;
use crate::catalog::archive::Table;
use crate::domain::time::Timestamp;
use crate::ledger::archive::{ArchiveError, Part, Parts, Take, decode};

const MAGIC: &[u8; 8] = b"jetonarc";

/// The format that this program writes and reads.
const FORMAT: u32 = 1;

/// Longest record, in bytes: far more than a block of codes or a receipt has.
const RECORD_BYTES_MAX: u32 = 1 << 24;

const CHECKSUM_BYTES: usize = 32;

/// What a buffer holds, in bytes.
const BUFFER_BYTES: usize = 1 << 20;

const HEADER: u8 = b'h';
const TALLY: u8 = b't';

/// The parts of the ledger, in the order in which they are written.
pub(super) const PARTS: [Part; 3] = [Part::Events, Part::Receipts, Part::Owners];

/// What an archive says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Header {
    /// The format.
    pub(super) format: u32,
    /// When it was made, in milliseconds since 1970.
    pub(super) made_at_ms: i64,
    /// The fingerprint of the installation's secret, in hexadecimal digits.
    pub(super) installation: String,
    /// The store it was made from.
    pub(super) store: String,
}

impl Header {
    pub(super) fn new(made_at: Timestamp, installation: String, store: String) -> Self {
        Self { format: FORMAT, made_at_ms: made_at.0, installation, store }
    }
}

pub(super) const fn letter_of_part(part: Part) -> u8 {
    match part {
        Part::Events => b'E',
        Part::Receipts => b'R',
        Part::Owners => b'O',
    }
}

pub(super) const fn letter_of_table(table: Table) -> u8 {
    match table {
        Table::Overrides => b'o',
        Table::Tokens => b'a',
        Table::Series => b's',
        Table::Requests => b'q',
        Table::Keys => b'k',
        Table::Texts => b'x',
        Table::Batches => b'b',
        Table::Audit => b'l',
        Table::Versions => b'v',
        Table::Campaigns => b'c',
        Table::Definitions => b'd',
    }
}

/// The sections of a whole file.
fn letters() -> impl Iterator<Item = u8> {
    let tables = Table::ALL.into_iter().map(letter_of_table);
    let parts = PARTS.into_iter().map(letter_of_part);
    [HEADER].into_iter().chain(tables).chain(parts).chain([TALLY])
}

/// An archive that is being written, under another name until it is whole.
pub(super) struct Writer {
    out: BufWriter<File>,
    hash: blake3::Hasher,
    file: PathBuf,
    part: PathBuf,
}

impl Writer {
    pub(super) fn create(file: &Path, header: &Header) -> anyhow::Result<Self> {
        ensure!(!file.exists(), "{} exists already; name another file", file.display());
        let mut part = file.as_os_str().to_owned();
        part.push(".part");
        let part = PathBuf::from(part);
        let mut open = OpenOptions::new();
        open.write(true).create(true).truncate(true).mode(PRIVATE);
        let out = open.open(&part).with_context(|| part.display().to_string())?;
        let out = BufWriter::with_capacity(BUFFER_BYTES, out);
        let mut writer = Self { out, hash: blake3::Hasher::new(), file: file.to_owned(), part };
        writer.bytes(MAGIC)?;
        writer.begin(HEADER)?;
        writer.record(&serde_json::to_vec(header)?)?;
        writer.end()?;
        Ok(writer)
    }

    fn bytes(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.hash.update(bytes);
        self.out.write_all(bytes)
    }

    pub(super) fn begin(&mut self, letter: u8) -> io::Result<()> {
        self.bytes(&[letter])
    }

    pub(super) fn record(&mut self, record: &[u8]) -> io::Result<()> {
        let len = u32::try_from(record.len()).ok().filter(|len| *len <= RECORD_BYTES_MAX);
        let len = len.ok_or_else(|| io::Error::other("a record is too long for an archive"))?;
        self.bytes(&len.to_be_bytes())?;
        self.bytes(record)
    }

    /// A record of a table.
    pub(super) fn pair(&mut self, key: &[u8], value: &[u8]) -> io::Result<()> {
        let len = u16::try_from(key.len());
        let len = len.map_err(|_| io::Error::other("a key is too long for an archive"))?;
        self.record(&[&len.to_be_bytes(), key, value].concat())
    }

    pub(super) fn end(&mut self) -> io::Result<()> {
        self.bytes(&[0; 4])?;
        let checksum = *self.hash.finalize().as_bytes();
        self.bytes(&checksum)
    }

    /// Writes the tally, makes all durable and gives the file its name.
    pub(super) fn finish(mut self, tally: &Tally) -> anyhow::Result<()> {
        self.begin(TALLY)?;
        self.record(&serde_json::to_vec(tally)?)?;
        self.end()?;
        let file = self.out.into_inner().map_err(|error| anyhow!(error.to_string()))?;
        file.sync_all()?;
        fs::rename(&self.part, &self.file)?;
        let parent = self.file.parent().filter(|dir| !dir.as_os_str().is_empty());
        Ok(File::open(parent.unwrap_or_else(|| Path::new(".")))?.sync_all()?)
    }
}

/// An archive all of which was checked.
pub(super) struct Archive {
    file: BufReader<File>,
    path: PathBuf,
    pub(super) header: Header,
    pub(super) tally: Tally,
    /// Where the records of each section begin.
    sections: Vec<(u8, u64)>,
    /// Records whose period is over at this moment are left out.
    now: Timestamp,
}

impl Archive {
    /// Reads the whole file and checks it. `progress` hears how many bytes were read.
    pub(super) fn open(path: &Path, mut progress: impl FnMut(u64)) -> anyhow::Result<Self> {
        let file = File::open(path).with_context(|| path.display().to_string())?;
        let mut file = Checked {
            file: BufReader::with_capacity(BUFFER_BYTES, file),
            hash: blake3::Hasher::new(),
            at: 0,
        };
        let checked = check(&mut file, &mut progress);
        let (sections, header, tally) = checked.with_context(|| {
            format!("{} is no whole archive; take another copy of it", path.display())
        })?;
        let file = file.file;
        Ok(Self { file, path: path.to_owned(), header, tally, sections, now: Timestamp(i64::MIN) })
    }

    /// Leaves out the records whose period is over at `now`.
    pub(super) fn leave_out(&mut self, now: Timestamp) {
        self.now = now;
    }

    fn each_of(
        &mut self,
        letter: u8,
        mut take: impl FnMut(&[u8]) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        let section = self.sections.iter().find(|(other, _)| *other == letter);
        let (_, begin) = section.ok_or_else(|| anyhow!("a section is missing"))?;
        self.file.seek(SeekFrom::Start(*begin))?;
        let mut record = Vec::new();
        loop {
            let len = read_len(&mut self.file)?;
            if len == 0 {
                return Ok(());
            }
            record.resize(len, 0);
            self.file.read_exact(&mut record)?;
            take(&record)?;
        }
    }

    /// Hands over the records of a table.
    pub(super) fn each_pair(
        &mut self,
        table: Table,
        mut take: impl FnMut(Vec<u8>, Vec<u8>) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        self.each_of(letter_of_table(table), |record| {
            let pair = || {
                let (len, rest) = record.split_first_chunk::<2>()?;
                rest.split_at_checked(usize::from(u16::from_be_bytes(*len)))
            };
            let (key, value) = pair().ok_or_else(|| anyhow!("a record of a table is damaged"))?;
            take(key.to_vec(), value.to_vec())
        })
    }
}

impl Parts for Archive {
    fn each(&mut self, part: Part, take: &mut Take<'_>) -> Result<(), ArchiveError> {
        let (now, path) = (self.now, self.path.display().to_string());
        let read = self.each_of(letter_of_part(part), |record| {
            let item = decode(part, record).map_err(|what| anyhow!("{path}: {what}"))?;
            Ok(item.lasting(now).map_or(Ok(()), &mut *take)?)
        });
        read.map_err(|error| match error.downcast::<ArchiveError>() {
            Ok(error) => error,
            Err(error) => ArchiveError::Source(format!("{error:#}")),
        })
    }
}

/// A file that is hashed while it is read.
struct Checked {
    file: BufReader<File>,
    hash: blake3::Hasher,
    at: u64,
}

impl Read for Checked {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(buffer)?;
        self.hash.update(buffer.get(..read).unwrap_or_default());
        self.at += read as u64;
        Ok(read)
    }
}

type Content = (Vec<(u8, u64)>, Header, Tally);

fn check(file: &mut Checked, progress: &mut impl FnMut(u64)) -> anyhow::Result<Content> {
    let mut magic = [0; MAGIC.len()];
    file.read_exact(&mut magic)?;
    ensure!(magic == *MAGIC, "it does not begin as an archive does");
    let (mut sections, mut header, mut tally) = (Vec::new(), None, None);
    for letter in letters() {
        let mut found = [0];
        file.read_exact(&mut found)?;
        ensure!(found == [letter], "a section is not where it belongs");
        sections.push((letter, file.at));
        let mut record = Vec::new();
        loop {
            let len = read_len(file)?;
            if len == 0 {
                break;
            }
            record.resize(len, 0);
            file.read_exact(&mut record)?;
            progress(file.at);
        }
        let expected = *file.hash.finalize().as_bytes();
        let mut checksum = [0; CHECKSUM_BYTES];
        file.read_exact(&mut checksum)?;
        ensure!(checksum == expected, "a checksum is wrong");
        match letter {
            HEADER => header = Some(checked_header(&record)?),
            TALLY => tally = Some(serde_json::from_slice(&record)?),
            _ => {}
        }
    }
    ensure!(file.read(&mut [0])? == 0, "there is something behind its end");
    let (Some(header), Some(tally)) = (header, tally) else { bail!("a section is missing") };
    Ok((sections, header, tally))
}

fn checked_header(record: &[u8]) -> anyhow::Result<Header> {
    let header: Header = serde_json::from_slice(record)?;
    let format = header.format;
    ensure!(format == FORMAT, "it has format {format}; this program reads format {FORMAT}");
    Ok(header)
}

fn read_len(file: &mut impl Read) -> anyhow::Result<usize> {
    let mut len = [0; 4];
    file.read_exact(&mut len)?;
    let len = u32::from_be_bytes(len);
    ensure!(len <= RECORD_BYTES_MAX, "a record is too long");
    Ok(usize::try_from(len)?)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a failed one is a failed test")]
mod tests {
    use super::*;

    fn write(file: &Path) {
        let header = Header::new(Timestamp(7), "ab".to_owned(), "here".to_owned());
        let mut writer = Writer::create(file, &header).unwrap();
        for table in Table::ALL {
            writer.begin(letter_of_table(table)).unwrap();
            writer.pair(b"key", b"value").unwrap();
            writer.pair(b"", b"").unwrap();
            writer.end().unwrap();
        }
        for part in PARTS {
            writer.begin(letter_of_part(part)).unwrap();
            writer.end().unwrap();
        }
        writer.finish(&Tally { codes: 3, ..Tally::default() }).unwrap();
    }

    #[test]
    fn what_was_written_is_read() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("a");
        write(&file);
        let mut archive = Archive::open(&file, |_| {}).unwrap();
        assert_eq!(archive.header.installation, "ab");
        assert_eq!(archive.tally.codes, 3);
        for table in Table::ALL {
            let mut pairs = Vec::new();
            let take = |key, value| {
                pairs.push((key, value));
                Ok(())
            };
            archive.each_pair(table, take).unwrap();
            let expected = [(b"key".to_vec(), b"value".to_vec()), (vec![], vec![])];
            assert_eq!(pairs, expected);
        }
        assert!(!dir.path().join("a.part").exists());
        let header = Header::new(Timestamp(7), String::new(), String::new());
        assert!(Writer::create(&file, &header).is_err(), "a file is replaced");
    }

    #[test]
    fn no_byte_can_be_changed_left_out_or_added() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("a");
        write(&file);
        let whole = fs::read(&file).unwrap();
        let is_refused = |bytes: &[u8]| {
            fs::write(&file, bytes).unwrap();
            Archive::open(&file, |_| {}).is_err()
        };
        for place in 0..whole.len() {
            for bit in [1, 0x80] {
                let mut changed = whole.clone();
                changed[place] ^= bit;
                assert!(is_refused(&changed), "byte {place} is changed");
            }
            assert!(is_refused(&whole[..place]), "only {place} bytes are there");
        }
        assert!(is_refused(&[whole.as_slice(), &[0]].concat()), "a byte is added");
        assert!(!is_refused(&whole));
    }
}

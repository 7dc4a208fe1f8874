//! The epoch file: which installation in Redis a node belongs to.
//!
//! One line: the epoch's 32 hexadecimal digits, a space, the number of partitions.
//!
//! Invariant: under the name `epoch` it stands for an installation that was made completely. Until
//! then it is `epoch.begun`, and nothing was served: only then may the fences be made again.

use std::path::Path;

use anyhow::{Context, anyhow, ensure};
use ring::rand::{SecureRandom, SystemRandom};

use super::installation::{PRIVATE, check_private, write};
use super::place::read;
use crate::ledger::redis::{Epoch, PARTITIONS_MAX};

/// The installation is there.
pub(super) const EPOCH: &str = "epoch";

/// The installation is being made.
pub(super) const EPOCH_BEGUN: &str = "epoch.begun";

/// What the file says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct EpochFile {
    pub(super) epoch: Epoch,
    /// How many partitions it was initialised with.
    pub(super) partitions: u16,
}

impl EpochFile {
    /// An epoch that nobody ever had.
    pub(super) fn generate(partitions: u16) -> anyhow::Result<Self> {
        let mut bytes = [0; 16];
        let filled = SystemRandom::new().fill(&mut bytes);
        filled.map_err(|_| anyhow!("the system has no randomness"))?;
        Ok(Self { epoch: Epoch(bytes), partitions })
    }

    pub(super) fn read(file: &Path) -> anyhow::Result<Self> {
        check_private(file)?;
        let parsed = Self::parse(&read(file)?);
        parsed.with_context(|| {
            format!("{} is no epoch file; copy it from another node", file.display())
        })
    }

    pub(super) fn write(&self, file: &Path) -> anyhow::Result<()> {
        write(file, format!("{} {}\n", self.epoch.text(), self.partitions).as_bytes(), PRIVATE)
    }

    fn parse(text: &str) -> Option<Self> {
        let (digits, partitions) = text.trim_end().split_once(' ')?;
        if digits.len() != 32 {
            return None;
        }
        let number = u128::from_str_radix(digits, 16).ok()?;
        let partitions = partitions.parse().ok().filter(|n| (1..=PARTITIONS_MAX).contains(n))?;
        Some(Self { epoch: Epoch(number.to_be_bytes()), partitions })
    }

    /// Refuses another number of partitions than the one that was fixed.
    pub(super) fn check_partitions(&self, wanted: Option<u16>) -> anyhow::Result<()> {
        ensure!(
            wanted.is_none_or(|wanted| wanted == self.partitions),
            "the installation has {} partitions, for good; leave --partitions out",
            self.partitions
        );
        Ok(())
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failed one is a failed test")]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_nothing_else_is() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join(EPOCH);
        let written = EpochFile::generate(256).unwrap();
        written.write(&file).unwrap();
        assert_eq!(EpochFile::read(&file).unwrap(), written);
        let epoch = "00112233445566778899aabbccddeeff";
        assert_eq!(EpochFile::parse(&format!("{epoch} 16\n")).unwrap().epoch.text(), epoch);
        for wrong in [
            String::new(),
            epoch.to_owned(),
            format!("{epoch} 0"),
            format!("{epoch} 257"),
            format!("{epoch} 16 7"),
            format!("{epoch}0 16"),
            format!("{} 16", epoch.replace('a', "g")),
        ] {
            assert_eq!(EpochFile::parse(&wrong), None, "{wrong:?}");
        }
    }
}

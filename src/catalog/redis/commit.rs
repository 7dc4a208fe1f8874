//! Writes that are one step.

use redis::Cmd;

use super::super::bytes::encode;
use super::super::{CatalogChange, StoreError};
use super::{STREAM, URGENT_STREAM, key};

/// Something to be written as a whole, once, if everything is still as it was read.
#[derive(Default)]
pub(super) struct Commit {
    keys: Vec<String>,
    checks: Vec<Vec<u8>>,
    checked: usize,
    writes: Vec<Vec<u8>>,
}

impl Commit {
    /// A field of a hash must have this value, or be absent.
    pub(super) fn expect(&mut self, hash: &str, field: &[u8], value: Option<&[u8]>) {
        let hash = self.number_of(hash);
        self.checks.extend([hash, field.to_vec(), value.unwrap_or_default().to_vec()]);
        self.checked += 1;
    }

    /// Sets a field of a hash.
    pub(super) fn set(&mut self, hash: &str, field: &[u8], value: Vec<u8>) {
        let hash = self.number_of(hash);
        self.writes.extend([b"set".to_vec(), hash, field.to_vec(), value]);
    }

    /// Takes a field out of a hash.
    pub(super) fn unset(&mut self, hash: &str, field: &[u8]) {
        let hash = self.number_of(hash);
        self.writes.extend([b"unset".to_vec(), hash, field.to_vec(), Vec::new()]);
    }

    /// Takes a member out of a sorted set.
    pub(super) fn unsort(&mut self, set: &str, member: &[u8]) {
        let set = self.number_of(set);
        self.writes.extend([b"unsort".to_vec(), set, member.to_vec(), Vec::new()]);
    }

    /// Removes a key with all it has.
    pub(super) fn drop_key(&mut self, name: &str) {
        let name = self.number_of(name);
        self.writes.extend([b"drop".to_vec(), name, Vec::new(), Vec::new()]);
    }

    /// Puts a member into a sorted set.
    pub(super) fn sort(&mut self, set: &str, number: u32, member: &[u8]) {
        let set = self.number_of(set);
        let number = number.to_string().into_bytes();
        self.writes.extend([b"sort".to_vec(), set, number, member.to_vec()]);
    }

    /// Appends to a list.
    pub(super) fn push(&mut self, list: &str, value: Vec<u8>) {
        let list = self.number_of(list);
        self.writes.extend([b"push".to_vec(), list, value, Vec::new()]);
    }

    /// Tells those who follow.
    pub(super) fn tell(&mut self, change: &CatalogChange) -> Result<(), StoreError> {
        self.tell_on(STREAM, change)
    }

    /// Tells those who follow, before all else.
    pub(super) fn tell_first(&mut self, change: &CatalogChange) -> Result<(), StoreError> {
        self.tell_on(URGENT_STREAM, change)
    }

    fn tell_on(&mut self, stream: &str, change: &CatalogChange) -> Result<(), StoreError> {
        let stream = self.number_of(stream);
        self.writes.extend([b"tell".to_vec(), stream, encode(change)?, Vec::new()]);
        Ok(())
    }

    /// The call of the function, under a name that no other write has.
    pub(super) fn command(self, mark: &str, epoch: &str) -> Cmd {
        let mut command = redis::cmd("FCALL");
        command.arg("jeton_catalog_1_commit").arg(self.keys.len() + 2);
        command.arg(mark).arg(key("meta")).arg(self.keys);
        command.arg(epoch).arg(self.checked).arg(self.checks).arg(self.writes);
        command
    }

    /// Keys are named by their numbers in the call, the first two of which are its own.
    fn number_of(&mut self, name: &str) -> Vec<u8> {
        let name = key(name);
        let found = self.keys.iter().position(|known| *known == name);
        let place = found.unwrap_or_else(|| {
            self.keys.push(name);
            self.keys.len() - 1
        });
        (place + 3).to_string().into_bytes()
    }
}

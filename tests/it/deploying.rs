//! What `deploy/` says, done: the unit, the example configuration, backups, restarts under load.

mod example;
mod keeping;
pub(crate) mod program;
mod service;

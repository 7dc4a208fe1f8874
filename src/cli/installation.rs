//! The data directory: what is in it, how it is made, how it is kept safe.
//!
//! ```text
//! DIR/                0700
//!   secret            0600  the installation's master secret; back it up, apart from the data
//!   ca.pem  ca.key          the installation's authority (the key 0600; it may be kept elsewhere)
//!   server.pem .key         the server's certificate, renewed by itself
//!   server.names            what it was made for
//!   admin.token       0600  a token of role admin
//!   installation            the secret's fingerprint, in the store's directory
//!   ledger/ catalog/        in the store's directory
//!   epoch             0600  with a store in Redis: what the fences there must carry
//! ```
//!
//! With a store in Redis several nodes have one installation: `jeton init` makes it once, and its
//! secret, epoch and authority are copied to each node. Nothing of these is ever made by serving.
//!
//! Invariants: every file appears whole or not at all; nothing that exists is replaced, but for the
//! server's certificate; a store is never opened under a secret that is not its own.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use ring::rand::SystemRandom;

use super::epoch::{EPOCH, EPOCH_BEGUN, EpochFile};
use super::output::wrong_use;
use super::place::read;
use crate::auth::caller::{Identity, Name};
use crate::auth::certificate::{Authority, CertificatePem, needs_renewal};
use crate::auth::role::Role;
use crate::auth::secret::Installation as Keys;
use crate::config::{Config, Store, Tls};
use crate::domain::id::TenantId;
use crate::server::access::Access;

/// The master secret.
pub(super) const SECRET: &str = "secret";
/// The authority's certificate, for callers to trust.
pub(super) const CA_CERTIFICATE: &str = "ca.pem";
/// The authority's key.
pub(super) const CA_KEY: &str = "ca.key";
/// The server's certificate.
pub(super) const SERVER_CERTIFICATE: &str = "server.pem";
/// The server's key.
pub(super) const SERVER_KEY: &str = "server.key";
/// The names that the server's certificate was made for.
const SERVER_NAMES: &str = "server.names";
/// The first token.
pub(super) const ADMIN_TOKEN: &str = "admin.token";
/// The fingerprint of the secret that a store was made under.
const FINGERPRINT: &str = "installation";
/// The ledger, in the store's directory.
pub(super) const LEDGER: &str = "ledger";
/// The catalog, in the store's directory.
pub(super) const CATALOG: &str = "catalog";

/// Only the owner.
pub(super) const PRIVATE: u32 = 0o600;
/// Everybody who may enter the directory.
const SHARED: u32 = 0o644;

/// An installation that is there and safe.
pub(super) struct Installation {
    dir: PathBuf,
    store: PathBuf,
    /// Its keys.
    pub(super) keys: Keys,
    /// What its fences in Redis carry, if that is where its store is.
    pub(super) epoch: Option<EpochFile>,
    /// What was made just now.
    pub(super) made: Vec<PathBuf>,
}

/// The PEM texts that the doors are opened with.
pub(super) struct ServerTexts {
    pub(super) certificate: String,
    pub(super) key: String,
    pub(super) client_authority: String,
}

impl Installation {
    /// Opens the installation that `config` names. What is missing of one on this machine is made;
    /// one in Redis must be there.
    pub(super) fn open(config: &Config, now_ms: i64) -> anyhow::Result<Self> {
        match &config.store {
            Store::Embedded(store) => Self::open_embedded(&config.data, store, now_ms),
            Store::Redis(_) => Self::open_shared(&config.data),
        }
    }

    fn open_embedded(dir: &Path, store: &Path, now_ms: i64) -> anyhow::Result<Self> {
        ensure!(
            !dir.join(EPOCH).exists(),
            "{} belongs to an installation in Redis, but the store is {}; \
             type store = \"redis://…\" in jeton.toml, or use another data directory",
            dir.display(),
            store.display()
        );
        let mut made = Vec::new();
        make_dir(dir, &mut made)?;
        make_dir(store, &mut made)?;
        let secret = dir.join(SECRET);
        if !secret.exists() {
            ensure!(
                !store.join(LEDGER).exists() && !store.join(CATALOG).exists(),
                "{} is missing, but there is data in {}: without its secret no used code is \
                 recognised as used. \
                 Restore the file from its backup",
                secret.display(),
                store.display()
            );
            make_secret(&secret, &mut made)?;
        }
        let keys = keys(&secret)?;
        let (dir, store) = (dir.to_owned(), store.to_owned());
        let mut installation = Self { dir, store, keys, epoch: None, made };
        installation.check_fingerprint()?;
        installation.make_authority(now_ms)?;
        Ok(installation)
    }

    fn open_shared(dir: &Path) -> anyhow::Result<Self> {
        let begun = dir.join(EPOCH_BEGUN);
        ensure!(!begun.exists(), "jeton init was interrupted here; type jeton init again");
        for name in [EPOCH, SECRET, CA_CERTIFICATE] {
            ensure!(
                dir.join(name).exists(),
                "{} is missing: this node does not belong to the installation in Redis; on the \
                 first node type jeton init; to a further one copy {}, {}, {} and {} of the first \
                 (mode 0600, the directory 0700)",
                dir.join(name).display(),
                SECRET,
                EPOCH,
                CA_CERTIFICATE,
                CA_KEY
            );
        }
        check_dir(dir)?;
        let epoch = Some(EpochFile::read(&dir.join(EPOCH))?);
        let keys = keys(&dir.join(SECRET))?;
        Ok(Self { dir: dir.to_owned(), store: dir.to_owned(), keys, epoch, made: Vec::new() })
    }

    /// Makes, for an installation in Redis that is about to be made, what is missing on this
    /// machine.
    pub(super) fn begin_shared(dir: &Path, epoch: EpochFile, now_ms: i64) -> anyhow::Result<Self> {
        let mut made = Vec::new();
        make_dir(dir, &mut made)?;
        let secret = dir.join(SECRET);
        if !secret.exists() {
            make_secret(&secret, &mut made)?;
        }
        let (keys, epoch) = (keys(&secret)?, Some(epoch));
        let (dir, store) = (dir.to_owned(), dir.to_owned());
        let mut installation = Self { dir, store, keys, epoch, made };
        installation.make_authority(now_ms)?;
        Ok(installation)
    }

    pub(super) fn ledger_dir(&self) -> PathBuf {
        self.store.join(LEDGER)
    }

    pub(super) fn catalog_dir(&self) -> PathBuf {
        self.store.join(CATALOG)
    }

    fn check_fingerprint(&mut self) -> anyhow::Result<()> {
        let file = self.store.join(FINGERPRINT);
        let own: String =
            self.keys.fingerprint().iter().map(|byte| format!("{byte:02x}")).collect();
        if !file.exists() {
            write(&file, format!("{own}\n").as_bytes(), SHARED)?;
            self.made.push(file);
            return Ok(());
        }
        ensure!(
            read(&file)?.trim() == own,
            "the store in {} was made under another secret than {}: no used code would be \
             recognised as used. \
             Restore the secret that belongs to it, or use another data directory",
            self.store.display(),
            self.dir.join(SECRET).display()
        );
        Ok(())
    }

    fn make_authority(&mut self, now_ms: i64) -> anyhow::Result<()> {
        let (certificate, key) = (self.dir.join(CA_CERTIFICATE), self.dir.join(CA_KEY));
        if !certificate.exists() {
            // A key alone is what an interrupted start leaves; nothing was signed with it.
            let (_, pem) = Authority::create("jeton authority", now_ms)?;
            write(&key, pem.key.as_bytes(), PRIVATE)?;
            write(&certificate, pem.certificate.as_bytes(), SHARED)?;
            self.made.extend([key, certificate]);
        }
        Ok(())
    }

    /// The authority that signs.
    pub(super) fn authority(&self) -> anyhow::Result<Authority> {
        let (certificate, key) = (self.dir.join(CA_CERTIFICATE), self.dir.join(CA_KEY));
        check_private(&key)?;
        let authority = Authority::from_pem(&read(&certificate)?, &read(&key)?);
        authority.with_context(|| format!("the authority in {}", self.dir.display()))
    }

    /// The authority's certificate.
    pub(super) fn authority_certificate(&self) -> anyhow::Result<String> {
        read(&self.dir.join(CA_CERTIFICATE))
    }

    /// The texts for the doors: a certificate from elsewhere, or the installation's own, which is
    /// made or renewed when it is time.
    pub(super) fn server_texts(&mut self, tls: &Tls, now_ms: i64) -> anyhow::Result<ServerTexts> {
        let client_authority = self.authority_certificate()?;
        if let Some((certificate, key)) = &tls.files {
            check_private(key)?;
            let (certificate, key) = (read(certificate)?, read(key)?);
            return Ok(ServerTexts { certificate, key, client_authority });
        }
        let (certificate, key) = (self.dir.join(SERVER_CERTIFICATE), self.dir.join(SERVER_KEY));
        let names = tls.server_names.join("\n");
        if self.server_certificate_is_due(&names, now_ms)? {
            let pem = self.authority()?.issue_server(&tls.server_names, now_ms)?;
            let CertificatePem { certificate: new, key: new_key } = pem;
            // The names last: without them the next start makes the pair anew.
            let _absent = fs::remove_file(self.dir.join(SERVER_NAMES));
            write(&key, new_key.as_bytes(), PRIVATE)?;
            write(&certificate, new.as_bytes(), SHARED)?;
            write(&self.dir.join(SERVER_NAMES), names.as_bytes(), SHARED)?;
            self.made.extend([key.clone(), certificate.clone()]);
        }
        check_private(&key)?;
        let (certificate, key) = (read(&certificate)?, read(&key)?);
        Ok(ServerTexts { certificate, key, client_authority })
    }

    fn server_certificate_is_due(&self, names: &str, now_ms: i64) -> anyhow::Result<bool> {
        let [certificate, key, made_for] =
            [SERVER_CERTIFICATE, SERVER_KEY, SERVER_NAMES].map(|name| self.dir.join(name));
        if !certificate.exists() || !key.exists() || !made_for.exists() {
            return Ok(true);
        }
        Ok(read(&made_for)? != names || needs_renewal(&read(&certificate)?, now_ms)?)
    }

    /// Makes the first admin token of a tenant that has none, and keeps it for commands on this
    /// host.
    pub(super) fn first_token(&mut self, access: &Access, tenant: &TenantId) -> anyhow::Result<()> {
        let file = self.dir.join(ADMIN_TOKEN);
        if file.exists() {
            return check_private(&file);
        }
        let is_admin = |token: &crate::auth::token::TokenRecord| {
            token.identity.role == Role::Admin && token.revoked_ms.is_none()
        };
        // Who took the file away has the token.
        if access.list(tenant).iter().any(is_admin) {
            Ok(())
        } else {
            self.new_token(access, tenant)
        }
    }

    /// Makes another admin token and keeps it.
    pub(super) fn new_token(&mut self, access: &Access, tenant: &TenantId) -> anyhow::Result<()> {
        let file = self.dir.join(ADMIN_TOKEN);
        let identity = Identity::new(tenant.clone(), Role::Admin, Name::parse("installation")?);
        let (text, _) = access.mint(identity, None)?;
        write(&file, format!("{text}\n").as_bytes(), PRIVATE)?;
        self.made.push(file);
        Ok(())
    }
}

fn make_secret(file: &Path, made: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    let keys = Keys::generate(&SystemRandom::new())?;
    write(file, keys.encode().as_bytes(), PRIVATE)?;
    made.push(file.to_owned());
    Ok(())
}

fn keys(secret: &Path) -> anyhow::Result<Keys> {
    check_private(secret)?;
    Keys::decode(&read(secret)?).with_context(|| secret.display().to_string())
}

pub(super) fn make_dir(dir: &Path, made: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    if !dir.exists() {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(dir).with_context(|| {
            format!("the directory {} cannot be made; name another one with --data", dir.display())
        })?;
        made.push(dir.to_owned());
    }
    check_dir(dir)
}

/// Nobody but the owner may enter.
pub(super) fn check_dir(dir: &Path) -> anyhow::Result<()> {
    let metadata = fs::metadata(dir).with_context(|| dir.display().to_string())?;
    if !metadata.is_dir() {
        return Err(wrong_use(format!("{} is no directory", dir.display())));
    }
    let mode = metadata.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        let dir = dir.display();
        bail!("{dir} can be entered by others (mode {mode:o}); type: chmod 700 {dir}");
    }
    Ok(())
}

/// Nobody but the owner may read or write.
pub(super) fn check_private(file: &Path) -> anyhow::Result<()> {
    let metadata = fs::metadata(file).with_context(|| file.display().to_string())?;
    let mode = metadata.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        let file = file.display();
        bail!("{file} can be read by others (mode {mode:o}); type: chmod 600 {file}");
    }
    Ok(())
}

/// Writes a file so that it is whole and durable, or not there.
pub(super) fn write(file: &Path, bytes: &[u8], mode: u32) -> anyhow::Result<()> {
    try_write(file, bytes, mode).with_context(|| format!("{} cannot be written", file.display()))
}

fn try_write(file: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    let mut temporary = file.as_os_str().to_owned();
    temporary.push(".new");
    let temporary = PathBuf::from(temporary);
    // What an interrupted start left may have another mode.
    let _absent = fs::remove_file(&temporary);
    let mut open = OpenOptions::new();
    let mut handle = open.write(true).create_new(true).mode(mode).open(&temporary)?;
    handle.write_all(bytes)?;
    handle.sync_all()?;
    fs::rename(&temporary, file)?;
    match file.parent().filter(|dir| !dir.as_os_str().is_empty()) {
        Some(dir) => File::open(dir)?.sync_all(),
        None => File::open(".")?.sync_all(),
    }
}

//! Certificates: the installation's own authority, what it signs, and reading a caller out of one.
//!
//! Keys are ECDSA P-256, which every TLS library speaks. A client certificate carries its caller as
//! a URN among its alternative names ([`Identity::urn`]); its subject is for people only.
//!
//! Does not know where the texts are kept, nor verify chains: TLS did that before [`caller_of`] is
//! asked. Private keys are drawn from the operating system by the library itself, which takes no
//! other source.
//!
//! Invariants: every certificate has an explicit beginning and end, and none outlives its
//! authority.

use std::time::Duration;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, PublicKeyData, SanType, date_time_ymd,
};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName};
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::parse_x509_certificate;
use zeroize::Zeroizing;

use crate::auth::caller::{Caller, CallerId, Denied, Identity, URN_PREFIX};

const DAY_MS: i64 = 86_400_000;

/// How long an authority lasts: ten years. Replacing it means visiting every gate.
pub const AUTHORITY_DAYS: u32 = 3_650;

/// How long a server certificate lasts, in days: a year and a month's grace.
pub const SERVER_DAYS: u32 = 397;

/// Certificates begin an hour before they are made, for gates whose clocks are behind.
const BACKDATE_MS: i64 = 3_600_000;

/// Names that every server certificate carries, so that what runs on the same host always connects.
const LOCAL_NAMES: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

/// Most names in one server certificate; it travels in every handshake.
pub const SERVER_NAMES_MAX: usize = 100;

/// A certificate and its private key, as PEM texts.
#[derive(Clone)]
pub struct CertificatePem {
    /// The certificate.
    pub certificate: String,
    /// Its private key (PKCS #8); wiped when dropped.
    pub key: Zeroizing<String>,
}

impl std::fmt::Debug for CertificatePem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CertificatePem")
            .field("certificate", &self.certificate)
            .finish_non_exhaustive()
    }
}

/// What can sign certificates.
#[derive(Debug)]
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    ends_ms: i64,
}

impl Authority {
    /// Makes a new authority and the texts to keep. `name` is shown to people, `now_ms` is Unix
    /// time.
    ///
    /// # Errors
    /// [`CertificateError`].
    pub fn create(name: &str, now_ms: i64) -> Result<(Self, CertificatePem), CertificateError> {
        let mut params = params_for(name, now_ms, end_of(now_ms, AUTHORITY_DAYS))?;
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = KeyPair::generate()?;
        let certificate = params.self_signed(&key)?;
        let pem = pem_of(&certificate, &key);
        let ends_ms = end_of(now_ms, AUTHORITY_DAYS);
        Ok((Self { issuer: Issuer::new(params, key), ends_ms }, pem))
    }

    /// Takes up an authority again.
    ///
    /// # Errors
    /// [`CertificateError`] says which of the two texts is wrong, or that they do not belong
    /// together.
    pub fn from_pem(certificate: &str, key: &str) -> Result<Self, CertificateError> {
        let der = first_certificate(certificate)?;
        let parsed = parse(&der).ok_or(CertificateError::Unreadable)?;
        if !parsed.is_ca() {
            return Err(CertificateError::NotAuthority);
        }
        let ends_ms = ends_ms(&parsed);
        let key = KeyPair::from_pem(key).map_err(|_| CertificateError::Key)?;
        if parsed.public_key().raw != key.subject_public_key_info() {
            return Err(CertificateError::KeyMismatch);
        }
        Ok(Self { issuer: Issuer::from_ca_cert_der(&der, key)?, ends_ms })
    }

    /// A server certificate for `localhost`, `127.0.0.1`, `::1` and `names` (host names, addresses,
    /// `*.` wildcards), for [`SERVER_DAYS`].
    ///
    /// # Errors
    /// [`CertificateError`].
    pub fn issue_server(
        &self,
        names: &[String],
        now_ms: i64,
    ) -> Result<CertificatePem, CertificateError> {
        let mut all: Vec<String> = LOCAL_NAMES.map(str::to_owned).to_vec();
        for name in names {
            if ServerName::try_from(name.strip_prefix("*.").unwrap_or(name)).is_err() {
                return Err(CertificateError::Name(name.clone()));
            }
            if !all.contains(name) {
                all.push(name.clone());
            }
        }
        if all.len() > SERVER_NAMES_MAX {
            return Err(CertificateError::Names(all.len()));
        }
        let alternatives = CertificateParams::new(all)?.subject_alt_names;
        self.issue(
            "jeton server",
            alternatives,
            ExtendedKeyUsagePurpose::ServerAuth,
            (now_ms, SERVER_DAYS),
        )
    }

    /// A client certificate that proves `identity` for `days` (at least 1, at most as long as the
    /// authority).
    ///
    /// # Errors
    /// [`CertificateError`].
    pub fn issue_client(
        &self,
        identity: &Identity,
        days: u32,
        now_ms: i64,
    ) -> Result<CertificatePem, CertificateError> {
        let urn = identity.urn().try_into()?;
        self.issue(
            identity.name.as_str(),
            vec![SanType::URI(urn)],
            ExtendedKeyUsagePurpose::ClientAuth,
            (now_ms, days.max(1)),
        )
    }

    fn issue(
        &self,
        subject: &str,
        alternatives: Vec<SanType>,
        usage: ExtendedKeyUsagePurpose,
        (now_ms, days): (i64, u32),
    ) -> Result<CertificatePem, CertificateError> {
        if now_ms >= self.ends_ms {
            return Err(CertificateError::AuthorityExpired);
        }
        let mut params = params_for(subject, now_ms, end_of(now_ms, days).min(self.ends_ms))?;
        params.subject_alt_names = alternatives;
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![usage];
        params.use_authority_key_identifier_extension = true;
        let key = KeyPair::generate()?;
        let certificate = params.signed_by(&key, &self.issuer)?;
        Ok(pem_of(&certificate, &key))
    }
}

/// Who presents this certificate, which TLS has already verified: chain, period and usage.
///
/// # Errors
/// [`Denied`], if it cannot be read or does not name exactly one caller.
pub fn caller_of(certificate: &[u8]) -> Result<Caller, Denied> {
    let parsed = parse(certificate).ok_or(Denied::CertificateMalformed)?;
    let alternatives =
        parsed.subject_alternative_name().map_err(|_| Denied::CertificateMalformed)?;
    let names = alternatives.map_or(&[][..], |extension| &extension.value.general_names);
    let mut urns = names.iter().filter_map(|name| {
        let GeneralName::URI(uri) = name else { return None };
        uri.starts_with(URN_PREFIX).then_some(*uri)
    });
    let (Some(urn), None) = (urns.next(), urns.next()) else {
        return Err(Denied::CertificateNameless);
    };
    let identity = Identity::from_urn(urn)?;
    let id = CallerId::of_identity(&identity);
    Ok(Caller { id, identity, expires_ms: Some(ends_ms(&parsed)) })
}

/// When the first certificate of a PEM text ends, in milliseconds since 1970.
///
/// # Errors
/// [`CertificateError::NoPem`] or [`CertificateError::Unreadable`].
pub fn end_of_pem_ms(certificate_pem: &str) -> Result<i64, CertificateError> {
    let der = first_certificate(certificate_pem)?;
    Ok(ends_ms(&parse(&der).ok_or(CertificateError::Unreadable)?))
}

/// Whether less than a third of the certificate's time is left (or none, or it has not begun):
/// early enough to notice when renewing fails.
///
/// # Errors
/// [`CertificateError::NoPem`] or [`CertificateError::Unreadable`].
pub fn needs_renewal(certificate_pem: &str, now_ms: i64) -> Result<bool, CertificateError> {
    let der = first_certificate(certificate_pem)?;
    let parsed = parse(&der).ok_or(CertificateError::Unreadable)?;
    let begins_ms = parsed.validity().not_before.timestamp().saturating_mul(1_000);
    let ends_ms = ends_ms(&parsed);
    let renew_ms = ends_ms.saturating_sub(ends_ms.saturating_sub(begins_ms) / 3);
    Ok(now_ms < begins_ms || now_ms >= renew_ms)
}

/// Why a certificate could not be made or read.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// No `BEGIN CERTIFICATE` block.
    #[error("the text holds no PEM certificate")]
    NoPem,
    /// The block is no X.509 certificate.
    #[error("the certificate cannot be read")]
    Unreadable,
    /// A certificate that may not sign others.
    #[error("the certificate is not an authority's: it may not sign others")]
    NotAuthority,
    /// Past its end.
    #[error(
        "the authority's certificate has expired; make a new authority and hand it to every caller"
    )]
    AuthorityExpired,
    /// No private key, or none of a kind that can sign.
    #[error("the text holds no usable PEM private key (PKCS #8)")]
    Key,
    /// Two texts of different origin.
    #[error("the private key does not belong to the certificate")]
    KeyMismatch,
    /// More than [`SERVER_NAMES_MAX`].
    #[error("{0} names are too many for one certificate; at most {SERVER_NAMES_MAX} fit")]
    Names(usize),
    /// Neither a host's name nor an address.
    #[error("{0:?} is neither a host name nor an IP address (no scheme, no port)")]
    Name(String),
    /// A moment before 1970 or after 9999.
    #[error("the certificate's period cannot be written down; is the clock right?")]
    Period,
    /// The library could not make it; for want of randomness, most likely.
    #[error("the certificate could not be made: {0}")]
    Make(#[from] rcgen::Error),
}

fn params_for(
    subject: &str,
    now_ms: i64,
    ends_ms: i64,
) -> Result<CertificateParams, CertificateError> {
    let epoch = date_time_ymd(1970, 1, 1);
    let moment = |unix_ms: i64| {
        let since = Duration::from_secs(u64::try_from(unix_ms / 1_000).ok()?);
        epoch.checked_add(since.try_into().ok()?)
    };
    let begins_ms = now_ms.saturating_sub(BACKDATE_MS);
    let mut params = CertificateParams::default();
    params.not_before = moment(begins_ms).ok_or(CertificateError::Period)?;
    params.not_after = moment(ends_ms).ok_or(CertificateError::Period)?;
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, subject);
    Ok(params)
}

fn end_of(now_ms: i64, days: u32) -> i64 {
    now_ms.saturating_add(i64::from(days).saturating_mul(DAY_MS))
}

fn pem_of(certificate: &rcgen::Certificate, key: &KeyPair) -> CertificatePem {
    CertificatePem { certificate: certificate.pem(), key: Zeroizing::new(key.serialize_pem()) }
}

fn first_certificate(pem: &str) -> Result<CertificateDer<'static>, CertificateError> {
    CertificateDer::from_pem_slice(pem.as_bytes()).map_err(|_| CertificateError::NoPem)
}

fn parse(der: &[u8]) -> Option<X509Certificate<'_>> {
    let (rest, parsed) = parse_x509_certificate(der).ok()?;
    rest.is_empty().then_some(parsed)
}

fn ends_ms(parsed: &X509Certificate<'_>) -> i64 {
    parsed.validity().not_after.timestamp().saturating_mul(1_000)
}

#[cfg(test)]
mod tests;

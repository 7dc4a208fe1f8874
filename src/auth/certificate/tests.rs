//! What the authority signs, and what can be read out of it.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use super::*;
use crate::auth::caller::Name;
use crate::auth::role::Role;
use crate::domain::id::TenantId;

/// 2026-11-21 12:00 UTC.
const NOW_MS: i64 = 1_795_262_400_000;

fn identity() -> Identity {
    Identity {
        gate: Some(Name::parse("north").unwrap()),
        ..Identity::new(
            TenantId::parse("park_1").unwrap(),
            Role::Checkout,
            Name::parse("till-4").unwrap(),
        )
    }
}

fn authority() -> (Authority, CertificatePem) {
    Authority::create("jeton of a test", NOW_MS).unwrap()
}

fn der(pem: &CertificatePem) -> CertificateDer<'static> {
    first_certificate(&pem.certificate).unwrap()
}

fn period_ms(pem: &CertificatePem) -> (i64, i64) {
    let der = der(pem);
    let parsed = parse(&der).unwrap();
    (parsed.validity().not_before.timestamp() * 1_000, ends_ms(&parsed))
}

#[test]
fn a_client_certificate_names_its_caller() {
    let (authority, _) = authority();
    let pem = authority.issue_client(&identity(), 30, NOW_MS).unwrap();
    let caller = caller_of(&der(&pem)).unwrap();
    assert_eq!(caller.identity, identity());
    assert_eq!(caller.expires_ms, Some(NOW_MS + 30 * DAY_MS));
    let renewed = authority.issue_client(&identity(), 30, NOW_MS + DAY_MS).unwrap();
    assert_eq!(caller_of(&der(&renewed)).unwrap().id, caller.id);
    assert_ne!(renewed.certificate, pem.certificate);
}

#[test]
fn other_certificates_name_nobody() {
    let (authority, own) = authority();
    let server = authority.issue_server(&[], NOW_MS).unwrap();
    for pem in [&own, &server] {
        assert_eq!(caller_of(&der(pem)), Err(Denied::CertificateNameless));
    }
    let cases: [(&[&str], Denied); 3] = [
        (&["urn:jeton:tenant:park:role:king:name:a"], Denied::IdentityMalformed),
        (&[&identity().urn(), &identity().urn()], Denied::CertificateNameless),
        (&["urn:other:a"], Denied::CertificateNameless),
    ];
    for (uris, denied) in cases {
        let uris = uris.iter().map(|uri| SanType::URI((*uri).try_into().unwrap())).collect();
        let usage = ExtendedKeyUsagePurpose::ClientAuth;
        let pem = authority.issue("odd", uris, usage, (NOW_MS, 1)).unwrap();
        assert_eq!(caller_of(&der(&pem)), Err(denied));
    }
    let whole = der(&authority.issue_client(&identity(), 1, NOW_MS).unwrap());
    let (cut, _) = whole.split_at(whole.len() - 1);
    assert_eq!(caller_of(cut), Err(Denied::CertificateMalformed));
    assert_eq!(caller_of(&[&whole[..], &[0]].concat()), Err(Denied::CertificateMalformed));
}

#[test]
fn a_server_certificate_carries_local_and_given_names_once() {
    let (authority, _) = authority();
    let names = ["gate.example".to_owned(), "10.1.2.3".to_owned(), "localhost".to_owned()];
    let pem = authority.issue_server(&names, NOW_MS).unwrap();
    let der = der(&pem);
    let parsed = parse(&der).unwrap();
    let found: Vec<String> = parsed
        .subject_alternative_name()
        .unwrap()
        .unwrap()
        .value
        .general_names
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(found.len(), 5, "{found:?}");
    assert!(found.iter().any(|name| name.contains("gate.example")), "{found:?}");

    for wrong in ["", "a b", "https://gate.example", "gate.example:7411", "gäte.example"] {
        let refused = authority.issue_server(&[wrong.to_owned()], NOW_MS);
        assert!(matches!(refused, Err(CertificateError::Name(name)) if name == wrong));
    }
    assert!(authority.issue_server(&["*.gate.example".to_owned()], NOW_MS).is_ok());
    let many: Vec<String> = (0..SERVER_NAMES_MAX).map(|i| format!("h{i}.example")).collect();
    assert!(matches!(authority.issue_server(&many, NOW_MS), Err(CertificateError::Names(103))));
}

#[test]
fn periods_are_explicit_and_never_outlive_the_authority() {
    let (authority, own) = authority();
    let ends_ms = NOW_MS + 3_650 * DAY_MS;
    assert_eq!(period_ms(&own), (NOW_MS - BACKDATE_MS, ends_ms));
    let server = authority.issue_server(&[], NOW_MS).unwrap();
    assert_eq!(period_ms(&server), (NOW_MS - BACKDATE_MS, NOW_MS + 397 * DAY_MS));
    let late = authority.issue_client(&identity(), u32::MAX, ends_ms - DAY_MS).unwrap();
    assert_eq!(period_ms(&late).1, ends_ms);
    let too_late = authority.issue_client(&identity(), 1, ends_ms);
    assert!(matches!(too_late, Err(CertificateError::AuthorityExpired)));
    for absurd_ms in [i64::MIN, -1, i64::MAX] {
        let made = Authority::create("x", absurd_ms);
        assert!(matches!(made, Err(CertificateError::Period)));
    }
}

#[test]
fn renewal_is_due_in_the_last_third() {
    let (authority, _) = authority();
    let server = authority.issue_server(&[], NOW_MS).unwrap().certificate;
    let (begins_ms, ends_ms) = (NOW_MS - BACKDATE_MS, NOW_MS + 397 * DAY_MS);
    let due_ms = ends_ms - (ends_ms - begins_ms) / 3;
    for (now_ms, due) in [
        (begins_ms - 1, true),
        (NOW_MS, false),
        (due_ms - 1, false),
        (due_ms, true),
        (ends_ms + DAY_MS, true),
    ] {
        assert_eq!(needs_renewal(&server, now_ms).unwrap(), due, "{now_ms}");
    }
    assert!(matches!(needs_renewal("nothing", NOW_MS), Err(CertificateError::NoPem)));
}

#[test]
fn an_authority_is_taken_up_again_only_with_its_own_key() {
    let (_, pem) = authority();
    let again = Authority::from_pem(&pem.certificate, &pem.key).unwrap();
    assert!(again.issue_client(&identity(), 1, NOW_MS).is_ok());
    let far_ms = NOW_MS + 3_650 * DAY_MS;
    let expired = again.issue_client(&identity(), 1, far_ms);
    assert!(matches!(expired, Err(CertificateError::AuthorityExpired)));

    let (other, other_pem) = authority();
    let leaf = other.issue_server(&[], NOW_MS).unwrap();
    let from = |certificate: &str, key: &str| Authority::from_pem(certificate, key).unwrap_err();
    assert!(matches!(from(&pem.certificate, &other_pem.key), CertificateError::KeyMismatch));
    assert!(matches!(from(&leaf.certificate, &leaf.key), CertificateError::NotAuthority));
    assert!(matches!(from(&pem.key, &pem.key), CertificateError::NoPem));
    assert!(matches!(from(&pem.certificate, &pem.certificate), CertificateError::Key));
}

#[test]
fn debug_output_holds_no_key() {
    let (authority, pem) = authority();
    let printed = format!("{authority:?} {pem:?}");
    assert!(printed.contains("BEGIN CERTIFICATE") && !printed.contains("PRIVATE"));
}

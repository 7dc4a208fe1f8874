//! Single codes over every store: issued once for a request, removed for good.

use std::collections::BTreeSet;

use super::*;

fn single(n: u64, request: u8) -> Single {
    let own = Override { holder: Some(format!("c-{n}")), ..Override::default() };
    let request = RequestId([request; 16]);
    Single { tenant: tenant(), request, key: key(n), text: text(n), own }
}

fn growing() -> Issue {
    let (pattern, alphabet) = ("PARK-####".to_owned(), "clear".to_owned());
    let source = Source::OnDemand { pattern, alphabet, check: true };
    Issue { source, request: Some(RequestId([0xdd; 16])), ..issue() }
}

pub(super) fn a_single_code_is_issued_once(home: &Home) {
    let catalog = home.open();
    put(&catalog, "", Expect::New).unwrap();
    let batch = catalog.begin_batch(growing()).unwrap().number;
    let lies = |position| Lies { batch, position };
    assert_eq!(catalog.issued_by(&tenant(), RequestId([1; 16])).unwrap(), None);
    let issue_one = |n, request| catalog.issue_one(batch, &single(n, request), [request; 12]);
    assert_eq!(issue_one(1, 1).unwrap(), Issued::Now(lies(0)));
    assert_eq!(issue_one(2, 2).unwrap(), Issued::Now(lies(1)));
    // The code that a repeat brings is not taken.
    assert_eq!(issue_one(3, 1).unwrap(), Issued::Before(lies(0)));
    drop(catalog);

    let catalog = home.open();
    assert_eq!(catalog.issued_by(&tenant(), RequestId([2; 16])).unwrap(), Some(lies(1)));
    assert_eq!(texts(&catalog, batch, 0..9), [(0, text(1)), (1, text(2))]);
    assert_eq!(catalog.override_of(&key(2)).unwrap(), Some(single(2, 2).own));
    assert_eq!(catalog.batch(batch).unwrap().unwrap().stored, 2);
    assert_eq!(load(&catalog).1.codes, 2);
    // A request is for a batch or for one code.
    let mismatch = catalog.issued_by(&tenant(), RequestId([0xdd; 16])).unwrap_err();
    assert!(matches!(mismatch, BatchError::RequestMismatch { batch: 1 }), "{mismatch}");
    let other = Issue { request: Some(RequestId([1; 16])), ..issue() };
    let mismatch = catalog.begin_batch(other).unwrap_err();
    assert!(matches!(mismatch, BatchError::RequestMismatch { batch: 1 }), "{mismatch}");
}

pub(super) fn removed_codes_are_gone_and_the_others_stay(home: &Home) {
    let catalog = home.open();
    put(&catalog, "", Expect::New).unwrap();
    let batch = catalog.begin_batch(issue()).unwrap().number;
    append(&catalog, batch, 0..40, 10);
    let own = Override { uses: Some(2), ..Override::default() };
    catalog.put_overrides(&[(key(12), own.clone()), (key(13), own)]).unwrap();
    let mut drawn = 0_u8;
    let mut nonce = || {
        drawn += 1;
        Some([drawn; 12])
    };
    // A whole block, parts of two, and one that is not there.
    let positions: BTreeSet<u32> = [3, 12, 39, 77].into_iter().chain(20..30).collect();
    assert_eq!(catalog.remove_codes(batch, &positions, &mut nonce).unwrap(), 13);
    assert_eq!(catalog.remove_codes(batch, &positions, &mut nonce).unwrap(), 0);
    assert_eq!(catalog.remove_codes(batch, &[4].into(), &mut nonce).unwrap(), 1);
    append(&catalog, batch, 40..42, 10);
    drop(catalog);

    let catalog = home.open();
    let left: Vec<u64> =
        (0..42).filter(|&n| n != 4 && !positions.contains(&u32::try_from(n).unwrap())).collect();
    let place = |n: u64| u32::try_from(n).unwrap();
    let expected: Vec<(u32, String)> = left.iter().map(|&n| (place(n), text(n))).collect();
    assert_eq!(texts(&catalog, batch, 0..u32::MAX), expected);
    assert_eq!(catalog.text(batch, 12).unwrap(), None);
    let known = catalog.batch(batch).unwrap().unwrap();
    assert_eq!((known.stored, known.removed, known.left()), (42, 14, 28));
    assert_eq!(catalog.code_count().unwrap(), 28);
    let (seen, loaded) = load(&catalog);
    assert_eq!(loaded.codes, 28);
    let codes = seen.codes.into_inner().unwrap();
    assert_eq!(codes, left.iter().map(|&n| (key(n), (batch, place(n)))).collect());
    assert_eq!(seen.overrides.into_inner().unwrap().into_keys().collect::<Vec<_>>(), [key(13)]);
    assert_eq!(catalog.overrides(None, 9).unwrap().len(), 1);
}

//! Parsing, shapes, overlaps; and that no slip of the hand goes unnoticed.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop")]

use proptest::prelude::*;

use super::*;
use crate::codes::{CodeKeys, Series};

fn clear(shown: &str) -> Result<Pattern, PatternError> {
    Pattern::parse(shown, Alphabet::Clear, Check::On)
}

#[test]
fn a_pattern_knows_its_capacity_and_shape() {
    let pattern = clear("Promo-####.####").unwrap();
    assert_eq!(pattern.as_str(), "Promo-####.####");
    assert_eq!(pattern.shape(), "PR0M0########/clear/check");
    assert_eq!(pattern.capacity(), 31_u128.pow(7));
    assert_eq!(clear("PR0M0 ########").unwrap().shape(), pattern.shape());
    let digits = Pattern::parse(&"#".repeat(38), Alphabet::Digits, Check::Off).unwrap();
    assert_eq!(digits.capacity(), 10_u128.pow(38));
    assert_eq!(digits.shape(), format!("{}/digits/plain", "#".repeat(38)));
}

#[test]
fn errors_say_what_is_wrong() {
    for (shown, error) in [
        ("", PatternError::TooFewHoles { have: 0, needed: 6 }),
        ("PARK-#####", PatternError::TooFewHoles { have: 5, needed: 6 }),
        ("-PARK-######", PatternError::SeparatorAtEdge),
        ("PARK-######.", PatternError::SeparatorAtEdge),
        ("PÄRK-######", PatternError::Character('Ä')),
        ("PARK-######?", PatternError::Character('?')),
        ("PARK\t######", PatternError::Character('\t')),
        (&"#".repeat(26), PatternError::TooManyHoles { have: 26, max: 25 }),
        (&"#".repeat(49), PatternError::TooManyCharacters { have: 49 }),
        (&"#".repeat(65), PatternError::TooLong),
    ] {
        assert_eq!(clear(shown), Err(error), "{shown}");
    }
    let few = Pattern::parse("#####", Alphabet::Digits, Check::Off);
    assert_eq!(few, Err(PatternError::TooFewHoles { have: 5, needed: 6 }));
    assert_eq!(
        PatternError::Character('Ä').to_string(),
        "'Ä' cannot be in a pattern: use A to Z, 0 to 9, # and the separators - . _ and blank"
    );
}

#[test]
fn overlap_is_a_shared_code() {
    let check = |a: &str, b: &str, expect| {
        let (a, b) = (clear(a).unwrap(), clear(b).unwrap());
        assert_eq!(a.overlaps(&b), expect, "{a:?} {b:?}");
        assert_eq!(b.overlaps(&a), expect, "{b:?} {a:?}");
    };
    check("PARK-########", "park ####.####", true);
    check("PARK-########", "PARK-A########", false);
    check("PARK-########", "PARK-A#######", true);
    check("PARK-########", "PARK-0#######", false);
    check("PARK-########", "POOL-########", false);
    check("PARK-########", "############", true);
    // A look-alike in the literal is in no hole.
    check("POOL-########", "############", false);
    let digits = Pattern::parse("PARK-########", Alphabet::Digits, Check::On).unwrap();
    assert!(digits.overlaps(&clear("PARK-########").unwrap()));
}

#[test]
fn what_is_far_from_the_shape_is_not_mine() {
    let pattern = clear("PARK-####-####").unwrap();
    for text in ["SOMMER-2026", "PARK", "PARK-2222-22222", "POOL-2222-2222", "PARK-OO22-2222"] {
        let normal = Normal::parse(text).unwrap();
        assert_eq!(pattern.verify(&normal), Verdict::NotMine, "{text}");
    }
    let without = Pattern::parse("PARK-####-####", Alphabet::Clear, Check::Off).unwrap();
    assert_eq!(without.verify(&Normal::parse("PARK-2222-2223").unwrap()), Verdict::Right);
}

/// Every single wrong character and every swap of neighbours, in literals, holes and across
/// their borders, over many codes of patterns of several kinds.
#[test]
fn every_slip_of_the_hand_is_recognised() {
    let keys = CodeKeys::new([3; 32]);
    for (shown, alphabet) in [
        ("PARK-####-####", Alphabet::Clear),
        ("######", Alphabet::Clear),
        ("A##B##C##D", Alphabet::Clear),
        ("PROMO#######X", Alphabet::Clear),
        ("#########################", Alphabet::Clear),
        ("TAG 2026 ########", Alphabet::Digits),
        ("#######", Alphabet::Digits),
    ] {
        let pattern = Pattern::parse(shown, alphabet, Check::On).unwrap();
        let series = Series::new(pattern.clone(), &keys, "park");
        for serial in 0..50 {
            let normal = series.normal(serial).unwrap();
            assert_eq!(pattern.verify(&normal), Verdict::Right);
            for slip in slips(normal.as_bytes()) {
                let normal = Normal::parse(str::from_utf8(&slip).unwrap()).unwrap();
                assert_eq!(pattern.verify(&normal), Verdict::Mistyped, "{normal:?} of {shown}");
                assert_eq!(series.serial_of(&normal), None);
            }
        }
    }
}

/// All texts that differ from `text` in one character of those a normal form has, or in the
/// order of two neighbours.
fn slips(text: &[u8]) -> Vec<Vec<u8>> {
    let mut slips = Vec::new();
    for at in 0..text.len() {
        for character in (b'0'..=b'9').chain(b'A'..=b'Z').filter(|c| !b"ILO".contains(c)) {
            let mut slip = text.to_vec();
            slip[at] = character;
            slips.push(slip);
        }
        let mut swapped = text.to_vec();
        if at > 0 {
            swapped.swap(at - 1, at);
            slips.push(swapped);
        }
    }
    slips.retain(|slip| slip != text);
    slips
}

proptest! {
    #[test]
    fn parsing_never_panics_and_keeps_its_word(
        shown in "[#A-Za-z0-9 ._-]{0,70}|\\PC{0,40}",
        digits: bool,
        off: bool,
    ) {
        let alphabet = if digits { Alphabet::Digits } else { Alphabet::Clear };
        let check = if off { Check::Off } else { Check::On };
        if let Ok(pattern) = Pattern::parse(&shown, alphabet, check) {
            prop_assert!(pattern.capacity() >= CAPACITY_MIN);
            prop_assert!(pattern.overlaps(&pattern));
            let series = Series::new(pattern.clone(), &CodeKeys::new([0; 32]), "t");
            let normal = series.normal(0).unwrap();
            prop_assert_eq!(pattern.verify(&normal), Verdict::Right);
            prop_assert_eq!(normal.as_bytes().len(), pattern.skeleton.len());
        }
    }
}

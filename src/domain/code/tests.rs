//! Normalising by table and by law; masking.
#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use proptest::prelude::*;

use super::*;

#[track_caller]
fn check(text: &str, expect: Result<&str, Malformed>) {
    let got = Normal::parse(text);
    assert_eq!(got.as_ref().map(Normal::as_str), expect.as_ref().copied(), "{text:?}");
}

#[test]
fn typed_pasted_and_printed_forms_are_one() {
    for text in [
        "PARK-7K3M-9QXT",
        "park7k3m9qxt",
        "  Park 7k3m 9qxt\r\n",
        "PARK.7K3M.9QXT",
        "park_7k3m_9qxt",
        "PARK–7K3M—9QXT",
        "PARK−7K3M‑9QXT",
        "PARK\u{A0}7K3M\u{2009}9QXT",
        "\u{FEFF}PARK\u{200B}7K3M\u{AD}9Q\u{2060}XT\u{200D}",
        "ＰＡＲＫ－７Ｋ３Ｍ－９ＱＸＴ",
        "• PARK…7K3M·9QXT",
        "PAR\u{212A}-7K3M-9QXT",
        "\u{202A}PARK-7K3M-9QXT\u{202C}",
    ] {
        check(text, Ok("PARK7K3M9QXT"));
    }
}

#[test]
fn look_alikes_are_folded() {
    check("SOMMER-2026", Ok("S0MMER2026"));
    check("Oo0 IiLl1", Ok("00011111"));
    check("Straße", Ok("STRASSE"));
    check("ﬁx ②", Ok("F1X2"));
}

#[test]
fn anything_else_is_refused_by_name() {
    check("", Err(Malformed::Empty));
    check(" -._\t\u{200B}", Err(Malformed::Empty));
    check("AB?C", Err(Malformed::Character('?')));
    check("GRÜN", Err(Malformed::Character('Ü')));
    check("gru\u{308}n", Err(Malformed::Character('Ü')));
    check("A\u{200C}\u{308}", Err(Malformed::Character('\u{308}')));
    check("ПАРК", Err(Malformed::Character('П')));
    check("WIN🎉", Err(Malformed::Character('🎉')));
    check("AB\0C", Err(Malformed::Character('\0')));
    check("½", Err(Malformed::Character('\u{2044}')));
    check(&"A".repeat(49), Err(Malformed::TooLong));
    check(&"-".repeat(257), Err(Malformed::InputTooLong));
    check(&"Ａ".repeat(86), Err(Malformed::InputTooLong));
    let longest = format!("{}{}", "A".repeat(48), "-".repeat(208));
    check(&longest, Ok(&"A".repeat(48)));
    assert_eq!(
        Malformed::Character('Ä').to_string(),
        "a code has only digits and the letters A to Z, not 'Ä' (U+00C4)"
    );
}

#[test]
fn every_ascii_byte_means_the_same_alone_and_beside_other_scripts() {
    for byte in 0..=127_u8 {
        let alone = Normal::parse(&format!("A{}", char::from(byte)));
        let beside = Normal::parse(&format!("\u{200B}A{}", char::from(byte)));
        assert_eq!(alone, beside, "{byte}");
    }
}

#[test]
fn order_and_equality_are_those_of_the_text() {
    let [a, ab, b] = ["A", "AB", "B"].map(|text| Normal::parse(text).unwrap());
    assert!(a < ab && ab < b);
    assert_ne!(a, ab);
}

#[test]
fn masks_never_show_a_code() {
    for (text, shown) in [
        ("", "…"),
        ("SECRET123", "…"),
        ("SECRET1234", "SE…34"),
        ("PARK-7K3M-9QXT", "PA…XT"),
        ("\u{1b}[31mSECRET\n", "??…T?"),
    ] {
        assert_eq!(masked(text).to_string(), shown);
    }
    let normal = Normal::parse("PARK-7K3M-9QXT").unwrap();
    assert_eq!(format!("{normal:?}"), "Normal(PA…XT)");
    assert_eq!(
        format!("{:?}", CodeKey::from_bytes([0xA7; 16])),
        "CodeKey(a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7a7)"
    );
}

/// A valid code and the same code as a person might type it.
fn disguised() -> impl Strategy<Value = (String, String)> {
    let noise = prop::sample::select(vec![
        "", "", "-", " ", ".", "_", "\t", "\u{200B}", "\u{A0}", "–", "\u{FEFF}", "\u{AD}",
    ]);
    let place = (prop::char::ranges(vec!['0'..='9', 'A'..='Z'].into()), 0..3_u8, noise);
    prop::collection::vec(place, 1..=24).prop_map(|places| {
        let plain = places.iter().map(|(c, ..)| *c).collect();
        let typed = places.iter().fold(String::new(), |mut typed, (c, manner, noise)| {
            typed.push(match manner {
                0 => *c,
                1 => c.to_ascii_lowercase(),
                // The full-width form.
                _ => char::from_u32(u32::from(*c) + 0xFEE0).unwrap(),
            });
            typed.push_str(noise);
            typed
        });
        (plain, typed)
    })
}

proptest! {
    #[test]
    fn disguise_does_not_matter((plain, typed) in disguised()) {
        prop_assert_eq!(Normal::parse(&plain), Normal::parse(&typed));
        prop_assert!(Normal::parse(&plain).is_ok());
    }

    #[test]
    fn normal_is_a_fixed_point_in_its_alphabet(text in "\\PC{0,64}|[ -~]{0,60}") {
        if let Ok(normal) = Normal::parse(&text) {
            prop_assert_eq!(Normal::parse(normal.as_str()), Ok(normal));
            let allowed = |b: &u8| matches!(b, b'0'..=b'9' | b'A'..=b'Z') && !b"ILO".contains(b);
            prop_assert!(normal.as_bytes().iter().all(allowed));
            prop_assert!((1..=Normal::LEN_MAX).contains(&normal.as_bytes().len()));
        }
    }

    #[test]
    fn a_mask_hides_all_but_four(text in "\\PC{0,40}") {
        let shown = masked(&text).to_string();
        prop_assert!(shown.chars().count() <= 5);
        prop_assert!(!shown.chars().any(char::is_control));
        prop_assert!(text.chars().count() <= 1 || shown != text);
    }
}

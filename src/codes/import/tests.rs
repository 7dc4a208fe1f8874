//! Every shape of list by table; hostile input by law.
#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use std::fmt::Write as _;

use proptest::prelude::*;

use super::*;

/// Rows and errors as text: `1:CODE name=value …` or `1!reason`, one a line.
fn read(input: impl AsRef<[u8]>, format: Format) -> String {
    let mut rows = Rows::new(input.as_ref(), format);
    let mut seen = String::new();
    while let Some(row) = rows.next_row().unwrap() {
        match row {
            Ok(row) => {
                write!(seen, "{}:{}", row.line, row.code).unwrap();
                let mut fields: Vec<_> = row.fields().collect();
                fields.sort_unstable();
                for (name, value) in fields {
                    write!(seen, " {name}={value}").unwrap();
                    assert_eq!(row.field(name), Some(value));
                }
            }
            Err(error) => write!(seen, "{}!{}", error.line, error.reason).unwrap(),
        }
        seen.push('\n');
    }
    seen
}

#[track_caller]
fn check(input: impl AsRef<[u8]>, expect: &[&str]) {
    let got = read(input, Format::Auto);
    assert_eq!(got.lines().collect::<Vec<_>>(), expect);
}

#[test]
fn pasted_lists_of_any_shape() {
    check("A-1\nB-2\nC-3", &["1:A-1", "2:B-2", "3:C-3"]);
    check("A-1\r\nB 2\r\n\r\n C-3 \r\n", &["1:A-1", "2:B 2", "4:C-3"]);
    check("A1, B2;C3\tD4,\n,E5,,;", &["1:A1", "1:B2", "1:C3", "1:D4", "2:E5"]);
    check("\"A1\",'B2',„C3“,«D4»\n\"E5\"", &["1:A1", "1:B2", "1:C3", "1:D4", "2:E5"]);
    check("[\"A1\", \"B2\",\n\"C3\"]", &["1:A1", "1:B2", "2:C3"]);
    check("\u{FEFF}A1\nB2", &["1:A1", "2:B2"]);
    check("\n\n\tA1\rB2\r", &["3:A1", "3:B2"]);
    check("", &[]);
    check(" \r\n,;\n\"\"\n", &[]);
    check(
        b"A1,\xFF\xFE,B2\nC3",
        &["1:A1", "1!not UTF-8: save the file with this encoding", "1:B2", "2:C3"],
    );
}

#[test]
fn csv_with_a_header() {
    check(
        "Code;Holder;Valid from;uses\r\nA1;Anna;2026-01-01;3\r\n\
         B2;\"O\"\"Hara; Pat\";;\r\n;;;\r\nC3\r\n",
        &["2:A1 holder=Anna uses=3 valid_from=2026-01-01", "3:B2 holder=O\"Hara; Pat", "5:C3"],
    );
    check("\u{FEFF}\"holder\",\"code\"\nAnna,\"A1\",\n", &["2:A1 holder=Anna"]);
    check("\ncode\nA1\n\nB2", &["3:A1", "5:B2"]);
    check("code\tuses\nA 1\t\nB2\t7", &["2:A 1", "3:B2 uses=7"]);
    check("uses, code ,x,y;z\n1, A1 ,2", &["2:A1 uses=1 x=2"]);
}

#[test]
fn csv_reports_bad_lines_and_goes_on() {
    check(
        "code,holder\n\"A1,x\nB2,\"Bo\" x\n,Carl\nD4,Dora,more\nE5,Eve",
        &[
            "2!a quote is not closed",
            "3!text after a closing quote",
            "4!no code",
            "5!more fields than the header's 2",
            "6:E5 holder=Eve",
        ],
    );
    check(
        b"code,holder\nA1,M\xFCller\nB2,Bo",
        &["2!not UTF-8: save the file with this encoding", "3:B2 holder=Bo"],
    );
    let no_column = "1!the header needs exactly one column called `code`\n";
    assert_eq!(read("id,holder\nA1,x\n", Format::Csv), no_column);
    assert_eq!(read("code,CODE\nA1,x\n", Format::Csv), no_column);
    assert_eq!(read("code,\"\nA1,x\n", Format::Csv), "1!a quote is not closed\n");
    let latin = "1!not UTF-8: save the file with this encoding\n";
    assert_eq!(read(b"code,g\xFCltig\nA1,x\n", Format::Auto), latin);
}

#[test]
fn ndjson() {
    check(
        "{\"code\":\"A1\",\"uses\":3,\"Valid-From\":\"2026-01-01\",\"holder\":null}\r\n\n\
         \"B2\"\n{\"code\": 42}\n{\"uses\":1}\n{\"code\":\"\"}\n[1]\n{\"code\":\"C3\",\"x\":{}}\n\
         {\"code\":\n{\"code\":\"D4\"} x\n{\"code\":\"E5\",\"vip\":true}",
        &[
            "1:A1 uses=3 valid_from=2026-01-01",
            "3:B2",
            "4:42",
            "5!no code",
            "6!no code",
            "7!neither an object with a field `code` nor a string",
            "8!the field `x` is neither text nor a number",
            "9!not JSON (column 8)",
            "10!not JSON (column 15)",
            "11:E5 vip=true",
        ],
    );
    assert_eq!(read("\"A\\u0031\"", Format::Ndjson), "1:A1\n");
}

#[test]
fn what_was_told_is_not_guessed() {
    assert_eq!(read("code,holder\n", Format::List), "1:code\n1:holder\n");
    assert_eq!(read("{A1}\n", Format::List), "1:{A1}\n");
}

#[test]
fn long_lines_end_where_the_limit_says() {
    let long = "x".repeat(LINE_BYTES_MAX);
    let too_long = format!("longer than {LINE_BYTES_MAX} bytes");
    let refused = format!("2!{too_long}");
    check(format!("A1\n{long}\nB2"), &["1:A1", &refused, "3:B2"]);
    check(format!("code\n{long}{long}\nB2"), &[&refused, "3:B2"]);
    check(format!("{{\"code\":1}}\n{long}"), &["1:1", &refused]);
    let fits = "x".repeat(LINE_BYTES_MAX - 1);
    check(format!("{fits}\nB2"), &[&format!("1:{fits}"), "2:B2"]);
    // A comma, then an item that does not fit behind it.
    check(format!("A1,{long},B2\nC3"), &["1:A1", &format!("1!{too_long}"), "2:C3"]);
}

#[test]
fn a_list_on_one_line_may_be_long() {
    let mut list = String::new();
    (0..50_000).for_each(|i| write!(list, "CODE-{i}, ").unwrap());
    list.push_str("\nLAST");
    let read = read(&list, Format::Auto);
    let mut lines = read.lines();
    (0..50_000).for_each(|i| assert_eq!(lines.next(), Some(&*format!("1:CODE-{i}"))));
    assert_eq!(lines.next(), Some("2:LAST"));
    assert_eq!(lines.next(), None);
}

/// An input that hands out a few bytes at a time.
fn in_drops(bytes: &[u8], size: usize) -> impl BufRead {
    io::BufReader::with_capacity(size, bytes)
}

fn any_format() -> impl Strategy<Value = Format> {
    prop::sample::select(vec![Format::Auto, Format::List, Format::Csv, Format::Ndjson])
}

proptest! {
    #[test]
    fn random_bytes_never_panic_and_always_end(
        bytes in prop::collection::vec(any::<u8>(), 0..400),
        format in any_format(),
    ) {
        read(&bytes, format);
    }

    #[test]
    fn likely_bytes_give_sane_rows_however_they_arrive(
        text in "(code|CODE|\\{\"code\":|\"|A1|é|[,;\t\r\n \"{}:\\[\\]0-9]){0,60}",
        size in 1..9_usize,
        format in any_format(),
    ) {
        let mut whole = Rows::new(text.as_bytes(), format);
        let mut drops = Rows::new(in_drops(text.as_bytes(), size), format);
        let mut last = 0;
        loop {
            let (a, b) = (whole.next_row().unwrap(), drops.next_row().unwrap());
            match (a, b) {
                (Some(Ok(a)), Some(Ok(b))) => {
                    prop_assert_eq!((a.line, a.code), (b.line, b.code));
                    prop_assert!(!a.code.is_empty() && a.code.trim() == a.code);
                    prop_assert!(a.line >= last);
                    last = a.line;
                }
                (Some(Err(a)), Some(Err(b))) => prop_assert_eq!(a, b),
                (None, None) => break,
                _ => prop_assert!(false, "the buffer's size made a difference"),
            }
        }
    }

    #[test]
    fn csv_gives_back_what_was_written(
        cells in prop::collection::vec("[a-zA-Z0-9;,\"äß-]{0,12}", 1..5),
    ) {
        let mut text = String::from("code");
        (0..cells.len()).for_each(|i| write!(text, ",f{i}").unwrap());
        text.push_str("\nX1");
        cells.iter().for_each(|c| write!(text, ",\"{}\"", c.replace('"', "\"\"")).unwrap());
        let mut rows = Rows::new(text.as_bytes(), Format::Auto);
        let row = rows.next_row().unwrap().unwrap().unwrap();
        for (i, cell) in cells.iter().enumerate() {
            prop_assert_eq!(row.field(&format!("f{i}")).unwrap_or(""), cell.as_str());
        }
    }
}

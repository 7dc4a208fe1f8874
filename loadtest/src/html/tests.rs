//! Pages of a small report: whole, self-contained, and safe whatever a text contains.

use super::*;
use crate::report::Report;

fn compared() -> Comparison {
    let mut b = canned::report();
    b.machine.commit = Some("fedcba543210".to_owned());
    Comparison { a: canned::report(), b }
}

/// How often a text is in another.
fn times(page: &str, text: &str) -> usize {
    page.matches(text).count()
}

#[test]
fn a_page_fetches_nothing() {
    for page in [page(&canned::report()), comparison_page(&compared())] {
        for fetch in ["http:", "https:", "src=", "href=", "url(", "@import", "<script", "<link"] {
            assert_eq!(times(&page, fetch), 0, "{fetch}");
        }
    }
}

#[test]
fn a_page_shows_every_series() {
    let page = page(&canned::report());
    let keys = [
        ("quiet", "all answers"),
        ("first", "yes"),
        ("second", "refused"),
        ("quiet", "offered"),
        ("first", "answered"),
        ("first", "p50"),
        ("third", "p99"),
    ];
    for (class, name) in keys {
        assert!(page.contains(&format!("<span class=\"key {class}\">{name}</span>")), "{name}");
    }
    // Three, three and two lines, each of them drawn twice.
    assert_eq!(times(&page, "<path class=\"line "), 2 * (3 + 3 + 2));
    // The last second has no latency: its lines end before it.
    let paths: Vec<_> = page.split("<path class=\"line ").skip(1).collect();
    let points = |path: &str| path.split('"').nth(2).map(|d| d.matches(['M', 'L', 'V']).count());
    let counts: Vec<_> = paths.iter().map(|path| points(path).unwrap()).collect();
    assert_eq!(counts, [34, 34, 34, 34, 34, 34, 5, 5, 5, 5, 5, 5, 4, 4, 4, 4]);
    for text in ["trickle", "rush", "time, s", "percentile", "99.9 %", "requests a second"] {
        assert!(page.contains(text), "{text}");
    }
    for told in ["too_soon 250", "2,250", "1.05 ms", "fdatasync", "abcdef012345", "every promise"] {
        assert!(page.contains(told), "{told}");
    }
}

#[test]
fn a_comparison_shows_both_and_what_differs() {
    let page = comparison_page(&compared());
    assert_eq!(times(&page, "<path class=\"line first"), 2 * 4);
    assert_eq!(times(&page, "<path class=\"line second"), 2 * 4);
    assert!(page.contains("<td>abcdef012345</td><td>fedcba543210</td>"));
    assert!(page.contains("<td>p99, µs</td><td>1,050</td><td>1,050</td><td>1.00</td>"));
}

#[test]
fn texts_are_escaped() {
    assert_eq!(escape("<a href=\"x\">&'"), "&lt;a href=&quot;x&quot;&gt;&amp;&#39;");
    let mut report: Report = canned::report();
    let run = report.runs.first_mut().unwrap();
    run.figures.first_error = Some("<script>alert(1)</script>".to_owned());
    run.figures.errors = 1;
    let page = page(&report);
    assert!(page.contains("A &lt;fast&gt; &amp; &quot;small&quot; one"));
    assert_eq!(times(&page, "<script"), 0);
    assert!(page.contains("broken promise: 2500 asked, 2501 accounted for"));
    assert_eq!(times(&page, "every promise was kept"), 0);
}

#[test]
fn tags_are_closed() {
    for page in [page(&canned::report()), comparison_page(&compared())] {
        for tag in ["section", "figure", "svg", "table", "tr", "td", "text", "div", "ul", "li"] {
            let opened = times(&page, &format!("<{tag}>")) + times(&page, &format!("<{tag} "));
            assert!(opened > 0 || tag == "ul" || tag == "li", "{tag}");
            assert_eq!(opened, times(&page, &format!("</{tag}>")), "{tag}");
        }
    }
}

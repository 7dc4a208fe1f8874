//! Counting: ceilings, several legs, parts, distinct days, periods that are forgotten, ids.

use std::fmt::Write;

use super::Case;

pub(super) const CASES: &[Case] = &[
    (
        "up to the ceiling and not beyond",
        "
        at 0 post a count x 1/3 => done x=1 .did=1 .after=1
             post b count x 1/3 => done x=2 .after=2
             post c count x 1/3 => done x=3 .after=3
             post d count x 1/3 => refused leg 0 used 3 held 0 max 3 x=3 .events=none
    ",
    ),
    (
        "exactly the ceiling at once",
        "
        at 0 post a count x 4/3 => refused leg 0 used 0 held 0 max 3
             post b count x 3/3 => done x=3
    ",
    ),
    (
        "a ceiling of zero lets nobody in",
        "
        at 0 post a count x 1/0 => refused leg 0 used 0 held 0 max 0 x=0
    ",
    ),
    (
        "a ceiling that was lowered refuses, and undoes nothing",
        "
        at 0 post a count x 5/9 => done x=5
             post b count x 1/4 => refused leg 0 used 5 held 0 max 4 x=5
             post c count x 1/6 => done x=6
    ",
    ),
    (
        "counting without a limit",
        "
        at 0 post a count x 1000000/- => done x=1000000
             post b count x 1/- => done x=1000001
    ",
    ),
    (
        "a number that is full refuses, even without a limit",
        "
        at 0 post a count x 999999999999000/- => done
             post b count x 1001/- => \
               refused leg 0 used 999999999999000 held 0 max 18446744073709551615
    ",
    ),
    (
        "a refused id may be tried again",
        "
        at 0 post a count x 1/1 => done
             post b count x 1/1 => refused leg 0 used 1 held 0 max 1
             release a          => done x=0
             post b count x 1/1 => done x=1
    ",
    ),
    (
        "a refused id may mean something else afterwards",
        "
        at 0 post a count x 2/1 => refused leg 0 used 0 held 0 max 1
             post a count x 1/1 as other => done x=1
    ",
    ),
    (
        "a repeat says the first ordinal",
        "
        at 0 post a count x 1/9 => done .after=1
             post b count x 1/9 => done .after=2
             post a count x 1/9 => replayed .after=1 x=2
    ",
    ),
    (
        "a repeat is not asked whether there is room",
        "
        at 0 post a count x 1/1 => done
             post a count x 1/1 => replayed x=1
             post a count x 1/0 => replayed x=1
    ",
    ),
    (
        "repeats survive the reopening",
        "
        at 0 post a count x 1/1 => done x=1
             reopen             => seen x=1
             post a count x 1/1 => replayed x=1
             post b count x 1/1 => refused leg 0 used 1 held 0 max 1
             release a as r     => done x=0
             reopen             => seen x=0
             release a as r     => replayed x=0
             post b count x 1/1 => done x=1
    ",
    ),
    (
        "all legs or none: the last fails",
        "
        at 0 post z count y 1/1 => done
             post a count x 1/9 + count v 1/9 + count y 1/1 \
               => refused leg 2 used 1 held 0 max 1 x=0 v=0 y=1
    ",
    ),
    (
        "the first failing leg is the answer",
        "
        at 0 post z count x 1/1 + count y 2/2 => done
             post a count x 1/1 + count y 1/2 => refused leg 0 used 1 held 0 max 1
             post b count y 1/2 + count x 1/1 => refused leg 0 used 2 held 0 max 2
    ",
    ),
    (
        "legs with the same key are counted together",
        "
        at 0 post a count x 2/3 + count x 2/3 => refused leg 1 used 0 held 0 max 3 x=0
             post b count x 2/4 + count x 2/4 => done x=4 .did=2,2
             release b => done x=0
    ",
    ),
    (
        "legs with the same key in a hold",
        "
        at 0 hold a count x 2/4 + count x 2/4 size 2 for 10 => done held:x=4
             post b count x 1/4 => refused leg 0 used 0 held 4 max 4 retry 10
             release a part 1   => done held:x=2
             post b count x 2/4 => done x=4 held:x=2
        at 10 post c count x 2/4 => done x=4 held:x=0 .events=expired,redeemed
    ",
    ),
    (
        "different ceilings on the same key",
        "
        at 0 post a count x 1/5 + count x 1/1 => refused leg 1 used 0 held 0 max 1
             post b count x 1/1 + count x 1/5 => done x=2
    ",
    ),
    (
        "code, campaign, customer and day at once",
        "
        at 0 post a count code 1/1 + count all 1/2 + count who 1/9 + count day 1/9 keep 100 => done
             post b count cod2 1/1 + count all 1/2 + count who 1/9 + count day 1/9 keep 100 => done
             post c count cod3 1/1 + count all 1/2 + count who 1/9 + count day 1/9 keep 100 \
               => refused leg 1 used 2 held 0 max 2 cod3=0 all=2 who=2 day=2
             release a => done code=0 all=1 who=1 day=1
             post c count cod3 1/1 + count all 1/2 + count who 1/9 + count day 1/9 => done all=2
    ",
    ),
    (
        "a size of one gives back everything or nothing",
        "
        at 0 post a count x 4/9 => done x=4 .size=1
             release a part 1 => done x=0 .state=released
    ",
    ),
    (
        "a leg that cannot be divided stays until the last part",
        "
        at 0 post a count all 1/9 + count who 4/9 size 4 => done all=1 who=4
             release a part 1 as r1 => done all=1 who=3
             release a part 2 as r2 => done all=1 who=1
             release a part 1 as r3 => done all=0 who=0 .state=released
    ",
    ),
    (
        "parts that do not divide evenly sum to the whole",
        "
        at 0 post a count x 10/99 size 3 => done x=10
             release a part 1 as r1 => done x=7
             release a part 1 as r2 => done x=4
             release a part 1 as r3 => done x=0
    ",
    ),
    (
        "what a hold keeps of a leg that is not divided evenly",
        "
        at 0 hold a count x 10/99 size 3 for 50 => done held:x=10
             confirm a part 2 => done used:x=7 held:x=0
             release a part 1 as r1 => done x=4
             release a part 1 as r2 => done x=0
    ",
    ),
    (
        "partial, then full release never gives back more than was posted",
        "
        at 0 post z count x 5/99 => done
             post a count x 4/99 size 4 => done x=9
             release a part 3 as r1 => done x=6 .given=3
             release a as r2 => done x=5 .given=1
             release a as r3 => refused already_released x=5
    ",
    ),
    (
        "the same release many times gives back once",
        "
        at 0 post a count x 4/9 size 4 => done x=4
             release a part 2 as r1 => done x=2
             release a part 2 as r1 => replayed x=2
             release a part 2 as r1 => replayed x=2
             release a part 2 as r2 => done x=0
             release a part 2 as r1 => replayed x=0
    ",
    ),
    (
        "a release id belongs to its posting",
        "
        at 0 post a count x 1/9 => done x=1
             post b count x 1/9 => done x=2
             release a as r => done x=1
             release b as r => done x=0
    ",
    ),
    (
        "what was released can be used again",
        "
        at 0 post a count x 1/1 => done
             release a => done x=0
             post a count x 1/1 => replayed x=0
             post b count x 1/1 => done x=1
             release a => replayed x=1
    ",
    ),
    (
        "distinct days: the second use of a day is free",
        "
        at 0 post a once d1 x 1/2 => done x=1 d1=1 .did=1
             post b once d1 x 1/2 => done x=1 d1=2 .did=0
             post c once d2 x 1/2 => done x=2 d2=1
             post d once d3 x 1/2 => refused leg 0 used 2 held 0 max 2 x=2 d3=0
             post e once d2 x 1/2 => done x=2 d2=2
    ",
    ),
    (
        "distinct days: undone first to last",
        "
        at 0 post a once d x 1/1 => done x=1
             post b once d x 1/1 => done x=1
             release a => done x=1 d=1
             post c once e x 1/1 => refused leg 0 used 1 held 0 max 1
             release b => done x=0 d=0
             post c once e x 1/1 => done x=1
    ",
    ),
    (
        "distinct days: undone last to first",
        "
        at 0 post a once d x 1/1 => done x=1
             post b once d x 1/1 => done x=1
             release b => done x=1 d=1
             release a => done x=0 d=0
    ",
    ),
    (
        "distinct days: a day that was given back counts anew",
        "
        at 0 post a once d x 1/1 => done x=1
             release a => done x=0 d=0
             post b once d x 1/1 => done x=1 d=1 .did=1
    ",
    ),
    (
        "distinct days: a part given back leaves the day",
        "
        at 0 post a once d x 1/5 size 4 => done x=1
             release a part 3 as r1 => done x=1 d=1
             release a part 1 as r2 => done x=0 d=0
    ",
    ),
    (
        "distinct days: a hold counts at once, and its end gives the day back",
        "
        at 0  hold a once d x 1/1 for 10 => done used:x=1 held:x=0 d=1
        at 9  post b once e x 1/1 => refused leg 0 used 1 held 0 max 1
        at 10 post b once e x 1/1 => done x=1 d=0 e=1 .events=expired,redeemed
    ",
    ),
    (
        "distinct days: held and posted on one day",
        "
        at 0  hold a once d x 1/1 for 10 => done x=1
        at 5  post b once d x 1/1 => done x=1 d=2 .did=0
        at 10 sweep => seen x=1 d=1
              release b => done x=0 d=0
    ",
    ),
    (
        "distinct days: confirmed",
        "
        at 0  hold a once d x 1/1 size 2 for 10 => done x=1
              confirm a part 1 => done x=1 d=1
              release a => done x=0 d=0
    ",
    ),
    (
        "distinct days: one posting names a day twice",
        "
        at 0 post a once d x 1/1 + once d x 1/1 => done x=1 d=2 .did=1,0
             release a => done x=0 d=0
    ",
    ),
    (
        "distinct days: one posting names two days",
        "
        at 0 post a once d x 1/1 + once e x 1/1 => refused leg 1 used 0 held 0 max 1 x=0 d=0 e=0
             post b once d x 1/2 + once e x 1/2 => done x=2
    ",
    ),
    (
        "distinct days: a day that is set costs nothing in the same posting",
        "
        at 0 post a once d x 1/2 => done x=1
             post b once d x 1/2 + once e x 1/2 => done x=2 d=2 e=1 .did=0,1
             post c once d x 1/3 + count x 1/3 => done x=3
             release b => done x=2 d=2 e=0
    ",
    ),
    (
        "distinct days: a forgotten day stays counted",
        "
        at 0  post a once d x 1/3 keep 10 => done x=1 d=1
        at 11 sweep     => seen x=1 d=0
              release a => done x=1 d=0
    ",
    ),
    (
        "a marker that is over is unset, whether it is forgotten or not",
        "
        at 0  post a once d x 1/3 keep 10 => done x=1 d=1 .did=1
        at 9  post b once d x 1/3 keep 19 => done x=1 d=2 .did=0
        at 10 post c once d x 1/3 keep 20 => done x=2 d=1 .did=1
        at 19 post d once d x 1/3 keep 29 => done x=2 d=2 .did=0
        at 20 post e once d x 1/3 keep 30 => done x=3 d=1 .did=1
        at 29 sweep => seen x=3 d=1
              post f once d x 1/3 keep 39 => done x=3 d=2 .did=0
        at 30 post g once d x 1/3 keep 40 => refused leg 0 used 3 held 0 max 3 x=3
              sweep => seen x=3 d=0
              post g once d x 1/3 keep 40 => refused leg 0 used 3 held 0 max 3 d=0
              post g once d x 1/4 keep 40 => done x=4 d=1
    ",
    ),
    (
        "a marker that is over at once covers no later leg",
        "
        at 5 post a once d x 1/1 keep 5 + once d x 1/1 keep 5 => refused leg 1 used 0 held 0 max 1
             post a once d x 1/2 keep 5 + once d x 1/2 keep 5 => done x=2 .did=1,1
    ",
    ),
    (
        "a marker that is set later is of other postings",
        "
        at 0  post a once d x 1/9 keep 10 => done x=1
        at 5  post b once d x 1/9 keep 15 => done x=1
        at 10 post c once d x 1/9 keep 20 => done x=2 d=1
        at 11 release b => done x=2 d=1
              release a => done x=2 d=1
              post e once d x 1/9 keep 21 => done x=2 d=2 .did=0
              release c => done x=2 d=1
              release e => done x=1 d=0
    ",
    ),
    (
        "a marker that was given back begins anew, with its own end",
        "
        at 0  post a once d x 1/9 keep 10 => done x=1 d=1
        at 1  release a => done x=0 d=0
        at 5  post b once d x 1/9 keep 15 => done x=1 d=1
        at 10 sweep => seen x=1 d=1
        at 14 post c once d x 1/9 keep 24 => done x=1 d=2 .did=0
        at 15 sweep => seen x=1 d=0
    ",
    ),
    (
        "a hold that sets a marker gives it back only until that is over",
        "
        at 0  hold a once d x 1/9 keep 10 for 5 => done x=1 d=1
              hold b once e x 1/9 keep 10 for 15 => done x=2 e=1
        at 5  sweep => seen x=1 d=0 e=1
        at 15 sweep => seen x=1 d=0 e=0
    ",
    ),
    (
        "a counter behind a marker is forgotten with its period",
        "
        at 0  post a once d x 1/2 keep 10 until 20 => done x=1 d=1
        at 5  post b once e x 1/2 keep 30 until 20 => done x=2 e=1
        at 19 sweep  => seen x=2 d=0 e=1
              reopen => seen x=2 e=1
        at 20 sweep  => seen x=0 e=1
              release b => done x=0 e=0
              post c once d y 1/2 keep 30 until 40 => done x=0 y=1 d=1
              release a => done x=0 d=1
    ",
    ),
    (
        "a counter behind a marker ends when the first who made it said",
        "
        at 0  post a once d x 1/9 keep 5 until 20 => done x=1
        at 6  post b once d x 1/9 keep 9 until 90 => done x=2
              post c count x 1/9 keep 90 => done x=3
        at 20 sweep => seen x=0
        at 30 post d count x 1/9 keep 40 => done x=1
              post e once d x 1/9 keep 99 until 99 => done x=2
        at 40 sweep => seen x=0 d=1
    ",
    ),
    (
        "a period is forgotten when it is over",
        "
        at 0  post a count day 2/2 keep 10 => done day=2
        at 9  sweep => seen day=2
              post b count day 1/2 keep 10 => refused leg 0 used 2 held 0 max 2
        at 11 sweep => seen day=0
    ",
    ),
    (
        "giving back to a forgotten period gives nothing",
        "
        at 0  post a count day 2/2 keep 10 + count x 2/9 => done day=2 x=2
        at 11 sweep => seen day=0 x=2
              release a => done day=0 x=0 .state=released
              release a => replayed
    ",
    ),
    (
        "a hold outlives its period",
        "
        at 0  hold a count day 2/2 keep 10 + count x 2/9 size 2 for 50 => done held:day=2
        at 11 sweep => seen used:day=0
              confirm a part 1 => done x=1 held:day=0
        at 12 sweep => seen day=0 x=1
              release a => done day=0 x=0
    ",
    ),
    (
        "a total is never forgotten",
        "
        at 0 post a count x 1/1 => done x=1
        at 9999999999999 sweep => seen x=1
    ",
    ),
    (
        "receipts outlive the periods",
        "
        at 0  post a count day 1/1 keep 10 => done
        at 11 sweep => seen day=0
              post a count day 1/1 keep 10 => replayed day=0
    ",
    ),
    (
        "forgetting survives the reopening",
        "
        at 0  post a count day 1/1 keep 10 + count x 1/1 => done
        at 11 sweep  => seen day=0
              reopen => seen day=0 x=1
    ",
    ),
    (
        "an empty note, a late clock: time may stand still or go back",
        "
        at 50 post a count x 1/2 => done x=1
        at 40 post b count x 1/2 => done x=2
        at 40 post c count x 1/2 => refused leg 0 used 2 held 0 max 2
    ",
    ),
];

/// Tables too long to write by hand.
pub(super) fn built() -> Vec<(String, String)> {
    vec![
        ("a posting remembers 64 releases, the last of which takes all".into(), releases()),
        ("64 legs, all or nothing".into(), legs()),
    ]
}

fn releases() -> String {
    let mut table = String::from("at 0 post a count x 100/100 size 100 => done x=100\n");
    for n in 1..=63 {
        let left = 100 - n;
        let _ = writeln!(table, "release a part 1 as r{n} => done x={left} .given=1");
    }
    table.push_str(
        "release a part 1 as r64 => refused release_exceeds left 37 x=37
         release a part 36 as r64 => refused release_exceeds left 37 x=37
         release a part 1 as r1 => replayed x=37
         release a part 1 as r63 => replayed x=37
         release a part 37 as r64 => done x=0 .given=37 .state=released
         release a part 37 as r64 => replayed x=0
         release a part 1 as r1 => replayed x=0
         release a as r65 => refused already_released x=0",
    );
    table
}

fn legs() -> String {
    let legs: Vec<String> = (0..63).map(|n| format!("count k{n} 1/1")).collect();
    let legs = legs.join(" + ");
    format!(
        "at 0 post z count last 1/1 => done
         post a {legs} + count last 1/1 => refused leg 63 used 1 held 0 max 1 k0=0 k62=0
         release z => done last=0
         post a {legs} + count last 1/1 => done k0=1 k62=1 last=1
         release a => done k0=0 k62=0 last=0"
    )
}

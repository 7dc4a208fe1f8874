//! Registers: intervals and zones, undone only when nobody has set them since.

use super::Case;

pub(super) const CASES: &[Case] = &[
    (
        "an interval must pass",
        "
        at 100 post a interval r 50 => done r=100
        at 149 post b interval r 50 => refused too_soon leg 0 retry 1 r=100
        at 150 post b interval r 50 => done r=150
    ",
    ),
    (
        "the first use needs no interval",
        "
        at 0 post a interval r 999999 => done r=0
             post b interval r 999999 => refused too_soon leg 0 retry 999999
    ",
    ),
    (
        "an interval of nothing only remembers",
        "
        at 5 post a interval r 0 => done r=5
             post b interval r 0 => done r=5
        at 3 post c interval r 0 => done r=3
    ",
    ),
    (
        "an interval and a clock that goes back",
        "
        at 100 post a interval r 50 => done r=100
        at 90  post b interval r 50 => refused too_soon leg 0 retry 60
    ",
    ),
    (
        "an interval undone",
        "
        at 100 post a interval r 50 => done r=100
        at 110 release a => done r=none
               post b interval r 50 => done r=110
    ",
    ),
    (
        "an interval undone goes back to the one before",
        "
        at 100 post a interval r 50 => done r=100
        at 200 post b interval r 50 => done r=200
        at 210 release b => done r=100
               post c interval r 50 => done r=210
    ",
    ),
    (
        "an interval that was set since is left alone",
        "
        at 100 post a interval r 50 => done r=100
        at 200 post b interval r 50 => done r=200
        at 210 release a => done r=200
               post c interval r 50 => refused too_soon leg 0 retry 40
    ",
    ),
    (
        "intervals undone last to first",
        "
        at 100 post a interval r 50 => done
        at 200 post b interval r 50 => done
               release b => done r=100
               release a => done r=none
    ",
    ),
    (
        "an interval stays until the last part",
        "
        at 100 post a interval r 50 size 2 => done r=100
               release a part 1 as r1 => done r=100
               release a part 1 as r2 => done r=none
    ",
    ),
    (
        "an interval that is held blocks, and its end undoes it",
        "
        at 100 hold a interval r 50 for 20 => done r=100
        at 119 post b interval r 50 => refused too_soon leg 0 retry 31
        at 120 post b interval r 50 => done r=120 .events=expired,redeemed
    ",
    ),
    (
        "an interval that was held and confirmed",
        "
        at 100 hold a interval r 50 for 20 => done r=100
        at 110 confirm a => done r=100
        at 149 post b interval r 50 => refused too_soon leg 0 retry 1
        at 150 post b interval r 50 => done r=150
    ",
    ),
    (
        "a repeat does not set the interval again",
        "
        at 100 post a interval r 50 => done r=100
        at 140 post a interval r 50 => replayed r=100
        at 150 post b interval r 50 => done r=150
    ",
    ),
    (
        "an interval that fails lets nothing be counted",
        "
        at 100 post a count x 1/9 + interval r 50 => done x=1
        at 110 post b count x 1/9 + interval r 50 => refused too_soon leg 1 retry 40 x=1
        at 150 post c interval r 50 + count x 1/1 => refused leg 1 used 1 held 0 max 1 r=100
    ",
    ),
    (
        "the first use is remembered",
        "
        at 100 post a interval r 0 first => done r=100 .did=1
        at 200 post b interval r 0 first => done r=100 .did=0
        at 210 release b => done r=100
        at 220 release a => done r=none
        at 300 post c interval r 0 first => done r=300
    ",
    ),
    (
        "an interval survives the reopening",
        "
        at 100 post a interval r 50 => done r=100
               reopen => seen r=100
        at 149 post b interval r 50 => refused too_soon leg 0 retry 1
               release a => done r=none
               reopen => seen r=none
               post b interval r 50 => done r=149
    ",
    ),
    (
        "in and out",
        "
        at 0 post a zone z 0?>1 => done z=1
             post b zone z 0?>1 => refused elsewhere leg 0 at 1 z=1
             post c zone z 1>0  => done z=0
             post d zone z 1>0  => refused elsewhere leg 0 at 0
             post e zone z 0?>1 => done z=1
    ",
    ),
    (
        "out before in",
        "
        at 0 post a zone z 1>0 => refused elsewhere leg 0 at none z=none
             post b zone z 1?>0 => done z=0
    ",
    ),
    (
        "from zone to zone",
        "
        at 0 post a zone z 0?>7 => done z=7
             post b zone z 8>9 => refused elsewhere leg 0 at 7
             post c zone z 7>8 => done z=8
    ",
    ),
    (
        "a zone with a big number",
        "
        at 0 post a zone z 0?>18446744073709551615 => done z=-1
             post b zone z 1>0 => refused elsewhere leg 0 at 18446744073709551615
             post c zone z 18446744073709551615>0 => done z=0
    ",
    ),
    (
        "a zone undone",
        "
        at 0 post a zone z 0?>1 => done z=1
             release a => done z=none
             post b zone z 0?>1 => done z=1
             post c zone z 1>2 => done z=2
             release c => done z=1
    ",
    ),
    (
        "a zone that was left since is left alone",
        "
        at 0 post a zone z 0?>1 => done z=1
             post b zone z 1>2 => done z=2
             release a => done z=2
             post c zone z 2>3 => done z=3
    ",
    ),
    (
        "a zone is left by itself when its day is over",
        "
        at 0   post a zone z 0?>1 keep 100 => done z=1
        at 99  post b zone z 0?>1 keep 100 => refused elsewhere leg 0 at 1
        at 100 post b zone z 0?>1 keep 200 => done z=1
        at 199 post c zone z 0?>1 keep 200 => refused elsewhere leg 0 at 1
               sweep => seen z=1
        at 200 sweep => seen z=none
    ",
    ),
    (
        "a zone that is over is not put back",
        "
        at 0   post a zone z 0?>1 keep 100 => done z=1
        at 150 post b zone z 0?>2 keep 200 => done z=2
               release b => done z=none
               post c zone z 0?>1 keep 200 => done z=1
    ",
    ),
    (
        "undoing in a zone that was forgotten",
        "
        at 0   post a zone z 0?>1 keep 100 => done z=1
        at 100 sweep => seen z=none
               release a => done z=none
    ",
    ),
    (
        "a zone that is held",
        "
        at 0  hold a zone z 0?>1 for 10 => done z=1
        at 9  post b zone z 0?>1 => refused elsewhere leg 0 at 1
        at 10 post b zone z 0?>1 => done z=1 .events=expired,redeemed
              confirm a => refused hold_expired z=1
    ",
    ),
    (
        "entering and counting, all or nothing",
        "
        at 0 post a zone z 0?>1 + count x 1/1 => done z=1 x=1
             post b zone z 1>0 + count x 1/1 => refused leg 1 used 1 held 0 max 1 z=1
             post c zone z 1>0 => done z=0
             release a => done z=0 x=0
    ",
    ),
    (
        "one posting sets a register twice",
        "
        at 0 post z zone z 0?>1 => done z=1
             post a zone z 1>2 + zone z 1>3 => done z=3
             release a => done z=1
    ",
    ),
    (
        "a zone survives the reopening",
        "
        at 0   post a zone z 0?>1 keep 100 => done z=1
               reopen => seen z=1
               post b zone z 0?>1 keep 100 => refused elsewhere leg 0 at 1
        at 100 sweep => seen z=none
               reopen => seen z=none
    ",
    ),
    (
        "a zone that was left and entered again is left alone",
        "
        at 0 post a zone z 0?>1 => done z=1
             post b zone z 1>0  => done z=0
             post c zone z 0?>1 => done z=1
             release a => done z=1
             post d zone z 0?>1 => refused elsewhere leg 0 at 1
    ",
    ),
    (
        "an interval set twice in one millisecond is left alone",
        "
        at 5 post a interval r 0 => done r=5
             post b interval r 0 => done r=5
             release a => done r=5
             release b => done r=5
    ",
    ),
];

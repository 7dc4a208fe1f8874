//! The matrix: each state of a posting × each command on it.

/// A state: its name, how a posting `a` of four persons gets there, and what each command then
/// answers at 50.
type State = (&'static str, &'static str, &'static [&'static str]);

/// One case for each state and command.
pub(super) fn built() -> Vec<(String, String)> {
    let mut cases = Vec::new();
    for (state, setup, rows) in STATES {
        for row in *rows {
            cases.push((format!("{state}: {row}"), format!("{setup}\nat 50\n{row}")));
        }
    }
    cases
}

const STATES: &[State] = &[
    (
        "unknown",
        "at 0 post z count x 1/10 => done x=1",
        &[
            "post a count x 4/10 size 4 => done x=5 .state=redeemed .events=redeemed .live=4",
            "hold a count x 4/10 size 4 for 50 => done x=5 held:x=4 .events=held .live=4",
            "hold a count x 4/10 for 0 => refused hold_expired x=1 .events=none",
            "recall a => unknown",
            "recall a for 50 => unknown",
            "confirm a => refused hold_not_found",
            "confirm a part 1 => refused hold_not_found",
            "release a => refused not_found",
            "extend a for 50 => refused hold_not_found",
            "status a => unknown",
        ],
    ),
    (
        "held",
        "at 0 hold a count x 4/10 size 4 for 100 => done held:x=4",
        &[
            "post a count x 4/10 => done used:x=4 held:x=0 .state=redeemed .events=confirmed",
            "post a count x 4/10 size 4 as other => mismatch held:x=4",
            "hold a count x 4/10 size 4 for 100 => replayed x=4 .state=held .until=100",
            "hold a count x 4/10 size 4 for 9 => replayed x=4 .until=100",
            "hold a count x 4/10 for 100 as other => mismatch x=4",
            "recall a => done used:x=4 held:x=0 .state=redeemed .events=confirmed",
            "recall a for 100 => replayed held:x=4 .state=held",
            "recall a as other => mismatch held:x=4",
            "confirm a => done used:x=4 held:x=0 .state=redeemed .live=4 .confirmed=4",
            "confirm a part 4 => done used:x=4 held:x=0 .live=4",
            "confirm a part 1 => done used:x=1 held:x=0 .live=1 .confirmed=1",
            "confirm a part 5 => refused confirm_exceeds left 4 held:x=4",
            "confirm a part 0 => refused confirm_exceeds left 4 held:x=4",
            "release a => done x=0 .state=released .given=4 .live=0",
            "release a part 4 => done x=0 .state=released .given=4",
            "release a part 1 => done used:x=0 held:x=3 .state=held .given=1 .live=3",
            "release a part 5 => refused release_exceeds left 4 x=4",
            "release a part 0 => refused release_exceeds left 4 x=4",
            "extend a for 100 => done .until=150 .state=held .events=extended",
            "extend a for 10 => done .until=60 .state=held .events=extended",
            "extend a for 50 => replayed .until=100 .events=none",
            "extend a for 0 => refused hold_expired x=4",
            "status a => replayed .state=held .live=4",
        ],
    ),
    (
        "held, one given back",
        "
        at 0 hold a count x 4/10 size 4 for 100 => done held:x=4
        release a part 1 as r1 => done held:x=3",
        &[
            "post a count x 4/10 => done used:x=3 held:x=0 .live=3",
            "hold a count x 4/10 for 100 => replayed x=3 .live=3",
            "confirm a => done used:x=3 held:x=0 .live=3 .did=4",
            "confirm a part 4 => refused confirm_exceeds left 3 x=3",
            "confirm a part 2 => done used:x=2 held:x=0 .live=2",
            "release a as r2 => done x=0 .given=3 .state=released",
            "release a part 1 as r1 => replayed x=3 .given=1",
            "release a part 2 as r1 => mismatch x=3",
            "release a as r1 => mismatch x=3",
            "release a part 4 as r2 => refused release_exceeds left 3 x=3",
            "extend a for 100 => done .until=150 x=3 .live=3",
            "status a => replayed .state=held .live=3 .given=1",
        ],
    ),
    (
        "redeemed",
        "at 0 post a count x 4/10 size 4 => done used:x=4",
        &[
            "post a count x 4/10 size 4 => replayed x=4 .state=redeemed .did=4 .after=4",
            "post a count x 4/10 size 4 as other => mismatch x=4",
            "hold a count x 4/10 size 4 for 50 => mismatch x=4",
            "recall a => replayed x=4",
            "recall a for 50 => mismatch x=4",
            "recall a as other => mismatch x=4",
            "confirm a => refused hold_not_found x=4",
            "release a => done x=0 .state=released .given=4",
            "release a part 1 => done x=3 .state=redeemed .given=1 .live=3",
            "release a part 4 => done x=0 .state=released",
            "release a part 5 => refused release_exceeds left 4 x=4",
            "release a part 0 => refused release_exceeds left 4 x=4",
            "extend a for 50 => refused hold_not_found",
            "status a => replayed .state=redeemed .live=4 .until=none",
        ],
    ),
    (
        "redeemed, one given back",
        "
        at 0 post a count x 4/10 size 4 => done used:x=4
        release a part 1 as r1 => done x=3",
        &[
            "post a count x 4/10 size 4 => replayed x=3 .did=4 .after=4 .live=3",
            "recall a => replayed x=3",
            "release a part 1 as r1 => replayed x=3 .given=1",
            "release a part 3 as r1 => mismatch x=3",
            "release a part 1 as r2 => done x=2 .live=2",
            "release a part 4 as r2 => refused release_exceeds left 3 x=3",
            "release a as r2 => done x=0 .given=3 .state=released",
        ],
    ),
    (
        "redeemed from a hold",
        "
        at 0 hold a count x 4/10 size 4 for 100 => done held:x=4
        confirm a => done used:x=4",
        &[
            "post a count x 4/10 => replayed x=4 .state=redeemed",
            "hold a count x 4/10 for 100 => replayed x=4 .state=redeemed",
            "hold a count x 4/10 for 100 as other => mismatch x=4",
            "recall a => replayed",
            "recall a for 100 => replayed",
            "confirm a => replayed x=4 .state=redeemed",
            "confirm a part 4 => mismatch x=4",
            "release a => done x=0 .state=released",
            "release a part 3 => done used:x=1 held:x=0 .live=1",
            "extend a for 10 => refused hold_not_found",
            "status a => replayed .state=redeemed",
            "at 500 confirm a => replayed used:x=4 .events=none",
            "at 500 status a => replayed .state=redeemed",
        ],
    ),
    (
        "redeemed in part",
        "
        at 0 hold a count x 4/10 size 4 for 100 => done held:x=4
        confirm a part 3 => done used:x=3 held:x=0",
        &[
            "post a count x 4/10 => replayed x=3 .live=3",
            "confirm a part 3 => replayed x=3",
            "confirm a => mismatch x=3",
            "release a => done x=0 .given=3",
            "release a part 4 => refused release_exceeds left 3 x=3",
            "release a part 2 => done x=1 .live=1",
            "status a => replayed .state=redeemed .live=3 .size=4",
        ],
    ),
    (
        "released",
        "
        at 0 post a count x 4/10 size 4 => done used:x=4
        release a => done x=0",
        &[
            "post a count x 4/10 size 4 => replayed x=0 .state=released .did=4",
            "post a count x 4/10 as other => mismatch x=0",
            "hold a count x 4/10 for 50 => mismatch x=0",
            "recall a => replayed .state=released",
            "confirm a => refused already_released",
            "release a => replayed x=0 .given=4",
            "release a part 4 => mismatch x=0",
            "release a as r2 => refused already_released x=0",
            "release a part 1 as r2 => refused already_released x=0",
            "extend a for 50 => refused already_released",
            "status a => replayed .state=released .live=0",
        ],
    ),
    (
        "a hold released",
        "
        at 0 hold a count x 4/10 size 4 for 100 => done held:x=4
        release a => done x=0",
        &[
            "post a count x 4/10 => refused already_released x=0",
            "hold a count x 4/10 for 100 => replayed x=0 .state=released",
            "recall a => refused already_released",
            "recall a for 100 => replayed .state=released",
            "confirm a => refused already_released x=0",
            "release a => replayed x=0",
            "release a as r2 => refused already_released",
            "extend a for 100 => refused already_released",
            "status a => replayed .state=released",
            "at 500 status a => replayed .state=released",
            "at 500 release a => replayed x=0 .events=none",
        ],
    ),
    (
        "redeemed from a hold, released",
        "
        at 0 hold a count x 4/10 size 4 for 100 => done held:x=4
        post a count x 4/10 => done used:x=4
        release a => done x=0",
        &[
            "post a count x 4/10 => replayed x=0 .state=released",
            "recall a => replayed x=0 .state=released",
            "hold a count x 4/10 for 100 => replayed x=0 .state=released",
            "confirm a => replayed x=0 .state=released",
            "confirm a part 1 => mismatch x=0",
            "release a => replayed x=0",
            "release a as r2 => refused already_released x=0",
            "extend a for 100 => refused already_released",
        ],
    ),
    (
        "over, but nobody has looked",
        "
        at 0 hold a count x 4/10 size 4 for 50 => done held:x=4",
        &[
            "post a count x 4/10 size 4 => done used:x=4 held:x=0 .events=expired,redeemed",
            "post a count x 4/10 as other => mismatch",
            "hold a count x 4/10 size 4 for 50 => replayed .state=expired",
            "recall a => unknown",
            "recall a for 50 => replayed .state=expired",
            "confirm a => refused hold_expired used:x=0 held:x=0 .events=expired",
            "confirm a part 1 => refused hold_expired used:x=0 held:x=0",
            "release a => refused hold_expired x=0 .events=expired",
            "release a part 1 => refused hold_expired x=0",
            "extend a for 50 => refused hold_expired x=0 .events=expired",
            "status a => replayed .state=expired .live=0 .events=none",
            "sweep => seen x=0 .events=expired",
        ],
    ),
    (
        "expired",
        "
        at 0 hold a count x 4/10 size 4 for 49 => done held:x=4
        at 49 sweep => seen x=0 .events=expired",
        &[
            "post a count x 4/10 size 4 => done used:x=4 .events=redeemed .state=redeemed",
            "post a count x 4/10 as other => mismatch x=0",
            "hold a count x 4/10 size 4 for 50 => replayed x=0 .state=expired .events=none",
            "recall a => unknown .events=none",
            "recall a for 50 => replayed .state=expired",
            "confirm a => refused hold_expired .events=none",
            "release a => refused hold_expired .events=none",
            "extend a for 50 => refused hold_expired .events=none",
            "status a => replayed .state=expired",
            "sweep => seen x=0 .events=none",
        ],
    ),
    (
        "redeemed after the hold was over",
        "
        at 0 hold a count x 4/10 size 4 for 40 => done held:x=4
        at 40 post a count x 4/10 size 4 => done used:x=4 held:x=0",
        &[
            "post a count x 4/10 size 4 => replayed x=4 .until=none",
            "recall a => replayed x=4",
            "confirm a => refused hold_not_found x=4",
            "release a => done x=0",
            "status a => replayed .state=redeemed",
            "sweep => seen x=4 .events=none",
        ],
    ),
];

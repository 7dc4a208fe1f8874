//! Holds: capacity kept for a while, exact ends, own orders, parts, batches of several keys.

use super::Case;

pub(super) const CASES: &[Case] = &[
    (
        "the example of the language",
        "
        at 0    post a  count x 1/10                => done x=1
        at 5    hold b  count x 2/10 for 100        => done x=3 used:x=1 held:x=2
        at 50   post c  count x 8/10                => refused leg 0 used 1 held 2 max 10 retry 55
        at 105  post c  count x 8/10                => done x=9 .events=expired,redeemed
                confirm b                           => refused hold_expired x=9
        at 110  release c as r1                     => done x=1
                release c as r1                     => replayed x=1
    ",
    ),
    (
        "a hold is over at its end, not a millisecond before",
        "
        at 0   hold a count x 1/1 for 100 => done held:x=1
        at 99  post b count x 1/1 => refused leg 0 used 0 held 1 max 1 retry 1 held:x=1
        at 100 post b count x 1/1 => done used:x=1 held:x=0 .events=expired,redeemed
               confirm a => refused hold_expired used:x=1
    ",
    ),
    (
        "a confirm in the last millisecond wins",
        "
        at 0   hold a count x 1/1 for 100 => done
        at 99  confirm a => done used:x=1 held:x=0
        at 100 post b count x 1/1 => refused leg 0 used 1 held 0 max 1
    ",
    ),
    (
        "a confirm and the end in the same millisecond: the end wins",
        "
        at 0   hold a count x 1/1 for 100 => done
        at 100 confirm a => refused hold_expired x=0 .events=expired
               confirm a => refused hold_expired x=0 .events=none
               post b count x 1/1 => done x=1
    ",
    ),
    (
        "the sweep and the confirm in the same millisecond",
        "
        at 0   hold a count x 1/1 for 100 => done
        at 100 sweep => seen x=0 .events=expired
               confirm a => refused hold_expired .events=none
    ",
    ),
    (
        "redeeming the own hold at a limit of one",
        "
        at 0 hold a count x 1/1 for 100 => done held:x=1
        at 5 post a count x 1/1 => done used:x=1 held:x=0 .events=confirmed .state=redeemed
             post a count x 1/1 => replayed x=1
             confirm a => replayed x=1
    ",
    ),
    (
        "redeeming an own hold that is over tries again",
        "
        at 0  hold a count x 1/1 for 10 => done
        at 10 post a count x 1/1 => done used:x=1 .events=expired,redeemed
              release a => done x=0
    ",
    ),
    (
        "redeeming an own hold that is over may be refused",
        "
        at 0  hold a count x 1/1 for 10 => done
        at 10 post b count x 1/1 => done
              post a count x 1/1 => refused leg 0 used 1 held 0 max 1
              status a => replayed .state=expired
    ",
    ),
    (
        "holds have no room beyond the ceiling",
        "
        at 0 hold a count x 2/3 for 50 => done
             hold b count x 2/3 for 50 => refused leg 0 used 0 held 2 max 3 retry 50
             hold c count x 1/3 for 50 => done held:x=3
             post d count x 1/3 => refused leg 0 used 0 held 3 max 3 retry 50
    ",
    ),
    (
        "used up is not held: no hint when waiting does not help",
        "
        at 0 post a count x 2/3 => done
             hold b count x 1/3 for 50 => done
             post c count x 1/3 => refused leg 0 used 2 held 1 max 3 retry 50
             post d count x 2/3 => refused leg 0 used 2 held 1 max 3
    ",
    ),
    (
        "the hint waits for enough holds",
        "
        at 0  hold a count x 1/3 for 30 => done
              hold b count x 1/3 for 20 => done
              hold c count x 1/3 for 10 => done
        at 5  post d count x 1/3 => refused leg 0 used 0 held 3 max 3 retry 5
              post d count x 2/3 => refused leg 0 used 0 held 3 max 3 retry 15
              post d count x 3/3 => refused leg 0 used 0 held 3 max 3 retry 25
        at 10 post d count x 2/3 => refused leg 0 used 0 held 2 max 3 retry 10 .events=expired
        at 20 post d count x 2/3 => done used:x=2 held:x=1
    ",
    ),
    (
        "a hold that is over on one key frees all its keys",
        "
        at 0  hold a count x 1/1 + count y 1/1 for 10 => done held:x=1 held:y=1
        at 10 post b count x 1/1 => done used:x=1 held:y=0 .events=expired,redeemed
              post c count y 1/1 => done used:y=1 .events=redeemed
    ",
    ),
    (
        "holds of other keys are left alone",
        "
        at 0  hold a count x 1/1 for 10 => done
              hold b count y 1/1 for 10 => done
        at 10 post c count x 1/1 => done used:x=1 held:y=1 .events=expired,redeemed
              sweep => seen held:y=0 .events=expired
    ",
    ),
    (
        "the sweep ends holds in the order of their ends",
        "
        at 0  hold a count x 1/9 for 30 => done
              hold b count x 1/9 for 20 => done
              hold c count x 1/9 for 40 => done
        at 30 sweep => seen held:x=1 .events=expired,expired
        at 40 sweep => seen held:x=0 .events=expired
              sweep => seen .events=none
    ",
    ),
    (
        "a refusal still ends what was over",
        "
        at 0  hold a count x 1/2 for 10 => done
        at 0  post z count x 1/2 => done
        at 10 post b count x 2/2 => refused leg 0 used 1 held 0 max 2 .events=expired held:x=0
    ",
    ),
    (
        "several holds with the same end",
        "
        at 0  hold a count x 1/2 for 10 => done
              hold b count x 1/2 for 10 => done
        at 9  confirm a => done used:x=1 held:x=1
        at 10 post c count x 1/2 => done used:x=2 held:x=0
    ",
    ),
    (
        "a hold survives the reopening",
        "
        at 0  hold a count x 2/2 size 2 for 10 => done held:x=2
              release a part 1 as r => done held:x=1
              reopen => seen held:x=1
        at 9  post b count x 2/2 => refused leg 0 used 0 held 1 max 2 retry 1
              reopen => seen held:x=1
        at 10 post b count x 2/2 => done used:x=2 held:x=0 .events=expired,redeemed
    ",
    ),
    (
        "an end that comes while the ledger is closed",
        "
        at 0  hold a count x 1/1 for 10 => done
              reopen => seen held:x=1
        at 99 confirm a => refused hold_expired held:x=0
    ",
    ),
    (
        "confirming a part gives back the rest at once",
        "
        at 0 hold a count x 4/4 size 4 for 100 => done
             confirm a part 3 => done used:x=3 held:x=0
             post b count x 1/4 => done x=4
             post c count x 1/4 => refused leg 0 used 4 held 0 max 4
    ",
    ),
    (
        "confirming a part of a hold that was released in part",
        "
        at 0 hold a count x 6/6 size 6 for 100 => done
             release a part 2 as r1 => done held:x=4
             confirm a part 3 => done used:x=3 held:x=0 .live=3
             release a part 4 as r2 => refused release_exceeds left 3
             release a part 2 as r2 => done used:x=1
             release a part 2 as r1 => replayed x=1
             release a as r3 => done x=0
    ",
    ),
    (
        "a release of a hold is repeated after its confirm",
        "
        at 0 hold a count x 2/2 size 2 for 100 => done
             release a part 1 as r => done held:x=1
             confirm a => done used:x=1
             release a part 1 as r => replayed used:x=1
             release a part 1 as s => done used:x=0
    ",
    ),
    (
        "extended in time",
        "
        at 0   hold a count x 1/1 for 100 => done
        at 99  extend a for 100 => done .until=199 held:x=1
        at 100 post b count x 1/1 => refused leg 0 used 0 held 1 max 1 retry 99
        at 198 confirm a => done used:x=1
    ",
    ),
    (
        "extended too late",
        "
        at 0   hold a count x 1/1 for 100 => done
        at 100 extend a for 100 => refused hold_expired held:x=0 .events=expired
    ",
    ),
    (
        "extended twice, repeated",
        "
        at 0  hold a count x 1/1 for 100 => done
        at 10 extend a for 100 => done .until=110
              extend a for 100 => replayed .until=110
        at 20 extend a for 100 => done .until=120
              extend a for 100 => replayed .until=120
        at 119 status a => replayed .state=held
        at 120 status a => replayed .state=expired
    ",
    ),
    (
        "an end may come earlier",
        "
        at 0  hold a count x 1/1 for 100 => done
              extend a for 10 => done .until=10
        at 10 post b count x 1/1 => done .events=expired,redeemed
    ",
    ),
    (
        "an extension survives the reopening",
        "
        at 0   hold a count x 1/1 for 100 => done
               extend a for 200 => done
               reopen => seen held:x=1
        at 199 status a => replayed .state=held
               post b count x 1/1 => refused leg 0 used 0 held 1 max 1 retry 1
    ",
    ),
    (
        "a hold without an end",
        "
        at 0 hold a count x 1/1 for never => done held:x=1
        at 9000000000000 sweep => seen held:x=1
             confirm a => done used:x=1
    ",
    ),
    (
        "a hold that would be over at once",
        "
        at 7 hold a count x 1/1 for 0 => refused hold_expired x=0
             hold a count x 1/1 for -5 => refused hold_expired x=0
             status a => unknown
             hold a count x 1/1 for 1 => done held:x=1
    ",
    ),
    (
        "a repeated hold does not live longer",
        "
        at 0  hold a count x 1/1 for 10 => done .until=10
        at 5  hold a count x 1/1 for 10 => replayed .until=10
        at 10 post b count x 1/1 => done
              hold a count x 1/1 for 10 => replayed .state=expired
    ",
    ),
    (
        "a release of a hold makes room at once",
        "
        at 0 hold a count x 1/1 for 100 => done
             hold b count x 1/1 for 100 => refused leg 0 used 0 held 1 max 1 retry 100
             release a => done held:x=0
             hold b count x 1/1 for 100 => done held:x=1
    ",
    ),
    (
        "a hold with a distinct day and a count",
        "
        at 0  hold a once d x 1/2 + count y 1/1 size 2 for 10 => done used:x=1 held:y=1
              release a part 1 as r => done used:x=1 held:y=1
        at 10 sweep => seen x=0 y=0 d=0
    ",
    ),
    (
        "validation by the second leg leaves no hold behind",
        "
        at 0 hold a count x 1/1 + count y 1/0 for 10 => refused leg 1 used 0 held 0 max 0 held:x=0
             status a => unknown
             post b count x 1/1 => done x=1
    ",
    ),
    (
        "a recall redeems a hold that is open",
        "
        at 0  hold a count x 1/1 for 10 => done
        at 9  recall a => done used:x=1 .events=confirmed
        at 20 recall a => replayed used:x=1
    ",
    ),
    (
        "a recall leaves a hold that is over to the next try",
        "
        at 0  hold a count x 1/1 for 10 => done
        at 10 recall a => unknown
              post a count x 1/1 => done used:x=1
    ",
    ),
];

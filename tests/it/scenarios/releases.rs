//! Releases of some legs, and releases that credit somebody.

use std::fmt::Write;

use jeton::domain::posting::RELEASES_MAX;

use super::Case;

pub(super) const CASES: &[Case] = &[
    (
        "one of several codes comes back",
        "
        at 0 post a count x 1/1 + count y 1/1 + count z 1/1 => done x=1 y=1 z=1 .gone=none
             release a legs 1 as r1 => done x=1 y=0 z=1 .gone=1 .given=0 .live=1 .state=redeemed
             release a legs 1 as r1 => replayed y=0 .events=none
             post b count y 1/1 => done y=1
             release a legs 1 as r2 => refused already_released y=1
             release a as r2 => done x=0 y=1 z=0 .given=1 .state=released
    ",
    ),
    (
        "all legs one by one are all of it",
        "
        at 0 post a count x 4/4 + spend g 9 open 10 size 2 => done
             release a legs 1 as r1 => done x=4 g=10 .state=redeemed .given=0
             release a legs 0 as r2 => done x=0 .gone=0,1 .state=released .given=2 .live=0
             release a as r3 => refused already_released
             release a legs 0 as r3 => refused already_released
             release a legs 1 as r1 => replayed .state=released
    ",
    ),
    (
        "legs that are gone and bits beyond the legs count for nothing",
        "
        at 0 post a count x 1/1 + count y 1/1 + count z 1/1 => done
             release a legs 0,63 as r1 => done x=0 .gone=0
             release a legs 0,1 as r2 => done y=0 .gone=0,1 .state=redeemed
             release a legs 3,63 as r3 => refused already_released
             release a legs 0,1,2,3 as r3 => done z=0 .gone=0,1,2 .state=released .given=1
    ",
    ),
    (
        "the same release with other legs is a mistake",
        "
        at 0 post a count x 1/1 + count y 1/1 => done
             release a legs 0 as r => done
             release a legs 1 as r => mismatch y=1
             release a legs 0,1 as r => mismatch y=1
             release a as r => mismatch y=1
             release a part 1 as r => mismatch y=1
    ",
    ),
    (
        "legs of a hold",
        "
        at 0  hold a count x 4/4 + count y 4/4 size 4 for 50 => done held:x=4 held:y=4
              release a legs 0 as r1 => done held:x=0 held:y=4 x=0 .state=held
              post b count x 4/4 => done x=4
              confirm a part 3 => done x=4 used:y=3 held:y=0 .live=3
              release a part 1 as r2 => done x=4 y=2
              release a as r3 => done x=4 y=0 .state=released
    ",
    ),
    (
        "a hold without some of its legs comes to its end",
        "
        at 0  hold a count x 1/1 + count y 1/1 + spend g 5 open 5 for 50 => done
              release a legs 0,2 as r1 => done x=0 held:y=1 g=5 held:g=0
        at 10 hold b count x 1/1 for 100 => done
              extend a for 60 => done held:y=1 held:x=1
        at 70 post c count x 1/1 + count y 1/1 => refused leg 0 used 0 held 1 max 1 retry 40 y=0
              status a => replayed .state=expired .gone=0,2
              release a legs 1 as r2 => refused hold_expired
    ",
    ),
    (
        "all legs of a hold",
        "
        at 0 hold a count x 1/1 + earn g 10 strict 10 for 50 => done
             post b earn g 1 strict 10 => refused cap leg 0 balance 10 max 10
             release a legs 1 as r1 => done .state=held
             post b earn g 1 strict 10 => done g=1
             release a legs 0 as r2 => done held:x=0 .state=released
             confirm a => refused already_released
    ",
    ),
    (
        "legs are not confirmed one by one",
        "
        at 0 hold a count x 2/4 + count y 1/1 size 2 for 50 => done
             confirm a legs 0 => refused confirm_exceeds left 2 held:x=2
             confirm a => done
             confirm a legs 0 => mismatch
             confirm b legs 0 => refused hold_not_found
    ",
    ),
    (
        "legs and parts in turn",
        "
        at 0 post a spend g 100 open 100 + count x 4/4 + count y 4/4 size 4 => done g=0 x=4 y=4
             release a part 1 as r1 => done g=25 x=3 y=3
             release a legs 0 as r2 => done g=100 x=3 y=3 .given=0 .live=3
             release a part 1 as r3 => done g=100 x=2 y=2 .given=1
             release a legs 1 as r4 => done x=0 y=2
             release a part 2 as r5 => done y=0 .state=released .given=2
    ",
    ),
    (
        "a leg that earned, and one that spent",
        "
        at 0 post a spend g 40 open 50 + earn p 4 debt => done g=10 p=4
             post b spend p 3 => done p=1
             release a legs 1 as r1 => done p=0 debt:p=3 .short=3 g=10
             release a legs 0 as r2 => done g=50 .short=0 .state=released
    ",
    ),
    (
        "registers and days as legs",
        "
        at 5  post a zone w 0?>1 + interval i 10 + once d k 1/1 => done w=1 i=5 k=1
        at 6  release a legs 0 as r1 => done w=none i=5 k=1
              post b zone w 0?>1 => done w=1
        at 7  release a legs 1,2 as r2 => done w=1 i=none k=0 .state=released
    ",
    ),
    (
        "two legs on one counter",
        "
        at 0 hold a count x 1/9 + count x 2/9 for 50 => done held:x=3
             release a legs 0 as r1 => done held:x=2
             reopen => seen held:x=2
             confirm a => done used:x=2 held:x=0
             release a legs 1 as r2 => done x=0 .state=released
    ",
    ),
    (
        "legs that are gone survive the reopening",
        "
        at 0 hold a count x 1/1 + count y 1/1 for 50 => done
             release a legs 0 as r1 => done
             reopen => seen x=0 held:y=1
             post b count x 1/1 => done
             release a legs 0 as r1 => replayed .gone=0
             release a legs 0 as r2 => refused already_released
             post a count x 1/1 + count y 1/1 => done used:x=1 used:y=1
             release a => done x=1 y=0
    ",
    ),
    (
        "a voucher instead of the money",
        "
        at 0 post a count x 1/1 + spend g 60 open 100 => done g=40
             release a credit v 30@90 => done x=0 g=100 lots:v=30@90 .credited=30/30
             release a credit v 30@90 => replayed v=30 .credited=30/30 .events=none
             release a credit v 31@90 => mismatch v=30
             release a credit h 30@90 => mismatch h=none
             release a => mismatch v=30
             post b spend v 30 => done v=0
    ",
    ),
    (
        "a release that was not credited is not credited later",
        "
        at 0 post a count x 2/2 => done
             release a => done x=0 .credited=none
             release a credit v 5 => mismatch v=none
             release a as r2 credit v 5 => refused already_released v=none
    ",
    ),
    (
        "a credit is not given back with the rest",
        "
        at 0 post a count x 2/2 size 2 => done
             release a part 1 as r1 credit v 5 => done v=5 x=1
             release a part 1 as r2 credit v 7 => done v=12 x=0 .credited=7/12 earned:v=12
    ",
    ),
    (
        "a credit that is refused gives nothing back",
        "
        at 0 post e earn v 8 => done
             post a count x 1/1 => done
             release a credit v 5 strict 12 => refused cap leg 0 balance 8 max 12 x=1 v=8
             release a credit v 4 strict 12 => done x=0 v=12
    ",
    ),
    (
        "what stands in the way of the release comes before the credit",
        "
        at 0 post e earn v 8 => done
             hold a count x 2/2 size 2 for 9 => done
             release a part 3 credit v 5 strict 12 => refused release_exceeds left 2
             release b credit v 5 strict 12 => refused not_found
        at 9 release a credit v 5 strict 12 => refused hold_expired .events=expired
    ",
    ),
    (
        "a credit to the balance that comes back: the cap sees both",
        "
        at 0 post a spend g 60 open 100 => done g=40
             release a credit g 20 cap 110 => done g=110 .credited=10/110
    ",
    ),
    (
        "the guard of a credit looks at the balance as it was",
        "
        at 0 post a spend g 60 open 100 => done g=40
             release a credit g 20 strict 110 => done g=120 .credited=20/120
    ",
    ),
    (
        "a credit to the balance from which is taken back",
        "
        at 0 post a earn g 60 debt => done
             post b spend g 50 => done g=10
             release a credit g 45 => done g=0 .short=50 .credited=45/0 debt:g=5
    ",
    ),
    (
        "a credit that can be spent later, with an opening",
        "
        at 0  post a count x 1/1 => done
              release a credit v 5@90 from 20 open 3 => done lots:v=5@90>20,3 .credited=5/8
              post b spend v 4 => refused leg 0 used 3 held 0 max 4
        at 20 post b spend v 4 => done v=4
    ",
    ),
    (
        "a hold released with a credit",
        "
        at 0 hold a spend g 60 open 60 for 50 => done g=0
             release a part 20 as r1 credit v 2 => done g=20 v=2 held:g=40
             confirm a => done g=20 v=2 taken:g=40
    ",
    ),
    (
        "legs released with a credit",
        "
        at 0 post a count x 1/1 + spend g 5 open 5 => done
             release a legs 0 as r1 credit v 2 => done x=0 g=0 v=2 .gone=0 .given=0
             release a legs 0 as r1 credit v 2 => replayed v=2
             release a legs 0 as r1 => mismatch
             release a legs 1 as r2 credit v 3 => done g=5 v=5 .state=released .credited=3/5
    ",
    ),
    (
        "a credit ends the holds that are over",
        "
        at 0  hold h earn v 90 strict 100 for 10 => done
              post a count x 1/1 => done
        at 9  release a credit v 20 strict 100 => refused cap leg 0 balance 90 max 100 x=1
        at 10 release a credit v 20 strict 100 => done v=20 x=0 .events=expired,released
    ",
    ),
    (
        "a credit survives the reopening",
        "
        at 0 post a count x 1/1 => done
             release a credit v 5@90 from 20 debt => done v=5
             reopen => seen lots:v=5@90>20
             release a credit v 5@90 from 20 debt => replayed .credited=5/5
             release a credit v 5@90 from 20 => mismatch
    ",
    ),
];

/// Tables too long to write by hand.
pub(super) fn built() -> Vec<(String, String)> {
    let most = RELEASES_MAX;
    let mut table = format!("\nat 0 post a count x {most}/99 + count y 1/1 size {most} => done\n");
    for nr in 0..most - 2 {
        writeln!(table, "release a part 1 as r{nr} => done").unwrap();
    }
    write!(
        table,
        "release a legs 0 as p1 => done x=0 y=1
         release a part 1 as p2 => refused release_exceeds left 2
         release a legs 1 as p2 credit v 5 => done y=0 v=5 .state=released"
    )
    .unwrap();
    let mut by_legs = "\nat 0 post a count x0 1/1".to_owned();
    for nr in 1..64 {
        write!(by_legs, " + count x{nr} 1/1").unwrap();
    }
    by_legs.push_str(" => done x0=1 x63=1\n");
    for nr in 0..63 {
        writeln!(by_legs, "release a legs {nr} as r{nr} => done x{nr}=0 x63=1").unwrap();
    }
    by_legs.push_str("release a legs 63 as r63 => done x63=0 .state=released .given=1");
    vec![
        ("so many releases, some of legs, the last of all that is left".into(), table),
        ("sixty-four codes come back one by one".into(), by_legs),
    ]
}

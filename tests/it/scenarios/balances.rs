//! Balances: spending by the end of lots, openings, earning under a cap, giving back and taking
//! back.

use std::fmt::Write;

use super::Case;

pub(super) const CASES: &[Case] = &[
    (
        "a voucher is drawn down",
        "
        at 0 post a spend g 30 open 100 => done g=70 .did=30 .after=70
             post b spend g 70 open 100 => done g=0 .after=0 taken:g=100 earned:g=100
             post c spend g 1 open 100 => refused leg 0 used 0 held 0 max 1
    ",
    ),
    (
        "a voucher is opened once, by a posting that is accepted",
        "
        at 0 post a spend g 101 open 100 => refused leg 0 used 100 held 0 max 101 g=none
             post b spend g 1 open 50 => done g=49 earned:g=50
             post c spend g 1 open 100 => done g=48 earned:g=50
    ",
    ),
    (
        "nothing to open",
        "
        at 0 post a spend g 1 => refused leg 0 used 0 held 0 max 1 g=none
    ",
    ),
    (
        "as much as there is",
        "
        at 0 post a spend g 300 upto open 100 => done g=0 .did=100 .size=100
             post b spend g 300 upto => refused leg 0 used 0 held 0 max 300
             release a part 40 as r => done g=40 .given=40
             post c spend g 300 upto => done g=0 .did=40 .size=40
    ",
    ),
    (
        "the size of a spending is what it took",
        "
        at 0 post a spend g 30 open 100 => done .size=30 .live=30
             release a part 10 as r1 => done g=80 .live=20
             release a part 21 as r2 => refused release_exceeds left 20 g=80
             release a as r2 => done g=100 .given=20 taken:g=0
    ",
    ),
    (
        "a spending divided by persons",
        "
        at 0 post a spend g 100 open 100 + count x 3/9 size 3 => done g=0 x=3
             release a part 1 as r1 => done g=33 x=2
             release a part 1 as r2 => done g=66 x=1
             release a part 1 as r3 => done g=100 x=0
    ",
    ),
    (
        "the lot that ends first is spent first",
        "
        at 0 post e1 earn g 10 => done lots:g=10
             post e2 earn g 10@200 => done lots:g=10@200,10
             post e3 earn g 10@100 => done lots:g=10@100,10@200,10
             post a spend g 15 => done lots:g=5@200,10
             post b spend g 10 => done lots:g=5
    ",
    ),
    (
        "lots with the same end are one",
        "
        at 0 post e1 earn g 10@100 => done
             post e2 earn g 5@100 => done lots:g=15@100
             post e3 earn g 5 => done
             post e4 earn g 5 => done lots:g=15@100,10
    ",
    ),
    (
        "a lot ends exactly",
        "
        at 0   post e earn g 10@100 => done
        at 99  post a spend g 4 => done g=6
        at 100 post b spend g 1 => refused leg 0 used 0 held 0 max 1 g=6
               post f earn g 1 => done lots:g=1 lapsed:g=6 earned:g=11 taken:g=4
    ",
    ),
    (
        "an opening that is over cannot be spent",
        "
        at 100 post a spend g 1 open 50@100 => refused leg 0 used 0 held 0 max 1 g=none
        at 99  post a spend g 1 open 50@100 => done lots:g=49@100
    ",
    ),
    (
        "giving back goes to the lots it came from",
        "
        at 0 post e1 earn g 10@100 => done
             post e2 earn g 10@200 => done
             post a spend g 15 => done lots:g=5@200
             release a => done lots:g=10@100,10@200 taken:g=0
    ",
    ),
    (
        "a part given back is what was taken last",
        "
        at 0 post e1 earn g 10@100 => done
             post e2 earn g 10@200 => done
             post a spend g 15 => done lots:g=5@200
             release a part 5 as r1 => done lots:g=10@200
             release a part 5 as r2 => done lots:g=5@100,10@200
             release a part 5 as r3 => done lots:g=10@100,10@200
    ",
    ),
    (
        "giving back to a lot that is over says what is lost",
        "
        at 0   post e1 earn g 10@100 => done
               post e2 earn g 10@200 => done
               post a spend g 15 => done
        at 150 release a => done lots:g=10@200 .given=15 .lapsed=10 lapsed:g=10 taken:g=0
               release a => replayed lots:g=10@200 .lapsed=10
    ",
    ),
    (
        "giving back in parts around the end of a lot",
        "
        at 0   post e1 earn g 10@100 => done
               post a spend g 10 => done g=0
        at 99  release a part 4 as r1 => done lots:g=4@100 .lapsed=0
        at 100 release a part 4 as r2 => done lots:g=none .lapsed=4 lapsed:g=8
               release a as r3 => done .lapsed=2 lapsed:g=10 earned:g=10
    ",
    ),
    (
        "money that is held cannot be spent",
        "
        at 0  hold a spend g 60 open 100 for 50 => done g=40 held:g=60 .did=60
              post b spend g 60 open 100 => refused leg 0 used 40 held 60 max 60 retry 50
              post c spend g 101 open 100 => refused leg 0 used 40 held 60 max 101
        at 50 post b spend g 60 open 100 => done g=40 held:g=0 .events=expired,redeemed
    ",
    ),
    (
        "as much as is not held",
        "
        at 0 hold a spend g 60 open 100 for 50 => done
             post b spend g 100 upto => done .did=40 g=0
             post c spend g 100 upto => refused leg 0 used 0 held 60 max 100 retry 50
    ",
    ),
    (
        "a held spending confirmed in part",
        "
        at 0 hold a spend g 60 open 100 for 50 => done g=40 held:g=60
             confirm a part 25 => done g=75 held:g=0 taken:g=25
             release a => done g=100 taken:g=0
    ",
    ),
    (
        "a held spending whose lot ends meanwhile, confirmed",
        "
        at 0   post e earn g 10@100 => done
               hold a spend g 10 for 200 => done g=0
        at 150 confirm a => done taken:g=10 lapsed:g=0 g=0
    ",
    ),
    (
        "a held spending whose lot ends meanwhile, released",
        "
        at 0   post e earn g 10@100 => done
               hold a spend g 10 for 200 => done g=0
        at 150 release a => done g=0 .lapsed=10 taken:g=0 lapsed:g=10
    ",
    ),
    (
        "a held spending whose lot ends meanwhile, over",
        "
        at 0   post e earn g 10@100 => done
               hold a spend g 10 for 120 => done g=0
        at 120 post b spend g 1 => refused leg 0 used 0 held 0 max 1 .events=expired lapsed:g=10
    ",
    ),
    (
        "own hold of the last money",
        "
        at 0 hold a spend g 100 open 100 for 50 => done g=0
             post a spend g 100 open 100 => done g=0 held:g=0 taken:g=100
    ",
    ),
    (
        "spending twice from one balance in one posting",
        "
        at 0 post a spend g 60 open 100 + spend g 60 open 100 => \
               refused leg 1 used 40 held 0 max 60 g=none
             post b spend g 60 open 100 + spend g 40 open 100 size 2 => done g=0 .did=60,40
             release b part 1 => done g=50
    ",
    ),
    (
        "spending from two balances, all or nothing",
        "
        at 0 post a spend g 60 open 100 + spend h 60 open 50 => \
               refused leg 1 used 50 held 0 max 60 g=none h=none
             post b spend g 60 open 100 + spend h 50 open 50 => done g=40 h=0
    ",
    ),
    (
        "a transfer",
        "
        at 0 post a spend g 60 open 100 + earn h 60 => done g=40 h=60
             release a => done g=100 h=0 .short=0
    ",
    ),
    (
        "a transfer that is held arrives when it is confirmed",
        "
        at 0 hold a spend g 60 open 100 + earn h 60 for 10 => done g=40 h=0
             confirm a => done g=40 h=60
    ",
    ),
    (
        "a transfer that is held and over never arrives",
        "
        at 0  hold a spend g 60 open 100 + earn h 60 for 10 => done g=40 h=0
        at 10 sweep => seen g=100 h=0
    ",
    ),
    (
        "earning clamps at the cap and says so",
        "
        at 0 post a earn g 60 cap 100 => done g=60 .did=60
             post b earn g 60 cap 100 => done g=100 .did=40
             post c earn g 60 cap 100 => done g=100 .did=0
             release c => done g=100 .short=0
             release b => done g=60
    ",
    ),
    (
        "earning is refused at the cap",
        "
        at 0 post a earn g 60 strict 100 => done g=60
             post b earn g 60 strict 100 => refused cap leg 0 balance 60 max 100 g=60
             post c earn g 40 strict 100 => done g=100
             post d earn g 1 strict 100 => refused cap leg 0 balance 100 max 100
    ",
    ),
    (
        "the opening counts towards the cap",
        "
        at 0 post a earn g 60 strict 100 open 50 => refused cap leg 0 balance 50 max 100 g=none
             post b earn g 60 cap 100 open 50 => done g=100 .did=50 earned:g=100
    ",
    ),
    (
        "what is held may come back, and counts towards the cap",
        "
        at 0 hold a spend g 30 open 100 for 10 => done g=70
             post b earn g 30 strict 100 => refused cap leg 0 balance 100 max 100
             post c earn g 30 cap 100 => done .did=0
        at 10 sweep => seen g=100
    ",
    ),
    (
        "what is over does not count towards the cap",
        "
        at 0   post a earn g 80@100 strict 100 => done
        at 100 post b earn g 80 strict 100 => done g=80 lapsed:g=80
    ",
    ),
    (
        "two earnings of one posting share the cap",
        "
        at 0 post a earn g 60 strict 100 + earn g 60 strict 100 => \
               refused cap leg 1 balance 60 max 100 g=none
             post b earn g 60 cap 100 + earn g 60 cap 100 => done g=100 .did=60,40
             release b => done g=0 .short=0
    ",
    ),
    (
        "what a posting spends makes room for what it earns",
        "
        at 0 post a earn g 100 strict 100 => done g=100
             post b spend g 50 + earn g 50 strict 100 => done g=100
             post c spend g 50 + earn g 51 strict 100 => refused cap leg 1 balance 50 max 100
             release b => done g=100 .short=0
    ",
    ),
    (
        "two earnings of one hold share the cap",
        "
        at 0 hold a earn g 60 strict 100 + earn g 60 cap 100 for 9 => done g=0 .did=60,40
             confirm a => done g=100
             release a => done g=0 .short=0
    ",
    ),
    (
        "a hold that spends makes room for what it earns",
        "
        at 0 hold a spend g 30 open 100 + earn g 40 cap 100 for 9 => done g=70 .did=30,30
             post b earn g 1 strict 100 => refused cap leg 0 balance 130 max 100
             confirm a => done g=100
    ",
    ),
    (
        "an earning that is held keeps its room: refusing",
        "
        at 0 hold a earn g 60 strict 100 for 50 => done g=0 .did=60
             hold b earn g 60 strict 100 for 50 => refused cap leg 0 balance 60 max 100
             post c earn g 60 strict 100 => refused cap leg 0 balance 60 max 100
             post d earn g 40 strict 100 => done g=40
             confirm a => done g=100
    ",
    ),
    (
        "an earning that is held keeps its room: clamping",
        "
        at 0 hold a earn g 60 cap 100 for 50 => done g=0 .did=60
             post b earn g 60 cap 100 => done g=40 .did=40
             confirm a => done g=100
             release a => done g=40 .short=0
             release b => done g=0 .short=0
    ",
    ),
    (
        "the room of an earning comes back with its hold",
        "
        at 0  hold a earn g 60 strict 100 size 2 for 50 => done
              release a part 1 as r => done
              post b earn g 71 strict 100 => refused cap leg 0 balance 30 max 100
        at 50 post b earn g 71 strict 100 => done g=71 .events=expired,redeemed
    ",
    ),
    (
        "the room of an earning survives the reopening",
        "
        at 0 hold a earn g 60 strict 100 for 50 => done
             reopen => seen g=0
             post b earn g 60 strict 100 => refused cap leg 0 balance 60 max 100
             confirm a => done g=60
    ",
    ),
    (
        "an earning that is held, confirmed in part",
        "
        at 0 hold a earn g 10 size 4 for 50 => done g=0
             confirm a part 3 => done g=8
             release a part 1 as r1 => done g=5
             release a as r2 => done g=0 earned:g=0
    ",
    ),
    (
        "taking back what was earned",
        "
        at 0 post a earn g 50@100 => done
             post b earn g 50@200 => done
             release b => done lots:g=50@100 earned:g=50 .short=0
    ",
    ),
    (
        "taking back what was spent meanwhile, as far as there is",
        "
        at 0 post a earn g 50@100 => done
             post b spend g 30 => done g=20
             release a => done g=0 .short=30 earned:g=30 taken:g=30
             release b => done g=30 taken:g=0
             release a => replayed .short=30 g=30
    ",
    ),
    (
        "earned, spent, given back, taken back",
        "
        at 0 post a earn g 50@100 => done
             post b spend g 30 => done
             release b => done g=50
             release a => done g=0 .short=0 earned:g=0 taken:g=0
    ",
    ),
    (
        "taking back reaches for other lots",
        "
        at 0 post a earn g 50@100 => done
             post b earn g 50@200 => done
             post c spend g 50 => done lots:g=50@200
             release a => done lots:g=none .short=0
    ",
    ),
    (
        "earning and spending in one posting are undone in the right order",
        "
        at 0 post a earn g 50 open 10 + spend g 10 open 10 => done g=50
             release a => done g=10 .short=0 taken:g=0
    ",
    ),
    (
        "spending and earning in one posting, spent since",
        "
        at 0 post a spend g 100 open 100 + earn g 20 => done g=20
             post b spend g 20 => done g=0
             release a => done g=80 .short=0 taken:g=20
    ",
    ),
    (
        "a confirmed earning that is over at once",
        "
        at 0   hold a earn g 10@100 for 200 => done
        at 150 confirm a => done
               post b spend g 1 => refused leg 0 used 0 held 0 max 1
               post c earn g 1 => done lots:g=1 lapsed:g=10
    ",
    ),
    (
        "points over the largest number are refused",
        "
        at 0 post a earn g 1000000000000000 => done
             post b earn g 1 => refused cap leg 0 balance 1000000000000000 \
               max 1000000000000000
    ",
    ),
    (
        "balances survive the reopening",
        "
        at 0 post a spend g 30 open 100@500 => done
             post b earn g 5 => done
             hold c spend g 20 for 50 => done lots:g=50@500,5
             reopen => seen lots:g=50@500,5 held:g=20 taken:g=50
             confirm c part 10 => done lots:g=60@500,5
             release a => done lots:g=90@500,5 taken:g=10
             reopen => seen lots:g=90@500,5 taken:g=10 earned:g=105
    ",
    ),
    (
        "a repeat of a spending that emptied the balance",
        "
        at 0 post a spend g 100 open 100 => done
             post a spend g 100 open 100 => replayed .did=100 g=0
             post a spend g 999 open 100 as other => mismatch g=0
    ",
    ),
];

/// Tables too long to write by hand.
pub(super) fn built() -> Vec<(String, String)> {
    let mut table = String::new();
    for n in 0..256 {
        let _ = writeln!(table, "at 0 post e{n} earn g 1@{} => done", 1000 + n);
    }
    table.push_str(
        "post f earn g 1@5000 => refused too_many_lots leg 0 g=256
         post g1 earn g 1@1000 => done g=257
         at 1000 post f earn g 1@5000 => done g=256 lapsed:g=2
         at 4999 post h earn g 7@6000 => done lots:g=1@5000,7@6000 lapsed:g=257
         release f => done lots:g=7@6000",
    );
    vec![("a balance has so many lots, those that are over not counted".into(), table)]
}

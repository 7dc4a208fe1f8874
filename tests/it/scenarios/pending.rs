//! Lots that can be spent only later, and debts: what was spent although it was taken back.

use super::Case;

pub(super) const CASES: &[Case] = &[
    (
        "what can be spent only later",
        "
        at 0  post e earn g 10 from 50 => done g=10 .after=10 lots:g=10>50
        at 49 post a spend g 1 => refused leg 0 used 0 held 0 max 1 g=10
        at 50 post a spend g 4 => done g=6 lots:g=6>50
    ",
    ),
    (
        "as much as there is, without what can be spent only later",
        "
        at 0  post e1 earn g 10@90 from 50 => done
              post e2 earn g 5 => done lots:g=10@90>50,5
              post a spend g 100 upto => done .did=5 .after=10 g=10
              post b spend g 100 upto => refused leg 0 used 0 held 0 max 100
        at 50 post b spend g 100 upto => done .did=10 g=0
    ",
    ),
    (
        "the lot that ends first and can be spent is spent first",
        "
        at 0  post e1 earn g 10@90 from 50 => done
              post e2 earn g 10@80 from 60 => done
              post e3 earn g 10@100 => done lots:g=10@80>60,10@90>50,10@100
              post a spend g 4 => done lots:g=10@80>60,10@90>50,6@100
        at 50 post b spend g 12 => done lots:g=10@80>60,4@100
        at 60 post c spend g 12 => done lots:g=2@100
    ",
    ),
    (
        "lots with the same moments are one",
        "
        at 0 post e1 earn g 1@90 from 50 => done
             post e2 earn g 2@90 from 50 => done lots:g=3@90>50
             post e3 earn g 4@90 from 40 => done lots:g=4@90>40,3@90>50
             post e4 earn g 8@90 => done lots:g=8@90,4@90>40,3@90>50
             post e5 earn g 16 from 50 => done lots:g=8@90,4@90>40,3@90>50,16>50
    ",
    ),
    (
        "what ends before it can be spent",
        "
        at 0  post e earn g 10@40 from 50 => done
        at 40 post f earn g 1 => done lots:g=1 lapsed:g=10
    ",
    ),
    (
        "what can be spent only later counts towards the cap",
        "
        at 0 post a earn g 60 from 50 strict 100 => done
             post b earn g 60 strict 100 => refused cap leg 0 balance 60 max 100
             post c earn g 60 cap 100 => done .did=40 lots:g=40,60>50
    ",
    ),
    (
        "what is given back returns with both its moments",
        "
        at 0  post e earn g 10@90 from 50 => done
        at 60 post a spend g 7 => done lots:g=3@90>50
              release a part 2 as r1 => done lots:g=5@90>50
              release a as r2 => done lots:g=10@90>50
        at 61 post b spend g 10 => done
        at 90 release b => done lots:g=none .lapsed=10
    ",
    ),
    (
        "taking back begins with its own lot",
        "
        at 0 post e1 earn g 10@90 from 50 => done
             post e2 earn g 10@90 => done
             post e3 earn g 10@90 from 60 => done lots:g=10@90,10@90>50,10@90>60
             release e1 => done lots:g=10@90,10@90>60 .short=0
             release e3 => done lots:g=10@90
    ",
    ),
    (
        "taking back reaches for what can be spent only later",
        "
        at 0 post e1 earn g 10 => done
             post e2 earn g 10 from 50 => done
             post a spend g 10 => done
             release e1 => done lots:g=none .short=0 earned:g=10
    ",
    ),
    (
        "a held earning can be spent from its moment on",
        "
        at 0  hold e earn g 10 from 50 for 100 => done g=0
        at 10 confirm e => done lots:g=10>50
              post a spend g 1 => refused leg 0 used 0 held 0 max 1
        at 50 post a spend g 1 => done lots:g=9>50
    ",
    ),
    (
        "only holds are waited for, not what can be spent later",
        "
        at 0 post e1 earn g 10 => done
             post e2 earn g 10 from 50 => done
             hold a spend g 10 for 30 => done
             post b spend g 10 => refused leg 0 used 0 held 10 max 10 retry 30
             post c spend g 11 => refused leg 0 used 0 held 10 max 11
    ",
    ),
    (
        "what can be spent later survives the reopening",
        "
        at 0  post e earn g 10@90 from 50 debt => done
        at 50 hold a spend g 4 for 20 => done
              reopen => seen lots:g=6@90>50 held:g=4
              release a => done lots:g=10@90>50
              release e => done lots:g=none
    ",
    ),
    (
        "what was spent meanwhile becomes a debt",
        "
        at 0 post e earn g 50 debt => done g=50
             post a spend g 30 => done g=20
             release e => done g=0 .short=30 debt:g=30 earned:g=0 taken:g=30 .after=50
             post b spend g 1 => refused leg 0 used 0 held 0 max 1
             release e => replayed .short=30 debt:g=30
    ",
    ),
    (
        "what is earned pays a debt first",
        "
        at 0 post e earn g 50 debt => done
             post a spend g 50 => done
             release e => done debt:g=50
             post f earn g 20@90 => done g=0 debt:g=30 .did=20 .after=0 earned:g=20
             post h earn g 40@90 => done lots:g=10@90 debt:g=0 .did=40 .after=10
             release f => done .short=10 debt:g=0 g=0 earned:g=50
    ",
    ),
    (
        "what is given back pays a debt first",
        "
        at 0 post e earn g 50 debt => done
             post a spend g 50 => done
             release e => done debt:g=50
             release a part 20 as r1 => done debt:g=30 taken:g=30 g=0
             release a as r2 => done debt:g=0 taken:g=0 g=0 earned:g=0
    ",
    ),
    (
        "what is given back to a lot that is over still pays a debt",
        "
        at 0  post e earn g 50@90 debt => done
              post f earn g 10@90 => done
              post a spend g 60 => done
              release e => done debt:g=50 .short=50
        at 90 release a => done debt:g=0 .lapsed=10 lapsed:g=10 g=0 taken:g=0 earned:g=10
    ",
    ),
    (
        "a debt is made in parts",
        "
        at 0 post e earn g 40 debt size 4 => done
             post a spend g 35 => done g=5
             release e part 1 as r1 => done g=0 debt:g=5 .short=5
             release e part 1 as r2 => done debt:g=15 .short=10
             release e as r3 => done debt:g=35 .short=20 earned:g=0
             release a => done debt:g=0 g=0
    ",
    ),
    (
        "a debt of one earning, nothing of the other",
        "
        at 0 post e earn g 10 debt + earn g 10 => done g=20
             post a spend g 20 => done
             release e => done debt:g=10 .short=20 earned:g=10 taken:g=20
    ",
    ),
    (
        "earned, spent, given back, taken back: no debt",
        "
        at 0 post e earn g 50 debt => done
             post a spend g 30 => done
             release a => done g=50
             release e => done g=0 .short=0 debt:g=0
    ",
    ),
    (
        "spending and earning in one posting, given back at once: no debt",
        "
        at 0 post e earn g 50 debt open 10 + spend g 10 open 10 => done g=50
             release e => done g=10 .short=0 debt:g=0
    ",
    ),
    (
        "a debt is paid by a hold that comes to its end",
        "
        at 0  post e earn g 50 debt => done
              hold a spend g 50 for 30 => done g=0
              release e => done debt:g=50 .short=50
              post b spend g 1 => refused leg 0 used 0 held 50 max 1
        at 30 sweep => seen debt:g=0 g=0 taken:g=0
    ",
    ),
    (
        "what a hold gives back beyond a debt is waited for",
        "
        at 0  post e earn g 30 debt => done
              post f earn g 20 => done
              hold a spend g 50 for 40 => done g=0
              release e => done debt:g=30
              post b spend g 20 => refused leg 0 used 0 held 50 max 20 retry 40
              post c spend g 21 => refused leg 0 used 0 held 50 max 21
        at 40 post b spend g 20 => done debt:g=0 g=0
    ",
    ),
    (
        "a held earning that is confirmed pays a debt",
        "
        at 0 hold h earn g 30 for 100 => done
             post e earn g 20 debt => done
             post a spend g 20 => done
             release e => done debt:g=20
             confirm h => done debt:g=0 g=10 .confirmed=10
    ",
    ),
    (
        "a debt pays no cap",
        "
        at 0 post e earn g 50 debt => done
             post a spend g 50 => done
             release e => done debt:g=50
             post b earn g 120 strict 100 => refused cap leg 0 balance 0 max 100
             post c earn g 120 cap 100 => done .did=100 debt:g=0 g=50
    ",
    ),
    (
        "a debt survives the reopening",
        "
        at 0 post e earn g 50 debt => done
             post a spend g 30 => done
             release e => done debt:g=30
             reopen => seen debt:g=30 g=0 taken:g=30 earned:g=0
             post f earn g 31 => done debt:g=0 g=1
    ",
    ),
];

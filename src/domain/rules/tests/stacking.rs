//! How the campaigns of an order stand to each other.

use proptest::collection::vec;
use proptest::prelude::*;

use super::running::{any_order, any_rules, ruled};
use super::*;
use crate::domain::account::{RedeemAndEarn, Weights};
use crate::domain::campaign::{
    AccountingType, After, Basis, Condition, Item, Pick, Points, Remainder, Times,
};
use crate::domain::id::{CampaignId, Owner};
use crate::domain::policy::{CODES_MAX, Group, NeedsCode, Policy};
use crate::domain::rules::scene::{draw, points_account, share, surcharge};

/// One candidate: a code by the name that it is given, or a campaign that applies by itself.
#[derive(Debug, Clone)]
struct Entrant {
    name: String,
    scene: Scene,
    is_code: bool,
}

impl Entrant {
    fn with(mut self, change: impl FnOnce(&mut Campaign)) -> Self {
        change(&mut self.scene.campaign);
        self
    }

    fn number(self, order_number: i32) -> Self {
        self.with(|c| c.stacking.order_number = order_number)
    }

    fn excludes(self, group: &str) -> Self {
        self.with(|c| c.stacking.exclusion_group = Some(group.into()))
    }

    fn best_of(self, name: &str) -> Self {
        self.with(|c| c.stacking.best_of = Some(name.into()))
    }

    fn stops(self) -> Self {
        self.with(|c| c.stacking.after = After::Stops)
    }

    fn in_group(self, group: &str) -> Self {
        self.with(|c| c.groups.push(group.into()))
    }
}

/// A code with these effects; its campaign has the same name.
fn code(name: &str, effects: Vec<Effect>) -> Entrant {
    let scene = giving(effects).with(|s| {
        s.campaign.id = CampaignId::parse(name).unwrap();
        let mut owner = [0; 16];
        owner[..name.len()].copy_from_slice(name.as_bytes());
        s.code.owner = Owner(owner);
    });
    Entrant { name: name.to_owned(), scene, is_code: true }
}

/// A campaign that applies by itself.
fn automatic(name: &str, effects: Vec<Effect>) -> Entrant {
    Entrant { is_code: false, ..code(name, effects) }
}

fn voucher(name: &str, balance: u64) -> Entrant {
    let mut voucher = code(name, vec![draw(BalanceOf::Code, Remainder::Kept)]);
    voucher.scene.seen.balance = Some(balance);
    voucher
}

/// An order of 500 euros, and what it is judged by.
#[derive(Debug, Clone)]
struct Table {
    order: Order<'static>,
    policy: Policy,
    group: Option<Group>,
    mode: StackMode,
}

impl Table {
    fn of(total_minor: i64) -> Self {
        Self {
            order: Order { total_minor: Some(total_minor), ..Order::default() },
            policy: Policy { codes_max: 16, codes_max_by_type: [None; 4] },
            group: None,
            mode: StackMode::AllOrNothing,
        }
    }

    fn partial(self) -> Self {
        Self { mode: StackMode::Partial, ..self }
    }

    fn slot(self, group: &str, needs_code: NeedsCode) -> Self {
        let group = Group { id: group.into(), name: Default::default(), needs_code };
        Self { group: Some(group), ..self }
    }

    fn stack(&self, entrants: &[Entrant]) -> Result<Stack, Refusal> {
        let mut codes = 0..;
        let candidates: Vec<Candidate<'_>> = entrants
            .iter()
            .map(|entrant| Candidate {
                code_index: entrant.is_code.then(|| codes.next().unwrap()),
                name: &entrant.name,
                campaign: &entrant.scene.campaign,
                worth: &entrant.scene.campaign,
                code: &entrant.scene.code,
                seen: entrant.scene.seen,
                account: entrant.scene.account.as_ref(),
            })
            .collect();
        let Self { order, policy, group, mode } = self;
        let now = Scene::discount().now;
        stack(&candidates, &Setting { order, now, policy, group: group.as_ref(), mode: *mode })
    }
}

fn no_text(no: &Refusal) -> String {
    match no.code_index {
        Some(index) => format!("#{index} {}", refusal_text(no)),
        None => refusal_text(no),
    }
}

/// Who applies, in turn, and with what; what is left to pay; who was left out.
#[track_caller]
fn check_stack(table: &Table, entrants: &[Entrant], expect: &str) {
    let answer = match table.stack(entrants) {
        Ok(stack) => {
            let parts = stack.parts.iter();
            let mut texts: Vec<String> = parts
                .map(|(place, offer)| format!("{} {}", entrants[*place].name, offer_text(offer)))
                .collect();
            texts.push(format!("left {}", stack.running.total_minor().unwrap()));
            texts.extend(stack.left_out.iter().map(|no| format!("out {}", no_text(no))));
            texts.join("; ").replace("worth ", "")
        }
        Err(no) => no_text(&no),
    };
    assert_eq!(answer, expect);
}

#[test]
fn codes_apply_by_order_number_then_as_they_were_given() {
    let table = Table::of(50_000);
    let hundred = || code("hundred", vec![off(10_000)]);
    let fifth = || code("fifth", vec![percent("20")]);
    check_stack(&table, &[hundred(), fifth()], "hundred 10000; fifth 8000; left 32000");
    check_stack(&table, &[fifth(), hundred()], "fifth 10000; hundred 10000; left 30000");
    check_stack(
        &table,
        &[fifth().number(2), hundred().number(1)],
        "hundred 10000; fifth 8000; left 32000",
    );
    check_stack(&table, &[fifth(), hundred().number(-1)], "hundred 10000; fifth 8000; left 32000");
}

#[test]
fn several_vouchers_share_one_order() {
    let table = Table::of(8_000);
    let two = [voucher("a", 5_000), voucher("b", 5_000)];
    check_stack(&table, &two, "a 5000 draw 5000 Exact; b 3000 draw 3000 Exact; left 0");
    check_stack(&table, &two[..1], "a 5000 draw 8000 UpTo; left 3000");
    // A stated amount is drawn once.
    let mut stated = table.clone();
    stated.order.amount_minor = Some(4_000);
    check_stack(&stated, &two, "#1 165 no_effect");
    check_stack(&stated.partial(), &two, "a 4000 draw 4000 Exact; left 4000; out #1 165 no_effect");
    let all = [code("all", vec![off(8_000)]), two[0].clone()];
    check_stack(&table, &all, "#1 165 no_effect");
    // Who was left out before does not keep a voucher from giving what it has.
    let expired = code("old", vec![off(1)]).with(|c| c.status = Status::Ended);
    check_stack(
        &table.partial(),
        &[expired, two[0].clone()],
        "a 5000 draw 8000 UpTo; left 3000; out #0 112 campaign_ended",
    );
}

#[test]
fn conditions_can_look_at_what_earlier_codes_left() {
    let table = Table::of(10_000);
    let first = code("first", vec![off(1_000)]);
    let from = |min, basis| {
        let condition = Condition::Amount { min: Some(min), max: None, basis };
        code("second", vec![off(500)]).with(|c| c.conditions.push(condition))
    };
    check_stack(
        &table,
        &[first.clone(), from(9_000, Basis::Running)],
        "first 1000; second 500; left 8500",
    );
    check_stack(
        &table,
        &[first.clone(), from(9_001, Basis::Running)],
        "#1 144 amount_below_min off_by=1 rule=amount",
    );
    check_stack(
        &table,
        &[first.clone(), from(10_000, Basis::Original)],
        "first 1000; second 500; left 8500",
    );
    // It comes first where it stands first.
    check_stack(
        &table,
        &[first, from(9_001, Basis::Running).number(-1)],
        "second 500; first 1000; left 8500",
    );
    check_stack(&table, &[from(10_000, Basis::Running)], "second 500; left 9500");
}

#[test]
fn an_order_takes_so_many_codes_of_each_type() {
    let mut table = Table::of(50_000);
    table.policy = Policy { codes_max: 5, codes_max_by_type: [Some(3), Some(2), None, None] };
    let discount = |name| code(name, vec![off(100)]);
    let deal = |name| discount(name).with(|c| c.accounting = AccountingType::Deal);
    let five = [discount("d1"), deal("x1"), discount("d2"), deal("x2"), discount("d3")];
    check_stack(&table, &five, "d1 100; x1 100; d2 100; x2 100; d3 100; left 49500");
    let fourth = [&five[..1], &five[2..3], &five[4..], &[discount("d4")]].concat();
    check_stack(&table, &fourth, "#3 161 too_many_codes conflicts_with=d1");
    let third = [&five[..4], &[deal("x3")]].concat();
    check_stack(&table, &third, "#4 161 too_many_codes conflicts_with=x1");
    let gift = discount("gift").with(|c| c.accounting = AccountingType::Purchase);
    let sixth = [&five[..], std::slice::from_ref(&gift)].concat();
    check_stack(&table, &sixth, "#5 161 too_many_codes conflicts_with=d1");
    // Who is left out counts no more.
    let expired = discount("old").with(|c| c.status = Status::Ended);
    let late = [&[expired][..], &five[..]].concat();
    check_stack(
        &table.clone().partial(),
        &late,
        "d1 100; x1 100; d2 100; x2 100; d3 100; left 49500; out #0 112 campaign_ended",
    );
    table.policy = Policy::default();
    check_stack(&table, &five[1..2], "x1 100; left 49900");
    check_stack(&table, &five[..2], "#1 161 too_many_codes conflicts_with=d1");
    table.policy.codes_max_by_type = [Some(0), None, None, None];
    check_stack(&table, &five[..1], "#0 161 too_many_codes");
}

#[test]
fn a_code_is_in_an_order_once() {
    let table = Table::of(50_000);
    let twice = [code("a", vec![off(100)]), code("b", vec![off(100)]), code("a", vec![off(100)])];
    check_stack(&table, &twice, "#2 160 already_applied conflicts_with=a");
    check_stack(
        &table.partial(),
        &twice,
        "a 100; b 100; left 49800; out #2 160 already_applied conflicts_with=a",
    );
}

#[test]
fn of_an_exclusion_group_there_is_one() {
    let table = Table::of(50_000);
    let own = |name| code(name, vec![off(100)]).excludes("season");
    let other = code("other", vec![off(100)]).excludes("members");
    check_stack(
        &table,
        &[own("a"), other.clone(), own("b")],
        "#2 162 not_combinable conflicts_with=a",
    );
    check_stack(&table, &[own("a"), other.clone()], "a 100; other 100; left 49800");
    // Codes come before what applies by itself, whatever their numbers; of the latter, the first.
    let gift = |name: &str| automatic(name, vec![off(7)]).excludes("season");
    check_stack(
        &table,
        &[own("a").number(9), gift("early").number(-9), other.clone()],
        "other 100; a 100; left 49800",
    );
    check_stack(
        &table,
        &[other.clone(), gift("late").number(2), gift("z"), gift("y")],
        "other 100; y 7; left 49893",
    );
    // Who is left out leaves its place.
    let ended = own("ended").with(|c| c.status = Status::Ended);
    check_stack(
        &table.partial(),
        &[ended, own("b")],
        "b 100; left 49900; out #0 112 campaign_ended",
    );
}

#[test]
fn nothing_follows_a_campaign_that_stops_the_others() {
    let table = Table::of(50_000);
    let plain = |name| code(name, vec![off(100)]);
    let last = || plain("last").stops();
    check_stack(&table, &[plain("a"), last()], "a 100; last 100; left 49800");
    let stopped = [last(), plain("a"), plain("b")];
    check_stack(&table, &stopped, "#1 163 stopped_by_priority conflicts_with=last");
    check_stack(
        &table.clone().partial(),
        &stopped,
        "last 100; left 49900; out #1 163 stopped_by_priority conflicts_with=last; \
         out #2 163 stopped_by_priority conflicts_with=last",
    );
    check_stack(&table, &[last().number(1), plain("a")], "a 100; last 100; left 49800");
    let gift = |name| automatic(name, vec![off(7)]);
    check_stack(&table, &[last(), gift("g"), gift("h").number(-1)], "h 7; last 100; left 49893");
    // What applies by itself stops no code, but others of its kind.
    check_stack(
        &table,
        &[plain("a"), gift("g").number(-1).stops(), gift("h")],
        "a 100; h 7; left 49893",
    );
    check_stack(&table, &[plain("a"), gift("g").stops(), gift("h")], "a 100; g 7; left 49893");
}

#[test]
fn of_rivals_the_best_stays() {
    let table = Table::of(10_000);
    let rival = |name, minor| code(name, vec![off(minor)]).best_of("sale");
    let share = code("share", vec![percent("20")]).best_of("sale");
    check_stack(
        &table,
        &[rival("a", 1_000), share.clone()],
        "#0 164 better_offer conflicts_with=share",
    );
    check_stack(
        &table.clone().partial(),
        &[rival("a", 1_000), share.clone(), rival("b", 1_999), code("c", vec![off(1)])],
        "share 2000; c 1; left 7999; out #0 164 better_offer conflicts_with=share; \
         out #2 164 better_offer conflicts_with=share",
    );
    // Of equals, the one that applies first.
    let equal = [rival("a", 2_000), share.clone()];
    check_stack(&table, &equal, "#1 164 better_offer conflicts_with=a");
    let turned = [rival("a", 2_000).number(1), share.clone()];
    check_stack(&table, &turned, "#0 164 better_offer conflicts_with=share");
    // On the untouched order.
    let first = code("first", vec![off(9_000)]).number(-1);
    check_stack(
        &table.clone().partial(),
        &[first, rival("a", 1_000), share.clone()],
        "first 9000; share 200; left 800; out #1 164 better_offer conflicts_with=share",
    );
    let gift = |minor| automatic("gift", vec![off(minor)]).best_of("sale");
    check_stack(&table, &[share.clone(), gift(500)], "share 2000; left 8000");
    check_stack(&table, &[share.clone(), gift(5_000)], "#0 164 better_offer conflicts_with=gift");
    let others = rival("a", 1).best_of("club");
    check_stack(&table, &[share, others], "share 2000; a 1; left 7999");
}

#[test]
fn slots_accept_one_group() {
    let plain = Table::of(10_000);
    let members = |needs| plain.clone().slot("members", needs);
    let member = || code("member", vec![Effect::Zero]).in_group("members");
    let free = |code: Entrant| code.with(|c| c.no_effect = NoEffect::Allow);
    let gift = code("gift", vec![off(100)]).in_group("gifts");
    let table = members(NeedsCode::Mandatory);
    check_stack(&table, &[], "151 code_required");
    check_stack(&table, std::slice::from_ref(&gift), "#0 150 slot_not_accepted");
    check_stack(&table, &[free(member())], "member 0; left 10000");
    check_stack(&table, &[member()], "#0 165 no_effect");
    check_stack(&table, &[free(member()), gift.clone()], "#1 150 slot_not_accepted");
    let automatic = automatic("auto", vec![off(7)]).in_group("members");
    check_stack(&table, std::slice::from_ref(&automatic), "151 code_required");
    check_stack(&table, &[free(member()), automatic.clone()], "member 0; auto 7; left 9993");
    let optional = members(NeedsCode::Optional);
    check_stack(&optional, &[], "left 10000");
    check_stack(&optional, std::slice::from_ref(&automatic), "auto 7; left 9993");
    let both = [gift.clone().in_group("members"), automatic.clone().in_group("gifts")];
    check_stack(&optional, &both, "gift 100; auto 7; left 9893");
    let foreign = Entrant { is_code: false, ..gift.clone() };
    check_stack(&optional, &[foreign], "left 10000");
    check_stack(&plain, std::slice::from_ref(&gift), "gift 100; left 9900");
    // In part: no code is no code.
    let two = [gift.clone(), gift.clone()];
    check_stack(&table.clone().partial(), &two, "151 code_required");
    check_stack(&table.partial(), &two[..1], "151 code_required");
    check_stack(&optional.clone().partial(), &two, "#0 150 slot_not_accepted");
    check_stack(&optional.partial(), &[gift, automatic], "#0 150 slot_not_accepted");
}

#[test]
fn what_applies_by_itself_does_so_wherever_it_can() {
    let table = Table::of(10_000);
    let gift = |name: &str| automatic(name, vec![off(7)]);
    let costly = gift("costly").with(|c| c.conditions.push(costs(Some(10_001), None)));
    let nothing = automatic("nothing", vec![Effect::Zero]);
    let paused = gift("paused").with(|c| c.status = Status::Paused);
    let late = gift("late").with(|c| {
        let left = Condition::Amount { min: Some(9_990), max: None, basis: Basis::Running };
        c.conditions.push(left);
    });
    let all = [gift("b"), costly, nothing, gift("a"), paused, late];
    check_stack(&table, &all, "a 7; b 7; left 9986");
    let one = code("one", vec![off(100)]);
    check_stack(&table, &[&[one][..], &all].concat(), "one 100; a 7; b 7; left 9886");
    // At most so many.
    let many: Vec<Entrant> = (0..CODES_MAX + 4).map(|n| gift(&format!("g{n:02}"))).collect();
    let stack = table.stack(&many).unwrap();
    assert_eq!(stack.parts.len(), CODES_MAX);
    assert_eq!(stack.parts.last().unwrap().0, CODES_MAX - 1);
    // Alone, a voucher gives what it has.
    let card = voucher("card", 500);
    check_stack(&table, &[card.clone(), all[1].clone()], "card 500 draw 10000 UpTo; left 9500");
    check_stack(&table, &[card, all[0].clone()], "card 500 draw 500 Exact; b 7; left 9493");
}

#[test]
fn points_are_earned_on_what_all_together_leave() {
    let mut table = Table::of(50_000);
    table.order.customer = Some("ada");
    let account = |redeem_and_earn, id: &str| Account {
        id: id.into(),
        weights: Weights::Cart(10_000),
        redeem_and_earn,
        ..points_account()
    };
    let of = |mut entrant: Entrant, redeem_and_earn, id| {
        entrant.scene.account = Some(account(redeem_and_earn, id));
        entrant
    };
    let by_weight = || Effect::Points { points: Points::ByWeight, times: Times::ONCE };
    let spend = || Effect::Spend { amount: 20, times: Times::ONCE };
    let program = |rule| of(automatic("program", vec![by_weight()]).number(-5), rule, "stars");
    let reward = |rule, id| of(code("reward", vec![spend(), percent("20")]), rule, id);
    let (on, out) = (RedeemAndEarn::Earns, RedeemAndEarn::EarnsNothing);
    check_stack(
        &table,
        &[reward(on, "stars"), program(on)],
        "program 0 earn 4; reward 10000 spend 20; left 40000",
    );
    check_stack(&table, &[reward(out, "stars"), program(out)], "reward 10000 spend 20; left 40000");
    check_stack(
        &table,
        &[reward(out, "others"), program(out)],
        "program 0 earn 4; reward 10000 spend 20; left 40000",
    );
    // A code that earns nothing in the end is refused like any other without effect.
    let collect = of(code("collect", vec![by_weight()]), on, "stars");
    let dear = code("dear", vec![off(45_000)]);
    check_stack(&table, &[collect.clone(), dear.clone()], "#0 165 no_effect");
    check_stack(
        &table.clone().partial(),
        &[collect.clone(), dear],
        "dear 45000; left 5000; out #0 165 no_effect",
    );
    check_stack(&table, std::slice::from_ref(&collect), "collect 0 earn 5; left 50000");
    // Nor does it leave a trace where it took from one line and added to another.
    table.order.lines = lines("x x 1 300, y x 1 700");
    table.order.total_minor = None;
    let free = Item { pick: Pick::Cheapest, worth: share("100"), every: None, pieces_max: None };
    let shifts = collect
        .with(|c| c.effects.splice(..0, [Effect::Item(free), surcharge(300)]).for_each(drop));
    let stack = table.partial().stack(&[shifts, code("one", vec![off(100)]).number(1)]).unwrap();
    assert_eq!(stack.parts.len(), 1);
    assert_eq!(stack.running.lines_minor(), [300, 600]);
}

#[test]
fn the_rest_goes_on_as_if_who_is_left_out_had_not_been_there() {
    let table = Table::of(10_000).partial();
    let good = code("good", vec![off(100)]);
    let units = code("units", vec![off(9_000)]).with(|c| c.units = 2..=4);
    check_stack(
        &table,
        &[units.clone(), good.clone()],
        "good 100; left 9900; out #0 177 units_out_of_range max=4",
    );
    let ended = code("ended", vec![off(1)]).with(|c| c.status = Status::Ended);
    check_stack(
        &table,
        &[good, units.clone(), ended.clone()],
        "good 100; left 9900; out #1 177 units_out_of_range max=4; out #2 112 campaign_ended",
    );
    check_stack(&table, &[units.clone(), ended.clone()], "#0 177 units_out_of_range max=4");
    check_stack(&table, &[ended], "#0 112 campaign_ended");
}

#[test]
fn leaving_takes_no_part() {
    let mut table = Table::of(10_000).slot("members", NeedsCode::Mandatory);
    table.policy = Policy::default();
    table.order.passage = Passage::Exit;
    let pass = |name| code(name, vec![percent("20")]).excludes("passes");
    let two = [pass("a"), pass("b"), automatic("gift", vec![off(7)])];
    let stack = table.stack(&two).unwrap();
    assert_eq!(stack.parts.to_vec(), [(0, Offer::default()), (1, Offer::default())]);
    check_stack(&table, &[pass("a"), pass("a")], "#1 160 already_applied conflicts_with=a");
    let mut stolen = pass("a");
    stolen.scene.code.state = CodeState::Revoked;
    check_stack(&table, &[pass("b"), stolen], "#1 102 code_revoked");
}

fn any_entrants() -> impl Strategy<Value = (Order<'static>, Vec<Entrant>)> {
    let stacking = (-1_i32..2, 0_u8..4, 0_u8..4, any::<bool>());
    let entrant = (any_rules(), stacking, any::<bool>());
    (any_order(), vec(entrant, 1..6)).prop_map(|(order, all)| {
        let mut entrants: Vec<Entrant> = Vec::new();
        for (n, (rules, (order_number, exclusion, best, stops), is_code)) in
            all.into_iter().enumerate()
        {
            let mut entrant = code(&format!("c{n}"), Vec::new()).number(order_number);
            let scene = ruled(&order, rules);
            entrant.scene.campaign.effects = scene.campaign.effects;
            entrant.scene.campaign.conditions = scene.campaign.conditions;
            entrant.scene.campaign.no_effect = scene.campaign.no_effect;
            entrant.scene.campaign.balance_minor = scene.campaign.balance_minor;
            entrant.is_code = is_code;
            if exclusion < 2 {
                entrant = entrant.excludes(&format!("e{exclusion}"));
            }
            if best < 2 {
                entrant = entrant.best_of(&format!("b{best}"));
            }
            entrants.push(if stops { entrant.stops() } else { entrant });
        }
        // Codes come first.
        entrants.sort_by_key(|entrant| !entrant.is_code);
        (order, entrants)
    })
}

proptest! {
    #[test]
    fn the_order_of_application_is_fixed_and_nothing_is_lost(
        (order, entrants) in any_entrants(),
        is_partial in any::<bool>(),
    ) {
        let mode = if is_partial { StackMode::Partial } else { StackMode::AllOrNothing };
        let table = Table { order, mode, ..Table::of(0) };
        let codes = entrants.iter().filter(|entrant| entrant.is_code).count();
        // What applies by itself does so in its own order, however it is listed.
        let mut turned = entrants.clone();
        turned[codes..].reverse();
        let names = |stack: &Stack, of: &[Entrant]| -> Vec<String> {
            stack.parts.iter().map(|(place, _)| of[*place].name.clone()).collect()
        };
        match (table.stack(&entrants), table.stack(&turned)) {
            (Ok(stack), Ok(again)) => {
                prop_assert_eq!(names(&stack, &entrants), names(&again, &turned));
                prop_assert_eq!(&stack.running, &again.running);
                let worth: i64 = stack.parts.iter().map(|(_, offer)| offer.worth_minor).sum();
                let left = stack.running.total_minor();
                prop_assert_eq!(left, table.order.total().map(|total| total - worth));
                let place = |place: usize| {
                    let entrant = &entrants[place];
                    let number = entrant.scene.campaign.stacking.order_number;
                    (number, !entrant.is_code, place)
                };
                prop_assert!(stack.parts.is_sorted_by_key(|(at, _)| place(*at)));
                let applied = stack.parts.iter().filter(|(at, _)| entrants[*at].is_code).count();
                prop_assert_eq!(applied + stack.left_out.len(), codes);
                prop_assert!(is_partial || stack.left_out.is_empty());
                prop_assert!(codes == 0 || applied > 0);
            }
            (stack, again) => prop_assert_eq!(stack.unwrap_err(), again.unwrap_err()),
        }
    }

    #[test]
    fn a_lone_code_is_judged_like_one_of_several(order in any_order(), rules in any_rules()) {
        let table = Table { order: order.clone(), ..Table::of(0) };
        let mut entrant = code("one", Vec::new());
        let campaign = ruled(&order, rules).campaign;
        entrant.scene.campaign = Campaign { id: entrant.scene.campaign.id, ..campaign };
        let ended = automatic("ended", vec![off(1)]).with(|c| c.status = Status::Ended);
        prop_assert_eq!(table.stack(&[entrant.clone()]), table.stack(&[entrant, ended]));
    }
}

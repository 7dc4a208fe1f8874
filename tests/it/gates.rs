//! A park over the wire: passes, days, parties, gates, zones, validity.

use crate::house::check;

const SEASON: &str = r#"
id = "season"
kind = "pass"
zone = "Europe/Vienna"
limits = [{ scope = "code", period = "day", max = 1 }]
"#;

const TEN: &str = r#"
id = "ten"
kind = "pass"
zone = "Europe/Vienna"
uses = 10
units = { max = 4 }
"#;

#[test]
fn a_season_pass_admits_once_a_day() {
    check(
        &[(SEASON, "ANNA\nBERT")],
        "
        at 2026-06-15T10:00:00+02:00
                redeem a ANNA gate=north => redeemed size=1 live=1 ordinal=1 remaining=-
        +60000  redeem b ANNA gate=south => period_limit number=174 transient=true code=0 all=scope:code;limit:uses_per_day;used:1;held:0;max:1;resets:2026-06-15T22:00:00.000Z
                redeem c BERT            => redeemed ordinal=1
        at 2026-06-15T23:59:59.999+02:00
                validate ANNA            => period_limit resets=2026-06-16T00:00:00+02:00
                redeem b ANNA gate=south => period_limit
        at 2026-06-16T00:00:00+02:00
                validate ANNA            => valid
                redeem b ANNA gate=south => redeemed ordinal=2   # a refused id is not used up
                redeem a ANNA gate=north => again redeemed same=true
                redeem d ANNA            => period_limit resets=2026-06-17T00:00:00+02:00",
    );
}

#[test]
fn days_of_23_and_25_hours_are_days() {
    check(
        &[(SEASON, "ANNA")],
        "
        at 2026-03-28T23:59:59.999+01:00 redeem a ANNA => redeemed
        at 2026-03-29T00:00:00+01:00     redeem b ANNA => redeemed ordinal=2
                                         redeem c ANNA => period_limit resets=2026-03-30T00:00:00+02:00
        +82799999                        redeem c ANNA => period_limit   # 23 h less 1 ms
        +1                               redeem c ANNA => redeemed ordinal=3
        at 2026-10-25T00:00:00+02:00     redeem d ANNA => redeemed
                                         redeem e ANNA => period_limit resets=2026-10-26T00:00:00+01:00
        at 2026-10-25T02:30:00+02:00     redeem e ANNA => period_limit
        at 2026-10-25T02:30:00+01:00     redeem e ANNA => period_limit   # the same wall clock again
        at 2026-10-25T23:59:59.999+01:00 redeem e ANNA => period_limit   # 25 h less 1 ms
        +1                               redeem e ANNA => redeemed",
    );
}

#[test]
fn days_weeks_and_months_begin_where_the_campaign_says() {
    const NIGHT: &str = r#"
id = "night"
kind = "pass"
zone = "Europe/Vienna"
day_begins = "04:00"
limits = [{ scope = "code", period = "day", max = 1 }]
"#;
    const WEEK: &str = r#"
id = "week"
kind = "pass"
zone = "Europe/Vienna"
week_begins = "sunday"
limits = [{ scope = "code", period = "week", max = 1 }, { scope = "code", period = "month", max = 2 }]
"#;
    check(
        &[(NIGHT, "OWL"), (WEEK, "WEEKLY")],
        "
        at 2026-06-15T23:30:00+02:00     redeem a OWL => redeemed
        at 2026-06-16T03:59:59.999+02:00 redeem b OWL => period_limit resets=2026-06-16T04:00:00+02:00
        +1                               redeem b OWL => redeemed
        at 2026-06-20T23:00:00+02:00     redeem m WEEKLY => redeemed
                                         redeem n WEEKLY => period_limit resets=2026-06-21T00:00:00+02:00
        at 2026-06-21T00:00:00+02:00     redeem n WEEKLY => redeemed
        at 2026-06-28T00:00:00+02:00     redeem o WEEKLY => period_limit limit=uses_per_month used=2 resets=2026-07-01T00:00:00+02:00
        at 2026-07-01T00:00:00+02:00     redeem o WEEKLY => redeemed",
    );
}

#[test]
fn a_released_entry_can_be_used_again() {
    check(
        &[(SEASON, "ANNA")],
        "
        redeem a ANNA       => redeemed
        redeem b ANNA       => period_limit
        release a as=r      => released live=0 size=1
        release a as=r      => again released same=true
        release a as=s      => already_released
        redeem b ANNA       => redeemed ordinal=1
        redeem c ANNA       => period_limit
        release a as=r      => again released     # and gives nothing back a second time
        redeem c ANNA       => period_limit
        at 2026-06-18T12:00:00+02:00
        release b           => released           # late: the day is over, today is untouched
        redeem c ANNA       => redeemed
        redeem d ANNA       => period_limit used=1",
    );
}

#[test]
fn an_entry_belongs_to_the_day_on_which_it_was_held() {
    check(
        &[(SEASON, "ANNA")],
        "
        at 2026-06-15T23:59:30+02:00 hold a ANNA ttl=60000 => held
                                     redeem b ANNA         => held retry=60000 scope=code limit=uses_per_day
        at 2026-06-16T00:00:10+02:00 redeem b ANNA         => redeemed   # that is another day's
        +1000                        confirm a             => redeemed
                                     redeem c ANNA         => period_limit used=1
                                     release b             => released
                                     redeem c ANNA         => redeemed",
    );
}

#[test]
fn distinct_days_are_counted_not_entries() {
    const THREE_DAYS: &str = r#"
id = "three-days"
kind = "pass"
zone = "Europe/Vienna"
limits = [{ scope = "code", counts = "days", max = 3 }]
"#;
    check(
        &[(THREE_DAYS, "ANNA")],
        "
        at 2026-06-15T10:00:00+02:00 redeem a ANNA => redeemed remaining=2
        at 2026-06-15T14:00:00+02:00 redeem b ANNA => redeemed remaining=2
        at 2026-06-17T10:00:00+02:00 redeem c ANNA => redeemed remaining=1
        at 2026-06-20T10:00:00+02:00 redeem d ANNA => redeemed remaining=0
                                     redeem e ANNA => redeemed remaining=0
        at 2026-06-21T10:00:00+02:00 redeem f ANNA => usage_limit code=0 all=scope:code;limit:days;used:3;held:0;max:3
        at 2026-06-20T20:00:00+02:00 release d     => released
        at 2026-06-21T10:00:00+02:00 redeem f ANNA => usage_limit   # e still makes it a day
                                     release e     => released
                                     redeem f ANNA => redeemed remaining=0",
    );
}

#[test]
fn a_party_takes_units_and_gives_some_back() {
    check(
        &[(TEN, "FAMILY-2026")],
        "
        redeem a family/2026   => code_malformed
        validate Fam.ily2o26   => valid
        redeem a family2026 units=4 => redeemed size=4 live=4 units=4 remaining=6 ordinal=4
        release a part=1       => redeemed live=3 remaining=7
        code FAMILY-2026       => ready used=3 max=10
        redeem b FAMILY-2026 units=5 => units_out_of_range code=0 all=max:4
        redeem b FAMILY-2026 units=0 => units_out_of_range
        redeem b FAMILY-2026 units=4 => redeemed remaining=3
        redeem c FAMILY-2026 units=4 => units_exceed_remaining all=scope:code;limit:uses;used:7;held:0;max:10
        redeem c FAMILY-2026 units=3 => redeemed remaining=0 ordinal=10
        redeem d FAMILY-2026   => usage_limit transient=false all=scope:code;limit:uses;used:10;held:0;max:10
        code FAMILY-2026       => used used=10
        release b part=3       => redeemed live=1 remaining=3
        release b part=2       => release_exceeds max=1
        release b              => released live=0 remaining=4
        redeem d FAMILY-2026   => redeemed remaining=3",
    );
}

#[test]
fn a_pass_cannot_be_handed_back_over_the_fence() {
    const GUARDED: &str = r#"
id = "guarded"
kind = "pass"
passback = { interval = "10m" }
"#;
    check(
        &[(GUARDED, "ANNA")],
        "
                redeem a ANNA => redeemed
        +1      redeem b ANNA => too_soon transient=true code=0 all=retry:599999
        +599998 redeem b ANNA => too_soon retry=1
        +1      redeem b ANNA => redeemed      # refused tries do not set the clock back
        +1000   redeem c ANNA => too_soon retry=599000
                release b     => released
                redeem c ANNA => redeemed      # what was given back is no entry
        +600000 validate ANNA => valid",
    );
}

#[test]
fn who_is_inside_must_leave_before_entering() {
    const ZONES: &str = r#"
id = "zones"
kind = "pass"
zone = "Europe/Vienna"
uses = 5
passback = { zones = "followed" }
"#;
    check(
        &[(ZONES, "ANNA\nBERT")],
        "
        at 2026-06-15T10:00:00+02:00
        redeem a ANNA out=pool  => entry_required transient=true code=0
        redeem b ANNA in=pool   => redeemed remaining=4
        redeem c ANNA in=pool   => exit_required
        redeem d ANNA out=sauna => wrong_zone
        redeem e BERT in=pool   => redeemed
        redeem f ANNA out=pool  => redeemed
        code ANNA               => ready used=1       # leaving takes no use
        redeem g ANNA out=pool  => entry_required
        redeem h ANNA in=sauna  => redeemed remaining=3
        pause zones
        redeem i ANNA in=pool   => campaign_paused
        redeem j ANNA out=sauna => redeemed           # nobody is kept inside
        resume zones
        redeem k ANNA in=pool   => redeemed remaining=2
        release k               => released           # was not inside after all
        redeem l ANNA in=pool   => redeemed remaining=2
        at 2026-06-16T00:00:00+02:00
        redeem m ANNA out=pool  => entry_required     # everybody is out at the end of the day
        redeem n ANNA in=pool   => redeemed remaining=1",
    );
}

#[test]
fn gates_and_properties_are_sets() {
    const GATES: &str = r#"
id = "gates"
kind = "pass"
conditions = [
  { type = "gate", only = ["north", "south"] },
  { type = "property", not = ["museum"] },
]
"#;
    check(
        &[(GATES, "ANNA")],
        "
        redeem a ANNA gate=north property=park   => redeemed
        redeem b ANNA gate=west property=park    => gate_not_eligible number=137 code=0 all=rule:gate
        redeem b ANNA gate=west property=museum  => property_not_eligible all=rule:property
        redeem b ANNA property=park              => input_missing all=missing:gate;rule:gate
        redeem b ANNA gate=North property=park   => gate_not_eligible
        redeem b ANNA gate=south property=park   => redeemed",
    );
}

#[test]
fn a_pass_shows_its_holder_and_knows_another() {
    check(
        &[(SEASON, "code,holder\nANNA,anna-1")],
        "
        validate ANNA                => valid holder=anna-1
        redeem a ANNA customer=bert  => not_holder code=0 all=rule:holder
        redeem a ANNA                => redeemed holder=anna-1
        redeem a ANNA                => again redeemed same=true
        code ANNA                    => ready holder=anna-1 used=1",
    );
}

#[test]
fn validity_runs_from_the_first_use() {
    let cases = [
        ("count = 365, unit = \"days\"", "2027-06-15T00:00:00+02:00"),
        ("count = 1, unit = \"days\"", "2026-06-16T00:00:00+02:00"),
        ("count = 2, unit = \"weeks\"", "2026-06-29T00:00:00+02:00"),
        ("count = 1, unit = \"months\"", "2026-07-15T00:00:00+02:00"),
        ("count = 1, unit = \"years\"", "2027-06-15T00:00:00+02:00"),
        ("count = 36, unit = \"hours\"", "2026-06-17T06:00:00+02:00"),
    ];
    let (mut campaigns, mut script) = (Vec::new(), String::new());
    for (nr, (relative, end)) in cases.into_iter().enumerate() {
        campaigns.push((
            format!(
                "id = \"c{nr}\"\nkind = \"pass\"\nzone = \"Europe/Vienna\"\n\
                 validity.relative = {{ since = \"first_use\", {relative} }}\n"
            ),
            format!("ANNA{nr}"),
        ));
        let before = moment_before(end);
        script += &format!(
            "
            at 2026-06-01T12:00:00+02:00 hold h{nr} ANNA{nr} ttl=60000 => held   # no use yet
            +60000                       status h{nr}          => expired
            at 2026-06-02T12:00:00+02:00 redeem w{nr} ANNA{nr} => redeemed
                                         release w{nr}         => released
            at 2026-06-15T18:00:00+02:00 redeem a{nr} ANNA{nr} => redeemed
                                         code ANNA{nr}         => ready until={end}
            at {before}                  redeem b{nr} ANNA{nr} => redeemed
            at {end}                     redeem c{nr} ANNA{nr} => expired number=121 all=
                                         redeem b{nr} ANNA{nr} => again redeemed same=true
                                         code ANNA{nr}         => expired\n"
        );
    }
    let campaigns: Vec<(&str, &str)> =
        campaigns.iter().map(|(toml, code)| (toml.as_str(), code.as_str())).collect();
    check(&campaigns, &script);
}

fn moment_before(end: &str) -> String {
    crate::house::moment(end).plus_ms(-1).to_rfc3339()
}

#[test]
fn the_last_day_is_included() {
    const SUMMER: &str = r#"
id = "summer"
kind = "pass"
zone = "Europe/Vienna"
validity = { from = "2026-06-01", until = "2026-08-31" }
"#;
    check(
        &[(SUMMER, "code,valid_until\nANNA,\nBERT,2026-06-20\nCARL,2026-09-15")],
        "
        at 2026-05-31T23:59:59.999+02:00 redeem a ANNA => not_started transient=true all=next:2026-05-31T22:00:00.000Z
        at 2026-06-01T00:00:00+02:00     redeem a ANNA => redeemed
        at 2026-06-20T23:59:59.999+02:00 redeem b BERT => redeemed
        at 2026-06-21T00:00:00+02:00     redeem c BERT => expired
        at 2026-08-31T23:59:59.999+02:00 redeem d ANNA => redeemed
        at 2026-09-01T00:00:00+02:00     redeem e ANNA => expired transient=false
        at 2026-09-15T23:59:59.999+02:00 redeem f CARL => redeemed   # its own last day
        at 2026-09-16T00:00:00+02:00     redeem g CARL => expired",
    );
}

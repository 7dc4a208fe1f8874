//! The language as others see it: golden frames, growth, limits, hostile bytes.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod hostile;
mod oracle;

use std::fs;

use smallvec::smallvec;

use super::*;

const ID: Id = Id(*b"\x01\x99\xe4\xa2\x7b\x8c\x7d\x31\xa0\xf3\xc2\xd4\xe5\xf6\x07\x18");
const RELEASE_ID: Id = Id(*b"\x01\x99\xe4\xa2\x7b\x8c\x7d\x31\xa0\xf3\xc2\xd4\xe5\xf6\x07\x19");
const NOW_MS: i64 = 1_763_000_000_123;

/// Kept for ever, so that messages with static texts can be compared with what is read from it.
fn golden(name: &str) -> &'static [u8] {
    let path = format!("{}/tests/fixtures/frames/{name}.hex", env!("CARGO_MANIFEST_DIR"));
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    text.lines()
        .filter(|line| !line.starts_with('#'))
        .flat_map(str::split_whitespace)
        .map(|byte| u8::from_str_radix(byte, 16).unwrap())
        .collect::<Vec<u8>>()
        .leak()
}

fn body(frame: &[u8]) -> &[u8] {
    let mut frames = Frames::new(frame);
    let body = frames.next().unwrap().unwrap();
    assert_eq!(frames.consumed(), frame.len(), "one whole frame");
    body
}

#[track_caller]
fn check_request(name: &str, seq: u32, request: &Request<&'static str>) {
    let frame = golden(name);
    assert_eq!(Request::decode(body(frame)), Ok((seq, request.clone())), "{name} is read");
    let head = Head::read(body(frame)).unwrap();
    let changes = (Head::REDEEM..=Head::EXTEND).contains(&head.kind);
    assert_eq!(changes, request.id().is_some(), "{name} is known by its kind");
    let deadline_ms = if changes { request.deadline_ms() } else { 0 };
    assert_eq!((head.seq, head.deadline_ms), (seq, deadline_ms), "{name} is known by its head");
    let mut out = b"before".to_vec();
    request.encode(seq, &mut out).unwrap();
    assert_eq!(out, [b"before", frame].concat(), "{name} is written");
}

#[track_caller]
fn check_reply(name: &str, seq: u32, reply: &Reply<&'static str>) {
    let frame = golden(name);
    let (read_seq, read) = Reply::decode(body(frame)).unwrap();
    assert_eq!((read_seq, &read), (seq, reply), "{name} is read");
    let mut out = Vec::new();
    reply.encode(seq, &mut out).unwrap();
    assert_eq!(out, frame, "{name} is written");
    out.clear();
    read.into_owned().encode(seq, &mut out).unwrap();
    assert_eq!(out, frame, "{name} is kept whole");
}

fn line<'a>(
    product: &'a str,
    category: &'a str,
    quantity: u32,
    amount_minor: i64,
) -> Line<&'a str> {
    Line { product, category, quantity, amount_minor, ..Line::default() }
}

/// Everything that an order can say of a gate and a cart.
fn full_order() -> Order<&'static str> {
    Order {
        customer: Some("guest-81"),
        customer_groups: smallvec!["vip", "staff"],
        gate: Some("north"),
        property: Some("aquapark"),
        channel: Some("gate"),
        partner: Some("groupon"),
        brand: Some("splash"),
        currency: Some("EUR"),
        total_minor: Some(50_000),
        lines: smallvec![line("adult", "ticket", 2, 40_000), line("locker", "", 1, 10_000),],
        units: 3,
        amount_minor: Some(1_500),
        order_ref: Some("order-2026-11"),
        zone: Some("slides"),
        passage: Passage::Entry,
        ..Order::default()
    }
}

/// Everything that an order can say of a stay.
fn stay<'a>() -> Order<&'a str> {
    Order {
        currency: Some("EUR"),
        total_minor: Some(60_000),
        lines: smallvec![
            Line {
                product_type: "room",
                theme: "wellness",
                region: "tyrol",
                ..line("suite", "", 1, 40_000)
            },
            Line { product_type: "programme", ..line("massage", "spa", 2, 15_000) },
            Line { region: "tyrol", ..line("transfer", "", 1, 5_000) },
        ],
        nights: Some(4),
        arrival_day: Some(20_574),
        departure_day: Some(20_578),
        booked_day: Some(20_400),
        adults: Some(2),
        children: Some(1),
        persons: Some(3),
        first_order: Some(true),
        trigger: Trigger::Referral,
        slot: Some("summer-2026"),
        ..Order::default()
    }
}

fn redeem_at_north() -> Request<&'static str> {
    Request::Redeem(Redeem {
        deadline_ms: 250,
        id: ID,
        codes: smallvec!["PARK-7K3M-9Q2X"],
        order: Order { gate: Some("north"), ..Order::default() },
        ..Redeem::default()
    })
}

fn redeem_plain() -> Request<&'static str> {
    Request::Redeem(Redeem { id: ID, codes: smallvec!["A", "B"], ..Redeem::default() })
}

#[test]
fn golden_requests() {
    let hello = Hello { client: "gate-firmware/2.1", token: "jt_5f2c" };
    check_request("hello", 1, &Request::Hello(hello));
    let validate = Validate {
        deadline_ms: 250,
        codes: smallvec!["SOMMER-2026"],
        order: full_order(),
        exact: true,
        explain: true,
        ..Validate::default()
    };
    check_request("validate", 2, &Request::Validate(validate));
    check_request("redeem", 3, &redeem_at_north());
    check_request("redeem_plain", 4, &redeem_plain());
    let hold = Hold {
        deadline_ms: 2000,
        id: ID,
        codes: smallvec!["SOMMER-2026"],
        order: Order {
            currency: Some("EUR"),
            total_minor: Some(50_000),
            order_ref: Some("order-2026-11"),
            ..Order::default()
        },
        ttl_ms: 120_000,
        ..Hold::default()
    };
    check_request("hold", 5, &Request::Hold(hold));
    let confirm = Confirm { deadline_ms: 2000, id: ID, part: 0 };
    check_request("confirm", 6, &Request::Confirm(confirm));
    let release =
        Release { deadline_ms: 2000, release_id: RELEASE_ID, id: ID, part: 2, codes: smallvec![] };
    check_request("release", 7, &Request::Release(release));
    let extend = Extend { deadline_ms: 2000, id: ID, ttl_ms: 120_000 };
    check_request("extend", 8, &Request::Extend(extend));
    check_request("status", 9, &Request::Status(StatusQuery { deadline_ms: 2000, id: ID }));
    let code = CodeQuery { deadline_ms: 2000, code: "PARK-7K3M-9Q2X" };
    check_request("code", 10, &Request::Code(code));
    check_request("ping", 11, &Request::Ping);
}

fn hold_dry() -> Request<&'static str> {
    Request::Hold(Hold {
        deadline_ms: 250,
        id: ID,
        codes: smallvec!["A"],
        ttl_ms: 120_000,
        options: Options { dry: true, ..Options::default() },
        ..Hold::default()
    })
}

#[test]
fn golden_requests_of_orders() {
    let validate = Validate {
        deadline_ms: 250,
        codes: smallvec!["SOMMER-2026", "PUNKTE-77"],
        order: stay(),
        options: Options { partial: true, now_ms: Some(NOW_MS), dry: false },
        ..Validate::default()
    };
    check_request("validate_stay", 12, &Request::Validate(validate));
    let without_code = Validate {
        order: Order { currency: Some("EUR"), total_minor: Some(60_000), ..Order::default() },
        ..Validate::default()
    };
    check_request("validate_no_code", 13, &Request::Validate(without_code));
    let partial = Redeem {
        deadline_ms: 250,
        id: ID,
        codes: smallvec!["A", "B"],
        order: Order { arrival_day: Some(-1), ..Order::default() },
        options: Options { partial: true, ..Options::default() },
    };
    check_request("redeem_partial", 14, &Request::Redeem(partial));
    check_request("hold_dry", 15, &hold_dry());
    let release =
        Release { release_id: RELEASE_ID, id: ID, codes: smallvec!["B"], ..Release::default() };
    check_request("release_code", 16, &Request::Release(release));
}

fn accepted_valid() -> Accepted<&'static str> {
    Accepted {
        state: State::Valid,
        at_ms: NOW_MS,
        size: 1,
        currency: "EUR",
        total_before_minor: 50_000,
        total_after_minor: -1,
        uses: smallvec![
            Use {
                campaign: "minus-100",
                version: 1,
                kind: CampaignKind::Discount,
                units: 1,
                worth_minor: 10_000,
                products: smallvec![Product { product: "drink", quantity: 2 }],
                ..Use::default()
            },
            Use {
                campaign: "gift",
                version: 7,
                kind: CampaignKind::Voucher,
                units: 1,
                worth_minor: 1_500,
                ordinal: 12,
                remaining: Some(0),
                balance_minor: Some(70_000),
                code_index: 1,
                ..Use::default()
            },
            Use {
                campaign: "auto",
                version: 1,
                kind: CampaignKind::Surcharge,
                worth_minor: -300,
                code_index: NO_CODE,
                ..Use::default()
            },
        ],
        ..Accepted::default()
    }
}

#[test]
fn golden_yes() {
    let welcome = Welcome {
        server: "jeton/0.1.0",
        tenant: "park",
        role: "gate",
        lanes_max: 16,
        in_flight_max: 1024,
        now_ms: NOW_MS,
    };
    check_reply("welcome", 1, &Reply::Welcome(welcome));
    let redeemed = Accepted {
        state: State::Redeemed,
        id: Some(ID),
        event: 41_207,
        at_ms: NOW_MS,
        size: 1,
        live: 1,
        uses: smallvec![Use {
            campaign: "season-pass",
            version: 3,
            kind: CampaignKind::Pass,
            units: 1,
            ordinal: 41_207,
            remaining: Some(58_793),
            holder: Some("J. Novák"),
            ..Use::default()
        }],
        ..Accepted::default()
    };
    check_reply("accepted_redeemed", 3, &Reply::Accepted(redeemed));
    check_reply("accepted_valid", 2, &Reply::Accepted(accepted_valid()));
    let counted_earlier = Accepted {
        state: State::Valid,
        at_ms: NOW_MS,
        size: 1,
        uses: smallvec![Use {
            campaign: "season-pass",
            version: 3,
            kind: CampaignKind::Pass,
            units: 1,
            remaining: Some(58_793),
            ..Use::default()
        }],
        counts_age_ms: Some(417),
        ..Accepted::default()
    };
    check_reply("accepted_aged", 12, &Reply::Accepted(counted_earlier));
    let status = CodeStatus {
        campaign: "season-pass",
        version: 3,
        kind: CampaignKind::Pass,
        campaign_status: CampaignStatus::Active,
        code_state: CodeState::Ready,
        used: 12,
        held: 1,
        max: Some(20),
        valid_from_ms: Some(1_760_000_000_000),
        valid_to_ms: Some(1_790_000_000_000),
        holder: Some("J. Novák"),
        last_used_ms: Some(NOW_MS),
        ..CodeStatus::default()
    };
    check_reply("code_status", 10, &Reply::CodeStatus(status));
    check_reply("pong", 11, &Reply::Pong(Pong { now_ms: NOW_MS }));
}

fn accepted_at_a_gate() -> Accepted<&'static str> {
    Accepted {
        state: State::Redeemed,
        id: Some(ID),
        event: 41_207,
        at_ms: NOW_MS,
        size: 1,
        live: 1,
        uses: smallvec![Use {
            campaign: "season-pass",
            version: 3,
            kind: CampaignKind::Pass,
            units: 1,
            ordinal: 41_207,
            remaining: Some(58_793),
            holder: Some("J. Novák"),
            details: UseDetails {
                photo: Some("photo-81"),
                last_entry_ms: Some(NOW_MS - 3_600_000),
                ..UseDetails::default()
            },
            ..Use::default()
        }],
        ..Accepted::default()
    }
}

#[test]
fn golden_yes_to_orders() {
    let gift = Use {
        campaign: "gift",
        version: 7,
        kind: CampaignKind::Voucher,
        units: 1,
        worth_minor: 20_000,
        ordinal: 1,
        remaining: Some(0),
        balance_minor: Some(0),
        details: UseDetails {
            original_minor: Some(25_000),
            forfeited_minor: 5_000,
            lines_minor: vec![20_000, 0, 0, 0],
            ..UseDetails::default()
        },
        ..Use::default()
    };
    let switch = |product, to| ProductSwitch { product, to };
    let by_itself = Use {
        campaign: "night-4-free",
        version: 2,
        kind: CampaignKind::Discount,
        units: 1,
        worth_minor: 10_000,
        products: smallvec![Product { product: "drink", quantity: 2 }],
        code_index: NO_CODE,
        details: UseDetails {
            account: Some(UseOfAccount {
                account: "stars",
                spent: 20,
                earned: 300,
                balance: Some(1_280),
                currency: "",
            }),
            switches: vec![switch("suite", "bookable"), switch("late-checkout", "exempt")],
            lines_minor: vec![10_000, 0, 0, 0],
            ..UseDetails::default()
        },
        ..Use::default()
    };
    let stack = Accepted {
        at_ms: NOW_MS,
        size: 1,
        currency: "EUR",
        total_before_minor: 60_000,
        total_after_minor: 30_000,
        uses: smallvec![gift, by_itself],
        left_out: vec![Refused {
            number: 150,
            reason: "slot_not_accepted",
            code_index: 1,
            transient: false,
            details: Details {
                rule: Some("slot"),
                text: Some("Not for this date."),
                ..Details::default()
            },
        }],
        ..Accepted::default()
    };
    check_reply("accepted_stack", 12, &Reply::Accepted(stack));
    check_reply("accepted_gate", 3, &Reply::Accepted(accepted_at_a_gate()));
}

#[test]
fn golden_no() {
    let refused = Refused {
        number: 174,
        reason: "period_limit",
        code_index: 0,
        transient: true,
        details: Details {
            scope: Some("code"),
            limit: Some("per-day"),
            used: Some(3),
            held: Some(1),
            max: Some(4),
            retry_after_ms: Some(3_600_000),
            resets_at_ms: Some(NOW_MS + 3_600_000),
            next_valid_at_ms: Some(NOW_MS + 7_200_000),
            missing: Some("customer"),
            conflicts_with: Some("minus-100"),
            rule: Some("R7"),
            last_used_ms: Some(NOW_MS - 5_000),
            last_gate: Some("south"),
            text: Some("Heute schon dreimal benutzt"),
            off_by: None,
        },
    };
    check_reply("refused", 3, &Reply::Refused(refused));
    let too_little = Refused {
        number: 144,
        reason: "amount_below_min",
        code_index: 0,
        transient: false,
        details: Details { rule: Some("amount"), off_by: Some(1), ..Details::default() },
    };
    check_reply("refused_amount", 5, &Reply::Refused(too_little));
    let busy = Refused { number: 222, reason: "busy", transient: true, ..Refused::default() };
    check_reply("refused_busy", 4, &Reply::Refused(busy));
    check_reply("goaway", 0, &Reply::GoAway(GoAway { drain_ms: 10_000 }));
    let message = "kind at byte 1: expected an integer, found format byte 0xa1";
    let number = Fault::Malformed.number();
    check_reply("error", 0, &Reply::Error(ErrorReply { number, message }));
}

#[test]
fn newer_and_older_sides_are_understood() {
    let newer = golden("newer_redeem");
    assert_eq!(Request::decode(body(newer)), Ok((3, redeem_at_north())));
    let older = golden("older_redeem");
    assert_eq!(Request::decode(body(older)), Ok((4, redeem_plain())));
    let hold = golden("newer_hold");
    assert_eq!(Request::decode(body(hold)), Ok((15, hold_dry())));
    let accepted = Reply::Accepted(accepted_at_a_gate());
    assert_eq!(Reply::decode(body(golden("newer_accepted"))), Ok((3, accepted)));
    let pong = golden("newer_pong");
    assert_eq!(Reply::decode(body(pong)), Ok((11, Reply::Pong(Pong { now_ms: NOW_MS }))));
    // [129, 1, 9]: a state that only a newer server knows, and everything else left out.
    let accepted = Accepted { state: State::Other(9), ..Accepted::default() };
    assert_eq!(Reply::decode(b"\x93\xcc\x81\x01\x09"), Ok((1, Reply::Accepted(accepted))));
}

#[test]
fn every_fault_has_one_number() {
    for (number, fault) in Fault::ALL {
        assert_eq!(fault.number(), number);
        assert_eq!(Fault::from_number(number), Some(fault));
    }
    assert_eq!(Fault::from_number(0), None);
    assert_eq!(Fault::from_number(10), None);
}

#[test]
fn an_id_is_shown_as_a_uuid() {
    assert_eq!(ID.to_string(), "0199e4a2-7b8c-7d31-a0f3-c2d4e5f60718");
}

#[test]
fn decode_errors_say_where_and_why() {
    let check = |bytes: &[u8], fault: Fault, text: &str| {
        let error = Request::decode(bytes).unwrap_err();
        assert_eq!((error.fault(), error.to_string().as_str()), (fault, text), "{bytes:02x?}");
        error.seq
    };
    let bad = Fault::Malformed;
    check(b"", bad, "message at byte 0: needs 1 more bytes, has 0");
    check(b"\xa1x", bad, "message at byte 1: expected an array, found format byte 0xa1");
    check(b"\x90", bad, "kind at byte 1: missing");
    check(b"\x91\x09", bad, "seq at byte 2: missing");
    check(b"\x92\x09\x01\x00", bad, "message at byte 3: 1 bytes behind the message");
    check(b"\x92\x09\xff", bad, "seq at byte 3: expected a smaller, unsigned integer");
    let seq = check(b"\x92\x2a\x05", Fault::UnknownKind, "kind at byte 3: no message has kind 42");
    assert_eq!(seq, 5);
    check(b"\x93\x07\x05\x00", bad, "id at byte 4: missing");
    check(b"\x94\x07\x05\x00\xc0", bad, "id at byte 4: missing");
    check(b"\x94\x07\x05\x00\xc4\x0f", bad, "id at byte 6: expected 16 bytes");
    check(b"\x94\x07\x05\x00\xc4\x10xyz", bad, "id at byte 6: needs 16 more bytes, has 3");
    check(b"\x94\x08\x05\x00\xa2\xff\xff", bad, "code at byte 7: not UTF-8");
    check(b"\x93\x01\x05\x00", bad, "codes at byte 4: missing");
    let many = b"\x94\x01\x05\x00\xdc\x00\x11";
    check(many, Fault::LimitExceeded, "codes at byte 7: 17 exceeds the limit of 16");
    let long = b"\x94\x08\x05\x00\xda\x01\x01";
    check(long, Fault::LimitExceeded, "code at byte 7: 257 exceeds the limit of 256");
    let passage = b"\x95\x01\x05\x00\x91\xa1A\x81\x0f\x03";
    check(passage, bad, "passage at byte 10: expected 0, 1 or 2");
    let release =
        [b"\x97\x05\x05\x00\xc4\x10".as_slice(), &ID.0, b"\xc4\x10", &ID.0, b"\x01\x91\xa1A"];
    check(&release.concat(), bad, "part at byte 44: expected 0 where codes are given");
    let trigger = b"\x95\x01\x05\x00\x91\xa1A\x81\x18\x05";
    check(trigger, bad, "trigger at byte 10: expected 0 to 4");
    let arrival = b"\x95\x01\x05\x00\x91\xa1A\x81\x11\xce\x80\x00\x00\x00";
    check(arrival, bad, "arrival at byte 14: expected a day, counted from 1970-01-01");
    let currency = b"\x95\x01\x05\x00\x91\xa1A\x81\x08\xa2EU";
    check(currency, bad, "currency at byte 12: expected three letters");
}

#[test]
fn what_the_server_would_not_take_is_not_sent() {
    let check = |request: Request<&str>, expect: EncodeError| {
        let mut out = b"before".to_vec();
        assert_eq!(request.encode(1, &mut out), Err(expect));
        assert_eq!(out, b"before");
    };
    let long = "x".repeat(257);
    let limit = |what, found, max| EncodeError::Limit { what, found, max };
    let validate =
        |codes, order| Request::Validate(Validate { codes, order, ..Validate::default() });
    check(
        Request::Code(CodeQuery { deadline_ms: 0, code: &long }),
        limit("code", 257, CODE_LEN_MAX),
    );
    let codes = std::iter::repeat_n("A", 17).collect();
    check(validate(codes, Order::default()), limit("codes", 17, CODES_MAX));
    let gate = Order { gate: Some(&long[..129]), ..Order::default() };
    check(validate(smallvec!["A"], gate), limit("gate", 129, REFERENCE_LEN_MAX));
    let release = Release { part: 1, codes: smallvec!["A"], ..Release::default() };
    let zero = EncodeError::OutOfRange { what: "part", expected: "0 where codes are given" };
    check(Request::Release(release), zero);
    let slot = Order { slot: Some(&long[..129]), ..Order::default() };
    check(validate(smallvec!["A"], slot), limit("slot", 129, REFERENCE_LEN_MAX));
    let region = Line { region: &long[..129], ..Line::default() };
    let order = Order { lines: smallvec![region], ..Order::default() };
    check(validate(smallvec!["A"], order), limit("region", 129, REFERENCE_LEN_MAX));
    let letters = EncodeError::OutOfRange { what: "currency", expected: "three letters" };
    let euro = Order { currency: Some("€"), ..Order::default() };
    check(validate(smallvec!["A"], euro), letters);

    let message = "x".repeat(FRAME_LEN_MAX);
    let mut out = Vec::new();
    let error = Reply::Error(ErrorReply { number: 9, message: message.as_str() });
    let len = FRAME_LEN_MAX + 10;
    assert_eq!(error.encode(1, &mut out), Err(EncodeError::FrameTooLong { len }));
    assert!(out.is_empty());
    let longest = ErrorReply { number: 9, message: &message[8..] };
    Reply::Error(longest.clone()).encode(1, &mut out).unwrap();
    assert_eq!(body(&out).len(), FRAME_LEN_MAX);
    assert_eq!(Reply::decode(body(&out)), Ok((1, Reply::Error(longest))));
}

#[test]
fn what_a_use_tells_is_limited() {
    let check = |details: UseDetails<&str>, what, found, max| {
        let accepted =
            Accepted { uses: smallvec![Use { details, ..Use::default() }], ..Accepted::default() };
        let encoded = Reply::Accepted(accepted).encode(1, &mut Vec::new());
        assert_eq!(encoded, Err(EncodeError::Limit { what, found, max }));
    };
    let lines_minor = vec![1; PARTS_MAX + 1];
    let many_lines = UseDetails { lines_minor, ..UseDetails::default() };
    check(many_lines, "lines_minor", PARTS_MAX + 1, PARTS_MAX);
    let switches = vec![ProductSwitch::default(); SWITCHES_MAX + 1];
    let many_switches = UseDetails { switches, ..UseDetails::default() };
    check(many_switches, "switches", SWITCHES_MAX + 1, SWITCHES_MAX);
    let left_out = vec![Refused::<&str>::default(); CODES_MAX + 1];
    let encoded =
        Reply::Accepted(Accepted { left_out, ..Accepted::default() }).encode(1, &mut Vec::new());
    let too_many = EncodeError::Limit { what: "left_out", found: CODES_MAX + 1, max: CODES_MAX };
    assert_eq!(encoded, Err(too_many));
}

/// Only lines that say all at its longest are more than a frame: their sender is told.
#[test]
fn the_largest_request_fits_into_a_frame() {
    let mut out = Vec::new();
    let reference = "r".repeat(REFERENCE_LEN_MAX);
    let code = "c".repeat(CODE_LEN_MAX);
    let reference = reference.as_str();
    let line = Line {
        product: reference,
        category: reference,
        quantity: u32::MAX,
        amount_minor: i64::MIN,
        ..Line::default()
    };
    let order = Order {
        customer: Some(reference),
        customer_groups: smallvec![reference; GROUPS_MAX],
        gate: Some(reference),
        property: Some(reference),
        channel: Some(reference),
        partner: Some(reference),
        brand: Some(reference),
        order_ref: Some(reference),
        zone: Some(reference),
        slot: Some(reference),
        amount_minor: Some(i64::MIN),
        units: u32::MAX,
        passage: Passage::Exit,
        ..stay()
    };
    let order = Order { lines: smallvec![line; LINES_MAX], ..order };
    let hold = |order| {
        Request::Hold(Hold {
            deadline_ms: u32::MAX,
            id: ID,
            codes: smallvec![code.as_str(); CODES_MAX],
            order,
            ttl_ms: u32::MAX,
            options: Options { partial: true, now_ms: Some(i64::MIN), dry: true },
        })
    };
    let largest = hold(order.clone());
    largest.encode(u32::MAX, &mut out).unwrap();
    assert_eq!(Request::decode(body(&out)), Ok((u32::MAX, largest)));
    let mut words = order;
    for line in &mut words.lines {
        (line.product_type, line.theme, line.region) = (reference, reference, reference);
    }
    let mut none = Vec::new();
    let refused = hold(words).encode(1, &mut none);
    assert!(matches!(refused, Err(EncodeError::FrameTooLong { .. })), "{refused:?}");
    assert!(none.is_empty());
}

#[test]
fn an_inbox_gives_all_frames_that_arrived_however_they_were_cut() {
    let frames = ["redeem", "ping", "validate", "hello"].map(golden);
    let stream = frames.concat();
    for step in [1, 3, 7, 50, stream.len()] {
        let mut inbox = Inbox::default();
        let mut seen = Vec::new();
        for piece in stream.chunks(step) {
            let mut piece = piece;
            while !piece.is_empty() {
                let space = inbox.space();
                let taken = piece.len().min(space.len());
                space[..taken].copy_from_slice(&piece[..taken]);
                inbox.filled(taken);
                piece = &piece[taken..];
                let mut whole = inbox.frames();
                seen.extend(whole.by_ref().map(|frame| frame.unwrap().to_vec()));
                let consumed = whole.consumed();
                inbox.consume(consumed);
            }
        }
        assert_eq!(seen, frames.map(|frame| frame[HEADER_LEN..].to_vec()), "step {step}");
        assert!(!inbox.is_partial());
    }
}

#[test]
fn an_inbox_takes_the_longest_frame_and_no_longer_one() {
    let mut inbox = Inbox::default();
    let longest = [&u32::try_from(FRAME_LEN_MAX).unwrap().to_be_bytes(), &[7; FRAME_LEN_MAX][..]];
    let mut rest = &longest.concat()[..];
    while !rest.is_empty() {
        let space = inbox.space();
        let taken = rest.len().min(space.len());
        assert!(taken > 0, "always room for the rest of a frame");
        space[..taken].copy_from_slice(&rest[..taken]);
        inbox.filled(taken);
        rest = &rest[taken..];
    }
    assert_eq!(inbox.frames().next().unwrap().unwrap().len(), FRAME_LEN_MAX);
    for len in [0, 65_537, u32::MAX] {
        let bytes = len.to_be_bytes();
        let error = Frames::new(&bytes).next().unwrap().unwrap_err();
        assert_eq!(
            (error.cause.clone(), error.fault()),
            (Cause::FrameLength { len }, Fault::FrameTooLong)
        );
    }
}

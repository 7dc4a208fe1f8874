//! Laws: every message comes back as it went, and rmp-serde writes the same bytes from the
//! layout that the specification gives.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use serde::Serialize;
use serde::ser::{SerializeMap, SerializeSeq, Serializer};

use super::super::*;
use super::body;

/// A MessagePack value, as the specification writes it.
enum Value {
    Nil,
    Bool(bool),
    Uint(u64),
    Int(i64),
    Str(String),
    Bin(Id),
    Array(Vec<Self>),
    Map(Vec<(u64, Self)>),
}

struct Bin(Id);

impl Serialize for Bin {
    fn serialize<T: Serializer>(&self, serializer: T) -> Result<T::Ok, T::Error> {
        serializer.serialize_bytes(&self.0.0)
    }
}

impl Serialize for Value {
    fn serialize<T: Serializer>(&self, serializer: T) -> Result<T::Ok, T::Error> {
        match self {
            Self::Nil => serializer.serialize_none(),
            Self::Bool(value) => serializer.serialize_bool(*value),
            Self::Uint(value) => serializer.serialize_u64(*value),
            Self::Int(value) => serializer.serialize_i64(*value),
            Self::Str(value) => serializer.serialize_str(value),
            Self::Bin(value) => Bin(*value).serialize(serializer),
            Self::Array(values) => {
                let mut array = serializer.serialize_seq(Some(values.len()))?;
                values.iter().try_for_each(|value| array.serialize_element(value))?;
                array.end()
            }
            Self::Map(pairs) => {
                let mut map = serializer.serialize_map(Some(pairs.len()))?;
                pairs.iter().try_for_each(|(key, value)| map.serialize_entry(key, value))?;
                map.end()
            }
        }
    }
}

fn uint(value: impl Into<u64>) -> Value {
    Value::Uint(value.into())
}

fn str(text: &str) -> Value {
    Value::Str(text.to_owned())
}

fn nil_or<T>(value: Option<T>, some: impl Fn(T) -> Value) -> Value {
    value.map_or(Value::Nil, some)
}

fn strs<'a>(texts: impl IntoIterator<Item = &'a String>) -> Value {
    Value::Array(texts.into_iter().map(|text| str(text)).collect())
}

fn map(pairs: Vec<(u64, Option<Value>)>) -> Value {
    Value::Map(pairs.into_iter().filter_map(|(key, value)| Some((key, value?))).collect())
}

fn order_value(order: &Order) -> Value {
    let opt = |text: &Option<String>| text.as_deref().map(str);
    let line = |line: &Line| {
        let Line { product, category, quantity, amount_minor, product_type, theme, region } = line;
        let mut words = vec![product_type, theme, region];
        while words.last().is_some_and(|word| word.is_empty()) {
            words.pop();
        }
        let amount = Value::Int(*amount_minor);
        let four = [str(product), str(category), uint(*quantity), amount];
        Value::Array(four.into_iter().chain(words.into_iter().map(|word| str(word))).collect())
    };
    let day = |day: Option<i32>| day.map(|day| Value::Int(day.into()));
    let lines = || Value::Array(order.lines.iter().map(line).collect());
    let groups = || strs(&order.customer_groups);
    map(vec![
        (1, opt(&order.customer)),
        (2, (!order.customer_groups.is_empty()).then(groups)),
        (3, opt(&order.gate)),
        (4, opt(&order.property)),
        (5, opt(&order.channel)),
        (6, opt(&order.partner)),
        (7, opt(&order.brand)),
        (8, opt(&order.currency)),
        (9, order.total_minor.map(Value::Int)),
        (10, (!order.lines.is_empty()).then(lines)),
        (11, (order.units != 1).then(|| uint(order.units))),
        (12, order.amount_minor.map(Value::Int)),
        (13, opt(&order.order_ref)),
        (14, opt(&order.zone)),
        (
            15,
            match order.passage {
                Passage::None => None,
                Passage::Entry => Some(uint(1_u8)),
                Passage::Exit => Some(uint(2_u8)),
            },
        ),
        (16, order.nights.map(uint)),
        (17, day(order.arrival_day)),
        (18, day(order.departure_day)),
        (19, day(order.booked_day)),
        (20, order.adults.map(uint)),
        (21, order.children.map(uint)),
        (22, order.persons.map(uint)),
        (23, order.first_order.map(Value::Bool)),
        (24, (order.trigger != Trigger::Booking).then(|| uint(order.trigger.number()))),
        (25, opt(&order.slot)),
    ])
}

/// The element that says options, if any are.
fn options_value(options: Options) -> Option<Value> {
    let Options { partial, now_ms, dry } = options;
    (options != Options::default()).then(|| {
        map(vec![
            (1, partial.then_some(Value::Bool(true))),
            (2, now_ms.map(Value::Int)),
            (3, dry.then_some(Value::Bool(true))),
        ])
    })
}

fn options_of(request: &Request) -> Option<Value> {
    match request {
        Request::Validate(m) => options_value(m.options),
        Request::Redeem(m) => options_value(m.options),
        Request::Hold(m) => options_value(m.options),
        Request::Hello(_)
        | Request::Confirm(_)
        | Request::Release(_)
        | Request::Extend(_)
        | Request::Status(_)
        | Request::Code(_)
        | Request::Ping => None,
    }
}

fn request_value(seq: u32, request: &Request) -> Value {
    let (kind, mut fields) = match request {
        Request::Hello(m) => (0_u8, vec![str(&m.client), str(&m.token)]),
        Request::Validate(m) => (
            1,
            vec![
                uint(m.deadline_ms),
                strs(&m.codes),
                order_value(&m.order),
                Value::Bool(m.exact),
                Value::Bool(m.explain),
            ],
        ),
        Request::Redeem(m) => {
            (2, vec![uint(m.deadline_ms), Value::Bin(m.id), strs(&m.codes), order_value(&m.order)])
        }
        Request::Hold(m) => (
            3,
            vec![
                uint(m.deadline_ms),
                Value::Bin(m.id),
                strs(&m.codes),
                order_value(&m.order),
                uint(m.ttl_ms),
            ],
        ),
        Request::Confirm(m) => (4, vec![uint(m.deadline_ms), Value::Bin(m.id), uint(m.part)]),
        Request::Release(m) => {
            let four =
                [uint(m.deadline_ms), Value::Bin(m.release_id), Value::Bin(m.id), uint(m.part)];
            let codes = (!m.codes.is_empty()).then(|| strs(&m.codes));
            (5, four.into_iter().chain(codes).collect())
        }
        Request::Extend(m) => (6, vec![uint(m.deadline_ms), Value::Bin(m.id), uint(m.ttl_ms)]),
        Request::Status(m) => (7, vec![uint(m.deadline_ms), Value::Bin(m.id)]),
        Request::Code(m) => (8, vec![uint(m.deadline_ms), str(&m.code)]),
        Request::Ping => (9, vec![]),
    };
    fields.extend(options_of(request));
    fields.splice(0..0, [uint(kind), uint(seq)]);
    Value::Array(fields)
}

fn use_value(one: &Use) -> Value {
    let product =
        |product: &Product| Value::Array(vec![str(&product.product), uint(product.quantity)]);
    let mut fields = vec![
        str(&one.campaign),
        uint(one.version),
        uint(one.kind.number()),
        uint(one.units),
        Value::Int(one.worth_minor),
        uint(one.ordinal),
        nil_or(one.remaining, Value::Uint),
        nil_or(one.balance_minor, Value::Int),
        nil_or(one.holder.as_deref(), str),
        Value::Array(one.products.iter().map(product).collect()),
        uint(one.code_index),
    ];
    if one.details != UseDetails::default() {
        fields.push(use_details_value(&one.details));
    }
    Value::Array(fields)
}

fn use_details_value(details: &UseDetails) -> Value {
    let account = |account: &UseOfAccount| {
        let UseOfAccount { account, spent, earned, balance, currency } = account;
        let balance = nil_or(*balance, Value::Uint);
        let mut fields = vec![str(account), uint(*spent), uint(*earned), balance];
        fields.extend((!currency.is_empty()).then(|| str(currency)));
        Value::Array(fields)
    };
    let switch = |switch: &ProductSwitch| Value::Array(vec![str(&switch.product), str(&switch.to)]);
    let switches = || Value::Array(details.switches.iter().map(switch).collect());
    let lines = || Value::Array(details.lines_minor.iter().copied().map(Value::Int).collect());
    map(vec![
        (1, details.original_minor.map(Value::Int)),
        (2, (details.forfeited_minor != 0).then_some(Value::Int(details.forfeited_minor))),
        (3, details.account.as_ref().map(account)),
        (4, (!details.switches.is_empty()).then(switches)),
        (5, (!details.lines_minor.is_empty()).then(lines)),
        (6, details.photo.as_deref().map(str)),
        (7, details.last_entry_ms.map(Value::Int)),
    ])
}

fn refused_fields(refused: &Refused) -> Vec<Value> {
    vec![
        uint(refused.number),
        str(&refused.reason),
        uint(refused.code_index),
        Value::Bool(refused.transient),
        details_value(&refused.details),
    ]
}

/// The elements of a yes behind its uses, as far as they are said.
fn rest_of_accepted(accepted: &Accepted) -> Vec<Value> {
    let left_out = |refused: &Refused| Value::Array(refused_fields(refused));
    match (accepted.counts_age_ms, accepted.left_out.as_slice()) {
        (None, []) => vec![],
        (Some(age_ms), []) => vec![Value::Uint(age_ms)],
        (age_ms, all) => {
            vec![nil_or(age_ms, Value::Uint), Value::Array(all.iter().map(left_out).collect())]
        }
    }
}

fn details_value(details: &Details) -> Value {
    let opt = |text: &Option<String>| text.as_deref().map(str);
    map(vec![
        (1, opt(&details.scope)),
        (2, opt(&details.limit)),
        (3, details.used.map(Value::Uint)),
        (4, details.held.map(Value::Uint)),
        (5, details.max.map(Value::Uint)),
        (6, details.retry_after_ms.map(Value::Uint)),
        (7, details.resets_at_ms.map(Value::Int)),
        (8, details.next_valid_at_ms.map(Value::Int)),
        (9, opt(&details.missing)),
        (10, opt(&details.conflicts_with)),
        (11, opt(&details.rule)),
        (12, details.last_used_ms.map(Value::Int)),
        (13, opt(&details.last_gate)),
        (14, opt(&details.text)),
        (15, details.off_by.map(Value::Uint)),
    ])
}

fn reply_value(seq: u32, reply: &Reply) -> Value {
    let (kind, mut fields) = match reply {
        Reply::Welcome(m) => (
            128_u8,
            vec![
                str(&m.server),
                str(&m.tenant),
                str(&m.role),
                uint(m.lanes_max),
                uint(m.in_flight_max),
                Value::Int(m.now_ms),
            ],
        ),
        Reply::Accepted(m) => (
            129,
            [
                uint(m.state.number()),
                Value::Bool(m.replayed),
                nil_or(m.id, Value::Bin),
                uint(m.event),
                Value::Int(m.at_ms),
                Value::Int(m.until_ms),
                uint(m.size),
                uint(m.live),
                str(&m.currency),
                Value::Int(m.total_before_minor),
                Value::Int(m.total_after_minor),
                Value::Array(m.uses.iter().map(use_value).collect()),
            ]
            .into_iter()
            .chain(rest_of_accepted(m))
            .collect(),
        ),
        Reply::CodeStatus(m) => (
            130,
            vec![
                str(&m.campaign),
                uint(m.version),
                uint(m.kind.number()),
                uint(m.campaign_status.number()),
                uint(m.code_state.number()),
                uint(m.used),
                uint(m.held),
                nil_or(m.max, Value::Uint),
                nil_or(m.balance_minor, Value::Int),
                str(&m.currency),
                nil_or(m.valid_from_ms, Value::Int),
                nil_or(m.valid_to_ms, Value::Int),
                nil_or(m.holder.as_deref(), str),
                nil_or(m.last_used_ms, Value::Int),
            ],
        ),
        Reply::Pong(m) => (131, vec![Value::Int(m.now_ms)]),
        Reply::Refused(m) => (190, refused_fields(m)),
        Reply::GoAway(m) => (191, vec![uint(m.drain_ms)]),
        Reply::Error(m) => (192, vec![uint(m.number), str(&m.message)]),
    };
    fields.splice(0..0, [uint(kind), uint(seq)]);
    Value::Array(fields)
}

fn text() -> BoxedStrategy<String> {
    prop_oneof![3 => "[a-z0-9-]{0,12}", 1 => "\\PC{0,40}"].boxed()
}

fn id() -> BoxedStrategy<Id> {
    any::<[u8; 16]>().prop_map(Id).boxed()
}

fn line() -> BoxedStrategy<Line> {
    let word = || prop_oneof![2 => Just(String::new()), 1 => text()];
    ((text(), text(), any::<u32>(), any::<i64>()), (word(), word(), word()))
        .prop_map(|((product, category, quantity, amount_minor), words)| {
            let (product_type, theme, region) = words;
            Line { product, category, quantity, amount_minor, product_type, theme, region }
        })
        .boxed()
}

fn order() -> BoxedStrategy<Order> {
    let passage = prop_oneof![Just(Passage::None), Just(Passage::Entry), Just(Passage::Exit)];
    let trigger =
        prop_oneof![2 => Just(Trigger::Booking), 1 => prop::sample::select(&Trigger::ALL)];
    let (count, day) = (|| option::of(any::<u32>()), || option::of(any::<i32>()));
    let stay = prop_oneof![
        1 => Just(Order::default()),
        1 => ((count(), day(), day(), day()), (count(), count(), count()), (
            option::of(any::<bool>()), trigger, option::of(text()),
        ))
        .prop_map(|(a, b, c)| Order {
            nights: a.0,
            arrival_day: a.1,
            departure_day: a.2,
            booked_day: a.3,
            adults: b.0,
            children: b.1,
            persons: b.2,
            first_order: c.0,
            trigger: c.1,
            slot: c.2,
            ..Order::default()
        }),
    ];
    (
        (option::of(text()), vec(text(), 0..4), option::of(text()), option::of(text())),
        (option::of(text()), option::of(text()), option::of(text()), option::of("[A-Z]{3}")),
        (option::of(any::<i64>()), vec(line(), 0..20), prop_oneof![Just(1), any::<u32>()]),
        (option::of(any::<i64>()), option::of(text()), option::of(text()), passage),
        stay,
    )
        .prop_map(|(a, b, c, d, stay)| Order {
            customer: a.0,
            customer_groups: a.1.into(),
            gate: a.2,
            property: a.3,
            channel: b.0,
            partner: b.1,
            brand: b.2,
            currency: b.3,
            total_minor: c.0,
            lines: c.1.into(),
            units: c.2,
            amount_minor: d.0,
            order_ref: d.1,
            zone: d.2,
            passage: d.3,
            ..stay
        })
        .boxed()
}

fn options() -> BoxedStrategy<Options> {
    let said = (any::<bool>(), option::of(any::<i64>()), any::<bool>());
    let said = said.prop_map(|(partial, now_ms, dry)| Options { partial, now_ms, dry });
    prop_oneof![Just(Options::default()), said].boxed()
}

pub(super) fn request() -> BoxedStrategy<Request> {
    let codes = || vec(text(), 0..=CODES_MAX);
    let ms = any::<u32>;
    prop_oneof![
        (text(), text()).prop_map(|(mut client, token)| {
            while client.len() > CLIENT_LEN_MAX {
                client.pop();
            }
            Request::Hello(Hello { client, token })
        }),
        (ms(), codes(), order(), any::<bool>(), any::<bool>(), options()).prop_map(
            |(deadline_ms, codes, order, exact, explain, options)| {
                let codes = codes.into();
                Request::Validate(Validate { deadline_ms, codes, order, exact, explain, options })
            }
        ),
        (ms(), id(), codes(), order(), options()).prop_map(
            |(deadline_ms, id, codes, order, options)| {
                Request::Redeem(Redeem { deadline_ms, id, codes: codes.into(), order, options })
            }
        ),
        (ms(), id(), codes(), order(), ms(), options()).prop_map(
            |(deadline_ms, id, codes, order, ttl_ms, options)| {
                let codes = codes.into();
                Request::Hold(Hold { deadline_ms, id, codes, order, ttl_ms, options })
            }
        ),
        (ms(), id(), any::<u64>()).prop_map(|(deadline_ms, id, part)| Request::Confirm(Confirm {
            deadline_ms,
            id,
            part
        })),
        (ms(), id(), id(), any::<u64>(), prop_oneof![Just(vec![]), codes()]).prop_map(
            |(deadline_ms, release_id, id, part, codes)| {
                let part = if codes.is_empty() { part } else { 0 };
                Request::Release(Release { deadline_ms, release_id, id, part, codes: codes.into() })
            }
        ),
        (ms(), id(), ms()).prop_map(|(deadline_ms, id, ttl_ms)| Request::Extend(Extend {
            deadline_ms,
            id,
            ttl_ms
        })),
        (ms(), id()).prop_map(|(deadline_ms, id)| Request::Status(StatusQuery { deadline_ms, id })),
        (ms(), text())
            .prop_map(|(deadline_ms, code)| Request::Code(CodeQuery { deadline_ms, code })),
        Just(Request::Ping),
    ]
    .boxed()
}

fn use_details() -> BoxedStrategy<UseDetails> {
    let parts = (text(), any::<u64>(), any::<u64>(), option::of(any::<u64>()), text());
    let account = parts.prop_map(|(account, spent, earned, balance, currency)| UseOfAccount {
        account,
        spent,
        earned,
        balance,
        currency,
    });
    let switch = (text(), text()).prop_map(|(product, to)| ProductSwitch { product, to });
    let int = || option::of(any::<i64>());
    let said = (
        (int(), any::<i64>(), option::of(account), vec(switch, 0..4)),
        (vec(any::<i64>(), 0..20), option::of(text()), int()),
    )
        .prop_map(|(a, b)| UseDetails {
            original_minor: a.0,
            forfeited_minor: a.1,
            account: a.2,
            switches: a.3,
            lines_minor: b.0,
            photo: b.1,
            last_entry_ms: b.2,
        });
    prop_oneof![Just(UseDetails::default()), said].boxed()
}

fn accepted() -> BoxedStrategy<Accepted> {
    let product =
        (text(), any::<u32>()).prop_map(|(product, quantity)| Product { product, quantity });
    let one = (
        (text(), any::<u32>(), any::<u8>(), any::<u32>(), any::<i64>(), any::<u64>()),
        (option::of(any::<u64>()), option::of(any::<i64>()), option::of(text())),
        (vec(product, 0..4), any::<u8>(), use_details()),
    )
        .prop_map(|(a, b, c)| Use {
            campaign: a.0,
            version: a.1,
            kind: a.2.into(),
            units: a.3,
            worth_minor: a.4,
            ordinal: a.5,
            remaining: b.0,
            balance_minor: b.1,
            holder: b.2,
            products: c.0.into(),
            code_index: c.1,
            details: c.2,
        });
    (
        (any::<u8>(), any::<bool>(), option::of(id()), any::<u64>(), any::<i64>(), any::<i64>()),
        (any::<u64>(), any::<u64>(), text(), any::<i64>(), any::<i64>(), vec(one, 0..20)),
        option::of(any::<u64>()),
        prop_oneof![2 => Just(vec![]), 1 => vec(refused(), 0..=CODES_MAX)],
    )
        .prop_map(|(a, b, counts_age_ms, left_out)| Accepted {
            state: a.0.into(),
            replayed: a.1,
            id: a.2,
            event: a.3,
            at_ms: a.4,
            until_ms: a.5,
            size: b.0,
            live: b.1,
            currency: b.2,
            total_before_minor: b.3,
            total_after_minor: b.4,
            uses: b.5.into(),
            counts_age_ms,
            left_out,
        })
        .boxed()
}

fn code_status() -> BoxedStrategy<CodeStatus> {
    let opt = || option::of(any::<i64>());
    (
        (text(), any::<u32>(), any::<u8>(), any::<u8>(), any::<u8>(), any::<u64>(), any::<u64>()),
        (option::of(any::<u64>()), opt(), text(), opt(), opt(), option::of(text()), opt()),
    )
        .prop_map(|(a, b)| CodeStatus {
            campaign: a.0,
            version: a.1,
            kind: a.2.into(),
            campaign_status: a.3.into(),
            code_state: a.4.into(),
            used: a.5,
            held: a.6,
            max: b.0,
            balance_minor: b.1,
            currency: b.2,
            valid_from_ms: b.3,
            valid_to_ms: b.4,
            holder: b.5,
            last_used_ms: b.6,
        })
        .boxed()
}

fn refused() -> BoxedStrategy<Refused> {
    let (txt, int, uint) =
        (|| option::of(text()), || option::of(any::<i64>()), || option::of(any::<u64>()));
    let details = (
        (txt(), txt(), uint(), uint(), uint(), uint(), int()),
        (int(), txt(), txt(), txt(), int(), txt(), txt()),
    )
        .prop_map(|(a, b)| Details {
            scope: a.0,
            limit: a.1,
            used: a.2,
            held: a.3,
            max: a.4,
            retry_after_ms: a.5,
            resets_at_ms: a.6,
            next_valid_at_ms: b.0,
            missing: b.1,
            conflicts_with: b.2,
            rule: b.3,
            last_used_ms: b.4,
            last_gate: b.5,
            text: b.6,
            off_by: a.2,
        });
    (any::<u16>(), text(), any::<u8>(), any::<bool>(), details)
        .prop_map(|(number, reason, code_index, transient, details)| Refused {
            number,
            reason,
            code_index,
            transient,
            details,
        })
        .boxed()
}

pub(super) fn reply() -> BoxedStrategy<Reply> {
    let welcome =
        (text(), text(), text(), any::<u32>(), any::<u32>(), any::<i64>()).prop_map(|w| Welcome {
            server: w.0,
            tenant: w.1,
            role: w.2,
            lanes_max: w.3,
            in_flight_max: w.4,
            now_ms: w.5,
        });
    prop_oneof![
        welcome.prop_map(Reply::Welcome),
        accepted().prop_map(Reply::Accepted),
        code_status().prop_map(Reply::CodeStatus),
        any::<i64>().prop_map(|now_ms| Reply::Pong(Pong { now_ms })),
        refused().prop_map(Reply::Refused),
        any::<u32>().prop_map(|drain_ms| Reply::GoAway(GoAway { drain_ms })),
        (any::<u16>(), text())
            .prop_map(|(number, message)| Reply::Error(ErrorReply { number, message })),
    ]
    .boxed()
}

proptest! {
    #[test]
    fn requests(seq: u32, request in request()) {
        let mut out = Vec::new();
        request.encode(seq, &mut out).unwrap();
        let oracle = rmp_serde::to_vec(&request_value(seq, &request)).unwrap();
        prop_assert_eq!(body(&out), oracle.as_slice());
        let (read_seq, read) = Request::decode(&oracle).unwrap();
        prop_assert_eq!((read.id(), read.deadline_ms()), (request.id(), request.deadline_ms()));
        prop_assert_eq!((read_seq, read.into_owned()), (seq, request));
    }

    #[test]
    fn replies(seq: u32, reply in reply()) {
        let mut out = Vec::new();
        reply.encode(seq, &mut out).unwrap();
        let oracle = rmp_serde::to_vec(&reply_value(seq, &reply)).unwrap();
        prop_assert_eq!(body(&out), oracle.as_slice());
        let (read_seq, read) = Reply::decode(&oracle).unwrap();
        prop_assert_eq!((read_seq, read.into_owned()), (seq, reply));
    }
}

//! What a request means, in eight bytes: the same id with another fingerprint is a mistake, not a
//! repeat.
//!
//! A hash of every field that can change an answer. What only some requests say (a stay, kinds of
//! lines, a part of the codes) is hashed where it is said: all others keep the fingerprint under
//! which receipts know them. The verb is left out between *hold* and
//! *redeem*, because a redemption under the id of its own hold is the same request going on; the
//! moment and the deadline are left out because a repeat comes later.

use crate::domain::code::CodeKey;
use crate::domain::order::{FirstOrder, Line, Order, Passage, Trigger};
use crate::domain::rules::StackMode;

/// Fingerprint of holding or redeeming `codes` for `order`.
pub(super) fn of_request(codes: &[CodeKey], order: &Order<'_>, mode: StackMode) -> u64 {
    let mut hash = Hash(blake3::Hasher::new());
    hash.number(codes.len() as u64);
    for code in codes {
        hash.0.update(code.as_bytes());
    }
    let Order {
        customer,
        customer_groups,
        gate,
        property,
        channel,
        partner,
        brand,
        currency,
        total_minor,
        lines,
        units,
        amount_minor,
        order_ref,
        zone,
        passage,
        nights: _,
        arrival: _,
        departure: _,
        booked: _,
        adults: _,
        children: _,
        persons: _,
        first_order: _,
        trigger: _,
        slot: _,
    } = order;
    for text in [customer, gate, property, channel, partner, brand, currency, order_ref, zone] {
        hash.maybe_text(*text);
    }
    hash.number(customer_groups.len() as u64);
    for group in customer_groups {
        hash.text(group);
    }
    for amount in [total_minor, amount_minor] {
        hash.number(u64::from(amount.is_some()));
        hash.number(amount.unwrap_or_default().cast_unsigned());
    }
    hash.number(lines.len() as u64);
    for line in lines {
        hash.text(line.product);
        hash.text(line.category);
        hash.number(u64::from(line.quantity));
        hash.number(line.amount_minor.cast_unsigned());
    }
    hash.number(u64::from(*units));
    hash.number(match passage {
        Passage::None => 0,
        Passage::Entry => 1,
        Passage::Exit => 2,
    });
    if says_more(order, mode) {
        hash_more(&mut hash, order, mode);
    }
    hash.finish()
}

/// Whether a request says anything of what only some requests say.
fn says_more(order: &Order<'_>, mode: StackMode) -> bool {
    let Order { nights, arrival, departure, booked, adults, children, persons, .. } = order;
    let is_kind = |line: &Line<'_>| {
        [line.product_type, line.theme, line.region].iter().any(|text| !text.is_empty())
    };
    mode != StackMode::AllOrNothing
        || [nights, adults, children, persons].into_iter().any(Option::is_some)
        || [arrival, departure, booked].into_iter().any(Option::is_some)
        || order.first_order != FirstOrder::Unknown
        || order.trigger != Trigger::Booking
        || order.slot.is_some()
        || order.lines.iter().any(is_kind)
}

fn hash_more(hash: &mut Hash, order: &Order<'_>, mode: StackMode) {
    hash.number(match mode {
        StackMode::AllOrNothing => 0,
        StackMode::Partial => 1,
    });
    for count in [order.nights, order.adults, order.children, order.persons] {
        hash.number(count.map_or(u64::MAX, u64::from));
    }
    for day in [order.arrival, order.departure, order.booked] {
        let day = day.map(|day| i64::from(day.to_epoch_days()));
        // No day is so far away.
        hash.number(day.unwrap_or(i64::MAX).cast_unsigned());
    }
    hash.number(match order.first_order {
        FirstOrder::Unknown => 0,
        FirstOrder::Yes => 1,
        FirstOrder::No => 2,
    });
    hash.number(order.trigger as u64);
    hash.maybe_text(order.slot);
    for line in &order.lines {
        for text in [line.product_type, line.theme, line.region] {
            hash.text(text);
        }
    }
}

struct Hash(blake3::Hasher);

impl Hash {
    fn number(&mut self, number: u64) {
        self.0.update(&number.to_le_bytes());
    }

    fn text(&mut self, text: &str) {
        self.number(text.len() as u64);
        self.0.update(text.as_bytes());
    }

    fn maybe_text(&mut self, text: Option<&str>) {
        match text {
            Some(text) => self.text(text),
            None => self.number(u64::MAX),
        }
    }

    fn finish(self) -> u64 {
        let hash = self.0.finalize();
        let (front, _) = hash.as_bytes().split_first_chunk::<8>().unwrap_or((&[0; 8], &[]));
        u64::from_le_bytes(*front)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failed one is a failed test")]
mod tests {
    use super::*;
    use chrono::NaiveDate;
    use smallvec::smallvec;

    fn print(code: u8, order: &Order<'_>) -> u64 {
        of_request(&[CodeKey::from_bytes([code; 16])], order, StackMode::AllOrNothing)
    }

    fn cart<'a>(line: Line<'a>) -> Order<'a> {
        Order { lines: smallvec![line], ..Order::default() }
    }

    #[test]
    fn every_field_of_the_order_counts() {
        let plain = print(1, &Order::default());
        let day = Some(NaiveDate::from_epoch_days(0).unwrap());
        let orders = [
            Order { customer: Some("a"), ..Order::default() },
            Order { customer_groups: smallvec!["a"], ..Order::default() },
            Order { gate: Some("a"), ..Order::default() },
            Order { property: Some("a"), ..Order::default() },
            Order { channel: Some("a"), ..Order::default() },
            Order { partner: Some("a"), ..Order::default() },
            Order { brand: Some("a"), ..Order::default() },
            Order { currency: Some("EUR"), ..Order::default() },
            Order { order_ref: Some("a"), ..Order::default() },
            Order { zone: Some("a"), ..Order::default() },
            Order { total_minor: Some(0), ..Order::default() },
            Order { amount_minor: Some(0), ..Order::default() },
            Order { units: 2, ..Order::default() },
            Order { passage: Passage::Exit, ..Order::default() },
            Order { nights: Some(0), ..Order::default() },
            Order { arrival: day, ..Order::default() },
            Order { departure: day, ..Order::default() },
            Order { booked: day, ..Order::default() },
            Order { adults: Some(0), ..Order::default() },
            Order { children: Some(0), ..Order::default() },
            Order { persons: Some(0), ..Order::default() },
            Order { first_order: FirstOrder::Yes, ..Order::default() },
            Order { first_order: FirstOrder::No, ..Order::default() },
            Order { trigger: Trigger::Birthday, ..Order::default() },
            Order { slot: Some(""), ..Order::default() },
            cart(Line::default()),
            cart(Line { product: "a", ..Line::default() }),
            cart(Line { category: "a", ..Line::default() }),
            cart(Line { product_type: "a", ..Line::default() }),
            cart(Line { theme: "a", ..Line::default() }),
            cart(Line { region: "a", ..Line::default() }),
        ];
        let mut seen = vec![plain, print(2, &Order::default())];
        seen.extend(orders.iter().map(|order| print(1, order)));
        let code = CodeKey::from_bytes([1; 16]);
        seen.push(of_request(&[code, code], &Order::default(), StackMode::AllOrNothing));
        seen.push(of_request(&[code], &Order::default(), StackMode::Partial));
        seen.push(of_request(&[], &Order::default(), StackMode::AllOrNothing));
        let distinct: std::collections::HashSet<u64> = seen.iter().copied().collect();
        assert_eq!(distinct.len(), seen.len());
        assert_eq!(plain, print(1, &Order::default()));
    }

    /// Receipts carry these: a repeat after an update of the program must find its own.
    #[test]
    fn requests_that_say_nothing_new_keep_their_fingerprint() {
        let order = Order {
            customer: Some("guest-81"),
            customer_groups: smallvec!["vip"],
            gate: Some("north"),
            currency: Some("EUR"),
            total_minor: Some(9_000),
            lines: smallvec![Line {
                product: "adult",
                category: "ticket",
                quantity: 2,
                amount_minor: 8_000,
                ..Line::default()
            }],
            passage: Passage::Entry,
            ..Order::default()
        };
        assert_eq!(print(1, &Order::default()), 0xbd6c_812b_ef04_151c);
        assert_eq!(print(1, &order), 0x5b89_a36a_f949_5b09);
    }
}

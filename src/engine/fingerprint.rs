//! What a request means, in eight bytes: the same id with another fingerprint is a mistake, not a
//! repeat.
//!
//! A hash of every field that can change an answer. The verb is left out between *hold* and
//! *redeem*, because a redemption under the id of its own hold is the same request going on; the
//! moment and the deadline are left out because a repeat comes later.

use crate::domain::code::CodeKey;
use crate::domain::order::{Order, Passage};

/// Fingerprint of holding or redeeming `codes` for `order`.
pub(super) fn of_request(codes: &[CodeKey], order: &Order<'_>) -> u64 {
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
    hash.finish()
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
mod tests {
    use super::*;

    #[test]
    fn every_field_of_the_order_counts() {
        let code = CodeKey::from_bytes([1; 16]);
        let plain = of_request(&[code], &Order::default());
        let mut seen = vec![plain];
        let orders = [
            Order { customer: Some("a"), ..Order::default() },
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
        ];
        seen.extend(orders.iter().map(|order| of_request(&[code], order)));
        seen.push(of_request(&[CodeKey::from_bytes([2; 16])], &Order::default()));
        seen.push(of_request(&[code, code], &Order::default()));
        let distinct: std::collections::HashSet<u64> = seen.iter().copied().collect();
        assert_eq!(distinct.len(), seen.len());
        assert_eq!(plain, of_request(&[code], &Order::default()));
    }
}

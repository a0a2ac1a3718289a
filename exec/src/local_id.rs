//! Ids that we give: of an order in this run, and what a venue sees of it.
//!
//! A venue must never see one id twice, over all runs: each run draws a boot number, and an id is
//! the boot number with the order's own. So news that comes back under a venue's copy of our id
//! leads to the order, and an id of another run is known for what it is.

use crate::intent::OrderId;

/// Characters of a [`ClientOrderId`].
const CHARS: usize = 33;
/// Odd, so that order numbers are spread over all salts without two meeting.
const SPREAD: u64 = 0x9E37_79B9_7F4A_7C15;
/// A salt travels as a JSON number: 53 bits.
const SALT_MASK: u64 = (1 << 53) - 1;

/// A random number, drawn once a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Boot(pub u64);

/// An order's id as text: boot and order in hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientOrderId([u8; CHARS]);

impl Boot {
    /// The id of an order as a venue with client ids sees it.
    #[must_use]
    pub fn client_order_id(self, order: OrderId) -> ClientOrderId {
        let mut chars = [b'-'; CHARS];
        hex(self.0, &mut chars[..16]);
        hex(order.0, &mut chars[17..]);
        ClientOrderId(chars)
    }

    /// The order of an id of this run; `None` for any other text.
    #[must_use]
    pub fn order_of(self, text: &str) -> Option<OrderId> {
        let (boot, order) = text.split_once('-')?;
        let number = |text: &str| {
            let is_ours = text.len() == 16 && text.bytes().all(|b| b.is_ascii_hexdigit());
            u64::from_str_radix(text, 16).ok().filter(|_| is_ours)
        };
        (number(boot)? == self.0).then(|| number(order).map(OrderId))?
    }

    /// The salt of an order that is known by its hash: differs for each of 2⁵³ orders of a run.
    #[must_use]
    pub const fn salt(self, order: OrderId) -> u64 {
        self.0.wrapping_add(order.0.wrapping_mul(SPREAD)) & SALT_MASK
    }
}

impl ClientOrderId {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        core::str::from_utf8(&self.0).unwrap_or_default()
    }
}

fn hex(number: u64, room: &mut [u8]) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let nibbles = number.to_be_bytes().into_iter().flat_map(|byte| [byte >> 4, byte & 0xF]);
    for (digit, nibble) in room.iter_mut().zip(nibbles) {
        *digit = DIGITS[usize::from(nibble)];
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn an_id_leads_back_to_its_order_and_to_no_other_run() {
        let boot = Boot(0xfeed_0000_1234_5678);
        let id = boot.client_order_id(OrderId(10));
        assert_eq!(id.as_str(), "feed000012345678-000000000000000a");
        assert_eq!(boot.order_of(id.as_str()), Some(OrderId(10)));
        assert_eq!(Boot(7).order_of(id.as_str()), None);
        for text in ["", "-", "feed000012345678", "feed000012345678-a", "b-1", &id.as_str()[1..]] {
            assert_eq!(boot.order_of(text), None, "{text}");
        }
    }

    #[test]
    fn salts_of_a_run_do_not_meet() {
        let salts: BTreeSet<_> = (0..10_000).map(|n| Boot(u64::MAX).salt(OrderId(n))).collect();
        assert_eq!(salts.len(), 10_000);
        assert!(salts.iter().all(|salt| *salt < 1 << 53));
    }
}

//! Orders signed ahead for the few (side, amounts) that a hot basket would send: on the hot path
//! only their body and stamp are left to do.
//!
//! An order is given out once, for its hash is its id at the venue; its rung is signed anew when
//! there is nothing else to do. An order carries the time of its signing: one older than the limit
//! is not given out.

use alloy_primitives::B256;
use dutchbook_book::Side;

use super::amounts::Amounts;
use super::order::{OrderTemplate, SALT_MAX, SignedOrder, Terms};
use crate::sign::ecdsa::Signature;

/// Most rungs: finding one walks over all of them.
pub const RUNGS_MAX: usize = 64;

/// One (side, amounts), with its order where one is signed.
#[derive(Clone, Copy, Debug)]
struct Rung {
    side: Side,
    amounts: Amounts,
    order: Option<SignedOrder>,
}

/// Orders of one template, signed ahead.
#[derive(Debug)]
pub struct Ladder {
    rungs: Vec<Rung>,
    age_ms_max: u64,
    next: usize,
}

impl Ladder {
    /// A ladder for these orders, none signed yet; those beyond [`RUNGS_MAX`] are left out.
    #[must_use]
    pub fn new(wanted: impl IntoIterator<Item = (Side, Amounts)>, age_ms_max: u64) -> Self {
        let rungs = wanted.into_iter().take(RUNGS_MAX);
        let rungs = rungs.map(|(side, amounts)| Rung { side, amounts, order: None });
        Self { rungs: rungs.collect(), age_ms_max, next: 0 }
    }

    /// Signs one order that is missing, or past half its age; returns whether there was one. Costs
    /// one signature: for moments when nothing is to be sent. `salt` is a fresh random number.
    pub fn renew_one(
        &mut self,
        template: &OrderTemplate,
        unix_ms: u64,
        salt: u64,
        sign: impl FnOnce(&B256) -> Signature,
    ) -> bool {
        for _ in 0..self.rungs.len() {
            let at = self.next;
            self.next =
                if at.saturating_add(1) < self.rungs.len() { at.saturating_add(1) } else { 0 };
            let Some(rung) = self.rungs.get_mut(at) else { return false };
            let is_fresh = rung.order.is_some_and(|order| {
                unix_ms.saturating_sub(order.terms.timestamp_ms) <= self.age_ms_max / 2
            });
            if is_fresh {
                continue;
            }
            let salt = salt & SALT_MAX;
            let (side, amounts) = (rung.side, rung.amounts);
            let terms = Terms { salt, side, amounts, timestamp_ms: unix_ms };
            rung.order = Some(template.sign(&terms, sign));
            return true;
        }
        false
    }

    /// Takes the order of exactly these amounts; `None` where it is missing or too old.
    #[inline]
    #[must_use]
    pub fn take(&mut self, side: Side, amounts: Amounts, unix_ms: u64) -> Option<SignedOrder> {
        let rung =
            self.rungs.iter_mut().find(|rung| rung.amounts == amounts && rung.side == side)?;
        let order = rung.order.take()?;
        let age_ms = unix_ms.saturating_sub(order.terms.timestamp_ms);
        (age_ms <= self.age_ms_max).then_some(order)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sign::ecdsa::{PrivateKey, Signer};
    use crate::venue::polymarket::exchange::{Chain, Exchange};
    use crate::venue::polymarket::order::{Account, WalletKind};
    use alloy_primitives::U256;

    #[test]
    fn each_order_is_given_out_once_and_only_while_it_is_young() {
        let signer = Signer::new(PrivateKey::from_bytes(&[5; 32]).unwrap(), &[0; 32]);
        let account = Account::new(WalletKind::Eoa, signer.address(), signer.address());
        let template = OrderTemplate::new(&account, Chain::Polygon, Exchange::V2, U256::from(77));
        let amounts = [1, 2, 3].map(|n| Amounts { maker: n * 500_000, taker: n * 1_000_000 });
        let mut ladder = Ladder::new(amounts.map(|amounts| (Side::Buy, amounts)), 1_000);
        assert_eq!(ladder.take(Side::Buy, amounts[0], 5_000), None, "nothing is signed yet");
        let mut salt = 0;
        let mut renew = |ladder: &mut Ladder, now| {
            salt += 1;
            ladder.renew_one(&template, now, salt, |digest| signer.sign(digest))
        };
        assert_eq!([(); 4].map(|()| renew(&mut ladder, 5_000)), [true, true, true, false]);
        let order = ladder.take(Side::Buy, amounts[1], 5_900).unwrap();
        let terms = order.terms;
        assert_eq!((terms.amounts, terms.timestamp_ms), (amounts[1], 5_000));
        assert_eq!(template.sign(&terms, |digest| signer.sign(digest)), order);
        assert_eq!(ladder.take(Side::Buy, amounts[1], 5_900), None, "it was given out");
        assert_eq!(ladder.take(Side::Sell, amounts[0], 5_900), None, "another side");
        assert_eq!(ladder.take(Side::Buy, amounts[0], 6_001), None, "too old");
        assert_eq!([(); 4].map(|()| renew(&mut ladder, 6_001)), [true, true, true, false]);
        let again = ladder.take(Side::Buy, amounts[1], 6_001).unwrap();
        assert_ne!(again.hashes.order, order.hashes.order);
    }
}

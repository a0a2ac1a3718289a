//! Hyperliquid outcome markets: buys are free, sells pay a share of the notional
//! (`venues/hyperliquid_hip4.md`, measured 2026-09-12).

use super::FeeSchedule;
use crate::units::Rate;

/// The schedule of an account: its spot rates for crossing and for adding, scaled by the deployer's
/// fee scale s as s + max(s, 1), less the referral discount. The product is rounded up to 1e-9;
/// `None` when it does not fit or the discount exceeds one.
#[must_use]
pub fn schedule(cross: Rate, add: Rate, scale: Rate, discount: Rate) -> Option<FeeSchedule> {
    let factor = u128::from(scale.nano()) + u128::from(scale.max(Rate::ONE).nano());
    let kept = u128::from(Rate::ONE.nano().checked_sub(discount.nano())?);
    let scaled = |rate: Rate| {
        let product = u128::from(rate.nano()).checked_mul(factor)?.checked_mul(kept)?;
        let nano = product.div_ceil(1_000_000_000_000_000_000);
        u32::try_from(nano).ok().map(Rate::from_nano)
    };
    Some(FeeSchedule::sell_notional(scaled(cross)?, scaled(add)?))
}

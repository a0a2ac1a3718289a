//! `[resolution]`: what an outcome that has happened is worth as long as it is not paid.

use dutchbook_book::{Price, Rate};
use serde::Deserialize;

use super::{ConfigError, UNITS_PER_MICRO, millis, rate, usd, within};
use crate::engine::resolve::ResolutionLimits;
use crate::eval::edge::Carry;
use crate::eval::resolution::Odds;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawResolution {
    p_adverse: String,
    adverse_value_usd: String,
    carry_per_year: String,
    cash_h: u64,
    min_edge_usd: String,
    finding_age_ms_max: u64,
    p_dispute: String,
    dispute_h: u64,
    proposed: RawOdds,
    named: RawOdds,
}

/// What can still happen after a word of one kind.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawOdds {
    p_adverse: String,
    adverse_value_usd: String,
    cash_h: u64,
}

impl RawOdds {
    /// The odds, with the carry of what is bound: the way to the cash, and a dispute's length as often as
    /// there is one.
    fn check(
        &self,
        keys: [&'static str; 3],
        carry: Rate,
        dispute_h: u64,
    ) -> Result<Odds, ConfigError> {
        let [adverse, value, cash] = keys;
        let dollars = usd(value, &self.adverse_value_usd)?;
        let price = u32::try_from(dollars.micro()).ok().and_then(Price::from_micro);
        let hours = within(cash, self.cash_h, 0..=8_760)?;
        Ok(Odds {
            p_adverse: rate(adverse, &self.p_adverse)?,
            adverse_value: price.ok_or_else(|| ConfigError::Range {
                key: value,
                value: self.adverse_value_usd.clone(),
                expected: "0 to 1".to_owned(),
            })?,
            carry: Carry {
                rate: carry,
                hours_micro: hours.saturating_mul(1_000_000).saturating_add(dispute_h),
            },
        })
    }
}

impl RawResolution {
    pub(super) fn check(self) -> Result<ResolutionLimits, ConfigError> {
        let carry = rate("resolution.carry_per_year", &self.carry_per_year)?;
        let p_dispute = rate("resolution.p_dispute", &self.p_dispute)?;
        let length = within("resolution.dispute_h", self.dispute_h, 0..=8_760)?;
        // A share in 1e-9 of hours, in 1e-6 hours, rounded up.
        let dispute = length.saturating_mul(u64::from(p_dispute.nano())).div_ceil(1_000);
        let (p_adverse, cash_h) = (self.p_adverse, self.cash_h);
        let last = RawOdds { p_adverse, adverse_value_usd: self.adverse_value_usd, cash_h };
        let keys = ["resolution.p_adverse", "resolution.adverse_value_usd", "resolution.cash_h"];
        let proposed = [
            "resolution.proposed.p_adverse",
            "resolution.proposed.adverse_value_usd",
            "resolution.proposed.cash_h",
        ];
        let named = [
            "resolution.named.p_adverse",
            "resolution.named.adverse_value_usd",
            "resolution.named.cash_h",
        ];
        Ok(ResolutionLimits {
            // Nobody disputes a last word any more.
            last: last.check(keys, carry, 0)?,
            proposed: self.proposed.check(proposed, carry, dispute)?,
            named: self.named.check(named, carry, dispute)?,
            min_edge: usd("resolution.min_edge_usd", &self.min_edge_usd)?
                .micro()
                .saturating_mul(UNITS_PER_MICRO),
            age_max: millis(
                "resolution.finding_age_ms_max",
                self.finding_age_ms_max,
                1..=86_400_000,
            )?,
        })
    }
}

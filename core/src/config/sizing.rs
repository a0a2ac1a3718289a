//! The `[sizing]` section: which method sizes what, and the numbers of each.

use std::collections::BTreeMap;

use dutchbook_book::fee::UnitCost;
use dutchbook_book::{Cash, Qty, Rate};
use serde::Deserialize;

use super::{ConfigError, UNITS_PER_MICRO, rate, usd};
use crate::eval::basket::BasketKind;
use crate::sizing::{Flat, InvertedRisk, Kelly, MethodName, Plan, Tiers, UnitStake};

/// The largest part of the Kelly share that is accepted.
const KELLY_PART_MAX: Rate = Rate::from_nano(250_000_000);

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawSizing {
    method: MethodName,
    by_kind: BTreeMap<String, MethodName>,
    tier_structure: String,
    tier_approved: String,
    kelly_part: String,
    kelly_bankroll_usd: String,
    wrong_structure: String,
    wrong_approved: String,
    unit_usd: String,
    flat_contracts: u64,
    inverted_usd: String,
    leg_loss_usd: String,
}

impl RawSizing {
    /// The plan; `base` is what a trade may bind at full confidence.
    pub(super) fn check(self, base: Cash) -> Result<Plan, ConfigError> {
        let mut methods = [self.method; BasketKind::ALL.len()];
        for (name, method) in &self.by_kind {
            let at = BasketKind::ALL.iter().position(|kind| kind.name() == name.as_str());
            let slot = at.and_then(|at| methods.get_mut(at)).ok_or_else(|| ConfigError::Range {
                key: "sizing.by_kind",
                value: name.clone(),
                expected: BasketKind::ALL.map(BasketKind::name).join(", "),
            })?;
            *slot = *method;
        }
        let part = rate("sizing.kelly_part", &self.kelly_part)?;
        if part > KELLY_PART_MAX {
            return Err(ConfigError::Range {
                key: "sizing.kelly_part",
                value: self.kelly_part,
                expected: "0 to 0.25: more is reckless".to_owned(),
            });
        }
        let contracts = Qty::from_contracts(self.flat_contracts);
        let leg_loss: UnitCost =
            usd("sizing.leg_loss_usd", &self.leg_loss_usd)?.micro().saturating_mul(UNITS_PER_MICRO);
        Ok(Plan {
            methods,
            tiers: Tiers {
                base,
                structure: rate("sizing.tier_structure", &self.tier_structure)?,
                approved: rate("sizing.tier_approved", &self.tier_approved)?,
            },
            kelly: Kelly { part },
            unit: UnitStake { stake: usd("sizing.unit_usd", &self.unit_usd)? },
            flat: Flat {
                contracts: contracts.ok_or_else(|| ConfigError::Range {
                    key: "sizing.flat_contracts",
                    value: self.flat_contracts.to_string(),
                    expected: "0 to 1e12".to_owned(),
                })?,
            },
            inverted: InvertedRisk { budget: usd("sizing.inverted_usd", &self.inverted_usd)? },
            bankroll: usd("sizing.kelly_bankroll_usd", &self.kelly_bankroll_usd)?,
            wrong: [
                rate("sizing.wrong_structure", &self.wrong_structure)?,
                rate("sizing.wrong_approved", &self.wrong_approved)?,
            ],
            leg_loss,
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::config::Config;
    use crate::eval::basket::BasketKind;
    use crate::sizing::MethodName;

    #[test]
    fn methods_are_chosen_by_kind() {
        let text = "[sizing]\nmethod = \"unit\"\nby_kind = { cross_venue = \"kelly\" }";
        let plan = Config::parse(text).unwrap().sizing;
        for (kind, method) in BasketKind::ALL.iter().zip(plan.methods) {
            let wanted =
                if *kind == BasketKind::CrossVenue { MethodName::Kelly } else { MethodName::Unit };
            assert_eq!(method, wanted, "{}", kind.name());
        }
        for (bad, says) in [
            ("[sizing]\nmethod = \"all in\"", "unknown variant"),
            ("[sizing]\nby_kind = { lottery = \"flat\" }", "sizing.by_kind = lottery"),
            ("[sizing]\nkelly_part = \"0.5\"", "reckless"),
            ("[sizing]\ntier_approved = \"2\"", "sizing.tier_approved"),
        ] {
            let error = Config::parse(bad).unwrap_err().to_string();
            assert!(error.contains(says), "{error}");
        }
    }
}

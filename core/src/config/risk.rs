//! The `[risk]` and `[breakers]` sections: what the gate allows, and what pauses it.

use dutchbook_book::{Cash, Nanos, Price};
use serde::Deserialize;

use super::{ConfigError, size, usd, within};
use crate::risk::RiskConfig;
use crate::risk::breaker::BreakerConfig;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawRisk {
    order_cash_usd_max: String,
    book_cash_usd_max: String,
    event_cash_usd_max: String,
    legged_cash_usd_max: String,
    venue_cash_usd_max: String,
    oracle_cash_usd_max: String,
    total_cash_usd_max: String,
    daily_loss_usd_max: String,
    drawdown_usd_max: String,
    price_min: String,
    price_max: String,
    order_reserve_usd: String,
    orders_per_s_max: u64,
    open_baskets_max: u64,
    open_orders_max: u64,
    view_age_ms_max: u64,
    deadline_ms: u64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawBreakers {
    rejects_max: u64,
    slippage_usd_max: String,
    legged_max: u64,
    window_s: u64,
    pause_s: u64,
    trips_per_day_max: u64,
}

impl RawRisk {
    pub(super) fn check(
        self,
        min_net: Cash,
        breakers: BreakerConfig,
    ) -> Result<RiskConfig, ConfigError> {
        Ok(RiskConfig {
            order_cash_max: usd("risk.order_cash_usd_max", &self.order_cash_usd_max)?,
            book_cash_max: usd("risk.book_cash_usd_max", &self.book_cash_usd_max)?,
            event_exposure_cash_max: usd("risk.event_cash_usd_max", &self.event_cash_usd_max)?,
            event_legged_cash_max: usd("risk.legged_cash_usd_max", &self.legged_cash_usd_max)?,
            venue_cash_max: usd("risk.venue_cash_usd_max", &self.venue_cash_usd_max)?,
            oracle_cash_max: usd("risk.oracle_cash_usd_max", &self.oracle_cash_usd_max)?,
            total_cash_max: usd("risk.total_cash_usd_max", &self.total_cash_usd_max)?,
            daily_loss_cash_max: usd("risk.daily_loss_usd_max", &self.daily_loss_usd_max)?,
            drawdown_cash_max: usd("risk.drawdown_usd_max", &self.drawdown_usd_max)?,
            price_band: band(&self.price_min, &self.price_max)?,
            net_edge_cash_min: min_net,
            order_reserve_cash: usd("risk.order_reserve_usd", &self.order_reserve_usd)?,
            open_baskets_max: size("risk.open_baskets_max", self.open_baskets_max, 1..=1_024)?,
            open_orders_max: size("risk.open_orders_max", self.open_orders_max, 1..=4_096)?,
            window_orders_max: size("risk.orders_per_s_max", self.orders_per_s_max, 1..=10_000)?,
            order_window_ms: 1_000,
            age_ms_max: within("risk.view_age_ms_max", self.view_age_ms_max, 1..=86_400_000)?,
            deadline_ms: within("risk.deadline_ms", self.deadline_ms, 1..=60_000)?,
            breakers,
        })
    }
}

impl RawBreakers {
    pub(super) fn check(&self) -> Result<BreakerConfig, ConfigError> {
        let count = |key, value| {
            within(key, value, 0..=1_000_000).map(|count| u32::try_from(count).unwrap_or(u32::MAX))
        };
        let span = |key, secs| within(key, secs, 1..=86_400).map(Nanos::from_secs);
        Ok(BreakerConfig {
            rejects_max: count("breakers.rejects_max", self.rejects_max)?,
            slippage_cash_max: usd("breakers.slippage_usd_max", &self.slippage_usd_max)?,
            legged_max: count("breakers.legged_max", self.legged_max)?,
            window: span("breakers.window_s", self.window_s)?,
            pause: span("breakers.pause_s", self.pause_s)?,
            trips_max: count("breakers.trips_per_day_max", self.trips_per_day_max)?,
        })
    }
}

/// A price in dollars as text, from 0 to 1.
pub(super) fn price(key: &'static str, text: &str) -> Result<Price, ConfigError> {
    let cash = usd(key, text)?;
    let price = u32::try_from(cash.micro()).ok().and_then(Price::from_micro);
    price.ok_or_else(|| ConfigError::Range {
        key,
        value: format!("{text:?}"),
        expected: "0 to 1".to_owned(),
    })
}

fn band(low: &str, high: &str) -> Result<[Price; 2], ConfigError> {
    let band = [price("risk.price_min", low)?, price("risk.price_max", high)?];
    match band {
        [from, to] if from < to => Ok(band),
        _ => Err(ConfigError::Range {
            key: "risk.price_min",
            value: format!("{low:?}"),
            expected: format!("less than risk.price_max, {high:?}"),
        }),
    }
}

#[cfg(test)]
mod tests {
    use crate::config::Config;

    #[test]
    fn what_cannot_be_a_limit_is_refused_by_its_key() {
        for (text, names) in [
            ("[risk]\nprice_min = \"0.6\"\nprice_max = \"0.6\"", "risk.price_min"),
            ("[risk]\nprice_max = \"1.1\"", "risk.price_max"),
            ("[breakers]\nwindow_s = 0", "breakers.window_s"),
            ("[breakers]\nslippage_usd_max = \"-1\"", "breakers.slippage_usd_max"),
            ("[risk]\ndrawdown_usd_max = \"x\"", "risk.drawdown_usd_max"),
        ] {
            let line = Config::parse(text).unwrap_err().to_string();
            assert!(line.contains(names) && !line.contains('\n'), "{text}: {line}");
        }
    }
}

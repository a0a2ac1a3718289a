//! Configuration: text to typed to checked, once, at start. `config/default.toml` is the manual.
//!
//! Every key has its unit in its name and a default; unknown keys are refused; amounts of money are
//! decimal strings, so that no float comes near them. What is out of range is one line that names
//! the key, the value and the range.

mod gateway;
mod journal;
mod live;
mod relations;
mod resolution;
mod risk;
mod sizing;
mod text;
mod tiles;
mod venues;

pub use live::{KalshiAccount, KillConfig, LiveConfig, NonceMode, PolymarketAccount};
pub use relations::RelationsConfig;
pub use tiles::{LayoutKind, TilesConfig};
pub use venues::{KalshiVenue, PolymarketVenue, VenueLimits, VenuesConfig};

use core::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use dutchbook_book::{Cash, Nanos, Rate};
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use serde::Deserialize;

use crate::capture::{Policy, WhenFull};
use crate::engine::EngineConfig;
use crate::engine::pricer::PriceLimits;
use crate::engine::resolve::ResolutionLimits;
use crate::gateway::GatewayLimits;
use crate::journal::keeper::JournalConfig;
use crate::risk::RiskConfig;
use crate::sizing::Plan;

/// 1e-14 $ in 1e-6 $.
const UNITS_PER_MICRO: i64 = 100_000_000;
/// Ended opportunities that a run keeps one by one.
const LIVES_MAX: usize = 65_536;

/// The manual, and the defaults.
pub const DEFAULT_TOML: &str = include_str!("config/default.toml");

/// Why a configuration cannot be used. Each says which key and what to do.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read the configuration {path} ({source}): check the path")]
    Read {
        /// Which file.
        path: PathBuf,
        /// What the operating system says.
        source: std::io::Error,
    },
    /// It is not TOML, or has a key of the wrong name or type.
    #[error("configuration: {0}")]
    Parse(String),
    /// A value is out of its range.
    #[error("configuration: {key} = {value} is out of range, expected {expected}")]
    Range {
        /// Which key.
        key: &'static str,
        /// Its value.
        value: String,
        /// What it may be.
        expected: String,
    },
}

/// Limits of a feed.
#[derive(Clone, Copy, Debug)]
pub struct FeedLimits {
    /// Largest message in bytes.
    pub payload_bytes_max: usize,
    /// Silence of a connection after which it is dead.
    pub silence_max: Nanos,
    /// Event-time age after which a book is stale.
    pub stale_max: Nanos,
    /// Every book is sent for again so often; zero is never.
    pub refresh: Nanos,
}

/// Paper execution.
#[derive(Clone, Copy, Debug)]
pub struct PaperLimits {
    /// Cash on each venue at the start.
    pub cash: Cash,
    /// From the decision until the venue matches.
    pub latency: Nanos,
}

/// A checked configuration.
#[derive(Clone, Debug)]
pub struct Config {
    /// Tiles, cores and rings.
    pub tiles: TilesConfig,
    /// Limits of a feed.
    pub feed: FeedLimits,
    /// Which venues, where, and what of them.
    pub venues: VenuesConfig,
    /// Approved relations, and how they are compiled.
    pub relations: RelationsConfig,
    /// What makes an edge worth a trade.
    pub evaluate: PriceLimits,
    /// How long an edge must have been there before it is traded.
    pub persist: Nanos,
    /// How resolutions are traded.
    pub resolution: ResolutionLimits,
    /// Paper execution.
    pub paper: PaperLimits,
    /// How much of an opportunity is wanted.
    pub sizing: Plan,
    /// What the risk gate allows.
    pub risk: RiskConfig,
    /// The ways to the kill switch, and where it is latched.
    pub kill: KillConfig,
    /// What real orders need.
    pub live: LiveConfig,
    /// How orders travel.
    pub gateway: GatewayLimits,
    /// Records of a latency chunk.
    pub chunk_records: usize,
    /// How much disk a capture may use.
    pub capture: Policy,
    /// Where the journal and the ledger are kept; none: nothing outlives the run.
    pub journal_folder: Option<PathBuf>,
    /// How the journal is kept.
    pub journal: JournalConfig,
    /// The whole configuration as TOML, defaults included: what a capture keeps.
    pub text: String,
}

impl Config {
    /// The configuration of a file, or the defaults without one.
    ///
    /// # Errors
    /// When the file cannot be read, has an unknown key, or a value is out of range.
    pub fn load(path: Option<&Path>) -> Result<Self, ConfigError> {
        match path {
            None => Self::parse(""),
            Some(path) => {
                let text = std::fs::read_to_string(path)
                    .map_err(|source| ConfigError::Read { path: path.to_owned(), source })?;
                Self::parse(&text)
            }
        }
    }

    /// What of it an engine needs.
    #[must_use]
    pub const fn engine(&self) -> EngineConfig {
        EngineConfig {
            price: self.evaluate,
            resolution: self.resolution,
            sizing: self.sizing,
            risk: self.risk,
            paper_cash: self.paper.cash,
            paper_latency: self.paper.latency,
            lives_max: LIVES_MAX,
            persist: self.persist,
            trades: true,
        }
    }

    /// The configuration of a TOML text on top of the defaults.
    ///
    /// # Errors
    /// When it has an unknown key, a value of the wrong type (named with its line), or one that is
    /// out of range.
    pub fn parse(text: &str) -> Result<Self, ConfigError> {
        Self::of(text::merged(text)?, text)
    }

    /// The same configuration with every book sent for anew this often. Its text says so too: a
    /// capture holds the text.
    ///
    /// # Errors
    /// When the pause is out of range.
    pub fn refreshing(&self, pause: Nanos) -> Result<Self, ConfigError> {
        let mut table = text::merged(&self.text)?;
        let ms = i64::try_from(pause.0 / 1_000_000).unwrap_or(i64::MAX);
        if let Some(toml::Value::Table(feed)) = table.get_mut("feed") {
            feed.insert("refresh_ms".to_owned(), toml::Value::Integer(ms));
        }
        Self::of(table, &self.text)
    }

    /// A whole table, checked; `own` is what a person wrote of it.
    fn of(merged: toml::Table, own: &str) -> Result<Self, ConfigError> {
        let text = merged.to_string();
        let raw = text::typed(merged, own)?;
        Ok(Config { text, ..raw.check()? })
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    tiles: tiles::RawTiles,
    feed: RawFeed,
    venues: venues::RawVenues,
    polymarket: venues::RawPolymarket,
    kalshi: venues::RawKalshi,
    relations: relations::RawRelations,
    evaluate: RawEvaluate,
    resolution: resolution::RawResolution,
    paper: RawPaper,
    sizing: sizing::RawSizing,
    risk: risk::RawRisk,
    breakers: risk::RawBreakers,
    kill: live::RawKill,
    live: live::RawLive,
    gateway: gateway::RawGateway,
    probe: RawProbe,
    capture: RawCapture,
    journal: journal::RawJournal,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawFeed {
    payload_bytes_max: u64,
    silence_ms_max: u64,
    stale_ms_max: u64,
    refresh_ms: u64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawEvaluate {
    min_edge_usd: String,
    min_net_usd: String,
    capital_usd_max: String,
    fixed_cost_usd: String,
    persist_us: u64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawPaper {
    cash_usd: String,
    latency_us: u64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawProbe {
    chunk_records: u64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawCapture {
    segment_mib: u64,
    total_mib_max: u64,
    when_full: WhenFull,
}

impl RawCapture {
    fn check(&self) -> Result<Policy, ConfigError> {
        let segment = within("capture.segment_mib", self.segment_mib, 1..=4_096)?;
        let total = within("capture.total_mib_max", self.total_mib_max, segment..=16_777_216)?;
        Ok(Policy {
            segment_bytes_max: segment << 20,
            bytes_max: total << 20,
            when_full: self.when_full,
        })
    }
}

impl Raw {
    fn check(self) -> Result<Config, ConfigError> {
        let min_net = usd("evaluate.min_net_usd", &self.evaluate.min_net_usd)?;
        let capital_max = usd("evaluate.capital_usd_max", &self.evaluate.capital_usd_max)?;
        let (journal_folder, journal) = self.journal.check()?;
        let venues = venues::check(self.venues, self.polymarket, self.kalshi)?;
        let live = self.live.check(venues.kalshi.as_ref())?;
        let tiles = self.tiles.check()?;
        Ok(Config {
            gateway: self.gateway.check(&tiles)?,
            tiles,
            feed: FeedLimits {
                payload_bytes_max: size(
                    "feed.payload_bytes_max",
                    self.feed.payload_bytes_max,
                    1_024..=67_108_864,
                )?,
                silence_max: millis(
                    "feed.silence_ms_max",
                    self.feed.silence_ms_max,
                    1_000..=600_000,
                )?,
                stale_max: millis("feed.stale_ms_max", self.feed.stale_ms_max, 100..=3_600_000)?,
                refresh: match self.feed.refresh_ms {
                    0 => Nanos::ZERO,
                    some => millis("feed.refresh_ms", some, 500..=3_600_000)?,
                },
            },
            venues,
            relations: self.relations.check()?,
            evaluate: PriceLimits {
                min_edge: usd("evaluate.min_edge_usd", &self.evaluate.min_edge_usd)?
                    .micro()
                    .saturating_mul(UNITS_PER_MICRO),
                min_net,
                capital_max,
                fixed_cost: usd("evaluate.fixed_cost_usd", &self.evaluate.fixed_cost_usd)?,
            },
            persist: Nanos::from_micros(within(
                "evaluate.persist_us",
                self.evaluate.persist_us,
                0..=60_000_000,
            )?),
            resolution: self.resolution.check()?,
            paper: PaperLimits {
                cash: usd("paper.cash_usd", &self.paper.cash_usd)?,
                latency: Nanos::from_micros(within(
                    "paper.latency_us",
                    self.paper.latency_us,
                    0..=10_000_000,
                )?),
            },
            sizing: self.sizing.check(capital_max)?,
            risk: self.risk.check(min_net, self.breakers.check()?)?,
            kill: self.kill.check()?,
            live,
            chunk_records: size("probe.chunk_records", self.probe.chunk_records, 64..=65_536)?,
            capture: self.capture.check()?,
            journal_folder,
            journal,
            text: String::new(),
        })
    }
}

fn within(key: &'static str, value: u64, range: RangeInclusive<u64>) -> Result<u64, ConfigError> {
    if range.contains(&value) {
        return Ok(value);
    }
    let expected = format!("{} to {}", range.start(), range.end());
    Err(ConfigError::Range { key, value: value.to_string(), expected })
}

fn millis(key: &'static str, value: u64, range: RangeInclusive<u64>) -> Result<Nanos, ConfigError> {
    within(key, value, range).map(Nanos::from_millis)
}

fn size(key: &'static str, value: u64, range: RangeInclusive<u64>) -> Result<usize, ConfigError> {
    let value = within(key, value, range)?;
    Ok(usize::try_from(value).unwrap_or(usize::MAX))
}

/// A share from 0 to 1 with at most nine decimals.
fn rate(key: &'static str, text: &str) -> Result<Rate, ConfigError> {
    let refuse = || ConfigError::Range {
        key,
        value: format!("{text:?}"),
        expected: "a decimal string from 0 to 1, at most nine decimals".to_owned(),
    };
    let share: Decimal = text.parse().map_err(|_error| refuse())?;
    let nano = share.checked_mul(Decimal::from(1_000_000_000_u32)).ok_or_else(refuse)?;
    match nano.to_u32() {
        Some(whole) if whole <= Rate::ONE.nano() && Decimal::from(whole) == nano => {
            Ok(Rate::from_nano(whole))
        }
        Some(_) | None => Err(refuse()),
    }
}

/// A non-negative amount of dollars with at most six decimals.
fn usd(key: &'static str, text: &str) -> Result<Cash, ConfigError> {
    let refuse = || ConfigError::Range {
        key,
        value: format!("{text:?}"),
        expected: "dollars as a decimal string, 0 or more, at most six decimals".to_owned(),
    };
    let amount: Decimal = text.parse().map_err(|_error| refuse())?;
    let micro = amount.checked_mul(Decimal::from(1_000_000_u32)).ok_or_else(refuse)?;
    match micro.to_i64() {
        Some(whole) if whole >= 0 && Decimal::from(whole) == micro => Ok(Cash::from_micro(whole)),
        Some(_) | None => Err(refuse()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_pause_is_in_the_text_as_well() {
        let config = Config::parse("").unwrap();
        let changed = config.refreshing(Nanos::from_millis(1_500)).unwrap();
        assert_eq!(changed.feed.refresh, Nanos::from_millis(1_500));
        assert_eq!(Config::parse(&changed.text).unwrap().feed.refresh, changed.feed.refresh);
        assert!(config.refreshing(Nanos::from_millis(1)).is_err());
    }

    #[test]
    fn the_manual_is_a_valid_configuration() {
        let config = Config::parse("").unwrap();
        assert_eq!(config.evaluate.min_net, Cash::from_micro(50_000));
        assert_eq!(config.paper.latency, Nanos::from_micros(500));
    }

    #[test]
    fn odds_fall_with_trust_and_bind_the_money_for_their_windows_and_disputes() {
        let limits = Config::parse("").unwrap().resolution;
        let odds = [limits.last, limits.proposed, limits.named];
        assert_eq!(odds.map(|odds| odds.p_adverse.nano() / 1_000), [5_000, 10_000, 20_000]);
        // Two, three and a day of hours, and a hundredth of a dispute's six days before the last word.
        let hours = odds.map(|odds| odds.carry.hours_micro);
        assert_eq!(hours, [2_000_000, 3_000_000 + 1_440_000, 24_000_000 + 1_440_000]);
        let sure = Config::parse("[resolution]\np_dispute = \"0\"\n[resolution.named]\ncash_h = 1");
        assert_eq!(sure.unwrap().resolution.named.carry.hours_micro, 1_000_000);
        let wrong = Config::parse("[resolution.proposed]\nadverse_value_usd = \"2\"");
        assert!(wrong.unwrap_err().to_string().contains("resolution.proposed.adverse_value_usd"));
    }

    #[test]
    fn the_whole_text_says_the_same_again() {
        let config = Config::parse("[paper]\nlatency_us = 7").unwrap();
        let again = Config::parse(&config.text).unwrap();
        assert_eq!(format!("{config:?}"), format!("{again:?}"));
    }

    #[test]
    fn a_key_replaces_its_default_only() {
        let config = Config::parse("[paper]\nlatency_us = 7").unwrap();
        assert_eq!(config.paper.latency, Nanos::from_micros(7));
        assert_eq!(config.paper.cash, Cash::from_micro(10_000_000_000));
    }

    #[test]
    fn what_cannot_be_is_refused_in_one_line_that_names_the_key() {
        for (text, names) in [
            ("[paper]\nlatency_us = 10000001", "paper.latency_us"),
            ("[paper]\ncash_usd = \"-1\"", "paper.cash_usd"),
            ("[paper]\ncash_usd = \"0.0000001\"", "paper.cash_usd"),
            ("[paper]\nlatency_ms = 1", "latency_ms"),
            ("[tiles]\nring_slots = 1000", "power of two"),
            ("[tiles]\ncores = [9999]", "tiles.cores"),
            ("[nonsense]\na = 1", "nonsense"),
            ("[gateway]\norder_connections = 0", "gateway.order_connections"),
            ("[gateway]\nreply_ms_max = 99", "gateway.reply_ms_max"),
            ("[tiles", "configuration"),
        ] {
            let line = Config::parse(text).unwrap_err().to_string();
            assert!(line.contains(names) && !line.contains('\n'), "{text}: {line}");
        }
    }
}

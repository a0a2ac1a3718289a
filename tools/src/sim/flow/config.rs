//! The parameters of the flow: what each pace has, and a file that changes some of them.

use std::path::{Path, PathBuf};

use dutchbook_book::Nanos;
use serde::Deserialize;

/// How much happens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Pace {
    /// A few hundred frames a second over both venues.
    #[default]
    Calm,
    /// Several thousand.
    Busy,
    /// A few frames a second, wide spreads, and less than one trade a second on each venue: a
    /// client of a venue can place, watch and cancel its orders in peace.
    Quiet,
    /// Books as they were opened, with wide spreads, and silence.
    None,
}

/// Every parameter of the flow. Times are means, prices and edges are in parts of a million.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FlowConfig {
    /// Seconds of the market in one second of the clock.
    pub time_scale: u64,
    /// How often the truth moves.
    pub truth_step: Nanos,
    /// How often a maker looks at its quotes.
    pub maker_refresh: Nanos,
    /// Delay of the quickest and of the slowest maker of Polymarket.
    pub delay_polymarket: [Nanos; 2],
    /// Delay of the quickest and of the slowest maker of Kalshi.
    pub delay_kalshi: [Nanos; 2],
    /// Makers per listing, beside the slow one with the deep book.
    pub maker_count: u32,
    /// Prices per side and maker.
    pub level_count: u32,
    /// Least and largest size of a quote, in contracts.
    pub quote_contracts: [u64; 2],
    /// Least and largest half spread of a maker where the tick is a cent.
    pub half_spread_coarse: [u64; 2],
    /// The same where the tick is finer.
    pub half_spread_fine: [u64; 2],
    /// How far a venue's opinion wanders from the truth at even chances.
    pub sentiment: u32,
    /// How long an opinion lasts.
    pub sentiment_life: Nanos,
    /// How far a hundred contracts bought move the opinion of their venue.
    pub impact: u32,
    /// What makers hold a winner worth until it is paid.
    pub aftermath: u32,
    /// Time between two uninformed orders on one listing.
    pub noise: Nanos,
    /// Time between two looks of an informed taker at one listing.
    pub informed: Nanos,
    /// What an informed taker wants to gain.
    pub informed_edge: i64,
    /// How often an arbitrageur looks.
    pub arbitrage: Nanos,
    /// What it wants to gain after fees.
    pub arbitrage_edge: i64,
    /// How long a gain of a cent after fees waits for it; twice the gain waits half as long.
    pub arbitrage_wait: Nanos,
    /// Shortest and longest of these times.
    pub arbitrage_waits: [Nanos; 2],
    /// Time between two markets that a venue lists while it runs; zero is never.
    pub listing: Nanos,
    /// Whether anything happens after the books are opened.
    pub is_still: bool,
}

/// The calm pace; the others say what they do differently.
const CALM: FlowConfig = FlowConfig {
    time_scale: 1,
    truth_step: Nanos::from_millis(25),
    maker_refresh: Nanos::from_millis(1_300),
    delay_polymarket: [Nanos::from_millis(150), Nanos::from_millis(900)],
    delay_kalshi: [Nanos::from_millis(60), Nanos::from_millis(450)],
    maker_count: 3,
    level_count: 3,
    quote_contracts: [80, 900],
    half_spread_coarse: [5_000, 9_000],
    half_spread_fine: [500, 1_500],
    sentiment: 7_000,
    sentiment_life: Nanos::from_secs(300),
    impact: 250,
    aftermath: 986_000,
    noise: Nanos::from_millis(8_000),
    informed: Nanos::from_millis(900),
    informed_edge: 24_000,
    arbitrage: Nanos::from_millis(500),
    arbitrage_edge: 1_000,
    arbitrage_wait: Nanos::from_secs(30),
    arbitrage_waits: [Nanos::from_millis(1_500), Nanos::from_secs(90)],
    listing: Nanos::from_secs(9),
    is_still: false,
};

impl FlowConfig {
    /// The parameters of a pace.
    #[must_use]
    pub const fn of(pace: Pace) -> Self {
        match pace {
            Pace::Calm => CALM,
            Pace::Busy => Self {
                maker_refresh: Nanos::from_millis(80),
                maker_count: 4,
                noise: Nanos::from_millis(350),
                informed: Nanos::from_millis(250),
                // Ten times the orders move the price as far together.
                impact: 25,
                ..CALM
            },
            Pace::Quiet => Self {
                truth_step: Nanos::from_millis(250),
                quote_contracts: [40, 300],
                half_spread_coarse: [15_000, 19_000],
                half_spread_fine: [4_000, 8_000],
                sentiment: 700,
                noise: Nanos::from_secs(60),
                informed: Nanos::from_secs(10),
                informed_edge: 25_000,
                listing: Nanos::ZERO,
                ..CALM
            },
            Pace::None => Self { is_still: true, ..Self::of(Pace::Quiet) },
        }
    }

    /// The same market on the clock of a quicker world: every time is divided.
    #[must_use]
    pub fn scaled(self) -> Self {
        let scale = self.time_scale.max(1);
        let of = |time: Nanos| Nanos(time.0.div_euclid(scale));
        Self {
            truth_step: of(self.truth_step),
            maker_refresh: of(self.maker_refresh),
            delay_polymarket: self.delay_polymarket.map(of),
            delay_kalshi: self.delay_kalshi.map(of),
            sentiment_life: of(self.sentiment_life),
            noise: of(self.noise),
            informed: of(self.informed),
            arbitrage: of(self.arbitrage),
            arbitrage_wait: of(self.arbitrage_wait),
            arbitrage_waits: self.arbitrage_waits.map(of),
            ..self
        }
    }

    /// These parameters with those of a TOML file in their place.
    ///
    /// # Errors
    /// When the file cannot be read, has an unknown key, or a value is out of range.
    pub fn with_file(self, path: Option<&Path>) -> Result<Self, FlowError> {
        let Some(path) = path else { return Ok(self) };
        let text = std::fs::read_to_string(path)
            .map_err(|source| FlowError::Read { path: path.to_owned(), source })?;
        self.with_text(&text)
    }

    /// These parameters with those of a TOML text in their place.
    ///
    /// # Errors
    /// When the text has an unknown key, or a value is out of range.
    pub fn with_text(mut self, text: &str) -> Result<Self, FlowError> {
        let said = |error: toml::de::Error| {
            let words = error.to_string();
            FlowError::Text(words.split_whitespace().collect::<Vec<_>>().join(" "))
        };
        let file: FlowFile = toml::from_str(text).map_err(said)?;
        file.apply(&mut self)?;
        Ok(self)
    }
}

/// Why a file of parameters cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FlowError {
    /// The file cannot be read.
    #[error("cannot read the flow's parameters {path}: {source}")]
    Read {
        /// Which file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// It is not TOML, or has a key that is none.
    #[error("flow: {0}")]
    Text(String),
    /// A value is out of range.
    #[error("flow: {key} = {value} is out of range, expected {least} to {most}")]
    Range {
        /// Which key.
        key: &'static str,
        /// Its value.
        value: u64,
        /// The smallest that is taken.
        least: u64,
        /// The largest.
        most: u64,
    },
}

/// The keys of the file, each optional.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct FlowFile {
    time_scale: Option<u64>,
    truth_step_ms: Option<u64>,
    maker_refresh_ms: Option<u64>,
    delay_polymarket_ms: Option<[u64; 2]>,
    delay_kalshi_ms: Option<[u64; 2]>,
    maker_count: Option<u64>,
    level_count: Option<u64>,
    quote_contracts: Option<[u64; 2]>,
    half_spread_coarse_ppm: Option<[u64; 2]>,
    half_spread_fine_ppm: Option<[u64; 2]>,
    sentiment_ppm: Option<u64>,
    sentiment_life_ms: Option<u64>,
    impact_ppm: Option<u64>,
    aftermath_ppm: Option<u64>,
    noise_ms: Option<u64>,
    informed_ms: Option<u64>,
    informed_edge_ppm: Option<u64>,
    arbitrage_ms: Option<u64>,
    arbitrage_edge_ppm: Option<u64>,
    arbitrage_wait_ms: Option<u64>,
    arbitrage_waits_ms: Option<[u64; 2]>,
    listing_ms: Option<u64>,
}

/// The longest time that a key takes: a day.
const DAY_MS: u64 = 86_400_000;
/// The largest price or edge that a key takes.
const PPM_MAX: u64 = 500_000;

impl FlowFile {
    fn apply(&self, to: &mut FlowConfig) -> Result<(), FlowError> {
        for (key, from, slot) in [
            ("truth_step_ms", self.truth_step_ms, &mut to.truth_step),
            ("maker_refresh_ms", self.maker_refresh_ms, &mut to.maker_refresh),
            ("sentiment_life_ms", self.sentiment_life_ms, &mut to.sentiment_life),
            ("noise_ms", self.noise_ms, &mut to.noise),
            ("informed_ms", self.informed_ms, &mut to.informed),
            ("arbitrage_ms", self.arbitrage_ms, &mut to.arbitrage),
            ("arbitrage_wait_ms", self.arbitrage_wait_ms, &mut to.arbitrage_wait),
        ] {
            set(key, from, slot, |ms| Some(Nanos::from_millis(ms)), [5, DAY_MS])?;
        }
        set(
            "listing_ms",
            self.listing_ms,
            &mut to.listing,
            |ms| Some(Nanos::from_millis(ms)),
            [0, DAY_MS],
        )?;
        for (key, from, slot) in [
            ("delay_polymarket_ms", self.delay_polymarket_ms, &mut to.delay_polymarket),
            ("delay_kalshi_ms", self.delay_kalshi_ms, &mut to.delay_kalshi),
            ("arbitrage_waits_ms", self.arbitrage_waits_ms, &mut to.arbitrage_waits),
        ] {
            span(key, from, slot, Nanos::from_millis, [0, DAY_MS])?;
        }
        for (key, from, slot) in [
            ("half_spread_coarse_ppm", self.half_spread_coarse_ppm, &mut to.half_spread_coarse),
            ("half_spread_fine_ppm", self.half_spread_fine_ppm, &mut to.half_spread_fine),
        ] {
            span(key, from, slot, |ppm| ppm, [0, PPM_MAX])?;
        }
        span(
            "quote_contracts",
            self.quote_contracts,
            &mut to.quote_contracts,
            |n| n,
            [1, 1_000_000],
        )?;
        for (key, from, slot, range) in [
            ("maker_count", self.maker_count, &mut to.maker_count, [1, 20]),
            ("level_count", self.level_count, &mut to.level_count, [1, 50]),
            ("sentiment_ppm", self.sentiment_ppm, &mut to.sentiment, [0, PPM_MAX]),
            ("impact_ppm", self.impact_ppm, &mut to.impact, [0, PPM_MAX]),
            ("aftermath_ppm", self.aftermath_ppm, &mut to.aftermath, [PPM_MAX, 999_000]),
        ] {
            set(key, from, slot, |value| u32::try_from(value).ok(), range)?;
        }
        for (key, from, slot) in [
            ("informed_edge_ppm", self.informed_edge_ppm, &mut to.informed_edge),
            ("arbitrage_edge_ppm", self.arbitrage_edge_ppm, &mut to.arbitrage_edge),
        ] {
            set(key, from, slot, |value| i64::try_from(value).ok(), [0, PPM_MAX])?;
        }
        set("time_scale", self.time_scale, &mut to.time_scale, Some, [1, 1_000])
    }
}

/// Puts a value of the file, where it has one, into its place.
fn set<T>(
    key: &'static str,
    from: Option<u64>,
    slot: &mut T,
    convert: impl Fn(u64) -> Option<T>,
    [least, most]: [u64; 2],
) -> Result<(), FlowError> {
    let Some(value) = from else { return Ok(()) };
    let good = Some(value).filter(|value| (least..=most).contains(value)).and_then(convert);
    *slot = good.ok_or(FlowError::Range { key, value, least, most })?;
    Ok(())
}

/// Puts a least and a largest value into their place.
fn span<T: Copy>(
    key: &'static str,
    from: Option<[u64; 2]>,
    slot: &mut [T; 2],
    convert: impl Fn(u64) -> T,
    [least, most]: [u64; 2],
) -> Result<(), FlowError> {
    let Some([low, high]) = from else { return Ok(()) };
    let refuse = |value, least| FlowError::Range { key, value, least, most };
    if !(least..=most).contains(&low) {
        return Err(refuse(low, least));
    }
    if !(low..=most).contains(&high) {
        return Err(refuse(high, low));
    }
    *slot = [low, high].map(convert);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_changes_what_it_names_and_nothing_else() {
        let calm = FlowConfig::of(Pace::Calm);
        assert_eq!(calm.with_text("").unwrap(), calm);
        let text = "time_scale = 20\nnoise_ms = 8000\ndelay_kalshi_ms = [10, 90]\nimpact_ppm = 7";
        let expected = FlowConfig {
            time_scale: 20,
            noise: Nanos::from_secs(8),
            delay_kalshi: [Nanos::from_millis(10), Nanos::from_millis(90)],
            impact: 7,
            ..calm
        };
        assert_eq!(calm.with_text(text).unwrap(), expected);
        assert_eq!(expected.scaled().noise, Nanos::from_millis(400));
    }

    #[test]
    fn what_cannot_be_used_is_refused_by_its_key() {
        let calm = FlowConfig::of(Pace::Calm);
        for (text, says) in [
            ("nose_ms = 3", "unknown field `nose_ms`"),
            ("time_scale = 0", "time_scale = 0 is out of range, expected 1 to 1000"),
            ("delay_kalshi_ms = [90, 10]", "delay_kalshi_ms = 10 is out of range, expected 90"),
            ("aftermath_ppm = 1000000", "aftermath_ppm"),
            ("noise_ms = \"x\"", "flow: "),
        ] {
            let line = calm.with_text(text).unwrap_err().to_string();
            assert!(line.contains(says) && !line.contains('\n'), "{text}: {line}");
        }
    }
}

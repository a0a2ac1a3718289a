//! Which venues the engine follows, where they are, and how much of them.

use core::time::Duration;
use std::path::PathBuf;

use dutchbook_book::fee::kalshi::Member;
use serde::Deserialize;

use super::{ConfigError, size, within};
use crate::net::SOCKETS_MAX;

/// Which venues, where, and what of them.
#[derive(Clone, Debug)]
pub struct VenuesConfig {
    /// PEM files of root certificates beside the public ones.
    pub tls_extra_roots: Vec<PathBuf>,
    /// How often the venues' lists are read again.
    pub refresh: Duration,
    /// How often books are compared with REST; `None` never.
    pub compare: Option<Duration>,
    /// Whether every socket has a warm second one.
    pub standby: bool,
    /// How often the status of a venue as a whole is read; never without.
    pub status: Option<Duration>,
    /// Books of each venue that are kept free for markets that appear while the engine runs.
    pub free_books: usize,
    /// Polymarket, where it is enabled.
    pub polymarket: Option<PolymarketVenue>,
    /// Kalshi, where it is enabled.
    pub kalshi: Option<KalshiVenue>,
}

/// Where Polymarket is and what of it is followed.
#[derive(Clone, Debug)]
pub struct PolymarketVenue {
    /// CLOB's REST.
    pub clob_url: String,
    /// Gamma's REST.
    pub gamma_url: String,
    /// The market channel.
    pub market_ws_url: String,
    /// Sockets that race for each message of the market channel; one is no race.
    pub race_sockets: usize,
    /// Events by slug; empty: by turnover.
    pub slugs: Vec<String>,
    /// What it is limited to.
    pub limits: VenueLimits,
}

/// Where Kalshi is and what of it is followed.
#[derive(Clone, Debug)]
pub struct KalshiVenue {
    /// Its REST.
    pub api_url: String,
    /// Its stream.
    pub ws_url: String,
    /// Series by ticker; empty: open events.
    pub series: Vec<String>,
    /// What it is limited to.
    pub limits: VenueLimits,
    /// Whether its tickers are compared with the books.
    pub ticker: bool,
    /// How the account is kept.
    pub member: Member,
    /// The id of the API key and the file of its private key.
    pub key: Option<(String, PathBuf)>,
}

/// How much of a venue is followed, and how fast it is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VenueLimits {
    /// Most events.
    pub events_max: usize,
    /// Most books.
    pub books_max: usize,
    /// Books on one socket.
    pub shard_books: usize,
    /// Requests a second.
    pub requests_per_s: u32,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawVenues {
    tls_extra_roots: Vec<PathBuf>,
    refresh_s: u64,
    compare_s: u64,
    standby: bool,
    free_books: u64,
    status_s: u64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawPolymarket {
    enabled: bool,
    clob_url: String,
    gamma_url: String,
    market_ws_url: String,
    slugs: Vec<String>,
    race_sockets: u64,
    events_max: u64,
    books_max: u64,
    shard_books: u64,
    requests_per_s: u64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawKalshi {
    enabled: bool,
    api_url: String,
    ws_url: String,
    series: Vec<String>,
    events_max: u64,
    books_max: u64,
    shard_books: u64,
    requests_per_s: u64,
    member: RawMember,
    ticker: bool,
    key_id: String,
    private_key_file: PathBuf,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum RawMember {
    Direct,
    NonDirect,
}

pub(super) fn check(
    venues: RawVenues,
    polymarket: RawPolymarket,
    kalshi: RawKalshi,
) -> Result<VenuesConfig, ConfigError> {
    let compare_s = within("venues.compare_s", venues.compare_s, 0..=3_600)?;
    let refresh_s = within("venues.refresh_s", venues.refresh_s, 1..=86_400)?;
    let status_s = within("venues.status_s", venues.status_s, 0..=3_600)?;
    let (polymarket, kalshi) = (polymarket.check()?, kalshi.check()?);
    if polymarket.is_none() && kalshi.is_none() {
        return Err(ConfigError::Range {
            key: "polymarket.enabled",
            value: "false".to_owned(),
            expected: "at least one venue enabled".to_owned(),
        });
    }
    Ok(VenuesConfig {
        tls_extra_roots: venues.tls_extra_roots,
        refresh: Duration::from_secs(refresh_s),
        compare: (compare_s > 0).then(|| Duration::from_secs(compare_s)),
        standby: venues.standby,
        status: (status_s > 0).then(|| Duration::from_secs(status_s)),
        free_books: size("venues.free_books", venues.free_books, 0..=4_096)?,
        polymarket,
        kalshi,
    })
}

impl RawPolymarket {
    fn check(self) -> Result<Option<PolymarketVenue>, ConfigError> {
        let venue = PolymarketVenue {
            clob_url: url("polymarket.clob_url", self.clob_url, "http")?,
            gamma_url: url("polymarket.gamma_url", self.gamma_url, "http")?,
            market_ws_url: url("polymarket.market_ws_url", self.market_ws_url, "ws")?,
            slugs: names("polymarket.slugs", self.slugs)?,
            race_sockets: size(
                "polymarket.race_sockets",
                self.race_sockets,
                1..=u64::try_from(SOCKETS_MAX).unwrap_or(1),
            )?,
            limits: VenueLimits {
                events_max: size("polymarket.events_max", self.events_max, 1..=1_000)?,
                books_max: size("polymarket.books_max", self.books_max, 1..=20_000)?,
                shard_books: size("polymarket.shard_books", self.shard_books, 1..=1_000)?,
                requests_per_s: per_s("polymarket.requests_per_s", self.requests_per_s)?,
            },
        };
        Ok(self.enabled.then_some(venue))
    }
}

impl RawKalshi {
    fn check(self) -> Result<Option<KalshiVenue>, ConfigError> {
        let has_file = !self.private_key_file.as_os_str().is_empty();
        let key = match (self.key_id.is_empty(), has_file) {
            (true, false) => None,
            (false, true) => Some((self.key_id, self.private_key_file)),
            (true, true) | (false, false) => {
                return Err(ConfigError::Range {
                    key: "kalshi.key_id",
                    value: format!("{:?}", self.key_id),
                    expected: "key_id and private_key_file, both or neither".to_owned(),
                });
            }
        };
        let venue = KalshiVenue {
            api_url: url("kalshi.api_url", self.api_url, "http")?,
            ws_url: url("kalshi.ws_url", self.ws_url, "ws")?,
            series: names("kalshi.series", self.series)?,
            limits: VenueLimits {
                events_max: size("kalshi.events_max", self.events_max, 1..=1_000)?,
                books_max: size("kalshi.books_max", self.books_max, 1..=20_000)?,
                shard_books: size("kalshi.shard_books", self.shard_books, 1..=1_000)?,
                requests_per_s: per_s("kalshi.requests_per_s", self.requests_per_s)?,
            },
            ticker: self.ticker,
            member: match self.member {
                RawMember::Direct => Member::Direct,
                RawMember::NonDirect => Member::NonDirect,
            },
            key,
        };
        Ok(self.enabled.then_some(venue))
    }
}

fn per_s(key: &'static str, value: u64) -> Result<u32, ConfigError> {
    within(key, value, 1..=100).map(|value| u32::try_from(value).unwrap_or(u32::MAX))
}

/// An address of a scheme, with or without TLS, without blanks, which would end a request's line.
pub(super) fn url(key: &'static str, value: String, scheme: &str) -> Result<String, ConfigError> {
    let rest = value.strip_prefix(scheme);
    let rest = rest.and_then(|rest| rest.strip_prefix("://").or(rest.strip_prefix("s://")));
    if rest.is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_graphic()))
    {
        return Ok(value);
    }
    let expected = format!("an address that begins with {scheme}:// or {scheme}s://");
    Err(ConfigError::Range { key, value: format!("{value:?}"), expected })
}

/// Slugs and tickers go into paths and queries: letters, digits and a few signs.
fn names(key: &'static str, list: Vec<String>) -> Result<Vec<String>, ConfigError> {
    let is_plain = |name: &str| {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        !name.is_empty() && name.bytes().all(plain)
    };
    match list.iter().find(|name| !is_plain(name)) {
        None => Ok(list),
        Some(bad) => Err(ConfigError::Range {
            key,
            value: format!("{bad:?}"),
            expected: "names of letters, digits, '-', '_' and '.'".to_owned(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use crate::config::Config;

    #[test]
    fn the_real_venues_are_the_default() {
        let venues = Config::parse("").unwrap().venues;
        assert!(venues.polymarket.unwrap().clob_url.starts_with("https://clob.polymarket.com"));
        let kalshi = venues.kalshi.unwrap();
        assert!(kalshi.ws_url.starts_with("wss://") && kalshi.key.is_none());
    }

    #[test]
    fn what_cannot_be_a_venue_is_refused_by_its_key() {
        for (text, names) in [
            ("[kalshi]\napi_url = \"kalshi.com\"", "kalshi.api_url"),
            ("[polymarket]\nmarket_ws_url = \"https://x\"", "polymarket.market_ws_url"),
            ("[polymarket]\nslugs = [\"a b\"]", "polymarket.slugs"),
            ("[polymarket]\nclob_url = \"http://a b\"", "polymarket.clob_url"),
            ("[kalshi]\nkey_id = \"x\"", "both or neither"),
            ("[venues]\nrefresh_s = 0", "venues.refresh_s"),
            ("[polymarket]\nenabled = false\n[kalshi]\nenabled = false", "at least one venue"),
        ] {
            let line = Config::parse(text).unwrap_err().to_string();
            assert!(line.contains(names), "{text}: {line}");
        }
    }
}

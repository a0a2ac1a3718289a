//! The whole look, in order: configuration, latch, machine, venues, fee tables.

use dutchbook_book::Nanos;
use dutchbook_book::fee::kalshi::Member;

use super::{Findings, kalshi, machine, polymarket};
use crate::clock::Clock;
use crate::config::Config;
use crate::discovery::crawl::Crawler;
use crate::discovery::{Directory, Refusal};
use crate::risk::latch::{Latch, LatchState};
use crate::tls::TlsRoots;

/// Events of each venue whose fees are looked at.
const EVENTS: usize = 5;

/// How thorough the look is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Somebody asks.
    Check,
    /// Real orders are about to be sent: an account is needed.
    Live,
}

/// Looks at everything that real orders depend on. Nothing is changed, at no venue.
///
/// # Errors
/// When the system gives no runtime to ask the venues with.
pub fn examine(config: &Config, purpose: Purpose, clock: &Clock) -> std::io::Result<Findings> {
    let mut findings = Findings::default();
    findings.good("config", "can be read");
    latch(config, &mut findings);
    machine::examine(config, &mut findings);
    accounts(config, purpose, &mut findings);
    let roots = config.venues.tls_extra_roots.iter().map(std::path::PathBuf::as_path);
    let tls = match TlsRoots::with_files(roots) {
        Ok(tls) => tls,
        Err(error) => {
            findings.red("tls", error.to_string(), "correct venues.tls_extra_roots");
            return Ok(findings);
        }
    };
    roots_are_public(config, &mut findings);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        if let Some(venue) = &config.venues.polymarket {
            polymarket::examine(config, venue, &tls, clock, &mut findings).await;
        }
        if let Some(venue) = &config.venues.kalshi {
            kalshi::examine(config, venue, &tls, clock, &mut findings).await;
        }
        fees(config, &tls, clock, &mut findings).await;
    });
    Ok(findings)
}

fn latch(config: &Config, findings: &mut Findings) {
    let about = "kill";
    let fix = "find out why, then run `dutchbook clear --by NAME`";
    let folder = &config.kill.state_dir;
    match Latch::open(folder).map(|latch| latch.state()) {
        Ok(LatchState::Free) => findings.good(about, "the kill switch is free"),
        Ok(LatchState::Held(latched)) => {
            findings.red(about, format!("the kill switch is latched, {}", latched.line()), fix);
        }
        Ok(LatchState::Touched) => {
            let said = format!("the kill switch is latched by a file in {}", folder.display());
            findings.red(about, said, fix);
        }
        Err(error) => {
            let fix = "name a folder in kill.state_dir that this user may write";
            findings.red(about, format!("{}: {error}", folder.display()), fix);
        }
    }
}

/// Which accounts are there at all.
fn accounts(config: &Config, purpose: Purpose, findings: &mut Findings) {
    let pairs = [
        ("live.polymarket", config.venues.polymarket.is_some(), config.live.polymarket.is_some()),
        ("live.kalshi", config.venues.kalshi.is_some(), config.live.kalshi.is_some()),
    ];
    let mut count = 0_usize;
    for (about, is_followed, has_account) in pairs {
        match (is_followed, has_account) {
            (true, true) => count = count.saturating_add(1),
            (true, false) => {
                let fix = format!("name its key in [{about}], or follow the venue on paper only");
                match purpose {
                    Purpose::Live => {
                        findings.red(about, "the venue is followed without an account", fix);
                    }
                    Purpose::Check => {
                        findings.poor(about, "the venue is followed without an account", fix);
                    }
                }
            }
            (false, true) => {
                let fix = "enable the venue, or take its key out of the configuration";
                findings.poor(about, "an account of a venue that is not followed", fix);
            }
            (false, false) => {}
        }
    }
    if count > 0 {
        findings.good("accounts", format!("{count} configured"));
    }
}

/// A venue's own hosts are never reached through roots of somebody else.
fn roots_are_public(config: &Config, findings: &mut Findings) {
    let polymarket = config.venues.polymarket.as_ref();
    let kalshi = config.venues.kalshi.as_ref();
    let urls = [
        polymarket.map(|venue| venue.clob_url.as_str()),
        polymarket.map(|venue| venue.market_ws_url.as_str()),
        kalshi.map(|venue| venue.api_url.as_str()),
        kalshi.map(|venue| venue.ws_url.as_str()),
        config.live.polymarket.as_ref().map(|account| account.user_ws_url.as_str()),
    ];
    let mut foreign = urls.into_iter().flatten().filter(|url| has_foreign_roots(config, url));
    match foreign.next() {
        None => findings.good("tls", "certificates are checked against the roots that are meant"),
        Some(url) => {
            let said = format!("{url} would be trusted by roots that are not public");
            findings.red("tls", said, "take tls_extra_roots out: they are for simulated venues");
        }
    }
}

/// Whether a venue's own host is reached while roots beside the public ones are trusted.
#[must_use]
pub fn has_foreign_roots(config: &Config, url: &str) -> bool {
    let host = url.split_once("://").map_or(url, |(_, rest)| rest);
    let host = host.split(['/', ':']).next().unwrap_or_default();
    let is_own = |own: &&str| {
        host == *own || host.strip_suffix(*own).is_some_and(|rest| rest.ends_with('.'))
    };
    ["polymarket.com", "kalshi.com"].iter().any(is_own) && !config.venues.tls_extra_roots.is_empty()
}

/// Whether the fees of what the venues list are known.
async fn fees(config: &Config, tls: &TlsRoots, clock: &Clock, findings: &mut Findings) {
    let about = "fees";
    let mut venues = config.venues.clone();
    for limits in [
        venues.polymarket.as_mut().map(|venue| &mut venue.limits),
        venues.kalshi.as_mut().map(|venue| &mut venue.limits),
    ]
    .into_iter()
    .flatten()
    {
        limits.events_max = limits.events_max.min(EVENTS);
    }
    let member = config.venues.kalshi.as_ref().map_or(Member::Direct, |kalshi| kalshi.member);
    let mut directory = Directory::new(member);
    let fix = "ask again; if it stays so, the venue has changed what it lists: do not trade";
    let mut crawler = match Crawler::new(&venues, &mut directory, tls, clock) {
        Ok(crawler) => crawler,
        Err(error) => return findings.red(about, error.to_string(), fix),
    };
    let (_changes, errors) = crawler.refresh(&mut directory).await;
    for (kind, error) in errors {
        findings.red(about, format!("{}: {error}", kind.name()), fix);
    }
    let listed = directory.catalog().listings.len();
    let refused = directory.refused();
    let unknown: u64 = refused
        .iter()
        .filter(|(reason, _)| **reason == Refusal::Fee)
        .map(|(_, count)| *count)
        .sum();
    let said = format!("of {listed} markets with known fees looked at, {unknown} more have none");
    match (listed, unknown) {
        (0, _) => findings.red(about, "no market with a known fee is listed", fix),
        (_, 0) => findings.good(about, format!("known for all of {listed} markets looked at")),
        _ => {
            findings.poor(about, said, "those markets are not traded; look why before trusting it")
        }
    }
}

/// Seconds between a venue's clock and ours that are still good, and that are too many.
const SKEW_POOR_S: u64 = 2;
const SKEW_RED_S: u64 = 5;

/// Compares clocks; a venue tells whole seconds, rounded down.
pub(super) fn skew(about: &'static str, venue_s: u64, ours: Nanos, findings: &mut Findings) {
    let ours_ms = ours.millis();
    let (from, to) = (venue_s.saturating_mul(1_000), venue_s.saturating_mul(1_000) + 999);
    let (ms, word) = match ours_ms {
        ms if ms < from => (from - ms, "behind"),
        ms if ms > to => (ms - to, "ahead"),
        _ => (0, "equal"),
    };
    let said = format!("this machine's clock is {ms} ms {word}");
    let fix = "run a time service (chrony, ntpd): orders with stamps too far off are refused";
    match ms / 1_000 {
        0..SKEW_POOR_S if ms == 0 => findings.good(about, "agrees to the second"),
        0..SKEW_POOR_S => findings.good(about, said),
        SKEW_POOR_S..SKEW_RED_S => findings.poor(about, said, fix),
        _ => findings.red(about, said, fix),
    }
}

/// The seconds since 1970 of an HTTP date (`Sun, 06 Nov 1994 08:49:37 GMT`).
pub(super) fn http_date(text: &str) -> Option<u64> {
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let mut words = text.split_ascii_whitespace().skip(1);
    let day: u64 = words.next()?.parse().ok()?;
    let name = words.next()?;
    let month = u64::try_from(MONTHS.iter().position(|month| *month == name)?).ok()? + 1;
    let year: u64 = words.next()?.parse().ok().filter(|year| (1970..10_000).contains(year))?;
    let mut clock = words.next()?.split(':').map(str::parse::<u64>);
    let mut part = || clock.next()?.ok().filter(|part| *part < 61);
    let (hours, minutes, secs) = (part()?, part()?, part()?);
    // Days since 1970 of a civil date, counted in years that begin in March.
    let (year, month) = if month <= 2 { (year - 1, month + 9) } else { (year, month - 3) };
    let days = year * 365 + year / 4 - year / 100 + year / 400 + (month * 153 + 2) / 5 + day;
    let days = days.checked_sub(719_469)?;
    Some(((days * 24 + hours) * 60 + minutes) * 60 + secs)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Severity;

    #[test]
    fn dates_are_seconds() {
        assert_eq!(http_date("Thu, 01 Jan 1970 00:00:00 GMT"), Some(0));
        assert_eq!(http_date("Sun, 06 Nov 1994 08:49:37 GMT"), Some(784_111_777));
        assert_eq!(http_date("Thu, 29 Feb 2024 23:59:59 GMT"), Some(1_709_251_199));
        assert_eq!(http_date("Sun, 22 Nov 2026 18:00:00 GMT"), Some(1_795_370_400));
        for wrong in ["", "now", "Sun, 06 Now 1994 08:49:37 GMT", "Sun, 06 Nov 1994 99:49:37 GMT"] {
            assert_eq!(http_date(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_skew_is_what_whole_seconds_cannot_explain() {
        let severity = |venue_s: u64, ms: u64| {
            let mut findings = Findings::default();
            skew("clock", venue_s, Nanos::from_millis(ms), &mut findings);
            findings.list[0].severity
        };
        for (ms, expected) in [
            (100_000, Severity::Good),
            (100_999, Severity::Good),
            (98_500, Severity::Good),
            (97_900, Severity::Poor),
            (103_500, Severity::Poor),
            (95_000, Severity::Red),
            (106_000, Severity::Red),
        ] {
            assert_eq!(severity(100, ms), expected, "{ms}");
        }
    }

    #[test]
    fn only_the_venues_own_hosts_want_public_roots() {
        let mut config = Config::parse("").unwrap();
        let own = "https://clob.polymarket.com/x";
        assert!(!has_foreign_roots(&config, own));
        config.venues.tls_extra_roots.push("root.pem".into());
        for own in [own, "https://polymarket.com:443", "wss://external-api-ws.kalshi.com/x"] {
            assert!(has_foreign_roots(&config, own), "{own}");
        }
        for other in ["https://127.0.0.1:9", "https://notkalshi.com", "https://kalshi.com.x"] {
            assert!(!has_foreign_roots(&config, other), "{other}");
        }
        let mut findings = Findings::default();
        roots_are_public(&config, &mut findings);
        assert!(findings.is_red());
    }
}

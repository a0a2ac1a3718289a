//! What the demo's engine follows: discovered over REST from its venues, as `run` does.
//!
//! The scenario says nothing of what is listed, on what terms, or under which ids. It only stands for
//! the person who has approved that two listings ask the same, or that one thing implies another
//! ([`super::relations`]).

use dutchbook_book::Nanos;
use dutchbook_book::catalog::{Catalog, VenueKind};
use dutchbook_core::clock::Clock;
use dutchbook_core::config::Config;
use dutchbook_core::discovery::Directory;
use dutchbook_core::discovery::crawl::Crawler;
use dutchbook_core::http::{Answerer, HttpClient, HttpError, HttpReply};
use dutchbook_core::tls::TlsRoots;

use super::DemoError;
use super::relations::approved;
use crate::relations::Relations;
use crate::run::{RunError, member_of};
use crate::sim::door::HttpRequest;
use crate::sim::scenario::Scenario;
use crate::sim::venue::SimVenues;

/// A catalog, and what holds in it.
#[derive(Clone, Debug)]
pub(super) struct Listed {
    pub(super) catalog: Catalog,
    pub(super) relations: Relations,
}

/// The configuration with the demo's venues in the place of the real ones.
pub(super) fn pointed_at(config: &Config, authority: &str, is_tls: bool) -> Config {
    let mut config = config.clone();
    // It speaks of other markets.
    config.relations.file = None;
    let (http, ws) = if is_tls { ("https", "wss") } else { ("http", "ws") };
    if let Some(venue) = &mut config.venues.polymarket {
        venue.clob_url = format!("{http}://{authority}");
        venue.gamma_url.clone_from(&venue.clob_url);
        venue.market_ws_url = format!("{ws}://{authority}/ws/market");
        venue.slugs.clear();
    }
    if let Some(venue) = &mut config.venues.kalshi {
        venue.api_url = format!("{http}://{authority}/trade-api/v2");
        venue.ws_url = format!("{ws}://{authority}/trade-api/ws/v2");
        venue.series.clear();
    }
    config
}

impl Listed {
    /// What was discovered, with what a person approved of it.
    pub(super) fn of(directory: &Directory, scenario: &Scenario) -> Self {
        let catalog = directory.catalog().clone();
        let approved = approved(scenario, &catalog);
        let relations = Relations::of(approved, directory.relations(), &catalog);
        Self { catalog, relations }
    }

    /// Discovers what the venues list without sockets and without time: every host is a copy of the
    /// venues as they are.
    pub(super) fn in_memory(config: &Config, venues: &SimVenues) -> Result<Self, DemoError> {
        let config = pointed_at(config, "venues.invalid", false);
        let mut directory = Directory::new(member_of(&config));
        let (clock, _time) = Clock::simulated(venues.now());
        let tls = TlsRoots::public()?;
        let connect = |url: &str, limits| -> Result<HttpClient, HttpError> {
            let client = HttpClient::new(url, tls.clone(), clock.clone(), limits)?;
            Ok(client.answered_by(answerer(venues.clone())))
        };
        let mut crawler = Crawler::over(&config.venues, &mut directory, connect)?;
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        let runtime = runtime.map_err(RunError::from)?;
        let (_changes, errors) = runtime.block_on(crawler.refresh(&mut directory));
        if let Some((kind, error)) = errors.into_iter().next() {
            return Err(DemoError::Discovery(format!("{}: {error}", kind.name())));
        }
        Ok(Self::of(&directory, venues.scenario()))
    }
}

/// Answers as these venues do.
fn answerer(mut venues: SimVenues) -> Answerer {
    Answerer::new(move |method, path, body| {
        let is_kalshi = path.starts_with("/trade-api/");
        let kind = if is_kalshi { VenueKind::Kalshi } else { VenueKind::Polymarket };
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let request = HttpRequest { method: method.as_str(), path, query, headers: &[], body };
        let now: Nanos = venues.now();
        let reply = venues.on_request(kind, &request, now);
        HttpReply { status: reply.status, retry_after: None, date: None, body: reply.body.into() }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::{FaultPlan, FlowConfig, Pace};
    use dutchbook_book::catalog::EventLaw;
    use dutchbook_core::relation::Law;
    use dutchbook_core::relation::file::Kind;

    fn discovered(seed: u64) -> (Scenario, Listed) {
        let scenario = Scenario::demo(seed, Nanos::from_secs(12)).unwrap();
        let (flow, now) = (FlowConfig::of(Pace::Calm), Nanos::from_secs(1_790_000_000));
        let venues =
            SimVenues::new(scenario.clone(), flow, FaultPlan::default(), seed, now).unwrap();
        let listed = Listed::in_memory(&Config::parse("").unwrap(), &venues).unwrap();
        (scenario, listed)
    }

    #[test]
    fn everything_that_the_venues_list_is_discovered_on_its_own_terms() {
        let (scenario, Listed { catalog, relations }) = discovered(3);
        let is_there = |book| scenario.is_listed_at_start(book);
        let there = || scenario.catalog.listings.iter().filter(|one| is_there(one.book));
        assert_eq!(catalog.listings.len(), there().count());
        for there in there() {
            let mut all = catalog.listings.iter();
            let here = all.find(|one| one.native_market == there.native_market).unwrap();
            assert_eq!((here.grid, here.min_qty), (there.grid, there.min_qty), "{}", there.name);
            assert_eq!((here.lot, here.kind), (there.lot, there.kind));
            assert_eq!(here.native_faces, there.native_faces);
            let price = dutchbook_book::Price::from_micro(300_000).unwrap();
            assert_eq!(here.fee.unit_cost(price), there.fee.unit_cost(price), "{}", there.name);
        }
        let list = &relations.list;
        let count = |is: fn(&Law) -> bool| list.iter().filter(|one| is(&one.law)).count();
        assert_eq!(count(|law| matches!(law, Law::Partition { .. })), 1);
        assert_eq!(count(|law| matches!(law, Law::Ladder { rungs } if rungs.len() == 6)), 1);
        assert_eq!(
            count(|law| matches!(law, Law::Exclusive { outcomes } if outcomes.len() == 5)),
            1
        );
        assert_eq!(count(|law| matches!(law, Law::Implication { .. })), 4);
        assert_eq!(
            count(|law| matches!(law, Law::Same { .. })),
            scenario.pairings.iter().filter(|pairing| is_there(pairing.left)).count()
        );
        // Everything that the scenario approves is as it was read, and is traded.
        let approved = relations.file.relations.len();
        assert_eq!(relations.register.counts(), [approved, 0, 0, 0], "{}", relations.text());
        assert_eq!(approved, count(|law| matches!(law, Law::Same { .. })) + 4);
        let inverse = relations.file.relations.iter().filter(|one| one.kind == Kind::Inverse);
        assert_eq!(inverse.count(), 1);
        // The thresholds that Polymarket lists too are bought wherever they are cheaper.
        let is_wide = |law: &Law| matches!(law, Law::Ladder { rungs } if rungs.iter().map(Vec::len).eq([1, 2, 1, 2, 1, 2]));
        assert_eq!(list.iter().filter(|one| is_wide(&one.law)).count(), 1);
        let laws = catalog.events.iter().filter(|event| event.law == EventLaw::Ladder);
        assert_eq!(laws.map(|event| event.conditions.len()).collect::<Vec<_>>(), [6]);
    }

    #[test]
    fn a_seed_is_discovered_alike_every_time() {
        let text = |seed| format!("{:?}", discovered(seed).1);
        assert_eq!(text(5), text(5));
        assert_ne!(text(5), text(6));
    }
}

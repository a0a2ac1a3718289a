//! Reads the venues' lists over REST, page by page and within their rates.

use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::mpsc::Sender;

use dutchbook_book::catalog::{Catalog, Listing, VenueKind};
use dutchbook_book::{BookId, Nanos};
use dutchbook_feeds::error::DecodeError;
use dutchbook_feeds::listing::book::{self, RestBook};
use dutchbook_feeds::listing::{Page, kalshi, polymarket};
use hyper::Method;
use hyper::body::Bytes;

use super::{Change, Directory, Room};
use crate::clock::Clock;
use crate::config::{KalshiVenue, PolymarketVenue, VenueLimits, VenuesConfig};
use crate::http::{Headers, Heard, HttpClient, HttpCounts, HttpError, HttpLimits, HttpReply};
use crate::tls::TlsRoots;

/// Events of one page.
const PAGE: usize = 50;
/// Books that are asked for at once.
const BOOKS_PAGE: usize = 50;
/// Pages that are read at most, whatever a venue says of a next one.
const PAGES_MAX: usize = 200;

/// Why a venue's lists cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum CrawlError {
    /// No reply.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// Another reply than a list.
    #[error("{host} answers {status} to {path}: {said}")]
    Status {
        /// Who.
        host: String,
        /// What was asked.
        path: String,
        /// The status.
        status: u16,
        /// The first line of the body.
        said: String,
    },
    /// A body that is no list.
    #[error("{host} answers {path} with something else: {source}")]
    Body {
        /// Who.
        host: String,
        /// What was asked.
        path: String,
        /// What is wrong with it.
        source: DecodeError,
    },
}

/// The hosts of the venues that are followed.
#[derive(Debug)]
pub struct Crawler {
    polymarket: Option<Polymarket>,
    kalshi: Option<Kalshi>,
}

#[derive(Debug)]
struct Polymarket {
    config: PolymarketVenue,
    gamma: HttpClient,
    clob: HttpClient,
    /// Terms by condition, as last read.
    terms: BTreeMap<String, polymarket::Terms>,
    /// Events that are followed, by slug.
    slugs: BTreeSet<String>,
}

#[derive(Debug)]
struct Kalshi {
    config: KalshiVenue,
    api: HttpClient,
    /// Series as last read.
    series: BTreeMap<String, kalshi::Series>,
    /// Events that are followed.
    tickers: BTreeSet<String>,
}

fn limits(of: &VenueLimits) -> HttpLimits {
    HttpLimits {
        per_s: of.requests_per_s,
        burst: of.requests_per_s,
        reply_max: Duration::from_secs(15),
        ..HttpLimits::default()
    }
}

fn room(of: &VenueLimits) -> Room {
    Room { events: of.events_max, books: of.books_max }
}

impl Crawler {
    /// A crawler of the configured hosts; nothing is asked yet. The directory gets their venues.
    ///
    /// # Errors
    /// When an address is none.
    pub fn new(
        config: &VenuesConfig,
        directory: &mut Directory,
        tls: &TlsRoots,
        clock: &Clock,
    ) -> Result<Self, HttpError> {
        let connect = |url: &str, limits| HttpClient::new(url, tls.clone(), clock.clone(), limits);
        Self::over(config, directory, connect)
    }

    /// A crawler whose clients this function makes, by their addresses.
    ///
    /// # Errors
    /// When it makes none.
    pub fn over(
        config: &VenuesConfig,
        directory: &mut Directory,
        mut connect: impl FnMut(&str, HttpLimits) -> Result<HttpClient, HttpError>,
    ) -> Result<Self, HttpError> {
        let mut client = |url: &str, of| connect(url, limits(of));
        let polymarket = match &config.polymarket {
            None => None,
            Some(venue) => {
                directory.add_venue(VenueKind::Polymarket, room(&venue.limits));
                Some(Polymarket {
                    gamma: client(&venue.gamma_url, &venue.limits)?,
                    clob: client(&venue.clob_url, &venue.limits)?,
                    terms: BTreeMap::new(),
                    slugs: venue.slugs.iter().cloned().collect(),
                    config: venue.clone(),
                })
            }
        };
        let kalshi = match &config.kalshi {
            None => None,
            Some(venue) => {
                directory.add_venue(VenueKind::Kalshi, room(&venue.limits));
                Some(Kalshi {
                    api: client(&venue.api_url, &venue.limits)?,
                    series: BTreeMap::new(),
                    tickers: BTreeSet::new(),
                    config: venue.clone(),
                })
            }
        };
        Ok(Self { polymarket, kalshi })
    }

    /// Reads every list once; what changed since the last time. A venue that cannot be read is an
    /// error of its own and leaves the others' changes in place.
    pub async fn refresh(
        &mut self,
        directory: &mut Directory,
    ) -> (Vec<Change>, Vec<(VenueKind, CrawlError)>) {
        let (mut changes, mut errors) = (Vec::new(), Vec::new());
        if let Some(venue) = &mut self.polymarket
            && let Err(error) = venue.refresh(directory, &mut changes).await
        {
            errors.push((VenueKind::Polymarket, error));
        }
        if let Some(venue) = &mut self.kalshi
            && let Err(error) = venue.refresh(directory, &mut changes).await
        {
            errors.push((VenueKind::Kalshi, error));
        }
        (changes, errors)
    }

    /// Reads the venues' own books, in YES terms. What a venue leaves out of its answer is left out.
    pub async fn books(
        &mut self,
        catalog: &Catalog,
        books: &[BookId],
    ) -> (Vec<(BookId, RestBook)>, Vec<(VenueKind, CrawlError)>) {
        let (mut read, mut errors) = (Vec::new(), Vec::new());
        let listings = |kind| {
            let all = books.iter().filter_map(|book| catalog.listing(*book));
            all.filter(move |listing| listing.kind == kind).collect::<Vec<_>>()
        };
        if let Some(venue) = &mut self.polymarket
            && let Err(error) = venue.books(&listings(VenueKind::Polymarket), &mut read).await
        {
            errors.push((VenueKind::Polymarket, error));
        }
        if let Some(venue) = &mut self.kalshi
            && let Err(error) = venue.books(&listings(VenueKind::Kalshi), &mut read).await
        {
            errors.push((VenueKind::Kalshi, error));
        }
        (read, errors)
    }

    /// Whether Kalshi trades now; `None` where it is not followed, or does not say.
    pub async fn kalshi_trades(&mut self) -> Option<bool> {
        let venue = self.kalshi.as_mut()?;
        // Once: the next turn asks again, and a venue that is closed is not to be pressed.
        let reply =
            venue.api.send(&Method::GET, "/exchange/status", &[], Bytes::new()).await.ok()?;
        if !reply.is_ok() {
            return None;
        }
        kalshi::is_trading(&reply.body).ok()
    }

    /// When Kalshi has announced to be closed.
    ///
    /// # Errors
    /// When the schedule cannot be read.
    pub async fn kalshi_maintenance(&mut self) -> Result<Vec<[Nanos; 2]>, CrawlError> {
        let Some(venue) = &mut self.kalshi else { return Ok(Vec::new()) };
        let windows = ask(&mut venue.api, "/exchange/schedule", kalshi::maintenance).await?;
        Ok(windows.unwrap_or_default())
    }

    /// Hands every reply to a keeper, too.
    pub fn keep_with(&mut self, keeper: &Sender<Heard>) {
        let polymarket = self.polymarket.iter_mut();
        let polymarket = polymarket.flat_map(|venue| [&mut venue.gamma, &mut venue.clob]);
        let kalshi = self.kalshi.iter_mut().map(|venue| &mut venue.api);
        for client in polymarket.chain(kalshi) {
            client.keep_with(keeper.clone());
        }
    }

    /// What the clients counted, over all hosts.
    #[must_use]
    pub fn counts(&self) -> HttpCounts {
        let polymarket = self.polymarket.iter().flat_map(|venue| [&venue.gamma, &venue.clob]);
        let kalshi = self.kalshi.iter().map(|venue| &venue.api);
        let mut sum = HttpCounts::default();
        for counts in polymarket.chain(kalshi).map(HttpClient::counts) {
            sum.requests += counts.requests;
            sum.retries += counts.retries;
            sum.connects += counts.connects;
            sum.failures += counts.failures;
            sum.bytes += counts.bytes;
        }
        sum
    }
}

/// Asks, and reads a good reply; `None` where the venue has no such thing.
async fn ask<T>(
    client: &mut HttpClient,
    path: &str,
    read: impl Fn(&[u8]) -> Result<T, DecodeError>,
) -> Result<Option<T>, CrawlError> {
    let reply: HttpReply = client.get(path, |_now| Headers::new()).await?;
    if reply.status == 404 {
        return Ok(None);
    }
    self::read(client, path, &reply, read).map(Some)
}

/// The token of the first outcome.
fn first_token(listing: &Listing) -> Option<&str> {
    listing.native_faces.as_ref().map(|[yes, _]| yes.as_str())
}

/// Reads a good reply.
fn read<T>(
    client: &HttpClient,
    path: &str,
    reply: &HttpReply,
    read: impl Fn(&[u8]) -> Result<T, DecodeError>,
) -> Result<T, CrawlError> {
    let (host, path) = (client.host().to_owned(), path.to_owned());
    if !reply.is_ok() {
        let (status, said) = (reply.status, reply.said());
        return Err(CrawlError::Status { host, path, status, said });
    }
    match read(&reply.body) {
        Ok(value) => Ok(value),
        Err(source) => Err(CrawlError::Body { host, path, source }),
    }
}

impl Polymarket {
    async fn refresh(
        &mut self,
        directory: &mut Directory,
        changes: &mut Vec<Change>,
    ) -> Result<(), CrawlError> {
        let events =
            if self.config.slugs.is_empty() { self.most_traded().await? } else { Vec::new() };
        let mut seen = BTreeSet::new();
        for event in events {
            seen.insert(event.slug.clone());
            self.take(directory, event, changes).await?;
        }
        // What was asked for by name, and what has left the list since: it may be decided.
        let absent: Vec<String> = self.slugs.difference(&seen).cloned().collect();
        for slug in absent {
            let path = format!("/events/slug/{slug}");
            if let Some(event) = ask(&mut self.gamma, &path, polymarket::one_event).await? {
                self.take(directory, event, changes).await?;
            }
        }
        Ok(())
    }

    async fn books(
        &mut self,
        listings: &[&Listing],
        out: &mut Vec<(BookId, RestBook)>,
    ) -> Result<(), CrawlError> {
        for listings in listings.chunks(BOOKS_PAGE) {
            let tokens = listings.iter().filter_map(|listing| first_token(listing));
            let wanted: Vec<_> =
                tokens.map(|token| format!("{{\"token_id\":\"{token}\"}}")).collect();
            let body = Bytes::from(format!("[{}]", wanted.join(",")));
            let reply = self.clob.send(&Method::POST, "/books", &[], body).await?;
            let page: Page<RestBook> = read(&self.clob, "/books", &reply, book::polymarket)?;
            for book in page.items {
                let of = |listing: &&&Listing| first_token(listing) == Some(book.native.as_str());
                if let Some(listing) = listings.iter().find(of) {
                    out.push((listing.book, book));
                }
            }
        }
        Ok(())
    }

    async fn most_traded(&mut self) -> Result<Vec<polymarket::Event>, CrawlError> {
        let mut events: Vec<polymarket::Event> = Vec::new();
        let wanted = self.config.limits.events_max;
        for page in 0..PAGES_MAX {
            let limit = PAGE.min(wanted);
            let offset = page * limit;
            let path = format!(
                "/events?limit={limit}&offset={offset}&active=true&closed=false&archived=false\
                 &order=volume24hr&ascending=false"
            );
            let Some(read) = ask(&mut self.gamma, &path, polymarket::events).await? else { break };
            let count = read.items.len() + read.refused.len();
            for event in read.items {
                // Pages by offset shift while they are read.
                if events.len() < wanted && events.iter().all(|known| known.id != event.id) {
                    events.push(event);
                }
            }
            if count < limit || events.len() >= wanted {
                break;
            }
        }
        Ok(events)
    }

    async fn take(
        &mut self,
        directory: &mut Directory,
        event: polymarket::Event,
        changes: &mut Vec<Change>,
    ) -> Result<(), CrawlError> {
        for market in &event.markets {
            if market.stage != polymarket::Stage::Trading {
                continue;
            }
            let path = format!("/clob-markets/{}", market.condition);
            if let Some(terms) = ask(&mut self.clob, &path, polymarket::terms).await? {
                self.terms.insert(market.condition.clone(), terms);
            }
        }
        let terms = &self.terms;
        directory.take_polymarket(&event, |condition| terms.get(condition), changes);
        if event.markets.iter().any(|market| directory.book_of(&market.condition).is_some()) {
            self.slugs.insert(event.slug);
        }
        Ok(())
    }
}

impl Kalshi {
    async fn refresh(
        &mut self,
        directory: &mut Directory,
        changes: &mut Vec<Change>,
    ) -> Result<(), CrawlError> {
        // Fees may have changed since.
        self.series.clear();
        let mut seen = BTreeSet::new();
        let all = [String::new()];
        let series = self.config.series.clone();
        for series in if series.is_empty() { &all[..] } else { &series[..] } {
            self.pages(series, directory, &mut seen, changes).await?;
        }
        let absent: Vec<String> = self.tickers.difference(&seen).cloned().collect();
        for ticker in absent {
            let path = format!("/events/{ticker}?with_nested_markets=true");
            if let Some(event) = ask(&mut self.api, &path, kalshi::one_event).await? {
                self.take(directory, event, changes).await?;
            }
        }
        Ok(())
    }

    async fn books(
        &mut self,
        listings: &[&Listing],
        out: &mut Vec<(BookId, RestBook)>,
    ) -> Result<(), CrawlError> {
        for listings in listings.chunks(BOOKS_PAGE) {
            let tickers = listings.iter().map(|listing| escaped(&listing.native_market));
            let tickers: Vec<_> = tickers.map(|ticker| format!("tickers={ticker}")).collect();
            let path = format!("/markets/orderbooks?{}", tickers.join("&"));
            let page = ask(&mut self.api, &path, book::kalshi).await?;
            for book in page.into_iter().flat_map(|page| page.items) {
                let of = |listing: &&&Listing| listing.native_market == book.native;
                if let Some(listing) = listings.iter().find(of) {
                    out.push((listing.book, book));
                }
            }
        }
        Ok(())
    }

    async fn pages(
        &mut self,
        series: &str,
        directory: &mut Directory,
        seen: &mut BTreeSet<String>,
        changes: &mut Vec<Change>,
    ) -> Result<(), CrawlError> {
        let mut cursor: Option<String> = None;
        for _ in 0..PAGES_MAX {
            let mut path = format!("/events?limit={PAGE}&status=open&with_nested_markets=true");
            if !series.is_empty() {
                path.push_str(&format!("&series_ticker={series}"));
            }
            if let Some(cursor) = &cursor {
                path.push_str(&format!("&cursor={}", escaped(cursor)));
            }
            let Some(page) = ask(&mut self.api, &path, kalshi::events).await? else {
                return Ok(());
            };
            for event in page.items {
                if seen.len() >= self.config.limits.events_max {
                    return Ok(());
                }
                seen.insert(event.ticker.clone());
                self.take(directory, event, changes).await?;
            }
            if page.next.is_none() || page.next == cursor {
                return Ok(());
            }
            cursor = page.next;
        }
        Ok(())
    }

    async fn take(
        &mut self,
        directory: &mut Directory,
        event: kalshi::Event,
        changes: &mut Vec<Change>,
    ) -> Result<(), CrawlError> {
        if !event.series.is_empty() && !self.series.contains_key(&event.series) {
            let path = format!("/series/{}", escaped(&event.series));
            let page = ask(&mut self.api, &path, kalshi::series).await?;
            for series in page.into_iter().flat_map(|page| page.items) {
                self.series.insert(series.ticker.clone(), series);
            }
        }
        directory.take_kalshi(&event, self.series.get(&event.series), changes);
        if event.markets.iter().any(|market| directory.book_of(&market.ticker).is_some()) {
            self.tickers.insert(event.ticker);
        }
        Ok(())
    }
}

/// A cursor or ticker of a venue as part of a path: everything but plain letters is escaped.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

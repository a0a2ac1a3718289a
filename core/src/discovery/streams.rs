//! The connections that a catalog needs: shards within the venues' limits.

use std::sync::Arc;

use dutchbook_book::BookId;
use dutchbook_book::catalog::{Catalog, VenueKind};
use dutchbook_exec::venue::kalshi::auth::Credentials;
use dutchbook_feeds::session::Rules;

use crate::clock::Clock;
use crate::config::{Config, KalshiAccount, KalshiVenue};
use crate::net::{Endpoint, Gate, RacePlan, RaceTable, Stamper, StandbyPlan};
use crate::secret::{AccountError, SecretSource, kalshi_keys};
use crate::tls::TlsRoots;
use crate::topology::Stream;

/// Why a stream cannot be signed.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The key cannot be read, or is none.
    #[error("the key that signs Kalshi's stream: {0}")]
    Account(#[from] AccountError),
}

/// One connection per shard of each venue's books, in the order of the catalog: the books of an event
/// stand together, so that a gap costs few events.
///
/// # Errors
/// When the key that signs a stream cannot be read.
pub fn streams(
    config: &Config,
    catalog: &Catalog,
    tls: &TlsRoots,
    clock: &Clock,
) -> Result<Vec<Stream>, KeyError> {
    let mut streams = Vec::new();
    for venue in &catalog.venues {
        let (url, shard_books, stamps, sockets) = match venue.kind {
            VenueKind::Polymarket => match &config.venues.polymarket {
                Some(venue) => {
                    let (url, shard) = (venue.market_ws_url.clone(), venue.limits.shard_books);
                    (url, shard, None, venue.race_sockets)
                }
                None => continue,
            },
            VenueKind::Kalshi => match &config.venues.kalshi {
                Some(venue) => {
                    // Its messages are numbered per connection: no two sockets say the same.
                    let stamps = stamper(config, venue, clock)?;
                    (venue.ws_url.clone(), venue.limits.shard_books, stamps, 1)
                }
                None => continue,
            },
        };
        let ping = Rules::of(venue.kind).ping;
        let gate = Gate::default();
        let books: Vec<BookId> = catalog
            .listings_of(venue.id)
            .filter(|one| !one.is_free())
            .map(|one| one.book)
            .collect();
        for (shard, books) in (0_u64..).zip(books.chunks(shard_books)) {
            streams.push(Stream {
                venue: venue.id,
                kind: venue.kind,
                books: books.to_vec(),
                endpoint: Endpoint {
                    url: url.clone(),
                    payload_bytes_max: config.feed.payload_bytes_max,
                    tls: tls.clone(),
                    stamps: stamps.clone(),
                    standby: config.venues.standby.then_some(StandbyPlan { ping }),
                    seed: clock.now().0.wrapping_add(shard),
                    gate: gate.clone(),
                    race: (sockets > 1).then(|| RacePlan {
                        sockets,
                        table: RaceTable::default(),
                        ping,
                    }),
                },
            });
        }
    }
    Ok(streams)
}

/// Signs every handshake of Kalshi's stream, where the configuration names a key: the stream's own, or
/// the account's.
fn stamper(
    config: &Config,
    venue: &KalshiVenue,
    clock: &Clock,
) -> Result<Option<Stamper>, KeyError> {
    let own = venue.key.clone();
    let own = own.map(|(key_id, path)| KalshiAccount { key_id, key: SecretSource::File(path) });
    let Some(account) = own.or_else(|| config.live.kalshi.clone()) else { return Ok(None) };
    let credentials = Arc::new(kalshi_keys(&account)?);
    Ok(Some(stamper_of(credentials, &venue.ws_url, clock)))
}

/// Signs every handshake of a stream of Kalshi's at this address.
#[must_use]
pub fn stamper_of(credentials: Arc<Credentials>, ws_url: &str, clock: &Clock) -> Stamper {
    let clock = clock.clone();
    let target = path_of(ws_url);
    Stamper::new(move || {
        // Without a signature the venue refuses the stream and says why.
        let Ok(fields) = credentials.fields(clock.now().millis(), "GET", &target) else {
            return Vec::new();
        };
        fields.map(|(name, value)| (name.to_owned(), value)).into()
    })
}

/// The path of an address, without its query.
fn path_of(url: &str) -> String {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let path = rest.find('/').and_then(|at| rest.get(at..)).unwrap_or("/");
    path.split_once('?').map_or(path, |(path, _)| path).to_owned()
}

#[cfg(test)]
mod tests {
    use super::path_of;

    #[test]
    fn signatures_cover_the_path_alone() {
        assert_eq!(path_of("wss://h:8/trade-api/ws/v2?x=1"), "/trade-api/ws/v2");
        assert_eq!(path_of("ws://h"), "/");
    }
}

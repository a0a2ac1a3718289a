//! What the venues say of the accounts now, against the ledger: read, never changed.

use std::path::PathBuf;

use dutchbook_book::catalog::{Catalog, VenueKind};
use dutchbook_book::{BookId, Exact, Face, QtyChange, VenueId};
use dutchbook_core::clock::Clock;
use dutchbook_core::config::Config;
use dutchbook_core::ledger::report::LedgerReport;
use dutchbook_core::position::{Portfolio, PositionError};
use dutchbook_core::signed::{AccountDesk, DeskError, OpenError};
use dutchbook_core::statement::{Comparison, Place};
use dutchbook_core::tls::{TlsError, TlsRoots};
use serde_json::{Value, json};

/// Why a venue was not compared.
#[derive(Debug, thiserror::Error)]
pub(super) enum AskError {
    /// The ledger knows an account there, and the configuration none.
    #[error("no account is configured: name the engine's configuration with --config")]
    NoAccount,
    /// The account cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The venue does not say.
    #[error(transparent)]
    Venue(#[from] DeskError),
    /// Whom to trust cannot be read.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The ledger holds what no books can.
    #[error("the ledger's positions do not fit: {0:?}")]
    Books(PositionError),
    /// The system refuses a runtime.
    #[error("cannot start: {0}")]
    System(#[from] std::io::Error),
}

/// One venue, asked.
#[derive(Debug)]
pub(super) struct Asked {
    venue: VenueKind,
    found: Result<Found, AskError>,
}

#[derive(Debug)]
struct Found {
    comparison: Comparison,
    strange: Vec<String>,
}

/// Asks every venue of the ledger.
pub(super) fn ask(config: &Config, sums: &LedgerReport) -> Vec<Asked> {
    let kinds = [VenueKind::Polymarket, VenueKind::Kalshi].into_iter();
    let known = kinds.filter(|kind| sums.accounts.iter().any(|of| of.venue == kind.name()));
    known.map(|venue| Asked { venue, found: ask_one(venue, config, sums) }).collect()
}

fn ask_one(kind: VenueKind, config: &Config, sums: &LedgerReport) -> Result<Found, AskError> {
    let (portfolio, places) = books_of(kind, sums).map_err(AskError::Books)?;
    let clock = Clock::new();
    let roots = config.venues.tls_extra_roots.iter().map(PathBuf::as_path);
    let tls = TlsRoots::with_files(roots)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let desk = runtime.block_on(AccountDesk::open(kind, config, &tls, &clock))?;
    let mut desk = desk.ok_or(AskError::NoAccount)?;
    let asked: Vec<_> = places.iter().collect();
    let said = runtime.block_on(desk.statement(&asked))?;
    let comparison = said.compare(VENUE, &places, &portfolio);
    Ok(Found { comparison, strange: said.strange })
}

/// The one venue of [`books_of`].
const VENUE: VenueId = VenueId(0);

/// The ledger's rows of one venue as books, numbered as they come.
fn books_of(
    kind: VenueKind,
    sums: &LedgerReport,
) -> Result<(Portfolio, Vec<Place>), PositionError> {
    let mut portfolio = Portfolio::new(&Catalog::default());
    portfolio.add_venues(1);
    let mut places: Vec<Place> = Vec::new();
    for held in sums.positions.iter().filter(|held| held.venue == kind.name()) {
        let known = places.iter().find(|place| place.market == held.market);
        let book = match known.map(|place| place.book) {
            Some(book) => book,
            None => add(&mut places, &mut portfolio, &held.market, &held.name),
        };
        let face = if held.face == "no" { Face::No } else { Face::Yes };
        let qty = QtyChange::from_micro(held.qty_e6);
        portfolio.adopt(book.instrument(face), qty, Exact::ZERO)?;
    }
    for account in sums.accounts.iter().filter(|account| account.venue == kind.name()) {
        portfolio.deposit(VENUE, account.cash)?;
    }
    Ok((portfolio, places))
}

fn add(places: &mut Vec<Place>, portfolio: &mut Portfolio, market: &str, name: &str) -> BookId {
    let book = portfolio.add_unlisted(VENUE);
    let (market, name) = (market.to_owned(), name.to_owned());
    places.push(Place { venue: VENUE, book, market, name, tokens: None, is_ours: true });
    book
}

impl Asked {
    /// Whether the venue says something else than the ledger.
    pub(super) fn differs(&self) -> bool {
        self.found.as_ref().is_ok_and(|found| found.comparison.sum() != Exact::ZERO)
    }

    pub(super) fn json(&self) -> Value {
        let venue = self.venue.name();
        match &self.found {
            Err(error) => json!({ "venue": venue, "asked": false, "why": error.to_string() }),
            Ok(Found { comparison, strange }) => json!({
                "venue": venue,
                "asked": true,
                "difference": comparison.sum().to_string(),
                "cash": comparison.theirs.to_string(),
                "cash_difference": comparison.cash().to_string(),
                "positions_compared": comparison.compared,
                "positions_different": comparison.apart.len(),
                "places": comparison.lines(venue),
                "held_elsewhere": strange,
            }),
        }
    }

    pub(super) fn text(&self) -> String {
        let venue = self.venue.name();
        let Found { comparison, strange } = match &self.found {
            Err(error) => return format!("{venue} was not asked: {error}\n"),
            Ok(found) => found,
        };
        let mut page = format!(
            "{venue} says now: cash {}, {} positions compared; the difference is {}\n",
            comparison.theirs,
            comparison.compared,
            comparison.sum()
        );
        for line in comparison.lines(venue) {
            page.push_str(&format!("  {line}\n"));
        }
        for held in strange {
            page.push_str(&format!("  held where the ledger has nothing: {held}\n"));
        }
        page
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dutchbook_book::{Cash, Qty};
    use dutchbook_core::ledger::report::{Account, Held};
    use dutchbook_core::statement::Statement;

    #[test]
    fn the_ledgers_rows_are_held_against_the_venues_words_market_by_market() {
        let exact = |dollars: i64| Cash::from_micro(dollars * 1_000_000).exact();
        let held = |venue: &str, market: &str, face: &str, qty_e6| Held {
            venue: venue.to_owned(),
            market: market.to_owned(),
            name: format!("question {market}"),
            face: face.to_owned(),
            qty_e6,
            cost: exact(1),
        };
        let account = |venue: &str, dollars| Account {
            venue: venue.to_owned(),
            cash: exact(dollars),
            committed: exact(1),
            fees: Exact::ZERO,
            realised: Exact::ZERO,
        };
        let sums = LedgerReport {
            accounts: vec![account("kalshi", 7), account("polymarket", 5)],
            positions: vec![
                held("kalshi", "A", "no", 2_000_000),
                held("polymarket", "0x1", "yes", 3_000_000),
                held("polymarket", "0x1", "no", 1_000_000),
            ],
            ..LedgerReport::default()
        };
        let (portfolio, places) = books_of(VenueKind::Polymarket, &sums).unwrap();
        assert_eq!(places.len(), 1, "one market, both faces");
        let qty = |contracts| Qty::from_contracts(contracts).unwrap();
        let book = places[0].book;
        let mut said = Statement {
            cash: Cash::from_micro(5_000_000),
            positions: vec![
                (book.instrument(Face::Yes), qty(3)),
                (book.instrument(Face::No), qty(1)),
            ],
            ..Statement::default()
        };
        let equal = said.compare(VENUE, &places, &portfolio);
        assert_eq!((equal.sum(), equal.compared), (Exact::ZERO, 2));
        said.cash = Cash::from_micro(5_500_000);
        said.positions[0].1 = qty(1);
        let apart = said.compare(VENUE, &places, &portfolio);
        assert_eq!(apart.sum(), Cash::from_micro(2_500_000).exact());
        let lines = apart.lines("polymarket").join("\n");
        assert!(lines.contains("question 0x1, Yes: 1 there, 3 here"), "{lines}");
    }
}

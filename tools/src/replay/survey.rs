//! The first pass over recorded frames: which markets occur, on which grids, which kinds of
//! message, and which snapshots can be compared with what deltas made of the one before.

use std::collections::{BTreeMap, BTreeSet};

use dutchbook_book::catalog::{Catalog, EventLaw, Listing, VenueKind};
use dutchbook_book::fee::FeeSchedule;
use dutchbook_book::{Grid, Nanos, Price};

use super::error::ReplayError;
use super::{evaluate, report};

/// A silence after which nobody can tell whether frames are missing: a live connection carries at
/// least a keep-alive in that time.
const SILENCE_MAX: Nanos = Nanos::from_secs(60);
/// Sum of all books' ticks that replay gives memory to: two sides of 8 bytes each, 640 MB.
pub(super) const TICKS_MAX: u64 = 40_000_000;

/// One market, as the frames show it.
#[derive(Clone, Debug)]
pub struct Market {
    /// The venue's id.
    pub native: String,
    /// The ids of its faces, in the order of their appearance; Kalshi has none.
    pub faces: Vec<String>,
    /// Greatest common divisor of one and every price that occurs.
    pub step: u32,
    /// Whether a snapshot of it occurs.
    pub has_snapshot: bool,
    /// What a taker pays, where a list beside the recording says so.
    pub fee: Option<FeeSchedule>,
    run: Run,
}

/// What leads up to the next snapshot of a market.
#[derive(Clone, Copy, Debug, Default)]
struct Run {
    has_snapshot: bool,
    deltas: u64,
    stretch: u64,
}

/// What the first pass found.
#[derive(Debug, Default)]
pub struct Survey {
    /// Lines that carry a message.
    pub messages: u64,
    /// Of them, those of other sources.
    pub messages_foreign: u64,
    /// Messages by kind.
    pub kinds: BTreeMap<String, u64>,
    /// Markets in the order of their appearance.
    pub markets: Vec<Market>,
    /// Holes in sequences.
    pub gaps: u64,
    /// The last moment of the recording.
    pub last: Nanos,
    by_native: BTreeMap<String, usize>,
    by_face: BTreeMap<String, usize>,
    /// Last comparable snapshot of each market: its line.
    comparable: BTreeMap<usize, u64>,
    stretch: u64,
    sequences: BTreeMap<u64, u64>,
}

impl Survey {
    /// Counts one message.
    pub fn count(&mut self, kind: &str) {
        report::count(&mut self.kinds, kind);
    }

    /// Notes that a frame arrived at `now`: a long silence ends all runs.
    pub fn heard(&mut self, now: Nanos) {
        if self.last > Nanos::ZERO && now.since(self.last) > SILENCE_MAX {
            self.break_runs();
        }
        self.last = self.last.max(now);
    }

    /// Notes a venue's sequence number: a hole ends all runs.
    pub fn sequence(&mut self, sid: u64, seq: u64) {
        let before = self.sequences.insert(sid, seq);
        if before.is_some_and(|before| before.checked_add(1) != Some(seq)) {
            self.gaps = self.gaps.saturating_add(1);
            self.break_runs();
        }
    }

    /// From here on it is unknown whether the frames continue those before.
    pub fn break_runs(&mut self) {
        self.stretch = self.stretch.saturating_add(1);
    }

    /// The market of a native id, new where it was not seen before.
    pub fn market(&mut self, native: &str) -> usize {
        if let Some(index) = self.by_native.get(native) {
            return *index;
        }
        let index = self.markets.len();
        self.by_native.insert(native.to_owned(), index);
        self.markets.push(Market {
            native: native.to_owned(),
            faces: Vec::new(),
            step: Price::ONE.micro(),
            has_snapshot: false,
            fee: None,
            run: Run::default(),
        });
        index
    }

    /// The market of a face; the face joins the named market (or stands alone) where it is new.
    pub fn market_of_face(&mut self, face: &str, market: Option<&str>) -> usize {
        if let Some(index) = self.by_face.get(face) {
            return *index;
        }
        let index = self.market(market.unwrap_or(face));
        self.by_face.insert(face.to_owned(), index);
        if let Some(market) = self.markets.get_mut(index) {
            market.faces.push(face.to_owned());
        }
        index
    }

    /// Whether a face is known.
    #[must_use]
    pub fn knows_face(&self, face: &str) -> bool {
        self.by_face.contains_key(face)
    }

    /// Makes the market's grid hold a price or a tick size.
    pub fn hold(&mut self, market: usize, price: Price) {
        if let Some(market) = self.markets.get_mut(market) {
            market.step = gcd(market.step, price.micro());
        }
    }

    /// A snapshot of a market in line `line`; `continues` tells that it is part of a running
    /// stream and not the first message of a connection.
    pub fn snapshot(&mut self, market: usize, line: u64, continues: bool) {
        let stretch = self.stretch;
        let Some(found) = self.markets.get_mut(market) else { return };
        found.has_snapshot = true;
        let run = found.run;
        if continues && run.has_snapshot && run.deltas > 0 && run.stretch == stretch {
            self.comparable.insert(market, line);
        }
        found.run = Run { has_snapshot: true, deltas: 0, stretch };
    }

    /// A state that came beside the stream: what follows cannot be compared.
    pub fn foreign_snapshot(&mut self, market: usize) {
        if let Some(market) = self.markets.get_mut(market) {
            market.has_snapshot = true;
            market.run = Run::default();
        }
    }

    /// A delta of a market.
    pub fn delta(&mut self, market: usize) {
        if let Some(market) = self.markets.get_mut(market) {
            market.run.deltas = market.run.deltas.saturating_add(1);
        }
    }

    /// The lines whose snapshots are to be compared.
    #[must_use]
    pub fn compare_lines(&self) -> BTreeSet<u64> {
        self.comparable.values().copied().collect()
    }

    /// The catalog of the markets seen, each its own event: frames do not say what binds them.
    /// `step_default` is the grid of a market whose prices would fit a coarser one.
    ///
    /// # Errors
    /// When the books would not fit in memory.
    pub fn catalog(
        &self,
        kind: VenueKind,
        step_default: u32,
        fee: FeeSchedule,
    ) -> Result<Catalog, ReplayError> {
        let mut catalog = Catalog::default();
        let venue = catalog.add_venue(kind);
        let mut ticks = 0_u64;
        for market in &self.markets {
            let step = Price::from_micro(gcd(step_default, market.step)).unwrap_or(Price::ONE);
            let grid = Grid::uniform(step).map_err(|error| setup(&market.native, &error))?;
            ticks = ticks.saturating_add(u64::from(grid.ticks()));
            if ticks > TICKS_MAX {
                return Err(ReplayError::Setup(format!(
                    "{} markets with prices this fine need too much memory: split the recording",
                    self.markets.len()
                )));
            }
            let event = catalog.add_event(&market.native, EventLaw::Independent);
            let condition = catalog.add_condition(event, &market.native);
            catalog.add_listing(Listing {
                native_market: market.native.clone(),
                native_faces: native_faces(kind, market),
                name: market.native.clone(),
                lot: evaluate::lot(),
                min_qty: evaluate::lot(),
                fee: market.fee.unwrap_or(fee),
                can_split: kind == VenueKind::Polymarket,
                ..Listing::plain(kind, venue, condition, grid)
            });
        }
        Ok(catalog)
    }
}

/// Both faces; one that never occurs gets a name that no venue gives.
fn native_faces(kind: VenueKind, market: &Market) -> Option<[String; 2]> {
    match kind {
        VenueKind::Kalshi => None,
        VenueKind::Polymarket => {
            let face = |index: usize, name: &str| {
                let unseen = || format!("{}#{name}", market.native);
                market.faces.get(index).cloned().unwrap_or_else(unseen)
            };
            Some([face(0, "yes"), face(1, "no")])
        }
    }
}

fn setup(native: &str, error: &dyn core::fmt::Display) -> ReplayError {
    ReplayError::Setup(format!("market {native}: {error}"))
}

/// Greatest common divisor; zero (a price at the end of the range) leaves the other as it is.
pub(crate) const fn gcd(mut a: u32, mut b: u32) -> u32 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

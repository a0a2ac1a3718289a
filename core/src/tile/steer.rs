//! What others than the stream tell a feed tile: the venue's lists, its REST books.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};

use dutchbook_book::catalog::{Listing, VenueKind};
use dutchbook_book::grid::PriceRange;
use dutchbook_book::{BookId, Face, Grid, Nanos, Price, Rate, VenueId};
use dutchbook_feeds::feed::Feed;
use dutchbook_feeds::notice::{Notice, Resolved, Sink};
use dutchbook_feeds::session::Trading;

use crate::control::Control;
use crate::discovery::text::ListingText;
use crate::resolution::{Says, Source, Trust};

/// One word to a feed tile. They are rare; a tile takes them in its housekeeping.
#[derive(Clone, Debug)]
pub enum Steer {
    /// The book has missed changes: resynchronise it, and it alone.
    Freeze(BookId),
    /// The venue trades the book, does not just now, or never will again.
    Trading(BookId, Trading),
    /// The book's prices have another grid.
    Grid(BookId, Grid),
    /// The venue's lists state another fee: what takers and makers pay; `None` where that is not
    /// known, which closes the gate.
    Fee(BookId, Option<[Rate; 2]>),
    /// The venue lists a market that was not listed before: follow it.
    List(Box<Listing>),
    /// The venue's lists say how a condition was decided.
    Resolved {
        /// The book of the condition on that venue.
        book: BookId,
        /// The face that pays.
        winner: Face,
        /// Whether nothing will be said any more.
        is_final: bool,
    },
    /// Another source speaks on how a condition is decided.
    Said {
        /// The book of the condition.
        book: BookId,
        /// Who speaks.
        source: Source,
        /// What is said.
        says: Says,
        /// How far whoever passes it on trusts it.
        trust: Trust,
        /// When, by the source's own clock; zero where it has none.
        at: Nanos,
    },
}

impl Steer {
    /// Whose book it is about.
    #[must_use]
    pub const fn book(&self) -> BookId {
        match self {
            Self::Freeze(book)
            | Self::Trading(book, _)
            | Self::Grid(book, _)
            | Self::Fee(book, _)
            | Self::Resolved { book, .. }
            | Self::Said { book, .. } => *book,
            Self::List(listing) => listing.book,
        }
    }

    /// What of it is for the evaluator alone: no feed has a part in it.
    #[must_use]
    pub const fn control(&self) -> Option<Control> {
        match *self {
            Self::Said { book, source, says, trust, at } => {
                Some(Control::Said { book, source, says, trust, at })
            }
            Self::Freeze(_)
            | Self::Trading(..)
            | Self::Grid(..)
            | Self::Fee(..)
            | Self::List(_)
            | Self::Resolved { .. } => None,
        }
    }

    /// Which of a tile's feeds is told: that which has the book; of a market that is new, the one of its
    /// venue with the fewest books.
    pub fn feed_of<'a>(&self, feeds: &'a mut [Feed]) -> Option<&'a mut Feed> {
        match self {
            Self::List(listing) => {
                let own = feeds.iter_mut().filter(|feed| feed.kind() == listing.kind);
                own.min_by_key(|feed| feed.books().count())
            }
            Self::Freeze(book)
            | Self::Trading(book, _)
            | Self::Grid(book, _)
            | Self::Fee(book, _)
            | Self::Said { book, .. }
            | Self::Resolved { book, .. } => {
                feeds.iter_mut().find(|feed| feed.book(*book).is_some())
            }
        }
    }

    /// Tells the feed that has the book.
    pub fn apply(&self, feed: &mut Feed, now: Nanos, sink: &mut impl Sink) {
        match *self {
            Self::Freeze(book) => {
                feed.freeze(book, now, sink);
            }
            Self::Trading(book, trading) => feed.set_trading(book, trading, now, sink),
            Self::Grid(book, grid) => feed.set_grid(book, grid, now, sink),
            Self::Said { .. } => {}
            Self::Fee(book, rates) => sink.notice(Notice::FeeChange { book, rates }),
            Self::List(ref listing) => {
                // One that is followed already is followed on.
                let _known = feed.list(listing, now).is_err();
            }
            Self::Resolved { book, winner, is_final } => {
                sink.notice(Notice::Resolved(Resolved {
                    book: Some(book),
                    native_market: "",
                    winner: Some(winner),
                    settlement_value: None,
                    is_final,
                    ts_venue: Nanos::ZERO,
                }));
            }
        }
    }

    /// The word as bytes, without its book: what a capture keeps.
    #[must_use]
    pub fn write(&self) -> Vec<u8> {
        match self {
            Self::Freeze(_) => vec![FREEZE],
            Self::Trading(_, trading) => vec![TRADING, *trading as u8],
            Self::Grid(_, grid) => {
                let mut bytes = vec![GRID];
                for range in grid.ranges() {
                    for price in [range.start, range.end, range.step] {
                        bytes.extend(price.micro().to_le_bytes());
                    }
                }
                bytes
            }
            Self::Fee(_, None) => vec![FEE],
            Self::Fee(_, Some(rates)) => {
                let nano = rates.iter().flat_map(|rate| rate.nano().to_le_bytes());
                core::iter::once(FEE).chain(nano).collect()
            }
            Self::List(listing) => {
                // Numbers and names have no value that JSON cannot hold.
                let text = serde_json::to_vec(&ListingText::of(listing)).unwrap_or_default();
                let head = [LIST, u8::from(listing.kind == VenueKind::Kalshi)];
                [&head[..], &text].concat()
            }
            Self::Resolved { winner, is_final, .. } => {
                vec![RESOLVED, *winner as u8, u8::from(*is_final)]
            }
            Self::Said { source, says, trust, at, .. } => {
                let [kind, verdict] = says.codes();
                let mut bytes = vec![SAID, *source as u8, kind, verdict, *trust as u8];
                bytes.extend(at.0.to_le_bytes());
                bytes
            }
        }
    }

    /// The word about a book that these bytes say.
    #[must_use]
    pub fn read(book: BookId, bytes: &[u8]) -> Option<Self> {
        let (kind, rest) = bytes.split_first()?;
        Some(match (*kind, rest) {
            (FREEZE, []) => Self::Freeze(book),
            (TRADING, [code]) => {
                let all = [Trading::Open, Trading::Halted, Trading::Closed];
                Self::Trading(book, all.into_iter().find(|one| *one as u8 == *code)?)
            }
            (GRID, ranges) => {
                let (prices, _) = ranges.as_chunks::<4>();
                let prices: Vec<Price> = prices
                    .iter()
                    .map(|bytes| Price::from_micro(u32::from_le_bytes(*bytes)))
                    .collect::<Option<_>>()?;
                let (triples, _) = prices.as_chunks::<3>();
                let range = |[start, end, step]: &[Price; 3]| PriceRange {
                    start: *start,
                    end: *end,
                    step: *step,
                };
                let ranges: Vec<PriceRange> = triples.iter().map(range).collect();
                Self::Grid(book, Grid::from_ranges(&ranges).ok()?)
            }
            (FEE, []) => Self::Fee(book, None),
            (FEE, rates) => {
                let (rates, rest) = rates.as_chunks::<4>();
                let [taker, maker] = rates else { return None };
                if !rest.is_empty() {
                    return None;
                }
                let rate = |bytes: &[u8; 4]| Rate::from_nano(u32::from_le_bytes(*bytes));
                Self::Fee(book, Some([rate(taker), rate(maker)]))
            }
            (LIST, [is_kalshi, text @ ..]) => {
                let kinds = [VenueKind::Polymarket, VenueKind::Kalshi];
                let text: ListingText = serde_json::from_slice(text).ok()?;
                let kind = *kinds.get(usize::from(*is_kalshi))?;
                Self::List(Box::new(text.listing(book, kind)?))
            }
            (RESOLVED, [winner, is_final]) => {
                let winner = [Face::Yes, Face::No].into_iter().find(|f| *f as u8 == *winner)?;
                Self::Resolved { book, winner, is_final: *is_final == 1 }
            }
            (SAID, [source, kind, verdict, trust, at @ ..]) => Self::Said {
                book,
                source: Source::from_code(*source)?,
                says: Says::from_codes([*kind, *verdict])?,
                trust: Trust::from_code(*trust)?,
                at: Nanos(u64::from_le_bytes(at.try_into().ok()?)),
            },
            _ => return None,
        })
    }
}

const FREEZE: u8 = 0;
const TRADING: u8 = 1;
const GRID: u8 = 2;
const RESOLVED: u8 = 3;
const SAID: u8 = 4;
const FEE: u8 = 5;
const LIST: u8 = 6;

/// The way to the tiles, by venue.
#[derive(Clone, Debug, Default)]
pub struct Steering {
    tiles: Vec<(VenueId, Sender<Steer>)>,
    appeared: Arc<AtomicU64>,
}

impl Steering {
    /// A tile's receiving end, for these venues.
    pub(crate) fn tile(&mut self, venues: impl IntoIterator<Item = VenueId>) -> Receiver<Steer> {
        let (sender, receiver) = channel();
        self.tiles.extend(venues.into_iter().map(|venue| (venue, sender.clone())));
        receiver
    }

    /// Where tiles count the markets that streams tell of and nobody follows.
    pub(crate) fn appeared(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.appeared)
    }

    /// How often streams told of a market that nobody follows.
    #[must_use]
    pub fn appeared_count(&self) -> u64 {
        // Relaxed: whoever sees it late looks again.
        self.appeared.load(Ordering::Relaxed)
    }

    /// Tells the tile of a venue. False when no tile has it, or it is gone.
    #[must_use]
    pub fn tell(&self, venue: VenueId, steer: Steer) -> bool {
        let tile = self.tiles.iter().find(|(of, _)| *of == venue);
        tile.is_some_and(|(_, sender)| sender.send(steer).is_ok())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dutchbook_book::ConditionId;

    #[test]
    fn words_are_kept_as_bytes() {
        let book = BookId(5);
        let grid = Grid::uniform(Price::from_micro(1_000).unwrap()).unwrap();
        let listing = Listing {
            book,
            native_market: "KXLATE".to_owned(),
            name: "late".to_owned(),
            ..Listing::plain(VenueKind::Kalshi, VenueId(1), ConditionId(9), grid)
        };
        for steer in [
            Steer::List(Box::new(listing)),
            Steer::Freeze(book),
            Steer::Trading(book, Trading::Halted),
            Steer::Grid(book, grid),
            Steer::Fee(book, None),
            Steer::Fee(book, Some([Rate::from_nano(70_000_000), Rate::from_nano(1)])),
            Steer::Resolved { book, winner: Face::No, is_final: true },
            Steer::Said {
                book,
                source: Source::Oracle,
                says: Says::Disputed,
                trust: Trust::Final,
                at: Nanos(77),
            },
        ] {
            let back = Steer::read(book, &steer.write()).unwrap();
            assert_eq!(format!("{back:?}"), format!("{steer:?}"));
        }
        for bytes in
            [&[][..], &[9], &[TRADING], &[TRADING, 7], &[GRID, 1, 2], &[RESOLVED, 1], &[FEE, 1]]
        {
            assert!(Steer::read(book, bytes).is_none(), "{bytes:?}");
        }
    }
}

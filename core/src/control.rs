//! Cold news from a feed that changes what the evaluator may assume.

use dutchbook_book::grid::{PriceRange, RANGES_MAX};
use dutchbook_book::ring::{SLOT_WORDS, Words};
use dutchbook_book::{BookId, Face, Grid, Nanos, Price, Rate};

use crate::resolution::{Says, Source, Trust};

/// What a feed tells the evaluator beside tops of books.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Control {
    /// The venue has spoken on how a condition was decided.
    Resolved {
        /// The book of the condition on that venue.
        book: BookId,
        /// Its winning face, where this word names it.
        winner: Option<Face>,
        /// Whether nothing will be said any more: the money moves.
        is_final: bool,
    },
    /// Another source than the venue's stream speaks on how a condition is decided.
    Said {
        /// The book of the condition.
        book: BookId,
        /// Who speaks.
        source: Source,
        /// What is said.
        says: Says,
        /// How far whoever passed it on trusts it.
        trust: Trust,
        /// When, by the source's own clock; zero where it has none.
        at: Nanos,
    },
    /// The book accepts other prices.
    Regridded {
        /// Which book.
        book: BookId,
        /// All of its ranges; `None` where they were written down and cannot be read back.
        grid: Option<Grid>,
    },
    /// The venue charges the book's trades by other rates.
    FeeChanged {
        /// Which book.
        book: BookId,
        /// What takers and makers pay; `None`: not known, and nothing may be traded.
        rates: Option<[Rate; 2]>,
    },
}

const RESOLVED: u64 = 0;
const REGRIDDED: u64 = 1;
const FEE_CHANGED: u64 = 2;
const SAID: u64 = 3;
/// The low byte of the first word; a grid has its count of ranges and its book above it.
const KIND_MASK: u64 = 0xff;
const COUNT_SHIFT: u32 = 8;
const BOOK_SHIFT: u32 = 32;
/// Bits of a price in a range's word: 1e6 fits.
const PRICE_BITS: u32 = 20;
const PRICE_MASK: u64 = (1 << PRICE_BITS) - 1;
const _: () = assert!(RANGES_MAX < SLOT_WORDS && Price::ONE.micro() >> PRICE_BITS == 0);

/// A word for kind, count and book, and one for each range: start, end, step.
fn grid_words(book: BookId, grid: Option<&Grid>) -> [u64; SLOT_WORDS] {
    let mut words = [0; SLOT_WORDS];
    let (head, ranges) = (grid.map_or(&[][..], Grid::ranges), words.get_mut(1..));
    for (word, range) in ranges.into_iter().flatten().zip(head) {
        let packed = [range.start, range.end, range.step].map(|price| u64::from(price.micro()));
        *word = packed.iter().fold(0, |word, price| word << PRICE_BITS | price);
    }
    let count = u64::try_from(head.len()).unwrap_or(0);
    if let Some(first) = words.first_mut() {
        *first = REGRIDDED | count << COUNT_SHIFT | u64::from(book.0) << BOOK_SHIFT;
    }
    words
}

fn grid_of(words: [u64; SLOT_WORDS]) -> Control {
    let [head, ..] = words;
    let price = |word: u64| {
        let micro = u32::try_from(word & PRICE_MASK).ok()?;
        Price::from_micro(micro)
    };
    let range = |word: &u64| {
        Some(PriceRange {
            start: price(word >> (2 * PRICE_BITS))?,
            end: price(word >> PRICE_BITS)?,
            step: price(*word)?,
        })
    };
    let count = usize::try_from(head >> COUNT_SHIFT & KIND_MASK).unwrap_or(0);
    let ranges: Option<Vec<PriceRange>> = words.iter().skip(1).take(count).map(range).collect();
    let grid = ranges.and_then(|ranges| Grid::from_ranges(&ranges).ok());
    let book = BookId(u32::try_from(head >> BOOK_SHIFT).unwrap_or(u32::MAX));
    Control::Regridded { book, grid }
}

/// The word of a winner that is not named.
const NO_WINNER: u64 = 2;

impl Words for Control {
    fn to_words(self) -> [u64; SLOT_WORDS] {
        let (kind, book, value, other, flag) = match self {
            Self::Resolved { book, winner, is_final } => {
                let winner = winner.map_or(NO_WINNER, |face| u64::from(face as u8));
                (RESOLVED, book, winner, 0, is_final)
            }
            Self::Regridded { book, grid } => return grid_words(book, grid.as_ref()),
            Self::Said { book, source, says, trust, at } => {
                let [kind, verdict] = says.codes();
                let trust = u64::from(trust as u8) << 16;
                let what = trust | u64::from(kind) << 8 | u64::from(verdict);
                return [SAID, book.0.into(), u64::from(source as u8), what, at.0, 0, 0];
            }
            Self::FeeChanged { book, rates } => {
                let [taker, maker] = rates.unwrap_or_default().map(|rate| rate.nano().into());
                (FEE_CHANGED, book, taker, maker, rates.is_some())
            }
        };
        [kind, u64::from(book.0), value, other, u64::from(flag), 0, 0]
    }

    fn from_words(words: [u64; SLOT_WORDS]) -> Self {
        let [kind, book, value, other, flag, ..] = words;
        // These numbers were 32 bits when they were packed.
        let narrow = |word| u32::try_from(word).unwrap_or(u32::MAX);
        let book = BookId(narrow(book));
        match kind & KIND_MASK {
            REGRIDDED => grid_of(words),
            SAID => {
                let byte = |word: u64| u8::try_from(word & KIND_MASK).unwrap_or(u8::MAX);
                let [low, high, trust] = [other, other >> 8, other >> 16].map(byte);
                Self::Said {
                    book,
                    // What cannot be read back only closes the market.
                    source: Source::from_code(byte(value)).unwrap_or(Source::Score),
                    says: Says::from_codes([high, low]).unwrap_or(Says::Disputed),
                    trust: Trust::from_code(trust).unwrap_or(Trust::Hint),
                    at: Nanos(flag),
                }
            }
            RESOLVED => {
                let winner = match value {
                    0 => Some(Face::Yes),
                    1 => Some(Face::No),
                    _ => None,
                };
                Self::Resolved { book, winner, is_final: flag != 0 }
            }
            _ => {
                let rates = [value, other].map(|nano| Rate::from_nano(narrow(nano)));
                Self::FeeChanged { book, rates: (flag != 0).then_some(rates) }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Kalshi's `tapered_deci_cent`.
    fn tapered() -> Grid {
        let range = |[start, end, step]: [u32; 3]| PriceRange {
            start: Price::from_micro(start).unwrap(),
            end: Price::from_micro(end).unwrap(),
            step: Price::from_micro(step).unwrap(),
        };
        let ranges = [[0, 100_000, 1_000], [100_000, 900_000, 10_000], [900_000, 1_000_000, 1_000]];
        Grid::from_ranges(&ranges.map(range)).unwrap()
    }

    #[test]
    fn words_and_back() {
        for control in [
            Control::Resolved { book: BookId(7), winner: Some(Face::No), is_final: false },
            Control::Resolved { book: BookId(7), winner: None, is_final: true },
            Control::Regridded { book: BookId(u32::MAX), grid: Some(tapered()) },
            Control::Regridded { book: BookId(3), grid: None },
            Control::FeeChanged { book: BookId(9), rates: None },
            Control::Said {
                book: BookId(4),
                source: Source::Chain,
                says: Says::Final(crate::resolution::Verdict::Split),
                trust: Trust::Named,
                at: Nanos(u64::MAX),
            },
            Control::FeeChanged {
                book: BookId(9),
                rates: Some([Rate::from_nano(70_000_000), Rate::ZERO]),
            },
        ] {
            assert_eq!(Control::from_words(control.to_words()), control);
        }
    }
}

//! Books as venues answer them over REST: an independent word on what the stream has built.

use dutchbook_book::{Level, Nanos, Price};

use super::{Page, each, needed_name, read};
use crate::error::{DecodeError, DecodeErrorKind};
use crate::general::Json;
use crate::number::Dialect;

/// One book, best levels first, in terms of the token or of YES.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RestBook {
    /// The venue's id: a token, or a ticker.
    pub native: String,
    /// The venue's time of it; zero where the venue gives none.
    pub ts_venue: Nanos,
    /// Resting to buy, falling.
    pub bids: Vec<Level>,
    /// Resting to sell, rising.
    pub asks: Vec<Level>,
}

/// Reads a body of Polymarket's `POST /books`, or of `GET /book`.
///
/// # Errors
/// When the body is neither.
pub fn polymarket(body: &[u8]) -> Result<Page<RestBook>, DecodeError> {
    read(body, |root| {
        if root.is_object() {
            return Ok(Page { items: vec![token_book(root)?], refused: Vec::new(), next: None });
        }
        each(root, "asset_id", token_book)
    })
}

/// Reads a body of Kalshi's `GET /markets/orderbooks`.
///
/// # Errors
/// When the body is none.
pub fn kalshi(body: &[u8]) -> Result<Page<RestBook>, DecodeError> {
    read(body, |root| {
        let missing = || root.error(DecodeErrorKind::MissingField);
        each(root.get("orderbooks").ok_or_else(missing)?, "ticker", |json| {
            let book = json.get("orderbook_fp").unwrap_or(json);
            let mirrored = |level: Level| level.mirrored();
            let no = side(book, "no_dollars", pair)?;
            let mut made = RestBook {
                native: needed_name(json, "ticker")?,
                ts_venue: Nanos::ZERO,
                bids: side(book, "yes_dollars", pair)?,
                asks: no.into_iter().map(mirrored).collect(),
            };
            made.sort();
            Ok(made)
        })
    })
}

impl RestBook {
    /// Venues differ in the order of levels, and one has changed its own.
    fn sort(&mut self) {
        self.bids.sort_by_key(|level| core::cmp::Reverse(level.price));
        self.asks.sort_by_key(|level| level.price);
    }
}

fn token_book(json: Json<'_>) -> Result<RestBook, DecodeError> {
    let mut book = RestBook {
        native: needed_name(json, "asset_id")?,
        ts_venue: json.get("timestamp").map_or(Ok(Nanos::ZERO), Json::millis)?,
        bids: side(json, "bids", object)?,
        asks: side(json, "asks", object)?,
    };
    book.sort();
    Ok(book)
}

/// The levels of one side: an array, null, or absent. Levels without quantity are none.
fn side(
    json: Json<'_>,
    key: &str,
    level: impl Fn(Json<'_>) -> Result<Level, DecodeError>,
) -> Result<Vec<Level>, DecodeError> {
    let Some(list) = json.get(key).filter(|list| !list.is_absent()) else { return Ok(Vec::new()) };
    let elements = list.elements().ok_or_else(|| list.error(DecodeErrorKind::MissingField))?;
    let mut levels = Vec::new();
    for element in elements {
        let level = level(element)?;
        if !level.qty.is_zero() && level.price > Price::ZERO && level.price < Price::ONE {
            levels.push(level);
        }
    }
    Ok(levels)
}

fn object(json: Json<'_>) -> Result<Level, DecodeError> {
    let needed = |key| json.get(key).ok_or_else(|| json.error(DecodeErrorKind::MissingField));
    Ok(Level {
        price: needed("price")?.price(Dialect::POLYMARKET)?,
        qty: needed("size")?.qty(Dialect::POLYMARKET)?,
    })
}

fn pair(json: Json<'_>) -> Result<Level, DecodeError> {
    let missing = || json.error(DecodeErrorKind::MissingField);
    let mut both = json.elements().ok_or_else(missing)?;
    let (Some(price), Some(qty), None) = (both.next(), both.next(), both.next()) else {
        return Err(missing());
    };
    Ok(Level { price: price.price(Dialect::KALSHI_PRICE)?, qty: qty.qty(Dialect::KALSHI_COUNT)? })
}

#[cfg(test)]
mod tests {
    use super::*;
    use dutchbook_book::Qty;

    fn level(pips: u32, centi: u64) -> Level {
        Level { price: Price::from_pips(pips).unwrap(), qty: Qty::from_centi(centi).unwrap() }
    }

    #[test]
    fn books_come_best_first_whatever_their_order() {
        let body = br#"[{"asset_id":"1","timestamp":"1792173951815",
            "bids":[{"price":"0.15","size":"2"},{"price":".16","size":"1"},{"price":"0.14","size":"0"}],
            "asks":[{"price":"0.20","size":"4"},{"price":"0.18","size":"3"}]},{"market":"x"}]"#;
        let page = polymarket(body).unwrap();
        assert_eq!(page.refused.len(), 1);
        let book = &page.items[0];
        assert_eq!(book.ts_venue, Nanos::from_millis(1_792_173_951_815));
        assert_eq!(book.bids, [level(1_600, 100), level(1_500, 200)]);
        assert_eq!(book.asks, [level(1_800, 300), level(2_000, 400)]);
    }

    #[test]
    fn bids_for_no_are_asks_for_yes_and_sides_may_be_missing() {
        let body =
            br#"{"orderbooks":[{"ticker":"A","orderbook_fp":{"yes_dollars":[["0.4700","3.00"]],
            "no_dollars":[["0.4700","1.00"],["0.4800","3.00"]]}},
            {"ticker":"B","orderbook_fp":{"yes_dollars":null}}]}"#;
        let page = kalshi(body).unwrap();
        assert_eq!(page.items[0].asks, [level(5_200, 300), level(5_300, 100)]);
        assert!(page.items[1].bids.is_empty() && page.items[1].asks.is_empty());
        assert!(kalshi(b"{}").is_err() && polymarket(b"7").is_err());
    }
}

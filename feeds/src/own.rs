//! What venues say about our own orders, fills and cash: the user channels and REST alike, in one
//! shape, so that the two can be merged.
//!
//! A fill is known by its trade **and** its order: one trade of Polymarket may hold several of our
//! orders, and the same trade comes again with every step of its settlement.

use dutchbook_book::{Cash, Nanos, Price, Qty, Side};

use crate::error::{DecodeError, DecodeErrorKind};
use crate::general::Json;
use crate::listing::{Page, each, name, needed_name, present, read, rfc3339};
use crate::number::Dialect;
use crate::record::{Record, kalshi, polymarket};

/// One own order as a venue shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnOrder {
    /// The venue's id.
    pub id: String,
    /// Token, or ticker.
    pub native: String,
    /// Buy or sell of that token, or of YES.
    pub side: Side,
    /// Its limit, of that token, or of YES.
    pub price: Price,
    /// Contracts ordered, where the venue says.
    pub ordered: Option<Qty>,
    /// Contracts filled.
    pub filled: Qty,
    /// Whether it may still be filled.
    pub is_open: bool,
    /// Venue's time; zero where it gives none.
    pub ts_venue: Nanos,
}

/// How far the settlement of a fill has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Settlement {
    /// Matched; it may still fail.
    Matched,
    /// Under way to its chain, or tried again.
    Mined,
    /// For good.
    Confirmed,
    /// It did not happen after all.
    Failed,
}

/// One own fill.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnFill {
    /// The venue's id of the trade.
    pub trade: String,
    /// The venue's id of our order.
    pub order: String,
    /// Token, or ticker.
    pub native: String,
    /// What we did with that token, or with YES; `None` where the message does not say it of a maker.
    pub side: Option<Side>,
    /// Its price.
    pub price: Price,
    /// Contracts.
    pub qty: Qty,
    /// What it cost, where the venue says.
    pub fee: Option<Cash>,
    /// How far its settlement has come.
    pub settlement: Settlement,
    /// Venue's time; zero where it gives none.
    pub ts_venue: Nanos,
}

/// The own order that a message of a user channel speaks of.
#[must_use]
pub fn order_of(record: &Record<'_>) -> Option<OwnOrder> {
    match record {
        Record::Polymarket(polymarket::Record::Order(order)) => {
            let is_gone = order.status.is_some_and(is_terminal);
            let is_full = order.size_matched >= order.original_size;
            Some(OwnOrder {
                id: order.id.to_owned(),
                native: order.asset_id.to_owned(),
                side: order.side,
                price: order.price,
                ordered: Some(order.original_size),
                filled: order.size_matched,
                is_open: !order.is_canceled() && !is_gone && !is_full,
                ts_venue: order.ts_venue,
            })
        }
        Record::Kalshi(kalshi::Message { record: kalshi::Record::UserOrder(order), .. }) => {
            Some(OwnOrder {
                id: order.order_id.to_owned(),
                native: order.ticker.to_owned(),
                side: order.book_side,
                price: order.yes_price,
                ordered: order.initial,
                filled: order.filled,
                is_open: order.status == "resting",
                ts_venue: order.ts_venue,
            })
        }
        Record::Polymarket(_) | Record::Kalshi(_) => None,
    }
}

/// The own fills that a message of a user channel speaks of. `key` is the API key that owns our
/// orders on Polymarket.
pub fn fills_of(record: &Record<'_>, key: &str, mut take: impl FnMut(OwnFill)) {
    match record {
        Record::Polymarket(polymarket::Record::Trade(trade)) => {
            let Some(settlement) = settlement_of(trade.status) else { return };
            let mut is_maker = false;
            for maker in trade.maker_orders.iter().filter(|maker| maker.owner == Some(key)) {
                is_maker = true;
                take(OwnFill {
                    trade: trade.id.to_owned(),
                    order: maker.order_id.to_owned(),
                    native: maker.asset_id.unwrap_or(trade.asset_id).to_owned(),
                    side: None,
                    price: maker.price,
                    qty: maker.matched_amount,
                    fee: Some(Cash::ZERO),
                    settlement,
                    ts_venue: trade.ts_venue,
                });
            }
            if let (false, Some(order)) = (is_maker, trade.taker_order_id) {
                take(OwnFill {
                    trade: trade.id.to_owned(),
                    order: order.to_owned(),
                    native: trade.asset_id.to_owned(),
                    side: Some(trade.side),
                    price: trade.price,
                    qty: trade.size,
                    fee: None,
                    settlement,
                    ts_venue: trade.ts_venue,
                });
            }
        }
        Record::Kalshi(kalshi::Message { record: kalshi::Record::Fill(fill), .. }) => {
            take(OwnFill {
                trade: fill.trade_id.to_owned(),
                order: fill.order_id.to_owned(),
                native: fill.ticker.to_owned(),
                side: Some(fill.book_side),
                price: fill.yes_price,
                qty: fill.count,
                fee: Some(fill.fee),
                settlement: Settlement::Confirmed,
                ts_venue: fill.ts_venue,
            });
        }
        Record::Polymarket(_) | Record::Kalshi(_) => {}
    }
}

/// Polymarket's word for how far a trade is; REST puts `TRADE_STATUS_` in front of it. An unknown
/// word is no step.
fn settlement_of(status: &str) -> Option<Settlement> {
    match status.strip_prefix("TRADE_STATUS_").unwrap_or(status) {
        "MATCHED" | "MATCHED_NOT_BROADCASTED" => Some(Settlement::Matched),
        "MINED" | "RETRYING" => Some(Settlement::Mined),
        "CONFIRMED" => Some(Settlement::Confirmed),
        "FAILED" => Some(Settlement::Failed),
        _ => None,
    }
}

/// Whether Polymarket's word for an order means that it is over.
fn is_terminal(status: &str) -> bool {
    let status = status.strip_prefix("ORDER_STATUS_").unwrap_or(status);
    status.starts_with("CANCELED") || matches!(status, "INVALID" | "MATCHED" | "UNMATCHED")
}

/// Reads a body of Polymarket's `GET /data/orders`.
///
/// # Errors
/// When the body is none.
pub fn polymarket_orders(body: &[u8]) -> Result<Page<OwnOrder>, DecodeError> {
    read(body, |root| {
        let mut page = each(list(root, "data")?, "id", |json| {
            let ordered = qty(json, "original_size")?;
            let filled = qty(json, "size_matched")?;
            Ok(OwnOrder {
                id: needed_name(json, "id")?,
                native: needed_name(json, "asset_id")?,
                side: side(json, "side")?,
                price: price(json, "price")?,
                ordered: Some(ordered),
                filled,
                is_open: !name(json, "status").as_deref().is_some_and(is_terminal),
                ts_venue: time(json, "created_at"),
            })
        })?;
        page.next = name(root, "next_cursor").filter(|cursor| cursor != "LTE=");
        Ok(page)
    })
}

/// Reads a body of Polymarket's `GET /data/trades`: the fills of the orders that `key` owns.
///
/// # Errors
/// When the body is none.
pub fn polymarket_fills(body: &[u8], key: &str) -> Result<Page<Vec<OwnFill>>, DecodeError> {
    read(body, |root| {
        let mut page = each(list(root, "data")?, "id", |json| rest_fills(json, key))?;
        page.next = name(root, "next_cursor").filter(|cursor| cursor != "LTE=");
        Ok(page)
    })
}

fn rest_fills(json: Json<'_>, key: &str) -> Result<Vec<OwnFill>, DecodeError> {
    let missing = || json.error(DecodeErrorKind::MissingField);
    let status = needed_name(json, "status")?;
    let settlement = settlement_of(&status).ok_or_else(missing)?;
    let (trade, ts_venue) = (needed_name(json, "id")?, time(json, "match_time"));
    let mut fills = Vec::new();
    if name(json, "trader_side").as_deref() != Some("MAKER") {
        fills.push(OwnFill {
            trade,
            order: needed_name(json, "taker_order_id")?,
            native: needed_name(json, "asset_id")?,
            side: Some(side(json, "side")?),
            price: price(json, "price")?,
            qty: qty(json, "size")?,
            fee: None,
            settlement,
            ts_venue,
        });
        return Ok(fills);
    }
    let makers = json.get("maker_orders").and_then(Json::elements).ok_or_else(missing)?;
    for maker in makers.filter(|maker| name(*maker, "owner").as_deref() == Some(key)) {
        fills.push(OwnFill {
            trade: trade.clone(),
            order: needed_name(maker, "order_id")?,
            native: needed_name(maker, "asset_id")?,
            side: present(maker, "side").map(|_| side(maker, "side")).transpose()?,
            price: price(maker, "price")?,
            qty: qty(maker, "matched_amount")?,
            fee: Some(Cash::ZERO),
            settlement,
            ts_venue,
        });
    }
    Ok(fills)
}

/// Reads a body of Kalshi's `GET /portfolio/orders`.
///
/// # Errors
/// When the body is none.
pub fn kalshi_orders(body: &[u8]) -> Result<Page<OwnOrder>, DecodeError> {
    read(body, |root| {
        let mut page = each(list(root, "orders")?, "order_id", |json| {
            Ok(OwnOrder {
                id: needed_name(json, "order_id")?,
                native: needed_name(json, "ticker")?,
                side: side(json, "book_side")?,
                price: price(json, "yes_price_dollars")?,
                ordered: Some(qty(json, "initial_count_fp")?),
                filled: qty(json, "fill_count_fp")?,
                is_open: name(json, "status").as_deref() == Some("resting"),
                ts_venue: time(json, "last_update_time"),
            })
        })?;
        page.next = name(root, "cursor");
        Ok(page)
    })
}

/// Reads a body of Kalshi's `GET /portfolio/fills`.
///
/// # Errors
/// When the body is none.
pub fn kalshi_fills(body: &[u8]) -> Result<Page<Vec<OwnFill>>, DecodeError> {
    read(body, |root| {
        let mut page = each(list(root, "fills")?, "trade_id", |json| {
            let fee = present(json, "fee_cost").map(Json::cash).transpose()?;
            Ok(vec![OwnFill {
                trade: needed_name(json, "trade_id")?,
                order: needed_name(json, "order_id")?,
                native: needed_name(json, "ticker")?,
                side: Some(side(json, "book_side")?),
                price: price(json, "yes_price_dollars")?,
                qty: qty(json, "count_fp")?,
                fee,
                settlement: Settlement::Confirmed,
                ts_venue: time(json, "created_time"),
            }])
        })?;
        page.next = name(root, "cursor");
        Ok(page)
    })
}

/// Reads the cash of Kalshi's `GET /portfolio/balance` (`balance_dollars`), or of Polymarket's
/// `GET /balance-allowance` (`balance` in millionths).
///
/// # Errors
/// When the body is neither.
pub fn balance(body: &[u8]) -> Result<Cash, DecodeError> {
    read(body, |root| {
        if let Some(dollars) = present(root, "balance_dollars") {
            return dollars.cash();
        }
        let missing = || root.error(DecodeErrorKind::MissingField);
        let micro = present(root, "balance").ok_or_else(missing)?.whole()?;
        i64::try_from(micro).map(Cash::from_micro).map_err(|_| root.error(DecodeErrorKind::BadQty))
    })
}

fn list<'a>(root: Json<'a>, key: &str) -> Result<Json<'a>, DecodeError> {
    let found = root.get(key).filter(|list| list.elements().is_some());
    found.ok_or_else(|| root.error(DecodeErrorKind::MissingField))
}

fn qty(json: Json<'_>, key: &str) -> Result<Qty, DecodeError> {
    match present(json, key) {
        Some(value) => value.qty(Dialect::POLYMARKET),
        None => Ok(Qty::ZERO),
    }
}

fn price(json: Json<'_>, key: &str) -> Result<Price, DecodeError> {
    let value = present(json, key).ok_or_else(|| json.error(DecodeErrorKind::MissingField))?;
    value.price(Dialect::POLYMARKET)
}

fn side(json: Json<'_>, key: &str) -> Result<Side, DecodeError> {
    match name(json, key).map(|side| side.to_ascii_lowercase()).as_deref() {
        Some("buy" | "bid") => Ok(Side::Buy),
        Some("sell" | "ask") => Ok(Side::Sell),
        Some(_) | None => Err(json.error(DecodeErrorKind::BadSide)),
    }
}

/// A moment as digits or as RFC 3339; zero where it is neither.
fn time(json: Json<'_>, key: &str) -> Nanos {
    let Some(value) = present(json, key) else { return Nanos::ZERO };
    value.time().ok().or_else(|| rfc3339(value.text()?)).unwrap_or(Nanos::ZERO)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRADE: &str = r#"{"data":[{"id":"t1","taker_order_id":"0xa","asset_id":"11","side":"BUY",
        "size":"25.0000","price":"0.5000","status":"TRADE_STATUS_CONFIRMED","match_time":"1703875200",
        "trader_side":"TAKER","maker_orders":[{"order_id":"0xb","owner":"me","matched_amount":"25.0000",
        "price":"0.5000","asset_id":"12","side":"BUY"}]}],"next_cursor":"LTE="}"#;

    #[test]
    fn a_trade_is_ours_as_taker_or_as_maker_and_never_the_others() {
        let page = polymarket_fills(TRADE.as_bytes(), "me").unwrap();
        assert_eq!(page.next, None);
        let fill = &page.items[0][0];
        assert_eq!((fill.order.as_str(), fill.native.as_str()), ("0xa", "11"));
        assert_eq!(fill.settlement, Settlement::Confirmed);
        assert_eq!(fill.ts_venue, Nanos::from_secs(1_703_875_200));
        let maker = TRADE.replace("TAKER", "MAKER");
        let page = polymarket_fills(maker.as_bytes(), "me").unwrap();
        assert_eq!(page.items[0][0].order, "0xb");
        assert_eq!(page.items[0][0].native, "12", "the complementary token, as minted");
        assert!(polymarket_fills(maker.as_bytes(), "you").unwrap().items[0].is_empty());
    }

    #[test]
    fn orders_of_both_venues_are_read() {
        let body = r#"{"data":[{"id":"0x1","status":"ORDER_STATUS_LIVE","asset_id":"11","side":"SELL",
            "original_size":"100.0000","size_matched":"25.0000","price":"0.5000","created_at":1703875200}],
            "next_cursor":"Mg=="}"#;
        let page = polymarket_orders(body.as_bytes()).unwrap();
        assert_eq!(page.next.as_deref(), Some("Mg=="));
        let order = &page.items[0];
        assert!(order.is_open && order.side == Side::Sell);
        assert_eq!(order.filled, Qty::from_contracts(25).unwrap());
        let body = r#"{"orders":[{"order_id":"o","ticker":"A","book_side":"bid","status":"executed",
            "yes_price_dollars":"0.0100","initial_count_fp":"1.00","fill_count_fp":"1.00"},{"x":1}],"cursor":""}"#;
        let page = kalshi_orders(body.as_bytes()).unwrap();
        assert!(!page.items[0].is_open && page.refused.len() == 1);
    }

    #[test]
    fn cash_is_read_in_either_unit() {
        assert_eq!(
            balance(br#"{"balance":9801,"balance_dollars":"98.0186"}"#),
            Ok(Cash::from_micro(98_018_600))
        );
        assert_eq!(
            balance(br#"{"balance":"1250000","allowances":{}}"#),
            Ok(Cash::from_micro(1_250_000))
        );
        assert!(balance(b"{}").is_err());
    }
}

//! `polymarket/ws_messages.json` and `polymarket/book_hash.json`.

use dutchbook_book::catalog::VenueKind;
use dutchbook_book::{InstrumentId, Nanos, Side};
use dutchbook_feeds::batch::{Batch, LevelChange, Update};
use dutchbook_feeds::general::{GeneralDecoder, Item, Source};
use dutchbook_feeds::hash::HashedBook;
use dutchbook_feeds::ids::IdTable;
use dutchbook_feeds::kind::MessageKind;
use dutchbook_feeds::payload::PayloadBuf;
use dutchbook_feeds::record::Record;
use dutchbook_feeds::record::polymarket::{OrderEvent, Record as Is};
use dutchbook_feeds::{Feed, FeedConfig};
use harness::feeds::{self, Recorder};
use harness::vectors::{self, Expect};
use serde_json::{Map, Value, json};

use super::fine_grid;

type Fields = Map<String, Value>;

/// Every token that a message names, in the order of the message.
fn tokens(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Array(list) => list.iter().for_each(|element| tokens(element, found)),
        Value::Object(map) => {
            if let Some(asset) = map.get("asset_id").and_then(Value::as_str)
                && !found.iter().any(|known| known == asset)
            {
                found.push(asset.to_owned());
            }
            map.values().for_each(|element| tokens(element, found));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn level_fields(
    kind: MessageKind,
    update: &Update,
    levels: &[LevelChange],
    source: &Source<'_>,
) -> Fields {
    let count = |side| levels.iter().filter(|level| level.side == side).count();
    let mut fields = Fields::new();
    fields.insert("kind".into(), json!(kind.name()));
    if kind == MessageKind::PriceChange {
        fields.insert("changes".into(), json!(update.level_count));
        fields.insert("removes".into(), json!(levels.iter().all(|l| l.qty.micro() == 0)));
        fields.insert("legacy".into(), json!(source.is_legacy()));
    } else {
        fields.insert("bid_levels".into(), json!(count(Side::Buy)));
        fields.insert("ask_levels".into(), json!(count(Side::Sell)));
    }
    fields
}

fn record_fields(record: &Is<'_>) -> Fields {
    let mut fields = Fields::new();
    fields.insert("kind".into(), json!(record.kind().name()));
    match record {
        Is::Order(order) => {
            let event = match order.event {
                OrderEvent::Placement => "PLACEMENT",
                OrderEvent::Update => "UPDATE",
                OrderEvent::Cancellation => "CANCELLATION",
                OrderEvent::Other(word) => word,
            };
            fields.insert("type".into(), json!(event));
            fields.insert("canceled".into(), json!(order.is_canceled()));
            fields.insert("remaining".into(), json!(order.remaining().unwrap().to_string()));
        }
        Is::Trade(trade) => {
            fields.insert("status".into(), json!(trade.status));
            assert!(trade.maker_orders.iter().count() > 0, "maker orders are read");
        }
        Is::Sports(sports) => {
            fields.insert("ended".into(), json!(sports.is_ended));
        }
        Is::ReferencePrice(price) => {
            fields.insert("price".into(), json!(price.latest.price.to_string()));
        }
        Is::Empty => {
            fields.insert("kind".into(), json!("ignore"));
        }
        Is::LastTradePrice(_)
        | Is::TickSizeChange(_)
        | Is::BestBidAsk(_)
        | Is::NewMarket(_)
        | Is::MarketResolved(_)
        | Is::StreamReply(_)
        | Is::Pong
        | Is::Text(_)
        | Is::Unknown => {}
    }
    fields
}

/// The top of the first token's book after the message.
fn book_fields(fields: &mut Fields, raw: &str, assets: &[String]) {
    let no = assets.get(1).map_or("the other token", String::as_str);
    let listing = feeds::polymarket(0, "market", [&assets[0], no], fine_grid());
    let config = FeedConfig::of(VenueKind::Polymarket);
    let mut feed = Feed::new(VenueKind::Polymarket, [&listing], config).unwrap();
    let mut sink = Recorder::default();
    feed.on_payload(raw.as_bytes(), &mut PayloadBuf::default(), Nanos::ZERO, &mut sink);
    let top = feed.book(listing.book).unwrap().top();
    let text = |level: Option<dutchbook_book::Level>| {
        level.map_or(Value::Null, |level| json!(vectors::plain(&level.price.to_string())))
    };
    fields.insert("best_bid".into(), text(top.bid));
    fields.insert("best_ask".into(), text(top.ask));
}

fn decode(raw: &str) -> Fields {
    let parsed: Value = serde_json::from_str(raw).unwrap_or(Value::Null);
    let mut assets = Vec::new();
    tokens(&parsed, &mut assets);
    let mut ids = IdTable::default();
    for (instrument, asset) in (0..).zip(&assets) {
        ids.insert(asset.as_bytes(), InstrumentId(instrument)).unwrap();
    }
    let mut decoder = GeneralDecoder::new(VenueKind::Polymarket, false);
    let mut batch = Batch::default();
    let mut all = Vec::new();
    let each = |item: Item<'_>| match item {
        Item::Levels { kind, update, levels, source } => {
            all.push(level_fields(kind, &update, levels, &source));
        }
        Item::Record(Record::Polymarket(record)) => all.push(record_fields(&record)),
        Item::Record(Record::Kalshi(_)) => panic!("a record of the other venue"),
    };
    decoder.decode(raw.as_bytes(), &ids, &mut batch, each).unwrap();
    let count = all.len();
    let mut fields = all.swap_remove(0);
    if parsed.is_array() {
        fields.insert("kind".into(), json!("array"));
        fields.insert("count".into(), json!(count));
    }
    if !assets.is_empty() {
        book_fields(&mut fields, raw, &assets);
    }
    fields
}

#[test]
fn messages() {
    let Some(file) = vectors::load("polymarket", "ws_messages") else { return };
    let cases = vectors::list(&file, "cases");
    for case in cases {
        let name = vectors::text(case, "name");
        let case = Expect::new(name, case);
        case.inputs(&["name", "channel", "source"]);
        let actual = decode(case.text("raw").unwrap());
        if let Some(expected) = case.get("expect") {
            let expected = Expect::new(name, expected);
            for (key, value) in &actual {
                expected.equals(key, value.clone());
            }
        } else {
            assert_eq!(actual["kind"], "sports", "{name}");
        }
    }
    vectors::report("polymarket", "ws_messages", cases.len());
}

#[test]
fn book_hashes() {
    let Some(file) = vectors::load("polymarket", "book_hash") else { return };
    let cases = vectors::list(&file, "cases");
    for case in cases {
        let (input, context) = (&case["input"], case["input"].to_string());
        let levels = |key: &str| -> Vec<(&str, &str)> {
            let list = vectors::list(input, key).iter();
            list.map(|l| (vectors::text(l, "price"), vectors::text(l, "size"))).collect()
        };
        let (bids, asks) = (levels("bids"), levels("asks"));
        let book = HashedBook {
            market: vectors::text(input, "market"),
            asset_id: vectors::text(input, "asset_id"),
            timestamp: vectors::text(input, "timestamp"),
            bids: &bids,
            asks: &asks,
            min_order_size: vectors::text(input, "min_order_size"),
            tick_size: vectors::text(input, "tick_size"),
            neg_risk: input["neg_risk"].as_bool().unwrap(),
            last_trade_price: vectors::text(input, "last_trade_price"),
        };
        let expected = Expect::new(context, &case["expected"]);
        let mut preimage = String::new();
        book.write_preimage(&mut preimage).unwrap();
        expected.equals("preimage", preimage);
        expected.equals("sha1_hex", book.sha1_hex());
    }
    vectors::report("polymarket", "book_hash", cases.len());
}

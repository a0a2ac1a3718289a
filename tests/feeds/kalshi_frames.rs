//! `kalshi/ws_frames.json`: every frame type, field by field.

use dutchbook_book::catalog::VenueKind;
use dutchbook_book::units::{Cash, Price, Qty, QtyChange};
use dutchbook_book::{Face, InstrumentId, Nanos, Side};
use dutchbook_feeds::batch::{Batch, LevelChange, Update, UpdateKind};
use dutchbook_feeds::general::{GeneralDecoder, Item, Source};
use dutchbook_feeds::ids::IdTable;
use dutchbook_feeds::payload::PayloadBuf;
use dutchbook_feeds::record::Record;
use dutchbook_feeds::record::kalshi::{self, Envelope, Message};
use dutchbook_feeds::{Feed, FeedConfig};
use harness::feeds::{self, Recorder};
use harness::vectors::{self, Expect};
use serde_json::{Map, Value, json};

use super::fine_grid;

fn pips(price: Price) -> u32 {
    price.micro() / 100
}

fn centi(qty: Qty) -> u64 {
    qty.micro() / 10_000
}

fn centi_change(qty: QtyChange) -> i64 {
    qty.micro() / 10_000
}

fn opt<T: Into<Value>>(value: Option<T>) -> Value {
    value.map_or(Value::Null, Into::into)
}

fn millis(ts: Nanos) -> Value {
    json!(ts.millis())
}

fn secs(ts: Option<Nanos>) -> Value {
    opt(ts.map(|ts| ts.millis() / 1000))
}

fn book_side(side: Option<Side>) -> Value {
    opt(side.map(|side| match side {
        Side::Buy => "bid",
        Side::Sell => "ask",
    }))
}

/// What a frame decodes to, under the names of the vectors.
type Fields = Map<String, Value>;

fn object(value: Value) -> Fields {
    let Value::Object(map) = value else { panic!("not an object") };
    map
}

fn envelope(fields: &mut Fields, envelope: &Envelope) {
    fields.insert("id".into(), opt(envelope.id));
    if fields.get("sid").is_none() {
        fields.insert("sid".into(), opt(envelope.sid));
    }
    fields.insert("seq".into(), opt(envelope.seq));
    fields.insert("consumes_seq".into(), json!(envelope.sequence().is_some()));
    fields.insert("sending_ts_ms".into(), millis(envelope.sending_ts));
}

fn side_levels(levels: &[LevelChange], use_yes_price: bool, face: Face) -> Value {
    let wanted = |level: &&LevelChange| match (face, use_yes_price) {
        (Face::Yes, _) => level.side == Side::Buy && level.instrument.face() == Face::Yes,
        (Face::No, true) => level.side == Side::Sell,
        (Face::No, false) => level.instrument.face() == Face::No,
    };
    let list: Vec<(u32, i64)> =
        levels.iter().filter(wanted).map(|l| (pips(l.price), centi_change(l.qty))).collect();
    json!(list)
}

fn level_fields(
    update: &Update,
    levels: &[LevelChange],
    source: &Source<'_>,
    use_yes_price: bool,
) -> Fields {
    let sequence = update.sequence.unwrap();
    let mut fields = object(json!({
        "sid": sequence.sid,
        "seq": sequence.seq,
        "sending_ts_ms": source.sending_ts().map_or(Value::Null, millis),
        "ticker": source.native_id(),
        "ts_ms": millis(update.ts_venue),
    }));
    let more = match update.kind {
        UpdateKind::Snapshot => json!({
            "kind": "orderbook_snapshot",
            "use_yes_price": use_yes_price,
            "yes": side_levels(levels, use_yes_price, Face::Yes),
            "no": side_levels(levels, use_yes_price, Face::No),
        }),
        UpdateKind::Set | UpdateKind::Add => json!({
            "kind": "orderbook_delta",
            "side": if levels[0].instrument.face() == Face::Yes { "yes" } else { "no" },
            "price": pips(levels[0].price),
            "delta": centi_change(levels[0].qty),
            "own_client_order_id": source.client_order_id(),
            "subaccount": source.subaccount(),
        }),
    };
    fields.extend(object(more));
    fields
}

fn record_fields(message: &Message<'_>) -> Fields {
    use kalshi::Record as Is;
    let cash = |cash: Cash| json!(cash.micro());
    let value = match &message.record {
        Is::Subscribed(r) => json!({"channel": r.channel, "sid": r.sid}),
        Is::Ok(r) => json!({
            "market_tickers": r.market_tickers.iter().collect::<Vec<_>>(),
            "subscriptions": r.subscriptions.iter().collect::<Vec<_>>(),
        }),
        Is::Error(r) => json!({"code": r.code, "text": r.text, "terminal": r.is_terminal()}),
        Is::Ticker(r) => json!({
            "ticker": r.ticker, "yes_bid": opt(r.yes_bid.map(pips)),
            "yes_ask": opt(r.yes_ask.map(pips)), "yes_bid_size": opt(r.yes_bid_size.map(centi)),
            "yes_ask_size": opt(r.yes_ask_size.map(centi)), "last": opt(r.last.map(pips)),
            "volume": opt(r.volume.map(centi)), "ts_ms": millis(r.ts_venue),
        }),
        Is::Trade(r) => json!({
            "ticker": r.ticker, "yes_price": pips(r.yes_price), "count": centi(r.count),
            "taker_book_side": book_side(r.taker_book_side), "block": r.is_block,
            "ts_ms": millis(r.ts_venue),
        }),
        Is::Fill(r) => json!({
            "ticker": r.ticker, "order_id": r.order_id, "client_order_id": r.client_order_id,
            "book_side": book_side(Some(r.book_side)), "yes_price": pips(r.yes_price),
            "count": centi(r.count), "fee": cash(r.fee), "is_taker": r.is_taker,
            "position_after": opt(r.position_after.map(centi_change)),
            "ts_ms": millis(r.ts_venue), "subaccount": r.subaccount,
        }),
        Is::UserOrder(r) => json!({
            "order_id": r.order_id, "client_order_id": r.client_order_id, "ticker": r.ticker,
            "status": r.status, "book_side": book_side(Some(r.book_side)),
            "yes_price": pips(r.yes_price), "remaining": centi(r.remaining),
            "filled": centi(r.filled), "initial": opt(r.initial.map(centi)), "reason": r.reason,
        }),
        Is::MarketPosition(r) => json!({
            "ticker": r.ticker, "position": centi_change(r.position), "cost": cash(r.cost),
            "realized": cash(r.realized), "fees": cash(r.fees),
        }),
        Is::MarketLifecycle(r) => lifecycle_fields(r),
        Is::EventLifecycle(r) => json!({
            "event_ticker": r.event_ticker, "collateral_return_type": r.collateral_return_type,
        }),
        Is::EventFeeUpdate(r) => json!({
            "event_ticker": r.event_ticker, "fee_type": r.fee_type,
            "fee_multiplier": opt(r.fee_multiplier_nano.map(|nano| {
                vectors::plain(&format!("{}.{:09}", nano / 1_000_000_000, nano % 1_000_000_000))
            })),
        }),
        Is::OrderGroup(r) => json!({
            "event_type": r.event, "order_group_id": r.order_group_id,
            "limit": opt(r.limit.map(centi)),
        }),
        Is::Communication(r) => json!({
            "rfq_id": r.rfq_id, "quote_id": r.quote_id, "ticker": r.ticker,
            "contracts": opt(r.contracts.map(centi)), "target_cost": opt(r.target_cost.map(cash)),
            "yes_bid": opt(r.yes_bid.map(pips)), "no_bid": opt(r.no_bid.map(pips)),
            "accepted_side": opt(r.accepted_side.map(|face| match face {
                Face::Yes => "yes",
                Face::No => "no",
            })),
        }),
        Is::Unsubscribed | Is::Foreign | Is::Unknown => json!({"must_not_disconnect": true}),
    };
    let mut fields = object(value);
    fields.insert("kind".into(), json!(message.record.kind().name()));
    envelope(&mut fields, &message.envelope);
    fields
}

fn lifecycle_fields(r: &kalshi::MarketLifecycle<'_>) -> Value {
    let steps: Vec<_> = r
        .price_ranges
        .iter()
        .map(|range| (pips(range.start), pips(range.end), pips(range.step)))
        .collect();
    json!({
        "event_type": r.event.name(), "ticker": r.ticker, "event_ticker": r.event_ticker,
        "open_ts": secs(r.open), "close_ts": secs(r.close), "result": r.result,
        "settlement_value": opt(r.settlement_value.map(pips)), "strike_type": r.strike_type,
        "price_level_structure": r.price_level_structure, "final": r.is_final(), "steps": steps,
    })
}

/// The top of the book after the frame, as a feed keeps it.
fn book_fields(fields: &mut Fields, wire: &str, ticker: &str, use_yes_price: bool) {
    let listing = feeds::kalshi(0, ticker, fine_grid());
    let config = FeedConfig { use_yes_price, ..FeedConfig::of(VenueKind::Kalshi) };
    let mut feed = Feed::new(VenueKind::Kalshi, [&listing], config).unwrap();
    let mut sink = Recorder::default();
    feed.on_payload(wire.as_bytes(), &mut PayloadBuf::default(), Nanos::ZERO, &mut sink);
    let top = feed.book(listing.book).unwrap().top();
    fields.insert("best_yes_bid".into(), opt(top.bid.map(|level| pips(level.price))));
    fields.insert("best_yes_ask".into(), opt(top.ask.map(|level| pips(level.price))));
    fields.insert("best_yes_ask_size".into(), opt(top.ask.map(|level| centi(level.qty))));
}

fn decode(wire: &str, use_yes_price: bool) -> Fields {
    let raw: Value = serde_json::from_str(wire).unwrap();
    let ticker = raw["msg"]["market_ticker"].as_str();
    let mut ids = IdTable::default();
    if let Some(ticker) = ticker {
        ids.insert(ticker.as_bytes(), InstrumentId(0)).unwrap();
    }
    let mut decoder = GeneralDecoder::new(VenueKind::Kalshi, use_yes_price);
    let mut batch = Batch::default();
    let mut all = Vec::new();
    let each = |item: Item<'_>| match item {
        Item::Levels { kind: _, update, levels, source } => {
            all.push(level_fields(&update, levels, &source, use_yes_price));
        }
        Item::Record(Record::Kalshi(message)) => all.push(record_fields(&message)),
        Item::Record(Record::Polymarket(_)) => panic!("a record of the other venue"),
    };
    decoder.decode(wire.as_bytes(), &ids, &mut batch, each).unwrap();
    assert_eq!(all.len(), 1, "one frame, one message");
    let mut fields = all.remove(0);
    if let Some(ticker) = ticker {
        book_fields(&mut fields, wire, ticker, use_yes_price);
    }
    fields
}

#[test]
fn frames() {
    let Some(file) = vectors::load("kalshi", "ws_frames") else { return };
    let cases = vectors::list(&file, "cases");
    for case in cases {
        let name = vectors::text(case, "name");
        let case = Expect::new(name, case);
        case.inputs(&["name", "origin"]);
        let expected = case.get("expect").unwrap();
        let use_yes_price = expected.get("use_yes_price").is_some_and(|flag| flag == true);
        let actual = decode(case.text("wire").unwrap(), use_yes_price);
        let expected = Expect::new(name, expected);
        for (key, value) in &actual {
            expected.equals(key, value.clone());
        }
    }
    vectors::report("kalshi", "ws_frames", cases.len());
}

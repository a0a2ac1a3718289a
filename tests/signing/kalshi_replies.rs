//! Kalshi: replies, good and bad.

use dutchbook_book::{Cash, Price, Qty, Side};
use dutchbook_exec::venue::kalshi::public::{self, MarketView};
use dutchbook_exec::venue::kalshi::reply::{self, Answer, Status, answer};
use dutchbook_exec::venue::refusal::{Certainty, Refusal};
use harness::vectors::{self, Expect};
use serde_json::{Value, json};

use super::text;

/// In the vectors' units: 1e-4 dollars.
fn pips(price: Price) -> u32 {
    assert_eq!(price.micro() % 100, 0);
    price.micro() / 100
}

/// Hundredths of a contract.
fn centi(count: Qty) -> u64 {
    assert_eq!(count.micro() % 10_000, 0);
    count.micro() / 10_000
}

fn side(side: Side) -> &'static str {
    match side {
        Side::Buy => "bid",
        Side::Sell => "ask",
    }
}

fn status(status: Status) -> &'static str {
    match status {
        Status::Resting => "resting",
        Status::Canceled => "canceled",
        Status::Executed => "executed",
        Status::Other => "other",
    }
}

fn check_market(expect: &Expect<'_>, view: &MarketView) {
    expect.equals("ticker", &*view.ticker);
    expect.equals("event_ticker", &*view.event_ticker);
    expect.equals("status", &*view.status);
    expect.equals("result", view.result.as_deref());
    expect.equals("yes_bid", pips(view.yes_bid));
    expect.equals("yes_bid_size", centi(view.yes_bid_size));
    expect.equals("yes_ask", pips(view.yes_ask));
    expect.equals("yes_ask_size", centi(view.yes_ask_size));
    expect.equals("no_bid", pips(view.no_bid));
    expect.equals("no_ask", pips(view.no_ask));
    expect.equals("close_time", &*view.close_time);
    expect.equals("settlement_timer_seconds", view.settlement_timer_s);
    let grid: Vec<_> = view.grid.iter().map(|range| range.map(|micro| micro / 100)).collect();
    expect.equals("grid", json!(grid));
    expect.equals("strike_type", view.strike_type.as_deref());
    expect.equals("floor_strike", view.floor_strike_micro.map(|micro| micro / 1_000_000));
    expect.equals("cap_strike", view.cap_strike_micro.map(|micro| micro / 1_000_000));
    expect.equals("has_two_sided_book", view.has_two_sided_book());
}

/// Checks each item of a page against its own object.
fn check_items<T>(expect: &Expect<'_>, key: &str, items: &[T], check: impl Fn(&Expect<'_>, &T)) {
    let expected = expect.get(key).unwrap().as_array().unwrap();
    assert_eq!(expected.len(), items.len());
    for (expected, item) in expected.iter().zip(items) {
        check(&Expect::new(key, expected), item);
    }
}

fn check_account(what: &str, body: &[u8], expect: &Expect<'_>) {
    match what {
        "GET /portfolio/fills" => {
            let page = reply::fills(body).unwrap();
            expect.equals("cursor", page.cursor.as_deref());
            check_items(expect, "fills", &page.items, |expect, fill| {
                expect.equals("trade_id", &*fill.trade_id);
                expect.equals("order_id", &*fill.order_id);
                expect.equals("ticker", &*fill.ticker);
                expect.equals("book_side", side(fill.side));
                expect.equals("yes_price", pips(fill.price));
                expect.equals("count", centi(fill.count));
                expect.equals("fee", fill.fee.micro());
                expect.equals("is_taker", fill.is_taker);
            });
        }
        "GET /portfolio/orders/{id}" => {
            let order = reply::order(body).unwrap();
            expect.equals("order_id", &*order.order_id);
            expect.equals("client_order_id", &*order.client_order_id);
            expect.equals("ticker", &*order.ticker);
            expect.equals("status", status(order.status));
            expect.equals("book_side", side(order.side));
            expect.equals("yes_price", pips(order.price));
            expect.equals("initial", centi(order.initial));
            expect.equals("filled", centi(order.filled));
            expect.equals("remaining", centi(order.remaining));
            expect.equals("fees", order.fees.micro());
        }
        "GET /portfolio/balance" => {
            let balance = reply::balance(body).unwrap();
            expect.equals("balance", balance.cash.micro());
            let shards = balance.shards.iter().map(|(at, cash)| (at.to_string(), cash.micro()));
            let shards = shards.map(|(at, micro)| (at, Value::from(micro)));
            expect.equals("per_shard", Value::Object(shards.collect()));
        }
        "GET /portfolio/positions" => {
            let page = reply::positions(body).unwrap();
            expect.equals("cursor", page.cursor.as_deref());
            check_items(expect, "positions", &page.items, |expect, position| {
                expect.equals("ticker", &*position.ticker);
                expect.equals("position", position.position_micro / 10_000);
                expect.equals("exposure", position.exposure.micro());
                expect.equals("fees", position.fees.micro());
                expect.equals("realized", position.realized.micro());
            });
        }
        what if what.starts_with("POST create reply") => {
            let created = reply::created(body).unwrap();
            expect.equals("order_id", &*created.order_id);
            expect.equals("filled", centi(created.filled));
            expect.equals("remaining", centi(created.remaining));
            expect.equals("avg_price", created.average_price.map(pips));
            expect.equals("avg_fee", created.average_fee.map(Cash::micro));
            expect.equals("state", if created.is_resting() { "resting" } else { "done" });
        }
        "DELETE reply 200" => {
            let cancelled = reply::cancelled(body).unwrap();
            expect.equals("order_id", &*cancelled.order_id);
            expect.equals("reduced_by", centi(cancelled.reduced_by));
        }
        other => panic!("unknown reply {other}"),
    }
}

fn check_public(what: &str, body: &[u8], expect: &Expect<'_>) -> bool {
    match what {
        "GET /markets/{ticker}" | "one element of GET /markets" => {
            check_market(expect, &public::market(body).unwrap());
        }
        "GET /markets/trades" => {
            let page = public::trades(body).unwrap();
            expect.equals("cursor", page.cursor.as_deref());
            check_items(expect, "trades", &page.items, |expect, trade| {
                expect.equals("trade_id", &*trade.trade_id);
                expect.equals("ticker", &*trade.ticker);
                expect.equals("yes_price", pips(trade.price));
                expect.equals("count", centi(trade.count));
                expect.equals("taker_book_side", side(trade.taker_side));
                expect.equals("block", trade.is_block);
            });
        }
        "GET /markets/{ticker}/orderbook" => {
            let book = public::orderbook(body).unwrap();
            let levels = |levels: &[(Price, Qty)]| -> Value {
                levels.iter().map(|(at, count)| json!([pips(*at), centi(*count)])).collect()
            };
            expect.equals("yes", levels(&book.yes));
            expect.equals("no", levels(&book.no));
            expect.equals("yes_bid", book.yes_bid().map(pips));
            expect.equals("yes_ask", book.yes_ask().map(pips));
        }
        "GET /exchange/status" => {
            let status = public::exchange_status(body).unwrap();
            expect.equals("exchange_active", status.exchange_active);
            expect.equals("trading_active", status.trading_active);
            let shards = status.shards.iter().map(|shard| Value::from(shard.exchange_index));
            expect.equals("shards", shards.collect::<Value>());
        }
        _ => return false,
    }
    true
}

#[test]
fn replies_are_read() {
    let Some(file) = vectors::load("kalshi", "rest_parse") else { return };
    let cases = vectors::list(&file, "cases");
    for case in cases {
        let expect = Expect::new(text(case, "name"), &case["expect"]);
        let (what, body) = (text(case, "what"), case["body"].to_string());
        if !check_public(what, body.as_bytes(), &expect) {
            check_account(what, body.as_bytes(), &expect);
        }
    }
    vectors::report("kalshi", "rest_parse", cases.len());
}

#[test]
fn errors_say_whether_it_was_applied() {
    let Some(file) = vectors::load("kalshi", "error_bodies") else { return };
    let cases = vectors::list(&file, "cases");
    for case in cases {
        let expect = Expect::new(text(case, "name"), &case["expect"]);
        let status = u16::try_from(case["status"].as_u64().unwrap()).unwrap();
        let refusal = Refusal::read(status, text(case, "body").as_bytes());
        expect.equals("code", refusal.code.as_deref());
        expect.equals("message", refusal.message.as_deref());
        expect.equals("details", refusal.details.as_deref());
        expect.equals(
            "outcome",
            match refusal.certainty {
                Certainty::Rejected => "rejected",
                Certainty::Unknown => "unknown",
            },
        );
    }
    vectors::report("kalshi", "error_bodies", cases.len());
}

#[test]
fn a_success_that_cannot_be_read_is_unknown() {
    for body in ["", "{}", "<html>", r#"{"order_id":"a","fill_count":1.5,"remaining_count":"0"}"#] {
        match answer(201, body.as_bytes(), reply::created) {
            Answer::Refused(refusal) => assert_eq!(refusal.certainty, Certainty::Unknown),
            Answer::Done(created) => panic!("{created:?}"),
        }
    }
}

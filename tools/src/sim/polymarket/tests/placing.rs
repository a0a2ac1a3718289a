use super::client::{best, body, frames, get, pass};
use super::{Client, Ticket, start, venues};
use crate::sim::Pace;
use crate::sim::door::HttpRequest;
use dutchbook_book::catalog::VenueKind;
use dutchbook_book::{BookId, Face, Nanos, Side};
use serde_json::Value;

/// "Fed cuts rates in December": tick 0.01, fee 4 %.
const FED: BookId = BookId(0);

fn pips(price: dutchbook_book::Price) -> u64 {
    u64::from(price.micro()) / 100
}

fn word<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_else(|| panic!("{name} in {value}"))
}

#[test]
fn a_resting_order_is_listed_shown_and_cancelled() {
    let mut venues = venues(Pace::None);
    let mut client = Client::new(&mut venues, 0);
    let user = client.listen(&mut venues);
    let bid = best(&venues, FED, Face::Yes, Side::Buy);
    let ticket = Ticket::limit(FED, Side::Buy, pips(bid.price), 1_000, "GTC");
    let answer = client.placed(&mut venues, &ticket);
    assert_eq!((word(&answer, "status"), word(&answer, "makingAmount")), ("live", ""));
    let after = best(&venues, FED, Face::Yes, Side::Buy);
    assert_eq!(after.qty.micro(), bid.qty.micro() + 10_000_000);
    let list = client.get(&mut venues, "/data/orders", "next_cursor=MA%3D%3D");
    assert_eq!((word(&list, "next_cursor"), &list["count"]), ("LTE=", &Value::from(1)));
    let order = &list["data"][0];
    let id = word(&answer, "orderID").to_owned();
    assert_eq!((word(order, "id"), word(order, "status")), (id.as_str(), "LIVE"));
    assert_eq!((word(order, "original_size"), word(order, "size_matched")), ("10", "0"));
    assert_eq!(word(order, "order_type"), "GTC");
    let other = Client::new(&mut venues, 1);
    let text = format!(r#"{{"orderID":"{id}"}}"#);
    let refused = body(&other.ask(&mut venues, "DELETE", "/order", "", &text));
    assert!(refused["canceled"].as_array().unwrap().is_empty(), "nobody else's order");
    let done = body(&client.ask(&mut venues, "DELETE", "/order", "", &text));
    assert_eq!(done["canceled"][0], id.as_str());
    let again = body(&client.ask(&mut venues, "DELETE", "/order", "", &text));
    assert_eq!(word(&again["not_canceled"], &id), "already canceled or matched");
    assert_eq!(best(&venues, FED, Face::Yes, Side::Buy), bid);
    let one = client.get(&mut venues, &format!("/data/order/{id}"), "");
    assert_eq!(word(&one, "status"), "CANCELED");
    let told = frames(&mut venues, user);
    let kinds: Vec<&str> = told.iter().map(|frame| word(frame, "type")).collect();
    assert_eq!(kinds, ["PLACEMENT", "CANCELLATION"]);
    assert!(venues.polymarket().audit().closes());
}

#[test]
fn a_taker_pays_the_fee_and_has_the_shares_when_the_trade_is_mined() {
    let mut venues = venues(Pace::None);
    let mut client = Client::new(&mut venues, 0);
    let user = client.listen(&mut venues);
    let before = client.cash(&mut venues);
    let ask = best(&venues, FED, Face::Yes, Side::Sell);
    let answer =
        client.placed(&mut venues, &Ticket::limit(FED, Side::Buy, pips(ask.price), 1_000, "GTC"));
    assert_eq!((word(&answer, "status"), word(&answer, "takingAmount")), ("matched", "10"));
    let price = i64::from(ask.price.micro());
    // Ten shares at four per cent of p(1 - p), to the nearest 1e-5 dollars.
    let fee = (40 * price * (1_000_000 - price) / 100_000_000 + 5) / 10 * 10;
    assert_eq!(before - client.cash(&mut venues), 10 * price + fee);
    assert_eq!(client.held(&mut venues, FED, Face::Yes), 0, "not before it is mined");
    let id = answer["tradeIDs"][0].as_str().unwrap().to_owned();
    let query = format!("id={id}&next_cursor=MA%3D%3D");
    let trade = client.get(&mut venues, "/data/trades", &query)["data"][0].clone();
    assert_eq!((word(&trade, "status"), word(&trade, "transaction_hash")), ("MATCHED", ""));
    assert_eq!((word(&trade, "trader_side"), word(&trade, "side")), ("TAKER", "BUY"));
    pass(&mut venues, 1_500);
    let trade = client.get(&mut venues, "/data/trades", &query)["data"][0].clone();
    assert_eq!(word(&trade, "transaction_hash").len(), 66);
    assert_eq!(client.held(&mut venues, FED, Face::Yes), 10_000_000);
    pass(&mut venues, 3_500);
    let trade = client.get(&mut venues, "/data/trades", &query)["data"][0].clone();
    assert_eq!(word(&trade, "status"), "CONFIRMED");
    let told = frames(&mut venues, user);
    let trades = told.iter().filter(|frame| frame["event_type"] == "trade");
    let statuses: Vec<&str> = trades.map(|frame| word(frame, "status")).collect();
    assert_eq!(statuses, ["MATCHED", "MINED", "CONFIRMED"]);
    let sold = client.placed(&mut venues, &Ticket::limit(FED, Side::Sell, 100, 1_000, "FAK"));
    assert_eq!((word(&sold, "status"), word(&sold, "makingAmount")), ("matched", "10"));
    pass(&mut venues, 5_000);
    assert_eq!(client.held(&mut venues, FED, Face::Yes), 0);
    assert!(venues.polymarket().audit().closes());
}

#[test]
fn a_buy_for_money_spends_all_of_it_and_gets_more_for_less() {
    let mut venues = venues(Pace::None);
    let mut client = Client::new(&mut venues, 0);
    // Fifty dollars at up to 0.99: 50.5050 shares are asked for, better prices give more.
    let ticket = Ticket {
        maker: 50_000_000,
        taker: 50_505_000,
        ..Ticket::limit(FED, Side::Buy, 9_900, 100, "FOK")
    };
    let answer = client.placed(&mut venues, &ticket);
    let making: f64 = word(&answer, "makingAmount").parse().unwrap();
    let taking: f64 = word(&answer, "takingAmount").parse().unwrap();
    assert!((making - 50.0).abs() < 0.000_01 && taking > 60.0, "{answer}");
    pass(&mut venues, 5_000);
    assert!(venues.polymarket().audit().closes());
}

#[test]
fn buyers_of_both_tokens_make_a_set_and_sellers_dissolve_it() {
    let mut venues = venues(Pace::None);
    let mut maker = Client::new(&mut venues, 0);
    let mut taker = Client::new(&mut venues, 1);
    let bid = best(&venues, FED, Face::Yes, Side::Buy);
    let inside = pips(bid.price) + 100;
    let before = [maker.cash(&mut venues), taker.cash(&mut venues)];
    maker.placed(&mut venues, &Ticket::limit(FED, Side::Buy, inside, 2_000, "GTC"));
    let no = Ticket::limit(FED, Side::Buy, 10_000 - inside, 2_000, "GTC").on(Face::No);
    let minted = taker.placed(&mut venues, &no);
    assert_eq!(word(&minted, "status"), "matched");
    pass(&mut venues, 5_000);
    assert_eq!(maker.held(&mut venues, FED, Face::Yes), 20_000_000);
    assert_eq!(taker.held(&mut venues, FED, Face::No), 20_000_000);
    let trade = maker.get(&mut venues, "/data/trades", "next_cursor=MA==")["data"][0].clone();
    assert_eq!((word(&trade, "trader_side"), word(&trade, "outcome")), ("MAKER", "No"));
    assert_eq!(word(&trade["maker_orders"][0], "outcome"), "Yes");
    assert_eq!(word(&trade["maker_orders"][0], "owner"), maker.key.id);
    maker.placed(&mut venues, &Ticket::limit(FED, Side::Sell, inside, 2_000, "GTC"));
    let no = Ticket::limit(FED, Side::Sell, 10_000 - inside, 2_000, "GTC").on(Face::No);
    taker.placed(&mut venues, &no);
    pass(&mut venues, 5_000);
    assert_eq!(maker.held(&mut venues, FED, Face::Yes), 0);
    assert_eq!(maker.cash(&mut venues), before[0], "a maker pays no fee");
    assert!(taker.cash(&mut venues) < before[1], "a taker pays two");
    let audit = venues.polymarket().audit();
    assert!(audit.closes() && audit.fees > 0, "{audit:?}");
}

#[test]
fn every_rule_has_its_refusal() {
    let mut venues = venues(Pace::None);
    let mut client = Client::new(&mut venues, 0);
    let ask = best(&venues, FED, Face::Yes, Side::Sell);
    let bid = best(&venues, FED, Face::Yes, Side::Buy);
    let (ask, bid) = (pips(ask.price), pips(bid.price));
    let buy = |pips, centi, kind| Ticket::limit(FED, Side::Buy, pips, centi, kind);
    let post_only = Ticket { post_only: true, ..buy(ask, 1_000, "GTC") };
    let gone = Ticket { expiration: 1_790_000_100, ..buy(bid, 1_000, "GTD") };
    let cases: [(Ticket<'_>, u16, &str); 14] = [
        (buy(ask, 9_999_900, "FOK"), 200, "FOK orders are fully filled or killed"),
        (buy(100, 10_000, "FAK"), 200, "no orders found to match with FAK order"),
        (post_only, 200, "invalid post-only order: order crosses book"),
        (gone, 200, "invalid expiration"),
        (Ticket { expiration: 5, ..buy(bid, 1_000, "GTC") }, 200, "invalid expiration"),
        (buy(bid, 90_000_000, "GTC"), 200, "not enough balance / allowance"),
        (Ticket::limit(FED, Side::Sell, ask, 1_000, "GTC"), 200, "not enough balance / allowance"),
        (buy(bid + 5, 10_000, "GTC"), 400, "breaks minimum tick size rule: 0.01"),
        (buy(10_000, 1_000, "GTC"), 400, "breaks minimum tick size rule: 0.01"),
        (buy(bid, 499, "GTC"), 400, "lower than the minimum: 5"),
        (
            Ticket { maker: 500_000, taker: 505_000, ..buy(9_900, 100, "FAK") },
            400,
            "invalid amount for a marketable BUY order ($0.5), min size: $1",
        ),
        (
            Ticket { maker: 1_005_000, taker: 1_010_000, ..buy(9_900, 100, "FOK") },
            400,
            "the market buy orders maker amount supports a max accuracy of 2 decimals",
        ),
        (
            Ticket { maker: 4_330_000, taker: 19_690_000, ..buy(100, 100, "GTC") },
            400,
            "should be '4.3318' but the value submited is '4.33'",
        ),
        (buy(bid, 1_000, "GTX"), 400, "Invalid order payload"),
    ];
    for (ticket, status, text) in cases {
        let (got, answer) = client.place(&mut venues, &ticket);
        let told = if status == 200 { &answer["errorMsg"] } else { &answer["error"] };
        assert_eq!(got, status, "{ticket:?}: {answer}");
        assert!(told.as_str().unwrap().contains(text), "{text}: {answer}");
    }
    assert_eq!(client.cash(&mut venues), 100_000_000_000);
    assert!(client.get(&mut venues, "/data/orders", "")["data"].as_array().unwrap().is_empty());
}

#[test]
fn an_order_comes_from_its_key_and_its_wallet_alone() {
    let mut venues = venues(Pace::None);
    let mut client = Client::new(&mut venues, 0);
    let mut other = Client::new(&mut venues, 1);
    let ticket = Ticket::limit(FED, Side::Buy, 100, 1_000, "GTC");
    let send = |client: &Client, venues: &mut _, envelope: &Value| {
        let reply = client.ask(venues, "POST", "/order", "", &envelope.to_string());
        (reply.status, body(&reply)["error"].as_str().unwrap_or("").to_owned())
    };
    let good = client.envelope(&venues, &ticket);
    let foreign = send(&other, &mut venues, &good);
    assert_eq!(foreign.1, "the order owner has to be the owner of the API KEY");
    let mut stolen = good.clone();
    stolen["owner"] = other.key.id.clone().into();
    let stolen = send(&other, &mut venues, &stolen);
    assert_eq!(stolen.1, "the order signer address has to be the address of the API KEY");
    let mut changed = good.clone();
    changed["order"]["makerAmount"] = "200000".into();
    assert_eq!(send(&client, &mut venues, &changed).1, "invalid signature");
    let mut maker = good.clone();
    maker["order"]["maker"] = other.address.to_string().into();
    assert!(send(&client, &mut venues, &maker).1.starts_with("maker address not allowed"));
    let mut first = good.clone();
    first["order"]["feeRateBps"] = "0".into();
    assert_eq!(send(&client, &mut venues, &first), (400, "order_version_mismatch".to_owned()));
    assert_eq!(send(&client, &mut venues, &good).0, 200);
    let twice = send(&client, &mut venues, &good);
    assert!(twice.1.ends_with("is invalid. Duplicated."), "{twice:?}");
    for wallet in [1, 2] {
        other.wallet = wallet;
        let answer = other.placed(&mut venues, &ticket);
        assert_eq!(word(&answer, "status"), "live");
        assert_eq!(other.cash(&mut venues), 100_000_000_000);
    }
}

#[test]
fn a_batch_answers_in_order_and_not_beyond_fifteen() {
    let mut venues = venues(Pace::None);
    let mut client = Client::new(&mut venues, 0);
    let tickets = [
        Ticket::limit(FED, Side::Buy, 100, 1_000, "GTC"),
        Ticket::limit(FED, Side::Buy, 101, 1_000, "GTC"),
        Ticket::limit(FED, Side::Buy, 200, 1_000, "GTC"),
    ];
    let list: Vec<Value> = tickets.iter().map(|ticket| client.envelope(&venues, ticket)).collect();
    let text = Value::from(list).to_string();
    let answers = body(&client.ask(&mut venues, "POST", "/orders", "", &text));
    let done: Vec<bool> =
        answers.as_array().unwrap().iter().map(|a| a["success"].as_bool().unwrap()).collect();
    assert_eq!(done, [true, false, true]);
    let many: Vec<Value> = (0..16).map(|_| client.envelope(&venues, &tickets[0])).collect();
    let text = Value::from(many).to_string();
    let reply = client.ask(&mut venues, "POST", "/orders", "", &text);
    assert_eq!(reply.status, 400);
    assert_eq!(word(&body(&reply), "error"), "Too many orders in payload: 16, max allowed: 15");
    let all = body(&client.ask(&mut venues, "DELETE", "/cancel-all", "", ""));
    assert_eq!(all["canceled"].as_array().unwrap().len(), 2);
}

#[test]
fn an_order_with_an_end_leaves_a_minute_before_it() {
    let mut venues = venues(Pace::None);
    let mut client = Client::new(&mut venues, 0);
    let user = client.listen(&mut venues);
    let ends = start().0 / 1_000_000_000 + 200;
    let ticket = Ticket { expiration: ends, ..Ticket::limit(FED, Side::Buy, 100, 1_000, "GTD") };
    client.placed(&mut venues, &ticket);
    pass(&mut venues, 139_000);
    assert_eq!(frames(&mut venues, user).len(), 1);
    pass(&mut venues, 1_000);
    let told = frames(&mut venues, user);
    assert_eq!(word(&told[0], "status"), "CANCELED_EXPIRED_ORDER");
    assert!(venues.polymarket().audit().closes());
}

#[test]
fn a_held_order_goes_on_and_a_failed_trade_is_given_back() {
    let mut venues = venues(Pace::None);
    let mut client = Client::new(&mut venues, 0);
    let user = client.listen(&mut venues);
    venues.polymarket_mut().troubles.taker_delay = Nanos::from_secs(3);
    venues.polymarket_mut().troubles.settlement_failure_ppm = 1_000_000;
    let ask = best(&venues, FED, Face::Yes, Side::Sell);
    let ticket = Ticket::limit(FED, Side::Buy, pips(ask.price), 1_000, "GTC");
    let answer = client.placed(&mut venues, &ticket);
    assert_eq!((word(&answer, "status"), word(&answer, "makingAmount")), ("delayed", "0"));
    pass(&mut venues, 2_999);
    assert_eq!(client.cash(&mut venues), 100_000_000_000);
    pass(&mut venues, 1);
    assert!(client.cash(&mut venues) < 100_000_000_000);
    assert!(venues.polymarket().audit().closes());
    pass(&mut venues, 5_000);
    assert_eq!(client.cash(&mut venues), 100_000_000_000);
    assert_eq!(client.held(&mut venues, FED, Face::Yes), 0);
    let told = frames(&mut venues, user);
    let last = told.iter().rfind(|frame| frame["event_type"] == "trade").unwrap();
    assert_eq!(word(last, "status"), "FAILED");
}

#[test]
fn the_public_sees_what_clients_trade() {
    let mut venues = venues(Pace::None);
    let mut client = Client::new(&mut venues, 0);
    let token = venues.polymarket().facts.market(FED).unwrap().token(Face::No).to_owned();
    let public = venues.connect(VenueKind::Polymarket, start());
    venues.on_text(public, &format!(r#"{{"assets_ids":["{token}"],"type":"market"}}"#), start());
    let ask = best(&venues, FED, Face::No, Side::Sell);
    let ticket = Ticket::limit(FED, Side::Buy, pips(ask.price), 1_000, "GTC").on(Face::No);
    client.placed(&mut venues, &ticket);
    let seen = frames(&mut venues, public);
    let trade = seen.iter().find(|f| f["event_type"] == "last_trade_price").unwrap();
    assert_eq!((word(trade, "asset_id"), word(trade, "side")), (token.as_str(), "BUY"));
    let last = get(&mut venues, "/last-trade-price", &format!("token_id={token}"));
    assert_eq!((word(&last, "price"), word(&last, "side")), (word(trade, "price"), "BUY"));
    let many = format!(r#"[{{"token_id":"{token}"}}]"#);
    for method in ["GET", "POST"] {
        let path = "/last-trades-prices";
        let request = HttpRequest { method, path, query: "", headers: &[], body: many.as_bytes() };
        let now = venues.now();
        let reply = venues.on_request(VenueKind::Polymarket, &request, now);
        assert_eq!(word(&body(&reply)[0], "price"), word(trade, "price"), "{method}");
    }
    pass(&mut venues, 5_000);
    let own = client.get(&mut venues, "/data/trades", "")["data"][0].clone();
    assert_eq!(word(&own, "transaction_hash"), word(trade, "transaction_hash"));
}

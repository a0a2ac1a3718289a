//! An engine that trades on two scripted venues through its desk.

use super::*;
use crate::desk::DeskConfig;
use crate::desk::tests::rig::{Outgoing, Sent, TOKENS, accounts};
use crate::journal::{JournalReader, journal};
use crate::relation::structural;
use crate::risk::kill::KillSwitch;
use dutchbook_book::catalog::{Catalog, EventLaw, Listing, VenueKind};
use dutchbook_book::shelf::{Shelf, ShelfWriter};
use dutchbook_book::{Book, BookId, Cash, Exact, Face, Grid, InstrumentId, Qty, Side};
use dutchbook_exec::local_id::Boot;

pub(in crate::engine) const POLYMARKET: BookId = BookId(0);
pub(in crate::engine) const KALSHI: BookId = BookId(1);
const YES: InstrumentId = InstrumentId(0);
const NO: InstrumentId = InstrumentId(3);

fn price(pips: u32) -> Price {
    Price::from_pips(pips).unwrap()
}

pub(in crate::engine) fn catalog() -> Catalog {
    let mut catalog = Catalog::default();
    let event = catalog.add_event("rain", EventLaw::Independent);
    let condition = catalog.add_condition(event, "it rains");
    for kind in [VenueKind::Polymarket, VenueKind::Kalshi] {
        let venue = catalog.add_venue(kind);
        let faces = TOKENS.map(str::to_owned);
        catalog.add_listing(Listing {
            native_market: "RAIN-26".to_owned(),
            native_faces: (kind == VenueKind::Polymarket).then_some(faces),
            name: "it rains".to_owned(),
            lot: Qty::from_centi(1).unwrap(),
            ..Listing::plain(kind, venue, condition, Grid::uniform(price(100)).unwrap())
        });
    }
    catalog
}

pub(in crate::engine) struct Rig {
    pub(in crate::engine) engine: Engine,
    writer: ShelfWriter,
    books: [Book; 2],
    _journal: JournalReader,
    out: Outgoing,
    pub(in crate::engine) kill: KillSwitch,
    pub(in crate::engine) now: Nanos,
}

impl Rig {
    fn new() -> Self {
        let mut rig = Self::unopened();
        for venue in [VenueId(0), VenueId(1)] {
            rig.engine.open_account(venue, Cash::from_micro(1_000_000_000), rig.now);
        }
        rig
    }

    /// An engine that knows of no cash yet.
    pub(in crate::engine) fn unopened() -> Self {
        let catalog = catalog();
        let config = crate::config::Config::parse("").unwrap().engine();
        let mut shelf = Shelf::new(2);
        let (writer, reader) = journal(64, 1_024);
        let kill = KillSwitch::default();
        let books = catalog.listings.iter().map(|listing| Book::new(listing.grid));
        let books: Vec<Book> = books.collect();
        let setup = DeskConfig { heartbeats: false, ..DeskConfig::new(Boot(0xfeed)) };
        let mut desk = Desk::new(setup, &catalog, accounts()).unwrap();
        for venue in [VenueId(0), VenueId(1)] {
            desk.on_channel(venue, Channel::Connected);
        }
        let relations = structural(&catalog);
        let sight = shelf.reader();
        let engine = Engine::new(catalog, relations, &config, sight, writer, kill.clone()).unwrap();
        let engine = engine.trading_by(Box::new(desk), Price::ZERO);
        let now = Nanos::from_secs(1_790_000_000);
        let writer = shelf.writer_of([POLYMARKET, KALSHI]).unwrap();
        let books = books.try_into().unwrap();
        Self { engine, writer, books, _journal: reader, out: Outgoing::default(), kill, now }
    }

    /// Shows a book with one level a side (prices in cents) and a hundred contracts at each.
    fn show(&mut self, id: BookId, bid: u32, ask: u32) {
        let book = &mut self.books[id.index()];
        book.begin_snapshot();
        let qty = Qty::from_contracts(100).unwrap();
        book.set_level(Face::Yes, Side::Buy, price(bid * 100), qty).unwrap();
        book.set_level(Face::Yes, Side::Sell, price(ask * 100), qty).unwrap();
        book.commit(self.now, self.now);
        let update = self.writer.publish(id, book);
        self.engine.on_top(&update);
        self.engine.evaluate(self.now);
        self.engine.follow_up(self.now, &mut self.out);
    }

    /// A gap of five cents, taken on both venues.
    pub(in crate::engine) fn gap(&mut self) {
        self.show(POLYMARKET, 40, 42);
        self.show(KALSHI, 47, 49);
    }

    pub(in crate::engine) fn pass(&mut self, ms: u64) {
        self.now = self.now.plus(Nanos::from_millis(ms));
        self.engine.poll(self.now);
        self.engine.follow_up(self.now, &mut self.out);
    }

    pub(in crate::engine) fn orders(&self) -> Vec<Sent> {
        let posts = self.out.sent.iter().filter(|sent| sent.line().starts_with("POST"));
        posts.cloned().collect()
    }

    fn reply(&mut self, to: &Sent, body: &str) {
        let answer = Answer::Reply { status: 200, retry_after: None, body: body.as_bytes() };
        self.engine.on_answer(to.id, &answer, self.now);
        self.engine.follow_up(self.now, &mut self.out);
    }

    /// Kalshi fills an order in full at its limit.
    fn fill_kalshi(&mut self, order: &Sent) {
        let body = order.body();
        let text = |name: &str| body[name].as_str().unwrap().to_owned();
        let (client, count, yes) = (text("client_order_id"), text("count"), text("price"));
        let side = text("side");
        let reply = format!(
            r#"{{"order_id":"v-{client}","client_order_id":"{client}","fill_count":"{count}","remaining_count":"0.00"}}"#
        );
        self.reply(order, &reply);
        let fill = format!(
            r#"{{"type":"fill","sid":13,"msg":{{"trade_id":"t-{client}","order_id":"v-{client}","client_order_id":"{client}","market_ticker":"RAIN-26","is_taker":true,"outcome_side":"yes","book_side":"{side}","side":"yes","action":"buy","purchased_side":"yes","yes_price_dollars":"{yes}","count_fp":"{count}","fee_cost":"0.000000","post_position_fp":"0.00","ts":1671899397,"ts_ms":1671899397000}}}}"#
        );
        self.engine.on_user_message(VenueId(1), fill.as_bytes(), self.now);
    }

    /// Polymarket's word on the trade of an order, at 0.42 unless told otherwise.
    fn trade_polymarket(&mut self, order: &Sent, status: &str) {
        let body = order.body();
        let shares = body["order"]["takerAmount"].as_str().unwrap().parse::<u64>().unwrap();
        let cash = body["order"]["makerAmount"].as_str().unwrap().parse::<u64>().unwrap();
        let token = body["order"]["tokenId"].as_str().unwrap().to_owned();
        let size = Qty::from_micro(shares).unwrap();
        let at = Price::from_micro(u32::try_from(cash * 1_000_000 / shares).unwrap()).unwrap();
        let hash = self.hash_of(order);
        let trade = format!(
            r#"{{"event_type":"trade","type":"TRADE","id":"t-{hash}","status":"{status}","asset_id":"{token}","market":"0xbd31","side":"BUY","price":"{at}","size":"{size}","outcome":"YES","taker_order_id":"{hash}","maker_orders":[{{"order_id":"0x01","asset_id":"{token}","matched_amount":"{size}","price":"{at}","outcome":"YES","owner":"other"}}],"matchtime":"1672290701","last_update":"1672290701","owner":"k","trade_owner":"k","timestamp":"1672290701"}}"#
        );
        self.engine.on_user_message(VenueId(0), trade.as_bytes(), self.now);
        self.engine.follow_up(self.now, &mut self.out);
    }

    fn hash_of(&self, order: &Sent) -> String {
        let salt = order.body()["order"]["salt"].as_u64().unwrap();
        let found = (1..100).find(|n| Boot(0xfeed).salt(dutchbook_exec::OrderId(*n)) == salt);
        self.engine.desk().unwrap().hash_of(dutchbook_exec::OrderId(found.unwrap()))
    }

    fn fill_polymarket(&mut self, order: &Sent) {
        let body = order.body();
        let shares = body["order"]["takerAmount"].as_str().unwrap().parse::<u64>().unwrap();
        let size = Qty::from_micro(shares).unwrap();
        let hash = self.hash_of(order);
        let reply = format!(
            r#"{{"success":true,"errorMsg":"","orderID":"{hash}","status":"matched","makingAmount":"1","takingAmount":"{size}","tradeIDs":[]}}"#
        );
        self.reply(order, &reply);
        self.trade_polymarket(order, "MATCHED");
    }

    pub(in crate::engine) fn held(&self, instrument: InstrumentId) -> u64 {
        self.engine.portfolio().qty(instrument).micro() / 1_000_000
    }
}

#[test]
fn a_gap_is_bought_on_both_venues_and_booked_as_they_say() {
    let mut rig = Rig::new();
    rig.gap();
    let orders = rig.orders();
    assert_eq!(orders.len(), 2);
    rig.fill_polymarket(&orders[0]);
    rig.fill_kalshi(&orders[1]);
    assert_eq!((rig.held(YES), rig.held(NO)), (100, 100));
    assert_eq!(rig.engine.net_profit(), Cash::from_micro(5_000_000));
    assert!(!rig.engine.is_quiet(), "not settled");
    rig.trade_polymarket(&orders[0], "CONFIRMED");
    rig.pass(50);
    // The same books show what we have just taken: nothing more is sent.
    rig.show(POLYMARKET, 40, 42);
    assert_eq!(rig.orders().len(), 2);
}

#[test]
fn while_a_leg_is_unknown_no_third_order_is_sent() {
    let mut rig = Rig::new();
    rig.gap();
    let orders = rig.orders();
    rig.fill_kalshi(&orders[1]);
    rig.engine.on_answer(orders[0].id, &Answer::Lost, rig.now);
    for _ in 0..20 {
        rig.pass(100);
        rig.show(POLYMARKET, 40, 42);
        assert_eq!(rig.orders().len(), 2, "the first leg may live");
    }
    // Long after, the venue's records do not have it: the leg is bought again or the other left.
    let mut answered = 0;
    for _ in 0..120 {
        rig.pass(100);
        let asks: Vec<_> = rig
            .out
            .sent
            .iter()
            .filter(|sent| sent.line().contains("/data/order/"))
            .cloned()
            .collect();
        for ask in asks.iter().skip(answered) {
            let gone = Answer::Reply { status: 404, retry_after: None, body: b"{}" };
            rig.engine.on_answer(ask.id, &gone, rig.now);
        }
        answered = asks.len();
        rig.show(POLYMARKET, 40, 42);
        if rig.orders().len() > 2 {
            break;
        }
    }
    let orders = rig.orders();
    assert!(orders.len() > 2, "the trade is completed or left");
    assert!(!rig.kill.is_pulled());
}

#[test]
fn a_trade_that_the_venue_takes_back_leaves_no_contracts_and_opens_its_basket() {
    let mut rig = Rig::new();
    rig.gap();
    let orders = rig.orders();
    rig.fill_polymarket(&orders[0]);
    rig.fill_kalshi(&orders[1]);
    let cash = rig.engine.portfolio().money(VenueId(0)).cash;
    assert_eq!(cash, Cash::from_micro(1_000_000_000 - 42_000_000).exact());
    rig.show(POLYMARKET, 41, 43);
    assert_eq!(rig.orders().len(), 2);
    rig.trade_polymarket(&orders[0], "FAILED");
    assert_eq!(rig.held(YES), 0);
    assert_eq!(
        rig.engine.portfolio().money(VenueId(0)).cash,
        Cash::from_micro(1_000_000_000).exact()
    );
    assert_eq!(rig.engine.portfolio().money(VenueId(0)).realised, Exact::ZERO);
    rig.pass(10);
    let orders = rig.orders();
    assert_eq!(orders.len(), 3, "the missing leg is bought, or the other left");
    let again = orders[2].clone();
    if again.venue == VenueId(0) {
        rig.fill_polymarket(&again);
        assert_eq!((rig.held(YES), rig.held(NO)), (100, 100));
    } else {
        rig.fill_kalshi(&again);
        assert_eq!((rig.held(YES), rig.held(NO)), (0, 0));
    }
    assert!(!rig.kill.is_pulled());
}

#[test]
fn what_contradicts_stops_new_trades() {
    let mut rig = Rig::new();
    rig.gap();
    let orders = rig.orders();
    rig.engine.on_answer(orders[1].id, &Answer::NotSent, rig.now);
    rig.fill_kalshi(&orders[1]);
    assert_eq!(rig.held(NO), 100, "contracts that are ours are ours");
    assert!(rig.kill.is_pulled());
}

//! A desk on two venues, and hands to play the gateway.

use dutchbook_book::catalog::{Catalog, EventLaw, Listing, VenueKind};
use dutchbook_book::fee::FeeSchedule;
use dutchbook_book::{
    BookId, Cash, Exact, Face, Grid, InstrumentId, Nanos, Price, Qty, Rate, Side, VenueId,
};
use dutchbook_exec::local_id::Boot;
use dutchbook_exec::sign::digest_signer::DigestSigner;
use dutchbook_exec::sign::ecdsa::{PrivateKey, Signer};
use dutchbook_exec::throttle::Urgency;
use dutchbook_exec::venue::kalshi::stamps::stamps;
use dutchbook_exec::venue::polymarket::exchange::Chain;
use dutchbook_exec::venue::polymarket::order::{Account, WalletKind};
use dutchbook_exec::venue::{kalshi, polymarket};
use dutchbook_exec::{Intent, OrderId, RejectReason, ReportKind, TradeId};
use std::collections::BTreeMap;

use crate::desk::quote::Quote;
use crate::desk::{
    Access, Channel, Desk, DeskConfig, KALSHI_READS, KALSHI_TARGETS, KALSHI_WRITES, KalshiAccess,
    POLYMARKET_CANCELS, POLYMARKET_ORDERS, POLYMARKET_READS, PolymarketAccess, Word,
};
use crate::journal::codec::Entry;
use crate::journal::folder::{Ending, Item};
use crate::journal::live::LiveRecord;
use crate::journal::names::Names;
use crate::journal::{JournalReader, JournalWriter, Record, decode, journal};
use crate::recovery::Replay;
use crate::request::{Answer, Lane, OutRequest, Outbox, RequestId};

pub(super) const POLYMARKET: BookId = BookId(0);
pub(super) const KALSHI: BookId = BookId(1);
pub(crate) const API_KEY: &str = "9180014b-33c8-9240-a14b-bdca11c0a465";
pub(crate) const TOKENS: [&str; 2] = ["7132", "5211"];
const PEM: &str = "-----BEGIN PRIVATE KEY-----\n\
    MC4CAQAwBQYDK2VwBCIEIEtEKtWpl5Lsu/IPU8A62n1ntOE1w1idiNZYrzl67KM+\n\
    -----END PRIVATE KEY-----\n";

/// A request that the desk handed over.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    pub(crate) id: RequestId,
    pub(crate) venue: VenueId,
    pub(crate) lane: Lane,
    pub(crate) text: String,
}

impl Sent {
    pub(crate) fn line(&self) -> &str {
        self.text.lines().next().unwrap()
    }

    pub(crate) fn body(&self) -> serde_json::Value {
        let body = self.text.split_once("\r\n\r\n").unwrap().1;
        serde_json::from_str(body).unwrap()
    }
}

#[derive(Debug, Default)]
pub(crate) struct Outgoing {
    pub(crate) sent: Vec<Sent>,
    pub(crate) is_full: bool,
}

impl Outbox for Outgoing {
    fn send(&mut self, request: &OutRequest<'_>) -> bool {
        if self.is_full {
            return false;
        }
        let text = String::from_utf8(request.bytes.to_vec()).unwrap();
        let OutRequest { id, venue, lane, .. } = *request;
        self.sent.push(Sent { id, venue, lane, text });
        true
    }
}

pub(super) struct Rig {
    pub(super) desk: Desk,
    pub(super) journal: JournalWriter,
    pub(super) reader: JournalReader,
    out: Outgoing,
    pub(super) is_full: bool,
    pub(super) now: Nanos,
    next: u64,
    /// The first run's number, and how many runs there were.
    boot: Boot,
    boots: u64,
    kept: Vec<Entry>,
    said: BTreeMap<OrderId, Vec<String>>,
    pub(super) words: Vec<Word>,
}

pub(super) fn price(pips: u32) -> Price {
    Price::from_pips(pips).unwrap()
}

pub(super) fn contracts(count: u64) -> Qty {
    Qty::from_contracts(count).unwrap()
}

fn catalog() -> Catalog {
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
            min_qty: Qty::from_centi(1).unwrap(),
            fee: match kind {
                VenueKind::Polymarket => {
                    FeeSchedule::polymarket(Rate::from_ppm(50_000).unwrap(), 1)
                }
                VenueKind::Kalshi => FeeSchedule::NONE,
            },
            ..Listing::plain(kind, venue, condition, Grid::uniform(price(100)).unwrap())
        });
    }
    catalog
}

pub(crate) fn accounts() -> [(VenueId, Access); 2] {
    accounts_of(WalletKind::Eoa)
}

/// Accounts, Polymarket's money in a wallet of this kind.
fn accounts_of(wallet: WalletKind) -> [(VenueId, Access); 2] {
    let key = PrivateKey::from_bytes(&[9; 32]).unwrap();
    let signer = DigestSigner::new(Signer::new(key, &[1; 32]), None);
    let owner = signer.address();
    let polymarket = PolymarketAccess {
        host: "clob".to_owned(),
        chain: Chain::Polygon,
        account: Account::new(wallet, owner, owner),
        credentials: polymarket::auth::Credentials::new(owner, API_KEY, "AAAA", "pass").unwrap(),
        signer,
        orders: POLYMARKET_ORDERS,
        cancels: POLYMARKET_CANCELS,
        reads: POLYMARKET_READS,
    };
    let credentials = kalshi::auth::Credentials::new("id", PEM).unwrap();
    let kalshi = KalshiAccess {
        host: "kalshi".to_owned(),
        credentials,
        stamps: stamps(&KALSHI_TARGETS, 1_000).1,
        writes: KALSHI_WRITES,
        reads: KALSHI_READS,
    };
    let venue = [VenueId(0), VenueId(1)];
    [
        (venue[0], Access::Polymarket(Box::new(polymarket))),
        (venue[1], Access::Kalshi(Box::new(kalshi))),
    ]
}

impl Rig {
    pub(super) fn new() -> Self {
        Self::with(64, 256, false)
    }

    /// Whose orders have the longest signatures.
    pub(super) fn with_deposit_wallet() -> Self {
        let mut rig = Self::new();
        let config = DeskConfig { heartbeats: false, ..DeskConfig::new(rig.boot) };
        rig.desk = Self::opened(config, accounts_of(WalletKind::Deposit));
        rig
    }

    pub(super) fn beating() -> Self {
        Self::with(64, 256, true)
    }

    pub(super) fn with_journal(chunks: usize, records: usize) -> Self {
        Self::with(chunks, records, false)
    }

    fn with(chunks: usize, records: usize, heartbeats: bool) -> Self {
        let (journal, reader) = journal(chunks, records);
        let boot = Boot(0xfeed);
        let mut rig = Self {
            desk: Self::desk(boot, heartbeats),
            journal,
            reader,
            out: Outgoing::default(),
            is_full: false,
            now: Nanos::from_secs(1_790_000_000),
            next: 0,
            boot,
            boots: 1,
            kept: Vec::new(),
            said: BTreeMap::new(),
            words: Vec::new(),
        };
        rig.write(&Record::Live(LiveRecord::Boot { boot, is_live: true }));
        rig
    }

    fn desk(boot: Boot, heartbeats: bool) -> Desk {
        let config = DeskConfig { heartbeats, ..DeskConfig::new(boot) };
        Self::opened(config, accounts())
    }

    fn opened(config: DeskConfig, accounts: [(VenueId, Access); 2]) -> Desk {
        let mut desk = Desk::new(config, &catalog(), accounts).unwrap();
        for venue in [VenueId(0), VenueId(1)] {
            desk.on_channel(venue, Channel::Connected);
        }
        desk.open_account(VenueId(0), Cash::from_micro(100_000_000));
        desk
    }

    /// What the engine writes beside the desk.
    fn write(&mut self, record: &Record) {
        let _kept = self.journal.record(self.now, record).is_ok();
    }

    /// The process is killed and another one goes on with its journal: whatever was asked is never
    /// answered.
    pub(super) fn restart(&mut self) {
        self.journal.flush();
        let kept = &mut self.kept;
        self.reader.drain(|bytes| kept.push(decode(bytes).unwrap()));
        let mut replay = Replay::new(&catalog());
        let _names = replay.take(Item::Names(&Names::of(&catalog())));
        for entry in &self.kept {
            let _taken = replay.take(Item::Entry(entry));
        }
        let recovered = replay.finish(Ending::default());
        assert_eq!(recovered.refused, 0);
        self.boots += 1;
        let boot = Boot(self.boot.0 + self.boots);
        self.desk = Self::desk(boot, false);
        self.write(&Record::Live(LiveRecord::Boot { boot, is_live: true }));
        for known in recovered.open_orders() {
            assert!(self.desk.adopt(known, &mut self.journal, self.now));
        }
        self.hear();
    }

    pub(super) fn venue(&self, book: BookId) -> VenueId {
        VenueId(book.0)
    }

    fn intent(&self, instrument: InstrumentId, leg_index: u16) -> Intent {
        Intent {
            trade: TradeId(self.next),
            leg_index,
            instrument,
            side: Side::Buy,
            limit: price(4_400),
            qty: contracts(10),
            deadline: self.now.plus(Nanos::from_secs(1)),
            ts_decision: self.now,
        }
    }

    fn quote(instrument: InstrumentId) -> Quote {
        let is_cash = instrument.book() == POLYMARKET;
        let budget = is_cash.then_some(Cash::from_micro(4_400_000));
        Quote { limit: price(4_400), qty: contracts(10), budget }
    }

    pub(super) fn submit_on(
        &mut self,
        instrument: InstrumentId,
        urgency: Urgency,
    ) -> (OrderId, Result<(), RejectReason>) {
        self.next += 1;
        let (id, intent) = (OrderId(self.next), self.intent(instrument, 0));
        let quote = Self::quote(instrument);
        self.write(&Record::Intent { decision: self.next, order: id, intent });
        (id, self.desk.submit(id, &intent, &quote, urgency, self.now))
    }

    pub(super) fn try_submit(
        &mut self,
        book: BookId,
        urgency: Urgency,
    ) -> Result<(), RejectReason> {
        self.submit_on(book.instrument(Face::Yes), urgency).1
    }

    pub(super) fn submit(&mut self, book: BookId) -> OrderId {
        let (id, done) = self.submit_on(book.instrument(Face::Yes), Urgency::Entry);
        done.unwrap();
        id
    }

    /// A leg on each venue, as one basket.
    pub(super) fn submit_pair(&mut self) -> [OrderId; 2] {
        self.next += 2;
        let ids = [OrderId(self.next - 1), OrderId(self.next)];
        let faces = [POLYMARKET.instrument(Face::Yes), KALSHI.instrument(Face::Yes)];
        let intents = [self.intent(faces[0], 0), self.intent(faces[1], 1)];
        let quotes = faces.map(Self::quote);
        self.desk.submit_all(&ids, &intents, &quotes, Urgency::Entry, self.now);
        self.hear();
        ids
    }

    pub(super) fn dispatch(&mut self) {
        self.out.is_full = self.is_full;
        self.desk.follow_up(self.now, &mut self.journal, &mut self.out);
        self.hear();
    }

    pub(super) fn pass(&mut self, span: Nanos) {
        self.now = self.now.plus(span);
        self.dispatch();
    }

    pub(super) fn sent(&self) -> &[Sent] {
        &self.out.sent
    }

    pub(super) fn answer(&mut self, id: u64, answer: &Answer<'_>) {
        self.desk.on_answer(RequestId(id), answer, &mut self.journal, self.now);
        self.hear();
    }

    pub(super) fn answer_last(&mut self, answer: &Answer<'_>) {
        let id = self.out.sent.last().unwrap().id.0;
        self.answer(id, answer);
    }

    pub(super) fn reply(&mut self, id: u64, status: u16, body: &str) {
        let answer = Answer::Reply { status, retry_after: None, body: body.as_bytes() };
        self.answer(id, &answer);
    }

    pub(super) fn reply_last(&mut self, status: u16, body: &str) {
        let id = self.out.sent.last().unwrap().id.0;
        self.reply(id, status, body);
    }

    pub(super) fn message(&mut self, book: BookId, text: &str) {
        let venue = self.venue(book);
        self.desk.on_user_message(venue, text.as_bytes(), &mut self.journal, self.now);
        self.hear();
    }

    /// The hash of a signed order, as the venue writes it.
    pub(super) fn hash(&self, order: OrderId) -> String {
        let at = self.desk.orders.of_id(order).unwrap();
        format!("{:#x}", self.desk.orders.get(at).unwrap().hash)
    }

    pub(super) fn client_id(&self, order: OrderId) -> String {
        self.boot.client_order_id(order).as_str().to_owned()
    }

    /// What was said of an order, in short.
    pub(super) fn said(&mut self, order: OrderId) -> Vec<String> {
        self.hear();
        self.said.remove(&order).unwrap_or_default()
    }

    fn hear(&mut self) {
        while let Some(word) = self.desk.next_word() {
            self.words.push(word);
            let (order, text) = match word {
                Word::Report(report) => {
                    self.write(&Record::Report(report));
                    (report.order, in_short(&report.kind))
                }
                Word::Breach { order, .. } => (order, "breach".to_owned()),
                Word::Rounding { .. }
                | Word::Differs { .. }
                | Word::Opening { .. }
                | Word::Booked(_) => continue,
            };
            self.said.entry(order).or_default().push(text);
        }
    }

    /// Cash that the reports of fills moved.
    pub(super) fn cash(&self) -> Exact {
        self.words.iter().fold(Exact::ZERO, |sum, word| {
            let mut effect = Exact::ZERO;
            if let Word::Rounding { cash, .. } = word {
                effect = *cash;
            } else if let Word::Report(report) = word {
                if let ReportKind::Filled(fill) = report.kind {
                    effect = fill.cash_effect(report.side).unwrap();
                } else if let ReportKind::Reversed(fill) = report.kind {
                    let cash = fill.cash_effect(report.side).unwrap();
                    effect = Exact::ZERO.checked_sub(cash).unwrap();
                }
            }
            sum.checked_add(effect).unwrap()
        })
    }
}

fn in_short(kind: &ReportKind) -> String {
    match kind {
        ReportKind::Acknowledged => "acknowledged".to_owned(),
        ReportKind::Rejected(reason) => format!("rejected {reason:?}"),
        ReportKind::Filled(fill) => format!("filled {}", fill.qty),
        ReportKind::Closed(closed) => format!("closed {:?} {}", closed.end, closed.filled),
        ReportKind::Reversed(fill) => format!("reversed {}", fill.qty),
        ReportKind::Settled => "settled".to_owned(),
    }
}

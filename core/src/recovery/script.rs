//! A made-up history with its true sums, for the tests of what is kept.

use std::collections::BTreeMap;

use dutchbook_book::view::TopView;
use dutchbook_book::{
    BasketId, BookId, Cash, Exact, Face, InstrumentId, Level, Nanos, Price, Qty, QtyChange, Side,
    TopOfBook, VenueId,
};
use dutchbook_exec::local_id::Boot;
use dutchbook_exec::order::fills::{FillNews, Settlement, TradeKey};
use dutchbook_exec::order::live::{End, Evidence};
use dutchbook_exec::{Closed, Fill, Intent, OrderEnd, OrderId, Report, ReportKind, TradeId};

use crate::eval::basket::BasketKind;
use crate::journal::live::{
    AccountRecord, BasketRecord, BasketStep, FillStep, LiveFill, LiveRecord, NativeText, Origin,
    Placed,
};
use crate::journal::names::{BookName, Names};
use crate::journal::record::{Decision, DecisionLeg, EvalCause, Record};
use crate::opportunity::{OpportunityId, Sighting};

/// Books of the history: three questions on two venues.
const BOOKS: u32 = 6;

/// What a history adds up to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Truth {
    /// Cash by venue, in 1e-12 $.
    pub(crate) cash: BTreeMap<u32, i128>,
    /// Contracts by instrument, in 1e-6.
    pub(crate) held: BTreeMap<u32, i64>,
    /// Orders whose bytes left and whose end is not known.
    pub(crate) open: Vec<OrderId>,
}

/// A history that is being made up.
pub(crate) struct Script {
    random: u64,
    is_live: bool,
    pub(crate) records: Vec<(Nanos, Record)>,
    /// The sums after each record.
    pub(crate) truths: Vec<Truth>,
    truth: Truth,
    now: u64,
    order: u64,
    trade: u64,
}

/// The names behind the numbers of a history.
pub(crate) fn names() -> Names {
    let book = |book: u32| BookName {
        venue: book % 2,
        market: format!("MARKET-{book}"),
        name: format!("Question {}", book / 2),
        event: book / 4,
    };
    Names {
        venues: vec!["polymarket".to_owned(), "kalshi".to_owned()],
        events: vec!["First".to_owned(), "Second".to_owned()],
        books: (0..BOOKS).map(book).collect(),
    }
}

fn price(micro: u32) -> Price {
    Price::from_micro(micro).unwrap()
}

fn qty(micro: u64) -> Qty {
    Qty::from_micro(micro).unwrap()
}

impl Script {
    /// The history of one process: its boot, what was there, and some baskets.
    pub(crate) fn new(seed: u64, is_live: bool, baskets: usize) -> Self {
        let mut script = Self {
            random: seed,
            is_live,
            records: Vec::new(),
            truths: Vec::new(),
            truth: Truth::default(),
            now: 1_790_000_000_000_000_000,
            order: 0,
            trade: 0,
        };
        script.boot(seed);
        for venue in [0, 1] {
            script.transfer(venue, 5_000_000_000_000_000, Origin::Opening);
        }
        let held = InstrumentId(3);
        *script.truth.held.entry(held.0).or_default() += 2_000_000;
        script.account(AccountRecord::Moved {
            instrument: held,
            qty: QtyChange::from_micro(2_000_000),
            cost: Exact::from_pico(900_000_000_000),
            origin: Origin::Opening,
        });
        for _ in 0..baskets {
            script.basket();
        }
        script
    }

    /// Another process goes on.
    pub(crate) fn boot(&mut self, number: u64) {
        let boot = Record::Live(LiveRecord::Boot { boot: Boot(number), is_live: self.is_live });
        self.say(boot);
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.random;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound
    }

    fn say(&mut self, record: Record) {
        self.now += 1_000 + self.below(50_000_000);
        self.records.push((Nanos(self.now), record));
        self.truths.push(self.truth.clone());
    }

    fn account(&mut self, record: AccountRecord) {
        self.say(Record::Live(LiveRecord::Account(record)));
    }

    fn transfer(&mut self, venue: u32, pico: i128, origin: Origin) {
        *self.truth.cash.entry(venue).or_default() += pico;
        let (venue, cash) = (VenueId(venue), Exact::from_pico(pico));
        self.account(AccountRecord::Transfer { venue, cash, origin });
    }

    /// Two faces of a question bought, one on each venue, with everything that may become of it.
    fn basket(&mut self) {
        self.trade += 1;
        let trade = TradeId(self.trade);
        let first = u32::try_from(self.below(3)).unwrap() * 2;
        let legs = [BookId(first).instrument(Face::Yes), BookId(first + 1).instrument(Face::No)];
        let limit = price(u32::try_from(300_000 + self.below(190_000)).unwrap());
        let contracts = qty(1_000_000 * (1 + self.below(20)));
        self.decide(&legs, limit, contracts);
        let (decision, payoff, leg_count) = (self.trade, 100_000_000_000_000, 2);
        self.say(Record::Live(LiveRecord::Basket(BasketRecord::Open {
            trade,
            decision,
            payoff,
            leg_count,
        })));
        for (leg_index, instrument) in (0..).zip(legs) {
            let (ratio_micro, lot) = (1_000_000, qty(10_000));
            let leg = BasketRecord::Leg { trade, leg_index, instrument, ratio_micro, lot };
            self.say(Record::Live(LiveRecord::Basket(leg)));
        }
        let filled: Vec<u64> =
            (0..).zip(legs).map(|(leg, id)| self.order(trade, leg, id, limit, contracts)).collect();
        if filled[0] == filled[1] {
            self.step(trade, BasketStep::Even);
            return;
        }
        self.step(trade, BasketStep::Legged);
        // What is missing is bought, somewhat dearer.
        let (short, more) = if filled[0] < filled[1] {
            (0, filled[1] - filled[0])
        } else {
            (1, filled[0] - filled[1])
        };
        let dearer = price(limit.micro() + 20_000);
        let leg = u16::try_from(short).unwrap();
        if self.order(trade, leg, legs[short], dearer, qty(more)) == more {
            self.step(trade, BasketStep::Completed);
        }
    }

    fn step(&mut self, trade: TradeId, step: BasketStep) {
        self.say(Record::Live(LiveRecord::Basket(BasketRecord::Step { trade, step })));
    }

    fn decide(&mut self, legs: &[InstrumentId], limit: Price, contracts: Qty) {
        let decision = self.trade;
        let edge = Exact::from_pico(i128::from(self.below(1_000_000_000_000)));
        self.say(Record::Decision(Decision {
            decision,
            opportunity: OpportunityId(decision),
            basket: BasketId(1),
            kind: BasketKind::ALL[usize::try_from(self.trade).unwrap() % 12],
            cause: EvalCause::BookChanged,
            leg_count: 2,
            sighting: Sighting { size: contracts, net_edge: edge, ..Sighting::default() },
        }));
        for (leg_index, instrument) in (0..).zip(legs.iter().copied()) {
            let best = price(limit.micro() - 10_000);
            let level = |price| Some(Level { price, qty: contracts });
            let top = match instrument.face() {
                Face::Yes => TopOfBook { bid: None, ask: level(best) },
                Face::No => TopOfBook { bid: level(best.complement()), ask: None },
            };
            let (side, qty) = (Side::Buy, contracts);
            let view = TopView { top, ..TopView::default() };
            let leg = DecisionLeg { decision, leg_index, instrument, side, limit, qty, view };
            self.say(Record::DecisionLeg(leg));
        }
    }

    /// One order from intent to end. Returns what of it is ours in the end.
    fn order(
        &mut self,
        trade: TradeId,
        leg: u16,
        id: InstrumentId,
        limit: Price,
        contracts: Qty,
    ) -> u64 {
        self.order += 1;
        let order = OrderId(self.order);
        let intent = Intent {
            trade,
            leg_index: leg,
            instrument: id,
            side: Side::Buy,
            limit,
            qty: contracts,
            deadline: Nanos(self.now + 1_000_000_000),
            ts_decision: Nanos(self.now),
        };
        self.say(Record::Intent { decision: self.trade, order, intent });
        if !self.is_live {
            return self.on_paper(order, &intent);
        }
        let placed = Placed {
            order,
            venue: VenueId(id.book().0 % 2),
            hash: id
                .book()
                .0
                .is_multiple_of(2)
                .then_some([u8::try_from(self.order % 251).unwrap(); 32]),
            limit,
            qty: contracts,
            budget: self.order.is_multiple_of(3).then_some(Cash::from_micro(77)),
        };
        self.say(Record::Live(LiveRecord::Placed(placed)));
        self.truth.open.push(order);
        self.say(Record::Live(LiveRecord::Sent { order, request: self.order, is_cancel: false }));
        let text = NativeText::of(&format!("native-{}", self.order)).unwrap();
        self.say(Record::Live(LiveRecord::Named { order, id: text }));
        self.evidence(order, Evidence::Acknowledged);
        let ours = self.trades(order, &intent);
        let whole = Evidence::Ended(End::Cancelled, Some(contracts));
        let none = Evidence::Ended(End::Cancelled, Some(Qty::ZERO));
        let is_traded = ours.1;
        self.truth.open.retain(|open| *open != order);
        self.evidence(order, if is_traded { whole } else { none });
        let end = if is_traded { OrderEnd::Filled } else { OrderEnd::Cancelled };
        let filled = if is_traded { contracts } else { Qty::ZERO };
        let adjustment = Exact::from_pico(if is_traded { -1_234_567 } else { 0 });
        self.close(order, &intent, Closed { end, filled, adjustment });
        ours.0
    }

    fn evidence(&mut self, order: OrderId, evidence: Evidence) {
        self.say(Record::Live(LiveRecord::Evidence { order, evidence }));
    }

    /// The trades of a live order: both halves, one, or none, told once or twice, settled or taken
    /// back. Returns what is ours, and whether anything was traded.
    fn trades(&mut self, order: OrderId, intent: &Intent) -> (u64, bool) {
        let what = self.below(5);
        if what == 0 {
            return (0, false);
        }
        let half = intent.qty.micro() / 2;
        let mut ours = 0;
        for (number, micro) in [half, intent.qty.micro() - half].into_iter().enumerate() {
            let news = FillNews {
                trade: TradeKey(u128::from(order.0) << 8 | number as u128),
                price: price(intent.limit.micro() - u32::try_from(self.below(9_999)).unwrap()),
                qty: qty(micro),
                fee: Exact::from_pico(i128::from(self.below(30_000_000_000))),
                settlement: Settlement::Provisional,
            };
            let fill = LiveFill {
                order,
                instrument: intent.instrument,
                side: Side::Buy,
                step: FillStep::Counted,
                news,
                delivered: qty(micro),
            };
            self.count(intent, &fill, 1);
            self.say(Record::Live(LiveRecord::Fill(fill)));
            if what == 2 {
                // Told again: counted once.
                self.say(Record::Live(LiveRecord::Fill(fill)));
            }
            let number = self.order * 2 + number as u64;
            let told = Fill {
                number,
                price: news.price,
                qty: news.qty,
                delivered: news.qty,
                fee: news.fee,
            };
            let report = Report::of(order, intent, Nanos(self.now), ReportKind::Filled(told));
            self.say(Record::Report(report));
            let is_back = what == 4 && ours == 0;
            let step = if is_back { FillStep::Reversed } else { FillStep::Settled };
            if is_back {
                self.count(intent, &fill, -1);
            } else {
                ours += micro;
            }
            self.say(Record::Live(LiveRecord::Fill(LiveFill { step, ..fill })));
        }
        (ours, true)
    }

    fn count(&mut self, intent: &Intent, fill: &LiveFill, sign: i128) {
        let paid = Exact::product(fill.news.price, fill.news.qty).pico() + fill.news.fee.pico();
        let venue = intent.instrument.book().0 % 2;
        *self.truth.cash.entry(venue).or_default() -= sign * paid;
        *self.truth.held.entry(intent.instrument.0).or_default() +=
            i64::try_from(sign).unwrap() * i64::try_from(fill.delivered.micro()).unwrap();
    }

    fn close(&mut self, order: OrderId, intent: &Intent, closed: Closed) {
        let venue = intent.instrument.book().0 % 2;
        *self.truth.cash.entry(venue).or_default() += closed.adjustment.pico();
        let report = Report::of(order, intent, Nanos(self.now), ReportKind::Closed(closed));
        self.say(Record::Report(report));
        let both = [Face::Yes, Face::No].map(|face| intent.instrument.book().instrument(face).0);
        let pairs = both.map(|id| self.truth.held.get(&id).copied().unwrap_or(0));
        let pairs = pairs[0].min(pairs[1]);
        if pairs > 0 && self.below(2) == 0 {
            for id in both {
                *self.truth.held.entry(id).or_default() -= pairs;
            }
            *self.truth.cash.entry(venue).or_default() += i128::from(pairs) * 1_000_000;
            let (book, qty) = (intent.instrument.book(), qty(u64::try_from(pairs).unwrap()));
            self.account(AccountRecord::Merged { book, qty });
        }
    }

    fn on_paper(&mut self, order: OrderId, intent: &Intent) -> u64 {
        let told = Fill {
            number: self.order,
            price: intent.limit,
            qty: intent.qty,
            delivered: intent.qty,
            fee: Exact::from_pico(20_000_000_000),
        };
        let paid = told.notional().pico() + told.fee.pico();
        *self.truth.cash.entry(intent.instrument.book().0 % 2).or_default() -= paid;
        *self.truth.held.entry(intent.instrument.0).or_default() +=
            i64::try_from(intent.qty.micro()).unwrap();
        let report = Report::of(order, intent, Nanos(self.now), ReportKind::Filled(told));
        self.say(Record::Report(report));
        let closed = Closed { end: OrderEnd::Filled, filled: intent.qty, adjustment: Exact::ZERO };
        self.close(order, intent, closed);
        intent.qty.micro()
    }
}

/// A catalog that lists the history's books under the same numbers.
pub(crate) fn catalog() -> dutchbook_book::catalog::Catalog {
    let law = dutchbook_book::catalog::EventLaw::Independent;
    let mut catalog = crate::position::tests::catalog(law, BOOKS / 2);
    for (listing, book) in catalog.listings.iter_mut().zip(names().books) {
        (listing.native_market, listing.name) = (book.market, book.name);
    }
    catalog
}

/// A folder of its own, removed with the value.
pub(crate) struct Scratch(pub(crate) std::path::PathBuf);

impl Scratch {
    pub(crate) fn new(name: &str) -> Self {
        let name = format!("dutchbook-{}-{name}", std::process::id());
        let path = std::env::temp_dir().join(name);
        drop(std::fs::remove_dir_all(&path));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.0));
    }
}

/// Segments so small that a history has many.
pub(crate) const SMALL: crate::journal::keeper::JournalConfig =
    crate::journal::keeper::JournalConfig {
        segment_records: 64,
        flush: core::time::Duration::from_millis(1),
        free_bytes_min: 0,
        archives: false,
    };

impl Script {
    /// Begins to write this history behind what the folder holds: its first record is there then.
    pub(crate) fn begin(&self, folder: &std::path::Path) -> crate::journal::keeper::Opened {
        self.begin_with(folder, SMALL)
    }

    /// The same, kept like this.
    pub(crate) fn begin_with(
        &self,
        folder: &std::path::Path,
        config: crate::journal::keeper::JournalConfig,
    ) -> crate::journal::keeper::Opened {
        let folder = crate::journal::folder::Folder::open(folder).unwrap();
        let ending = folder.read(|_| ()).unwrap();
        let Some((now, Record::Live(LiveRecord::Boot { boot, is_live }))) = self.records.first()
        else {
            panic!("a history begins with its process");
        };
        let names = names();
        let start = crate::journal::keeper::Start {
            boot: *boot,
            is_live: *is_live,
            names: &names,
            now: *now,
        };
        crate::journal::keeper::begin(folder, &ending, config, &start).unwrap()
    }

    /// Writes the whole history and closes the journal.
    pub(crate) fn write(&self, folder: &std::path::Path) {
        let opened = self.begin(folder);
        let (mut writer, mut sequence) = (opened.writer, opened.sequence);
        for (now, record) in self.records.iter().skip(1) {
            let bytes = crate::journal::encode(sequence, *now, record);
            while writer.push(&bytes).is_err() {
                std::thread::yield_now();
            }
            sequence += 1;
        }
        drop(writer);
        opened.keeper.finish().unwrap();
    }
}

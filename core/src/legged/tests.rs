use super::*;
use dutchbook_book::fee::{FeeSchedule, UNIT_PAYOUT};
use dutchbook_book::{BookId, BookStatus, Cash, Depth, Exact, Face, Level, Price, Rate};
use dutchbook_exec::paper::DepthRead;
use dutchbook_exec::{Closed, Fill, OrderEnd, OrderId, PaperRules};
use proptest::prelude::*;

const A: BookId = BookId(0);
const B: BookId = BookId(1);
const TRADE: TradeId = TradeId(7);

fn contracts(count: u64) -> Qty {
    Qty::from_contracts(count).unwrap()
}

fn level(pips: u32, count: u64) -> Level {
    Level { price: Price::from_pips(pips).unwrap(), qty: contracts(count) }
}

/// Scripted books with one rule for all but the fee.
struct Script {
    depths: Vec<Depth>,
    rules: PaperRules,
    fees: Vec<FeeSchedule>,
}

impl Market for &Script {
    fn depth(&mut self, book: BookId, depth: &mut Depth) -> DepthRead {
        *depth = self.depths[book.index()];
        DepthRead::Read
    }

    fn left(&self, _book: BookId, _resting: Side, shown: Level) -> Qty {
        shown.qty
    }

    fn rules(&self, book: BookId) -> Option<PaperRules> {
        Some(PaperRules { fee: self.fees[book.index()], ..self.rules })
    }
}

impl Script {
    fn new(books: usize) -> Self {
        let rules = PaperRules {
            fee: FeeSchedule::NONE,
            lot: contracts(1),
            min_qty: Qty::ZERO,
            min_notional: Cash::ZERO,
            latency: Nanos::ZERO,
        };
        let fees = vec![FeeSchedule::NONE; books];
        Self { depths: vec![Depth::default(); books], rules, fees }
    }

    /// Shows one bid and one ask, in pips and contracts.
    fn show(&mut self, book: BookId, bids: &[(u32, u64)], asks: &[(u32, u64)]) {
        let depth = &mut self.depths[book.index()];
        let mut stamp = depth.stamp;
        stamp.version += 1;
        stamp.status = BookStatus::Live;
        depth.reset(stamp);
        for (side, levels) in [(Side::Buy, bids), (Side::Sell, asks)] {
            for (pips, count) in levels {
                assert!(depth.push(side, level(*pips, *count)));
            }
        }
    }

    fn mark(&mut self, book: BookId, status: BookStatus) {
        let stamp = &mut self.depths[book.index()].stamp;
        (stamp.status, stamp.version) = (status, stamp.version + 1);
    }
}

/// A YES and B NO, ten of each wanted, one paid for a pair.
fn pair() -> Legged {
    let mut legged = Legged::new(2, 3);
    let legs = [A.instrument(Face::Yes), B.instrument(Face::No)];
    let legs = legs.into_iter().map(|id| (id, 1_000_000, contracts(1)));
    assert!(legged.open(TRADE, 3, UNIT_PAYOUT, legs));
    legged
}

fn report(leg_index: u16, instrument: InstrumentId, kind: ReportKind) -> Report {
    let (order, side, ts) = (OrderId(1), Side::Buy, Nanos::ZERO);
    Report { order, trade: TRADE, leg_index, instrument, side, ts, kind }
}

/// Ends an order after so many contracts.
fn end(legged: &mut Legged, leg: u16, id: InstrumentId, qty: Qty, now: Nanos) -> Progress {
    if !qty.is_zero() {
        let (price, fee) = (Price::from_pips(5_000).unwrap(), Exact::ZERO);
        let fill = Fill { number: 1, price, qty, delivered: qty, fee };
        legged.on_report(&report(leg, id, ReportKind::Filled(fill)), now);
    }
    let closed = Closed { end: OrderEnd::Cancelled, filled: qty, adjustment: Exact::ZERO };
    legged.on_report(&report(leg, id, ReportKind::Closed(closed)), now)
}

fn filled(a: u64, b: u64) -> (Legged, Progress) {
    let mut legged = pair();
    assert_eq!(
        end(&mut legged, 0, A.instrument(Face::Yes), contracts(a), Nanos(1)),
        Progress::Open
    );
    let progress = end(&mut legged, 1, B.instrument(Face::No), contracts(b), Nanos(1));
    (legged, progress)
}

fn attempt(legged: &mut Legged, market: &Script, now: Nanos) -> Attempt {
    legged.attempt(0, |_| false, &mut &*market, now)
}

fn wants(legged: &Legged) -> Vec<(InstrumentId, u32, u64)> {
    let want = |intent: &Intent| (intent.instrument, intent.limit.micro() / 100, intent.qty);
    let wants = legged.intents().iter().map(want);
    wants.map(|(id, pips, qty)| (id, pips, qty.micro() / 1_000_000)).collect()
}

const NOW: Nanos = Nanos::from_millis(100);

#[test]
fn equal_legs_and_empty_ones_are_over() {
    for count in [0, 10] {
        let (legged, progress) = filled(count, count);
        assert_eq!((progress, legged.legged_count()), (Progress::Even(None), 0));
        assert_eq!(legged.naked(TRADE), None);
    }
}

#[test]
fn the_missing_leg_is_bought_when_that_loses_less() {
    // A cost 0.42; NO on B is 0.585 (YES bid 0.415), A's bid 0.40: 0.415 against 0.40.
    let mut market = Script::new(2);
    market.show(A, &[(4_000, 50)], &[(4_300, 50)]);
    market.show(B, &[(4_150, 50)], &[(4_300, 50)]);
    let (mut legged, progress) = filled(10, 0);
    assert_eq!((progress, legged.legged_count()), (Progress::Legged, 1));
    assert_eq!(attempt(&mut legged, &market, NOW), Attempt::Send { decision: 3 });
    let no = B.instrument(Face::No);
    assert_eq!(wants(&legged), [(no, 5_850, 10)]);
    assert_eq!(attempt(&mut legged, &market, NOW.plus(DEADLINE)), Attempt::Idle, "under way");
    let over = end(&mut legged, 1, no, contracts(10), NOW);
    assert_eq!((over, legged.legged_count()), (Progress::Even(Some(LeggedEnd::Completed)), 0));
}

fn fill_of(contracts_count: u64) -> Fill {
    let (price, qty) = (Price::from_pips(5_000).unwrap(), contracts(contracts_count));
    Fill { number: 1, price, qty, delivered: qty, fee: Exact::ZERO }
}

/// Ten of each leg, on venues that settle later.
fn unsettled() -> Legged {
    let mut legged = pair();
    legged.settle_later();
    let [yes, no] = [A.instrument(Face::Yes), B.instrument(Face::No)];
    assert_eq!(end(&mut legged, 0, yes, contracts(10), NOW), Progress::Open);
    assert_eq!(end(&mut legged, 1, no, contracts(10), NOW), Progress::Even(None));
    legged
}

#[test]
fn a_trade_is_followed_until_nothing_can_be_taken_back() {
    let mut legged = unsettled();
    assert!(legged.naked(TRADE).is_some(), "equal, and not settled");
    let yes = A.instrument(Face::Yes);
    let no = B.instrument(Face::No);
    assert_eq!(legged.on_report(&report(0, yes, ReportKind::Settled), NOW), Progress::Open);
    assert!(legged.naked(TRADE).is_some());
    assert_eq!(legged.on_report(&report(1, no, ReportKind::Settled), NOW), Progress::Open);
    assert_eq!(legged.naked(TRADE), None);
}

#[test]
fn a_fill_that_is_taken_back_opens_the_trade_again() {
    let mut legged = unsettled();
    let yes = A.instrument(Face::Yes);
    let back = ReportKind::Reversed(fill_of(10));
    assert_eq!(legged.on_report(&report(0, yes, back), NOW), Progress::Legged);
    assert_eq!((legged.naked(TRADE), legged.legged_count()), (Some(contracts(10)), 1));
    let mut market = Script::new(2);
    market.show(A, &[(4_000, 50)], &[(4_100, 50)]);
    market.show(B, &[(4_150, 50)], &[(4_300, 50)]);
    assert!(matches!(attempt(&mut legged, &market, NOW), Attempt::Send { .. }));
    assert_eq!(wants(&legged), [(yes, 4_100, 10)]);
    let over = end(&mut legged, 0, yes, contracts(10), NOW);
    assert_eq!(over, Progress::Even(Some(LeggedEnd::Completed)));
}

#[test]
fn a_fill_that_comes_after_the_end_opens_it_too() {
    let mut legged = unsettled();
    let yes = A.instrument(Face::Yes);
    let late = ReportKind::Filled(fill_of(3));
    assert_eq!(legged.on_report(&report(0, yes, late), NOW), Progress::Legged);
    assert_eq!(legged.naked(TRADE), Some(contracts(3)));
}

#[test]
fn held_back_legs_follow_what_the_uncertain_one_got() {
    let mut legged = pair();
    legged.stage(TRADE, 1);
    let [yes, no] = [A.instrument(Face::Yes), B.instrument(Face::No)];
    assert_eq!(end(&mut legged, 0, yes, contracts(7), NOW), Progress::Open, "as it is meant");
    let mut market = Script::new(2);
    market.show(A, &[(4_000, 50)], &[(4_100, 50)]);
    market.show(B, &[(4_700, 50)], &[(4_900, 50)]);
    assert!(matches!(attempt(&mut legged, &market, NOW), Attempt::Send { .. }));
    assert_eq!(wants(&legged), [(no, 5_300, 7)]);
    assert_eq!(end(&mut legged, 1, no, contracts(7), NOW), Progress::Even(None));
    assert_eq!(legged.take_loss(), None);

    let mut legged = pair();
    legged.stage(TRADE, 1);
    assert_eq!(end(&mut legged, 0, yes, Qty::ZERO, NOW), Progress::Even(None), "nothing came");
}

#[test]
fn a_legged_trade_tells_what_it_lost_per_contract() {
    let (mut legged, progress) = filled(10, 0);
    assert_eq!(progress, Progress::Legged);
    let mut market = Script::new(2);
    market.show(A, &[(4_000, 50)], &[(4_300, 50)]);
    assert!(matches!(attempt(&mut legged, &market, NOW.plus(DEADLINE)), Attempt::Send { .. }));
    // Paid 0.50, and left by buying the complement at 0.60: a dime of each payout is gone.
    let no = A.instrument(Face::No);
    let mut fill = fill_of(10);
    fill.price = Price::from_pips(6_000).unwrap();
    legged.on_report(&report(0, no, ReportKind::Filled(fill)), NOW);
    let closed = Closed { end: OrderEnd::Filled, filled: fill.qty, adjustment: Exact::ZERO };
    let over = legged.on_report(&report(0, no, ReportKind::Closed(closed)), NOW);
    assert_eq!(over, Progress::Even(Some(LeggedEnd::Unwound)));
    let ten_cents = UNIT_PAYOUT / 10;
    assert_eq!(legged.take_loss(), Some((A.instrument(Face::Yes), ten_cents)));
}

#[test]
fn fees_decide_between_the_two() {
    // NO on B at 0.57 with a fee of 0.015 is 0.585 all in; before fees it would beat both bids.
    for (bid, wanted) in [(4_000, B.instrument(Face::No)), (4_200, A.instrument(Face::No))] {
        let mut market = Script::new(2);
        market.fees[1] = FeeSchedule::polymarket(Rate::from_ppm(61_200).unwrap(), 1);
        market.show(A, &[(bid, 50)], &[(4_400, 50)]);
        market.show(B, &[(4_300, 50)], &[(4_500, 50)]);
        let (mut legged, _) = filled(10, 0);
        assert!(matches!(attempt(&mut legged, &market, NOW), Attempt::Send { .. }));
        assert_eq!(wants(&legged)[0].0, wanted);
    }
}

#[test]
fn the_excess_is_left_when_that_loses_less() {
    let mut market = Script::new(2);
    market.show(A, &[(4_000, 6), (3_900, 50)], &[(4_300, 50)]);
    market.show(B, &[(3_000, 50)], &[(3_300, 50)]);
    let (mut legged, _) = filled(10, 0);
    assert!(matches!(attempt(&mut legged, &market, NOW), Attempt::Send { .. }));
    // Sold at 0.39 or better: NO at 0.61, the worst level that is walked.
    let no = A.instrument(Face::No);
    assert_eq!(wants(&legged), [(no, 6_100, 10)]);
    assert_eq!(end(&mut legged, 0, no, contracts(4), NOW), Progress::Open);
    assert_eq!(legged.naked(TRADE), Some(contracts(6)));
    // Nothing has changed at the books, but orders have ended: one more look, then the gap.
    assert_eq!(attempt(&mut legged, &market, NOW.plus(Nanos(1))), Attempt::Idle);
    let later = NOW.plus(ATTEMPT_GAP);
    assert!(matches!(attempt(&mut legged, &market, later), Attempt::Send { .. }));
    assert_eq!(wants(&legged), [(no, 6_000, 6)]);
    let over = end(&mut legged, 0, no, contracts(6), later);
    assert_eq!(over, Progress::Even(Some(LeggedEnd::Unwound)));
}

#[test]
fn a_shortfall_is_completed_as_far_as_that_is_better_and_unwound_beyond() {
    let mut market = Script::new(2);
    market.show(A, &[(4_000, 50)], &[(4_300, 50)]);
    // NO on B: 3 at 0.585, the rest at 0.70.
    market.show(B, &[(4_150, 3), (3_000, 50)], &[(4_300, 50)]);
    let (mut legged, _) = filled(9, 2);
    assert!(matches!(attempt(&mut legged, &market, NOW), Attempt::Send { .. }));
    let (left, bought) = (A.instrument(Face::No), B.instrument(Face::No));
    assert_eq!(wants(&legged), [(left, 6_000, 4), (bought, 5_850, 3)]);
    assert_eq!(end(&mut legged, 0, left, contracts(4), NOW), Progress::Open);
    let over = end(&mut legged, 1, bought, contracts(3), NOW);
    assert_eq!(over, Progress::Even(Some(LeggedEnd::Completed)));
}

#[test]
fn a_gapped_book_is_waited_for_until_the_deadline() {
    let mut market = Script::new(2);
    market.show(A, &[(4_000, 50)], &[(4_300, 50)]);
    market.mark(B, BookStatus::Gapped);
    let (mut legged, _) = filled(10, 0);
    assert_eq!(attempt(&mut legged, &market, NOW), Attempt::Idle);
    let late = NOW.plus(DEADLINE);
    assert!(matches!(attempt(&mut legged, &market, late), Attempt::Send { .. }));
    assert_eq!(wants(&legged), [(A.instrument(Face::No), 6_000, 10)]);
}

#[test]
fn past_the_deadline_it_is_unwound_at_whatever_the_book_gives() {
    let mut market = Script::new(2);
    market.show(A, &[], &[(4_300, 50)]);
    market.show(B, &[], &[(4_300, 50)]);
    let (mut legged, _) = filled(10, 0);
    assert_eq!(attempt(&mut legged, &market, NOW), Attempt::Idle, "nothing to trade against");
    let late = NOW.plus(DEADLINE);
    market.show(A, &[(500, 50)], &[(4_300, 50)]);
    market.show(B, &[(4_150, 50)], &[(4_300, 50)]);
    assert!(matches!(attempt(&mut legged, &market, late), Attempt::Send { .. }));
    assert_eq!(wants(&legged), [(A.instrument(Face::No), 9_500, 10)]);
}

#[test]
fn an_unchanged_book_is_looked_at_once_a_gap_and_not_acted_on() {
    let mut market = Script::new(2);
    market.show(A, &[], &[]);
    market.show(B, &[], &[]);
    let (mut legged, _) = filled(10, 0);
    assert_eq!(attempt(&mut legged, &market, NOW), Attempt::Idle);
    assert!(!legged.is_due(NOW.plus(Nanos(1))));
    let later = NOW.plus(ATTEMPT_GAP);
    assert!(legged.is_due(later));
    assert_eq!(attempt(&mut legged, &market, later), Attempt::Idle);
    assert_eq!(legged.slots[0].legged.unwrap().looked_at, later);
    market.show(B, &[(4_150, 50)], &[]);
    assert_eq!(attempt(&mut legged, &market, later), Attempt::Idle);
    let again = later.plus(ATTEMPT_GAP);
    assert!(matches!(attempt(&mut legged, &market, again), Attempt::Send { .. }));
    assert!(!legged.is_due(again.plus(ATTEMPT_GAP)), "an order is under way");
}

#[test]
fn less_than_the_venue_takes_stays_with_the_portfolio() {
    let mut market = Script::new(2);
    market.rules.min_qty = contracts(5);
    market.show(A, &[(4_000, 50)], &[(4_300, 50)]);
    market.show(B, &[(4_150, 50)], &[(4_300, 50)]);
    let (mut legged, _) = filled(10, 7);
    assert_eq!(attempt(&mut legged, &market, NOW), Attempt::Idle);
    let late = NOW.plus(DEADLINE);
    assert_eq!(attempt(&mut legged, &market, late), Attempt::Ended(LeggedEnd::Left));
    assert_eq!((legged.legged_count(), legged.naked(TRADE)), (0, None));
}

#[test]
fn a_settled_leg_ends_it_and_a_full_house_takes_no_trade() {
    let market = Script::new(2);
    let (mut legged, _) = filled(10, 0);
    let one = || [(A.instrument(Face::Yes), 1_000_000, contracts(1))].into_iter();
    assert!(legged.open(TradeId(8), 4, UNIT_PAYOUT, one()));
    assert!(!legged.has_room() && !legged.open(TradeId(9), 5, UNIT_PAYOUT, one()));
    let settled = |id: InstrumentId| id.book() == B;
    assert_eq!(legged.attempt(0, settled, &mut &market, NOW), Attempt::Ended(LeggedEnd::Left));
    assert!(legged.has_room());
}

#[test]
fn legs_that_never_left_end_like_orders() {
    let mut legged = pair();
    assert_eq!(legged.on_refused(TRADE, NOW), Progress::Open);
    let over = end(&mut legged, 0, A.instrument(Face::Yes), contracts(3), NOW);
    assert_eq!((over, legged.naked(TRADE)), (Progress::Legged, Some(contracts(3))));
}

/// Pips and contracts, best first.
type Levels = Vec<(u32, u64)>;

/// What a random book shows: one to three levels a side that do not cross, or nothing.
fn any_book() -> impl Strategy<Value = (Levels, Levels, bool)> {
    let side = || prop::collection::vec((1_u32..40, 1_u64..20), 0..4);
    (side(), side(), 0_u32..30, 0_u8..5).prop_map(|(bids, asks, gap, live)| {
        let (mut bid, mut ask) = (5_000, 5_000 + gap * 10);
        let bids = bids.into_iter().map(|(step, qty)| {
            bid -= step * 10;
            (bid, qty)
        });
        let asks = asks.into_iter().map(|(step, qty)| {
            ask += step * 10;
            (ask, qty)
        });
        (bids.collect(), asks.collect(), live > 0)
    })
}

/// What we hold of each leg by the orders that were sent.
struct Ledger {
    ids: Vec<InstrumentId>,
    ratios: Vec<u32>,
    held: Vec<u64>,
}

impl Ledger {
    /// Contracts beyond whole baskets, summed.
    fn naked(&self) -> u64 {
        let baskets = |(held, ratio): (&u64, &u32)| held * 1_000_000 / u64::from(*ratio);
        let low = self.held.iter().zip(&self.ratios).map(baskets).min().unwrap();
        let of = |(held, ratio): (&u64, &u32)| held - low * u64::from(*ratio) / 1_000_000;
        self.held.iter().zip(&self.ratios).map(of).sum()
    }

    /// Executes one sent purchase in part and checks that it was for less than what was unequal.
    fn execute(&mut self, intent: &Intent, percent: u64) -> Qty {
        let leg = usize::from(intent.leg_index);
        let whole = intent.qty.micro() / 1_000_000;
        let micro = (whole * percent / 100) * 1_000_000;
        if intent.instrument == self.ids[leg] {
            self.held[leg] += micro;
        } else {
            assert_eq!(intent.instrument, self.ids[leg].complement());
            let before = self.naked();
            assert!(intent.qty.micro() <= self.held[leg], "leaves more than is held");
            self.held[leg] -= micro;
            assert!(self.naked() <= before, "unwinding has made it larger");
        }
        Qty::from_micro(micro).unwrap()
    }
}

fn run_attempt(
    legged: &mut Legged,
    market: &Script,
    ledger: &mut Ledger,
    now: Nanos,
    percents: &[u64],
) {
    if !matches!(attempt(legged, market, now), Attempt::Send { .. }) {
        return;
    }
    let intents = legged.intents().to_vec();
    let top = ledger.held.clone();
    assert!(!intents.is_empty());
    let peak = ledger.naked();
    for (intent, percent) in intents.iter().zip(percents.iter().cycle()) {
        let late = now.plus(DEADLINE);
        assert_eq!(attempt(legged, market, late), Attempt::Idle, "a third order under way");
        let qty = ledger.execute(intent, *percent);
        end(legged, intent.leg_index, intent.instrument, qty, now);
    }
    assert!(ledger.held.iter().max() <= top.iter().max(), "bought beyond the largest leg");
    assert!(ledger.naked() <= peak.max(top.iter().sum()));
    if let Some(naked) = legged.naked(TRADE) {
        assert_eq!(naked.micro(), ledger.naked());
    }
}

proptest! {
    #[test]
    fn whatever_the_books_do_it_ends_hedged_or_flat(
        double in any::<bool>(),
        fills in prop::collection::vec(0_u64..20, 3),
        script in prop::collection::vec((any_book(), any_book(), any_book(), 0_u64..900), 0..12),
        percents in prop::collection::vec(0_u64..=100, 1..6),
    ) {
        let ids: Vec<_> = [Face::Yes, Face::No, Face::Yes]
            .into_iter()
            .zip(0..)
            .map(|(face, book)| BookId(book).instrument(face))
            .collect();
        // A leg with two contracts a basket is filled by twos: venues trade whole contracts.
        let ratios = vec![1_000_000, if double { 2_000_000 } else { 1_000_000 }, 1_000_000];
        let mut legged = Legged::new(1, 3);
        let legs = ids.iter().zip(&ratios).map(|(id, ratio)| (*id, *ratio, contracts(1)));
        prop_assert!(legged.open(TRADE, 1, UNIT_PAYOUT, legs));
        let mut ledger = Ledger { ids: ids.clone(), ratios, held: vec![0; 3] };
        for (leg, (id, fill)) in (0_u16..).zip(ids.iter().zip(&fills)) {
            ledger.held[usize::from(leg)] = fill * 1_000_000;
            end(&mut legged, leg, *id, contracts(*fill), Nanos(1));
        }
        let (mut market, mut now) = (Script::new(3), NOW);
        for (a, b, c, pause) in &script {
            for (book, (bids, asks, live)) in (0..).zip([a, b, c]) {
                market.show(BookId(book), bids, asks);
                if !live {
                    market.mark(BookId(book), BookStatus::Gapped);
                }
            }
            run_attempt(&mut legged, &market, &mut ledger, now, &percents);
            now = now.plus(Nanos::from_millis(*pause));
        }
        for _ in 0..8 {
            for book in 0..3 {
                market.show(BookId(book), &[(4_900, 100)], &[(5_100, 100)]);
            }
            now = now.plus(ATTEMPT_GAP);
            run_attempt(&mut legged, &market, &mut ledger, now, &[100]);
        }
        prop_assert_eq!(legged.naked(TRADE), None);
        // Half a basket of a leg of two is one lot: each leg may keep less than one.
        let crumbs = if double { 3_000_000 } else { 1 };
        prop_assert!(ledger.naked() < crumbs);
    }
}

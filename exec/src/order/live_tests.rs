use super::*;
use crate::intent::TradeId;
use crate::order::fills::{Settlement, TradeKey};
use dutchbook_book::{InstrumentId, Price, Side};
use proptest::prelude::*;

const SENT: Nanos = Nanos(1_000_000_000);

fn qty(contracts: u64) -> Qty {
    Qty::from_contracts(contracts).unwrap()
}

fn intent() -> Intent {
    Intent {
        trade: TradeId(1),
        leg_index: 0,
        instrument: InstrumentId(4),
        side: Side::Buy,
        limit: Price::from_pips(4_500).unwrap(),
        qty: qty(10),
        deadline: Nanos(100),
        ts_decision: Nanos(1),
    }
}

fn order() -> LiveOrder {
    LiveOrder::new(OrderId(7), intent(), false)
}

fn sent() -> LiveOrder {
    let mut order = order();
    order.learn(&Evidence::Journalled);
    order.send(SENT).unwrap();
    order
}

fn news(trade: u128, contracts: u64, settlement: Settlement) -> FillNews {
    let price = Price::from_pips(4_400).unwrap();
    let fee = Exact::from_pico(5);
    FillNews { trade: TradeKey(trade), price, qty: qty(contracts), fee, settlement }
}

fn fill(trade: u128, contracts: u64, settlement: Settlement) -> Evidence {
    Evidence::Fill(news(trade, contracts, settlement))
}

/// The state after each piece of news.
fn states(order: &mut LiveOrder, evidence: &[Evidence]) -> Vec<LiveState> {
    let after = |evidence| {
        order.learn(evidence);
        order.state()
    };
    evidence.iter().map(after).collect()
}

#[test]
fn an_order_goes_out_once_and_only_from_the_journal() {
    let mut order = order();
    assert_eq!(order.send(SENT), Err(NotSendable(LiveState::Intended)));
    order.learn(&Evidence::Journalled);
    assert_eq!(order.state(), LiveState::Journalled);
    order.send(SENT).unwrap();
    assert_eq!(order.send(SENT), Err(NotSendable(LiveState::Sent)));
    order.learn(&Evidence::NoAnswer);
    assert_eq!(order.send(SENT), Err(NotSendable(LiveState::Unknown)), "no blind retry");
    order.learn(&Evidence::Refused);
    assert_eq!(order.send(SENT), Err(NotSendable(LiveState::Rejected)));
}

#[test]
fn a_resting_order_fills_settles_and_is_confirmed() {
    let mut order = sent();
    let way = [
        Evidence::Acknowledged,
        Evidence::Resting,
        fill(1, 4, Settlement::Provisional),
        fill(2, 6, Settlement::Provisional),
        fill(1, 4, Settlement::Mined),
        fill(1, 4, Settlement::Confirmed),
        fill(2, 6, Settlement::Confirmed),
    ];
    use LiveState::*;
    let expected = [Acknowledged, Resting, PartiallyFilled, Matched, Matched, Matched, Confirmed];
    assert_eq!(states(&mut order, &way), expected);
    assert_eq!((order.filled(), order.notional().to_string()), (qty(10), "4.4".to_owned()));
    assert_eq!(order.fee(), Exact::from_pico(10));
    assert!(order.contradictions().is_empty());
}

#[test]
fn kalshis_created_with_nothing_filled_and_nothing_left_is_dead() {
    let mut order = sent();
    let dead = Evidence::Ended(End::Cancelled, Some(Qty::ZERO));
    assert_eq!(
        states(&mut order, &[Evidence::Acknowledged, dead]).pop(),
        Some(LiveState::Cancelled)
    );
    assert_eq!((order.is_dead(), order.need()), (true, Need::Nothing));
}

#[test]
fn an_answer_that_tells_of_fills_waits_for_the_trades_themselves() {
    let mut order = sent();
    let done = Evidence::Ended(End::Cancelled, Some(qty(3)));
    assert_eq!(states(&mut order, &[done]), [LiveState::Matched]);
    assert_eq!(order.need(), Need::Fills);
    assert_eq!(order.filled(), Qty::ZERO, "nothing is booked that has no trade");
    let change = order.learn(&fill(1, 3, Settlement::Confirmed));
    assert_eq!(change, Some(FillChange::Counted(news(1, 3, Settlement::Confirmed))));
    assert_eq!((order.state(), order.need()), (LiveState::Cancelled, Need::Nothing));
}

#[test]
fn no_answer_is_resolved_by_looking_up() {
    // Found: it lives as if it had been answered.
    let mut found = sent();
    assert_eq!(states(&mut found, &[Evidence::NoAnswer]), [LiveState::Unknown]);
    assert_eq!((found.need(), found.is_dead()), (Need::LookUp, false));
    assert_eq!(states(&mut found, &[Evidence::Resting]), [LiveState::Resting]);
    // Not found at first: the venue's records lag, so that proves nothing yet.
    let mut absent = sent();
    let early = SENT.plus(Nanos(360_000_000));
    let way = [Evidence::NoAnswer, Evidence::NotFound(early)];
    assert_eq!(states(&mut absent, &way), [LiveState::Unknown; 2]);
    assert_eq!(absent.need(), Need::LookUp);
    let late = Evidence::NotFound(SENT.plus(LOOK_UP_LAG));
    assert_eq!(states(&mut absent, &[late]), [LiveState::Rejected]);
    assert_eq!((absent.is_dead(), absent.need()), (true, Need::Nothing));
    // It comes to light after all: it counts, and somebody must look.
    absent.learn(&fill(1, 2, Settlement::Confirmed));
    assert_eq!((absent.state(), absent.filled()), (LiveState::PartiallyFilled, qty(2)));
}

#[test]
fn a_cancel_that_finds_nothing_needs_a_look_up() {
    let mut order = sent();
    states(&mut order, &[Evidence::Resting, Evidence::CancelFoundNothing]);
    assert_eq!((order.state(), order.need()), (LiveState::Resting, Need::LookUp));
    // It had been filled meanwhile.
    let mut filled = order.clone();
    states(&mut filled, &[Evidence::Ended(End::Filled, Some(qty(10)))]);
    assert_eq!((filled.state(), filled.need()), (LiveState::Matched, Need::Fills));
    // Or cancelled by the venue.
    states(&mut order, &[Evidence::Ended(End::Cancelled, Some(Qty::ZERO))]);
    assert_eq!((order.state(), order.need()), (LiveState::Cancelled, Need::Nothing));
    // A cancel that went out before the order was answered.
    let mut early = sent();
    assert_eq!(states(&mut early, &[Evidence::CancelFoundNothing]), [LiveState::Unknown]);
}

#[test]
fn an_end_without_a_total_is_not_the_last_word() {
    // A cancel that was taken says nothing of trades made just before it.
    let mut order = sent();
    states(&mut order, &[Evidence::Resting, Evidence::Ended(End::Cancelled, None)]);
    assert_eq!((order.state(), order.need()), (LiveState::Matched, Need::LookUp));
    states(&mut order, &[Evidence::Ended(End::Cancelled, Some(qty(1)))]);
    assert_eq!((order.state(), order.need()), (LiveState::Matched, Need::Fills));
    states(&mut order, &[fill(1, 1, Settlement::Confirmed)]);
    assert_eq!((order.state(), order.need()), (LiveState::Cancelled, Need::Nothing));
    // A match without amounts.
    let mut matched = sent();
    states(&mut matched, &[Evidence::Traded]);
    assert_eq!((matched.state(), matched.need()), (LiveState::Acknowledged, Need::LookUp));
    states(&mut matched, &[Evidence::Filled(qty(2))]);
    assert_eq!((matched.state(), matched.need()), (LiveState::PartiallyFilled, Need::Fills));
}

#[test]
fn a_lagging_look_up_does_not_bring_an_order_back() {
    let mut order = sent();
    let over = Evidence::Ended(End::Cancelled, Some(qty(2)));
    states(&mut order, &[Evidence::Resting, fill(1, 2, Settlement::Confirmed), over]);
    assert_eq!(order.state(), LiveState::Cancelled);
    // 360 ms after the cancel was acknowledged the records still showed it.
    states(&mut order, &[Evidence::Resting, Evidence::Filled(Qty::ZERO)]);
    assert_eq!((order.state(), order.filled()), (LiveState::Cancelled, qty(2)));
}

#[test]
fn a_provisional_fill_that_fails_is_reversed_once() {
    let mut order = sent();
    let counted = order.learn(&fill(1, 10, Settlement::Provisional));
    assert_eq!(counted, Some(FillChange::Counted(news(1, 10, Settlement::Provisional))));
    assert_eq!(order.state(), LiveState::Matched);
    let reversed = order.learn(&fill(1, 10, Settlement::Failed));
    assert_eq!(reversed, Some(FillChange::Reversed(news(1, 10, Settlement::Failed))));
    assert_eq!((order.state(), order.filled()), (LiveState::Failed, Qty::ZERO));
    // Told again, told late, told in the old state: nothing changes.
    for again in [Settlement::Failed, Settlement::Provisional, Settlement::Confirmed] {
        assert_eq!(order.learn(&fill(1, 10, again)), None);
        assert_eq!((order.state(), order.filled()), (LiveState::Failed, Qty::ZERO));
    }
    // One that is first heard of as failed was never ours.
    assert_eq!(sent().learn(&fill(2, 1, Settlement::Failed)), None);
}

#[test]
fn what_contradicts_is_counted_and_said() {
    let mut refused = sent();
    states(&mut refused, &[Evidence::Refused, fill(1, 2, Settlement::Confirmed)]);
    assert_eq!((refused.state(), refused.filled()), (LiveState::PartiallyFilled, qty(2)));
    assert!(refused.contradictions().contains(Contradictions::REFUSED_AND_ALIVE));
    let mut over = sent();
    states(&mut over, &[fill(1, 8, Settlement::Confirmed), fill(2, 8, Settlement::Confirmed)]);
    assert_eq!(over.filled(), qty(16));
    assert!(over.contradictions().contains(Contradictions::OVERFILLED));
    let mut differs = sent();
    states(&mut differs, &[fill(1, 3, Settlement::Mined), fill(1, 4, Settlement::Mined)]);
    assert_eq!(differs.filled(), qty(3));
    assert!(differs.contradictions().contains(Contradictions::FILL_DIFFERS));
    let mut dear = sent();
    let price = Price::from_pips(4_600).unwrap();
    dear.learn(&Evidence::Fill(FillNews { price, ..news(1, 1, Settlement::Mined) }));
    assert!(dear.contradictions().contains(Contradictions::PAST_LIMIT));
    let mut less = sent();
    let ended = Evidence::Ended(End::Cancelled, Some(qty(1)));
    states(&mut less, &[fill(1, 3, Settlement::Confirmed), ended]);
    assert!(less.contradictions().contains(Contradictions::TOTAL_DIFFERS));
    assert_eq!((less.state(), less.need()), (LiveState::Matched, Need::LookUp));
    // The record had lagged.
    states(&mut less, &[Evidence::Ended(End::Cancelled, Some(qty(3)))]);
    assert_eq!((less.state(), less.contradictions().is_empty()), (LiveState::Cancelled, true));
}

#[test]
fn an_order_that_spends_a_budget_may_get_more_contracts() {
    let mut order = LiveOrder::new(OrderId(7), intent(), true);
    states(&mut order, &[Evidence::Sent(SENT), fill(1, 10, Settlement::Confirmed)]);
    assert_eq!(order.state(), LiveState::PartiallyFilled, "the budget is not spent yet");
    let ended = Evidence::Ended(End::Filled, Some(qty(11)));
    states(&mut order, &[fill(2, 1, Settlement::Confirmed), ended]);
    assert_eq!((order.state(), order.filled()), (LiveState::Confirmed, qty(11)));
    assert!(order.contradictions().is_empty());
}

/// A venue that plays a whole life of an order by a script of random numbers: what is true in the
/// end, and everything that the sources may say of it on the way.
#[derive(Clone, Debug)]
struct Life {
    evidence: Vec<Evidence>,
    state: LiveState,
    filled: Qty,
}

fn settlements(fails: bool) -> Vec<Settlement> {
    let last = if fails { Settlement::Failed } else { Settlement::Confirmed };
    vec![Settlement::Provisional, Settlement::Mined, last]
}

fn life() -> impl Strategy<Value = Life> {
    let trades = proptest::collection::vec((1_u64..4, any::<bool>()), 0..4);
    (trades, any::<bool>(), any::<bool>()).prop_map(|(trades, expires, doubt)| {
        let mut evidence = vec![Evidence::Sent(SENT), Evidence::Acknowledged, Evidence::Resting];
        if doubt {
            evidence.extend([Evidence::NoAnswer, Evidence::CancelFoundNothing]);
            evidence.push(Evidence::NotFound(SENT.plus(Nanos(1))));
        }
        let (mut total, mut good) = (0, 0);
        for (index, (contracts, fails)) in trades.iter().enumerate() {
            let contracts = (*contracts).min(10 - total);
            if contracts == 0 {
                break;
            }
            total += contracts;
            good += if *fails { 0 } else { contracts };
            let news = settlements(*fails).into_iter();
            evidence.extend(news.map(|step| fill(index as u128, contracts, step)));
            evidence.push(Evidence::Filled(qty(total)));
        }
        let end = match (total, expires) {
            (10, _) => End::Filled,
            (_, true) => End::Expired,
            (_, false) => End::Cancelled,
        };
        evidence.push(Evidence::Ended(end, Some(qty(total))));
        let state = match (total, good, end) {
            (1.., 0, _) => LiveState::Failed,
            (_, _, End::Filled) => LiveState::Confirmed,
            (_, _, End::Expired) => LiveState::Expired,
            (_, _, End::Cancelled) => LiveState::Cancelled,
        };
        Life { evidence, state, filled: qty(good) }
    })
}

/// The life's news in another order, some of it more than once.
fn shuffled() -> impl Strategy<Value = (Life, Vec<Evidence>)> {
    life().prop_flat_map(|life| {
        let all = life.evidence.clone();
        let twice = proptest::sample::subsequence(all.clone(), 0..=all.len());
        twice
            .prop_map(move |twice| [all.clone(), twice].concat())
            .prop_shuffle()
            .prop_map(move |news| (life.clone(), news))
    })
}

proptest! {
    #[test]
    fn any_order_and_repetition_of_the_news_gives_the_same_end((life, news) in shuffled()) {
        let mut order = order();
        let (mut counted, mut reversed, mut settled) = (0_u64, 0_u64, 0_u64);
        for evidence in &news {
            match order.learn(evidence) {
                Some(FillChange::Counted(fill)) => counted += fill.qty.micro(),
                Some(FillChange::Reversed(fill)) => reversed += fill.qty.micro(),
                Some(FillChange::Settled(_)) => settled += 1,
                None => {}
            }
            // Whoever booked the changes so far has what the order says.
            prop_assert_eq!(counted - reversed, order.filled().micro());
        }
        prop_assert_eq!(order.state(), life.state);
        prop_assert_eq!(order.filled(), life.filled);
        prop_assert_eq!(order.need(), Need::Nothing);
        prop_assert!(order.contradictions().is_empty());
        prop_assert!(settled <= 4);
    }

    #[test]
    fn nothing_that_is_learnt_is_ever_forgotten((_, news) in shuffled()) {
        let mut order = order();
        let mut before = 0;
        for evidence in &news {
            order.learn(evidence);
            let known = order.fills.known().micro();
            prop_assert!(known >= before);
            before = known;
        }
        let told = order.clone();
        for evidence in &news {
            prop_assert_eq!(order.learn(evidence), None, "everything was told before");
        }
        prop_assert_eq!(order.state(), told.state());
    }
}

//! Answers to our requests, read and turned into evidence. Any of them may be wrong, late, repeated
//! or missing; what cannot be read proves nothing.

use alloy_primitives::B256;
use dutchbook_book::{Nanos, VenueId};
use dutchbook_exec::order::fills::TradeKey;
use dutchbook_exec::order::live::{End, Evidence, LOOK_UP_LAG};
use dutchbook_exec::venue::polymarket::order::OrderType;
use dutchbook_exec::venue::polymarket::reply::{PostOutcome, TradePart};
use dutchbook_exec::venue::{kalshi, polymarket};
use dutchbook_exec::{OrderId, RejectReason};

use super::money::{Balance, Met, taker_cost};
use super::requests::{Asked, Pending};
use super::{Desk, Wire, Word, records};
use crate::journal::JournalWriter;
use crate::request::{Answer, RequestId};

/// How long nothing is sent to a venue that restarts and does not say for how long.
const RESTART: Nanos = Nanos::from_secs(2);
/// How long nothing is sent to a venue that had too much of us.
const THROTTLED: Nanos = Nanos::from_millis(1_000);
/// The longest wait that a venue may ask for.
const SHUT_MAX: Nanos = Nanos::from_secs(600);

/// A whole reply.
#[derive(Clone, Copy, Debug)]
struct Reply<'a> {
    status: u16,
    retry_after: Option<Nanos>,
    body: &'a [u8],
}

impl Reply<'_> {
    const fn is_success(&self) -> bool {
        self.status >= 200 && self.status < 300
    }
}

impl Desk {
    /// Takes what became of a request.
    pub fn on_answer(
        &mut self,
        id: RequestId,
        answer: &Answer<'_>,
        journal: &mut JournalWriter,
        now: Nanos,
    ) {
        let Some(pending) = self.requests.close(id) else {
            self.counts.strange += 1;
            return;
        };
        let reply = match *answer {
            Answer::Reply { status, retry_after, body } => Reply { status, retry_after, body },
            Answer::Lost | Answer::NotSent => {
                return self.on_no_answer(&pending, answer, journal, now);
            }
        };
        self.note_limits(&pending, &reply, now);
        let is_polymarket = self
            .door_mut(pending.venue)
            .is_some_and(|door| matches!(door.wire, Wire::Polymarket(_)));
        match (pending.asked, is_polymarket) {
            (Asked::Place, true) => self.placed_polymarket(&pending, &reply, journal, now),
            (Asked::Place, false) => self.placed_kalshi(&pending, &reply, journal, now),
            (Asked::Cancel, _) => self.cancelled(&pending, is_polymarket, &reply, journal, now),
            (Asked::LookUp, _) => self.looked_up(&pending, is_polymarket, &reply, journal, now),
            (Asked::List, _) => self.listed(&pending, &reply, journal, now),
            (Asked::Fills, true) => self.trades(&pending, &reply, journal, now),
            (Asked::Fills, false) => self.fills(&pending, &reply, journal, now),
            (Asked::Balance, _) => self.balance(&pending, &reply, journal, now),
            (Asked::Heartbeat, _) => self.beaten(pending.venue, &reply),
        }
    }

    /// Nobody answered: whether its orders arrived is known only where they certainly did not.
    fn on_no_answer(
        &mut self,
        pending: &Pending,
        answer: &Answer<'_>,
        journal: &mut JournalWriter,
        now: Nanos,
    ) {
        if pending.asked != Asked::Place {
            return;
        }
        for order in &pending.orders {
            let Some(at) = self.orders.of_id(*order) else { continue };
            if *answer == Answer::NotSent {
                self.refused(at, RejectReason::NotSent, journal, now);
            } else {
                self.learn(at, Evidence::NoAnswer, 0, journal, now);
            }
        }
    }

    /// What a status says of the venue: too many requests, or no orders for a while.
    fn note_limits(&mut self, pending: &Pending, reply: &Reply<'_>, now: Nanos) {
        let Some(door) = self.door_mut(pending.venue) else { return };
        let asks = |usual: Nanos| reply.retry_after.unwrap_or(usual).min(SHUT_MAX);
        match (reply.status, pending.asked) {
            (429, Asked::Place) => {
                door.order_bucket_mut().0.refused(now);
                door.shut_until = door.shut_until.max(now.plus(asks(THROTTLED)));
            }
            (425 | 503, Asked::Place) => {
                door.shut_until = door.shut_until.max(now.plus(asks(RESTART)));
            }
            _ => {}
        }
    }

    fn placed_polymarket(
        &mut self,
        pending: &Pending,
        reply: &Reply<'_>,
        journal: &mut JournalWriter,
        now: Nanos,
    ) {
        let count = pending.orders.len();
        let outcomes = match count {
            1 => vec![polymarket::reply::posted(reply.status, reply.body)],
            _ => polymarket::reply::posted_batch(reply.status, reply.body, count),
        };
        for (order, outcome) in pending.orders.iter().zip(&outcomes) {
            let Some(at) = self.orders.of_id(*order) else { continue };
            let Some(slot) = self.orders.get(at) else { continue };
            let side = slot.live.intent().side;
            let is_ours = match outcome {
                PostOutcome::Accepted(posted) => is_hash(&posted.order_id, &slot.hash),
                PostOutcome::Refused(_) => true,
            };
            let evidence = match is_ours {
                true => polymarket::evidence::of_post(outcome, side, OrderType::Fak),
                // A yes to something else.
                false => Evidence::NoAnswer,
            };
            self.learn(at, evidence, 0, journal, now);
        }
    }

    fn placed_kalshi(
        &mut self,
        pending: &Pending,
        reply: &Reply<'_>,
        journal: &mut JournalWriter,
        now: Nanos,
    ) {
        use kalshi::reply::{Answer, answer, created, created_batch};
        let count = pending.orders.len();
        let answers = match count {
            1 => vec![answer(reply.status, reply.body, created)],
            _ => created_batch(reply.status, reply.body, count),
        };
        for (order, answer) in pending.orders.iter().zip(&answers) {
            let Some(at) = self.orders.of_id(*order) else { continue };
            let is_ours = match answer {
                Answer::Done(created) => {
                    let ours = self.config.boot.client_order_id(*order);
                    created.client_order_id.as_deref().is_none_or(|id| id == ours.as_str())
                }
                Answer::Refused(_) => true,
            };
            if !is_ours {
                self.learn(at, Evidence::NoAnswer, 0, journal, now);
                continue;
            }
            if let Answer::Done(created) = answer {
                self.name(at, &created.order_id, journal, now);
            }
            self.learn(at, kalshi::evidence::of_create(answer), 0, journal, now);
        }
    }

    /// Keeps the venue's id of an order.
    pub(super) fn name(&mut self, at: usize, id: &str, journal: &mut JournalWriter, now: Nanos) {
        if let Some(slot) = self.orders.get_mut(at).filter(|slot| slot.native.is_none())
            && !id.is_empty()
        {
            slot.native = Some(id.into());
            records::named(journal, slot.live.id(), id, now);
        }
    }

    fn cancelled(
        &mut self,
        pending: &Pending,
        is_polymarket: bool,
        reply: &Reply<'_>,
        journal: &mut JournalWriter,
        now: Nanos,
    ) {
        for order in &pending.orders {
            let Some(at) = self.orders.of_id(*order) else { continue };
            let Some(slot) = self.orders.get(at) else { continue };
            let evidence = if is_polymarket {
                let done = polymarket::reply::cancelled(reply.body).filter(|_| reply.is_success());
                done.and_then(|done| cancel_of(&done, &slot.hash))
            } else {
                let answer =
                    kalshi::reply::answer(reply.status, reply.body, kalshi::reply::cancelled);
                kalshi::evidence::of_cancel(&answer, slot.quote.qty)
            };
            if let Some(evidence) = evidence {
                self.learn(at, evidence, 0, journal, now);
            }
        }
    }

    /// The record of one order.
    fn looked_up(
        &mut self,
        pending: &Pending,
        is_polymarket: bool,
        reply: &Reply<'_>,
        journal: &mut JournalWriter,
        now: Nanos,
    ) {
        let Some(at) = pending.orders.first().and_then(|order| self.orders.of_id(*order)) else {
            return;
        };
        if reply.status == 404 {
            return self.absent(at, pending.at, journal, now);
        }
        if !reply.is_success() {
            return;
        }
        let Some(slot) = self.orders.get(at) else { return };
        let evidence = if is_polymarket {
            let view = polymarket::reply::order(reply.body);
            let view = view.filter(|view| is_hash(&view.order_id, &slot.hash));
            view.map(|view| polymarket::evidence::of_record(&view, OrderType::Fak))
        } else {
            let view = kalshi::reply::order(reply.body);
            let view = view.filter(|view| Some(&view.order_id) == slot.native.as_ref());
            view.map(|view| kalshi::evidence::of_record(&view))
        };
        let Some(evidence) = evidence else {
            self.counts.strange += 1;
            return;
        };
        for evidence in evidence {
            self.learn(at, evidence, 0, journal, now);
        }
    }

    /// A page of Kalshi's records, in which an order is looked for by our own id.
    fn listed(
        &mut self,
        pending: &Pending,
        reply: &Reply<'_>,
        journal: &mut JournalWriter,
        now: Nanos,
    ) {
        let page = kalshi::reply::orders(reply.body).filter(|_| reply.is_success());
        let Some(page) = page else { return };
        for view in &page.items {
            let order = self.order_of_client(&view.client_order_id);
            let Some(at) = order.and_then(|order| self.orders.of_id(order)) else { continue };
            self.name(at, &view.order_id, journal, now);
            for evidence in kalshi::evidence::of_record(view) {
                self.learn(at, evidence, 0, journal, now);
            }
        }
        let Some(at) = pending.orders.first().and_then(|order| self.orders.of_id(*order)) else {
            return;
        };
        let Some(slot) = self.orders.get_mut(at) else { return };
        if slot.native.is_some() {
            slot.cursor = None;
        } else if page.cursor.is_some() {
            slot.turn_page(page.cursor);
        } else {
            // Absent from every page: in records as of the first question.
            let as_of = slot.listed_from.take().unwrap_or(pending.at);
            slot.cursor = None;
            self.absent(at, as_of, journal, now);
        }
    }

    /// Records as of a moment do not have an order. Records that must have it prove that it never
    /// arrived, but a cache may stand before them: they must say so twice.
    fn absent(&mut self, at: usize, as_of: Nanos, journal: &mut JournalWriter, now: Nanos) {
        let Some(slot) = self.orders.get_mut(at) else { return };
        let Some(sent) = slot.live.sent() else { return };
        let proves_from = sent.plus(LOOK_UP_LAG);
        let as_of = if as_of >= proves_from && !core::mem::replace(&mut slot.was_absent, true) {
            Nanos(proves_from.0.saturating_sub(1))
        } else {
            as_of
        };
        self.learn(at, Evidence::NotFound(as_of), 0, journal, now);
    }

    /// A page of Polymarket's trades.
    fn trades(
        &mut self,
        pending: &Pending,
        reply: &Reply<'_>,
        journal: &mut JournalWriter,
        now: Nanos,
    ) {
        let page = polymarket::reply::trades(reply.body).filter(|_| reply.is_success());
        let Some(page) = page else { return };
        for part in &page.items {
            self.part(part, journal, now);
        }
        self.turn_page(pending.orders.first().copied(), page.cursor);
    }

    /// One order's part in a trade of Polymarket.
    fn part(&mut self, part: &TradePart, journal: &mut JournalWriter, now: Nanos) {
        let hash = part.order_id.parse::<B256>().ok();
        let Some(at) = hash.and_then(|hash| self.orders.of_hash(&hash)) else { return };
        let Some(slot) = self.orders.get(at) else { return };
        let intent = *slot.live.intent();
        let Some(fee) = self.fees.get(intent.instrument.book().index()) else { return };
        let met = part.met.iter().map(|met| Met { qty: met.qty, is_same_token: met.is_same_token });
        let known = slot.booked_cost(TradeKey::of(&part.trade_id));
        let cost = known.or_else(|| taker_cost(fee, intent.side, part.price, met));
        let Some(cost) = cost.filter(|_| part.is_taker) else {
            self.counts.strange += 1;
            return;
        };
        let matches = u32::try_from(part.met.len()).unwrap_or(u32::MAX);
        let evidence = polymarket::evidence::of_trade(part, cost);
        self.learn(at, evidence, matches, journal, now);
    }

    /// A page of Kalshi's fills.
    fn fills(
        &mut self,
        pending: &Pending,
        reply: &Reply<'_>,
        journal: &mut JournalWriter,
        now: Nanos,
    ) {
        let page = kalshi::reply::fills(reply.body).filter(|_| reply.is_success());
        let Some(page) = page else { return };
        for fill in &page.items {
            let Some(at) = self.orders.of_native(pending.venue, &fill.order_id) else { continue };
            let Some(slot) = self.orders.get(at) else { continue };
            let face = slot.live.intent().instrument.face();
            self.learn(at, kalshi::evidence::of_fill(fill, face), 1, journal, now);
        }
        self.turn_page(pending.orders.first().copied(), page.cursor);
    }

    fn turn_page(&mut self, order: Option<OrderId>, cursor: Option<String>) {
        let at = order.and_then(|order| self.orders.of_id(order));
        if let Some(slot) = at.and_then(|at| self.orders.get_mut(at)) {
            slot.turn_page(cursor);
        }
    }

    fn balance(
        &mut self,
        pending: &Pending,
        reply: &Reply<'_>,
        journal: &mut JournalWriter,
        now: Nanos,
    ) {
        let cash = polymarket::reply::balance(reply.body).filter(|_| reply.is_success());
        let Some(cash) = cash else { return };
        // What moved since the question was asked is in it or not: nobody knows.
        let is_still = self.is_still(pending.venue);
        let Some(door) = self.door_mut(pending.venue) else { return };
        if !is_still || door.moved_at >= pending.at {
            return;
        }
        let venue = pending.venue;
        match door.rounder.balance(cash) {
            Balance::Agrees | Balance::Doubtful => {}
            Balance::Rounding(cash) => {
                records::rounded(journal, venue, cash, now);
                self.words.push_back(Word::Rounding { venue, cash });
            }
            Balance::Differs(cash) => self.words.push_back(Word::Differs { venue, cash }),
        }
    }

    /// Whether nothing of ours can move a venue's cash.
    pub(super) fn is_still(&self, venue: VenueId) -> bool {
        self.orders.open().all(|(_, slot)| slot.venue != venue || slot.is_settled())
    }

    /// The switch tells the id that the next beat must carry, also where ours was wrong.
    fn beaten(&mut self, venue: VenueId, reply: &Reply<'_>) {
        let body: Option<serde_json::Value> = serde_json::from_slice(reply.body).ok();
        let id = body.as_ref().and_then(|body| body.get("heartbeat_id")?.as_str());
        if let (Some(door), Some(id)) = (self.door_mut(venue), id) {
            door.beat.id.clear();
            // Ids are short; what is longer is none.
            door.beat.id.push_str(id.get(..64).unwrap_or(id));
            if !reply.is_success() {
                door.beat.due = Nanos::ZERO;
            }
        }
    }
}

fn is_hash(text: &str, hash: &B256) -> bool {
    text.parse::<B256>().is_ok_and(|told| told == *hash)
}

/// What a cancel's reply says of one order.
fn cancel_of(done: &polymarket::reply::CancelReply, hash: &B256) -> Option<Evidence> {
    if done.cancelled.iter().any(|id| is_hash(id, hash)) {
        return Some(Evidence::Ended(End::Cancelled, None));
    }
    let is_not = done.not_cancelled.keys().any(|id| is_hash(id, hash));
    is_not.then_some(Evidence::CancelFoundNothing)
}

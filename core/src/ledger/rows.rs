//! What one record of the journal does to the ledger's rows.

mod moved;

use dutchbook_book::{BookId, Exact, Face, InstrumentId, Nanos, Price, Qty, Side, VenueId};
use dutchbook_exec::order::live::LiveState;
use dutchbook_exec::{OrderEnd, OrderId, Report, ReportKind};
use rusqlite::{Connection, ToSql, params};

use super::LedgerError;
use crate::journal::codec::Entry;
use crate::journal::live::{AccountRecord, BasketRecord, BasketStep, LiveRecord, Origin, Placed};
use crate::journal::record::{Decision, DecisionLeg, Record};
use crate::opportunity::OpportunityLife;
use crate::recovery::{Replay, Taken};

/// 1e-12 $ in 1e-6 $.
const PICO_PER_MICRO: i128 = 1_000_000;

type Written = Result<(), LedgerError>;

/// One record's rows.
struct Rows<'a> {
    db: &'a Connection,
    replay: &'a Replay,
    sequence: i64,
    at_ns: i64,
}

/// Writes what a record changes.
pub(super) fn write(db: &Connection, replay: &Replay, taken: &Taken) -> Written {
    let rows =
        Rows { db, replay, sequence: int(taken.entry.sequence)?, at_ns: time(taken.entry.now) };
    rows.record(&taken.entry)?;
    match &taken.moved {
        Some(moved) => rows.moved(moved),
        None => Ok(()),
    }
}

fn int(value: u64) -> Result<i64, LedgerError> {
    i64::try_from(value).map_err(|_| LedgerError::TooLarge)
}

/// Times end in the year 2262; what lies beyond is there too.
fn time(at: Nanos) -> i64 {
    i64::try_from(at.0).unwrap_or(i64::MAX)
}

/// Quantities stay below 10¹⁸: they fit.
fn qty(qty: Qty) -> i64 {
    i64::try_from(qty.micro()).unwrap_or(i64::MAX)
}

/// A sum of money as its two columns.
fn money(sum: Exact) -> Result<[i64; 2], LedgerError> {
    let whole = i64::try_from(sum.pico().div_euclid(PICO_PER_MICRO));
    let rest = i64::try_from(sum.pico().rem_euclid(PICO_PER_MICRO));
    match (whole, rest) {
        (Ok(whole), Ok(rest)) => Ok([whole, rest]),
        (Err(_), _) | (_, Err(_)) => Err(LedgerError::TooLarge),
    }
}

const fn face(instrument: InstrumentId) -> &'static str {
    match instrument.face() {
        Face::Yes => "yes",
        Face::No => "no",
    }
}

const fn side(side: Side) -> &'static str {
    match side {
        Side::Buy => "buy",
        Side::Sell => "sell",
    }
}

const fn origin(origin: Origin) -> &'static str {
    match origin {
        Origin::Opening => "opening",
        Origin::Settlement => "settlement",
        Origin::Rounding => "rounding",
        Origin::Person => "person",
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The name of a live order's state in the ledger.
const fn state(state: LiveState) -> &'static str {
    match state {
        LiveState::Intended => "intended",
        LiveState::Journalled => "journalled",
        LiveState::Sent => "sent",
        LiveState::Unknown => "unknown",
        LiveState::Acknowledged => "acknowledged",
        LiveState::Resting => "resting",
        LiveState::PartiallyFilled => "partially_filled",
        LiveState::Matched => "matched",
        LiveState::Confirmed => "confirmed",
        LiveState::Failed => "failed",
        LiveState::Cancelled => "cancelled",
        LiveState::Expired => "expired",
        LiveState::Rejected => "rejected",
    }
}

/// The best price that a decision saw for a leg, in the leg's own terms.
fn best(leg: &DecisionLeg) -> Option<Price> {
    let top = leg.view.top;
    let (yes, no) = (
        match leg.side {
            Side::Buy => top.ask,
            Side::Sell => top.bid,
        },
        match leg.side {
            Side::Buy => top.bid,
            Side::Sell => top.ask,
        },
    );
    match leg.instrument.face() {
        Face::Yes => yes.map(|level| level.price),
        Face::No => no.map(|level| level.price.complement()),
    }
}

impl Rows<'_> {
    fn run(&self, sql: &str, values: &[&dyn ToSql]) -> Written {
        self.db.prepare_cached(sql)?.execute(values)?;
        Ok(())
    }

    fn boot(&self) -> Result<i64, LedgerError> {
        int(self.replay.boots())
    }

    fn record(&self, entry: &Entry) -> Written {
        match &entry.record {
            Record::Decision(decision) => self.decision(decision),
            Record::DecisionLeg(leg) => self.decision_leg(leg),
            Record::Intent { decision, order, intent } => {
                self.name(intent.instrument.book())?;
                self.run(
                    "INSERT INTO orders (order_id, boot, decision, trade, leg, attempt, at_ns, \
                     book, face, side, limit_e6, qty_e6, state) VALUES (?1, ?2, ?3, ?4, ?5, \
                     (SELECT COUNT(*) FROM orders WHERE trade = ?4 AND leg = ?5), \
                     ?6, ?7, ?8, ?9, ?10, ?11, 'intended')",
                    params![
                        int(order.0)?,
                        self.boot()?,
                        int(*decision)?,
                        int(intent.trade.0)?,
                        intent.leg_index,
                        self.at_ns,
                        intent.instrument.book().0,
                        face(intent.instrument),
                        side(intent.side),
                        intent.limit.micro(),
                        qty(intent.qty),
                    ],
                )
            }
            Record::Report(report) => self.report(report),
            Record::Life { life, .. } => self.life(life),
            Record::Live(record) => self.live(record),
            Record::Veto { .. } | Record::Gap { .. } | Record::Resolution { .. } => Ok(()),
        }
    }

    /// Names a book, its venue and its event where they stand in a row for the first time.
    fn name(&self, book: BookId) -> Written {
        let numbering = self.replay.numbering();
        let Some(name) = numbering.books().get(book.index()) else { return Ok(()) };
        self.name_venue(VenueId(name.venue))?;
        let event = usize::try_from(name.event).ok().and_then(|at| numbering.events().get(at));
        self.run(
            "INSERT OR IGNORE INTO events VALUES (?1, ?2)",
            params![name.event, event.map_or("", String::as_str)],
        )?;
        self.run(
            "INSERT OR IGNORE INTO books VALUES (?1, ?2, ?3, ?4, ?5)",
            params![book.0, name.venue, name.event, name.market, name.name],
        )
    }

    fn name_venue(&self, venue: VenueId) -> Written {
        let name = self.replay.numbering().venues().get(venue.index());
        self.run(
            "INSERT OR IGNORE INTO venues VALUES (?1, ?2)",
            params![venue.0, name.map_or("", String::as_str)],
        )
    }

    fn decision(&self, decision: &Decision) -> Written {
        let sighting = &decision.sighting;
        let ([gross, gross_rest], [fees, fees_rest], [edge, edge_rest]) =
            (money(sighting.gross)?, money(sighting.fees)?, money(sighting.net_edge)?);
        self.run(
            "INSERT INTO decisions VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
            params![
                int(decision.decision)?,
                self.boot()?,
                self.at_ns,
                int(decision.opportunity.0)?,
                decision.kind.name(),
                decision.leg_count,
                qty(sighting.size),
                gross,
                gross_rest,
                fees,
                fees_rest,
                edge,
                edge_rest,
            ],
        )
    }

    fn decision_leg(&self, leg: &DecisionLeg) -> Written {
        self.name(leg.instrument.book())?;
        self.run(
            "INSERT INTO decision_legs VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            params![
                int(leg.decision)?,
                leg.leg_index,
                leg.instrument.book().0,
                face(leg.instrument),
                side(leg.side),
                leg.limit.micro(),
                qty(leg.qty),
                best(leg).map(Price::micro),
            ],
        )
    }

    fn report(&self, report: &Report) -> Written {
        let order = int(report.order.0)?;
        let end = |name: &str, reason: Option<String>| {
            self.run(
                "UPDATE orders SET state = ?2, reason = ?3, ended_ns = ?4 WHERE order_id = ?1",
                params![order, name, reason, self.at_ns],
            )
        };
        // Of an order on a venue the state is read off all that is known of it.
        let live = self.replay.order(report.order).map(|known| state(known.order.state()));
        match report.kind {
            ReportKind::Acknowledged => self.set_state(report.order, "acknowledged"),
            ReportKind::Rejected(reason) => {
                end(live.unwrap_or("rejected"), Some(format!("{reason:?}")))
            }
            ReportKind::Filled(_) => self.set_state(report.order, "partially_filled"),
            ReportKind::Closed(closed) => {
                let paper = match closed.end {
                    OrderEnd::Filled => "confirmed",
                    OrderEnd::Cancelled => "cancelled",
                    OrderEnd::Expired => "expired",
                };
                end(live.unwrap_or(paper), None)
            }
            ReportKind::Reversed(_) | ReportKind::Settled => Ok(()),
        }
    }

    /// Sets the state of an order on paper, or the one that an order on a venue has.
    fn set_state(&self, order: OrderId, paper: &str) -> Written {
        let live = self.replay.order(order).map(|known| state(known.order.state()));
        self.run(
            "UPDATE orders SET state = ?2 WHERE order_id = ?1",
            params![int(order.0)?, live.unwrap_or(paper)],
        )
    }

    fn live(&self, record: &LiveRecord) -> Written {
        match record {
            LiveRecord::Boot { boot, is_live } => self.run(
                "INSERT INTO boots VALUES (?1, ?2, ?3, ?4)",
                params![self.boot()?, hex(&boot.0.to_be_bytes()), is_live, self.at_ns],
            ),
            LiveRecord::Placed(placed) => self.placed(placed),
            LiveRecord::Sent { order, is_cancel: false, .. } => {
                self.run(
                    "UPDATE orders SET sent_ns = ?2 WHERE order_id = ?1",
                    params![int(order.0)?, self.at_ns],
                )?;
                self.set_state(*order, "sent")
            }
            LiveRecord::Named { order, id } => self.run(
                "UPDATE orders SET native_id = ?2 WHERE order_id = ?1",
                params![int(order.0)?, id.as_str()],
            ),
            LiveRecord::Evidence { order, .. } => self.set_state(*order, "unknown"),
            LiveRecord::Fill(fill) => self.set_state(fill.order, "unknown"),
            LiveRecord::Basket(basket) => self.basket(basket),
            LiveRecord::Account(AccountRecord::Reconciled { venue, cash, compared, different }) => {
                self.name_venue(*venue)?;
                let [cash, rest] = money(*cash)?;
                self.run(
                    "INSERT INTO reconciliations VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                    params![self.sequence, self.at_ns, venue.0, cash, rest, compared, different],
                )
            }
            LiveRecord::Sent { is_cancel: true, .. } | LiveRecord::Account(_) => Ok(()),
        }
    }

    fn placed(&self, placed: &Placed) -> Written {
        self.run(
            "UPDATE orders SET state = 'journalled', hash_hex = ?2, signed_limit_e6 = ?3, \
             signed_qty_e6 = ?4, budget_usd_e6 = ?5 WHERE order_id = ?1",
            params![
                int(placed.order.0)?,
                placed.hash.map(|hash| hex(&hash)),
                placed.limit.micro(),
                qty(placed.qty),
                placed.budget.map(dutchbook_book::Cash::micro),
            ],
        )
    }

    fn basket(&self, record: &BasketRecord) -> Written {
        match *record {
            BasketRecord::Open { trade, decision, payoff, .. } => self.run(
                "INSERT INTO baskets VALUES (?1, ?2, ?3, ?4, 0, 'open', NULL)",
                params![int(trade.0)?, int(decision)?, self.at_ns, payoff],
            ),
            BasketRecord::Leg { trade, leg_index, instrument, ratio_micro, lot } => {
                self.name(instrument.book())?;
                self.run(
                    "INSERT INTO basket_legs VALUES (?1, ?2, ?3, ?4, ?5, ?6, 0, 0, 0, 0, 0)",
                    params![
                        int(trade.0)?,
                        leg_index,
                        instrument.book().0,
                        face(instrument),
                        ratio_micro,
                        qty(lot),
                    ],
                )
            }
            BasketRecord::Step { trade, step } => {
                let outcome = match step {
                    BasketStep::Legged => {
                        return self.run(
                            "UPDATE baskets SET was_legged = 1, outcome = 'legged' WHERE trade = ?1",
                            params![int(trade.0)?],
                        );
                    }
                    BasketStep::Even => "even",
                    BasketStep::Completed => "completed",
                    BasketStep::Unwound => "unwound",
                    BasketStep::Left => "left",
                };
                self.run(
                    "UPDATE baskets SET outcome = ?2, ended_ns = ?3 WHERE trade = ?1",
                    params![int(trade.0)?, outcome, self.at_ns],
                )
            }
        }
    }

    fn life(&self, life: &OpportunityLife) -> Written {
        let [edge, rest] = money(life.best_net_edge)?;
        self.run(
            "INSERT OR REPLACE INTO lives VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
            params![
                self.boot()?,
                int(life.id.0)?,
                life.kind.name(),
                time(life.born_ns),
                time(life.died_ns),
                life.cause.name(),
                int(life.updates)?,
                life.is_traded,
                qty(life.best_size),
                edge,
                rest,
            ],
        )
    }
}

//! Rows of what moved: fills, transfers, and the sums, positions and accounts that follow from them.

use dutchbook_book::{Exact, Face, InstrumentId, Price, Qty, VenueId};
use dutchbook_exec::{Fill, OrderId, Report};
use rusqlite::params;

use super::{Rows, Written, face, hex, int, money, origin, qty, side};
use crate::ledger::LedgerError;
use crate::recovery::orders::{Move, change_of};

impl Rows<'_> {
    pub(super) fn moved(&self, moved: &Move) -> Written {
        match *moved {
            Move::Fill { report, fill, key, is_back } => {
                let key = key.map(|key| hex(&key.0.to_be_bytes()));
                self.fill(&report, &fill, key.as_deref(), is_back)
            }
            Move::Adjusted { report, cash } => {
                let fees = Exact::from_pico(cash.pico().saturating_neg());
                self.add_to_order(&report, (0, 0), cash, fees)?;
                self.add_to_leg(&report, 0, cash, fees)?;
                let id = report.instrument;
                self.transfer("order", Some(id), Some(report.order), 0, cash)?;
                self.position(id)
            }
            Move::Merged { book, qty: pairs } => {
                let cash = Exact::product(Price::ONE, pairs);
                let [yes, no] = [Face::Yes, Face::No].map(|face| book.instrument(face));
                self.transfer("merge", Some(yes), None, -qty(pairs), cash)?;
                self.position(yes)?;
                self.position(no)
            }
            Move::Settled { book, cash, .. } => {
                let [yes, no] = [Face::Yes, Face::No].map(|face| book.instrument(face));
                self.transfer("resolution", Some(yes), None, 0, cash)?;
                self.position(yes)?;
                self.position(no)
            }
            Move::Cash { venue, cash, origin: why } => {
                self.name_venue(venue)?;
                let [whole, rest] = money(cash)?;
                self.run(
                    "INSERT INTO transfers VALUES (?1, ?2, ?3, ?4, NULL, NULL, NULL, 0, ?5, ?6)",
                    params![self.sequence, self.at_ns, origin(why), venue.0, whole, rest],
                )?;
                self.account(venue)
            }
            Move::Contracts { instrument, qty, origin: why, .. } => {
                self.transfer(origin(why), Some(instrument), None, qty.micro(), Exact::ZERO)?;
                self.position(instrument)
            }
        }
    }

    fn fill(&self, report: &Report, fill: &Fill, key: Option<&str>, is_back: bool) -> Written {
        let cash = fill.cash_effect(report.side).ok_or(LedgerError::TooLarge)?;
        let turn = |sum: Exact| {
            if is_back { Exact::from_pico(sum.pico().saturating_neg()) } else { sum }
        };
        let (cash, fees) = (turn(cash), turn(fill.fee));
        let id = report.instrument;
        self.name(id.book())?;
        let ([cash_whole, cash_rest], [fees_whole, fees_rest]) = (money(cash)?, money(fees)?);
        self.run(
            "INSERT INTO fills VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, \
             ?15, ?16, ?17)",
            params![
                self.sequence,
                int(report.order.0)?,
                int(report.trade.0)?,
                report.leg_index,
                self.at_ns,
                key,
                id.book().0,
                face(id),
                side(report.side),
                is_back,
                fill.price.micro(),
                qty(fill.qty),
                qty(fill.delivered),
                cash_whole,
                cash_rest,
                fees_whole,
                fees_rest,
            ],
        )?;
        let signed = |contracts: Qty| if is_back { -qty(contracts) } else { qty(contracts) };
        self.add_to_order(report, (signed(fill.qty), signed(fill.delivered)), cash, fees)?;
        let held = change_of(report.side, fill.delivered, is_back).micro();
        self.add_to_leg(report, held, cash, fees)?;
        self.position(id)
    }

    /// Adds to an order's sums. A rest that reaches 1e-6 $ is carried.
    fn add_to_order(
        &self,
        report: &Report,
        (filled, delivered): (i64, i64),
        cash: Exact,
        fees: Exact,
    ) -> Written {
        let ([cash, cash_rest], [fees, fees_rest]) = (money(cash)?, money(fees)?);
        self.run(
            "UPDATE orders SET filled_e6 = filled_e6 + ?2, delivered_e6 = delivered_e6 + ?3, \
             cash_usd_e6 = cash_usd_e6 + ?4 + (cash_rest_e12 + ?5) / 1000000, \
             cash_rest_e12 = (cash_rest_e12 + ?5) % 1000000, \
             fees_usd_e6 = fees_usd_e6 + ?6 + (fees_rest_e12 + ?7) / 1000000, \
             fees_rest_e12 = (fees_rest_e12 + ?7) % 1000000 WHERE order_id = ?1",
            params![int(report.order.0)?, filled, delivered, cash, cash_rest, fees, fees_rest],
        )
    }

    /// Adds to a leg of a basket. Contracts of the leg's other face leave what it holds.
    fn add_to_leg(&self, report: &Report, held: i64, cash: Exact, fees: Exact) -> Written {
        let ([cash, cash_rest], [fees, fees_rest]) = (money(cash)?, money(fees)?);
        self.run(
            "UPDATE basket_legs SET \
             held_e6 = held_e6 + CASE WHEN book = ?3 AND face = ?4 THEN ?5 ELSE -?5 END, \
             cash_usd_e6 = cash_usd_e6 + ?6 + (cash_rest_e12 + ?7) / 1000000, \
             cash_rest_e12 = (cash_rest_e12 + ?7) % 1000000, \
             fees_usd_e6 = fees_usd_e6 + ?8 + (fees_rest_e12 + ?9) / 1000000, \
             fees_rest_e12 = (fees_rest_e12 + ?9) % 1000000 WHERE trade = ?1 AND leg = ?2",
            params![
                int(report.trade.0)?,
                report.leg_index,
                report.instrument.book().0,
                face(report.instrument),
                held,
                cash,
                cash_rest,
                fees,
                fees_rest,
            ],
        )
    }

    fn transfer(
        &self,
        why: &str,
        id: Option<InstrumentId>,
        order: Option<OrderId>,
        contracts: i64,
        cash: Exact,
    ) -> Written {
        if let Some(id) = id {
            self.name(id.book())?;
        }
        let [whole, rest] = money(cash)?;
        let order = order.map(|order| int(order.0)).transpose()?;
        self.run(
            "INSERT INTO transfers VALUES (?1, ?2, ?3, \
             (SELECT venue FROM books WHERE book = ?4), ?4, ?5, ?6, ?7, ?8, ?9)",
            params![
                self.sequence,
                self.at_ns,
                why,
                id.map(|id| id.book().0),
                id.map(face),
                order,
                contracts,
                whole,
                rest,
            ],
        )
    }

    /// Writes a position as it is now, and the account that it was paid from.
    fn position(&self, id: InstrumentId) -> Written {
        let portfolio = self.replay.portfolio();
        let [cost, rest] = money(portfolio.cost(id))?;
        self.run(
            "INSERT OR REPLACE INTO positions VALUES (?1, ?2, ?3, ?4, ?5)",
            params![id.book().0, face(id), qty(portfolio.qty(id)), cost, rest],
        )?;
        match portfolio.venue_of(id.book()) {
            Some(venue) => self.account(venue),
            None => Ok(()),
        }
    }

    fn account(&self, venue: VenueId) -> Written {
        let account = self.replay.portfolio().money(venue);
        let ([cash, cash_rest], [held, held_rest]) =
            (money(account.cash)?, money(account.committed)?);
        let ([fees, fees_rest], [made, made_rest]) =
            (money(account.fees)?, money(account.realised)?);
        self.run(
            "INSERT OR REPLACE INTO accounts VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
            params![venue.0, cash, cash_rest, held, held_rest, fees, fees_rest, made, made_rest],
        )
    }
}

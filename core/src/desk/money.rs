//! Money that no message states: what Polymarket charges for a trade, and how its books round.
//!
//! The venue's trades carry no fee. What a trade costs is computed: the schedule's fee for every
//! resting order that was met, rounded up (the direction is not documented), and the cash of a match
//! rounded as the order that rested was. What is booked is therefore never less than what was
//! charged. The venue's own cash then says the rest: whenever nothing of ours is under way there,
//! its balance is asked for, and the difference to what was booked since the last time is booked as
//! rounding, as far as roundings can explain it. What they cannot explain is a difference of the
//! books, and is said.

use std::collections::VecDeque;

use dutchbook_book::fee::{FeeSchedule, Role, Rounding, TEN_MICRO_DOLLAR};
use dutchbook_book::{Cash, Exact, Price, Qty, Side};

/// Times that an unexplained balance must be told before it is believed: the venue's records lag.
const SURPRISES_MAX: u32 = 5;

/// One resting order that ours met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Met {
    pub(super) qty: Qty,
    /// Whether it named the same token; unknown where the message does not say.
    pub(super) is_same_token: Option<bool>,
}

/// What a trade costs the taker beside price times quantity, at most: fees up, and the rounding of
/// the cash to millionths against us where the venue's direction is not known.
pub(super) fn taker_cost(
    fee: &FeeSchedule,
    side: Side,
    price: Price,
    met: impl Iterator<Item = Met>,
) -> Option<Exact> {
    let mut cost = Exact::ZERO;
    for Met { qty, is_same_token } in met {
        let raw = fee.raw(Role::Taker, side, price, qty)?;
        let unit = fee.rounding.unit_pico.max(TEN_MICRO_DOLLAR);
        cost = cost.checked_add(raw.round_to(unit, Rounding::Up)?)?;
        let exact = Exact::product(price, qty);
        let (down, up) = (exact.cash_floor()?.exact(), exact.cash_ceil()?.exact());
        // Orders of one token move what the resting one's price makes, cut to a millionth; where a
        // set is made or dissolved, the other side moves the rest of the dollar.
        let moved = match (is_same_token, side) {
            (Some(true), _) | (None, Side::Sell) => down,
            (Some(false), _) | (None, Side::Buy) => up,
        };
        let beside = match side {
            Side::Buy => moved.checked_sub(exact)?,
            Side::Sell => exact.checked_sub(moved)?,
        };
        cost = cost.checked_add(beside)?;
    }
    Some(cost)
}

/// What a balance of the venue says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Balance {
    /// Nothing is to be booked.
    Agrees,
    /// Roundings: to be booked; negative when we pay.
    Rounding(Exact),
    /// More than roundings, so far.
    Doubtful,
    /// More than roundings, told again and again: the books differ by this.
    Differs(Exact),
}

/// What was booked at one venue since its balance was last known.
#[derive(Clone, Debug, Default)]
pub(super) struct Rounder {
    base: Option<Cash>,
    /// Cash that we booked since, positive when we got some.
    booked: Exact,
    matches: u32,
    surprises: u32,
    /// What resolved markets owe, in the order of their resolutions: venues pay when they like, and
    /// a winner may have to be redeemed first.
    owed: VecDeque<Exact>,
}

impl Rounder {
    /// Notes cash that was booked for one trade of so many matches.
    pub(super) fn book(&mut self, cash: Exact, matches: u32) {
        self.booked = Exact::from_pico(self.booked.pico().saturating_add(cash.pico()));
        self.matches = self.matches.saturating_add(matches);
    }

    /// A resolved market owes us so much.
    pub(super) fn owe(&mut self, cash: Exact) {
        if cash != Exact::ZERO {
            self.owed.push_back(cash);
        }
    }

    /// Whether the balance is worth a question.
    pub(super) const fn wants(&self) -> bool {
        self.base.is_none() || self.matches > 0 || self.surprises > 0
    }

    /// Takes the balance, of a moment when nothing was under way.
    pub(super) fn balance(&mut self, cash: Cash) -> Balance {
        let Some(base) = self.base else {
            self.start(cash);
            return Balance::Agrees;
        };
        let moved = cash.exact().pico().saturating_sub(base.exact().pico());
        let difference = moved.saturating_sub(self.booked.pico());
        // Fees and cash are booked against us: the venue took as much or less.
        let each = i128::from(TEN_MICRO_DOLLAR).saturating_add(1_000_000);
        let most = i128::from(self.matches).saturating_mul(each);
        let mut paid = 0_i128;
        for count in 0..=self.owed.len() {
            let rest = difference.saturating_sub(paid);
            if rest.abs() <= most {
                self.owed.drain(..count);
                self.start(cash);
                return match rest {
                    0 => Balance::Agrees,
                    pico => Balance::Rounding(Exact::from_pico(pico)),
                };
            }
            paid = paid.saturating_add(self.owed.get(count).map_or(0, |owed| owed.pico()));
        }
        self.surprises = self.surprises.saturating_add(1);
        if self.surprises < SURPRISES_MAX {
            return Balance::Doubtful;
        }
        self.start(cash);
        Balance::Differs(Exact::from_pico(difference))
    }

    /// Whether the venue's cash was ever told: before, nothing new is sent there, for what is booked
    /// then could not be compared.
    pub(super) const fn is_known(&self) -> bool {
        self.base.is_some()
    }

    /// The venue's cash is this, and everything booked so far is in it.
    pub(super) fn start(&mut self, cash: Cash) {
        let owed = core::mem::take(&mut self.owed);
        *self = Self { base: Some(cash), owed, ..Self::default() };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dutchbook_book::Rate;

    fn exact(micro: i64) -> Exact {
        Cash::from_micro(micro).exact()
    }

    #[test]
    fn a_trade_costs_its_fees_up_and_the_cash_of_the_order_that_rested() {
        let fee = FeeSchedule::polymarket(Rate::from_ppm(50_000).unwrap(), 1);
        let price = Price::from_pips(4_400).unwrap();
        let qty = Qty::from_micro(7_777_777).unwrap();
        // 0.05 x 7.777777 x 0.44 x 0.56 is 0.09582..., and 7.777777 x 0.44 is 3.42222188.
        let cost = |same| {
            let met = [Met { qty, is_same_token: same }];
            taker_cost(&fee, Side::Buy, price, met.into_iter()).unwrap()
        };
        let notional = Exact::product(price, qty);
        let moved = |same| cost(same).checked_add(notional).unwrap();
        assert_eq!(moved(Some(true)), exact(3_422_221 + 95_830));
        assert_eq!(moved(Some(false)), exact(3_422_222 + 95_830));
        assert_eq!(moved(None), moved(Some(false)), "what is not said counts against us");
    }

    #[test]
    fn the_balance_says_what_was_rounded_and_nothing_else_is_booked() {
        let mut rounder = Rounder::default();
        assert!(rounder.wants());
        assert_eq!(rounder.balance(Cash::from_micro(100_000_000)), Balance::Agrees);
        assert!(!rounder.wants());
        rounder.book(exact(-44_095_830), 2);
        let after = Cash::from_micro(100_000_000 - 44_095_818);
        assert_eq!(rounder.balance(after), Balance::Rounding(exact(12)));
        rounder.book(exact(-1_000_000), 1);
        for _ in 1..SURPRISES_MAX {
            assert_eq!(
                rounder.balance(after),
                Balance::Doubtful,
                "told before it was booked there"
            );
        }
        assert!(rounder.wants());
        assert_eq!(rounder.balance(after), Balance::Differs(exact(1_000_000)));
        assert!(!rounder.wants());
    }

    #[test]
    fn what_resolved_markets_owe_is_paid_when_the_venue_likes() {
        let mut rounder = Rounder::default();
        rounder.balance(Cash::from_micro(10_000_000));
        rounder.owe(exact(3_000_000));
        rounder.owe(exact(4_000_000));
        rounder.book(exact(-1_000_000), 1);
        assert_eq!(rounder.balance(Cash::from_micro(9_000_000)), Balance::Agrees, "nothing yet");
        rounder.book(exact(-1_000_000), 1);
        assert_eq!(rounder.balance(Cash::from_micro(11_000_003)), Balance::Rounding(exact(3)));
        rounder.book(exact(-1_000_000), 1);
        assert_eq!(rounder.balance(Cash::from_micro(14_000_003)), Balance::Agrees, "both");
    }
}

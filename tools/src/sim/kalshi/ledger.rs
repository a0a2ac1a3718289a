//! Money and contracts of everyone who trades: members and the agents of the flow alike.
//!
//! A position is one signed number per market: contracts of YES, or of NO when negative. Whoever
//! holds NO has left a dollar per contract with the venue, whoever holds YES has paid for it; so
//! at any moment all cash and one dollar per pair of contracts are what was paid in, less fees.

use std::collections::BTreeMap;

use dutchbook_book::fee::kalshi::Member;
use dutchbook_book::fee::{OrderFees, Role};
use dutchbook_book::{BookId, Cash, Exact, Nanos, Price, Qty, QtyChange, Side};

use super::super::matching::OwnerId;

/// What an agent of the flow pays in whenever it runs out of money.
const AGENT_DEPOSIT: i64 = 10_000 * Cash::ONE.micro();

/// Contracts of one market in one account, with what they cost and brought.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Position {
    /// Contracts of YES; of NO when negative.
    pub(super) net: QtyChange,
    /// What the contracts that are held cost.
    pub(super) cost: Exact,
    /// What all contracts ever bought cost.
    pub(super) traded: Exact,
    /// Contracts ever traded.
    pub(super) volume: Qty,
    /// What closing contracts brought beyond their cost.
    pub(super) realized: Exact,
    /// Fees of all fills.
    pub(super) fees: Exact,
    /// When it last changed.
    pub(super) updated: Nanos,
    /// Whether its market has paid out.
    pub(super) is_settled: bool,
}

/// What an account holds.
#[derive(Clone, Debug)]
pub(super) struct Holding {
    /// Money that no contract holds.
    pub(super) cash: Cash,
    /// What was paid in.
    deposits: Cash,
    /// What was charged.
    fees: Exact,
    pub(super) member: Member,
    /// An agent pays in more when it runs out.
    is_agent: bool,
    pub(super) positions: BTreeMap<BookId, Position>,
    /// When its money last changed.
    pub(super) updated: Nanos,
}

/// One account's side of a match.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fill {
    pub(super) owner: OwnerId,
    pub(super) book: BookId,
    pub(super) role: Role,
    pub(super) side: Side,
    pub(super) price: Price,
    pub(super) qty: Qty,
    pub(super) now: Nanos,
}

/// What a market paid to an account.
#[derive(Clone, Copy, Debug)]
pub(super) struct Payout {
    /// The position as it was.
    pub(super) position: Position,
    /// What it paid.
    pub(super) revenue: Cash,
}

/// All accounts.
#[derive(Clone, Debug, Default)]
pub(super) struct Ledger {
    holdings: BTreeMap<OwnerId, Holding>,
    /// Pairs of contracts that exist, by market.
    interest: BTreeMap<BookId, QtyChange>,
}

/// Contracts are parts of a million and dollars are too, so that a dollar per contract is the same
/// number.
const fn dollar_each(contracts: i64) -> Cash {
    Cash::from_micro(contracts)
}

fn minus(left: Exact, right: Exact) -> Exact {
    left.checked_sub(right).unwrap_or(left)
}

fn plus(left: Exact, right: Exact) -> Exact {
    left.checked_add(right).unwrap_or(left)
}

impl Ledger {
    /// Opens an account.
    pub(super) fn open(&mut self, owner: OwnerId, member: Member, deposits: Cash) {
        self.holdings.insert(owner, Holding::new(member, deposits, false));
    }

    /// An account that is there.
    pub(super) fn holding(&self, owner: OwnerId) -> Option<&Holding> {
        self.holdings.get(&owner)
    }

    /// One account's contracts of one market.
    pub(super) fn position(&self, owner: OwnerId, book: BookId) -> Position {
        let holding = self.holdings.get(&owner);
        holding.and_then(|holding| holding.positions.get(&book)).copied().unwrap_or_default()
    }

    /// Pairs of contracts of a market.
    pub(super) fn open_interest(&self, book: BookId) -> Qty {
        let pairs = self.interest.get(&book).map_or(0, |pairs| pairs.micro());
        Qty::from_micro(u64::try_from(pairs).unwrap_or(0)).unwrap_or(Qty::ZERO)
    }

    /// Books one side of a match and returns its fee.
    ///
    /// `None`, and nothing booked, when a number does not fit: orders are too small for that.
    pub(super) fn fill(&mut self, fill: &Fill, fees: &mut OrderFees) -> Option<Cash> {
        let charge = fees.fill_as(fill.role, fill.side, fill.price, fill.qty)?;
        let fresh = || Holding::new(Member::Direct, Cash::ZERO, true);
        let holding = self.holdings.entry(fill.owner).or_insert_with(fresh);
        let position = holding.positions.entry(fill.book).or_default();
        let before = position.net.micro();
        position.add(fill)?;
        let after = position.net.micro();
        position.fees = plus(position.fees, charge.fee);
        let collateral = dollar_each(before.min(0) - after.min(0));
        let change = charge.balance_change.cash_floor()?.checked_sub(collateral)?;
        holding.cash = holding.cash.checked_add(change)?;
        holding.fees = plus(holding.fees, charge.fee);
        holding.updated = fill.now;
        holding.top_up();
        let interest = self.interest.entry(fill.book).or_default();
        *interest = QtyChange::from_micro(interest.micro() + after.max(0) - before.max(0));
        charge.fee.cash_ceil()
    }

    /// Pays a market out: a dollar per contract of the side that came true.
    pub(super) fn settle(&mut self, book: BookId, yes: bool, now: Nanos) -> Vec<(OwnerId, Payout)> {
        let mut list = Vec::new();
        for (owner, holding) in &mut self.holdings {
            let Some(position) = holding.positions.get_mut(&book) else { continue };
            if position.is_settled {
                continue;
            }
            let was = *position;
            let net = was.net.micro();
            let revenue = dollar_each(if yes { net.max(0) } else { (-net).max(0) });
            position.realized = plus(was.realized, minus(revenue.exact(), was.cost));
            position.cost = Exact::ZERO;
            position.net = QtyChange::default();
            position.is_settled = true;
            position.updated = now;
            holding.cash = holding.cash.checked_add(revenue).unwrap_or(holding.cash);
            holding.updated = now;
            list.push((*owner, Payout { position: was, revenue }));
        }
        self.interest.remove(&book);
        list
    }

    /// Whether all cash and a dollar per pair of contracts are all that was paid in less all that
    /// was charged, and every market has as many contracts of YES as of NO.
    #[cfg(test)]
    pub(super) fn closes(&self) -> Result<(), String> {
        let mut total = Exact::ZERO;
        let mut nets: BTreeMap<BookId, i64> = BTreeMap::new();
        for (owner, holding) in &self.holdings {
            total = plus(total, holding.cash.exact());
            total = minus(total, holding.deposits.exact());
            total = plus(total, holding.fees);
            for (book, position) in &holding.positions {
                *nets.entry(*book).or_default() += position.net.micro();
                if position.net.micro() == 0 && position.cost != Exact::ZERO {
                    return Err(format!("{owner:?} {book:?}: no contracts, cost {position:?}"));
                }
            }
        }
        for pairs in self.interest.values() {
            total = plus(total, dollar_each(pairs.micro()).exact());
        }
        if let Some((book, net)) = nets.iter().find(|(_, net)| **net != 0) {
            return Err(format!("{book:?}: {net} contracts have no other side"));
        }
        if total == Exact::ZERO { Ok(()) } else { Err(format!("{total} dollars too many")) }
    }

    /// Everything charged so far.
    #[cfg(test)]
    pub(super) fn fees(&self) -> Exact {
        self.holdings.values().fold(Exact::ZERO, |sum, holding| plus(sum, holding.fees))
    }
}

impl Holding {
    const fn new(member: Member, deposits: Cash, is_agent: bool) -> Self {
        Self {
            cash: deposits,
            deposits,
            fees: Exact::ZERO,
            member,
            is_agent,
            positions: BTreeMap::new(),
            updated: Nanos::ZERO,
        }
    }

    /// Agents are not the subject here: whatever they lack is paid in, and counted.
    fn top_up(&mut self) {
        if self.is_agent && self.cash < Cash::ZERO {
            let times = self.cash.micro().unsigned_abs() / AGENT_DEPOSIT.unsigned_abs() + 1;
            let sum = i64::try_from(times).unwrap_or(0).saturating_mul(AGENT_DEPOSIT);
            let sum = Cash::from_micro(sum);
            self.cash = self.cash.checked_add(sum).unwrap_or(self.cash);
            self.deposits = self.deposits.checked_add(sum).unwrap_or(self.deposits);
        }
    }
}

impl Position {
    /// Contracts that are held, of either side.
    pub(super) fn held(&self) -> Qty {
        Qty::from_micro(self.net.micro().unsigned_abs()).unwrap_or(Qty::MAX)
    }

    /// Adds bought contracts, or YES that were sold: what is held of the other side goes first.
    fn add(&mut self, fill: &Fill) -> Option<()> {
        let (sign, own_price) = match fill.side {
            Side::Buy => (1, fill.price),
            Side::Sell => (-1, fill.price.complement()),
        };
        let qty = i64::try_from(fill.qty.micro()).ok()?;
        let net = self.net.micro();
        let is_closing = net.signum() == -sign;
        let closed = if is_closing { fill.qty.min(self.held()) } else { Qty::ZERO };
        let opened = fill.qty.checked_sub(closed)?;
        if !closed.is_zero() {
            // A pair of both sides is worth a dollar: closing at p of one side brings 1 − p.
            let brought = Exact::product(own_price.complement(), closed);
            let share = self.cost.pico().checked_mul(i128::from(closed.micro()))?;
            let share = share.checked_div(i128::from(self.held().micro()))?;
            let share = if closed == self.held() { self.cost } else { Exact::from_pico(share) };
            self.cost = minus(self.cost, share);
            self.realized = plus(self.realized, minus(brought, share));
        }
        let paid = Exact::product(own_price, opened);
        self.cost = plus(self.cost, paid);
        self.traded = plus(self.traded, Exact::product(own_price, fill.qty));
        self.volume = self.volume.checked_add(fill.qty).unwrap_or(self.volume);
        self.net = QtyChange::from_micro(net.checked_add(sign.checked_mul(qty)?)?);
        self.updated = fill.now;
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::rng::Rng;
    use super::*;
    use dutchbook_book::Rate;
    use dutchbook_book::fee::kalshi::{FeeType, Rule, schedule};

    fn fees(member: Member) -> OrderFees {
        let one = Rate::from_nano(1_000_000_000);
        OrderFees::new(
            schedule(FeeType::QuadraticWithMakerFees, one, Rule::Current(member)).unwrap(),
        )
    }

    const BOOK: BookId = BookId(3);

    fn fill(owner: u32, side: Side, pips: u32, centi: u64, role: Role) -> Fill {
        let (price, qty) = (Price::from_pips(pips).unwrap(), Qty::from_centi(centi).unwrap());
        Fill { owner: OwnerId(owner), book: BOOK, role, side, price, qty, now: Nanos(1) }
    }

    #[test]
    fn the_recorded_fill_costs_what_it_cost() {
        let mut ledger = Ledger::default();
        ledger.open(OwnerId(1), Member::Direct, Cash::from_micro(100_000_000));
        let mut order = fees(Member::Direct);
        let fee = ledger.fill(&fill(1, Side::Buy, 5_200, 100, Role::Taker), &mut order);
        assert_eq!(fee, Some(Cash::from_micro(17_500)));
        let holding = ledger.holding(OwnerId(1)).unwrap();
        assert_eq!(holding.cash, Cash::from_micro(100_000_000 - 537_500));
    }

    #[test]
    fn closing_brings_the_rest_of_the_dollar() {
        let mut ledger = Ledger::default();
        ledger.open(OwnerId(1), Member::Direct, Cash::from_micro(100_000_000));
        let mut order = fees(Member::Direct);
        // Ten NO at 0.40 (asks at 0.60), then four of them closed by buying YES at 0.50.
        ledger.fill(&fill(1, Side::Sell, 6_000, 1_000, Role::Maker), &mut order).unwrap();
        let position = ledger.position(OwnerId(1), BOOK);
        assert_eq!((position.net.micro(), position.cost), (-10_000_000, cash(4_000_000)));
        ledger.fill(&fill(1, Side::Buy, 5_000, 400, Role::Taker), &mut fees(Member::Direct));
        let position = ledger.position(OwnerId(1), BOOK);
        assert_eq!((position.net.micro(), position.cost), (-6_000_000, cash(2_400_000)));
        // 4 × (1 − 0.50) brought, less 4 × 0.40 paid.
        assert_eq!(position.realized, cash(400_000));
        let paid = ledger.settle(BOOK, false, Nanos(2));
        assert_eq!(paid[0].1.revenue, Cash::from_micro(6_000_000));
        assert!(ledger.settle(BOOK, false, Nanos(3)).is_empty(), "it pays once");
    }

    fn cash(micro: i64) -> Exact {
        Cash::from_micro(micro).exact()
    }

    const fn member_of(owner: u32) -> Member {
        if owner == 3 { Member::NonDirect } else { Member::Direct }
    }

    /// A match of two of six owners, in two fills where `twice`.
    fn random_match(ledger: &mut Ledger, rng: &mut Rng, twice: bool) {
        let maker = u32::try_from(rng.between(1, 6)).unwrap();
        let taker = maker % 6 + 1;
        let pips = u32::try_from(rng.between(1, 9_999)).unwrap();
        let centi = rng.between(2, 20_000);
        let side = if rng.coin() { Side::Buy } else { Side::Sell };
        for (owner, side, role) in [(taker, side, Role::Taker), (maker, side.other(), Role::Maker)]
        {
            let mut order = fees(member_of(owner));
            for centi in [centi, centi / 2].iter().take(1 + usize::from(twice)) {
                let part = fill(owner, side, pips, *centi, role);
                assert!(ledger.fill(&part, &mut order).is_some());
            }
        }
    }

    #[test]
    fn accounts_close_after_any_matches_and_after_payout() {
        for seed in 0..20 {
            println!("seed {seed}");
            let mut rng = Rng::new(seed, 1);
            let mut ledger = Ledger::default();
            for owner in 1..4 {
                ledger.open(OwnerId(owner), member_of(owner), Cash::from_micro(50_000_000_000));
            }
            for step in 0..400_u64 {
                random_match(&mut ledger, &mut rng, step % 3 == 0);
                assert_eq!(ledger.closes(), Ok(()));
            }
            assert!(ledger.fees() > Exact::ZERO);
            ledger.settle(BOOK, seed % 2 == 0, Nanos(9));
            assert_eq!(ledger.closes(), Ok(()));
            assert!(ledger.open_interest(BOOK).is_zero());
        }
    }
}

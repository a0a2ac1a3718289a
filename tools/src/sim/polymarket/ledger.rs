//! Who has what: cash, contracts, what open orders reserve, and what is under way to settlement.
//!
//! A match takes from both sides at once what they give, and holds it; settlement hands it over, or
//! gives it back when it fails. Nobody therefore can spend what may still be taken back, and at any
//! moment cash + held + complete sets + fees is what was deposited, to the micro-dollar.

use std::collections::BTreeMap;

use dutchbook_book::{BookId, Cash, Face, InstrumentId, Qty, Side};

use super::super::matching::OwnerId;

/// Millionths of a dollar or of a contract, signed.
type Micro = i64;

/// One side of a match.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) owner: OwnerId,
    /// The token that its order named.
    pub(super) instrument: InstrumentId,
    /// What its order does with that token.
    pub(super) side: Side,
    pub(super) qty: Qty,
    /// What it pays (buy) or gets (sell), before the fee.
    pub(super) cash: Cash,
    /// What the venue takes beside that.
    pub(super) fee: Cash,
}

/// How two orders met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum MatchKind {
    /// A buyer and a seller of one token.
    Complementary,
    /// Buyers of both tokens: a set is made of their cash.
    Mint,
    /// Sellers of both tokens: a set is turned into cash for them.
    Merge,
}

/// Two orders that met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cleared {
    pub(super) taker: Part,
    pub(super) maker: Part,
}

impl Cleared {
    pub(super) const fn kind(&self) -> MatchKind {
        match (self.taker.side, self.maker.side) {
            (Side::Buy, Side::Buy) => MatchKind::Mint,
            (Side::Sell, Side::Sell) => MatchKind::Merge,
            (Side::Buy, Side::Sell) | (Side::Sell, Side::Buy) => MatchKind::Complementary,
        }
    }
}

/// What one owner has.
#[derive(Clone, Debug, Default)]
struct Account {
    cash: Micro,
    cash_reserved: Micro,
    held: BTreeMap<InstrumentId, Micro>,
    reserved: BTreeMap<InstrumentId, Micro>,
}

/// The sums that must close.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Audit {
    /// Everything ever paid in, in 1e-6 $.
    pub deposits: i128,
    /// Cash of all accounts.
    pub cash: i128,
    /// Cash held for matches that are not settled yet.
    pub held: i128,
    /// Complete sets outstanding, each worth a dollar.
    pub sets: i128,
    /// Fees taken.
    pub fees: i128,
    /// Whether each market has as many YES as NO contracts as it has sets, and nobody owes.
    pub is_sound: bool,
}

impl Audit {
    /// Whether every dollar paid in is somewhere.
    #[must_use]
    pub const fn closes(&self) -> bool {
        self.is_sound && self.deposits == self.cash + self.held + self.sets + self.fees
    }
}

/// All accounts.
#[derive(Clone, Debug, Default)]
pub(super) struct Ledger {
    accounts: BTreeMap<OwnerId, Account>,
    sets: BTreeMap<BookId, i128>,
    /// Contracts given by sellers of matches that are not settled yet.
    in_flight: BTreeMap<InstrumentId, Micro>,
    deposits: i128,
    held_cash: i128,
    fees: i128,
}

/// Quantities are at most 1e18.
fn micro(qty: Qty) -> Micro {
    i64::try_from(qty.micro()).unwrap_or(i64::MAX)
}

fn qty(micro: Micro) -> Qty {
    u64::try_from(micro).ok().and_then(Qty::from_micro).unwrap_or(Qty::ZERO)
}

impl Ledger {
    pub(super) fn deposit(&mut self, owner: OwnerId, cash: Cash) {
        self.accounts.entry(owner).or_default().cash += cash.micro();
        self.deposits += i128::from(cash.micro());
    }

    /// Turns cash into complete sets.
    pub(super) fn split(&mut self, owner: OwnerId, book: BookId, count: Qty) {
        let account = self.accounts.entry(owner).or_default();
        account.cash -= micro(count);
        for face in [Face::Yes, Face::No] {
            *account.held.entry(book.instrument(face)).or_default() += micro(count);
        }
        *self.sets.entry(book).or_default() += i128::from(micro(count));
    }

    /// Turns complete sets back into cash.
    pub(super) fn merge(&mut self, owner: OwnerId, book: BookId, count: Qty) {
        let account = self.accounts.entry(owner).or_default();
        account.cash += micro(count);
        for face in [Face::Yes, Face::No] {
            *account.held.entry(book.instrument(face)).or_default() -= micro(count);
        }
        *self.sets.entry(book).or_default() -= i128::from(micro(count));
    }

    /// All cash of an owner, what open orders reserve included.
    pub(super) fn cash(&self, owner: OwnerId) -> Cash {
        Cash::from_micro(self.accounts.get(&owner).map_or(0, |account| account.cash))
    }

    /// Cash that no open order reserves.
    pub(super) fn free_cash(&self, owner: OwnerId) -> Cash {
        let free = |account: &Account| account.cash - account.cash_reserved;
        Cash::from_micro(self.accounts.get(&owner).map_or(0, free))
    }

    /// Every token of which an owner has some.
    pub(super) fn holdings(&self, owner: OwnerId) -> Vec<(InstrumentId, Qty)> {
        let account = self.accounts.get(&owner);
        let held = account.into_iter().flat_map(|account| &account.held);
        held.filter(|(_, count)| **count > 0).map(|(of, count)| (*of, qty(*count))).collect()
    }

    /// All contracts of an owner, what open orders reserve included.
    pub(super) fn held(&self, owner: OwnerId, instrument: InstrumentId) -> Qty {
        let account = self.accounts.get(&owner);
        qty(account.and_then(|account| account.held.get(&instrument)).copied().unwrap_or(0))
    }

    /// Contracts that no open order reserves.
    pub(super) fn free_qty(&self, owner: OwnerId, instrument: InstrumentId) -> Qty {
        let account = self.accounts.get(&owner);
        let reserved = account.and_then(|account| account.reserved.get(&instrument)).copied();
        qty(micro(self.held(owner, instrument)) - reserved.unwrap_or(0))
    }

    /// Reserves cash, or gives it free when negative.
    pub(super) fn reserve_cash(&mut self, owner: OwnerId, change: Micro) {
        self.accounts.entry(owner).or_default().cash_reserved += change;
    }

    /// Reserves contracts, or gives them free when negative.
    pub(super) fn reserve_qty(&mut self, owner: OwnerId, instrument: InstrumentId, change: Micro) {
        let reserved = &mut self.accounts.entry(owner).or_default().reserved;
        let entry = reserved.entry(instrument).or_default();
        *entry += change;
        if *entry == 0 {
            reserved.remove(&instrument);
        }
    }

    /// Takes what both sides give, until it is settled.
    pub(super) fn hold(&mut self, cleared: &Cleared) {
        self.hold_part(&cleared.taker, 1);
        self.hold_part(&cleared.maker, 1);
    }

    /// Gives back what was held: the match failed.
    pub(super) fn undo(&mut self, cleared: &Cleared) {
        self.hold_part(&cleared.taker, -1);
        self.hold_part(&cleared.maker, -1);
    }

    fn hold_part(&mut self, part: &Part, sign: Micro) {
        let account = self.accounts.entry(part.owner).or_default();
        match part.side {
            Side::Buy => {
                let gives = sign * (part.cash.micro() + part.fee.micro());
                account.cash -= gives;
                self.held_cash += i128::from(gives);
            }
            Side::Sell => {
                let gives = sign * micro(part.qty);
                *account.held.entry(part.instrument).or_default() -= gives;
                *self.in_flight.entry(part.instrument).or_default() += gives;
            }
        }
    }

    /// Hands over what was held.
    pub(super) fn settle(&mut self, cleared: &Cleared) {
        let book = cleared.taker.instrument.book();
        let count = i128::from(micro(cleared.taker.qty));
        match cleared.kind() {
            MatchKind::Mint => *self.sets.entry(book).or_default() += count,
            MatchKind::Merge => *self.sets.entry(book).or_default() -= count,
            MatchKind::Complementary => {}
        }
        // A set made takes a dollar out of the cash held; a set dissolved puts one in.
        self.held_cash -= match cleared.kind() {
            MatchKind::Mint => count,
            MatchKind::Merge => -count,
            MatchKind::Complementary => 0,
        };
        for part in [&cleared.taker, &cleared.maker] {
            let account = self.accounts.entry(part.owner).or_default();
            let fee = i128::from(part.fee.micro());
            self.fees += fee;
            self.held_cash -= fee;
            match part.side {
                Side::Buy => {
                    *account.held.entry(part.instrument).or_default() += micro(part.qty);
                }
                Side::Sell => {
                    account.cash += part.cash.micro() - part.fee.micro();
                    self.held_cash -= i128::from(part.cash.micro()) - fee;
                    *self.in_flight.entry(part.instrument).or_default() -= micro(part.qty);
                }
            }
        }
    }

    /// Pays the winners of a market a dollar each. Nothing of it may be under way.
    pub(super) fn pay_out(&mut self, book: BookId, winner: Face) {
        for account in self.accounts.values_mut() {
            let won = account.held.remove(&book.instrument(winner)).unwrap_or(0);
            account.held.remove(&book.instrument(winner.other()));
            account.cash += won;
        }
        self.sets.remove(&book);
    }

    /// Every sum, and whether it is what the parts say.
    pub(super) fn audit(&self) -> Audit {
        let mut audit = Audit {
            deposits: self.deposits,
            held: self.held_cash,
            fees: self.fees,
            ..Audit::default()
        };
        let mut supply: BTreeMap<InstrumentId, i128> = BTreeMap::new();
        for (instrument, count) in &self.in_flight {
            *supply.entry(*instrument).or_default() += i128::from(*count);
        }
        let mut nobody_owes = true;
        for account in self.accounts.values() {
            audit.cash += i128::from(account.cash);
            nobody_owes &= account.cash >= account.cash_reserved && account.cash_reserved >= 0;
            for (instrument, count) in &account.held {
                *supply.entry(*instrument).or_default() += i128::from(*count);
                let reserved = account.reserved.get(instrument).copied().unwrap_or(0);
                nobody_owes &= *count >= reserved && reserved >= 0;
            }
        }
        audit.sets = self.sets.values().sum();
        let sets = |instrument: &InstrumentId| self.sets.get(&instrument.book()).copied();
        audit.is_sound = nobody_owes
            && supply.iter().all(|(instrument, count)| sets(instrument).unwrap_or(0) == *count);
        audit
    }
}

//! What a wallet does on its chain beside trading: sets of both tokens for dollars, and back.
//!
//! The venue has no call for it; its clients send transactions. Here the control endpoint stands for
//! the chain. A winner is paid at once when its market is decided: nobody has to redeem.

use alloy_primitives::Address;
use dutchbook_book::{Cash, Face, Qty};

use super::facts::FACES;
use super::venue::Venue;

/// A transaction with the contracts that hold the collateral.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Collateral {
    /// Dollars become as many YES and NO.
    Split,
    /// As many YES and NO become dollars.
    Merge,
}

/// Why a transaction is reverted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Reverted {
    /// No account has this wallet.
    #[error("no account has this wallet")]
    Wallet,
    /// There is no such condition, or it is decided.
    #[error("there is no such condition that is open")]
    Condition,
    /// The wallet has not that much free.
    #[error("the wallet has not that much that no order reserves")]
    Balance,
}

impl Venue {
    /// Carries a transaction out.
    ///
    /// # Errors
    /// When it is reverted; nothing has changed then.
    pub fn transact(
        &mut self,
        what: Collateral,
        wallet: &str,
        condition: &str,
        count: Qty,
    ) -> Result<(), Reverted> {
        let address: Address = wallet.parse().map_err(|_| Reverted::Wallet)?;
        let owner = self.people.owner(address).ok_or(Reverted::Wallet)?;
        let book = self.facts.by_condition(condition).map(|facts| facts.book);
        let book = book.filter(|book| !self.winners.contains_key(book));
        let book = book.ok_or(Reverted::Condition)?;
        let dollars = i64::try_from(count.micro()).map_err(|_| Reverted::Balance)?;
        let has_enough = match what {
            Collateral::Split => self.ledger.free_cash(owner) >= Cash::from_micro(dollars),
            Collateral::Merge => {
                let free = |face: Face| self.ledger.free_qty(owner, book.instrument(face));
                FACES.into_iter().all(|face| free(face) >= count)
            }
        };
        if !has_enough {
            return Err(Reverted::Balance);
        }
        match what {
            Collateral::Split => self.ledger.split(owner, book, count),
            Collateral::Merge => self.ledger.merge(owner, book, count),
        }
        Ok(())
    }
}

//! Accounts that the simulated venues open before they serve.

use super::kalshi::{AccountError, AccountSpec};
use super::polymarket::account::WalletSpec;
use super::polymarket::venue::FundError;

/// Who has money where, beside those whom a venue funds by itself.
#[derive(Clone, Debug, Default)]
pub struct Accounts {
    /// Accounts at Kalshi.
    pub kalshi: Vec<AccountSpec>,
    /// Wallets at Polymarket.
    pub polymarket: Vec<WalletSpec>,
}

/// Why an account cannot be opened.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AccountsError {
    /// Kalshi does not take it.
    #[error(transparent)]
    Kalshi(#[from] AccountError),
    /// Polymarket does not take it.
    #[error("account {address:?}: {source}")]
    Polymarket {
        /// As the entry has it.
        address: String,
        /// What is wrong with it.
        source: FundError,
    },
}

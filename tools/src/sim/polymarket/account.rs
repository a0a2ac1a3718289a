//! Wallets as a file gives them, and a fresh key for whoever has none.

use alloy_primitives::hex;
use dutchbook_book::Cash;
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive as _;
use serde::Deserialize;

use super::eip712::address_of_key;

/// What a fresh key starts with.
const TEST_BALANCE: &str = "100000";

/// One entry of an accounts file.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WalletSpec {
    /// Of a key, or of a wallet that belongs to one.
    pub address: String,
    /// Dollars as text.
    pub balance: String,
}

impl WalletSpec {
    /// The balance; none where it is no exact amount.
    #[must_use]
    pub fn cash(&self) -> Option<Cash> {
        let dollars = Decimal::from_str_exact(&self.balance).ok()?;
        let micro = dollars.checked_mul(Decimal::from(Cash::ONE.micro()))?.normalize();
        if micro.scale() > 0 {
            return None;
        }
        Some(Cash::from_micro(micro.to_i64()?))
    }
}

/// A key that nobody else has, and the money on its own address.
#[derive(Clone, Debug)]
pub struct TestKey {
    /// The entry for an accounts file.
    pub wallet: WalletSpec,
    /// `0x` and 64 digits, for the client.
    pub private_key: String,
}

/// Makes a key. Reads the system's randomness.
///
/// # Errors
/// When the system has no randomness.
pub fn test_key() -> Result<TestKey, aws_lc_rs::error::Unspecified> {
    let mut secret = [0; 32];
    let address = loop {
        aws_lc_rs::rand::fill(&mut secret)?;
        // All but a vanishing few of the numbers of 32 bytes are keys.
        if let Some(address) = address_of_key(secret) {
            break address;
        }
    };
    let wallet = WalletSpec { address: address.to_string(), balance: TEST_BALANCE.to_owned() };
    Ok(TestKey { wallet, private_key: hex::encode_prefixed(secret) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn balances_are_exact_or_refused() {
        let cash = |balance: &str| {
            WalletSpec { address: String::new(), balance: balance.to_owned() }.cash()
        };
        assert_eq!(cash("100000"), Some(Cash::from_micro(100_000_000_000)));
        assert_eq!(cash("0.000001"), Some(Cash::from_micro(1)));
        assert_eq!(cash("1.2500000"), Some(Cash::from_micro(1_250_000)));
        for wrong in ["", "1e3", "0.0000001", "$5", "99999999999999999999"] {
            assert_eq!(cash(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn fresh_keys_differ() {
        let (one, other) = (test_key().unwrap(), test_key().unwrap());
        assert_ne!(one.private_key, other.private_key);
        assert_ne!(one.wallet.address, other.wallet.address);
        assert_eq!((one.private_key.len(), one.wallet.address.len()), (66, 42));
    }
}

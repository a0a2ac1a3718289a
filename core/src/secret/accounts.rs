//! The accounts of a configuration with their secrets read: what signs, and for whom.

use alloy_primitives::Address;
use dutchbook_exec::sign::api_key::ApiKeyError;
use dutchbook_exec::sign::ecdsa::Signer;
use dutchbook_exec::venue::kalshi;
use dutchbook_exec::venue::polymarket::auth::Credentials;
use dutchbook_exec::venue::polymarket::order::{Account, WalletKind};
use dutchbook_exec::venue::polymarket::wallet::Wallets;
use serde::Deserialize;
use zeroize::Zeroizing;

use super::{SecretError, SecretSource, wallet_key};
use crate::config::{KalshiAccount, PolymarketAccount};

/// Why an account cannot be opened. No variant repeats a secret.
#[derive(Debug, thiserror::Error)]
pub enum AccountError {
    /// A secret cannot be read.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// API credentials in another form.
    #[error(
        "API credentials: expected JSON with apiKey, secret (base64) and passphrase, as \
         `dutchbook keys polymarket` writes it"
    )]
    Credentials,
    /// A wallet that no key of ours controls.
    #[error(
        "live.polymarket.wallet_address {given} is not the {kind} wallet of the key: {derived}"
    )]
    Wallet {
        /// What the configuration says.
        given: Address,
        /// The kind that it says.
        kind: &'static str,
        /// What follows from the key.
        derived: String,
    },
    /// The file holds no key of a known kind.
    #[error("the private key of live.kalshi: {0}")]
    Key(#[from] ApiKeyError),
    /// The system has no randomness.
    #[error("the system gives no random bytes: {0}")]
    Randomness(#[from] getrandom::Error),
}

/// API credentials of Polymarket as its API writes them.
#[derive(Clone)]
pub struct ApiSecrets {
    /// The key's name: not secret.
    pub api_key: String,
    secret: Zeroizing<String>,
    passphrase: Zeroizing<String>,
}

impl core::fmt::Debug for ApiSecrets {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("ApiSecrets").field("api_key", &self.api_key).finish_non_exhaustive()
    }
}

impl ApiSecrets {
    /// Reads them from JSON.
    ///
    /// # Errors
    /// When it is something else.
    pub fn parse(text: &str) -> Result<Self, AccountError> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Wire {
            api_key: String,
            secret: String,
            passphrase: String,
        }
        let wire: Wire = serde_json::from_str(text).map_err(|_| AccountError::Credentials)?;
        let (secret, passphrase) = (Zeroizing::new(wire.secret), Zeroizing::new(wire.passphrase));
        Ok(Self { api_key: wire.api_key, secret, passphrase })
    }

    /// What stamps requests for the owner of the key.
    ///
    /// # Errors
    /// When the secret is no base64.
    pub fn credentials(&self, owner: Address) -> Result<Credentials, AccountError> {
        Credentials::new(owner, &self.api_key, &self.secret, &self.passphrase)
            .map_err(|_| AccountError::Credentials)
    }
}

/// An account on Polymarket, ready to sign.
#[derive(Debug)]
pub struct PolymarketKeys {
    /// The wallet's key.
    pub signer: Signer,
    /// Whose orders they are.
    pub account: Account,
    /// API credentials, where the configuration names them.
    pub api: Option<ApiSecrets>,
}

impl PolymarketKeys {
    /// Reads the secrets of an account and checks that key and wallet belong together.
    ///
    /// # Errors
    /// When one cannot be read, or the wallet is not the key's.
    pub fn open(account: &PolymarketAccount) -> Result<Self, AccountError> {
        let mut seed = Zeroizing::new([0; 32]);
        getrandom::fill(seed.as_mut())?;
        let key = wallet_key(&account.key, account.passphrase.as_ref())?;
        let signer = Signer::new(key, &seed);
        let wallet = wallet_of(account, signer.address())?;
        let api = account.api.as_ref().map(SecretSource::read).transpose()?;
        let api = api.map(|text| ApiSecrets::parse(&text)).transpose()?;
        let account = Account::new(account.wallet, signer.address(), wallet);
        Ok(Self { signer, account, api })
    }
}

/// Where the money of a key lies, as the configuration says it and the key confirms it.
fn wallet_of(account: &PolymarketAccount, owner: Address) -> Result<Address, AccountError> {
    let wallets = Wallets::of(owner);
    let (kind, derived) = match account.wallet {
        WalletKind::Eoa => ("eoa", vec![owner]),
        WalletKind::Proxy => ("proxy", vec![wallets.proxy]),
        WalletKind::Safe => ("safe", vec![wallets.safe]),
        WalletKind::Deposit => ("deposit", vec![wallets.deposit_beacon, wallets.deposit_uups]),
    };
    let first = derived.first().copied().unwrap_or(owner);
    match account.wallet_address {
        None => Ok(first),
        Some(given) if derived.contains(&given) => Ok(given),
        Some(given) => {
            let derived: Vec<String> = derived.iter().map(Address::to_string).collect();
            Err(AccountError::Wallet { given, kind, derived: derived.join(" or ") })
        }
    }
}

/// Reads the key of an account on Kalshi.
///
/// # Errors
/// When it cannot be read or is none.
pub fn kalshi_keys(account: &KalshiAccount) -> Result<kalshi::auth::Credentials, AccountError> {
    let pem = account.key.read()?;
    Ok(kalshi::auth::Credentials::new(&account.key_id, &pem)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use dutchbook_exec::venue::polymarket::exchange::Chain;
    use std::io::Write as _;
    use std::os::unix::fs::OpenOptionsExt as _;

    const KEY: &str = "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80";

    fn secret_file(name: &str, text: &str) -> SecretSource {
        let path = std::env::temp_dir().join(format!("dutchbook-{}-{name}", std::process::id()));
        let mut options = std::fs::OpenOptions::new();
        let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(&path);
        file.as_mut().unwrap().write_all(text.as_bytes()).unwrap();
        SecretSource::File(path)
    }

    #[test]
    fn key_and_wallet_must_belong_together() {
        let key = secret_file("wallet-key", KEY);
        let mut account = PolymarketAccount {
            key,
            passphrase: None,
            api: None,
            wallet: WalletKind::Safe,
            wallet_address: None,
            chain: Chain::Polygon,
            user_ws_url: String::new(),
        };
        let open = PolymarketKeys::open(&account).unwrap();
        let owner = open.signer.address();
        assert_eq!((open.account.maker, open.account.signer), (Wallets::of(owner).safe, owner));
        account.wallet_address = Some(Wallets::of(owner).safe);
        assert_eq!(PolymarketKeys::open(&account).unwrap().account, open.account);
        account.wallet = WalletKind::Deposit;
        let error = PolymarketKeys::open(&account).unwrap_err().to_string();
        assert!(error.contains("is not the deposit wallet of the key"), "{error}");
        account.wallet_address = Some(Wallets::of(owner).deposit_uups);
        let open = PolymarketKeys::open(&account).unwrap();
        assert_eq!(open.account.signer, Wallets::of(owner).deposit_uups);
        let good = r#"{"apiKey":"k","secret":"c2VjcmV0","passphrase":"hush"}"#;
        account.api = Some(secret_file("api", good));
        let api = PolymarketKeys::open(&account).unwrap().api.unwrap();
        assert!(api.credentials(owner).is_ok());
        assert!(!format!("{api:?}").contains("hush"));
        account.api = Some(secret_file("api", r#"{"apiKey":"hush"}"#));
        let error = PolymarketKeys::open(&account).unwrap_err().to_string();
        assert!(error.contains("dutchbook keys polymarket") && !error.contains("hush"), "{error}");
        for source in [Some(account.key), account.api].into_iter().flatten() {
            if let SecretSource::File(path) = source {
                std::fs::remove_file(path).unwrap();
            }
        }
    }
}

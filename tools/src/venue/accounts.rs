//! Accounts that the command line gives to a simulated venue.

use std::io::Write;
use std::path::Path;

use dutchbook_book::catalog::VenueKind;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::{VenueArgs, VenueError};
use crate::sim::accounts::Accounts;
use crate::sim::kalshi::test_account;
use crate::sim::polymarket::account::test_key;

/// Reads the file of accounts and makes a fresh one, as the arguments say.
pub(super) fn asked_for(args: &VenueArgs, out: &mut impl Write) -> Result<Accounts, VenueError> {
    let kind = args.which.kind();
    let mut accounts = match &args.accounts {
        Some(path) => read(kind, path)?,
        None => Accounts::default(),
    };
    if args.print_test_account {
        let printed = fresh(args, &mut accounts)?;
        writeln!(out, "{printed}").map_err(VenueError::Output)?;
    }
    Ok(accounts)
}

fn read(kind: VenueKind, path: &Path) -> Result<Accounts, VenueError> {
    let mut accounts = Accounts::default();
    match kind {
        VenueKind::Kalshi => accounts.kalshi = entries(path)?,
        VenueKind::Polymarket => accounts.polymarket = entries(path)?,
    }
    Ok(accounts)
}

fn entries<T: DeserializeOwned>(path: &Path) -> Result<Vec<T>, VenueError> {
    let unread = |source| VenueError::Read { path: path.to_owned(), source };
    let text = std::fs::read_to_string(path).map_err(unread)?;
    serde_json::from_str(&text)
        .map_err(|source| VenueError::Accounts { path: path.to_owned(), source })
}

/// Adds an account whose secret nobody else has; what it returns has all that a client needs.
fn fresh(args: &VenueArgs, accounts: &mut Accounts) -> Result<Value, VenueError> {
    match args.which.kind() {
        VenueKind::Kalshi => {
            let made =
                test_account(args.test_key.key_type()).map_err(|_| VenueError::Randomness)?;
            let printed = json!({
                "key_id": made.account.key_id,
                "private_key_pem": made.private_key_pem,
                "public_key_pem": made.account.public_key_pem,
                "balance": made.account.balance,
            });
            accounts.kalshi.push(made.account);
            Ok(printed)
        }
        VenueKind::Polymarket => {
            let made = test_key().map_err(|_| VenueError::Randomness)?;
            let printed = json!({
                "address": made.wallet.address,
                "private_key": made.private_key,
                "balance": made.wallet.balance,
            });
            accounts.polymarket.push(made.wallet);
            Ok(printed)
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        args: VenueArgs,
    }

    fn asked(line: &[&str]) -> (Result<Accounts, VenueError>, String) {
        let words = ["venue"].iter().chain(line);
        let mut out = Vec::new();
        let accounts = asked_for(&Line::parse_from(words).args, &mut out);
        (accounts, String::from_utf8(out).unwrap())
    }

    #[test]
    fn a_printed_account_is_an_open_one() {
        let (accounts, printed) = asked(&["kalshi", "--print-test-account"]);
        let told: Value = serde_json::from_str(&printed).unwrap();
        let account = &accounts.unwrap().kalshi[0];
        assert_eq!(told["key_id"], account.key_id);
        assert_eq!(told["balance"], "10000.0000");
        assert!(told["private_key_pem"].as_str().unwrap().contains("PRIVATE KEY"));
        let (accounts, printed) = asked(&["polymarket", "--print-test-account"]);
        let told: Value = serde_json::from_str(&printed).unwrap();
        assert_eq!(told["address"], accounts.unwrap().polymarket[0].address);
    }

    #[test]
    fn a_file_gives_accounts_or_says_what_is_wrong() {
        let path = std::env::temp_dir().join(format!("accounts-{}.json", std::process::id()));
        let name = path.to_str().unwrap();
        let line = ["polymarket", "--accounts", name];
        std::fs::write(&path, r#"[{"address":"0xab","balance":"5.25"}]"#).unwrap();
        let (accounts, printed) = asked(&line);
        assert_eq!(accounts.unwrap().polymarket[0].balance, "5.25");
        assert_eq!(printed, "");
        std::fs::write(&path, r#"[{"address":"0xab","balance":5}]"#).unwrap();
        let error = asked(&line).0.unwrap_err().to_string();
        assert!(error.contains("no list of accounts"), "{error}");
        std::fs::remove_file(&path).unwrap();
        let error = asked(&line).0.unwrap_err().to_string();
        assert!(error.starts_with("cannot read"), "{error}");
    }
}

//! What a run with real orders needs: accounts at the venues, and something to trade.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use dutchbook_core::relation::file::{File, Kind, Pays, StateKind};

use crate::approved::everything_in_common;
use crate::programs::Venue;

/// Arguments of a run with this configuration.
pub(crate) fn arguments(config: &Path) -> Vec<String> {
    ["run", "--json", "--config", config.to_str().unwrap()].map(str::to_owned).into()
}

/// Approves what both venues list, the wrong way round: the engine finds an edge in every price, and
/// has something to do. What the trades are worth is not asked here, only that they are accounted for.
pub(crate) fn pair_up(config: &Path, polymarket: &Venue, kalshi: &Venue) {
    let path = everything_in_common(config.parent().unwrap(), polymarket, kalshi);
    let mut file = File::parse(&std::fs::read_to_string(&path).unwrap()).unwrap();
    file.relations.retain_mut(|entry| {
        entry.kind = match entry.kind {
            Kind::Same => Kind::Inverse,
            Kind::Inverse => Kind::Same,
            Kind::Implies | Kind::Partition | Kind::Exclusive | Kind::Ladder | Kind::Union => {
                return false;
            }
        };
        let second = entry.markets[1].key.clone();
        for state in entry.states.iter_mut().filter(|state| state.kind == StateKind::Outcome) {
            let pays = if state.pays[&second] == Pays::Yes("1".to_owned()) { "0" } else { "1" };
            state.pays.insert(second.clone(), Pays::Yes(pays.to_owned()));
        }
        true
    });
    assert!(!file.relations.is_empty());
    std::fs::write(&path, file.to_toml().unwrap()).unwrap();
    let text = std::fs::read_to_string(config).unwrap();
    // What is approved here contradicts the venues: by their own laws the trades lose, at worst.
    let bounds = "daily_loss_usd_max = \"1000000\"\ndrawdown_usd_max = \"1000000\"";
    // Small trades: there is cash for more of them all the while.
    let size = "[evaluate]\ncapital_usd_max = \"10\"";
    let more = format!("[relations]\nfile = {path:?}\n[risk]\n{bounds}\n{size}\n");
    std::fs::write(config, text + &more).unwrap();
}

/// Adds the venues' accounts to a configuration, the secrets in files of their owner.
pub(crate) fn add_accounts(config: &Path, polymarket: &Venue, kalshi: &Venue, folder: &Path) {
    let secret = |name: &str, text: &str| {
        let path = folder.join(name);
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let [wallet, member] = [polymarket, kalshi].map(|venue| venue.account.clone().unwrap());
    let key = secret("wallet.key", wallet["private_key"].as_str().unwrap());
    let pem = secret("kalshi.pem", member["private_key_pem"].as_str().unwrap());
    let text = std::fs::read_to_string(config).unwrap();
    let stream = format!("[kalshi]\nkey_id = {}\nprivate_key_file = {pem:?}\n", member["key_id"]);
    let text = text.replacen("[kalshi]\n", &stream, 1);
    let api = folder.join("api.json");
    let accounts = format!(
        "[live.polymarket]\nkey_file = {key:?}\nwallet = \"eoa\"\n\
         user_ws_url = \"{}/ws/user\"\n[live.kalshi]\nkey_id = {}\nkey_file = {pem:?}\n",
        polymarket.ws(),
        member["key_id"],
    );
    std::fs::write(config, format!("{text}{accounts}")).unwrap();
    let made = Command::new(env!("CARGO_BIN_EXE_dutchbook"))
        .args(["keys", "polymarket", "--config", config.to_str().unwrap()])
        .args(["--out", api.to_str().unwrap()])
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let named = format!("wallet = \"eoa\"\napi_file = {api:?}\n");
    let accounts = accounts.replacen("wallet = \"eoa\"\n", &named, 1);
    std::fs::write(config, format!("{text}{accounts}")).unwrap();
}

//! What a run with real orders needs: accounts at the venues, and something to trade.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use dutchbook_book::catalog::VenueKind;
use dutchbook_tools::sim::Scenario;

use crate::programs::Venue;

/// Arguments of a run with this configuration and its pairs.
pub(crate) fn arguments(config: &Path) -> Vec<String> {
    let pairs = config.with_file_name("pairs.toml");
    let [config, pairs] = [config, &pairs].map(|path| path.to_str().unwrap().to_owned());
    ["run", "--json", "--config", &config, "--pairs", &pairs].map(str::to_owned).into()
}

/// Pairs what both venues list, the wrong way round: the engine finds an edge in every price, and has
/// something to do. What the trades are worth is not asked here, only that they are accounted for.
pub(crate) fn pair_up(config: &Path) {
    let scenario = Scenario::lasting(3, None).unwrap();
    let mut text = String::new();
    for condition in &scenario.catalog.conditions {
        let of = |kind| {
            let mut listings = scenario.catalog.listings_of_condition(condition.id);
            listings.find(|listing| listing.kind == kind).map(|listing| &listing.native_market)
        };
        if let (Some(one), Some(other)) = (of(VenueKind::Polymarket), of(VenueKind::Kalshi)) {
            text +=
                &format!("[[pair]]\npolymarket = {one:?}\nkalshi = {other:?}\ninverted = true\n");
        }
    }
    assert!(!text.is_empty());
    std::fs::write(config.with_file_name("pairs.toml"), text).unwrap();
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

//! The doctor, the keys and the kill switch as programs, against venues as programs.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod control {
    pub(crate) mod scene;
}

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use control::scene::{Scene, program, wait};
use serde_json::Value;

fn finding<'a>(report: &'a Value, about: &str) -> &'a Value {
    let list = report["findings"].as_array().unwrap();
    let found = list
        .iter()
        .filter(|it| it["about"] == about)
        .max_by_key(|it| ["good", "poor", "red"].iter().position(|word| it["severity"] == *word));
    found.unwrap_or_else(|| panic!("nothing about {about} in {report:#}"))
}

fn check(scene: &Scene) -> (Option<i32>, Value) {
    let (code, out, _) =
        program(&["check", "--live", "--json", "--config", scene.config.to_str().unwrap()]);
    (code, serde_json::from_str(&out).unwrap())
}

#[test]
fn a_good_set_up_has_nothing_red_and_each_fault_is_named_with_its_fix() {
    let scene = Scene::new("check");
    scene.make_credentials();
    let (code, report) = check(&scene);
    assert_eq!((code, &report["is_red"]), (Some(0), &Value::Bool(false)), "{report:#}");
    for about in [
        "config",
        "kill",
        "disk.permissions",
        "tls",
        "accounts",
        "polymarket.key",
        "polymarket.status",
        "polymarket.clock",
        "polymarket.api",
        "polymarket.account",
        "polymarket.balance",
        "polymarket.allowance",
        "kalshi.key",
        "kalshi.status",
        "kalshi.clock",
        "kalshi.api",
        "kalshi.balance",
        "fees",
    ] {
        assert_eq!(finding(&report, about)["severity"], "good", "{about}: {report:#}");
    }
    // A tier of ten orders a second is less than the default allows itself.
    assert_eq!(finding(&report, "kalshi.rates")["severity"], "poor", "{report:#}");
    for it in report["findings"].as_array().unwrap() {
        assert_eq!(it["severity"] == "good", it["fix"] == "", "{it}");
    }
    scene.no_secret_in(&report.to_string());

    // One fault after the other, each mended before the next.
    let red = |about: &str| {
        let (code, report) = check(&scene);
        assert_eq!(code, Some(1), "{report:#}");
        let it = finding(&report, about).clone();
        assert_eq!(it["severity"], "red", "{about}: {report:#}");
        assert_ne!(it["fix"], "");
        it["said"].as_str().unwrap().to_owned()
    };
    let mode = |path: &std::path::Path, mode| {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    };
    let wallet = scene.path("wallet.key");
    mode(&wallet, 0o644);
    assert!(red("polymarket.key").contains("chmod 600"));
    mode(&wallet, 0o600);
    let pem = scene.path("kalshi.pem");
    std::fs::write(&pem, "no key").unwrap();
    red("kalshi.key");
    std::fs::write(&pem, &scene.kalshi_pem).unwrap();
    let api = scene.path("api.json");
    let good = std::fs::read_to_string(&api).unwrap();
    std::fs::write(&api, good.replace("\"passphrase\":\"", "\"passphrase\":\"x")).unwrap();
    assert!(red("polymarket.api").contains("401"));
    std::fs::write(&api, good).unwrap();
    std::fs::write(scene.path("state").join("kill"), "").unwrap();
    assert!(red("kill").contains("latched"));
    let text = std::fs::read_to_string(&scene.config).unwrap();
    std::fs::write(&scene.config, text.replace("wallet = \"eoa\"", "wallet = 7")).unwrap();
    assert!(red("config").contains("live.polymarket.wallet"));
}

#[test]
fn credentials_are_made_once_and_kept_from_everybody_else() {
    let scene = Scene::new("keys");
    let first = scene.make_credentials();
    assert_eq!(first["created"], true, "{first}");
    let path = scene.path("api.json");
    let mode = std::fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let kept: Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
    assert_eq!(kept["apiKey"], first["api_key"]);
    let secret = kept["secret"].as_str().unwrap();
    assert!(!first.to_string().contains(secret), "{first}");
    // A file that is there is not overwritten; the venue's credentials are the same again.
    let config = scene.config.to_str().unwrap();
    let again =
        |out: &str| program(&["keys", "polymarket", "--json", "--config", config, "--out", out]);
    let (code, _, said) = again(path.to_str().unwrap());
    assert_eq!((code, said.lines().count()), (Some(1), 1), "{said}");
    let other = scene.path("again.json");
    let (code, out, said) = again(other.to_str().unwrap());
    assert_eq!(code, Some(0), "{said}");
    let out: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((&out["created"], &out["api_key"]), (&Value::Bool(false), &first["api_key"]));
    assert_eq!(std::fs::read_to_string(other).unwrap(), std::fs::read_to_string(path).unwrap());
}

#[test]
fn a_wallet_is_encrypted_and_opens_with_its_passphrase() {
    let scene = Scene::new("wallet");
    let phrase = scene.secret("phrase", "open sesame");
    let store = scene.path("wallet.json");
    let from = scene.path("wallet.key");
    let word = |path: &std::path::Path| path.to_str().unwrap().to_owned();
    let (code, out, said) = program(&[
        "keys",
        "wallet",
        "--json",
        "--out",
        &word(&store),
        "--from-file",
        &word(&from),
        "--passphrase-file",
        &word(&phrase),
    ]);
    assert_eq!(code, Some(0), "{said}");
    let out: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(out["address"].as_str().unwrap().to_lowercase(), scene.address.to_lowercase());
    scene.no_secret_in(&std::fs::read_to_string(&store).unwrap());
    let text = std::fs::read_to_string(&scene.config).unwrap();
    let text = text.replace("wallet.key", "wallet.json").replace(
        "[live.polymarket]\n",
        &format!("[live.polymarket]\npassphrase_file = {:?}\n", word(&phrase)),
    );
    std::fs::write(&scene.config, text).unwrap();
    assert_eq!(scene.make_credentials()["address"], out["address"]);

    let pem = scene.path("fresh.pem");
    let (code, out, said) = program(&["keys", "kalshi", "--json", "--out", &word(&pem)]);
    assert_eq!(code, Some(0), "{said}");
    let out: Value = serde_json::from_str(&out).unwrap();
    assert!(out["public_key_pem"].as_str().unwrap().starts_with("-----BEGIN PUBLIC KEY-----"));
    let private = std::fs::read_to_string(&pem).unwrap();
    assert!(private.starts_with("-----BEGIN PRIVATE KEY-----"));
    assert_eq!(std::fs::metadata(&pem).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn a_kill_cancels_every_order_verifies_it_and_holds_until_somebody_clears_it() {
    let scene = Scene::new("kill");
    scene.make_credentials();
    scene.rest_orders();
    assert_eq!(scene.open_orders(), [1, 1]);
    // One venue is away for a moment: it is asked until it answers.
    scene.kalshi.control(r#"{"restart":{"down_ms":1500,"post_only_ms":1}}"#);
    let config = scene.config.to_str().unwrap().to_owned();
    let (code, out, said) =
        program(&["kill", "--json", "--config", &config, "--reason", "a test of it"]);
    assert_eq!(code, Some(0), "{said}{out}");
    let out: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((&out["verified"], &out["cause"]), (&Value::Bool(true), &"command".into()));
    assert_eq!(out["venues"].as_array().unwrap().len(), 2, "{out:#}");
    assert_eq!(scene.open_orders(), [0, 0]);
    scene.no_secret_in(&out.to_string());

    let run = || program(&["run", "--json", "--config", &config, "--seconds", "1"]);
    let (code, _, said) = run();
    assert_eq!((code, said.lines().count()), (Some(1), 1), "{said}");
    assert!(said.contains("a test of it") && said.contains("dutchbook clear"), "{said}");
    let (code, _, said) = program(&["clear", "--config", &config]);
    assert_eq!(code, Some(2), "{said}");
    let (code, out, said) = program(&["clear", "--config", &config, "--by", "A. Trader"]);
    assert_eq!(code, Some(0), "{said}");
    assert!(out.contains("cleared by A. Trader"), "{out}");
    let (code, _, said) = run();
    assert_eq!(code, Some(0), "{said}");
}

#[test]
fn a_kill_that_no_venue_confirms_fails_and_is_not_cleared_lightly() {
    let mut scene = Scene::new("unverified");
    scene.make_credentials();
    let config = scene.config.to_str().unwrap().to_owned();
    let text = std::fs::read_to_string(&config).unwrap();
    std::fs::write(&config, text.replace("[kill]\n", "[kill]\nverify_s_max = 1\n")).unwrap();
    scene.kalshi.stop();
    let (code, out, _) = program(&["kill", "--json", "--config", &config]);
    let out: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, &out["verified"]), (Some(1), &Value::Bool(false)), "{out:#}");
    let (code, _, said) = program(&["clear", "--config", &config, "--by", "A. Trader"]);
    assert_eq!(code, Some(1));
    assert!(said.contains("--unverified") && said.contains("kalshi"), "{said}");
    let (code, _, said) =
        program(&["clear", "--config", &config, "--by", "A. Trader", "--unverified"]);
    assert_eq!(code, Some(0), "{said}");
}

#[test]
fn a_run_is_ended_by_signal_file_command_and_endpoint() {
    let scene = Scene::new("ways");
    let config = scene.config.to_str().unwrap().to_owned();
    let state = scene.path("state");
    for cause in ["signal", "file", "command", "endpoint"] {
        let child = scene.run();
        let port = scene.port;
        wait(Duration::from_millis(300));
        assert!(scene.is_up(), "the run does not come up");
        match cause {
            "signal" => {
                let id = child.id().to_string();
                let told = std::process::Command::new("kill").args(["-USR1", &id]).status();
                assert!(told.unwrap().success());
            }
            "file" => std::fs::write(state.join("kill"), "").unwrap(),
            "command" => {
                // Latches at once; that no venue can be asked for orders here is no matter.
                let (_, out, said) = program(&["kill", "--json", "--config", &config]);
                assert!(out.contains("\"latched\": true"), "{out}{said}");
            }
            _ => {
                let mut socket = TcpStream::connect(("127.0.0.1", port)).unwrap();
                let request = "POST /kill HTTP/1.1\r\nHost: x\r\nX-Dutchbook: kill\r\n\r\n";
                socket.write_all(request.as_bytes()).unwrap();
                let mut reply = String::new();
                socket.read_to_string(&mut reply).unwrap();
                assert!(reply.starts_with("HTTP/1.1 202"), "{reply}");
            }
        }
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{cause}: {said}");
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(report["killed"]["cause"], cause, "{said}");
        let by = ["clear", "--config", &config, "--by", "a test", "--unverified"];
        let (code, _, said) = program(&by);
        assert_eq!(code, Some(0), "{said}");
    }
}

//! Two venues with one account each, a configuration that names both, and a few hands.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use alloy_primitives::U256;
use dutchbook_book::{Price, Qty, Side};
use dutchbook_core::clock::Clock;
use dutchbook_core::config::Config;
use dutchbook_core::http::{HttpClient, HttpLimits};
use dutchbook_core::secret::{PolymarketKeys, kalshi_keys};
use dutchbook_core::signed::{KalshiDesk, PolymarketDesk};
use dutchbook_core::tls::TlsRoots;
use dutchbook_exec::venue::polymarket::amounts::{Tick, limit};
use dutchbook_exec::venue::polymarket::exchange::Exchange;
use dutchbook_exec::venue::polymarket::order::{Envelope, OrderTemplate, OrderType, Terms};
use dutchbook_exec::wire::WireBuf;
use hyper::Method;
use hyper::body::Bytes;
use serde_json::{Value, json};

/// Runs the program to its end: exit code, standard output, standard error.
pub(crate) fn program(arguments: &[&str]) -> (Option<i32>, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_dutchbook")).args(arguments).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

#[expect(clippy::disallowed_methods, reason = "other processes work meanwhile")]
pub(crate) fn wait(span: Duration) {
    std::thread::sleep(span);
}

/// A venue's process and the account that it printed.
pub(crate) struct Venue {
    child: Child,
    url: String,
    account: Value,
}

impl Venue {
    fn start(which: &str) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_dutchbook"))
            .args(["venue", which, "--seed", "3", "--flow", "none", "--print-test-account"])
            .args(["--test-key", "ed25519"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut next = || lines.next().unwrap().unwrap();
        let account = serde_json::from_str(&next()).unwrap();
        let line = next();
        let Some(url) = line.trim().strip_prefix("listening on ") else {
            panic!("{which} says {line:?}");
        };
        Self { child, url: url.to_owned(), account }
    }

    fn ws(&self) -> String {
        self.url.replacen("http", "ws", 1)
    }

    /// Makes something go wrong.
    pub(crate) fn control(&self, plan: &str) {
        let reply = request(&self.url, &Method::POST, "/_control/faults", &[], plan.to_owned());
        assert!(reply.0 < 300, "{reply:?}");
    }

    pub(crate) fn stop(&mut self) {
        // One that has ended by itself is no trouble here.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

impl Drop for Venue {
    fn drop(&mut self) {
        self.stop();
    }
}

/// The venues, and the folder of one test.
pub(crate) struct Scene {
    pub(crate) polymarket: Venue,
    pub(crate) kalshi: Venue,
    folder: PathBuf,
    pub(crate) config: PathBuf,
    pub(crate) address: String,
    pub(crate) kalshi_pem: String,
    /// Of the endpoint of the kill switch.
    pub(crate) port: u16,
}

impl Scene {
    pub(crate) fn new(name: &str) -> Self {
        let folder =
            std::env::temp_dir().join(format!("dutchbook-control-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let (polymarket, kalshi) = (Venue::start("polymarket"), Venue::start("kalshi"));
        let text = |venue: &Venue, key: &str| venue.account[key].as_str().unwrap().to_owned();
        let (address, kalshi_pem) =
            (text(&polymarket, "address"), text(&kalshi, "private_key_pem"));
        // Free a moment ago; nobody else here asks for ports by number.
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let config = folder.join("engine.toml");
        let scene = Self { polymarket, kalshi, folder, config, address, kalshi_pem, port };
        scene.secret("wallet.key", &text(&scene.polymarket, "private_key"));
        scene.secret("kalshi.pem", &scene.kalshi_pem);
        std::fs::write(&scene.config, scene.text()).unwrap();
        scene
    }

    fn text(&self) -> String {
        let (clob, kalshi) = (&self.polymarket, &self.kalshi);
        format!(
            "[polymarket]\nclob_url = {0:?}\ngamma_url = {0:?}\nmarket_ws_url = \"{1}/ws/market\"\n\
             requests_per_s = 100\n\
             [kalshi]\napi_url = \"{2}/trade-api/v2\"\nws_url = \"{3}/trade-api/ws/v2\"\n\
             requests_per_s = 100\n\
             [tiles]\nlayout = \"single\"\nwait = \"park\"\n\
             [kill]\nstate_dir = {4:?}\nlisten = \"127.0.0.1:{5}\"\n\
             [live.polymarket]\nkey_file = {6:?}\napi_file = {7:?}\nwallet = \"eoa\"\n\
             [live.kalshi]\nkey_id = {8}\nkey_file = {9:?}\n",
            clob.url,
            clob.ws(),
            kalshi.url,
            kalshi.ws(),
            self.path("state"),
            self.port,
            self.path("wallet.key"),
            self.path("api.json"),
            kalshi.account["key_id"],
            self.path("kalshi.pem"),
        )
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Writes a file that only its owner can read.
    pub(crate) fn secret(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        let mut options = std::fs::OpenOptions::new();
        let mut file =
            options.write(true).create(true).truncate(true).mode(0o600).open(&path).unwrap();
        file.write_all(text.as_bytes()).unwrap();
        path
    }

    /// `dutchbook keys polymarket`.
    pub(crate) fn make_credentials(&self) -> Value {
        let out = self.path("api.json");
        let (code, out, said) = program(&[
            "keys",
            "polymarket",
            "--json",
            "--config",
            self.config.to_str().unwrap(),
            "--out",
            out.to_str().unwrap(),
        ]);
        assert_eq!(code, Some(0), "{said}");
        self.no_secret_in(&out);
        serde_json::from_str(&out).unwrap()
    }

    /// No secret of either account is printed.
    pub(crate) fn no_secret_in(&self, text: &str) {
        let key = self.polymarket.account["private_key"].as_str().unwrap();
        let pem = self.kalshi_pem.lines().nth(1).unwrap();
        for secret in [key.trim_start_matches("0x"), pem] {
            assert!(!text.contains(secret), "a secret is shown");
        }
    }

    /// Starts `run` on this configuration, without an end.
    pub(crate) fn run(&self) -> Child {
        Command::new(env!("CARGO_BIN_EXE_dutchbook"))
            .args(["run", "--json", "--config", self.config.to_str().unwrap()])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    }

    /// Waits until the endpoint of the kill switch answers.
    pub(crate) fn is_up(&self) -> bool {
        (0..400).any(|_| {
            wait(Duration::from_millis(50));
            TcpStream::connect(("127.0.0.1", self.port)).is_ok()
        })
    }

    fn config(&self) -> Config {
        Config::load(Some(&self.config)).unwrap()
    }

    /// One order far from the market on each venue.
    pub(crate) fn rest_orders(&self) {
        self.rest_on_polymarket();
        self.rest_on_kalshi();
    }

    fn rest_on_polymarket(&self) {
        let base = &self.polymarket.url;
        let (_, page) = request(base, &Method::GET, "/sampling-markets", &[], String::new());
        let market = &page["data"][0];
        let token: U256 = market["tokens"][0]["token_id"].as_str().unwrap().parse().unwrap();
        let is_neg_risk = market["neg_risk"].as_bool().unwrap();
        let tick = market["minimum_tick_size"].to_string();
        let config = self.config();
        let account = config.live.polymarket.as_ref().unwrap();
        let keys = PolymarketKeys::open(account).unwrap();
        let exchange = Exchange::of(token, is_neg_risk);
        let template = OrderTemplate::new(&keys.account, account.chain, exchange, token);
        let price = Price::from_micro(50_000).unwrap();
        let tick = Tick::from_micro(micro(&tick)).unwrap();
        let amounts = limit(tick, Side::Buy, price, Qty::from_contracts(20).unwrap()).unwrap();
        let now = Clock::new().now();
        let terms = Terms { salt: 7, side: Side::Buy, amounts, timestamp_ms: now.millis() };
        let order = template.sign(&terms, |digest| keys.signer.sign(digest));
        let api = keys.api.unwrap();
        let mut out = WireBuf::new(4_096);
        let envelope = Envelope {
            owner: &api.api_key,
            order_type: OrderType::Gtc,
            is_post_only: true,
            is_deferred: false,
        };
        template.write(&order, &envelope, &mut out);
        let body = String::from_utf8(out.as_bytes().to_vec()).unwrap();
        let credentials = api.credentials(keys.signer.address()).unwrap();
        let fields = credentials.fields(now.0 / 1_000_000_000, "POST", "/order", body.as_bytes());
        let reply = request(base, &Method::POST, "/order", &fields, body);
        assert_eq!((reply.0, &reply.1["success"]), (200, &Value::Bool(true)), "{reply:?}");
    }

    fn rest_on_kalshi(&self) {
        let base = &self.kalshi.url;
        let path = "/trade-api/v2/markets?limit=1&status=open";
        let (_, page) = request(base, &Method::GET, path, &[], String::new());
        let body = json!({
            "ticker": page["markets"][0]["ticker"],
            "client_order_id": "00000000-0000-4000-8000-000000000007",
            "side": "bid",
            "count": "2.00",
            "price": "0.0500",
            "time_in_force": "good_till_canceled",
            "self_trade_prevention_type": "taker_at_cross",
        });
        let keys = kalshi_keys(self.config().live.kalshi.as_ref().unwrap()).unwrap();
        let path = "/trade-api/v2/portfolio/events/orders";
        let fields = keys.fields(Clock::new().now().millis(), "POST", path).unwrap();
        let reply = request(base, &Method::POST, path, &fields, body.to_string());
        assert_eq!(reply.0, 201, "{reply:?}");
    }

    /// How many orders each account has open.
    pub(crate) fn open_orders(&self) -> [usize; 2] {
        let (config, clock) = (self.config(), Clock::new());
        let tls = TlsRoots::public().unwrap();
        let url = &config.venues.polymarket.as_ref().unwrap().clob_url;
        let mut polymarket = PolymarketDesk::new(url, tls.clone(), clock.clone()).unwrap();
        let keys = PolymarketKeys::open(config.live.polymarket.as_ref().unwrap()).unwrap();
        let owner = keys.signer.address();
        polymarket.use_credentials(keys.api.unwrap().credentials(owner).unwrap());
        let url = &config.venues.kalshi.as_ref().unwrap().api_url;
        let mut kalshi = KalshiDesk::new(url, tls, clock).unwrap();
        kalshi.use_credentials(kalshi_keys(config.live.kalshi.as_ref().unwrap()).unwrap());
        runtime().block_on(async {
            let one = polymarket.open_orders().await.unwrap();
            [one.len(), kalshi.open_orders().await.unwrap().len()]
        })
    }
}

/// A decimal text of dollars in millionths.
fn micro(text: &str) -> u32 {
    let (_, decimals) = text.trim_matches('"').split_once('.').unwrap();
    format!("{decimals:0<6}").parse().unwrap()
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

/// One request: status and body.
fn request(
    base: &str,
    method: &Method,
    path: &str,
    fields: &[(&str, String)],
    body: String,
) -> (u16, Value) {
    let tls = TlsRoots::public().unwrap();
    let limits = HttpLimits::default();
    let headers: Vec<(String, String)> =
        fields.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
    runtime().block_on(async {
        let mut http = HttpClient::new(base, tls, Clock::new(), limits).unwrap();
        let reply = http.send(method, path, &headers, Bytes::from(body)).await.unwrap();
        (reply.status, serde_json::from_slice(&reply.body).unwrap_or(Value::Null))
    })
}

impl Drop for Scene {
    fn drop(&mut self) {
        // A folder of temporary files that stays behind harms nobody.
        drop(std::fs::remove_dir_all(&self.folder));
    }
}

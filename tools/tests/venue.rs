//! `dutchbook venue` as a program: what it prints, how it ends, and what it survives.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use dutchbook_core::tls::TlsRoots;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// A running venue; it is stopped when dropped.
struct Venue {
    child: Child,
    /// `http://…` or `https://…`.
    url: String,
}

impl Venue {
    fn start(arguments: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_dutchbook"))
            .arg("venue")
            .args(arguments)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let line = lines.next().unwrap().unwrap();
        let url = line.strip_prefix("listening on ").unwrap().to_owned();
        Self { child, url }
    }

    fn address(&self) -> &str {
        self.url.split_once("://").unwrap().1
    }

    fn dial(&self) -> TcpStream {
        let socket = TcpStream::connect(self.address()).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        socket
    }

    /// One request on a connection of its own: status and body.
    fn ask(&self, method: &str, path: &str, body: &str) -> (u16, String) {
        let mut socket = self.dial();
        let length = body.len();
        write!(
            socket,
            "{method} {path} HTTP/1.1\r\nhost: venue\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}"
        )
        .unwrap();
        let mut reply = String::new();
        socket.read_to_string(&mut reply).unwrap();
        let (head, body) = reply.split_once("\r\n\r\n").unwrap();
        (status(head), body.to_owned())
    }

    /// Opens a WebSocket and sends bytes in the packet that ends the handshake.
    fn open(&self, path: &str, first: &[u8]) -> TcpStream {
        let mut socket = self.dial();
        let mut packet = format!(
            "GET {path} HTTP/1.1\r\nhost: venue\r\nupgrade: websocket\r\nconnection: Upgrade\r\nsec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        )
        .into_bytes();
        packet.extend_from_slice(first);
        socket.write_all(&packet).unwrap();
        let head = read_head(&mut socket);
        assert!(head.starts_with("HTTP/1.1 101"), "{head}");
        assert!(head.contains("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), "{head}");
        socket
    }

    fn memory_kib(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    }
}

impl Drop for Venue {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn status(head: &str) -> u16 {
    head.split_whitespace().nth(1).unwrap().parse().unwrap()
}

fn read_head(socket: &mut TcpStream) -> String {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        socket.read_exact(&mut byte).unwrap();
        head.extend(byte);
    }
    String::from_utf8(head).unwrap()
}

/// A client's frame: masked with zeros.
fn frame(opcode: u8, payload: &[u8]) -> Vec<u8> {
    let mut out = vec![opcode];
    match payload.len() {
        short @ 0..126 => out.push(0x80 | u8::try_from(short).unwrap()),
        long => {
            out.push(0x80 | 127);
            out.extend((long as u64).to_be_bytes());
        }
    }
    out.extend([0; 4]);
    out.extend(payload);
    out
}

const TEXT: u8 = 0x81;

/// The next frame of the venue: opcode byte and payload; `None` at the end.
fn next_frame(socket: &mut TcpStream) -> Option<(u8, Vec<u8>)> {
    let mut head = [0; 2];
    socket.read_exact(&mut head).ok()?;
    let length = match head[1] {
        126 => {
            let mut long = [0; 2];
            socket.read_exact(&mut long).ok()?;
            usize::from(u16::from_be_bytes(long))
        }
        127 => {
            let mut long = [0; 8];
            socket.read_exact(&mut long).ok()?;
            usize::try_from(u64::from_be_bytes(long)).unwrap()
        }
        short => usize::from(short),
    };
    let mut payload = vec![0; length];
    socket.read_exact(&mut payload).ok()?;
    Some((head[0], payload))
}

/// Reads until the venue closes; the code that it closed with, where it said one.
fn close_code(socket: &mut TcpStream) -> Option<u16> {
    while let Some((opcode, payload)) = next_frame(socket) {
        if opcode == 0x88 {
            return Some(u16::from_be_bytes([payload[0], payload[1]]));
        }
    }
    None
}

fn run(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_dutchbook")).arg("venue").args(arguments).output().unwrap()
}

#[test]
fn it_says_where_it_listens_and_ends_when_told() {
    let mut venue = Venue::start(&["polymarket", "--listen", "127.0.0.1:0"]);
    assert!(venue.url.starts_with("http://127.0.0.1:"), "{}", venue.url);
    let taken = run(&["kalshi", "--listen", venue.address()]);
    assert_eq!(taken.status.code(), Some(1));
    let text = String::from_utf8(taken.stderr).unwrap();
    assert!(text.contains("choose another port") && text.lines().count() == 1, "{text}");
    for bad in [&["betfair"][..], &["kalshi", "--flow", "wild"], &["kalshi", "--listen", "here"]] {
        assert_eq!(run(bad).status.code(), Some(2), "{bad:?}");
    }
    let id = venue.child.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
    assert_eq!(venue.child.wait().unwrap().code(), Some(0));
}

#[test]
fn one_connection_carries_many_requests_and_odd_methods() {
    let venue = Venue::start(&["polymarket", "--flow", "none"]);
    let mut socket = venue.dial();
    for (method, expected) in [("HEAD", 404), ("OPTIONS", 204), ("PATCH", 404)] {
        write!(socket, "{method} /nowhere HTTP/1.1\r\nhost: venue\r\ncontent-length: 0\r\n\r\n")
            .unwrap();
        let head = read_head(&mut socket);
        assert_eq!(status(&head), expected, "{method}: {head}");
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        let length: usize = length.map_or(0, |length| length.parse().unwrap());
        if method == "PATCH" {
            socket.read_exact(&mut vec![0; length]).unwrap();
        }
    }
}

#[test]
fn a_message_in_the_packet_of_the_handshake_is_answered_and_pings_too() {
    let venue = Venue::start(&["polymarket", "--flow", "none"]);
    let mut socket = venue.open("/ws/market", &frame(TEXT, b"PING"));
    assert_eq!(next_frame(&mut socket), Some((TEXT, b"PONG".to_vec())));
    socket.write_all(&frame(0x89, b"hello")).unwrap();
    assert_eq!(next_frame(&mut socket), Some((0x8a, b"hello".to_vec())));
}

#[test]
fn tls_is_served_with_a_certificate_that_its_file_vouches_for() {
    let file = std::env::temp_dir().join(format!("dutchbook-venue-{}.pem", std::process::id()));
    let venue = Venue::start(&["kalshi", "--tls", "--tls-cert-out", file.to_str().unwrap()]);
    assert!(venue.url.starts_with("https://"), "{}", venue.url);
    let roots = TlsRoots::with_files([file.as_path()]).unwrap();
    std::fs::remove_file(&file).unwrap();
    let address = venue.address().to_owned();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let reply = runtime.block_on(async move {
        let dial = || tokio::net::TcpStream::connect(address.clone());
        let public = TlsRoots::public().unwrap();
        assert!(public.connect("localhost", dial().await.unwrap()).await.is_err());
        let mut reply = String::new();
        for host in ["localhost", "127.0.0.1"] {
            let mut stream = roots.connect(host, dial().await.unwrap()).await.unwrap();
            let request = b"GET /_control/faults HTTP/1.0\r\n\r\n";
            stream.write_all(request).await.unwrap();
            reply.clear();
            // A peer that ends without a farewell has still said all.
            drop(stream.read_to_string(&mut reply).await);
        }
        reply
    });
    assert!(reply.contains("200 OK") && reply.contains("silent_freezes"), "{reply}");
}

#[test]
fn bad_days_are_switched_while_it_runs() {
    let venue = Venue::start(&["kalshi", "--flow", "none"]);
    let (status, body) = venue.ask("POST", "/_control/faults", r#"{"plan":{"drop_ppm":7}}"#);
    let told: Value = serde_json::from_str(&body).unwrap();
    assert_eq!((status, &told["kalshi"]["plan"]["drop_ppm"]), (200, &json!(7)), "{body}");
    assert_eq!(told["polymarket"], Value::Null);
    for bad in [r#"{"plan":{"drop":7}}"#, r#"{"strike":["all"]}"#, "[", r#"{"restart":3}"#] {
        assert_eq!(venue.ask("POST", "/_control/faults", bad).0, 400, "{bad}");
    }
    assert_eq!(venue.ask("DELETE", "/_control/faults", "").0, 405);
    let (_, body) = venue.ask("POST", "/_control/faults", r#"{"restart":{"down_ms":60000}}"#);
    assert!(body.contains(r#""restart_refusals":0"#), "{body}");
    let (status, _) = venue.ask("POST", "/trade-api/v2/portfolio/events/orders", "{}");
    assert_eq!(status, 503);
    let (_, body) = venue.ask("GET", "/_control/faults", "");
    assert!(body.contains(r#""restart_refusals":1"#), "{body}");
}

#[test]
fn hostile_clients_are_survived_in_little_memory() {
    let venue = Venue::start(&["polymarket", "--flow", "none"]);
    let long = vec![b'7'; 10 << 20];
    let deep = vec![b'['; 100_000];
    // Heads that never end hold a connection each and nothing else.
    let _lorises: Vec<TcpStream> = (0..64)
        .map(|_| {
            let mut socket = venue.dial();
            socket.write_all(b"GET / HTTP/1.1\r\nhost: ").unwrap();
            socket
        })
        .collect();
    let quoted: Vec<u8> = [br#"{"assets_ids":[""#.as_slice(), &long, br#""]}"#].concat();
    let mut socket = venue.open("/ws/market", &[]);
    drop(socket.write_all(&frame(TEXT, &quoted)));
    assert!(matches!(close_code(&mut socket), None | Some(1009)));
    let mut socket = venue.open("/ws/market", &frame(TEXT, &[0xff, 0xfe, 0xfd]));
    assert!(matches!(close_code(&mut socket), None | Some(1007)));
    let mut socket = venue.open("/ws/market", &frame(0x01, b"begun"));
    // A message that never ends: parts until the venue has had enough.
    let part = frame(0x00, &long[..60_000]);
    while socket.write_all(&part).is_ok() {}
    for text in [&deep[..], b"{\"assets_ids\":{}}", b"{\"assets_ids\":[7,null,[]]}", b"\"x\""] {
        let mut socket = venue.open("/ws/market", &frame(TEXT, text));
        socket.write_all(&frame(TEXT, b"PING")).unwrap();
        let answers: Vec<_> = std::iter::from_fn(|| next_frame(&mut socket)).take(2).collect();
        assert!(answers.contains(&(TEXT, b"PONG".to_vec())), "{answers:?}");
    }
    let mut socket = venue.dial();
    socket
        .write_all(b"POST /order HTTP/1.1\r\nhost: v\r\ntransfer-encoding: chunked\r\n\r\n")
        .unwrap();
    let chunk = [b"EA60\r\n".as_slice(), &long[..60_000], b"\r\n"].concat();
    while socket.write_all(&chunk).is_ok() {}
    let mut socket = venue.dial();
    drop(socket.write_all(&[b"GET / HTTP/1.1\r\nx: ".as_slice(), &long].concat()));
    for bytes in [&deep[..], &[0xff, 0xfe], b"{\"orderID\":[[]]}", b"null", b"1e999999999"] {
        let mut socket = venue.dial();
        write!(
            socket,
            "POST /order HTTP/1.1\r\nhost: v\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
            bytes.len()
        )
        .unwrap();
        socket.write_all(bytes).unwrap();
        assert!((400..500).contains(&status(&read_head(&mut socket))));
    }
    let (status, _) = venue.ask("GET", "/_control/faults", "");
    assert_eq!(status, 200);
    let memory = venue.memory_kib();
    assert!(memory < 150 * 1024, "{memory} KiB");
}

//! The gateway against venues of a few lines each, on real sockets.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};

use dutchbook_book::Nanos;

use super::*;
use crate::clock::Clock;
use crate::net::{Endpoint, Gate};
use crate::request::{OutRequest, Outbox, RequestId};

const VENUE: VenueId = VenueId(0);
const REQUEST: &[u8] = b"POST /order HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}";
const REPLY: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";
const LAST_REPLY: &[u8] = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}";

/// A gateway to a listener, and the engine's end of its line.
fn gateway(port: u16) -> (Gateway, Line) {
    let tls = TlsRoots::public().unwrap();
    let host = Host { is_tls: false, name: "127.0.0.1".to_owned(), port };
    // Nobody listens for the channel: it is tried again and again.
    let endpoint = Endpoint {
        url: "ws://127.0.0.1:1/".to_owned(),
        payload_bytes_max: 1_000,
        tls: tls.clone(),
        stamps: None,
        standby: None,
        seed: 0,
        gate: Gate::default(),
        race: None,
    };
    let channel = UserChannel::kalshi(VENUE, endpoint);
    let limits = GatewayLimits {
        order_connections: 1,
        connect_max: Duration::from_millis(500),
        reply_max: Duration::from_millis(500),
        body_bytes_max: 1_000,
        core: None,
        wait: Wait::Park,
    };
    Gateway::start(vec![VenueLine { venue: VENUE, host, channel }], limits, tls).unwrap()
}

fn send(line: &mut Line, id: u64) {
    let request = OutRequest { id: RequestId(id), venue: VENUE, lane: Lane::Order, bytes: REQUEST };
    assert!(line.send(&request));
    line.ring();
}

/// The next answer: its status, or what was said instead; five seconds at most.
fn answer(line: &mut Line) -> (u64, Result<u16, bool>) {
    let clock = Clock::new();
    let end = clock.now().plus(Nanos::from_secs(5));
    let mut found = None;
    while found.is_none() && clock.now() < end {
        let has_come = line.take_news(|news| {
            if let News::Answer(id, answer) = news {
                found = Some((
                    id.0,
                    match answer {
                        Answer::Reply { status, .. } => Ok(status),
                        Answer::Lost => Err(true),
                        Answer::NotSent => Err(false),
                    },
                ));
            }
        });
        if !has_come {
            std::thread::park_timeout(Duration::from_millis(1));
        }
    }
    found.unwrap()
}

/// Serves each connection on a thread of its own until the listener's process ends.
fn serve(listener: TcpListener, each: fn(usize, TcpStream)) {
    std::thread::spawn(move || {
        for (number, stream) in listener.incoming().enumerate() {
            let Ok(stream) = stream else { return };
            std::thread::spawn(move || each(number, stream));
        }
    });
}

fn read_request(stream: &mut TcpStream) -> bool {
    let mut room = vec![0; REQUEST.len()];
    stream.read_exact(&mut room).is_ok()
}

fn listener() -> (TcpListener, u16) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    (listener, port)
}

#[test]
fn an_idle_close_and_a_last_reply_lose_no_order() {
    let (listener, port) = listener();
    serve(listener, |_, mut stream| {
        // Idle connections are closed after 30 ms; those with a request answer one and close.
        stream.set_read_timeout(Some(Duration::from_millis(30))).unwrap();
        if read_request(&mut stream) {
            drop(stream.write_all(LAST_REPLY));
        }
    });
    let (gateway, mut line) = gateway(port);
    for id in 0..5 {
        std::thread::park_timeout(Duration::from_millis(20 * id));
        send(&mut line, id);
        let (of, end) = answer(&mut line);
        // A close may cross a request on its way: then it is said to be lost, and is never repeated.
        assert!(of == id && matches!(end, Ok(200) | Err(true)), "{id}: {end:?}");
    }
    let watch = gateway.watch();
    assert_eq!(watch.replied() + watch.lost(), 5);
    assert!(watch.replied() >= 3, "{watch:?}");
    drop(line);
    gateway.join().unwrap();
}

#[test]
fn one_connection_serves_many_orders_in_turn() {
    let (listener, port) = listener();
    serve(
        listener,
        |_, mut stream| {
            while read_request(&mut stream) && stream.write_all(REPLY).is_ok() {}
        },
    );
    let (gateway, mut line) = gateway(port);
    for id in 0..20 {
        send(&mut line, id);
    }
    for id in 0..20 {
        assert_eq!(answer(&mut line), (id, Ok(200)));
    }
    // Each lane has its connections, and none was opened twice.
    assert_eq!(gateway.watch().connects(), 4);
    drop(line);
    gateway.join().unwrap();
}

#[test]
fn where_nobody_listens_nothing_was_sent() {
    let (listener, port) = listener();
    drop(listener);
    let (gateway, mut line) = gateway(port);
    send(&mut line, 7);
    assert_eq!(answer(&mut line), (7, Err(false)));
    drop(line);
    gateway.join().unwrap();
}

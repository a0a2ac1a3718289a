use tokio::net::TcpListener;

use super::*;

const PATIENCE: Patience = Patience {
    connect: Duration::from_millis(500),
    reply: Duration::from_millis(300),
    body_bytes_max: 1_000,
};
const REQUEST: &[u8] = b"POST /order HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}";

fn run<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}

/// A connection to a venue that does what `venue` says, and how its one exchange ended.
async fn exchange<F: Future<Output = ()>>(venue: impl FnOnce(TcpStream) -> F) -> Exchanged {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let host = Host { is_tls: false, name: "127.0.0.1".to_owned(), port };
    let client = async {
        let tls = TlsRoots::public().unwrap();
        let mut connection = Connection::open(&host, &tls, PATIENCE).await.unwrap();
        // Whatever the venue does first is seen on the next look.
        tokio::time::sleep(Duration::from_millis(20)).await;
        if connection.is_over() {
            return Exchanged::NotSent("was over".to_owned());
        }
        connection.exchange(REQUEST).await
    };
    let server = async {
        let (stream, _) = listener.accept().await.unwrap();
        venue(stream).await;
    };
    let (exchanged, ()) = tokio::join!(client, server);
    exchanged
}

async fn read_request(stream: &mut TcpStream) {
    let mut room = vec![0; REQUEST.len()];
    stream.read_exact(&mut room).await.unwrap();
    assert_eq!(room, REQUEST);
}

#[test]
fn a_reply_is_an_answer() {
    let exchanged = run(exchange(|mut stream| async move {
        read_request(&mut stream).await;
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}").await.unwrap();
    }));
    let replied = Replied { status: 200, retry_after: None, keeps_alive: true };
    assert_eq!(exchanged, Exchanged::Replied(replied));
}

#[test]
fn what_left_whole_and_was_not_answered_is_lost() {
    let silent = run(exchange(|mut stream| async move {
        read_request(&mut stream).await;
        tokio::time::sleep(Duration::from_millis(400)).await;
    }));
    assert!(matches!(silent, Exchanged::Lost(reason) if reason.contains("within 300 ms")));
    let closed = run(exchange(|mut stream| async move { read_request(&mut stream).await }));
    assert!(matches!(closed, Exchanged::Lost(_)));
    let half = run(exchange(|mut stream| async move {
        read_request(&mut stream).await;
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n{\"orders").await.unwrap();
    }));
    assert!(matches!(half, Exchanged::Lost(reason) if reason.contains("cut")));
    let junk = run(exchange(|mut stream| async move {
        read_request(&mut stream).await;
        stream.write_all(b"\x15\x03\x01 what").await.unwrap();
    }));
    assert!(matches!(junk, Exchanged::Lost(_)));
}

#[test]
fn a_connection_that_ended_before_is_not_written_to() {
    let exchanged = run(exchange(|stream| async move { drop(stream) }));
    assert_eq!(exchanged, Exchanged::NotSent("was over".to_owned()));
}

#[test]
fn a_request_of_which_the_end_did_not_leave_was_not_sent() {
    let exchanged = run(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let host = Host { is_tls: false, name: "127.0.0.1".to_owned(), port };
        let tls = TlsRoots::public().unwrap();
        let mut connection = Connection::open(&host, &tls, PATIENCE).await.unwrap();
        let (_stream, _) = listener.accept().await.unwrap();
        // Nobody reads: the system's buffers fill before the last byte.
        let request = vec![b'x'; 64 << 20];
        connection.exchange(&request).await
    });
    assert!(matches!(exchanged, Exchanged::NotSent(_)), "{exchanged:?}");
}

#[test]
fn hosts_are_told_from_addresses() {
    let host = Host::of("https://clob.polymarket.com").unwrap();
    assert_eq!((host.is_tls, host.name.as_str(), host.port), (true, "clob.polymarket.com", 443));
    assert_eq!(host.authority(), "clob.polymarket.com");
    let host = Host::of("http://[::1]:8080/trade-api/v2").unwrap();
    assert_eq!((host.is_tls, host.name.as_str(), host.port), (false, "::1", 8080));
    assert_eq!(host.authority(), "[::1]:8080");
    for none in ["ftp://x", "clob.polymarket.com", "https://", ""] {
        assert_eq!(Host::of(none), Err(NoHost(none.to_owned())));
    }
}

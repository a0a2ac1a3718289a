use std::io::Write;
use std::net::TcpListener;

use dutchbook_book::VenueId;

use super::*;
use crate::news::tests::{catalog, claim};
use crate::tile::steer::Steer;

/// Longest wait for what another thread does.
const PATIENCE: Duration = Duration::from_secs(20);

fn started(place: Place) -> (Running, Receiver<Steer>) {
    let mut steering = Steering::default();
    let tile = steering.tile([VenueId(0), VenueId(1)]);
    (start(place, NewsDesk::new(&catalog()), steering).unwrap(), tile)
}

fn at(steers: &Receiver<Steer>) -> u64 {
    let steer = steers.recv_timeout(PATIENCE).unwrap();
    let Steer::Said { at, .. } = steer else { unreachable!("{steer:?}") };
    at.millis()
}

#[test]
fn a_file_is_read_to_its_end_and_followed_as_it_grows() {
    let path = std::env::temp_dir().join(format!("dutchbook-news-{}", std::process::id()));
    // A line that is longer than any record, an empty one, and one that is cut in the middle.
    let (whole, cut) = (claim(1), claim(2));
    let (first, rest) = cut.split_at(20);
    let long = "x".repeat(LINE_BYTES_MAX + 1);
    std::fs::write(&path, format!("{whole}\n\n{long}\nnonsense\n{first}")).unwrap();
    let (running, steers) = started(Place::File(path.clone()));
    assert_eq!(at(&steers), 1);
    let mut file = std::fs::OpenOptions::new().append(true).open(&path).unwrap();
    writeln!(file, "{rest}").unwrap();
    assert_eq!(at(&steers), 2);
    let heard = running.heard();
    let counts = [("lines", 4), ("words", 2), ("passed_over", 0), ("refused", 2)];
    assert_eq!(heard.counts, counts);
    assert!(heard.trouble[0].contains("line 2 is longer than"), "{heard:?}");
    assert!(heard.trouble[1].contains("line 3: "), "{heard:?}");
    drop(running);
    // The thread has gone, and with it the tile's sender.
    assert!(matches!(steers.recv_timeout(PATIENCE), Err(RecvTimeoutError::Disconnected)));
    std::fs::remove_file(path).unwrap();
}

#[test]
fn a_socket_that_closes_is_opened_again_and_its_half_line_forgotten() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let place = Place::Socket(listener.local_addr().unwrap());
    let (running, steers) = started(place);
    let (mut stream, _) = listener.accept().unwrap();
    write!(stream, "{}\n{}", claim(1), &claim(7)[..30]).unwrap();
    assert_eq!(at(&steers), 1);
    drop(stream);
    let (mut stream, _) = listener.accept().unwrap();
    writeln!(stream, "{}", claim(3)).unwrap();
    assert_eq!(at(&steers), 3);
    assert!(running.heard().trouble[0].contains("opened again"));
}

#[test]
fn only_this_machine_may_speak() {
    assert_eq!("-".parse(), Ok(Place::Input));
    assert_eq!("news.jsonl".parse(), Ok(Place::File("news.jsonl".into())));
    let socket = Place::Socket(SocketAddr::from(([127, 0, 0, 1], 9000)));
    assert_eq!("tcp://127.0.0.1:9000".parse(), Ok(socket));
    assert!("tcp://10.0.0.1:9000".parse::<Place>().unwrap_err().contains("not on this machine"));
    assert!("tcp://somewhere".parse::<Place>().is_err());
    let missing = Place::File("/nonexistent/news".into());
    assert!(start(missing, NewsDesk::new(&catalog()), Steering::default()).is_err());
}

#[test]
fn a_market_that_is_listed_later_is_spoken_of_from_then_on() {
    let path = std::env::temp_dir().join(format!("dutchbook-late-news-{}", std::process::id()));
    let of = |at_ms| claim(at_ms).replace("KXUP-1", "KXUP-2");
    let mut file = std::fs::File::create(&path).unwrap();
    let (running, steers) = started(Place::File(path.clone()));
    let mut late = catalog().listings.pop().unwrap();
    late.native_market = "KXUP-2".to_owned();
    // Refused while nobody lists it; the line behind it shows that it has been read.
    writeln!(file, "{}\n{}", of(1), claim(2)).unwrap();
    assert_eq!(at(&steers), 2);
    running.listed().send(late).unwrap();
    writeln!(file, "{}", of(3)).unwrap();
    assert_eq!(at(&steers), 3);
    assert_eq!(running.heard().counts[3], ("refused", 1));
    std::fs::remove_file(path).unwrap();
}

//! The demo's score feed: a source that knows the end of the game before the venues act on it.
//!
//! It speaks as any other source does, in the lines of `docs/news.md`: what each market asks of the game,
//! the running score, and its end a moment after the truth. Live, the lines come over a loopback socket;
//! in simulated time they are handed over.

use core::time::Duration;
use std::io::{self, ErrorKind, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};

use dutchbook_book::Nanos;
use dutchbook_core::clock::Clock;
use serde_json::{Value, json};

use crate::sim::scenario::{Happening, Scenario};

/// From the end of the game to the line that says so.
const LAG: Nanos = Nanos::from_millis(20);
/// Scores that are told before the end.
const ROUNDS: u64 = 12;
/// Between two looks at what is due.
const STEP: Duration = Duration::from_millis(2);

/// A line, and when it is said after the start of the venues.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Said {
    pub(super) after: Nanos,
    value: Value,
}

impl Said {
    /// The line, said at a moment.
    pub(super) fn line(&self, began: Nanos) -> String {
        let mut value = self.value.clone();
        if value["kind"] != "rule" {
            value["at_ms"] = json!(began.plus(self.after).millis());
        }
        value.to_string()
    }
}

/// Everything that is said of the games of a scenario, by time.
pub(super) fn lines(scenario: &Scenario) -> Vec<Said> {
    let mut lines = Vec::new();
    for (event, spec) in scenario.catalog.events.iter().zip(&scenario.events) {
        let ends = spec.script.iter().find_map(|(at, what)| match what {
            Happening::Resolve { state } if spec.chances.len() == 2 => Some((*at, *state)),
            Happening::Resolve { .. } | Happening::Pull { .. } => None,
        });
        let Some((end, state)) = ends else { continue };
        let game = event.name.as_str();
        for condition in &event.conditions {
            let states = scenario.states.get(condition.index()).copied().unwrap_or(0);
            let wins = if states & 1 == 1 { "home" } else { "away" };
            for listing in scenario.catalog.listings_of_condition(*condition) {
                let market = &listing.native_market;
                let value = json!({ "kind": "rule", "market": market, "game": game, "wins": wins });
                lines.push(Said { after: Nanos::ZERO, value });
            }
        }
        for round in 1..=ROUNDS + 1 {
            let is_over = round > ROUNDS;
            let after = Nanos(end.0 / (ROUNDS + 1) * round.min(ROUNDS));
            let (winner, loser) = (9 * round, 8 * round);
            let [home, away] = if state == 0 { [winner, loser] } else { [loser, winner] };
            let value = json!({
                "kind": "score", "trust": "named", "game": game, "home": home, "away": away,
                "is_over": is_over,
            });
            let after = if is_over { end.plus(LAG) } else { after };
            lines.push(Said { after, value });
        }
    }
    lines.sort_by_key(|said| said.after);
    lines
}

/// The feed on a loopback socket; it ends when this is dropped.
#[derive(Debug)]
pub(super) struct ScoreFeed {
    pub(super) address: SocketAddr,
    _stop: Sender<()>,
}

/// Speaks to whoever connects first.
pub(super) fn start(lines: Vec<Said>, clock: Clock, began: Nanos) -> io::Result<ScoreFeed> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    listener.set_nonblocking(true)?;
    let address = listener.local_addr()?;
    let (stop, stopped) = channel();
    let body = move || {
        // Whoever listened is gone: there is nobody to tell.
        let _told = speak(&listener, &lines, &clock, began, &stopped).is_ok();
    };
    drop(std::thread::Builder::new().name("scores".to_owned()).spawn(body)?);
    Ok(ScoreFeed { address, _stop: stop })
}

fn speak(
    listener: &TcpListener,
    lines: &[Said],
    clock: &Clock,
    began: Nanos,
    stopped: &Receiver<()>,
) -> io::Result<()> {
    let is_over = || !matches!(stopped.recv_timeout(STEP), Err(RecvTimeoutError::Timeout));
    let mut stream: TcpStream = loop {
        match listener.accept() {
            Ok((stream, _)) => break stream,
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                if is_over() {
                    return Ok(());
                }
            }
            Err(error) => return Err(error),
        }
    };
    for said in lines {
        while clock.now() < began.plus(said.after) {
            if is_over() {
                return Ok(());
            }
        }
        stream.write_all(format!("{}\n", said.line(began)).as_bytes())?;
    }
    // A feed stays open between two games.
    while !is_over() {}
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_score_says_what_is_true_of_both_venues_markets() {
        let scenario = Scenario::demo(3, Nanos::from_secs(12)).unwrap();
        let lines = lines(&scenario);
        let rules: Vec<&Said> = lines.iter().filter(|said| said.value["kind"] == "rule").collect();
        assert_eq!(rules.len(), 2, "the game is listed on both venues");
        for rule in rules {
            let market = rule.value["market"].as_str().unwrap();
            assert!(scenario.book_of_native(market).is_some(), "{market}");
            assert_eq!(rule.value["wins"], "home");
        }
        let last = lines.last().unwrap();
        assert_eq!(
            (&last.value["is_over"], last.after),
            (&json!(true), Nanos::from_millis(12_020))
        );
        assert!(last.value["home"].as_u64() > last.value["away"].as_u64());
        assert!(last.line(Nanos::from_secs(1)).contains("\"at_ms\":13020"));
        let running = lines.iter().filter(|said| said.value["is_over"] == json!(false));
        assert!(running.clone().all(|said| said.after < Nanos::from_secs(12)));
        assert_eq!(running.count(), 12);
    }
}

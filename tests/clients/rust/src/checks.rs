//! Counts checks, and waits for what a stream or a question must show in the end.

use std::fmt::Debug;
use std::future::Future;
use std::pin::Pin;
use std::time::{Duration, Instant};

use futures::{Stream, StreamExt as _};
use polymarket_client_sdk_v2::types::{Decimal, dec};
use tokio::time::{sleep, timeout_at};

/// Passed and failed checks; the last line that it prints is for the driver.
#[derive(Default)]
pub struct Checks {
    passed: u32,
    failed: Vec<String>,
}

impl Checks {
    pub fn that(&mut self, what: &str, holds: bool, detail: impl Debug) {
        if holds {
            self.passed += 1;
        } else {
            println!("FAILED {what}: {detail:?}");
            self.failed.push(what.to_owned());
        }
    }

    pub fn equal<T: PartialEq<U> + Debug, U: Debug>(&mut self, what: &str, got: T, wanted: U) {
        let holds = got == wanted;
        self.that(what, holds, format!("got {got:?}, wanted {wanted:?}"));
    }

    /// The call fails, and its error has every wanted part.
    pub fn refused<T: Debug, E: ToString>(
        &mut self,
        what: &str,
        answer: Result<T, E>,
        parts: &[&str],
    ) {
        match answer {
            Ok(accepted) => self.that(what, false, accepted),
            Err(error) => {
                let text = error.to_string();
                let holds = parts.iter().all(|part| text.contains(part));
                self.that(what, holds, format!("{text} lacks {parts:?}"));
            }
        }
    }

    /// A part that ended early is one failed check; the parts after it still run.
    pub fn part(&mut self, name: &str, outcome: anyhow::Result<()>) {
        match outcome {
            Ok(()) => println!("-- {name} done"),
            Err(error) => self.that(name, false, format!("{error:#}")),
        }
    }

    pub fn finish(self) -> ! {
        let report = serde_json::json!({
            "client": "polymarket_client_sdk_v2", "passed": self.passed, "failed": self.failed,
        });
        println!("{report}");
        std::process::exit(i32::from(!self.failed.is_empty() || self.passed == 0));
    }
}

/// The first answer that holds, or the last one when ten seconds are over.
pub async fn eventually<T, F>(
    mut call: impl FnMut() -> F,
    holds: impl Fn(&T) -> bool,
) -> anyhow::Result<T>
where
    F: Future<Output = polymarket_client_sdk_v2::Result<T>>,
{
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        let answer = call().await?;
        if holds(&answer) || Instant::now() > deadline {
            return Ok(answer);
        }
        sleep(Duration::from_millis(100)).await;
    }
}

type Messages<T> = Pin<Box<dyn Stream<Item = polymarket_client_sdk_v2::Result<T>> + Send>>;

/// A stream whose messages are kept, so that none is missed by asking late.
pub struct Seen<T> {
    stream: Messages<T>,
    kept: Vec<T>,
}

impl<T> Seen<T> {
    pub fn of(
        stream: impl Stream<Item = polymarket_client_sdk_v2::Result<T>> + Send + 'static,
    ) -> Self {
        Self { stream: Box::pin(stream), kept: Vec::new() }
    }

    /// The first message, old or new, that holds.
    pub async fn wait(&mut self, what: &str, holds: impl Fn(&T) -> bool) -> anyhow::Result<&T> {
        let deadline = tokio::time::Instant::now() + Duration::from_secs(10);
        let mut index = 0;
        loop {
            if let Some(found) = self.kept.iter().skip(index).position(&holds) {
                return Ok(&self.kept[index + found]);
            }
            index = self.kept.len();
            match timeout_at(deadline, self.stream.next()).await {
                Ok(Some(message)) => self.kept.push(message?),
                Ok(None) => anyhow::bail!("the stream ended before {what}"),
                Err(_) => anyhow::bail!("no {what} in ten seconds"),
            }
        }
    }
}

/// What a taker pays for one match: rounded half up to five decimals.
pub fn taker_fee(shares: Decimal, price: Decimal, rate: Decimal) -> Decimal {
    let exact = shares * rate * price * (Decimal::ONE - price);
    (exact * dec!(100000) + dec!(0.5)).floor() / dec!(100000)
}

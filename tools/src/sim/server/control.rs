//! The control endpoint of a simulated venue: its bad days, switched while it runs.
//!
//! `GET /_control/faults` tells the plan and the counts, `POST /_control/faults` changes them:
//!
//! ```json
//! {"venue":"kalshi","plan":{"drop_ppm":1000},"strike":["disconnect"],"restart":{"down_ms":3000,"post_only_ms":5000,"sockets":true}}
//! ```
//!
//! Every key is optional. `venue` picks one of two; without it all that are served are meant. `plan`
//! replaces the whole plan (keys as in [`FaultPlan`]). `strike` hits the next data frame of every
//! open connection.

use dutchbook_book::Nanos;
use dutchbook_book::catalog::VenueKind;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::super::door::{HttpReply, HttpRequest};
use super::super::fault::{FaultKind, FaultPlan};
use super::super::polymarket::chain::Collateral;
use super::super::venue::SimVenues;
use super::Served;

/// What all paths of the control endpoint begin with; no venue has such paths.
pub(super) const PREFIX: &str = "/_control/";
/// Its one path.
const FAULTS: &str = "/_control/faults";
/// Split and merge on Polymarket's chain:
/// `{"do":"split","wallet":"0x…","condition":"0x…","contracts":"12.5"}`.
const COLLATERAL: &str = "/_control/collateral";
/// The longest part of a restart.
const RESTART_MS_MAX: u64 = 86_400_000;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Command {
    venue: Option<Which>,
    plan: Option<FaultPlan>,
    #[serde(default)]
    strike: Vec<Strike>,
    restart: Option<Restart>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Which {
    Polymarket,
    Kalshi,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Strike {
    Drop,
    Duplicate,
    Reorder,
    Delay,
    Skip,
    Disconnect,
    Freeze,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Restart {
    down_ms: u64,
    #[serde(default)]
    post_only_ms: u64,
    /// Whether WebSockets are closed and refused while it is down.
    #[serde(default)]
    sockets: bool,
}

impl Strike {
    const fn kind(self, plan: &FaultPlan) -> FaultKind {
        match self {
            Self::Drop => FaultKind::Drop,
            Self::Duplicate => FaultKind::Duplicate,
            Self::Reorder => FaultKind::Reorder,
            Self::Delay => FaultKind::Delay(Nanos::from_millis(plan.delay_ms)),
            Self::Skip => FaultKind::SkipSequence,
            Self::Disconnect => FaultKind::Disconnect,
            Self::Freeze => FaultKind::Freeze(Nanos::from_millis(plan.freeze_ms)),
        }
    }
}

/// Answers a request to the control endpoint.
pub(super) fn answer(
    venues: &mut SimVenues,
    served: Served,
    request: &HttpRequest<'_>,
    now: Nanos,
) -> HttpReply {
    venues.step(now);
    let kinds = match served {
        Served::Both => vec![VenueKind::Polymarket, VenueKind::Kalshi],
        Served::One(kind) => vec![kind],
    };
    match (request.method, request.path) {
        ("GET", FAULTS) => HttpReply::json(200, tell(venues, &kinds)),
        ("POST", FAULTS) => match serde_json::from_slice::<Command>(request.body) {
            Ok(command) => {
                obey(venues, &kinds, &command);
                HttpReply::json(200, tell(venues, &kinds))
            }
            Err(error) => HttpReply::json(400, json!({"error": error.to_string()}).to_string()),
        },
        ("POST", COLLATERAL) if kinds.contains(&VenueKind::Polymarket) => {
            transact(venues, request.body)
        }
        (_, FAULTS) => HttpReply::json(405, r#"{"error":"GET or POST"}"#),
        _ => HttpReply::json(
            404,
            r#"{"error":"the control endpoints are /_control/faults and, of Polymarket, POST /_control/collateral"}"#,
        ),
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Transaction {
    r#do: Do,
    wallet: String,
    condition: String,
    contracts: String,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Do {
    Split,
    Merge,
}

fn transact(venues: &mut SimVenues, body: &[u8]) -> HttpReply {
    let refuse = |why: String| HttpReply::json(400, json!({ "error": why }).to_string());
    let asked: Transaction = match serde_json::from_slice(body) {
        Ok(asked) => asked,
        Err(error) => return refuse(error.to_string()),
    };
    let what = match asked.r#do {
        Do::Split => Collateral::Split,
        Do::Merge => Collateral::Merge,
    };
    let Some(count) = crate::replay::text::qty(&asked.contracts) else {
        return refuse(format!("{:?} is no number of contracts", asked.contracts));
    };
    let venue = venues.polymarket_mut();
    match venue.transact(what, &asked.wallet, &asked.condition, count) {
        Ok(()) => HttpReply::json(200, r#"{"status":"mined"}"#),
        Err(why) => refuse(why.to_string()),
    }
}

fn obey(venues: &mut SimVenues, served: &[VenueKind], command: &Command) {
    let is_meant = |kind: &&VenueKind| match command.venue {
        None => true,
        Some(Which::Polymarket) => **kind == VenueKind::Polymarket,
        Some(Which::Kalshi) => **kind == VenueKind::Kalshi,
    };
    for &kind in served.iter().filter(is_meant) {
        if let Some(plan) = &command.plan {
            venues.set_faults(kind, plan);
        }
        // The last one strikes first: each goes before what waits.
        for strike in command.strike.iter().rev() {
            let fault = strike.kind(venues.fault_plan(kind));
            venues.strike(kind, fault);
        }
        if let Some(Restart { down_ms, post_only_ms, sockets }) = command.restart {
            let span = |ms: u64| Nanos::from_millis(ms.min(RESTART_MS_MAX));
            venues.restart(kind, [down_ms, post_only_ms].map(span), sockets);
        }
    }
}

/// Plan and counts of each venue.
fn tell(venues: &SimVenues, kinds: &[VenueKind]) -> String {
    let each = kinds.iter().map(|&kind| {
        let counts = venues.fault_counts(kind).named().into_iter();
        let counts: Map<String, Value> =
            counts.map(|(name, count)| (name.to_owned(), count.into())).collect();
        (kind.name().to_owned(), json!({"plan": venues.fault_plan(kind), "counts": counts}))
    });
    Value::Object(each.collect()).to_string()
}

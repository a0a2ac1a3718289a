//! What a run that trades on venues has beside a run on paper: the desk, the gateway, and what must be
//! known before the first order.

use std::sync::mpsc::Receiver;

use dutchbook_book::{Cash, Price, VenueId};
use dutchbook_exec::local_id::Boot;

use super::{Kept, LATENCY_CHUNKS, StartError};
use crate::capture::LaneWriter;
use crate::clock::Clock;
use crate::config::Config;
use crate::desk::Desk;
use crate::engine::Engine;
use crate::gateway::{Gateway, GatewayLimits, VenueLine};
use crate::inquiry::{self, Inquiry};
use crate::signed::AccountDesk;
use crate::telemetry::{LatencyHistogram, latency};
use crate::tile::trade::{TradeGauge, Trading};
use crate::tls::TlsRoots;

/// What a run that trades on venues needs beside.
#[derive(Debug)]
pub struct LiveStart {
    /// What signs and follows the orders.
    pub desk: Box<Desk>,
    /// The number of this run, which is in every id that the desk gives.
    pub boot: Boot,
    /// How much worse than the worst level walked a limit may be.
    pub allowance: Price,
    /// How orders get there.
    pub ways: Ways,
}

/// The ways to the venues, and what they say we have.
#[derive(Debug)]
pub struct Ways {
    /// One to each venue.
    pub lines: Vec<VenueLine>,
    /// How the gateway works.
    pub limits: GatewayLimits,
    /// Whom the venues' certificates are checked against.
    pub tls: TlsRoots,
    /// The cash that each venue says we have.
    pub cash: Vec<(VenueId, Cash)>,
    /// Who is asked what we have before anything is traded, where a journal says something of it.
    pub desks: Vec<(VenueId, AccountDesk)>,
    /// Who has said that a run begins with what the venues say, whatever its journal says.
    pub accepted_by: Option<String>,
}

/// What carries orders while the engine runs.
#[derive(Debug)]
pub(super) struct Carrier {
    pub(super) gateway: Gateway,
    pub(super) gauge: TradeGauge,
}

/// An engine with its way to the venues.
pub(super) struct Equipped {
    pub(super) engine: Engine,
    pub(super) trading: Option<Box<Trading>>,
    pub(super) carrier: Option<Carrier>,
    pub(super) to_order: Option<LatencyHistogram>,
    /// What a person should know of the accounts.
    pub(super) notes: Option<Receiver<String>>,
}

/// Gives an engine what it goes on with: its way to the venues, what earlier runs have left, and whoever
/// writes down what it takes.
pub(super) fn equip(
    engine: Engine,
    live: Option<LiveStart>,
    kept: Option<&Kept>,
    log: Option<LaneWriter>,
    config: &Config,
    clock: &Clock,
) -> Result<Equipped, StartError> {
    let (mut engine, ways) = match live {
        Some(LiveStart { desk, allowance, ways, .. }) => {
            (engine.trading_by(desk, allowance), Some(ways))
        }
        None => (engine, None),
    };
    if let Some(kept) = kept {
        engine.resume(&kept.recovered, clock.now());
    }
    let engine = match log {
        Some(log) => engine.recorded_by(log),
        None => engine,
    };
    let nothing =
        |engine| Equipped { engine, trading: None, carrier: None, to_order: None, notes: None };
    let Some(mut ways) = ways else { return Ok(nothing(engine)) };
    let mut engine = engine;
    // An account that begins with this run has nothing to explain.
    let Some(kept) = kept.filter(|kept| !kept.recovered.is_fresh()) else {
        return connect(nothing(engine), ways, config, clock);
    };
    if ways.desks.is_empty() {
        engine.compared_by_nobody();
        return connect(nothing(engine), ways, config, clock);
    }
    let places = inquiry::places(engine.places(), &kept.recovered);
    let desks = std::mem::take(&mut ways.desks);
    let (heard, notes) = inquiry::start(desks, places.clone(), clock.clone())?;
    let accepted_by = ways.accepted_by.take();
    engine.compared_by(Inquiry { heard, places, accepted_by });
    let equipped = Equipped { notes: Some(notes), ..nothing(engine) };
    connect(equipped, ways, config, clock)
}

/// Connects an engine that trades on venues: the gateway opens its connections at once. Where a journal
/// says what we have, the venues have to say the same.
fn connect(
    mut equipped: Equipped,
    ways: Ways,
    config: &Config,
    clock: &Clock,
) -> Result<Equipped, StartError> {
    for (venue, cash) in ways.cash {
        equipped.engine.open_account(venue, cash, clock.now());
    }
    let (gateway, line) = Gateway::start(ways.lines, ways.limits, ways.tls)?;
    let (to_order, histogram) =
        latency(LATENCY_CHUNKS, config.chunk_records).ok_or(StartError::Histogram)?;
    let gauge = TradeGauge::default();
    equipped.trading = Some(Box::new(Trading::new(line, to_order, gauge.clone())));
    equipped.carrier = Some(Carrier { gateway, gauge });
    equipped.to_order = Some(histogram);
    Ok(equipped)
}

//! The gateway: the one thread that talks to the venues about our orders.
//!
//! It keeps connections to each venue's REST open and warm, apart for orders, cancels and questions,
//! and the user channels of both venues. It writes the bytes that the engine's thread hands over and
//! brings back what came; it interprets neither. What it alone knows, and tells honestly, is whether a
//! request certainly did not arrive ([`Answer::NotSent`]) or may have ([`Answer::Lost`]).
//!
//! [`Answer::NotSent`]: crate::request::Answer::NotSent
//! [`Answer::Lost`]: crate::request::Answer::Lost

mod channels;
mod line;
mod pool;
mod reply;
mod socket;
mod watch;

use core::cell::RefCell;
use core::time::Duration;
use std::io;
use std::rc::Rc;
use std::thread::JoinHandle;

use dutchbook_book::VenueId;

use crate::net::spawn_connections;
use crate::pin::{Wait, pin_to};
use crate::request::{Answer, Lane};
use crate::tls::TlsRoots;
use channels::Channels;
use pool::Pool;
use socket::Patience;

pub use channels::UserChannel;
pub use line::{Line, LineEnd, News, Parcel, line};
pub use socket::{Host, NoHost};
pub use watch::Watch;

/// Pause between two looks for requests that wait for too long.
const SWEEP: Duration = Duration::from_millis(20);
/// Longest sleep of the gateway while nothing is asked.
const SLEEP_MAX: Duration = Duration::from_millis(50);
/// The same while the engine has left no room for news.
const SLEEP_BEHIND: Duration = Duration::from_millis(1);
/// How many troubles are kept for the report.
const TROUBLE_MAX: usize = 32;

/// What the gateway is told of a venue.
#[derive(Clone, Debug)]
pub struct VenueLine {
    /// The venue.
    pub venue: VenueId,
    /// Its REST.
    pub host: Host,
    /// Its user channel.
    pub channel: UserChannel,
}

/// How the gateway works.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GatewayLimits {
    /// Connections for orders, to each venue.
    pub order_connections: usize,
    /// How long a connection may take to open.
    pub connect_max: Duration,
    /// How long a reply may take: after it, what the request did is unknown.
    pub reply_max: Duration,
    /// Longest body of a reply.
    pub body_bytes_max: usize,
    /// The core that the thread is pinned to.
    pub core: Option<usize>,
    /// What it does when there is nothing to do.
    pub wait: Wait,
}

/// The running gateway. It ends when its [`Line`] is dropped.
#[derive(Debug)]
pub struct Gateway {
    thread: JoinHandle<io::Result<Vec<String>>>,
    watch: Watch,
}

/// What the tasks of the one thread share; never borrowed across an await.
struct Shared {
    line: RefCell<LineEnd>,
    watch: Watch,
    trouble: RefCell<Vec<String>>,
}

impl Shared {
    fn trouble(&self, reason: &str) {
        let mut list = self.trouble.borrow_mut();
        if list.len() < TROUBLE_MAX {
            list.push(reason.to_owned());
        }
    }
}

/// Connections of a lane.
const fn connections(lane: Lane, limits: &GatewayLimits) -> usize {
    match lane {
        Lane::Order => limits.order_connections,
        Lane::Cancel => 1,
        Lane::Read => 2,
    }
}

impl Gateway {
    /// Starts the thread, which connects to every venue at once; gives the engine's end of the line.
    ///
    /// # Errors
    /// When the system refuses a thread.
    pub fn start(
        venues: Vec<VenueLine>,
        limits: GatewayLimits,
        tls: TlsRoots,
    ) -> io::Result<(Self, Line)> {
        let (line, end) = line();
        let watch = Watch::default();
        let shown = watch.clone();
        let body = move || run(venues, &limits, &tls, end, watch);
        let thread = std::thread::Builder::new().name("gateway".to_owned()).spawn(body)?;
        Ok((Self { thread, watch: shown }, line))
    }

    /// What it shows of itself.
    #[must_use]
    pub fn watch(&self) -> Watch {
        self.watch.clone()
    }

    /// Whether the thread has ended, which it must not while its line is there.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.thread.is_finished()
    }

    /// Waits for the thread, whose line must be gone. Returns what went wrong with connections.
    ///
    /// # Errors
    /// When the thread could not make its runtime, or has panicked.
    pub fn join(self) -> io::Result<Vec<String>> {
        self.thread.join().map_err(|_panic| io::Error::other("the gateway panicked"))?
    }
}

/// The lanes of one venue.
struct Lanes {
    venue: VenueId,
    pools: [Rc<Pool>; 3],
}

fn run(
    venues: Vec<VenueLine>,
    limits: &GatewayLimits,
    tls: &TlsRoots,
    end: LineEnd,
    watch: Watch,
) -> io::Result<Vec<String>> {
    if let Some(core) = limits.core {
        // A refusal leaves it free to move.
        let _pinned = pin_to(core);
    }
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_all();
    if limits.wait != Wait::Park {
        builder.event_interval(1);
    }
    let runtime = builder.build()?;
    let tasks = tokio::task::LocalSet::new();
    let line = RefCell::new(end);
    let shared = Rc::new(Shared { line, watch, trouble: RefCell::new(Vec::new()) });
    let lanes: Vec<Lanes> =
        venues.iter().map(|venue| lanes_of(venue, limits, tls, &shared)).collect();
    for lanes in &lanes {
        for (lane, pool) in Lane::ALL.iter().zip(&lanes.pools) {
            for number in 0..connections(*lane, limits) {
                let seed = u64::from(lanes.venue.0) << 32 | u64::try_from(number).unwrap_or(0);
                tasks.spawn_local(Rc::clone(pool).keep(seed));
            }
        }
    }
    let channels = venues.into_iter().map(|venue| venue.channel).collect();
    let (channels, endpoints) = Channels::new(Rc::clone(&shared), channels);
    spawn_connections(&tasks, &Rc::new(RefCell::new(channels)), endpoints);
    tasks.block_on(&runtime, pump(&shared, &lanes, limits.wait));
    // The tasks end with their set.
    drop(tasks);
    Ok(shared.trouble.take())
}

fn lanes_of(
    venue: &VenueLine,
    limits: &GatewayLimits,
    tls: &TlsRoots,
    shared: &Rc<Shared>,
) -> Lanes {
    let patience = Patience {
        connect: limits.connect_max,
        reply: limits.reply_max,
        body_bytes_max: limits.body_bytes_max,
    };
    let pools = Lane::ALL.map(|lane| {
        let (host, tls) = (venue.host.clone(), tls.clone());
        Rc::new(Pool::new(lane, host, tls, patience, Rc::clone(shared)))
    });
    Lanes { venue: venue.venue, pools }
}

/// Moves requests from the line to the lanes until the line is gone.
async fn pump(shared: &Shared, lanes: &[Lanes], wait: Wait) {
    let mut swept = tokio::time::Instant::now();
    loop {
        let (is_behind, is_closed) = {
            let mut line = shared.line.borrow_mut();
            line.pass_on();
            (line.waiting() > 0, line.is_closed())
        };
        while let Some(parcel) = take(shared) {
            route(shared, lanes, parcel);
        }
        if is_closed {
            return;
        }
        if swept.elapsed() >= SWEEP {
            swept = tokio::time::Instant::now();
            lanes.iter().flat_map(|lanes| &lanes.pools).for_each(|pool| pool.sweep());
        }
        match wait {
            Wait::Spin | Wait::Yield => {
                wait.idle();
                tokio::task::yield_now().await;
            }
            Wait::Park => {
                let asleep = shared.line.borrow().asleep();
                let longest = if is_behind { SLEEP_BEHIND } else { SLEEP_MAX };
                // A sleep that ends by itself is no news.
                let _elapsed = tokio::time::timeout(longest, asleep.until_woken()).await;
            }
        }
    }
}

fn take(shared: &Shared) -> Option<Box<line::Parcel>> {
    shared.line.borrow().take_request()
}

fn route(shared: &Shared, lanes: &[Lanes], parcel: Box<line::Parcel>) {
    let pools = lanes.iter().find(|lanes| lanes.venue == parcel.venue).map(|lanes| &lanes.pools);
    let at = Lane::ALL.iter().position(|lane| *lane == parcel.lane);
    let pool = pools.zip(at).and_then(|(pools, at)| pools.get(at));
    match pool {
        Some(pool) => pool.push(parcel),
        None => {
            let mut line = shared.line.borrow_mut();
            line.answer(parcel.id, Answer::NotSent);
            line.give_back(parcel);
        }
    }
}

#[cfg(test)]
mod tests;

//! Who we are at a venue, and how much it lets us ask: everything that the desk needs to write a
//! request, made once at the start.

use dutchbook_book::Nanos;
use dutchbook_exec::local_id::Boot;
use dutchbook_exec::sign::digest_signer::DigestSigner;
use dutchbook_exec::throttle::BucketRules;
use dutchbook_exec::venue::kalshi::request::{ORDERS, ORDERS_BATCHED};
use dutchbook_exec::venue::kalshi::stamps::{StampReader, Target};
use dutchbook_exec::venue::polymarket::exchange::Chain;
use dutchbook_exec::venue::polymarket::order::Account;
use dutchbook_exec::venue::{kalshi, polymarket};
use dutchbook_exec::wire::HeadError;

use crate::secret::SecretPages;

/// Kalshi's list of own orders.
pub(super) const KALSHI_ORDERS: Target = ("GET", "/trade-api/v2/portfolio/orders");
/// Kalshi's list of own fills.
pub(super) const KALSHI_FILLS: Target = ("GET", "/trade-api/v2/portfolio/fills");
/// Where Kalshi takes one order.
pub(super) const KALSHI_ORDER: Target = ("POST", ORDERS);
/// Where Kalshi takes several.
pub(super) const KALSHI_BATCH: Target = ("POST", ORDERS_BATCHED);

/// Methods and paths whose stamps the desk wants made ahead.
pub const KALSHI_TARGETS: [Target; 4] = [KALSHI_ORDER, KALSHI_BATCH, KALSHI_ORDERS, KALSHI_FILLS];

/// An account on Polymarket.
#[derive(Debug)]
pub struct PolymarketAccess {
    /// As it stands in the head of a request.
    pub host: String,
    /// The chain that it settles on.
    pub chain: Chain,
    /// Whose orders they are.
    pub account: Account,
    /// What stamps the requests.
    pub credentials: polymarket::auth::Credentials,
    /// What signs the orders.
    pub signer: DigestSigner<SecretPages>,
    /// Orders a second and at once, by the wallet.
    pub orders: BucketRules,
    /// Cancels.
    pub cancels: BucketRules,
    /// Questions.
    pub reads: BucketRules,
}

/// An account on Kalshi.
#[derive(Debug)]
pub struct KalshiAccess {
    /// As it stands in the head of a request.
    pub host: String,
    /// What stamps requests whose path is not known ahead.
    pub credentials: kalshi::auth::Credentials,
    /// Stamps of [`KALSHI_TARGETS`], kept fresh by another thread.
    pub stamps: StampReader,
    /// Tokens of the venue for whatever changes something.
    pub writes: BucketRules,
    /// Tokens of the venue for questions.
    pub reads: BucketRules,
}

/// One venue's account.
#[derive(Debug)]
pub enum Access {
    /// On Polymarket.
    Polymarket(Box<PolymarketAccess>),
    /// On Kalshi.
    Kalshi(Box<KalshiAccess>),
}

/// What the standard tier of a Polymarket wallet may do: 40 orders a second, 60 at once (section 6).
/// A third is kept for getting out.
pub const POLYMARKET_ORDERS: BucketRules =
    BucketRules { refill_rate: 40, capacity: 60, reserve: 20 };
/// Its cancels.
pub const POLYMARKET_CANCELS: BucketRules =
    BucketRules { refill_rate: 80, capacity: 120, reserve: 0 };
/// Its questions: 500 in ten seconds.
pub const POLYMARKET_READS: BucketRules =
    BucketRules { refill_rate: 50, capacity: 100, reserve: 0 };
/// What Kalshi's basic tier may write: ten orders a second (section 3.8).
pub const KALSHI_WRITES: BucketRules = BucketRules { refill_rate: 100, capacity: 100, reserve: 40 };
/// What it may ask.
pub const KALSHI_READS: BucketRules = BucketRules { refill_rate: 200, capacity: 200, reserve: 0 };

/// How a desk is set up.
#[derive(Clone, Copy, Debug)]
pub struct DeskConfig {
    /// Drawn at random once a run: no id of an order is ever used twice.
    pub boot: Boot,
    /// Orders that are followed at once, those included that are over and not settled.
    pub orders_max: usize,
    /// A request without an answer for so long leaves its orders unknown.
    pub answer_wait: Nanos,
    /// Whether Polymarket's dead-man switch is armed: without a word of ours it cancels everything.
    pub heartbeats: bool,
}

impl DeskConfig {
    /// The usual one for a run.
    #[must_use]
    pub const fn new(boot: Boot) -> Self {
        let answer_wait = Nanos::from_millis(2_000);
        Self { boot, orders_max: 1_024, answer_wait, heartbeats: true }
    }
}

/// Why there is no desk.
#[derive(Debug, thiserror::Error)]
pub enum DeskError {
    /// A host, key or id holds what may not stand in a request.
    #[error("order desk: {0}")]
    Head(#[from] HeadError),
    /// The catalog has no such venue, or of another kind.
    #[error("order desk: the account of venue {0} does not fit its listings")]
    Venue(dutchbook_book::VenueId),
    /// A listing without the ids that its orders are made of.
    #[error("order desk: {0} has no token ids: its orders cannot be written")]
    Tokens(String),
}

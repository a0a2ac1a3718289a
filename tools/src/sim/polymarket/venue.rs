//! Polymarket as a company: its accounts, its clients' orders and what becomes of their trades.
//!
//! Without I/O: [`Venue::answer`] serves REST, [`Venue::on_text`] the WebSockets, [`Venue::hear`]
//! learns what others did on the books, [`Venue::wake`] does what is due at a time.

use std::collections::{BTreeMap, BTreeSet};

use alloy_primitives::{Address, B256, hex};
use dutchbook_book::fee::Rounding;
use dutchbook_book::{BookId, Cash, Face, Nanos, Price, Side};
use dutchbook_core::statement::Statement;

use super::super::door::{HttpReply, HttpRequest};
use super::super::faces::SessionId;
use super::super::fault::FaultCounts;
use super::super::floor::{CLIENT_OWNERS_FROM, Floor, Happened};
use super::super::flow::Ending;
use super::super::matching::OwnerId;
use super::super::rng::mix;
use super::super::scenario::Scenario;
use super::auth::Keys;
use super::clearing::Incoming;
use super::eip712::address_of_key;
use super::facts::{Dates, Facts};
use super::ledger::{Audit, Ledger};
use super::market_channel::{Reply, Shown, dump, new_market};
use super::notices::Notices;
use super::orders::{OrderStatus, Orders};
use super::rest::not_found;
use super::rest::prices::Candles;
use super::trades::Trades;
use super::user_channel::{Answer, Told};
use super::wallet::{WalletKind, older_deposit};
use super::{MarketSession, Session, UserSession};

/// The keys that every developer's test chain starts with: no secret.
const TEST_KEYS: [[u8; 32]; 2] = [
    hex!("ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80"),
    hex!("59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d"),
];
/// What each wallet of theirs starts with: 100,000 pUSD.
const TEST_BALANCE: Cash = Cash::from_micro(100_000_000_000);
/// The most that an account may be given: sums of a thousand such accounts still count.
const BALANCE_MAX: Cash = Cash::from_micro(1_000_000_000_000_000);
/// How many wallets the venue knows at most.
const PEOPLE_MAX: usize = 50_000;
/// A dead-man switch cancels after this silence, at the next sweep.
const HEARTBEAT_SILENCE: Nanos = Nanos::from_secs(10);
const HEARTBEAT_SWEEP: Nanos = Nanos::from_secs(5);
/// Polygon.
const CHAIN: u64 = 137;

/// Why an account cannot be funded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FundError {
    /// Not twenty bytes in hexadecimal.
    #[error("the address is not 0x and 40 hexadecimal digits")]
    BadAddress,
    /// No amount, negative, or more than the venue counts.
    #[error("the balance is dollars as text, 0 to one billion, with at most 6 decimals")]
    BadBalance,
    /// There are as many accounts as the venue keeps.
    #[error("the venue keeps no more accounts")]
    TooMany,
}

/// What the venue does badly, for those who want to see how a client takes it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Troubles {
    /// How many of a million trades fail to settle.
    pub settlement_failure_ppm: u32,
    /// How long an order that takes is held before it goes to the book.
    pub taker_delay: Nanos,
    /// How many of a million reports of a trade are sent twice on the user channel.
    pub duplicate_report_ppm: u32,
}

/// Which wallet is which account, and whose.
#[derive(Clone, Debug, Default)]
pub(super) struct People {
    by_address: BTreeMap<Address, OwnerId>,
    holders: BTreeMap<OwnerId, Address>,
}

impl People {
    /// The account of a wallet.
    pub(super) fn owner(&self, wallet: Address) -> Option<OwnerId> {
        self.by_address.get(&wallet).copied()
    }

    /// The key owner whose wallet an account is.
    pub(super) fn holder(&self, owner: OwnerId) -> Option<Address> {
        self.holders.get(&owner).copied()
    }

    /// The account of a wallet, opened now if there is none.
    fn open(&mut self, wallet: Address) -> Option<OwnerId> {
        if let Some(owner) = self.owner(wallet) {
            return Some(owner);
        }
        if self.by_address.len() >= PEOPLE_MAX {
            return None;
        }
        let count = u32::try_from(self.by_address.len()).ok()?;
        let owner = OwnerId(CLIENT_OWNERS_FROM.saturating_add(count));
        self.by_address.insert(wallet, owner);
        Some(owner)
    }

    /// Opens the wallets of a key owner; `false` when the venue keeps no more.
    pub(super) fn register(&mut self, holder: Address) -> bool {
        wallets(holder).into_iter().all(|wallet| match self.open(wallet) {
            Some(owner) => {
                self.holders.insert(owner, holder);
                true
            }
            None => false,
        })
    }

    /// The accounts of a key owner's wallets.
    pub(super) fn of_holder(&self, holder: Address) -> Vec<OwnerId> {
        wallets(holder).into_iter().filter_map(|wallet| self.owner(wallet)).collect()
    }
}

/// Every wallet with which a key may trade.
fn wallets(holder: Address) -> [Address; 5] {
    [
        holder,
        WalletKind::Proxy.address(holder),
        WalletKind::Safe.address(holder),
        WalletKind::Deposit.address(holder),
        older_deposit(holder),
    ]
}

/// A dead-man switch of one API key.
#[derive(Clone, Debug)]
pub(super) struct Heartbeat {
    pub(super) id: String,
    pub(super) at: Nanos,
}

impl Heartbeat {
    /// The sweep that finds it silent for too long.
    const fn fires_at(&self) -> Nanos {
        let silent = self.at.plus(HEARTBEAT_SILENCE).0;
        Nanos(silent.div_ceil(HEARTBEAT_SWEEP.0).saturating_mul(HEARTBEAT_SWEEP.0))
    }
}

/// Accounts, orders and trades of Polymarket.
#[derive(Clone, Debug)]
pub struct Venue {
    pub(super) facts: Facts,
    pub(super) people: People,
    pub(super) keys: Keys,
    pub(super) ledger: Ledger,
    pub(super) orders: Orders,
    pub(super) trades: Trades,
    /// Orders that are held until a moment.
    pub(super) delayed: BTreeSet<(Nanos, B256)>,
    pub(super) heartbeats: BTreeMap<String, Heartbeat>,
    pub(super) heartbeat_count: u64,
    /// Token, its price and the taker's side of each market's last trade.
    pub(super) last_trades: BTreeMap<BookId, (Face, Price, Side)>,
    pub(super) candles: BTreeMap<BookId, Candles>,
    /// Who won, where that is known.
    pub(super) winners: BTreeMap<BookId, Face>,
    pub(super) outbox: Vec<Told>,
    pub(super) notices: Notices,
    /// What the venue does badly.
    pub troubles: Troubles,
    /// How often it did.
    pub(in super::super) struck: FaultCounts,
    /// Which way each match's fee is rounded to 1e-5 dollars.
    pub fee_rounding: Rounding,
    pub(super) cancel_reason: &'static str,
    pub(super) chain: u64,
    pub(super) seed: u64,
    started: Option<Nanos>,
}

impl Venue {
    /// A venue whose only clients are the two well-known test accounts, in all their wallets.
    #[must_use]
    pub fn new(scenario: &Scenario, seed: u64) -> Self {
        let mut venue = Self {
            facts: Facts::new(scenario),
            people: People::default(),
            keys: Keys::new(CHAIN, seed),
            ledger: Ledger::default(),
            orders: Orders::default(),
            trades: Trades::default(),
            delayed: BTreeSet::new(),
            heartbeats: BTreeMap::new(),
            heartbeat_count: 0,
            last_trades: BTreeMap::new(),
            candles: BTreeMap::new(),
            winners: BTreeMap::new(),
            outbox: Vec::new(),
            notices: Notices::default(),
            troubles: Troubles::default(),
            struck: FaultCounts::default(),
            fee_rounding: Rounding::HalfUp,
            cancel_reason: "CANCELED",
            chain: CHAIN,
            seed,
            started: None,
        };
        for holder in TEST_KEYS.into_iter().filter_map(address_of_key) {
            venue.people.register(holder);
            for owner in venue.people.of_holder(holder) {
                venue.ledger.deposit(owner, TEST_BALANCE);
            }
        }
        venue
    }

    /// Pays money into a wallet, which is opened if it is new.
    ///
    /// # Errors
    /// When the address is none, or the balance cannot be had.
    pub fn fund(&mut self, address: &str, balance: Cash) -> Result<(), FundError> {
        let wallet: Address = address.parse().map_err(|_| FundError::BadAddress)?;
        if balance < Cash::ZERO || balance > BALANCE_MAX {
            return Err(FundError::BadBalance);
        }
        let owner = self.people.open(wallet).ok_or(FundError::TooMany)?;
        self.ledger.deposit(owner, balance);
        Ok(())
    }

    /// What a wallet has, by the venue's own books.
    #[must_use]
    pub fn statement(&self, wallet: &str) -> Option<Statement> {
        let owner = self.people.owner(wallet.parse().ok()?)?;
        let (cash, positions) = (self.ledger.cash(owner), self.ledger.holdings(owner));
        Some(Statement { cash, positions, ..Statement::default() })
    }

    /// Every sum of the accounts.
    #[must_use]
    pub fn audit(&self) -> Audit {
        self.ledger.audit()
    }

    /// When the venue opened, as far as it says so.
    pub(super) fn dates(&self, now: Nanos) -> Dates {
        Dates { start: self.started.unwrap_or(now) }
    }

    /// Answers a request.
    #[must_use]
    pub fn answer(&mut self, floor: &mut Floor<'_>, request: &HttpRequest<'_>) -> HttpReply {
        self.started.get_or_insert(floor.now());
        let reply = self.serve(floor, request);
        self.send_told(floor);
        reply
    }

    /// Opens a WebSocket.
    ///
    /// # Errors
    /// With a refusal where there is none.
    pub fn open(&mut self, request: &HttpRequest<'_>, _now: Nanos) -> Result<Session, HttpReply> {
        match request.path {
            "/ws/market" | "/ws/market/" => Ok(Session::Market(MarketSession::default())),
            "/ws/user" | "/ws/user/" => Ok(Session::User(UserSession::default())),
            _ => Err(not_found()),
        }
    }

    /// A client says something on its WebSocket.
    pub fn on_text(
        &mut self,
        floor: &mut Floor<'_>,
        id: SessionId,
        session: &mut Session,
        text: &str,
    ) {
        let session = match session {
            Session::Market(session) => session,
            Session::User(session) => {
                match session.on_text(text, &self.keys, &self.facts) {
                    Answer::Text(reply) => floor.reply(id, reply.to_owned()),
                    Answer::Silence => {}
                    Answer::Leave => floor.close(id),
                }
                return;
            }
        };
        let scenario = floor.scenario();
        match session.on_text(text, scenario, floor.markets()) {
            Reply::Text(reply) => floor.reply(id, reply.to_owned()),
            Reply::Dump(instruments) => {
                let now = floor.now();
                let books = instruments.iter().filter_map(|instrument| {
                    let listing = scenario.catalog.listing(instrument.book())?;
                    let market = floor.market(instrument.book())?;
                    Some((Shown { listing, market, now }, instrument.face()))
                });
                let dump = dump(books);
                floor.reply(id, dump);
            }
            Reply::Silence => {}
        }
    }

    /// A client's connection is gone.
    pub const fn left(&mut self, _id: SessionId) {}

    /// Others did something on a book of this venue.
    pub fn hear(&mut self, floor: &mut Floor<'_>, book: BookId, what: &Happened) {
        self.started.get_or_insert(floor.now());
        let now = floor.now();
        match what {
            Happened::Changed(events) => {
                self.clear(book, events, Incoming::Foreign, now);
                self.note_price(floor, book);
            }
            Happened::Listed => self.list_late(floor, book),
            Happened::Tick { .. } | Happened::Fee(_) | Happened::Ended(Ending::Settled) => {}
            Happened::Ended(Ending::Determined { yes }) => {
                // What is under way settles first: the payout is for who then holds the winners.
                while let Some((before, trade)) = self.trades.hurry(book, now) {
                    self.stepped(before, &trade);
                }
                let winner = if *yes { Face::Yes } else { Face::No };
                self.ledger.pay_out(book, winner);
                self.winners.insert(book, winner);
            }
        }
        self.send_told(floor);
    }

    /// Lists a market, and tells those who asked for such news.
    fn list_late(&mut self, floor: &mut Floor<'_>, book: BookId) {
        self.facts.add_late(floor.scenario(), book);
        let Some(facts) = self.facts.market(book) else { return };
        let Some(event) = self.facts.event_of(facts) else { return };
        let tick = floor.market(book).map_or(0, |market| market.grid.step());
        let frame = new_market(facts, event, tick, floor.now());
        floor.tell_polymarket(&frame);
    }

    /// When [`Venue::wake`] is wanted next.
    #[must_use]
    pub fn next_at(&self) -> Option<Nanos> {
        let expiry = self.orders.first_expiry().map(|(at, _)| at);
        let release = self.delayed.first().map(|(at, _)| *at);
        let silence = self.heartbeats.values().map(Heartbeat::fires_at).min();
        [self.trades.next_at(), expiry, release, silence].into_iter().flatten().min()
    }

    /// Does what is due by now. Afterwards `next_at` is later.
    pub fn wake(&mut self, floor: &mut Floor<'_>) {
        let now = floor.now();
        while let Some((before, trade)) = self.trades.advance(now) {
            self.stepped(before, &trade);
        }
        while let Some((_, id)) = self.orders.first_expiry().filter(|(at, _)| *at <= now) {
            if !self.cancel(floor, id, "CANCELED_EXPIRED_ORDER") {
                // It is in no book any more: nothing is left to cancel.
                self.orders.end(id, OrderStatus::Cancelled("CANCELED_EXPIRED_ORDER"));
            }
        }
        while let Some((_, id)) = self.delayed.first().copied().filter(|(at, _)| *at <= now) {
            self.delayed.pop_first();
            self.release(floor, id);
        }
        let silent = self.heartbeats.iter().filter(|(_, beat)| beat.fires_at() <= now);
        for key in silent.map(|(key, _)| key.clone()).collect::<Vec<_>>() {
            self.heartbeats.remove(&key);
            let open = self.orders.open_of_key(&key);
            for id in open.iter().map(|order| order.id).collect::<Vec<_>>() {
                self.cancel(floor, id, "CANCELED");
            }
        }
        self.send_told(floor);
    }

    /// Sends what there is to tell to those who listen.
    fn send_told(&mut self, floor: &mut Floor<'_>) {
        for told in std::mem::take(&mut self.outbox) {
            let hears = |session: &Session| match session {
                Session::User(session) => session.takes(&told),
                Session::Market(_) => false,
            };
            let to: Vec<SessionId> = floor
                .polymarket_sessions()
                .filter(|(_, session)| hears(session))
                .map(|(id, _)| id)
                .collect();
            let draw = told.text.bytes().fold(self.seed, |sum, byte| mix(sum ^ u64::from(byte)));
            let twice = draw % 1_000_000 < u64::from(self.troubles.duplicate_report_ppm);
            self.struck.duplicate_fills += u64::from(twice && !to.is_empty());
            for id in to {
                floor.push(id, told.text.clone());
                if twice {
                    floor.push(id, told.text.clone());
                }
            }
        }
    }
}

//! Kalshi as a company: its members, their orders and what becomes of their fills.
//!
//! Without I/O: [`Venue::answer`] serves REST, [`Venue::on_text`] the WebSocket, [`Venue::hear`]
//! learns what others did on the books, [`Venue::wake`] does what is due at a time.

use std::collections::BTreeMap;

use dutchbook_book::fee::OrderFees;
use dutchbook_book::{BookId, Cash, Face, Nanos};
use dutchbook_core::statement::Statement;

use super::super::door::{HttpReply, HttpRequest};
use super::super::faces::SessionId;
use super::super::floor::{CLIENT_OWNERS_FROM, Floor, Happened};
use super::super::flow::Ending;
use super::super::matching::{OrderKey, OwnerId};
use super::super::rng::mix;
use super::super::scenario::Scenario;
use super::super::text::uuid;
use super::account::{AccountError, AccountSpec};
use super::auth::Keys;
use super::groups::Groups;
use super::ledger::Ledger;
use super::limits::Buckets;
use super::listed::{Life, Listed};
use super::orders::{Orders, Reason};
use super::portfolio::Settlement;
use super::public::Prints;
use super::session::{Board, Session};

/// Where the WebSocket is.
const STREAM: &str = "/trade-api/ws/v2";
/// Payouts that are kept for one member.
const SETTLEMENTS_MAX: usize = 10_000;

/// One member, beside money and orders.
#[derive(Clone, Debug)]
struct Person {
    user_id: String,
    buckets: Buckets,
    settlements: Vec<Settlement>,
    /// What resting orders hold back, by market.
    reserved: BTreeMap<BookId, Cash>,
}

/// Members, orders and fills of Kalshi.
#[derive(Clone, Debug)]
pub struct Venue {
    pub(super) seed: u64,
    keys: Keys,
    people: BTreeMap<OwnerId, Person>,
    pub(super) listed: Listed,
    pub(super) ledger: Ledger,
    pub(super) orders: Orders,
    pub(super) groups: Groups,
    pub(super) prints: Prints,
    /// What the flow's orders have been charged so far.
    pub(super) agents: BTreeMap<(BookId, OrderKey), OrderFees>,
    /// Whether orders are taken.
    pub(super) is_trading: bool,
    /// Whether requests cost tokens.
    pub(super) is_limited: bool,
    /// The bucket of all who do not sign.
    pub(super) anonymous: Buckets,
    /// Requests that were one too many.
    pub(in super::super) rate_limited: u64,
    settlement_count: u64,
}

impl Venue {
    /// A venue without members that opens at `start`.
    #[must_use]
    pub fn new(scenario: &Scenario, seed: u64, start: Nanos) -> Self {
        Self {
            seed: mix(seed ^ 0x6b61_6c73_6869),
            keys: Keys::default(),
            people: BTreeMap::new(),
            listed: Listed::new(scenario, start),
            ledger: Ledger::default(),
            orders: Orders::default(),
            groups: Groups::default(),
            prints: Prints::default(),
            agents: BTreeMap::new(),
            is_trading: true,
            is_limited: false,
            anonymous: Buckets::basic(),
            rate_limited: 0,
            settlement_count: 0,
        }
    }

    /// Opens an account.
    ///
    /// # Errors
    /// When its entry cannot be used.
    pub fn admit(&mut self, account: &AccountSpec) -> Result<(), AccountError> {
        let checked = account.check()?;
        let count = u32::try_from(self.people.len()).unwrap_or(u32::MAX);
        let owner = OwnerId(CLIENT_OWNERS_FROM.saturating_add(count));
        if !self.keys.add(&account.key_id, checked.key, owner) {
            return Err(AccountError::Twice(account.key_id.clone()));
        }
        self.ledger.open(owner, account.member.member(), checked.balance);
        let person = Person {
            user_id: uuid(self.seed ^ mix(u64::from(owner.0))),
            buckets: Buckets::basic(),
            settlements: Vec::new(),
            reserved: BTreeMap::new(),
        };
        self.people.insert(owner, person);
        Ok(())
    }

    /// What the account of a key has, by the venue's own books.
    #[must_use]
    pub fn statement(&self, key_id: &str) -> Option<Statement> {
        let holding = self.ledger.holding(self.keys.owner_of(key_id)?)?;
        let held = holding.positions.iter().filter_map(|(book, position)| {
            let net = position.net.micro();
            let face = if net < 0 { Face::No } else { Face::Yes };
            (net != 0).then(|| (book.instrument(face), position.held()))
        });
        Some(Statement { cash: holding.cash, positions: held.collect(), ..Statement::default() })
    }

    /// Switches the rate limits on or off.
    pub const fn set_limited(&mut self, is_limited: bool) {
        self.is_limited = is_limited;
    }

    /// Pauses trading or goes on: a pause takes no orders and no amendments, cancels are done.
    pub fn set_trading(&mut self, floor: &mut Floor<'_>, is_trading: bool) {
        self.is_trading = is_trading;
        if !is_trading {
            for number in self.orders.resting_where(|order| order.cancels_on_pause) {
                self.take_out(floor, number, Some(Reason::HaltCancel));
            }
        }
    }

    /// Answers a request.
    #[must_use]
    pub fn answer(&mut self, floor: &mut Floor<'_>, request: &HttpRequest<'_>) -> HttpReply {
        super::route::answer(self, floor, request)
    }

    /// Who signed a request.
    pub(super) fn signer(
        &self,
        request: &HttpRequest<'_>,
        now: Nanos,
    ) -> Result<OwnerId, super::refusal::Refusal> {
        self.keys.owner(request, now)
    }

    /// Opens a WebSocket for the member that signed the request. Where there are no members nobody
    /// can sign, and the public channels are open to all.
    ///
    /// # Errors
    /// With the venue's refusal.
    pub fn open(&mut self, request: &HttpRequest<'_>, now: Nanos) -> Result<Session, HttpReply> {
        if request.path != STREAM {
            return Err(super::refusal::no_such_path());
        }
        if self.people.is_empty() && request.header("kalshi-access-key").is_none() {
            return Ok(Session::default());
        }
        self.signer(request, now).map(Session::of).map_err(|why| why.reply())
    }

    /// A client says something on its WebSocket.
    pub fn on_text(
        &mut self,
        floor: &mut Floor<'_>,
        id: SessionId,
        session: &mut Session,
        text: &str,
    ) {
        let board =
            Board { scenario: floor.scenario(), markets: floor.markets(), now: floor.now() };
        for frame in session.on_text(text, board) {
            floor.reply(id, frame);
        }
    }

    /// A client's connection is gone: its subscriptions went with it.
    pub const fn left(&mut self, _id: SessionId) {}

    /// Others did something on a book of this venue.
    pub fn hear(&mut self, floor: &mut Floor<'_>, book: BookId, what: &Happened) {
        match what {
            Happened::Changed(events) => {
                let touched = self.book_events(floor, book, events);
                self.conclude(floor, book, &touched);
            }
            Happened::Ended(Ending::Determined { yes }) => self.determined(floor, book, *yes),
            Happened::Ended(Ending::Settled) => self.settled(floor, book),
            Happened::Listed => self.list(floor, book),
            Happened::Fee(multiplier_nano) => self.refee(floor, book, *multiplier_nano),
            // The book's own grid is what pages show.
            Happened::Tick { .. } => {}
        }
    }

    fn determined(&mut self, floor: &mut Floor<'_>, book: BookId, yes: bool) {
        let now = floor.now();
        if let Some(market) = self.listed.get_mut(book) {
            market.life = Life::Determined { yes, at: now };
            market.closes = market.closes.min(now);
            market.updated = now;
        }
        // What the book removed was heard before; nothing may be left.
        for number in self.orders.resting_where(|order| order.book == book) {
            self.end(number, Some(Reason::CloseCancel), now);
            self.tell_order(floor, number);
        }
        for owner in self.people.keys().copied().collect::<Vec<_>>() {
            self.reserve(owner, book);
        }
    }

    fn settled(&mut self, floor: &mut Floor<'_>, book: BookId) {
        let now = floor.now();
        let Some(market) = self.listed.get_mut(book) else { return };
        let Some(yes) = market.life.result() else { return };
        market.life = Life::Finalized { yes, at: now };
        market.updated = now;
        for (owner, payout) in self.ledger.settle(book, yes, now) {
            let Some(person) = self.people.get_mut(&owner) else { continue };
            self.settlement_count += 1;
            let number = self.settlement_count;
            if person.settlements.len() >= SETTLEMENTS_MAX {
                person.settlements.remove(0);
            }
            person.settlements.push(Settlement { number, book, yes, payout, at: now });
            let position = self.ledger.position(owner, book);
            let (user_id, ticker) = (self.user_id(owner), self.listed.ticker(book));
            let frame = super::private::position(owner, user_id, ticker, (book, &position));
            super::fills::tell(floor, &frame);
        }
    }

    /// When [`Venue::wake`] is wanted next.
    #[must_use]
    pub fn next_at(&self) -> Option<Nanos> {
        self.orders.first_expiry().map(|(at, _)| at)
    }

    /// Does what is due by now. Afterwards `next_at` is later.
    pub fn wake(&mut self, floor: &mut Floor<'_>) {
        self.expire(floor);
    }

    /// A member's public name.
    pub(super) fn user_id(&self, owner: OwnerId) -> &str {
        self.people.get(&owner).map_or("", |person| person.user_id.as_str())
    }

    /// The buckets of a member, or of all who do not sign.
    pub(super) fn buckets(&mut self, owner: Option<OwnerId>) -> &mut Buckets {
        match owner.and_then(|owner| self.people.get_mut(&owner)) {
            Some(person) => &mut person.buckets,
            None => &mut self.anonymous,
        }
    }

    /// A member's payouts, oldest first.
    pub(super) fn settlements(&self, owner: OwnerId) -> &[Settlement] {
        self.people.get(&owner).map_or(&[], |person| person.settlements.as_slice())
    }

    /// What a member's resting orders hold back in all.
    pub(super) fn reserved(&self, owner: OwnerId) -> Cash {
        let each = self.people.get(&owner).into_iter().flat_map(|person| person.reserved.values());
        each.fold(Cash::ZERO, |sum, one| sum.checked_add(*one).unwrap_or(Cash::MAX))
    }

    /// The same without those on one market.
    pub(super) fn reserved_beside(&self, owner: OwnerId, book: BookId) -> Cash {
        let here = self.people.get(&owner).and_then(|person| person.reserved.get(&book));
        let here = here.copied().unwrap_or(Cash::ZERO);
        self.reserved(owner).checked_sub(here).unwrap_or(Cash::ZERO)
    }

    /// Keeps what a member's orders on one market hold back.
    pub(super) fn set_reserved(&mut self, owner: OwnerId, book: BookId, need: Cash) {
        if let Some(person) = self.people.get_mut(&owner) {
            person.reserved.insert(book, need);
        }
    }

    /// Whether all money and all contracts are accounted for.
    #[cfg(test)]
    pub(in super::super) fn closes(&self) -> Result<(), String> {
        self.ledger.closes()
    }
}

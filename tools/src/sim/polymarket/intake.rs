//! From the body of a request to an order: is it one, whose is it, and does it keep the rules?

use alloy_primitives::{Address, B256, U256, hex};
use dutchbook_book::{BookId, Cash, Nanos, Price, Qty, Side};
use serde_json::Value;

use super::auth::ApiKey;
use super::eip712::SignedOrder;
use super::facts::{MarketFacts, tick_of};
use super::orders::{Order, OrderStatus, OrderType};
use super::venue::Venue;
use super::wallet::{WalletKind, older_deposit};

/// Seconds that an order with an end must live at least.
const LIFE_SECS_MIN: u64 = 180;
/// The longest signature: that of a deposit wallet, with room for a session key around it.
const SIGNATURE_BYTES_MAX: usize = 1_024;
/// A millionth is the sixth decimal.
const DECIMALS: u32 = 6;

/// Why an order is not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Rejected {
    /// The request is wrong: an HTTP status and an error.
    Request(u16, String),
    /// The order is one, but cannot be had now: answered with success false.
    Order(B256, String),
}

impl Rejected {
    pub(super) fn request(text: impl Into<String>) -> Self {
        Self::Request(400, text.into())
    }

    pub(super) fn text(&self) -> &str {
        match self {
            Self::Request(_, text) | Self::Order(_, text) => text,
        }
    }
}

/// The envelope's own fields.
struct Envelope<'a> {
    order: &'a Value,
    order_type: OrderType,
    post_only: bool,
}

fn payload() -> Rejected {
    Rejected::request("Invalid order payload")
}

/// A number sent as digits, quoted or not.
fn digits(order: &Value, name: &str) -> Result<U256, Rejected> {
    let text = match order.get(name) {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Number(number)) => number.as_u64().ok_or_else(payload)?.to_string(),
        _ => return Err(payload()),
    };
    let is_plain = !text.is_empty() && text.len() <= 78 && text.bytes().all(|b| b.is_ascii_digit());
    if is_plain { U256::from_str_radix(&text, 10).map_err(|_| payload()) } else { Err(payload()) }
}

fn parsed<T: core::str::FromStr>(order: &Value, name: &str) -> Result<T, Rejected> {
    let text = order.get(name).and_then(Value::as_str).ok_or_else(payload)?;
    text.parse().map_err(|_| payload())
}

/// Thirty-two bytes, zero where they are left out.
fn word(order: &Value, name: &str) -> Result<B256, Rejected> {
    match order.get(name) {
        None | Some(Value::Null) => Ok(B256::ZERO),
        Some(Value::String(text)) if text.is_empty() => Ok(B256::ZERO),
        Some(_) => parsed(order, name),
    }
}

fn envelope<'a>(value: &'a Value, key: &ApiKey) -> Result<Envelope<'a>, Rejected> {
    let order = value.get("order").filter(|order| order.is_object()).ok_or_else(payload)?;
    let is_first_generation =
        ["nonce", "feeRateBps", "taker"].iter().any(|f| order.get(f).is_some());
    if is_first_generation || order.get("timestamp").is_none() {
        return Err(Rejected::request("order_version_mismatch"));
    }
    let owner = value.get("owner").and_then(Value::as_str).ok_or_else(payload)?;
    if owner != key.id {
        return Err(Rejected::request("the order owner has to be the owner of the API KEY"));
    }
    let name = value.get("orderType").and_then(Value::as_str).ok_or_else(payload)?;
    let order_type = OrderType::parse(name).ok_or_else(payload)?;
    let flag = |name: &str| match value.get(name) {
        None | Some(Value::Null) => Ok(false),
        Some(flag) => flag.as_bool().ok_or_else(payload),
    };
    flag("deferExec")?;
    let post_only = flag("postOnly")?;
    if post_only && !order_type.rests() {
        return Err(payload());
    }
    Ok(Envelope { order, order_type, post_only })
}

fn signed_fields(order: &Value) -> Result<SignedOrder, Rejected> {
    let side = match order.get("side").and_then(Value::as_str) {
        Some("BUY") => 0,
        Some("SELL") => 1,
        _ => return Err(payload()),
    };
    let kind = digits(order, "signatureType")?;
    Ok(SignedOrder {
        salt: digits(order, "salt")?,
        maker: parsed::<Address>(order, "maker")?,
        signer: parsed::<Address>(order, "signer")?,
        token: digits(order, "tokenId")?,
        maker_amount: digits(order, "makerAmount")?,
        taker_amount: digits(order, "takerAmount")?,
        side,
        signature_type: u8::try_from(kind).map_err(|_| payload())?,
        timestamp: digits(order, "timestamp")?,
        metadata: word(order, "metadata")?,
        builder: word(order, "builder")?,
    })
}

/// An amount in millionths; what no book can count is no order.
fn amount(number: U256) -> Result<u64, Rejected> {
    let micro = u64::try_from(number).map_err(|_| payload())?;
    match Qty::from_micro(micro) {
        Some(qty) if !qty.is_zero() => Ok(micro),
        _ => Err(payload()),
    }
}

/// Whether a number of millionths has no more than so many decimals.
fn has_decimals(micro: u64, decimals: u32) -> bool {
    micro.is_multiple_of(10_u64.pow(DECIMALS.saturating_sub(decimals)))
}

/// How many decimals the venue allows in the money of an order, by the tick.
const fn money_decimals(step: u32) -> u32 {
    match step {
        100_000 => 3,
        10_000 => 4,
        5_000 | 1_000 => 5,
        _ => 6,
    }
}

/// What an order asks for: shares, money, and the worst price.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Terms {
    size: Qty,
    budget: Option<Cash>,
    price: Price,
}

/// The amounts of one order and the rules that they must keep.
struct Amounts<'a> {
    id: B256,
    side: Side,
    money: u64,
    shares: u64,
    step: u32,
    facts: &'a MarketFacts,
}

impl Amounts<'_> {
    fn check_decimals(&self, order_type: OrderType) -> Result<(), Rejected> {
        let (kind, money, shares) = match (order_type.rests(), self.side) {
            (true, _) => ("", money_decimals(self.step), 2),
            (false, Side::Buy) => ("market ", 2, 4),
            (false, Side::Sell) => ("market ", 4, 2),
        };
        if has_decimals(self.money, money) && has_decimals(self.shares, shares) {
            return Ok(());
        }
        let (side, maker, taker) = match self.side {
            Side::Buy => ("buy", money, shares),
            Side::Sell => ("sell", shares, money),
        };
        Err(Rejected::request(format!(
            "invalid amounts, the {kind}{side} orders maker amount supports a max accuracy of {maker} decimals, taker amount a max of {taker} decimals"
        )))
    }

    fn off_tick(&self) -> Rejected {
        let micro = u128::from(self.money) * 1_000_000 / u128::from(self.shares);
        let price = Cash::from_micro(i64::try_from(micro).unwrap_or(i64::MAX));
        let tick = tick_of(self.step);
        let id = self.id;
        Rejected::request(format!(
            "order {id:#x} is invalid. Price ({price}) breaks minimum tick size rule: {tick}"
        ))
    }

    fn in_range(&self, micro: u128) -> Result<Price, Rejected> {
        let step = u128::from(self.step);
        let is_inside = micro >= step && micro + step <= 1_000_000;
        let price = u32::try_from(micro).ok().and_then(Price::from_micro);
        price.filter(|_| is_inside).ok_or_else(|| self.off_tick())
    }

    /// The price of an order that may rest: on the grid, and the amounts agree with it exactly.
    fn exact_price(&self) -> Result<Price, Rejected> {
        let (money, shares) = (u128::from(self.money), u128::from(self.shares));
        let step = u128::from(self.step);
        let per_tick = shares * step;
        let ticks = (money * 1_000_000 + per_tick / 2) / per_tick;
        let price = ticks * step;
        let exact = shares * price / 1_000_000;
        if shares * price == money * 1_000_000 {
            return self.in_range(price);
        }
        // Off by less than a cent: the amounts were rounded; else the price is none of the grid.
        if exact.abs_diff(money) >= 10_000 {
            return Err(self.off_tick());
        }
        let show = |micro: u128| Cash::from_micro(i64::try_from(micro).unwrap_or(i64::MAX));
        let name = if self.side == Side::Buy { "maker" } else { "taker" };
        Err(Rejected::request(format!(
            "invalid amounts, the {name} amount for a ${} order of size {} should be '{}' but the value submited is '{}'",
            show(price),
            show(shares),
            show(exact),
            show(money)
        )))
    }

    /// The worst price of the grid that the amounts of an order that cannot rest allow.
    fn worst_price(&self) -> Result<Price, Rejected> {
        let (money, shares) = (u128::from(self.money), u128::from(self.shares));
        let step = u128::from(self.step);
        let per_tick = shares * step;
        let ticks = match self.side {
            Side::Buy => money * 1_000_000 / per_tick,
            Side::Sell => (money * 1_000_000).div_ceil(per_tick),
        };
        self.in_range(ticks * step)
    }

    fn terms(&self, order_type: OrderType) -> Result<Terms, Rejected> {
        self.check_decimals(order_type)?;
        let size = Qty::from_micro(self.shares).ok_or_else(payload)?;
        if !order_type.rests() {
            let budget = i64::try_from(self.money).map(Cash::from_micro).map_err(|_| payload())?;
            let budget = (self.side == Side::Buy).then_some(budget);
            return Ok(Terms { size, budget, price: self.worst_price()? });
        }
        let price = self.exact_price()?;
        if size < self.facts.min_qty {
            let (id, min) = (self.id, self.facts.min_qty);
            return Err(Rejected::request(format!(
                "order {id:#x} is invalid. Size ({size}) lower than the minimum: {min}"
            )));
        }
        Ok(Terms { size, budget: None, price })
    }
}

impl Venue {
    /// Reads an order, finds out whose it is, and checks the venue's rules.
    pub(super) fn read_order(
        &self,
        value: &Value,
        key: &ApiKey,
        step_of: impl Fn(BookId) -> u32,
        now: Nanos,
    ) -> Result<Order, Rejected> {
        let envelope = envelope(value, key)?;
        let signed = signed_fields(envelope.order)?;
        let token = signed.token.to_string();
        let (facts, face) = self
            .facts
            .token(&token)
            .ok_or_else(|| Rejected::request("No orderbook exists for the requested token id"))?;
        self.check_wallet(&signed, key)?;
        let exchange = facts.exchange(face);
        let id = signed.id(exchange, self.chain);
        let text = envelope.order.get("signature").and_then(Value::as_str).ok_or_else(payload)?;
        let is_short = text.len() <= 2 * SIGNATURE_BYTES_MAX;
        let signature = if is_short { hex::decode(text).ok() } else { None };
        let recover = self.keys.recover();
        let signer = signature
            .and_then(|signature| signed.signed_by(recover, &signature, exchange, self.chain));
        if signer != Some(key.address) {
            return Err(Rejected::request("invalid signature"));
        }
        let side = if signed.side == 0 { Side::Buy } else { Side::Sell };
        let (maker, taker) = (amount(signed.maker_amount)?, amount(signed.taker_amount)?);
        let (money, shares) = if side == Side::Buy { (maker, taker) } else { (taker, maker) };
        let step = step_of(facts.book);
        let amounts = Amounts { id, side, money, shares, step, facts };
        let terms = amounts.terms(envelope.order_type)?;
        let expiration = expiration(envelope.order, envelope.order_type, id, now)?;
        Ok(Order {
            id,
            owner: self.people.owner(signed.maker).ok_or_else(payload)?,
            maker: signed.maker,
            api_key: key.id.clone(),
            book: facts.book,
            face,
            side,
            price: terms.price,
            order_type: envelope.order_type,
            post_only: envelope.post_only,
            size: terms.size,
            budget: terms.budget,
            expiration,
            created: now,
            status: OrderStatus::Live,
            matched: Qty::ZERO,
            rested: [Qty::ZERO; 2],
            trades: Vec::new(),
            key: None,
        })
    }

    /// Whether the key's holder may trade with the wallet that the order names.
    fn check_wallet(&self, signed: &SignedOrder, key: &ApiKey) -> Result<(), Rejected> {
        let kind = WalletKind::of_type(signed.signature_type).ok_or_else(payload)?;
        let signer = if kind == WalletKind::Deposit { signed.maker } else { key.address };
        if signed.signer != signer {
            let text = "the order signer address has to be the address of the API KEY";
            return Err(Rejected::request(text));
        }
        let is_older = kind == WalletKind::Deposit && signed.maker == older_deposit(key.address);
        if signed.maker != kind.address(key.address) && !is_older {
            let text = "maker address not allowed, please use the deposit wallet flow";
            return Err(Rejected::request(text));
        }
        Ok(())
    }
}

/// When the order ends by itself, in unix seconds; zero when it does not.
fn expiration(order: &Value, order_type: OrderType, id: B256, now: Nanos) -> Result<u64, Rejected> {
    let at = match order.get("expiration") {
        None => 0,
        Some(_) => u64::try_from(digits(order, "expiration")?).map_err(|_| payload())?,
    };
    let soonest = now.0 / 1_000_000_000 + LIFE_SECS_MIN;
    let is_good = if order_type == OrderType::Gtd { at >= soonest } else { at == 0 };
    // Beyond this no clock counts.
    let is_countable = at < u64::MAX / 1_000_000_000;
    if is_good && is_countable {
        Ok(at)
    } else {
        Err(Rejected::Order(id, "invalid expiration".to_owned()))
    }
}

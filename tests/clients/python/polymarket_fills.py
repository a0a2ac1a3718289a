"""Orders that trade: every match type to the last decimal, against each other and strangers."""

import time

from py_clob_client_v2.clob_types import (
    BookParams,
    MarketOrderArgsV2,
    OrderType,
    PricesHistoryParams,
    TradeParams,
)

from polymarket_desk import (
    CALM,
    KEYS,
    START,
    D,
    Market,
    cash,
    check,
    client_of,
    confirmed,
    in_cents,
    levels,
    limit,
    shares,
    tradable,
)


class Purses:
    """What the maker and the taker must have at any moment."""

    def __init__(self, maker, taker):
        self.clients = (maker, taker)
        self.cash = [START, START]

    def move(self, maker, taker):
        self.cash = [self.cash[0] + maker, self.cash[1] + taker]

    def check(self, what):
        check.equal(f"{what}: cash", [cash(client) for client in self.clients], self.cash)


def amounts(answer):
    return D(answer["makingAmount"]), D(answer["takingAmount"])


def market_order(client, token, side, amount, price, kind):
    args = MarketOrderArgsV2(token, float(amount), side, float(price or 0), kind)
    return client.create_and_post_market_order(args, order_type=kind)


def filled(alice, bob, market):
    purses = Purses(alice, bob)
    minted(alice, bob, market, purses)
    improved(alice, bob, market, purses)
    merged(alice, bob, market, purses)
    swept(alice, bob, market, purses)
    history = alice.get_prices_history(PricesHistoryParams(market=market.yes, interval="max"))
    check.that("prices have a history", isinstance(history["history"], list), history)
    now = int(time.time())
    since = bob.get_trades(TradeParams(after=now - 3600))
    check.that("all trades are listed", len(since) >= 4, len(since))
    check.equal("none of the future", bob.get_trades(TradeParams(after=now + 3600)), [])


def minted(alice, bob, market, purses):
    """Two buyers of the two tokens: a new set is made for them."""
    yes, no = market.tokens
    low, other = market.low, 1 - market.low
    maker = alice.create_and_post_order(limit(yes, "BUY", low, 100))
    taker = bob.create_and_post_order(limit(no, "BUY", other, 100))
    purses.move(-100 * low, -100 * other - market.fee(D(100), other))
    check.fields("mint", taker, {"success": True, "errorMsg": "", "status": "matched"})
    check.equal("mint: amounts", amounts(taker), (100 * other, D(100)))
    check.equal("mint: one trade", len(taker["tradeIDs"]), 1)
    check.equal("mint: one transaction", len(taker["transactionsHashes"]), 1)
    purses.check("mint")
    check.equal("mint: shares", (shares(alice, yes), shares(bob, no)), (D(100), D(100)))
    trade_id = taker["tradeIDs"][0]
    told(alice, bob, market, (maker, taker), confirmed(bob, trade_id))
    theirs = alice.get_trades(TradeParams(market=market.condition))
    seen = [(row["id"], row["trader_side"]) for row in theirs]
    check.equal("the maker sees it too", seen, [(trade_id, "MAKER")])
    order = alice.get_order(maker["orderID"])
    wanted = {"status": "MATCHED", "associate_trades": [trade_id]}
    check.fields("the maker's order", order, wanted)
    check.equal("the maker's order: matched", D(order["size_matched"]), D(100))
    last = alice.get_last_trade_price(no)
    check.equal("last trade", (D(last["price"]), last["side"]), (other, "BUY"))
    rows = alice.get_last_trades_prices([BookParams(token_id=no)])
    check.equal("last trades", [(r["token_id"], D(r["price"])) for r in rows], [(no, other)])


def told(alice, bob, market, placed, trade):
    """The trade as its taker reads it."""
    maker, taker = placed
    wanted = {
        "taker_order_id": taker["orderID"],
        "market": market.condition,
        "asset_id": market.no,
        "side": "BUY",
        "trader_side": "TAKER",
        "owner": bob.creds.api_key,
        "maker_address": bob.get_address(),
        "outcome": market.outcomes[1],
        "transaction_hash": taker["transactionsHashes"][0],
    }
    check.fields("taker's trade", trade, wanted)
    what = (D(trade["price"]), D(trade["size"]))
    check.equal("taker's trade: price and size", what, (1 - market.low, D(100)))
    part = trade["maker_orders"][0]
    wanted = {
        "order_id": maker["orderID"],
        "owner": alice.creds.api_key,
        "asset_id": market.yes,
        "side": "BUY",
        "maker_address": alice.get_address(),
        "outcome": market.outcomes[0],
    }
    check.fields("maker's part", part, wanted)
    what = (D(part["price"]), D(part["matched_amount"]))
    check.equal("maker's part: price and size", what, (market.low, D(100)))


def improved(alice, bob, market, purses):
    """A budget meets a better price than its limit: it buys more shares."""
    yes, high = market.yes, market.high
    alice.create_and_post_order(limit(yes, "SELL", high, 50))
    budget = 40 * high
    taker = market_order(bob, yes, "BUY", budget, high + D("0.05"), OrderType.FOK)
    purses.move(budget, -budget - market.fee(D(40), high))
    check.equal("improved: status", taker["status"], "matched")
    check.equal("improved: amounts", amounts(taker), (budget, D(40)))
    purses.check("improved")
    check.equal("improved: shares", (shares(alice, yes), shares(bob, yes)), (D(60), D(40)))
    confirmed(bob, taker["tradeIDs"][0])
    left = [
        (D(row["original_size"]), D(row["size_matched"]), row["status"])
        for row in alice.get_open_orders()
    ]
    check.equal("part of the maker's order is left", left, [(D(50), D(40), "LIVE")])
    asks = levels(alice.get_order_book(yes)["asks"])
    check.equal("and shown", asks, [*market.asks, (high, D(10))])
    alice.cancel_all()


def merged(alice, bob, market, purses):
    """Two sellers: the set goes back to cash."""
    yes, no = market.tokens
    low, other = market.low, 1 - market.low
    alice.create_and_post_order(limit(yes, "SELL", low, 20))
    taker = bob.create_and_post_order(limit(no, "SELL", other, 20))
    purses.move(20 * low, 20 * other - market.fee(D(20), other))
    check.equal("merge: status", taker["status"], "matched")
    check.equal("merge: amounts", amounts(taker), (D(20), 20 * other))
    purses.check("merge")
    check.equal("merge: shares", (shares(alice, yes), shares(bob, no)), (D(40), D(80)))
    confirmed(bob, taker["tradeIDs"][0])


def swept(alice, bob, market, purses):
    """Over two levels, each match with its own fee; the rest of a FAK is dropped."""
    yes, low, high = market.yes, market.low, market.high
    for price in (low, high):
        alice.create_and_post_order(limit(yes, "BUY", price, 7))
    taker = market_order(bob, yes, "SELL", 30, low, OrderType.FAK)
    got = 7 * low + 7 * high
    purses.move(-got, got - market.fee(D(7), low) - market.fee(D(7), high))
    check.equal("two levels: amounts", amounts(taker), (D(14), got))
    purses.check("two levels")
    check.equal("two levels: nothing rests", bob.get_open_orders(), [])


def strangers():
    """A market that trades: its makers' parts of our trade, our cash, our shares."""
    alice = client_of(CALM, KEYS[0])
    _, rows = tradable(alice)
    markets = [Market(alice, row) for row in in_cents(rows)]
    both = [market for market in markets if market.bids and market.asks]
    check.that("two markets of tick 0.01 have both sides", len(both) >= 2, len(both))
    market = both[0]
    yes = market.yes
    before = cash(alice)
    answer = market_order(alice, yes, "BUY", 12, None, OrderType.FAK)
    check.fields("bought from strangers", answer, {"success": True, "status": "matched"})
    paid, got = amounts(answer)
    check.that("within the budget", D(0) < paid <= D(12), paid)
    fees, bought, cost = D(0), D(0), D(0)
    for trade_id in answer["tradeIDs"]:
        for part in confirmed(alice, trade_id)["maker_orders"]:
            price = D(part["price"]) if part["asset_id"] == yes else 1 - D(part["price"])
            size = D(part["matched_amount"])
            fees += market.fee(size, price)
            bought += size
            cost += size * price
    check.equal("the parts make the whole", bought, got)
    check.that("and its price, to the micro-dollar", abs(cost - paid) < D("0.00001"), cost - paid)
    check.equal("cash moved by cost and fees", before - cash(alice), paid + fees)
    check.equal("shares arrived", shares(alice, yes), got)
    sold = market_order(alice, yes, "SELL", int(got), None, OrderType.FAK)
    check.equal("sold to strangers", sold["status"], "matched")
    return market

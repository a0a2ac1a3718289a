"""Orders that trade: cash, fees, positions, fills and trades to the last decimal."""

from checks import eventually
from kalshi_desk import (
    CALM,
    CENT,
    KEYS,
    START,
    D,
    cash,
    check,
    client_of,
    dollars,
    place,
    position,
)

IOC = "immediate_or_cancel"


class Purses:
    """What the maker and the taker must have at any moment."""

    def __init__(self, maker, taker):
        self.clients = (maker, taker)
        self.cash = [cash(maker), cash(taker)]

    def move(self, maker, taker):
        self.cash = [self.cash[0] + maker, self.cash[1] + taker]

    def check(self, what):
        check.equal(f"{what}: cash", [cash(client) for client in self.clients], self.cash)


def filled(alice, bob, desk):
    purses = Purses(alice, bob)
    hit(alice, bob, desk, purses)
    two_levels(alice, bob, desk, purses)
    killed(alice, bob, desk)
    closed(alice, bob, desk)


def hit(alice, bob, desk, purses):
    """A yes buyer and a no buyer: both open a position."""
    ticker, low = desk.ticker, desk.low
    bid = place(alice, ticker, "bid", low, 10)
    taken = place(bob, ticker, "ask", low, 10, IOC)
    taker_fee = desk.fee(False, [(10, low)])
    maker_fee = desk.fee(True, [(10, low)], maker=True)
    purses.move(-10 * low - maker_fee, -10 * (1 - low) - taker_fee)
    wanted = {"fill_count": "10.00", "remaining_count": "0.00"}
    check.fields("hit", taken, {**wanted, "average_fill_price": dollars(low)})
    check.equal("hit: fee per contract", D(taken.average_fee_paid), taker_fee / 10)
    purses.check("hit")
    fills = bob.get_fills(order_id=taken.order_id).fills
    check.equal("one fill", len(fills), 1)
    wanted = {
        "ticker": ticker,
        "count_fp": "10.00",
        "yes_price_dollars": dollars(low),
        "no_price_dollars": dollars(1 - low),
        "is_taker": True,
        "fee_cost": f"{taker_fee:.6f}",
    }
    check.fields("fill", fills[0], wanted)
    sides = (fills[0].outcome_side.value, fills[0].book_side.value)
    check.equal("fill: sides", sides, ("no", "ask"))
    seen = [
        (row.trade_id, row.order_id, row.is_taker, D(row.fee_cost))
        for row in alice.get_fills(ticker=ticker).fills
    ]
    wanted = [(fills[0].trade_id, bid.order_id, False, maker_fee)]
    check.equal("the maker's fill", seen, wanted)
    seen = alice.get_order(bid.order_id).order
    wanted = {"fill_count_fp": "10.00", "remaining_count_fp": "0.00"}
    check.fields("the maker's order", seen, wanted)
    check.equal("the maker's order: status", seen.status.value, "executed")
    check.equal("the maker's order: cost", D(seen.maker_fill_cost_dollars), 10 * low)
    held(alice, bob, desk, taker_fee)
    trade = alice.get_trades(ticker=ticker).trades[0]
    wanted = {
        "trade_id": fills[0].trade_id,
        "count_fp": "10.00",
        "yes_price_dollars": dollars(low),
        "taker_outcome_side": "no",
        "is_block_trade": False,
    }
    check.fields("public trade", trade, wanted)


def held(alice, bob, desk, taker_fee):
    long, short = (position(client, desk.ticker) for client in (alice, bob))
    check.equal("long and short", (long.position_fp, short.position_fp), ("10.00", "-10.00"))
    check.equal("long: exposure", D(long.market_exposure_dollars), 10 * desk.low)
    check.equal("short: fees", D(short.fees_paid_dollars), taker_fee)
    events = bob.get_positions().event_positions
    seen = [(row.event_ticker, D(row.event_exposure_dollars)) for row in events]
    check.equal("an event's exposure", seen, [(desk.event, 10 * (1 - desk.low))])


def two_levels(alice, bob, desk, purses):
    """The rest of an immediate order is dropped."""
    low, high = desk.low, desk.high
    for price in (low, high):
        place(bob, desk.ticker, "ask", price, 3)
    lift = place(alice, desk.ticker, "bid", high, 8, IOC)
    cost = 3 * low + 3 * high
    makers = sum(desk.fee(False, [(3, price)], maker=True) for price in (low, high))
    purses.move(-cost - desk.fee(True, [(3, low), (3, high)]), cost - 6 - makers)
    wanted = {"fill_count": "6.00", "remaining_count": "0.00"}
    check.fields("two levels", lift, wanted)
    check.equal("two levels: average", D(lift.average_fill_price), (low + high) / 2)
    purses.check("two levels")


def killed(alice, bob, desk):
    place(bob, desk.ticker, "ask", desk.high, 2)
    dead = place(alice, desk.ticker, "bid", desk.high, 3, "fill_or_kill")
    wanted = {"fill_count": "0.00", "remaining_count": "0.00"}
    check.fields("fill or kill", dead, wanted)
    own = place(bob, desk.ticker, "bid", desk.high, 1, IOC)
    check.fields("never with oneself", own, wanted)
    bob.cancel_all_orders()


def closed(alice, bob, desk):
    """Selling what one holds frees cash; what both have and hold is what they brought."""
    place(alice, desk.ticker, "ask", desk.high, 4)
    back = place(bob, desk.ticker, "bid", desk.high, 4, IOC)
    check.equal("closed", back.fill_count, "4.00")
    rows = [position(client, desk.ticker) for client in (alice, bob)]
    left = [row.position_fp for row in rows]
    check.equal("twelve are left", left, ["12.00", "-12.00"])
    fees = sum(D(row.fees_paid_dollars) for row in rows)
    check.equal("no more, no less", cash(alice) + cash(bob) + 12 + fees, 2 * START)


def strangers():
    """A market that trades: our fills make the whole, our cash moves by them."""
    alice = client_of(CALM, KEYS[0])
    markets = [
        market
        for market in alice.get_markets(status="open").markets
        if all(D(grid.step) == CENT for grid in market.price_ranges)
        and D(market.yes_bid_size_fp)
        and D(market.yes_ask_size_fp)
    ]
    tickers = [market.ticker for market in markets]
    check.that("two markets of tick 0.01 have both sides", len(tickers) >= 2, tickers)
    ticker = tickers[0]
    before = cash(alice)
    bought = eventually(
        lambda: place(alice, ticker, "bid", "0.99", 5, IOC), lambda row: D(row.fill_count) > 0
    )
    count = D(bought.fill_count)
    check.that("bought from strangers", count > 0, bought)
    fills = alice.get_fills(order_id=bought.order_id).fills
    check.equal("fills make the whole", sum(D(row.count_fp) for row in fills), count)
    cost = sum(D(row.count_fp) * D(row.yes_price_dollars) for row in fills)
    fees = sum(D(row.fee_cost) for row in fills)
    check.equal("cash moved by cost and fees", before - cash(alice), cost + fees)
    average = D(bought.average_fill_price) - cost / count
    check.that("the average is right", abs(average) <= D("0.00005"), average)
    check.equal("held", position(alice, ticker).position_fp, f"{count:.2f}")
    sold = place(alice, ticker, "ask", "0.01", count, IOC, reduce_only=True)
    check.that("sold to strangers", D(sold.fill_count) > 0, sold)
    return alice, ticker

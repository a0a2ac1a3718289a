"""Orders that do not trade: placed, looked at, refused, changed, canceled; batches, groups."""

import time
import uuid

from kalshi_desk import START, D, cash, check, dollars, order, place, refused


def resting(alice, bob, desk):
    ticker, low = desk.ticker, desk.low
    mine = str(uuid.uuid4())
    placed = place(alice, ticker, "bid", low, 10, client_order_id=mine)
    wanted = {"client_order_id": mine, "fill_count": "0.00", "remaining_count": "10.00"}
    check.fields("placed", placed, {**wanted, "average_fill_price": None})
    check.that("placed: time", abs(placed.ts_ms / 1000 - time.time()) < 5, placed.ts_ms)
    seen = alice.get_order(placed.order_id).order
    wanted = {
        "client_order_id": mine,
        "ticker": ticker,
        "outcome_side": "yes",
        "status": "resting",
        "yes_price_dollars": dollars(low),
        "no_price_dollars": dollars(1 - low),
        "initial_count_fp": "10.00",
        "fill_count_fp": "0.00",
        "remaining_count_fp": "10.00",
        "taker_fees_dollars": "0.000000",
        "maker_fees_dollars": "0.000000",
    }
    check.fields("order", seen, wanted)
    check.equal("order: book side", seen.book_side.value, "bid")
    rows = alice.get_orders(ticker=ticker, status="resting").orders
    check.equal("resting orders", [row.order_id for row in rows], [placed.order_id])
    check.equal("not another's", bob.get_orders().orders, [])
    in_the_book(alice, desk)
    behind = queued(alice, bob, desk, placed)
    refusals(alice, bob, desk, placed, mine)
    changed(alice, bob, desk, placed, behind)
    gone = alice.cancel_order_v2(placed.order_id)
    check.fields("canceled", gone, {"order_id": placed.order_id, "reduced_by": "8.00"})
    seen = alice.get_order(placed.order_id).order
    check.equal(
        "order after it", (seen.status.value, seen.remaining_count_fp), ("canceled", "0.00")
    )
    again = placed.order_id
    refused("canceled once only", lambda: alice.cancel_order_v2(again), 404, "not_found")
    bob.cancel_all_orders()
    check.equal("all canceled", bob.get_orders(status="resting").orders, [])
    book = desk.book()
    wanted = (desk.bids, desk.nos)
    check.equal("the book is as before", (book.yes_dollars, book.no_dollars), wanted)
    check.equal("nothing was spent", (cash(alice), cash(bob)), (START, START))


def in_the_book(alice, desk):
    book = desk.book()
    ours = [*desk.bids, [dollars(desk.low), "10.00"]]
    check.equal("book", (book.yes_dollars, book.no_dollars), (ours, desk.nos))
    market = alice.get_market(desk.ticker).market
    wanted = {
        "yes_bid_dollars": dollars(desk.low),
        "yes_bid_size_fp": "10.00",
        "no_ask_dollars": dollars(1 - desk.low),
    }
    check.fields("market's top", market, wanted)


def queued(alice, bob, desk, placed):
    """Two at one price: who came first, and what both hold."""
    behind = place(bob, desk.ticker, "bid", desk.low, 5)
    ahead = alice.get_order_queue_position(placed.order_id).queue_position_fp
    check.equal("first in the queue", D(ahead), D(0))
    rows = bob.get_order_queue_positions(market_tickers=desk.ticker).queue_positions
    seen = [(row.order_id, D(row.queue_position_fp)) for row in rows]
    check.equal("second behind ten", seen, [(behind.order_id, D(10))])
    ask = place(bob, desk.ticker, "ask", "0.9700", 3)
    seen = bob.get_order(ask.order_id).order
    wanted = {"outcome_side": "no", "yes_price_dollars": "0.9700", "no_price_dollars": "0.0300"}
    check.fields("an ask is a no", seen, wanted)
    book = desk.book()
    check.equal("both bids", book.yes_dollars[-1], [dollars(desk.low), "15.00"])
    check.equal("the ask as a no bid", book.no_dollars[0], ["0.0300", "3.00"])
    total = alice.get_portfolio_resting_order_total_value()
    check.equal("resting value in cents", total.total_resting_order_value, int(desk.low * 1000))
    return behind


def refusals(alice, bob, desk, placed, mine):
    ticker = desk.ticker

    def bid(price, count=1, **more):
        return lambda: place(alice, ticker, "bid", price, count, **more)

    refused("the same client id", bid("0.02", client_order_id=mine), 409, "order_already_exists")
    refused("off the grid", bid("0.0205"), 400, "invalid_price")
    refused("too dear", bid(desk.low, 1_000_000), 400, "insufficient_balance")
    crossing = bid("0.99", post_only=True)
    refused("post only", crossing, 400, "invalid_order", "post only cross")
    unknown = order("NOSUCH-1", "bid", "0.50", 1)
    refused("an unknown ticker", lambda: alice.create_order_v2(**unknown), 404, "not_found")
    refused("another's order", lambda: bob.cancel_order_v2(placed.order_id), 404, "not_found")


def changed(alice, bob, desk, placed, behind):
    less = alice.decrease_order_v2(placed.order_id, reduce_by="4.00")
    check.fields("decreased", less, {"order_id": placed.order_id, "remaining_count": "6.00"})
    rows = bob.get_order_queue_positions(market_tickers=desk.ticker).queue_positions
    queue = {row.order_id: D(row.queue_position_fp) for row in rows}
    check.equal("the queue is shorter", queue.get(behind.order_id), D(6))
    change = {"ticker": desk.ticker, "side": "bid", "price": dollars(desk.high), "count": "8.00"}
    moved = alice.amend_order_v2(placed.order_id, **change)
    check.fields("amended", moved, {"order_id": placed.order_id, "remaining_count": "8.00"})
    top = desk.book().yes_dollars[-2:]
    wanted = [[dollars(desk.low), "5.00"], [dollars(desk.high), "8.00"]]
    check.equal("book after it", top, wanted)


def batches(alice, desk):
    ticker = desk.ticker
    wanted = [
        order(ticker, "bid", "0.02", 1),
        order(ticker, "bid", "0.0205", 1),
        order(ticker, "ask", "0.98", 2),
    ]
    legs = alice.batch_create_orders_v2(orders=wanted).orders
    names = [leg.client_order_id for leg in (legs[0], legs[2])]
    asked = [wanted[0]["client_order_id"], wanted[2]["client_order_id"]]
    check.equal("a batch answers in order", names, asked)
    rests = [leg.remaining_count for leg in (legs[0], legs[2])]
    check.equal("what rests", rests, ["1.00", "2.00"])
    failed = (legs[1].order_id, legs[1].error.code)
    check.equal("what does not", failed, (None, "invalid_price"))
    unknown = str(uuid.uuid4())
    ids = [legs[0].order_id, unknown, legs[2].order_id]
    legs = alice.batch_cancel_orders_v2(orders=[{"order_id": name} for name in ids]).orders
    reduced = [(leg.order_id, leg.reduced_by) for leg in legs]
    check.equal("cancels in order", reduced, list(zip(ids, ("1.00", "0.00", "2.00"), strict=True)))
    check.equal("cancel of the unknown", legs[1].error.code, "not_found")


def groups(alice, desk):
    made = alice.create_order_group(contracts_limit=5)
    group = made.order_group_id
    check.equal("listed", [row.id for row in alice.get_order_groups().order_groups], [group])
    placed = place(alice, desk.ticker, "bid", "0.02", 2, order_group_id=group)
    one = alice.get_order_group(group)
    check.equal("its orders", one.orders, [placed.order_id])
    check.equal("its limit", D(one.contracts_limit_fp), D(5))
    alice.trigger_order_group(group)
    status = alice.get_order(placed.order_id).order.status.value
    check.equal("triggered: canceled", status, "canceled")
    alice.reset_order_group(group)
    again = place(alice, desk.ticker, "bid", "0.02", 2, order_group_id=group)
    check.equal("reset: rests", again.remaining_count, "2.00")
    alice.update_order_group_limit(group, contracts_limit=9)
    check.equal("a new limit", D(alice.get_order_group(group).contracts_limit_fp), D(9))
    alice.delete_order_group(group)
    check.equal("deleted", alice.get_order_groups().order_groups or [], [])
    alice.cancel_all_orders()

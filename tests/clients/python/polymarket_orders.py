"""Orders that do not trade: placed, looked at, refused, canceled, alone and in batches."""

import time

from py_clob_client_v2.clob_types import (
    BookParams,
    MarketOrderArgsV2,
    OpenOrderParams,
    OrderMarketCancelParams,
    OrderPayload,
    OrderScoringParams,
    OrderType,
    PostOrdersV2Args,
)
from py_clob_client_v2.config import get_contract_config
from py_clob_client_v2.exceptions import PolyApiException
from py_clob_client_v2.order_utils.exchange_order_builder_v2 import ExchangeOrderBuilderV2

from polymarket_desk import CHAIN, START, D, cash, check, levels, limit, order_hash


def resting(alice, market):
    """One order from placement to cancellation, looked at from everywhere."""
    yes, no = market.tokens
    signed = alice.create_order(limit(yes, "BUY", market.low, 100))
    answer = alice.post_order(signed, OrderType.GTC)
    order_id = order_hash(alice, signed, market.neg_risk)
    wanted = {"success": True, "errorMsg": "", "status": "live", "orderID": order_id}
    check.fields("placed", answer, wanted)
    check.equal("no trades", answer.get("tradeIDs") or [], [])
    seen_as_open(alice, market, order_id)
    seen_in_books(alice, market)
    check.equal("a resting order leaves the balance", cash(alice), START)
    scoring = alice.is_order_scoring(OrderScoringParams(orderId=order_id))
    check.that("scoring is told", scoring["scoring"] in (True, False), scoring)
    answer = alice.cancel_order(OrderPayload(orderID=order_id))
    check.equal("canceled", answer["canceled"], [order_id])
    check.equal("nothing else", answer["not_canceled"], {})
    check.equal("status", alice.get_order(order_id)["status"], "CANCELED")
    check.equal("the level is gone", levels(alice.get_order_book(yes)["bids"]), market.bids)
    again = alice.cancel_order(OrderPayload(orderID=order_id))
    check.equal("canceled once only", again["canceled"], [])
    check.that("and says so", "cancel" in again["not_canceled"][order_id].lower(), again)


def seen_as_open(alice, market, order_id):
    order = alice.get_order(order_id)
    wanted = {
        "id": order_id,
        "status": "LIVE",
        "owner": alice.creds.api_key,
        "market": market.condition,
        "maker_address": alice.get_address(),
        "asset_id": market.yes,
        "side": "BUY",
        "expiration": "0",
        "order_type": "GTC",
        "outcome": market.outcomes[0],
    }
    check.fields("order", order, wanted)
    check.equal("order: price", D(order["price"]), market.low)
    check.equal("order: size", D(order["original_size"]), D(100))
    check.equal("order: matched", D(order["size_matched"]), D(0))
    check.that("order: created", abs(order["created_at"] - time.time()) < 10, order)
    for params in (
        None,
        OpenOrderParams(market=market.condition),
        OpenOrderParams(asset_id=market.yes),
        OpenOrderParams(id=order_id),
    ):
        found = [row["id"] for row in alice.get_open_orders(params)]
        check.equal(f"open orders by {params}", found, [order_id])
    none = alice.get_open_orders(OpenOrderParams(asset_id=market.no))
    check.equal("none of another token", none, [])


def seen_in_books(alice, market):
    yes, no = market.tokens
    book = alice.get_order_book(yes)
    ours = [*market.bids, (market.low, D(100))]
    check.equal("book", (levels(book["bids"]), levels(book["asks"])), (ours, market.asks))
    check.equal("book: hash", alice.get_order_book_hash(book), book["hash"])
    wanted = {"market": market.condition, "asset_id": yes, "neg_risk": market.neg_risk}
    check.fields("book", book, {**wanted, "tick_size": str(market.tick)})
    mirror = levels(alice.get_order_book(no)["asks"])
    check.equal("the other token's book mirrors it", mirror, [(1 - p, s) for p, s in ours])
    asked = [BookParams(token_id=token) for token in (no, "5", yes)]
    books = {row["asset_id"] for row in alice.get_order_books(asked)}
    check.equal("books leave the unknown out", books, {yes, no})
    bought = D(alice.get_price(yes, "BUY")["price"])
    check.equal("price for a buyer is the best bid", bought, market.low)
    sold = D(alice.get_price(no, "SELL")["price"])
    check.equal("price for a seller is the best ask", sold, 1 - market.low)


def batches(alice, market):
    yes, no = market.tokens
    far = D("0.02")
    wanted = ((yes, market.low, 10), (yes, far, 10), (no, far, 10), (yes, D("0.99"), 1_000_000))
    orders = [alice.create_order(limit(token, "BUY", *what)) for token, *what in wanted]
    answers = alice.post_orders([PostOrdersV2Args(order=order) for order in orders])
    ids = [order_hash(alice, order, market.neg_risk) for order in orders]
    check.equal("a batch answers in order", [row["orderID"] for row in answers[:3]], ids[:3])
    check.equal("three rest", [row["status"] for row in answers[:3]], ["live"] * 3)
    poor = answers[3]
    check.that("one is too dear", "not enough balance / allowance" in poor["errorMsg"], poor)
    book = alice.get_order_book(yes)
    check.equal("the best bid is last", levels(book["bids"])[-1], (market.low, D(10)))
    check.equal("the worst one first", levels(book["bids"])[0], (far, D(10)))
    check.equal("a no bid is the worst ask", levels(book["asks"])[0], (1 - far, D(10)))
    prices(alice, market)
    answer = alice.cancel_orders([ids[0], ids[3]])
    check.equal("cancel by ids", answer["canceled"], [ids[0]])
    check.equal("what never rested", list(answer["not_canceled"]), [ids[3]])
    answer = alice.cancel_market_orders(OrderMarketCancelParams(asset_id=no))
    check.equal("cancel by token", answer["canceled"], [ids[2]])
    answer = alice.cancel_market_orders(OrderMarketCancelParams(market=market.condition))
    check.equal("cancel by market", answer["canceled"], [ids[1]])
    placed = [alice.create_and_post_order(limit(token, "BUY", far, 20)) for token in (yes, no)]
    canceled = set(alice.cancel_all()["canceled"])
    check.equal("cancel all", canceled, {row["orderID"] for row in placed})
    check.equal("nothing is open", alice.get_open_orders(), [])
    many = [PostOrdersV2Args(order=alice.create_order(limit(yes, "BUY", far, 5)))] * 16
    refused(
        "sixteen orders",
        lambda: alice.post_orders(many),
        "Too many orders in payload: 16, max allowed: 15",
    )


def prices(alice, market):
    """The short questions, while our bid of `low` is the best."""
    yes, no = market.tokens
    middle, spread = (market.low + market.ask) / 2, market.ask - market.low
    check.equal("midpoint", D(alice.get_midpoint(yes)["mid"]), middle)
    check.equal("spread", D(alice.get_spread(yes)["spread"]), spread)
    asked = [BookParams(token_id=yes, side="BUY"), BookParams(token_id=no, side="SELL")]
    told = alice.get_prices(asked)
    found = {token: {side: D(p) for side, p in sides.items()} for token, sides in told.items()}
    check.equal("prices", found, {yes: {"BUY": market.low}, no: {"SELL": 1 - market.low}})
    check.equal("midpoints", D(alice.get_midpoints(asked)[no]), 1 - middle)
    check.equal("spreads", D(alice.get_spreads(asked)[no]), spread)


def refused(what, call, *parts, status="400"):
    check.refused(what, call, PolyApiException, status, *(parts or ("error",)))


def declined(what, call, text):
    """An order that the venue takes note of and does not want: 200, and the reason."""
    answer = call()
    check.equal(what, (answer["success"], text in answer["errorMsg"]), (False, True))
    check.equal(f"{what}: no trades", answer["tradeIDs"], [])


def place(client, args, kind=OrderType.GTC, post_only=False, change=None):
    order = client.create_order(args)
    for key, value in (change or {}).items():
        setattr(order, key, value)
    return client.post_order(order, kind, post_only)


def refusals(alice, bob, market):
    yes, no = market.tokens
    low = market.low
    poor = "not enough balance / allowance"
    declined("too dear", lambda: place(alice, limit(yes, "BUY", low, 2_000_000)), poor)
    declined("nothing to sell", lambda: place(alice, limit(yes, "SELL", 0.90, 10)), poor)
    refused("too small", lambda: place(alice, limit(yes, "BUY", low, 1)))
    odd = {"makerAmount": str(int((low + D("0.005")) * 100_000_000))}
    refused("off the tick", lambda: place(alice, limit(yes, "BUY", low, 100), change=odd))
    fine = alice.create_order(limit(yes, "BUY", low, 100))
    refused("another's order", lambda: bob.post_order(fine))
    refused("a signature of another exchange", lambda: alice.post_order(astray(alice, market)))
    digit = "0" if fine.signature[20] != "0" else "1"
    fine.signature = fine.signature[:20] + digit + fine.signature[21:]
    refused("a forged signature", lambda: alice.post_order(fine))
    soon = limit(yes, "BUY", low, 100, expiration=int(time.time()) + 20)
    early = "invalid expiration"
    declined("an early expiry", lambda: place(alice, soon, OrderType.GTD), early)
    until = int(time.time()) + 600
    dated = place(alice, limit(yes, "BUY", low, 100, expiration=until), OrderType.GTD)
    order = alice.get_order(dated["orderID"])
    wanted = {"order_type": "GTD", "expiration": str(until), "status": "LIVE"}
    check.fields("good till date", order, wanted)
    twice = alice.create_order(limit(yes, "BUY", 0.02, 10))
    check.equal("an order", alice.post_order(twice)["status"], "live")
    refused("the same order twice", lambda: alice.post_order(twice))
    crossing = limit(no, "BUY", 1 - low, 100)
    declined(
        "a post-only that crosses",
        lambda: place(bob, crossing, post_only=True),
        "invalid post-only order: order crosses book",
    )

    def market_order(budget, price, kind):
        args = MarketOrderArgsV2(no, budget, "BUY", float(price), kind)
        return bob.create_and_post_market_order(args, order_type=kind)

    declined(
        "fill or kill",
        lambda: market_order(300, 1 - low, OrderType.FOK),
        "order couldn't be fully filled. FOK orders are fully filled or killed.",
    )
    declined(
        "nothing to match",
        lambda: market_order(30, D("0.05"), OrderType.FAK),
        "no orders found to match with FAK order",
    )
    check.equal("refusals cost nothing", (cash(alice), cash(bob)), (START, START))
    alice.cancel_all()


def astray(client, market):
    """An order signed for the exchange of the other kind of market."""
    order = client.create_order(limit(market.yes, "BUY", market.low, 100))
    config = get_contract_config(CHAIN)
    exchange = config.exchange_v2 if market.neg_risk else config.neg_risk_exchange_v2
    builder = ExchangeOrderBuilderV2(exchange, CHAIN, client.signer)
    order.signature = builder.build_order_signature(builder.build_order_typed_data(order))
    return order

"""The client has no WebSocket code: a plain library follows what the client does."""

import time
import uuid

from kalshi_python_sync.auth import KalshiAuth

from checks import Stream
from kalshi_desk import CALM, KEYS, QUIET, D, check, dollars, pem_of, place, position

PATH = "/trade-api/ws/v2"


def stream_of(host, key=None):
    headers = KalshiAuth(*pem_of(key)).create_auth_headers("GET", PATH) if key else {}
    return Stream(host.replace("http://", "ws://") + PATH, headers)


def subscribe(stream, number, channels, ticker):
    params = {"channels": channels, "market_tickers": [ticker]}
    if "orderbook_delta" in channels:
        params["use_yes_price"] = False
    stream.send({"id": number, "cmd": "subscribe", "params": params})


def wait(stream, kind, holds=lambda msg: True):
    message = stream.wait(lambda m: m.get("type") == kind and holds(m.get("msg") or {}))
    return message or {"msg": {}}


def streams(alice, bob, desk):
    try:
        stream_of(QUIET)
        check.that("an unsigned upgrade is refused", False, "accepted")
    except Exception as error:
        check.that("an unsigned upgrade is refused", "401" in str(error), error)
    for key in KEYS:
        stream_of(QUIET, key).close()  # RSA and Ed25519 both enter
    tape = stream_of(QUIET, KEYS[0])
    sid = entered(tape, desk)
    mine = str(uuid.uuid4())
    low = dollars(desk.low)
    bid = place(alice, desk.ticker, "bid", desk.low, 7, client_order_id=mine)
    delta = wait(tape, "orderbook_delta")
    check.fields("delta", delta, {"sid": sid, "seq": 2})
    wanted = {"market_ticker": desk.ticker, "price_dollars": low, "delta_fp": "7.00"}
    check.fields("delta", delta["msg"], {**wanted, "side": "yes", "client_order_id": mine})
    seen = wait(tape, "user_order", lambda msg: msg["order_id"] == bid.order_id)
    wanted = {"ticker": desk.ticker, "status": "resting", "client_order_id": mine}
    amounts = {"remaining_count_fp": "7.00", "yes_price_dollars": low}
    check.fields("user order", seen["msg"], {**wanted, **amounts})
    traded(tape, alice, bob, desk, bid, mine)
    request = {"sids": [sid], "market_tickers": [desk.ticker], "action": "get_snapshot"}
    tape.send({"id": 3, "cmd": "update_subscription", "params": request})
    again = wait(tape, "orderbook_snapshot", lambda msg: [low, "4.00"] in yes_of(msg))
    ours = [*desk.bids, [low, "4.00"]]
    check.equal("snapshot on demand", yes_of(again["msg"]), ours)
    alice.cancel_order_v2(bid.order_id)
    wait(tape, "orderbook_delta", lambda msg: msg["delta_fp"] == "-4.00")
    numbers = [m["seq"] for m in tape.drain() if m.get("sid") == sid and "seq" in m]
    check.equal("no gap in the sequence", numbers, list(range(1, len(numbers) + 1)))
    tape.send({"id": 4, "cmd": "unsubscribe", "params": {"sids": [sid]}})
    check.equal("unsubscribed", wait(tape, "unsubscribed").get("sid"), sid)
    tape.send({"id": 5, "cmd": "nonsense"})
    check.equal("an unknown command", wait(tape, "error")["msg"].get("code"), 5)
    tape.close()


def yes_of(msg):
    return msg.get("yes_dollars_fp") or []


def entered(tape, desk):
    """Subscribes to everything; the book starts with a snapshot."""
    subscribe(tape, 1, ["orderbook_delta"], desk.ticker)
    others = ["user_orders", "fill", "market_positions", "trade", "ticker"]
    subscribe(tape, 2, others, desk.ticker)
    sids = {}
    for channel in ["orderbook_delta", *others]:
        answer = wait(tape, "subscribed", lambda msg, name=channel: msg["channel"] == name)
        sids[channel] = answer["msg"].get("sid")
    check.equal("a number for each channel", len(set(sids.values()) - {None}), len(sids))
    sid = sids["orderbook_delta"]
    snapshot = wait(tape, "orderbook_snapshot")
    check.fields("snapshot", snapshot, {"sid": sid, "seq": 1})
    msg = snapshot["msg"]
    seen = (msg["market_ticker"], yes_of(msg), msg.get("no_dollars_fp") or [])
    check.equal("snapshot is REST's", seen, (desk.ticker, desk.bids, desk.nos))
    return sid


def traded(tape, alice, bob, desk, bid, mine):
    """Three of our contracts are taken: each channel tells its part."""
    low = dollars(desk.low)
    before = [m for m in tape.drain() if m.get("type") == "market_position"]
    hit = place(bob, desk.ticker, "ask", desk.low, 3, "immediate_or_cancel")
    check.equal("hit", hit.fill_count, "3.00")
    fill = wait(tape, "fill", lambda msg: msg["order_id"] == bid.order_id)["msg"]
    wanted = {
        "market_ticker": desk.ticker,
        "is_taker": False,
        "client_order_id": mine,
        "yes_price_dollars": low,
        "count_fp": "3.00",
        "outcome_side": "yes",
    }
    check.fields("fill", fill, wanted)
    rest = alice.get_fills(order_id=bid.order_id).fills[0]
    same = (fill.get("trade_id"), D(fill.get("fee_cost", 0)))
    check.equal("fill is REST's", same, (rest.trade_id, D(rest.fee_cost)))
    held = position(alice, desk.ticker).position_fp
    check.equal("fill: position after it", D(fill.get("post_position_fp", 0)), D(held))
    trade = wait(tape, "trade", lambda msg: msg["trade_id"] == rest.trade_id)["msg"]
    wanted = {"market_ticker": desk.ticker, "yes_price_dollars": low, "count_fp": "3.00"}
    check.fields("trade", trade, {**wanted, "taker_outcome_side": "no"})
    told = wait(tape, "market_position", lambda msg: msg["position_fp"] == held)
    check.that("position is told", told["msg"], f"{held} after {before}")
    top = wait(tape, "ticker", lambda msg: msg.get("price_dollars") == low)
    check.that("ticker is told", top["msg"], f"no price {low}")


def apply(book, message, ticker):
    """A local book as any client keeps it."""
    msg = message.get("msg") or {}
    if message.get("type") == "orderbook_snapshot" and msg["market_ticker"] == ticker:
        for side in ("yes", "no"):
            book[side] = {D(p): D(c) for p, c in msg.get(f"{side}_dollars_fp") or []}
    if message.get("type") == "orderbook_delta" and msg["market_ticker"] == ticker:
        side, price = book[msg["side"]], D(msg["price_dollars"])
        side[price] = side.get(price, D(0)) + D(msg["delta_fp"])
        if not side[price]:
            del side[price]


CHANGES = 5  # after so many messages a book that is equal to REST's has been kept


def kept_book(client, ticker):
    """A book that is kept by the stream alone becomes REST's, while strangers trade."""
    tape = stream_of(CALM, KEYS[0])
    subscribe(tape, 1, ["orderbook_delta"], ticker)
    book, index, equal = {}, 0, False
    deadline = time.monotonic() + 30
    while not equal and time.monotonic() < deadline:
        rest = client.get_market_orderbook(ticker).orderbook_fp
        wanted = {
            "yes": {D(price): D(count) for price, count in rest.yes_dollars},
            "no": {D(price): D(count) for price, count in rest.no_dollars},
        }
        patience = time.monotonic() + 0.5
        while not equal and time.monotonic() < patience:
            seen = tape.drain()
            equal = book == wanted and index > CHANGES
            while index < len(seen) and not equal:
                apply(book, seen[index], ticker)
                index += 1
                equal = book == wanted and index > CHANGES
            time.sleep(0.02)
    check.that("a book kept by the stream becomes REST's", equal, f"{index}: {book} {wanted}")

"""The client has no WebSocket code: a plain library follows what the client does."""

import time

from py_clob_client_v2.clob_types import OrderPayload

from checks import Stream
from polymarket_desk import CALM, QUIET, D, check, levels, limit


def stream_of(host, channel, first):
    stream = Stream(host.replace("http://", "ws://") + "/ws/" + channel)
    stream.send(first)
    return stream


def change_of(message, token, price, side):
    """What a price_change says of one level."""
    for entry in message.get("price_changes") or []:
        if (entry["asset_id"], D(entry["price"]), entry["side"]) == (token, price, side):
            return entry
    return None


class Followed:
    """Market and user channel of one account in one market."""

    def __init__(self, client, market):
        self.tape = stream_of(
            QUIET,
            "market",
            {
                "assets_ids": market.tokens,
                "type": "market",
                "custom_feature_enabled": True,
                "initial_dump": True,
            },
        )
        creds = client.creds
        self.auth = {
            "apiKey": creds.api_key,
            "secret": creds.api_secret,
            "passphrase": creds.api_passphrase,
        }
        first = {"auth": self.auth, "type": "user", "markets": [market.condition]}
        self.own = stream_of(QUIET, "user", first)

    def book(self, token):
        return self.tape.wait(
            lambda m: (
                isinstance(m, dict) and m.get("event_type") == "book" and m["asset_id"] == token
            )
        )

    def level(self, token, price, side, size):
        def holds(message):
            entry = isinstance(message, dict) and change_of(message, token, price, side)
            return entry and D(entry["size"]) == size

        message = self.tape.wait(holds)
        return change_of(message, token, price, side) if message else {}

    def event(self, kind, name, status=None):
        key = "type" if kind == "order" else "status"
        return self.own.wait(
            lambda m: (
                isinstance(m, dict)
                and m.get("event_type") == kind
                and m["id"] == name
                and m[key] == status
            ),
            8,
        )


def streams(alice, bob, market):
    yes, no = market.tokens
    low, other = market.low, 1 - market.low
    followed = Followed(alice, market)
    book, rest = followed.book(yes), alice.get_order_book(yes)
    for key in ("market", "bids", "asks"):
        check.equal(f"ws book is REST's: {key}", book[key], rest[key])
    followed.tape.send("PING")
    check.equal("PING is answered", followed.tape.wait(lambda m: m == "PONG"), "PONG")
    time.sleep(0.3)
    placed = alice.create_and_post_order(limit(yes, "BUY", low, 30))
    order_id = placed["orderID"]
    entry = followed.level(yes, low, "BUY", 30)
    check.equal("level appears, and is best", D(entry.get("best_bid", 0)), low)
    entry = followed.level(no, other, "SELL", 30)
    check.equal("and its mirror", D(entry.get("best_ask", 0)), other)
    seen = followed.event("order", order_id, "PLACEMENT")
    wanted = {"asset_id": yes, "market": market.condition, "side": "BUY"}
    check.fields("placement", seen, {**wanted, "owner": alice.creds.api_key})
    what = [D(seen[key]) for key in ("price", "original_size", "size_matched")]
    check.equal("placement: price and size", what, [low, D(30), D(0)])

    taker = bob.create_and_post_order(limit(no, "BUY", other, 10))
    trade_id = taker["tradeIDs"][0]
    seen = followed.event("order", order_id, "UPDATE")
    check.equal("update: matched", D(seen["size_matched"]), D(10))
    for status in ("MATCHED", "MINED", "CONFIRMED"):
        trade = followed.event("trade", trade_id, status)
        check.equal(f"trade {status}", trade["taker_order_id"], taker["orderID"])
    parts = [(p["order_id"], D(p["matched_amount"]), D(p["price"])) for p in trade["maker_orders"]]
    check.equal("trade: our part", parts, [(order_id, D(10), low)])
    last = followed.tape.wait(
        lambda m: (
            isinstance(m, dict) and m.get("event_type") == "last_trade_price" and D(m["size"]) == 10
        )
    )
    check.that("last trade is told", last is not None, "no last_trade_price of 10")

    alice.cancel_order(OrderPayload(orderID=order_id))
    seen = followed.event("order", order_id, "CANCELLATION")
    check.equal("cancellation: matched before", D(seen["size_matched"]), D(10))
    check.that("level disappears", followed.level(yes, low, "BUY", 0), "no size 0")
    stranger = {**followed.auth, "secret": "A" * 43 + "=", "passphrase": "x"}
    bad = stream_of(QUIET, "user", {"auth": stranger, "type": "user"})
    alice.create_and_post_order(limit(yes, "BUY", 0.02, 10))
    alice.cancel_all()
    leaked = bad.wait(lambda m: isinstance(m, dict) and m.get("event_type") == "order", 1)
    check.equal("a wrong secret follows nothing", leaked, None)


def apply(book, message, token):
    """A local book as any client keeps it: price to size by side."""
    if message.get("event_type") == "book" and message["asset_id"] == token:
        book.update({"BUY": dict(levels(message["bids"])), "SELL": dict(levels(message["asks"]))})
    for entry in (message.get("price_changes") or []) if book else []:
        if entry["asset_id"] == token:
            side, price, size = book[entry["side"]], D(entry["price"]), D(entry["size"])
            side[price] = size
            if not size:
                del side[price]


CHANGES = 5  # after so many messages a book that is equal to REST's has been kept


def kept_book(client, token):
    """A book that is kept by the stream alone becomes REST's, while strangers trade."""
    tape = stream_of(CALM, "market", {"assets_ids": [token], "type": "market"})
    book, index, equal = {}, 0, False
    deadline = time.monotonic() + 30
    while not equal and time.monotonic() < deadline:
        rest = client.get_order_book(token)
        wanted = {"BUY": dict(levels(rest["bids"])), "SELL": dict(levels(rest["asks"]))}
        patience = time.monotonic() + 0.5
        while not equal and time.monotonic() < patience:
            seen = tape.drain()
            equal = book == wanted and index > CHANGES
            while index < len(seen) and not equal:
                apply(book, seen[index], token)
                index += 1
                equal = book == wanted and index > CHANGES
            time.sleep(0.02)
    check.that("a book kept by the stream becomes REST's", equal, f"{index}: {book} {wanted}")

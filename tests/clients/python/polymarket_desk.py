"""A trader's desk at a simulated Polymarket: clients, markets, balances."""

import os
from decimal import Decimal

from py_clob_client_v2.client import ClobClient
from py_clob_client_v2.clob_types import (
    AssetType,
    BalanceAllowanceParams,
    OrderArgsV2,
    TradeParams,
)
from py_clob_client_v2.config import get_contract_config
from py_clob_client_v2.order_utils.exchange_order_builder_v2 import ExchangeOrderBuilderV2

from checks import Checks, eventually, polymarket_fee

QUIET = os.environ["POLYMARKET_QUIET"]  # nobody else trades
CALM = os.environ["POLYMARKET_CALM"]  # others do
KEYS = os.environ["POLYMARKET_KEYS"].split(",")
CHAIN = 137
START = Decimal(100_000)
D = Decimal
check = Checks("py-clob-client-v2")


def client_of(host, key, **how):
    client = ClobClient(host, CHAIN, key=key, **how)
    client.set_api_creds(client.create_or_derive_api_key())
    return client


def pages(call):
    found, cursor = [], "MA=="
    while cursor != "LTE=":
        page = call(cursor)
        check.equal("a page counts its rows", page["count"], len(page["data"]))
        found += page["data"]
        cursor = page["next_cursor"]
    return found


def cash(client):
    answer = client.get_balance_allowance(BalanceAllowanceParams(asset_type=AssetType.COLLATERAL))
    return D(answer["balance"]) / 1_000_000


def shares(client, token):
    params = BalanceAllowanceParams(asset_type=AssetType.CONDITIONAL, token_id=token)
    return D(client.get_balance_allowance(params)["balance"]) / 1_000_000


def levels(side):
    return [(D(level["price"]), D(level["size"])) for level in side]


def limit(token, side, price, size, **more):
    """The client takes binary floats; prices of two decimals survive them."""
    return OrderArgsV2(token_id=token, price=float(price), size=float(size), side=side, **more)


def order_hash(client, order, neg_risk):
    """The id that the venue must give: the hash of what was signed."""
    config = get_contract_config(CHAIN)
    exchange = config.neg_risk_exchange_v2 if neg_risk else config.exchange_v2
    builder = ExchangeOrderBuilderV2(exchange, CHAIN, client.signer)
    return builder.build_order_hash(builder.build_order_typed_data(order))


def confirmed(client, trade_id):
    rows = eventually(
        lambda: client.get_trades(TradeParams(id=trade_id)),
        lambda rows: rows and rows[0]["status"] == "CONFIRMED",
        8,
    )
    check.equal("one trade has the id", len(rows), 1)
    check.equal("the trade is confirmed", rows[0]["status"], "CONFIRMED")
    tx = rows[0]["transaction_hash"]
    check.that("it has a transaction", len(tx) == 66 and tx.startswith("0x"), tx)
    return rows[0]


class Market:
    """One market as the CLOB lists it, with the fee that its short form states.

    `low` and `high` are two prices between the quotes that stand there: orders at these prices
    meet nobody but each other.
    """

    def __init__(self, client, row):
        self.condition = row["condition_id"]
        self.yes, self.no = self.tokens = [token["token_id"] for token in row["tokens"]]
        self.outcomes = [token["outcome"] for token in row["tokens"]]
        self.neg_risk = row["neg_risk"]
        self.info = client.get_clob_market_info(self.condition)
        fd = self.info.get("fd") or {}
        self.rate = D(str(fd.get("r", 0)))
        self.exponent = int(fd.get("e", 1))
        book = client.get_order_book(self.yes)
        self.bids, self.asks = levels(book["bids"]), levels(book["asks"])
        self.bid = self.bids[-1][0] if self.bids else D("0.40")
        self.ask = self.asks[-1][0] if self.asks else D("0.60")
        self.tick = D(str(row["minimum_tick_size"]))
        self.low, self.high = self.bid + self.tick, self.bid + 2 * self.tick

    def is_roomy(self):
        return self.ask - self.bid >= 3 * self.tick and D("0.04") < self.bid < D("0.90")

    def fee(self, size, price):
        return polymarket_fee(size, price, self.rate, self.exponent)


def tradable(client):
    """All rows of the list, and those that take orders."""
    rows = pages(client.get_markets)
    return rows, [
        row for row in rows if row["active"] and not row["closed"] and row["accepting_orders"]
    ]


def in_cents(rows):
    return [row for row in rows if D(str(row["minimum_tick_size"])) == D("0.01")]


def roomy(client):
    """Markets in which two own orders can meet between the quotes: in cents, and neg-risk."""
    _, rows = tradable(client)
    plain = [Market(client, row) for row in in_cents(rows) if not row["neg_risk"]]
    risky = [Market(client, row) for row in rows if row["neg_risk"]]
    return [[market for market in kind if market.is_roomy()] for kind in (plain, risky)]

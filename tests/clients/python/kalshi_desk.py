"""A trader's desk at a simulated Kalshi: clients, orders, balances, prices between the quotes."""

import os
import uuid
from decimal import Decimal

from kalshi_python_sync import Configuration, KalshiClient
from kalshi_python_sync.exceptions import ApiException

from checks import Checks, KalshiFees

QUIET = os.environ["KALSHI_QUIET"]  # nobody else trades
CALM = os.environ["KALSHI_CALM"]  # others do
KEYS = os.environ["KALSHI_KEYS"].split(",")  # id=path of a private key; RSA first, then Ed25519
CENT = Decimal("0.01")
START = Decimal(10_000)
D = Decimal
check = Checks("kalshi-python-sync")


def pem_of(key):
    name, path = key.split("=", 1)
    with open(path, encoding="ascii") as pem:
        return name, pem.read()


def client_of(host, key=None):
    configuration = Configuration(host=host + "/trade-api/v2")
    if key is not None:
        configuration.api_key_id, configuration.private_key_pem = pem_of(key)
    return KalshiClient(configuration)


def order(ticker, side, price, count, tif="good_till_canceled", **more):
    """The fields of one order; the client makes its model of them."""
    return {
        "ticker": ticker,
        "client_order_id": str(uuid.uuid4()),
        "side": side,
        "count": f"{D(count):.2f}",
        "price": f"{D(price):.4f}",
        "time_in_force": tif,
        "self_trade_prevention_type": "taker_at_cross",
        **more,
    }


def place(client, *what, **more):
    return client.create_order_v2(**order(*what, **more))


def cash(client):
    return D(client.get_balance().balance_dollars)


def position(client, ticker):
    return client.get_positions(ticker=ticker).market_positions[0]


def refused(what, call, status, *parts):
    """The venue's status and every wanted part of its body."""
    try:
        answer = call()
    except ApiException as error:
        text = f"{error.status} {error.body}"
        holds = error.status == status and all(part in text for part in parts)
        return check.that(what, holds, f"{text} lacks {status} {parts}")
    return check.that(what, False, f"accepted: {answer!r}")


def dollars(price):
    return f"{price:.4f}"


class Desk:
    """One market, and prices at which own orders meet nobody but each other."""

    def __init__(self, client, market):
        self.client = client
        self.ticker = market.ticker
        self.event = market.event_ticker
        event = client.get_event(self.event).event
        self.series = client.get_series(event.series_ticker).series
        book = self.book()
        self.bids, self.nos = book.yes_dollars, book.no_dollars
        self.bid = D(self.bids[-1][0]) if self.bids else D("0.40")
        self.ask = 1 - D(self.nos[-1][0]) if self.nos else D("0.60")
        self.low, self.high = self.bid + CENT, self.bid + 2 * CENT

    def is_roomy(self):
        return self.ask - self.bid >= 3 * CENT and D("0.04") < self.bid < D("0.90")

    def book(self):
        return self.client.get_market_orderbook(self.ticker).orderbook_fp

    def fee(self, buys, fills, maker=False):
        """What one order pays for its fills, in their order."""
        rate = D("0.07")
        if maker:
            rates = {
                "quadratic_with_maker_fees": D("0.0175"),
                "quadratic_with_combo_maker_fees": D("0.035"),
            }
            rate = rates.get(self.series.fee_type.value, D(0))
        fees = KalshiFees(D(str(self.series.fee_multiplier)), rate)
        return sum(fees.fill(buys, D(count), D(price)) for count, price in fills)


def desks(client):
    """Open markets whose whole grid is cents, with room between the quotes."""
    found = []
    for market in client.get_markets(status="open").markets:
        if all(D(grid.step) == CENT for grid in market.price_ranges):
            found.append(Desk(client, market))
    return [desk for desk in found if desk.is_roomy()]

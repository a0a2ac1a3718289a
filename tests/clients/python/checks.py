"""Counts checks, waits for things, follows WebSockets: what both Python programs share."""

import json
import queue
import sys
import threading
import time
import traceback
from contextlib import contextmanager
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_UP, Decimal

from websockets.sync.client import connect


class Checks:
    """Passed and failed checks of one client; the last line that it prints is for the driver."""

    def __init__(self, client):
        self.client = client
        self.passed = 0
        self.failed = []

    def that(self, what, holds, detail=""):
        if holds:
            self.passed += 1
        else:
            self.failed.append(what)
            print(f"FAILED {what}: {detail}", flush=True)
        return holds

    def equal(self, what, got, wanted):
        return self.that(what, got == wanted, f"got {got!r}, wanted {wanted!r}")

    def fields(self, what, got, wanted):
        """Every key of `wanted` is in `got` with exactly that value."""
        for key, value in wanted.items():
            self.equal(f"{what}: {key}", read(got, key), value)

    def refused(self, what, call, error, *wanted):
        """The call raises `error`, and its text has every wanted part."""
        try:
            answer = call()
        except error as raised:
            text = str(raised)
            return self.that(what, all(part in text for part in wanted), f"{text!r} lacks {wanted}")
        return self.that(what, False, f"accepted: {answer!r}")

    @contextmanager
    def part(self, name):
        """A part that ends early is one failed check; the parts after it still run."""
        print(f"-- {name}", flush=True)
        try:
            yield
        except Exception:
            self.that(name, False, traceback.format_exc())

    def finish(self):
        report = {"client": self.client, "passed": self.passed, "failed": self.failed}
        print(json.dumps(report), flush=True)
        sys.exit(1 if self.failed or not self.passed else 0)


def read(value, key):
    return value.get(key) if isinstance(value, dict) else getattr(value, key, None)


def eventually(call, holds, seconds=10.0, pause=0.1):
    """The first answer that holds, or the last one when time is up."""
    deadline = time.monotonic() + seconds
    while True:
        answer = call()
        if holds(answer) or time.monotonic() > deadline:
            return answer
        time.sleep(pause)


class Stream:
    """A WebSocket whose messages are kept in order, objects of an array one by one."""

    def __init__(self, url, headers=None):
        self.socket = connect(url, additional_headers=headers or {}, open_timeout=10)
        self.seen = []
        self.news = queue.Queue()
        threading.Thread(target=self._receive, daemon=True).start()

    def _receive(self):
        try:
            for text in self.socket:
                try:
                    value = json.loads(text)
                except ValueError:
                    value = text
                for message in value if isinstance(value, list) else [value]:
                    self.news.put(message)
        except Exception as ended:
            self.news.put({"closed": str(ended)})

    def send(self, value):
        self.socket.send(value if isinstance(value, str) else json.dumps(value))

    def drain(self):
        while True:
            try:
                self.seen.append(self.news.get_nowait())
            except queue.Empty:
                return self.seen

    def wait(self, holds, seconds=10.0):
        """The first message, old or new, that holds; None when time is up."""
        deadline = time.monotonic() + seconds
        index = 0
        while True:
            self.drain()
            while index < len(self.seen):
                if holds(self.seen[index]):
                    return self.seen[index]
                index += 1
            left = deadline - time.monotonic()
            if left <= 0:
                return None
            try:
                self.seen.append(self.news.get(timeout=left))
            except queue.Empty:
                return None

    def close(self):
        self.socket.close()


def round_to(value, step, rule):
    return (value / step).to_integral_value(rule) * step


def polymarket_fee(shares, price, rate, exponent):
    """What a taker pays for one match: rounded half up to five decimals."""
    exact = shares * rate * (price * (1 - price)) ** exponent
    return round_to(exact, Decimal("0.00001"), ROUND_HALF_UP)


class KalshiFees:
    """A direct member's fees on one order: rounded cash, what is over gathers and comes back."""

    def __init__(self, multiplier, rate):
        self.multiplier = multiplier
        self.rate = rate
        self.over = Decimal(0)

    def fill(self, buys, count, price):
        grid = Decimal("0.0001")
        model = self.multiplier * self.rate * count * price * (1 - price)
        trade_fee = round_to(model, Decimal("0.000001"), ROUND_CEILING)
        revenue = -price * count if buys else price * count
        exact = revenue - trade_fee
        aligned = round_to(exact, grid, ROUND_FLOOR)
        self.over += exact - aligned
        rebate = min(round_to(self.over, grid, ROUND_FLOOR), trade_fee + exact - aligned)
        self.over -= rebate
        return trade_fee + (exact - aligned) - rebate

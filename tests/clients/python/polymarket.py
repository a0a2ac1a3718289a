"""py-clob-client-v2 against `dutchbook venue polymarket`."""

import os
import time

from eth_account import Account
from py_clob_client_v2.client import ClobClient
from py_clob_client_v2.clob_types import ApiCreds, AssetType, BalanceAllowanceParams
from py_clob_client_v2.exceptions import PolyApiException

from checks import eventually
from polymarket_desk import (
    CALM,
    CHAIN,
    KEYS,
    QUIET,
    START,
    Market,
    cash,
    check,
    client_of,
    in_cents,
    limit,
    pages,
    roomy,
    tradable,
)
from polymarket_fills import filled, strangers
from polymarket_orders import batches, refusals, refused, resting
from polymarket_streams import kept_book, streams


def reads(client):
    ok = client.get_ok()
    check.equal("ok", ok, "OK")
    check.that("time", abs(int(client.get_server_time()) - time.time()) < 5)
    check.equal("version", client.get_version(), 2)
    rows, open_rows = tradable(client)
    open_rows = in_cents(open_rows)
    check.that("at least two markets with a tick of 0.01", len(open_rows) >= 2, len(open_rows))
    row = open_rows[0]
    check.equal("one market is as the list has it", client.get_market(row["condition_id"]), row)
    known = {market["condition_id"] for market in rows}
    for name in ("simplified", "sampling", "sampling_simplified"):
        ids = {market["condition_id"] for market in pages(getattr(client, f"get_{name}_markets"))}
        check.that(f"{name} markets are of the list", ids <= known, ids)
    market = Market(client, row)
    info = market.info
    check.equal("short form: condition", info["c"], market.condition)
    check.equal("short form: tokens", [t["t"] for t in info["t"]], market.tokens)
    check.equal("short form: outcomes", [t["o"] for t in info["t"]], market.outcomes)
    check.equal("short form: tick", str(info["mts"]), str(row["minimum_tick_size"]))
    check.equal("short form: neg risk", info.get("nr", False), row["neg_risk"])
    fresh = ClobClient(client.host, CHAIN)
    check.equal("tick size", fresh.get_tick_size(market.yes), "0.01")
    check.equal("neg risk", fresh.get_neg_risk(market.yes), row["neg_risk"])
    unknown = "No orderbook exists for the requested token id"
    refused("an unknown token", lambda: fresh.get_order_book("123"), unknown, status="404")
    refused("an unknown market", lambda: fresh.get_market("0x" + "00" * 32), status="404")


def credentials(client):
    nobody = ClobClient(QUIET, CHAIN, key=Account.create().key.hex())
    bare = ClobClient(QUIET, CHAIN, key=KEYS[0])
    derived = bare.derive_api_key()
    check.equal("a derived key is the created one", derived, client.creds)
    check.equal("create or derive once more", bare.create_or_derive_api_key(), client.creds)
    second = bare.create_or_derive_api_key(nonce=7)
    check.that("another nonce is another key", second.api_key != derived.api_key, second.api_key)
    check.refused("nothing to derive", nobody.derive_api_key, PolyApiException, "error")
    listed = client.get_api_keys()["apiKeys"]
    check.that("keys are listed", {derived.api_key, second.api_key} <= set(listed), listed)
    check.equal("closed only", client.get_closed_only_mode(), {"closed_only": False})
    bare.set_api_creds(second)
    bare.delete_api_key()
    wrong_key = "Unauthorized/Invalid api key"
    refused("a deleted key", bare.get_api_keys, wrong_key, status="401")
    bare.set_api_creds(ApiCreds(derived.api_key, "A" * 43 + "=", derived.api_passphrase))
    refused("a wrong secret", bare.get_open_orders, wrong_key, status="401")
    bare.set_api_creds(ApiCreds(derived.api_key, derived.api_secret, "ff" * 32))
    refused("a wrong passphrase", bare.get_open_orders, wrong_key, status="401")
    bare.set_api_creds(derived)
    bare._get_timestamp = lambda: int(time.time()) - 120
    refused("a stale stamp", bare.get_open_orders, status="401")
    timed = ClobClient(QUIET, CHAIN, key=KEYS[0], creds=derived, use_server_time=True)
    check.equal("the server's time is good", timed.get_closed_only_mode(), {"closed_only": False})
    collateral = BalanceAllowanceParams(asset_type=AssetType.COLLATERAL)
    answer = client.get_balance_allowance(collateral)
    check.equal("starts with 100,000 pUSD", answer["balance"], "100000000000")
    allowed = [int(value) > 0 for value in answer["allowances"].values()]
    check.that("every spender is allowed", len(allowed) >= 2 and all(allowed), answer)
    client.update_balance_allowance(collateral)
    check.equal("no notifications", client.get_notifications(), [])


def wallets(market):
    """Proxy, Safe and deposit wallet of the first key, funded like the key itself."""
    for kind, name in ((1, "PROXY"), (2, "SAFE"), (3, "DEPOSIT")):
        funder = os.environ[f"POLYMARKET_{name}"]
        client = client_of(QUIET, KEYS[0], signature_type=kind, funder=funder)
        check.equal(f"wallet {kind}: cash", cash(client), START)
        placed = client.create_and_post_order(limit(market.yes, "BUY", market.low, 10))
        check.fields(f"wallet {kind}: rests", placed, {"success": True, "status": "live"})
        order = client.get_order(placed["orderID"])
        check.equal(f"wallet {kind}: maker", order["maker_address"].lower(), funder.lower())
        canceled = client.cancel_all()["canceled"]
        check.equal(f"wallet {kind}: canceled", canceled, [placed["orderID"]])


def heartbeats(bob, market):
    """The dead man's switch; last, because it stays armed."""
    first = bob.post_heartbeat("")["heartbeat_id"]
    second = bob.post_heartbeat(first)["heartbeat_id"]
    check.that("a heartbeat has an id", len(first) == 36, first)
    wrong = "00000000-0000-0000-0000-000000000000"
    refused("a wrong heartbeat", lambda: bob.post_heartbeat(wrong), "Invalid Heartbeat ID", second)
    placed = bob.create_and_post_order(limit(market.yes, "BUY", 0.02, 20))
    check.equal("an order under the switch", placed["status"], "live")
    order_id = placed["orderID"]
    gone = eventually(lambda: bob.get_order(order_id), lambda o: o["status"] != "LIVE", 20, 0.5)
    check.equal("silence cancels it", gone["status"], "CANCELED")


def main():
    alice, bob = (client_of(QUIET, key) for key in KEYS)
    with check.part("reads"):
        reads(alice)
    with check.part("credentials"):
        credentials(alice)
    plain, risky = roomy(alice)
    market = plain[0]
    with check.part("an order's life"):
        resting(alice, market)
    with check.part("an order's life in a neg-risk market"):
        resting(alice, risky[0])
    with check.part("batches"):
        batches(alice, market)
    with check.part("refusals"):
        refusals(alice, bob, market)
    with check.part("fills"):
        filled(alice, bob, market)
    with check.part("streams"):
        streams(alice, bob, plain[1])
    with check.part("wallets"):
        wallets(market)
    with check.part("strangers"):
        traded = strangers()
        kept_book(client_of(CALM, KEYS[0]), traded.yes)
    with check.part("heartbeats"):
        heartbeats(bob, market)
    check.finish()


if __name__ == "__main__":
    main()

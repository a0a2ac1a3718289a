// @polymarket/clob-client-v2 against `dutchbook venue polymarket`.

import { AssetType, ClobClient, Side } from "@polymarket/clob-client-v2";
import { generatePrivateKey } from "viem/accounts";
import {
  CHAIN,
  KEYS,
  QUIET,
  START,
  bare,
  cash,
  check,
  clientOf,
  inCents,
  limit,
  marketOf,
  pages,
  refused,
  roomy,
  tradable,
} from "./polymarket_desk.mjs";
import { filled, strangers } from "./polymarket_fills.mjs";
import { batches, refusals, resting } from "./polymarket_orders.mjs";
import { streams } from "./polymarket_streams.mjs";

async function reads(client) {
  check.equal("ok", await client.getOk(), "OK");
  const time = await client.getServerTime();
  check.that("time", Math.abs(time - Date.now() / 1000) < 5, time);
  check.equal("version", await client.getVersion(), 2);
  const rows = inCents(await tradable(client));
  check.that("at least two markets with a tick of 0.01", rows.length >= 2, rows.length);
  const one = await client.getMarket(rows[0].condition_id);
  check.equal("one market is as the list has it", one, rows[0]);
  const all = await pages((cursor) => client.getMarkets(cursor));
  const ids = new Set(all.map((row) => row.condition_id));
  for (const name of [
    "getSimplifiedMarkets",
    "getSamplingMarkets",
    "getSamplingSimplifiedMarkets",
  ]) {
    const listed = await pages((cursor) => client[name](cursor));
    const known = listed.every((row) => ids.has(row.condition_id));
    check.that(`${name} is of the list`, known, listed);
  }
  const { info, tokens, outcomes, condition, negRisk } = await marketOf(client, rows[0]);
  check.fields("short form", info, { c: condition, mts: rows[0].minimum_tick_size });
  const faces = info.t.map(({ t, o }) => [t, o]);
  const wanted = tokens.map((token, index) => [token, outcomes[index]]);
  check.equal("short form: tokens", faces, wanted);
  const fresh = new ClobClient({ host: QUIET, chain: CHAIN, throwOnError: true });
  check.equal("tick size", await fresh.getTickSize(tokens[0]), "0.01");
  check.equal("neg risk", await fresh.getNegRisk(tokens[0]), negRisk);
  const unknown = "No orderbook exists for the requested token id";
  await refused("an unknown token", () => fresh.getOrderBook("123"), "404", unknown);
}

async function credentials(client) {
  const { key, passphrase } = client.creds;
  const derived = await bare(QUIET, KEYS[0]).deriveApiKey();
  check.equal("a derived key is the created one", derived, client.creds);
  const nobody = bare(QUIET, generatePrivateKey());
  await refused("nothing to derive", () => nobody.deriveApiKey(), "4");
  const listed = await client.getApiKeys();
  check.that("keys are listed", listed.apiKeys.includes(key), listed);
  const open = { closed_only: false };
  check.equal("closed only", await client.getClosedOnlyMode(), open);
  const forged = { key, secret: `${"A".repeat(43)}=`, passphrase };
  const wrong = bare(QUIET, KEYS[0], { creds: forged });
  const text = "Unauthorized/Invalid api key";
  await refused("a wrong secret", () => wrong.getOpenOrders(), "401", text);
  const timed = bare(QUIET, KEYS[0], { creds: client.creds, useServerTime: true });
  check.equal("the server's time is good", await timed.getClosedOnlyMode(), open);
  const answer = await client.getBalanceAllowance({ asset_type: AssetType.COLLATERAL });
  check.equal("starts with 100,000 pUSD", answer.balance, "100000000000");
  const allowed = Object.values(answer.allowances).map((value) => BigInt(value) > 0n);
  check.that("every spender is allowed", allowed.length >= 2 && allowed.every(Boolean), answer);
}

// Proxy, Safe and deposit wallet of the first key, funded like the key itself.
async function wallets(market) {
  const { POLYMARKET_PROXY, POLYMARKET_SAFE, POLYMARKET_DEPOSIT } = process.env;
  const funders = [POLYMARKET_PROXY, POLYMARKET_SAFE, POLYMARKET_DEPOSIT];
  for (const [index, funderAddress] of funders.entries()) {
    const signatureType = index + 1;
    const client = await clientOf(QUIET, KEYS[0], { signatureType, funderAddress });
    const name = `wallet ${signatureType}`;
    check.equal(`${name}: cash`, await cash(client), START);
    const placed = await limit(client, market.yes, Side.BUY, market.low, 10);
    check.fields(name, placed, { success: true, status: "live" });
    const order = await client.getOrder(placed.orderID);
    check.equal(`${name}: maker`, order.maker_address.toLowerCase(), funderAddress.toLowerCase());
    check.equal(`${name}: canceled`, (await client.cancelAll()).canceled, [placed.orderID]);
  }
}

const [alice, bob] = await Promise.all(KEYS.map((key) => clientOf(QUIET, key)));
await check.part("reads", () => reads(alice));
await check.part("credentials", () => credentials(alice));
const [[market, other], [risky]] = await roomy(alice);
await check.part("an order's life", () => resting(alice, market));
await check.part("an order's life in a neg-risk market", () => resting(alice, risky));
await check.part("batches", () => batches(alice, market));
await check.part("refusals", () => refusals(alice, bob, market));
await check.part("fills", () => filled(alice, bob, market));
await check.part("streams", () => streams(alice, bob, other));
await check.part("wallets", () => wallets(market));
await check.part("strangers", strangers);
check.finish();

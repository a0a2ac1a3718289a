//! Polymarket's account over REST: L1 with the wallet's key, L2 with API credentials.

use dutchbook_book::{Cash, Nanos, Qty};
use dutchbook_exec::sign::ecdsa::Signer;
use dutchbook_exec::venue::polymarket::auth::{Credentials, l1_fields};
use dutchbook_exec::venue::polymarket::exchange::Chain;
use dutchbook_exec::venue::polymarket::order::WalletKind;
use dutchbook_exec::venue::polymarket::reply;
use hyper::Method;
use hyper::body::Bytes;
use serde_json::Value;
use zeroize::Zeroizing;

use super::{DeskError, PAGES_MAX, json, limits, success, unreadable};
use crate::clock::Clock;
use crate::http::{Headers, HttpClient, HttpError, HttpReply};
use crate::tls::TlsRoots;

/// What a wallet has and lets the venue move.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BalanceAllowance {
    /// Cash.
    pub balance: Cash,
    /// What each contract may move, in 1e-6 $; `u128::MAX` where it is more than that.
    pub allowances: Vec<(String, u128)>,
}

/// One wallet's desk at the venue.
#[derive(Debug)]
pub struct PolymarketDesk {
    http: HttpClient,
    clock: Clock,
    credentials: Option<Credentials>,
}

impl PolymarketDesk {
    /// A desk at this address; credentials are needed for everything but the clock and L1.
    ///
    /// # Errors
    /// When the address is none.
    pub fn new(clob_url: &str, tls: TlsRoots, clock: Clock) -> Result<Self, HttpError> {
        let http = HttpClient::new(clob_url, tls, clock.clone(), limits())?;
        Ok(Self { http, clock, credentials: None })
    }

    /// Signs with these from now on.
    pub fn use_credentials(&mut self, credentials: Credentials) {
        self.credentials = Some(credentials);
    }

    /// The venue's clock, in seconds since 1970, and our time in the middle of the question.
    ///
    /// # Errors
    /// When there is no such answer.
    pub async fn time(&mut self) -> Result<(u64, Nanos), DeskError> {
        let asked = self.clock.now();
        let reply = self.http.get("/time", |_| Headers::new()).await?;
        let heard = self.clock.now();
        let reply = success(&self.http, "its clock", reply)?;
        let text = core::str::from_utf8(&reply.body).unwrap_or_default();
        let secs = text.trim().parse().map_err(|_| unreadable(&self.http, "its clock"))?;
        Ok((secs, Nanos(asked.0 / 2 + heard.0 / 2)))
    }

    /// The API credentials that the venue has for the wallet's key and this nonce. The text is a secret.
    ///
    /// # Errors
    /// When it has none, or does not say.
    pub async fn derive(
        &mut self,
        signer: &Signer,
        chain: Chain,
        nonce: u64,
    ) -> Result<Zeroizing<String>, DeskError> {
        let reply = self.l1(Method::GET, "/auth/derive-api-key", signer, chain, nonce).await?;
        self.secret(reply)
    }

    /// New API credentials for the wallet's key and this nonce. The text is a secret.
    ///
    /// # Errors
    /// When the venue gives none.
    pub async fn create(
        &mut self,
        signer: &Signer,
        chain: Chain,
        nonce: u64,
    ) -> Result<Zeroizing<String>, DeskError> {
        let reply = self.l1(Method::POST, "/auth/api-key", signer, chain, nonce).await?;
        self.secret(reply)
    }

    fn secret(&self, reply: HttpReply) -> Result<Zeroizing<String>, DeskError> {
        let what = "API credentials";
        let reply = success(&self.http, what, reply)?;
        let text = String::from_utf8(reply.body.to_vec());
        text.map(Zeroizing::new).map_err(|_| unreadable(&self.http, what))
    }

    async fn l1(
        &mut self,
        method: Method,
        path: &str,
        signer: &Signer,
        chain: Chain,
        nonce: u64,
    ) -> Result<HttpReply, DeskError> {
        let unix_s = self.clock.now().0 / 1_000_000_000;
        let fields = l1_fields(signer, chain, unix_s, nonce);
        let headers: Headers = fields.map(|(name, value)| (name.to_owned(), value)).into();
        Ok(self.http.send(&method, path, &headers, Bytes::new()).await?)
    }

    async fn l2(
        &mut self,
        method: Method,
        path: &str,
        query: &str,
        what: &'static str,
    ) -> Result<HttpReply, DeskError> {
        self.l2_with(method, (path, query), Bytes::new(), what).await
    }

    async fn l2_with(
        &mut self,
        method: Method,
        (path, query): (&str, &str),
        body: Bytes,
        what: &'static str,
    ) -> Result<HttpReply, DeskError> {
        let target = format!("{path}{query}");
        let signed = self.http.full_path(path);
        let Some(credentials) = &self.credentials else {
            let why = "there are no API credentials, see `dutchbook keys polymarket`".to_owned();
            return Err(DeskError::Unsigned { what, why });
        };
        let stamp = |now: Nanos| -> Headers {
            let fields = credentials.fields(now.0 / 1_000_000_000, method.as_str(), &signed, &body);
            fields.map(|(name, value)| (name.to_owned(), value)).into()
        };
        let reply = match method {
            Method::GET => self.http.get(&target, stamp).await?,
            _ => {
                let headers = stamp(self.clock.now());
                self.http.send(&method, &target, &headers, body.clone()).await?
            }
        };
        success(&self.http, what, reply)
    }

    /// Cash of a wallet, and what the venue's contracts may move of it.
    ///
    /// # Errors
    /// When the venue does not say.
    pub async fn collateral(&mut self, kind: WalletKind) -> Result<BalanceAllowance, DeskError> {
        let what = "balance and allowances";
        let query = format!("?asset_type=COLLATERAL&signature_type={}", kind.code());
        let reply = self.l2(Method::GET, "/balance-allowance", &query, what).await?;
        let value = json(&self.http, what, &reply)?;
        read_collateral(&value).ok_or_else(|| unreadable(&self.http, what))
    }

    /// Names of the API keys that the account has.
    ///
    /// # Errors
    /// When the venue does not know the credentials, or does not say.
    pub async fn api_keys(&mut self) -> Result<Vec<String>, DeskError> {
        let what = "its API keys";
        let reply = self.l2(Method::GET, "/auth/api-keys", "", what).await?;
        let value = json(&self.http, what, &reply)?;
        let names = value["apiKeys"].as_array().ok_or_else(|| unreadable(&self.http, what))?;
        Ok(names.iter().filter_map(Value::as_str).map(str::to_owned).collect())
    }

    /// Contracts of one token that a wallet holds.
    ///
    /// # Errors
    /// When the venue does not say.
    pub async fn contracts(&mut self, token: &str, kind: WalletKind) -> Result<Qty, DeskError> {
        let what = "the contracts of a token";
        let query =
            format!("?asset_type=CONDITIONAL&token_id={token}&signature_type={}", kind.code());
        let reply = self.l2(Method::GET, "/balance-allowance", &query, what).await?;
        let value = json(&self.http, what, &reply)?;
        // A token is a millionth of a contract.
        let micro = value["balance"].as_str().and_then(|text| text.parse().ok());
        micro.and_then(Qty::from_micro).ok_or_else(|| unreadable(&self.http, what))
    }

    /// The tokens of YES and NO of a market.
    ///
    /// # Errors
    /// When the venue does not say.
    pub async fn tokens(&mut self, condition: &str) -> Result<[String; 2], DeskError> {
        let what = "the tokens of a market";
        let reply =
            self.http.get(&format!("/clob-markets/{condition}"), |_| Headers::new()).await?;
        let reply = success(&self.http, what, reply)?;
        let value = json(&self.http, what, &reply)?;
        let token = |face: usize| value["t"][face]["t"].as_str().map(str::to_owned);
        match (token(0), token(1), value["t"].as_array().map(Vec::len)) {
            (Some(yes), Some(no), Some(2)) => Ok([yes, no]),
            _ => Err(unreadable(&self.http, what)),
        }
    }

    /// Whether the account may only close positions.
    ///
    /// # Errors
    /// When the venue does not say.
    pub async fn is_closed_only(&mut self) -> Result<bool, DeskError> {
        let what = "whether the account is closed-only";
        let reply = self.l2(Method::GET, "/auth/ban-status/closed-only", "", what).await?;
        let value = json(&self.http, what, &reply)?;
        value["closed_only"].as_bool().ok_or_else(|| unreadable(&self.http, what))
    }

    /// The name of the account's rate tier.
    ///
    /// # Errors
    /// When the venue does not say.
    pub async fn rate_tier(&mut self) -> Result<String, DeskError> {
        let what = "the rate tier";
        let reply = self.l2(Method::GET, "/v1/user/rate-limit-tier", "", what).await?;
        let value = json(&self.http, what, &reply)?;
        let tier = value["tier"].as_str().map(str::to_owned);
        tier.ok_or_else(|| unreadable(&self.http, what))
    }

    /// Ids of the open orders.
    ///
    /// # Errors
    /// When the venue does not say.
    pub async fn open_orders(&mut self) -> Result<Vec<String>, DeskError> {
        let what = "the open orders";
        let (mut ids, mut cursor) = (Vec::new(), String::new());
        for _ in 0..PAGES_MAX {
            let query = match cursor.as_str() {
                "" => String::new(),
                next => format!("?next_cursor={next}"),
            };
            let reply = self.l2(Method::GET, "/data/orders", &query, what).await?;
            let page = reply::orders(&reply.body).ok_or_else(|| unreadable(&self.http, what))?;
            ids.extend(page.items.iter().map(|order| order.order_id.to_string()));
            let Some(next) = page.cursor else { return Ok(ids) };
            cursor = next;
        }
        Err(unreadable(&self.http, what))
    }

    /// Cancels one order.
    ///
    /// # Errors
    /// When the venue does not confirm.
    pub async fn cancel(&mut self, order: &str) -> Result<(), DeskError> {
        let body = Bytes::from(serde_json::json!({ "orderID": order }).to_string());
        self.l2_with(Method::DELETE, ("/order", ""), body, "to cancel an order").await.map(drop)
    }

    /// Cancels every open order of the API key's account.
    ///
    /// # Errors
    /// When the venue does not confirm.
    pub async fn cancel_all(&mut self) -> Result<(), DeskError> {
        self.l2(Method::DELETE, "/cancel-all", "", "to cancel all").await.map(drop)
    }
}

fn read_collateral(value: &Value) -> Option<BalanceAllowance> {
    let micro = value.get("balance")?.as_str()?.parse().ok()?;
    let allowed = |text: &Value| {
        let text = text.as_str()?;
        let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        // A number of 256 bits is written in full.
        is_number.then(|| text.parse().unwrap_or(u128::MAX))
    };
    let allowances = match (value.get("allowances"), value.get("allowance")) {
        (Some(Value::Object(list)), _) => {
            let pairs = list.iter().map(|(name, text)| Some((name.clone(), allowed(text)?)));
            pairs.collect::<Option<Vec<_>>>()?
        }
        (None, Some(one)) => vec![(String::new(), allowed(one)?)],
        _ => return None,
    };
    Some(BalanceAllowance { balance: Cash::from_micro(micro), allowances })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn balances_are_read_in_both_shapes() {
        let value =
            json!({ "balance": "1500000", "allowances": { "0xab": "5", "0xcd": "9".repeat(78) } });
        let read = read_collateral(&value).unwrap();
        assert_eq!(read.balance, Cash::from_micro(1_500_000));
        assert_eq!(read.allowances, [("0xab".to_owned(), 5), ("0xcd".to_owned(), u128::MAX)]);
        let older = read_collateral(&json!({ "balance": "0", "allowance": "7" })).unwrap();
        assert_eq!(older.allowances, [(String::new(), 7)]);
        for wrong in [
            json!({}),
            json!({ "balance": "1" }),
            json!({ "balance": "1.5", "allowance": "7" }),
            json!({ "balance": "1", "allowances": { "0xab": "-" } }),
            json!({ "balance": 1, "allowance": "7" }),
        ] {
            assert_eq!(read_collateral(&wrong), None, "{wrong}");
        }
    }
}

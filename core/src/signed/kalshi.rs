//! Kalshi's account over REST.

use dutchbook_book::{Cash, Nanos, Price};
use dutchbook_exec::venue::kalshi::auth::Credentials;
use dutchbook_exec::venue::kalshi::{public, reply};
use hyper::Method;
use hyper::body::Bytes;

use super::account::payoff_of;
use super::{DeskError, PAGES_MAX, json, limits, success, unreadable};
use crate::clock::Clock;
use crate::http::{Headers, HttpClient, HttpError, HttpReply};
use crate::tls::TlsRoots;

/// Tokens a second and at most, of one kind of requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateBucket {
    /// Tokens a second.
    pub refill_rate: u64,
    /// Tokens at most.
    pub capacity: u64,
}

/// What an account may ask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountLimits {
    /// The name of its tier.
    pub tier: String,
    /// Of reads.
    pub read: RateBucket,
    /// Of orders.
    pub write: RateBucket,
}

/// One account's desk at the venue.
#[derive(Debug)]
pub struct KalshiDesk {
    http: HttpClient,
    clock: Clock,
    credentials: Option<Credentials>,
}

impl KalshiDesk {
    /// A desk at this address; credentials are needed for everything but the venue's status.
    ///
    /// # Errors
    /// When the address is none.
    pub fn new(api_url: &str, tls: TlsRoots, clock: Clock) -> Result<Self, HttpError> {
        let http = HttpClient::new(api_url, tls, clock.clone(), limits())?;
        Ok(Self { http, clock, credentials: None })
    }

    /// Signs with these from now on.
    pub fn use_credentials(&mut self, credentials: Credentials) {
        self.credentials = Some(credentials);
    }

    /// Whether the venue is up and trades; and its clock, where the reply says it (`Date`), with our
    /// time in the middle of the question.
    ///
    /// # Errors
    /// When the venue does not say.
    pub async fn status(
        &mut self,
    ) -> Result<(public::ExchangeStatus, Option<String>, Nanos), DeskError> {
        let what = "its status";
        let asked = self.clock.now();
        let reply = self.http.get("/exchange/status", |_| Headers::new()).await?;
        let heard = self.clock.now();
        let reply = success(&self.http, what, reply)?;
        let status = public::exchange_status(&reply.body);
        let status = status.ok_or_else(|| unreadable(&self.http, what))?;
        Ok((status, reply.date, Nanos(asked.0 / 2 + heard.0 / 2)))
    }

    async fn ask(
        &mut self,
        method: Method,
        path: &str,
        query: &str,
        what: &'static str,
    ) -> Result<HttpReply, DeskError> {
        let target = format!("{path}{query}");
        let signed = self.http.full_path(path);
        let Some(credentials) = &self.credentials else {
            let why = "there is no API key, see live.kalshi".to_owned();
            return Err(DeskError::Unsigned { what, why });
        };
        let stamp = |now: Nanos| -> Headers {
            // Without a signature the venue refuses the request and says why.
            let fields = credentials.fields(now.millis(), method.as_str(), &signed);
            fields.map_or_else(
                |_unsigned| Headers::new(),
                |fields| fields.map(|(name, value)| (name.to_owned(), value)).into(),
            )
        };
        let reply = match method {
            Method::GET => self.http.get(&target, stamp).await?,
            _ => {
                let headers = stamp(self.clock.now());
                self.http.send(&method, &target, &headers, Bytes::new()).await?
            }
        };
        success(&self.http, what, reply)
    }

    /// The account's cash.
    ///
    /// # Errors
    /// When the venue does not say.
    pub async fn balance(&mut self) -> Result<Cash, DeskError> {
        let what = "the balance";
        let reply = self.ask(Method::GET, "/portfolio/balance", "", what).await?;
        let view = reply::balance(&reply.body).ok_or_else(|| unreadable(&self.http, what))?;
        Ok(view.cash)
    }

    /// What the account may ask.
    ///
    /// # Errors
    /// When the venue does not say.
    pub async fn account_limits(&mut self) -> Result<AccountLimits, DeskError> {
        let what = "the rate limits";
        let reply = self.ask(Method::GET, "/account/limits", "", what).await?;
        let value = json(&self.http, what, &reply)?;
        let bucket = |name: &str| {
            let bucket = value.get(name)?;
            let refill_rate = bucket.get("refill_rate")?.as_u64()?;
            Some(RateBucket { refill_rate, capacity: bucket.get("bucket_capacity")?.as_u64()? })
        };
        let tier = value.get("usage_tier").and_then(serde_json::Value::as_str);
        match (tier, bucket("read"), bucket("write")) {
            (Some(tier), Some(read), Some(write)) => {
                Ok(AccountLimits { tier: tier.to_owned(), read, write })
            }
            _ => Err(unreadable(&self.http, what)),
        }
    }

    /// Ids of the open orders.
    ///
    /// # Errors
    /// When the venue does not say.
    pub async fn open_orders(&mut self) -> Result<Vec<String>, DeskError> {
        let what = "the open orders";
        let (mut ids, mut cursor) = (Vec::new(), String::new());
        for _ in 0..PAGES_MAX {
            let next = match cursor.as_str() {
                "" => String::new(),
                next => format!("&cursor={next}"),
            };
            let query = format!("?status=resting&limit=200{next}");
            let reply = self.ask(Method::GET, "/portfolio/orders", &query, what).await?;
            let page = reply::orders(&reply.body).ok_or_else(|| unreadable(&self.http, what))?;
            ids.extend(page.items.iter().map(|order| order.order_id.to_string()));
            let Some(next) = page.cursor else { return Ok(ids) };
            cursor = next;
        }
        Err(unreadable(&self.http, what))
    }

    /// Contracts by ticker, in millionths: above zero YES, below NO.
    ///
    /// # Errors
    /// When the venue does not say.
    pub async fn positions(&mut self) -> Result<Vec<(String, i64)>, DeskError> {
        let what = "the positions";
        let (mut held, mut cursor) = (Vec::new(), String::new());
        for _ in 0..PAGES_MAX {
            let next = match cursor.as_str() {
                "" => String::new(),
                next => format!("&cursor={next}"),
            };
            let query = format!("?limit=200{next}");
            let reply = self.ask(Method::GET, "/portfolio/positions", &query, what).await?;
            let page = reply::positions(&reply.body).ok_or_else(|| unreadable(&self.http, what))?;
            let items = page.items.iter();
            held.extend(items.map(|held| (held.ticker.to_string(), held.position_micro)));
            let Some(next) = page.cursor else { return Ok(held) };
            cursor = next;
        }
        Err(unreadable(&self.http, what))
    }

    /// What each YES of a market of ours has paid; none where nothing of ours was settled there.
    ///
    /// # Errors
    /// When the venue does not say.
    pub async fn settlement(&mut self, ticker: &str) -> Result<Option<Price>, DeskError> {
        let what = "a settlement";
        let query = format!("?ticker={ticker}&limit=1");
        let reply = self.ask(Method::GET, "/portfolio/settlements", &query, what).await?;
        let value = json(&self.http, what, &reply)?;
        let rows = value.get("settlements").and_then(serde_json::Value::as_array);
        let rows = rows.ok_or_else(|| unreadable(&self.http, what))?;
        let of = |row: &&serde_json::Value| row["ticker"].as_str() == Some(ticker);
        let Some(row) = rows.iter().find(of) else { return Ok(None) };
        payoff_of(row).map(Some).ok_or_else(|| unreadable(&self.http, what))
    }

    /// Cancels one order.
    ///
    /// # Errors
    /// When the venue does not confirm.
    pub async fn cancel(&mut self, order: &str) -> Result<(), DeskError> {
        let path = format!("/portfolio/events/orders/{order}");
        self.ask(Method::DELETE, &path, "", "to cancel an order").await.map(drop)
    }

    /// Cancels every open order of the account.
    ///
    /// # Errors
    /// When the venue does not confirm.
    pub async fn cancel_all(&mut self) -> Result<(), DeskError> {
        let path = "/portfolio/events/orders";
        self.ask(Method::DELETE, path, "", "to cancel all").await.map(drop)
    }
}

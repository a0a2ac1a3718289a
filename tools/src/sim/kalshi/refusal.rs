//! What Kalshi answers when it does not do what it is asked, in the shapes that its replies have.

use serde_json::{Value, json};

use super::super::door::HttpReply;

/// Which of the venue's error bodies a refusal has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    /// `{"error":{"code","message","details"?}}`: what the exchange refuses.
    Nested,
    /// `{"code","message","details"?}`: what the gateway cannot read.
    Flat,
    /// `{"msg"}`: a query parameter.
    Message,
}

/// Why a request is not done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) status: u16,
    shape: Shape,
    code: &'static str,
    details: String,
}

impl Refusal {
    const fn nested(status: u16, code: &'static str) -> Self {
        Self { status, shape: Shape::Nested, code, details: String::new() }
    }

    fn because(self, details: impl Into<String>) -> Self {
        Self { details: details.into(), ..self }
    }

    /// No such thing, or none of this account.
    pub(super) const fn not_found() -> Self {
        Self::nested(404, "not_found")
    }

    /// The key is unknown, or the signature is not its.
    pub(super) fn authentication(details: &str) -> Self {
        Self::nested(401, "authentication_error").because(details)
    }

    /// An authentication header is missing, or its time is too far off.
    pub(super) const fn header(code: &'static str) -> Self {
        Self::nested(401, code)
    }

    /// The order's fields contradict each other or the book.
    pub(super) fn invalid_order(details: &str) -> Self {
        Self::nested(400, "invalid_order").because(details)
    }

    /// A price beside the grid, or not within 0 and 1.
    pub(super) const fn invalid_price() -> Self {
        Self::nested(400, "invalid_price")
    }

    /// A count that is not a positive multiple of 0.01 contracts.
    pub(super) const fn invalid_order_size() -> Self {
        Self::nested(400, "invalid_order_size")
    }

    /// Not enough free money.
    pub(super) const fn insufficient_balance() -> Self {
        Self::nested(400, "insufficient_balance")
    }

    /// The client order id has been used before.
    pub(super) const fn order_already_exists() -> Self {
        Self::nested(409, "order_already_exists")
    }

    /// The market takes no orders, or no cancels either.
    pub(super) const fn market_inactive() -> Self {
        Self::nested(400, "MARKET_INACTIVE")
    }

    /// What an amendment says of the order is not so.
    pub(super) const fn mismatch(code: &'static str) -> Self {
        Self::nested(400, code)
    }

    /// More than the venue holds for one account.
    pub(super) const fn too_many(code: &'static str) -> Self {
        Self::nested(400, code)
    }

    /// An order of the first generation.
    pub(super) const fn retired() -> Self {
        Self::nested(410, "deprecated_v1_order_endpoint")
    }

    /// The body is longer than any real one.
    pub(super) const fn too_large() -> Self {
        Self::nested(413, "request_too_large")
    }

    /// The body cannot be read.
    pub(super) fn bad_request(details: impl Into<String>) -> Self {
        let shape = Shape::Flat;
        Self { status: 400, shape, code: "bad_request", details: details.into() }
    }

    /// A query parameter cannot be read. `group` is the name of the parameters, `field` of this one,
    /// `tag` of the broken rule.
    pub(super) fn parameter(group: &str, field: &str, tag: &str) -> Self {
        let details = format!(
            "Parameter validation failed for {group}: Key: '{group}Params.{field}' \
             Error:Field validation for '{field}' failed on the '{tag}' tag"
        );
        Self { status: 400, shape: Shape::Message, code: "", details }
    }

    /// A required field of a body is missing, or has a value that the field cannot have.
    pub(super) fn field(body: &str, field: &str, tag: &str) -> Self {
        Self::bad_request(format!(
            "Key: '{body}.{field}' Error:Field validation for '{field}' failed on the '{tag}' tag"
        ))
    }

    /// Whether the order may have been applied: never, for what is refused here.
    fn words(&self) -> String {
        match self.code {
            // The exchange repeats this code verbatim.
            "authentication_error" => self.code.to_owned(),
            code => code.to_lowercase().replace('_', " "),
        }
    }

    /// The object with code, message and details, as batches nest it too.
    pub(super) fn object(&self) -> Value {
        let mut body = json!({ "code": self.code, "message": self.words() });
        if let (Some(map), false) = (body.as_object_mut(), self.details.is_empty()) {
            map.insert("details".to_owned(), Value::from(self.details.as_str()));
        }
        body
    }

    /// The reply.
    pub(super) fn reply(&self) -> HttpReply {
        let body = match self.shape {
            Shape::Nested => json!({ "error": self.object() }),
            Shape::Flat => self.object(),
            Shape::Message => json!({ "msg": self.details }),
        };
        HttpReply::json(self.status, body.to_string())
    }
}

/// The reply to one request too many. It has no `Retry-After`.
pub(super) fn too_many_requests() -> HttpReply {
    HttpReply::json(429, r#"{"error":"too many requests"}"#)
}

/// The reply to a path that leads nowhere.
pub(super) fn no_such_path() -> HttpReply {
    let headers = vec![("content-type", "text/plain".to_owned())];
    let body = b"404 page not found".to_vec();
    HttpReply { status: 404, headers, body, ..HttpReply::default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The bodies as the venue was recorded to send them.
    #[test]
    fn refusals_print_as_recorded() {
        let body = |refusal: Refusal| String::from_utf8(refusal.reply().body).unwrap();
        assert_eq!(
            body(Refusal::authentication("INCORRECT_API_KEY_SIGNATURE")),
            r#"{"error":{"code":"authentication_error","message":"authentication_error","details":"INCORRECT_API_KEY_SIGNATURE"}}"#
        );
        assert_eq!(
            body(Refusal::header("header_timestamp_expired")),
            r#"{"error":{"code":"header_timestamp_expired","message":"header timestamp expired"}}"#
        );
        assert_eq!(
            body(Refusal::invalid_order("post only cross")),
            r#"{"error":{"code":"invalid_order","message":"invalid order","details":"post only cross"}}"#
        );
        assert_eq!(
            body(Refusal::parameter("GetMarkets", "Limit", "lte")),
            r#"{"msg":"Parameter validation failed for GetMarkets: Key: 'GetMarketsParams.Limit' Error:Field validation for 'Limit' failed on the 'lte' tag"}"#
        );
        assert_eq!(
            body(Refusal::retired()),
            r#"{"error":{"code":"deprecated_v1_order_endpoint","message":"deprecated v1 order endpoint"}}"#
        );
        assert_eq!(Refusal::order_already_exists().status, 409);
        assert_eq!(too_many_requests().body, br#"{"error":"too many requests"}"#);
    }
}

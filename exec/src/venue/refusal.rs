//! What a reply that is no success says: what was refused, and whether we can be sure.

use serde_json::Value;

/// Longest text that is kept of an error body.
const TEXT_CHARS_MAX: usize = 400;

/// Whether the request was applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Certainty {
    /// Surely not.
    Rejected,
    /// Perhaps: look it up before anything else is done.
    Unknown,
}

/// A reply that is no success. Texts are the venue's, cut to a bound; absent where it sent none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Of the reply.
    pub status: u16,
    /// The venue's word for it. An open set: nothing is decided by it alone.
    pub code: Option<String>,
    /// What a person reads.
    pub message: Option<String>,
    /// More of that.
    pub details: Option<String>,
    /// Whether it was applied.
    pub certainty: Certainty,
}

impl Refusal {
    /// Reads a reply with this status, whatever its body is: nested, flat or bare errors, a web
    /// page of a gateway, nothing.
    #[must_use]
    pub fn read(status: u16, body: &[u8]) -> Self {
        let body: Value = serde_json::from_slice(body).unwrap_or(Value::Null);
        let text = |value: Option<&Value>| {
            let text = value?.as_str().filter(|text| !text.is_empty())?;
            Some(text.chars().take(TEXT_CHARS_MAX).collect())
        };
        let error = body.get("error");
        let source = error.filter(|error| error.is_object()).unwrap_or(&body);
        let message = ["message", "msg", "errorMsg", "error_msg", "error"];
        Self {
            status,
            code: text(source.get("code")),
            message: message.iter().find_map(|name| text(source.get(name))),
            details: text(source.get("details")),
            certainty: Self::certainty_of(status),
        }
    }

    /// What a status says by itself: the venue's servers refuse with 4xx; 408 is a request that
    /// did not come whole or an answer that did not come in time, and whatever is neither success
    /// nor refusal was said by somebody between us and them.
    const fn certainty_of(status: u16) -> Certainty {
        match status {
            408 => Certainty::Unknown,
            400..=499 => Certainty::Rejected,
            _ => Certainty::Unknown,
        }
    }
}

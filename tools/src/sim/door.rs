//! HTTP as a venue's face sees it: a request in, a reply out, without sockets or clocks.

use dutchbook_book::Nanos;

/// A request, its head and body complete.
#[derive(Clone, Copy, Debug)]
pub struct HttpRequest<'a> {
    /// `GET`, `POST`, `DELETE`, `PUT`.
    pub method: &'a str,
    /// The path as sent, percent-escapes unchanged, without query: signatures cover it.
    pub path: &'a str,
    /// What follows the `?`, as sent; empty without one.
    pub query: &'a str,
    /// Names in lower case, values as sent; one whose value is no text is left out.
    pub headers: &'a [(String, String)],
    /// The body's bytes as sent: signatures cover them.
    pub body: &'a [u8],
}

impl HttpRequest<'_> {
    /// The value of a header, by its lower-case name.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let same = |(key, _): &&(String, String)| key == name;
        self.headers.iter().find(same).map(|(_, value)| value.as_str())
    }
}

/// What a venue answers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HttpReply {
    /// Status code.
    pub status: u16,
    /// Headers beside length and date; `content-type` among them when there is a body.
    pub headers: Vec<(&'static str, String)>,
    /// The body.
    pub body: Vec<u8>,
    /// It leaves the venue no sooner than this.
    pub ready_at: Nanos,
}

impl HttpReply {
    /// A JSON body.
    #[must_use]
    pub fn json(status: u16, body: impl Into<Vec<u8>>) -> Self {
        let headers = vec![("content-type", "application/json".to_owned())];
        Self { status, headers, body: body.into(), ready_at: Nanos::ZERO }
    }
}

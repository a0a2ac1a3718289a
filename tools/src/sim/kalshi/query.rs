//! Queries, bodies and pages: what a request says, typed, or refused as the venue refuses it.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

use super::refusal::Refusal;

/// The most parameters that one query may have.
const PARAMETERS_MAX: usize = 512;

/// The parameters of a request. `group` names them in refusals.
#[derive(Debug)]
pub(super) struct Query {
    group: &'static str,
    pairs: Vec<(String, String)>,
}

impl Query {
    /// Splits a query string.
    pub(super) fn new(group: &'static str, text: &str) -> Self {
        let parts = text.split('&').filter(|part| !part.is_empty()).take(PARAMETERS_MAX);
        let pairs = parts.map(|part| {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            (unescape(name), unescape(value))
        });
        Self { group, pairs: pairs.collect() }
    }

    /// The first value of a name; an empty one counts as absent.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        let found = self.pairs.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
    }

    /// All values of a repeated name, commas split as well.
    pub(super) fn list(&self, name: &str) -> Option<Vec<&str>> {
        let all = self.pairs.iter().filter(|(key, _)| key == name);
        let values: Vec<&str> =
            all.flat_map(|(_, value)| value.split(',')).filter(|value| !value.is_empty()).collect();
        (!values.is_empty()).then_some(values)
    }

    /// A whole number.
    pub(super) fn int(&self, name: &'static str) -> Result<Option<i64>, Refusal> {
        let parse = |text: &str| {
            text.parse().map_err(|_| Refusal::parameter(self.group, &go_name(name), "numeric"))
        };
        self.text(name).map(parse).transpose()
    }

    /// A moment in seconds since 1970.
    pub(super) fn secs(&self, name: &'static str) -> Result<Option<u64>, Refusal> {
        Ok(self.int(name)?.map(|secs| u64::try_from(secs).unwrap_or(0)))
    }

    /// True or false; false where absent.
    pub(super) fn flag(&self, name: &str) -> bool {
        self.text(name).is_some_and(|text| text.eq_ignore_ascii_case("true") || text == "1")
    }

    /// One of a few words.
    pub(super) fn word(
        &self,
        name: &'static str,
        words: &[&'static str],
    ) -> Result<Option<&'static str>, Refusal> {
        let Some(text) = self.text(name) else { return Ok(None) };
        match words.iter().find(|word| **word == text) {
            Some(word) => Ok(Some(word)),
            None => Err(Refusal::parameter(self.group, &go_name(name), "oneof")),
        }
    }

    /// The length of a page.
    pub(super) fn limit(&self, default: usize, max: usize) -> Result<usize, Refusal> {
        let refused = |tag| Err(Refusal::parameter(self.group, "Limit", tag));
        match self.int("limit")? {
            // The clients' own zero value means the default.
            None | Some(0) => Ok(default),
            Some(limit) if limit < 0 => refused("gte"),
            Some(limit) => match usize::try_from(limit).ok().filter(|limit| *limit <= max) {
                Some(limit) => Ok(limit),
                None => refused("lte"),
            },
        }
    }

    /// Where the page begins: behind the entry with this number. A cursor that is none is ignored,
    /// as the venue does.
    pub(super) fn cursor(&self) -> Option<u64> {
        let bytes = URL_SAFE_NO_PAD.decode(self.text("cursor")?).ok()?;
        Some(u64::from_be_bytes(bytes.try_into().ok()?))
    }
}

/// A page: its entries, and the cursor of the next one; empty on the last.
#[derive(Debug)]
pub(super) struct Page {
    pub(super) entries: Vec<Value>,
    pub(super) cursor: String,
}

/// Fills a page from entries in the order of the list, each with the number that its cursor holds.
pub(super) fn page(entries: impl Iterator<Item = (u64, Value)>, limit: usize) -> Page {
    let mut entries = entries.peekable();
    let mut list = Vec::new();
    let mut last = 0;
    while list.len() < limit {
        let Some((number, value)) = entries.next() else { break };
        last = number;
        list.push(value);
    }
    let is_last = list.is_empty() || entries.peek().is_none();
    let cursor = if is_last { String::new() } else { URL_SAFE_NO_PAD.encode(last.to_be_bytes()) };
    Page { entries: list, cursor }
}

/// `max_close_ts` as the venue's programs call it: `MaxCloseTs`.
fn go_name(name: &str) -> String {
    let words = name.split('_').map(|word| {
        let mut letters = word.chars();
        letters.next().map_or_else(String::new, |first| {
            first.to_uppercase().chain(letters).collect::<String>()
        })
    });
    words.collect()
}

/// Undoes percent-escapes; what is none stays as it is, what is no text becomes a replacement sign.
fn unescape(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, behind)) = rest.split_first() {
        let escaped = match (first, behind) {
            (b'%', [high, low, ..]) => hex_digit(*high).zip(hex_digit(*low)),
            _ => None,
        };
        match escaped {
            Some((high, low)) => {
                bytes.push(high << 4 | low);
                rest = behind.get(2..).unwrap_or_default();
            }
            None => {
                bytes.push(if first == b'+' { b' ' } else { first });
                rest = behind;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn hex_digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

/// The fields of a JSON body. `name` is the venue's type of it in refusals.
#[derive(Debug)]
pub(super) struct Body {
    name: &'static str,
    map: Map<String, Value>,
}

impl Body {
    /// Reads a body; an absent one is an empty object where `is_optional`.
    pub(super) fn read(
        name: &'static str,
        bytes: &[u8],
        is_optional: bool,
    ) -> Result<Self, Refusal> {
        if bytes.is_empty() && is_optional {
            return Ok(Self { name, map: Map::new() });
        }
        match serde_json::from_slice(bytes) {
            Ok(value) => Self::of(name, value),
            Err(error) if error.is_eof() => Err(Refusal::bad_request("EOF")),
            Err(_) => Err(Refusal::bad_request("invalid character in request body")),
        }
    }

    /// The fields of a JSON value, which must be an object.
    pub(super) fn of(name: &'static str, value: Value) -> Result<Self, Refusal> {
        let kind = kind_of(&value);
        let Value::Object(map) = value else {
            return Err(Refusal::bad_request(format!(
                "json: cannot unmarshal {kind} into Go value of type {name}"
            )));
        };
        Ok(Self { name, map })
    }

    /// The value of a field; null counts as absent.
    fn get(&self, field: &str) -> Option<&Value> {
        self.map.get(field).filter(|value| !value.is_null())
    }

    fn wrong(&self, field: &str, value: &Value, wanted: &str) -> Refusal {
        let (kind, name) = (kind_of(value), self.name);
        Refusal::bad_request(format!(
            "json: cannot unmarshal {kind} into Go struct field {name}.{field} of type {wanted}"
        ))
    }

    /// A text.
    pub(super) fn text(&self, field: &str) -> Result<Option<&str>, Refusal> {
        let Some(value) = self.get(field) else { return Ok(None) };
        value.as_str().map(Some).ok_or_else(|| self.wrong(field, value, "string"))
    }

    /// A text that must be there.
    pub(super) fn required(&self, field: &str) -> Result<&str, Refusal> {
        let text = self.text(field)?.filter(|text| !text.is_empty());
        text.ok_or_else(|| Refusal::field(self.name, &go_name(field), "required"))
    }

    /// A whole number.
    pub(super) fn int(&self, field: &str) -> Result<Option<i64>, Refusal> {
        let Some(value) = self.get(field) else { return Ok(None) };
        value.as_i64().map(Some).ok_or_else(|| self.wrong(field, value, "int64"))
    }

    /// True or false; false where absent.
    pub(super) fn flag(&self, field: &str) -> Result<bool, Refusal> {
        let Some(value) = self.get(field) else { return Ok(false) };
        value.as_bool().ok_or_else(|| self.wrong(field, value, "bool"))
    }

    /// One of a few words, by its place among them.
    pub(super) fn word<T: Copy>(&self, field: &str, words: &[(&str, T)]) -> Result<T, Refusal> {
        let text = self.required(field)?;
        let found = words.iter().find(|(word, _)| *word == text);
        let found = found.map(|(_, meaning)| *meaning);
        found.ok_or_else(|| Refusal::field(self.name, &go_name(field), "oneof"))
    }

    /// A list that must be there and have between one and `max` entries.
    pub(super) fn list(&mut self, field: &str, max: usize) -> Result<Vec<Value>, Refusal> {
        let missing = || Refusal::field(self.name, &go_name(field), "required");
        let value = self.map.get_mut(field).filter(|value| !value.is_null());
        match value.map(Value::take) {
            None => Err(missing()),
            Some(Value::Array(list)) if list.is_empty() => Err(missing()),
            Some(Value::Array(list)) if list.len() > max => {
                Err(Refusal::field(self.name, &go_name(field), "max"))
            }
            Some(Value::Array(list)) => Ok(list),
            Some(other) => Err(self.wrong(field, &other, "[]json.RawMessage")),
        }
    }
}

const fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_follow_their_cursors_to_the_end() {
        let mut cursor = String::new();
        let mut seen = Vec::new();
        loop {
            let query = Query::new("GetMarkets", &format!("limit=3&cursor={cursor}"));
            let after = query.cursor();
            let rest = (0..8_u64).filter(|number| after.is_none_or(|after| *number > after));
            let page = page(rest.map(|number| (number, Value::from(number))), 3);
            seen.extend(page.entries.iter().filter_map(Value::as_u64));
            cursor = page.cursor;
            if cursor.is_empty() {
                break;
            }
        }
        assert_eq!(seen, (0..8).collect::<Vec<_>>());
        assert_eq!(Query::new("GetMarkets", "cursor=nonsense").cursor(), None);
    }

    #[test]
    fn queries_are_unescaped_and_typed() {
        let query =
            Query::new("GetMarkets", "tickers=A%2CB&tickers=C+D&limit=1001&status=%6fpen&x");
        assert_eq!(query.list("tickers").unwrap(), ["A", "B", "C D"]);
        assert_eq!(query.word("status", &["open"]), Ok(Some("open")));
        let refusal = query.limit(100, 1_000).unwrap_err();
        assert!(String::from_utf8(refusal.reply().body).unwrap().contains("'lte' tag"));
        let odd = Query::new("GetMarkets", "a=%zz&b=%e2%82&c=100%");
        assert_eq!(odd.text("a"), Some("%zz"));
        assert_eq!(odd.text("c"), Some("100%"));
        assert_eq!(go_name("max_close_ts"), "MaxCloseTs");
    }

    #[test]
    fn bodies_are_refused_as_recorded() {
        let body =
            Body::read("CreateOrderV2Request", br#"{"count":10,"side":null}"#, false).unwrap();
        let refusal = body.text("count").unwrap_err();
        let text = String::from_utf8(refusal.reply().body).unwrap();
        assert_eq!(
            text,
            r#"{"code":"bad_request","message":"bad request","details":"json: cannot unmarshal number into Go struct field CreateOrderV2Request.count of type string"}"#
        );
        assert!(body.required("side").is_err());
        for hostile in [&b"{"[..], b"[]", b"\xff\xfe", b"[[[[[[", b"null", b""] {
            assert!(Body::read("X", hostile, false).is_err());
        }
        let deep = "[".repeat(100_000);
        assert!(Body::read("X", deep.as_bytes(), false).is_err());
    }
}

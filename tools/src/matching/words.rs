//! A title as words: folded to plain lower-case letters, numbers read as numbers.
//!
//! It splits and folds; what a word means is not decided here.

/// The largest power of ten that a suffix multiplies by, and the scale of a number: millionths.
const MICRO: i128 = 1_000_000;

/// What a number counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Unit {
    /// Things, points, places.
    Count,
    /// Per cent.
    Percent,
    /// Dollars.
    Dollar,
}

/// A number as written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Number {
    /// In millionths.
    pub(super) micro: i128,
    pub(super) unit: Unit,
    /// Followed by a plus sign: "500+".
    pub(super) or_more: bool,
    /// Written as a plain whole number of four digits: it may be a year.
    pub(super) is_plain: bool,
}

/// One word of a title.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Word {
    /// Letters, or letters and digits.
    Text {
        /// Folded.
        text: String,
        /// Written with a capital.
        is_capital: bool,
    },
    /// A number.
    Number(Number),
    /// "234-237", "10–15 %".
    Range(Number, Number),
    /// "1st", "second": a rank.
    Ordinal(u32),
    /// "TX-17": a state and its district.
    District(String),
    /// "2026-06-30".
    Iso(i32, u8, u8),
    /// A comparison sign.
    Sign(&'static str),
}

impl Word {
    /// The folded text of a plain word.
    pub(super) fn text(&self) -> &str {
        match self {
            Self::Text { text, .. } => text,
            Self::Sign(sign) => sign,
            Self::Number(_)
            | Self::Range(..)
            | Self::Ordinal(_)
            | Self::District(_)
            | Self::Iso(..) => "",
        }
    }
}

/// One letter without its marks, in lower case; letters of other scripts stay.
fn fold(letter: char, out: &mut String) {
    let plain = match letter {
        'à'..='å' | 'À'..='Å' | 'ā' | 'Ā' | 'ă' | 'Ă' | 'ą' | 'Ą' | 'ǎ' => "a",
        'æ' | 'Æ' => "ae",
        'ç' | 'Ç' | 'ć' | 'Ć' | 'č' | 'Č' => "c",
        'ď' | 'Ď' | 'đ' | 'Đ' | 'ð' | 'Ð' => "d",
        'è'..='ë' | 'È'..='Ë' | 'ē' | 'Ē' | 'ė' | 'Ė' | 'ę' | 'Ę' | 'ě' | 'Ě' => "e",
        'ğ' | 'Ğ' | 'ģ' => "g",
        'ì'..='ï' | 'Ì'..='Ï' | 'ī' | 'Ī' | 'į' | 'ı' | 'İ' => "i",
        'ķ' | 'Ķ' => "k",
        'ł' | 'Ł' | 'ľ' | 'Ľ' | 'ļ' => "l",
        'ñ' | 'Ñ' | 'ń' | 'Ń' | 'ň' | 'Ň' | 'ņ' => "n",
        'ò'..='ö' | 'Ò'..='Ö' | 'ø' | 'Ø' | 'ō' | 'Ō' | 'ő' | 'Ő' => "o",
        'œ' | 'Œ' => "oe",
        'ř' | 'Ř' => "r",
        'ś' | 'Ś' | 'š' | 'Š' | 'ş' | 'Ş' | 'ș' | 'Ș' => "s",
        'ß' => "ss",
        'ť' | 'Ť' | 'ţ' | 'Ţ' | 'ț' | 'Ț' => "t",
        'þ' | 'Þ' => "th",
        'ù'..='ü' | 'Ù'..='Ü' | 'ū' | 'Ū' | 'ů' | 'Ů' | 'ű' | 'Ű' => "u",
        'ý' | 'ÿ' | 'Ý' => "y",
        'ź' | 'Ź' | 'ż' | 'Ż' | 'ž' | 'Ž' => "z",
        other => {
            out.extend(other.to_lowercase());
            return;
        }
    };
    out.push_str(plain);
}

/// A text without marks and capitals.
pub(super) fn folded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    text.chars().for_each(|letter| fold(letter, &mut out));
    out
}

const fn is_dash(letter: char) -> bool {
    matches!(letter, '-' | '‐' | '‑' | '–' | '—' | '−' | '/')
}

/// Digits with commas, at most six decimals, perhaps a magnitude, in millionths.
fn digits(text: &str) -> Option<i128> {
    let letters = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let scale: i128 = match text.get(letters.len()..)?.to_ascii_lowercase().as_str() {
        "" => 1,
        "k" => 1_000,
        "m" | "mm" | "mn" | "million" => 1_000_000,
        "b" | "bn" | "billion" => 1_000_000_000,
        "t" | "tn" | "trillion" => 1_000_000_000_000,
        _ => return None,
    };
    let (whole, part) = letters.split_once('.').unwrap_or((letters, ""));
    let whole = whole.replace(',', "");
    let is_plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let is_number = (!whole.is_empty() || !part.is_empty())
        && whole.len() <= 18
        && part.len() <= 6
        && is_plain(&whole)
        && is_plain(part);
    if !is_number {
        return None;
    }
    let whole: i128 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    let part: i128 = format!("{part:0<6}").parse().ok()?;
    whole.checked_mul(MICRO)?.checked_add(part)?.checked_mul(scale)
}

/// A number with its signs: "$96,250", "0.6%", "500+", "120k".
fn number(text: &str) -> Option<Number> {
    let text = text.trim_start_matches('~');
    let (text, is_negative) = match text.strip_prefix(['-', '−']) {
        Some(rest) => (rest, true),
        None => (text, false),
    };
    let (text, is_dollar) = match text.strip_prefix('$') {
        Some(rest) => (rest, true),
        None => (text, false),
    };
    let text = ["°F", "°C", "°"].iter().find_map(|sign| text.strip_suffix(sign)).unwrap_or(text);
    let (text, or_more) = match text.strip_suffix('+') {
        Some(rest) => (rest, true),
        None => (text, false),
    };
    let (text, is_percent) = match text.strip_suffix('%') {
        Some(rest) => (rest, true),
        None => (text, false),
    };
    if !text.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
        return None;
    }
    let micro = digits(text)?;
    let unit = match (is_percent, is_dollar) {
        (true, _) => Unit::Percent,
        (false, true) => Unit::Dollar,
        (false, false) => Unit::Count,
    };
    let is_plain = unit == Unit::Count && !or_more && !is_negative && text.len() == 4;
    let micro = if is_negative { micro.checked_neg()? } else { micro };
    Some(Number { micro, unit, or_more, is_plain })
}

/// "1st", "22nd".
fn ordinal(text: &str) -> Option<u32> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let is_suffix = matches!(text.get(digits.len()..)?, "st" | "nd" | "rd" | "th");
    if is_suffix { digits.parse().ok() } else { None }
}

/// "TX-17", "MI-8", "AK-AL": the number without leading zeros; at large is the first and only one.
fn district(state: &str, rest: &str) -> Option<String> {
    let is_state = state.len() == 2 && state.bytes().all(|byte| byte.is_ascii_uppercase());
    if !is_state || rest.is_empty() || rest.len() > 2 {
        return None;
    }
    let number: u32 = if rest == "AL" { 1 } else { rest.parse().ok()? };
    Some(format!("{}-{number}", state.to_ascii_lowercase()))
}

fn iso(parts: &[&str]) -> Option<Word> {
    let [year, month, day] = parts else { return None };
    let (year, month, day): (i32, u8, u8) =
        (year.parse().ok()?, month.parse().ok()?, day.parse().ok()?);
    let is_date = (1900..2200).contains(&year) && (1..=12).contains(&month) && day <= 31;
    is_date.then_some(Word::Iso(year, month, day))
}

/// A range takes the sign that only one of its ends carries: "$80-90k", "10–15%".
fn range(low: &str, high: &str) -> Option<Word> {
    let (mut low, mut high) = (number(low)?, number(high)?);
    if low.unit == Unit::Count {
        low.unit = high.unit;
    }
    if high.unit == Unit::Count {
        high.unit = low.unit;
    }
    // A season, "2025-26", says its years; what falls is no range.
    (low.micro < high.micro).then_some(Word::Range(low, high))
}

/// Adds what lies between two blanks.
fn push_chunk(chunk: &str, words: &mut Vec<Word>) {
    let is_edge =
        |c: char| !(c.is_alphanumeric() || matches!(c, '$' | '%' | '+' | '-' | '−' | '.'));
    let chunk = chunk.trim_matches(is_edge).trim_end_matches(['.', '-', '–', '—']);
    if chunk.is_empty() {
        return;
    }
    if let Some(found) = number(chunk) {
        words.push(Word::Number(found));
        return;
    }
    let parts: Vec<&str> = chunk.split(is_dash).filter(|part| !part.is_empty()).collect();
    if let Some(found) = iso(&parts) {
        words.push(found);
        return;
    }
    if let [left, right] = parts.as_slice() {
        let found = range(left, right).or_else(|| district(left, right).map(Word::District));
        if let Some(found) = found {
            words.push(found);
            return;
        }
    }
    parts.iter().for_each(|part| push_part(part, words));
}

/// Adds one part of a chunk that holds no dash.
fn push_part(part: &str, words: &mut Vec<Word>) {
    let part = part.trim_matches(|c: char| !(c.is_alphanumeric() || matches!(c, '$' | '%' | '+')));
    if let Some(found) = number(part) {
        words.push(Word::Number(found));
        return;
    }
    let part = part.trim_end_matches(['$', '%', '+']);
    let is_capital = part.chars().any(char::is_uppercase);
    let mut text = folded(part);
    for possessive in ["'s", "’s"] {
        if let Some(stem) = text.strip_suffix(possessive) {
            text.truncate(stem.len());
        }
    }
    text.retain(char::is_alphanumeric);
    if text.is_empty() {
        return;
    }
    words.push(match ordinal(&text) {
        Some(rank) => Word::Ordinal(rank),
        None => Word::Text { text, is_capital },
    });
}

/// The words of a title.
pub(super) fn words(title: &str) -> Vec<Word> {
    let mut words = Vec::with_capacity(16);
    for chunk in
        title.split(|c: char| c.is_whitespace() || matches!(c, ':' | ';' | '(' | ')' | '?'))
    {
        let sign = ["≥", ">=", "≤", "<=", ">", "<"].iter().find(|sign| chunk.starts_with(**sign));
        let rest = match sign {
            Some(sign) => {
                words.push(Word::Sign(sign));
                chunk.get(sign.len()..).unwrap_or_default()
            }
            None => chunk,
        };
        push_chunk(rest, &mut words);
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(title: &str) -> String {
        let show = |word: &Word| match word {
            Word::Text { text, .. } => text.clone(),
            Word::Number(number) => format!("{:?}{}", number.unit, number.micro),
            Word::Range(low, high) => format!("{:?}{}..{}", low.unit, low.micro, high.micro),
            Word::Ordinal(rank) => format!("#{rank}"),
            Word::District(code) => code.clone(),
            Word::Iso(y, m, d) => format!("{y}/{m}/{d}"),
            Word::Sign(sign) => (*sign).to_owned(),
        };
        words(title).iter().map(show).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn titles_become_plain_words() {
        for (title, expected) in [
            ("Will Édouard Philippe's U.S. visit", "will edouard philippe us visit"),
            ("Lee Jae-myung vs. Drivers' Lt. Gov", "lee jae myung vs drivers lt gov"),
            ("MI-8 and AK-AL, MI-08", "mi-8 and ak-1 mi-8"),
            ("$96,000 to 96,249.99", "Dollar96000000000 to Count96249990000"),
            ("by 10–15%?", "by Percent10000000..15000000"),
            ("9z, M80 and G2 in Stage 3", "9z m80 and g2 in stage Count3000000"),
            ("the 2nd of 500+ on 2026-06-30", "the #2 of Count500000000 on 2026/6/30"),
            (">= -0.5% or $120k", ">= Percent-500000 or Dollar120000000000"),
            ("84-85°F, 90°", "Count84000000..85000000 Count90000000"),
            ("", ""),
            ("--- $ % ...", ""),
        ] {
            assert_eq!(shown(title), expected, "{title}");
        }
    }
}

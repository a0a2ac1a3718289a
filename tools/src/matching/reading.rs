//! What a title claims: words that matter, numbers, times, polarity.

use std::collections::BTreeMap;

use super::dates::{Last, When, month_end};
use super::lexicon::{Class, Lexicon, month, rank};
use super::spans::Span;
use super::words::{Number, Unit, Word, words};

/// Words as dense numbers; one dictionary for all titles that are compared.
#[derive(Debug, Default)]
pub(super) struct Dictionary {
    ids: BTreeMap<String, u32>,
    words: Vec<String>,
}

impl Dictionary {
    pub(super) fn id(&mut self, word: &str) -> u32 {
        if let Some(&id) = self.ids.get(word) {
            return id;
        }
        let id = u32::try_from(self.words.len()).unwrap_or(u32::MAX);
        self.ids.insert(word.to_owned(), id);
        self.words.push(word.to_owned());
        id
    }

    pub(super) fn word(&self, id: u32) -> &str {
        let at = usize::try_from(id).unwrap_or(usize::MAX);
        self.words.get(at).map_or("", String::as_str)
    }

    pub(super) fn len(&self) -> usize {
        self.words.len()
    }
}

/// A word of a title.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) id: u32,
    pub(super) class: Class,
}

/// A title, read.
#[derive(Clone, Debug, Default)]
pub(super) struct Reading {
    /// In the order of the title.
    pub(super) tokens: Vec<Token>,
    pub(super) spans: Vec<Span>,
    pub(super) when: When,
    /// "Not", "never", "fails to".
    pub(super) is_negated: bool,
    /// Up or down, where only one of the two is said.
    pub(super) is_up: Option<bool>,
    /// "Who will …": asks for a name instead of giving one.
    pub(super) is_open: bool,
    /// Where "beats" stands, counted in tokens.
    pub(super) beats_at: Option<usize>,
    /// What it can be found by: ids of words, numbers and days, ascending.
    pub(super) keys: Vec<u32>,
}

/// Reads titles.
#[derive(Debug)]
pub(super) struct Reader {
    lexicon: Lexicon,
    pub(super) dictionary: Dictionary,
}

/// What comes before a date.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Lead {
    Nothing,
    Before,
    By,
    EndOf,
}

/// A date as written: at least one part is there.
#[derive(Clone, Copy, Default)]
struct Written {
    year: Option<i32>,
    month: Option<u8>,
    day: Option<u8>,
}

/// A title under way.
struct Walk<'a> {
    words: &'a [Word],
    at: usize,
}

impl Walk<'_> {
    fn word(&self, ahead: usize) -> Option<&Word> {
        self.words.get(self.at.saturating_add(ahead))
    }

    fn text(&self, ahead: usize) -> &str {
        self.word(ahead).map_or("", Word::text)
    }

    fn number(&self, ahead: usize) -> Option<Number> {
        match self.word(ahead)? {
            Word::Number(number) => Some(*number),
            Word::Text { .. }
            | Word::Range(..)
            | Word::Ordinal(_)
            | Word::District(_)
            | Word::Iso(..)
            | Word::Sign(_) => None,
        }
    }

    fn is_capital(&self, ahead: usize) -> bool {
        matches!(self.word(ahead), Some(Word::Text { is_capital: true, .. }))
    }

    fn year(&self, ahead: usize) -> Option<i32> {
        let number = self.number(ahead).filter(|number| number.is_plain)?;
        let year = i32::try_from(number.micro / 1_000_000).ok()?;
        (1990..=2100).contains(&year).then_some(year)
    }

    fn day(&self, ahead: usize) -> Option<u8> {
        let day = match self.word(ahead)? {
            Word::Ordinal(rank) => u8::try_from(*rank).ok()?,
            Word::Number(n) if n.unit == Unit::Count && n.micro % 1_000_000 == 0 => {
                u8::try_from(n.micro / 1_000_000).ok()?
            }
            Word::Text { .. }
            | Word::Number(_)
            | Word::Range(..)
            | Word::District(_)
            | Word::Iso(..)
            | Word::Sign(_) => return None,
        };
        (1..=31).contains(&day).then_some(day)
    }

    /// A month; "may" and "march" are verbs unless something says otherwise.
    fn month(&self, ahead: usize, is_led: bool) -> Option<u8> {
        let found = month(self.text(ahead))?;
        let next = ahead.saturating_add(1);
        let is_sure = is_led || self.day(next).is_some() || self.year(next).is_some();
        let may_be = self.is_capital(ahead) && self.at > 0;
        (is_sure || (may_be && !matches!(found, 3 | 5)) || (may_be && self.word(next).is_none()))
            .then_some(found)
    }

    /// A date from `ahead` on, and how many words it takes.
    fn date(&self, ahead: usize, is_led: bool) -> Option<(Written, usize)> {
        if let Some(Word::Iso(year, month, day)) = self.word(ahead) {
            let written = Written { year: Some(*year), month: Some(*month), day: Some(*day) };
            return Some((written, 1));
        }
        if let Some(year) = self.year(ahead) {
            return Some((Written { year: Some(year), ..Written::default() }, 1));
        }
        if let (Some(day), Some(month)) =
            (self.day(ahead), self.month(ahead.saturating_add(1), true))
        {
            let year = self.year(ahead.saturating_add(2));
            let length = 2 + usize::from(year.is_some());
            return Some((Written { year, month: Some(month), day: Some(day) }, length));
        }
        let month = self.month(ahead, is_led)?;
        let mut length = 1;
        let day = if self.year(ahead.saturating_add(1)).is_some() {
            None
        } else {
            self.day(ahead.saturating_add(1))
        };
        length += usize::from(day.is_some());
        let year = self.year(ahead.saturating_add(length));
        length += usize::from(year.is_some());
        Some((Written { year, month: Some(month), day }, length))
    }
}

/// Words that say "up to and including".
const UNTIL: [&str; 5] = ["by", "until", "till", "through", "to"];

impl Written {
    fn note(self, lead: Lead, when: &mut When) {
        let Self { year, month, day } = self;
        let (Some(month), Some(year_or_zero)) = (month, year.or(Some(0))) else {
            let Some(year) = year else { return };
            match lead {
                Lead::Before | Lead::By => when.lasts.push(Last::before(Some(year), 1, 1)),
                Lead::EndOf => when.lasts.push(Last::by(Some(year), 12, 31)),
                Lead::Nothing => when.years.push(year),
            }
            return;
        };
        let year = (year_or_zero > 0).then_some(year_or_zero);
        let end = day.unwrap_or_else(|| month_end(year, month));
        when.lasts.push(match lead {
            Lead::Before => Last::before(year, month, day.unwrap_or(1)),
            Lead::By | Lead::EndOf => Last::by(year, month, end),
            Lead::Nothing => Last { is_on: true, ..Last::by(year, month, end) },
        });
    }
}

/// A lead and how many words it takes.
fn lead(walk: &Walk<'_>) -> (Lead, usize) {
    let end_of = |ahead: usize| match (walk.text(ahead), walk.text(ahead + 1), walk.text(ahead + 2))
    {
        ("the", "end", "of") => 3,
        ("end", "of", _) => 2,
        _ => 0,
    };
    match walk.text(0) {
        "before" => (Lead::Before, 1),
        text if UNTIL.contains(&text) => match end_of(1) {
            0 => (Lead::By, 1),
            length => (Lead::EndOf, 1 + length),
        },
        "in" | "on" | "during" | "for" => (Lead::Nothing, 1),
        _ => match end_of(0) {
            0 => (Lead::Nothing, 0),
            length => (Lead::EndOf, length),
        },
    }
}

/// What stands before or after a number.
#[derive(Clone, Copy)]
enum Compare {
    More,
    Least,
    Less,
    Most,
    Exactly,
}

impl Compare {
    const fn span(self, micro: i128, unit: Unit) -> Span {
        match self {
            Self::More => Span::from(micro, false, unit),
            Self::Least => Span::from(micro, true, unit),
            Self::Less => Span::to(micro, false, unit),
            Self::Most => Span::to(micro, true, unit),
            Self::Exactly => Span::between(micro, micro, unit),
        }
    }
}

/// A comparison before a number, and how many words it takes.
fn compare(walk: &Walk<'_>) -> Option<(Compare, usize)> {
    Some(match (walk.text(0), walk.text(1), walk.text(2)) {
        ("no", "less" | "fewer", "than") => (Compare::Least, 3),
        ("no", "more" | "greater" | "higher", "than") => (Compare::Most, 3),
        ("more" | "greater" | "higher", "than", _) => (Compare::More, 2),
        ("less" | "fewer" | "lower", "than", _) => (Compare::Less, 2),
        ("at", "least", _) => (Compare::Least, 2),
        ("at", "most", _) | ("up", "to", _) => (Compare::Most, 2),
        ("over" | "above" | "exceed" | "exceeds" | "surpass" | "surpasses" | ">", ..) => {
            (Compare::More, 1)
        }
        ("below" | "under" | "<", ..) => (Compare::Less, 1),
        ("≥" | ">=", ..) => (Compare::Least, 1),
        ("≤" | "<=", ..) => (Compare::Most, 1),
        ("exactly", ..) => (Compare::Exactly, 1),
        _ => return None,
    })
}

/// "or more", "or below" after a number.
fn compare_behind(walk: &Walk<'_>, ahead: usize) -> Option<Compare> {
    match (walk.text(ahead), walk.text(ahead + 1)) {
        ("or" | "and", "more" | "above" | "higher" | "greater" | "over" | "up") => {
            Some(Compare::Least)
        }
        ("or" | "and", "less" | "below" | "lower" | "fewer" | "under") => Some(Compare::Most),
        _ => None,
    }
}

/// A number with the word that multiplies it or says its unit, and how many words it takes.
fn measured(walk: &Walk<'_>, ahead: usize) -> Option<(Number, usize)> {
    let mut number = walk.number(ahead)?;
    let mut length = 1;
    let scale: Option<i128> = match walk.text(ahead + 1) {
        "thousand" => Some(1_000),
        "million" => Some(1_000_000),
        "billion" => Some(1_000_000_000),
        "trillion" => Some(1_000_000_000_000),
        _ => None,
    };
    if let Some(micro) = scale.and_then(|scale| number.micro.checked_mul(scale)) {
        number.micro = micro;
        length += 1;
    }
    if matches!(walk.text(ahead + length), "percent" | "percentage") {
        number.unit = Unit::Percent;
        length += 1;
    } else if number.unit == Unit::Count && matches!(walk.text(ahead + length), "dollars" | "usd") {
        number.unit = Unit::Dollar;
        length += 1;
    }
    Some((number, length))
}

/// The unit that either end of a range says.
const fn joint(low: Number, high: Number) -> Unit {
    match (low.unit, high.unit) {
        (Unit::Count, other) => other,
        (known, _) => known,
    }
}

/// A demand on a number from here on, and how many words it takes.
fn span(walk: &Walk<'_>) -> Option<(Span, usize)> {
    if let Some((how, length)) = compare(walk) {
        let (number, more) = measured(walk, length)?;
        return Some((how.span(number.micro, number.unit), length + more));
    }
    if let ("between", Some(Word::Range(low, high))) = (walk.text(0), walk.word(1)) {
        return Some((Span::between(low.micro, high.micro, joint(*low, *high)), 2));
    }
    if walk.text(0) == "between" {
        let (low, first) = measured(walk, 1)?;
        if matches!(walk.text(1 + first), "and" | "to") {
            let (high, second) = measured(walk, 2 + first)?;
            return Some((
                Span::between(low.micro, high.micro, joint(low, high)),
                2 + first + second,
            ));
        }
        return None;
    }
    if let Some(Word::Range(low, high)) = walk.word(0) {
        let season = low.is_plain && low.micro > 1_990_000_000 && low.micro < 2_100_000_000;
        return (!season).then(|| (Span::between(low.micro, high.micro, joint(*low, *high)), 1));
    }
    let (number, length) = measured(walk, 0)?;
    if let Some(how) = compare_behind(walk, length) {
        return Some((how.span(number.micro, number.unit), length + 2));
    }
    if number.or_more {
        return Some((Compare::Least.span(number.micro, number.unit), length));
    }
    if walk.text(length) == "to"
        && let Some((high, more)) = measured(walk, length + 1)
        && high.micro > number.micro
    {
        let span = Span::between(number.micro, high.micro, joint(number, high));
        return Some((span, length + 1 + more));
    }
    None
}

/// The stem of a lower-case word, so that forms of one word agree.
fn stem(word: &str) -> &str {
    let cut = |ending: &str| word.strip_suffix(ending).filter(|stem| stem.len() >= 4);
    let stem = cut("ing")
        .or_else(|| cut("ed"))
        .or_else(|| cut("es"))
        .or_else(|| cut("s").filter(|stem| !stem.ends_with('s')));
    let stem = stem.unwrap_or(word);
    stem.strip_suffix('e').filter(|short| short.len() >= 4).unwrap_or(stem)
}

impl Reader {
    pub(super) fn new() -> Self {
        Self { lexicon: Lexicon::new(), dictionary: Dictionary::default() }
    }

    /// Reads one title.
    pub(super) fn read(&mut self, title: &str) -> Reading {
        let words = words(title);
        let mut walk = Walk { words: &words, at: 0 };
        let mut reading = Reading {
            is_open: matches!(walk.text(0), "who" | "which" | "what" | "how" | "when" | "where"),
            ..Reading::default()
        };
        while walk.at < words.len() {
            let taken = self.step(&walk, &mut reading);
            walk.at = walk.at.saturating_add(taken.max(1));
        }
        self.settle_direction(&mut reading);
        self.index(&mut reading);
        reading
    }

    /// Reads what stands here; returns how many words it takes.
    fn step(&mut self, walk: &Walk<'_>, reading: &mut Reading) -> usize {
        let (before, led) = lead(walk);
        if let Some((written, length)) = walk.date(led, led > 0) {
            written.note(before, &mut reading.when);
            return led + length;
        }
        if let Some((span, length)) = span(walk) {
            reading.spans.push(span);
            return length;
        }
        let first = walk.text(0);
        let found = self.lexicon.phrase(first, |ahead| walk.word(ahead).map(Word::text));
        if let Some((length, meaning)) = found {
            self.push(meaning, Class::Strong, reading);
            return length;
        }
        match walk.word(0) {
            Some(Word::Number(number)) => {
                let text = format!("#{}{}", number.micro, unit_sign(number.unit));
                self.push(&text, Class::Strong, reading);
            }
            Some(Word::Range(low, high)) => {
                // A season: its years.
                let year = |n: &Number| i32::try_from(n.micro / 1_000_000).ok();
                reading.when.years.extend([low, high].into_iter().filter_map(year));
            }
            Some(Word::Ordinal(rank)) => self.rank(*rank, walk, reading),
            Some(Word::District(code)) => self.push(code, Class::Strong, reading),
            Some(Word::Text { text, is_capital }) => self.text(text, *is_capital, walk, reading),
            Some(Word::Iso(..) | Word::Sign(_)) | None => {}
        }
        1
    }

    /// A rank: the first of what is already a superlative says nothing more.
    fn rank(&mut self, rank: u32, walk: &Walk<'_>, reading: &mut Reading) {
        let is_superlative = walk.text(1).len() > 4 && walk.text(1).ends_with("est");
        if rank == 1 && is_superlative {
            return;
        }
        let finish = [self.dictionary.id("finish"), self.dictionary.id("place")];
        if rank == 1 && reading.tokens.last().is_some_and(|last| finish.contains(&last.id)) {
            reading.tokens.pop();
            self.push("win", Class::Strong, reading);
            return;
        }
        self.push(&format!("#{rank}th"), Class::Strong, reading);
    }

    fn text(&mut self, text: &str, is_capital: bool, walk: &Walk<'_>, reading: &mut Reading) {
        if let Some(rank) = rank(text) {
            self.rank(rank, walk, reading);
            return;
        }
        if text == "next" && (1..=3).any(|ahead| walk.text(ahead).starts_with("election")) {
            return;
        }
        let stemmed = if is_capital { text } else { stem(text) };
        let meaning = self.lexicon.meaning(text).or_else(|| self.lexicon.meaning(stemmed));
        let word =
            meaning.unwrap_or(if self.lexicon.class(text).is_some() { text } else { stemmed });
        if word == "not" {
            reading.is_negated = !reading.is_negated;
            return;
        }
        let class = if is_capital && meaning.is_none() && text.len() > 1 {
            Class::Name
        } else {
            Class::Strong
        };
        if word == "beat" {
            reading.beats_at = Some(reading.tokens.len());
        }
        let is_champion = matches!(text, "champion" | "champions");
        self.push(word, if text.len() > 1 { class } else { Class::Light }, reading);
        if is_champion {
            self.push("win", Class::Strong, reading);
        }
    }

    fn push(&mut self, word: &str, class: Class, reading: &mut Reading) {
        let class = self.lexicon.class(word).unwrap_or(class);
        let id = self.dictionary.id(word);
        reading.tokens.push(Token { id, class });
    }

    /// "Up" without "down" is a direction; both are a question about either.
    fn settle_direction(&mut self, reading: &mut Reading) {
        let [up, down] = ["up", "down"].map(|word| self.dictionary.id(word));
        let says = |id: u32| reading.tokens.iter().any(|token| token.id == id);
        let is_up = match (says(up), says(down)) {
            (true, false) => true,
            (false, true) => false,
            (true, true) | (false, false) => return,
        };
        reading.is_up = Some(is_up);
        for token in &mut reading.tokens {
            if token.id == down {
                token.id = up;
            }
        }
    }

    /// Keys: words that weigh, numbers that are demanded, last days.
    fn index(&mut self, reading: &mut Reading) {
        let weighs = |token: &&Token| token.class != Class::Light;
        let mut keys: Vec<u32> =
            reading.tokens.iter().filter(weighs).map(|token| token.id).collect();
        for span in &reading.spans {
            for end in [span.low, span.high].into_iter().flatten() {
                keys.push(self.dictionary.id(&format!("#{}", end.micro / 10_000)));
            }
        }
        for last in &reading.when.lasts {
            keys.push(self.dictionary.id(&format!("#{}/{}", last.month, last.day)));
        }
        for year in &reading.when.years {
            keys.push(self.dictionary.id(&format!("#year{year}")));
        }
        keys.sort_unstable();
        keys.dedup();
        reading.keys = keys;
    }
}

const fn unit_sign(unit: Unit) -> &'static str {
    match unit {
        Unit::Count => "",
        Unit::Percent => "%",
        Unit::Dollar => "$",
    }
}

//! Scoring: what two titles that look alike have to do with each other.
//!
//! A verdict follows from what is left when everything that both say is taken away. Nothing left:
//! the same question, its opposite, or one of two strikes or dates. A word left on one side is
//! another question until a person says otherwise.

use super::dates::{Close, Fit};
use super::lexicon::{Class, SoftKind};
use super::reading::{Dictionary, Reading, Token};
use super::spans::{Lie, Span, lie};
use super::words::Unit;

/// What a nomination claims of the first market (a) and the second (b).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// YES pays with YES.
    Same,
    /// YES pays with NO.
    Inverse,
    /// Where a pays, b pays.
    Implies,
    /// Where b pays, a pays.
    Implied,
    /// At most one of the two pays.
    Exclusive,
    /// Alike, and no more is known.
    Unclear,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 6] =
        [Self::Same, Self::Inverse, Self::Implies, Self::Implied, Self::Exclusive, Self::Unclear];

    /// The name in reports and files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Same => "same",
            Self::Inverse => "inverse",
            Self::Implies => "implies",
            Self::Implied => "implied",
            Self::Exclusive => "exclusive",
            Self::Unclear => "unclear",
        }
    }

    /// Whether it says that both markets ask one question.
    #[must_use]
    pub const fn is_identity(self) -> bool {
        matches!(self, Self::Same | Self::Inverse)
    }
}

/// What had to be assumed, or differs; each is shown to the person who approves.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Remark {
    /// A word that only the first says.
    OnlyFirst(String),
    /// A word that only the second says.
    OnlySecond(String),
    /// Two spellings of one name.
    Spelling(String, String),
    /// Only one names the year.
    YearUnsaid,
    /// One has an earlier last day, or the only one.
    LastDay,
    /// They differ in whether the strike itself counts.
    Edge,
    /// They demand different numbers.
    Numbers,
    /// They are about different times.
    Times,
    /// One asks for a name, the other gives one.
    Open,
}

impl core::fmt::Display for Remark {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::OnlyFirst(word) => write!(f, "only the first says \"{word}\""),
            Self::OnlySecond(word) => write!(f, "only the second says \"{word}\""),
            Self::Spelling(a, b) => write!(f, "\"{a}\" and \"{b}\" are taken for one name"),
            Self::YearUnsaid => f.write_str("only one names the year"),
            Self::LastDay => f.write_str("the last days differ, or only one has one"),
            Self::Edge => f.write_str("at exactly the strike they may pay differently"),
            Self::Numbers => f.write_str("they demand different numbers"),
            Self::Times => f.write_str("they are about different times"),
            Self::Open => f.write_str("one asks for a name, the other gives one"),
        }
    }
}

/// The verdict on a pair.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Verdict {
    pub(super) kind: Kind,
    /// 0 to 100.
    pub(super) confidence: u32,
    pub(super) remarks: Vec<Remark>,
    /// Both say something that the other contradicts: not worth a person's time.
    pub(super) is_conflict: bool,
    /// A year or a longer name was assumed: another pair may have the better claim.
    pub(super) is_assumed: bool,
}

/// The words that only one side says, and the spellings that were forgiven.
#[derive(Debug, Default)]
struct Rest {
    first: Vec<Token>,
    second: Vec<Token>,
    spelling: Option<(u32, u32)>,
    /// One side writes a longer name: its extra word.
    longer: Option<u32>,
    shared: usize,
}

/// Words of `a` that `b` does not say, light ones aside.
fn missing(a: &Reading, b: &Reading) -> Vec<Token> {
    let says = |id: u32| b.tokens.iter().any(|token| token.id == id);
    let mut rest: Vec<Token> = Vec::new();
    for token in &a.tokens {
        let is_new = rest.iter().all(|seen| seen.id != token.id);
        if token.class != Class::Light && is_new && !says(token.id) {
            rest.push(*token);
        }
    }
    rest
}

/// Words that weigh and that both say.
fn shared(a: &Reading, b: &Reading) -> usize {
    let weighs = |token: &&Token| matches!(token.class, Class::Strong | Class::Name);
    let both = |token: &&Token| b.tokens.iter().any(|other| other.id == token.id);
    a.tokens.iter().filter(weighs).filter(both).count()
}

/// Whether two names are one letter apart: one wrong, one missing, or two neighbours swapped.
fn is_one_apart(a: &str, b: &str) -> bool {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    let (a, b) = if a.len() <= b.len() { (a, b) } else { (b, a) };
    if a.len() < 5 || b.len() - a.len() > 1 || a.first() != b.first() {
        return false;
    }
    let head = a.iter().zip(b).take_while(|(x, y)| x == y).count();
    let tail = a.iter().rev().zip(b.iter().rev()).take_while(|(x, y)| x == y).count();
    let tail = tail.min(a.len() - head);
    let (left_a, left_b) = (a.len() - head - tail, b.len() - head - tail);
    let is_swapped = left_a == 2
        && left_b == 2
        && a.get(head) == b.get(head + 1)
        && a.get(head + 1) == b.get(head);
    (left_a <= 1 && left_b <= 1) || is_swapped
}

fn is_name(token: &Token) -> bool {
    token.class == Class::Name
}

/// Forgives one spelling, when another word of a name agrees.
fn forgive_spelling(rest: &mut Rest, a: &Reading, b: &Reading, words: &Dictionary) {
    let agrees =
        |token: &&Token| is_name(token) && b.tokens.iter().any(|other| other.id == token.id);
    if a.tokens.iter().filter(agrees).count() == 0 {
        return;
    }
    let pair = rest.first.iter().filter(|token| is_name(token)).find_map(|x| {
        let near = |y: &&Token| is_name(y) && is_one_apart(words.word(x.id), words.word(y.id));
        rest.second.iter().find(near).map(|y| (x.id, y.id))
    });
    if let Some((x, y)) = pair {
        rest.first.retain(|token| token.id != x);
        rest.second.retain(|token| token.id != y);
        rest.spelling = Some((x, y));
    }
}

/// The one extra word of a longer name: a name right behind a name that both say.
fn longer_name(rest: &[Token], with: &Reading, without: &Reading) -> Option<u32> {
    let [extra] = rest else { return None };
    let says = |token: &Token| without.tokens.iter().any(|other| other.id == token.id);
    let at = with.tokens.iter().position(|token| token.id == extra.id)?;
    let previous = with.tokens.get(at.checked_sub(1)?)?;
    let opens = is_name(extra) && is_name(previous) && says(previous);
    opens.then_some(extra.id)
}

/// Takes away what both say, what says little, and what can be forgiven.
fn rest(a: &Reading, b: &Reading, words: &Dictionary) -> Rest {
    let mut rest = Rest {
        first: missing(a, b),
        second: missing(b, a),
        shared: shared(a, b),
        ..Rest::default()
    };
    forgive_spelling(&mut rest, a, b, words);
    let kinds = |tokens: &[Token]| -> Vec<SoftKind> {
        let kind = |token: &Token| match token.class {
            Class::Soft(kind) => Some(kind),
            Class::Light | Class::Strong | Class::Name => None,
        };
        tokens.iter().filter_map(kind).collect()
    };
    let (first, second) = (kinds(&rest.first), kinds(&rest.second));
    let is_free = |token: &Token| match token.class {
        Class::Soft(kind) => !(first.contains(&kind) && second.contains(&kind)),
        Class::Light | Class::Strong | Class::Name => false,
    };
    rest.first.retain(|token| !is_free(token));
    rest.second.retain(|token| !is_free(token));
    if rest.second.is_empty() {
        rest.longer = longer_name(&rest.first, a, b);
    } else if rest.first.is_empty() {
        rest.longer = longer_name(&rest.second, b, a);
    }
    rest
}

/// What the numbers of two titles make of a pair that is alike in words.
fn by_numbers(a: &[Span], b: &[Span], remarks: &mut Vec<Remark>) -> Kind {
    let kind = match (a, b) {
        ([], []) => return Kind::Same,
        ([..], []) => Kind::Implies,
        ([], [..]) => Kind::Implied,
        ([a], [b]) if a.unit != b.unit && a.unit != Unit::Count && b.unit != Unit::Count => {
            Kind::Unclear
        }
        ([a], [b]) => match lie(a, b) {
            Lie::Equal => return Kind::Same,
            Lie::Complement => return Kind::Inverse,
            Lie::EqualButEdge => {
                remarks.push(Remark::Edge);
                return Kind::Same;
            }
            Lie::ComplementButEdge => {
                remarks.push(Remark::Edge);
                return Kind::Inverse;
            }
            Lie::Inside => Kind::Implies,
            Lie::Around => Kind::Implied,
            Lie::Disjoint => Kind::Exclusive,
            Lie::Overlap => Kind::Unclear,
        },
        (a, b) if a == b => return Kind::Same,
        _ => Kind::Unclear,
    };
    remarks.push(Remark::Numbers);
    kind
}

/// What the times make of it.
fn by_time(fit: Fit, remarks: &mut Vec<Remark>) -> Kind {
    let (kind, remark) = match fit {
        Fit::Agree => return Kind::Same,
        Fit::YearUnsaid => (Kind::Same, Remark::YearUnsaid),
        Fit::FirstOnly | Fit::FirstEarlier => (Kind::Implies, Remark::LastDay),
        Fit::SecondOnly | Fit::SecondEarlier => (Kind::Implied, Remark::LastDay),
        Fit::Differ => (Kind::Unclear, Remark::Times),
    };
    remarks.push(remark);
    kind
}

/// Both at once: two implications of one direction add up, others cancel.
const fn both(numbers: Kind, time: Kind) -> Kind {
    match (numbers, time) {
        (kind, Kind::Same) | (Kind::Same, kind) => kind,
        (Kind::Implies, Kind::Implies) => Kind::Implies,
        (Kind::Implied, Kind::Implied) => Kind::Implied,
        _ => Kind::Unclear,
    }
}

/// Negation and direction turn a claim round; an implication between a claim and a turned one is
/// left to a person.
const fn turned(kind: Kind, is_turned: bool) -> Kind {
    match (kind, is_turned) {
        (kind, false) => kind,
        (Kind::Same, true) => Kind::Inverse,
        (Kind::Inverse, true) => Kind::Same,
        (_, true) => Kind::Unclear,
    }
}

/// "A beats B" and "B beats A": who stands before the word.
fn is_swapped(a: &Reading, b: &Reading) -> bool {
    let (Some(at_a), Some(at_b)) = (a.beats_at, b.beats_at) else { return false };
    let head = |reading: &Reading, at: usize| -> Vec<u32> {
        reading.tokens.iter().take(at).filter(|t| is_name(t)).map(|t| t.id).collect()
    };
    let (first, second) = (head(a, at_a), head(b, at_b));
    !first.is_empty() && !second.is_empty() && first.iter().all(|id| !second.contains(id))
}

/// What each doubt takes from the confidence.
const fn doubt(remark: &Remark) -> u32 {
    match remark {
        Remark::OnlyFirst(_) | Remark::OnlySecond(_) | Remark::Spelling(..) => 10,
        Remark::YearUnsaid | Remark::Edge => 5,
        Remark::LastDay | Remark::Numbers => 15,
        Remark::Times | Remark::Open => 30,
    }
}

/// Judges a pair of titles; closes are days on which the markets stop, where known.
pub(super) fn judge(
    (a, close_a): (&Reading, Close),
    (b, close_b): (&Reading, Close),
    words: &Dictionary,
) -> Verdict {
    let rest = rest(a, b, words);
    let mut remarks = Vec::new();
    if let Some((x, y)) = rest.spelling {
        remarks.push(Remark::Spelling(words.word(x).to_owned(), words.word(y).to_owned()));
    }
    let word = |token: &Token| words.word(token.id).to_owned();
    remarks.extend(rest.first.iter().map(|token| Remark::OnlyFirst(word(token))));
    remarks.extend(rest.second.iter().map(|token| Remark::OnlySecond(word(token))));
    let numbers = by_numbers(&a.spans, &b.spans, &mut remarks);
    let fit = a.when.fit(close_a, &b.when, close_b);
    let time = by_time(fit, &mut remarks);
    if a.is_open != b.is_open {
        remarks.push(Remark::Open);
    }
    let is_turned = (a.is_negated != b.is_negated)
        != matches!((a.is_up, b.is_up), (Some(up_a), Some(up_b)) if up_a != up_b);
    let is_alike = rest.first.is_empty() && rest.second.is_empty() && rest.shared > 0;
    let is_longer = rest.longer.is_some() && rest.shared > 2;
    let half_up = a.is_up.is_some() != b.is_up.is_some();
    let kind = if !(is_alike || is_longer) || a.is_open != b.is_open || half_up {
        Kind::Unclear
    } else if is_swapped(a, b) {
        Kind::Exclusive
    } else {
        turned(both(numbers, time), is_turned)
    };
    let is_conflict = kind == Kind::Unclear
        && (time == Kind::Unclear || (!rest.first.is_empty() && !rest.second.is_empty()));
    let doubts = remarks.iter().map(doubt).fold(0_u32, u32::saturating_add);
    let top: u32 = if kind == Kind::Unclear { 60 } else { 98 };
    Verdict {
        kind,
        confidence: top.saturating_sub(doubts).max(1),
        is_assumed: rest.longer.is_some() || fit == Fit::YearUnsaid,
        is_conflict,
        remarks,
    }
}

//! `dutchbook eval FILE`: prices a file of cases, exactly.
//!
//! A case names venues (fees, lots, minimums), instruments (payoffs per state, levels), a basket of
//! legs and the parameters of the decision. What the file expects, or says in titles, is never
//! read. A file that cannot be read, or a case that is malformed, is one clear line; an answer of
//! "no" is an answer.

mod case;
mod open;
mod text;

use std::io::Read as _;
use std::path::{Path, PathBuf};

use dutchbook_book::{Exact, Side};
use dutchbook_core::eval::sweep::{Refusal, Scratch, SizedLeg, Sizing, Terms, sweep, top_edge};
use serde_json::{Value, json};

pub use case::fields::Problem;
use case::{Case, LegOf};
use open::Open;

/// The largest case file that is read.
const FILE_BYTES_MAX: u64 = 256 * 1024 * 1024;

/// The format of case files that is known.
const FORMAT: u64 = 1;

/// Why a file could not be priced.
#[derive(Debug, thiserror::Error)]
pub enum EvalError {
    /// It cannot be read at all.
    #[error("{}: cannot be read ({source}); check the path", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// It has no content.
    #[error("{}: the file is empty; expected cases as JSON", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// It is larger than any case file.
    #[error("{}: {bytes} bytes are more than a case file may have ({FILE_BYTES_MAX}); split it", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Its size.
        bytes: u64,
    },
    /// It ends in the middle.
    #[error("{}: the file is truncated (line {line}); fetch it again", path.display())]
    Truncated {
        /// The file.
        path: PathBuf,
        /// Where it ends.
        line: usize,
    },
    /// It is no JSON.
    #[error("{}: no valid JSON at line {line}, column {column}; expected a case file", path.display())]
    Json {
        /// The file.
        path: PathBuf,
        /// Where it stops being JSON.
        line: usize,
        /// And at which column.
        column: usize,
    },
    /// It is JSON of another shape.
    #[error("{}: {found}; expected {{\"format\": 1, \"cases\": [...]}} or a list of cases", path.display())]
    Shape {
        /// The file.
        path: PathBuf,
        /// What was found.
        found: &'static str,
    },
    /// A case cannot be priced as written.
    #[error("{}: case {id}: {problem}", path.display())]
    Case {
        /// The file.
        path: PathBuf,
        /// The case's id, or its place in the file.
        id: String,
        /// What is wrong, and where.
        problem: Problem,
    },
}

/// One order of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PricedLeg {
    /// Its instrument's name.
    pub instrument: String,
    /// What is done.
    pub side: Side,
    /// The numbers.
    pub sized: SizedLeg,
    /// Contracts of the leg, unrounded: size × ratio, or what is ordered for a fee in contracts.
    pub qty: Exact,
}

/// The numbers of a case that is an opportunity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Priced {
    /// Baskets.
    pub size: String,
    /// One per (instrument, action), in the order of the basket.
    pub legs: Vec<PricedLeg>,
    /// Payoff less notionals.
    pub gross: Exact,
    /// All fees.
    pub fees: Exact,
    /// What is earned.
    pub net: Exact,
    /// What leaves the balances.
    pub cash_paid: Exact,
}

/// The answer to one case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The case's id.
    pub id: String,
    /// The case's kind, as the file says it.
    pub kind: String,
    /// The guaranteed payoff of a basket, in dollars; absent where nothing is guaranteed.
    pub floor: Option<Exact>,
    /// The edge of the first basket, in 1e-20 $; absent where a leg has no level.
    pub top_edge: Option<i128>,
    /// The orders, or why there are none.
    pub outcome: Result<Priced, String>,
}

/// Prices every case of a file, in its order, as the JSON array that the command prints.
///
/// # Errors
/// When the file cannot be read, or a case is malformed.
pub fn run(path: &Path) -> Result<Value, EvalError> {
    Ok(to_json(&evaluate(path)?))
}

/// Finds the best basket of every case of a file by itself, as the JSON array that the command
/// prints.
///
/// # Errors
/// When the file cannot be read, or a case is malformed.
pub fn search(path: &Path) -> Result<Value, EvalError> {
    Ok(to_json(&answers(path, |case| Ok(Open::parse(case)?.answer()))?))
}

/// Prices every case of a file, in its order.
///
/// # Errors
/// When the file cannot be read, or a case is malformed.
pub fn evaluate(path: &Path) -> Result<Vec<Answer>, EvalError> {
    let mut scratch = Scratch::default();
    answers(path, |case| Ok(answer(&Case::parse(case)?, &mut scratch)))
}

/// Answers every case of a file, in its order.
fn answers(
    path: &Path,
    mut answer: impl FnMut(&Value) -> Result<Answer, Problem>,
) -> Result<Vec<Answer>, EvalError> {
    let value = read(path)?;
    let shape = |found| EvalError::Shape { path: path.to_path_buf(), found };
    let cases = match &value {
        Value::Array(cases) => cases,
        Value::Object(file) if file.get("format").is_some_and(|format| *format != FORMAT) => {
            return Err(shape("the `format` is not known"));
        }
        Value::Object(file) => match file.get("cases") {
            Some(Value::Array(cases)) => cases,
            Some(_) => return Err(shape("`cases` is no list")),
            None => return Err(shape("there is no `cases`")),
        },
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            return Err(shape("the file holds a single value"));
        }
    };
    let name = |(index, case): (usize, &Value), problem| EvalError::Case {
        path: path.to_path_buf(),
        id: case::name_of(case, index),
        problem,
    };
    let each = |(index, case): (usize, &Value)| {
        answer(case).map_err(|problem| name((index, case), problem))
    };
    cases.iter().enumerate().map(each).collect()
}

fn read(path: &Path) -> Result<Value, EvalError> {
    let unreadable = |source| EvalError::Read { path: path.to_path_buf(), source };
    let bytes = std::fs::metadata(path).map_err(unreadable)?.len();
    if bytes > FILE_BYTES_MAX {
        return Err(EvalError::TooLarge { path: path.to_path_buf(), bytes });
    }
    // A pipe or a device has no size: the bound holds while reading, too.
    let mut content = Vec::new();
    let mut file = std::fs::File::open(path).map_err(unreadable)?.take(FILE_BYTES_MAX + 1);
    let bytes = file.read_to_end(&mut content).map_err(unreadable)?;
    let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
    if bytes > FILE_BYTES_MAX {
        return Err(EvalError::TooLarge { path: path.to_path_buf(), bytes });
    }
    // Some editors put a byte order mark first.
    let content = content.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&content);
    if content.iter().all(u8::is_ascii_whitespace) {
        return Err(EvalError::Empty { path: path.to_path_buf() });
    }
    serde_json::from_slice(content).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        if error.is_eof() {
            EvalError::Truncated { path: path.to_path_buf(), line }
        } else {
            EvalError::Json { path: path.to_path_buf(), line, column }
        }
    })
}

/// Prices one case.
fn answer(case: &Case, scratch: &mut Scratch) -> Answer {
    let books = case.books();
    let top_edge = case.terms.as_ref().and_then(|terms| top_edge(&books, terms));
    let outcome = match (&case.closed, &case.terms) {
        (Some(reason), _) => Err(reason.clone()),
        (None, None) => Err(text::NO_FLOOR.to_owned()),
        (None, Some(terms)) => match sweep(&books, terms, scratch) {
            Ok(sizing) => Ok(Priced {
                size: sizing.size.to_string(),
                legs: case
                    .legs
                    .iter()
                    .zip(sizing.legs)
                    .map(|(leg, sized)| priced_leg(leg, sized, sizing.size))
                    .collect(),
                gross: gross(case, terms, &sizing),
                fees: sizing.fees,
                net: sizing.net,
                cash_paid: sizing.cash_paid,
            }),
            Err(refusal) => Err(reason(case, refusal)),
        },
    };
    let floor = case.floor.map(|unit| Exact::from_pico(i128::from(unit).div_euclid(100)));
    Answer { id: case.id.clone(), kind: case.kind.clone(), floor, top_edge, outcome }
}

/// Payoff less notionals, counted without the adverse ruling of a resolution.
fn gross(case: &Case, terms: &Terms, sizing: &Sizing<'_>) -> Exact {
    let adverse = case.floor.unwrap_or(terms.payoff).saturating_sub(terms.payoff);
    let product = i128::from(adverse).saturating_mul(i128::from(sizing.size.micro()));
    let adverse = Exact::from_pico(product.div_euclid(100_000_000));
    sizing.gross.checked_add(adverse).unwrap_or(sizing.gross)
}

fn priced_leg(leg: &LegOf, sized: &SizedLeg, size: dutchbook_book::Qty) -> PricedLeg {
    let exact = i128::from(size.micro()).saturating_mul(i128::from(leg.ratio_micro));
    let ordered = i128::from(sized.qty.micro()).saturating_mul(1_000_000);
    // A product finer than the engine's 1e-6 is shown as it is; a fee in contracts orders more.
    let is_plain = exact.abs_diff(ordered) < 1_000_000;
    PricedLeg {
        instrument: leg.instrument.clone(),
        side: leg.side,
        sized: *sized,
        qty: Exact::from_pico(if is_plain { exact } else { ordered }),
    }
}

fn reason(case: &Case, refusal: Refusal) -> String {
    match refusal.leg().and_then(|leg| case.legs.get(leg)) {
        Some(leg) => format!("{}: {refusal}", leg.instrument),
        None => refusal.to_string(),
    }
}

/// What a side is called in case files.
#[must_use]
pub const fn action(side: Side) -> &'static str {
    match side {
        Side::Buy => "buy",
        Side::Sell => "sell",
    }
}

/// The answers as the command prints them: decimals are text in the units of the file.
#[must_use]
pub fn to_json(answers: &[Answer]) -> Value {
    Value::Array(answers.iter().map(answer_json).collect())
}

fn answer_json(answer: &Answer) -> Value {
    match &answer.outcome {
        Ok(priced) => json!({
            "id": answer.id,
            "opportunity": true,
            "size": priced.size,
            "legs": priced.legs.iter().map(leg_json).collect::<Vec<_>>(),
            "gross_edge": priced.gross.to_string(),
            "fees": priced.fees.to_string(),
            "net_edge": priced.net.to_string(),
            "cash_paid": priced.cash_paid.to_string(),
        }),
        Err(reason) => json!({
            "id": answer.id,
            "opportunity": false,
            "reason": reason,
            "size": "0",
            "legs": [],
            "gross_edge": "0",
            "fees": "0",
            "net_edge": "0",
            "cash_paid": "0",
        }),
    }
}

fn leg_json(leg: &PricedLeg) -> Value {
    json!({
        "instrument": leg.instrument,
        "action": action(leg.side),
        "qty": leg.qty.to_string(),
        "limit_price": leg.sized.limit_price.to_string(),
        "notional": leg.sized.notional.to_string(),
        "fee": leg.sized.fee.to_string(),
    })
}

/// The printed answers for a person: a line per case, a line per order.
#[must_use]
pub fn table(answers: &Value) -> String {
    text::table(answers)
}

#[cfg(test)]
mod tests;

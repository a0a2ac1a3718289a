//! `dutchbook match`: what the command line asks of the matcher.

use std::io::{BufRead, Write};
use std::path::{Path, PathBuf};

use dutchbook_core::relation::check::faults;
use dutchbook_core::relation::file::{File, FileError};
use serde_json::{Value, json};

use super::listing::{Listing, ListingError, read};
use super::proposal::{self, oriented};
use super::review::{self, Approver, Proposed};
use super::union::Union;
use super::{List, Nomination, nominate_all};

/// The largest relations file that is read.
const FILE_BYTES_MAX: u64 = 64 << 20;

/// Why a match could not be done.
#[derive(Debug, thiserror::Error)]
pub enum MatchError {
    /// The markets cannot be read.
    #[error(transparent)]
    Listing(#[from] ListingError),
    /// The relations file cannot be read or written.
    #[error("{}: {source}; check the path", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// The relations file is too large.
    #[error("{}: more than {FILE_BYTES_MAX} bytes; split it", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
    },
    /// The relations file is none.
    #[error("{}: {source}", path.display())]
    Relations {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: FileError,
    },
    /// The terminal is gone.
    #[error("the review ended: {0}")]
    Review(std::io::Error),
}

/// The markets of two venues with their nominations.
#[derive(Debug)]
pub struct Matched {
    first: Vec<Listing>,
    second: Vec<Listing>,
    nominations: Vec<Nomination>,
    unions: Vec<Union>,
}

impl Matched {
    /// Reads two files of markets and matches them.
    ///
    /// # Errors
    /// When a file cannot be read or holds no market.
    pub fn read(
        first: &Path,
        second: &Path,
        mut progress: impl FnMut(usize, usize),
    ) -> Result<Self, MatchError> {
        let (first, second) = (read(first)?, read(second)?);
        let markets = |list: &[Listing]| list.iter().map(Listing::market).collect::<Vec<_>>();
        let (a, b) = (markets(&first), markets(&second));
        let (nominations, unions) = nominate_all(&a, &b, |done| progress(done, a.len()));
        Ok(Self { first, second, nominations, unions })
    }

    /// Nominations with their markets, the claiming side first.
    fn pairs(&self) -> impl Iterator<Item = (Nomination, &Listing, &Listing)> + '_ {
        self.nominations.iter().filter_map(|nomination| {
            let first = self.first.get(nomination.first)?;
            Some(oriented(nomination, first, self.second.get(nomination.second)?))
        })
    }

    /// Unions with their whole and their parts.
    fn unions(&self) -> impl Iterator<Item = (&Union, &Listing, Vec<&Listing>)> + '_ {
        self.unions.iter().filter_map(|union| {
            let (own, other) = match union.whole_in {
                List::First => (&self.first, &self.second),
                List::Second => (&self.second, &self.first),
            };
            let parts: Option<Vec<&Listing>> =
                union.parts.iter().map(|at| other.get(*at)).collect();
            Some((union, own.get(union.whole)?, parts?))
        })
    }

    /// Everything that a person may approve: pairs, then unions.
    fn proposed(&self) -> impl Iterator<Item = Proposed> + '_ {
        let pairs = self.pairs().filter_map(|(n, first, second)| Proposed::pair(&n, first, second));
        pairs
            .chain(self.unions().map(|(union, whole, parts)| Proposed::union(union, whole, &parts)))
    }

    /// The nominations for machines.
    #[must_use]
    pub fn json(&self) -> Value {
        let pairs = self.pairs().map(|(n, first, second)| proposal::to_json(&n, first, second));
        let union = |(union, whole, parts): (&Union, &Listing, Vec<&Listing>)| {
            proposal::union_to_json(union, whole, &parts)
        };
        pairs.chain(self.unions().map(union)).collect()
    }

    /// The nominations for a person, a line each.
    #[must_use]
    pub fn text(&self) -> String {
        let line = |(n, first, second): (Nomination, &Listing, &Listing)| {
            let (kind, confidence) = (n.kind.name(), n.confidence);
            format!("{kind:<9} {confidence:>3}  {}  |  {}", first.title, second.title)
        };
        let union = |(union, whole, parts): (&Union, &Listing, Vec<&Listing>)| {
            let parts: Vec<&str> = parts.iter().map(|part| part.title.as_str()).collect();
            format!(
                "union     {:>3}  {}  |  {}",
                union.confidence,
                whole.title,
                parts.join("  +  ")
            )
        };
        let lines: Vec<String> = self.pairs().map(line).chain(self.unions().map(union)).collect();
        let (first, second) = (self.first.len(), self.second.len());
        format!("{}\n{} nominations of {first} x {second} markets", lines.join("\n"), lines.len())
    }

    /// Adds what is nominated and not yet in the file, unapproved. Returns how many.
    pub fn propose(&self, file: &mut File) -> usize {
        let before = file.relations.len();
        let pairs = self.pairs().filter_map(|(n, a, b)| proposal::entry(&n, a, b));
        let unions =
            self.unions().map(|(union, whole, parts)| proposal::union_entry(union, whole, &parts));
        for entry in pairs.chain(unions) {
            if file.relations.iter().all(|known| known.name != entry.name) {
                file.relations.push(entry);
            }
        }
        file.relations.len() - before
    }

    /// Lets a person review the nominations. Returns what became of them.
    ///
    /// # Errors
    /// When the terminal cannot be read or written.
    pub fn review(
        &self,
        approver: &Approver,
        file: &mut File,
        input: &mut impl BufRead,
        output: &mut impl Write,
    ) -> Result<review::Reviewed, MatchError> {
        review::run(self.proposed(), approver, file, input, output).map_err(MatchError::Review)
    }
}

/// Reads a relations file.
///
/// # Errors
/// When it cannot be read or is none.
pub fn load(path: &Path) -> Result<File, MatchError> {
    let unread = |source| MatchError::File { path: path.to_path_buf(), source };
    if std::fs::metadata(path).map_err(unread)?.len() > FILE_BYTES_MAX {
        return Err(MatchError::TooLarge { path: path.to_path_buf() });
    }
    let text = std::fs::read_to_string(path).map_err(unread)?;
    File::parse(&text).map_err(|source| MatchError::Relations { path: path.to_path_buf(), source })
}

/// Reads a relations file, or begins one where there is none yet.
///
/// # Errors
/// When it is there and cannot be read or is none.
pub fn load_or_begin(path: &Path) -> Result<File, MatchError> {
    if path.exists() { load(path) } else { Ok(File::default()) }
}

/// Writes a relations file beside its old one and then puts it in its place.
///
/// # Errors
/// When it cannot be written.
pub fn save(path: &Path, file: &File) -> Result<(), MatchError> {
    let relations = |source| MatchError::Relations { path: path.to_path_buf(), source };
    let unwritten = |source| MatchError::File { path: path.to_path_buf(), source };
    let text = file.to_toml().map_err(relations)?;
    let fresh = path.with_extension("toml.new");
    std::fs::write(&fresh, text).map_err(unwritten)?;
    std::fs::rename(&fresh, path).map_err(unwritten)
}

/// Checks a relations file: how many relations it has, how many are approved, what is wrong.
///
/// # Errors
/// When it cannot be read or is none.
pub fn check(path: &Path) -> Result<Value, MatchError> {
    let file = load(path)?;
    let approved = file.relations.iter().filter(|entry| entry.is_approved()).count();
    let faults: Vec<Value> = faults(&file)
        .into_iter()
        .map(|fault| json!({"relations": fault.relations, "why": fault.why}))
        .collect();
    Ok(json!({"relations": file.relations.len(), "approved": approved, "faults": faults}))
}

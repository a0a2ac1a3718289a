//! The latch of the kill switch: a file that keeps a pulled switch pulled, whatever is restarted, until
//! a person clears it.
//!
//! What lies in the state folder: `killed.json` is the latch itself; a file named `kill` of any content
//! latches as well, so that `touch` is enough; `kill-history.jsonl` keeps what was cleared, and by whom. A
//! latch that cannot be read is a latch.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::cancel::Swept;

const LATCH: &str = "killed.json";
const TOUCH: &str = "kill";
const HISTORY: &str = "kill-history.jsonl";
const ACCEPTED: &str = "accounts-accepted";

/// Why and when the switch was pulled, and what became of the open orders.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Latched {
    /// Who or what pulled it.
    pub cause: String,
    /// What a person said of it.
    #[serde(default)]
    pub reason: String,
    /// Seconds since 1970.
    pub unix_s: u64,
    /// The process that wrote this.
    pub pid: u32,
    /// What became of the orders, by venue; empty where no orders were real.
    #[serde(default)]
    pub venues: Vec<Swept>,
    /// Every further cause, in the order in which they came.
    #[serde(default)]
    pub then: Vec<Cause>,
}

/// A cause that came when the switch was pulled already.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cause {
    /// Who or what.
    pub cause: String,
    /// What is known of it.
    #[serde(default)]
    pub reason: String,
    /// Seconds since 1970.
    pub unix_s: u64,
}

/// Further causes that are kept at most: there are not as many that differ.
const THEN_MAX: usize = 64;

impl Latched {
    /// Whether every venue has confirmed that no order is open.
    #[must_use]
    pub fn is_verified(&self) -> bool {
        self.venues.iter().all(|swept| swept.is_verified)
    }

    /// In one line.
    #[must_use]
    pub fn line(&self) -> String {
        let named = |cause: &str, reason: &str| match reason {
            "" => cause.to_owned(),
            reason => format!("{cause} ({reason})"),
        };
        let first = named(&self.cause, &self.reason);
        let then = self.then.iter().map(|then| named(&then.cause, &then.reason));
        let then = then.map(|then| format!(", then by {then}"));
        let venues = self.venues.iter().map(|swept| format!("; {}", swept.line()));
        format!("pulled by {first}{}{}", then.collect::<String>(), venues.collect::<String>())
    }

    /// Takes a later word: what became of the orders, and a cause that is not known yet.
    fn follow(mut self, later: &Self) -> Self {
        self.venues.clone_from(&later.venues);
        let words = [(&later.cause, &later.reason, later.unix_s)].into_iter();
        let words = words.chain(later.then.iter().map(|one| (&one.cause, &one.reason, one.unix_s)));
        for (cause, reason, unix_s) in words {
            self.add(cause, reason, unix_s);
        }
        self
    }

    fn add(&mut self, cause: &str, reason: &str, unix_s: u64) {
        let has_room = self.then.len() < THEN_MAX;
        let known = match self.cause == cause {
            true => Some(&mut self.reason),
            false => self.then.iter_mut().find(|one| one.cause == cause).map(|one| &mut one.reason),
        };
        match known {
            // The same words with more behind them, or the first ones.
            Some(known) if reason.starts_with(known.as_str()) => reason.clone_into(known),
            None if has_room => {
                let (cause, reason) = (cause.to_owned(), reason.to_owned());
                self.then.push(Cause { cause, reason, unix_s });
            }
            Some(_) | None => {}
        }
    }
}

/// How the latch stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LatchState {
    /// Nothing holds.
    Free,
    /// It holds.
    Held(Latched),
    /// It holds, by a file named `kill` or by one that cannot be read.
    Touched,
}

/// The latch of one state folder.
#[derive(Clone, Debug)]
pub struct Latch {
    folder: PathBuf,
}

impl Latch {
    /// The latch of this folder, which is made where it is missing: for its owner alone.
    ///
    /// # Errors
    /// When the folder cannot be made.
    pub fn open(folder: &Path) -> io::Result<Self> {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        Ok(Self { folder: folder.to_owned() })
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// How it stands. What cannot be looked at holds.
    #[must_use]
    pub fn state(&self) -> LatchState {
        match fs::read_to_string(self.path(LATCH)) {
            Ok(text) => serde_json::from_str(&text).map_or(LatchState::Touched, LatchState::Held),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                match self.path(TOUCH).try_exists() {
                    Ok(false) => LatchState::Free,
                    Ok(true) | Err(_) => LatchState::Touched,
                }
            }
            Err(_unreadable) => LatchState::Touched,
        }
    }

    /// Latches, or adds to a latch what became of the orders and why else it was pulled: the first
    /// cause stays the first.
    ///
    /// # Errors
    /// When nothing could be written. A file named `kill` is tried where the disk is full.
    pub fn set(&self, latched: &Latched) -> io::Result<()> {
        let latched = match self.state() {
            LatchState::Held(first) => first.follow(latched),
            LatchState::Free | LatchState::Touched => latched.clone(),
        };
        let text = serde_json::to_string_pretty(&latched).map_err(io::Error::other)?;
        let written = self.write(&text);
        if written.is_err() {
            // An empty file needs no block.
            File::create(self.path(TOUCH))?;
        }
        written
    }

    fn write(&self, text: &str) -> io::Result<()> {
        let fresh = self.path(&format!("{LATCH}.{}", std::process::id()));
        let mut file =
            OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&fresh)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&fresh, self.path(LATCH))?;
        File::open(&self.folder)?.sync_all()
    }

    /// A person says that the next run begins with what the venues say, whatever its journal says.
    ///
    /// # Errors
    /// When it cannot be written down.
    pub fn accept_accounts(&self, by: &str) -> io::Result<()> {
        let path = self.path(ACCEPTED);
        let mut file =
            OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
        file.write_all(by.as_bytes())?;
        file.sync_all()
    }

    /// Who has accepted the venues' accounts, for one run: it is not there for the next.
    ///
    /// # Errors
    /// When it cannot be read or removed.
    pub fn take_accepted(&self) -> io::Result<Option<String>> {
        let path = self.path(ACCEPTED);
        match fs::read_to_string(&path) {
            Ok(by) => fs::remove_file(&path).map(|()| Some(by)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// A person clears it. What it said is kept in the history first.
    ///
    /// # Errors
    /// When the history or the folder cannot be written; it holds then.
    pub fn clear(&self, by: &str, unix_s: u64) -> io::Result<()> {
        let was = match self.state() {
            LatchState::Free => return Ok(()),
            LatchState::Held(latched) => latched,
            LatchState::Touched => Latched { cause: "file".to_owned(), ..Latched::default() },
        };
        let line = serde_json::json!({ "cleared_by": by, "cleared_unix_s": unix_s, "was": was });
        let history = self.path(HISTORY);
        let mut file = OpenOptions::new().append(true).create(true).mode(0o600).open(history)?;
        file.write_all(format!("{line}\n").as_bytes())?;
        file.sync_all()?;
        for name in [TOUCH, LATCH] {
            match fs::remove_file(self.path(name)) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        File::open(&self.folder)?.sync_all()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fresh(name: &str) -> (Latch, PathBuf) {
        let folder =
            std::env::temp_dir().join(format!("dutchbook-latch-{}-{name}", std::process::id()));
        (Latch::open(&folder).unwrap(), folder)
    }

    fn latched(cause: &str) -> Latched {
        Latched { cause: cause.to_owned(), unix_s: 7, pid: 8, ..Latched::default() }
    }

    #[test]
    fn the_first_cause_stays_until_somebody_clears_it() {
        let (latch, folder) = fresh("first");
        assert_eq!(latch.state(), LatchState::Free);
        latch.set(&latched("signal")).unwrap();
        let swept = Swept { venue: "kalshi".to_owned(), is_verified: true, ..Swept::default() };
        latch.set(&Latched { venues: vec![swept.clone()], ..latched("command") }).unwrap();
        let told = Latched {
            reason: "cash".to_owned(),
            venues: vec![swept.clone()],
            ..latched("command")
        };
        latch.set(&told).unwrap();
        let then = Cause { cause: "command".to_owned(), reason: "cash".to_owned(), unix_s: 7 };
        let expected = Latched { venues: vec![swept], then: vec![then], ..latched("signal") };
        assert_eq!(latch.state(), LatchState::Held(expected.clone()));
        assert!(expected.line().contains("signal, then by command (cash)"), "{}", expected.line());
        let again = Latch::open(&folder).unwrap();
        assert_eq!(again.state(), LatchState::Held(expected), "it outlives its writer");
        again.clear("A. Trader", 9).unwrap();
        assert_eq!(latch.state(), LatchState::Free);
        let history = fs::read_to_string(folder.join(HISTORY)).unwrap();
        assert!(history.contains("A. Trader") && history.contains("signal"), "{history}");
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn a_touched_file_and_a_damaged_latch_hold() {
        let (latch, folder) = fresh("touched");
        fs::write(folder.join(TOUCH), "").unwrap();
        assert_eq!(latch.state(), LatchState::Touched);
        latch.clear("A. Trader", 9).unwrap();
        assert_eq!(latch.state(), LatchState::Free);
        fs::write(folder.join(LATCH), "{\"cause\":").unwrap();
        assert_eq!(latch.state(), LatchState::Touched);
        latch.set(&latched("signal")).unwrap();
        assert_eq!(latch.state(), LatchState::Held(latched("signal")));
        fs::remove_dir_all(folder).unwrap();
    }
}

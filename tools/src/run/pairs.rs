//! Questions that two venues list alike, as a person approved them: a file of the venues' own ids.
//!
//! ```toml
//! [[pair]]
//! polymarket = "0x26d0…"   # the condition id
//! kalshi = "KXRAIN-26"     # the ticker
//! inverted = false         # true: YES there is NO here
//! ```

use std::path::{Path, PathBuf};

use dutchbook_core::discovery::Pair;
use serde::Deserialize;

/// Why pairs cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PairsError {
    /// The file cannot be read.
    #[error("cannot read the pairs {path} ({source}): check the path")]
    Read {
        /// Which file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// It is no list of pairs.
    #[error("{path} is no list of pairs: {reason}")]
    Parse {
        /// Which file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    pair: Vec<Row>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    polymarket: String,
    kalshi: String,
    #[serde(default)]
    inverted: bool,
}

/// The pairs of a file; none without one.
///
/// # Errors
/// When it cannot be read or is no list of pairs.
pub(super) fn read(path: Option<&Path>) -> Result<Vec<Pair>, PairsError> {
    let Some(path) = path else { return Ok(Vec::new()) };
    let own = || path.to_owned();
    let text =
        std::fs::read_to_string(path).map_err(|source| PairsError::Read { path: own(), source })?;
    let parse = |error: toml::de::Error| {
        let reason = error.message().split_whitespace().collect::<Vec<_>>().join(" ");
        PairsError::Parse { path: own(), reason }
    };
    let file: File = toml::from_str(&text).map_err(parse)?;
    let pair =
        |row: Row| Pair { left: row.polymarket, right: row.kalshi, is_inverted: row.inverted };
    Ok(file.pair.into_iter().map(pair).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_read_or_said_to_be_none() {
        let path = std::env::temp_dir().join(format!("pairs-{}.toml", std::process::id()));
        std::fs::write(&path, "[[pair]]\npolymarket = \"0xab\"\nkalshi = \"T\"\n").unwrap();
        let pairs = read(Some(&path)).unwrap();
        assert_eq!(pairs, [Pair { left: "0xab".into(), right: "T".into(), is_inverted: false }]);
        std::fs::write(&path, "[[pair]]\nkalshi = \"T\"\n").unwrap();
        assert!(read(Some(&path)).unwrap_err().to_string().contains("polymarket"));
        std::fs::remove_file(&path).unwrap();
        assert!(read(Some(&path)).unwrap_err().to_string().contains("check the path"));
        assert_eq!(read(None).unwrap(), []);
    }
}

//! What a capture says of itself before its first byte: `manifest.json`.

use std::path::Path;

use dutchbook_book::BookId;
use dutchbook_book::catalog::Catalog;
use dutchbook_core::capture::{Connection, Role};
use dutchbook_core::discovery::text::{CatalogText, kind_of};
use dutchbook_core::relation::Relation;
use dutchbook_core::relation::text::RelationText;
use serde::{Deserialize, Serialize};

use super::error::CaptureError;

/// The file's name.
pub const FILE_NAME: &str = "manifest.json";
const FORMAT: &str = "dutchbook-capture";
const VERSION: u32 = 1;

/// A capture's manifest.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    format: String,
    version: u32,
    /// The version of the program that recorded.
    pub program: String,
    /// What was recorded: a run of the demo, configured streams, or a foreign recording.
    pub source: String,
    /// When it began, in nanoseconds since the Unix epoch.
    pub started_ns: u64,
    /// The lanes by number.
    pub lanes: Vec<LaneText>,
    /// The engine's whole configuration as TOML.
    pub config: Option<String>,
    /// What was listed.
    pub catalog: Option<CatalogText>,
    /// What was watched.
    #[serde(default)]
    pub relations: Vec<RelationText>,
    /// How orders were sent to venues; absent for a run on paper.
    #[serde(default)]
    pub live: Option<LiveText>,
}

/// What a replay has to know of orders that went to venues.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LiveText {
    /// How much worse than the worst level walked a limit could be, in 1e-6.
    pub allowance_micro: u32,
}

/// One lane.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, tag = "role", rename_all = "snake_case")]
pub enum LaneText {
    /// The engine's inputs in its order.
    Engine,
    /// What a feed tile was given.
    Feed {
        /// Its connections by number.
        connections: Vec<ConnectionText>,
    },
    /// Frames of a foreign recording.
    Frames {
        /// Replay's name of its format.
        format: String,
        /// The file's name.
        file: String,
        /// Who sent what came on each connection; the first is the venue.
        sources: Vec<String>,
    },
}

/// One connection of a feed tile.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConnectionText {
    /// The venue's name.
    pub venue: String,
    /// Where it went.
    pub url: String,
    /// Its books.
    pub books: Vec<u32>,
}

impl Manifest {
    /// The manifest of lanes that begin now.
    #[must_use]
    pub fn new(source: &str, started_ns: u64, lanes: Vec<LaneText>) -> Self {
        Self {
            format: FORMAT.to_owned(),
            version: VERSION,
            program: env!("CARGO_PKG_VERSION").to_owned(),
            source: source.to_owned(),
            started_ns,
            lanes,
            config: None,
            catalog: None,
            relations: Vec::new(),
            live: None,
        }
    }

    /// The same of a run whose orders went to venues.
    #[must_use]
    pub const fn trading_live(mut self, live: Option<LiveText>) -> Self {
        self.live = live;
        self
    }

    /// The same with everything that the engine was built of.
    #[must_use]
    pub fn with_engine(mut self, config: &str, catalog: &Catalog, relations: &[Relation]) -> Self {
        self.config = Some(config.to_owned());
        self.catalog = Some(CatalogText::of(catalog));
        self.relations = relations.iter().map(RelationText::of).collect();
        self
    }

    /// Writes the manifest into a capture's folder, whole or not at all.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn write(&self, folder: &Path) -> Result<(), CaptureError> {
        let text = serde_json::to_vec_pretty(self)
            .map_err(|error| CaptureError::Manifest(error.to_string()))?;
        let unfinished = folder.join("manifest.json.part");
        std::fs::write(&unfinished, text)?;
        std::fs::rename(unfinished, folder.join(FILE_NAME))?;
        Ok(())
    }

    /// Reads the manifest of a folder.
    ///
    /// # Errors
    /// When there is none, or it is of another layout.
    pub fn read(folder: &Path) -> Result<Self, CaptureError> {
        let bytes = std::fs::read(folder.join(FILE_NAME)).map_err(|error| {
            if error.kind() == std::io::ErrorKind::NotFound {
                CaptureError::NoManifest
            } else {
                CaptureError::Io(error)
            }
        })?;
        let manifest: Self = serde_json::from_slice(&bytes)
            .map_err(|error| CaptureError::Manifest(error.to_string()))?;
        if manifest.format != FORMAT || manifest.version != VERSION {
            let found = format!("{} version {}", manifest.format, manifest.version);
            return Err(CaptureError::Manifest(format!("{found}, expected {FORMAT} {VERSION}")));
        }
        Ok(manifest)
    }
}

impl LaneText {
    /// The text of a lane's role.
    #[must_use]
    pub fn of(role: &Role) -> Self {
        match role {
            Role::Engine => Self::Engine,
            Role::Feed(connections) => {
                Self::Feed { connections: connections.iter().map(ConnectionText::of).collect() }
            }
        }
    }

    /// What it is called in reports.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Self::Engine => "engine".to_owned(),
            Self::Feed { connections } => {
                let venues: Vec<&str> = connections.iter().map(|one| one.venue.as_str()).collect();
                format!("feed of {}", venues.join(" and "))
            }
            Self::Frames { file, format, .. } => format!("frames of {file} ({format})"),
        }
    }
}

impl ConnectionText {
    fn of(connection: &Connection) -> Self {
        Self {
            venue: connection.kind.name().to_owned(),
            url: connection.url.clone(),
            books: connection.books.iter().map(|book| book.0).collect(),
        }
    }

    /// The connection of the text.
    ///
    /// # Errors
    /// When its venue is unknown.
    pub fn connection(&self) -> Result<Connection, CaptureError> {
        let kind = kind_of(&self.venue)
            .ok_or_else(|| CaptureError::Manifest(format!("unknown venue {}", self.venue)))?;
        let books = self.books.iter().map(|book| BookId(*book)).collect();
        Ok(Connection { kind, url: self.url.clone(), books })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::relations::approved;
    use crate::relations::Relations;
    use crate::sim::scenario::Scenario;
    use dutchbook_book::Nanos;
    use dutchbook_book::catalog::Terms;
    use dutchbook_core::relation::structural;

    fn through_text<T: Serialize + serde::de::DeserializeOwned>(value: &T) -> T {
        serde_json::from_str(&serde_json::to_string(value).unwrap()).unwrap()
    }

    #[test]
    fn a_catalog_comes_back_whole() {
        let mut scenario = Scenario::demo(3, Nanos::from_secs(10)).unwrap();
        scenario.catalog.terms = vec![Terms::default(); scenario.catalog.listings.len()];
        let text = through_text(&CatalogText::of(&scenario.catalog));
        let catalog = text.catalog().unwrap();
        assert_eq!(format!("{catalog:?}"), format!("{:?}", scenario.catalog));
        let approved = approved(&scenario, &catalog);
        let relations = Relations::of(approved, structural(&catalog), &catalog);
        assert_eq!(relations.register.counts()[0], relations.file.relations.len());
        for relation in &relations.list {
            let back = through_text(&RelationText::of(relation)).relation(catalog.listings.len());
            assert_eq!(back.as_ref(), Ok(relation));
        }
    }

    #[test]
    fn what_names_nothing_is_refused() {
        let text =
            r#"{"venues":["nowhere"],"events":[],"conditions":[],"listings":[],"inverted":[]}"#;
        let text: CatalogText = serde_json::from_str(text).unwrap();
        assert!(text.catalog().unwrap_err().contains("nowhere"));
    }
}

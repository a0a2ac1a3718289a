//! The relations that an engine gets: what the venues' metadata state, and what a person has approved,
//! with a word on each relation of the file.

use std::path::PathBuf;

use dutchbook_book::catalog::Catalog;
use dutchbook_core::clock::Clock;
use dutchbook_core::compiler::{self, Compiler, Counts};
use dutchbook_core::config::Config;
use dutchbook_core::relation::Relation;
use dutchbook_core::relation::file::File;
use dutchbook_core::relation::mixed;
use dutchbook_core::relation::register::{Register, Row};
use dutchbook_core::relation::standing::Standing;
use dutchbook_core::topology::Running;
use serde_json::{Value, json};

use crate::matching::command::{MatchError, load};

/// Rows of the file that a report holds; all are counted.
const ROWS_MAX: usize = 1_000;

/// Everything that is compiled at the start.
#[derive(Clone, Debug, Default)]
pub struct Relations {
    /// Where the approved ones come from.
    pub path: Option<PathBuf>,
    /// Those that the venues' metadata state.
    pub structural: Vec<Relation>,
    /// What the file says.
    pub file: File,
    /// What became of those of the file.
    pub register: Register,
    /// What the engine gets: structure first, then approved, then nominated ones. A fact that is
    /// certain by several relations is traded by the first.
    pub list: Vec<Relation>,
}

impl Relations {
    /// The structural relations and those of the configured file.
    ///
    /// # Errors
    /// When the file cannot be read or is none. A relation in it that cannot be used is no error.
    pub fn load(
        config: &Config,
        structural: Vec<Relation>,
        catalog: &Catalog,
    ) -> Result<Self, MatchError> {
        let path = config.relations.file.clone();
        let file = match &path {
            None => File::default(),
            Some(path) => load(path)?,
        };
        Ok(Self { path, ..Self::of(file, structural, catalog) })
    }

    /// The structural relations and those of a file's text.
    #[must_use]
    pub fn of(file: File, structural: Vec<Relation>, catalog: &Catalog) -> Self {
        let register = Register::of(&file, catalog, &structural);
        let mut list = mixed::standing(&structural, &register.relations);
        list.sort_by_key(|relation| relation.source);
        Self { path: None, structural, file, register, list }
    }

    /// A compiler that goes on from here beside the running engine.
    ///
    /// # Errors
    /// When the system refuses a thread.
    pub fn compile(
        &self,
        config: &Config,
        catalog: &Catalog,
        running: &mut Running,
        clock: &Clock,
    ) -> std::io::Result<compiler::run::Running> {
        let compiler = Compiler::new(
            catalog.clone(),
            self.structural.clone(),
            self.file.clone(),
            &self.list,
            config.relations.clone(),
            config.evaluate,
        );
        let programs = running.programs();
        compiler::run::start(compiler, running.shelf().clone(), programs, clock.clone())
    }

    /// For machines.
    #[must_use]
    pub fn json(&self) -> Value {
        let [live, watched, disabled, refused] = self.register.counts();
        let row = |row: &Row| {
            json!({
                "name": row.name,
                "standing": word(&row.standing),
                "says": row.standing.to_string(),
                "approved": row.approved,
            })
        };
        json!({
            "structural": self.structural.len(),
            "file": self.path.as_ref().map(|path| path.display().to_string()),
            "live": live,
            "watched": watched,
            "disabled": disabled,
            "refused": refused,
            "rows": self.register.rows.iter().take(ROWS_MAX).map(row).collect::<Vec<_>>(),
        })
    }

    /// For a person: the counts, and a line for each relation that is not traded.
    #[must_use]
    pub fn text(&self) -> String {
        let [live, watched, disabled, refused] = self.register.counts();
        let mut text = format!("{} relations by structure", self.structural.len());
        let path = self.path.as_ref().map(|path| path.display().to_string());
        if path.is_some() || !self.register.rows.is_empty() {
            text.push_str(&format!(
                "; of {}: {live} traded, {watched} watched, {disabled} disabled, {refused} refused",
                path.as_deref().unwrap_or("those approved")
            ));
        }
        text.push('\n');
        let idle = self.register.rows.iter().filter(|row| row.standing != Standing::Live);
        for row in idle.take(ROWS_MAX) {
            text.push_str(&format!("  {}: {}\n", row.name, row.standing));
        }
        text
    }
}

/// What a compiler did, for machines.
#[must_use]
pub fn compiled_json(counts: &Counts) -> Value {
    json!({
        "programs": counts.programs,
        "added": counts.added,
        "withdrawn": counts.withdrawn,
        "searched": counts.searched,
        "found": counts.found,
        "unproved": counts.unproved,
        "divided": counts.divided,
    })
}

/// What a compiler did, for a person.
#[must_use]
pub fn compiled_text(counts: &Counts) -> String {
    format!(
        "compiler: {} programs, {} relations added and {} withdrawn; {} clusters searched, {} baskets \
         found, {} not proved, {} divided\n",
        counts.programs,
        counts.added,
        counts.withdrawn,
        counts.searched,
        counts.found,
        counts.unproved,
        counts.divided
    )
}

const fn word(standing: &Standing) -> &'static str {
    match standing {
        Standing::Live => "live",
        Standing::Watched => "watched",
        Standing::Disabled { .. } => "disabled",
        Standing::Refused { .. } => "refused",
    }
}

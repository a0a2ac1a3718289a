//! Asks the venues what our accounts have, on a thread beside the engine, until the engine has heard
//! enough: before a run with a journal trades, its books must be the venues' own.
//!
//! One answer is not believed: a venue's records lag behind its engine, and its cash and its positions
//! are two questions. So the thread asks again and again, and whoever listens decides.

use core::time::Duration;
use std::collections::BTreeSet;
use std::io;
use std::sync::mpsc::{self, Receiver, Sender};

use dutchbook_book::{Nanos, VenueId};

use crate::clock::Clock;
use crate::recovery::Recovered;
use crate::signed::{AccountDesk, DeskError};
use crate::statement::{Place, Statement};

/// Between two rounds of questions.
const PAUSE: Duration = Duration::from_millis(700);

/// Words for a person, at most.
const NOTES_MAX: usize = 64;

/// What the venues have said.
#[derive(Clone, Debug, Default)]
pub struct Heard {
    /// When they were asked: nothing here is older.
    pub asked: Nanos,
    /// Every venue's words.
    pub said: Vec<(VenueId, Statement)>,
}

/// Whoever waits for the venues' words.
#[derive(Debug)]
pub struct Inquiry {
    /// The words; the thread ends when this is dropped.
    pub heard: Receiver<Heard>,
    /// Every market where something may be held.
    pub places: Vec<Place>,
    /// Who has said that the venues' words hold, whatever our books say.
    pub accepted_by: Option<String>,
}

/// Marks the places that are ours by a journal: where it has positions, and where it has had orders.
#[must_use]
pub fn places(mut places: Vec<Place>, recovered: &Recovered) -> Vec<Place> {
    Place::mark_held(&mut places, &recovered.portfolio);
    let traded: BTreeSet<_> =
        recovered.orders.iter().map(|known| known.order.intent().instrument.book()).collect();
    for place in &mut places {
        place.is_ours |= traded.contains(&place.book);
    }
    places
}

/// Starts to ask. What goes wrong comes as words for a person, each once.
///
/// # Errors
/// When the system gives no thread or runtime.
pub fn start(
    desks: Vec<(VenueId, AccountDesk)>,
    places: Vec<Place>,
    clock: Clock,
) -> io::Result<(Receiver<Heard>, Receiver<String>)> {
    let (words, heard) = mpsc::channel();
    let (notes, noted) = mpsc::channel();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut work = Work { desks, places, clock, words, notes, told: BTreeSet::new() };
    let body = move || runtime.block_on(work.run());
    std::thread::Builder::new().name("inquiry".to_owned()).spawn(body)?;
    Ok((heard, noted))
}

struct Work {
    desks: Vec<(VenueId, AccountDesk)>,
    places: Vec<Place>,
    clock: Clock,
    words: Sender<Heard>,
    notes: Sender<String>,
    /// What a person was told of.
    told: BTreeSet<String>,
}

impl Work {
    async fn run(&mut self) {
        loop {
            let heard = match self.ask().await {
                Ok(heard) => heard,
                Err(error) => {
                    self.note(format!("nothing is traded until the accounts are known: {error}"));
                    // Nobody's words: whether anybody still listens is all that this asks.
                    Heard::default()
                }
            };
            if self.words.send(heard).is_err() {
                return;
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    async fn ask(&mut self) -> Result<Heard, DeskError> {
        let mut heard = Heard { asked: self.clock.now(), said: Vec::new() };
        for (venue, desk) in &mut self.desks {
            let places: Vec<_> = self.places.iter().filter(|place| place.venue == *venue).collect();
            heard.said.push((*venue, desk.statement(&places).await?));
        }
        let strange: Vec<_> =
            heard.said.iter().flat_map(|(_, said)| said.strange.iter().cloned()).collect();
        for held in strange {
            self.note(format!("held where nothing is followed, and left alone: {held}"));
        }
        Ok(heard)
    }

    fn note(&mut self, text: String) {
        if self.told.len() < NOTES_MAX && self.told.insert(text.clone()) {
            // A run that is over has nobody who wants to know.
            let _told = self.notes.send(text).is_ok();
        }
    }
}

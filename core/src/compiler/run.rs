//! The compiler's thread: news in, programs out, the file of relations read again when it changes.

use core::time::Duration;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::SystemTime;

use dutchbook_book::shelf::ShelfReader;
use dutchbook_book::{BookId, Depth, Nanos};

use super::program::Program;
use super::{Compiler, Counts, News};
use crate::clock::Clock;
use crate::journal::names::Namer;
use crate::relation::file::File;
use crate::relation::register::Register;

/// Longest pause without a look at what is due.
const STEP: Duration = Duration::from_millis(20);
/// Between two looks at the file.
const FILE_LOOK: Nanos = Nanos::from_secs(1);
/// The largest file that is read.
const FILE_BYTES_MAX: u64 = 64 << 20;
/// Reasons that are kept, of everything that goes wrong.
const TROUBLE_MAX: usize = 16;

/// The way to the evaluator.
#[derive(Debug)]
pub struct Programs {
    /// Programs go here.
    pub sender: Sender<Box<Program>>,
    /// Names markets that appear in the journal, before the evaluator may speak of them.
    pub namer: Option<Namer>,
}

/// What the thread leaves behind.
#[derive(Debug, Default)]
pub struct Ended {
    /// What was done.
    pub counts: Counts,
    /// What became of each relation of the file, at the end.
    pub register: Register,
    /// What went wrong, oldest first.
    pub trouble: Vec<String>,
}

/// The running thread.
#[derive(Debug)]
pub struct Running {
    stop: Arc<AtomicBool>,
    news: Sender<News>,
    thread: JoinHandle<Ended>,
}

/// Starts a compiler behind an evaluator.
///
/// # Errors
/// When the system refuses a thread.
pub fn start(
    compiler: Compiler,
    shelf: ShelfReader,
    programs: Programs,
    clock: Clock,
) -> io::Result<Running> {
    let (sender, news) = channel();
    let stop = Arc::new(AtomicBool::new(false));
    let mut thread = Thread {
        file: Watched::of(compiler.config.file.as_deref(), clock.now()),
        compiler,
        shelf,
        programs,
        waiting: None,
        news,
        clock,
        stop: Arc::clone(&stop),
        trouble: Vec::new(),
    };
    let body = move || {
        thread.run();
        Ended {
            counts: thread.compiler.counts(),
            register: thread.compiler.register,
            trouble: thread.trouble,
        }
    };
    let thread = std::thread::Builder::new().name("compiler".to_owned()).spawn(body)?;
    Ok(Running { stop, news: sender, thread })
}

impl Running {
    /// The way to tell it news.
    #[must_use]
    pub fn news(&self) -> Sender<News> {
        self.news.clone()
    }

    /// Stops the thread and takes what it leaves behind.
    ///
    /// # Errors
    /// When it has panicked.
    pub fn stop(self) -> io::Result<Ended> {
        // Release, so that the thread sees everything done before.
        self.stop.store(true, Ordering::Release);
        self.thread.join().map_err(|_panic| io::Error::other("the compiler panicked"))
    }
}

/// A file that is read again when its time of change is another.
struct Watched {
    path: Option<Box<Path>>,
    changed: Option<SystemTime>,
    look_at: Nanos,
}

impl Watched {
    fn of(path: Option<&Path>, now: Nanos) -> Self {
        let changed = path.and_then(changed_at);
        Self { path: path.map(Box::from), changed, look_at: now.plus(FILE_LOOK) }
    }

    /// The file, where it is another one now.
    fn look(&mut self, now: Nanos) -> Option<Result<File, String>> {
        if now < self.look_at {
            return None;
        }
        self.look_at = now.plus(FILE_LOOK);
        let path = self.path.as_deref()?;
        let changed = changed_at(path);
        if changed == self.changed {
            return None;
        }
        self.changed = changed;
        Some(read(path).map_err(|error| format!("{}: {error}", path.display())))
    }
}

fn changed_at(path: &Path) -> Option<SystemTime> {
    std::fs::metadata(path).and_then(|data| data.modified()).ok()
}

fn read(path: &Path) -> Result<File, String> {
    let said = |error: io::Error| error.to_string();
    if std::fs::metadata(path).map_err(said)?.len() > FILE_BYTES_MAX {
        return Err(format!("more than {FILE_BYTES_MAX} bytes; split it"));
    }
    let text = std::fs::read_to_string(path).map_err(said)?;
    File::parse(&text).map_err(|error| error.to_string())
}

struct Thread {
    compiler: Compiler,
    shelf: ShelfReader,
    programs: Programs,
    /// What waits until the journal has taken the names of its markets.
    waiting: Option<Program>,
    news: Receiver<News>,
    clock: Clock,
    stop: Arc<AtomicBool>,
    file: Watched,
    trouble: Vec<String>,
}

impl Thread {
    fn run(&mut self) {
        while !self.stop.load(Ordering::Acquire) {
            match self.news.recv_timeout(STEP) {
                Ok(news) => self.compiler.tell(news, self.clock.now()),
                // Whoever told us is gone; the file may still change.
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {}
            }
            let now = self.clock.now();
            match self.file.look(now) {
                Some(Ok(file)) => self.compiler.tell(News::File(file), now),
                // What stood goes on standing until the file can be read again.
                Some(Err(why)) if self.trouble.len() < TROUBLE_MAX => self.trouble.push(why),
                Some(Err(_)) | None => {}
            }
            if self.waiting.is_none() {
                let shelf = &self.shelf;
                let read = |book: BookId, depth: &mut Depth| shelf.depth(book, depth).is_ok();
                self.waiting = self.compiler.poll(now, read);
            }
            if !self.pass_on() {
                return;
            }
        }
    }

    /// Passes a program on, once the journal knows what its markets are called. False when nobody is
    /// there any more.
    fn pass_on(&mut self) -> bool {
        let Some(program) = self.waiting.take() else { return true };
        let namer = self.programs.namer.as_ref().filter(|_| !program.appeared.is_empty());
        if let Some(Err(error)) = namer.map(|namer| namer.name(self.compiler.catalog())) {
            let why = format!("a new market waits: {error}");
            if self.trouble.len() < TROUBLE_MAX && !self.trouble.contains(&why) {
                self.trouble.push(why);
            }
            self.waiting = Some(program);
            return true;
        }
        self.programs.sender.send(Box::new(program)).is_ok()
    }
}

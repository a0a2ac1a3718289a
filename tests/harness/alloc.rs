//! An allocator that counts what the calling thread asks of it while that thread is armed.
//!
//! A test binary names [`Counting`] its `#[global_allocator]`. Counting is per thread and off until
//! [`armed`] turns it on, so that the test runner's own threads disturb nothing.

use core::cell::Cell;
use std::alloc::{GlobalAlloc, Layout, System};
use std::backtrace::Backtrace;

/// The system's allocator, counted.
#[derive(Clone, Copy, Debug)]
pub struct Counting;

/// Calls of the allocator by one thread.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Calls {
    /// Blocks asked for, grown ones included.
    pub allocations: u64,
    /// Blocks given back.
    pub frees: u64,
}

thread_local! {
    // Neither needs a destructor, so neither allocates on its first use.
    static ARMED: Cell<bool> = const { Cell::new(false) };
    static CALLS: Cell<Calls> = const { Cell::new(Calls { allocations: 0, frees: 0 }) };
}

fn count(allocations: u64, frees: u64) {
    if !ARMED.get() {
        return;
    }
    let calls = CALLS.get();
    CALLS.set(Calls {
        allocations: calls.allocations.saturating_add(allocations),
        frees: calls.frees.saturating_add(frees),
    });
    // What follows may allocate itself.
    ARMED.set(false);
    if std::env::var_os("DUTCHBOOK_ALLOC_TRACE").is_some() {
        print_culprit();
    }
    ARMED.set(true);
}

#[expect(clippy::print_stderr, reason = "shows whoever debugs a failure where it comes from")]
fn print_culprit() {
    eprintln!("the allocator was called on the hot path by\n{}", Backtrace::force_capture());
}

// SAFETY: every call goes on to the system's allocator with the arguments as they came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(1, 0);
        // SAFETY: the caller's promises are those that the system's allocator wants.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(1, 0);
        // SAFETY: as above.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(1, 0);
        // SAFETY: as above.
        unsafe { System.realloc(block, layout, size) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        count(0, 1);
        // SAFETY: as above.
        unsafe { System.dealloc(block, layout) }
    }
}

/// Runs `work` and returns how often this thread called the allocator meanwhile. With
/// `DUTCHBOOK_ALLOC_TRACE` set, each call is shown with its stack.
pub fn armed(work: impl FnOnce()) -> Calls {
    let before = CALLS.get();
    ARMED.set(true);
    work();
    ARMED.set(false);
    let after = CALLS.get();
    Calls {
        allocations: after.allocations.saturating_sub(before.allocations),
        frees: after.frees.saturating_sub(before.frees),
    }
}

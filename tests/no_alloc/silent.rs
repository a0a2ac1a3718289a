//! A thread that the kernel ends at its first system call.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

const REFUSED: u32 = 1;
const DONE: u32 = 2;

/// Runs work on such a thread and fails when it is ended, or takes longer than this. False where the
/// kernel does not take the filter, so that nothing was run.
pub(crate) fn makes_no_system_call(
    time_max: Duration,
    mut work: impl FnMut() + Send + 'static,
) -> bool {
    let state = Arc::new(AtomicU32::new(0));
    let seen = Arc::clone(&state);
    // Never joined: it ends without telling the runtime, and what `work` owns is never dropped.
    std::thread::spawn(move || {
        if !forbid_system_calls() {
            state.store(REFUSED, Ordering::Release);
            return;
        }
        work();
        state.store(DONE, Ordering::Release);
        exit_thread();
    });
    let pause = Duration::from_millis(10);
    let mut waits = time_max.as_millis() / pause.as_millis();
    while seen.load(Ordering::Acquire) == 0 && waits > 0 {
        std::thread::park_timeout(pause);
        waits -= 1;
    }
    let end = seen.load(Ordering::Acquire);
    if end == REFUSED {
        println!("skipped: the kernel refuses seccomp filters");
        return false;
    }
    assert_eq!(end, DONE, "the thread was ended by a system call");
    true
}

/// Forbids the calling thread every system call but its exit; another one ends it. (The kernel's
/// ready-made strict mode would forbid the time-stamp counter, too.) Whether the kernel took it.
fn forbid_system_calls() -> bool {
    let step = |code: u32, yes, k| {
        let code = u16::try_from(code).unwrap();
        libc::sock_filter { code, jt: yes, jf: 0, k }
    };
    let exit = u32::try_from(libc::SYS_exit).unwrap();
    let mut steps = [
        step(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0), // the number of the call
        step(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, 1, exit),
        step(libc::BPF_RET | libc::BPF_K, 0, libc::SECCOMP_RET_KILL_THREAD),
        step(libc::BPF_RET | libc::BPF_K, 0, libc::SECCOMP_RET_ALLOW),
    ];
    let program = libc::sock_fprog { len: 4, filter: steps.as_mut_ptr() };
    // SAFETY: concerns the calling thread only; the flag takes no pointer.
    let is_bound = unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) } == 0;
    // SAFETY: the kernel copies the program, which lives until the call has returned.
    is_bound
        && unsafe {
            libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &raw const program)
        } == 0
}

fn exit_thread() -> ! {
    // SAFETY: ends the calling thread only. Nothing that it owns is ever looked at again, and its
    // stack and heap stay as they are.
    unsafe { libc::syscall(libc::SYS_exit, 0) };
    unreachable!("a thread that has exited does not go on")
}

/// The proof above proves something: a system call does end such a thread.
#[test]
fn a_system_call_is_noticed() {
    let (said, heard) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        if forbid_system_calls() {
            std::thread::yield_now();
            assert!(said.send("survived").is_ok());
        } else {
            println!("skipped: the kernel refuses seccomp filters");
        }
    });
    assert!(heard.recv_timeout(Duration::from_millis(500)).is_err());
}

//! Memory for secrets: no forked process sees it, no dump of a crash holds it, and where the limits
//! allow it is never written to a disk.

use std::io;
use std::sync::atomic::AtomicU64;

/// Whole pages of zeros. In a process forked from this one they are zeros again.
pub struct SecretPages {
    words: core::ptr::NonNull<AtomicU64>,
    count: usize,
    is_locked: bool,
}

// SAFETY: the pages belong to this value alone and hold atomics, which threads may share.
unsafe impl Send for SecretPages {}
// SAFETY: as above.
unsafe impl Sync for SecretPages {}

impl SecretPages {
    /// Room for `count` words.
    ///
    /// # Errors
    /// When the system gives no such memory: then nothing may be kept there.
    #[cfg(target_os = "linux")]
    pub fn new(count: usize) -> io::Result<Self> {
        let bytes = bytes_of(count)?;
        let (access, kind) =
            (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
        // SAFETY: asks for fresh pages wherever there is room; no memory of ours is touched.
        let start = unsafe { libc::mmap(core::ptr::null_mut(), bytes, access, kind, -1, 0) };
        if start == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let Some(words) = core::ptr::NonNull::new(start.cast::<AtomicU64>()) else {
            return Err(io::Error::other("the system gave pages at address zero"));
        };
        // From here on they are given back on every way out.
        let mut pages = Self { words, count, is_locked: false };
        for advice in [libc::MADV_WIPEONFORK, libc::MADV_DONTDUMP] {
            // SAFETY: `start` and `bytes` are those of the mapping above.
            if unsafe { libc::madvise(start, bytes, advice) } != 0 {
                return Err(io::Error::last_os_error());
            }
        }
        // SAFETY: as above. A limit may forbid it: worth knowing, no reason to go without.
        pages.is_locked = unsafe { libc::mlock(start, bytes) } == 0;
        Ok(pages)
    }

    /// Other systems erase nothing in a forked process.
    ///
    /// # Errors
    /// Always.
    #[cfg(not(target_os = "linux"))]
    pub fn new(_: usize) -> io::Result<Self> {
        Err(io::Error::from(io::ErrorKind::Unsupported))
    }

    /// Whether they are kept out of swap space.
    #[must_use]
    pub const fn is_locked(&self) -> bool {
        self.is_locked
    }
}

#[cfg(target_os = "linux")]
fn bytes_of(count: usize) -> io::Result<usize> {
    let bytes = count.checked_mul(size_of::<AtomicU64>()).filter(|bytes| *bytes > 0);
    bytes.ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))
}

impl AsRef<[AtomicU64]> for SecretPages {
    fn as_ref(&self) -> &[AtomicU64] {
        // SAFETY: the mapping holds `count` words, zeroed by the system, aligned to a page, and
        // lives as long as this value; an atomic may hold any bits.
        unsafe { core::slice::from_raw_parts(self.words.as_ptr(), self.count) }
    }
}

impl Drop for SecretPages {
    fn drop(&mut self) {
        for word in self.as_ref() {
            word.store(0, std::sync::atomic::Ordering::Relaxed);
        }
        #[cfg(target_os = "linux")]
        {
            let bytes = self.count.saturating_mul(size_of::<AtomicU64>());
            // SAFETY: the mapping is this value's own and nobody can look at it any more.
            let unmapped = unsafe { libc::munmap(self.words.as_ptr().cast(), bytes) };
            debug_assert_eq!(unmapped, 0, "the mapping was ours");
        }
    }
}

impl core::fmt::Debug for SecretPages {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "SecretPages({} words, hidden)", self.count)
    }
}

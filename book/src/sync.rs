//! Atomics, fences and the spin hint: from the core library, or from loom when it model-checks.
//!
//! Every lock-free file of this crate takes them from here and from nowhere else, so that one
//! `--cfg loom` puts the shipped code itself, not a copy of it, under the model checker.

#[cfg(not(loom))]
pub(crate) use core::{
    hint::spin_loop,
    sync::atomic::{AtomicBool, AtomicU64, Ordering, fence},
};

#[cfg(loom)]
pub(crate) use loom::{
    hint::spin_loop,
    sync::atomic::{AtomicBool, AtomicU64, Ordering, fence},
};

/// Runs a model under loom with bounded pre-emption: enough for every two-party mistake here, and
/// small enough to finish.
#[cfg(loom)]
#[cfg(test)]
pub(crate) fn model(preemptions_max: usize, body: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(preemptions_max);
    builder.check(body);
}

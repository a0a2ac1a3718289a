//! Which of an oracle's requests counts: a question is asked anew after its first dispute, and the request
//! before goes on to its own vote, which decides nothing.

use std::collections::BTreeMap;

use dutchbook_feeds::chain::{ChainLog, Event, Word};

/// The latest request of a question.
#[derive(Clone, Copy, Debug)]
struct Request {
    /// When it was asked, in seconds since the epoch.
    asked: u64,
    /// Whether its question was asked anew since.
    is_over: bool,
}

/// The requests that were heard of, by the condition that waits for them.
#[derive(Debug, Default)]
pub(super) struct Requests {
    of: BTreeMap<Word, Request>,
}

impl Requests {
    /// Whether what a log says is of the request that its adapter waits for. A settlement counts only
    /// where a proposal or a dispute of the same request came before: of a request that was never heard
    /// of nobody knows whether it was asked anew, and the adapter's own answer follows.
    pub(super) fn count(&mut self, log: &ChainLog) -> bool {
        let known = self.of.get_mut(&log.condition);
        let Some(asked) = log.asked else {
            if let (Event::Reset, Some(request)) = (log.event, known) {
                request.is_over = true;
            }
            return true;
        };
        let is_old = known.as_ref().is_some_and(|request| {
            asked < request.asked || (asked == request.asked && request.is_over)
        });
        match (log.event, known) {
            _ if is_old => false,
            (Event::Settled(_) | Event::Reset, known) => {
                known.is_some_and(|request| request.asked == asked)
            }
            (Event::Proposed { .. } | Event::Doubted, Some(request)) => {
                *request = Request { asked, is_over: false };
                true
            }
            (Event::Proposed { .. } | Event::Doubted, None) => {
                self.of.insert(log.condition, Request { asked, is_over: false });
                true
            }
            // The other contracts have no requests.
            (Event::Paid(_) | Event::Answered(_), _) => true,
        }
    }
}

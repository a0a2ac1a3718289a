//! Intents in, venue requests out; replies in, reports out.
//!
//! The life of an intent: risk allows a leg and it becomes an [`Intent`]; the executor gives it a
//! local id and keeps it as an [`Order`]; whatever the venue says comes back as a [`Report`] under
//! that id; the order's state machine takes each report once or names why it cannot. The one
//! executor of today is [`paper`]: it fills against the books that the engine already holds.
//! This crate reads no clock, opens nothing, and does not decide whether to trade.

mod decimal;
pub mod intent;
pub mod local_id;
pub mod order;
pub mod paper;
pub mod report;
pub mod sign;
pub mod takings;
pub mod throttle;
pub mod venue;
pub mod wire;

pub use intent::{Intent, OrderId, TradeId};
pub use order::{Order, OrderError, OrderState};
pub use paper::{PaperConfig, PaperRules, PaperVenue};
pub use report::{Closed, Fill, OrderEnd, RejectReason, Report, ReportKind};

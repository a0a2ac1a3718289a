//! The venue as a client meets it, without sockets.

mod account;
mod bad_days;
mod client;
mod hostile;
mod placing;
mod shapes;
mod sums;

use client::{Client, Ticket, start, venues};

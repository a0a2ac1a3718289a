//! Recordings of every format, composed here or read from the data folder, through `replay`.

#[cfg(test)]
#[path = "replay/bad_input.rs"]
mod bad_input;
#[cfg(test)]
#[path = "replay/composed.rs"]
mod composed;
#[cfg(test)]
#[path = "replay/frames.rs"]
mod frames;
#[cfg(test)]
#[path = "replay/recorded.rs"]
mod recorded;
#[cfg(test)]
#[path = "replay/tapes.rs"]
mod tapes;

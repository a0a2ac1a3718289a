//! tools

pub mod sim;

//! Decides and runs: the only library that knows all the others.

pub mod account;
pub mod audit;
pub mod capture;
pub mod chunk;
pub mod clock;
pub mod config;
pub mod control;
pub mod discovery;
pub mod engine;
pub mod eval;
pub mod http;
pub mod journal;
pub mod legged;
pub mod net;
pub mod opportunity;
pub mod pace;
pub mod pin;
pub mod position;
pub mod relation;
pub mod risk;
pub mod secret;
pub mod sizing;
pub mod telemetry;
pub mod tile;
pub mod tls;
pub mod topology;

//! Signature schemes: secrets in, stamps out. Nothing here knows a venue's field names.
//!
//! A secret enters through one of the constructors, lies in one place, is erased when it is dropped
//! and shows itself in no `Debug` text. Where a scheme wants randomness the caller gives it: this
//! crate reads no generator of its own, except for the salts of RSA-PSS, which the library draws.
//!
//! | scheme | for | cost on the machine of README |
//! | --- | --- | --- |
//! | [`ecdsa`] | Polymarket's orders and its first authentication | one libsecp256k1 signature |
//! | [`prepared`] | the same, with the dear part done ahead | below a microsecond |
//! | [`hmac`] | Polymarket's request stamps | below a microsecond, key state prepared once |
//! | [`api_key`] | Kalshi's request stamps, RSA-PSS or Ed25519 | Ed25519 is 28 times the cheaper |

pub mod api_key;
pub mod digest_signer;
pub mod ecdsa;
pub mod eip712;
pub mod hmac;
pub mod keystore;
pub mod prepared;

#![no_main]

#[path = "../../harness/fuzz.rs"]
#[expect(dead_code, reason = "each target runs one of the laws")]
mod laws;

libfuzzer_sys::fuzz_target!(|data: &[u8]| laws::chain(data));

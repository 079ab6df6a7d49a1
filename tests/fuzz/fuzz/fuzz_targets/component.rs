//! Components: binaries as they are, and other bytes as choices of wasm-smith.
#![no_main]

use libfuzzer_sys::fuzz_target;
use meld_fuzz::{Guided, guided};

fuzz_target!(|data: &[u8]| guided(Guided::Component, data));

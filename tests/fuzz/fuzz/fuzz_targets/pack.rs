//! Packs: the first byte says which standard pack the rest is taken for.
#![no_main]

use libfuzzer_sys::fuzz_target;
use meld_fuzz::{Guided, guided};

fuzz_target!(|data: &[u8]| guided(Guided::Pack, data));

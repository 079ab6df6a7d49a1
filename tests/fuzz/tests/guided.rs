//! What the targets of cargo-fuzz begin with.

use meld_fuzz::{Corpus, Guided, guided};
use std::sync::atomic::{AtomicUsize, Ordering};

/// All of it goes through all of meld. libFuzzer ends the process at a panic, so it is to hear of none
/// that becomes an error; wit-parser has one of these for some seed.
#[test]
fn seeds_are_fed_in_peace() {
    static HEARD: AtomicUsize = AtomicUsize::new(0);
    std::panic::set_hook(Box::new(|panic| {
        eprintln!("{panic}");
        HEARD.fetch_add(1, Ordering::Relaxed);
    }));
    let corpus = Corpus::read().unwrap();
    for (kind, name) in Guided::ALL {
        let seeds = kind.seeds(&corpus);
        assert!(!seeds.is_empty(), "{name}");
        for seed in seeds {
            assert!(kind.subject(&corpus, &seed).is_some(), "{name}");
            guided(kind, &seed);
        }
    }
    // Of bytes that are no binary, wasm-smith makes one.
    for kind in [Guided::Component, Guided::Module] {
        assert!(kind.subject(&corpus, &[1; 200]).is_some(), "{kind:?}");
        guided(kind, &[1; 200]);
    }
    assert_eq!(HEARD.load(Ordering::Relaxed), 0);
}

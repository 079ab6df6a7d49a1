//! A bounded number of broken and random inputs of each kind: no panic, no internal error, no
//! output that is not valid. `MELD_FUZZ=n` runs n times as many; the command `meld-fuzz` runs
//! as many as one likes and keeps what it finds.

use meld_fuzz::{Corpus, Target, Verdict, run, subject};
use rayon::prelude::*;

const SEED: u64 = 1;

/// Tries inputs; so many of them must be fused, or only errors are tested.
fn check(target: Target, count: u64, fused: usize) {
    let times = std::env::var("MELD_FUZZ").ok().and_then(|times| times.parse().ok());
    let count = count * times.unwrap_or(1u64);
    let corpus = Corpus::read().unwrap();
    let verdicts: Vec<_> = (0..count)
        .into_par_iter()
        .filter_map(|number| {
            let subject = subject(&corpus, target, SEED, number)?;
            Some((number, run(&corpus, &subject)))
        })
        .collect();
    let wrong: Vec<String> = verdicts
        .iter()
        .filter_map(|(number, verdict)| match verdict {
            Verdict::Wrong(why) => Some(format!("{target:?}, number {number}: {why}")),
            _ => None,
        })
        .collect();
    let good = verdicts.iter().filter(|(_, v)| matches!(v, Verdict::Fused(_))).count();
    println!("{target:?}: {count} tried, {} of them inputs, {good} fused", verdicts.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(good >= fused, "only {good} were fused");
}

#[test]
fn components_with_bytes_changed() {
    check(Target::Bytes, 3500, 300);
}

#[test]
fn components_with_forms_changed() {
    check(Target::Forms, 4000, 300);
}

#[test]
fn random_components() {
    check(Target::Smith, 1500, 500);
}

#[test]
fn random_modules() {
    check(Target::Modules, 1000, 200);
}

#[test]
fn packs_with_words_changed() {
    check(Target::Packs, 200, 10);
}

#[test]
fn inputs_come_again() {
    let corpus = Corpus::read().unwrap();
    for target in Target::ALL {
        for number in 0..20 {
            let one = subject(&corpus, target, SEED, number);
            assert_eq!(one, subject(&corpus, target, SEED, number), "{target:?} {number}");
        }
    }
}

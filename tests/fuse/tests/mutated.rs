//! Compositions with forms changed, moved or exchanged: most are refused or invalid, but what
//! still fuses must do the same fused as unfused, however odd it is.
//!
//! `MELD_FUZZ=n` tries n times as many, `MELD_SEED=n` others than usual.

use meld_fuzz::{Corpus, Subject, Target, subject};
use meld_verify::{Options, compare};
use rayon::prelude::*;

const COUNT: u64 = 1000;

/// What differs, if the input fuses and something does; whether it fused.
fn run(bytes: &[u8]) -> (bool, Option<String>) {
    let Ok(fused) = meld::Fuser::new().input("a", bytes.to_vec()).fuse() else {
        return (false, None);
    };
    let options = Options { calls_per_export: 4, fuel: 10_000_000, ..Options::default() };
    match compare(bytes, &fused.bytes, &options) {
        Ok(report) if !report.different() => (true, None),
        Ok(report) => (true, Some(report.to_string())),
        // What the engine cannot run unfused cannot be compared.
        Err(error) if error.to_string().contains("original") => (true, None),
        Err(error) => (true, Some(error.to_string())),
    }
}

#[test]
fn mutated_compositions_do_the_same() {
    let variable = |name| std::env::var(name).ok().and_then(|value| value.parse::<u64>().ok());
    let seed = variable("MELD_SEED").unwrap_or(1);
    let count = COUNT * variable("MELD_FUZZ").unwrap_or(1);
    let corpus = Corpus::read().unwrap();
    let outcomes: Vec<(u64, bool, Option<String>)> = (0..count)
        .into_par_iter()
        .filter_map(|number| match subject(&corpus, Target::Forms, seed, number)? {
            Subject::Wasm(inputs) => {
                let (fused, wrong) = run(&inputs[0].1);
                Some((number, fused, wrong))
            }
            Subject::Pack(..) => None,
        })
        .collect();
    let fused = outcomes.iter().filter(|(_, fused, _)| *fused).count();
    let wrong: Vec<String> = outcomes
        .iter()
        .filter_map(|(number, _, wrong)| {
            Some(format!("MELD_SEED={seed}, number {number}: {}", wrong.as_ref()?))
        })
        .collect();
    println!("{count} tried, {fused} fused, {} wrong", wrong.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(fused > 50, "only {fused} were fused");
}

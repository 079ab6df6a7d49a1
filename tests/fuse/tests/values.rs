//! Random types and values between two components, unfused and fused: equal results on either
//! side, equal traps, equal calls of `realloc` and `post-return`.
//!
//! `MELD_GENERATED=n` runs n batches, `MELD_SEED=n` others than usual, and `MELD_BATCH=n` only
//! batch n and prints it. `MELD_MEMORY64=1` also makes 64-bit memories, which is
//! off because wasmtime 48 is no reference for them: it rejects adapters that it makes itself for
//! some mixed widths, and tags UTF-16 in another bit.

use meld_fuse_tests::batch::{Subject, Tally, compare};
use meld_fuse_tests::generate::{Batch, Plan, batch};
use rayon::prelude::*;
use std::collections::BTreeMap;

/// How many batches are run, and how many cases they must hold at least.
const BATCHES: u64 = 40;
const CASES: usize = 5000;

/// What values and allocators can do wrong: each must come up.
const REASONS: [&str; 13] = [
    "invalid-char",
    "invalid-discriminant",
    "invalid-utf16",
    "invalid-utf8",
    "list-out-of-bounds",
    "list-too-long",
    "pointer-out-of-bounds",
    "realloc-out-of-bounds",
    "realloc-unaligned",
    "string-out-of-bounds",
    "string-too-long",
    "unaligned-pointer",
    "unaligned-string",
];

fn run(batch: &Batch, simd: bool) -> Tally {
    let wrong = |reason: String| Tally { wrong: vec![reason], ..Tally::default() };
    let unfused = match Subject::new(batch.text.as_bytes()) {
        Ok(subject) => subject,
        Err(error) => return wrong(format!("the batch itself: {error:#}")),
    };
    let fuser = meld::Fuser::new().input("batch", batch.text.as_bytes().to_vec()).simd(simd);
    let fused = match fuser.fuse() {
        Ok(fused) => fused.bytes,
        Err(error) => return wrong(format!("refused: {error}")),
    };
    match Subject::new(&fused) {
        Ok(fused) => compare(batch, &unfused, &fused),
        Err(error) => wrong(format!("what came out: {error:#}")),
    }
}

#[test]
fn values_cross_alike() {
    let variable = |name| std::env::var(name).ok().and_then(|value| value.parse::<u64>().ok());
    let seed = variable("MELD_SEED").unwrap_or(1);
    let memory64 = variable("MELD_MEMORY64").is_some_and(|number| number > 0);
    let plan = Plan { functions: 20, rows: 8, memory64 };
    let count = variable("MELD_GENERATED").unwrap_or(BATCHES);
    let numbers = match variable("MELD_BATCH") {
        Some(number) => {
            println!("{}", batch(seed, number, plan).text);
            number..number + 1
        }
        None => 0..count,
    };
    let tallies: Vec<(u64, Tally)> = numbers
        .clone()
        .into_par_iter()
        // Half of them without vectors.
        .map(|number| (number, run(&batch(seed, number, plan), number % 2 == 0)))
        .collect();
    let (mut returned, mut trapped, mut wrong) = (0, 0, Vec::new());
    let mut traps = BTreeMap::<String, usize>::new();
    for (number, tally) in tallies {
        returned += tally.returned;
        trapped += tally.trapped;
        tally.traps.into_iter().for_each(|(name, n)| *traps.entry(name).or_default() += n);
        let label = |reason| format!("MELD_SEED={seed} MELD_BATCH={number}: {reason}");
        wrong.extend(tally.wrong.into_iter().map(label));
    }
    println!("{returned} returned, {trapped} trapped, {} wrong; traps: {traps:#?}", wrong.len());
    let shown = wrong.iter().take(20).cloned().collect::<Vec<_>>().join("\n");
    assert!(wrong.is_empty(), "{} wrong, among them\n{shown}", wrong.len());
    if numbers == (0..BATCHES) {
        // Both kinds must come up often, or little is tested.
        assert!(returned + trapped >= CASES && returned > CASES / 2 && trapped > CASES / 10);
        for reason in REASONS {
            let name = format!("meld:trap:{reason}");
            assert!(traps.contains_key(&name), "`{name}` never came up");
        }
    }
}

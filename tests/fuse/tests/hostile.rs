//! Guests with wrong, stale, foreign and huge handles, unfused, fused to a component and to a core
//! module, and in a model.
//!
//! `MELD_FUZZ=n` runs n times as many sequences, `MELD_SEED=n` others than usual.

use meld_fuse_tests::batch::Subject;
use meld_fuse_tests::hostile::{GUESTS, sequence};
use rayon::prelude::*;
use std::collections::BTreeMap;
use wit_component::ComponentEncoder;

const COUNT: u64 = 1000;

#[test]
fn handles_name_what_they_should_or_trap() {
    let variable = |name| std::env::var(name).ok().and_then(|value| value.parse::<u64>().ok());
    let seed = variable("MELD_SEED").unwrap_or(1);
    let count = COUNT * variable("MELD_FUZZ").unwrap_or(1);
    let composed = wat::parse_str(GUESTS).unwrap();
    let fuser = meld::Fuser::new().input("hostile", composed.clone());
    let core = fuser.clone().form(meld::Form::Core).fuse().unwrap().bytes;
    let again = ComponentEncoder::default().module(&core).unwrap().encode().unwrap();
    let unfused = Subject::new(&composed).unwrap();
    let fused = [("component", fuser.fuse().unwrap().bytes), ("core module", again)];
    let fused = fused.map(|(name, bytes)| (name, Subject::new(&bytes).unwrap()));
    let run = |number| (number, sequence(&unfused, &fused, seed, number));
    let ran: Vec<_> = (0..count).into_par_iter().map(run).collect();
    let mut returned = 0;
    let mut faults = BTreeMap::<_, u64>::new();
    let mut wrong = Vec::new();
    for (number, ran) in ran {
        match ran {
            Ok(ran) => {
                returned += ran.returned;
                *faults.entry(ran.fault).or_default() += 1;
            }
            Err(why) => wrong.push(format!("MELD_SEED={seed}, number {number}: {why}")),
        }
    }
    println!("{returned} operations returned, sequences ended by {faults:?}");
    assert!(wrong.is_empty(), "{} wrong, first {}", wrong.len(), wrong[0]);
    // One of each, and the sequences that came to their end.
    assert_eq!(faults.len(), 6, "{faults:?}");
}

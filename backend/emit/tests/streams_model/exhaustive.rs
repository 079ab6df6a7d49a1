//! All sequences of operations up to a length, on the smallest bridge that has everything.

use super::machine::{Modules, Setup};
use super::model::Model;
use super::support::explore::{Explored, explore};
use super::{Run, SMALL, Step, Which};

impl Run {
    /// Slots say of themselves what the model says of them.
    fn compare(&self) {
        for (handle, pipe) in &self.model.pipes {
            let slot = (handle >> 1) as usize & (self.setup.slots as usize - 1);
            assert_eq!(self.machine.word(slot, 0), *handle as u32);
            let open = u32::from(pipe.readable)
                | u32::from(pipe.writable) << 1
                | u32::from(pipe.resolved) << 2;
            assert_eq!(self.machine.word(slot, 8), open);
            if !self.setup.futures && pipe.readable {
                let fill = self.machine.word(slot, 20).wrapping_sub(self.machine.word(slot, 16));
                assert_eq!(fill as usize, pipe.bytes.len());
            }
        }
    }
}

/// Everything that can be done: on each handle that was ever minted, as either end.
fn steps(minted: &[i32], setup: Setup) -> Vec<Step> {
    let mut steps = vec![Step::Open];
    for number in 0..minted.len() {
        let [readable, writable] = [false, true].map(|flip| Which::Minted(number, flip));
        let lengths: &[u32] = if setup.futures { &[0] } else { &[0, 1, 3, 5] };
        for &length in lengths {
            for (write, handle) in [(false, &readable), (true, &writable)] {
                let (handle, buffer) = (handle.clone(), (64, length, 0));
                steps.push(Step::Transfer { write, guest: usize::from(write), handle, buffer });
            }
        }
        // The wrong end is refused in whatever state.
        for (write, handle) in [(true, &readable), (false, &writable)] {
            let (handle, buffer) = (handle.clone(), (64, 1, 0));
            steps.push(Step::Transfer { write, guest: 0, handle, buffer });
        }
        for writable_end in [false, true] {
            for handle in [&readable, &writable] {
                steps.push(Step::Drop { writable: writable_end, handle: handle.clone() });
            }
        }
    }
    steps
}

/// What a run knows beside what the machine keeps.
type Known = (Model, Vec<i32>, u32);

fn explore_run(setup: Setup, cursor: u32, depth: usize) -> Explored {
    let modules = Modules::new(setup);
    let mut run = Run::new(&modules, setup, cursor);
    run.period = setup.bytes + 1;
    let known = |run: &Run| -> Known { (run.model.clone(), run.minted.clone(), run.written) };
    let start = (known(&run), run.machine.kept.save(&mut run.machine.store));
    explore(start, depth, |(model, minted, written), state, reached| {
        for step in steps(minted, setup) {
            run.machine.kept.restore(&mut run.machine.store, state);
            (run.model, run.minted, run.written) = (model.clone(), minted.clone(), *written);
            run.step(&step);
            run.compare();
            reached(known(&run), run.machine.kept.save(&mut run.machine.store));
        }
    })
}

#[test]
fn all_short_sequences_on_two_slots_of_four_bytes() {
    // MELD_DEPTH=9 takes 25 times as long.
    let depth = std::env::var("MELD_DEPTH").map_or(7, |depth| depth.parse().unwrap());
    // Two streams, one of which begins before 2^32, and futures: what `docs/streams.md` says.
    let expected = [(28_132, 145_454), (28_132, 145_454), (697, 5_347)];
    let setups = [(false, 0), (false, u32::MAX - 2), (true, 0)];
    for ((futures, cursor), expected) in setups.into_iter().zip(expected) {
        let setup = Setup { futures, ..SMALL };
        let Explored { states, steps, .. } = explore_run(setup, cursor, depth);
        let what = if futures { "futures" } else { "streams" };
        println!(
            "{what}, cursors from {cursor}: {states} states and {steps} operations within {depth} steps"
        );
        if depth == 7 {
            assert_eq!((states, steps), expected);
        }
    }
}

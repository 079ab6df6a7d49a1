//! All sequences of operations up to a length, on the smallest bridge that has everything. A state that
//! was reached before is not gone on from again: what follows from it is known.

use super::machine::{Modules, Setup};
use super::model::Model;
use super::{Run, SMALL, Step, Which};
use std::collections::BTreeSet;
use wasmtime::{AsContextMut, Global, Val};

/// What a sequence leaves behind: all bytes of the bridge, its globals, and the model.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct State {
    bytes: Vec<u8>,
    free: i32,
    used: i32,
    model: Model,
    minted: Vec<i32>,
    written: u32,
}

fn get(global: Global, store: impl AsContextMut) -> i32 {
    global.get(store).unwrap_i32()
}

impl Run {
    fn save(&mut self) -> State {
        let size = self.setup.size() as usize;
        State {
            bytes: self.machine.bridge.data(&self.machine.store)[..size].to_vec(),
            free: get(self.machine.free, &mut self.machine.store),
            used: get(self.machine.used, &mut self.machine.store),
            model: self.model.clone(),
            minted: self.minted.clone(),
            written: self.written,
        }
    }

    fn restore(&mut self, state: &State) {
        let store = &mut self.machine.store;
        self.machine.bridge.data_mut(&mut *store)[..state.bytes.len()]
            .copy_from_slice(&state.bytes);
        self.machine.free.set(&mut *store, Val::I32(state.free)).unwrap();
        self.machine.used.set(&mut *store, Val::I32(state.used)).unwrap();
        self.model = state.model.clone();
        self.minted = state.minted.clone();
        self.written = state.written;
    }

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
fn steps(state: &State, setup: Setup) -> Vec<Step> {
    let mut steps = vec![Step::Open];
    for number in 0..state.minted.len() {
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

/// How many states there are, and how many operations were tried.
fn explore(setup: Setup, cursor: u32, depth: usize) -> (usize, usize) {
    let modules = Modules::new(setup);
    let mut run = Run::new(&modules, setup, cursor);
    run.period = setup.bytes + 1;
    let mut seen = BTreeSet::from([run.save()]);
    let mut front: Vec<State> = seen.iter().cloned().collect();
    let mut tried = 0;
    for _ in 0..depth {
        let mut next = Vec::new();
        for state in front {
            for step in steps(&state, setup) {
                run.restore(&state);
                run.step(&step);
                run.compare();
                tried += 1;
                let reached = run.save();
                if seen.insert(reached.clone()) {
                    next.push(reached);
                }
            }
        }
        front = next;
    }
    (seen.len(), tried)
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
        let (states, tried) = explore(setup, cursor, depth);
        let what = if futures { "futures" } else { "streams" };
        println!(
            "{what}, cursors from {cursor}: {states} states and {tried} operations within {depth} steps"
        );
        if depth == 7 {
            assert_eq!((states, tried), expected);
        }
    }
}

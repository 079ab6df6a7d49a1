//! All sequences of steps up to a length, on instances that can be put back into a state that they
//! were in.

use super::bits;
use std::collections::HashSet;
use std::hash::Hash;
use std::ops::Range;
use wasmtime::{Global, Memory, Ref, Store, Table, Val, ValType};

/// What makes up the state of instances.
#[derive(Default)]
pub struct Kept {
    /// Memories, and what of them is used.
    pub memories: Vec<(Memory, Vec<Range<usize>>)>,
    /// All that can be changed.
    pub globals: Vec<Global>,
    pub tables: Vec<Table>,
}

/// A state of instances. The functions in tables are as those that register them say in memory.
#[derive(Clone)]
pub struct State {
    numbers: Vec<u8>,
    functions: Vec<Ref>,
}

/// Entries of a table that are used.
const ENTRIES: usize = 8;

impl Kept {
    pub fn save<T>(&self, store: &mut Store<T>) -> State {
        let mut numbers = Vec::new();
        for (memory, used) in &self.memories {
            for range in used {
                numbers.extend(&memory.data(&*store)[range.clone()]);
            }
        }
        for global in &self.globals {
            numbers.extend(bits(&global.get(&mut *store)).to_le_bytes());
        }
        let mut functions = Vec::new();
        for table in &self.tables {
            let slots = (0..table.size(&*store)).take(ENTRIES);
            functions.extend(slots.filter_map(|slot| table.get(&mut *store, slot)));
        }
        State { numbers, functions }
    }

    pub fn restore<T>(&self, store: &mut Store<T>, state: &State) {
        let mut numbers = &state.numbers[..];
        for (memory, used) in &self.memories {
            for range in used {
                let (bytes, rest) = numbers.split_at(range.len());
                memory.data_mut(&mut *store)[range.clone()].copy_from_slice(bytes);
                numbers = rest;
            }
        }
        for global in &self.globals {
            let (bytes, rest) = numbers.split_at(8);
            let bits = i64::from_le_bytes(bytes.try_into().unwrap());
            let value = match global.ty(&*store).content() {
                ValType::I32 => Val::I32(bits as i32),
                _ => Val::I64(bits),
            };
            global.set(&mut *store, value).unwrap();
            numbers = rest;
        }
        let mut functions = state.functions.iter();
        for table in &self.tables {
            for (slot, function) in (0..table.size(&*store)).take(ENTRIES).zip(&mut functions) {
                table.set(&mut *store, slot, function.clone()).unwrap();
            }
        }
    }
}

/// What was explored.
pub struct Explored {
    /// Different states.
    pub states: usize,
    /// Steps that were tried.
    pub steps: usize,
    /// Steps from the start to the last new state.
    pub depth: usize,
    /// There are no other states.
    pub all: bool,
}

/// Goes so many steps from a model and the state of what does as the model does. `follow` tries every
/// step from such a pair, and hands on each pair that it reaches. One that was met before is not gone
/// on from: all that is kept is part of it.
pub fn explore<M: Clone + Eq + Hash>(
    start: (M, State),
    depth: usize,
    mut follow: impl FnMut(&M, &State, &mut dyn FnMut(M, State)),
) -> Explored {
    let mut seen = HashSet::from([(start.0.clone(), start.1.numbers.clone())]);
    let mut front = vec![start];
    let mut explored = Explored { states: 1, steps: 0, depth: 0, all: false };
    while explored.depth < depth && !front.is_empty() {
        let mut next = Vec::new();
        for (model, state) in front {
            follow(&model, &state, &mut |model, state| {
                explored.steps += 1;
                if seen.insert((model.clone(), state.numbers.clone())) {
                    next.push((model, state));
                }
            });
        }
        front = next;
        explored.depth += 1;
    }
    Explored { states: seen.len(), all: front.is_empty(), ..explored }
}

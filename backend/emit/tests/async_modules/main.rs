//! The modules of `rules/streams` for channels, gates, events and callbacks, each alone under wasmtime
//! against a model in Rust: by random sequences of calls, and by all sequences in small
//! configurations. `docs/async-modules.md` names the tests of each property.

#[path = "../support/mod.rs"]
mod support;

mod channels;
mod dispatch;
mod events;
mod gate;

use proptest::prelude::*;
use std::collections::{BTreeMap, HashSet};
use std::fmt::Debug;
use std::hash::Hash;
use std::ops::Range;
use support::{pack_module, trap_name};
use wasmtime::{
    Engine, Extern, Func, Global, GlobalType, Instance, Linker, Memory, Mutability, Ref, Store,
    Table, Val, ValType,
};

/// A call of an export with arguments.
type Call = (&'static str, Vec<i32>);
/// What came of it: a number, 0 where nothing is returned, or the reason for a trap.
type Outcome = Result<i64, String>;

/// What a module should do.
trait Model: Clone + Eq + Hash + Debug {
    /// The calls that are worth trying next.
    fn choices(&self) -> Vec<Call>;
    fn step(&mut self, call: &Call) -> Outcome;
    /// What has to be in memory now: which memory, where, and what.
    fn in_memory(&self) -> Vec<(usize, usize, Vec<u8>)> {
        Vec::new()
    }
    /// The callbacks that the last step called.
    fn log(&self) -> &[[i32; 4]] {
        &[]
    }
}

/// What a test's callbacks keep: which of them was called, with what.
type Log = Vec<[i32; 4]>;

/// Instances under wasmtime that can be put back into a state that they were in.
struct Machine {
    store: Store<Log>,
    linker: Linker<Log>,
    exports: BTreeMap<String, Func>,
    /// What makes up the state: memories as far as they are used, mutable globals, tables.
    memories: Vec<(Memory, Vec<Range<usize>>)>,
    globals: Vec<Global>,
    tables: Vec<Table>,
}

/// A state of a machine. The functions in tables are as those that register them say in memory.
struct State {
    numbers: Vec<u8>,
    functions: Vec<Ref>,
}

impl Machine {
    fn new() -> Machine {
        let engine = support::engine();
        let mut store = Store::new(&engine, Log::new());
        let mut linker = Linker::new(&engine);
        let traps = pack_module(&engine, "traps");
        let traps = linker.instantiate(&mut store, &traps).unwrap();
        linker.instance(&mut store, "traps", traps).unwrap();
        linker.allow_shadowing(true);
        let exports = BTreeMap::new();
        let (memories, globals, tables) = (Vec::new(), Vec::new(), Vec::new());
        Machine { store, linker, exports, memories, globals, tables }
    }

    fn engine(&self) -> Engine {
        self.store.engine().clone()
    }

    fn constant(&mut self, name: &str, value: i64) {
        let (ty, value) = match name.ends_with(".page-bits") {
            true => (ValType::I64, Val::I64(value)),
            false => (ValType::I32, Val::I32(value as i32)),
        };
        let ty = GlobalType::new(ty, Mutability::Const);
        let global = Global::new(&mut self.store, ty, value).unwrap();
        self.linker.define(&mut self.store, "", name, global).unwrap();
    }

    /// A memory of one page that modules import by this name, and what of it is used.
    fn memory(&mut self, name: &str, used: Range<usize>) -> Memory {
        let memory = support::memory(&mut self.store, meld_component::abi::PtrWidth::W32, 1);
        self.memories.push((memory, vec![used]));
        self.supply(name, memory);
        memory
    }

    fn supply(&mut self, name: &str, memory: Memory) {
        self.linker.define(&mut self.store, "", name, memory).unwrap();
        self.constant(&format!("{name}.page-bits"), 16);
    }

    /// Instantiates a module of the packs. Its functions are to be called by their names behind this
    /// prefix; of the memory that it exports these parts are used.
    fn instantiate(&mut self, module: &str, prefix: &str, used: &[Range<usize>]) -> Instance {
        let module = pack_module(&self.engine(), module);
        let instance = self.linker.instantiate(&mut self.store, &module).unwrap();
        let exports: Vec<_> = instance
            .exports(&mut self.store)
            .map(|export| (export.name().to_string(), export.into_extern()))
            .collect();
        for (name, item) in exports {
            match item {
                Extern::Func(func) => drop(self.exports.insert(format!("{prefix}{name}"), func)),
                Extern::Memory(memory) => self.memories.push((memory, used.to_vec())),
                Extern::Global(global) => self.globals.push(global),
                Extern::Table(table) => self.tables.push(table),
                _ => {}
            }
        }
        instance
    }

    fn step(&mut self, (name, args): &Call) -> Outcome {
        self.store.data_mut().clear();
        let func = self.exports[*name];
        let args: Vec<Val> = args.iter().map(|arg| Val::I32(*arg)).collect();
        let mut results = vec![Val::I32(0); func.ty(&self.store).results().len()];
        func.call(&mut self.store, &args, &mut results).map_err(|error| trap_name(&error))?;
        Ok(match results.first() {
            None => 0,
            Some(Val::I32(value)) => (*value).into(),
            Some(Val::I64(value)) => *value,
            Some(other) => panic!("{other:?}"),
        })
    }

    fn save(&mut self) -> State {
        let mut numbers = Vec::new();
        for (memory, used) in &self.memories {
            for range in used {
                numbers.extend(&memory.data(&self.store)[range.clone()]);
            }
        }
        for global in &self.globals {
            numbers.extend(support::bits(&global.get(&mut self.store)).to_le_bytes());
        }
        let mut functions = Vec::new();
        for table in &self.tables {
            let slots = (0..table.size(&self.store)).take(8);
            functions.extend(slots.filter_map(|slot| table.get(&mut self.store, slot)));
        }
        State { numbers, functions }
    }

    fn restore(&mut self, state: &State) {
        let mut numbers = &state.numbers[..];
        for (memory, used) in &self.memories {
            for range in used {
                let (bytes, rest) = numbers.split_at(range.len());
                memory.data_mut(&mut self.store)[range.clone()].copy_from_slice(bytes);
                numbers = rest;
            }
        }
        for global in &self.globals {
            let (bytes, rest) = numbers.split_at(8);
            let bits = i64::from_le_bytes(bytes.try_into().unwrap());
            let value = match global.ty(&self.store).content() {
                ValType::I32 => Val::I32(bits as i32),
                _ => Val::I64(bits),
            };
            global.set(&mut self.store, value).unwrap();
            numbers = rest;
        }
        let mut functions = state.functions.iter();
        for table in &self.tables {
            for (slot, function) in (0..table.size(&self.store)).take(8).zip(&mut functions) {
                table.set(&mut self.store, slot, function.clone()).unwrap();
            }
        }
    }

    /// Makes a call of both and compares.
    fn compare<M: Model>(&mut self, model: &mut M, call: &Call) -> Result<(), String> {
        let (found, expected) = (self.step(call), model.step(call));
        if found != expected {
            return Err(format!("{call:x?} is {found:x?}, not {expected:x?}, in {model:x?}"));
        }
        if self.store.data() != model.log() {
            return Err(format!("{call:x?} calls {:x?} in {model:x?}", self.store.data()));
        }
        for (memory, at, bytes) in model.in_memory() {
            let found = &self.memories[memory].0.data(&self.store)[at..][..bytes.len()];
            if found != bytes {
                return Err(format!("after {call:x?} {found:x?}, not {bytes:x?} in {model:x?}"));
            }
        }
        Ok(())
    }
}

/// Runs a random sequence on both. Each pick is one of the calls that the model offers.
fn agree<M: Model>(
    machine: &mut Machine,
    mut model: M,
    picks: &[u16],
) -> Result<(), TestCaseError> {
    for pick in picks {
        let mut choices = model.choices();
        let call = choices.swap_remove(usize::from(*pick) % choices.len());
        machine.compare(&mut model, &call).map_err(TestCaseError::fail)?;
    }
    Ok(())
}

/// Runs all sequences of so many calls on both. A state that was met before is not gone on from: all
/// that the module keeps is part of it.
fn explore<M: Model>(name: &str, machine: &mut Machine, model: M, depth: usize) {
    let start = machine.save();
    let mut seen = HashSet::from([(model.clone(), start.numbers.clone())]);
    let mut front = vec![(model, start)];
    let mut calls = 0;
    let mut reached = 0;
    while reached < depth && !front.is_empty() {
        let mut next = Vec::new();
        for (model, state) in front {
            for call in model.choices() {
                let mut model = model.clone();
                machine.restore(&state);
                machine.compare(&mut model, &call).unwrap_or_else(|wrong| panic!("{wrong}"));
                calls += 1;
                let state = machine.save();
                if seen.insert((model.clone(), state.numbers.clone())) {
                    next.push((model, state));
                }
            }
        }
        front = next;
        reached += 1;
    }
    let all = if front.is_empty() { ", which are all there are" } else { "" };
    println!("{name}: {} states, {calls} calls, {reached} deep{all}", seen.len());
    assert!(seen.len() > 50, "something was explored");
}

/// Sequences for [`agree`].
fn picks() -> impl Strategy<Value = Vec<u16>> {
    proptest::collection::vec(any::<u16>(), 0..200)
}

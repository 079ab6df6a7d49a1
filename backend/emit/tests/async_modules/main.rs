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
use std::collections::BTreeMap;
use std::fmt::Debug;
use std::hash::Hash;
use std::ops::Range;
use support::explore::{Explored, Kept};
use support::{pack_module, trap_name};
use wasmtime::{
    Engine, Extern, Func, Global, GlobalType, Instance, Linker, Memory, Mutability, Store, Val,
    ValType,
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
    kept: Kept,
}

impl Machine {
    fn new() -> Machine {
        Machine::under(support::engine())
    }

    fn under(engine: Engine) -> Machine {
        let mut store = Store::new(&engine, Log::new());
        let mut linker = Linker::new(&engine);
        let traps = pack_module(&engine, "traps");
        let traps = linker.instantiate(&mut store, &traps).unwrap();
        linker.instance(&mut store, "traps", traps).unwrap();
        linker.allow_shadowing(true);
        let exports = BTreeMap::new();
        Machine { store, linker, exports, kept: Kept::default() }
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
        self.kept.memories.push((memory, vec![used]));
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
                Extern::Memory(memory) => self.kept.memories.push((memory, used.to_vec())),
                Extern::Global(global)
                    if global.ty(&self.store).mutability() == Mutability::Var =>
                {
                    self.kept.globals.push(global);
                }
                Extern::Table(table) => self.kept.tables.push(table),
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
            let found = &self.kept.memories[memory].0.data(&self.store)[at..][..bytes.len()];
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

/// Runs all sequences of so many calls on both.
fn explore<M: Model>(name: &str, machine: &mut Machine, model: M, depth: usize) {
    let start = (model, machine.kept.save(&mut machine.store));
    let explored = support::explore::explore(start, depth, |model, state, reached| {
        for call in model.choices() {
            let mut model = model.clone();
            machine.kept.restore(&mut machine.store, state);
            machine.compare(&mut model, &call).unwrap_or_else(|wrong| panic!("{wrong}"));
            reached(model, machine.kept.save(&mut machine.store));
        }
    });
    let Explored { states, steps, depth, all } = explored;
    let all = if all { ", which are all there are" } else { "" };
    println!("{name}: {states} states, {steps} calls, {depth} deep{all}");
    assert!(states > 50, "something was explored");
}

/// Sequences for [`agree`].
fn picks() -> impl Strategy<Value = Vec<u16>> {
    proptest::collection::vec(any::<u16>(), 0..200)
}

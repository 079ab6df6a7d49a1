//! What the tests of emitted and written modules share.
#![allow(dead_code, reason = "each test uses its part")]

pub mod model;
pub mod random;
pub mod reference;

use std::collections::HashMap;
use wasmtime::{Caller, Config, Engine, Func, Memory, Module, Store, Val, WasmBacktrace};

/// The bits of a number.
pub fn bits(val: &Val) -> u64 {
    match val {
        Val::I32(n) => *n as u32 as u64,
        Val::I64(n) => *n as u64,
        Val::F32(n) => (*n).into(),
        Val::F64(n) => *n,
        val => panic!("{val:?}"),
    }
}

/// A module of `rules/calls` as bytes.
pub fn pack_bytes(name: &str) -> Vec<u8> {
    let path = format!("{}/../../rules/calls/{name}.wat", env!("CARGO_MANIFEST_DIR"));
    wat::parse_file(&path).unwrap_or_else(|error| panic!("{error}"))
}

/// A module of `rules/calls`.
pub fn pack_module(engine: &Engine, name: &str) -> Module {
    Module::new(engine, pack_bytes(name)).unwrap()
}

pub fn engine() -> Engine {
    let mut config = Config::new();
    config.wasm_multi_memory(true).wasm_memory64(true);
    Engine::new(&config).unwrap()
}

/// An engine and compiled pack modules.
pub struct Host {
    pub engine: Engine,
    pub traps: Module,
    pub checked_realloc: Module,
    transcoders: HashMap<String, Module>,
}

impl Host {
    pub fn new() -> Host {
        let engine = engine();
        let traps = pack_module(&engine, "traps");
        let checked_realloc = pack_module(&engine, "checked-realloc");
        let mut transcoders = HashMap::new();
        for from in ["utf8", "utf16", "latin1-utf16"] {
            for to in ["utf8", "utf16", "latin1-utf16"] {
                let name = format!("{from}-to-{to}");
                let module = pack_module(&engine, &name);
                transcoders.insert(name, module);
            }
        }
        Host { engine, traps, checked_realloc, transcoders }
    }

    pub fn transcoder(&self, name: &str) -> &Module {
        &self.transcoders[name]
    }
}

/// One call of a realloc.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Call {
    pub old: u32,
    pub old_size: u32,
    pub align: u32,
    pub size: u32,
    pub result: u32,
}

/// A realloc in the host's hands: always moves, grows the memory just as far as needed, leaves
/// odd gaps, fills what is new with junk, and remembers its calls.
#[derive(Default)]
pub struct Allocator {
    pub memory: Option<Memory>,
    pub calls: Vec<Call>,
    next: u32,
}

impl Allocator {
    pub fn new(next: u32) -> Allocator {
        Allocator { next, ..Allocator::default() }
    }

    pub fn realloc(store: &mut Store<Allocator>) -> Func {
        Func::wrap(
            store,
            |mut caller: Caller<'_, Allocator>, old: u32, old_size: u32, align: u32, size: u32| {
                let memory = caller.data().memory.unwrap();
                let result = (caller.data().next + 3).next_multiple_of(align);
                let end = result + size;
                caller.data_mut().next = end;
                let have = memory.data_size(&caller);
                if end as usize > have {
                    let pages = (end as usize - have).div_ceil(0x1_0000);
                    memory.grow(&mut caller, pages as u64).unwrap();
                }
                let data = memory.data_mut(&mut caller);
                data[result as usize..end as usize].fill(0xa5);
                let kept = old_size.min(size) as usize;
                data.copy_within(old as usize..old as usize + kept, result as usize);
                caller.data_mut().calls.push(Call { old, old_size, align, size, result });
                result
            },
        )
    }
}

/// The reason for a trap, by the function that a backtrace begins with.
pub fn trap_name(error: &wasmtime::Error) -> String {
    let frames = error.downcast_ref::<WasmBacktrace>().map(|trace| trace.frames());
    let name = frames.and_then(|frames| frames.first()?.func_name());
    match name.and_then(|name| name.strip_prefix("meld:trap:")) {
        Some(name) => name.to_string(),
        // A function of the host says why it fails.
        None => error.root_cause().to_string(),
    }
}

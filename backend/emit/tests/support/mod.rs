//! What the tests of emitted and written modules share.
#![allow(dead_code, reason = "each test uses its part")]

pub mod explore;
pub mod model;
pub mod random;
pub mod reference;

use meld_component::abi::PtrWidth;
use meld_pack::Loader;
use meld_pack::ruleset::RuleSet;
use std::collections::{BTreeSet, HashMap};
use std::path::Path;
use std::sync::OnceLock;
use wasmtime::{
    Caller, Config, Engine, Extern, Func, Global, GlobalType, Linker, Memory, MemoryTypeBuilder,
    Module, Mutability, Store, Val, ValType, WasmBacktrace,
};

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

/// The standard packs.
fn packs() -> &'static RuleSet {
    static PACKS: OnceLock<RuleSet> = OnceLock::new();
    PACKS.get_or_init(|| {
        let mut loader = Loader::new();
        let rules = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../rules");
        loader.add_path(&rules).unwrap_or_else(|error| panic!("{error}"));
        loader.finish().unwrap_or_else(|error| panic!("{error}"))
    })
}

/// A transcoder of the standard packs, and the module of runs between UTF-8 and UTF-16.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Transcoder {
    pub name: String,
    pub runs: &'static str,
}

/// All transcoders between two encodings.
pub fn transcoders(from: &str, to: &str) -> Vec<Transcoder> {
    let plain = format!("{from}-to-{to}");
    let in_vectors = format!("{plain}-simd");
    let there = packs().term(&in_vectors).is_some();
    let names = std::iter::once(plain).chain(there.then_some(in_vectors));
    names
        .flat_map(|name| {
            let takes_runs = pack_params(&name).any(|p| p == "runs" || p == "characters");
            let runs: &[&'static str] =
                if takes_runs { &["runs-words", "runs-simd"] } else { &["runs-words"] };
            runs.iter().map(move |runs| Transcoder { name: name.clone(), runs })
        })
        .collect()
}

/// The value of a constant of the standard packs.
pub fn pack_constant(name: &str) -> i64 {
    let constant = packs().consts.iter().find(|constant| constant.name == name);
    constant.unwrap_or_else(|| panic!("no constant `{name}`")).value
}

/// Names of the parameters of a module.
fn pack_params(name: &str) -> impl Iterator<Item = &'static str> {
    let packs = packs();
    let term = packs.term(name).unwrap_or_else(|| panic!("no module `{name}`"));
    packs.terms[term.index()].params.iter().map(|param| &*param.name)
}

/// A module of the standard packs as bytes, for memories of 32 bits.
pub fn pack_bytes(name: &str) -> Vec<u8> {
    pack_binary(name, &[])
}

/// The same, where the memories of these parameters are of 64 bits.
pub fn pack_binary(name: &str, wide: &[&str]) -> Vec<u8> {
    let packs = packs();
    let term = packs.term(name).unwrap_or_else(|| panic!("no module `{name}`"));
    let term = &packs.terms[term.index()];
    let module = term.module.as_ref().unwrap_or_else(|| panic!("`{name}` is no module"));
    let is_wide = |position: usize| wide.contains(&&*term.params[position].name);
    let bits = module.follows.iter().enumerate();
    let binary: usize = bits.map(|(bit, &position)| usize::from(is_wide(position)) << bit).sum();
    module.binaries[binary].to_vec()
}

/// A module of the standard packs, for memories of 32 bits.
pub fn pack_module(engine: &Engine, name: &str) -> Module {
    Module::new(engine, pack_bytes(name)).unwrap()
}

pub fn engine() -> Engine {
    let mut config = Config::new();
    config.wasm_multi_memory(true).wasm_memory64(true).wasm_custom_page_sizes(true);
    Engine::new(&config).unwrap()
}

/// The module that converts characters, given runs.
const CHARACTERS: &str = "valid-characters";

/// The parameter of transcoders from Latin-1 or UTF-16 that is the one from UTF-16.
const UTF16: &str = "utf16";

/// The module of the other runs that goes with one of runs.
fn one_byte_runs(runs: &str) -> &'static str {
    if runs == "runs-simd" { "one-byte-runs-simd" } else { "one-byte-runs-words" }
}

/// A transcoder and the modules whose instances it takes.
pub struct StringModules {
    transcoder: Module,
    /// By the name of its parameter, each after those that it takes itself.
    taken: Vec<(&'static str, Module)>,
}

impl StringModules {
    /// Compiled by name.
    pub fn new(transcoder: &Transcoder, module: impl Fn(&str) -> Module) -> StringModules {
        let mut taken = vec![
            ("runs", module(transcoder.runs)),
            ("characters", module(CHARACTERS)),
            // From here on, what is called so is another one.
            ("runs", module(one_byte_runs(transcoder.runs))),
        ];
        if pack_params(&transcoder.name).any(|param| param == UTF16) {
            taken.push((UTF16, module(transcoder.name.trim_start_matches("latin1-"))));
        }
        StringModules { transcoder: module(&transcoder.name), taken }
    }

    /// The function that transcodes, wired as a fusion would.
    pub fn instantiate<T: 'static>(&self, store: &mut Store<T>, wiring: Wiring<'_>) -> Func {
        let Wiring { traps, checked_realloc, source, dest, realloc } = wiring;
        let mut linker = Linker::new(store.engine());
        linker.allow_shadowing(true);
        let traps = linker.instantiate(&mut *store, traps).unwrap();
        linker.instance(&mut *store, "traps", traps).unwrap();
        let define = |store: &mut Store<T>, linker: &mut Linker<T>, name, item: Extern| {
            linker.define(&*store, "", name, item).unwrap();
        };
        for (name, bits) in [("memory.page-bits", 16), ("from.page-bits", source.1)] {
            let bits = page_bits(store, bits);
            define(store, &mut linker, name, bits.into());
        }
        define(store, &mut linker, "memory", dest.into());
        define(store, &mut linker, "realloc", realloc.into());
        let checked = linker.instantiate(&mut *store, checked_realloc).unwrap();
        let allocate = checked.get_func(&mut *store, "realloc").unwrap();
        for (name, item) in
            [("from", source.0.into()), ("to", dest.into()), ("allocate", allocate.into())]
        {
            define(store, &mut linker, name, item);
        }
        for (name, module) in &self.taken {
            let instance = linker.instantiate(&mut *store, module).unwrap();
            linker.instance(&mut *store, name, instance).unwrap();
        }
        let instance = linker.instantiate(&mut *store, &self.transcoder).unwrap();
        instance.get_func(&mut *store, "transcode").unwrap()
    }
}

/// What a transcoder is wired to.
pub struct Wiring<'m> {
    pub traps: &'m Module,
    pub checked_realloc: &'m Module,
    /// The memory of the string, and how many bits its pages have.
    pub source: (Memory, i64),
    pub dest: Memory,
    /// The guest's.
    pub realloc: Func,
}

/// An engine and compiled pack modules.
pub struct Host {
    pub engine: Engine,
    pub traps: Module,
    checked_realloc: [Module; 2],
    strings: HashMap<(String, PtrWidth, PtrWidth), Module>,
}

const WIDTHS: [PtrWidth; 2] = [PtrWidth::W32, PtrWidth::W64];

impl Host {
    pub fn new() -> Host {
        let engine = engine();
        let module = |name: &str, wide: &[&str]| {
            Module::new(&engine, pack_binary(name, wide)).unwrap_or_else(|e| panic!("{name}: {e}"))
        };
        let traps = module("traps", &[]);
        let checked_realloc =
            [&[] as &[_], &["memory"]].map(|wide| module("checked-realloc", wide));
        let encodings = ["utf8", "utf16", "latin1-utf16"];
        let pairs = encodings.iter().flat_map(|from| encodings.map(|to| (from, to)));
        let transcoders = pairs.flat_map(|(from, to)| transcoders(from, to));
        let names = transcoders.flat_map(|Transcoder { name, runs }| {
            [name, runs.to_string(), one_byte_runs(runs).to_string()]
        });
        let names: BTreeSet<String> = names.chain([CHARACTERS.to_string()]).collect();
        let mut strings = HashMap::new();
        for name in names {
            for (from_width, to_width) in WIDTHS.iter().flat_map(|&f| WIDTHS.map(|t| (f, t))) {
                let wide = [("from", from_width), ("to", to_width)];
                let wide = wide.iter().filter(|(_, width)| *width == PtrWidth::W64);
                let wide: Vec<&str> = wide.map(|(name, _)| *name).collect();
                let module = module(&name, &wide);
                strings.insert((name.clone(), from_width, to_width), module);
            }
        }
        Host { engine, traps, checked_realloc, strings }
    }

    pub fn checked_realloc(&self, width: PtrWidth) -> &Module {
        &self.checked_realloc[usize::from(width == PtrWidth::W64)]
    }

    /// A transcoder and what it takes, by the widths of both sides.
    pub fn string_modules(
        &self,
        transcoder: &Transcoder,
        [from, to]: [PtrWidth; 2],
    ) -> StringModules {
        let module = |name: &str| self.strings[&(name.to_string(), from, to)].clone();
        StringModules::new(transcoder, module)
    }
}

/// A memory of pages of 64 KiB.
pub fn memory<T: 'static>(store: &mut Store<T>, width: PtrWidth, pages: u64) -> Memory {
    let ty = MemoryTypeBuilder::default().memory64(width == PtrWidth::W64).min(pages).build();
    Memory::new(store, ty.unwrap()).unwrap()
}

/// An immutable global that says how large pages are.
pub fn page_bits<T: 'static>(store: &mut Store<T>, bits: i64) -> Global {
    let ty = GlobalType::new(ValType::I64, Mutability::Const);
    Global::new(store, ty, Val::I64(bits)).unwrap()
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

    pub fn realloc(store: &mut Store<Allocator>, width: PtrWidth) -> Func {
        match width {
            PtrWidth::W32 => Func::wrap(
                store,
                |caller: Caller<'_, Allocator>, old: u32, old_size: u32, align: u32, size: u32| {
                    allocate(caller, old, old_size, align, size)
                },
            ),
            PtrWidth::W64 => Func::wrap(
                store,
                |caller: Caller<'_, Allocator>, old: u64, old_size: u64, align: u64, size: u64| {
                    let narrow = |value: u64| u32::try_from(value).unwrap();
                    let (old, old_size) = (narrow(old), narrow(old_size));
                    u64::from(allocate(caller, old, old_size, narrow(align), narrow(size)))
                },
            ),
        }
    }
}

fn allocate(
    mut caller: Caller<'_, Allocator>,
    old: u32,
    old_size: u32,
    align: u32,
    size: u32,
) -> u32 {
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

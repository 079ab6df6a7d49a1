//! The modules of the border alone, against models: its memory, and the handles that the host lends.

mod support;

use proptest::prelude::*;
use support::{engine, pack_module, trap_name};
use wasmtime::{
    Extern, Func, FuncType, Instance, Memory, Module, Store, StoreLimits, StoreLimitsBuilder, Val,
    ValType,
};

/// An instance of a module that imports nothing but functions which trap.
fn trapping<T: 'static>(store: &mut Store<T>, module: &Module) -> Instance {
    let traps = pack_module(module.engine(), "traps");
    let traps = Instance::new(&mut *store, &traps, &[]).unwrap();
    let trap = |name| traps.get_export(&mut *store, name).unwrap();
    let imports: Vec<Extern> = module.imports().map(|import| import.name()).map(trap).collect();
    Instance::new(store, module, &imports).unwrap()
}

/// One request to the border's memory.
#[derive(Clone, Debug)]
enum Request {
    /// Allocates, to keep if the function is `keep`.
    New {
        keep: bool,
        align: u32,
        size: u32,
    },
    /// Gives the allocation of this number, counted back, another size.
    Resize {
        which: usize,
        size: u32,
    },
    Release,
    Reset,
}

fn request() -> impl Strategy<Value = Request> {
    let align = prop::sample::select(vec![1, 2, 4, 8]);
    let size = prop_oneof![8 => 0..100u32, 2 => 0..100_000u32];
    prop_oneof![
        6 => (prop::bool::weighted(0.2), align, size.clone())
            .prop_map(|(keep, align, size)| Request::New { keep, align, size }),
        3 => (0..4usize, size).prop_map(|(which, size)| Request::Resize { which, size }),
        1 => Just(Request::Release),
        1 => Just(Request::Reset),
    ]
}

/// What somebody may still read.
#[derive(Clone, Debug)]
struct Allocation {
    at: u32,
    align: u32,
    bytes: Vec<u8>,
}

struct Border {
    store: Store<()>,
    instance: Instance,
    memory: Memory,
}

impl Border {
    fn new(module: &Module) -> Border {
        let mut store = Store::new(module.engine(), ());
        let instance = trapping(&mut store, module);
        let memory = instance.get_memory(&mut store, "memory").unwrap();
        Border { store, instance, memory }
    }

    fn allocate(&mut self, export: &str, args: [u32; 4]) -> wasmtime::Result<u32> {
        let func = self.instance.get_func(&mut self.store, export).unwrap();
        let mut results = [Val::I32(0)];
        func.call(&mut self.store, &args.map(|arg| Val::I32(arg as i32)), &mut results)?;
        Ok(results[0].unwrap_i32() as u32)
    }

    fn end(&mut self, export: &str) {
        let func = self.instance.get_func(&mut self.store, export).unwrap();
        func.call(&mut self.store, &[], &mut []).unwrap();
    }
}

/// No two allocations that are in use overlap, all are aligned and in memory, none is at 0, and each
/// holds what was written there, wherever it was moved.
#[test]
fn the_memory_keeps_what_is_in_use() {
    let module = pack_module(&engine(), "border");
    proptest!(ProptestConfig::with_cases(200), |(requests in prop::collection::vec(request(), 1..60))| {
        let mut border = Border::new(&module);
        let (mut live, mut kept): (Vec<Allocation>, usize) = (Vec::new(), 0);
        for (n, request) in requests.into_iter().enumerate() {
            let byte = n as u8;
            match request {
                Request::New { keep, align, size } => {
                    let export = if keep { "keep" } else { "realloc" };
                    let at = border.allocate(export, [0, 0, align, size]).unwrap();
                    let bytes = vec![byte; size as usize];
                    border.memory.write(&mut border.store, at as usize, &bytes).unwrap();
                    live.push(Allocation { at, align, bytes });
                    if keep {
                        kept = live.len();
                    }
                }
                Request::Resize { which, size } => {
                    let Some(position) = live.len().checked_sub(which + 1) else { continue };
                    let Allocation { at, align, mut bytes } = live.remove(position);
                    let old = bytes.len() as u32;
                    let at = border.allocate("realloc", [at, old, align, size]).unwrap();
                    bytes.truncate(size as usize);
                    let data = &border.memory.data(&border.store)[at as usize..];
                    prop_assert_eq!(&data[..bytes.len()], &bytes[..]);
                    bytes.resize(size as usize, byte);
                    border.memory.write(&mut border.store, at as usize, &bytes).unwrap();
                    // What is moved behind is not kept any more.
                    if position < kept && size > old {
                        kept -= 1;
                        live.push(Allocation { at, align, bytes });
                    } else {
                        live.insert(position, Allocation { at, align, bytes });
                    }
                }
                Request::Release => {
                    border.end("release");
                    live.truncate(kept);
                }
                Request::Reset => {
                    border.end("reset");
                    live.clear();
                    kept = 0;
                }
            }
            let data = border.memory.data(&border.store);
            let mut ranges: Vec<(usize, usize)> = Vec::new();
            for Allocation { at, align, bytes } in &live {
                let at = *at as usize;
                prop_assert!(at > 0 && at.is_multiple_of(*align as usize));
                prop_assert_eq!(&data[at..at + bytes.len()], &bytes[..]);
                // What is empty lies anywhere.
                ranges.extend((!bytes.is_empty()).then_some((at, at + bytes.len())));
            }
            ranges.sort();
            prop_assert!(ranges.windows(2).all(|pair| pair[0].1 <= pair[1].0));
        }
    });
}

#[test]
fn memory_given_back_is_used_again() {
    let mut border = Border::new(&pack_module(&engine(), "border"));
    let first = border.allocate("realloc", [0, 0, 8, 60_000]).unwrap();
    for _ in 0..100 {
        border.end("reset");
        assert_eq!(border.allocate("keep", [0, 0, 8, 60_000]).unwrap(), first);
        let second = border.allocate("realloc", [0, 0, 1, 10_000]).unwrap();
        border.end("release");
        assert_eq!(border.allocate("realloc", [0, 0, 1, 10_000]).unwrap(), second);
    }
    assert_eq!(border.memory.size(&border.store), 2);
}

#[test]
fn more_than_there_is_traps() {
    let module = pack_module(&engine(), "border");
    for size in [u32::MAX, u32::MAX - 16, u32::MAX - 17, 0xffff_0000] {
        let mut border = Border::new(&module);
        // Nothing is allocated in between, so that it cannot be had for lack of room alone.
        let _ = border.allocate("realloc", [0, 0, 1, 1 << 20]).unwrap();
        let error = border.allocate("realloc", [0, 0, 8, size]).unwrap_err();
        assert_eq!(trap_name(&error), "border-full");
    }
}

/// The host has no memory for more handles than a page holds.
#[test]
fn no_room_for_lends_traps() {
    let engine = engine();
    let limits = StoreLimitsBuilder::new().memory_size(1 << 16).build();
    let mut store: Store<StoreLimits> = Store::new(&engine, limits);
    store.limiter(|limits| limits);
    let lends = trapping(&mut store, &pack_module(&engine, "host-lends"));
    let push = lends.get_typed_func::<(i32, i32), i32>(&mut store, "push").unwrap();
    for number in 0..1 << 13 {
        assert_eq!(push.call(&mut store, (7, -1)).unwrap(), number);
    }
    let error = push.call(&mut store, (7, -1)).unwrap_err();
    assert_eq!(trap_name(&error), "too-many-handles");
}

/// The host lends handles of two resource types, in any order; each type gives back its own, once.
#[test]
fn lends_are_given_back_by_type() {
    let engine = engine();
    let lends = pack_module(&engine, "host-lends");
    let handles = pack_module(&engine, "host-handles");
    let calls = prop::collection::vec((0..2usize, prop::option::weighted(0.9, 0..1000i32)), 1..300);
    proptest!(ProptestConfig::with_cases(100), |(calls in calls)| {
        let mut store = Store::new(&engine, Vec::<i32>::new());
        let shared = trapping(&mut store, &lends);
        let drop = Func::new(
            &mut store,
            FuncType::new(&engine, [ValType::I32], []),
            |mut caller, args, _| {
                caller.data_mut().push(args[0].unwrap_i32());
                Ok(())
            },
        );
        let views = [(); 2].map(|()| {
            let imports: Vec<Extern> = handles
                .imports()
                .map(|import| match import.name() {
                    "drop" => drop.into(),
                    name => shared.get_export(&mut store, name).unwrap(),
                })
                .collect();
            Instance::new(&mut store, &handles, &imports).unwrap()
        });
        let mut lent: [Vec<i32>; 2] = Default::default();
        for (view, handle) in calls {
            let instance = views[view];
            match handle {
                Some(handle) => {
                    let lend = instance.get_typed_func::<i32, i32>(&mut store, "lend").unwrap();
                    prop_assert_eq!(lend.call(&mut store, handle).unwrap(), handle);
                    lent[view].push(handle);
                }
                None => {
                    let release = instance.get_typed_func::<(), ()>(&mut store, "release").unwrap();
                    release.call(&mut store, ()).unwrap();
                    let mut dropped = std::mem::take(store.data_mut());
                    dropped.reverse();
                    prop_assert_eq!(dropped, std::mem::take(&mut lent[view]));
                }
            }
        }
    });
}

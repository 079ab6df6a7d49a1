//! The modules of `rules/streams`, put together as a fusion would, under wasmtime.

use super::support::explore::Kept;
use super::support::{engine, pack_binary, pack_module};
use wasmtime::{
    Caller, Engine, Func, Global, GlobalType, Instance, Memory, MemoryTypeBuilder, Module,
    Mutability, Store, TypedFunc, Val, ValType,
};

/// What the host answers, so that its answers are known from all others.
pub const HOST: i32 = -77;

/// How the bridge is set up.
#[derive(Clone, Copy, Debug)]
pub struct Setup {
    pub futures: bool,
    pub slots: u32,
    pub bytes: u32,
    pub page: u32,
    /// Addresses of the guests' memories are 64 bits wide.
    pub wide: bool,
    /// Bytes are copied by the module for engines without vectors.
    pub words: bool,
}

impl Setup {
    /// How many bytes the bridge's memory has to have.
    pub fn size(self) -> u64 {
        let Setup { slots, bytes, page, .. } = self;
        u64::from(slots) * (32 + u64::from(bytes.max(page))) + u64::from(page)
    }
}

/// Calls of the host so far.
#[derive(Default)]
pub struct Calls(pub Vec<Vec<i32>>);

/// One bridge, and two guests with a memory each.
pub struct Machine {
    pub store: Store<Calls>,
    pub bridge: Memory,
    /// All bytes of the bridge, and its globals.
    pub kept: Kept,
    pub guests: [Guest; 2],
    open: TypedFunc<(), i64>,
    drops: [TypedFunc<i32, ()>; 2],
    cancel: TypedFunc<i32, i32>,
}

pub struct Guest {
    pub memory: Memory,
    read: Func,
    write: Func,
}

/// The modules, compiled once.
pub struct Modules {
    engine: Engine,
    bridge: Module,
    /// Reads and writes, and for streams what copies for each.
    transfers: [(Module, Option<Module>); 2],
    opener: Module,
    closer: Module,
    canceller: Module,
    /// The host as a guest calls it.
    host: Module,
    traps: Module,
    setup: Setup,
}

impl Modules {
    pub fn new(setup: Setup) -> Self {
        let engine = engine();
        let names = match setup.futures {
            true => ["future-cell"; 2],
            false => ["stream-read", "stream-write"],
        };
        let copier = if setup.words { "word-copier" } else { "copier" };
        let sides = [(names[0], "to"), (names[1], "from")];
        let transfers = sides.map(|(name, guest)| {
            let binary = |module, memory| {
                let wide: &[&str] = if setup.wide { &[memory] } else { &[] };
                Module::new(&engine, pack_binary(module, wide)).unwrap()
            };
            (binary(name, "memory"), (!setup.futures).then(|| binary(copier, guest)))
        });
        Modules {
            bridge: pack_module(
                &engine,
                if setup.futures { "future-bridge" } else { "stream-bridge" },
            ),
            transfers,
            opener: pack_module(&engine, "opener"),
            closer: pack_module(&engine, "closer"),
            canceller: pack_module(&engine, "canceller"),
            host: pack_module(&engine, if setup.futures { "host-value" } else { "host-buffer" }),
            traps: pack_module(&engine, "traps"),
            engine,
            setup,
        }
    }

    pub fn machine(&self) -> Machine {
        let Setup { futures, slots, bytes, page, wide, .. } = self.setup;
        let size = self.setup.size();
        let mut store = Store::new(&self.engine, Calls::default());
        let pages = size.div_ceil(1 << 16);
        let ty = MemoryTypeBuilder::default().min(pages).max(Some(pages)).build().unwrap();
        let bridge = Memory::new(&mut store, ty).unwrap();
        let mut constant = |value: Val, ty: ValType| {
            let ty = GlobalType::new(ty, Mutability::Const);
            Global::new(&mut store, ty, value).unwrap()
        };
        let mut int = |value: u32| constant(Val::I32(value as i32), ValType::I32).into();
        let [kind, slots, bytes, page] =
            [int(u32::from(futures)), int(slots), int(bytes), int(page)];
        // The memories of the guests are 3 and 4 of the fused module.
        let indices = [int(3), int(4)];
        let page_bits = constant(Val::I64(16), ValType::I64);
        let imports = [bridge.into(), kind, slots, bytes, page];
        let module = Instance::new(&mut store, &self.bridge, &imports).unwrap();
        let traps = Instance::new(&mut store, &self.traps, &[]).unwrap();
        let trap = traps.get_export(&mut store, "buffer-out-of-bounds").unwrap();
        let host = |params: usize, result: Option<ValType>| {
            let (params, results) = (vec![ValType::I32; params], result.clone());
            let ty = wasmtime::FuncType::new(&self.engine, params, results);
            move |store: &mut Store<Calls>| {
                Func::new(store, ty, move |mut caller: Caller<'_, Calls>, args, results| {
                    let args = args.iter().map(|arg| arg.unwrap_i32()).collect();
                    caller.data_mut().0.push(args);
                    match result {
                        Some(ValType::I64) => results[0] = Val::I64(HOST.into()),
                        Some(_) => results[0] = Val::I32(HOST),
                        None => {}
                    }
                    Ok(())
                })
            }
        };
        let guests = indices.map(|index| {
            let ty = MemoryTypeBuilder::default().memory64(wide).min(1).build().unwrap();
            let memory = Memory::new(&mut store, ty).unwrap();
            let host = host(if futures { 3 } else { 4 }, Some(ValType::I32))(&mut store);
            let host = Instance::new(&mut store, &self.host, &[host.into(), index]).unwrap();
            let host = host.get_export(&mut store, "call").unwrap();
            let [read, write] = [0, 1].map(|side| {
                let (transfer, copier) = &self.transfers[side];
                let copy = copier.as_ref().map(|copier| {
                    let memories = if side == 0 { [bridge, memory] } else { [memory, bridge] };
                    let copier = Instance::new(&mut store, copier, &memories.map(Into::into));
                    copier.unwrap().get_export(&mut store, "copy").unwrap()
                });
                // Whatever the order in which the module imports.
                let imports: Vec<_> = transfer
                    .imports()
                    .map(|import| match (import.module(), import.name()) {
                        ("bridge", name) => module.get_export(&mut store, name).unwrap(),
                        ("traps", _) => trap.clone(),
                        ("", "memory") => memory.into(),
                        ("", "memory.page-bits") => page_bits.into(),
                        ("", "copy") => copy.clone().unwrap(),
                        ("", "host") => host.clone(),
                        other => panic!("{other:?}"),
                    })
                    .collect();
                let transfer = Instance::new(&mut store, transfer, &imports).unwrap();
                transfer.get_func(&mut store, ["read", "write"][side]).unwrap()
            });
            Guest { memory, read, write }
        });
        let opener_host = host(0, Some(ValType::I64))(&mut store);
        let open = module.get_func(&mut store, "open").unwrap();
        let imports = [open.into(), opener_host.into()];
        let opener = Instance::new(&mut store, &self.opener, &imports).unwrap();
        let close = module.get_func(&mut store, "close").unwrap();
        let closer_host = host(1, None)(&mut store);
        let imports = [close.into(), closer_host.into()];
        let closer = Instance::new(&mut store, &self.closer, &imports).unwrap();
        let canceller_host = host(1, Some(ValType::I32))(&mut store);
        let canceller =
            Instance::new(&mut store, &self.canceller, &[canceller_host.into()]).unwrap();
        Machine {
            open: opener.get_typed_func(&mut store, "new").unwrap(),
            drops: ["readable", "writable"]
                .map(|end| closer.get_typed_func(&mut store, end).unwrap()),
            cancel: canceller.get_typed_func(&mut store, "cancel").unwrap(),
            kept: Kept {
                memories: vec![(bridge, std::iter::once(0..size as usize).collect())],
                globals: ["free", "used"]
                    .map(|name| module.get_global(&mut store, name).unwrap())
                    .to_vec(),
                tables: Vec::new(),
            },
            store,
            bridge,
            guests,
        }
    }
}

impl Machine {
    pub fn open(&mut self) -> i64 {
        self.open.call(&mut self.store, ()).unwrap()
    }

    pub fn drop_end(&mut self, writable: bool, handle: i32) {
        self.drops[usize::from(writable)].call(&mut self.store, handle).unwrap();
    }

    pub fn cancel(&mut self, handle: i32) -> i32 {
        self.cancel.call(&mut self.store, handle).unwrap()
    }

    /// Reads or writes; none if it traps.
    pub fn transfer(&mut self, guest: usize, write: bool, args: &[i32]) -> Option<i32> {
        let Guest { read, write: writes, .. } = &self.guests[guest];
        let func = if write { *writes } else { *read };
        let args: Vec<Val> = args.iter().map(|arg| Val::I32(*arg)).collect();
        let mut results = [Val::I32(0)];
        func.call(&mut self.store, &args, &mut results).ok()?;
        Some(results[0].unwrap_i32())
    }

    /// A word of a slot.
    pub fn word(&self, slot: usize, at: usize) -> u32 {
        let bytes = &self.bridge.data(&self.store)[slot * 32 + at..][..4];
        u32::from_le_bytes(bytes.try_into().unwrap())
    }

    /// Has an empty stream begin at this cursor, as if as many bytes had gone through it before.
    pub fn start_at(&mut self, slot: usize, cursor: u32) {
        assert_eq!(self.word(slot, 16), self.word(slot, 20));
        let bytes = self.bridge.data_mut(&mut self.store);
        bytes[slot * 32 + 16..][..4].copy_from_slice(&cursor.to_le_bytes());
        bytes[slot * 32 + 20..][..4].copy_from_slice(&cursor.to_le_bytes());
    }
}

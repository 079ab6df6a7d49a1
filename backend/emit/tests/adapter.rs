//! Generated adapters under wasmtime, against the model: random types, values, dirt in bits that
//! nobody should look at, and corrupted values that must trap.

mod support;

use meld_component::abi::PtrWidth::{self, W32, W64};
use meld_component::types::{FuncType, TypeId, Types};
use meld_emit::adapter::{self, AdapterSpec, Pass, PassId, Role, Side, SideSpec};
use proptest::prelude::*;
use std::collections::HashMap;
use std::sync::Arc;
use support::model::{
    Arena, Core, JUNK, Value, View, allocations, convert, flatten, layout, pointer, tuple,
};
use support::random::{Copier, Lists, Passes, Random};
use support::{bits, engine, pack_binary, pack_module, trap_name};
use wasmtime::{
    Caller, Engine, Extern, Func, Global, GlobalType, Memory, MemoryType, MemoryTypeBuilder,
    Module, Mutability, Store, Val, ValType,
};

/// What is called, and with what.
struct Case {
    types: Types,
    params: Vec<TypeId>,
    result: Option<TypeId>,
    widths: [PtrWidth; 2],
    values: Vec<Value>,
    returns: Option<Value>,
    random: Random,
    corrupt: Corrupt,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Corrupt {
    Nothing,
    Params,
    OutPointer,
    Result,
}

/// One side's memory, and what has been allocated in it.
#[derive(Clone)]
struct SideState {
    memory: Memory,
    next: u64,
    calls: Vec<(u64, u64)>,
}

struct World {
    case: Arc<Case>,
    sides: Vec<SideState>,
    flag: Option<Global>,
    expected: Result<Vec<Value>, &'static str>,
    returned: Vec<u64>,
    expected_result: Option<Result<Value, &'static str>>,
    called: bool,
    /// How often the end of the call was told.
    ended: usize,
    post_returned: bool,
}

fn val_type(core: Core) -> ValType {
    match core {
        Core::I32 => ValType::I32,
        Core::I64 => ValType::I64,
        Core::F32 => ValType::F32,
        Core::F64 => ValType::F64,
    }
}

fn val(core: Core, bits: u64) -> Val {
    match core {
        Core::I32 => Val::I32(bits as i32),
        Core::I64 => Val::I64(bits as i64),
        Core::F32 => Val::F32(bits as u32),
        Core::F64 => Val::F64(bits),
    }
}

impl Case {
    fn new(seed: u64) -> Case {
        let mut random = Random::new(seed);
        let mut types = Types::default();
        let most = [1, 3, 9][random.below(3) as usize];
        let params = match random.below(6) {
            0 => vec![],
            _ => random.types(&mut types, 3, most),
        };
        let result = (random.below(5) > 0).then(|| random.ty(&mut types, 3));
        let mut width = || if random.below(3) == 0 { W64 } else { W32 };
        let widths = [width(), width()];
        let values = params.iter().map(|&ty| random.value(&types, ty)).collect();
        let returns = result.map(|ty| random.value(&types, ty));
        let corrupt = [Corrupt::Nothing, Corrupt::Params, Corrupt::OutPointer, Corrupt::Result];
        let corrupt = corrupt[random.below(4) as usize];
        Case { types, params, result, widths, values, returns, random, corrupt }
    }

    fn width(&self, which: Side) -> PtrWidth {
        self.widths[which as usize]
    }

    fn flat_params(&self, which: Side) -> Vec<Core> {
        let width = self.width(which);
        self.params.iter().flat_map(|&ty| flatten(&self.types, ty, width)).collect()
    }

    fn flat_result(&self, which: Side) -> Vec<Core> {
        self.result.map_or(vec![], |ty| flatten(&self.types, ty, self.width(which)))
    }

    /// Parameters and results as the core function of a side has them.
    fn core_type(&self, which: Side) -> (Vec<Core>, Vec<Core>) {
        let ptr = pointer(self.width(which));
        let mut params = self.flat_params(which);
        if params.len() > 16 {
            params = vec![ptr];
        }
        let mut results = self.flat_result(which);
        if results.len() > 1 {
            match which {
                Side::Caller => {
                    params.push(ptr);
                    results = vec![];
                }
                Side::Callee => results = vec![ptr],
            }
        }
        (params, results)
    }

    fn view<'a>(&'a self, which: Side, bytes: &'a [u8], strict: bool) -> View<'a> {
        View { types: &self.types, width: self.width(which), bytes, strict }
    }

    fn lift_params(&self, view: View<'_>, args: &[u64]) -> Result<Vec<Value>, &'static str> {
        let mut flat = args;
        let spilled = self.params.iter().map(|&ty| flatten(&self.types, ty, view.width).len());
        if spilled.sum::<usize>() > 16 {
            let layout = tuple(&self.types, &self.params, view.width);
            view.check(args[0], layout, "pointer-out-of-bounds", "unaligned-pointer")?;
            return view.load_tuple(&self.params, args[0]);
        }
        self.params.iter().map(|&ty| view.lift_flat(ty, &mut flat)).collect()
    }

    fn lift_result(&self, view: View<'_>, returned: &[u64]) -> Option<Result<Value, &'static str>> {
        let ty = self.result?;
        if flatten(&self.types, ty, view.width).len() <= 1 {
            return Some(view.lift_flat(ty, &mut &returned[..]));
        }
        let layout = layout(&self.types, ty, view.width);
        let check = view.check(returned[0], layout, "pointer-out-of-bounds", "unaligned-pointer");
        Some(check.and_then(|()| view.load(ty, returned[0])))
    }
}

/// Changes one core value, or one word of what has been written.
fn corrupt(random: &mut Random, args: &mut [(Core, u64)], arena: &mut Arena<'_>) {
    let mut evil = |old: u64| match random.below(8) {
        0 => random.next(),
        1 => random.number(),
        2 => old.wrapping_add(1),
        3 => old ^ (1 << random.below(40)),
        4 => [0xd800, 0xdfff, 0x11_0000, 0x1_0000][random.below(4) as usize],
        5 => 0xffff_ffff,
        6 => 1 << 28,
        _ => random.below(8),
    };
    let (in_args, at) = (random_bool(&mut evil), evil(0));
    if in_args && !args.is_empty() {
        let arg = &mut args[at as usize % args.len()];
        arg.1 = evil(arg.1);
        if matches!(arg.0, Core::I32 | Core::F32) {
            arg.1 &= 0xffff_ffff;
        }
    } else {
        let size = 1 << (evil(0) % 4);
        let at = (at % arena.next.max(16)) as usize & !7;
        let mut word = [0; 8];
        word[..size].copy_from_slice(&arena.bytes[at..at + size]);
        let word = evil(u64::from_le_bytes(word)).to_le_bytes();
        arena.bytes[at..at + size].copy_from_slice(&word[..size]);
    }
}

fn random_bool(next: &mut impl FnMut(u64) -> u64) -> bool {
    next(0).is_multiple_of(3)
}

fn write_back(memory: Memory, mut store: impl wasmtime::AsContextMut, bytes: &[u8]) {
    let have = memory.data_size(&store);
    if bytes.len() > have {
        memory.grow(&mut store, (bytes.len() - have) as u64 / 0x1_0000).unwrap();
    }
    memory.data_mut(&mut store)[..bytes.len()].copy_from_slice(bytes);
}

/// An allocator of a side, with the type of a realloc.
fn allocate(store: &mut Store<World>, engine: &Engine, which: Side, width: PtrWidth) -> Func {
    let ptr = pointer(width);
    let ty = wasmtime::FuncType::new(engine, vec![val_type(ptr); 4], [val_type(ptr)]);
    Func::new(store, ty, move |mut caller: Caller<'_, World>, args, results| {
        assert_eq!([bits(&args[0]), bits(&args[1])], [0, 0]);
        let at = take(&mut caller, which, bits(&args[2]), bits(&args[3]));
        results[0] = val(ptr, at);
        Ok(())
    })
}

/// Allocates, as far away as the last time, and grows the memory if it has to.
fn take(caller: &mut Caller<'_, World>, which: Side, align: u64, size: u64) -> u64 {
    let side = &mut caller.data_mut().sides[which as usize];
    side.calls.push((align, size));
    let at = (side.next + 5).next_multiple_of(align);
    side.next = at + size;
    let (memory, end) = (side.memory, side.next);
    let have = memory.data_size(&*caller) as u64;
    if end > have {
        memory.grow(&mut *caller, (end - have).div_ceil(0x1_0000)).unwrap();
    }
    // What was there before is nobody's business.
    memory.data_mut(caller)[at as usize..end as usize].fill(JUNK);
    at
}

/// A transcoder in the host's hands, that only copies.
fn transcoder(
    store: &mut Store<World>,
    engine: &Engine,
    from: Side,
    widths: [PtrWidth; 2],
) -> Func {
    let to = if from == Side::Caller { Side::Callee } else { Side::Caller };
    let (src, dst) = (pointer(widths[from as usize]), pointer(widths[to as usize]));
    let ty = wasmtime::FuncType::new(engine, vec![val_type(src); 2], vec![val_type(dst); 2]);
    Func::new(store, ty, move |mut caller: Caller<'_, World>, args, results| {
        let (ptr, len) = (bits(&args[0]), bits(&args[1]));
        if len >= 1 << 28 {
            return Err(wasmtime::Error::msg("string-too-long"));
        }
        let memory = caller.data().sides[from as usize].memory;
        let end = ptr.saturating_add(len) as usize;
        let Some(text) = memory.data(&caller).get(ptr as usize..end).map(<[u8]>::to_vec) else {
            return Err(wasmtime::Error::msg("string-out-of-bounds"));
        };
        if std::str::from_utf8(&text).is_err() {
            return Err(wasmtime::Error::msg("invalid-utf8"));
        }
        let at = take(&mut caller, to, 1, len);
        let memory = caller.data().sides[to as usize].memory;
        memory.data_mut(&mut caller)[at as usize..][..text.len()].copy_from_slice(&text);
        results[0] = val(dst, at);
        results[1] = val(dst, len);
        Ok(())
    })
}

/// The core function that is called: compares what it is given, and returns what it should.
fn callee(store: &mut Store<World>, engine: &Engine, case: &Case) -> Func {
    let (params, results) = case.core_type(Side::Callee);
    let ty = wasmtime::FuncType::new(
        engine,
        params.into_iter().map(val_type),
        results.iter().copied().map(val_type),
    );
    Func::new(store, ty, move |mut caller: Caller<'_, World>, args, out| {
        let case = caller.data().case.clone();
        let side = caller.data().sides[Side::Callee as usize].clone();
        let bytes = side.memory.data(&caller).to_vec();
        let args: Vec<u64> = args.iter().map(bits).collect();
        let given = case.lift_params(case.view(Side::Callee, &bytes, true), &args);
        assert_eq!(given, caller.data().expected, "parameters");
        caller.data_mut().called = true;

        let (Some(ty), Some(value)) = (case.result, &case.returns) else { return Ok(()) };
        let mut random = case.random.clone();
        let mut arena = Arena {
            types: &case.types,
            width: case.width(Side::Callee),
            bytes,
            next: side.next,
            dirt: random.clone(),
        };
        let mut returned = if case.flat_result(Side::Callee).len() > 1 {
            let (size, align) = layout(&case.types, ty, arena.width);
            let at = arena.alloc(size, align);
            arena.store(ty, value, at);
            vec![(results[0], at)]
        } else {
            arena.lower_flat(ty, value)
        };
        if case.corrupt == Corrupt::Result {
            corrupt(&mut random, &mut returned, &mut arena);
        }
        write_back(side.memory, &mut caller, &arena.bytes);
        for (out, &(core, bits)) in out.iter_mut().zip(&returned) {
            *out = val(core, bits);
        }
        let returned: Vec<u64> = out.iter().map(bits).collect();
        let bytes = side.memory.data(&caller).to_vec();
        let view = case.view(Side::Callee, &bytes, false);
        caller.data_mut().expected_result = case.lift_result(view, &returned);
        caller.data_mut().returned = returned;
        Ok(())
    })
}

/// Post-return: once, with what was returned, while the instance may not leave.
fn post_return(store: &mut Store<World>, engine: &Engine, case: &Case) -> Func {
    let (_, results) = case.core_type(Side::Callee);
    let ty = wasmtime::FuncType::new(engine, results.into_iter().map(val_type), []);
    Func::new(store, ty, |mut caller: Caller<'_, World>, args, _| {
        let args: Vec<u64> = args.iter().map(bits).collect();
        assert_eq!(args, caller.data().returned);
        let flag = caller.data().flag.unwrap();
        assert_eq!(bits(&flag.get(&mut caller)), 0);
        assert!(!std::mem::replace(&mut caller.data_mut().post_returned, true));
        Ok(())
    })
}

fn memory(store: &mut Store<World>, width: PtrWidth) -> Memory {
    let ty: MemoryType =
        MemoryTypeBuilder::default().memory64(width == W64).min(1).build().unwrap();
    Memory::new(store, ty).unwrap()
}

/// Modules of the standard packs.
struct Packs {
    traps: Module,
    /// What copies lists, by name and the widths of source and target.
    copiers: HashMap<(&'static str, [PtrWidth; 2]), Module>,
}

impl Packs {
    fn new(engine: &Engine) -> Packs {
        let mut copiers = HashMap::new();
        for name in ["copier", "bools", "chars", "padded-copier"] {
            for widths in [[W32, W32], [W32, W64], [W64, W32], [W64, W64]] {
                let wide = ["from", "to"].into_iter().zip(widths);
                let wide: Vec<&str> =
                    wide.filter(|(_, width)| *width == W64).map(|(name, _)| name).collect();
                let module = Module::new(engine, pack_binary(name, &wide)).unwrap();
                copiers.insert((name, widths), module);
            }
        }
        Packs { traps: pack_module(engine, "traps"), copiers }
    }
}

/// The function of a module that copies lists, between the memories of both sides.
fn copier(
    store: &mut Store<World>,
    packs: &Packs,
    traps: wasmtime::Instance,
    copier: &Copier,
) -> Func {
    let mut sides = [Side::Caller, Side::Callee];
    if copier.back {
        sides.reverse();
    }
    let widths = sides.map(|side| store.data().case.width(side));
    let [from, to] = sides.map(|side| store.data().sides[side as usize].memory);
    let module = &packs.copiers[&(copier.module, widths)];
    let imports: Vec<Extern> = module
        .imports()
        .map(|import| match (import.module(), import.name()) {
            ("traps", trap) => traps.get_export(&mut *store, trap).unwrap(),
            (_, "from") => from.into(),
            (_, "to") => to.into(),
            (_, number) => {
                let (_, value) = copier.numbers.iter().find(|(name, _)| *name == number).unwrap();
                let ty = import.ty().unwrap_global().clone();
                let value = match ty.content() {
                    ValType::I32 => Val::I32(*value as i32),
                    _ => Val::I64(*value),
                };
                Global::new(&mut *store, ty, value).unwrap().into()
            }
        })
        .collect();
    let instance = wasmtime::Instance::new(&mut *store, module, &imports).unwrap();
    instance.get_func(store, "copy").unwrap()
}

fn check(engine: &Engine, packs: &Packs, seed: u64) {
    let case = Arc::new(Case::new(seed));
    let random = &mut case.random.clone();
    let lists = [Lists::Each, Lists::Copy, Lists::CopyBy, Lists::CopyBy];
    let mut passes = Passes { lists: lists[random.below(4) as usize], ..Passes::default() };
    let params: Vec<PassId> =
        case.params.iter().map(|&ty| passes.of(&case.types, Some(ty))).collect();
    passes.turn();
    let results = case.result.iter().map(|&ty| passes.of(&case.types, Some(ty))).collect();
    let borrows = passes.passes.iter().any(|pass| matches!(pass, Pass::Scoped(..)));
    let func = FuncType { async_: false, params: case.params.clone(), result: case.result };
    let post = random.below(2) == 0;
    let side = |which| SideSpec {
        memory: Some(case.width(which).into()),
        allocate: true,
        leave_flag: true,
    };
    let generated = adapter::generate(&AdapterSpec {
        types: &case.types,
        func: &func,
        caller: side(Side::Caller),
        callee: side(Side::Callee),
        post_return: post,
        passes: std::mem::take(&mut passes.passes),
        params,
        results,
    })
    .unwrap();
    wasmparser::Validator::new_with_features(wasmparser::WasmFeatures::all())
        .validate_all(&generated.bytes)
        .unwrap();

    let mut store = Store::new(
        engine,
        World {
            case: case.clone(),
            sides: vec![],
            flag: None,
            expected: Err(""),
            returned: vec![],
            expected_result: None,
            called: false,
            ended: 0,
            post_returned: false,
        },
    );
    for which in [Side::Caller, Side::Callee] {
        let memory = memory(&mut store, case.width(which));
        store.data_mut().sides.push(SideState { memory, next: 16, calls: vec![] });
    }

    // The caller lowers its arguments.
    let width = case.width(Side::Caller);
    let mut arena = Arena {
        types: &case.types,
        width,
        bytes: vec![0; 0x1_0000],
        next: 16,
        dirt: random.clone(),
    };
    let (core_params, core_results) = case.core_type(Side::Caller);
    let mut args: Vec<(Core, u64)> = if case.flat_params(Side::Caller).len() > 16 {
        let (size, align) = tuple(&case.types, &case.params, width);
        let at = arena.alloc(size, align);
        arena.store_tuple(&case.params, &case.values, at);
        vec![(core_params[0], at)]
    } else {
        let values = case.params.iter().zip(&case.values);
        values.flat_map(|(&ty, value)| arena.lower_flat(ty, value)).collect()
    };
    if case.corrupt == Corrupt::Params {
        corrupt(random, &mut args, &mut arena);
    }
    let bits_of: Vec<u64> = args.iter().map(|&(core, bits)| self::bits(&val(core, bits))).collect();
    store.data_mut().expected =
        case.lift_params(case.view(Side::Caller, &arena.bytes, false), &bits_of);
    let out = (case.flat_result(Side::Caller).len() > 1).then(|| {
        let (size, align) = layout(&case.types, case.result.unwrap(), width);
        let mut at = arena.alloc(size, align);
        if case.corrupt == Corrupt::OutPointer {
            at = [at + 1, at + 2, arena.bytes.len() as u64, 0xffff_fff8][random.below(4) as usize];
        }
        args.push((pointer(width), at));
        (at, (size, align))
    });
    let side = store.data().sides[0].clone();
    write_back(side.memory, &mut store, &arena.bytes);
    store.data_mut().sides[0].next = arena.next;

    // Wire everything up, and call.
    let traps = wasmtime::Instance::new(&mut store, &packs.traps, &[]).unwrap();
    let one = |store: &mut Store<World>| {
        Global::new(store, GlobalType::new(ValType::I32, Mutability::Var), Val::I32(1)).unwrap()
    };
    let flags = [one(&mut store), one(&mut store)];
    store.data_mut().flag = Some(flags[1]);
    let imports: Vec<Extern> = generated
        .imports
        .iter()
        .map(|role| match *role {
            Role::Callee => callee(&mut store, engine, &case).into(),
            Role::PostReturn => post_return(&mut store, engine, &case).into(),
            Role::Allocate(which) => allocate(&mut store, engine, which, case.width(which)).into(),
            Role::Transcoder(i) => {
                let from = if i == 0 { Side::Caller } else { Side::Callee };
                transcoder(&mut store, engine, from, case.widths).into()
            }
            Role::Converter(_) => Func::wrap(&mut store, convert).into(),
            Role::End(_) => Func::wrap(&mut store, |mut caller: Caller<'_, World>| {
                let world = caller.data_mut();
                assert!(world.called && world.sides[0].calls.is_empty() && !world.post_returned);
                world.ended += 1;
            })
            .into(),
            Role::Copier(number) => {
                copier(&mut store, packs, traps, &passes.copiers[number as usize]).into()
            }
            Role::Trap(name) => traps.get_export(&mut store, name).unwrap(),
            Role::Memory(which) => store.data().sides[which as usize].memory.into(),
            Role::Flag(which) => flags[which as usize].into(),
            Role::MayEnter => unreachable!("adapters do not look at who enters"),
            Role::Slot(_) => panic!("adapters have no context"),
        })
        .collect();
    let module = Module::new(engine, &generated.bytes).unwrap();
    let instance = wasmtime::Instance::new(&mut store, &module, &imports).unwrap();
    let call = instance.get_func(&mut store, adapter::EXPORT).unwrap();
    let args: Vec<Val> = args.iter().map(|&(core, bits)| val(core, bits)).collect();
    let mut returned: Vec<Val> = core_results.iter().map(|&core| val(core, 0)).collect();
    let outcome = call.call(&mut store, &args, &mut returned).map_err(|error| trap_name(&error));

    // What should have happened?
    let caller_bytes = side.memory.data(&store).to_vec();
    let view = case.view(Side::Caller, &caller_bytes, true);
    let world = store.data();
    let out_check = out.map_or(Ok(()), |(at, layout)| {
        view.check(at, layout, "pointer-out-of-bounds", "unaligned-pointer")
    });
    let expect = match (&world.expected, &world.expected_result) {
        (Err(trap), _) | (_, Some(Err(trap))) => Err(trap.to_string()),
        _ => out_check.map_err(String::from),
    };
    assert_eq!(outcome, expect);
    if expect.is_err() {
        return;
    }
    let returned: Vec<u64> = match out {
        Some((at, _)) => vec![at],
        None => returned.iter().map(bits).collect(),
    };
    assert_eq!(case.lift_result(view, &returned), world.expected_result, "result");
    assert_eq!(world.post_returned, post);
    assert_eq!(world.ended, usize::from(borrows), "ends");

    // And what should have been allocated?
    let mut calls = [vec![], vec![]];
    if case.flat_params(Side::Callee).len() > 16 {
        let (size, align) = tuple(&case.types, &case.params, case.width(Side::Callee));
        calls[1].push((align, size));
    }
    for (&ty, value) in case.params.iter().zip(world.expected.as_ref().unwrap()) {
        allocations(&case.types, ty, value, case.width(Side::Callee), &mut calls[1]);
    }
    if let (Some(ty), Some(Ok(value))) = (case.result, &world.expected_result) {
        allocations(&case.types, ty, value, width, &mut calls[0]);
    }
    for (side, calls) in world.sides.iter().zip(calls) {
        assert_eq!(side.calls, calls, "allocations");
    }
    for flag in flags {
        assert_eq!(bits(&flag.get(&mut store)), 1);
    }
}

#[test]
fn random_types_and_values() {
    let config = ProptestConfig {
        failure_persistence: None,
        cases: std::env::var("MELD_CASES").map_or(400, |cases| cases.parse().unwrap()),
        ..Default::default()
    };
    let engine = engine();
    let packs = Packs::new(&engine);
    proptest!(config, |(seed: u64)| check(&engine, &packs, seed));
}

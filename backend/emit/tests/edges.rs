//! The edges of what adapters and checked allocation accept, value by value.

mod support;

use meld_component::abi::PtrWidth::{self, W32, W64};
use meld_component::types::{FuncType, TypeId, Types, ValueType};
use meld_emit::adapter::wrappers::{self, Around};
use meld_emit::adapter::{self, AdapterSpec, Generated, Role, Side, SideSpec};
use support::random::{Lists, Passes};
use support::{Allocator, bits, engine, pack_module, trap_name};
use wasmtime::{
    Caller, Engine, Extern, Func, Global, GlobalType, Instance, Linker, Memory, MemoryTypeBuilder,
    Module, Mutability, Store, Val, ValType,
};

const PAGE: u64 = 0x1_0000;

/// What the callee is given, or the reason for a trap.
type Outcome = Result<Vec<u64>, &'static str>;

struct Fixture {
    store: Store<Vec<u64>>,
    call: Func,
    flags: Vec<Global>,
    slots: Vec<Global>,
    arity: usize,
    /// What the last call returned.
    returned: Option<u64>,
}

fn flag(store: &mut Store<Vec<u64>>) -> Global {
    let ty = GlobalType::new(ValType::I32, Mutability::Var);
    Global::new(store, ty, Val::I32(1)).unwrap()
}

impl Fixture {
    /// A function of these parameters between memories of one page.
    fn adapter(types: &Types, params: &[TypeId], width: PtrWidth) -> Fixture {
        let func = FuncType { async_: false, params: params.to_vec(), result: None };
        let mut passes = Passes { lists: Lists::Copy, ..Passes::default() };
        let ids = params.iter().map(|&ty| passes.of(types, Some(ty))).collect();
        let side = SideSpec { memory: Some(width.into()), allocate: true, leave_flag: true };
        let generated = adapter::generate(&AdapterSpec {
            types,
            func: &func,
            caller: side,
            callee: side,
            post_return: false,
            passes: passes.passes,
            params: ids,
            results: vec![],
        });
        Fixture::new(&generated.unwrap(), width)
    }

    fn new(generated: &Generated, width: PtrWidth) -> Fixture {
        let engine = engine();
        let mut store = Store::new(&engine, vec![]);
        let module = Module::new(&engine, &generated.bytes).unwrap();
        let traps = Instance::new(&mut store, &pack_module(&engine, "traps"), &[]).unwrap();
        let flags = vec![flag(&mut store), flag(&mut store)];
        let (mut slots, mut imports) = (vec![], Vec::<Extern>::new());
        for (role, import) in generated.imports.iter().zip(module.imports()) {
            let item = match *role {
                Role::Callee | Role::PostReturn => {
                    let ty = import.ty().unwrap_func().clone();
                    let leave = flags[1];
                    let zeros: Vec<Val> =
                        ty.results().filter_map(|ty| Val::default_for_ty(&ty)).collect();
                    Func::new(&mut store, ty, move |mut caller, args, results| {
                        results.copy_from_slice(&zeros);
                        let leave = bits(&leave.get(&mut caller));
                        let seen: &mut Vec<u64> = caller.data_mut();
                        seen.extend(args.iter().map(bits));
                        seen.push(leave);
                        Ok(())
                    })
                    .into()
                }
                Role::Allocate(_) => {
                    let ty = import.ty().unwrap_func().clone();
                    Func::new(&mut store, ty, move |_, args, results| {
                        let (align, size) = (bits(&args[2]), bits(&args[3]));
                        assert!(size < PAGE);
                        results[0] = if width == W32 {
                            Val::I32(align as i32)
                        } else {
                            Val::I64(align as i64)
                        };
                        Ok(())
                    })
                    .into()
                }
                Role::Trap(name) => traps.get_export(&mut store, name).unwrap(),
                Role::Memory(_) => {
                    let ty = MemoryTypeBuilder::default().memory64(width == W64).min(1).build();
                    Memory::new(&mut store, ty.unwrap()).unwrap().into()
                }
                Role::Flag(which) => flags[which as usize].into(),
                Role::MayEnter => flags[1].into(),
                Role::Slot(_) => {
                    let ty = GlobalType::new(ValType::I64, Mutability::Var);
                    slots.push(Global::new(&mut store, ty, Val::I64(-1)).unwrap());
                    slots[slots.len() - 1].into()
                }
                Role::Transcoder(_) | Role::Copier(_) | Role::Converter(_) | Role::End(_) => {
                    panic!("no strings, lists and handles here")
                }
            };
            imports.push(item);
        }
        let instance = Instance::new(&mut store, &module, &imports).unwrap();
        let call = instance.get_func(&mut store, adapter::EXPORT).unwrap();
        let arity = call.ty(&store).results().len();
        Fixture { store, call, flags, slots, arity, returned: None }
    }

    /// Calls with bits for arguments; says what the callee saw, without its flag.
    fn run(&mut self, args: &[u64]) -> Result<Vec<u64>, String> {
        self.store.data_mut().clear();
        let types: Vec<ValType> = self.call.ty(&self.store).params().collect();
        let args: Vec<Val> = types
            .iter()
            .zip(args)
            .map(|(ty, &bits)| match ty {
                ValType::I32 => Val::I32(bits as i32),
                ValType::I64 => Val::I64(bits as i64),
                ValType::F32 => Val::F32(bits as u32),
                _ => Val::F64(bits),
            })
            .collect();
        let mut results = vec![Val::I32(0); self.arity];
        let outcome = self.call.call(&mut self.store, &args, &mut results);
        outcome.map_err(|error| trap_name(&error))?;
        self.returned = results.first().map(bits);
        let mut seen = self.store.data().clone();
        seen.pop();
        Ok(seen)
    }

    fn check(&mut self, args: &[u64], expect: Outcome) {
        assert_eq!(self.run(args), expect.map_err(String::from), "{args:#x?}");
    }
}

#[test]
fn scalars() {
    use ValueType::*;
    let check = |ty: ValueType, table: &[(u64, Outcome)]| {
        let mut types = Types::default();
        let ty = types.intern(ty);
        let mut fixture = Fixture::adapter(&types, &[ty], W32);
        for (arg, expect) in table {
            fixture.check(&[*arg], expect.clone());
        }
    };
    let is = |n: u64| Ok(vec![n]);
    check(Bool, &[(0, is(0)), (1, is(1)), (2, is(1)), (0x100, is(1)), (0x8000_0000, is(1))]);
    check(U8, &[(0xff, is(0xff)), (0x100, is(0)), (0xffff_ff80, is(0x80))]);
    check(S8, &[(0x7f, is(0x7f)), (0x80, is(0xffff_ff80)), (0x17f, is(0x7f))]);
    check(U16, &[(0x1_ffff, is(0xffff)), (0xffff_8000, is(0x8000))]);
    check(S16, &[(0x8000, is(0xffff_8000)), (0x1_7fff, is(0x7fff))]);
    check(U32, &[(0xffff_ffff, is(0xffff_ffff))]);
    check(Flags(5), &[(0xffff_ffff, is(0x1f)), (0x20, is(0))]);
    check(Flags(32), &[(0xffff_ffff, is(0xffff_ffff))]);
    check(
        Enum(3),
        &[(2, is(2)), (3, Err("invalid-discriminant")), (0x102, Err("invalid-discriminant"))],
    );
    check(Enum(256), &[(255, is(255)), (256, Err("invalid-discriminant"))]);
    for valid in [0, 0xd7ff, 0xe000, 0xffff, 0x10_ffff] {
        check(Char, &[(valid, is(valid))]);
    }
    for invalid in [0xd800, 0xdbff, 0xdc00, 0xdfff, 0x11_0000, 0x11_d800, 0x8000_0000, 0xffff_ffff]
    {
        check(Char, &[(invalid, Err("invalid-char"))]);
    }
}

#[test]
fn joined_slots() {
    use ValueType::*;
    let mut types = Types::default();
    let [long, float, double, byte] = [U64, F32, F64, S8].map(|ty| types.intern(ty));
    let pair = types.intern(Tuple(vec![float, byte]));
    let variant =
        types.intern(Variant(vec![Some(long), Some(float), Some(double), Some(pair), None]));
    let mut fixture = Fixture::adapter(&types, &[variant], W32);
    let junk = 0xdead_beef_0000_0000;
    fixture.check(&[0, junk | 5, 9], Ok(vec![0, junk | 5, 0]));
    fixture.check(&[1, junk | 0x7fc0_0001, 9], Ok(vec![1, 0x7fc0_0001, 0]));
    fixture.check(&[2, 0x7ff8_0000_0000_0001, 9], Ok(vec![2, 0x7ff8_0000_0000_0001, 0]));
    fixture.check(&[3, junk | 0x3f80_0000, 0x180], Ok(vec![3, 0x3f80_0000, 0xffff_ff80]));
    fixture.check(&[4, junk, 9], Ok(vec![4, 0, 0]));
    fixture.check(&[5, 0, 0], Err("invalid-discriminant"));
    let mut types = Types::default();
    let [int, float] = [U32, F32].map(|ty| types.intern(ty));
    let result = types.intern(Result(Some(int), Some(float)));
    let mut fixture = Fixture::adapter(&types, &[result], W32);
    fixture.check(&[1, 0x7fc0_0001], Ok(vec![1, 0x7fc0_0001]));
    fixture.check(&[2, 0], Err("invalid-discriminant"));
}

#[test]
fn lists() {
    let long = "list-too-long";
    let outside = "list-out-of-bounds";
    let unaligned = "unaligned-pointer";
    for width in [W32, W64] {
        for (element, size) in
            [(ValueType::U8, 1), (ValueType::U64, 8), (ValueType::Bool, 1), (ValueType::Char, 4)]
        {
            let mut types = Types::default();
            let element = types.intern(element);
            let list = types.intern(ValueType::List(element));
            let mut fixture = Fixture::adapter(&types, &[list], width);
            let ok = |len: u64| Ok(vec![size, len]);
            let most = ((1 << 28) - 1) / size;
            fixture.check(&[0, 0], ok(0));
            fixture.check(&[PAGE, 0], ok(0));
            fixture.check(&[PAGE + size, 0], Err(outside));
            fixture.check(&[PAGE - 16, 16 / size], ok(16 / size));
            fixture.check(&[PAGE - 16, 16 / size + 1], Err(outside));
            fixture.check(&[0, most], Err(outside));
            fixture.check(&[0, most + 1], Err(long));
            fixture.check(&[0, 0xffff_ffff], Err(long));
            fixture.check(&[0xffff_fff8, 1], Err(outside));
            fixture.check(&[0xffff_fff8, 8 / size], Err(outside));
            if size > 1 {
                fixture.check(&[1, 0], Err(unaligned));
                fixture.check(&[size / 2, 1], Err(unaligned));
            }
            if width == W64 {
                fixture.check(&[1 << 32, 0], Err(outside));
                fixture.check(&[!7, 8 / size], Err(outside));
                fixture.check(&[!7, 0], Err(outside));
                fixture.check(&[0, 1 << 32], Err(long));
                fixture.check(&[0, (1 << 61) + 1], Err(long));
                fixture.check(&[0, !0], Err(long));
            }
        }
    }
}

#[test]
fn spilled_parameters() {
    for width in [W32, W64] {
        let mut types = Types::default();
        let int = types.intern(ValueType::U32);
        let mut fixture = Fixture::adapter(&types, &[int; 17], width);
        fixture.check(&[0], Ok(vec![4]));
        fixture.check(&[PAGE - 68], Ok(vec![4]));
        fixture.check(&[PAGE - 64], Err("pointer-out-of-bounds"));
        fixture.check(&[2], Err("unaligned-pointer"));
        fixture.check(&[0xffff_fffc], Err("pointer-out-of-bounds"));
        if width == W64 {
            fixture.check(&[!3], Err("pointer-out-of-bounds"));
        }
    }
}

#[test]
fn leaving() {
    let mut types = Types::default();
    let int = types.intern(ValueType::U32);
    let func = FuncType { async_: false, params: vec![int, int], result: None };
    let check_leave = wrappers::check_leave(&types, &func, W32).unwrap();
    for mut fixture in [Fixture::adapter(&types, &[int, int], W32), Fixture::new(&check_leave, W32)]
    {
        fixture.check(&[3, 4], Ok(vec![3, 4]));
        let flag = fixture.flags[Side::Caller as usize];
        flag.set(&mut fixture.store, Val::I32(0)).unwrap();
        fixture.check(&[3, 4], Err("cannot-leave"));
    }
    let func = FuncType { result: Some(int), ..func };
    let without_leave = wrappers::without_leave(&types, &func, W32).unwrap();
    let mut fixture = Fixture::new(&without_leave, W32);
    fixture.check(&[7], Ok(vec![7]));
    assert_eq!(fixture.store.data()[..], [7, 0], "the flag is down inside");
    assert_eq!(bits(&fixture.flags[1].get(&mut fixture.store)), 1, "and up after");
}

#[test]
fn entering() {
    let mut types = Types::default();
    let int = types.intern(ValueType::U32);
    let func = FuncType { async_: false, params: vec![int, int], result: None };
    let enter = wrappers::enter(&types, &func, W32, Around::Function).unwrap();
    let mut fixture = Fixture::new(&enter, W32);
    fixture.check(&[3, 4], Ok(vec![3, 4]));
    assert_eq!(fixture.store.data()[..], [3, 4, 0], "the flag is down inside");
    assert_eq!(bits(&fixture.flags[1].get(&mut fixture.store)), 1, "and up after");
    let flag = fixture.flags[1];
    flag.set(&mut fixture.store, Val::I32(0)).unwrap();
    fixture.check(&[3, 4], Err("cannot-enter"));
    let func = FuncType { params: vec![int], result: Some(int), ..func };
    let after = wrappers::enter(&types, &func, W32, Around::PostReturn).unwrap();
    let mut fixture = Fixture::new(&after, W32);
    fixture.check(&[7], Ok(vec![7]));
    assert_eq!(fixture.store.data()[..], [7, 0], "the post-return takes the result");
}

#[test]
fn contexts_are_cleared() {
    let mut types = Types::default();
    let int = types.intern(ValueType::U32);
    let func = FuncType { async_: false, params: vec![int, int], result: None };
    let mut fixture = Fixture::new(&wrappers::clear_context(&types, &func, W32).unwrap(), W32);
    fixture.check(&[3, 4], Ok(vec![3, 4]));
    let slots: Vec<u64> =
        fixture.slots.iter().map(|slot| bits(&slot.get(&mut fixture.store))).collect();
    assert_eq!(slots, [0, 0]);
}

/// A lowered function as a lifted one: it is given a place for a result in memory, which is what
/// is returned; a flat result is returned as it is.
#[test]
fn lowered_as_lifted() {
    let mut types = Types::default();
    let int = types.intern(ValueType::U32);
    let pair = types.intern(ValueType::Tuple(vec![int, int]));
    for width in [W32, W64] {
        for (params, result, given, seen, returned) in [
            (vec![int], None, vec![3], vec![3], None),
            (vec![int], Some(int), vec![3], vec![3], Some(0)),
            // The allocator of the fixture gives the alignment.
            (vec![int, int], Some(pair), vec![3, 5], vec![3, 5, 4], Some(4)),
            // Spilled parameters are a pointer on both sides.
            (vec![int; 17], Some(pair), vec![8], vec![8, 4], Some(4)),
        ] {
            let func = FuncType { async_: false, params, result };
            let mut fixture =
                Fixture::new(&wrappers::as_lifted(&types, &func, width).unwrap(), width);
            fixture.check(&given, Ok(seen));
            assert_eq!(fixture.returned, returned, "{func:?}");
        }
    }
}

#[test]
fn discarded_results() {
    let mut types = Types::default();
    let int = types.intern(ValueType::U32);
    let func = FuncType { async_: false, params: vec![int, int], result: Some(int) };
    let mut fixture = Fixture::new(&wrappers::discard(&types, &func, W32).unwrap(), W32);
    fixture.check(&[9], Ok(vec![]));
}

/// What the guest's realloc returns, and how the checked one takes it.
#[test]
fn reallocs() {
    let engine: Engine = engine();
    let run = |module: &str, width: PtrWidth, align: u64, size: u64, result: u64| {
        let value = move |number: u64| match width {
            W32 => Val::I32(number as i32),
            W64 => Val::I64(number as i64),
        };
        let mut store = Store::new(&engine, Allocator::default());
        let mut linker = Linker::new(&engine);
        let traps = Instance::new(&mut store, &pack_module(&engine, "traps"), &[]).unwrap();
        let state = Instance::new(&mut store, &pack_module(&engine, "state"), &[]).unwrap();
        let flag = state.get_global(&mut store, "may-leave").unwrap();
        assert_eq!(bits(&flag.get(&mut store)), 1);
        let memory = support::memory(&mut store, width, 1);
        let may_leave = module == "checked-realloc";
        let address = match width {
            W32 => ValType::I32,
            W64 => ValType::I64,
        };
        let ty = wasmtime::FuncType::new(&engine, vec![address.clone(); 4], [address]);
        let realloc = Func::new(
            &mut store,
            ty,
            move |mut caller: Caller<'_, Allocator>, args: &[Val], results: &mut [Val]| {
                let args: Vec<u64> = args.iter().map(bits).collect();
                assert_eq!(args, [1, 2, align, size]);
                assert_eq!(bits(&flag.get(&mut caller)), u64::from(may_leave));
                // What is checked is the memory after the call.
                memory.grow(&mut caller, 1).unwrap();
                results[0] = value(result);
                Ok(())
            },
        );
        let page_bits = support::page_bits(&mut store, 16);
        linker.define(&store, "", "memory", memory).unwrap();
        linker.define(&store, "", "memory.page-bits", page_bits).unwrap();
        linker.define(&store, "", "realloc", realloc).unwrap();
        linker.instance(&mut store, "traps", traps).unwrap();
        linker.instance(&mut store, "state", state).unwrap();
        let wide: &[&str] = if width == W64 { &["memory"] } else { &[] };
        let module = Module::new(&engine, support::pack_binary(module, wide)).unwrap();
        let instance = linker.instantiate(&mut store, &module).unwrap();
        let realloc = instance.get_func(&mut store, "realloc").unwrap();
        let mut results = [Val::I32(0)];
        let args = [1, 2, align, size].map(value);
        let outcome = realloc.call(&mut store, &args, &mut results);
        if outcome.is_ok() {
            assert_eq!(bits(&flag.get(&mut store)), 1);
        }
        outcome.map(|()| bits(&results[0])).map_err(|error| trap_name(&error))
    };
    let (unaligned, outside) = ("realloc-unaligned", "realloc-out-of-bounds");
    let both = [
        (1, 0, 0, None),
        (8, 0, 0x2_0000, None),
        (1, 0, 0x2_0001, Some(outside)),
        (1, 0x2_0000, 0, None),
        (1, 0x2_0001, 0, Some(outside)),
        (4, 8, 0x1_fff8, None),
        (4, 8, 0x1_fffc, Some(outside)),
        (4, 0, 2, Some(unaligned)),
        (2, 0, 1, Some(unaligned)),
        (1, 0, 0xffff_ffff, Some(outside)),
        (4, 8, 0xffff_fffc, Some(outside)),
        (1, 0xffff_ffff, 1, Some(outside)),
    ];
    // Sums that wrap 64 bits, and what would be in bounds if it were cut to 32.
    let wide = [
        (1, 0, 1 << 32, Some(outside)),
        (4, 0, (1 << 32) | 2, Some(unaligned)),
        (1, 1 << 32, 0, Some(outside)),
        (1, 1, u64::MAX, Some(outside)),
        (4, 8, u64::MAX - 3, Some(outside)),
        (1, u64::MAX, 1, Some(outside)),
    ];
    let narrow = both.iter().map(|case| (W32, case));
    let wide = both.iter().chain(&wide).map(|case| (W64, case));
    for (width, &(align, size, result, expect)) in narrow.chain(wide) {
        let expect = expect.map_or(Ok(result), |trap: &str| Err(trap.to_string()));
        assert_eq!(run("checked-realloc", width, align, size, result), expect, "{width:?}");
    }
    assert_eq!(run("realloc-without-leave", W32, 4, 8, 0xffff_ffff), Ok(0xffff_ffff));
    assert_eq!(run("realloc-without-leave", W64, 4, 8, u64::MAX), Ok(u64::MAX));
}

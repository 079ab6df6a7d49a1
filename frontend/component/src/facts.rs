//! What rules may rely on: pure functions of a [`Program`], each an argument of its own.
//!
//! Facts are closed: what is not stated does not hold. So every function here is total: it
//! answers for all entities and all types that occur. Where a proof would cost too much, the
//! answer errs on the side that makes a rule check more, never less.

mod bodies;
mod calls;
mod faces;
mod importers;
mod leave;
mod masks;
mod reached;
mod resources;
mod sizes;
mod trampolines;

pub use calls::{Calls, HandedOver, calls, host_functions};
pub use faces::{in_memory, passes_handles, several_faces};
pub use importers::{
    first_imports, funcref_tables, guests, known_as, peers, root_modules, same_memory, same_table,
};
pub use leave::{Leaving, leaving};
pub use masks::{Masks, masks};
pub use resources::{
    destroyed_by_handle, holders, lent, may_reenter, observes_lends, reaches_host,
};
pub use sizes::{BodySizes, body_sizes, values, values_of};
pub use trampolines::{Callee, Slot, Trampolines, trampolines};

use crate::abi::{Layouts, MAX_FLAT_PARAMS, PtrWidth};
use crate::program::{
    Builtin, ComponentId, CoreInstance, CoreItem, FuncDef, Program, Resource, World,
};
use crate::types::{FuncType, TypeId, Types, ValueType};
use std::collections::{BTreeSet, HashMap};

/// Pairs of component instances that are one, or of which one is an ancestor of the other; both
/// orders of every pair. Calls between such instances trap (Canonical ABI, "Component
/// Instances"): the callee is entered from inside itself, or from one that is inside it.
pub fn kin(program: &Program) -> Vec<(ComponentId, ComponentId)> {
    let mut pairs = Vec::new();
    for index in 0..program.components.len() {
        let component = ComponentId(index as u32);
        pairs.push((component, component));
        let mut ancestor = program.components[index].parent;
        while let Some(id) = ancestor {
            pairs.push((component, id));
            pairs.push((id, component));
            ancestor = program.components[id.index()].parent;
        }
    }
    pairs
}

/// Component instances from which an exception may escape: some core module in them has a tag.
/// What other instances throw becomes a trap where it leaves them.
pub fn may_throw(program: &Program) -> BTreeSet<ComponentId> {
    let throwing = program
        .instances
        .iter()
        .filter(|instance| program.modules[instance.module.index()].has_tags);
    throwing.map(|instance| instance.component).collect()
}

/// Instantiating the program may run code of guests, or trap: until that is done, nothing that the
/// root exports can be called.
pub fn has_start(program: &Program) -> bool {
    let modules =
        program.instances.iter().map(|instance| &program.modules[instance.module.index()]);
    modules.into_iter().any(|module| module.has_start || module.may_trap)
}

/// An exception may escape from the start function of a component's guest. Plain core modules start as
/// their engine starts them.
pub fn start_may_throw(program: &Program) -> bool {
    let throwing = may_throw(program);
    let may_throw = |instance: &CoreInstance| {
        program.modules[instance.module.index()].has_start && throwing.contains(&instance.component)
    };
    matches!(program.world, World::Component(_)) && program.instances.iter().any(may_throw)
}

/// Some function is async, or some instance uses a built-in of the async ABI (but for the counter of
/// backpressure): an instance may have several tasks, and several calls under way.
pub fn has_tasks(program: &Program) -> bool {
    let built_in = |item: &CoreItem| match item {
        CoreItem::Builtin(Builtin::Async(_, name)) => !name.starts_with("backpressure."),
        _ => false,
    };
    program.options.iter().any(|options| options.async_)
        || program.funcs.iter().any(|func| program.types.func(func.ty).async_)
        || core_items(program).any(built_in)
}

/// Component instances whose context is read or written by some core function.
pub fn uses_context(program: &Program) -> BTreeSet<ComponentId> {
    let context = |item: &CoreItem| match item {
        CoreItem::Builtin(Builtin::Context { component, .. }) => Some(*component),
        _ => None,
    };
    core_items(program).filter_map(context).collect()
}

/// Every core item that an instance imports, lifts, allocates with or destroys with.
fn core_items(program: &Program) -> impl Iterator<Item = &CoreItem> {
    let imports = program.instances.iter().flat_map(|instance| &instance.imports);
    let lifted = program.funcs.iter().flat_map(|func| match &func.def {
        FuncDef::Lift { core, post_return, .. } => Some(core).into_iter().chain(post_return),
        FuncDef::Host(_) => None.into_iter().chain(&None),
    });
    let reallocs = program.options.iter().filter_map(|options| options.realloc.as_ref());
    let destructors = program.resources.iter().filter_map(Resource::destructor);
    imports.chain(lifted).chain(reallocs).chain(destructors)
}

/// Types whose values are handles or hold some: resources, streams, futures, error contexts.
pub fn has_handles(types: &Types) -> BTreeSet<TypeId> {
    use ValueType::*;
    types.holding(|ty| matches!(ty, Own(_) | Borrow(_) | Stream(_) | Future(_) | ErrorContext))
}

/// `u32 s32 u64 s64 f32 f64`: every core value is a valid value and means the same.
pub fn whole_word(ty: &ValueType) -> bool {
    use ValueType::*;
    matches!(ty, U32 | S32 | U64 | S64 | F32 | F64)
}

/// `bool u8 s8 u16 s16`: the core value is wider than the type and is normalised.
pub fn part_word(ty: &ValueType) -> bool {
    use ValueType::*;
    matches!(ty, Bool | U8 | S8 | U16 | S16)
}

/// Parameters and result are whole words, few enough to be passed flat. A single result is
/// always flat, and a function has at most one.
pub fn scalar(types: &Types, func: &FuncType) -> bool {
    func.params.len() <= MAX_FLAT_PARAMS
        && func.params.iter().chain(&func.result).all(|ty| whole_word(types.get(*ty)))
}

/// Types whose values lie in one place, laid out alike on both sides whatever the width of pointers:
/// nothing in them points elsewhere or is a handle.
pub fn in_place(types: &Types) -> BTreeSet<TypeId> {
    use ValueType::*;
    let elsewhere = types.holding(|ty| {
        matches!(ty, String | List(_) | Own(_) | Borrow(_) | Stream(_) | Future(_) | ErrorContext)
    });
    types.iter().map(|(id, _)| id).filter(|id| !elsewhere.contains(id)).collect()
}

/// Types of which every bit pattern in memory is a valid value that means the same on both
/// sides, whatever the width of pointers: so that elements can be copied in bulk.
///
/// Numbers are such, and flags whose labels fill their bytes. A record, tuple or list of fixed
/// length is such if its parts are and no padding lies between or after them: what lies in the
/// padding of one memory is none of the other's business, and the Canonical ABI never writes it.
pub fn any_bits(types: &Types) -> BTreeSet<TypeId> {
    use ValueType::*;
    let layouts = Layouts::new(types);
    let size = |ty: &TypeId| layouts.layout(*ty, PtrWidth::W32).ok().map(|layout| layout.size);
    let mut found = BTreeSet::new();
    for (id, ty) in types.iter() {
        // A type's parts come before it.
        let holds = match ty {
            U8 | S8 | U16 | S16 | U32 | S32 | U64 | S64 | F32 | F64 | Flags(8 | 16 | 32) => true,
            Record(fields) | Tuple(fields) => {
                fields.iter().all(|field| found.contains(field))
                    && size(&id) == fields.iter().map(size).sum()
            }
            FixedList(element, _) => found.contains(element),
            _ => false,
        };
        if holds {
            found.insert(id);
        }
    }
    found
}

/// Types of at most 64 bytes of which every bit pattern in memory is a valid value but for padding, of
/// which they have some: numbers, flags whose labels fill their bytes, and what is put together of such.
/// How many bytes a type has, and which are padding, the first the lowest bit.
///
/// Padding is not copied: the one side would see what lies there in the other's memory, and the
/// Canonical ABI never writes it.
pub fn padding(types: &Types) -> HashMap<TypeId, (u32, u64)> {
    use ValueType::*;
    let layouts = Layouts::new(types);
    // Bytes that are of values.
    let mut found: HashMap<TypeId, (u32, u64)> = HashMap::new();
    for (id, ty) in types.iter() {
        let Ok(size) = layouts.layout(id, PtrWidth::W32).map(|layout| layout.size) else {
            continue;
        };
        if !(1..=64).contains(&size) {
            continue;
        }
        // A type's parts come before it.
        let bytes = match ty {
            U8 | S8 | U16 | S16 | U32 | S32 | U64 | S64 | F32 | F64 | Flags(8 | 16 | 32) => {
                Some((1 << size) - 1)
            }
            Record(fields) | Tuple(fields) => {
                layouts.tuple(fields, PtrWidth::W32).ok().and_then(|(_, offsets)| {
                    fields.iter().zip(offsets).try_fold(0, |all, (field, offset)| {
                        Some(all | found.get(field)?.1 << offset)
                    })
                })
            }
            FixedList(element, length) => found
                .get(element)
                .map(|(step, bytes)| (0..*length).fold(0, |all, n| all | bytes << (n * step))),
            _ => None,
        };
        found.extend(bytes.map(|bytes| (id, (size, bytes))));
    }
    let padding = found.into_iter().map(|(id, (size, bytes))| {
        let all = u64::MAX >> (64 - size);
        (id, (size, all & !bytes))
    });
    padding.filter(|(_, (_, bits))| *bits != 0).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pointers_and_handles_are_not_in_place() {
        use ValueType::*;
        let mut types = Types::default();
        let char_ = types.intern(Char);
        let string = types.intern(String);
        let list = types.intern(List(char_));
        let own = types.intern(Own(crate::program::ResourceId(0)));
        let case = [
            (char_, true),
            (string, false),
            (list, false),
            (own, false),
            (types.intern(Variant(vec![Some(char_), None])), true),
            (types.intern(Tuple(vec![char_, list])), false),
            (types.intern(Option(own)), false),
            (types.intern(FixedList(string, 2)), false),
        ];
        for (id, expect) in case {
            assert_eq!(in_place(&types).contains(&id), expect, "{:?}", types.get(id));
        }
    }

    #[test]
    fn bulk_copies_need_every_bit() {
        use ValueType::*;
        let mut types = Types::default();
        let u8_ = types.intern(U8);
        let u16_ = types.intern(U16);
        let u32_ = types.intern(U32);
        let f64_ = types.intern(F64);
        let bool_ = types.intern(Bool);
        let mut check = |ty: ValueType, expect: bool| {
            let id = types.intern(ty.clone());
            assert_eq!(any_bits(&types).contains(&id), expect, "{ty:?}");
        };
        check(U8, true);
        check(Bool, false);
        check(Char, false);
        check(Enum(256), false);
        check(Flags(8), true);
        check(Flags(7), false);
        check(Flags(9), false);
        check(String, false);
        check(List(u8_), false);
        check(Option(u8_), false);
        check(Tuple(vec![u32_, u32_]), true);
        check(Record(vec![u8_, u8_, u16_]), true);
        // Padding between, and after.
        check(Record(vec![u8_, u32_]), false);
        check(Record(vec![u32_, u8_]), false);
        check(Record(vec![f64_, u32_]), false);
        check(Record(vec![u32_, bool_]), false);
        check(FixedList(u16_, 3), true);
        check(FixedList(bool_, 3), false);
    }

    #[test]
    fn padding_is_of_no_value() {
        use ValueType::*;
        let mut types = Types::default();
        let u8_ = types.intern(U8);
        let u16_ = types.intern(U16);
        let u32_ = types.intern(U32);
        let u64_ = types.intern(U64);
        let bool_ = types.intern(Bool);
        let padded = types.intern(Tuple(vec![u8_, u32_]));
        let mut check = |ty: ValueType, expect: std::option::Option<(u32, u64)>| {
            let id = types.intern(ty.clone());
            assert_eq!(padding(&types).get(&id), expect.as_ref(), "{ty:?}");
        };
        check(U8, None);
        check(Tuple(vec![u8_, u32_]), Some((8, 0x0e)));
        check(Record(vec![u32_, u8_]), Some((8, 0xe0)));
        check(Record(vec![u16_, u8_]), Some((4, 0x08)));
        check(Record(vec![u64_, u16_]), Some((16, 0xfc00)));
        check(Tuple(vec![u8_, u32_, u16_]), Some((12, 0xc0e)));
        check(FixedList(padded, 2), Some((16, 0x0e0e)));
        check(FixedList(padded, 8), Some((64, 0x0e0e_0e0e_0e0e_0e0e)));
        check(FixedList(padded, 9), None);
        check(Tuple(vec![u64_, padded, u16_]), Some((24, 0xfc_0e00)));
        check(Record(vec![u64_, u64_, u64_, u8_]), Some((32, 0xfe00_0000)));
        check(Tuple(vec![u8_, bool_]), None);
        check(Tuple(vec![u8_, bool_, u32_]), None);
        check(List(u8_), None);
        check(FixedList(padded, 5), Some((40, 0x0e_0e0e_0e0e)));
        check(FixedList(u64_, 7), None);
        check(FixedList(u8_, 1 << 27), None);
    }

    #[test]
    fn scalars_are_whole_words() {
        use ValueType::*;
        let mut types = Types::default();
        let u32_ = types.intern(U32);
        let f64_ = types.intern(F64);
        let u8_ = types.intern(U8);
        let check = |params: &[TypeId], result: std::option::Option<TypeId>, expect: bool| {
            let func = FuncType { async_: false, params: params.to_vec(), result };
            assert_eq!(scalar(&types, &func), expect, "{func:?}");
        };
        check(&[], None, true);
        check(&[u32_, f64_], Some(u32_), true);
        check(&[u8_], None, false);
        check(&[], Some(u8_), false);
        check(&[u32_; 16], None, true);
        check(&[u32_; 17], None, false);
    }
}

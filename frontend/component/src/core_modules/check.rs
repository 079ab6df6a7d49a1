//! Whether an export may be linked to an import (core specification, "Import Subtyping").

use crate::decode::CoreInput;
use std::collections::HashMap;
use wasmparser::types::{CoreTypeId, EntityType, Types, TypesRef};
use wasmparser::{AbstractHeapType, CompositeInnerType, HeapType, ValType};

/// Types of a module's imports and exports, in order.
pub(super) struct Entities<'a> {
    pub imports: Vec<EntityType>,
    pub exports: Vec<EntityType>,
    /// Positions of exports by name. For look-up only.
    by_name: HashMap<&'a str, usize>,
}

impl<'a> Entities<'a> {
    pub(super) fn new(input: &'a CoreInput) -> Self {
        let types = input.types.as_ref();
        // The validator keeps imports of one name together: give them out in turn.
        let mut grouped: HashMap<(&str, &str), std::collections::VecDeque<EntityType>> =
            HashMap::new();
        for (module, name, ty) in types.core_imports().into_iter().flatten() {
            grouped.entry((module, name)).or_default().push_back(ty);
        }
        let imports =
            input.module.imports.iter().filter_map(|import| {
                grouped.get_mut(&(&*import.module, &*import.name))?.pop_front()
            });
        let imports = imports.collect();
        let exports = types.core_exports().into_iter().flatten().map(|(_, ty)| ty).collect();
        let by_name = input.module.exports.iter().enumerate();
        let by_name = by_name.map(|(i, export)| (&*export.name, i)).collect();
        Entities { imports, exports, by_name }
    }

    /// Position of the export of a name.
    pub(super) fn position(&self, name: &str) -> Option<usize> {
        self.by_name.get(name).copied()
    }
}

/// Whether an export of type `offered` may supply an import of type `expected`. `types` are
/// those of the importer and of the exporter.
pub(super) fn fits(types: (&Types, &Types), expected: EntityType, offered: EntityType) -> bool {
    use EntityType as E;
    match (expected, offered) {
        (E::Func(expected), E::Func(offered)) => declared(types.1.as_ref(), expected, offered),
        (E::Tag(expected), E::Tag(offered)) => expected == offered,
        (E::Global(expected), E::Global(offered)) => {
            let fits = match expected.mutable {
                // What may be written has to be what may be read.
                true => expected.content_type == offered.content_type,
                false => value_fits(types.1.as_ref(), expected.content_type, offered.content_type),
            };
            fits && (expected.mutable, expected.shared) == (offered.mutable, offered.shared)
        }
        (E::Memory(expected), E::Memory(offered)) => {
            expected.memory64 == offered.memory64
                && expected.shared == offered.shared
                && expected.page_size_log2 == offered.page_size_log2
                && limits((expected.initial, expected.maximum), (offered.initial, offered.maximum))
        }
        (E::Table(expected), E::Table(offered)) => {
            expected.table64 == offered.table64
                && expected.shared == offered.shared
                && expected.element_type == offered.element_type
                && limits((expected.initial, expected.maximum), (offered.initial, offered.maximum))
        }
        _ => false,
    }
}

/// Whether a type is another or has it among its supertypes. One validator numbers the types of
/// all inputs: equal types have one id.
fn declared(types: TypesRef<'_>, expected: CoreTypeId, offered: CoreTypeId) -> bool {
    std::iter::successors(Some(offered), |id| types.supertype_of(*id)).any(|id| id == expected)
}

/// Whether a value of one type is a value of the other (core specification, "Matching").
fn value_fits(types: TypesRef<'_>, expected: ValType, offered: ValType) -> bool {
    let (ValType::Ref(expected), ValType::Ref(offered)) = (expected, offered) else {
        return expected == offered;
    };
    if offered.is_nullable() && !expected.is_nullable() {
        return false;
    }
    match (expected.heap_type(), offered.heap_type()) {
        (HeapType::Concrete(expected), HeapType::Concrete(offered)) => {
            match (expected.as_core_type_id(), offered.as_core_type_id()) {
                (Some(expected), Some(offered)) => declared(types, expected, offered),
                _ => false,
            }
        }
        (expected, offered) => {
            let is_bottom = |ty: HeapType| match ty {
                HeapType::Abstract { ty, .. } => {
                    use AbstractHeapType as A;
                    matches!(ty, A::None | A::NoFunc | A::NoExtern | A::NoExn | A::NoCont)
                }
                _ => false,
            };
            // Nothing but a bottom type is below a type that a module declares.
            let concrete = matches!(expected, HeapType::Concrete(_) | HeapType::Exact(_));
            let kinds = (kind(types, expected), kind(types, offered));
            let (Some((expected, shared)), Some((below, offered_shared))) = kinds else {
                return false;
            };
            shared == offered_shared
                && (!concrete || is_bottom(offered))
                && std::iter::successors(Some(below), |ty| above(*ty, expected))
                    .any(|ty| ty == expected)
        }
    }
}

/// The abstract type that a heap type is or is directly below, and whether it is shared.
fn kind(types: TypesRef<'_>, ty: HeapType) -> Option<(AbstractHeapType, bool)> {
    let id = match ty {
        HeapType::Abstract { ty, shared } => return Some((ty, shared)),
        HeapType::Concrete(index) | HeapType::Exact(index) => index.as_core_type_id()?,
    };
    let ty = &types[id].composite_type;
    let kind = match &ty.inner {
        CompositeInnerType::Func(_) => AbstractHeapType::Func,
        CompositeInnerType::Array(_) => AbstractHeapType::Array,
        CompositeInnerType::Struct(_) => AbstractHeapType::Struct,
        CompositeInnerType::Cont(_) => AbstractHeapType::Cont,
    };
    Some((kind, ty.shared))
}

/// The next abstract type on the way up from a type; from `none`, which is below several, the way
/// to `goal`.
fn above(ty: AbstractHeapType, goal: AbstractHeapType) -> Option<AbstractHeapType> {
    use AbstractHeapType::*;
    match ty {
        None => match goal {
            Struct | Array | I31 => Some(goal),
            _ => Some(Eq),
        },
        Struct | Array | I31 => Some(Eq),
        Eq => Some(Any),
        NoFunc => Some(Func),
        NoExtern => Some(Extern),
        NoExn => Some(Exn),
        NoCont => Some(Cont),
        Any | Func | Extern | Exn | Cont => Option::None,
    }
}

fn limits(expected: (u64, Option<u64>), offered: (u64, Option<u64>)) -> bool {
    offered.0 >= expected.0
        && match (expected.1, offered.1) {
            (None, _) => true,
            (Some(expected), Some(offered)) => offered <= expected,
            (Some(_), None) => false,
        }
}

/// A type as text for people, in the text format's style.
pub(super) fn describe(types: &Types, ty: EntityType) -> String {
    let types = types.as_ref();
    match ty {
        EntityType::Func(id) | EntityType::FuncExact(id) => signature("func", types, id),
        EntityType::Tag(id) => signature("tag", types, id),
        EntityType::Global(ty) if ty.mutable => format!("(global (mut {}))", ty.content_type),
        EntityType::Global(ty) => format!("(global {})", ty.content_type),
        EntityType::Memory(ty) => {
            let width = if ty.memory64 { " i64" } else { "" };
            let shared = if ty.shared { " shared" } else { "" };
            let page = ty.page_size_log2.map(|log| format!(" (pagesize {})", 1u64 << log.min(63)));
            let limits = show_limits(ty.initial, ty.maximum);
            format!("(memory{width} {limits}{shared}{})", page.unwrap_or_default())
        }
        EntityType::Table(ty) => {
            let width = if ty.table64 { " i64" } else { "" };
            let limits = show_limits(ty.initial, ty.maximum);
            format!("(table{width} {limits} {})", ValType::Ref(ty.element_type))
        }
    }
}

fn show_limits(initial: u64, maximum: Option<u64>) -> String {
    maximum.map_or(initial.to_string(), |maximum| format!("{initial} {maximum}"))
}

fn signature(keyword: &str, types: TypesRef<'_>, id: CoreTypeId) -> String {
    let CompositeInnerType::Func(ty) = &types[id].composite_type.inner else {
        return format!("({keyword})");
    };
    let mut text = format!("({keyword}");
    for (part, list) in [("param", ty.params()), ("result", ty.results())] {
        if !list.is_empty() {
            let list: Vec<_> = list.iter().map(ToString::to_string).collect();
            text += &format!(" ({part} {})", list.join(" "));
        }
    }
    text + ")"
}

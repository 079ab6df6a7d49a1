//! What the functions at the host's edge need of a core module, which can offer one memory.

use super::{core_items, has_handles};
use crate::needs::{Needs, NeedsOf};
use crate::program::{
    CanonicalOptions, CoreItem, FuncDef, OptionsId, Program, StringEncoding, World,
};
use crate::types::{FuncTypeId, TypeId, Types};
use std::collections::BTreeSet;

/// Types of functions some of whose values cross in memory, at whatever side.
pub fn in_memory(types: &Types) -> BTreeSet<FuncTypeId> {
    let needs = NeedsOf::new(types);
    let all = types.iter_funcs().map(|(id, _)| id);
    all.filter(|id| needs.lower(*id).memory || needs.lift(*id).memory).collect()
}

/// The functions that a component's root imports or exports do not all agree on one memory,
/// allocator and encoding; or some of them pass handles, for which there is a memory of its own.
pub fn several_faces(program: &Program) -> bool {
    if let World::Core { .. } = program.world {
        return false;
    }
    let handles = has_handles(&program.types);
    let needs = NeedsOf::new(&program.types);
    let mut face = Face { program, handles, memory: None, realloc: None, encoding: None };
    for item in core_items(program) {
        if let CoreItem::Lower { func, options } = item
            && let FuncDef::Host(_) = program.funcs[func.index()].def
        {
            let ty = program.funcs[func.index()].ty;
            if !face.shows(ty, needs.lower(ty), *options) {
                return true;
            }
        }
    }
    for export in &program.root_exports {
        let func = &program.funcs[export.func.index()];
        if let FuncDef::Lift { options, .. } = &func.def
            && !face.shows(func.ty, needs.lift(func.ty), *options)
        {
            return true;
        }
    }
    false
}

/// What the functions so far agree on.
struct Face<'p> {
    program: &'p Program,
    handles: BTreeSet<TypeId>,
    memory: Option<&'p CoreItem>,
    realloc: Option<&'p CoreItem>,
    encoding: Option<StringEncoding>,
}

impl Face<'_> {
    /// Whether a function agrees, too.
    fn shows(&mut self, ty: FuncTypeId, needs: Needs, options: OptionsId) -> bool {
        let program = self.program;
        let CanonicalOptions { memory, realloc, encoding, .. } = &program.options[options.index()];
        let ty = program.types.func(ty);
        let mut types = ty.params.iter().chain(&ty.result);
        if types.any(|ty| self.handles.contains(ty)) {
            return false;
        }
        fn one<T: PartialEq + Copy>(known: &mut Option<T>, needed: bool, found: Option<T>) -> bool {
            !needed || found.is_none_or(|found| *known.get_or_insert_with(|| found) == found)
        }
        one(&mut self.memory, needs.memory, memory.as_ref())
            && one(&mut self.realloc, needs.realloc, realloc.as_ref())
            && one(&mut self.encoding, needs.strings, Some(*encoding))
    }
}

#[cfg(test)]
mod tests;

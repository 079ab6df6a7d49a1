//! What the functions at the host's edge need of a core module, which can offer one memory.

use super::{core_items, has_handles};
use crate::needs::{Needs, NeedsOf};
use crate::program::{
    CanonicalOptions, CoreItem, FuncDef, OptionsId, Program, StringEncoding, World,
};
use crate::types::{FuncTypeId, Types};
use std::collections::BTreeSet;

/// Types of functions some of whose values cross in memory, at whatever side.
pub fn in_memory(types: &Types) -> BTreeSet<FuncTypeId> {
    let needs = NeedsOf::new(types);
    let all = types.iter_funcs().map(|(id, _)| id);
    all.filter(|id| needs.lower(*id).memory || needs.lift(*id).memory).collect()
}

/// The functions that a component's root imports or exports do not all agree on one memory, allocator
/// and encoding.
pub fn several_faces(program: &Program) -> bool {
    let needs = NeedsOf::new(&program.types);
    let mut agreed = Agreed { program, memory: None, realloc: None, encoding: None };
    edge(program).any(|(ty, crosses, options)| {
        let needs = match crosses {
            Crosses::Lowered => needs.lower(ty),
            Crosses::Lifted => needs.lift(ty),
        };
        !agreed.takes(needs, options)
    })
}

/// Some function that a component's root imports or exports passes handles.
pub fn passes_handles(program: &Program) -> bool {
    let handles = has_handles(&program.types);
    edge(program).any(|(ty, ..)| {
        let ty = program.types.func(ty);
        ty.params.iter().chain(&ty.result).any(|ty| handles.contains(ty))
    })
}

/// How a function crosses the host's edge.
enum Crosses {
    /// A guest calls the host.
    Lowered,
    /// The host calls a guest.
    Lifted,
}

/// The functions that a component's root imports and somebody lowers, and those of guests that it
/// exports, each with the guest's options.
fn edge(program: &Program) -> impl Iterator<Item = (FuncTypeId, Crosses, OptionsId)> + '_ {
    let core = matches!(program.world, World::Core { .. });
    let lowered = core_items(program).filter_map(|item| match item {
        CoreItem::Lower { func, options } => {
            let func = &program.funcs[func.index()];
            matches!(func.def, FuncDef::Host(_)).then_some((func.ty, Crosses::Lowered, *options))
        }
        _ => None,
    });
    let exported = program.root_exports.iter().filter_map(|export| {
        let func = &program.funcs[export.func.index()];
        match func.def {
            FuncDef::Lift { options, .. } => Some((func.ty, Crosses::Lifted, options)),
            FuncDef::Host(_) => None,
        }
    });
    lowered.chain(exported).filter(move |_| !core)
}

/// What the functions so far agree on.
struct Agreed<'p> {
    program: &'p Program,
    memory: Option<&'p CoreItem>,
    realloc: Option<&'p CoreItem>,
    encoding: Option<StringEncoding>,
}

impl Agreed<'_> {
    /// Whether a function agrees, too.
    fn takes(&mut self, needs: Needs, options: OptionsId) -> bool {
        let program = self.program;
        let CanonicalOptions { memory, realloc, encoding, .. } = &program.options[options.index()];
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

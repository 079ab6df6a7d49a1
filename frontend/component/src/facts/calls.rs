//! What guests leave to the host that packs answer: who calls it, and what they hand to each other by it.

use super::importers::{Guest, Import, guest, supplied_by};
use super::reached::called;
use crate::program::{CoreItem, CoreKind, HostModuleId, InstanceId, Program};
use std::collections::{BTreeMap, BTreeSet};

/// Imports of functions that core instances leave to the host: importer, position among its
/// imports, and the two names by which the host knows the function.
pub fn host_functions(program: &Program) -> impl Iterator<Item = (InstanceId, u32, &str, &str)> {
    let instances = (0..program.instances.len() as u32).map(InstanceId);
    instances.flat_map(|id| {
        let imports = program.module_of(id).imports.iter().zip(0..);
        let items = &program.instances[id.index()].imports;
        imports.zip(items).filter_map(move |((import, position), item)| {
            match (&import.kind, item) {
                (CoreKind::Func(_), CoreItem::Host { module, name, .. }) => {
                    Some((id, position, module.as_str(), name.as_str()))
                }
                _ => None,
            }
        })
    })
}

/// A kind of things that guests can hand to each other by functions of a module.
#[derive(Clone, Debug)]
pub struct HandedOver {
    /// The module's name.
    pub module: String,
    /// The kind's.
    pub kind: String,
    /// The function that makes such a thing.
    pub makes: String,
    /// The one that puts something in.
    pub gives: String,
    /// The one that takes it out.
    pub takes: String,
}

/// Imports from modules that packs answer, by what is done with them.
#[derive(Clone, Debug, Default)]
pub struct Calls {
    /// Those that nothing calls.
    pub never: BTreeSet<Import>,
    /// Those that something calls, of hosts by which guests hand something of this kind to each other.
    pub between_guests: BTreeSet<(Import, String)>,
}

/// An import that something calls, with the function's name.
type Called<'p> = (Import, &'p str);

/// Looks at all imports from modules of these names.
pub fn calls(program: &Program, modules: &BTreeSet<String>, handed: &[HandedOver]) -> Calls {
    let all: Vec<(Import, &str, &str)> = host_functions(program)
        .filter(|(_, _, module, _)| modules.contains(*module))
        .map(|(instance, position, module, name)| ((instance, position), module, name))
        .collect();
    if all.is_empty() {
        return Calls::default();
    }
    let wanted = all.iter().map(|(import, ..)| *import).collect();
    let called = called(program, &wanted);
    let mut by_host: BTreeMap<(&str, Option<HostModuleId>), Vec<Called>> = BTreeMap::new();
    for (import, module, name) in all.iter().filter(|(import, ..)| called.contains(import)) {
        let host = supplied_by(program, *import).map(|(module, _)| module);
        by_host.entry((module, host)).or_default().push((*import, name));
    }
    let mut between_guests = BTreeSet::new();
    for ((module, _), imports) in &by_host {
        for kind in handed.iter().filter(|kind| kind.module == *module) {
            if is_between_guests(program, imports, kind) {
                let imports = imports.iter().map(|(import, _)| (*import, kind.kind.clone()));
                between_guests.extend(imports);
            }
        }
    }
    Calls { never: wanted.difference(&called).copied().collect(), between_guests }
}

/// Whether of the functions of a host that something calls some guest calls the one that makes such things, one
/// that which gives, and another one that which takes.
fn is_between_guests(program: &Program, called: &[Called<'_>], kind: &HandedOver) -> bool {
    // Who has no memory has nothing to give or take, and only passes the function on.
    let has_memory = |id: &InstanceId| !program.module_of(*id).memories.is_empty();
    let users = |wanted: &str| {
        let imports = called.iter().filter(|(_, name)| *name == wanted);
        let instances = imports.map(|((instance, _), _)| *instance).filter(has_memory);
        instances.map(|instance| guest(program, instance)).collect::<BTreeSet<Guest>>()
    };
    let (givers, takers) = (users(&kind.gives), users(&kind.takes));
    let both = !givers.is_empty() && !takers.is_empty();
    let one = givers.len() == 1 && givers == takers;
    both && !one && called.iter().any(|(_, name)| *name == kind.makes)
}

//! What guests import from the host's intrinsics for streams and futures (`pulseengine:async`).

use super::importers::{Guest, Import, guest, supplied_by};
use super::reached::called;
use crate::program::{CoreItem, CoreKind, HostModuleId, InstanceId, Program};
use std::collections::{BTreeMap, BTreeSet};

/// The module whose functions are the intrinsics.
const INTRINSICS: &str = "pulseengine:async";

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

/// Imports of the intrinsics, by what is done with them.
#[derive(Clone, Debug, Default)]
pub struct Intrinsics {
    /// Those that nothing calls.
    pub never_called: BTreeSet<Import>,
    /// Those for streams that something calls, of hosts of whose streams guests share the ends.
    pub streams: BTreeSet<Import>,
    /// The same for futures.
    pub futures: BTreeSet<Import>,
}

/// Looks at all imports of the intrinsics.
pub fn intrinsics(program: &Program) -> Intrinsics {
    let all: Vec<(Import, &str)> = host_functions(program)
        .filter(|(_, _, module, _)| *module == INTRINSICS)
        .map(|(instance, position, _, name)| ((instance, position), name))
        .collect();
    if all.is_empty() {
        return Intrinsics::default();
    }
    let wanted = all.iter().map(|(import, _)| *import).collect();
    let called = called(program, &wanted);
    let mut by_host: BTreeMap<Option<HostModuleId>, Vec<(Import, &str)>> = BTreeMap::new();
    for (import, name) in all.iter().filter(|(import, _)| called.contains(import)) {
        let host = supplied_by(program, *import).map(|(module, _)| module);
        by_host.entry(host).or_default().push((*import, name));
    }
    let of = |kind: &str| by_host.values().flat_map(|all| shared(program, all, kind)).collect();
    Intrinsics {
        streams: of("stream_"),
        futures: of("future_"),
        never_called: wanted.difference(&called).copied().collect(),
    }
}

/// Those of one host's intrinsics that something calls of which names begin with `kind`, if guests share ends of
/// that kind: some guest makes them, one writes, and another one reads. None otherwise.
fn shared(program: &Program, called: &[(Import, &str)], kind: &str) -> Vec<Import> {
    let imports: Vec<(Import, &str)> = called
        .iter()
        .filter_map(|(import, name)| Some((*import, name.strip_prefix(kind)?)))
        .collect();
    // Who has no memory has nothing to read or write, and only passes the function on.
    let has_memory = |id: &InstanceId| !program.module_of(*id).memories.is_empty();
    let users = |wanted| {
        let imports = imports.iter().filter(|(_, name)| *name == wanted);
        let instances = imports.map(|((instance, _), _)| *instance).filter(has_memory);
        instances.map(|instance| guest(program, instance)).collect::<BTreeSet<Guest>>()
    };
    let (writers, readers) = (users("write"), users("read"));
    let both = !writers.is_empty() && !readers.is_empty();
    let one = writers.len() == 1 && writers == readers;
    if both && !one && imports.iter().any(|(_, name)| *name == "new") {
        imports.into_iter().map(|(import, _)| import).collect()
    } else {
        Vec::new()
    }
}

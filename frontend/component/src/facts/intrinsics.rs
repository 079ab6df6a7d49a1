//! What guests import from the host's intrinsics for streams and futures (`pulseengine:async`).

use crate::program::{CoreItem, CoreKind, InstanceId, Program};
use std::collections::BTreeSet;

/// The module whose functions are the intrinsics. It stands for the one host that there is, so all
/// instances of it are the same.
pub const INTRINSICS: &str = "pulseengine:async";

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

/// Imports of the intrinsics of a kind, whose names begin with `stream_` or `future_`, of which guests share
/// ends: some guest makes them, one writes, and another one reads. None otherwise.
pub fn shares(program: &Program, kind: &str) -> BTreeSet<(InstanceId, u32)> {
    let imports: Vec<(InstanceId, u32, &str)> = host_functions(program)
        .filter(|(_, _, module, _)| *module == INTRINSICS)
        .filter_map(|(id, position, _, name)| Some((id, position, name.strip_prefix(kind)?)))
        .collect();
    let importers = |wanted: &'static str| {
        let all = imports.iter().filter(move |(_, _, name)| *name == wanted);
        all.map(|(id, ..)| *id)
    };
    // Who has no memory has nothing to read or write, and only passes the function on.
    let users = |wanted| importers(wanted).filter(|id| !program.module_of(*id).memories.is_empty());
    let between = users("write").any(|writer| users("read").any(|reader| reader != writer));
    if !between || importers("new").next().is_none() {
        return BTreeSet::new();
    }
    imports.iter().map(|(id, position, _)| (*id, *position)).collect()
}

//! What guests import from the host's intrinsics for streams and futures (`pulseengine:async`).

use super::named::named;
use super::reached::reached;
use crate::program::{CoreItem, CoreKind, InstanceId, ModuleId, Program};
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

/// Imports of the intrinsics of a kind, whose names begin with `stream_` or `future_`, of which guests share
/// ends: some guest makes them, one writes, and another one reads. None otherwise. A guest that imports a
/// function and never names it in its code, its exports or its tables does nothing with it, nor does one that
/// nothing [reaches](reached).
pub fn shares(program: &Program, kind: &str) -> BTreeSet<(InstanceId, u32)> {
    let reached = reached(program);
    let imports: Vec<(InstanceId, u32, &str)> = host_functions(program)
        .filter(|(id, _, module, _)| *module == INTRINSICS && reached.contains(id))
        .filter_map(|(id, position, _, name)| Some((id, position, name.strip_prefix(kind)?)))
        .collect();
    let of = |wanted: &'static str| imports.iter().filter(move |(.., name)| *name == wanted);
    // Who has no memory has nothing to read or write, and only passes the function on.
    let has_memory = |id: &InstanceId| !program.module_of(*id).memories.is_empty();
    let shared = |is_named: &dyn Fn(InstanceId, u32) -> bool| {
        let users = |wanted| {
            let named = of(wanted).filter(|(id, position, _)| is_named(*id, *position));
            let mut users: Vec<InstanceId> = named.map(|(id, ..)| *id).filter(has_memory).collect();
            users.dedup();
            users
        };
        let makes = of("new").any(|(id, position, _)| is_named(*id, *position));
        makes
            && match (&users("write")[..], &users("read")[..]) {
                ([writer], [reader]) => writer != reader,
                (writers, readers) => !writers.is_empty() && !readers.is_empty(),
            }
    };
    if !shared(&|_, _| true) {
        return BTreeSet::new();
    }
    // Code is looked into only where all depends on it.
    let module_of = |id: InstanceId| program.instances[id.index()].module;
    let mut positions: BTreeMap<ModuleId, BTreeSet<u32>> = BTreeMap::new();
    for (id, position, _) in ["new", "write", "read"].into_iter().flat_map(of) {
        positions.entry(module_of(*id)).or_default().insert(*position);
    }
    let named: BTreeMap<ModuleId, BTreeSet<u32>> = positions
        .iter()
        .map(|(module, positions)| (*module, named(program, *module, positions)))
        .collect();
    if !shared(&|id, position| named[&module_of(id)].contains(&position)) {
        return BTreeSet::new();
    }
    imports.iter().map(|(id, position, _)| (*id, *position)).collect()
}

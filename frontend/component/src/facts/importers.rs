//! What the instances are and have that leave functions to the host: whose they are, and their first
//! memory and table.

use super::host_functions;
use crate::program::{CoreExport, CoreItem, CoreKind, InstanceId, Program, World};
use std::collections::HashMap;
use std::hash::Hash;

/// An import: its instance, and its position among the imports of that.
type Import = (InstanceId, u32);

/// Imports of functions that are left to the host, each with the first such import of its guest. A guest
/// is a plain core module, or all core instances of a component instance.
pub fn guests(program: &Program) -> Vec<(Import, Import)> {
    first_of_each(program, |instance| match program.world {
        World::Core { .. } => (Some(instance), None),
        World::Component(_) => (None, Some(program.instances[instance.index()].component)),
    })
}

/// The same with the first such import of all whose core functions may call each other. Core functions do
/// not cross from one component instance to another: [`may_throw`](super::may_throw),
/// [`observes_leave`](super::observes_leave) and the argument in `resources.rs` rest on it. Between plain
/// core modules there is nothing that a call has to go through.
pub fn peers(program: &Program) -> Vec<(Import, Import)> {
    first_of_each(program, |instance| match program.world {
        World::Core { .. } => None,
        World::Component(_) => Some(program.instances[instance.index()].component),
    })
}

/// Imports of functions that are left to the host, each with the first one of those with the same key.
fn first_of_each<K: Eq + Hash>(
    program: &Program,
    key: impl Fn(InstanceId) -> K,
) -> Vec<(Import, Import)> {
    let mut first_of = HashMap::new();
    let imports = host_functions(program).map(|(instance, position, ..)| (instance, position));
    imports.map(|import| (import, *first_of.entry(key(import.0)).or_insert(import))).collect()
}

/// What is at index 0 of an index space of an instance.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum First {
    /// An instance defines it, at this index.
    Defined(InstanceId, u32),
    /// The host supplies it, by these names.
    Host(String, String),
}

/// Pairs of imports of functions that are left to the host, of instances that have one memory in
/// common as their first: each import but the first such one, and that.
pub fn same_memory(program: &Program) -> Vec<(Import, Import)> {
    let mut first_of = HashMap::new();
    let mut pairs = Vec::new();
    for (instance, position, ..) in host_functions(program) {
        let import = (instance, position);
        match first_memory(program, instance)
            .map(|memory| *first_of.entry(memory).or_insert(import))
        {
            Some(first) if first != import => pairs.push((import, first)),
            _ => {}
        }
    }
    pairs
}

fn first_memory(program: &Program, instance: InstanceId) -> Option<First> {
    let module = program.module_of(instance);
    let is_memory = |kind: &CoreKind| matches!(kind, CoreKind::Memory { .. });
    match module.imports.iter().position(|import| is_memory(&import.kind)) {
        None => (!module.memories.is_empty()).then_some(First::Defined(instance, 0)),
        Some(position) => match &program.instances[instance.index()].imports[position] {
            CoreItem::Export { instance, export } => {
                let exported = &program.module_of(*instance).exports[*export as usize];
                Some(First::Defined(*instance, exported.index))
            }
            CoreItem::Host { module, name, .. } => Some(First::Host(module.clone(), name.clone())),
            _ => None,
        },
    }
}

/// Imports of functions that are left to the host, each with the first table of its instance, where
/// that is imported or exported, so that others can name it.
pub fn tables(program: &Program) -> Vec<(Import, CoreItem)> {
    let table_of = |instance: InstanceId| {
        let module = program.module_of(instance);
        let imported = module.imports.iter().position(|import| import.kind == CoreKind::Table);
        if let Some(position) = imported {
            return Some(program.instances[instance.index()].imports[position].clone());
        }
        let is_first = |export: &CoreExport| export.kind == CoreKind::Table && export.index == 0;
        let export = module.exports.iter().position(is_first)? as u32;
        Some(CoreItem::Export { instance, export })
    };
    host_functions(program)
        .filter_map(|(instance, position, ..)| Some(((instance, position), table_of(instance)?)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::read_all;

    #[test]
    fn one_memory_by_other_names() {
        let program = read_all(&[
            (
                "a",
                r#"(module (import "h" "f" (func)) (import "h" "g" (func))
                (memory (export "mine") 1) (memory (export "other") 1))"#,
            ),
            ("b", r#"(module (import "h" "f" (func)) (import "a" "mine" (memory 1)))"#),
            ("c", r#"(module (import "h" "f" (func)) (import "a" "other" (memory 1)))"#),
            ("d", r#"(module (import "h" "f" (func)) (import "h" "m" (memory 1)))"#),
            ("e", r#"(module (import "h" "f" (func)) (import "h" "m" (memory 1)))"#),
            ("f", r#"(module (import "h" "f" (func)))"#),
        ])
        .unwrap();
        let of = |name: &str| {
            let instance = program.instances.iter().position(|i| i.name == name);
            InstanceId(instance.unwrap() as u32)
        };
        let (a, b, d, e) = (of("a"), of("b"), of("d"), of("e"));
        assert_eq!(same_memory(&program), [((a, 1), (a, 0)), ((b, 0), (a, 0)), ((e, 0), (d, 0))]);
    }

    #[test]
    fn tables_that_can_be_named() {
        let program = read_all(&[
            (
                "a",
                r#"(module (import "h" "f" (func)) (table 1 funcref) (table (export "t") 1 funcref))"#,
            ),
            ("b", r#"(module (import "h" "f" (func)) (table (export "t") 1 funcref))"#),
            ("c", r#"(module (import "h" "f" (func)) (import "b" "t" (table 1 funcref)))"#),
        ])
        .unwrap();
        let of = |name: &str| {
            let instance = program.instances.iter().position(|i| i.name == name);
            InstanceId(instance.unwrap() as u32)
        };
        let of_b = CoreItem::Export { instance: of("b"), export: 0 };
        assert_eq!(tables(&program), [((of("b"), 0), of_b.clone()), ((of("c"), 0), of_b)]);
    }
}

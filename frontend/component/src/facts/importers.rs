//! What the instances are and have that leave functions to the host: whose they are, their first memory
//! and table, and what others call the same functions.

use super::host_functions;
use crate::program::{CoreExport, CoreItem, CoreKind, HostModuleId, InstanceId, Program, World};
use std::collections::{BTreeSet, HashMap};

/// An import: its instance, and its position among the imports of that.
type Import = (InstanceId, u32);

/// Imports of functions that are left to the host, each with the first such import of its guest. A guest
/// is a plain core module, or all core instances of a component instance.
pub fn guests(program: &Program) -> Vec<(Import, Import)> {
    let guest = |instance: InstanceId| match program.world {
        World::Core { .. } => (Some(instance), None),
        World::Component(_) => (None, Some(program.instances[instance.index()].component)),
    };
    let mut first_of = HashMap::new();
    let imports = host_functions(program).map(|(instance, position, ..)| (instance, position));
    imports.map(|import| (import, *first_of.entry(guest(import.0)).or_insert(import))).collect()
}

/// Imports of functions that are left to the host, each with the first import of the same function, of
/// whichever instance of a core module that the root imports.
pub fn first_imports(program: &Program) -> Vec<(Import, Import)> {
    let mut first_of = HashMap::new();
    let imports = host_functions(program).map(|(instance, position, ..)| (instance, position));
    imports
        .map(|import| match program.host_exports.get(&importer_of(program, import)) {
            Some((instance, export)) => {
                let function = (program.host_instances[instance.index()], export);
                (import, *first_of.entry(function).or_insert(import))
            }
            None => (import, import),
        })
        .collect()
}

/// Imports of functions of core modules that the root imports, each with that module.
pub fn root_modules(program: &Program) -> Vec<(Import, HostModuleId)> {
    let imports = host_functions(program).map(|(instance, position, ..)| (instance, position));
    imports
        .filter_map(|import| {
            let (instance, _) = program.host_exports.get(&importer_of(program, import))?;
            Some((import, program.host_instances[instance.index()]))
        })
        .collect()
}

/// The names of core modules that the root imports: those by which guests import from them, and those that
/// the root has for them.
pub fn known_as(program: &Program) -> BTreeSet<(HostModuleId, String)> {
    let mut names = BTreeSet::new();
    for ((instance, position), module) in root_modules(program) {
        if let CoreItem::Host { module: name, .. } =
            &program.instances[instance.index()].imports[position as usize]
        {
            names.insert((module, name.clone()));
        }
    }
    let modules = (0..program.host_modules.len() as u32).map(HostModuleId);
    names.extend(modules.flat_map(|module| {
        root_names(program, module).into_iter().map(move |name| (module, name.to_string()))
    }));
    names
}

/// The name of a core module that the root imports, and the package that it depends on by that name:
/// `a:b` of `unlocked-dep=<a:b@{>=1.0.0}>`.
fn root_names(program: &Program, module: HostModuleId) -> Vec<&str> {
    let name = program.host_modules[module.index()].path.last().map(String::as_str);
    let package = name
        .and_then(|name| name.split_once("dep=<"))
        .and_then(|(_, package)| package.split(['@', '>']).next());
    name.into_iter().chain(package).collect()
}

/// The import by which a function of the host came into the program, which others may pass on.
fn importer_of(program: &Program, (instance, position): Import) -> Import {
    match &program.instances[instance.index()].imports[position as usize] {
        CoreItem::Host { importer, .. } => *importer,
        _ => (instance, position),
    }
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
    use crate::testing::{component, read_all};

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
    fn one_core_module_by_other_names() {
        let program = component(
            r#"(component
              (import "unlocked-dep=<a:b@{>=1.0.0}>" (core module $host (export "f" (func))))
              (import "other" (core module $other (export "f" (func))))
              (core instance $one (instantiate $host))
              (core instance $two (instantiate $host))
              (core instance $other (instantiate $other))
              (core module $m (import "x" "f" (func)) (import "y" "g" (func)) (import "z" "f" (func)))
              (alias core export $two "f" (core func $f))
              (core instance (instantiate $m (with "x" (instance $one))
                (with "y" (instance (export "g" (func $f)))) (with "z" (instance $other)))))"#,
        );
        let m = InstanceId(0);
        let names: Vec<&str> = host_functions(&program).map(|(.., name)| name).collect();
        assert_eq!(names, ["f", "f", "f"]);
        assert_eq!(first_imports(&program), [((m, 0), (m, 0)), ((m, 1), (m, 0)), ((m, 2), (m, 2))]);
        let (host, other) = (HostModuleId(0), HostModuleId(1));
        assert_eq!(root_modules(&program), [((m, 0), host), ((m, 1), host), ((m, 2), other)]);
        let known: Vec<(HostModuleId, String)> = known_as(&program).into_iter().collect();
        let expect = [
            (host, "a:b"),
            (host, "unlocked-dep=<a:b@{>=1.0.0}>"),
            (host, "x"),
            (host, "y"),
            (other, "other"),
            (other, "z"),
        ];
        assert_eq!(known, expect.map(|(module, name)| (module, name.to_string())));
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

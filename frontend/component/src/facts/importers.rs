//! What the instances are and have that leave functions to the host: whose they are, their first memory
//! and table, and what others call the same functions.

use super::host_functions;
use crate::program::{
    ComponentId, CoreItem, CoreKind, CoreModule, HostModuleId, InstanceId, Program, World,
};
use std::collections::{BTreeSet, HashMap};
use std::hash::Hash;

/// An import: its instance, and its position among the imports of that.
pub(super) type Import = (InstanceId, u32);

/// Imports of functions that are left to the host.
pub(super) fn imports(program: &Program) -> impl Iterator<Item = Import> {
    host_functions(program).map(|(instance, position, ..)| (instance, position))
}

/// Which function of which core module of the root an import is, whatever instance of the module has it; none of
/// plain core modules.
pub(super) fn supplied_by(
    program: &Program,
    (instance, position): Import,
) -> Option<(HostModuleId, &str)> {
    // By the import by which it came into the program, which others may pass on.
    let CoreItem::Host { importer, .. } =
        &program.instances[instance.index()].imports[position as usize]
    else {
        return None;
    };
    let (instance, export) = program.host_exports.get(importer)?;
    Some((program.host_instances[instance.index()], export))
}

/// A guest: a plain core module, or a component instance with all its core instances.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Guest {
    Module(InstanceId),
    Component(ComponentId),
}

/// The guest that a core instance belongs to.
pub(super) fn guest(program: &Program, instance: InstanceId) -> Guest {
    match program.world {
        World::Core { .. } => Guest::Module(instance),
        World::Component(_) => Guest::Component(program.instances[instance.index()].component),
    }
}

/// Imports of functions that are left to the host, each with the first such import of its guest: a plain core
/// module, or a component instance with all its core instances.
pub fn guests(program: &Program) -> Vec<(Import, Import)> {
    first_of_each(program, |instance| guest(program, instance))
}

/// The same with the first such import of all whose core functions may call each other. Core functions do
/// not cross from one component instance to another: [`may_throw`](super::may_throw),
/// [`leaving`](super::leaving) and the argument in `resources.rs` rest on it. Between plain
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
    imports(program)
        .map(|import| (import, *first_of.entry(key(import.0)).or_insert(import)))
        .collect()
}

/// Imports of functions that are left to the host, each with the first import of the same function, of
/// whichever instance of a core module that the root imports: one that is called, if there is one.
pub fn first_imports(program: &Program, never_called: &BTreeSet<Import>) -> Vec<(Import, Import)> {
    let (never, called): (Vec<Import>, Vec<Import>) =
        imports(program).partition(|import| never_called.contains(import));
    let mut first_of = HashMap::new();
    let firsts = called.into_iter().chain(never).map(|import| match supplied_by(program, import) {
        Some(function) => (import, *first_of.entry(function).or_insert(import)),
        None => (import, import),
    });
    firsts.collect()
}

/// Imports of functions of core modules that the root imports, each with that module.
pub fn root_modules(program: &Program) -> Vec<(Import, HostModuleId)> {
    imports(program).filter_map(|import| Some((import, supplied_by(program, import)?.0))).collect()
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
    for (host, id) in program.host_modules.iter().zip(0..) {
        let name = host.path.last().map(String::as_str);
        let package = name.and_then(package_depended_on);
        names.extend(name.into_iter().chain(package).map(|n| (HostModuleId(id), n.to_string())));
    }
    names
}

/// The package that an import depends on by its name: `a:b` of `unlocked-dep=<a:b@{>=1.0.0}>`. Nothing else says
/// so; wasmparser reads such names and does not tell their parts. (Component Model, explainer, "Import and Export
/// Definitions", `depname`.)
fn package_depended_on(name: &str) -> Option<&str> {
    let name = name.strip_prefix("unlocked-dep=<").or_else(|| name.strip_prefix("locked-dep=<"))?;
    name.split(['@', '>']).next()
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
    same_first(program, |kind| matches!(kind, CoreKind::Memory { .. }), |module| &module.memories)
}

/// The same of tables.
pub fn same_table(program: &Program) -> Vec<(Import, Import)> {
    same_first(program, |kind| matches!(kind, CoreKind::Table { .. }), |module| &module.tables)
}

/// The same of any kind; `of` are a module's items of it.
fn same_first(
    program: &Program,
    is_kind: impl Fn(&CoreKind) -> bool,
    of: impl Fn(&CoreModule) -> &[CoreKind],
) -> Vec<(Import, Import)> {
    let first = |id: InstanceId| {
        let module = program.module_of(id);
        let Some(position) = module.imports.iter().position(|import| is_kind(&import.kind)) else {
            return (!of(module).is_empty()).then_some(First::Defined(id, 0));
        };
        match &program.instances[id.index()].imports[position] {
            CoreItem::Export { instance, export } => {
                let exported = &program.module_of(*instance).exports[*export as usize];
                Some(First::Defined(*instance, exported.index))
            }
            CoreItem::Host { module, name, .. } => Some(First::Host(module.clone(), name.clone())),
            _ => None,
        }
    };
    let mut first_of = HashMap::new();
    let mut pairs = Vec::new();
    for import in imports(program) {
        match first(import.0).map(|item| *first_of.entry(item).or_insert(import)) {
            Some(first) if first != import => pairs.push((import, first)),
            _ => {}
        }
    }
    pairs
}

/// Imports of functions that are left to the host, of instances whose first table has elements of type
/// `funcref`.
pub fn funcref_tables(program: &Program) -> impl Iterator<Item = Import> {
    imports(program).filter(|(instance, _)| {
        let first = program.module_of(*instance).tables.first();
        matches!(first, Some(CoreKind::Table { funcref: true, .. }))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{component, read_all};
    use std::collections::BTreeMap;

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
        let firsts = |never: &[(InstanceId, u32)]| {
            let firsts = first_imports(&program, &never.iter().copied().collect());
            firsts.into_iter().collect::<BTreeMap<_, _>>().into_values().collect::<Vec<_>>()
        };
        assert_eq!(firsts(&[]), [(m, 0), (m, 0), (m, 2)]);
        assert_eq!(firsts(&[(m, 0)]), [(m, 1), (m, 1), (m, 2)], "one that is called");
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
    fn tables_of_functions() {
        let program = read_all(&[
            (
                "a",
                r#"(module (import "h" "f" (func)) (table 1 externref) (table (export "t") 1 funcref))"#,
            ),
            ("b", r#"(module (import "h" "f" (func)) (table i64 1 funcref))"#),
            ("c", r#"(module (import "h" "f" (func)) (import "a" "t" (table 1 funcref)))"#),
            ("d", r#"(module (import "h" "f" (func)) (import "a" "t" (table 1 funcref)))"#),
            ("e", r#"(module (import "h" "f" (func)) (type $f (func)) (table 1 (ref null $f)))"#),
            ("f", r#"(module (import "h" "f" (func)))"#),
        ])
        .unwrap();
        let of = |name: &str| {
            let instance = program.instances.iter().position(|i| i.name == name);
            InstanceId(instance.unwrap() as u32)
        };
        let (b, c, d) = (of("b"), of("c"), of("d"));
        assert_eq!(funcref_tables(&program).collect::<Vec<_>>(), [(b, 0), (c, 0), (d, 0)]);
        assert_eq!(same_table(&program), [((d, 0), (c, 0))]);
    }
}

//! Whose memory the host finds, where plain core modules that have one each become one module.

use indexmap::IndexMap;
use meld_component::program::{CoreItem, CoreKind, InstanceId, Program, World};
use meld_emit::some_of;
use meld_engine::plan::{Entity, Node, Plan, Port};
use meld_pack::ruleset::{Given, Pattern, RuleSet};
use std::collections::BTreeSet;
use wasmparser::ValType;

/// What there is to say of the memories of a plan, as sentences.
pub(crate) fn warnings(program: &Program, plan: &Plan, rules: &RuleSet) -> Vec<String> {
    let World::Core { exports } = &program.world else { return Vec::new() };
    let exported = exported_memories(program, exports);
    let not_told = memory_not_told(program, plan, &known_modules(rules), &exported);
    not_told.into_iter().chain(memory_not_exported(program, plan, &exported)).collect()
}

/// A memory: the instance that defines it and its index there.
type Memory = (InstanceId, u32);

/// The memory at an index of an instance; none if it is the host's.
fn memory(program: &Program, instance: InstanceId, index: u32) -> Option<Memory> {
    let imports = &program.module_of(instance).imports;
    let mut memories = imports.iter().zip(0..).filter(|(i, _)| is_memory(&i.kind));
    match memories.nth(index as usize) {
        Some((_, position)) => {
            of_item(program, &program.instances[instance.index()].imports[position])
        }
        None => Some((instance, index)),
    }
}

fn of_item(program: &Program, item: &CoreItem) -> Option<Memory> {
    let CoreItem::Export { instance, export } = item else { return None };
    let export = &program.module_of(*instance).exports[*export as usize];
    is_memory(&export.kind).then(|| memory(program, *instance, export.index)).flatten()
}

fn is_memory(kind: &CoreKind) -> bool {
    matches!(kind, CoreKind::Memory { .. })
}

/// The memory that a guest calls its first.
fn first_memory(program: &Program, guest: InstanceId) -> Option<Memory> {
    let module = program.module_of(guest);
    let has_one = module.imports.iter().any(|import| is_memory(&import.kind));
    (has_one || !module.memories.is_empty()).then(|| memory(program, guest, 0)).flatten()
}

fn exported_memories(
    program: &Program,
    exports: &[(String, CoreItem)],
) -> IndexMap<Memory, String> {
    let mut exported = IndexMap::new();
    for (name, item) in exports {
        if let Some(memory) = of_item(program, item) {
            exported.entry(memory).or_insert_with(|| name.clone());
        }
    }
    exported
}

/// Modules of which a pack answers functions: it knows what they are given.
fn known_modules(rules: &RuleSet) -> BTreeSet<&str> {
    let says = |given: &&Given| {
        ["answers", "answers-func"].contains(&&*rules.facts[given.fact.index()].name)
    };
    let stated = rules.given.iter().filter(says).filter_map(|given| given.args.first());
    let names = stated.filter_map(|argument| match argument {
        Pattern::Str(module) => Some(&**module),
        _ => None,
    });
    names.collect()
}

/// Says which plain core modules have memories of their own and call functions of the host that take numbers. A
/// number may be an address; the host, which had an instance for each, cannot tell any more in which memory.
fn memory_not_told(
    program: &Program,
    plan: &Plan,
    known: &BTreeSet<&str>,
    exported: &IndexMap<Memory, String>,
) -> Option<String> {
    let mut callers: IndexMap<Memory, String> = IndexMap::new();
    for (port, node) in &plan.ports {
        let &Port::Import(guest, position) = port else { continue };
        let Node::Term(term, _) = plan.node(*node) else { continue };
        if &**term != "host-import" {
            continue;
        }
        let import = &program.module_of(guest).imports[position as usize];
        let CoreKind::Func(ty) = &import.kind else { continue };
        if known.contains(&*import.module) {
            continue;
        }
        let is_address = |ty: &ValType| matches!(ty, ValType::I32 | ValType::I64);
        if !ty.params.iter().any(is_address) {
            continue;
        }
        let Some(memory) = first_memory(program, guest) else { continue };
        let guest = &program.instances[guest.index()].name;
        callers
            .entry(memory)
            .or_insert_with(|| format!("{guest} ({:?} {:?})", import.module, import.name));
    }
    if callers.len() < 2 {
        return None;
    }
    let finds = match exported.first() {
        None => "it finds none".to_string(),
        Some(((owner, _), name)) => {
            format!("it finds `{name}`, which is {}'s", program.instances[owner.index()].name)
        }
    };
    let some = some_of(callers.into_values().collect())?;
    Some(format!(
        "guests with memories of their own call the host, which is not told whose memory an address is of: \
         {some}; {finds}. Make components of the guests, or let them import one memory"
    ))
}

/// Says which memories the host is told of by their index, and cannot find.
fn memory_not_exported(
    program: &Program,
    plan: &Plan,
    exported: &IndexMap<Memory, String>,
) -> Option<String> {
    let mut owners: Vec<String> = Vec::new();
    for node in &plan.nodes {
        let Node::Term(term, arguments) = node else { continue };
        let [import] = arguments[..] else { continue };
        let Node::Entity(Entity::CoreImport(guest, _)) = *plan.node(import) else { continue };
        if &**term != "first-memory-index" {
            continue;
        }
        let Some(memory) = first_memory(program, guest) else { continue };
        let owner = &program.instances[memory.0.index()].name;
        if !exported.contains_key(&memory) && !owners.contains(owner) {
            owners.push(owner.clone());
        }
    }
    let some = some_of(owners)?;
    Some(format!(
        "the host is told of memories that the module does not export, where it cannot reach them: of {some}. \
         Export each under a name of its own"
    ))
}

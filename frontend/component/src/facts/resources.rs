//! Who can have handles of which resource, and what can be seen of them.
//!
//! The argument that one list of lends an instance, and one count of borrows, is enough: component
//! instances call each other along the order in which they are made, nobody calls one that he is
//! inside of or that is inside of him, and the host enters nothing that runs. So an instance has one
//! task and one outgoing call at a time. Only a destructor can break that, if it is called from
//! inside the instance that it belongs to; [`may_reenter`] says where.

use super::trampolines::{Callee, Trampolines};
use super::{core_items, has_handles};
use crate::program::{Builtin, ComponentId, CoreItem, FuncDef, Program, ResourceId};
use crate::types::{FuncType, FuncTypeId, TypeId, Types, ValueType};
use std::collections::{BTreeMap, BTreeSet};

/// Resources of which a borrow may cross between two instances.
pub fn lent(types: &Types) -> BTreeSet<ResourceId> {
    let borrowed = |(_, ty): (TypeId, &ValueType)| match ty {
        ValueType::Borrow(resource) => Some(*resource),
        _ => None,
    };
    types.iter().filter_map(borrowed).collect()
}

/// Instances and resources of which a handle of theirs can be seen to be lent: they call a function that
/// takes a borrow and ownership in one call; nobody else gets at the caller's handles before it returns.
pub fn observes_lends(program: &Program) -> BTreeSet<(ComponentId, ResourceId)> {
    let types = &program.types;
    let holding = has_handles(types);
    let mut seen: BTreeMap<FuncTypeId, Vec<ResourceId>> = BTreeMap::new();
    let mut observes = BTreeSet::new();
    for item in core_items(program) {
        if let CoreItem::Lower { func, options } = item {
            let id = program.funcs[func.index()].ty;
            let seen = seen.entry(id).or_insert_with(|| {
                let params = types.func(id).params.iter().copied();
                let (owned, borrowed) = handles(types, &holding, params);
                owned.intersection(&borrowed).copied().collect()
            });
            let component = program.options[options.index()].component;
            observes.extend(seen.iter().map(|resource| (component, *resource)));
        }
    }
    observes
}

/// Resources whose handles the host may get to see: those that it defines, and those in the types of
/// functions that the root imports or exports.
pub fn reaches_host(program: &Program) -> BTreeSet<ResourceId> {
    let types = &program.types;
    let holding = has_handles(types);
    let imported = program.funcs.iter().filter(|func| matches!(func.def, FuncDef::Host(_)));
    let exported = program.root_exports.iter().map(|export| &program.funcs[export.func.index()]);
    let at_border = imported.chain(exported).flat_map(|func| {
        let FuncType { params, result, .. } = types.func(func.ty);
        let (owned, borrowed) = handles(types, &holding, params.iter().chain(result).copied());
        owned.into_iter().chain(borrowed)
    });
    let ids = (0..).map(ResourceId).zip(&program.resources);
    let of_host = ids.filter(|(_, resource)| resource.implementer().is_none()).map(|(id, _)| id);
    at_border.chain(of_host).collect()
}

/// Instances and resources with a destructor that the instance may drop from inside the one that
/// implements it, where the destructor may in turn drop what somebody inside that one implements.
/// Then an instance could be entered that already runs.
pub fn may_reenter(program: &Program) -> BTreeSet<(ComponentId, ResourceId)> {
    let inside = |mut component: ComponentId, ancestor: ComponentId| loop {
        match program.components[component.index()].parent {
            Some(parent) if parent == ancestor => break true,
            Some(parent) => component = parent,
            None => break false,
        }
    };
    let destructible = |resource: ResourceId| {
        let resource = &program.resources[resource.index()];
        resource.implementer().filter(|_| resource.destructor().is_some())
    };
    let mut drops: BTreeMap<ComponentId, BTreeSet<ResourceId>> = BTreeMap::new();
    for item in core_items(program) {
        if let CoreItem::Builtin(Builtin::ResourceDrop(component, resource)) = item
            && destructible(*resource).is_some()
        {
            drops.entry(*component).or_default().insert(*resource);
        }
    }
    let pairs = || drops.iter().flat_map(|(c, resources)| resources.iter().map(|r| (*c, *r)));
    let into_inside: BTreeSet<ComponentId> = pairs()
        .filter(|(component, resource)| {
            destructible(*resource).is_some_and(|of| inside(of, *component))
        })
        .map(|(component, _)| component)
        .collect();
    pairs()
        .filter(|(component, resource)| {
            destructible(*resource)
                .is_some_and(|of| inside(*component, of) && into_inside.contains(&of))
        })
        .collect()
}

/// Resources whose destructor only calls what takes a handle: a `resource.drop`, or a component function
/// with handles. What answers such a call may itself need the destructor.
pub fn destroyed_by_handle(program: &Program, trampolines: &Trampolines) -> BTreeSet<ResourceId> {
    let holding = has_handles(&program.types);
    let ids = (0..).map(ResourceId).zip(&program.resources);
    let takes = |item| takes_handle(program, trampolines, &holding, item);
    ids.filter(|(_, resource)| resource.destructor().is_some_and(takes)).map(|(id, _)| id).collect()
}

/// Whether a core function only calls what takes a handle.
fn takes_handle<'p>(
    program: &'p Program,
    trampolines: &'p Trampolines,
    holding: &BTreeSet<TypeId>,
    mut at: &'p CoreItem,
) -> bool {
    while let Some(callee) = trampolines.callee(program, at) {
        let next = match callee {
            Callee::Item(item) => Some(item),
            Callee::Slot(slot) => trampolines.contents.get(slot),
        };
        let Some(next) = next else { return false };
        at = next;
    }
    while let CoreItem::Lower { func, .. } = at {
        let func = &program.funcs[func.index()];
        if program.types.func(func.ty).params.iter().any(|ty| holding.contains(ty)) {
            return true;
        }
        let FuncDef::Lift { core, .. } = &func.def else { return false };
        at = core;
    }
    matches!(at, CoreItem::Builtin(Builtin::ResourceDrop(..)))
}

/// For each resource the instances that can come to have handles of it, in order: those that name it in
/// a built-in, and those that lift or lower a function whose type does.
pub fn holders(program: &Program) -> Vec<BTreeSet<ComponentId>> {
    let holding = has_handles(&program.types);
    let mut holders = vec![BTreeSet::new(); program.resources.len()];
    let mut crossing: BTreeSet<(FuncTypeId, ComponentId)> = BTreeSet::new();
    for item in core_items(program) {
        match item {
            CoreItem::Builtin(
                Builtin::ResourceNew(component, resource)
                | Builtin::ResourceRep(component, resource)
                | Builtin::ResourceDrop(component, resource),
            ) => drop(holders[resource.index()].insert(*component)),
            CoreItem::Lower { func, options } => {
                let component = program.options[options.index()].component;
                crossing.insert((program.funcs[func.index()].ty, component));
            }
            _ => {}
        }
    }
    for func in &program.funcs {
        if let FuncDef::Lift { options, .. } = &func.def {
            crossing.insert((func.ty, program.options[options.index()].component));
        }
    }
    for (ty, component) in crossing {
        let FuncType { params, result, .. } = program.types.func(ty);
        let (owned, borrowed) =
            handles(&program.types, &holding, params.iter().chain(result).copied());
        for resource in owned.union(&borrowed) {
            holders[resource.index()].insert(component);
        }
    }
    holders
}

/// Resources of which the types hold ownership, and those of which they hold borrows.
fn handles(
    types: &Types,
    holding: &BTreeSet<TypeId>,
    roots: impl Iterator<Item = TypeId>,
) -> (BTreeSet<ResourceId>, BTreeSet<ResourceId>) {
    let (mut owned, mut borrowed) = (BTreeSet::new(), BTreeSet::new());
    let mut seen = BTreeSet::new();
    let mut todo: Vec<TypeId> = roots.collect();
    while let Some(id) = todo.pop() {
        if !holding.contains(&id) || !seen.insert(id) {
            continue;
        }
        match types.get(id) {
            ValueType::Own(resource) => drop(owned.insert(*resource)),
            ValueType::Borrow(resource) => drop(borrowed.insert(*resource)),
            ty => todo.extend(ty.parts()),
        }
    }
    (owned, borrowed)
}

#[cfg(test)]
mod tests;

//! Which core instances can do anything in what is fused.

use crate::program::{
    CoreItem, CoreKind, FuncDef, FuncId, InstanceId, OptionsId, Program, Resource, World,
};
use std::collections::BTreeSet;

/// Instances whose code may run: those of which the root exports something or that act when they are made,
/// those that destroy resources, and those of which such ones import something.
pub(super) fn reached(program: &Program) -> BTreeSet<InstanceId> {
    let mut walk =
        Walk { program, instances: BTreeSet::new(), funcs: BTreeSet::new(), open: vec![] };
    for id in (0..program.instances.len() as u32).map(InstanceId) {
        let module = program.module_of(id);
        // Segments may write what is imported when the instance is made.
        let written =
            |kind: &CoreKind| matches!(kind, CoreKind::Memory { .. } | CoreKind::Table { .. });
        if module.has_start || module.imports.iter().any(|import| written(&import.kind)) {
            walk.open.push(id);
        }
    }
    match &program.world {
        World::Core { exports } => exports.iter().for_each(|(_, item)| walk.item(item)),
        World::Component(_) => program.root_exports.iter().for_each(|e| walk.func(e.func)),
    }
    program.resources.iter().filter_map(Resource::destructor).for_each(|item| walk.item(item));
    while let Some(id) = walk.open.pop() {
        if walk.instances.insert(id) {
            program.instances[id.index()].imports.iter().for_each(|item| walk.item(item));
        }
    }
    walk.instances
}

struct Walk<'a> {
    program: &'a Program,
    instances: BTreeSet<InstanceId>,
    funcs: BTreeSet<FuncId>,
    /// Instances that are reached and were not gone into.
    open: Vec<InstanceId>,
}

impl Walk<'_> {
    fn item(&mut self, item: &CoreItem) {
        match item {
            CoreItem::Export { instance, .. } => self.open.push(*instance),
            CoreItem::Lower { func, options } => {
                self.func(*func);
                self.options(*options);
            }
            CoreItem::Builtin(_) | CoreItem::Host { .. } | CoreItem::HostExport { .. } => {}
        }
    }

    fn func(&mut self, func: FuncId) {
        let program = self.program;
        if !self.funcs.insert(func) {
            return;
        }
        if let FuncDef::Lift { core, options, post_return, callback } =
            &program.funcs[func.index()].def
        {
            self.item(core);
            self.options(*options);
            post_return.iter().chain(callback).for_each(|item| self.item(item));
        }
    }

    fn options(&mut self, options: OptionsId) {
        let options = &self.program.options[options.index()];
        options.memory.iter().chain(&options.realloc).for_each(|item| self.item(item));
    }
}

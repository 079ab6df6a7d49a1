//! Whether a component instance can ever see its `may-leave` flag down.
//!
//! The flag is down while the instance's `realloc` or `post-return` functions run, and whoever
//! leaves the instance meanwhile traps (Canonical ABI, "Component Instances"). Nobody sees the
//! flag of an instance whose such functions cannot reach a lowered import or a built-in that
//! checks it: then it need not be kept.
//!
//! The argument is a search over the functions that these may call, from body to body:
//!
//! * a direct call goes to the function, in this instance or the one it is imported from;
//! * a call through a table or a reference may go to any function that some core instance of
//!   the same component instance can name, so it reaches a lowered import if any of them
//!   imports one. Core functions do not cross from one component instance to another.
//!
//! What cannot be read is taken to leave. Bodies are parsed only as the search comes to them.

use crate::program::{
    Builtin, ComponentId, CoreItem, CoreKind, FuncDef, InstanceId, ModuleId, Program,
};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use wasmparser::{FunctionBody, Operator, Parser, Payload};

/// Component instances whose `may-leave` flag can be seen to be down, in order.
pub fn observes_leave(program: &Program) -> BTreeSet<ComponentId> {
    let mut inner: BTreeMap<ComponentId, Vec<&CoreItem>> = BTreeMap::new();
    for options in &program.options {
        if let Some(realloc) = &options.realloc {
            inner.entry(options.component).or_default().push(realloc);
        }
    }
    for func in &program.funcs {
        if let FuncDef::Lift { options, post_return: Some(post_return), .. } = &func.def {
            let component = program.options[options.index()].component;
            inner.entry(component).or_default().push(post_return);
        }
    }
    let mut search = Search::new(program);
    inner.into_iter().filter(|(id, items)| search.leaves(*id, items)).map(|(id, _)| id).collect()
}

/// Whether a core item itself leaves the instance, or at least checks that it may.
fn checks_leave(item: &CoreItem) -> bool {
    match item {
        CoreItem::Lower { .. } => true,
        CoreItem::Builtin(Builtin::ResourceRep(..)) => false,
        CoreItem::Builtin(Builtin::Async(_, name)) => {
            !(name.starts_with("context.") || name.starts_with("backpressure."))
        }
        CoreItem::Builtin(_) => true,
        CoreItem::Export { .. } | CoreItem::Host { .. } => false,
    }
}

/// Functions that a body calls.
#[derive(Clone, Default)]
struct Calls {
    direct: Vec<u32>,
    indirect: bool,
}

/// A module's functions.
struct Functions<'p> {
    /// Position among all imports, for each imported function.
    imported: Vec<u32>,
    /// Bodies of the others; none where the module cannot be read.
    bodies: Option<Vec<FunctionBody<'p>>>,
    calls: HashMap<u32, Option<Calls>>,
}

struct Search<'p> {
    program: &'p Program,
    modules: HashMap<ModuleId, Functions<'p>>,
    /// Component instances of which some core instance imports what leaves.
    leaving: HashSet<ComponentId>,
}

impl<'p> Search<'p> {
    fn new(program: &'p Program) -> Self {
        let leaving = program
            .instances
            .iter()
            .filter(|instance| instance.imports.iter().any(checks_leave))
            .map(|instance| instance.component)
            .collect();
        Search { program, modules: HashMap::new(), leaving }
    }

    /// Whether one of these functions, all of one component instance, may come to leave it.
    fn leaves(&mut self, component: ComponentId, items: &[&'p CoreItem]) -> bool {
        let mut todo: Vec<(InstanceId, u32)> = Vec::new();
        let mut seen: HashSet<(InstanceId, u32)> = HashSet::new();
        let visit = |program: &'p Program, item: &CoreItem, todo: &mut Vec<_>| {
            if let CoreItem::Export { instance, export } = item {
                let export = &program.module_of(*instance).exports[*export as usize];
                todo.push((*instance, export.index));
            }
            checks_leave(item)
        };
        for item in items {
            if visit(self.program, item, &mut todo) {
                return true;
            }
        }
        // The search would stay among core instances none of which imports what leaves, and an
        // instance may be a large program.
        if !self.leaving.contains(&component) {
            return false;
        }
        while let Some((instance, function)) = todo.pop() {
            if !seen.insert((instance, function)) {
                continue;
            }
            let program = self.program;
            let core = &program.instances[instance.index()];
            let module = self
                .modules
                .entry(core.module)
                .or_insert_with(|| Functions::read(program, core.module));
            if let Some(position) = module.imported.get(function as usize) {
                if visit(program, &core.imports[*position as usize], &mut todo) {
                    return true;
                }
                continue;
            }
            let Some(calls) = module.calls(function) else { return true };
            if calls.indirect {
                return true;
            }
            todo.extend(calls.direct.iter().map(|callee| (instance, *callee)));
        }
        false
    }
}

impl<'p> Functions<'p> {
    fn read(program: &'p Program, module: ModuleId) -> Self {
        let imports = program.modules[module.index()].imports.iter().enumerate();
        Functions {
            imported: imports
                .filter(|(_, import)| matches!(import.kind, CoreKind::Func(_)))
                .map(|(position, _)| position as u32)
                .collect(),
            bodies: bodies(program.module_bytes(module)),
            calls: HashMap::new(),
        }
    }

    /// What a defined function calls; none where it cannot be read.
    fn calls(&mut self, function: u32) -> Option<&Calls> {
        let defined = (function as usize).checked_sub(self.imported.len())?;
        let bodies = self.bodies.as_ref();
        self.calls.entry(function).or_insert_with(|| calls(bodies?.get(defined)?)).as_ref()
    }
}

fn bodies(bytes: &[u8]) -> Option<Vec<FunctionBody<'_>>> {
    let mut bodies = Vec::new();
    for payload in Parser::new(0).parse_all(bytes) {
        if let Payload::CodeSectionEntry(body) = payload.ok()? {
            bodies.push(body);
        }
    }
    Some(bodies)
}

fn calls(body: &FunctionBody<'_>) -> Option<Calls> {
    let mut calls = Calls::default();
    for operator in body.get_operators_reader().ok()? {
        match operator.ok()? {
            Operator::Call { function_index } | Operator::ReturnCall { function_index } => {
                calls.direct.push(function_index);
            }
            Operator::CallIndirect { .. }
            | Operator::ReturnCallIndirect { .. }
            | Operator::CallRef { .. }
            | Operator::ReturnCallRef { .. }
            | Operator::Suspend { .. }
            | Operator::Resume { .. }
            | Operator::ResumeThrow { .. }
            | Operator::ResumeThrowRef { .. }
            | Operator::Switch { .. } => calls.indirect = true,
            _ => {}
        }
    }
    calls.direct.sort_unstable();
    calls.direct.dedup();
    Some(calls)
}

#[cfg(test)]
mod tests;

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
//!   imports one. Core functions do not cross from one component instance to another;
//! * a function of a core module that the root imports may have been given references to such
//!   functions, and call them: so may what packs put in its place, such as a dispatcher.
//!
//! What cannot be read is taken to leave. Bodies are parsed only as the search comes to them.

use super::bodies::{Bodies, exported_function};
use crate::program::{Builtin, ComponentId, CoreItem, FuncDef, Program};
use std::collections::{BTreeMap, BTreeSet, HashSet};

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
    let leaving: HashSet<ComponentId> = program
        .instances
        .iter()
        .filter(|instance| instance.imports.iter().any(checks_leave))
        .map(|instance| instance.component)
        .collect();
    let mut bodies = Bodies::new(program);
    let mut leaves = |id: ComponentId, items: &[&CoreItem]| {
        let functions = items.iter().filter_map(|item| exported_function(program, item)).collect();
        items.iter().any(|item| checks_leave(item))
            // The search stays in this instance, which may be a large program.
            || leaving.contains(&id)
                && (items.iter().any(|item| calls_back(item))
                    || bodies.reach(
                        functions,
                        &|item| checks_leave(item) || calls_back(item),
                        &|instance| {
                            leaving.contains(&program.instances[instance.index()].component)
                        },
                    ))
    };
    inner.into_iter().filter(|(id, items)| leaves(*id, items)).map(|(id, _)| id).collect()
}

/// Whether a core item may call functions of the instance that it was given as references.
fn calls_back(item: &CoreItem) -> bool {
    matches!(item, CoreItem::Host { .. })
}

/// Whether a core item itself leaves the instance, or at least checks that it may.
fn checks_leave(item: &CoreItem) -> bool {
    match item {
        CoreItem::Lower { .. } => true,
        CoreItem::Builtin(Builtin::ResourceRep(..) | Builtin::Context { .. }) => false,
        CoreItem::Builtin(Builtin::Async(_, name)) => !name.starts_with("backpressure."),
        CoreItem::Builtin(_) => true,
        CoreItem::Export { .. } | CoreItem::Host { .. } | CoreItem::HostExport { .. } => false,
    }
}

#[cfg(test)]
mod tests;

//! Whether a component instance can ever see its `may-leave` flag down, and at which calls.
//!
//! The flag is down while the instance's `realloc` or `post-return` functions run, and whoever
//! leaves the instance meanwhile traps (Canonical ABI, "Component Instances"). A call that those
//! functions cannot reach never finds it down. Nobody sees the flag of an instance of which they
//! reach no call at all: then it need not be kept.
//!
//! The argument is a search over the functions that these may call, from body to body:
//!
//! * a direct call goes to the function, in this instance or the one it is imported from;
//! * a function that only passes its parameters on leads to what it is [known](trampolines) to
//!   call;
//! * a call through a table or a reference may go to any function of the called type that code of
//!   the component instance can have a reference to ([`Referable`]). Core functions do not cross
//!   from one component instance to another;
//! * a function of a core module that the root imports may have been given references to such
//!   functions, and call them: so may what packs put in its place, such as a dispatcher. Its
//!   instance may also have put references of its own into a table.
//!
//! What cannot be read is taken to leave, and so is what is larger than [`MOST_BYTES`]. Bodies are
//! parsed only as the search comes to them.
//!
//! [trampolines]: super::trampolines

use super::bodies::{Bodies, Function, exported_function};
use super::core_items;
use super::trampolines::{Callee, Trampolines};
use crate::program::{
    Builtin, ComponentId, CoreFuncType, CoreItem, FuncDef, InstanceId, Program, ResourceDef,
    ResourceId,
};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

/// How many bytes of bodies are looked into for each instance. A `realloc` that reaches more is
/// part of a program that collects garbage, which may come to call anything.
const MOST_BYTES: usize = 1 << 20;

/// What may happen while instances must not be left.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Leaving {
    /// Component instances whose `may-leave` flag can be seen to be down.
    pub observed: BTreeSet<ComponentId>,
    /// Functions of others that such an instance lowers and built-ins of it, where none of its `realloc` and
    /// `post-return` functions reaches them.
    pub freely: HashSet<CoreItem>,
}

/// What the `realloc` and `post-return` functions of all component instances reach.
pub fn leaving(program: &Program, trampolines: &Trampolines) -> Leaving {
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
    let mut leaves: HashMap<ComponentId, Leaves<'_>> = HashMap::new();
    for item in core_items(program) {
        if let Some(component) = left_by(program, item) {
            let leaves = leaves.entry(component).or_default();
            if let Some(leave) = leave_of(program, item) {
                leaves.entry(leave).or_default().insert(item);
            }
        }
    }
    let mut leaving = Leaving::default();
    let mut bodies = Bodies::new(program);
    for (component, items) in inner {
        let Some(free) = leaves.remove(&component) else { continue };
        let mut search = Search {
            program,
            trampolines,
            bodies: &mut bodies,
            component,
            referable: None,
            free,
            observed: false,
            seen: HashSet::new(),
            todo: Vec::new(),
            bytes: 0,
        };
        if search.run(&items).is_none() {
            search.observed = true;
            search.free.clear();
        }
        if search.observed {
            leaving.observed.insert(component);
            leaving.freely.extend(search.free.into_values().flatten().cloned());
        }
    }
    leaving
}

/// What leaves an instance, by what it comes to: one that is reached reaches the others.
type Leaves<'p> = HashMap<Leave<'p>, HashSet<&'p CoreItem>>;

/// What an item that leaves comes to: rules take two functions for one that lift the same core function.
#[derive(PartialEq, Eq, Hash)]
enum Leave<'p> {
    Lifted(&'p CoreItem),
    Resource(ResourceId),
}

/// What an item comes to that leaves an instance. A call of the host costs so much more than a look at the flag
/// that nobody has to know.
fn leave_of<'p>(program: &'p Program, item: &CoreItem) -> Option<Leave<'p>> {
    match item {
        CoreItem::Lower { func, .. } => match &program.funcs[func.index()].def {
            FuncDef::Lift { core, .. } => Some(Leave::Lifted(core)),
            FuncDef::Host(_) => None,
        },
        CoreItem::Builtin(
            Builtin::ResourceNew(_, resource) | Builtin::ResourceDrop(_, resource),
        ) => match program.resources[resource.index()].def {
            ResourceDef::Component { .. } => Some(Leave::Resource(*resource)),
            ResourceDef::Host => None,
        },
        _ => None,
    }
}

/// A search in one component instance. What makes an end of it with `None` may reach anything.
struct Search<'s, 'p> {
    program: &'p Program,
    trampolines: &'s Trampolines,
    bodies: &'s mut Bodies<'p>,
    component: ComponentId,
    referable: Option<Referable>,
    /// What was not reached yet of what leaves the instance.
    free: Leaves<'p>,
    /// Something was reached that looks at the flag.
    observed: bool,
    seen: HashSet<Function>,
    todo: Vec<Function>,
    bytes: usize,
}

impl<'p> Search<'_, 'p> {
    fn run(&mut self, items: &[&CoreItem]) -> Option<()> {
        items.iter().try_for_each(|item| self.item(item))?;
        while let Some(function) = self.todo.pop() {
            // There is nothing more to find.
            if self.observed && self.free.is_empty() {
                break;
            }
            if self.seen.insert(function) {
                self.function(function)?;
            }
        }
        Some(())
    }

    fn item(&mut self, item: &CoreItem) -> Option<()> {
        self.observed |= left_by(self.program, item).is_some();
        if let Some(leave) = leave_of(self.program, item) {
            self.free.remove(&leave);
        }
        match item {
            CoreItem::Export { .. } => self.todo.push(exported_function(self.program, item)?),
            CoreItem::Lower { .. } | CoreItem::Builtin(_) => {}
            CoreItem::Host { .. } | CoreItem::HostExport { .. } => return None,
        }
        Some(())
    }

    fn function(&mut self, function: Function) -> Option<()> {
        if let Some(item) = self.bodies.import(function) {
            return self.item(item);
        }
        let trampolines = self.trampolines;
        let callee = match trampolines.functions.get(&function) {
            Some(Callee::Item(item)) => Some(item),
            Some(Callee::Slot(slot)) => trampolines.contents.get(slot),
            None => None,
        };
        if let Some(item) = callee {
            return self.item(item);
        }
        let instance = function.0;
        self.bytes += self.bodies.module(instance)?.body(function.1)?.range().len();
        if self.bytes > MOST_BYTES {
            return None;
        }
        let calls = self.bodies.calls(function)?;
        self.todo.extend(calls.direct.iter().map(|callee| (instance, *callee)));
        if calls.anywhere {
            return None;
        }
        for ty in calls.types.clone() {
            let ty = self.bodies.module(instance)?.plain_type(ty)?.clone();
            if self.referable.is_none() {
                self.referable = Some(Referable::of(self.program, self.bodies, self.component)?);
            }
            let referable = self.referable.as_mut()?;
            self.todo.extend(referable.by_type.remove(&ty).unwrap_or_default());
        }
        Some(())
    }
}

/// Functions that code of a component instance can have references to, by type.
///
/// References come from where core modules name functions outside of bodies, and from bodies that name
/// them by `ref.func`. A type that is not [plain](super::bodies::Module::plain_type) is no type of a call
/// that is plain.
struct Referable {
    /// What was called already is taken out.
    by_type: HashMap<CoreFuncType, Vec<Function>>,
}

impl Referable {
    /// None where something cannot be read, or where instances of core modules that the root imports
    /// may have given references to functions that are not known.
    fn of(program: &Program, bodies: &mut Bodies<'_>, component: ComponentId) -> Option<Self> {
        let mut by_type: HashMap<CoreFuncType, Vec<Function>> = HashMap::new();
        let instances = program.instances.iter().zip((0..).map(InstanceId));
        for (instance, id) in instances.filter(|(instance, _)| instance.component == component) {
            let from_host = |item: &CoreItem| {
                matches!(item, CoreItem::Host { .. } | CoreItem::HostExport { .. })
            };
            if instance.imports.iter().any(from_host) {
                return None;
            }
            let module = bodies.module(id)?;
            for function in module.referable(&program.module_of(id).exports)? {
                if let Some(ty) = module.function_type(function) {
                    by_type.entry(ty.clone()).or_default().push((id, function));
                }
            }
        }
        Some(Referable { by_type })
    }
}

/// The instance that a core item leaves, or of which it at least checks that it may be left.
fn left_by(program: &Program, item: &CoreItem) -> Option<ComponentId> {
    match item {
        CoreItem::Lower { options, .. } => Some(program.options[options.index()].component),
        CoreItem::Builtin(Builtin::ResourceRep(..) | Builtin::Context { .. }) => None,
        CoreItem::Builtin(Builtin::Async(component, name)) => {
            (!name.starts_with("backpressure.")).then_some(*component)
        }
        CoreItem::Builtin(
            Builtin::ResourceNew(component, _) | Builtin::ResourceDrop(component, _),
        ) => Some(*component),
        CoreItem::Export { .. } | CoreItem::Host { .. } | CoreItem::HostExport { .. } => None,
    }
}

#[cfg(test)]
mod tests;

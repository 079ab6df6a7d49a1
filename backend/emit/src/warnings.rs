//! What there is to say of an output without failing.

use crate::merge::{Merge, Merged};
use meld_component::program::{InstanceId, Program};
use meld_engine::plan::{Node, NodeId, Plan, Port};

/// How many things one warning names at most.
const MOST_NAMED: usize = 3;

/// Says whose debug information is not in the module: it speaks of code that is elsewhere now.
pub fn lost_debug_information<M>(merge: &Merge<'_>, merged: &Merged<M>) -> Option<String> {
    let is_debug = |name: &str| name.starts_with(".debug_") || name == "external_debug_info";
    let mut instances: Vec<usize> = merged
        .dropped_sections
        .iter()
        .filter(|(_, name)| is_debug(name))
        .map(|(instance, _)| *instance)
        .collect();
    instances.dedup();
    let names = instances.iter().map(|i| merge.instances[*i].name.clone()).collect();
    let some = some_of(names)?;
    Some(format!("the debug information (DWARF) of {some} is not in the output"))
}

/// An import that can be called to no end but a trap.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlwaysTraps {
    /// The core instance that has the import.
    pub instance: InstanceId,
    /// Its position among the imports.
    pub position: u32,
    /// The reason that the trap is named after: `cannot-enter`.
    pub reason: String,
}

/// Imports that were decided to trap whenever they are called.
pub fn always_trapping(plan: &Plan) -> Vec<AlwaysTraps> {
    let trapping = |(port, node): (&Port, &NodeId)| {
        let &Port::Import(instance, position) = port else { return None };
        let Node::Term(name, arguments) = plan.node(*node) else { return None };
        let trap = arguments.last().filter(|_| &**name == "always")?;
        let Node::Export(_, reason) = plan.node(*trap) else { return None };
        Some(AlwaysTraps { instance, position, reason: reason.to_string() })
    };
    plan.ports.iter().filter_map(trapping).collect()
}

/// Says which imports these are.
pub fn told_of_trapping(program: &Program, plan: &Plan) -> Option<String> {
    let tell = |AlwaysTraps { instance, position, reason }| {
        let import = &program.module_of(instance).imports[position as usize];
        let instance = &program.instances[instance.index()].name;
        format!("{instance}: import {:?} {:?} ({reason})", import.module, import.name)
    };
    let some = some_of(always_trapping(plan).into_iter().map(tell).collect())?;
    Some(format!("calls that always trap: {some}"))
}

/// The first few of these; none if there are none.
pub fn some_of(names: Vec<String>) -> Option<String> {
    let (some, more) = names.split_at(names.len().min(MOST_NAMED));
    let more = if more.is_empty() { String::new() } else { format!(" and {} more", more.len()) };
    (!some.is_empty()).then(|| format!("{}{more}", some.join(", ")))
}

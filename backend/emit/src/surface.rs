//! The surface of the merged module: what it imports from its host and exports to it, by names of meld's own.
//! [`crate::wrap`] gives them their final names, or lowers and lifts them.

use crate::error::EmitError;
use crate::merge::Source;
use crate::wiring::Wiring;
use crate::wrap::{Destructor, Lifted, Lowered, ResourceBuiltin, ResourceOperation, Supplied};
use indexmap::IndexMap;
use meld_component::program::{
    CanonicalOptions, CoreItem, HostFuncId, HostInstanceId, HostModuleId, InstanceId, Program,
    World,
};
use meld_engine::plan::{Entity, Form, Node, NodeId, Plan, Port};
use std::collections::{BTreeMap, BTreeSet};

/// Core imports of the merged module that are lowered host functions, by decided term.
pub struct HostImports {
    /// Functions.
    names: BTreeMap<NodeId, (String, String)>,
    /// Built-ins of the host's table of handles.
    builtins: BTreeMap<NodeId, ResourceBuiltin>,
    /// Functions of core modules that the root imports.
    supplied: BTreeMap<NodeId, Supplied>,
}

impl HostImports {
    /// Names every host function of a plan. Functions lowered with different options are
    /// different core imports, which differ in a suffix; but where nothing of theirs is in memory,
    /// options say nothing, and there is one import.
    ///
    /// # Errors
    ///
    /// If a term is not of the shape that the vocabulary gives it.
    pub fn new(program: &Program, plan: &Plan) -> Result<Self, EmitError> {
        let (mut names, mut builtins) = (BTreeMap::new(), BTreeMap::new());
        let mut seen: BTreeMap<HostFuncId, u32> = BTreeMap::new();
        let mut flat: BTreeMap<HostFuncId, (String, String)> = BTreeMap::new();
        for (i, node) in plan.nodes.iter().enumerate() {
            let Node::Term(term, arguments) = node else { continue };
            if let Some(operation) = operation(term) {
                let Node::Entity(Entity::Resource(resource)) = *plan.node(arguments[0]) else {
                    let term = term.to_string();
                    return Err(EmitError::Term { term, wanted: "a resource type" });
                };
                let (module, name) = (term.to_string(), resource.to_string());
                let builtin = ResourceBuiltin { module, name, operation, resource };
                builtins.insert(NodeId(i as u32), builtin);
                continue;
            }
            if &**term != "host-lower" {
                continue;
            }
            let host = host_function(plan, arguments[0])?;
            let is_flat = matches!(
                plan.node(arguments[2]),
                Node::Term(side, _) if &**side == "host-flat"
            );
            if is_flat && let Some(known) = flat.get(&host) {
                names.insert(NodeId(i as u32), known.clone());
                continue;
            }
            let path = &program.host_funcs[host.index()].path;
            let count = seen.entry(host).or_default();
            let (name, interface) = path.split_last().ok_or_else(|| {
                EmitError::Unanswered("a host function without a name".to_string())
            })?;
            let interface =
                if interface.is_empty() { "$root".to_string() } else { interface.join("/") };
            let name = if *count == 0 { name.clone() } else { format!("{name}~{count}") };
            *count += 1;
            if is_flat {
                flat.insert(host, (interface.clone(), name.clone()));
            }
            names.insert(NodeId(i as u32), (interface, name));
        }
        let taken = names.values().cloned().collect();
        Ok(HostImports { names, builtins, supplied: supplied(program, plan, taken)? })
    }

    /// The core import that a term of the host stands for: `host-lower`, one for a built-in, or `host-import` of a
    /// core module that the root imports. None for other terms.
    pub fn source(&self, id: NodeId) -> Option<Source> {
        let builtin = self.builtins.get(&id).map(|builtin| (&builtin.module, &builtin.name));
        let lowered = self.names.get(&id).map(|(module, name)| (module, name));
        let supplied = self.supplied.get(&id).map(|supplied| (&supplied.module, &supplied.import));
        let (module, name) = builtin.or(lowered).or(supplied)?;
        Some(Source::Host { module: module.clone(), name: name.clone() })
    }
}

/// The built-in that a term stands for.
fn operation(term: &str) -> Option<ResourceOperation> {
    match term {
        "host-resource-new" => Some(ResourceOperation::New),
        "host-resource-rep" => Some(ResourceOperation::Rep),
        "host-resource-drop" => Some(ResourceOperation::Drop),
        _ => None,
    }
}

/// The host function behind a `host` term.
fn host_function(plan: &Plan, id: NodeId) -> Result<HostFuncId, EmitError> {
    if let Node::Term(term, arguments) = plan.node(id)
        && &**term == "host"
        && let Node::Entity(Entity::HostFunc(host)) = plan.node(arguments[2])
    {
        return Ok(*host);
    }
    Err(EmitError::Term { term: format!("{:?}", plan.node(id)), wanted: "a host function" })
}

/// The surface of one merged module.
#[derive(Default)]
pub struct ModuleSurface {
    /// Exports of the merged module.
    pub exports: IndexMap<String, Source>,
    /// What its imports are: functions of components, and of core modules that the root imports.
    pub lowers: Vec<Lowered>,
    /// The built-ins among them.
    pub builtins: Vec<ResourceBuiltin>,
    /// What the host calls when it drops a guest's resource.
    pub destructors: Vec<Destructor>,
    /// The functions of core modules that the root imports.
    pub supplied: Vec<Supplied>,
    /// What the root's exported functions are.
    pub lifts: Vec<Lifted>,
}

/// What a `HostSide` term holds.
struct HostSide {
    memory: Option<Source>,
    realloc: Option<Source>,
}

impl ModuleSurface {
    /// Lists what a plan imports and exports.
    ///
    /// # Errors
    ///
    /// If a term cannot stand where it stands.
    pub fn new(
        program: &Program,
        plan: &Plan,
        hosts: &HostImports,
        wiring: &Wiring<'_>,
    ) -> Result<Self, EmitError> {
        let mut surface = ModuleSurface::default();
        match &program.world {
            World::Core { exports } => {
                for (i, (name, _)) in exports.iter().enumerate() {
                    let node = answer(plan, Port::CoreExport(i as u32), name)?;
                    surface.exports.insert(name.clone(), wiring.source(node)?);
                }
            }
            World::Component(_) => {
                for (i, export) in program.root_exports.iter().enumerate() {
                    let name = export.path.join("#");
                    let node = answer(plan, Port::Export(i as u32), &name)?;
                    let lifted = surface.lift(program, plan, wiring, node, &name)?;
                    surface.lifts.push(lifted);
                }
                let mut lowered_names = BTreeSet::new();
                for (&id, names) in &hosts.names {
                    if !lowered_names.insert(names) {
                        continue;
                    }
                    let lowered = surface.lower(program, plan, hosts, wiring, id)?;
                    surface.lowers.push(lowered);
                }
                surface.builtins = hosts.builtins.values().cloned().collect();
                for (port, node) in &plan.ports {
                    let Port::Destructor(resource) = *port else { continue };
                    let name = format!("[dtor]{}", program.resources[resource.index()].name);
                    let export = surface.export(&name, wiring.source(*node)?);
                    surface.destructors.push(Destructor { resource, export });
                }
                surface.supplied = hosts.supplied.values().cloned().collect();
                surface
                    .supplied
                    .sort_by(|a, b| (&a.module, &a.import).cmp(&(&b.module, &b.import)));
                surface.supplied.dedup();
            }
        }
        Ok(surface)
    }

    fn lift(
        &mut self,
        program: &Program,
        plan: &Plan,
        wiring: &Wiring<'_>,
        id: NodeId,
        name: &str,
    ) -> Result<Lifted, EmitError> {
        match plan.node(id) {
            Node::Term(term, arguments) if &**term == "re-export" => {
                Ok(Lifted::Host(host_function(plan, arguments[0])?))
            }
            Node::Term(term, arguments) if &**term == "host-lift" => {
                let options = options(program, plan, arguments[2])?;
                let side = host_side(plan, wiring, arguments[3])?;
                let after = match plan.node(arguments[4]) {
                    Node::Term(term, arguments) if &**term == "post-return" => {
                        Some(wiring.source(arguments[0])?)
                    }
                    _ => None,
                };
                let function = wiring.source(arguments[0])?;
                Ok(Lifted::Core {
                    export: self.export(name, function),
                    encoding: options.encoding,
                    memory: side.memory.map(|m| self.export("memory", m)),
                    realloc: side.realloc.map(|r| self.export("cabi_realloc", r)),
                    post_return: after.map(|p| self.export(&format!("cabi_post_{name}"), p)),
                })
            }
            other => {
                Err(EmitError::Term { term: format!("{other:?}"), wanted: "an exported function" })
            }
        }
    }

    fn lower(
        &mut self,
        program: &Program,
        plan: &Plan,
        hosts: &HostImports,
        wiring: &Wiring<'_>,
        id: NodeId,
    ) -> Result<Lowered, EmitError> {
        let Node::Term(_, arguments) = plan.node(id) else {
            return Err(EmitError::Unanswered("a host function that is no term".to_string()));
        };
        let side = host_side(plan, wiring, arguments[2])?;
        let (module, name) = hosts.names[&id].clone();
        Ok(Lowered {
            module,
            name,
            host: host_function(plan, arguments[0])?,
            encoding: options(program, plan, arguments[1])?.encoding,
            memory: side.memory.map(|m| self.export("memory", m)),
            realloc: side.realloc.map(|r| self.export("cabi_realloc", r)),
        })
    }

    /// Exports an item, once; the name gets a number if another item has it.
    fn export(&mut self, name: &str, source: Source) -> String {
        let mut number = 0;
        loop {
            let candidate = if number == 0 { name.to_string() } else { format!("{name}~{number}") };
            match self.exports.get(&candidate) {
                Some(other) if *other == source => return candidate,
                Some(_) => number += 1,
                None => {
                    self.exports.insert(candidate.clone(), source);
                    return candidate;
                }
            }
        }
    }
}

/// A function of an instance of a core module that the root imports.
type SuppliedFunction<'p> = (HostInstanceId, &'p str);

/// Functions of core modules that the root imports, by the terms that stand for them. Different ones are
/// different core imports, whose names differ in a suffix where the guests' names do not.
fn supplied(
    program: &Program,
    plan: &Plan,
    mut taken: BTreeSet<(String, String)>,
) -> Result<BTreeMap<NodeId, Supplied>, EmitError> {
    let instances = instances_by_module(program, plan)?;
    let mut known: BTreeMap<(&str, &str, SuppliedFunction<'_>), String> = BTreeMap::new();
    let mut all = BTreeMap::new();
    for (id, import) in host_imports(program, plan) {
        let HostImport { module, name, importer } = import?;
        let Some((instance, export)) = program.host_exports.get(&importer) else { continue };
        let item = &program.instances[importer.0.index()].imports[importer.1 as usize];
        let CoreItem::Host { module: own_module, name: own_name, .. } = item else {
            return Err(not_of_host());
        };
        // A core module that the root imports has the functions that it has.
        let renamed = (module, name) != (own_module, own_name);
        if renamed && plan.target.form == Form::Component {
            let [module, name, own_module, own_name] =
                [module, name, own_module, own_name].map(str::to_string);
            return Err(EmitError::Renamed { module, name, own_module, own_name });
        }
        let instance = *instances.get(instance).unwrap_or(instance);
        let import = known.entry((module, name, (instance, export))).or_insert_with(|| {
            let number = |n: u32| if n == 0 { name.to_string() } else { format!("{name}~{n}") };
            let mut free = (0..).map(number);
            free.find(|name| taken.insert((module.to_string(), name.clone()))).unwrap_or_default()
        });
        let (import, export) = (import.clone(), export.clone());
        let (module, name) = (module.to_string(), name.to_string());
        all.insert(id, Supplied { module, name, import, instance, export });
    }
    Ok(all)
}

/// For each instance of a core module that the root imports which instance its functions are taken of, where that is
/// another. Where what a guest's import became calls another instance of the same module, all instances are one host to
/// the rules, and all functions are taken of one instance: two instances have nothing in common.
fn instances_by_module(
    program: &Program,
    plan: &Plan,
) -> Result<BTreeMap<HostInstanceId, HostInstanceId>, EmitError> {
    let module_of = |instance: HostInstanceId| program.host_instances[instance.index()];
    // The instances that terms name, by term.
    let mut named: BTreeMap<NodeId, HostInstanceId> = BTreeMap::new();
    for (id, import) in host_imports(program, plan) {
        let function = program.host_exports.get(&import?.importer);
        named.extend(function.map(|(instance, _)| (id, *instance)));
    }
    let mut merged: BTreeSet<HostModuleId> = BTreeSet::new();
    for (port, node) in &plan.ports {
        let &Port::Import(guest, position) = port else { continue };
        let Some((own, _)) = program.host_exports.get(&(guest, position)) else { continue };
        let (mut todo, mut seen) = (vec![*node], BTreeSet::from([*node]));
        while let Some(node) = todo.pop() {
            let of_module = named.get(&node).filter(|of| module_of(**of) == module_of(*own));
            merged.extend(of_module.filter(|of| *of != own).map(|of| module_of(*of)));
            todo.extend(plan.node(node).parts().filter(|part| seen.insert(*part)));
        }
    }
    let mut first: BTreeMap<HostModuleId, HostInstanceId> = BTreeMap::new();
    let used: BTreeSet<HostInstanceId> = named.into_values().collect();
    let of_merged = used.into_iter().filter(|instance| merged.contains(&module_of(*instance)));
    Ok(of_merged
        .map(|instance| (instance, *first.entry(module_of(instance)).or_insert(instance)))
        .collect())
}

/// A `host-import` term.
struct HostImport<'p> {
    module: &'p str,
    name: &'p str,
    /// The import that it is of.
    importer: (InstanceId, u32),
}

fn host_imports<'p>(
    program: &'p Program,
    plan: &'p Plan,
) -> impl Iterator<Item = (NodeId, Result<HostImport<'p>, EmitError>)> {
    let read = |arguments: &[NodeId]| {
        let [module, name, import] = *arguments else { return None };
        let (
            Node::Str(module),
            Node::Str(name),
            Node::Entity(Entity::CoreImport(instance, position)),
        ) = (plan.node(module), plan.node(name), plan.node(import))
        else {
            return None;
        };
        Some(HostImport { module, name, importer: (*instance, *position) })
    };
    let in_component = matches!(program.world, World::Component(_));
    let nodes = plan.nodes.iter().zip(0..).filter(move |_| in_component);
    nodes.filter_map(move |(node, id)| match node {
        Node::Term(term, arguments) if &**term == "host-import" => {
            Some((NodeId(id), read(arguments).ok_or_else(not_of_host)))
        }
        _ => None,
    })
}

fn not_of_host() -> EmitError {
    EmitError::Term { term: "host-import".into(), wanted: "an import of the host" }
}

fn answer(plan: &Plan, port: Port, name: &str) -> Result<NodeId, EmitError> {
    plan.ports
        .get(&port)
        .copied()
        .ok_or_else(|| EmitError::Unanswered(format!("the export `{name}`")))
}

fn options<'a>(
    program: &'a Program,
    plan: &Plan,
    id: NodeId,
) -> Result<&'a CanonicalOptions, EmitError> {
    match plan.node(id) {
        Node::Entity(Entity::Options(options)) => Ok(&program.options[options.index()]),
        other => Err(EmitError::Term { term: format!("{other:?}"), wanted: "canonical options" }),
    }
}

fn host_side(plan: &Plan, wiring: &Wiring<'_>, id: NodeId) -> Result<HostSide, EmitError> {
    let source = |id: NodeId| wiring.source(id).map(Some);
    match plan.node(id) {
        Node::Term(term, arguments) => match &**term {
            "host-flat" => Ok(HostSide { memory: None, realloc: None }),
            "host-memory-only" => Ok(HostSide { memory: source(arguments[0])?, realloc: None }),
            "host-heap" => {
                Ok(HostSide { memory: source(arguments[0])?, realloc: source(arguments[1])? })
            }
            other => {
                Err(EmitError::Term { term: other.to_string(), wanted: "what the host touches" })
            }
        },
        other => {
            Err(EmitError::Term { term: format!("{other:?}"), wanted: "what the host touches" })
        }
    }
}

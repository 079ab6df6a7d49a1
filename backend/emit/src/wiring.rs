//! From decided terms to instances whose imports point at what they are.

use crate::adapter::{
    self,
    from_plan::{self, FromPlan},
};
use crate::error::EmitError;
use crate::fresh;
use crate::memory;
use crate::merge::{Instance, Kind, Origin, Source};
use crate::surface::HostImports;
use meld_component::program::{InstanceId, Program};
use meld_engine::plan::{Entity, ModuleImport, Node, NodeId, PackModule, Plan, Port};
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

/// The term for an instance that is instantiated when all guests have been.
const AFTER_START: &str = "after-start";

/// Where each decided term is to be found among the instances that are merged.
///
/// What meld adds stands before the guests: it has to be ready when their start functions run,
/// and needs nothing of them at instantiation but items. What an `after-start` term names stands
/// behind them.
pub struct Wiring<'a> {
    program: &'a Program,
    plan: &'a Plan,
    hosts: &'a HostImports,
    /// Module terms and generated functions, by their position among the instances.
    added: BTreeMap<NodeId, usize>,
    /// The live guests, by their position among the instances.
    guests: BTreeMap<InstanceId, usize>,
    /// Which of the added ones stand behind the guests.
    late: BTreeSet<NodeId>,
}

impl<'a> Wiring<'a> {
    /// Finds a place for every term that becomes an instance.
    pub fn new(program: &'a Program, plan: &'a Plan, hosts: &'a HostImports) -> Self {
        let late: BTreeSet<NodeId> = plan
            .nodes
            .iter()
            .filter_map(|node| match node {
                Node::Term(name, arguments) if &**name == AFTER_START => arguments.first().copied(),
                _ => None,
            })
            .collect();
        let all: Vec<NodeId> = plan
            .nodes
            .iter()
            .enumerate()
            .filter(|(_, node)| match node {
                Node::Module(..) => true,
                Node::Term(name, _) => from_plan::is_generated(name) || &**name == fresh::TERM,
                _ => false,
            })
            .map(|(id, _)| NodeId(id as u32))
            .collect();
        let (behind, before): (Vec<NodeId>, Vec<NodeId>) =
            all.into_iter().partition(|id| late.contains(id));
        let guests: BTreeMap<InstanceId, usize> = plan
            .instances
            .iter()
            .enumerate()
            .map(|(position, id)| (*id, before.len() + position))
            .collect();
        let first = before.len() + guests.len();
        let behind = behind.into_iter().enumerate().map(|(position, id)| (id, first + position));
        let before = before.into_iter().enumerate().map(|(position, id)| (id, position));
        let added = before.chain(behind).collect();
        Wiring { program, plan, hosts, added, guests, late }
    }

    /// All instances in the order in which they are instantiated.
    ///
    /// # Errors
    ///
    /// If a term cannot stand where it stands, or an adapter cannot be generated.
    pub fn instances(&self) -> Result<Vec<Instance<'a>>, EmitError> {
        let mut instances = Vec::with_capacity(self.added.len() + self.guests.len());
        for &id in self.added.keys().filter(|id| !self.late.contains(id)) {
            instances.push(self.added_instance(id)?);
        }
        for &id in self.guests.keys() {
            let instance = &self.program.instances[id.index()];
            let imports = (0..instance.imports.len() as u32)
                .map(|import| {
                    let unanswered =
                        || EmitError::Unanswered(format!("an import of {}", instance.name));
                    let port = self.plan.ports.get(&Port::Import(id, import));
                    self.source(*port.ok_or_else(unanswered)?)
                })
                .collect::<Result<_, _>>()?;
            instances.push(Instance {
                name: instance.name.clone(),
                bytes: Cow::Borrowed(self.program.module_bytes(instance.module)),
                imports,
                origin: Origin::Input,
            });
        }
        for &id in self.added.keys().filter(|id| self.late.contains(id)) {
            instances.push(self.added_instance(id)?);
        }
        Ok(instances)
    }

    /// Guests that are instances, and their positions among them.
    pub fn guests(&self) -> impl Iterator<Item = (InstanceId, usize)> + '_ {
        self.guests.iter().map(|(id, position)| (*id, *position))
    }

    /// For each instance the port that an import of it belongs to, by its position: a guest's own, or the
    /// first one in whose term the instance stands.
    pub fn port_of(&self) -> impl Fn(usize, usize) -> Option<Port> {
        let mut owner: Vec<Option<Port>> = vec![None; self.plan.nodes.len()];
        for (port, node) in &self.plan.ports {
            let mut todo = vec![*node];
            while let Some(node) = todo.pop() {
                let of = &mut owner[node.0 as usize];
                if of.is_some() {
                    continue;
                }
                *of = Some(*port);
                todo.extend(self.plan.node(node).parts());
            }
        }
        let added = self.added.iter().filter_map(|(node, at)| Some((*at, owner[node.0 as usize]?)));
        let added: BTreeMap<usize, Port> = added.collect();
        let guests: BTreeMap<usize, InstanceId> = self.guests().map(|(id, at)| (at, id)).collect();
        move |instance, import| match guests.get(&instance) {
            Some(id) => Some(Port::Import(*id, import as u32)),
            None => added.get(&instance).copied(),
        }
    }

    /// The core import of the host that a term stands for.
    fn of_host(&self, id: NodeId) -> Result<Source, EmitError> {
        self.hosts.source(id).ok_or_else(|| self.misplaced(id, "a function of the host"))
    }

    /// What a decided term of sort `Func`, `Memory`, `Table`, `Global`, `Tag` or `Int` is.
    ///
    /// # Errors
    ///
    /// If it is of another sort, or a term that the backend does not know.
    pub fn source(&self, id: NodeId) -> Result<Source, EmitError> {
        match self.plan.node(id) {
            Node::Int(value) => Ok(Source::Const(*value)),
            Node::Export(of, name) => {
                Ok(Source::Export { instance: self.instance(*of)?, name: name.to_string() })
            }
            Node::Term(name, arguments) => match &**name {
                "host-import" | "host-memory" | "host-table" | "host-global" | "host-tag" => {
                    if let Some(supplied) = self.hosts.source(id) {
                        return Ok(supplied);
                    }
                    let (module, name) = (self.text(arguments[0])?, self.text(arguments[1])?);
                    Ok(Source::Host { module, name })
                }
                "first-memory" | "first-table" => {
                    let kind = if &**name == "first-table" { Kind::Table } else { Kind::Memory };
                    let instance = self.with_first(kind, arguments[0])?;
                    Ok(Source::Item { kind, instance, index: 0 })
                }
                "first-memory-index" => {
                    let instance = self.with_first(Kind::Memory, arguments[0])?;
                    Ok(Source::MemoryIndex { instance, index: 0 })
                }
                "separate" | "by-way" => self.source(arguments[0]),
                "inline" => Ok(match self.source(arguments[0])? {
                    Source::Export { instance, name } => Source::Inline { instance, name },
                    source => source,
                }),
                "host-resource-new" | "host-resource-rep" | "host-resource-drop" => {
                    self.of_host(id)
                }
                fresh::TERM => Ok(Source::Export {
                    instance: self.added[&id],
                    name: fresh::EXPORT.to_string(),
                }),
                _ if self.added.contains_key(&id) => Ok(Source::Export {
                    instance: self.added[&id],
                    name: adapter::EXPORT.to_string(),
                }),
                _ => Err(self.misplaced(id, "a core item")),
            },
            _ => Err(self.misplaced(id, "a core item")),
        }
    }

    fn instance(&self, id: NodeId) -> Result<usize, EmitError> {
        match self.plan.node(id) {
            Node::Entity(Entity::Instance(instance)) => self.guest(*instance),
            Node::Module(..) => Ok(self.added[&id]),
            Node::Term(name, arguments) if &**name == AFTER_START => match arguments[..] {
                [instance] => self.instance(instance),
                _ => Err(self.misplaced(id, "an instance")),
            },
            _ => Err(self.misplaced(id, "an instance")),
        }
    }

    /// The guest that a core import belongs to, which has to have a memory or table.
    fn with_first(&self, kind: Kind, import: NodeId) -> Result<usize, EmitError> {
        let Node::Entity(Entity::CoreImport(id, _)) = *self.plan.node(import) else {
            return Err(self.misplaced(import, "a core import"));
        };
        let module = self.program.module_of(id);
        let (items, guard) = match kind {
            Kind::Table => (&module.tables, "has-funcref-table(?i)"),
            _ => (&module.memories, "!memories(?i, 0)"),
        };
        if items.is_empty() {
            let guest = self.program.instances[id.index()].name.clone();
            return Err(EmitError::NoFirst { guest, kind, guard });
        }
        self.guest(id)
    }

    fn guest(&self, instance: InstanceId) -> Result<usize, EmitError> {
        self.guests.get(&instance).copied().ok_or_else(|| {
            let name = &self.program.instances[instance.index()].name;
            EmitError::Unanswered(format!("an import of {name}"))
        })
    }

    fn text(&self, id: NodeId) -> Result<String, EmitError> {
        match self.plan.node(id) {
            Node::Str(text) => Ok(text.to_string()),
            _ => Err(self.misplaced(id, "a string")),
        }
    }

    fn added_instance(&self, id: NodeId) -> Result<Instance<'a>, EmitError> {
        match self.plan.node(id) {
            Node::Module(module, arguments) => {
                let module = &self.plan.modules[*module as usize];
                let imports = module
                    .imports
                    .iter()
                    .map(|import| match import {
                        ModuleImport::Param(position) => self.source(arguments[*position]),
                        ModuleImport::PageBits(position) => {
                            let memory = arguments[*position];
                            match memory::shape(self.program, self.plan, memory) {
                                Some(shape) => Ok(Source::Const(shape.page_bits.into())),
                                None => self
                                    .source(memory)
                                    .and_then(|_| Err(self.misplaced(memory, "a memory"))),
                            }
                        }
                        ModuleImport::FromInstance(position, name) => Ok(Source::Export {
                            instance: self.instance(arguments[*position])?,
                            name: name.clone(),
                        }),
                    })
                    .collect::<Result<_, _>>()?;
                let bytes = memory::binary(self.program, self.plan, module, arguments)
                    .ok_or_else(|| self.misplaced(id, "an instance"))?;
                self.check_memories(module, arguments, bytes)?;
                Ok(Instance {
                    name: self.name_of_module(module, arguments),
                    bytes: Cow::Borrowed(bytes),
                    imports,
                    origin: Origin::Pack,
                })
            }
            Node::Term(term, arguments) if &**term == fresh::TERM => Ok(Instance {
                name: format!("meld:memory:{}", self.text(arguments[0])?),
                bytes: Cow::Owned(fresh::module(self.plan, arguments)?),
                imports: Vec::new(),
                origin: Origin::Generated,
            }),
            _ => self.generated_instance(id),
        }
    }

    /// Refuses a memory that a pack's module neither follows nor declares as it is.
    fn check_memories(
        &self,
        module: &PackModule,
        arguments: &[NodeId],
        bytes: &[u8],
    ) -> Result<(), EmitError> {
        for (position, import) in module.imports.iter().enumerate() {
            let ModuleImport::Param(argument) = import else { continue };
            let Some(declared) = memory::imported(bytes, position) else { continue };
            let Some(found) = memory::shape(self.program, self.plan, arguments[*argument]) else {
                continue;
            };
            if !module.follows.contains(argument) && declared != found {
                let module = module.name.clone();
                return Err(EmitError::Memory { module, declared, found });
            }
        }
        Ok(())
    }

    fn generated_instance(&self, id: NodeId) -> Result<Instance<'a>, EmitError> {
        let function = self.function_name(id);
        let what = match self.plan.node(id) {
            Node::Term(term, _) if &**term == "adapter" => "adapter",
            _ => "wrapper",
        };
        let FromPlan { module, sources } = from_plan::from_plan(self.program, self.plan, id)
            .map_err(|error| EmitError::Adapter { function: function.clone(), error })?
            .ok_or_else(|| self.misplaced(id, "a function to generate"))?;
        let imports = sources
            .iter()
            .map(|source| match source {
                from_plan::Source::Node(node) => self.source(*node),
                from_plan::Source::Host => self.of_host(id),
                from_plan::Source::Export(of, name) => {
                    Ok(Source::Export { instance: self.instance(*of)?, name: (*name).to_string() })
                }
            })
            .collect::<Result<_, _>>()?;
        Ok(Instance {
            name: format!("meld:{what}:{function}"),
            bytes: Cow::Owned(module.bytes),
            imports,
            origin: Origin::Generated,
        })
    }

    /// The module's name, and whose instance it is if component instances are what keeps them apart.
    fn name_of_module(&self, module: &PackModule, arguments: &[NodeId]) -> String {
        let component = arguments.iter().find_map(|id| match self.plan.node(*id) {
            Node::Entity(Entity::Component(id)) => Some(&self.program.components[id.index()]),
            _ => None,
        });
        match component {
            Some(component) => format!("{}({})", module.name, component.path),
            None => module.name.clone(),
        }
    }

    /// What a generated function is for: the first core function below its term.
    fn function_name(&self, id: NodeId) -> String {
        let mut at = id;
        loop {
            match self.plan.node(at) {
                Node::Term(_, arguments) if !arguments.is_empty() => at = arguments[0],
                Node::Export(of, name) => {
                    return match self.plan.node(*of) {
                        Node::Entity(Entity::Instance(instance)) => {
                            format!("{}.{name}", self.program.instances[instance.index()].name)
                        }
                        Node::Module(module, _) => {
                            format!("{}.{name}", self.plan.modules[*module as usize].name)
                        }
                        _ => name.to_string(),
                    };
                }
                Node::Str(text) => return text.to_string(),
                _ => return String::new(),
            }
        }
    }

    fn misplaced(&self, id: NodeId, wanted: &'static str) -> EmitError {
        let term = match self.plan.node(id) {
            Node::Term(name, _) => name.to_string(),
            Node::Module(module, _) => self.plan.modules[*module as usize].name.clone(),
            other => format!("{other:?}"),
        };
        EmitError::Term { term, wanted }
    }
}

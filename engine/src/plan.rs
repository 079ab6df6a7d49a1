//! What the engine decided: for every port an implementable term.
//!
//! A [`Plan`] is a DAG of [`Node`]s, arguments before users. It says everything the backend
//! needs, so that the backend knows neither rules nor e-graphs: pack modules stand in it as
//! bytes, entities as ids of the [`meld_component::program::Program`].

use meld_component::facts::Slot;
use meld_component::program::{ComponentId, HostFuncId, InstanceId, OptionsId, ResourceId};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Index into [`Plan::nodes`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(pub u32);

/// A place that needed an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Port {
    /// An import of a core instance, by position in its module's imports.
    Import(InstanceId, u32),
    /// A function that the root exports: index into `Program::root_exports`.
    Export(u32),
    /// A core item that the root exports: index into `World::Core::exports`.
    CoreExport(u32),
    /// The destructor of a resource type that a guest defines and the root exports: what the
    /// host calls when it drops one.
    Destructor(ResourceId),
    /// The start functions of a component's guests, where one of them may throw.
    Start,
}

/// One decided term.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Node {
    /// Something of the program.
    Entity(Entity),
    /// An integer.
    Int(i64),
    /// A string.
    Str(Arc<str>),
    /// A list of terms.
    List(Vec<NodeId>),
    /// A term of the vocabulary or of a pack, by name; the backend knows how to emit it.
    Term(Arc<str>, Vec<NodeId>),
    /// An instance of a pack's core module: index into [`Plan::modules`], and its arguments in
    /// the order of the module's parameters.
    Module(u32, Vec<NodeId>),
    /// An export of the instance that a node stands for (`.name`).
    Export(NodeId, Arc<str>),
}

impl Node {
    /// The nodes directly inside.
    pub fn parts(&self) -> impl Iterator<Item = NodeId> + '_ {
        let parts = match self {
            Node::List(parts) | Node::Term(_, parts) | Node::Module(_, parts) => parts.as_slice(),
            Node::Export(of, _) => std::slice::from_ref(of),
            Node::Entity(_) | Node::Int(_) | Node::Str(_) => &[],
        };
        parts.iter().copied()
    }
}

/// Something of the program that a term names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Entity {
    /// A core instance (sort `Instance`).
    Instance(InstanceId),
    /// A component instance (sort `Component`).
    Component(ComponentId),
    /// Canonical options (sort `Options`).
    Options(OptionsId),
    /// A resource type (sort `Resource`).
    Resource(ResourceId),
    /// A function that the root imports (sort `HostFunc`).
    HostFunc(HostFuncId),
    /// A core import left to the host (sort `CoreImport`): its importer and position.
    CoreImport(InstanceId, u32),
    /// A slot of a table (sort `Slot`).
    Slot(Slot),
}

/// A core module of a pack, as checked by `meld-pack`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PackModule {
    /// `pack.module`, for people and for the name section.
    pub name: String,
    /// The module for each combination of address types that it follows: bit `n` of a position
    /// says that addresses of the argument `follows[n]` are 64 bits wide.
    pub binaries: Vec<Arc<[u8]>>,
    /// Positions of the arguments of sort `Memory` or `Table` whose address type the module
    /// follows. The pages of such memories may be of any size, and threads may share them.
    pub follows: Vec<usize>,
    /// For each import of the module, in order, where it comes from.
    pub imports: Vec<ModuleImport>,
}

/// Where an import of a pack module comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ModuleImport {
    /// From an export of that name of the `Instance` parameter at this position.
    FromInstance(usize, String),
    /// It is the parameter at this position, of sort `Memory`, `Func`, `Table`, `Global`, `Tag`
    /// or `Int`.
    Param(usize),
    /// It is the size of pages, as a power of two, of the memory at this position.
    PageBits(usize),
}

/// The form of the output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Form {
    /// A component with the world of the input. Where plain core modules were fused there is no
    /// such world, and this is the same as [`Form::Core`].
    #[default]
    Component,
    /// A core module, host imports and exports named as wit-component names them.
    Core,
}

/// What is decided for: what rules can ask about the output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The form of the output.
    pub form: Form,
    /// Whether the engines that run it know SIMD128.
    pub simd: bool,
    /// Resources whose representation may be their handle.
    pub opaque: BTreeSet<ResourceId>,
}

impl Default for Target {
    fn default() -> Self {
        Target { form: Form::Component, simd: true, opaque: BTreeSet::new() }
    }
}

/// For every port the cheapest implementable term.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// What was decided for.
    pub target: Target,
    /// All terms, arguments before users.
    pub nodes: Vec<Node>,
    /// What each port became: every export of the root, and every import of a live instance.
    pub ports: BTreeMap<Port, NodeId>,
    /// Core instances of the program that are emitted: those that a term in the plan names, and
    /// those whose instantiation can be seen, be it by their start function, by a trap or by
    /// what their active segments write. In the order in which they are instantiated. Whatever
    /// is absent has no port here either.
    pub instances: BTreeSet<InstanceId>,
    /// Core modules that [`Node::Module`] refers to.
    pub modules: Vec<PackModule>,
    /// Assumptions that some decision rests on, sorted.
    pub assumptions: Vec<String>,
}

impl Plan {
    /// The node behind an id.
    pub fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id.0 as usize]
    }
}

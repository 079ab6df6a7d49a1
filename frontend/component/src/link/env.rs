//! Values, and environments: the index spaces of one component instance while it is linked.

use crate::component::{BodyId, Declaration};
use crate::program::{
    ComponentId, CoreItem, FuncId, HostInstanceId, HostModuleId, InstanceId, ModuleId, ResourceId,
};
use crate::types::{FuncTypeId, TypeId};
use wasmparser::{ComponentExternalKind, ExternalKind};

/// Position of an environment in the linker's arena.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct EnvId(pub u32);

/// Position of a component-level instance in the linker's arena.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct InstanceRef(pub u32);

/// A component and the environment in which it stands; none for the root.
#[derive(Clone, Copy, Debug)]
pub(super) struct Closure {
    pub body: BodyId,
    pub env: EnvId,
}

/// What a component-level index stands for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Item<'a> {
    Module(ModuleRef),
    Func(FuncId),
    Type(Ty<'a>),
    Instance(InstanceRef),
    Component(Closure),
}

/// What a type index stands for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Ty<'a> {
    Value(TypeId),
    Func(FuncTypeId),
    Resource(ResourceId),
    /// An instance type, with the environment in which it stands. It is looked into only where
    /// the root imports an instance of it.
    Instance(&'a [Declaration], EnvId),
    /// A component type; only the validator looks into one.
    Component,
}

/// A core module: of an input, or imported by the root.
#[derive(Clone, Copy, Debug)]
pub(super) enum ModuleRef {
    Input(ModuleId),
    Host(HostModuleId),
}

/// A core instance: real, of an imported module, or put together from items.
#[derive(Clone, Copy, Debug)]
pub(super) enum CoreInstanceRef {
    Real(InstanceId),
    Host(HostInstanceId),
    Exports(u32),
}

/// The index spaces of one component instance, or of one instance type that is looked into.
#[derive(Debug)]
pub(super) struct Env<'a> {
    /// The instance; for a type, the instance whose component holds it.
    pub component: ComponentId,
    /// The lexically enclosing environment.
    pub parent: Option<EnvId>,
    pub modules: Vec<ModuleRef>,
    pub core_instances: Vec<CoreInstanceRef>,
    pub core_funcs: Vec<CoreItem>,
    pub tables: Vec<CoreItem>,
    pub memories: Vec<CoreItem>,
    pub globals: Vec<CoreItem>,
    pub tags: Vec<CoreItem>,
    pub types: Vec<Ty<'a>>,
    pub funcs: Vec<FuncId>,
    pub instances: Vec<InstanceRef>,
    pub components: Vec<Closure>,
}

impl<'a> Env<'a> {
    pub(super) fn new(component: ComponentId, parent: Option<EnvId>) -> Self {
        Env {
            component,
            parent,
            modules: Vec::new(),
            core_instances: Vec::new(),
            core_funcs: Vec::new(),
            tables: Vec::new(),
            memories: Vec::new(),
            globals: Vec::new(),
            tags: Vec::new(),
            types: Vec::new(),
            funcs: Vec::new(),
            instances: Vec::new(),
            components: Vec::new(),
        }
    }

    /// Adds an item to the index space of its kind.
    pub(super) fn push(&mut self, item: Item<'a>) {
        match item {
            Item::Module(id) => self.modules.push(id),
            Item::Func(id) => self.funcs.push(id),
            Item::Type(ty) => self.types.push(ty),
            Item::Instance(id) => self.instances.push(id),
            Item::Component(closure) => self.components.push(closure),
        }
    }

    /// The item at an index of a kind; none for values, which no component may have.
    pub(super) fn item(&self, kind: ComponentExternalKind, index: u32) -> Option<Item<'a>> {
        let index = index as usize;
        Some(match kind {
            ComponentExternalKind::Module => Item::Module(*self.modules.get(index)?),
            ComponentExternalKind::Func => Item::Func(*self.funcs.get(index)?),
            ComponentExternalKind::Type => Item::Type(*self.types.get(index)?),
            ComponentExternalKind::Instance => Item::Instance(*self.instances.get(index)?),
            ComponentExternalKind::Component => Item::Component(*self.components.get(index)?),
            ComponentExternalKind::Value => return None,
        })
    }

    /// The index space of a kind of core item.
    pub(super) fn core(&mut self, kind: ExternalKind) -> &mut Vec<CoreItem> {
        match kind {
            ExternalKind::Func | ExternalKind::FuncExact => &mut self.core_funcs,
            ExternalKind::Table => &mut self.tables,
            ExternalKind::Memory => &mut self.memories,
            ExternalKind::Global => &mut self.globals,
            ExternalKind::Tag => &mut self.tags,
        }
    }
}

impl Item<'_> {
    /// The kind of the item.
    pub(super) fn kind(&self) -> ComponentExternalKind {
        match self {
            Item::Module(_) => ComponentExternalKind::Module,
            Item::Func(_) => ComponentExternalKind::Func,
            Item::Type(_) => ComponentExternalKind::Type,
            Item::Instance(_) => ComponentExternalKind::Instance,
            Item::Component(_) => ComponentExternalKind::Component,
        }
    }
}

//! Index spaces, and the names that name sections give to what is in them.

use wasmparser::{
    ComponentExternalKind, ComponentName, ComponentNameSectionReader, ExternalKind, Name, NameMap,
    NameSectionReader, TypeRef,
};

/// An index space of a component or a core module, or what sections list without an index space.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Space {
    Component,
    Instance,
    Func,
    Value,
    Type,
    CoreModule,
    CoreInstance,
    CoreType,
    CoreFunc,
    CoreTable,
    CoreMemory,
    CoreGlobal,
    CoreTag,
    Table,
    Memory,
    Global,
    Tag,
    Element,
    Data,
    Import,
    Export,
    Alias,
    Canonical,
}

impl Space {
    /// How many there are.
    pub(super) const COUNT: usize = Space::Canonical as usize + 1;

    /// What one item is called.
    pub(super) fn label(self) -> &'static str {
        match self {
            Space::Component => "component",
            Space::Instance => "instance",
            Space::Func => "function",
            Space::Value => "value",
            Space::Type => "type",
            Space::CoreModule => "core module",
            Space::CoreInstance => "core instance",
            Space::CoreType => "core type",
            Space::CoreFunc => "core function",
            Space::CoreTable => "core table",
            Space::CoreMemory => "core memory",
            Space::CoreGlobal => "core global",
            Space::CoreTag => "core tag",
            Space::Table => "table",
            Space::Memory => "memory",
            Space::Global => "global",
            Space::Tag => "tag",
            Space::Element => "element segment",
            Space::Data => "data segment",
            Space::Import => "import",
            Space::Export => "export",
            Space::Alias => "alias",
            Space::Canonical => "canonical function",
        }
    }

    /// The space of a component for what is in this space of a core module.
    pub(super) fn of_component(self) -> Space {
        match self {
            Space::Func => Space::CoreFunc,
            Space::Table => Space::CoreTable,
            Space::Memory => Space::CoreMemory,
            Space::Global => Space::CoreGlobal,
            Space::Tag => Space::CoreTag,
            other => other,
        }
    }
}

impl From<ComponentExternalKind> for Space {
    fn from(kind: ComponentExternalKind) -> Space {
        match kind {
            ComponentExternalKind::Module => Space::CoreModule,
            ComponentExternalKind::Func => Space::Func,
            ComponentExternalKind::Value => Space::Value,
            ComponentExternalKind::Type => Space::Type,
            ComponentExternalKind::Instance => Space::Instance,
            ComponentExternalKind::Component => Space::Component,
        }
    }
}

impl From<ExternalKind> for Space {
    fn from(kind: ExternalKind) -> Space {
        match kind {
            ExternalKind::Func | ExternalKind::FuncExact => Space::Func,
            ExternalKind::Table => Space::Table,
            ExternalKind::Memory => Space::Memory,
            ExternalKind::Global => Space::Global,
            ExternalKind::Tag => Space::Tag,
        }
    }
}

impl From<TypeRef> for Space {
    fn from(ty: TypeRef) -> Space {
        match ty {
            TypeRef::Func(_) | TypeRef::FuncExact(_) => Space::Func,
            TypeRef::Table(_) => Space::Table,
            TypeRef::Memory(_) => Space::Memory,
            TypeRef::Global(_) => Space::Global,
            TypeRef::Tag(_) => Space::Tag,
        }
    }
}

/// The name section of a component or a core module.
#[derive(Clone)]
pub(super) enum Names<'a> {
    None,
    Core(NameSectionReader<'a>),
    Component(ComponentNameSectionReader<'a>),
}

impl<'a> Names<'a> {
    /// The name of the component or core module itself.
    pub(super) fn own(&self) -> Option<&'a str> {
        let name = match self.clone() {
            Names::None => None,
            Names::Core(names) => {
                names.into_iter().map_while(Result::ok).find_map(|name| match name {
                    Name::Module { name, .. } => Some(name),
                    _ => None,
                })
            }
            Names::Component(names) => {
                names.into_iter().map_while(Result::ok).find_map(|name| match name {
                    ComponentName::Component { name, .. } => Some(name),
                    _ => None,
                })
            }
        };
        name.filter(|name| !name.is_empty())
    }

    /// The name of what has an index.
    pub(super) fn of(&self, space: Space, index: u32) -> Option<&'a str> {
        let map = match self.clone() {
            Names::None => None,
            Names::Core(names) => {
                let mut maps = names.into_iter().map_while(Result::ok).filter_map(core_names);
                maps.find(|(of, _)| *of == space)
            }
            Names::Component(names) => {
                let mut maps = names.into_iter().map_while(Result::ok).filter_map(component_names);
                maps.find(|(of, _)| *of == space)
            }
        };
        let mut namings = map?.1.into_iter().map_while(Result::ok);
        namings.find(|naming| naming.index == index).map(|naming| naming.name)
    }
}

fn core_names(name: Name<'_>) -> Option<(Space, NameMap<'_>)> {
    Some(match name {
        Name::Function(names) => (Space::Func, names),
        Name::Type(names) => (Space::Type, names),
        Name::Table(names) => (Space::Table, names),
        Name::Memory(names) => (Space::Memory, names),
        Name::Global(names) => (Space::Global, names),
        Name::Tag(names) => (Space::Tag, names),
        Name::Element(names) => (Space::Element, names),
        Name::Data(names) => (Space::Data, names),
        _ => return None,
    })
}

fn component_names(name: ComponentName<'_>) -> Option<(Space, NameMap<'_>)> {
    Some(match name {
        ComponentName::CoreFuncs(names) => (Space::CoreFunc, names),
        ComponentName::CoreGlobals(names) => (Space::CoreGlobal, names),
        ComponentName::CoreMemories(names) => (Space::CoreMemory, names),
        ComponentName::CoreTables(names) => (Space::CoreTable, names),
        ComponentName::CoreTags(names) => (Space::CoreTag, names),
        ComponentName::CoreModules(names) => (Space::CoreModule, names),
        ComponentName::CoreInstances(names) => (Space::CoreInstance, names),
        ComponentName::CoreTypes(names) => (Space::CoreType, names),
        ComponentName::Types(names) => (Space::Type, names),
        ComponentName::Instances(names) => (Space::Instance, names),
        ComponentName::Components(names) => (Space::Component, names),
        ComponentName::Funcs(names) => (Space::Func, names),
        ComponentName::Values(names) => (Space::Value, names),
        _ => return None,
    })
}

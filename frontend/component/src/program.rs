//! The result of linking: what every import of every core instance is, by identity.
//!
//! A [`Program`] is flat. Components are gone, except as [`ComponentInstance`]s that own state;
//! names are gone, except as text for people ([`ComponentInstance::path`], names of functions).
//! Whoever asks what an import is reads an id, never a string: two interfaces may each have a
//! resource `float`, a component may import and export one interface, and a component
//! instantiated twice has two distinct resource types.

use crate::read::Input;
use crate::types::{FuncTypeId, Types};
use bytes::Bytes;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident $prefix:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub u32);

        impl $name {
            /// The id as an index into the program's table of this kind.
            pub fn index(self) -> usize {
                self.0 as usize
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, concat!("#", $prefix, "{}"), self.0)
            }
        }
    )*};
}

ids! {
    /// A distinct core module of the input: index into [`Program::modules`].
    ModuleId "module";
    /// A core module instance: index into [`Program::instances`].
    InstanceId "core";
    /// A component instance: index into [`Program::components`]. The root is 0.
    ComponentId "component";
    /// A component function: index into [`Program::funcs`].
    FuncId "func";
    /// Canonical options: index into [`Program::options`].
    OptionsId "opts";
    /// A resource type: index into [`Program::resources`].
    ResourceId "resource";
    /// A function that the root imports: index into [`Program::host_funcs`].
    HostFuncId "host";
    /// A core module that the root imports: index into [`Program::host_modules`].
    HostModuleId "host-module";
    /// An instance of such a module: index into [`Program::host_instances`].
    HostInstanceId "host-core";
}

/// A symbolically instantiated root.
#[derive(Clone, Debug)]
pub struct Program {
    /// What [`CoreModule::range`] refers to, one entry an input (after composition).
    pub inputs: Vec<Input>,
    /// What was composed, if the one input is a composition.
    pub composed: Vec<Input>,
    /// Function bodies have not been validated yet; see [`read_deferred`](crate::read_deferred).
    pub unvalidated: bool,
    /// All component-level value and function types that occur, interned.
    pub types: Types,
    /// Distinct core modules.
    pub modules: Vec<CoreModule>,
    /// Core module instances in the order in which the component model instantiates them.
    pub instances: Vec<CoreInstance>,
    /// Component instances; an instance's parent stands before it.
    pub components: Vec<ComponentInstance>,
    /// Component functions: those that are lifted, and those that the root imports.
    pub funcs: Vec<ComponentFunc>,
    /// Canonical options, equal ones shared.
    pub options: Vec<CanonicalOptions>,
    /// Resource types, one per definition and instantiation.
    pub resources: Vec<Resource>,
    /// Functions that the root imports, at any depth of instances.
    pub host_funcs: Vec<HostFunc>,
    /// Core modules that the root imports, at any depth of instances.
    pub host_modules: Vec<HostModule>,
    /// Instances of core modules that the root imports.
    pub host_instances: Vec<HostModuleId>,
    /// Which export of which of these a [`CoreItem::Host`] is, by its importer. Plain core modules
    /// have no such instances.
    pub host_exports: BTreeMap<(InstanceId, u32), (HostInstanceId, String)>,
    /// The root's exports that are functions, at any depth of instances.
    pub root_exports: Vec<RootExport>,
    /// The outer face of the program.
    pub world: World,
    /// What stands for the host where values reach it by way of a memory of meld's own; none
    /// where no value does.
    pub border: Option<Border>,
}

/// The host's edge: a component instance of meld's own, which stands for the host as another
/// instance would. Handles that the host knows are in its table, values in its memory.
#[derive(Clone, Debug)]
pub struct Border {
    /// Its options: UTF-8, and a memory and an allocator that rules name.
    pub options: OptionsId,
    /// Resource types of the host, each with the names from the root import down to it.
    pub imported: Vec<(ResourceId, Vec<String>)>,
    /// Resource types that the root exports, each with the names from the root export down to
    /// where it is first exported.
    pub exported: Vec<(ResourceId, Vec<String>)>,
}

/// What the program looks like from outside.
#[derive(Clone, Debug)]
pub enum World {
    /// A component: its imports and exports keep names, labels and type exports.
    Component(Box<ComponentWorld>),
    /// Plain core modules were given; imports and exports are core ones.
    Core {
        /// Exports of the fused module: name and what it is.
        exports: Vec<(String, CoreItem)>,
    },
}

/// The root component's face, in wasmparser's terms: it has all labels and type identities.
#[derive(Clone)]
pub struct ComponentWorld {
    /// The validated types that the entity types below refer to.
    pub types: Arc<wasmparser::types::Types>,
    /// Root imports in order.
    pub imports: Vec<(String, wasmparser::component_types::ComponentEntityType)>,
    /// Root exports in order, with what each is.
    pub exports: Vec<(String, wasmparser::component_types::ComponentEntityType, WorldItem)>,
    /// The whole root component, as it was after composition.
    pub bytes: Bytes,
}

impl std::fmt::Debug for ComponentWorld {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ComponentWorld").finish_non_exhaustive()
    }
}

/// What a root export is, by identity.
#[derive(Clone, Debug)]
pub enum WorldItem {
    /// A function: index into [`Program::root_exports`].
    Func(u32),
    /// An instance, with its exports in order.
    Instance(Vec<(String, WorldItem)>),
    /// A type; what it is follows from the entity type beside it.
    Type,
}

/// A core module as it stands in an input.
#[derive(Clone, Debug)]
pub struct CoreModule {
    /// The name from the component's or the module's name section, or the input's name.
    pub name: Option<String>,
    /// Which of [`Program::inputs`] the module is in.
    pub input: u32,
    /// The module's bytes within that input.
    pub range: Range<usize>,
    /// Imports in order.
    pub imports: Vec<CoreImport>,
    /// Exports in order.
    pub exports: Vec<CoreExport>,
    /// The module has a start function.
    pub has_start: bool,
    /// The module defines or imports an exception tag: without one, nothing in it can throw.
    pub has_tags: bool,
    /// An active segment may be out of bounds, so that instantiating may trap.
    pub may_trap: bool,
    /// Its memories by index, imported ones first.
    pub memories: Vec<CoreKind>,
    /// Its tables by index, imported ones first.
    pub tables: Vec<CoreKind>,
    /// Where the bodies of the functions that it defines are in its bytes, without their sizes.
    pub bodies: Vec<Range<usize>>,
}

/// One import of a core module.
#[derive(Clone, Debug)]
pub struct CoreImport {
    /// First level name.
    pub module: String,
    /// Second level name.
    pub name: String,
    /// What kind of item is imported.
    pub kind: CoreKind,
}

/// One export of a core module.
#[derive(Clone, Debug)]
pub struct CoreExport {
    /// The name, unique in its module.
    pub name: String,
    /// What is exported.
    pub kind: CoreKind,
    /// Index in the module's index space of that kind.
    pub index: u32,
}

/// The kind of a core item, with the types that linking cares for.
#[derive(Clone, Debug, PartialEq)]
pub enum CoreKind {
    /// A function and its type.
    Func(CoreFuncType),
    /// A memory.
    Memory {
        /// Addresses are 64 bits wide.
        memory64: bool,
        /// Threads may share it.
        shared: bool,
        /// Bytes in a page, as a power of two.
        page_bits: u32,
    },
    /// A table.
    Table {
        /// Indices are 64 bits wide.
        table64: bool,
        /// Its elements are of type `funcref`.
        funcref: bool,
    },
    /// A global.
    Global,
    /// An exception tag.
    Tag,
}

/// A core function type. Types that mention GC types of their module keep only their arity.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CoreFuncType {
    /// Parameter types.
    pub params: Vec<wasmparser::ValType>,
    /// Result types.
    pub results: Vec<wasmparser::ValType>,
}

/// An instance of a core module.
#[derive(Clone, Debug)]
pub struct CoreInstance {
    /// Text for people, for example `adder/main`: the component's path and the module's name.
    pub name: String,
    /// The module it is an instance of.
    pub module: ModuleId,
    /// The component instance whose component instantiated it.
    pub component: ComponentId,
    /// What each import of the module is, in the module's order of imports.
    pub imports: Vec<CoreItem>,
}

/// An instance of a component.
#[derive(Clone, Debug)]
pub struct ComponentInstance {
    /// Text for people: names from the root, joined by `/`; the root's is `root`.
    pub path: String,
    /// The instance whose component instantiated it; none for the root.
    pub parent: Option<ComponentId>,
}

/// What a core-level item is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum CoreItem {
    /// An export of a core instance, by position in [`CoreModule::exports`]. The instance
    /// defines it: what a module imports and exports again is followed to where it is defined.
    Export {
        /// The exporting instance.
        instance: InstanceId,
        /// Position in its module's exports.
        export: u32,
    },
    /// A component function, lowered (`canon lower`).
    Lower {
        /// The function.
        func: FuncId,
        /// Options of the lower.
        options: OptionsId,
    },
    /// Another canonical built-in.
    Builtin(Builtin),
    /// A core import left to the host: of a plain core module, or of one in a component that gets it
    /// from a core module which the root imports. The first name is the importer's; the second one is the
    /// function's own, whatever a component between calls it.
    Host {
        /// First level name.
        module: String,
        /// Second level name.
        name: String,
        /// The instance that imports it, and the position in its module's imports: its type.
        importer: (InstanceId, u32),
    },
    /// A function of a core module that the root imports. No finished program has one: for whoever
    /// imports it, and so says its type, it is a [`CoreItem::Host`].
    HostExport {
        /// The exporting instance.
        instance: HostInstanceId,
        /// The export's name.
        name: String,
    },
}

/// A canonical built-in other than `lift` and `lower`. Everything behaviour depends on is here.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Builtin {
    /// `resource.new`
    ResourceNew(ComponentId, ResourceId),
    /// `resource.rep`
    ResourceRep(ComponentId, ResourceId),
    /// `resource.drop`
    ResourceDrop(ComponentId, ResourceId),
    /// `context.get` and `context.set`
    Context {
        /// The component instance whose definition it is.
        component: ComponentId,
        /// `context.set`
        set: bool,
        /// The slot's number.
        slot: u32,
        /// The slot is used as an `i64`, not as an `i32`.
        wide: bool,
    },
    /// Any built-in of the async ABI (tasks, waitables, streams, futures, threads,
    /// error contexts), by its name in the binary format's explainer, for example
    /// `stream.read`.
    Async(ComponentId, String),
}

/// A component function.
#[derive(Clone, Debug)]
pub struct ComponentFunc {
    /// Its type.
    pub ty: FuncTypeId,
    /// Where it comes from.
    pub def: FuncDef,
}

/// Where a component function comes from.
#[derive(Clone, Debug)]
pub enum FuncDef {
    /// `canon lift` of a core function.
    Lift {
        /// The core function.
        core: CoreItem,
        /// Options of the lift, without its `post-return`.
        options: OptionsId,
        /// The `post-return` function.
        post_return: Option<CoreItem>,
        /// The `callback` function of an async lift.
        callback: Option<CoreItem>,
    },
    /// A function that the root imports.
    Host(HostFuncId),
}

/// How strings are encoded in a memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StringEncoding {
    /// UTF-8.
    Utf8,
    /// UTF-16, little endian.
    Utf16,
    /// Latin-1, or UTF-16 where the length's top bit is set.
    Latin1Utf16,
}

/// Canonical options of a lift or a lower, without `post-return` and `callback`, which belong
/// to one lift: lifts and lowers with equal options share one entry.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CanonicalOptions {
    /// The component instance whose component holds the definition.
    pub component: ComponentId,
    /// `string-encoding`
    pub encoding: StringEncoding,
    /// `memory`
    pub memory: Option<CoreItem>,
    /// `realloc`
    pub realloc: Option<CoreItem>,
    /// `async`
    pub async_: bool,
    /// Addresses of the memory are 64 bits wide.
    pub memory64: bool,
}

impl CanonicalOptions {
    /// Those of an instance that name nothing.
    pub fn bare(component: ComponentId) -> CanonicalOptions {
        CanonicalOptions {
            component,
            encoding: StringEncoding::Utf8,
            memory: None,
            realloc: None,
            async_: false,
            memory64: false,
        }
    }
}

/// A resource type, after instantiation.
#[derive(Clone, Debug)]
pub struct Resource {
    /// Text for people, for example `test:floats/api.float`.
    pub name: String,
    /// All names by which exports show it. For look-up only.
    pub aliases: BTreeSet<String>,
    /// Where it is defined.
    pub def: ResourceDef,
}

/// Where a resource type is defined.
#[derive(Clone, Debug)]
pub enum ResourceDef {
    /// By a component instance of the program.
    Component {
        /// The implementing instance.
        component: ComponentId,
        /// The destructor.
        dtor: Option<CoreItem>,
    },
    /// The root imports it.
    Host,
}

impl Resource {
    /// The instance that implements it; none if the root imports it.
    pub fn implementer(&self) -> Option<ComponentId> {
        match self.def {
            ResourceDef::Component { component, .. } => Some(component),
            ResourceDef::Host => None,
        }
    }

    /// The destructor that the instance gives it.
    pub fn destructor(&self) -> Option<&CoreItem> {
        match &self.def {
            ResourceDef::Component { dtor, .. } => dtor.as_ref(),
            ResourceDef::Host => None,
        }
    }
}

/// A function that the root imports.
#[derive(Clone, Debug)]
pub struct HostFunc {
    /// Names from the root import down through instances, at least one.
    pub path: Vec<String>,
}

/// A core module that the root imports.
#[derive(Clone, Debug)]
pub struct HostModule {
    /// Names from the root import down through instances, at least one.
    pub path: Vec<String>,
}

/// A function that the root exports.
#[derive(Clone, Debug)]
pub struct RootExport {
    /// Names from the root export down through instances, at least one.
    pub path: Vec<String>,
    /// The function.
    pub func: FuncId,
}

impl Program {
    /// The bytes of a core module.
    pub fn module_bytes(&self, module: ModuleId) -> &[u8] {
        let module = &self.modules[module.index()];
        &self.inputs[module.input as usize].bytes[module.range.clone()]
    }

    /// The type of a function that the root imports; none if no component function is it.
    pub fn host_type(&self, host: HostFuncId) -> Option<FuncTypeId> {
        let is_host = |func: &&ComponentFunc| matches!(func.def, FuncDef::Host(id) if id == host);
        self.funcs.iter().find(is_host).map(|func| func.ty)
    }

    /// The component instance that stands for the host; none if there is no border.
    pub fn border_component(&self) -> Option<ComponentId> {
        self.border.as_ref().map(|border| self.options[border.options.index()].component)
    }

    /// The module of a core instance.
    pub fn module_of(&self, instance: InstanceId) -> &CoreModule {
        &self.modules[self.instances[instance.index()].module.index()]
    }
}

//! A decoded component: its index spaces as an ordered list of definitions, nothing resolved.
//!
//! Nested components lie flat in [`Component::bodies`], core modules flat in
//! [`Component::modules`]; a definition refers to them by position. Indices inside definitions
//! are those of the binary format, into the index spaces of the body (or of an enclosing one,
//! for outer aliases).

use crate::program::{CoreModule, ModuleId};
use bytes::Bytes;
use std::collections::BTreeMap;
use std::sync::Arc;
use wasmparser::{
    CanonicalFunction, ComponentExternalKind, ComponentOuterAliasKind, ComponentTypeRef,
    ComponentValType, ExternalKind, ValType,
};

/// Position of a component in [`Component::bodies`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BodyId(pub u32);

impl BodyId {
    /// The root component.
    pub const ROOT: BodyId = BodyId(0);
}

/// A validated component with everything nested in it.
pub struct Component {
    /// Name of the input, for messages.
    pub name: String,
    /// The whole binary.
    pub bytes: Bytes,
    /// The validator's types of the root.
    pub types: Arc<wasmparser::types::Types>,
    /// The core modules at any depth, in the order in which they stand in the binary.
    pub modules: Vec<CoreModule>,
    /// The root and the components nested in it, a parent before its children.
    pub bodies: Vec<Body>,
}

impl std::fmt::Debug for Component {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Component")
            .field("name", &self.name)
            .field("modules", &self.modules.len())
            .field("bodies", &self.bodies.len())
            .finish_non_exhaustive()
    }
}

/// One component: root or nested.
#[derive(Debug, Default)]
pub struct Body {
    /// What it defines, in order.
    pub definitions: Vec<Definition>,
    /// Names for people.
    pub names: Names,
}

/// The `component-name` section, as far as paths need it. Keys are indices of the binary format.
#[derive(Debug, Default)]
pub struct Names {
    /// The component's own name.
    pub component: Option<String>,
    /// Names of nested components.
    pub components: BTreeMap<u32, String>,
    /// Names of component instances.
    pub instances: BTreeMap<u32, String>,
    /// Names of core modules.
    pub core_modules: BTreeMap<u32, String>,
    /// Names of core instances.
    pub core_instances: BTreeMap<u32, String>,
    /// Names of types.
    pub types: BTreeMap<u32, String>,
}

/// A definition: each adds one index to one index space, except [`Definition::CoreType`], whose
/// space nothing here reads.
#[derive(Debug)]
pub enum Definition {
    /// A core module.
    CoreModule(ModuleId),
    /// A core instance.
    CoreInstance(CoreInstanceDef),
    /// A core type.
    CoreType,
    /// A type.
    Type(TypeDef),
    /// An alias.
    Alias(Alias),
    /// A nested component.
    Component(BodyId),
    /// A component instance.
    Instance(InstanceDef),
    /// A canonical function: a core function, or for `lift` a component function.
    Canon(CanonicalFunction),
    /// An import.
    Import {
        /// Its name.
        name: Box<str>,
        /// What it has to be.
        ty: ComponentTypeRef,
    },
    /// An export. Like an import it adds an index.
    Export {
        /// Its name.
        name: Box<str>,
        /// The index space of what is exported.
        kind: ComponentExternalKind,
        /// Its index.
        index: u32,
    },
}

/// What an instance type declares, in order.
#[derive(Debug)]
pub enum Declaration {
    /// A core type.
    CoreType,
    /// A type.
    Type(TypeDef),
    /// An alias.
    Alias(Alias),
    /// An export that every instance of the type has.
    Export {
        /// Its name.
        name: Box<str>,
        /// What it is.
        ty: ComponentTypeRef,
    },
}

/// An alias.
#[derive(Debug)]
pub enum Alias {
    /// Of an export of a component instance.
    InstanceExport {
        /// The kind of the export.
        kind: ComponentExternalKind,
        /// The instance.
        instance: u32,
        /// The export's name.
        name: Box<str>,
    },
    /// Of an export of a core instance.
    CoreInstanceExport {
        /// The kind of the export.
        kind: ExternalKind,
        /// The instance.
        instance: u32,
        /// The export's name.
        name: Box<str>,
    },
    /// Of an item of this or an enclosing component or type.
    Outer {
        /// The kind of the item.
        kind: ComponentOuterAliasKind,
        /// How many levels out, 0 being this one.
        count: u32,
        /// The item's index there.
        index: u32,
    },
}

/// A core instance.
#[derive(Debug)]
pub enum CoreInstanceDef {
    /// Of a module.
    Instantiate {
        /// Index of the module.
        module: u32,
        /// First level names of imports and the core instances that supply them.
        args: Vec<(Box<str>, u32)>,
    },
    /// Put together from items of the component.
    Exports(Vec<(Box<str>, ExternalKind, u32)>),
}

/// A component instance.
#[derive(Debug)]
pub enum InstanceDef {
    /// Of a component.
    Instantiate {
        /// Index of the component.
        component: u32,
        /// Names of imports and what supplies them.
        args: Vec<(Box<str>, ComponentExternalKind, u32)>,
    },
    /// Put together from items of the component.
    Exports(Vec<(Box<str>, ComponentExternalKind, u32)>),
}

/// A type definition.
#[derive(Debug)]
pub enum TypeDef {
    /// A value type.
    Value(ValueDef),
    /// A function type.
    Func {
        /// Declared `async`.
        async_: bool,
        /// Types of the parameters.
        params: Vec<ComponentValType>,
        /// Type of the result.
        result: Option<ComponentValType>,
    },
    /// A new resource type.
    Resource {
        /// The core type of its representation.
        rep: ValType,
        /// Index of the core function that is its destructor.
        dtor: Option<u32>,
    },
    /// An instance type.
    Instance(Arc<[Declaration]>),
    /// A component type; linking never looks into one.
    Component,
}

/// A value type as it is written: [`crate::types::ValueType`] before its parts are resolved.
#[derive(Debug)]
pub enum ValueDef {
    /// A primitive type, or another type by index.
    Plain(ComponentValType),
    /// `record`
    Record(Vec<ComponentValType>),
    /// `tuple`
    Tuple(Vec<ComponentValType>),
    /// `variant`
    Variant(Vec<Option<ComponentValType>>),
    /// `list`
    List(ComponentValType),
    /// `list` of fixed length
    FixedList(ComponentValType, u32),
    /// `map`
    Map(ComponentValType, ComponentValType),
    /// `flags`, by number of labels
    Flags(u32),
    /// `enum`, by number of cases
    Enum(u32),
    /// `option`
    Option(ComponentValType),
    /// `result`
    Result(Option<ComponentValType>, Option<ComponentValType>),
    /// `own`
    Own(u32),
    /// `borrow`
    Borrow(u32),
    /// `stream`
    Stream(Option<ComponentValType>),
    /// `future`
    Future(Option<ComponentValType>),
}

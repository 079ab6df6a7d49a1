//! Resource types at the border: where the world has them, and what the core ABI calls what belongs
//! to them.

use super::WrapError;
use super::core_form::core_export_name;
use indexmap::IndexMap;
use meld_component::program::{Border, ComponentWorld, Program, ResourceId};
use wasmparser::component_types::{AliasableResourceId, ComponentAnyTypeId, ComponentEntityType};

/// A core import of the merged module that is a built-in of the host's table of handles.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResourceBuiltin {
    /// First level name of the core import.
    pub module: String,
    /// Second level name of the core import.
    pub name: String,
    /// What it does.
    pub operation: ResourceOperation,
    /// The resource type: one that the root imports or exports.
    pub resource: ResourceId,
}

/// What is done to a handle of the host's table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResourceOperation {
    /// `resource.new`
    New,
    /// `resource.rep`
    Rep,
    /// `resource.drop`
    Drop,
}

/// What the host calls when it drops a resource that a guest defines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Destructor {
    /// The resource type, which the root exports.
    pub resource: ResourceId,
    /// The export of the merged module, of type `(i32)`.
    pub export: String,
}

/// Where the root shows a resource type, by names from the root down to it.
#[derive(Clone, Copy)]
pub(super) enum Shown<'a> {
    /// The host defines it, and this is its import.
    Imported(&'a [String]),
    /// A guest defines it, and this is its first export.
    Exported(&'a [String]),
}

/// All resource types that the root shows: those of the host, and those that guests define and the
/// root exports, in this order.
pub(super) struct Resources<'a>(IndexMap<ResourceId, Shown<'a>>);

impl<'a> Resources<'a> {
    pub fn new(program: &'a Program) -> Self {
        let Some(Border { imported, exported, .. }) = &program.border else {
            return Resources(IndexMap::new());
        };
        let of_guest = |(id, _): &&(ResourceId, Vec<String>)| {
            program.resources[id.index()].implementer().is_some()
        };
        let imported = imported.iter().map(|(id, path)| (*id, Shown::Imported(path)));
        let exported = exported.iter().filter(of_guest);
        let exported = exported.map(|(id, path)| (*id, Shown::Exported(path)));
        Resources(imported.chain(exported).collect())
    }

    /// Where the root shows a resource type.
    pub fn find(&self, resource: ResourceId) -> Result<Shown<'a>, WrapError> {
        let hidden = || WrapError::Internal(format!("the root does not show {resource}"));
        self.0.get(&resource).copied().ok_or_else(hidden)
    }

    /// Those that guests define.
    pub fn defined(&self) -> impl Iterator<Item = (ResourceId, Shown<'a>)> + '_ {
        let all = self.0.iter().map(|(id, shown)| (*id, *shown));
        all.filter(|(_, shown)| matches!(shown, Shown::Exported(_)))
    }
}

impl Shown<'_> {
    /// The type's id in the world's types.
    pub fn id(&self, world: &ComponentWorld) -> Result<AliasableResourceId, WrapError> {
        let path = match self {
            Shown::Imported(path) | Shown::Exported(path) => *path,
        };
        let unknown = || WrapError::Internal(format!("no resource type `{}`", path.join("` / `")));
        let (first, rest) = path.split_first().ok_or_else(unknown)?;
        let types = world.types.as_ref().as_ref();
        let item = match self {
            Shown::Imported(_) => types.component_item_for_import(first),
            Shown::Exported(_) => types.component_item_for_export(first),
        };
        let mut ty = item.ok_or_else(unknown)?.ty;
        for name in rest {
            let ComponentEntityType::Instance(id) = ty else { return Err(unknown()) };
            ty = types[id].exports.get(name).ok_or_else(unknown)?.ty;
        }
        match ty {
            ComponentEntityType::Type { referenced: ComponentAnyTypeId::Resource(id), .. } => {
                Ok(id)
            }
            _ => Err(unknown()),
        }
    }

    /// The names of a core import for a built-in.
    pub fn core_names(&self, operation: ResourceOperation) -> Result<(String, String), WrapError> {
        let (path, prefix) = match self {
            Shown::Imported(path) => (*path, ""),
            Shown::Exported(path) => (*path, "[export]"),
        };
        let (interface, name) = match path {
            [name] => ("$root", name),
            [interface, name] => (interface.as_str(), name),
            _ => return Err(WrapError::Nested { path: path.to_vec() }),
        };
        let operation = match operation {
            ResourceOperation::New => "new",
            ResourceOperation::Rep => "rep",
            ResourceOperation::Drop => "drop",
        };
        Ok((format!("{prefix}{interface}"), format!("[resource-{operation}]{name}")))
    }

    /// The name of the core export for the destructor.
    pub fn core_destructor(&self) -> Result<String, WrapError> {
        let nested = |path: &[String]| WrapError::Nested { path: path.to_vec() };
        let Shown::Exported(path) = self else {
            return Err(WrapError::Internal("a destructor of the host's own resource".into()));
        };
        let (name, interface) = path.split_last().ok_or_else(|| nested(path))?;
        let mut path = interface.to_vec();
        path.push(format!("[dtor]{name}"));
        core_export_name(&path).ok_or_else(|| nested(&path))
    }
}

//! Instances that the root exports.
//!
//! Functions of an exported instance must refer to the types that the *instance* exports, and
//! those get their names by being exported from a component. So each exported instance is the
//! instance of a small component that imports functions, child instances and types, and exports
//! them under the names that the world has.

use super::component::Wrapper;
use super::types::{TypeWriter, extern_name};
use super::{WrapError, limits};
use meld_component::program::WorldItem;
use wasm_encoder::{ComponentExportKind, ComponentTypeRef};
use wasmparser::component_types::{ComponentEntityType, ComponentInstanceTypeId};

/// The world says of the item's type one thing, and of the item itself another.
pub(super) fn mismatch(name: &str) -> WrapError {
    WrapError::Internal(format!("the root export `{name}` is not what its type says"))
}

impl Wrapper<'_> {
    /// Builds an instance that the root exports, or that such an instance exports, and returns
    /// its index.
    pub fn exported_instance(
        &mut self,
        id: ComponentInstanceTypeId,
        items: &[(String, WorldItem)],
    ) -> Result<u32, WrapError> {
        let types = self.types.types();
        let exports = &types[id].exports;
        if exports.len() != items.len() {
            return Err(WrapError::Internal("an exported instance's items are not known".into()));
        }
        let mut inner = TypeWriter::importing(types);
        let mut arguments: Vec<(String, ComponentExportKind, u32)> = Vec::new();
        // The kind of each item and its index in the inner component. Every import stands before
        // the first export, because imports cannot refer to exported types.
        let mut sources = Vec::with_capacity(items.len());
        for ((name, export), (item_name, item)) in exports.iter().zip(items) {
            let context = |e: WrapError| e.within(name);
            if name != item_name {
                return Err(mismatch(name));
            }
            let (kind, outer) = match (&export.ty, item) {
                (ComponentEntityType::Func(id), WorldItem::Func(func)) => {
                    let outer = self.exported_func(*func, *id).map_err(context)?;
                    (ComponentExportKind::Func, outer)
                }
                (ComponentEntityType::Instance(id), WorldItem::Instance(items)) => {
                    let outer = self.exported_instance(*id, items).map_err(context)?;
                    (ComponentExportKind::Instance, outer)
                }
                (ComponentEntityType::Type { referenced, .. }, WorldItem::Type) => {
                    let index = inner.type_index(*referenced).map_err(context)?;
                    sources.push((ComponentExportKind::Type, index));
                    continue;
                }
                _ => return Err(mismatch(name)),
            };
            let ty = inner.type_ref(&export.ty).map_err(context)?;
            let argument = format!("item{}", arguments.len());
            let index = inner.component().import(&argument, ty);
            inner.register(&export.ty, index);
            arguments.push((argument, kind, outer));
            sources.push((kind, index));
        }
        for ((name, export), (kind, index)) in exports.iter().zip(sources) {
            let ascribed = match export.ty {
                ComponentEntityType::Func(id) => Some(ComponentTypeRef::Func(inner.func_type(id)?)),
                _ => None,
            };
            let name = extern_name(name, Some(export));
            let index = inner.component().export(name, kind, index, ascribed);
            inner.register(&export.ty, index);
        }
        for import in inner.named_imports() {
            let outer = self.types.type_index(import.ty)?;
            arguments.push((import.name, ComponentExportKind::Type, outer));
        }
        let inner = inner.finish();
        limits::check(&inner)?;
        let component = self.types.component().component(None, inner);
        Ok(self.types.component().instantiate(None, component, arguments))
    }
}

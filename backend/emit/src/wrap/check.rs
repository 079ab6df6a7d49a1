//! The last look at a wrapped component, which is valid: its world is the input's, but for core modules that it
//! imports no more.
//!
//! wasmparser can say whether one component is a subtype of another, but asserts on the way what
//! valid components need not have (an instance exported under two names). Here two worlds are
//! compared for equality, item by item, which is also stricter: names, order and labels count.

use super::WrapError;
use crate::validate::Valid;
use meld_component::program::ComponentWorld;
use std::collections::{HashMap, HashSet};
use wasmparser::CompositeInnerType;
use wasmparser::component_types::{
    ComponentAnyTypeId, ComponentCoreModuleTypeId, ComponentDefinedType, ComponentDefinedTypeId,
    ComponentEntityType, ComponentFuncTypeId, ComponentInstanceTypeId, ComponentItem,
    ComponentValType, ResourceId,
};
use wasmparser::types::{CoreTypeId, EntityType, TypesRef};

/// Compares the world of a valid output with that of its `input`, of which it need not import core modules.
pub(crate) fn same_world(input: &ComponentWorld, valid: &Valid) -> Result<(), WrapError> {
    let mut comparison = Comparison {
        a: input.types.as_ref().as_ref(),
        b: valid.types.as_ref(),
        resources: HashMap::new(),
        reverse: HashMap::new(),
        equal: HashSet::new(),
    };
    let left_out = |name: &str, ty: &ComponentEntityType| {
        matches!(ty, ComponentEntityType::Module(_)) && !valid.imports.iter().any(|n| n == name)
    };
    let kept = input.imports.iter().filter(|(name, ty)| !left_out(name, ty));
    let imports: Vec<_> = kept.map(|(name, _)| name.as_str()).collect();
    let exports: Vec<_> = input.exports.iter().map(|(name, ..)| name.as_str()).collect();
    let differs = |name: &str| WrapError::Internal(format!("`{name}` is not what the input has"));
    if imports != valid.imports || exports != valid.exports {
        return Err(WrapError::Internal("the names are not the input's".into()));
    }
    for name in imports {
        let a = comparison.a.component_item_for_import(name);
        let b = comparison.b.component_item_for_import(name);
        if !comparison.optional(a, b, Comparison::item) {
            return Err(differs(name));
        }
    }
    for name in exports {
        let a = comparison.a.component_item_for_export(name);
        let b = comparison.b.component_item_for_export(name);
        if !comparison.optional(a, b, Comparison::item) {
            return Err(differs(name));
        }
    }
    Ok(())
}

/// Compares types of two components, in which resources stand for each other one to one.
struct Comparison<'t> {
    a: TypesRef<'t>,
    b: TypesRef<'t>,
    /// The resource of `b` that stands for one of `a`.
    resources: HashMap<ResourceId, ResourceId>,
    reverse: HashMap<ResourceId, ResourceId>,
    /// Pairs that have been found equal, so that shared types are looked at once.
    equal: HashSet<(ComponentDefinedTypeId, ComponentDefinedTypeId)>,
}

impl Comparison<'_> {
    fn item(&mut self, a: &ComponentItem, b: &ComponentItem) -> bool {
        a.implements == b.implements
            && a.version_suffix == b.version_suffix
            && a.external_id == b.external_id
            && self.entity(a.ty, b.ty)
    }

    fn entity(&mut self, a: ComponentEntityType, b: ComponentEntityType) -> bool {
        use ComponentEntityType as Entity;
        match (a, b) {
            (Entity::Func(a), Entity::Func(b)) => self.func(a, b),
            (Entity::Instance(a), Entity::Instance(b)) => self.instance(a, b),
            (Entity::Module(a), Entity::Module(b)) => self.module(a, b),
            (Entity::Type { referenced: a, .. }, Entity::Type { referenced: b, .. }) => {
                match (a, b) {
                    (ComponentAnyTypeId::Resource(a), ComponentAnyTypeId::Resource(b)) => {
                        self.resource(a.resource(), b.resource())
                    }
                    (ComponentAnyTypeId::Defined(a), ComponentAnyTypeId::Defined(b)) => {
                        self.defined(a, b)
                    }
                    (ComponentAnyTypeId::Func(a), ComponentAnyTypeId::Func(b)) => self.func(a, b),
                    (ComponentAnyTypeId::Instance(a), ComponentAnyTypeId::Instance(b)) => {
                        self.instance(a, b)
                    }
                    _ => false,
                }
            }
            _ => false,
        }
    }

    fn instance(&mut self, a: ComponentInstanceTypeId, b: ComponentInstanceTypeId) -> bool {
        let (a_types, b_types) = (self.a, self.b);
        let (a, b) = (&a_types[a].exports, &b_types[b].exports);
        a.len() == b.len()
            && a.iter().zip(b).all(|((a_name, a), (b_name, b))| a_name == b_name && self.item(a, b))
    }

    fn module(&self, a: ComponentCoreModuleTypeId, b: ComponentCoreModuleTypeId) -> bool {
        let function = |types: TypesRef<'_>, id: CoreTypeId| match &types[id].composite_type.inner {
            CompositeInnerType::Func(ty) => Some(ty.clone()),
            _ => None,
        };
        let equal = |a: &EntityType, b: &EntityType| match (a, b) {
            (EntityType::Func(a), EntityType::Func(b))
            | (EntityType::Tag(a), EntityType::Tag(b)) => {
                let a = function(self.a, *a);
                a.is_some() && a == function(self.b, *b)
            }
            (EntityType::Table(_) | EntityType::Memory(_) | EntityType::Global(_), _) => a == b,
            _ => false,
        };
        let (a, b) = (&self.a[a], &self.b[b]);
        a.imports.len() == b.imports.len()
            && a.exports.len() == b.exports.len()
            && a.imports.iter().all(|(name, a)| b.imports.get(name).is_some_and(|b| equal(a, b)))
            && a.exports.iter().all(|(name, a)| b.exports.get(name).is_some_and(|b| equal(a, b)))
    }

    fn resource(&mut self, a: ResourceId, b: ResourceId) -> bool {
        *self.resources.entry(a).or_insert(b) == b && *self.reverse.entry(b).or_insert(a) == a
    }

    fn func(&mut self, a: ComponentFuncTypeId, b: ComponentFuncTypeId) -> bool {
        let (a_types, b_types) = (self.a, self.b);
        let (a, b) = (&a_types[a], &b_types[b]);
        a.async_ == b.async_
            && a.params.len() == b.params.len()
            && a.params
                .iter()
                .zip(&b.params)
                .all(|((a_name, a), (b_name, b))| a_name == b_name && self.value(a, b))
            && self.optional(a.result.as_ref(), b.result.as_ref(), Self::value)
    }

    fn optional<T>(
        &mut self,
        a: Option<&T>,
        b: Option<&T>,
        equal: impl FnOnce(&mut Self, &T, &T) -> bool,
    ) -> bool {
        match (a, b) {
            (Some(a), Some(b)) => equal(self, a, b),
            (a, b) => a.is_none() && b.is_none(),
        }
    }

    fn value(&mut self, a: &ComponentValType, b: &ComponentValType) -> bool {
        match (a, b) {
            (ComponentValType::Primitive(a), ComponentValType::Primitive(b)) => a == b,
            (ComponentValType::Type(a), ComponentValType::Type(b)) => self.defined(*a, *b),
            _ => false,
        }
    }

    fn defined(&mut self, a: ComponentDefinedTypeId, b: ComponentDefinedTypeId) -> bool {
        if self.equal.contains(&(a, b)) {
            return true;
        }
        let equal = self.structure(a, b);
        if equal {
            self.equal.insert((a, b));
        }
        equal
    }

    fn structure(&mut self, a: ComponentDefinedTypeId, b: ComponentDefinedTypeId) -> bool {
        use ComponentDefinedType as Ty;
        let (a_types, b_types) = (self.a, self.b);
        match (&a_types[a], &b_types[b]) {
            (Ty::Primitive(a), Ty::Primitive(b)) => a == b,
            (Ty::Record(a), Ty::Record(b)) => {
                a.fields.len() == b.fields.len()
                    && a.fields
                        .iter()
                        .zip(&b.fields)
                        .all(|((a_name, a), (b_name, b))| a_name == b_name && self.value(a, b))
            }
            (Ty::Variant(a), Ty::Variant(b)) => {
                a.cases.len() == b.cases.len()
                    && a.cases.iter().zip(&b.cases).all(|((a_name, a), (b_name, b))| {
                        a_name == b_name && self.optional(a.ty.as_ref(), b.ty.as_ref(), Self::value)
                    })
            }
            (Ty::Tuple(a), Ty::Tuple(b)) => {
                a.types.len() == b.types.len()
                    && a.types.iter().zip(&b.types).all(|(a, b)| self.value(a, b))
            }
            (Ty::Flags(a), Ty::Flags(b)) | (Ty::Enum(a), Ty::Enum(b)) => a.iter().eq(b),
            (Ty::List { element: a, .. }, Ty::List { element: b, .. }) => self.value(a, b),
            (
                Ty::FixedLengthList { element: a, length: a_length, .. },
                Ty::FixedLengthList { element: b, length: b_length, .. },
            ) => a_length == b_length && self.value(a, b),
            (
                Ty::Map { key: a_key, value: a_value, .. },
                Ty::Map { key: b_key, value: b_value, .. },
            ) => self.value(a_key, b_key) && self.value(a_value, b_value),
            (Ty::Option { ty: a, .. }, Ty::Option { ty: b, .. }) => self.value(a, b),
            (Ty::Result { ok: a_ok, err: a_err, .. }, Ty::Result { ok: b_ok, err: b_err, .. }) => {
                self.optional(a_ok.as_ref(), b_ok.as_ref(), Self::value)
                    && self.optional(a_err.as_ref(), b_err.as_ref(), Self::value)
            }
            (Ty::Own(a), Ty::Own(b)) | (Ty::Borrow(a), Ty::Borrow(b)) => {
                self.resource(a.resource(), b.resource())
            }
            (Ty::Future { ty: a, .. }, Ty::Future { ty: b, .. })
            | (Ty::Stream { ty: a, .. }, Ty::Stream { ty: b, .. }) => {
                self.optional(a.as_ref(), b.as_ref(), Self::value)
            }
            _ => false,
        }
    }
}

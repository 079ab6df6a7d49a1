//! Writes component types, given by wasmparser's ids, into a component or an instance type.
//!
//! A world is more than the structure of its types: a function must refer to records and
//! resources by the import or export that *names* them. wasmparser gives each such name an id of
//! its own (the `created` id of a type import or export), so a [`TypeWriter`] keeps, for every
//! scope, which ids are named there and at which index. An id without a name is written out by
//! structure.

use super::WrapError;
use std::collections::HashMap;
use wasm_encoder::reencode::{self, Reencode};
use wasm_encoder::{
    Alias, ComponentBuilder, ComponentExportKind, ComponentExternName, ComponentOuterAliasKind,
    ComponentTypeEncoder, ComponentTypeRef, ComponentValType, InstanceType, ModuleType,
    PrimitiveValType, TypeBounds,
};
use wasmparser::CompositeInnerType;
use wasmparser::component_types as wp;
use wasmparser::component_types::{
    AliasableResourceId, ComponentAnyTypeId, ComponentDefinedType, ComponentDefinedTypeId,
    ComponentEntityType, ComponentFuncTypeId, ComponentInstanceTypeId, ComponentItem, ResourceId,
};
use wasmparser::types::{EntityType, TypesRef};

/// The name of an item with everything that the binary format can say beside it.
pub(super) fn extern_name<'n>(
    name: &'n str,
    item: Option<&'n ComponentItem>,
) -> ComponentExternName<'n> {
    let mut out = ComponentExternName::from(name);
    if let Some(item) = item {
        out.implements = item.implements.as_deref().map(Into::into);
        out.version_suffix = item.version_suffix.as_deref().map(Into::into);
        out.external_id = item.external_id.as_deref().map(Into::into);
    }
    out
}

/// Where a scope has the type of an id.
#[derive(Clone)]
enum Place {
    /// At this index of the scope's types.
    Index(u32),
    /// Not aliased yet: an export of an instance of the scope, by its path of names.
    Export { instance: u32, path: Vec<String> },
}

/// Names and types of the component, or of an instance type within it.
#[derive(Default)]
struct Scope {
    /// Types that an import or export of the scope names.
    named: HashMap<ComponentAnyTypeId, Place>,
    /// For each resource that the scope introduced, the id under which `named` has it.
    resources: HashMap<ResourceId, ComponentAnyTypeId>,
    /// Types written by structure. What they refer to may get a name later, so this is emptied
    /// whenever a name is added.
    derived: HashMap<ComponentAnyTypeId, u32>,
}

/// A type that a component imports under a made-up name, so that functions can refer to it.
pub(super) struct NamedImport {
    /// The import's name.
    pub name: String,
    /// What the instantiation gives for it.
    pub ty: ComponentAnyTypeId,
}

/// Writes types into a component that is being built, and into instance types within it.
pub(super) struct TypeWriter<'a> {
    types: TypesRef<'a>,
    component: ComponentBuilder,
    /// The component's scope.
    outermost: Scope,
    /// Instance types that are being written, each within the one before.
    instances: Vec<(InstanceType, Scope)>,
    /// The component may import what has no name.
    imports: Option<Vec<NamedImport>>,
}

impl<'a> TypeWriter<'a> {
    /// A writer for a component whose imports and exports name all that needs a name.
    pub fn new(types: TypesRef<'a>) -> Self {
        TypeWriter {
            types,
            component: ComponentBuilder::default(),
            outermost: Scope::default(),
            instances: Vec::new(),
            imports: None,
        }
    }

    /// A writer for a component that imports each resource, record, variant, enum and flags
    /// type on its first use; see [`TypeWriter::named_imports`].
    pub fn importing(types: TypesRef<'a>) -> Self {
        TypeWriter { imports: Some(Vec::new()), ..Self::new(types) }
    }

    /// The types that ids refer to.
    pub fn types(&self) -> TypesRef<'a> {
        self.types
    }

    /// The component that is being built.
    pub fn component(&mut self) -> &mut ComponentBuilder {
        &mut self.component
    }

    /// What the component had to import under made-up names, in order.
    pub fn named_imports(&mut self) -> Vec<NamedImport> {
        self.imports.as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// The finished component's builder.
    pub fn finish(self) -> ComponentBuilder {
        self.component
    }

    /// The index of a function type in the component.
    pub fn func_type(&mut self, id: ComponentFuncTypeId) -> Result<u32, WrapError> {
        self.func_type_at(0, id)
    }

    /// The index of any type in the component.
    pub fn type_index(&mut self, id: ComponentAnyTypeId) -> Result<u32, WrapError> {
        self.type_index_at(0, id)
    }

    /// How an import or an export with type ascription of the component states an item's type.
    pub fn type_ref(&mut self, ty: &ComponentEntityType) -> Result<ComponentTypeRef, WrapError> {
        self.type_ref_at(0, ty)
    }

    /// States that the component's import or export of type `ty` now stands at `index`, so that
    /// what comes later refers to it.
    pub fn register(&mut self, ty: &ComponentEntityType, index: u32) {
        self.register_at(0, ty, index);
    }

    /// States that the component defines a resource type itself, at `index`.
    pub fn define_resource(&mut self, id: AliasableResourceId, index: u32) {
        self.outermost.derived.clear();
        self.outermost.named.insert(id.into(), Place::Index(index));
        self.outermost.resources.insert(id.resource(), id.into());
    }

    // Level 0 is the component; each instance type that is being written is one level deeper.

    fn scope(&mut self, level: usize) -> &mut Scope {
        match level.checked_sub(1).and_then(|i| self.instances.get_mut(i)) {
            Some((_, scope)) => scope,
            None => &mut self.outermost,
        }
    }

    fn type_count(&self, level: usize) -> u32 {
        match level.checked_sub(1).and_then(|i| self.instances.get(i)) {
            Some((instance, _)) => instance.type_count(),
            None => self.component.type_count(),
        }
    }

    fn instance_count(&self, level: usize) -> u32 {
        match level.checked_sub(1).and_then(|i| self.instances.get(i)) {
            Some((instance, _)) => instance.instance_count(),
            None => self.component.instance_count(),
        }
    }

    /// Adds a type definition and returns its index.
    fn define(&mut self, level: usize, write: impl FnOnce(ComponentTypeEncoder<'_>)) -> u32 {
        let index = self.type_count(level);
        match level.checked_sub(1).and_then(|i| self.instances.get_mut(i)) {
            Some((instance, _)) => write(instance.ty()),
            None => write(self.component.ty(None).1),
        }
        index
    }

    /// Adds an alias of a type or an instance and returns its index.
    fn alias(&mut self, level: usize, alias: Alias<'_>) -> u32 {
        let index = match alias {
            Alias::InstanceExport { kind: ComponentExportKind::Instance, .. } => {
                self.instance_count(level)
            }
            _ => self.type_count(level),
        };
        match level.checked_sub(1).and_then(|i| self.instances.get_mut(i)) {
            Some((instance, _)) => {
                instance.alias(alias);
            }
            None => {
                self.component.alias(None, alias);
            }
        }
        index
    }

    fn register_at(&mut self, level: usize, ty: &ComponentEntityType, index: u32) {
        let types = self.types;
        let scope = self.scope(level);
        scope.derived.clear();
        match *ty {
            ComponentEntityType::Type { created, .. } => {
                scope.named.insert(created, Place::Index(index));
                if let ComponentAnyTypeId::Resource(id) = created {
                    scope.resources.entry(id.resource()).or_insert(created);
                }
            }
            ComponentEntityType::Instance(id) => {
                let mut found = Vec::new();
                instance_exports(types, id, &mut Vec::new(), &mut found);
                for (created, path) in found {
                    scope.named.entry(created).or_insert(Place::Export { instance: index, path });
                    if let ComponentAnyTypeId::Resource(id) = created {
                        scope.resources.entry(id.resource()).or_insert(created);
                    }
                }
            }
            _ => {}
        }
    }

    fn type_ref_at(
        &mut self,
        level: usize,
        ty: &ComponentEntityType,
    ) -> Result<ComponentTypeRef, WrapError> {
        Ok(match *ty {
            ComponentEntityType::Func(id) => ComponentTypeRef::Func(self.func_type_at(level, id)?),
            ComponentEntityType::Instance(id) => {
                ComponentTypeRef::Instance(self.instance_type_at(level, id)?)
            }
            ComponentEntityType::Type { referenced, created } => {
                let bounds = match referenced {
                    ComponentAnyTypeId::Resource(id) if self.introduces(level, id, created) => {
                        TypeBounds::SubResource
                    }
                    _ => TypeBounds::Eq(self.type_index_at(level, referenced)?),
                };
                ComponentTypeRef::Type(bounds)
            }
            ComponentEntityType::Module(id) => {
                ComponentTypeRef::Module(self.module_type(level, id)?)
            }
            ComponentEntityType::Value(_) => return Err(WrapError::kind("a value")),
            ComponentEntityType::Component(_) => return Err(WrapError::kind("a component")),
        })
    }

    /// The index of a new core type for core modules.
    fn module_type(
        &mut self,
        level: usize,
        id: wp::ComponentCoreModuleTypeId,
    ) -> Result<u32, WrapError> {
        let types = self.types;
        let unknown = || WrapError::kind("a core module whose types refer to other types");
        let mut ty = ModuleType::new();
        let mut functions = 0;
        let mut item = |ty: &mut ModuleType, entity: &EntityType| {
            let mut reencoder = reencode::RoundtripReencoder;
            let mut function = |id: &wasmparser::types::CoreTypeId| {
                let CompositeInnerType::Func(func) = &types[*id].composite_type.inner else {
                    return Err(unknown());
                };
                let values = |types: &[wasmparser::ValType]| {
                    let values = types.iter().map(|ty| reencode::RoundtripReencoder.val_type(*ty));
                    values.collect::<Result<Vec<_>, _>>().map_err(|_| unknown())
                };
                let (params, results) = (values(func.params())?, values(func.results())?);
                ty.ty().function(params, results);
                functions += 1;
                Ok(functions - 1)
            };
            Ok(match entity {
                EntityType::Func(id) => wasm_encoder::EntityType::Function(function(id)?),
                EntityType::FuncExact(_) => return Err(unknown()),
                EntityType::Tag(id) => wasm_encoder::EntityType::Tag(wasm_encoder::TagType {
                    kind: wasm_encoder::TagKind::Exception,
                    func_type_idx: function(id)?,
                }),
                EntityType::Table(table) => {
                    reencoder.table_type(*table).map_err(|_| unknown())?.into()
                }
                EntityType::Memory(memory) => {
                    reencoder.memory_type(*memory).map_err(|_| unknown())?.into()
                }
                EntityType::Global(global) => {
                    reencoder.global_type(*global).map_err(|_| unknown())?.into()
                }
            })
        };
        for ((module, name), entity) in &types[id].imports {
            let entity = item(&mut ty, entity)?;
            ty.import(module, name, entity);
        }
        for (name, entity) in &types[id].exports {
            let entity = item(&mut ty, entity)?;
            ty.export(name, entity);
        }
        Ok(match level.checked_sub(1).and_then(|i| self.instances.get_mut(i)) {
            Some((instance, _)) => {
                instance.core_type().module(&ty);
                instance.core_type_count() - 1
            }
            None => {
                let (index, encoder) = self.component.core_type(None);
                encoder.module(&ty);
                index
            }
        })
    }

    /// A type declaration brings a resource type into being, other than naming one again.
    fn introduces(
        &self,
        level: usize,
        id: AliasableResourceId,
        created: ComponentAnyTypeId,
    ) -> bool {
        created == ComponentAnyTypeId::Resource(id)
            && self.imports.is_none()
            && self.resource_id(level, id.resource()).is_none()
    }

    fn resource_id(&self, level: usize, resource: ResourceId) -> Option<ComponentAnyTypeId> {
        let instances = self.instances.iter().take(level).rev().map(|(_, scope)| scope);
        let mut scopes = instances.chain([&self.outermost]);
        scopes.find_map(|scope| scope.resources.get(&resource).copied())
    }

    /// The index of an id that has a name in this scope or one around it.
    fn find(&mut self, level: usize, id: ComponentAnyTypeId) -> Option<u32> {
        let index = match self.scope(level).named.get(&id).cloned() {
            Some(Place::Index(index)) => return Some(index),
            Some(Place::Export { mut instance, path }) => {
                let (name, around) = path.split_last()?;
                for name in around {
                    let kind = ComponentExportKind::Instance;
                    instance = self.alias(level, Alias::InstanceExport { instance, kind, name });
                }
                let kind = ComponentExportKind::Type;
                self.alias(level, Alias::InstanceExport { instance, kind, name })
            }
            None => {
                let index = self.find(level.checked_sub(1)?, id)?;
                let kind = ComponentOuterAliasKind::Type;
                self.alias(level, Alias::Outer { kind, count: 1, index })
            }
        };
        self.scope(level).named.insert(id, Place::Index(index));
        Some(index)
    }

    fn type_index_at(&mut self, level: usize, id: ComponentAnyTypeId) -> Result<u32, WrapError> {
        if let Some(index) = self.find(level, id) {
            return Ok(index);
        }
        if let Some(peeled) = self.types.peel_alias(id)
            && !matches!(id, ComponentAnyTypeId::Resource(_))
        {
            return self.type_index_at(level, peeled);
        }
        if let Some(&index) = self.scope(level).derived.get(&id) {
            return Ok(index);
        }
        let index = match id {
            ComponentAnyTypeId::Defined(defined) => {
                if self.imports.is_some() && needs_name(&self.types[defined]) {
                    let index = self.defined_type_at(0, defined)?;
                    self.import_type(id, TypeBounds::Eq(index));
                    return self.type_index_at(level, id);
                }
                self.defined_type_at(level, defined)?
            }
            ComponentAnyTypeId::Func(id) => self.func_type_at(level, id)?,
            ComponentAnyTypeId::Instance(id) => self.instance_type_at(level, id)?,
            ComponentAnyTypeId::Component(_) => return Err(WrapError::kind("a component type")),
            ComponentAnyTypeId::Resource(resource) => {
                return self.resource_index(level, resource);
            }
        };
        self.scope(level).derived.insert(id, index);
        Ok(index)
    }

    fn resource_index(&mut self, level: usize, id: AliasableResourceId) -> Result<u32, WrapError> {
        if let Some(known) = self.resource_id(level, id.resource()) {
            let unnamed = || WrapError::Internal("a resource type has no name".into());
            return self.find(level, known).ok_or_else(unnamed);
        }
        if !self.import_type(id.into(), TypeBounds::SubResource) {
            return Err(WrapError::Internal("a resource type is nowhere defined".into()));
        }
        self.resource_index(level, id)
    }

    /// Imports a type into the component under a made-up name, if this component does so.
    fn import_type(&mut self, id: ComponentAnyTypeId, bounds: TypeBounds) -> bool {
        let Some(imports) = &mut self.imports else { return false };
        let name = format!("type{}", imports.len());
        imports.push(NamedImport { name: name.clone(), ty: id });
        let index = self.component().import(&name, ComponentTypeRef::Type(bounds));
        self.register(&ComponentEntityType::Type { referenced: id, created: id }, index);
        true
    }

    fn instance_type_at(
        &mut self,
        level: usize,
        id: ComponentInstanceTypeId,
    ) -> Result<u32, WrapError> {
        self.instances.push((InstanceType::new(), Scope::default()));
        let types = self.types;
        for (name, item) in &types[id].exports {
            let ty = self.type_ref_at(level + 1, &item.ty).map_err(|e| e.within(name))?;
            let index = match ty {
                ComponentTypeRef::Type(_) => self.type_count(level + 1),
                ComponentTypeRef::Instance(_) => self.instance_count(level + 1),
                _ => 0,
            };
            if let Some((instance, _)) = self.instances.get_mut(level) {
                instance.export(extern_name(name, Some(item)), ty);
            }
            self.register_at(level + 1, &item.ty, index);
        }
        let lost = || WrapError::Internal("an instance type is written twice".into());
        let (instance, _) = self.instances.pop().ok_or_else(lost)?;
        Ok(self.define(level, |ty| ty.instance(&instance)))
    }

    fn func_type_at(&mut self, level: usize, id: ComponentFuncTypeId) -> Result<u32, WrapError> {
        let types = self.types;
        let ty = &types[id];
        let mut params = Vec::with_capacity(ty.params.len());
        for (name, param) in &ty.params {
            params.push((name.as_str(), self.value_type(level, *param)?));
        }
        let result = self.optional(level, ty.result)?;
        Ok(self.define(level, |out| {
            out.function().async_(ty.async_).params(params).result(result);
        }))
    }

    fn value_type(
        &mut self,
        level: usize,
        ty: wp::ComponentValType,
    ) -> Result<ComponentValType, WrapError> {
        Ok(match ty {
            wp::ComponentValType::Primitive(ty) => ComponentValType::Primitive(ty.into()),
            wp::ComponentValType::Type(id) => {
                ComponentValType::Type(self.type_index_at(level, id.into())?)
            }
        })
    }

    fn optional(
        &mut self,
        level: usize,
        ty: Option<wp::ComponentValType>,
    ) -> Result<Option<ComponentValType>, WrapError> {
        ty.map(|ty| self.value_type(level, ty)).transpose()
    }

    fn defined_type_at(
        &mut self,
        level: usize,
        id: ComponentDefinedTypeId,
    ) -> Result<u32, WrapError> {
        use ComponentDefinedType as Ty;
        let types = self.types;
        macro_rules! define {
            ($method:ident($($arg:expr),*)) => {
                self.define(level, |ty| { ty.defined_type().$method($($arg),*); })
            };
        }
        Ok(match &types[id] {
            Ty::Primitive(ty) => define!(primitive(PrimitiveValType::from(*ty))),
            Ty::Record(record) => {
                let mut fields = Vec::with_capacity(record.fields.len());
                for (name, ty) in &record.fields {
                    fields.push((name.as_str(), self.value_type(level, *ty)?));
                }
                define!(record(fields))
            }
            Ty::Variant(variant) => {
                let mut cases = Vec::with_capacity(variant.cases.len());
                for (name, case) in &variant.cases {
                    cases.push((name.as_str(), self.optional(level, case.ty)?));
                }
                define!(variant(cases))
            }
            Ty::List { element, .. } => {
                let element = self.value_type(level, *element)?;
                define!(list(element))
            }
            Ty::Map { key, value, .. } => {
                let key = self.value_type(level, *key)?;
                let value = self.value_type(level, *value)?;
                define!(map(key, value))
            }
            Ty::FixedLengthList { element, length, .. } => {
                let element = self.value_type(level, *element)?;
                define!(fixed_length_list(element, *length))
            }
            Ty::Tuple(tuple) => {
                let mut fields = Vec::with_capacity(tuple.types.len());
                for ty in &tuple.types {
                    fields.push(self.value_type(level, *ty)?);
                }
                define!(tuple(fields))
            }
            Ty::Flags(names) => define!(flags(names.iter().map(|n| n.as_str()))),
            Ty::Enum(names) => define!(enum_type(names.iter().map(|n| n.as_str()))),
            Ty::Option { ty, .. } => {
                let ty = self.value_type(level, *ty)?;
                define!(option(ty))
            }
            Ty::Result { ok, err, .. } => {
                let ok = self.optional(level, *ok)?;
                let err = self.optional(level, *err)?;
                define!(result(ok, err))
            }
            Ty::Own(id) => {
                let index = self.type_index_at(level, (*id).into())?;
                define!(own(index))
            }
            Ty::Borrow(id) => {
                let index = self.type_index_at(level, (*id).into())?;
                define!(borrow(index))
            }
            Ty::Future { ty, .. } => {
                let ty = self.optional(level, *ty)?;
                define!(future(ty))
            }
            Ty::Stream { ty, .. } => {
                let ty = self.optional(level, *ty)?;
                define!(stream(ty))
            }
        })
    }
}

/// Function types may refer to this type only by an import's or export's name.
fn needs_name(ty: &ComponentDefinedType) -> bool {
    use ComponentDefinedType as Ty;
    matches!(ty, Ty::Record(_) | Ty::Variant(_) | Ty::Flags(_) | Ty::Enum(_))
}

/// Every type that an instance exports, at any depth, with its path of names.
fn instance_exports(
    types: TypesRef<'_>,
    id: ComponentInstanceTypeId,
    path: &mut Vec<String>,
    found: &mut Vec<(ComponentAnyTypeId, Vec<String>)>,
) {
    for (name, item) in &types[id].exports {
        path.push(name.clone());
        match item.ty {
            ComponentEntityType::Type { created, .. } => found.push((created, path.clone())),
            ComponentEntityType::Instance(id) => instance_exports(types, id, path, found),
            _ => {}
        }
        path.pop();
    }
}

//! Writes component types, given by wasmparser's ids, into a component or an instance type.
//!
//! A world is more than the structure of its types: a function must refer to records and
//! resources by the import or export that *names* them. wasmparser gives each such name an id of
//! its own (the `created` id of a type import or export), so a [`TypeWriter`] keeps, for every
//! scope, which ids are named there and at which index. An id without a name is written out by
//! structure.

use super::WrapError;
use std::collections::HashMap;
use wasm_encoder::{
    Alias, ComponentBuilder, ComponentExportKind, ComponentExternName, ComponentOuterAliasKind,
    ComponentTypeEncoder, ComponentTypeRef, ComponentValType, InstanceType, PrimitiveValType,
    TypeBounds,
};
use wasmparser::component_types as wp;
use wasmparser::component_types::{
    AliasableResourceId, ComponentAnyTypeId, ComponentDefinedType, ComponentDefinedTypeId,
    ComponentEntityType, ComponentFuncTypeId, ComponentInstanceTypeId, ComponentItem, ResourceId,
};
use wasmparser::types::TypesRef;

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

/// What an index space of types belongs to.
enum Space {
    Component(Box<ComponentBuilder>),
    Instance(InstanceType),
}

/// Where a scope has the type of an id.
#[derive(Clone)]
enum Place {
    /// At this index of the scope's types.
    Index(u32),
    /// Not aliased yet: an export of an instance of the scope, by its path of names.
    Export { instance: u32, path: Vec<String> },
}

struct Scope {
    space: Space,
    /// Types that an import or export of the scope names.
    named: HashMap<ComponentAnyTypeId, Place>,
    /// For each resource that the scope introduced, the id under which `named` has it.
    resources: HashMap<ResourceId, ComponentAnyTypeId>,
    /// Types written by structure. What they refer to may get a name later, so this is emptied
    /// whenever a name is added.
    derived: HashMap<ComponentAnyTypeId, u32>,
}

impl Scope {
    fn new(space: Space) -> Scope {
        Scope { space, named: HashMap::new(), resources: HashMap::new(), derived: HashMap::new() }
    }

    fn type_count(&self) -> u32 {
        match &self.space {
            Space::Component(component) => component.type_count(),
            Space::Instance(instance) => instance.type_count(),
        }
    }

    fn instance_count(&self) -> u32 {
        match &self.space {
            Space::Component(component) => component.instance_count(),
            Space::Instance(instance) => instance.instance_count(),
        }
    }

    /// Adds a type definition and returns its index.
    fn define(&mut self, write: impl FnOnce(ComponentTypeEncoder<'_>)) -> u32 {
        let index = self.type_count();
        match &mut self.space {
            Space::Component(component) => write(component.ty(None).1),
            Space::Instance(instance) => write(instance.ty()),
        }
        index
    }

    /// Adds an alias of a type or an instance and returns its index.
    fn alias(&mut self, alias: Alias<'_>) -> u32 {
        let index = match alias {
            Alias::InstanceExport { kind: ComponentExportKind::Instance, .. } => {
                self.instance_count()
            }
            _ => self.type_count(),
        };
        match &mut self.space {
            Space::Component(component) => {
                component.alias(None, alias);
            }
            Space::Instance(instance) => {
                instance.alias(alias);
            }
        }
        index
    }
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
    scopes: Vec<Scope>,
    /// The component may import what has no name.
    imports: Option<Vec<NamedImport>>,
}

impl<'a> TypeWriter<'a> {
    /// A writer for a component whose imports and exports name all that needs a name.
    pub fn new(types: TypesRef<'a>) -> Self {
        let scope = Scope::new(Space::Component(Box::default()));
        TypeWriter { types, scopes: vec![scope], imports: None }
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
        match &mut self.scopes[0].space {
            Space::Component(component) => component,
            Space::Instance(_) => unreachable!("the outermost scope is the component"),
        }
    }

    /// What the component had to import under made-up names, in order.
    pub fn named_imports(&mut self) -> Vec<NamedImport> {
        self.imports.as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// The finished component's builder.
    pub fn finish(mut self) -> ComponentBuilder {
        match self.scopes.remove(0).space {
            Space::Component(component) => *component,
            Space::Instance(_) => unreachable!("the outermost scope is the component"),
        }
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

    fn register_at(&mut self, level: usize, ty: &ComponentEntityType, index: u32) {
        let scope = &mut self.scopes[level];
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
                instance_exports(self.types, id, &mut Vec::new(), &mut found);
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
            ComponentEntityType::Module(_) => return Err(WrapError::kind("a core module")),
            ComponentEntityType::Value(_) => return Err(WrapError::kind("a value")),
            ComponentEntityType::Component(_) => return Err(WrapError::kind("a component")),
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
        self.scopes[..=level].iter().rev().find_map(|s| s.resources.get(&resource).copied())
    }

    /// The index of an id that has a name in this scope or one around it.
    fn find(&mut self, level: usize, id: ComponentAnyTypeId) -> Option<u32> {
        let index = match self.scopes[level].named.get(&id).cloned() {
            Some(Place::Index(index)) => return Some(index),
            Some(Place::Export { mut instance, path }) => {
                let scope = &mut self.scopes[level];
                let (name, around) = path.split_last().expect("a path has a name");
                for name in around {
                    let kind = ComponentExportKind::Instance;
                    instance = scope.alias(Alias::InstanceExport { instance, kind, name });
                }
                let kind = ComponentExportKind::Type;
                scope.alias(Alias::InstanceExport { instance, kind, name })
            }
            None => {
                let index = self.find(level.checked_sub(1)?, id)?;
                let kind = ComponentOuterAliasKind::Type;
                self.scopes[level].alias(Alias::Outer { kind, count: 1, index })
            }
        };
        self.scopes[level].named.insert(id, Place::Index(index));
        Some(index)
    }

    fn type_index_at(&mut self, level: usize, id: ComponentAnyTypeId) -> Result<u32, WrapError> {
        if let Some(index) = self.find(level, id) {
            return Ok(index);
        }
        if let ComponentAnyTypeId::Resource(resource) = id {
            return self.resource_index(level, resource);
        }
        if let Some(peeled) = self.types.peel_alias(id) {
            return self.type_index_at(level, peeled);
        }
        if let Some(&index) = self.scopes[level].derived.get(&id) {
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
            ComponentAnyTypeId::Resource(_) => unreachable!("resources were looked up above"),
        };
        self.scopes[level].derived.insert(id, index);
        Ok(index)
    }

    fn resource_index(&mut self, level: usize, id: AliasableResourceId) -> Result<u32, WrapError> {
        if let Some(known) = self.resource_id(level, id.resource()) {
            return Ok(self.find(level, known).expect("a resource's id has a name"));
        }
        if self.imports.is_none() {
            return Err(WrapError::LocalResource { at: Vec::new() });
        }
        self.import_type(id.into(), TypeBounds::SubResource);
        self.resource_index(level, id)
    }

    /// Imports a type into the component under a made-up name.
    fn import_type(&mut self, id: ComponentAnyTypeId, bounds: TypeBounds) {
        let imports = self.imports.as_mut().expect("this component imports what has no name");
        let name = format!("type{}", imports.len());
        imports.push(NamedImport { name: name.clone(), ty: id });
        let index = self.component().import(&name, ComponentTypeRef::Type(bounds));
        self.register(&ComponentEntityType::Type { referenced: id, created: id }, index);
    }

    fn instance_type_at(
        &mut self,
        level: usize,
        id: ComponentInstanceTypeId,
    ) -> Result<u32, WrapError> {
        self.scopes.push(Scope::new(Space::Instance(InstanceType::new())));
        let types = self.types;
        for (name, item) in &types[id].exports {
            let ty = self.type_ref_at(level + 1, &item.ty).map_err(|e| e.within(name))?;
            let scope = &mut self.scopes[level + 1];
            let index = match ty {
                ComponentTypeRef::Type(_) => scope.type_count(),
                ComponentTypeRef::Instance(_) => scope.instance_count(),
                _ => 0,
            };
            if let Space::Instance(instance) = &mut scope.space {
                instance.export(extern_name(name, Some(item)), ty);
            }
            self.register_at(level + 1, &item.ty, index);
        }
        let scope = self.scopes.pop().expect("pushed above");
        let Space::Instance(instance) = scope.space else {
            unreachable!("an instance's scope was pushed above")
        };
        Ok(self.scopes[level].define(|ty| ty.instance(&instance)))
    }

    fn func_type_at(&mut self, level: usize, id: ComponentFuncTypeId) -> Result<u32, WrapError> {
        let types = self.types;
        let ty = &types[id];
        let mut params = Vec::with_capacity(ty.params.len());
        for (name, param) in &ty.params {
            params.push((name.as_str(), self.value_type(level, *param)?));
        }
        let result = self.optional(level, ty.result)?;
        Ok(self.scopes[level].define(|out| {
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
                self.scopes[level].define(|ty| { ty.defined_type().$method($($arg),*); })
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

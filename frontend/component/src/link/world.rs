//! The root's imports and exports.

use super::env::{EnvId, InstanceRef, Item, ModuleRef, Ty};
use super::{LinkError, Linker, MAX_DEPTH, NameRank};
use crate::component::{BodyId, Declaration, Definition};
use crate::program::{
    ComponentWorld, FuncDef, HostFunc, HostFuncId, HostModule, HostModuleId, ResourceDef,
    RootExport, World, WorldItem,
};
use indexmap::IndexMap;
use wasmparser::component_types::ComponentEntityType;
use wasmparser::types::TypesRef;
use wasmparser::{ComponentExternalKind, ComponentTypeRef, TypeBounds};

impl<'a> Linker<'a> {
    /// What the host supplies for an import of the root.
    pub(super) fn root_import(
        &mut self,
        env: EnvId,
        name: &'a str,
        ty: &ComponentTypeRef,
    ) -> Result<Item<'a>, LinkError> {
        self.host_item(env, &mut vec![name], ty)
    }

    /// An item that the host supplies. `path` names it; `env` resolves the indices of `ty`.
    fn host_item(
        &mut self,
        env: EnvId,
        path: &mut Vec<&'a str>,
        ty: &ComponentTypeRef,
    ) -> Result<Item<'a>, LinkError> {
        self.step_path(env, path)?;
        let kind = match ty {
            ComponentTypeRef::Func(index) => {
                let ty = self.func_type_at(env, *index)?;
                let path = path.iter().map(|name| name.to_string()).collect();
                self.host_funcs.push(HostFunc { path });
                let host = HostFuncId(self.host_funcs.len() as u32 - 1);
                return Ok(Item::Func(self.func(ty, FuncDef::Host(host))));
            }
            ComponentTypeRef::Type(TypeBounds::Eq(index)) => {
                return Ok(Item::Type(self.type_at(env, *index)?));
            }
            ComponentTypeRef::Type(TypeBounds::SubResource) => {
                let name = path.join(".");
                let resource = self.resource(name, NameRank::Interface, ResourceDef::Host);
                let path = path.iter().map(|name| name.to_string()).collect();
                self.imported.push((resource, path));
                return Ok(Item::Type(Ty::Resource(resource)));
            }
            ComponentTypeRef::Instance(index) => {
                let Ty::Instance(declarations, parent) = self.type_at(env, *index)? else {
                    let message = format!("type {index} is no instance type");
                    return Err(self.inconsistent(env, message));
                };
                return Ok(Item::Instance(self.host_instance(parent, path, declarations)?));
            }
            ComponentTypeRef::Module(_) => {
                let path = path.iter().map(|name| name.to_string()).collect();
                self.host_modules.push(HostModule { path });
                let id = HostModuleId(self.host_modules.len() as u32 - 1);
                return Ok(Item::Module(ModuleRef::Host(id)));
            }
            ComponentTypeRef::Component(_) => "component",
            ComponentTypeRef::Value(_) => "value",
        };
        Err(LinkError::RootImport { kind, name: path.join(".") })
    }

    /// An instance that the host supplies: its type's declarations, run as definitions are.
    fn host_instance(
        &mut self,
        parent: EnvId,
        path: &mut Vec<&'a str>,
        declarations: &'a [Declaration],
    ) -> Result<InstanceRef, LinkError> {
        if path.len() > MAX_DEPTH as usize {
            return Err(LinkError::TooDeep { path: self.path(parent) });
        }
        let component = self.envs[parent.0 as usize].component;
        let env = self.env(component, Some(parent));
        let mut exports = IndexMap::new();
        for declaration in declarations {
            self.step(env, 1)?;
            match declaration {
                Declaration::CoreType => {}
                Declaration::Type(def) => {
                    let ty = self.type_def(env, def)?;
                    self.push(env, Item::Type(ty));
                }
                Declaration::Alias(alias) => self.alias(env, alias)?,
                Declaration::Export { name, ty } => {
                    path.push(name);
                    let item = self.host_item(env, path, ty)?;
                    path.pop();
                    self.push(env, item);
                    exports.insert(&**name, item);
                }
            }
        }
        Ok(self.new_exports(exports))
    }

    /// The root's face, from the validator's types and what its exports turned out to be.
    pub(super) fn world(
        &mut self,
        exports: &IndexMap<&'a str, Item<'a>>,
    ) -> Result<World, LinkError> {
        let component = self.component;
        let types = component.types.clone();
        let mut world = ComponentWorld {
            types: types.clone(),
            imports: Vec::new(),
            exports: Vec::new(),
            bytes: component.bytes.clone(),
        };
        let types = types.as_ref().as_ref();
        let missing = |name: &str| LinkError::Inconsistent {
            path: "root".into(),
            message: format!("`{name}` has no type"),
        };
        for definition in &component.bodies[BodyId::ROOT.0 as usize].definitions {
            if let Definition::Import { name, .. } = definition {
                let item = types.component_item_for_import(name).ok_or_else(|| missing(name))?;
                world.imports.push((name.to_string(), item.ty));
            }
        }
        for (name, item) in exports {
            let ty = types.component_item_for_export(name).ok_or_else(|| missing(name))?.ty;
            let item = self.world_item(types, &mut vec![name], ty, *item)?;
            world.exports.push((name.to_string(), ty, item));
        }
        Ok(World::Component(Box::new(world)))
    }

    /// An exported item, seen through the type it is exported with: what that type hides is not
    /// exported.
    fn world_item(
        &mut self,
        types: TypesRef<'_>,
        path: &mut Vec<&str>,
        ty: ComponentEntityType,
        item: Item<'a>,
    ) -> Result<WorldItem, LinkError> {
        let root = EnvId(0);
        self.step_path(root, path)?;
        if path.len() > MAX_DEPTH as usize {
            return Err(LinkError::TooDeep { path: path.join(".") });
        }
        match (ty, item) {
            (ComponentEntityType::Func(_), Item::Func(func)) => {
                let path = path.iter().map(|name| name.to_string()).collect();
                self.root_exports.push(RootExport { path, func });
                Ok(WorldItem::Func(self.root_exports.len() as u32 - 1))
            }
            (ComponentEntityType::Type { .. }, Item::Type(ty)) => {
                if let Ty::Resource(id) = ty {
                    let path = || path.iter().map(|name| name.to_string()).collect();
                    self.exported.entry(id).or_insert_with(path);
                }
                Ok(WorldItem::Type)
            }
            (ComponentEntityType::Instance(ty), Item::Instance(instance)) => {
                let mut items = Vec::new();
                for (name, declared) in &types[ty].exports {
                    let Some(item) = self.exports[instance.0 as usize].get(&**name).copied() else {
                        let message = format!("the export `{}` has no `{name}`", path.join("."));
                        return Err(self.inconsistent(root, message));
                    };
                    let mut path = path.clone();
                    path.push(name);
                    items.push((
                        name.clone(),
                        self.world_item(types, &mut path, declared.ty, item)?,
                    ));
                }
                Ok(WorldItem::Instance(items))
            }
            (_, item) => {
                let kind = match item.kind() {
                    ComponentExternalKind::Module => "core module",
                    kind => kind.desc(),
                };
                Err(LinkError::RootExport { kind, name: path.join(".") })
            }
        }
    }
}

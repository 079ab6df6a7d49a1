//! Runs a component's definitions.

use super::env::{Closure, EnvId, Item, ModuleRef, Ty};
use super::{LinkError, Linker, MAX_DEPTH, NameRank};
use crate::component::{Alias, BodyId, Definition, InstanceDef, TypeDef};
use crate::program::{ResourceDef, ResourceId};
use indexmap::IndexMap;
use std::collections::HashMap;
use wasmparser::{
    ComponentExternalKind, ComponentOuterAliasKind, ComponentTypeRef, TypeBounds, ValType,
};

/// What the imports of a component are. For look-up only.
pub(super) type Args<'a> = HashMap<&'a str, Item<'a>>;

impl<'a> Linker<'a> {
    /// Runs the definitions of `body` in a fresh `env` and returns its exports. Without `args` it
    /// is the root, whose imports are the host's.
    pub(super) fn run(
        &mut self,
        body: BodyId,
        env: EnvId,
        args: Option<&Args<'a>>,
        depth: u32,
    ) -> Result<IndexMap<&'a str, Item<'a>>, LinkError> {
        if depth > MAX_DEPTH {
            return Err(LinkError::TooDeep { path: self.path(env) });
        }
        let component = self.component;
        let mut exports = IndexMap::new();
        for definition in &component.bodies[body.0 as usize].definitions {
            self.step(env, 1)?;
            match definition {
                Definition::CoreModule(id) => self.push(env, Item::Module(ModuleRef::Input(*id))),
                Definition::CoreType => {}
                Definition::Component(id) => {
                    self.push(env, Item::Component(Closure { body: *id, env }));
                }
                Definition::CoreInstance(def) => self.core_instance(body, env, def)?,
                Definition::Canon(canon) => self.canon(env, canon)?,
                Definition::Alias(alias) => self.alias(env, alias)?,
                Definition::Type(def) => {
                    if let TypeDef::Resource { rep, .. } = def
                        && *rep != ValType::I32
                    {
                        let (resource, rep) = (self.name_by_index(body, env), rep.to_string());
                        return Err(LinkError::Representation { resource, rep });
                    }
                    let ty = self.type_def(env, def)?;
                    if let Ty::Resource(id) = ty {
                        let name = self.name_by_index(body, env);
                        self.name_resource(id, NameRank::Index, &name);
                    }
                    self.push(env, Item::Type(ty));
                }
                Definition::Instance(def) => {
                    let item = self.component_instance(body, env, def, depth)?;
                    self.push(env, item);
                }
                Definition::Import { name, ty } => {
                    let item = match args {
                        Some(args) => self.import(env, args, name, ty)?,
                        None => self.root_import(env, name, ty)?,
                    };
                    self.push(env, item);
                }
                Definition::Export { name, kind, index } => {
                    let item = self.item(env, *kind, *index)?;
                    self.name_resources(env, name, item)?;
                    self.push(env, item);
                    exports.insert(&**name, item);
                }
            }
        }
        Ok(exports)
    }

    pub(super) fn push(&mut self, env: EnvId, item: Item<'a>) {
        self.envs[env.0 as usize].push(item);
    }

    pub(super) fn item(
        &self,
        env: EnvId,
        kind: ComponentExternalKind,
        index: u32,
    ) -> Result<Item<'a>, LinkError> {
        if kind == ComponentExternalKind::Value {
            let path = self.path(env);
            return Err(LinkError::Unsupported { path, what: "a component-level value" });
        }
        let item = self.envs[env.0 as usize].item(kind, index);
        item.ok_or_else(|| {
            self.inconsistent(env, format!("it has no {} with index {index}", kind.desc()))
        })
    }

    /// A nested component's import: what its instantiation supplies. Types too are taken from
    /// there, as resources have their identity from the one who supplies them.
    fn import(
        &self,
        env: EnvId,
        args: &Args<'a>,
        name: &str,
        ty: &ComponentTypeRef,
    ) -> Result<Item<'a>, LinkError> {
        match (args.get(name), ty) {
            (Some(item), _) if item.kind() == ty.kind() => Ok(*item),
            (None, ComponentTypeRef::Type(TypeBounds::Eq(index))) => {
                self.item(env, ComponentExternalKind::Type, *index)
            }
            _ => {
                let kind = ty.kind().desc();
                Err(self.inconsistent(env, format!("nothing supplies its import {kind} `{name}`")))
            }
        }
    }

    pub(super) fn alias(&mut self, env: EnvId, alias: &'a Alias) -> Result<(), LinkError> {
        let item = match alias {
            Alias::InstanceExport { kind, instance, name } => {
                let Item::Instance(instance) =
                    self.item(env, ComponentExternalKind::Instance, *instance)?
                else {
                    return Err(self.inconsistent(env, "an alias of no instance"));
                };
                match self.exports[instance.0 as usize].get(&**name) {
                    Some(item) if item.kind() == *kind => *item,
                    _ => {
                        let kind = kind.desc();
                        let message = format!("an instance has no {kind} `{name}`");
                        return Err(self.inconsistent(env, message));
                    }
                }
            }
            Alias::CoreInstanceExport { kind, instance, name } => {
                return self.core_alias(env, *kind, *instance, name);
            }
            Alias::Outer { kind, count, index } => {
                let mut from = env;
                for _ in 0..*count {
                    let parent = self.envs[from.0 as usize].parent;
                    from = parent.ok_or_else(|| {
                        self.inconsistent(env, format!("an alias reaches {count} levels out"))
                    })?;
                }
                let kind = match kind {
                    ComponentOuterAliasKind::CoreType => return Ok(()),
                    ComponentOuterAliasKind::CoreModule => ComponentExternalKind::Module,
                    ComponentOuterAliasKind::Type => ComponentExternalKind::Type,
                    ComponentOuterAliasKind::Component => ComponentExternalKind::Component,
                };
                self.item(from, kind, *index)?
            }
        };
        self.push(env, item);
        Ok(())
    }

    fn component_instance(
        &mut self,
        body: BodyId,
        env: EnvId,
        def: &'a InstanceDef,
        depth: u32,
    ) -> Result<Item<'a>, LinkError> {
        let exports = match def {
            InstanceDef::Exports(exports) => {
                self.step(env, exports.len())?;
                let items = exports
                    .iter()
                    .map(|(name, kind, index)| Ok((&**name, self.item(env, *kind, *index)?)));
                items.collect::<Result<_, LinkError>>()?
            }
            InstanceDef::Instantiate { component, args } => {
                self.step(env, args.len())?;
                let Item::Component(closure) =
                    self.item(env, ComponentExternalKind::Component, *component)?
                else {
                    return Err(self.inconsistent(env, "an instance of no component"));
                };
                let args = args
                    .iter()
                    .map(|(name, kind, index)| Ok((&**name, self.item(env, *kind, *index)?)));
                let args: Args<'a> = args.collect::<Result<_, LinkError>>()?;
                let name = self.instance_name(body, env, *component, closure);
                let parent = self.envs[env.0 as usize].component;
                let instance = self.instance(&name, Some(parent))?;
                let env = self.env(instance, Some(closure.env));
                self.run(closure.body, env, Some(&args), depth + 1)?
            }
        };
        Ok(Item::Instance(self.new_exports(exports)))
    }

    /// The best name there is for the instance that comes next in `env`.
    fn instance_name(&self, body: BodyId, env: EnvId, component: u32, closure: Closure) -> String {
        let names = &self.component.bodies[body.0 as usize].names;
        let next = self.envs[env.0 as usize].instances.len() as u32;
        let name = names.instances.get(&next).or_else(|| names.components.get(&component)).or(self
            .component
            .bodies[closure.body.0 as usize]
            .names
            .component
            .as_ref());
        name.cloned().unwrap_or_else(|| format!("component{component}"))
    }

    /// The first name of the resource that is defined next, from where that is.
    fn name_by_index(&self, body: BodyId, env: EnvId) -> String {
        let names = &self.component.bodies[body.0 as usize].names;
        let index = self.envs[env.0 as usize].types.len() as u32;
        let name = names.types.get(&index).cloned().unwrap_or_else(|| format!("type{index}"));
        format!("{}.{name}", self.path(env))
    }

    /// Names resources by an export that shows them.
    fn name_resources(&mut self, env: EnvId, name: &str, item: Item<'a>) -> Result<(), LinkError> {
        match item {
            Item::Type(Ty::Resource(id)) => {
                let path = self.path(env);
                self.step_path(env, &[&path, name])?;
                self.name_resource(id, NameRank::Type, &format!("{path}.{name}"));
            }
            Item::Instance(instance) => {
                let exports = &self.exports[instance.0 as usize];
                let resources: Vec<(&str, ResourceId)> = exports
                    .iter()
                    .filter_map(|(export, item)| match item {
                        Item::Type(Ty::Resource(id)) => Some((*export, *id)),
                        _ => None,
                    })
                    .collect();
                self.step(env, self.exports[instance.0 as usize].len())?;
                for (export, id) in resources {
                    self.step_path(env, &[name, export])?;
                    self.name_resource(id, NameRank::Interface, &format!("{name}.{export}"));
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// A fresh resource type of the instance that `env` belongs to.
    pub(super) fn define_resource(
        &mut self,
        env: EnvId,
        dtor: Option<u32>,
    ) -> Result<ResourceId, LinkError> {
        let dtor = dtor.map(|index| self.core_func(env, index)).transpose()?;
        let component = self.envs[env.0 as usize].component;
        let def = ResourceDef::Component { component, dtor };
        Ok(self.resource(String::new(), NameRank::None, def))
    }
}

//! Core instances: each import of each becomes the item that it is.

use super::env::{CoreInstanceRef, EnvId, ModuleRef};
use super::{LinkError, Linker};
use crate::component::{BodyId, CoreInstanceDef};
use crate::program::{
    CoreInstance, CoreItem, CoreKind, CoreModule, HostInstanceId, HostModuleId, InstanceId,
    ModuleId,
};
use crate::reexport::reexports;
use std::collections::HashMap;
use wasmparser::ExternalKind;

/// A module's exports, to be looked up.
pub(super) struct Exports<'a> {
    positions: HashMap<&'a str, u32>,
    /// For each export the import that it re-exports.
    reexports: Vec<Option<u32>>,
}

impl<'a> Exports<'a> {
    fn new(module: &'a CoreModule) -> Self {
        let positions = module.exports.iter().zip(0..).map(|(export, i)| (&*export.name, i));
        Exports { positions: positions.collect(), reexports: reexports(module) }
    }
}

impl<'a> Linker<'a> {
    pub(super) fn core_instance(
        &mut self,
        body: BodyId,
        env: EnvId,
        def: &'a CoreInstanceDef,
    ) -> Result<(), LinkError> {
        let instance = match def {
            CoreInstanceDef::Exports(exports) => {
                self.step(env, exports.len())?;
                let mut items = HashMap::with_capacity(exports.len());
                for (name, kind, index) in exports {
                    items.insert(&**name, (*kind, self.core_item(env, *kind, *index)?));
                }
                self.core_exports.push(items);
                CoreInstanceRef::Exports(self.core_exports.len() as u32 - 1)
            }
            CoreInstanceDef::Instantiate { module, args } => {
                self.step(env, args.len())?;
                let spaces = &self.envs[env.0 as usize];
                let id = match spaces.modules.get(*module as usize).copied() {
                    Some(ModuleRef::Input(id)) => id,
                    Some(ModuleRef::Host(id)) => {
                        let instance = self.host_instance_of(env, id, args.len())?;
                        self.envs[env.0 as usize].core_instances.push(instance);
                        return Ok(());
                    }
                    None => {
                        let message = format!("it has no core module with index {module}");
                        return Err(self.inconsistent(env, message));
                    }
                };
                let mut by_name = HashMap::with_capacity(args.len());
                for (name, index) in args {
                    by_name.insert(&**name, self.core_instance_at(env, *index)?);
                }
                CoreInstanceRef::Real(self.instantiate(body, env, *module, id, &by_name)?)
            }
        };
        self.envs[env.0 as usize].core_instances.push(instance);
        Ok(())
    }

    /// An instance of a core module that the root imports.
    fn host_instance_of(
        &mut self,
        env: EnvId,
        module: HostModuleId,
        args: usize,
    ) -> Result<CoreInstanceRef, LinkError> {
        if args > 0 {
            return Err(self.more_than_functions(
                self.path(env),
                module,
                "an instantiation with imports",
            ));
        }
        let path = self.path(env);
        self.count_instance(&path)?;
        self.host_instances.push(module);
        Ok(CoreInstanceRef::Host(HostInstanceId(self.host_instances.len() as u32 - 1)))
    }

    fn instantiate(
        &mut self,
        body: BodyId,
        env: EnvId,
        index: u32,
        module: ModuleId,
        args: &HashMap<&'a str, CoreInstanceRef>,
    ) -> Result<InstanceId, LinkError> {
        let def = &self.component.modules[module.index()];
        let names = &self.component.bodies[body.0 as usize].names;
        let name = def.name.as_ref().or(names.core_modules.get(&index));
        let name = name.cloned().unwrap_or_else(|| format!("module{}", module.0));
        let component = self.envs[env.0 as usize].component;
        let name = self.child_path(component, &name, true);
        self.count_instance(&name)?;
        self.step(env, def.imports.len())?;
        let mut imports = Vec::with_capacity(def.imports.len());
        let id = InstanceId(self.instances.len() as u32);
        for (import, position) in def.imports.iter().zip(0..) {
            let found = match args.get(&*import.module) {
                Some(CoreInstanceRef::Host(instance)) => {
                    let kind = external_kind(&import.kind);
                    Some((kind, self.host_export(&name, *instance, kind, &import.name)?))
                }
                Some(instance) => self.core_export(env, *instance, &import.name)?,
                None => None,
            };
            match found {
                Some((kind, CoreItem::HostExport { instance, name }))
                    if kind == external_kind(&import.kind) =>
                {
                    let importer = (id, position);
                    self.host_exports.insert(importer, (instance, name.clone()));
                    let module = import.module.clone();
                    imports.push(CoreItem::Host { module, name, importer });
                }
                Some((kind, item)) if kind == external_kind(&import.kind) => imports.push(item),
                _ => {
                    let (module, field) = (&import.module, &import.name);
                    let message =
                        format!("nothing supplies the import `{module}` `{field}` of `{name}`");
                    return Err(self.inconsistent(env, message));
                }
            }
        }
        self.instances.push(CoreInstance { name, module, component, imports });
        Ok(id)
    }

    pub(super) fn core_alias(
        &mut self,
        env: EnvId,
        kind: ExternalKind,
        instance: u32,
        name: &str,
    ) -> Result<(), LinkError> {
        let instance = self.core_instance_at(env, instance)?;
        if let CoreInstanceRef::Host(instance) = instance {
            let item = self.host_export(&self.path(env), instance, kind, name)?;
            self.envs[env.0 as usize].core(kind).push(item);
            return Ok(());
        }
        match self.core_export(env, instance, name)? {
            Some((found, item)) if found == kind => {
                self.envs[env.0 as usize].core(kind).push(item);
                Ok(())
            }
            _ => Err(self.inconsistent(env, format!("a core instance has no {kind:?} `{name}`"))),
        }
    }

    /// An export of an instance of an imported module, which `user` uses: validation has seen that it
    /// is there.
    fn host_export(
        &self,
        user: &str,
        instance: HostInstanceId,
        kind: ExternalKind,
        name: &str,
    ) -> Result<CoreItem, LinkError> {
        let kind = match kind {
            ExternalKind::Func | ExternalKind::FuncExact => {
                return Ok(CoreItem::HostExport { instance, name: name.to_string() });
            }
            ExternalKind::Memory => "memory",
            ExternalKind::Table => "table",
            ExternalKind::Tag => "tag",
            ExternalKind::Global => "global",
        };
        let module = self.host_instances[instance.index()];
        Err(self.more_than_functions(user.into(), module, &format!("the {kind} `{name}`")))
    }

    fn more_than_functions(&self, path: String, module: HostModuleId, what: &str) -> LinkError {
        let module = self.host_modules[module.index()].path.join(".");
        LinkError::HostModule { path, module, what: what.to_string() }
    }

    fn core_instance_at(&self, env: EnvId, index: u32) -> Result<CoreInstanceRef, LinkError> {
        let instance = self.envs[env.0 as usize].core_instances.get(index as usize).copied();
        instance.ok_or_else(|| {
            self.inconsistent(env, format!("it has no core instance with index {index}"))
        })
    }

    /// An export of a core instance, and its kind.
    fn core_export(
        &mut self,
        env: EnvId,
        instance: CoreInstanceRef,
        name: &str,
    ) -> Result<Option<(ExternalKind, CoreItem)>, LinkError> {
        let instance = match instance {
            CoreInstanceRef::Exports(id) => {
                return Ok(self.core_exports[id as usize].get(name).cloned());
            }
            CoreInstanceRef::Real(id) => id,
            // Its exports are known by the kind that they are asked for as.
            CoreInstanceRef::Host(_) => return Ok(None),
        };
        let component = self.component;
        let id = self.instances[instance.index()].module;
        let module = &component.modules[id.index()];
        if self.module_exports[id.index()].is_none() {
            self.step(env, module.exports.len() + module.imports.len())?;
        }
        let exports = self.module_exports[id.index()].get_or_insert_with(|| Exports::new(module));
        let Some(export) = exports.positions.get(name).copied() else { return Ok(None) };
        let kind = external_kind(&module.exports[export as usize].kind);
        Ok(Some(match exports.reexports[export as usize] {
            Some(import) => {
                (kind, self.instances[instance.index()].imports[import as usize].clone())
            }
            None => (kind, CoreItem::Export { instance, export }),
        }))
    }

    /// The core item at an index of a kind.
    pub(super) fn core_item(
        &mut self,
        env: EnvId,
        kind: ExternalKind,
        index: u32,
    ) -> Result<CoreItem, LinkError> {
        let item = self.envs[env.0 as usize].core(kind).get(index as usize).cloned();
        item.ok_or_else(|| {
            self.inconsistent(env, format!("it has no core {kind:?} with index {index}"))
        })
    }

    /// The core function at an index, for a canonical definition, which does not say its type.
    pub(super) fn core_func(&mut self, env: EnvId, index: u32) -> Result<CoreItem, LinkError> {
        match self.core_item(env, ExternalKind::Func, index)? {
            CoreItem::HostExport { instance, name } => {
                let what = format!("the function `{name}` in a canonical definition");
                let module = self.host_instances[instance.index()];
                Err(self.more_than_functions(self.path(env), module, &what))
            }
            item => Ok(item),
        }
    }

    /// Whether addresses of a memory are 64 bits wide.
    pub(super) fn is_memory64(&self, item: &CoreItem) -> bool {
        let CoreItem::Export { instance, export } = item else { return false };
        let module = self.instances[instance.index()].module;
        let export = &self.component.modules[module.index()].exports[*export as usize];
        matches!(export.kind, CoreKind::Memory { memory64: true, .. })
    }
}

fn external_kind(kind: &CoreKind) -> ExternalKind {
    match kind {
        CoreKind::Func(_) => ExternalKind::Func,
        CoreKind::Memory { .. } => ExternalKind::Memory,
        CoreKind::Table { .. } => ExternalKind::Table,
        CoreKind::Global => ExternalKind::Global,
        CoreKind::Tag => ExternalKind::Tag,
    }
}

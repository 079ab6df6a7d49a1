//! Symbolic instantiation: [`Component`] to [`Program`].
//!
//! Running a component's definitions in order, as instantiation does, gives each index a value:
//! a core item, a function, a type with resources by identity, an instance, or a component
//! closed over the environment in which it stands. No code runs. An outer alias reads the
//! environment that the component was closed over, so a component instantiated twice, or handed
//! to another component and instantiated there, sees what its definition saw.
//!
//! What a hostile input can make of this is bounded: see [`MAX_INSTANCES`], [`MAX_STEPS`] and
//! [`MAX_DEPTH`].

mod canon;
mod core;
mod env;
mod run;
mod types;
mod world;

use crate::component::{BodyId, Component};
use crate::names::{MAX_PATH, MAX_SEGMENT};
use crate::program::{
    Border, CanonicalOptions, ComponentFunc, ComponentId, ComponentInstance, CoreInstance,
    CoreItem, FuncId, HostFunc, HostInstanceId, HostModule, HostModuleId, InstanceId, OptionsId,
    Program, Resource, ResourceDef, ResourceId, RootExport, World,
};
use crate::read::Input;
use crate::types::{FuncType, FuncTypeId, Types, ValueType};
use env::{Env, EnvId, InstanceRef, Item};
use indexmap::{IndexMap, IndexSet};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// How many component and core instances a program may have, together. An instance costs at
/// most a few kilobytes beyond what [`MAX_STEPS`] counts.
pub const MAX_INSTANCES: u32 = 100_000;

/// How many definitions, instantiation arguments, exports and imports of core instances linking
/// may go through. Each keeps about a hundred bytes, so linking needs well below one gigabyte.
pub const MAX_STEPS: u64 = 4_000_000;

/// How deep instances may nest: components instantiated by components, and instances exported
/// by instances.
pub const MAX_DEPTH: u32 = 100;

/// Why a component could not be linked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LinkError {
    /// The root imports what only composition can supply.
    #[error(
        "meld cannot fuse a component whose root imports the {kind} `{name}`; provide it by composing first"
    )]
    RootImport {
        /// `component` or `value`.
        kind: &'static str,
        /// The import, with the instances that it is in.
        name: String,
    },
    /// The root exports what a core module cannot hold.
    #[error(
        "meld cannot fuse a component whose root exports the {kind} `{name}`; instantiate it inside, and export its functions"
    )]
    RootExport {
        /// `core module`, `component` or `value`.
        kind: &'static str,
        /// The export, with the instances that it is in.
        name: String,
    },
    /// A core module that the root imports is used for more than its functions.
    #[error(
        "`{path}` uses {what} of the core module `{module}`, which the root imports; meld fuses around its \
         functions only; provide the module by composing first"
    )]
    HostModule {
        /// The instance that is being instantiated.
        path: String,
        /// The core module, with the instances that it is in.
        module: String,
        /// What it uses.
        what: String,
    },
    /// A resource whose representation is not an `i32`.
    #[error(
        "the resource `{resource}` has representations of type {rep}, and meld keeps such of type i32 \
         only; declare it with `(rep i32)`"
    )]
    Representation {
        /// The resource.
        resource: String,
        /// The core type of its representation.
        rep: String,
    },
    /// [`MAX_INSTANCES`]
    #[error(
        "`{path}` is one instance too many: a program may have {MAX_INSTANCES} component and core instances"
    )]
    TooManyInstances {
        /// The instance that is being instantiated.
        path: String,
    },
    /// [`MAX_STEPS`]
    #[error("linking takes more than {MAX_STEPS} steps; it stopped in `{path}`")]
    TooManySteps {
        /// The instance that is being instantiated.
        path: String,
    },
    /// [`MAX_DEPTH`]
    #[error("`{path}`: instances nest more than {MAX_DEPTH} deep")]
    TooDeep {
        /// The instance that is being instantiated.
        path: String,
    },
    /// A feature of the component model that fusing does not know.
    #[error("`{path}` uses {what}, which meld does not support")]
    Unsupported {
        /// The instance that is being instantiated.
        path: String,
        /// The feature.
        what: &'static str,
    },
    /// The component says two things that cannot both be. Validation excludes this.
    #[error("`{path}` is inconsistent: {message}")]
    Inconsistent {
        /// The instance that is being instantiated.
        path: String,
        /// What does not fit.
        message: String,
    },
}

/// Links a component.
pub fn link(component: &Component) -> Result<Program, LinkError> {
    let mut linker = Linker::new(component);
    let root = linker.instance("root", None)?;
    let env = linker.env(root, None);
    let exports = linker.run(BodyId::ROOT, env, None, 0)?;
    let world = linker.world(&exports)?;
    Ok(linker.finish(world))
}

/// Everything that exists while linking. Values refer to each other by position in these arenas,
/// so that neither sharing nor depth costs anything when they are dropped.
struct Linker<'a> {
    component: &'a Component,
    types: Types,
    instances: Vec<CoreInstance>,
    components: Vec<ComponentInstance>,
    funcs: Vec<ComponentFunc>,
    options: IndexSet<CanonicalOptions>,
    resources: Vec<Resource>,
    /// How much the name of each resource says, by [`ResourceId`].
    resource_names: Vec<NameRank>,
    host_funcs: Vec<HostFunc>,
    host_modules: Vec<HostModule>,
    host_instances: Vec<HostModuleId>,
    host_exports: BTreeMap<(InstanceId, u32), (HostInstanceId, String)>,
    root_exports: Vec<RootExport>,
    /// Resource types of the host and those that the root exports; see [`Border`].
    imported: Vec<(ResourceId, Vec<String>)>,
    exported: IndexMap<ResourceId, Vec<String>>,

    envs: Vec<Env<'a>>,
    /// Component-level instances: imported, exported from, or put together.
    exports: Vec<IndexMap<&'a str, Item<'a>>>,
    /// Core instances that were put together from items.
    core_exports: Vec<HashMap<&'a str, (wasmparser::ExternalKind, CoreItem)>>,
    /// For each module that has been looked into, its exports by name. For look-up only.
    module_exports: Vec<Option<core::Exports<'a>>>,
    /// How often each segment occurs in the paths of one instance's children.
    segments: HashMap<(ComponentId, String), u32>,
    steps: u64,
}

/// How much a resource's name says.
#[derive(Clone, Copy, PartialEq, PartialOrd)]
enum NameRank {
    None,
    Index,
    Type,
    Interface,
}

impl<'a> Linker<'a> {
    fn new(component: &'a Component) -> Self {
        Linker {
            component,
            types: Types::default(),
            instances: Vec::new(),
            components: Vec::new(),
            funcs: Vec::new(),
            options: IndexSet::new(),
            resources: Vec::new(),
            resource_names: Vec::new(),
            host_funcs: Vec::new(),
            host_modules: Vec::new(),
            host_instances: Vec::new(),
            host_exports: BTreeMap::new(),
            root_exports: Vec::new(),
            imported: Vec::new(),
            exported: IndexMap::new(),
            envs: Vec::new(),
            exports: Vec::new(),
            core_exports: Vec::new(),
            module_exports: component.modules.iter().map(|_| None).collect(),
            segments: HashMap::new(),
            steps: 0,
        }
    }

    fn finish(mut self, world: World) -> Program {
        let border = ComponentId(self.components.len() as u32);
        self.components.push(ComponentInstance { path: "border".into(), parent: None });
        self.destruction();
        let mut options: Vec<CanonicalOptions> = self.options.into_iter().collect();
        let border_options = OptionsId(options.len() as u32);
        options.push(CanonicalOptions::bare(border));
        let (imported, exported) = (self.imported, self.exported.into_iter().collect::<Vec<_>>());
        Program {
            inputs: vec![Input {
                name: self.component.name.clone(),
                bytes: self.component.bytes.clone(),
            }],
            unvalidated: false,
            types: self.types,
            modules: self.component.modules.clone(),
            instances: self.instances,
            components: self.components,
            funcs: self.funcs,
            options,
            resources: self.resources,
            host_funcs: self.host_funcs,
            host_modules: self.host_modules,
            host_instances: self.host_instances,
            host_exports: self.host_exports,
            root_exports: self.root_exports,
            world,
            border: Some(Border { options: border_options, imported, exported }),
        }
    }

    /// What it takes to call destructors: their type, and options of every instance, the border among
    /// them.
    fn destruction(&mut self) {
        if self.resources.is_empty() {
            return;
        }
        let rep = self.types.intern(ValueType::U32);
        self.types.intern_func(FuncType { async_: false, params: vec![rep], result: None });
        for index in 0..self.components.len() {
            self.options.insert(CanonicalOptions::bare(ComponentId(index as u32)));
        }
    }

    /// A new component instance.
    fn instance(
        &mut self,
        name: &str,
        parent: Option<ComponentId>,
    ) -> Result<ComponentId, LinkError> {
        let path = match parent {
            Some(parent) => self.child_path(parent, name, false),
            None => name.to_string(),
        };
        self.count_instance(&path)?;
        self.components.push(ComponentInstance { path, parent });
        Ok(ComponentId(self.components.len() as u32 - 1))
    }

    fn count_instance(&self, path: &str) -> Result<(), LinkError> {
        if self.components.len() + self.instances.len() >= MAX_INSTANCES as usize {
            return Err(LinkError::TooManyInstances { path: path.to_string() });
        }
        Ok(())
    }

    /// The path of something in an instance, made unique by a number where it has to be. The
    /// root's path shows only in front of core instances.
    fn child_path(&mut self, parent: ComponentId, name: &str, core: bool) -> String {
        let name: String = name.chars().take(MAX_SEGMENT).collect();
        let key = if core { format!("{name} core") } else { name.clone() };
        let count = self.segments.entry((parent, key)).or_insert(0);
        *count += 1;
        let name = if *count == 1 { name } else { format!("{name}-{count}") };
        let path = &self.components[parent.index()].path;
        if parent == ComponentId(0) && !core {
            return name;
        }
        if path.len() > MAX_PATH {
            return format!("…/{name}");
        }
        format!("{path}/{name}")
    }

    fn env(&mut self, component: ComponentId, parent: Option<EnvId>) -> EnvId {
        self.envs.push(Env::new(component, parent));
        EnvId(self.envs.len() as u32 - 1)
    }

    fn func(&mut self, ty: FuncTypeId, def: crate::program::FuncDef) -> FuncId {
        self.funcs.push(ComponentFunc { ty, def });
        FuncId(self.funcs.len() as u32 - 1)
    }

    fn resource(&mut self, name: String, rank: NameRank, def: ResourceDef) -> ResourceId {
        self.resources.push(Resource { name, aliases: BTreeSet::new(), def });
        self.resource_names.push(rank);
        ResourceId(self.resources.len() as u32 - 1)
    }

    /// Renames a resource if the new name says more. By what an export calls it, it can be found.
    fn name_resource(&mut self, id: ResourceId, rank: NameRank, name: &str) {
        let name: String = name.chars().take(MAX_PATH).collect();
        let resource = &mut self.resources[id.index()];
        if rank > NameRank::Index {
            resource.aliases.insert(name.clone());
        }
        if self.resource_names[id.index()] < rank {
            self.resource_names[id.index()] = rank;
            resource.name = name;
        }
    }

    fn new_exports(&mut self, exports: IndexMap<&'a str, Item<'a>>) -> InstanceRef {
        self.exports.push(exports);
        InstanceRef(self.exports.len() as u32 - 1)
    }

    /// Counts keeping a path, whose names can be long, against [`MAX_STEPS`].
    fn step_path(&mut self, env: EnvId, path: &[&str]) -> Result<(), LinkError> {
        let bytes: usize = path.iter().map(|name| name.len()).sum();
        self.step(env, path.len() + bytes / 100)
    }

    /// Counts work against [`MAX_STEPS`].
    fn step(&mut self, env: EnvId, count: usize) -> Result<(), LinkError> {
        self.steps += count as u64;
        if self.steps > MAX_STEPS {
            return Err(LinkError::TooManySteps { path: self.path(env) });
        }
        Ok(())
    }

    fn path(&self, env: EnvId) -> String {
        let component = self.envs[env.0 as usize].component;
        self.components[component.index()].path.clone()
    }

    fn inconsistent(&self, env: EnvId, message: impl Into<String>) -> LinkError {
        LinkError::Inconsistent { path: self.path(env), message: message.into() }
    }
}

#[cfg(test)]
mod tests;

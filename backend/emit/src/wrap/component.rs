//! Wraps the merged core module as a component.
//!
//! In order: the world's imports; host functions lowered without a memory, and the shim for the
//! others and for destructors; resource types that guests define; the merged module; the others
//! lowered, and the fixup; the starter; the world's exports, each lifted where it is first exported.

use super::face::Face;
use super::linkage::{self, Signature};
use super::resources::{Destructor, ResourceBuiltin, ResourceOperation, Resources};
use super::types::{TypeWriter, extern_name};
use super::{
    Imported, Lifted, Lowered, Supplied, SurfaceNeeds, WrapError, Wrapping, check, limits,
};
use crate::validate::Check;
use indexmap::IndexMap;
use meld_component::needs::Needs;
use meld_component::program::{
    ComponentWorld, HostFuncId, HostInstanceId, ResourceId, StringEncoding, WorldItem,
};
use std::collections::{HashMap, HashSet};
use std::ops::Range;
use wasm_encoder::{
    CanonicalOption, ComponentBuilder, ComponentExportKind, ExportKind, ModuleArg, ProducersField,
    ProducersSection, Section, ValType,
};
use wasmparser::component_types::{ComponentEntityType, ComponentFuncTypeId};
use wasmparser::{Parser, Payload};

/// Wraps the merged module as a component with the same world as the program's root, but for core modules that
/// the root imports and of which nothing is used.
///
/// The result is validated, and its type compared with the input's, before it is returned.
///
/// # Errors
///
/// If the world has items that a fused component cannot pass on, or the [`Wrapping`] does not
/// fit the module or the world; see [`WrapError`].
pub fn wrap(mut wrapping: Wrapping<'_>) -> Result<Vec<u8>, WrapError> {
    let internal = |error: &dyn std::fmt::Display| WrapError::Internal(error.to_string());
    let face = component_face(&wrapping)?;
    let module = std::mem::take(&mut wrapping.module);
    let component = face.on(module).map_err(|error| internal(&error))?;
    let mut check = Check::default();
    check.take(&[&component]).map_err(|error| internal(&error))?;
    let valid = check.finish().map_err(|error| internal(&error))?;
    check::same_world(wrapping.world()?, &valid)?;
    Ok(component)
}

/// What makes a component of the merged module, of which only the head is looked at.
pub(crate) fn component_face(wrapping: &Wrapping<'_>) -> Result<Face, WrapError> {
    let mut wrapper = Wrapper::new(wrapping, wrapping.world()?);
    wrapper.import_world()?;
    wrapper.instantiate()?;
    wrapper.export_world()?;
    wrapper.finish()
}

/// A core function that the merged module imports.
#[derive(Clone, Copy)]
enum Argument {
    /// The core function of this index.
    Function(u32),
    /// The shim's function at this position.
    Shim(usize),
}

/// A host function that must be lowered when the merged module exists.
struct Deferred<'a> {
    lowered: &'a Lowered,
    /// Names from the root import down to it.
    path: &'a [String],
    signature: Signature,
    /// The component function's index.
    func: u32,
    needs: Needs,
}

/// The shim's function at a position.
fn of_shim(
    component: &mut ComponentBuilder,
    shim: Option<u32>,
    position: usize,
) -> Result<u32, WrapError> {
    let shim = shim.ok_or_else(|| WrapError::Internal("there is no shim".into()))?;
    Ok(component.core_alias_export(None, shim, &position.to_string(), ExportKind::Func))
}

/// What the shim has a function for.
struct Trampolines {
    signatures: Vec<Signature>,
    names: Vec<String>,
}

impl Trampolines {
    /// Deferred functions, and behind them destructors.
    fn new(deferred: &[Deferred<'_>], destructors: &[Destructor]) -> Self {
        let mut signatures: Vec<_> = deferred.iter().map(|d| d.signature.clone()).collect();
        let mut names: Vec<_> = deferred.iter().map(|d| d.path.join("#")).collect();
        for destructor in destructors {
            signatures.push(Signature::of_destructor());
            names.push(destructor.export.clone());
        }
        Trampolines { signatures, names }
    }
}

/// A component that is being built.
pub(super) struct Wrapper<'a> {
    wrapping: &'a Wrapping<'a>,
    world: &'a ComponentWorld,
    pub types: TypeWriter<'a>,
    needs: SurfaceNeeds<'a>,
    resources: Resources<'a>,
    /// Index of each root import that is a function or an instance, in its kind's index space.
    imports: IndexMap<&'a str, (u32, ComponentEntityType)>,
    hosts: HashMap<HostFuncId, u32>,
    host_instances: HashMap<HostInstanceId, u32>,
    /// The merged module's position among the core modules that are defined, and its core instance.
    module: u32,
    main: u32,
    aliases: HashMap<(&'a str, ExportKind), u32>,
}

impl<'a> Wrapper<'a> {
    fn new(wrapping: &'a Wrapping<'a>, world: &'a ComponentWorld) -> Self {
        Wrapper {
            wrapping,
            world,
            types: TypeWriter::new(world.types.as_ref().as_ref()),
            needs: SurfaceNeeds::new(wrapping.program),
            resources: Resources::new(wrapping.program),
            imports: IndexMap::new(),
            hosts: HashMap::new(),
            host_instances: HashMap::new(),
            module: 0,
            main: 0,
            aliases: HashMap::new(),
        }
    }

    fn import_world(&mut self) -> Result<(), WrapError> {
        let used = self.used_modules()?;
        for (name, ty) in &self.world.imports {
            if matches!(ty, ComponentEntityType::Module(_)) && !used.contains(name.as_str()) {
                continue;
            }
            let reference = self.types.type_ref(ty).map_err(|e| e.within(name))?;
            let item = self.world.types.as_ref().as_ref().component_item_for_import(name);
            let index = self.types.component().import(extern_name(name, item), reference);
            self.types.register(ty, index);
            self.imports.insert(name, (index, *ty));
        }
        Ok(())
    }

    /// The root's imports with core modules of which the merged module imports something. Nobody misses the
    /// others: who supplies a component with more than it imports supplies it well.
    fn used_modules(&self) -> Result<HashSet<&'a str>, WrapError> {
        let (wrapping, program) = (self.wrapping, self.wrapping.program);
        let imported = wrapping.imported()?;
        let mut used = HashSet::new();
        for ((module, name), _) in linkage::imports(&wrapping.module)? {
            if let Some(Imported::Supplied(of)) = imported.get(&(module.as_str(), name.as_str())) {
                let module = program.host_instances[of.instance.index()];
                let path = &program.host_modules[module.index()].path;
                used.extend(path.first().map(String::as_str));
            }
        }
        Ok(used)
    }

    /// The index of the component function that is a host function.
    fn host(&mut self, host: HostFuncId) -> Result<u32, WrapError> {
        if let Some(&index) = self.hosts.get(&host) {
            return Ok(index);
        }
        let path = self.wrapping.host_path(host)?;
        let index = self.imported(path)?;
        self.hosts.insert(host, index);
        Ok(index)
    }

    /// The index of a function or core module that the root imports.
    fn imported(&mut self, path: &[String]) -> Result<u32, WrapError> {
        let unknown = || WrapError::Internal(format!("no import `{}`", path.join("` / `")));
        let (first, rest) = path.split_first().ok_or_else(unknown)?;
        let (mut index, mut ty) = *self.imports.get(first.as_str()).ok_or_else(unknown)?;
        for name in rest {
            let ComponentEntityType::Instance(id) = ty else { return Err(unknown()) };
            ty = self.types.types()[id].exports.get(name).ok_or_else(unknown)?.ty;
            let kind = match ty {
                ComponentEntityType::Func(_) => ComponentExportKind::Func,
                ComponentEntityType::Module(_) => ComponentExportKind::Module,
                _ => ComponentExportKind::Instance,
            };
            index = self.types.component().alias_export(index, name, kind);
        }
        match ty {
            ComponentEntityType::Func(_) | ComponentEntityType::Module(_) => Ok(index),
            _ => Err(unknown()),
        }
    }

    /// Instantiates the merged module with its imports.
    fn instantiate(&mut self) -> Result<(), WrapError> {
        let wrapping = self.wrapping;
        let mut arguments: IndexMap<&str, Vec<(&str, Argument)>> = IndexMap::new();
        let mut deferred: Vec<Deferred<'a>> = Vec::new();
        let mut builtins: Vec<(&ResourceBuiltin, usize)> = Vec::new();
        let imported = wrapping.imported()?;
        for ((module, name), signature) in linkage::imports(&wrapping.module)? {
            let Some(&imported) = imported.get(&(module.as_str(), name.as_str())) else {
                return Err(WrapError::Import { module, name });
            };
            let (module, name, argument) = match imported {
                Imported::Builtin(builtin) => {
                    let of_module = arguments.get(&*builtin.module).map_or(0, Vec::len);
                    builtins.push((builtin, of_module));
                    // Its resource type is defined when the shim exists.
                    (&builtin.module, &builtin.name, Argument::Function(0))
                }
                Imported::Supplied(supplied) => {
                    let function = self.supplied(supplied)?;
                    (&supplied.module, &supplied.import, Argument::Function(function))
                }
                Imported::Lowered(lowered) => {
                    let func = self.host(lowered.host)?;
                    let needs = self.needs.lower(lowered.host)?;
                    let argument = if needs.memory {
                        let path = wrapping.host_path(lowered.host)?;
                        deferred.push(Deferred { lowered, path, signature, func, needs });
                        Argument::Shim(deferred.len() - 1)
                    } else {
                        Argument::Function(self.types.component().lower_func(None, func, []))
                    };
                    (&lowered.module, &lowered.name, argument)
                }
            };
            arguments.entry(module).or_default().push((name, argument));
        }
        let trampolines = Trampolines::new(&deferred, &wrapping.destructors);
        let shim = self.instantiate_shim(&trampolines);
        self.define_resources(shim, deferred.len())?;
        for (builtin, position) in builtins {
            let index = self.builtin(builtin)?;
            if let Some(of_module) = arguments.get_mut(&*builtin.module) {
                of_module[position].1 = Argument::Function(index);
            }
        }

        let component = self.types.component();
        let mut instances = Vec::with_capacity(arguments.len());
        for (module, functions) in &arguments {
            let mut exports = Vec::with_capacity(functions.len());
            for &(name, argument) in functions {
                let index = match argument {
                    Argument::Function(index) => index,
                    Argument::Shim(position) => of_shim(component, shim, position)?,
                };
                exports.push((name, ExportKind::Func, index));
            }
            let instance = component.core_instantiate_exports(None, exports);
            instances.push((*module, ModuleArg::Instance(instance)));
        }
        // Only the shim is defined before it; modules that are imported are not defined here.
        self.module = u32::from(shim.is_some());
        let fused = component.core_module_raw(Some("fused"), &wasm_encoder::Module::HEADER);
        self.main = component.core_instantiate(Some("fused"), fused, instances);

        if let Some(shim) = shim {
            self.instantiate_fixup(&deferred, &trampolines.signatures, shim)?;
        }
        if let Some(start) = &wrapping.start {
            let function = self.main_export(start, ExportKind::Func);
            let component = self.types.component();
            let exports = [("start", ExportKind::Func, function)];
            let instance = component.core_instantiate_exports(None, exports);
            let starter = component.core_module_raw(Some("starter"), &linkage::starter()?);
            let arguments = [("", ModuleArg::Instance(instance))];
            component.core_instantiate(Some("starter"), starter, arguments);
        }
        Ok(())
    }

    /// The core function that an imported core module supplies.
    fn supplied(&mut self, supplied: &Supplied) -> Result<u32, WrapError> {
        let instance = match self.host_instances.get(&supplied.instance) {
            Some(instance) => *instance,
            None => {
                let program = self.wrapping.program;
                let module = program.host_instances[supplied.instance.index()];
                let index = self.imported(&program.host_modules[module.index()].path)?;
                let instance = self.types.component().core_instantiate(None, index, []);
                self.host_instances.insert(supplied.instance, instance);
                instance
            }
        };
        let component = self.types.component();
        Ok(component.core_alias_export(None, instance, &supplied.export, ExportKind::Func))
    }

    /// Instantiates the shim, if there is need for one.
    fn instantiate_shim(&mut self, trampolines: &Trampolines) -> Option<u32> {
        let Trampolines { signatures, names } = trampolines;
        if signatures.is_empty() {
            return None;
        }
        let component = self.types.component();
        let module = component.core_module(Some("shim"), &linkage::shim(signatures, names));
        Some(component.core_instantiate(Some("shim"), module, []))
    }

    /// Defines the resource types of guests that the root exports. Their destructors stand in the
    /// shim, from `first` on.
    fn define_resources(&mut self, shim: Option<u32>, first: usize) -> Result<(), WrapError> {
        let destructors = (first..).zip(&self.wrapping.destructors);
        let positions: HashMap<ResourceId, usize> =
            destructors.map(|(position, destructor)| (destructor.resource, position)).collect();
        for (resource, shown) in self.resources.defined() {
            let id = shown.id(self.world)?;
            let component = self.types.component();
            let destructor = match positions.get(&resource) {
                Some(position) => Some(of_shim(component, shim, *position)?),
                None => None,
            };
            let index = component.type_resource(None, ValType::I32, destructor);
            self.types.define_resource(id, index);
        }
        Ok(())
    }

    /// The core function that is a built-in.
    fn builtin(&mut self, builtin: &ResourceBuiltin) -> Result<u32, WrapError> {
        let id = self.resources.find(builtin.resource)?.id(self.world)?;
        let ty = self.types.type_index(id.into())?;
        let component = self.types.component();
        Ok(match builtin.operation {
            ResourceOperation::New => component.resource_new(ty),
            ResourceOperation::Rep => component.resource_rep(ty),
            ResourceOperation::Drop => component.resource_drop(ty),
        })
    }

    /// Lowers the deferred functions and fills the shim's table with them and with destructors.
    fn instantiate_fixup(
        &mut self,
        deferred: &[Deferred<'a>],
        signatures: &[Signature],
        shim: u32,
    ) -> Result<(), WrapError> {
        let mut exports = Vec::with_capacity(signatures.len() + 1);
        for (position, deferred) in deferred.iter().enumerate() {
            let Deferred { lowered, path, func, needs, .. } = deferred;
            let options = self.options(*needs, lowered.encoding, &lowered.memory, &lowered.realloc);
            let options = options.map_err(|option| WrapError::MissingOption {
                function: format!("the import `{}`", path.join("` / `")),
                option,
            })?;
            let index = self.types.component().lower_func(None, *func, options);
            exports.push((position.to_string(), ExportKind::Func, index));
        }
        for (position, destructor) in (deferred.len()..).zip(&self.wrapping.destructors) {
            let index = self.main_export(&destructor.export, ExportKind::Func);
            exports.push((position.to_string(), ExportKind::Func, index));
        }
        let component = self.types.component();
        let table = component.core_alias_export(None, shim, linkage::TABLE, ExportKind::Table);
        exports.push((linkage::TABLE.to_string(), ExportKind::Table, table));
        let exports: Vec<_> = exports.iter().map(|(n, kind, i)| (n.as_str(), *kind, *i)).collect();
        let instance = component.core_instantiate_exports(None, exports);
        let module = component.core_module(Some("fixup"), &linkage::fixup(signatures));
        component.core_instantiate(Some("fixup"), module, [("", ModuleArg::Instance(instance))]);
        Ok(())
    }

    /// The canonical options for these needs, or the name of the one that is missing.
    fn options(
        &mut self,
        needs: Needs,
        encoding: StringEncoding,
        memory: &'a Option<String>,
        realloc: &'a Option<String>,
    ) -> Result<Vec<CanonicalOption>, &'static str> {
        let mut options = Vec::new();
        if needs.strings {
            options.push(match encoding {
                StringEncoding::Utf8 => CanonicalOption::UTF8,
                StringEncoding::Utf16 => CanonicalOption::UTF16,
                StringEncoding::Latin1Utf16 => CanonicalOption::CompactUTF16,
            });
        }
        if needs.memory {
            let memory = memory.as_deref().ok_or("memory")?;
            options.push(CanonicalOption::Memory(self.main_export(memory, ExportKind::Memory)));
        }
        if needs.realloc {
            let realloc = realloc.as_deref().ok_or("realloc")?;
            options.push(CanonicalOption::Realloc(self.main_export(realloc, ExportKind::Func)));
        }
        Ok(options)
    }

    /// An export of the merged module's instance, aliased once.
    fn main_export(&mut self, name: &'a str, kind: ExportKind) -> u32 {
        let main = self.main;
        let component = self.types.component();
        *self
            .aliases
            .entry((name, kind))
            .or_insert_with(|| component.core_alias_export(Some(name), main, name, kind))
    }

    fn export_world(&mut self) -> Result<(), WrapError> {
        let world = self.world;
        for (name, ty, item) in &world.exports {
            let context = |e: WrapError| e.within(name);
            let (kind, index, ascribed) = match (ty, item) {
                (ComponentEntityType::Func(id), WorldItem::Func(export)) => {
                    let index = self.exported_func(*export, *id).map_err(context)?;
                    let ascribed = self.types.type_ref(ty).map_err(context)?;
                    (ComponentExportKind::Func, index, Some(ascribed))
                }
                (ComponentEntityType::Instance(id), WorldItem::Instance(items)) => {
                    let index = self.exported_instance(*id, items).map_err(context)?;
                    let ascribed = self.types.type_ref(ty).map_err(context)?;
                    (ComponentExportKind::Instance, index, Some(ascribed))
                }
                (ComponentEntityType::Type { referenced, .. }, WorldItem::Type) => {
                    let index = self.types.type_index(*referenced).map_err(context)?;
                    (ComponentExportKind::Type, index, None)
                }
                (ComponentEntityType::Module(_), _) => {
                    return Err(context(WrapError::kind("a core module")));
                }
                (ComponentEntityType::Component(_), _) => {
                    return Err(context(WrapError::kind("a component")));
                }
                (ComponentEntityType::Value(_), _) => {
                    return Err(context(WrapError::kind("a value")));
                }
                _ => return Err(super::exports::mismatch(name)),
            };
            let item = world.types.as_ref().as_ref().component_item_for_export(name);
            let name = extern_name(name, item);
            let index = self.types.component().export(name, kind, index, ascribed);
            self.types.register(ty, index);
        }
        Ok(())
    }

    /// The component function that a root export of type `ty` is, lifted if need be.
    pub fn exported_func(
        &mut self,
        export: u32,
        ty: ComponentFuncTypeId,
    ) -> Result<u32, WrapError> {
        let wrapping = self.wrapping;
        let position = export as usize;
        let (Some(root), Some(lifted)) =
            (wrapping.program.root_exports.get(position), wrapping.lifts.get(position))
        else {
            return Err(WrapError::Internal(format!("root export {export} is not described")));
        };
        match lifted {
            Lifted::Host(host) => self.host(*host),
            Lifted::Core { export, encoding, memory, realloc, post_return } => {
                let needs = self.needs.lift(position)?;
                let mut options =
                    self.options(needs, *encoding, memory, realloc).map_err(|option| {
                        WrapError::MissingOption {
                            function: format!("the export `{}`", root.path.join("` / `")),
                            option,
                        }
                    })?;
                if let Some(post_return) = post_return {
                    let index = self.main_export(post_return, ExportKind::Func);
                    options.push(CanonicalOption::PostReturn(index));
                }
                let function = self.main_export(export, ExportKind::Func);
                let ty = self.types.func_type(ty)?;
                Ok(self.types.component().lift_func(None, function, ty, options))
            }
        }
    }

    /// The component without the merged module, for which an empty one stood until now.
    fn finish(self) -> Result<Face, WrapError> {
        let place = self.module;
        let mut component = self.types.finish();
        limits::check(&component)?;
        component.append_names();
        let mut field = ProducersField::new();
        field.value("meld", env!("CARGO_PKG_VERSION"));
        let mut producers = ProducersSection::new();
        producers.field("processed-by", &field);
        let mut head = component.finish();
        producers.append_to(&mut head);

        let module = core_module(&head, place)?;
        let tail = head.split_off(module.end);
        head.truncate(module.start);
        // In place of the empty module's, the last byte of which is in front of its contents.
        head.pop();
        Ok(Face { head, sized: true, replaces: 0, tail })
    }
}

/// Where in a component the core module is that it defines at this position.
fn core_module(component: &[u8], index: u32) -> Result<Range<usize>, WrapError> {
    let internal = |text: String| WrapError::Internal(text);
    let (mut depth, mut seen) = (0, 0);
    for payload in Parser::new(0).parse_all(component) {
        match payload.map_err(|e| internal(e.to_string()))? {
            Payload::Version { .. } => depth += 1,
            Payload::End(_) => depth -= 1,
            Payload::ModuleSection { unchecked_range, .. } if depth == 1 => {
                if seen == index {
                    return Ok(unchecked_range);
                }
                seen += 1;
            }
            _ => {}
        }
    }
    Err(internal(format!("the component has no core module {index}")))
}

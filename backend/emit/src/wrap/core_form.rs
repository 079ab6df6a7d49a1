//! Gives the merged core module the names by which tools know host imports and exports: the core
//! ABI of `wit-component`, in which the names are those of the WIT world.

use super::face::{self, Face};
use super::resources::Resources;
use super::{Imported, Lifted, Supplied, SurfaceNeeds, WrapError, Wrapping};
use indexmap::IndexMap;
use meld_component::needs::Needs;
use meld_component::program::{HostModuleId, StringEncoding};
use std::collections::HashMap;
use wasm_encoder::{EntityType, ExportKind, ExportSection, ImportSection, RawSection, Section};
use wasmparser::{BinaryReaderError, Payload, TypeRef};

/// The name under which a module exports the memory that the host reads and writes.
pub const MEMORY: &str = "memory";
/// The name under which a module exports the function that allocates for the host.
pub const REALLOC: &str = "cabi_realloc";
/// The name of the exported function that is to be called before any other.
pub const INITIALIZE: &str = "_initialize";

/// The two names of the core import for a host function, given the names from the root import
/// down to it: interface and function, or `$root` and function. None if it is deeper.
pub fn core_import_name(path: &[String]) -> Option<(&str, &str)> {
    match path {
        [function] => Some(("$root", function)),
        [interface, function] => Some((interface, function)),
        _ => None,
    }
}

/// The name of the core export for a function that the root exports, given the names from the
/// root export down to it: `interface#function`, or the function alone. None if it is deeper.
pub fn core_export_name(path: &[String]) -> Option<String> {
    match path {
        [function] => Some(function.clone()),
        [interface, function] => Some(format!("{interface}#{function}")),
        _ => None,
    }
}

/// The name of the core export that is to be called with the results of the function that is
/// exported as `export`.
pub fn core_post_return_name(export: &str) -> String {
    format!("cabi_post_{export}")
}

/// A core module that hosts and tools can use by the names of its WIT world.
#[derive(Clone, Debug)]
pub struct CoreForm {
    /// The module.
    pub bytes: Vec<u8>,
    /// How strings that cross the module's surface are encoded; see [`super::WitWorld`].
    pub encoding: StringEncoding,
}

/// Renames imports and exports of the merged module. Exports that no function of the world needs
/// are left out.
///
/// # Errors
///
/// If the world cannot be had by way of a core module: several memories, allocators or string
/// encodings at the border, functions in nested instances, imports that are exported again.
pub fn core_module(mut wrapping: Wrapping<'_>) -> Result<CoreForm, WrapError> {
    let (face, encoding) = core_face(&wrapping)?;
    let bytes = face.on(std::mem::take(&mut wrapping.module));
    let bytes = bytes.map_err(|error| WrapError::Internal(error.to_string()))?;
    Ok(CoreForm { bytes, encoding })
}

/// The sections up to the exports under new names, and the encoding of strings. Only the merged
/// module's head is looked at.
pub(crate) fn core_face(wrapping: &Wrapping<'_>) -> Result<(Face, StringEncoding), WrapError> {
    wrapping.world()?;
    let parts = Parts::read(&wrapping.module)?;
    let mut surface = CoreSurface::new(wrapping, &parts)?;
    let mut imports = Vec::with_capacity(parts.imports.len());
    for import in &parts.imports {
        imports.push(surface.import(import)?);
    }
    surface.check_supplied(&imports)?;
    for (index, lifted) in wrapping.lifts.iter().enumerate() {
        surface.lift(index, lifted)?;
    }
    for destructor in &wrapping.destructors {
        let name = surface.resources.find(destructor.resource)?.core_destructor()?;
        surface.export(name, &destructor.export, ExportKind::Func)?;
    }
    if let Some(start) = &wrapping.start {
        surface.export(INITIALIZE.to_string(), start, ExportKind::Func)?;
    }
    if let Some((name, _)) = &surface.memory {
        surface.export(MEMORY.to_string(), name, ExportKind::Memory)?;
    }
    if let Some((name, _)) = &surface.realloc {
        surface.export(REALLOC.to_string(), name, ExportKind::Func)?;
    }
    let encoding = surface.encoding.map_or(StringEncoding::Utf8, |(encoding, _)| encoding);
    let face = rename(&wrapping.module, &imports, &surface.exports)?;
    Ok((face, encoding))
}

fn malformed(error: BinaryReaderError) -> WrapError {
    WrapError::Internal(error.to_string())
}

/// A function that a module imports.
struct Import<'a> {
    module: &'a str,
    name: &'a str,
    /// Index of its type.
    ty: u32,
}

/// What the merged module imports and exports.
struct Parts<'a> {
    imports: Vec<Import<'a>>,
    exports: HashMap<&'a str, (ExportKind, u32)>,
}

impl<'a> Parts<'a> {
    fn read(module: &'a [u8]) -> Result<Parts<'a>, WrapError> {
        let mut parts = Parts { imports: Vec::new(), exports: HashMap::new() };
        for payload in face::head(module) {
            match payload? {
                Payload::ImportSection(section) => {
                    for import in section.into_imports() {
                        let import = import.map_err(malformed)?;
                        let (module, name) = (import.module, import.name);
                        let TypeRef::Func(ty) = import.ty else {
                            let (module, name) = (module.to_string(), name.to_string());
                            return Err(WrapError::Import { module, name });
                        };
                        parts.imports.push(Import { module, name, ty });
                    }
                }
                Payload::ExportSection(section) => {
                    for export in section {
                        let export = export.map_err(malformed)?;
                        parts.exports.insert(export.name, (export.kind.into(), export.index));
                    }
                    break;
                }
                _ => {}
            }
        }
        Ok(parts)
    }

    /// The index of an export of that kind.
    fn export(&self, name: &str, kind: ExportKind) -> Result<u32, WrapError> {
        match self.exports.get(name) {
            Some(&(found, index)) if found == kind => Ok(index),
            _ => Err(WrapError::Internal(format!("the merged module has no export `{name}`"))),
        }
    }
}

/// What the functions of the world need of the one memory and allocator that a core module can
/// offer, and the exports so far.
struct CoreSurface<'a> {
    wrapping: &'a Wrapping<'a>,
    parts: &'a Parts<'a>,
    needs: SurfaceNeeds<'a>,
    resources: Resources<'a>,
    /// What each import of the merged module is, by its two names.
    imported: HashMap<(&'a str, &'a str), Imported<'a>>,
    /// An export of the merged module, and the function that needs it.
    memory: Option<(&'a str, String)>,
    realloc: Option<(&'a str, String)>,
    encoding: Option<(StringEncoding, String)>,
    exports: IndexMap<String, (ExportKind, u32)>,
}

impl<'a> CoreSurface<'a> {
    fn new(wrapping: &'a Wrapping<'a>, parts: &'a Parts<'a>) -> Result<Self, WrapError> {
        Ok(CoreSurface {
            wrapping,
            parts,
            needs: SurfaceNeeds::new(wrapping.program),
            resources: Resources::new(wrapping.program),
            imported: wrapping.imported()?,
            memory: None,
            realloc: None,
            encoding: None,
            exports: IndexMap::new(),
        })
    }

    /// The new names of a core import, with its type.
    fn import(&mut self, import: &Import<'_>) -> Result<(String, String, u32), WrapError> {
        let lowered = match self.imported.get(&(import.module, import.name)) {
            Some(Imported::Builtin(builtin)) => {
                let shown = self.resources.find(builtin.resource)?;
                let (module, name) = shown.core_names(builtin.operation)?;
                return Ok((module, name, import.ty));
            }
            Some(Imported::Supplied(supplied)) => {
                return Ok((supplied.module.clone(), supplied.name.clone(), import.ty));
            }
            Some(Imported::Lowered(lowered)) => *lowered,
            None => {
                let (module, name) = (import.module.to_string(), import.name.to_string());
                return Err(WrapError::Import { module, name });
            }
        };
        let path = self.wrapping.host_path(lowered.host)?;
        let (module, name) =
            core_import_name(path).ok_or_else(|| WrapError::Nested { path: path.to_vec() })?;
        let needs = self.needs.lower(lowered.host)?;
        let function = format!("the import `{}`", path.join("` / `"));
        self.require(needs, function, lowered.encoding, &lowered.memory, &lowered.realloc)?;
        Ok((module.to_string(), name.to_string(), import.ty))
    }

    /// Holds functions of core modules that the root imports apart from others: `imports` has the new names of all
    /// imports.
    fn check_supplied(&self, imports: &[(String, String, u32)]) -> Result<(), WrapError> {
        let program = self.wrapping.program;
        let mut names: HashMap<(&str, &str), usize> = HashMap::new();
        for (module, name, _) in imports {
            *names.entry((module, name)).or_default() += 1;
        }
        let mut modules: HashMap<&str, HostModuleId> = HashMap::new();
        for import in &self.parts.imports {
            let Some(Imported::Supplied(supplied)) =
                self.imported.get(&(import.module, import.name))
            else {
                continue;
            };
            let Supplied { module, name, instance, .. } = supplied;
            if names[&(&**module, &**name)] > 1 {
                return Err(WrapError::HostNames { module: module.clone(), name: name.clone() });
            }
            let id = program.host_instances[instance.index()];
            let first = *modules.entry(module).or_insert(id);
            if first != id {
                let path = |id: HostModuleId| program.host_modules[id.index()].path.join("` / `");
                let (first, second, module) = (path(first), path(id), module.clone());
                return Err(WrapError::HostModules { module, first, second });
            }
        }
        Ok(())
    }

    /// Exports a function of the world under its name.
    fn lift(&mut self, index: usize, lifted: &'a Lifted) -> Result<(), WrapError> {
        let Some(root) = self.wrapping.program.root_exports.get(index) else {
            return Err(WrapError::Internal(format!("there is no root export {index}")));
        };
        let path = &root.path;
        let name =
            core_export_name(path).ok_or_else(|| WrapError::Nested { path: path.clone() })?;
        match lifted {
            Lifted::Host(host) => Err(WrapError::ReExport {
                export: path.join("` / `"),
                import: self.wrapping.host_path(*host)?.join("` / `"),
            }),
            Lifted::Core { export, encoding, memory, realloc, post_return } => {
                let needs = self.needs.lift(index)?;
                let function = format!("the export `{}`", path.join("` / `"));
                self.require(needs, function, *encoding, memory, realloc)?;
                if let Some(post_return) = post_return {
                    let name = core_post_return_name(&name);
                    self.export(name, post_return, ExportKind::Func)?;
                }
                self.export(name, export, ExportKind::Func)
            }
        }
    }

    /// Exports under `name` what the merged module exports as `from`.
    fn export(&mut self, name: String, from: &str, kind: ExportKind) -> Result<(), WrapError> {
        let index = self.parts.export(from, kind)?;
        match self.exports.insert(name.clone(), (kind, index)) {
            None => Ok(()),
            Some(_) => Err(WrapError::Reserved { name }),
        }
    }

    /// Notes what a function needs; an error if others need another.
    fn require(
        &mut self,
        needs: Needs,
        function: String,
        encoding: StringEncoding,
        memory: &'a Option<String>,
        realloc: &'a Option<String>,
    ) -> Result<(), WrapError> {
        let several = |what, first: &str, second: &str| WrapError::Several {
            what,
            first: first.to_string(),
            second: second.to_string(),
        };
        let missing = |option| WrapError::MissingOption { function: function.clone(), option };
        if needs.strings {
            match &self.encoding {
                None => self.encoding = Some((encoding, function.clone())),
                Some((known, first)) if *known != encoding => {
                    return Err(several("string encoding", first, &function));
                }
                Some(_) => {}
            }
        }
        let parts = self.parts;
        let one = |slot: &mut Option<(&'a str, String)>, name: &'a str, what, kind| {
            let index = parts.export(name, kind)?;
            match slot {
                None => *slot = Some((name, function.clone())),
                Some((known, first)) if parts.export(known, kind)? != index => {
                    return Err(several(what, first, &function));
                }
                Some(_) => {}
            }
            Ok(())
        };
        if needs.memory {
            let name = memory.as_deref().ok_or_else(|| missing("memory"))?;
            one(&mut self.memory, name, "memory", ExportKind::Memory)?;
        }
        if needs.realloc {
            let name = realloc.as_deref().ok_or_else(|| missing("realloc"))?;
            one(&mut self.realloc, name, "realloc function", ExportKind::Func)?;
        }
        Ok(())
    }
}

/// The module's first sections with other names of imports and with other exports. A module
/// without exports, so without any function of the world, has no section to replace.
fn rename(
    module: &[u8],
    imports: &[(String, String, u32)],
    exports: &IndexMap<String, (ExportKind, u32)>,
) -> Result<Face, WrapError> {
    let mut import_section = ImportSection::new();
    for (module, name, ty) in imports {
        import_section.import(module, name, EntityType::Function(*ty));
    }
    let mut export_section = ExportSection::new();
    for (name, (kind, index)) in exports {
        export_section.export(name, *kind, *index);
    }
    let mut head = wasm_encoder::Module::HEADER.to_vec();
    let mut replaces = head.len();
    for payload in face::head(module) {
        let payload = payload?;
        let Some((id, range)) = payload.as_section() else { continue };
        replaces = range.end;
        match payload {
            Payload::ImportSection(_) => import_section.append_to(&mut head),
            Payload::ExportSection(_) => {
                export_section.append_to(&mut head);
                break;
            }
            _ => RawSection { id, data: &module[range] }.append_to(&mut head),
        }
    }
    Ok(Face { head, sized: false, replaces, tail: Vec::new() })
}

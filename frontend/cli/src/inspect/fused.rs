//! Inspection of a module that meld made, by the names it gave.

use super::face::face;
use super::{FusedInspection, FusedMemory, HandleTable, Origin};
use indexmap::IndexMap;
use std::ops::Range;
use wasmparser::{Export, ExternalKind, KnownCustom, MemoryType, Name, Parser, Payload, TypeRef};

/// Where parts came from; none if no module in there was made by meld.
pub fn inspect(bytes: &[u8]) -> Option<FusedInspection> {
    let range = fused_module(bytes)?;
    let module = &bytes[range];
    let (mut functions, mut bodies, mut imported) = (Vec::new(), Vec::new(), 0);
    let face = face(String::new(), module);
    let mut fused = FusedInspection {
        bytes: bytes.len(),
        module_bytes: module.len(),
        origins: Vec::new(),
        world: None,
        imports: face.imports,
        exports: face.exports,
        memories: Vec::new(),
        handle_tables: Vec::new(),
    };
    for payload in Parser::new(0).parse_all(module) {
        match payload.ok()? {
            Payload::ImportSection(section) => {
                for import in section.into_imports() {
                    let import = import.ok()?;
                    match import.ty {
                        TypeRef::Func(_) | TypeRef::FuncExact(_) => imported += 1,
                        TypeRef::Memory(ty) => {
                            fused.memories.push(memory(ty, Some("host".to_string())));
                        }
                        _ => {}
                    }
                }
            }
            Payload::MemorySection(section) => {
                fused.memories.extend(section.into_iter().flatten().map(|ty| memory(ty, None)));
            }
            Payload::ExportSection(section) => {
                let is_memory = |export: &Export<'_>| export.kind == ExternalKind::Memory;
                for export in section.into_iter().flatten().filter(is_memory) {
                    let memory = fused.memories.get_mut(export.index as usize);
                    memory.into_iter().for_each(|m| m.exported_as.push(export.name.to_string()));
                }
            }
            Payload::CodeSectionEntry(body) => bodies.push(body.range().len()),
            Payload::CustomSection(section) => {
                let KnownCustom::Name(section) = section.as_known() else { continue };
                for names in section.into_iter().flatten() {
                    match names {
                        Name::Function(map) => functions.extend(map.into_iter().flatten()),
                        Name::Memory(map) => {
                            for naming in map.into_iter().flatten() {
                                let memory = fused.memories.get_mut(naming.index as usize);
                                let Some(memory) = memory else { continue };
                                let (owner, _) = origin(naming.name);
                                memory.owner.get_or_insert_with(|| owner.to_string());
                                memory.name = Some(naming.name.to_string());
                            }
                        }
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }
    let mut origins: IndexMap<&str, Origin> = IndexMap::new();
    for naming in functions {
        let body = (naming.index as usize).checked_sub(imported);
        let Some(code_bytes) = body.and_then(|body| bodies.get(body)) else { continue };
        let (origin, by_meld) = origin(naming.name);
        let entry = origins.entry(origin).or_insert_with(|| Origin {
            name: origin.to_string(),
            by_meld,
            functions: 0,
            code_bytes: 0,
        });
        entry.functions += 1;
        entry.code_bytes += code_bytes;
    }
    fused.origins = origins.into_values().collect();
    let tables = fused.memories.iter().enumerate().filter_map(|(memory, named)| {
        let instance = table_of(named.name.as_deref()?)?.to_string();
        Some(HandleTable { instance, memory })
    });
    fused.handle_tables = tables.collect();
    Some(fused)
}

fn memory(ty: MemoryType, owner: Option<String>) -> FusedMemory {
    FusedMemory { owner, name: None, exported_as: Vec::new(), memory: super::memory(ty) }
}

/// The instance whose table of handles a memory is, by the memory's name.
fn table_of(memory: &str) -> Option<&str> {
    memory.strip_prefix("meld.resources.handle-table(")?.strip_suffix(")!entries")
}

/// What an item's name says of where it is from, and whether that is meld:
/// `meld:trap:invalid-utf8` is from `meld:trap`, `greeter/main!memory` from `greeter/main`.
fn origin(name: &str) -> (&str, bool) {
    match name.strip_prefix("meld:") {
        Some(rest) => (&name[..5 + rest.find([':', '!']).unwrap_or(rest.len())], true),
        None => {
            let origin = name.split_once('!').map_or(name, |(origin, _)| origin);
            // Names of packs have dots where paths of instances have slashes; whose instance of the pack's
            // module it is may stand behind.
            let module = origin.split_once('(').map_or(origin, |(module, _)| module);
            (origin, module.starts_with("meld.") && !module.contains('/'))
        }
    }
}

/// The core module that meld's producers entry stands in: the bytes themselves, or a module in
/// them.
fn fused_module(bytes: &[u8]) -> Option<Range<usize>> {
    let whole = 0..bytes.len();
    let mut stack = Vec::from([whole]);
    for payload in Parser::new(0).parse_all(bytes) {
        match payload.ok()? {
            Payload::ModuleSection { unchecked_range, .. } => stack.push(unchecked_range),
            Payload::ComponentSection { unchecked_range, .. } => stack.push(unchecked_range),
            Payload::End(_) => {
                stack.pop();
            }
            Payload::CustomSection(section) => {
                if let KnownCustom::Producers(fields) = section.as_known()
                    && Parser::is_core_wasm(&bytes[stack.last()?.clone()])
                    && fields.into_iter().flatten().any(|field| {
                        field.name == "processed-by"
                            && field.values.into_iter().flatten().any(|v| v.name == "meld")
                    })
                {
                    return stack.pop();
                }
            }
            _ => {}
        }
    }
    None
}

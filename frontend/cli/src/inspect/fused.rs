//! Inspection of a module that meld made, by the names it gave.

use super::{FusedInspection, Origin};
use indexmap::IndexMap;
use std::ops::Range;
use wasmparser::{KnownCustom, Name, Parser, Payload, TypeRef};

/// Where parts came from; none if no module in there was made by meld.
pub fn inspect(bytes: &[u8]) -> Option<FusedInspection> {
    let range = fused_module(bytes)?;
    let module = &bytes[range];
    let (mut names, mut bodies, mut imported) = (Vec::new(), Vec::new(), 0);
    let mut fused = FusedInspection {
        bytes: bytes.len(),
        module_bytes: module.len(),
        origins: Vec::new(),
        imports: Vec::new(),
        exports: Vec::new(),
        memories: Vec::new(),
    };
    for payload in Parser::new(0).parse_all(module) {
        match payload.ok()? {
            Payload::ImportSection(section) => {
                for import in section.into_imports() {
                    let import = import.ok()?;
                    imported +=
                        usize::from(matches!(import.ty, TypeRef::Func(_) | TypeRef::FuncExact(_)));
                    fused.imports.push(format!("{} {}", import.module, import.name));
                }
            }
            Payload::MemorySection(section) => {
                fused.memories.extend(section.into_iter().flatten().map(super::memory));
            }
            Payload::ExportSection(section) => {
                fused.exports.extend(section.into_iter().flatten().map(|e| e.name.to_string()));
            }
            Payload::CodeSectionEntry(body) => bodies.push(body.range().len()),
            Payload::CustomSection(section) => {
                if let KnownCustom::Name(section) = section.as_known() {
                    for name in section.into_iter().flatten() {
                        if let Name::Function(map) = name {
                            names.extend(map.into_iter().flatten().map(|n| (n.index, n.name)));
                        }
                    }
                }
            }
            _ => {}
        }
    }
    let mut origins: IndexMap<&str, Origin> = IndexMap::new();
    for (index, name) in names {
        let Some(code_bytes) = (index as usize).checked_sub(imported).and_then(|i| bodies.get(i))
        else {
            continue;
        };
        // `meld:trap:invalid-utf8` counts as `meld:trap`.
        let (origin, by_meld) = match name.strip_prefix("meld:") {
            Some(rest) => (&name[..5 + rest.find(':').unwrap_or(rest.len())], true),
            None => (name.split_once('!').map_or(name, |(origin, _)| origin), false),
        };
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
    Some(fused)
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

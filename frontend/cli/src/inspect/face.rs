//! What a core module imports and exports, with types.

use super::{CoreExport, CoreFace, CoreImport, text};
use wasmparser::{CompositeInnerType, ExternalKind, Parser, Payload, SubType, TypeRef, ValType};

/// Reads the face of a core module of this name; what cannot be read is left out.
pub fn face(name: String, module: &[u8]) -> CoreFace {
    let mut items = Items::default();
    let mut face = CoreFace { name, imports: Vec::new(), exports: Vec::new() };
    for payload in Parser::new(0).parse_all(module) {
        match payload {
            Ok(Payload::TypeSection(section)) => {
                let groups = section.into_iter().flatten();
                items.types.extend(groups.flat_map(|group| group.into_types()));
            }
            Ok(Payload::ImportSection(section)) => {
                for import in section.into_imports().flatten() {
                    items.push(import.ty);
                    face.imports.push(CoreImport {
                        module: import.module.to_string(),
                        name: import.name.to_string(),
                        ty: items.text(import.ty),
                    });
                }
            }
            Ok(Payload::FunctionSection(section)) => {
                section.into_iter().flatten().for_each(|ty| items.push(TypeRef::Func(ty)));
            }
            Ok(Payload::TableSection(section)) => {
                section
                    .into_iter()
                    .flatten()
                    .for_each(|table| items.push(TypeRef::Table(table.ty)));
            }
            Ok(Payload::MemorySection(section)) => {
                section.into_iter().flatten().for_each(|ty| items.push(TypeRef::Memory(ty)));
            }
            Ok(Payload::GlobalSection(section)) => {
                section.into_iter().flatten().for_each(|g| items.push(TypeRef::Global(g.ty)));
            }
            Ok(Payload::TagSection(section)) => {
                section.into_iter().flatten().for_each(|ty| items.push(TypeRef::Tag(ty)));
            }
            Ok(Payload::ExportSection(section)) => {
                for export in section.into_iter().flatten() {
                    let ty = items.of(export.kind).get(export.index as usize);
                    face.exports.push(CoreExport {
                        name: export.name.to_string(),
                        ty: ty.map(|ty| items.text(*ty)).unwrap_or_default(),
                    });
                }
            }
            Ok(_) => {}
            Err(_) => break,
        }
    }
    face
}

/// Types of a module's items, by kind and index.
#[derive(Default)]
struct Items {
    types: Vec<SubType>,
    funcs: Vec<TypeRef>,
    tables: Vec<TypeRef>,
    memories: Vec<TypeRef>,
    globals: Vec<TypeRef>,
    tags: Vec<TypeRef>,
}

impl Items {
    fn push(&mut self, ty: TypeRef) {
        match ty {
            TypeRef::Func(_) | TypeRef::FuncExact(_) => self.funcs.push(ty),
            TypeRef::Table(_) => self.tables.push(ty),
            TypeRef::Memory(_) => self.memories.push(ty),
            TypeRef::Global(_) => self.globals.push(ty),
            TypeRef::Tag(_) => self.tags.push(ty),
        }
    }

    fn of(&self, kind: ExternalKind) -> &[TypeRef] {
        match kind {
            ExternalKind::Func | ExternalKind::FuncExact => &self.funcs,
            ExternalKind::Table => &self.tables,
            ExternalKind::Memory => &self.memories,
            ExternalKind::Global => &self.globals,
            ExternalKind::Tag => &self.tags,
        }
    }

    fn text(&self, ty: TypeRef) -> String {
        match ty {
            TypeRef::Func(index) | TypeRef::FuncExact(index) => self.func("func", index),
            TypeRef::Tag(tag) => self.func("tag", tag.func_type_idx),
            TypeRef::Memory(ty) => format!("memory of {}", text::memory(&super::memory(ty))),
            TypeRef::Table(ty) => {
                let maximum = ty.maximum.map(|max| format!("..{max}")).unwrap_or_default();
                format!("table of {}{maximum} {}", ty.initial, ty.element_type)
            }
            TypeRef::Global(ty) => {
                format!("global {}{}", if ty.mutable { "mut " } else { "" }, ty.content_type)
            }
        }
    }

    fn func(&self, word: &str, index: u32) -> String {
        let ty = self.types.get(index as usize).map(|ty| &ty.composite_type.inner);
        let Some(CompositeInnerType::Func(ty)) = ty else { return word.to_string() };
        function(word, ty.params(), ty.results())
    }
}

/// A function type, or another one of that shape, by its word.
pub fn function(word: &str, params: &[ValType], results: &[ValType]) -> String {
    let list =
        |types: &[ValType]| types.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let results = match results {
        [] => String::new(),
        [result] => format!(" -> {result}"),
        results => format!(" -> ({})", list(results)),
    };
    format!("{word}({}){results}", list(params))
}

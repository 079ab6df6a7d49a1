//! Core modules of packs: read, validated, and compared with the parameters that supply their
//! imports.

use std::fmt;
use std::sync::Arc;
use wasmparser::types::{EntityType, Types};
use wasmparser::{
    FuncType, GlobalType, MemoryType, Parser, Payload, TableType, ValType, Validator,
};

/// Largest module, text or binary, in bytes.
pub(crate) const MAX_MODULE: usize = 16 << 20;

/// Most imports, and most exports, of one module.
const MAX_ITEMS: usize = 1000;

/// Kinds of core items, each with a sort of the same name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Func,
    Table,
    Memory,
    Global,
    Tag,
}

impl Kind {
    pub(crate) const ALL: [Kind; 5] =
        [Kind::Func, Kind::Table, Kind::Memory, Kind::Global, Kind::Tag];

    /// Name of the sort whose terms are items of this kind.
    pub(crate) fn sort(self) -> &'static str {
        match self {
            Kind::Func => "Func",
            Kind::Table => "Table",
            Kind::Memory => "Memory",
            Kind::Global => "Global",
            Kind::Tag => "Tag",
        }
    }
}

/// Type of an import or export, comparable across modules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ItemType {
    Func(FuncType),
    Table(TableType),
    Memory(MemoryType),
    Global(GlobalType),
    Tag(FuncType),
}

impl ItemType {
    pub(crate) fn kind(&self) -> Kind {
        match self {
            ItemType::Func(_) => Kind::Func,
            ItemType::Table(_) => Kind::Table,
            ItemType::Memory(_) => Kind::Memory,
            ItemType::Global(_) => Kind::Global,
            ItemType::Tag(_) => Kind::Tag,
        }
    }

    /// Whether an export of this type may supply an import of type `import` (core spec,
    /// "Import matching"). References to types by index cannot be compared across modules and
    /// are taken to fit; the merged module is validated in the end.
    pub(crate) fn supplies(&self, import: &ItemType) -> bool {
        let limits = |have: (u64, Option<u64>), need: (u64, Option<u64>)| {
            have.0 >= need.0 && need.1.is_none_or(|need| have.1.is_some_and(|have| have <= need))
        };
        match (self, import) {
            (ItemType::Func(have), ItemType::Func(need))
            | (ItemType::Tag(have), ItemType::Tag(need)) => {
                same(have.params(), need.params()) && same(have.results(), need.results())
            }
            (ItemType::Global(have), ItemType::Global(need)) => {
                have.mutable == need.mutable
                    && have.shared == need.shared
                    && same(&[have.content_type], &[need.content_type])
            }
            (ItemType::Memory(have), ItemType::Memory(need)) => {
                have.memory64 == need.memory64
                    && have.shared == need.shared
                    && have.page_size_log2 == need.page_size_log2
                    && limits((have.initial, have.maximum), (need.initial, need.maximum))
            }
            (ItemType::Table(have), ItemType::Table(need)) => {
                have.table64 == need.table64
                    && have.shared == need.shared
                    && same(&[ValType::Ref(have.element_type)], &[ValType::Ref(need.element_type)])
                    && limits((have.initial, have.maximum), (need.initial, need.maximum))
            }
            _ => false,
        }
    }
}

/// Whether two lists of types are the same, types by index apart.
fn same(a: &[ValType], b: &[ValType]) -> bool {
    let indexed = |ty: &ValType| ty.as_reference_type().is_some_and(|ty| ty.type_index().is_some());
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a == b || (indexed(a) && indexed(b)))
}

impl fmt::Display for ItemType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |types: &[ValType]| {
            types.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
        };
        let limits = |initial: u64, maximum: Option<u64>| match maximum {
            Some(maximum) => format!("{initial}..={maximum}"),
            None => format!("{initial}.."),
        };
        match self {
            ItemType::Func(ty) => {
                write!(f, "func ({}) -> ({})", list(ty.params()), list(ty.results()))
            }
            ItemType::Tag(ty) => write!(f, "tag ({})", list(ty.params())),
            ItemType::Global(ty) => {
                write!(f, "global {}{}", if ty.mutable { "mut " } else { "" }, ty.content_type)
            }
            ItemType::Memory(ty) => {
                let width = if ty.memory64 { "i64" } else { "i32" };
                let shared = if ty.shared { " shared" } else { "" };
                write!(f, "memory {width} {}{shared}", limits(ty.initial, ty.maximum))
            }
            ItemType::Table(ty) => {
                let width = if ty.table64 { "i64" } else { "i32" };
                write!(f, "table {width} {} {}", limits(ty.initial, ty.maximum), ty.element_type)
            }
        }
    }
}

/// An import of a module.
#[derive(Clone, Debug)]
pub(crate) struct Import {
    pub module: String,
    pub name: String,
    pub ty: ItemType,
}

/// A valid core module and its face.
#[derive(Clone, Debug)]
pub(crate) struct Loaded {
    pub bytes: Arc<[u8]>,
    pub imports: Vec<Import>,
    pub exports: Vec<(String, ItemType)>,
}

/// Why a module is refused.
#[derive(Debug)]
pub(crate) struct Refused {
    pub message: String,
    /// For text, line and column where it went wrong, both from 1.
    pub at: Option<(usize, usize)>,
}

/// Reads a module from a binary or from text, and validates it.
pub(crate) fn load(contents: &[u8]) -> Result<Loaded, Refused> {
    let refused = |message: String| Refused { message, at: None };
    let bytes: Arc<[u8]> = if contents.starts_with(b"\0asm") {
        contents.into()
    } else {
        let text = std::str::from_utf8(contents)
            .map_err(|_| refused("it is neither a binary nor UTF-8 text".to_owned()))?;
        wat::parse_str(text).map_err(|error| in_text(&error))?.into()
    };
    if !Parser::is_core_wasm(&bytes) {
        return Err(refused("it is a component, not a core module".to_owned()));
    }
    let types = Validator::new()
        .validate_all(&bytes)
        .map_err(|e| refused(format!("{} (at byte {})", e.message(), e.offset())))?;
    let loaded = face(bytes.clone(), &types).map_err(|e| refused(e.message().to_owned()))?;
    if loaded.imports.len().max(loaded.exports.len()) > MAX_ITEMS {
        return Err(refused(format!("it has more than {MAX_ITEMS} imports or exports")));
    }
    Ok(loaded)
}

/// What is wrong with a module's text. The parser's report has the message in its first line and
/// `--> NAME:LINE:COLUMN` in its second.
fn in_text(error: &wat::Error) -> Refused {
    let report = error.to_string();
    let mut lines = report.lines();
    let message = lines.next().unwrap_or_default().to_owned();
    let at = lines.next().and_then(|line| {
        let mut parts = line.rsplitn(3, ':');
        let column: usize = parts.next()?.trim().parse().ok()?;
        Some((parts.next()?.trim().parse().ok()?, column))
    });
    Refused { message, at }
}

fn face(bytes: Arc<[u8]>, types: &Types) -> wasmparser::Result<Loaded> {
    let mut loaded = Loaded { bytes: bytes.clone(), imports: Vec::new(), exports: Vec::new() };
    let view = types.as_ref();
    let item = |ty: EntityType| match ty {
        EntityType::Func(id) | EntityType::FuncExact(id) => {
            ItemType::Func(types[id].unwrap_func().clone())
        }
        EntityType::Tag(id) => ItemType::Tag(types[id].unwrap_func().clone()),
        EntityType::Table(ty) => ItemType::Table(ty),
        EntityType::Memory(ty) => ItemType::Memory(ty),
        EntityType::Global(ty) => ItemType::Global(ty),
    };
    for payload in Parser::new(0).parse_all(&bytes) {
        match payload? {
            Payload::ImportSection(section) => {
                for import in section.into_imports() {
                    let import = import?;
                    if let Some(ty) = view.entity_type_from_import(&import) {
                        loaded.imports.push(Import {
                            module: import.module.to_owned(),
                            name: import.name.to_owned(),
                            ty: item(ty),
                        });
                    }
                }
            }
            Payload::ExportSection(section) => {
                for export in section {
                    let export = export?;
                    if let Some(ty) = view.entity_type_from_export(&export) {
                        loaded.exports.push((export.name.to_owned(), item(ty)));
                    }
                }
            }
            _ => {}
        }
    }
    Ok(loaded)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The one export of a module.
    fn item(text: &str) -> ItemType {
        let module = format!("(module {text})");
        load(module.as_bytes()).unwrap_or_else(|e| panic!("{text}: {e:?}")).exports.remove(0).1
    }

    #[track_caller]
    fn check(export: &str, import: &str, supplies: bool) {
        let (export, import) = (item(export), item(import));
        assert_eq!(export.supplies(&import), supplies, "{export} for {import}");
    }

    #[test]
    fn exports_supply_imports() {
        let func = |ty| format!("(func (export \"\") (import \"\" \"\") {ty})");
        check(&func("(param i32)"), &func("(param i32)"), true);
        check(&func("(param i32)"), &func("(param i64)"), false);
        check(&func("(param i32)"), &func("(param i32) (result i32)"), false);
        check(&func("(param externref)"), &func("(param funcref)"), false);
        let memory = |ty| format!("(memory (export \"\") {ty})");
        check(&memory("2"), &memory("1"), true);
        check(&memory("1"), &memory("2"), false);
        check(&memory("1"), &memory("1 2"), false);
        check(&memory("1 2"), &memory("1"), true);
        check(&memory("1 3"), &memory("1 2"), false);
        check(&memory("i64 1"), &memory("1"), false);
        let table = |ty| format!("(table (export \"\") {ty})");
        check(&table("3 funcref"), &table("2 funcref"), true);
        check(&table("3 funcref"), &table("2 externref"), false);
        let global = |ty| format!("(global (export \"\") (import \"\" \"\") {ty})");
        check(&global("i32"), &global("i32"), true);
        check(&global("(mut i32)"), &global("i32"), false);
        check(&global("i32"), &memory("1"), false);
        let tag = |ty| format!("(tag (export \"\") {ty})");
        check(&tag("(param i32)"), &tag("(param i32)"), true);
        check(&tag("(param i32)"), &tag("(param f32)"), false);
    }

    #[test]
    fn refused_modules_say_where() {
        let at = |text: &str| load(text.as_bytes()).unwrap_err().at;
        assert_eq!(at("(module\n  (func (bad)))"), Some((2, 10)));
        assert_eq!(at("(module (func (result i32)))"), None);
        assert_eq!(load(b"\0asm").unwrap_err().at, None);
        assert_eq!(load(b"\xff").unwrap_err().at, None);
    }
}

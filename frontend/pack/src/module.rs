//! Core modules of packs: read, validated, and compared with the parameters that supply their
//! imports.

use crate::addresses::{self, MAX_FOLLOWED};
use crate::load::Made;
use crate::ruleset::PAGE_BITS;
use std::fmt;
use std::sync::Arc;
use wasmparser::types::{EntityType, Types};
use wasmparser::{
    FuncType, GlobalType, MemoryType, Operator, Parser, Payload, TableType, ValType, ValidPayload,
    Validator,
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
    /// One binary for each combination of address types, as in
    /// [`ModuleDecl::binaries`](crate::ruleset::ModuleDecl::binaries).
    pub binaries: Vec<Arc<[u8]>>,
    /// Parameters whose address type the module follows, as positions in the names that
    /// [`load`] was given.
    pub follows: Vec<usize>,
    /// Imports where all addresses are 32 bits wide.
    pub imports: Vec<Import>,
    /// Exports where all addresses are 32 bits wide.
    pub exports: Vec<(String, ItemType)>,
    /// Exports where all addresses that the module follows are 64 bits wide.
    pub wide_exports: Vec<(String, ItemType)>,
}

/// Why a module is refused.
#[derive(Debug)]
pub(crate) struct Refused {
    pub message: String,
    /// For text, line and column where it went wrong, both from 1.
    pub at: Option<(usize, usize)>,
}

impl Refused {
    fn new(message: impl Into<String>) -> Refused {
        Refused { message: message.into(), at: None }
    }
}

/// A module that was made before.
pub(crate) fn made(made: &Made) -> Result<Loaded, Refused> {
    let ([narrow, ..], [.., wide]) = (made.binaries, made.binaries) else {
        return Err(Refused::new("it has no binary"));
    };
    let read = |binary| items(binary, &types_of(binary)?).map_err(|e| Refused::new(e.message()));
    let (imports, exports) = read(narrow)?;
    let wide_exports = if made.follows.is_empty() { exports.clone() } else { read(wide)?.1 };
    let binaries = made.binaries.iter().map(|binary| Arc::from(*binary)).collect();
    Ok(Loaded { binaries, follows: made.follows.to_vec(), imports, exports, wide_exports })
}

/// Reads a module from a binary or from text, and validates it. Text may follow the address types
/// of these parameters, memories and tables.
pub(crate) fn load(contents: &[u8], addressed: &[&str]) -> Result<Loaded, Refused> {
    if contents.starts_with(b"\0asm") {
        let (imports, exports) = items_of(contents)?;
        let wide_exports = exports.clone();
        let binaries = vec![contents.into()];
        return Ok(Loaded { binaries, follows: Vec::new(), imports, exports, wide_exports });
    }
    let text = std::str::from_utf8(contents)
        .map_err(|_| Refused::new("it is neither a binary nor UTF-8 text"))?;
    let follows = addresses::followed(text, addressed);
    if follows.len() > MAX_FOLLOWED {
        let message =
            format!("it follows the address types of more than {MAX_FOLLOWED} memories and tables");
        return Err(Refused::new(message));
    }
    let mut binaries: Vec<Arc<[u8]>> = Vec::new();
    let mut faces = Vec::new();
    for wide in 0..1usize << follows.len() {
        let types: Vec<(&str, bool)> = follows
            .iter()
            .enumerate()
            .map(|(bit, &position)| (addressed[position], wide >> bit & 1 == 1))
            .collect();
        let binary = parse(&addresses::with_types(text, &types));
        let (binary, face) = binary
            .and_then(|binary| Ok((binary.clone(), items_of(&binary)?)))
            .map_err(|refused| with_widths(refused, &types))?;
        binaries.push(binary);
        faces.push(face);
    }
    let wide_exports = faces.last().map(|(_, exports)| exports.clone()).unwrap_or_default();
    let (imports, exports) = faces.swap_remove(0);
    for &position in &follows {
        counts_pages(&binaries[0], &imports, addressed[position])?;
    }
    Ok(Loaded { binaries, follows, imports, exports, wide_exports })
}

fn parse(text: &str) -> Result<Arc<[u8]>, Refused> {
    Ok(wat::parse_str(text).map_err(|error| in_text(&error))?.into())
}

/// Says for which address types a module is refused.
fn with_widths(refused: Refused, types: &[(&str, bool)]) -> Refused {
    if types.is_empty() {
        return refused;
    }
    let widths: Vec<String> = types
        .iter()
        .map(|(name, wide)| format!("`{name}.addr` is {}", if *wide { "i64" } else { "i32" }))
        .collect();
    let message = format!("{}, where {}", refused.message, widths.join(" and "));
    Refused { message, ..refused }
}

/// Refuses a module that asks for the pages of a memory without knowing how large they are. Tables have
/// none.
fn counts_pages(binary: &[u8], imports: &[Import], memory: &str) -> Result<(), Refused> {
    let supplied = |import: &&Import| import.module.is_empty();
    if imports
        .iter()
        .filter(supplied)
        .any(|import| import.name.strip_suffix(PAGE_BITS).is_some_and(|name| name == memory))
    {
        return Ok(());
    }
    let mut memories = imports.iter().filter(|import| import.ty.kind() == Kind::Memory);
    let index = memories.position(|import| import.module.is_empty() && import.name == memory);
    let Some(index) = index.map(|index| index as u32) else { return Ok(()) };
    let counts = || {
        for payload in Parser::new(0).parse_all(binary) {
            let Payload::CodeSectionEntry(body) = payload? else { continue };
            for operator in body.get_operators_reader()? {
                if let Operator::MemorySize { mem } | Operator::MemoryGrow { mem } = operator?
                    && mem == index
                {
                    return Ok(true);
                }
            }
        }
        Ok::<_, wasmparser::BinaryReaderError>(false)
    };
    if counts().map_err(|error| Refused::new(error.message()))? {
        let import = format!("(import \"\" \"{memory}{PAGE_BITS}\" (global i64))");
        return Err(Refused::new(format!(
            "it counts pages of `{memory}`, which may be of any size; `{import}` is log2 of it"
        )));
    }
    Ok(())
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

/// Imports and exports of a module.
type Items = (Vec<Import>, Vec<(String, ItemType)>);

/// Validates a module, and reads its imports and exports.
fn items_of(bytes: &[u8]) -> Result<Items, Refused> {
    if !Parser::is_core_wasm(bytes) {
        return Err(Refused::new("it is a component, not a core module"));
    }
    let types = Validator::new()
        .validate_all(bytes)
        .map_err(|e| Refused::new(format!("{} (at byte {})", e.message(), e.offset())))?;
    let found = items(bytes, &types).map_err(|e| Refused::new(e.message()))?;
    if found.0.len().max(found.1.len()) > MAX_ITEMS {
        return Err(Refused::new(format!("it has more than {MAX_ITEMS} imports or exports")));
    }
    Ok(found)
}

/// Types of a module whose function bodies are known to be valid.
fn types_of(bytes: &[u8]) -> Result<Types, Refused> {
    let refused = |error: wasmparser::Error| Refused::new(error.message());
    let mut validator = Validator::new();
    for payload in Parser::new(0).parse_all(bytes) {
        let payload = payload.map_err(refused)?;
        if let ValidPayload::End(types) = validator.payload(&payload).map_err(refused)? {
            return Ok(types);
        }
    }
    Err(Refused::new("it does not end"))
}

fn items(bytes: &[u8], types: &Types) -> wasmparser::Result<Items> {
    let (mut imports, mut exports) = (Vec::new(), Vec::new());
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
    for payload in Parser::new(0).parse_all(bytes) {
        match payload? {
            Payload::ImportSection(section) => {
                for import in section.into_imports() {
                    let import = import?;
                    if let Some(ty) = view.entity_type_from_import(&import) {
                        imports.push(Import {
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
                        exports.push((export.name.to_owned(), item(ty)));
                    }
                }
            }
            _ => {}
        }
    }
    Ok((imports, exports))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The one export of a module.
    fn item(text: &str) -> ItemType {
        let module = format!("(module {text})");
        load(module.as_bytes(), &[]).unwrap_or_else(|e| panic!("{text}: {e:?}")).exports.remove(0).1
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
        let at = |text: &str| load(text.as_bytes(), &[]).unwrap_err().at;
        assert_eq!(at("(module\n  (func (bad)))"), Some((2, 10)));
        assert_eq!(at("(module (func (result i32)))"), None);
        assert_eq!(load(b"\0asm", &[]).unwrap_err().at, None);
        assert_eq!(load(b"\xff", &[]).unwrap_err().at, None);
    }

    #[test]
    fn a_binary_for_each_combination_of_address_types() {
        let text = r#"(module
            (import "" "to" (memory $to to.addr 0))
            (import "" "from" (memory $from from.addr 0))
            (func (export "f") (param from.addr) (result to.addr)
                (to.addr.extend_i32_u (i32.wrap_from.addr (local.get 0)))))"#;
        let loaded = load(text.as_bytes(), &["from", "x", "to"]).unwrap();
        assert_eq!(loaded.follows, [0, 2]);
        assert_eq!(loaded.binaries.len(), 4);
        let export = |binary: &[u8]| items_of(binary).unwrap().1.remove(0).1.to_string();
        let exports: Vec<_> = loaded.binaries.iter().map(|binary| export(binary)).collect();
        let expect = ["(i32) -> (i32)", "(i64) -> (i32)", "(i32) -> (i64)", "(i64) -> (i64)"];
        assert_eq!(exports, expect.map(|ty| format!("func {ty}")));
        assert_eq!(loaded.exports[0].1.to_string(), exports[0]);
        assert_eq!(loaded.wide_exports[0].1.to_string(), exports[3]);
    }

    #[test]
    fn what_is_wrong_for_some_address_types_is_refused() {
        let refused = |text: &str| load(text.as_bytes(), &["m"]).unwrap_err();
        let wrong = refused("(module\n (func (param m.addr) (result i32)\n  local.get 0))");
        assert!(wrong.message.ends_with("where `m.addr` is i64"), "{}", wrong.message);
        let wrong = refused("(module\n (func (param m.addr)\n  m.addr.no drop))");
        assert_eq!(wrong.at, Some((3, 3)));
        let counts = |import: &str| {
            let text = format!(
                "(module (import \"\" \"m\" (memory m.addr 0)) {import} \
                 (func (result m.addr) memory.size))"
            );
            load(text.as_bytes(), &["m"]).map(|_| ()).map_err(|refused| refused.message)
        };
        assert!(counts("").unwrap_err().starts_with("it counts pages of `m`"));
        assert_eq!(counts("(import \"\" \"m.page-bits\" (global i64))"), Ok(()));
    }
}

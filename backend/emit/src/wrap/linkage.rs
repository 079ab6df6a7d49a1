//! The core modules around the merged one, and what the merged one imports.
//!
//! `canon lower` with a memory needs the memory's instance, and that instance needs the lowered
//! function. A *shim* breaks the circle: it exports functions that call through a table, and is
//! instantiated first; a *fixup*, instantiated when the merged module exists, fills the table.

use super::WrapError;
use super::face::head;
use indexmap::IndexMap;
use wasm_encoder::{
    CodeSection, ConstExpr, ElementSection, Elements, EntityType, ExportKind, ExportSection,
    Function, FunctionSection, ImportSection, Module, NameMap, NameSection, RefType, TableSection,
    TableType, TypeSection, ValType,
};
use wasmparser::{CompositeInnerType, Payload, TypeRef};

/// Parameters and results of a core function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Signature {
    params: Vec<ValType>,
    results: Vec<ValType>,
}

impl Signature {
    /// That of a destructor.
    pub fn of_destructor() -> Signature {
        Signature { params: vec![ValType::I32], results: vec![] }
    }
}

/// Names of a core import, and the signature of the function that is imported.
pub(super) type CoreImports = IndexMap<(String, String), Signature>;

/// Reads what a core module imports, which must be functions only.
pub(super) fn imports(module: &[u8]) -> Result<CoreImports, WrapError> {
    let malformed = |e: wasmparser::BinaryReaderError| WrapError::Internal(e.to_string());
    let mut types = Vec::new();
    let mut imports = CoreImports::new();
    for payload in head(module) {
        match payload? {
            Payload::TypeSection(section) => {
                for group in section {
                    types.extend(group.map_err(malformed)?.into_types());
                }
            }
            Payload::ImportSection(section) => {
                for import in section.into_imports() {
                    let import = import.map_err(malformed)?;
                    let (module, name) = (import.module.to_string(), import.name.to_string());
                    let TypeRef::Func(index) = import.ty else {
                        return Err(WrapError::Import { module, name });
                    };
                    let Some(signature) = types.get(index as usize).and_then(signature) else {
                        return Err(WrapError::Import { module, name });
                    };
                    let old = imports.insert((module.clone(), name.clone()), signature.clone());
                    if old.is_some_and(|old| old != signature) {
                        return Err(WrapError::Import { module, name });
                    }
                }
                break;
            }
            _ => {}
        }
    }
    Ok(imports)
}

fn signature(ty: &wasmparser::SubType) -> Option<Signature> {
    let CompositeInnerType::Func(ty) = &ty.composite_type.inner else { return None };
    let convert = |types: &[wasmparser::ValType]| -> Option<Vec<ValType>> {
        types
            .iter()
            .map(|ty| match ty {
                wasmparser::ValType::I32 => Some(ValType::I32),
                wasmparser::ValType::I64 => Some(ValType::I64),
                wasmparser::ValType::F32 => Some(ValType::F32),
                wasmparser::ValType::F64 => Some(ValType::F64),
                _ => None,
            })
            .collect()
    };
    Some(Signature { params: convert(ty.params())?, results: convert(ty.results())? })
}

/// The export name of the shim's table.
pub(super) const TABLE: &str = "table";

fn table_type(len: usize) -> TableType {
    TableType {
        element_type: RefType::FUNCREF,
        table64: false,
        minimum: len as u64,
        maximum: Some(len as u64),
        shared: false,
    }
}

fn type_section(signatures: &[Signature]) -> TypeSection {
    let mut types = TypeSection::new();
    for signature in signatures {
        types.ty().function(signature.params.iter().copied(), signature.results.iter().copied());
    }
    types
}

/// A module that exports, under its position, one function per signature, which calls the entry
/// of the exported table at that position.
pub(super) fn shim(signatures: &[Signature], names: &[String]) -> Module {
    let mut functions = FunctionSection::new();
    let mut tables = TableSection::new();
    let mut exports = ExportSection::new();
    let mut code = CodeSection::new();
    tables.table(table_type(signatures.len()));
    for (index, signature) in (0..).zip(signatures) {
        functions.function(index);
        exports.export(&index.to_string(), ExportKind::Func, index);
        let mut body = Function::new([]);
        let mut instructions = body.instructions();
        for param in 0..signature.params.len() as u32 {
            instructions.local_get(param);
        }
        instructions.i32_const(index as i32).call_indirect(0, index).end();
        code.function(&body);
    }
    exports.export(TABLE, ExportKind::Table, 0);
    let mut module = Module::new();
    module
        .section(&type_section(signatures))
        .section(&functions)
        .section(&tables)
        .section(&exports)
        .section(&code)
        .section(&name_section("shim", names));
    module
}

/// A module that fills the shim's table with the functions that it imports from `""`, by
/// position.
pub(super) fn fixup(signatures: &[Signature]) -> Module {
    let mut imports = ImportSection::new();
    let mut elements = ElementSection::new();
    imports.import("", TABLE, table_type(signatures.len()));
    for (index, _) in (0..).zip(signatures) {
        imports.import("", &index.to_string(), EntityType::Function(index));
    }
    let all: Vec<u32> = (0..signatures.len() as u32).collect();
    elements.active(None, &ConstExpr::i32_const(0), Elements::Functions(all.as_slice().into()));
    let mut module = Module::new();
    module
        .section(&type_section(signatures))
        .section(&imports)
        .section(&elements)
        .section(&name_section("fixup", &[]));
    module
}

/// A module whose start function is the function that it imports as `""` `"start"`.
pub(super) fn starter() -> Result<Vec<u8>, WrapError> {
    wat::parse_str(include_str!("starter.wat")).map_err(|e| WrapError::Internal(e.to_string()))
}

fn name_section(module: &str, functions: &[String]) -> NameSection {
    let mut names = NameSection::new();
    names.module(&format!("meld:{module}"));
    if !functions.is_empty() {
        let mut map = NameMap::new();
        for (index, name) in (0..).zip(functions) {
            map.append(index, name);
        }
        names.functions(&map);
    }
    names
}

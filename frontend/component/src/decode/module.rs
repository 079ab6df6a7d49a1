//! The outside of a core module: imports, exports, start, name.

use crate::program::{CoreExport, CoreFuncType, CoreImport, CoreKind, CoreModule};
use std::ops::Range;
use wasmparser::types::{CoreTypeId, EntityType, Types, TypesRef};
use wasmparser::{
    BinaryReaderError, CompositeInnerType, ConstExpr, DataKind, ElementItems, ElementKind,
    ExternalKind, HeapType, KnownCustom, MemoryType, Name, Operator, Payload, RefType, TableType,
    TypeRef, ValType,
};

/// Collects what the sections of one module say.
pub(super) struct ModuleBuilder {
    start: usize,
    name: Option<String>,
    imports: Vec<(String, String, TypeRef)>,
    /// Offset of the first import of a function by its exact type.
    exact: Option<usize>,
    exports: Vec<(String, ExternalKind, u32)>,
    has_start: bool,
    may_trap: bool,
    has_tags: bool,
    memories: Vec<MemoryType>,
    tables: Vec<TableType>,
    bodies: Vec<Range<usize>>,
}

impl ModuleBuilder {
    pub(super) fn new(start: usize) -> Self {
        ModuleBuilder {
            start,
            name: None,
            imports: Vec::new(),
            exact: None,
            exports: Vec::new(),
            has_start: false,
            may_trap: false,
            has_tags: false,
            memories: Vec::new(),
            tables: Vec::new(),
            bodies: Vec::new(),
        }
    }

    /// Adds a body that stands there in the input.
    pub(super) fn body(&mut self, range: Range<usize>) {
        self.bodies.push(range.start - self.start..range.end - self.start);
    }

    pub(super) fn payload(&mut self, payload: Payload<'_>) -> Result<(), BinaryReaderError> {
        match payload {
            Payload::ImportSection(section) => {
                for import in section.into_imports_with_offsets() {
                    let (offset, import) = import?;
                    match import.ty {
                        TypeRef::Memory(ty) => self.memories.push(ty),
                        TypeRef::Table(ty) => self.tables.push(ty),
                        TypeRef::Tag(_) => self.has_tags = true,
                        TypeRef::FuncExact(_) => self.exact = self.exact.or(Some(offset)),
                        _ => {}
                    }
                    self.imports.push((import.module.into(), import.name.into(), import.ty));
                }
            }
            Payload::ExportSection(section) => {
                for export in section {
                    let export = export?;
                    self.exports.push((export.name.into(), export.kind, export.index));
                }
            }
            Payload::StartSection { .. } => self.has_start = true,
            Payload::CodeSectionStart { count, size, .. } => {
                // A count that is not true is found out later; a body has two bytes at least.
                self.bodies.reserve_exact(count.min(size) as usize);
            }
            Payload::TagSection(_) => self.has_tags = true,
            Payload::MemorySection(section) => {
                for memory in section {
                    self.memories.push(memory?);
                }
            }
            Payload::TableSection(section) => {
                for table in section {
                    self.tables.push(table?.ty);
                }
            }
            Payload::ElementSection(section) => {
                for segment in section {
                    let segment = segment?;
                    if let ElementKind::Active { table_index, offset_expr } = segment.kind {
                        let count = match segment.items {
                            ElementItems::Functions(items) => items.count(),
                            ElementItems::Expressions(_, items) => items.count(),
                        };
                        let table = self.tables.get(table_index.unwrap_or(0) as usize);
                        let elements = table.map(|ty| ty.initial);
                        self.may_trap |= !fits(&offset_expr, count.into(), elements);
                    }
                }
            }
            Payload::DataSection(section) => {
                for segment in section {
                    let segment = segment?;
                    if let DataKind::Active { memory_index, offset_expr } = segment.kind {
                        let memory = self.memories.get(memory_index as usize);
                        let bytes = memory.map(|ty| initial_bytes(*ty));
                        let length = segment.data.len() as u64;
                        self.may_trap |= !fits(&offset_expr, length, bytes);
                    }
                }
            }
            Payload::CustomSection(section) => {
                // A name section is for people: a broken one is no reason to refuse the module.
                if let KnownCustom::Name(names) = section.as_known() {
                    for name in names.into_iter().map_while(Result::ok) {
                        if let Name::Module { name, .. } = name {
                            self.name = Some(name.to_string());
                        }
                    }
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// The module, which ends at `end`; `types` are the validator's.
    ///
    /// # Errors
    ///
    /// What is not supported or inconsistent, and where that is in the input.
    pub(super) fn finish(self, types: &Types, end: usize) -> Result<CoreModule, (usize, String)> {
        if let Some(offset) = self.exact {
            let message = "functions cannot be imported by their exact types; import it as a function of the type";
            return Err((offset, message.into()));
        }
        let types = types.as_ref();
        let imports = self.imports.into_iter().map(|(module, name, ty)| {
            let kind = match ty {
                TypeRef::Func(index) | TypeRef::FuncExact(index) => {
                    CoreKind::Func(func_type(types, types.core_type_at_in_module(index)))
                }
                TypeRef::Memory(ty) => ty.into(),
                TypeRef::Table(ty) => ty.into(),
                TypeRef::Global(_) => CoreKind::Global,
                TypeRef::Tag(_) => CoreKind::Tag,
            };
            CoreImport { module, name, kind }
        });
        let imports = imports.collect();
        let exports = self.exports.into_iter().map(|(name, kind, index)| {
            let export = wasmparser::Export { name: &name, kind, index };
            let kind = match types.entity_type_from_export(&export) {
                Some(EntityType::Func(id) | EntityType::FuncExact(id)) => {
                    CoreKind::Func(func_type(types, id))
                }
                Some(EntityType::Memory(ty)) => ty.into(),
                Some(EntityType::Table(ty)) => ty.into(),
                Some(EntityType::Global(_)) => CoreKind::Global,
                Some(EntityType::Tag(_)) => CoreKind::Tag,
                None => return Err((end, format!("the export `{name}` has no type"))),
            };
            Ok(CoreExport { name, kind, index })
        });
        let exports = exports.collect::<Result<_, _>>()?;
        Ok(CoreModule {
            name: self.name.filter(|name| !name.is_empty()),
            input: 0,
            range: self.start..end,
            imports,
            exports,
            has_start: self.has_start,
            may_trap: self.may_trap,
            has_tags: self.has_tags,
            memories: self.memories.into_iter().map(CoreKind::from).collect(),
            tables: self.tables.into_iter().map(CoreKind::from).collect(),
            bodies: self.bodies,
        })
    }
}

impl From<MemoryType> for CoreKind {
    fn from(ty: MemoryType) -> CoreKind {
        CoreKind::Memory {
            memory64: ty.memory64,
            shared: ty.shared,
            page_bits: ty.page_size_log2.unwrap_or(16),
        }
    }
}

impl From<TableType> for CoreKind {
    fn from(ty: TableType) -> CoreKind {
        let funcref = ty.element_type == RefType::FUNCREF;
        CoreKind::Table { table64: ty.table64, funcref }
    }
}

fn initial_bytes(ty: MemoryType) -> u64 {
    ty.initial.saturating_mul(1 << ty.page_size_log2.unwrap_or(16))
}

/// A segment of this length at a constant offset is certainly within what is there at least.
fn fits(offset: &ConstExpr<'_>, length: u64, available: Option<u64>) -> bool {
    let mut operators = offset.get_operators_reader();
    let start = match operators.read() {
        Ok(Operator::I32Const { value }) => u64::from(value as u32),
        Ok(Operator::I64Const { value }) => value as u64,
        _ => return false,
    };
    matches!(operators.read(), Ok(Operator::End))
        && start.checked_add(length).is_some_and(|end| available.is_some_and(|a| end <= a))
}

fn func_type(types: TypesRef<'_>, id: CoreTypeId) -> CoreFuncType {
    let CompositeInnerType::Func(ty) = &types[id].composite_type.inner else {
        return CoreFuncType { params: Vec::new(), results: Vec::new() };
    };
    CoreFuncType {
        params: ty.params().iter().map(|ty| plain(*ty)).collect(),
        results: ty.results().iter().map(|ty| plain(*ty)).collect(),
    }
}

/// A concrete reference type means nothing outside of its module; only that something stands
/// there is kept.
fn plain(ty: ValType) -> ValType {
    match ty {
        ValType::Ref(ty) if !matches!(ty.heap_type(), HeapType::Abstract { .. }) => {
            ValType::Ref(RefType::ANYREF)
        }
        ty => ty,
    }
}

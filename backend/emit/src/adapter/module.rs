//! The module around generated functions: imports, indices, encoding.

use super::{EXPORT, Error, Generated, Role, Side};
use crate::memory::MemoryShape;
use indexmap::{IndexMap, IndexSet};
use meld_component::abi::{FlatType, PtrWidth, Signature};
use std::collections::BTreeSet;
use wasm_encoder::{
    CodeSection, EntityType, ExportKind, ExportSection, Function, FunctionSection, GlobalType,
    ImportSection, MemoryType, Module, NameMap, NameSection, TypeSection, ValType,
};

/// One side of what crosses, in indices of the module.
#[derive(Clone, Copy, Debug)]
pub(super) struct SideIndices {
    /// Which side it is.
    pub side: Side,
    /// Width of addresses.
    pub width: PtrWidth,
    /// Bytes in a page of the memory, as a power of two.
    pub page_bits: u32,
    /// Index of the memory, where values need one.
    pub memory: Option<u32>,
    /// Index of the function that allocates, where values need one.
    pub allocate: Option<u32>,
}

/// A core function type.
type CoreType = (Vec<ValType>, Vec<ValType>);

/// The imports of a module, with indices in their index spaces.
#[derive(Debug, Default)]
pub(super) struct Imports {
    items: IndexMap<Role, (u32, Item)>,
    funcs: u32,
    memories: u32,
    globals: u32,
}

#[derive(Clone, Debug)]
enum Item {
    Func(CoreType),
    Memory(MemoryShape),
    Flag,
    Slot,
}

impl SideIndices {
    /// The index of the memory.
    ///
    /// # Errors
    ///
    /// [`Error::Forgotten`] where values were found to need none.
    pub fn memory(&self) -> Result<u32, Error> {
        self.memory.ok_or(Error::Forgotten(Role::Memory(self.side)))
    }

    /// The index of the function that allocates.
    ///
    /// # Errors
    ///
    /// As [`SideIndices::memory`].
    pub fn allocate(&self) -> Result<u32, Error> {
        self.allocate.ok_or(Error::Forgotten(Role::Allocate(self.side)))
    }
}

impl Imports {
    pub fn func(&mut self, role: Role, params: Vec<ValType>, results: Vec<ValType>) {
        self.items.insert(role, (self.funcs, Item::Func((params, results))));
        self.funcs += 1;
    }

    pub fn trap(&mut self, name: &'static str) {
        self.func(Role::Trap(name), vec![], vec![]);
    }

    pub fn flag(&mut self, role: Role) {
        self.items.insert(role, (self.globals, Item::Flag));
        self.globals += 1;
    }

    pub fn slot(&mut self, number: u32) {
        self.items.insert(Role::Slot(number), (self.globals, Item::Slot));
        self.globals += 1;
    }

    pub fn memory(&mut self, side: Side, shape: MemoryShape) {
        self.items.insert(Role::Memory(side), (self.memories, Item::Memory(shape)));
        self.memories += 1;
    }

    /// Adds imports whose type follows from their role and the memories of the sides.
    pub fn extend(
        &mut self,
        roles: &BTreeSet<Role>,
        shape: impl Fn(Side) -> MemoryShape,
        from: impl Fn(Role) -> Side,
    ) {
        let ptr = |side| super::body::val_type(shape(side).width.flat());
        for &role in roles {
            match role {
                _ if self.items.contains_key(&role) => {}
                Role::Trap(name) => self.trap(name),
                Role::Allocate(side) => self.func(role, vec![ptr(side); 4], vec![ptr(side)]),
                Role::Transcoder(_) => {
                    let from = from(role);
                    self.func(role, vec![ptr(from); 2], vec![ptr(from.other()); 2]);
                }
                Role::Copier(_) => {
                    let from = from(role);
                    let (source, target) = (shape(from).width, shape(from.other()).width);
                    let bytes = super::body::val_type(source.min(target).flat());
                    self.func(role, vec![ptr(from), ptr(from.other()), bytes], vec![]);
                }
                Role::Converter(_) => self.func(role, vec![ValType::I32], vec![ValType::I32]),
                Role::End(_) => self.func(role, vec![], vec![]),
                Role::Memory(side) => self.memory(side, shape(side)),
                Role::Flag(_) | Role::MayEnter => self.flag(role),
                Role::Slot(number) => self.slot(number),
                Role::Callee | Role::PostReturn => {}
            }
        }
    }

    /// The index in its index space of what has this role, if something has.
    pub fn get(&self, role: Role) -> Option<u32> {
        self.items.get(&role).map(|(index, _)| *index)
    }

    /// The same of what was found to be needed before.
    ///
    /// # Errors
    ///
    /// [`Error::Forgotten`] where it was not.
    pub fn index(&self, role: Role) -> Result<u32, Error> {
        self.get(role).ok_or(Error::Forgotten(role))
    }

    /// How many functions are imported.
    pub fn funcs(&self) -> u32 {
        self.funcs
    }

    fn name(role: Role) -> String {
        let name = |side| match side {
            Side::Caller => "caller",
            Side::Callee => "callee",
        };
        match role {
            Role::Callee => "callee".into(),
            Role::PostReturn => "post-return".into(),
            Role::Allocate(side) => format!("{}-allocate", name(side)),
            Role::Transcoder(i) => format!("transcode-{i}"),
            Role::Copier(i) => format!("copy-{i}"),
            Role::Converter(i) => format!("convert-{i}"),
            Role::End(i) => format!("end-{i}"),
            Role::Trap(name) => name.into(),
            Role::Memory(side) => format!("{}-memory", name(side)),
            Role::Flag(side) => format!("{}-may-leave", name(side)),
            Role::MayEnter => "may-enter".into(),
            Role::Slot(number) => format!("slot-{number}"),
        }
    }
}

/// A defined function: name for people, type, body.
pub(super) struct Defined {
    pub name: String,
    pub ty: CoreType,
    pub body: Function,
}

/// Encodes a module; its first function is exported, or what it imports first if it has none.
pub(super) fn encode(imports: &Imports, functions: Vec<Defined>) -> Generated {
    let mut types: IndexSet<CoreType> = IndexSet::new();
    let mut import_section = ImportSection::new();
    let mut names = NameMap::new();
    for (&role, (index, item)) in &imports.items {
        let name = Imports::name(role);
        let entity = match item {
            Item::Func(ty) => {
                names.append(*index, &name);
                EntityType::Function(types.insert_full(ty.clone()).0 as u32)
            }
            Item::Memory(shape) => EntityType::Memory(MemoryType {
                minimum: 0,
                maximum: None,
                memory64: shape.width == PtrWidth::W64,
                shared: shape.shared,
                page_size_log2: (shape.page_bits != 16).then_some(shape.page_bits),
            }),
            Item::Flag | Item::Slot => EntityType::Global(GlobalType {
                val_type: if matches!(item, Item::Flag) { ValType::I32 } else { ValType::I64 },
                mutable: true,
                shared: false,
            }),
        };
        let module = if matches!(role, Role::Trap(_)) { "traps" } else { "" };
        import_section.import(module, &name, entity);
    }
    let exported = if functions.is_empty() { 0 } else { imports.funcs };
    let mut function_section = FunctionSection::new();
    let mut code = CodeSection::new();
    for (i, defined) in functions.into_iter().enumerate() {
        function_section.function(types.insert_full(defined.ty).0 as u32);
        code.function(&defined.body);
        names.append(imports.funcs + i as u32, &defined.name);
    }
    let mut type_section = TypeSection::new();
    for (params, results) in types {
        type_section.ty().function(params, results);
    }
    let mut exports = ExportSection::new();
    exports.export(EXPORT, ExportKind::Func, exported);
    let mut name_section = NameSection::new();
    name_section.functions(&names);
    let mut module = Module::new();
    module
        .section(&type_section)
        .section(&import_section)
        .section(&function_section)
        .section(&exports)
        .section(&code)
        .section(&name_section);
    Generated { bytes: module.finish(), imports: imports.items.keys().copied().collect() }
}

/// The core type of a signature.
pub(super) fn core_type(signature: &Signature) -> CoreType {
    (val_types(&signature.params), val_types(&signature.results))
}

pub(super) fn val_types(flat: &[FlatType]) -> Vec<ValType> {
    flat.iter().map(|&ty| super::body::val_type(ty)).collect()
}

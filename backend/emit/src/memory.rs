//! What memories and tables the terms of a plan stand for, and which binary of a pack's module goes
//! with them.

use crate::fresh;
use meld_component::abi::PtrWidth;
use meld_component::program::{CoreKind, Program};
use meld_engine::plan::{Entity, ModuleImport, Node, NodeId, PackModule, Plan};
use std::fmt;
use wasmparser::{ExternalKind, Parser, Payload, TypeRef};

/// What code that uses a memory has to know of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemoryShape {
    /// Width of addresses.
    pub width: PtrWidth,
    /// Threads may share it.
    pub shared: bool,
    /// Bytes in a page, as a power of two.
    pub page_bits: u32,
}

impl From<PtrWidth> for MemoryShape {
    /// With pages of 64 KiB.
    fn from(width: PtrWidth) -> MemoryShape {
        MemoryShape { width, shared: false, page_bits: 16 }
    }
}

impl From<wasmparser::MemoryType> for MemoryShape {
    fn from(ty: wasmparser::MemoryType) -> MemoryShape {
        MemoryShape {
            width: width(ty.memory64),
            shared: ty.shared,
            page_bits: ty.page_size_log2.unwrap_or(16),
        }
    }
}

impl fmt::Display for MemoryShape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bits = 8 * self.width.bytes();
        let shared = if self.shared { ", shared" } else { "" };
        write!(f, "{bits}-bit addresses and pages of {} B{shared}", 1u64 << self.page_bits.min(63))
    }
}

/// The width of addresses.
pub fn width(memory64: bool) -> PtrWidth {
    if memory64 { PtrWidth::W64 } else { PtrWidth::W32 }
}

/// The memory that a term stands for, from the module that exports or imports it; none if the
/// term stands for no memory.
pub fn shape(program: &Program, plan: &Plan, node: NodeId) -> Option<MemoryShape> {
    match kind(program, plan, node)? {
        CoreKind::Memory { memory64, shared, page_bits } => {
            Some(MemoryShape { width: width(memory64), shared, page_bits })
        }
        _ => None,
    }
}

/// What a term stands for, if that is a memory or a table.
fn kind(program: &Program, plan: &Plan, node: NodeId) -> Option<CoreKind> {
    let (name, args) = match plan.node(node) {
        Node::Export(instance, name) => return exported(program, plan, *instance, name),
        Node::Term(name, args) => (&**name, &**args),
        _ => return None,
    };
    let importer = |node: &NodeId| match plan.node(*node) {
        Node::Entity(Entity::CoreImport(instance, position)) => {
            Some((program.module_of(*instance), *position as usize))
        }
        _ => None,
    };
    match (name, args) {
        (fresh::TERM, _) => {
            Some(CoreKind::Memory { memory64: false, shared: false, page_bits: 16 })
        }
        ("first-memory", [import]) => importer(import)?.0.memories.first().cloned(),
        ("first-table", [import]) => importer(import)?.0.tables.first().cloned(),
        ("host-memory" | "host-table", [_, _, import]) => {
            let (module, position) = importer(import)?;
            module.imports.get(position).map(|import| import.kind.clone())
        }
        _ => None,
    }
}

/// The memory or table that an instance exports by a name.
fn exported(program: &Program, plan: &Plan, instance: NodeId, name: &str) -> Option<CoreKind> {
    match plan.node(instance) {
        Node::Entity(Entity::Instance(id)) => {
            let exports = &program.module_of(*id).exports;
            exports.iter().find(|export| *export.name == *name).map(|export| export.kind.clone())
        }
        Node::Module(module, args) => {
            let module = &plan.modules[*module as usize];
            let bytes = binary(program, plan, module, args)?;
            match exported_by(bytes, name)? {
                Exported::Defined(kind) => Some(kind),
                Exported::Import(position) => match module.imports.get(position)? {
                    ModuleImport::Param(position) => kind(program, plan, *args.get(*position)?),
                    ModuleImport::FromInstance(position, name) => {
                        exported(program, plan, *args.get(*position)?, name)
                    }
                    ModuleImport::PageBits(_) => None,
                },
            }
        }
        _ => None,
    }
}

/// The binary of a pack's module that goes with the memories and tables among its arguments; none
/// if one that it follows stands for neither.
pub fn binary<'p>(
    program: &Program,
    plan: &'p Plan,
    module: &'p PackModule,
    args: &[NodeId],
) -> Option<&'p [u8]> {
    let mut position = 0;
    for (bit, &followed) in module.follows.iter().enumerate() {
        let wide = match kind(program, plan, *args.get(followed)?)? {
            CoreKind::Memory { memory64, .. } => memory64,
            CoreKind::Table { table64, .. } => table64,
            _ => return None,
        };
        position |= usize::from(wide) << bit;
    }
    module.binaries.get(position).map(|bytes| &**bytes)
}

/// The type that a module declares for the memory that it imports at this position among its
/// imports.
pub fn imported(bytes: &[u8], position: usize) -> Option<MemoryShape> {
    match imports(bytes)?.get(position)? {
        TypeRef::Memory(ty) => Some(MemoryShape::from(*ty)),
        _ => None,
    }
}

/// A memory or table that a module exports.
enum Exported {
    Defined(CoreKind),
    /// By position among all imports.
    Import(usize),
}

fn exported_by(bytes: &[u8], name: &str) -> Option<Exported> {
    let (mut memories, mut tables) = (Vec::new(), Vec::new());
    for (position, ty) in imports(bytes)?.iter().enumerate() {
        match ty {
            TypeRef::Memory(_) => memories.push(Exported::Import(position)),
            TypeRef::Table(_) => tables.push(Exported::Import(position)),
            _ => {}
        }
    }
    for payload in Parser::new(0).parse_all(bytes) {
        match payload.ok()? {
            Payload::MemorySection(section) => {
                for ty in section {
                    memories.push(Exported::Defined(ty.ok()?.into()));
                }
            }
            Payload::TableSection(section) => {
                for table in section {
                    tables.push(Exported::Defined(table.ok()?.ty.into()));
                }
            }
            Payload::ExportSection(section) => {
                for export in section {
                    let export = export.ok()?;
                    if export.name != name {
                        continue;
                    }
                    let mut of_kind = match export.kind {
                        ExternalKind::Memory => memories,
                        ExternalKind::Table => tables,
                        _ => return None,
                    };
                    let index = export.index as usize;
                    return (index < of_kind.len()).then(|| of_kind.swap_remove(index));
                }
            }
            _ => {}
        }
    }
    None
}

fn imports(bytes: &[u8]) -> Option<Vec<TypeRef>> {
    for payload in Parser::new(0).parse_all(bytes) {
        if let Payload::ImportSection(section) = payload.ok()? {
            return section.into_imports().map(|import| Some(import.ok()?.ty)).collect();
        }
    }
    Some(Vec::new())
}

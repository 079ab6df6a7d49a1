//! What memories the terms of a plan stand for, and which binary of a pack's module goes with
//! them.

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
    /// Bytes in a page, as a power of two.
    pub page_bits: u32,
}

impl From<PtrWidth> for MemoryShape {
    /// With pages of 64 KiB.
    fn from(width: PtrWidth) -> MemoryShape {
        MemoryShape { width, page_bits: 16 }
    }
}

impl From<wasmparser::MemoryType> for MemoryShape {
    fn from(ty: wasmparser::MemoryType) -> MemoryShape {
        MemoryShape { width: width(ty.memory64), page_bits: ty.page_size_log2.unwrap_or(16) }
    }
}

impl fmt::Display for MemoryShape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bits = 8 * self.width.bytes();
        write!(f, "{bits}-bit addresses and pages of {} B", 1u64 << self.page_bits.min(63))
    }
}

/// The width of addresses.
pub fn width(memory64: bool) -> PtrWidth {
    if memory64 { PtrWidth::W64 } else { PtrWidth::W32 }
}

/// The memory that a term stands for, from the module that exports or imports it; none if the
/// term stands for no memory.
pub fn shape(program: &Program, plan: &Plan, node: NodeId) -> Option<MemoryShape> {
    let kind = match plan.node(node) {
        Node::Export(instance, name) => return exported(program, plan, *instance, name),
        Node::Term(name, _) if &**name == fresh::TERM => return Some(PtrWidth::W32.into()),
        Node::Term(name, args) if &**name == "first-memory" => {
            let Node::Entity(Entity::CoreImport(instance, _)) = plan.node(*args.first()?) else {
                return None;
            };
            program.module_of(*instance).memories.first()?
        }
        Node::Term(name, args) if &**name == "host-memory" => {
            let [_, _, import] = args[..] else { return None };
            let Node::Entity(Entity::CoreImport(instance, position)) = plan.node(import) else {
                return None;
            };
            &program.module_of(*instance).imports.get(*position as usize)?.kind
        }
        _ => return None,
    };
    of_kind(kind)
}

/// The memory that an instance exports by a name.
fn exported(program: &Program, plan: &Plan, instance: NodeId, name: &str) -> Option<MemoryShape> {
    match plan.node(instance) {
        Node::Entity(Entity::Instance(id)) => {
            let exports = &program.module_of(*id).exports;
            of_kind(&exports.iter().find(|export| *export.name == *name)?.kind)
        }
        Node::Module(module, args) => {
            let module = &plan.modules[*module as usize];
            let bytes = binary(program, plan, module, args)?;
            match exported_by(bytes, name)? {
                Exported::Defined(shape) => Some(shape),
                Exported::Import(position) => match module.imports.get(position)? {
                    ModuleImport::Param(position) => shape(program, plan, *args.get(*position)?),
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

fn of_kind(kind: &CoreKind) -> Option<MemoryShape> {
    match *kind {
        CoreKind::Memory { memory64, page_bits } => {
            Some(MemoryShape { width: width(memory64), page_bits })
        }
        _ => None,
    }
}

/// The binary of a pack's module that goes with the memories among its arguments; none if one
/// that it follows stands for no memory.
pub fn binary<'p>(
    program: &Program,
    plan: &'p Plan,
    module: &'p PackModule,
    args: &[NodeId],
) -> Option<&'p [u8]> {
    let mut position = 0;
    for (bit, &followed) in module.follows.iter().enumerate() {
        if shape(program, plan, *args.get(followed)?)?.width == PtrWidth::W64 {
            position |= 1 << bit;
        }
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

/// A memory that a module exports.
enum Exported {
    Defined(MemoryShape),
    /// By position among all imports.
    Import(usize),
}

fn exported_by(bytes: &[u8], name: &str) -> Option<Exported> {
    let mut memories: Vec<Exported> = imports(bytes)?
        .iter()
        .enumerate()
        .filter(|(_, ty)| matches!(ty, TypeRef::Memory(_)))
        .map(|(position, _)| Exported::Import(position))
        .collect();
    for payload in Parser::new(0).parse_all(bytes) {
        match payload.ok()? {
            Payload::MemorySection(section) => {
                for ty in section {
                    memories.push(Exported::Defined(ty.ok()?.into()));
                }
            }
            Payload::ExportSection(section) => {
                for export in section {
                    let export = export.ok()?;
                    if export.kind == ExternalKind::Memory && export.name == name {
                        let index = export.index as usize;
                        return (index < memories.len()).then(|| memories.swap_remove(index));
                    }
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

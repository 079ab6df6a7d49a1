//! What is in a component, and where the parts of a fused module came from.
//!
//! An [`Inspection`] is data: [`text`] renders it as tables for people, serde as JSON.

mod face;
mod fused;
mod program;
pub mod text;
mod types;

use crate::{FuseError, Fuser};
use meld_engine::EngineError;
use serde::Serialize;

/// What was found.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Inspection {
    /// A component, or core modules, before fusion.
    Program(ProgramInspection),
    /// A module that meld made, or a component around one.
    Fused(FusedInspection),
}

/// A linked program.
#[derive(Clone, Debug, Serialize)]
pub struct ProgramInspection {
    /// Size in bytes, of text in its binary form.
    pub bytes: usize,
    /// Component instances; a parent stands before its children.
    pub components: Vec<ComponentInstance>,
    /// Core module instances, in the order in which they are instantiated.
    pub core_instances: Vec<CoreInstance>,
    /// Calls from one component instance into another, or to the host.
    pub edges: Vec<Edge>,
    /// Functions that the root imports.
    pub imports: Vec<Function>,
    /// Core modules that the root imports: their names from the root, joined by `#`.
    pub imported_modules: Vec<String>,
    /// Functions that the root exports.
    pub exports: Vec<Export>,
    /// What each plain core module imports and exports, in the order of the inputs; none for components.
    pub core: Vec<CoreFace>,
    /// Resource types.
    pub resources: Vec<Resource>,
    /// Imports that trap whenever they are called, as rules decided.
    pub always_trapping: Vec<AlwaysTraps>,
    /// Options that have no effect, as sentences.
    pub warnings: Vec<String>,
    /// Why it cannot be fused.
    pub refused: Option<String>,
}

/// A component instance.
#[derive(Clone, Debug, Serialize)]
pub struct ComponentInstance {
    /// Names from the root.
    pub path: String,
    /// Path of the instance that instantiated it.
    pub parent: Option<String>,
}

/// A core module instance.
#[derive(Clone, Debug, Serialize)]
pub struct CoreInstance {
    /// Component path and module name.
    pub name: String,
    /// Path of the component instance that it belongs to.
    pub component: String,
    /// Size of its module in bytes; a module instantiated twice counts twice.
    pub bytes: usize,
    /// Number of imports.
    pub imports: usize,
    /// Number of exports.
    pub exports: usize,
    /// Memories that its module defines.
    pub memories: Vec<Memory>,
    /// The module has a start function.
    pub start: bool,
}

/// A memory.
#[derive(Clone, Debug, Serialize)]
pub struct Memory {
    /// Pages at the start.
    pub initial_pages: u64,
    /// The most pages it may have.
    pub maximum_pages: Option<u64>,
    /// Bytes in a page.
    pub page_bytes: u64,
    /// Width of an address in bits.
    pub address_bits: u32,
}

/// A call from one instance to another.
#[derive(Clone, Debug, Serialize)]
pub struct Edge {
    /// The core instance that imports the function.
    pub from: String,
    /// First name of the core import.
    pub import_module: String,
    /// Second name of the core import.
    pub import_name: String,
    /// The component instance that lifts the function; `host` for what the root imports.
    pub to: String,
    /// The function: of the host, its names from the root, joined by `#`; of a component, the
    /// name of the core export that it lifts; of a core module that the root imports, the module's names
    /// from the root and its own, joined by `#`.
    pub function: String,
    /// The function's type; that of core functions as the text format has it.
    pub signature: String,
    /// What leaves flat registers behind: strings, lists, handles; and how strings are encoded.
    pub crosses: Vec<String>,
}

/// A function that the root imports, or that a fused component exports.
#[derive(Clone, Debug, Serialize)]
pub struct Function {
    /// Names from the root, joined by `#`.
    pub name: String,
    /// The function's type.
    pub signature: String,
}

/// The face of a core module.
#[derive(Clone, Debug, Serialize)]
pub struct CoreFace {
    /// The module's name: of its input.
    pub name: String,
    /// Imports, in order.
    pub imports: Vec<CoreImport>,
    /// Exports, in order.
    pub exports: Vec<CoreExport>,
}

/// What a core module imports.
#[derive(Clone, Debug, Serialize)]
pub struct CoreImport {
    /// First name.
    pub module: String,
    /// Second name.
    pub name: String,
    /// Its kind and type.
    #[serde(rename = "type")]
    pub ty: String,
}

/// What a core module exports.
#[derive(Clone, Debug, Serialize)]
pub struct CoreExport {
    /// Its name.
    pub name: String,
    /// Its kind and type.
    #[serde(rename = "type")]
    pub ty: String,
}

/// The world of a component that meld made.
#[derive(Clone, Debug, Serialize)]
pub struct FusedWorld {
    /// Functions that it imports.
    pub imports: Vec<Function>,
    /// As in [`ProgramInspection::imported_modules`].
    pub imported_modules: Vec<String>,
    /// Functions that it exports.
    pub exports: Vec<Function>,
}

/// A function that the root exports.
#[derive(Clone, Debug, Serialize)]
pub struct Export {
    /// Names from the root, joined by `#`.
    pub name: String,
    /// The component instance that lifts it.
    pub from: String,
    /// The function's type.
    pub signature: String,
}

/// A resource type.
#[derive(Clone, Debug, Serialize)]
pub struct Resource {
    /// Its name.
    pub name: String,
    /// The component instance that implements it; `host` for an imported one.
    pub owner: String,
    /// An instance of the program gives it a destructor.
    pub destructor: bool,
    /// Handles of it may come from the host or go there.
    pub reaches_host: bool,
    /// A borrow of it may cross between two instances.
    pub lent: bool,
    /// Component instances that can come to have handles of it.
    pub holders: Vec<String>,
    /// What its handles are, for each instance that needs some in the fused module.
    pub representations: Vec<Representation>,
}

/// What an instance's handles of a resource are.
#[derive(Clone, Debug, Serialize)]
pub struct Representation {
    /// Path of the component instance, or `host`.
    pub instance: String,
    /// The option that was chosen: `pack.option`.
    pub option: String,
    /// What the pack says of it.
    pub because: String,
}

/// An import that traps whenever it is called.
#[derive(Clone, Debug, Serialize)]
pub struct AlwaysTraps {
    /// The core instance that has it.
    pub from: String,
    /// First name of the core import.
    pub import_module: String,
    /// Second name of the core import.
    pub import_name: String,
    /// The reason that the trap is named after.
    pub reason: String,
}

/// A fused module.
#[derive(Clone, Debug, Serialize)]
pub struct FusedInspection {
    /// Size in bytes, of text in its binary form.
    pub bytes: usize,
    /// Size in bytes of the core module.
    pub module_bytes: usize,
    /// Where functions came from, in order of first appearance.
    pub origins: Vec<Origin>,
    /// The component's imports and exports; none for a core module by itself.
    pub world: Option<FusedWorld>,
    /// What the core module imports.
    pub imports: Vec<CoreImport>,
    /// What the core module exports.
    pub exports: Vec<CoreExport>,
    /// Memories of the core module, in the order of their indices.
    pub memories: Vec<FusedMemory>,
    /// Tables of handles that meld keeps for instances, by the names of their memories; none if the
    /// module's names were stripped.
    pub handle_tables: Vec<HandleTable>,
}

/// A checked table in which meld keeps an instance's handles.
#[derive(Clone, Debug, Serialize)]
pub struct HandleTable {
    /// Path of the component instance whose handles they are.
    pub instance: String,
    /// Index of the memory that the table lies in.
    pub memory: usize,
}

/// A memory of a fused module.
#[derive(Clone, Debug, Serialize)]
pub struct FusedMemory {
    /// Whose it is: an origin of functions, or `host` for an imported one. None if the module's
    /// names were stripped.
    pub owner: Option<String>,
    /// Its name in the module: the origin, `!`, and the name that it had there.
    pub name: Option<String>,
    /// Names by which the core module exports it, and so shows it to its host.
    pub exported_as: Vec<String>,
    /// Its size and shape.
    #[serde(flatten)]
    pub memory: Memory,
}

/// What one origin contributed.
#[derive(Clone, Debug, Serialize)]
pub struct Origin {
    /// `component/module` of an input, or a pack module or adapter of meld.
    pub name: String,
    /// Made by meld, or of a standard pack, rather than of an input or of a user's pack.
    pub by_meld: bool,
    /// Number of functions.
    pub functions: usize,
    /// Bytes of their bodies.
    pub code_bytes: usize,
}

/// Inspects what a fuser has as its input: a module that meld made, or anything that it could fuse, with
/// what its rules decide.
///
/// # Errors
///
/// If an input or a pack cannot be read, the inputs do not fit together, or an option names what there is
/// not. That a program cannot be fused is no error.
pub fn inspect(fuser: &Fuser) -> Result<Inspection, FuseError> {
    let inputs = fuser.binaries()?;
    if let [input] = &inputs[..]
        && let Some(mut fused) = fused::inspect(&input.bytes)
    {
        if wasmparser::Parser::is_component(&input.bytes) {
            let program = meld_component::read_deferred(&inputs)?;
            fused.world = Some(program::world(&program));
        }
        return Ok(Inspection::Fused(fused));
    }
    let program = meld_component::read(&inputs)?;
    let bytes = inputs.iter().map(|input| input.bytes.len()).sum();
    let mut inspection = program::inspect(&program, bytes);
    let rules = fuser.load_rules()?;
    match fuser.decision(&program, &rules) {
        Ok(decision) => {
            program::decided(&mut inspection, &program, &decision);
            inspection.warnings = fuser.without_effect(&program, &rules, &decision.opaque)?;
            // Some is refused only when it is written.
            let written = meld_emit::emit_to(&program, &decision.plan, &mut std::io::sink());
            inspection.refused = written.err().map(|error| error.to_string());
        }
        Err(error @ (EngineError::Unimplemented(_) | EngineError::Forbidden(_))) => {
            inspection.refused = Some(error.to_string());
        }
        Err(error) => return Err(error.into()),
    }
    Ok(Inspection::Program(inspection))
}

fn memory(ty: wasmparser::MemoryType) -> Memory {
    Memory {
        initial_pages: ty.initial,
        maximum_pages: ty.maximum,
        page_bytes: 1 << ty.page_size_log2.unwrap_or(16),
        address_bits: if ty.memory64 { 64 } else { 32 },
    }
}

//! Runs exports of core modules under several engines.
//!
//! A fused core module names its exports as wit-component does. A function `() -> string` is
//! then a core function that returns a pointer to `(pointer, length)` in the memory exported as
//! `memory`, and `cabi_post_<name>` is called with that pointer afterwards, if there is one.
//! `_initialize` is called before anything else.

use crate::run::FUEL;
use std::fmt;

/// An engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EngineKind {
    /// wasmtime, a compiler.
    Wasmtime,
    /// wasmi, an interpreter; it has neither GC nor exceptions.
    #[cfg(feature = "wasmi")]
    Wasmi,
}

/// Why an export could not be run.
#[derive(Debug, thiserror::Error)]
pub enum CoreRunError {
    /// The engine refuses the module, cannot instantiate it, or it trapped.
    #[error("{engine}: {reason}")]
    Engine {
        /// The engine.
        engine: EngineKind,
        /// What it says.
        reason: String,
    },
    /// An export that must be there is missing or has another type.
    #[error("the module has no export `{0}` of the expected type")]
    Export(String),
    /// The string is not in the memory, or not well encoded.
    #[error("the returned string is out of bounds or not well encoded")]
    String,
}

/// How strings are encoded at the border of a core module.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Text {
    /// UTF-8; lengths are in bytes.
    Utf8,
    /// UTF-16, little endian; lengths are in code units.
    Utf16,
}

impl EngineKind {
    /// Every engine that this build has.
    pub fn all() -> &'static [EngineKind] {
        &[
            EngineKind::Wasmtime,
            #[cfg(feature = "wasmi")]
            EngineKind::Wasmi,
        ]
    }

    fn error(self, error: impl fmt::Display) -> CoreRunError {
        CoreRunError::Engine { engine: self, reason: format!("{error:#}") }
    }
}

impl fmt::Display for EngineKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            EngineKind::Wasmtime => "wasmtime",
            #[cfg(feature = "wasmi")]
            EngineKind::Wasmi => "wasmi",
        })
    }
}

/// Runs an export `() -> string` of a core module without imports.
///
/// # Errors
///
/// If the engine refuses the module, it traps, or what it returns is not a string.
pub fn call_string(
    engine: EngineKind,
    module: &[u8],
    export: &str,
    text: Text,
) -> Result<String, CoreRunError> {
    match engine {
        EngineKind::Wasmtime => wasmtime_string(module, export, text),
        #[cfg(feature = "wasmi")]
        EngineKind::Wasmi => wasmi_string(module, export, text),
    }
}

/// Reads the string whose `(pointer, length)` stands at `at`.
fn read(memory: &[u8], at: u32, text: Text) -> Result<String, CoreRunError> {
    let word = |at: usize| {
        let bytes = memory.get(at..)?.first_chunk::<4>()?;
        Some(u32::from_le_bytes(*bytes) as usize)
    };
    let string = || {
        let (start, length) = (word(at as usize)?, word((at as usize).checked_add(4)?)?);
        let size = match text {
            Text::Utf8 => length,
            Text::Utf16 => length.checked_mul(2)?,
        };
        let bytes = memory.get(start..start.checked_add(size)?)?;
        match text {
            Text::Utf8 => std::str::from_utf8(bytes).ok().map(str::to_string),
            Text::Utf16 => {
                let (units, _) = bytes.as_chunks::<2>();
                let units: Vec<u16> = units.iter().map(|unit| u16::from_le_bytes(*unit)).collect();
                String::from_utf16(&units).ok()
            }
        }
    };
    string().ok_or(CoreRunError::String)
}

fn wasmtime_string(module: &[u8], export: &str, text: Text) -> Result<String, CoreRunError> {
    let kind = EngineKind::Wasmtime;
    let engine = crate::run::engine().map_err(|e| kind.error(e))?;
    let module = wasmtime::Module::new(engine, module).map_err(|e| kind.error(e))?;
    let mut store = wasmtime::Store::new(engine, ());
    store.set_fuel(FUEL).map_err(|e| kind.error(e))?;
    let instance = wasmtime::Instance::new(&mut store, &module, &[]).map_err(|e| kind.error(e))?;
    if let Ok(initialize) = instance.get_typed_func::<(), ()>(&mut store, "_initialize") {
        initialize.call(&mut store, ()).map_err(|e| kind.error(e.root_cause()))?;
    }
    let func = instance
        .get_typed_func::<(), u32>(&mut store, export)
        .map_err(|_| CoreRunError::Export(export.to_string()))?;
    let at = func.call(&mut store, ()).map_err(|e| kind.error(e.root_cause()))?;
    let memory = instance
        .get_memory(&mut store, "memory")
        .ok_or_else(|| CoreRunError::Export("memory".to_string()))?;
    let string = read(memory.data(&store), at, text)?;
    if let Ok(post) = instance.get_typed_func::<u32, ()>(&mut store, &format!("cabi_post_{export}"))
    {
        post.call(&mut store, at).map_err(|e| kind.error(e.root_cause()))?;
    }
    Ok(string)
}

#[cfg(feature = "wasmi")]
fn wasmi_string(module: &[u8], export: &str, text: Text) -> Result<String, CoreRunError> {
    let kind = EngineKind::Wasmi;
    let mut config = wasmi::Config::default();
    config.consume_fuel(true).wasm_multi_memory(true).wasm_tail_call(true);
    let engine = wasmi::Engine::new(&config);
    let module = wasmi::Module::new(&engine, module).map_err(|e| kind.error(e))?;
    let mut store = wasmi::Store::new(&engine, ());
    store.set_fuel(FUEL).map_err(|e| kind.error(e))?;
    let instance = wasmi::Linker::<()>::new(&engine)
        .instantiate_and_start(&mut store, &module)
        .map_err(|e| kind.error(e))?;
    if let Ok(initialize) = instance.get_typed_func::<(), ()>(&store, "_initialize") {
        initialize.call(&mut store, ()).map_err(|e| kind.error(e))?;
    }
    let func = instance
        .get_typed_func::<(), u32>(&store, export)
        .map_err(|_| CoreRunError::Export(export.to_string()))?;
    let at = func.call(&mut store, ()).map_err(|e| kind.error(e))?;
    let memory = instance
        .get_memory(&store, "memory")
        .ok_or_else(|| CoreRunError::Export("memory".to_string()))?;
    let string = read(memory.data(&store), at, text)?;
    if let Ok(post) = instance.get_typed_func::<u32, ()>(&store, &format!("cabi_post_{export}")) {
        post.call(&mut store, at).map_err(|e| kind.error(e))?;
    }
    Ok(string)
}

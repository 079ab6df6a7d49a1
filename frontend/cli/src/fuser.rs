//! The way from inputs to bytes, as one builder.

use crate::packs::{self, PackError, PackOptions};
use meld_component::program::Program;
use meld_engine::plan::Plan;
use meld_engine::{Options, Trace, Weight};
use std::path::PathBuf;
use std::sync::Arc;

/// The form of the output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// A component with the world of the input; a core module where all inputs are core modules.
    Component,
    /// A core module whose host imports and exports are named as wit-component names them.
    Core,
}

/// Fuses components. Every method that configures returns the fuser again.
#[derive(Clone, Debug)]
pub struct Fuser {
    inputs: Vec<meld_component::Input>,
    packs: PackOptions,
    engine: Options,
    form: Form,
}

/// What came out.
#[derive(Debug)]
pub struct Fused {
    /// The component or the core module.
    pub bytes: Vec<u8>,
    /// What there is to say to the user without failing.
    pub warnings: Vec<String>,
    /// Why each import became what it is.
    pub trace: Trace,
    /// What was decided.
    pub plan: Plan,
    /// What was read.
    pub program: Program,
}

/// Why nothing came out.
#[derive(Debug, thiserror::Error)]
pub enum FuseError {
    /// The rule packs.
    #[error(transparent)]
    Pack(#[from] PackError),
    /// An input.
    #[error(transparent)]
    Read(#[from] meld_component::Error),
    /// No rule implements an import, or a rule forbids what was decided.
    #[error(transparent)]
    Decide(#[from] meld_engine::EngineError),
    /// The decided program could not be written.
    #[error(transparent)]
    Emit(#[from] meld_emit::EmitError),
}

impl Default for Fuser {
    fn default() -> Self {
        Fuser {
            inputs: Vec::new(),
            packs: PackOptions::default(),
            engine: Options::default(),
            form: Form::Component,
        }
    }
}

impl Fuser {
    /// A fuser with the standard packs and no input.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an input: a component or a core module, binary or text. The name stands in messages,
    /// and is the module name by which other core modules import from it.
    pub fn input(mut self, name: impl Into<String>, bytes: impl Into<Arc<[u8]>>) -> Self {
        self.inputs.push(meld_component::Input { name: name.into(), bytes: bytes.into() });
        self
    }

    /// Replaces the choice of packs.
    pub fn packs(mut self, packs: PackOptions) -> Self {
        self.packs = packs;
        self
    }

    /// Adds a pack file, or a folder of them.
    pub fn rules(mut self, path: impl Into<PathBuf>) -> Self {
        self.packs.paths.push(path.into());
        self
    }

    /// Leaves out the standard packs.
    pub fn no_default_rules(mut self) -> Self {
        self.packs.no_default_rules = true;
        self
    }

    /// Takes a rule out, by `pack.rule`, or by its name alone where that is unique.
    pub fn disable(mut self, rule: impl Into<String>) -> Self {
        self.engine.disable.insert(rule.into());
        self
    }

    /// Grants an assumption.
    pub fn assume(mut self, name: impl Into<String>) -> Self {
        self.engine.assume.insert(name.into());
        self
    }

    /// Sets a constant of a pack: `streams.slots`, `64`.
    pub fn set(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.packs.constants.push((name.into(), value.into()));
        self
    }

    /// What the decision weighs.
    pub fn weight(mut self, weight: Weight) -> Self {
        self.engine.weight = weight;
        self
    }

    /// The form of the output.
    pub fn form(mut self, form: Form) -> Self {
        self.form = form;
        self
    }

    /// Reads the inputs and links them symbolically; decides nothing.
    ///
    /// # Errors
    ///
    /// If an input is malformed or invalid, or the inputs do not fit together.
    pub fn read(&self) -> Result<Program, FuseError> {
        let inputs = self.inputs.iter().map(to_binary).collect::<Result<Vec<_>, _>>()?;
        Ok(meld_component::read(&inputs)?)
    }

    /// Fuses.
    ///
    /// # Errors
    ///
    /// See [`FuseError`]. Nothing is ever written for an input that cannot be fused correctly.
    pub fn fuse(&self) -> Result<Fused, FuseError> {
        let rules = packs::load(&self.packs)?;
        let program = self.read()?;
        let decision = meld_engine::decide(&program, &rules, &self.engine)?;
        let form = match self.form {
            Form::Component => meld_emit::Form::Component,
            Form::Core => meld_emit::Form::Core,
        };
        let emitted = meld_emit::emit(&program, &decision.plan, form)?;
        Ok(Fused {
            bytes: emitted.bytes,
            warnings: emitted.warnings,
            trace: decision.trace,
            plan: decision.plan,
            program,
        })
    }
}

/// Text becomes binary; binary stays as it is, without a copy.
fn to_binary(input: &meld_component::Input) -> Result<meld_component::Input, FuseError> {
    if input.bytes.starts_with(b"\0asm") {
        return Ok(input.clone());
    }
    let invalid = |message: String| {
        FuseError::Read(meld_component::Error::not_wasm(&input.name, message))
    };
    let text = std::str::from_utf8(&input.bytes)
        .map_err(|_| invalid("neither a WebAssembly binary nor text".to_string()))?;
    let bytes = wat::parse_str(text).map_err(|e| invalid(e.to_string()))?;
    Ok(meld_component::Input { name: input.name.clone(), bytes: bytes.into() })
}

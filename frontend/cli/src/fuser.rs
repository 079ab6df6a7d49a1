//! The way from inputs to bytes, as one builder.

use crate::memories;
use crate::packs::{self, PackError, PackOptions};
use bytes::Bytes;
use meld_component::program::{Program, ResourceId};
use meld_component::{Error as ReadError, Input};
use meld_emit::{EmitError, Emitted, Report};
use meld_engine::plan::Form;
use meld_engine::{Decision, EngineError, Options, Weight};
use meld_pack::ruleset::{Guard, RuleId, RuleSet};
use std::collections::BTreeSet;
use std::io::Write;
use std::path::{Path, PathBuf};

/// Fuses components. Every method that configures returns the fuser again.
#[derive(Clone, Debug, Default)]
pub struct Fuser {
    inputs: Vec<Input>,
    packs: PackOptions,
    engine: Options,
}

/// Why nothing came out.
#[derive(Debug, thiserror::Error)]
pub enum FuseError {
    /// The rule packs.
    #[error(transparent)]
    Pack(#[from] PackError),
    /// An input is neither a binary nor text that parses.
    #[error("{input}: {message}")]
    NotWasm {
        /// The input.
        input: String,
        /// What is wrong with it.
        message: String,
    },
    /// An input.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// No rule implements an import, or a rule forbids what was decided.
    #[error(transparent)]
    Decide(#[from] EngineError),
    /// The decided program could not be written.
    #[error(transparent)]
    Emit(#[from] EmitError),
}

impl Fuser {
    /// A fuser with the standard packs and no input.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an input: a component or a core module, binary or text. The name stands in messages,
    /// and is the module name by which other core modules import from it.
    pub fn input(mut self, name: impl Into<String>, bytes: impl Into<Bytes>) -> Self {
        self.inputs.push(Input { name: name.into(), bytes: bytes.into() });
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

    /// Sets a constant of a pack: `streams.slots`, `64`.
    pub fn set(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.packs.constants.push((name.into(), value.into()));
        self
    }

    /// Takes a rule, an option or a forbid out, by `pack.rule` or as much of its end as names only one.
    pub fn disable(mut self, rule: impl Into<String>) -> Self {
        self.engine.disable.insert(rule.into());
        self
    }

    /// Grants an assumption.
    pub fn assume(mut self, name: impl Into<String>) -> Self {
        self.engine.assume.insert(name.into());
        self
    }

    /// Lets the representation of a resource be its handle: `ns:package/interface.resource`.
    pub fn opaque_rep(mut self, resource: impl Into<String>) -> Self {
        self.engine.opaque_names.insert(resource.into());
        self
    }

    /// What the decision weighs.
    pub fn weight(mut self, weight: Weight) -> Self {
        self.engine.weight = weight;
        self
    }

    /// The form of the output.
    pub fn form(mut self, form: Form) -> Self {
        self.engine.target.form = form;
        self
    }

    /// Whether the engines that run the output know SIMD128; they do unless this is said.
    pub fn simd(mut self, simd: bool) -> Self {
        self.engine.target.simd = simd;
        self
    }

    /// Loads and checks the packs in force, the standard ones without their tests.
    ///
    /// # Errors
    ///
    /// If a pack cannot be read or is not right.
    pub fn load_rules(&self) -> Result<RuleSet, FuseError> {
        Ok(packs::load_untested(&self.packs)?)
    }

    /// The inputs composed into one component, as a host would run them unfused. A single input
    /// comes back as it is.
    ///
    /// # Errors
    ///
    /// If an input is malformed, or the inputs do not fit together.
    pub fn compose(&self) -> Result<Bytes, FuseError> {
        Ok(meld_component::compose::compose(&self.binaries()?).map_err(ReadError::from)?.bytes)
    }

    /// Reads the inputs and links them symbolically; decides nothing.
    ///
    /// # Errors
    ///
    /// If an input is malformed or invalid, or the inputs do not fit together.
    pub fn read(&self) -> Result<Program, FuseError> {
        Ok(meld_component::read(&self.binaries()?)?)
    }

    /// Reads as [`Fuser::read`] does, but leaves function bodies for [`Decided::emit`] to validate.
    ///
    /// # Errors
    ///
    /// As [`Fuser::read`].
    pub fn read_deferred(&self) -> Result<Program, FuseError> {
        Ok(meld_component::read_deferred(&self.binaries()?)?)
    }

    /// Reads the inputs and decides, by these rules, what each import becomes. Function bodies
    /// are left for [`Decided::emit`] to validate.
    ///
    /// # Errors
    ///
    /// As [`Fuser::read`], and if no rule implements an import or a rule forbids the plan.
    pub fn decide<'r>(&self, rules: &'r RuleSet) -> Result<Decided<'r>, FuseError> {
        self.decide_for(self.read_deferred()?, rules)
    }

    /// Decides for a program that was made from the inputs, which is independent of rules.
    ///
    /// # Errors
    ///
    /// If no rule implements an import or a rule forbids the plan.
    pub fn decide_for<'r>(
        &self,
        program: Program,
        rules: &'r RuleSet,
    ) -> Result<Decided<'r>, FuseError> {
        let Decision { plan, trace, opaque } = self.decision(&program, rules)?;
        let mut warnings = self.without_effect(&program, rules, &opaque)?;
        warnings.extend(memories::warnings(&program, &plan, rules));
        Ok(Decided { program, plan, trace, warnings })
    }

    /// Names given as opaque of which no resource is as far as the plan goes, as sentences.
    pub(crate) fn without_effect(
        &self,
        program: &Program,
        rules: &RuleSet,
        used: &BTreeSet<ResourceId>,
    ) -> Result<Vec<String>, FuseError> {
        let asks = |guard: &Guard| match guard {
            Guard::Fact { fact, .. } => rules.facts[fact.index()].name == "opaque",
            Guard::Compare { .. } => false,
        };
        let mut ids = (0..).map(RuleId).take(rules.rules.len());
        let why = ids.find(|id| rules.rules[id.index()].guards.iter().any(asks)).map_or_else(
            || "no rule asks for it".to_string(),
            |id| format!("`--why-not {}` says why", rules.rule_name(id)),
        );
        let mut warnings = Vec::new();
        for name in &self.engine.opaque_names {
            if !meld_engine::resources(program, name)?.iter().any(|id| used.contains(id)) {
                warnings.push(format!("`--opaque-rep {name}` has no effect: {why}"));
            }
        }
        Ok(warnings)
    }

    pub(crate) fn decision<'r>(
        &self,
        program: &Program,
        rules: &'r RuleSet,
    ) -> Result<Decision<'r>, EngineError> {
        meld_engine::check_emitted(rules, meld_emit::emitted())?;
        meld_engine::decide(program, rules, &self.engine)
    }

    /// Fuses.
    ///
    /// # Errors
    ///
    /// See [`FuseError`]. Nothing is ever written for an input that cannot be fused correctly.
    pub fn fuse(&self) -> Result<Emitted, FuseError> {
        self.decide(&self.load_rules()?)?.emit()
    }

    /// The inputs as binaries; what is binary already is not copied.
    pub(crate) fn binaries(&self) -> Result<Vec<Input>, FuseError> {
        let binary = |input: &Input| {
            let bytes = binary(&input.name, input.bytes.clone())?;
            Ok(Input { name: input.name.clone(), bytes })
        };
        self.inputs.iter().map(binary).collect()
    }
}

/// A program for which everything is decided and nothing is written yet.
#[derive(Debug)]
pub struct Decided<'r> {
    /// What was read.
    pub program: Program,
    /// What was decided.
    pub plan: meld_engine::plan::Plan,
    /// Why each import became what it is.
    pub trace: meld_engine::trace::Trace<'r>,
    /// Options that have no effect and memories that the host does not find, as sentences; also among the warnings of what is written.
    pub warnings: Vec<String>,
}

impl Decided<'_> {
    /// Writes it.
    ///
    /// # Errors
    ///
    /// See [`EmitError`]. An input whose functions turn out to be invalid is an error in reading.
    pub fn emit(&self) -> Result<Emitted, FuseError> {
        let mut emitted = meld_emit::emit(&self.program, &self.plan).map_err(of_emitting)?;
        emitted.report.warnings.splice(..0, self.warnings.iter().cloned());
        Ok(emitted)
    }

    /// Writes it to `out` as it is made, so that it is never in memory as a whole. What was written before
    /// an error must be thrown away.
    ///
    /// # Errors
    ///
    /// As [`Decided::emit`], and [`EmitError::Write`].
    pub fn emit_to(&self, out: &mut (impl Write + Send)) -> Result<Report, FuseError> {
        let mut report = meld_emit::emit_to(&self.program, &self.plan, out).map_err(of_emitting)?;
        report.warnings.splice(..0, self.warnings.iter().cloned());
        Ok(report)
    }

    /// Has explanations say what was found in writing.
    pub fn note(&mut self, report: &Report) {
        for (port, text) in &report.not_inlined {
            self.trace.note(*port, text.clone());
        }
    }
}

fn of_emitting(error: EmitError) -> FuseError {
    match error {
        EmitError::Input(error) => FuseError::Read(error.into()),
        error => FuseError::Emit(error),
    }
}

/// A binary as it is, or text as a binary. `name` stands in messages: a path, or what the user calls
/// the input.
///
/// # Errors
///
/// [`FuseError::NotWasm`] where the bytes are neither.
pub fn binary(name: &str, bytes: Bytes) -> Result<Bytes, FuseError> {
    if bytes.starts_with(b"\0asm") {
        return Ok(bytes);
    }
    let invalid = |message: &str| {
        Err(FuseError::NotWasm { input: name.to_string(), message: message.to_string() })
    };
    if Path::new(name).extension().is_some_and(|extension| extension == "meld") {
        return invalid(
            "this is a rule pack and not WebAssembly; packs are given with `--rules`, and checked \
             with `meld rules check`",
        );
    }
    if bytes.is_empty() {
        return invalid("the file is empty");
    }
    let Some(text) = std::str::from_utf8(&bytes).ok().filter(|text| !text.contains('\0')) else {
        return invalid("neither a WebAssembly binary nor text");
    };
    match wat::Parser::new().parse_str(Some(Path::new(name)), text) {
        Ok(binary) => Ok(binary.into()),
        Err(error) => invalid(&error.to_string()),
    }
}

//! Scores fused components against the Component Model reference tests.
//!
//! ```text
//! file.wast ──split──▶ directives ──fuse each component──▶ the same script over fused binaries
//!                                                             │
//!                                             wasmtime-wast, one directive at a time
//!                                                             ▼
//!                                               one verdict for every assertion
//! ```
//!
//! An assertion on a component that meld refuses counts as failed: a refusal never scores. The
//! script goes on after a failed directive, so that one fault costs what it costs and no more.

mod script;

use anyhow::{Context, Result, anyhow, bail};
use indexmap::IndexMap;
use script::{Directive, Kind};
use std::collections::HashMap;
use std::path::Path;
use wasmtime_wast::{Async, SpectestConfig, WastContext};

/// How the components of a script are treated before they run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Treatment {
    /// Left as they are: what the engine itself scores.
    Unfused,
    /// Fused into a component of the same world.
    Fused,
}

/// What became of one assertion.
#[derive(Clone, Debug)]
pub struct Verdict {
    /// Line of the assertion, from 1.
    pub line: usize,
    /// Why it failed.
    pub failure: Option<String>,
}

/// The verdicts of one file.
#[derive(Clone, Debug)]
pub struct Score {
    /// Path below the suite's folder, for example `linking/unit.wast`.
    pub file: String,
    /// One verdict an assertion, in order.
    pub verdicts: Vec<Verdict>,
    /// Components that meld refused: line and reason.
    pub refused: Vec<(usize, String)>,
}

impl Score {
    /// How many assertions hold.
    pub fn passed(&self) -> usize {
        self.verdicts.iter().filter(|v| v.failure.is_none()).count()
    }
}

/// Runs one script.
///
/// # Errors
///
/// If the script cannot be read or parsed, or the engine cannot be set up. Failing assertions
/// are verdicts, not errors.
pub fn score(suite: &Path, path: &Path, treatment: Treatment) -> Result<Score> {
    let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
    let file = path.strip_prefix(suite).unwrap_or(path).to_string_lossy().into_owned();
    let directives = script::split(&text).with_context(|| file.clone())?;
    let mut run = Run {
        context: context()?,
        treatment,
        file: file.clone(),
        refused: HashMap::new(),
        current: Ok(()),
        score: Score { file, verdicts: Vec::new(), refused: Vec::new() },
    };
    for directive in &directives {
        run.directive(directive);
    }
    Ok(run.score)
}

/// A script on its way.
struct Run {
    context: WastContext,
    treatment: Treatment,
    file: String,
    /// Names of definitions and instances that do not exist because meld refused a component.
    refused: HashMap<String, String>,
    /// Why there is no current instance.
    current: Result<(), String>,
    score: Score,
}

impl Run {
    fn directive(&mut self, directive: &Directive<'_>) {
        match &directive.kind {
            Kind::Component { name, definition, binary } => {
                let outcome = self
                    .treat(binary)
                    .inspect_err(|reason| self.score.refused.push((directive.line, reason.clone())))
                    .and_then(|binary| self.run(&component(name, *definition, &binary)));
                self.define(name.as_deref(), *definition, outcome);
            }
            Kind::Instance { name, definition } => {
                let outcome = match self.refused.get(definition.unwrap_or_default()) {
                    Some(reason) => Err(reason.clone()),
                    None => self.run(directive.text),
                };
                self.define(*name, false, outcome);
            }
            Kind::AssertInvalid { binary } => {
                let failure = match (self.treatment, binary) {
                    (Treatment::Unfused, _) => self.run(directive.text).err(),
                    (Treatment::Fused, Ok(binary)) if self.treat(binary).is_ok() => {
                        Some("was accepted".to_string())
                    }
                    (Treatment::Fused, _) => None,
                };
                self.verdict(directive.line, failure);
            }
            Kind::AssertTrapping { binary } => {
                let failure = self
                    .treat(binary)
                    .and_then(|b| {
                        self.run(&format!("(assert_trap {} \"\")", component(&None, false, &b)))
                    })
                    .err();
                self.verdict(directive.line, failure);
            }
            Kind::Assert { instance, text } => {
                let text = match self.treatment {
                    Treatment::Unfused => directive.text,
                    Treatment::Fused => text,
                };
                let failure = self.on(*instance, text).err();
                self.verdict(directive.line, failure);
            }
            Kind::Other { instance } => {
                if let Err(reason) = self.on(*instance, directive.text) {
                    self.score.refused.push((directive.line, reason));
                }
            }
        }
    }

    /// Runs a directive that speaks of an instance, or of the current one.
    fn on(&mut self, instance: Option<&str>, text: &str) -> Result<(), String> {
        match instance {
            Some(name) => match self.refused.get(name) {
                Some(reason) => Err(reason.clone()),
                None => self.run(text),
            },
            None => self.current.clone().and_then(|()| self.run(text)),
        }
    }

    fn define(&mut self, name: Option<&str>, definition: bool, outcome: Result<(), String>) {
        let name = name.unwrap_or_default().to_string();
        match &outcome {
            Ok(()) => self.refused.remove(&name),
            Err(reason) => self.refused.insert(name, reason.clone()),
        };
        if !definition {
            self.current = outcome;
        }
    }

    fn treat(&self, binary: &[u8]) -> Result<Vec<u8>, String> {
        match self.treatment {
            Treatment::Unfused => Ok(binary.to_vec()),
            Treatment::Fused => meld::Fuser::new()
                .input("root", binary.to_vec())
                .fuse()
                .map(|fused| fused.bytes)
                .map_err(|e| format!("refused: {e}")),
        }
    }

    fn run(&mut self, text: &str) -> Result<(), String> {
        self.context.run_wast(&self.file, text.as_bytes()).map_err(|e| {
            format!("{:#}", anyhow!(e.to_string()).context(e.root_cause().to_string()))
        })
    }

    fn verdict(&mut self, line: usize, failure: Option<String>) {
        self.score.verdicts.push(Verdict { line, failure });
    }
}

/// A component directive over a binary.
fn component(name: &Option<String>, definition: bool, binary: &[u8]) -> String {
    let mut text = String::with_capacity(binary.len() * 3 + 64);
    text.push_str(if definition { "(component definition " } else { "(component " });
    if let Some(name) = name {
        text.push_str(name);
    }
    text.push_str(" binary \"");
    for byte in binary {
        text.push_str(&format!("\\{byte:02x}"));
    }
    text.push_str("\")");
    text
}

fn context() -> Result<WastContext> {
    let mut config = meld_verify::config();
    // The scripts' runner gives no fuel.
    config.consume_fuel(false).wasm_component_model_gc(true);
    let engine = wasmtime::Engine::new(&config).map_err(|e| anyhow!("{e:?}"))?;
    let mut context = WastContext::new(&engine, Async::Yes, |_| {});
    context.ignore_error_messages(true);
    context
        .register_spectest(&SpectestConfig { use_shared_memory: false, suppress_prints: true })
        .map_err(|e| anyhow!("{e:?}"))?;
    context.register_wasmtime().map_err(|e| anyhow!("{e:?}"))?;
    Ok(context)
}

/// How many assertions of each file hold, as `floors.txt` has it.
///
/// # Errors
///
/// If a line is not `path number`.
pub fn floors(text: &str) -> Result<IndexMap<String, usize>> {
    let mut floors = IndexMap::new();
    for line in text.lines().map(str::trim).filter(|l| !l.is_empty() && !l.starts_with('#')) {
        let Some((path, number)) = line.split_once(char::is_whitespace) else {
            bail!("`{line}` is not `path number`");
        };
        floors.insert(path.to_string(), number.trim().parse().context(line.to_string())?);
    }
    Ok(floors)
}

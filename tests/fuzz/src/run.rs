//! Runs one input through all of meld.

use crate::{Corpus, Subject};
use meld_component::program::Program;
use meld_component::{Input, decode::features, read};
use meld_emit::{EmitError, merge::MergeError};
use meld_engine::plan::{Form, Target};
use meld_engine::{EngineError, Options, decide};
use meld_pack::ruleset::RuleSet;
use meld_pack::{Loader, Made, PreparedModule};
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, OnceLock};
use wasmparser::Validator;

/// What came of an input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It was fused in this many forms.
    Fused(usize),
    /// It was refused with an error.
    Refused(String),
    /// It made meld panic, break its own rules or write what is not valid: how.
    Wrong(String),
}

/// Feeds an input to meld; panics become verdicts.
pub fn run(corpus: &Corpus, subject: &Subject) -> Verdict {
    let verdict = catch_unwind(AssertUnwindSafe(|| match subject {
        Subject::Wasm(inputs) => wasm(corpus, inputs),
        Subject::Pack(path, text) => pack(corpus, path, text),
    }));
    verdict.unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
        Verdict::Wrong(format!("panic: {}", text.unwrap_or("of some kind")))
    })
}

/// The standard packs; one may be another. Those beside it are parsed once, and their modules made once: to
/// read their texts each time would take longer than all else.
fn rules(corpus: &Corpus, other: Option<(&str, &str)>) -> Result<RuleSet, String> {
    let mut loader = Loader::new();
    for (path, text) in &corpus.packs {
        match other {
            Some((place, text)) if place == path => add(&mut loader, corpus, path, text),
            Some(_) => {
                let (syntax, modules) = made(corpus)[path];
                loader.made(path, text, Some(syntax), modules);
            }
            None => add(&mut loader, corpus, path, text),
        }
    }
    loader.finish().map_err(|diagnostics| diagnostics.render(false))
}

/// Adds a pack with the modules beside it.
fn add(loader: &mut Loader, corpus: &Corpus, path: &str, text: &str) {
    let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
    let beside: Vec<(&str, &[u8])> = corpus
        .modules
        .iter()
        .filter_map(|(path, bytes)| {
            let (within, name) = path.rsplit_once('/')?;
            (within == folder).then_some((name, &bytes[..]))
        })
        .collect();
    loader.builtin(path, text, &beside);
}

fn standard(corpus: &Corpus) -> &'static RuleSet {
    static RULES: OnceLock<RuleSet> = OnceLock::new();
    RULES.get_or_init(|| rules(corpus, None).expect("the standard packs are right"))
}

/// The syntax of a pack, and its modules.
type OfPack = (&'static [u8], &'static [Made]);

/// What was made of each standard pack, by its path.
fn made(corpus: &Corpus) -> &'static BTreeMap<String, OfPack> {
    static MADE: OnceLock<BTreeMap<String, OfPack>> = OnceLock::new();
    MADE.get_or_init(|| {
        let mut loader = Loader::new();
        corpus.packs.iter().for_each(|(path, text)| add(&mut loader, corpus, path, text));
        let packs = loader.prepare().expect("the standard packs are right");
        packs
            .into_iter()
            .map(|pack| {
                let made = |module: PreparedModule| {
                    let PreparedModule { name, follows, binaries } = module;
                    let leak = |binary: &Arc<[u8]>| &*Vec::leak(binary.to_vec());
                    let binaries = Vec::leak(binaries.iter().map(leak).collect());
                    Made { name: String::leak(name), follows: Vec::leak(follows), binaries }
                };
                let modules = Vec::leak(pack.modules.into_iter().map(made).collect());
                (pack.path.display().to_string(), (&*Vec::leak(pack.syntax), &*modules))
            })
            .collect()
    })
}

fn wasm(corpus: &Corpus, inputs: &[(String, Vec<u8>)]) -> Verdict {
    let inputs: Vec<Input> = inputs
        .iter()
        .map(|(name, bytes)| Input { name: name.clone(), bytes: bytes.clone().into() })
        .collect();
    fuse(&inputs, standard(corpus), true)
}

/// Fuses in both forms. With rules of somebody else's what comes out need not be valid: that
/// is found and said, which is enough.
fn fuse(inputs: &[Input], rules: &RuleSet, trusted: bool) -> Verdict {
    let program = match read(inputs) {
        Ok(program) => program,
        Err(error) => return refused(error.to_string(), false),
    };
    let (mut fused, mut refusal) = (0, Verdict::Fused(0));
    for form in [Form::Component, Form::Core] {
        let verdict = in_form(&program, rules, form, trusted);
        match verdict {
            Verdict::Fused(_) => fused += 1,
            Verdict::Refused(_) => refusal = verdict,
            Verdict::Wrong(_) => return verdict,
        }
    }
    if fused > 0 { Verdict::Fused(fused) } else { refusal }
}

fn in_form(program: &Program, rules: &RuleSet, form: Form, trusted: bool) -> Verdict {
    // No input of these sizes has a use for more.
    let target = Target { form, ..Target::default() };
    let options = Options { max_terms: 20_000, max_rounds: 200, target, ..Options::default() };
    let plan = match decide(program, rules, &options) {
        Ok(decision) => decision.plan,
        Err(error) => {
            let own = matches!(error, EngineError::Internal(_) | EngineError::Collapsed { .. });
            return refused(error.to_string(), trusted && own);
        }
    };
    match meld_emit::emit(program, &plan) {
        Ok(emitted) => {
            let mut validator = Validator::new_with_features(features());
            match validator.validate_all(&emitted.bytes) {
                Ok(_) => Verdict::Fused(1),
                Err(error) => Verdict::Wrong(format!("{form:?} that is not valid: {error}")),
            }
        }
        Err(error) => refused(error.to_string(), trusted && own_fault(&error)),
    }
}

fn refused(error: String, own_fault: bool) -> Verdict {
    if own_fault || error.contains("internal error of the engine") {
        return Verdict::Wrong(error);
    }
    Verdict::Refused(error)
}

/// An error that no input may cause, whatever it says.
fn own_fault(error: &EmitError) -> bool {
    match error {
        EmitError::Term { .. } | EmitError::Unanswered(_) | EmitError::Invalid(_) => true,
        EmitError::Merge(error) => matches!(
            error,
            MergeError::Malformed { .. }
                | MergeError::Type { .. }
                | MergeError::Sources { .. }
                | MergeError::NoInstance { .. }
                | MergeError::NoExport { .. }
                | MergeError::Kind { .. }
                | MergeError::Const { .. }
        ),
        error => error.to_string().contains("internal error"),
    }
}

fn pack(corpus: &Corpus, path: &str, text: &str) -> Verdict {
    static INPUT: OnceLock<Vec<u8>> = OnceLock::new();
    let bytes = INPUT.get_or_init(|| {
        wat::parse_str(include_str!("component.wat")).expect("the component is right")
    });
    match rules(corpus, Some((path, text))) {
        Ok(rules) => {
            let input = Input { name: "a".into(), bytes: bytes.clone().into() };
            fuse(&[input], &rules, false)
        }
        Err(report) => Verdict::Refused(report),
    }
}

//! Inputs that somebody else chooses: libFuzzer, by the code that they reach.

use crate::{Corpus, Subject, Verdict, run, smith};
use arbitrary::Unstructured;
use meld_component::guard::is_guarded;
use std::sync::OnceLock;
use wasmparser::{Parser, Payload};

/// What the bytes are taken for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Guided {
    /// A component, or choices of wasm-smith that make one.
    Component,
    /// A core module, or choices of wasm-smith that make two.
    Module,
    /// A number of a standard pack and the text that takes its place.
    Pack,
}

impl Guided {
    /// All of them, with the names of their targets.
    pub const ALL: [(Guided, &'static str); 3] =
        [(Guided::Component, "component"), (Guided::Module, "module"), (Guided::Pack, "pack")];

    /// Inputs to begin with.
    pub fn seeds(self, corpus: &Corpus) -> Vec<Vec<u8>> {
        match self {
            Guided::Component => corpus.binaries.clone(),
            Guided::Module => corpus.binaries.iter().flat_map(|bytes| modules(bytes)).collect(),
            Guided::Pack => {
                let packs = corpus.packs.iter().enumerate();
                packs.map(|(n, (_, text))| [&[n as u8], text.as_bytes()].concat()).collect()
            }
        }
    }

    /// What the bytes stand for; none if they stand for nothing.
    pub fn subject(self, corpus: &Corpus, data: &[u8]) -> Option<Subject> {
        let one = |bytes| Some(Subject::Wasm(vec![("a".to_string(), bytes)]));
        match self {
            Guided::Component | Guided::Module if data.starts_with(b"\0asm") => one(data.to_vec()),
            Guided::Component => {
                let mut choices = Unstructured::new(data);
                let config =
                    wasm_smith::Config { max_components: 3, ..smith(choices.arbitrary().ok()?) };
                one(wasm_smith::Component::new(config, &mut choices).ok()?.to_bytes())
            }
            Guided::Module => {
                let mut choices = Unstructured::new(data);
                let mut inputs = Vec::new();
                for name in ["a", "b"] {
                    let config = smith(choices.arbitrary().ok()?);
                    let module = wasm_smith::Module::new(config, &mut choices).ok()?;
                    inputs.push((name.to_string(), module.to_bytes()));
                }
                Some(Subject::Wasm(inputs))
            }
            Guided::Pack => {
                let (number, text) = data.split_first()?;
                let (path, _) = &corpus.packs[usize::from(*number) % corpus.packs.len()];
                Some(Subject::Pack(path.clone(), std::str::from_utf8(text).ok()?.to_string()))
            }
        }
    }
}

/// The core modules of a component.
fn modules(bytes: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    let payloads = Parser::new(0).parse_all(bytes).map_while(Result::ok);
    payloads.filter_map(|payload| match payload {
        Payload::ModuleSection { unchecked_range, .. } => Some(bytes[unchecked_range].to_vec()),
        _ => None,
    })
}

/// Feeds what the bytes stand for to meld.
///
/// # Panics
///
/// If what must not come of an input comes of this one, or the corpus cannot be read.
pub fn guided(kind: Guided, data: &[u8]) {
    static CORPUS: OnceLock<Corpus> = OnceLock::new();
    let corpus = CORPUS.get_or_init(|| {
        // libFuzzer's ends the process. A panic of a library that becomes an error is none.
        let end = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            if !is_guarded() {
                end(panic);
            }
        }));
        Corpus::read().expect("the corpus is there")
    });
    if let Some(subject) = kind.subject(corpus, data)
        && let Verdict::Wrong(why) = run(corpus, &subject)
    {
        panic!("{why}");
    }
}

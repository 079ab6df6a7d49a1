//! Feeds broken and random inputs to everything that reads, and says what must not come of them:
//! a panic, an error that calls itself internal, or output that is not valid.
//!
//! ```text
//! corpus ─▶ mutate ─▶ input ─▶ decode, link, decide, emit ─▶ validate ─▶ Verdict
//!   seed, number ─┘                     (twice: component, core module)
//! ```
//!
//! An input follows from a [`Target`], a seed and a number alone, so what was found once is found
//! again. `tests/mutations.rs` runs a bounded number of each, the command `meld-fuzz` as many as
//! one likes. With [`guided`], libFuzzer chooses inputs instead (the folder `fuzz`).

mod corpus;
mod guided;
mod mutate;
mod run;

pub use corpus::Corpus;
pub use guided::{Guided, guided};
pub use run::{Verdict, run};

use arbitrary::Unstructured;
use mutate::Mutator;
use std::fmt;

/// What is fed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, clap::ValueEnum)]
pub enum Target {
    /// Binaries of components and guests with bytes changed.
    Bytes,
    /// Texts of components with forms changed, moved or exchanged.
    Forms,
    /// Components that wasm-smith makes, at times with bytes changed.
    Smith,
    /// Core modules that wasm-smith makes, one or two, at times with bytes changed.
    Modules,
    /// The standard packs with characters and forms changed, applied to a component.
    Packs,
}

impl Target {
    /// All of them.
    pub const ALL: [Target; 5] =
        [Target::Bytes, Target::Forms, Target::Smith, Target::Modules, Target::Packs];
}

/// Something to feed.
#[derive(Clone, PartialEq, Eq)]
pub enum Subject {
    /// Components or core modules, each with its name.
    Wasm(Vec<(String, Vec<u8>)>),
    /// A pack in the place of a standard one: its path, and its text.
    Pack(String, String),
}

impl fmt::Debug for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Subject::Wasm(inputs) => {
                let sizes = inputs.iter().map(|(name, bytes)| format!("{name}: {}", bytes.len()));
                write!(f, "Wasm({})", sizes.collect::<Vec<_>>().join(", "))
            }
            Subject::Pack(path, text) => write!(f, "Pack({path}: {})", text.len()),
        }
    }
}

/// The input of a target with this seed and number; none if there is nothing to try.
pub fn subject(corpus: &Corpus, target: Target, seed: u64, number: u64) -> Option<Subject> {
    let mut mutator = Mutator::new(seed ^ (target as u64) << 56, number);
    let one = |bytes| Some(Subject::Wasm(vec![("a".to_string(), bytes)]));
    match target {
        Target::Bytes => {
            let mut bytes = mutator.pick(&corpus.binaries).clone();
            mutator.bytes(&mut bytes);
            one(bytes)
        }
        Target::Forms => {
            let text = mutator.pick(&corpus.texts);
            let other = mutator.pick(&corpus.texts);
            // Most of what does not parse would tell nothing.
            wat::parse_str(mutator.forms(text, other)).ok().and_then(one)
        }
        Target::Smith => {
            let noise = mutator.noise(2048);
            let config =
                wasm_smith::Config { max_components: 3, ..smith(Smith::any(&mut mutator)) };
            let component =
                wasm_smith::Component::new(config, &mut Unstructured::new(&noise)).ok()?;
            let mut bytes = component.to_bytes();
            if mutator.below(3) == 0 {
                mutator.bytes(&mut bytes);
            }
            one(bytes)
        }
        Target::Modules => {
            let mut inputs = Vec::new();
            for name in ["a", "b"].into_iter().take(1 + mutator.below(2)) {
                let noise = mutator.noise(4096);
                let config = smith(Smith::any(&mut mutator));
                let module =
                    wasm_smith::Module::new(config, &mut Unstructured::new(&noise)).ok()?;
                let mut bytes = module.to_bytes();
                if mutator.below(3) == 0 {
                    mutator.bytes(&mut bytes);
                }
                inputs.push((name.to_string(), bytes));
            }
            Some(Subject::Wasm(inputs))
        }
        Target::Packs => {
            let (path, text) = mutator.pick(&corpus.packs).clone();
            Some(Subject::Pack(path, mutator.pack(&text)))
        }
    }
}

/// What of wasm-smith's configuration differs between inputs.
#[derive(Clone, Copy, Debug, arbitrary::Arbitrary)]
struct Smith {
    export_everything: bool,
    threads: bool,
}

impl Smith {
    fn any(mutator: &mut Mutator) -> Smith {
        Smith { export_everything: mutator.below(2) == 0, threads: mutator.below(2) == 0 }
    }
}

fn smith(Smith { export_everything, threads }: Smith) -> wasm_smith::Config {
    wasm_smith::Config {
        max_memories: 3,
        max_tables: 3,
        max_instructions: 60,
        export_everything,
        exceptions_enabled: true,
        gc_enabled: true,
        threads_enabled: threads,
        tail_call_enabled: true,
        relaxed_simd_enabled: true,
        memory64_enabled: true,
        custom_page_sizes_enabled: true,
        extended_const_enabled: true,
        ..wasm_smith::Config::default()
    }
}

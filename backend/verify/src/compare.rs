//! The comparison itself.

use crate::guard::guard;
use crate::report::{Call, Ended, INSTANTIATE, NO_INSTANCE, Outcome, Report, Skipped, Verdict};
use crate::run::{FUEL, Live, Subject, engine};
use crate::values::{Rng, unsupported};
use crate::world::{World, path_text};
use wasmtime::component::types::ComponentFunc;
use wasmtime::component::{Component, Type};

/// How much is compared, and from which seed.
#[derive(Clone, Debug)]
pub struct Options {
    /// Every argument and every answer of the host follows from it.
    pub seed: u64,
    /// How often each exported function is called; one without parameters, for which only state
    /// can make two calls differ, at most three times.
    pub calls_per_export: u32,
    /// What one call, or an instantiation, may use up: about one unit an instruction. A function
    /// that was given up on, for this or another limit, is not called again.
    pub fuel: u64,
    /// Which calls share an instance.
    pub sequence: Sequence,
}

/// Which calls share an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sequence {
    /// All calls, up to the next trap: state that a call leaves behind is seen by the next.
    OneInstance,
    /// None.
    FreshInstances,
}

impl Default for Options {
    fn default() -> Self {
        Options { seed: 0, calls_per_export: 16, fuel: FUEL, sequence: Sequence::OneInstance }
    }
}

/// One of the two components.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// What was given.
    Original,
    /// What meld made of it.
    Fused,
}

impl std::fmt::Display for Which {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Which::Original => "original",
            Which::Fused => "fused one",
        })
    }
}

/// Why two components could not be compared.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// The engine cannot be set up on this machine.
    #[error("the engine cannot be set up: {0}")]
    Engine(String),
    /// Not a valid component, or not a valid core module.
    #[error("the {which} is not valid: {reason}")]
    Invalid {
        /// Which of the two.
        which: Which,
        /// What the engine says.
        reason: String,
    },
    /// An import for which there is no stub.
    #[error("the imports of the {which} cannot be stubbed: {reason}")]
    Imports {
        /// Which of the two.
        which: Which,
        /// Which import, and why.
        reason: String,
    },
    /// The engine panicked when it compiled.
    #[error("the {which} cannot be compiled: {reason}")]
    Panicked {
        /// Which of the two.
        which: Which,
        /// What the engine panicked with.
        reason: String,
    },
    /// There is no such function, or it has parameters.
    #[error("`{0}` is not an exported function without parameters")]
    Function(String),
}

/// Runs two components of one world with the same generated arguments.
///
/// Both may be binaries or text. Functions with streams, futures or error contexts in their types are
/// not called, nor are those that take a resource that no function returns; the report lists them.
///
/// # Errors
///
/// If one of the two is not a valid component, or imports a module or a component. That they
/// behave differently is no error: see [`Report::same`].
pub fn compare(original: &[u8], fused: &[u8], options: &Options) -> Result<Report, VerifyError> {
    let (world, original) = prepare(Which::Original, original, None, options)?;
    let (fused_world, fused) = prepare(Which::Fused, fused, Some(&world), options)?;
    let mut pair = Pair { original, fused, live: None, dead: false, report: Report::default() };
    pair.report.world = world.differences(&fused_world);
    pair.instantiate(true);
    let known = |path| fused_world.exports.iter().any(|(other, _)| other == path);
    // Functions that can be called, and why they were not so far.
    let (mut callable, mut handles) = (Vec::new(), false);
    for (path, ty) in &world.exports {
        let function = path_text(path);
        if let Some(reason) = reason_to_skip(ty) {
            pair.report.skipped.push(Skipped { function, reason });
        } else if known(path) {
            let (mut uncalled, mut called) = (None, false);
            for n in 0..calls(ty, options) {
                match pair.call(path, n, options) {
                    Ok(next) => {
                        called = true;
                        if next == Next::Stop {
                            break;
                        }
                    }
                    Err(reason) => uncalled = Some(reason),
                }
            }
            let uncalled = uncalled.filter(|_| !called);
            handles |= ty.params().map(|(_, ty)| ty).chain(ty.results()).any(|ty| has_handles(&ty));
            callable.push((path, uncalled));
        }
    }
    // Functions need each other's handles, so they are called once more, in turn.
    let turns = if handles { options.calls_per_export } else { 0 };
    for n in options.calls_per_export..options.calls_per_export.saturating_add(turns) {
        for (path, uncalled) in &mut callable {
            if pair.call(path, n, options).is_ok() {
                *uncalled = None;
            }
        }
    }
    for (path, uncalled) in callable {
        let function = path_text(path);
        pair.report.skipped.extend(uncalled.map(|reason| Skipped { function, reason }));
    }
    let mut rng = Rng::new(options.seed, "(drop)", u64::MAX);
    while pair.drop_handle(&mut rng) {}
    Ok(pair.report)
}

/// Calls one exported function without parameters, on a fresh instance.
///
/// # Errors
///
/// As [`compare`], and if there is no such function, or it has parameters.
pub fn call(component: &[u8], function: &str, options: &Options) -> Result<Outcome, VerifyError> {
    let (world, subject) = prepare(Which::Original, component, None, options)?;
    let (path, _) = world
        .exports
        .iter()
        .find(|(path, ty)| path_text(path) == function && ty.params().len() == 0)
        .ok_or_else(|| VerifyError::Function(function.to_string()))?;
    let (outcome, live) = subject.instantiate();
    Ok(live.map_or(outcome, |mut live| live.call(path, &[])))
}

fn prepare(
    which: Which,
    bytes: &[u8],
    like: Option<&World>,
    options: &Options,
) -> Result<(World, Subject), VerifyError> {
    let engine = engine().map_err(VerifyError::Engine)?;
    let prepare = || {
        let component = Component::new(engine, bytes)
            .map_err(|e| VerifyError::Invalid { which, reason: format!("{e:#}") })?;
        let world = World::of(engine, &component);
        let resources = &like.unwrap_or(&world).resources;
        let subject =
            Subject::new(engine, &component, &world, resources, options.seed, options.fuel)
                .map_err(|reason| VerifyError::Imports { which, reason })?;
        Ok((world, subject))
    };
    guard(prepare).unwrap_or_else(|reason| Err(VerifyError::Panicked { which, reason }))
}

fn reason_to_skip(ty: &ComponentFunc) -> Option<String> {
    ty.params().map(|(_, ty)| ty).chain(ty.results()).find_map(|ty| unsupported(&ty))
}

fn calls(ty: &ComponentFunc, options: &Options) -> u32 {
    // Without parameters only state can make two calls differ.
    if ty.params().len() == 0 { options.calls_per_export.min(3) } else { options.calls_per_export }
}

/// Whether values of the type are handles, or may hold some.
fn has_handles(ty: &Type) -> bool {
    match ty {
        Type::Own(_) | Type::Borrow(_) => true,
        Type::List(list) => has_handles(&list.ty()),
        Type::FixedLengthList(list) => has_handles(&list.ty()),
        Type::Map(map) => has_handles(&map.key()) || has_handles(&map.value()),
        Type::Record(record) => record.fields().any(|field| has_handles(&field.ty)),
        Type::Tuple(tuple) => tuple.types().any(|ty| has_handles(&ty)),
        Type::Variant(variant) => {
            variant.cases().filter_map(|case| case.ty).any(|ty| has_handles(&ty))
        }
        Type::Option(option) => has_handles(&option.ty()),
        Type::Result(result) => {
            result.ok().into_iter().chain(result.err()).any(|ty| has_handles(&ty))
        }
        _ => false,
    }
}

/// The two components, and their current instances while both live.
struct Pair {
    original: Subject,
    fused: Subject,
    live: Option<(Live, Live)>,
    /// Instantiating does not get through: it always goes the same way.
    dead: bool,
    report: Report,
}

/// Whether more calls of a function can tell anything.
#[derive(PartialEq)]
enum Next {
    Go,
    Stop,
}

impl Pair {
    fn instantiate(&mut self, report: bool) {
        let (original, a) = self.original.instantiate();
        let (fused, b) = self.fused.instantiate();
        if report || original.verdict(&fused) != Verdict::Same {
            self.record(INSTANTIATE, String::new(), false, original, fused);
        }
        self.live = a.zip(b);
        self.dead = self.live.is_none();
    }

    /// Calls a function with the arguments of this number, and now and then drops a handle; says why
    /// if there are no such arguments, or no instances.
    fn call(&mut self, path: &[String], n: u32, options: &Options) -> Result<Next, String> {
        if !self.dead && (self.live.is_none() || options.sequence == Sequence::FreshInstances) {
            self.instantiate(false);
        }
        let Some((original, fused)) = &mut self.live else { return Err(NO_INSTANCE.to_string()) };
        let function = path_text(path);
        let mut rng = Rng::new(options.seed, &function, u64::from(n));
        let (arguments, text) = original.arguments(path, rng.clone())?;
        let (of_fused, _) = fused.arguments(path, rng.clone())?;
        let (a, b) = (original.call(path, &arguments), fused.call(path, &of_fused));
        let trapped = |outcome: &Outcome| matches!(outcome.ended, Ended::Trapped(_));
        let returned = |outcome: &Outcome| matches!(outcome.ended, Ended::Returned(_));
        let given_up = |outcome: &Outcome| matches!(outcome.ended, Ended::GivenUp(_));
        let over = !returned(&a) || !returned(&b);
        // The next call would most likely go the same way, and take as long.
        let next = if given_up(&a) || given_up(&b) { Next::Stop } else { Next::Go };
        let again = (trapped(&a) && trapped(&b))
            .then(|| (original.call(path, &arguments), fused.call(path, &of_fused)));
        self.record(&function, text.clone(), false, a, b);
        if let Some((a, b)) = again {
            self.record(&function, text, true, a, b);
        }
        if over {
            self.live = None;
        } else if rng.below(4) == 0 {
            self.drop_handle(&mut rng);
        }
        Ok(next)
    }

    /// Drops a handle that some function returned; false if there is none.
    fn drop_handle(&mut self, rng: &mut Rng) -> bool {
        let Some((original, fused)) = &mut self.live else { return false };
        let Some((text, a)) = original.drop_handle(&mut rng.clone()) else { return false };
        let Some((_, b)) = fused.drop_handle(rng) else { return false };
        let returned = |outcome: &Outcome| matches!(outcome.ended, Ended::Returned(_));
        let over = !returned(&a) || !returned(&b);
        self.record("(drop)", text, false, a, b);
        if over {
            self.live = None;
        }
        !over
    }

    fn record(
        &mut self,
        function: &str,
        arguments: String,
        after_trap: bool,
        original: Outcome,
        fused: Outcome,
    ) {
        let verdict = original.verdict(&fused);
        let function = function.to_string();
        self.report.calls.push(Call { function, arguments, after_trap, original, fused, verdict });
    }
}

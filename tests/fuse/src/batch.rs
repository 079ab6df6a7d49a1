//! Runs generated batches, unfused and fused, case by case on fresh instances.

use crate::generate::{Batch, Try};
use std::collections::BTreeMap;
use std::sync::OnceLock;
use wasmtime::component::{
    Component, ComponentNamedList, Instance, InstancePre, Lift, Linker, Lower, Val,
};
use wasmtime::{Engine, Store, Trap, WasmBacktrace};

/// More than any case needs.
const FUEL: u64 = 200_000_000;

/// What one case did.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// It came back.
    Returned {
        /// What the caller received, as a checksum.
        caller: u64,
        /// What the callee received, as a checksum.
        callee: u64,
        /// The arguments of the callee's `realloc` and `post-return`.
        callee_log: Vec<u64>,
        /// The arguments of the caller's `realloc`.
        caller_log: Vec<u64>,
    },
    /// It trapped, and what it trapped in cannot be entered again.
    Trapped,
    /// It used up its fuel: what a wrong pointer leads to may be long.
    GivenUp,
    /// None of these, which no case should.
    Odd(String),
}

/// A batch as a component, unfused or fused.
pub struct Subject {
    pre: InstancePre<()>,
}

/// The engine of this process.
///
/// # Panics
///
/// If the engine cannot be set up on this machine.
pub fn engine() -> &'static Engine {
    static ENGINE: OnceLock<Engine> = OnceLock::new();
    ENGINE.get_or_init(|| Engine::new(&meld_verify::config()).expect("the engine is set up"))
}

impl Subject {
    /// Compiles a component, from text or binary. What it imports traps.
    ///
    /// # Errors
    ///
    /// If it is not valid, or imports more than functions.
    pub fn new(component: &[u8]) -> wasmtime::Result<Self> {
        let component = Component::new(engine(), component)?;
        let mut linker = Linker::new(engine());
        linker.define_unknown_imports_as_traps(&component)?;
        Ok(Subject { pre: linker.instantiate_pre(&component)? })
    }

    /// Calls an export without parameters on a fresh instance; if it traps, the name of the
    /// function in which it does.
    ///
    /// # Errors
    ///
    /// If there is no such export.
    pub fn trap(&self, export: &str) -> wasmtime::Result<Option<String>> {
        Ok(self.failure(export)?.map(|error| trap_name(&error)))
    }

    /// Calls an export as [`Subject::trap`] does; if it traps, the engine's backtrace, as it prints it.
    ///
    /// # Errors
    ///
    /// If there is no such export.
    pub fn backtrace(&self, export: &str) -> wasmtime::Result<Option<String>> {
        let error = self.failure(export)?;
        let trace = error.as_ref().and_then(|error| error.downcast_ref::<WasmBacktrace>());
        Ok(trace.map(ToString::to_string))
    }

    fn failure(&self, export: &str) -> wasmtime::Result<Option<wasmtime::Error>> {
        let Live { mut store, instance } = match self.live() {
            Ok(live) => live,
            // A start function.
            Err(error) => return Ok(Some(error)),
        };
        let function = instance
            .get_func(&mut store, export)
            .ok_or_else(|| wasmtime::Error::msg(format!("there is no export `{export}`")))?;
        let mut results = vec![Val::Bool(false); function.ty(&store).results().len()];
        Ok(function.call(&mut store, &[], &mut results).err())
    }

    /// Runs one case on a fresh instance; also says why it trapped.
    pub fn run(&self, case: Try) -> (Outcome, Option<Why>) {
        match self.live().and_then(|mut live| live.run(case)) {
            Ok(outcome) => outcome,
            Err(error) => (Outcome::Odd(format!("{error:#}")), None),
        }
    }

    /// A fresh instance.
    pub(crate) fn live(&self) -> wasmtime::Result<Live> {
        let mut store = Store::new(engine(), ());
        store.set_fuel(FUEL)?;
        let instance = self.pre.instantiate(&mut store)?;
        Ok(Live { store, instance })
    }
}

/// An instance that runs.
pub(crate) struct Live {
    store: Store<()>,
    instance: Instance,
}

impl Live {
    fn run(&mut self, case: Try) -> wasmtime::Result<(Outcome, Option<Why>)> {
        let arm = |(call, kind): (u32, _)| (call, kind as u32);
        self.call::<_, ()>("turn", (case.row,))?;
        self.call::<_, ()>("arm-callee", arm(case.callee))?;
        self.call::<_, ()>("arm-caller", arm(case.caller))?;
        match self.call::<_, (u64,)>("run", (case.function, case.row)) {
            Ok((caller,)) => {
                let (callee,) = self.call::<_, (u64,)>("seen", ())?;
                let (callee_log,) = self.call::<_, (Vec<u64>,)>("callee-log", ())?;
                let (caller_log,) = self.call::<_, (Vec<u64>,)>("caller-log", ())?;
                Ok((Outcome::Returned { caller, callee, callee_log, caller_log }, None))
            }
            Err(error) => {
                if matches!(error.downcast_ref(), Some(Trap::OutOfFuel)) {
                    return Ok((Outcome::GivenUp, None));
                }
                let why = Why { function: trap_name(&error), reason: reason(&error) };
                for again in ["seen", "callee-log", "caller-log"] {
                    let entered = match again {
                        "seen" => self.call::<_, (u64,)>(again, ()).is_ok(),
                        log => self.call::<_, (Vec<u64>,)>(log, ()).is_ok(),
                    };
                    if entered {
                        let odd = format!("`{again}` can be called after the trap in {why:?}");
                        return Ok((Outcome::Odd(odd), Some(why)));
                    }
                }
                Ok((Outcome::Trapped, Some(why)))
            }
        }
    }

    /// Calls an export.
    pub(crate) fn call<P, R>(&mut self, name: &str, params: P) -> wasmtime::Result<R>
    where
        P: ComponentNamedList + Lower + Send + Sync,
        R: ComponentNamedList + Lift + Send + Sync + 'static,
    {
        let function = self.instance.get_typed_func::<P, R>(&mut self.store, name)?;
        function.call(&mut self.store, params)
    }
}

/// The function that a backtrace begins with, or the whole error if it has no name.
pub(crate) fn trap_name(error: &wasmtime::Error) -> String {
    let frames = error.downcast_ref::<WasmBacktrace>().map(|trace| trace.frames());
    let name = frames.and_then(|frames| frames.first()?.func_name());
    name.map_or_else(|| format!("{error:#}"), str::to_string)
}

/// Why a case trapped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Why {
    /// The function that a backtrace begins with.
    pub function: String,
    /// What the engine calls it.
    pub reason: String,
}

/// What the engine calls a trap, without the backtrace.
fn reason(error: &wasmtime::Error) -> String {
    match error.downcast_ref::<Trap>() {
        Some(trap) => format!("{trap:?}"),
        None => error.root_cause().to_string(),
    }
}

/// What the engine calls it when an unfused component fails a check that a fused one has a function
/// for. The engine has fewer reasons: it tells a length that is too large from a list or string out of
/// bounds no more than what `realloc` returned.
const REASONS: [(&str, &[&str]); 8] = [
    ("UnalignedPointer", &["unaligned-pointer", "unaligned-string", "realloc-unaligned"]),
    ("MemoryOutOfBounds", &["pointer-out-of-bounds", "realloc-out-of-bounds"]),
    ("ListOutOfBounds", &["list-out-of-bounds", "list-too-long", "realloc-out-of-bounds"]),
    ("StringOutOfBounds", &["string-out-of-bounds", "string-too-long", "realloc-out-of-bounds"]),
    ("InvalidChar", &["invalid-char"]),
    ("InvalidDiscriminant", &["invalid-discriminant"]),
    ("invalid utf8 encoding", &["invalid-utf8"]),
    ("invalid utf16 encoding", &["invalid-utf16"]),
];

/// Whether a fused component says by the function it traps in what the unfused one trapped for: by the
/// check that failed, or where a guest gave up itself.
fn alike(unfused: &Why, fused: &Why) -> bool {
    match fused.function.strip_prefix("meld:trap:") {
        Some(found) => {
            let known = REASONS.iter().find(|(reason, _)| *reason == unfused.reason);
            known.is_some_and(|(_, reasons)| reasons.contains(&found))
        }
        None => {
            fused.function.contains("guest:gives-up") && unfused.function.contains("guest:gives-up")
        }
    }
}

/// How many cases returned and trapped, and how those differ that do.
#[derive(Debug, Default)]
pub struct Tally {
    /// Cases that came back, alike.
    pub returned: usize,
    /// Cases that trapped, alike.
    pub trapped: usize,
    /// How often the fused component trapped in which function.
    pub traps: BTreeMap<String, usize>,
    /// The others: the case, and both outcomes.
    pub wrong: Vec<String>,
}

/// Runs all cases of a batch on both components. A trap of the fused one must be in the function that
/// says why the unfused one trapped, or in the guest.
pub fn compare(batch: &Batch, unfused: &Subject, fused: &Subject) -> Tally {
    let mut tally = Tally::default();
    for &case in &batch.cases {
        let ((expected, why), (found, name)) = (unfused.run(case), fused.run(case));
        let told = why.as_ref().zip(name.as_ref()).is_none_or(|(why, name)| alike(why, name));
        match &expected {
            Outcome::Returned { .. } if found == expected => tally.returned += 1,
            Outcome::GivenUp if found == expected => {}
            Outcome::Trapped if found == expected && told => {
                tally.trapped += 1;
                let name = name.map_or_else(String::new, |name| name.function);
                *tally.traps.entry(name).or_default() += 1;
            }
            _ => tally.wrong.push(format!(
                "{case:?}\n  unfused: {expected:?} {why:?}\n  fused:   {found:?} {name:?}"
            )),
        }
    }
    tally
}

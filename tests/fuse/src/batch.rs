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
        let Live { mut store, instance } = match self.live() {
            Ok(live) => live,
            // A start function.
            Err(error) => return Ok(Some(trap_name(&error))),
        };
        let function = instance
            .get_func(&mut store, export)
            .ok_or_else(|| wasmtime::Error::msg(format!("there is no export `{export}`")))?;
        let mut results = vec![Val::Bool(false); function.ty(&store).results().len()];
        let called = function.call(&mut store, &[], &mut results);
        Ok(called.err().map(|error| trap_name(&error)))
    }

    /// Runs one case on a fresh instance; also gives the name of the function that trapped.
    pub fn run(&self, case: Try) -> (Outcome, Option<String>) {
        match self.live().and_then(|mut live| live.run(case)) {
            Ok(outcome) => outcome,
            Err(error) => (Outcome::Odd(format!("{error:#}")), None),
        }
    }

    fn live(&self) -> wasmtime::Result<Live> {
        let mut store = Store::new(engine(), ());
        store.set_fuel(FUEL)?;
        let instance = self.pre.instantiate(&mut store)?;
        Ok(Live { store, instance })
    }
}

struct Live {
    store: Store<()>,
    instance: Instance,
}

impl Live {
    fn run(&mut self, case: Try) -> wasmtime::Result<(Outcome, Option<String>)> {
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
                let name = trap_name(&error);
                for again in ["seen", "callee-log", "caller-log"] {
                    let entered = match again {
                        "seen" => self.call::<_, (u64,)>(again, ()).is_ok(),
                        log => self.call::<_, (Vec<u64>,)>(log, ()).is_ok(),
                    };
                    if entered {
                        let odd = format!("`{again}` can be called after the trap in {name}");
                        return Ok((Outcome::Odd(odd), Some(name)));
                    }
                }
                Ok((Outcome::Trapped, Some(name)))
            }
        }
    }

    fn call<P, R>(&mut self, name: &str, params: P) -> wasmtime::Result<R>
    where
        P: ComponentNamedList + Lower + Send + Sync,
        R: ComponentNamedList + Lift + Send + Sync + 'static,
    {
        let function = self.instance.get_typed_func::<P, R>(&mut self.store, name)?;
        function.call(&mut self.store, params)
    }
}

/// The function that a backtrace begins with, or the whole error if it has no name.
fn trap_name(error: &wasmtime::Error) -> String {
    let frames = error.downcast_ref::<WasmBacktrace>().map(|trace| trace.frames());
    let name = frames.and_then(|frames| frames.first()?.func_name());
    name.map_or_else(|| format!("{error:#}"), str::to_string)
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

/// Runs all cases of a batch on both components. A trap of the fused one must be in one of the
/// functions that say why, or in the guest.
pub fn compare(batch: &Batch, unfused: &Subject, fused: &Subject) -> Tally {
    let mut tally = Tally::default();
    for &case in &batch.cases {
        let ((expected, why), (found, name)) = (unfused.run(case), fused.run(case));
        let told = name
            .as_deref()
            .is_none_or(|name| name.contains("meld:trap:") || name.contains("guest:gives-up"));
        match &expected {
            Outcome::Returned { .. } if found == expected => tally.returned += 1,
            Outcome::GivenUp if found == expected => {}
            Outcome::Trapped if found == expected && told => {
                tally.trapped += 1;
                *tally.traps.entry(name.unwrap_or_default()).or_default() += 1;
            }
            _ => tally.wrong.push(format!(
                "{case:?}\n  unfused: {expected:?} {why:?}\n  fused:   {found:?} {name:?}"
            )),
        }
    }
    tally
}

//! What a call between two components costs, composed by a host and fused by meld.
//!
//! ```text
//! cases.rs + composition.wat ──▶ one root component ─┬─ as it is ────────▶ run(calls, bytes)
//!                                                    └─ meld ─▶ fused ───▶ run(calls, bytes)
//! ```
//!
//! Both run under one wasmtime in one process, in turn, so that what disturbs the machine disturbs
//! both; what counts is their ratio. `cargo bench -p meld-bench --bench ratios` prints the table of
//! `docs/performance.md`; `--bench calls` gives criterion's statistics of each row. [`streams`] does the
//! same for bytes from guest to guest.

mod cases;
pub mod streams;

pub use cases::{Case, Row, rows};

use std::time::{Duration, Instant};
use wasmtime::component::{Component, Linker, TypedFunc};
use wasmtime::error::Context as _;
use wasmtime::{Engine, Module, Result, Store};

/// Something whose export `run(calls, bytes)` makes calls.
pub struct Runner<T: 'static = ()> {
    store: Store<T>,
    run: Run,
}

enum Run {
    Component(TypedFunc<(u32, u32), (u32,)>),
    Core(wasmtime::TypedFunc<(u32, u32), u32>),
}

impl Runner {
    /// Compiles and instantiates a component.
    ///
    /// # Errors
    ///
    /// If the engine refuses it or it has no export `run`.
    pub fn component(engine: &Engine, bytes: &[u8]) -> Result<Self> {
        let component = Component::new(engine, bytes)?;
        let mut store = Store::new(engine, ());
        let instance = Linker::new(engine).instantiate(&mut store, &component)?;
        let run = instance.get_typed_func(&mut store, "run")?;
        Ok(Runner { store, run: Run::Component(run) })
    }

    /// Compiles and instantiates a core module.
    ///
    /// # Errors
    ///
    /// If the engine refuses it or it has no export `run`.
    pub fn core(engine: &Engine, bytes: &[u8]) -> Result<Self> {
        let module = Module::new(engine, bytes)?;
        let mut store = Store::new(engine, ());
        let instance = wasmtime::Instance::new(&mut store, &module, &[])?;
        let run = instance.get_typed_func(&mut store, "run")?;
        Ok(Runner { store, run: Run::Core(run) })
    }
}

impl<T: 'static> Runner<T> {
    /// Makes calls, at least one, and returns what they add up to.
    ///
    /// # Errors
    ///
    /// If the export traps.
    pub fn result(&mut self, calls: u32, bytes: u32) -> Result<u32> {
        Ok(match &self.run {
            Run::Component(run) => run.call(&mut self.store, (calls, bytes))?.0,
            Run::Core(run) => run.call(&mut self.store, (calls, bytes))?,
        })
    }

    /// Makes calls, at least one, and returns how long they took together.
    ///
    /// # Errors
    ///
    /// If the export traps.
    pub fn run(&mut self, calls: u32, bytes: u32) -> Result<Duration> {
        let start = Instant::now();
        std::hint::black_box(self.result(calls, bytes)?);
        Ok(start.elapsed())
    }

    /// How many calls take about that long.
    ///
    /// # Errors
    ///
    /// If the export traps.
    pub fn calls_in(&mut self, time: Duration, bytes: u32) -> Result<u32> {
        let mut calls = 1;
        loop {
            // One that was interrupted would make turns of a few calls with nothing in the caches.
            let took =
                self.run(calls, bytes)?.min(self.run(calls, bytes)?).min(self.run(calls, bytes)?);
            if took * 4 >= time || calls >= 1 << 28 {
                let one = took.as_secs_f64() / f64::from(calls);
                return Ok((time.as_secs_f64() / one).clamp(1.0, f64::from(1 << 28)) as u32);
            }
            calls *= 2;
        }
    }
}

/// The three that a row compares.
pub struct Contest {
    /// The components as a host composes them.
    pub composed: Runner,
    /// The same, fused.
    pub fused: Runner,
    /// As many plain copies of as many bytes.
    pub copy: Runner,
}

impl Contest {
    /// Builds and fuses the composition of a case.
    ///
    /// # Errors
    ///
    /// If the composition is wrong, or meld or the engine refuses it.
    pub fn new(engine: &Engine, case: &Case) -> Result<Self> {
        let composed = wat::parse_str(case.composition())
            .with_context(|| format!("the composition of `{}`", case.name))?;
        let fused = meld::Fuser::new()
            .input(case.name, composed.clone())
            .fuse()
            .with_context(|| format!("fusing `{}`", case.name))?;
        let copy = wat::parse_str(include_str!("memory-copy.wat"))?;
        Ok(Contest {
            composed: Runner::component(engine, &composed)?,
            fused: Runner::component(engine, &fused.bytes)?,
            copy: Runner::core(engine, &copy)?,
        })
    }
}

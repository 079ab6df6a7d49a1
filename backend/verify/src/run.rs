//! Runs the exports of one component.

use crate::guard::guard;
use crate::handles::{Pool, context};
use crate::host::{self, Host, Limit};
use crate::report::{Ended, OUT_OF_FUEL, Outcome};
use crate::text;
use crate::values::{Generator, Rng};
use crate::world::{Path, World};
use std::collections::{BTreeMap, VecDeque};
use std::pin::pin;
use std::sync::OnceLock;
use std::task::{Context, Poll, Waker};
use wasmtime::component::{Component, Func, Instance, InstancePre, Type, Val};
use wasmtime::{Config, Engine, GcHeapOutOfMemory, OptLevel, Store, Trap, WasmBacktrace};

/// What a call may use up unless the caller says otherwise: some seconds of computing, and more
/// than any guest of `tests/guests` needs.
pub(crate) const FUEL: u64 = 10_000_000_000;

/// How often a call that waits is asked again. Everything the host does is done at once, so a
/// call that still waits after that waits for itself.
const MOST_POLLS: usize = 1 << 16;

/// Every proposal that the engine has and meld reads, and fuel.
pub fn config() -> Config {
    let mut config = Config::new();
    config
        .wasm_component_model(true)
        .wasm_component_model_async(true)
        .wasm_component_model_more_async_builtins(true)
        .wasm_component_model_async_stackful(true)
        .wasm_component_model_threading(true)
        .wasm_component_model_error_context(true)
        .wasm_component_model_fixed_length_lists(true)
        .wasm_component_model_map(true)
        .wasm_component_model_memory64(true)
        .wasm_component_model_implements(true)
        .wasm_multi_memory(true)
        .wasm_memory64(true)
        .wasm_tail_call(true)
        .wasm_function_references(true)
        .wasm_gc(true)
        .wasm_exceptions(true)
        .wasm_custom_page_sizes(true)
        .wasm_wide_arithmetic(true)
        .wasm_extended_const(true)
        .wasm_relaxed_simd(true)
        .consume_fuel(true)
        .cranelift_opt_level(OptLevel::None);
    config
}

/// The engine of this process.
pub(crate) fn engine() -> Result<&'static Engine, String> {
    static ENGINE: OnceLock<Result<Engine, String>> = OnceLock::new();
    let engine = ENGINE.get_or_init(|| Engine::new(&config()).map_err(|e| format!("{e:#}")));
    engine.as_ref().map_err(Clone::clone)
}

/// A store whose memories and tables are bounded.
pub(crate) fn new_store(engine: &Engine, seed: u64, resources: u32) -> Store<Host> {
    let mut store = Store::new(engine, Host::new(seed, resources));
    store.limiter(|host| host);
    store
}

/// A component that is ready to be instantiated.
pub(crate) struct Subject {
    pre: InstancePre<Host>,
    seed: u64,
    fuel: u64,
    resources: u32,
}

/// An instance.
pub(crate) struct Live {
    store: Store<Host>,
    instance: Instance,
    fuel: u64,
    handles: Pool,
}

impl Subject {
    pub(crate) fn new(
        engine: &Engine,
        component: &Component,
        world: &World,
        resources: &BTreeMap<Path, u32>,
        seed: u64,
        fuel: u64,
    ) -> Result<Self, String> {
        let linker = host::link(engine, component, resources)?;
        let pre = linker.instantiate_pre(component).map_err(|e| format!("{e:#}"))?;
        let count = resources.values().max().map_or(0, |max| max + 1);
        Ok(Subject { pre, seed, fuel, resources: count.max(host::resource_count(world)) })
    }

    /// Instantiates the component; start functions may call the host and may trap.
    pub(crate) fn instantiate(&self) -> (Outcome, Option<Live>) {
        guard(|| self.try_instantiate()).unwrap_or_else(|panic| (Outcome::given_up(panic), None))
    }

    fn try_instantiate(&self) -> (Outcome, Option<Live>) {
        let mut store = new_store(self.pre.engine(), self.seed, self.resources);
        let outcome = store
            .set_fuel(self.fuel)
            .map_err(ended)
            .and_then(|()| settle(self.pre.instantiate_async(&mut store)));
        let host_calls = std::mem::take(&mut store.data_mut().log);
        match outcome {
            Ok(instance) => {
                let ended = Ended::Returned(String::new());
                let (fuel, handles) = (self.fuel, Pool::default());
                (Outcome { ended, host_calls }, Some(Live { store, instance, fuel, handles }))
            }
            Err(ended) => (Outcome { ended, host_calls }, None),
        }
    }
}

impl Live {
    /// Arguments for an exported function, and their text; or why there are none.
    pub(crate) fn arguments(
        &mut self,
        path: &[String],
        rng: Rng,
    ) -> Result<(Vec<Val>, String), String> {
        let func = self.find(path).ok_or("there is no such function")?;
        let ty = func.ty(&self.store);
        let mut generator = Generator::new(rng);
        let (before, mut texts) = (self.handles.clone(), VecDeque::new());
        let (store, pool) = (&mut context(&mut self.store), &mut self.handles);
        let mut argument = |ty: &Type, rng: &mut Rng| {
            let (value, text) = pool.argument(store, ty, rng)?;
            texts.push_back(text);
            Ok(value)
        };
        let values: Result<Vec<Val>, String> =
            ty.params().map(|(_, ty)| generator.value(&ty, &mut argument)).collect();
        let values = values.inspect_err(|_| self.handles = before)?;
        // Texts are asked for in the order in which values were made.
        let text = text::arguments(&values, &mut |_| texts.pop_front().unwrap_or_default());
        Ok((values, text))
    }

    /// Calls an exported function.
    pub(crate) fn call(&mut self, path: &[String], arguments: &[Val]) -> Outcome {
        let ended = guard(|| self.try_call(path, arguments).unwrap_or_else(|ended| ended))
            .unwrap_or_else(Ended::GivenUp);
        self.outcome(ended)
    }

    fn try_call(&mut self, path: &[String], arguments: &[Val]) -> Result<Ended, Ended> {
        let func = self
            .find(path)
            .ok_or_else(|| Ended::Trapped("there is no such function".to_string()))?;
        let mut results = vec![Val::Bool(false); func.ty(&self.store).results().len()];
        self.store.set_fuel(self.fuel).map_err(ended)?;
        settle(func.call_async(&mut self.store, arguments, &mut results))?;
        let (store, pool) = (&mut context(&mut self.store), &mut self.handles);
        let mut returned = |handle| pool.returned(store, handle);
        let texts = results.iter().map(|value| text::value(value, &mut returned));
        let text = texts.collect::<Vec<_>>().join(", ");
        for handle in self.handles.take_lent() {
            settle(handle.resource_drop_async(&mut self.store))?;
        }
        Ok(Ended::Returned(text))
    }

    /// Drops some handle that an exported function returned, and says which; none if there is none.
    pub(crate) fn drop_handle(&mut self, rng: &mut Rng) -> Option<(String, Outcome)> {
        let (number, handle) = self.handles.drop_one(rng)?;
        let mut dropped = || {
            self.store.set_fuel(self.fuel).map_err(ended)?;
            settle(handle.resource_drop_async(&mut self.store))?;
            Ok(Ended::Returned(String::new()))
        };
        let ended = guard(|| dropped().unwrap_or_else(|ended| ended));
        let outcome = self.outcome(ended.unwrap_or_else(Ended::GivenUp));
        Some((format!("(handle {number})"), outcome))
    }

    fn outcome(&mut self, ended: Ended) -> Outcome {
        Outcome { ended, host_calls: std::mem::take(&mut self.store.data_mut().log) }
    }

    fn find(&mut self, path: &[String]) -> Option<Func> {
        let mut index = None;
        for name in path {
            let found = self.instance.get_export_index(&mut self.store, index.as_ref(), name)?;
            index = Some(found);
        }
        self.instance.get_func(&mut self.store, index?)
    }
}

/// Runs a future that only ever waits for itself.
fn settle<T>(future: impl Future<Output = wasmtime::Result<T>>) -> Result<T, Ended> {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    for _ in 0..MOST_POLLS {
        if let Poll::Ready(outcome) = future.as_mut().poll(&mut context) {
            return outcome.map_err(ended);
        }
    }
    Err(Ended::GivenUp("it waits for what never comes".to_string()))
}

/// Where fuel or the stack ends is not the guest's doing: fused code needs less of both.
pub(crate) fn ended(error: wasmtime::Error) -> Ended {
    let limit = match error.downcast_ref::<Trap>() {
        Some(Trap::OutOfFuel) => Some(OUT_OF_FUEL.to_string()),
        Some(trap @ (Trap::StackOverflow | Trap::AllocationTooLarge)) => Some(trap.to_string()),
        Some(_) => None,
        None => {
            let heap = error.downcast_ref::<GcHeapOutOfMemory<()>>().map(ToString::to_string);
            heap.or_else(|| error.downcast_ref::<Limit>().map(ToString::to_string))
        }
    };
    match limit {
        Some(limit) => Ended::GivenUp(limit),
        None => {
            let reason = error.root_cause().to_string();
            Ended::Trapped(match trap_name(&error) {
                Some(name) => format!("{reason} ({name})"),
                None => reason,
            })
        }
    }
}

/// What meld calls the trap: the function that it calls to trap stands innermost in the backtrace.
fn trap_name(error: &wasmtime::Error) -> Option<&str> {
    let innermost = error.downcast_ref::<WasmBacktrace>()?.frames().first()?;
    innermost.func_name().filter(|name| name.starts_with("meld:trap:"))
}

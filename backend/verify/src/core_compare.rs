//! Compares core modules that were linked by name with the module that they were fused into.
//!
//! Observable is, beside what calls return, trap with and call of the host, what stands in
//! exported memories after every call. A trap ends nothing: core instances can be called again.

use crate::compare::{Options, Sequence, VerifyError, Which};
use crate::guard::guard;
use crate::host::{Host, Limit};
use crate::report::{
    Call, Ended, INITIALIZE, INSTANTIATE, NO_INSTANCE, Outcome, Report, Skipped, Verdict,
};
use crate::run::{self, engine, new_store};
use crate::values::{Generator, Rng};
use std::collections::{BTreeMap, BTreeSet};
use wasmtime::{
    Caller, Error, Extern, ExternType, Func, FuncType, Instance, Module, Store, ThrownException,
    Trap, Val, ValType,
};

/// Core modules and how their instances are linked.
#[derive(Clone, Debug)]
pub struct CoreProgram<'a> {
    /// Instances in the order in which they are instantiated: the module, and what each of its
    /// imports is.
    pub instances: Vec<(&'a [u8], Vec<CoreItem>)>,
    /// Exports of the whole.
    pub exports: Vec<(String, CoreItem)>,
}

/// How a run of core code ended: what is neither a trap nor an exception is not the guest's doing,
/// but modules that the engine does not link.
fn ended(error: Error) -> Ended {
    let guest = error.is::<Trap>() || error.is::<ThrownException>();
    match run::ended(error) {
        Ended::Trapped(reason) if !guest => Ended::GivenUp(reason),
        ended => ended,
    }
}

/// What is imported or exported.
#[derive(Clone, Debug)]
pub enum CoreItem {
    /// An export of an instance.
    Export {
        /// Position in [`CoreProgram::instances`].
        instance: usize,
        /// The export's name.
        name: String,
    },
    /// What the host supplies for an import's two names.
    Host {
        /// First level name.
        module: String,
        /// Second level name.
        name: String,
    },
}

/// Runs linked core modules and one module with the same generated arguments.
///
/// Where there is an export `_initialize`, it is called once an instance, before all others.
/// Exported functions that take references that cannot be null, and those that the ABI of core
/// modules has beside entry points, are not called; the report lists them.
///
/// # Errors
///
/// If a module is not valid, instances import from each other in a circle, which the engine
/// cannot link, or an import cannot be stubbed.
pub fn compare_core(
    original: &CoreProgram<'_>,
    fused: &[u8],
    options: &Options,
) -> Result<Report, VerifyError> {
    let original = Subject::linked(original, options)?;
    let fused = Subject::single(fused, options)?;
    let mut report = Report { world: differences(&original, &fused), ..Report::default() };
    let mut live = instantiate(&original, &fused, true, &mut report);
    for (name, ty) in &original.exports {
        let ExternType::Func(ty) = ty else { continue };
        if !matches!(fused.exports.get(name), Some(ExternType::Func(_))) {
            continue;
        }
        if initializes(name, ty) {
            continue;
        }
        if beside_entry_points(name) {
            let reason = "belongs to the Canonical ABI and is no entry point".to_string();
            report.skipped.push(Skipped { function: name.clone(), reason });
            continue;
        }
        let calls = match ty.params().len() {
            0 => options.calls_per_export.min(3),
            _ => options.calls_per_export,
        };
        for n in 0..calls {
            let mut generator = Generator::new(Rng::new(options.seed, name, u64::from(n)));
            let arguments: Option<Vec<Val>> = ty.params().map(|ty| generator.core(&ty)).collect();
            let Some(arguments) = arguments else {
                let reason = "takes a reference that cannot be null".to_string();
                report.skipped.push(Skipped { function: name.clone(), reason });
                break;
            };
            let Some((a, b)) = &mut live else {
                if n == 0 {
                    let reason = NO_INSTANCE.to_string();
                    report.skipped.push(Skipped { function: name.clone(), reason });
                }
                break;
            };
            let (before, after) = (a.call(name, &arguments), b.call(name, &arguments));
            let over = [&before, &after].iter().any(|o| matches!(o.ended, Ended::GivenUp(_)));
            let text = format!("({})", values(&arguments));
            record(&mut report, name, text, before, after);
            if !over {
                a.compare_memories(b, &mut report);
            }
            if over || options.sequence == Sequence::FreshInstances {
                live = instantiate(&original, &fused, false, &mut report);
            }
            if over {
                break;
            }
        }
    }
    Ok(report)
}

fn initializes(name: &str, ty: &FuncType) -> bool {
    name == INITIALIZE && ty.params().len() == 0 && ty.results().len() == 0
}

/// What a core module exports for its embedder's lifting and lowering: it has to be called with
/// pointers that another call gave.
fn beside_entry_points(name: &str) -> bool {
    name == "cabi_realloc" || name.starts_with("cabi_post_") || name.starts_with("meld:")
}

fn instantiate(
    original: &Subject,
    fused: &Subject,
    always: bool,
    report: &mut Report,
) -> Option<(Live, Live)> {
    let ((before, a), (after, b)) = (original.instantiate(), fused.instantiate());
    if always || before.verdict(&after) != Verdict::Same {
        record(report, INSTANTIATE, String::new(), before, after);
    }
    let (mut a, mut b) = a.zip(b)?;
    if a.initializes() && b.initializes() {
        let (before, after) = (a.call(INITIALIZE, &[]), b.call(INITIALIZE, &[]));
        let over = [&before, &after].iter().any(|o| matches!(o.ended, Ended::GivenUp(_)));
        if always || before.verdict(&after) != Verdict::Same {
            record(report, INITIALIZE, "()".to_string(), before, after);
        }
        if over {
            return None;
        }
        a.compare_memories(&b, report);
    }
    Some((a, b))
}

fn record(
    report: &mut Report,
    function: &str,
    arguments: String,
    original: Outcome,
    fused: Outcome,
) {
    let (function, verdict) = (function.to_string(), original.verdict(&fused));
    let call = Call { function, arguments, after_trap: false, original, fused, verdict };
    report.calls.push(call);
}

/// Compiled modules, ready to be instantiated.
struct Subject {
    modules: Vec<(Module, Vec<CoreItem>)>,
    items: Vec<(String, CoreItem)>,
    exports: BTreeMap<String, ExternType>,
    seed: u64,
    fuel: u64,
}

struct Live {
    store: Store<Host>,
    exports: BTreeMap<String, Extern>,
    fuel: u64,
}

impl Subject {
    fn linked(program: &CoreProgram<'_>, options: &Options) -> Result<Subject, VerifyError> {
        let which = Which::Original;
        let modules = program
            .instances
            .iter()
            .map(|(bytes, imports)| Ok((compile(which, bytes)?, imports.clone())))
            .collect::<Result<Vec<_>, VerifyError>>()?;
        for (position, (_, imports)) in modules.iter().enumerate() {
            let later = |item: &CoreItem| matches!(item, CoreItem::Export { instance, .. } if *instance >= position);
            if imports.iter().any(later) {
                let reason = "core modules import from each other in a circle, which the engine \
                              that they would be run on unfused cannot link"
                    .to_string();
                return Err(VerifyError::Imports { which, reason });
            }
        }
        Ok(Subject::new(modules, program.exports.clone(), options))
    }

    fn single(bytes: &[u8], options: &Options) -> Result<Subject, VerifyError> {
        let module = compile(Which::Fused, bytes)?;
        let imports = module
            .imports()
            .map(|import| CoreItem::Host {
                module: import.module().to_string(),
                name: import.name().to_string(),
            })
            .collect();
        let export = |name: &str| CoreItem::Export { instance: 0, name: name.to_string() };
        let items = module.exports().map(|e| (e.name().to_string(), export(e.name()))).collect();
        Ok(Subject::new(vec![(module, imports)], items, options))
    }

    fn new(
        modules: Vec<(Module, Vec<CoreItem>)>,
        items: Vec<(String, CoreItem)>,
        options: &Options,
    ) -> Subject {
        let ty = |item: &CoreItem| match item {
            CoreItem::Export { instance, name } => modules.get(*instance)?.0.get_export(name),
            CoreItem::Host { module, name } => modules
                .iter()
                .flat_map(|(importer, _)| importer.imports())
                .find(|import| import.module() == module && import.name() == name)
                .map(|import| import.ty()),
        };
        let exports = items.iter().filter_map(|(name, item)| Some((name.clone(), ty(item)?)));
        let exports = exports.collect();
        Subject { modules, items, exports, seed: options.seed, fuel: options.fuel }
    }

    fn instantiate(&self) -> (Outcome, Option<Live>) {
        let run = || {
            let mut store = new_store(self.modules[0].0.engine(), self.seed, 0);
            let exports =
                store.set_fuel(self.fuel).and_then(|()| self.link(&mut store)).map_err(ended);
            let host_calls = std::mem::take(&mut store.data_mut().log);
            match exports {
                Ok(exports) => {
                    let ended = Ended::Returned(String::new());
                    let live = Live { store, exports, fuel: self.fuel };
                    (Outcome { ended, host_calls }, Some(live))
                }
                Err(ended) => (Outcome { ended, host_calls }, None),
            }
        };
        guard(run).unwrap_or_else(|panic| (Outcome::given_up(panic), None))
    }

    fn link(&self, store: &mut Store<Host>) -> wasmtime::Result<BTreeMap<String, Extern>> {
        let mut hosts: BTreeMap<(&str, &str), Extern> = BTreeMap::new();
        let mut instances: Vec<Instance> = Vec::new();
        for (module, sources) in &self.modules {
            let mut imports = Vec::with_capacity(sources.len());
            for (import, source) in module.imports().zip(sources) {
                if let CoreItem::Host { module, name } = source
                    && !hosts.contains_key(&(module.as_str(), name.as_str()))
                {
                    let stub = stub(store, module, name, import.ty())?;
                    hosts.insert((module, name), stub);
                }
                imports.push(find(source, &instances, &hosts, store)?);
            }
            instances.push(Instance::new(&mut *store, module, &imports)?);
        }
        let mut exports = BTreeMap::new();
        for (name, item) in &self.items {
            exports.insert(name.clone(), find(item, &instances, &hosts, store)?);
        }
        Ok(exports)
    }
}

fn compile(which: Which, bytes: &[u8]) -> Result<Module, VerifyError> {
    let engine = engine().map_err(VerifyError::Engine)?;
    guard(|| Module::new(engine, bytes))
        .map_err(|reason| VerifyError::Panicked { which, reason })?
        .map_err(|e| VerifyError::Invalid { which, reason: format!("{e:#}") })
}

fn find(
    item: &CoreItem,
    instances: &[Instance],
    hosts: &BTreeMap<(&str, &str), Extern>,
    store: &mut Store<Host>,
) -> wasmtime::Result<Extern> {
    let (found, name) = match item {
        CoreItem::Export { instance, name } => {
            (instances.get(*instance).and_then(|i| i.get_export(store, name)), name)
        }
        CoreItem::Host { module, name } => {
            (hosts.get(&(module.as_str(), name.as_str())).cloned(), name)
        }
    };
    found.ok_or_else(|| Error::msg(format!("nothing supplies `{name}`")))
}

/// What the host supplies: functions that answer from the seed, everything else empty.
fn stub(
    store: &mut Store<Host>,
    module: &str,
    name: &str,
    ty: ExternType,
) -> wasmtime::Result<Extern> {
    let full = format!("{module}#{name}");
    let ExternType::Func(ty) = ty else {
        return ty
            .default_value(store)
            .map_err(|e| e.context(format!("`{full}` cannot be supplied")));
    };
    let results: Vec<ValType> = ty.results().collect();
    let answer = move |mut caller: Caller<'_, Host>, params: &[Val], out: &mut [Val]| {
        let count = caller.data_mut().record(&full, format!("({})", values(params)))?;
        let mut generator = Generator::new(Rng::new(caller.data().seed(), &full, count));
        for (out, ty) in out.iter_mut().zip(&results) {
            *out = generator.core(ty).ok_or_else(|| Limit::Answer {
                function: full.clone(),
                reason: "returns a reference that cannot be null".to_string(),
            })?;
        }
        Ok(())
    };
    Ok(Func::new(store, ty, answer).into())
}

impl Live {
    fn initializes(&self) -> bool {
        let Some(Extern::Func(func)) = self.exports.get(INITIALIZE) else { return false };
        initializes(INITIALIZE, &func.ty(&self.store))
    }

    fn call(&mut self, name: &str, arguments: &[Val]) -> Outcome {
        let ended = guard(|| self.try_call(name, arguments).unwrap_or_else(ended))
            .unwrap_or_else(Ended::GivenUp);
        Outcome { ended, host_calls: std::mem::take(&mut self.store.data_mut().log) }
    }

    fn try_call(&mut self, name: &str, arguments: &[Val]) -> wasmtime::Result<Ended> {
        let Some(Extern::Func(func)) = self.exports.get(name) else {
            return Err(Error::msg("there is no such function"));
        };
        let mut results = vec![Val::I32(0); func.ty(&self.store).results().len()];
        self.store.set_fuel(self.fuel)?;
        func.call(&mut self.store, arguments, &mut results)?;
        Ok(Ended::Returned(values(&results)))
    }

    /// Reports each exported memory that is not the same on both sides, as a call that differs.
    fn compare_memories(&self, other: &Live, report: &mut Report) {
        for (name, item) in &self.exports {
            let (Extern::Memory(a), Some(Extern::Memory(b))) = (item, other.exports.get(name))
            else {
                continue;
            };
            let (a, b) = (a.data(&self.store), b.data(&other.store));
            if a == b {
                continue;
            }
            let at = a.iter().zip(b).take_while(|(a, b)| a == b).count();
            let outcome = |data: &[u8]| Outcome {
                ended: Ended::Returned(match data.get(at) {
                    Some(byte) => format!("{byte:#04x} at {at:#x}"),
                    None => format!("{} bytes", data.len()),
                }),
                host_calls: Vec::new(),
            };
            record(report, "(memory)", format!("({name})"), outcome(a), outcome(b));
        }
    }
}

/// What tells the outer faces apart.
fn differences(original: &Subject, fused: &Subject) -> Vec<String> {
    let mut found = Vec::new();
    for (name, ty) in &original.exports {
        match fused.exports.get(name) {
            None => found.push(format!("export `{name}` is missing")),
            Some(other) if !same_type(ty, other) => {
                found.push(format!("export `{name}` has another type"));
            }
            Some(_) => {}
        }
    }
    for name in fused.exports.keys().filter(|name| !original.exports.contains_key(*name)) {
        found.push(format!("export `{name}` is new"));
    }
    let imports = |subject: &Subject| -> BTreeSet<(String, String)> {
        let host = |item: &CoreItem| match item {
            CoreItem::Host { module, name } => Some((module.clone(), name.clone())),
            CoreItem::Export { .. } => None,
        };
        subject.modules.iter().flat_map(|(_, imports)| imports.iter().filter_map(host)).collect()
    };
    for (module, name) in imports(fused).difference(&imports(original)) {
        found.push(format!("import `{module}` `{name}` is new"));
    }
    found
}

fn same_type(a: &ExternType, b: &ExternType) -> bool {
    match (a, b) {
        (ExternType::Func(a), ExternType::Func(b)) => FuncType::eq(a, b),
        (ExternType::Memory(a), ExternType::Memory(b)) => {
            (a.is_64(), a.minimum(), a.maximum()) == (b.is_64(), b.minimum(), b.maximum())
        }
        _ => std::mem::discriminant(a) == std::mem::discriminant(b),
    }
}

/// Values as text: all NaNs are one, references are there or not.
fn values(values: &[Val]) -> String {
    let text = |value: &Val| match value {
        Val::I32(n) => n.to_string(),
        Val::I64(n) => n.to_string(),
        Val::F32(bits) if f32::from_bits(*bits).is_nan() => "nan".to_string(),
        Val::F64(bits) if f64::from_bits(*bits).is_nan() => "nan".to_string(),
        Val::F32(bits) => format!("{:?}", f32::from_bits(*bits)),
        Val::F64(bits) => format!("{:?}", f64::from_bits(*bits)),
        Val::V128(bits) => format!("{:#034x}", bits.as_u128()),
        reference => match reference.ref_().is_some_and(|r| !r.is_null()) {
            true => "reference".to_string(),
            false => "null".to_string(),
        },
    };
    values.iter().map(text).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests;

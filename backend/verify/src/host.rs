//! The host that both components see: every import is a stub.
//!
//! A stub records its call and answers with a value generated from the seed, its name and how
//! often it was called, so both sides are answered the same for as long as they behave the same.
//! An imported resource is a number; making one and dropping one are visible, too.

use crate::report::HostCall;
use crate::text;
use crate::values::{Generator, Rng};
use crate::world::{Path, World, path_text};
use std::collections::BTreeMap;
use wasmtime::component::types::{ComponentFunc, ComponentItem};
use wasmtime::component::{
    Component, Linker, LinkerInstance, ResourceAny, ResourceDynamic, ResourceType, Type, Val,
};
use wasmtime::{AsContextMut, Engine, ResourceLimiter, StoreContextMut};

/// The most calls of imports that one call of an export may make.
const MOST_CALLS: usize = 10_000;

/// The most bytes that a memory may have.
const MOST_MEMORY: usize = 256 << 20;

/// The most elements that a table may have.
const MOST_ELEMENTS: usize = 1 << 20;

/// What a store holds.
pub(crate) struct Host {
    seed: u64,
    /// Calls since the log was taken.
    pub(crate) log: Vec<HostCall>,
    /// How often each import was called.
    calls: BTreeMap<String, u64>,
    /// One more than the greatest number of an imported resource.
    resources: u32,
}

/// Where this host ends, which is not the guest's doing.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Limit {
    #[error("more than {MOST_CALLS} calls of imports")]
    Calls,
    /// From the start; what grows is told that it cannot.
    #[error("a memory of more than {} MiB or a table of more than {MOST_ELEMENTS}", MOST_MEMORY >> 20)]
    Size,
    #[error("no answer can be made for `{function}`: it {reason}")]
    Answer { function: String, reason: String },
}

impl Host {
    pub(crate) fn new(seed: u64, resources: u32) -> Self {
        Host { seed, log: Vec::new(), calls: BTreeMap::new(), resources }
    }

    /// The resource type is one that the component imports.
    pub(crate) fn defines(&self, resource: &ResourceType) -> bool {
        self.number(resource).is_some()
    }

    fn number(&self, resource: &ResourceType) -> Option<u32> {
        (0..self.resources).find(|number| ResourceType::host_dynamic(*number) == *resource)
    }

    /// What answers follow from.
    pub(crate) fn seed(&self) -> u64 {
        self.seed
    }

    /// Notes a call and says how many of that function there were; a guest that makes too many
    /// is stopped.
    pub(crate) fn record(&mut self, function: &str, arguments: String) -> wasmtime::Result<u64> {
        if self.log.len() == MOST_CALLS {
            return Err(Limit::Calls.into());
        }
        self.log.push(HostCall { function: function.to_string(), arguments });
        let count = self.calls.entry(function.to_string()).or_default();
        *count += 1;
        Ok(*count)
    }
}

/// Whether what was `current` large may become `desired` large.
fn may_grow(
    current: usize,
    desired: usize,
    maximum: Option<usize>,
    most: usize,
) -> wasmtime::Result<bool> {
    match desired > most {
        true if current == 0 => Err(Limit::Size.into()),
        too_large => Ok(!too_large && maximum.is_none_or(|maximum| desired <= maximum)),
    }
}

impl ResourceLimiter for Host {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        may_grow(current, desired, maximum, MOST_MEMORY)
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        may_grow(current, desired, maximum, MOST_ELEMENTS)
    }

    fn instances(&self) -> usize {
        1 << 16
    }

    fn tables(&self) -> usize {
        1 << 16
    }

    fn memories(&self) -> usize {
        1 << 16
    }
}

/// Defines every import of a component.
///
/// # Errors
///
/// If the component imports a core module or a component: there is no stub for those.
pub(crate) fn link(
    engine: &Engine,
    component: &Component,
    resources: &BTreeMap<Path, u32>,
) -> Result<Linker<Host>, String> {
    let mut linker = Linker::new(engine);
    let ty = component.component_type();
    for (name, item) in ty.imports(engine) {
        define(engine, &mut linker.root(), &[], name, &item.ty, resources)?;
    }
    Ok(linker)
}

/// One more than the greatest number of an imported resource.
pub(crate) fn resource_count(world: &World) -> u32 {
    world.resources.values().max().map_or(0, |max| max + 1)
}

fn define(
    engine: &Engine,
    linker: &mut LinkerInstance<'_, Host>,
    within: &[String],
    name: &str,
    item: &ComponentItem,
    resources: &BTreeMap<Path, u32>,
) -> Result<(), String> {
    let mut path = within.to_vec();
    path.push(name.to_string());
    let full = path_text(&path);
    let called = full.clone();
    let outcome = match item {
        ComponentItem::ComponentFunc(ty) if ty.async_() => {
            linker.func_new_concurrent(name, move |accessor, ty, params, results| {
                let answered = accessor.with(|mut store| {
                    answer(store.as_context_mut(), &called, &ty, params, results)
                });
                Box::pin(std::future::ready(answered))
            })
        }
        ComponentItem::ComponentFunc(_) => linker
            .func_new(name, move |store, ty, params, results| {
                answer(store, &called, &ty, params, results)
            }),
        ComponentItem::ComponentInstance(ty) => {
            let mut inner = linker.instance(name).map_err(|e| e.to_string())?;
            for (name, item) in ty.exports(engine) {
                define(engine, &mut inner, &path, name, &item.ty, resources)?;
            }
            Ok(())
        }
        ComponentItem::Resource(_) => {
            // A name that the original does not have is a difference of worlds, found elsewhere.
            let number = resources.get(&path).copied().unwrap_or(u32::MAX);
            linker.resource(name, ResourceType::host_dynamic(number), move |mut store, rep| {
                store.data_mut().record("(drop)", format!("({called}({rep}))"))?;
                Ok(())
            })
        }
        ComponentItem::Type(_) => Ok(()),
        ComponentItem::CoreFunc(_) | ComponentItem::Module(_) | ComponentItem::Component(_) => {
            return Err(format!("`{full}` is a module or component import, which has no stub"));
        }
    };
    outcome.map_err(|e| format!("`{full}`: {e}"))
}

fn answer(
    mut store: StoreContextMut<'_, Host>,
    name: &str,
    ty: &ComponentFunc,
    params: &[Val],
    results: &mut [Val],
) -> wasmtime::Result<()> {
    let arguments = text::arguments(params, &mut |handle| take(&mut store, handle));
    let count = store.data_mut().record(name, arguments)?;
    let mut generator = Generator::new(Rng::new(store.data().seed, name, count));
    for (result, ty) in results.iter_mut().zip(ty.results()) {
        *result = generator
            .value(&ty, &mut |ty, rng| give(&mut store, ty, rng))
            .map_err(|reason| Limit::Answer { function: name.to_string(), reason })?;
    }
    Ok(())
}

/// Reads a handle that a guest passed; the host then holds it no longer.
fn take(store: &mut StoreContextMut<'_, Host>, handle: ResourceAny) -> String {
    let kind = if handle.owned() { "own" } else { "borrow" };
    match handle.try_into_resource_dynamic(&mut *store) {
        Ok(resource) => format!("{kind}({}:{})", resource.ty(), resource.rep()),
        Err(_) => kind.to_string(),
    }
}

/// Makes a handle of an imported resource.
pub(crate) fn give(
    store: &mut StoreContextMut<'_, Host>,
    ty: &Type,
    rng: &mut Rng,
) -> Result<Val, String> {
    let (Type::Own(resource) | Type::Borrow(resource)) = ty else {
        return Err("is not a handle".to_string());
    };
    let number = store.data().number(resource);
    let number = number.ok_or("returns a resource that the host does not define")?;
    let rep = rng.bits() as u32;
    ResourceDynamic::new_own(rep, number)
        .try_into_resource_any(store)
        .map(Val::Resource)
        .map_err(|e| e.to_string())
}

//! Handles that the host has of what guests define: those that exported functions returned.
//!
//! Both sides are given handles by the same choices, so they have the same ones for as long as they
//! behave the same. What is written for people and compared is a handle's number: how many there
//! were before it.

use crate::host::{Host, give};
use crate::values::Rng;
use wasmtime::component::{ResourceAny, ResourceDynamic, ResourceType, Type, Val};
use wasmtime::{AsContextMut, Store, StoreContextMut};

/// The handles of one instance.
#[derive(Clone, Default)]
pub(crate) struct Pool {
    /// Those that the host has, with their numbers.
    held: Vec<(u32, ResourceAny)>,
    /// Those that it gave away: to use one of them again is an error of the host's.
    gone: Vec<(u32, ResourceAny)>,
    /// The host's own that are lent for one call.
    lent: Vec<ResourceAny>,
    count: u32,
}

impl Pool {
    /// A handle for an argument, with its text.
    pub(crate) fn argument(
        &mut self,
        store: &mut StoreContextMut<'_, Host>,
        ty: &Type,
        rng: &mut Rng,
    ) -> Result<(Val, String), String> {
        let (Type::Own(resource) | Type::Borrow(resource)) = ty else {
            return Err("is not a handle".to_string());
        };
        let owned = matches!(ty, Type::Own(_));
        if store.data().defines(resource) {
            let value = give(store, ty, rng)?;
            if let Val::Resource(handle) = value
                && !owned
            {
                self.lent.push(handle);
            }
            return Ok((value, "the host's".to_string()));
        }
        let of = |list: &[(u32, ResourceAny)], resource: &ResourceType| {
            let fits = |(_, (_, handle)): &(usize, &(u32, ResourceAny))| handle.ty() == *resource;
            list.iter().enumerate().filter(fits).map(|(at, _)| at).collect::<Vec<_>>()
        };
        let (gone, held) = (of(&self.gone, resource), of(&self.held, resource));
        if !gone.is_empty() && rng.below(64) == 0 {
            let (number, handle) = self.gone[rng.pick(&gone)];
            return Ok((Val::Resource(handle), format!("stale handle {number}")));
        }
        if held.is_empty() {
            return Err("takes a resource that no function returned so far".to_string());
        }
        let at = rng.pick(&held);
        let (number, handle) = self.held[at];
        if owned {
            self.gone.push(self.held.remove(at));
        }
        Ok((Val::Resource(handle), format!("handle {number}")))
    }

    /// Takes a handle that was returned, and says which.
    pub(crate) fn returned(
        &mut self,
        store: &mut StoreContextMut<'_, Host>,
        handle: ResourceAny,
    ) -> String {
        if store.data().defines(&handle.ty()) {
            return match ResourceDynamic::try_from_resource_any(handle, &mut *store) {
                Ok(resource) => format!("the host's {}:{}", resource.ty(), resource.rep()),
                Err(error) => format!("no handle: {error}"),
            };
        }
        let number = self.count;
        self.count += 1;
        self.held.push((number, handle));
        format!("handle {number}")
    }

    /// Takes out some handle that the host has, to be dropped.
    pub(crate) fn drop_one(&mut self, rng: &mut Rng) -> Option<(u32, ResourceAny)> {
        if self.held.is_empty() {
            return None;
        }
        let dropped = self.held.remove(rng.below(self.held.len()));
        self.gone.push(dropped);
        Some(dropped)
    }

    /// What was lent for a call that is over.
    pub(crate) fn take_lent(&mut self) -> Vec<ResourceAny> {
        std::mem::take(&mut self.lent)
    }
}

/// A store's context, which is what the functions above want.
pub(crate) fn context(store: &mut Store<Host>) -> StoreContextMut<'_, Host> {
    store.as_context_mut()
}

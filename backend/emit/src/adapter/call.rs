//! The whole of an adapter: parameters there, call, results back, post-return.

use super::analyse::{Needs, check_passes};
use super::body::{Body, Bytes};
use super::flat::Slot;
use super::memory::Place;
use super::module::{Defined, Imports, SideIndices, core_type, encode, val_types};
use super::{AdapterSpec, Error, Generated, PassId, Role, Side, trap};
use crate::memory::MemoryShape;
use indexmap::IndexSet;
use meld_component::abi::{Direction, FlatType, Layouts, Signature};
use meld_component::facts::{Masks, any_bits, in_place, masks};
use meld_component::types::TypeId;
use std::collections::{BTreeSet, HashMap};

/// What is fixed before code is emitted.
pub(super) struct Env<'a> {
    pub spec: &'a AdapterSpec<'a>,
    pub layouts: Layouts<'a>,
    /// Types whose elements may be copied in bulk.
    pub any_bits: BTreeSet<TypeId>,
    /// Types of elements that a function of a pack may copy.
    pub in_place: BTreeSet<TypeId>,
    /// Types whose cases may be selected by masks.
    pub masks: HashMap<TypeId, Masks>,
    pub imports: Imports,
    params: Needs,
    results: Needs,
}

/// A translation from one memory to the other that is a function of its own.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Outlined {
    /// The side that values come from.
    from: Side,
    ty: TypeId,
    pass: PassId,
    /// It is of a row of such values, up to an end, which is its third parameter.
    row: bool,
}

/// Emits one function. Values cross from [`Emitter::src`] to [`Emitter::dst`].
pub(super) struct Emitter<'e, 'a> {
    pub env: &'e Env<'a>,
    pub body: Body,
    pub from: Side,
    pub src: SideIndices,
    pub dst: SideIndices,
    /// Translations that are functions of their own.
    outlined: &'e mut IndexSet<Outlined>,
}

/// Generates the core module of an adapter.
///
/// # Errors
///
/// If types have no layout, passes do not go with types, a side lacks a memory or an allocator
/// that values need, or the code would be larger than engines accept.
pub fn generate(spec: &AdapterSpec<'_>) -> Result<Generated, Error> {
    check_passes(&spec.passes)?;
    let layouts = Layouts::new(spec.types);
    let lower = layouts.core_signature(spec.func, Direction::Lower, spec.caller.width())?;
    let lift = layouts.core_signature(spec.func, Direction::Lift, spec.callee.width())?;
    let result: Vec<TypeId> = spec.func.result.into_iter().collect();
    let mut params = Needs::of(spec, &spec.func.params, &spec.params)?;
    let mut results = Needs::of(spec, &result, &spec.results)?;
    params.require(spec, Side::Caller, lower.params_spilled)?;
    results.require(spec, Side::Callee, lower.results_spilled)?;
    if results.ends().next().is_some() {
        return Err(Error::Term {
            term: "scoped".into(),
            why: "it is a pass of parameters, and stands for a result".into(),
        });
    }
    let imports = imports(spec, &lift, &params, &results)?;
    let env = Env {
        spec,
        layouts,
        any_bits: any_bits(spec.types),
        in_place: in_place(spec.types),
        masks: masks(spec.types),
        imports,
        params,
        results,
    };

    let mut outlined = IndexSet::new();
    let main = Emitter::new(&env, lower.params.len(), Side::Caller, &mut outlined)
        .call(&lower, &lift, &result)?;
    let mut functions =
        vec![Defined { name: "meld:adapter".into(), ty: core_type(&lower), body: main }];
    // Emitting one may add more.
    let mut next = 0;
    while let Some(&Outlined { from, ty, pass, row }) = outlined.get_index(next) {
        next += 1;
        let mut emitter = Emitter::new(&env, if row { 3 } else { 2 }, from, &mut outlined);
        let (src, dst) = (emitter.src.width.flat(), emitter.dst.width.flat());
        let pointers = if row {
            let slot = |local, ty| Slot { local, ty, owned: false };
            emitter.each_inline(ty, pass, [slot(0, src), slot(1, dst), slot(2, src)])?;
            vec![src, dst, src]
        } else {
            emitter.cross_memory_inline(ty, pass, Place::at(0), Place::at(1))?;
            vec![src, dst]
        };
        functions.push(Defined {
            name: format!("meld:adapter:{}type-{}", if row { "list-of-" } else { "" }, ty.0),
            ty: (val_types(&pointers), vec![]),
            body: emitter.body.finish()?,
        });
    }
    Ok(encode(&env.imports, functions))
}

fn imports(
    spec: &AdapterSpec<'_>,
    lift: &Signature,
    params: &Needs,
    results: &Needs,
) -> Result<Imports, Error> {
    let mut imports = Imports::default();
    let (callee_params, callee_results) = core_type(lift);
    imports.func(Role::Callee, callee_params, callee_results.clone());
    let mut roles: BTreeSet<Role> = params.imports.union(&results.imports).copied().collect();
    if spec.post_return {
        imports.func(Role::PostReturn, callee_results, vec![]);
        if spec.callee.leave_flag {
            roles.insert(Role::Flag(Side::Callee));
        }
    }
    if spec.caller.leave_flag {
        roles.insert(Role::Flag(Side::Caller));
        roles.insert(Role::Trap(trap::CANNOT_LEAVE));
    }
    let shape = |side| spec.side(side).shape();
    let directed = |role: &Role| matches!(role, Role::Transcoder(_) | Role::Copier(_));
    if shape(Side::Caller).width != shape(Side::Callee).width
        && params.imports.intersection(&results.imports).any(directed)
    {
        return Err(Error::Term {
            term: "adapter".into(),
            why: "one transcoder or copier is used in both directions between memories of \
                  different pointer widths"
                .into(),
        });
    }
    imports.extend(&roles, shape, |role| {
        if params.imports.contains(&role) { Side::Caller } else { Side::Callee }
    });
    Ok(imports)
}

impl Env<'_> {
    /// What the values need that come from a side.
    pub fn needs(&self, from: Side) -> &Needs {
        match from {
            Side::Caller => &self.params,
            Side::Callee => &self.results,
        }
    }

    fn side(&self, side: Side) -> SideIndices {
        let MemoryShape { width, page_bits, .. } = self.spec.side(side).shape();
        SideIndices {
            side,
            width,
            page_bits,
            memory: self.imports.get(Role::Memory(side)),
            allocate: self.imports.get(Role::Allocate(side)),
        }
    }
}

impl<'e, 'a> Emitter<'e, 'a> {
    fn new(
        env: &'e Env<'a>,
        params: usize,
        from: Side,
        outlined: &'e mut IndexSet<Outlined>,
    ) -> Emitter<'e, 'a> {
        let (src, dst) = (env.side(from), env.side(from.other()));
        Emitter { env, body: Body::new(params), from, src, dst, outlined }
    }

    /// The index of the function for a reason to trap.
    pub(super) fn trap(&self, name: &'static str) -> Result<u32, Error> {
        self.env.imports.index(Role::Trap(name))
    }

    /// The index of the function that translates a type in memory by a pass, or a row of such.
    pub(super) fn outlined(&mut self, ty: TypeId, pass: PassId, row: bool) -> u32 {
        let outlined = Outlined { from: self.from, ty, pass, row };
        let (position, _) = self.outlined.insert_full(outlined);
        self.env.imports.funcs() + 1 + position as u32
    }

    /// The body of the adapter itself.
    fn call(
        mut self,
        lower: &Signature,
        lift: &Signature,
        result: &[TypeId],
    ) -> Result<wasm_encoder::Function, Error> {
        let spec = self.env.spec;
        if spec.caller.leave_flag {
            let flag = self.env.imports.index(Role::Flag(Side::Caller))?;
            self.body.ins().global_get(flag).i32_eqz();
            let cannot_leave = self.trap(trap::CANNOT_LEAVE)?;
            self.body.trap_if(cannot_leave);
        }

        if lower.params_spilled {
            let to = self.spilled_params()?;
            self.body.ins().local_get(to.local);
            self.release(to);
        } else {
            let out_pointer = usize::from(lower.results_spilled);
            let from = slots(0, &lower.params[..lower.params.len() - out_pointer]);
            let values = spec.func.params.iter().copied().zip(spec.params.iter().copied());
            let to = self.cross_flats(values, &from)?;
            for &slot in &to {
                self.body.ins().local_get(slot.local);
            }
            for slot in to {
                self.release(slot);
            }
        }

        let callee = self.env.imports.index(Role::Callee)?;
        self.body.ins().call(callee);
        let returned: Vec<Slot> = lift.results.iter().map(|&ty| self.set_new(ty)).collect();
        for end in self.env.params.ends() {
            self.body.ins().call(self.env.imports.index(end)?);
        }

        self.from = Side::Callee;
        std::mem::swap(&mut self.src, &mut self.dst);
        let values = result.iter().copied().zip(spec.results.iter().copied());
        let results = if lower.results_spilled {
            let out = slots(0, &lower.params)[lower.params.len() - 1];
            self.spilled_results(result, returned[0], out)?;
            vec![]
        } else {
            self.cross_flats(values, &returned)?
        };

        if spec.post_return {
            self.post_return(&returned)?;
        }
        for slot in results {
            self.body.ins().local_get(slot.local);
        }
        self.body.finish()
    }

    /// Brings parameters in memory across, and says where the callee finds them.
    fn spilled_params(&mut self) -> Result<Slot, Error> {
        let spec = self.env.spec;
        let params = &spec.func.params;
        let (src, dst) = (self.src, self.dst);
        let (layout, _) = self.env.layouts.tuple(params, src.width)?;
        let from = Place::at(0);
        self.check_spilled(src, from, layout)?;
        let (layout, _) = self.env.layouts.tuple(params, dst.width)?;
        let local =
            self.body.allocate(dst.width, dst.allocate()?, layout.align, Bytes::Const(layout.size));
        self.cross_fields(params, &spec.params, from, Place::at(local))?;
        Ok(Slot { local, ty: dst.width.flat(), owned: true })
    }

    /// Brings the result across, from where the callee says it is to where the caller wants it.
    fn spilled_results(&mut self, result: &[TypeId], from: Slot, to: Slot) -> Result<(), Error> {
        for (side, slot) in [(self.src, from), (self.dst, to)] {
            let (layout, _) = self.env.layouts.tuple(result, side.width)?;
            self.check_spilled(side, Place::at(slot.local), layout)?;
        }
        let passes = &self.env.spec.results;
        self.cross_fields(result, passes, Place::at(from.local), Place::at(to.local))
    }

    /// Runs post-return on what the callee returned, with its `may-leave` flag down.
    fn post_return(&mut self, returned: &[Slot]) -> Result<(), Error> {
        let imports = &self.env.imports;
        let kept = self.env.spec.callee.leave_flag;
        let flag = kept.then(|| imports.index(Role::Flag(Side::Callee))).transpose()?;
        if let Some(flag) = flag {
            self.body.ins().i32_const(0).global_set(flag);
        }
        for slot in returned {
            self.body.ins().local_get(slot.local);
        }
        self.body.ins().call(imports.index(Role::PostReturn)?);
        if let Some(flag) = flag {
            self.body.ins().i32_const(1).global_set(flag);
        }
        Ok(())
    }
}

/// Parameters of a function as slots.
fn slots(first: u32, types: &[FlatType]) -> Vec<Slot> {
    (first..).zip(types).map(|(local, &ty)| Slot { local, ty, owned: false }).collect()
}

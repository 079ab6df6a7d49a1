//! Bodies in place of calls: where [`Source::Inline`](super::Source::Inline) asks for it.
//!
//! The arguments of a call are popped into locals of the caller that stand for the callee's, and
//! the callee's body becomes a block: a branch out of the body is a branch out of that block, so
//! labels stay as they are, and `return` is such a branch. All calls of one function in a caller
//! share their locals: no two of them run at a time, because no function is inlined in itself.
//!
//! What to inline is decided elsewhere. Here it is only left out, and that is told
//! ([`NotInlined`](super::NotInlined)), where it would be wrong, or without bounds: bodies that leave by a tail
//! call or handle exceptions, functions that call each other in a circle, callers that leave by a tail call and handle exceptions (what is thrown behind
//! a tail call is not theirs to handle), or that would grow beyond bounds.

use super::link::{Item, Linked};
use super::module::Module;
use super::not_inlined::Reason;
use super::reencode::{Renumber, const_instruction};
use super::{Kind, MergeError};
use std::collections::{BTreeMap, HashMap, HashSet};
use wasm_encoder::reencode::Reencode;
use wasm_encoder::{BlockType, Encode, Instruction};
use wasmparser::{FuncType, Operator, ValType};

/// Rows of functions that are inlined in each other.
pub(super) const MOST_NESTED: usize = 8;

/// Bytes that may stand in place of one call, and locals that they may need.
pub(super) const MOST_BYTES: usize = 1 << 14;
pub(super) const MOST_LOCALS: usize = 256;

/// What engines accept of one function, parameters and locals together, and how much more than it was
/// it may be. Beyond the last number, all callers together grow no more than by a share of the inputs.
const BODY_LIMIT: usize = 7_654_321;
const LOCALS_LIMIT: usize = 50_000;
pub(super) const MOST_GROWTH: usize = 1 << 16;
pub(super) const SHARE: usize = 2;

/// Most bytes that one byte of an index takes elsewhere.
const GROWTH: usize = 5;
/// Most bytes around a body, and for each of its locals: it is set, or cleared.
const AROUND: usize = 16;
const LOCAL: usize = 24;

/// A function that an instance defines: instance, and position among its functions.
pub type Defined = (u32, u32);

/// Which calls become bodies.
pub struct Inlining {
    /// For each instance and each function that it imports, whose body stands in place of calls.
    targets: Vec<Vec<Option<Defined>>>,
    bodies: HashMap<Defined, Body>,
    /// Why others have none.
    refused: HashMap<Defined, Reason>,
}

/// A function whose body can stand in place of calls.
struct Body {
    ty: FuncType,
    locals: Vec<ValType>,
    /// Functions that it calls, by index in its module, as often as it calls them.
    calls: Vec<u32>,
    /// Most bytes that stand in place of a call, and locals that they need.
    size: usize,
    needs: usize,
}

impl Inlining {
    /// Finds what can be inlined of what should be.
    pub fn new(linked: &Linked<'_>) -> Self {
        let defined = |instance: usize, (function, wanted): (usize, &bool)| {
            let id = linked.local[instance][Kind::Func][function];
            match linked.items[Kind::Func][id as usize] {
                Item::Defined(instance, position) if *wanted => Some((instance, position)),
                _ => None,
            }
        };
        let mut targets: Vec<Vec<Option<Defined>>> = Vec::with_capacity(linked.inline.len());
        for (instance, wanted) in linked.inline.iter().enumerate() {
            let of = wanted.iter().enumerate().map(|wanted| defined(instance, wanted));
            targets.push(of.collect());
        }
        let mut open: BTreeMap<Defined, Body> = BTreeMap::new();
        let mut this =
            Inlining { targets: Vec::new(), bodies: HashMap::new(), refused: HashMap::new() };
        for &(instance, position) in targets.iter().flatten().flatten() {
            let module = &linked.modules[instance as usize];
            let at = (instance, position);
            match Body::read(module, position as usize) {
                Ok(body) => drop(open.insert(at, body)),
                Err(reason) => drop(this.refused.insert(at, reason)),
            }
        }
        this.targets = targets;
        for _ in 0..MOST_NESTED {
            // Those whose own calls are settled. A circle never is.
            let waits = |at: &Defined, body: &Body| {
                body.calls
                    .iter()
                    .any(|f| this.wanted(at.0, *f).is_some_and(|t| open.contains_key(&t)))
            };
            let ready: Vec<Defined> =
                open.iter().filter(|(at, body)| !waits(at, body)).map(|(at, _)| *at).collect();
            for at in ready {
                let Some(mut body) = open.remove(&at) else { continue };
                let inner = body.calls.iter().filter_map(|f| this.body_of(at.0, *f));
                let (size, needs) = inner.fold((body.size, body.needs), |(size, needs), inner| {
                    (size + inner.size, needs + inner.needs)
                });
                (body.size, body.needs) = (size, needs);
                if size <= MOST_BYTES && needs <= MOST_LOCALS {
                    this.bodies.insert(at, body);
                } else {
                    this.refused.insert(at, Reason::Large);
                }
            }
        }
        this.refused.extend(open.into_keys().map(|at| (at, Reason::Nested)));
        this
    }

    fn wanted(&self, instance: u32, function: u32) -> Option<Defined> {
        *self.targets[instance as usize].get(function as usize)?
    }

    /// Whose body stands in place of calls of a function, by its index in the instance's module.
    pub fn target(&self, instance: u32, function: u32) -> Option<Defined> {
        self.wanted(instance, function).filter(|target| self.bodies.contains_key(target))
    }

    /// Why a function is called by all of an instance whose body should stand in place of calls.
    pub fn refusal(&self, linked: &Linked<'_>, instance: u32, function: u32) -> Option<Reason> {
        let asked = linked.inline[instance as usize].get(function as usize) == Some(&true);
        match self.wanted(instance, function) {
            None => asked.then_some(Reason::Host),
            Some(target) => self.refused.get(&target).copied(),
        }
    }

    fn body_of(&self, instance: u32, function: u32) -> Option<&Body> {
        self.bodies.get(&self.wanted(instance, function)?)
    }

    /// How many bytes all callers together may grow by.
    pub fn budget(linked: &Linked<'_>) -> usize {
        linked.modules.iter().map(|module| module.bytes.len()).sum::<usize>() / SHARE + MOST_GROWTH
    }

    /// How many bytes a function grows by at most in which calls become bodies, or why none do. One that
    /// cannot be read is not valid, and left as it is.
    pub fn growth(
        &self,
        linked: &Linked<'_>,
        (instance, position): Defined,
    ) -> Result<usize, Reason> {
        let module = &linked.modules[instance as usize];
        let (mut handles, mut leaves) = (false, false);
        let note = |operator: &Operator<'_>| {
            handles |= matches!(operator, Operator::TryTable { .. } | Operator::Try { .. });
            leaves |= matches!(operator, Operator::ReturnCall { .. });
            true
        };
        let (locals, calls) = read(module, position as usize, note).ok_or(Reason::Caller)?;
        let ty = module.func_type(module.funcs[position as usize]).ok_or(Reason::Caller)?;
        let params = ty.params().len();
        // Its own indices may take more bytes, too.
        let before = module.body_size(position as usize).saturating_mul(GROWTH);
        let mut size = before;
        let mut needs = params + locals.iter().map(|(count, _)| *count as usize).sum::<usize>();
        let mut met = HashSet::new();
        for function in calls {
            if let Some(body) = self.body_of(instance, function) {
                size = size.saturating_add(body.size);
                needs += if met.insert(function) { body.needs } else { 0 };
            }
        }
        let grown = size - before;
        let fits = size <= BODY_LIMIT && grown <= MOST_GROWTH && needs <= LOCALS_LIMIT;
        match (handles && leaves, fits) {
            (true, _) => Err(Reason::Caller),
            (false, false) => Err(Reason::Growth),
            (false, true) => Ok(grown),
        }
    }
}

impl Body {
    /// Reads a body, or says why it cannot stand in place of calls.
    fn read(module: &Module<'_>, position: usize) -> Result<Self, Reason> {
        let ty = module.func_type(module.funcs[position]).ok_or(Reason::Body)?.clone();
        let (groups, calls) = read(module, position, may_stand_elsewhere).ok_or(Reason::Body)?;
        let count = groups.iter().map(|(count, _)| *count as usize).sum::<usize>();
        let needs = ty.params().len() + count;
        if needs > MOST_LOCALS {
            return Err(Reason::Large);
        }
        let locals = groups.iter().flat_map(|(count, ty)| vec![*ty; *count as usize]).collect();
        let size = module.body_size(position) * GROWTH + needs * LOCAL + AROUND;
        Ok(Body { ty, locals, calls, size, needs })
    }
}

/// Nothing in it depends on where the function ends, but for `return`.
fn may_stand_elsewhere(operator: &Operator<'_>) -> bool {
    use Operator::*;
    !matches!(
        operator,
        ReturnCall { .. }
            | ReturnCallIndirect { .. }
            | ReturnCallRef { .. }
            | Try { .. }
            | TryTable { .. }
            | Catch { .. }
            | CatchAll
            | Delegate { .. }
            | Rethrow { .. }
            | Suspend { .. }
            | Resume { .. }
            | ResumeThrow { .. }
            | Switch { .. }
    )
}

/// Declared locals and direct calls of a body, if it can be read and all its operators are `fine`.
#[expect(clippy::type_complexity, reason = "two lists")]
fn read(
    module: &Module<'_>,
    position: usize,
    mut fine: impl FnMut(&Operator<'_>) -> bool,
) -> Option<(Vec<(u32, ValType)>, Vec<u32>)> {
    let body = module.body(position);
    let groups = body.get_locals_reader().ok()?.into_iter().collect::<Result<_, _>>().ok()?;
    let mut operators = body.get_operators_reader().ok()?;
    let mut calls = Vec::new();
    while !operators.eof() {
        let operator = operators.read().ok()?;
        if !fine(&operator) {
            return None;
        }
        if let Operator::Call { function_index } | Operator::ReturnCall { function_index } =
            operator
        {
            calls.push(function_index);
        }
    }
    operators.finish().ok()?;
    Some((groups, calls))
}

/// Appends the body of a function that inlines calls, from its locals to its final `end`, without
/// a size.
pub fn body(
    modules: &[Module<'_>],
    renumber: &[Renumber<'_>],
    inlining: &Inlining,
    at: Defined,
    out: &mut Vec<u8>,
) -> Result<(), MergeError> {
    let (module, new) = (&modules[at.0 as usize], &renumber[at.0 as usize]);
    let malformed = |error: wasmparser::Error| new.malformed(error);
    let ty = module
        .func_type(module.funcs[at.1 as usize])
        .ok_or_else(|| new.malformed("a function's type is no function type"))?;
    let groups = module.body(at.1 as usize).get_locals_reader().map_err(malformed)?;
    let groups = groups.into_iter().collect::<Result<Vec<_>, _>>().map_err(malformed)?;
    let mut locals = Vec::with_capacity(groups.len());
    for (count, ty) in groups {
        locals.push((count, new.rewrite(|types| types.val_type(ty))?));
    }
    let declared = locals.iter().map(|(count, _)| *count).sum::<u32>();
    let mut writer = Writer {
        modules,
        renumber,
        inlining,
        next: ty.params().len() as u32 + declared,
        locals,
        bases: HashMap::new(),
        code: Vec::new(),
    };
    writer.operators(at, None)?;
    writer.locals.len().encode(out);
    for (count, ty) in &writer.locals {
        count.encode(out);
        ty.encode(out);
    }
    out.extend_from_slice(&writer.code);
    Ok(())
}

/// Writes one caller.
struct Writer<'w, 'a> {
    modules: &'w [Module<'a>],
    renumber: &'w [Renumber<'a>],
    inlining: &'w Inlining,
    /// Declared locals, in groups of one type.
    locals: Vec<(u32, wasm_encoder::ValType)>,
    /// The next local.
    next: u32,
    /// For each function that is inlined, the local that stands for its first.
    bases: HashMap<Defined, u32>,
    code: Vec<u8>,
}

impl Writer<'_, '_> {
    fn emit(&mut self, instruction: Instruction<'_>) {
        instruction.encode(&mut self.code);
    }

    /// Appends a body's instructions up to its final `end`; `base` is the local that stands for its
    /// first where the body is inlined.
    fn operators(&mut self, at: Defined, base: Option<u32>) -> Result<(), MergeError> {
        let (renumber, inlining) = (self.renumber, self.inlining);
        let new = &renumber[at.0 as usize];
        let body = self.modules[at.0 as usize].body(at.1 as usize);
        let malformed = |error: wasmparser::Error| new.malformed(error);
        let mut operators = body.get_operators_reader().map_err(malformed)?;
        // Blocks of the body that are open.
        let mut depth = 0u32;
        while !operators.eof() {
            let operator = operators.read().map_err(malformed)?;
            match (&operator, base) {
                (Operator::Call { function_index }, _) => {
                    if let Some(target) = inlining.target(at.0, *function_index) {
                        self.inline(target)?;
                        continue;
                    }
                }
                (Operator::ReturnCall { function_index }, None) => {
                    if let Some(target) = inlining.target(at.0, *function_index) {
                        self.inline(target)?;
                        self.emit(Instruction::Return);
                        continue;
                    }
                }
                (Operator::Return, Some(_)) => {
                    self.emit(Instruction::Br(depth));
                    continue;
                }
                (Operator::LocalGet { local_index }, Some(base)) => {
                    self.emit(Instruction::LocalGet(base.saturating_add(*local_index)));
                    continue;
                }
                (Operator::LocalSet { local_index }, Some(base)) => {
                    self.emit(Instruction::LocalSet(base.saturating_add(*local_index)));
                    continue;
                }
                (Operator::LocalTee { local_index }, Some(base)) => {
                    self.emit(Instruction::LocalTee(base.saturating_add(*local_index)));
                    continue;
                }
                (Operator::Block { .. } | Operator::Loop { .. } | Operator::If { .. }, _) => {
                    depth = depth.saturating_add(1);
                }
                (Operator::End, _) => depth = depth.saturating_sub(1),
                _ => {}
            }
            new.instruction(operator)?.encode(&mut self.code);
        }
        operators.finish().map_err(malformed)
    }

    /// Appends a body in place of a call of it.
    fn inline(&mut self, target: Defined) -> Result<(), MergeError> {
        let (renumber, inlining) = (self.renumber, self.inlining);
        let new = &renumber[target.0 as usize];
        let body = &inlining.bodies[&target];
        let params = body.ty.params();
        let base = match self.bases.get(&target) {
            Some(base) => *base,
            None => {
                let base = self.next;
                for ty in params.iter().chain(&body.locals) {
                    let ty = new.rewrite(|types| types.val_type(*ty))?;
                    match self.locals.last_mut() {
                        Some((count, last)) if *last == ty => *count += 1,
                        _ => self.locals.push((1, ty)),
                    }
                    self.next += 1;
                }
                self.bases.insert(target, base);
                base
            }
        };
        match body.ty.results() {
            results @ ([] | [_]) => {
                self.arguments(params.len(), base);
                let ty = match results {
                    [ty] => BlockType::Result(new.rewrite(|types| types.val_type(*ty))?),
                    _ => BlockType::Empty,
                };
                self.emit(Instruction::Block(ty));
            }
            // Several results need a type that names the parameters, too.
            _ => {
                let module = &self.modules[target.0 as usize];
                let ty = new.get(super::immediates::Slot::Type, module.funcs[target.1 as usize])?;
                self.emit(Instruction::Block(BlockType::FunctionType(ty)));
                self.arguments(params.len(), base);
            }
        }
        // The call may be in a loop, and what it left there is not what it finds.
        for (local, ty) in body.locals.iter().zip(base + params.len() as u32..).map(|(t, l)| (l, t))
        {
            if self.zero(new, *ty)? {
                self.emit(Instruction::LocalSet(local));
            }
        }
        self.operators(target, Some(base))
    }

    fn arguments(&mut self, params: usize, base: u32) {
        for param in (0..params as u32).rev() {
            self.emit(Instruction::LocalSet(base + param));
        }
    }

    /// Pushes what a local holds at first, if it holds anything.
    fn zero(&mut self, new: &Renumber<'_>, ty: ValType) -> Result<bool, MergeError> {
        use super::link::Const;
        let zero = match ty {
            ValType::I32 => const_instruction(Const::I32(0)),
            ValType::I64 => const_instruction(Const::I64(0)),
            ValType::F32 => Instruction::F32Const(0.0f32.into()),
            ValType::F64 => Instruction::F64Const(0.0f64.into()),
            ValType::V128 => Instruction::V128Const(0),
            ValType::Ref(ty) if ty.is_nullable() => {
                Instruction::RefNull(new.rewrite(|types| types.heap_type(ty.heap_type()))?)
            }
            ValType::Ref(_) => return Ok(false),
        };
        self.emit(zero);
        Ok(true)
    }
}

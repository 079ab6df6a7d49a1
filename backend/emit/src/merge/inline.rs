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

use super::immediates::Slot;
use super::link::{Item, Linked};
use super::module::Module;
use super::not_inlined::Reason;
use super::reencode::{Renumber, const_instruction};
use super::scan::{Site, Sites};
use super::shapes::SHAPES;
use super::{Kind, MergeError};
use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use wasm_encoder::reencode::Reencode;
use wasm_encoder::{BlockType, Encode, Instruction};
use wasmparser::{FuncType, FunctionBody, Operator, ValType};

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

/// For each function whose body should stand in a caller, that it does, or why not.
pub type Chosen = BTreeMap<Defined, Result<(), Reason>>;

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

    /// Chooses among the functions whose bodies should stand in a caller: small ones first, as many as the
    /// caller may grow by, and by `budget` with all others, which is then what is left of it. A caller that
    /// cannot be read is not valid, and left as it is.
    pub fn choose(
        &self,
        linked: &Linked<'_>,
        sites: &Sites,
        (instance, position): Defined,
        budget: &mut usize,
    ) -> Chosen {
        let module = &linked.modules[instance as usize];
        let body = module.body(position as usize);
        let (Ok(code), Some(ty)) =
            (Code::of(&body), module.func_type(module.funcs[position as usize]))
        else {
            return Chosen::default();
        };
        let mut leaves = false;
        // Their numbers of calls, by how large they are.
        let mut wanted: BTreeMap<(usize, Defined), usize> = BTreeMap::new();
        for call in code.calls(module.bytes, sites.of(instance as usize, position as usize)) {
            leaves |= call.leaves;
            if let Some(target) = self.target(instance, call.function) {
                *wanted.entry((self.bodies[&target].size, target)).or_default() += 1;
            }
        }
        let handles = |operator: &Operator<'_>| {
            matches!(operator, Operator::TryTable { .. } | Operator::Try { .. })
        };
        let leaves_handlers =
            leaves && read(module, position as usize, |operator| !handles(operator)).is_none();
        // Its own indices may take more bytes, too.
        let before = module.body_size(position as usize).saturating_mul(GROWTH);
        let room = BODY_LIMIT.saturating_sub(before).min(MOST_GROWTH);
        let mut needs = ty.params().len();
        needs += code.locals.iter().map(|(count, _)| *count as usize).sum::<usize>();
        let mut grown = 0;
        let mut choose = |target, calls: usize| {
            let body = &self.bodies[&target];
            let (more, locals) = (calls.saturating_mul(body.size), needs + body.needs);
            if leaves_handlers {
                return Err(Reason::Caller);
            }
            if more > room - grown || locals > LOCALS_LIMIT {
                return Err(Reason::Growth);
            }
            *budget = budget.checked_sub(more).ok_or(Reason::Budget)?;
            (grown, needs) = (grown + more, locals);
            Ok(())
        };
        wanted.into_iter().map(|((_, target), calls)| (target, choose(target, calls))).collect()
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

/// A caller's body, of which instructions are only read that have an index.
struct Code {
    /// Declared locals, in groups of one type.
    locals: Vec<(u32, ValType)>,
    /// Where its instructions are in its module.
    range: Range<usize>,
}

/// A call in a body.
struct Call {
    /// By its index in the caller's module.
    function: u32,
    /// Where the instruction is in the caller's module.
    range: Range<usize>,
    /// It is a tail call.
    leaves: bool,
}

/// The first byte of a tail call (core specification, "Control Instructions").
const RETURN_CALL: u8 = 0x12;

impl Code {
    fn of(body: &FunctionBody<'_>) -> Result<Self, wasmparser::Error> {
        let mut reader = body.get_locals_reader()?;
        let locals = (0..reader.get_count()).map(|_| reader.read()).collect::<Result<_, _>>()?;
        let first = reader.get_binary_reader().original_position();
        Ok(Code { locals, range: first..body.range().end })
    }

    /// The direct calls among its instructions with indices, in order.
    fn calls(
        &self,
        module: &[u8],
        sites: impl Iterator<Item = Site>,
    ) -> impl Iterator<Item = Call> {
        sites.filter_map(|site| {
            let at = self.range.start + site.offset;
            let (opcode, immediates) = module[at..self.range.end].split_first()?;
            match SHAPES[*opcode as usize].index(immediates)? {
                (Slot::Func, function, size) => {
                    let leaves = *opcode == RETURN_CALL;
                    Some(Call { function, range: at..at + 1 + size, leaves })
                }
                _ => None,
            }
        })
    }
}

/// Appends the body of a function that inlines calls, from its locals to its final `end`, without
/// a size.
pub fn body(
    modules: &[Module<'_>],
    renumber: &[Renumber<'_>],
    sites: &Sites,
    inlining: &Inlining,
    chosen: &Chosen,
    at: Defined,
    out: &mut Vec<u8>,
) -> Result<(), MergeError> {
    let (module, new) = (&modules[at.0 as usize], &renumber[at.0 as usize]);
    let ty = module
        .func_type(module.funcs[at.1 as usize])
        .ok_or_else(|| new.malformed("a function's type is no function type"))?;
    let code = Code::of(&module.body(at.1 as usize)).map_err(|error| new.malformed(error))?;
    let mut locals = Vec::with_capacity(code.locals.len());
    for (count, ty) in &code.locals {
        locals.push((*count, new.rewrite(|types| types.val_type(*ty))?));
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
    let (instance, position) = (at.0 as usize, at.1 as usize);
    let (mut from, first) = (code.range.start, code.range.start);
    let mut others = sites.of(instance, position);
    for call in code.calls(module.bytes, sites.of(instance, position)) {
        let Some(target) = inlining.target(at.0, call.function) else { continue };
        if chosen.get(&target) != Some(&Ok(())) {
            continue;
        }
        // This takes the call, too.
        let before = others.by_ref().take_while(|site| first + site.offset < call.range.start);
        new.part(from..call.range.start, first, before, &mut writer.code)?;
        writer.inline(target)?;
        if call.leaves {
            writer.emit(Instruction::Return);
        }
        from = call.range.end;
    }
    new.part(from..code.range.end, first, others, &mut writer.code)?;
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

    /// Appends the instructions of a body that is inlined, up to its final `end`; `base` is the local that
    /// stands for its first.
    fn operators(&mut self, at: Defined, base: u32) -> Result<(), MergeError> {
        let (renumber, inlining) = (self.renumber, self.inlining);
        let new = &renumber[at.0 as usize];
        let body = self.modules[at.0 as usize].body(at.1 as usize);
        let malformed = |error: wasmparser::Error| new.malformed(error);
        let mut operators = body.get_operators_reader().map_err(malformed)?;
        // Blocks of the body that are open.
        let mut depth = 0u32;
        while !operators.eof() {
            let operator = operators.read().map_err(malformed)?;
            match &operator {
                Operator::Call { function_index } => {
                    if let Some(target) = inlining.target(at.0, *function_index) {
                        self.inline(target)?;
                        continue;
                    }
                }
                Operator::Return => {
                    self.emit(Instruction::Br(depth));
                    continue;
                }
                Operator::LocalGet { local_index } => {
                    self.emit(Instruction::LocalGet(base.saturating_add(*local_index)));
                    continue;
                }
                Operator::LocalSet { local_index } => {
                    self.emit(Instruction::LocalSet(base.saturating_add(*local_index)));
                    continue;
                }
                Operator::LocalTee { local_index } => {
                    self.emit(Instruction::LocalTee(base.saturating_add(*local_index)));
                    continue;
                }
                Operator::Block { .. } | Operator::Loop { .. } | Operator::If { .. } => {
                    depth = depth.saturating_add(1);
                }
                Operator::End => depth = depth.saturating_sub(1),
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
                let ty = new.get(Slot::Type, module.funcs[target.1 as usize])?;
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
        self.operators(target, base)
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

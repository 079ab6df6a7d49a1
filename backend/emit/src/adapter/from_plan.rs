//! Reads decided terms: those of [`crate::terms::GENERATED`].

use super::wrappers::Around;
use super::{
    AdapterSpec, Error, Generated, Pass, PassId, Role, Side, SideSpec, analyse, generate, trap,
    wrappers,
};
use crate::memory::{self, MemoryShape};
use crate::terms::GENERATED;
use indexmap::IndexSet;
use meld_component::abi::PtrWidth;
use meld_component::program::Program;
use meld_component::types::{FuncType, TypeId, Types, ValueType};
use meld_engine::plan::{Entity, Node, NodeId, Plan};
use std::collections::HashMap;

/// Where an import of a generated module comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Source {
    /// It is what a node of the plan stands for.
    Node(NodeId),
    /// It is an export of the instance that a node stands for.
    Export(NodeId, &'static str),
    /// It is the host function that the term stands for.
    Host,
}

/// Whether the term of that name stands for a generated module.
pub fn is_generated(term: &str) -> bool {
    GENERATED.iter().any(|shape| shape.name == term)
}

/// A module that stands for a term of a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FromPlan {
    /// The module.
    pub module: Generated,
    /// What each of its imports is, in order.
    pub sources: Vec<Source>,
}

/// Generates the module for a term, or nothing if the term is not one that is generated.
///
/// # Errors
///
/// Those of [`generate`], and [`Error::Term`] for a term that has not the shape that the
/// vocabulary gives it.
pub fn from_plan(program: &Program, plan: &Plan, node: NodeId) -> Result<Option<FromPlan>, Error> {
    let Node::Term(name, args) = plan.node(node) else { return Ok(None) };
    let mut reader = Reader::new(program, plan, name);
    match (&**name, &args[..]) {
        ("adapter", &[function, signature, caller, callee, after, params, results, traps]) => {
            reader
                .adapter(function, signature, [caller, callee], after, [params, results], traps)
                .map(Some)
        }
        ("always", &[signature, options, trap]) => {
            let (func, width) = reader.function(signature, options)?;
            let module = wrappers::always(&reader.types, &func, width)?;
            reader.supply(module, &[(Role::Callee, trap)]).map(Some)
        }
        ("catch-all" | "catch-all-after", &[function, signature, options, trap]) => {
            let (func, width) = reader.function(signature, options)?;
            let module = wrappers::catch_all(&reader.types, &func, width, around(name))?;
            let trap = (Role::Trap(trap::UNCAUGHT_EXCEPTION), trap);
            reader.supply(module, &[(Role::Callee, function), trap]).map(Some)
        }
        ("enter" | "enter-after", &[function, signature, options, may_enter, trap]) => {
            let (func, width) = reader.function(signature, options)?;
            let module = wrappers::enter(&reader.types, &func, width, around(name))?;
            let trap = (Role::Trap(trap::CANNOT_ENTER), trap);
            let flag = (Role::MayEnter, may_enter);
            reader.supply(module, &[(Role::Callee, function), trap, flag]).map(Some)
        }
        ("host-lower", &[function, options, _]) => {
            let func = reader.host_type(function)?;
            let width = reader.width_of_options(options)?;
            let module = wrappers::imported(&program.types, func, width)?;
            Ok(Some(FromPlan { module, sources: vec![Source::Host] }))
        }
        ("check-leave", &[function, signature, options, leave, trap]) => {
            let (func, width) = reader.function(signature, options)?;
            let module = wrappers::check_leave(&reader.types, &func, width)?;
            let trap = (Role::Trap(trap::CANNOT_LEAVE), trap);
            let flag = (Role::Flag(Side::Caller), reader.flag(leave)?);
            reader.supply(module, &[(Role::Callee, function), trap, flag]).map(Some)
        }
        ("without-leave", &[function, signature, options, leave]) => {
            let (func, width) = reader.function(signature, options)?;
            let module = wrappers::without_leave(&reader.types, &func, width)?;
            let flag = (Role::Flag(Side::Callee), reader.flag(leave)?);
            reader.supply(module, &[(Role::Callee, function), flag]).map(Some)
        }
        ("as-lifted", &[function, signature, options, allocate]) => {
            let (func, width) = reader.function(signature, options)?;
            let module = wrappers::as_lifted(&reader.types, &func, width)?;
            let allocate = (Role::Allocate(Side::Caller), allocate);
            reader.supply(module, &[(Role::Callee, function), allocate]).map(Some)
        }
        ("discard", &[function, signature, options]) => {
            let (func, width) = reader.function(signature, options)?;
            let module = wrappers::discard(&reader.types, &func, width)?;
            reader.supply(module, &[(Role::Callee, function)]).map(Some)
        }
        ("clear-context", &[function, signature, options, first, second]) => {
            let (func, width) = reader.function(signature, options)?;
            let module = wrappers::clear_context(&reader.types, &func, width)?;
            let slots = [(Role::Slot(0), first), (Role::Slot(1), second)];
            reader.supply(module, &[(Role::Callee, function), slots[0], slots[1]]).map(Some)
        }
        (name, _) if is_generated(name) => {
            Err(reader.wrong("the number of its arguments is not the vocabulary's"))
        }
        _ => Ok(None),
    }
}

/// Which function of a lift the term of that name is a wrapper around.
fn around(term: &str) -> Around {
    match term {
        "catch-all-after" | "enter-after" => Around::PostReturn,
        _ => Around::Function,
    }
}

/// One side of an adapter, and the nodes that it names.
struct SideNodes {
    side: SideSpec,
    memory: Option<NodeId>,
    allocate: Option<NodeId>,
    flag: Option<NodeId>,
}

struct Reader<'a> {
    program: &'a Program,
    plan: &'a Plan,
    /// The term that is read, for errors.
    term: &'a str,
    types: Types,
    type_of: HashMap<NodeId, Option<TypeId>>,
    passes: Vec<Pass>,
    pass_of: HashMap<NodeId, PassId>,
    /// Transcoders, copiers, converters and ends.
    functions: IndexSet<NodeId>,
}

impl<'a> Reader<'a> {
    fn new(program: &'a Program, plan: &'a Plan, term: &'a str) -> Reader<'a> {
        Reader {
            program,
            plan,
            term,
            types: Types::default(),
            type_of: HashMap::new(),
            passes: Vec::new(),
            pass_of: HashMap::new(),
            functions: IndexSet::new(),
        }
    }

    fn wrong(&self, why: impl Into<String>) -> Error {
        Error::Term { term: self.term.into(), why: why.into() }
    }

    fn unexpected(&self, sort: &str, node: NodeId) -> Error {
        let found = match self.plan.node(node) {
            Node::Term(name, args) => format!("the term `{name}` of {} arguments", args.len()),
            node => format!("{node:?}"),
        };
        self.wrong(format!("{found} stands where a term of sort `{sort}` is expected"))
    }

    fn adapter(
        &mut self,
        function: NodeId,
        signature: NodeId,
        [caller, callee]: [NodeId; 2],
        after: NodeId,
        [params, results]: [NodeId; 2],
        traps: NodeId,
    ) -> Result<FromPlan, Error> {
        let func = self.signature(signature)?;
        let caller = self.side(caller)?;
        let callee = self.side(callee)?;
        let after = match self.term(after) {
            Some(("no-post-return", [])) => None,
            Some(("post-return", &[function])) => Some(function),
            _ => return Err(self.unexpected("PostReturn", after)),
        };
        let types = |types: &[TypeId]| types.iter().copied().map(Some).collect::<Vec<_>>();
        let params = self.passes(params, &types(&func.params), 0)?;
        let results = self.passes(results, &types(func.result.as_slice()), 0)?;
        let spec = AdapterSpec {
            types: &self.types,
            func: &func,
            caller: caller.side,
            callee: callee.side,
            post_return: after.is_some(),
            passes: std::mem::take(&mut self.passes),
            params,
            results,
        };
        let module = generate(&spec)?;
        let nodes = |side| match side {
            Side::Caller => &caller,
            Side::Callee => &callee,
        };
        self.sources(module, |role| {
            let node = match role {
                Role::Trap(name) => return Some(Source::Export(traps, name)),
                Role::Callee => Some(function),
                Role::PostReturn => after,
                Role::Allocate(side) => nodes(side).allocate,
                Role::Memory(side) => nodes(side).memory,
                Role::Flag(side) => nodes(side).flag,
                Role::MayEnter | Role::Slot(_) => None,
                Role::Transcoder(i) | Role::Copier(i) | Role::Converter(i) | Role::End(i) => {
                    self.functions.get_index(i as usize).copied()
                }
            };
            node.map(Source::Node)
        })
    }

    /// A module, each import of which is the node of its role.
    fn supply(&self, module: Generated, nodes: &[(Role, NodeId)]) -> Result<FromPlan, Error> {
        self.sources(module, |role| {
            let node = nodes.iter().find(|(of, _)| *of == role);
            node.map(|(_, node)| Source::Node(*node))
        })
    }

    /// A module, with what each of its imports is.
    fn sources(
        &self,
        module: Generated,
        source: impl Fn(Role) -> Option<Source>,
    ) -> Result<FromPlan, Error> {
        let missing = |role| self.wrong(format!("nothing supplies {role:?}"));
        let sources = module.imports.iter().map(|&role| source(role).ok_or_else(|| missing(role)));
        Ok(FromPlan { sources: sources.collect::<Result<_, _>>()?, module })
    }

    fn term(&self, node: NodeId) -> Option<(&'a str, &'a [NodeId])> {
        match self.plan.node(node) {
            Node::Term(name, args) => Some((name, args)),
            _ => None,
        }
    }

    fn list(&self, node: NodeId) -> Result<&'a [NodeId], Error> {
        match self.plan.node(node) {
            Node::List(items) => Ok(items),
            _ => Err(self.unexpected("[Type]", node)),
        }
    }

    fn int(&self, node: NodeId) -> Result<u32, Error> {
        match self.plan.node(node) {
            Node::Int(value) => u32::try_from(*value)
                .map_err(|_| self.wrong(format!("the number {value} does not fit 32 bits"))),
            _ => Err(self.unexpected("Int", node)),
        }
    }

    fn leave(&self, node: NodeId) -> Result<Option<NodeId>, Error> {
        match self.term(node) {
            Some(("unobserved", [])) => Ok(None),
            Some(("flag", &[global])) => Ok(Some(global)),
            _ => Err(self.unexpected("Leave", node)),
        }
    }

    /// The flag of a side where it is kept.
    fn flag(&self, node: NodeId) -> Result<NodeId, Error> {
        self.leave(node)?.ok_or_else(|| self.wrong("the flag `may-leave` is not kept"))
    }

    fn side(&self, node: NodeId) -> Result<SideNodes, Error> {
        let (memory, allocate, leave) = match self.term(node) {
            Some(("flat-side", &[leave])) => (None, None, leave),
            Some(("memory-side", &[memory, leave])) => (Some(memory), None, leave),
            Some(("heap-side", &[memory, allocate, leave])) => {
                (Some(memory), Some(allocate), leave)
            }
            _ => return Err(self.unexpected("Side", node)),
        };
        let flag = self.leave(leave)?;
        let shape = memory.map(|memory| self.memory(memory)).transpose()?;
        let side =
            SideSpec { memory: shape, allocate: allocate.is_some(), leave_flag: flag.is_some() };
        Ok(SideNodes { side, memory, allocate, flag })
    }

    /// The type of a component function, and the width of addresses of options.
    fn function(
        &mut self,
        signature: NodeId,
        options: NodeId,
    ) -> Result<(FuncType, PtrWidth), Error> {
        Ok((self.signature(signature)?, self.width_of_options(options)?))
    }

    fn width_of_options(&self, node: NodeId) -> Result<PtrWidth, Error> {
        let Node::Entity(Entity::Options(id)) = self.plan.node(node) else {
            return Err(self.unexpected("Options", node));
        };
        Ok(memory::width(self.program.options[id.index()].memory64))
    }

    /// The type of the function that a `host` term names.
    fn host_type(&self, node: NodeId) -> Result<&'a FuncType, Error> {
        let host = match self.term(node) {
            Some(("host", &[_, _, host])) => match self.plan.node(host) {
                Node::Entity(Entity::HostFunc(host)) => Some(*host),
                _ => None,
            },
            _ => None,
        };
        let ty = host.and_then(|host| self.program.host_type(host));
        let ty = ty.ok_or_else(|| self.unexpected("ComponentFunc", node))?;
        Ok(self.program.types.func(ty))
    }

    fn memory(&self, node: NodeId) -> Result<MemoryShape, Error> {
        memory::shape(self.program, self.plan, node).ok_or_else(|| self.unexpected("Memory", node))
    }

    fn signature(&mut self, node: NodeId) -> Result<FuncType, Error> {
        let Some(("func", &[params, results])) = self.term(node) else {
            return Err(self.unexpected("Signature", node));
        };
        let params = self.some_types(self.list(params)?)?;
        let results = self.some_types(self.list(results)?)?;
        if results.len() > 1 {
            return Err(self.wrong("the signature has more than one result"));
        }
        Ok(FuncType { async_: false, params, result: results.first().copied() })
    }

    fn some_types(&mut self, nodes: &[NodeId]) -> Result<Vec<TypeId>, Error> {
        nodes.iter().map(|&node| self.some_type(node, 0)).collect()
    }

    fn some_type(&mut self, node: NodeId, depth: u32) -> Result<TypeId, Error> {
        self.ty(node, depth)?.ok_or_else(|| self.unexpected("Type", node))
    }

    /// The type that a term stands for; none for `unit()`.
    fn ty(&mut self, node: NodeId, depth: u32) -> Result<Option<TypeId>, Error> {
        if let Some(&ty) = self.type_of.get(&node) {
            return Ok(ty);
        }
        if depth > analyse::MAX_DEPTH {
            return Err(Error::TooDeep);
        }
        let Some((name, args)) = self.term(node) else {
            return Err(self.unexpected("Type", node));
        };
        let depth = depth + 1;
        let value = match (name, args) {
            ("unit", []) => None,
            ("bool", []) => Some(ValueType::Bool),
            ("s8", []) => Some(ValueType::S8),
            ("u8", []) => Some(ValueType::U8),
            ("s16", []) => Some(ValueType::S16),
            ("u16", []) => Some(ValueType::U16),
            ("s32", []) => Some(ValueType::S32),
            ("u32", []) => Some(ValueType::U32),
            ("s64", []) => Some(ValueType::S64),
            ("u64", []) => Some(ValueType::U64),
            ("f32", []) => Some(ValueType::F32),
            ("f64", []) => Some(ValueType::F64),
            ("char", []) => Some(ValueType::Char),
            ("string", []) => Some(ValueType::String),
            ("error-context", []) => Some(ValueType::ErrorContext),
            ("list", &[element]) => Some(ValueType::List(self.some_type(element, depth)?)),
            ("fixed-list", &[element, length]) => {
                Some(ValueType::FixedList(self.some_type(element, depth)?, self.int(length)?))
            }
            ("record" | "tuple", &[fields]) => {
                let fields = self.list(fields)?;
                let fields: Vec<TypeId> = fields
                    .iter()
                    .map(|&field| self.some_type(field, depth))
                    .collect::<Result<_, _>>()?;
                let record = name == "record";
                Some(if record { ValueType::Record(fields) } else { ValueType::Tuple(fields) })
            }
            ("variant", &[cases]) => {
                let cases = self.list(cases)?;
                let cases =
                    cases.iter().map(|&case| self.ty(case, depth)).collect::<Result<_, _>>()?;
                Some(ValueType::Variant(cases))
            }
            ("enum", &[cases]) => Some(ValueType::Enum(self.int(cases)?)),
            ("flags", &[labels]) => Some(ValueType::Flags(self.int(labels)?)),
            ("option", &[payload]) => Some(ValueType::Option(self.some_type(payload, depth)?)),
            ("result", &[ok, error]) => {
                Some(ValueType::Result(self.ty(ok, depth)?, self.ty(error, depth)?))
            }
            ("own" | "borrow", &[resource]) => {
                let Node::Entity(Entity::Resource(id)) = self.plan.node(resource) else {
                    return Err(self.unexpected("Resource", resource));
                };
                Some(if name == "own" { ValueType::Own(*id) } else { ValueType::Borrow(*id) })
            }
            ("stream", &[element]) => Some(ValueType::Stream(self.ty(element, depth)?)),
            ("future", &[element]) => Some(ValueType::Future(self.ty(element, depth)?)),
            _ => return Err(self.unexpected("Type", node)),
        };
        let ty = value.map(|value| self.types.intern(value));
        self.type_of.insert(node, ty);
        Ok(ty)
    }

    /// The passes of `then(.., then(.., done()))`, for values of these types.
    fn passes(
        &mut self,
        mut node: NodeId,
        types: &[Option<TypeId>],
        depth: u32,
    ) -> Result<Vec<PassId>, Error> {
        let mut nodes = Vec::new();
        loop {
            match self.term(node) {
                Some(("done", [])) => break,
                Some(("then", &[first, rest])) => {
                    nodes.push(first);
                    node = rest;
                }
                _ => return Err(self.unexpected("Passes", node)),
            }
        }
        analyse::count(types.len(), nodes.len())?;
        nodes.into_iter().zip(types).map(|(node, &ty)| self.pass(node, ty, depth)).collect()
    }

    /// The pass of a value of this type, or of a payload that is not there. The term names a type, too: two
    /// types may be laid out alike, and what is right for the one be wrong for the other.
    fn pass(&mut self, node: NodeId, ty: Option<TypeId>, depth: u32) -> Result<PassId, Error> {
        if depth > analyse::MAX_DEPTH {
            return Err(Error::TooDeep);
        }
        let depth = depth + 1;
        let Some((name, &[named, ..])) = self.term(node) else {
            return Err(self.unexpected("Pass", node));
        };
        let named = self.ty(named, 0)?;
        if named != ty {
            let of = |ty: Option<TypeId>| match ty {
                Some(ty) => super::text_of(&self.types, ty),
                None => "no payload".to_string(),
            };
            return Err(Error::Another { pass: name.into(), of: of(named), ty: of(ty) });
        }
        if let Some(&pass) = self.pass_of.get(&node) {
            return Ok(pass);
        }
        let value = ty.map(|ty| self.types.get(ty));
        let parts: Vec<Option<TypeId>> = match value {
            Some(
                value @ (ValueType::Variant(_) | ValueType::Option(_) | ValueType::Result(..)),
            ) => value.cases(),
            Some(value) => value.parts().into_iter().map(Some).collect(),
            None => Vec::new(),
        };
        let element = parts.first().copied().flatten();
        let pass = match self.term(node) {
            Some(("keep", [_, _, _])) => Pass::Keep,
            Some(("normalise", [_, _, _])) => Pass::Normalise,
            Some(("check-char", [_, _, _])) => Pass::CheckChar,
            Some(("mask", [_, _, _])) => Pass::Mask,
            Some(("check-case", [_, _, _])) => Pass::CheckCase,
            Some(("copy", [_, _, _])) => Pass::Copy,
            Some(("copy-by", &[_, function, _, _])) => {
                Pass::CopyBy(self.functions.insert_full(function).0 as u32)
            }
            Some(("fields", &[_, passes, _, _])) => {
                Pass::Fields(self.passes(passes, &parts, depth)?)
            }
            Some(("cases", &[_, passes, _, _])) => Pass::Cases(self.passes(passes, &parts, depth)?),
            Some(("select-cases", &[_, passes, _, _])) => {
                Pass::SelectCases(self.passes(passes, &parts, depth)?)
            }
            Some(("repeat", &[_, pass, _, _])) => Pass::Repeat(self.pass(pass, element, depth)?),
            Some(("each", &[_, pass, _, _])) => Pass::Each(self.pass(pass, element, depth)?),
            Some(("text", &[_, function, _, _])) => {
                Pass::Text(self.functions.insert_full(function).0 as u32)
            }
            Some(("convert", &[_, function, _, _])) => {
                Pass::Convert(self.functions.insert_full(function).0 as u32)
            }
            Some(("scoped", &[_, inner, end, _, _])) => {
                let inner = self.pass(inner, ty, depth)?;
                Pass::Scoped(inner, self.functions.insert_full(end).0 as u32)
            }
            _ => return Err(self.unexpected("Pass", node)),
        };
        let id = PassId(self.passes.len() as u32);
        self.passes.push(pass);
        self.pass_of.insert(node, id);
        Ok(id)
    }
}

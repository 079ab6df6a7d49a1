//! What proofs read of core modules: function types, tables, element segments, bodies.
//!
//! Each module is read once, and its bodies only as somebody asks for them. What cannot be read
//! is `None`, and whoever asks has to take it for the worst.

use crate::program::{CoreExport, CoreFuncType, CoreItem, CoreKind, InstanceId, ModuleId, Program};
use rayon::prelude::*;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::ops::Range;
use wasmparser::{
    BinaryReader, Chunk, CompositeInnerType, ConstExpr, ElementItems, ElementKind, FunctionBody,
    Operator, Parser, Payload, RecGroup, TableInit, TypeRef, ValType,
};

/// A function that an instance defines or imports, by its index in the module.
pub(super) type Function = (InstanceId, u32);

/// The modules of a program, read as far as somebody asked.
pub(super) struct Bodies<'p> {
    program: &'p Program,
    modules: HashMap<ModuleId, Option<Module<'p>>>,
    calls: HashMap<(ModuleId, u32), Option<Calls>>,
}

/// A core module.
pub(super) struct Module<'p> {
    /// Function types, by type index; none where identity is not a matter of parameters and
    /// results alone.
    types: Vec<Option<CoreFuncType>>,
    /// Type indices of all functions, imported ones first.
    functions: Vec<u32>,
    /// Position among all imports, for each imported function.
    imported_functions: Vec<u32>,
    /// Position among all imports, for each imported table.
    imported_tables: Vec<u32>,
    /// Elements that each defined table has at first.
    tables: Vec<u64>,
    elements: Vec<wasmparser::Element<'p>>,
    /// Functions that its globals, its tables and their segments hold at first.
    pub(super) held: Vec<u32>,
    bytes: &'p [u8],
    /// Where the bodies are in its bytes.
    bodies: &'p [Range<usize>],
    /// The start function.
    pub(super) start: Option<u32>,
}

/// An active element segment.
pub(super) struct Segment {
    /// Index of the table in its module.
    pub(super) table: u32,
    /// Where it writes; none where that is no plain constant.
    pub(super) offset: Option<u64>,
    /// Functions by index; none for what is not simply a function.
    pub(super) items: Vec<Option<u32>>,
}

/// What a body calls.
#[derive(Default)]
pub(super) struct Calls {
    /// Functions, by index.
    pub(super) direct: Vec<u32>,
    /// Types, by index, of what it calls through tables and references.
    pub(super) types: Vec<u32>,
    /// It goes on somewhere in another way.
    pub(super) anywhere: bool,
}

impl<'p> Bodies<'p> {
    /// Nothing read yet.
    pub(super) fn new(program: &'p Program) -> Self {
        Bodies { program, modules: HashMap::new(), calls: HashMap::new() }
    }

    /// The module of an instance.
    pub(super) fn module(&mut self, instance: InstanceId) -> Option<&Module<'p>> {
        let program = self.program;
        let module = program.instances[instance.index()].module;
        self.modules
            .entry(module)
            .or_insert_with(|| {
                let bodies = &program.modules[module.index()].bodies;
                Module::read(program.module_bytes(module), bodies)
            })
            .as_ref()
    }

    /// What an imported function of an instance is; none for a function that it defines.
    pub(super) fn import(&mut self, (instance, function): Function) -> Option<&'p CoreItem> {
        let program = self.program;
        let position = self.module(instance)?.function_import(function)?;
        program.instances[instance.index()].imports.get(position as usize)
    }

    /// Whether direct calls lead from these functions, through any number of instances, to an
    /// import of which `leaf` holds, or to a call through a table or a reference. What cannot be
    /// read is taken to.
    pub(super) fn reach(
        &mut self,
        mut todo: Vec<Function>,
        leaf: &dyn Fn(&CoreItem) -> bool,
    ) -> bool {
        let mut seen: HashSet<Function> = HashSet::new();
        while let Some(function) = todo.pop() {
            if !seen.insert(function) {
                continue;
            }
            if let Some(item) = self.import(function) {
                if leaf(item) {
                    return true;
                }
                todo.extend(exported_function(self.program, item));
                continue;
            }
            let Some(calls) = self.calls(function) else { return true };
            if calls.anywhere || !calls.types.is_empty() {
                return true;
            }
            todo.extend(calls.direct.iter().map(|callee| (function.0, *callee)));
        }
        false
    }

    /// What the body of a function calls.
    pub(super) fn calls(&mut self, (instance, function): Function) -> Option<&Calls> {
        let id = self.program.instances[instance.index()].module;
        if !self.calls.contains_key(&(id, function)) {
            let calls = self.module(instance).and_then(|module| calls(&module.body(function)?));
            self.calls.insert((id, function), calls);
        }
        self.calls[&(id, function)].as_ref()
    }
}

/// The function that an item is, if it is one that an instance exports.
pub(super) fn exported_function(program: &Program, item: &CoreItem) -> Option<Function> {
    let CoreItem::Export { instance, export } = item else { return None };
    let export = &program.module_of(*instance).exports[*export as usize];
    matches!(export.kind, CoreKind::Func(_)).then_some((*instance, export.index))
}

impl<'p> Module<'p> {
    fn read(bytes: &'p [u8], bodies: &'p [Range<usize>]) -> Option<Self> {
        let mut module = Module {
            types: Vec::new(),
            functions: Vec::new(),
            imported_functions: Vec::new(),
            imported_tables: Vec::new(),
            tables: Vec::new(),
            elements: Vec::new(),
            held: Vec::new(),
            bytes,
            bodies,
            start: None,
        };
        let (mut parser, mut rest) = (Parser::new(0), bytes);
        loop {
            let Chunk::Parsed { consumed, payload } = parser.parse(rest, true).ok()? else {
                return None;
            };
            rest = rest.get(consumed..)?;
            match payload {
                Payload::TypeSection(groups) => {
                    for group in groups {
                        module.types.extend(function_types(&group.ok()?));
                    }
                }
                Payload::ImportSection(imports) => {
                    for (import, position) in imports.into_imports().zip(0..) {
                        match import.ok()?.ty {
                            TypeRef::Func(ty) | TypeRef::FuncExact(ty) => {
                                module.functions.push(ty);
                                module.imported_functions.push(position);
                            }
                            TypeRef::Table(_) => module.imported_tables.push(position),
                            _ => {}
                        }
                    }
                }
                Payload::FunctionSection(types) => {
                    for ty in types {
                        module.functions.push(ty.ok()?);
                    }
                }
                Payload::TableSection(tables) => {
                    for table in tables {
                        let table = table.ok()?;
                        module.tables.push(table.ty.initial);
                        if let TableInit::Expr(expr) = &table.init {
                            module.held.extend(functions_in(expr)?);
                        }
                    }
                }
                Payload::GlobalSection(globals) => {
                    for global in globals {
                        module.held.extend(functions_in(&global.ok()?.init_expr)?);
                    }
                }
                Payload::ElementSection(elements) => {
                    for element in elements {
                        let element = element.ok()?;
                        // Who declares functions for his code holds none.
                        if !matches!(element.kind, ElementKind::Declared) {
                            module.held.extend(functions_of(&element)?);
                        }
                        module.elements.push(element);
                    }
                }
                Payload::StartSection { func, .. } => module.start = Some(func),
                Payload::CodeSectionStart { size, .. } => {
                    parser.skip_section();
                    rest = rest.get(size as usize..)?;
                }
                Payload::End(_) => return Some(module),
                _ => {}
            }
        }
    }

    /// The type of a type index, if it is nothing but parameters and results: two such types are
    /// one type exactly if they are equal here.
    pub(super) fn plain_type(&self, ty: u32) -> Option<&CoreFuncType> {
        self.types.get(ty as usize)?.as_ref()
    }

    /// The same for a function's type.
    pub(super) fn function_type(&self, function: u32) -> Option<&CoreFuncType> {
        self.plain_type(*self.functions.get(function as usize)?)
    }

    /// The body of a function that the module defines.
    pub(super) fn body(&self, function: u32) -> Option<FunctionBody<'p>> {
        let position = (function as usize).checked_sub(self.imported_functions.len())?;
        self.body_at(self.bodies.get(position)?)
    }

    fn body_at(&self, range: &Range<usize>) -> Option<FunctionBody<'p>> {
        let bytes = self.bytes.get(range.clone())?;
        Some(FunctionBody::new(BinaryReader::new(bytes, range.start)))
    }

    /// Functions that code can have references to: those that are held, and of those that are declared or
    /// exported whichever a body may name by `ref.func`. Bodies are not parsed for that: what looks like the
    /// instruction counts.
    pub(super) fn referable(&self, exports: &[CoreExport]) -> Option<BTreeSet<u32>> {
        const REF_FUNC: u8 = 0xd2;
        let code = match (self.bodies.first(), self.bodies.last()) {
            (Some(first), Some(last)) => &self.bytes[first.start..last.end],
            _ => &[],
        };
        let after = code.iter().zip(1..).filter(|(byte, _)| **byte == REF_FUNC);
        let named: HashSet<u32> = after
            .filter_map(|(_, at)| BinaryReader::new(&code[at..], 0).read_var_u32().ok())
            .collect();
        let mut declared = Vec::new();
        for element in &self.elements {
            if matches!(element.kind, ElementKind::Declared) {
                declared.extend(functions_of(element)?);
            }
        }
        let functions = exports.iter().filter(|export| matches!(export.kind, CoreKind::Func(_)));
        declared.extend(functions.map(|export| export.index));
        declared.retain(|function| named.contains(function));
        Some(self.held.iter().copied().chain(declared).collect())
    }

    /// Position among all imports of an imported function.
    pub(super) fn function_import(&self, function: u32) -> Option<u32> {
        self.imported_functions.get(function as usize).copied()
    }

    /// Position among all imports of an imported table.
    pub(super) fn table_import(&self, table: u32) -> Option<u32> {
        self.imported_tables.get(table as usize).copied()
    }

    /// Elements that a table has at first, if the module defines it.
    pub(super) fn table_size(&self, table: u32) -> Option<u64> {
        let defined = (table as usize).checked_sub(self.imported_tables.len())?;
        self.tables.get(defined).copied()
    }

    /// Active element segments, in order.
    pub(super) fn segments(&self) -> Option<Vec<Segment>> {
        let mut segments = Vec::new();
        for element in &self.elements {
            let ElementKind::Active { table_index, offset_expr } = &element.kind else { continue };
            let items = match element.items.clone() {
                ElementItems::Functions(items) => {
                    items.into_iter().map(|item| item.ok().map(Some)).collect::<Option<_>>()?
                }
                ElementItems::Expressions(_, items) => items
                    .into_iter()
                    .map(|item| item.ok().map(|item| function_reference(&item)))
                    .collect::<Option<_>>()?,
            };
            let offset = constant(offset_expr);
            segments.push(Segment { table: table_index.unwrap_or(0), offset, items });
        }
        Some(segments)
    }

    /// Tables that some body may write to or grow.
    pub(super) fn written_tables(&self) -> Option<BTreeSet<u32>> {
        let written = |range: &Range<usize>| {
            let mut written = BTreeSet::new();
            for operator in self.body_at(range)?.get_operators_reader().ok()? {
                written.extend(written_table(&operator.ok()?).ok()?);
            }
            Some(written)
        };
        self.bodies.par_iter().map(written).try_reduce(BTreeSet::new, |mut all, more| {
            all.extend(more);
            Some(all)
        })
    }
}

/// The function types of a group. One alone in its group that is final, has no supertype and
/// mentions no type by index is plain.
fn function_types(group: &RecGroup) -> impl Iterator<Item = Option<CoreFuncType>> + '_ {
    let alone = group.types().len() == 1;
    group.types().map(move |ty| {
        let composite = &ty.composite_type;
        let bare = alone
            && ty.is_final
            && ty.supertype_idx.is_none()
            && !composite.shared
            && composite.descriptor_idx.is_none()
            && composite.describes_idx.is_none();
        match &composite.inner {
            CompositeInnerType::Func(func)
                if bare && func.params().iter().chain(func.results()).all(names_no_type) =>
            {
                Some(CoreFuncType {
                    params: func.params().to_vec(),
                    results: func.results().to_vec(),
                })
            }
            _ => None,
        }
    })
}

fn names_no_type(ty: &ValType) -> bool {
    match ty {
        ValType::Ref(ty) => matches!(ty.heap_type(), wasmparser::HeapType::Abstract { .. }),
        _ => true,
    }
}

/// The value of a constant expression that is one constant.
fn constant(expr: &ConstExpr<'_>) -> Option<u64> {
    let mut operators = expr.get_operators_reader();
    let value = match operators.read().ok()? {
        Operator::I32Const { value } => u64::from(value as u32),
        Operator::I64Const { value } => value as u64,
        _ => return None,
    };
    matches!(operators.read(), Ok(Operator::End)).then_some(value)
}

/// The functions that an element segment names.
fn functions_of(element: &wasmparser::Element<'_>) -> Option<Vec<u32>> {
    match element.items.clone() {
        ElementItems::Functions(items) => items.into_iter().map(Result::ok).collect(),
        ElementItems::Expressions(_, items) => {
            let mut found = Vec::new();
            for item in items {
                found.extend(functions_in(&item.ok()?)?);
            }
            Some(found)
        }
    }
}

/// The functions that a constant expression names.
fn functions_in(expr: &ConstExpr<'_>) -> Option<Vec<u32>> {
    let mut found = Vec::new();
    for operator in expr.get_operators_reader() {
        if let Operator::RefFunc { function_index } = operator.ok()? {
            found.push(function_index);
        }
    }
    Some(found)
}

/// The function of a constant expression that is a reference to one.
fn function_reference(expr: &ConstExpr<'_>) -> Option<u32> {
    let mut operators = expr.get_operators_reader();
    let Operator::RefFunc { function_index } = operators.read().ok()? else { return None };
    matches!(operators.read(), Ok(Operator::End)).then_some(function_index)
}

fn calls(body: &FunctionBody<'_>) -> Option<Calls> {
    let mut calls = Calls::default();
    for operator in body.get_operators_reader().ok()? {
        match operator.ok()? {
            Operator::Call { function_index } | Operator::ReturnCall { function_index } => {
                calls.direct.push(function_index);
            }
            Operator::CallIndirect { type_index, .. }
            | Operator::ReturnCallIndirect { type_index, .. }
            | Operator::CallRef { type_index }
            | Operator::ReturnCallRef { type_index } => calls.types.push(type_index),
            Operator::Suspend { .. }
            | Operator::Resume { .. }
            | Operator::ResumeThrow { .. }
            | Operator::ResumeThrowRef { .. }
            | Operator::Switch { .. } => calls.anywhere = true,
            _ => {}
        }
    }
    for indices in [&mut calls.direct, &mut calls.types] {
        indices.sort_unstable();
        indices.dedup();
    }
    Some(calls)
}

// Whatever names a table and is not known to read only is taken to write, so that an operator of
// a new proposal is not overlooked.
macro_rules! written_table {
    ($(@$proposal:ident $op:ident $({ $($arg:ident: $argty:ty),* })? => $visit:ident ($($ann:tt)*))*) => {
        /// The table that an operator may write to or grow; an error where nobody knows.
        fn written_table(operator: &Operator<'_>) -> Result<Option<u32>, ()> {
            match operator {
                $(Operator::$op $({ $($arg),* })? => {
                    Ok(None $($(.or(written_table!(@$op $arg $arg)))*)?)
                })*
                _ => Err(()),
            }
        }
    };
    (@CallIndirect table_index $a:ident) => {{ let _ = $a; None }};
    (@ReturnCallIndirect table_index $a:ident) => {{ let _ = $a; None }};
    (@TableGet table $a:ident) => {{ let _ = $a; None }};
    (@TableSize table $a:ident) => {{ let _ = $a; None }};
    (@TableAtomicGet table_index $a:ident) => {{ let _ = $a; None }};
    (@TableCopy src_table $a:ident) => {{ let _ = $a; None }};
    (@$op:ident table $a:ident) => { Some(*$a) };
    (@$op:ident table_index $a:ident) => { Some(*$a) };
    (@$op:ident dst_table $a:ident) => { Some(*$a) };
    (@$op:ident src_table $a:ident) => { Some(*$a) };
    (@$op:ident $arg:ident $a:ident) => {{ let _ = $a; None }};
}
wasmparser::for_each_operator!(written_table);

//! Which imports of functions some code can call.

use super::bodies::{Bodies, Function};
use super::importers::Import;
use crate::program::{
    CoreItem, CoreKind, FuncDef, FuncId, InstanceId, ModuleId, OptionsId, Program, Resource, World,
};
use rayon::prelude::*;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;
use wasmparser::{FunctionBody, Operator};

/// Those of some imports that code which may run names, in a call or as a reference: no others are ever called.
///
/// What may run begins with what the root exports, start functions, destructors of resources and tables of the
/// host, and goes on with what such code names. Of an instance with code that may run, all functions that its
/// tables, segments and globals hold may, too, so may those of whoever shares a table or global with it, and the
/// `realloc` of whatever it lowers. An instance of which only the memory is used runs nothing. What cannot be read
/// names everything.
pub(super) fn called(program: &Program, wanted: &BTreeSet<Import>) -> BTreeSet<Import> {
    let mut walk = Walk::new(program, wanted);
    for id in (0..program.instances.len() as u32).map(InstanceId) {
        // The host can call what is in its tables.
        if tables_and_globals(program, id).any(|(kind, of)| is_table(kind) && of.is_none()) {
            walk.todo.push(Node::Instance(id));
        }
        if program.module_of(id).has_start {
            match walk.bodies.module(id).and_then(|module| module.start) {
                Some(start) => walk.todo.push(Node::Function((id, start))),
                None => walk.anything_of(id),
            }
        }
    }
    match &program.world {
        World::Core { exports } => walk.items(exports.iter().map(|(_, item)| item)),
        World::Component(_) => {
            walk.todo.extend(program.root_exports.iter().map(|export| Node::Lifted(export.func)));
        }
    }
    walk.items(program.resources.iter().filter_map(Resource::destructor));
    loop {
        while let Some(node) = walk.todo.pop() {
            walk.visit(node);
        }
        if walk.open.is_empty() || walk.found.len() == wanted.len() {
            return walk.found;
        }
        let open = std::mem::take(&mut walk.open);
        walk.read(&open);
        for function @ (instance, _) in open {
            match walk.named(function) {
                Some(named) => walk.functions(instance, &named),
                None => walk.anything_of(instance),
            }
        }
    }
}

/// Something that may run, or lead to what may.
enum Node<'p> {
    Item(&'p CoreItem),
    Lifted(FuncId),
    Function(Function),
    /// All that an instance's tables, segments and globals hold.
    Instance(InstanceId),
}

struct Walk<'p> {
    program: &'p Program,
    bodies: Bodies<'p>,
    wanted: &'p BTreeSet<Import>,
    found: BTreeSet<Import>,
    lifted: HashSet<FuncId>,
    functions: HashSet<Function>,
    instances: HashSet<InstanceId>,
    /// For each instance those that import a table from it.
    importers: HashMap<InstanceId, Vec<InstanceId>>,
    todo: Vec<Node<'p>>,
    /// Functions with bodies that were not looked into yet.
    open: Vec<Function>,
    /// What bodies name, by their index; none where one cannot be read.
    names: HashMap<(ModuleId, u32), Option<Arc<[u32]>>>,
    /// As [`Walk::held`] returns it.
    held: HashMap<ModuleId, Option<Arc<[u32]>>>,
}

impl<'p> Walk<'p> {
    fn new(program: &'p Program, wanted: &'p BTreeSet<Import>) -> Self {
        let mut importers: HashMap<InstanceId, Vec<InstanceId>> = HashMap::new();
        for id in (0..program.instances.len() as u32).map(InstanceId) {
            for (kind, of) in tables_and_globals(program, id) {
                if let Some(of) = of.filter(|_| is_table(kind)) {
                    importers.entry(of).or_default().push(id);
                }
            }
        }
        Walk {
            program,
            bodies: Bodies::new(program),
            wanted,
            found: BTreeSet::new(),
            lifted: HashSet::new(),
            functions: HashSet::new(),
            instances: HashSet::new(),
            importers,
            todo: Vec::new(),
            open: Vec::new(),
            names: HashMap::new(),
            held: HashMap::new(),
        }
    }

    fn visit(&mut self, node: Node<'p>) {
        match node {
            Node::Item(item) => self.item(item),
            Node::Lifted(func) if self.lifted.insert(func) => self.lifted(func),
            Node::Function(function) if self.functions.insert(function) => self.function(function),
            Node::Instance(instance) if self.instances.insert(instance) => self.instance(instance),
            Node::Lifted(_) | Node::Function(_) | Node::Instance(_) => {}
        }
    }

    fn items(&mut self, items: impl Iterator<Item = &'p CoreItem>) {
        self.todo.extend(items.map(Node::Item));
    }

    fn functions(&mut self, instance: InstanceId, functions: &[u32]) {
        self.todo.extend(functions.iter().map(|f| Node::Function((instance, *f))));
    }

    fn import(&mut self, import: Import) {
        if self.wanted.contains(&import) {
            self.found.insert(import);
        }
    }

    fn item(&mut self, item: &'p CoreItem) {
        match item {
            CoreItem::Export { instance, export } => {
                let export = &self.program.module_of(*instance).exports[*export as usize];
                match export.kind {
                    CoreKind::Func(_) => {
                        self.todo.push(Node::Function((*instance, export.index)));
                    }
                    CoreKind::Table { .. } | CoreKind::Global => {
                        self.todo.push(Node::Instance(*instance));
                    }
                    CoreKind::Memory { .. } | CoreKind::Tag => {}
                }
            }
            CoreItem::Lower { func, options } => {
                self.todo.push(Node::Lifted(*func));
                self.options(*options);
            }
            CoreItem::Host { importer, .. } => self.import(*importer),
            CoreItem::Builtin(_) | CoreItem::HostExport { .. } => {}
        }
    }

    fn lifted(&mut self, func: FuncId) {
        if let FuncDef::Lift { core, options, post_return, callback } =
            &self.program.funcs[func.index()].def
        {
            self.options(*options);
            self.items([core].into_iter().chain(post_return).chain(callback));
        }
    }

    fn options(&mut self, options: OptionsId) {
        self.items(self.program.options[options.index()].realloc.iter());
    }

    fn function(&mut self, (instance, function): Function) {
        self.todo.push(Node::Instance(instance));
        let Some(module) = self.bodies.module(instance) else { return };
        match (module.function_import(function), module.body(function)) {
            (Some(position), _) => self.imported((instance, position)),
            (None, Some(_)) => self.open.push((instance, function)),
            (None, None) => self.anything_of(instance),
        }
    }

    /// What an instance calls as this import.
    fn imported(&mut self, (instance, position): Import) {
        match self.program.instances[instance.index()].imports.get(position as usize) {
            // Whoever passes it on, this instance calls it.
            Some(CoreItem::Host { .. }) | None => self.import((instance, position)),
            Some(item) => self.todo.push(Node::Item(item)),
        }
    }

    fn instance(&mut self, instance: InstanceId) {
        let of = tables_and_globals(self.program, instance).filter_map(|(_, of)| of);
        let importers = self.importers.get(&instance).into_iter().flatten().copied();
        self.todo.extend(of.chain(importers).map(Node::Instance));
        for item in &self.program.instances[instance.index()].imports {
            if let CoreItem::Lower { options, .. } = item {
                self.options(*options);
            }
        }
        match self.held(instance) {
            Some(held) => held.iter().for_each(|position| self.imported((instance, *position))),
            None => self.anything_of(instance),
        }
    }

    /// The imports, by their position, that functions lead to which an instance's tables, segments and globals
    /// hold; none where that cannot be read. The same for all instances of a module, of which there may be many.
    fn held(&mut self, instance: InstanceId) -> Option<Arc<[u32]>> {
        let module = self.program.instances[instance.index()].module;
        if let Some(held) = self.held.get(&module) {
            return held.clone();
        }
        let held = self.imports_held(instance);
        self.held.entry(module).or_insert(held).clone()
    }

    fn imports_held(&mut self, instance: InstanceId) -> Option<Arc<[u32]>> {
        let mut level = self.bodies.module(instance)?.held.clone();
        let (mut seen, mut imports) = (HashSet::new(), BTreeSet::new());
        while !level.is_empty() {
            let mut defined = Vec::new();
            for function in level.drain(..).filter(|function| seen.insert(*function)) {
                let module = self.bodies.module(instance)?;
                match module.function_import(function) {
                    Some(position) => drop(imports.insert(position)),
                    None => defined.push((instance, function)),
                }
            }
            self.read(&defined);
            for function in defined {
                level.extend(self.named(function)?.iter());
            }
        }
        Some(imports.into_iter().collect())
    }

    /// Looks into bodies, in parallel; into each only once.
    fn read(&mut self, functions: &[Function]) {
        let mut bodies = BTreeMap::new();
        for &(instance, function) in functions {
            let key = (self.program.instances[instance.index()].module, function);
            if !self.names.contains_key(&key) {
                let module = self.bodies.module(instance);
                bodies.insert(key, module.and_then(|module| module.body(function)));
            }
        }
        let read = |(key, body): (_, Option<FunctionBody<'_>>)| {
            (key, body.and_then(|body| names(&body)).map(Arc::from))
        };
        self.names.par_extend(bodies.into_par_iter().map(read));
    }

    /// What a body names that was [read](Walk::read).
    fn named(&self, (instance, function): Function) -> Option<Arc<[u32]>> {
        let module = self.program.instances[instance.index()].module;
        self.names.get(&(module, function))?.clone()
    }

    /// Whatever an instance imports: it cannot be read.
    fn anything_of(&mut self, instance: InstanceId) {
        let imports = self.program.instances[instance.index()].imports.len() as u32;
        (0..imports).for_each(|position| self.imported((instance, position)));
    }
}

/// The tables and globals that an instance imports, each with the instance that defines it; none for the host's.
fn tables_and_globals(
    program: &Program,
    id: InstanceId,
) -> impl Iterator<Item = (&CoreKind, Option<InstanceId>)> {
    let imports = program.module_of(id).imports.iter();
    let items = &program.instances[id.index()].imports;
    let kinds = imports.map(|import| &import.kind).zip(items);
    kinds.filter(|(kind, _)| is_table(kind) || matches!(kind, CoreKind::Global)).map(
        |(kind, item)| match item {
            CoreItem::Export { instance, .. } => (kind, Some(*instance)),
            _ => (kind, None),
        },
    )
}

fn is_table(kind: &CoreKind) -> bool {
    matches!(kind, CoreKind::Table { .. })
}

/// The functions that a body names.
fn names(body: &FunctionBody<'_>) -> Option<Vec<u32>> {
    let mut named = Vec::new();
    for operator in body.get_operators_reader().ok()? {
        match operator.ok()? {
            Operator::Call { function_index }
            | Operator::ReturnCall { function_index }
            | Operator::RefFunc { function_index } => named.push(function_index),
            _ => {}
        }
    }
    named.sort_unstable();
    named.dedup();
    Some(named)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{component, read_all};

    /// Positions among `h.0` to `h.3`, the imports of `a` behind a memory, that are called.
    fn of(inputs: &[(&str, &str)]) -> Vec<u32> {
        let imports: String =
            (0..4).map(|n| format!(r#"(import "h" "{n}" (func ${n}))"#)).collect();
        let inputs: Vec<(&str, String)> = inputs
            .iter()
            .map(|(name, text)| {
                let imports = if *name == "a" { &imports } else { "" };
                (*name, format!("(module {imports} {text})"))
            })
            .collect();
        let program = read_all(&inputs).unwrap();
        let a = program.instances.iter().position(|instance| instance.name == "a").unwrap();
        let a = InstanceId(a as u32);
        let wanted = (0..4).map(|position| (a, position)).collect();
        called(&program, &wanted).into_iter().map(|(_, position)| position).collect()
    }

    #[test]
    fn whoever_names_a_function_may_call_it() {
        let run = |text: &str| of(&[("a", &format!(r#"(func (export "run")) {text}"#))]);
        assert!(run("").is_empty());
        assert_eq!(run(r#"(func (export "f") call $0 call $2)"#), [0, 2]);
        assert_eq!(run(r#"(func (export "f") return_call $1)"#), [1]);
        assert_eq!(run(r#"(elem declare func $3) (func (export "f") ref.func $3 drop)"#), [3]);
        assert_eq!(run(r#"(export "f" (func $0))"#), [0]);
        assert_eq!(run("(start $1)"), [1]);
        assert_eq!(run("(table 1 funcref) (elem (i32.const 0) func $0)"), [0]);
        assert_eq!(run("(table 1 funcref) (elem (i32.const 0) func $f) (func $f call $3)"), [3]);
        assert_eq!(run("(elem funcref (ref.func $1))"), [1]);
        assert_eq!(run("(global funcref (ref.func $3))"), [3]);
        assert_eq!(run("(table 1 funcref (ref.func $1))"), [1]);
        assert_eq!(run("(func call $1)"), [0; 0], "nothing calls the function");
        assert_eq!(run("(elem declare func $3) (func ref.func $3 drop)"), [0; 0]);
    }

    #[test]
    fn code_runs_where_something_leads() {
        let a = r#"(memory (export "m") 1) (table (export "t") 1 funcref) (global (export "g") funcref (ref.func $3))
          (func (export "f") (call $0)) (func (export "unused") (call $1)) (elem (i32.const 0) func $2)"#;
        let with = |b: &str| of(&[("a", a), ("b", b)]);
        assert_eq!(with(r#"(import "a" "m" (memory 1)) (func (export "run"))"#), [0; 0]);
        let import = r#"(import "a" "f" (func $f))"#;
        assert_eq!(with(&format!(r#"{import} (func (export "run"))"#)), [0; 0], "never called");
        assert_eq!(with(&format!(r#"{import} (func (export "run") call $f)"#)), [0, 2, 3]);
        assert_eq!(with(r#"(import "a" "t" (table 1 funcref)) (func (export "run"))"#), [2, 3]);
        assert_eq!(with(r#"(import "a" "g" (global funcref)) (func (export "run"))"#), [2, 3]);
        // One that fills another's table, and that other's user.
        let a = r#"(import "t" "t" (table 1 funcref)) (elem (i32.const 0) func $1)
          (func (export "x"))"#;
        let (t, b) = (
            r#"(table (export "t") 1 funcref) (func (export "f"))"#,
            r#"(import "a" "x" (func)) (import "t" "f" (func $f)) (func (export "run") call $f)"#,
        );
        assert_eq!(of(&[("t", t), ("a", a), ("b", b)]), [1]);
        // What is in a table of the host's, the host calls.
        let a = r#"(import "env" "t" (table 1 funcref)) (elem (i32.const 0) func $1)
          (memory (export "m") 1)"#;
        let b = r#"(import "a" "m" (memory 1)) (func (export "run"))"#;
        assert_eq!(of(&[("a", a), ("b", b)]), [1]);
    }

    /// What a lift names besides its function runs, too.
    #[test]
    fn lifts_and_lowers_lead_on() {
        let program = component(
            r#"(component
              (import "h" (core module $h (export "f" (func)) (export "g" (func)) (export "n" (func))))
              (core instance $h (instantiate $h))
              (component $c
                (import "h" (core module $h (export "f" (func)) (export "g" (func)) (export "n" (func))))
                (core instance $h (instantiate $h))
                (core module $m
                  (import "h" "f" (func $f)) (import "h" "g" (func $g)) (import "h" "n" (func $n))
                  (memory (export "memory") 1)
                  (func (export "realloc") (param i32 i32 i32 i32) (result i32) (call $f) (i32.const 0))
                  (func (export "f") (param i32 i32) (result i32) (i32.const 0))
                  (func (export "after") (param i32) (call $g))
                  (func (export "none") (call $n)))
                (core instance $m (instantiate $m (with "h" (instance $h))))
                (func (export "f") (param "s" string) (result string) (canon lift (core func $m "f")
                  (memory (core memory $m "memory")) (realloc (core func $m "realloc"))
                  (post-return (core func $m "after"))))
                (func (export "none") (canon lift (core func $m "none"))))
              (instance $c (instantiate $c (with "h" (core module $h))))
              (export "f" (func $c "f")))"#,
        );
        let m = InstanceId(0);
        let wanted = (0..3).map(|position| (m, position)).collect();
        assert_eq!(called(&program, &wanted), BTreeSet::from([(m, 0), (m, 1)]));
    }
}

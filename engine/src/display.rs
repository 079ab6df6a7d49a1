//! Terms, entities and ports as text for people.
//!
//! Names come from the input: control characters in them are escaped. Terms share structure, so
//! written out they can be exponentially long: text is cut (`…`) after so many operators.

use crate::compile::{Condition, Pat, Value, evaluate};
use crate::guard::Refusal;
use crate::plan::{Entity, Port};
use crate::saturate::Saturation;
use crate::term::{Bank, Op, Term};
use meld_component::program::Program;
use meld_pack::ruleset::{Guard, RuleSet, SortRef, Span};
use meld_pack::{given_text, guard_text};
use std::collections::{BTreeMap, HashMap};

/// Operators after which a term is cut.
const LONGEST: usize = 90;
/// Levels below which a term is cut.
const DEEPEST: usize = 10;
/// Levels of an outline.
const OUTLINE: usize = 1;

/// Names of a program's entities and ports.
#[derive(Debug, Default)]
pub(crate) struct Names {
    entities: HashMap<Entity, String>,
    ports: BTreeMap<Port, String>,
}

impl Names {
    /// The names of a program.
    pub(crate) fn new(program: &Program) -> Self {
        use meld_component::program::*;
        let mut names = Names::default();
        let mut used: HashMap<String, u32> = HashMap::new();
        // Two instances may have one name: the second is `name~2`.
        let mut unique = |prefix: &str, name: &str| {
            let name = clean(name);
            let count = used.entry(format!("{prefix}{name}")).or_default();
            *count += 1;
            if *count == 1 { name } else { format!("{name}~{count}") }
        };
        let mut components = Vec::new();
        for (i, component) in program.components.iter().enumerate() {
            let name = unique("component ", &component.path);
            names.entities.insert(Entity::Component(ComponentId(i as u32)), format!("#{name}"));
            components.push(name);
        }
        for (i, instance) in program.instances.iter().enumerate() {
            let id = InstanceId(i as u32);
            let name = unique("instance ", &instance.name);
            names.entities.insert(Entity::Instance(id), format!("#{name}"));
            for (n, import) in program.module_of(id).imports.iter().enumerate() {
                names.ports.insert(
                    Port::Import(id, n as u32),
                    format!("{name}: import {:?} {:?}", import.module, import.name),
                );
                names
                    .entities
                    .insert(Entity::CoreImport(id, n as u32), format!("#{name}:import{n}"));
            }
        }
        for (i, options) in program.options.iter().enumerate() {
            let component = &components[options.component.index()];
            let text = format!("#opts{i}@{component}");
            names.entities.insert(Entity::Options(OptionsId(i as u32)), text);
        }
        for (i, resource) in program.resources.iter().enumerate() {
            let name = unique("resource ", &resource.name);
            let id = ResourceId(i as u32);
            names.ports.insert(Port::Destructor(id), format!("destructor of {name}"));
            names.entities.insert(Entity::Resource(id), format!("#{name}"));
        }
        for (i, export) in program.root_exports.iter().enumerate() {
            let path: Vec<String> = export.path.iter().map(|part| format!("{part:?}")).collect();
            names.ports.insert(Port::Export(i as u32), format!("export {}", path.join(" ")));
        }
        names.ports.insert(Port::Start, "start functions".to_string());
        if let World::Core { exports } = &program.world {
            for (i, (name, _)) in exports.iter().enumerate() {
                names.ports.insert(Port::CoreExport(i as u32), format!("core export {name:?}"));
            }
        }
        names
    }

    /// An entity, for example `#adder/main`.
    pub(crate) fn entity(&self, entity: Entity) -> String {
        if let Some(name) = self.entities.get(&entity) {
            return name.clone();
        }
        match entity {
            Entity::Instance(id) => id.to_string(),
            Entity::Component(id) => id.to_string(),
            Entity::Options(id) => id.to_string(),
            Entity::Resource(id) => id.to_string(),
            Entity::HostFunc(id) => id.to_string(),
            Entity::CoreImport(id, position) => format!("{id}:import{position}"),
            Entity::Slot(slot) => {
                let instance = self.entity(Entity::Instance(slot.instance));
                format!("{instance}.table{}[{}]", slot.table, slot.index)
            }
        }
    }

    /// A port, for example `adder/main: import "test:math/api" "add"`.
    pub(crate) fn port(&self, port: Port) -> &str {
        self.ports.get(&port).map_or("?", String::as_str)
    }
}

fn clean(name: &str) -> String {
    name.chars()
        .flat_map(|c| {
            let escaped: Vec<char> =
                if c.is_control() { c.escape_default().collect() } else { vec![c] };
            escaped
        })
        .collect()
}

/// `pack/file.meld:12`
pub(crate) fn place(rules: &RuleSet, span: Span) -> String {
    format!("{}:{}", rules.packs[span.pack.index()].path.display(), span.line)
}

/// Writes terms.
#[derive(Clone, Copy)]
pub(crate) struct Show<'a> {
    pub(crate) rules: &'a RuleSet,
    pub(crate) bank: &'a Bank,
    pub(crate) names: &'a Names,
}

impl Show<'_> {
    /// A term.
    pub(crate) fn term(&self, term: Term) -> String {
        let mut out = String::new();
        let mut left = LONGEST;
        self.write(term, DEEPEST, &mut left, &mut out);
        out
    }

    /// A term's operator, and its arguments as far as they are leaves.
    pub(crate) fn outline(&self, term: Term) -> String {
        let mut out = String::new();
        let mut left = LONGEST;
        self.write(term, OUTLINE, &mut left, &mut out);
        out
    }

    /// An operator alone.
    pub(crate) fn op(&self, op: &Op) -> String {
        match op {
            Op::Term(term) => self.rules.term_name(*term).into_owned(),
            Op::Export(name) => format!(".{}", clean(name)),
            Op::Int(value) => value.to_string(),
            Op::Str(text) => format!("{text:?}"),
            Op::Nil => "[]".into(),
            Op::Cons => "[..]".into(),
            Op::Entity(entity) => self.names.entity(*entity),
            Op::Leaf(_, name) => format!("#{name}"),
        }
    }

    fn write(&self, term: Term, levels: usize, left: &mut usize, out: &mut String) {
        let op = self.bank.op(term);
        let children = self.bank.children(term);
        if *left == 0 || (levels == 0 && !children.is_empty()) {
            out.push('…');
            return;
        }
        *left -= 1;
        match op {
            Op::Export(_) => {
                self.write(children[0], levels, left, out);
                out.push_str(&self.op(op));
            }
            Op::Cons => {
                out.push('[');
                let mut at = term;
                let mut first = true;
                while let Op::Cons = self.bank.op(at) {
                    if !first {
                        out.push_str(", ");
                    }
                    if *left == 0 {
                        out.push('…');
                        break;
                    }
                    first = false;
                    self.write(self.bank.children(at)[0], levels - 1, left, out);
                    at = self.bank.children(at)[1];
                }
                out.push(']');
            }
            Op::Term(_) => {
                out.push_str(&self.op(op));
                out.push('(');
                for (i, child) in children.iter().enumerate() {
                    if i > 0 {
                        out.push_str(", ");
                    }
                    self.write(*child, levels - 1, left, out);
                }
                out.push(')');
            }
            _ => out.push_str(&self.op(op)),
        }
    }

    /// A pattern with terms put in for its slots; `_` where there is none.
    pub(crate) fn pattern(&self, pattern: &Pat, slots: &[Option<Term>]) -> String {
        match pattern {
            Pat::Slot(slot) | Pat::Glob(slot, _) => {
                slots[*slot].map_or("_".into(), |term| self.term(term))
            }
            Pat::Node(Op::Export(_), args) => {
                let op = pattern.op().map_or(String::new(), |op| self.op(op));
                format!("{}{op}", self.pattern(&args[0], slots))
            }
            Pat::Node(Op::Cons, args) => {
                format!("[{}, ..{}]", self.pattern(&args[0], slots), self.pattern(&args[1], slots))
            }
            Pat::Node(op @ Op::Term(_), args) => {
                let args: Vec<String> = args.iter().map(|arg| self.pattern(arg, slots)).collect();
                format!("{}({})", self.op(op), args.join(", "))
            }
            Pat::Node(op, _) => self.op(op),
        }
    }
}

impl Saturation<'_> {
    pub(crate) fn show(&self) -> Show<'_> {
        Show { rules: self.rules, bank: self.graph.bank(), names: &self.names }
    }

    /// A pattern in a guard: its value, or what it asks for where it has none.
    fn value_text(&self, pattern: &Pat, slots: &[Option<egg::Id>]) -> String {
        if let Value::Class(id) = evaluate(&self.graph, self.rules, pattern, &slots.to_vec()) {
            return self.show().term(self.representative(id));
        }
        let slots: Vec<Option<Term>> =
            slots.iter().map(|slot| slot.map(|id| self.representative(id))).collect();
        self.show().pattern(pattern, &slots)
    }

    /// A guard with values put in, for example `!kin(#a, #b)`.
    pub(crate) fn guard_values(&self, guard: &Condition, slots: &[Option<egg::Id>]) -> String {
        match guard {
            Condition::Fact { fact, args, negated } => {
                let args: Vec<String> =
                    args.iter().map(|arg| self.value_text(arg, slots)).collect();
                let name = &self.rules.facts[fact.index()].name;
                format!("{}{name}({})", if *negated { "!" } else { "" }, args.join(", "))
            }
            Condition::Compare { left, op, right } => {
                use meld_pack::ruleset::Comparison::*;
                let op = match op {
                    Equal => "==",
                    NotEqual => "!=",
                    Less => "<",
                    LessOrEqual => "<=",
                    Greater => ">",
                    GreaterOrEqual => ">=",
                };
                let [left, right] = [left, right].map(|side| self.value_text(side, slots));
                format!("{left} {op} {right}")
            }
        }
    }

    /// Why a guard refused, in one sentence.
    pub(crate) fn refusal(
        &self,
        vars: &[(String, SortRef)],
        declared: &[Guard],
        compiled: &[Condition],
        refusal: &Refusal,
    ) -> String {
        let guard = &compiled[refusal.guard];
        let text = guard_text(self.rules, vars, &declared[refusal.guard]);
        let values = self.guard_values(guard, &refusal.slots);
        if refusal.undefined {
            return format!("`{text}` asks for what is not defined: `{values}`");
        }
        let Condition::Fact { fact, args, negated } = guard else {
            return format!("`{text}` does not hold: `{values}`");
        };
        if *negated {
            let holds = &values[1..];
            let stated =
                self.rules.given.iter().find(|given| given_text(self.rules, given) == holds);
            let by = stated.map_or(String::new(), |given| {
                let pack = &self.rules.packs[given.span.pack.index()].name;
                format!(", as {pack} states ({})", place(self.rules, given.span))
            });
            return format!("`{text}` does not hold, because `{holds}` does{by}");
        }
        // What does hold of the same thing says best what is wrong.
        let first = args.first().map(|arg| self.value_text(arg, &refusal.slots));
        let name = &self.rules.facts[fact.index()].name;
        let near: Vec<String> = self
            .facts
            .rows(*fact)
            .filter(|row| row.len() > 1 && Some(self.show().term(row[0])) == first)
            .take(3)
            .map(|row| {
                let row: Vec<String> = row.iter().map(|t| self.show().term(*t)).collect();
                format!("`{name}({})`", row.join(", "))
            })
            .collect();
        let near = match near.is_empty() {
            true => String::new(),
            false => format!("; what holds is {}", near.join(", ")),
        };
        format!("`{text}` does not hold: there is no `{values}`{near}")
    }
}

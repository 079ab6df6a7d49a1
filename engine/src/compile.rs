//! Patterns of packs as patterns over e-nodes, and their matcher.
//!
//! Lists become chains, wildcards become variables of their own, and globs keep what they
//! matched: so a match binds everything, and its left side can be written down exactly.

use crate::graph::Graph;
use crate::term::{Node, Op, Term};
use crate::vocabulary::ATTRIBUTES;
use egg::Id;
use meld_pack::ruleset::{
    Comparison, FactId, Forbid, Guard, Pattern, Rule, RuleSet, SortKind, SortRef, TermId,
};
use std::collections::HashSet;
use std::sync::Arc;

/// A compiled pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pat {
    /// A variable: index into the slots of its rule.
    Slot(usize),
    /// An operator with arguments.
    Node(Op, Vec<Pat>),
    /// Text that matches a glob, bound to a slot.
    Glob(usize, Arc<str>),
}

impl Pat {
    /// The operator at the root; none for a variable.
    pub fn op(&self) -> Option<&Op> {
        match self {
            Pat::Node(op, _) => Some(op),
            _ => None,
        }
    }

    /// How many levels of operators a match inspects.
    pub fn depth(&self) -> usize {
        match self {
            Pat::Slot(_) => 0,
            Pat::Glob(..) => 1,
            Pat::Node(_, args) => 1 + args.iter().map(Pat::depth).max().unwrap_or(0),
        }
    }
}

/// A compiled guard.
#[derive(Clone, Debug)]
pub enum Condition {
    /// `fact(..)` or `!fact(..)`.
    Fact {
        /// The fact.
        fact: FactId,
        /// Its arguments.
        args: Vec<Pat>,
        /// `!`
        negated: bool,
    },
    /// `a OP b`
    Compare {
        /// Left side.
        left: Pat,
        /// The operator.
        op: Comparison,
        /// Right side.
        right: Pat,
    },
}

/// A pattern with guards: what `rule`, `option`, `forbid` and `refuse` have in common.
#[derive(Clone, Debug)]
pub struct Matcher {
    /// The pattern; its root is an operator.
    pub pattern: Pat,
    /// The guards, in order.
    pub guards: Vec<Condition>,
    /// How many slots a match has: declared variables first, then wildcards and globs.
    pub slots: usize,
    /// How many of them are of declared variables.
    pub variables: usize,
}

/// A compiled rule or option.
#[derive(Clone, Debug)]
pub struct CompiledRule {
    /// When it fires.
    pub matcher: Matcher,
    /// What it says the match is equal to.
    pub replacement: Pat,
}

impl CompiledRule {
    /// Compiles a rule.
    pub fn new(rule: &Rule) -> Self {
        let mut compiler = Compiler { slots: rule.vars.len() };
        let matcher = compiler.matcher(&rule.pattern, &rule.guards);
        CompiledRule { matcher, replacement: compiler.pattern(&rule.replacement) }
    }
}

impl Matcher {
    /// Whether a variable stands twice in the pattern, so that its two places have to be equal.
    pub fn equates(&self) -> bool {
        fn repeats(pattern: &Pat, seen: &mut HashSet<usize>) -> bool {
            match pattern {
                Pat::Slot(slot) => !seen.insert(*slot),
                Pat::Glob(..) => false,
                Pat::Node(_, args) => args.iter().any(|arg| repeats(arg, seen)),
            }
        }
        repeats(&self.pattern, &mut HashSet::new())
    }

    /// Compiles a `forbid` or a `refuse`.
    pub fn of_forbid(forbid: &Forbid) -> Self {
        Compiler { slots: forbid.vars.len() }.matcher(&forbid.pattern, &forbid.guards)
    }
}

/// Compiles a term without variables, as tests have them.
pub fn ground(pattern: &Pattern) -> Pat {
    Compiler { slots: 0 }.pattern(pattern)
}

struct Compiler {
    slots: usize,
}

impl Compiler {
    fn matcher(&mut self, pattern: &Pattern, guards: &[Guard]) -> Matcher {
        let variables = self.slots;
        let pattern = self.pattern(pattern);
        let guards = guards.iter().map(|guard| self.guard(guard)).collect();
        Matcher { pattern, guards, slots: self.slots, variables }
    }

    fn guard(&mut self, guard: &Guard) -> Condition {
        match guard {
            Guard::Fact { fact, args, negated, .. } => Condition::Fact {
                fact: *fact,
                args: args.iter().map(|arg| self.pattern(arg)).collect(),
                negated: *negated,
            },
            Guard::Compare { left, op, right, .. } => {
                Condition::Compare { left: self.pattern(left), op: *op, right: self.pattern(right) }
            }
        }
    }

    fn fresh(&mut self) -> usize {
        self.slots += 1;
        self.slots - 1
    }

    fn pattern(&mut self, pattern: &Pattern) -> Pat {
        match pattern {
            Pattern::Var(var) => Pat::Slot(var.index()),
            Pattern::Wildcard => Pat::Slot(self.fresh()),
            Pattern::Term(term, args) => {
                Pat::Node(Op::Term(*term), args.iter().map(|arg| self.pattern(arg)).collect())
            }
            Pattern::List(elements, rest) => {
                let elements: Vec<Pat> = elements.iter().map(|e| self.pattern(e)).collect();
                let rest = match rest {
                    Some(var) => Pat::Slot(var.index()),
                    None => Pat::Node(Op::Nil, Vec::new()),
                };
                elements
                    .into_iter()
                    .rev()
                    .fold(rest, |rest, element| Pat::Node(Op::Cons, vec![element, rest]))
            }
            Pattern::Export(of, name) => {
                Pat::Node(Op::Export(name.as_str().into()), vec![self.pattern(of)])
            }
            Pattern::Int(value) => Pat::Node(Op::Int(*value), Vec::new()),
            Pattern::Str(text) => Pat::Node(Op::Str(text.as_str().into()), Vec::new()),
            Pattern::Glob(glob) => Pat::Glob(self.fresh(), glob.as_str().into()),
            Pattern::Leaf(sort, name) => {
                Pat::Node(Op::Leaf(*sort, name.as_str().into()), Vec::new())
            }
        }
    }
}

/// The nodes of classes: all of them, or only those that were chosen.
pub trait View {
    /// The e-nodes of a class.
    fn nodes(&self, class: Id) -> &[Node];
    /// The graph that the classes are of.
    fn graph(&self) -> &Graph;
}

impl View for Graph {
    fn nodes(&self, class: Id) -> &[Node] {
        Graph::nodes(self, class)
    }

    fn graph(&self) -> &Graph {
        self
    }
}

/// What a match bound, by slot.
pub type Slots = Vec<Option<Id>>;

/// Finds all ways in which arguments match patterns, and calls `found` with the slots of each.
pub fn match_all(
    view: &impl View,
    patterns: &[Pat],
    classes: &[Id],
    slots: &mut Slots,
    found: &mut dyn FnMut(&mut Slots),
) {
    advance(view, patterns, classes, None, slots, found);
}

/// What is still to be matched once the present arguments are done.
struct Pending<'a> {
    patterns: &'a [Pat],
    classes: &'a [Id],
    next: Option<&'a Pending<'a>>,
}

fn advance(
    view: &impl View,
    patterns: &[Pat],
    classes: &[Id],
    pending: Option<&Pending<'_>>,
    slots: &mut Slots,
    found: &mut dyn FnMut(&mut Slots),
) {
    let (Some((pattern, patterns)), Some((class, classes))) =
        (patterns.split_first(), classes.split_first())
    else {
        return match pending {
            Some(p) => advance(view, p.patterns, p.classes, p.next, slots, found),
            None => found(slots),
        };
    };
    let class = view.graph().find(*class);
    match pattern {
        Pat::Slot(slot) => match slots[*slot] {
            Some(bound) => {
                if view.graph().find(bound) == class {
                    advance(view, patterns, classes, pending, slots, found);
                }
            }
            None => {
                slots[*slot] = Some(class);
                advance(view, patterns, classes, pending, slots, found);
                slots[*slot] = None;
            }
        },
        Pat::Glob(slot, glob) => {
            let matches =
                |node: &Node| matches!(&node.op, Op::Str(text) if glob_matches(glob, text));
            if view.nodes(class).iter().any(matches) {
                slots[*slot] = Some(class);
                advance(view, patterns, classes, pending, slots, found);
                slots[*slot] = None;
            }
        }
        Pat::Node(op, args) => {
            let rest = Pending { patterns, classes, next: pending };
            for node in view.nodes(class) {
                if node.op == *op && node.children.len() == args.len() {
                    advance(view, args, &node.children, Some(&rest), slots, found);
                }
            }
        }
    }
}

/// `*` stands for any text.
pub fn glob_matches(glob: &str, text: &str) -> bool {
    let mut parts = glob.split('*');
    let first = parts.next().unwrap_or("");
    let Some(mut rest) = text.strip_prefix(first) else { return false };
    let Some(last) = glob.rsplit_once('*').map(|(_, last)| last) else { return rest.is_empty() };
    let middle: Vec<&str> = parts.collect();
    for part in &middle[..middle.len() - 1] {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

/// Writes a pattern down as a term; every slot in it is bound.
pub fn instantiate(graph: &mut Graph, pattern: &Pat, slots: &[Option<Term>]) -> Option<Term> {
    match pattern {
        Pat::Slot(slot) | Pat::Glob(slot, _) => slots[*slot],
        Pat::Node(op, args) => {
            let args: Option<Vec<Term>> =
                args.iter().map(|arg| instantiate(graph, arg, slots)).collect();
            Some(graph.add(op.clone(), &args?))
        }
    }
}

/// The value of a pattern in a guard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value {
    /// A class.
    Class(Id),
    /// Data that occurs nowhere in the program, so that it equals nothing that does.
    Absent,
    /// An attribute that the frontend left undefined.
    Undefined,
    /// It has variables that nothing bound yet.
    Open,
}

/// Evaluates a pattern in a guard.
pub fn evaluate(graph: &Graph, rules: &RuleSet, pattern: &Pat, slots: &Slots) -> Value {
    match pattern {
        Pat::Slot(slot) => slots[*slot].map_or(Value::Open, |id| Value::Class(graph.find(id))),
        Pat::Glob(..) => Value::Open,
        Pat::Node(op, args) => {
            let mut children = Vec::with_capacity(args.len());
            let mut worst = None;
            for arg in args {
                match evaluate(graph, rules, arg, slots) {
                    Value::Class(id) => children.push(id),
                    Value::Undefined => worst = Some(Value::Undefined),
                    Value::Open if worst != Some(Value::Undefined) => worst = Some(Value::Open),
                    Value::Absent if worst.is_none() => worst = Some(Value::Absent),
                    _ => {}
                }
            }
            if let Some(worst) = worst {
                return worst;
            }
            match graph.lookup(Node { op: op.clone(), children: children.into() }) {
                Some(id) => Value::Class(id),
                None if is_attribute(rules, op) => Value::Undefined,
                None => Value::Absent,
            }
        }
    }
}

/// Whether a term is neither data nor a literal, so that only the frontend can say what it is.
pub fn is_attribute(rules: &RuleSet, op: &Op) -> bool {
    match op {
        Op::Term(term) => !is_data(rules, *term),
        Op::Export(_) => true,
        _ => false,
    }
}

/// Whether a term is structure that rules read but never rewrite.
pub fn is_data(rules: &RuleSet, term: TermId) -> bool {
    let declared = &rules.terms[term.index()];
    let (SortRef::One(sort) | SortRef::List(sort)) = declared.result;
    rules.sorts[sort.index()].kind == SortKind::Data && !ATTRIBUTES.contains(&&*declared.name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn globs() {
        let check = |glob, text, expect| assert_eq!(glob_matches(glob, text), expect, "{glob}");
        check("wasi:filesystem/*", "wasi:filesystem/types@0.2.0", true);
        check("wasi:filesystem/*", "wasi:io/streams", false);
        check("*", "", true);
        check("a*b", "ab", true);
        check("a*b", "aab", true);
        check("a*b", "a", false);
        check("a*a", "a", false);
        check("*x*", "axb", true);
        check("*x*y", "axbyy", true);
        check("a*b*c", "abc", true);
        check("a*b*c", "acb", false);
        check("a", "ab", false);
    }
}

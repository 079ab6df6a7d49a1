//! Facts, and the guards that ask for them.

use crate::compile::{Condition, Matcher, Pat, Slots, Value, View, evaluate, match_all};
use crate::graph::Graph;
use crate::term::{Op, Term};
use egg::Id;
use indexmap::IndexSet;
use meld_pack::ruleset::{Comparison, FactId, RuleSet};
use std::collections::{HashMap, HashSet};

/// All facts that hold.
#[derive(Debug, Default)]
pub struct Facts {
    tables: Vec<Table>,
}

/// One fact's rows, as terms and by class.
#[derive(Debug, Default)]
struct Table {
    rows: IndexSet<Vec<Term>>,
    classes: Vec<Vec<Id>>,
    set: HashSet<Vec<Id>>,
    /// Rows by position and class of an argument.
    index: HashMap<(usize, Id), Vec<u32>>,
}

/// Why a guard refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Position of the guard in its rule.
    pub guard: usize,
    /// What was bound when it refused.
    pub slots: Slots,
    /// It asks for an attribute that is not defined.
    pub undefined: bool,
}

/// Whose guards are evaluated, and on what.
#[derive(Debug)]
pub struct Ask<'a, V> {
    /// The nodes that facts' arguments are matched with.
    pub view: &'a V,
    /// The rules.
    pub rules: &'a RuleSet,
    /// The guards.
    pub matcher: &'a Matcher,
}

impl<V> Clone for Ask<'_, V> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<V> Copy for Ask<'_, V> {}

impl Facts {
    /// No facts, for the facts of a rule set.
    pub fn new(rules: &RuleSet) -> Self {
        Facts { tables: rules.facts.iter().map(|_| Table::default()).collect() }
    }

    /// States a fact.
    pub fn state(&mut self, fact: FactId, row: Vec<Term>) {
        self.tables[fact.index()].rows.insert(row);
    }

    /// Rows of a fact, in the order in which they were stated.
    pub fn rows(&self, fact: FactId) -> impl Iterator<Item = &[Term]> {
        self.tables[fact.index()].rows.iter().map(Vec::as_slice)
    }

    /// Brings the rows by class up to date with the graph.
    pub fn refresh(&mut self, graph: &Graph) {
        for table in &mut self.tables {
            table.classes.clear();
            table.set.clear();
            table.index.clear();
            for row in &table.rows {
                let row: Vec<Id> = row.iter().map(|term| graph.class(*term)).collect();
                let number = table.classes.len() as u32;
                for (position, class) in row.iter().enumerate() {
                    table.index.entry((position, *class)).or_default().push(number);
                }
                table.set.insert(row.clone());
                table.classes.push(row);
            }
        }
    }

    /// Evaluates the guards of a match; calls `holds` for each way in which all hold, and
    /// `refuses` for each guard that does not.
    pub fn check<V: View>(
        &self,
        ask: Ask<'_, V>,
        slots: &mut Slots,
        holds: &mut dyn FnMut(&Slots),
        refuses: &mut dyn FnMut(Refusal),
    ) {
        self.check_from(ask, 0, slots, holds, refuses);
    }

    fn check_from<V: View>(
        &self,
        ask: Ask<'_, V>,
        at: usize,
        slots: &mut Slots,
        holds: &mut dyn FnMut(&Slots),
        refuses: &mut dyn FnMut(Refusal),
    ) {
        let Ask { view, rules, matcher } = ask;
        let Some(guard) = matcher.guards.get(at) else { return holds(slots) };
        let graph = view.graph();
        let refusal =
            |slots: &Slots, undefined| Refusal { guard: at, slots: slots.clone(), undefined };
        match guard {
            Condition::Compare { left, op, right } => {
                let values = [left, right].map(|side| evaluate(graph, rules, side, slots));
                if values.contains(&Value::Undefined) {
                    return refuses(refusal(slots, true));
                }
                let integers = [integer(graph, left, values[0]), integer(graph, right, values[1])];
                if compare(*op, values, integers) {
                    self.check_from(ask, at + 1, slots, holds, refuses);
                } else {
                    refuses(refusal(slots, false));
                }
            }
            Condition::Fact { fact, args, negated } => {
                let table = &self.tables[fact.index()];
                let values: Vec<Value> =
                    args.iter().map(|arg| evaluate(graph, rules, arg, slots)).collect();
                if values.contains(&Value::Undefined) {
                    return refuses(refusal(slots, true));
                }
                let rows = table.candidates(&values);
                if *negated {
                    let mut found = false;
                    for row in rows {
                        match_all(view, args, row, slots, &mut |_| found = true);
                        if found {
                            return refuses(refusal(slots, false));
                        }
                    }
                    return self.check_from(ask, at + 1, slots, holds, refuses);
                }
                let mut found = false;
                for row in rows {
                    let mut solutions: Vec<Slots> = Vec::new();
                    match_all(view, args, row, slots, &mut |slots| solutions.push(slots.clone()));
                    // Where no variable is bound, one row is as good as any other.
                    let count = matcher.variables;
                    let binds_none =
                        solutions.first().is_some_and(|first| first[..count] == slots[..count]);
                    if binds_none {
                        solutions.truncate(1);
                    }
                    for mut slots in solutions {
                        found = true;
                        self.check_from(ask, at + 1, &mut slots, holds, refuses);
                    }
                    if binds_none {
                        break;
                    }
                }
                if !found {
                    refuses(refusal(slots, false));
                }
            }
        }
    }
}

impl Table {
    /// Rows that agree with what is known of the arguments.
    fn candidates(&self, values: &[Value]) -> Box<dyn Iterator<Item = &[Id]> + '_> {
        if values.contains(&Value::Absent) {
            return Box::new(std::iter::empty());
        }
        let known: Vec<(usize, Id)> = values
            .iter()
            .enumerate()
            .filter_map(|(i, value)| match value {
                Value::Class(id) => Some((i, *id)),
                _ => None,
            })
            .collect();
        if known.len() == values.len() {
            let row: Vec<Id> = known.iter().map(|(_, id)| *id).collect();
            return Box::new(self.set.get(&row).map(Vec::as_slice).into_iter());
        }
        let rows: Box<dyn Iterator<Item = &Vec<Id>>> = match known.first() {
            Some(first) => Box::new(
                self.index.get(first).into_iter().flatten().map(|i| &self.classes[*i as usize]),
            ),
            None => Box::new(self.classes.iter()),
        };
        Box::new(
            rows.filter(move |row| known.iter().all(|(i, id)| row[*i] == *id)).map(Vec::as_slice),
        )
    }
}

/// The integer that one side of a comparison is.
fn integer(graph: &Graph, side: &Pat, value: Value) -> Option<i64> {
    match (side, value) {
        (Pat::Node(Op::Int(value), _), _) => Some(*value),
        (_, Value::Class(class)) => graph.nodes(class).iter().find_map(|node| match node.op {
            Op::Int(value) => Some(value),
            _ => None,
        }),
        _ => None,
    }
}

fn compare(op: Comparison, values: [Value; 2], integers: [Option<i64>; 2]) -> bool {
    let equal = match (integers, values) {
        ([Some(left), Some(right)], _) => left == right,
        (_, [Value::Class(left), Value::Class(right)]) => left == right,
        _ => false,
    };
    match (op, integers) {
        (Comparison::Equal, _) => equal,
        (Comparison::NotEqual, _) => !equal,
        (Comparison::Less, [Some(left), Some(right)]) => left < right,
        (Comparison::LessOrEqual, [Some(left), Some(right)]) => left <= right,
        (Comparison::Greater, [Some(left), Some(right)]) => left > right,
        (Comparison::GreaterOrEqual, [Some(left), Some(right)]) => left >= right,
        _ => false,
    }
}

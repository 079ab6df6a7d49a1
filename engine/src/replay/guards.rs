//! Guards, asked of the facts as the frontend states them.

use super::{Checker, Slots, Wrong};
use crate::compile::{glob_matches, is_data};
use crate::term::{Op, Term};
use meld_pack::ruleset::{Comparison, Guard, Pattern};

/// An argument of a fact, as far as it is known.
enum Argument<'p> {
    /// Its value.
    Value(Term),
    /// A pattern of a negated guard with wildcards, which stand for anything.
    Open(&'p Pattern),
}

impl Checker<'_> {
    /// The value of a term: attributes in it replaced by their values. None if the term is not
    /// an entity, data, a number or text, which is what facts and comparisons are about; such is
    /// an attribute that the frontend leaves undefined.
    pub(super) fn value(&mut self, term: Term) -> Option<Term> {
        // Arguments have smaller ids, so one pass over the bank does for all.
        while self.known_values.len() <= term.index() {
            let next = Term(self.known_values.len() as u32);
            let op = self.bank.op(next).clone();
            let children: Option<Vec<Term>> =
                self.bank.children(next).iter().map(|c| self.known_values[c.index()]).collect();
            let value = children.and_then(|children| {
                let same = self.bank.add(op.clone(), &children).0;
                let is_data = match &op {
                    Op::Term(term) => is_data(self.rules, *term),
                    Op::Export(_) => false,
                    _ => true,
                };
                // A value has no attributes in it.
                self.values.get(&same).copied().or(is_data.then_some(same))
            });
            self.known_values.push(value);
        }
        self.known_values[term.index()]
    }

    /// Whether a guard holds.
    pub(super) fn holds(&mut self, guard: &Guard, slots: &mut Slots<'_>) -> Result<bool, Wrong> {
        match guard {
            Guard::Fact { fact, args, negated, .. } => {
                let mut row = Vec::with_capacity(args.len());
                for arg in args {
                    if *negated && wildcards(arg) > 0 {
                        row.push(Argument::Open(arg));
                        slots.next += wildcards(arg);
                        continue;
                    }
                    let term = self.put_in(arg, slots)?;
                    let Some(value) = self.value(term) else { return Ok(false) };
                    row.push(Argument::Value(value));
                }
                let exact: Option<Vec<Term>> = row
                    .iter()
                    .map(|argument| match argument {
                        Argument::Value(value) => Some(*value),
                        Argument::Open(_) => None,
                    })
                    .collect();
                let stated = match exact {
                    Some(row) => self.facts.get(fact).is_some_and(|rows| rows.contains(&row)),
                    None => {
                        let rows = self.facts.remove(fact).unwrap_or_default();
                        let matches = |checker: &mut Self, stated: &[Term]| {
                            row.iter().zip(stated).all(|(argument, stated)| match argument {
                                Argument::Value(value) => value == stated,
                                Argument::Open(pattern) => checker.matches(pattern, *stated, slots),
                            })
                        };
                        let found = rows.iter().any(|stated| matches(self, stated));
                        self.facts.insert(*fact, rows);
                        found
                    }
                };
                Ok(stated != *negated)
            }
            Guard::Compare { left, op, right, .. } => {
                let (left, right) = (self.put_in(left, slots)?, self.put_in(right, slots)?);
                let (Some(left), Some(right)) = (self.value(left), self.value(right)) else {
                    return Ok(false);
                };
                let integers = (self.bank.op(left), self.bank.op(right));
                Ok(match (op, integers) {
                    (Comparison::Equal, _) => left == right,
                    (Comparison::NotEqual, _) => left != right,
                    (Comparison::Less, (Op::Int(a), Op::Int(b))) => a < b,
                    (Comparison::LessOrEqual, (Op::Int(a), Op::Int(b))) => a <= b,
                    (Comparison::Greater, (Op::Int(a), Op::Int(b))) => a > b,
                    (Comparison::GreaterOrEqual, (Op::Int(a), Op::Int(b))) => a >= b,
                    _ => false,
                })
            }
        }
    }

    /// Whether a value, or an attribute that has this value, matches a pattern of a negated guard.
    fn matches(&mut self, pattern: &Pattern, value: Term, slots: &Slots<'_>) -> bool {
        let is = |checker: &Self, op: Op| *checker.bank.op(value) == op;
        match pattern {
            Pattern::Wildcard => true,
            Pattern::Var(var) => {
                slots.get(var.index()).is_ok_and(|term| self.value(term) == Some(value))
            }
            Pattern::Glob(glob) => {
                matches!(self.bank.op(value), Op::Str(text) if glob_matches(glob, text))
            }
            Pattern::Term(term, args) => {
                let attributes = self.values.iter().filter(|(_, known)| **known == value);
                let candidates: Vec<Term> =
                    std::iter::once(value).chain(attributes.map(|(term, _)| *term)).collect();
                candidates.into_iter().any(|candidate| {
                    let children = self.bank.children(candidate).to_vec();
                    *self.bank.op(candidate) == Op::Term(*term)
                        && self.all_match(args, &children, slots)
                })
            }
            Pattern::List(elements, rest) => {
                let mut at = value;
                for element in elements {
                    let (Op::Cons, &[first, others]) = (self.bank.op(at), self.bank.children(at))
                    else {
                        return false;
                    };
                    if !self.matches(element, first, slots) {
                        return false;
                    }
                    at = others;
                }
                match rest {
                    Some(var) => self.matches(&Pattern::Var(*var), at, slots),
                    None => *self.bank.op(at) == Op::Nil,
                }
            }
            Pattern::Int(number) => is(self, Op::Int(*number)),
            Pattern::Str(text) => is(self, Op::Str(text.as_str().into())),
            Pattern::Leaf(sort, name) => is(self, Op::Leaf(*sort, name.as_str().into())),
            Pattern::Export(..) => false,
        }
    }

    fn all_match(&mut self, patterns: &[Pattern], values: &[Term], slots: &Slots<'_>) -> bool {
        patterns.len() == values.len()
            && patterns
                .iter()
                .zip(values)
                .all(|(pattern, value)| self.matches(pattern, *value, slots))
    }
}

/// Wildcards and globs of a pattern, each of which has a slot.
fn wildcards(pattern: &Pattern) -> usize {
    match pattern {
        Pattern::Wildcard | Pattern::Glob(_) => 1,
        Pattern::Term(_, args) | Pattern::List(args, _) => args.iter().map(wildcards).sum(),
        Pattern::Export(of, _) => wildcards(of),
        _ => 0,
    }
}

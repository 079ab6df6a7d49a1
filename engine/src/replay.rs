//! Re-checks every proof without the e-graph.
//!
//! The e-graph, the matcher, the fact index and the proof forest are large and clever; this file
//! is neither. It sees plain terms, the rules as they were declared, and the facts as they were
//! stated, and accepts a proof only if
//!
//! * it starts at the term that it should start at, and each step starts where the last ended;
//! * a step by a rule puts the rule's variables into its pattern and its replacement, gets the
//!   two terms of the step, and every guard holds;
//! * a step by an equation is one that the frontend stated;
//! * a step by congruence keeps the operator, and its arguments are proved by earlier proofs.
//!
//! Proofs rest only on earlier ones, so there is no way round in a circle. Two terms that such a
//! chain connects are equal if the rules are right: whatever bug the rest of the engine has, it
//! cannot make a port mean something else without being caught here.

use crate::compile::{CompiledRule, Condition, Pat};
use crate::proof::{Proofs, Reason};
use crate::saturate::{Cause, Event};
use crate::term::{Bank, Op, Term};
use meld_pack::ruleset::{Comparison, FactId, RuleId};
use std::collections::{HashMap, HashSet};

/// What proofs are checked against.
pub(crate) struct Checker<'a> {
    /// Terms; guards may name some that are not in it yet.
    bank: Bank,
    rules: &'a [CompiledRule],
    allowed: &'a HashSet<RuleId>,
    events: &'a [Event],
    equations: HashSet<(Term, Term)>,
    /// Equations from attribute to value.
    values: HashMap<Term, Term>,
    /// Each term with attributes replaced by their values.
    normal: Vec<Term>,
    facts: HashMap<FactId, HashSet<Vec<Term>>>,
}

/// Why a proof was rejected, for an internal error.
pub(crate) type Rejection = String;

impl<'a> Checker<'a> {
    /// A checker for the events of a run.
    pub(crate) fn new(
        bank: &Bank,
        rules: &'a [CompiledRule],
        allowed: &'a HashSet<RuleId>,
        events: &'a [Event],
        equations: impl IntoIterator<Item = (Term, Term)>,
        facts: impl IntoIterator<Item = (FactId, Vec<Term>)>,
    ) -> Self {
        let equations: HashSet<(Term, Term)> = equations.into_iter().collect();
        let mut checker = Checker {
            bank: bank.clone(),
            rules,
            allowed,
            events,
            values: equations.iter().copied().collect(),
            equations,
            normal: Vec::new(),
            facts: HashMap::new(),
        };
        for (fact, row) in facts {
            let row = row.into_iter().map(|term| checker.normalise(term)).collect();
            checker.facts.entry(fact).or_default().insert(row);
        }
        checker
    }

    /// A term with its attributes replaced by their values. Arguments have smaller ids, so one
    /// pass over the bank does for all.
    fn normalise(&mut self, term: Term) -> Term {
        while self.normal.len() <= term.index() {
            let next = Term(self.normal.len() as u32);
            let same = match self.values.get(&next) {
                // A value has no attributes in it; it may have a larger id.
                Some(value) => *value,
                None => {
                    let children: Vec<Term> =
                        self.bank.children(next).iter().map(|c| self.normal[c.index()]).collect();
                    if children == self.bank.children(next) {
                        next
                    } else {
                        let op = self.bank.op(next).clone();
                        let rebuilt = self.bank.add(op, &children).0;
                        self.values.get(&rebuilt).copied().unwrap_or(rebuilt)
                    }
                }
            };
            self.normal.push(same);
        }
        self.normal[term.index()]
    }

    /// Checks all proofs, in order.
    pub(crate) fn check_all(&mut self, proofs: &Proofs) -> Result<(), (usize, Rejection)> {
        let mut events_checked = HashSet::new();
        for (index, proof) in proofs.all.iter().enumerate() {
            let mut at = proof.from;
            for (number, step) in proof.steps.iter().enumerate() {
                let reject = |why: String| (index, format!("step {}: {why}", number + 1));
                if step.from != at {
                    return Err(reject("it does not start where the last one ended".into()));
                }
                match &step.reason {
                    Reason::Event { event, forward } => {
                        let (left, right) =
                            if *forward { (step.from, step.to) } else { (step.to, step.from) };
                        let found = &self.events[*event as usize];
                        if (found.left, found.right) != (left, right) {
                            return Err(reject("the event is about other terms".into()));
                        }
                        if events_checked.insert(*event) {
                            self.check_event(*event as usize).map_err(reject)?;
                        }
                    }
                    Reason::Congruence(arguments) => self
                        .check_congruence(proofs, index, step.from, step.to, arguments)
                        .map_err(reject)?,
                }
                at = step.to;
            }
            if at != proof.to {
                return Err((index, "it does not end at its last term".into()));
            }
        }
        Ok(())
    }

    fn check_congruence(
        &self,
        proofs: &Proofs,
        index: usize,
        from: Term,
        to: Term,
        arguments: &[Option<u32>],
    ) -> Result<(), Rejection> {
        let (before, after) = (self.bank.children(from), self.bank.children(to));
        if self.bank.op(from) != self.bank.op(to)
            || before.len() != after.len()
            || before.len() != arguments.len()
        {
            return Err("the operators differ".into());
        }
        for ((before, after), proof) in before.iter().zip(after).zip(arguments) {
            let holds = match proof {
                None => before == after,
                Some(id) => {
                    let proof = proofs.get(*id);
                    (*id as usize) < index && proof.from == *before && proof.to == *after
                }
            };
            if !holds {
                return Err("an argument changed without proof".into());
            }
        }
        Ok(())
    }

    fn check_event(&mut self, number: usize) -> Result<(), Rejection> {
        let events = self.events;
        let event = &events[number];
        let rule = match event.cause {
            Cause::Given if self.equations.contains(&(event.left, event.right)) => return Ok(()),
            Cause::Given => return Err("the frontend does not state the equation".into()),
            Cause::Rule(rule) => rule,
        };
        if !self.allowed.contains(&rule) {
            return Err("the rule is not allowed to run".into());
        }
        let rules = self.rules;
        let rule = &rules[rule.index()];
        for (side, pattern, expect) in [
            ("pattern", &rule.matcher.pattern, event.left),
            ("replacement", &rule.replacement, event.right),
        ] {
            if self.put_in(pattern, &event.slots)? != expect {
                return Err(format!("the rule's {side} gives another term"));
            }
        }
        for (position, guard) in rule.matcher.guards.iter().enumerate() {
            if !self.holds(guard, &event.slots)? {
                return Err(format!("guard {} does not hold", position + 1));
            }
        }
        Ok(())
    }

    fn put_in(&mut self, pattern: &Pat, slots: &[Option<Term>]) -> Result<Term, Rejection> {
        match pattern {
            Pat::Slot(slot) => slots[*slot].ok_or_else(|| "a variable is unbound".to_string()),
            Pat::Glob(slot, glob) => match slots[*slot] {
                Some(term) => match self.bank.op(term) {
                    Op::Str(text) if crate::compile::glob_matches(glob, text) => Ok(term),
                    _ => Err(format!("the text does not match \"{glob}\"")),
                },
                None => Err("a glob is unbound".into()),
            },
            Pat::Node(op, args) => {
                let args: Result<Vec<Term>, Rejection> =
                    args.iter().map(|arg| self.put_in(arg, slots)).collect();
                Ok(self.bank.add(op.clone(), &args?).0)
            }
        }
    }

    fn holds(&mut self, guard: &Condition, slots: &[Option<Term>]) -> Result<bool, Rejection> {
        match guard {
            Condition::Fact { fact, args, negated } => {
                let mut row = Vec::with_capacity(args.len());
                for arg in args {
                    // What a negated guard leaves open stands for anything.
                    row.push(match arg {
                        Pat::Slot(slot) if *negated && slots[*slot].is_none() => None,
                        arg => {
                            let term = self.put_in(arg, slots)?;
                            Some(self.normalise(term))
                        }
                    });
                }
                let stated = self.facts.get(fact).is_some_and(|rows| {
                    let exact: Option<Vec<Term>> = row.iter().copied().collect();
                    match exact {
                        Some(row) => rows.contains(&row),
                        None => rows.iter().any(|stated| {
                            row.iter().zip(stated).all(|(want, is)| want.is_none_or(|t| t == *is))
                        }),
                    }
                });
                Ok(stated != *negated)
            }
            Condition::Compare { left, op, right } => {
                let left = self.put_in(left, slots)?;
                let right = self.put_in(right, slots)?;
                let (left, right) = (self.normalise(left), self.normalise(right));
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
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proof::{Proof, Step};
    use meld_pack::ruleset::TermId;

    /// `f(a) = f(b)`, because `a = b` is given.
    fn fixture() -> (Bank, Vec<Event>, Proofs, [Term; 4]) {
        let mut bank = Bank::default();
        let a = bank.add(Op::Int(1), &[]).0;
        let b = bank.add(Op::Term(TermId(0)), &[]).0;
        let fa = bank.add(Op::Term(TermId(1)), &[a]).0;
        let fb = bank.add(Op::Term(TermId(1)), &[b]).0;
        let events = vec![Event { cause: Cause::Given, left: b, right: a, slots: Vec::new() }];
        let step = |from, to, reason| Proof { from, to, steps: vec![Step { from, to, reason }] };
        let mut proofs = Proofs::default();
        proofs.all.push(step(a, b, Reason::Event { event: 0, forward: false }));
        proofs.all.push(step(fa, fb, Reason::Congruence(vec![Some(0)])));
        (bank, events, proofs, [a, b, fa, fb])
    }

    fn check(change: impl FnOnce(&mut Vec<Event>, &mut Proofs, [Term; 4]), expect: Option<&str>) {
        let (bank, mut events, mut proofs, terms) = fixture();
        let equations = vec![(terms[1], terms[0])];
        change(&mut events, &mut proofs, terms);
        let allowed = HashSet::new();
        let mut checker = Checker::new(&bank, &[], &allowed, &events, equations, Vec::new());
        let result = checker.check_all(&proofs).map_err(|(_, why)| why);
        match expect {
            None => assert_eq!(result, Ok(())),
            Some(text) => assert!(
                result.as_ref().is_err_and(|why| why.contains(text)),
                "expected `{text}`, got {result:?}"
            ),
        }
    }

    #[test]
    fn tampered_proofs_are_rejected() {
        check(|_, _, _| {}, None);
        check(|_, p, [a, ..]| p.all[0].to = a, Some("does not end"));
        check(|_, p, [_, b, ..]| p.all[0].steps[0].from = b, Some("does not start"));
        check(
            |_, p, _| p.all[0].steps[0].reason = Reason::Event { event: 0, forward: true },
            Some("about other terms"),
        );
        check(
            |_, p, _| p.all[1].steps[0].reason = Reason::Congruence(vec![None]),
            Some("without proof"),
        );
        check(
            |_, p, _| p.all[1].steps[0].reason = Reason::Congruence(vec![Some(1)]),
            Some("without proof"),
        );
        check(|_, p, [a, ..]| p.all[1].steps[0].from = a, Some("does not start"));
        check(
            |_, p, _| p.all[0].steps[0].reason = Reason::Congruence(Vec::new()),
            Some("operators differ"),
        );
        check(
            |e, p, [_, _, fa, fb]| {
                e.push(Event { cause: Cause::Given, left: fa, right: fb, slots: Vec::new() });
                p.all[1].steps[0].reason = Reason::Event { event: 1, forward: true };
            },
            Some("does not state"),
        );
        check(
            |e, p, [_, _, fa, fb]| {
                let cause = Cause::Rule(RuleId(0));
                e.push(Event { cause, left: fa, right: fb, slots: Vec::new() });
                p.all[1].steps[0].reason = Reason::Event { event: 1, forward: true };
            },
            Some("not allowed"),
        );
    }
}

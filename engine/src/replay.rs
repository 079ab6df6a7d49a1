//! Re-checks every decision without the e-graph.
//!
//! The e-graph, the matcher, the fact index, the extraction and the proof forest are large and
//! clever; this file is neither. It states the program once more, reads the rules as they were
//! declared, and accepts a plan only if, for every port that has to be in it,
//!
//! * the port's proof starts at the term that the program says the port is, and each step starts
//!   where the last ended;
//! * a step by a rule puts what the rule's variables stand for into its pattern and its
//!   replacement, gets the two terms of the step, and every guard holds;
//! * a step by an equation is one that the frontend states;
//! * a step by congruence keeps the operator, and its arguments are proved by earlier proofs;
//! * the proof ends at the term that the plan has for the port, node by node.
//!
//! Proofs rest only on earlier ones, so there is no way round in a circle. Two terms that such a
//! chain connects are equal if the rules are right: a bug in what is not named below cannot make a
//! port mean something else without being caught here.
//!
//! What this check shares with the rest of the engine, and so has to trust:
//!
//! * the packs: rules that say what is true, the facts that they state, and the bytes of their modules;
//! * `seed.rs` and the frontend's facts, from which the program is stated anew: run twice, a mistake
//!   in them is made twice;
//! * which terms are data or attributes, and what matches a glob (`compile.rs`);
//! * `reach.rs`, which says whose instantiation can be seen, and who writes to whose memory.
//!
//! Nor does it ask whether the plan is the cheapest, or obeys the `forbid`s: costs choose between
//! answers that mean the same, and `forbid.rs` looks at the plan by itself.

mod guards;
mod plan;
#[cfg(test)]
mod tests;

use crate::error::EngineError;
use crate::plan::{Plan, Port};
use crate::proof::{ProofId, Proofs, Reason};
use crate::saturate::{Cause, Event};
use crate::seed::{Statement, seed};
use crate::term::{Bank, Op, Term};
use crate::trace::Trace;
use crate::why_not::Standing;
use meld_component::program::Program;
use meld_pack::ruleset::{AssumeId, FactId, Pattern, RuleId, RuleSet};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

/// Checks a plan and its proofs against the program and the rules.
///
/// # Errors
///
/// [`EngineError::Internal`] names the port and the step that is wrong.
pub(crate) fn check(program: &Program, plan: &Plan, trace: &Trace<'_>) -> Result<(), EngineError> {
    let saturation = &trace.saturation;
    // Terms that the proofs name keep their ids; the bank knows nothing but structure.
    let bank = saturation.graph.bank().clone();
    let statement = seed(program, saturation.rules, &trace.silent, bank, &plan.target, false)?;
    let mut checker = Checker::new(
        saturation.rules,
        &trace.standings,
        &saturation.events,
        &trace.proofs,
        statement,
    );
    let proofs = trace.ports.iter().map(|(port, about)| (*port, about.proof)).collect();
    checker.all(program, plan, &proofs).map_err(|Rejection { port, at, why }| {
        let port = port.map_or("the plan", |port| saturation.names.port(port));
        EngineError::Internal(match at {
            None => format!("the decision about {port} does not check: {why}"),
            Some((step, from)) => format!(
                "the decision about {port} does not check at step {step}, from `{}`: {why}",
                saturation.show().term(from)
            ),
        })
    })
}

/// Why a plan was rejected.
struct Rejection {
    /// The port whose decision is wrong; none if it is the plan as a whole.
    port: Option<Port>,
    /// The step that is wrong, from 1, and the term that it starts from.
    at: Option<(usize, Term)>,
    why: String,
}

/// A rejection before it is known what it is about.
type Wrong = String;

/// What plans are checked against, and what was checked already.
struct Checker<'a> {
    rules: &'a RuleSet,
    /// Whether each rule may run.
    standings: &'a [Standing],
    events: &'a [Event],
    proofs: &'a Proofs,
    /// Terms; guards may name some that are not in it yet.
    bank: Bank,
    /// What the program says of each port.
    ports: BTreeMap<Port, Term>,
    equations: HashSet<(Term, Term)>,
    /// Attributes with their values.
    values: BTreeMap<Term, Term>,
    /// For each term its value, see [`Checker::value`].
    known_values: Vec<Option<Term>>,
    facts: HashMap<FactId, BTreeSet<Vec<Term>>>,
    proved: HashSet<ProofId>,
    events_checked: HashSet<u32>,
    /// Assumptions of the rules in the proofs.
    assumed: BTreeSet<AssumeId>,
}

impl<'a> Checker<'a> {
    fn new(
        rules: &'a RuleSet,
        standings: &'a [Standing],
        events: &'a [Event],
        proofs: &'a Proofs,
        statement: Statement,
    ) -> Self {
        let mut checker = Checker {
            rules,
            standings,
            events,
            proofs,
            bank: statement.bank,
            ports: statement.ports,
            equations: statement.equations.iter().copied().collect(),
            values: statement.equations.into_iter().collect(),
            known_values: Vec::new(),
            facts: HashMap::new(),
            proved: HashSet::new(),
            events_checked: HashSet::new(),
            assumed: BTreeSet::new(),
        };
        for (fact, row) in statement.facts {
            let row = row.into_iter().filter_map(|term| checker.value(term)).collect();
            checker.facts.entry(fact).or_default().insert(row);
        }
        checker
    }

    /// Checks all that a plan says.
    fn all(
        &mut self,
        program: &Program,
        plan: &Plan,
        proofs: &BTreeMap<Port, ProofId>,
    ) -> Result<(), Rejection> {
        let about = |port, why| Rejection { port, at: None, why };
        let mut written = plan::Written::new(self.rules, plan);
        written.complete(program, self.ports.keys()).map_err(|(port, why)| about(port, why))?;
        for (port, node) in &plan.ports {
            let rejected = |why: &str| about(Some(*port), why.to_string());
            let proof =
                proofs.get(port).and_then(|id| Some((*id, self.proofs.all.get(*id as usize)?)));
            let (id, proof) = proof.ok_or_else(|| rejected("it has no proof"))?;
            if self.ports.get(port) != Some(&proof.from) {
                return Err(rejected("its proof does not start with what the program says"));
            }
            self.proof(id).map_err(|(at, why)| Rejection { port: Some(*port), at, why })?;
            written.same(&self.bank, proof.to, *node).map_err(|why| about(Some(*port), why))?;
        }
        let assumed = self.assumed.iter().map(|id| &self.rules.assumes[id.index()].name);
        if let Some(name) = assumed.into_iter().find(|name| !plan.assumptions.contains(name)) {
            return Err(about(None, format!("it does not tell that it rests on `{name}`")));
        }
        Ok(())
    }

    /// Checks a proof, and before it all that it rests on.
    fn proof(&mut self, id: ProofId) -> Result<(), (Option<(usize, Term)>, Wrong)> {
        let proofs = self.proofs;
        let mut needed = BTreeSet::new();
        let mut todo = vec![id];
        while let Some(id) = todo.pop() {
            if !self.proved.contains(&id) && needed.insert(id) {
                for step in &proofs.get(id).steps {
                    // A later one is no proof for this step, which is found when it is checked.
                    if let Reason::Congruence(arguments) = &step.reason {
                        todo.extend(arguments.iter().flatten().filter(|earlier| **earlier < id));
                    }
                }
            }
        }
        for id in needed {
            let proof = proofs.get(id);
            let mut at = proof.from;
            for (number, step) in proof.steps.iter().enumerate() {
                let rejected = |why| (Some((number + 1, step.from)), why);
                if step.from != at {
                    return Err(rejected("it does not start where the last one ended".into()));
                }
                match &step.reason {
                    Reason::Event { event, forward } => {
                        let (left, right) =
                            if *forward { (step.from, step.to) } else { (step.to, step.from) };
                        self.event(*event, left, right).map_err(rejected)?;
                    }
                    Reason::Congruence(arguments) => {
                        self.congruence(id, step.from, step.to, arguments).map_err(rejected)?
                    }
                }
                at = step.to;
            }
            if at != proof.to {
                return Err((None, "its proof does not end at its last term".to_string()));
            }
            self.proved.insert(id);
        }
        Ok(())
    }

    fn congruence(
        &self,
        id: ProofId,
        from: Term,
        to: Term,
        arguments: &[Option<ProofId>],
    ) -> Result<(), Wrong> {
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
                Some(earlier) if *earlier < id => {
                    let proof = self.proofs.get(*earlier);
                    proof.from == *before && proof.to == *after
                }
                Some(_) => false,
            };
            if !holds {
                return Err("an argument changed without proof".into());
            }
        }
        Ok(())
    }

    fn event(&mut self, number: u32, left: Term, right: Term) -> Result<(), Wrong> {
        let events = self.events;
        let event = events.get(number as usize).ok_or("there is no such event")?;
        if (event.left, event.right) != (left, right) {
            return Err("the event is about other terms".into());
        }
        if !self.events_checked.insert(number) {
            return Ok(());
        }
        let id = match event.cause {
            Cause::Given if self.equations.contains(&(left, right)) => return Ok(()),
            Cause::Given => return Err("the program does not state the equation".into()),
            Cause::Rule(id) => id,
        };
        self.rule(id, event).map_err(|why| format!("{}: {why}", self.rules.rule_name(id)))
    }

    fn rule(&mut self, id: RuleId, event: &Event) -> Result<(), Wrong> {
        let rules = self.rules;
        let rule = &rules.rules[id.index()];
        if !self.standings[id.index()].is_on() {
            return Err("it is not allowed to run".into());
        }
        self.assumed.extend(&rule.assuming);
        // Wildcards and texts with `*` have slots after the variables, in the order of the text.
        let mut slots = Slots { bound: &event.slots, next: rule.vars.len() };
        if self.put_in(&rule.pattern, &mut slots)? != event.left {
            return Err("its pattern gives another term".into());
        }
        for (position, guard) in rule.guards.iter().enumerate() {
            if !self.holds(guard, &mut slots)? {
                return Err(format!("its guard {} does not hold", position + 1));
            }
        }
        if self.put_in(&rule.replacement, &mut slots)? != event.right {
            return Err("its replacement gives another term".into());
        }
        Ok(())
    }

    /// A pattern with what its variables, wildcards and globs stand for.
    fn put_in(&mut self, pattern: &Pattern, slots: &mut Slots<'_>) -> Result<Term, Wrong> {
        let (op, args) = match pattern {
            Pattern::Var(var) => return slots.get(var.index()),
            Pattern::Wildcard => return slots.take_next(),
            Pattern::Glob(glob) => {
                let term = slots.take_next()?;
                return match self.bank.op(term) {
                    Op::Str(text) if crate::compile::glob_matches(glob, text) => Ok(term),
                    _ => Err(format!("the text does not match \"{glob}\"")),
                };
            }
            Pattern::List(elements, rest) => {
                let elements = self.put_all_in(elements, slots)?;
                let mut list = match rest {
                    Some(var) => slots.get(var.index())?,
                    None => self.bank.add(Op::Nil, &[]).0,
                };
                for element in elements.into_iter().rev() {
                    list = self.bank.add(Op::Cons, &[element, list]).0;
                }
                return Ok(list);
            }
            Pattern::Term(term, args) => (Op::Term(*term), self.put_all_in(args, slots)?),
            Pattern::Export(of, name) => {
                (Op::Export(name.as_str().into()), vec![self.put_in(of, slots)?])
            }
            Pattern::Int(value) => (Op::Int(*value), Vec::new()),
            Pattern::Str(text) => (Op::Str(text.as_str().into()), Vec::new()),
            Pattern::Leaf(sort, name) => (Op::Leaf(*sort, name.as_str().into()), Vec::new()),
        };
        Ok(self.bank.add(op, &args).0)
    }

    fn put_all_in(
        &mut self,
        patterns: &[Pattern],
        slots: &mut Slots<'_>,
    ) -> Result<Vec<Term>, Wrong> {
        patterns.iter().map(|pattern| self.put_in(pattern, slots)).collect()
    }
}

/// What a match bound.
struct Slots<'a> {
    bound: &'a [Option<Term>],
    /// The slot of the next wildcard or glob.
    next: usize,
}

impl Slots<'_> {
    fn get(&self, slot: usize) -> Result<Term, Wrong> {
        self.bound.get(slot).copied().flatten().ok_or_else(|| "a variable is unbound".to_string())
    }

    fn take_next(&mut self) -> Result<Term, Wrong> {
        self.next += 1;
        self.get(self.next - 1)
    }
}

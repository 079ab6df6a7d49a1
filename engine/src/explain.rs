//! Prints why ports became what they became.
//!
//! A summary comes first: how many ports became what, and which calls cost most. Then each port
//! starts with its seed; each step stands below it with its rule, place, reason and the
//! facts it rested on. Where a step changed arguments, `where` says what each became, and a
//! number refers to the block that derives it. A block is printed once, at its first use: a
//! derivation that a thousand ports share does not make the output a thousand times as long.

use crate::compile::Condition;
use crate::display::place;
use crate::plan::Port;
use crate::proof::{ProofId, Reason, Step};
use crate::saturate::Cause;
use crate::story::{self, Summary};
use crate::term::{Op, Term};
use crate::trace::Trace;
use egg::Id;
use meld_pack::ruleset::{Cost, RuleId};
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::fmt::Write;

/// Alternatives shown for one term.
const MOST_ALTERNATIVES: usize = 5;

/// All ports that a filter selects.
pub(crate) fn text(trace: &Trace<'_>, filter: Option<&str>) -> String {
    let ports = story::select(trace, filter);
    let mut printer = Printer {
        trace,
        alternatives: trace.alternatives(),
        numbers: HashMap::new(),
        out: String::new(),
    };
    if !ports.is_empty() {
        printer.summary(&story::summary(trace, &ports));
    }
    for (port, proof) in &ports {
        printer.port(*port, *proof);
    }
    let mut out = match (ports.is_empty(), filter) {
        (true, Some(filter)) => format!("{}\n", story::selects_none(filter)),
        (true, None) => "there are no ports\n".to_string(),
        (false, _) => printer.out,
    };
    for verdict in trace.waived() {
        let _ = write!(out, "\n{}", verdict.text(&trace.saturation));
    }
    out
}

struct Printer<'t, 'r> {
    trace: &'t Trace<'r>,
    alternatives: HashMap<Id, Vec<Term>>,
    /// Blocks printed or about to be, by proof.
    numbers: HashMap<ProofId, usize>,
    out: String,
}

impl Printer<'_, '_> {
    fn line(&mut self, indent: usize, text: &str) {
        let _ = writeln!(self.out, "{:indent$}{text}", "");
    }

    fn term(&self, term: Term) -> String {
        self.trace.saturation.show().term(term)
    }

    fn summary(&mut self, summary: &Summary) {
        let Summary { shown, total, kinds, assuming, dearest } = summary;
        let kinds: Vec<String> =
            kinds.iter().map(|(kind, count)| format!("{count} {kind}")).collect();
        let of = if shown == total { String::new() } else { format!(" of {total}") };
        let ports = if *total == 1 { "port" } else { "ports" };
        self.line(0, &format!("{shown}{of} {ports}: {}", kinds.join(", ")));
        if !assuming.is_empty() {
            self.line(0, &format!("assuming {}", assuming.join(", ")));
        }
        if *shown > 1 && !dearest.is_empty() {
            self.line(0, "calls that cost most:");
            for (port, cost) in dearest {
                let port = self.trace.saturation.names.port(*port);
                let line = format!("{port}: {}", cost_text(*cost));
                self.line(2, &line);
            }
        }
    }

    fn port(&mut self, port: Port, proof: ProofId) {
        self.out.push('\n');
        let title = self.trace.saturation.names.port(port).to_string();
        self.line(0, &title);
        let mut todo = VecDeque::new();
        self.chain(2, None, proof, &mut todo);
        for note in self.trace.notes.get(&port).into_iter().flatten() {
            self.line(4, &format!("but {note}"));
        }
        while let Some((number, proof)) = todo.pop_front() {
            self.chain(4, Some(number), proof, &mut todo);
        }
    }

    /// One derivation; those that it refers to for the first time are left in `todo`.
    fn chain(
        &mut self,
        indent: usize,
        number: Option<usize>,
        proof: ProofId,
        todo: &mut VecDeque<(usize, ProofId)>,
    ) {
        let trace = self.trace;
        let proof = trace.proofs.get(proof);
        let number = number.map_or(String::new(), |number| format!("[{number}] "));
        let first = format!("{number}{}", self.term(proof.from));
        self.line(indent, &first);
        for step in &proof.steps {
            let to = format!("= {}", self.term(step.to));
            self.line(indent + 2, &to);
            self.reason(indent + 6, step, todo);
        }
        let class = trace.saturation.graph.class(proof.from);
        let others = self.alternatives.get(&class).map_or(0, Vec::len);
        if let Some(cost) = trace.cost(class)
            && (others > 0 || number.is_empty())
        {
            self.line(indent + 2, &format!("cost: {}", cost_text(cost)));
        }
        for index in 0..others.min(MOST_ALTERNATIVES) {
            let other = self.alternatives[&class][index];
            let cost = cost_text(trace.alternative_cost(other));
            let text = format!("not taken: {} ({cost})", self.term(other));
            self.line(indent + 2, &text);
        }
        if others > MOST_ALTERNATIVES {
            self.line(indent + 2, &format!("and {} more", others - MOST_ALTERNATIVES));
        }
    }

    fn reason(&mut self, indent: usize, step: &Step, todo: &mut VecDeque<(usize, ProofId)>) {
        let trace = self.trace;
        match &step.reason {
            Reason::Event { event, forward } => {
                let lines = event_lines(trace, *event, *forward);
                for line in lines {
                    self.line(indent, &line);
                }
            }
            Reason::Congruence(arguments) => {
                for id in changed(trace, arguments) {
                    let proof = trace.proofs.get(id);
                    let from = self.term(proof.from);
                    let line = if is_given(trace, id) {
                        format!("where {from} = {}, as the program says", self.term(proof.to))
                    } else {
                        let next = self.numbers.len() + 1;
                        let number = *self.numbers.entry(id).or_insert_with(|| {
                            todo.push_back((next, id));
                            next
                        });
                        let to = trace.saturation.show().outline(proof.to);
                        format!("where {from} = {to}  [{number}]")
                    };
                    self.line(indent, &line);
                }
            }
        }
    }
}

fn cost_text(cost: Cost) -> String {
    format!("{}.{} ns a call, {} bytes", cost.call / 10, cost.call % 10, cost.size)
}

/// What changed below a term, each once: where a proof does nothing but change arguments, these
/// stand for it.
fn changed(trace: &Trace<'_>, arguments: &[Option<ProofId>]) -> Vec<ProofId> {
    let mut found = Vec::new();
    let mut seen = HashSet::new();
    let mut todo: Vec<ProofId> = arguments.iter().rev().flatten().copied().collect();
    while let Some(id) = todo.pop() {
        if !seen.insert(id) {
            continue;
        }
        match trace.proofs.get(id).steps.as_slice() {
            [Step { reason: Reason::Congruence(arguments), .. }] => {
                todo.extend(arguments.iter().rev().flatten());
            }
            _ => found.push(id),
        }
    }
    found
}

/// Whether a proof is one equation of the frontend, so that a block of its own says nothing.
fn is_given(trace: &Trace<'_>, id: ProofId) -> bool {
    match trace.proofs.get(id).steps.as_slice() {
        [Step { reason: Reason::Event { event, .. }, .. }] => {
            trace.saturation.events[*event as usize].cause == Cause::Given
        }
        _ => false,
    }
}

fn event_lines(trace: &Trace<'_>, event: u32, forward: bool) -> Vec<String> {
    let rules = trace.saturation.rules;
    let Cause::Rule(id) = trace.saturation.events[event as usize].cause else {
        return vec!["as the program says".to_string()];
    };
    let rule = &rules.rules[id.index()];
    let direction = if forward { "" } else { ", read from right to left" };
    let mut lines = vec![
        format!("by {} ({}){direction}", rules.rule_name(id), place(rules, rule.span)),
        format!("because {}", rule.because),
    ];
    let facts = facts_of(trace, event, id);
    if !facts.is_empty() {
        lines.push(format!("given {}", facts.join(", ")));
    }
    let assuming: Vec<&str> =
        rule.assuming.iter().map(|id| rules.assumes[id.index()].name.as_str()).collect();
    if !assuming.is_empty() {
        lines.push(format!("assuming {}", assuming.join(", ")));
    }
    lines
}

/// The guards of an event's rule, with what they were asked about.
fn facts_of(trace: &Trace<'_>, event: u32, rule: RuleId) -> Vec<String> {
    let saturation = &trace.saturation;
    let slots: Vec<Option<Id>> = saturation.events[event as usize]
        .slots
        .iter()
        .map(|slot| slot.map(|term| saturation.graph.class(term)))
        .collect();
    let guards: &[Condition] = &saturation.compiled[rule.index()].matcher.guards;
    guards.iter().map(|guard| saturation.guard_values(guard, &slots)).collect()
}

/// The ports that a filter selects, the proofs they rest on, and the terms that these name. Terms
/// and proofs refer to each other by position.
pub(crate) fn json(trace: &Trace<'_>, filter: Option<&str>) -> Value {
    let selected = story::select(trace, filter);
    let summary = story::summary(trace, &selected);
    let wanted = story::proofs_of(trace, &selected);
    let positions: BTreeMap<ProofId, usize> = wanted.iter().copied().zip(0..).collect();
    let mut terms = Terms { trace, numbers: BTreeMap::new(), out: Vec::new() };
    let alternatives = trace.alternatives();
    let proofs: Vec<Value> = wanted
        .iter()
        .map(|id| {
            let proof = trace.proofs.get(*id);
            let from = terms.number(proof.from);
            let steps: Vec<Value> = proof
                .steps
                .iter()
                .map(|step| {
                    let to = terms.number(step.to);
                    let mut value = reason_json(trace, &positions, &step.reason);
                    value["to"] = json!(to);
                    value
                })
                .collect();
            json!({ "from": from, "steps": steps })
        })
        .collect();
    let ports: Vec<Value> = selected
        .iter()
        .map(|(port, id)| {
            let proof = trace.proofs.get(*id);
            let class = trace.saturation.graph.class(proof.from);
            let cost = trace.cost(class).unwrap_or(Cost { size: 0, call: 0 });
            let others: Vec<Value> = alternatives
                .get(&class)
                .into_iter()
                .flatten()
                .map(|other| {
                    let cost = trace.alternative_cost(*other);
                    json!({ "term": terms.number(*other), "call": cost.call, "size": cost.size })
                })
                .collect();
            json!({
                "port": trace.saturation.names.port(*port),
                "from": terms.number(proof.from),
                "to": terms.number(proof.to),
                "proof": positions[id],
                "call": cost.call,
                "size": cost.size,
                "not_taken": others,
                "but": trace.notes.get(port).map_or(&[][..], Vec::as_slice),
            })
        })
        .collect();
    let name = |port: Port| trace.saturation.names.port(port).to_string();
    let kinds: Vec<Value> =
        summary.kinds.iter().map(|(kind, count)| json!({ "kind": kind, "ports": count })).collect();
    let dearest: Vec<Value> = summary
        .dearest
        .iter()
        .map(|(port, cost)| json!({ "port": name(*port), "call": cost.call, "size": cost.size }))
        .collect();
    let summary = json!({
        "ports": summary.shown,
        "of": summary.total,
        "kinds": kinds,
        "assuming": summary.assuming,
        "dearest": dearest,
    });
    let waived: Vec<Value> =
        trace.waived().map(|verdict| verdict.json(&trace.saturation)).collect();
    json!({
        "version": 1,
        "summary": summary,
        "ports": ports,
        "proofs": proofs,
        "terms": terms.out,
        "forbids_turned_off": waived,
    })
}

fn reason_json(trace: &Trace<'_>, positions: &BTreeMap<ProofId, usize>, reason: &Reason) -> Value {
    let rules = trace.saturation.rules;
    match reason {
        Reason::Congruence(arguments) => {
            let proofs: Vec<Option<usize>> =
                arguments.iter().map(|id| id.map(|id| positions[&id])).collect();
            json!({ "by": "arguments", "proofs": proofs })
        }
        Reason::Event { event, forward } => {
            let Cause::Rule(id) = trace.saturation.events[*event as usize].cause else {
                return json!({ "by": "program" });
            };
            let rule = &rules.rules[id.index()];
            let assuming: Vec<&str> =
                rule.assuming.iter().map(|id| rules.assumes[id.index()].name.as_str()).collect();
            json!({
                "by": "rule",
                "rule": rules.rule_name(id),
                "file": rules.packs[rule.pack.index()].path.display().to_string(),
                "line": rule.span.line,
                "because": rule.because,
                "forward": forward,
                "facts": facts_of(trace, *event, id),
                "assuming": assuming,
            })
        }
    }
}

/// Terms by position, arguments before users.
struct Terms<'t, 'r> {
    trace: &'t Trace<'r>,
    numbers: BTreeMap<Term, usize>,
    out: Vec<Value>,
}

impl Terms<'_, '_> {
    fn number(&mut self, term: Term) -> usize {
        let bank = self.trace.saturation.graph.bank();
        let mut todo = vec![term];
        while let Some(&top) = todo.last() {
            if self.numbers.contains_key(&top) {
                todo.pop();
                continue;
            }
            let children = bank.children(top);
            let missing = children.iter().find(|child| !self.numbers.contains_key(child));
            if let Some(child) = missing {
                todo.push(*child);
                continue;
            }
            let args: Vec<usize> = children.iter().map(|child| self.numbers[child]).collect();
            let show = self.trace.saturation.show();
            let value = match bank.op(top) {
                Op::Cons => json!({ "list": args }),
                op => json!({ "op": show.op(op), "args": args }),
            };
            self.numbers.insert(top, self.out.len());
            self.out.push(value);
            todo.pop();
        }
        self.numbers[&term]
    }
}

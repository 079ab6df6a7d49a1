//! Which ports an explanation is about, and what they come to.

use crate::plan::Port;
use crate::proof::{ProofId, Reason};
use crate::saturate::Cause;
use crate::term::{Op, Term};
use crate::trace::Trace;
use meld_pack::ruleset::{Cost, TermDecl};
use std::collections::{BTreeMap, BTreeSet};

/// Ports of a summary that cost most.
const MOST_EXPENSIVE: usize = 5;

/// What the ports of an explanation come to.
pub(crate) struct Summary {
    /// Ports that are explained.
    pub(crate) shown: usize,
    /// All ports.
    pub(crate) total: usize,
    /// How many ports became what: `unchanged`, `direct` (something of an instance of the input),
    /// `pack module` (an export of a pack module's instance), or the operator of their term. Terms
    /// that only say how something is used stand before it (`inline adapter`). The most frequent
    /// come first.
    pub(crate) kinds: Vec<(String, usize)>,
    /// Assumptions that the ports rest on, sorted.
    pub(crate) assuming: Vec<String>,
    /// The ports whose calls cost most, the dearest first.
    pub(crate) dearest: Vec<(Port, Cost)>,
}

/// The ports that a filter selects: each of its words occurs in the port's name, or in the name of
/// something (a term, an entity, an export of one, a text) in what the port was, in what it
/// became, or on the way. A filter with a parenthesis is one text, and occurs in these terms as they are printed.
pub(crate) fn select(trace: &Trace<'_>, filter: Option<&str>) -> Vec<(Port, ProofId)> {
    let words: Vec<(&str, Vec<bool>)> = match filter.map(str::trim) {
        Some(text) if is_of_terms(text) => vec![(text, printed_with(trace, text))],
        filter => {
            let words = filter.into_iter().flat_map(str::split_whitespace);
            words.map(|word| (word, terms_with(trace, word))).collect()
        }
    };
    let names = &trace.saturation.names;
    let tells = |port: Port, proof: ProofId| {
        words.iter().all(|(word, terms)| {
            let proof = trace.proofs.get(proof);
            let mut story = proof.steps.iter().map(|step| step.to).chain([proof.from]);
            names.port(port).contains(word) || story.any(|term| terms[term.0 as usize])
        })
    };
    let ports = trace.ports.iter().map(|(port, about)| (*port, about.proof));
    ports.filter(|(port, proof)| tells(*port, *proof)).collect()
}

/// What is said where a filter selects no port.
pub(crate) fn selects_none(filter: &str) -> String {
    match is_of_terms(filter) {
        true => format!("no port has a term in which `{filter}` stands as it is printed"),
        false => format!("no port has to do with all words of `{filter}`"),
    }
}

/// Whether a filter is a part of terms rather than words: names have no parentheses.
fn is_of_terms(filter: &str) -> bool {
    filter.contains(['(', ')'])
}

/// For every term whether a text occurs in it, or in something in it, as it is printed.
fn printed_with(trace: &Trace<'_>, text: &str) -> Vec<bool> {
    let bank = trace.saturation.graph.bank();
    let show = trace.saturation.show();
    let mut found: Vec<bool> = Vec::with_capacity(bank.len());
    for index in 0..bank.len() {
        let term = Term(index as u32);
        // Arguments stand before their users.
        let inside = bank.children(term).iter().any(|child| found[child.0 as usize]);
        found.push(inside || show.term(term).contains(text));
    }
    found
}

/// For every term whether a word occurs in it.
fn terms_with(trace: &Trace<'_>, word: &str) -> Vec<bool> {
    let bank = trace.saturation.graph.bank();
    let show = trace.saturation.show();
    let mut found: Vec<bool> = Vec::with_capacity(bank.len());
    for index in 0..bank.len() {
        let term = Term(index as u32);
        let (op, children) = (bank.op(term), bank.children(term));
        let name = match op {
            Op::Export(_) => format!("{}{}", show.op(bank.op(children[0])), show.op(op)),
            op => show.op(op),
        };
        // Arguments stand before their users.
        found.push(name.contains(word) || children.iter().any(|child| found[child.0 as usize]));
    }
    found
}

/// The proofs that some rest on, and these, in the order of their making.
pub(crate) fn proofs_of(trace: &Trace<'_>, ports: &[(Port, ProofId)]) -> BTreeSet<ProofId> {
    let mut found = BTreeSet::new();
    let mut todo: Vec<ProofId> = ports.iter().map(|(_, proof)| *proof).collect();
    while let Some(id) = todo.pop() {
        if found.insert(id) {
            for step in &trace.proofs.get(id).steps {
                if let Reason::Congruence(arguments) = &step.reason {
                    todo.extend(arguments.iter().flatten());
                }
            }
        }
    }
    found
}

/// Sums up ports.
pub(crate) fn summary(trace: &Trace<'_>, ports: &[(Port, ProofId)]) -> Summary {
    let saturation = &trace.saturation;
    let mut kinds: BTreeMap<String, usize> = BTreeMap::new();
    let mut dearest = Vec::new();
    for (port, id) in ports {
        let proof = trace.proofs.get(*id);
        let kind = match proof.steps.is_empty() {
            true => "unchanged".to_string(),
            false => kind(trace, proof.to),
        };
        *kinds.entry(kind).or_default() += 1;
        let cost = trace.cost(saturation.graph.class(proof.from));
        dearest.extend(cost.filter(|cost| cost.call > 0).map(|cost| (*port, cost)));
    }
    let mut kinds: Vec<(String, usize)> = kinds.into_iter().collect();
    kinds.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    dearest.sort_by_key(|(_, cost)| std::cmp::Reverse((cost.call, cost.size)));
    dearest.truncate(MOST_EXPENSIVE);
    let steps = proofs_of(trace, ports).into_iter().flat_map(|id| &trace.proofs.get(id).steps);
    let mut assuming = BTreeSet::new();
    for step in steps {
        if let Reason::Event { event, .. } = step.reason
            && let Cause::Rule(rule) = saturation.events[event as usize].cause
        {
            let rules = saturation.rules;
            let assumed = &rules.rules[rule.index()].assuming;
            assuming.extend(assumed.iter().map(|id| rules.assumes[id.index()].name.clone()));
        }
    }
    Summary {
        shown: ports.len(),
        total: trace.ports.len(),
        kinds,
        assuming: assuming.into_iter().collect(),
        dearest,
    }
}

/// What a term is, in a word or a few.
fn kind(trace: &Trace<'_>, mut term: Term) -> String {
    let saturation = &trace.saturation;
    let bank = saturation.graph.bank();
    let mut words = Vec::new();
    loop {
        match bank.op(term) {
            Op::Export(_) => {
                let of_input = matches!(bank.op(bank.children(term)[0]), Op::Entity(_));
                words.push(if of_input { "direct" } else { "pack module" }.to_string());
                return words.join(" ");
            }
            op => words.push(saturation.show().op(op)),
        }
        match bank.op(term) {
            Op::Term(id) if says_how(&saturation.rules.terms[id.index()]) => {
                term = bank.children(term)[0];
            }
            _ => return words.join(" "),
        }
    }
}

/// A term of one thing of its own sort is that thing, used in some way.
fn says_how(term: &TermDecl) -> bool {
    matches!(&term.params[..], [param] if param.sort == term.result)
}

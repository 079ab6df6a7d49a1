//! Says why ports could not be implemented.
//!
//! A port fails because somewhere below it there is a question that no rule answers. Many ports
//! may fail for one question, so the report goes by question: what it is, which ports need it,
//! and how near rules came to answering it.

use crate::display::place;
use crate::extract::{Extraction, cost_of};
use crate::guard::Ask;
use crate::plan::Port;
use crate::saturate::{Cause, Saturation, matches_of};
use crate::term::{Node, Op, Term};
use crate::why_not::Standing;
use egg::Id;
use indexmap::IndexMap;
use meld_pack::ruleset::{RuleId, TermId};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt::Write;

/// Questions that a report shows.
const MOST_QUESTIONS: usize = 20;
/// Ports that a report names for one question.
const MOST_PORTS: usize = 3;
/// Rules that a report names for one question.
const MOST_RULES: usize = 8;

/// What meld does not support, by the terms that speak of it.
const UNSUPPORTED: [(&str, &[&str]); 4] = [
    ("resources", &["own", "borrow", "resource-new", "resource-rep", "resource-drop"]),
    ("streams and futures", &["stream", "future"]),
    ("error contexts", &["error-context"]),
    ("async functions", &["async-lift", "async-lower", "async-builtin"]),
];

/// Ports without an implementable term.
pub(crate) struct Failure<'a, 'r> {
    pub(crate) saturation: &'a Saturation<'r>,
    pub(crate) extraction: &'a Extraction<'a>,
    pub(crate) standing: &'a dyn Fn(RuleId) -> Standing,
}

impl Failure<'_, '_> {
    /// The report on ports that failed, with their seeds.
    pub(crate) fn report(&self, ports: &BTreeMap<Port, Term>) -> String {
        let mut questions: IndexMap<Id, Vec<Port>> = IndexMap::new();
        for (port, seed) in ports {
            for question in self.questions(self.saturation.graph.class(*seed)) {
                questions.entry(question).or_default().push(*port);
            }
        }
        let asked = self.questions_answered_by_rules();
        let mut out = match ports.len() {
            1 => "a port cannot be implemented".to_string(),
            n => format!("{n} ports cannot be implemented"),
        };
        for (question, ports) in questions.iter().take(MOST_QUESTIONS) {
            self.question(*question, ports, &asked, &mut out);
        }
        if questions.len() > MOST_QUESTIONS {
            let more = questions.len() - MOST_QUESTIONS;
            let _ = write!(out, "\n\nand {more} more questions without an answer");
        }
        if !self.has_standard_packs() {
            out.push_str("\n\nthe standard packs are left out (--no-default-rules)");
        }
        out
    }

    /// Whether rules of meld itself take part, so that what they leave open is for certain
    /// something that meld does not support.
    fn has_standard_packs(&self) -> bool {
        let packs = &self.saturation.rules.packs;
        packs.iter().any(|pack| pack.name.starts_with("meld.") && pack.name != "meld.vocabulary")
    }

    /// Says in plain words what a question is about, if that is something meld does not support.
    fn unsupported(&self, question: Term) -> Option<String> {
        let (bank, show) = (self.saturation.graph.bank(), self.saturation.show());
        let mut host = String::new();
        let mut seen = HashSet::from([question]);
        let mut todo = vec![question];
        while let Some(term) = todo.pop() {
            let children = bank.children(term);
            todo.extend(children.iter().rev().filter(|child| seen.insert(**child)));
            let Op::Term(_) = bank.op(term) else { continue };
            let op = show.op(bank.op(term));
            if let ("host", [interface, name, function]) = (op.as_str(), children) {
                host = format!("{} {} ", show.term(*interface), show.term(*name));
                todo.extend(self.signature(*function));
            }
            let what = UNSUPPORTED.iter().find(|(_, terms)| terms.contains(&op.as_str()));
            let Some((what, _)) = what else { continue };
            let passed = match (op.as_str(), children) {
                ("own" | "borrow", [resource]) => {
                    let resource = show.term(*resource);
                    format!("{host}passes `{op}<{}>`: ", resource.trim_start_matches('#'))
                }
                ("stream" | "future" | "error-context", _) => format!("{host}passes `{op}`: "),
                _ => String::new(),
            };
            return Some(format!("{passed}{what} are not supported yet"));
        }
        None
    }

    /// The type of a function of the host, as the program says.
    fn signature(&self, function: Term) -> Option<Term> {
        let Saturation { graph, rules, .. } = self.saturation;
        let attribute = rules.terms.iter().position(|term| &*term.name == "signature")?;
        let op = Op::Term(TermId(attribute as u32));
        let class = graph.lookup(Node { op, children: [graph.class(function)].into() })?;
        let terms = self.saturation.terms_of(class);
        terms.into_iter().find(|term| graph.bank().children(*term).len() == 2)
    }

    /// Classes below this one that have no implementable operator, in order.
    fn questions(&self, class: Id) -> Vec<Id> {
        let graph = &self.saturation.graph;
        let mut seen = HashSet::from([class]);
        let mut todo = vec![class];
        let mut found = Vec::new();
        while let Some(class) = todo.pop() {
            let mut answered = false;
            let mut below = Vec::new();
            for node in graph.nodes(class) {
                if cost_of(self.saturation.rules, &node.op).is_some() {
                    answered = true;
                    below.extend(node.children.iter().map(|child| graph.find(*child)));
                }
            }
            if !answered {
                found.push(class);
            }
            for class in below.into_iter().rev() {
                if self.extraction.choice(class).is_none() && seen.insert(class) {
                    todo.push(class);
                }
            }
        }
        // Answers that only refer to each other leave the port itself as the question.
        if found.is_empty() { vec![class] } else { found }
    }

    /// Operators of each class that some rule rewrote: the questions that were passed on.
    fn questions_answered_by_rules(&self) -> HashMap<Id, HashSet<&Op>> {
        let graph = &self.saturation.graph;
        let mut answered: HashMap<Id, HashSet<&Op>> = HashMap::new();
        for event in &self.saturation.events {
            if let Cause::Rule(_) = event.cause {
                let op = graph.bank().op(event.left);
                answered.entry(graph.class(event.left)).or_default().insert(op);
            }
        }
        answered
    }

    fn question(
        &self,
        class: Id,
        ports: &[Port],
        answered: &HashMap<Id, HashSet<&Op>>,
        out: &mut String,
    ) {
        let terms = self.saturation.terms_of(class);
        let passed_on =
            |op: &Op| answered.get(&class).is_some_and(|answered| answered.contains(op));
        let bank = self.saturation.graph.bank();
        let term = terms.iter().find(|term| !passed_on(bank.op(**term))).or(terms.first()).copied();
        let text = term.map_or(String::new(), |term| self.saturation.show().term(term));
        let standard = self.has_standard_packs();
        out.push_str("\n\n");
        match term.filter(|_| standard).and_then(|term| self.unsupported(term)) {
            Some(why) => {
                let _ = write!(out, "{why}\n  no rule implements `{text}`");
            }
            None => {
                let _ = write!(out, "no rule implements `{text}`");
            }
        }
        for port in ports.iter().take(MOST_PORTS) {
            let _ = write!(out, "\n  needed by {}", self.saturation.names.port(*port));
        }
        if ports.len() > MOST_PORTS {
            let _ = write!(out, "\n  and by {} more", ports.len() - MOST_PORTS);
        }
        let near = self.near(class);
        if near.is_empty() {
            out.push_str("\n  no rule's pattern matches it");
        }
        for line in near.iter().take(MOST_RULES) {
            let _ = write!(out, "\n  {line}");
        }
        if near.len() > MOST_RULES {
            let _ =
                write!(out, "\n  and {} more rules match but for a guard", near.len() - MOST_RULES);
        }
    }

    /// Rules whose pattern matches the class, and what kept them from firing; those first that
    /// came nearest.
    fn near(&self, class: Id) -> Vec<String> {
        let saturation = self.saturation;
        let mut lines: IndexMap<String, usize> = IndexMap::new();
        for (index, rule) in saturation.rules.rules.iter().enumerate() {
            let id = RuleId(index as u32);
            let matcher = &saturation.compiled[index].matcher;
            let matches = matches_of(&saturation.graph, &[class], &matcher.pattern, matcher.slots);
            let title = format!(
                "rule {} ({})",
                saturation.rules.rule_name(id),
                place(saturation.rules, rule.span)
            );
            for (_, mut slots) in matches {
                if let Standing::Off(why) = (self.standing)(id) {
                    lines.insert(format!("{title} matches, but {why}"), usize::MAX);
                    break;
                }
                let mut refusals = Vec::new();
                saturation.facts.check(
                    Ask { view: &saturation.graph, rules: saturation.rules, matcher },
                    &mut slots,
                    &mut |_| {},
                    &mut |refusal| refusals.push(refusal),
                );
                for refusal in &refusals {
                    let why =
                        saturation.refusal(&rule.vars, &rule.guards, &matcher.guards, refusal);
                    lines.insert(format!("{title} matches, but {why}"), refusal.guard);
                }
            }
        }
        lines.sort_by(|_, a, _, b| b.cmp(a));
        lines.into_keys().collect()
    }
}

//! Says why ports could not be implemented.
//!
//! A port fails because somewhere below it there is a question that no rule answers. Many ports
//! may fail for one question, so the report goes by question: what it is, which ports need it,
//! and how near rules came to answering it.

use crate::compile::Matcher;
use crate::display::place;
use crate::extract::{Extraction, cost_of};
use crate::guard::Ask;
use crate::plan::Port;
use crate::saturate::{Cause, Saturation, matches_of};
use crate::term::{Op, Term};
use crate::why_not::Standing;
use egg::Id;
use indexmap::IndexMap;
use meld_pack::near;
use meld_pack::ruleset::{Forbid, Pattern, Rule, RuleId, SortRef, TermDecl};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt::Write;

/// Questions that a report shows.
const MOST_QUESTIONS: usize = 20;
/// Ports that a report names for one question.
const MOST_PORTS: usize = 3;
/// Rules that a report names for one question.
const MOST_RULES: usize = 8;

/// Ports without an implementable term.
pub(crate) struct Failure<'a, 'r> {
    pub(crate) saturation: &'a Saturation<'r>,
    pub(crate) extraction: &'a Extraction<'a>,
    pub(crate) standing: &'a dyn Fn(RuleId) -> Standing,
}

impl Failure<'_, '_> {
    /// The report on ports that failed, with their seeds.
    pub(crate) fn report(&self, seeds: &BTreeMap<Port, Term>) -> String {
        let mut questions: IndexMap<Id, Vec<Port>> = IndexMap::new();
        for (port, seed) in seeds {
            for question in self.questions(self.saturation.graph.class(*seed)) {
                questions.entry(question).or_default().push(*port);
            }
        }
        self.unlike_first(&mut questions);
        let asked = self.questions_answered_by_rules();
        let mut out = match seeds.len() {
            1 => "a port cannot be implemented".to_string(),
            n => format!("{n} ports cannot be implemented"),
        };
        for (question, ports) in questions.iter().take(MOST_QUESTIONS) {
            let seed = ports.first().and_then(|port| seeds.get(port)).copied();
            self.question(*question, ports, seed, &asked, &mut out);
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

    /// Where there are more than a report shows, lets those come first that are like no other one: each reason
    /// is told at least once.
    fn unlike_first(&self, questions: &mut IndexMap<Id, Vec<Port>>) {
        if questions.len() <= MOST_QUESTIONS {
            return;
        }
        let bank = self.saturation.graph.bank();
        let mut met: HashMap<(&Op, Option<&Op>), usize> = HashMap::new();
        let mut rank = |class: Id| {
            let term = *self.saturation.terms_of(class).first()?;
            let mut children = bank.children(term).iter().map(|child| bank.op(*child));
            let name = children.find(|op| matches!(op, Op::Str(_)));
            let count = met.entry((bank.op(term), name)).or_default();
            *count += 1;
            Some(*count)
        };
        let ranks: HashMap<Id, Option<usize>> =
            questions.keys().map(|class| (*class, rank(*class))).collect();
        questions.sort_by(|a, _, b, _| ranks[a].cmp(&ranks[b]));
    }

    /// Whether rules of meld itself take part, so that what they leave open is for certain
    /// something that meld does not support.
    fn has_standard_packs(&self) -> bool {
        let packs = &self.saturation.rules.packs;
        packs.iter().any(|pack| pack.name.starts_with("meld.") && pack.name != "meld.vocabulary")
    }

    /// Why packs leave a question open, if one says so of something in it or in the port that needs it, from
    /// the outside in: of the seed of that port.
    fn refusal(&self, question: Term, seed: Term) -> Option<String> {
        let (saturation, show) = (self.saturation, self.saturation.show());
        let (rules, graph) = (saturation.rules, &saturation.graph);
        let bank = graph.bank();
        // Who speaks later may say more than a reason for all that is left.
        let refusals = rules.refusals.iter().enumerate().rev();
        let refusals: Vec<(usize, &Forbid, Matcher)> =
            refusals.map(|(index, of)| (index, of, Matcher::of_forbid(of))).collect();
        let terms = [self.below(question), self.below(seed)].concat();
        let (term, index, refusal) = terms.iter().find_map(|term| {
            let class = graph.class(*term);
            let is_about = |matcher: &Matcher| {
                !matches_of(graph, &[class], &matcher.pattern, matcher.slots).is_empty()
            };
            let (index, of, _) = refusals.iter().find(|(.., matcher)| is_about(matcher))?;
            Some((*term, *index, *of))
        })?;
        let op = |term: Term| match bank.op(term) {
            Op::Term(id) => Some(&rules.terms[id.index()]),
            _ => None,
        };
        let host = terms.iter().find_map(|term| match (op(*term), bank.children(*term)) {
            (Some(decl), [interface, function, _]) if decl.name == "host" => {
                Some(format!("{} {} ", show.term(*interface), show.term(*function)))
            }
            _ => None,
        });
        let is_type = |decl: &TermDecl| match decl.result {
            SortRef::One(sort) => rules.sorts[sort.index()].name == "Type",
            SortRef::List(_) => false,
        };
        let passed = match op(term) {
            Some(decl) if is_type(decl) => {
                format!("{}passes `{}`: ", host.unwrap_or_default(), decl.name)
            }
            _ => String::new(),
        };
        Some(format!(
            "{passed}{}\n  refused by {} ({})",
            refusal.because,
            rules.refusal_name(index),
            place(rules, refusal.span)
        ))
    }

    /// A term and all below it, from the outside in.
    fn below(&self, term: Term) -> Vec<Term> {
        let bank = self.saturation.graph.bank();
        let (mut found, mut todo) = (Vec::new(), vec![term]);
        let mut seen = HashSet::from([term]);
        while let Some(term) = todo.pop() {
            found.push(term);
            todo.extend(bank.children(term).iter().rev().filter(|child| seen.insert(**child)));
        }
        found
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
        seed: Option<Term>,
        answered: &HashMap<Id, HashSet<&Op>>,
        out: &mut String,
    ) {
        let terms = self.saturation.terms_of(class);
        let passed_on =
            |op: &Op| answered.get(&class).is_some_and(|answered| answered.contains(op));
        let bank = self.saturation.graph.bank();
        let term = terms.iter().find(|term| !passed_on(bank.op(**term))).or(terms.first()).copied();
        let text = term.map_or(String::new(), |term| self.saturation.show().term(term));
        out.push_str("\n\n");
        let refusal = term.zip(seed).and_then(|(term, seed)| self.refusal(term, seed));
        match &refusal {
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
        if refusal.is_none()
            && let Some(names) = term.and_then(|term| self.names(class, term))
        {
            let _ = write!(out, "\n  {names}");
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

    /// For a question that is like those which a pack answers but for a name in it: the names there are. Not
    /// where a rule of that pack matches: then its guards say more.
    fn names(&self, class: Id, question: Term) -> Option<String> {
        let saturation = self.saturation;
        let (rules, bank) = (saturation.rules, saturation.graph.bank());
        let children = bank.children(question);
        let matches = |index: usize| {
            let matcher = &saturation.compiled[index].matcher;
            !matches_of(&saturation.graph, &[class], &matcher.pattern, matcher.slots).is_empty()
        };
        // The last text is what tells the functions of one module apart.
        let (position, Op::Str(name)) = children
            .iter()
            .map(|child| bank.op(*child))
            .enumerate()
            .rfind(|(_, op)| matches!(op, Op::Str(_)))?
        else {
            return None;
        };
        let asks = |rule: &Rule| matches!(&rule.pattern, Pattern::Term(id, _) if Op::Term(*id) == *bank.op(question));
        let mut packs: IndexMap<_, Vec<&str>> = IndexMap::new();
        for rule in rules.rules.iter().filter(|rule| asks(rule)) {
            let Pattern::Term(_, arguments) = &rule.pattern else { continue };
            let fits = |(at, argument): (usize, &Pattern)| match argument {
                Pattern::Str(text) => {
                    at == position || *bank.op(children[at]) == Op::Str(text.as_str().into())
                }
                Pattern::Var(_) | Pattern::Wildcard => at != position,
                _ => false,
            };
            if arguments.iter().enumerate().all(fits)
                && let Pattern::Str(text) = &arguments[position]
            {
                packs.entry(rule.pack).or_default().push(text);
            }
        }
        for (index, rule) in rules.rules.iter().enumerate() {
            if asks(rule) && matches(index) {
                packs.shift_remove(&rule.pack);
            }
        }
        let (pack, mut names) = packs.into_iter().next()?;
        names.sort_unstable();
        names.dedup();
        let hint = near(name, names.iter().copied())
            .map_or(String::new(), |near| format!("; did you mean {near:?}?"));
        let names: Vec<String> = names.iter().map(|name| format!("{name:?}")).collect();
        let pack = &rules.packs[pack.index()].name;
        Some(format!("the pack {pack} answers no {name:?} there, but {}{hint}", names.join(", ")))
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

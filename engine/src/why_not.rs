//! Says why a rule did not fire.

use crate::compile::Pat;
use crate::display::place;
use crate::guard::Ask;
use crate::saturate::{Cause, matches_of};
use crate::story;
use crate::term::Term;
use crate::trace::Trace;
use egg::Id;
use meld_pack::pattern_text;
use meld_pack::ruleset::RuleId;
use std::collections::{BTreeSet, HashSet};
use std::fmt::Write;

/// Places that a report shows.
const MOST_PLACES: usize = 50;

/// Whether a rule runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// It runs.
    On,
    /// It does not, and why.
    Off(String),
}

impl Standing {
    pub(crate) fn is_on(&self) -> bool {
        *self == Standing::On
    }
}

/// The report on one rule.
pub(crate) fn text(trace: &Trace<'_>, id: RuleId, filter: Option<&str>) -> String {
    let saturation = &trace.saturation;
    let rules = saturation.rules;
    let rule = &rules.rules[id.index()];
    let matcher = &saturation.compiled[id.index()].matcher;
    let mut out = format!("{} ({})\n", rules.rule_name(id), place(rules, rule.span));
    let _ = writeln!(out, "  matches {}", pattern_text(rules, &rule.vars, &rule.pattern));
    let standing = &trace.standings[id.index()];
    if let Standing::Off(why) = standing {
        let _ = writeln!(out, "  does not run: {why}");
    }

    let Some(classes) = in_sight(trace, filter) else {
        let _ = writeln!(out, "  {}", story::selects_none(filter.unwrap_or_default()));
        return out;
    };
    let matches = matches_of(&saturation.graph, &classes, &matcher.pattern, matcher.slots);
    if matches.is_empty() {
        let _ = writeln!(out, "  {}", nearest(trace, &classes, &matcher.pattern));
        return out;
    }
    let mut fired = 0;
    let mut lines: BTreeSet<(Term, Vec<String>)> = BTreeSet::new();
    for (class, mut slots) in matches {
        let mut holds = false;
        let mut refusals = Vec::new();
        let at = place_of(trace, class, &matcher.pattern);
        saturation.facts.check(
            Ask { view: &saturation.graph, rules, matcher },
            &mut slots,
            &mut |_| holds = true,
            &mut |refusal| refusals.push(refusal),
        );
        match (holds, standing) {
            (true, Standing::On) => fired += 1,
            (true, Standing::Off(_)) => {
                lines.insert((at, vec!["every guard holds".to_string()]));
            }
            (false, _) => {
                let why: BTreeSet<String> = refusals
                    .iter()
                    .map(|refusal| {
                        saturation.refusal(&rule.vars, &rule.guards, &matcher.guards, refusal)
                    })
                    .collect();
                lines.insert((at, why.into_iter().collect()));
            }
        }
    }
    if fired > 0 {
        let places = if fired == 1 { "place" } else { "places" };
        let _ = writeln!(out, "  fired in {fired} {places}");
        let _ = writeln!(out, "  {}", taken(trace, id, &classes));
    }
    let show = saturation.show();
    for (at, why) in lines.iter().take(MOST_PLACES) {
        let _ = writeln!(out, "  at {}", show.term(*at));
        for why in why {
            let _ = writeln!(out, "    {why}");
        }
    }
    if lines.len() > MOST_PLACES {
        let more = lines.len() - MOST_PLACES;
        let _ =
            writeln!(out, "  and at {more} more {}", if more == 1 { "place" } else { "places" });
    }
    out
}

/// The classes that the selected ports can see through any of their answers, in order; none if a
/// filter selects no port.
fn in_sight(trace: &Trace<'_>, filter: Option<&str>) -> Option<Vec<Id>> {
    let graph = &trace.saturation.graph;
    if filter.is_none() {
        return Some(graph.classes());
    }
    let ports = story::select(trace, filter);
    if ports.is_empty() {
        return None;
    }
    let mut seen: HashSet<Id> = HashSet::new();
    let mut todo: Vec<Id> =
        ports.iter().map(|(_, proof)| graph.class(trace.proofs.get(*proof).from)).collect();
    while let Some(class) = todo.pop() {
        if seen.insert(class) {
            for node in graph.nodes(class) {
                todo.extend(node.children.iter().map(|child| graph.find(*child)));
            }
        }
    }
    let mut classes: Vec<Id> = seen.into_iter().collect();
    classes.sort_unstable();
    Some(classes)
}

/// A term of the class that the pattern is about.
fn place_of(trace: &Trace<'_>, class: Id, pattern: &Pat) -> Term {
    let saturation = &trace.saturation;
    let terms = saturation.terms_of(class);
    let bank = saturation.graph.bank();
    terms
        .iter()
        .copied()
        .find(|term| Some(bank.op(*term)) == pattern.op())
        .unwrap_or_else(|| saturation.representative(class))
}

/// How often the plan rests on the rule, once it fired.
fn taken(trace: &Trace<'_>, id: RuleId, classes: &[Id]) -> String {
    let saturation = &trace.saturation;
    let classes: HashSet<Id> = classes.iter().copied().collect();
    let fired: HashSet<Term> = saturation
        .events
        .iter()
        .filter(|event| event.cause == Cause::Rule(id))
        .filter(|event| classes.contains(&saturation.graph.class(event.left)))
        .map(|event| event.right)
        .collect();
    let used = trace
        .proofs
        .all
        .iter()
        .flat_map(|proof| &proof.steps)
        .filter(|step| fired.contains(&step.to) || fired.contains(&step.from))
        .count();
    match used {
        0 => {
            "the plan does not use what it says: something cheaper is equal (see --explain)".into()
        }
        _ => "the plan uses what it says".to_string(),
    }
}

/// Why a pattern matches nowhere: the operator that is missing, or the argument that differs.
fn nearest(trace: &Trace<'_>, classes: &[Id], pattern: &Pat) -> String {
    let saturation = &trace.saturation;
    let show = saturation.show();
    let Pat::Node(op, args) = pattern else { return "its pattern matches nowhere".into() };
    let graph = &saturation.graph;
    let mut candidates = 0;
    let mut best: Option<(usize, Id, usize)> = None;
    for class in classes {
        for node in graph.nodes(*class).iter().filter(|node| node.op == *op) {
            candidates += 1;
            // The arguments that match, each on its own, from the left.
            let good = args
                .iter()
                .zip(&node.children)
                .take_while(|(arg, child)| match arg {
                    Pat::Slot(_) => true,
                    Pat::Glob(..) => matches_text(trace, arg, **child),
                    Pat::Node(op, _) => graph.nodes(**child).iter().any(|node| node.op == *op),
                })
                .count();
            if best.is_none_or(|(most, ..)| good > most)
                && let Some(child) = node.children.get(good)
            {
                best = Some((good, *child, candidates));
            }
        }
    }
    let name = show.op(op);
    let missed = match candidates {
        1 => format!("its pattern does not match the only term `{name}`"),
        n => format!("its pattern matches none of {n} terms `{name}`"),
    };
    match best {
        None if candidates == 0 => format!("its pattern matches nowhere: no `{name}` occurs"),
        None => missed,
        Some((argument, child, _)) => {
            let wants = args[argument]
                .op()
                .map_or("another text".into(), |op| format!("`{}`", show.op(op)));
            format!(
                "{missed}: argument {} has to be {wants}, and is for example `{}`",
                argument + 1,
                show.term(saturation.representative(child))
            )
        }
    }
}

fn matches_text(trace: &Trace<'_>, pattern: &Pat, class: Id) -> bool {
    let slots = match pattern {
        Pat::Glob(slot, _) => slot + 1,
        _ => return false,
    };
    let mut found = false;
    let mut bound = vec![None; slots];
    crate::compile::match_all(
        &trace.saturation.graph,
        std::slice::from_ref(pattern),
        &[class],
        &mut bound,
        &mut |_| found = true,
    );
    found
}

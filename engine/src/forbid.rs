//! Policy: what a plan must not contain.

use crate::compile::Matcher;
use crate::display::place;
use crate::error::EngineError;
use crate::extract::{Choices, Chosen};
use crate::guard::Ask;
use crate::plan::Port;
use crate::saturate::{Saturation, matches_of};
use crate::term::Term;
use crate::why_not::Standing;
use egg::Id;
use meld_pack::pattern_text;
use std::collections::{BTreeMap, HashSet};
use std::fmt::Write;

/// Finds that are told of one forbid.
const MOST: usize = 10;

/// What a forbid has to say about a plan.
#[derive(Debug)]
pub(crate) struct Verdict {
    /// Index into `RuleSet::forbids`.
    forbid: usize,
    /// Whether it is in force.
    standing: Standing,
    /// Terms of the plan that it matches.
    found: Vec<Find>,
}

/// A term of the plan that a forbid matches, as text.
#[derive(Debug)]
struct Find {
    term: String,
    /// A port that needs it.
    port: String,
    /// The guards of the forbid, with what they hold of.
    given: Vec<String>,
}

/// What all forbids say about a plan, those that are turned off included.
///
/// # Errors
///
/// If one that is in force matches.
pub(crate) fn check(
    saturation: &Saturation<'_>,
    standings: &[Standing],
    choices: &Choices,
    order: &[Id],
    ports: &BTreeMap<Port, Term>,
) -> Result<Vec<Verdict>, EngineError> {
    let rules = saturation.rules;
    let view = Chosen { graph: &saturation.graph, choices };
    let mut verdicts = Vec::new();
    for (index, forbid) in rules.forbids.iter().enumerate() {
        let mut found = Vec::new();
        let matcher = Matcher::of_forbid(forbid);
        for (class, mut slots) in matches_of(&view, order, &matcher.pattern, matcher.slots) {
            let mut held = None;
            saturation.facts.check(
                Ask { view: &view, rules, matcher: &matcher },
                &mut slots,
                &mut |slots| held = held.take().or_else(|| Some(slots.clone())),
                &mut |_| {},
            );
            if let Some(slots) = held.filter(|_| found.len() < MOST) {
                let port = ports
                    .iter()
                    .find(|(_, seed)| contains(&view, saturation.graph.class(**seed), class))
                    .map_or("?", |(port, _)| saturation.names.port(*port));
                let term = saturation.chosen_like(choices, class);
                let guards = matcher.guards.iter();
                found.push(Find {
                    term: saturation.show().term(term),
                    port: port.to_string(),
                    given: guards.map(|guard| saturation.guard_values(guard, &slots)).collect(),
                });
            }
        }
        verdicts.push(Verdict { forbid: index, standing: standings[index].clone(), found });
    }
    let refused: Vec<String> = verdicts
        .iter()
        .filter(|verdict| verdict.standing.is_on())
        .flat_map(|verdict| verdict.refusals(saturation))
        .take(MOST)
        .collect();
    if refused.is_empty() { Ok(verdicts) } else { Err(EngineError::Forbidden(refused)) }
}

/// Whether the chosen term of a class has another class's in it.
fn contains(view: &Chosen<'_>, class: Id, wanted: Id) -> bool {
    let mut seen = HashSet::new();
    let mut todo = vec![class];
    while let Some(class) = todo.pop() {
        let class = view.graph.find(class);
        if class == wanted {
            return true;
        }
        if seen.insert(class) {
            let choice = view.choices.get(view.graph, class);
            todo.extend(choice.into_iter().flat_map(|choice| choice.node.children.iter().copied()));
        }
    }
    false
}

impl Verdict {
    fn refusals<'a>(&'a self, saturation: &'a Saturation<'_>) -> impl Iterator<Item = String> + 'a {
        let rules = saturation.rules;
        let forbid = &rules.forbids[self.forbid];
        self.found.iter().map(move |Find { term, port, given }| {
            let given = match given.is_empty() {
                true => String::new(),
                false => format!("\n  given {}", given.join(", ")),
            };
            format!(
                "the plan contains `{term}`\n  needed by {port}\n  forbidden by {} ({}): {}{given}",
                rules.forbid_name(self.forbid),
                place(rules, forbid.span),
                forbid.because
            )
        })
    }

    /// Whether the user turned the forbid off.
    pub(crate) fn is_waived(&self) -> bool {
        !self.standing.is_on()
    }

    /// The verdict for people.
    pub(crate) fn text(&self, saturation: &Saturation<'_>) -> String {
        let rules = saturation.rules;
        let forbid = &rules.forbids[self.forbid];
        let mut out = format!(
            "forbid {} ({})\n  refuses {}\n  because {}\n",
            rules.forbid_name(self.forbid),
            place(rules, forbid.span),
            pattern_text(rules, &forbid.vars, &forbid.pattern),
            forbid.because
        );
        if let Standing::Off(why) = &self.standing {
            let _ = writeln!(out, "  does not run: {why}");
        }
        for Find { term, port, given } in &self.found {
            let _ = writeln!(out, "  would refuse {term}, needed by {port}");
            if !given.is_empty() {
                let _ = writeln!(out, "    given {}", given.join(", "));
            }
        }
        if self.found.is_empty() {
            out.push_str("  nothing in the plan is such\n");
        }
        out
    }

    /// The verdict for machines.
    pub(crate) fn json(&self, saturation: &Saturation<'_>) -> serde_json::Value {
        let rules = saturation.rules;
        let forbid = &rules.forbids[self.forbid];
        let found: Vec<_> = self
            .found
            .iter()
            .map(|Find { term, port, given }| {
                serde_json::json!({ "term": term, "port": port, "given": given })
            })
            .collect();
        serde_json::json!({
            "forbid": rules.forbid_name(self.forbid),
            "file": rules.packs[forbid.pack.index()].path.display().to_string(),
            "line": forbid.span.line,
            "because": forbid.because,
            "found": found,
        })
    }
}

//! Patterns and rules as text, in the syntax of packs.

use crate::ruleset::{Comparison, Forbid, Given, Guard, Pattern, Rule, RuleSet, SortRef};

/// A pattern as a pack would write it. `vars` are those of its rule. Constants stand as their
/// value.
pub fn pattern_text(set: &RuleSet, vars: &[(String, SortRef)], pattern: &Pattern) -> String {
    let mut out = String::new();
    write_pattern(set, vars, pattern, &mut out);
    out
}

fn write_pattern(set: &RuleSet, vars: &[(String, SortRef)], pattern: &Pattern, out: &mut String) {
    match pattern {
        Pattern::Var(var) => {
            out.push('?');
            out.push_str(&vars[var.index()].0);
        }
        Pattern::Wildcard => out.push('_'),
        Pattern::Term(term, args) => {
            out.push_str(&set.terms[term.index()].name);
            write_args(set, vars, args, out);
        }
        Pattern::List(elements, rest) => {
            out.push('[');
            write_sequence(set, vars, elements, out);
            if let Some(rest) = rest {
                if !elements.is_empty() {
                    out.push_str(", ");
                }
                out.push_str("..?");
                out.push_str(&vars[rest.index()].0);
            }
            out.push(']');
        }
        Pattern::Export(base, name) => {
            write_pattern(set, vars, base, out);
            out.push('.');
            let plain = name.starts_with(|c: char| c.is_ascii_alphabetic())
                && !name.ends_with('-')
                && !name.contains("--")
                && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
            match plain {
                true => out.push_str(name),
                false => write_text(name, out),
            }
        }
        Pattern::Int(value) => out.push_str(&value.to_string()),
        Pattern::Str(text) | Pattern::Glob(text) => write_text(text, out),
        Pattern::Leaf(_, name) => {
            out.push('#');
            out.push_str(name);
        }
    }
}

fn write_args(set: &RuleSet, vars: &[(String, SortRef)], args: &[Pattern], out: &mut String) {
    out.push('(');
    write_sequence(set, vars, args, out);
    out.push(')');
}

fn write_sequence(set: &RuleSet, vars: &[(String, SortRef)], items: &[Pattern], out: &mut String) {
    for (position, item) in items.iter().enumerate() {
        if position > 0 {
            out.push_str(", ");
        }
        write_pattern(set, vars, item, out);
    }
}

fn write_text(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            c if c.is_control() => out.push_str(&format!("\\u{{{:x}}}", c as u32)),
            c => out.push(c),
        }
    }
    out.push('"');
}

/// What a pack states, as it would write it after `given`.
pub fn given_text(set: &RuleSet, given: &Given) -> String {
    let mut out = set.facts[given.fact.index()].name.clone();
    write_args(set, &[], &given.args, &mut out);
    out
}

/// A guard as a pack would write it.
pub fn guard_text(set: &RuleSet, vars: &[(String, SortRef)], guard: &Guard) -> String {
    let mut out = String::new();
    match guard {
        Guard::Fact { fact, args, negated, .. } => {
            if *negated {
                out.push('!');
            }
            out.push_str(&set.facts[fact.index()].name);
            write_args(set, vars, args, &mut out);
        }
        Guard::Compare { left, op, right, .. } => {
            write_pattern(set, vars, left, &mut out);
            out.push_str(match op {
                Comparison::Equal => " == ",
                Comparison::NotEqual => " != ",
                Comparison::Less => " < ",
                Comparison::LessOrEqual => " <= ",
                Comparison::Greater => " > ",
                Comparison::GreaterOrEqual => " >= ",
            });
            write_pattern(set, vars, right, &mut out);
        }
    }
    out
}

/// A rule or option as a pack would write it, without its tests.
pub fn rule_text(set: &RuleSet, rule: &Rule) -> String {
    let (keyword, matches, makes) = match rule.is_option {
        true => ("option", "for", "offer"),
        false => ("rule", "match", "rewrite"),
    };
    let assuming: Vec<_> =
        rule.assuming.iter().map(|a| set.assumes[a.index()].name.as_str()).collect();
    clauses(
        keyword,
        &rule.name,
        &[
            (matches, pattern_text(set, &rule.vars, &rule.pattern)),
            ("where", guards_text(set, &rule.vars, &rule.guards)),
            ("assuming", assuming.join(", ")),
            (makes, pattern_text(set, &rule.vars, &rule.replacement)),
            ("because", quoted(&rule.because)),
        ],
    )
}

/// A forbid as a pack would write it, without its tests.
pub fn forbid_text(set: &RuleSet, forbid: &Forbid) -> String {
    looking_text(set, "forbid", forbid)
}

/// A `refuse` as a pack would write it, without its tests.
pub fn refusal_text(set: &RuleSet, refusal: &Forbid) -> String {
    looking_text(set, "refuse", refusal)
}

fn looking_text(set: &RuleSet, keyword: &str, forbid: &Forbid) -> String {
    clauses(
        keyword,
        &forbid.name,
        &[
            ("match", pattern_text(set, &forbid.vars, &forbid.pattern)),
            ("where", guards_text(set, &forbid.vars, &forbid.guards)),
            ("because", quoted(&forbid.because)),
        ],
    )
}

fn guards_text(set: &RuleSet, vars: &[(String, SortRef)], guards: &[Guard]) -> String {
    guards.iter().map(|guard| guard_text(set, vars, guard)).collect::<Vec<_>>().join(", ")
}

fn quoted(text: &str) -> String {
    let mut out = String::new();
    write_text(text, &mut out);
    out
}

/// A declaration with those of the clauses that are not empty.
fn clauses(keyword: &str, name: &str, clauses: &[(&str, String)]) -> String {
    let mut out = format!("{keyword} {name} {{\n");
    for (word, text) in clauses.iter().filter(|(_, text)| !text.is_empty()) {
        out.push_str(&format!("  {word:<8} {text}\n"));
    }
    out.push('}');
    out
}

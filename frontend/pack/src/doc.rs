//! The rule reference: every declaration of every pack, as markdown.

use crate::display::{forbid_text, given_text, refusal_text, rule_text};
use crate::ruleset::{PackId, Param, RuleSet, SortKind, SortRef, Span};

/// Writes the reference of the packs that are wanted, in their order.
pub fn reference(set: &RuleSet, wanted: impl Fn(PackId) -> bool) -> String {
    let mut out =
        String::from("# Rule reference\n\nGenerated from the rule packs; do not edit.\n\n");
    for (position, pack) in set.packs.iter().enumerate() {
        let id = PackId(position as u32);
        if !wanted(id) {
            continue;
        }
        out.push_str(&format!("## {}\n\n", pack.name));
        paragraph(&mut out, &pack.doc);
        if !pack.uses.is_empty() {
            let uses: Vec<_> = pack
                .uses
                .iter()
                .map(|used| format!("`{}`", set.packs[used.index()].name))
                .collect();
            paragraph(&mut out, &format!("Uses {}.", uses.join(", ")));
        }
        declarations(set, id, &mut out);
        rules(set, id, &mut out);
    }
    while out.ends_with("\n\n") {
        out.pop();
    }
    out
}

fn declarations(set: &RuleSet, pack: PackId, out: &mut String) {
    let here = |span: &Span| span.pack == pack;
    let mut table = Table::new("Sorts", "sort");
    for sort in set.sorts.iter().filter(|sort| sort.span.as_ref().is_some_and(here)) {
        let kind = match sort.kind {
            SortKind::Plain | SortKind::Builtin => "",
            SortKind::Entity => " entity",
            SortKind::Data => " data",
            SortKind::Choice => " choice",
        };
        table.row(&format!("{}{kind}", sort.name), &sort.doc);
    }
    table.write(out);
    let mut terms = Table::new("Terms", "term");
    let mut modules = Table::new("Modules", "module");
    for term in set.terms.iter().filter(|term| here(&term.span)) {
        let mut text = format!("{}({})", term.name, params(set, &term.params));
        text.push_str(&format!(" -> {}", sort(set, term.result)));
        if let Some(cost) = term.cost {
            text.push_str(&format!(" cost size {}, call {}", cost.size, cost.call));
        }
        match term.module {
            Some(_) => modules.row(&text, &term.doc),
            None => terms.row(&text, &term.doc),
        }
    }
    terms.write(out);
    modules.write(out);
    let mut facts = Table::new("Facts", "fact");
    for fact in set.facts.iter().filter(|fact| here(&fact.span)) {
        let by_packs = if fact.by_packs { " by-packs" } else { "" };
        let text = format!("{}({}){by_packs}", fact.name, params(set, &fact.params));
        facts.row(&text, &fact.doc);
    }
    facts.write(out);
    let mut given = Table::new("States", "given");
    for stated in set.given.iter().filter(|stated| here(&stated.span)) {
        given.row(&given_text(set, stated), &stated.doc);
    }
    given.write(out);
    let mut assumptions = Table::new("Assumptions", "assume");
    for assume in set.assumes.iter().filter(|assume| here(&assume.span)) {
        assumptions.row(&assume.name, &assume.doc);
    }
    assumptions.write(out);
    let mut constants = Table::new("Constants", "const");
    for constant in set.consts.iter().filter(|constant| here(&constant.span)) {
        let text = format!("{} = {}{}", constant.name, constant.value, constant.limits);
        constants.row(&text, &constant.doc);
    }
    constants.write(out);
}

fn rules(set: &RuleSet, pack: PackId, out: &mut String) {
    for rule in set.rules.iter().filter(|rule| rule.pack == pack) {
        let kind = if rule.is_option { "option" } else { "rule" };
        out.push_str(&format!("### {kind} `{}`\n\n", rule.name));
        paragraph(out, &rule.doc);
        out.push_str(&format!("```meld\n{}\n```\n\n", rule_text(set, rule)));
    }
    for forbid in set.forbids.iter().filter(|forbid| forbid.pack == pack) {
        out.push_str(&format!("### forbid `{}`\n\n", forbid.name));
        paragraph(out, &forbid.doc);
        out.push_str(&format!("```meld\n{}\n```\n\n", forbid_text(set, forbid)));
    }
    for refusal in set.refusals.iter().filter(|refusal| refusal.pack == pack) {
        out.push_str(&format!("### refuse `{}`\n\n", refusal.name));
        paragraph(out, &refusal.doc);
        out.push_str(&format!("```meld\n{}\n```\n\n", refusal_text(set, refusal)));
    }
}

fn paragraph(out: &mut String, text: &str) {
    if !text.is_empty() {
        out.push_str(text);
        out.push_str("\n\n");
    }
}

fn params(set: &RuleSet, params: &[Param]) -> String {
    let text = |param: &Param| format!("{}: {}{}", param.name, sort(set, param.sort), param.limits);
    params.iter().map(text).collect::<Vec<_>>().join(", ")
}

/// A sort as packs write it.
fn sort(set: &RuleSet, sort: SortRef) -> String {
    match sort {
        SortRef::One(id) => set.sorts[id.index()].name.clone(),
        SortRef::List(id) => format!("[{}]", set.sorts[id.index()].name),
    }
}

/// A markdown table that is left out when it has no rows.
struct Table {
    title: &'static str,
    head: &'static str,
    rows: String,
}

impl Table {
    fn new(title: &'static str, head: &'static str) -> Self {
        Table { title, head, rows: String::new() }
    }

    fn row(&mut self, text: &str, doc: &str) {
        let doc = doc.replace('\n', " ").replace('|', "\\|");
        self.rows.push_str(&format!("| `{text}` | {doc} |\n"));
    }

    fn write(&self, out: &mut String) {
        if !self.rows.is_empty() {
            out.push_str(&format!("### {}\n\n| {} | |\n|---|---|\n", self.title, self.head));
            out.push_str(&self.rows);
            out.push('\n');
        }
    }
}

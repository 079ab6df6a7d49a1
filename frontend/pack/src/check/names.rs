//! Tables of declared names, and the reports for names that are not in them.

use super::Checker;
use crate::ast::{Name, Span};
use crate::diagnostic::{Code, near};
use crate::ruleset::PackId;
use std::collections::{BTreeMap, BTreeSet};

/// Once there are as many reports, near names are no longer looked for.
const MAX_NEAR: usize = 100;

/// Kinds of names; each is a namespace of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Sort,
    Term,
    Fact,
    Assume,
    Const,
}

impl Kind {
    const ALL: [Kind; 5] = [Kind::Sort, Kind::Term, Kind::Fact, Kind::Assume, Kind::Const];

    fn word(self) -> &'static str {
        match self {
            Kind::Sort => "sort",
            Kind::Term => "term",
            Kind::Fact => "fact",
            Kind::Assume => "assumption",
            Kind::Const => "constant",
        }
    }
}

/// All declared names.
#[derive(Default)]
pub(super) struct Names {
    tables: [BTreeMap<String, Entry>; 5],
    /// What was reported as unknown: each name once for each pack.
    reported: BTreeSet<(PackId, Kind, String)>,
}

/// Where a name leads.
#[derive(Clone, Copy)]
struct Entry {
    id: u32,
    /// None for built-in sorts.
    span: Option<Span>,
}

impl Names {
    /// The name's id, wherever it is declared.
    pub(super) fn get(&self, kind: Kind, name: &str) -> Option<u32> {
        self.tables[kind as usize].get(name).map(|entry| entry.id)
    }

    /// Declares a built-in sort.
    pub(super) fn builtin(&mut self, name: &str, id: u32) {
        self.tables[Kind::Sort as usize].insert(name.to_owned(), Entry { id, span: None });
    }
}

impl Checker<'_> {
    pub(super) fn pack(&self, span: Span) -> PackId {
        self.pack_of[span.source.0 as usize]
    }

    /// Declares a name as `id`. False if it is taken, which is reported.
    pub(super) fn declare_name(&mut self, kind: Kind, name: &Name, id: usize) -> bool {
        let table = &mut self.names.tables[kind as usize];
        let Some(first) = table.get(&name.text).copied() else {
            let entry = Entry { id: id as u32, span: Some(name.span) };
            table.insert(name.text.clone(), entry);
            return true;
        };
        let (word, text) = (kind.word(), &name.text);
        let Some(span) = first.span else {
            self.sink
                .error(Code::DuplicateName, format!("the sort `{text}` is built in"))
                .label(name.span, "declared again");
            return false;
        };
        let (here, there) = (self.pack(name.span), self.pack(span));
        let message = match here == there {
            true => format!("the {word} `{text}` is declared twice"),
            false => format!(
                "packs `{}` and `{}` both declare the {word} `{text}`",
                self.set.packs[there.index()].name,
                self.set.packs[here.index()].name
            ),
        };
        self.sink
            .error(Code::DuplicateName, message)
            .label(name.span, "declared again")
            .context(span, "declared first");
        false
    }

    /// The id that a name has where it stands; none after a report.
    pub(super) fn resolve(&mut self, kind: Kind, name: &Name) -> Option<u32> {
        let pack = self.pack(name.span);
        let entry = self.names.tables[kind as usize].get(&name.text).copied();
        let home = entry.and_then(|entry| entry.span).map(|span| self.pack(span));
        match (entry, home) {
            (Some(entry), None) => return Some(entry.id),
            (Some(entry), Some(home)) if self.visible[pack.index()][home.index()] => {
                return Some(entry.id);
            }
            _ => {}
        }
        if !self.names.reported.insert((pack, kind, name.text.clone())) {
            return None;
        }
        let (word, text) = (kind.word(), &name.text);
        if let (Some(home), Some(Entry { span: Some(span), .. })) = (home, entry) {
            let home = self.set.packs[home.index()].name.clone();
            self.sink
                .error(Code::NotUsed, format!("the {word} `{text}` is of a pack that is not used"))
                .label(name.span, "not known here")
                .context(span, "declared here")
                .help(format!("add `use {home}`"));
            return None;
        }
        let other = Kind::ALL.into_iter().find_map(|other| {
            let entry = self.names.tables[other as usize].get(text)?;
            Some((other, entry.span?))
        });
        if let Some((other, span)) = other {
            let report = self
                .sink
                .error(Code::WrongKind, format!("`{text}` is a {}, not a {word}", other.word()))
                .label(name.span, format!("a {word} is needed here"))
                .context(span, "declared here");
            match (kind, other) {
                (Kind::Const, Kind::Term) => report.help(format!("a term has arguments: `{text}()`")),
                (Kind::Fact, Kind::Term) => {
                    report.help("guards are facts and comparisons; terms are matched, or given as `term = term`")
                }
                (Kind::Term, Kind::Fact) => report.help("facts are guards: put it after `where`"),
                (Kind::Term, Kind::Const) => {
                    report.help(format!("a constant has no arguments: `{text}`"))
                }
                _ => report,
            };
            return None;
        }
        let like = self.near_name(kind, text, pack);
        let report = self
            .sink
            .error(Code::UnknownName, format!("there is no {word} `{text}`"))
            .label(name.span, format!("unknown {word}"));
        if let Some((like, span)) = like {
            let report = report.help(format!("is it `{like}`?"));
            if let Some(span) = span {
                report.context(span, format!("`{like}` is declared here"));
            }
        }
        None
    }

    /// The visible name that is most like this one, and where it is declared.
    fn near_name(&self, kind: Kind, name: &str, pack: PackId) -> Option<(String, Option<Span>)> {
        if self.sink.count() > MAX_NEAR {
            return None;
        }
        let table = &self.names.tables[kind as usize];
        let seen = table.iter().filter(|(_, entry)| {
            entry.span.is_none_or(|span| self.visible[pack.index()][self.pack(span).index()])
        });
        let like = near(name, seen.map(|(name, _)| name.as_str()))?;
        Some((like.to_owned(), table[like].span))
    }
}

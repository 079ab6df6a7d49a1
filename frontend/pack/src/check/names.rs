//! Tables of declared names, and the reports for names that are not in them.

use super::Checker;
use crate::ast::{Name, Span};
use crate::diagnostic::{Code, near};
use crate::ruleset::PackId;
use std::collections::{BTreeMap, BTreeSet};

/// Once there are as many reports, near names are no longer looked for.
const MAX_NEAR: usize = 100;

/// Kinds of names; names of two kinds never meet.
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

    /// Whether packs that do not see each other may each declare such a name. The others are known to
    /// all by name: sorts to modules, facts to the frontend, assumptions to the user.
    fn is_of_pack(self) -> bool {
        matches!(self, Kind::Term | Kind::Const)
    }
}

/// All declared names.
#[derive(Default)]
pub(super) struct Names {
    tables: [BTreeMap<String, Vec<Entry>>; 5],
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
    /// The id of the name's first declaration, in whichever pack.
    pub(super) fn get(&self, kind: Kind, name: &str) -> Option<u32> {
        self.entries(kind, name).first().map(|entry| entry.id)
    }

    fn entries(&self, kind: Kind, name: &str) -> &[Entry] {
        self.tables[kind as usize].get(name).map_or(&[], Vec::as_slice)
    }

    /// Declares a built-in sort.
    pub(super) fn builtin(&mut self, name: &str, id: u32) {
        self.tables[Kind::Sort as usize].insert(name.to_owned(), vec![Entry { id, span: None }]);
    }
}

impl Checker<'_> {
    pub(super) fn pack(&self, span: Span) -> PackId {
        self.pack_of[span.source.0 as usize]
    }

    /// Declares a name as `id`. False if it is taken, which is reported.
    pub(super) fn declare_name(&mut self, kind: Kind, name: &Name, id: usize) -> bool {
        let here = self.pack(name.span);
        let taken = |entry: &&Entry| match entry.span.map(|span| self.pack(span)) {
            // A pack comes after those that it sees.
            Some(there) if kind.is_of_pack() => {
                self.visible[here.index()][there.index()]
                    || [here, there].iter().any(|pack| self.is_vocabulary(*pack))
            }
            _ => true,
        };
        let Some(first) = self.names.entries(kind, &name.text).iter().find(taken).copied() else {
            let entry = Entry { id: id as u32, span: Some(name.span) };
            self.names.tables[kind as usize].entry(name.text.clone()).or_default().push(entry);
            return true;
        };
        let (word, text) = (kind.word(), &name.text);
        let Some(span) = first.span else {
            self.sink
                .error(Code::DuplicateName, format!("the sort `{text}` is built in"))
                .label(name.span, "declared again");
            return false;
        };
        let there = self.pack(span);
        let message = match here == there {
            true => format!("the {word} `{text}` is declared twice"),
            false => format!(
                "packs `{}` and `{}` both declare the {word} `{text}`",
                self.set.packs[there.index()].name,
                self.set.packs[here.index()].name
            ),
        };
        let report = self
            .sink
            .error(Code::DuplicateName, message)
            .label(name.span, "declared again")
            .context(span, "declared first");
        match (here == there, kind.is_of_pack()) {
            (true, _) => {}
            (false, true) => {
                report.help(
                    "names of the vocabulary and of packs that this one uses are taken: rename this one",
                );
            }
            (false, false) => {
                report.help(
                    "sorts, facts and assumptions have one name for all packs: rename one of the two",
                );
            }
        }
        false
    }

    /// Whether the frontend knows the words of a pack, which are then the only ones of theirs.
    pub(super) fn is_vocabulary(&self, pack: PackId) -> bool {
        self.set.packs[pack.index()].name.rsplit('.').next() == Some("vocabulary")
    }

    /// The declarations of a name that a pack sees.
    fn seen(&self, kind: Kind, name: &str, pack: PackId) -> impl Iterator<Item = Entry> {
        let sees = move |entry: &Entry| {
            entry.span.is_none_or(|span| self.visible[pack.index()][self.pack(span).index()])
        };
        self.names.entries(kind, name).iter().copied().filter(sees)
    }

    /// The id that a name has where it stands, if it has one there.
    pub(super) fn known(&self, kind: Kind, name: &Name) -> Option<u32> {
        let mut seen = self.seen(kind, &name.text, self.pack(name.span));
        seen.next().filter(|_| seen.next().is_none()).map(|entry| entry.id)
    }

    /// The same; none after a report.
    pub(super) fn resolve(&mut self, kind: Kind, name: &Name) -> Option<u32> {
        if let Some(id) = self.known(kind, name) {
            return Some(id);
        }
        let pack = self.pack(name.span);
        if !self.names.reported.insert((pack, kind, name.text.clone())) {
            return None;
        }
        let (word, text) = (kind.word(), &name.text);
        let of_pack = |entry: &Entry| {
            let span = entry.span?;
            Some((self.set.packs[self.pack(span).index()].name.as_str(), span))
        };
        let seen: Vec<_> =
            self.seen(kind, text, pack).filter_map(|entry| of_pack(&entry)).collect();
        if let [(one, first), (other, second), ..] = seen[..] {
            let message = format!("packs `{one}` and `{other}` both declare the {word} `{text}`");
            self.sink
                .error(Code::DuplicateName, message)
                .label(name.span, "this one sees both")
                .context(first, "declared here")
                .context(second, "and here")
                .help("use one of the two packs only, or rename what one of them declares");
            return None;
        }
        let unseen: Vec<_> = self.names.entries(kind, text).iter().filter_map(of_pack).collect();
        if let Some((_, span)) = unseen.first().copied() {
            let uses: Vec<_> = unseen.iter().map(|(pack, _)| format!("`use {pack}`")).collect();
            self.sink
                .error(Code::NotUsed, format!("the {word} `{text}` is of a pack that is not used"))
                .label(name.span, "not known here")
                .context(span, "declared here")
                .help(format!("add {}", uses.join(" or ")));
            return None;
        }
        let other = Kind::ALL.into_iter().find_map(|other| {
            let entry = self.names.entries(other, text).first()?;
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
        let names = self.names.tables[kind as usize].keys();
        let seen = names.filter(|name| self.seen(kind, name, pack).next().is_some());
        let like = near(name, seen.map(String::as_str))?;
        let span = self.seen(kind, like, pack).next().and_then(|entry| entry.span);
        Some((like.to_owned(), span))
    }
}

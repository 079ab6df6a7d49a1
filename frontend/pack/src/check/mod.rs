//! From parsed packs to a [`RuleSet`], or all that is wrong with them.
//!
//! ```text
//! packs ──▶ declare ──▶ modules ──▶ choice::collect ──▶ rules ──▶ never_made, unlike alternatives, merges, outbid
//!                                                         ├ sorts    names, sorts, variables
//!                                                         ├ guards   contradictions
//!                                                         ├ choice   looking behind a choice
//!                                                         ├ growth   rules that feed themselves
//!                                                         └ wiring   arguments of modules
//! ```
//!
//! One mistake gives one report. A name that is not known, and a variable at a place whose sort
//! is not known, have no sort, and what has no sort never disagrees with anything. Checks that
//! need a whole rule to be right run only on rules without a report.

mod choice;
mod declare;
mod growth;
mod guards;
mod made;
mod merges;
mod modules;
mod names;
mod node;
mod outbid;
mod packs;
mod rules;
mod sorts;
mod wiring;

use crate::ast::{File, Span};
use crate::diagnostic::{Diagnostics, Sink};
use crate::load::Files;
use crate::module::ItemType;
use crate::ruleset::{self, ModuleImport, PackId, RuleSet, SortId, SortRef};
use std::collections::HashMap;

/// Positions of the built-in sorts.
const INT: SortId = SortId(0);
const STR: SortId = SortId(1);

/// Checks packs. `modules` has where each source's modules are; `settings` are those of
/// [`Loader::set`](crate::Loader::set).
pub(crate) fn check(
    files: &[File],
    modules: &[Files],
    settings: &[(String, String)],
    mut sink: Sink,
) -> Result<RuleSet, Diagnostics> {
    let Some(order) = packs::order(files, &mut sink) else { return Err(sink.finish()) };
    let mut checker = Checker {
        sink,
        files: order.files,
        modules,
        pack_of: order.pack_of,
        visible: order.visible,
        names: names::Names::default(),
        set: RuleSet::default(),
        terms: Vec::new(),
        facts: Vec::new(),
        core: CoreSorts::default(),
        choices: choice::Choices::default(),
        makes: made::Makes::default(),
        answers: Vec::new(),
        set_by: HashMap::new(),
        constant_at: HashMap::new(),
    };
    checker.packs(&order.uses);
    checker.declare(settings);
    checker.choices = checker.collect_choices();
    checker.given();
    checker.rules();
    checker.alternatives_alike();
    if checker.sink.count() == 0 {
        checker.never_made();
    }
    if checker.sink.count() == 0 {
        let answers = std::mem::take(&mut checker.answers);
        checker.merged_questions(&answers);
        checker.outbid(&answers);
    }
    if checker.sink.count() > 0 {
        return Err(checker.sink.finish());
    }
    checker.set.warnings = checker.sink.finish();
    Ok(checker.set)
}

/// All that the checks share.
struct Checker<'a> {
    sink: Sink,
    /// In pack order, as everything by [`PackId`].
    files: Vec<&'a File>,
    modules: &'a [Files],
    /// The pack of each source.
    pack_of: Vec<PackId>,
    /// Whether the first pack sees the names of the second.
    visible: Vec<Vec<bool>>,
    names: names::Names,
    /// What is built. Its sorts are placeholders where a declaration is wrong.
    set: RuleSet,
    /// Beside `set.terms`.
    terms: Vec<Term>,
    /// Beside `set.facts`: where it is declared, and its parameters.
    facts: Vec<(Span, Vec<Param>)>,
    core: CoreSorts,
    choices: choice::Choices,
    makes: made::Makes,
    /// Rules without a mistake.
    answers: Vec<merges::Answer>,
    /// Constants that the user set, and how: `--set a.b=1`.
    set_by: HashMap<usize, String>,
    /// Which constant stands where; in what is made, it is a number.
    constant_at: HashMap<Span, usize>,
}

/// A sort, or none where a mistake hides it; none agrees with every sort.
type Known = Option<SortRef>;

/// A parameter as it is checked.
struct Param {
    name: String,
    sort: Known,
    limits: ruleset::Limits,
    span: Span,
}

/// A term as it is checked.
struct Term {
    /// Its name where it is declared.
    span: Span,
    params: Vec<Param>,
    result: Known,
    module: Module,
}

/// The core module behind a term.
enum Module {
    /// It is no module.
    None,
    /// It was refused; nothing about it is known.
    Refused,
    Loaded {
        /// Where all addresses that the module follows are 32 bits wide, like its imports.
        exports: Vec<(String, ItemType)>,
        /// Where all addresses that the module follows are 64 bits wide.
        wide_exports: Vec<(String, ItemType)>,
        imports: Vec<(ModuleImport, ItemType)>,
    },
}

/// The sorts that modules are wired with, known by their names.
#[derive(Default)]
struct CoreSorts {
    instance: Option<SortId>,
    /// In the order of [`Kind::ALL`](crate::module::Kind::ALL).
    kinds: [Option<SortId>; 5],
}

impl Checker<'_> {
    /// A span as the rule set has it.
    fn span(&self, span: Span) -> ruleset::Span {
        ruleset::Span {
            pack: self.pack_of[span.source.0 as usize],
            start: span.start,
            end: span.end,
            line: self.sink.source(span.source).line(span.start),
        }
    }

    /// A sort as packs write it.
    fn sort_name(&self, sort: SortRef) -> String {
        match sort {
            SortRef::One(id) => format!("`{}`", self.set.sorts[id.index()].name),
            SortRef::List(id) => format!("`[{}]`", self.set.sorts[id.index()].name),
        }
    }

    /// The same after "a" or "an".
    fn a_sort(&self, sort: SortRef) -> String {
        let name = self.sort_name(sort);
        let vowel =
            name.trim_matches(['`', '[']).starts_with(['A', 'E', 'I', 'O', 'a', 'e', 'i', 'o']);
        format!("{} {name}", if vowel { "an" } else { "a" })
    }

    fn sort_kind(&self, sort: SortRef) -> ruleset::SortKind {
        let (SortRef::One(id) | SortRef::List(id)) = sort;
        self.set.sorts[id.index()].kind
    }

    /// Whether `.name` can be taken from terms of this sort.
    fn has_exports(&self, sort: SortRef) -> bool {
        match sort {
            SortRef::List(_) => false,
            SortRef::One(id) => {
                Some(id) == self.core.instance
                    || self.set.sorts[id.index()].kind == ruleset::SortKind::Choice
            }
        }
    }
}

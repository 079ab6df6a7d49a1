//! Reports of mistakes in packs: data first, then text for terminals and snapshots, and JSON.

use crate::ast::{SourceId, Span};
use annotate_snippets::{AnnotationKind, Element, Group, Level, Renderer, Snippet};
use std::fmt;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

/// Reports rendered at most; the others are counted.
const MAX_RENDERED: usize = 100;

macro_rules! codes {
    ($($name:ident $id:literal $title:literal $text:literal;)*) => {
        /// The kinds of mistakes. Each has a number that never changes its meaning.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code {
            $(#[doc = $title] $name,)*
        }

        impl Code {
            /// All codes, by number.
            pub const ALL: &[Code] = &[$(Code::$name,)*];

            /// `E0001`
            pub fn id(self) -> &'static str {
                match self { $(Code::$name => $id,)* }
            }

            /// What is wrong, in a few words.
            pub fn title(self) -> &'static str {
                match self { $(Code::$name => $title,)* }
            }

            /// Why it is a mistake, and the way out.
            pub fn explanation(self) -> &'static str {
                match self { $(Code::$name => $text,)* }
            }
        }
    };
}

codes! {
    Syntax "E0001" "syntax error"
        "The text is not of the `.meld` language. The report names what may stand at that place.";
    TooLarge "E0002" "too large or nested too deep"
        "A pack is at most 1 MiB, a module at most 16 MiB, brackets are nested at most 64 deep, a pattern has at most 1000 parts (names, variables, texts, numbers, lists), a rule at most 256 guards. Split the pack, or name a part of a pattern with a term of its own.";
    Literal "E0003" "number or text out of range"
        "Numbers have 64 bits, costs are from 0 to 4294967295, and `\\u{..}` names a Unicode scalar value.";
    DuplicatePack "E0010" "two packs of one name"
        "Every pack that is loaded has a name of its own.";
    UnknownPack "E0011" "unknown pack in `use`"
        "`use` finds the built-in packs and those that are given on the command line.";
    UseCircle "E0012" "packs use each other"
        "Packs are read in the order of use, so use must not go round in a circle. Move what both need to a third pack.";
    UnknownName "E0020" "unknown name"
        "The name is declared in no pack.";
    NotUsed "E0021" "name of a pack that is not used"
        "The name is declared in a pack that this one does not `use`, directly or through another.";
    DuplicateName "E0022" "two declarations of one name"
        "Sorts, facts and assumptions have one name for all packs. A term, a module or a constant has one for its pack and all that use it, so a pack cannot declare again what it sees of another, nor use a name that two others declare. Rules, options, forbids and refusals share a namespace within their pack.";
    WrongKind "E0023" "name of another kind"
        "The name is declared, but as something else: a fact cannot be rewritten, a term is no guard, a constant takes no arguments.";
    SortMismatch "E0030" "mismatched sorts"
        "A pattern has another sort than its place takes, or a variable stands in places of different sorts.";
    Arity "E0031" "wrong number of arguments"
        "A term or fact takes as many arguments as it has parameters.";
    Unbound "E0032" "variable that nothing binds"
        "A variable of `rewrite`, `offer`, a negated fact or a comparison has its value from `match` or `for`, or from a fact that stands before it.";
    Misplaced "E0033" "pattern that cannot stand here"
        "`_` and texts with `*` only match, so nothing can be made of them; leaves (`#a`) stand for something of a test, so only tests have them; tests and what packs state have no variables.";
    FactSort "E0034" "fact about something that it cannot speak of"
        "Facts are known before any rule runs, so they can only speak of entities, data, numbers and text. Those that packs state (`by-packs`) speak of no entities: these are the program's, and packs have no names for them.";
    Root "E0035" "`match` cannot start with this"
        "`match` and `for` start with a term or an export. Entities and data are what the frontend says they are: no rule rewrites them.";
    NotOrdered "E0036" "comparison of what has no order"
        "`<`, `<=`, `>` and `>=` compare numbers; `==` and `!=` compare numbers, text, entities and data. What rules rewrite is matched, not compared.";
    Leaf "E0037" "leaf without a sort"
        "A leaf (`#a`) has the sort that its place demands: one, the same everywhere in a test, and no list, number or text.";
    NotByPacks "E0038" "fact that packs do not state"
        "What is true of the program, the frontend proves. A pack states with `given` only what is declared `by-packs`.";
    BehindChoice "E0040" "pattern that looks behind a choice"
        "Operations on one thing agree on how it is represented because all go through one term, the decision. A rule that knows one alternative could give two call sites two representations, which is a miscompile. Go through the decision.";
    ChoiceForm "E0041" "`rule` where an `option` belongs, or the other way round"
        "Only an `option` adds to a choice, and an option does nothing else: its `for` is a decision, and its `offer` an alternative of the same sort.";
    OfferForgets "E0042" "offer that does not name all of its decision"
        "Two decisions that offer the same term would become one, and share state that must be apart. An offer names every variable of `for`; a parameter that a module does not import keeps instances apart. For the same reason `for` has no `_` and no `*`.";
    Impossible "E0043" "guards that cannot all hold"
        "The guards contradict each other, so the rule can never fire.";
    Grows "E0044" "rule that feeds itself"
        "What the rule makes contains what it matches. If it is larger each time, rules never stop; if it is the same, the new term needs itself, so it can never be chosen.";
    Untested "E0045" "rule without a test"
        "Every rule and option has a test where it fires, and with guards one where it refuses (`=/=>`).";
    NeverMade "E0046" "match on what nothing makes"
        "No rule makes the term, and it is not of the frontend's vocabulary, so the rule can never fire.";
    NoEffect "E0047" "rule that changes nothing"
        "What the rule makes is what it matches.";
    UnlikeAlternatives "E0048" "alternatives of a choice export different things"
        "Operations go through the choice, so all its alternatives export the same names with the same types.";
    ModuleFile "E0050" "module that cannot be read"
        "A module's file stands beside the pack or in a folder below.";
    ModuleInvalid "E0051" "module that is not valid"
        "The text or binary is not a valid core module.";
    ModuleImport "E0052" "import that no parameter supplies"
        "`(import \"host\" ..)` is supplied by an `Instance` parameter `host`, `(import \"\" \"memory\" ..)` by a parameter `memory`, `(import \"\" \"memory.page-bits\" ..)` by a `Memory` parameter `memory`.";
    ModuleKind "E0053" "import of another kind than its parameter"
        "A `Memory`, `Func`, `Table`, `Global` or `Tag` parameter supplies an import of that kind; an `Int` supplies an immutable global of type `i32` or `i64`.";
    ModuleUnused "E0054" "parameter that no import uses"
        "Only parameters that keep instances apart (instances, entities, data), and memories and tables whose address type the module follows, may be without an import.";
    UnknownExport "E0055" "unknown export"
        "The module exports no such name.";
    ModuleWiring "E0056" "argument that does not fit the module"
        "The export that is passed has another type than the import it supplies, the instance lacks an export that is imported from it, or a number is not within what the module declares for it.";
    NoExports "E0057" "something that exports nothing"
        "`.name` takes an export of an instance, or of a choice.";
    ConstValue "E0060" "constant out of its range"
        "The default of a constant obeys the range and the `power-of-two` that are declared for it.";
    UnknownSetting "E0061" "`--set` of an unknown constant"
        "Constants are set as PACK.NAME=VALUE, where PACK is the last part of the pack's name, or more of it where several packs have such a constant.";
    SettingValue "E0062" "`--set` with a value that is not allowed"
        "The value is a number within the range, and a power of two where that is declared: of the constant, and of the modules that rules give it to.";
    TestForm "E0070" "test that does not fit its rule"
        "A `forbid` or a `refuse` is tested with `=> refused` and `=/=>`; rules and options with `=> term`, `=/=>` and `=/=> term`.";
    Merges "W0001" "answer that makes questions equal which other rules tell apart"
        "Terms that are equal to one answer are equal to each other, and what is answered for one is answered for all. If an answer lacks a variable of its question, and another rule asks something of that variable, the other rule's answer reaches questions that it refused. Name the variable in the answer, or write the guard that keeps the two rules apart.";
    Outbid "W0002" "answer that another one may outbid"
        "A rule adds an answer and takes none away: costs choose, and with another `-O` they choose otherwise. A rule that matches an answer (a term with a cost) leaves it standing, so match the question that it answers. Where another rule leaves to packs what they state to be theirs, state it: `given answers(\"my:module\")`.";
}

impl Code {
    /// Whether it is no mistake for certain: packs with it are used all the same.
    pub fn is_warning(self) -> bool {
        self.id().starts_with('W')
    }
}

/// A pack's text.
#[derive(Debug)]
pub(crate) struct Source {
    pub path: PathBuf,
    pub text: Arc<str>,
    /// Byte offset of each line.
    lines: Vec<usize>,
}

impl Source {
    pub(crate) fn new(path: PathBuf, text: Arc<str>) -> Self {
        let lines = std::iter::once(0)
            .chain(text.bytes().enumerate().filter(|(_, b)| *b == b'\n').map(|(at, _)| at + 1))
            .collect();
        Source { path, text, lines }
    }

    /// Line from 1.
    pub(crate) fn line(&self, at: usize) -> u32 {
        self.lines.partition_point(|start| *start <= at) as u32
    }

    /// Line and column in characters, both from 1.
    pub(crate) fn line_column(&self, at: usize) -> (u32, u32) {
        let line = self.line(at);
        let column = self.text[self.lines[line as usize - 1]..at].chars().count();
        (line, column as u32 + 1)
    }
}

/// A place in a pack's text, with what a report says about it.
#[derive(Clone, Debug)]
pub struct Label {
    source: Arc<Source>,
    range: Range<usize>,
    /// What is said at the carets.
    pub text: String,
    /// The mistake itself, rather than something that explains it.
    pub primary: bool,
}

impl Label {
    /// The pack's path.
    pub fn path(&self) -> &std::path::Path {
        &self.source.path
    }

    /// Bytes of the pack's text.
    pub fn range(&self) -> Range<usize> {
        self.range.clone()
    }

    /// Line and column in characters, both from 1.
    pub fn line_column(&self) -> (u32, u32) {
        self.source.line_column(self.range.start)
    }
}

/// One mistake.
#[derive(Clone, Debug)]
pub struct Diagnostic {
    /// Its kind.
    pub code: Code,
    /// What is wrong.
    pub message: String,
    /// Where, the mistake itself first. Empty only for mistakes outside of any pack.
    pub labels: Vec<Label>,
    /// The way out.
    pub help: Vec<String>,
}

/// All mistakes of a run, in the order of the packs' text.
#[derive(Clone, Debug, Default)]
pub struct Diagnostics(Vec<Diagnostic>);

impl Diagnostics {
    /// The mistakes.
    pub fn iter(&self) -> impl Iterator<Item = &Diagnostic> {
        self.0.iter()
    }

    /// No mistake at all.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The mistakes with their source lines; `color` for terminals.
    pub fn render(&self, color: bool) -> String {
        let renderer = if color { Renderer::styled() } else { Renderer::plain() };
        let mut out = String::new();
        for diagnostic in self.0.iter().take(MAX_RENDERED) {
            out.push_str(&diagnostic.render(&renderer));
            out.push_str("\n\n");
        }
        let hidden = self.0.len().saturating_sub(MAX_RENDERED);
        if hidden > 0 {
            out.push_str(&format!("{hidden} more are not shown\n"));
        }
        let warnings = self.0.iter().filter(|diagnostic| diagnostic.code.is_warning()).count();
        let counts: Vec<String> = [(self.0.len() - warnings, "error"), (warnings, "warning")]
            .into_iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, what)| format!("{count} {what}{}", if count == 1 { "" } else { "s" }))
            .collect();
        out.push_str(&format!("{} in rule packs\n", counts.join(", ")));
        out
    }

    /// The mistakes as JSON, `{version: 1, mistakes}`, the mistakes an array of `{code, message, labels:
    /// [{path, start, end, line, column, text, primary}], help}`; offsets are bytes, lines and columns start at 1.
    pub fn to_json(&self) -> String {
        let label = |label: &Label| {
            let (line, column) = label.line_column();
            serde_json::json!({
                "path": label.path().display().to_string(),
                "start": label.range.start,
                "end": label.range.end,
                "line": line,
                "column": column,
                "text": label.text,
                "primary": label.primary,
            })
        };
        let diagnostics: Vec<_> = self
            .0
            .iter()
            .map(|diagnostic| {
                serde_json::json!({
                    "code": diagnostic.code.id(),
                    "message": diagnostic.message,
                    "labels": diagnostic.labels.iter().map(label).collect::<Vec<_>>(),
                    "help": diagnostic.help,
                })
            })
            .collect();
        serde_json::json!({ "version": 1, "mistakes": diagnostics }).to_string()
    }
}

impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(false))
    }
}

impl std::error::Error for Diagnostics {}

impl Diagnostic {
    fn render(&self, renderer: &Renderer) -> String {
        // One snippet a source, in the order of the labels. A snippet is cut to the lines that
        // its labels need: the renderer looks at all that it is given.
        let mut sources: Vec<&Arc<Source>> = Vec::new();
        for label in &self.labels {
            if !sources.iter().any(|source| Arc::ptr_eq(source, &label.source)) {
                sources.push(&label.source);
            }
        }
        let paths: Vec<String> = sources.iter().map(|s| s.path.display().to_string()).collect();
        let mut elements: Vec<Element<'_>> = Vec::new();
        for (source, path) in sources.into_iter().zip(&paths) {
            let labels = || self.labels.iter().filter(|label| Arc::ptr_eq(&label.source, source));
            let first = labels().map(|label| label.range.start).min().unwrap_or(0);
            let last = labels().map(|label| label.range.end).max().unwrap_or(0);
            let line = source.line(first);
            let start = source.lines[line as usize - 1];
            let end = source.text[last..].find('\n').map_or(source.text.len(), |n| last + n);
            let annotations = labels().map(|label| {
                let kind =
                    if label.primary { AnnotationKind::Primary } else { AnnotationKind::Context };
                kind.span(label.range.start - start..label.range.end - start)
                    .label(label.text.as_str())
            });
            elements.push(
                Snippet::source(&source.text[start..end])
                    .line_start(line as usize)
                    .path(path.as_str())
                    .annotations(annotations)
                    .into(),
            );
        }
        let level = if self.code.is_warning() { Level::WARNING } else { Level::ERROR };
        let title = level.primary_title(self.message.as_str()).id(self.code.id());
        let mut group = Group::with_title(title).elements(elements);
        for help in &self.help {
            group = group.element(Level::HELP.message(help.as_str()));
        }
        renderer.render(&[group])
    }
}

/// Collects mistakes.
pub(crate) struct Sink {
    sources: Vec<Arc<Source>>,
    diagnostics: Vec<Diagnostic>,
    warnings: Vec<Diagnostic>,
}

impl Sink {
    pub(crate) fn new(sources: Vec<Arc<Source>>) -> Self {
        Sink { sources, diagnostics: Vec::new(), warnings: Vec::new() }
    }

    pub(crate) fn source(&self, id: SourceId) -> &Source {
        &self.sources[id.0 as usize]
    }

    /// How many mistakes there are so far.
    pub(crate) fn count(&self) -> usize {
        self.diagnostics.len()
    }

    /// Starts a report.
    pub(crate) fn error(&mut self, code: Code, message: impl Into<String>) -> Report<'_> {
        Self::report(&self.sources, &mut self.diagnostics, code, message.into())
    }

    /// Starts a report of what need not be a mistake.
    pub(crate) fn warning(&mut self, code: Code, message: impl Into<String>) -> Report<'_> {
        Self::report(&self.sources, &mut self.warnings, code, message.into())
    }

    fn report<'s>(
        sources: &'s [Arc<Source>],
        to: &'s mut Vec<Diagnostic>,
        code: Code,
        message: String,
    ) -> Report<'s> {
        let at = to.len();
        to.push(Diagnostic { code, message, labels: Vec::new(), help: Vec::new() });
        Report { sources, diagnostic: &mut to[at] }
    }

    /// Adds to the last report.
    pub(crate) fn amend(&mut self, add: impl FnOnce(Report<'_>) -> Report<'_>) {
        if let Some(diagnostic) = self.diagnostics.last_mut() {
            add(Report { sources: &self.sources, diagnostic });
        }
    }

    /// All mistakes and warnings by place, those outside of packs first.
    pub(crate) fn finish(mut self) -> Diagnostics {
        let position = |diagnostic: &Diagnostic| {
            let label = diagnostic.labels.first()?;
            let source = self.sources.iter().position(|s| Arc::ptr_eq(s, &label.source))?;
            Some((source, label.range.start))
        };
        let mut diagnostics = std::mem::take(&mut self.diagnostics);
        diagnostics.append(&mut self.warnings);
        diagnostics.sort_by_cached_key(position);
        Diagnostics(diagnostics)
    }
}

/// A report that is being written.
pub(crate) struct Report<'s> {
    sources: &'s [Arc<Source>],
    diagnostic: &'s mut Diagnostic,
}

impl Report<'_> {
    /// Where the mistake is.
    pub(crate) fn label(self, span: Span, text: impl Into<String>) -> Self {
        self.add(span, text.into(), true)
    }

    /// A place that explains the mistake, for example a declaration.
    pub(crate) fn context(self, span: Span, text: impl Into<String>) -> Self {
        self.add(span, text.into(), false)
    }

    fn add(self, span: Span, text: String, primary: bool) -> Self {
        let source = self.sources[span.source.0 as usize].clone();
        self.diagnostic.labels.push(Label { source, range: span.start..span.end, text, primary });
        self
    }

    /// The way out.
    pub(crate) fn help(self, text: impl Into<String>) -> Self {
        self.diagnostic.help.push(text.into());
        self
    }
}

/// The table of all codes, as markdown.
pub fn error_reference() -> String {
    let mut out = String::from(
        "# Errors in rule packs\n\nGenerated from `frontend/pack/src/diagnostic.rs`; do not edit.\n\n\
         | code | what is wrong | why, and the way out |\n|---|---|---|\n",
    );
    for code in Code::ALL {
        out.push_str(&format!("| {} | {} | {} |\n", code.id(), code.title(), code.explanation()));
    }
    out
}

/// The candidate that is most like `name`, if one is alike enough to be what was meant: few letters
/// differ, or only words at its front or its end are missing. All names in messages are found by this.
pub fn near<'c>(name: &str, candidates: impl IntoIterator<Item = &'c str>) -> Option<&'c str> {
    // Longer names are not compared, so that hostile packs do not cost quadratic time.
    const LONGEST: usize = 64;
    // A third of the letters may differ; names of one or two letters are all alike.
    let limit = name.len() / 3;
    if name.len() > LONGEST || limit == 0 {
        return None;
    }
    let between = ['-', '_', '.'];
    let lacks_words = |candidate: &str| {
        candidate.strip_suffix(name).is_some_and(|front| front.ends_with(between))
            || candidate.strip_prefix(name).is_some_and(|end| end.starts_with(between))
    };
    candidates
        .into_iter()
        .filter(|candidate| candidate.len() <= LONGEST)
        .filter_map(|candidate| {
            let distance = match candidate.len().abs_diff(name.len()) {
                difference if difference <= limit => strsim::damerau_levenshtein(name, candidate),
                _ => usize::MAX,
            };
            // What lacks words is as good as the worst that is alike.
            let distance = if lacks_words(candidate) { distance.min(limit) } else { distance };
            (distance <= limit).then_some((distance, candidate))
        })
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_names() {
        let check = |name, expect| {
            assert_eq!(near(name, ["paired", "any-bits", "same", "f32"]), expect, "{name}");
        };
        check("piared", Some("paired"));
        check("anybits", Some("any-bits"));
        check("Same", Some("same"));
        check("f64", None);
        check("f", None);
        check("nothing", None);
        check("bits", Some("any-bits"));
        check("any", Some("any-bits"));
        check("its", None);
        check("an", None);
        check(&"a".repeat(1000), None);
    }

    #[test]
    fn codes_are_in_order() {
        assert!(Code::ALL.windows(2).all(|pair| pair[0].id() < pair[1].id()));
    }

    #[test]
    fn places() {
        let source = Source::new("x".into(), "aé\n\nb".into());
        for (at, expect) in [(0, (1, 1)), (3, (1, 3)), (4, (2, 1)), (5, (3, 1)), (6, (3, 2))] {
            assert_eq!(source.line_column(at), expect);
        }
    }
}

//! Checked packs: every name resolved, every sort known, every module loaded.
//!
//! This is what the engine reads. Ids are positions in declaration order: packs in the order in
//! which they were given (a pack's `use`d packs before it), declarations in the order of the
//! file. Order is part of the meaning: ties of cost are broken by it.

use crate::diagnostic::Diagnostics;
use std::borrow::Cow;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub u32);

        impl $name {
            /// The id as an index.
            pub fn index(self) -> usize {
                self.0 as usize
            }
        }
    )*};
}

ids! {
    /// Index into [`RuleSet::packs`].
    PackId;
    /// Index into [`RuleSet::sorts`].
    SortId;
    /// Index into [`RuleSet::terms`].
    TermId;
    /// Index into [`RuleSet::facts`].
    FactId;
    /// Index into [`RuleSet::assumes`].
    AssumeId;
    /// Index into [`RuleSet::consts`].
    ConstId;
    /// Index into [`RuleSet::rules`].
    RuleId;
    /// A variable of one rule, forbid or test: index into its `vars`.
    VarId;
}

/// All packs of a run, checked together.
#[derive(Clone, Debug, Default)]
pub struct RuleSet {
    /// The packs.
    pub packs: Vec<Pack>,
    /// The sorts; the built-in ones (`Int`, `Str`) stand first.
    pub sorts: Vec<Sort>,
    /// The terms, modules included. A reference to a constant is a [`Pattern::Int`].
    pub terms: Vec<TermDecl>,
    /// The facts.
    pub facts: Vec<FactDecl>,
    /// What packs state.
    pub given: Vec<Given>,
    /// The assumptions.
    pub assumes: Vec<AssumeDecl>,
    /// The constants that a user may set.
    pub consts: Vec<ConstDecl>,
    /// The rules and options.
    pub rules: Vec<Rule>,
    /// What a plan must not contain.
    pub forbids: Vec<Forbid>,
    /// Why some questions are left open, for reports on those that are.
    pub refusals: Vec<Forbid>,
    /// What is likely wrong, though it need not be.
    pub warnings: Diagnostics,
}

/// A place in a pack's source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// The pack.
    pub pack: PackId,
    /// Byte offset of the first character.
    pub start: usize,
    /// Byte offset after the last character.
    pub end: usize,
    /// Line of `start`, from 1.
    pub line: u32,
}

/// A pack.
#[derive(Clone, Debug)]
pub struct Pack {
    /// Its dotted name, for example `meld.streams`.
    pub name: String,
    /// Its documentation.
    pub doc: String,
    /// Where it was read; built-in packs have a path that starts with `rules/`.
    pub path: PathBuf,
    /// Its text.
    pub source: Arc<str>,
    /// The packs it uses.
    pub uses: Vec<PackId>,
}

/// What may be done with the terms of a sort.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SortKind {
    /// Terms may be rewritten.
    Plain,
    /// Nominal leaves, equal only to themselves. A term of such a sort (`instance(#opts)`) is an
    /// attribute that the frontend fills in; no rule rewrites one.
    Entity,
    /// Structure that rules read but never rewrite: component types, encodings.
    Data,
    /// A decision that many operations share; only an `option` adds to it.
    Choice,
    /// `Int` and `Str`.
    Builtin,
}

/// A sort.
#[derive(Clone, Debug)]
pub struct Sort {
    /// Its name.
    pub name: String,
    /// Its documentation.
    pub doc: String,
    /// What may be done with its terms.
    pub kind: SortKind,
    /// Where it is declared; none for the built-in sorts.
    pub span: Option<Span>,
}

/// A sort, or a list of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SortRef {
    /// `T`
    One(SortId),
    /// `[T]`
    List(SortId),
}

/// A parameter of a term, fact or module.
#[derive(Clone, Debug)]
pub struct Param {
    /// Its name.
    pub name: String,
    /// Its sort.
    pub sort: SortRef,
    /// What a module's number is within.
    pub limits: Limits,
}

/// What a number is within. Without any, it may be every one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Its smallest value.
    pub min: i64,
    /// Its largest value.
    pub max: i64,
    /// It is a power of two, or 0 if the range has that.
    pub power_of_two: bool,
}

impl Limits {
    /// Every number.
    pub const NONE: Limits = Limits { min: i64::MIN, max: i64::MAX, power_of_two: false };

    /// What is wrong with a number, if anything.
    pub fn wrong(&self, value: i64) -> Option<String> {
        if value < self.min || value > self.max {
            return Some(format!("is not in {}..={}", self.min, self.max));
        }
        // Where the range has 0, it is for "none".
        let is_power = value >= 0 && value & value.wrapping_sub(1) == 0;
        (self.power_of_two && !is_power).then(|| "is not a power of two".to_owned())
    }
}

impl fmt::Display for Limits {
    /// As packs write them, with a space before each part.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if (self.min, self.max) != (Limits::NONE.min, Limits::NONE.max) {
            write!(f, " in {}..={}", self.min, self.max)?;
        }
        if self.power_of_two { f.write_str(" power-of-two") } else { Ok(()) }
    }
}

/// The weights of an implementable term.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cost {
    /// Bytes it adds to the output; paid once per distinct term.
    pub size: u64,
    /// Cost of one call through it, in tenths of a nanosecond on a common machine.
    pub call: u64,
}

/// A term, or a core module as a term.
#[derive(Clone, Debug)]
pub struct TermDecl {
    /// Its name.
    pub name: String,
    /// No other pack has a term of this name.
    pub unique: bool,
    /// Its documentation.
    pub doc: String,
    /// Its parameters.
    pub params: Vec<Param>,
    /// Its sort; of a module `Instance`, or the choice that it is an alternative of.
    pub result: SortRef,
    /// Its cost; a term without one cannot be emitted.
    pub cost: Option<Cost>,
    /// The core module, where the term is one.
    pub module: Option<ModuleDecl>,
    /// Where it is declared.
    pub span: Span,
}

/// What the name of a parameter of sort `Memory` ends with in the import of the size of its
/// pages, as a power of two.
pub const PAGE_BITS: &str = ".page-bits";

/// A core module behind a term.
#[derive(Clone, Debug)]
pub struct ModuleDecl {
    /// The module for each combination of address types that it follows: bit `n` of a position
    /// says that addresses of the parameter `follows[n]` are 64 bits wide. There is at least one,
    /// and all have the same imports and exports but for types.
    pub binaries: Vec<Arc<[u8]>>,
    /// Positions of the parameters of sort `Memory` or `Table` whose address type the module
    /// follows. The pages of such memories may be of any size, and threads may share them.
    pub follows: Vec<usize>,
    /// For each import of the module, in order, where it comes from.
    pub imports: Vec<ModuleImport>,
    /// Exports, in order, with the sort that `.name` has.
    pub exports: Vec<(String, SortId)>,
}

/// Where an import of a pack's module comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ModuleImport {
    /// From an export of that name of the parameter at this position, which is of sort
    /// `Instance` or of a choice.
    FromInstance(usize, String),
    /// It is the parameter at this position.
    Param(usize),
    /// It is the size of pages, as a power of two, of the memory at this position.
    PageBits(usize),
}

/// A fact.
#[derive(Clone, Debug)]
pub struct FactDecl {
    /// Its name.
    pub name: String,
    /// Its documentation.
    pub doc: String,
    /// Its parameters; each is of an entity, data or built-in sort.
    pub params: Vec<Param>,
    /// Packs state it, and not the frontend; then no parameter is of an entity sort.
    pub by_packs: bool,
    /// Where it is declared.
    pub span: Span,
}

/// A fact that a pack states: it holds wherever the pack takes part.
#[derive(Clone, Debug)]
pub struct Given {
    /// The fact, one that packs state.
    pub fact: FactId,
    /// Its arguments; ground, and without leaves.
    pub args: Vec<Pattern>,
    /// Its documentation.
    pub doc: String,
    /// Where it is stated; names the pack, too.
    pub span: Span,
}

/// Something that core wasm cannot promise.
#[derive(Clone, Debug)]
pub struct AssumeDecl {
    /// Its name.
    pub name: String,
    /// Its documentation.
    pub doc: String,
    /// Where it is declared.
    pub span: Span,
}

/// A constant that a user may set with `--set PACK.NAME=VALUE`, where PACK is the last part of
/// the pack's name.
#[derive(Clone, Debug)]
pub struct ConstDecl {
    /// `streams.slots`
    pub name: String,
    /// Its documentation.
    pub doc: String,
    /// The value in force: the default, or what the user set.
    pub value: i64,
    /// What its value is within.
    pub limits: Limits,
    /// Where it is declared.
    pub span: Span,
}

/// A pattern, or a term with variables.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Pattern {
    /// `?x`
    Var(VarId),
    /// `_`; only where something is matched.
    Wildcard,
    /// `name(..)`
    Term(TermId, Vec<Pattern>),
    /// `[a, b, ..?rest]`
    List(Vec<Pattern>, Option<VarId>),
    /// `p.name`
    Export(Box<Pattern>, String),
    /// `12`, or the value of a constant.
    Int(i64),
    /// `"text"`
    Str(String),
    /// `"wasi:*"`, only where something is matched: `*` stands for any text.
    Glob(String),
    /// `#a`, only in tests: an opaque leaf of the sort that its place demands.
    Leaf(SortId, String),
}

/// A condition on a match.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Guard {
    /// `fact(..)` or `!fact(..)`. A positive guard may bind variables that nothing before it
    /// bound; a negative one binds none.
    Fact {
        /// The fact.
        fact: FactId,
        /// Its arguments.
        args: Vec<Pattern>,
        /// `!`
        negated: bool,
        /// Where it stands.
        span: Span,
    },
    /// `a OP b`; for `==` and `!=` any entity, data or built-in sort, for the others `Int`.
    Compare {
        /// Left side.
        left: Pattern,
        /// The operator.
        op: Comparison,
        /// Right side.
        right: Pattern,
        /// Where it stands.
        span: Span,
    },
}

/// A comparison of a guard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Comparison {
    /// `==`
    Equal,
    /// `!=`
    NotEqual,
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
}

/// A `rule` or an `option`.
#[derive(Clone, Debug)]
pub struct Rule {
    /// Its name, unique in its pack.
    pub name: String,
    /// Its documentation.
    pub doc: String,
    /// Its pack.
    pub pack: PackId,
    /// An `option` (`for`, `offer`) rather than a `rule` (`match`, `rewrite`).
    pub is_option: bool,
    /// Names and sorts of its variables.
    pub vars: Vec<(String, SortRef)>,
    /// `match` or `for`: always a [`Pattern::Term`] or [`Pattern::Export`].
    pub pattern: Pattern,
    /// `where`, in order.
    pub guards: Vec<Guard>,
    /// `assuming`
    pub assuming: Vec<AssumeId>,
    /// `rewrite` or `offer`
    pub replacement: Pattern,
    /// `because`
    pub because: String,
    /// Its tests.
    pub tests: Vec<Test>,
    /// The whole declaration.
    pub span: Span,
}

/// A `forbid`, which looks at plans, or a `refuse`, which looks at questions that no rule answers.
#[derive(Clone, Debug)]
pub struct Forbid {
    /// Its name, unique in its pack.
    pub name: String,
    /// Its documentation.
    pub doc: String,
    /// Its pack.
    pub pack: PackId,
    /// Names and sorts of its variables.
    pub vars: Vec<(String, SortRef)>,
    /// What the plan must not contain, or what is about the question.
    pub pattern: Pattern,
    /// `where`
    pub guards: Vec<Guard>,
    /// `because`
    pub because: String,
    /// Its tests: `=>` means refused, `=/=>` allowed.
    pub tests: Vec<Test>,
    /// The whole declaration.
    pub span: Span,
}

/// A test of one rule, option, forbid or refusal, run alone.
#[derive(Clone, Debug)]
pub struct Test {
    /// The text after `test`, if any.
    pub name: Option<String>,
    /// Facts that hold; arguments are ground.
    pub given_facts: Vec<(FactId, Vec<Pattern>)>,
    /// Terms that are equal from the start; both sides ground.
    pub given_equal: Vec<(Pattern, Pattern)>,
    /// The term that is looked at; ground.
    pub term: Pattern,
    /// What must hold after saturation.
    pub expect: Expectation,
    /// The whole test.
    pub span: Span,
}

/// What a test expects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expectation {
    /// `=> term`: the rule makes the two equal.
    Becomes(Pattern),
    /// `=> refused`, in a `forbid` or a `refuse`: it matches.
    Refused,
    /// `=/=>`: the rule does not fire on the term.
    Nothing,
    /// `=/=> term`: the rule does not make the two equal.
    NotBecomes(Pattern),
}

impl RuleSet {
    /// `pack.rule`, as users write it in `--disable` and `--why-not`.
    pub fn rule_name(&self, rule: RuleId) -> String {
        let rule = &self.rules[rule.index()];
        format!("{}.{}", self.packs[rule.pack.index()].name, rule.name)
    }

    /// `pack.forbid`, as users write it in `--disable`. The position is in [`RuleSet::forbids`].
    pub fn forbid_name(&self, position: usize) -> String {
        let forbid = &self.forbids[position];
        format!("{}.{}", self.packs[forbid.pack.index()].name, forbid.name)
    }

    /// `pack.refuse`. The position is in [`RuleSet::refusals`].
    pub fn refusal_name(&self, position: usize) -> String {
        let refusal = &self.refusals[position];
        format!("{}.{}", self.packs[refusal.pack.index()].name, refusal.name)
    }

    /// A term's name as people are shown it: with that of its pack where another pack has such a term, too.
    pub fn term_name(&self, term: TermId) -> Cow<'_, str> {
        let term = &self.terms[term.index()];
        if term.unique {
            return Cow::Borrowed(&term.name);
        }
        Cow::Owned(format!("{}.{}", self.packs[term.span.pack.index()].name, term.name))
    }

    /// The first term of that name; those of the vocabulary are the only ones of theirs.
    pub fn term(&self, name: &str) -> Option<TermId> {
        self.terms.iter().position(|t| t.name == name).map(|i| TermId(i as u32))
    }

    /// The fact of that name.
    pub fn fact(&self, name: &str) -> Option<FactId> {
        self.facts.iter().position(|f| f.name == name).map(|i| FactId(i as u32))
    }
}

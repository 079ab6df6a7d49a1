//! What a pack's text says, names unresolved.
//!
//! Everything carries the span that a report points at; a span covers tokens only, never the
//! white space or comments after them. It can be encoded, so that standard packs need not be parsed at
//! every start.

use serde::{Deserialize, Serialize};

/// A pack's text: index into the loader's sources.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) struct SourceId(pub u32);

/// Bytes `start..end` of a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct Span {
    pub source: SourceId,
    pub start: usize,
    pub end: usize,
}

/// A name as written.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Name {
    pub text: String,
    pub span: Span,
}

/// One `.meld` file.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct File {
    pub doc: String,
    pub pack: Name,
    pub uses: Vec<Name>,
    pub declarations: Vec<Declaration>,
    /// Its rules had the tests that they need, and have them no more.
    pub tests_left_out: bool,
}

/// One declaration and the `///` lines before it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Declaration {
    pub doc: String,
    /// From the keyword to the last token.
    pub span: Span,
    pub kind: DeclarationKind,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum DeclarationKind {
    Sort(SortDecl),
    Term(TermDecl),
    Fact(FactDecl),
    /// Facts that the pack states, each as a pattern.
    Given(Vec<Pattern>),
    Assume(Name),
    Const(ConstDecl),
    Module(ModuleDecl),
    Rule(Box<RuleDecl>),
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct SortDecl {
    pub name: Name,
    pub kind: SortKind,
}

/// The word after a sort's name; `Plain` where there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum SortKind {
    Plain,
    Entity,
    Data,
    Choice,
}

/// `T` or `[T]`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct SortRef {
    pub name: Name,
    pub list: bool,
    pub span: Span,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Param {
    pub name: Name,
    pub sort: SortRef,
    pub limits: Limits,
}

/// `in N..=N power-of-two`, each part if it is there.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Limits {
    pub range: Option<(Int, Int)>,
    pub power_of_two: bool,
}

/// `cost size N, call N`
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Cost {
    pub size: u64,
    pub call: u64,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct TermDecl {
    pub name: Name,
    pub params: Vec<Param>,
    pub result: SortRef,
    pub cost: Option<Cost>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct FactDecl {
    pub name: Name,
    pub params: Vec<Param>,
    /// Packs state it, and not the frontend.
    pub by_packs: bool,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct ConstDecl {
    pub name: Name,
    pub sort: SortRef,
    pub value: Int,
    pub limits: Limits,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Int {
    pub value: i64,
    pub span: Span,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct ModuleDecl {
    pub name: Name,
    pub params: Vec<Param>,
    /// Without one, `Instance`.
    pub result: Option<SortRef>,
    pub from: From,
    /// Size and call. Without the size, it is that of the code.
    pub cost: Option<(Option<u64>, u64)>,
}

/// Where a module's text or binary is.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum From {
    /// A file beside the pack.
    File(Name),
    /// Text between `"""`; the span is that of the text itself.
    Inline(Name),
}

/// Which of the four keywords a rule starts with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Form {
    Rule,
    Option,
    Forbid,
    Refuse,
}

impl Form {
    /// It adds an answer; `forbid` and `refuse` only look.
    pub fn answers(self) -> bool {
        matches!(self, Form::Rule | Form::Option)
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct RuleDecl {
    pub form: Form,
    pub name: Name,
    /// `match` or `for`
    pub pattern: Pattern,
    pub guards: Vec<Guard>,
    pub assuming: Vec<Name>,
    /// `rewrite` or `offer`; only what answers has one.
    pub replacement: Option<Pattern>,
    pub because: String,
    pub tests: Vec<Test>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Guard {
    pub kind: GuardKind,
    pub span: Span,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum GuardKind {
    /// `p` or `!p`, where `p` should be `fact(..)`.
    Fact {
        pattern: Pattern,
        negated: bool,
    },
    Compare {
        left: Pattern,
        op: crate::ruleset::Comparison,
        right: Pattern,
    },
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Test {
    pub name: Option<String>,
    pub given: Vec<Given>,
    pub term: Pattern,
    pub outcome: Outcome,
    pub span: Span,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum Given {
    Fact(Pattern),
    Equal(Pattern, Pattern),
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum Outcome {
    Becomes(Pattern),
    Refused(Span),
    Nothing,
    NotBecomes(Pattern),
}

/// A pattern; nested at most as deep as the parser's limit.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Pattern {
    pub kind: PatternKind,
    pub span: Span,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum PatternKind {
    /// Without the `?`.
    Variable(String),
    Wildcard,
    /// Without the `#`.
    Leaf(String),
    Int(i64),
    /// Escapes resolved.
    Str(String),
    List(Vec<Pattern>, Option<Name>),
    /// `name`, or `name(..)`.
    Term(Name, Option<Vec<Pattern>>),
    Export(Box<Pattern>, Name),
}

impl Pattern {
    /// How many patterns it consists of, itself included.
    pub(crate) fn parts(&self) -> usize {
        1 + match &self.kind {
            PatternKind::List(elements, rest) => {
                elements.iter().map(Pattern::parts).sum::<usize>() + usize::from(rest.is_some())
            }
            PatternKind::Term(_, args) => args.iter().flatten().map(Pattern::parts).sum(),
            PatternKind::Export(base, _) => base.parts(),
            PatternKind::Variable(_)
            | PatternKind::Wildcard
            | PatternKind::Leaf(_)
            | PatternKind::Int(_)
            | PatternKind::Str(_) => 0,
        }
    }

    /// Visits every variable, with its name and place.
    pub(crate) fn variables(&self, visit: &mut impl FnMut(&str, Span)) {
        match &self.kind {
            PatternKind::Variable(name) => visit(name, self.span),
            PatternKind::List(elements, rest) => {
                elements.iter().for_each(|element| element.variables(visit));
                if let Some(rest) = rest {
                    visit(&rest.text, rest.span);
                }
            }
            PatternKind::Term(_, args) => {
                args.iter().flatten().for_each(|arg| arg.variables(visit));
            }
            PatternKind::Export(base, _) => base.variables(visit),
            PatternKind::Wildcard
            | PatternKind::Leaf(_)
            | PatternKind::Int(_)
            | PatternKind::Str(_) => {}
        }
    }
}

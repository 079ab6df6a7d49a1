//! Names, sorts and variables of patterns.
//!
//! Every place demands a sort; a variable has the sort of the place that binds it. What was
//! reported has no sort, and a place without a demand takes anything, so that no mistake is
//! reported twice.

use super::names::Kind;
use super::node::{Node, NodeKind};
use super::{Checker, INT, Known, Module, Param, STR};
use crate::ast::{Name, Pattern, PatternKind, Span};
use crate::diagnostic::{Code, near};
use crate::module::ItemType;
use crate::ruleset::{SortId, SortKind, SortRef, TermId, VarId};
use std::collections::BTreeMap;

/// What patterns may do where they stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// `match`, `for` and facts: variables are bound, `_` and `*` match.
    Match,
    /// Negated facts: `_` and `*` match, nothing is bound.
    Refuse,
    /// Comparisons.
    Compare,
    /// `rewrite` and `offer`.
    Make,
    /// Tests.
    Ground,
    /// Facts that packs state.
    Given,
}

/// What to do about a pattern that is no value, where a pack states a fact.
const GIVEN: &str = "state a fact for each value: numbers, text and data";

/// The sort that a place demands, and why.
#[derive(Clone, Copy)]
pub(super) struct Demand {
    pub sort: Known,
    pub why: Why,
}

#[derive(Clone, Copy)]
pub(super) enum Why {
    /// Nothing is demanded, because of a mistake that was reported.
    Silent,
    /// Nothing is demanded by the language.
    Any,
    /// The parameter that is declared there.
    Param(Span),
    /// What `match` or `for` matches.
    Root(Span),
    /// The other side of a comparison, an equality or a test.
    Other(Span),
    /// `.name` is taken of it.
    Exporter(Span),
}

impl Demand {
    pub(super) const SILENT: Demand = Demand { sort: None, why: Why::Silent };
    pub(super) const ANY: Demand = Demand { sort: None, why: Why::Any };

    /// As much as is known of the other side.
    pub(super) fn like(other: &Node) -> Demand {
        match other.sort {
            Some(_) => Demand { sort: other.sort, why: Why::Other(other.span) },
            None => Demand::SILENT,
        }
    }
}

/// A variable of a rule.
pub(super) struct Variable {
    pub name: String,
    pub sort: Known,
    pub span: Span,
}

/// The variables of a rule, or the leaves of a test.
pub(super) struct Scope {
    pub mode: Mode,
    pub vars: Vec<Variable>,
    pub leaves: BTreeMap<String, (SortId, Span)>,
    /// Where facts bind variables, also those that were not read yet.
    pub bound_by_facts: BTreeMap<String, Span>,
    positions: BTreeMap<String, VarId>,
}

impl Scope {
    pub(super) fn new(mode: Mode) -> Self {
        Scope {
            mode,
            vars: Vec::new(),
            leaves: BTreeMap::new(),
            bound_by_facts: BTreeMap::new(),
            positions: BTreeMap::new(),
        }
    }

    fn bind(&mut self, name: &str, sort: Known, span: Span) -> VarId {
        let var = VarId(self.vars.len() as u32);
        self.vars.push(Variable { name: name.to_owned(), sort, span });
        self.positions.insert(name.to_owned(), var);
        var
    }
}

impl Checker<'_> {
    pub(super) fn pattern(&mut self, scope: &mut Scope, pattern: &Pattern, demand: Demand) -> Node {
        let span = pattern.span;
        let (kind, sort) = match &pattern.kind {
            PatternKind::Variable(name) => {
                let (var, sort) = self.variable(scope, name, span, demand);
                (NodeKind::Var(var), sort)
            }
            PatternKind::Wildcard => {
                if !matches!(scope.mode, Mode::Match | Mode::Refuse) {
                    self.misplaced(scope.mode, span, "`_`");
                }
                (NodeKind::Wildcard, demand.sort)
            }
            PatternKind::Leaf(name) => return self.leaf(scope, name, span, demand),
            PatternKind::Int(value) => (NodeKind::Int(*value), Some(SortRef::One(INT))),
            PatternKind::Str(text) if text.contains('*') => {
                if !matches!(scope.mode, Mode::Match | Mode::Refuse) {
                    self.misplaced(scope.mode, span, "a text with `*`");
                }
                (NodeKind::Glob(text.clone()), Some(SortRef::One(STR)))
            }
            PatternKind::Str(text) => (NodeKind::Str(text.clone()), Some(SortRef::One(STR))),
            PatternKind::List(elements, rest) => {
                return self.list(scope, elements, rest.as_ref(), span, demand);
            }
            PatternKind::Term(name, None) => match self.resolve(Kind::Const, name) {
                Some(id) => {
                    let value = self.set.consts[id as usize].value;
                    self.constant_at.insert(span, id as usize);
                    (NodeKind::Int(value), Some(SortRef::One(INT)))
                }
                None => (NodeKind::Wrong, None),
            },
            PatternKind::Term(name, Some(args)) => self.term(scope, name, args, span),
            PatternKind::Export(base, name) => {
                let base = self.exporter(scope, base, name.span);
                let sort = self.export(&base, name, demand);
                (NodeKind::Export(Box::new(base), name.text.clone()), sort)
            }
        };
        if let (Some(found), Some(wanted)) = (sort, demand.sort)
            && found != wanted
        {
            self.mismatch(scope, &kind, span, found, wanted, demand.why);
            return Node { kind, span, sort: None };
        }
        Node { kind, span, sort }
    }

    /// A variable: bound here if it may be, and known from then on in any case.
    fn variable(
        &mut self,
        scope: &mut Scope,
        name: &str,
        span: Span,
        demand: Demand,
    ) -> (VarId, Known) {
        if let Some(var) = scope.positions.get(name) {
            return (*var, scope.vars[var.index()].sort);
        }
        if scope.mode == Mode::Match {
            return (scope.bind(name, demand.sort, span), demand.sort);
        }
        if matches!(scope.mode, Mode::Ground | Mode::Given) {
            let (message, help) = match scope.mode {
                Mode::Ground => ("a test has no variables", format!("write a leaf: `#{name}`")),
                _ => ("what a pack states has no variables", GIVEN.to_owned()),
            };
            self.sink.error(Code::Misplaced, message).label(span, "a variable").help(help);
        } else {
            let like = near(name, scope.vars.iter().map(|var| var.name.as_str()));
            let place = match scope.mode {
                Mode::Refuse => "a negated fact binds nothing",
                Mode::Compare => "a comparison binds nothing",
                _ => "bound neither by what is matched nor by a fact",
            };
            let report = self
                .sink
                .error(Code::Unbound, format!("nothing binds the variable `?{name}`"))
                .label(span, place);
            if let Some(fact) = scope.bound_by_facts.get(name) {
                report
                    .context(*fact, "only this binds it")
                    .help("put the guard after the fact that binds the variable");
            } else if let Some(var) = like.and_then(|like| scope.positions.get(like)) {
                let var = &scope.vars[var.index()];
                report
                    .context(var.span, format!("`?{}` is bound here", var.name))
                    .help(format!("is it `?{}`?", var.name));
            }
        }
        (scope.bind(name, None, span), None)
    }

    fn misplaced(&mut self, mode: Mode, span: Span, what: &str) {
        let (message, help) = match mode {
            Mode::Make => ("cannot be made", "bind a variable in what is matched, and use it here"),
            Mode::Compare => ("cannot be compared", "compare with a variable or a value"),
            Mode::Given => ("cannot be stated", GIVEN),
            _ => {
                ("cannot stand in a test", "a test gives one term: write a leaf (`#a`) or a value")
            }
        };
        self.sink
            .error(Code::Misplaced, format!("{what} {message}"))
            .label(span, "only matches")
            .help(help);
    }

    fn leaf(&mut self, scope: &mut Scope, name: &str, span: Span, demand: Demand) -> Node {
        let wrong = Node { kind: NodeKind::Wrong, span, sort: None };
        if scope.mode != Mode::Ground {
            let help = match scope.mode {
                Mode::Given => GIVEN.to_owned(),
                _ => format!("write a variable: `?{name}`"),
            };
            self.sink
                .error(Code::Misplaced, format!("the leaf `#{name}` stands outside of a test"))
                .label(span, "a leaf")
                .help(help);
            return wrong;
        }
        let sort = match (demand.sort, demand.why) {
            (Some(SortRef::One(sort)), _) if sort != INT && sort != STR => sort,
            (None, Why::Any) => {
                self.sink
                    .error(Code::Leaf, format!("the sort of `#{name}` is not known"))
                    .label(span, "nothing here demands a sort")
                    .help("a leaf stands for an argument; start with a term");
                return wrong;
            }
            (None, _) => return wrong,
            (Some(sort), _) => {
                let sort = self.sort_name(sort);
                self.sink
                    .error(Code::Leaf, format!("there are no leaves of {sort}"))
                    .label(span, "a leaf stands for one term")
                    .help("write numbers and text as they are, and lists as `[#a, #b]`");
                return wrong;
            }
        };
        match scope.leaves.get(name).copied() {
            Some((first, at)) if first != sort => {
                let (here, there) =
                    (self.a_sort(SortRef::One(sort)), self.a_sort(SortRef::One(first)));
                self.sink
                    .error(Code::Leaf, format!("`#{name}` stands for two different sorts"))
                    .label(span, format!("here for {here}"))
                    .context(at, format!("here for {there}"))
                    .help("give one of them another name");
                return wrong;
            }
            Some(_) => {}
            None => {
                scope.leaves.insert(name.to_owned(), (sort, span));
            }
        }
        let kind = NodeKind::Leaf(sort, name.to_owned());
        Node { kind, span, sort: Some(SortRef::One(sort)) }
    }

    fn list(
        &mut self,
        scope: &mut Scope,
        elements: &[Pattern],
        rest: Option<&Name>,
        span: Span,
        demand: Demand,
    ) -> Node {
        let (sort, element) = match demand.sort {
            Some(SortRef::List(id)) => {
                (demand.sort, Demand { sort: Some(SortRef::One(id)), why: demand.why })
            }
            Some(other) => {
                let other = self.a_sort(other);
                let report = self
                    .sink
                    .error(Code::SortMismatch, format!("expected {other}, found a list"))
                    .label(span, "a list");
                explain(report, demand.why, &other);
                (None, Demand::SILENT)
            }
            None => (None, Demand::SILENT),
        };
        let elements = elements.iter().map(|e| self.pattern(scope, e, element)).collect();
        let rest = rest.map(|name| {
            let (var, found) =
                self.variable(scope, &name.text, name.span, Demand { sort, ..demand });
            if let (Some(found), Some(wanted)) = (found, sort)
                && found != wanted
            {
                self.mismatch(scope, &NodeKind::Var(var), name.span, found, wanted, demand.why);
            }
            var
        });
        Node { kind: NodeKind::List(elements, rest), span, sort }
    }

    fn term(
        &mut self,
        scope: &mut Scope,
        name: &Name,
        args: &[Pattern],
        span: Span,
    ) -> (NodeKind, Known) {
        let Some(id) = self.resolve(Kind::Term, name) else {
            for arg in args {
                self.pattern(scope, arg, Demand::SILENT);
            }
            return (NodeKind::Wrong, None);
        };
        let term = &self.terms[id as usize];
        let (result, declared) = (term.result, term.span);
        let demands = demands(&term.params);
        let args = self.args(scope, &name.text, args, span, &demands, declared);
        (NodeKind::Term(TermId(id), args), result)
    }

    /// Arguments of a term or fact.
    pub(super) fn args(
        &mut self,
        scope: &mut Scope,
        name: &str,
        args: &[Pattern],
        span: Span,
        demands: &[Demand],
        declared: Span,
    ) -> Vec<Node> {
        let right = args.len() == demands.len();
        if !right {
            let count = |n: usize| match n {
                0 => "no arguments".to_owned(),
                1 => "1 argument".to_owned(),
                n => format!("{n} arguments"),
            };
            self.sink
                .error(Code::Arity, format!("`{name}` takes {}", count(demands.len())))
                .label(span, format!("has {}", count(args.len())))
                .context(declared, "declared here");
        }
        let demands: Vec<_> = match right {
            true => demands.to_vec(),
            false => vec![Demand::SILENT; args.len()],
        };
        args.iter().zip(demands).map(|(arg, demand)| self.pattern(scope, arg, demand)).collect()
    }

    /// What `.name` is taken of. Where nothing else says so, it is an instance.
    fn exporter(&mut self, scope: &mut Scope, base: &Pattern, dot: Span) -> Node {
        let unknown = match &base.kind {
            PatternKind::Variable(name) => !scope.positions.contains_key(name),
            PatternKind::Wildcard => true,
            PatternKind::Leaf(name) => !scope.leaves.contains_key(name),
            _ => false,
        };
        let demand = match (unknown, &base.kind, self.core.instance) {
            (true, _, Some(id)) => Demand { sort: Some(SortRef::One(id)), why: Why::Exporter(dot) },
            (false, PatternKind::Leaf(name), _) => {
                let sort = scope.leaves.get(name).map(|(sort, _)| SortRef::One(*sort));
                Demand { sort, why: Why::Exporter(dot) }
            }
            (false, ..) => Demand::ANY,
            (true, _, None) => Demand::SILENT,
        };
        self.pattern(scope, base, demand)
    }

    /// The sort of an export. Of a module, or of a choice between modules, it is known;
    /// otherwise it is what the place demands.
    fn export(&mut self, base: &Node, name: &Name, demand: Demand) -> Known {
        let sort = base.sort?;
        if !self.has_exports(sort) {
            let sort = self.a_sort(sort);
            self.sink
                .error(Code::NoExports, format!("{sort} has no export `{}`", name.text))
                .label(base.span, sort)
                .help("only an `Instance` and a choice have exports");
            return None;
        }
        let NodeKind::Term(term, _) = &base.kind else { return self.unknown_export(demand) };
        let Some(module) = self.exporting_module(*term) else { return self.unknown_export(demand) };
        let Module::Loaded { exports, .. } = &self.terms[module.index()].module else {
            return None;
        };
        if let Some(kind) = find(exports, &name.text).map(ItemType::kind) {
            return self.kind_sort(kind, name.span).map(SortRef::One);
        }
        let names: Vec<_> = exports.iter().map(|(name, _)| name.as_str()).collect();
        let like = near(&name.text, names.iter().copied()).map(str::to_owned);
        let list = names.iter().take(12).copied().collect::<Vec<_>>().join("`, `");
        let module_name = &self.set.terms[module.index()].name;
        let report = self
            .sink
            .error(
                Code::UnknownExport,
                format!("the module `{module_name}` has no export `{}`", name.text),
            )
            .label(name.span, "unknown export")
            .context(self.terms[module.index()].span, "declared here");
        match like {
            Some(like) => report.help(format!("is it `{like}`?")),
            None if list.is_empty() => report.help("it exports nothing"),
            None => report.help(format!("it exports `{list}`")),
        };
        None
    }

    fn unknown_export(&self, demand: Demand) -> Known {
        let sort = match demand.sort? {
            SortRef::One(id) => id,
            SortRef::List(_) => self.core.kinds[0]?,
        };
        let kind = self.core.kinds.iter().flatten().find(|kind| **kind == sort).copied();
        kind.or(self.core.kinds[0]).map(SortRef::One)
    }

    /// The module whose exports a term has: its own, or that of an alternative of the decision.
    pub(super) fn exporting_module(&self, term: TermId) -> Option<TermId> {
        let is_module = |term: TermId| !matches!(self.terms[term.index()].module, Module::None);
        if is_module(term) {
            return Some(term);
        }
        self.choices.alternatives_of(term).find(|alternative| is_module(*alternative))
    }

    fn mismatch(
        &mut self,
        scope: &Scope,
        kind: &NodeKind,
        span: Span,
        found: SortRef,
        wanted: SortRef,
        why: Why,
    ) {
        let (found, wanted) = (self.a_sort(found), self.a_sort(wanted));
        let mut report = self
            .sink
            .error(Code::SortMismatch, format!("expected {wanted}, found {found}"))
            .label(span, found.as_str());
        match kind {
            NodeKind::Var(var) => {
                let var = &scope.vars[var.index()];
                report = report.context(var.span, format!("`?{}` is {found} here", var.name));
            }
            NodeKind::Term(term, _) => {
                report = report.context(self.terms[term.index()].span, format!("makes {found}"));
            }
            _ => {}
        }
        explain(report, why, &wanted);
    }

    /// The sort if terms of it may be compared with `==`.
    pub(super) fn comparable(&self, sort: SortRef) -> bool {
        !matches!(self.sort_kind(sort), SortKind::Plain | SortKind::Choice)
    }
}

/// Adds where a demand comes from.
fn explain(report: crate::diagnostic::Report<'_>, why: Why, wanted: &str) {
    match why {
        Why::Silent | Why::Any => {}
        Why::Param(at) => {
            report.context(at, format!("{wanted} is declared here"));
        }
        Why::Root(at) => {
            report.context(at, format!("what is matched is {wanted}"));
        }
        Why::Other(at) => {
            report.context(at, format!("this is {wanted}"));
        }
        Why::Exporter(at) => {
            report.context(at, "an export is taken of it");
        }
    }
}

/// What parameters demand of arguments.
pub(super) fn demands(params: &[Param]) -> Vec<Demand> {
    let demand = |param: &Param| match param.sort {
        Some(_) => Demand { sort: param.sort, why: Why::Param(param.span) },
        None => Demand::SILENT,
    };
    params.iter().map(demand).collect()
}

/// The export of that name.
pub(super) fn find<'e>(exports: &'e [(String, ItemType)], name: &str) -> Option<&'e ItemType> {
    exports.iter().find(|(export, _)| export == name).map(|(_, ty)| ty)
}

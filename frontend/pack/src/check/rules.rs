//! Rules, options, forbids, refusals and their tests.

use super::Checker;
use super::INT;
use super::merges::Answer;
use super::names::Kind;
use super::node::{GuardKind, GuardNode, Node, NodeKind};
use super::sorts::{Demand, Mode, Scope, Variable, Why, demands};
use crate::ast::{
    self, Declaration, DeclarationKind, Form, Given, Outcome, PatternKind, RuleDecl, Span,
};
use crate::diagnostic::Code;
use crate::ruleset::{
    AssumeId, Comparison, Expectation, FactId, Forbid, Given as Stated, Guard, PackId, Rule,
    SortKind, SortRef, Test,
};
use std::collections::BTreeMap;

impl Checker<'_> {
    pub(super) fn rules(&mut self) {
        for (position, file) in self.files.clone().into_iter().enumerate() {
            let mut names: BTreeMap<&str, Span> = BTreeMap::new();
            for declaration in &file.declarations {
                let DeclarationKind::Rule(rule) = &declaration.kind else { continue };
                match names.get(rule.name.text.as_str()) {
                    Some(first) => {
                        self.sink
                            .error(
                                Code::DuplicateName,
                                format!("two rules of the pack are called `{}`", rule.name.text),
                            )
                            .label(rule.name.span, "declared again")
                            .context(*first, "declared first");
                    }
                    None => {
                        names.insert(&rule.name.text, rule.name.span);
                    }
                }
                self.rule(PackId(position as u32), declaration, rule);
            }
        }
    }

    /// What packs state.
    pub(super) fn given(&mut self) {
        for file in self.files.clone() {
            for declaration in &file.declarations {
                let DeclarationKind::Given(facts) = &declaration.kind else { continue };
                for pattern in facts {
                    self.stated(declaration, pattern);
                }
            }
        }
    }

    fn stated(&mut self, declaration: &Declaration, pattern: &ast::Pattern) {
        let mut scope = Scope::new(Mode::Given);
        let Some((fact, args)) = self.fact(&mut scope, pattern) else { return };
        let declared = &self.set.facts[fact.index()];
        if !declared.by_packs {
            let message = format!("packs do not state `{}`", declared.name);
            let at = self.facts[fact.index()].0;
            self.sink
                .error(Code::NotByPacks, message)
                .label(pattern.span, "stated by a pack")
                .context(at, "declared without `by-packs`");
        }
        let args = args.iter().map(Node::pattern).collect();
        let (doc, span) = (declaration.doc.clone(), self.span(pattern.span));
        self.set.given.push(Stated { fact, args, doc, span });
    }

    fn rule(&mut self, pack: PackId, declaration: &Declaration, rule: &RuleDecl) {
        let before = self.sink.count();
        let mut scope = Scope::new(Mode::Match);
        let root = self.pattern(&mut scope, &rule.pattern, Demand::ANY);
        self.root(&root, rule.form);
        for guard in &rule.guards {
            if let ast::GuardKind::Fact { pattern, negated: false } = &guard.kind {
                pattern.variables(&mut |name, span| {
                    scope.bound_by_facts.entry(name.to_owned()).or_insert(span);
                });
            }
        }
        let guards: Vec<_> =
            rule.guards.iter().filter_map(|guard| self.guard(&mut scope, guard)).collect();
        let mut assuming: Vec<AssumeId> = Vec::new();
        for name in &rule.assuming {
            assuming.extend(self.resolve(Kind::Assume, name).map(AssumeId));
        }
        scope.mode = Mode::Make;
        let demand = match root.sort {
            Some(_) => Demand { sort: root.sort, why: Why::Root(root.span) },
            None if matches!(root.kind, NodeKind::Export(..)) => Demand::ANY,
            None => Demand::SILENT,
        };
        let made = rule.replacement.as_ref().map(|made| self.pattern(&mut scope, made, demand));
        if self.sink.count() == before {
            self.possible(&guards);
            if let Some(made) = &made {
                self.whole_rule(rule.form, &root, &guards, made, &scope.vars);
                let vars = scope.vars.iter().map(|var| var.name.clone());
                let answer = Answer::new(&rule.name.text, &root, &guards, made, vars);
                self.answers(rule.form, answer);
            }
        }
        let tests: Vec<_> = rule.tests.iter().map(|test| self.test(rule.form, test)).collect();
        if rule.form.answers() && !self.files[pack.index()].tests_left_out {
            self.tested(rule);
        }
        let vars = scope
            .vars
            .into_iter()
            .map(|var| (var.name, var.sort.unwrap_or(SortRef::One(INT))))
            .collect();
        let (name, doc) = (rule.name.text.clone(), declaration.doc.clone());
        let because = rule.because.clone();
        let span = self.span(declaration.span);
        let guards = guards.iter().map(|guard| self.set_guard(guard)).collect();
        let pattern = root.pattern();
        match made {
            None => {
                let forbid =
                    Forbid { name, doc, pack, vars, pattern, guards, because, tests, span };
                match rule.form {
                    Form::Refuse => self.set.refusals.push(forbid),
                    _ => self.set.forbids.push(forbid),
                }
            }
            Some(made) => self.set.rules.push(Rule {
                name,
                doc,
                pack,
                is_option: rule.form == Form::Option,
                vars,
                pattern,
                guards,
                assuming,
                replacement: made.pattern(),
                because,
                tests,
                span,
            }),
        }
    }

    /// Checks that need all of a rule to be right.
    fn whole_rule(
        &mut self,
        form: Form,
        root: &Node,
        guards: &[GuardNode],
        made: &Node,
        vars: &[Variable],
    ) {
        let before = self.sink.count();
        match form {
            Form::Option => self.option_and_choices(root, guards, made, vars),
            _ => self.rule_and_choices(root, guards, made),
        }
        self.makes.rule(root, made);
        if self.sink.count() == before {
            self.terminates(root, guards, made);
            self.wired(made);
        }
    }

    /// What a rule starts with.
    fn root(&mut self, root: &Node, form: Form) {
        let word = if form == Form::Option { "for" } else { "match" };
        match &root.kind {
            NodeKind::Wrong => return,
            NodeKind::Term(..) | NodeKind::Export(..) => {}
            _ => {
                self.sink
                    .error(Code::Root, format!("`{word}` starts with a term or an export"))
                    .label(root.span, "neither");
                return;
            }
        }
        // What only looks may look at anything.
        let Some(sort) = root.sort.filter(|_| form.answers()) else { return };
        let why = match self.sort_kind(sort) {
            SortKind::Plain | SortKind::Choice => return,
            SortKind::Entity => "an entity is equal only to itself",
            SortKind::Data => "data is read, never rewritten",
            SortKind::Builtin => "numbers and text are equal only to themselves",
        };
        let sort = self.a_sort(sort);
        self.sink.error(Code::Root, format!("no rule rewrites {sort}")).label(root.span, why);
    }

    fn guard(&mut self, scope: &mut Scope, guard: &ast::Guard) -> Option<GuardNode> {
        let kind = match &guard.kind {
            ast::GuardKind::Fact { pattern, negated } => {
                scope.mode = if *negated { Mode::Refuse } else { Mode::Match };
                let (fact, args) = self.fact(scope, pattern)?;
                GuardKind::Fact { fact, args, negated: *negated }
            }
            ast::GuardKind::Compare { left, op, right } => {
                scope.mode = Mode::Compare;
                let first = self.pattern(scope, left, Demand::ANY);
                let second = self.pattern(scope, right, Demand::like(&first));
                self.compared(&first, *op, &second);
                GuardKind::Compare { left: first, op: *op, right: second }
            }
        };
        Some(GuardNode { kind, span: guard.span })
    }

    fn compared(&mut self, left: &Node, op: Comparison, right: &Node) {
        let equality = matches!(op, Comparison::Equal | Comparison::NotEqual);
        let sides = [left, right];
        let Some((side, sort)) = sides.iter().find_map(|side| Some((side, side.sort?))) else {
            return;
        };
        let sort_name = self.a_sort(sort);
        if !self.comparable(sort) {
            self.sink
                .error(Code::NotOrdered, format!("{sort_name} cannot be compared"))
                .label(side.span, "rules change what it is equal to")
                .help("match it: use one variable twice, or write the term in the pattern");
        } else if !equality && sort != SortRef::One(INT) {
            self.sink
                .error(Code::NotOrdered, format!("{sort_name} has no order"))
                .label(side.span, "not a number")
                .help("only numbers are larger or smaller; compare with `==` or `!=`");
        }
    }

    /// A pattern that should be a fact; none after a report.
    fn fact(&mut self, scope: &mut Scope, pattern: &ast::Pattern) -> Option<(FactId, Vec<Node>)> {
        let PatternKind::Term(name, args) = &pattern.kind else {
            self.sink
                .error(Code::WrongKind, "a fact is needed here")
                .label(pattern.span, "not `fact(..)`")
                .help(match scope.mode {
                    Mode::Given => "a pack states facts: `given fact(..)`",
                    _ => "a guard is `fact(..)`, `!fact(..)` or a comparison",
                });
            return None;
        };
        let Some(id) = self.resolve(Kind::Fact, name) else {
            // Its variables are bound all the same, so that they are not reported later.
            scope.mode = match scope.mode {
                Mode::Ground | Mode::Given => scope.mode,
                _ => Mode::Match,
            };
            for arg in args.iter().flatten() {
                self.pattern(scope, arg, Demand::SILENT);
            }
            return None;
        };
        let (declared, params) = &self.facts[id as usize];
        let (declared, demands) = (*declared, demands(params));
        let args = args.as_deref().unwrap_or_default();
        let args = self.args(scope, &name.text, args, pattern.span, &demands, declared);
        Some((FactId(id), args))
    }

    fn set_guard(&self, guard: &GuardNode) -> Guard {
        let span = self.span(guard.span);
        match &guard.kind {
            GuardKind::Fact { fact, args, negated } => Guard::Fact {
                fact: *fact,
                args: args.iter().map(Node::pattern).collect(),
                negated: *negated,
                span,
            },
            GuardKind::Compare { left, op, right } => {
                Guard::Compare { left: left.pattern(), op: *op, right: right.pattern(), span }
            }
        }
    }

    fn test(&mut self, form: Form, test: &ast::Test) -> Test {
        let mut scope = Scope::new(Mode::Ground);
        let mut given_facts = Vec::new();
        let mut given_equal = Vec::new();
        for given in &test.given {
            match given {
                Given::Fact(pattern) => {
                    if let Some((fact, args)) = self.fact(&mut scope, pattern) {
                        given_facts.push((fact, args.iter().map(Node::pattern).collect()));
                    }
                }
                Given::Equal(left, right) => {
                    let (left, right) = self.sides(&mut scope, left, right);
                    given_equal.push((left.pattern(), right.pattern()));
                }
            }
        }
        let misfit = |checker: &mut Self, span: Span, help: &str| {
            checker
                .sink
                .error(Code::TestForm, "the test does not fit what it tests")
                .label(span, "not here")
                .help(help);
        };
        let looks = "a `forbid` or a `refuse` is tested with `=> refused` and `=/=>`";
        let (term, expect) = match &test.outcome {
            Outcome::Becomes(pattern) | Outcome::NotBecomes(pattern) => {
                let (term, made) = self.sides(&mut scope, &test.term, pattern);
                if !form.answers() {
                    misfit(self, pattern.span, looks);
                }
                let expect = match &test.outcome {
                    Outcome::Becomes(_) => Expectation::Becomes(made.pattern()),
                    _ => Expectation::NotBecomes(made.pattern()),
                };
                (term, expect)
            }
            Outcome::Refused(span) => {
                if form.answers() {
                    misfit(
                        self,
                        *span,
                        "only a `forbid` or a `refuse` refuses; a rule that does not fire is `=/=>`",
                    );
                }
                (self.pattern(&mut scope, &test.term, Demand::ANY), Expectation::Refused)
            }
            Outcome::Nothing => {
                (self.pattern(&mut scope, &test.term, Demand::ANY), Expectation::Nothing)
            }
        };
        Test {
            name: test.name.clone(),
            given_facts,
            given_equal,
            term: term.pattern(),
            expect,
            span: self.span(test.span),
        }
    }

    /// Two terms of one sort. An export whose sort is not known has that of the other side, and
    /// is a function if the other is a leaf.
    fn sides(
        &mut self,
        scope: &mut Scope,
        left: &ast::Pattern,
        right: &ast::Pattern,
    ) -> (Node, Node) {
        let first = self.pattern(scope, left, Demand::ANY);
        let demand = match (first.sort, &first.kind, &right.kind) {
            (Some(_), ..) => Demand::like(&first),
            (None, NodeKind::Export(..), PatternKind::Leaf(_)) => {
                let func = self.core.kinds[0].map(SortRef::One);
                Demand { sort: func, why: Why::Other(first.span) }
            }
            (None, NodeKind::Export(..), _) => Demand::ANY,
            _ => Demand::SILENT,
        };
        let second = self.pattern(scope, right, demand);
        (first, second)
    }

    /// Every rule has a test where it fires; with guards, one where it refuses.
    fn tested(&mut self, rule: &RuleDecl) {
        let fires = |test: &ast::Test| matches!(test.outcome, Outcome::Becomes(_));
        let refuses =
            |test: &ast::Test| matches!(test.outcome, Outcome::Nothing | Outcome::NotBecomes(_));
        let name = &rule.name;
        if !rule.tests.iter().any(fires) {
            self.sink
                .error(Code::Untested, format!("no test shows where `{}` fires", name.text))
                .label(name.span, "without a test")
                .help("add `test { given ..; term => term }`");
        } else if let Some(guard) = rule.guards.first()
            && !rule.tests.iter().any(refuses)
        {
            self.sink
                .error(Code::Untested, format!("no test shows where `{}` refuses", name.text))
                .label(guard.span, "nothing shows that this is needed")
                .help("add `test { term =/=> }`, with facts that do not satisfy the guards");
        }
    }
}

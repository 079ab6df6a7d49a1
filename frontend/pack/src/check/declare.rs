//! Sorts, terms, facts, assumptions and constants.

use super::names::Kind;
use super::{Checker, CoreSorts, INT, Known, Module, Param, STR, Term};
use crate::ast::{self, ConstDecl, Declaration, DeclarationKind};
use crate::diagnostic::{Code, near};
use crate::module;
use crate::ruleset::{
    self, AssumeDecl, Cost, FactDecl, Limits, Sort, SortId, SortKind, SortRef, TermDecl,
};
use std::collections::BTreeMap;

impl<'a> Checker<'a> {
    /// Declares all but rules. Names first, so that declarations may stand in any order.
    pub(super) fn declare(&mut self, settings: &[(String, String)]) {
        for (name, id, doc) in
            [("Int", INT, "A number of 64 bits with sign."), ("Str", STR, "A text.")]
        {
            self.names.builtin(name, id.0);
            self.set.sorts.push(Sort {
                name: name.to_owned(),
                doc: doc.to_owned(),
                kind: SortKind::Builtin,
                span: None,
            });
        }
        let files = self.files.clone();
        let all = || files.iter().flat_map(|file| &file.declarations);
        all().for_each(|declaration| self.declare_sort(declaration));
        let sort = |name: &str| self.names.get(Kind::Sort, name).map(SortId);
        self.core = CoreSorts {
            instance: sort("Instance"),
            kinds: module::Kind::ALL.map(|kind| sort(kind.sort())),
        };
        all().for_each(|declaration| self.declare_rest(declaration));
        let mut named: BTreeMap<String, usize> = BTreeMap::new();
        for term in &self.set.terms {
            *named.entry(term.name.clone()).or_default() += 1;
        }
        self.set.terms.iter_mut().for_each(|term| term.unique = named[&term.name] == 1);
        self.settings(settings);
    }

    fn declare_sort(&mut self, declaration: &Declaration) {
        let DeclarationKind::Sort(sort) = &declaration.kind else { return };
        if !self.declare_name(Kind::Sort, &sort.name, self.set.sorts.len()) {
            return;
        }
        let kind = match sort.kind {
            ast::SortKind::Plain => SortKind::Plain,
            ast::SortKind::Entity => SortKind::Entity,
            ast::SortKind::Data => SortKind::Data,
            ast::SortKind::Choice => SortKind::Choice,
        };
        let span = Some(self.span(declaration.span));
        let (name, doc) = (sort.name.text.clone(), declaration.doc.clone());
        self.set.sorts.push(Sort { name, doc, kind, span });
    }

    fn declare_rest(&mut self, declaration: &'a Declaration) {
        match &declaration.kind {
            DeclarationKind::Sort(_) | DeclarationKind::Given(_) | DeclarationKind::Rule(_) => {}
            DeclarationKind::Term(term) => {
                let params = self.params(&term.params);
                let result = self.sort_ref(&term.result);
                self.declare_term(declaration, &term.name, params, result, term.cost, None);
            }
            DeclarationKind::Module(module) => self.declare_module(declaration, module),
            DeclarationKind::Fact(fact) => self.declare_fact(declaration, fact),
            DeclarationKind::Assume(name) => {
                if self.declare_name(Kind::Assume, name, self.set.assumes.len()) {
                    let span = self.span(declaration.span);
                    let (name, doc) = (name.text.clone(), declaration.doc.clone());
                    self.set.assumes.push(AssumeDecl { name, doc, span });
                }
            }
            DeclarationKind::Const(constant) => self.declare_const(declaration, constant),
        }
    }

    /// Parameters, their names checked to differ.
    pub(super) fn params(&mut self, params: &[ast::Param]) -> Vec<Param> {
        let mut seen = BTreeMap::new();
        for param in params {
            if let Some(first) = seen.insert(&param.name.text, param.name.span) {
                self.sink
                    .error(
                        Code::DuplicateName,
                        format!("two parameters are called `{}`", param.name.text),
                    )
                    .label(param.name.span, "the second")
                    .context(first, "the first");
            }
        }
        params
            .iter()
            .map(|param| {
                let sort = self.sort_ref(&param.sort);
                let limits = limits(&param.limits);
                if limits != Limits::NONE && sort.is_some_and(|sort| sort != SortRef::One(INT)) {
                    self.sink
                        .error(Code::SortMismatch, "what has a range is an `Int`")
                        .label(param.sort.span, "another sort");
                }
                Param { name: param.name.text.clone(), sort, limits, span: param.name.span }
            })
            .collect()
    }

    pub(super) fn sort_ref(&mut self, sort: &ast::SortRef) -> Known {
        let id = SortId(self.resolve(Kind::Sort, &sort.name)?);
        Some(if sort.list { SortRef::List(id) } else { SortRef::One(id) })
    }

    /// Declares a term, or a module as one. The rule set is only used if nothing is wrong, so
    /// what is not known may stand in it as any sort.
    pub(super) fn declare_term(
        &mut self,
        declaration: &Declaration,
        name: &ast::Name,
        params: Vec<Param>,
        result: Known,
        cost: Option<ast::Cost>,
        module: Option<(ruleset::ModuleDecl, Module)>,
    ) {
        if !self.declare_name(Kind::Term, name, self.set.terms.len()) {
            return;
        }
        let (decl, module) = match module {
            Some((decl, module)) => (Some(decl), module),
            None => (None, Module::None),
        };
        self.set.terms.push(TermDecl {
            name: name.text.clone(),
            unique: true,
            doc: declaration.doc.clone(),
            params: set_params(&params),
            result: result.unwrap_or(SortRef::One(INT)),
            cost: cost.map(|cost| Cost { size: cost.size, call: cost.call }),
            module: decl,
            span: self.span(declaration.span),
        });
        self.terms.push(Term { span: name.span, params, result, module });
    }

    fn declare_fact(&mut self, declaration: &Declaration, fact: &ast::FactDecl) {
        let params = self.params(&fact.params);
        for (param, written) in params.iter().zip(&fact.params) {
            let Some(sort) = param.sort else { continue };
            let kind = self.sort_kind(sort);
            let name = self.sort_name(sort);
            if kind == SortKind::Entity && fact.by_packs {
                self.sink
                    .error(Code::FactSort, format!("no pack can state a fact about {name}"))
                    .label(written.sort.span, "packs have no names for its terms")
                    .help("only the frontend states facts about the program");
            }
            if matches!(kind, SortKind::Plain | SortKind::Choice) {
                self.sink
                    .error(
                        Code::FactSort,
                        format!("a fact cannot speak of {name}, whose terms rules change"),
                    )
                    .label(written.sort.span, "neither entity, data, number nor text")
                    .help("facts are proved before any rule runs");
            }
        }
        if self.declare_name(Kind::Fact, &fact.name, self.set.facts.len()) {
            let span = self.span(declaration.span);
            self.set.facts.push(FactDecl {
                name: fact.name.text.clone(),
                doc: declaration.doc.clone(),
                params: set_params(&params),
                by_packs: fact.by_packs,
                span,
            });
            self.facts.push((fact.name.span, params));
        }
    }

    fn declare_const(&mut self, declaration: &Declaration, constant: &ConstDecl) {
        let sort = self.sort_ref(&constant.sort);
        if sort.is_some_and(|sort| sort != SortRef::One(INT)) {
            self.sink
                .error(Code::SortMismatch, "a constant is an `Int`")
                .label(constant.sort.span, "another sort");
        }
        let limits = limits(&constant.limits);
        let value = constant.value.value;
        if let Some(wrong) = limits.wrong(value) {
            self.sink
                .error(Code::ConstValue, format!("the default of `{}` {wrong}", constant.name.text))
                .label(constant.value.span, "the default");
        }
        if !self.declare_name(Kind::Const, &constant.name, self.set.consts.len()) {
            return;
        }
        let span = self.span(declaration.span);
        let pack = &self.set.packs[span.pack.index()].name;
        let last = pack.rsplit('.').next().unwrap_or(pack);
        self.set.consts.push(ruleset::ConstDecl {
            name: format!("{last}.{}", constant.name.text),
            doc: declaration.doc.clone(),
            value,
            limits,
            span,
        });
    }

    /// The constants that a user may mean by a name, which is the end of the pack's name, from a dot on,
    /// and the constant's own; one that is named in full is the one.
    fn constants_named(&self, name: &str) -> Vec<usize> {
        let consts = || self.set.consts.iter().enumerate();
        if let Some((at, _)) = consts().find(|(_, constant)| self.full_name(constant) == name) {
            return vec![at];
        }
        let end = format!(".{name}");
        let meant = consts().filter(|(_, constant)| {
            name.len() >= constant.name.len() && self.full_name(constant).ends_with(&end)
        });
        meant.map(|(at, _)| at).collect()
    }

    /// The whole name of the pack, a dot, and the constant's own name.
    fn full_name(&self, constant: &ruleset::ConstDecl) -> String {
        let pack = &self.set.packs[constant.span.pack.index()].name;
        match pack.rsplit_once('.') {
            Some((front, _)) => format!("{front}.{}", constant.name),
            None => constant.name.clone(),
        }
    }

    /// Gives constants the values that the user set.
    fn settings(&mut self, settings: &[(String, String)]) {
        for (name, value) in settings {
            let named = self.constants_named(name);
            if named.len() > 1 {
                let names: Vec<_> = named
                    .iter()
                    .map(|constant| format!("`{}`", self.full_name(&self.set.consts[*constant])))
                    .collect();
                self.sink
                    .error(
                        Code::UnknownSetting,
                        format!("`--set {name}`: several packs have such a constant"),
                    )
                    .help(format!("say which: {}", names.join(" or ")));
                continue;
            }
            let Some(&at) = named.first() else {
                let names: Vec<_> = self.set.consts.iter().map(|c| c.name.as_str()).collect();
                let report = self
                    .sink
                    .error(Code::UnknownSetting, format!("`--set {name}`: no such constant"));
                match near(name, names.iter().copied()) {
                    Some(like) => report.help(format!("is it `{like}`?")),
                    None if names.is_empty() => report.help("no pack declares a constant"),
                    None => report.help(format!("the constants are {}", names.join(", "))),
                };
                continue;
            };
            self.set_by.insert(at, format!("--set {name}={value}"));
            let constant = &mut self.set.consts[at];
            let wrong = match value.parse::<i64>() {
                Err(_) => Some("is not a number of 64 bits".to_owned()),
                Ok(number) => {
                    let wrong = constant.limits.wrong(number);
                    // What is wrong is told once, not again wherever the constant stands.
                    constant.value = if wrong.is_none() { number } else { constant.value };
                    wrong
                }
            };
            let span = constant.span;
            if let Some(wrong) = wrong {
                let source = self.files[span.pack.index()].pack.span.source;
                self.sink
                    .error(Code::SettingValue, format!("`--set {name}={value}`: the value {wrong}"))
                    .label(ast::Span { source, start: span.start, end: span.end }, "declared here");
            }
        }
    }
}

/// Limits as they are declared. A power of two without a range is at least 1.
fn limits(declared: &ast::Limits) -> Limits {
    let power_of_two = declared.power_of_two;
    let lowest = if power_of_two { 1 } else { Limits::NONE.min };
    let (min, max) = match declared.range {
        Some((low, high)) => (low.value, high.value),
        None => (lowest, Limits::NONE.max),
    };
    Limits { min, max, power_of_two }
}

fn set_params(params: &[Param]) -> Vec<ruleset::Param> {
    let param = |param: &Param| ruleset::Param {
        name: param.name.clone(),
        sort: param.sort.unwrap_or(SortRef::One(INT)),
        limits: param.limits,
    };
    params.iter().map(param).collect()
}

//! From the parser's pairs to the [`ast`](crate::ast).
//!
//! The grammar has fixed what children a pair has and in which order, so the readers here take
//! them by position. What the grammar cannot say (numbers that fit, escapes that are characters,
//! `..?rest` at the end) is reported here.

use crate::ast::*;
use crate::diagnostic::{Code, Sink};
use crate::parse::{MAX_GUARDS, MAX_PARTS, Rule};
use crate::ruleset::Comparison;
use pest::iterators::{Pair, Pairs};

/// Reads a file.
pub(crate) fn file(source: SourceId, pair: Pair<'_, Rule>, sink: &mut Sink) -> File {
    let mut reader = Reader { source, sink };
    let nowhere = Span { source, start: 0, end: 0 };
    let mut file = File {
        doc: String::new(),
        pack: Name { text: String::new(), span: nowhere },
        uses: Vec::new(),
        declarations: Vec::new(),
        tests_left_out: false,
    };
    for pair in pair.into_inner() {
        match pair.as_rule() {
            Rule::pack_header => {
                let mut inner = pair.into_inner();
                file.doc = docs(&mut inner);
                inner.next();
                file.pack = reader.name(&mut inner);
            }
            Rule::use_decl => {
                let mut inner = pair.into_inner();
                inner.next();
                file.uses.push(reader.name(&mut inner));
            }
            Rule::declaration => file.declarations.push(reader.declaration(pair)),
            _ => {}
        }
    }
    file
}

/// The `///` lines at the front, without the slashes and one space.
fn docs(pairs: &mut Pairs<'_, Rule>) -> String {
    let mut lines = Vec::new();
    while let Some(pair) = take(pairs, Rule::doc) {
        let line = pair.as_str().trim_start_matches('/').trim_end();
        lines.push(line.strip_prefix(' ').unwrap_or(line));
    }
    lines.join("\n")
}

/// The next pair, if it is of that rule.
fn take<'t>(pairs: &mut Pairs<'t, Rule>, rule: Rule) -> Option<Pair<'t, Rule>> {
    (pairs.peek()?.as_rule() == rule).then(|| pairs.next()).flatten()
}

/// End of the last token of a pair; the pair itself may have swallowed white space after it.
fn trimmed_end(pair: &Pair<'_, Rule>) -> usize {
    let mut pair = pair.clone();
    while let Some(last) = pair.clone().into_inner().next_back() {
        pair = last;
    }
    pair.as_span().end()
}

struct Reader<'s> {
    source: SourceId,
    sink: &'s mut Sink,
}

impl Reader<'_> {
    fn span(&self, pair: &Pair<'_, Rule>) -> Span {
        Span { source: self.source, start: pair.as_span().start(), end: trimmed_end(pair) }
    }

    /// The next pair as a name; the grammar says that there is one.
    fn name(&mut self, pairs: &mut Pairs<'_, Rule>) -> Name {
        match pairs.next() {
            Some(pair) => Name { text: pair.as_str().to_owned(), span: self.span(&pair) },
            None => {
                Name { text: String::new(), span: Span { source: self.source, start: 0, end: 0 } }
            }
        }
    }

    fn declaration(&mut self, pair: Pair<'_, Rule>) -> Declaration {
        let mut inner = pair.into_inner();
        let doc = docs(&mut inner);
        let declared = inner.next().and_then(|declared| declared.into_inner().next());
        let pair = declared.expect("the grammar puts one declaration in `declared`");
        let span = self.span(&pair);
        let rule = pair.as_rule();
        let mut inner = pair.into_inner();
        inner.next(); // The keyword.
        let kind = match rule {
            Rule::sort_decl => {
                let name = self.name(&mut inner);
                let kind = match inner.next().map(|kind| kind.as_str()) {
                    Some("entity") => SortKind::Entity,
                    Some("data") => SortKind::Data,
                    Some("choice") => SortKind::Choice,
                    _ => SortKind::Plain,
                };
                DeclarationKind::Sort(SortDecl { name, kind })
            }
            Rule::term_decl => {
                let name = self.name(&mut inner);
                let params = self.params(&mut inner);
                take(&mut inner, Rule::thin_arrow);
                let result = self.sort_ref(&mut inner);
                let cost = self.cost(&mut inner);
                DeclarationKind::Term(TermDecl { name, params, result, cost })
            }
            Rule::fact_decl => {
                let name = self.name(&mut inner);
                let params = self.params(&mut inner);
                let by_packs = take(&mut inner, Rule::by_packs).is_some();
                DeclarationKind::Fact(FactDecl { name, params, by_packs })
            }
            Rule::given_decl => {
                let facts = inner.filter(|part| part.as_rule() == Rule::pattern);
                DeclarationKind::Given(facts.map(|fact| self.whole(fact)).collect())
            }
            Rule::assume_decl => DeclarationKind::Assume(self.name(&mut inner)),
            Rule::const_decl => self.constant(inner),
            Rule::module_decl => self.module(inner),
            Rule::rule_decl => self.rule(Form::Rule, inner),
            Rule::option_decl => self.rule(Form::Option, inner),
            Rule::forbid_decl => self.rule(Form::Forbid, inner),
            _ => self.rule(Form::Refuse, inner),
        };
        Declaration { doc, span, kind }
    }

    fn params(&mut self, pairs: &mut Pairs<'_, Rule>) -> Vec<Param> {
        let mut params = Vec::new();
        for pair in pairs.next().into_iter().flat_map(Pair::into_inner) {
            if matches!(pair.as_rule(), Rule::param | Rule::module_param) {
                let mut inner = pair.into_inner();
                let name = self.name(&mut inner);
                take(&mut inner, Rule::colon);
                let sort = self.sort_ref(&mut inner);
                params.push(Param { name, sort, limits: self.limits(&mut inner) });
            }
        }
        params
    }

    fn limits(&mut self, pairs: &mut Pairs<'_, Rule>) -> Limits {
        let range = take(pairs, Rule::range).and_then(|range| {
            let mut ints = range.into_inner().filter(|pair| pair.as_rule() == Rule::int);
            let (low, high) = (ints.next()?, ints.next()?);
            Some((self.int(&low), self.int(&high)))
        });
        Limits { range, power_of_two: take(pairs, Rule::power_of_two).is_some() }
    }

    fn sort_ref(&mut self, pairs: &mut Pairs<'_, Rule>) -> SortRef {
        let pair = pairs.next().expect("the grammar puts a sort here");
        let span = self.span(&pair);
        let mut inner = pair.into_inner();
        match take(&mut inner, Rule::list_sort) {
            Some(list) => {
                let mut inner = list.into_inner();
                take(&mut inner, Rule::lbracket);
                SortRef { name: self.name(&mut inner), list: true, span }
            }
            None => SortRef { name: self.name(&mut inner), list: false, span },
        }
    }

    fn cost(&mut self, pairs: &mut Pairs<'_, Rule>) -> Option<Cost> {
        let numbers = self.numbers(take(pairs, Rule::cost)?);
        Some(Cost { size: *numbers.first()?, call: *numbers.get(1)? })
    }

    /// Size and call; a module may leave out its size.
    fn module_cost(&mut self, pairs: &mut Pairs<'_, Rule>) -> Option<(Option<u64>, u64)> {
        let numbers = self.numbers(take(pairs, Rule::module_cost)?);
        let (call, size) = numbers.split_last()?;
        Some((size.first().copied(), *call))
    }

    /// The numbers of a cost.
    fn numbers(&mut self, cost: Pair<'_, Rule>) -> Vec<u64> {
        let mut numbers = Vec::new();
        for pair in cost.into_inner() {
            if pair.as_rule() == Rule::int {
                let int = self.int(&pair);
                if int.value < 0 {
                    self.sink
                        .error(Code::Literal, "a cost is at least 0")
                        .label(int.span, "below 0");
                }
                // A term's cost is summed over a plan; 2^32 leaves room for 2^32 terms.
                if int.value > i64::from(u32::MAX) {
                    self.sink
                        .error(Code::Literal, format!("a cost is at most {}", u32::MAX))
                        .label(int.span, "too large");
                }
                numbers.push(int.value.clamp(0, i64::from(u32::MAX)) as u64);
            }
        }
        numbers
    }

    fn int(&mut self, pair: &Pair<'_, Rule>) -> Int {
        let span = self.span(pair);
        let value = pair.as_str().parse().unwrap_or_else(|_| {
            self.sink
                .error(Code::Literal, "the number does not fit in 64 bits")
                .label(span, "too large");
            0
        });
        Int { value, span }
    }

    /// Text between quotes, escapes resolved.
    fn string(&mut self, pair: &Pair<'_, Rule>) -> Name {
        let span = self.span(pair);
        let inner = pair.as_str().get(1..pair.as_str().len() - 1).unwrap_or_default();
        let mut text = String::with_capacity(inner.len());
        let mut chars = inner.chars();
        while let Some(c) = chars.next() {
            if c != '\\' {
                text.push(c);
                continue;
            }
            match chars.next() {
                Some('n') => text.push('\n'),
                Some('t') => text.push('\t'),
                Some('u') => {
                    let hex: String = chars.by_ref().skip(1).take_while(|c| *c != '}').collect();
                    match u32::from_str_radix(&hex, 16).ok().and_then(char::from_u32) {
                        Some(c) => text.push(c),
                        None => {
                            self.sink
                                .error(Code::Literal, format!("U+{hex} is no character"))
                                .label(span, "in this text");
                        }
                    }
                }
                Some(c) => text.push(c),
                None => {}
            }
        }
        Name { text, span }
    }

    fn constant(&mut self, mut inner: Pairs<'_, Rule>) -> DeclarationKind {
        let name = self.name(&mut inner);
        take(&mut inner, Rule::colon);
        let sort = self.sort_ref(&mut inner);
        take(&mut inner, Rule::equals);
        let value = inner.next().map(|pair| self.int(&pair));
        let limits = self.limits(&mut inner);
        let value = value.unwrap_or(Int { value: 0, span: name.span });
        DeclarationKind::Const(ConstDecl { name, sort, value, limits })
    }

    fn module(&mut self, mut inner: Pairs<'_, Rule>) -> DeclarationKind {
        let name = self.name(&mut inner);
        let params = self.params(&mut inner);
        let result = take(&mut inner, Rule::thin_arrow).map(|_| self.sort_ref(&mut inner));
        take(&mut inner, Rule::kw_from);
        let from = match take(&mut inner, Rule::inline) {
            Some(pair) => {
                let span = self.span(&pair);
                let span = Span { start: span.start + 3, end: span.end - 3, ..span };
                let text = &pair.as_str()[3..pair.as_str().len() - 3];
                From::Inline(Name { text: text.to_owned(), span })
            }
            None => {
                let pair = inner.next().expect("the grammar puts text after `from`");
                From::File(self.string(&pair))
            }
        };
        let cost = self.module_cost(&mut inner);
        DeclarationKind::Module(ModuleDecl { name, params, result, from, cost })
    }

    fn rule(&mut self, form: Form, mut inner: Pairs<'_, Rule>) -> DeclarationKind {
        let name = self.name(&mut inner);
        let mut pattern = None;
        let mut replacement = None;
        let mut rule = RuleDecl {
            form,
            pattern: Pattern { kind: PatternKind::Wildcard, span: name.span },
            name,
            guards: Vec::new(),
            assuming: Vec::new(),
            replacement: None,
            because: String::new(),
            tests: Vec::new(),
        };
        for pair in inner {
            let clause = pair.as_rule();
            let parts = pair.clone().into_inner();
            match clause {
                Rule::match_clause | Rule::for_clause => {
                    pattern = parts.last().map(|pattern| self.whole(pattern));
                }
                Rule::rewrite_clause | Rule::offer_clause => {
                    replacement = parts.last().map(|pattern| self.whole(pattern));
                }
                Rule::where_clause => {
                    for part in parts.filter(|part| part.as_rule() == Rule::guard) {
                        rule.guards.extend(self.guard(part));
                    }
                    if let Some(guard) = rule.guards.get(MAX_GUARDS) {
                        self.sink
                            .error(Code::TooLarge, format!("a rule has more than {MAX_GUARDS} guards"))
                            .label(guard.span, "one guard too many")
                            .help("state what several guards have in common with a term and a rule of its own");
                    }
                }
                Rule::assuming_clause => {
                    for part in parts.filter(|part| part.as_rule() == Rule::name) {
                        let span = self.span(&part);
                        rule.assuming.push(Name { text: part.as_str().to_owned(), span });
                    }
                }
                Rule::because_clause => {
                    if let Some(text) = parts.last() {
                        rule.because = self.string(&text).text;
                    }
                }
                Rule::test => rule.tests.extend(self.test(pair)),
                _ => {}
            }
        }
        rule.pattern = pattern.unwrap_or(rule.pattern);
        rule.replacement = replacement;
        DeclarationKind::Rule(Box::new(rule))
    }

    fn guard(&mut self, pair: Pair<'_, Rule>) -> Option<Guard> {
        let span = self.span(&pair);
        let mut inner = pair.into_inner();
        let negated = take(&mut inner, Rule::bang).is_some();
        let pattern = self.whole(inner.next()?);
        let kind = match take(&mut inner, Rule::comparison) {
            None => GuardKind::Fact { pattern, negated },
            Some(op) => GuardKind::Compare {
                left: pattern,
                op: match op.as_str() {
                    "==" => Comparison::Equal,
                    "!=" => Comparison::NotEqual,
                    "<" => Comparison::Less,
                    "<=" => Comparison::LessOrEqual,
                    ">" => Comparison::Greater,
                    _ => Comparison::GreaterOrEqual,
                },
                right: self.whole(inner.next()?),
            },
        };
        Some(Guard { kind, span })
    }

    fn test(&mut self, pair: Pair<'_, Rule>) -> Option<Test> {
        let span = self.span(&pair);
        let mut inner = pair.into_inner();
        inner.next(); // The keyword.
        let name = take(&mut inner, Rule::string).map(|name| self.string(&name).text);
        take(&mut inner, Rule::lbrace);
        let mut given = Vec::new();
        for item in take(&mut inner, Rule::given).into_iter().flat_map(Pair::into_inner) {
            if item.as_rule() == Rule::given_item {
                let mut parts = item.into_inner();
                let left = self.whole(parts.next()?);
                given.push(match take(&mut parts, Rule::equals) {
                    Some(_) => Given::Equal(left, self.whole(parts.next()?)),
                    None => Given::Fact(left),
                });
            }
        }
        let term = self.whole(inner.next()?);
        let outcome = inner.next()?;
        let mut parts = outcome.into_inner();
        let outcome = if take(&mut parts, Rule::becomes).is_some() {
            match take(&mut parts, Rule::refused) {
                Some(refused) => Outcome::Refused(self.span(&refused)),
                None => Outcome::Becomes(self.whole(parts.next()?)),
            }
        } else {
            parts.next();
            match parts.next() {
                Some(pattern) => Outcome::NotBecomes(self.whole(pattern)),
                None => Outcome::Nothing,
            }
        };
        Some(Test { name, given, term, outcome, span })
    }

    /// A pattern that is no part of another.
    fn whole(&mut self, pair: Pair<'_, Rule>) -> Pattern {
        let pattern = self.pattern(pair);
        if pattern.parts() > MAX_PARTS {
            let start = pattern.span.start;
            self.sink
                .error(Code::TooLarge, format!("a pattern has more than {MAX_PARTS} parts"))
                .label(Span { end: start + 1, ..pattern.span }, "the pattern that starts here")
                .help("name a part with a term and a rule of its own");
        }
        pattern
    }

    fn pattern(&mut self, pair: Pair<'_, Rule>) -> Pattern {
        let start = pair.as_span().start();
        let mut inner = pair.into_inner();
        let first = inner.next().expect("the grammar puts something in a pattern");
        let mut pattern = self.primary(first);
        let mut exports = 0;
        for export in inner {
            let end = trimmed_end(&export);
            let Some(name) = export.into_inner().nth(1) else { continue };
            exports += 1;
            if exports > 1 {
                // Also keeps a long chain from becoming a deep tree.
                if exports == 2 {
                    let span = self.span(&name);
                    self.sink
                        .error(Code::NoExports, "an export exports nothing")
                        .label(span, "taken from an export")
                        .help("only an instance has exports");
                }
                continue;
            }
            let name = match name.as_rule() {
                Rule::string => self.string(&name),
                _ => Name { text: name.as_str().to_owned(), span: self.span(&name) },
            };
            let span = Span { source: self.source, start, end };
            pattern = Pattern { kind: PatternKind::Export(Box::new(pattern), name), span };
        }
        pattern
    }

    fn primary(&mut self, pair: Pair<'_, Rule>) -> Pattern {
        let span = self.span(&pair);
        let text = pair.as_str();
        let kind = match pair.as_rule() {
            Rule::variable => PatternKind::Variable(text[1..].to_owned()),
            Rule::wildcard => PatternKind::Wildcard,
            Rule::leaf => PatternKind::Leaf(text[1..].to_owned()),
            Rule::int => PatternKind::Int(self.int(&pair).value),
            Rule::string => PatternKind::Str(self.string(&pair).text),
            Rule::list => self.list(pair),
            _ => {
                let mut inner = pair.into_inner();
                let name = self.name(&mut inner);
                let args = inner.next().map(|args| {
                    args.into_inner()
                        .filter(|part| part.as_rule() == Rule::pattern)
                        .map(|part| self.pattern(part))
                        .collect()
                });
                PatternKind::Term(name, args)
            }
        };
        Pattern { kind, span }
    }

    fn list(&mut self, pair: Pair<'_, Rule>) -> PatternKind {
        let mut elements = Vec::new();
        let mut rest: Option<Name> = None;
        for part in pair.into_inner() {
            if !matches!(part.as_rule(), Rule::pattern | Rule::rest) {
                continue;
            }
            if let Some(rest) = &rest {
                let span = self.span(&part);
                self.sink
                    .error(Code::Syntax, "`..?rest` stands at the end of a list")
                    .label(rest.span, "this takes all that remains")
                    .context(span, "so nothing is left for this");
                break;
            }
            if part.as_rule() == Rule::pattern {
                elements.push(self.pattern(part));
            } else if let Some(variable) = part.into_inner().nth(1) {
                let text = variable.as_str()[1..].to_owned();
                rest = Some(Name { text, span: self.span(&variable) });
            }
        }
        PatternKind::List(elements, rest)
    }
}

//! The pest parser, and the words of its errors. What it accepts is in `meld.pest`.

use crate::ast::{SourceId, Span};
use crate::diagnostic::{Code, Sink, near};
use pest::Parser;
use pest::error::{ErrorVariant, InputLocation};
use pest::iterators::Pair;

/// Brackets may be nested this deep; the limit bounds the stack of everything that walks a pattern.
pub(crate) const MAX_NESTING: usize = 64;
/// A pattern has this many parts; the limit bounds the stack of everything that matches one, for which
/// a list's elements lie one below the other.
pub(crate) const MAX_PARTS: usize = 1000;
/// A rule has this many guards; each is evaluated on top of those before.
pub(crate) const MAX_GUARDS: usize = 256;
/// Syntax errors reported for one file.
const MAX_ERRORS: usize = 20;

/// What declarations start with.
const KEYWORDS: [&str; 12] = [
    "use", "sort", "term", "fact", "given", "assume", "const", "module", "rule", "option",
    "forbid", "refuse",
];

#[derive(pest_derive::Parser)]
#[grammar = "meld.pest"]
struct MeldParser;

/// Parses one file. All syntax errors are reported: after one, parsing goes on at the next
/// declaration that starts a line.
pub(crate) fn parse<'t>(
    source: SourceId,
    text: &'t str,
    sink: &mut Sink,
) -> Option<Pair<'t, Rule>> {
    if let Some(at) = too_deep(text) {
        sink.error(Code::TooLarge, format!("brackets are nested more than {MAX_NESTING} deep"))
            .label(Span { source, start: at, end: at + 1 }, "one level too many")
            .help("name a part with a term and a rule of its own");
        return None;
    }
    let error = match MeldParser::parse(Rule::file, text) {
        Ok(mut pairs) => return pairs.next(),
        Err(error) => error,
    };
    let mut at = report(source, text, 0, &error, sink);
    for _ in 1..MAX_ERRORS {
        let Some(next) = next_declaration(text, at) else { break };
        if too_deep(&text[next..]).is_some() {
            break;
        }
        match MeldParser::parse(Rule::remainder, &text[next..]) {
            Ok(_) => break,
            Err(error) => at = report(source, text, next, &error, sink).max(next),
        }
    }
    None
}

/// Reports a syntax error in `text[base..]`; returns where it is.
fn report(
    source: SourceId,
    text: &str,
    base: usize,
    error: &pest::error::Error<Rule>,
    sink: &mut Sink,
) -> usize {
    let at = base
        + match error.location {
            InputLocation::Pos(at) | InputLocation::Span((at, _)) => at,
        };
    let span = Span { source, start: at, end: at + token_length(&text[at..]) };
    let positives = match &error.variant {
        ErrorVariant::ParsingError { positives, .. } => positives.as_slice(),
        // The parser's own limit on native stack.
        ErrorVariant::CustomError { message } => {
            sink.error(Code::TooLarge, format!("the pack cannot be parsed: {message}"))
                .label(span, "here");
            return at;
        }
    };
    let rest = &text[at..];
    let found = match rest.chars().next() {
        None => "the end of the file".to_owned(),
        Some(_) if rest.starts_with("///") => "a doc comment".to_owned(),
        Some(c) if c.is_control() => format!("the character U+{:04X}", c as u32),
        Some(_) => format!("`{}`", &text[span.start..span.end]),
    };
    let mut words: Vec<String> = Vec::new();
    for rule in positives {
        let word = readable(*rule).to_owned();
        if !words.contains(&word) {
            words.push(word);
        }
    }
    let at_declaration = words.iter().any(|word| word == readable(Rule::declaration));
    if at_declaration {
        words.retain(|word| word != readable(Rule::EOI) && word != readable(Rule::doc));
    }
    let expected = match words.as_slice() {
        [] => "this does not belong here".to_owned(),
        [one] => format!("expected {one}"),
        [some @ .., last] => format!("expected {} or {last}", some.join(", ")),
    };
    let mut report =
        sink.error(Code::Syntax, format!("{expected}, found {found}")).label(span, "unexpected");
    if let Some(before) = token_on_line_before(text, at)
        && !at_declaration
        && !rest.is_empty()
    {
        report = report.context(Span { source, ..before }, "after this");
    }
    if let Some(help) = way_out(&text[at..span.end], rest, positives, at_declaration) {
        report.help(help);
    }
    at
}

/// What a syntax error probably needs.
fn way_out(token: &str, rest: &str, positives: &[Rule], at_declaration: bool) -> Option<String> {
    let expected = |rule| positives.contains(&rule);
    let fixed = if rest.starts_with("///") {
        "documentation stands before a declaration; write `//` for a comment"
    } else if rest.starts_with("\"\"\"") {
        "text after `\"\"\"` ends at the next `\"\"\"`, and only `from` takes it"
    } else if rest.starts_with('"') && expected(Rule::string) {
        "text ends at a `\"` on the same line; escapes are \\\" \\\\ \\n \\t and \\u{HEX}"
    } else if matches!(token, "where" | "assuming") {
        "`where` comes before `assuming`, and both before `rewrite` or `offer`"
    } else if token == "use" && at_declaration {
        "`use` comes right after `pack`"
    } else if token == "test" && expected(Rule::kw_because) {
        "every rule says why it holds: `because \"..\"`"
    } else if token == "=" && expected(Rule::comparison) {
        "a guard compares with `==`"
    } else {
        let mut words: Vec<&str> = Vec::new();
        if at_declaration {
            words.extend(KEYWORDS);
        }
        if expected(Rule::sort_kind) {
            words.extend(["entity", "data", "choice"]);
        }
        words.extend(positives.iter().map(|rule| readable(*rule).trim_matches('`')));
        return near(token, words).map(|word| format!("is it `{word}`?"));
    };
    Some(fixed.to_owned())
}

/// The last token before `at`, if it stands on a line before.
fn token_on_line_before(text: &str, at: usize) -> Option<Span> {
    let before = text[..at].trim_end();
    if !text[before.len()..at].contains('\n') {
        return None;
    }
    let line = before.rfind('\n').map_or(0, |newline| newline + 1);
    // Whether `//` starts a comment there is not worth knowing.
    if before[line..].contains("//") {
        return None;
    }
    let word = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
    let last = before.chars().next_back()?;
    let start = match word(last) {
        true => before
            .rfind(|c| !word(c))
            .map_or(0, |space| space + before[space..].chars().next().map_or(1, char::len_utf8)),
        false => before.len() - last.len_utf8(),
    };
    Some(Span { source: SourceId(0), start, end: before.len() })
}

/// Length of what a reader takes for one token at the start of `text`.
fn token_length(text: &str) -> usize {
    let word = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
    let Some(first) = text.chars().next() else { return 0 };
    if word(first) {
        return text.find(|c| !word(c)).unwrap_or(text.len()).min(floor(text, 40));
    }
    if text.starts_with("///") {
        return text.find('\n').unwrap_or(text.len()).min(floor(text, 60));
    }
    for symbol in ["=/=>", "..=", "=>", "->", "==", "!=", "<=", ">=", "..", "\"\"\""] {
        if text.starts_with(symbol) {
            return symbol.len();
        }
    }
    first.len_utf8()
}

/// The largest character boundary up to `at`.
fn floor(text: &str, at: usize) -> usize {
    text.floor_char_boundary(at.min(text.len()))
}

/// Start of the first line after `at` that looks like a declaration.
fn next_declaration(text: &str, at: usize) -> Option<usize> {
    let mut position = at;
    while let Some(newline) = text[position..].find('\n') {
        position += newline + 1;
        let line = &text[position..];
        let starts = |keyword: &&str| {
            line.strip_prefix(*keyword).and_then(|rest| rest.strip_prefix(' ')).is_some_and(
                |rest| rest.trim_start().starts_with(|c: char| c.is_ascii_alphabetic()),
            )
        };
        if KEYWORDS.iter().any(starts) {
            return Some(position);
        }
    }
    None
}

/// Position of the first bracket that is nested too deep. Text and comments are skipped as the
/// grammar does.
fn too_deep(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut depth = 0usize;
    let mut at = 0;
    while at < bytes.len() {
        match bytes[at] {
            b'"' if text[at..].starts_with("\"\"\"") => {
                at += 3;
                at += text[at..].find("\"\"\"").map_or(text.len() - at, |length| length + 2);
            }
            b'"' => {
                at += 1;
                while at < bytes.len() && bytes[at] != b'"' && bytes[at] != b'\n' {
                    // A backslash hides one byte; a longer character has no `"` in it.
                    at += if bytes[at] == b'\\' { 2 } else { 1 };
                }
                if at >= bytes.len() {
                    return None;
                }
            }
            b'/' if bytes.get(at + 1) == Some(&b'/') => {
                at += bytes[at..].iter().position(|b| *b == b'\n').unwrap_or(bytes.len() - at);
            }
            b'(' | b'[' | b'{' => {
                depth += 1;
                if depth > MAX_NESTING {
                    return Some(at);
                }
            }
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        at += 1;
    }
    None
}

/// What a grammar rule is called in "expected ...".
fn readable(rule: Rule) -> &'static str {
    match rule {
        Rule::EOI => "the end of the file",
        Rule::WHITESPACE | Rule::COMMENT | Rule::name_char | Rule::starter => "white space",
        Rule::file | Rule::pack_header => "`pack` and the pack's name",
        Rule::remainder | Rule::declaration | Rule::declared => "a declaration",
        Rule::sort_decl => "`sort`",
        Rule::term_decl => "`term`",
        Rule::fact_decl => "`fact`",
        Rule::given_decl => "`given`",
        Rule::assume_decl => "`assume`",
        Rule::const_decl => "`const`",
        Rule::module_decl => "`module`",
        Rule::rule_decl => "`rule`",
        Rule::option_decl => "`option`",
        Rule::forbid_decl => "`forbid`",
        Rule::refuse_decl => "`refuse`",
        Rule::sort_kind => "a kind of sort (`entity`, `data`, `choice`)",
        Rule::params | Rule::module_params => "parameters in `(..)`",
        Rule::param | Rule::module_param => "a parameter",
        Rule::sort_ref | Rule::sort_name => "a sort",
        Rule::list_sort => "a sort in `[..]`",
        Rule::guard => "a guard",
        Rule::comparison => "a comparison (`==`, `!=`, `<`, `<=`, `>`, `>=`)",
        Rule::given_item => "a fact or an equality",
        Rule::outcome => "`=>` or `=/=>`",
        Rule::pattern | Rule::primary | Rule::element => "a pattern",
        Rule::term => "a term",
        Rule::args => "arguments in `(..)`",
        Rule::list => "a list",
        Rule::rest => "`..?rest`",
        Rule::doc => "a doc comment",
        Rule::name | Rule::path => "a name",
        Rule::variable => "a variable (`?x`)",
        Rule::wildcard => "`_`",
        Rule::leaf => "a leaf (`#a`)",
        Rule::int => "a number",
        Rule::string => "text in `\"`",
        Rule::inline => "text in `\"\"\"`",
        Rule::lparen => "`(`",
        Rule::rparen => "`)`",
        Rule::lbracket => "`[`",
        Rule::rbracket => "`]`",
        Rule::lbrace => "`{`",
        Rule::rbrace => "`}`",
        Rule::comma => "`,`",
        Rule::colon => "`:`",
        Rule::semicolon => "`;`",
        Rule::dot | Rule::export => "`.export`",
        Rule::dotdot => "`..`",
        Rule::dotdoteq => "`..=`",
        Rule::bang => "`!`",
        Rule::equals => "`=`",
        Rule::thin_arrow => "`->`",
        Rule::becomes => "`=>`",
        Rule::becomes_not => "`=/=>`",
        Rule::kw_pack => "`pack`",
        Rule::kw_use | Rule::use_decl => "`use`",
        Rule::kw_sort => "`sort`",
        Rule::kw_term => "`term`",
        Rule::kw_fact => "`fact`",
        Rule::kw_assume => "`assume`",
        Rule::kw_const => "`const`",
        Rule::kw_module => "`module`",
        Rule::kw_rule => "`rule`",
        Rule::kw_option => "`option`",
        Rule::kw_forbid => "`forbid`",
        Rule::kw_refuse => "`refuse`",
        Rule::kw_cost | Rule::cost | Rule::module_cost => "`cost`",
        Rule::kw_size => "`size`",
        Rule::kw_call => "`call`",
        Rule::kw_in | Rule::range => "`in`",
        Rule::kw_from => "`from`",
        Rule::kw_match | Rule::match_clause => "`match`",
        Rule::kw_for | Rule::for_clause => "`for`",
        Rule::kw_where | Rule::where_clause => "`where`",
        Rule::kw_assuming | Rule::assuming_clause => "`assuming`",
        Rule::kw_rewrite | Rule::rewrite_clause => "`rewrite`",
        Rule::kw_offer | Rule::offer_clause => "`offer`",
        Rule::kw_because | Rule::because_clause => "`because`",
        Rule::kw_test | Rule::test => "`test`",
        Rule::kw_given | Rule::given => "`given`",
        Rule::refused => "`refused`",
        Rule::by_packs => "`by-packs`",
        Rule::power_of_two => "`power-of-two`",
    }
}

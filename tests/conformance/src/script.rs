//! Splits a script into its directives and says what meld has to know of each.

use anyhow::{Context, Result, anyhow};
use wast::lexer::{Lexer, TokenKind};
use wast::parser::{self, ParseBuffer};
use wast::{QuoteWat, Wast, WastDirective, WastExecute};

/// One directive.
pub struct Directive<'a> {
    /// Its line, from 1.
    pub line: usize,
    /// Its text.
    pub text: &'a str,
    /// What it is.
    pub kind: Kind<'a>,
}

/// What a directive is.
pub enum Kind<'a> {
    /// A component, as binary.
    Component { name: Option<String>, definition: bool, binary: Vec<u8> },
    /// An instance of a definition.
    Instance { name: Option<&'a str>, definition: Option<&'a str> },
    /// A component that must not be valid; an error if it does not even encode.
    AssertInvalid { binary: Result<Vec<u8>> },
    /// A component whose instantiation must trap.
    AssertTrapping { binary: Vec<u8> },
    /// Another assertion, on an instance or on the current one. The text is the directive's, but
    /// accepts any message of a trap: a fused module traps at the same places for the same
    /// reasons, in its own words.
    Assert { instance: Option<&'a str>, text: String },
    /// Something else that runs.
    Other { instance: Option<&'a str> },
}

/// Splits a script.
///
/// # Errors
///
/// If the text does not parse.
pub fn split(text: &str) -> Result<Vec<Directive<'_>>> {
    let mut directives = Vec::new();
    for (start, end) in forms(text)? {
        let form = &text[start..end];
        let line = text[..start].matches('\n').count() + 1;
        directives.push(Directive {
            line,
            text: form,
            kind: kind(form).with_context(|| format!("line {line}"))?,
        });
    }
    Ok(directives)
}

/// Where the parenthesised forms at the top of a script stand.
fn forms(text: &str) -> Result<Vec<(usize, usize)>> {
    let lexer = Lexer::new(text);
    let (mut forms, mut depth, mut start, mut position) = (Vec::new(), 0usize, 0, 0);
    while let Some(token) = lexer.parse(&mut position)? {
        match token.kind {
            TokenKind::LParen => {
                if depth == 0 {
                    start = token.offset;
                }
                depth += 1;
            }
            TokenKind::RParen => {
                depth = depth.checked_sub(1).ok_or_else(|| anyhow!("unmatched `)`"))?;
                if depth == 0 {
                    forms.push((start, position));
                }
            }
            _ => {}
        }
    }
    Ok(forms)
}

/// A name as it stands in the text, `$` included: found again in the form itself, because the
/// parser's names do not outlive it.
fn name<'a>(form: &'a str, name: &str) -> Option<&'a str> {
    let needle = format!("${name}");
    form.find(&needle).map(|at| &form[at..at + needle.len()])
}

fn kind(form: &str) -> Result<Kind<'_>> {
    let buffer = ParseBuffer::new(form)?;
    let mut wast = parser::parse::<Wast<'_>>(&buffer)?;
    let directive = wast.directives.pop().ok_or_else(|| anyhow!("no directive"))?;
    let in_form = |id: Option<wast::token::Id<'_>>| id.and_then(|id| name(form, id.name()));
    Ok(match directive {
        WastDirective::Module(mut wat) => component(form, &mut wat, false)?,
        WastDirective::ModuleDefinition(mut wat) => component(form, &mut wat, true)?,
        WastDirective::ModuleInstance { instance, module, .. } => {
            Kind::Instance { name: in_form(instance), definition: in_form(module) }
        }
        WastDirective::AssertInvalid { mut module, .. }
        | WastDirective::AssertMalformed { mut module, .. } => {
            Kind::AssertInvalid { binary: module.encode().map_err(Into::into) }
        }
        WastDirective::AssertTrap { exec: WastExecute::Wat(mut wat), .. } => {
            Kind::AssertTrapping { binary: wat.encode()? }
        }
        WastDirective::AssertTrap { exec, message, .. } => Kind::Assert {
            instance: instance(form, &exec),
            text: form.replace(&format!("\"{message}\""), "\"\""),
        },
        WastDirective::AssertReturn { exec, .. } => {
            Kind::Assert { instance: instance(form, &exec), text: form.to_string() }
        }
        WastDirective::Invoke(invoke) => Kind::Other { instance: in_form(invoke.module) },
        _ => Kind::Other { instance: None },
    })
}

fn component<'a>(form: &'a str, wat: &mut QuoteWat<'_>, definition: bool) -> Result<Kind<'a>> {
    let name = wat.name().and_then(|id| name(form, id.name())).map(str::to_string);
    Ok(Kind::Component { name, definition, binary: wat.encode()? })
}

/// The instance that an assertion names.
fn instance<'a>(form: &'a str, exec: &WastExecute<'_>) -> Option<&'a str> {
    let id = match exec {
        WastExecute::Invoke(invoke) => invoke.module,
        WastExecute::Get { module, .. } => *module,
        WastExecute::Wat(_) => None,
    };
    id.and_then(|id| name(form, id.name()))
}

//! Bounds how deep types nest in types, before anything reads them.
//!
//! wasmparser reads a type that stands in another by recursion, and so does wac-graph: without a
//! bound a small file overflows the stack, which no error handling survives.

use wasmparser::{Chunk, Encoding, Parser, Payload};

/// How many types one type section may have inside of other types. Components have a handful;
/// what a stack of two megabytes bears is more than twice as many.
pub const MAX_NESTED_TYPES: usize = 1000;

/// The offset of a type section with more than [`MAX_NESTED_TYPES`] types inside of other types.
///
/// A nested type begins with the byte of a type declaration and the byte of a component or
/// instance type. Other things may have these bytes too, so that this counts too many, but never
/// too few.
pub(crate) fn too_many(bytes: &[u8]) -> Option<usize> {
    let (mut parser, mut outer, mut rest) = (Parser::new(0), Vec::new(), bytes);
    // Broken sections are for the validator to report.
    while let Ok(Chunk::Parsed { consumed, payload }) = parser.parse(rest, true) {
        rest = &rest[consumed..];
        match payload {
            Payload::Version { encoding: Encoding::Module, .. } => return None,
            Payload::ModuleSection { unchecked_range, .. } => {
                rest = rest.get(unchecked_range.len()..)?;
            }
            Payload::ComponentSection { parser: inner, .. } => {
                outer.push(std::mem::replace(&mut parser, inner));
            }
            Payload::ComponentTypeSection(section) => {
                let range = section.range();
                if !is_bounded(bytes.get(range.clone()).unwrap_or_default()) {
                    return Some(range.start);
                }
            }
            Payload::End(_) => parser = outer.pop()?,
            _ => {}
        }
    }
    None
}

/// Whether a type section has at most [`MAX_NESTED_TYPES`] types inside of other types.
pub(super) fn is_bounded(section: &[u8]) -> bool {
    let nested = section.windows(2).filter(|pair| matches!(pair, [0x01, 0x41 | 0x42]));
    nested.count() <= MAX_NESTED_TYPES
}

//! Bounds how deep types nest in types, before anything reads them.
//!
//! wasmparser reads a type that stands in another by recursion, and so does wac-graph: without a
//! bound a small file overflows the stack, which no error handling survives.

use wasmparser::{Parser, Payload};

/// How many types one type section may have inside of other types. Components have a handful;
/// what a stack of two megabytes bears is more than twice as many.
pub const MAX_NESTED_TYPES: usize = 1000;

/// The offset of a type section with more than [`MAX_NESTED_TYPES`] types inside of other types.
///
/// A nested type begins with the byte of a type declaration and the byte of a component or
/// instance type. Other things may have these bytes too, so that this counts too many, but never
/// too few.
pub(crate) fn too_many(bytes: &[u8]) -> Option<usize> {
    // Broken sections are for the validator to report.
    for payload in Parser::new(0).parse_all(bytes).map_while(Result::ok) {
        let Payload::ComponentTypeSection(section) = payload else { continue };
        let range = section.range();
        let Some(section) = bytes.get(range.clone()) else { continue };
        let nested = section.windows(2).filter(|pair| matches!(pair, [0x01, 0x41 | 0x42]));
        if nested.count() > MAX_NESTED_TYPES {
            return Some(range.start);
        }
    }
    None
}

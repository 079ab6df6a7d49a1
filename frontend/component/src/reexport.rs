//! Which exports of a core module are imports of it.
//!
//! What an item *is* must not depend on how many modules handed it on: two ways to one memory
//! are one memory. So whoever resolves an export follows it to where it is defined.

use crate::program::{CoreKind, CoreModule};
use std::collections::HashMap;

/// For each export of a module, the position of the import that it re-exports, if it does.
pub(crate) fn reexports(module: &CoreModule) -> Vec<Option<u32>> {
    // Each index space begins with the module's imports of its kind.
    let mut counts = [0u32; 5];
    let mut imports = HashMap::with_capacity(module.imports.len());
    for (import, position) in module.imports.iter().zip(0..) {
        let space = space(&import.kind);
        imports.insert((space, counts[space]), position);
        counts[space] += 1;
    }
    let exports = module.exports.iter();
    exports.map(|export| imports.get(&(space(&export.kind), export.index)).copied()).collect()
}

/// A number for each index space.
fn space(kind: &CoreKind) -> usize {
    match kind {
        CoreKind::Func(_) => 0,
        CoreKind::Memory { .. } => 1,
        CoreKind::Table { .. } => 2,
        CoreKind::Global => 3,
        CoreKind::Tag => 4,
    }
}

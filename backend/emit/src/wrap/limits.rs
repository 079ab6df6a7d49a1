//! How much engines accept in one component.

use super::WrapError;
use wasm_encoder::ComponentBuilder;

/// Checks that a component does not define more than engines accept. It can where the input does
/// not: an instance that is exported takes a component and two instances of its own, and each module
/// of whose functions the merged one imports some takes one.
pub(super) fn check(component: &ComponentBuilder) -> Result<(), WrapError> {
    let c = component;
    for (what, core, others, limit) in [
        ("instances", c.core_instance_count(), c.instance_count(), 1000),
        ("core modules", c.core_module_count(), 0, 1000),
        ("components", 0, c.component_count(), 1000),
        ("functions", c.core_func_count(), c.func_count(), 1_000_000),
        ("types", c.core_type_count(), c.type_count(), 1_000_000),
    ] {
        let count = core as usize + others as usize;
        if count > limit {
            return Err(WrapError::TooMany { what, count, limit, at: Vec::new() });
        }
    }
    Ok(())
}

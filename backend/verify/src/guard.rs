//! The engine is a compiler and a runtime of some size: a panic in it is an outcome, not the end.

use crate::report::ENGINE_PANICKED;

/// Runs the engine; `Err` is what it panicked with. What a panic may have left half done must not
/// be used again.
pub(crate) fn guard<T>(run: impl FnOnce() -> T) -> Result<T, String> {
    meld_component::guard::guard(run).map_err(|panic| format!("{ENGINE_PANICKED}: {panic}"))
}

#[cfg(test)]
mod tests {
    use super::guard;

    #[test]
    fn a_panic_is_told() {
        assert_eq!(guard(|| 7), Ok(7));
        let error = guard(|| -> u32 { panic!("no {}", "way") }).unwrap_err();
        assert!(error.ends_with("fault of the engine: no way"), "{error}");
    }
}

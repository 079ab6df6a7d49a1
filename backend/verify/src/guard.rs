//! The engine is a compiler and a runtime of some size: a panic in it is an outcome, not the end.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Runs the engine; `Err` is what it panicked with. What a panic may have left half done must not
/// be used again.
pub(crate) fn guard<T>(run: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(run)).map_err(|payload| {
        format!("the engine panicked, which is a fault of the engine: {}", message(&*payload))
    })
}

fn message(payload: &(dyn Any + Send)) -> &str {
    match (payload.downcast_ref::<String>(), payload.downcast_ref::<&str>()) {
        (Some(message), _) => message,
        (_, Some(message)) => message,
        _ => "it does not say why",
    }
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

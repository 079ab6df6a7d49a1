//! Panics of the libraries that read inputs, as errors.

use std::panic::{AssertUnwindSafe, catch_unwind};

/// Runs `f`; if it panics, returns what the panic says. Everything that `f` changes must be
/// given up then.
///
/// wasmparser asserts that types are at most 127 deep, which instances inside of instances may
/// be, and wac-graph knows fewer types than wasmparser does. A bad input must not end the
/// process for either reason.
pub(crate) fn guard<T>(f: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(f)).map_err(|payload| {
        let text = payload.downcast_ref::<String>().map(String::as_str);
        let text = text.or(payload.downcast_ref::<&str>().copied());
        text.unwrap_or("it has something that no error describes").to_string()
    })
}

//! Panics of the libraries that read inputs, as errors.
//!
//! The panic hook belongs to the process, so no library of meld replaces it. A program that does
//! not want to hear of panics which become errors asks [`is_guarded`] in a hook of its own.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};

thread_local! {
    static GUARDED: Cell<bool> = const { Cell::new(false) };
}

/// Whether a panic of this thread becomes an error.
pub fn is_guarded() -> bool {
    GUARDED.get()
}

/// Runs `f`; if it panics, returns what the panic says. Everything that `f` changes must be
/// given up then.
///
/// wasmparser asserts that types are at most 127 deep, which instances inside of instances may
/// be, and wac-graph knows fewer types than wasmparser does. A bad input must not end the
/// process for either reason.
///
/// # Errors
///
/// If it panics.
pub fn guard<T>(f: impl FnOnce() -> T) -> Result<T, String> {
    let outer = GUARDED.replace(true);
    let result = catch_unwind(AssertUnwindSafe(f));
    GUARDED.set(outer);
    result.map_err(|payload| {
        let text = payload.downcast_ref::<String>().map(String::as_str);
        let text = text.or(payload.downcast_ref::<&str>().copied());
        text.unwrap_or("it has something that no error describes").to_string()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn panics_become_errors() {
        assert_eq!(guard(is_guarded), Ok(true));
        assert_eq!(guard(|| guard(|| panic!("inner")).is_err() && is_guarded()), Ok(true));
        assert_eq!(guard(|| panic!("with {}", "a reason")), Err::<(), _>("with a reason".into()));
        assert!(!is_guarded());
    }
}

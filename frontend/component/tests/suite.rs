//! The Component Model's reference tests: every component of every file links.

use meld_component::{decode, link};

#[test]
fn every_component_links() {
    let Some(suite) = meld_suite::for_test() else { return };
    let components = meld_suite::components(&suite);
    assert!(!components.is_empty());
    let mut refused = Vec::new();
    for (name, bytes) in components {
        let result = decode::component(&name, bytes.into())
            .map_err(|e| e.to_string())
            .and_then(|c| link::link(&c).map_err(|e| format!("{name}: {e}")));
        refused.extend(result.err());
    }
    assert_eq!(refused, Vec::<String>::new());
}

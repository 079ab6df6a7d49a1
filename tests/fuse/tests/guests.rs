//! The real guests of `tests/guests`, from C and Rust toolchains: composed and run unfused, fused
//! as a component, and fused as a core module under two engines.

use meld::{Form, Fuser};
use meld_verify::core_run::{EngineKind, Text, call_string};
use meld_verify::{Ended, Options, compare};
use std::path::Path;
use wit_component::ComponentEncoder;

/// A fuser with these files of `tests/guests` as inputs.
fn fuser(files: &[&str]) -> Fuser {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../guests");
    files.iter().fold(Fuser::new(), |fuser, file| {
        let path = folder.join(file);
        let bytes = std::fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        fuser.input(path.file_stem().unwrap_or_default().to_string_lossy(), bytes)
    })
}

/// Fuses the files both ways. All calls on the composed and the fused component must go alike,
/// and every export without parameters in `results` must return its text on either side, and
/// from the core module under every engine, strings encoded as `border` says.
fn check(files: &[&str], border: Text, results: &[(&str, &str)]) {
    let fuser = fuser(files);
    let composed = fuser.compose().unwrap_or_else(|e| panic!("{files:?}: {e}"));
    let fused = fuser.fuse().unwrap_or_else(|e| panic!("{files:?}: {e}")).bytes;
    let options = Options { calls_per_export: 8, ..Options::default() };
    let report = compare(&composed, &fused, &options).unwrap_or_else(|e| panic!("{files:?}: {e}"));
    assert!(report.same(), "{files:?}: {report}");
    assert!(report.skipped.is_empty(), "{files:?}: {report}");
    for (export, text) in results {
        let calls: Vec<_> = report.calls.iter().filter(|c| c.function == *export).collect();
        assert!(!calls.is_empty(), "{files:?}: `{export}` was not called");
        for call in calls {
            let Ended::Returned(returned) = &call.fused.ended else {
                panic!("{files:?}: {export}: {:?}", call.fused.ended);
            };
            assert_eq!(*returned, format!("{text:?}"), "{files:?}: {export}");
        }
    }
    let core = fuser.form(Form::Core).fuse().unwrap_or_else(|e| panic!("{files:?}: {e}"));
    assert_eq!(core.report.warnings, Vec::<String>::new(), "{files:?}");
    // The name section tells of every function from which instance it is.
    let shim = b"wit-component-shim-module!";
    assert!(
        !core.bytes.windows(shim.len()).any(|bytes| bytes == shim),
        "{files:?}: a shim is left"
    );
    for engine in EngineKind::all() {
        for (export, text) in results {
            let returned = call_string(*engine, &core.bytes, export, border);
            let returned = returned.unwrap_or_else(|e| panic!("{files:?}: {engine:?}: {e}"));
            assert_eq!(returned, *text, "{files:?}: {export} under {engine:?}");
        }
    }
}

/// What each pair of the `values` guests says of itself when every value arrived as it was sent.
const VALUES: [(&str, &str); 12] = [
    ("run", "ok"),
    ("run-scalars", "ok"),
    ("run-strings", "ok"),
    ("run-lists", "ok"),
    ("run-records", "ok"),
    ("run-variants", "ok"),
    ("run-flags", "ok"),
    ("run-options", "ok"),
    ("run-results", "ok"),
    ("run-spilled", "ok"),
    ("run-functions", "ok"),
    ("run-everything", "ok"),
];

fn check_values(consumer: &str, border: Text) {
    for provider in ["c-utf8", "c-utf16", "rust"] {
        let consumer = format!("values/consumer-{consumer}.wasm");
        check(&[&consumer, &format!("values/provider-{provider}.wasm")], border, &VALUES);
    }
}

#[test]
fn values_from_c_in_utf8() {
    check_values("c-utf8", Text::Utf8);
}

#[test]
fn values_from_c_in_utf16() {
    check_values("c-utf16", Text::Utf16);
}

#[test]
fn values_from_rust() {
    check_values("rust", Text::Utf8);
}

#[test]
fn a_chain_of_three() {
    check(
        &["chain/top.wasm", "chain/middle.wasm", "chain/leaf.wasm"],
        Text::Utf8,
        &[("run", "ok")],
    );
}

/// `wrap` imports and exports one interface: the order of the inputs says where it stands.
#[test]
fn middleware_in_a_chain() {
    for wraps in 1..=2 {
        let wraps = vec!["chain/wrap.wasm"; wraps];
        let files = [&["chain/top.wasm", "chain/middle.wasm"], &wraps[..], &["chain/leaf.wasm"]];
        check(&files.concat(), Text::Utf8, &[("run", "ok")]);
    }
}

#[test]
fn the_example_of_the_readme() {
    check(&["hello/app.wasm", "hello/greeter.wasm"], Text::Utf8, &[("run", "Hello, world!")]);
}

/// Resources of two types, both called `float`, made, lent, moved and kept in all kinds of values,
/// through up to four components that wrap or keep them: `run` counts what lives after each step.
fn check_resources(leaf: &str) {
    for wraps in 0..=2 {
        let wraps = vec!["resources/wrap.wasm"; wraps];
        let files = [&["resources/top.wasm", "resources/middle.wasm"], &wraps[..], &[leaf]];
        check(&files.concat(), Text::Utf8, &[("run", "ok")]);
    }
}

#[test]
fn resources_of_c() {
    check_resources("resources/leaf-c.wasm");
}

#[test]
fn resources_of_rust() {
    check_resources("resources/leaf-rust.wasm");
}

/// What guests of real toolchains export, the host makes, lends, gives back and drops: of the fused
/// component, and of the one that wit-component makes of the fused core module.
#[test]
fn resources_that_the_host_has() {
    for leaf in ["resources/leaf-c.wasm", "resources/leaf-rust.wasm"] {
        for files in [&[leaf][..], &["resources/wrap.wasm", leaf]] {
            let composed = fuser(files).compose().unwrap();
            let fused = fuser(files).fuse().unwrap().bytes;
            let core = fuser(files).form(Form::Core).fuse().unwrap().bytes;
            let again = ComponentEncoder::default().module(&core).expect("it has its WIT");
            let again = again.validate(true).encode().expect("its names are those of its WIT");
            for component in [fused, again] {
                let options = Options { calls_per_export: 8, ..Options::default() };
                let report = compare(&composed, &component, &options).unwrap();
                // It takes more handles than there are at one time.
                let many = |skipped: &_| format!("{skipped:?}").contains("lists@0.1.0#many");
                assert!(report.same() && report.skipped.iter().all(many), "{files:?}: {report}");
                let went = report.calls.iter().filter(|call| {
                    let returned = matches!(call.fused.ended, Ended::Returned(_));
                    returned && call.function.contains("float")
                });
                assert!(went.count() > 40, "{files:?}: {report}");
            }
        }
    }
}

/// Where only one input exports what another imports, order has no meaning.
#[test]
fn inputs_in_another_order() {
    let forth = fuser(&["chain/top.wasm", "chain/middle.wasm", "chain/leaf.wasm"]).fuse().unwrap();
    let back = fuser(&["chain/leaf.wasm", "chain/middle.wasm", "chain/top.wasm"]).fuse().unwrap();
    let report = compare(&forth.bytes, &back.bytes, &Options::default()).unwrap();
    assert!(report.same(), "{report}");
}

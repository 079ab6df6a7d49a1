//! The WIT that a core module carries: tools read it and make the input's component again, or there is
//! none, and a warning says why. The module is the same either way.

use meld::{Form, Fuser};
use meld_verify::{Options, compare};
use wasmparser::{Parser, Payload};
use wit_component::ComponentEncoder;

/// The fused module of a component, and the warnings.
fn fused(text: &str) -> (Vec<u8>, Vec<String>) {
    let fused = Fuser::new().input("root", text.as_bytes().to_vec()).form(Form::Core).fuse();
    let fused = fused.unwrap_or_else(|e| panic!("{e}"));
    (fused.bytes, fused.report.warnings)
}

/// What wit-component makes of the module does what the input does.
fn carries_wit(text: &str) {
    let (module, warnings) = fused(text);
    assert_eq!(warnings, Vec::<String>::new());
    let again = ComponentEncoder::default().module(&module).expect("tools read the WIT");
    let again = again.validate(true).encode().expect("its names are those of its WIT");
    let report = compare(text.as_bytes(), &again, &Options::default()).expect("both run");
    assert!(report.same() && report.skipped.is_empty(), "{report}");
}

/// The module has these exports, and no WIT for this reason.
fn carries_none(text: &str, reason: &str, exports: &[&str]) {
    let (module, warnings) = fused(text);
    let [warning] = &warnings[..] else { panic!("{warnings:?}") };
    assert!(warning.starts_with("the module carries no WIT: "), "{warning}");
    assert!(warning.contains(reason) && !warning.contains('\n'), "{warning}");
    let mut found = Vec::new();
    for payload in Parser::new(0).parse_all(&module) {
        match payload.expect("the module is valid") {
            Payload::CustomSection(section) => {
                assert!(!section.name().starts_with("component-type"), "{}", section.name());
            }
            Payload::ExportSection(section) => {
                found.extend(section.into_iter().map(|export| export.unwrap().name.to_string()));
            }
            _ => {}
        }
    }
    assert_eq!(found, exports);
}

/// A guest with a resource, and shapes of its interface: as much of it as each shows. `exports` say
/// what the root exports.
fn guest(exports: &str) -> String {
    format!(
        r#"(component
          (component $guest
            (type $t (resource (rep i32)))
            (core func $new (canon resource.new $t))
            (core module $m (func (export "peek") (param i32) (result i32) (local.get 0)))
            (core instance $m (instantiate $m))
            (export $u "thing" (type $t))
            (func (export "make") (param "n" u32) (result (own $u)) (canon lift (core func $new)))
            (func (export "peek") (param "t" (borrow $u)) (result u32)
              (canon lift (core func $m "peek"))))
          (instance $guest (instantiate $guest))
          (component $making
            (import "t" (type $t (sub resource)))
            (import "make" (func $make (param "n" u32) (result (own $t))))
            (export $u "thing" (type $t))
            (export "make" (func $make) (func (param "n" u32) (result (own $u)))))
          (component $peeking
            (import "t" (type $t (sub resource)))
            (import "peek" (func $peek (param "t" (borrow $t)) (result u32)))
            (export $u "thing" (type $t))
            (export "peek" (func $peek) (func (param "t" (borrow $u)) (result u32))))
          (component $same (import "t" (type $t (sub resource))) (export "u" (type $t)))
          (component $apply
            (import "c" (component $c
              (import "t" (type (sub resource)))
              (export "u" (type (sub resource)))))
            (import "t" (type $t (sub resource)))
            (instance $same (instantiate $c (with "t" (type $t))))
            (export "u" (type $same "u")))
          (instance $making (instantiate $making
            (with "t" (type $guest "thing")) (with "make" (func $guest "make"))))
          (instance $applied (instantiate $apply
            (with "c" (component $same)) (with "t" (type $guest "thing"))))
          (instance $hiding (export "thing" (type $applied "u")))
          {exports})"#
    )
}

const MAKING: &str = r#"(export $made "t:t/making" (instance $making))"#;

#[test]
fn one_resource_in_two_interfaces_is_one_in_wit() {
    let peeking = r#"(alias export $made "thing" (type $t))
        (instance $peeking (instantiate $peeking (with "t" (type $t)) (with "peek" (func $guest "peek"))))
        (export "t:t/peeking" (instance $peeking))"#;
    carries_wit(&guest(&format!("{MAKING} {peeking}")));
}

/// Who is given a component knows less of what that does with types than there is to know.
#[test]
fn one_resource_that_is_shown_as_two_has_no_wit() {
    let hiding = r#"(export "t:t/hiding" (instance $hiding))"#;
    let reason = "the root shows one resource as several types";
    carries_none(&guest(&format!("{MAKING} {hiding}")), reason, &["t:t/making#make"]);
    carries_wit(&guest(MAKING));
    // Nothing says of two interfaces that the one uses the other, whichever comes first.
    let peeking = r#"(instance $peeking (instantiate $peeking
        (with "t" (type $guest "thing")) (with "peek" (func $guest "peek"))))
        (export "t:t/peeking" (instance $peeking))"#;
    let exports = ["t:t/making#make", "t:t/peeking#peek"];
    carries_none(&guest(&format!("{MAKING} {peeking}")), reason, &exports);
    let exports = ["t:t/peeking#peek", "t:t/making#make"];
    carries_none(&guest(&format!("{peeking} {MAKING}")), reason, &exports);
}

/// A function of the world uses a type of an exported interface, or one that is in no `use`. Tools
/// would stop at an assertion.
#[test]
fn wit_that_tools_cannot_read_is_not_embedded() {
    let function = r#"(alias export $made "thing" (type $t))
        (export "peek" (func $guest "peek") (func (param "t" (borrow $t)) (result u32)))"#;
    let says = "should also force an import of `thing`";
    let exports = ["t:t/making#make", "peek"];
    carries_none(&guest(&format!("{MAKING} {function}")), says, &exports);

    let host = |exported: &str| {
        format!(
            r#"(component
              (import "t:t/host" (instance $host
                (export "file" (type $f (sub resource)))
                (export "open" (func (result (own $f))))))
              (alias export $host "file" (type $f))
              (component $guest
                (import "f" (type $f (sub resource)))
                (core func $drop (canon resource.drop $f))
                (func (export "eat") (param "t" (own $f)) (canon lift (core func $drop))))
              (instance $guest (instantiate $guest (with "f" (type $f))))
              {exported})"#
        )
    };
    let function = host(r#"(export "eat" (func $guest "eat") (func (param "t" (own $f))))"#);
    carries_none(&function, "should also force an import of `file`", &["eat"]);
    let interface = host(r#"(export "guest" (instance $guest))"#);
    carries_none(&interface, "WIT tools fail to read it", &["guest#eat"]);
}

/// A root that imports and exports one interface, each with a resource of its own, and takes the imported
/// one elsewhere.
#[test]
fn an_imported_resource_is_not_taken_for_an_exported_one() {
    let root = r#"(component
      (import "x:y/things" (instance $t (export "thing" (type $r (sub resource)))))
      (alias export $t "thing" (type $r))
      (core func $drop (canon resource.drop $r))
      (type $mine (resource (rep i32)))
      (core func $new (canon resource.new $mine))
      (core module $m
        (import "" "drop" (func $drop (param i32)))
        (func (export "end") (param i32) (result i32) (call $drop (local.get 0)) (i32.const 2)))
      (core instance $m (instantiate $m (with "" (instance (export "drop" (func $drop))))))
      (func $make (param "n" u32) (result (own $mine)) (canon lift (core func $new)))
      (func $end (param "x" (own $r)) (result u32) (canon lift (core func $m "end")))
      (component $things
        (import "t" (type $t (sub resource)))
        (import "make" (func $make (param "n" u32) (result (own $t))))
        (export $u "thing" (type $t))
        (export "make" (func $make) (func (param "n" u32) (result (own $u)))))
      (instance $things (instantiate $things (with "t" (type $mine)) (with "make" (func $make))))
      (export "x:y/things" (instance $things))
      (component $conv
        (import "h" (type $h (sub resource)))
        (import "end" (func $end (param "x" (own $h)) (result u32)))
        (export $hx "thing" (type $h))
        (export "end" (func $end) (func (param "x" (own $hx)) (result u32))))
      (instance $conv (instantiate $conv (with "h" (type $r)) (with "end" (func $end))))
      (export "x:y/conv" (instance $conv)))"#;
    let (module, warnings) = fused(root);
    let [warning] = &warnings[..] else { panic!("{warnings:?}") };
    assert!(
        warning.contains("an export uses the imported resource `x:y/things.thing`"),
        "{warning}"
    );
    let sections = Parser::new(0).parse_all(&module).map(|payload| payload.expect("it is valid"));
    for payload in sections {
        if let Payload::CustomSection(section) = payload {
            assert!(!section.name().starts_with("component-type"), "{}", section.name());
        }
    }
}

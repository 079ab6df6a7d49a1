//! What is refused or invalid is named by its path in the input, not only by an offset.

use meld_component::{Input, read, read_deferred};

fn input(name: &str, wat: &str) -> Input {
    let bytes = wat::parse_str(wat).unwrap_or_else(|error| panic!("{error}\n{wat}"));
    Input { name: name.to_string(), bytes: bytes.into() }
}

#[track_caller]
fn check(wat: &str, expect: &str) {
    let error = read(&[input("app", wat)]).expect_err("it is refused").to_string();
    let message = error.rsplit_once(" (at offset ").map_or(&*error, |(message, _)| message);
    assert_eq!(message, expect);
}

#[test]
fn refusals_name_the_item() {
    check(
        r#"(component (component $c (component $inner
            (core module $m (func (export "f")))
            (core instance $i (instantiate $m))
            (func $init (canon lift (core func $i "f")))
            (start $init))))"#,
        "app: component \"c\": component \"inner\": function \"init\": component start functions are not supported; \
         export the function and call it",
    );
    check(
        r#"(component (component $c (core module $main (import "a" "b" (func (exact (type 0)))) (type (func)))))"#,
        "app: component \"c\": core module \"main\": import \"a\" \"b\": functions cannot be \
         imported by their exact types; import it as a function of the type",
    );
    check(
        "(component (component $c (core module $main (type $f (func)) (type $k (cont $f)))))",
        "app: component \"c\": core module \"main\": type \"k\": cannot define continuation types when stack switching \
         is disabled",
    );
    check(
        r#"(component (core module $main
            (import "a" "b" (global i32))
            (global i32 (i32.const 0)) (global (shared i32) (i32.const 0))))"#,
        "app: core module \"main\": global 2: shared globals require the shared-everything-threads proposal",
    );
    check(
        r#"(component (core module $main (rec
            (type $a (descriptor $b) (struct)) (type $b (describes $a) (struct)))))"#,
        "app: core module \"main\": types 0 to 1: custom descriptors proposal must be enabled to use descriptor and \
         describes",
    );
    check(
        "(component (core module $main (func) (func $try try catch_all end)))",
        "app: core module \"main\": function \"try\": legacy_exceptions feature required for try instruction",
    );
    check(
        r#"(component (component $c
            (core type $f (func))
            (core module $m (func (export "f")))
            (core instance $m (instantiate $m))
            (func (canon lift (core func $m "f")))
            (func $gc (canon lift (core func $m "f") gc))))"#,
        "app: component \"c\": function \"gc\": canonical option `gc` requires the `cm-gc` feature",
    );
    check(
        r#"(component (import "f" (func)) (import "v" (value u32)))"#,
        "app: import \"v\": support for component model `value`s is not enabled",
    );
}

#[test]
fn limits_name_the_item() {
    let types = "(type (instance))".repeat(1001);
    check(
        &format!("(component (component $c (type u8) (core module) (type (instance {types}))))"),
        "app: component \"c\": type 1: more than 1000 types stand inside of other types",
    );
    check(
        &format!("(component (type $t (instance {types})) (type (func)) (type u8))"),
        "app: types 0 to 2: more than 1000 types stand inside of other types",
    );
    let empty = wat::parse_str("(component)").unwrap();
    let nested = (0..101).fold(empty.clone(), |inner, _| {
        let size = [inner.len() as u8 | 0x80, (inner.len() >> 7) as u8];
        [&empty, &[4][..], &size, &inner].concat()
    });
    let error =
        read(&[Input { name: "app".into(), bytes: nested.into() }]).unwrap_err().to_string();
    assert!(error.starts_with("app: …: component 0: component 0: "), "{error}");
    assert!(
        error.contains("component 0: components are nested more than 100 deep (at "),
        "{error}"
    );
    assert!(error.len() < 600, "{error}");
}

#[test]
fn what_is_invalid_is_named() {
    check(
        "(component (component) (component (core module) (core module (func) (func (drop)))))",
        "app: component 1: core module 1: function 1: type mismatch: expected a type but nothing on stack",
    );
    // What has no name has that of its export; imported functions come first.
    check(
        r#"(module (import "a" "b" (func)) (func) (func (export "run") (result i32) (i64.const 1)))"#,
        "app: function \"run\": type mismatch: expected i32, found i64",
    );
    check(
        r#"(component
            (core module $a (func)) (core module $b (func) (func $f (result i32))) (core module $c (func)))"#,
        "app: core module \"b\": function \"f\": type mismatch: expected i32 but nothing on stack",
    );
    check(
        "(component (core module $m (func $f (param i32)) (start $f)))",
        "app: core module \"m\": function \"f\": invalid start function type",
    );
    check(
        r#"(component (component $c (core module $m (import "a" "b" (func)))
            (core instance) (core instance (instantiate $m))))"#,
        "app: component \"c\": core instance 1: missing module instantiation argument named `a`",
    );
    check(
        r#"(component (core module $m (func (export "a")) (func (export "b")) (export "a" (func 0))))"#,
        "app: core module \"m\": export \"a\": duplicate export name `a` already defined",
    );
    check(
        r#"(component (import "i" (instance $i (export "f" (func)))) (alias export $i "g" (func $g)))"#,
        "app: function \"g\": instance 0 has no export named `g`",
    );
    check(
        "(module (memory $m 1) (data $d (i64.const 0) \"\"))",
        "app: data segment \"d\": type mismatch: expected i32, found i64",
    );
}

/// Names of inputs stay on one line, and are cut.
#[test]
fn hostile_names() {
    check(
        "(component (core module (@name \"a\\nb\\\"\") (func (drop))))",
        "app: core module \"a\\nb\\\"\": function 0: type mismatch: expected a type but nothing on stack",
    );
    let long = "x".repeat(1000);
    check(
        &format!("(component (core module ${long} (func (drop))))"),
        &format!(
            "app: core module \"{}\": function 0: type mismatch: expected a type but nothing on stack",
            &long[..80]
        ),
    );
}

#[test]
fn a_body_that_waits_is_not_of_the_module_that_is_read() {
    let program = read_deferred(&[input(
        "app",
        "(component (core module $a (func (drop))) (core module $b))",
    )]);
    let program = program.expect("bodies are not read");
    let error = meld_component::decode::validate_bodies_of(&program, |_| &[]).unwrap_err();
    assert_eq!(error.path, "core module \"a\": function 0");
}

/// What cannot be read does not say what it is, but which one of its kind it is, over all sections.
#[test]
fn unreadable_items_are_named_by_their_positions() {
    let check = |wat: &str, section: &[u8], expect: &str| {
        let mut bytes = wat::parse_str(wat).expect("the text is valid");
        bytes.extend_from_slice(section);
        let app = Input { name: "app".into(), bytes: bytes.into() };
        let error = read(&[app]).expect_err("it cannot be read").to_string();
        assert!(error.starts_with(&format!("app: {expect}: ")), "{error}");
    };
    let alias = "(component $c (type $t u8) (alias outer $c $t (type)))";
    check(alias, &[6, 2, 1, 0x2c], "alias 1");
    let canon = "(component (type $r (resource (rep i32))) (core func (canon resource.drop $r)))";
    check(canon, &[8, 2, 1, 0x91], "canonical function 1");
    check("(component (import \"f\" (func)))", &[10, 2, 1, 4], "import 1");
    check("(component (type $t u8) (export \"t\" (type $t)))", &[11, 2, 1, 4], "export 1");
    check("(component)", &[11, 5, 1, 0, 2, b'a', 0x82], "export 0");
}

/// Of inputs that are composed, the one is named that is broken by itself, and where in it.
#[test]
fn a_body_that_waits_is_of_its_input() {
    let provider = |body: &str| {
        format!(
            r#"(component (core module $m (func (export "f") {body})) (core instance $m (instantiate $m))
              (func (export "f") (canon lift (core func $m "f"))))"#
        )
    };
    let consumer = r#"(component (import "f" (func $f)) (core func $f (canon lower (func $f)))
      (core module $m (import "" "f" (func)) (func (export "run")))
      (core instance $m (instantiate $m (with "" (instance (export "f" (func $f))))))
      (func (export "run") (canon lift (core func $m "run"))))"#;
    let read = |body: &str| {
        let inputs = [input("consumer", consumer), input("provider", &provider(body))];
        let program = read_deferred(&inputs).expect("bodies are not read");
        assert!(inputs.iter().zip(&program.composed).all(|(a, b)| a.bytes == b.bytes));
        meld_component::decode::validate_bodies_of(&program, |_| &[])
    };
    read("").expect("all bodies are valid");
    let error = read("drop").unwrap_err();
    assert_eq!((&*error.input, &*error.path), ("provider", "core module \"m\": function \"f\""));
}

/// What comes behind a cut is not known, and names do.
#[test]
fn cut_inputs() {
    let mut whole = input("app", "(component (component $c (core module $m (func))))");
    whole.bytes.truncate(20);
    let error = read(&[whole]).unwrap_err().to_string();
    assert!(error.starts_with("app: component 0: the input ends at byte 20, within"), "{error}");
}

/// The validator gives up on instances that are too deep in each other.
#[test]
fn panics_of_the_validator_say_where() {
    let mut wat = String::from("(component (type $t u8) (instance (export \"t\" (type $t)))");
    for i in 0..500 {
        wat += &format!("(instance (export \"i\" (instance {i})))");
    }
    check(
        &format!("(component $root {wat}))"),
        "app: component 0: the validator cannot cope with it: assertion failed: depth <= Self::MAX_DEPTH",
    );
}

#[test]
fn of_several_inputs_the_one_at_fault_is_named() {
    let invalid = "(component (component $c (core module $m (func (drop)))))";
    let error = read(&[input("a", "(component)"), input("b", invalid)]).unwrap_err().to_string();
    assert!(error.starts_with("b: component \"c\": core module \"m\": function 0: "), "{error}");
}

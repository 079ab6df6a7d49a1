use super::*;
use crate::testing::read_all;

/// Instances with their imports, in order, then exports.
fn show(program: &Program) -> Vec<String> {
    let item = |item: &CoreItem| match item {
        CoreItem::Export { instance, export } => {
            let name = &program.module_of(*instance).exports[*export as usize].name;
            format!("{}.{name}", program.instances[instance.index()].name)
        }
        CoreItem::Host { module, name, importer } => {
            format!("host({module}, {name}, {}, {})", importer.0, importer.1)
        }
        other => format!("{other:?}"),
    };
    let mut lines: Vec<String> = Vec::new();
    for instance in &program.instances {
        let imports: Vec<String> = instance.imports.iter().map(item).collect();
        lines.push(format!("{}({})", instance.name, imports.join(", ")));
    }
    let World::Core { exports } = &program.world else { panic!("a core world") };
    lines.extend(exports.iter().map(|(name, what)| format!("{name} = {}", item(what))));
    lines
}

#[test]
fn inputs_are_linked_by_name_and_the_rest_is_the_hosts() {
    let program = read_all(&[
        (
            "app",
            r#"(module (import "lib" "add" (func (param i32 i32) (result i32)))
                (import "env" "log" (func (param i32))) (import "lib" "mem" (memory 1))
                (func (export "run")))"#,
        ),
        (
            "lib",
            r#"(module (memory (export "mem") 2)
                (func (export "add") (param i32 i32) (result i32) i32.const 0))"#,
        ),
    ]);
    assert_eq!(
        show(&program.unwrap()),
        ["lib()", "app(lib.add, host(env, log, #core1, 1), lib.mem)", "run = app.run"]
    );
}

#[test]
fn one_module_stands_for_itself() {
    let program = read_all(&[("a", r#"(module (func (export "f")) (func (export "g")))"#)]);
    assert_eq!(show(&program.unwrap()), ["a()", "f = a.f", "g = a.g"]);
}

#[test]
fn functions_may_be_imported_in_a_circle() {
    let program = read_all(&[
        ("c", r#"(module (import "a" "f" (func)) (func (export "h")))"#),
        ("a", r#"(module (import "b" "g" (func)) (func (export "f")))"#),
        ("b", r#"(module (import "a" "f" (func)) (func (export "g")))"#),
    ]);
    assert_eq!(show(&program.unwrap()), ["a(b.g)", "b(a.f)", "c(a.f)", "h = c.h"]);
}

#[test]
fn in_a_circle_of_all_the_first_inputs_exports_are_kept() {
    let program = read_all(&[
        (
            "a",
            r#"(module (import "b" "g" (func)) (import "b" "t" (table 1 funcref)) (func (export "f")))"#,
        ),
        (
            "b",
            r#"(module (import "a" "f" (func)) (table (export "t") 1 funcref) (func (export "g")))"#,
        ),
    ]);
    // What is not a function has to be there first.
    assert_eq!(show(&program.unwrap()), ["b(a.f)", "a(b.g, b.t)", "f = a.f"]);
}

#[test]
fn re_exports_are_followed_to_the_definition() {
    let program = read_all(&[
        (
            "app",
            r#"(module (import "mid" "m" (memory 1)) (import "mid" "log" (func))
                (import "lib" "mem" (memory 1)) (export "log" (func 0)) (export "m" (memory 0)))"#,
        ),
        (
            "mid",
            r#"(module (import "lib" "mem" (memory 1)) (import "env" "log" (func))
                (export "m" (memory 0)) (export "log" (func 0)))"#,
        ),
        ("lib", r#"(module (memory (export "mem") 1))"#),
    ]);
    assert_eq!(
        show(&program.unwrap()),
        [
            "lib()",
            "mid(lib.mem, host(env, log, #core1, 1))",
            "app(lib.mem, host(env, log, #core1, 1), lib.mem)",
            "log = host(env, log, #core1, 1)",
            "m = lib.mem"
        ]
    );
}

#[test]
fn types_must_fit() {
    // Import, export, whether they fit.
    let rows = [
        ("(func (param i32))", r#"(func (export "x") (param i32))"#, true),
        ("(func (param i32))", r#"(func (export "x") (param i64))"#, false),
        ("(func)", r#"(memory (export "x") 1)"#, false),
        ("(memory 1)", r#"(memory (export "x") 2)"#, true),
        ("(memory 2)", r#"(memory (export "x") 1)"#, false),
        ("(memory 1 3)", r#"(memory (export "x") 1 3)"#, true),
        ("(memory 1 3)", r#"(memory (export "x") 1)"#, false),
        ("(memory i64 1)", r#"(memory (export "x") 1)"#, false),
        ("(table 1 funcref)", r#"(table (export "x") 1 funcref)"#, true),
        ("(table 1 funcref)", r#"(table (export "x") 1 externref)"#, false),
        ("(global i32)", r#"(global (export "x") i32 (i32.const 0))"#, true),
        ("(global (mut i32))", r#"(global (export "x") i32 (i32.const 0))"#, false),
        (
            "(global funcref)",
            r#"(func $f) (elem declare func $f) (global (export "x") (ref func) (ref.func $f))"#,
            true,
        ),
        (
            "(global (mut funcref))",
            r#"(func $f) (elem declare func $f) (global (export "x") (mut (ref func)) (ref.func $f))"#,
            false,
        ),
        ("(global (ref func))", r#"(global (export "x") funcref (ref.null func))"#, false),
        ("(global anyref)", r#"(global (export "x") nullref (ref.null none))"#, true),
        ("(global structref)", r#"(global (export "x") nullref (ref.null none))"#, true),
        ("(global structref)", r#"(global (export "x") eqref (ref.null eq))"#, false),
        (
            "(global anyref)",
            r#"(type $s (struct)) (global (export "x") (ref $s) (struct.new $s))"#,
            true,
        ),
        (
            "(global arrayref)",
            r#"(type $s (struct)) (global (export "x") (ref $s) (struct.new $s))"#,
            false,
        ),
        ("(global externref)", r#"(global (export "x") anyref (ref.null any))"#, false),
        ("(tag (param i32))", r#"(tag (export "x") (param i32))"#, true),
        ("(tag (param i32))", r#"(tag (export "x"))"#, false),
    ];
    for (import, export, fits) in rows {
        let app = format!(r#"(module (import "lib" "x" {import}))"#);
        let lib = format!("(module {export})");
        let result = read_all(&[("app", &app), ("lib", &lib)]);
        assert_eq!(result.is_ok(), fits, "{import} {export}");
        if let Err(error) = result {
            let error = error.to_string();
            assert!(error.contains(&format!("imports `lib` `x` as {import}")), "{error}");
        }
    }
}

#[test]
fn a_module_may_import_its_own_functions() {
    let program = read_all(&[(
        "a",
        r#"(module (import "a" "f" (func $f)) (func (export "f")) (func (export "g") call $f))"#,
    )]);
    assert_eq!(show(&program.unwrap()), ["a(a.f)", "f = a.f", "g = a.g"]);
}

#[test]
fn gc_types_are_compared_by_structure() {
    let app = r#"(module (type $t (struct (field i32)))
        (import "lib" "x" (func (param (ref $t)))))"#;
    let lib = |field: &str| {
        format!(
            r#"(module (type (func)) (type $u (struct (field {field})))
                (func (export "x") (param (ref $u))))"#
        )
    };
    assert!(read_all(&[("app", app), ("lib", &lib("i32"))]).is_ok());
    assert!(read_all(&[("app", app), ("lib", &lib("i64"))]).is_err());
}

#[test]
fn errors_name_the_item_and_the_way_out() {
    let rows: [(&[(&str, &str)], &str); 8] = [
        (
            &[("env", r#"(module (import "env" "memory" (memory 1)))"#)],
            "`env` imports `env` `memory`, but the input `env` has no export of that name; it exports nothing; if the host supplies it, give the input another name, as in `NAME=path`",
        ),
        (
            &[("a", r#"(module (import "a" "m" (memory 1)) (memory (export "m") 1))"#)],
            "`a`: these import from each other in a circle, and not only functions",
        ),
        (
            &[
                ("app", r#"(module (import "lib" "greet" (func)))"#),
                ("lib", r#"(module (func (export "other")) (func (export "great")))"#),
            ],
            "the input `lib` has no export of that name; it exports `great`, `other`",
        ),
        (
            &[("a", "(module)"), ("a", "(module)")],
            "two inputs are called `a`; give one another name, as in `NAME=path`",
        ),
        (
            &[("a", r#"(module (func (export "f")))"#), ("b", r#"(module (func (export "f")))"#)],
            "`a` and `b` both export `f`, and no input imports from either; remove one of the exports, or add a module",
        ),
        (
            &[
                ("a", r#"(module (import "b" "m" (memory 1)) (table (export "t") 1 funcref))"#),
                ("b", r#"(module (import "a" "t" (table 1 funcref)) (memory (export "m") 1))"#),
            ],
            "`a`, `b`: these import from each other in a circle, and not only functions",
        ),
        (
            &[
                ("a", r#"(module (import "b" "f" (func $f)) (export "f" (func $f)))"#),
                ("b", r#"(module (import "a" "f" (func $f)) (export "f" (func $f)))"#),
            ],
            "the import `b` `f` of `a` leads back to itself",
        ),
        (
            &[("a", "(module)"), ("c", "(component)")],
            "core modules (`a`) and components (`c`) cannot be fused together",
        ),
    ];
    for (inputs, expect) in rows {
        let error = read_all(inputs).map(|p| show(&p)).expect_err(expect).to_string();
        assert!(error.contains(expect), "{error}");
    }
}

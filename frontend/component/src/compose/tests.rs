use crate::program::{CoreItem, FuncDef, Program};
use crate::read::{Error, Input, read};

fn fuse(inputs: &[(&str, String)]) -> Result<Program, Error> {
    let inputs = inputs.iter().map(|(name, wat)| Input {
        name: name.to_string(),
        bytes: wat::parse_str(wat).expect("the test's text is valid").into(),
    });
    read(&inputs.collect::<Vec<_>>())
}

/// A component that imports and exports interfaces of one function `f`.
fn component(imports: &[&str], exports: &[&str]) -> String {
    let mut wat = String::from("(component");
    let mut fields = String::new();
    let mut args = String::new();
    for (i, import) in imports.iter().enumerate() {
        wat += &format!(r#"(import "{import}" (instance $i{i} (export "f" (func))))"#);
        wat += &format!(r#"(core func $l{i} (canon lower (func $i{i} "f")))"#);
        fields += &format!(r#"(import "" "{import}" (func))"#);
        args += &format!(r#"(export "{import}" (func $l{i}))"#);
    }
    wat += &format!(r#"(core module $m {fields} (func (export "f")))"#);
    wat += &format!(r#"(core instance $m (instantiate $m (with "" (instance {args}))))"#);
    wat += r#"(func $f (canon lift (core func $m "f")))"#;
    for (i, export) in exports.iter().enumerate() {
        wat += &format!(r#"(instance $e{i} (export "f" (func $f)))"#);
        wat += &format!(r#"(export "{export}" (instance $e{i}))"#);
    }
    wat + ")"
}

/// Core instances, each with those whose functions it imports, and root exports.
fn show(program: &Program) -> Vec<String> {
    let mut lines = Vec::new();
    let core = |item: &CoreItem| match item {
        CoreItem::Export { instance, .. } => program.instances[instance.index()].name.clone(),
        other => format!("{other:?}"),
    };
    for instance in &program.instances {
        let imports = instance.imports.iter().map(|item| match item {
            CoreItem::Lower { func, .. } => match &program.funcs[func.index()].def {
                FuncDef::Lift { core: item, .. } => core(item),
                FuncDef::Host(id) => program.host_funcs[id.index()].path.join("."),
            },
            other => core(other),
        });
        lines.push(format!("{}({})", instance.name, imports.collect::<Vec<_>>().join(", ")));
    }
    lines.extend(program.root_exports.iter().map(|export| export.path.join(".")));
    lines
}

#[test]
fn a_chain_and_a_diamond_share_each_provider() {
    let app = || ("app", component(&["t:p/left", "t:p/right"], &["t:p/app"]));
    let left = || ("left", component(&["t:p/base"], &["t:p/left"]));
    let right = || ("right", component(&["t:p/base"], &["t:p/right"]));
    let base = || ("base", component(&["t:p/host"], &["t:p/base", "t:p/unused"]));
    for inputs in [[app(), left(), right(), base()], [base(), right(), left(), app()]] {
        let mut lines = show(&fuse(&inputs).unwrap());
        lines.sort();
        assert_eq!(
            lines,
            [
                "app/m(left/m, right/m)",
                "base/m(t:p/host.f)",
                "left/m(base/m)",
                "right/m(base/m)",
                "t:p/app.f"
            ]
        );
    }
}

#[test]
fn versions_are_compatible_on_one_track() {
    // Import, exports, the export that supplies it.
    let rows: [(&str, &[&str], bool); 6] = [
        ("t:p/x@1.2.0", &["t:p/x@1.4.0"], true),
        ("t:p/x@1.2.0", &["t:p/x@1.0.0", "t:p/x@1.3.0"], true),
        ("t:p/x@0.2.0", &["t:p/x@0.2.7"], true),
        ("t:p/x@0.2.0", &["t:p/x@0.3.0"], false),
        ("t:p/x@1.2.0", &["t:p/x@2.0.0"], false),
        ("t:p/x@1.2.0", &["t:p/x"], false),
    ];
    for (import, exports, fits) in rows {
        let inputs =
            [("app", component(&[import], &["t:p/app"])), ("lib", component(&[], exports))];
        assert_eq!(fuse(&inputs).is_ok(), fits, "{import} {exports:?}");
    }
}

#[test]
fn resources_of_a_provider_are_its_consumers() {
    let lib = r#"(component
        (type $r (resource (rep i32)))
        (core module $m (func (export "make") (result i32) unreachable))
        (core instance $m (instantiate $m))
        (func $make (result (own $r)) (canon lift (core func $m "make")))
        (component $shim
            (import "r" (type $r (sub resource)))
            (import "make" (func $make (result (own $r))))
            (export $e "res" (type $r))
            (export "make" (func $make) (func (result (own $e)))))
        (instance $i (instantiate $shim (with "r" (type $r)) (with "make" (func $make))))
        (export "t:p/api" (instance $i)))"#;
    let app = r#"(component
        (import "t:p/api" (instance $api
            (export "res" (type $r (sub resource))) (export "make" (func (result (own $r))))))
        (alias export $api "res" (type $r))
        (core func $make (canon lower (func $api "make")))
        (core func $drop (canon resource.drop $r))
        (core module $m (import "" "make" (func (result i32))) (import "" "drop" (func (param i32)))
            (func (export "run") call 0 call 1))
        (core instance $m (instantiate $m (with "" (instance
            (export "make" (func $make)) (export "drop" (func $drop))))))
        (func (export "run") (canon lift (core func $m "run"))))"#;
    let program = fuse(&[("app", app.to_string()), ("lib", lib.to_string())]).unwrap();
    assert_eq!(program.resources.len(), 1);
    assert_eq!(program.resources[0].name, "t:p/api.res");
    let lines = show(&program);
    assert_eq!(lines[0], "lib/m()");
    assert!(lines[1].starts_with("app/m(lib/m, Builtin(ResourceDrop("), "{lines:?}");
}

#[test]
fn a_type_only_import_that_remains_is_accepted() {
    let types = r#"(import "t:p/types" (instance $types
            (type $rec (record (field "a" u32))) (export "rec" (type (eq $rec)))))
        (alias export $types "rec" (type $rec))"#;
    let lib = format!(
        r#"(component {types}
            (core module $m (func (export "f") (param i32)))
            (core instance $m (instantiate $m))
            (func $f (param "x" $rec) (canon lift (core func $m "f")))
            (component $shim
                (type $rec0 (record (field "a" u32)))
                (import "rec" (type $rec (eq $rec0)))
                (import "f" (func $f (param "x" $rec)))
                (export $e "rec" (type $rec))
                (export "f" (func $f) (func (param "x" $e))))
            (instance $i (instantiate $shim (with "rec" (type $rec)) (with "f" (func $f))))
            (export "t:p/api" (instance $i)))"#
    );
    let app = format!(
        r#"(component {types}
            (import "t:p/api" (instance $api
                (alias outer 1 $rec (type $r)) (export "rec" (type $rec (eq $r)))
                (export "f" (func (param "x" $rec)))))
            (core func $f (canon lower (func $api "f")))
            (core module $m (import "" "f" (func (param i32))) (func (export "run")))
            (core instance $m (instantiate $m (with "" (instance (export "f" (func $f))))))
            (func (export "run") (canon lift (core func $m "run"))))"#
    );
    let program = fuse(&[("app", app), ("lib", lib)]).unwrap();
    assert_eq!(show(&program), ["lib/m()", "app/m(lib/m)", "run"]);
    let crate::program::World::Component(world) = &program.world else { panic!("a component") };
    assert_eq!(world.imports.len(), 1);
    assert_eq!(world.imports[0].0, "t:p/types");
}

#[test]
fn errors_name_the_inputs_and_the_interface() {
    let mismatch = r#"(component
        (core module $m (func (export "f") (param i32)))
        (core instance $m (instantiate $m))
        (func $f (param "x" u32) (canon lift (core func $m "f")))
        (instance $i (export "f" (func $f)))
        (export "t:p/x" (instance $i)))"#;
    let rows: [(&[(&str, String)], &str); 5] = [
        (
            &[("a", component(&["t:p/x"], &["t:p/a"])), ("b", mismatch.to_string())],
            "`b` exports `t:p/x`, but not as `a` imports it",
        ),
        (
            &[
                ("a", component(&["t:p/x"], &["t:p/a"])),
                ("b", component(&[], &["t:p/x"])),
                ("c", component(&[], &["t:p/x"])),
            ],
            "`a` imports `t:p/x`, which `b`, `c` all export; leave one of them",
        ),
        (
            &[("a", component(&["t:p/b"], &["t:p/a"])), ("b", component(&["t:p/a"], &["t:p/b"]))],
            "`a`, `b`: these import from each other in a circle",
        ),
        (
            &[("a", component(&[], &["t:p/a"])), ("b", component(&["t:p/x"], &["t:p/b"]))],
            "no other input imports from `a`, `b`, and one alone can be the root:\n  `a` exports `t:p/a`, and imports nothing\n  `b` exports `t:p/b`, and imports `t:p/x`",
        ),
        (&[], "there is no input"),
    ];
    for (inputs, expect) in rows {
        let error = fuse(inputs).map(|p| show(&p)).expect_err(expect).to_string();
        assert!(error.contains(expect), "{error}");
    }
}

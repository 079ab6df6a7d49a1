use crate::program::{CoreItem, FuncDef, Program};
use crate::read::{Error, Input, read};
use crate::testing::read_all;

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
        let mut lines = show(&read_all(&inputs).unwrap());
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

/// Middleware `wrap` imports and exports what `app` imports and `lib` exports.
#[test]
fn the_next_input_supplies_an_import() {
    let app = || ("app", component(&["t:p/x"], &["t:p/app"]));
    let wrap = || ("wrap", component(&["t:p/x"], &["t:p/x"]));
    let more = || ("more", component(&["t:p/x@1.0.0"], &["t:p/x@1.0.0"]));
    let lib = || ("lib", component(&[], &["t:p/x"]));
    type Row<'a> = (&'a [(&'a str, String)], &'a [&'a str]);
    let rows: [Row<'_>; 7] = [
        (&[app(), lib()], &["app/m(lib/m)", "lib/m()", "t:p/app.f"]),
        (&[lib(), app()], &["app/m(lib/m)", "lib/m()", "t:p/app.f"]),
        (&[app(), wrap(), lib()], &["app/m(wrap/m)", "lib/m()", "t:p/app.f", "wrap/m(lib/m)"]),
        (
            &[app(), wrap(), ("wrap2", wrap().1), lib()],
            &["app/m(wrap/m)", "lib/m()", "t:p/app.f", "wrap/m(wrap2/m)", "wrap2/m(lib/m)"],
        ),
        // Without a provider the last middleware calls the host.
        (
            &[app(), wrap(), ("wrap2", wrap().1)],
            &["app/m(wrap/m)", "t:p/app.f", "wrap/m(wrap2/m)", "wrap2/m(t:p/x.f)"],
        ),
        // Middleware may come first, and stands in front of a provider before its consumer too.
        (&[wrap(), app()], &["app/m(wrap/m)", "t:p/app.f", "wrap/m(t:p/x.f)"]),
        (&[lib(), app(), wrap()], &["app/m(wrap/m)", "lib/m()", "t:p/app.f", "wrap/m(lib/m)"]),
    ];
    for (inputs, expect) in rows {
        let mut lines = show(&read_all(inputs).unwrap());
        lines.sort();
        assert_eq!(lines, expect);
    }
    // Another version is another interface if the two are not compatible.
    let apart = read_all(&[app(), more(), lib()]).expect_err("nobody uses `more`").to_string();
    assert!(apart.contains("no other input imports from `app`, `more`"), "{apart}");
    for inputs in [[app(), lib(), wrap()], [wrap(), lib(), app()], [lib(), wrap(), app()]] {
        let error =
            read_all(&inputs).map(|p| show(&p)).expect_err("a part is left over").to_string();
        assert!(
            error.starts_with("`app` imports `t:p/x`, which ") || error.starts_with("`wrap`"),
            "{error}"
        );
        assert!(error.contains("give the inputs in another order"), "{error}");
    }
}

/// Order also tells which of two providers each consumer gets.
#[test]
fn two_consumers_with_a_provider_each() {
    let program = read_all(&[
        ("app", component(&["t:p/a", "t:p/b"], &["t:p/app"])),
        ("a", component(&["t:p/x"], &["t:p/a"])),
        ("x1", component(&[], &["t:p/x"])),
        ("b", component(&["t:p/x"], &["t:p/b"])),
        ("x2", component(&[], &["t:p/x"])),
    ]);
    let mut lines = show(&program.unwrap());
    lines.sort();
    assert_eq!(
        lines,
        ["a/m(x1/m)", "app/m(a/m, b/m)", "b/m(x2/m)", "t:p/app.f", "x1/m()", "x2/m()"]
    );
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
        assert_eq!(read_all(&inputs).is_ok(), fits, "{import} {exports:?}");
    }
    let inputs = [
        ("app", component(&["t:p/x@0.2.0"], &["t:p/app"])),
        ("lib", component(&[], &["t:p/x@0.3.1"])),
    ];
    let error = read_all(&inputs).err().map(|error| error.to_string()).unwrap_or_default();
    let first =
        "the versions of `t:p/x` are incompatible: `app` imports 0.2.0, and `lib` exports 0.3.1; ";
    assert!(error.starts_with(first), "{error}");
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
    let program = read_all(&[("app", app.to_string()), ("lib", lib.to_string())]).unwrap();
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
    let program = read_all(&[("app", app), ("lib", lib)]).unwrap();
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
    let rows: [(&[(&str, String)], &str); 8] = [
        (
            &[
                ("app", component(&["t:p/greet@1.0.0"], &["t:p/app"])),
                ("lib", component(&[], &["t:p/greet@2.0.0"])),
            ],
            "no input exports `t:p/greet@1.0.0`, which `app` imports; `lib` exports `t:p/greet@2.0.0`",
        ),
        (
            &[("a", component(&["t:p/x"], &["t:p/a"])), ("a", component(&["t:p/x"], &["t:p/a"]))],
            "to tell inputs of one name apart, write `NAME=PATH`",
        ),
        (
            &[
                ("a", component(&["t:p/x"], &["t:p/a"])),
                ("b", component(&[], &["t:p/x"])),
                ("b", component(&[], &["t:p/x"])),
            ],
            "to tell inputs of one name apart, write `NAME=PATH`",
        ),
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
            "`a` imports `t:p/x`, which `b`, `c` both export; leave one of them out",
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
        let error = read_all(inputs).map(|p| show(&p)).expect_err(expect).to_string();
        assert!(error.contains(expect), "{error}");
    }
}

#[test]
fn a_broken_input_is_blamed_and_no_other() {
    let app = wat::parse_str(component(&["t:p/x"], &["t:p/app"])).expect("the text is valid");
    let lib = wat::parse_str(component(&[], &["t:p/x"])).expect("the text is valid");
    for length in 8..lib.len() {
        let inputs = [("app", &app[..]), ("lib", &lib[..length])]
            .map(|(name, bytes)| Input { name: name.to_string(), bytes: bytes.to_vec().into() });
        let whole = crate::decode::component("lib", lib[..length].to_vec().into()).is_ok();
        match read(&inputs) {
            Err(Error::Decode(error)) if !whole => assert_eq!(error.input, "lib", "{error}"),
            // Cut between sections, the rest is a component, with or without its export.
            Ok(_) | Err(Error::Compose(crate::compose::ComposeError::SeveralRoots { .. }))
                if whole => {}
            other => panic!("{length}: {:?}", other.map(|p| show(&p))),
        }
    }
}

use super::*;
use crate::program::{Builtin, FuncDef, WorldItem};
use crate::types::{TypeId, ValueType};

fn program(wat: &str) -> Result<Program, LinkError> {
    let bytes = wat::parse_str(wat).expect("the test's text is valid");
    link(&crate::decode::component("test", bytes.into()).expect("decodes"))
}

/// A program as lines: core instances with their imports, then root exports.
fn show(program: &Program) -> Vec<String> {
    let mut lines = Vec::new();
    for instance in &program.instances {
        let module = &program.modules[instance.module.index()];
        let mut line = format!("{}:", instance.name);
        for (import, item) in module.imports.iter().zip(&instance.imports) {
            line += &format!(" {}={}", import.name, show_item(program, item));
        }
        lines.push(line);
    }
    for export in &program.root_exports {
        lines.push(format!("{} = {}", export.path.join("."), show_func(program, export.func)));
    }
    lines
}

fn show_item(program: &Program, item: &CoreItem) -> String {
    match item {
        CoreItem::Export { instance, export } => {
            let name = &program.module_of(*instance).exports[*export as usize].name;
            format!("{}.{name}", program.instances[instance.index()].name)
        }
        CoreItem::Lower { func, .. } => format!("lower({})", show_func(program, *func)),
        CoreItem::Builtin(Builtin::ResourceNew(c, r)) => format!("new({c}, {r})"),
        CoreItem::Builtin(Builtin::ResourceRep(c, r)) => format!("rep({c}, {r})"),
        CoreItem::Builtin(Builtin::ResourceDrop(c, r)) => format!("drop({c}, {r})"),
        CoreItem::Builtin(Builtin::Context { component, set, slot, .. }) => {
            format!("context-{}({component}, {slot})", if *set { "set" } else { "get" })
        }
        CoreItem::Builtin(Builtin::Async(c, name)) => format!("{name}({c})"),
        CoreItem::Host { module, name, .. } => format!("host({module}, {name})"),
        CoreItem::HostExport { name, .. } => format!("{name} without an importer"),
    }
}

fn show_func(program: &Program, func: FuncId) -> String {
    match &program.funcs[func.index()].def {
        FuncDef::Lift { core, .. } => format!("lift({})", show_item(program, core)),
        FuncDef::Host(id) => format!("host({})", program.host_funcs[id.index()].path.join(".")),
    }
}

fn show_type(program: &Program, ty: TypeId) -> String {
    match program.types.get(ty) {
        ValueType::Own(id) => format!("own {}", program.resources[id.index()].name),
        ValueType::Borrow(id) => format!("borrow {}", program.resources[id.index()].name),
        other => format!("{other:?}"),
    }
}

/// Parameter and result types of each root export.
fn show_types(program: &Program) -> Vec<String> {
    let exports = program.root_exports.iter().map(|export| {
        let ty = program.types.func(program.funcs[export.func.index()].ty);
        let params: Vec<_> = ty.params.iter().map(|ty| show_type(program, *ty)).collect();
        let result = ty.result.map(|ty| format!(" -> {}", show_type(program, ty)));
        format!("{}({}){}", export.path.join("."), params.join(", "), result.unwrap_or_default())
    });
    exports.collect()
}

#[track_caller]
fn check(wat: &str, expect: &[&str]) {
    assert_eq!(show(&program(wat).expect("links")), expect);
}

#[test]
fn a_bare_function_export_at_the_root() {
    check(
        r#"(component
            (core module $m (func (export "f")))
            (core instance $i (instantiate $m))
            (func (export "run") (canon lift (core func $i "f"))))"#,
        &["root/m:", "run = lift(root/m.f)"],
    );
}

#[test]
fn core_items_of_every_kind_through_synthesised_instances() {
    check(
        r#"(component
            (core module $a
                (memory (export "mem") 1) (table (export "tab") 1 funcref)
                (global (export "glob") i32 (i32.const 0)) (tag (export "tag"))
                (func (export "f")))
            (core module $b
                (import "x" "mem" (memory 1)) (import "x" "tab" (table 1 funcref))
                (import "y" "glob" (global i32)) (import "y" "tag" (tag))
                (import "z" "f" (func)))
            (core instance $a (instantiate $a))
            (alias core export $a "mem" (core memory $mem))
            (core instance $y (export "glob" (global $a "glob")) (export "tag" (tag $a "tag")))
            (core instance $x (export "mem" (memory $mem)) (export "tab" (table $a "tab")))
            (core instance $again (export "g" (func $a "f")))
            (core instance $z (export "f" (func $again "g")))
            (core instance $b (instantiate $b
                (with "x" (instance $x)) (with "y" (instance $y)) (with "z" (instance $z)))))"#,
        &[
            "root/a:",
            "root/b: mem=root/a.mem tab=root/a.tab glob=root/a.glob tag=root/a.tag f=root/a.f",
        ],
    );
}

#[test]
fn re_exports_of_core_modules_are_followed_to_the_definition() {
    check(
        r#"(component
            (import "f" (func $f))
            (core func $f (canon lower (func $f)))
            (core module $a (memory (export "mem") 1))
            (core module $b (import "" "f" (func)) (import "a" "mem" (memory 1))
                (export "g" (func 0)) (export "m" (memory 0)))
            (core module $c (import "b" "m" (memory 1)) (import "b" "g" (func)))
            (core instance $a (instantiate $a))
            (core instance $b (instantiate $b (with "a" (instance $a))
                (with "" (instance (export "f" (func $f))))))
            (core instance $c (instantiate $c (with "b" (instance $b)))))"#,
        &[
            "root/a:",
            "root/b: f=lower(host(f)) mem=root/a.mem",
            "root/c: m=root/a.mem g=lower(host(f))",
        ],
    );
}

#[test]
fn a_component_instantiated_twice_is_two_instances() {
    let wat = r#"(component
        (component $c
            (core module $m (func (export "f")))
            (core instance $i (instantiate $m))
            (type $r (resource (rep i32)))
            (export $r' "r" (type $r))
            (func (export "f") (result (own $r')) (canon lift (core func $i "g")))
        )
        (instance $x (instantiate $c))
        (instance $y (instantiate $c))
        (export "x" (instance $x))
        (export "y" (instance $y)))"#;
    let wat =
        wat.replace(r#"(func (export "f"))"#, r#"(func (export "g") (result i32) unreachable)"#);
    check(&wat, &["x/m:", "y/m:", "x.f = lift(x/m.g)", "y.f = lift(y/m.g)"]);
    let program = program(&wat).unwrap();
    assert_eq!(show_types(&program), ["x.f() -> own x.r", "y.f() -> own y.r"]);
    assert_eq!(program.resources.len(), 2);
    assert_ne!(program.funcs[0].ty, program.funcs[1].ty);
    let paths: Vec<_> = program.components.iter().map(|c| (&*c.path, c.parent)).collect();
    let root = Some(ComponentId(0));
    assert_eq!(paths, [("root", None), ("x", root), ("y", root), ("border", None)]);
    let border = program.border.as_ref().unwrap();
    let shown: Vec<_> = border.exported.iter().map(|(_, path)| path.join("/")).collect();
    assert_eq!((shown, border.imported.len()), (vec!["x/r".to_string(), "y/r".to_string()], 0));
}

#[test]
fn outer_aliases_reach_two_and_three_levels_out() {
    check(
        r#"(component $root
            (core module $m (func (export "f")))
            (component $c (core module $n (func (export "f")))
                (core instance $i (instantiate $n))
                (func (export "f") (canon lift (core func $i "f"))))
            (component $one
                (component $two
                    (component $three
                        (alias outer $root $m (core module $m3))
                        (alias outer $root $c (component $c3))
                        (core instance $i (instantiate $m3))
                        (instance $j (instantiate $c3))
                        (func (export "f") (canon lift (core func $i "f")))
                        (export "g" (func $j "f")))
                    (alias outer $root $m (core module $m2))
                    (core instance $k (instantiate $m2))
                    (instance $i (instantiate $three))
                    (export "i" (instance $i)))
                (instance $i (instantiate $two))
                (export "i" (instance $i "i")))
            (instance $i (instantiate $one))
            (export "i" (instance $i "i")))"#,
        &["i/i/m:", "i/i/i/m:", "i/i/i/j/n:", "i.g = lift(i/i/i/j/n.f)", "i.f = lift(i/i/i/m.f)"],
    );
}

#[test]
fn a_component_carries_along_the_environment_it_was_defined_in() {
    check(
        r#"(component
            (core module $m (func (export "f")))
            (core module $n (func (export "f")))
            (component $maker
                (import "m" (core module $m (export "f" (func))))
                (component $inner
                    (alias outer $maker $m (core module $outer))
                    (core instance $i (instantiate $outer))
                    (func (export "f") (canon lift (core func $i "f"))))
                (export "c" (component $inner)))
            (instance $a (instantiate $maker (with "m" (core module $m))))
            (instance $b (instantiate $maker (with "m" (core module $n))))
            (alias export $b "c" (component $cb))
            (alias export $a "c" (component $ca))
            (instance $ib (instantiate $cb))
            (instance $ia (instantiate $ca))
            (export "a" (instance $ia))
            (export "b" (instance $ib)))"#,
        &["ib/n:", "ia/m:", "a.f = lift(ia/m.f)", "b.f = lift(ib/n.f)"],
    );
}

#[test]
fn modules_components_and_instances_are_passed_as_arguments() {
    check(
        r#"(component
            (core module $m (func (export "f")))
            (component $leaf
                (import "m" (core module $m (export "f" (func))))
                (core instance $i (instantiate $m))
                (func (export "f") (canon lift (core func $i "f"))))
            (component $user
                (import "mods" (instance $mods (export "m" (core module (export "f" (func))))))
                (import "leaf" (component $leaf
                    (import "m" (core module (export "f" (func))))
                    (export "f" (func))))
                (alias export $mods "m" (core module $m))
                (instance $i (instantiate $leaf (with "m" (core module $m))))
                (export "i" (instance $i)))
            (instance $mods (export "m" (core module $m)))
            (instance $user (instantiate $user
                (with "mods" (instance $mods)) (with "leaf" (component $leaf))))
            (export "f" (func $user "i" "f")))"#,
        &["user/i/m:", "f = lift(user/i/m.f)"],
    );
}

#[test]
fn a_narrower_import_hides_nothing_from_identity() {
    check(
        r#"(component
            (core module $m (func (export "f")) (func (export "g")))
            (core instance $i (instantiate $m))
            (func $f (canon lift (core func $i "f")))
            (func $g (canon lift (core func $i "g")))
            (instance $wide (export "f" (func $f)) (export "g" (func $g)))
            (component $c
                (import "x" (instance $x (export "g" (func))))
                (export "x2" (instance $x)))
            (instance $c (instantiate $c (with "x" (instance $wide))))
            (export "out" (instance $c "x2")))"#,
        &["root/m:", "out.g = lift(root/m.g)"],
    );
}

#[test]
fn resources_are_followed_through_type_and_instance_arguments() {
    let wat = r#"(component
        (component $provider
            (type $r (resource (rep i32)))
            (export $e "float" (type $r))
            (core module $m (func (export "f") (result i32) unreachable))
            (core instance $i (instantiate $m))
            (func (export "make") (result (own $e)) (canon lift (core func $i "f"))))
        (component $consumer
            (import "api" (instance $api
                (export "float" (type $float (sub resource)))
                (export "make" (func (result (own $float))))))
            (alias export $api "float" (type $float))
            (import "same" (type $same (eq $float)))
            (core func $make (canon lower (func $api "make")))
            (core func $drop (canon resource.drop $same))
            (core module $m
                (import "" "make" (func (result i32))) (import "" "drop" (func (param i32)))
                (func (export "take") (param i32)))
            (core instance $i (instantiate $m (with "" (instance
                (export "make" (func $make)) (export "drop" (func $drop))))))
            (func (export "take") (param "x" (own $same)) (canon lift (core func $i "take"))))
        (instance $p (instantiate $provider))
        (instance $q (instantiate $provider))
        (alias export $q "float" (type $qf))
        (instance $c (instantiate $consumer (with "api" (instance $q)) (with "same" (type $qf))))
        (export "p" (instance $p))
        (export "api" (instance $q))
        (export "c" (instance $c)))"#;
    let program = program(wat).unwrap();
    assert_eq!(
        show(&program),
        [
            "p/m:",
            "q/m:",
            "c/m: make=lower(lift(q/m.f)) drop=drop(#component3, #resource1)",
            "p.make = lift(p/m.f)",
            "api.make = lift(q/m.f)",
            "c.take = lift(c/m.take)"
        ]
    );
    assert_eq!(
        show_types(&program),
        ["p.make() -> own p.float", "api.make() -> own api.float", "c.take(own api.float)"]
    );
}

#[test]
fn what_the_root_imports_is_the_hosts() {
    let wat = r#"(component
        (import "ns:pkg/types" (instance $types
            (export "res" (type $res (sub resource)))
            (type $rec (record (field "a" u8)))
            (export "rec" (type (eq $rec)))))
        (alias export $types "res" (type $res))
        (alias export $types "rec" (type $rec))
        (import "ns:pkg/api" (instance $api
            (alias outer 1 $res (type $r))
            (export "res" (type $res (eq $r)))
            (export "use-it" (func (param "r" (borrow $res))))
            (export "deep" (instance (export "f" (func))))))
        (import "other" (type $other (sub resource)))
        (import "run" (func $run (param "r" $rec) (result (own $other))))
        (export "a" (func $api "use-it"))
        (export "b" (func $run))
        (export "c" (func $api "deep" "f")))"#;
    let program = program(wat).unwrap();
    assert_eq!(
        show(&program),
        ["a = host(ns:pkg/api.use-it)", "b = host(run)", "c = host(ns:pkg/api.deep.f)"]
    );
    assert_eq!(show_types(&program)[0], "a(borrow ns:pkg/types.res)");
    assert_eq!(program.resources.len(), 2);
    let World::Component(world) = &program.world else { panic!("a component world") };
    let names: Vec<_> = world.imports.iter().map(|(name, _)| &**name).collect();
    assert_eq!(names, ["ns:pkg/types", "ns:pkg/api", "other", "run"]);
    assert!(matches!(world.exports[1].2, WorldItem::Func(1)));
}

#[test]
fn options_are_shared_and_resolved() {
    let wat = r#"(component
        (import "f" (func $f (param "s" string)))
        (core module $libc
            (memory (export "m32") 1) (memory (export "m64") i64 1)
            (func (export "realloc") (param i32 i32 i32 i32) (result i32) unreachable)
            (func (export "realloc64") (param i64 i64 i64 i64) (result i64) unreachable)
            (func (export "f") (param i32 i32))
            (func (export "post")))
        (core instance $l (instantiate $libc))
        (alias core export $l "m32" (core memory $m32))
        (alias core export $l "m64" (core memory $m64))
        (core func $a (canon lower (func $f) (memory $m32)))
        (core func $b (canon lower (func $f) (memory $m32) string-encoding=utf8))
        (core func $c (canon lower (func $f) (memory $m64) string-encoding=utf16))
        (core module $m (import "" "a" (func (param i32 i32))) (import "" "b" (func (param i32 i32)))
            (import "" "c" (func (param i64 i64))))
        (core instance (instantiate $m (with "" (instance
            (export "a" (func $a)) (export "b" (func $b)) (export "c" (func $c))))))
        (func (export "run") (param "s" string) (canon lift (core func $l "f") (memory $m32)
            (realloc (core func $l "realloc")) (post-return (core func $l "post")))))"#;
    let program = program(wat).unwrap();
    // The last are the border's.
    assert_eq!(program.options.len(), 4);
    assert_eq!(program.border.as_ref().map(|border| border.options), Some(OptionsId(3)));
    let options = |item: &CoreItem| match item {
        CoreItem::Lower { options, .. } => *options,
        other => panic!("{other:?}"),
    };
    let [a, b, c] = &program.instances[1].imports[..] else { panic!("three imports") };
    assert_eq!(options(a), options(b));
    assert!(!program.options[options(a).index()].memory64);
    assert!(program.options[options(c).index()].memory64);
    assert!(matches!(
        &program.funcs[1].def,
        FuncDef::Lift { post_return: Some(CoreItem::Export { .. }), callback: None, .. }
    ));
}

#[test]
fn resource_builtins_and_destructors() {
    let wat = r#"(component
        (core module $d (func (export "dtor") (param i32)))
        (core instance $d (instantiate $d))
        (type $r (resource (rep i32) (dtor (core func $d "dtor"))))
        (core func $new (canon resource.new $r))
        (core func $rep (canon resource.rep $r))
        (core func $drop (canon resource.drop $r))
        (core module $m (import "" "new" (func (param i32) (result i32)))
            (import "" "rep" (func (param i32) (result i32))) (import "" "drop" (func (param i32))))
        (core instance (instantiate $m (with "" (instance (export "new" (func $new))
            (export "rep" (func $rep)) (export "drop" (func $drop)))))))"#;
    let program = program(wat).unwrap();
    assert_eq!(
        show(&program)[1],
        "root/m: new=new(#component0, #resource0) rep=rep(#component0, #resource0) drop=drop(#component0, #resource0)"
    );
    let ResourceDef::Component { dtor: Some(dtor), .. } = &program.resources[0].def else {
        panic!("it has a destructor")
    };
    assert_eq!(show_item(&program, dtor), "root/d.dtor");
    assert_eq!(program.resources[0].name, "root.r");
}

#[test]
fn async_definitions_keep_their_names_and_callbacks() {
    let wat = r#"(component
        (import "f" (func $f async))
        (core module $l (memory (export "m") 1))
        (core instance $l (instantiate $l))
        (core func $new (canon waitable-set.new))
        (core func $f (canon lower (func $f) async (memory (core memory $l "m"))))
        (core module $m (import "" "new" (func (result i32))) (import "" "f" (func (result i32)))
            (func (export "f") (result i32) i32.const 0)
            (func (export "cb") (param i32 i32 i32) (result i32) i32.const 0))
        (core instance $m (instantiate $m (with "" (instance
            (export "new" (func $new)) (export "f" (func $f))))))
        (func (export "g") async
            (canon lift (core func $m "f") async (callback (core func $m "cb")))))"#;
    let program = program(wat).unwrap();
    assert_eq!(
        show(&program),
        [
            "root/l:",
            "root/m: new=waitable-set.new(#component0) f=lower(host(f))",
            "g = lift(root/m.f)"
        ]
    );
    // But for the border's.
    let (_, options) = program.options.split_last().unwrap();
    assert!(options.iter().all(|options| options.async_));
    let FuncDef::Lift { callback: Some(callback), .. } = &program.funcs[1].def else {
        panic!("it has a callback")
    };
    assert_eq!(show_item(&program, callback), "root/m.cb");
    assert!(program.types.func(program.funcs[1].ty).async_);
}

#[test]
fn start_functions_and_values_are_refused() {
    let start = b"\0asm\x0d\0\x01\0\x09\x03\0\0\0";
    let error = crate::decode::component("x", start.to_vec().into()).unwrap_err().to_string();
    assert!(error.contains("component start functions are not supported"), "{error}");
    let value = wat::parse_str(r#"(component (import "v" (value u8)))"#).unwrap();
    let error = crate::decode::component("x", value.into()).unwrap_err().to_string();
    assert!(error.contains("value"), "{error}");
}

#[test]
fn what_cannot_be_fused_is_refused_by_name() {
    let rows = [
        (
            r#"(component (import "x" (component)))"#,
            "whose root imports the component `x`; provide it by composing first",
        ),
        (
            r#"(component (import "a:b/c" (instance (export "m" (component)))))"#,
            "root imports the component `a:b/c.m`",
        ),
        (
            r#"(component
              (import "a:b/c" (instance $c (export "m" (core module (export "g" (global i32))))))
              (alias export $c "m" (core module $m))
              (core instance $i (instantiate $m))
              (core module $user (import "m" "g" (global i32)))
              (core instance (instantiate $user (with "m" (instance $i)))))"#,
            "`root/user` uses the global `g` of the core module `a:b/c.m`, which the root imports; meld fuses",
        ),
        (
            r#"(component (import "a:b/c" (core module $m (export "f" (func))))
              (component $inner
                (alias outer 1 $m (core module $m)) (core instance $i (instantiate $m))
                (func (export "f") (canon lift (core func $i "f"))))
              (instance $inner (instantiate $inner)))"#,
            "`inner` uses the function `f` in a canonical definition of the core module `a:b/c`, which",
        ),
        (
            r#"(component
              (import "m" (core module $m (import "a" "f" (func))))
              (core module $n (func (export "f"))) (core instance $n (instantiate $n))
              (core instance (instantiate $m (with "a" (instance $n)))))"#,
            "`root` uses an instantiation with imports of the core module `m`, which",
        ),
        (
            r#"(component (import "m" (core module $m (export "mem" (memory 1))))
              (component $inner
                (alias outer 1 $m (core module $m)) (core instance $i (instantiate $m))
                (alias core export $i "mem" (core memory $mem)))
              (instance $inner (instantiate $inner)))"#,
            "`inner` uses the memory `mem` of the core module `m`, which",
        ),
        (
            r#"(component (core module $m) (export "m" (core module $m)))"#,
            "root exports the core module `m`",
        ),
        (
            r#"(component (component $c) (instance $i (export "c" (component $c)))
                (export "i" (instance $i)))"#,
            "root exports the component `i.c`",
        ),
    ];
    for (wat, expect) in rows {
        let error = program(wat).expect_err(wat).to_string();
        assert!(error.contains(expect), "{error}");
    }
}

/// Components that each instantiate the one before twice.
fn bomb(levels: usize, copies: usize) -> String {
    let mut wat = String::from(
        "(component (component $c0 (core module $m) (core instance (instantiate $m)))",
    );
    for i in 1..=levels {
        let copy = format!("(instance (instantiate $c{}))", i - 1);
        wat += &format!("(component $c{i} (alias outer 1 $c{} (component $c{}))", i - 1, i - 1);
        wat += &copy.repeat(copies);
        wat += ")";
    }
    wat + &format!("(instance (instantiate $c{levels})))")
}

#[test]
fn instantiation_bombs_hit_a_limit() {
    assert!(matches!(program(&bomb(40, 2)), Err(LinkError::TooManyInstances { .. })));
    assert!(matches!(program(&bomb(150, 1)), Err(LinkError::TooDeep { .. })));
    assert_eq!(program(&bomb(5, 2)).unwrap().instances.len(), 32);
}

#[test]
fn functions_of_imported_core_modules_keep_their_names() {
    check(
        r#"(component
          (import "x" (core module $x (export "f" (func)) (export "g" (func (result i32)))))
          (core instance $one (instantiate $x))
          (core instance $two (instantiate $x))
          (alias core export $two "g" (core func $g))
          (core module $m (import "env" "h" (func (result i32))) (import "x" "f" (func))
            (export "passed" (func 1)))
          (core instance $m (instantiate $m
            (with "env" (instance (export "h" (func $g))))
            (with "x" (instance $one))))
          (core module $n (import "m" "passed" (func)))
          (core instance $n (instantiate $n (with "m" (instance $m)))))"#,
        &["root/m: h=host(env, g) f=host(x, f)", "root/n: passed=host(x, f)"],
    );
}

#[test]
fn representations_are_of_one_type() {
    let wat = r#"(component
        (component $inner (type $file (resource (rep i64))) (core func (canon resource.new $file)))
        (instance $inner (instantiate $inner)))"#;
    let error = program(wat).expect_err("nothing keeps such handles").to_string();
    assert!(
        error.starts_with("the resource `inner.file` has representations of type i64"),
        "{error}"
    );
}

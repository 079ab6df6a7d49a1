//! Wrapped components run: values cross between a host and hand-written merged modules.

mod common;

use common::{dummy_component, host, program_of, same_type};
use meld_component::program::{Program, ResourceId, StringEncoding};
use meld_emit::wrap::{
    Destructor, Lifted, Lowered, ResourceBuiltin, ResourceOperation, WitWorld, Wrapping,
    core_module, wrap,
};
use wasmparser::{Parser, Payload};
use wasmtime::component::{Component, Instance, Linker, Resource, ResourceType, Val};
use wasmtime::{Engine, Store};
use wit_component::ComponentEncoder;

/// What a merged module is, by convention: an import `"host" "path/to/function"` is that host
/// function, `"[new]path/to/resource"` a built-in; an export of the same form is that function of the
/// root, `"[dtor]path/to/resource"` a destructor; `mem` and `alloc` are the memory and the allocator,
/// `post` takes the results back, `start` starts.
fn wrapping<'a>(program: &'a Program, module: &[u8]) -> Wrapping<'a> {
    let (mut imports, mut exports) = (Vec::new(), Vec::new());
    for payload in Parser::new(0).parse_all(module) {
        match payload.unwrap() {
            Payload::ImportSection(section) => {
                imports.extend(section.into_imports().map(|import| import.unwrap().name));
            }
            Payload::ExportSection(section) => {
                exports.extend(section.into_iter().map(|export| export.unwrap().name));
            }
            _ => {}
        }
    }
    let optional = |name: &str| exports.contains(&name).then(|| name.to_string());
    let encoding = StringEncoding::Utf8;
    let (mut lowers, mut builtins, mut destructors) = (Vec::new(), Vec::new(), Vec::new());
    for name in imports {
        if let Some((operation, path)) = name.strip_prefix('[').and_then(|n| n.split_once(']')) {
            builtins.push(ResourceBuiltin {
                module: "host".into(),
                name: name.into(),
                operation: match operation {
                    "new" => ResourceOperation::New,
                    "rep" => ResourceOperation::Rep,
                    _ => ResourceOperation::Drop,
                },
                resource: resource(program, path),
            });
            continue;
        }
        lowers.push(Lowered {
            module: "host".into(),
            name: name.to_string(),
            host: host(program, name),
            encoding,
            memory: optional("mem"),
            realloc: optional("alloc"),
        });
    }
    for name in &exports {
        if let Some(path) = name.strip_prefix("[dtor]") {
            let resource = resource(program, path);
            destructors.push(Destructor { resource, export: name.to_string() });
        }
    }
    let lifts = program.root_exports.iter().map(|export| Lifted::Core {
        export: export.path.join("/"),
        encoding,
        memory: optional("mem"),
        realloc: optional("alloc"),
        post_return: optional("post").filter(|_| export.path.join("/").contains("post")),
    });
    Wrapping {
        program,
        module: module.to_vec(),
        lowers,
        builtins,
        destructors,
        supplied: vec![],
        lifts: lifts.collect(),
        start: optional("start"),
    }
}

/// The resource type that the root imports or exports at this path, written with `/`.
fn resource(program: &Program, path: &str) -> ResourceId {
    let border = program.border.as_ref().expect("the root shows resource types");
    let mut shown = border.imported.iter().chain(&border.exported);
    shown.find(|(_, at)| at.join("/") == path).unwrap_or_else(|| panic!("no resource {path}")).0
}

/// The component that wit-component makes of the core form.
fn by_way_of_core(program: &Program, wrapping: Wrapping<'_>) -> Vec<u8> {
    let mut core = core_module(wrapping).unwrap();
    WitWorld::of(program).unwrap().unwrap().embed(&mut core.bytes, core.encoding).unwrap();
    ComponentEncoder::default().module(&core.bytes).unwrap().validate(true).encode().unwrap()
}

/// An allocator that never frees, and the memory it allocates in.
const ALLOC: &str = r#"
    (memory (export "mem") 1)
    (global $top (mut i32) (i32.const 1024))
    (func $alloc (export "alloc") (param i32 i32 i32 i32) (result i32)
      (global.set $top
        (i32.and
          (i32.sub (i32.add (global.get $top) (local.get 2)) (i32.const 1))
          (i32.sub (i32.const 0) (local.get 2))))
      (global.get $top)
      (global.set $top (i32.add (global.get $top) (local.get 3))))
"#;

/// A linker whose host keeps a log: `log` adds to it, and the others are used by several tests.
fn linker(engine: &Engine) -> Linker<Vec<String>> {
    let mut linker = Linker::<Vec<String>>::new(engine);
    linker.root().func_wrap("now", |_, (): ()| Ok(("noon".to_string(),))).unwrap();
    linker.root().func_wrap("twice", |_, (x,): (u32,)| Ok((2 * x,))).unwrap();
    let mut host = linker.instance("t:t/host").unwrap();
    host.func_wrap("greet", |_, (name,): (String,)| Ok((format!("hello {name}"),))).unwrap();
    host.func_wrap("add", |_, (a, b): (u32, u32)| Ok((a + b,))).unwrap();
    host.func_wrap("log", |mut store, (text,): (String,)| {
        store.data_mut().push(text);
        Ok(())
    })
    .unwrap();
    host.func_new("entries", |_, _, _, results| {
        let entry = |name: &str, value| {
            Val::Record(vec![
                ("name".into(), Val::String(name.into())),
                ("value".into(), Val::U32(value)),
            ])
        };
        results[0] = Val::List(vec![entry("one", 1), entry("forty", 40)]);
        Ok(())
    })
    .unwrap();
    linker
}

struct Running {
    store: Store<Vec<String>>,
    instance: Instance,
}

impl Running {
    fn new(component: &[u8]) -> wasmtime::Result<Running> {
        let engine = Engine::default();
        let component = Component::new(&engine, component)?;
        let mut store = Store::new(&engine, Vec::new());
        let instance = linker(&engine).instantiate(&mut store, &component)?;
        Ok(Running { store, instance })
    }

    /// Calls the function at a path of exports.
    fn call(&mut self, path: &[&str], arguments: &[Val]) -> wasmtime::Result<Val> {
        let mut index = None;
        for name in path {
            let found = self.instance.get_export_index(&mut self.store, index.as_ref(), name);
            index = Some(found.unwrap_or_else(|| panic!("no export {name} of {path:?}")));
        }
        let func = self.instance.get_func(&mut self.store, index.unwrap()).unwrap();
        let mut results = vec![Val::Bool(false); func.ty(&self.store).results().len()];
        func.call(&mut self.store, arguments, &mut results)?;
        Ok(results.pop().unwrap_or(Val::Tuple(vec![])))
    }
}

fn string(text: &str) -> Val {
    Val::String(text.into())
}

/// Wraps, checks the type, and instantiates.
fn run(input: &[u8], wrapping: &Wrapping<'_>) -> Running {
    let wrapped = wrap(wrapping.clone()).unwrap();
    assert!(same_type(input, &wrapped));
    Running::new(&wrapped).unwrap()
}

const HOST: &str = "package t:t;
    interface host {
        record entry { name: string, value: u32 }
        greet: func(name: string) -> string;
        entries: func() -> list<entry>;
        add: func(a: u32, b: u32) -> u32;
        log: func(text: string);
    }";

/// Core imports of functions of [`HOST`].
const IMPORTS: &str = r#"
    (import "host" "t:t/host/greet" (func $greet (param i32 i32 i32)))
    (import "host" "t:t/host/add" (func $add (param i32 i32) (result i32)))
    (import "host" "t:t/host/entries" (func $entries (param i32)))"#;

#[test]
fn strings_lists_and_records_from_the_host() {
    let input = dummy_component(&format!(
        "{HOST} world w {{
            import host;
            export post-greet: func(who: string) -> string;
            export sum: func() -> u32;
            export plus: func(a: u32, b: u32) -> u32;
        }}"
    ));
    let program = program_of(&input);
    let module = wat::parse_str(format!(
        r#"(module
          {IMPORTS}
          (import "host" "t:t/host/log" (func $log (param i32 i32)))
          {ALLOC}
          (data (i32.const 64) "post")
          (func (export "post-greet") (param i32 i32) (result i32)
            (call $greet (local.get 0) (local.get 1) (i32.const 16))
            (i32.const 16))
          (func (export "post") (param i32) (call $log (i32.const 64) (i32.const 4)))
          (func (export "sum") (result i32) (local i32)
            (call $entries (i32.const 16))
            (local.set 0 (i32.load (i32.const 16)))
            (i32.add (i32.load offset=8 (local.get 0)) (i32.load offset=20 (local.get 0))))
          (func (export "plus") (param i32 i32) (result i32)
            (call $add (local.get 0) (local.get 1)))
        )"#
    ))
    .unwrap();
    let mut wrapping = wrapping(&program, &module);
    // The host function may not be called from `post`; that it traps shows that `post` ran.
    let mut running = run(&input, &wrapping);
    let trap = running.call(&["post-greet"], &[string("you")]).unwrap_err();
    assert!(format!("{trap:?}").contains("cannot leave component instance"), "{trap:?}");

    if let Lifted::Core { post_return, .. } = &mut wrapping.lifts[0] {
        *post_return = None;
    }
    let mut running = run(&input, &wrapping);
    assert_eq!(running.call(&["post-greet"], &[string("you")]).unwrap(), string("hello you"));
    assert_eq!(running.call(&["sum"], &[]).unwrap(), Val::U32(41));
    assert_eq!(running.call(&["plus"], &[Val::U32(1), Val::U32(2)]).unwrap(), Val::U32(3));
}

#[test]
fn only_functions_that_need_a_memory_go_through_the_shim() {
    let input = dummy_component(&format!(
        "{HOST} world w {{ import host; export f: func(a: u32) -> u32; }}"
    ));
    let program = program_of(&input);
    let scalar = wat::parse_str(
        r#"(module
          (import "host" "t:t/host/add" (func $add (param i32 i32) (result i32)))
          (memory (export "mem") 1)
          (func (export "f") (param i32) (result i32)
            (call $add (local.get 0) (local.get 0))))"#,
    )
    .unwrap();
    let wrapped = wrap(wrapping(&program, &scalar)).unwrap();
    let modules = Parser::new(0).parse_all(&wrapped);
    let modules = modules.filter(|p| matches!(p, Ok(Payload::ModuleSection { .. }))).count();
    assert_eq!(modules, 1);
    let mut running = Running::new(&wrapped).unwrap();
    assert_eq!(running.call(&["f"], &[Val::U32(4)]).unwrap(), Val::U32(8));

    // `log` needs a memory but nothing is allocated, so there need be no allocator.
    let log = wat::parse_str(
        r#"(module
          (import "host" "t:t/host/log" (func $log (param i32 i32)))
          (memory (export "mem") 1)
          (data (i32.const 8) "hi")
          (func (export "f") (param i32) (result i32)
            (call $log (i32.const 8) (i32.const 2)) (local.get 0)))"#,
    )
    .unwrap();
    let mut running = run(&input, &wrapping(&program, &log));
    assert_eq!(running.call(&["f"], &[Val::U32(4)]).unwrap(), Val::U32(4));
    assert_eq!(running.store.data(), &["hi"]);
}

#[test]
fn parameters_that_spill() {
    let input = dummy_component(
        "package t:t; world w {
            type big = tuple<u32, u32, u32, u32, u32, u32>;
            import twice: func(x: u32) -> u32;
            export f: func(a: big, b: big, c: big) -> big;
        }",
    );
    let program = program_of(&input);
    let module = wat::parse_str(format!(
        r#"(module {ALLOC}
          (func (export "f") (param i32) (result i32) (i32.add (local.get 0) (i32.const 24))))"#
    ))
    .unwrap();
    let mut running = run(&input, &wrapping(&program, &module));
    let big = |from: u32| Val::Tuple((from..from + 6).map(Val::U32).collect());
    assert_eq!(running.call(&["f"], &[big(0), big(10), big(20)]).unwrap(), big(10));
}

#[test]
fn start_functions_call_host_functions_that_allocate() {
    let input = dummy_component(&format!(
        "{HOST} world w {{
            import host;
            import now: func() -> string;
            export get: func() -> string;
        }}"
    ));
    let program = program_of(&input);
    let module = wat::parse_str(format!(
        r#"(module
          (import "host" "now" (func $now (param i32)))
          (import "host" "t:t/host/log" (func $log (param i32 i32)))
          {ALLOC}
          (func (export "start")
            (call $now (i32.const 8))
            (call $log (i32.load (i32.const 8)) (i32.load (i32.const 12))))
          (func (export "get") (result i32) (i32.const 8)))"#
    ))
    .unwrap();
    let wrapping = wrapping(&program, &module);
    let mut running = run(&input, &wrapping);
    assert_eq!(running.call(&["get"], &[]).unwrap(), string("noon"));
    assert_eq!(running.store.data(), &["noon"]);

    // The same by way of the core form, whose start function has a name of its own.
    let mut running = Running::new(&by_way_of_core(&program, wrapping)).unwrap();
    assert_eq!(running.call(&["get"], &[]).unwrap(), string("noon"));
    assert_eq!(running.store.data(), &["noon"]);
}

#[test]
fn instances_that_name_their_types() {
    let input = dummy_component(
        "package t:t@1.0.0;
        interface shapes {
            record point { x: s32, y: s32 }
            variant shape { dot(point), none }
            flags style { bold, thin, dashed }
            enum kind { empty, full }
            record drawn { shape: shape, style: style, kind: kind }
            draw: func(shape: shape, style: style) -> drawn;
        }
        world w { export shapes; export other: interface {
            use shapes.{drawn, kind};
            kind-of: func(d: drawn) -> kind;
        } }",
    );
    let program = program_of(&input);
    let module = wat::parse_str(format!(
        r#"(module {ALLOC}
          (func (export "t:t/shapes@1.0.0/draw") (param i32 i32 i32 i32) (result i32)
            (i32.store8 (i32.const 16) (local.get 0))
            (i32.store (i32.const 20) (local.get 1))
            (i32.store (i32.const 24) (local.get 2))
            (i32.store8 (i32.const 28) (local.get 3))
            (i32.store8 (i32.const 29) (i32.const 1))
            (i32.const 16))
          (func (export "other/kind-of") (param i32 i32 i32 i32 i32) (result i32)
            (local.get 4)))"#
    ))
    .unwrap();
    let mut running = run(&input, &wrapping(&program, &module));
    let point = Val::Record(vec![("x".into(), Val::S32(-3)), ("y".into(), Val::S32(4))]);
    let dot = Val::Variant("dot".into(), Some(Box::new(point)));
    let style = Val::Flags(vec!["bold".into(), "dashed".into()]);
    let drawn = running.call(&["t:t/shapes@1.0.0", "draw"], &[dot.clone(), style.clone()]).unwrap();
    let expected = Val::Record(vec![
        ("shape".into(), dot),
        ("style".into(), style),
        ("kind".into(), Val::Enum("full".into())),
    ]);
    assert_eq!(drawn, expected);
    let kind = running.call(&["other", "kind-of"], &[drawn]).unwrap();
    assert_eq!(kind, Val::Enum("full".into()));
}

#[test]
fn one_interface_imported_and_exported() {
    let input = dummy_component(&format!("{HOST} world w {{ import host; export host; }}"));
    let program = program_of(&input);
    let module = wat::parse_str(format!(
        r#"(module
          {IMPORTS}
          {ALLOC}
          (func (export "t:t/host/greet") (param i32 i32) (result i32)
            (call $greet (local.get 0) (local.get 1) (i32.const 16)) (i32.const 16))
          (func (export "t:t/host/add") (param i32 i32) (result i32)
            (i32.add (call $add (local.get 0) (local.get 1)) (i32.const 1000)))
          (func (export "t:t/host/entries") (result i32)
            (call $entries (i32.const 16)) (i32.const 16))
          (func (export "t:t/host/log") (param i32 i32)))"#
    ))
    .unwrap();
    let mut running = run(&input, &wrapping(&program, &module));
    let greeting = running.call(&["t:t/host", "greet"], &[string("π")]).unwrap();
    assert_eq!(greeting, string("hello π"));
    let sum = running.call(&["t:t/host", "add"], &[Val::U32(1), Val::U32(2)]).unwrap();
    assert_eq!(sum, Val::U32(1003));
    let Val::List(entries) = running.call(&["t:t/host", "entries"], &[]).unwrap() else { panic!() };
    assert_eq!(entries.len(), 2);
}

#[test]
fn two_memories_with_two_encodings() {
    let input = dummy_component(&format!(
        "{HOST} world w {{
            import host;
            export f: func(text: string) -> string;
            export g: func(text: string) -> string;
        }}"
    ));
    let program = program_of(&input);
    let module = wat::parse_str(format!(
        r#"(module
          (import "host" "8" (func $greet8 (param i32 i32 i32)))
          (import "host" "16" (func $greet16 (param i32 i32 i32)))
          {ALLOC}
          (memory $wide (export "mem16") 1)
          (global $top16 (mut i32) (i32.const 4096))
          (func (export "alloc16") (param i32 i32 i32 i32) (result i32)
            ;; What is there already stays where it is: the strings are short.
            (if (local.get 0) (then (return (local.get 0))))
            (global.get $top16)
            (global.set $top16 (i32.add (global.get $top16) (i32.const 64))))
          (func (export "f") (param i32 i32) (result i32)
            (call $greet8 (local.get 0) (local.get 1) (i32.const 16)) (i32.const 16))
          (func (export "g") (param i32 i32) (result i32)
            (call $greet16 (local.get 0) (local.get 1) (i32.const 32)) (i32.const 32)))"#
    ))
    .unwrap();
    let host = host(&program, "t:t/host/greet");
    let lowered = |name: &str, encoding, memory: &str, realloc: &str| Lowered {
        module: "host".into(),
        name: name.into(),
        host,
        encoding,
        memory: Some(memory.into()),
        realloc: Some(realloc.into()),
    };
    let lifted = |export: &str, encoding, memory: &str, realloc: &str| Lifted::Core {
        export: export.into(),
        encoding,
        memory: Some(memory.into()),
        realloc: Some(realloc.into()),
        post_return: None,
    };
    let wrapping = Wrapping {
        program: &program,
        module,
        lowers: vec![
            lowered("8", StringEncoding::Utf8, "mem", "alloc"),
            lowered("16", StringEncoding::Utf16, "mem16", "alloc16"),
        ],
        supplied: vec![],
        lifts: vec![
            lifted("f", StringEncoding::Utf8, "mem", "alloc"),
            lifted("g", StringEncoding::Utf16, "mem16", "alloc16"),
        ],
        builtins: vec![],
        destructors: vec![],
        start: None,
    };
    let mut running = run(&input, &wrapping);
    for function in ["f", "g"] {
        let greeting = running.call(&[function], &[string("π🦀")]).unwrap();
        assert_eq!(greeting, string("hello π🦀"));
    }
}

#[test]
fn one_host_function_imported_twice() {
    let input = dummy_component(
        "package t:t; world w { import twice: func(x: u32) -> u32; export f: func() -> u32; }",
    );
    let program = program_of(&input);
    let module = wat::parse_str(
        r#"(module
          (import "one" "a" (func $a (param i32) (result i32)))
          (import "two" "b" (func $b (param i32) (result i32)))
          (func (export "f") (result i32)
            (i32.add (call $a (i32.const 1)) (call $b (i32.const 20)))))"#,
    )
    .unwrap();
    let lowered = |module: &str, name: &str| Lowered {
        module: module.into(),
        name: name.into(),
        host: host(&program, "twice"),
        encoding: StringEncoding::Utf8,
        memory: None,
        realloc: None,
    };
    let lifts = vec![Lifted::Core {
        export: "f".into(),
        encoding: StringEncoding::Utf8,
        memory: None,
        realloc: None,
        post_return: None,
    }];
    let wrapping = Wrapping {
        program: &program,
        module,
        lowers: vec![lowered("one", "a"), lowered("two", "b")],
        builtins: vec![],
        destructors: vec![],
        supplied: vec![],
        lifts,
        start: None,
    };
    let mut running = run(&input, &wrapping);
    assert_eq!(running.call(&["f"], &[]).unwrap(), Val::U32(42));

    let mut running = Running::new(&by_way_of_core(&program, wrapping)).unwrap();
    assert_eq!(running.call(&["f"], &[]).unwrap(), Val::U32(42));
}

/// A resource that the module defines and one that it imports, in the component form and in the core
/// form: `new`, `rep` and `drop` are those of the host's table, and the host's drop runs the
/// destructor.
#[test]
fn resources_of_both_sides() {
    let input = dummy_component(
        "package t:t;
        interface host { resource file { constructor(); size: func() -> u32; } }
        interface things {
            resource thing { constructor(number: u32); number: func() -> u32; }
            gone: func() -> u32;
        }
        world w { import host; export things; }",
    );
    let program = program_of(&input);
    let module = wat::parse_str(
        r#"(module
          (import "host" "t:t/host/[constructor]file" (func $open (result i32)))
          (import "host" "t:t/host/[method]file.size" (func $size (param i32) (result i32)))
          (import "host" "[drop]t:t/host/file" (func $close (param i32)))
          (import "host" "[new]t:t/things/thing" (func $new (param i32) (result i32)))
          (import "host" "[rep]t:t/things/thing" (func $rep (param i32) (result i32)))
          (import "host" "[drop]t:t/things/thing" (func $drop (param i32)))
          (global $gone (mut i32) (i32.const 0))
          (func (export "t:t/things/[constructor]thing") (param i32) (result i32)
            (local $file i32)
            (local.set $file (call $open))
            ;; One more that nobody gets.
            (call $drop (call $new (i32.const 1000)))
            (call $new (i32.add (local.get 0) (call $size (local.get $file))))
            (call $close (local.get $file)))
          (func (export "t:t/things/[method]thing.number") (param i32) (result i32)
            (if (i32.ne (call $rep (call $new (i32.const 77))) (i32.const 77)) (then unreachable))
            (local.get 0))
          (func (export "t:t/things/gone") (result i32) (global.get $gone))
          (func (export "[dtor]t:t/things/thing") (param i32)
            (global.set $gone (i32.add (global.get $gone) (local.get 0)))))"#,
    )
    .unwrap();
    let wrapping = wrapping(&program, &module);
    let wrapped = wrap(wrapping.clone()).unwrap();
    assert!(same_type(&input, &wrapped));
    for component in [wrapped, by_way_of_core(&program, wrapping)] {
        let engine = Engine::default();
        let mut linker = Linker::<Vec<String>>::new(&engine);
        let mut host = linker.instance("t:t/host").unwrap();
        let ty = ResourceType::host::<Vec<String>>();
        host.resource("file", ty, |mut store, rep| {
            store.data_mut().push(format!("closed {rep}"));
            Ok(())
        })
        .unwrap();
        host.func_wrap("[constructor]file", |_, (): ()| Ok((Resource::<Vec<String>>::new_own(5),)))
            .unwrap();
        host.func_wrap("[method]file.size", |_, (file,): (Resource<Vec<String>>,)| {
            Ok((file.rep() * 100,))
        })
        .unwrap();
        let component = Component::new(&engine, component).unwrap();
        let mut store = Store::new(&engine, Vec::new());
        let instance = linker.instantiate(&mut store, &component).unwrap();
        let mut running = Running { store, instance };
        let thing = running.call(&["t:t/things", "[constructor]thing"], &[Val::U32(7)]).unwrap();
        assert_eq!(running.store.data()[..], ["closed 5"]);
        let number = ["t:t/things", "[method]thing.number"];
        for _ in 0..2 {
            let found = running.call(&number, std::slice::from_ref(&thing)).unwrap();
            assert_eq!(found, Val::U32(507));
        }
        assert_eq!(running.call(&["t:t/things", "gone"], &[]).unwrap(), Val::U32(1000));
        let Val::Resource(thing) = thing else { unreachable!() };
        thing.resource_drop(&mut running.store).unwrap();
        assert_eq!(running.call(&["t:t/things", "gone"], &[]).unwrap(), Val::U32(1507));
    }
}

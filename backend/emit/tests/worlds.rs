//! Worlds in WIT: a core module wrapped again has the world it came from, both as a component and
//! by way of the core module's names.

mod common;

use common::{dummy_component, program_of, same_type};
use meld_component::program::{HostFuncId, Program, StringEncoding, World};
use meld_emit::wrap::{
    Lifted, Lowered, Wrapping, core_export_name, core_import_name, core_module,
    core_post_return_name, embed_world, wrap,
};
use std::fmt::Write;
use wit_component::{ComponentEncoder, DecodedWasm, OutputToString, WitPrinter};
use wit_parser::abi::{AbiVariant, WasmSignature, WasmType};
use wit_parser::{Function, Resolve, WorldId, WorldItem};

fn decode(component: &[u8]) -> (Resolve, WorldId) {
    match wit_component::decode(component).expect("a component with a WIT world") {
        DecodedWasm::Component(resolve, world) => (resolve, world),
        DecodedWasm::WitPackage(..) => panic!("a package"),
    }
}

/// The world in WIT, with every package it mentions.
fn printed(component: &[u8]) -> String {
    let (resolve, world) = decode(component);
    let package = resolve.worlds[world].package.unwrap();
    let nested: Vec<_> =
        resolve.packages.iter().map(|(id, _)| id).filter(|&id| id != package).collect();
    let mut printer = WitPrinter::<OutputToString>::default();
    printer.print(&resolve, package, &nested).unwrap();
    printer.output.to_string()
}

fn signature(signature: &WasmSignature) -> String {
    let name = |ty: &WasmType| match ty {
        WasmType::I64 | WasmType::PointerOrI64 => "i64",
        WasmType::F32 => "f32",
        WasmType::F64 => "f64",
        _ => "i32",
    };
    let list = |word: &str, types: &[WasmType]| {
        types.iter().map(|ty| format!("({word} {})", name(ty))).collect::<String>()
    };
    list("param", &signature.params) + &list("result", &signature.results)
}

/// A function of the world by its path.
fn function<'r>(
    resolve: &'r Resolve,
    world: WorldId,
    path: &[String],
    import: bool,
) -> &'r Function {
    let world = &resolve.worlds[world];
    let items = if import { &world.imports } else { &world.exports };
    let found = items.iter().find(|(key, _)| resolve.name_world_key(key) == path[0]);
    match found.expect("the item is in the world").1 {
        WorldItem::Function(function) => function,
        WorldItem::Interface { id, .. } => &resolve.interfaces[*id].functions[path[1].as_str()],
        WorldItem::Type { .. } => panic!("a type"),
    }
}

/// A core module with the program's face, whose functions trap, and what is what in it. Names in
/// it are other than those that the core ABI has.
fn merged<'a>(program: &'a Program, component: &[u8], module: &'a mut Vec<u8>) -> Wrapping<'a> {
    let (resolve, world) = decode(component);
    let mut wat = String::from("(module\n");
    let (memory, realloc) = (Some("mem".to_string()), Some("alloc".to_string()));
    let encoding = StringEncoding::Utf8;
    let (mut lowers, mut lifts) = (Vec::new(), Vec::new());
    for (index, host) in program.host_funcs.iter().enumerate() {
        let function = function(&resolve, world, &host.path, true);
        let ty = signature(&resolve.wasm_signature(AbiVariant::GuestImport, function));
        writeln!(wat, "(import \"host{}\" \"f{index}\" (func {ty}))", index % 3).unwrap();
        lowers.push(Lowered {
            module: format!("host{}", index % 3),
            name: format!("f{index}"),
            host: HostFuncId(index as u32),
            encoding,
            memory: memory.clone(),
            realloc: realloc.clone(),
        });
    }
    writeln!(wat, "(memory (export \"mem\") 1)").unwrap();
    let ty = "(param i32 i32 i32 i32) (result i32)";
    writeln!(wat, "(func (export \"alloc\") {ty} unreachable)").unwrap();
    for (index, export) in program.root_exports.iter().enumerate() {
        let function = function(&resolve, world, &export.path, false);
        let ty = resolve.wasm_signature(AbiVariant::GuestExport, function);
        writeln!(wat, "(func (export \"e{index}\") {} unreachable)", signature(&ty)).unwrap();
        let post_return = ty.retptr.then(|| format!("p{index}"));
        if let Some(name) = &post_return {
            writeln!(wat, "(func (export \"{name}\") (param i32))").unwrap();
        }
        lifts.push(Lifted::Core {
            export: format!("e{index}"),
            encoding,
            memory: memory.clone(),
            realloc: realloc.clone(),
            post_return,
        });
    }
    wat.push_str("(func (export \"run-starts\")))");
    *module = wat::parse_str(&wat).unwrap();
    Wrapping { program, module, lowers, lifts, start: Some("run-starts".into()) }
}

fn check(wit: &str) {
    let input = dummy_component(wit);
    let program = program_of(&input);
    let mut module = Vec::new();
    let wrapping = merged(&program, &input, &mut module);

    let wrapped = wrap(&wrapping).unwrap_or_else(|e| panic!("{e}\n{wit}"));
    assert!(same_type(&input, &wrapped), "{wit}");
    assert_eq!(printed(&input), printed(&wrapped));
    assert_eq!(wrapped, wrap(&wrapping).unwrap(), "the output is deterministic");

    let core = core_module(&wrapping).unwrap_or_else(|e| panic!("{e}\n{wit}"));
    let World::Component(world) = &program.world else { unreachable!() };
    let core = embed_world(&core.bytes, world, core.encoding).unwrap();
    let again = ComponentEncoder::default().module(&core).unwrap().validate(true).encode();
    let again = again.unwrap_or_else(|e| panic!("{e:?}\n{wit}"));
    assert!(same_type(&input, &again), "{wit}");
}

#[test]
fn root_functions_and_types() {
    check("package a:b; world w { import f: func(); export g: func(x: u32) -> u64; }");
    check(
        "package a:b; world w {
            record point { x: s8, y: option<f64> }
            import f: func(p: list<point>) -> result<point, string>;
            export g: func(p: point, c: char) -> tuple<bool, string>;
        }",
    );
    check(
        "package a:b; world w {
            use types.{shade};
            import f: func(s: shade);
            export g: func() -> shade;
        }
        interface types { enum shade { dark, light } }",
    );
    check("package a:b; world w { }");
}

#[test]
fn every_kind_of_type() {
    check(
        "package a:b@1.2.3; world w { import all; export all; }
        interface all {
            record r { a: u8, b: s16, c: list<string>, d: tuple<f32, f64> }
            variant v { none, some(r), many(list<v2>) }
            variant v2 { a(u64), b(s64) }
            enum e { one, two-three }
            flags fl { a, b, c }
            type alias = r;
            type names = list<string>;
            type opt = option<e>;
            f: func(r: r, v: v, e: e, fl: fl) -> result<v, e>;
            g: func(x: alias, n: names, o: opt) -> result<_, fl>;
            h: func(a: u8, b: u16, c: u32, d: u64, e: s8, f: s16, g: s32, h: s64, i: f32, j: f64,
                    k: bool, l: char, m: string, n: list<u8>, o: option<string>) -> list<r>;
            i: func() -> result;
            j: func() -> tuple<string, list<option<result<r, v>>>>;
        }",
    );
}

#[test]
fn interfaces_that_use_each_other() {
    check(
        "package a:b;
        interface base { record point { x: u32 } variant shape { dot(point), none } }
        interface mid { use base.{point, shape as form}; area: func(s: form) -> point; }
        interface top { use mid.{point, form}; record pair { a: point, b: form }
                        both: func(p: pair) -> list<pair>; }
        world w { import mid; export top; export other: interface {
            use base.{point};
            use mid.{form as shape};
            draw: func(p: point, s: shape) -> option<point>;
        } }",
    );
    check(
        "package a:b;
        interface base { record point { x: u32 } get: func() -> point; }
        interface top { use base.{point}; put: func(p: point); }
        world w { export base; export top; }",
    );
    check(
        "package a:b;
        interface base { record point { x: u32 } get: func() -> point; }
        interface top { use base.{point}; put: func(p: point); }
        world w { import base; import top; export base; export top; }",
    );
}

#[test]
fn imported_resources() {
    check(
        "package wasi:io@0.2.0;
        interface error { resource error { to-debug-string: func() -> string; } }
        interface poll {
            resource pollable { ready: func() -> bool; block: func(); }
            poll: func(in: list<borrow<pollable>>) -> list<u32>;
        }
        interface streams {
            use error.{error};
            use poll.{pollable};
            variant stream-error { last-operation-failed(error), closed }
            resource input-stream {
                read: func(len: u64) -> result<list<u8>, stream-error>;
                subscribe: func() -> pollable;
            }
            resource output-stream {
                write: func(contents: list<u8>) -> result<_, stream-error>;
                splice: func(src: borrow<input-stream>, len: u64) -> result<u64, stream-error>;
            }
        }
        interface types {
            use streams.{input-stream, output-stream};
            use error.{error};
            resource descriptor {
                constructor(path: string);
                open: static func(path: string) -> result<descriptor, error>;
                read-via-stream: func(offset: u64) -> result<input-stream, error>;
            }
            type fd = descriptor;
            code: func(err: borrow<error>) -> option<u32>;
            move: func(a: own<fd>, b: output-stream) -> tuple<descriptor, output-stream>;
        }
        interface handler {
            use types.{descriptor};
            use streams.{input-stream};
            record request { body: input-stream, file: option<descriptor> }
            handle: func(r: request, d: borrow<descriptor>) -> result<descriptor>;
        }
        world w { import types; export handler;
            use streams.{input-stream as ins};
            import feed: func(i: ins) -> ins;
            export eat: func(i: borrow<ins>, o: ins) -> option<ins>;
        }",
    );
    check(
        "package a:b;
        interface one { resource float { constructor(v: f64); get: func() -> f64; } }
        interface two { resource float { constructor(v: f64); get: func() -> f64; } }
        interface both {
            use one.{float};
            use two.{float as other};
            add: func(a: borrow<float>, b: other) -> tuple<float, other>;
        }
        world w { import one; import two; export both; export run: func(); }",
    );
    check(
        "package a:b;
        world w { resource r { constructor(); m: func() -> r; s: static func(r: borrow<r>); }
                  import f: func(r: r); export g: func(r: borrow<r>) -> list<r>; }",
    );
}

#[test]
fn versions_and_inline_interfaces() {
    check(
        "package a:b@0.3.0-rc.1+x;
        interface i { f: func(); }
        world w { import i; export i; import j: interface { g: func() -> string; }
                  export k: interface { record r { s: string } g: func() -> r; } }",
    );
}

#[test]
fn names_of_the_core_form() {
    let path = |names: &[&str]| names.iter().map(|n| n.to_string()).collect::<Vec<_>>();
    assert_eq!(core_import_name(&path(&["f"])), Some(("$root", "f")));
    assert_eq!(core_import_name(&path(&["a:b/c@1.0.0", "f"])), Some(("a:b/c@1.0.0", "f")));
    assert_eq!(core_import_name(&path(&["a", "b", "f"])), None);
    assert_eq!(core_export_name(&path(&["f"])).as_deref(), Some("f"));
    assert_eq!(core_export_name(&path(&["a:b/c", "f"])).as_deref(), Some("a:b/c#f"));
    assert_eq!(core_export_name(&path(&["a", "b", "f"])), None);
    assert_eq!(core_post_return_name("a:b/c#f"), "cabi_post_a:b/c#f");
}

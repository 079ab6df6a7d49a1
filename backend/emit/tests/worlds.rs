//! Worlds in WIT: a core module wrapped again has the world it came from, both as a component and
//! by way of the core module's names.

mod common;

use common::{dummy_component, program_of, same_type, stand_in};
use meld_component::{decode, link};
use meld_emit::wrap::{
    WitWorld, core_export_name, core_import_name, core_module, core_post_return_name, wrap,
};
use wit_component::{ComponentEncoder, DecodedWasm, OutputToString, WitPrinter};
use wit_parser::{Resolve, WorldId};

fn decoded(component: &[u8]) -> (Resolve, WorldId) {
    match wit_component::decode(component).expect("a component with a WIT world") {
        DecodedWasm::Component(resolve, world) => (resolve, world),
        DecodedWasm::WitPackage(..) => panic!("a package"),
    }
}

/// The world in WIT, with every package it mentions.
fn printed(component: &[u8]) -> String {
    let (resolve, world) = decoded(component);
    let package = resolve.worlds[world].package.unwrap();
    let nested: Vec<_> =
        resolve.packages.iter().map(|(id, _)| id).filter(|&id| id != package).collect();
    let mut printer = WitPrinter::<OutputToString>::default();
    printer.print(&resolve, package, &nested).unwrap();
    printer.output.to_string()
}

fn check(wit: &str) {
    let input = dummy_component(wit);
    let program = program_of(&input);
    let wrapping = stand_in(&program);

    let wrapped = wrap(wrapping.clone()).unwrap_or_else(|e| panic!("{e}\n{wit}"));
    assert!(same_type(&input, &wrapped), "{wit}");
    assert_eq!(printed(&input), printed(&wrapped));
    assert_eq!(wrapped, wrap(wrapping.clone()).unwrap(), "the output is deterministic");

    let mut core = core_module(wrapping).unwrap_or_else(|e| panic!("{e}\n{wit}"));
    WitWorld::of(&program).unwrap().unwrap().embed(&mut core.bytes, core.encoding).unwrap();
    let again = ComponentEncoder::default().module(&core.bytes).unwrap().validate(true).encode();
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

#[test]
fn components_of_the_reference_tests() {
    let Some(suite) = meld_suite::for_test() else { return };
    let mut wrapped = 0;
    for (name, input) in meld_suite::components(&suite) {
        let component = decode::component(&name, input.to_vec().into());
        // What does not link is another test's concern.
        let Ok(program) = link::link(&component.unwrap()) else { continue };
        match wrap(stand_in(&program)) {
            Ok(output) => {
                assert!(same_type(&input, &output), "{name}");
                wrapped += 1;
            }
            Err(error) => panic!("{name}: {error}"),
        }
    }
    eprintln!("{wrapped} wrapped");
    assert!(wrapped > 100);
}

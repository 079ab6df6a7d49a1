//! Bodies in place of calls: the same results, and no call.

use arbitrary::Unstructured;
use meld_emit::merge::{Instance, Merge, Origin, Reason, Source, StartMode, merge};
use wasmtime::{Config, Engine, Linker, Module, Store, Val};

fn engine() -> Engine {
    let mut config = Config::new();
    config.wasm_gc(true).wasm_function_references(true).wasm_exceptions(true);
    config.wasm_memory64(true).wasm_multi_memory(true).wasm_tail_call(true);
    Engine::new(&config).unwrap()
}

/// Instance 0 is called, instance 1 calls it by imports that name its exports. What instance 0 imports
/// is the host's.
fn request<'a>(callee: &'a [u8], caller: &'a [u8], inline: bool) -> Merge<'a> {
    let imports = |module: &[u8]| -> Vec<(String, String)> {
        let payloads = wasmparser::Parser::new(0).parse_all(module).map(Result::unwrap);
        let sections = payloads.filter_map(|payload| match payload {
            wasmparser::Payload::ImportSection(section) => Some(section),
            _ => None,
        });
        let imports = sections.flat_map(|section| section.into_imports()).map(Result::unwrap);
        imports.map(|import| (import.module.to_owned(), import.name.to_owned())).collect()
    };
    let mut exports = Vec::new();
    for payload in wasmparser::Parser::new(0).parse_all(caller) {
        if let wasmparser::Payload::ExportSection(section) = payload.unwrap() {
            exports.extend(section.into_iter().map(|export| export.unwrap().name.to_owned()));
        }
    }
    let instance = |name: &str, bytes: &'a [u8], imports| Instance {
        name: name.into(),
        bytes: bytes.into(),
        imports,
        origin: Origin::Input,
    };
    let of_host = imports(callee).into_iter().map(|(module, name)| Source::Host { module, name });
    let of_callee = imports(caller).into_iter().map(|(_, name)| match inline {
        true => Source::Inline { instance: 0, name },
        false => Source::Export { instance: 0, name },
    });
    let exports =
        exports.into_iter().map(|name| (name.clone(), Source::Export { instance: 1, name }));
    Merge {
        name: None,
        instances: vec![
            instance("inner", callee, of_host.collect()),
            instance("outer", caller, of_callee.collect()),
        ],
        exports: exports.collect(),
        start: StartMode::Section,
    }
}

/// The module that [`request`] asks for, which is valid.
fn merged(callee: &[u8], caller: &[u8], inline: bool) -> Vec<u8> {
    let request = request(callee, caller, inline);
    let module = merge(&request).unwrap().module;
    let features = wasmparser::WasmFeatures::all();
    if let Err(error) = wasmparser::Validator::new_with_features(features).validate_all(&module) {
        panic!("{error}\n{}", text(&module));
    }
    assert_eq!(module, merge(&request).unwrap().module);
    module
}

fn text(module: &[u8]) -> String {
    wasmprinter::print_bytes(module).unwrap()
}

/// What calls with these arguments give, one after the other in one instance.
fn run(module: &[u8], calls: &[(&str, &[i32])]) -> Vec<String> {
    let engine = engine();
    let module = Module::new(&engine, module).unwrap();
    let mut store = Store::new(&engine, ());
    let instance = match Linker::new(&engine).instantiate(&mut store, &module) {
        Ok(instance) => instance,
        Err(error) => return vec![error.root_cause().to_string()],
    };
    let mut results = Vec::new();
    for (name, args) in calls {
        let func = instance.get_func(&mut store, name).unwrap();
        let args: Vec<Val> = args.iter().map(|arg| Val::I32(*arg)).collect();
        let mut values = vec![Val::I32(0); func.ty(&store).results().len()];
        results.push(match func.call(&mut store, &args, &mut values) {
            Ok(()) => values.iter().map(|value| format!("{value:?} ")).collect(),
            // What is no trap was thrown.
            Err(error) => format!("{:?}", error.downcast_ref::<wasmtime::Trap>()),
        });
    }
    results
}

/// Both ways are the same; says what the module with the bodies is.
#[track_caller]
fn check(callee: &str, caller: &str, calls: &[(&str, &[i32])], expected: &[&str]) -> String {
    let [callee, caller] = [callee, caller].map(|text| wat::parse_str(text).unwrap());
    let inline = merged(&callee, &caller, true);
    for module in [&merged(&callee, &caller, false), &inline] {
        let results = run(module, calls);
        let results: Vec<&str> = results.iter().map(|result| result.trim()).collect();
        assert_eq!(results, expected, "{}", text(module));
    }
    text(&inline)
}

#[track_caller]
fn check_without_call(callee: &str, caller: &str, calls: &[(&str, &[i32])], expected: &[&str]) {
    let text = check(callee, caller, calls, expected);
    assert!(!text.contains("call"), "{text}");
    assert_eq!(text.matches("\n  (func ").count(), 1, "{text}");
}

#[test]
fn the_body_of_one_result_becomes_a_block() {
    check_without_call(
        r#"(module (func (export "sub") (param i32 i32) (result i32)
             (i32.sub (local.get 0) (local.get 1))))"#,
        r#"(module (import "" "sub" (func $f (param i32 i32) (result i32)))
             (func (export "run") (param i32 i32) (result i32) (local i64)
               (call $f (call $f (local.get 0) (i32.const 1)) (call $f (local.get 1) (i32.const 2)))))"#,
        &[("run", &[50, 8])],
        &["I32(43)"],
    );
}

#[test]
fn several_results_and_early_returns() {
    let text = check(
        r#"(module (func (export "two") (param i32 i32) (result i32 i32)
             (block (block (block
               (br_table 0 1 2 (local.get 0)))
               (return (i32.const 10) (local.get 1)))
               (return (i32.const 11) (local.get 1)))
             (i32.const 12) (local.get 1)))"#,
        r#"(module (import "" "two" (func $f (param i32 i32) (result i32 i32)))
             (func (export "run") (param i32) (result i32)
               (call $f (local.get 0) (i32.const 100)) (i32.add)))"#,
        &[("run", &[0]), ("run", &[1]), ("run", &[2])],
        &["I32(110)", "I32(111)", "I32(112)"],
    );
    assert!(!text.contains("call"), "{text}");
}

#[test]
fn a_branch_table_leaves_the_body() {
    check_without_call(
        r#"(module (func (export "f") (param i32) (result i32)
             (block (result i32) (i32.const 7) (local.get 0) (br_table 0 1))
             (i32.const 1) (i32.add)))"#,
        r#"(module (import "" "f" (func $f (param i32) (result i32)))
             (func (export "run") (param i32) (result i32) (call $f (local.get 0))))"#,
        &[("run", &[0]), ("run", &[1])],
        &["I32(8)", "I32(7)"],
    );
}

#[test]
fn locals_are_cleared_at_each_call() {
    check_without_call(
        r#"(module (func (export "f") (result i32) (local i32 i64 f32 f64 v128 funcref)
             (local.set 0 (i32.add (local.get 0) (i32.const 1)))
             (local.get 0)))"#,
        r#"(module (import "" "f" (func $f (result i32)))
             (func (export "run") (result i32) (local $sum i32) (local $n i32)
               (loop $again
                 (local.set $sum (i32.add (local.get $sum) (call $f)))
                 (br_if $again
                   (i32.lt_u (local.tee $n (i32.add (local.get $n) (i32.const 1))) (i32.const 5))))
               (local.get $sum)))"#,
        &[("run", &[])],
        &["I32(5)"],
    );
}

#[test]
fn references_that_are_never_null() {
    let text = check(
        r#"(module (type $t (func (result i32)))
             (func (export "f") (param (ref $t)) (result i32) (local (ref $t))
               (local.set 1 (local.get 0)) (call_ref $t (local.get 1))))"#,
        r#"(module (type $t (func (result i32)))
             (import "" "f" (func $f (param (ref $t)) (result i32)))
             (func $seven (result i32) (i32.const 7))
             (elem declare func $seven)
             (func (export "run") (result i32)
               (block (drop (call $f (ref.func $seven)))) (call $f (ref.func $seven))))"#,
        &[("run", &[])],
        &["I32(7)"],
    );
    assert!(!text.contains("call "), "{text}");
}

#[test]
fn memories_tables_and_globals_are_the_callees() {
    check_without_call(
        r#"(module (memory i64 1) (memory $m 1) (global $g (mut i32) (i32.const 3))
             (func (export "f") (param i32) (result i32)
               (i32.store $m (i32.const 8) (local.get 0))
               (global.set $g (i32.add (global.get $g) (i32.load $m (i32.const 8))))
               (i64.store (i64.const 0) (i64.const 1))
               (global.get $g)))"#,
        r#"(module (import "" "f" (func $f (param i32) (result i32))) (memory 1)
             (global $g (mut i32) (i32.const 1000))
             (func (export "run") (param i32) (result i32)
               (i32.store (i32.const 8) (i32.const 9))
               (i32.add (call $f (local.get 0)) (i32.add (global.get $g) (i32.load (i32.const 8))))))"#,
        &[("run", &[1]), ("run", &[5])],
        &["I32(1013)", "I32(1018)"],
    );
}

#[test]
fn traps_and_tail_calls_of_callers_stay() {
    check_without_call(
        r#"(module (func (export "f") (param i32) (result i32)
             (if (local.get 0) (then unreachable)) (i32.const 4)))"#,
        r#"(module (import "" "f" (func $f (param i32) (result i32)))
             (func (export "run") (param i32) (result i32) (i32.const 1)
               (return_call $f (local.get 0))))"#,
        &[("run", &[0]), ("run", &[1])],
        &["I32(4)", "Some(UnreachableCodeReached)"],
    );
}

#[test]
fn references_are_to_the_function_itself() {
    let text = check(
        r#"(module (func (export "f") (result i32) (i32.const 4)))"#,
        r#"(module (import "" "f" (func $f (result i32)))
             (table 1 funcref) (elem (i32.const 0) $f)
             (func (export "run") (result i32)
               (i32.add (call $f) (call_indirect (result i32) (i32.const 0)))))"#,
        &[("run", &[])],
        &["I32(8)"],
    );
    assert_eq!(text.matches("\n  (func ").count(), 2, "{text}");
}

#[test]
fn what_depends_on_the_functions_end_is_called() {
    for callee in [
        r#"(module (func $g (result i32) (i32.const 4))
             (func (export "f") (result i32) (return_call $g)))"#,
        r#"(module (func (export "f") (result i32)
             (block $out (try_table (catch_all $out) (nop))) (i32.const 4)))"#,
    ] {
        let text = check(
            callee,
            r#"(module (import "" "f" (func $f (result i32)))
                 (func (export "run") (result i32) (call $f)))"#,
            &[("run", &[])],
            &["I32(4)"],
        );
        assert!(text.contains("call"), "{text}");
    }
}

/// What is thrown behind a tail call is for the caller's caller, though a body in place of the call
/// would stand inside of the handler.
#[test]
fn handlers_do_not_catch_what_is_thrown_behind_a_tail_call() {
    let callee = r#"(module (tag $t) (func (export "f") (result i32) (throw $t)))"#;
    for (call, expected) in [("call", "I32(5)"), ("return_call", "I32(6)")] {
        check(
            callee,
            &format!(
                r#"(module (import "" "f" (func $f (result i32)))
                     (func $inner (result i32)
                       (block $out (try_table (catch_all $out) (return ({call} $f))))
                       (i32.const 5))
                     (func (export "run") (result i32)
                       (block $out (try_table (catch_all $out) (return (call $inner))))
                       (i32.const 6)))"#
            ),
            &[("run", &[])],
            &[expected],
        );
    }
}

#[test]
fn what_is_thrown_in_a_body_is_caught_by_the_caller() {
    let text = check(
        r#"(module (tag $t (param i32)) (export "t" (tag $t))
             (func (export "f") (param i32) (if (local.get 0) (then (throw $t (local.get 0))))))"#,
        r#"(module (import "" "t" (tag $t (param i32))) (import "" "f" (func $f (param i32)))
             (func (export "run") (param i32) (result i32)
               (block $out (result i32)
                 (try_table (catch $t $out) (call $f (local.get 0)))
                 (i32.const 1))))"#,
        &[("run", &[0]), ("run", &[9])],
        &["I32(1)", "I32(9)"],
    );
    assert!(!text.contains("call "), "{text}");
}

#[test]
fn segments_tables_and_functions_are_the_callees() {
    let text = check(
        r#"(module (memory 1) (table 2 funcref)
             (data $pad "xx") (data $d "\07\00\00\00") (elem $e func $eight)
             (func $eight (result i32) (i32.const 8))
             (func (export "f") (result i32)
               (memory.init $d (i32.const 4) (i32.const 0) (i32.const 4))
               (table.init $e (i32.const 1) (i32.const 0) (i32.const 1))
               (table.set (i32.const 0) (ref.func $eight))
               (i32.add
                 (i32.load (i32.const 4))
                 (i32.add
                   (call_indirect (result i32) (i32.const 0))
                   (i32.mul (i32.const 100) (call $eight))))))"#,
        r#"(module (import "" "f" (func $f (result i32)))
             (memory 1) (table 2 funcref) (data $d "\01") (elem $e func $one)
             (func $one (result i32) (i32.const 1))
             (func (export "run") (result i32)
               (memory.init $d (i32.const 4) (i32.const 0) (i32.const 1))
               (table.init $e (i32.const 0) (i32.const 0) (i32.const 1))
               (i32.add
                 (call $f)
                 (i32.add (i32.load (i32.const 4)) (call_indirect (result i32) (i32.const 0))))))"#,
        &[("run", &[])],
        &["I32(817)"],
    );
    assert_eq!(text.matches(" call ").count(), 1, "{text}");
}

/// One module twice, with another function behind its import each time; and what is called by a
/// body in place of a call stays what it was, with its name.
#[test]
fn each_instance_has_its_own_callee() {
    let callee = r#"(module (func (export "f") (result i32) (i32.const 4)))"#;
    let trapping = r#"(module
        (func $meld:trap:test unreachable)
        (func (export "f") (result i32) (call $meld:trap:test) (i32.const 5)))"#;
    let caller = r#"(module (import "" "f" (func $f (result i32)))
        (func (export "run") (result i32) (call $f)))"#;
    let instance = |name: &str, text: &str, imports| Instance {
        name: name.into(),
        bytes: wat::parse_str(text).unwrap().into(),
        imports,
        origin: Origin::Input,
    };
    let inline = |instance| vec![Source::Inline { instance, name: "f".into() }];
    let run_of =
        |name: &str, instance| (name.to_owned(), Source::Export { instance, name: "run".into() });
    let request = Merge {
        name: None,
        instances: vec![
            instance("four", callee, vec![]),
            instance("trapping", trapping, vec![]),
            instance("first", caller, inline(0)),
            instance("second", caller, inline(1)),
        ],
        exports: vec![run_of("first", 2), run_of("second", 3)],
        start: StartMode::Section,
    };
    let bytes = merge(&request).unwrap().module;
    let results = run(&bytes, &[("first", &[]), ("second", &[])]);
    assert_eq!(results, ["I32(4) ", "Some(UnreachableCodeReached)"]);

    let engine = engine();
    let module = Module::new(&engine, &bytes).unwrap();
    let mut store = Store::new(&engine, ());
    let instance = Linker::new(&engine).instantiate(&mut store, &module).unwrap();
    let func = instance.get_func(&mut store, "second").unwrap();
    let error = func.call(&mut store, &[], &mut [Val::I32(0)]).unwrap_err();
    let trace = error.downcast_ref::<wasmtime::WasmBacktrace>().unwrap();
    let names: Vec<_> =
        trace.frames().iter().map(|frame| frame.func_name().unwrap_or("")).collect();
    assert_eq!(names.len(), 2, "{names:?}");
    assert!(names[0].contains("meld:trap:test"), "{names:?}");
}

/// A function that calls too often stays as it is.
#[test]
fn callers_grow_within_bounds() {
    let callee = r#"(module (func (export "f") (param i32) (result i32)
        (i32.add (i32.mul (local.get 0) (i32.const 1000003)) (i32.const 1))))"#;
    for (calls, inlines) in [(100, true), (5000, false)] {
        let calls = "(local.set 0 (call $f (local.get 0)))".repeat(calls);
        let caller = format!(
            r#"(module (import "" "f" (func $f (param i32) (result i32)))
                 (func (export "run") (param i32) (result i32) {calls} (local.get 0)))"#
        );
        let [callee, caller] = [callee, &caller].map(|text| wat::parse_str(text).unwrap());
        let text = text(&merged(&callee, &caller, true));
        assert_eq!(!text.contains(" call "), inlines);
        let called = called(&callee, &caller);
        assert_eq!(called, if inlines { vec![] } else { vec![Reason::Growth] });
    }
}

/// Where not all bodies have room in a caller, small ones stand there, whoever is called first.
#[test]
fn small_bodies_come_first() {
    let steps = |steps: usize| "(local.set 0 (i32.add (local.get 0) (i32.const 1)))".repeat(steps);
    let function = |name: &str, count| {
        let steps = steps(count);
        format!(r#"(func (export "{name}") (param i32) (result i32) {steps} (local.get 0))"#)
    };
    let [small, middle, large] =
        [("small", 1), ("middle", 100), ("large", 200)].map(|(name, count)| function(name, count));
    let callee = wat::parse_str(format!("(module {large} {small} {middle})")).unwrap();
    for order in [["large", "middle", "small"], ["small", "middle", "large"]] {
        let import = |name: &&str| {
            format!(r#"(import "" "{name}" (func ${name} (param i32) (result i32)))"#)
        };
        let call = |name: &&str| format!("(local.set 0 (call ${name} (local.get 0)))").repeat(10);
        let imports: String = order.iter().map(import).collect();
        let calls: String = order.iter().map(call).collect();
        let caller = format!(
            r#"(module {imports}
                 (func (export "run") (param i32) (result i32) {calls} (local.get 0)))"#
        );
        let caller = wat::parse_str(caller).unwrap();
        let called = merge(&request(&callee, &caller, true)).unwrap().not_inlined;
        let called: Vec<_> = called.iter().map(|called| (called.import, called.reason)).collect();
        let large = order.iter().position(|name| *name == "large").unwrap();
        assert_eq!(called, [(large, Reason::Growth)], "{order:?}");
        let module = merged(&callee, &caller, true);
        assert_eq!(text(&module).matches(" call ").count(), 10, "{order:?}");
        assert_eq!(run(&module, &[("run", &[5])]), ["I32(3015) "], "{order:?}");
    }
}

/// Why functions of the first module are called by the second.
fn called(callee: &[u8], caller: &[u8]) -> Vec<Reason> {
    let called = merge(&request(callee, caller, true)).unwrap().not_inlined;
    assert!(called.iter().all(|called| (called.instance, called.import) == (1, 0)));
    called.into_iter().map(|called| called.reason).collect()
}

/// What asks for a body and is called is told, with the reason.
#[test]
fn what_is_called_is_told() {
    let caller = r#"(module (import "" "f" (func $f (param i32) (result i32)))
        (func (export "run") (param i32) (result i32) (call $f (local.get 0))))"#;
    let handling = r#"(module (import "" "f" (func $f (param i32) (result i32)))
        (func $g (param i32) (result i32) (local.get 0))
        (func (export "run") (param i32) (result i32)
          (block $caught
            (return (try_table (result i32) (catch_all $caught) (call $f (local.get 0)))))
          (return_call $g (i32.const 1))))"#;
    let small = r#"(module (func (export "f") (param i32) (result i32) (local.get 0)))"#;
    let leaving = r#"(module (func $g (param i32) (result i32) (local.get 0))
        (func (export "f") (param i32) (result i32) (return_call $g (local.get 0))))"#;
    let steps = "(local.set 0 (i32.add (local.get 0) (i32.const 1)))".repeat(1000);
    let large =
        format!(r#"(module (func (export "f") (param i32) (result i32) {steps} (local.get 0)))"#);
    let import = r#"(import "a" "b" (func $h (param i32) (result i32)))"#;
    let host = format!(r#"(module {import} (export "f" (func $h)))"#);
    for (callee, caller, expect) in [
        (small, caller, None),
        (leaving, caller, Some(Reason::Body)),
        (&large, caller, Some(Reason::Large)),
        (small, handling, Some(Reason::Caller)),
        (&host, caller, Some(Reason::Host)),
    ] {
        let [callee, caller] = [callee, caller].map(|text| wat::parse_str(text).unwrap());
        assert_eq!(called(&callee, &caller), expect.into_iter().collect::<Vec<_>>());
    }
}

/// Functions that call each other across instances in a circle are called.
#[test]
fn circles_end() {
    let side = |other: &str, own: &str| {
        let text = format!(
            r#"(module (import "" "{other}" (func $f (param i32) (result i32)))
                 (func (export "{own}") (param i32) (result i32)
                   (if (result i32) (local.get 0)
                     (then (i32.add (i32.const 1) (call $f (i32.sub (local.get 0) (i32.const 1)))))
                     (else (i32.const 0)))))"#
        );
        wat::parse_str(text).unwrap()
    };
    let instance = |name: &str, bytes: Vec<u8>, instance, of: &str| Instance {
        name: name.into(),
        bytes: bytes.into(),
        imports: vec![Source::Inline { instance, name: of.into() }],
        origin: Origin::Input,
    };
    let request = Merge {
        name: None,
        instances: vec![
            instance("a", side("b", "a"), 1, "b"),
            instance("b", side("a", "b"), 0, "a"),
        ],
        exports: vec![("run".into(), Source::Export { instance: 0, name: "a".into() })],
        start: StartMode::Section,
    };
    let module = merge(&request).unwrap().module;
    assert_eq!(run(&module, &[("run", &[9])]), ["I32(9) "]);
}

/// Random functions, called and in place of calls: the same results and traps.
#[test]
fn random_functions_do_the_same() {
    let (mut compared, mut state) = (0, 1u64);
    for _ in 0..600 {
        let mut bytes = Vec::new();
        while bytes.len() < 1 << 12 {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            bytes.push((state >> 33) as u8);
        }
        let config = wasm_smith::Config {
            max_imports: 0,
            min_funcs: 1,
            max_funcs: 6,
            max_instructions: 40,
            export_everything: true,
            threads_enabled: false,
            gc_enabled: false,
            allow_start_export: false,
            ..wasm_smith::Config::default()
        };
        let Ok(mut module) = wasm_smith::Module::new(config, &mut Unstructured::new(&bytes)) else {
            continue;
        };
        if module.ensure_termination(100).is_err() {
            continue;
        }
        let callee = module.to_bytes();
        let Some((caller, names)) = wrapper(&callee) else { continue };
        let calls: Vec<(&str, &[i32])> =
            names.iter().map(|name| (name.as_str(), &[][..])).collect();
        let [plain, inline] = [false, true].map(|inline| merged(&callee, &caller, inline));
        if Module::new(&engine(), &plain).is_ok() {
            assert_eq!(run(&plain, &calls), run(&inline, &calls), "{}", text(&inline));
            compared += calls.len();
        }
    }
    println!("{compared} functions compared");
    assert!(compared > 100, "{compared}");
}

/// A module with a function for each export that takes and gives numbers alone: it calls that one
/// twice, with zeros.
fn wrapper(callee: &[u8]) -> Option<(Vec<u8>, Vec<String>)> {
    let module = Module::new(&engine(), callee).ok()?;
    let (mut imports, mut functions, mut names) = (String::new(), String::new(), Vec::new());
    for export in module.exports() {
        let wasmtime::ExternType::Func(ty) = export.ty() else { continue };
        if !ty.params().chain(ty.results()).all(|ty| ty.is_num()) {
            continue;
        }
        let list = |types: Vec<String>| types.join(" ");
        let params = list(ty.params().map(|ty| ty.to_string()).collect());
        let results = list(ty.results().map(|ty| ty.to_string()).collect());
        let zeros = list(ty.params().map(|ty| format!("({ty}.const 0)")).collect());
        let drops = "drop ".repeat(ty.results().len());
        let name = format!("call{}", names.len());
        imports += &format!(
            "(import \"\" \"{}\" (func ${name} (param {params}) (result {results})))",
            export.name()
        );
        functions += &format!(
            "(func (export \"{name}\") (result {results})
               {zeros} (call ${name}) {drops} {zeros} (call ${name}))"
        );
        names.push(name);
    }
    Some((wat::parse_str(format!("(module {imports} {functions})")).ok()?, names))
}

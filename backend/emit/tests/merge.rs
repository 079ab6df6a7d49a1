//! Instances merged into one module: what the module does, and what is in it.
//!
//! A case is a list of instances, each a name, a module in the text format and its sources, and
//! root exports. Sources are written `instance.export`, `host:name` (an import `host` `name`) or
//! `=7`. Calls are written `export(1, 2) = 3`, with integers and `trap`.

use meld_emit::merge::{Instance, Merge, MergeError, Merged, Origin, Source, StartMode, merge};
use std::sync::{Arc, Mutex};
use wasmtime::{Config, Engine, Linker, Module, Store, Val};

type Instances<'a> = &'a [(&'a str, &'a str, &'a [&'a str])];

fn source(instances: Instances<'_>, text: &str) -> Source {
    if let Some(value) = text.strip_prefix('=') {
        return Source::Const(value.parse().unwrap());
    }
    if let Some(name) = text.strip_prefix("host:") {
        return Source::Host { module: "host".into(), name: name.into() };
    }
    let (name, export) = text.split_once('.').unwrap();
    // An unknown instance is what some cases ask for.
    let instance = instances.iter().position(|(n, ..)| *n == name).unwrap_or(99);
    Source::Export { instance, name: export.into() }
}

fn request(instances: Instances<'_>, exports: &[(&str, &str)], start: StartMode) -> Merge<'static> {
    Merge {
        name: None,
        instances: instances
            .iter()
            .map(|(name, text, imports)| Instance {
                name: (*name).into(),
                bytes: wat::parse_str(text).unwrap_or_else(|e| panic!("{name}: {e}")).into(),
                imports: imports.iter().map(|i| source(instances, i)).collect(),
                origin: Origin::Input,
            })
            .collect(),
        exports: exports.iter().map(|(n, s)| ((*n).into(), source(instances, s))).collect(),
        start,
    }
}

fn merged(instances: Instances<'_>, exports: &[(&str, &str)], start: StartMode) -> Merged {
    let request = request(instances, exports, start);
    let merged = merge(&request).unwrap_or_else(|error| panic!("{error}"));
    let again = merge(&request).unwrap();
    assert_eq!(merged.module, again.module, "merging twice gives the same bytes");
    let features = wasmparser::WasmFeatures::all();
    if let Err(error) =
        wasmparser::Validator::new_with_features(features).validate_all(&merged.module)
    {
        panic!("{error}\n{}", text(&merged));
    }
    merged
}

fn text(merged: &Merged) -> String {
    wasmprinter::print_bytes(&merged.module).unwrap()
}

fn engine() -> Engine {
    let mut config = Config::new();
    config.wasm_gc(true).wasm_function_references(true).wasm_exceptions(true);
    config.wasm_memory64(true).wasm_multi_memory(true).wasm_tail_call(true);
    config.wasm_wide_arithmetic(true).wasm_custom_page_sizes(true);
    Engine::new(&config).unwrap()
}

/// Instantiates a module and makes calls. `host` has `log`, `base`, `memory` and `table`.
fn run(module: &[u8], calls: &[&str]) -> Vec<i32> {
    let engine = engine();
    let module = Module::new(&engine, module).unwrap();
    let log = Arc::new(Mutex::new(Vec::new()));
    let mut store = Store::new(&engine, ());
    let mut linker = Linker::new(&engine);
    let sink = log.clone();
    linker.func_wrap("host", "log", move |value: i32| sink.lock().unwrap().push(value)).unwrap();
    let base = wasmtime::GlobalType::new(wasmtime::ValType::I32, wasmtime::Mutability::Const);
    let base = wasmtime::Global::new(&mut store, base, Val::I32(100)).unwrap();
    linker.define(&store, "host", "base", base).unwrap();
    let memory = wasmtime::Memory::new(&mut store, wasmtime::MemoryType::new(1, None)).unwrap();
    linker.define(&store, "host", "memory", memory).unwrap();
    let instance = match linker.instantiate(&mut store, &module) {
        Ok(instance) => instance,
        Err(error) if calls == ["instantiate = trap"] => {
            assert!(error.is::<wasmtime::Trap>(), "{error:?}");
            let mut byte = [0];
            memory.read(&store, 0, &mut byte).unwrap();
            let mut log = log.lock().unwrap().clone();
            log.push(i32::from(byte[0]));
            return log;
        }
        Err(error) => panic!("{error:?}"),
    };
    for call in calls {
        let (name, rest) = call.split_once('(').unwrap();
        let (args, expected) = rest.split_once(") = ").unwrap();
        let args: Vec<Val> = args
            .split(", ")
            .filter(|arg| !arg.is_empty())
            .map(|arg| Val::I32(arg.parse().unwrap()))
            .collect();
        let func = instance.get_func(&mut store, name).unwrap_or_else(|| panic!("no {name}"));
        let mut results = vec![Val::I32(0); func.ty(&store).results().len()];
        let outcome = func.call(&mut store, &args, &mut results);
        let outcome = match (outcome, &results[..]) {
            (Err(error), _) => {
                assert!(error.is::<wasmtime::Trap>(), "{call}: {error:?}");
                "trap".to_owned()
            }
            (Ok(()), [Val::I32(value)]) => value.to_string(),
            (Ok(()), [Val::I64(value)]) => value.to_string(),
            (Ok(()), other) => format!("{other:?}"),
        };
        assert_eq!(outcome, *expected, "{call}");
    }
    let log = log.lock().unwrap();
    log.clone()
}

/// Merges, runs, and says what was logged.
#[track_caller]
fn check(instances: Instances<'_>, exports: &[(&str, &str)], calls: &[&str], logged: &[i32]) {
    let merged = merged(instances, exports, StartMode::Section);
    assert_eq!(run(&merged.module, calls), logged, "{}", text(&merged));
}

#[track_caller]
fn check_text(instances: Instances<'_>, exports: &[(&str, &str)], parts: &[&str], absent: &[&str]) {
    let text = text(&merged(instances, exports, StartMode::Section));
    for part in parts {
        assert!(text.contains(part), "no `{part}` in\n{text}");
    }
    for part in absent {
        assert!(!text.contains(part), "`{part}` in\n{text}");
    }
}

const COUNTER: &str = r#"(module
  (memory (export "memory") 1)
  (func (export "bump") (result i32)
    (i32.store (i32.const 8) (i32.add (i32.load (i32.const 8)) (i32.const 1)))
    (i32.load (i32.const 8))))"#;

#[test]
fn functions_and_memories_are_shared() {
    let peek = r#"(module
      (import "c" "bump" (func $bump (result i32)))
      (import "c" "memory" (memory 1))
      (memory $own 1)
      (data (memory $own) (i32.const 0) "\2a")
      (func (export "f") (param i32) (result i32)
        (drop (call $bump)) (i32.load (local.get 0)))
      (func (export "own") (result i32) (i32.load8_u $own (i32.const 0))))"#;
    check(
        &[("c", COUNTER, &[]), ("p", peek, &["c.bump", "c.memory"])],
        &[("f", "p.f"), ("own", "p.own"), ("bump", "c.bump")],
        &["f(8) = 1", "bump() = 2", "f(8) = 3", "own() = 42"],
        &[],
    );
}

#[test]
fn an_instance_given_twice_is_there_twice() {
    check(
        &[("a", COUNTER, &[]), ("b", COUNTER, &[])],
        &[("a", "a.bump"), ("b", "b.bump")],
        &["a() = 1", "a() = 2", "b() = 1", "a() = 3"],
        &[],
    );
}

#[test]
fn re_exports_are_followed_and_cycles_of_functions_work() {
    let even = r#"(module (import "" "odd" (func $odd (param i32) (result i32)))
      (export "again" (func $odd))
      (func (export "even") (param i32) (result i32)
        (if (result i32) (local.get 0)
          (then (return_call $odd (i32.sub (local.get 0) (i32.const 1)))) (else (i32.const 1)))))"#;
    let odd = r#"(module (import "" "even" (func $even (param i32) (result i32)))
      (func (export "odd") (param i32) (result i32)
        (if (result i32) (local.get 0)
          (then (return_call $even (i32.sub (local.get 0) (i32.const 1)))) (else (i32.const 0)))))"#;
    let pass = r#"(module (import "" "f" (func (param i32) (result i32))) (export "f" (func 0)))"#;
    check(
        &[("even", even, &["odd.odd"]), ("odd", odd, &["pass.f"]), ("pass", pass, &["even.even"])],
        &[("even", "even.even"), ("odd", "even.again")],
        &["even(100000) = 1", "odd(7) = 1", "odd(8) = 0"],
        &[],
    );
}

#[test]
fn tables_and_indirect_calls_across() {
    let owner = r#"(module (table (export "t") 4 funcref) (type $f (func (result i32)))
      (func (export "call") (param i32) (result i32) (call_indirect (type $f) (local.get 0))))"#;
    let filler = r#"(module (type $other (func (param i64))) (type $f (func (result i32)))
      (import "o" "t" (table 4 funcref)) (table $mine 1 funcref)
      (elem (table 0) (i32.const 1) func $one $two) (elem (table $mine) (i32.const 0) func $one)
      (func $one (result i32) (i32.const 1)) (func $two (result i32) (i32.const 2))
      (func $bad (param i64)) (elem (table 0) (i32.const 3) func $bad)
      (func (export "mine") (result i32) (call_indirect $mine (type $f) (i32.const 0))))"#;
    check(
        &[("o", owner, &[]), ("f", filler, &["o.t"])],
        &[("call", "o.call"), ("mine", "f.mine")],
        &["call(1) = 1", "call(2) = 2", "call(0) = trap", "call(3) = trap", "mine() = 1"],
        &[],
    );
}

#[test]
fn globals_are_shared_and_offsets_are_resolved() {
    let owner = r#"(module (global (export "m") (mut i32) (i32.const 5))
      (global $a (export "a") i32 (i32.const 16)) (memory (export "memory") 1)
      (global (export "f") f64 (f64.const 2.5)))"#;
    let user = r#"(module (import "o" "m" (global $m (mut i32))) (import "o" "a" (global $a i32))
      (import "o" "f" (global $f f64)) (import "o" "memory" (memory 1))
      (import "h" "base" (global $base i32))
      (global $sum i32 (i32.add (global.get $a) (i32.const 4))) (global $g f64 (global.get $f))
      (global $hosted i32 (i32.add (global.get $base) (global.get $sum)))
      (data (global.get $a) "\07") (data (offset (i32.add (global.get $a) (i32.const 1))) "\08")
      (func (export "get") (param i32) (result i32)
        (global.set $m (i32.add (global.get $m) (i32.const 1)))
        (i32.add (global.get $m) (i32.load8_u (local.get 0))))
      (func (export "hosted") (result i32)
        (i32.add (global.get $hosted) (i32.trunc_f64_s (global.get $g)))))"#;
    let instances: Instances<'_> =
        &[("o", owner, &[]), ("u", user, &["o.m", "o.a", "o.f", "o.memory", "host:base"])];
    let exports = &[("get", "u.get"), ("hosted", "u.hosted"), ("a", "o.a")];
    check(instances, exports, &["get(16) = 13", "get(17) = 15", "hosted() = 122"], &[]);
    check_text(
        instances,
        exports,
        &["(data (;0;) (i32.const 16) \"\\07\")", "(data (;1;) (i32.const 17) \"\\08\")"],
        &[],
    );
}

#[test]
fn constants_become_immediates() {
    let user = r#"(module (import "" "n" (global $n i32)) (import "" "l" (global $l i64))
      (export "n" (global $n)) (memory 1) (data (global.get $n) "\09")
      (func (export "f") (result i32)
        (i32.add (i32.load8_u (global.get $n)) (i32.wrap_i64 (global.get $l)))))"#;
    let again = r#"(module (import "" "n" (global $n i32))
      (func (export "f") (result i32) (global.get $n)))"#;
    let instances: Instances<'_> = &[("u", user, &["=48", "=-1"]), ("a", again, &["u.n"])];
    let exports = &[("f", "u.f"), ("again", "a.f")];
    check(instances, exports, &["f() = 8", "again() = 48"], &[]);
    check_text(instances, exports, &["i32.const 48", "i64.const -1"], &["global"]);
    // Exported, it has to be a global.
    check_text(instances, &[("n", "a.f"), ("g", "u.n")], &["(global (;0;) i32 i32.const 48)"], &[]);
}

#[test]
fn exceptions_are_thrown_and_caught_across() {
    let owner = r#"(module (tag (export "t") (param i32)) (tag $own (export "own") (param i32)))"#;
    let thrower = r#"(module (import "" "t" (tag $t (param i32))) (tag $private (param i32))
      (func (export "throw") (param i32) (result i32)
        (if (local.get 0) (then (throw $t (local.get 0)))) (throw $private (i32.const 1))))"#;
    let catcher = r#"(module (import "" "own" (tag $unused (param i32)))
      (import "" "t" (tag $t (param i32)))
      (import "" "throw" (func $throw (param i32) (result i32)))
      (func (export "catch") (param i32) (result i32)
        (block $h (result i32)
          (block $all
            (try_table (catch $t $h) (catch_all $all) (return (call $throw (local.get 0))))
            (unreachable))
          (i32.const -1))))"#;
    check(
        &[
            ("o", owner, &[]),
            ("t", thrower, &["o.t"]),
            ("c", catcher, &["o.own", "o.t", "t.throw"]),
        ],
        &[("catch", "c.catch")],
        &["catch(7) = 7", "catch(0) = -1"],
        &[],
    );
}

#[test]
fn gc_types_are_one_across_modules() {
    let types = r#"(type $unused (func (param f32)))
      (rec (type $node (sub (struct (field i32) (field (ref null $leaf)))))
           (type $leaf (sub $node (struct (field i32) (field (ref null $leaf)) (field i32)))))"#;
    let maker = format!(
        r#"(module (type $first (array (mut i8))) {types}
      (global (export "g") (ref $leaf)
        (struct.new $leaf (i32.const 7) (ref.null $leaf) (i32.const 8)))
      (func (export "make") (param i32) (result (ref null $node))
        (if (result (ref null $node)) (local.get 0)
          (then (struct.new $leaf (i32.const 1) (ref.null $leaf) (local.get 0)))
          (else (struct.new $node (i32.const 2) (ref.null $leaf))))))"#
    );
    let user = format!(
        r#"(module {types} (import "" "make" (func $make (param i32) (result (ref null $node))))
      (import "" "g" (global $g (ref $leaf)))
      (global $copy (ref $node) (global.get $g))
      (func (export "same") (result i32) (ref.eq (global.get $copy) (global.get $g)))
      (func (export "f") (param i32) (result i32) (local $l (ref null $leaf))
        (block $other (result (ref null $node))
          (local.set $l
            (br_on_cast_fail $other (ref null $node) (ref $leaf) (call $make (local.get 0))))
          (return (struct.get $leaf 2 (local.get $l))))
        (drop) (i32.const -1)))"#
    );
    let instances: Instances<'_> = &[("m", &maker, &[]), ("u", &user, &["m.make", "m.g"])];
    let exports = &[("f", "u.f"), ("same", "u.same")];
    check(instances, exports, &["f(5) = 5", "f(0) = -1", "same() = 1"], &[]);
    check_text(instances, exports, &["(rec"], &["f32", "i8"]);
}

#[test]
fn simd_wide_memory64_and_multi_memory() {
    let wide = r#"(module (memory $a (export "a") i64 1) (memory $b (export "b") 1))"#;
    let user = r#"(module (memory $own 1) (import "" "b" (memory $b 1))
      (import "" "a" (memory $a i64 1))
      (data $p "\01\02\03\04")
      (func (export "f") (param i32) (result i32)
        (memory.init $a $p (i64.const 16) (i32.const 0) (i32.const 4))
        (v128.store $b (i32.const 32) (v128.load32_splat $a offset=8 (i64.const 8)))
        (memory.copy $own $b (i32.const 0) (i32.const 32) (i32.const 16))
        (i32.add (i32.load8_u $own offset=2 (local.get 0))
          (i32x4.extract_lane 3 (v128.load8_lane $own 12 (local.get 0)
            (i32x4.splat (i32.const 0))))))
      (func (export "mul") (param i32) (result i32) (local i64 i64)
        (i64.mul_wide_u (i64.const -1) (i64.extend_i32_u (local.get 0)))
        (local.set 1) (drop) (i32.wrap_i64 (local.get 1)))
      (func (export "grow") (result i32)
        (i32.add (memory.grow $own (i32.const 1)) (memory.size $own))))"#;
    let user = user.replacen("(memory $own 1) ", "", 1).replacen(
        "(data $p",
        "(memory $own 1) (data $p",
        1,
    );
    check(
        &[("w", wide, &[]), ("u", &user, &["w.b", "w.a"])],
        &[("f", "u.f"), ("mul", "u.mul"), ("grow", "u.grow")],
        &["f(0) = 4", "f(1) = 6", "mul(5) = 4", "grow() = 3"],
        &[],
    );
}

#[test]
fn references_taken_stay_declared() {
    let user = r#"(module (type $f (func (result i32)))
      (func $one (result i32) (i32.const 1)) (func $dead (result i32) (i32.const 2))
      (elem declare func $one $dead)
      (func (export "f") (result i32) (call_ref $f (ref.func $one))))"#;
    check(&[("u", user, &[])], &[("f", "u.f")], &["f() = 1"], &[]);
    check_text(&[("u", user, &[])], &[("f", "u.f")], &["(elem (;0;) declare func"], &["dead"]);
}

#[test]
fn host_imports_are_shared_and_dropped_when_unused() {
    let user = r#"(module (import "x" "log" (func $log (param i32)))
      (import "x" "other" (func $other)) (func $dead (call $other))
      (func (export "f") (call $log (i32.const 1))))"#;
    let instances: Instances<'_> =
        &[("a", user, &["host:log", "host:a"]), ("b", user, &["host:log", "host:b"])];
    let exports = &[("a", "a.f"), ("b", "b.f"), ("log", "host:log")];
    check(instances, exports, &["a() = []", "b() = []", "log(9) = []"], &[1, 1, 9]);
}

/// Logs what is in its memory, and the argument it was made with.
fn starter(data: &str, value: i32) -> String {
    format!(
        r#"(module (import "h" "log" (func $log (param i32))) (memory (export "memory") 1)
      {data} (func $start (call $log (i32.load8_u (i32.const 0))) (call $log (i32.const {value})))
      (start $start))"#
    )
}

#[test]
fn start_functions_and_segments_keep_their_order() {
    let a = starter(r#"(data (i32.const 0) "\01")"#, 10);
    let b = r#"(module (import "a" "memory" (memory 1)) (import "h" "log" (func $log (param i32)))
      (data (i32.const 0) "\02") (func $start (call $log (i32.load8_u (i32.const 0))))
      (start $start))"#;
    let last = r#"(module (import "a" "memory" (memory 1)) (data (i32.const 0) "\03")
      (func (export "get") (result i32) (i32.load8_u (i32.const 0))))"#;
    let instances: Instances<'_> = &[
        ("a", &a, &["host:log"]),
        ("b", b, &["a.memory", "host:log"]),
        ("last", last, &["a.memory"]),
    ];
    check(instances, &[("get", "last.get")], &["get() = 3"], &[1, 10, 2]);
    // One start function and nothing after it is the start function itself.
    check_text(&instances[..1], &[], &["(start $a!start)"], &["meld:start"]);
    // As an export it runs when called.
    let exported = merged(instances, &[], StartMode::Export("init".into()));
    assert!(exported.has_start);
    assert_eq!(run(&exported.module, &["init() = []"]), [1, 10, 2]);
    let none = merged(&[("c", COUNTER, &[])], &[("f", "c.bump")], StartMode::Export("i".into()));
    assert!(!none.has_start);
}

#[test]
fn tables_filled_after_a_start_are_filled_after_it() {
    let a = r#"(module (type $f (func (result i32))) (import "h" "log" (func $log (param i32)))
      (table (export "t") 2 funcref) (elem (i32.const 0) func $one)
      (func $one (result i32) (i32.const 1))
      (func $start (call $log (ref.is_null (table.get 0 (i32.const 1))))) (start $start)
      (func (export "call") (result i32) (call_indirect (type $f) (i32.const 1))))"#;
    let fixup = r#"(module (import "a" "t" (table 2 funcref)) (elem (i32.const 1) func $two)
      (func $two (result i32) (i32.const 2)))"#;
    check(
        &[("a", a, &["host:log"]), ("fixup", fixup, &["a.t"])],
        &[("call", "a.call")],
        &["call() = 2"],
        &[1],
    );
}

#[test]
fn segments_out_of_bounds_still_trap_in_their_turn() {
    let host = r#"(module (import "h" "memory" (memory 1)) (data (i32.const 0) "\05"))"#;
    let dead = r#"(module (memory 1) (data (i32.const 65536) "x"))"#;
    let start = starter("", 4);
    let table = r#"(module (table 1 funcref) (elem (i32.const 1) func $f) (func $f))"#;
    // Before the trap the start function has run and the host's memory was written.
    for late in [dead, table] {
        check(
            &[("h", host, &["host:memory"]), ("s", &start, &["host:log"]), ("late", late, &[])],
            &[],
            &["instantiate = trap"],
            &[0, 4, 5],
        );
    }
    check(&[("h", host, &["host:memory"]), ("t", table, &[])], &[], &["instantiate = trap"], &[5]);
    check(&[("t", table, &[]), ("h", host, &["host:memory"])], &[], &["instantiate = trap"], &[0]);
    // Within bounds and without users, nothing is left of it.
    let fine = r#"(module (memory 1) (data (i32.const 65535) "x"))"#;
    check_text(&[("fine", fine, &[])], &[], &[], &["memory", "data"]);
}

#[test]
fn nothing_superfluous_is_left() {
    let a = r#"(module $a (type $t (func (param i32) (result i32))) (type $dead (func (param f64)))
      (import "h" "used" (func $used (param i32))) (import "h" "unused" (func $unused (param f64)))
      (memory (export "memory") 1) (memory $scratch 1) (data $init (i32.const 0) "kept")
      (data (memory $scratch) (i32.const 0) "dropped")
      (table $live 2 funcref) (table $deadtable 3 funcref)
      (elem (table $live) (i32.const 0) func $through) (elem (table $deadtable) (i32.const 0) func $gone)
      (global $g (mut i32) (i32.const 1)) (global $h (mut i64) (i64.const 1))
      (tag $e (param i32)) (tag $unthrown (param f64))
      (func $through (type $t) (local.get 0)) (func $gone (call $unused (f64.const 0)))
      (func $run (export "run") (type $t) (local $x i32)
        (call $used (global.get $g)) (if (local.get 0) (then (throw $e (i32.const 1))))
        (local.tee $x (call_indirect $live (type $t) (i32.load (local.get 0)) (i32.const 0))))
      (func (export "unused") (global.set $h (i64.const 2)) (call $gone)))"#;
    let b = r#"(module (import "a" "run" (func $run (param i32) (result i32)))
      (import "a" "memory" (memory 1))
      (func (export "twice") (param i32) (result i32)
        (i32.store8 (i32.const 9) (local.get 0)) (call $run (call $run (local.get 0)))))"#;
    let instances: Instances<'_> = &[
        ("root/a", a, &["host:used", "host:unused"]),
        ("root/b", b, &["root/a.run", "root/a.memory"]),
    ];
    let merged = merged(instances, &[("twice", "root/b.twice")], StartMode::Section);
    assert_eq!(merged.kept, [vec![true, false, true, false], vec![true]]);
    insta::assert_snapshot!(text(&merged));
}

#[test]
fn what_wasmtime_does_not_run_still_merges() {
    let first = r#"(module (func) (func) (memory 1) (tag) (type (func)))"#;
    for module in [
        // Legacy exceptions.
        r#"(module (tag $t (param i32)) (func (export "f") (result i32)
          try (result i32) (throw $t (i32.const 1)) catch $t catch_all (i32.const 2) end)
          (func (export "g") try try nop delegate 0 catch_all rethrow 0 end))"#,
        // Threads, relaxed SIMD and custom page sizes.
        r#"(module (memory $s 1 1 shared) (memory $p 4 (pagesize 1)) (data (memory $p) (i32.const 3) "x")
          (func (export "f") (result i32) (atomic.fence) (drop (i32.load8_u $p (i32.const 0)))
            (drop (memory.atomic.notify $s (i32.const 0) (i32.const 1)))
            (i32.atomic.rmw8.cmpxchg_u $s offset=4 (i32.const 0) (i32.const 1) (i32.const 2)))
          (func (export "g") (param v128 v128) (result v128)
            (i8x16.relaxed_swizzle (local.get 0) (local.get 1))))"#,
        // Stack switching.
        r#"(module (type $f (func)) (type $c (cont $f)) (tag $yield)
          (func $gen (suspend $yield)) (elem declare func $gen)
          (func (export "f") (block $on (result (ref $c))
            (resume $c (on $yield $on) (cont.new $c (ref.func $gen))) (return)) (drop))
          (func (export "g")))"#,
        // Initial values of tables, arrays from segments, i31, typed select.
        r#"(module (type $a (array (mut i8))) (type $r (array funcref)) (func $x)
          (table $t 3 (ref func) (ref.func $x)) (data $d "abc") (elem $e func $x)
          (func (export "f") (result (ref $a)) (array.new_data $a $d (i32.const 0) (i32.const 3)))
          (func (export "g") (result funcref)
            (drop (array.new_elem $r $e (i32.const 0) (i32.const 1)))
            (select (result funcref) (table.get $t (i32.const 0)) (ref.null func) (i32.const 1))))"#,
    ] {
        merged(
            &[("first", first, &[]), ("m", module, &[])],
            &[("f", "m.f"), ("g", "m.g")],
            StartMode::Section,
        );
    }
}

#[test]
fn custom_sections_are_merged_or_named() {
    let a = r#"(module (@producers (language "C" "11") (processed-by "clang" "22"))
      (@custom "target_features" "\02+\04simd-\05other") (@custom ".debug_info" "x"))"#;
    let b = r#"(module (@producers (processed-by "clang" "21") (processed-by "clang" "22"))
      (@custom "target_features" "\01+\03abi"))"#;
    let merged = merged(&[("a", a, &[]), ("b", b, &[])], &[], StartMode::Section);
    assert_eq!(merged.dropped_sections, [(0, ".debug_info".to_owned())]);
    insta::assert_snapshot!(text(&merged));
}

#[test]
fn errors_name_the_instance_and_the_item() {
    let f = r#"(module (import "env" "f" (func)) (export "f" (func 0)))"#;
    let g = r#"(module (import "env" "g" (global i32)))"#;
    let defines = r#"(module (func (export "f") (param i32)) (memory (export "m") 1))"#;
    let float = r#"(module (import "env" "g" (global f32)))"#;
    let typed = r#"(module (import "env" "f" (func (param i64))))"#;
    // A table that starts with what another instance makes, without a name and with one.
    let object = r#"(module (type $s (struct)) (global (export "g") (ref $s) (struct.new $s)))"#;
    let table = |name: &str| {
        format!(
            r#"(module (type $s (struct)) (import "env" "t" (table 0 funcref))
                (import "env" "g" (global $g (ref $s)))
                (table {name} 1 (ref null $s) (global.get $g)) (func (export "f") (drop (table.get 1 (i32.const 0)))))"#
        )
    };
    let (nameless, named) = (table(""), table("$start"));
    let of_object: &[&str] = &["host:t", "o.g"];
    let cases: &[(Instances<'_>, &[(&str, &str)])] = &[
        (&[("a", f, &[])], &[]),
        (&[("a", f, &["b.f"])], &[]),
        (&[("a", f, &["d.x"]), ("d", defines, &[])], &[]),
        (&[("a", f, &["d.m"]), ("d", defines, &[])], &[]),
        (&[("a", f, &["d.f"]), ("d", defines, &[])], &[]),
        (&[("a", f, &["b.f"]), ("b", f, &["a.f"])], &[]),
        (&[("a", f, &["=1"])], &[]),
        (&[("a", float, &["=1"])], &[]),
        (&[("a", g, &["=4294967296"])], &[]),
        (&[("a", f, &["host:f"]), ("b", typed, &["host:f"])], &[]),
        (&[("a", f, &["host:f"])], &[("g", "host:g")]),
        (&[("a", f, &["host:f"])], &[("g", "=1")]),
        (&[("d", defines, &[])], &[("f", "d.f"), ("f", "d.m")]),
        (&[("o", object, &[]), ("t", &nameless, of_object)], &[("f", "t.f")]),
        (&[("o", object, &[]), ("t", &named, of_object)], &[("f", "t.f")]),
    ];
    let errors: Vec<String> = cases
        .iter()
        .map(|(instances, exports)| {
            merge(&request(instances, exports, StartMode::Section)).unwrap_err().to_string()
        })
        .collect();
    insta::assert_snapshot!(errors.join("\n"));
}

#[test]
fn malformed_modules_are_errors() {
    let error = |bytes: &[u8]| {
        let request = Merge {
            name: None,
            instances: vec![Instance {
                name: "bad".into(),
                bytes: bytes.to_vec().into(),
                imports: vec![],
                origin: Origin::Input,
            }],
            exports: vec![],
            start: StartMode::Section,
        };
        merge(&request)
    };
    let valid = wat::parse_str(
        r#"(module (type (func)) (func (export "f") (call 0) (drop (global.get 0)))
        (table 1 funcref) (elem (i32.const 0) func 0) (memory 1) (data (i32.const 0) "x")
        (global i32 (i32.const 1)) (start 0))"#,
    )
    .unwrap();
    assert!(error(&valid).is_ok());
    for bytes in [&b""[..], b"\0asm\x0d\0\x01\0", b"\0asm\x01\0\0\0\x01"] {
        assert!(matches!(error(bytes), Err(MergeError::Malformed { .. })), "{bytes:?}");
    }
    // Whatever a byte is changed to, nothing panics.
    for at in 8..valid.len() {
        for value in [0, 1, 2, 3, 0x0b, 0x23, 0x40, 0x7f, 0x80, 0xff] {
            let mut bytes = valid.clone();
            bytes[at] = value;
            let _ = error(&bytes);
        }
        let _ = error(&valid[..at]);
    }
}

//! Small components, alike and different.

use crate::core_run::Text;
use crate::{Call, Ended, Options, Report, Sequence, Verdict, call, compare};

fn run(original: &str, fused: &str) -> Report {
    compare(original.as_bytes(), fused.as_bytes(), &Options::default()).unwrap()
}

/// Compares a component with itself, where `HERE` is put in, and with another, and says whether
/// each is found to be the same.
fn check(template: &str, here: &str, other: &str, expect_same: bool) {
    let (original, fused) = (template.replace("HERE", here), template.replace("HERE", other));
    let report = run(&original, &original);
    assert!(report.same(), "{report}");
    assert!(report.calls.len() > 1, "{report}");
    let report = run(&original, &fused);
    assert_eq!(report.same(), expect_same, "{report}");
    assert_eq!(report.to_string().contains("different: "), !expect_same, "{report}");
}

const SCALAR: &str = r#"(component
    (core module $m (func (export "f") (param i32 i32) (result i32) HERE))
    (core instance $i (instantiate $m))
    (func (export "f") (param "a" u32) (param "b" s8) (result u32)
        (canon lift (core func $i "f"))))"#;

#[test]
fn results() {
    check(SCALAR, "(i32.add (local.get 0) (local.get 1))", "(i32.const 7)", false);
    // Differs for negative numbers only.
    check(SCALAR, "local.get 1", "(i32.and (local.get 1) (i32.const 0xff))", false);
    check(SCALAR, "local.get 0", "(i32.add (i32.const 0) (local.get 0))", true);
}

#[test]
fn traps() {
    check(SCALAR, "unreachable", "(i32.const 0)", false);
    // Two kinds of trap are alike.
    check(SCALAR, "unreachable", "(i32.div_u (i32.const 0) (i32.const 0))", true);
    let text = SCALAR.replace("HERE", "unreachable");
    let report = run(&text, &text);
    let same_again = |call: &Call| call.after_trap && call.verdict == Verdict::Same;
    assert!(report.calls.iter().any(same_again), "{report:?}");
}

#[test]
fn each_way_in_which_a_function_goes_has_a_line() {
    let text = SCALAR.replace(
        "HERE",
        "(if (i32.and (local.get 0) (i32.const 1)) (then
            (if (i32.and (local.get 0) (i32.const 2)) (then unreachable))
            (return (i32.div_u (i32.const 1) (i32.const 0)))))
         local.get 0",
    );
    let report = run(&text, &text);
    let written = report.to_string();
    let mut total = 0;
    for (way, trapped, after_trap) in [
        (" returned ", false, false),
        (" trapped: wasm trap: wasm `unreachable` instruction executed", true, false),
        (" trapped: wasm trap: integer divide by zero", true, false),
        (", after a trap, trapped: wasm trap: cannot enter component instance", true, true),
    ] {
        let of_this_way = |call: &&Call| match &call.fused.ended {
            Ended::Trapped(reason) => trapped && way.ends_with(reason),
            _ => !trapped,
        };
        let calls: Vec<_> = report.calls[1..].iter().filter(of_this_way).collect();
        assert!(calls.iter().all(|call| call.after_trap == after_trap), "{written}");
        total += calls.len();
        let times = match calls.len() {
            1 => "once".to_string(),
            count => format!("{count} times"),
        };
        let line = format!("same, {times}: f{}{way}", calls[0].arguments);
        assert_eq!(written.matches(&line).count(), 1, "no `{line}` in\n{written}");
    }
    assert_eq!(total, report.calls.len() - 1, "{written}");
}

#[test]
fn functions_that_differ_now_and_then_say_how_they_went_otherwise() {
    let (whole, masked) = ("local.get 1", "(i32.and (local.get 1) (i32.const 0xff))");
    let report = run(&SCALAR.replace("HERE", whole), &SCALAR.replace("HERE", masked));
    let (same, different) = (report.count(Verdict::Same) - 1, report.count(Verdict::Different));
    assert!(same > 1 && different > 1, "{report}");
    assert!(report.to_string().contains(&format!("same, {same} times: f")), "{report}");
}

/// The verdicts of all calls but the instantiation.
fn verdicts(report: &Report) -> Vec<Verdict> {
    report.calls[1..].iter().map(|call| call.verdict).collect()
}

#[test]
fn endless_loops_are_inconclusive() {
    let fast = Options { fuel: 10_000, ..Options::default() };
    let endless = SCALAR.replace("HERE", "(loop (br 0)) unreachable");
    for other in
        [&endless, &SCALAR.replace("HERE", "unreachable"), &SCALAR.replace("HERE", "local.get 0")]
    {
        for (a, b) in [(&endless, other), (other, &endless)] {
            let report = compare(a.as_bytes(), b.as_bytes(), &fast).unwrap();
            // A second call would take as long and tell as little.
            assert_eq!(verdicts(&report), [Verdict::Inconclusive], "{report}");
            assert!(!report.same() && !report.different());
            assert!(
                report
                    .to_string()
                    .ends_with("2 calls, 0 different, 1 inconclusive; 0 functions skipped\n")
            );
            assert!(report.to_string().contains("\ninconclusive, once: f("), "{report}");
            assert!(report.to_string().contains("given up: out of fuel"), "{report}");
            assert_eq!(report.out_of_fuel(), ["f"]);
            assert!(report.engine_failed().is_empty() && report.limited().is_empty());
        }
    }
}

#[test]
fn endless_recursion_is_inconclusive() {
    let template = r#"(component
        (core module $m (func $f (export "f") (param i64) (result i32) HERE))
        (core instance $i (instantiate $m))
        (func (export "f") (param "a" u64) (result u32) (canon lift (core func $i "f"))))"#;
    let endless = template.replace("HERE", "(call $f (i64.add (i64.const 1) (local.get 0)))");
    for other in [&endless, &template.replace("HERE", "i32.const 1")] {
        let report = run(&endless, other);
        assert_eq!(verdicts(&report), [Verdict::Inconclusive], "{report}");
        assert!(
            report.to_string().contains("given up: wasm trap: call stack exhausted"),
            "{report}"
        );
        assert_eq!(report.limited(), ["f"]);
        assert!(report.engine_failed().is_empty() && report.out_of_fuel().is_empty());
    }
}

#[test]
fn an_endless_start_function_is_tried_once() {
    let text = r#"(component
        (core module $m (func $s (loop (br 0))) (start $s) (func (export "f")))
        (core instance $i (instantiate $m))
        (func (export "f") (canon lift (core func $i "f"))))"#;
    let fast = Options { fuel: 10_000, ..Options::default() };
    let report = compare(text.as_bytes(), text.as_bytes(), &fast).unwrap();
    assert_eq!(report.calls.len(), 1, "{report}");
    assert_eq!(report.count(Verdict::Inconclusive), 1, "{report}");
}

#[test]
fn a_memory_that_is_too_large_is_inconclusive() {
    let text = r#"(component (core module $m (memory 5000)) (core instance (instantiate $m)))"#;
    let report = run(text, text);
    assert_eq!(report.count(Verdict::Inconclusive), 1, "{report}");
    assert!(report.to_string().contains("given up: a memory of more than 256 MiB"), "{report}");
}

#[test]
fn functions_that_cannot_be_called_are_listed() {
    let text = r#"(component
        (core module $m (func (export "f")) (func $start START) (start $start))
        (core instance $i (instantiate $m))
        (func (export "f") (canon lift (core func $i "f"))))"#;
    let traps = text.replace("START", "unreachable");
    let report = run(&traps, &traps);
    assert_eq!(verdicts(&report), [], "{report}");
    assert!(report.nothing_called(), "{report}");
    let skipped: Vec<&str> = report.skipped.iter().map(|s| s.function.as_str()).collect();
    assert_eq!(skipped, ["f"], "{report}");
    let starts = text.replace("START", "");
    let report = run(&starts, &starts);
    assert!(!report.nothing_called() && report.skipped.is_empty(), "{report}");
    let nothing = "(component)";
    assert!(!run(nothing, nothing).nothing_called());
}

#[test]
fn a_host_without_an_answer_is_inconclusive() {
    let text = r#"(component
        (import "make" (func $make (result (stream u8))))
        (core func $make (canon lower (func $make)))
        (core module $m (import "" "make" (func $make (result i32)))
            (func (export "f") (drop (call $make))))
        (core instance $i (instantiate $m (with "" (instance (export "make" (func $make))))))
        (func (export "f") (canon lift (core func $i "f"))))"#;
    let report = run(text, text);
    assert_eq!(verdicts(&report), [Verdict::Inconclusive], "{report}");
    assert!(report.to_string().contains("given up: no answer can be made for `make`"), "{report}");
}

#[test]
fn state_is_seen_within_one_instance() {
    let template = r#"(component
        (core module $m
            (global $g (mut i32) (i32.const 0))
            (func (export "f") (result i32)
                (global.set $g (i32.add (global.get $g) (i32.const HERE)))
                global.get $g))
        (core instance $i (instantiate $m))
        (func (export "f") (result u32) (canon lift (core func $i "f"))))"#;
    check(template, "1", "2", false);
    // The first call tells nothing: only a second one on the same instance does.
    let once = template.replace("HERE", "1");
    let twice = once.replace("(i32.const 1)", "(i32.add (i32.const 1) (global.get $g))");
    assert!(!run(&once, &twice).same());
    let fresh = Options { sequence: Sequence::FreshInstances, ..Options::default() };
    assert!(compare(once.as_bytes(), twice.as_bytes(), &fresh).unwrap().same());
    let report = compare(once.as_bytes(), once.as_bytes(), &fresh).unwrap();
    assert!(
        report
            .calls
            .iter()
            .skip(1)
            .all(|call| { matches!(&call.original.ended, Ended::Returned(value) if value == "1") })
    );
}

#[test]
fn host_calls_are_part_of_the_outcome() {
    let template = r#"(component
        (import "a:b/c" (instance $c
            (export "log" (func (param "text" string) (result u32)))
            (export "tick" (func (result bool)))))
        (core module $libc (memory (export "memory") 1) (data (i32.const 16) "grape")
            (func (export "realloc") (param i32 i32 i32 i32) (result i32) i32.const 64))
        (core instance $libc (instantiate $libc))
        (core func $log (canon lower (func $c "log") (memory (core memory $libc "memory"))
            (realloc (core func $libc "realloc"))))
        (core func $tick (canon lower (func $c "tick")))
        (core module $m
            (import "" "log" (func $log (param i32 i32) (result i32)))
            (import "" "tick" (func $tick (result i32)))
            (func (export "f") (result i32) HERE))
        (core instance $i (instantiate $m (with "" (instance
            (export "log" (func $log)) (export "tick" (func $tick))))))
        (func (export "f") (result u32) (canon lift (core func $i "f"))))"#;
    let log = "(call $log (i32.const 16) (i32.const 5))";
    check(template, log, "(call $log (i32.const 16) (i32.const 4))", false);
    check(template, &format!("(drop (call $tick)) {log}"), log, false);
    check(
        template,
        &format!("(drop (call $tick)) {log}"),
        &format!("{log} (drop (call $tick))"),
        false,
    );
    let text = template.replace("HERE", log);
    let report = run(&text, &text);
    let call = &report.calls[1].original.host_calls[0];
    assert_eq!((&*call.function, &*call.arguments), ("a:b/c#log", "(\"grape\")"));
}

#[test]
fn host_calls_before_a_limit_are_compared() {
    let text = r#"(component
        (import "tick" (func $tick (param "n" u32)))
        (core func $tick (canon lower (func $tick)))
        (core module $m (import "" "tick" (func $tick (param i32)))
            (func (export "f") HERE))
        (core instance $i (instantiate $m (with "" (instance (export "tick" (func $tick))))))
        (func (export "f") (canon lift (core func $i "f"))))"#;
    let endless = text.replace("HERE", "(loop (call $tick (i32.const 1)) (br 0))");
    let report = run(&endless, &endless);
    assert_eq!(verdicts(&report), [Verdict::Inconclusive], "{report}");
    assert!(report.to_string().contains("given up: more than 10000 calls of imports"), "{report}");
    // One side ends, or stops calling: as far as the calls go they go alike, or they do not.
    let stuck = "(call $tick (i32.const 1)) (loop (br 0))";
    let other = "(loop (call $tick (i32.const 2)) (br 0))";
    let fast = Options { fuel: 10_000, ..Options::default() };
    for (a, b, expected) in [
        (stuck, "(call $tick (i32.const 1))", Verdict::Inconclusive),
        (stuck, "(call $tick (i32.const 1)) (call $tick (i32.const 2))", Verdict::Inconclusive),
        (stuck, "", Verdict::Different),
        (stuck, "(call $tick (i32.const 2))", Verdict::Different),
        (stuck, other, Verdict::Different),
        (stuck, "(call $tick (i32.const 1)) (loop (br 0))", Verdict::Inconclusive),
    ] {
        for (a, b) in [(a, b), (b, a)] {
            let (a, b) = (text.replace("HERE", a), text.replace("HERE", b));
            let report = compare(a.as_bytes(), b.as_bytes(), &fast).unwrap();
            assert_eq!(report.calls[1].verdict, expected, "{report}");
        }
    }
}

#[test]
fn resources_of_the_host() {
    let template = r#"(component
        (import "a:b/types" (instance $types (export "r" (type (sub resource)))))
        (alias export $types "r" (type $r))
        (import "a:b/use" (instance $use
            (alias outer 1 $r (type $r0)) (export "r" (type $r1 (eq $r0)))
            (export "make" (func (result (own $r1))))
            (export "look" (func (param "r" (borrow $r1)) (result u32)))))
        (core func $make (canon lower (func $use "make")))
        (core func $look (canon lower (func $use "look")))
        (core func $drop (canon resource.drop $r))
        (core module $m
            (import "" "make" (func $make (result i32)))
            (import "" "look" (func $look (param i32) (result i32)))
            (import "" "drop" (func $drop (param i32)))
            (func (export "f") (result i32) (local $h i32) (local $x i32)
                (local.set $h (call $make))
                (local.set $x (call $look (local.get $h)))
                HERE
                (local.get $x)))
        (core instance $i (instantiate $m (with "" (instance
            (export "make" (func $make)) (export "look" (func $look)) (export "drop" (func $drop))))))
        (func (export "f") (result u32) (canon lift (core func $i "f"))))"#;
    check(template, "(call $drop (local.get $h))", "", false);
    let text = template.replace("HERE", "(call $drop (local.get $h))");
    let report = run(&text, &text);
    let names: Vec<_> =
        report.calls[1].original.host_calls.iter().map(|call| &*call.function).collect();
    assert_eq!(names, ["a:b/use#make", "a:b/use#look", "(drop)"]);
}

#[test]
fn every_plain_type_goes_there_and_back() {
    // The guest returns its argument where it stands: what `realloc` was given is what comes back.
    let types = [
        "bool",
        "s8",
        "u8",
        "s16",
        "u16",
        "s32",
        "u32",
        "s64",
        "u64",
        "f32",
        "f64",
        "char",
        "string",
        "(list u8)",
        "(list string)",
        "(list (list char))",
        "(list u16 3)",
    ];
    let mut text = String::from(
        r#"(component
        (core module $m (memory (export "memory") 32)
            (global $next (mut i32) (i32.const 1024))
            (func (export "realloc") (param i32 i32 i32 i32) (result i32)
                (global.set $next (i32.and (i32.add (global.get $next) (i32.const 31))
                    (i32.const -16)))
                global.get $next
                (global.set $next (i32.add (global.get $next) (local.get 3))))
            (func (export "reset") (param i32) (global.set $next (i32.const 1024)))
            (func (export "f") (param i32) (result i32) (local.get 0)))
        (core instance $i (instantiate $m))"#,
    );
    let mut outer = String::new();
    // Seventeen parameters go through memory and so does the record that comes back.
    for (i, ty) in types.iter().enumerate() {
        text.push_str(&format!("(type $t{i} {})", ty));
        outer.push_str(&format!("(field \"f{i}\" $t{i}) "));
    }
    text.push_str(&format!("(type $big0 (record {outer}))"));
    text.push_str("(export $big \"big\" (type $big0))");
    let named = r#"
        (type $v0 (variant (case "a" $big) (case "b") (case "c" f64)))
        (export $v "v" (type $v0))
        (type $e0 (enum "x" "y" "z")) (export $e "e" (type $e0))
        (type $fl0 (flags "p" "q" "r")) (export $fl "fl" (type $fl0))
        (type $all0 (record (field "v" $v) (field "e" $e) (field "o" (option $fl))
            (field "r" (result $e (error string))) (field "t" (tuple u8 u64 char $big))))
        (export $all "all" (type $all0))
        (func (export "f") (param "x" $all) (result $all) (canon lift (core func $i "f")
            (memory (core memory $i "memory")) (realloc (core func $i "realloc"))
            (post-return (core func $i "reset")))))"#;
    text.push_str(named);
    let report = run(&text, &text);
    assert!(report.same(), "{report}");
    assert_eq!(report.calls.len(), 17);
    for call in &report.calls[1..] {
        let Ended::Returned(value) = &call.original.ended else { panic!("{call:?}") };
        if !value.contains(" bytes, hash ") {
            assert_eq!(format!("({value})"), call.arguments);
        }
    }
}

#[test]
fn worlds() {
    let empty = run("(component)", &SCALAR.replace("HERE", "local.get 0"));
    assert_eq!(empty.world, ["export `f` is new"]);
    let gone = run(&SCALAR.replace("HERE", "local.get 0"), "(component)");
    assert_eq!(gone.world, ["export `f` is missing"]);
    let text = SCALAR.replace("HERE", "local.get 0");
    let report = run(&text, &text.replace("\"b\" s8", "\"b\" u8"));
    assert_eq!(report.world.len(), 1, "{report}");
    assert!(!report.same());
}

#[test]
fn what_cannot_be_generated_is_skipped() {
    let text = r#"(component
        (type $r' (resource (rep i32)))
        (export $r "r" (type $r'))
        (core func $drop (canon resource.drop $r'))
        (func (export "take") (param "x" (own $r)) (canon lift (core func $drop))))"#;
    let report = run(text, text);
    assert_eq!(report.skipped[0].function, "take");
    assert_eq!(report.skipped[0].reason, "takes a resource that no function returned so far");
}

/// The host makes, lends, passes and drops what a guest defines, and the guest counts.
#[test]
fn resources_of_guests() {
    let template = r#"(component
        (core module $state
            (global (export "live") (mut i32) (i32.const 0)))
        (core instance $state (instantiate $state))
        (core module $dtor
            (import "state" "live" (global $live (mut i32)))
            (func (export "dtor") (param i32)
                (global.set $live (i32.sub (global.get $live) (i32.const 1)))))
        (core instance $dtor (instantiate $dtor (with "state" (instance $state))))
        (type $r' (resource (rep i32) (dtor (core func $dtor "dtor"))))
        (export $r "r" (type $r'))
        (core func $new (canon resource.new $r'))
        (core func $rep (canon resource.rep $r'))
        (core func $drop (canon resource.drop $r'))
        (core module $m
            (import "state" "live" (global $live (mut i32)))
            (import "" "new" (func $new (param i32) (result i32)))
            (import "" "rep" (func $rep (param i32) (result i32)))
            (import "" "drop" (func $drop (param i32)))
            (func (export "take") (param i32) (result i32)
                (call $rep (local.get 0))
                (call $drop (local.get 0)))
            (func (export "look") (param i32) (result i32) HERE)
            (func (export "live") (result i32) (global.get $live))
            (func (export "make") (param i32) (result i32)
                (global.set $live (i32.add (global.get $live) (i32.const 1)))
                (call $new (local.get 0))))
        (core instance $m (instantiate $m (with "state" (instance $state)) (with "" (instance
            (export "new" (func $new)) (export "rep" (func $rep)) (export "drop" (func $drop))))))
        (func (export "take") (param "x" (own $r)) (result u32) (canon lift (core func $m "take")))
        (func (export "look") (param "x" (borrow $r)) (result u32)
            (canon lift (core func $m "look")))
        (func (export "live") (result u32) (canon lift (core func $m "live")))
        (func (export "make") (param "x" u32) (result (own $r))
            (canon lift (core func $m "make"))))"#;
    check(template, "local.get 0", "(i32.const 7)", false);
    let text = template.replace("HERE", "local.get 0");
    let report = run(&text, &text);
    assert!(report.skipped.is_empty(), "{report}");
    let of = |name: &str| report.calls.iter().filter(|call| call.function == name).count();
    for name in ["take", "look", "make", "(drop)"] {
        assert!(of(name) > 3, "{name}: {report}");
    }
    // A destructor that runs once too often.
    let wrong = text.replace("(i32.sub (global.get $live) (i32.const 1))", "(i32.const 0)");
    assert!(run(&text, &wrong).different());
}

#[test]
fn start_functions_are_compared() {
    let template = r#"(component
        (core module $m (func $f HERE) (start $f))
        (core instance $i (instantiate $m)))"#;
    let report = run(&template.replace("HERE", ""), &template.replace("HERE", "unreachable"));
    assert!(!report.same(), "{report}");
}

#[test]
fn async_functions_are_called() {
    let text = r#"(component
        (core module $m
            (import "" "return" (func $return (param i32)))
            (func (export "f") (param i32) (result i32) (call $return (local.get 0)) (i32.const 0))
            (func (export "callback") (param i32 i32 i32) (result i32) unreachable))
        (core func $return (canon task.return (result u32)))
        (core instance $i (instantiate $m (with "" (instance (export "return" (func $return))))))
        (func (export "f") async (param "x" u32) (result u32) (canon lift (core func $i "f") async
            (callback (core func $i "callback")))))"#;
    let report = run(text, text);
    assert!(report.same(), "{report}");
    let Ended::Returned(value) = &report.calls[1].original.ended else { panic!("{report:?}") };
    assert_eq!(format!("({value})"), report.calls[1].arguments);
}

/// Which check of meld's a trap is stands in the backtrace only.
#[test]
fn traps_are_called_as_meld_calls_them() {
    let (plain, named) =
        (SCALAR.replace("HERE", "unreachable"), SCALAR.replace("HERE", "(call $t) unreachable"));
    let trap = "(func $t (@name \"meld:trap:list-too-long\") unreachable) (func (export";
    let named = named.replacen("(func (export", trap, 1);
    let report = run(&plain, &named);
    assert!(report.same(), "{report}");
    assert!(report.to_string().contains("(meld:trap:list-too-long)"), "{report}");
    let ended = &report.calls[1].original.ended;
    assert!(matches!(ended, Ended::Trapped(reason) if !reason.contains("meld:")), "{report:?}");
    let json = serde_json::to_value(&report).unwrap();
    let reason = json["calls"][1]["fused"]["ended"]["trapped"].as_str().unwrap();
    assert!(reason.ends_with("(meld:trap:list-too-long)"), "{reason}");
}

#[test]
fn errors_name_the_item() {
    let options = Options::default();
    let error = compare(b"(component)", b"\0asm", &options).unwrap_err().to_string();
    assert!(error.starts_with("the fused one is not valid"), "{error}");
    let text = r#"(component (import "m" (core module)))"#;
    let error = compare(text.as_bytes(), text.as_bytes(), &options).unwrap_err().to_string();
    assert!(error.contains("`m` is a module or component import"), "{error}");
    assert!(call(b"(component)", "f", &options).unwrap_err().to_string().contains("`f`"));
}

#[test]
fn reports_are_the_same_every_time_and_serialize() {
    let (a, b) = (SCALAR.replace("HERE", "local.get 0"), SCALAR.replace("HERE", "local.get 1"));
    let json = |report: Report| serde_json::to_string(&report).unwrap();
    assert_eq!(json(run(&a, &b)), json(run(&a, &b)));
    assert!(json(run(&a, &b)).contains("\"verdict\":\"different\""));
    let text = run(&a, &b).to_string();
    assert!(text.contains("  original: returned "), "{text}");
    assert!(text.lines().last().unwrap().contains("17 calls, "), "{text}");
}

#[test]
fn core_strings() {
    let module = wat::parse_str(
        r#"(module (memory (export "memory") 1)
            (data (i32.const 8) "\10\00\00\00\05\00\00\00grape")
            (func (export "run") (result i32) i32.const 8)
            (func (export "far") (result i32) i32.const 65535)
            (func (export "cabi_post_run") (param i32)
                (i32.store (i32.const 8) (i32.const 0))))"#,
    )
    .unwrap();
    for engine in crate::core_run::EngineKind::all() {
        let run = |export| crate::core_run::call_string(*engine, &module, export, Text::Utf8);
        assert_eq!(run("run").unwrap(), "grape");
        assert!(run("far").is_err() && run("gone").is_err());
    }
}

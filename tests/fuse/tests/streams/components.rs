//! Streams between core modules of components: the host's intrinsics come from a core module that the
//! root imports. In both forms of the output.

use crate::harness::{ALL, FUTURES, guest_with};
use crate::roots::{
    ASYNC, MAKER, NAME, READER, RESULT, UNREACHABLE, component_form, core_form, fuser, refused,
};

fn maker() -> String {
    format!(
        r#"(component
          (import "{NAME}" (core module $async
            (export "stream_new" (func (result i64)))
            (export "stream_write" (func (param i32 i32 i32 i32) (result i32)))))
          (core instance $async (instantiate $async))
          (core module $m {MAKER})
          (core instance $m (instantiate $m (with "pulseengine:async" (instance $async))))
          (func (export "make") (result u32) (canon lift (core func $m "make"))))"#
    )
}

fn reader() -> String {
    format!(
        r#"(component
          (import "make" (func $make (result u32)))
          (import "{NAME}" (core module $async
            (export "stream_read" (func (param i32 i32 i32 i32) (result i32)))))
          (core instance $async (instantiate $async))
          (alias core export $async "stream_read" (core func $read))
          (core func $make (canon lower (func $make)))
          (core module $m {READER})
          (core instance $m (instantiate $m
            (with "pulseengine:async" (instance (export "stream_read" (func $read))))
            (with "" (instance (export "make" (func $make))))))
          (func (export "run") (result u32) (canon lift (core func $m "run"))))"#
    )
}

#[test]
fn streams_between_components_never_reach_the_host() {
    let fuser = fuser(&[reader(), maker()]);
    core_form(&fuser, |module| {
        assert_eq!(module.call("run", &[]), Ok(RESULT));
        assert_eq!(module.host().calls, []);
    });
    assert_eq!(component_form(&fuser, UNREACHABLE).unwrap(), RESULT as u32);
}

/// The one in the middle knows nothing of streams: it is given a number and returns it.
#[test]
fn a_handle_passes_through_a_third_component() {
    let middle = r#"(component
      (core module $m
        (global $kept (mut i32) (i32.const 0))
        (func (export "pass") (param i32) (result i32)
          (global.set $kept (local.get 0))
          (global.get $kept)))
      (core instance $m (instantiate $m))
      (func (export "pass") (param "handle" u32) (result u32) (canon lift (core func $m "pass"))))"#;
    let reader = format!(
        r#"(component
          (import "make" (func $make (result u32)))
          (import "pass" (func $pass (param "handle" u32) (result u32)))
          (import "{NAME}" (core module $async
            (export "stream_read" (func (param i32 i32 i32 i32) (result i32)))))
          (core instance $async (instantiate $async))
          (core func $make (canon lower (func $make)))
          (core func $pass (canon lower (func $pass)))
          (core module $passed
            (import "" "make" (func $make (result i32)))
            (import "" "pass" (func $pass (param i32) (result i32)))
            (func (export "make") (result i32) (call $pass (call $make))))
          (core instance $passed (instantiate $passed
            (with "" (instance (export "make" (func $make)) (export "pass" (func $pass))))))
          (core module $m {READER})
          (core instance $m (instantiate $m
            (with "pulseengine:async" (instance $async))
            (with "" (instance $passed))))
          (func (export "run") (result u32) (canon lift (core func $m "run"))))"#
    );
    let fuser = fuser(&[reader, maker(), middle.to_string()]);
    core_form(&fuser, |module| {
        assert_eq!(module.call("run", &[]), Ok(RESULT));
        assert_eq!(module.host().calls, []);
    });
    assert_eq!(component_form(&fuser, UNREACHABLE).unwrap(), RESULT as u32);
}

/// A root whose components `a` and `b` have all functions, the host's by way of an imported module. It
/// makes two streams and two futures, of which the first ones are to be inside, and does with each all that
/// can be done; then one more stream, which is the host's again. What the host returns counts towards the
/// result.
fn everything() -> String {
    let functions: String = ALL
        .iter()
        .chain(&FUTURES)
        .map(|name| format!(r#"(export "{name}" (func {}))"#, ty_of(name)))
        .collect();
    let all: Vec<&str> = ALL.into_iter().chain(FUTURES).collect();
    // What guests export: they name their memory themselves.
    let own_ty = |name: &str| match name.ends_with("_read") || name.ends_with("_write") {
        true if !name.contains("cancel") => ty_of(name).replacen("i32 ", "", 1),
        _ => ty_of(name).to_string(),
    };
    let lifted = |name: &str| {
        let ty = own_ty(name);
        let params: String = (0..ty.split("(result").next().unwrap().matches("i32").count())
            .map(|n| format!(r#"(param "p{n}" s32)"#))
            .collect();
        let result = ["i32", "i64"]
            .iter()
            .find(|ty_of| ty.contains(&format!("(result {ty_of})")))
            .map_or(String::new(), |ty| format!("(result {})", ty.replacen('i', "s", 1)));
        params + &result
    };
    let guests: String = ["a", "b"]
        .iter()
        .map(|name| {
            let module = guest_with(name, &all, "(memory 1)");
            let module = module.replacen("(module", "(core module $m", 1);
            let exports: String = all
                .iter()
                .map(|of| {
                    format!(
                        r#"(func (export "{}") {}
                             (canon lift (core func $m "{name}_{of}")))"#,
                        of.replace('_', "-"),
                        lifted(of)
                    )
                })
                .collect();
            format!(
                r#"(component ${name}
                     (import "async" (core module $async {functions}))
                     (core instance $async (instantiate $async))
                     {module}
                     (core instance $m
                       (instantiate $m (with "pulseengine:async" (instance $async))))
                     {exports})
                   (instance ${name}
                     (instantiate ${name} (with "async" (core module $async))))"#
            )
        })
        .collect();
    // Of `a`: what makes and writes. Of `b`: what reads.
    let lowered: String = all
        .iter()
        .map(|name| {
            let (exported, ty) = (name.replace('_', "-"), lifted(name));
            format!(
                r#"(import "{exported}" (func ${name} {ty}))
                   (core func ${name} (canon lower (func ${name})))"#
            )
        })
        .collect();
    let given: String = all
        .iter()
        .map(|name| {
            let of = if name.contains("read") { "b" } else { "a" };
            let exported = name.replace('_', "-");
            format!(r#"(with "{exported}" (func ${of} "{exported}"))"#)
        })
        .collect();
    let supplied: String =
        all.iter().map(|name| format!(r#"(export "{name}" (func ${name}))"#)).collect();
    let imports: String = all
        .iter()
        .map(|name| format!(r#"(import "" "{name}" (func ${name} {}))"#, own_ty(name)))
        .collect();
    let inside: String = [
        ("(call $stream_write (call $writable (local.get $s)) (i32.const 8) (i32.const 5))", 5),
        ("(call $stream_cancel_write (call $writable (local.get $s)))", 0),
        ("(call $stream_cancel_read (call $readable (local.get $s)))", 0),
        ("(call $stream_read (call $readable (local.get $s)) (i32.const 16) (i32.const 50))", 5),
        ("(call $stream_read (call $readable (local.get $s)) (i32.const 16) (i32.const 50))", -5),
        ("(call $future_read (call $readable (local.get $f)) (i32.const 16))", 0),
        ("(call $future_write (call $writable (local.get $f)) (i32.const 8))", 1),
        ("(call $future_cancel_write (call $writable (local.get $f)))", 0),
        ("(call $future_cancel_read (call $readable (local.get $f)))", 0),
        ("(call $future_read (call $readable (local.get $f)) (i32.const 16))", 1),
    ]
    .iter()
    .map(|(call, result)| format!("(if (i32.ne {call} (i32.const {result})) (then unreachable))\n"))
    .collect();
    let of_the_host: String = [
        "(call $stream_write (call $writable (local.get $h)) (i32.const 8) (i32.const 5))",
        "(call $stream_read (call $readable (local.get $h)) (i32.const 16) (i32.const 50))",
        "(call $stream_cancel_write (call $writable (local.get $h)))",
        "(call $stream_cancel_read (call $readable (local.get $h)))",
        "(call $future_write (call $writable (local.get $g)) (i32.const 8))",
        "(call $future_read (call $readable (local.get $g)) (i32.const 16))",
        "(call $future_cancel_write (call $writable (local.get $g)))",
        "(call $future_cancel_read (call $readable (local.get $g)))",
    ]
    .iter()
    .map(|call| {
        format!("(local.set $sum (i32.add (i32.mul (local.get $sum) (i32.const 10)) {call}))\n")
    })
    .collect();
    format!(
        r#"(component
          (import "{NAME}" (core module $async {functions}))
          {guests}
          (component $driver
          {lowered}
          (core module $driver {imports}
            (func $readable (param i64) (result i32) (i32.wrap_i64 (local.get 0)))
            (func $writable (param i64) (result i32)
              (i32.wrap_i64 (i64.shr_u (local.get 0) (i64.const 32))))
            (func $drop (param $stream i64) (param $future i64)
              (call $stream_drop_writable (call $writable (local.get $stream)))
              (call $stream_drop_readable (call $readable (local.get $stream)))
              (call $future_drop_writable (call $writable (local.get $future)))
              (call $future_drop_readable (call $readable (local.get $future))))
            (func (export "run") (result i32)
              (local $s i64) (local $h i64) (local $f i64) (local $g i64) (local $sum i32)
              (local.set $s (call $stream_new))
              (local.set $h (call $stream_new))
              (local.set $f (call $future_new))
              (local.set $g (call $future_new))
              {inside}
              (local.set $sum (i32.const 1))
              {of_the_host}
              (call $drop (local.get $h) (local.get $g))
              (local.set $sum
                (i32.add
                  (i32.mul (local.get $sum) (i32.const 10))
                  (call $stream_cancel_read (call $readable (call $stream_new)))))
              (call $drop (local.get $s) (local.get $f))
              (local.get $sum)))
          (core instance $driver (instantiate $driver (with "" (instance {supplied}))))
          (func (export "run") (result u32) (canon lift (core func $driver "run"))))
          (instance $driver (instantiate $driver {given}))
          (export "run" (func $driver "run")))"#
    )
}

/// The type of a function of the host.
fn ty_of(name: &str) -> &'static str {
    match name {
        "stream_new" | "future_new" => "(result i64)",
        "stream_read" | "stream_write" => "(param i32 i32 i32 i32) (result i32)",
        "future_read" | "future_write" => "(param i32 i32 i32) (result i32)",
        name if name.contains("cancel") => "(param i32) (result i32)",
        _ => "(param i32)",
    }
}

/// What reaches the host, in order: the function, the handle that it is given, and what it returns. It
/// cannot see the guests' memories, which the fused module does not export.
const OF_THE_HOST: [(&str, Option<i32>, &str); 16] = [
    ("stream_new", None, "(i64.const 0x1_0000_0000)"),
    ("future_new", None, "(i64.const 0x3_0000_0002)"),
    ("stream_write", Some(1), "(i32.const -6)"),
    ("stream_read", Some(0), "(i32.const -6)"),
    ("stream_cancel_write", Some(1), "(i32.const 1)"),
    ("stream_cancel_read", Some(0), "(i32.const 1)"),
    ("future_write", Some(3), "(i32.const 0)"),
    ("future_read", Some(2), "(i32.const 0)"),
    ("future_cancel_write", Some(3), "(i32.const 1)"),
    ("future_cancel_read", Some(2), "(i32.const 1)"),
    ("stream_drop_writable", Some(1), ""),
    ("stream_drop_readable", Some(0), ""),
    ("future_drop_writable", Some(3), ""),
    ("future_drop_readable", Some(2), ""),
    ("stream_new", None, "(i64.const 0x5_0000_0004)"),
    ("stream_cancel_read", Some(4), "(i32.const 1)"),
];

#[test]
fn the_host_of_a_component_is_asked_when_no_slot_is_left() {
    let fuser = fuser(&[everything()])
        .set("streams.slots", "1")
        .set("streams.future-slots", "1")
        .set("streams.future-bytes", "4");
    // A digit for each result.
    let sum = [-6, -6, 1, 1, 0, 0, 1, 1, 1].iter().fold(1_i32, |sum, result| sum * 10 + result);
    core_form(&fuser, |module| {
        assert_eq!(module.call("run", &[]), Ok(sum.into()));
        let calls = module.host().calls.iter();
        let found: Vec<_> = calls.map(|(name, args)| (*name, args.first().copied())).collect();
        assert_eq!(found, OF_THE_HOST.map(|(name, handle, _)| (name, handle)));
        // Of memories it is told one that there is.
        assert!(module.host().calls.iter().all(|(_, args)| args.get(2) != Some(&-1)));
        assert!(module.host().calls.iter().all(|(_, args)| args.get(3) != Some(&-1)));
    });
    // A host that traps on any other call. Each of the two guests instantiates it, and both are given one instance. The
    // last calls come when all ends have been dropped.
    let functions = ALL.iter().chain(&FUTURES).map(|name| {
        let calls = OF_THE_HOST.iter().enumerate().filter(|(_, (of, ..))| of == name);
        let body: String = calls
            .map(|(step, (_, handle, result))| {
                let check = handle.map_or(String::new(), |handle| {
                    format!("(if (i32.ne (local.get 0) (i32.const {handle})) (then unreachable))")
                });
                let next = step + 1;
                format!(
                    r#"(if (i32.eq (global.get $step) (i32.const {step})) (then
                         {check}
                         (global.set $step (i32.const {next}))
                         (return {result})))"#
                )
            })
            .collect();
        format!(r#"(func (export "{name}") {} {body} unreachable)"#, ty_of(name))
    });
    let functions: String = functions.collect();
    let host = format!("(module (global $step (mut i32) (i32.const 0)) {functions})");
    assert_eq!(component_form(&fuser, &host).unwrap(), sum as u32);
}

/// What a component does with the core module that another one exports.
const CARRIED: &str = r#"
  (import "maker" (core module $maker
    (import "pulseengine:async" "stream_new" (func (result i64)))
    (import "pulseengine:async" "stream_write" (func (param i32 i32 i32 i32) (result i32)))
    (export "make" (func (result i32)))))
  (core instance $async (instantiate $async))
  (core instance $maker (instantiate $maker (with "pulseengine:async" (instance $async))))
  (func (export "make") (result u32) (canon lift (core func $maker "make")))"#;

/// A component exports a core module, another one imports and instantiates it.
#[test]
fn a_core_module_may_be_carried_by_another_component() {
    let root = format!(
        r#"(component
          (import "{NAME}" {ASYNC})
          (component $library
            (core module $maker {MAKER})
            (export "maker" (core module $maker)))
          (component $user (import "host" {ASYNC}) {CARRIED})
          (component $reader
            (import "host" {ASYNC})
            (import "make" (func $make (result u32)))
            (core instance $async (instantiate $async))
            (core func $make (canon lower (func $make)))
            (core module $reader {READER})
            (core instance $reader (instantiate $reader
              (with "pulseengine:async" (instance $async))
              (with "" (instance (export "make" (func $make))))))
            (func (export "run") (result u32) (canon lift (core func $reader "run"))))
          (instance $library (instantiate $library))
          (instance $user (instantiate $user
            (with "host" (core module $async))
            (with "maker" (core module $library "maker"))))
          (instance $reader (instantiate $reader
            (with "host" (core module $async))
            (with "make" (func $user "make"))))
          (export "run" (func $reader "run")))"#
    );
    let fuser = fuser(&[root]);
    core_form(&fuser, |module| {
        assert_eq!(module.call("run", &[]), Ok(RESULT));
        assert_eq!(module.host().calls, []);
    });
    assert_eq!(component_form(&fuser, UNREACHABLE).unwrap(), RESULT as u32);
}

/// The same between two inputs, which are composed first.
#[test]
fn a_core_module_may_be_supplied_by_composing() {
    let library = format!(
        r#"(component (core module $maker {MAKER}) (export "maker" (core module $maker)))"#
    );
    let user = format!(r#"(component (import "{NAME}" {ASYNC}) {CARRIED})"#);
    let fuser = fuser(&[reader(), user, library]);
    core_form(&fuser, |module| assert_eq!(module.call("run", &[]), Ok(RESULT)));
    assert_eq!(component_form(&fuser, UNREACHABLE).unwrap(), RESULT as u32);
}

#[test]
fn canonical_streams_are_refused_with_the_reason() {
    refused(
        r#"(component
          (component $a
            (type $s (stream u8))
            (core func $new (canon stream.new $s))
            (core module $m
              (import "" "new" (func $new (result i64)))
              (func (export "f") (result i32) (i32.wrap_i64 (call $new))))
            (core instance $m (instantiate $m (with "" (instance (export "new" (func $new))))))
            (func (export "f") (result (stream u8)) (canon lift (core func $m "f"))))
          (component $b
            (import "f" (func $f (result (stream u8))))
            (type $s (stream u8))
            (core module $mem (memory (export "memory") 1))
            (core instance $mem (instantiate $mem))
            (core func $f (canon lower (func $f)))
            (core func $read (canon stream.read $s async (memory (core memory $mem "memory"))))
            (core module $m
              (import "" "f" (func $f (result i32)))
              (import "" "read" (func $read (param i32 i32 i32) (result i32)))
              (func (export "run") (result i32) (call $read (call $f) (i32.const 0) (i32.const 8))))
            (core instance $m (instantiate $m
              (with "" (instance (export "f" (func $f)) (export "read" (func $read))))))
            (func (export "run") (result u32) (canon lift (core func $m "run"))))
          (instance $a (instantiate $a))
          (instance $b (instantiate $b (with "f" (func $a "f"))))
          (export "run" (func $b "run")))"#,
        &["stream.read", "a read meets it", "a ring cannot"],
    );
}

/// The root's async export is a reason, and no cover for the others.
#[test]
fn async_exports_hide_no_canonical_streams() {
    let module = |imports: &str, body: &str| {
        format!(
            r#"(core module $m {imports} (import "" "ret" (func $ret))
              (func (export "f") (param i32) (result i32) {body} (call $ret) (i32.const 0))
              (func (export "run") (result i32) {body} (call $ret) (i32.const 0))
              (func (export "cb") (param i32 i32 i32) (result i32) (i32.const 0)))"#
        )
    };
    let reader = module(
        r#"(import "" "read" (func $r (param i32 i32 i32) (result i32)))"#,
        "(drop (call $r (i32.const 0) (i32.const 0) (i32.const 4)))",
    );
    // More questions than a report shows.
    let many: String =
        (0..30).map(|n| format!(r#"(import "" "f{n}" (func (result i32)))"#)).collect();
    let writer = module(
        &format!(
            r#"{many} (import "" "new" (func $n (result i64)))
               (import "" "f" (func $f (param i32) (result i32)))"#
        ),
        "(drop (call $f (i32.wrap_i64 (call $n))))",
    );
    let lowers: String =
        (0..30).map(|n| format!(r#"(core func $f{n} (canon lower (func $f{n}) async))"#)).collect();
    let lowered: String = (0..30).map(|n| format!(r#"(export "f{n}" (func $f{n}))"#)).collect();
    let hosts: String = (0..30).map(|n| format!(r#"(import "f{n}" (func $f{n} async))"#)).collect();
    let given: String = (0..30).map(|n| format!(r#"(with "f{n}" (func $f{n}))"#)).collect();
    refused(
        &format!(
            r#"(component
              {hosts}
              (component $a
                (type $s (stream u8))
                (core module $mem (memory (export "memory") 1))
                (core instance $mem (instantiate $mem))
                (core func $read (canon stream.read $s (memory (core memory $mem "memory"))))
                (core func $ret (canon task.return))
                {reader}
                (core instance $m (instantiate $m
                  (with "" (instance (export "read" (func $read)) (export "ret" (func $ret))))))
                (func (export "f") async (param "s" $s)
                  (canon lift (core func $m "f") async (callback (core func $m "cb")))))
              (component $b
                {hosts}
                (type $s (stream u8))
                (import "f" (func $f async (param "s" $s)))
                {lowers}
                (core func $new (canon stream.new $s))
                (core func $lf (canon lower (func $f) async))
                (core func $ret (canon task.return))
                {writer}
                (core instance $m (instantiate $m (with "" (instance {lowered}
                  (export "new" (func $new)) (export "f" (func $lf)) (export "ret" (func $ret))))))
                (func (export "run") async
                  (canon lift (core func $m "run") async (callback (core func $m "cb")))))
              (instance $a (instantiate $a))
              (instance $b (instantiate $b (with "f" (func $a "f")) {given}))
              (export "run" (func $b "run")))"#
        ),
        &["async functions are not supported", "stream.new", "stream.read", "a ring cannot"],
    );
}

/// A writer, and a reader of which nothing is exported: no guest has the other end.
#[test]
fn a_reader_that_nothing_reaches_shares_nothing() {
    let root = r#"(component
      (import "unlocked-dep=<pulseengine:async>" (core module $async
        (export "stream_new" (func (result i64)))
        (export "stream_read" (func (param i32 i32 i32 i32) (result i32)))
        (export "stream_write" (func (param i32 i32 i32 i32) (result i32)))))
      (core instance $async (instantiate $async))
      (core module $w
        (import "pulseengine:async" "stream_new" (func $new (result i64)))
        (import "pulseengine:async" "stream_write" (func $write (param i32 i32 i32 i32) (result i32)))
        (memory 1)
        (func (export "make") (result i32)
          (drop (call $write (i32.wrap_i64 (i64.shr_u (call $new) (i64.const 32)))
            (i32.const 8) (i32.const 5) (i32.const 0)))
          (i32.const 0)))
      (core module $r
        (import "pulseengine:async" "stream_read" (func $read (param i32 i32 i32 i32) (result i32)))
        (memory 1)
        (func (export "read") (param i32) (result i32)
          (call $read (local.get 0) (i32.const 16) (i32.const 50) (i32.const 0))))
      (core instance $w (instantiate $w (with "pulseengine:async" (instance $async))))
      (core instance $r (instantiate $r (with "pulseengine:async" (instance $async))))
      (func (export "make") (result u32) (canon lift (core func $w "make"))))"#;
    let bytes = fuser(&[root.to_string()]).fuse().unwrap().bytes;
    let text = wasmprinter::print_bytes(bytes).unwrap();
    assert!(!text.contains("meld:bridge"), "{text}");
}

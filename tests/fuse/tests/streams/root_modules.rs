//! Core modules that the root of a component imports: which functions they are, and whose.

use crate::roots::{
    ASYNC, MAKER, NAME, OTHER, READER, RESULT, UNREACHABLE, component_form, fuser, refused,
};
use meld::Form;
use wasmtime::component::{Component, Linker};

#[test]
fn what_else_an_imported_module_has_is_refused() {
    refused(
        r#"(component
          (import "host" (core module $host (export "memory" (memory 1))))
          (core instance $host (instantiate $host))
          (core module $m (import "host" "memory" (memory 1)))
          (core instance $m (instantiate $m (with "host" (instance $host)))))"#,
        &["memory `memory`", "root imports"],
    );
    refused(
        r#"(component
          (import "host" (core module $host (export "f" (func))))
          (core instance $host (instantiate $host))
          (func (export "f") (canon lift (core func $host "f"))))"#,
        &["function `f`", "root imports"],
    );
    refused(
        r#"(component
          (import "host" (core module $host (import "a" "b" (func)) (export "f" (func))))
          (core module $m (func (export "b")))
          (core instance $m (instantiate $m))
          (core instance $host (instantiate $host (with "a" (instance $m)))))"#,
        &["instantiation with imports"],
    );
    refused(
        r#"(component (core module $m) (export "m" (core module $m)))"#,
        &["core module `m`", "instantiate it inside"],
    );
}

/// Only the intrinsics have one host for all; of other modules, two instances are two.
#[test]
fn two_instances_of_an_imported_module_are_two() {
    let module = r#"(core module $m (import "env" "next" (func $next (result i32)))
      (func (export "next") (result i32) (call $next)))"#;
    let two = format!(
        r#"(component
          (import "{OTHER}" (core module $host (export "next" (func (result i32)))))
          (core instance $one (instantiate $host))
          (core instance $two (instantiate $host))
          {module}
          (core instance $a (instantiate $m (with "env" (instance $one))))
          (core instance $b (instantiate $m (with "env" (instance $two))))
          (core module $run
            (import "a" "next" (func $a (result i32)))
            (import "b" "next" (func $b (result i32)))
            (func (export "run") (result i32)
              (drop (call $a))
              (i32.add (i32.mul (call $a) (i32.const 10)) (call $b))))
          (core instance $run (instantiate $run (with "a" (instance $a)) (with "b" (instance $b))))
          (func (export "run") (result u32) (canon lift (core func $run "run"))))"#
    );
    let counter = r#"(module (global $n (mut i32) (i32.const 0))
      (func (export "next") (result i32)
        (global.set $n (i32.add (global.get $n) (i32.const 1))) (global.get $n)))"#;
    assert_eq!(component_form(&fuser(std::slice::from_ref(&two)), counter).unwrap(), 21);
    let error = fuser(&[two]).form(Form::Core).fuse().unwrap_err().to_string();
    for words in ["`env` `next`", "another module name"] {
        assert!(error.contains(words), "no `{words}` in: {error}");
    }
    let root = format!(
        r#"(component
          (import "{OTHER}" (core module $host (export "next" (func (result i32)))))
          (core instance $one (instantiate $host))
          {module}
          (core instance $a (instantiate $m (with "env" (instance $one))))
          (core instance $b (instantiate $m (with "env" (instance $one))))
          (core module $sum
            (import "a" "next" (func $a (result i32)))
            (import "b" "next" (func $b (result i32)))
            (func (export "run") (result i32)
              (i32.add (i32.mul (call $a) (i32.const 10)) (call $b))))
          (core instance $sum (instantiate $sum (with "a" (instance $a)) (with "b" (instance $b))))
          (func (export "run") (result u32) (canon lift (core func $sum "run"))))"#
    );
    let host = r#"(module
      (global $n (mut i32) (i32.const 0))
      (func (export "next") (result i32)
        (global.set $n (i32.add (global.get $n) (i32.const 1)))
        (global.get $n)))"#;
    assert_eq!(component_form(&fuser(&[root]), host).unwrap(), 12);
}

/// Two core modules of the root are two hosts, whatever the names: what one made, the other does not know.
#[test]
fn each_imported_core_module_is_a_host_of_its_own() {
    const SECOND: &str = "unlocked-dep=<pulseengine:async@{>=1.0.0}>";
    let root = |of_reader: &str, more: &str| {
        format!(
            r#"(component
              (import "{NAME}" {ASYNC})
              (import "{SECOND}" (core module $second
                (export "stream_new" (func (result i64)))
                (export "stream_read" (func (param i32 i32 i32 i32) (result i32)))
                (export "stream_write" (func (param i32 i32 i32 i32) (result i32)))))
              (component $maker
                (import "async" {ASYNC})
                (core instance $async (instantiate $async))
                (core module $m {MAKER})
                (core instance $m (instantiate $m (with "pulseengine:async" (instance $async))))
                (func (export "make") (result u32) (canon lift (core func $m "make"))))
              (component $reader
                (import "async" {ASYNC})
                (import "make" (func $make (result u32)))
                (core instance $async (instantiate $async))
                (core func $make (canon lower (func $make)))
                (core module $m {READER})
                (core instance $m (instantiate $m
                  (with "pulseengine:async" (instance $async))
                  (with "" (instance (export "make" (func $make))))))
                (func (export "run") (result u32) (canon lift (core func $m "run"))))
              (instance $maker (instantiate $maker (with "async" (core module $async))))
              (instance $reader (instantiate $reader
                (with "async" (core module ${of_reader})) (with "make" (func $maker "make"))))
              {more}
              (export "run" (func $reader "run")))"#
        )
    };
    let run = |root: String, first: &str, second: &str| {
        let bytes = fuser(&[root]).fuse().unwrap_or_else(|e| panic!("{e}")).bytes;
        let engine = wasmtime::Engine::default();
        let mut linker = Linker::<()>::new(&engine);
        for (name, host) in [(NAME, first), (SECOND, second)] {
            linker.root().module(name, &wasmtime::Module::new(&engine, host).unwrap()).unwrap();
        }
        let mut store = wasmtime::Store::new(&engine, ());
        let component = Component::new(&engine, bytes).unwrap();
        let instance = linker.instantiate(&mut store, &component).unwrap();
        let run = instance.get_typed_func::<(), (u32,)>(&mut store, "run").unwrap();
        run.call(&mut store, ()).unwrap().0
    };
    // The first one is given 5 bytes, and the second one has 3 in the stream of the same number.
    let first = r#"(module
      (func (export "stream_new") (result i64) (i64.const 0x8_0000_0007))
      (func (export "stream_read") (param i32 i32 i32 i32) (result i32) unreachable)
      (func (export "stream_write") (param i32 i32 i32 i32) (result i32)
        (if (i32.ne (local.get 0) (i32.const 8)) (then unreachable)) (local.get 2)))"#;
    let second = r#"(module
      (func (export "stream_new") (result i64) unreachable)
      (func (export "stream_read") (param i32 i32 i32 i32) (result i32)
        (if (i32.ne (local.get 0) (i32.const 7)) (then unreachable)) (i32.const 3))
      (func (export "stream_write") (param i32 i32 i32 i32) (result i32) unreachable))"#;
    assert_eq!(run(root("second", ""), first, second), 3000);
    // Guests of one host share, beside another host.
    assert_eq!(run(root("async", ""), UNREACHABLE, UNREACHABLE), RESULT as u32);
    // Two that share are two in a component; a core module's host would know both by one name.
    let more = r#"
      (instance $maker2 (instantiate $maker (with "async" (core module $second))))
      (instance $reader2 (instantiate $reader
        (with "async" (core module $second)) (with "make" (func $maker2 "make"))))
      (export "run2" (func $reader2 "run"))"#;
    let both = root("async", more);
    assert_eq!(run(both.clone(), UNREACHABLE, UNREACHABLE), RESULT as u32);
    let core =
        |root: String| fuser(&[root]).form(Form::Core).fuse().map(drop).unwrap_err().to_string();
    let error = core(both);
    for words in ["`pulseengine:async` `stream_", "component instead"] {
        assert!(error.contains(words), "no `{words}` in: {error}");
    }
    // Also where no function is in both.
    let error = core(root("second", ""));
    for words in [NAME, SECOND, "both are `pulseengine:async`", "import the core module once"] {
        assert!(error.contains(words), "no `{words}` in: {error}");
    }
}

/// A pack that answers a function for some guests only says nothing of the others' instances, nor of other functions.
#[test]
fn an_answer_for_one_guest_makes_two_instances_no_one() {
    let folder = tempfile::tempdir().unwrap();
    let pack = folder.path().join("quiet.meld");
    let text = r#"pack my.quiet
use meld.vocabulary
module quiet() from """(module (func (export "log")))""" cost call 1
rule quiet {
  match   host-func("env", "log", ?i)
  where   memories(?i, 1)
  rewrite quiet().log
  because "who has a memory logs there"
  test { given memories(#i, 1); host-func("env", "log", #i) => quiet().log }
  test "it has none" { host-func("env", "log", #i) =/=> }
}"#;
    std::fs::write(&pack, text).unwrap();
    let guest = |name: &str, memory: &str| {
        format!(
            r#"(core module ${name}
              (import "env" "log" (func $log)) (import "env" "next" (func $next (result i32)))
              {memory}
              (func (export "next") (result i32) (call $log) (call $next)))"#
        )
    };
    let (with, without) = (guest("with", "(memory 1)"), guest("without", ""));
    let root = format!(
        r#"(component
          (import "{OTHER}" (core module $host
            (export "log" (func)) (export "next" (func (result i32)))))
          (core instance $one (instantiate $host))
          (core instance $two (instantiate $host))
          {with} {without}
          (core instance $a (instantiate $with (with "env" (instance $one))))
          (core instance $b (instantiate $without (with "env" (instance $two))))
          (core module $run
            (import "a" "next" (func $a (result i32)))
            (import "b" "next" (func $b (result i32)))
            (func (export "run") (result i32)
              (drop (call $a))
              (i32.add (i32.mul (call $a) (i32.const 10)) (call $b))))
          (core instance $run (instantiate $run (with "a" (instance $a)) (with "b" (instance $b))))
          (func (export "run") (result u32) (canon lift (core func $run "run"))))"#
    );
    let host = r#"(module (global $n (mut i32) (i32.const 0))
      (func (export "log"))
      (func (export "next") (result i32)
        (global.set $n (i32.add (global.get $n) (i32.const 1))) (global.get $n)))"#;
    assert_eq!(component_form(&fuser(&[root]).rules(pack), host).unwrap(), 21);
}

/// A guest that makes, writes and reads a stream of its own has all that from one instance, whichever functions
/// another guest takes from an instance of its own.
#[test]
fn all_instances_of_the_intrinsics_are_one() {
    let root = format!(
        r#"(component
          (import "{NAME}" {ASYNC})
          (component $opener
            (import "async" {ASYNC})
            (core instance $async (instantiate $async))
            (core module $m (import "pulseengine:async" "stream_new" (func $new (result i64)))
              (func (export "open") (drop (call $new))))
            (core instance $m (instantiate $m (with "pulseengine:async" (instance $async))))
            (func (export "open") (canon lift (core func $m "open"))))
          (component $echo
            (import "async" {ASYNC})
            (import "open" (func $open))
            (core instance $async (instantiate $async))
            (core func $open (canon lower (func $open)))
            (core module $m
              (import "" "open" (func $open))
              (import "pulseengine:async" "stream_new" (func $new (result i64)))
              (import "pulseengine:async" "stream_read" (func $read (param i32 i32 i32 i32) (result i32)))
              (import "pulseengine:async" "stream_write" (func $write (param i32 i32 i32 i32) (result i32)))
              (memory 1)
              (func (export "run") (result i32) (local $pair i64)
                (call $open)
                (local.set $pair (call $new))
                (i32.add
                  (i32.mul (i32.const 10) (call $write
                    (i32.wrap_i64 (i64.shr_u (local.get $pair) (i64.const 32)))
                    (i32.const 0) (i32.const 5) (i32.const 0)))
                  (call $read (i32.wrap_i64 (local.get $pair)) (i32.const 0) (i32.const 7) (i32.const 0)))))
            (core instance $m (instantiate $m
              (with "pulseengine:async" (instance $async))
              (with "" (instance (export "open" (func $open))))))
            (func (export "run") (result u32) (canon lift (core func $m "run"))))
          (instance $opener (instantiate $opener (with "async" (core module $async))))
          (instance $echo (instantiate $echo
            (with "async" (core module $async)) (with "open" (func $opener "open"))))
          (export "run" (func $echo "run")))"#
    );
    // It knows the handles that it made, and no others.
    let host = r#"(module (global $next (mut i32) (i32.const 0))
      (func (export "stream_new") (result i64) (local $n i32)
        (local.set $n (global.get $next))
        (global.set $next (i32.add (local.get $n) (i32.const 2)))
        (i64.or (i64.extend_i32_u (local.get $n))
          (i64.shl (i64.extend_i32_u (i32.add (local.get $n) (i32.const 1))) (i64.const 32))))
      (func $known (param i32 i32) (result i32)
        (select (local.get 1) (i32.const -2) (i32.lt_u (local.get 0) (global.get $next))))
      (func (export "stream_read") (param i32 i32 i32 i32) (result i32)
        (call $known (local.get 0) (local.get 2)))
      (func (export "stream_write") (param i32 i32 i32 i32) (result i32)
        (call $known (local.get 0) (local.get 2))))"#;
    assert_eq!(component_form(&fuser(&[root]), host).unwrap(), 57);
}

/// What a function is, the core module says that the root imports.
#[test]
fn intrinsics_by_other_names() {
    let with = |import: &str, supplied: &str, body: &str| {
        format!(
            r#"(component
              (import "{NAME}" (core module $async
                (export "stream_new" (func (result i64)))
                (export "stream_read" (func (param i32 i32 i32 i32) (result i32)))
                (export "stream_write" (func (param i32 i32 i32 i32) (result i32)))
                (export "thread_new" (func (param i32 i32) (result i32)))))
              (core instance $async (instantiate $async))
              (alias core export $async "stream_new" (core func $new))
              (alias core export $async "stream_read" (core func $read))
              (alias core export $async "stream_write" (core func $write))
              (core module $maker {MAKER})
              (core instance $maker (instantiate $maker (with "pulseengine:async" (instance
                (export "stream_new" (func $new)) {supplied}))))
              (core module $user (import "" "make" (func $make (result i32))) {import} (memory 1)
                (func (export "run") (result i32) {body}))
              (core instance $user (instantiate $user
                (with "" (instance $maker)) (with "env" (instance $async))))
              (func (export "run") (result u32) (canon lift (core func $user "run"))))"#
        )
    };
    let supplied = r#"(export "stream_write" (func $write))"#;
    for (name, params, arguments, word) in [
        (
            "stream_write",
            "i32 i32 i32 i32",
            "(call $make) (i32.const 0) (i32.const 0) (i32.const 0)",
            "root/user: import \"env\" \"stream_write\"",
        ),
        ("thread_new", "i32 i32", "(i32.const 0) (i32.const 0)", "thread_new"),
    ] {
        let import = format!(r#"(import "env" "{name}" (func $f (param {params}) (result i32)))"#);
        let root = with(&import, supplied, &format!("(call $f {arguments})"));
        refused(&root, &[word, "import it by that name"]);
    }
    // What is imported as `stream_write` is `stream_read`: nobody writes, so all is left to the host, and
    // as what it is.
    let swapped = with("", r#"(export "stream_write" (func $read))"#, "(call $make)");
    let host = r#"(module
      (func (export "stream_new") (result i64) (i64.const 0x0000_0008_0000_0007))
      (func (export "stream_read") (param i32 i32 i32 i32) (result i32) (local.get 2))
      (func (export "stream_write") (param i32 i32 i32 i32) (result i32) unreachable)
      (func (export "thread_new") (param i32 i32) (result i32) unreachable))"#;
    assert_eq!(component_form(&fuser(&[swapped]), host).unwrap(), 7);
}

/// What a pack answers, and what nothing calls, nobody has to supply.
#[test]
fn a_core_module_of_which_nothing_is_used_is_not_imported() {
    let root = format!(
        r#"(component
          (import "unlocked-dep=<meld:gate>" (core module $G
            (export "enter" (func (result i32))) (export "is-enabled" (func (result i32)))))
          (import "late" (func $late (result u32)))
          (import "{OTHER}" (core module $host (export "next" (func (result i32)))))
          (import "unused" (core module $unused (export "next" (func (result i32)))))
          (core instance $g (instantiate $G))
          (core instance $host (instantiate $host))
          (core instance $unused (instantiate $unused))
          (core func $late (canon lower (func $late)))
          (core module $m
            (import "meld:gate" "enter" (func $enter (result i32)))
            (import "env" "next" (func $next (result i32)))
            (import "sys" "next" (func $unused (result i32)))
            (import "" "late" (func $late (result i32)))
            (func $dead (result i32) (call $unused))
            (func (export "run") (result i32)
              (i32.add (call $enter) (i32.add (call $late) (call $next)))))
          (core instance $m (instantiate $m
            (with "meld:gate" (instance $g))
            (with "env" (instance $host))
            (with "sys" (instance $unused))
            (with "" (instance (export "late" (func $late))))))
          (func (export "run") (result u32) (canon lift (core func $m "run"))))"#
    );
    let bytes = fuser(&[root]).fuse().unwrap_or_else(|e| panic!("{e}")).bytes;
    let text = wasmprinter::print_bytes(&bytes).unwrap();
    assert!(!text.contains("unused") && !text.contains("meld:gate>"), "{text}");
    let engine = wasmtime::Engine::default();
    let mut linker = Linker::<()>::new(&engine);
    let host = r#"(module (func (export "next") (result i32) (i32.const 30)))"#;
    linker.root().module(OTHER, &wasmtime::Module::new(&engine, host).unwrap()).unwrap();
    linker.root().func_wrap("late", |_, (): ()| Ok((5u32,))).unwrap();
    let mut store = wasmtime::Store::new(&engine, ());
    let component = Component::new(&engine, bytes).unwrap();
    let instance = linker.instantiate(&mut store, &component).unwrap();
    let run = instance.get_typed_func::<(), (u32,)>(&mut store, "run").unwrap();
    assert_eq!(run.call(&mut store, ()).unwrap().0, 35);
}

/// The dispatcher's `register` takes a reference, which no component function can.
#[test]
fn a_root_imports_core_modules_of_all_types() {
    let root = r#"(component
      (import "unlocked-dep=<meld:dispatch>" (core module $D
        (export "memory" (memory 1 2))
        (export "table" (table 1 externref))
        (export "global" (global (mut i64)))
        (export "tag" (tag (param i32)))
        (export "register" (func (param i32 funcref i32) (result i32)))
        (export "dispatch" (func (param i32 i32) (result i32)))))
      (core instance $d (instantiate $D))
      (core module $m
        (import "meld:dispatch" "register" (func $r (param i32 funcref i32) (result i32)))
        (import "meld:dispatch" "dispatch" (func $d (param i32 i32) (result i32)))
        (elem declare func $f)
        (global $n (mut i32) (i32.const 0))
        (func $f (param i32 i32 i32) (global.set $n (i32.add (global.get $n) (local.get 2))))
        (func (export "run") (result i32)
          (drop (call $r (i32.const 1) (ref.func $f) (i32.const 5)))
          (drop (call $d (i32.const 1) (i32.const 0)))
          (global.get $n)))
      (core instance $m (instantiate $m (with "meld:dispatch" (instance $d))))
      (func (export "run") (result u32) (canon lift (core func $m "run"))))"#;
    assert_eq!(component_form(&fuser(&[root.to_string()]), UNREACHABLE).unwrap(), 5);
}

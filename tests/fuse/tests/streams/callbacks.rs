//! Callbacks in components. Core functions stay in their component instance, as each has a dispatcher of
//! its own: what a call between two of them checks and cleans up cannot be gone round.

use crate::engines::Wasmtime;
use crate::harness::fuser;
use crate::intrinsics::Intrinsics;
use meld::Form;

/// The type of a module that has the dispatcher's functions.
const DISPATCH: &str = r#"(core module $dispatch
  (export "register" (func (param i32 funcref i32) (result i32)))
  (export "dispatch" (func (param i32 i32) (result i32))))"#;

/// What a core module imports of it.
const IMPORTS: &str = r#"
  (import "meld:dispatch" "register" (func $register (param i32 funcref i32) (result i32)))
  (import "meld:dispatch" "dispatch" (func $dispatch (param i32 i32) (result i32)))"#;

/// A component whose function `go` dispatches event 1 and says how many callbacks were called.
fn dispatching() -> String {
    format!(
        r#"(component $b
          (import "dispatch" {DISPATCH})
          (core instance $d (instantiate $dispatch))
          (core module $m {IMPORTS}
            (func (export "go") (result i32) (call $dispatch (i32.const 1) (i32.const 0))))
          (core instance $m (instantiate $m (with "meld:dispatch" (instance $d))))
          (func (export "go") (result u32) (canon lift (core func $m "go"))))"#
    )
}

/// Calls functions of a fused root, each time in a fresh instance.
fn run(root: String) -> impl Fn(&str) -> Result<i64, String> {
    let bytes = fuser(&[("root", root)]).form(Form::Core).fuse();
    let bytes = bytes.unwrap_or_else(|e| panic!("{e}")).bytes;
    move |name| Wasmtime::<Intrinsics>::load(&bytes).call(name, &[])
}

/// `a` registers what throws, and `b`, which has no tag, dispatches: nobody else sees the exception.
#[test]
fn a_callback_throws_in_its_own_instance() {
    let b = dispatching();
    let call = run(format!(
        r#"(component
          (import "dispatch" {DISPATCH})
          (component $a
            (import "dispatch" {DISPATCH})
            (core instance $d (instantiate $dispatch))
            (core module $m {IMPORTS}
              (tag $tag)
              (elem declare func $throws)
              (func $throws (param i32 i32 i32) (throw $tag))
              (func (export "listen")
                (drop (call $register (i32.const 1) (ref.func $throws) (i32.const 0))))
              (func (export "go") (result i32) (call $dispatch (i32.const 1) (i32.const 0))))
            (core instance $m (instantiate $m (with "meld:dispatch" (instance $d))))
            (func (export "listen") (canon lift (core func $m "listen")))
            (func (export "go") (result u32) (canon lift (core func $m "go"))))
          {b}
          (component $c
            (import "listen" (func $listen))
            (import "of-a" (func $of-a (result u32)))
            (import "of-b" (func $of-b (result u32)))
            (core func $listen (canon lower (func $listen)))
            (core func $of-a (canon lower (func $of-a)))
            (core func $of-b (canon lower (func $of-b)))
            (core module $m
              (import "" "listen" (func $listen))
              (import "" "of-a" (func $of-a (result i32)))
              (import "" "of-b" (func $of-b (result i32)))
              (func (export "of-a") (result i32)
                (call $listen)
                (block $caught
                  (try_table (catch_all $caught) (return (call $of-a)))
                  (unreachable))
                (i32.const 77))
              (func (export "of-b") (result i32)
                (call $listen)
                (block $caught
                  (try_table (catch_all $caught) (return (call $of-b)))
                  (unreachable))
                (i32.const 77)))
            (core instance $m (instantiate $m (with "" (instance
              (export "listen" (func $listen))
              (export "of-a" (func $of-a))
              (export "of-b" (func $of-b))))))
            (func (export "of-a") (result u32) (canon lift (core func $m "of-a")))
            (func (export "of-b") (result u32) (canon lift (core func $m "of-b"))))
          (instance $a (instantiate $a (with "dispatch" (core module $dispatch))))
          (instance $b (instantiate $b (with "dispatch" (core module $dispatch))))
          (instance $c (instantiate $c
            (with "listen" (func $a "listen"))
            (with "of-a" (func $a "go"))
            (with "of-b" (func $b "go"))))
          (export "of-a" (func $c "of-a"))
          (export "of-b" (func $c "of-b")))"#
    ));
    let trap = call("of-a").unwrap_err();
    assert!(trap.contains("uncaught-exception"), "{trap}");
    assert_eq!(call("of-b"), Ok(0), "it has no callbacks");
}

/// The `realloc` of `a` dispatches: its callback calls an import, which nobody may who allocates.
#[test]
fn a_callback_of_a_realloc_may_not_leave() {
    let call = run(format!(
        r#"(component
          (import "dispatch" {DISPATCH})
          (component $other
            (core module $m (func (export "ping")))
            (core instance $m (instantiate $m))
            (func (export "ping") (canon lift (core func $m "ping"))))
          (component $a
            (import "dispatch" {DISPATCH})
            (import "ping" (func $ping))
            (core func $ping (canon lower (func $ping)))
            (core instance $d (instantiate $dispatch))
            (core module $m {IMPORTS}
              (import "" "ping" (func $ping))
              (memory (export "memory") 1)
              (elem declare func $leaves)
              (func $leaves (param i32 i32 i32) (call $ping))
              (func (export "listen")
                (drop (call $register (i32.const 1) (ref.func $leaves) (i32.const 0))))
              (func (export "realloc") (param i32 i32 i32 i32) (result i32)
                (drop (call $dispatch (i32.const 1) (i32.const 0)))
                (i32.const 1024))
              (func (export "take") (param i32 i32)))
            (core instance $m (instantiate $m
              (with "meld:dispatch" (instance $d))
              (with "" (instance (export "ping" (func $ping))))))
            (func (export "listen") (canon lift (core func $m "listen")))
            (func (export "take") (param "text" string) (canon lift (core func $m "take")
              (memory (core memory $m "memory")) (realloc (core func $m "realloc")))))
          (component $c
            (import "listen" (func $listen))
            (import "take" (func $take (param "text" string)))
            (core module $memory (memory (export "memory") 1) (data (i32.const 0) "text"))
            (core instance $memory (instantiate $memory))
            (core func $listen (canon lower (func $listen)))
            (core func $take (canon lower (func $take) (memory (core memory $memory "memory"))))
            (core module $m
              (import "" "listen" (func $listen))
              (import "" "take" (func $take (param i32 i32)))
              (func (export "quiet") (call $take (i32.const 0) (i32.const 4)))
              (func (export "run") (call $listen) (call $take (i32.const 0) (i32.const 4))))
            (core instance $m (instantiate $m (with "" (instance
              (export "listen" (func $listen))
              (export "take" (func $take))))))
            (func (export "quiet") (canon lift (core func $m "quiet")))
            (func (export "run") (canon lift (core func $m "run"))))
          (instance $other (instantiate $other))
          (instance $a (instantiate $a
            (with "dispatch" (core module $dispatch))
            (with "ping" (func $other "ping"))))
          (instance $c (instantiate $c
            (with "listen" (func $a "listen"))
            (with "take" (func $a "take"))))
          (export "quiet" (func $c "quiet"))
          (export "run" (func $c "run")))"#
    ));
    assert_eq!(call("quiet"), Ok(0));
    let trap = call("run").unwrap_err();
    assert!(trap.contains("cannot-leave"), "{trap}");
}

/// `a` lends a handle to `b`, which dispatches: the callback of `a` that drops the handle is not called.
#[test]
fn nobody_gets_back_into_an_instance_that_lends() {
    let call = run(format!(
        r#"(component
          (import "dispatch" {DISPATCH})
          (component $r
            (type $thing (resource (rep i32)))
            (core func $new (canon resource.new $thing))
            (core module $m
              (import "" "new" (func $new (param i32) (result i32)))
              (func (export "make") (result i32) (call $new (i32.const 5))))
            (core instance $m (instantiate $m
              (with "" (instance (export "new" (func $new))))))
            (export $exported "thing" (type $thing))
            (func (export "make") (result (own $exported)) (canon lift (core func $m "make"))))
          (component $b
            (import "thing" (type $thing (sub resource)))
            (import "dispatch" {DISPATCH})
            (core instance $d (instantiate $dispatch))
            (core func $drop (canon resource.drop $thing))
            (core module $m {IMPORTS}
              (import "" "drop" (func $drop (param i32)))
              (func (export "borrow") (param i32) (result i32)
                (local $called i32)
                (local.set $called (call $dispatch (i32.const 1) (i32.const 0)))
                (call $drop (local.get 0))
                (local.get $called)))
            (core instance $m (instantiate $m
              (with "meld:dispatch" (instance $d))
              (with "" (instance (export "drop" (func $drop))))))
            (func (export "borrow") (param "thing" (borrow $thing)) (result u32)
              (canon lift (core func $m "borrow"))))
          (component $a
            (import "thing" (type $thing (sub resource)))
            (import "make" (func $make (result (own $thing))))
            (import "borrow" (func $borrow (param "thing" (borrow $thing)) (result u32)))
            (import "dispatch" {DISPATCH})
            (core instance $d (instantiate $dispatch))
            (core func $make (canon lower (func $make)))
            (core func $borrow (canon lower (func $borrow)))
            (core func $drop (canon resource.drop $thing))
            (core module $m {IMPORTS}
              (import "" "make" (func $make (result i32)))
              (import "" "borrow" (func $borrow (param i32) (result i32)))
              (import "" "drop" (func $drop (param i32)))
              (elem declare func $drops)
              (func $drops (param i32 i32 i32) (call $drop (local.get 2)))
              (func (export "run") (result i32)
                (local $thing i32)
                (local.set $thing (call $make))
                (drop (call $register (i32.const 1) (ref.func $drops) (local.get $thing)))
                (i32.add
                  (i32.mul (call $borrow (local.get $thing)) (i32.const 10))
                  (call $dispatch (i32.const 1) (i32.const 0)))))
            (core instance $m (instantiate $m
              (with "meld:dispatch" (instance $d))
              (with "" (instance
                (export "make" (func $make))
                (export "borrow" (func $borrow))
                (export "drop" (func $drop))))))
            (func (export "run") (result u32) (canon lift (core func $m "run"))))
          (instance $r (instantiate $r))
          (instance $b (instantiate $b
            (with "thing" (type $r "thing"))
            (with "dispatch" (core module $dispatch))))
          (instance $a (instantiate $a
            (with "thing" (type $r "thing"))
            (with "make" (func $r "make"))
            (with "borrow" (func $b "borrow"))
            (with "dispatch" (core module $dispatch))))
          (export "run" (func $a "run")))"#
    ));
    assert_eq!(call("run"), Ok(1), "none while it is lent, and one afterwards");
}

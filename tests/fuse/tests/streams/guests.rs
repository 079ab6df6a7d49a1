//! What a guest is: a component instance with all its core modules is one, however many of them there are.

use crate::roots::{ASYNC, NAME, component_form, core_form, fuser};

/// A component whose library writes from the memory of its main module, which makes streams and reads.
const LIBRARY: &str = r#"
  (core instance $async (instantiate $async))
  (core module $main
    (import "pulseengine:async" "stream_new" (func $new (result i64)))
    (import "pulseengine:async" "stream_read" (func $read (param i32 i32 i32 i32) (result i32)))
    (memory (export "memory") 1)
    (data (i32.const 8) "hello")
    (func (export "new") (result i64) (call $new))
    (func (export "read") (param i32) (result i32)
      (call $read (local.get 0) (i32.const 16) (i32.const 50) (i32.const 0))))
  (core instance $main (instantiate $main (with "pulseengine:async" (instance $async))))
  (core module $library
    (import "pulseengine:async" "stream_write" (func $write (param i32 i32 i32 i32) (result i32)))
    (import "main" "memory" (memory 1))
    (import "main" "new" (func $new (result i64)))
    (import "main" "read" (func $read (param i32) (result i32)))
    (func (export "run") (result i32)
      (local $pair i64)
      (local.set $pair (call $new))
      (drop (call $write (i32.wrap_i64 (i64.shr_u (local.get $pair) (i64.const 32)))
        (i32.const 8) (i32.const 5) (i32.const 0)))
      (drop (call $read (i32.wrap_i64 (local.get $pair))))
      (i32.wrap_i64 (local.get $pair))))
  (core instance $library (instantiate $library
    (with "pulseengine:async" (instance $async)) (with "main" (instance $main))))
  (func (export "run") (result u32) (canon lift (core func $library "run")))"#;

#[test]
fn a_component_alone_keeps_the_host() {
    let fuser = fuser(&[format!(r#"(component (import "{NAME}" {ASYNC}) {LIBRARY})"#)]);
    core_form(&fuser, |module| {
        assert_eq!(module.call("run", &[]), Ok(0), "the handle is the host's");
        let names: Vec<&str> = module.host().calls.iter().map(|(name, _)| *name).collect();
        assert_eq!(names, ["stream_new", "stream_write", "stream_read"]);
    });
    let host = r#"(module
      (func (export "stream_new") (result i64) (i64.const 0x8_0000_0007))
      (func (export "stream_read") (param i32 i32 i32 i32) (result i32)
        (if (i32.ne (local.get 0) (i32.const 7)) (then unreachable)) (i32.const 0))
      (func (export "stream_write") (param i32 i32 i32 i32) (result i32)
        (if (i32.ne (local.get 0) (i32.const 8)) (then unreachable)) (i32.const 0)))"#;
    assert_eq!(component_form(&fuser, host).unwrap(), 7);
}

/// Two instances of the same component are two guests.
#[test]
fn two_instances_of_a_component_are_two_guests() {
    let fuser = fuser(&[format!(
        r#"(component
          (import "{NAME}" {ASYNC})
          (component $c (import "async" {ASYNC}) {LIBRARY})
          (instance $a (instantiate $c (with "async" (core module $async))))
          (instance $b (instantiate $c (with "async" (core module $async))))
          (export "run" (func $a "run"))
          (export "run2" (func $b "run")))"#
    )]);
    core_form(&fuser, |module| {
        for export in ["run", "run2"] {
            assert!(module.call(export, &[]).unwrap() as i32 <= -1, "made inside");
        }
        assert_eq!(module.host().calls, []);
    });
}

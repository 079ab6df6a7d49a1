use super::{passes_handles, several_faces};
use crate::testing::component;

/// A guest whose one exported function takes a string, and whose allocator is a function of the host
/// that takes two, out of the memory of this instance.
fn allocated_by_host(memory: &str) -> String {
    format!(
        r#"(component
          (import "alloc" (func $alloc (param "a" string) (param "b" string) (result u32)))
          (core module $libc (memory (export "memory") 1))
          (core instance $one (instantiate $libc))
          (core instance $two (instantiate $libc))
          (core func $alloc (canon lower (func $alloc) (memory (core memory {memory} "memory"))))
          (core module $m (func (export "take") (param i32 i32) (result i32) (local.get 1)))
          (core instance $m (instantiate $m))
          (func (export "take") (param "s" string) (result u32)
            (canon lift (core func $m "take") (memory (core memory $one "memory"))
              (realloc (core func $alloc)))))"#
    )
}

#[test]
fn functions_of_the_host_may_allocate() {
    assert!(!several_faces(&component(&allocated_by_host("$one"))));
    assert!(several_faces(&component(&allocated_by_host("$two"))));
}

#[test]
fn functions_of_the_host_may_destroy() {
    let destroyed = |ty: &str| {
        format!(
            r#"(component
              (import "file" (type $f (sub resource)))
              (import "close" (func $close (param "f" {ty})))
              (core func $close (canon lower (func $close)))
              (type $t (resource (rep i32) (dtor (core func $close)))))"#
        )
    };
    assert!(!passes_handles(&component(&destroyed("u32"))));
    assert!(passes_handles(&component(&destroyed("(own $f)"))));
}

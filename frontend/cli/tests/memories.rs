//! Modules of packs and memories of other types than theirs.

use meld::Fuser;

/// A component whose one function calls the host with this memory.
fn component(memory: &str) -> Vec<u8> {
    let text = format!(
        r#"(component
             (import "size" (func $size (result u32)))
             (core module $libc (memory (export "memory") {memory}))
             (core instance $libc (instantiate $libc))
             (core func $size (canon lower (func $size) (memory (core memory $libc "memory"))))
             (core module $main
               (import "" "size" (func $size (result i32)))
               (func (export "run") (result i32) (call $size)))
             (core instance $main (instantiate $main
               (with "" (instance (export "size" (func $size))))))
             (func (export "run") (result u32) (canon lift (core func $main "run"))))"#
    );
    wat::parse_str(text).expect("the component is text")
}

/// Fuses with a pack whose module answers the host's function from the caller's memory.
fn fuse(memory: &str, module: &str) -> Result<Vec<u8>, String> {
    let folder = tempfile::tempdir().expect("a folder");
    let pack = folder.path().join("size.meld");
    let text = format!(
        r#"
pack test.size
use meld.vocabulary
use meld.hosts
module size(memory: Memory) from """{module}"""
rule answer {{
  match   host-call(host("*", "size", ?h), ?caller)
  rewrite size(memory(?caller)).size
  because "the memory knows"
  test {{ host-call(host("a", "size", #h), #o) => size(memory(#o)).size }}
}}"#
    );
    std::fs::write(&pack, text).expect("the pack can be written");
    let fused = Fuser::new().input("root", component(memory)).rules(&pack).fuse();
    fused.map(|fused| fused.bytes).map_err(|error| error.to_string())
}

#[test]
fn modules_that_follow_a_memory_take_any() {
    let module = r#"(module
        (import "" "memory" (memory memory.addr 0))
        (import "" "memory.page-bits" (global $bits i32))
        (func (export "size") (result i32)
          (i32.shl (i32.wrap_memory.addr (memory.size)) (global.get $bits))))"#;
    for memory in ["1", "i64 1", "1 (pagesize 1)", "i64 1 (pagesize 1)"] {
        fuse(memory, module).unwrap_or_else(|error| panic!("{memory}: {error}"));
    }
}

#[test]
fn modules_for_one_type_refuse_others() {
    let module = r#"(module
        (import "" "memory" (memory 0))
        (func (export "size") (result i32) (i32.shl (memory.size) (i32.const 16))))"#;
    fuse("1", module).expect("the memory is as the module declares it");
    for (memory, found) in [
        ("i64 1", "64-bit addresses and pages of 65536 B"),
        ("1 (pagesize 1)", "32-bit addresses and pages of 1 B"),
    ] {
        let error = fuse(memory, module).expect_err(memory);
        assert!(error.contains("`test.size.size`") && error.contains(found), "{error}");
        assert!(error.contains("memory.addr") || error.contains("NAME.addr"), "{error}");
    }
}

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

/// Warnings of two plain core modules with memories of their own that call `import`, of which `face` says what is
/// exported.
fn warnings_of(import: &str, face: &str) -> Vec<String> {
    let guest = format!(
        r#"(module {import} (memory (export "memory") 1)
             (func (export "run") (drop (call $f (i32.const 1) (i32.const 2) (i32.const 3) (i32.const 0)))))"#
    );
    let face = format!(
        r#"(module
             (import "a" "memory" (memory $a 1)) (import "b" "memory" (memory $b 1))
             (import "a" "run" (func $a)) (import "b" "run" (func $b))
             (export "a" (func $a)) (export "b" (func $b)) {face})"#
    );
    let fuser = Fuser::new().input("a", guest.clone().into_bytes()).input("b", guest.into_bytes());
    fuser.input("face", face.into_bytes()).fuse().expect("it can be fused").report.warnings
}

#[test]
fn a_host_that_cannot_tell_memories_apart_is_warned_of() {
    let call = r#"(import "env" "write" (func $f (param i32 i32 i32 i32) (result i32)))"#;
    let [warning] = &warnings_of(call, r#"(export "memory" (memory $b))"#)[..] else {
        panic!("one warning")
    };
    let told = r#"a ("env" "write"), b ("env" "write"); it finds `memory`, which is b's"#;
    assert!(warning.contains(told), "{warning}");
}

/// What a pack answers is told the memory, and what it is told of has to be exported.
#[test]
fn a_memory_that_the_host_cannot_reach_is_warned_of() {
    let read = r#"(import "pulseengine:async" "stream_read" (func $f (param i32 i32 i32 i32) (result i32)))"#;
    let both = r#"(export "am" (memory $a)) (export "bm" (memory $b))"#;
    assert_eq!(warnings_of(read, both), Vec::<String>::new());
    let [warning] = &warnings_of(read, r#"(export "am" (memory $a))"#)[..] else {
        panic!("one warning")
    };
    assert!(warning.contains("cannot reach them: of b. Export each"), "{warning}");
}

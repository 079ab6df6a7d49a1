//! Packs of a user that make use of the modules of the standard packs.

use crate::engines::Module;
use crate::harness::{CHANNELS, check_alone, ends, fuser, refusal, wrappers};
use crate::intrinsics::Intrinsics;
use meld::engine::testing::run_tests;
use meld::{Fuser, Weight};

/// As [`check_alone`], with a pack whose own tests hold. What it states to answer it answers, whatever that costs.
fn check_with(fuser: Fuser, pack: &str, run: impl Fn(&mut dyn Module<Intrinsics>)) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mine.meld");
    std::fs::write(&path, pack).unwrap();
    let fuser = fuser.rules(path);
    for outcome in run_tests(&fuser.load_rules().unwrap(), Some("my.")) {
        outcome.result.unwrap_or_else(|error| panic!("{}: {error}", outcome.rule));
    }
    check_alone(&fuser.weight(Weight::Size), run);
}

/// The pack that the book shows.
fn frames() -> &'static str {
    let book = include_str!("../../../../docs/async-modules.md");
    let (_, rest) = book.split_once("```meld\n").expect("the book shows a pack");
    rest.split_once("```").expect("it ends").0
}

/// It has channels for elements of another size, beside those of the standard pack.
#[test]
fn packs_may_have_channels_of_their_own() {
    let frames_guest =
        wrappers("f", "my:frames", &CHANNELS[..3], r#"(memory (export "f_memory") 1)"#);
    let words = wrappers("w", "meld:channels", &CHANNELS, r#"(memory (export "w_memory") 1)"#);
    let fuser = fuser(&[("frames", frames_guest), ("words", words)]);
    check_with(fuser, frames(), |module| {
        let frames = ends(module.call("f_new", &[]).unwrap());
        let words = ends(module.call("w_new", &[]).unwrap());
        assert_eq!(frames, words, "both are the first of their kind");
        let bytes: Vec<u8> = (0..128).collect();
        module.write("f_memory", 0, &bytes);
        assert_eq!(module.call("f_write", &[frames[1], 0, 2]), Ok(2));
        assert_eq!(module.call("w_available", &[words[0]]), Ok(0));
        assert_eq!(module.call("w_read", &[words[0], 0, 1]), Ok(-5));
        assert_eq!(module.call("f_read", &[frames[0], 256, 9]), Ok(2));
        assert_eq!(module.read("f_memory", 256, 128), bytes);
        assert_ne!(module.call("f_new", &[]), Ok(-3));
        assert_eq!(module.call("f_new", &[]), Ok(-3), "there are two");
    });
}

/// A rule names another memory of the same type as that of the elements: they are read from the channels'.
#[test]
fn elements_are_where_the_channels_have_them() {
    let right = "channel-transfer(frames(), frame-memory(), first-memory(?i), traps()).read";
    let wrong = right.replace("frame-memory()", "first-memory(?i)");
    let tested = |rule: &str| rule.replace("?i", "#i");
    let pack = frames().replace(right, &wrong).replace(&tested(right), &tested(&wrong));
    assert_ne!(pack, frames());
    let guest = wrappers("f", "my:frames", &CHANNELS[..3], r#"(memory (export "f_memory") 1)"#);
    check_with(fuser(&[("frames", guest)]), &pack, |module| {
        let [reader, writer] = ends(module.call("f_new", &[]).unwrap());
        let bytes: Vec<u8> = (0..128).collect();
        module.write("f_memory", 4096, &bytes);
        assert_eq!(module.call("f_write", &[writer, 4096, 2]), Ok(2));
        assert_eq!(module.call("f_read", &[reader, 256, 9]), Ok(2));
        assert_eq!(module.read("f_memory", 256, 128), bytes);
    });
}

/// A guest without a memory has nothing to write from, and the pack says that it answers.
#[test]
fn the_guest_that_a_pack_does_not_answer_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("frames.meld");
    std::fs::write(&path, frames()).unwrap();
    let bare = wrappers("f", "my:frames", &CHANNELS[1..2], "");
    let error = refusal(&fuser(&[("bare", bare)]).rules(path));
    for words in ["bare: import \"my:frames\" \"write\"", "`!memories(?i, 0)` does not hold"] {
        assert!(error.contains(words), "{error}");
    }
}

/// Two streams of 16 bytes that no host has anything to do with.
const PIPES: &str = r#"
pack my.pipes
use meld.vocabulary
use meld.state
use meld.streams
given answers("my:pipes")
/// In the host's place: there are no other streams.
module nobody() from """
  (module
    (func (export "new") (result i64) (i64.const -2))
    (func (export "transfer") (param i32 i32 i32 i32) (result i32) (i32.const -2))
    (func (export "drop") (param i32)))
""" cost size 20, call 1
/// The streams.
term pipes() -> Instance
/// Where they are.
term pipe-memory() -> Memory
rule memory {
  match   pipe-memory()
  rewrite rings("my.pipes", 2, 16, 32)
  because "two streams of 16 bytes"
  test { pipe-memory() => rings("my.pipes", 2, 16, 32) }
}
rule pipes {
  match   pipes()
  rewrite bridge(pipe-memory(), 0, 2, 16, 32)
  because "two streams of 16 bytes"
  test { pipes() => bridge(pipe-memory(), 0, 2, 16, 32) }
}
rule new {
  match   host-func("my:pipes", "new", ?i)
  rewrite opener(pipes(), nobody().new).new
  because "pipes are never the host's"
  test { host-func("my:pipes", "new", #i) => opener(pipes(), nobody().new).new }
}
rule write {
  match   host-func("my:pipes", "write", ?i)
  where   memories(?i, 1)
  rewrite stream-write(pipes(), first-memory(?i), stream-copy(first-memory(?i), pipe-memory()), nobody().transfer, traps()).write
  because "pipes are never the host's"
  test { given memories(#i, 1); host-func("my:pipes", "write", #i) => stream-write(pipes(), first-memory(#i), stream-copy(first-memory(#i), pipe-memory()), nobody().transfer, traps()).write }
  test "it has no memory" { given memories(#i, 0); host-func("my:pipes", "write", #i) =/=> }
}
rule read {
  match   host-func("my:pipes", "read", ?i)
  where   memories(?i, 1)
  rewrite stream-read(pipes(), first-memory(?i), stream-copy(pipe-memory(), first-memory(?i)), nobody().transfer, traps()).read
  because "pipes are never the host's"
  test { given memories(#i, 1); host-func("my:pipes", "read", #i) => stream-read(pipes(), first-memory(#i), stream-copy(pipe-memory(), first-memory(#i)), nobody().transfer, traps()).read }
  test "it has no memory" { given memories(#i, 0); host-func("my:pipes", "read", #i) =/=> }
}
rule end {
  match   host-func("my:pipes", "end", ?i)
  rewrite closer(pipes(), nobody().drop).writable
  because "pipes are never the host's"
  test { host-func("my:pipes", "end", #i) => closer(pipes(), nobody().drop).writable }
}
"#;

#[test]
fn packs_may_have_streams_of_their_own() {
    let functions = [("new", 0, "i64"), ("write", 4, "i32"), ("read", 4, "i32")];
    let a = wrappers("a", "my:pipes", &functions, r#"(memory (export "a_memory") 1)"#);
    let a =
        a.replacen("(memory", r#"(import "my:pipes" "end" (func $end (param i32))) (memory"#, 1);
    let a = format!(r#"{} (export "a_end" (func $end)))"#, a.strip_suffix(')').unwrap());
    let b = wrappers("b", "my:pipes", &functions, r#"(memory (export "b_memory") 1)"#);
    check_with(fuser(&[("a", a), ("b", b)]), PIPES, |module| {
        let [readable, writable] = ends(module.call("a_new", &[]).unwrap());
        let mut received = Vec::new();
        for round in 0..5_u8 {
            let bytes: Vec<u8> = (0..20).map(|at| at + 20 * round).collect();
            module.write("a_memory", 0, &bytes);
            assert_eq!(module.call("a_write", &[writable, 0, 20, 0]), Ok(16));
            assert_eq!(module.call("b_read", &[readable, 100, 5, 0]), Ok(5));
            received.extend(module.read("b_memory", 100, 5));
            assert_eq!(module.call("a_write", &[writable, 16, 4, 0]), Ok(4));
            assert_eq!(module.call("b_read", &[readable, 100, 50, 0]), Ok(15));
            received.extend(module.read("b_memory", 100, 15));
        }
        assert_eq!(received, (0..100).collect::<Vec<u8>>());
        module.call("a_end", &[writable]).unwrap();
        assert_eq!(module.call("b_read", &[readable, 100, 5, 0]), Ok(0));
        assert_ne!(module.call("b_new", &[]), Ok(-2));
        assert_eq!(module.call("b_new", &[]), Ok(-2), "there are two");
        assert_eq!(module.call("b_read", &[7, 100, 5, 0]), Ok(-2), "the host has none");
    });
}

/// A pack that uses the first memory of a guest without one is told so.
#[test]
fn a_rule_without_its_guard_is_told_which_guest_lacks_what() {
    let pack = |answer: &str| {
        format!(
            r#"pack my.thing
            use meld.vocabulary
            use meld.streams
            rule f {{ match host-func("meld:gate", "f", ?i) rewrite {answer} because "it is ours"
              test {{ host-func("meld:gate", "f", #i) => {} }} }}"#,
            answer.replace("?i", "#i")
        )
    };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("thing.meld");
    for (answer, kind) in [
        ("word-copier(first-memory(?i), first-memory(?i)).copy", "memory"),
        (r#"host-value(host-import("env", "f", ?i), first-memory-index(?i)).call"#, "memory"),
        ("dispatch-table(first-table(?i), dispatcher(?i, 1)).register-index", "table"),
    ] {
        let pack = pack(answer).replace(
            "meld.streams",
            if kind == "table" { "meld.dispatch" } else { "meld.streams" },
        );
        std::fs::write(&path, pack).unwrap();
        let guest =
            r#"(module (import "meld:gate" "f" (func (param i32 i32 i32))) (export "f" (func 0)))"#;
        let error = fuser(&[("a", guest.to_string())]).rules(&path).fuse().unwrap_err().to_string();
        assert!(error.contains(&format!("the first {kind} of a, which has none")), "{error}");
    }
}

//! What stays with the host, and what it is told.

use crate::harness::{ALL, Drive, FUTURES, INVALID, check, fuser, guest, guest_with, pair};

/// A guest that names its memory by 0 means its own, whatever its index in the fused module.
#[test]
fn the_host_is_told_the_right_memory() {
    // Neither has the other end: all streams are the host's.
    let guests = ["a", "b", "c"].map(|name| (name, guest(name, &["stream_read", "future_read"])));
    check(&fuser(&guests), |module| {
        for (value, name) in [(1, "a"), (2, "b"), (3, "c")] {
            let handle = module.host().stream_with(&[value; 7]);
            assert_eq!(module.take(name, handle, 7), Ok(vec![value; 7]), "{name}");
        }
    });
    // Streams inside and of the host, in the same guests.
    check(&pair(), |module| {
        for name in ["a", "b"] {
            let handle = module.host().stream_with(name.as_bytes());
            assert_eq!(module.take(name, handle, 7), Ok(name.as_bytes().to_vec()));
        }
    });
    // What is no memory of the guest's is none of the fused module's.
    let guests = ["a", "b"].map(|name| {
        let text = guest(name, &["stream_read"]).replace("(i32.const 0))", "(i32.const 1))");
        (name, text)
    });
    check(&fuser(&guests), |module| {
        let handle = module.host().stream_with(b"x");
        assert_eq!(module.go("a_stream_read", &[handle, 0, 1]), -6);
        assert_eq!(module.host().calls, [("stream_read", vec![handle, 0, 1, -1])]);
    });
}

#[test]
fn a_guest_with_two_memories_is_refused() {
    for memories in ["", "(memory 1) (memory 1)"] {
        let text = guest_with("a", &["stream_read"], memories);
        let error = fuser(&[("a", text)]).fuse().unwrap_err().to_string();
        assert!(error.contains("stream_read") && error.contains("memories"), "{error}");
    }
}

/// What nothing calls is the host's to supply and nobody's to refuse, nor is it in the output.
#[test]
fn an_intrinsic_that_nothing_calls_is_left_alone() {
    let imports = r#"
      (import "pulseengine:async" "stream_read" (func $read (param i32 i32 i32 i32) (result i32)))
      (import "pulseengine:async" "future_write" (func $write (param i32 i32 i32) (result i32)))
      (import "pulseengine:async" "thread_new" (func $thread (param i32 i32) (result i32)))"#;
    let dead = r#"(func $dead (result i32)
      (drop (call $thread (i32.const 0) (i32.const 0)))
      (drop (call $write (i32.const 0) (i32.const 0) (i32.const 0)))
      (call $read (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)))"#;
    for memories in ["", "(memory 1)", "(memory 1) (memory 1)"] {
        for dead in ["", dead] {
            let text = format!(
                r#"(module {imports} {memories} {dead}
                  (func (export "a_run") (result i32) (i32.const 5)))"#
            );
            // Beside guests that share streams, and alone.
            for more in [&[][..], &["b", "c"]] {
                let more = more.iter().map(|name| (*name, guest(name, &ALL)));
                let guests: Vec<_> = [("a", text.clone())].into_iter().chain(more).collect();
                check(&fuser(&guests), |module| assert_eq!(module.go("a_run", &[]), 5));
            }
            let bytes = fuser(&[("a", text)]).fuse().unwrap().bytes;
            let text = wasmprinter::print_bytes(bytes).unwrap();
            assert!(!text.contains("pulseengine:async"), "{text}");
        }
    }
}

/// One guest that reads and writes has its other ends with the host, as far as anybody knows.
#[test]
fn a_guest_alone_keeps_the_host() {
    check(&fuser(&[("a", guest("a", &ALL))]), |module| {
        let (readable, writable) = module.new_pair("a_stream_new");
        assert!(readable >= 0 && writable >= 0);
        assert_eq!(module.put("a", writable, b"x"), 1);
        assert_eq!(module.take("a", readable, 1), Ok(b"x".to_vec()));
        assert_eq!(module.host().calls.len(), 3);
    });
}

/// Nor does a module that only passes the intrinsics on make two of it.
#[test]
fn a_guest_alone_behind_a_shim_keeps_the_host() {
    let names = ["stream_new", "stream_read", "stream_write"];
    let types = [
        "(result i64)",
        "(param i32 i32 i32 i32) (result i32)",
        "(param i32 i32 i32 i32) (result i32)",
    ];
    let shim: String = names
        .iter()
        .zip(types)
        .map(|(name, ty)| {
            format!(
                r#"(import "pulseengine:async" "{name}" (func ${name} {ty}))
                   (export "{name}" (func ${name}))"#
            )
        })
        .collect();
    let guest = guest("a", &names).replace("pulseengine:async", "shim");
    let shim = format!("(module {shim})");
    check(&fuser(&[("shim", shim), ("a", guest)]), |module| {
        let (readable, writable) = module.new_pair("a_stream_new");
        assert!(readable >= 0 && writable >= 0);
    });
}

#[test]
fn a_guest_of_which_only_the_memory_is_left_stays() {
    // The call through `a` goes straight to the intrinsic, which reads into the memory of `a`.
    let a = |memory: &str| {
        format!(
            r#"(module
              (import "pulseengine:async" "stream_read"
                (func $read (param i32 i32 i32 i32) (result i32)))
              (memory {memory} 1) (data (i32.const 0) "abcdef")
              (func (export "read") (param i32 i32 i32 i32) (result i32)
                (call $read (local.get 0) (local.get 1) (local.get 2) (local.get 3))))"#
        )
    };
    let b = r#"(module
      (import "a" "read" (func $read (param i32 i32 i32 i32) (result i32)))
      (memory (export "b_memory") 1) (data (i32.const 0) "bbbbbb")
      (func (export "b_stream_read") (param i32 i32 i32) (result i32)
        (call $read (local.get 0) (local.get 1) (local.get 2) (i32.const 0))))"#;
    // What is imported from a guest is not exported, unless somebody passes it on.
    let c = r#"(module
      (import "a" "memory" (memory 1))
      (export "a_memory" (memory 0)))"#;
    let exported = a(r#"(export "memory")"#);
    check(&fuser(&[("a", exported), ("b", b.into()), ("c", c.into())]), |module| {
        let handle = module.host().stream_with(b"xyz");
        assert_eq!(module.go("b_stream_read", &[handle, 1, 7]), 3);
        assert_eq!(module.read("a_memory", 0, 6), b"axyzef");
        assert_eq!(module.read("b_memory", 0, 6), b"bbbbbb");
    });
    // A memory that nobody exports stays, too: the host is told which it is, and cannot see it.
    check(&fuser(&[("a", a("")), ("b", b.into())]), |module| {
        let handle = module.host().stream_with(b"xyz");
        assert_eq!(module.go("b_stream_read", &[handle, 1, 7]), -6);
        let [(_, args)] = &module.host().calls[..] else { panic!("one call") };
        assert!(args[3] >= 0);
    });
}

#[test]
fn an_intrinsic_that_is_passed_on_is_the_callers() {
    // `b` imports what `a` imports and exports again: it is `b` that calls, with its own memory.
    let a = r#"(module
      (import "pulseengine:async" "stream_read" (func $read (param i32 i32 i32 i32) (result i32)))
      (memory (export "a_memory") 1)
      (export "read" (func $read)))"#;
    let b = r#"(module
      (import "a" "read" (func $read (param i32 i32 i32 i32) (result i32)))
      (memory (export "b_memory") 1)
      (func (export "b_stream_read") (param i32 i32 i32) (result i32)
        (call $read (local.get 0) (local.get 1) (local.get 2) (i32.const 0))))"#;
    check(&fuser(&[("a", a.into()), ("b", b.into())]), |module| {
        let handle = module.host().stream_with(b"mine");
        assert_eq!(module.take("b", handle, 7), Ok(b"mine".to_vec()));
    });
}

/// The same where `b` calls it by a function that does nothing else, and `c` calls that.
#[test]
fn an_intrinsic_that_is_called_for_others_is_the_callers() {
    let a = r#"(module
      (import "pulseengine:async" "stream_read" (func $read (param i32 i32 i32 i32) (result i32)))
      (memory 1)
      (export "read" (func $read)))"#;
    let b = r#"(module
      (import "a" "read" (func $read (param i32 i32 i32 i32) (result i32)))
      (memory (export "memory") 1)
      (func (export "read") (param i32 i32 i32 i32) (result i32)
        (call $read (local.get 0) (local.get 1) (local.get 2) (local.get 3))))"#;
    let c = r#"(module
      (import "b" "read" (func $read (param i32 i32 i32 i32) (result i32)))
      (import "b" "memory" (memory 1))
      (memory (export "c_memory") 1)
      (export "b_memory" (memory 0))
      (func (export "b_stream_read") (param i32 i32 i32) (result i32)
        (call $read (local.get 0) (local.get 1) (local.get 2) (i32.const 0))))"#;
    check(&fuser(&[("a", a.into()), ("b", b.into()), ("c", c.into())]), |module| {
        let handle = module.host().stream_with(b"mine");
        assert_eq!(module.take("b", handle, 7), Ok(b"mine".to_vec()));
    });
}

#[test]
fn threads_are_refused() {
    let text = r#"(module
      (import "pulseengine:async" "thread_new" (func $new (param i32 i32) (result i32)))
      (func (export "run") (result i32) (call $new (i32.const 1) (i32.const 2))))"#;
    let error = fuser(&[("a", text.into())]).fuse().unwrap_err().to_string();
    assert!(error.contains("threads") && error.contains("index"), "{error}");
}

/// Whoever is given a handle that was made inside, and whatever function it is given to.
#[test]
fn a_tagged_handle_never_reaches_the_host() {
    let all: Vec<&str> = ALL.into_iter().chain(FUTURES).collect();
    // `a` and `b` share one kind; the other one is of `a` alone.
    for (shared, kind, alone) in [(&ALL, "stream", "future"), (&FUTURES, "future", "stream")] {
        let guests = [("a", guest("a", &all)), ("b", guest("b", shared))];
        let bytes = if kind == "future" { "8" } else { "0" };
        check(&fuser(&guests).set("streams.future-bytes", bytes), |module| {
            let (readable, writable) = module.new_pair(&format!("a_{kind}_new"));
            assert!(readable < 0 && writable < 0);
            let more: &[i32] = if alone == "stream" { &[16, 4] } else { &[16] };
            for handle in [readable, writable, -1] {
                for function in ["read", "write"] {
                    let args = [&[handle], more].concat();
                    let export = format!("a_{alone}_{function}");
                    assert_eq!(module.go(&export, &args), INVALID, "{export} {handle:#x}");
                }
                for function in ["cancel_read", "cancel_write", "drop_readable", "drop_writable"] {
                    assert_eq!(module.go(&format!("a_{alone}_{function}"), &[handle]), 0);
                }
            }
            assert_eq!(module.host().calls, []);
            // What the host made is still the host's.
            let (readable, writable) = module.new_pair(&format!("a_{alone}_new"));
            assert!(readable >= 0);
            module.go(&format!("a_{alone}_drop_writable"), &[writable]);
            assert_eq!(module.go(&format!("a_{alone}_cancel_read"), &[readable]), 1);
            assert_eq!(module.host().calls.len(), 3);
        });
        // Where nothing can be inside, all is the host's to judge.
        let none = fuser(&guests).set("streams.slots", "0").set("streams.future-slots", "0");
        let text = wasmprinter::print_bytes(none.fuse().unwrap().bytes).unwrap();
        assert!(!text.contains("meld:guarded") && !text.contains("meld:bridge"), "{text}");
    }
    // Of one kind there are no slots, and both are shared.
    check(&pair().set("streams.slots", "0").set("streams.future-bytes", "8"), |module| {
        let (readable, writable) = module.new_pair("a_future_new");
        assert!(readable < 0 && writable < 0);
        assert_eq!(module.go("b_stream_read", &[readable, 0, 1]), INVALID);
        assert_eq!(module.go("b_stream_write", &[writable, 0, 1]), INVALID);
        assert_eq!(module.host().calls, []);
    });
}

/// Imports that are never called are no sign that anybody reads.
#[test]
fn guests_that_name_no_function_share_nothing() {
    let memory = r#"(memory (export "b_memory") 1)"#;
    let read = r#"(import "pulseengine:async" "stream_read"
      (func $read (param i32 i32 i32 i32) (result i32)))"#;
    let run = r#"(func (export "run"))"#;
    let call = r#"(func (export "run")
      (drop (call $read (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0))))"#;
    let table = r#"(table funcref (elem $read))"#;
    for (more, shares) in [(run, false), (call, true), (&format!("{run}{table}"), true)] {
        let b = format!("(module {read} {memory} {more})");
        check(&fuser(&[("a", guest("a", &ALL)), ("b", b)]), |module| {
            let (readable, _) = module.new_pair("a_stream_new");
            assert_eq!(readable < 0, shares, "{more}");
        });
    }
}

/// Nor is a guest of which others use the memory, or functions that call no intrinsic that matters.
#[test]
fn guests_that_nothing_calls_share_nothing() {
    let b = r#"(module
      (import "pulseengine:async" "stream_read" (func $read (param i32 i32 i32 i32) (result i32)))
      (import "a" "a_memory" (memory 1))
      (import "a" "a_stream_new" (func $new (result i64)))
      (import "a" "a_stream_write" (func $write (param i32 i32 i32) (result i32)))
      (export "a_memory" (memory 0))
      (func (export "b_stream_read") (param i32 i32 i32) (result i32)
        (call $read (local.get 0) (local.get 1) (local.get 2) (i32.const 0))) "#;
    let new = r#"(func (export "new") (result i64) (call $new))"#;
    let write = r#"(func (export "write") (param i32 i32 i32) (result i32)
      (call $write (local.get 0) (local.get 1) (local.get 2)))"#;
    for (calls, shares) in [("", false), (new, false), (&format!("{new}{write}"), true)] {
        let fuser = fuser(&[("a", guest("a", &ALL)), ("b", format!("{b}{calls})"))]);
        let text = wasmprinter::print_bytes(fuser.fuse().unwrap().bytes).unwrap();
        assert_eq!(text.contains("meld:bridge"), shares, "{text}");
        check(&fuser, |module| {
            let handle = module.host().stream_with(b"x");
            assert_eq!(module.go("b_stream_read", &[handle, 0, 1]), 1);
            assert_eq!(module.read("a_memory", 0, 1), b"x");
        });
    }
}

/// Its guests' handles would be others': there is no second bridge in it, nor one for both.
#[test]
fn a_fused_module_that_shares_streams_is_not_fused_again() {
    let fused = pair().fuse().unwrap().bytes;
    let again = |name: &str| {
        let fuser = meld::Fuser::new().input("fused", fused.clone());
        let error = fuser.input("c", guest("c", &[name]).into_bytes()).fuse().unwrap_err();
        error.to_string()
    };
    for name in ["stream_read", "stream_write", "stream_new"] {
        let error = again(name);
        for words in ["fused: import \"pulseengine:async\"", "exactly one memory", "all at once"] {
            assert!(error.contains(words), "no `{words}` in: {error}");
        }
    }
}

/// Without such guests, the pack leaves no trace.
#[test]
fn other_guests_pay_nothing() {
    let a = r#"(module (import "env" "log" (func $log (param i32)))
      (func (export "twice") (param i32) (call $log (local.get 0)) (call $log (local.get 0))))"#;
    let b = r#"(module (import "a" "twice" (func $twice (param i32)))
      (func (export "run") (call $twice (i32.const 7))))"#;
    let fuser = || fuser(&[("a", a.into()), ("b", b.into())]);
    let with = fuser().fuse().unwrap().bytes;
    let plain = r#"pack plain
      use meld.vocabulary
      rule import { match host-func(?m, ?n, ?i) rewrite host-import(?m, ?n, ?i) because "it is the host's"
        test { host-func("a", "b", #i) => host-import("a", "b", #i) } }
      rule forward { match through(_, ?callee) rewrite ?callee because "it only forwards"
        test { through(#f, #g) => #g } }"#;
    let pack = std::env::temp_dir().join(format!("meld-plain-{}.meld", std::process::id()));
    std::fs::write(&pack, plain).unwrap();
    let without = fuser().no_default_rules().rules(&pack).fuse();
    std::fs::remove_file(&pack).unwrap();
    assert_eq!(with, without.unwrap().bytes);
}

//! Streams and futures between fused core modules, with a host that counts every call and refuses every
//! handle that was made inside. Under wasmtime and wasmi.

use crate::harness::{ALL, Drive, FUTURES, INVALID, check, fuser, guest, guest_with, pair};

const CLOSED: i64 = -1;
const PENDING: i64 = -5;

/// `count` bytes of a sequence that does not repeat early.
fn pattern(from: usize, count: usize) -> Vec<u8> {
    (from..from + count).map(|at| (at * 31 + at / 251) as u8).collect()
}

#[test]
fn round_trip_with_zero_host_calls() {
    // All of it is driven by guests: `b` calls `a`, and the host one function.
    let a = r#"(module
      (import "pulseengine:async" "stream_new" (func $new (result i64)))
      (import "pulseengine:async" "stream_write" (func $write (param i32 i32 i32 i32) (result i32)))
      (import "pulseengine:async" "stream_drop_writable" (func $drop (param i32)))
      (memory 1)
      (data (i32.const 8) "hello")
      (func (export "make") (result i32)
        (local $pair i64) (local $writable i32)
        (local.set $pair (call $new))
        (local.set $writable (i32.wrap_i64 (i64.shr_u (local.get $pair) (i64.const 32))))
        (if (i32.ne
              (call $write (local.get $writable) (i32.const 8) (i32.const 5) (i32.const 0))
              (i32.const 5))
          (then unreachable))
        (call $drop (local.get $writable))
        (i32.wrap_i64 (local.get $pair))))"#;
    let b = r#"(module
      (import "a" "make" (func $make (result i32)))
      (import "pulseengine:async" "stream_read" (func $read (param i32 i32 i32 i32) (result i32)))
      (import "pulseengine:async" "stream_drop_readable" (func $drop (param i32)))
      (memory (export "b_memory") 1)
      (func (export "run") (result i32)
        (local $stream i32) (local $count i32)
        (local.set $stream (call $make))
        (local.set $count
          (call $read (local.get $stream) (i32.const 100) (i32.const 50) (i32.const 0)))
        (if (call $read (local.get $stream) (i32.const 200) (i32.const 50) (i32.const 0))
          (then unreachable))
        (call $drop (local.get $stream))
        (local.get $count)))"#;
    check(&fuser(&[("a", a.into()), ("b", b.into())]), |module| {
        // More often than there are slots.
        for _ in 0..100 {
            module.write("b_memory", 100, &[0; 5]);
            assert_eq!(module.go("run", &[]), 5);
            assert_eq!(module.read("b_memory", 100, 5), b"hello");
        }
        assert_eq!(module.host().calls, []);
    });
}

#[test]
fn a_300_byte_pattern_crosses_three_memories() {
    let guests = ["a", "b", "c"].map(|name| (name, guest(name, &ALL)));
    check(&fuser(&guests), |module| {
        let (first, into_first) = module.new_pair("a_stream_new");
        let (second, into_second) = module.new_pair("b_stream_new");
        assert_eq!(module.put("a", into_first, &pattern(0, 300)), 300);
        let middle = module.take("b", first, 1000).unwrap();
        assert_eq!(module.put("b", into_second, &middle), 300);
        assert_eq!(module.take("c", second, 1000).unwrap(), pattern(0, 300));
        assert_eq!(module.host().calls, []);
    });
}

#[test]
fn backpressure_drain_and_resume_with_wrap_on_both_sides() {
    check(&pair(), |module| {
        let (readable, writable) = module.new_pair("a_stream_new");
        assert_eq!(module.put("a", writable, &pattern(0, 4096)), 4096);
        assert_eq!(module.put("a", writable, &pattern(4096, 1)), 0, "the ring is full");
        assert_eq!(module.take("b", readable, 1000), Ok(pattern(0, 1000)));
        // 1000 fit, across the ring's end.
        assert_eq!(module.put("a", writable, &pattern(4096, 2000)), 1000);
        assert_eq!(module.put("a", writable, &pattern(0, 1)), 0);
        // 3096 to the end of the ring, and 904 from its start.
        assert_eq!(module.take("b", readable, 4000), Ok(pattern(1000, 4000)));
        assert_eq!(module.take("b", readable, 4000), Ok(pattern(5000, 96)));
        assert_eq!(module.take("b", readable, 1), Err(PENDING));
        // Any phase of the ring, and lengths on both sides of what is copied how.
        let (mut read, mut written) = (5096, 5096);
        for step in 0..400 {
            let count = (step * 37) % 600;
            let accepted = module.put("a", writable, &pattern(written, count));
            written += accepted as usize;
            assert!(accepted as usize == count || written - read == 4096);
            let most = (step * 53) % 500 + 1;
            if let Ok(bytes) = module.take("b", readable, most as i32) {
                assert_eq!(bytes, pattern(read, bytes.len()));
                assert!(bytes.len() == most || read + bytes.len() == written);
                read += bytes.len();
            }
        }
        assert_eq!(module.host().calls, []);
    });
}

#[test]
fn end_of_stream_only_after_drop_and_drain_then_sticky() {
    check(&pair(), |module| {
        let (readable, writable) = module.new_pair("a_stream_new");
        assert_eq!(module.take("b", readable, 10), Err(PENDING), "open and empty");
        assert_eq!(module.put("a", writable, &pattern(0, 20)), 20);
        module.go("a_stream_drop_writable", &[writable]);
        assert_eq!(module.take("b", readable, 15), Ok(pattern(0, 15)));
        assert_eq!(module.take("b", readable, 15), Ok(pattern(15, 5)));
        for _ in 0..3 {
            assert_eq!(module.take("b", readable, 15), Err(0));
            assert_eq!(module.take("b", readable, 0), Err(0));
        }
        assert_eq!(module.host().calls, []);
    });
}

#[test]
fn zero_length_reads_and_writes() {
    check(&pair(), |module| {
        let (readable, writable) = module.new_pair("a_stream_new");
        assert_eq!(module.take("b", readable, 0), Err(PENDING));
        assert_eq!(module.put("a", writable, &[]), 0);
        assert_eq!(module.put("a", writable, b"x"), 1);
        assert_eq!(module.take("b", readable, 0), Err(PENDING), "with data, never 0");
        module.go("a_stream_drop_writable", &[writable]);
        assert_eq!(module.take("b", readable, 0), Err(PENDING), "the byte is still there");
        assert_eq!(module.take("b", readable, 9), Ok(b"x".to_vec()));
        assert_eq!(module.host().calls, []);
    });
}

#[test]
fn a_write_after_either_end_was_dropped_is_closed() {
    check(&pair(), |module| {
        for drops in [&["readable"][..], &["writable"], &["readable", "writable"]] {
            let (readable, writable) = module.new_pair("a_stream_new");
            for end in drops {
                let handle = if *end == "readable" { readable } else { writable };
                module.go(&format!("b_stream_drop_{end}"), &[handle]);
            }
            assert_eq!(module.put("a", writable, b"x"), CLOSED, "{drops:?}");
            assert_eq!(module.put("a", writable, b""), CLOSED, "{drops:?}");
            if drops[0] == "readable" {
                assert_eq!(module.take("b", readable, 1), Err(INVALID));
            }
        }
        assert_eq!(module.host().calls, []);
    });
}

#[test]
fn wrong_kinds_of_handles_are_invalid() {
    check(&pair().set("streams.future-bytes", "4"), |module| {
        let (readable, writable) = module.new_pair("a_stream_new");
        let (future, promise) = module.new_pair("a_future_new");
        for handle in [writable, future, promise, -1, i32::MIN, i32::MIN + 100] {
            if handle != readable {
                assert_eq!(module.take("b", handle, 10), Err(INVALID), "{handle:#x}");
            }
        }
        for handle in [readable, future, promise, -1, i32::MIN, i32::MIN + 101] {
            assert_eq!(module.put("b", handle, b"x"), INVALID, "{handle:#x}");
        }
        for handle in [readable, writable, promise, -1] {
            assert_eq!(module.go("b_future_read", &[handle, 0]), INVALID, "{handle:#x}");
        }
        for handle in [readable, writable, future, -1] {
            assert_eq!(module.go("b_future_write", &[handle, 0]), INVALID, "{handle:#x}");
        }
        // Dropping what is no such end drops nothing.
        module.go("a_stream_drop_readable", &[writable]);
        module.go("a_stream_drop_writable", &[readable]);
        module.go("a_stream_drop_readable", &[future]);
        module.go("a_future_drop_readable", &[readable]);
        assert_eq!(module.put("a", writable, b"x"), 1);
        assert_eq!(module.take("b", readable, 1), Ok(b"x".to_vec()));
        assert_eq!(module.host().calls, []);
    });
}

#[test]
fn slots_are_reused_and_stale_handles_are_invalid() {
    check(&pair(), |module| {
        let mut stale: Vec<(i32, i32)> = Vec::new();
        for round in 0..50 {
            let pairs: Vec<_> = (0..8).map(|_| module.new_pair("a_stream_new")).collect();
            for (readable, writable) in &stale {
                assert_eq!(module.take("b", *readable, 1), Err(INVALID));
                assert_eq!(module.put("b", *writable, b"x"), INVALID);
                module.go("b_stream_drop_readable", &[*readable]);
                module.go("b_stream_drop_writable", &[*writable]);
            }
            for (at, (readable, writable)) in pairs.iter().enumerate() {
                let bytes = pattern(round * 8 + at, 10);
                assert_eq!(module.put("a", *writable, &bytes), 10);
                assert_eq!(module.take("b", *readable, 99), Ok(bytes));
                module.go("a_stream_drop_writable", &[*writable]);
                module.go("b_stream_drop_readable", &[*readable]);
            }
            stale = pairs;
        }
        assert_eq!(module.host().calls, []);
    });
}

#[test]
fn the_stream_after_the_last_slot_goes_to_the_host() {
    check(&pair(), |module| {
        for _ in 0..8 {
            let (readable, writable) = module.new_pair("a_stream_new");
            assert!(readable < 0 && writable < 0);
        }
        let (readable, writable) = module.new_pair("a_stream_new");
        assert!(readable >= 0 && writable >= 0);
        assert_eq!(module.put("a", writable, b"host"), 4);
        assert_eq!(module.take("b", readable, 9), Ok(b"host".to_vec()));
        assert_eq!(module.go("b_stream_cancel_read", &[readable]), 1);
        assert_eq!(module.go("a_stream_cancel_write", &[writable]), 1);
        module.go("a_stream_drop_writable", &[writable]);
        module.go("b_stream_drop_readable", &[readable]);
        let names: Vec<&str> = module.host().calls.iter().map(|(name, _)| *name).collect();
        let each_once = [
            "stream_new",
            "stream_write",
            "stream_read",
            "stream_cancel_read",
            "stream_cancel_write",
            "stream_drop_writable",
            "stream_drop_readable",
        ];
        assert_eq!(names, each_once);
    });
}

#[test]
fn cancelling_inside_finds_nothing_pending() {
    check(&pair(), |module| {
        let (readable, writable) = module.new_pair("a_stream_new");
        assert_eq!(module.go("b_stream_cancel_read", &[readable]), 0);
        assert_eq!(module.go("a_stream_cancel_write", &[writable]), 0);
        assert_eq!(module.host().calls, []);
    });
}

#[test]
fn producer_and_consumer_may_share_a_memory() {
    let b = guest_with(
        "b",
        &ALL,
        r#"(import "a" "a_memory" (memory 1)) (export "b_memory" (memory 0))"#,
    );
    // `b` has the memory of `a`; `c` makes `a` export its functions, too.
    let a = guest("a", &ALL);
    let c = r#"(module
      (import "a" "a_stream_new" (func $new (result i64)))
      (import "a" "a_stream_write" (func $write (param i32 i32 i32) (result i32)))
      (export "a_stream_new" (func $new))
      (export "a_stream_write" (func $write)))"#;
    check(&fuser(&[("a", a), ("b", b), ("c", c.into())]), |module| {
        let (readable, writable) = module.new_pair("a_stream_new");
        module.write("b_memory", 1000, &pattern(0, 500));
        assert_eq!(module.go("a_stream_write", &[writable, 1000, 500]), 500);
        assert_eq!(module.take("b", readable, 600), Ok(pattern(0, 500)));
        assert_eq!(module.host().calls, []);
    });
}

#[test]
fn a_handle_passes_through_a_third_guest() {
    let a = guest("a", &["stream_new", "stream_write", "stream_drop_writable"]);
    // `m` knows nothing of streams: it keeps a number.
    let m = r#"(module
      (global $kept (mut i32) (i32.const 0))
      (func (export "keep") (param i32) (global.set $kept (local.get 0)))
      (func (export "kept") (result i32) (global.get $kept)))"#;
    let b = r#"(module
      (import "m" "kept" (func $kept (result i32)))
      (import "m" "keep" (func $keep (param i32)))
      (import "pulseengine:async" "stream_read" (func $read (param i32 i32 i32 i32) (result i32)))
      (memory (export "b_memory") 1)
      (export "keep" (func $keep))
      (func (export "b_stream_read") (param i32 i32 i32) (result i32)
        (call $read (call $kept) (local.get 1) (local.get 2) (i32.const 0))))"#;
    check(&fuser(&[("a", a), ("m", m.into()), ("b", b.into())]), |module| {
        let (readable, writable) = module.new_pair("a_stream_new");
        module.go("keep", &[readable]);
        assert_eq!(module.put("a", writable, &pattern(0, 64)), 64);
        assert_eq!(module.take("b", 0, 100), Ok(pattern(0, 64)));
        assert_eq!(module.host().calls, []);
    });
}

#[test]
fn buffers_out_of_range_trap_and_nothing_moves() {
    check(&pair().set("streams.future-bytes", "8"), |module| {
        let (readable, writable) = module.new_pair("a_stream_new");
        let (future, promise) = module.new_pair("a_future_new");
        assert_eq!(module.put("a", writable, &pattern(0, 10)), 10);
        for (pointer, length) in
            [(0xffff, 2), (0x1_0000, 1), (-1, 1), (-1, -1), (0, 0x1_0001), (0x1_0001, 0)]
        {
            for (export, handle) in [("b_stream_read", readable), ("a_stream_write", writable)] {
                let error = module.call(export, &[handle, pointer, length]).unwrap_err();
                // wasmi knows no names.
                let reason = ["meld:trap:buffer-out-of-bounds", "UnreachableCodeReached"];
                assert!(reason.iter().any(|text| error.contains(text)), "{error}");
            }
        }
        for (export, handle) in [("b_future_read", future), ("a_future_write", promise)] {
            for pointer in [0xfff9, 0x1_0000, -1, -8] {
                assert!(module.call(export, &[handle, pointer]).is_err(), "{export} {pointer}");
            }
        }
        // At the very end of memory there is room.
        assert_eq!(module.go("b_stream_read", &[readable, 0x1_0000 - 4, 4]), 4);
        assert_eq!(module.read("b_memory", 0x1_0000 - 4, 4), pattern(0, 4));
        assert_eq!(module.take("b", readable, 100), Ok(pattern(4, 6)));
        assert_eq!(module.go("b_stream_read", &[readable, 0x1_0000, 0]), PENDING);
        assert_eq!(module.go("a_future_write", &[promise, 0xfff8]), 1);
        assert_eq!(module.host().calls, []);
    });
}

#[test]
fn a_memory_that_the_caller_does_not_have_traps() {
    let a = guest("a", &ALL).replace("(i32.const 0))", "(i32.const 1))");
    check(&fuser(&[("a", a), ("b", guest("b", &ALL))]), |module| {
        let (readable, writable) = module.new_pair("a_stream_new");
        assert_eq!(module.put("b", writable, b"x"), 1);
        assert!(module.call("a_stream_write", &[writable, 0, 1]).is_err());
        assert!(module.call("a_stream_read", &[readable, 0, 1]).is_err());
        assert_eq!(module.host().calls, []);
    });
}

#[test]
fn futures_are_all_or_nothing() {
    check(&pair().set("streams.future-bytes", "8"), |module| {
        let (future, promise) = module.new_pair("a_future_new");
        assert!(future < 0 && promise < 0);
        module.write("b_memory", 504, &[0xa5; 24]);
        assert_eq!(module.go("b_future_read", &[future, 512]), 0, "pending");
        module.write("a_memory", 64, &pattern(0, 8));
        assert_eq!(module.go("a_future_write", &[promise, 64]), 1);
        assert_eq!(module.go("a_future_write", &[promise, 64]), CLOSED, "once only");
        module.go("a_future_drop_writable", &[promise]);
        for _ in 0..2 {
            assert_eq!(module.go("b_future_read", &[future, 512]), 1, "resolved, and stays so");
            let found = module.read("b_memory", 504, 24);
            assert_eq!(found[8..16], pattern(0, 8));
            assert!(found[..8].iter().chain(&found[16..]).all(|byte| *byte == 0xa5));
        }
        assert_eq!(module.go("b_future_cancel_read", &[future]), 0);
        assert_eq!(module.go("a_future_cancel_write", &[promise]), 0);
        module.go("b_future_drop_readable", &[future]);
        assert_eq!(module.go("b_future_read", &[future, 512]), INVALID);

        let (future, promise) = module.new_pair("b_future_new");
        module.go("b_future_drop_readable", &[future]);
        assert_eq!(module.go("a_future_write", &[promise, 64]), CLOSED);
        let (future, promise) = module.new_pair("b_future_new");
        module.go("b_future_drop_writable", &[promise]);
        assert_eq!(module.go("b_future_read", &[future, 512]), CLOSED, "nobody will write");
        assert_eq!(module.host().calls, []);
    });
}

/// The intrinsics do not say how many bytes a future has: as long as the user does not, they are the
/// host's.
#[test]
fn futures_of_unknown_size_stay_with_the_host() {
    check(&pair(), |module| {
        let (future, promise) = module.new_pair("a_future_new");
        assert!(future >= 0 && promise >= 0);
        assert_eq!(module.go("b_future_read", &[future, 512]), 0);
        assert_eq!(module.go("a_future_write", &[promise, 0]), 1);
        let names: Vec<&str> = module.host().calls.iter().map(|(name, _)| *name).collect();
        assert_eq!(names, ["future_new", "future_read", "future_write"]);
    });
    let futures: Vec<&str> = FUTURES.into_iter().collect();
    let only = fuser(&[("a", guest("a", &futures)), ("b", guest("b", &futures))]);
    let text = wasmprinter::print_bytes(only.fuse().unwrap().bytes).unwrap();
    assert!(!text.contains("meld:bridge") && !text.contains("meld:future"), "{text}");
}

#[test]
fn functions_that_nobody_knows_stay_with_the_host() {
    let all: Vec<&str> = ALL.into_iter().collect();
    let poll = r#"(module
      (import "pulseengine:async" "stream_poll" (func (param i32) (result i32)))
      (export "poll" (func 0)))"#;
    let fuser = fuser(&[("a", guest("a", &all)), ("b", guest("b", &all)), ("c", poll.to_string())]);
    let text = wasmprinter::print_bytes(fuser.fuse().unwrap().bytes).unwrap();
    assert!(text.contains(r#"(import "pulseengine:async" "stream_poll""#), "{text}");
}

/// What is smallest copies bytes by one instruction.
#[test]
fn small_code_copies_plainly() {
    let small = pair().weight(meld::Weight::Size);
    let text = wasmprinter::print_bytes(small.fuse().unwrap().bytes).unwrap();
    assert!(text.contains("meld:copy-plain") && !text.contains("v128"), "{text}");
    check(&small, |module| {
        let (readable, writable) = module.new_pair("a_stream_new");
        let bytes = pattern(0, 3000);
        assert_eq!(module.put("a", writable, &bytes), 3000);
        assert_eq!(module.take("b", readable, 4000), Ok(bytes));
    });
    let fast = wasmprinter::print_bytes(pair().fuse().unwrap().bytes).unwrap();
    assert!(!fast.contains("meld:copy-plain") && fast.contains("v128"), "{fast}");
}

#[test]
fn constants_are_the_users() {
    let large = pair().set("streams.slots", "64").set("streams.ring-bytes", "65536");
    check(&large.set("streams.ring-page", "65536"), |module| {
        let pairs: Vec<_> = (0..64).map(|_| module.new_pair("a_stream_new")).collect();
        for (_, writable) in &pairs {
            assert_eq!(module.go("a_stream_write", &[*writable, 0, 65536]), 65536);
            assert_eq!(module.go("a_stream_write", &[*writable, 0, 1]), 0);
        }
        assert_eq!(module.host().calls, []);
        let (readable, _) = module.new_pair("a_stream_new");
        assert!(readable >= 0);
    });
    // Rings far apart are in memory, too.
    let apart = pair().set("streams.ring-page", "65536").set("streams.ring-bytes", "1024");
    check(&apart, |module| {
        for _ in 0..8 {
            let (readable, writable) = module.new_pair("a_stream_new");
            assert_eq!(module.put("a", writable, &[7; 1024]), 1024);
            assert_eq!(module.take("b", readable, 2000), Ok(vec![7; 1024]));
        }
        assert_eq!(module.host().calls, []);
    });
    // Whatever the handle, it is the host's to judge: nothing of the bridge is left.
    let none = pair().set("streams.slots", "0").set("streams.future-slots", "0");
    let text = wasmprinter::print_bytes(none.fuse().unwrap().bytes).unwrap();
    assert!(!text.contains("meld:bridge") && text.contains("meld:host-buffer"), "{text}");
    check(&pair().set("streams.slots", "0"), |module| {
        let (readable, writable) = module.new_pair("a_stream_new");
        assert!(readable >= 0 && writable >= 0);
        assert_eq!(module.put("a", writable, b"x"), 1);
        assert_eq!(module.take("b", readable, 1), Ok(b"x".to_vec()));
        assert_eq!(module.host().calls.len(), 3);
    });
    check(&pair().set("streams.slots", "1").set("streams.ring-bytes", "1"), |module| {
        let (readable, writable) = module.new_pair("a_stream_new");
        for byte in 0..5 {
            assert_eq!(module.put("a", writable, &[byte, 9]), 1);
            assert_eq!(module.take("b", readable, 7), Ok(vec![byte]));
        }
        assert_eq!(module.host().calls, []);
    });
    for (constant, value) in [
        ("streams.slots", "3"),
        ("streams.slots", "2048"),
        ("streams.ring-bytes", "0"),
        ("streams.ring-bytes", "1000"),
        ("streams.ring-page", "4"),
        ("streams.future-bytes", "-1"),
    ] {
        let error = pair().set(constant, value).fuse().unwrap_err().to_string();
        assert!(error.contains(constant), "{error}");
    }
}

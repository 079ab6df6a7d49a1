//! Channels, gates, events and callbacks between fused core modules. Under wasmtime and wasmi, with
//! nothing left for the host to supply.

use crate::harness::{CHANNELS, check_alone, ends, fuser, refusal, wrappers};
use meld::Fuser;
use meld_fuse_tests::sources::Sources;

/// The example of the page, by the command that stands there.
#[test]
fn the_example_of_the_book_runs() {
    let sources = Sources::read().unwrap();
    let page = sources.text("docs/async-modules.md").unwrap();
    let example = page.split("```sh\nmeld fuse ").nth(1).and_then(|rest| rest.lines().next());
    let mut fuser = Fuser::new();
    for path in example.expect("there is one").split(' ').filter(|word| word.ends_with(".wat")) {
        let name = path.rsplit('/').next().unwrap().trim_end_matches(".wat");
        fuser = fuser.input(name, sources.text(path).unwrap().into_bytes());
    }
    check_alone(&fuser, |module| assert_eq!(module.call("run", &[]), Ok(42)));
}

/// Two guests, `a` and `b`, that use channels from memories of their own.
fn channels(module: &str) -> Fuser {
    let of = |name: &str| {
        let memory = format!(r#"(memory (export "{name}_memory") 1)"#);
        (wrappers(name, module, &CHANNELS, &memory), name.to_string())
    };
    let (a, b) = (of("a"), of("b"));
    fuser(&[("a", a.0), ("b", b.0)])
}

#[test]
fn elements_go_from_memory_to_memory() {
    let fuser = channels("meld:channels");
    let fuser = fuser.set("channels.element-size", "12").set("channels.element-align", "4");
    check_alone(&fuser, |module| {
        assert_eq!(module.call("a_capacity", &[]), Ok(256));
        let [reader, writer] = ends(module.call("a_new", &[]).unwrap());
        let mut sent: Vec<u8> = Vec::new();
        let mut received: Vec<u8> = Vec::new();
        // More than the ring holds, so that it wraps several times.
        for round in 0..40_usize {
            let bytes: Vec<u8> = (0..100 * 12).map(|at| (at * 31 + round * 7) as u8).collect();
            module.write("a_memory", 16, &bytes);
            let written = module.call("a_write", &[writer, 16, 100]).unwrap();
            sent.extend(&bytes[..written as usize * 12]);
            let available = module.call("b_available", &[reader]).unwrap();
            let space = module.call("a_space", &[writer]).unwrap();
            assert_eq!(available + space, 256);
            let read = module.call("b_read", &[reader, 32, 33 + round as i32]).unwrap();
            received.extend(module.read("b_memory", 32, read as usize * 12));
        }
        assert_eq!(module.call("a_drop-writable", &[writer]), Ok(0));
        loop {
            match module.call("b_read", &[reader, 32, 50]).unwrap() {
                0 => break,
                read => received.extend(module.read("b_memory", 32, read as usize * 12)),
            }
        }
        assert!(sent.len() > 20 * 256);
        assert_eq!(sent, received);
        assert_eq!(module.call("b_read", &[reader, 32, 50]), Ok(0), "the end stays");
        assert_eq!(module.call("b_drop-readable", &[reader]), Ok(0));
        assert_eq!(module.call("b_read", &[reader, 32, 50]), Ok(-2));
    });
}

#[test]
fn buffers_are_checked() {
    check_alone(&channels("meld:channels"), |module| {
        let [_, writer] = ends(module.call("a_new", &[]).unwrap());
        for (ptr, count, name) in [
            (4, 1, "unaligned-pointer"),
            (0x1_0000 - 8, 2, "list-out-of-bounds"),
            (0, -1, "list-out-of-bounds"),
            (-8, 1, "list-out-of-bounds"),
        ] {
            let trap = module.call("a_write", &[writer, ptr, count]).unwrap_err();
            // The other engine says no more than that it is unreachable.
            assert!(trap.contains(name) || trap.contains("UnreachableCodeReached"), "{trap}");
        }
        assert_eq!(module.call("a_write", &[writer, 0x1_0000 - 8, 1]), Ok(1));
        assert_eq!(module.call("a_write", &[writer, -1, 0]), Ok(0));
    });
}

/// The writer has the memory, the reader imports it; a third guest has another one.
fn shared() -> Fuser {
    let all: Vec<_> = CHANNELS.into_iter().filter(|(name, ..)| *name != "new").collect();
    let with_borrow = |more: &[(&'static str, usize, &'static str)]| {
        let borrow = [("new", 1, "i64"), ("borrow", 1, "i64"), ("release", 1, "i32")];
        all.iter().copied().chain(borrow).chain(more.iter().copied()).collect::<Vec<_>>()
    };
    let module = "meld:channels/shared";
    let of_a = r#"(memory (export "memory") 1)"#;
    let a = wrappers("a", module, &with_borrow(&[]), of_a);
    let b = wrappers("b", module, &with_borrow(&[]), r#"(export "b_memory" (memory 0))"#);
    let b = b.replacen("(module ", r#"(module (import "a" "memory" (memory 1)) "#, 1);
    let c = wrappers("c", module, &with_borrow(&[]), r#"(memory (export "c_memory") 1)"#);
    // What a test calls of `a` is passed on, as others import from it.
    let mut d = String::from("(module ");
    let mut exports = String::new();
    for name in ["new", "write", "drop-writable", "available", "space"] {
        let (params, result) = match name {
            "new" => ("i32", "i64"),
            "write" => ("i32 i32 i32", "i32"),
            _ => ("i32", "i32"),
        };
        d += &format!(
            r#"(import "a" "a_{name}" (func ${name} (param {params}) (result {result})))"#
        );
        exports += &format!(r#"(export "a_{name}" (func ${name}))"#);
    }
    d += &(exports + ")");
    fuser(&[("a", a), ("b", b), ("c", c), ("d", d)])
}

#[test]
fn elements_are_borrowed_where_they_lie() {
    check_alone(&shared(), |module| {
        let [reader, writer] = ends(module.call("a_new", &[8192]).unwrap());
        let bytes: Vec<u8> = (0..32).collect();
        module.write("b_memory", 64, &bytes);
        assert_eq!(module.call("a_write", &[writer, 64, 4]), Ok(4));
        module.write("b_memory", 64, &[0; 32]);
        for element in 0..4_usize {
            let at = module.call("b_borrow", &[reader]).unwrap();
            assert_eq!(at, 8192 + 8 * element as i64);
            let found = module.read("b_memory", at as usize, 8);
            assert_eq!(found, bytes[8 * element..][..8]);
            assert_eq!(module.call("b_borrow", &[reader]), Ok(-6));
            assert_eq!(module.call("b_release", &[reader]), Ok(0));
            assert_eq!(module.call("b_release", &[reader]), Ok(-6));
        }
        assert_eq!(module.call("b_borrow", &[reader]), Ok(-5));
        // The whole ring has to be in memory.
        assert!(module.call("a_new", &[0x1_0000 - 4096 + 8]).is_err());
        assert!(module.call("a_new", &[4]).is_err());
    });
}

/// A guest with another memory has other channels.
#[test]
fn memories_that_are_not_shared_have_channels_of_their_own() {
    check_alone(&shared(), |module| {
        let [reader, writer] = ends(module.call("a_new", &[8192]).unwrap());
        for call in ["c_borrow", "c_available"] {
            assert_eq!(module.call(call, &[reader]), Ok(-2));
        }
        assert_eq!(module.call("c_write", &[writer, 64, 1]), Ok(-2));
        assert_eq!(module.call("b_available", &[reader]), Ok(0));
    });
}

#[test]
fn constants_are_checked() {
    for (name, value, why) in [
        ("channels.element-align", "3", "power of two"),
        ("channels.ring-bytes", "5000", "power of two"),
        ("channels.ring-bytes", "512", "1024..="),
        ("channels.slots", "257", "1..=256"),
        ("channels.element-size", "0", "1..=1024"),
        ("gate.waiting", "65", "1..=64"),
        ("events.sets", "0", "1..=1024"),
        ("events.waitables", "2000", "1..=1024"),
        ("dispatch.callbacks", "-1", "1..=1024"),
    ] {
        let error = refusal(&channels("meld:channels").set(name, value));
        assert!(error.contains(why), "{error}");
    }
    // The largest of all fit, and there is a memory for what is asked for.
    let fuser =
        channels("meld:channels").set("channels.slots", "256").set("channels.element-size", "1024");
    let largest = fuser.clone().set("channels.ring-bytes", "1048576").fuse();
    assert!(largest.is_ok_and(|fused| !fused.bytes.is_empty()));
    check_alone(&fuser.set("channels.ring-bytes", "65536"), |module| {
        assert_eq!(module.call("a_capacity", &[]), Ok(64));
        for _ in 0..256 {
            assert!(module.call("a_new", &[]).unwrap() != -3);
        }
        assert_eq!(module.call("a_new", &[]), Ok(-3));
    });
}

/// An instance that guards itself: its one call returns what the gate says, or 1000 and how many calls
/// it has served, below 0 so that tickets are told apart.
fn server(name: &str) -> String {
    format!(
        r#"(module
          (import "meld:gate" "enable" (func $enable))
          (import "meld:gate" "disable" (func $disable))
          (import "meld:gate" "is-enabled" (func $is-enabled (result i32)))
          (import "meld:gate" "enter" (func $enter (result i32)))
          (import "meld:gate" "resume" (func $resume (param i32) (result i32)))
          (import "meld:gate" "cancel" (func $cancel (param i32) (result i32)))
          (import "meld:gate" "leave" (func $leave (result i32)))
          (global $served (mut i32) (i32.const 0))
          (export "{name}-enable" (func $enable))
          (export "{name}-disable" (func $disable))
          (export "{name}-is-enabled" (func $is-enabled))
          (export "{name}-cancel" (func $cancel))
          ;; A call, new with ticket 0.
          (func (export "{name}-serve") (param $ticket i32) (result i32)
            (local $status i32)
            (local.set $status
              (if (result i32) (local.get $ticket)
                (then (call $resume (local.get $ticket)))
                (else (call $enter))))
            (if (local.get $status) (then (return (local.get $status))))
            (global.set $served (i32.add (global.get $served) (i32.const 1)))
            (drop (call $leave))
            (i32.sub (i32.const -1000) (global.get $served))))"#
    )
}

#[test]
fn each_instance_has_its_own_gate() {
    check_alone(&fuser(&[("one", server("one")), ("two", server("two"))]), |module| {
        let served = |count: i64| Ok(-1000 - count);
        assert_eq!(module.call("one-serve", &[0]), served(1));
        module.call("one-enable", &[]).unwrap();
        assert_eq!(module.call("one-is-enabled", &[]), Ok(1));
        assert_eq!(module.call("two-is-enabled", &[]), Ok(0));
        let tickets = [(); 3].map(|()| module.call("one-serve", &[0]).unwrap() as i32);
        assert!(tickets.iter().all(|ticket| *ticket > 0));
        assert_eq!(module.call("two-serve", &[0]), served(1), "the other one is open");
        assert_eq!(module.call("one-serve", &[tickets[0]]), Ok(-5));
        assert_eq!(module.call("two-serve", &[tickets[0]]), Ok(-2));
        assert_eq!(module.call("one-cancel", &[tickets[1]]), Ok(1));
        module.call("one-disable", &[]).unwrap();
        let late = module.call("one-serve", &[0]).unwrap() as i32;
        assert!(late > 0, "two are before it");
        assert_eq!(module.call("one-serve", &[late]), Ok(-5));
        for (count, ticket) in [(2, tickets[0]), (3, tickets[2]), (4, late)] {
            assert_eq!(module.call("one-serve", &[ticket]), served(count));
        }
        assert_eq!(module.call("one-serve", &[0]), served(5));
    });
}

/// A call enters `one` and calls `two`, which calls back: the gate closes, and a new call waits. The call that
/// is inside goes on to call `two` again, and leaves.
#[test]
fn a_call_goes_on_while_the_gate_closes() {
    let two = r#"(module
      (type $back (func (result i32)))
      (table 1 funcref)
      (func (export "work") (param $back funcref) (result i32)
        (table.set (i32.const 0) (local.get $back))
        (call_indirect (type $back) (i32.const 0))))"#;
    let one = r#"(module
      (import "two" "work" (func $work (param funcref) (result i32)))
      (import "meld:gate" "enable" (func $enable))
      (import "meld:gate" "disable" (func $disable))
      (import "meld:gate" "enter" (func $enter (result i32)))
      (import "meld:gate" "resume" (func $resume (param i32) (result i32)))
      (import "meld:gate" "leave" (func $leave (result i32)))
      (import "meld:gate" "pending" (func $pending (result i32)))
      (elem declare func $interrupt $pending-now)
      ;; The ticket of the call that came last.
      (global $ticket (mut i32) (i32.const 0))
      (export "open" (func $disable))
      (export "pending" (func $pending))
      (func (export "waiting") (result i32) (global.get $ticket))
      (func $pending-now (result i32) (call $pending))
      ;; The gate closes, and a new call comes: above 0 as long as it waits.
      (func $interrupt (result i32)
        (call $enable)
        (global.set $ticket (call $serve (i32.const 0)))
        (global.get $ticket))
      ;; A call, new with ticket 0: what the gate says, or -1000 and how many were inside as it went on.
      (func $serve (export "serve") (param $ticket i32) (result i32)
        (local $status i32)
        (local.set $status
          (if (result i32) (local.get $ticket)
            (then (call $resume (local.get $ticket)))
            (else (call $enter))))
        (if (local.get $status) (then (return (local.get $status))))
        (if (i32.le_s (call $work (ref.func $interrupt)) (i32.const 0)) (then unreachable))
        (local.set $status (call $work (ref.func $pending-now)))
        (if (call $leave) (then unreachable))
        (i32.sub (i32.const -1000) (local.get $status))))"#;
    check_alone(&fuser(&[("one", one.into()), ("two", two.into())]), |module| {
        assert_eq!(module.call("serve", &[0]), Ok(-1001), "it was alone inside");
        assert_eq!(module.call("pending", &[]), Ok(0), "and left");
        let first = module.call("waiting", &[]).unwrap() as i32;
        assert_eq!(module.call("serve", &[first]), Ok(-5), "the gate is closed");
        module.call("open", &[]).unwrap();
        assert_eq!(module.call("serve", &[first]), Ok(-1001), "nothing was lost");
        assert_eq!(module.call("pending", &[]), Ok(0));
        let second = module.call("waiting", &[]).unwrap() as i32;
        assert!(second > first, "another one came meanwhile");
        assert_eq!(module.call("serve", &[second]), Ok(-5));
    });
}

#[test]
fn events_go_from_guest_to_guest() {
    let module = "meld:events";
    let waits: [(&str, usize, &str); 3] = [
        ("waitable-set.new", 0, "i32"),
        ("waitable.join", 2, "i32"),
        ("waitable-set.poll", 1, "i64"),
    ];
    let notifies = [("notify", 2, "i32"), ("cancel", 1, "i32"), ("leave", 1, "i32")];
    let a = wrappers("a", module, &waits, "");
    let b = wrappers("b", module, &notifies, "");
    let fuser = fuser(&[("a", a), ("b", b)]).set("events.waitables", "2");
    check_alone(&fuser, |module| {
        let set = module.call("a_waitable-set.new", &[]).unwrap() as i32;
        assert_eq!(module.call("b_notify", &[7, 2]), Ok(-2), "nobody waits for it");
        assert_eq!(module.call("a_waitable.join", &[7, set]), Ok(0));
        assert_eq!(module.call("a_waitable.join", &[8, set]), Ok(0));
        assert_eq!(module.call("a_waitable.join", &[9, set]), Ok(-3));
        assert_eq!(module.call("b_notify", &[8, 3]), Ok(1));
        assert_eq!(module.call("b_notify", &[7, 2]), Ok(1));
        assert_eq!(module.call("b_cancel", &[7]), Ok(1));
        assert_eq!(module.call("a_waitable-set.poll", &[set]), Ok(8 << 32 | 3));
        assert_eq!(module.call("a_waitable-set.poll", &[set]), Ok(7 << 32 | 6));
        assert_eq!(module.call("a_waitable-set.poll", &[set]), Ok(0));
        assert_eq!(module.call("b_leave", &[7]), Ok(0));
        assert_eq!(module.call("a_waitable.join", &[9, set]), Ok(0));
    });
}

/// A guest whose callbacks write down that they were called: a digit each.
const LOGGER: &str = r#"(module
  (global $log (mut i32) (i32.const 0))
  (func (export "log") (result i32) (global.get $log))
  (func (export "write") (param i32)
    (global.set $log (i32.add (i32.mul (global.get $log) (i32.const 10)) (local.get 0)))))"#;

/// Registers by reference.
const BY_REFERENCE: &str = r#"(module
  (import "logger" "write" (func $write (param i32)))
  (import "meld:dispatch" "register" (func $register (param i32 funcref i32) (result i32)))
  (import "meld:dispatch" "deregister" (func $deregister (param i32) (result i32)))
  (import "meld:dispatch" "dispatch" (func $dispatch (param i32 i32) (result i32)))
  (elem declare func $callback $nested)
  (func $callback (param $event i32) (param $payload i32) (param $context i32)
    (call $write (local.get $context)))
  (func $nested (param $event i32) (param $payload i32) (param $context i32)
    (drop (call $dispatch (local.get $context) (local.get $payload))))
  (func (export "a-register") (param $event i32) (param $context i32) (result i32)
    (call $register (local.get $event) (ref.func $callback) (local.get $context)))
  (func (export "a-nest") (param $event i32) (param $other i32) (result i32)
    (call $register (local.get $event) (ref.func $nested) (local.get $other)))
  (export "deregister" (func $deregister))
  (export "dispatch" (func $dispatch)))"#;

/// Registers by the index in its table, and has the log read.
const BY_INDEX: &str = r#"(module
  (import "logger" "write" (func $write (param i32)))
  (import "logger" "log" (func $log (result i32)))
  (import "meld:dispatch" "register-index" (func $register (param i32 i32 i32) (result i32)))
  (table (export "table") 3 funcref)
  (elem (i32.const 1) $callback)
  (func $callback (param $event i32) (param $payload i32) (param $context i32)
    (call $write (local.get $payload)))
  (func (export "b-register") (param $event i32) (param $index i32) (result i32)
    (call $register (local.get $event) (local.get $index) (i32.const 0)))
  (export "log" (func $log)))"#;

#[test]
fn callbacks_of_all_guests_are_called_in_order() {
    let guests = [("logger", LOGGER), ("a", BY_REFERENCE), ("b", BY_INDEX)];
    let fuser = fuser(&guests.map(|(name, text)| (name, text.to_string())));
    check_alone(&fuser.set("dispatch.callbacks", "4"), |module| {
        let first = module.call("a-register", &[1, 1]).unwrap() as i32;
        assert!(module.call("b-register", &[1, 1]).unwrap() > 0);
        assert_eq!(module.call("b-register", &[1, 0]), Ok(-2), "nothing is there");
        assert_eq!(module.call("b-register", &[1, 3]), Ok(-2), "the table is smaller");
        assert!(module.call("a-nest", &[1, 2]).unwrap() > 0);
        assert!(module.call("a-register", &[2, 3]).unwrap() > 0);
        assert_eq!(module.call("a-register", &[2, 4]), Ok(-3), "all places are taken");
        assert_eq!(module.call("dispatch", &[1, 9]), Ok(3));
        assert_eq!(module.call("log", &[]), Ok(193));
        assert_eq!(module.call("deregister", &[first]), Ok(0));
        assert_eq!(module.call("deregister", &[first]), Ok(-2));
        assert_eq!(module.call("dispatch", &[1, 5]), Ok(2));
        assert_eq!(module.call("log", &[]), Ok(19353));
        assert_eq!(module.call("dispatch", &[7, 5]), Ok(0));
    });
}

#[test]
fn what_no_pack_knows_is_refused() {
    let one = |import: &str| {
        fuser(&[("guest", format!(r#"(module {import} (export "call" (func 0)))"#))])
    };
    let enter = |ty: &str| format!(r#"(import "meld:gate" "enter" (func {ty}))"#);
    for (fuser, words) in [
        // No such function.
        (one(r#"(import "meld:gate" "enters" (func (result i32)))"#), ["meld:gate", "enters"]),
        // Of another type.
        (one(&enter("(param i32) (result i32)")), ["enter", "i32"]),
        // Only where memory is shared.
        (
            one(r#"(import "meld:channels" "borrow" (func (param i32) (result i64)))"#),
            ["meld:channels", "borrow"],
        ),
        // No memory.
        (
            one(r#"(import "meld:channels" "read" (func (param i32 i32 i32) (result i32)))"#),
            ["read", "!memories(?i, 0)"],
        ),
        // No table.
        (
            one(
                r#"(import "meld:dispatch" "register-index" (func (param i32 i32 i32) (result i32)))"#,
            ),
            ["register-index", "has-funcref-table"],
        ),
    ] {
        let error = refusal(&fuser);
        for word in words {
            assert!(error.contains(word), "{word} in: {error}");
        }
    }
}

#[test]
fn a_gate_is_of_whoever_calls_it() {
    let client = r#"(module
      (import "one" "one-enable" (func $passed-on))
      (import "one" "close" (func $close))
      (import "one" "one-is-enabled" (func $passed-on-too (result i32)))
      (import "one" "closed" (func $closed (result i32)))
      (func (export "close-own") (call $passed-on))
      (func (export "close-other") (call $close))
      (func (export "closed") (result i32)
        (i32.add (i32.mul (call $passed-on-too) (i32.const 10)) (call $closed))))"#;
    let own = r#"(func (export "close") (call $enable))
      (func (export "closed") (result i32) (call $is-enabled))"#;
    let one = server("one").replacen("(global", &format!("{own} (global"), 1);
    check_alone(&fuser(&[("one", one), ("client", client.to_string())]), |module| {
        assert_eq!(module.call("closed", &[]), Ok(0));
        module.call("close-own", &[]).unwrap();
        assert_eq!(module.call("closed", &[]), Ok(10));
        module.call("close-other", &[]).unwrap();
        assert_eq!(module.call("closed", &[]), Ok(11));
    });
}

/// A root that imports the module of the gate, and two components that have it from there. Each has two
/// core modules: one opens and closes the gate, the other one is entered.
const COMPONENTS: &str = r#"(component
  (import "gate" (core module $gate
    (export "enable" (func))
    (export "disable" (func))
    (export "enter" (func (result i32)))
    (export "leave" (func (result i32)))))
  (component $server
    (import "gate" (core module $gate
      (export "enable" (func))
      (export "disable" (func))
      (export "enter" (func (result i32)))
      (export "leave" (func (result i32)))))
    (core instance $gate (instantiate $gate))
    (core module $owner
      (import "meld:gate" "enable" (func $enable))
      (import "meld:gate" "disable" (func $disable))
      (func (export "close") (call $enable))
      (func (export "open") (call $disable)))
    (core module $entrance
      (import "meld:gate" "enter" (func $enter (result i32)))
      (import "meld:gate" "leave" (func $leave (result i32)))
      (func (export "serve") (result i32)
        (local $status i32)
        (local.set $status (call $enter))
        (if (i32.eqz (local.get $status)) (then (drop (call $leave))))
        (i32.ne (local.get $status) (i32.const 0))))
    (core instance $owner (instantiate $owner (with "meld:gate" (instance $gate))))
    (core instance $entrance (instantiate $entrance (with "meld:gate" (instance $gate))))
    (func (export "close") (canon lift (core func $owner "close")))
    (func (export "open") (canon lift (core func $owner "open")))
    (func (export "waits") (result bool) (canon lift (core func $entrance "serve"))))
  (instance $one (instantiate $server (with "gate" (core module $gate))))
  (instance $two (instantiate $server (with "gate" (core module $gate))))
  (export "close-one" (func $one "close"))
  (export "open-two" (func $two "open"))
  (export "one-waits" (func $one "waits"))
  (export "two-waits" (func $two "waits")))"#;

#[test]
fn each_component_instance_has_one_gate() {
    let fuser = fuser(&[("root", COMPONENTS.to_string())]);
    // A component goes on importing the module, and uses nothing of it.
    let component = fuser.fuse().unwrap_or_else(|e| panic!("{e}")).bytes;
    let text = wasmprinter::print_bytes(&component).unwrap();
    assert!(text.contains("meld:gate-enter") && !text.contains("\"meld:gate\""), "{text}");
    check_alone(&fuser.form(meld::Form::Core), |module| {
        assert_eq!(module.call("one-waits", &[]), Ok(0));
        module.call("close-one", &[]).unwrap();
        assert_eq!(module.call("one-waits", &[]), Ok(1));
        assert_eq!(module.call("two-waits", &[]), Ok(0));
        module.call("open-two", &[]).unwrap();
        assert_eq!(module.call("one-waits", &[]), Ok(1));
    });
}

/// A writer whose memory is of 64 bits, and a reader whose memory is not.
#[test]
fn memories_of_both_widths_exchange_elements() {
    let wide = r#"(module
      (import "meld:channels" "new" (func $new (result i64)))
      (import "meld:channels" "write" (func $write (param i32 i64 i32) (result i32)))
      (memory (export "a_memory") i64 1)
      (func (export "a_new") (result i64) (call $new))
      (func (export "a_write") (param $end i32) (param $ptr i32) (param $count i32) (result i32)
        (call $write
          (local.get $end)
          (i64.extend_i32_s (local.get $ptr))
          (local.get $count))))"#;
    let narrow =
        wrappers("b", "meld:channels", &CHANNELS[1..], r#"(memory (export "b_memory") 1)"#);
    check_alone(&fuser(&[("a", wide.to_string()), ("b", narrow)]), |module| {
        let [reader, writer] = ends(module.call("a_new", &[]).unwrap());
        let bytes: Vec<u8> = (0..24).collect();
        module.write("a_memory", 0xffe8, &bytes);
        assert_eq!(module.call("a_write", &[writer, 0xffe8, 3]), Ok(3));
        assert!(module.call("a_write", &[writer, 0xffe8, 4]).is_err());
        assert!(module.call("a_write", &[writer, -8, 1]).is_err());
        assert_eq!(module.call("b_read", &[reader, 8, 5]), Ok(3));
        assert_eq!(module.read("b_memory", 8, 24), bytes);
    });
}

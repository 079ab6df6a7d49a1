//! Broken input gets an error: never a panic, a hang, or an allocation without bound.

use meld_component::{Error, Input, read};
use proptest::prelude::*;

const COMPONENTS: [&str; 4] = [
    r#"(component $root
        (import "t:p/host" (instance $host
            (export "res" (type $r (sub resource)))
            (type $rec (record (field "a" u8) (field "b" (list string))))
            (export "rec" (type $rec' (eq $rec)))
            (export "f" (func (param "r" (borrow $r)) (param "x" $rec') (result (option u64))))))
        (alias export $host "res" (type $r))
        (core module $libc (memory (export "memory") 1)
            (func (export "realloc") (param i32 i32 i32 i32) (result i32) unreachable))
        (core instance $libc (instantiate $libc))
        (core func $f (canon lower (func $host "f")
            (memory (core memory $libc "memory")) (realloc (core func $libc "realloc"))))
        (core func $drop (canon resource.drop $r))
        (component $inner
            (import "libc" (core module $m (export "memory" (memory 1))))
            (core instance $i (instantiate $m))
            (type $own (resource (rep i32)))
            (export "own" (type $own)))
        (instance $a (instantiate $inner (with "libc" (core module $libc))))
        (instance $b (instantiate $inner (with "libc" (core module $libc))))
        (core module $main (import "" "f" (func (param i32 i32 i32 i32 i32)))
            (import "" "drop" (func (param i32))) (func (export "run") (result i32) i32.const 1))
        (core instance $main (instantiate $main (with "" (instance
            (export "f" (func $f)) (export "drop" (func $drop))))))
        (func (export "run") (result bool) (canon lift (core func $main "run")))
        (export "t:p/a" (instance $a))
        (export "t:p/b" (instance $b)))"#,
    r#"(component
        (core module $m (func (export "f") (result i32) i32.const 0)
            (func (export "cb") (param i32 i32 i32) (result i32) i32.const 0))
        (core instance $m (instantiate $m))
        (core func $set (canon waitable-set.new))
        (core module $n (import "" "set" (func (result i32))))
        (core instance (instantiate $n (with "" (instance (export "set" (func $set))))))
        (func (export "f") async (canon lift (core func $m "f") async (callback (core func $m "cb")))))"#,
    r#"(component
        (core module $m (func (export "f")))
        (core instance $m (instantiate $m))
        (func $f (canon lift (core func $m "f")))
        (instance $i (export "f" (func $f)))
        (export "t:p/x@1.1.0" (instance $i)))"#,
    r#"(component
        (import "t:p/x@1.0.0" (instance $i (export "f" (func))))
        (export "f" (func $i "f")))"#,
];

const MODULE: &str = r#"(module $name (import "a" "f" (func (param i32))) (memory (export "m") 1)
    (table 1 funcref) (global (export "g") i32 (i32.const 3)) (tag (export "t") (param i32))
    (func (export "f") (param i32)) (func $s) (start $s) (elem (i32.const 0) 0))"#;

fn input(name: &str, bytes: Vec<u8>) -> Input {
    Input { name: name.into(), bytes: bytes.into() }
}

fn encode(wat: &str) -> Vec<u8> {
    wat::parse_str(wat).expect("the test's text is valid")
}

/// Overwrites, inserts or removes a byte.
fn mutate(bytes: &mut Vec<u8>, (at, value, kind): (u16, u8, u8)) {
    let at = at as usize % bytes.len().max(1);
    match kind % 4 {
        0 if !bytes.is_empty() => bytes[at] = value,
        1 if !bytes.is_empty() => bytes[at] = bytes[at].wrapping_add(1),
        2 if !bytes.is_empty() => drop(bytes.remove(at)),
        _ => bytes.insert(at, value),
    }
}

#[test]
fn the_components_are_good_before_they_are_broken() {
    for wat in COMPONENTS {
        read(&[input("a", encode(wat))]).expect("links");
    }
    let pair = [input("b", encode(COMPONENTS[2])), input("c", encode(COMPONENTS[3]))];
    read(&pair).expect("composes");
    read(&[input("a", encode(MODULE))]).expect("reads");
}

#[test]
fn every_truncation_is_an_error() {
    for wat in COMPONENTS.iter().chain([&MODULE]) {
        let bytes = encode(wat);
        let ends = section_ends(&bytes);
        for length in 0..bytes.len() {
            match read(&[input("cut", bytes[..length].to_vec())]) {
                Err(error) => assert!(error.to_string().starts_with("cut: "), "{error}"),
                // What ends between two sections may be complete.
                Ok(_) => assert!(ends.contains(&length), "accepted {length} of {}", bytes.len()),
            }
        }
    }
}

/// Where the header and the outermost sections end.
fn section_ends(bytes: &[u8]) -> Vec<usize> {
    let mut ends = vec![8];
    let mut at = 8;
    while at < bytes.len() {
        at += 1;
        let (mut size, mut shift) = (0, 0);
        loop {
            let byte = bytes[at];
            at += 1;
            size |= usize::from(byte & 0x7f) << shift;
            shift += 7;
            if byte & 0x80 == 0 {
                break;
            }
        }
        at += size;
        ends.push(at);
    }
    ends
}

/// A component with one type: component or instance types, each inside of the one before.
fn nested_types(kind: u8, depth: usize) -> Vec<u8> {
    let mut section = vec![1];
    section.extend([kind, 1, 1].repeat(depth));
    section.extend([kind, 0]);
    let mut bytes = b"\0asm\x0d\0\x01\0\x07".to_vec();
    let mut size = section.len();
    while size > 0x7f {
        bytes.push(size as u8 | 0x80);
        size >>= 7;
    }
    bytes.push(size as u8);
    bytes.extend(section);
    bytes
}

#[test]
fn nesting_of_types_is_bounded() {
    for kind in [0x41, 0x42] {
        read(&[input("a", nested_types(kind, 50))]).expect("reads");
        // As deep as is let through: this must not overflow the stack of a test's thread.
        let _ = read(&[input("a", nested_types(kind, 1000))]);
        let _ = read(&[input("a", nested_types(kind, 1000)), input("b", nested_types(kind, 1000))]);
        let deep = || nested_types(kind, 1_000_000);
        let error = read(&[input("a", deep())]).unwrap_err().to_string();
        assert!(error.contains("more than 1000 types stand inside of other types"), "{error}");
        let error = read(&[input("a", deep()), input("b", deep())]).unwrap_err().to_string();
        assert!(error.contains("more than 1000 types stand inside of other types"), "{error}");
    }
}

#[test]
fn errors_say_where() {
    let mut bytes = encode(MODULE);
    let last = bytes.len() - 1;
    bytes.truncate(last);
    let error = read(&[input("app", bytes)]).unwrap_err();
    assert!(matches!(&error, Error::Decode(e) if e.offset.is_some() && e.input == "app"));
    let error = read(&[input("app", b"hello".to_vec())]).unwrap_err().to_string();
    assert_eq!(error, "app: neither a WebAssembly component nor a core module (at offset 0x0)");
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn mutations_do_not_panic(
        which in 0..COMPONENTS.len() + 1,
        edits in prop::collection::vec(any::<(u16, u8, u8)>(), 1..6),
    ) {
        let mut bytes = encode(COMPONENTS.get(which).unwrap_or(&MODULE));
        for edit in edits {
            mutate(&mut bytes, edit);
        }
        let _ = read(&[input("a", bytes)]);
    }

    #[test]
    fn mutated_compositions_do_not_panic(edits in prop::collection::vec(any::<(u16, u8, u8)>(), 1..4)) {
        let mut bytes = encode(COMPONENTS[2]);
        for edit in edits {
            mutate(&mut bytes, edit);
        }
        let _ = read(&[input("b", bytes), input("c", encode(COMPONENTS[3]))]);
    }
}

#[test]
fn nesting_of_instances_is_bounded() {
    let nested = |depth: usize| {
        let mut wat = String::from("(component (type $t u8) (instance (export \"t\" (type $t)))");
        for i in 0..depth {
            wat += &format!("(instance (export \"i\" (instance {i})))");
        }
        wat + &format!("(export \"i\" (instance {depth})))")
    };
    read(&[input("a", encode(&nested(50)))]).expect("links");
    for depth in [110, 500] {
        let error = read(&[input("a", encode(&nested(depth)))]).unwrap_err().to_string();
        assert!(error.starts_with("a: "), "{error}");
    }
}

/// What meld does not know is refused, whatever the library that reads it can do by now.
#[test]
fn unknown_proposals_are_refused() {
    let rows = [
        // Stack switching.
        "(component (core module (type $f (func)) (type $c (cont $f)) (func (param (ref $c)))))",
        // Shared-everything threads.
        "(component (core module (global (shared i32) (i32.const 0))))",
        // Legacy exceptions.
        "(component (core module (func try catch_all end)))",
        // The GC option of the Canonical ABI.
        r#"(component (core type $f (func)) (core module $m (func (export "f")))
            (core instance $m (instantiate $m)) (func (canon lift (core func $m "f") gc)))"#,
    ];
    for row in rows {
        let bytes = wat::parse_str(row).unwrap_or_else(|e| panic!("{row}: {e}"));
        let all = wasmparser::WasmFeatures::all();
        let error = meld_component::decode::component("x", bytes.clone().into());
        let error = error.map(|_| row).expect_err("it is refused");
        assert!(error.message.len() > 10, "{row}: {error}");
        // The test would say nothing if the text were wrong in another way.
        let validated = wasmparser::Validator::new_with_features(all).validate_all(&bytes);
        validated.unwrap_or_else(|e| panic!("{row}: {e}"));
    }
}

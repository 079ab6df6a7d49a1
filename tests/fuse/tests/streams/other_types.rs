//! Guests whose memories and tables are of other types than most: shared by threads, of 64 bits, of the
//! host, of other elements.

use crate::engines::{Module, Wasmi, Wasmtime};
use crate::harness::{Drive, check, fuser, guest_with};
use crate::intrinsics::Intrinsics;
use meld::Fuser;

/// Fuses guests with shared memories and runs what the check says on the same module with its memories
/// not shared, as neither engine is built with threads.
fn check_unshared(fuser: &Fuser, check: impl Fn(&mut dyn Module<Intrinsics>)) {
    let bytes = fuser.fuse().unwrap_or_else(|e| panic!("{e}")).bytes;
    let text = wasmprinter::print_bytes(&bytes).unwrap();
    let unshared = |line: &str| {
        let shared =
            line.trim_start().starts_with("(memory").then(|| line.strip_suffix(" shared)"));
        shared.flatten().map_or(line.to_string(), |line| format!("{line})"))
    };
    let lines: Vec<String> = text.lines().map(unshared).collect();
    assert!(lines.iter().zip(text.lines()).any(|(new, old)| new != old), "one is shared");
    let bytes = wat::parse_str(lines.join("\n")).unwrap();
    check(&mut *Wasmtime::load(&bytes));
    check(&mut *Wasmi::load(&bytes));
}

const SHARED: [(&str, &str); 3] = [("a", "1 2 shared"), ("b", "1 1 shared"), ("c", "1")];

#[test]
fn streams_and_futures_cross_shared_memories() {
    let names =
        ["stream_new", "stream_read", "stream_write", "future_new", "future_read", "future_write"];
    let guests = SHARED.map(|(name, memory)| {
        let memory = format!(r#"(memory (export "{name}_memory") {memory})"#);
        (name, guest_with(name, &names, &memory))
    });
    let fuser = fuser(&guests).set("streams.future-bytes", "4").set("streams.ring-bytes", "512");
    for simd in [true, false] {
        check_unshared(&fuser.clone().simd(simd), |module| {
            for (writer, reader) in [("a", "b"), ("b", "c"), ("c", "a")] {
                let (readable, writable) = module.new_pair("a_stream_new");
                for round in 0..3 {
                    let bytes: Vec<u8> = (0..300).map(|at| (at * 7 + round) as u8).collect();
                    assert_eq!(module.put(writer, writable, &bytes), 300);
                    assert_eq!(module.take(reader, readable, 400), Ok(bytes));
                }
                let (readable, writable) = module.new_pair("a_future_new");
                module.write(&format!("{writer}_memory"), 8, b"once");
                assert_eq!(module.go(&format!("{writer}_future_write"), &[writable, 8]), 1);
                assert_eq!(module.go(&format!("{reader}_future_read"), &[readable, 24]), 1);
                assert_eq!(module.read(&format!("{reader}_memory"), 24, 4), b"once");
            }
            assert!(module.host().calls.is_empty());
        });
    }
}

#[test]
fn channels_cross_shared_memories() {
    let guests = SHARED.map(|(name, memory)| {
        let text = format!(
            r#"(module
              (import "meld:channels" "new" (func $new (result i64)))
              (import "meld:channels" "write" (func $write (param i32 i32 i32) (result i32)))
              (import "meld:channels" "read" (func $read (param i32 i32 i32) (result i32)))
              (memory (export "{name}_memory") {memory})
              (export "{name}_new" (func $new))
              (export "{name}_write" (func $write))
              (export "{name}_read" (func $read)))"#
        );
        (name, text)
    });
    check_unshared(&fuser(&guests), |module| {
        for (writer, reader) in [("a", "b"), ("b", "c"), ("c", "a")] {
            let (readable, writable) = module.new_pair("a_new");
            let bytes: Vec<u8> = (0..24).collect();
            module.write(&format!("{writer}_memory"), 64, &bytes);
            assert_eq!(module.go(&format!("{writer}_write"), &[writable, 64, 3]), 3);
            assert_eq!(module.go(&format!("{reader}_read"), &[readable, 128, 9]), 3);
            assert_eq!(module.read(&format!("{reader}_memory"), 128, 24), bytes);
        }
    });
}

#[test]
fn elements_are_borrowed_in_a_memory_that_threads_share() {
    let guest = |name: &str, imported: &str, defined: &str| {
        format!(
            r#"(module
              {imported}
              (import "meld:channels/shared" "new" (func $new (param i32) (result i64)))
              (import "meld:channels/shared" "write" (func $write (param i32 i32 i32) (result i32)))
              (import "meld:channels/shared" "borrow" (func $borrow (param i32) (result i64)))
              {defined}
              (export "{name}_new" (func $new))
              (export "{name}_write" (func $write))
              (export "{name}_borrow" (func $borrow))
              (export "{name}_memory" (memory 0)))"#
        )
    };
    let a = guest("a", "", "(memory 1 1 shared)");
    let b = guest("b", r#"(import "a" "a_memory" (memory 1 1 shared))"#, "");
    check_unshared(&fuser(&[("a", a), ("b", b)]), |module| {
        let handles = module.go("b_new", &[8192]);
        let (readable, writable) = (handles as i32, (handles >> 32) as i32);
        module.write("b_memory", 64, &[7; 8]);
        assert_eq!(module.go("b_write", &[writable, 64, 1]), 1);
        assert_eq!(module.go("b_borrow", &[readable]), 8192);
        assert_eq!(module.read("b_memory", 8192, 8), [7; 8]);
    });
}

/// Registers what is in its table by its index, and dispatches. The table is what `table` says, with
/// indices of type `index`.
fn registrar(table: &str, index: &str) -> String {
    format!(
        r#"(module
          (type $callback (func (param i32 i32 i32)))
          {table}
          (import "meld:dispatch" "register-index" (func $register (param i32 {index} i32) (result i32)))
          (import "meld:dispatch" "dispatch" (func $dispatch (param i32 i32) (result i32)))
          (global $log (mut i32) (i32.const 0))
          (func $callback (param $event i32) (param $payload i32) (param $context i32)
            (global.set $log (i32.add (local.get $payload) (local.get $context))))
          (func (export "log") (result i32) (global.get $log))
          (export "register" (func $register))
          (export "dispatch" (func $dispatch)))"#
    )
}

#[test]
fn callbacks_are_found_in_tables_that_nobody_exports() {
    let text = registrar("", "i32").replace(
        "(func (export \"log\")",
        "(table 3 funcref) (elem (i32.const 1) $callback) (func (export \"log\")",
    );
    check(&fuser(&[("a", text)]), |module| {
        assert!(module.go("register", &[1, 1, 30]) > 0);
        for index in [0, 3, -1] {
            assert_eq!(module.go("register", &[1, index, 30]), -2);
        }
        assert_eq!(module.go("dispatch", &[1, 4]), 1);
        assert_eq!(module.go("log", &[]), 34);
    });
}

/// An index is as wide as the table's.
#[test]
fn callbacks_are_found_in_tables_of_64_bits() {
    let text = registrar("", "i64")
        .replace(
            "(func (export \"log\")",
            r#"(table i64 3 funcref) (elem (table 0) (i64.const 1) func $callback)
               (func (export "register") (param i32 i32 i32) (result i32)
                 (call $register
                   (local.get 0) (i64.extend_i32_s (local.get 1)) (local.get 2)))
               (func (export "far") (result i32)
                 (call $register (i32.const 1) (i64.const 0x1_0000_0001) (i32.const 0)))
               (func (export "log")"#,
        )
        .replace("(export \"register\" (func $register))", "");
    check(&fuser(&[("a", text)]), |module| {
        assert!(module.go("register", &[1, 1, 30]) > 0);
        assert_eq!(module.go("register", &[1, 3, 30]), -2);
        assert_eq!(module.go("far", &[]), -2);
        assert_eq!(module.go("dispatch", &[1, 4]), 1);
        assert_eq!(module.go("log", &[]), 34);
    });
    let narrow = registrar("(import \"env\" \"t\" (table i64 3 funcref))", "i32");
    let error = fuser(&[("a", narrow)]).fuse().unwrap_err().to_string();
    assert!(error.contains("a: import `meld:dispatch` `register-index`"), "{error}");
}

#[test]
fn callbacks_are_found_in_a_table_of_the_host() {
    use wasmtime::{Engine, Func, Ref, RefType, Store, Table, TableType, Val};
    let text = registrar(r#"(import "env" "t" (table 4 funcref))"#, "i32");
    let bytes = fuser(&[("a", text)]).fuse().unwrap_or_else(|e| panic!("{e}")).bytes;
    let engine = Engine::default();
    let module = wasmtime::Module::new(&engine, bytes).unwrap();
    let mut store = Store::new(&engine, 0);
    let callback = Func::wrap(
        &mut store,
        |mut caller: wasmtime::Caller<'_, i32>, event: i32, payload: i32, context: i32| {
            *caller.data_mut() = 100 * event + 10 * payload + context;
        },
    );
    let ty = TableType::new(RefType::FUNCREF, 4, None);
    let table = Table::new(&mut store, ty, Ref::Func(None)).unwrap();
    table.set(&mut store, 2, Ref::Func(Some(callback))).unwrap();
    assert_eq!(module.imports().len(), 1, "nothing but the table is left to the host");
    let instance = wasmtime::Instance::new(&mut store, &module, &[table.into()]).unwrap();
    let mut call = |name: &str, args: &[i32]| {
        let args: Vec<Val> = args.iter().map(|arg| Val::I32(*arg)).collect();
        let mut result = [Val::I32(0)];
        let func = instance.get_func(&mut store, name).unwrap();
        func.call(&mut store, &args, &mut result).unwrap();
        result[0].unwrap_i32()
    };
    assert!(call("register", &[1, 2, 3]) > 0);
    assert_eq!(call("register", &[1, 0, 3]), -2);
    assert_eq!(call("dispatch", &[1, 2]), 1);
    assert_eq!(*store.data(), 123);
}

/// Nothing but a function can be registered, and a table of one type of functions is another type of table.
#[test]
fn tables_of_other_elements_are_refused() {
    for table in ["externref", "(ref null $callback)"] {
        let text = registrar(&format!(r#"(import "env" "t" (table 4 {table}))"#), "i32");
        let error = fuser(&[("a", text)]).fuse().unwrap_err().to_string();
        for word in ["a: import \"meld:dispatch\" \"register-index\"", "has-funcref-table"] {
            assert!(error.contains(word), "{word} in: {error}");
        }
    }
}

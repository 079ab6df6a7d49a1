//! Memories that are named by an instance and an index: exported or not, its own or imported; and the
//! index that such a memory has in the merged module.

use meld_emit::merge::{Instance, Kind, Merge, MergeError, Origin, Source, StartMode, merge};
use wasmtime::{Config, Engine, Module, Store};

fn instance(name: &str, text: &str, imports: Vec<Source>) -> Instance<'static> {
    let bytes = wat::parse_str(text).unwrap_or_else(|error| panic!("{name}: {error}"));
    Instance { name: name.into(), bytes: bytes.into(), imports, origin: Origin::Input }
}

fn export(instance: usize, name: &str) -> Source {
    Source::Export { instance, name: name.into() }
}

fn module(
    instances: Vec<Instance<'static>>,
    exports: &[(&str, Source)],
) -> Result<Vec<u8>, MergeError> {
    let exports = exports.iter().map(|(name, source)| (name.to_string(), source.clone())).collect();
    let merged = merge(&Merge { name: None, instances, exports, start: StartMode::Section })?;
    Ok(merged.module)
}

fn run(bytes: &[u8], export: &str) -> i32 {
    let engine = Engine::new(Config::new().wasm_multi_memory(true)).unwrap();
    let module = Module::new(&engine, bytes).unwrap();
    let mut store = Store::new(&engine, ());
    let instance = wasmtime::Instance::new(&mut store, &module, &[]).unwrap();
    instance.get_typed_func::<(), i32>(&mut store, export).unwrap().call(&mut store, ()).unwrap()
}

/// Nobody else uses it.
const HIDDEN: &str = r#"(module (memory 1) (data (i32.const 5) "\2a"))"#;
const READER: &str = r#"(module
  (import "" "memory" (memory 1))
  (func (export "run") (result i32) (i32.load8_u (i32.const 5))))"#;

#[test]
fn a_memory_need_not_be_exported() {
    let memory = |instance| Source::Item { kind: Kind::Memory, instance, index: 0 };
    let direct =
        vec![instance("hidden", HIDDEN, vec![]), instance("reader", READER, vec![memory(0)])];
    assert_eq!(run(&module(direct, &[("run", export(1, "run"))]).unwrap(), "run"), 42);
    // By way of an instance that imports it.
    let user = r#"(module (import "" "memory" (memory 1)))"#;
    let passed = vec![
        instance("hidden", HIDDEN, vec![]),
        instance("user", user, vec![memory(0)]),
        instance("reader", READER, vec![memory(1)]),
    ];
    assert_eq!(run(&module(passed, &[("run", export(2, "run"))]).unwrap(), "run"), 42);
}

#[test]
fn an_index_is_that_of_the_merged_module() {
    let teller = r#"(module
      (import "" "first" (global $first i32))
      (import "" "second" (global $second i32))
      (func (export "first") (result i32) (global.get $first))
      (func (export "second") (result i32) (global.get $second)))"#;
    let other = r#"(module
      (memory $unused 7)
      (memory $used 2)
      (func (export "size") (result i32) (memory.size $used)))"#;
    let index = |instance, index| Source::MemoryIndex { instance, index };
    let instances = || {
        vec![
            instance("other", other, vec![]),
            instance("hidden", HIDDEN, vec![]),
            instance("teller", teller, vec![index(0, 1), index(1, 0)]),
        ]
    };
    let exports = [
        ("size", export(0, "size")),
        ("first", export(2, "first")),
        ("second", export(2, "second")),
    ];
    let bytes = module(instances(), &exports).unwrap();
    assert_eq!((run(&bytes, "first"), run(&bytes, "second")), (0, 1), "what is unused is gone");
    // The index alone keeps the memory, with what is in it.
    let bytes = module(instances(), &exports[2..]).unwrap();
    let text = wasmprinter::print_bytes(&bytes).unwrap();
    assert!(text.contains("(memory") && text.contains("(data"), "{text}");
    assert_eq!(run(&bytes, "second"), 0);
}

#[test]
fn what_has_no_memory_or_no_name_is_an_error() {
    let reader = |index| {
        vec![
            instance("hidden", HIDDEN, vec![]),
            instance(
                "reader",
                READER,
                vec![Source::Item { kind: Kind::Memory, instance: 0, index }],
            ),
        ]
    };
    let error = module(reader(1), &[("run", export(1, "run"))]).unwrap_err().to_string();
    assert!(error.contains("hidden") && error.contains("memory 1"), "{error}");
    let error = module(
        reader(0),
        &[("memory", Source::Item { kind: Kind::Memory, instance: 0, index: 0 })],
    );
    let error = error.unwrap_err().to_string();
    assert!(error.contains("root export `memory`"), "{error}");
    let wrong = r#"(module (import "" "index" (global i32)) (global i32 (global.get 0))
      (func (export "run") (result i32) (global.get 1)))"#;
    let index = Source::MemoryIndex { instance: 0, index: 0 };
    let instances = vec![instance("hidden", HIDDEN, vec![]), instance("wrong", wrong, vec![index])];
    let error = module(instances, &[("run", export(1, "run"))]).unwrap_err().to_string();
    assert!(error.contains("index of a memory"), "{error}");
}

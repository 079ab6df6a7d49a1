//! Random modules, merged alone: the result is valid and does what the module did.

use arbitrary::Unstructured;
use meld_emit::merge::{Instance, Merge, Origin, Source, StartMode, merge};
use wasm_smith::{Config, Module};
use wasmtime::{Engine, Store, Val};

/// A generator with a period long enough for a test (splitmix64).
fn bytes(seed: u64, len: usize) -> Vec<u8> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    };
    (0..len / 8).flat_map(|_| next().to_le_bytes()).collect()
}

/// The module as one instance or several, imports left to the host, all exports kept.
fn alone(module: &[u8], copies: usize) -> Vec<u8> {
    let mut imports = Vec::new();
    let mut exports = Vec::new();
    for payload in wasmparser::Parser::new(0).parse_all(module) {
        match payload.unwrap() {
            wasmparser::Payload::ImportSection(section) => {
                for (position, import) in section.into_imports().enumerate() {
                    let import = import.unwrap();
                    // Random modules import one name with several types.
                    let name = format!("{}#{position}", import.name);
                    imports.push(Source::Host { module: import.module.into(), name });
                }
            }
            wasmparser::Payload::ExportSection(section) => {
                for export in section {
                    exports.push(export.unwrap().name.to_owned());
                }
            }
            _ => {}
        }
    }
    let request = Merge {
        name: Some("random".into()),
        instances: (0..copies)
            .map(|copy| Instance {
                name: format!("m{copy}"),
                bytes: module.into(),
                imports: imports.clone(),
                origin: Origin::Input,
            })
            .collect(),
        // Of several copies the last, so that all indices differ from the module's own.
        exports: exports
            .into_iter()
            .map(|name| (name.clone(), Source::Export { instance: copies - 1, name }))
            .collect(),
        start: StartMode::Section,
    };
    merge(&request).unwrap().module
}

fn validate(seed: u64, module: &[u8]) {
    let features = wasmparser::WasmFeatures::all();
    let result = wasmparser::Validator::new_with_features(features).validate_all(module);
    if let Err(error) = result {
        panic!("seed {seed}: {error}\n{}", wasmprinter::print_bytes(module).unwrap());
    }
}

fn bodies(module: &[u8]) -> usize {
    let payloads = wasmparser::Parser::new(0).parse_all(module);
    payloads.filter(|p| matches!(p, Ok(wasmparser::Payload::CodeSectionEntry(_)))).count()
}

#[test]
fn random_modules_stay_valid() {
    let mut functions = 0;
    for seed in 0..300 {
        let bytes = bytes(seed, 1 << 16);
        let mut u = Unstructured::new(&bytes);
        let config = Config {
            min_types: 8,
            min_funcs: 8,
            min_globals: 3,
            min_exports: 8,
            min_element_segments: 2,
            min_data_segments: 2,
            max_memories: 4,
            max_tables: 4,
            exceptions_enabled: seed % 2 == 0,
            gc_enabled: true,
            threads_enabled: true,
            tail_call_enabled: true,
            relaxed_simd_enabled: true,
            memory64_enabled: true,
            wide_arithmetic_enabled: true,
            custom_page_sizes_enabled: true,
            extended_const_enabled: true,
            export_everything: true,
            ..Config::default()
        };
        let Ok(module) = Module::new(config, &mut u) else { continue };
        let module = module.to_bytes();
        for copies in [1, 3] {
            let merged = alone(&module, copies);
            validate(seed, &merged);
            functions += bodies(&merged);
        }
    }
    assert!(functions > 2000, "the generator makes too little: {functions}");
}

/// Calls every exported function once with zeros, and reads every exported integer global.
fn behaviour(engine: &Engine, module: &[u8]) -> Vec<String> {
    let module = wasmtime::Module::new(engine, module).unwrap();
    let mut store = Store::new(engine, ());
    store.set_fuel(10_000).unwrap();
    let instance = match wasmtime::Instance::new(&mut store, &module, &[]) {
        Ok(instance) => instance,
        Err(error) => return vec![format!("{:?}", error.downcast_ref::<wasmtime::Trap>())],
    };
    let mut seen = Vec::new();
    let exports: Vec<_> = module.exports().map(|export| export.name().to_owned()).collect();
    for name in &exports {
        if let Some(func) = instance.get_func(&mut store, name) {
            let ty = func.ty(&store);
            let zeros: Option<Vec<Val>> = ty.params().map(|ty| ty.default_value()).collect();
            let Some(zeros) = zeros else { continue };
            let mut results = vec![Val::I32(0); ty.results().len()];
            match func.call(&mut store, &zeros, &mut results) {
                Ok(()) => seen.push(format!("{name} {}", show(&results))),
                Err(error) => {
                    seen.push(format!("{name} {:?}", error.downcast_ref::<wasmtime::Trap>()));
                }
            }
            store.set_fuel(10_000).unwrap();
        }
    }
    for name in &exports {
        if let Some(global) = instance.get_global(&mut store, name) {
            let value = global.get(&mut store);
            seen.push(format!("{name} {}", show(&[value])));
        }
        if let Some(memory) = instance.get_memory(&mut store, name) {
            let sum: u64 = memory.data(&store).iter().map(|byte| u64::from(*byte)).sum();
            seen.push(format!("{name} {} {sum}", memory.size(&store)));
        }
    }
    seen
}

/// Values, references only by whether they are null.
fn show(values: &[Val]) -> String {
    let show = |value: &Val| match value {
        Val::I32(_) | Val::I64(_) | Val::F32(_) | Val::F64(_) => format!("{value:?}"),
        Val::V128(value) => format!("{}", value.as_u128()),
        Val::FuncRef(value) => format!("func {}", value.is_some()),
        Val::ExternRef(value) => format!("extern {}", value.is_some()),
        Val::AnyRef(value) => format!("any {}", value.is_some()),
        Val::ExnRef(value) => format!("exn {}", value.is_some()),
        Val::ContRef(_) => "cont".to_owned(),
    };
    values.iter().map(show).collect::<Vec<_>>().join(" ")
}

#[test]
fn random_modules_do_the_same() {
    let mut config = wasmtime::Config::new();
    config.consume_fuel(true).wasm_multi_memory(true).wasm_tail_call(true);
    config.cranelift_nan_canonicalization(true);
    let engine = Engine::new(&config).unwrap();
    let mut seen = 0;
    for seed in 1000..1060 {
        let bytes = bytes(seed, 1 << 16);
        let mut u = Unstructured::new(&bytes);
        let config = Config {
            min_types: 5,
            min_funcs: 8,
            min_globals: 3,
            min_exports: 8,
            min_element_segments: 2,
            min_data_segments: 2,
            max_imports: 0,
            max_memories: 3,
            max_tables: 3,
            max_memory32_bytes: 1 << 18,
            max_table_elements: 1000,
            bulk_memory_enabled: true,
            reference_types_enabled: true,
            gc_enabled: false,
            exceptions_enabled: false,
            threads_enabled: false,
            memory64_enabled: false,
            relaxed_simd_enabled: false,
            tail_call_enabled: true,
            canonicalize_nans: true,
            export_everything: true,
            ..Config::default()
        };
        let Ok(module) = Module::new(config, &mut u) else { continue };
        let module = module.to_bytes();
        let before = behaviour(&engine, &module);
        assert_eq!(before, behaviour(&engine, &alone(&module, 1)), "seed {seed}");
        seen += before.len();
    }
    assert!(seen > 300, "the modules do too little: {seen}");
}

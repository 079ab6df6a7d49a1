//! Thirty thousand ports. Run in release: `cargo test --release -p meld-engine -- --ignored`.

mod common;

use meld_component::Input;
use meld_component::program::*;
use meld_component::types::{FuncType, Types, ValueType};
use meld_engine::{Options, decide};
use std::time::Instant;

const MEMORY: CoreKind = CoreKind::Memory { memory64: false, shared: false, page_bits: 16 };

/// `components` instances in a row; each calls `calls` functions of the one before.
fn chain(components: u32, calls: u32) -> Program {
    let mut types = Types::default();
    let string = types.intern(ValueType::String);
    let u32_ = types.intern(ValueType::U32);
    let list = types.intern(ValueType::List(string));
    let option = types.intern(ValueType::Option(list));
    let tuple = types.intern(ValueType::Tuple(vec![string, option, u32_]));
    let params = [vec![u32_, u32_], vec![string], vec![tuple, list]];
    let signatures: Vec<_> = params
        .into_iter()
        .map(|params| types.intern_func(FuncType { async_: false, params, result: None }))
        .collect();
    let func = || CoreKind::Func(CoreFuncType { params: Vec::new(), results: Vec::new() });
    let module = CoreModule {
        name: None,
        input: 0,
        range: 0..0,
        imports: (0..calls)
            .map(|n| CoreImport { module: "a".into(), name: format!("f{n}"), kind: func() })
            .collect(),
        exports: (0..calls)
            .map(|n| CoreExport { name: format!("f{n}"), kind: func(), index: n })
            .chain([
                CoreExport { name: "memory".into(), kind: MEMORY, index: 0 },
                CoreExport { name: "realloc".into(), kind: func(), index: 0 },
            ])
            .collect(),
        has_start: false,
        may_trap: false,
        has_tags: false,
        memories: vec![MEMORY],
        tables: Vec::new(),
        bodies: Vec::new(),
    };
    let mut program = Program {
        inputs: vec![Input { name: "calls".into(), bytes: Vec::new().into() }],
        composed: Vec::new(),
        unvalidated: false,
        types,
        modules: vec![module],
        instances: Vec::new(),
        components: vec![ComponentInstance { path: "root".into(), parent: None }],
        funcs: Vec::new(),
        options: Vec::new(),
        resources: Vec::new(),
        host_funcs: Vec::new(),
        host_modules: Vec::new(),
        host_instances: Vec::new(),
        host_exports: Default::default(),
        root_exports: Vec::new(),
        world: World::Core { exports: Vec::new() },
        border: None,
    };
    let mut before: Vec<FuncId> = Vec::new();
    for n in 0..calls {
        program.host_funcs.push(HostFunc { path: vec!["host:a/b".into(), format!("f{n}")] });
        before.push(FuncId(program.funcs.len() as u32));
        let ty = signatures[n as usize % signatures.len()];
        program.funcs.push(ComponentFunc { ty, def: FuncDef::Host(HostFuncId(n)) });
    }
    for c in 0..components {
        let component = ComponentId(c + 1);
        let instance = InstanceId(c);
        let path = format!("c{c}");
        program.components.push(ComponentInstance { path, parent: Some(ComponentId(0)) });
        let item = |export| CoreItem::Export { instance, export };
        let options = OptionsId(program.options.len() as u32);
        program.options.push(CanonicalOptions {
            component,
            encoding: StringEncoding::Utf8,
            memory: Some(item(calls)),
            realloc: Some(item(calls + 1)),
            async_: false,
            memory64: false,
        });
        let imports = before.iter().map(|func| CoreItem::Lower { func: *func, options }).collect();
        program.instances.push(CoreInstance {
            name: format!("c{c}/main"),
            module: ModuleId(0),
            component,
            imports,
        });
        before = (0..calls)
            .map(|n| {
                let ty = signatures[n as usize % signatures.len()];
                let def =
                    FuncDef::Lift { core: item(n), options, post_return: None, callback: None };
                program.funcs.push(ComponentFunc { ty, def });
                FuncId(program.funcs.len() as u32 - 1)
            })
            .collect();
    }
    for (n, func) in before.into_iter().enumerate() {
        program.root_exports.push(RootExport { path: vec![format!("f{n}")], func });
    }
    program
}

#[test]
#[ignore = "for release builds"]
fn thirty_thousand_ports() {
    let rules = common::rules();
    let program = chain(300, 100);
    let start = Instant::now();
    let decision = decide(&program, &rules, &Options::default()).unwrap();
    println!("decide: {:?} for {} ports", start.elapsed(), decision.plan.ports.len());
    let start = Instant::now();
    let text = decision.trace.explain_text(None);
    println!("explain: {:?}, {} bytes", start.elapsed(), text.len());
    let start = Instant::now();
    let json = decision.trace.explain_json(None).to_string();
    println!("json: {:?}, {} bytes", start.elapsed(), json.len());
    assert_eq!(decision.plan.ports.len(), 30_100);
}

#[test]
fn work_follows_size() {
    let rules = common::rules();
    let size = |components| {
        let program = chain(components, 10);
        let decision = decide(&program, &rules, &Options::default()).unwrap();
        decision.trace.explain_text(None).len() as f64 / f64::from(components)
    };
    let (small, large) = (size(10), size(40));
    assert!(large < small * 1.3, "{small} bytes an instance among 10, {large} among 40");
}

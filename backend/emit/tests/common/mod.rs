//! What the tests of wrapping share: linked programs, and a comparison of component types.

use meld_component::abi::{Direction, FlatType, Layouts, PtrWidth};
use meld_component::program::{CoreFuncType, FuncDef, FuncId, HostFuncId, Program, StringEncoding};
use meld_component::{decode, link};
use meld_emit::wrap::{Lifted, Lowered, Wrapping};
use std::fmt::Write;
use wasmparser::Validator;
use wasmparser::component_types::ComponentEntityType;
use wit_component::ComponentEncoder;
use wit_parser::{LiftLowerAbi, ManglingAndAbi, Resolve};

/// Links a component.
pub fn program_of(component: &[u8]) -> Program {
    let component =
        decode::component("test", component.to_vec().into()).expect("a valid component");
    link::link(&component).expect("a component that links")
}

/// A component with this world, all of whose functions trap. The world is named `w`.
#[allow(dead_code, reason = "not every test file starts from WIT")]
pub fn dummy_component(wit: &str) -> Vec<u8> {
    let mut resolve = Resolve::default();
    let package = resolve.push_str("test.wit", wit).expect("the WIT is right");
    let world = resolve.select_world(&[package], Some("w")).unwrap();
    let abi = ManglingAndAbi::Legacy(LiftLowerAbi::Sync);
    let mut module = wit_component::dummy_module(&resolve, world, abi);
    let encoding = wit_component::StringEncoding::UTF8;
    wit_component::embed_component_metadata(&mut module, &resolve, world, encoding).unwrap();
    ComponentEncoder::default().module(&module).unwrap().validate(true).encode().unwrap()
}

/// The imported function with this path, written with `/`.
#[allow(dead_code, reason = "not every test file names host functions")]
pub fn host(program: &Program, path: &str) -> HostFuncId {
    let found = program.host_funcs.iter().position(|func| func.path.join("/") == path);
    HostFuncId(found.unwrap_or_else(|| panic!("no host function {path}")) as u32)
}

/// Whether each component is a subtype of the other.
pub fn same_type(a: &[u8], b: &[u8]) -> bool {
    let mut outer = wasm_encoder::ComponentBuilder::default();
    outer.component_raw(None, a);
    outer.component_raw(None, b);
    let mut validator = Validator::new_with_features(decode::features());
    let types = validator.validate_all(&outer.finish()).expect("both components are valid");
    let types = types.as_ref();
    let a = ComponentEntityType::Component(types.component_at(0));
    let b = ComponentEntityType::Component(types.component_at(1));
    ComponentEntityType::is_subtype_of(&a, types, &b, types)
        && ComponentEntityType::is_subtype_of(&b, types, &a, types)
}

#[allow(dead_code, reason = "not every test file needs a module for any world")]
fn val_type(flat: FlatType) -> wasmparser::ValType {
    match flat {
        FlatType::I32 => wasmparser::ValType::I32,
        FlatType::I64 => wasmparser::ValType::I64,
        FlatType::F32 => wasmparser::ValType::F32,
        FlatType::F64 => wasmparser::ValType::F64,
    }
}

/// A module that can be wrapped as the program, and what is what in it. All its functions trap.
/// Names in it are other than those that the core ABI has.
#[allow(dead_code, reason = "not every test file needs a module for any world")]
pub fn stand_in(program: &Program) -> Wrapping<'_> {
    let layouts = Layouts::new(&program.types);
    let encoding = StringEncoding::Utf8;
    let signature = |func: FuncId, direction| {
        let ty = program.types.func(program.funcs[func.index()].ty);
        let signature =
            layouts.core_signature(ty, direction, PtrWidth::W32).expect("the type has a layout");
        let val_types = |flat: Vec<FlatType>| flat.into_iter().map(val_type).collect();
        CoreFuncType { params: val_types(signature.params), results: val_types(signature.results) }
    };
    let (memory, realloc) = (Some("mem".to_string()), Some("alloc".to_string()));
    let mut wat = String::from("(module\n");
    let (mut lowers, mut lifts) = (Vec::new(), Vec::new());
    for (index, func) in program.funcs.iter().enumerate() {
        let FuncDef::Host(host) = func.def else { continue };
        let ty = text(&signature(FuncId(index as u32), Direction::Lower));
        let (module, name) = (format!("host{}", index % 3), format!("f{index}"));
        writeln!(wat, "(import \"{module}\" \"{name}\" (func {ty}))").unwrap();
        let (memory, realloc) = (memory.clone(), realloc.clone());
        lowers.push(Lowered { module, name, host, encoding, memory, realloc });
    }
    writeln!(wat, "(memory (export \"mem\") 1)").unwrap();
    let ty = "(param i32 i32 i32 i32) (result i32)";
    writeln!(wat, "(func (export \"alloc\") {ty} unreachable)").unwrap();
    for (index, export) in program.root_exports.iter().enumerate() {
        if let FuncDef::Host(host) = program.funcs[export.func.index()].def {
            lifts.push(Lifted::Host(host));
            continue;
        }
        let ty = signature(export.func, Direction::Lift);
        writeln!(wat, "(func (export \"e{index}\") {} unreachable)", text(&ty)).unwrap();
        let results = CoreFuncType { params: ty.results, results: Vec::new() };
        writeln!(wat, "(func (export \"p{index}\") {})", text(&results)).unwrap();
        lifts.push(Lifted::Core {
            export: format!("e{index}"),
            encoding,
            memory: memory.clone(),
            realloc: realloc.clone(),
            post_return: Some(format!("p{index}")),
        });
    }
    wat.push_str("(func (export \"run-starts\")))");
    let module = wat::parse_str(&wat).unwrap();
    Wrapping {
        program,
        module,
        lowers,
        builtins: Vec::new(),
        supplied: Vec::new(),
        destructors: Vec::new(),
        lifts,
        start: Some("run-starts".into()),
    }
}

fn text(ty: &CoreFuncType) -> String {
    let list = |word: &str, types: &[wasmparser::ValType]| {
        types.iter().map(|ty| format!("({word} {ty})")).collect::<String>()
    };
    list("param", &ty.params) + &list("result", &ty.results)
}

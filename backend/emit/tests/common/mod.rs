//! What the tests of wrapping share: linked programs, and a comparison of component types.

use meld_component::program::{HostFuncId, Program};
use meld_component::{decode, link};
use wasmparser::Validator;
use wasmparser::component_types::ComponentEntityType;
use wit_component::ComponentEncoder;
use wit_parser::{LiftLowerAbi, ManglingAndAbi, Resolve};

/// Links a component.
pub fn program_of(component: &[u8]) -> Program {
    let component = decode::component("test", component.into()).expect("a valid component");
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

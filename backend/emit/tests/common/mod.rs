//! What the tests of wrapping share: programs made from components without linking them, and a
//! comparison of component types.

use meld_component::program::{
    ComponentWorld, FuncId, HostFunc, HostFuncId, Program, RootExport, World, WorldItem,
};
use meld_component::types::Types;
use std::sync::Arc;
use wasmparser::component_types::ComponentEntityType;
use wasmparser::types::TypesRef;
use wasmparser::{Parser, Payload, Validator, WasmFeatures};

/// The face of a component as a program: no core modules, but the world, its functions and
/// their paths.
pub fn program_of(component: &[u8]) -> Program {
    let mut validator = Validator::new_with_features(WasmFeatures::all());
    let types = validator.validate_all(component).expect("the input component is valid");
    let (mut imports, mut exports) = (Vec::new(), Vec::new());
    let (mut host_funcs, mut root_exports) = (Vec::new(), Vec::new());
    let mut depth = 0;
    for payload in Parser::new(0).parse_all(component) {
        match payload.unwrap() {
            Payload::Version { .. } => depth += 1,
            Payload::End(_) => depth -= 1,
            Payload::ComponentImportSection(section) if depth == 1 => {
                for import in section {
                    let name = import.unwrap().name.name;
                    let ty = types.as_ref().component_item_for_import(name).unwrap().ty;
                    import_funcs(types.as_ref(), vec![name.to_string()], ty, &mut host_funcs);
                    imports.push((name.to_string(), ty));
                }
            }
            Payload::ComponentExportSection(section) if depth == 1 => {
                for export in section {
                    let name = export.unwrap().name.name;
                    let ty = types.as_ref().component_item_for_export(name).unwrap().ty;
                    let path = vec![name.to_string()];
                    let item = export_item(types.as_ref(), path, ty, &mut root_exports);
                    exports.push((name.to_string(), ty, item));
                }
            }
            _ => {}
        }
    }
    Program {
        inputs: vec![],
        types: Types::default(),
        modules: vec![],
        instances: vec![],
        components: vec![],
        funcs: vec![],
        options: vec![],
        resources: vec![],
        host_funcs,
        root_exports,
        world: World::Component(Box::new(ComponentWorld {
            types: Arc::new(types),
            imports,
            exports,
            bytes: component.into(),
        })),
    }
}

fn import_funcs(
    types: TypesRef<'_>,
    path: Vec<String>,
    ty: ComponentEntityType,
    found: &mut Vec<HostFunc>,
) {
    match ty {
        ComponentEntityType::Func(_) => found.push(HostFunc { path }),
        ComponentEntityType::Instance(id) => {
            for (name, item) in &types[id].exports {
                let path = [path.as_slice(), std::slice::from_ref(name)].concat();
                import_funcs(types, path, item.ty, found);
            }
        }
        _ => {}
    }
}

fn export_item(
    types: TypesRef<'_>,
    path: Vec<String>,
    ty: ComponentEntityType,
    found: &mut Vec<RootExport>,
) -> WorldItem {
    match ty {
        ComponentEntityType::Func(_) => {
            found.push(RootExport { path, func: FuncId(0) });
            WorldItem::Func(found.len() as u32 - 1)
        }
        ComponentEntityType::Instance(id) => WorldItem::Instance(
            types[id]
                .exports
                .iter()
                .map(|(name, item)| {
                    let path = [path.as_slice(), std::slice::from_ref(name)].concat();
                    (name.clone(), export_item(types, path, item.ty, found))
                })
                .collect(),
        ),
        _ => WorldItem::Type,
    }
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
    let mut validator = Validator::new_with_features(WasmFeatures::all());
    let types = validator.validate_all(&outer.finish()).expect("both components are valid");
    let types = types.as_ref();
    let a = ComponentEntityType::Component(types.component_at(0));
    let b = ComponentEntityType::Component(types.component_at(1));
    ComponentEntityType::is_subtype_of(&a, types, &b, types)
        && ComponentEntityType::is_subtype_of(&b, types, &a, types)
}

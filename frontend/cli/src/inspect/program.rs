//! Inspection of a linked program.

use super::face::{face, function};
use super::types::{Crossing, signature};
use super::{
    AlwaysTraps, ComponentInstance, CoreFace, CoreInstance, Edge, Export, Function, FusedWorld,
    Memory, ProgramInspection, Representation, Resource,
};
use meld_component::facts;
use meld_component::program::{
    Builtin, ComponentFunc, ComponentId, CoreItem, CoreKind, FuncDef, InstanceId, ModuleId,
    Program, ResourceId, World,
};
use meld_engine::Decision;
use meld_engine::trace::ResourceOption;
use wasmparser::{Parser, Payload};

/// Says what is in a program.
pub fn inspect(program: &Program, bytes: usize) -> ProgramInspection {
    let path = |id: ComponentId| program.components[id.index()].path.clone();
    let memories: Vec<Vec<Memory>> =
        (0..program.modules.len()).map(|i| memories(program, ModuleId(i as u32))).collect();
    ProgramInspection {
        bytes,
        // The border is none of the input's, and stands last.
        components: program.components
            [..program.components.len() - usize::from(program.border.is_some())]
            .iter()
            .map(|c| ComponentInstance { path: c.path.clone(), parent: c.parent.map(path) })
            .collect(),
        core_instances: program
            .instances
            .iter()
            .map(|instance| {
                let module = &program.modules[instance.module.index()];
                CoreInstance {
                    name: instance.name.clone(),
                    component: path(instance.component),
                    bytes: module.range.len(),
                    imports: module.imports.len(),
                    exports: module.exports.len(),
                    memories: memories[instance.module.index()].clone(),
                    start: module.has_start,
                }
            })
            .collect(),
        edges: edges(program),
        imports: imports(program),
        imported_modules: imported_modules(program),
        core: match program.world {
            World::Component(_) => Vec::new(),
            World::Core { .. } => core(program),
        },
        exports: program
            .root_exports
            .iter()
            .map(|export| {
                let func = &program.funcs[export.func.index()];
                Export {
                    name: export.path.join("#"),
                    from: owner(program, &func.def),
                    signature: signature(program, func.ty),
                }
            })
            .collect(),
        resources: resources(program),
        always_trapping: Vec::new(),
        warnings: Vec::new(),
        refused: None,
    }
}

/// Faces of plain core modules, of each of which there is one instance, in the order of the inputs.
fn core(program: &Program) -> Vec<CoreFace> {
    let mut instances: Vec<_> = program.instances.iter().collect();
    instances.sort_by_key(|instance| instance.module);
    let face = |name: &str, module| face(name.to_string(), program.module_bytes(module));
    instances.into_iter().map(|instance| face(&instance.name, instance.module)).collect()
}

/// Adds what was decided for the program.
pub fn decided(inspection: &mut ProgramInspection, program: &Program, decision: &Decision<'_>) {
    for chosen in decision.trace.resource_options() {
        let instance = match Some(chosen.component) == program.border_component() {
            true => "host".to_string(),
            false => program.components[chosen.component.index()].path.clone(),
        };
        let ResourceOption { option, because, .. } = chosen;
        let representation = Representation { instance, option, because };
        inspection.resources[chosen.resource.index()].representations.push(representation);
    }
    let trapping = meld_emit::always_trapping(&decision.plan).into_iter();
    let tell = |meld_emit::AlwaysTraps { instance, position, reason }| {
        let import = &program.module_of(instance).imports[position as usize];
        AlwaysTraps {
            from: program.instances[instance.index()].name.clone(),
            import_module: import.module.clone(),
            import_name: import.name.clone(),
            reason,
        }
    };
    inspection.always_trapping = trapping.map(tell).collect();
}

fn resources(program: &Program) -> Vec<Resource> {
    let path = |id: ComponentId| program.components[id.index()].path.clone();
    let reach_host = facts::reaches_host(program);
    let lent = facts::lent(&program.types);
    let resources = (0..).map(ResourceId).zip(&program.resources).zip(facts::holders(program));
    resources
        .map(|((id, resource), holders)| Resource {
            name: resource.name.clone(),
            owner: resource.implementer().map_or_else(|| "host".to_string(), path),
            destructor: resource.destructor().is_some(),
            reaches_host: reach_host.contains(&id),
            lent: lent.contains(&id),
            holders: holders.into_iter().map(path).collect(),
            representations: Vec::new(),
        })
        .collect()
}

/// What a component that meld made imports and exports.
pub fn world(program: &Program) -> FusedWorld {
    let exports = program.root_exports.iter().map(|export| Function {
        name: export.path.join("#"),
        signature: signature(program, program.funcs[export.func.index()].ty),
    });
    FusedWorld {
        imports: imports(program),
        imported_modules: imported_modules(program),
        exports: exports.collect(),
    }
}

fn imports(program: &Program) -> Vec<Function> {
    let of_host = |def: &FuncDef| matches!(def, FuncDef::Host(_));
    let functions = program.funcs.iter().filter(|func| of_host(&func.def));
    let function = |func: &ComponentFunc| Function {
        name: name(program, &func.def),
        signature: signature(program, func.ty),
    };
    functions.map(function).collect()
}

fn imported_modules(program: &Program) -> Vec<String> {
    program.host_modules.iter().map(|module| module.path.join("#")).collect()
}

/// The path of the component instance that lifts a function, or `host`.
fn owner(program: &Program, def: &FuncDef) -> String {
    match def {
        FuncDef::Lift { options, .. } => {
            let component = program.options[options.index()].component;
            program.components[component.index()].path.clone()
        }
        FuncDef::Host(_) => "host".to_string(),
    }
}

/// What a function is called where it is defined.
fn name<'p>(program: &'p Program, mut def: &'p FuncDef) -> String {
    loop {
        let core = match def {
            FuncDef::Host(host) => return program.host_funcs[host.index()].path.join("#"),
            FuncDef::Lift { core, .. } => core,
        };
        return match core {
            CoreItem::Export { instance, export } => {
                program.module_of(*instance).exports[*export as usize].name.clone()
            }
            // A lift of a lower of a lift: an input may have hundreds of thousands in a row.
            CoreItem::Lower { func, .. } => {
                def = &program.funcs[func.index()].def;
                continue;
            }
            CoreItem::Host { name, .. } | CoreItem::HostExport { name, .. } => name.clone(),
            CoreItem::Builtin(builtin) => match builtin {
                Builtin::ResourceNew(..) => "resource.new".to_string(),
                Builtin::ResourceRep(..) => "resource.rep".to_string(),
                Builtin::ResourceDrop(..) => "resource.drop".to_string(),
                Builtin::Context { set: false, .. } => "context.get".to_string(),
                Builtin::Context { set: true, .. } => "context.set".to_string(),
                Builtin::Async(_, name) => name.clone(),
            },
        };
    }
}

fn edges(program: &Program) -> Vec<Edge> {
    let mut edges = Vec::new();
    for (instance, id) in program.instances.iter().zip(0..) {
        let module = &program.modules[instance.module.index()];
        for ((import, item), position) in module.imports.iter().zip(&instance.imports).zip(0..) {
            let CoreItem::Lower { func, options } = item else {
                let supplied = program.host_exports.get(&(InstanceId(id), position));
                if let (Some((of, name)), CoreKind::Func(ty)) = (supplied, &import.kind) {
                    let of = program.host_instances[of.index()];
                    let path = &program.host_modules[of.index()].path;
                    edges.push(Edge {
                        from: instance.name.clone(),
                        import_module: import.module.clone(),
                        import_name: import.name.clone(),
                        to: "host".to_string(),
                        function: format!("{}#{name}", path.join("#")),
                        signature: function("func", &ty.params, &ty.results),
                        crosses: Vec::new(),
                    });
                }
                continue;
            };
            let func = &program.funcs[func.index()];
            let encoding =
                |id: meld_component::program::OptionsId| program.options[id.index()].encoding;
            let callee = match func.def {
                FuncDef::Lift { options, .. } => Some(encoding(options)),
                FuncDef::Host(_) => None,
            };
            edges.push(Edge {
                from: instance.name.clone(),
                import_module: import.module.clone(),
                import_name: import.name.clone(),
                to: owner(program, &func.def),
                function: name(program, &func.def),
                signature: signature(program, func.ty),
                crosses: Crossing::of(program, func.ty).text(encoding(*options), callee),
            });
        }
    }
    edges
}

fn memories(program: &Program, module: ModuleId) -> Vec<Memory> {
    let mut memories = Vec::new();
    for payload in Parser::new(0).parse_all(program.module_bytes(module)) {
        match payload {
            Ok(Payload::MemorySection(section)) => {
                memories.extend(section.into_iter().flatten().map(super::memory));
            }
            Ok(_) => {}
            // The module was validated when it was read.
            Err(_) => break,
        }
    }
    memories
}

#[cfg(test)]
mod tests {
    use super::*;
    use meld_component::program::{ComponentFunc, FuncId};

    #[test]
    fn a_long_chain_of_lifts_and_lowers_has_a_name() {
        let wat = r#"(component
          (import "f" (func $f))
          (core func $g (canon lower (func $f)))
          (func $h (canon lift (core func $g)))
          (core func $i (canon lower (func $h)))
          (core module $m (import "a" "i" (func)))
          (core instance (instantiate $m (with "a" (instance (export "i" (func $i)))))))"#;
        let bytes = wat::parse_str(wat).unwrap().into();
        let input = meld_component::Input { name: "chain".to_string(), bytes };
        let mut program = meld_component::read(&[input]).unwrap();
        let lift = program.funcs.iter().find(|func| matches!(func.def, FuncDef::Lift { .. }));
        let ComponentFunc { ty, def: FuncDef::Lift { options, .. } } = lift.unwrap().clone() else {
            panic!("it was found for being a lift");
        };
        for _ in 0..200_000 {
            let func = FuncId(program.funcs.len() as u32 - 1);
            let core = CoreItem::Lower { func, options };
            let def = FuncDef::Lift { core, options, post_return: None, callback: None };
            program.funcs.push(ComponentFunc { ty, def });
        }
        assert_eq!(name(&program, &program.funcs.last().unwrap().def), "f");
    }
}

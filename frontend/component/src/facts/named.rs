//! Which imported functions a core module does anything with.

use crate::program::{CoreKind, ModuleId, Program};
use rayon::prelude::*;
use std::collections::BTreeSet;
use wasmparser::{
    BinaryReaderError, ConstExpr, ElementItems, FunctionBody, Operator, OperatorsReader, Parser,
    Payload, TableInit,
};

/// Bodies that are looked into before it is asked whether everything was found.
const CHUNK: usize = 4096;

/// Those of some imports, by position among all, that the module's code, exports, tables or globals name: no
/// others can be called. Of a module that cannot be read, all.
pub(super) fn named(
    program: &Program,
    module: ModuleId,
    positions: &BTreeSet<u32>,
) -> BTreeSet<u32> {
    let imports = program.modules[module.index()].imports.iter().zip(0..);
    let functions = imports.filter(|(import, _)| matches!(import.kind, CoreKind::Func(_)));
    // Function indices, with the imports that they are.
    let wanted: Vec<(u32, u32)> = functions
        .zip(0..)
        .map(|((_, position), function)| (function, position))
        .filter(|(_, position)| positions.contains(position))
        .collect();
    let found = search(program.module_bytes(module), wanted.iter().map(|(f, _)| *f).collect());
    match found {
        Ok(found) => wanted
            .iter()
            .filter(|(f, _)| found.contains(f))
            .map(|(_, position)| *position)
            .collect(),
        Err(_) => positions.clone(),
    }
}

fn search(bytes: &[u8], wanted: BTreeSet<u32>) -> Result<BTreeSet<u32>, BinaryReaderError> {
    let mut found = BTreeSet::new();
    let mut bodies: Vec<FunctionBody<'_>> = Vec::new();
    for payload in Parser::new(0).parse_all(bytes) {
        match payload? {
            Payload::ExportSection(exports) => {
                for export in exports {
                    let export = export?;
                    if matches!(
                        export.kind,
                        wasmparser::ExternalKind::Func | wasmparser::ExternalKind::FuncExact
                    ) {
                        found.insert(export.index);
                    }
                }
            }
            Payload::StartSection { func, .. } => {
                found.insert(func);
            }
            Payload::GlobalSection(globals) => {
                for global in globals {
                    of_constant(&global?.init_expr, &mut found)?;
                }
            }
            Payload::TableSection(tables) => {
                for table in tables {
                    if let TableInit::Expr(init) = &table?.init {
                        of_constant(init, &mut found)?;
                    }
                }
            }
            Payload::ElementSection(elements) => {
                for element in elements {
                    match element?.items {
                        ElementItems::Functions(functions) => {
                            for function in functions {
                                found.insert(function?);
                            }
                        }
                        ElementItems::Expressions(_, items) => {
                            for item in items {
                                of_constant(&item?, &mut found)?;
                            }
                        }
                    }
                }
            }
            Payload::CodeSectionEntry(body) => bodies.push(body),
            _ => {}
        }
    }
    found.retain(|function| wanted.contains(function));
    for chunk in bodies.chunks(CHUNK) {
        if found.len() == wanted.len() {
            break;
        }
        let of_body = |body: &FunctionBody<'_>| {
            let mut found = BTreeSet::new();
            of_operators(body.get_operators_reader()?, &mut |function| {
                if wanted.contains(&function) {
                    found.insert(function);
                }
            })?;
            Ok(found)
        };
        let all = chunk.par_iter().map(of_body).try_reduce(BTreeSet::new, |mut all, more| {
            all.extend(more);
            Ok(all)
        });
        found.extend(all?);
    }
    Ok(found)
}

fn of_constant(expr: &ConstExpr<'_>, found: &mut BTreeSet<u32>) -> Result<(), BinaryReaderError> {
    of_operators(expr.get_operators_reader(), &mut |function| {
        found.insert(function);
    })
}

fn of_operators(
    operators: OperatorsReader<'_>,
    visit: &mut dyn FnMut(u32),
) -> Result<(), BinaryReaderError> {
    for operator in operators {
        match operator? {
            Operator::Call { function_index }
            | Operator::ReturnCall { function_index }
            | Operator::RefFunc { function_index } => visit(function_index),
            _ => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::read_all;

    fn of(text: &str) -> Vec<u32> {
        let imports: String =
            (0..4).map(|n| format!(r#"(import "h" "{n}" (func ${n}))"#)).collect();
        let program = read_all(&[(
            "a",
            &format!(r#"(module (import "h" "m" (memory 1)) {imports} {text})"#),
        )])
        .unwrap();
        named(&program, ModuleId(0), &BTreeSet::from([1, 2, 4])).into_iter().collect()
    }

    #[test]
    fn whoever_names_a_function_may_call_it() {
        assert!(of("").is_empty());
        assert_eq!(of("(func call $0 call $2)"), [1]);
        assert_eq!(of("(func return_call $1)"), [2]);
        assert_eq!(of("(elem declare func $3) (func ref.func $3 drop)"), [4]);
        assert_eq!(of(r#"(export "f" (func $0))"#), [1]);
        assert_eq!(of("(start $1)"), [2]);
        assert_eq!(of("(table 1 funcref) (elem (i32.const 0) func $0)"), [1]);
        assert_eq!(of("(elem funcref (ref.func $1))"), [2]);
        assert_eq!(of("(global funcref (ref.func $3))"), [4]);
        assert_eq!(of("(table 1 funcref (ref.func $1))"), [2]);
    }
}

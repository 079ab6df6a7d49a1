//! The last look at a wrapped component: it is valid, and its world is the input's.

use super::WrapError;
use rayon::prelude::*;
use wasmparser::component_types::{ComponentEntityType, ComponentItem};
use wasmparser::types::TypesRef;
use wasmparser::{
    Encoding, FuncToValidate, FuncValidatorAllocations, FunctionBody, Parser, Payload,
    ValidPayload, Validator, ValidatorResources, WasmFeatures,
};

/// Validates `output` whole, and that it and `input` are subtypes of each other with equal names
/// in equal order.
///
/// Both are read as if they stood in one component, because subtyping between components needs
/// their types in one table. Function bodies of the input are not looked at.
pub(super) fn same_world(input: &[u8], output: &[u8]) -> Result<(), WrapError> {
    let invalid = |e: wasmparser::BinaryReaderError| WrapError::Internal(e.to_string());
    let mut validator = Validator::new_with_features(WasmFeatures::all());
    let header = Payload::Version { num: 0x0d, encoding: Encoding::Component, range: 0..8 };
    validator.payload(&header).map_err(invalid)?;
    nested(&mut validator, input, false).map_err(invalid)?;
    nested(&mut validator, output, true).map_err(invalid)?;

    let types = validator.types(0).expect("the outer component is open");
    let (a, b) = (types.component_at(0), types.component_at(1));
    let (a_type, b_type) = (ComponentEntityType::Component(a), ComponentEntityType::Component(b));
    if !ComponentEntityType::is_subtype_of(&a_type, types, &b_type, types)
        || !ComponentEntityType::is_subtype_of(&b_type, types, &a_type, types)
    {
        return Err(WrapError::Internal("the component's type is not the input's".into()));
    }
    let (a, b) = (&types[a], &types[b]);
    if !same_items(types, a.imports.iter(), b.imports.iter())
        || !same_items(types, a.exports.iter(), b.exports.iter())
    {
        return Err(WrapError::Internal("the component's names are not the input's".into()));
    }
    Ok(())
}

type Body<'b> = (FuncToValidate<ValidatorResources>, FunctionBody<'b>);

fn nested(
    validator: &mut Validator,
    component: &[u8],
    bodies: bool,
) -> Result<(), wasmparser::BinaryReaderError> {
    let parser = Parser::new(0);
    let unchecked_range = 0..component.len();
    validator.payload(&Payload::ComponentSection { parser: parser.clone(), unchecked_range })?;
    let mut found: Vec<Body<'_>> = Vec::new();
    for payload in parser.parse_all(component) {
        if let ValidPayload::Func(func, body) = validator.payload(&payload?)?
            && bodies
        {
            found.push((func, body));
        }
    }
    found.into_par_iter().try_for_each_init(
        FuncValidatorAllocations::default,
        |allocations, (func, body)| {
            let mut validator = func.into_validator(std::mem::take(allocations));
            validator.validate(&body)?;
            *allocations = validator.into_allocations();
            Ok(())
        },
    )
}

fn same_items<'t>(
    types: TypesRef<'_>,
    a: impl ExactSizeIterator<Item = (&'t String, &'t ComponentItem)>,
    b: impl ExactSizeIterator<Item = (&'t String, &'t ComponentItem)>,
) -> bool {
    a.len() == b.len()
        && a.zip(b).all(|((a_name, a), (b_name, b))| {
            a_name == b_name
                && a.implements == b.implements
                && a.version_suffix == b.version_suffix
                && a.external_id == b.external_id
                && match (a.ty, b.ty) {
                    (ComponentEntityType::Instance(a), ComponentEntityType::Instance(b)) => {
                        same_items(types, types[a].exports.iter(), types[b].exports.iter())
                    }
                    _ => true,
                }
        })
}

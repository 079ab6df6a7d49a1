//! wasmparser's borrowed definitions to the crate's own.

use crate::component::{Alias, CoreInstanceDef, Declaration, InstanceDef, TypeDef, ValueDef};
use wasmparser::{
    ComponentAlias, ComponentDefinedType, ComponentInstance, ComponentType, ComponentValType,
    Instance, InstanceTypeDeclaration,
};

pub(super) fn core_instance(instance: Instance<'_>) -> CoreInstanceDef {
    match instance {
        Instance::Instantiate { module_index, args } => CoreInstanceDef::Instantiate {
            module: module_index,
            args: args.iter().map(|arg| (arg.name.into(), arg.index)).collect(),
        },
        Instance::FromExports(exports) => CoreInstanceDef::Exports(
            exports.iter().map(|e| (e.name.into(), e.kind, e.index)).collect(),
        ),
    }
}

pub(super) fn instance(instance: ComponentInstance<'_>) -> InstanceDef {
    match instance {
        ComponentInstance::Instantiate { component_index, args } => InstanceDef::Instantiate {
            component: component_index,
            args: args.iter().map(|arg| (arg.name.into(), arg.kind, arg.index)).collect(),
        },
        ComponentInstance::FromExports(exports) => InstanceDef::Exports(
            exports.iter().map(|e| (e.name.name.into(), e.kind, e.index)).collect(),
        ),
    }
}

pub(super) fn alias(alias: ComponentAlias<'_>) -> Alias {
    match alias {
        ComponentAlias::InstanceExport { kind, instance_index, name } => {
            Alias::InstanceExport { kind, instance: instance_index, name: name.into() }
        }
        ComponentAlias::CoreInstanceExport { kind, instance_index, name } => {
            Alias::CoreInstanceExport { kind, instance: instance_index, name: name.into() }
        }
        ComponentAlias::Outer { kind, count, index } => Alias::Outer { kind, count, index },
    }
}

pub(super) fn type_def(ty: ComponentType<'_>) -> TypeDef {
    match ty {
        ComponentType::Defined(ty) => TypeDef::Value(value_def(ty)),
        ComponentType::Func(ty) => TypeDef::Func {
            async_: ty.async_,
            params: ty.params.iter().map(|(_, ty)| *ty).collect(),
            result: ty.result,
        },
        ComponentType::Resource { rep, dtor } => TypeDef::Resource { rep, dtor },
        ComponentType::Instance(declarations) => {
            TypeDef::Instance(declarations.into_vec().into_iter().map(declaration).collect())
        }
        ComponentType::Component(_) => TypeDef::Component,
    }
}

fn declaration(declaration: InstanceTypeDeclaration<'_>) -> Declaration {
    match declaration {
        InstanceTypeDeclaration::CoreType(_) => Declaration::CoreType,
        InstanceTypeDeclaration::Type(ty) => Declaration::Type(type_def(ty)),
        InstanceTypeDeclaration::Alias(a) => Declaration::Alias(alias(a)),
        InstanceTypeDeclaration::Export { name, ty } => {
            Declaration::Export { name: name.name.into(), ty }
        }
    }
}

fn value_def(ty: ComponentDefinedType<'_>) -> ValueDef {
    use ComponentDefinedType as D;
    match ty {
        D::Primitive(ty) => ValueDef::Plain(ComponentValType::Primitive(ty)),
        D::Record(fields) => ValueDef::Record(fields.iter().map(|(_, ty)| *ty).collect()),
        D::Variant(cases) => ValueDef::Variant(cases.iter().map(|case| case.ty).collect()),
        D::List(ty) => ValueDef::List(ty),
        D::Map(key, value) => ValueDef::Map(key, value),
        D::FixedLengthList(ty, length) => ValueDef::FixedList(ty, length),
        D::Tuple(types) => ValueDef::Tuple(types.into_vec()),
        D::Flags(labels) => ValueDef::Flags(labels.len() as u32),
        D::Enum(cases) => ValueDef::Enum(cases.len() as u32),
        D::Option(ty) => ValueDef::Option(ty),
        D::Result { ok, err } => ValueDef::Result(ok, err),
        D::Own(resource) => ValueDef::Own(resource),
        D::Borrow(resource) => ValueDef::Borrow(resource),
        D::Future(ty) => ValueDef::Future(ty),
        D::Stream(ty) => ValueDef::Stream(ty),
    }
}

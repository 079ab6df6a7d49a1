//! Type definitions, evaluated in an environment: resources by identity.

use super::env::{EnvId, Ty};
use super::{LinkError, Linker};
use crate::component::{TypeDef, ValueDef};
use crate::program::ResourceId;
use crate::types::{FuncType, FuncTypeId, TypeId, ValueType};
use wasmparser::{ComponentValType, PrimitiveValType};

impl<'a> Linker<'a> {
    pub(super) fn type_def(&mut self, env: EnvId, def: &'a TypeDef) -> Result<Ty<'a>, LinkError> {
        Ok(match def {
            TypeDef::Value(def) => Ty::Value(self.value_def(env, def)?),
            TypeDef::Func { async_, params, result } => {
                let params = self.value_types(env, params)?;
                let result = self.optional(env, *result)?;
                Ty::Func(self.types.intern_func(FuncType { async_: *async_, params, result }))
            }
            TypeDef::Resource { dtor, .. } => Ty::Resource(self.define_resource(env, *dtor)?),
            TypeDef::Instance(declarations) => Ty::Instance(declarations, env),
            TypeDef::Component => Ty::Component,
        })
    }

    /// The type at a type index.
    pub(super) fn type_at(&self, env: EnvId, index: u32) -> Result<Ty<'a>, LinkError> {
        let ty = self.envs[env.0 as usize].types.get(index as usize).copied();
        ty.ok_or_else(|| self.inconsistent(env, format!("it has no type with index {index}")))
    }

    /// The function type at a type index.
    pub(super) fn func_type_at(&self, env: EnvId, index: u32) -> Result<FuncTypeId, LinkError> {
        match self.type_at(env, index)? {
            Ty::Func(id) => Ok(id),
            _ => Err(self.inconsistent(env, format!("type {index} is no function type"))),
        }
    }

    /// The resource type at a type index.
    pub(super) fn resource_at(&self, env: EnvId, index: u32) -> Result<ResourceId, LinkError> {
        match self.type_at(env, index)? {
            Ty::Resource(id) => Ok(id),
            _ => Err(self.inconsistent(env, format!("type {index} is no resource type"))),
        }
    }

    fn value_def(&mut self, env: EnvId, def: &ValueDef) -> Result<TypeId, LinkError> {
        let ty = match def {
            ValueDef::Plain(ty) => return self.value_type(env, *ty),
            ValueDef::Record(fields) => ValueType::Record(self.value_types(env, fields)?),
            ValueDef::Tuple(types) => ValueType::Tuple(self.value_types(env, types)?),
            ValueDef::Variant(cases) => {
                self.step(env, cases.len())?;
                let cases = cases.iter().map(|case| self.optional(env, *case));
                ValueType::Variant(cases.collect::<Result<_, _>>()?)
            }
            ValueDef::List(ty) => ValueType::List(self.value_type(env, *ty)?),
            ValueDef::FixedList(ty, length) => {
                ValueType::FixedList(self.value_type(env, *ty)?, *length)
            }
            ValueDef::Map(key, value) => {
                let entry = vec![self.value_type(env, *key)?, self.value_type(env, *value)?];
                ValueType::List(self.types.intern(ValueType::Tuple(entry)))
            }
            ValueDef::Flags(labels) => ValueType::Flags(*labels),
            ValueDef::Enum(cases) => ValueType::Enum(*cases),
            ValueDef::Option(ty) => ValueType::Option(self.value_type(env, *ty)?),
            ValueDef::Result(ok, err) => {
                ValueType::Result(self.optional(env, *ok)?, self.optional(env, *err)?)
            }
            ValueDef::Own(index) => ValueType::Own(self.resource_at(env, *index)?),
            ValueDef::Borrow(index) => ValueType::Borrow(self.resource_at(env, *index)?),
            ValueDef::Stream(ty) => ValueType::Stream(self.optional(env, *ty)?),
            ValueDef::Future(ty) => ValueType::Future(self.optional(env, *ty)?),
        };
        Ok(self.types.intern(ty))
    }

    fn value_types(
        &mut self,
        env: EnvId,
        types: &[ComponentValType],
    ) -> Result<Vec<TypeId>, LinkError> {
        self.step(env, types.len())?;
        types.iter().map(|ty| self.value_type(env, *ty)).collect()
    }

    fn optional(
        &mut self,
        env: EnvId,
        ty: Option<ComponentValType>,
    ) -> Result<Option<TypeId>, LinkError> {
        ty.map(|ty| self.value_type(env, ty)).transpose()
    }

    fn value_type(&mut self, env: EnvId, ty: ComponentValType) -> Result<TypeId, LinkError> {
        use PrimitiveValType as P;
        let ty = match ty {
            ComponentValType::Type(index) => {
                return match self.type_at(env, index)? {
                    Ty::Value(id) => Ok(id),
                    _ => Err(self.inconsistent(env, format!("type {index} is no value type"))),
                };
            }
            ComponentValType::Primitive(ty) => match ty {
                P::Bool => ValueType::Bool,
                P::S8 => ValueType::S8,
                P::U8 => ValueType::U8,
                P::S16 => ValueType::S16,
                P::U16 => ValueType::U16,
                P::S32 => ValueType::S32,
                P::U32 => ValueType::U32,
                P::S64 => ValueType::S64,
                P::U64 => ValueType::U64,
                P::F32 => ValueType::F32,
                P::F64 => ValueType::F64,
                P::Char => ValueType::Char,
                P::String => ValueType::String,
                P::ErrorContext => ValueType::ErrorContext,
            },
        };
        Ok(self.types.intern(ty))
    }
}

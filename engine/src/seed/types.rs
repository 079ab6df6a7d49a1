//! States types, and what is proved of them.

use super::Seeder;
use crate::plan::Entity;
use crate::term::Term;
use crate::vocabulary::FactIds;
use meld_component::facts;
use meld_component::types::{FuncTypeId, TypeId, ValueType};

impl Seeder<'_> {
    pub(super) fn types(&mut self) {
        for (_, ty) in self.program.types.iter() {
            let term = self.value_type(ty);
            self.types.push(term);
        }
    }

    pub(super) fn ty(&self, id: TypeId) -> Term {
        self.types[id.0 as usize]
    }

    fn payload(&mut self, ty: Option<TypeId>) -> Term {
        match ty {
            Some(id) => self.ty(id),
            None => self.term(self.terms.unit, &[]),
        }
    }

    fn type_list(&mut self, types: &[TypeId]) -> Term {
        let types: Vec<Term> = types.iter().map(|id| self.ty(*id)).collect();
        self.into.bank.list(&types)
    }

    fn value_type(&mut self, ty: &ValueType) -> Term {
        let t = self.terms;
        let (term, args) = match ty {
            ValueType::Bool => (t.bool_, vec![]),
            ValueType::S8 => (t.s8, vec![]),
            ValueType::U8 => (t.u8, vec![]),
            ValueType::S16 => (t.s16, vec![]),
            ValueType::U16 => (t.u16, vec![]),
            ValueType::S32 => (t.s32, vec![]),
            ValueType::U32 => (t.u32, vec![]),
            ValueType::S64 => (t.s64, vec![]),
            ValueType::U64 => (t.u64, vec![]),
            ValueType::F32 => (t.f32, vec![]),
            ValueType::F64 => (t.f64, vec![]),
            ValueType::Char => (t.char_, vec![]),
            ValueType::String => (t.string, vec![]),
            ValueType::ErrorContext => (t.error_context, vec![]),
            ValueType::List(element) => (t.list, vec![self.ty(*element)]),
            ValueType::FixedList(element, length) => {
                (t.fixed_list, vec![self.ty(*element), self.int(i64::from(*length))])
            }
            ValueType::Record(fields) => (t.record, vec![self.type_list(fields)]),
            ValueType::Tuple(fields) => (t.tuple, vec![self.type_list(fields)]),
            ValueType::Variant(cases) => {
                let cases: Vec<Term> = cases.iter().map(|case| self.payload(*case)).collect();
                (t.variant, vec![self.into.bank.list(&cases)])
            }
            ValueType::Enum(cases) => (t.enum_, vec![self.int(i64::from(*cases))]),
            ValueType::Option(payload) => (t.option, vec![self.ty(*payload)]),
            ValueType::Result(ok, error) => {
                (t.result, vec![self.payload(*ok), self.payload(*error)])
            }
            ValueType::Flags(labels) => (t.flags, vec![self.int(i64::from(*labels))]),
            ValueType::Own(resource) => (t.own, vec![self.entity(Entity::Resource(*resource))]),
            ValueType::Borrow(resource) => {
                (t.borrow, vec![self.entity(Entity::Resource(*resource))])
            }
            ValueType::Stream(element) => (t.stream, vec![self.payload(*element)]),
            ValueType::Future(element) => (t.future, vec![self.payload(*element)]),
        };
        self.term(term, &args)
    }

    pub(super) fn signature(&mut self, ty: FuncTypeId) -> Term {
        let ty = self.program.types.func(ty);
        let params = self.type_list(&ty.params);
        let results = self.type_list(ty.result.as_slice());
        self.term(self.terms.func, &[params, results])
    }

    pub(super) fn facts_of_types(&mut self, ids: &FactIds) {
        let types = &self.program.types;
        let handles = facts::has_handles(types);
        let any_bits = facts::any_bits(types);
        let values = facts::values(types, &any_bits);
        for (id, ty) in types.iter_funcs() {
            if ty.params.iter().chain(&ty.result).any(|ty| handles.contains(ty)) {
                let row = vec![self.signature(id)];
                self.state(ids.has_handles, row);
            }
            if facts::scalar(types, ty) {
                let row = vec![self.signature(id)];
                self.state(ids.scalar, row);
            }
            if let Some(count) = facts::values_of(&values, ty) {
                let row = vec![self.signature(id), self.count(count)];
                self.state(ids.values, row);
            }
        }
        let unit = self.term(self.terms.unit, &[]);
        self.state(ids.whole_word, vec![unit]);
        let padding = facts::padding(types);
        let masks = facts::masks(types);
        for (id, ty) in types.iter() {
            let row = vec![self.ty(id)];
            if facts::whole_word(ty) {
                self.state(ids.whole_word, row.clone());
            }
            if facts::part_word(ty) {
                self.state(ids.part_word, row.clone());
            }
            if any_bits.contains(&id) {
                self.state(ids.any_bits, row.clone());
            }
            if let Some((size, bits)) = padding.get(&id) {
                let numbers = [self.int(i64::from(*size)), self.int(bits.cast_signed())];
                self.state(ids.padding, [row.clone(), numbers.to_vec()].concat());
            }
            if let Some(masks) = masks.get(&id) {
                let most = self.count(masks.iter().map(Vec::len).max().unwrap_or(0));
                self.state(ids.mask_runs, [row, vec![most]].concat());
            }
        }
    }
}

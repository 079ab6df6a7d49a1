//! Component-level type definitions as text.

use super::types::{Shape, Ty};
use std::fmt::Write;

/// Type definitions of a component, or of the type of an instance that it imports.
pub(crate) struct Definitions {
    imported: bool,
    pub(crate) text: String,
    count: usize,
}

impl Definitions {
    pub(crate) fn new(imported: bool) -> Self {
        Definitions { imported, text: String::new(), count: 0 }
    }

    /// Parameters and result of a function type.
    pub(crate) fn func(&mut self, params: &Ty, result: Option<&Ty>) -> String {
        let mut text = String::new();
        if let Shape::Fields(params) = params.shape() {
            for (i, ty) in params.into_iter().enumerate() {
                let ty = self.define(ty);
                let _ = write!(text, "(param \"p{i}\" {ty}) ");
            }
        }
        if let Some(ty) = result {
            let ty = self.define(ty);
            let _ = write!(text, "(result {ty})");
        }
        text
    }

    /// Defines a type and returns how to refer to it.
    fn define(&mut self, ty: &Ty) -> String {
        let mut optional = |ty: &Option<Box<Ty>>| ty.as_ref().map(|ty| self.define(ty));
        let body = match ty {
            Ty::Result(ok, err) => {
                let (ok, err) = (optional(ok), optional(err));
                let err = err.map_or(String::new(), |ty| format!("(error {ty})"));
                format!("(result {} {err})", ok.unwrap_or_default())
            }
            Ty::Option(some) => format!("(option {})", self.define(some)),
            Ty::List(item) => format!("(list {})", self.define(item)),
            Ty::Fixed(item, length) => format!("(list {} {length})", self.define(item)),
            Ty::Tuple(fields) => {
                let fields: Vec<_> = fields.iter().map(|ty| self.define(ty)).collect();
                format!("(tuple {})", fields.join(" "))
            }
            Ty::Record(fields) => {
                let fields: Vec<_> = fields.iter().map(|ty| self.define(ty)).collect();
                let fields = fields.iter().enumerate();
                let fields: String =
                    fields.map(|(i, ty)| format!("(field \"f{i}\" {ty})")).collect();
                format!("(record {fields})")
            }
            Ty::Variant(cases) => {
                let cases: Vec<_> =
                    cases.iter().map(|ty| ty.as_ref().map(|ty| self.define(ty))).collect();
                let cases = cases.into_iter().enumerate();
                let cases: String = cases
                    .map(|(i, ty)| format!("(case \"c{i}\" {})", ty.unwrap_or_default()))
                    .collect();
                format!("(variant {cases})")
            }
            Ty::Enum(count) => {
                let labels: String = (0..*count).map(|i| format!(" \"e{i}\"")).collect();
                format!("(enum{labels})")
            }
            Ty::Flags(count) => {
                let labels: String = (0..*count).map(|i| format!(" \"b{i}\"")).collect();
                format!("(flags{labels})")
            }
            scalar => return format!("{scalar:?}").to_lowercase(),
        };
        let n = self.count;
        self.count += 1;
        let _ = write!(self.text, "\n    (type $t{n} {body})");
        // Types with labels must have a name where they cross.
        if !matches!(ty, Ty::Record(_) | Ty::Variant(_) | Ty::Enum(_) | Ty::Flags(_)) {
            return format!("$t{n}");
        }
        let _ = if self.imported {
            write!(self.text, "\n    (export \"t{n}\" (type $n{n} (eq $t{n})))")
        } else {
            write!(self.text, "\n    (export $n{n} \"t{n}\" (type $t{n}))")
        };
        format!("$n{n}")
    }
}

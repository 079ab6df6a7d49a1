//! Core code that walks values by the canonical layout and folds them into a checksum.
//!
//! Each type gets two functions: one for a value in memory, one for a flattened value. What is
//! folded is what the Canonical ABI promises the receiver: normalised scalars, lengths,
//! contents, zeros in unused slots; not addresses, which belong to the allocator's log.
//!
//! The text has the marks of [`super::guest::for_width`], so that it serves both widths.

use super::Side;
use super::types::{Core, Encoding, Shape, Ty, Width, discriminant};
use std::fmt::Write;

/// The functions of one module, each type once.
pub(crate) struct Folds {
    width: Width,
    types: Vec<Ty>,
    text: String,
}

impl Folds {
    pub(crate) fn new(side: Side) -> Self {
        let tag = u64::from(side.width.bytes()) * 8 - 1;
        let bytes = match side.encoding {
            Encoding::Utf8 => "(local.get $length)".to_string(),
            Encoding::Utf16 => "(%p.shl (local.get $length) (%p.const 1))".to_string(),
            // The shift drops the tag.
            Encoding::Compact => format!(
                "(select (%p.shl (local.get $length) (%p.const 1)) (local.get $length)
        (%n (%p.shr_u (local.get $length) (%p.const {tag}))))"
            ),
        };
        let text = format!(
            r#"
    (global $hash (mut i64) (i64.const 0))
    (func $fold (param $x i64)
      (global.set $hash (i64.mul (i64.const 0x100000001b3)
        (i64.xor (i64.rotl (global.get $hash) (i64.const 5)) (local.get $x)))))
    (func $fold-i32 (param $x i32) (call $fold (i64.extend_i32_u (local.get $x))))
    (func $fold-i64 (param $x i64) (call $fold (local.get $x)))
    ;; Any NaN may become any other.
    (func $fold-f32 (param $x f32)
      (call $fold-i32 (select (i32.reinterpret_f32 (local.get $x)) (i32.const 0x7fc00000)
        (f32.eq (local.get $x) (local.get $x)))))
    (func $fold-f64 (param $x f64)
      (call $fold (select (i64.reinterpret_f64 (local.get $x)) (i64.const 0x7ff8000000000000)
        (f64.eq (local.get $x) (local.get $x)))))
    (func $string (param $at %p) (param $length %p) (local $end %p)
      (call $fold-%p (local.get $length))
      (local.set $end (%p.add (local.get $at) {bytes}))
      (block $done (loop $next
        (br_if $done (%p.ge_u (local.get $at) (local.get $end)))
        (call $fold-i32 (i32.load8_u (local.get $at)))
        (local.set $at (%p.add (local.get $at) (%p.const 1)))
        (br $next))))"#
        );
        Folds { width: side.width, types: Vec::new(), text }
    }

    /// The text of all functions asked for.
    pub(crate) fn finish(self) -> String {
        self.text
    }

    /// Emits the functions of a type and of all types in it; returns its number: `$load-N` takes
    /// an address, `$flat-N` a flattened value.
    pub(crate) fn of(&mut self, ty: &Ty) -> usize {
        if let Some(known) = self.types.iter().position(|other| other == ty) {
            return known;
        }
        let inner: Vec<usize> = ty.children().into_iter().map(|ty| self.of(ty)).collect();
        self.types.push(ty.clone());
        let n = self.types.len() - 1;
        let pair = "(%p.load (local.get $at)) (%p.load offset=%s (local.get $at))";
        let (load, flat) = match ty.shape() {
            Shape::Scalar => self.scalar(ty),
            Shape::String => (
                format!("(call $string {pair})"),
                "(call $string (local.get 0) (local.get 1))".to_string(),
            ),
            Shape::List(item) => {
                let (item_n, size) = (inner[0], item.size(self.width));
                let _ = write!(
                    self.text,
                    r#"
    (func $list-{n} (param $at %p) (param $length %p)
      (call $fold-%p (local.get $length))
      (block $done (loop $next
        (br_if $done (%p.eqz (local.get $length)))
        (call $load-{item_n} (local.get $at))
        (local.set $at (%p.add (local.get $at) (%p.const {size})))
        (local.set $length (%p.sub (local.get $length) (%p.const 1)))
        (br $next))))"#
                );
                (
                    format!("(call $list-{n} {pair})"),
                    format!("(call $list-{n} (local.get 0) (local.get 1))"),
                )
            }
            Shape::Fields(_) => self.fields(ty, &inner),
            Shape::Cases(cases) => self.cases(ty, &cases, &inner),
        };
        let params: Vec<_> = ty.flat(self.width).iter().map(|core| core.text()).collect();
        let _ = write!(
            self.text,
            "\n    (func $load-{n} (param $at %p)\n      {load})\n    (func $flat-{n} (param {})\n      {flat})",
            params.join(" ")
        );
        n
    }

    fn scalar(&self, ty: &Ty) -> (String, String) {
        let core = ty.flat(self.width)[0].text();
        let load = match ty.size(self.width) {
            1 => "i32.load8_u".to_string(),
            2 => "i32.load16_u".to_string(),
            _ => format!("{core}.load"),
        };
        (
            format!("(call $fold-{core} ({load} (local.get $at)))"),
            format!("(call $fold-{core} (local.get 0))"),
        )
    }

    fn fields(&self, ty: &Ty, inner: &[usize]) -> (String, String) {
        let (mut load, mut flat, mut slot) = (String::new(), String::new(), 0);
        for ((offset, field), n) in ty.offsets(self.width).into_iter().zip(inner) {
            let _ = write!(load, "(call $load-{n} (%p.add (local.get $at) (%p.const {offset})))");
            let _ = write!(flat, "(call $flat-{n}");
            for _ in field.flat(self.width) {
                let _ = write!(flat, " (local.get {slot})");
                slot += 1;
            }
            flat.push(')');
        }
        (load, flat)
    }

    fn cases(&self, ty: &Ty, cases: &[Option<&Ty>], inner: &[usize]) -> (String, String) {
        let load_case = match discriminant(cases.len()) {
            1 => "(i32.load8_u (local.get $at))",
            2 => "(i32.load16_u (local.get $at))",
            _ => "(i32.load (local.get $at))",
        };
        let mut load = format!("(call $fold-i32 {load_case})");
        let mut flat = "(call $fold-i32 (local.get 0))".to_string();
        let joined = ty.flat(self.width);
        let offset = ty.payload_offset(self.width);
        let mut inner = inner.iter();
        for (i, case) in cases.iter().enumerate() {
            let mut body = String::new();
            let mut used = 1;
            if let (Some(payload), Some(n)) = (case, case.and_then(|_| inner.next())) {
                let _ = write!(
                    load,
                    "\n      (if (i32.eq {load_case} (i32.const {i})) (then
        (call $load-{n} (%p.add (local.get $at) (%p.const {offset})))))"
                );
                let mut call = format!("(call $flat-{n}");
                for want in payload.flat(self.width) {
                    let slot = format!("(local.get {used})");
                    let have = joined[used];
                    let value = match (want, have) {
                        _ if want == have => slot.clone(),
                        (Core::F32, Core::I32) => format!("(f32.reinterpret_i32 {slot})"),
                        (Core::F32, _) => format!("(f32.reinterpret_i32 (i32.wrap_i64 {slot}))"),
                        (Core::F64, _) => format!("(f64.reinterpret_i64 {slot})"),
                        _ => format!("(i32.wrap_i64 {slot})"),
                    };
                    if have == Core::I64 && matches!(want, Core::I32 | Core::F32) {
                        // The upper half of a widened slot is zero.
                        let _ = write!(body, "(call $fold (i64.shr_u {slot} (i64.const 32)))");
                    }
                    let _ = write!(call, " {value}");
                    used += 1;
                }
                let _ = write!(body, "{call})");
            }
            // Slots that the case does not use are zero.
            for (slot, core) in joined.iter().enumerate().skip(used) {
                let _ = write!(body, "(call $fold-{} (local.get {slot}))", core.text());
            }
            if !body.is_empty() {
                let _ = write!(
                    flat,
                    "\n      (if (i32.eq (local.get 0) (i32.const {i})) (then {body}))"
                );
            }
        }
        (load, flat)
    }
}

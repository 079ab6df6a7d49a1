//! Generates compositions: a caller that holds random values, and a callee that folds what it
//! receives into a checksum and answers with random values that the caller folds.
//!
//! ```text
//! run() ──▶ caller: constants and a memory image ──f(params)──▶ callee: fold params
//!              ▲                                                        │
//!              └────────────────── fold result ◀── constants, image ────┘
//! ```
//!
//! The root exports `run`, `seen` (the callee's checksum) and, for each side, `log` (the arguments
//! of all calls of its `realloc`, and of `post-return`).

mod fold;
mod image;
mod types;

use fold::Folds;
use image::Image;
use meld_verify::Rng;
use std::fmt::Write;
use types::{Core, Encoding, Shape, Ty};

/// Where images stand; below it there is nothing, so that zero pointers show.
const BASE: u32 = 1024;

/// A composition as component text: the same for the same seed and number.
pub fn composition(seed: u64, number: u64) -> String {
    let mut rng = Rng::new(seed, "composition", number);
    let params = match rng.below(4) {
        0 => rng.below(20),
        _ => rng.below(5),
    };
    // Many parameters are simple ones, or the images would be large.
    let depth = if params > 5 { 1 } else { rng.below(4) };
    let params: Vec<Ty> = (0..params).map(|_| Ty::random(&mut rng, depth)).collect();
    let depth = rng.below(4);
    let result = (rng.below(4) > 0).then(|| Ty::random(&mut rng, depth));
    let faulty = rng.below(3) == 0;
    let caller = Side { encoding: Encoding::random(&mut rng), faulty };
    let callee = Side { encoding: Encoding::random(&mut rng), faulty };
    Composition { params: Ty::Tuple(params), result, caller, callee }.text(&mut rng)
}

struct Side {
    encoding: Encoding,
    faulty: bool,
}

struct Composition {
    /// The parameters, as one tuple.
    params: Ty,
    result: Option<Ty>,
    caller: Side,
    callee: Side,
}

impl Composition {
    fn text(&self, rng: &mut Rng) -> String {
        let callee_core = self.callee_core(rng);
        let caller_core = self.caller_core(rng);
        let mut inner = Definitions::new(false);
        let lifted = inner.func(&self.params, self.result.as_ref());
        let mut outer = Definitions::new(true);
        let lowered = outer.func(&self.params, self.result.as_ref());
        let post_return =
            if self.result.is_some() { "(post-return (core func $main \"post\"))" } else { "" };
        format!(
            r#"(component
  (component $callee
    (core module $main {callee_core})
    (core instance $main (instantiate $main)){definitions}
    (func (export "f") {lifted} (canon lift (core func $main "f")
      string-encoding={callee_encoding} (memory (core memory $main "memory"))
      (realloc (core func $main "realloc")) {post_return}))
    (func (export "seen") (result u64) (canon lift (core func $main "seen")))
    (func (export "log") (result (list u32))
      (canon lift (core func $main "log") (memory (core memory $main "notes")))))
  (component $caller
    (import "callee" (instance $callee{imported}
      (export "f" (func {lowered}))))
    (core module $libc {libc})
    (core instance $libc (instantiate $libc))
    (core func $f (canon lower (func $callee "f") string-encoding={caller_encoding}
      (memory (core memory $libc "memory")) (realloc (core func $libc "realloc"))))
    (core module $main {caller_core})
    (core instance $main (instantiate $main
      (with "libc" (instance $libc)) (with "" (instance (export "f" (func $f))))))
    (func (export "run") (result u64) (canon lift (core func $main "run")))
    (func (export "log") (result (list u32))
      (canon lift (core func $libc "log") (memory (core memory $libc "notes")))))
  (instance $callee (instantiate $callee))
  (instance $caller (instantiate $caller (with "callee" (instance $callee))))
  (export "run" (func $caller "run"))
  (export "seen" (func $callee "seen"))
  (export "callee-log" (func $callee "log"))
  (export "caller-log" (func $caller "log")))
"#,
            definitions = inner.text,
            imported = outer.text,
            callee_encoding = self.callee.encoding.text(),
            caller_encoding = self.caller.encoding.text(),
            libc = allocator(BASE << 6),
        )
    }

    fn callee_core(&self, rng: &mut Rng) -> String {
        let Side { encoding, faulty } = self.callee;
        let mut folds = Folds::new(encoding);
        let mut image = Image { rng, encoding, faulty, bytes: Vec::new(), base: BASE };
        let n = folds.of(&self.params);
        let flat = self.params.flat();
        let (params, fold) = if flat.len() <= 16 {
            let locals: String = (0..flat.len()).map(|i| format!(" (local.get {i})")).collect();
            (cores(&flat), format!("(call $flat-{n}{locals})"))
        } else {
            ("i32".to_string(), format!("(call $load-{n} (local.get 0))"))
        };
        let (result, answer) = match &self.result {
            None => (String::new(), String::new()),
            Some(ty) if ty.flat().len() <= 1 => (cores(&ty.flat()), constants(&image.flat(ty))),
            Some(ty) => ("i32".to_string(), constant(Core::I32, image.spilled(ty).into())),
        };
        let data = data(&image.bytes);
        let heap = (BASE + image.bytes.len() as u32).next_multiple_of(16);
        let post = match self.result {
            Some(_) => format!(
                "\n    (func (export \"post\") (param {result}) (call $note {}))",
                if result == "i32" { "(local.get 0)" } else { "(i32.const -1)" }
            ),
            None => String::new(),
        };
        let allocator = allocator(heap);
        let folds = folds.finish();
        format!(
            r#"{allocator}
    (data (i32.const {BASE}) "{data}"){folds}
    (func (export "f") (param {params}) (result {result})
      {fold}
      {answer})
    (func (export "seen") (result i64) (global.get $hash)){post}"#
        )
    }

    fn caller_core(&self, rng: &mut Rng) -> String {
        let Side { encoding, faulty } = self.caller;
        let mut folds = Folds::new(encoding);
        let mut image = Image { rng, encoding, faulty, bytes: Vec::new(), base: BASE };
        let flat = self.params.flat();
        let (mut params, mut arguments) = if flat.len() <= 16 {
            (cores(&flat), constants(&image.flat(&self.params)))
        } else {
            let pointer = image.spilled(&self.params);
            ("i32".to_string(), constant(Core::I32, pointer.into()))
        };
        let mut result = String::new();
        let mut fold = String::new();
        if let Some(ty) = &self.result {
            let n = folds.of(ty);
            if ty.flat().len() <= 1 {
                result = cores(&ty.flat());
                fold = format!("(call $flat-{n})");
            } else {
                let at = image.allocate(ty.size(), ty.align());
                params.push_str(" i32");
                arguments.push_str(&constant(Core::I32, at.into()));
                fold = format!("(call $load-{n} (i32.const {at}))");
            }
        }
        let data = data(&image.bytes);
        let folds = folds.finish();
        format!(
            r#"
    (import "libc" "memory" (memory 1))
    (import "" "f" (func $f (param {params}) (result {result})))
    (data (i32.const {BASE}) "{data}"){folds}
    (func (export "run") (result i64)
      {arguments}
      (call $f)
      {fold}
      (global.get $hash))"#
        )
    }
}

/// A bump allocator that grows its memory and keeps a log.
fn allocator(heap: u32) -> String {
    let pages = heap / 0x1_0000 + 1;
    format!(
        r#"
    (memory (export "memory") {pages})
    (global $next (mut i32) (i32.const {heap}))
    ;; Pointer and length of the notes, then the notes, as many as fit.
    (memory $notes (export "notes") 1)
    (data (memory $notes) (i32.const 0) "\08")
    (func $note (param $x i32) (local $count i32)
      (local.set $count (i32.load $notes (i32.const 4)))
      (if (i32.lt_u (local.get $count) (i32.const 16000)) (then
        (i32.store $notes offset=8 (i32.shl (local.get $count) (i32.const 2)) (local.get $x))
        (i32.store $notes (i32.const 4) (i32.add (local.get $count) (i32.const 1))))))
    (func (export "log") (result i32) (i32.const 0))
    (func (export "realloc") (param $old i32) (param $old-size i32) (param $align i32)
      (param $size i32) (result i32) (local $at i32) (local $end i32)
      (call $note (local.get $old))
      (call $note (local.get $old-size))
      ;; The engine shrinks a string that turned out to be Latin-1 with alignment 2, where the
      ;; specification says 1: either will do.
      (call $note (select (i32.const 2) (local.get $align)
        (i32.and (i32.eq (local.get $align) (i32.const 1)) (i32.and (i32.ne (local.get $old)
          (i32.const 0)) (i32.le_u (local.get $size) (local.get $old-size))))))
      (call $note (local.get $size))
      (local.set $at (i32.and (i32.add (global.get $next) (i32.sub (local.get $align) (i32.const 1)))
        (i32.sub (i32.const 0) (local.get $align))))
      (local.set $end (i32.add (local.get $at) (local.get $size)))
      (block $fits (loop $more
        (br_if $fits (i32.le_u (local.get $end) (i32.shl (memory.size) (i32.const 16))))
        (if (i32.eq (memory.grow (i32.const 1)) (i32.const -1)) (then unreachable))
        (br $more)))
      (global.set $next (local.get $end))
      (memory.copy (local.get $at) (local.get $old)
        (select (local.get $size) (local.get $old-size)
          (i32.lt_u (local.get $size) (local.get $old-size))))
      (local.get $at))"#
    )
}

fn cores(cores: &[Core]) -> String {
    cores.iter().map(|core| core.text()).collect::<Vec<_>>().join(" ")
}

fn constants(values: &[(Core, u64)]) -> String {
    values.iter().map(|(core, bits)| constant(*core, *bits)).collect()
}

fn constant(core: Core, bits: u64) -> String {
    match core {
        Core::I32 => format!("(i32.const {})", bits as u32),
        Core::I64 => format!("(i64.const {bits})"),
        Core::F32 => format!("(f32.reinterpret_i32 (i32.const {}))", bits as u32),
        Core::F64 => format!("(f64.reinterpret_i64 (i64.const {bits}))"),
    }
}

fn data(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "\\{byte:02x}");
        text
    })
}

/// Type definitions of a component, or of the type of an instance that it imports.
struct Definitions {
    imported: bool,
    text: String,
    count: usize,
}

impl Definitions {
    fn new(imported: bool) -> Self {
        Definitions { imported, text: String::new(), count: 0 }
    }

    fn func(&mut self, params: &Ty, result: Option<&Ty>) -> String {
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

//! Generates compositions: a caller that holds random values, and a callee that folds what it
//! receives into a checksum and answers with random values that the caller folds.
//!
//! ```text
//! run(i, j) ─▶ caller: row j of values ──f<i>(params)──▶ callee: fold params
//!                 ▲                                             │
//!                 └────────────── fold result ◀── row j of values
//! ```
//!
//! One [`Batch`] has many functions, and rows of values for each, so that little is compiled for
//! a case. The root exports
//!
//! - `run: func(i: u32, j: u32) -> u64`: the caller's checksum;
//! - `seen: func() -> u64`: the callee's checksum;
//! - `turn: func(j: u32)`: which row the callee answers with;
//! - `arm-callee`, `arm-caller: func(call: u32, kind: u32)`: makes one call of a side's `realloc`
//!   misbehave ([`Misbehaviour`]);
//! - `callee-log`, `caller-log: func() -> list<u64>`: the arguments of all calls of a side's
//!   `realloc`, and of `post-return`.

mod definitions;
mod fold;
mod guest;
mod image;
mod types;

use definitions::Definitions;
use fold::Folds;
use guest::{allocator, entry, for_width};
use image::Image;
use meld_verify::Rng;
use std::fmt::Write;
use types::{Core, Encoding, Ty, Width};

/// Where images stand; below it there is nothing, so that zero pointers show.
const BASE: u32 = 1024;
/// Where the memories end at the start, in pages and in bytes.
const PAGES: u32 = 16;
const END: u32 = PAGES << 16;
/// A row of values that is larger than this makes no further rows for its function.
const MOST_IMAGE: usize = 24 << 10;

/// How a side is made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Side {
    encoding: Encoding,
    width: Width,
}

/// What one call of a guest's `realloc` does wrong, or at least unlike others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Misbehaviour {
    /// Nothing.
    None = 0,
    /// It traps.
    Traps = 1,
    /// It returns what is far outside, so that adding the size overflows.
    Overflows = 2,
    /// It returns memory up to the last byte, which is right.
    EndsAtTheEnd = 3,
    /// It returns memory of which the last bytes are outside.
    EndsBeyond = 4,
    /// It returns what is not aligned, if there is an alignment to miss.
    Misaligned = 5,
    /// It grows the memory by more than was asked for, which is right.
    GrowsMore = 6,
    /// It shrinks in place, which is right.
    StaysInPlace = 7,
}

/// All of [`Misbehaviour`], by number.
pub const MISBEHAVIOURS: [Misbehaviour; 8] = [
    Misbehaviour::None,
    Misbehaviour::Traps,
    Misbehaviour::Overflows,
    Misbehaviour::EndsAtTheEnd,
    Misbehaviour::EndsBeyond,
    Misbehaviour::Misaligned,
    Misbehaviour::GrowsMore,
    Misbehaviour::StaysInPlace,
];

/// How large batches are.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Functions in a batch.
    pub functions: usize,
    /// Rows of values for each.
    pub rows: usize,
    /// Also with 64-bit memories.
    pub memory64: bool,
}

/// One composition and what can be run in it.
#[derive(Clone, Debug)]
pub struct Batch {
    /// Component text: the same for the same seed, number and plan.
    pub text: String,
    /// What to run.
    pub cases: Vec<Try>,
}

/// One call.
#[derive(Clone, Copy, Debug)]
pub struct Try {
    /// Which function.
    pub function: u32,
    /// Which row of values.
    pub row: u32,
    /// Which call of the callee's `realloc`, counted from 0, misbehaves how.
    pub callee: (u32, Misbehaviour),
    /// The same for the caller.
    pub caller: (u32, Misbehaviour),
}

struct Function {
    /// The parameters, as one tuple.
    params: Ty,
    result: Option<Ty>,
    post_return: bool,
    /// Options name memory and `realloc` even if there is no use for them.
    options: bool,
}

/// Makes a batch.
pub fn batch(seed: u64, number: u64, plan: Plan) -> Batch {
    let mut rng = Rng::new(seed, "batch", number);
    let mut side = || Side {
        encoding: Encoding::random(&mut rng),
        width: if plan.memory64 && rng.below(2) == 0 { Width::W64 } else { Width::W32 },
    };
    let (caller, callee) = (side(), side());
    let functions = (0..plan.functions).map(|_| Function::random(&mut rng)).collect();
    let composition = Composition { functions, caller, callee, rows: plan.rows };
    let (text, cases) = composition.text(&mut rng);
    Batch { text, cases }
}

impl Function {
    fn random(rng: &mut Rng) -> Function {
        let params = match rng.below(5) {
            0 => rng.below(20),
            _ => rng.below(5),
        };
        // Many parameters are simple ones, or the images would be large.
        let depth = if params > 5 { 1 } else { rng.below(5) };
        let params: Vec<Ty> = (0..params).map(|_| Ty::random(rng, depth)).collect();
        let depth = rng.below(5);
        let result = (rng.below(4) > 0).then(|| Ty::random(rng, depth));
        Function {
            params: Ty::Tuple(params),
            result,
            post_return: rng.below(3) > 0,
            options: rng.below(2) == 0,
        }
    }

    fn spills(&self, width: Width) -> bool {
        self.params.flat(width).len() > 16
    }

    /// The core type of the result if it is returned flat.
    fn flat_result(&self, width: Width) -> Option<Core> {
        let flat = self.result.as_ref()?.flat(width);
        (flat.len() == 1).then(|| flat[0])
    }

    /// What a lift (lower) returns, if anything.
    fn returns(&self, width: Width) -> Option<Core> {
        self.result.as_ref().map(|_| self.flat_result(width).unwrap_or(width.core()))
    }

    /// Canonical options of one side; `core` names the instance with memory and `realloc`.
    fn canonical(&self, side: Side, core: &str) -> String {
        let width = side.width;
        let plain = !self.spills(width)
            && !self.params.has_pointers()
            && self.result.as_ref().is_none_or(|_| self.flat_result(width).is_some());
        if plain && !self.options {
            return String::new();
        }
        let encoding = side.encoding.text();
        format!(
            "string-encoding={encoding} (memory (core memory {core} \"memory\")) \
             (realloc (core func {core} \"realloc\"))"
        )
    }
}

struct Composition {
    functions: Vec<Function>,
    caller: Side,
    callee: Side,
    rows: usize,
}

/// Rows of values of one side, as both sides of a case must be faulty or not together.
type Rows = Vec<usize>;

impl Composition {
    fn text(&self, rng: &mut Rng) -> (String, Vec<Try>) {
        let (caller_core, mut rows) = self.caller_core(rng);
        let (callee_core, callee_rows) = self.callee_core(rng);
        rows.iter_mut().zip(callee_rows).for_each(|(rows, callee)| *rows = callee.min(*rows));
        let (mut inner, mut outer) = (Definitions::new(false), Definitions::new(true));
        let (mut lifts, mut imports) = (String::new(), String::new());
        let (mut lowers, mut given) = (String::new(), String::new());
        for (i, function) in self.functions.iter().enumerate() {
            let ty = inner.func(&function.params, function.result.as_ref());
            let options = function.canonical(self.callee, "$main");
            let mut after = String::new();
            if function.post_return {
                let core = function.returns(self.callee.width).map_or("nothing", Core::text);
                after = format!("(post-return (core func $main \"post-{core}\"))");
            }
            let _ = write!(
                lifts,
                "\n    (func (export \"f{i}\") {ty} (canon lift (core func $main \"f{i}\") {options} {after}))"
            );
            let ty = outer.func(&function.params, function.result.as_ref());
            let _ = write!(imports, "\n      (export \"f{i}\" (func {ty}))");
            let options = function.canonical(self.caller, "$libc");
            let _ = write!(
                lowers,
                "\n    (core func $f{i} (canon lower (func $callee \"f{i}\") {options}))"
            );
            let _ = write!(given, " (export \"f{i}\" (func $f{i}))");
        }
        let text = format!(
            r#"(component
  (component $callee
    (core module $main {callee_core})
    (core instance $main (instantiate $main)){definitions}{lifts}
    (func (export "seen") (result u64) (canon lift (core func $main "seen")))
    (func (export "turn") (param "j" u32) (canon lift (core func $main "turn")))
    (func (export "arm") (param "call" u32) (param "kind" u32)
      (canon lift (core func $main "arm")))
    (func (export "log") (result (list u64))
      (canon lift (core func $main "log") (memory (core memory $main "notes")))))
  (component $caller
    (import "callee" (instance $callee{imported}{imports}))
    (core module $libc {libc})
    (core instance $libc (instantiate $libc)){lowers}
    (core module $main {caller_core})
    (core instance $main (instantiate $main
      (with "libc" (instance $libc)) (with "" (instance{given}))))
    (func (export "run") (param "i" u32) (param "j" u32) (result u64)
      (canon lift (core func $main "run")))
    (func (export "arm") (param "call" u32) (param "kind" u32)
      (canon lift (core func $libc "arm")))
    (func (export "log") (result (list u64))
      (canon lift (core func $libc "log") (memory (core memory $libc "notes")))))
  (instance $callee (instantiate $callee))
  (instance $caller (instantiate $caller (with "callee" (instance $callee))))
  (export "run" (func $caller "run"))
  (export "seen" (func $callee "seen"))
  (export "turn" (func $callee "turn"))
  (export "arm-callee" (func $callee "arm"))
  (export "arm-caller" (func $caller "arm"))
  (export "callee-log" (func $callee "log"))
  (export "caller-log" (func $caller "log")))
"#,
            definitions = inner.text,
            imported = outer.text,
            libc = for_width(
                &allocator(PAGES, self.caller_heap(rng), self.caller.width),
                self.caller.width
            ),
        );
        let mut cases = Vec::new();
        for (function, rows) in rows.into_iter().enumerate() {
            for row in 0..rows {
                let mut misbehaviour = || match rng.below(3) {
                    0 => (rng.pick(&[0, 0, 1, 2, 3, 5]), rng.pick(&MISBEHAVIOURS)),
                    _ => (0, Misbehaviour::None),
                };
                let (callee, caller) = (misbehaviour(), misbehaviour());
                let (function, row) = (function as u32, row as u32);
                cases.push(Try { function, row, callee, caller });
            }
        }
        (text, cases)
    }

    /// The caller's image must not reach this, and what is allocated grows from here.
    fn caller_heap(&self, rng: &mut Rng) -> u32 {
        rng.pick(&[END - 0x1_0000, END - 24, END])
    }

    /// Calls `row` for every row; returns how many rows there are and the rows' entries.
    fn rows(
        &self,
        image: &mut Image<'_>,
        rng: &mut Rng,
        row: impl Fn(&mut Image<'_>) -> Vec<u64>,
    ) -> (usize, u32) {
        let (mut entries, mut count, before) = (Vec::new(), 0, image.bytes.len());
        while count < self.rows && image.bytes.len() - before < MOST_IMAGE {
            image.fault_in = match rng.below(4) {
                0 => Some(rng.pick(&[0, 0, 1, 2, 3, 4, 6, 9, 14, 20])),
                _ => None,
            };
            entries.extend(row(image));
            count += 1;
        }
        image.fault_in = None;
        (count, image.entries(&entries))
    }

    fn callee_core(&self, rng: &mut Rng) -> (String, Rows) {
        let side = self.callee;
        let mut folds = Folds::new(side);
        let mut values = Rng::new(rng.bits(), "callee", 0);
        let mut image =
            Image { rng: &mut values, side, bytes: Vec::new(), base: BASE, fault_in: None };
        let (mut functions, mut counts) = (String::new(), Vec::new());
        for (i, function) in self.functions.iter().enumerate() {
            let n = folds.of(&function.params);
            let flat = function.params.flat(side.width);
            let (params, fold) = if function.spills(side.width) {
                ("%p".to_string(), format!("(call $load-{n} (local.get 0))"))
            } else {
                let locals: String = (0..flat.len()).map(|i| format!(" (local.get {i})")).collect();
                (cores(&flat), format!("(call $flat-{n}{locals})"))
            };
            let (result, answer) = match (&function.result, function.returns(side.width)) {
                (Some(ty), Some(core)) => {
                    let flat = function.flat_result(side.width).is_some();
                    let (count, at) = self.rows(&mut image, rng, |image| {
                        if flat { image.flat(ty) } else { vec![image.spilled(ty)] }
                    });
                    counts.push(count);
                    let row = format!(
                        "(%c (i32.add (i32.const {at}) (i32.shl (global.get $turn) (i32.const 3))))"
                    );
                    (core.text(), entry(core, &row, 0))
                }
                _ => {
                    counts.push(self.rows);
                    ("", String::new())
                }
            };
            let _ = write!(
                functions,
                "\n    (func (export \"f{i}\") (param {params}) (result {result})\n      {fold}\n      {answer})"
            );
        }
        let posts: String = [
            ("nothing", "", "(i64.const -1)"),
            ("i32", "i32", "(i64.extend_i32_u (local.get 0))"),
            ("i64", "i64", "(local.get 0)"),
            ("f32", "f32", "(i64.const -2)"),
            ("f64", "f64", "(i64.const -3)"),
        ]
        .iter()
        .map(|(name, core, note)| {
            format!("\n    (func (export \"post-{name}\") (param {core}) (call $note {note}))")
        })
        .collect();
        let end = BASE + image.bytes.len() as u32;
        assert!(end <= END - 0x1_0000, "the image is too large");
        let heap = rng.pick(&[end.next_multiple_of(16), END - 24, END]);
        let (data, allocator) = (data(&image.bytes), allocator(PAGES, heap, side.width));
        let folds = folds.finish();
        let text = format!(
            r#"{allocator}
    (global $turn (mut i32) (i32.const 0))
    (func (export "turn") (param i32) (global.set $turn (local.get 0)))
    (data (%p.const {BASE}) "{data}"){folds}{functions}
    (func (export "seen") (result i64) (global.get $hash)){posts}"#
        );
        (for_width(&text, side.width), counts)
    }

    fn caller_core(&self, rng: &mut Rng) -> (String, Rows) {
        let side = self.caller;
        let mut folds = Folds::new(side);
        let mut values = Rng::new(rng.bits(), "caller", 0);
        let mut image =
            Image { rng: &mut values, side, bytes: Vec::new(), base: BASE, fault_in: None };
        let (mut imports, mut functions, mut counts) = (String::new(), String::new(), Vec::new());
        for (i, function) in self.functions.iter().enumerate() {
            let spills = function.spills(side.width);
            let mut params =
                if spills { vec![side.width.core()] } else { function.params.flat(side.width) };
            let flat_result = function.flat_result(side.width);
            let room = function.result.as_ref().filter(|_| flat_result.is_none());
            let (count, at) = self.rows(&mut image, rng, |image| {
                let mut row = if spills {
                    vec![image.spilled(&function.params)]
                } else {
                    image.flat(&function.params)
                };
                row.extend(room.map(|ty| image.room(ty)));
                row
            });
            counts.push(count);
            params.extend(room.map(|_| side.width.core()));
            let arguments: String = params
                .iter()
                .enumerate()
                .map(|(i, core)| entry(*core, "(%c (local.get $row))", i as u32))
                .collect();
            let fold = match &function.result {
                None => String::new(),
                Some(ty) => {
                    let n = folds.of(ty);
                    match room {
                        None => format!("(call $flat-{n})"),
                        Some(_) => {
                            let last = entry(
                                side.width.core(),
                                "(%c (local.get $row))",
                                params.len() as u32 - 1,
                            );
                            format!("(call $load-{n} {last})")
                        }
                    }
                }
            };
            let result = flat_result.map_or("", Core::text);
            let _ = write!(
                imports,
                "\n    (import \"\" \"f{i}\" (func $f{i} (param {}) (result {result})))",
                cores(&params)
            );
            let size = params.len() * 8;
            let _ = write!(
                functions,
                r#"
    (func $run-{i} (param $row i32)
      (local.set $row (i32.add (i32.const {at}) (i32.mul (local.get $row) (i32.const {size}))))
      {arguments}
      (call $f{i})
      {fold})"#
            );
        }
        assert!(image.bytes.len() as u32 + BASE <= END - 0x1_0000, "the image is too large");
        let memory = if side.width == Width::W64 { "i64 " } else { "" };
        let table: String = (0..self.functions.len()).map(|i| format!(" $run-{i}")).collect();
        let (data, folds) = (data(&image.bytes), folds.finish());
        let text = format!(
            r#"
    (import "libc" "memory" (memory {memory}1)){imports}
    (type $run (func (param i32)))
    (table funcref (elem{table}))
    (data (%p.const {BASE}) "{data}"){folds}{functions}
    (func (export "run") (param $i i32) (param $j i32) (result i64)
      (call_indirect (type $run) (local.get $j) (local.get $i))
      (global.get $hash))"#
        );
        (for_width(&text, side.width), counts)
    }
}

fn cores(cores: &[Core]) -> String {
    cores.iter().map(|core| core.text()).collect::<Vec<_>>().join(" ")
}

fn data(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "\\{byte:02x}");
        text
    })
}

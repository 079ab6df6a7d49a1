//! Guests whose `realloc` and `post-return` call around at random, directly, through tables that several core
//! instances share, and by reference, and so come to leave the instance, or not. Two of the functions that they
//! leave it for are one.
//!
//! Which calls can find the `may-leave` flag down is proved by following such calls: a proof that overlooks a way
//! leaves a check out, and the fused module goes on where it has to trap. The measure is the same guest with a flag
//! of its own, which it puts down in `realloc` and `post-return` and looks at before it leaves: the engine lets a
//! `post-return` leave. `MELD_FUZZ=n` runs n times as many guests, `MELD_SEED=n` others than usual.

use meld_fuse_tests::batch::Subject;
use meld_verify::{Options, Rng, compare};
use rayon::prelude::*;
use std::fmt::Write;

const COUNT: u64 = 300;
/// Functions of each core module, and slots of the table.
const FUNCTIONS: usize = 6;
const SLOTS: usize = 6;

/// Who looks whether the instance may leave.
#[derive(Clone, Copy, PartialEq)]
enum Flag {
    /// Whoever runs the guest.
    Engine,
    /// The guest, which then never leaves where it must not.
    Guest,
}

impl Flag {
    /// What both core modules begin with: types, and imports that leave.
    fn imports(self) -> &'static str {
        match self {
            Flag::Engine => {
                r#"(type $none (func)) (type $one (func (param i32)))
                   (import "out" "f" (func $f)) (import "out" "g" (func $g (param i32)))
                   (import "out" "h" (func $h))"#
            }
            Flag::Guest => {
                r#"(type $none (func)) (type $one (func (param i32)))
                   (import "out" "f" (func $out-f)) (import "out" "g" (func $out-g (param i32)))
                   (import "out" "h" (func $out-h))"#
            }
        }
    }

    /// What follows the imports of a module that exports the flag, or has it from there.
    fn functions(self) -> &'static str {
        match self {
            Flag::Engine => "",
            Flag::Guest => {
                "(func $f (if (global.get $down) (then unreachable)) (call $out-f))
                 (func $h (if (global.get $down) (then unreachable)) (call $out-h))
                 (func $g (param i32) (if (global.get $down) (then unreachable)) (call $out-g (local.get 0)))"
            }
        }
    }

    fn global(self, text: &'static str) -> &'static str {
        if self == Flag::Guest { text } else { "" }
    }
}

/// A budget that ends all recursion, and a place for a reference.
const GLOBALS: &str = r#"
  (global $fuel (mut i32) (i32.const 60))
  (global $kept (mut funcref) (ref.null func))"#;

/// A few steps of a body, each of which may call something.
fn steps(rng: &mut Rng, most: usize, own: &str) -> String {
    let mut text = String::new();
    for _ in 0..rng.below(most + 1) {
        let (function, slot) = (rng.below(FUNCTIONS), rng.below(SLOTS));
        match rng.below(13) {
            12 => text.push_str(" (call $h)"),
            0 => text.push_str(" (call $f)"),
            1 => text.push_str(" (call $g (i32.const 1))"),
            // Even ones take nothing.
            2..=4 if function % 2 == 0 => write!(text, " (call ${own}{function})").unwrap(),
            2..=4 => write!(text, " (call ${own}{function} (i32.const 2))").unwrap(),
            5 | 6 => write!(text, " (if (call $is (i32.const {slot}) (i32.const 0)) (then (call_indirect (type $none) (i32.const {slot}))))").unwrap(),
            7 | 8 => write!(text, " (if (call $is (i32.const {slot}) (i32.const 1)) (then (call_indirect (type $one) (i32.const 3) (i32.const {slot}))))").unwrap(),
            9 => write!(text, " (global.set $kept (ref.func ${own}{function}))").unwrap(),
            10 => write!(text, " (table.set (i32.const {slot}) (ref.func ${own}{function}))").unwrap(),
            _ => write!(text, " (call_ref $none (ref.func $even{own}))").unwrap(),
        }
    }
    text
}

/// Functions, and a predicate for what can be called through a slot without a trap.
fn functions(rng: &mut Rng, own: &str) -> String {
    let mut text = String::new();
    for n in 0..FUNCTIONS {
        let param = if n % 2 == 0 { "" } else { "(param i32)" };
        write!(
            text,
            "\n(func ${own}{n} {param} (if (i32.eqz (global.get $fuel)) (then return)) \
             (global.set $fuel (i32.sub (global.get $fuel) (i32.const 1))){})",
            steps(rng, 3, own)
        )
        .unwrap();
    }
    let callable = (0..FUNCTIONS).filter(|_| rng.below(3) > 0);
    let listed: String = callable.map(|n| format!(" ${own}{n}")).collect();
    let declared: String = (0..FUNCTIONS).map(|n| format!(" ${own}{n}")).collect();
    write!(
        text,
        "\n(func $even{own} (call ${own}0))
         (elem declare func $even{own}{declared}) (elem $listed func{listed})
         (func $is (param $slot i32) (param $kind i32) (result i32)
           (if (ref.is_null (table.get (local.get $slot))) (then (return (i32.const 0))))
           (if (result i32) (local.get $kind)
             (then (ref.test (ref $one) (table.get (local.get $slot))))
             (else (ref.test (ref $none) (table.get (local.get $slot))))))"
    )
    .unwrap();
    text
}

/// What a table holds at first: some functions of the module, and what leaves.
fn filled(rng: &mut Rng, own: &str) -> String {
    let mut text = String::new();
    for slot in 0..SLOTS {
        let item = match rng.below(9) {
            8 => "h".to_string(),
            0 => "f".to_string(),
            1 => "g".to_string(),
            2..=5 => format!("{own}{}", rng.below(FUNCTIONS)),
            _ => continue,
        };
        write!(text, " (elem (i32.const {slot}) ${item})").unwrap();
    }
    text
}

fn composition(seed: u64, number: u64, flag: Flag) -> String {
    let mut rng = Rng::new(seed, "leaving", number);
    let shared = rng.below(2) == 0;
    let table = if shared { r#"(import "aux" "table" (table 6 funcref))"# } else { "" };
    let own_table = if shared { "" } else { "(table 6 funcref)" };
    let aux = functions(&mut rng, "a");
    let aux_filled = filled(&mut rng, "a");
    let main = functions(&mut rng, "m");
    let main_filled = if rng.below(3) > 0 { filled(&mut rng, "m") } else { String::new() };
    let few = if rng.below(2) == 0 { 1 } else { 3 };
    let realloc = steps(&mut rng, few, "m");
    let post = steps(&mut rng, few - 1, "m");
    let (imports, own) = (flag.imports(), flag.functions());
    let down = flag.global(r#"(global $down (export "down") (mut i32) (i32.const 0))"#);
    let down_import = flag.global(r#"(import "aux" "down" (global $down (mut i32)))"#);
    let set = flag.global("(global.set $down (i32.const 1))");
    let clear = flag.global("(global.set $down (i32.const 0))");
    let run = steps(&mut rng, 3, "m");
    // `f` and `h` come to one core function, and nothing else tells them apart.
    let options = if rng.below(2) == 0 { r#"(memory (core memory $m "memory"))"# } else { "" };
    let namesake = if rng.below(2) == 0 { "f" } else { "h" };
    let by = if rng.below(2) == 0 { "log" } else { "middle" };
    let helper = if rng.below(2) == 0 { "(call $help)" } else { "" };
    format!(
        r#"(component
  (component $log
    (core module $m
      (global $n (mut i32) (i32.const 0))
      (func (export "f") (global.set $n (i32.add (global.get $n) (i32.const 1))))
      (func (export "g") (param i32) (global.set $n (i32.add (global.get $n) (i32.mul (local.get 0) (i32.const 100)))))
      (func (export "total") (result i32) (global.get $n)))
    (core instance $m (instantiate $m))
    (func (export "f") (canon lift (core func $m "f")))
    (func (export "h") (canon lift (core func $m "f")))
    (func (export "g") (param "n" u32) (canon lift (core func $m "g")))
    (func (export "total") (result u32) (canon lift (core func $m "total"))))
  (component $middle
    (import "f" (func $f)) (import "h" (func $h))
    (core module $m (memory (export "memory") 1))
    (core instance $m (instantiate $m))
    (core func $f (canon lower (func $f)))
    (core func $h (canon lower (func $h) {options}))
    (func (export "f") (canon lift (core func $f)))
    (func (export "h") (canon lift (core func $h))))
  (component $guest
    (import "f" (func $f))
    (import "h" (func $h))
    (import "g" (func $g (param "n" u32)))
    (core func $f (canon lower (func $f)))
    (core func $g (canon lower (func $g)))
    (core func $h (canon lower (func $h)))
    (core instance $out (export "f" (func $f)) (export "g" (func $g)) (export "h" (func $h)))
    (core module $aux {imports} {down} {GLOBALS} {own}
      (table (export "table") 6 funcref) {aux} {aux_filled}
      (func (export "help") (call $a2)))
    (core instance $aux (instantiate $aux (with "out" (instance $out))))
    (core module $main {imports} {down_import}
      (import "aux" "help" (func $help)) {table} {GLOBALS} {own}
      (memory (export "memory") 1) {own_table} {main} {main_filled}
      (func (export "realloc") (param i32 i32 i32 i32) (result i32)
        {set} {helper} {realloc} {clear} (i32.const 1024))
      (func (export "post") (param i32) {set} {post} {clear})
      (func (export "take") (param i32 i32) (result i32)
        {run} (i32.store (i32.const 8) (i32.const 64)) (i32.store (i32.const 12) (i32.const 3)) (i32.const 8)))
    (core instance $main (instantiate $main (with "out" (instance $out)) (with "aux" (instance $aux))))
    (func (export "take") (param "s" string) (result string) (canon lift (core func $main "take")
      (memory (core memory $main "memory")) (realloc (core func $main "realloc"))
      (post-return (core func $main "post")))))
  (component $driver
    (import "take" (func $take (param "s" string) (result string)))
    (import "total" (func $total (result u32)))
    (core module $libc
      (memory (export "memory") 1)
      (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 2048)))
    (core instance $libc (instantiate $libc))
    (core func $take (canon lower (func $take)
      (memory (core memory $libc "memory")) (realloc (core func $libc "realloc"))))
    (core func $total (canon lower (func $total)))
    (core module $m
      (import "" "take" (func $take (param i32 i32 i32)))
      (import "" "total" (func $total (result i32)))
      (func (export "run") (result i32)
        (call $take (i32.const 0) (i32.const 2) (i32.const 512))
        (call $take (i32.const 0) (i32.const 4) (i32.const 512))
        (call $total)))
    (core instance $m (instantiate $m (with "" (instance
      (export "take" (func $take)) (export "total" (func $total))))))
    (func (export "run") (result u32) (canon lift (core func $m "run"))))
  (instance $log (instantiate $log))
  (instance $middle (instantiate $middle (with "f" (func $log "f")) (with "h" (func $log "{namesake}"))))
  (instance $guest (instantiate $guest
    (with "f" (func ${by} "f")) (with "g" (func $log "g")) (with "h" (func ${by} "h"))))
  (instance $driver (instantiate $driver (with "take" (func $guest "take")) (with "total" (func $log "total"))))
  (export "run" (func $driver "run")))"#
    )
}

#[test]
fn whoever_leaves_in_realloc_or_post_return_traps() {
    let variable = |name| std::env::var(name).ok().and_then(|value| value.parse::<u64>().ok());
    let seed = variable("MELD_SEED").unwrap_or(1);
    let count = COUNT * variable("MELD_FUZZ").unwrap_or(1);
    let rules = meld::Fuser::new().load_rules().unwrap();
    let run = |number| {
        let [text, measure] =
            [Flag::Engine, Flag::Guest].map(|flag| composition(seed, number, flag));
        let [binary, measure] = [&text, &measure]
            .map(|text| wat::parse_str(text).unwrap_or_else(|error| panic!("{error}\n{text}")));
        let fuser = meld::Fuser::new().input("leaving", binary);
        let decided = fuser.decide(&rules).unwrap();
        let fused = decided.emit().unwrap().bytes;
        let report = compare(&measure, &fused, &Options::default()).unwrap();
        assert!(report.same(), "MELD_SEED={seed}, number {number}: {report}\n{text}");
        let trap = Subject::new(&fused).unwrap().trap("run").unwrap();
        let cannot_leave = trap.is_some_and(|name| name == "meld:trap:cannot-leave");
        let explanation = decided.trace.explain_text(None);
        let [proved, observed] =
            ["leave-proved", "leave-flag"].map(|rule| explanation.contains(rule));
        [cannot_leave, proved && observed, !observed]
    };
    let ran: Vec<[bool; 3]> = (0..count).into_par_iter().map(run).collect();
    let [traps, mixed, unobserved] = [0, 1, 2].map(|n| ran.iter().filter(|ran| ran[n]).count());
    println!("{count} guests, {traps} trap, {mixed} look at some calls, {unobserved} at none");
    assert!([traps, mixed, unobserved].iter().all(|n| *n > ran.len() / 20));
}

//! Guests whose `realloc` and `post-return` call around at random, directly, through tables that several core
//! instances share, and by reference, and so come to leave the instance, or not.
//!
//! Which calls can find the `may-leave` flag down is proved by following such calls: a proof that overlooks a way
//! leaves a check out, and the fused module goes on where the other one traps. `MELD_FUZZ=n` runs n times as many
//! guests, `MELD_SEED=n` others than usual.

use meld_fuse_tests::batch::Subject;
use meld_verify::{Options, Rng, compare};
use rayon::prelude::*;
use std::fmt::Write;

const COUNT: u64 = 300;
/// Functions of each core module, and slots of the table.
const FUNCTIONS: usize = 6;
const SLOTS: usize = 6;

/// What both core modules begin with: types, and imports that leave.
const IMPORTS: &str = r#"
  (type $none (func)) (type $one (func (param i32)))
  (import "out" "f" (func $f)) (import "out" "g" (func $g (param i32)))"#;
/// A budget that ends all recursion, and a place for a reference.
const GLOBALS: &str = r#"
  (global $fuel (mut i32) (i32.const 60))
  (global $kept (mut funcref) (ref.null func))"#;

/// A few steps of a body, each of which may call something.
fn steps(rng: &mut Rng, most: usize, own: &str) -> String {
    let mut text = String::new();
    for _ in 0..rng.below(most + 1) {
        let (function, slot) = (rng.below(FUNCTIONS), rng.below(SLOTS));
        match rng.below(12) {
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
        let item = match rng.below(8) {
            0 => "f".to_string(),
            1 => "g".to_string(),
            2..=5 => format!("{own}{}", rng.below(FUNCTIONS)),
            _ => continue,
        };
        write!(text, " (elem (i32.const {slot}) ${item})").unwrap();
    }
    text
}

fn composition(seed: u64, number: u64, in_post_return: bool) -> String {
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
    let post = if in_post_return { steps(&mut rng, few, "m") } else { String::new() };
    let run = steps(&mut rng, 3, "m");
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
    (func (export "g") (param "n" u32) (canon lift (core func $m "g")))
    (func (export "total") (result u32) (canon lift (core func $m "total"))))
  (component $guest
    (import "f" (func $f))
    (import "g" (func $g (param "n" u32)))
    (core func $f (canon lower (func $f)))
    (core func $g (canon lower (func $g)))
    (core instance $out (export "f" (func $f)) (export "g" (func $g)))
    (core module $aux {IMPORTS} {GLOBALS}
      (table (export "table") 6 funcref) {aux} {aux_filled}
      (func (export "help") (call $a2)))
    (core instance $aux (instantiate $aux (with "out" (instance $out))))
    (core module $main {IMPORTS}
      (import "aux" "help" (func $help)) {table} {GLOBALS}
      (memory (export "memory") 1) {own_table} {main} {main_filled}
      (func (export "realloc") (param i32 i32 i32 i32) (result i32)
        {helper} {realloc} (i32.const 1024))
      (func (export "post") (param i32) {post})
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
  (instance $guest (instantiate $guest (with "f" (func $log "f")) (with "g" (func $log "g"))))
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
        // The engine lets a post-return leave: then what checks each call is the measure.
        let in_post_return = number % 2 == 1;
        let text = composition(seed, number, in_post_return);
        let binary = wat::parse_str(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
        let fuser = meld::Fuser::new().input("leaving", binary.clone());
        let decided = fuser.decide(&rules).unwrap();
        let fused = decided.emit().unwrap().bytes;
        let measure = match in_post_return {
            true => fuser.disable("calls.meet-freely").fuse().unwrap().bytes,
            false => binary,
        };
        let report = compare(&measure, &fused, &Options::default()).unwrap();
        assert!(report.same(), "MELD_SEED={seed}, number {number}: {report}\n{text}");
        let trap = Subject::new(&measure).unwrap().trap("run").unwrap();
        (trap.is_some(), decided.trace.explain_text(None).contains("calls.meet-freely"))
    };
    let ran: Vec<(bool, bool)> = (0..count).into_par_iter().map(run).collect();
    let traps = ran.iter().filter(|(trap, _)| *trap).count();
    let free = ran.iter().filter(|(_, free)| *free).count();
    println!("{count} guests, {traps} trap, {free} call something freely");
    assert!(traps > 20 && free > 20 && traps < ran.len() - 20, "{traps} traps, {free} free");
}

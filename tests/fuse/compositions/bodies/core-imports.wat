;; Small functions of one core instance stand in place of another one's calls. They use memories, tables,
;; globals and tags of their own instance, which are others than the caller's of the same index.
;; expect alone => 7045
;; expect counted => 123
;; expect again => 507
;; expect held => 14
;; expect both => 4003
;; expect apply-again => 8
;; expect caught => 9
;; expect not-caught => trap
;; expect bad => trap
;; expect out-of-bounds => trap
(component
  (core module $lib
    (tag $t (export "t") (param i32))
    (memory 1)
    (data (i32.const 64) "\01\00\00\00\2a\00\00\00")
    (table (export "table") 4 funcref)
    (elem (i32.const 0) $five)
    (global $count (mut i32) (i32.const 0))
    (type $f (func (param i32) (result i32)))
    (func $five (param i32) (result i32) (i32.const 5))
    (func (export "same") (param i32) (result i32) (local.get 0))
    (func (export "seven") (result i32) (i32.const 7))
    (func (export "field") (param i32) (result i32) (i32.load offset=4 (local.get 0)))
    (func (export "count") (param i32) (result i32) (local i32)
      (global.set $count (i32.add (global.get $count) (local.get 0)))
      (local.set 1 (i32.add (local.get 1) (global.get $count)))
      (local.get 1))
    (func (export "two") (result i32 i32) (i32.const 4000) (i32.const 3))
    (func (export "apply") (param i32 i32) (result i32)
      (call_indirect (type $f) (local.get 1) (local.get 0)))
    (func (export "check") (param i32) (if (local.get 0) (then unreachable)))
    (func (export "throw") (param i32) (throw $t (local.get 0))))
  (core instance $lib (instantiate $lib))
  (core module $passes-on
    (import "lib" "seven" (func $seven (result i32)))
    (export "seven again" (func $seven)))
  (core instance $passes-on (instantiate $passes-on (with "lib" (instance $lib))))
  (core module $main
    (import "lib" "t" (tag $t (param i32)))
    (import "lib" "table" (table $theirs 4 funcref))
    (import "lib" "same" (func $same (param i32) (result i32)))
    (import "lib" "field" (func $field (param i32) (result i32)))
    (import "lib" "count" (func $count (param i32) (result i32)))
    (import "lib" "two" (func $two (result i32 i32)))
    (import "lib" "apply" (func $apply (param i32 i32) (result i32)))
    (import "lib" "check" (func $check (param i32)))
    (import "lib" "throw" (func $throw (param i32)))
    (import "again" "seven again" (func $seven (result i32)))
    (memory 1)
    (data (i32.const 64) "\ff\ff\ff\ff\ff\ff\ff\ff")
    (table $own 1 funcref)
    (elem (table $own) (i32.const 0) func $seven)
    (elem (table $theirs) (i32.const 2) func $down)
    (global (mut i32) (i32.const 1000))
    ;; Stands behind `apply`, which calls through their table.
    (func $down (param i32) (result i32)
      (if (result i32) (local.get 0)
        (then (i32.add (i32.const 2)
          (call $apply (i32.const 2) (i32.sub (local.get 0) (i32.const 1)))))
        (else (i32.const 0))))
    (func (export "alone") (result i32)
      (i32.add (i32.mul (i32.const 1000) (call $seven))
        (i32.add (call $field (i32.const 64)) (call $same (i32.const 3)))))
    (func (export "counted") (result i32) (local $sum i32)
      (drop (call $count (i32.const 1)))
      (drop (call $count (i32.const 20)))
      (i32.add (call $count (i32.const 1)) (i32.const 101)))
    (func (export "again") (result i32) (local $n i32) (local $sum i32)
      (loop $l
        (local.set $sum (i32.add (local.get $sum) (call $same (call $count (local.get $n)))))
        (br_if $l (i32.lt_u (local.tee $n (i32.add (local.get $n) (i32.const 1))) (i32.const 3))))
      (i32.add (i32.mul (i32.const 100) (call $apply (i32.const 0) (i32.const 1)))
        (i32.add (local.get $sum) (local.get $n))))
    (func (export "held") (result i32)
      (i32.add (call $seven) (call_indirect $own (result i32) (i32.const 0))))
    (func (export "both") (result i32) (i32.add (call $two)))
    (func (export "apply-again") (result i32) (call $apply (i32.const 2) (i32.const 4)))
    (func (export "caught") (result i32)
      (block $out (result i32)
        (try_table (catch $t $out) (call $throw (i32.const 9)))
        (i32.const 1)))
    (func (export "not-caught") (result i32) (call $throw (i32.const 9)) (i32.const 1))
    (func (export "bad") (result i32) (call $check (i32.const 0)) (call $check (i32.const 1)) (i32.const 1))
    (func (export "out-of-bounds") (result i32) (call $field (i32.const 65530))))
  (core instance $main (instantiate $main
    (with "lib" (instance $lib)) (with "again" (instance $passes-on))))
  (func (export "alone") (result u32) (canon lift (core func $main "alone")))
  (func (export "counted") (result u32) (canon lift (core func $main "counted")))
  (func (export "again") (result u32) (canon lift (core func $main "again")))
  (func (export "held") (result u32) (canon lift (core func $main "held")))
  (func (export "both") (result u32) (canon lift (core func $main "both")))
  (func (export "apply-again") (result u32) (canon lift (core func $main "apply-again")))
  (func (export "caught") (result u32) (canon lift (core func $main "caught")))
  (func (export "not-caught") (result u32) (canon lift (core func $main "not-caught")))
  (func (export "bad") (result u32) (canon lift (core func $main "bad")))
  (func (export "out-of-bounds") (result u32) (canon lift (core func $main "out-of-bounds"))))

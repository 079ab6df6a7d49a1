;; Two instances of one shim have a table each, filled with different functions; a third stays
;; empty.
;; expect run => 34
;; expect empty => trap
(component
  (core module $shim
    (type $t (func (result i32)))
    (table (export "t") 1 1 funcref)
    (func (export "f") (type $t) (call_indirect (type $t) (i32.const 0))))
  (core instance $a (instantiate $shim))
  (core instance $b (instantiate $shim))
  (core instance $c (instantiate $shim))
  (core module $numbers
    (func (export "three") (result i32) (i32.const 3))
    (func (export "four") (result i32) (i32.const 4)))
  (core instance $numbers (instantiate $numbers))
  (core module $fill
    (import "" "t" (table 1 funcref))
    (import "" "f" (func $f (result i32)))
    (elem (i32.const 0) func $f))
  (core instance (instantiate $fill (with "" (instance
    (export "t" (table $a "t")) (export "f" (func $numbers "three"))))))
  (core instance (instantiate $fill (with "" (instance
    (export "t" (table $b "t")) (export "f" (func $numbers "four"))))))
  (core module $main
    (import "" "a" (func $a (result i32)))
    (import "" "b" (func $b (result i32)))
    (import "" "c" (func $c (result i32)))
    (func (export "run") (result i32)
      (i32.add (i32.mul (call $a) (i32.const 10)) (call $b)))
    (func (export "empty") (result i32) (call $c)))
  (core instance $main (instantiate $main (with "" (instance
    (export "a" (func $a "f")) (export "b" (func $b "f")) (export "c" (func $c "f"))))))
  (func (export "run") (result u32) (canon lift (core func $main "run")))
  (func (export "empty") (result u32) (canon lift (core func $main "empty"))))

;; A row of functions that call each other, the last one through a table. One of them exchanges its
;; parameters, so it is more than that.
;; expect run => 73
;; expect exchanged => 37
(component
  (core module $shim
    (type $t (func (param i32 i32) (result i32)))
    (table (export "t") 3 3 funcref)
    (func (export "f") (type $t)
      (return_call_indirect (type $t) (local.get 0) (local.get 1) (i32.const 2))))
  (core instance $shim (instantiate $shim))
  (core module $row
    (import "" "f" (func $f (param i32 i32) (result i32)))
    (func $g (export "g") (param i32 i32) (result i32) (call $f (local.get 0) (local.get 1)))
    (func $h (export "h") (param i32 i32) (result i32)
      (return (call $g (local.get 0) (local.get 1))))
    (func (export "exchange") (param i32 i32) (result i32)
      (return_call $h (local.get 1) (local.get 0))))
  (core instance $row (instantiate $row (with "" (instance (export "f" (func $shim "f"))))))
  (core module $fill
    (import "" "t" (table 3 funcref))
    (elem (table 0) (offset (i32.const 2)) funcref (ref.func $join))
    (func $join (export "join") (param i32 i32) (result i32)
      (i32.add (i32.mul (local.get 0) (i32.const 10)) (local.get 1))))
  (core instance (instantiate $fill (with "" (instance (export "t" (table $shim "t"))))))
  (core module $main
    (import "" "h" (func $h (param i32 i32) (result i32)))
    (import "" "exchange" (func $exchange (param i32 i32) (result i32)))
    (func (export "run") (result i32) (call $h (i32.const 7) (i32.const 3)))
    (func (export "exchanged") (result i32) (call $exchange (i32.const 7) (i32.const 3))))
  (core instance $main (instantiate $main (with "" (instance $row))))
  (func (export "run") (result u32) (canon lift (core func $main "run")))
  (func (export "exchanged") (result u32) (canon lift (core func $main "exchanged"))))

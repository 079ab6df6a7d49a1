;; What a slot holds is of another type than the call says: the call traps. Where the types are
;; equal it does not.
;; expect run => trap
;; expect right => 5
(component
  (core module $shim
    (type $t (func (param i32) (result i32)))
    (type $u (func (param i64) (result i32)))
    (table (export "t") 1 1 funcref)
    (func (export "f") (type $t) (call_indirect (type $t) (local.get 0) (i32.const 0)))
    (func (export "g") (type $u) (call_indirect (type $u) (local.get 0) (i32.const 0))))
  (core instance $shim (instantiate $shim))
  (core module $fill
    (import "" "t" (table 1 funcref))
    (elem (i32.const 0) func $wrap)
    (func $wrap (export "wrap") (param i64) (result i32) (i32.wrap_i64 (local.get 0))))
  (core instance (instantiate $fill (with "" (instance (export "t" (table $shim "t"))))))
  (core module $main
    (import "" "f" (func $f (param i32) (result i32)))
    (import "" "g" (func $g (param i64) (result i32)))
    (func (export "run") (result i32) (call $f (i32.const 5)))
    (func (export "right") (result i32) (call $g (i64.const 5))))
  (core instance $main (instantiate $main (with "" (instance $shim))))
  (func (export "run") (result u32) (canon lift (core func $main "run")))
  (func (export "right") (result u32) (canon lift (core func $main "right"))))

;; Functions that only call each other never return: they stay what they are.
;; expect run => trap
;; expect slot => trap
(component
  (core module $shim
    (type $t (func (result i32)))
    (table (export "t") 2 2 funcref)
    (func (export "f") (type $t) (call_indirect (type $t) (i32.const 0)))
    (func (export "g") (type $t) (call_indirect (type $t) (i32.const 1))))
  (core instance $shim (instantiate $shim))
  (core module $between
    (import "" "g" (func $g (result i32)))
    (func (export "h") (result i32) (call $g)))
  (core instance $between (instantiate $between
    (with "" (instance (export "g" (func $shim "g"))))))
  (core module $fill
    (import "" "t" (table 2 funcref))
    (import "" "f" (func $f (result i32)))
    (import "" "h" (func $h (result i32)))
    (elem (i32.const 0) func $h $f))
  (core instance (instantiate $fill (with "" (instance
    (export "t" (table $shim "t")) (export "f" (func $shim "f"))
    (export "h" (func $between "h"))))))
  (core module $main
    (import "" "h" (func $h (result i32)))
    (import "" "f" (func $f (result i32)))
    (func (export "run") (result i32) (call $h))
    (func (export "slot") (result i32) (call $f)))
  (core instance $main (instantiate $main (with "" (instance
    (export "h" (func $between "h")) (export "f" (func $shim "f"))))))
  (func (export "run") (result u32) (canon lift (core func $main "run")))
  (func (export "slot") (result u32) (canon lift (core func $main "slot"))))

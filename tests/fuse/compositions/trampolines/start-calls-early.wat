;; A start function calls through a slot before it is filled, if it is called before: it traps, so
;; the component cannot be instantiated.
;; expect run => trap
(component
  (core module $shim
    (type $t (func (result i32)))
    (table (export "t") 1 1 funcref)
    (func (export "f") (type $t) (call_indirect (type $t) (i32.const 0))))
  (core instance $shim (instantiate $shim))
  (core module $main
    (import "" "f" (func $f (result i32)))
    (func $start (drop (call $f)))
    (start $start)
    (func (export "run") (result i32) (call $f)))
  (core instance $main (instantiate $main (with "" (instance (export "f" (func $shim "f"))))))
  (core module $fill
    (import "" "t" (table 1 funcref))
    (elem (i32.const 0) func $one)
    (func $one (export "one") (result i32) (i32.const 1)))
  (core instance (instantiate $fill (with "" (instance (export "t" (table $shim "t"))))))
  (func (export "run") (result u32) (canon lift (core func $main "run"))))

;; A shim stands before a function of the host that needs the guest's memory, as `wit-component`
;; arranges it.
;; expect run => 3
(component
  (import "log" (func $log (param "s" string)))
  (core module $shim
    (type $t (func (param i32 i32)))
    (table (export "t") 1 1 funcref)
    (func (export "f") (type $t)
      (call_indirect (type $t) (local.get 0) (local.get 1) (i32.const 0))))
  (core instance $shim (instantiate $shim))
  (core module $main
    (import "" "log" (func $log (param i32 i32)))
    (memory (export "memory") 1)
    (data (i32.const 8) "abc")
    (func (export "run") (result i32) (call $log (i32.const 8) (i32.const 3)) (i32.const 3)))
  (core instance $main (instantiate $main (with "" (instance (export "log" (func $shim "f"))))))
  (core func $log (canon lower (func $log) (memory (core memory $main "memory"))))
  (core module $fill
    (import "" "t" (table 1 funcref))
    (import "" "f" (func $f (param i32 i32)))
    (elem (i32.const 0) func $f))
  (core instance (instantiate $fill (with "" (instance
    (export "t" (table $shim "t")) (export "f" (func $log))))))
  (func (export "run") (result u32) (canon lift (core func $main "run"))))

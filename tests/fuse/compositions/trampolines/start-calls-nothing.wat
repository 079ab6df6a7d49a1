;; Start functions that call no one through the slot before it is filled do no harm.
;; expect run => 41
(component
  (core module $shim
    (type $t (func (param i32) (result i32)))
    (table (export "t") 1 1 funcref)
    (func (export "f") (type $t) (call_indirect (type $t) (local.get 0) (i32.const 0))))
  (core instance $shim (instantiate $shim))
  (core module $main
    (import "" "f" (func $f (param i32) (result i32)))
    (global $n (mut i32) (i32.const 0))
    (func $add (global.set $n (i32.add (global.get $n) (i32.const 20))))
    (func $start (call $add) (call $add))
    (start $start)
    (func (export "run") (result i32) (call $f (global.get $n))))
  (core instance $main (instantiate $main (with "" (instance (export "f" (func $shim "f"))))))
  (core module $fill
    (import "" "t" (table 1 funcref))
    (elem (i32.const 0) func $add)
    (func $add (export "add") (param i32) (result i32) (i32.add (local.get 0) (i32.const 1))))
  (core instance (instantiate $fill (with "" (instance (export "t" (table $shim "t"))))))
  (func (export "run") (result u32) (canon lift (core func $main "run"))))

;; Two modules fill one slot: the last one wins, also over a start function's call before it.
;; expect run => 2
;; expect seen => 1
(component
  (core module $shim
    (type $t (func (result i32)))
    (table (export "t") 2 2 funcref)
    (func (export "f") (type $t) (call_indirect (type $t) (i32.const 1))))
  (core instance $shim (instantiate $shim))
  (core module $main
    (import "" "f" (func $f (result i32)))
    (func (export "run") (result i32) (call $f)))
  (core instance $main (instantiate $main (with "" (instance (export "f" (func $shim "f"))))))
  (core module $fill
    (import "" "t" (table 2 funcref))
    (elem (i32.const 0) func $one $one)
    (func $one (export "one") (result i32) (i32.const 1)))
  (core instance $fill (instantiate $fill (with "" (instance (export "t" (table $shim "t"))))))
  (core module $early
    (import "" "f" (func $f (result i32)))
    (global $seen (mut i32) (i32.const 0))
    (func $start (global.set $seen (call $f)))
    (start $start)
    (func (export "seen") (result i32) (global.get $seen)))
  (core instance $early (instantiate $early (with "" (instance (export "f" (func $shim "f"))))))
  (core module $again
    (import "" "t" (table 2 funcref))
    (elem (i32.const 1) func $two)
    (func $two (export "two") (result i32) (i32.const 2)))
  (core instance (instantiate $again (with "" (instance (export "t" (table $shim "t"))))))
  (func (export "run") (result u32) (canon lift (core func $main "run")))
  (func (export "seen") (result u32) (canon lift (core func $early "seen"))))

;; Functions write to the table while it is used: what a slot holds is not known.
;; expect run => 123
;; expect empty => trap
(component
  (core module $shim
    (type $t (func (result i32)))
    (table (export "t") 4 4 funcref)
    (elem (i32.const 0) func $one)
    (func $one (export "one") (result i32) (i32.const 1))
    (func (export "f") (type $t) (call_indirect (type $t) (i32.const 0))))
  (core instance $shim (instantiate $shim))
  (core module $writer
    (import "" "t" (table $t 4 funcref))
    (func $two (export "two") (result i32) (i32.const 2))
    (func $three (export "three") (result i32) (i32.const 3))
    (elem $three-too func $three)
    (func (export "set") (table.set $t (i32.const 0) (ref.func $two)))
    (func (export "init") (table.init $t $three-too (i32.const 1) (i32.const 0) (i32.const 1)))
    (func (export "copy") (table.copy $t $t (i32.const 0) (i32.const 1) (i32.const 1)))
    (func (export "fill") (table.fill $t (i32.const 0) (ref.null func) (i32.const 4))))
  (core instance $writer (instantiate $writer (with "" (instance (export "t" (table $shim "t"))))))
  (core module $main
    (import "shim" "f" (func $f (result i32)))
    (import "writer" "set" (func $set))
    (import "writer" "init" (func $init))
    (import "writer" "copy" (func $copy))
    (import "writer" "fill" (func $fill))
    (func $next (param i32) (result i32)
      (i32.add (i32.mul (local.get 0) (i32.const 10)) (call $f)))
    (func (export "run") (result i32) (local $n i32)
      (local.set $n (call $next (i32.const 0)))
      (call $set)
      (local.set $n (call $next (local.get $n)))
      (call $init)
      (call $copy)
      (call $next (local.get $n)))
    (func (export "empty") (result i32) (call $fill) (call $f)))
  (core instance $main (instantiate $main
    (with "shim" (instance $shim)) (with "writer" (instance $writer))))
  (func (export "run") (result u32) (canon lift (core func $main "run")))
  (func (export "empty") (result u32) (canon lift (core func $main "empty"))))

;; The caller is instantiated before its import exists: a shim calls through a table that a third
;; module fills, as wit-component arranges it.
;; expect run => 42
(component
  (component $callee
    (core module $m
      (memory (export "memory") 1)
      (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024))
      (func (export "f") (param i32 i32) (result i32)
        (i32.add (i32.load8_u (local.get 0)) (local.get 1))))
    (core instance $m (instantiate $m))
    (func (export "f") (param "l" (list u8)) (result u32) (canon lift (core func $m "f")
      (memory (core memory $m "memory")) (realloc (core func $m "realloc")))))
  (component $caller
    (import "f" (func $f (param "l" (list u8)) (result u32)))
    (core module $shim
      (type $t (func (param i32 i32) (result i32)))
      (table (export "$imports") 1 1 funcref)
      (func (export "0") (type $t)
        (call_indirect (type $t) (local.get 0) (local.get 1) (i32.const 0))))
    (core instance $shim (instantiate $shim))
    (core module $main
      (import "" "f" (func $f (param i32 i32) (result i32)))
      (memory (export "memory") 1)
      (data (i32.const 64) "\28\00")
      (func (export "run") (result i32) (call $f (i32.const 64) (i32.const 2))))
    (core instance $main (instantiate $main
      (with "" (instance (export "f" (func $shim "0"))))))
    (core func $f (canon lower (func $f) (memory (core memory $main "memory"))))
    (core module $fixup
      (import "" "0" (func (param i32 i32) (result i32)))
      (import "" "$imports" (table 1 1 funcref))
      (elem (i32.const 0) func 0))
    (core instance (instantiate $fixup (with "" (instance
      (export "0" (func $f)) (export "$imports" (table $shim "$imports"))))))
    (func (export "run") (result u32) (canon lift (core func $main "run"))))
  (instance $callee (instantiate $callee))
  (instance $caller (instantiate $caller (with "f" (func $callee "f"))))
  (export "run" (func $caller "run")))

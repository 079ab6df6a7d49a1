;; An exception that leaves the callee is a trap, also where the caller would catch all.
;; expect run => trap
;; expect caught => trap
(component
  (component $callee
    (core module $m
      (tag $e)
      (func (export "f") (param i32) (result i32) (throw $e)))
    (core instance $m (instantiate $m))
    (func (export "f") (param "x" u32) (result u32)
      (canon lift (core func $m "f") )))
  (component $caller
    (import "callee" (instance $callee
      (export "f" (func (param "x" u32) (result u32)))))
    (core module $libc
      (memory (export "memory") 1)
      (global $next (mut i32) (i32.const 32768))
      (func (export "realloc") (param i32 i32 i32 i32) (result i32) (local $at i32)
        (local.set $at (i32.and (i32.add (global.get $next) (i32.const 7)) (i32.const -8)))
        (global.set $next (i32.add (local.get $at) (local.get 3)))
        (memory.copy (local.get $at) (local.get 0)
          (select (local.get 3) (local.get 1) (i32.lt_u (local.get 3) (local.get 1))))
        (local.get $at)))
    (core instance $libc (instantiate $libc))
    (core func $f (canon lower (func $callee "f")
      ))
    (core module $main
      (import "libc" "memory" (memory 1))
      (import "" "f" (func $f (param i32) (result i32)))
      (func (export "run") (result i32) (call $f (i32.const 6)))
      (func (export "caught") (result i32)
        (block $caught
          (drop (try_table (result i32) (catch_all $caught) (call $f (i32.const 6)))))
        (i32.const 99)))
    (core instance $main (instantiate $main (with "libc" (instance $libc))
      (with "" (instance (export "f" (func $f))))))
    (func (export "run") (result u32) (canon lift (core func $main "run")
      (memory (core memory $libc "memory"))))
    (func (export "caught") (result u32) (canon lift (core func $main "caught"))))
  (instance $callee (instantiate $callee))
  (instance $caller (instantiate $caller (with "callee" (instance $callee))))
  (export "run" (func $caller "run"))
  (export "caught" (func $caller "caught")))

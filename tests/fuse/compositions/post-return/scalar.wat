;; A scalar function may have a post-return, too; it runs after the result is read.
;; expect run => (7, 8)
(component
  (component $callee
    (core module $m
      (global $n (mut i32) (i32.const 7))
      (func (export "f") (result i32) (global.get $n))
      (func (export "post") (param i32) (global.set $n (i32.add (local.get 0) (i32.const 1)))))
    (core instance $m (instantiate $m))
    (func (export "f") (result u32)
      (canon lift (core func $m "f")  (post-return (core func $m "post")))))
  (component $caller
    (import "callee" (instance $callee
      (export "f" (func (result u32)))))
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
      (import "" "f" (func $f (result i32)))
      (func (export "run") (result i32)
        (i32.store (i32.const 16) (call $f)) (i32.store (i32.const 20) (call $f)) (i32.const 16)))
    (core instance $main (instantiate $main (with "libc" (instance $libc))
      (with "" (instance (export "f" (func $f))))))
    (func (export "run") (result (tuple u32 u32)) (canon lift (core func $main "run")
      (memory (core memory $libc "memory")))))
  (instance $callee (instantiate $callee))
  (instance $caller (instantiate $caller (with "callee" (instance $callee))))
  (export "run" (func $caller "run")))

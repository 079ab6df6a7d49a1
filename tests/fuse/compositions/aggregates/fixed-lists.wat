;; A list of fixed length lies flat among the parameters: two strings, UTF-8 to UTF-16.
;; The callee adds lengths and last letters.
;; expect run => 336
(component
  (component $callee
    (core module $m
      (memory (export "memory") 1)
      (global $next (mut i32) (i32.const 32768))
      (func (export "realloc") (param i32 i32 i32 i32) (result i32) (local $at i32)
        (local.set $at (i32.and (i32.add (global.get $next) (i32.const 7)) (i32.const -8)))
        (global.set $next (i32.add (local.get $at) (local.get 3)))
        (memory.copy (local.get $at) (local.get 0)
          (select (local.get 3) (local.get 1) (i32.lt_u (local.get 3) (local.get 1))))
        (local.get $at))
      (func (export "f") (param i32 i32 i32 i32) (result i32)
        (i32.add (i32.add (local.get 1) (local.get 3)) (i32.add
          (i32.load16_u (i32.sub (i32.add (local.get 0) (i32.mul (local.get 1) (i32.const 2))) (i32.const 2)))
          (i32.load16_u (i32.sub (i32.add (local.get 2) (i32.mul (local.get 3) (i32.const 2))) (i32.const 2)))))))
    (core instance $m (instantiate $m))
    (func (export "f") (param "x" (list string 2)) (result u32)
      (canon lift (core func $m "f") string-encoding=utf16 (memory (core memory $m "memory"))
        (realloc (core func $m "realloc")))))
  (component $caller
    (import "callee" (instance $callee
      (export "f" (func (param "x" (list string 2)) (result u32)))))
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
    (core func $f (canon lower (func $callee "f") (memory (core memory $libc "memory"))))
    (core module $main
      (import "libc" "memory" (memory 1))
      (import "" "f" (func $f (param i32 i32 i32 i32) (result i32)))
      (data (i32.const 64) "abc")
      (data (i32.const 80) "\c3\a9")
      (func (export "run") (result i32)
        (call $f (i32.const 64) (i32.const 3) (i32.const 80) (i32.const 2))))
    (core instance $main (instantiate $main (with "libc" (instance $libc))
      (with "" (instance (export "f" (func $f))))))
    (func (export "run") (result u32) (canon lift (core func $main "run"))))
  (instance $callee (instantiate $callee))
  (instance $caller (instantiate $caller (with "callee" (instance $callee))))
  (export "run" (func $caller "run")))

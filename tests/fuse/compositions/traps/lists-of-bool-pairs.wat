;; Lists out of bounds or misaligned, also where they are empty, as second parameter.
;; expect fine => 2
;; expect misaligned => trap
;; expect empty-misaligned => trap
;; expect past-the-end => trap
;; expect empty-past-the-end => trap
;; expect empty-at-the-end => 0
;; expect wraps => trap
;; expect negative => trap
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
      (func (export "f") (param i32 i32 i32) (result i32) (local.get 2)))
    (core instance $m (instantiate $m))
    (func (export "f") (param "n" u32) (param "l" (list (tuple u32 bool))) (result u32)
      (canon lift (core func $m "f") string-encoding=utf8 (memory (core memory $m "memory")) (realloc (core func $m "realloc")))))
  (component $caller
    (import "callee" (instance $callee
      (export "f" (func (param "n" u32) (param "l" (list (tuple u32 bool))) (result u32)))))
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
      string-encoding=utf8 (memory (core memory $libc "memory")) (realloc (core func $libc "realloc"))))
    (core module $main
      (import "libc" "memory" (memory 1))
      (import "" "f" (func $f (param i32 i32 i32) (result i32)))
      (func (export "fine") (result i32) (call $f (i32.const 7) (i32.const 64) (i32.const 2)))
      (func (export "misaligned") (result i32) (call $f (i32.const 7) (i32.const 66) (i32.const 1)))
      (func (export "empty-misaligned") (result i32) (call $f (i32.const 7) (i32.const 66) (i32.const 0)))
      (func (export "past-the-end") (result i32) (call $f (i32.const 7) (i32.const 65532) (i32.const 2)))
      (func (export "empty-past-the-end") (result i32) (call $f (i32.const 7) (i32.const 65540) (i32.const 0)))
      (func (export "empty-at-the-end") (result i32) (call $f (i32.const 7) (i32.const 65536) (i32.const 0)))
      (func (export "wraps") (result i32) (call $f (i32.const 7) (i32.const 8) (i32.const 1073741825)))
      (func (export "negative") (result i32) (call $f (i32.const 7) (i32.const -8) (i32.const 1))))
    (core instance $main (instantiate $main (with "libc" (instance $libc))
      (with "" (instance (export "f" (func $f))))))
    (func (export "fine") (result u32) (canon lift (core func $main "fine")
      (memory (core memory $libc "memory"))))
    (func (export "misaligned") (result u32) (canon lift (core func $main "misaligned")
      (memory (core memory $libc "memory"))))
    (func (export "empty-misaligned") (result u32) (canon lift (core func $main "empty-misaligned")
      (memory (core memory $libc "memory"))))
    (func (export "past-the-end") (result u32) (canon lift (core func $main "past-the-end")
      (memory (core memory $libc "memory"))))
    (func (export "empty-past-the-end") (result u32) (canon lift (core func $main "empty-past-the-end")
      (memory (core memory $libc "memory"))))
    (func (export "empty-at-the-end") (result u32) (canon lift (core func $main "empty-at-the-end")
      (memory (core memory $libc "memory"))))
    (func (export "wraps") (result u32) (canon lift (core func $main "wraps")
      (memory (core memory $libc "memory"))))
    (func (export "negative") (result u32) (canon lift (core func $main "negative")
      (memory (core memory $libc "memory")))))
  (instance $callee (instantiate $callee))
  (instance $caller (instantiate $caller (with "callee" (instance $callee))))
  (export "fine" (func $caller "fine"))
  (export "misaligned" (func $caller "misaligned"))
  (export "empty-misaligned" (func $caller "empty-misaligned"))
  (export "past-the-end" (func $caller "past-the-end"))
  (export "empty-past-the-end" (func $caller "empty-past-the-end"))
  (export "empty-at-the-end" (func $caller "empty-at-the-end"))
  (export "wraps" (func $caller "wraps"))
  (export "negative" (func $caller "negative")))

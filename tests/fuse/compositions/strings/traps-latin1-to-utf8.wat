;; Malformed strings, and strings out of bounds, from latin1+utf16 to utf8, as second parameter.
;; expect fine => 5
;; expect lone-high => trap
;; expect lone-low => trap
;; expect past-the-end => trap
;; expect far => trap
;; expect empty-past-the-end => trap
;; expect empty-at-the-end => 0
;; expect huge => trap
;; expect misaligned => trap
;; expect empty-misaligned => trap
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
      (func (export "f") (param i32 i32 i32) (result i32)
        (i32.and (local.get 2) (i32.const 0x7fffffff))))
    (core instance $m (instantiate $m))
    (func (export "f") (param "n" u32) (param "s" string) (result u32)
      (canon lift (core func $m "f") string-encoding=utf8 (memory (core memory $m "memory")) (realloc (core func $m "realloc")))))
  (component $caller
    (import "callee" (instance $callee
      (export "f" (func (param "n" u32) (param "s" string) (result u32)))))
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
      string-encoding=latin1+utf16 (memory (core memory $libc "memory")) (realloc (core func $libc "realloc"))))
    (core module $main
      (import "libc" "memory" (memory 1))
      (import "" "f" (func $f (param i32 i32 i32) (result i32)))
      (data (i32.const 512) "\67\72\61\70\65")
      (data (i32.const 1024) "\61\00\00\d8")
      (data (i32.const 1088) "\00\dc")
      (func (export "fine") (result i32) (call $f (i32.const 0) (i32.const 512) (i32.const 5)))
      (func (export "lone-high") (result i32) (call $f (i32.const 0) (i32.const 1024) (i32.const -2147483646)))
      (func (export "lone-low") (result i32) (call $f (i32.const 0) (i32.const 1088) (i32.const -2147483647)))
      (func (export "past-the-end") (result i32) (call $f (i32.const 0) (i32.const 65534) (i32.const 4)))
      (func (export "far") (result i32) (call $f (i32.const 0) (i32.const -4) (i32.const 3)))
      (func (export "empty-past-the-end") (result i32) (call $f (i32.const 0) (i32.const 65538) (i32.const 0)))
      (func (export "empty-at-the-end") (result i32) (call $f (i32.const 0) (i32.const 65536) (i32.const 0)))
      (func (export "huge") (result i32) (call $f (i32.const 0) (i32.const 16) (i32.const 2147483647)))
      (func (export "misaligned") (result i32) (call $f (i32.const 0) (i32.const 513) (i32.const 2)))
      (func (export "empty-misaligned") (result i32) (call $f (i32.const 0) (i32.const 513) (i32.const 0))))
    (core instance $main (instantiate $main (with "libc" (instance $libc))
      (with "" (instance (export "f" (func $f))))))
    (func (export "fine") (result u32) (canon lift (core func $main "fine")
      (memory (core memory $libc "memory"))))
    (func (export "lone-high") (result u32) (canon lift (core func $main "lone-high")
      (memory (core memory $libc "memory"))))
    (func (export "lone-low") (result u32) (canon lift (core func $main "lone-low")
      (memory (core memory $libc "memory"))))
    (func (export "past-the-end") (result u32) (canon lift (core func $main "past-the-end")
      (memory (core memory $libc "memory"))))
    (func (export "far") (result u32) (canon lift (core func $main "far")
      (memory (core memory $libc "memory"))))
    (func (export "empty-past-the-end") (result u32) (canon lift (core func $main "empty-past-the-end")
      (memory (core memory $libc "memory"))))
    (func (export "empty-at-the-end") (result u32) (canon lift (core func $main "empty-at-the-end")
      (memory (core memory $libc "memory"))))
    (func (export "huge") (result u32) (canon lift (core func $main "huge")
      (memory (core memory $libc "memory"))))
    (func (export "misaligned") (result u32) (canon lift (core func $main "misaligned")
      (memory (core memory $libc "memory"))))
    (func (export "empty-misaligned") (result u32) (canon lift (core func $main "empty-misaligned")
      (memory (core memory $libc "memory")))))
  (instance $callee (instantiate $callee))
  (instance $caller (instantiate $caller (with "callee" (instance $callee))))
  (export "fine" (func $caller "fine"))
  (export "lone-high" (func $caller "lone-high"))
  (export "lone-low" (func $caller "lone-low"))
  (export "past-the-end" (func $caller "past-the-end"))
  (export "far" (func $caller "far"))
  (export "empty-past-the-end" (func $caller "empty-past-the-end"))
  (export "empty-at-the-end" (func $caller "empty-at-the-end"))
  (export "huge" (func $caller "huge"))
  (export "misaligned" (func $caller "misaligned"))
  (export "empty-misaligned" (func $caller "empty-misaligned")))

;; Both memories count in pages of one byte: bounds are at the last of them.
;; expect fine => 4
;; expect past-the-end => trap
;; expect empty-past-the-end => trap
;; expect allocated-past-the-end => trap
(component
  (component $callee
    (core module $m
      (memory (export "memory") 200 (pagesize 1))
      (func (export "realloc") (param i32 i32 i32 i32) (result i32)
        ;; Five bytes do not fit.
        (i32.const 196))
      (func (export "f") (param i32 i32) (result i32)
        (drop (i32.load8_u (i32.sub (i32.add (local.get 0) (local.get 1)) (i32.const 1))))
        (local.get 1)))
    (core instance $m (instantiate $m))
    (func (export "f") (param "s" string) (result u32)
      (canon lift (core func $m "f") (memory (core memory $m "memory"))
        (realloc (core func $m "realloc")))))
  (component $caller
    (import "f" (func $f (param "s" string) (result u32)))
    (core module $libc (memory (export "memory") 100 (pagesize 1)))
    (core instance $libc (instantiate $libc))
    (core func $f (canon lower (func $f) (memory (core memory $libc "memory"))))
    (core module $m
      (import "" "f" (func $f (param i32 i32) (result i32)))
      (func (export "fine") (result i32) (call $f (i32.const 96) (i32.const 4)))
      (func (export "past-the-end") (result i32) (call $f (i32.const 97) (i32.const 4)))
      (func (export "empty-past-the-end") (result i32) (call $f (i32.const 101) (i32.const 0)))
      (func (export "allocated-past-the-end") (result i32) (call $f (i32.const 90) (i32.const 5))))
    (core instance $m (instantiate $m (with "" (instance (export "f" (func $f))))))
    (func (export "fine") (result u32) (canon lift (core func $m "fine")))
    (func (export "past-the-end") (result u32) (canon lift (core func $m "past-the-end")))
    (func (export "empty-past-the-end") (result u32)
      (canon lift (core func $m "empty-past-the-end")))
    (func (export "allocated-past-the-end") (result u32)
      (canon lift (core func $m "allocated-past-the-end"))))
  (instance $callee (instantiate $callee))
  (instance $caller (instantiate $caller (with "f" (func $callee "f"))))
  (export "fine" (func $caller "fine"))
  (export "past-the-end" (func $caller "past-the-end"))
  (export "empty-past-the-end" (func $caller "empty-past-the-end"))
  (export "allocated-past-the-end" (func $caller "allocated-past-the-end")))

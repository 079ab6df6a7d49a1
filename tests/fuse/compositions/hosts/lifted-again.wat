;; A function of the host, lowered and lifted again without any code in between: for the root's
;; export, by way of a core module that only exports it, and for another component.
;; expect run => 3
(component
  (import "tick" (func $tick))
  (import "say" (func $say (param "text" string)))
  (component $between
    (import "tick" (func $tick))
    (import "say" (func $say (param "text" string)))
    (core module $libc
      (memory (export "memory") 1)
      (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024)))
    (core instance $libc (instantiate $libc))
    (core func $tick (canon lower (func $tick)))
    (core func $say (canon lower (func $say) (memory (core memory $libc "memory"))))
    (core module $through
      (import "" "tick" (func $tick))
      (export "tock" (func $tick)))
    (core instance $through (instantiate $through (with "" (instance (export "tick" (func $tick))))))
    (func (export "tick") (canon lift (core func $tick)))
    (func (export "tock") (canon lift (core func $through "tock")))
    (func (export "say") (param "text" string) (canon lift (core func $say)
      (memory (core memory $libc "memory")) (realloc (core func $libc "realloc")))))
  (component $caller
    (import "tick" (func $tick))
    (import "say" (func $say (param "text" string)))
    (core module $libc (memory (export "memory") 1))
    (core instance $libc (instantiate $libc))
    (core func $tick (canon lower (func $tick)))
    (core func $say (canon lower (func $say) (memory (core memory $libc "memory"))))
    (core module $m
      (import "" "memory" (memory 1))
      (import "" "tick" (func $tick))
      (import "" "say" (func $say (param i32 i32)))
      (data (i32.const 8) "through")
      (func (export "run") (result i32)
        (call $tick) (call $say (i32.const 8) (i32.const 7)) (i32.const 3)))
    (core instance $m (instantiate $m (with "" (instance
      (export "memory" (memory $libc "memory"))
      (export "tick" (func $tick)) (export "say" (func $say))))))
    (func (export "run") (result u32) (canon lift (core func $m "run"))))
  (instance $between (instantiate $between (with "tick" (func $tick)) (with "say" (func $say))))
  (instance $caller (instantiate $caller
    (with "tick" (func $between "tick")) (with "say" (func $between "say"))))
  (export "run" (func $caller "run"))
  (export "tick-again" (func $between "tick"))
  (export "tock" (func $between "tock"))
  (export "say-again" (func $between "say")))

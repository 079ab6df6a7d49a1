;; A start function gets a resource of the host by way of strings, lends it, and keeps it.
;; expect run => 0
(component
  (import "open" (type $file (sub resource)))
  (import "make" (func $make (param "name" string) (result (own $file))))
  (import "name" (func $name (param "f" (borrow $file)) (result string)))
  (component $c
    (import "open" (type $file (sub resource)))
    (import "make" (func $make (param "name" string) (result (own $file))))
    (import "name" (func $name (param "f" (borrow $file)) (result string)))
    (core module $libc (memory (export "memory") 1)
      (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 4096)))
    (core instance $libc (instantiate $libc))
    (core func $make (canon lower (func $make) (memory (core memory $libc "memory"))))
    (core func $name (canon lower (func $name) (memory (core memory $libc "memory")) (realloc (core func $libc "realloc"))))
    (core module $m
      (import "libc" "memory" (memory 1))
      (import "" "make" (func $make (param i32 i32) (result i32)))
      (import "" "name" (func $name (param i32 i32)))
      (data (i32.const 8) "start")
      (global $kept (mut i32) (i32.const 0))
      (func $start
        (global.set $kept (call $make (i32.const 8) (i32.const 5)))
        (call $name (global.get $kept) (i32.const 16)))
      (start $start)
      (func (export "run") (result i32)
        (call $name (global.get $kept) (i32.const 16))
        (i32.ne (i32.load (i32.const 16)) (i32.const 4096)))
      (func (export "get") (result i32) (i32.const 16)))
    (core instance $m (instantiate $m (with "libc" (instance $libc)) (with "" (instance
      (export "make" (func $make)) (export "name" (func $name))))))
    (func (export "run") (result u32) (canon lift (core func $m "run")))
    (func (export "get") (result string) (canon lift (core func $m "get") (memory (core memory $libc "memory")))))
  (instance $c (instantiate $c (with "open" (type $file)) (with "make" (func $make)) (with "name" (func $name))))
  (export "run" (func $c "run"))
  (export "get" (func $c "get")))

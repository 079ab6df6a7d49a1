;; The pointer that the callee returns is misaligned.
;; expect run => trap
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
      (data (i32.const 512) "\78\00\f6\00\04\d8\00\dc")
      (data (i32.const 640) "\07???\00\02\00\00\04\00\00\00\00\00\00\00\ff\ff")
      (func (export "f") (result i32) (i32.const 642)))
    (core instance $m (instantiate $m))
    (func (export "f") (result (tuple u8 string u16))
      (canon lift (core func $m "f") string-encoding=utf16 (memory (core memory $m "memory")) (realloc (core func $m "realloc")))))
  (component $caller
    (import "callee" (instance $callee
      (export "f" (func (result (tuple u8 string u16))))))
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
      (import "" "f" (func $f (param i32)))
      (func (export "run") (result i64) (call $f (i32.const 16)) (i64.const 0)))
    (core instance $main (instantiate $main (with "libc" (instance $libc))
      (with "" (instance (export "f" (func $f))))))
    (func (export "run") (result u64) (canon lift (core func $main "run")
      (memory (core memory $libc "memory")))))
  (instance $callee (instantiate $callee))
  (instance $caller (instantiate $caller (with "callee" (instance $callee))))
  (export "run" (func $caller "run")))

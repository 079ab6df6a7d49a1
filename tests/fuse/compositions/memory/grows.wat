;; Every request grows the memory; bounds are those of the memory as it is then.
;; expect run => 3688707598334764724
(component
  (component $callee
    (core module $m
      (memory (export "memory") 1)
      (func (export "realloc") (param i32 i32 i32 i32) (result i32)
        ;; Every answer is at the start of a new page.
        (i32.shl (memory.grow (i32.const 1)) (i32.const 16)))
      (global $hash (mut i64) (i64.const 0))
      (func $fold (param $x i32)
        (global.set $hash (i64.mul (i64.const 0x100000001b3) (i64.xor
          (i64.rotl (global.get $hash) (i64.const 5)) (i64.extend_i32_u (local.get $x))))))
      (func $bytes (param $at i32) (param $length i32)
        (local.set $length (i32.add (local.get $at) (local.get $length)))
        (block $done (loop $more
          (br_if $done (i32.eq (local.get $at) (local.get $length)))
          (call $fold (i32.load8_u (local.get $at)))
          (local.set $at (i32.add (local.get $at) (i32.const 1)))
          (br $more))))
      (func (export "f") (param i32 i32 i32 i32) (result i64)
        (call $bytes (local.get 0) (local.get 1)) (call $bytes (local.get 2) (local.get 3))
        (global.get $hash)))
    (core instance $m (instantiate $m))
    (func (export "f") (param "a" string) (param "b" (list u8)) (result u64)
      (canon lift (core func $m "f") string-encoding=utf8 (memory (core memory $m "memory")) (realloc (core func $m "realloc")))))
  (component $caller
    (import "callee" (instance $callee
      (export "f" (func (param "a" string) (param "b" (list u8)) (result u64)))))
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
      (import "" "f" (func $f (param i32 i32 i32 i32) (result i64)))
      (data (i32.const 64) "\01\02\03\04\05\06")
      (func (export "run") (result i64)
        (call $f (i32.const 64) (i32.const 3) (i32.const 67) (i32.const 3))))
    (core instance $main (instantiate $main (with "libc" (instance $libc))
      (with "" (instance (export "f" (func $f))))))
    (func (export "run") (result u64) (canon lift (core func $main "run")
      (memory (core memory $libc "memory")))))
  (instance $callee (instantiate $callee))
  (instance $caller (instantiate $caller (with "callee" (instance $callee))))
  (export "run" (func $caller "run")))

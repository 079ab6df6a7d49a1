;; option<list<string>>, UTF-8 to UTF-16.
;; expect some => 4505953646567863693
;; expect none => 0
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
      (func $list (param $at i32) (param $length i32)
        (call $fold (local.get $length))
        (block $done (loop $more
          (br_if $done (i32.eqz (local.get $length)))
          (call $fold (i32.load offset=4 (local.get $at)))
          (call $bytes (i32.load (local.get $at))
            (i32.shl (i32.load offset=4 (local.get $at)) (i32.const 1)))
          (local.set $at (i32.add (local.get $at) (i32.const 8)))
          (local.set $length (i32.sub (local.get $length) (i32.const 1)))
          (br $more))))
      (func (export "f") (param i32 i32 i32) (result i64)
        (call $fold (local.get 0))
        (if (local.get 0) (then (call $list (local.get 1) (local.get 2))))
        (global.get $hash)))
    (core instance $m (instantiate $m))
    (func (export "f") (param "x" (option (list string))) (result u64)
      (canon lift (core func $m "f") string-encoding=utf16 (memory (core memory $m "memory")) (realloc (core func $m "realloc")))))
  (component $caller
    (import "callee" (instance $callee
      (export "f" (func (param "x" (option (list string))) (result u64)))))
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
      (import "" "f" (func $f (param i32 i32 i32) (result i64)))
      (data (i32.const 512) "gr\c3\b6\c3\9fe")
      (data (i32.const 528) "\f0\9d\92\b3!")
      ;; A list of the two strings.
      (data (i32.const 560) "\00\02\00\00\07\00\00\00\10\02\00\00\05\00\00\00")
      (func (export "some") (result i64) (call $f (i32.const 1) (i32.const 560) (i32.const 2)))
      ;; What the slots of an absent payload hold is never read.
      (func (export "none") (result i64) (call $f (i32.const 0) (i32.const -1) (i32.const -1))))
    (core instance $main (instantiate $main (with "libc" (instance $libc))
      (with "" (instance (export "f" (func $f))))))
    (func (export "some") (result u64) (canon lift (core func $main "some")
      (memory (core memory $libc "memory"))))
    (func (export "none") (result u64) (canon lift (core func $main "none")
      (memory (core memory $libc "memory")))))
  (instance $callee (instantiate $callee))
  (instance $caller (instantiate $caller (with "callee" (instance $callee))))
  (export "some" (func $caller "some"))
  (export "none" (func $caller "none")))

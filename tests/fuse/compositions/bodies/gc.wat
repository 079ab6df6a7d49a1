;; The callee allocates a struct and an array, and casts.
;; expect run => 42
(component
  (component $callee
    (core module $m
      (rec (type $node (sub (struct (field $value i32) (field $next (ref null $node))))))
      (type $wide (sub $node (struct (field $value i32) (field $next (ref null $node)) (field $extra i32))))
      (type $array (array (mut i32)))
      (func (export "f") (param i32) (result i32) (local $a (ref $array)) (local $n (ref $node))
        (local.set $a (array.new $array (local.get 0) (i32.const 6)))
        (local.set $n (struct.new $wide (array.get $array (local.get $a) (i32.const 3))
          (ref.null $node) (i32.const 36)))
        (i32.add (struct.get $node $value (local.get $n))
          (struct.get $wide $extra (ref.cast (ref $wide) (local.get $n))))))
    (core instance $m (instantiate $m))
    (func (export "f") (param "x" u32) (result u32)
      (canon lift (core func $m "f") )))
  (component $caller
    (import "callee" (instance $callee
      (export "f" (func (param "x" u32) (result u32)))))
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
      (import "" "f" (func $f (param i32) (result i32)))
      (func (export "run") (result i32) (call $f (i32.const 6))))
    (core instance $main (instantiate $main (with "libc" (instance $libc))
      (with "" (instance (export "f" (func $f))))))
    (func (export "run") (result u32) (canon lift (core func $main "run")
      (memory (core memory $libc "memory")))))
  (instance $callee (instantiate $callee))
  (instance $caller (instantiate $caller (with "callee" (instance $callee))))
  (export "run" (func $caller "run")))

;; While `realloc` runs, an instance may neither make nor drop a resource; it may ask for a
;; representation.
;; expect nothing => 2
;; expect new => trap
;; expect rep => 72
;; expect drops => trap
(component
  (component $Leaf
    (core module $Dtor (func (export "dtor") (param i32)))
    (core instance $dtor (instantiate $Dtor))
    (type $r (resource (rep i32) (dtor (core func $dtor "dtor"))))
    (core func $new (canon resource.new $r))
    (core func $rep (canon resource.rep $r))
    (core func $drop (canon resource.drop $r))
    (core module $M
      (import "" "new" (func $new (param i32) (result i32)))
      (import "" "rep" (func $rep (param i32) (result i32)))
      (import "" "drop" (func $drop (param i32)))
      (memory (export "memory") 1)
      (global $mode (mut i32) (i32.const 0))
      (global $saw (mut i32) (i32.const 0))
      (func (export "realloc") (param i32 i32 i32 i32) (result i32)
        (if (i32.eq (global.get $mode) (i32.const 1)) (then
          (global.set $saw (call $new (i32.const 5)))))
        (if (i32.eq (global.get $mode) (i32.const 2)) (then
          (global.set $saw (call $rep (i32.const 1)))))
        (if (i32.eq (global.get $mode) (i32.const 3)) (then
          (call $drop (i32.const 1))))
        (i32.const 64))
      (func (export "set") (param i32)
        (drop (call $new (i32.const 7)))
        (global.set $mode (local.get 0)))
      (func (export "send") (param i32 i32) (result i32)
        (i32.add (i32.mul (global.get $saw) (i32.const 10)) (call $new (i32.const 5))))
      (func (export "make") (result i32) (call $new (i32.const 8))))
    (core instance $m (instantiate $M (with "" (instance
      (export "new" (func $new)) (export "rep" (func $rep)) (export "drop" (func $drop))))))
    (export $r-out "r" (type $r))
    (func (export "set") (param "mode" u32) (canon lift (core func $m "set")))
    (func (export "make") (result (own $r-out)) (canon lift (core func $m "make")))
    (func (export "send") (param "x" string) (result u32)
      (canon lift (core func $m "send") (memory (core memory $m "memory")) (realloc (core func $m "realloc")))))
  (component $User
    (import "leaf" (instance $leaf
      (export "r" (type $r (sub resource)))
      (export "set" (func (param "mode" u32)))
      (export "send" (func (param "x" string) (result u32)))
      (export "make" (func (result (own $r))))))
    (core module $Libc
      (memory (export "memory") 1)
      (global $next (mut i32) (i32.const 4096))
      (func (export "realloc") (param i32 i32 i32 i32) (result i32)
        (local $at i32)
        (local.set $at (i32.and (i32.add (global.get $next) (i32.const 7)) (i32.const -8)))
        (global.set $next (i32.add (local.get $at) (local.get 3)))
        (local.get $at)))
    (core instance $libc (instantiate $Libc))
    (alias export $leaf "r" (type $r))
    (core func $drop (canon resource.drop $r))
    (core func $set (canon lower (func $leaf "set")))
    (core func $send (canon lower (func $leaf "send")
      (memory (core memory $libc "memory")) (realloc (core func $libc "realloc"))))
    (core func $make (canon lower (func $leaf "make")))
    (core module $M
      (import "" "drop" (func $drop (param i32)))
      (import "" "set" (func $set (param i32)))
      (import "" "send" (func $send (param i32 i32) (result i32)))
      (import "" "make" (func $make (result i32)))
      (import "libc" "memory" (memory 1))
      (func (export "nothing") (result i32)
        (call $set (i32.const 0))
        (call $send (i32.const 16) (i32.const 4)))
      (func (export "new") (result i32)
        (call $set (i32.const 1))
        (call $send (i32.const 16) (i32.const 4)))
      (func (export "rep") (result i32)
        (call $set (i32.const 2))
        (call $send (i32.const 16) (i32.const 4)))
      (func (export "drops") (result i32)
        (call $set (i32.const 3))
        (call $send (i32.const 16) (i32.const 4))))
    (core instance $m (instantiate $M (with "libc" (instance $libc)) (with "" (instance
      (export "drop" (func $drop)) (export "set" (func $set)) (export "send" (func $send))
      (export "make" (func $make))))))
    (func (export "nothing") (result u32) (canon lift (core func $m "nothing")))
    (func (export "new") (result u32) (canon lift (core func $m "new")))
    (func (export "rep") (result u32) (canon lift (core func $m "rep")))
    (func (export "drops") (result u32) (canon lift (core func $m "drops"))))
  (instance $leaf (instantiate $Leaf))
  (instance $user (instantiate $User (with "leaf" (instance $leaf))))
  (export "nothing" (func $user "nothing"))
  (export "new" (func $user "new"))
  (export "rep" (func $user "rep"))
  (export "drops" (func $user "drops")))

;; A parent drops what its child implements. Results are how often the destructor has run.
;; expect dropped-by-the-parent => 1
;; expect kept-by-the-parent => 0
;; expect dropped-by-the-user => 1
(component
  (component $Parent
    (component $Child
      (core module $Dtor
        (global $drops (export "drops") (mut i32) (i32.const 0))
        (func (export "dtor") (param i32)
          (global.set $drops (i32.add (global.get $drops) (i32.const 1)))))
      (core instance $dtor (instantiate $Dtor))
      (type $r (resource (rep i32) (dtor (core func $dtor "dtor"))))
      (core func $new (canon resource.new $r))
      (core module $M
        (import "" "new" (func $new (param i32) (result i32)))
        (import "" "drops" (global $drops (mut i32)))
        (func (export "make") (param i32) (result i32) (call $new (local.get 0)))
        (func (export "drops") (result i32) (global.get $drops)))
      (core instance $m (instantiate $M (with "" (instance
        (export "new" (func $new)) (export "drops" (global $dtor "drops"))))))
      (export $r-out "r" (type $r))
      (func (export "make") (param "rep" u32) (result (own $r-out)) (canon lift (core func $m "make")))
      (func (export "drops") (result u32) (canon lift (core func $m "drops"))))
    (instance $child (instantiate $Child))
    (alias export $child "r" (type $r))
    (core func $drop (canon resource.drop $r))
    (core module $M
      (import "" "drop" (func $drop (param i32)))
      (func (export "end") (param i32) (result i32) (call $drop (local.get 0)) (i32.const 1))
      (func (export "keep") (param i32) (result i32) (local.get 0)))
    (core instance $m (instantiate $M (with "" (instance (export "drop" (func $drop))))))
    (export $r-out "r" (type $r))
    (export "make" (func $child "make") (func (param "rep" u32) (result (own $r-out))))
    (export "drops" (func $child "drops"))
    (func (export "end") (param "x" (own $r-out)) (result u32) (canon lift (core func $m "end")))
    (func (export "keep") (param "x" (own $r-out)) (result u32) (canon lift (core func $m "keep"))))
  (component $User
    (import "leaf" (instance $leaf
      (export "r" (type $r (sub resource)))
      (export "make" (func (param "rep" u32) (result (own $r))))
      (export "end" (func (param "x" (own $r)) (result u32)))
      (export "keep" (func (param "x" (own $r)) (result u32)))
      (export "drops" (func (result u32)))))
    (alias export $leaf "r" (type $r))
    (core func $drop (canon resource.drop $r))
    (core func $make (canon lower (func $leaf "make")))
    (core func $end (canon lower (func $leaf "end")))
    (core func $keep (canon lower (func $leaf "keep")))
    (core func $drops (canon lower (func $leaf "drops")))
    (core module $M
      (import "" "drop" (func $drop (param i32)))
      (import "" "make" (func $make (param i32) (result i32)))
      (import "" "end" (func $end (param i32) (result i32)))
      (import "" "keep" (func $keep (param i32) (result i32)))
      (import "" "drops" (func $drops (result i32)))
      (func (export "dropped-by-the-parent") (result i32)
        (drop (call $end (call $make (i32.const 7))))
        (call $drops))
      (func (export "kept-by-the-parent") (result i32)
        (drop (call $keep (call $make (i32.const 7))))
        (call $drops))
      (func (export "dropped-by-the-user") (result i32)
        (call $drop (call $make (i32.const 7)))
        (call $drops)))
    (core instance $m (instantiate $M (with "" (instance
      (export "drop" (func $drop)) (export "make" (func $make)) (export "end" (func $end))
      (export "keep" (func $keep)) (export "drops" (func $drops))))))
    (func (export "dropped-by-the-parent") (result u32)
      (canon lift (core func $m "dropped-by-the-parent")))
    (func (export "kept-by-the-parent") (result u32) (canon lift (core func $m "kept-by-the-parent")))
    (func (export "dropped-by-the-user") (result u32)
      (canon lift (core func $m "dropped-by-the-user"))))
  (instance $leaf (instantiate $Parent))
  (instance $user (instantiate $User (with "leaf" (instance $leaf))))
  (export "dropped-by-the-parent" (func $user "dropped-by-the-parent"))
  (export "kept-by-the-parent" (func $user "kept-by-the-parent"))
  (export "dropped-by-the-user" (func $user "dropped-by-the-user")))

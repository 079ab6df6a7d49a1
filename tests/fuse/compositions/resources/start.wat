;; Handles that a start function makes and drops are in the table when the exports run.
;; expect kept => 72
;; expect counted => 2
(component
  (component $Leaf
    (core module $Dtor
      (global $drops (export "drops") (mut i32) (i32.const 0))
      (func (export "dtor") (param i32)
        (global.set $drops (i32.add (global.get $drops) (i32.const 1)))))
    (core instance $dtor (instantiate $Dtor))
    (type $r (resource (rep i32) (dtor (core func $dtor "dtor"))))
    (core func $new (canon resource.new $r))
    (core func $rep (canon resource.rep $r))
    (core func $drop (canon resource.drop $r))
    (core module $M
      (import "" "new" (func $new (param i32) (result i32)))
      (import "" "rep" (func $rep (param i32) (result i32)))
      (import "" "drop" (func $drop (param i32)))
      (import "" "drops" (global $drops (mut i32)))
      (func (export "make") (param i32) (result i32) (call $new (local.get 0)))
      (func (export "get") (param i32) (result i32) (local.get 0))
      (func (export "drops") (result i32) (global.get $drops)))
    (core instance $m (instantiate $M (with "" (instance
      (export "new" (func $new)) (export "rep" (func $rep)) (export "drop" (func $drop))
      (export "drops" (global $dtor "drops"))))))
    (export $r-out "r" (type $r))
    (func (export "make") (param "rep" u32) (result (own $r-out)) (canon lift (core func $m "make")))
    (func (export "get") (param "x" (borrow $r-out)) (result u32) (canon lift (core func $m "get")))
    (func (export "drops") (result u32) (canon lift (core func $m "drops"))))
  (component $User
    (import "leaf" (instance $leaf
      (export "r" (type $r (sub resource)))
      (export "make" (func (param "rep" u32) (result (own $r))))
      (export "get" (func (param "x" (borrow $r)) (result u32)))
      (export "drops" (func (result u32)))))
    (alias export $leaf "r" (type $r))
    (core func $drop (canon resource.drop $r))
    (core func $make (canon lower (func $leaf "make")))
    (core func $get (canon lower (func $leaf "get")))
    (core func $drops (canon lower (func $leaf "drops")))
    (core module $M
      (import "" "drop" (func $drop (param i32)))
      (import "" "make" (func $make (param i32) (result i32)))
      (import "" "get" (func $get (param i32) (result i32)))
      (import "" "drops" (func $drops (result i32)))
      (global $kept (mut i32) (i32.const 0))
      (func $start
        (call $drop (call $make (i32.const 5)))
        (drop (call $make (i32.const 6)))
        (global.set $kept (call $make (i32.const 7))))
      (start $start)
      (func (export "kept") (result i32)
        (i32.add (i32.mul (call $get (global.get $kept)) (i32.const 10)) (global.get $kept)))
      (func (export "counted") (result i32)
        (call $drop (global.get $kept))
        (call $drops)))
    (core instance $m (instantiate $M (with "" (instance
      (export "drop" (func $drop)) (export "make" (func $make)) (export "get" (func $get))
      (export "drops" (func $drops))))))
    (func (export "kept") (result u32) (canon lift (core func $m "kept")))
    (func (export "counted") (result u32) (canon lift (core func $m "counted"))))
  (instance $leaf (instantiate $Leaf))
  (instance $user (instantiate $User (with "leaf" (instance $leaf))))
  (export "kept" (func $user "kept"))
  (export "counted" (func $user "counted")))

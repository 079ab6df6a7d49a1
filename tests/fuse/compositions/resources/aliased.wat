;; One resource under two interfaces and two names, as `use` makes them.
;; expect got => 7
;; expect taken => 7
;; expect dropped-as-the-alias => 11
(component
  (component $Leaf
    (type $r (resource (rep i32)))
    (core func $new (canon resource.new $r))
    (core func $rep (canon resource.rep $r))
    (core module $M
      (import "" "new" (func $new (param i32) (result i32)))
      (import "" "rep" (func $rep (param i32) (result i32)))
      (func (export "make") (param i32) (result i32) (call $new (local.get 0)))
      (func (export "get") (param i32) (result i32) (local.get 0))
      (func (export "take") (param i32) (result i32) (call $rep (local.get 0))))
    (core instance $m (instantiate $M (with "" (instance
      (export "new" (func $new)) (export "rep" (func $rep))))))
    (component $Types
      (import "r" (type $r (sub resource)))
      (import "make" (func $make (param "rep" u32) (result (own $r))))
      (export $r-out "r" (type $r))
      (export "make" (func $make) (func (param "rep" u32) (result (own $r-out)))))
    (func $make (param "rep" u32) (result (own $r)) (canon lift (core func $m "make")))
    (instance $types (instantiate $Types (with "r" (type $r)) (with "make" (func $make))))
    (export $types-out "types" (instance $types))
    (alias export $types-out "r" (type $r-out))
    (component $Uses
      (import "r" (type $r (sub resource)))
      (import "get" (func $get (param "x" (borrow $r)) (result u32)))
      (import "take" (func $take (param "x" (own $r)) (result u32)))
      (export $alias "alias" (type $r))
      (export "get" (func $get) (func (param "x" (borrow $alias)) (result u32)))
      (export "take" (func $take) (func (param "x" (own $alias)) (result u32))))
    (func $get (param "x" (borrow $r)) (result u32) (canon lift (core func $m "get")))
    (func $take (param "x" (own $r)) (result u32) (canon lift (core func $m "take")))
    (instance $uses (instantiate $Uses
      (with "r" (type $r)) (with "get" (func $get)) (with "take" (func $take))))
    (export "uses" (instance $uses)
      (instance
        (export "alias" (type $a (eq $r-out)))
        (export "get" (func (param "x" (borrow $a)) (result u32)))
        (export "take" (func (param "x" (own $a)) (result u32))))))
  (component $User
    (import "types" (instance $types
      (export "r" (type $r (sub resource)))
      (export "make" (func (param "rep" u32) (result (own $r))))))
    (alias export $types "r" (type $r))
    (import "uses" (instance $uses
      (alias outer 1 $r (type $r))
      (export "alias" (type $a (eq $r)))
      (export "get" (func (param "x" (borrow $a)) (result u32)))
      (export "take" (func (param "x" (own $a)) (result u32)))))
    (alias export $uses "alias" (type $a))
    (core func $drop-alias (canon resource.drop $a))
    (core func $make (canon lower (func $types "make")))
    (core func $get (canon lower (func $uses "get")))
    (core func $take (canon lower (func $uses "take")))
    (core module $M
      (import "" "drop-alias" (func $drop-alias (param i32)))
      (import "" "make" (func $make (param i32) (result i32)))
      (import "" "get" (func $get (param i32) (result i32)))
      (import "" "take" (func $take (param i32) (result i32)))
      (func (export "got") (result i32) (call $get (call $make (i32.const 7))))
      (func (export "taken") (result i32) (call $take (call $make (i32.const 7))))
      (func (export "dropped-as-the-alias") (result i32)
        (call $drop-alias (call $make (i32.const 7)))
        (i32.add (i32.const 10) (call $make (i32.const 8)))))
    (core instance $m (instantiate $M (with "" (instance
      (export "drop-alias" (func $drop-alias)) (export "make" (func $make))
      (export "get" (func $get)) (export "take" (func $take))))))
    (func (export "got") (result u32) (canon lift (core func $m "got")))
    (func (export "taken") (result u32) (canon lift (core func $m "taken")))
    (func (export "dropped-as-the-alias") (result u32)
      (canon lift (core func $m "dropped-as-the-alias"))))
  (instance $leaf (instantiate $Leaf))
  (instance $user (instantiate $User
    (with "types" (instance $leaf "types")) (with "uses" (instance $leaf "uses"))))
  (export "got" (func $user "got"))
  (export "taken" (func $user "taken"))
  (export "dropped-as-the-alias" (func $user "dropped-as-the-alias")))

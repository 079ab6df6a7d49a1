;; A guest's resource is exported under two names and in two interfaces, and a component that is
;; instantiated twice defines two.
;; expect nobody => trap
(component
  (component $c
    (type $t (resource (rep i32)))
    (core func $new (canon resource.new $t))
    (core func $rep (canon resource.rep $t))
    (core module $m
      (import "" "rep" (func $rep (param i32) (result i32)))
      (import "" "new" (func $new (param i32) (result i32)))
      (func (export "nobody") (result i32) (call $rep (i32.const 1)))
      (func (export "make") (param i32) (result i32) (call $new (local.get 0)))
      (func (export "look") (param i32) (result i32) (local.get 0))
      (func (export "stays") (param i32) (result i32) (call $rep (local.get 0))))
    (core instance $m (instantiate $m (with "" (instance (export "rep" (func $rep)) (export "new" (func $new))))))
    (export $u "thing" (type $t))
    (func (export "nobody") (result u32) (canon lift (core func $m "nobody")))
    (func (export "make") (param "n" u32) (result (own $u)) (canon lift (core func $m "make")))
    (func (export "look") (param "t" (borrow $u)) (result u32) (canon lift (core func $m "look")))
    (func (export "stays") (param "t" (own $u)) (result u32) (canon lift (core func $m "stays"))))
  (instance $a (instantiate $c))
  (instance $b (instantiate $c))
  (export $x "x" (instance $a))
  (export "y" (instance $b))
  (alias export $x "thing" (type $t))
  (export "same" (type $t))
  (instance $again (export "other" (type $t)) (export "look" (func $x "look")))
  (export "z" (instance $again))
  (export "nobody" (func $x "nobody")))

;; One instance uses a handle that only another has.
;; expect a => 1
;; expect b => trap
(component
  (import "i" (instance $i (export "r" (type $r (sub resource))) (export "make" (func (result (own $r)))) (export "use" (func (param "x" (borrow $r)) (result u32)))))
  (component $A
    (import "i" (instance $i (export "r" (type $r (sub resource))) (export "make" (func (result (own $r)))) (export "use" (func (param "x" (borrow $r)) (result u32)))))
    (alias export $i "make" (func $make)) (core func $make (canon lower (func $make)))
    (alias export $i "use" (func $use)) (core func $use (canon lower (func $use)))
    (core module $m (import "" "make" (func $make (result i32))) (import "" "use" (func $use (param i32) (result i32))) (func (export "f") (result i32) (call $make)) (func (export "u") (result i32) (call $use (i32.const 1))))
    (core instance $m (instantiate $m (with "" (instance (export "make" (func $make)) (export "use" (func $use))))))
    (func (export "f") (result u32) (canon lift (core func $m "f"))) (func (export "u") (result u32) (canon lift (core func $m "u"))))
  (instance $a (instantiate $A (with "i" (instance $i))))
  (instance $b (instantiate $A (with "i" (instance $i))))
  (export "a" (func $a "f"))
  (export "b" (func $b "u")))

;; Two instances call the host for resources, and each counts handles from 1 on.
;; expect a => 1
;; expect b => 1
(component
  (import "i" (instance $i (export "r" (type $r (sub resource))) (export "make" (func (result (own $r)))) (export "use" (func (param "x" (borrow $r)) (result u32)))))
  (component $A
    (import "i" (instance $i (export "r" (type $r (sub resource))) (export "make" (func (result (own $r)))) (export "use" (func (param "x" (borrow $r)) (result u32)))))
    (alias export $i "make" (func $make)) (core func $make (canon lower (func $make)))
    (core module $m (import "" "make" (func $make (result i32))) (func (export "f") (result i32) (call $make)))
    (core instance $m (instantiate $m (with "" (instance (export "make" (func $make))))))
    (func (export "f") (result u32) (canon lift (core func $m "f"))))
  (instance $a (instantiate $A (with "i" (instance $i))))
  (instance $b (instantiate $A (with "i" (instance $i))))
  (export "a" (func $a "f"))
  (export "b" (func $b "f")))

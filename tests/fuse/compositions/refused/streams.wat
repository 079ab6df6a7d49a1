;; Two instances lift functions that take streams: each has a table of handles of its own.
(component (type $s (stream u8))
  (component $A (type $s (stream u8)) (core module $m (func (export "f") (param i32) (result i32) (local.get 0))) (core instance $m (instantiate $m)) (func (export "f") (param "x" $s) (result u32) (canon lift (core func $m "f"))))
  (instance $a (instantiate $A)) (instance $b (instantiate $A)) (export "a" (func $a "f")) (export "b" (func $b "f")))

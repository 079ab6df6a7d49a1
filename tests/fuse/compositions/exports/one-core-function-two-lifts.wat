;; One core function lifted twice with different types.
;; expect run => 255
;; expect signed => -1
(component
  (component $child
    (core module $m (func (export "f") (result i32) (i32.const -1)))
    (core instance $m (instantiate $m))
    (func (export "run") (result u8) (canon lift (core func $m "f")))
    (func (export "signed") (result s8) (canon lift (core func $m "f"))))
  (instance $child (instantiate $child))
  (export "run" (func $child "run"))
  (export "signed" (func $child "signed")))

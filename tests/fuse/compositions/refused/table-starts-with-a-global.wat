;; A table starts with the value of a global of another module: in one module tables come first.
;; expect run => 1
(component
  (core module $A
    (type $s (struct (field i32)))
    (global (export "x") (ref $s) (struct.new $s (i32.const 1))))
  (core module $B
    (type $s (struct (field i32)))
    (import "a" "x" (global $x (ref $s)))
    (table $t 3 (ref null $s) (global.get $x))
    (func (export "run") (result i32)
      (struct.get $s 0 (table.get $t (i32.const 1)))))
  (core instance $a (instantiate $A))
  (core instance $b (instantiate $B (with "a" (instance $a))))
  (func (export "run") (result u32) (canon lift (core func $b "run"))))

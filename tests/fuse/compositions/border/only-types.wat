;; Resource types of the host without a function: one alone, one in an instance, which another
;; instance uses; both are exported again.
;; expect nobody => trap
(component
  (import "bare" (type $bare (sub resource)))
  (import "t:t/types" (instance $types (export "file" (type (sub resource)))))
  (alias export $types "file" (type $file))
  (import "t:t/files" (instance $files
    (alias outer 1 $file (type $f))
    (export "file" (type $g (eq $f)))
    (export "open" (func (result (own $g))))
    (export "size" (func (param "f" (borrow $g)) (result u32)))))
  (component $c
    (import "bare" (type $bare (sub resource)))
    (import "file" (type $file (sub resource)))
    (import "open" (func $open (result (own $file))))
    (core func $open (canon lower (func $open)))
    (core func $drop-bare (canon resource.drop $bare))
    (core func $drop (canon resource.drop $file))
    (core module $m
      (import "" "drop-bare" (func $drop-bare (param i32)))
      (import "" "drop" (func $drop (param i32)))
      (import "" "open" (func $open (result i32)))
      (func (export "swap") (param i32) (result i32)
        (call $drop-bare (local.get 0))
        (call $open))
      (func (export "nobody") (call $drop (i32.const 1)))
      (func (export "eat") (param i32) (call $drop (local.get 0))))
    (core instance $m (instantiate $m (with "" (instance
      (export "drop-bare" (func $drop-bare)) (export "drop" (func $drop)) (export "open" (func $open))))))
    (func (export "swap") (param "b" (own $bare)) (result (own $file)) (canon lift (core func $m "swap")))
    (func (export "nobody") (canon lift (core func $m "nobody")))
    (func (export "eat") (param "f" (own $file)) (canon lift (core func $m "eat"))))
  (instance $c (instantiate $c (with "bare" (type $bare)) (with "file" (type $file)) (with "open" (func $files "open"))))
  (export "swap" (func $c "swap"))
  (export "eat" (func $c "eat"))
  (export "nobody" (func $c "nobody"))
  (export "again" (type $bare))
  (export "file" (type $file)))

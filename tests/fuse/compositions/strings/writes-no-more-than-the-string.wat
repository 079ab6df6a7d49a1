;; A string that grows fewer than its worst case: what is behind it in the block that was asked for
;; stays as it was.
;; expect after => 0
(component
  (component $P
    (core module $m (memory (export "m") 1) (data (i32.const 100) "abc\e4\b8\b6\e4\b8\b6") (func (export "f") (result i32) (i32.store (i32.const 8) (i32.const 100)) (i32.store (i32.const 12) (i32.const 9)) (i32.const 8)))
    (core instance $i (instantiate $m))
    (func (export "f") (result string) (canon lift (core func $i "f") (memory (core memory $i "m")))))
  (component $C
    (import "f" (func $f (result string)))
    (core module $mm (memory (export "m") 1)
      (func (export "r") (param i32 i32 i32 i32) (result i32) (i32.const 1024)))
    (core instance $mm (instantiate $mm))
    (core func $l (canon lower (func $f) (memory (core memory $mm "m")) (realloc (core func $mm "r")) string-encoding=utf16))
    (core module $m (import "" "m" (memory 1)) (import "" "f" (func $f (param i32)))
      (func (export "g") (result i64) (call $f (i32.const 16)) (i64.load (i32.const 1034))))
    (core instance $i (instantiate $m (with "" (instance (export "m" (memory $mm "m")) (export "f" (func $l))))))
    (func (export "after") (result u64) (canon lift (core func $i "g"))))
  (instance $p (instantiate $P))
  (instance $c (instantiate $C (with "f" (func $p "f"))))
  (export "after" (func $c "after")))

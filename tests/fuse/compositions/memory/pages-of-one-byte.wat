;; Memories whose pages are one byte: bounds are exact, those of strings and lists that are passed
;; and those of what realloc returns.
;; expect fits => 4
;; expect past-the-end => trap
;; expect empty-at-the-end => 0
;; expect empty-past-the-end => trap
;; expect list-fits => 2
;; expect list-past-the-end => trap
;; expect spilled-fits => 9
;; expect spilled-past-the-end => trap
;; expect no-room => trap
(component
  (component $callee
    (core module $m
      (memory (export "memory") 105 (pagesize 1))
      ;; Room for 17 bytes, and no more.
      (func (export "realloc") (param i32 i32 i32 i32) (result i32)
        (select (i32.const 88) (i32.const 96) (i32.gt_u (local.get 3) (i32.const 8))))
      (func (export "length") (param i32 i32) (result i32) (local.get 1))
      (func (export "spilled") (param i32) (result i32) (i32.load8_u (local.get 0))))
    (core instance $m (instantiate $m))
    (func (export "text") (param "a" string) (result u32)
      (canon lift (core func $m "length") (memory (core memory $m "memory")) (realloc (core func $m "realloc"))))
    (func (export "list") (param "a" (list u16)) (result u32)
      (canon lift (core func $m "length") (memory (core memory $m "memory")) (realloc (core func $m "realloc"))))
    (type $wide (tuple u8 u8 u8 u8 u8 u8 u8 u8 bool u8 u8 u8))
    (func (export "spilled") (param "a" $wide) (param "b" u8) (param "c" u8) (param "d" u8) (param "e" u8) (param "f" u8)
      (result u32)
      (canon lift (core func $m "spilled") (memory (core memory $m "memory")) (realloc (core func $m "realloc")))))
  (component $caller
    (type $wide (tuple u8 u8 u8 u8 u8 u8 u8 u8 bool u8 u8 u8))
    (import "callee" (instance $callee
      (alias outer $caller $wide (type $wide))
      (export "text" (func (param "a" string) (result u32)))
      (export "list" (func (param "a" (list u16)) (result u32)))
      (export "spilled" (func (param "a" $wide) (param "b" u8) (param "c" u8) (param "d" u8) (param "e" u8)
        (param "f" u8) (result u32)))))
    (core module $libc (memory (export "memory") 50 (pagesize 1)))
    (core instance $libc (instantiate $libc))
    (core func $text (canon lower (func $callee "text") (memory (core memory $libc "memory"))))
    (core func $list (canon lower (func $callee "list") (memory (core memory $libc "memory"))))
    (core func $spilled (canon lower (func $callee "spilled") (memory (core memory $libc "memory"))))
    (core module $main
      (import "libc" "memory" (memory 50 (pagesize 1)))
      (import "" "text" (func $text (param i32 i32) (result i32)))
      (import "" "list" (func $list (param i32 i32) (result i32)))
      (import "" "spilled" (func $spilled (param i32) (result i32)))
      (data (i32.const 32) "a\09aaaaaaaaaaaaaaaa")
      (func (export "fits") (result i32) (call $text (i32.const 46) (i32.const 4)))
      (func (export "past-the-end") (result i32) (call $text (i32.const 46) (i32.const 5)))
      (func (export "empty-at-the-end") (result i32) (call $text (i32.const 50) (i32.const 0)))
      (func (export "empty-past-the-end") (result i32) (call $text (i32.const 51) (i32.const 0)))
      (func (export "list-fits") (result i32) (call $list (i32.const 46) (i32.const 2)))
      (func (export "list-past-the-end") (result i32) (call $list (i32.const 46) (i32.const 3)))
      (func (export "spilled-fits") (result i32) (call $spilled (i32.const 33)))
      (func (export "spilled-past-the-end") (result i32) (call $spilled (i32.const 34)))
      ;; The callee has no room for 18 bytes.
      (func (export "no-room") (result i32) (call $text (i32.const 32) (i32.const 18))))
    (core instance $main (instantiate $main (with "libc" (instance $libc))
      (with "" (instance (export "text" (func $text)) (export "list" (func $list)) (export "spilled" (func $spilled))))))
    (func (export "fits") (result u32) (canon lift (core func $main "fits")))
    (func (export "past-the-end") (result u32) (canon lift (core func $main "past-the-end")))
    (func (export "empty-at-the-end") (result u32) (canon lift (core func $main "empty-at-the-end")))
    (func (export "empty-past-the-end") (result u32) (canon lift (core func $main "empty-past-the-end")))
    (func (export "list-fits") (result u32) (canon lift (core func $main "list-fits")))
    (func (export "list-past-the-end") (result u32) (canon lift (core func $main "list-past-the-end")))
    (func (export "spilled-fits") (result u32) (canon lift (core func $main "spilled-fits")))
    (func (export "spilled-past-the-end") (result u32) (canon lift (core func $main "spilled-past-the-end")))
    (func (export "no-room") (result u32) (canon lift (core func $main "no-room"))))
  (instance $callee (instantiate $callee))
  (instance $caller (instantiate $caller (with "callee" (instance $callee))))
  (export "fits" (func $caller "fits"))
  (export "past-the-end" (func $caller "past-the-end"))
  (export "empty-at-the-end" (func $caller "empty-at-the-end"))
  (export "empty-past-the-end" (func $caller "empty-past-the-end"))
  (export "list-fits" (func $caller "list-fits"))
  (export "list-past-the-end" (func $caller "list-past-the-end"))
  (export "spilled-fits" (func $caller "spilled-fits"))
  (export "spilled-past-the-end" (func $caller "spilled-past-the-end"))
  (export "no-room" (func $caller "no-room")))

;; A handle that goes from one instance to another by way of its representation.
(module
  (import "" "from" (func $from (param i32) (result i32)))
  (import "" "to" (func $to (param i32) (result i32)))

  (func $meld:move-handle (export "move") (param $handle i32) (result i32)
    (call $to (call $from (local.get $handle))))
)

;; Registers callbacks that a guest knows by their index in its table, as compilers make them. An index is
;; as wide as the table's.
(module
  (import "" "table" (table $table table.addr 0 funcref))
  (import "dispatcher" "register" (func $register (param i32 funcref i32) (result i32)))

  ;; As `register`; -2 if nothing is in the table there.
  (func $meld:dispatch-register-index (export "register-index")
    (param $event i32) (param $index table.addr) (param $context i32) (result i32)
    (if (table.addr.ge_u (local.get $index) (table.size $table)) (then (return (i32.const -2))))
    (call $register
      (local.get $event)
      (table.get $table (local.get $index))
      (local.get $context)))
)

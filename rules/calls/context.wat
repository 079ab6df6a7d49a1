;; The context of one component instance ("context.get" in the Canonical ABI): two slots, which
;; every call into the instance finds empty. Slots of 32 bits use the lower half.
(module
  (global $first (export "first") (mut i64) (i64.const 0))
  (global $second (export "second") (mut i64) (i64.const 0))
)

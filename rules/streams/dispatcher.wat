;; Callbacks of all instances, by the event that they are for. `docs/async-modules.md` has the layout.
(module
  (import "" "callbacks" (global $most i32))

  (type $callback (func (param i32 i32 i32)))

  ;; The callbacks; a registration keeps its slot, so that a handle is one slot's.
  (table $functions (export "functions") 1024 1024 funcref)
  ;;     0  u32 for each of 1024 slots: its generation, 21 bits, odd while the slot is taken
  ;;  4096  the registrations, oldest first: u64 number, u32 event, u32 context, u32 slot, u32 unused
  (memory $memory (export "memory") 1)
  ;; How many registrations there are.
  (global $registered (export "registered") (mut i32) (i32.const 0))
  ;; The number of the next one.
  (global $next (export "next") (mut i64) (i64.const 1))

  ;; Where the registration with this position stands.
  (func $entry (param $position i32) (result i32)
    (i32.add (i32.const 4096) (i32.mul (local.get $position) (i32.const 24))))

  ;; Registers a callback for an event: 21 bits of generation, 10 of its slot. It is called with the
  ;; event, what the event brings, and the context. -2 if it is null, -3 if there is no room.
  (func $meld:dispatch-register (export "register")
    (param $event i32) (param $function funcref) (param $context i32) (result i32)
    (local $slot i32) (local $generation i32) (local $entry i32)
    (if (ref.is_null (local.get $function)) (then (return (i32.const -2))))
    (loop $search
      (if (i32.ge_u (local.get $slot) (global.get $most)) (then (return (i32.const -3))))
      (local.set $generation (i32.load (i32.shl (local.get $slot) (i32.const 2))))
      (if (i32.and (local.get $generation) (i32.const 1))
        (then
          (local.set $slot (i32.add (local.get $slot) (i32.const 1)))
          (br $search))))
    (local.set $generation (i32.add (local.get $generation) (i32.const 1)))
    (i32.store (i32.shl (local.get $slot) (i32.const 2)) (local.get $generation))
    (table.set $functions (local.get $slot) (local.get $function))
    (local.set $entry (call $entry (global.get $registered)))
    (i64.store (local.get $entry) (global.get $next))
    (i32.store offset=8 (local.get $entry) (local.get $event))
    (i32.store offset=12 (local.get $entry) (local.get $context))
    (i32.store offset=16 (local.get $entry) (local.get $slot))
    (global.set $next (i64.add (global.get $next) (i64.const 1)))
    (global.set $registered (i32.add (global.get $registered) (i32.const 1)))
    (i32.or (i32.shl (local.get $generation) (i32.const 10)) (local.get $slot)))

  ;; Takes a registration back: 0, or -2 if there is none of this handle.
  (func $meld:dispatch-deregister (export "deregister") (param $handle i32) (result i32)
    (local $slot i32) (local $generation i32) (local $position i32)
    (local.set $slot (i32.and (local.get $handle) (i32.const 1023)))
    (local.set $generation (i32.shr_u (local.get $handle) (i32.const 10)))
    (if (i32.or
          (i32.eqz (i32.and (local.get $generation) (i32.const 1)))
          (i32.ne
            (i32.load (i32.shl (local.get $slot) (i32.const 2)))
            (local.get $generation)))
      (then (return (i32.const -2))))
    (i32.store
      (i32.shl (local.get $slot) (i32.const 2))
      (i32.and (i32.add (local.get $generation) (i32.const 1)) (i32.const 0x1fffff)))
    (table.set $functions (local.get $slot) (ref.null func))
    (loop $search
      (if (i32.ne (i32.load offset=16 (call $entry (local.get $position))) (local.get $slot))
        (then
          (local.set $position (i32.add (local.get $position) (i32.const 1)))
          (br $search))))
    (global.set $registered (i32.sub (global.get $registered) (i32.const 1)))
    (memory.copy
      (call $entry (local.get $position))
      (call $entry (i32.add (local.get $position) (i32.const 1)))
      (i32.mul (i32.sub (global.get $registered) (local.get $position)) (i32.const 24)))
    (i32.const 0))

  ;; Calls what is registered for an event, oldest first, and says how many were called. Callbacks may
  ;; register, deregister and dispatch: what is registered meanwhile is not called, and what is
  ;; deregistered before its turn is not, either.
  (func $meld:dispatch (export "dispatch") (param $event i32) (param $payload i32) (result i32)
    (local $limit i64) (local $last i64) (local $position i32) (local $entry i32)
    (local $called i32)
    (local.set $limit (global.get $next))
    (block $done
      (loop $next-one
        (br_if $done (i32.ge_u (local.get $position) (global.get $registered)))
        (local.set $entry (call $entry (local.get $position)))
        (br_if $done (i64.ge_u (i64.load (local.get $entry)) (local.get $limit)))
        (local.set $position (i32.add (local.get $position) (i32.const 1)))
        (br_if $next-one (i32.ne (i32.load offset=8 (local.get $entry)) (local.get $event)))
        (local.set $last (i64.load (local.get $entry)))
        (local.set $called (i32.add (local.get $called) (i32.const 1)))
        (call_indirect $functions (type $callback)
          (local.get $event)
          (local.get $payload)
          (i32.load offset=12 (local.get $entry))
          (i32.load offset=16 (local.get $entry)))
        ;; What was registered before may be gone, and the rest have moved down.
        (if (i32.gt_u (local.get $position) (global.get $registered))
          (then (local.set $position (global.get $registered))))
        (loop $back
          (if (local.get $position)
            (then
              (if (i64.gt_u
                    (i64.load
                      (call $entry (i32.sub (local.get $position) (i32.const 1))))
                    (local.get $last))
                (then
                  (local.set $position (i32.sub (local.get $position) (i32.const 1)))
                  (br $back))))))
        (br $next-one)))
    (local.get $called))
)

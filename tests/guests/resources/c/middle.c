// Keeps resources that it does not implement, for whoever gave them.

#include "guest.h"

#include <stdlib.h>

static bank_list_own_float_t vault;
static size_t room;

void bank_deposit(bank_own_float_t value) {
  if (vault.len == room) {
    room = 2 * room + 1;
    vault.ptr = realloc(vault.ptr, room * sizeof *vault.ptr);
    if (!vault.ptr) abort();
  }
  vault.ptr[vault.len++] = value;
}

void bank_withdraw(bank_option_own_float_t *ret) {
  ret->is_some = vault.len > 0;
  if (ret->is_some) ret->val = vault.ptr[--vault.len];
}

void bank_withdraw_all(bank_list_own_float_t *ret) {
  *ret = vault;
  vault = (bank_list_own_float_t){NULL, 0};
  room = 0;
}

void bank_exchange(bank_list_own_float_t *values, bank_list_own_float_t *ret) { *ret = *values; }

void bank_compare(bank_borrow_float_t value, guest_tuple2_f64_f64_t *ret) {
  ret->f0 = decimals_method_float_get(decimals_borrow_float(vault.ptr[0]));
  ret->f1 = decimals_method_float_get(value);
  // What one is lent one has to give back.
  decimals_float_drop_borrow(value);
}

uint32_t bank_held(void) { return vault.len; }

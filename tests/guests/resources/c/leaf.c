// Implements both resources, and imports nothing. Strings are UTF-16.

#include "guest.h"

#include <stdlib.h>
#include <string.h>

struct decimals_float_t { double value; };
struct fractions_float_t { int32_t over, under; };

static uint32_t live_decimals, live_fractions;
uint32_t decimals_live(void) { return live_decimals; }
uint32_t fractions_live(void) { return live_fractions; }

static void *allocate(size_t size) {
  void *at = malloc(size);
  if (!at) abort();
  return at;
}

static decimals_own_float_t decimal(double value) {
  decimals_float_t *new = allocate(sizeof *new);
  new->value = value;
  live_decimals++;
  return decimals_float_new(new);
}

static fractions_own_float_t fraction(int32_t over, int32_t under) {
  fractions_float_t *new = allocate(sizeof *new);
  new->over = over;
  new->under = under;
  live_fractions++;
  return fractions_float_new(new);
}

void decimals_float_destructor(decimals_float_t *rep) {
  live_decimals--;
  free(rep);
}

void fractions_float_destructor(fractions_float_t *rep) {
  live_fractions--;
  free(rep);
}

// The value of one that is used up.
static double spend(decimals_own_float_t own) {
  double value = decimals_float_rep(own)->value;
  decimals_float_drop_own(own);
  return value;
}

// Digits with at most one point, after at most one sign.
static bool read(const guest_string_t *text, double *value) {
  size_t at = 0, digits = 0;
  bool negative = text->len > 0 && text->ptr[0] == u'-';
  double scale = 0;
  *value = 0;
  for (at = negative; at < text->len; at++) {
    uint16_t unit = text->ptr[at];
    if (unit == u'.' && scale == 0) {
      scale = 1;
    } else if (unit >= u'0' && unit <= u'9') {
      *value = *value * 10 + (unit - u'0');
      scale *= 10;
      digits++;
    } else {
      return false;
    }
  }
  if (scale > 1) *value /= scale;
  if (negative) *value = -*value;
  return digits > 0;
}

// One text after another; the second one is a number, if there is none.
static void join(guest_string_t *ret, const uint16_t *one, size_t len, const char16_t *other,
                 uint32_t number) {
  size_t other_len = guest_string_len(other), digits = 0;
  uint16_t *at = ret->ptr = allocate((len + other_len + 10) * sizeof *at);
  memcpy(at, one, len * sizeof *at);
  memcpy(at + len, other, other_len * sizeof *at);
  ret->len = len + other_len;
  if (number != UINT32_MAX) {
    for (uint32_t rest = number; digits == 0 || rest; rest /= 10) digits++;
    for (size_t i = digits; i-- > 0; number /= 10) at[ret->len + i] = u'0' + number % 10;
    ret->len += digits;
  }
}

decimals_own_float_t decimals_constructor_float(double value) { return decimal(value); }
double decimals_method_float_get(decimals_borrow_float_t self) { return self->value; }
void decimals_method_float_set(decimals_borrow_float_t self, double value) { self->value = value; }

decimals_own_float_t decimals_method_float_plus(decimals_borrow_float_t self,
                                                decimals_borrow_float_t other) {
  return decimal(self->value + other->value);
}

decimals_own_float_t decimals_static_float_merge(decimals_own_float_t one,
                                                 decimals_own_float_t other) {
  double sum = spend(one);
  return decimal(sum + spend(other));
}

void decimals_static_float_parse(guest_string_t *text, decimals_result_own_float_string_t *ret) {
  static const char16_t why[] = u"not a number: ";
  double value;
  ret->is_err = !read(text, &value);
  if (ret->is_err) {
    guest_string_t *err = &ret->val.err;
    size_t len = guest_string_len(why);
    err->ptr = allocate((len + text->len) * sizeof *err->ptr);
    memcpy(err->ptr, why, len * sizeof *err->ptr);
    if (text->len) memcpy(err->ptr + len, text->ptr, text->len * sizeof *err->ptr);
    err->len = len + text->len;
  } else {
    ret->val.ok = decimal(value);
  }
  guest_string_free(text);
}

static double value(const fractions_float_t *fraction) {
  return (double)fraction->over / fraction->under;
}

static double spend_fraction(fractions_own_float_t own) {
  double spent = value(fractions_float_rep(own));
  fractions_float_drop_own(own);
  return spent;
}

fractions_own_float_t fractions_constructor_float(int32_t over, int32_t under) {
  return fraction(over, under);
}
double fractions_method_float_get(fractions_borrow_float_t self) { return value(self); }

fractions_own_float_t fractions_method_float_plus(fractions_borrow_float_t self,
                                                  fractions_borrow_float_t other) {
  return fraction(self->over * other->under + other->over * self->under,
                  self->under * other->under);
}

void lists_make(guest_list_f64_t *values, lists_list_own_float_t *ret) {
  ret->len = values->len;
  ret->ptr = values->len ? allocate(values->len * sizeof *ret->ptr) : NULL;
  for (size_t i = 0; i < values->len; i++) ret->ptr[i] = decimal(values->ptr[i]);
  guest_list_f64_free(values);
}

double lists_sum(lists_list_borrow_float_t *values) {
  double sum = 0;
  for (size_t i = 0; i < values->len; i++) sum += values->ptr[i]->value;
  lists_list_borrow_float_free(values);
  return sum;
}

double lists_total(lists_list_own_float_t *values) {
  double sum = 0;
  for (size_t i = 0; i < values->len; i++) sum += spend(values->ptr[i]);
  lists_list_own_float_free(values);
  return sum;
}

void lists_enter(guest_list_string_t *names, lists_list_entry_t *ret) {
  ret->len = names->len;
  ret->ptr = names->len ? allocate(names->len * sizeof *ret->ptr) : NULL;
  for (size_t i = 0; i < names->len; i++) {
    ret->ptr[i] = (lists_entry_t){names->ptr[i], decimal(i), i};
  }
  // The names go back.
  if (names->len) free(names->ptr);
}

void lists_leave(lists_list_entry_t *entries, guest_list_string_t *ret) {
  ret->len = entries->len;
  ret->ptr = entries->len ? allocate(entries->len * sizeof *ret->ptr) : NULL;
  for (size_t i = 0; i < entries->len; i++) {
    const lists_entry_t *entry = &entries->ptr[i];
    join(&ret->ptr[i], entry->name.ptr, entry->name.len, u"=", spend(entry->value));
  }
  lists_list_entry_free(entries);
}

void lists_twice(lists_option_borrow_float_t *value, lists_option_own_float_t *ret) {
  ret->is_some = value->is_some;
  if (value->is_some) ret->val = decimal(2 * value->val->value);
}

void lists_divide(lists_borrow_float_t one, lists_option_borrow_float_t *other,
                  lists_result_own_float_string_t *ret) {
  ret->is_err = !other->is_some || other->val->value == 0;
  if (!other->is_some) {
    guest_string_dup(&ret->val.err, u"nothing to divide by");
  } else if (ret->is_err) {
    guest_string_t number;
    join(&number, NULL, 0, u"", one->value);
    join(&ret->val.err, number.ptr, number.len, u" by zero", UINT32_MAX);
    guest_string_free(&number);
  } else {
    ret->val.ok = decimal(one->value / other->val->value);
  }
}

void lists_convert(lists_number_t *number, lists_number_t *ret) {
  double read_value;
  ret->tag = LISTS_NUMBER_DECIMAL;
  switch (number->tag) {
    case LISTS_NUMBER_DECIMAL:
      ret->tag = LISTS_NUMBER_FRACTION;
      ret->val.fraction = fraction(spend(number->val.decimal) * 2, 2);
      break;
    case LISTS_NUMBER_FRACTION:
      ret->val.decimal = decimal(spend_fraction(number->val.fraction));
      break;
    case LISTS_NUMBER_TEXT:
      if (read(&number->val.text, &read_value)) {
        ret->val.decimal = decimal(read_value);
      } else {
        ret->tag = LISTS_NUMBER_NONE;
      }
      break;
    case LISTS_NUMBER_WHOLE:
      ret->val.decimal = decimal(number->val.whole);
      break;
    default:
      ret->tag = LISTS_NUMBER_NONE;
  }
  lists_number_free(number);
}

void lists_combine(lists_list_tuple2_option_borrow_float_option_own_fraction_t *pairs,
                   lists_list_result_own_float_own_fraction_t *ret) {
  ret->len = pairs->len;
  ret->ptr = pairs->len ? allocate(pairs->len * sizeof *ret->ptr) : NULL;
  for (size_t i = 0; i < pairs->len; i++) {
    const lists_option_borrow_float_t *one = &pairs->ptr[i].f0;
    const lists_option_own_fraction_t *other = &pairs->ptr[i].f1;
    lists_result_own_float_own_fraction_t *combined = &ret->ptr[i];
    combined->is_err = !one->is_some;
    if (one->is_some) {
      double sum = one->val->value + (other->is_some ? spend_fraction(other->val) : 0);
      combined->val.ok = decimal(sum);
    } else {
      combined->val.err = other->is_some ? other->val : fraction(0, 1);
    }
  }
  lists_list_tuple2_option_borrow_float_option_own_fraction_free(pairs);
}

void lists_many(lists_borrow_float_t a, lists_own_float_t b, guest_string_t *c,
                lists_own_fraction_t d, lists_borrow_fraction_t e, lists_option_own_float_t *f,
                lists_list_borrow_fraction_t *g, uint8_t h, lists_borrow_float_t i, double j,
                lists_option_borrow_float_t *k, lists_borrow_float_t l,
                lists_tuple3_own_float_f64_own_fraction_t *ret) {
  double sum = a->value + decimals_float_rep(b)->value + value(fractions_float_rep(d)) + value(e);
  // As many as there are bytes in UTF-8.
  for (size_t at = 0; at < c->len; at++) sum += c->ptr[at] < 0x80 ? 1 : c->ptr[at] < 0x800 ? 2 : 3;
  if (f->is_some) sum += spend(f->val);
  for (size_t at = 0; at < g->len; at++) sum += value(g->ptr[at]);
  sum += h + i->value + j + l->value;
  if (k->is_some) sum += k->val->value;
  *ret = (lists_tuple3_own_float_f64_own_fraction_t){b, sum, d};
  guest_string_free(c);
  lists_list_borrow_fraction_free(g);
}

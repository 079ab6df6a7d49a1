// Exports `values`.

#include "echoes.h"
#include "model.h"

// Arguments belong to the callee, results to the caller: an echo hands its argument on.

#define ECHO(name, type)                                                                           \
  type values_echo_##name(type value) { return value; }
SCALAR_ECHOES(ECHO)
#undef ECHO

#define ECHO(name, type)                                                                           \
  void values_echo_##name(type##_t *value, type##_t *ret) { *ret = *value; }
ECHOES(ECHO)
#undef ECHO

#define ECHO(name, type)                                                                           \
  void values_echo_##name(values_##type##_t *value, values_##type##_t *ret) { *ret = *value; }
NAMED_ECHOES(ECHO)
PLAIN_ECHOES(ECHO)
#undef ECHO

uint64_t values_digest(values_everything_t *value) {
  uint64_t hash = DIGEST_START;
  digest_values_everything(&hash, value);
  values_everything_free(value);
  return hash;
}

void values_sample(uint32_t seed, values_everything_t *ret) { *ret = sample(seed); }

uint64_t values_flat_sixteen(uint8_t a, uint16_t b, uint32_t c, uint64_t d, int8_t e, int16_t f,
                             int32_t g, int64_t h, float i, double j, bool k, uint32_t l,
                             guest_string_t *m, guest_option_u8_t *n) {
  uint64_t hash = DIGEST_START;
  digest_u64(&hash, a);
  digest_u64(&hash, b);
  digest_u64(&hash, c);
  digest_u64(&hash, d);
  digest_s64(&hash, e);
  digest_s64(&hash, f);
  digest_s64(&hash, g);
  digest_s64(&hash, h);
  digest_f32(&hash, i);
  digest_f64(&hash, j);
  digest_u64(&hash, k);
  digest_u64(&hash, l);
  digest_guest_string(&hash, m);
  digest_guest_option_u8(&hash, n);
  guest_string_free(m);
  return hash;
}

uint64_t values_flat_seventeen(uint8_t a, uint16_t b, uint32_t c, uint64_t d, int8_t e, int16_t f,
                               int32_t g, int64_t h, float i, double j, bool k, uint32_t l,
                               guest_string_t *m, guest_option_u8_t *n, bool o) {
  uint64_t hash = values_flat_sixteen(a, b, c, d, e, f, g, h, i, j, k, l, m, n);
  digest_u64(&hash, o);
  return hash;
}

void values_spilled(guest_string_t *first, values_point_t *a, guest_list_string_t *names, uint8_t b,
                    values_payload_t *load, uint64_t c, values_option_person_t *who, bool d,
                    guest_string_t *last, guest_tuple3_u64_string_list_string_t *ret) {
  uint64_t hash = DIGEST_START;
  digest_guest_string(&hash, first);
  digest_values_point(&hash, a);
  digest_guest_list_string(&hash, names);
  digest_u64(&hash, b);
  digest_values_payload(&hash, load);
  digest_u64(&hash, c);
  digest_values_option_person(&hash, who);
  digest_u64(&hash, d);
  digest_guest_string(&hash, last);

  builder_t both = {0};
  builder_push_string(&both, first);
  builder_push_string(&both, last);
  ret->f0 = hash;
  ret->f1 = builder_finish(&both);
  ret->f2 = *names;
  guest_string_free(first);
  guest_string_free(last);
  values_payload_free(load);
  values_option_person_free(who);
}

static uint32_t count;
void values_bump(void) { count++; }
uint32_t values_counter(void) { return count; }

void values_join(guest_list_string_t *parts, guest_string_t *separator, guest_string_t *ret) {
  builder_t builder = {0};
  for (size_t i = 0; i < parts->len; i++) {
    if (i > 0) builder_push_string(&builder, separator);
    builder_push_string(&builder, &parts->ptr[i]);
  }
  *ret = builder_finish(&builder);
  guest_list_string_free(parts);
  guest_string_free(separator);
}

void values_letters(guest_string_t *text, guest_list_char32_t *ret) {
  ALLOCATE(*ret, text_length(text));
  size_t at = 0;
  for (size_t i = 0; i < ret->len; i++) ret->ptr[i] = text_next(text, &at);
  guest_string_free(text);
}

void values_reverse(guest_string_t *text, guest_string_t *ret) {
  guest_list_char32_t letters;
  values_letters(text, &letters);
  builder_t builder = {0};
  for (size_t i = letters.len; i-- > 0;) builder_push(&builder, letters.ptr[i]);
  guest_list_char32_free(&letters);
  *ret = builder_finish(&builder);
}

uint32_t values_length(guest_string_t *text) {
  uint32_t length = text_length(text);
  guest_string_free(text);
  return length;
}

uint64_t values_sum(guest_list_u32_t *values) {
  uint64_t sum = 0;
  for (size_t i = 0; i < values->len; i++) sum += values->ptr[i];
  guest_list_u32_free(values);
  return sum;
}

void values_divide(int64_t a, int64_t b, values_result_s64_string_t *ret) {
  ret->is_err = b == 0 || (a == INT64_MIN && b == -1);
  if (b == 0) {
    ret->val.err = text_from_ascii("division by zero");
  } else if (ret->is_err) {
    ret->val.err = text_from_ascii("overflow");
  } else {
    ret->val.ok = a / b;
  }
}

void values_rename(values_person_t *who, guest_string_t *name, values_person_t *ret) {
  guest_string_free(&who->name);
  *ret = *who;
  ret->name = *name;
}

void values_lookup(guest_list_tuple2_string_u32_t *table, guest_string_t *key,
                   guest_option_u32_t *ret) {
  ret->is_some = false;
  for (size_t i = 0; i < table->len && !ret->is_some; i++) {
    ret->is_some = text_equal(&table->ptr[i].f0, key);
    ret->val = table->ptr[i].f1;
  }
  guest_list_tuple2_string_u32_free(table);
  guest_string_free(key);
}

void values_bytes(uint32_t length, guest_list_u8_t *ret) {
  ALLOCATE(*ret, length);
  for (size_t i = 0; i < length; i++) ret->ptr[i] = (uint8_t)i;
}

void values_strings(uint32_t count, uint32_t length, guest_list_string_t *ret) {
  ALLOCATE(*ret, count);
  for (size_t i = 0; i < count; i++) {
    builder_t builder = {0};
    for (size_t k = 0; k < length; k++) builder_push(&builder, 'a' + (i + k) % 26);
    ret->ptr[i] = builder_finish(&builder);
  }
}

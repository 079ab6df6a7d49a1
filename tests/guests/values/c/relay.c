// Exports `relay`: hands every call on to the `values` that is imported.
//
// Arguments of an export belong to it, arguments of an import are only read: each is freed here.
// C has the lists and results of `relay` and those of `values` for different types.

#include "echoes.h"
#include "model.h"

#define ECHO(name, type)                                                                           \
  type relay_echo_##name(type value) { return values_echo_##name(value); }
SCALAR_ECHOES(ECHO)
#undef ECHO

#define ECHO(name, type)                                                                           \
  void relay_echo_##name(type##_t *value, type##_t *ret) {                                         \
    values_echo_##name(value, ret);                                                                \
    type##_free(value);                                                                            \
  }
ECHOES(ECHO)
#undef ECHO

#define ECHO(name, type)                                                                           \
  void relay_echo_##name(relay_##type##_t *value, relay_##type##_t *ret) {                         \
    values_echo_##name((values_##type##_t *)value, (values_##type##_t *)ret);                      \
    relay_##type##_free(value);                                                                    \
  }
NAMED_ECHOES(ECHO)
#undef ECHO

#define ECHO(name, type)                                                                           \
  void relay_echo_##name(relay_##type##_t *value, relay_##type##_t *ret) {                         \
    values_echo_##name(value, ret);                                                                \
  }
PLAIN_ECHOES(ECHO)
#undef ECHO

uint64_t relay_digest(relay_everything_t *value) {
  uint64_t hash = values_digest(value);
  values_everything_free(value);
  return hash;
}

void relay_sample(uint32_t seed, relay_everything_t *ret) { values_sample(seed, ret); }

uint64_t relay_flat_sixteen(uint8_t a, uint16_t b, uint32_t c, uint64_t d, int8_t e, int16_t f,
                            int32_t g, int64_t h, float i, double j, bool k, uint32_t l,
                            guest_string_t *m, guest_option_u8_t *n) {
  uint64_t hash = values_flat_sixteen(a, b, c, d, e, f, g, h, i, j, k, l, m, n);
  guest_string_free(m);
  return hash;
}

uint64_t relay_flat_seventeen(uint8_t a, uint16_t b, uint32_t c, uint64_t d, int8_t e, int16_t f,
                              int32_t g, int64_t h, float i, double j, bool k, uint32_t l,
                              guest_string_t *m, guest_option_u8_t *n, bool o) {
  uint64_t hash = values_flat_seventeen(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o);
  guest_string_free(m);
  return hash;
}

void relay_spilled(guest_string_t *first, relay_point_t *a, guest_list_string_t *names, uint8_t b,
                   relay_payload_t *load, uint64_t c, relay_option_person_t *who, bool d,
                   guest_string_t *last, guest_tuple3_u64_string_list_string_t *ret) {
  values_spilled(first, a, names, b, load, c, (values_option_person_t *)who, d, last, ret);
  guest_string_free(first);
  guest_list_string_free(names);
  values_payload_free(load);
  relay_option_person_free(who);
  guest_string_free(last);
}

void relay_bump(void) { values_bump(); }
uint32_t relay_counter(void) { return values_counter(); }

void relay_join(guest_list_string_t *parts, guest_string_t *separator, guest_string_t *ret) {
  values_join(parts, separator, ret);
  guest_list_string_free(parts);
  guest_string_free(separator);
}

void relay_reverse(guest_string_t *text, guest_string_t *ret) {
  values_reverse(text, ret);
  guest_string_free(text);
}

void relay_letters(guest_string_t *text, guest_list_char32_t *ret) {
  values_letters(text, ret);
  guest_string_free(text);
}

uint32_t relay_length(guest_string_t *text) {
  uint32_t length = values_length(text);
  guest_string_free(text);
  return length;
}

uint64_t relay_sum(guest_list_u32_t *values) {
  uint64_t sum = values_sum(values);
  guest_list_u32_free(values);
  return sum;
}

void relay_divide(int64_t a, int64_t b, relay_result_s64_string_t *ret) {
  values_divide(a, b, (values_result_s64_string_t *)ret);
}

void relay_rename(relay_person_t *who, guest_string_t *name, relay_person_t *ret) {
  values_rename(who, name, ret);
  values_person_free(who);
  guest_string_free(name);
}

void relay_lookup(guest_list_tuple2_string_u32_t *table, guest_string_t *key,
                  guest_option_u32_t *ret) {
  values_lookup(table, key, ret);
  guest_list_tuple2_string_u32_free(table);
  guest_string_free(key);
}

void relay_bytes(uint32_t length, guest_list_u8_t *ret) { values_bytes(length, ret); }

void relay_strings(uint32_t count, uint32_t length, guest_list_string_t *ret) {
  values_strings(count, length, ret);
}

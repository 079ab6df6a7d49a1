#include "model.h"

#include <string.h>

// Hashes.

void digest_u64(uint64_t *hash, uint64_t value) {
  *hash = (*hash ^ value) * 0x9e3779b97f4a7c15ull;
  *hash ^= *hash >> 32;
}

void digest_s64(uint64_t *hash, int64_t value) { digest_u64(hash, (uint64_t)value); }

void digest_f32(uint64_t *hash, float value) {
  uint32_t bits;
  memcpy(&bits, &value, sizeof bits);
  digest_u64(hash, bits);
}

void digest_f64(uint64_t *hash, double value) {
  uint64_t bits;
  memcpy(&bits, &value, sizeof bits);
  digest_u64(hash, bits);
}

#define LIST(name, element)                                                                        \
  void digest_##name(uint64_t *hash, const name##_t *value) {                                      \
    digest_u64(hash, value->len);                                                                  \
    for (size_t i = 0; i < value->len; i++) digest_##element(hash, value->ptr[i]);                 \
  }
LISTS_OF_SCALARS(LIST)
#undef LIST

#define LIST(name, element)                                                                        \
  void digest_##name(uint64_t *hash, const name##_t *value) {                                      \
    digest_u64(hash, value->len);                                                                  \
    for (size_t i = 0; i < value->len; i++) digest_##element(hash, &value->ptr[i]);                \
  }
LISTS_OF_COMPOUNDS(LIST)
#undef LIST

// `v` is the value and `h` the hash in what follows.
#define DIGEST(name) void digest_##name(uint64_t *h, const name##_t *v)

DIGEST(guest_string) {
  digest_u64(h, text_length(v));
  for (size_t at = 0; at < v->len;) digest_u64(h, text_next(v, &at));
}

DIGEST(values_point) {
  digest_s64(h, v->x);
  digest_s64(h, v->y);
}

DIGEST(values_scalars) {
  digest_u64(h, v->switch_);
  digest_u64(h, v->u_eight);
  digest_u64(h, v->u_one);
  digest_u64(h, v->u_four);
  digest_s64(h, v->s_one);
  digest_s64(h, v->s_eight);
  digest_u64(h, v->u_two);
  digest_f64(h, v->f_eight);
  digest_s64(h, v->s_two);
  digest_f32(h, v->f_four);
  digest_s64(h, v->s_four);
  digest_u64(h, v->letter);
}

#define OPTION(name, payload)                                                                      \
  DIGEST(name) {                                                                                   \
    digest_u64(h, v->is_some);                                                                     \
    if (v->is_some) digest_##payload;                                                              \
  }
OPTION(types_option_point, values_point(h, &v->val))
OPTION(values_option_person, values_person(h, &v->val))
OPTION(guest_option_string, guest_string(h, &v->val))
OPTION(guest_option_list_string, guest_list_string(h, &v->val))
OPTION(guest_option_u8, u64(h, v->val))
OPTION(guest_option_u16, u64(h, v->val))
OPTION(guest_option_u32, u64(h, v->val))
OPTION(guest_option_option_u8, guest_option_u8(h, &v->val))

DIGEST(values_person) {
  digest_guest_string(h, &v->name);
  digest_u64(h, v->age);
  digest_guest_list_string(h, &v->tags);
  digest_types_option_point(h, &v->home);
}

DIGEST(types_tuple2_u8_point) {
  digest_u64(h, v->f0);
  digest_values_point(h, &v->f1);
}

DIGEST(values_nested) {
  digest_u64(h, v->id);
  digest_values_person(h, &v->who);
  digest_values_scalars(h, &v->numbers);
  digest_types_tuple2_u8_point(h, &v->spot);
}

DIGEST(values_number) {
  digest_u64(h, v->tag);
  switch (v->tag) {
  case TYPES_NUMBER_INT: return digest_s64(h, v->val.int_);
  case TYPES_NUMBER_LONG: return digest_s64(h, v->val.long_);
  case TYPES_NUMBER_FLOAT: return digest_f32(h, v->val.float_);
  case TYPES_NUMBER_DOUBLE: return digest_f64(h, v->val.double_);
  }
}

DIGEST(values_narrow) {
  digest_u64(h, v->tag);
  switch (v->tag) {
  case TYPES_NARROW_FLOAT: return digest_f32(h, v->val.float_);
  case TYPES_NARROW_INT: return digest_u64(h, v->val.int_);
  case TYPES_NARROW_LETTER: return digest_u64(h, v->val.letter);
  case TYPES_NARROW_TINY: return digest_s64(h, v->val.tiny);
  }
}

DIGEST(values_payload) {
  digest_u64(h, v->tag);
  switch (v->tag) {
  case TYPES_PAYLOAD_TEXT: return digest_guest_string(h, &v->val.text);
  case TYPES_PAYLOAD_ITEMS: return digest_guest_list_string(h, &v->val.items);
  case TYPES_PAYLOAD_SPOT: return digest_values_point(h, &v->val.spot);
  case TYPES_PAYLOAD_TINY: return digest_u64(h, v->val.tiny);
  case TYPES_PAYLOAD_LONG: return digest_u64(h, v->val.long_);
  case TYPES_PAYLOAD_DOUBLE: return digest_f64(h, v->val.double_);
  case TYPES_PAYLOAD_MAYBE: return digest_guest_option_string(h, &v->val.maybe);
  case TYPES_PAYLOAD_PAIR:
    digest_f32(h, v->val.pair.f0);
    digest_guest_string(h, &v->val.pair.f1);
  }
}

#define RESULT(name, ok_payload, err_payload)                                                      \
  DIGEST(name) {                                                                                   \
    digest_u64(h, v->is_err);                                                                      \
    if (v->is_err) {                                                                               \
      err_payload;                                                                                 \
    } else {                                                                                       \
      ok_payload;                                                                                  \
    }                                                                                              \
  }
RESULT(values_result_void_void, , )
RESULT(values_result_u32_void, digest_u64(h, v->val.ok), )
RESULT(values_result_void_string, , digest_guest_string(h, &v->val.err))
RESULT(values_result_u32_string, digest_u64(h, v->val.ok), digest_guest_string(h, &v->val.err))
RESULT(values_result_u64_string, digest_u64(h, v->val.ok), digest_guest_string(h, &v->val.err))
RESULT(values_result_s64_string, digest_s64(h, v->val.ok), digest_guest_string(h, &v->val.err))
RESULT(values_result_f32_f64, digest_f32(h, v->val.ok), digest_f64(h, v->val.err))
RESULT(values_result_list_string_payload, digest_guest_list_string(h, &v->val.ok),
       digest_values_payload(h, &v->val.err))

DIGEST(types_tuple3_one_nine_full) {
  digest_u64(h, v->f0);
  digest_u64(h, v->f1);
  digest_u64(h, v->f2);
}

DIGEST(guest_tuple2_u32_u32) {
  digest_u64(h, v->f0);
  digest_u64(h, v->f1);
}

DIGEST(guest_tuple2_u8_string) {
  digest_u64(h, v->f0);
  digest_guest_string(h, &v->f1);
}

DIGEST(guest_tuple3_u8_string_f64) {
  digest_u64(h, v->f0);
  digest_guest_string(h, &v->f1);
  digest_f64(h, v->f2);
}

DIGEST(guest_tuple3_u64_string_list_string) {
  digest_u64(h, v->f0);
  digest_guest_string(h, &v->f1);
  digest_guest_list_string(h, &v->f2);
}

// C has the lists of `types` and those of `values` for different types.
DIGEST(values_everything) {
  digest_values_scalars(h, &v->numbers);
  digest_guest_string(h, &v->text);
  digest_values_person(h, &v->who);
  digest_types_tuple2_u8_point(h, &v->spot);
  digest_u64(h, v->shade);
  digest_u64(h, v->step);
  digest_values_number(h, &v->amount);
  digest_values_narrow(h, &v->small);
  digest_values_payload(h, &v->load);
  digest_guest_option_option_u8(h, &v->maybe);
  digest_values_result_list_string_payload(h, (const void *)&v->outcome);
  digest_types_tuple3_one_nine_full(h, &v->marks);
  digest_guest_list_u8(h, &v->bytes);
  digest_guest_list_u32(h, &v->words);
  digest_guest_list_u64(h, &v->longs);
  digest_guest_list_f64(h, &v->doubles);
  digest_guest_list_bool(h, &v->switches);
  digest_guest_list_char32(h, &v->letters);
  digest_guest_list_string(h, &v->names);
  digest_guest_list_list_string(h, &v->table);
  digest_values_list_point(h, (const void *)&v->points);
  digest_guest_list_tuple2_u32_u32(h, &v->pairs);
  digest_values_list_person(h, (const void *)&v->people);
  digest_values_list_payload(h, (const void *)&v->loads);
}

// Values from a seed. Every number that is drawn is a statement of its own: the order counts.

uint32_t random_u32(random_t *r) {
  r->state = r->state * 6364136223846793005ull + 1442695040888963407ull;
  return r->state >> 32;
}

uint64_t random_u64(random_t *r) {
  uint64_t high = random_u32(r);
  return high << 32 | random_u32(r);
}

float random_f32(random_t *r) { return (float)(int32_t)random_u32(r) / 8.0f; }
double random_f64(random_t *r) { return (double)(int64_t)random_u64(r) / 8.0; }

uint32_t random_char(random_t *r) {
  static const uint32_t chars[16] = {
      0,      0x7f,   0x80,   0xe9,   0xff,    0x100,   0x7ff,   0x800,
      0x20ac, 0xd7ff, 0xe000, 0xffff, 0x10000, 0x1f600, 0xfffff, 0x10ffff,
  };
  return chars[random_u32(r) % 16];
}

guest_string_t random_string(random_t *r) {
  builder_t builder = {0};
  for (uint32_t count = random_u32(r) % 10; count > 0; count--) {
    if (random_u32(r) & 0x10000) {
      builder_push(&builder, random_char(r));
    } else {
      builder_push(&builder, 'a' + random_u32(r) % 26);
    }
  }
  return builder_finish(&builder);
}

guest_list_string_t random_strings(random_t *r, size_t len) {
  guest_list_string_t list;
  ALLOCATE(list, len);
  for (size_t i = 0; i < len; i++) list.ptr[i] = random_string(r);
  return list;
}

values_point_t random_point(random_t *r) {
  values_point_t v;
  v.x = (int32_t)random_u32(r);
  v.y = (int32_t)random_u32(r);
  return v;
}

values_scalars_t random_scalars(random_t *r) {
  values_scalars_t v;
  v.switch_ = random_u32(r) & 1;
  v.u_eight = random_u64(r);
  v.u_one = (uint8_t)random_u32(r);
  v.u_four = random_u32(r);
  v.s_one = (int8_t)random_u32(r);
  v.s_eight = (int64_t)random_u64(r);
  v.u_two = (uint16_t)random_u32(r);
  v.f_eight = random_f64(r);
  v.s_two = (int16_t)random_u32(r);
  v.f_four = random_f32(r);
  v.s_four = (int32_t)random_u32(r);
  v.letter = random_char(r);
  return v;
}

values_person_t random_person(random_t *r) {
  values_person_t v;
  v.name = random_string(r);
  v.age = (uint8_t)random_u32(r);
  size_t tags = random_u32(r) % 4;
  v.tags = random_strings(r, tags);
  v.home.is_some = random_u32(r) & 1;
  if (v.home.is_some) v.home.val = random_point(r);
  return v;
}

values_number_t random_number(random_t *r) {
  values_number_t v = {.tag = random_u32(r) % 5};
  switch (v.tag) {
  case TYPES_NUMBER_INT: v.val.int_ = (int32_t)random_u32(r); break;
  case TYPES_NUMBER_LONG: v.val.long_ = (int64_t)random_u64(r); break;
  case TYPES_NUMBER_FLOAT: v.val.float_ = random_f32(r); break;
  case TYPES_NUMBER_DOUBLE: v.val.double_ = random_f64(r); break;
  }
  return v;
}

values_narrow_t random_narrow(random_t *r) {
  values_narrow_t v = {.tag = random_u32(r) % 4};
  switch (v.tag) {
  case TYPES_NARROW_FLOAT: v.val.float_ = random_f32(r); break;
  case TYPES_NARROW_INT: v.val.int_ = random_u32(r); break;
  case TYPES_NARROW_LETTER: v.val.letter = random_char(r); break;
  case TYPES_NARROW_TINY: v.val.tiny = (int8_t)random_u32(r); break;
  }
  return v;
}

values_payload_t random_payload(random_t *r) {
  values_payload_t v = {.tag = random_u32(r) % 9};
  switch (v.tag) {
  case TYPES_PAYLOAD_TEXT: v.val.text = random_string(r); break;
  case TYPES_PAYLOAD_ITEMS: {
    size_t len = random_u32(r) % 4;
    v.val.items = random_strings(r, len);
    break;
  }
  case TYPES_PAYLOAD_SPOT: v.val.spot = random_point(r); break;
  case TYPES_PAYLOAD_TINY: v.val.tiny = (uint8_t)random_u32(r); break;
  case TYPES_PAYLOAD_LONG: v.val.long_ = random_u64(r); break;
  case TYPES_PAYLOAD_DOUBLE: v.val.double_ = random_f64(r); break;
  case TYPES_PAYLOAD_MAYBE:
    v.val.maybe.is_some = random_u32(r) & 1;
    if (v.val.maybe.is_some) v.val.maybe.val = random_string(r);
    break;
  case TYPES_PAYLOAD_PAIR:
    v.val.pair.f0 = random_f32(r);
    v.val.pair.f1 = random_string(r);
    break;
  }
  return v;
}

// A list of up to four elements, each from `draw`, which names its list `list` and its index `i`.
#define FILL(field, draw)                                                                          \
  do {                                                                                             \
    __typeof__(field) *list = &(field);                                                            \
    ALLOCATE(*list, random_u32(r) % 5);                                                            \
    for (size_t i = 0; i < list->len; i++) list->ptr[i] = (draw);                                  \
  } while (0)

values_everything_t sample(uint32_t seed) {
  static const uint16_t steps[7] = {0, 1, 127, 128, 255, 256, 259};
  random_t random = {seed}, *r = &random;
  values_everything_t v;
  v.numbers = random_scalars(r);
  v.text = random_string(r);
  v.who = random_person(r);
  v.spot.f0 = (uint8_t)random_u32(r);
  v.spot.f1 = random_point(r);
  v.shade = random_u32(r) % 3;
  v.step = steps[random_u32(r) % 7];
  v.amount = random_number(r);
  v.small = random_narrow(r);
  v.load = random_payload(r);
  uint32_t depth = random_u32(r) % 3;
  v.maybe.is_some = depth > 0;
  v.maybe.val.is_some = depth > 1;
  if (depth > 1) v.maybe.val.val = (uint8_t)random_u32(r);
  v.outcome.is_err = random_u32(r) & 1;
  if (v.outcome.is_err) {
    v.outcome.val.err = random_payload(r);
  } else {
    size_t len = random_u32(r) % 4;
    v.outcome.val.ok = random_strings(r, len);
  }
  v.marks.f0 = random_u32(r) & 1;
  v.marks.f1 = random_u32(r) & 0x1ff;
  v.marks.f2 = random_u32(r);
  FILL(v.bytes, (uint8_t)random_u32(r));
  FILL(v.words, random_u32(r));
  FILL(v.longs, random_u64(r));
  FILL(v.doubles, random_f64(r));
  FILL(v.switches, random_u32(r) & 1);
  FILL(v.letters, random_char(r));
  FILL(v.names, random_string(r));
  ALLOCATE(v.table, random_u32(r) % 5);
  for (size_t i = 0; i < v.table.len; i++) FILL(v.table.ptr[i], random_string(r));
  FILL(v.points, random_point(r));
  ALLOCATE(v.pairs, random_u32(r) % 5);
  for (size_t i = 0; i < v.pairs.len; i++) {
    v.pairs.ptr[i].f0 = random_u32(r);
    v.pairs.ptr[i].f1 = random_u32(r);
  }
  FILL(v.people, random_person(r));
  FILL(v.loads, random_payload(r));
  return v;
}

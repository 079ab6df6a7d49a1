// The two things that every language must agree on: the hash of a value, and the value of a seed.
// ../rust/model.rs says the same in Rust.
#pragma once

#include "text.h"

// Hashes. A number counts as 64 bits (signed ones sign-extended, floats by their bits); a list or
// string as its length, then its elements or code points; a variant, option or result as its
// discriminant, then its payload.

#define DIGEST_START 0x6d656c64ull

void digest_u64(uint64_t *hash, uint64_t value);
void digest_s64(uint64_t *hash, int64_t value);
void digest_f32(uint64_t *hash, float value);
void digest_f64(uint64_t *hash, double value);

// Lists whose elements are passed by value: the list, the hash of an element.
#define LISTS_OF_SCALARS(X)                                                                        \
  X(guest_list_bool, u64)                                                                          \
  X(guest_list_u8, u64)                                                                            \
  X(guest_list_u16, u64)                                                                           \
  X(guest_list_u32, u64)                                                                           \
  X(guest_list_u64, u64)                                                                           \
  X(guest_list_s8, s64)                                                                            \
  X(guest_list_s16, s64)                                                                           \
  X(guest_list_s32, s64)                                                                           \
  X(guest_list_s64, s64)                                                                           \
  X(guest_list_f32, f32)                                                                           \
  X(guest_list_f64, f64)                                                                           \
  X(guest_list_char32, u64)                                                                        \
  X(values_list_color, u64)                                                                        \
  X(values_list_nine, u64)

// Lists whose elements are passed by pointer: the list, the element.
#define LISTS_OF_COMPOUNDS(X)                                                                      \
  X(guest_list_string, guest_string)                                                               \
  X(guest_list_list_string, guest_list_string)                                                     \
  X(values_list_point, values_point)                                                               \
  X(values_list_scalars, values_scalars)                                                           \
  X(values_list_person, values_person)                                                             \
  X(guest_list_tuple2_u32_u32, guest_tuple2_u32_u32)                                               \
  X(guest_list_tuple2_u8_string, guest_tuple2_u8_string)                                           \
  X(values_list_number, values_number)                                                             \
  X(values_list_payload, values_payload)                                                           \
  X(guest_list_option_u16, guest_option_u16)                                                       \
  X(values_list_result_u32_string, values_result_u32_string)

// Types that are neither lists nor scalars.
#define COMPOUNDS(X)                                                                               \
  X(guest_string)                                                                                  \
  X(values_point)                                                                                  \
  X(values_scalars)                                                                                \
  X(values_person)                                                                                 \
  X(types_tuple2_u8_point)                                                                        \
  X(values_nested)                                                                                 \
  X(values_number)                                                                                 \
  X(values_narrow)                                                                                 \
  X(guest_option_string)                                                                           \
  X(values_payload)                                                                                \
  X(guest_option_u8)                                                                               \
  X(guest_option_u16)                                                                              \
  X(guest_option_u32)                                                                              \
  X(guest_option_option_u8)                                                                        \
  X(guest_option_list_string)                                                                      \
  X(types_option_point)                                                                           \
  X(values_option_person)                                                                          \
  X(values_result_void_void)                                                                       \
  X(values_result_u32_void)                                                                        \
  X(values_result_void_string)                                                                     \
  X(values_result_u32_string)                                                                      \
  X(values_result_u64_string)                                                                      \
  X(values_result_s64_string)                                                                      \
  X(values_result_f32_f64)                                                                         \
  X(values_result_list_string_payload)                                                             \
  X(types_tuple3_one_nine_full)                                                                   \
  X(guest_tuple2_u32_u32)                                                                          \
  X(guest_tuple2_u8_string)                                                                        \
  X(guest_tuple3_u8_string_f64)                                                                    \
  X(guest_tuple3_u64_string_list_string)                                                           \
  X(values_everything)

#define DECLARE(name, ...) void digest_##name(uint64_t *hash, const name##_t *value);
LISTS_OF_SCALARS(DECLARE)
LISTS_OF_COMPOUNDS(DECLARE)
COMPOUNDS(DECLARE)
#undef DECLARE

// Values from a seed: owned, and the same in every language.

typedef struct {
  uint64_t state;
} random_t;

uint32_t random_u32(random_t *random);
uint64_t random_u64(random_t *random);
float random_f32(random_t *random);
double random_f64(random_t *random);
uint32_t random_char(random_t *random);
guest_string_t random_string(random_t *random);
guest_list_string_t random_strings(random_t *random, size_t len);
values_point_t random_point(random_t *random);
values_scalars_t random_scalars(random_t *random);
values_person_t random_person(random_t *random);
values_number_t random_number(random_t *random);
values_narrow_t random_narrow(random_t *random);
values_payload_t random_payload(random_t *random);
values_everything_t sample(uint32_t seed);

// Gives the list `list` memory for this many elements.
#define ALLOCATE(list, count)                                                                      \
  ((list).len = (count), (list).ptr = allocate((list).len, sizeof(*(list).ptr)))

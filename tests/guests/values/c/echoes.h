// The `echo-*` functions: the name, the type.
#pragma once

// Passed by value.
#define SCALAR_ECHOES(X)                                                                           \
  X(bool, bool)                                                                                    \
  X(u8, uint8_t)                                                                                   \
  X(u16, uint16_t)                                                                                 \
  X(u32, uint32_t)                                                                                 \
  X(u64, uint64_t)                                                                                 \
  X(s8, int8_t)                                                                                    \
  X(s16, int16_t)                                                                                  \
  X(s32, int32_t)                                                                                  \
  X(s64, int64_t)                                                                                  \
  X(f32, float)                                                                                    \
  X(f64, double)                                                                                   \
  X(char, uint32_t)                                                                                \
  X(color, values_color_t)                                                                         \
  X(wide, values_wide_t)                                                                           \
  X(one, values_one_t)                                                                             \
  X(nine, values_nine_t)                                                                           \
  X(full, values_full_t)

// Passed by pointer; the type has one name in every interface.
#define ECHOES(X)                                                                                  \
  X(string, guest_string)                                                                          \
  X(list_bool, guest_list_bool)                                                                    \
  X(list_u8, guest_list_u8)                                                                        \
  X(list_u16, guest_list_u16)                                                                      \
  X(list_u32, guest_list_u32)                                                                      \
  X(list_u64, guest_list_u64)                                                                      \
  X(list_s8, guest_list_s8)                                                                        \
  X(list_s16, guest_list_s16)                                                                      \
  X(list_s32, guest_list_s32)                                                                      \
  X(list_s64, guest_list_s64)                                                                      \
  X(list_f32, guest_list_f32)                                                                      \
  X(list_f64, guest_list_f64)                                                                      \
  X(list_char, guest_list_char32)                                                                  \
  X(list_string, guest_list_string)                                                                \
  X(list_list_string, guest_list_list_string)                                                      \
  X(list_pair, guest_list_tuple2_u32_u32)                                                          \
  X(list_entry, guest_list_tuple2_u8_string)                                                       \
  X(list_option, guest_list_option_u16)                                                            \
  X(tuple, guest_tuple3_u8_string_f64)                                                             \
  X(option, guest_option_u32)                                                                      \
  X(option_option, guest_option_option_u8)                                                         \
  X(option_string, guest_option_string)                                                            \
  X(option_list, guest_option_list_string)

// Passed by pointer; the type belongs to an interface, whose name comes before it.
#define NAMED_ECHOES(X)                                                                            \
  X(list_point, list_point)                                                                        \
  X(list_scalars, list_scalars)                                                                    \
  X(list_person, list_person)                                                                      \
  X(list_color, list_color)                                                                        \
  X(list_number, list_number)                                                                      \
  X(list_payload, list_payload)                                                                    \
  X(list_nine, list_nine)                                                                          \
  X(person, person)                                                                                \
  X(nested, nested)                                                                                \
  X(number, number)                                                                                \
  X(narrow, narrow)                                                                                \
  X(payload, payload)                                                                              \
  X(everything, everything)                                                                        \
  X(option_person, option_person)                                                                  \
  X(list_result, list_result_u32_string)                                                           \
  X(result, result_void_void)                                                                      \
  X(result_ok, result_u32_void)                                                                    \
  X(result_err, result_void_string)                                                                \
  X(result_both, result_u64_string)                                                                \
  X(result_float, result_f32_f64)                                                                  \
  X(result_deep, result_list_string_payload)

// Likewise; there is nothing to free in them.
#define PLAIN_ECHOES(X)                                                                            \
  X(point, point)                                                                                  \
  X(scalars, scalars)

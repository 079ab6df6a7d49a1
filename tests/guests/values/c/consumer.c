// Exports the tests: each calls the `values` that is imported and compares what comes back, by its
// hash, with what went in.

#include "echoes.h"
#include "model.h"

#include <float.h>
#include <math.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))

// The functions that gave back wrong values, each once.
static const char *failures[100];
static size_t failure_count;

static void check(bool right, const char *name) {
  if (right || failure_count == COUNT(failures)) return;
  for (size_t i = 0; i < failure_count; i++) {
    if (!strcmp(failures[i], name)) return;
  }
  failures[failure_count++] = name;
}

static guest_string_t verdict(void) {
  if (failure_count == 0) return text_from_ascii("ok");
  builder_t text = {0};
  for (size_t i = 0; i < failure_count; i++) {
    if (i > 0) builder_push(&text, ' ');
    for (const char *c = failures[i]; *c; c++) builder_push(&text, (uint32_t)*c);
  }
  failure_count = 0;
  return builder_finish(&text);
}

static random_t random_state = {42}, *r = &random_state;

// The hash of a value of a compound type.
#define HASH(type, value)                                                                          \
  ({                                                                                               \
    uint64_t hash = DIGEST_START;                                                                  \
    digest_##type(&hash, &(value));                                                                \
    hash;                                                                                          \
  })

// Hands `value` to `echo-name` and compares; frees neither.
#define TRY(name, type, value, free_result)                                                        \
  do {                                                                                             \
    type##_t *in = &(value), out;                                                                  \
    uint64_t before = HASH(type, *in);                                                             \
    values_echo_##name(in, &out);                                                                  \
    check(HASH(type, *in) == before && HASH(type, out) == before, #name);                          \
    free_result;                                                                                   \
  } while (0)

#define KEEP(name, type, value) TRY(name, type, value, type##_free(&out))
#define PLAIN(name, type, value) TRY(name, type, value, )
#define OWNED(name, type, value)                                                                   \
  do {                                                                                             \
    KEEP(name, type, value);                                                                       \
    type##_free(&(value));                                                                         \
  } while (0)

// Scalars.

static void scalars(void) {
  check(values_echo_bool(true) == true && values_echo_bool(false) == false, "bool");
  for (uint32_t i = 0; i < 256; i++) {
    check(values_echo_u8((uint8_t)i) == (uint8_t)i, "u8");
    check(values_echo_s8((int8_t)i) == (int8_t)i, "s8");
  }
  for (int i = -2; i < 64; i++) {
    for (uint64_t j = 0; j < 3; j++) {
      // Around every power of two, and around zero.
      uint64_t n = (i < 0 ? 0 : 1ull << i) + j - 1;
      check(values_echo_u16((uint16_t)n) == (uint16_t)n, "u16");
      check(values_echo_u32((uint32_t)n) == (uint32_t)n, "u32");
      check(values_echo_u64(n) == n, "u64");
      check(values_echo_s16((int16_t)n) == (int16_t)n, "s16");
      check(values_echo_s32((int32_t)n) == (int32_t)n, "s32");
      check(values_echo_s64((int64_t)n) == (int64_t)n, "s64");
      check(values_echo_f32((float)n) == (float)n, "f32");
      check(values_echo_f64((double)n) == (double)n, "f64");
    }
  }
  static const float floats[] = {
      0, -0.0f, 1, -1.5f, FLT_MIN, FLT_MAX, -FLT_MAX, FLT_EPSILON, 1e-45f, INFINITY, -INFINITY,
  };
  for (size_t i = 0; i < COUNT(floats); i++) {
    uint64_t in = DIGEST_START, out = DIGEST_START;
    digest_f32(&in, floats[i]);
    digest_f32(&out, values_echo_f32(floats[i]));
    check(in == out, "f32");
  }
  static const double doubles[] = {
      0, -0.0, 1, -1.5, DBL_MIN, DBL_MAX, -DBL_MAX, DBL_EPSILON, 5e-324, INFINITY, -INFINITY,
  };
  for (size_t i = 0; i < COUNT(doubles); i++) {
    uint64_t in = DIGEST_START, out = DIGEST_START;
    digest_f64(&in, doubles[i]);
    digest_f64(&out, values_echo_f64(doubles[i]));
    check(in == out, "f64");
  }
  // The bits of a NaN may change.
  check(isnan(values_echo_f32(NAN)), "f32-nan");
  check(isnan(values_echo_f64(NAN)), "f64-nan");
  static const uint32_t chars[] = {
      0, 'a', 0x7f, 0x80, 0xff, 0x100, 0x7ff, 0x800, 0xd7ff, 0xe000, 0xfffd, 0xffff, 0x10000,
      0x1f600, 0x10ffff,
  };
  for (size_t i = 0; i < COUNT(chars); i++) {
    check(values_echo_char(chars[i]) == chars[i], "char");
  }
}

// Strings.

// One of each length in UTF-8 and UTF-16, and the last that is Latin-1.
static const uint32_t specials[] = {
    0, 0x7f, 0xe9, 0xff, 0x100, 0x7ff, 0x20ac, 0xd7ff, 0xe000, 0xffff, 0x1f600, 0x10ffff,
};

static void try_string(const uint32_t *chars, size_t len) {
  guest_string_t text = text_from(chars, len);
  check(values_length(&text) == len, "length");
  OWNED(string, guest_string, text);
}

static void strings(void) {
  static uint32_t chars[100000];
  // Every special character at every place of every short length.
  for (size_t len = 0; len <= 35; len++) {
    for (size_t i = 0; i < len; i++) chars[i] = 'a' + i % 26;
    try_string(chars, len);
    for (size_t at = 0; at < len; at++) {
      size_t special = (len + at) % COUNT(specials);
      uint32_t old = chars[at];
      chars[at] = specials[special];
      try_string(chars, len);
      chars[at] = old;
    }
  }
  // Nothing but one character.
  for (size_t s = 0; s < COUNT(specials); s++) {
    for (size_t len = 1; len <= 300; len = len * 2 + 1) {
      for (size_t i = 0; i < len; i++) chars[i] = specials[s];
      try_string(chars, len);
    }
  }
  // Long ones: ASCII, Latin-1, mixed, with the wide character last.
  for (size_t i = 0; i < COUNT(chars); i++) chars[i] = ' ' + i % 90;
  try_string(chars, COUNT(chars));
  chars[COUNT(chars) - 1] = 0x1f600;
  try_string(chars, COUNT(chars));
  for (size_t i = 0; i < COUNT(chars); i++) chars[i] = 0xa0 + i % 90;
  try_string(chars, COUNT(chars));
  for (size_t i = 0; i < COUNT(chars); i++) chars[i] = specials[i % COUNT(specials)];
  try_string(chars, COUNT(chars));
  for (int i = 0; i < 500; i++) {
    guest_string_t text = random_string(r);
    OWNED(string, guest_string, text);
  }
}

// Lists.

static const size_t lengths[] = {0, 1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 33, 64, 100, 255, 257};

// `draw` makes the element at `i` of a list that is `count` long.
#define TRY_LIST(name, type, count, draw)                                                          \
  do {                                                                                             \
    type##_t list;                                                                                 \
    ALLOCATE(list, count);                                                                         \
    for (size_t i = 0; i < list.len; i++) list.ptr[i] = (draw);                                    \
    OWNED(name, type, list);                                                                       \
  } while (0)

#define TRY_LISTS(name, type, draw)                                                                \
  for (size_t l = 0; l < COUNT(lengths); l++) TRY_LIST(name, type, lengths[l], draw)

static guest_tuple2_u8_string_t random_entry(void) {
  guest_tuple2_u8_string_t entry;
  entry.f0 = (uint8_t)random_u32(r);
  entry.f1 = random_string(r);
  return entry;
}

static values_result_u32_string_t random_result(void) {
  values_result_u32_string_t result = {.is_err = random_u32(r) & 1};
  if (result.is_err) {
    result.val.err = random_string(r);
  } else {
    result.val.ok = random_u32(r);
  }
  return result;
}

static void lists(void) {
  TRY_LISTS(list_bool, guest_list_bool, random_u32(r) & 1);
  TRY_LISTS(list_u8, guest_list_u8, (uint8_t)random_u32(r));
  TRY_LISTS(list_u16, guest_list_u16, (uint16_t)random_u32(r));
  TRY_LISTS(list_u32, guest_list_u32, random_u32(r));
  TRY_LISTS(list_u64, guest_list_u64, random_u64(r));
  TRY_LISTS(list_s8, guest_list_s8, (int8_t)random_u32(r));
  TRY_LISTS(list_s16, guest_list_s16, (int16_t)random_u32(r));
  TRY_LISTS(list_s32, guest_list_s32, (int32_t)random_u32(r));
  TRY_LISTS(list_s64, guest_list_s64, (int64_t)random_u64(r));
  TRY_LISTS(list_f32, guest_list_f32, random_f32(r));
  TRY_LISTS(list_f64, guest_list_f64, random_f64(r));
  TRY_LISTS(list_char, guest_list_char32, random_char(r));
  TRY_LISTS(list_string, guest_list_string, random_string(r));
  TRY_LISTS(list_list_string, guest_list_list_string, random_strings(r, i % 5));
  TRY_LISTS(list_point, values_list_point, random_point(r));
  TRY_LISTS(list_scalars, values_list_scalars, random_scalars(r));
  TRY_LISTS(list_person, values_list_person, random_person(r));
  TRY_LISTS(list_pair, guest_list_tuple2_u32_u32,
            ((guest_tuple2_u32_u32_t){random_u32(r), (uint32_t)i}));
  TRY_LISTS(list_entry, guest_list_tuple2_u8_string, random_entry());
  TRY_LISTS(list_color, values_list_color, random_u32(r) % 3);
  TRY_LISTS(list_number, values_list_number, random_number(r));
  TRY_LISTS(list_payload, values_list_payload, random_payload(r));
  TRY_LISTS(list_nine, values_list_nine, random_u32(r) & 0x1ff);
  TRY_LISTS(list_option, guest_list_option_u16,
            ((guest_option_u16_t){random_u32(r) & 1, (uint16_t)i}));
  TRY_LISTS(list_result, values_list_result_u32_string, random_result());
  // Larger than one page of memory, or many.
  TRY_LIST(list_u8, guest_list_u8, 300000, (uint8_t)i);
  TRY_LIST(list_u32, guest_list_u32, 100000, (uint32_t)i);
  TRY_LIST(list_f64, guest_list_f64, 50000, (double)i);
  TRY_LIST(list_pair, guest_list_tuple2_u32_u32, 50000,
           ((guest_tuple2_u32_u32_t){(uint32_t)i, ~(uint32_t)i}));
  TRY_LIST(list_string, guest_list_string, 5000, random_string(r));
}

// Records and tuples.

static void records(void) {
  for (int i = 0; i < 200; i++) {
    values_point_t point = random_point(r);
    PLAIN(point, values_point, point);
    values_scalars_t scalars = random_scalars(r);
    PLAIN(scalars, values_scalars, scalars);
    values_person_t person = random_person(r);
    OWNED(person, values_person, person);
    values_nested_t nested = {
        .id = random_u64(r),
        .who = random_person(r),
        .numbers = random_scalars(r),
        .spot = {(uint8_t)i, random_point(r)},
    };
    OWNED(nested, values_nested, nested);
    guest_tuple3_u8_string_f64_t tuple = {(uint8_t)i, random_string(r), random_f64(r)};
    OWNED(tuple, guest_tuple3_u8_string_f64, tuple);
  }
}

// Variants and enums.

static void variants(void) {
  for (uint8_t i = 0; i < 3; i++) check(values_echo_color(i) == i, "color");
  for (uint16_t i = 0; i < 260; i++) check(values_echo_wide(i) == i, "wide");
  for (int i = 0; i < 300; i++) {
    values_number_t number = random_number(r);
    OWNED(number, values_number, number);
    values_narrow_t narrow = random_narrow(r);
    OWNED(narrow, values_narrow, narrow);
    values_payload_t payload = random_payload(r);
    OWNED(payload, values_payload, payload);
  }
}

static void flags(void) {
  for (uint8_t i = 0; i < 2; i++) check(values_echo_one(i) == i, "one");
  for (uint16_t i = 0; i < 512; i++) check(values_echo_nine(i) == i, "nine");
  for (int i = 0; i < 32; i++) {
    check(values_echo_full(1u << i) == 1u << i, "full");
    check(values_echo_full(~(1u << i)) == ~(1u << i), "full");
  }
  check(values_echo_full(0) == 0 && values_echo_full(~0u) == ~0u, "full");
}

// Options and results.

static void options(void) {
  for (int i = 0; i < 100; i++) {
    bool some = i & 1;
    guest_option_u32_t number = {some, random_u32(r)};
    KEEP(option, guest_option_u32, number);
    guest_option_option_u8_t twice = {some, {i & 2, (uint8_t)i}};
    KEEP(option_option, guest_option_option_u8, twice);
    guest_option_string_t text = {some};
    if (some) text.val = random_string(r);
    OWNED(option_string, guest_option_string, text);
    guest_option_list_string_t texts = {some};
    if (some) texts.val = random_strings(r, (size_t)i / 10);
    OWNED(option_list, guest_option_list_string, texts);
    values_option_person_t person = {some};
    if (some) person.val = random_person(r);
    OWNED(option_person, values_option_person, person);
  }
}

static void results(void) {
  for (int i = 0; i < 100; i++) {
    bool err = i & 1;
    values_result_void_void_t neither = {err};
    KEEP(result, values_result_void_void, neither);
    values_result_u32_void_t ok = {err, {.ok = random_u32(r)}};
    KEEP(result_ok, values_result_u32_void, ok);
    values_result_void_string_t error = {err};
    if (err) error.val.err = random_string(r);
    OWNED(result_err, values_result_void_string, error);
    values_result_u64_string_t both = {err, {.ok = random_u64(r)}};
    if (err) both.val.err = random_string(r);
    OWNED(result_both, values_result_u64_string, both);
    values_result_f32_f64_t floats = {err, {.ok = random_f32(r)}};
    if (err) floats.val.err = random_f64(r);
    KEEP(result_float, values_result_f32_f64, floats);
    values_result_list_string_payload_t deep = {err};
    if (err) {
      deep.val.err = random_payload(r);
    } else {
      deep.val.ok = random_strings(r, (size_t)i / 10);
    }
    OWNED(result_deep, values_result_list_string_payload, deep);
  }
}

// Parameters that go through memory.

static void spilled(void) {
  for (int round = 0; round < 100; round++) {
    values_scalars_t v = random_scalars(r);
    guest_string_t text = random_string(r);
    guest_option_u8_t option = {round & 1, (uint8_t)round};
    uint64_t hash = DIGEST_START;
    digest_u64(&hash, v.u_one);
    digest_u64(&hash, v.u_two);
    digest_u64(&hash, v.u_four);
    digest_u64(&hash, v.u_eight);
    digest_s64(&hash, v.s_one);
    digest_s64(&hash, v.s_two);
    digest_s64(&hash, v.s_four);
    digest_s64(&hash, v.s_eight);
    digest_f32(&hash, v.f_four);
    digest_f64(&hash, v.f_eight);
    digest_u64(&hash, v.switch_);
    digest_u64(&hash, v.letter);
    digest_guest_string(&hash, &text);
    digest_guest_option_u8(&hash, &option);
    check(values_flat_sixteen(v.u_one, v.u_two, v.u_four, v.u_eight, v.s_one, v.s_two, v.s_four,
                              v.s_eight, v.f_four, v.f_eight, v.switch_, v.letter, &text,
                              &option) == hash,
          "flat-sixteen");
    digest_u64(&hash, true);
    check(values_flat_seventeen(v.u_one, v.u_two, v.u_four, v.u_eight, v.s_one, v.s_two, v.s_four,
                                v.s_eight, v.f_four, v.f_eight, v.switch_, v.letter, &text,
                                &option, true) == hash,
          "flat-seventeen");

    values_point_t a = random_point(r);
    guest_list_string_t names = random_strings(r, (size_t)round % 7);
    values_payload_t load = random_payload(r);
    values_option_person_t who = {round & 2};
    if (who.is_some) who.val = random_person(r);
    guest_string_t last = random_string(r);
    builder_t both = {0};
    builder_push_string(&both, &text);
    builder_push_string(&both, &last);
    guest_tuple3_u64_string_list_string_t expected, got;
    expected.f0 = DIGEST_START;
    expected.f1 = builder_finish(&both);
    expected.f2 = names;
    digest_guest_string(&expected.f0, &text);
    digest_values_point(&expected.f0, &a);
    digest_guest_list_string(&expected.f0, &names);
    digest_u64(&expected.f0, v.u_one);
    digest_values_payload(&expected.f0, &load);
    digest_u64(&expected.f0, v.u_eight);
    digest_values_option_person(&expected.f0, &who);
    digest_u64(&expected.f0, v.switch_);
    digest_guest_string(&expected.f0, &last);
    values_spilled(&text, &a, &names, v.u_one, &load, v.u_eight, &who, v.switch_, &last, &got);
    check(HASH(guest_tuple3_u64_string_list_string, got) ==
              HASH(guest_tuple3_u64_string_list_string, expected),
          "spilled");
    guest_tuple3_u64_string_list_string_free(&got);
    guest_tuple3_u64_string_list_string_free(&expected); // and `names` with it
    guest_string_free(&text);
    guest_string_free(&last);
    values_payload_free(&load);
    values_option_person_free(&who);
  }
}

// Functions that compute something.

static void functions(void) {
  uint32_t count = values_counter();
  values_bump();
  values_bump();
  check(values_counter() == count + 2, "bump");

  for (size_t len = 0; len < 20; len++) {
    guest_list_string_t parts = random_strings(r, len);
    guest_string_t separator = random_string(r), joined, backwards, again;
    builder_t expected = {0};
    for (size_t i = 0; i < len; i++) {
      if (i > 0) builder_push_string(&expected, &separator);
      builder_push_string(&expected, &parts.ptr[i]);
    }
    guest_string_t text = builder_finish(&expected);
    values_join(&parts, &separator, &joined);
    check(text_equal(&joined, &text), "join");

    values_reverse(&text, &backwards);
    values_reverse(&backwards, &again);
    check(text_equal(&again, &text), "reverse");
    guest_list_char32_t letters;
    values_letters(&backwards, &letters);
    bool right = letters.len == text_length(&text);
    size_t at = 0;
    for (size_t i = letters.len; right && i-- > 0;) right = letters.ptr[i] == text_next(&text, &at);
    check(right, "letters");

    guest_list_char32_free(&letters);
    guest_string_free(&again);
    guest_string_free(&backwards);
    guest_string_free(&joined);
    guest_string_free(&text);
    guest_string_free(&separator);
    guest_list_string_free(&parts);
  }

  guest_list_u32_t numbers;
  ALLOCATE(numbers, 1000);
  uint64_t sum = 0;
  for (size_t i = 0; i < numbers.len; i++) sum += numbers.ptr[i] = random_u32(r);
  check(values_sum(&numbers) == sum, "sum");
  guest_list_u32_free(&numbers);

  values_result_s64_string_t quotient;
  values_divide(-7, 2, &quotient);
  check(!quotient.is_err && quotient.val.ok == -3, "divide");
  values_divide(INT64_MIN, 1, &quotient);
  check(!quotient.is_err && quotient.val.ok == INT64_MIN, "divide");
  for (int i = 0; i < 2; i++) {
    guest_string_t message = text_from_ascii(i ? "overflow" : "division by zero");
    values_divide(INT64_MIN, -i, &quotient);
    check(quotient.is_err && text_equal(&quotient.val.err, &message), "divide");
    values_result_s64_string_free(&quotient);
    guest_string_free(&message);
  }

  values_person_t who = random_person(r), renamed;
  guest_string_t name = random_string(r), old = who.name;
  values_rename(&who, &name, &renamed);
  who.name = name;
  check(HASH(values_person, renamed) == HASH(values_person, who), "rename");
  values_person_free(&renamed);
  values_person_free(&who);
  guest_string_free(&old);

  guest_list_tuple2_string_u32_t table;
  ALLOCATE(table, 26);
  for (uint32_t i = 0; i < table.len; i++) {
    uint32_t key[2] = {0x1f600 + i, 'a' + i};
    table.ptr[i].f0 = text_from(key, 2);
    table.ptr[i].f1 = i * 1000;
  }
  guest_option_u32_t found;
  for (uint32_t i = 0; i < table.len; i++) {
    values_lookup(&table, &table.ptr[i].f0, &found);
    check(found.is_some && found.val == i * 1000, "lookup");
  }
  guest_string_t missing = text_from_ascii("missing");
  values_lookup(&table, &missing, &found);
  check(!found.is_some, "lookup");
  guest_string_free(&missing);
  guest_list_tuple2_string_u32_free(&table);

  for (uint32_t length = 0; length <= 70000; length = length * 3 + 1) {
    guest_list_u8_t bytes;
    values_bytes(length, &bytes);
    bool right = bytes.len == length;
    for (size_t i = 0; right && i < length; i++) right = bytes.ptr[i] == (uint8_t)i;
    check(right, "bytes");
    guest_list_u8_free(&bytes);
  }
  for (uint32_t n = 0; n <= 300; n = n * 3 + 1) {
    guest_list_string_t strings;
    values_strings(n, n, &strings);
    bool right = strings.len == n;
    for (size_t i = 0; right && i < n; i++) {
      right = strings.ptr[i].len == n;
      for (size_t k = 0; right && k < n; k++) right = strings.ptr[i].ptr[k] == 'a' + (i + k) % 26;
    }
    check(right, "strings");
    guest_list_string_free(&strings);
  }
}

// All of it at once.

static void everything(void) {
  for (uint32_t seed = 0; seed < 200; seed++) {
    values_everything_t theirs, ours = sample(seed);
    values_sample(seed, &theirs);
    check(HASH(values_everything, theirs) == HASH(values_everything, ours), "sample");
    check(values_digest(&ours) == HASH(values_everything, ours), "digest");
    values_everything_free(&theirs);
    OWNED(everything, values_everything, ours);
  }
}

#define TESTS(X)                                                                                   \
  X(scalars) X(strings) X(lists) X(records) X(variants) X(flags) X(options) X(results) X(spilled)  \
  X(functions) X(everything)

#define EXPORT(name)                                                                               \
  void exports_guest_run_##name(guest_string_t *ret) {                                             \
    name();                                                                                        \
    *ret = verdict();                                                                              \
  }
TESTS(EXPORT)
#undef EXPORT

void exports_guest_run(guest_string_t *ret) {
#define RUN(name) name();
  TESTS(RUN)
#undef RUN
  *ret = verdict();
}

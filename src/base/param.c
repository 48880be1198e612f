/* SPDX-License-Identifier: BSD-3-Clause */
/* Values of parameters: read from text, written as text. */
#include "seisproc/param.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "seisproc/expression.h"
#include "src/base/param_text.h"

static void *field(const sp_param *param, void *values) {
  return (char *)values + param->offset;
}

/* Position of `text` in a '|'-separated list, or -1. */
static int choice_index(const char *choices, const char *text, size_t length) {
  for (int i = 0; choices; i++) {
    const size_t n = strcspn(choices, "|");
    if (n == length && !strncmp(choices, text, n)) return i;
    choices = choices[n] ? choices + n + 1 : NULL;
  }
  return -1;
}

const sp_param *sp_param_find(const sp_param *table, const char *key) {
  for (; table->key; table++) {
    if (!strcmp(table->key, key)) return table;
  }
  return NULL;
}

bool sp_param_is_list(const sp_param *param) {
  return param->type == SP_PARAM_NUMBERS || param->type == SP_PARAM_HEADERS || param->type == SP_PARAM_WORDS;
}

bool sp_param_is_text(const sp_param *param) {
  return param->type == SP_PARAM_TEXT || param->type == SP_PARAM_PATH || param->type == SP_PARAM_CONDITION;
}

static size_t value_size(const sp_param *param) {
  static const size_t sizes[] = {[SP_PARAM_BOOL] = sizeof(bool),          [SP_PARAM_INT] = sizeof(int),
                                 [SP_PARAM_REAL] = sizeof(double),        [SP_PARAM_CHOICE] = sizeof(int),
                                 [SP_PARAM_TEXT] = sizeof(sp_text),       [SP_PARAM_PATH] = sizeof(sp_path),
                                 [SP_PARAM_NUMBERS] = sizeof(sp_numbers), [SP_PARAM_HEADERS] = sizeof(sp_words),
                                 [SP_PARAM_WORDS] = sizeof(sp_words),     [SP_PARAM_CONDITION] = sizeof(sp_condition)};
  return sizes[param->type];
}

/* No value yet. */
static void clear(const sp_param *param, void *values) {
  void *target = field(param, values);
  memset(target, 0, value_size(param));
  if (param->type == SP_PARAM_REAL) *(double *)target = NAN;
  if (param->type == SP_PARAM_PATH) ((sp_path *)target)->number = NAN;
}

void sp_param_set_defaults(const sp_param *table, void *values) {
  char why[SP_WHY_SIZE];
  for (; table->key; table++) {
    if (table->default_text) {
      sp_param_parse(table, table->default_text, values, why, sizeof why);
    } else {
      clear(table, values);
    }
  }
}

/* Whether text starts as a decimal number does: strtol and strtod also take blanks, octal, hexadecimal and nan. A zero
 * before other digits is refused because YAML 1.1 reads 010 as eight and 1.2 as ten. */
static bool starts_decimal(const char *text) {
  if (*text == '-' || *text == '+') text++;
  if (text[0] == '0' && isalnum((unsigned char)text[1])) return text[1] == 'e' || text[1] == 'E';
  return isdigit((unsigned char)text[0]) || text[0] == '.';
}

static bool parse_int(const sp_param *param, const char *text, int *out) {
  char *end;
  errno = 0;
  const long value = strtol(text, &end, 10);
  if (!starts_decimal(text) || end == text || *end || errno || value < INT_MIN || value > INT_MAX) return false;
  if ((double)value < param->min || (double)value > param->max) return false;
  if (param->rules & SP_PARAM_ODD && value % 2 == 0) return false;
  *out = (int)value;
  return true;
}

static bool parse_real(const sp_param *param, const char *text, double *out) {
  char *end;
  const double value = strtod(text, &end);
  if (!starts_decimal(text) || end == text || *end || !isfinite(value)) return false;
  if (value < param->min || value > param->max) return false;
  *out = value + 0.0; /* -0 becomes 0: two spellings of one value must not differ in a fingerprint */
  return true;
}

static bool is_one_of(const char *text, const char *const *words) {
  while (*words && strcasecmp(text, *words)) words++;
  return *words != NULL;
}

static bool parse_bool(const char *text, bool *out) {
  static const char *const yes[] = {"true", "yes", "on", NULL}, *const no[] = {"false", "no", "off", NULL};
  const bool value = is_one_of(text, yes);
  if (!value && !is_one_of(text, no)) return false;
  *out = value;
  return true;
}

/* auto, none or inf may be allowed in place of a number. */
static bool read_int(const sp_param *param, const char *text, int *out) {
  if (!sp_param_has_choice(param, text)) return parse_int(param, text, out);
  *out = !strcmp(text, "inf") ? INT_MAX : SP_PARAM_AUTO;
  return true;
}

static bool read_real(const sp_param *param, const char *text, double *out) {
  if (!sp_param_has_choice(param, text)) return parse_real(param, text, out);
  *out = !strcmp(text, "inf") ? (double)INFINITY : (double)NAN;
  return true;
}

bool sp_words_have(const sp_words *words, const char *word) {
  for (uint32_t i = 0; i < words->n; i++) {
    if (!strcmp(words->word[i], word)) return true;
  }
  return false;
}

/* --- text ------------------------------------------------------------------------------------------------ */

static bool is_line(const char *text, size_t size) {
  if (strlen(text) >= size) return false;
  for (; *text; text++) {
    if (iscntrl((unsigned char)*text)) return false;
  }
  return true;
}

/* Copies a text that fits; what is behind it is zero, so that equal values have equal bytes. */
static void put_text(char *to, size_t size, const char *text) {
  memset(to, 0, size);
  memcpy(to, text, strlen(text));
}

static bool read_text(const char *text, sp_text *out) {
  if (!is_line(text, sizeof out->text)) return false;
  put_text(out->text, sizeof out->text, text);
  return true;
}

/* As a number of any size, infinite, or none at all (nan). */
static bool looks_like_a_number(const char *text) {
  char *end;
  strtod(text, &end);
  return end != text && !*end;
}

static bool read_path(const sp_param *param, const char *text, sp_path *out) {
  double number = NAN;
  const bool is_number = param->rules & SP_PARAM_OR_NUMBER && parse_real(param, text, &number);
  if (!is_number && param->rules & SP_PARAM_OR_NUMBER && looks_like_a_number(text)) return false; /* out of range */
  if (!is_number && !is_line(text, sizeof out->path)) return false;
  if (!is_number && !*text && !param->default_text) return false;
  put_text(out->path, sizeof out->path, is_number ? "" : text);
  out->number = number;
  return true;
}

/* The names go into the value, so that columns can be asked for before anything is planned. */
static sp_status parse_condition(const sp_param *param, const char *text, sp_condition *out, char *why,
                                 size_t why_size) {
  sp_condition value = {0};
  sp_expression *expression = NULL;
  char what[SP_WHY_SIZE];
  if (!is_line(text, sizeof value.text)) return sp_param_refuse(param, text, why, why_size);
  put_text(value.text, sizeof value.text, text);
  if (*text) {
    const sp_status status = sp_condition_parse(text, what, sizeof what, &expression);
    if (status != SP_SUCCESS) snprintf(why, why_size, "%s: %s", param->key, what);
    SP_TRY(status);
    const size_t n = sp_expression_n_names(expression);
    for (size_t i = 0; i < n && i < SP_MAX_CONDITION_NAMES; i++) {
      put_text(value.names[i], SP_WORD_SIZE, sp_expression_name(expression, i));
    }
    sp_expression_destroy(expression);
    if (n > SP_MAX_CONDITION_NAMES) {
      snprintf(why, why_size, "%s: names %zu columns, allowed are at most %d", param->key, n, SP_MAX_CONDITION_NAMES);
      return SP_ERR_USAGE;
    }
    value.n_names = (uint32_t)n;
  }
  *out = value;
  return SP_SUCCESS;
}

/* --- lists ----------------------------------------------------------------------------------------------- */

static bool read_numbers(const sp_param *param, const char *const *items, size_t n, sp_numbers *out) {
  sp_numbers list = {0};
  for (size_t i = 0; i < n; i++) {
    if (!parse_real(param, items[i], &list.value[i])) return false;
    if (i > 0 && param->rules & SP_PARAM_ASCENDING && list.value[i] <= list.value[i - 1]) return false;
  }
  list.n = (uint32_t)n;
  *out = list;
  return true;
}

/* What a list of words may hold. */
static bool is_word(const sp_param *param, const char *text) {
  const bool is_header = param->type == SP_PARAM_HEADERS;
  if (param->choices) return sp_param_has_choice(param, text);
  if (!*text || strlen(text) >= SP_WORD_SIZE || (is_header && !isalpha((unsigned char)*text))) return false;
  while (isalnum((unsigned char)*text) || *text == '_' || (!is_header && strchr(".-+:", *text) && *text)) text++;
  return !*text;
}

static bool read_words(const sp_param *param, const char *const *items, size_t n, sp_words *out) {
  sp_words list = {0};
  for (size_t i = 0; i < n; i++) {
    if (!is_word(param, items[i])) return false;
    for (size_t k = 0; k < i; k++) {
      if (!strcmp(items[k], items[i])) return false;
    }
    snprintf(list.word[i], SP_WORD_SIZE, "%s", items[i]);
  }
  list.n = (uint32_t)n;
  *out = list;
  return true;
}

static bool may_be_empty(const sp_param *param) {
  return sp_param_fewest(param) == 0 || (param->default_text && !strcmp(param->default_text, "[]"));
}

static bool read_items(const sp_param *param, const char *const *items, size_t n, void *target) {
  if (n > sp_param_most(param) || (n < sp_param_fewest(param) && !(n == 0 && may_be_empty(param)))) return false;
  return param->type == SP_PARAM_NUMBERS ? read_numbers(param, items, n, target) : read_words(param, items, n, target);
}

sp_status sp_param_parse_items(const sp_param *param, const char *const *items, size_t n, void *values, char *why,
                               size_t why_size) {
  if (read_items(param, items, n, field(param, values))) return SP_SUCCESS;
  char found[SP_PARAM_VALUE_SIZE];
  size_t used = (size_t)snprintf(found, sizeof found, "[");
  for (size_t i = 0; i < n && used < sizeof found; i++) {
    used += (size_t)snprintf(found + used, sizeof found - used, "%s%s", i ? ", " : "", items[i]);
  }
  if (used < sizeof found) snprintf(found + used, sizeof found - used, "]");
  return sp_param_refuse(param, n == 1 ? items[0] : found, why, why_size);
}

/* Cuts "[a, b]" or "a" into its items, in place; returns how many, one too many where there are more than `max`, 0 for
 * "[]". False: a bracket or an item is missing. */
static bool cut_items(char *text, const char **items, size_t max, size_t *n) {
  *n = 0;
  const size_t length = strlen(text);
  if (*text == '[') {
    if (length < 2 || text[length - 1] != ']') return false;
    text[length - 1] = '\0';
    text++;
    if (!text[strspn(text, " ")]) return true;
  }
  for (char *rest = text; rest && *n < max;) {
    char *item = rest + strspn(rest, " ");
    rest = strchr(item, ',');
    if (rest) *rest++ = '\0';
    size_t end = strlen(item);
    while (end > 0 && item[end - 1] == ' ') item[--end] = '\0';
    if (end == 0) return false;
    items[(*n)++] = item;
  }
  return true;
}

static sp_status parse_list(const sp_param *param, const char *text, void *values, char *why, size_t why_size) {
  char copy[SP_PARAM_VALUE_SIZE];
  const char *items[SP_MAX_NUMBERS + 1];
  size_t n;
  if (strlen(text) >= sizeof copy) return sp_param_refuse(param, text, why, why_size);
  memcpy(copy, text, strlen(text) + 1);
  if (!cut_items(copy, items, SP_MAX_NUMBERS + 1, &n)) return sp_param_refuse(param, text, why, why_size);
  return sp_param_parse_items(param, items, n, values, why, why_size);
}

/* --- any value ------------------------------------------------------------------------------------------- */

static bool read_choice(const sp_param *param, const char *text, int *out) {
  const int i = choice_index(param->choices, text, strlen(text));
  if (i >= 0) *out = i;
  return i >= 0;
}

static bool read_value(const sp_param *param, const char *text, void *target) {
  switch (param->type) {
  case SP_PARAM_BOOL:
    return parse_bool(text, target);
  case SP_PARAM_INT:
    return read_int(param, text, target);
  case SP_PARAM_REAL:
    return read_real(param, text, target);
  case SP_PARAM_CHOICE:
    return read_choice(param, text, target);
  case SP_PARAM_TEXT:
    return read_text(text, target);
  case SP_PARAM_PATH:
    return read_path(param, text, target);
  default:
    return false;
  }
}

sp_status sp_param_parse(const sp_param *param, const char *text, void *values, char *why, size_t why_size) {
  if (sp_param_is_list(param)) return parse_list(param, text, values, why, why_size);
  if (param->type == SP_PARAM_CONDITION) return parse_condition(param, text, field(param, values), why, why_size);
  return read_value(param, text, field(param, values)) ? SP_SUCCESS : sp_param_refuse(param, text, why, why_size);
}

/* --- written --------------------------------------------------------------------------------------------- */

static void format_int(const sp_param *param, int value, char *text, size_t size) {
  if (value == SP_PARAM_AUTO && sp_param_has_choice(param, "auto")) {
    snprintf(text, size, "auto");
  } else if (value == SP_PARAM_AUTO && sp_param_has_choice(param, "none")) {
    snprintf(text, size, "none");
  } else if (value == INT_MAX && sp_param_has_choice(param, "inf")) {
    snprintf(text, size, "inf");
  } else {
    snprintf(text, size, "%d", value);
  }
}

/* 15 digits give back what a person wrote; what a program computed may need 17 to keep its bits. */
static void format_real(const sp_param *param, double value, char *text, size_t size) {
  if (isnan(value)) {
    snprintf(text, size, "%s", sp_param_has_choice(param, "none") ? "none" : "auto");
    return;
  }
  for (int digits = 15; digits <= 17; digits++) {
    snprintf(text, size, "%.*g", digits, value);
    if (strtod(text, NULL) == value) return;
  }
}

static void format_choice(const char *choices, int i, char *text, size_t size) {
  for (; i > 0; i--) choices += strcspn(choices, "|") + 1;
  snprintf(text, size, "%.*s", (int)strcspn(choices, "|"), choices);
}

/* Appends to text[n ...], cut where `size` ends; returns the new n. */
static size_t add_item(char *text, size_t size, size_t n, const char *separator, const char *item) {
  if (n >= size) return n;
  return n + (size_t)snprintf(text + n, size - n, "%s%s", separator, item);
}

static void format_list(const sp_param *param, const void *source, char *text, size_t size) {
  const sp_numbers *numbers = source;
  const sp_words *words = source;
  const bool is_number = param->type == SP_PARAM_NUMBERS;
  const uint32_t count = is_number ? numbers->n : words->n;
  size_t n = add_item(text, size, 0, "[", "");
  for (uint32_t i = 0; i < count; i++) {
    char number[32];
    if (is_number) format_real(param, numbers->value[i], number, sizeof number);
    n = add_item(text, size, n, i ? ", " : "", is_number ? number : words->word[i]);
  }
  add_item(text, size, n, "]", "");
}

void sp_param_format(const sp_param *param, const void *values, char *text, size_t size) {
  const void *source = field(param, (void *)(uintptr_t)values);
  switch (param->type) {
  case SP_PARAM_BOOL:
    snprintf(text, size, "%s", *(const bool *)source ? "true" : "false");
    break;
  case SP_PARAM_INT:
    format_int(param, *(const int *)source, text, size);
    break;
  case SP_PARAM_REAL:
    format_real(param, *(const double *)source, text, size);
    break;
  case SP_PARAM_CHOICE:
    format_choice(param->choices, *(const int *)source, text, size);
    break;
  case SP_PARAM_TEXT:
    snprintf(text, size, "%s", ((const sp_text *)source)->text);
    break;
  case SP_PARAM_CONDITION:
    snprintf(text, size, "%s", ((const sp_condition *)source)->text);
    break;
  case SP_PARAM_PATH:
    if (isnan(((const sp_path *)source)->number)) {
      snprintf(text, size, "%s", ((const sp_path *)source)->path);
    } else {
      format_real(param, ((const sp_path *)source)->number, text, size);
    }
    break;
  case SP_PARAM_NUMBERS:
  case SP_PARAM_HEADERS:
  case SP_PARAM_WORDS:
    format_list(param, source, text, size);
    break;
  }
}

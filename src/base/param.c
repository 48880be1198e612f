#include "seisproc/param.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "seisproc/nearest.h"
#include "seisproc/quote.h"

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

static bool may_be_auto(const sp_param *param) {
  return param->type != SP_PARAM_CHOICE && param->choices && !strcmp(param->choices, "auto");
}

const sp_param *sp_param_find(const sp_param *table, const char *key) {
  for (; table->key; table++) {
    if (!strcmp(table->key, key)) return table;
  }
  return NULL;
}

void sp_param_set_defaults(const sp_param *table, void *values) {
  char why[256];
  for (; table->key; table++) sp_param_parse(table, table->standard, values, why, sizeof why);
}

/* Appends to text[*n ...], cut where `size` ends. */
static void append(char *text, size_t size, size_t *n, const char *format, ...) __attribute__((format(printf, 4, 5)));

static void append(char *text, size_t size, size_t *n, const char *format, ...) {
  if (*n >= size) return;
  va_list args;
  va_start(args, format);
  const int m = vsnprintf(text + *n, size - *n, format, args);
  va_end(args);
  *n += m < 0 ? 0 : (size_t)m;
}

/* How many choices from `choices` on make one family: the same letters, then a digit (db1|db2|...). *last is the
 * last of them, *next what follows, NULL at the end. */
static size_t family(const char *choices, const char **last, const char **next) {
  const size_t stem = strcspn(choices, "0123456789|");
  size_t n = 0;
  const char *at = choices;
  do {
    if (n > 0 && (strncmp(at, choices, stem) || !isdigit((unsigned char)at[stem]))) break;
    *last = at;
    at += strcspn(at, "|");
    at = *at ? at + 1 : NULL;
    n++;
  } while (at && isdigit((unsigned char)choices[stem]));
  *next = at;
  return n;
}

/* "soft, hard, garrote"; families of more than three are shortened to their ends: "haar, db1 ... db20". */
static void list_choices(const char *choices, char *text, size_t size, size_t *n) {
  const char *separator = "";
  while (choices) {
    const char *last, *next;
    const size_t members = family(choices, &last, &next);
    append(text, size, n, "%s%.*s", separator, (int)strcspn(choices, "|"), choices);
    if (members > 3) {
      append(text, size, n, " ... %.*s", (int)strcspn(last, "|"), last);
      choices = next;
    } else {
      choices += strcspn(choices, "|");
      choices = *choices ? choices + 1 : NULL;
    }
    separator = ", ";
  }
}

static void list_range(const sp_param *param, char *text, size_t size, size_t *n) {
  const char *kind = param->type == SP_PARAM_REAL ? "a number" : param->odd ? "an odd integer" : "an integer";
  append(text, size, n, "%s", kind);
  if (isfinite(param->min)) append(text, size, n, " from %.10g", param->min);
  if (isfinite(param->max)) append(text, size, n, " %s %.10g", isfinite(param->min) ? "to" : "up to", param->max);
  if (param->unit && (isfinite(param->min) || isfinite(param->max))) append(text, size, n, " %s", param->unit);
  if (isfinite(param->min) && !isfinite(param->max)) append(text, size, n, " up");
  if (may_be_auto(param)) append(text, size, n, ", or auto");
}

void sp_param_allowed(const sp_param *param, char *text, size_t size) {
  size_t n = 0;
  switch (param->type) {
  case SP_PARAM_BOOL:
    append(text, size, &n, "true or false");
    break;
  case SP_PARAM_INT:
  case SP_PARAM_REAL:
    list_range(param, text, size, &n);
    break;
  case SP_PARAM_CHOICE:
    append(text, size, &n, "one of ");
    list_choices(param->choices, text, size, &n);
    break;
  }
}

/* What may help with this mistake beyond what is allowed; empty where nothing does. */
static void find_hint(const sp_param *param, const char *found, char *hint, size_t size) {
  hint[0] = '\0';
  const char *digits = found + (*found == '-' || *found == '+');
  if (param->type == SP_PARAM_CHOICE) {
    sp_nearest nearest = {.text = found};
    for (const char *c = param->choices; c; c = *c ? c + 1 : NULL) {
      sp_nearest_offer(&nearest, c, strcspn(c, "|"));
      c += strcspn(c, "|");
    }
    if (nearest.best[0]) snprintf(hint, size, "; did you mean '%s'?", nearest.best);
  } else if (param->type != SP_PARAM_BOOL && digits[0] == '0' && isalnum((unsigned char)digits[1])) {
    snprintf(hint, size, "; numbers are decimal, without leading zeros");
  } else if (param->type != SP_PARAM_BOOL && strchr(found, ',')) {
    snprintf(hint, size, "; the decimal sign is a point");
  } else if (param->type == SP_PARAM_REAL && isdigit((unsigned char)*digits) && isinf(strtod(found, NULL))) {
    snprintf(hint, size, "; that is more than a 64-bit number holds");
  }
}

static sp_status refuse(const sp_param *param, const char *found, char *why, size_t why_size) {
  char allowed[256], hint[SP_NEAREST_LENGTH + 32], quoted[SP_QUOTE_SIZE];
  sp_param_allowed(param, allowed, sizeof allowed);
  find_hint(param, found, hint, sizeof hint);
  snprintf(why, why_size, "%s: found '%s', allowed is %s%s", param->key, sp_quote(found, quoted), allowed, hint);
  return SP_ERR_USAGE;
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
  if (param->odd && value % 2 == 0) return false;
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

sp_status sp_param_parse(const sp_param *param, const char *text, void *values, char *why, size_t why_size) {
  void *target = field(param, values);
  const bool is_auto = may_be_auto(param) && !strcmp(text, "auto");
  bool good = is_auto;
  switch (param->type) {
  case SP_PARAM_BOOL:
    good = parse_bool(text, target);
    break;
  case SP_PARAM_INT:
    if (is_auto) {
      *(int *)target = SP_PARAM_AUTO;
    } else {
      good = parse_int(param, text, target);
    }
    break;
  case SP_PARAM_REAL:
    if (is_auto) {
      *(double *)target = NAN;
    } else {
      good = parse_real(param, text, target);
    }
    break;
  case SP_PARAM_CHOICE: {
    const int i = choice_index(param->choices, text, strlen(text));
    good = i >= 0;
    if (good) *(int *)target = i;
    break;
  }
  }
  return good ? SP_SUCCESS : refuse(param, text, why, why_size);
}

void sp_param_format(const sp_param *param, const void *values, char *text, size_t size) {
  const void *source = field(param, (void *)(uintptr_t)values);
  switch (param->type) {
  case SP_PARAM_BOOL:
    snprintf(text, size, "%s", *(const bool *)source ? "true" : "false");
    break;
  case SP_PARAM_INT:
    if (may_be_auto(param) && *(const int *)source == SP_PARAM_AUTO) {
      snprintf(text, size, "auto");
    } else {
      snprintf(text, size, "%d", *(const int *)source);
    }
    break;
  case SP_PARAM_REAL:
    if (isnan(*(const double *)source)) {
      snprintf(text, size, "auto");
    } else {
      /* 15 digits give back what a person wrote; what a program computed may need 17 to keep its bits */
      for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, size, "%.*g", digits, *(const double *)source);
        if (strtod(text, NULL) == *(const double *)source) break;
      }
    }
    break;
  case SP_PARAM_CHOICE: {
    const char *choice = param->choices;
    for (int i = *(const int *)source; i > 0; i--) choice += strcspn(choice, "|") + 1;
    snprintf(text, size, "%.*s", (int)strcspn(choice, "|"), choice);
    break;
  }
  }
}

/* SPDX-License-Identifier: BSD-3-Clause */
/* Parameter tables: what a job file may say, its type, default, range and meaning, declared once.
 *
 * A table is an array of sp_param closed by an entry whose key is NULL. It describes a plain C struct: each
 * entry names a field by its offset. The job file is checked against it, `seisproc help` and the docs print
 * it, and the fingerprint of a job covers it.
 */
#ifndef SEISPROC_PARAM_H
#define SEISPROC_PARAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "seisproc/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What a value is, and the type of the field that it goes to. Every field holds its value whole: a parameter struct is
 * copied by assignment and freed as one block. Lists are written [a, b, c]; a list of one may be written without the
 * brackets. */
typedef enum sp_param_type {
  SP_PARAM_BOOL,      /* bool; true, yes, on or false, no, off */
  SP_PARAM_INT,       /* int; SP_PARAM_AUTO where the file says auto or none, INT_MAX where it says inf */
  SP_PARAM_REAL,      /* double; NAN where the file says auto or none, INFINITY where it says inf */
  SP_PARAM_CHOICE,    /* int: the position in `choices` */
  SP_PARAM_TEXT,      /* sp_text: a line of UTF-8 without control characters, taken as it is */
  SP_PARAM_CONDITION, /* sp_condition: an expression over header columns (expression.h), taken as it is; "" is none */
  SP_PARAM_PATH,      /* sp_path: a file to read, relative to the working directory; "" is none */
  SP_PARAM_NUMBERS,   /* sp_numbers */
  SP_PARAM_HEADERS,   /* sp_words: names of header columns, each once */
  SP_PARAM_WORDS      /* sp_words: of those in `choices`, each at most once; without `choices` any words */
} sp_param_type;

enum {
  SP_PARAM_AUTO = -1,
  SP_TEXT_SIZE = 256,  /* with its NUL */
  SP_PATH_SIZE = 1024, /* with its NUL */
  SP_MAX_NUMBERS = 64,
  SP_MAX_WORDS = 16,
  SP_WORD_SIZE = 64, /* with its NUL */
  SP_MAX_CONDITION_NAMES = 8,
  SP_PARAM_VALUE_SIZE = 2048 /* holds what sp_param_format writes, whatever the parameter */
};

typedef struct sp_text {
  char text[SP_TEXT_SIZE];
} sp_text;

typedef struct sp_condition {
  char text[SP_TEXT_SIZE];
  uint32_t n_names; /* of the columns in it, in the order of their first use */
  char names[SP_MAX_CONDITION_NAMES][SP_WORD_SIZE];
} sp_condition;

typedef struct sp_path {
  double number; /* where the file gives a number in place of a path (SP_PARAM_OR_NUMBER), else NAN */
  char path[SP_PATH_SIZE];
} sp_path;

typedef struct sp_numbers {
  uint32_t n;
  double value[SP_MAX_NUMBERS];
} sp_numbers;

typedef struct sp_words {
  uint32_t n;
  char word[SP_MAX_WORDS][SP_WORD_SIZE];
} sp_words;

/* What else holds for a parameter: flags, added up. */
enum {
  SP_PARAM_ODD = 1,       /* integers: odd values only */
  SP_PARAM_OR_NUMBER = 2, /* paths: a number from min to max may stand for a file */
  SP_PARAM_ASCENDING = 4  /* lists of numbers: each is larger than the one before */
};
/* Lists: how many items at least and at most; without it any number that the field holds. An empty list is allowed
 * where `least` is 0 or the default is []. */
#define SP_PARAM_ITEMS(least, most) ((unsigned)(least) << 8 | (unsigned)(most) << 16)

typedef struct sp_param {
  const char *key;
  sp_param_type type;
  const char *default_text; /* the default, written as in a job file; NULL: a job must give it */
  double min, max;          /* inclusive; numbers only */
  unsigned rules;           /* SP_PARAM_ODD, SP_PARAM_ITEMS(1, 4), ... or 0 */
  const char
      *choices;     /* "soft|hard|garrote"; "auto", "inf", "none" or several for numbers that may be that; else NULL */
  const char *unit; /* "ms", "m/s", "Hz" or NULL */
  const char *help; /* one line */
  size_t offset;    /* of the field in the parameter struct */
} sp_param;

/* Writes every default of `table` into the struct at `values`; a value that a job must give is left all zero, or NAN
 * for real numbers. A default that does not parse leaves its field alone: the tests check every table for that. */
void sp_param_set_defaults(const sp_param *table, void *values);

/* Entry with this key, or NULL. */
const sp_param *sp_param_find(const sp_param *table, const char *key);

/* Whether a value is a list; whether it is taken as it is, blanks and signs included. */
bool sp_param_is_list(const sp_param *param);
bool sp_param_is_text(const sp_param *param);

/* Whether the word is among them. */
bool sp_words_have(const sp_words *words, const char *word);

enum { SP_WHY_SIZE = 512 }; /* holds any explanation whole */

/* Parses `text` as a value of `param` into the struct at `values`. Numbers are decimal and finite, without blanks or
 * leading zeros. Logs nothing: on failure writes into `why` (cut to why_size; SP_WHY_SIZE holds all) the key, what was
 * found, what is allowed and a likely remedy, leaves `values` as they were and returns SP_ERR_USAGE. Looks at no file.
 */
sp_status sp_param_parse(const sp_param *param, const char *text, void *values, char *why, size_t why_size);

/* The same for a list whose items are given one by one. */
sp_status sp_param_parse_items(const sp_param *param, const char *const *items, size_t n, void *values, char *why,
                               size_t why_size);

/* Writes the value in a form that parses back to the same bits; SP_PARAM_VALUE_SIZE holds any, 64 bytes hold what is
 * neither list nor text. */
void sp_param_format(const sp_param *param, const void *values, char *text, size_t size);

/* "an odd integer from 1 to 31", "a number from 0 m/s up, or auto", "one of soft, hard, garrote", "a list of 4
 * ascending numbers", ...; more than three choices of one family are shortened to their ends: "one of haar, db1 ...
 * db20". Cut to size; 256 holds all. */
void sp_param_allowed(const sp_param *param, char *text, size_t size);

#ifdef __cplusplus
}
#endif

#endif

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

#include "seisproc/status.h"

typedef enum sp_param_type {
  SP_PARAM_BOOL,   /* bool; true, yes, on or false, no, off */
  SP_PARAM_INT,    /* int; SP_PARAM_AUTO where `choices` is "auto" and the file says auto */
  SP_PARAM_REAL,   /* double; NAN where `choices` is "auto" and the file says auto */
  SP_PARAM_CHOICE, /* int: the position in `choices` */
} sp_param_type;

enum { SP_PARAM_AUTO = -1 };

typedef struct sp_param {
  const char *key;
  sp_param_type type;
  const char *standard; /* the default, written as in a job file */
  double min, max;      /* inclusive; numbers only */
  bool odd;             /* integers: odd values only */
  const char *choices;  /* "soft|hard|garrote"; "auto" for numbers that may be auto; else NULL */
  const char *unit;     /* "ms", "m/s", "Hz" or NULL */
  const char *help;     /* one line */
  size_t offset;        /* of the field in the parameter struct */
} sp_param;

/* Writes every default of `table` into the struct at `values`. A default that does not parse leaves its field alone:
 * the tests check every table for that. */
void sp_param_set_defaults(const sp_param *table, void *values);

/* Entry with this key, or NULL. */
const sp_param *sp_param_find(const sp_param *table, const char *key);

enum { SP_WHY_SIZE = 512 }; /* holds any explanation whole */

/* Parses `text` as a value of `param` into the struct at `values`. Numbers are decimal and finite, without blanks or
 * leading zeros. Logs nothing: on failure writes into `why` (cut to why_size; SP_WHY_SIZE holds all) the key, what was
 * found, what is allowed and a likely remedy, leaves `values` as they were and returns SP_ERR_USAGE. */
sp_status sp_param_parse(const sp_param *param, const char *text, void *values, char *why, size_t why_size);

/* Writes the value as a job file would say it, in a form that parses back to the same bits. 64 bytes hold any. */
void sp_param_format(const sp_param *param, const void *values, char *text, size_t size);

/* "an odd integer from 1 to 31", "a number from 0 m/s up, or auto", "one of soft, hard, garrote", ...; more than three
 * choices of one family are shortened to their ends: "one of haar, db1 ... db20". Cut to size; 256 holds all. */
void sp_param_allowed(const sp_param *param, char *text, size_t size);

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
/* Trace header fields: one table of what the standards define, by the names that Seismic Unix gave them.
 *
 * Sources: SEG-Y rev 0 (Barry, Cavers and Kneale 1975), rev 1 (2002), rev 2.0 (2017) and 2.1 (2023); for the words of
 * Seismic Unix beyond byte 180 its own header file. Bytes count from 1, as the standards do. Pure data, no I/O.
 */
#ifndef SEISPROC_TRACE_HEADER_H
#define SEISPROC_TRACE_HEADER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SP_TRACE_HEADER_BYTES = 240 };

/* How a field is stored. IBM is the System/360 single-precision float. */
typedef enum sp_field_type {
  SP_FIELD_INT8,
  SP_FIELD_UINT8,
  SP_FIELD_INT16,
  SP_FIELD_UINT16,
  SP_FIELD_INT32,
  SP_FIELD_UINT32,
  SP_FIELD_INT64,
  SP_FIELD_UINT64,
  SP_FIELD_FLOAT32,
  SP_FIELD_FLOAT64,
  SP_FIELD_IBM32,
} sp_field_type;

/* Width in bytes. */
size_t sp_field_width(sp_field_type type);

/* Short name, as `--field` takes it: "i2", "u4", "f8", "ibm", ... */
const char *sp_field_type_name(sp_field_type type);

/* The type of that short name; false for any other text. */
bool sp_field_type_parse(const char *name, sp_field_type *out);

/* Where a field is defined. */
typedef enum sp_header_block {
  SP_BLOCK_STANDARD,   /* the 240-byte header of SEG-Y; bytes 1-180 are SU's as well */
  SP_BLOCK_SU,         /* bytes 181-240 of an SU header */
  SP_BLOCK_EXTENSION1, /* SEG-Y rev 2's trace header extension 1, named SEG00001 in its bytes 233-240 */
} sp_header_block;

typedef struct sp_header_field {
  const char *name; /* SU's header word, lower case; the column /headers/<name> */
  sp_header_block block;
  uint16_t byte; /* of the first byte in its block, from 1 */
  sp_field_type type;
  uint8_t revision;    /* of SEG-Y that defined it: 0, 1 or 2 */
  const char *unit;    /* "ms", "us", "Hz", ...; "length" is m or ft as the file says; NULL: none */
  const char *scalar;  /* name of the field whose value scales this one (sp_header_scaled); NULL: none */
  const char *aliases; /* SEG-Y's long names and those of rev 2.1's layout stanza, '|' between them */
  const char *meaning; /* one line */
} sp_header_field;

/* The i-th field: those of the standard header in the order of their bytes, then SU's own, then those of extension 1
 * (some of them under the name of the standard field that they override). NULL past the last. */
const sp_header_field *sp_header_field_at(size_t i);

/* Field of this name or alias in a block; letter case and underscores do not matter. NULL where there is none. */
const sp_header_field *sp_header_field_find(sp_header_block block, const char *name);

/* The column name that `name` stands for in any block ("FieldRecord" gives "fldr"), NULL where it stands for none. */
const char *sp_header_name(const char *name);

/* The name or alias nearest to a mistyped one, empty where none is near. `out` holds at least 64 bytes. */
void sp_header_nearest(const char *name, char *out, size_t size);

/* A value times what its SEG-Y scalar stands for: positive multiplies, negative divides, 0 is 1. Legal are 0 and plus
 * or minus 1, 10, 100, 1000, 10000 (rev 2 adds 100000); any other is taken as 1. */
double sp_header_scaled(double value, int scalar);
bool sp_header_scale_is_legal(int scalar);

#endif

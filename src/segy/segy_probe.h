/* A file being identified. Private to src/segy: segy_identify.c finds what it is, segy_layout.c how it is laid out. */
#ifndef SEISPROC_SRC_SEGY_SEGY_PROBE_H
#define SEISPROC_SRC_SEGY_SEGY_PROBE_H

#include "seisproc/segy.h"
#include "src/segy/segy_bytes.h"

/* Positions in the 400-byte binary header, from 0. */
enum {
  SP_BINARY_INTERVAL = 16,
  SP_BINARY_SAMPLES = 20,
  SP_BINARY_FORMAT = 24,
  SP_BINARY_MEASUREMENT = 54,
  SP_BINARY_WIDE_SAMPLES = 68,  /* rev 2 */
  SP_BINARY_WIDE_INTERVAL = 72, /* rev 2 */
  SP_BINARY_ORDER = 96,         /* rev 2: 16909060, the bytes 1 2 3 4 in big-endian order */
  SP_BINARY_REVISION = 300,
  SP_BINARY_TEXTS = 304,       /* rev 1: extended textual headers */
  SP_BINARY_EXTENSIONS = 306,  /* rev 2: trace header extensions; 4 bytes in 2.0, 2 in 2.1 */
  SP_BINARY_TRACES = 312,      /* rev 2 */
  SP_BINARY_FIRST_TRACE = 320, /* rev 2 */
  SP_BINARY_TRAILERS = 328,    /* rev 2 */
};

enum { SP_PROBE_HEAD = 8192 };

typedef struct sp_segy_probe {
  const char *path;
  const sp_segy_hints *hints;
  int fd;
  uint64_t bytes;
  size_t n_head;
  uint8_t head[SP_PROBE_HEAD]; /* the first bytes of the file, n_head of them; zeros after */
} sp_segy_probe;

/* Adds a line to what contradicts the file. */
void sp_segy_note(sp_segy_layout *layout, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Reads exactly n bytes at an offset. Errors: SP_ERR_IO, also where the file ends before. */
sp_status sp_segy_read_at(int fd, const char *path, uint64_t offset, size_t n, void *out);

/* A header word that a layout stanza places elsewhere than the standard does. */
typedef struct sp_stanza_place {
  sp_header_block block;
  const sp_header_field *field;
  uint16_t byte; /* from 1 */
  sp_field_type type;
  bool scaled; /* its type says that the scalar of its kind applies */
} sp_stanza_place;

typedef struct sp_stanza {
  bool found;
  size_t n_places;
  sp_stanza_place places[SP_SEGY_MAX_COLUMNS];
} sp_stanza;

/* Number of extended textual headers up to and with the one that holds ((SEG: EndText)); SP_ERR_INPUT without one. */
sp_status sp_stanza_count_texts(const sp_segy_probe *probe, uint64_t *out);

/* Number of texts from the first extended one on that begin with a stanza, declared or not. */
sp_status sp_stanza_count_all(const sp_segy_probe *probe, uint64_t *out);

/* Reads the layout stanza (rev 2.1, D8) among n extended textual headers. A stanza that cannot be used is noted and
 * left out. */
sp_status sp_stanza_read(const sp_segy_probe *probe, uint64_t n_texts, sp_segy_layout *layout, sp_stanza *out);

/* The field at its place in a standard header: the stanza's, else the table's. */
double sp_stanza_value(const sp_stanza *stanza, sp_byte_order order, const char *name, const uint8_t *header);

/* Fills layout->columns from the table, the stanza and the hints. `header` is the first trace's raw header. */
sp_status sp_segy_columns_set(const sp_segy_probe *probe, const sp_stanza *stanza, const uint8_t *header,
                              int measurement, sp_segy_layout *layout);

/* The number of a field in a raw header, as a double. */
double sp_segy_field_value(const uint8_t *at, sp_field_type type, sp_byte_order order);

/* Works out everything of *layout but kind, order and format, which are set. */
sp_status sp_segy_find_layout(const sp_segy_probe *probe, sp_segy_layout *layout);

/* How far a file looks like SU in one byte order: 0 not at all, 1 its first traces agree, 2 the size fits as well. */
int sp_segy_su_score(const sp_segy_probe *probe, sp_byte_order order);

#endif

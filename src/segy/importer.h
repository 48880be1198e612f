/* SPDX-License-Identifier: BSD-3-Clause */
/* An import under way. Private to src/segy: import.c runs it. Below it, each file using those before it:
 * import_columns.c has the values of columns, import_keys.c makes an order of them, import_notes.c says what headers
 * contradicted the file, import_pass.c moves traces, import_prepare.c looks at the file, import_create.c makes the
 * empty output, import_finish.c adds what is known last. */
#ifndef SEISPROC_SRC_SEGY_IMPORTER_H
#define SEISPROC_SRC_SEGY_IMPORTER_H

#include "seisproc/import.h"
#include "seisproc/lock.h"
#include "seisproc/meter.h"
#include "seisproc/ranks.h"
#include "seisproc/survey_file.h"
#include "src/index/trace_order.h"

/* What the headers of all traces say against what is used. */
typedef enum sp_note_kind {
  SP_NOTE_SAMPLES,           /* ns is another number */
  SP_NOTE_NO_SAMPLES,        /* ns is 0 */
  SP_NOTE_INTERVAL,          /* dt is another number */
  SP_NOTE_NO_INTERVAL,       /* dt is 0 */
  SP_NOTE_COORDINATE_SCALAR, /* scalco is none of the standard's */
  SP_NOTE_ELEVATION_SCALAR,
  SP_NOTE_TIME_SCALAR,     /* scalt, in SEG-Y; SU does not define it */
  SP_NOTE_COORDINATE_UNIT, /* counit is another one than in the first trace */
  SP_NOTE_UNKNOWN_UNIT,    /* counit is none of the standard's */
  SP_NOTE_OFFSET,          /* the recorded offset is far from the derived one */
  SP_NOTE_WEIGHT,          /* SEG-Y's weighting factor is not 0: samples are meant to be multiplied by a power of two */
  SP_NOTE_LARGE_WEIGHT,    /* it is beyond +-SP_MOST_WEIGHT, so it is hardly one */
  SP_NOTE_KINDS,
} sp_note_kind;

typedef struct sp_note {
  uint64_t count, first; /* traces, and the first of them from 0; UINT64_MAX: none */
  double value;          /* that one's */
} sp_note;

typedef struct sp_importer {
  sp_ranks ranks;
  const sp_import_options *options;
  sp_segy_layout *layout; /* owned */
  const char *opened;     /* what is opened: the input, or the spool of one that is a pipe */
  char *spool;            /* its name while it is there; owned; rank 0 */
  bool spooled;
  int fd;
  char *part_path; /* owned */
  sp_lock *lock;   /* on the output; rank 0, owned */
  sp_survey *survey;
  sp_dataset *traces, *raw_headers, *columns[SP_SEGY_MAX_COLUMNS];
  int n_gather_keys, n_keys, key_column[SP_MAX_ORDER_KEYS];
  double key_step[SP_MAX_ORDER_KEYS]; /* finest scalar of a scaled key; INFINITY: not scaled */
  int offset_column;                  /* to be derived; -1: not */
  bool has_recorded_offset;           /* and the file has one as well */
  int coordinate[4];                  /* columns sx, sy, gx, gy */
  bool applies_weights;               /* to samples, of which trace headers say that they are integers times 2^-N */
  bool order_expected;                /* traces are taken to stand in gather order already */
  uint64_t first, end;                /* this rank's share of the traces, by position in the output */
  void *keys[SP_MAX_ORDER_KEYS];      /* of the share; rank 0: room for all traces */
  sp_order order;                     /* rank 0 */
  uint32_t *source; /* of the share: which trace of the file goes where; NULL: the same; owned but on rank 0 */
  uint8_t *inexact; /* a bit for each trace of the share: its samples do not come back from floats exactly */
  uint64_t n_inexact;
  sp_note notes[SP_NOTE_KINDS];
  int n_length_checks; /* done by this rank */
  sp_meter meter;
} sp_importer;

/* Finds the columns of the keys that the options name. Rank 0. */
sp_status sp_import_find_keys(sp_importer *im);

/* Collects the keys on rank 0 and makes im->order there. Collective. */
sp_status sp_import_build_order(sp_importer *im);

/* Rank 0 identifies the input, resolves the keys and looks at a few traces; the others are told. Collective. */
sp_status sp_import_prepare(sp_importer *im);

/* Removes the spool's name, if there is one. */
void sp_import_drop_spool(sp_importer *im);

/* "fldr", "iline+xline", "none". */
void sp_import_gather_name(const sp_importer *im, char name[SP_NAME_LENGTH + 1]);

/* Creates the file and opens it. Collective. */
sp_status sp_import_create(sp_importer *im);
sp_status sp_import_open(sp_importer *im);
void sp_import_close(sp_importer *im);

/* One way through the traces of this rank's share. Not collective. */
typedef struct sp_pass {
  bool write;         /* traces and headers to the output */
  bool collect;       /* keys and notes; only in the file's order */
  double done, share; /* for the progress: what passes before did, and what this one does, of 1 */
} sp_pass;

sp_status sp_import_pass(sp_importer *im, const sp_pass *pass);

/* Reads the raw header of one trace of the file. */
sp_status sp_import_read_header(const sp_importer *im, uint64_t trace, void *header);

/* The value of a column in its unit, derived ones included. */
double sp_import_value(const sp_importer *im, int column, const void *header);

/* Values of a column as they are stored: derived, and corrected where the headers contradict the file. */
void sp_import_column(const sp_importer *im, int column, const void *headers, size_t n, void *out);

/* Values of a key, for comparing: doubles in its unit where the column is scaled, else as stored. Keeps the finest
 * step. */
void sp_import_key_values(sp_importer *im, int key, const void *headers, size_t n, void *out);
size_t sp_import_key_bytes(const sp_importer *im, int column);

/* Counts what n headers from trace `first` on say against what is used. Errors: SP_ERR_INPUT where traces turn out to
 * be of several lengths. */
sp_status sp_import_note_headers(sp_importer *im, uint64_t first, const void *headers, size_t n);

/* Logs the notes of all ranks, from rank 0. Collective. */
sp_status sp_import_log_notes(sp_importer *im);

/* Adds the gather index and the samples that floats do not keep, syncs, renames. Collective. */
sp_status sp_import_finish(sp_importer *im);

#endif

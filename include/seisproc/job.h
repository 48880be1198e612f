/* SPDX-License-Identifier: BSD-3-Clause */
/* The job file: YAML text to a checked struct.
 *
 * Everything wrong with a job file is found here, before any rank reads data: unknown keys, wrong types, values out
 * of range, an empty chain; each is one line with file, line, what was found and what is allowed.
 */
#ifndef SEISPROC_JOB_H
#define SEISPROC_JOB_H

#include <stdbool.h>
#include <stddef.h>

#include "seisproc/choices.h"
#include "seisproc/param.h"
#include "seisproc/processor.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { SP_MAX_SORT_KEYS = 4, SP_FINGERPRINT_LENGTH = 32 };

typedef enum sp_dead_traces { SP_DEAD_TRACES_REPORT, SP_DEAD_TRACES_IGNORE } sp_dead_traces;

/* Scalar settings of a job, described by sp_job_params. */
typedef struct sp_job_settings {
  /* what is computed */
  int mode;        /* sp_mode */
  int on_error;    /* sp_on_error */
  int nan;         /* sp_nan */
  int trid;        /* sp_trid */
  int precision;   /* sp_precision */
  int qc;          /* sp_qc */
  sp_text gathers; /* of the input that are taken: a line that selection.h explains */
  int samples;     /* sp_sample_form: how the output's samples are stored */
  int pack;        /* sp_job_pack: how the output is packed */
  int pack_level;  /* SP_PARAM_AUTO: 1 */
  double pack_error_bound;
  /* how it runs: none of these changes a bit of the output (another engine: within its stated tolerance) */
  int engine;                        /* sp_engine_kind */
  int workers;                       /* in all; SP_PARAM_AUTO: from the cores and GPUs */
  int workers_per_gpu;               /* where that follows from the GPUs */
  int threads;                       /* a worker; SP_PARAM_AUTO */
  int io_ranks;                      /* a node */
  bool direct_io;                    /* results go past the page cache */
  int slots;                         /* output slots a worker */
  int slab_mb;                       /* largest slab in MB, unless one gather has more; SP_PARAM_AUTO */
  double commit_interval;            /* s */
  int restarts;                      /* of a job that died, in a row without progress */
  double stall_timeout;              /* s; 0: none */
  double max_time;                   /* s; NAN: as long as the resource manager leaves it */
  int read_transfer, write_transfer; /* sp_transfer */
  int group;                         /* sp_read_group */
  int aggregators;                   /* ranks that write for the others in a collective write; 0: each rank its own */
  double collective_timeout;         /* s from the last arrival; 0: none */
  sp_text mpi_hints;                 /* "key=value, key=value" */
  int stripe_count;                  /* of a new output on Lustre; SP_PARAM_AUTO */
  int stripe_unit;                   /* MB; SP_PARAM_AUTO */
  sp_text metrics;                   /* where to write metrics for Prometheus */
  int dead_traces;                   /* sp_dead_traces: whether gathers with dead traces count for the exit code */
} sp_job_settings;

extern const sp_param sp_job_params[];

/* Keys of the settings that decide bits of the output, and so are part of a job's canonical text and fingerprint, and
 * of those that do not. Every setting is in one of the two, which a test sees to; closed by NULL. */
extern const char *const sp_settings_that_decide[];
extern const char *const sp_settings_that_do_not[];

/* The keys of a job file that are not settings, for `seisproc help`; closed by an entry whose key is NULL. */
typedef struct sp_job_key {
  const char *key;
  const char *form;         /* "path", "list", "map" or "choice" */
  const char *default_text; /* the default; NULL: must be given */
  const char *help;         /* one line */
} sp_job_key;

extern const sp_job_key sp_job_keys[];

typedef struct sp_job {
  char *input; /* paths as written, relative to the working directory; owned */
  char *output;
  char *sort[SP_MAX_SORT_KEYS]; /* header names, the first the most significant; owned */
  size_t n_sort;
  sp_chain_step *chain; /* [n_steps]; owned, with its parameter structs */
  size_t n_steps;
  sp_job_settings settings;
} sp_job;

/* Reads a file into one string, for sp_job_parse; the caller owns it (sp_free). Errors: SP_ERR_USAGE, one line: not
 * there, a directory, not text, more than 1 MiB. */
sp_status sp_job_read_text(const char *path, char **text);

/* Parses job text. `path` is used in messages only. overrides[n]: "key=value" as given to --set, for instance
 * "chain.1.dwt.k=2.5" (steps count from 0), "mode=noise", "sort=[cdp, offset]"; they win over the text, a later one
 * over an earlier one, and are checked in the same way, with the override in place of the line. "chain.2=dwt" replaces
 * a step or adds one behind the last. The text may write keys in full, too ("chain.1.dwt.k: 2.5"), as canonical text
 * does. Looks at the file system only to see whether input and output are one file. The caller owns *out. Errors:
 * SP_ERR_USAGE; all mistakes are logged, one line each, not only the first: "job.yaml:12: chain.1.dwt.k: found ...". */
sp_status sp_job_parse(const char *path, const char *text, const char *const *overrides, size_t n, sp_job **out);

/* "float32", "float16-scaled", "int16-scaled". */
const char *sp_sample_form_name(sp_sample_form form);

/* False for another name. */
bool sp_sample_form_parse(const char *name, sp_sample_form *out);

/* Takes NULL. */
void sp_job_destroy(sp_job *job);

/* The job as a job file in a fixed form, defaults written out, only what decides the output's bits (not input and
 * output paths, nor how it runs). One `key: value` a line, a chain step's as `chain.1: dwt` and `chain.1.dwt.k: 3`, so
 * that two can be compared line by line. With lines for input and output it is a job file. The caller owns the text
 * (sp_free). */
sp_status sp_job_canonical(const sp_job *job, char **text);

/* Hash of the canonical text, SP_FINGERPRINT_LENGTH lower-case hex digits and a NUL: equal for two jobs that give the
 * same output from the same input. */
sp_status sp_job_fingerprint(const sp_job *job, char hex[SP_FINGERPRINT_LENGTH + 1]);

/* The first line in which two canonical texts differ, as "chain.1.dwt.k: 3, now 2.5" or, where one does not have the
 * key, "chain.2: not set, now mute"; false when equal, with `text` as it was. */
bool sp_job_difference(const char *was, const char *is, char *text, size_t size);

#ifdef __cplusplus
}
#endif

#endif

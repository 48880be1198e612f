/* SPDX-License-Identifier: BSD-3-Clause */
/* Processors: what a chain is made of.
 *
 * A processor declares itself once: its name, its scope, its parameter table, the trace headers it needs, its checks,
 * and one ops table a backend. kernels/processor_list.h names them all. Kernels know no MPI and no HDF5.
 *
 * The CPU backend is the reference. A plan is made once for a survey's geometry and number of threads and
 * holds everything that apply needs: apply allocates nothing. Results must not depend on how a gather is
 * cut into blocks, on where it lies in memory, or on the number of threads: bit for bit.
 */
#ifndef SEISPROC_PROCESSOR_H
#define SEISPROC_PROCESSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "seisproc/param.h"
#include "seisproc/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Why a gather could not be processed as asked; recorded in /integrity/status. Values are part of the file
 * format: never renumber. */
typedef enum sp_reason {
  SP_REASON_OK = 0,
  SP_REASON_DEAD_TRACES = 1, /* some traces are all zero: they stay so, the others were processed */
  SP_REASON_NOT_FINITE = 2,  /* a sample of the input is NaN or Inf */
  SP_REASON_DEAD = 3,        /* every trace is all zero */
  SP_REASON_TOO_SHORT = 4,   /* fewer samples than a processor needs */
  SP_REASON_GEOMETRY = 5,    /* a header that a processor needs cannot be used */
  SP_REASON_UNREADABLE = 6,  /* its samples could not be read */
  SP_REASON_CRASHED = 7,     /* killed its worker repeatedly and was set aside */
  SP_REASON_BAD_TRACES = 8,  /* some traces hold NaN or Inf: they stay as they are, the others were processed */
  SP_REASON_OVERFLOW = 9,    /* a result is NaN or Inf, although the input is finite */
  SP_REASON_COUNT
} sp_reason;

/* "not finite", ...; never NULL. */
const char *sp_reason_name(sp_reason reason);

/* Whether a gather with this reason was processed, but for some of its traces. */
static inline bool sp_reason_is_processed(uint32_t reason) {
  return reason <= SP_REASON_DEAD_TRACES || reason == SP_REASON_BAD_TRACES;
}

/* How backends that have a choice store coefficients. */
typedef enum sp_precision {
  SP_PRECISION_FLOAT32,
  SP_PRECISION_MIXED /* time-frequency coefficients are stored in half precision, computed in float32 */
} sp_precision;

/* What a plan is made for. */
typedef struct sp_geometry {
  uint32_t n_samples;       /* a trace */
  uint32_t max_traces;      /* the largest gather */
  double sample_interval_s; /* > 0 */
  int n_threads;            /* apply is called with thread 0 ... n_threads - 1, each by one thread at a time */
} sp_geometry;

/* How far an output trace looks. */
typedef enum sp_locality {
  SP_LOCAL_TRACE, /* at the same input trace only; in place is allowed; a call may be given a part of a gather (traces
                     and headers) as though it were all of it */
  SP_LOCAL_BLOCK, /* at neighbouring traces of the gather: in and out differ, any cut into blocks is allowed */
  SP_LOCAL_GATHER /* at the whole gather, in one call with first = 0, count = n_traces; in and out differ */
} sp_locality;

/* The traces that one call of apply computes. Traces are contiguous, n_samples floats each. */
typedef struct sp_block {
  const float *in;              /* [n_traces][n_samples], the whole gather; borrowed, not written */
  float *out;                   /* [n_traces][n_samples]; only rows first ... first + count - 1 are written */
  uint32_t n_traces;            /* of the gather */
  uint32_t first, count;        /* the rows to compute */
  const double *const *headers; /* [k][n_traces], k in the order of sp_processor_headers; all NAN for an optional
                                   column that the survey does not have */
  float *kept;    /* [n_traces][sp_plan.keep_floats]: apply fills the rows that it computes, undo reads them */
  void *findings; /* [sp_plan.finding_bytes] of this gather, or NULL: what apply found out about the same traces under
                     other parameters, zero before; it looks for itself what of it still holds, and leaves its own. The
                     result is the same with and without */
  void (*row_done)(void *context, uint32_t row); /* NULL, or, where the plan says so (tells_rows), to be called for each
                                                    row that is finished, in ascending order: the caller takes it
                                                    while the cache holds it and its input, and may write over it */
  void *row_context;
  bool stream; /* a hint: out is not read again soon, so stores that bypass the cache pay off. Where
                  it is false the caller reads the rows at once (checksum, noise) */
} sp_block;

/* Head of every plan: a backend's own plan struct starts with it. */
typedef struct sp_plan {
  const struct sp_cpu_ops *ops;
  sp_locality locality;
  uint32_t block_traces; /* rows a call; at least 1. Trace-local: the fewest that it is efficient with, since what comes
                            after works on them while the nearest cache holds them. Block-local: so many that what is
                            computed twice at the edges of a call does not matter */
  bool edits;      /* it decides which traces there are (mute, edit): in the steps that a chain begins with it gets all
                      traces, dead and not finite ones too, and what leaves it all zero is nobody's neighbour. Other
                      steps get the live traces of a gather only, as though there were no others */
  bool takes_dead; /* whole gathers: it gets all traces at their places, those that are not live as zeros, since it
                      knows of the gap by the place (fk); what it makes of them is not used */
  uint32_t keep_floats; /* that apply keeps of each trace for undo; 0 where it cannot be undone */
  size_t finding_bytes; /* that apply can leave for other plans of this processor; whole gathers; 0: nothing */
  bool tells_rows;      /* whole gathers: apply calls sp_block.row_done */
  bool compares; /* a sample with those of the same number in other traces: all of a gather have to begin at one time */
} sp_plan;

typedef struct sp_cpu_ops {
  /* Makes a plan; the caller owns it (destroy). `params` is the processor's parameter struct, borrowed during
   * the call. Errors: SP_ERR_USAGE for parameters that contradict each other or the geometry, logged. */
  sp_status (*plan)(const void *params, const sp_geometry *geometry, sp_plan **out);
  /* Computes a block. Input may hold NaN or Inf, and traces that are all zero: any output will do then (unless the plan
   * edits), but it must return. Not
   * SP_REASON_OK: the whole gather is handled as the job's on_error says, whatever was written; where the rows of
   * the block have several reasons, the largest. Output must not depend on anything but the arguments. */
  sp_reason (*apply)(const sp_plan *plan, int thread, const sp_block *block);
  /* Takes NULL. */
  void (*destroy)(sp_plan *plan);
} sp_cpu_ops;

enum { SP_MAX_PROCESSOR_HEADERS = 9 };

/* What one task of a processor is, and so which flow takes it. */
typedef enum sp_scope {
  SP_SCOPE_GATHER, /* whole gathers, each by itself */
  SP_SCOPE_VOLUME, /* a cube: a set of traces on a grid, dealt to a group of ranks */
  SP_SCOPE_IMAGE   /* an output of another shape than the input */
} sp_scope;

/* "gather", "volume", "image" */
const char *sp_scope_name(sp_scope scope);

/* A header column as a survey has it. */
typedef struct sp_column {
  const char *name;
  const char *units; /* as the file says: "m", "ms"; "" where it does not say */
  bool has_range;    /* `least` and `most` are known, without the traces that hold no number */
  bool has_none;     /* it was looked at, and no trace holds a number */
  double least, most;
} sp_column;

/* Takes a line about what is assumed. */
typedef void (*sp_note_function)(const char *text);

/* A survey as far as it is known before anything is processed. */
typedef struct sp_survey_shape {
  uint64_t n_traces, n_gathers;
  uint32_t n_samples;       /* a trace */
  uint32_t max_traces;      /* the largest gather */
  double sample_interval_s; /* > 0 */
  const sp_column *columns; /* [n_columns]; borrowed */
  size_t n_columns;
  sp_note_function note; /* for check_shape to tell what it assumes; NULL: not to be told now */
} sp_survey_shape;

/* The column of that name, or NULL. */
const sp_column *sp_survey_shape_column(const sp_survey_shape *shape, const char *name);

struct sp_volume_ops;
struct sp_image_ops;

typedef struct sp_processor {
  const char *name;
  const char *summary; /* one line */
  sp_scope scope;
  const sp_param *params;
  size_t params_size; /* of the parameter struct */
  /* What a job must give (params without a default), as in `- name: {...}`, for help and tests; NULL: nothing. */
  const char *example;
  /* Header columns that it reads, closed by NULL. A name that ends in '?' is optional: where the survey lacks it, all
   * its values are NAN. */
  const char *headers[SP_MAX_PROCESSOR_HEADERS + 1];
  /* Columns that follow these and depend on parameters: writes at most `max` names, which belong to `params` or are
   * constant, and returns how many. NULL: none. */
  size_t (*more_headers)(const void *params, const char **names, size_t max);
  /* Checks parameters against each other; NULL where the table says all. On failure fills `why` and returns
   * SP_ERR_USAGE without logging. Looks at no file. */
  sp_status (*check)(const void *params, char *why, size_t why_size);
  /* The same against the survey: runs on rank 0 before anything is created or copied, after the columns that are not
   * optional were found to be there. What would fail for every gather is refused here. NULL: any survey will do. */
  sp_status (*check_shape)(const void *params, const sp_survey_shape *shape, char *why, size_t why_size);
  /* A look at a gather before a job starts, for what is odd and not wrong. look_headers: its columns; writes at most
   * `max` names. look: `headers` are NULL where the survey lacks one, `work` holds n_traces values; writes what there
   * is to say into note[size], "" where there is nothing. Both NULL: not looked at. */
  size_t (*look_headers)(const void *params, const char **names, size_t max);
  void (*look)(const void *params, const double *const *headers, uint32_t n_traces, uint32_t n_samples,
               double sample_interval_s, double *work, char *note, size_t size);
  /* Of a processor that transforms across traces in float32, and so leaves rounding of all of them in each: a parameter
   * that keeps strong traces from faint ones, as text; NULL where these parameters do. NULL: it does no such thing. */
  const char *(*spreads)(const void *params);
  /* What computes on the CPU, by scope. */
  const sp_cpu_ops *cpu;
  /* Takes back what apply did, with what apply kept of each trace (sp_block.kept): `- undo: NAME` later in a chain.
   * Sees the same traces as apply did, in the same order; looks at each by itself, and may be called in place and with
   * a part of a gather, as a trace-local apply. `plan` is that of the step that is taken back. NULL: cannot be undone.
   */
  sp_reason (*undo)(const sp_plan *plan, int thread, const sp_block *block);
  const struct sp_volume_ops *volume;
  const struct sp_image_ops *image;
} sp_processor;

/* Names of the columns that a processor with these parameters reads, fixed ones first, optional ones with their '?', in
 * the order in which a backend gets them. Writes at most SP_MAX_PROCESSOR_HEADERS and returns how many. */
size_t sp_processor_headers(const sp_processor *processor, const void *params,
                            const char *names[SP_MAX_PROCESSOR_HEADERS]);

/* Whether the name of a column ends in '?'; whether two names mean the same column. */
bool sp_header_is_optional(const char *name);
bool sp_header_is(const char *a, const char *b);

/* Fills a parameter struct with the defaults and what `example` gives. */
void sp_processor_example(const sp_processor *processor, void *params);

/* One step of a chain: a processor and its parameters (params_size bytes, as its table describes). */
typedef struct sp_chain_step {
  const sp_processor *processor;
  const void *params;
  size_t undoes; /* 0, or 1 + the position of the earlier step that this one takes back: then processor and params are
                    those of that step, and belong to it */
} sp_chain_step;

/* Checks each step of a chain against the survey: that the columns it needs are there, and its own check_shape. Errors:
 * SP_ERR_USAGE, one line that begins with "chain.1.tf: " and is what `what` is about ("job.yaml", a survey). */
sp_status sp_chain_check_shape(const char *what, const sp_chain_step *chain, size_t n_steps,
                               const sp_survey_shape *shape);

/* The processor of that name, or NULL. */
const sp_processor *sp_processor_find(const char *name);

/* All processors in the order of the list; NULL past the last. */
const sp_processor *sp_processor_at(size_t i);

/* Where a processor stands in the list, and so in every backend's list; SIZE_MAX for one that is not in it. */
size_t sp_processor_position(const sp_processor *processor);

#ifdef __cplusplus
}
#endif

#endif

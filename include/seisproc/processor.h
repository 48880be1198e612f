/* Processors: what a chain is made of.
 *
 * A processor declares itself once: its name, its parameter table, the trace headers it needs, and one ops
 * table a backend. kernels/processor_list.h names them all. Kernels know no MPI and no HDF5.
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

/* Why a gather could not be processed as asked; recorded in /integrity/status. Values are part of the file
 * format: never renumber. */
typedef enum sp_reason {
  SP_REASON_OK = 0,
  SP_REASON_DEAD_TRACES = 1, /* some traces are all zero: they stay so, the others were processed */
  SP_REASON_NOT_FINITE = 2,  /* a sample is NaN or Inf */
  SP_REASON_DEAD = 3,        /* every trace is all zero */
  SP_REASON_TOO_SHORT = 4,   /* fewer samples than a processor needs */
  SP_REASON_GEOMETRY = 5,    /* a header that a processor needs cannot be used */
  SP_REASON_UNREADABLE = 6,  /* its samples could not be read */
  SP_REASON_CRASHED = 7,     /* killed its worker repeatedly and was set aside */
  SP_REASON_COUNT
} sp_reason;

/* "not finite", ...; never NULL. */
const char *sp_reason_name(sp_reason reason);

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
  const double *const *headers; /* [k][n_traces], k in the order of sp_processor.headers */
  bool stream;                  /* a hint: out is not read again soon, so stores that bypass the cache pay off. Where
                                   it is false the caller reads the rows at once (checksum, noise) */
} sp_block;

/* Head of every plan: a backend's own plan struct starts with it. */
typedef struct sp_plan {
  const struct sp_cpu_ops *ops;
  sp_locality locality;
  uint32_t block_traces; /* rows a call; at least 1. Trace-local: the fewest that it is efficient with, since what comes
                            after works on them while the nearest cache holds them. Block-local: so many that what is
                            computed twice at the edges of a call does not matter */
} sp_plan;

typedef struct sp_cpu_ops {
  /* Makes a plan; the caller owns it (destroy). `params` is the processor's parameter struct, borrowed during
   * the call. Errors: SP_ERR_USAGE for parameters that contradict each other or the geometry, logged. */
  sp_status (*plan)(const void *params, const sp_geometry *geometry, sp_plan **out);
  /* Computes a block. Input may hold NaN or Inf: any output will do then, but it must return. Not
   * SP_REASON_OK: the whole gather is handled as the job's on_error says, whatever was written; where the rows of
   * the block have several reasons, the largest. Output must not depend on anything but the arguments. */
  sp_reason (*apply)(const sp_plan *plan, int thread, const sp_block *block);
  /* Takes NULL. */
  void (*destroy)(sp_plan *plan);
} sp_cpu_ops;

enum { SP_MAX_PROCESSOR_HEADERS = 4 };

typedef struct sp_processor {
  const char *name;
  const char *summary; /* one line */
  const sp_param *params;
  size_t params_size;                                /* of the parameter struct */
  const char *headers[SP_MAX_PROCESSOR_HEADERS + 1]; /* header columns it needs, closed by NULL */
  /* Checks parameters against each other; NULL where the table says all. On failure fills `why` and returns
   * SP_ERR_USAGE without logging. */
  sp_status (*check)(const void *params, char *why, size_t why_size);
  const sp_cpu_ops *cpu;
} sp_processor;

/* One step of a chain: a processor and its parameters (params_size bytes, as its table describes). */
typedef struct sp_chain_step {
  const sp_processor *processor;
  const void *params;
} sp_chain_step;

/* The processor of that name, or NULL. */
const sp_processor *sp_processor_find(const char *name);

/* All processors in the order of the list; NULL past the last. */
const sp_processor *sp_processor_at(size_t i);

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
/* The engine on a device: what its files share. Private to src/flow/gather.
 *
 *   device_engine.c     slabs in flight
 *   device_memory.c     buffers of batches
 *   device_batch.c      what is queued for a batch
 *   device_conductor.c  batches on their way between device and CPU, where a chain is computed on both
 *   device_chain.c      which step where
 */
#ifndef SEISPROC_SRC_FLOW_GATHER_DEVICE_ENGINE_H
#define SEISPROC_SRC_FLOW_GATHER_DEVICE_ENGINE_H

#include "src/device/module.h"
#include "src/flow/gather/device_chain.h"
#include "src/flow/gather/engine_ops.h"

/* Where the parts of a batch's description lie, on the host as on the device; bytes. */
typedef struct sp_meta_layout {
  size_t first_trace, set_aside, gather, order, skip, headers, column, bytes;
} sp_meta_layout;

/* Memory of one batch in flight: the device's, and, where the CPU takes part, what it works on. */
typedef struct sp_batch_set {
  sp_batch_view view;
  char *meta, *state, *rows; /* what came, what is counted, what describes the arranged rows */
  const double ***headers;   /* [n_steps]: on the device, the columns of each step, by row */
  sp_event arrived, computed, left;
  float *host_in, *host_out; /* pinned: [max_traces][n_samples] */
  uint32_t *host_marks;      /* pinned: [max_traces] */
  uint32_t *host_reasons;    /* pinned: [max_gathers] */
} sp_batch_set;

/* One batch of a slab in flight. */
typedef struct sp_batch_note {
  struct sp_device_engine *engine;
  struct sp_ticket *ticket;
  sp_batch_set *set;
  sp_local first_gather, n_gathers, n_traces;
  char *meta;              /* pinned */
  uint32_t *results;       /* pinned: [3][max_gathers] */
  sp_event *begun, *ended; /* [n_host_segments + 1]: the device computes between them */
  /* how far it is queued */
  size_t segment; /* the next one */
  int n_parts;    /* of the device's work, each up to a segment of the CPU or the end */
  float *at;      /* where its rows are: the set's `in` or `out` */
  bool arranged;  /* they are in the order of `arrange` */
  bool marked;
  /* how far it has come */
  bool on_host; /* its rows have arrived at the CPU */
  sp_slab slab; /* as the CPU gets it */
  const double *columns[SP_MAX_CHAIN_HEADERS];
  sp_gather_result *reasons; /* [max_gathers] */
} sp_batch_note;

/* A slab in flight. */
typedef struct sp_ticket {
  sp_slab *slab;
  int n_batches;
  sp_batch_note *batches; /* [max_batches] */
  char *meta;
  uint32_t *results;
  sp_row_sums *sums;   /* pinned: [max_traces] of the slab; NULL: nothing is measured */
  sp_step_sums *steps; /* pinned: [sp_measured_steps][max_traces] */
  sp_event *events;    /* of all batches */
  sp_event done;
  int n_queued; /* batches of which all is queued; `done` counts when they are all */
} sp_ticket;

typedef struct sp_registration {
  struct sp_registration *next;
  void *memory;
} sp_registration;

typedef struct sp_device_engine {
  sp_engine base;
  sp_engine_config config;
  const sp_gpu_module *module;
  const sp_device_ops *device_ops;
  sp_device *device;
  sp_device_chain *chain;
  void *tables; /* for checksums */
  sp_meta_layout layout;
  size_t state_bytes, rows_bytes, steps_bytes;
  sp_batch_set sets[SP_BATCH_SETS];
  float *spare; /* between steps */
  sp_stream in, compute, out;
  sp_ticket *tickets; /* [n_slabs], a ring */
  int max_batches;
  int oldest, n_tickets;
  unsigned next_set;
  double busy; /* s */
  bool gone;   /* the device has failed */
  sp_registration *registered;
  bool told;                      /* that memory could not be registered */
  struct sp_conductor *conductor; /* NULL: the device computes all steps */
} sp_device_engine;

/* The sets, in smaller batches where others took memory since it was counted; plans the chain. Errors: SP_ERR_USAGE
 * without a log line: `why` says what is lacking. */
sp_status sp_device_create_sets(sp_device_engine *engine, char *why, size_t why_size);
void sp_device_destroy_sets(sp_device_engine *engine);

/* Memory of the host that the device copies from and to; *out is any pointer. Errors: SP_ERR_MEMORY, silent. */
sp_status sp_device_alloc_pinned(const sp_device_engine *engine, size_t bytes, void *out);

/* Cuts a slab into batches and describes them. */
void sp_batch_cut(sp_device_engine *engine, sp_ticket *ticket);

/* Queues a batch into the next set, up to where the CPU takes it over or to its end: then *ended is set. The set's last
 * batch has been queued to its end. */
sp_status sp_batch_begin(sp_device_engine *engine, sp_batch_note *note, bool *ended);

/* The same from where the CPU has come back with it. */
sp_status sp_batch_go_on(sp_device_engine *engine, sp_batch_note *note, bool *ended);

/* Called by the device once a batch has come to the CPU; the note. */
void sp_conductor_receive(void *note);

/* For the segments of the CPU. The caller owns *out. */
sp_status sp_conductor_create(sp_device_engine *engine, struct sp_conductor **out);

/* Begins with a slab whose batches are cut. */
void sp_conductor_submit(struct sp_conductor *conductor, sp_ticket *ticket);

/* Until all batches of the ticket are queued to their end; `wait` false: whether they are. Errors: SP_ERR_DEVICE. */
sp_status sp_conductor_pass(struct sp_conductor *conductor, const sp_ticket *ticket, bool wait, bool *queued);

double sp_conductor_busy(const struct sp_conductor *conductor);

/* Takes no batch further, waits for what the CPU has begun. */
void sp_conductor_stop(struct sp_conductor *conductor);

/* Takes NULL; has been stopped. */
void sp_conductor_destroy(struct sp_conductor *conductor);

/* An engine on the device `config->device` of a module. SP_ERR_USAGE without a log line when it cannot compute this
 * chain: `why` says what is lacking. SP_ERR_DEVICE, logged. */
sp_status sp_device_engine_create(const sp_gpu_module *module, const sp_engine_config *config, char *why,
                                  size_t why_size, sp_engine **out);

#endif

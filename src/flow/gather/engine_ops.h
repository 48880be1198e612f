/* SPDX-License-Identifier: BSD-3-Clause */
/* What an engine is made of. engine.c checks arguments and counts what is in flight, so that ops need not. */
#ifndef SEISPROC_SRC_FLOW_GATHER_ENGINE_OPS_H
#define SEISPROC_SRC_FLOW_GATHER_ENGINE_OPS_H

#include "seisproc/engine.h"

typedef struct sp_engine_ops {
  sp_status (*create)(const sp_engine_config *config, sp_engine **out);
  sp_status (*submit)(sp_engine *engine, sp_slab *slab); /* n_slabs are not in flight yet */
  sp_status (*test)(sp_engine *engine, sp_slab **done);  /* one is in flight, here and in wait */
  sp_status (*wait)(sp_engine *engine, sp_slab **done);
  double (*busy_seconds)(const sp_engine *engine);
  void (*destroy)(sp_engine *engine);                                     /* also with slabs in flight; never NULL */
  void (*register_memory)(sp_engine *engine, void *memory, size_t bytes); /* NULL: nothing to do */
  /* After an error: until nothing touches slabs in flight any more, whose input is as it was. NULL: it never fails. */
  void (*abandon)(sp_engine *engine);
  bool (*step_on_host)(const sp_engine *engine, size_t step); /* of an engine on a device; NULL elsewhere */
  size_t (*finding_bytes)(const sp_engine *engine);           /* NULL: it heeds no findings */
} sp_engine_ops;

/* Head of every engine's own struct, zero when it is made; engine.c fills it in, but for ops and name where `create`
 * chose another kind of engine. */
struct sp_engine {
  const sp_engine_ops *ops;
  const char *name;
  sp_engine_config config; /* max_gathers never 0 */
  size_t n_headers;        /* that the chain needs */
  size_t host_bytes;
  int in_flight, oldest;
  sp_slab **slabs;             /* [n_slabs] in flight, a ring */
  struct sp_engine *successor; /* computes since the device failed; NULL: it has not */
};

/* What kinds of engines are made of: `create` on the GPU, or the mock, of the config's `device`. */
extern const sp_engine_ops sp_engine_cpu, sp_engine_cuda, sp_engine_mock;

#endif

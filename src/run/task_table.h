/* SPDX-License-Identifier: BSD-3-Clause */
/* The tasks that are in hand: dealt, and not yet done. Private to src/run.
 *
 * A task is done when every worker of its team has reported it and every slot that they handed over is on the disk; the
 * two come in any order.
 */
#ifndef SEISPROC_SRC_RUN_TASK_TABLE_H
#define SEISPROC_SRC_RUN_TASK_TABLE_H

#include "src/flow/flow.h"

/* A task in hand. */
typedef struct sp_flight {
  sp_task task;
  int team;
  uint32_t reports_due; /* of workers */
  uint64_t slots;       /* that were handed over, as far as reported */
  uint64_t durable;     /* of these, on the disk; may be ahead of `slots` */
  double dealt_at;
  bool is_void;  /* what it brings does not count */
  bool repeated; /* dealt to another team as well, since it was late; or it is that other one */
} sp_flight;

typedef struct sp_task_table sp_task_table;

/* Room for n tasks. The caller owns *out. Errors: SP_ERR_MEMORY. */
sp_status sp_task_table_create(size_t n, sp_task_table **out);

/* Takes NULL. */
void sp_task_table_destroy(sp_task_table *table);

bool sp_task_table_is_full(const sp_task_table *table);
size_t sp_task_table_count(const sp_task_table *table);

/* A new entry, zero but for its task's id; the table must not be full. It stays where it is until it is removed. */
sp_flight *sp_task_table_add(sp_task_table *table);

/* The entry of this id; NULL where it is not in hand. */
sp_flight *sp_task_table_find(sp_task_table *table, uint64_t id);

/* The entries one after the other, in no order: *at is 0 at first; NULL behind the last. */
sp_flight *sp_task_table_next(sp_task_table *table, size_t *at);

void sp_task_table_remove(sp_task_table *table, sp_flight *flight);

static inline bool sp_flight_is_done(const sp_flight *flight) {
  return flight->reports_due == 0 && flight->durable == flight->slots;
}

#endif

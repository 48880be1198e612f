/* SPDX-License-Identifier: BSD-3-Clause */
/* Entries in a fixed array. An id is an entry's place plus a multiple of the array's length, so that finding one takes
 * no search, and ids of the same place differ. */
#include "src/run/task_table.h"

#include "seisproc/memory.h"

struct sp_task_table {
  size_t n, n_free;
  sp_flight *flights; /* [n]; task.id is the last one used of this place */
  bool *used;         /* [n] */
  size_t *free;       /* [n_free]: places */
};

sp_status sp_task_table_create(size_t n, sp_task_table **out) {
  sp_status status;
  sp_task_table *table = NULL;
  SP_TRY(sp_calloc(1, sizeof *table, "the tasks in hand", &table));
  SP_TRY_GOTO(fail, sp_calloc(n, sizeof *table->flights, "the tasks in hand", &table->flights));
  SP_TRY_GOTO(fail, sp_calloc(n, sizeof *table->used, "the tasks in hand", &table->used));
  SP_TRY_GOTO(fail, sp_calloc(n, sizeof *table->free, "the tasks in hand", &table->free));
  table->n = table->n_free = n;
  for (size_t i = 0; i < n; i++) {
    table->flights[i].task.id = i;
    table->free[i] = n - 1 - i;
  }
  *out = table;
  return SP_SUCCESS;
fail:
  sp_task_table_destroy(table);
  return status;
}

void sp_task_table_destroy(sp_task_table *table) {
  if (!table) return;
  sp_free(table->flights);
  sp_free(table->used);
  sp_free(table->free);
  sp_free(table);
}

bool sp_task_table_is_full(const sp_task_table *table) {
  return table->n_free == 0;
}

size_t sp_task_table_count(const sp_task_table *table) {
  return table->n - table->n_free;
}

sp_flight *sp_task_table_add(sp_task_table *table) {
  const size_t place = table->free[--table->n_free];
  sp_flight *flight = &table->flights[place];
  *flight = (sp_flight){.task = {.id = flight->task.id + table->n}};
  table->used[place] = true;
  return flight;
}

sp_flight *sp_task_table_find(sp_task_table *table, uint64_t id) {
  const size_t place = (size_t)(id % table->n);
  return table->used[place] && table->flights[place].task.id == id ? &table->flights[place] : NULL;
}

void sp_task_table_remove(sp_task_table *table, sp_flight *flight) {
  const size_t place = (size_t)(flight - table->flights);
  table->used[place] = false;
  table->free[table->n_free++] = place;
}

sp_flight *sp_task_table_next(sp_task_table *table, size_t *at) {
  while (*at < table->n) {
    const size_t place = (*at)++;
    if (table->used[place]) return &table->flights[place];
  }
  return NULL;
}

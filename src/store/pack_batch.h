/* SPDX-License-Identifier: BSD-3-Clause */
/* Some chunks of one dataset, packed by the threads of this rank: read, packed, unpacked again and compared. Private to
 * src/store. */
#ifndef SEISPROC_SRC_STORE_PACK_BATCH_H
#define SEISPROC_SRC_STORE_PACK_BATCH_H

#include "src/base/thread_team.h"
#include "src/store/pack_parts.h"

/* A chunk in the making. */
typedef struct sp_pack_work {
  char *rows;         /* as read, with zeros behind the last row */
  char *back;         /* unpacked again */
  unsigned char *out; /* packed */
  uint64_t chunk;     /* of the dataset */
  sp_pack_record record;
  sp_packed_chunk look;
  sp_status status;
} sp_pack_work;

typedef struct sp_pack_batch {
  const sp_pack_item *item; /* borrowed */
  sp_pack_work *work;       /* [most] */
  int n, most;
} sp_pack_batch;

/* What a rank packs with. */
typedef struct sp_pack_shop {
  int n_threads;
  sp_thread_team *team;                /* NULL: one thread, this one */
  sp_packer *packer[SP_STORE_THREADS]; /* for chunks of `item` */
  const sp_pack_item *item;
  sp_pack_batch batch[2], *running;
} sp_pack_shop;

/* Room for batches of `most` chunks of any dataset of the plan. Errors: SP_ERR_MEMORY. */
sp_status sp_pack_shop_open(const sp_pack_plan *plan, int n_threads, int most, sp_pack_shop *out);
void sp_pack_shop_close(sp_pack_shop *shop);

/* From now on chunks are of this dataset. */
sp_status sp_pack_shop_turn_to(sp_pack_shop *shop, const sp_pack_item *item);

/* Reads n chunks. */
sp_status sp_pack_batch_read(sp_pack_batch *batch, const sp_pack_item *item, sp_dataset *from, const uint64_t *chunks,
                             int n);

/* Begins to pack a batch; sp_pack_shop_wait waits for it. Its work[].record then says what came of it. */
void sp_pack_shop_start(sp_pack_shop *shop, sp_pack_batch *batch);
sp_status sp_pack_shop_wait(sp_pack_shop *shop);

#endif

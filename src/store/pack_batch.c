/* SPDX-License-Identifier: BSD-3-Clause */
/* Nothing counts as packed that was not unpacked again and found to be what went in: the same bits, or for zfp within
 * the bounds of its gathers. */
#include "src/store/pack_batch.h"

#include <string.h>

#include "seisproc/crc32c.h"
#include "seisproc/memory.h"

/* --- memory ------------------------------------------------------------------------------------------------------ */

static sp_status make_batch(sp_pack_batch *b, size_t bytes, size_t room, int most) {
  SP_TRY(sp_calloc((size_t)most, sizeof *b->work, "chunks", &b->work));
  b->most = most;
  for (int i = 0; i < most; i++) {
    SP_TRY(sp_alloc(bytes, "a chunk", &b->work[i].rows));
    SP_TRY(sp_alloc(bytes, "a chunk", &b->work[i].back));
    SP_TRY(sp_alloc(room, "a packed chunk", &b->work[i].out));
  }
  return SP_SUCCESS;
}

static void free_batch(sp_pack_batch *b) {
  for (int i = 0; b->work && i < b->most; i++) {
    sp_packed_chunk_free(&b->work[i].look);
    sp_free(b->work[i].out);
    sp_free(b->work[i].back);
    sp_free(b->work[i].rows);
  }
  sp_free(b->work);
}

sp_status sp_pack_shop_open(const sp_pack_plan *plan, int n_threads, int most, sp_pack_shop *out) {
  size_t bytes = 0, room = 0;
  sp_status status = SP_SUCCESS;
  *out = (sp_pack_shop){.n_threads = n_threads};
  for (size_t i = 0; i < plan->n_items; i++) {
    const sp_pack_item *item = &plan->items[i];
    if (!item->placed) continue;
    if (sp_chunk_bytes(&item->form) > bytes) bytes = sp_chunk_bytes(&item->form);
    if (sp_chunk_room(&item->form) > room) room = sp_chunk_room(&item->form);
  }
  if (n_threads > 1) status = sp_thread_team_create(n_threads, &out->team);
  for (int b = 0; b < 2 && status == SP_SUCCESS; b++) status = make_batch(&out->batch[b], bytes, room, most);
  return status;
}

static void free_packers(sp_pack_shop *shop) {
  for (int t = 0; t < SP_STORE_THREADS; t++) {
    sp_packer_destroy(shop->packer[t]);
    shop->packer[t] = NULL;
  }
}

void sp_pack_shop_close(sp_pack_shop *shop) {
  sp_thread_team_destroy(shop->team);
  free_packers(shop);
  for (int b = 0; b < 2; b++) free_batch(&shop->batch[b]);
}

sp_status sp_pack_shop_turn_to(sp_pack_shop *shop, const sp_pack_item *item) {
  free_packers(shop);
  shop->item = item;
  for (int t = 0; t < shop->n_threads; t++) SP_TRY(sp_packer_create(&item->form, &shop->packer[t]));
  return SP_SUCCESS;
}

/* --- a chunk ----------------------------------------------------------------------------------------------------- */

static uint64_t rows_of(const sp_pack_item *item, uint64_t chunk) {
  const uint64_t left = item->spec.rows - chunk * item->form.rows;
  return left < item->form.rows ? left : item->form.rows;
}

static bool unpack(sp_packer *packer, const sp_pack_item *item, sp_pack_work *w) {
  const sp_pack_record *r = &w->record;
  return sp_packed_chunk_look(&w->look, &item->form, w->out, r->bytes, r->skipped) &&
         sp_packer_unpack_all(packer, &w->look, w->back);
}

static sp_status pack_once(sp_packer *packer, const sp_pack_item *item, bool lossless, sp_pack_work *w) {
  size_t n;
  SP_TRY(sp_packer_pack(packer, w->rows, lossless, w->out, &n, &w->record.skipped));
  w->record.bytes = n;
  if (unpack(packer, item, w)) return SP_SUCCESS;
  return SP_RAISE(SP_ERR_INTERNAL, "%s: chunk %llu cannot be unpacked again", item->path, (unsigned long long)w->chunk);
}

static sp_status pack_lossless(sp_packer *packer, const sp_pack_item *item, sp_pack_work *w) {
  SP_TRY(pack_once(packer, item, true, w));
  w->record.error = w->record.part = 0;
  w->record.lossless = item->bounds != NULL;
  if (!memcmp(w->rows, w->back, sp_chunk_bytes(&item->form))) return SP_SUCCESS;
  return SP_RAISE(SP_ERR_INTERNAL, "%s: chunk %llu comes back as other bytes", item->path,
                  (unsigned long long)w->chunk);
}

static sp_status pack(sp_packer *packer, const sp_pack_item *item, sp_pack_work *w) {
  const sp_pack_bounds *b = item->bounds;
  const uint64_t first = w->chunk * item->form.rows, n = rows_of(item, w->chunk);
  sp_pack_record *r = &w->record;
  *r = (sp_pack_record){.chunk = item->first_chunk + w->chunk};
  if (!b || !sp_pack_bounds_allow(b, first, n)) return pack_lossless(packer, item, w);
  SP_TRY(pack_once(packer, item, false, w));
  const bool holds = sp_pack_bounds_hold(b, first, n, (uint32_t)item->form.row_length, (const float *)(void *)w->rows,
                                         (const float *)(void *)w->back, &r->error, &r->part);
  return holds ? SP_SUCCESS : pack_lossless(packer, item, w);
}

static void do_chunk(void *context, int thread, uint64_t i) {
  sp_pack_shop *shop = context;
  sp_pack_work *w = &shop->running->work[i];
  const sp_pack_item *item = shop->item;
  w->status = pack(shop->packer[thread], item, w);
  /* a block ends with its last row */
  if (item->block) w->record.bytes = rows_of(item, w->chunk) * item->form.row_length * item->form.element;
  w->record.crc = sp_crc32c(0, w->out, w->record.bytes);
}

/* --- a batch ----------------------------------------------------------------------------------------------------- */

sp_status sp_pack_batch_read(sp_pack_batch *batch, const sp_pack_item *item, sp_dataset *from, const uint64_t *chunks,
                             int n) {
  const size_t row = item->form.row_length * item->form.element, bytes = sp_chunk_bytes(&item->form);
  batch->item = item;
  batch->n = 0;
  for (int i = 0; i < n; i++) {
    sp_pack_work *w = &batch->work[i];
    const uint64_t rows = rows_of(item, chunks[i]);
    w->chunk = chunks[i];
    SP_TRY(sp_dataset_read_independent(from, w->chunk * item->form.rows, (sp_local)rows, w->rows));
    memset(w->rows + rows * row, 0, bytes - rows * row);
  }
  batch->n = n;
  return SP_SUCCESS;
}

void sp_pack_shop_start(sp_pack_shop *shop, sp_pack_batch *batch) {
  shop->running = batch;
  if (shop->team) {
    sp_thread_team_start(shop->team, (uint64_t)batch->n, 1, do_chunk, shop);
  } else {
    for (int i = 0; i < batch->n; i++) do_chunk(shop, 0, (uint64_t)i);
  }
}

sp_status sp_pack_shop_wait(sp_pack_shop *shop) {
  sp_status worst = SP_SUCCESS;
  if (!shop->running) return SP_SUCCESS;
  if (shop->team) sp_thread_team_wait(shop->team);
  for (int i = 0; i < shop->running->n; i++) {
    if (shop->running->work[i].status > worst) worst = shop->running->work[i].status;
  }
  shop->running = NULL;
  return worst;
}

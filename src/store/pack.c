/* SPDX-License-Identifier: BSD-3-Clause */
/* Packing a survey. Ranks go through the chunks of a dataset in rounds, some consecutive chunks a rank: while its
 * threads pack those of one round, a rank reads those of the next and writes those of the one before. Sizes are
 * exchanged once a round, and say where each chunk belongs: directly behind the one before it. So the file does not
 * depend on the number of ranks.
 *
 * What is written is synced every COMMIT_BYTES, or more often where the survey is small, and then journalled; the next
 * call goes on behind it.
 */
#include "seisproc/pack.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "seisproc/clock.h"
#include "seisproc/dist.h"
#include "seisproc/file_identity.h"
#include "seisproc/log.h"
#include "seisproc/memory.h"
#include "seisproc/part_file.h"
#include "seisproc/ranks.h"
#include "seisproc/side_file.h"
#include "src/base/fault.h"
#include "src/base/file_bytes.h"
#include "src/index/spots.h"
#include "src/store/pack_batch.h"

enum { COMMIT_BYTES = 256 << 20, LEAST_COMMITS = 16, PROGRESS_SECONDS = 10 };

typedef struct packing {
  const sp_pack_options *options;
  sp_ranks ranks;
  sp_survey *survey;
  sp_pack_plan plan;
  sp_pack_shop shop;
  int a_round; /* chunks of a round a rank */
  char *part, *journal_path;
  sp_lock *lock;
  int fd;
  uint64_t end;                   /* of the data */
  uint64_t n_done;                /* chunks, counted through all datasets, that an earlier call left */
  uint64_t n_placed, n_committed; /* by this one */
  uint64_t uncommitted, commit_bytes;
  uint8_t *done;            /* [n_chunks]: left by an earlier call */
  uint64_t *todo;           /* [n_chunks]: those of a dataset that are to be packed, by their number there */
  sp_pack_record *round;    /* [size][a_round] */
  uint64_t *place;          /* [a_round]: where this rank's chunks of the round belong */
  sp_pack_record *records;  /* [n_chunks] on rank 0 */
  sp_pack_record *placed;   /* [n_placed] on rank 0: as they were placed */
  sp_pack_journal *journal; /* on rank 0 */
  double started, told;
} packing;

/* --- beginning --------------------------------------------------------------------------------------------------- */

static sp_status refuse_same_file(const sp_pack_options *o) {
  if (!sp_is_one_file(o->input, o->output)) return SP_SUCCESS;
  return SP_RAISE(SP_ERR_USAGE, "%s: is the survey to be read; write to another file", o->output);
}

/* What a job has computed of the same output is not for another command to replace. */
static sp_status refuse_output_of_job(const char *output, sp_side side) {
  char *path;
  SP_TRY(sp_side_path(output, side, &path));
  sp_status status = SP_SUCCESS;
  if (access(path, F_OK) == 0) {
    status = SP_RAISE(
        SP_ERR_USAGE,
        "%s: is of a job that was cut off; that job finishes it: remove the file, or write to another one", path);
  }
  sp_free(path);
  return status;
}

/* An unpacked survey is known in size before it is begun. */
static sp_status check_room(const packing *p) {
  double needed = 0;
  if (p->plan.codec != SP_CODEC_NONE) return SP_SUCCESS;
  for (size_t i = 0; i < p->plan.n_items; i++) {
    const sp_dataset_spec *s = &p->plan.items[i].spec;
    needed += (double)s->rows * (double)(s->row_length ? s->row_length : 1) * (double)sp_type_size(s->type);
  }
  const double room = sp_part_room(p->options->output), left = needed - (double)(p->end - SP_PLACED_BEGIN);
  if (left <= room) return SP_SUCCESS;
  return SP_RAISE(SP_ERR_IO, "%s: %.3f GB are to be written, %.3f GB are free there", p->options->output, 1e-9 * left,
                  1e-9 * room);
}

/* Finds what an earlier call left, or begins anew. */
static sp_status look_back(packing *p) {
  char name[SP_UUID_LENGTH + 1];
  struct stat part;
  sp_pack_plan_name(&p->plan, name);
  if (p->options->in_job) {
    SP_TRY(sp_side_path(p->options->output, SP_SIDE_PACKED, &p->part));
  } else {
    SP_TRY(sp_part_continue(p->options->output, &p->part, &p->lock));
    SP_TRY(refuse_output_of_job(p->options->output, SP_SIDE_JOURNAL));
    SP_TRY(refuse_output_of_job(p->options->output, SP_SIDE_PLAIN));
  }
  SP_TRY(sp_side_path(p->options->output, SP_SIDE_CHUNKS, &p->journal_path));
  SP_TRY(sp_calloc(p->plan.n_chunks + 1, sizeof *p->records, "records of chunks", &p->records));
  SP_TRY(sp_calloc(p->plan.n_chunks + 1, sizeof *p->placed, "records of chunks", &p->placed));
  const bool there = stat(p->part, &part) == 0;
  if (!there && !p->options->adopts) unlink(p->journal_path); /* without what it speaks of */
  if (!there) SP_TRY(check_room(p));
  SP_TRY(sp_pack_journal_open(p->journal_path, name, p->options->adopts, p->plan.n_chunks, p->records, &p->n_done,
                              &p->journal));
  p->end = sp_pack_end(p->records, p->plan.n_chunks);
  if (there && p->n_done && (uint64_t)part.st_size >= p->end) return SP_SUCCESS;
  if (p->n_done) {
    return SP_RAISE(SP_ERR_INPUT, "%s: is shorter than %s says; remove both to begin anew", p->part, p->journal_path);
  }
  if (there) SP_TRY(check_room(p));
  const int fd = sp_side_create(p->part);
  if (fd < 0) return SP_RAISE(sp_file_status(errno), "%s: cannot be created: %s", p->part, sp_side_error(errno));
  close(fd);
  return sp_sync_entry(p->part);
}

static sp_status open_part(packing *p) {
  p->fd = sp_side_open(p->part, O_RDWR);
  if (p->fd >= 0) return SP_SUCCESS;
  return SP_RAISE(sp_file_status(errno), "%s: cannot be written: %s", p->part, sp_side_error(errno));
}

static sp_status make_room(packing *p, int n_threads) {
  const size_t n = (size_t)p->a_round, n_chunks = (size_t)p->plan.n_chunks + 1;
  SP_TRY(sp_calloc(n_chunks, sizeof *p->done, "chunks", &p->done));
  SP_TRY(sp_calloc(n_chunks, sizeof *p->todo, "chunks", &p->todo));
  SP_TRY(sp_calloc(n * (size_t)p->ranks.size, sizeof *p->round, "records of a round", &p->round));
  SP_TRY(sp_calloc(n, sizeof *p->place, "places of chunks", &p->place));
  return sp_pack_shop_open(&p->plan, n_threads, p->a_round, &p->shop);
}

static uint64_t bytes_of_chunk(const void *records, uint64_t chunk) {
  return ((const sp_pack_record *)records)[chunk].bytes;
}

/* What counts as done, and whether a few chunks of it, over the whole file, are still what was written. */
static sp_status look_at_done(packing *p) {
  const char *way_out = p->options->in_job ? "--restart starts over" : "remove both to begin anew";
  uint64_t spots[SP_SPOTS];
  sp_status status = SP_SUCCESS;
  for (uint64_t c = 0; c < p->plan.n_chunks; c++) p->done[c] = p->records[c].bytes > 0;
  const int n = sp_spots(p->done, 0, p->plan.n_chunks, bytes_of_chunk, p->records, spots);
  for (int i = 0; i < n && status == SP_SUCCESS; i++) {
    status = sp_pack_check_chunk(p->fd, p->part, &p->records[spots[i]], way_out);
  }
  if (status == SP_SUCCESS && p->n_done && !p->options->in_job && !p->options->quiet) {
    sp_info("%s: goes on behind %llu of %llu chunks", p->options->output, (unsigned long long)p->n_done,
            (unsigned long long)p->plan.n_chunks);
  }
  return status;
}

/* Rank 0 alone looks; the others are told. */
static sp_status begin(packing *p) {
  sp_status status = p->ranks.rank == 0 ? look_back(p) : SP_SUCCESS;
  SP_ALIKE(sp_ranks_agree(&p->ranks, status));
  const int n_threads = sp_store_threads(&p->ranks);
  p->a_round = n_threads;
  if (p->ranks.comm != MPI_COMM_NULL) {
    SP_MPI_ALL(MPI_Bcast(&p->end, 1, MPI_UINT64_T, 0, p->ranks.comm));
    SP_MPI_ALL(MPI_Allreduce(MPI_IN_PLACE, &p->a_round, 1, MPI_INT, MPI_MIN, p->ranks.comm));
    SP_ALIKE(sp_comm_share_text(p->ranks.comm, 0, &p->part));
  }
  const uint64_t often = sp_survey_identity(p->survey).bytes / LEAST_COMMITS;
  p->commit_bytes = often < COMMIT_BYTES ? often : COMMIT_BYTES;
  status = open_part(p);
  if (status == SP_SUCCESS) status = make_room(p, n_threads);
  if (status == SP_SUCCESS && p->records) status = look_at_done(p);
  SP_ALIKE(sp_ranks_agree(&p->ranks, status));
  return sp_ranks_broadcast(&p->ranks, p->done, p->plan.n_chunks);
}

/* --- a round ----------------------------------------------------------------------------------------------------- */

/* All ranks learn the sizes of all chunks of the round, and so where each belongs. */
static sp_status place(packing *p, const sp_pack_batch *batch) {
  const size_t n = (size_t)p->a_round, bytes = n * sizeof *p->round;
  sp_pack_record *own = p->round + (size_t)p->ranks.rank * n;
  memset(own, 0, bytes);
  for (int i = 0; i < batch->n; i++) own[i] = batch->work[i].record;
  if (p->ranks.comm != MPI_COMM_NULL) {
    SP_MPI_ALL(
        MPI_Allgather(MPI_IN_PLACE, 0, MPI_DATATYPE_NULL, p->round, sp_mpi_count(bytes), MPI_BYTE, p->ranks.comm));
  }
  for (int r = 0; r < p->ranks.size; r++) {
    for (int i = 0; i < p->a_round; i++) {
      sp_pack_record *record = &p->round[(size_t)r * n + (size_t)i];
      if (record->bytes == 0) continue;
      const uint64_t at = sp_pack_place(batch->item, record->chunk - batch->item->first_chunk, p->end);
      record->offset = at;
      if (r == p->ranks.rank) p->place[i] = at;
      if (p->ranks.rank == 0) p->records[record->chunk] = p->placed[p->n_placed] = *record;
      p->end = at + record->bytes;
      p->uncommitted += record->bytes;
      p->n_placed++;
    }
  }
  return SP_SUCCESS;
}

static sp_status write_chunk(const packing *p, const sp_pack_work *w, uint64_t at) {
  const int error = sp_write_all_at(p->fd, w->out, w->record.bytes, at);
  return error ? SP_RAISE(SP_ERR_IO, "%s: cannot be written: %s", p->part, strerror(error)) : SP_SUCCESS;
}

static sp_status write_batch(const packing *p, const sp_pack_batch *batch) {
  for (int i = 0; i < batch->n; i++) SP_TRY(write_chunk(p, &batch->work[i], p->place[i]));
  SP_FAULT_POINT("pack_written");
  return SP_SUCCESS;
}

static sp_status commit(packing *p) {
  sp_status status = SP_SUCCESS;
  if (p->n_placed == p->n_committed) return SP_SUCCESS; /* alike */
  if (fdatasync(p->fd)) status = SP_RAISE(SP_ERR_IO, "%s: cannot be synced: %s", p->part, strerror(errno));
  SP_ALIKE(sp_ranks_agree(&p->ranks, status));
  SP_FAULT_POINT("pack_synced");
  if (p->ranks.rank == 0) {
    status = sp_survey_check_unchanged(p->survey);
    if (status == SP_SUCCESS) {
      status = sp_pack_journal_append(p->journal, p->placed + p->n_committed, p->n_placed - p->n_committed);
    }
  }
  SP_ALIKE(sp_ranks_agree(&p->ranks, status));
  SP_FAULT_POINT("pack_journalled");
  p->n_committed = p->n_placed;
  p->uncommitted = 0;
  return SP_SUCCESS;
}

static void show_progress(packing *p) {
  const double now = sp_now();
  if (p->options->activity) sp_activity_step(p->options->activity);
  if (p->ranks.rank || p->options->quiet || now - p->told < PROGRESS_SECONDS) return;
  p->told = now;
  sp_info("%s: %llu of %llu chunks, %.2f GB", p->options->output, (unsigned long long)(p->n_done + p->n_placed),
          (unsigned long long)p->plan.n_chunks, 1e-9 * (double)p->end);
}

/* Chunks of a round that this rank reads. */
static sp_status read_round(packing *p, sp_pack_batch *batch, const sp_pack_item *item, sp_dataset *from,
                            uint64_t n_todo, uint64_t round) {
  const uint64_t n = (uint64_t)p->a_round, at = (round * (uint64_t)p->ranks.size + (uint64_t)p->ranks.rank) * n;
  const uint64_t left = at < n_todo ? n_todo - at : 0;
  return sp_pack_batch_read(batch, item, from, p->todo + at, (int)(left < n ? left : n));
}

static sp_status pack_rounds(packing *p, const sp_pack_item *item, sp_dataset *from, uint64_t n_todo) {
  const uint64_t a_round = (uint64_t)p->a_round * (uint64_t)p->ranks.size, n_rounds = (n_todo + a_round - 1) / a_round;
  sp_status status = sp_pack_shop_turn_to(&p->shop, item);
  if (status == SP_SUCCESS) status = read_round(p, &p->shop.batch[0], item, from, n_todo, 0);
  SP_ALIKE(sp_ranks_agree(&p->ranks, status));
  sp_pack_shop_start(&p->shop, &p->shop.batch[0]);
  for (uint64_t r = 0; r < n_rounds; r++) {
    sp_pack_batch *now = &p->shop.batch[r % 2], *next = &p->shop.batch[(r + 1) % 2];
    status = r + 1 < n_rounds ? read_round(p, next, item, from, n_todo, r + 1) : SP_SUCCESS;
    const sp_status packed = sp_pack_shop_wait(&p->shop);
    if (packed > status) status = packed;
    if (status == SP_SUCCESS && p->options->stops && p->options->stops(p->options->context)) status = SP_STOPPED;
    SP_ALIKE(sp_ranks_agree(&p->ranks, status));
    SP_ALIKE(place(p, now));
    if (r + 1 < n_rounds) sp_pack_shop_start(&p->shop, next);
    status = write_batch(p, now);
    SP_ALIKE(sp_ranks_agree(&p->ranks, status));
    if (p->uncommitted >= p->commit_bytes) SP_ALIKE(commit(p));
    show_progress(p);
  }
  return SP_SUCCESS;
}

static sp_status pack_item(packing *p, const sp_pack_item *item) {
  sp_dataset *from = NULL;
  uint64_t n_todo = 0;
  for (uint64_t c = 0; item->placed && c < item->n_chunks; c++) {
    if (!p->done[item->first_chunk + c]) p->todo[n_todo++] = c;
  }
  if (n_todo == 0) return SP_SUCCESS; /* alike */
  SP_ALIKE(sp_ranks_agree(&p->ranks, sp_dataset_open(p->survey, item->path, &from)));
  const sp_status status = pack_rounds(p, item, from, n_todo);
  sp_pack_shop_wait(&p->shop);
  sp_dataset_close(from);
  return status;
}

/* --- the end ----------------------------------------------------------------------------------------------------- */

static sp_pack_result result_of(const packing *p) {
  struct stat in = {0}, out = {0};
  if (stat(p->options->input, &in) || stat(p->options->output, &out)) in = out = (struct stat){0};
  sp_pack_result r = {
      .plain_bytes = (double)in.st_size, .packed_bytes = (double)out.st_size, .seconds = sp_now() - p->started};
  for (size_t i = 0; i < p->plan.n_items; i++) {
    const sp_pack_item *item = &p->plan.items[i];
    for (uint64_t c = 0; item->placed && item->form.row_length > 1 && c < item->n_chunks; c++) {
      const sp_pack_record *record = &p->records[item->first_chunk + c];
      r.chunks++;
      r.adopted += record->adopted;
      if (!item->bounds) continue;
      if (record->part > r.largest_error) r.largest_error = record->part;
      *(record->lossless ? &r.lossless : &r.lossy) += 1;
    }
  }
  if (p->options->codec) return r;
  const double packed = r.plain_bytes;
  r.plain_bytes = r.packed_bytes;
  r.packed_bytes = packed;
  return r;
}

static void report_result(const packing *p, const sp_pack_result *r) {
  const sp_pack_options *o = p->options;
  const double in = o->codec ? r->plain_bytes : r->packed_bytes, out = o->codec ? r->packed_bytes : r->plain_bytes;
  if (o->quiet || !(r->packed_bytes > 0)) return;
  sp_info("%s: %.3f GB, %s %.3f GB, ratio %.3f, %.1f s, %.2f GB/s", o->output, 1e-9 * out,
          o->codec ? "packed from" : "unpacked from", 1e-9 * in, r->plain_bytes / r->packed_bytes, r->seconds,
          1e-9 * r->plain_bytes / r->seconds);
  if (r->lossy + r->lossless == 0) return;
  sp_info("%s: largest error %.3g of a gather's RMS (%.1f dB below it), %llu of %llu chunks are lossless", o->output,
          r->largest_error, r->largest_error > 0 ? -20 * log10(r->largest_error) : (double)INFINITY,
          (unsigned long long)r->lossless, (unsigned long long)(r->lossy + r->lossless));
}

static sp_status publish(packing *p) {
  SP_TRY(sp_survey_check_unchanged(p->survey));
  SP_TRY(sp_part_publish(p->part, p->options->output));
  SP_FAULT_POINT("pack_published");
  unlink(p->journal_path);
  const sp_pack_result result = result_of(p);
  if (p->options->result) *p->options->result = result;
  report_result(p, &result);
  return SP_SUCCESS;
}

static sp_status finish(packing *p) {
  SP_ALIKE(SP_ON_RANK_0(&p->ranks, sp_pack_finish(&p->plan, p->records, p->part)));
  SP_FAULT_POINT("pack_finished");
  if (p->options->in_job && p->plan.codec == SP_CODEC_ZFP) {
    SP_ALIKE(sp_pack_write_checksums(p->ranks.comm, p->part, p->options->activity));
    SP_FAULT_POINT("pack_checksums");
  }
  return SP_ON_RANK_0(&p->ranks, publish(p));
}

static sp_status pack_all(packing *p) {
  SP_ALIKE(begin(p));
  sp_status status = SP_SUCCESS;
  for (size_t i = 0; i < p->plan.n_items && status == SP_SUCCESS; i++) status = pack_item(p, &p->plan.items[i]);
  if (status != SP_SUCCESS && status != SP_STOPPED) return status; /* alike */
  SP_ALIKE(commit(p));
  return status == SP_SUCCESS ? finish(p) : status;
}

static void close_packing(packing *p) {
  sp_pack_shop_close(&p->shop);
  sp_pack_journal_close(p->journal);
  if (p->fd >= 0) close(p->fd);
  sp_lock_release(p->lock);
  sp_free(p->placed);
  sp_free(p->records);
  sp_free(p->todo);
  sp_free(p->done);
  sp_free(p->place);
  sp_free(p->round);
  sp_free(p->journal_path);
  sp_free(p->part);
  sp_pack_plan_free(&p->plan);
  sp_survey_close(p->survey);
}

sp_status sp_pack(MPI_Comm comm, const sp_pack_options *options) {
  packing p = {.options = options, .ranks = sp_ranks_of(comm), .fd = -1, .end = SP_PLACED_BEGIN, .started = sp_now()};
  p.told = p.started;
  SP_ALIKE(SP_ON_RANK_0(&p.ranks, refuse_same_file(options)));
  SP_ALIKE(sp_survey_open(comm, options->input, false, &p.survey));
  sp_status status = sp_pack_plan_make(p.survey, options, &p.plan);
  status = sp_ranks_agree(&p.ranks, status);
  if (status == SP_SUCCESS) status = pack_all(&p);
  close_packing(&p);
  return status;
}

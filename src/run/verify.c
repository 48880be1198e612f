/* SPDX-License-Identifier: BSD-3-Clause */
/* Each rank reads its share of the gathers again (src/flow/gather/recheck.h); the ranks add up what they found. What
 * was recorded stands in the file, or of an output in the making in its journal. */
#include "src/run/verify.h"

#include <stdio.h>
#include <string.h>

#include "seisproc/clock.h"
#include "seisproc/dist.h"
#include "seisproc/log.h"
#include "seisproc/memory.h"
#include "seisproc/share.h"
#include "seisproc/side_file.h"
#include "src/flow/flow.h"
#include "src/flow/gather/recheck.h"
#include "src/run/journal.h"

typedef struct verifier {
  const char *path;
  const sp_verify_options *options;
  sp_recheck *output;
  const sp_gather_index *index;
  sp_journal_contents journal; /* of a part */
  sp_global first, end;        /* this rank's gathers */
  sp_gather_result *recorded;  /* [end - first] */
  const uint8_t *done;         /* [n_gathers]; NULL: all */
  sp_verify_report report;
  sp_global first_bad;              /* gather; n_gathers: none */
  char first_what[SP_RECHECK_WHAT]; /* and what is wrong with it */
} verifier;

/* --- opening -------------------------------------------------------------------------------------------------- */

/* Samples that were packed as they came are beside the part. */
static sp_status add_chunks(const char *journal_path, verifier *v) {
  static const char *const paths[] = {"input=input.h5", "output=output.h5"}; /* which a journal does not name */
  const sp_journal_contents *j = &v->journal;
  char *packed = NULL;
  sp_job *job = NULL;
  sp_status status;
  SP_TRY_GOTO(out, sp_side_sibling(v->path, SP_SIDE_PART, SP_SIDE_PACKED, &packed));
  SP_TRY_GOTO(out, sp_job_parse(journal_path, j->header.job, paths, 2, &job));
  status = sp_recheck_add_chunks(v->output, job, packed, j->chunk_rows, j->chunks, j->n_chunks);
out:
  sp_job_destroy(job);
  sp_free(packed);
  return status;
}

static sp_status read_journal_at(const char *path, verifier *v) {
  const uint64_t n_gathers = v->index->n_gathers;
  sp_journal_header header;
  SP_TRY(sp_journal_read_header(path, &header));
  const sp_flow *flow = header.job ? sp_flow_of_text(header.job) : NULL;
  const uint64_t n_units = header.n_units;
  sp_free(header.job);
  if (!flow) {
    return SP_RAISE(SP_ERR_INPUT, "%s: its journal %s is not there or empty, so nothing of it counts as done", v->path,
                    path);
  }
  if (!flow->units_are_gathers) {
    return SP_RAISE(SP_ERR_INPUT, "%s: of a job of the kind `%s`, which can be verified once it is complete", v->path,
                    flow->name);
  }
  if (n_units != n_gathers) {
    return SP_RAISE(SP_ERR_INPUT, "%s: has %llu gathers, its journal %s is one of %llu", v->path,
                    (unsigned long long)n_gathers, path, (unsigned long long)n_units);
  }
  SP_TRY(sp_journal_read(path, flow->figures, n_gathers, &v->journal));
  if (v->journal.n_chunks) SP_TRY(add_chunks(path, v));
  if (v->journal.n_bad_lines) {
    sp_warn("%s: %llu damaged lines", path, (unsigned long long)v->journal.n_bad_lines);
  }
  return SP_SUCCESS;
}

/* The journal of a part: what of it is on the disk, with which checksums. */
static sp_status read_journal(verifier *v) {
  char *path = NULL;
  SP_TRY(sp_side_sibling(v->path, SP_SIDE_PART, SP_SIDE_JOURNAL, &path));
  const sp_status status = read_journal_at(path, v);
  sp_free(path);
  return status;
}

static sp_status read_recorded(verifier *v) {
  const sp_global n = v->end - v->first;
  SP_TRY(sp_calloc(n + 1, sizeof *v->recorded, "checksums", &v->recorded));
  const bool part = sp_side_is(v->path, SP_SIDE_PART);
  if (part && v->options->gathers) {
    return SP_RAISE(SP_ERR_USAGE, "%s: gathers can be chosen once it is complete", v->path);
  }
  if (!part) return sp_recheck_recorded(v->output, v->first, n, v->recorded);
  SP_TRY(read_journal(v));
  memcpy(v->recorded, (const sp_gather_result *)v->journal.figures + v->first, n * sizeof *v->recorded);
  v->done = v->journal.done;
  return SP_SUCCESS;
}

/* This rank's gathers: from the one in which its share of the traces begins. */
static void set_share(verifier *v, const sp_ranks *ranks) {
  const sp_gather_index *index = v->index;
  const sp_share share = sp_ranks_share(ranks, index->n_traces);
  const sp_global shares[2] = {share.first, share.first + share.count};
  sp_global *const ends[2] = {&v->first, &v->end};
  for (int i = 0; i < 2; i++) {
    sp_global low = 0, high = index->n_gathers;
    while (low < high) {
      const sp_global middle = low + (high - low) / 2;
      if (index->first_trace[middle] < shares[i]) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    *ends[i] = low;
  }
  if (ranks->rank == 0) v->first = 0;
  if (ranks->rank == ranks->size - 1) v->end = index->n_gathers;
}

/* Each rank opens the file for itself: reading takes no agreement. */
static sp_status open_all(verifier *v, const sp_ranks *ranks) {
  SP_TRY(sp_recheck_open(v->path, v->options->gathers, v->options->against, &v->output));
  v->index = sp_recheck_index(v->output);
  v->first_bad = v->index->n_gathers;
  set_share(v, ranks);
  return read_recorded(v);
}

static void close_all(verifier *v) {
  sp_free(v->recorded);
  sp_journal_contents_free(&v->journal);
  sp_recheck_close(v->output);
}

/* --- this rank's gathers -------------------------------------------------------------------------------------- */

static void count_gather(verifier *v, sp_global gather, uint32_t reason, const sp_recheck_finding *found) {
  sp_verify_report *report = &v->report;
  report->n_gathers++;
  report->n_traces += v->index->first_trace[gather + 1] - v->index->first_trace[gather];
  report->bytes += found->bytes;
  report->count[reason < SP_REASON_COUNT ? reason : SP_REASON_OK]++;
  report->n_bad += found->bad;
  report->n_not_equal += found->not_equal;
  if (!found->bad && !found->not_equal) return;
  if (v->options->name_all) {
    char text[SP_GATHER_TEXT];
    sp_log(SP_LOG_ERROR, "%s: %s: %s", v->path, sp_gather_text(v->index, gather, text), found->what);
  }
  if (v->first_bad < v->index->n_gathers) return;
  v->first_bad = gather;
  memcpy(v->first_what, found->what, sizeof v->first_what);
}

static void verify_share(verifier *v) {
  for (sp_global gather = v->first; gather < v->end; gather++) {
    if (v->done && !v->done[gather]) {
      v->report.n_left++;
      continue;
    }
    const sp_gather_result *recorded = &v->recorded[gather - v->first];
    sp_recheck_finding found;
    sp_recheck_gather(v->output, gather, recorded, &found);
    count_gather(v, gather, recorded->reason, &found);
  }
}

/* --- all ranks -------------------------------------------------------------------------------------------------- */

static sp_status add_up_reports(const sp_ranks *ranks, verifier *v) {
  sp_verify_report *r = &v->report;
  enum { N_SUMS = 6 + SP_REASON_COUNT };
  uint64_t sums[N_SUMS] = {r->n_gathers, r->n_traces, r->n_left, r->n_bad, r->n_not_equal, r->bytes};
  memcpy(sums + 6, r->count, sizeof r->count);
  if (ranks->comm == MPI_COMM_NULL) return SP_SUCCESS; // alike
  SP_MPI_ALL(MPI_Allreduce(MPI_IN_PLACE, sums, N_SUMS, MPI_UINT64_T, MPI_SUM, ranks->comm));
  SP_MPI_ALL(MPI_Allreduce(MPI_IN_PLACE, &r->seconds, 1, MPI_DOUBLE, MPI_MAX, ranks->comm));
  r->n_gathers = sums[0];
  r->n_traces = sums[1];
  r->n_left = sums[2];
  r->n_bad = sums[3];
  r->n_not_equal = sums[4];
  r->bytes = sums[5];
  memcpy(r->count, sums + 6, sizeof r->count);
  return SP_SUCCESS;
}

/* The rank with the first bad gather of all names it. */
static sp_status name_first(const sp_ranks *ranks, const verifier *v) {
  sp_global first = v->first_bad;
  SP_ALIKE(sp_ranks_least(ranks, &first, 1));
  if (first == v->first_bad && first < v->index->n_gathers && !v->options->name_all) {
    char text[SP_GATHER_TEXT];
    sp_log(SP_LOG_ERROR, "%s: %s is the first bad one: %s", v->path, sp_gather_text(v->index, first, text),
           v->first_what);
  }
  return SP_SUCCESS;
}

sp_status sp_verify(MPI_Comm comm, const char *path, const sp_verify_options *options, sp_verify_report *out) {
  verifier v = {.path = path, .options = options};
  const sp_ranks ranks = sp_ranks_of(comm);
  /* rank 0 first, so that a file that will not do is one line */
  sp_status status;
  SP_ALIKE_GOTO(out, SP_ON_RANK_0(&ranks, open_all(&v, &ranks)));
  SP_ALIKE_GOTO(out, sp_ranks_agree(&ranks, ranks.rank ? open_all(&v, &ranks) : SP_SUCCESS));
  const double start = sp_now();
  verify_share(&v);
  v.report.seconds = sp_now() - start;
  SP_TRY_GOTO(out, add_up_reports(&ranks, &v));
  SP_TRY_GOTO(out, name_first(&ranks, &v));
  *out = v.report;
out:
  close_all(&v);
  return status;
}

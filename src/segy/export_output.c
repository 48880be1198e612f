/* SPDX-License-Identifier: BSD-3-Clause */
/* Where an export goes: to a file that is made beside the output and renamed, or byte after byte to what is no regular
 * file: standard output, a pipe, a device, which are written to and never replaced. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "seisproc/dist.h"
#include "seisproc/memory.h"
#include "seisproc/part_file.h"
#include "seisproc/share.h"
#include "seisproc/side_file.h"
#include "src/base/file_bytes.h"
#include "src/segy/exporter.h"
#include "src/segy/output_check.h"
#include "src/segy/stream.h"

enum { COPY_BYTES = 1 << 20 };

static sp_status open_part(sp_exporter *ex, int flags) {
  ex->fd = sp_side_open(ex->part_path, flags);
  if (ex->fd < 0) {
    return SP_RAISE(sp_file_status(errno), "%s: cannot be created: %s", ex->part_path, sp_side_error(errno));
  }
  return SP_SUCCESS;
}

sp_status sp_export_write(sp_exporter *ex, uint64_t offset, size_t n, const void *bytes) {
  const int error = ex->stream ? sp_write_all(ex->fd, bytes, n) : sp_write_all_at(ex->fd, bytes, n, offset);
  if (!error) return SP_SUCCESS;
  return ex->stream ? SP_RAISE(SP_ERR_USAGE, "%s: cannot be written: %s", ex->options->output, strerror(error))
                    : SP_RAISE(sp_file_status(error), "%s: cannot be written: %s", ex->part_path, strerror(error));
}

static sp_status copy_trailer(sp_exporter *ex) {
  const uint64_t offset = ex->file_header_bytes + ex->n_traces * ex->trace_bytes;
  sp_dataset *trailer;
  void *buffer = NULL;
  if (!ex->trailer_bytes) return SP_SUCCESS;
  sp_survey *survey;
  SP_TRY(sp_survey_open(MPI_COMM_NULL, ex->options->input, false, &survey));
  sp_status status = sp_dataset_open(survey, "/segy/trailer", &trailer);
  if (status == SP_SUCCESS) {
    status = sp_alloc(COPY_BYTES, "a trailer", &buffer);
    SP_EACH_PIECE (p, 0, ex->trailer_bytes, COPY_BYTES) {
      if (status == SP_SUCCESS) status = sp_dataset_read_independent(trailer, p.first, (sp_local)p.count, buffer);
      if (status == SP_SUCCESS) status = sp_export_write(ex, offset + p.first, p.count, buffer);
    }
    sp_free(buffer);
    sp_dataset_close(trailer);
  }
  sp_survey_close(survey);
  return status;
}

/* Rank 0: the empty file at its full size, file headers and trailer. */
static sp_status create(sp_exporter *ex) {
  const uint64_t bytes = ex->file_header_bytes + ex->n_traces * ex->trace_bytes + ex->trailer_bytes;
  SP_TRY(open_part(ex, O_RDWR | O_CREAT | O_EXCL));
  if (ftruncate(ex->fd, (off_t)bytes)) {
    return SP_RAISE(sp_file_status(errno), "%s: cannot be made %llu bytes long: %s", ex->part_path,
                    (unsigned long long)bytes, strerror(errno));
  }
  SP_TRY(sp_export_write(ex, 0, ex->file_header_bytes, ex->file_header));
  return copy_trailer(ex);
}

static sp_status open_first(sp_exporter *ex) {
  SP_TRY(sp_stream_open_output(ex->options->output, &ex->fd));
  ex->stream = ex->fd >= 0;
  if (ex->stream) return sp_export_write(ex, 0, ex->file_header_bytes, ex->file_header);
  SP_TRY(sp_output_check(ex->options->input, ex->options->output));
  SP_TRY(sp_part_begin(ex->options->output, &ex->part_path, &ex->lock));
  return create(ex);
}

sp_status sp_export_open_output(sp_exporter *ex) {
  sp_status status = ex->ranks.rank ? SP_SUCCESS : open_first(ex);
  SP_ALIKE(sp_ranks_agree(&ex->ranks, status));
  SP_ALIKE(sp_ranks_broadcast(&ex->ranks, &ex->stream, sizeof ex->stream));
  if (ex->ranks.rank && !ex->stream) {
    status = sp_part_path(ex->options->output, &ex->part_path);
    if (status == SP_SUCCESS) status = open_part(ex, O_RDWR);
  }
  return sp_ranks_agree(&ex->ranks, status);
}

sp_status sp_export_end_output(sp_exporter *ex) {
  if (ex->stream) return ex->ranks.rank ? SP_SUCCESS : copy_trailer(ex);
  if (fsync(ex->fd)) return SP_RAISE(sp_file_status(errno), "%s: cannot be synced: %s", ex->part_path, strerror(errno));
  return SP_SUCCESS;
}

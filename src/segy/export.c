#include "seisproc/export.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "seisproc/log.h"
#include "seisproc/memory.h"
#include "seisproc/part_file.h"
#include "seisproc/side_file.h"
#include "seisproc/stop.h"
#include "src/segy/exporter.h"
#include "src/segy/output_check.h"

enum { COPY_BYTES = 1 << 20 };

static sp_status open_output(sp_exporter *ex, int flags) {
  ex->fd = sp_side_open(ex->part_path, flags);
  if (ex->fd < 0) {
    return SP_RAISE(sp_file_status(errno), "%s: cannot be created: %s", ex->part_path, sp_side_error(errno));
  }
  return SP_SUCCESS;
}

static sp_status copy_trailer(sp_exporter *ex, uint64_t offset) {
  sp_dataset *trailer;
  void *buffer = NULL;
  if (!ex->trailer_bytes) return SP_SUCCESS;
  sp_survey *survey;
  SP_TRY(sp_survey_open(MPI_COMM_NULL, ex->options->input, false, &survey));
  sp_status status = sp_dataset_open(survey, "/segy/trailer", &trailer);
  if (status == SP_SUCCESS) {
    status = sp_alloc(COPY_BYTES, "a trailer", &buffer);
    for (uint64_t at = 0; at < ex->trailer_bytes && status == SP_SUCCESS; at += COPY_BYTES) {
      const uint64_t left = ex->trailer_bytes - at, n = left < COPY_BYTES ? left : COPY_BYTES;
      status = sp_dataset_read_independent(trailer, at, (sp_local)n, buffer);
      if (status == SP_SUCCESS) status = sp_export_write(ex, offset + at, n, buffer);
    }
    sp_free(buffer);
    sp_dataset_close(trailer);
  }
  sp_survey_close(survey);
  return status;
}

/* Rank 0: the empty file at its full size, file headers and trailer. */
static sp_status create(sp_exporter *ex) {
  const uint64_t trailer = ex->file_header_bytes + ex->n_traces * ex->trace_bytes;
  SP_TRY(open_output(ex, O_RDWR | O_CREAT | O_EXCL));
  if (ftruncate(ex->fd, (off_t)(trailer + ex->trailer_bytes))) {
    return SP_RAISE(sp_file_status(errno), "%s: cannot be made %llu bytes long: %s", ex->part_path,
                    (unsigned long long)(trailer + ex->trailer_bytes), strerror(errno));
  }
  SP_TRY(sp_export_write(ex, 0, ex->file_header_bytes, ex->file_header));
  return copy_trailer(ex, trailer);
}

static sp_status open_all(sp_exporter *ex) {
  sp_status status = SP_SUCCESS;
  if (ex->team.rank == 0) {
    status = sp_output_check(ex->options->input, ex->options->output);
    if (status == SP_SUCCESS) status = sp_part_begin(ex->options->output, &ex->part_path, &ex->lock);
    if (status == SP_SUCCESS) status = create(ex);
  }
  SP_TRY(sp_team_agree(&ex->team, status));
  if (ex->team.rank) {
    status = sp_part_path(ex->options->output, &ex->part_path);
    if (status == SP_SUCCESS) status = open_output(ex, O_RDWR);
  }
  return sp_team_agree(&ex->team, status);
}

static sp_status sync_output(const sp_exporter *ex) {
  if (fsync(ex->fd)) return SP_RAISE(sp_file_status(errno), "%s: cannot be synced: %s", ex->part_path, strerror(errno));
  return SP_SUCCESS;
}

static sp_status say_losses(sp_exporter *ex) {
  uint64_t counts[2] = {ex->losses.clipped, ex->losses.not_finite};
  SP_TRY(sp_team_sum(&ex->team, counts, 2));
  if (ex->team.rank) return SP_SUCCESS;
  const char *format = sp_segy_format_name(ex->format);
  if (counts[0]) {
    sp_warn("%s: %llu samples are beyond the range of format %d (%s): its ends were written", ex->options->output,
            (unsigned long long)counts[0], ex->format, format);
  }
  if (counts[1]) {
    sp_warn("%s: %llu samples are NaN or infinite, which format %d (%s) cannot say: 0 or the ends of its range were "
            "written",
            ex->options->output, (unsigned long long)counts[1], ex->format, format);
  }
  return SP_SUCCESS;
}

static sp_status run(sp_exporter *ex) {
  SP_TRY(sp_export_prepare(ex));
  SP_TRY(open_all(ex));
  sp_meter_start(&ex->meter, &ex->team, ex->options->quiet, "export", ex->n_traces, ex->trace_bytes);
  sp_status status = sp_export_pass(ex);
  if (status == SP_SUCCESS) status = sync_output(ex);
  SP_TRY(sp_team_agree(&ex->team, status));
  SP_TRY(say_losses(ex));
  if (ex->team.rank == 0) status = sp_part_publish(ex->part_path, ex->options->output);
  return sp_team_agree(&ex->team, status);
}

static void say_done(const sp_exporter *ex, double seconds) {
  const double bytes = (double)ex->n_traces * (double)ex->trace_bytes;
  sp_info("%s: %s, %llu traces of %u samples, %s-endian %s; %.3g MB in %.1f s, %.0f MB/s", ex->options->output,
          ex->kind == SP_KIND_SU ? "SU" : "SEG-Y", (unsigned long long)ex->n_traces, ex->n_samples,
          ex->order == SP_ORDER_BIG ? "big" : "little", sp_segy_format_name(ex->format), bytes * 1e-6, seconds,
          bytes * 1e-6 / (seconds > 1e-3 ? seconds : 1e-3));
}

sp_status sp_export(MPI_Comm comm, const sp_export_options *options) {
  sp_exporter ex = {.options = options, .fd = -1};
  SP_TRY(sp_team_join(comm, &ex.team));
  sp_stop_install();
  const sp_status status = run(&ex);
  const double seconds = ex.meter.what ? sp_meter_end(&ex.meter) : 0;
  if (ex.fd >= 0) close(ex.fd);
  if (status == SP_SUCCESS && ex.team.rank == 0 && !options->quiet) say_done(&ex, seconds);
  if (status != SP_SUCCESS && ex.team.rank == 0 && ex.fd >= 0) sp_part_discard(ex.part_path);
  if (status == SP_STOPPED && ex.team.rank == 0) sp_warn("%s: stopped; nothing was kept", options->output);
  sp_export_close(&ex);
  sp_free(ex.file_header);
  sp_free(ex.part_path);
  sp_lock_release(ex.lock);
  return status;
}

/* SPDX-License-Identifier: BSD-3-Clause */
#include "seisproc/export.h"

#include <string.h>
#include <unistd.h>

#include "seisproc/dist.h"
#include "seisproc/log.h"
#include "seisproc/memory.h"
#include "seisproc/part_file.h"
#include "seisproc/stop.h"
#include "src/segy/exporter.h"

static sp_status log_losses(sp_exporter *ex) {
  uint64_t counts[3] = {ex->losses.clipped, ex->losses.not_finite, ex->losses.zeroed};
  SP_ALIKE(sp_ranks_sum(&ex->ranks, counts, 3));
  if (ex->ranks.rank) return SP_SUCCESS;
  const char *format = sp_segy_format_name(ex->format), *output = ex->options->output;
  const double samples = (double)ex->n_traces * ex->n_samples;
  if (counts[0]) {
    sp_warn("%s: %llu samples are beyond the range of format %d (%s): its ends were written", output,
            (unsigned long long)counts[0], ex->format, format);
  }
  if (counts[1]) {
    sp_warn("%s: %llu samples are NaN or infinite, which format %d (%s) cannot say: 0 or the ends of its range were "
            "written",
            output, (unsigned long long)counts[1], ex->format, format);
  }
  if ((double)counts[2] > 1e-3 * samples) {
    sp_warn(
        "%s: %llu of %.0f samples became 0 in format %d (%s) and were not; --scale auto multiplies all by a power of 2",
        output, (unsigned long long)counts[2], samples, ex->format, format);
  } else if (counts[2] && !ex->options->quiet) {
    sp_info("%s: %llu of %.0f samples became 0 and were not", output, (unsigned long long)counts[2], samples);
  }
  const bool processed =
      strcmp(sp_survey_get_info(ex->survey)->content, "input") || strcmp(ex->options->dataset, "traces");
  if (processed && ex->format == SP_FORMAT_IBM32 && !ex->options->quiet) {
    sp_info("%s: IBM floats keep 21 to 24 of the 24 bits that processed samples have: they change by up to 5e-7 of "
            "themselves; --format 5 keeps all",
            output);
  }
  return SP_SUCCESS;
}

static sp_status run(sp_exporter *ex) {
  SP_ALIKE(sp_export_prepare(ex));
  SP_ALIKE(sp_export_open_output(ex));
  ex->meter = sp_meter_start(ex->ranks.rank == 0 && !ex->options->quiet);
  sp_status status = sp_export_pass(ex);
  if (status == SP_SUCCESS) status = sp_export_end_output(ex);
  SP_ALIKE(sp_ranks_agree(&ex->ranks, status));
  SP_ALIKE(log_losses(ex));
  SP_ALIKE(sp_export_log_columns(ex));
  if (ex->ranks.rank == 0 && !ex->stream) status = sp_part_publish(ex->part_path, ex->options->output);
  return sp_ranks_agree(&ex->ranks, status);
}

static void log_done(const sp_exporter *ex, double seconds) {
  const double bytes = (double)ex->n_traces * (double)ex->trace_bytes;
  sp_info("%s: %s, %llu traces of %u samples, %s-endian %s; %.3g MB in %.1f s, %.0f MB/s", ex->options->output,
          ex->kind == SP_KIND_SU ? "SU" : "SEG-Y", (unsigned long long)ex->n_traces, ex->n_samples,
          ex->order == SP_ORDER_BIG ? "big" : "little", sp_segy_format_name(ex->format), bytes * 1e-6, seconds,
          bytes * 1e-6 / (seconds > 1e-3 ? seconds : 1e-3));
}

sp_status sp_export(MPI_Comm comm, const sp_export_options *options) {
  sp_exporter ex = {.options = options, .fd = -1};
  ex.ranks = sp_ranks_of(comm);
  sp_stop_install();
  const sp_status status = run(&ex);
  const double seconds = sp_meter_end(&ex.meter, false);
  if (ex.fd >= 0) close(ex.fd);
  if (status == SP_SUCCESS && ex.ranks.rank == 0 && !options->quiet) log_done(&ex, seconds);
  if (status != SP_SUCCESS && ex.ranks.rank == 0 && ex.fd >= 0 && !ex.stream) sp_part_discard(ex.part_path);
  if (status == SP_STOPPED && ex.ranks.rank == 0) {
    sp_warn("%s: stopped; %s", options->output,
            ex.stream ? "what was written so far is not complete" : "nothing was kept");
  }
  sp_export_close(&ex);
  sp_free(ex.file_header);
  sp_free(ex.part_path);
  sp_lock_release(ex.lock);
  return status;
}

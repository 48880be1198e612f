/* SPDX-License-Identifier: BSD-3-Clause */
/* What `seisproc info` says of packed traces, or of traces of 16 bits: attributes that packing left on /traces, and the
 * errors of gathers. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "seisproc/memory.h"
#include "seisproc/share.h"
#include "src/cli/info.h"

/* The largest of the gathers' errors as parts of their RMS. */
static sp_status find_rounding(sp_survey *survey, sp_info_packing *out) {
  enum { PIECE = 4096 };
  float parts[PIECE];
  char *form = NULL;
  sp_dataset *data;
  SP_TRY(sp_survey_find_text(survey, "/traces", "samples", &form));
  snprintf(out->samples, sizeof out->samples, "%s", form ? form : "");
  sp_free(form);
  if (!out->samples[0] || !sp_survey_has(survey, SP_SCALE_GROUP "/error_of_rms")) return SP_SUCCESS;
  SP_TRY(sp_dataset_open(survey, SP_SCALE_GROUP "/error_of_rms", &data));
  sp_status status = SP_SUCCESS;
  SP_EACH_PIECE (p, 0, sp_dataset_rows(data), PIECE) {
    if (status == SP_SUCCESS) status = sp_dataset_read(data, p.first, (sp_local)p.count, parts);
    for (uint64_t i = 0; i < p.count && status == SP_SUCCESS; i++) {
      if (parts[i] > out->rounding) out->rounding = parts[i];
    }
  }
  sp_dataset_close(data);
  return status;
}

sp_status sp_info_find_packing(sp_survey *survey, sp_info_packing *out) {
  char *codec = NULL;
  *out = (sp_info_packing){0};
  SP_TRY(find_rounding(survey, out));
  SP_TRY(sp_survey_find_text(survey, "/traces", "codec", &codec));
  if (!codec) return SP_SUCCESS;
  snprintf(out->codec, sizeof out->codec, "%s", codec);
  sp_free(codec);
  SP_TRY(sp_survey_find_int(survey, "/traces", "level", 0, &out->level));
  SP_TRY(sp_survey_find_int(survey, "/traces", "packed_bytes", 0, &out->packed_bytes));
  if (strcmp(out->codec, "zfp")) return SP_SUCCESS;
  SP_TRY(sp_survey_find_int(survey, "/traces", "lossless_chunks", 0, &out->lossless_chunks));
  SP_TRY(sp_survey_get_real(survey, "/traces", "error_bound", &out->error_bound));
  return sp_survey_get_real(survey, "/traces", "max_error_of_rms", &out->largest_error);
}

/* Of the whole file; a part of it has no ratio of its own. 0: unknown. */
static double ratio(const sp_info_packing *p, const sp_survey_info *info) {
  if (p->packed_bytes <= 0) return 0;
  return (double)info->n_traces * info->n_samples * sizeof(float) / (double)p->packed_bytes;
}

void sp_info_print_packing(const sp_info_packing *p, const sp_survey_info *info) {
  char size[SP_SIZE_TEXT];
  if (p->samples[0]) {
    printf("  samples    %s, errors up to %.3g of a gather's RMS\n", p->samples, p->rounding);
  }
  if (!p->codec[0]) return;
  printf("  packed     %s", p->codec);
  if (p->level) printf(" level %lld", (long long)p->level);
  printf(", %s, ratio %.3f", sp_info_size((uint64_t)(p->packed_bytes > 0 ? p->packed_bytes : 0), size), ratio(p, info));
  if (p->error_bound > 0) {
    printf(", errors up to %.3g of a gather's RMS (%.1f dB below it, bound %.1f), %lld chunks lossless",
           p->largest_error, -20 * log10(p->largest_error), -20 * log10(p->error_bound), (long long)p->lossless_chunks);
  }
  printf("\n");
}

void sp_info_json_packing(sp_json *json, const sp_info_packing *p, const sp_survey_info *info) {
  sp_json_text(json, "samples", p->samples[0] ? p->samples : "float32");
  if (p->samples[0]) sp_json_real(json, "largest_rounding_of_rms", p->rounding);
  if (!p->codec[0]) {
    sp_json_text(json, "packing", NULL);
    return;
  }
  sp_json_open(json, "packing", '{');
  sp_json_text(json, "codec", p->codec);
  sp_json_int(json, "level", p->level);
  sp_json_int(json, "bytes", p->packed_bytes);
  sp_json_real(json, "ratio", ratio(p, info));
  sp_json_real(json, "error_bound", p->error_bound);
  sp_json_real(json, "largest_error", p->largest_error);
  sp_json_int(json, "lossless_chunks", p->lossless_chunks);
  sp_json_close(json, '}');
}

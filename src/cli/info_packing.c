/* SPDX-License-Identifier: BSD-3-Clause */
/* What `seisproc info` says of packed traces: attributes that packing left on /traces. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "seisproc/memory.h"
#include "src/cli/info.h"

sp_status sp_info_find_packing(const sp_survey *survey, sp_info_packing *out) {
  char *codec = NULL;
  *out = (sp_info_packing){0};
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

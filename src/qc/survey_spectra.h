/* SPDX-License-Identifier: BSD-3-Clause */
/* Amplitude spectra of all gathers of a survey, as the job measured them. Private to src/qc. */
#ifndef SEISPROC_SRC_QC_SURVEY_SPECTRA_H
#define SEISPROC_SRC_QC_SURVEY_SPECTRA_H

#include "seisproc/figures.h"
#include "seisproc/json.h"
#include "src/qc/gather_view.h"
#include "src/qc/picture.h"

enum { SP_SPECTRUM_SHARES = 3 };

/* Of the input and of the noise: amplitudes at k / (2 SP_SPECTRUM_LEVELS dt) that a tenth, a half and nine tenths of
 * the gathers do not exceed. */
typedef struct sp_survey_spectra {
  size_t n;       /* gathers that were measured; 0: the survey has no spectra */
  double nyquist; /* Hz */
  double amplitude[2][SP_SPECTRUM_SHARES][SP_SPECTRUM_LEVELS];
} sp_survey_spectra;

/* Of more than 65,536 gathers as many, evenly spread. Errors: SP_ERR_IO, SP_ERR_MEMORY. */
sp_status sp_survey_spectra_read(const sp_view_source *source, sp_survey_spectra *out);

/* For n > 0. The caller frees *out. */
sp_status sp_survey_spectra_draw(const sp_survey_spectra *spectra, double width, double height, const char *footer,
                                 sp_picture **out);

/* As a member "survey_spectra". */
void sp_survey_spectra_numbers(const sp_survey_spectra *spectra, sp_json *json);

#endif

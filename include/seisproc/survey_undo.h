/* SPDX-License-Identifier: BSD-3-Clause */
/* Changing a survey file in place (file_undo.h). HDF5 writes metadata where and when it likes, so the file is not
 * readable in between; while FILE.undo is there, sp_survey_open refuses to read it. */
#ifndef SEISPROC_SURVEY_UNDO_H
#define SEISPROC_SURVEY_UNDO_H

#include "seisproc/survey_file.h"

/* Keeps what is needed to undo a change that overwrites the columns /headers/<changed[i]>, or replaces them, and any
 * metadata. The survey is open for reading by this process alone, and is to be closed before the change. Errors: those
 * of sp_file_undo_keep. */
sp_status sp_survey_undo_keep(sp_survey *survey, const char *path, const char *const *changed, size_t n);

#endif

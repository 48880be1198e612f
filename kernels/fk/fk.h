/* SPDX-License-Identifier: BSD-3-Clause */
/* The processor `fk`: the velocity filter of filter.h on a gather, or on each part of it.
 *
 * A gather is a line of traces at equal steps: `spacing`, or the median step of `offset`, or of the distance between
 * consecutive receivers or sources. Steps that differ from it by more than spacing_tolerance, in more than a tenth of
 * the gaps, are irregular: such a gather is not filtered unless `irregular: ignore`. A positive direction is that in
 * which the traces follow one another. `split` names headers whose change begins a new part; a part of fewer than
 * SP_FK_LEAST_TRACES traces is passed on as it is. A dead trace stays dead.
 */
#ifndef SEISPROC_KERNELS_FK_FK_H
#define SEISPROC_KERNELS_FK_FK_H

#include "kernels/fk/filter.h"
#include "seisproc/processor.h"

enum { SP_FK_LEAST_TRACES = 8, SP_FK_MAX_SPLITS = 6 };

typedef enum sp_fk_along { SP_FK_ALONG_OFFSET, SP_FK_ALONG_RECEIVERS, SP_FK_ALONG_SOURCES } sp_fk_along;
typedef enum sp_fk_direction { SP_FK_BOTH, SP_FK_POSITIVE, SP_FK_NEGATIVE } sp_fk_direction;
typedef enum sp_fk_irregular { SP_FK_REFUSE, SP_FK_IGNORE } sp_fk_irregular;

typedef struct sp_fk_params {
  sp_fk_common common;
  int direction;            /* sp_fk_direction */
  double spacing;           /* NAN: from the headers */
  int along;                /* sp_fk_along */
  double spacing_tolerance; /* per cent */
  int irregular;            /* sp_fk_irregular */
  sp_words split;
} sp_fk_params;

/* Columns before those of `split`: one of offset, two of coordinates, none where `spacing` is given. */
size_t sp_fk_position_columns(const sp_fk_params *params);

/* The filter of these parameters; its grid's step along x is set for each gather. */
void sp_fk_filter_of(const sp_fk_params *params, uint32_t n_samples, double dt, sp_fk_filter *filter);

/* The step of `count` traces from `first` on; columns as a backend gets them. `work` holds count values. Returns
 * SP_REASON_GEOMETRY where there is none that may be used. */
sp_reason sp_fk_spacing(const sp_fk_params *params, const double *const *headers, uint32_t first, uint32_t count,
                        double *work, double *spacing);

/* Before a job starts: what is odd about a gather's first part: a spacing that the headers contradict or that no survey
 * has, a filter that passes or takes all. See sp_processor.look; params: sp_fk_params. */
void sp_fk_look(const void *params, const double *const *headers, uint32_t n_traces, uint32_t n_samples, double dt,
                double *work, char *note, size_t size);

/* End of the part of the gather that begins at trace `first`. */
uint32_t sp_fk_part_end(const sp_fk_params *params, const double *const *headers, uint32_t first, uint32_t n_traces);

extern const sp_cpu_ops sp_fk_cpu;
extern const sp_processor sp_processor_fk;

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
/* What a job chooses for all of its steps: what is kept, what becomes of gathers that fail, what computes. */
#ifndef SEISPROC_CHOICES_H
#define SEISPROC_CHOICES_H

typedef enum sp_mode { SP_MODE_PROCESSED, SP_MODE_NOISE, SP_MODE_BOTH } sp_mode;
/* What becomes of a gather that could not be processed. PASSTHROUGH: processed is the input and the noise is zero, so
 * that processed + noise = input holds for every gather of the survey. ZERO: processed and noise are both zero, so that
 * no bad sample reaches an output; the sum is not the input there, and /integrity/status says where. A dead gather
 * is zero either way. */
typedef enum sp_on_error { SP_ON_ERROR_PASSTHROUGH, SP_ON_ERROR_ZERO, SP_ON_ERROR_ABORT } sp_on_error;
/* What becomes of samples that are NaN or Inf. GATHER: the gather cannot be processed. TRACE: the trace stays as it is
 * (all zero with ZERO of on_error), nobody's neighbour. ZERO: such samples become zero before anything is computed, and
 * count as zero in the noise, too. */
typedef enum sp_nan { SP_NAN_TRACE, SP_NAN_GATHER, SP_NAN_ZERO } sp_nan;
/* Which traces are processed: those whose header `trid` says that they are seismic or says nothing, or all. */
typedef enum sp_trid { SP_TRID_SEISMIC, SP_TRID_ALL } sp_trid;
/* What is measured of what a job does: nothing, figures of each gather, those of each trace as well. */
typedef enum sp_qc { SP_QC_NONE, SP_QC_GATHER, SP_QC_TRACE } sp_qc;
/* By which codec an output is packed. */
typedef enum sp_job_pack { SP_JOB_PACK_NONE, SP_JOB_PACK_LZ4, SP_JOB_PACK_ZSTD, SP_JOB_PACK_ZFP } sp_job_pack;
/* How samples are stored: as they are, or in 16 bits with a factor a trace. */
typedef enum sp_sample_form { SP_SAMPLES_FLOAT32, SP_SAMPLES_FLOAT16_SCALED, SP_SAMPLES_INT16_SCALED } sp_sample_form;
/* How samples are moved: AUTO is one of the other two, chosen by what is there and by what waiting costs. */
typedef enum sp_transfer { SP_TRANSFER_AUTO, SP_TRANSFER_COLLECTIVE, SP_TRANSFER_INDEPENDENT } sp_transfer;
/* Which workers read together. */
typedef enum sp_read_group { SP_READ_GROUP_NODE, SP_READ_GROUP_ALL } sp_read_group;
typedef enum sp_engine_kind { SP_ENGINE_AUTO, SP_ENGINE_CPU, SP_ENGINE_CUDA, SP_ENGINE_MOCK } sp_engine_kind;

#endif

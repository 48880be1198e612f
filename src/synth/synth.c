/* SPDX-License-Identifier: BSD-3-Clause */
#include "seisproc/synth.h"

#include <math.h>
#include <string.h>

#include "seisproc/memory.h"
#include "src/synth/diffractors.h"
#include "src/synth/geometry.h"
#include "src/synth/philox.h"
#include "src/synth/rows.h"
#include "src/synth/wave_math.h"

enum {
  LAYERS = 24,
  WAVELETS = 4,       /* peak frequencies fall with depth */
  PHASES = 64,        /* positions of a wavelet within one sample interval */
  WAVELET_ROUND = 16, /* wavelet lengths are multiples of this, so that vector loops have no rest */
  RMS_TRACES = 1024,  /* the sample for the noise level */
};

/* m/s and Hz of the ground roll: its lowest frequency is the fastest */
#define ROLL_FAST     700.0
#define ROLL_SLOW     250.0
#define ROLL_LOW      5.0
#define ROLL_HIGH     18.0
#define ROLL_SECONDS  0.2   /* duration at the source */
#define ROLL_DISTANCE 100.0 /* m over which spreading halves its energy */

typedef struct layer {
  double t_0;            /* s, at zero offset, where the layer is flat */
  double rms_slowness_2; /* 1 / v^2, s^2/m^2 */
  double swing[2];       /* s: how far the two undulations move it */
  float reflectivity;
  int wavelet;
} layer;

struct sp_synth {
  sp_synth_config config;
  sp_gather_index *index;
  sp_grid grid;
  layer layers[LAYERS];
  uint32_t wavelet_length, wavelet_middle; /* samples */
  float *wavelets;                         /* [WAVELETS][PHASES][wavelet_length] */
  double reflection_rms;
  const sp_synth_ops *ops;
};

sp_synth_config sp_synth_defaults(void) {
  return (sp_synth_config){.n_gathers = 100,
                           .mean_traces = 500,
                           .spread = 0.6,
                           .n_samples = 1600,
                           .interval_s = 0.002,
                           .noise = 1,
                           .ground_roll = 3,
                           .seed = 1};
}

/* From 0 up to but not including 1. */
static double random_unit(uint64_t seed, uint32_t stream, uint64_t i) {
  uint32_t x[4] = {0, stream, (uint32_t)i, (uint32_t)(i >> 32)};
  philox(x, seed);
  return x[0] * 0x1p-32;
}

/* --- settings -------------------------------------------------------------------------------------------------- */

static sp_status check_number(const char *what, double value, double least, double most) {
  if (value >= least && value <= most) return SP_SUCCESS;
  return SP_RAISE(SP_ERR_USAGE, "%s: found %g, allowed is a number from %g to %g", what, value, least, most);
}

static sp_status check_config(const sp_synth_config *config) {
  SP_TRY(check_number("gathers", (double)config->n_gathers, 1, 1e9));
  SP_TRY(check_number("traces a gather", config->mean_traces, 1, 1e9));
  SP_TRY(check_number("spread", config->spread, 0, 1));
  SP_TRY(check_number("samples", config->n_samples, 1, 1e6));
  SP_TRY(check_number("sample interval in ms", config->interval_s * 1e3, 0.001, 1e4));
  SP_TRY(check_number("noise", config->noise, 0, 1e6));
  SP_TRY(check_number("ground roll", config->ground_roll, 0, 1e6));
  SP_TRY(check_number("largest gather, as a multiple of the mean", config->largest, 0, 1e6));
  return check_number("traces of the largest gather", config->mean_traces * config->largest, 0, SP_MAX_GATHER_TRACES);
}

static sp_global gather_size(const sp_synth_config *config, sp_global gather) {
  double factor = 1 + config->spread * (2 * random_unit(config->seed, SP_STREAM_SIZE, gather) - 1);
  if (config->largest > 0 && gather == config->n_gathers / 3) factor = config->largest;
  const sp_global traces = (sp_global)(config->mean_traces * factor + 0.5);
  return traces ? traces : 1;
}

static sp_status make_index(sp_synth *synth) {
  const sp_global n = synth->config.n_gathers;
  void *first, *key;
  SP_TRY(sp_alloc((n + 1) * sizeof(sp_global), "the gather index", &first));
  if (sp_alloc(n * sizeof(int64_t), "the gather index", &key) != SP_SUCCESS) {
    sp_free(first);
    return SP_ERR_MEMORY;
  }
  sp_global *first_trace = first;
  first_trace[0] = 0;
  for (sp_global g = 0; g < n; g++) {
    first_trace[g + 1] = first_trace[g] + gather_size(&synth->config, g);
    ((int64_t *)key)[g] = (int64_t)g + 1;
  }
  return sp_gather_index_create("synthetic survey", n, first_trace[n], first, key, &synth->index);
}

/* --- the subsurface -------------------------------------------------------------------------------------------- */

static double record_seconds(const sp_synth_config *config) {
  return config->n_samples * config->interval_s;
}

static void make_layers(sp_synth *synth) {
  const double record = record_seconds(&synth->config);
  for (int k = 0; k < LAYERS; k++) {
    double random[5];
    for (uint64_t i = 0; i < 5; i++) {
      random[i] = random_unit(synth->config.seed, SP_STREAM_MODEL, (uint64_t)k * 5 + i);
    }
    layer *l = &synth->layers[k];
    l->t_0 = record * (0.08 + 0.90 * (k + random[0]) / LAYERS);
    const double velocity = fmin(1600 + 560 * l->t_0, 6000);
    l->rms_slowness_2 = 1 / (velocity * velocity);
    l->swing[0] = 0.01 * l->t_0 * (random[1] - 0.5);
    l->swing[1] = 0.01 * l->t_0 * (random[2] - 0.5);
    const double strength = (0.3 + 0.7 * random[3]) * exp(-1.5 * l->t_0 / record);
    l->reflectivity = (float)(random[4] < 0.5 ? -strength : strength);
    l->wavelet = k * WAVELETS / LAYERS;
  }
}

/* Peak frequency in Hz: from 35 down to 20, but far from the Nyquist frequency. */
static double peak_frequency(const sp_synth_config *config, int wavelet) {
  return fmin(35 - 5.0 * wavelet, 0.15 / config->interval_s);
}

/* Ricker wavelets (1953), each at PHASES positions between two samples. */
static sp_status make_wavelets(sp_synth *synth) {
  const double interval = synth->config.interval_s;
  const double half = 1.2 / peak_frequency(&synth->config, WAVELETS - 1) / interval; /* less than 2e-5 is left there */
  synth->wavelet_middle = (uint32_t)ceil(half);
  synth->wavelet_length = (2 * synth->wavelet_middle + 2 + WAVELET_ROUND - 1) / WAVELET_ROUND * WAVELET_ROUND;
  void *block;
  SP_TRY(sp_alloc(sizeof(float) * WAVELETS * PHASES * synth->wavelet_length, "wavelets", &block));
  synth->wavelets = block;
  float *out = synth->wavelets;
  for (int w = 0; w < WAVELETS; w++) {
    for (int phase = 0; phase < PHASES; phase++) {
      for (uint32_t i = 0; i < synth->wavelet_length; i++) {
        const double t = ((double)i - synth->wavelet_middle - (phase + 0.5) / PHASES) * interval;
        const double a = M_PI * M_PI * t * t * pow(peak_frequency(&synth->config, w), 2);
        *out++ = (float)((1 - 2 * a) * exp(-a));
      }
    }
  }
  return SP_SUCCESS;
}

/* --- a trace --------------------------------------------------------------------------------------------------- */

/* Adds a wavelet whose peak is at `samples` from the row's start. */
static void add_event(const sp_synth *synth, int wavelet, double samples, float amplitude, float *row) {
  const int64_t n = synth->config.n_samples, whole = (int64_t)floor(samples);
  const int phase = (int)((samples - (double)whole) * PHASES);
  const float *shape = synth->wavelets + ((size_t)wavelet * PHASES + (size_t)phase) * synth->wavelet_length;
  int64_t first = whole - synth->wavelet_middle, length = synth->wavelet_length;
  if (first < 0) {
    shape -= first;
    length += first;
    first = 0;
  }
  if (first + length > n) length = n - first;
  if (length > 0) synth->ops->add_wavelet(amplitude, shape, row + first, (uint32_t)length);
}

void sp_synth_centre(const sp_synth *synth, double centre[2]) {
  sp_grid_centre(&synth->grid, synth->index->n_gathers, centre);
}

static void add_diffractors(const sp_synth *synth, const sp_trace_place *place, float *row) {
  enum { WAVELET = 1 };
  const double rate = 1 / synth->config.interval_s;
  sp_arrival arrivals[SP_ARRIVALS];
  double centre[2];
  sp_synth_centre(synth, centre);
  sp_diffractors_arrivals((sp_synth_medium)synth->config.medium, centre, place, arrivals);
  for (int i = 0; i < SP_ARRIVALS; i++) {
    if (arrivals[i].t * rate > synth->config.n_samples + synth->wavelet_length) continue;
    const double at = arrivals[i].t * rate;
    if (arrivals[i].is_slope) { /* by the difference over two samples */
      const float amplitude = (float)(0.5 * rate * arrivals[i].amplitude);
      add_event(synth, WAVELET, at - 1, amplitude, row);
      add_event(synth, WAVELET, at + 1, -amplitude, row);
    } else {
      add_event(synth, WAVELET, at, (float)arrivals[i].amplitude, row);
    }
  }
}

static void add_reflections(const sp_synth *synth, const sp_trace_place *place, float *row) {
  if (synth->config.medium != SP_SYNTH_LAYERS) {
    add_diffractors(synth, place, row);
    return;
  }
  /* two undulations of the whole subsurface, wavelengths 3 to 7 km; the phase is taken in turns */
  const double x = place->middle_x * 1e-3, y = place->middle_y * 1e-3;
  const double undulation[2] = {(double)cos_turns((float)(x / 4.7 + y / 7.1)),
                                (double)cos_turns((float)(y / 3.3 - x / 6.1))};
  const double offset_2 = place->offset * place->offset, rate = 1 / synth->config.interval_s;
  for (int k = 0; k < LAYERS; k++) {
    const layer *l = &synth->layers[k];
    const double t_0 = l->t_0 + l->swing[0] * undulation[0] + l->swing[1] * undulation[1];
    const double t = sqrt(t_0 * t_0 + offset_2 * l->rms_slowness_2);
    if (t * rate > synth->config.n_samples + synth->wavelet_length) continue;
    add_event(synth, l->wavelet, t * rate, l->reflectivity * (float)(t_0 / t), row);
  }
}

/* A frequency f arrives at offset * s(f); the slowness s grows linearly from the lowest frequency to the highest, so
 * the frequency grows linearly with time. */
static void add_ground_roll(const sp_synth *synth, const sp_trace_place *place, float *row) {
  const double interval = synth->config.interval_s, high = fmin(ROLL_HIGH, 0.15 / interval);
  const double low = fmin(ROLL_LOW, high / 3);
  const double start = place->offset / ROLL_FAST,
               duration = ROLL_SECONDS + place->offset * (1 / ROLL_SLOW - 1 / ROLL_FAST);
  const double spreading = sqrt(ROLL_SECONDS / duration / (1 + place->offset / ROLL_DISTANCE));
  const sp_wave_train train = {.amplitude = (float)(synth->config.ground_roll * spreading),
                               .duration = (float)duration,
                               .frequency = (float)low,
                               .rate = (float)((high - low) / duration / 2)};
  const double first = ceil(start / interval),
               end = fmin(floor((start + duration) / interval) + 1, synth->config.n_samples);
  if (!(first < end)) return;
  synth->ops->add_train(&train, (float)(first * interval - start), (float)interval, row + (uint32_t)first,
                        (uint32_t)(end - first));
}

static void make_trace(const sp_synth *synth, sp_global trace, const sp_trace_place *place, float *const rows[]) {
  const size_t bytes = synth->config.n_samples * sizeof(float);
  float *row = rows[SP_SYNTH_NOISY]      ? rows[SP_SYNTH_NOISY]
               : rows[SP_SYNTH_COHERENT] ? rows[SP_SYNTH_COHERENT]
                                         : rows[SP_SYNTH_REFLECTIONS];
  memset(row, 0, bytes);
  add_reflections(synth, place, row);
  if (rows[SP_SYNTH_REFLECTIONS] == row) return;
  if (rows[SP_SYNTH_REFLECTIONS]) memcpy(rows[SP_SYNTH_REFLECTIONS], row, bytes);
  if (synth->config.ground_roll > 0) add_ground_roll(synth, place, row);
  if (rows[SP_SYNTH_COHERENT] == row) return;
  if (rows[SP_SYNTH_COHERENT]) memcpy(rows[SP_SYNTH_COHERENT], row, bytes);
  const float deviation = (float)(synth->config.noise * synth->reflection_rms);
  if (deviation > 0) synth->ops->add_noise(synth->config.seed, trace, deviation, row, synth->config.n_samples);
}

/* Walks along traces in order: which gather, and where its receivers are. */
typedef struct walker {
  sp_global gather;
  sp_patch patch;
} walker;

static void enter_gather(const sp_synth *synth, walker *walk, sp_global gather) {
  walk->gather = gather;
  walk->patch = sp_grid_patch(&synth->grid, gather,
                              (sp_local)(synth->index->first_trace[gather + 1] - synth->index->first_trace[gather]));
}

static sp_trace_place walk_to(const sp_synth *synth, walker *walk, sp_global trace) {
  if (trace >= synth->index->first_trace[walk->gather + 1]) enter_gather(synth, walk, walk->gather + 1);
  return sp_patch_trace(&walk->patch, (sp_local)(trace - synth->index->first_trace[walk->gather]));
}

void sp_synth_traces(const sp_synth *synth, sp_global first, sp_local n, float *const rows[SP_SYNTH_PARTS]) {
  if (n == 0 || (!rows[0] && !rows[1] && !rows[2])) return;
  walker walk;
  enter_gather(synth, &walk, sp_gather_index_find(synth->index, first));
  for (sp_local i = 0; i < n; i++) {
    const sp_trace_place place = walk_to(synth, &walk, first + i);
    float *row[SP_SYNTH_PARTS];
    for (int p = 0; p < SP_SYNTH_PARTS; p++) row[p] = rows[p] ? rows[p] + (size_t)i * synth->config.n_samples : NULL;
    make_trace(synth, first + i, &place, row);
  }
}

/* --- headers --------------------------------------------------------------------------------------------------- */

typedef enum column {
  TRACL,
  TRACR,
  FLDR,
  TRACF,
  EP,
  CDP,
  TRID,
  OFFSET,
  SCALCO,
  SX,
  SY,
  GX,
  GY,
  COUNIT,
  NS,
  DT,
  CDPX,
  CDPY,
  ILINE,
  XLINE,
  COLUMNS
} column;

/* clang-format off */
static const struct { const char *name, *units; } columns[COLUMNS] = {
    [TRACL] = {"tracl", NULL}, [TRACR] = {"tracr", NULL}, [FLDR] = {"fldr", NULL},     [TRACF] = {"tracf", NULL},
    [EP] = {"ep", NULL},       [CDP] = {"cdp", NULL},     [TRID] = {"trid", NULL},     [OFFSET] = {"offset", "m"},
    [SCALCO] = {"scalco", NULL}, [SX] = {"sx", "m"},      [SY] = {"sy", "m"},          [GX] = {"gx", "m"},
    [GY] = {"gy", "m"},        [COUNIT] = {"counit", NULL}, [NS] = {"ns", NULL},       [DT] = {"dt", "us"},
    [CDPX] = {"cdpx", "m"},    [CDPY] = {"cdpy", "m"},    [ILINE] = {"iline", NULL},   [XLINE] = {"xline", NULL},
};
/* clang-format on */

const char *sp_synth_header_name(size_t i) {
  return i < COLUMNS ? columns[i].name : NULL;
}

const char *sp_synth_header_units(size_t i) {
  return columns[i].units;
}

/* Numbers that count traces start again at 1 where 31 bits are full. */
static int32_t wrap(int64_t number_from_0) {
  return (int32_t)(number_from_0 % INT32_MAX) + 1;
}

static int32_t header_value(const sp_synth *synth, column which, const walker *walk, sp_global trace,
                            const sp_trace_place *place) {
  int64_t in_line, cross_line;
  sp_grid_bin(&synth->grid, place, &in_line, &cross_line);
  switch (which) {
  case TRACL:
  case TRACR:
    return wrap((int64_t)trace);
  case FLDR:
  case EP:
    return (int32_t)walk->gather + 1;
  case TRACF:
    return (int32_t)(trace - synth->index->first_trace[walk->gather]) + 1;
  case CDP:
    return wrap((in_line - 1) * synth->grid.bins_x + cross_line - 1);
  case TRID:
  case SCALCO:
  case COUNIT:
    return 1;
  case OFFSET:
    return (int32_t)lround(place->offset);
  case SX:
    return (int32_t)place->source_x;
  case SY:
    return (int32_t)place->source_y;
  case GX:
    return (int32_t)place->receiver_x;
  case GY:
    return (int32_t)place->receiver_y;
  case NS:
    return (int32_t)synth->config.n_samples;
  case DT:
    return (int32_t)lround(synth->config.interval_s * 1e6);
  case CDPX:
    return (int32_t)lround(place->middle_x);
  case CDPY:
    return (int32_t)lround(place->middle_y);
  case ILINE:
    return (int32_t)in_line;
  case XLINE:
    return (int32_t)cross_line;
  case COLUMNS:
    break;
  }
  return 0;
}

void sp_synth_headers(const sp_synth *synth, size_t which, sp_global first, sp_local n, int32_t *values) {
  if (n == 0) return;
  walker walk;
  enter_gather(synth, &walk, sp_gather_index_find(synth->index, first));
  for (sp_local i = 0; i < n; i++) {
    const sp_trace_place place = walk_to(synth, &walk, first + i);
    values[i] = header_value(synth, (column)which, &walk, first + i, &place);
  }
}

/* --- the survey ------------------------------------------------------------------------------------------------ */

static sp_status measure_reflections(sp_synth *synth) {
  void *block;
  SP_TRY(sp_alloc(synth->config.n_samples * sizeof(float), "a trace", &block));
  float *row = block;
  float *const rows[SP_SYNTH_PARTS] = {[SP_SYNTH_REFLECTIONS] = row};
  const sp_global n = synth->index->n_traces, m = n < RMS_TRACES ? n : RMS_TRACES;
  double sum = 0;
  for (sp_global k = 0; k < m; k++) {
    sp_synth_traces(synth, k * (n / m), 1, rows);
    for (uint32_t i = 0; i < synth->config.n_samples; i++) sum += (double)row[i] * (double)row[i];
  }
  synth->reflection_rms = sqrt(sum / ((double)m * synth->config.n_samples));
  sp_free(block);
  return SP_SUCCESS;
}

sp_status sp_synth_create(const sp_synth_config *config, sp_synth **out) {
  sp_status status;
  SP_TRY(check_config(config));
  void *block;
  SP_TRY(sp_calloc(1, sizeof(sp_synth), "a synthetic survey", &block));
  sp_synth *synth = block;
  synth->config = *config;
  synth->ops = sp_synth_ops_select();
  SP_TRY_GOTO(fail, make_index(synth));
  synth->grid = sp_grid_create(synth->index);
  make_layers(synth);
  SP_TRY_GOTO(fail, make_wavelets(synth));
  SP_TRY_GOTO(fail, measure_reflections(synth));
  *out = synth;
  return SP_SUCCESS;
fail:
  sp_synth_destroy(synth);
  return status;
}

void sp_synth_destroy(sp_synth *synth) {
  if (!synth) return;
  sp_free(synth->wavelets);
  sp_gather_index_destroy(synth->index);
  sp_free(synth);
}

const sp_gather_index *sp_synth_index(const sp_synth *synth) {
  return synth->index;
}

double sp_synth_reflection_rms(const sp_synth *synth) {
  return synth->reflection_rms;
}

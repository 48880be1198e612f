/* SPDX-License-Identifier: BSD-3-Clause */
#include "kernels/common/cuda_fft_plan.h"

#include <math.h>
#include <string.h>

#include "kernels/common/cuda_check.h"
extern "C" {
#include "seisproc/memory.h"
}

/* Few passes, and of these those whose largest radix is the least: the best product of radices from `least` on. */
static uint32_t find_radices(uint32_t n, uint32_t most, uint32_t least, uint32_t *radix) {
  static const uint32_t radices[] = {2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 15, 16};
  enum { N_RADICES = sizeof radices / sizeof radices[0] };
  uint32_t best = CUDA_FFT_MAX_PASSES + 1, best_largest = 0, rest[CUDA_FFT_MAX_PASSES + 1];
  if (n == 1) return 0;
  for (uint32_t i = least; i < N_RADICES; i++) {
    if (radices[i] > most || n % radices[i]) continue;
    const uint32_t passes = 1 + find_radices(n / radices[i], most, i, rest);
    const uint32_t largest = passes > 1 && passes <= CUDA_FFT_MAX_PASSES ? rest[passes - 2] : radices[i];
    if (passes > best || (passes == best && largest >= best_largest)) continue;
    best = passes;
    best_largest = largest;
    radix[0] = radices[i];
    memcpy(radix + 1, rest, (passes - 1) * sizeof *radix);
  }
  return best;
}

static bool is_power_of_two(uint32_t n) {
  return (n & (n - 1)) == 0;
}

/* The last pass has neighbouring threads `radix` numbers apart: an odd radix meets all banks. */
static void order_radices(cuda_fft *f) {
  uint32_t last = f->n_passes - 1;
  for (uint32_t i = 0; i < f->n_passes; i++) {
    if (f->radix[i] % 2 && !(f->radix[last] % 2 && f->radix[last] <= f->radix[i])) last = i;
  }
  const uint32_t radix = f->radix[last];
  f->radix[last] = f->radix[f->n_passes - 1];
  f->radix[f->n_passes - 1] = radix;
}

/* The radices of f->n, and whether its points are spread. */
static void choose_radices(cuda_fft *f, uint32_t most) {
  enum { SPREAD = 16, LONGEST = 1 << 14 }; /* longer lines with gaps may not fit shared memory */
  if (most >= SPREAD && f->n >= SPREAD && is_power_of_two(f->n)) {
    f->n_passes = 1 + find_radices(f->n / SPREAD, most, 0, f->radix);
    f->radix[f->n_passes - 1] = SPREAD;
  } else {
    f->n_passes = find_radices(f->n, most, 0, f->radix);
    if (f->n_passes > 0) order_radices(f);
  }
  const uint32_t last = f->n_passes > 1 ? f->radix[f->n_passes - 1] : 1;
  if (most >= SPREAD && f->n <= LONGEST && last % 2 == 0) f->spread = cuda_fft_inverse(last);
}

static size_t table_bytes(uint32_t n) {
  return n * sizeof(fft_complex) + (n * sizeof(uint16_t) + 7) / 8 * 8;
}

size_t cuda_ffts_bytes(const uint32_t *lengths, uint32_t n) {
  size_t bytes = n * sizeof(cuda_fft);
  for (uint32_t i = 0; i < n; i++) bytes += table_bytes(lengths[i]);
  return bytes;
}

static uint32_t position_of(const cuda_fft *f, uint32_t k) {
  uint32_t position = 0, apart = f->n;
  for (uint32_t i = 0; i < f->n_passes; i++) {
    apart /= f->radix[i];
    position += k % f->radix[i] * apart;
    k /= f->radix[i];
  }
  return position;
}

/* Fills the tables of a length at `host`, which will lie at `device`. */
static void make_fft(uint32_t n, uint32_t most, char *host, const char *device, cuda_fft *f) {
  memset(f, 0, sizeof *f);
  f->n = n;
  choose_radices(f, most);
  for (uint32_t i = 0, length = n; i < f->n_passes; i++) {
    length /= f->radix[i];
    f->step[i] = fft_place(*f, length);
    f->per_block[i] = cuda_fft_inverse(length);
    f->per_line[i] = cuda_fft_inverse(n / f->radix[i]);
  }
  f->twiddles = (const fft_complex *)device;
  f->position = (const uint16_t *)(device + n * sizeof(fft_complex));
  fft_complex *twiddles = (fft_complex *)host;
  uint16_t *position = (uint16_t *)(host + n * sizeof(fft_complex));
  for (uint32_t j = 0; j < n; j++) {
    const double phase = 2 * M_PI * j / n;
    twiddles[j] = fft_complex{(float)cos(phase), (float)-sin(phase)};
    position[j] = (uint16_t)position_of(f, j);
  }
}

static sp_status fill_tables(const uint32_t *lengths, uint32_t n, uint32_t most, size_t bytes, char *host,
                             cuda_ffts *ffts) {
  cuda_fft *fft = (cuda_fft *)host; /* the list lies before the tables */
  size_t at = n * sizeof(cuda_fft);
  for (uint32_t i = 0; i < n; i++) {
    make_fft(lengths[i], most, host + at, (const char *)ffts->tables + at, &fft[i]);
    at += table_bytes(lengths[i]);
  }
  return SP_CUDA(cudaMemcpy(ffts->tables, host, bytes, cudaMemcpyHostToDevice));
}

sp_status cuda_ffts_create(const uint32_t *lengths, uint32_t n, uint32_t most, cuda_ffts *out) {
  const size_t bytes = cuda_ffts_bytes(lengths, n);
  cuda_ffts ffts = {n, NULL, NULL};
  void *host;
  SP_TRY(sp_alloc(bytes, "tables of transforms", &host));
  sp_status status = SP_CUDA(cudaMalloc(&ffts.tables, bytes));
  if (status == SP_SUCCESS) status = fill_tables(lengths, n, most, bytes, (char *)host, &ffts);
  sp_free(host);
  if (status != SP_SUCCESS) {
    cuda_ffts_destroy(&ffts);
    return status;
  }
  ffts.fft = (cuda_fft *)ffts.tables;
  *out = ffts;
  return SP_SUCCESS;
}

void cuda_ffts_destroy(cuda_ffts *ffts) {
  cudaFree(ffts->tables);
  memset(ffts, 0, sizeof *ffts);
}

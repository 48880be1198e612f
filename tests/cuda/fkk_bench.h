/* SPDX-License-Identifier: BSD-3-Clause */
/* The bench of check_fkk.cu, which it is part of: cubes on 1, 2 and 4 GPUs, cuFFT's bare transforms of the same planes,
 * and NCCL's bare exchange of the same bytes. */
#ifndef SEISPROC_TESTS_CUDA_FKK_BENCH_H
#define SEISPROC_TESTS_CUDA_FKK_BENCH_H

static double now() {
  return 1e-9 * (double)std::chrono::steady_clock::now().time_since_epoch().count();
}

/* cuFFT alone on planes of the same size, as many as a cube has; ms. */
static double bare_planes(uint32_t mx, uint32_t my, uint32_t n_bins) {
  const int batch = std::max(1, (int)(((size_t)256 << 20) / ((size_t)mx * my * 8)));
  int lengths[] = {(int)mx, (int)my};
  cufftHandle plan;
  cufftComplex *data;
  if (cufftPlanMany(&plan, 2, lengths, NULL, 1, mx * my, NULL, 1, mx * my, CUFFT_C2C, batch) != CUFFT_SUCCESS ||
      cudaMalloc(&data, (size_t)batch * mx * my * 8) != cudaSuccess) {
    _Exit(3);
  }
  double best = 1e9;
  for (int i = 0; i < 5; i++) {
    cudaDeviceSynchronize();
    const double start = now();
    for (uint32_t b = 0; b < n_bins; b += (uint32_t)batch) {
      cufftExecC2C(plan, data, data, CUFFT_FORWARD);
      cufftExecC2C(plan, data, data, CUFFT_INVERSE);
    }
    cudaDeviceSynchronize();
    best = std::min(best, now() - start);
  }
  cufftDestroy(plan);
  cudaFree(data);
  return 1e3 * best;
}

/* Filters of a resident cube on this member, ms; the best of five. */
static double time_filter(const cube &u, int device, const sp_block_exchange *exchange, int rank, int size) {
  const sp_fkk_cuda_spec spec = spec_of(u, device, exchange);
  sp_fkk_cuda *c;
  need(sp_fkk_cuda_create(&spec, &c), "create");
  const uint32_t block = (u.n + size - 1) / size, begin = std::min(u.n, block * rank),
                 end = std::min(u.n, begin + block);
  for (uint32_t i = begin; i < end; i += u.slab) {
    need(sp_fkk_cuda_forward(c, i - begin, std::min(u.slab, end - i), u.traces.data()), "forward");
  }
  need(sp_fkk_cuda_wait(c), "wait");
  double best = 1e9;
  for (int i = 0; i < 5; i++) {
    const double start = now();
    need(sp_fkk_cuda_filter(c), "filter");
    need(sp_fkk_cuda_wait(c), "wait");
    best = std::min(best, now() - start);
  }
  sp_fkk_cuda_destroy(c);
  return 1e3 * best;
}

/* Spectra of a cube to planes and back, of `chunks` chunks, without anything else: GB/s that leave a member, the best
 * of five. With one chunk it is what NCCL does with the whole at once. */
static double time_exchange(const cube &u, int device, const sp_block_exchange *x, uint32_t chunks) {
  const size_t total = (size_t)u.n * u.filter.n_bins * 8, each = total / x->size / x->size / chunks / 256 * 256;
  std::vector<size_t> at(x->size), bytes(x->size, each);
  char *from, *to;
  cudaStream_t stream;
  bytes[x->rank] = 0;
  for (int r = 0; r < x->size; r++) at[r] = each * r;
  need(SP_CUDA(cudaSetDevice(device)), "device");
  need(SP_CUDA(cudaMalloc(&from, each * x->size)), "memory");
  need(SP_CUDA(cudaMalloc(&to, each * x->size)), "memory");
  need(SP_CUDA(cudaStreamCreate(&stream)), "stream");
  double best = 1e9;
  for (int i = 0; i < 6; i++) {
    const double start = now();
    for (uint32_t k = 0; k < 2 * chunks; k++) {
      need(x->all_to_all(x->context, from, at.data(), bytes.data(), to, at.data(), bytes.data(), stream), "exchange");
    }
    need(SP_CUDA(cudaStreamSynchronize(stream)), "exchange");
    if (i > 0) best = std::min(best, now() - start); /* the first one connects */
  }
  cudaFree(from);
  cudaFree(to);
  cudaStreamDestroy(stream);
  return 2e-9 * (double)each * chunks * (x->size - 1) / best;
}

static void bench_members(const cube &u, int size, double one) {
  double ms[4], parts[4], whole[4];
  const auto time_member = [&](int r, const sp_block_exchange *e) {
    ms[r] = time_filter(u, r, e, r, size);
    parts[r] = time_exchange(u, r, e, 16);
    whole[r] = time_exchange(u, r, e, 1);
  };
  if (!with_group(size, time_member)) return;
  const double most = *std::max_element(ms, ms + size);
  printf("  %d GPUs: %.1f ms, %.2f times one; exchange alone, in chunks %.0f GB/s, all at once %.0f GB/s, %.2f of it\n",
         size, most, one / most, *std::min_element(parts, parts + size), *std::min_element(whole, whole + size),
         *std::min_element(parts, parts + size) / *std::min_element(whole, whole + size));
}

static void bench_cube(const cube_case &c, int n_gpus) {
  cube u = {parse(c), c.n_samples, c.nx, c.ny, c.slab, c.nx * c.ny, {}, {}};
  u.traces.assign((size_t)u.slab * c.n_samples, 1.0f); /* the same slab again and again */
  for (size_t i = 0; i < u.traces.size(); i++) u.traces[i] = (float)((i * 2654435761u) >> 8) * 0x1p-24f - 0.5f;
  for (uint32_t i = 0; i < u.n; i++) u.cell.push_back(i);
  sp_fk_axis x, y;
  sp_fk_axis_set(&u.filter, u.nx, &x);
  sp_fk_axis_set(&u.filter, u.ny, &y);
  const double bare = bare_planes(x.padded, y.padded, u.filter.n_bins), one = time_filter(u, 0, NULL, 0, 1);
  printf("%ux%u cells, padded %ux%u, %u bins, %s, 1 GPU: %.1f ms, %.2f of cuFFT alone (%.1f ms)\n", u.nx, u.ny,
         x.padded, y.padded, u.filter.n_bins, c.options.c_str(), one, one / bare, bare);
  for (int size = 2; size <= n_gpus && size <= 4; size *= 2) bench_members(u, size, one);
  fflush(stdout);
}

static const cube_case bench_cubes[] = {
    {"vmax=2000 f=[0,0,50,60]", 1600, 521, 1040, 0, 2048},
    {"vmax=2000 f=[0,0,50,60] azimuth=40", 1600, 521, 1040, 0, 2048},
    {"vmax=2000 f=[0,0,50,60]", 1600, 800, 819, 0, 2048},
    {"vmax=2000 f=[0,0,50,60]", 1600, 333, 777, 0, 2048},
    {"vmax=2000 f=[0,0,50,60]", 1600, 1000, 1000, 0, 2048},
    {"vmax=2000 f=[0,0,50,60]", 800, 300, 3000, 0, 2048},
};

/* All cubes, or those of `nx` columns. */
static void bench(int n_gpus, uint32_t nx) {
  for (const cube_case &c : bench_cubes) {
    if (nx == 0 || nx == c.nx) bench_cube(c, n_gpus);
  }
}

#endif

/* SPDX-License-Identifier: BSD-3-Clause */
/* What build/bench/kernels times: a row a kernel. */
#ifndef SEISPROC_PERF_KERNEL_LIST_H
#define SEISPROC_PERF_KERNEL_LIST_H

typedef struct kernel {
  const char *name, *processor, *params;
  unsigned traces, samples;
  unsigned reference_traces;  /* that the reference computes */
  unsigned gathers;           /* more than 1: a slab, timed with one thread and with two */
  double must_ms, stretch_ms; /* 0: none */
} kernel;

/* The menu. Rows are named processor_transform_...; every parameter that is not a default is given. */
static const kernel kernels[] = {
    {"dwt_db4_level6", "dwt", "wavelet=db4 level=6 transform=dwt threshold=soft k=3.0 noise_level=finest", 3000, 1600,
     1500, 1, 6, 4.5},
    {"dwt_swt_db4_level5", "dwt", "transform=swt wavelet=db4 level=5 threshold=soft k=3.0 noise_level=finest", 3000,
     1600, 500, 1, 20, 15},
    {"dwt_auto", "dwt", "", 3000, 1600, 3000, 1, 0, 0},
    {"dwt_auto_fk", "dwt", "noise_level=fk", 3000, 1600, 3000, 1, 0, 0},
    {"dwt_db4_aperture7", "dwt", "wavelet=db4 level=6 aperture=7 transform=dwt threshold=soft k=3.0 noise_level=finest",
     3000, 1600, 500, 1, 13, 9},
    {"dwt_db4_aperture31", "dwt",
     "wavelet=db4 level=6 aperture=31 transform=dwt threshold=soft k=3.0 noise_level=finest", 3000, 1600, 100, 1, 0, 0},
    {"dwt_wpt_db4_level6", "dwt", "transform=wpt wavelet=db4 level=6 threshold=soft k=3.0 noise_level=finest", 3000,
     1600, 40, 1, 24, 0},
    {"dwt_wpt_best_basis", "dwt",
     "transform=wpt wavelet=db4 level=6 best_basis=true threshold=soft k=3.0 noise_level=finest", 3000, 1600, 40, 1, 0,
     0},
    {"dwt_db4_hard", "dwt", "wavelet=db4 level=6 threshold=hard transform=dwt k=3.0 noise_level=finest", 3000, 1600,
     500, 1, 0, 0},
    {"dwt_db20_level5", "dwt", "wavelet=db20 level=5 transform=dwt threshold=soft k=3.0 noise_level=finest", 3000, 1600,
     500, 1, 60, 0},
    {"dwt_bior68_level6", "dwt", "wavelet=bior6.8 level=6 transform=dwt threshold=soft k=3.0 noise_level=finest", 3000,
     1600, 500, 1, 27, 0},
    {"dwt_db4_1601", "dwt", "wavelet=db4 level=6 transform=dwt threshold=soft k=3.0 noise_level=finest", 3000, 1601,
     500, 1, 12, 0},
    {"dwt_db4_777", "dwt", "wavelet=db4 level=6 transform=dwt threshold=soft k=3.0 noise_level=finest", 6000, 777, 500,
     1, 12, 0},
    {"tf_stft_band", "tf", "fmin=5 fmax=100 aperture=7", 3000, 1600, 100, 1, 15, 10},
    {"tf_stft", "tf", "aperture=7", 3000, 1600, 100, 1, 22, 16},
    {"tf_stockwell_full", "tf", "transform=stockwell fmin=5 fmax=100 aperture=7", 3000, 1600, 24, 1, 4000, 3000},
    {"tf_stockwell_reduced", "tf", "transform=stockwell sampling=reduced fmin=5 fmax=100 aperture=7", 3000, 1600, 24, 1,
     1600, 1000},
    {"bandpass", "bandpass", "low=[3,6] high=[60,80]", 3000, 1600, 300, 1, 0, 0},
    {"agc", "agc", "window=500", 3000, 1600, 30, 1, 0, 0},
    {"fx_decon", "fx_decon", "window=250 traces=20 length=3", 3000, 1600, 60, 1, 0, 0},
    {"fk_denoise", "fk_denoise", "window=48", 3000, 1600, 150, 1, 850, 400},
    {"fk_denoise_3d", "fk_denoise", "window=48 grid=[iline,xline]", 3000, 1600, 720, 1, 5000, 2300},
    {"fk_denoise_96ms", "fk_denoise", "", 3000, 1600, 100, 1, 0, 0},
    {"mute", "mute", "", 3000, 1600, 3000, 1, 0, 0},
    {"slab_dwt_db4", "dwt", "wavelet=db4 level=6 transform=dwt threshold=soft k=3.0 noise_level=finest", 1000, 1600, 0,
     64, 0, 0},
    {"slab_dwt_swt_db4", "dwt", "transform=swt wavelet=db4 level=5 threshold=soft k=3.0 noise_level=finest", 1000, 1600,
     0, 64, 0, 0},
    {"slab_tf_stft_band", "tf", "fmin=5 fmax=100 aperture=7", 1000, 1600, 0, 64, 0, 0},
    {"slab_fk_denoise", "fk_denoise", "window=48", 400, 1600, 0, 4, 0, 0},
    {"slab_dwt_db4_aperture7", "dwt",
     "wavelet=db4 level=6 aperture=7 transform=dwt threshold=soft k=3.0 noise_level=finest", 1000, 1600, 0, 64, 0, 0},
};

#endif

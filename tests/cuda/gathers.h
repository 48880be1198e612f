/* SPDX-License-Identifier: BSD-3-Clause */
/* Cases for processors that look at a whole gather: a processor with its parameters from a text, and gathers with all
 * that may be in them. */
#ifndef SEISPROC_TESTS_CUDA_GATHERS_H
#define SEISPROC_TESTS_CUDA_GATHERS_H

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>
#include <string>
#include <vector>

extern "C" {
#include "seisproc/processor.h"
}

inline const double INTERVAL = 0.004;

inline void need(sp_status status, const char *what) {
  if (status == SP_SUCCESS) return;
  fprintf(stderr, "%s: %s\n", what, sp_status_name(status));
  _Exit(3);
}

/* --- cases ------------------------------------------------------------------------------------------------------ */

struct batch_case {
  std::string text; /* "fk vmax=1500 agc=200" */
  uint32_t n_samples;
  std::vector<uint32_t> gathers;
  bool plain = false; /* nothing bad in it */
};

struct step {
  const sp_processor *processor;
  std::vector<char> params;
  std::vector<std::string> headers;
};

inline step parse(const std::string &text) {
  step s;
  char why[SP_WHY_SIZE] = "";
  std::vector<char> copy(text.begin(), text.end());
  copy.push_back(0);
  char *word = strtok(copy.data(), " ");
  s.processor = sp_processor_find(word);
  if (!s.processor) fprintf(stderr, "no processor %s\n", word), _Exit(3);
  s.params.resize(s.processor->params_size);
  sp_processor_example(s.processor, s.params.data());
  while ((word = strtok(NULL, " "))) {
    char *value = strchr(word, '=');
    *value++ = 0;
    const sp_param *param = sp_param_find(s.processor->params, word);
    if (!param || sp_param_parse(param, value, s.params.data(), why, sizeof why) != SP_SUCCESS) {
      fprintf(stderr, "%s: %s %s\n", text.c_str(), word, why);
      _Exit(3);
    }
  }
  if (s.processor->check && s.processor->check(s.params.data(), why, sizeof why) != SP_SUCCESS) {
    fprintf(stderr, "%s: %s\n", text.c_str(), why);
    _Exit(3);
  }
  const char *names[SP_MAX_PROCESSOR_HEADERS];
  const size_t n = sp_processor_headers(s.processor, s.params.data(), names);
  for (size_t i = 0; i < n; i++) s.headers.push_back(names[i]);
  return s;
}

/* Dipping events in noise that grows and fades, and unless `plain` bursts, weak traces, a spike; in larger gathers dead
 * and constant traces. */
inline void make_gather(uint32_t n_traces, uint32_t n, unsigned seed, bool plain, float *x) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  for (uint32_t i = 0; i < n_traces; i++) {
    for (uint32_t t = 0; t < n; t++) {
      float v = normal(random) * (1 + 0.5f * sinf(0.003f * t));
      for (float start : {0.2f, 0.5f, 0.7f}) {
        const float d = t - (start * n + (start - 0.3f) * 3 * (i % 100));
        v += 8 * expf(-d * d / 49) * cosf(0.4f * d);
      }
      x[(size_t)i * n + t] = v;
    }
    if (plain) continue;
    if (i % 29 == 17) {
      for (uint32_t t = random() % n, m = 0; t < n && m < 60; t++, m++) x[(size_t)i * n + t] *= 30;
    }
    if (i % 11 == 3) {
      for (uint32_t t = 0; t < n; t++) x[(size_t)i * n + t] *= 0.1f;
    }
    if (i % 13 == 5) x[(size_t)i * n + random() % n] += 90;
  }
  if (plain || n_traces < 12) return;
  for (uint32_t t = 0; t < n; t++) {
    x[(size_t)(n_traces / 2) * n + t] = 0;
    x[(size_t)(n_traces - 1) * n + t] = 0;
    x[(size_t)(n_traces / 3) * n + t] = 12.5f;
  }
}

/* The value of a header of trace i of gather g of n traces. Offsets are regular but in each fifth gather; a line has 37
 * traces; grids are as square as they can be, and lack some nodes; receivers have a gap. A plain gather has lines of
 * 60 without holes and no gap. */
inline double header_value(const std::string &name, size_t g, uint32_t i, uint32_t n, bool plain) {
  const uint32_t wide = (uint32_t)ceil(sqrt((double)n));
  if (name == "offset") return 25.0 * i - 300 + (g % 5 == 4 ? 9 * (i % 3) : g % 5 == 3 ? 0.1 * (i % 2) : 0);
  if (name == "gx" || name == "gx?") return 1000 + 12.5 * i + (i > 200 && !plain ? 700 : 0);
  if (name == "gy" || name == "gy?") return 50 + 3.0 * i;
  if (name == "sx" || name == "sx?" || name == "sy" || name == "sy?") return 17;
  if (plain && name == "iline") return i / 60;
  if (plain && name == "xline") return i % 60;
  if (name == "iline" || name == "xline") {
    const uint32_t node = i + i / 50; /* holes */
    return name == "iline" ? 100 + 2.0 * (node / (wide + 1)) : 7 + 3.0 * (node % (wide + 1));
  }
  if (name == "trid") return i / 37;
  if (name == "cdp") return i / (n / 2 + 1);
  return NAN;
}

struct survey {
  std::vector<float> in;
  std::vector<uint32_t> starts = {0}, gather;
  std::vector<std::vector<double>> columns;
};

inline survey make_survey(const batch_case &c, const step &s) {
  survey v;
  for (uint32_t n : c.gathers) v.starts.push_back(v.starts.back() + n);
  v.in.resize((size_t)v.starts.back() * c.n_samples);
  v.columns.resize(s.headers.size());
  for (size_t g = 0; g < c.gathers.size(); g++) {
    make_gather(c.gathers[g], c.n_samples, (unsigned)g + 1, c.plain, v.in.data() + (size_t)v.starts[g] * c.n_samples);
    v.gather.insert(v.gather.end(), c.gathers[g], (uint32_t)g);
    for (size_t k = 0; k < s.headers.size(); k++) {
      for (uint32_t i = 0; i < c.gathers[g]; i++)
        v.columns[k].push_back(header_value(s.headers[k], g, i, c.gathers[g], c.plain));
    }
  }
  return v;
}

#endif

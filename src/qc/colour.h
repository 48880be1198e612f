/* SPDX-License-Identifier: BSD-3-Clause */
/* Colours: maps of 256 steps, and hues for kinds.
 *
 * The maps are paths of straight lines through CIE L*a*b* (D65), made here by formula, so that lightness is exactly
 * what is meant: linear from dark to bright in the sequential one, of equal height at both ends of the diverging one.
 * The hues are those of Okabe and Ito ("Color Universal Design", 2008), told apart by colour-blind readers.
 */
#ifndef SEISPROC_SRC_QC_COLOUR_H
#define SEISPROC_SRC_QC_COLOUR_H

#include <stddef.h>
#include <stdint.h>

typedef enum sp_colour_map {
  SP_MAP_GRAY,      /* white to black: amplitudes, black is positive */
  SP_MAP_DIVERGING, /* blue, white, red: amplitudes, red is positive */
  SP_MAP_SEQUENTIAL /* dark blue to yellow: what has no sign */
} sp_colour_map;

typedef struct sp_palette {
  uint8_t rgb[256][3];
} sp_palette;

void sp_palette_make(sp_colour_map map, sp_palette *out);

/* 0xRRGGBB of the i-th kind; repeats after SP_N_HUES. The first is black. */
enum { SP_N_HUES = 7 };
uint32_t sp_hue(size_t i);

/* Index of a value between two limits, clipped, the first being 0; NaN is the middle, as is everything where the limits
 * are one. */
uint8_t sp_colour_index(double value, double least, double most);

uint32_t sp_palette_colour(const sp_palette *palette, uint8_t index);

#endif

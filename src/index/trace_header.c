/* SPDX-License-Identifier: BSD-3-Clause */
#include "seisproc/trace_header.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "seisproc/nearest.h"

#define I2 SP_FIELD_INT16
#define U2 SP_FIELD_UINT16
#define I4 SP_FIELD_INT32
#define U4 SP_FIELD_UINT32
#define I8 SP_FIELD_INT64
#define U8 SP_FIELD_UINT64
#define F4 SP_FIELD_FLOAT32
#define F8 SP_FIELD_FLOAT64

#define STANDARD   SP_BLOCK_STANDARD
#define SU         SP_BLOCK_SU
#define EXTENSION1 SP_BLOCK_EXTENSION1

/* clang-format off */
static const sp_header_field fields[] = {
  {"tracl", STANDARD, 1, I4, 0, NULL, NULL, "TRACE_SEQUENCE_LINE|linetrc", "trace number within the line"},
  {"tracr", STANDARD, 5, I4, 0, NULL, NULL, "TRACE_SEQUENCE_FILE|reeltrc", "trace number within the file"},
  {"fldr", STANDARD, 9, I4, 0, NULL, NULL, "FieldRecord|ffid", "original field record number"},
  {"tracf", STANDARD, 13, I4, 0, NULL, NULL, "TraceNumber|chan", "trace number within the field record"},
  {"ep", STANDARD, 17, I4, 0, NULL, NULL, "EnergySourcePoint|espnum", "energy source point number"},
  {"cdp", STANDARD, 21, I4, 0, NULL, NULL, "ensemble|cmp", "ensemble number (CDP, CMP, CRP)"},
  {"cdpt", STANDARD, 25, I4, 0, NULL, NULL, "CDP_TRACE|cdptrc", "trace number within the ensemble"},
  {"trid", STANDARD, 29, I2, 0, NULL, NULL, "TraceIdentificationCode|trctype", "trace identification code"},
  {"nvs", STANDARD, 31, I2, 0, NULL, NULL, "NSummedTraces|vstack", "vertically summed traces in this trace"},
  {"nhs", STANDARD, 33, I2, 0, NULL, NULL, "NStackedTraces|fold", "horizontally stacked traces in this trace"},
  {"duse", STANDARD, 35, I2, 0, NULL, NULL, "DataUse|rectype", "data use: 1 production, 2 test"},
  {"offset", STANDARD, 37, I4, 0, "length", NULL, NULL, "distance from source point to receiver group"},
  {"gelev", STANDARD, 41, I4, 0, "length", "scalel", "ReceiverGroupElevation|relev", "receiver group elevation"},
  {"selev", STANDARD, 45, I4, 0, "length", "scalel", "SourceSurfaceElevation", "surface elevation at source"},
  {"sdepth", STANDARD, 49, I4, 0, "length", "scalel", "SourceDepth", "source depth below surface"},
  {"gdel", STANDARD, 53, I4, 0, "length", "scalel", "ReceiverDatumElevation|rdatum", "datum elevation at receiver"},
  {"sdel", STANDARD, 57, I4, 0, "length", "scalel", "SourceDatumElevation|sdatum", "datum elevation at source"},
  {"swdep", STANDARD, 61, I4, 0, "length", "scalel", "SourceWaterDepth|wdepthso", "water depth at source"},
  {"gwdep", STANDARD, 65, I4, 0, "length", "scalel", "GroupWaterDepth|wdepthrc", "water depth at receiver group"},
  {"scalel", STANDARD, 69, I2, 0, NULL, NULL, "ElevationScalar|ed_scal", "scalar of elevations and depths"},
  {"scalco", STANDARD, 71, I2, 0, NULL, NULL, "SourceGroupScalar|co_scal", "scalar of coordinates"},
  {"sx", STANDARD, 73, I4, 0, "length", "scalco", "SourceX|sht_x", "source coordinate x"},
  {"sy", STANDARD, 77, I4, 0, "length", "scalco", "SourceY|sht_y", "source coordinate y"},
  {"gx", STANDARD, 81, I4, 0, "length", "scalco", "GroupX|rec_x", "receiver group coordinate x"},
  {"gy", STANDARD, 85, I4, 0, "length", "scalco", "GroupY|rec_y", "receiver group coordinate y"},
  {"counit", STANDARD, 89, I2, 0, NULL, NULL, "CoordinateUnits|coorunit",
   "coordinate units: 1 length, 2 arc seconds, 3 decimal degrees, 4 DMS"},
  {"wevel", STANDARD, 91, I2, 0, "length/s", NULL, "WeatheringVelocity|wvel", "weathering velocity"},
  {"swevel", STANDARD, 93, I2, 0, "length/s", NULL, "SubWeatheringVelocity|subwvel", "subweathering velocity"},
  {"sut", STANDARD, 95, I2, 0, "ms", "scalt", "SourceUpholeTime|shuphole", "uphole time at source"},
  {"gut", STANDARD, 97, I2, 0, "ms", "scalt", "GroupUpholeTime|rcuphole", "uphole time at receiver group"},
  {"sstat", STANDARD, 99, I2, 0, "ms", "scalt", "SourceStaticCorrection|shstat", "source static correction"},
  {"gstat", STANDARD, 101, I2, 0, "ms", "scalt", "GroupStaticCorrection|rcstat", "group static correction"},
  {"tstat", STANDARD, 103, I2, 0, "ms", "scalt", "TotalStaticApplied|stapply", "total static applied"},
  {"laga", STANDARD, 105, I2, 0, "ms", "scalt", "LagTimeA", "lag time A"},
  {"lagb", STANDARD, 107, I2, 0, "ms", "scalt", "LagTimeB", "lag time B"},
  {"delrt", STANDARD, 109, I2, 0, "ms", "scalt", "DelayRecordingTime|delay", "delay recording time"},
  {"muts", STANDARD, 111, I2, 0, "ms", "scalt", "MuteTimeStart|mutestrt", "mute time, start"},
  {"mute", STANDARD, 113, I2, 0, "ms", "scalt", "MuteTimeEnd|muteend", "mute time, end"},
  {"ns", STANDARD, 115, U2, 0, NULL, NULL, "TRACE_SAMPLE_COUNT|nsamps", "samples in this trace"},
  {"dt", STANDARD, 117, U2, 0, "us", NULL, "TRACE_SAMPLE_INTERVAL", "sample interval of this trace"},
  {"gain", STANDARD, 119, I2, 0, NULL, NULL, "GainType", "gain type of field instruments"},
  {"igc", STANDARD, 121, I2, 0, "dB", NULL, "InstrumentGainConstant|ingconst", "instrument gain constant"},
  {"igi", STANDARD, 123, I2, 0, "dB", NULL, "InstrumentInitialGain|initgain", "instrument early or initial gain"},
  {"corr", STANDARD, 125, I2, 0, NULL, NULL, "Correlated|corrflag", "correlated: 1 no, 2 yes"},
  {"sfs", STANDARD, 127, I2, 0, "Hz", NULL, "SweepFrequencyStart|sweepsrt", "sweep frequency at start"},
  {"sfe", STANDARD, 129, I2, 0, "Hz", NULL, "SweepFrequencyEnd|sweepend", "sweep frequency at end"},
  {"slen", STANDARD, 131, I2, 0, "ms", NULL, "SweepLength|sweeplng", "sweep length"},
  {"styp", STANDARD, 133, I2, 0, NULL, NULL, "SweepType|sweeptyp", "sweep type"},
  {"stas", STANDARD, 135, I2, 0, "ms", NULL, "SweepTraceTaperLengthStart|sweepstp", "sweep taper at start"},
  {"stae", STANDARD, 137, I2, 0, "ms", NULL, "SweepTraceTaperLengthEnd|sweepetp", "sweep taper at end"},
  {"tatyp", STANDARD, 139, I2, 0, NULL, NULL, "TaperType|tapertyp", "taper type"},
  {"afilf", STANDARD, 141, I2, 0, "Hz", NULL, "AliasFilterFrequency|aliasfil", "alias filter frequency"},
  {"afils", STANDARD, 143, I2, 0, "dB/octave", NULL, "AliasFilterSlope|aliaslop", "alias filter slope"},
  {"nofilf", STANDARD, 145, I2, 0, "Hz", NULL, "NotchFilterFrequency|notchfil", "notch filter frequency"},
  {"nofils", STANDARD, 147, I2, 0, "dB/octave", NULL, "NotchFilterSlope|notchslp", "notch filter slope"},
  {"lcf", STANDARD, 149, I2, 0, "Hz", NULL, "LowCutFrequency|lowcut", "low-cut frequency"},
  {"hcf", STANDARD, 151, I2, 0, "Hz", NULL, "HighCutFrequency|highcut", "high-cut frequency"},
  {"lcs", STANDARD, 153, I2, 0, "dB/octave", NULL, "LowCutSlope|lowcslop", "low-cut slope"},
  {"hcs", STANDARD, 155, I2, 0, "dB/octave", NULL, "HighCutSlope|hicslop", "high-cut slope"},
  {"year", STANDARD, 157, I2, 0, NULL, NULL, "YearDataRecorded", "year data recorded"},
  {"day", STANDARD, 159, I2, 0, NULL, NULL, "DayOfYear", "day of year"},
  {"hour", STANDARD, 161, I2, 0, NULL, NULL, "HourOfDay", "hour of day"},
  {"minute", STANDARD, 163, I2, 0, NULL, NULL, "MinuteOfHour", "minute of hour"},
  {"sec", STANDARD, 165, I2, 0, NULL, NULL, "SecondOfMinute|second", "second of minute"},
  {"timbas", STANDARD, 167, I2, 0, NULL, NULL, "TimeBaseCode|timebase", "time basis: 1 local, 2 GMT, 3 other, 4 UTC"},
  {"trwf", STANDARD, 169, I2, 0, NULL, NULL, "TraceWeightingFactor|trweight", "trace weighting factor, 2^-N volts"},
  {"grnors", STANDARD, 171, I2, 0, NULL, NULL, "GeophoneGroupNumberRoll1|rstaswp1", "geophone group at roll switch 1"},
  {"grnofr", STANDARD, 173, I2, 0, NULL, NULL, "GeophoneGroupNumberFirstTraceOrigField|rstatrc1",
   "geophone group of the field record's first trace"},
  {"grnlof", STANDARD, 175, I2, 0, NULL, NULL, "GeophoneGroupNumberLastTraceOrigField|rstatrcn",
   "geophone group of the field record's last trace"},
  {"gaps", STANDARD, 177, I2, 0, NULL, NULL, "GapSize", "groups dropped"},
  {"otrav", STANDARD, 179, I2, 0, NULL, NULL, "OverTravel|overtrvl", "over travel of taper: 1 down, 2 up"},

  {"cdpx", STANDARD, 181, I4, 1, "length", "scalco", "CDP_X|EnsembleX", "ensemble coordinate x"},
  {"cdpy", STANDARD, 185, I4, 1, "length", "scalco", "CDP_Y|EnsembleY", "ensemble coordinate y"},
  {"iline", STANDARD, 189, I4, 1, NULL, NULL, "INLINE_3D|inline", "in-line number"},
  {"xline", STANDARD, 193, I4, 1, NULL, NULL, "CROSSLINE_3D|crossline", "cross-line number"},
  {"sp", STANDARD, 197, I4, 1, NULL, "scalsp", "ShotPoint", "shotpoint number"},
  {"scalsp", STANDARD, 201, I2, 1, NULL, NULL, "ShotPointScalar|sp_scal", "scalar of the shotpoint number"},
  {"tvmu", STANDARD, 203, I2, 1, NULL, NULL, "TraceValueMeasurementUnit|samp_unit", "unit of the samples"},
  {"tcm", STANDARD, 205, I4, 1, NULL, NULL, "TransductionConstantMantissa", "transduction constant, mantissa"},
  {"tce", STANDARD, 209, I2, 1, NULL, NULL, "TransductionConstantPower", "transduction constant, power of ten"},
  {"tdu", STANDARD, 211, I2, 1, NULL, NULL, "TransductionUnit|trans_unit", "unit after transduction"},
  {"devid", STANDARD, 213, I2, 1, NULL, NULL, "TraceIdentifier|dev_id", "device or trace identifier"},
  {"scalt", STANDARD, 215, I2, 1, NULL, NULL, "ScalarTraceHeader|tm_scal", "scalar of the times in bytes 95-114"},
  {"srctyp", STANDARD, 217, I2, 1, NULL, NULL, "SourceType|src_type", "source type and orientation"},
  {"sedv", STANDARD, 219, I2, 1, "0.1 degree", NULL, "src_dir1", "source energy direction, vertical"},
  {"sedx", STANDARD, 221, I2, 1, "0.1 degree", NULL, "src_dir2", "source energy direction, cross-line"},
  {"sedi", STANDARD, 223, I2, 1, "0.1 degree", NULL, "src_dir3", "source energy direction, in-line"},
  {"smm", STANDARD, 225, I4, 1, NULL, NULL, "SourceMeasurementMantissa", "source measurement, mantissa"},
  {"sme", STANDARD, 229, I2, 1, NULL, NULL, "SourceMeasurementExponent", "source measurement, power of ten"},
  {"smu", STANDARD, 231, I2, 1, NULL, NULL, "SourceMeasurementUnit|sm_unit", "unit of the source measurement"},

  {"d1", SU, 181, F4, 0, NULL, NULL, NULL, "sample spacing, if not dt"},
  {"f1", SU, 185, F4, 0, NULL, NULL, NULL, "first sample location, if not delrt"},
  {"d2", SU, 189, F4, 0, NULL, NULL, NULL, "spacing between traces"},
  {"f2", SU, 193, F4, 0, NULL, NULL, NULL, "first trace location"},
  {"ungpow", SU, 197, F4, 0, NULL, NULL, NULL, "negative of the power used for dynamic range compression"},
  {"unscale", SU, 201, F4, 0, NULL, NULL, NULL, "reciprocal of the scaling factor to normalise range"},
  {"ntr", SU, 205, I4, 0, NULL, NULL, NULL, "number of traces"},
  {"mark", SU, 209, I2, 0, NULL, NULL, NULL, "mark of selected traces"},

  {"tracl", EXTENSION1, 1, U8, 2, NULL, NULL, "linetrc", "trace number within the line"},
  {"tracr", EXTENSION1, 9, U8, 2, NULL, NULL, "reeltrc", "trace number within the file"},
  {"fldr", EXTENSION1, 17, I8, 2, NULL, NULL, "ffid", "original field record number"},
  {"cdp", EXTENSION1, 25, I8, 2, NULL, NULL, NULL, "ensemble number"},
  {"gelev", EXTENSION1, 33, F8, 2, "length", NULL, "relev", "receiver group elevation"},
  {"gdepth", EXTENSION1, 41, F8, 2, "length", NULL, "rdepth", "receiver group depth below surface"},
  {"selev", EXTENSION1, 49, F8, 2, "length", NULL, NULL, "surface elevation at source"},
  {"sdepth", EXTENSION1, 57, F8, 2, "length", NULL, NULL, "source depth below surface"},
  {"gdel", EXTENSION1, 65, F8, 2, "length", NULL, "rdatum", "datum elevation at receiver"},
  {"sdel", EXTENSION1, 73, F8, 2, "length", NULL, "sdatum", "datum elevation at source"},
  {"swdep", EXTENSION1, 81, F8, 2, "length", NULL, "wdepthso", "water depth at source"},
  {"gwdep", EXTENSION1, 89, F8, 2, "length", NULL, "wdepthrc", "water depth at receiver group"},
  {"sx", EXTENSION1, 97, F8, 2, "length", NULL, "sht_x", "source coordinate x"},
  {"sy", EXTENSION1, 105, F8, 2, "length", NULL, "sht_y", "source coordinate y"},
  {"gx", EXTENSION1, 113, F8, 2, "length", NULL, "rec_x", "receiver group coordinate x"},
  {"gy", EXTENSION1, 121, F8, 2, "length", NULL, "rec_y", "receiver group coordinate y"},
  {"offset", EXTENSION1, 129, F8, 2, "length", NULL, NULL, "distance from source point to receiver group"},
  {"ns", EXTENSION1, 137, U4, 2, NULL, NULL, "nsamps", "samples in this trace"},
  {"nanosec", EXTENSION1, 141, I4, 2, "ns", NULL, "nanosecs", "nanoseconds to add to second of minute"},
  {"dt", EXTENSION1, 145, F8, 2, "us", NULL, NULL, "sample interval of this trace"},
  {"cable", EXTENSION1, 153, I4, 2, NULL, NULL, "cable_num", "cable number, or recording unit"},
  {"extensions", EXTENSION1, 157, U2, 2, NULL, NULL, NULL, "header extensions of this trace"},
  {"lasttr", EXTENSION1, 159, I2, 2, NULL, NULL, "last_trc", "last trace flag: 1 last of the ensemble"},
  {"cdpx", EXTENSION1, 161, F8, 2, "length", NULL, "cdp_x", "ensemble coordinate x"},
  {"cdpy", EXTENSION1, 169, F8, 2, "length", NULL, "cdp_y", "ensemble coordinate y"},
};
/* clang-format on */

enum { N_FIELDS = sizeof fields / sizeof fields[0] };

static const struct {
  const char *name;
  size_t width;
} types[] = {
    [SP_FIELD_INT8] = {"i1", 1},    [SP_FIELD_UINT8] = {"u1", 1},  [SP_FIELD_INT16] = {"i2", 2},
    [SP_FIELD_UINT16] = {"u2", 2},  [SP_FIELD_INT32] = {"i4", 4},  [SP_FIELD_UINT32] = {"u4", 4},
    [SP_FIELD_INT64] = {"i8", 8},   [SP_FIELD_UINT64] = {"u8", 8}, [SP_FIELD_FLOAT32] = {"f4", 4},
    [SP_FIELD_FLOAT64] = {"f8", 8}, [SP_FIELD_IBM32] = {"ibm", 4},
};

enum { N_TYPES = sizeof types / sizeof types[0] };

size_t sp_field_width(sp_field_type type) {
  return types[type].width;
}

const char *sp_field_type_name(sp_field_type type) {
  return types[type].name;
}

bool sp_field_type_parse(const char *name, sp_field_type *out) {
  for (int i = 0; i < N_TYPES; i++) {
    if (strcmp(name, types[i].name)) continue;
    *out = (sp_field_type)i;
    return true;
  }
  return false;
}

const sp_header_field *sp_header_field_at(size_t i) {
  return i < N_FIELDS ? &fields[i] : NULL;
}

/* Whether `name` is the first `length` bytes of `word`, whatever the letter case and the underscores of both. */
static bool same_name(const char *name, const char *word, size_t length) {
  const char *end = word + length;
  for (;;) {
    while (*name == '_') name++;
    while (word < end && *word == '_') word++;
    if (word == end || !*name) return word == end && !*name;
    if (tolower((unsigned char)*name++) != tolower((unsigned char)*word++)) return false;
  }
}

static bool answers_to(const sp_header_field *field, const char *name) {
  if (same_name(name, field->name, strlen(field->name))) return true;
  for (const char *alias = field->aliases; alias && *alias;) {
    const size_t length = strcspn(alias, "|");
    if (same_name(name, alias, length)) return true;
    alias += length + (alias[length] == '|');
  }
  return false;
}

const sp_header_field *sp_header_field_find(sp_header_block block, const char *name) {
  for (size_t i = 0; i < N_FIELDS; i++) {
    if (fields[i].block == block && answers_to(&fields[i], name)) return &fields[i];
  }
  return NULL;
}

const char *sp_header_name(const char *name) {
  for (size_t i = 0; i < N_FIELDS; i++) {
    if (answers_to(&fields[i], name)) return fields[i].name;
  }
  return NULL;
}

void sp_header_nearest(const char *name, char *out, size_t size) {
  sp_nearest nearest = {.text = name};
  for (size_t i = 0; i < N_FIELDS; i++) {
    sp_nearest_offer(&nearest, fields[i].name, strlen(fields[i].name));
    for (const char *alias = fields[i].aliases; alias && *alias;) {
      const size_t length = strcspn(alias, "|");
      sp_nearest_offer(&nearest, alias, length);
      alias += length + (alias[length] == '|');
    }
  }
  snprintf(out, size, "%s", nearest.best);
}

bool sp_header_scale_is_legal(int scalar) {
  switch (scalar < 0 ? -scalar : scalar) {
  case 0:
  case 1:
  case 10:
  case 100:
  case 1000:
  case 10000:
  case 100000:
    return true;
  default:
    return false;
  }
}

double sp_header_scaled(double value, int scalar) {
  if (scalar == 0 || !sp_header_scale_is_legal(scalar)) return value;
  return scalar > 0 ? value * scalar : value / -scalar;
}

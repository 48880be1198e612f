#include "kernels/fk_denoise/cpu_body.h"
